//! Records in JSON: an array, documents one after another, or one on each line.

use memchr::memchr;

use super::scan::Scanner;
use super::{Format, Piece, Place, Sink, Splitter};
use crate::{Broken, Defect, Reason};

/// Where in the grammar the splitter is.
#[derive(Debug)]
pub(super) struct State {
    place: Place,
    inside: Option<Inside>,
    scanner: Scanner,
    /// Objects around the records that are still open.
    depth: u32,
    /// What stands behind the records within them, and where it begins: it is passed over, from
    /// there again if need be.
    behind: Scanner,
    behind_from: Option<u64>,
    /// Bytes of white space and commas since the last record.
    pub(super) gap: u64,
}

/// What is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// An object or array.
    Container,
    /// A string where a record should be.
    String { escaped: bool },
    /// A number or a bare word where a record should be.
    Word,
}

impl State {
    pub(super) fn at(place: Place, depth: u32) -> Self {
        let (scanner, behind) = (Scanner::default(), Scanner::within(depth));
        Self { place, inside: None, scanner, depth, behind, behind_from: None, gap: 0 }
    }

    /// The records are in an array within so many objects.
    pub(super) fn wrapped_in(&mut self, depth: u32) {
        (self.depth, self.behind) = (depth, Scanner::within(depth));
    }

    pub(super) fn depth(&self) -> u32 {
        self.depth
    }

    /// Where to go on from, while what stands behind the records is passed over.
    pub(super) fn behind_from(&self) -> Option<u64> {
        self.behind_from
    }

    /// While a record is being read this is still what came before it.
    pub(super) fn place(&self) -> Place {
        self.place
    }
}

/// A feed that begins with `{` has one record on each line if its first line is a whole object, or
/// if its second line begins with another object: no printer breaks a document there. `None` while
/// too little is known.
pub(super) fn lines_or_sequence(rest: &[u8], last: bool, limit: usize, expected_lines: bool) -> Option<Format> {
    if expected_lines {
        return Some(Format::JsonLines);
    }
    // A first line over the limit of a record is no line, however much of the feed happens to be
    // there already.
    let Some(line_end) = memchr(b'\n', &rest[..rest.len().min(limit + 1)]) else {
        return (last || rest.len() > limit).then_some(Format::JsonSequence);
    };
    let line = rest[..line_end].trim_ascii_end();
    if Scanner::default().end_of_value(line) == Some(line.len()) {
        return Some(Format::JsonLines);
    }
    match rest.get(line_end + 1) {
        Some(b'{') => Some(Format::JsonLines),
        None if !last => None,
        _ => Some(Format::JsonSequence),
    }
}

impl Splitter {
    pub(super) fn json_array(&mut self, last: bool, sink: Sink<'_>) -> Result<(), Broken> {
        while self.complete_value(sink) {
            let next = self.next_byte()?;
            match (self.json.place, next) {
                (Place::AfterEnd, _) if self.json.depth > 0 => {
                    if !self.rest_of_wrapping() {
                        return if last { Err(self.truncated("'}'")) } else { Ok(()) };
                    }
                }
                (Place::AfterEnd, None) => return Ok(()),
                (Place::AfterEnd, Some(_)) => {
                    let message = match self.format {
                        Some(Format::JsonWrapped) => {
                            "something follows the document that holds the list; send one such document in a file, or the lists alone"
                        }
                        _ => "something follows the ']' that ends the feed",
                    };
                    return Err(self.broken(Reason::TrailingContent, message));
                }
                (_, None) => break,
                (_, Some(byte)) => self.between(byte, sink)?,
            }
        }
        if last { Err(self.truncated("']'")) } else { Ok(()) }
    }

    /// Passes over what stands behind the array within the objects around it; true if they have
    /// ended.
    fn rest_of_wrapping(&mut self) -> bool {
        let rest = &self.buffer[self.start..];
        self.json.behind_from.get_or_insert(self.base + self.start as u64);
        let end = self.json.behind.end_of_value(rest);
        if end.is_some() {
            (self.json.depth, self.json.behind_from) = (0, None);
        }
        let passed = end.unwrap_or(rest.len());
        self.json.gap = 0;
        self.consume(passed);
        end.is_some()
    }

    /// One byte between two records of an array.
    fn between(&mut self, byte: u8, sink: Sink<'_>) -> Result<(), Broken> {
        match (self.json.place, byte) {
            (Place::AfterRecord, b',') => {
                self.consume(1);
                self.json.place = Place::AfterComma;
            }
            (place, b']') => {
                if place == Place::AfterComma {
                    self.report(Defect::new(Reason::TrailingComma, "a comma follows the last record"), sink);
                }
                self.consume(1);
                self.json.place = Place::AfterEnd;
            }
            (Place::AfterRecord, _) => {
                return Err(self.broken(Reason::BrokenStructure, "expected ',' or ']' behind a record"));
            }
            (_, b',') => {
                self.report(Defect::new(Reason::MissingRecord, "a comma with no record before it"), sink);
                self.index += 1;
                // Counted as many, so that a feed of commas ends soon.
                self.json.gap += 4096;
                self.consume(1);
                self.json.place = Place::AfterComma;
            }
            (_, byte) => self.begin_value(byte),
        }
        Ok(())
    }

