//! Cuts a feed into records as it streams by.
//!
//! Bytes go in in pieces of any size, records come out whole, each with its number and its place. A
//! record is only as large as [`Limits::record_bytes`]; what is larger is reported and skipped, so
//! memory does not depend on the feed. Nothing is parsed here: a record with a defect inside it is
//! still a record, and the next one is found.

mod csv;
mod json;
mod scan;
pub(crate) mod wrapped;

use serde::{Deserialize, Serialize};

use crate::integrity::Partial;
use crate::{Broken, Checkpoint, Defect, Limits, Reason};

pub use csv::Row;
pub(crate) use scan::Scanner;

/// What came last in a JSON feed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Nothing yet but the opening bracket.
    #[default]
    Beginning,
    AfterComma,
    AfterRecord,
    /// The closing bracket.
    AfterEnd,
}

/// How records follow each other in a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// `[record, record, …]`.
    JsonArray,
    /// A record, and perhaps further ones, each over as many lines as it likes. A single document
    /// is this.
    JsonSequence,
    /// One record on each line.
    JsonLines,
    /// `{"data": [record, …], …}`: an array within objects.
    JsonWrapped,
    /// RFC 4180 with a header; `\n`, `\r\n` and `\r` end a record.
    Csv,
}

/// What a feed is expected to be, before its first byte is seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expected {
    /// Whether the source sends CSV at all.
    pub csv: bool,
    /// The object's name ends in `.jsonl` or `.ndjson`.
    pub json_lines: bool,
    /// What separates the columns of a CSV feed, where the header does not say.
    pub separator: Option<u8>,
}

/// What comes out of a splitter.
#[derive(Debug)]
pub struct Piece<'a> {
    /// The record's number in the feed, from 0.
    pub index: u64,
    /// Bytes from the beginning of the feed.
    pub offset: u64,
    /// The record, or as much of it as is kept when it is over its limit.
    pub bytes: &'a [u8],
    /// Why the splitter itself refuses it.
    pub defect: Option<Defect>,
    /// The header of a CSV feed.
    pub header: Option<&'a str>,
}

