//! Records in CSV.
//!
//! Where a record ends is decided by the same rules by which `csv-core` then reads it: a quote
//! opens a quoted field only at the field's beginning, anywhere else it is an ordinary character;
//! within a quoted field a doubled quote stands for one. What separates the fields is what
//! separates them in the header.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use memchr::{memchr, memchr3};

use super::{Sink, Splitter};
use crate::{Broken, Defect, Reason};

/// Bytes of a header.
const HEADER_LIMIT: usize = 64 << 10;
/// What may separate fields. Spreadsheets write semicolons where the comma stands before decimals.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// What separates the columns of a header: the first separator that stands outside quotes. Names of
/// columns contain none.
fn separator(header: &str) -> u8 {
    let mut quoted = false;
    for byte in header.bytes() {
        match byte {
            b'"' => quoted = !quoted,
            _ if !quoted && SEPARATORS.contains(&byte) => return byte,
            _ => {}
        }
    }
    b','
}

/// Whether a line before the header is what Excel writes to say what separates: `sep=;`.
fn says_separator(line: &[u8]) -> bool {
    match line {
        [key @ .., b'=', separator] => key.eq_ignore_ascii_case(b"sep") && SEPARATORS.contains(separator),
        _ => false,
    }
}

#[derive(Debug)]
pub(super) struct State {
    place: Place,
    header: Option<String>,
    separator: u8,
    said: Option<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    FieldStart,
    Unquoted,
    Quoted,
    QuoteInQuoted,
}

impl State {
    /// `said` separates whatever the header shows.
    pub(super) fn with_header(header: Option<String>, said: Option<u8>) -> Self {
        let separator = said.unwrap_or_else(|| header.as_deref().map_or(b',', separator));
        Self { place: Place::FieldStart, header, separator, said }
    }

    pub(super) fn header(&self) -> Option<&str> {
        self.header.as_deref()
    }

    fn separates(&self, byte: u8) -> bool {
        if self.header.is_some() || self.said.is_some() { byte == self.separator } else { SEPARATORS.contains(&byte) }
    }

    /// Reads on; the number of bytes up to the character that ends the record.
    fn end_of_record(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            match (self.place, byte) {
                (Place::Quoted, _) => match memchr(b'"', &bytes[at..]) {
                    None => return None,
                    Some(quote) => {
                        at += quote;
                        self.place = Place::QuoteInQuoted;
                    }
                },
                (Place::FieldStart, b'"') | (Place::QuoteInQuoted, b'"') => self.place = Place::Quoted,
                (_, byte) if self.separates(*byte) => self.place = Place::FieldStart,
                (_, b'\n' | b'\r') => {
                    self.place = Place::FieldStart;
                    return Some(at);
                }
                _ => {
                    self.place = Place::Unquoted;
                    // In the header any separator will do.
                    let next = match self.header {
                        Some(_) => memchr3(self.separator, b'\n', b'\r', &bytes[at..]),
                        None => {
                            bytes[at..].iter().position(|byte| matches!(byte, b'\n' | b'\r') || self.separates(*byte))
                        }
                    };
                    match next {
                        None => return None,
                        Some(next) => at += next,
                    }
                    continue;
                }
            }
            at += 1;
        }
        None
    }
}

impl Splitter {
    pub(super) fn csv_records(&mut self, last: bool, sink: Sink<'_>) -> Result<(), Broken> {
        loop {
            let rest = &self.buffer[self.seen..];
            let end = match self.csv.end_of_record(rest) {
                Some(end) => self.seen + end,
                None if last && self.csv.place == Place::Quoted => {
                    let message = "a quoted field that begins in this record is never closed";
                    return Err(self.broken(Reason::Truncated, message));
                }
                None if last && (self.start < self.buffer.len() || self.skipped > 0) => self.buffer.len(),
                None => break,
            };
            if end > self.start || self.skipped > 0 {
                if self.csv.header.is_none() && says_separator(&self.buffer[self.start..end]) {
                    // The header shows it as well.
                } else if self.csv.header.is_none() {
                    self.take_header(end)?;
                } else {
                    self.emit(end, 0, sink);
                }
            }
            if end == self.buffer.len() {
                return Ok(());
            }
            self.consume(end + 1 - self.start);
        }
        if self.csv.header.is_none() && self.buffer.len() - self.start > self.header_limit() {
            return Err(self.long_header());
        }
        self.keep_or_skip();
        Ok(())
    }

    fn take_header(&mut self, end: usize) -> Result<(), Broken> {
        let header = &self.buffer[self.start..end];
        if header.len() > self.header_limit() {
            return Err(self.long_header());
        }
        let Ok(text) = simdutf8::basic::from_utf8(header) else {
            return Err(self.broken(Reason::NotJson, "the feed begins with neither JSON nor a CSV header in UTF-8"));
        };
        self.csv = State { place: self.csv.place, ..State::with_header(Some(text.to_owned()), self.csv.said) };
        self.consume(end - self.start);
        Ok(())
    }

    fn header_limit(&self) -> usize {
        HEADER_LIMIT.min(self.limits.record_bytes)
    }

    fn long_header(&self) -> Broken {
        let message = format!("the first line is no CSV header: it has more than {} bytes", self.header_limit());
        self.broken(Reason::CsvHeader, message)
    }
}

/// Reads the fields of CSV records; keeps its memory from one record to the next.
#[derive(Debug)]
pub struct Row {
    reader: Reader,
    separator: u8,
    text: Vec<u8>,
    ends: Vec<usize>,
    fields: usize,
}

impl Default for Row {
    fn default() -> Self {
        Self {
            reader: ReaderBuilder::new().build(),
            separator: b',',
            text: vec![0; 4096],
            ends: vec![0; 64],
            fields: 0,
        }
    }
}

impl Row {
    /// For the records below a header, and the header itself.
    #[must_use]
    pub fn below(header: &str) -> Self {
        Self::separated_by(separator(header))
    }

    /// The same where something else than the header says what separates.
    #[must_use]
    pub fn separated_by(separator: u8) -> Self {
        Self { reader: ReaderBuilder::new().delimiter(separator).build(), separator, ..Self::default() }
    }

    /// What separates its fields.
    #[must_use]
    pub const fn separator(&self) -> u8 {
        self.separator
    }

    pub fn read(&mut self, record: &str) {
        self.reader.reset();
        let mut input = record.as_bytes();
        let (mut written, mut fields) = (0, 0);
        loop {
            let (result, read, wrote, ended) =
                self.reader.read_record(input, &mut self.text[written..], &mut self.ends[fields..]);
            input = &input[read..];
            written += wrote;
            fields += ended;
            match result {
                ReadRecordResult::OutputFull => self.text.resize(self.text.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                // An empty input tells the reader that the record is complete.
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::Record | ReadRecordResult::End => break,
            }
        }
        self.fields = fields;
    }

    /// How many fields the record has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fields
    }

    /// Whether the record has no field at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields == 0
    }

    /// One field, unquoted.
    #[must_use]
    pub fn get(&self, field: usize) -> Option<&str> {
        let end = *self.ends[..self.fields].get(field)?;
        let begin = if field == 0 { 0 } else { self.ends[field - 1] };
        // The record was text, and fields are cut at ASCII characters.
        std::str::from_utf8(&self.text[begin..end]).ok()
    }

    /// Refuses a record that does not have a field for each column.
    pub fn expect_len(&self, columns: usize) -> Result<(), Defect> {
        if self.fields == columns {
            return Ok(());
        }
        let message = format!("the record has {} fields, the header {columns}", self.fields);
        Err(Defect::new(Reason::CsvFieldCount, message))
    }
}