    pub(super) fn json_sequence(&mut self, last: bool, sink: Sink<'_>) -> Result<(), Broken> {
        while self.complete_value(sink) {
            match self.next_byte()? {
                None if last => return Ok(()),
                None => break,
                Some(byte @ (b'{' | b'[')) => self.begin_value(byte),
                Some(_) => {
                    return Err(
                        self.broken(Reason::TrailingContent, "something that is no object follows the document")
                    );
                }
            }
        }
        if last { Err(self.truncated("'}'")) } else { Ok(()) }
    }

    pub(super) fn json_lines(&mut self, last: bool, sink: Sink<'_>) -> Result<(), Broken> {
        loop {
            let line_end = match memchr(b'\n', &self.buffer[self.seen..]) {
                Some(at) => self.seen + at,
                None if last && (self.start < self.buffer.len() || self.skipped > 0) => self.buffer.len(),
                None => break,
            };
            let line = &self.buffer[self.start..line_end];
            let lead = line.len() - line.trim_ascii_start().len();
            let trimmed = line.trim_ascii().len();
            if self.skipped == 0 {
                self.consume(lead);
            }
            if trimmed > 0 || self.skipped > 0 {
                let mut scanner = Scanner::default();
                scanner.end_of_value(&self.buffer[self.start..self.start + trimmed]);
                // White space behind the record counts towards its limit, as it does while the line
                // is still coming in.
                let over = self.skipped > 0 || line_end - self.start > self.limits.record_bytes;
                let end = if over { line_end } else { self.start + trimmed };
                self.emit(end, scanner.deepest(), sink);
            }
            let behind = (line_end + 1).min(self.buffer.len());
            self.consume(behind - self.start);
            if line_end == self.buffer.len() {
                break;
            }
        }
        if self.skipped == 0 {
            let rest = &self.buffer[self.start..];
            self.consume(rest.len() - rest.trim_ascii_start().len());
        }
        self.keep_or_skip();
        Ok(())
    }

    fn begin_value(&mut self, first: u8) {
        self.json.scanner = Scanner::default();
        self.json.gap = 0;
        self.seen = self.start;
        self.json.inside = Some(match first {
            b'{' | b'[' => Inside::Container,
            b'"' => {
                self.seen += 1;
                Inside::String { escaped: false }
            }
            _ => Inside::Word,
        });
    }

    /// Whether no value is being read, or the rest of it is there and was handed out.
    fn complete_value(&mut self, sink: Sink<'_>) -> bool {
        self.json.inside.is_none() || self.rest_of_value(sink)
    }

    /// The next byte that is no white space, if it is there already.
    fn next_byte(&mut self) -> Result<Option<u8>, Broken> {
        self.skip_white();
        self.gap()?;
        Ok(self.buffer.get(self.start).copied())
    }

    /// Reads the current value on; true if its end was found and it was handed out.
    fn rest_of_value(&mut self, sink: Sink<'_>) -> bool {
        let rest = &self.buffer[self.seen..];
        let end = match &mut self.json.inside {
            Some(Inside::String { escaped }) => {
                rest.iter().position(|byte| ends_string(escaped, *byte)).map(|at| at + 1)
            }
            Some(Inside::Word) => {
                rest.iter().position(|byte| matches!(byte, b',' | b']' | b' ' | b'\n' | b'\r' | b'\t'))
            }
            _ => self.json.scanner.end_of_value(rest),
        };
        match end {
            Some(end) => {
                self.json.inside = None;
                self.json.place = Place::AfterRecord;
                self.emit(self.seen + end, self.json.scanner.deepest(), sink);
                true
            }
            None => {
                self.keep_or_skip();
                false
            }
        }
    }

    /// Reports something that is no record, at the next byte.
    fn report(&self, defect: Defect, sink: Sink<'_>) {
        sink(Piece {
            index: self.index,
            offset: self.base + self.start as u64,
            bytes: &[],
            defect: Some(defect),
            header: None,
        });
    }

    fn truncated(&self, missing: &str) -> Broken {
        let message = if self.json.inside.is_some() {
            "the feed ends in the middle of a record".to_owned()
        } else {
            format!("the feed ends before the {missing} that should end it")
        };
        self.broken(Reason::Truncated, message)
    }
}

fn ends_string(escaped: &mut bool, byte: u8) -> bool {
    if std::mem::take(escaped) {
        return false;
    }
    *escaped = byte == b'\\';
    byte == b'"'
}