/// Receives the pieces.
pub type Sink<'s> = &'s mut dyn FnMut(Piece<'_>);

/// Cuts one feed into records.
#[derive(Debug)]
pub struct Splitter {
    limits: Limits,
    expected: Expected,
    format: Option<Format>,
    /// What has been read and not been handed out.
    buffer: Vec<u8>,
    /// The place of `buffer[0]` in the feed.
    base: u64,
    /// `buffer[..start]` is done with.
    start: usize,
    /// `buffer[start..seen]` has been scanned.
    seen: usize,
    /// The number of the next record.
    index: u64,
    /// Bytes of the current record that are no longer in the buffer, and its beginning.
    skipped: u64,
    excerpt: Vec<u8>,
    /// The checksum of what is done with.
    checksum: Option<Partial>,
    json: json::State,
    csv: csv::State,
}

impl Splitter {
    /// A splitter for a feed from its first byte.
    #[must_use]
    pub fn new(expected: Expected, limits: Limits) -> Self {
        Self::resume(Checkpoint::default(), expected, limits)
    }

    /// A splitter for the rest of a feed; the first byte it gets is the one at `checkpoint.offset`.
    #[must_use]
    pub fn resume(checkpoint: Checkpoint, expected: Expected, limits: Limits) -> Self {
        Self {
            limits,
            expected,
            format: checkpoint.format,
            buffer: Vec::new(),
            base: checkpoint.offset,
            start: 0,
            seen: 0,
            index: checkpoint.index,
            skipped: 0,
            excerpt: Vec::new(),
            checksum: checkpoint.checksum,
            json: json::State::at(checkpoint.place, checkpoint.depth),
            csv: csv::State::with_header(checkpoint.header, expected.separator),
        }
    }

    /// Where the feed can be taken up again: behind the last record handed out.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            offset: self.json.behind_from().unwrap_or(self.base + self.start as u64 - self.skipped),
            index: self.index,
            compression: None,
            format: self.format,
            place: self.json.place(),
            depth: self.json.depth(),
            header: self.csv.header().map(str::to_owned),
            steps: 0,
            checksum: self.checksum,
        }
    }

    /// The checksum of everything that was pushed, where it is computed.
    #[must_use]
    pub fn checksum(&self) -> Option<u64> {
        let mut whole = self.checksum?;
        whole.add(self.base, &self.buffer);
        Some(whole.value())
    }

    /// How records follow each other, once the beginning has shown it.
    #[must_use]
    pub fn format(&self) -> Option<Format> {
        self.format
    }

    /// The header of a CSV feed, once it has been read.
    #[must_use]
    pub fn header(&self) -> Option<&str> {
        self.csv.header()
    }

    /// Takes the next bytes and hands out every record that they complete.
    pub fn push(&mut self, bytes: &[u8], sink: Sink<'_>) -> Result<(), Broken> {
        self.buffer.extend_from_slice(bytes);
        let result = self.run(false, sink);
        // What was handed out leaves; what is left is less than a record and moves to the front.
        if let Some(checksum) = &mut self.checksum {
            checksum.add(self.base, &self.buffer[..self.start]);
        }
        self.buffer.drain(..self.start);
        self.base += self.start as u64;
        self.seen -= self.start;
        self.start = 0;
        result
    }

    /// Says that there is nothing more.
    pub fn finish(&mut self, sink: Sink<'_>) -> Result<(), Broken> {
        self.run(true, sink)
    }

    fn run(&mut self, last: bool, sink: Sink<'_>) -> Result<(), Broken> {
        let format = match self.format {
            Some(format) => format,
            None => match self.sniff(last)? {
                Some(format) => *self.format.insert(format),
                None => return Ok(()),
            },
        };
        match format {
            Format::JsonArray | Format::JsonWrapped => self.json_array(last, sink),
            Format::JsonSequence => self.json_sequence(last, sink),
            Format::JsonLines => self.json_lines(last, sink),
            Format::Csv => self.csv_records(last, sink),
        }
    }

    /// Looks at the beginning of the feed; `None` while it is too short to tell.
    fn sniff(&mut self, last: bool) -> Result<Option<Format>, Broken> {
        if self.base == 0 && self.start == 0 {
            match self.buffer.as_slice() {
                [0xEF, 0xBB, 0xBF, ..] => self.consume(3),
                [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => {
                    return Err(self.broken(
                        Reason::UnsupportedEncoding,
                        "the feed is UTF-32, or UTF-16 within a compressed file; send it as UTF-8",
                    ));
                }
                short if short.len() < 3 && !last => return Ok(None),
                _ => {}
            }
        }
        self.skip_white();
        self.gap()?;
        let rest = &self.buffer[self.start..];
        let Some(first) = rest.first() else {
            return if last { Err(self.broken(Reason::EmptyFeed, "the feed is empty")) } else { Ok(None) };
        };
        match first {
            b'[' => {
                self.consume(1);
                Ok(Some(Format::JsonArray))
            }
            b'{' if !self.expected.json_lines => match wrapped::head(rest, last) {
                wrapped::Head::Unknown => Ok(None),
                wrapped::Head::List { begin, depth } => {
                    self.consume(begin);
                    self.json.wrapped_in(depth);
                    Ok(Some(Format::JsonWrapped))
                }
                wrapped::Head::Plain => Ok(json::lines_or_sequence(rest, last, self.limits.record_bytes, false)),
            },
            b'{' => Ok(json::lines_or_sequence(rest, last, self.limits.record_bytes, self.expected.json_lines)),
            b'<' => Err(self.broken(Reason::NotJson, "the feed begins like an HTML or XML page")),
            _ if self.expected.csv => Ok(Some(Format::Csv)),
            _ => Err(self.broken(Reason::NotJson, "the feed is not JSON: it begins with neither '[' nor '{'")),
        }
    }

    /// Marks the next `count` bytes as done with.
    fn consume(&mut self, count: usize) {
        self.start += count;
        self.seen = self.start;
        self.skipped = 0;
    }

    fn skip_white(&mut self) {
        // One more than is allowed at most, so that the place of the refusal does not depend on how
        // much is there already.
        let room = usize::try_from(self.limits.gap_bytes.saturating_add(1).saturating_sub(self.json.gap))
            .unwrap_or(usize::MAX);
        let rest = self.buffer[self.start..].iter().take(room);
        let white = rest.take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')).count();
        self.json.gap += white as u64;
        self.consume(white);
    }

    /// Refuses endless white space.
    fn gap(&self) -> Result<(), Broken> {
        if self.json.gap <= self.limits.gap_bytes {
            return Ok(());
        }
        let message = format!("more than {} bytes of white space where a record should be", self.limits.gap_bytes);
        Err(self.broken(Reason::TooMuchData, message))
    }

    /// Hands out `buffer[start..end]` as a record and consumes it.
    fn emit(&mut self, end: usize, deepest: u32, sink: Sink<'_>) {
        let offset = self.base + self.start as u64 - self.skipped;
        let size = self.skipped + (end - self.start) as u64;
        let whole = &self.buffer[self.start..end];
        let limit = self.limits.record_bytes;
        let (bytes, defect) = if size > limit as u64 {
            let message = format!("the record has {size} bytes, more than the limit of {limit}");
            let kept =
                if self.skipped > 0 { &self.excerpt[..] } else { &whole[..self.limits.excerpt_bytes.min(whole.len())] };
            (kept, Some(Defect::new(Reason::RecordTooLarge, message)))
        } else if deepest > self.limits.depth {
            let message = format!("the record is nested {deepest} deep, more than the limit of {}", self.limits.depth);
            (whole, Some(Defect::new(Reason::RecordTooDeep, message)))
        } else {
            (whole, None)
        };
        sink(Piece { index: self.index, offset, bytes, defect, header: self.csv.header() });
        self.index += 1;
        self.excerpt.clear();
        self.consume(end - self.start);
    }

    /// All of the buffer belongs to the current record. Once that is over its limit only its
    /// beginning is kept.
    fn keep_or_skip(&mut self) {
        self.seen = self.buffer.len();
        if self.seen - self.start > self.limits.record_bytes || self.skipped > 0 {
            if self.skipped == 0 {
                let end = self.seen.min(self.start + self.limits.excerpt_bytes);
                self.excerpt = self.buffer[self.start..end].to_vec();
            }
            self.skipped += (self.seen - self.start) as u64;
            self.start = self.seen;
        }
    }

    /// A break at the beginning of what is left.
    fn broken(&self, reason: Reason, message: impl Into<String>) -> Broken {
        let rest = if self.skipped > 0 { &self.excerpt } else { &self.buffer[self.start..] };
        let shown = String::from_utf8_lossy(&rest[..rest.len().min(self.limits.excerpt_bytes)]).into_owned();
        Broken {
            reason,
            offset: self.base + self.start as u64 - self.skipped,
            index: self.index,
            message: message.into(),
            excerpt: (!shown.is_empty()).then_some(shown),
        }
    }
}
