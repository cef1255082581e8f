//! The ZIP archive that a workbook is: its directory, and one part after another.

use std::io::{BufRead, Read};
use std::sync::Arc;

use flate2::bufread::DeflateDecoder;

use super::Fault;
use super::part::Part;

/// Entries of an archive.
const ENTRIES: usize = 10_000;
/// What stands in place of a size that is written elsewhere, in the form for large archives.
const ELSEWHERE: u64 = 0xFFFF_FFFF;

#[derive(Debug)]
pub(super) struct Package {
    bytes: Arc<Vec<u8>>,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    /// In small letters, with slashes.
    name: String,
    begin: usize,
    packed: usize,
    crc: u32,
    method: u16,
    encrypted: bool,
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn double(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn quad(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

fn size(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

impl Package {
    pub(super) fn open(bytes: Arc<Vec<u8>>) -> Result<Self, Fault> {
        if bytes.starts_with(b"\xD0\xCF\x11\xE0") {
            return Err(Fault::unknown(
                "an .xls of before 2007, or a workbook with a password; save it as .xlsx, without one",
            ));
        }
        if !bytes.starts_with(b"PK") {
            return Err(Fault::unknown("the feed is no Excel workbook (.xlsx)"));
        }
        let cut_off = || Fault::new(feeds::Reason::Truncated, "the workbook is cut off");
        let end = memchr::memmem::rfind(&bytes, b"PK\x05\x06").ok_or_else(cut_off)?;
        let count = word(&bytes, end + 10).ok_or_else(cut_off)?;
        let begin = double(&bytes, end + 16).ok_or_else(cut_off)?;
        if usize::from(count) > ENTRIES {
            return Err(Fault::too_much(format!("the workbook has more than {ENTRIES} parts")));
        }
        let mut entries = Vec::new();
        let mut at = size(u64::from(begin));
        for _ in 0..count {
            let (entry, length) =
                Entry::read(&bytes, at).ok_or_else(|| Fault::corrupt("the workbook's directory is damaged"))?;
            entries.push(entry);
            at += length;
        }
        Ok(Self { bytes, entries })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.name == name.to_lowercase())
    }

    /// A part by its name, if there is one.
    pub(super) fn part(&self, name: &str) -> Result<Option<Part>, Fault> {
        Ok(self.unpacked(name)?.map(Part::new))
    }

    /// The bytes of a part.
    pub(super) fn unpacked(&self, name: &str) -> Result<Option<Unpacked>, Fault> {
        let name = name.to_lowercase();
        let Some(entry) = self.entries.iter().find(|entry| entry.name == name) else { return Ok(None) };
        if entry.encrypted {
            return Err(Fault::unknown("the workbook has a password; save it without one"));
        }
        let damaged = || Fault::corrupt(format!("the workbook is damaged: {name}"));
        let bytes = &self.bytes;
        if bytes.get(entry.begin..).is_none_or(|rest| !rest.starts_with(b"PK\x03\x04")) {
            return Err(damaged());
        }
        let names = word(bytes, entry.begin + 26).zip(word(bytes, entry.begin + 28)).ok_or_else(damaged)?;
        let begin = entry.begin + 30 + usize::from(names.0) + usize::from(names.1);
        let end = begin.checked_add(entry.packed).filter(|end| *end <= bytes.len()).ok_or_else(damaged)?;
        let stored = Stored { bytes: Arc::clone(bytes), at: begin, end };
        let source = match entry.method {
            0 => Source::Stored(stored),
            8 => Source::Deflated(Box::new(DeflateDecoder::new(stored))),
            method => {
                return Err(Fault::unknown(format!("{name} is compressed by method {method}, which is not read")));
            }
        };
        Ok(Some(Unpacked { source, crc: flate2::Crc::new(), wanted: entry.crc }))
    }
}

impl Entry {
    /// An entry of the directory, and its length there.
    fn read(bytes: &[u8], at: usize) -> Option<(Self, usize)> {
        if !bytes.get(at..)?.starts_with(b"PK\x01\x02") {
            return None;
        }
        let lengths: Vec<usize> =
            [28, 30, 32].iter().map(|field| word(bytes, at + field).map(usize::from)).collect::<Option<_>>()?;
        let [name, extra, comment] = lengths[..] else { return None };
        let text = bytes.get(at + 46..at + 46 + name)?;
        let text = String::from_utf8_lossy(text).replace('\\', "/").trim_start_matches('/').to_lowercase();
        let mut packed = u64::from(double(bytes, at + 20)?);
        let mut begin = u64::from(double(bytes, at + 42)?);
        let unpacked = u64::from(double(bytes, at + 24)?);
        let fields = bytes.get(at + 46 + name..at + 46 + name + extra)?;
        if let Some(large) = large(fields) {
            let mut place = 0;
            for value in [unpacked, packed, begin].iter_mut().zip([0, 1, 2]).filter(|(value, _)| **value == ELSEWHERE) {
                let found = quad(large, place)?;
                place += 8;
                match value.1 {
                    1 => packed = found,
                    2 => begin = found,
                    _ => {}
                }
            }
        }
        let entry = Self {
            name: text,
            begin: size(begin),
            packed: size(packed),
            crc: double(bytes, at + 16)?,
            method: word(bytes, at + 10)?,
            encrypted: word(bytes, at + 8)? & 1 == 1,
        };
        Some((entry, 46 + name + extra + comment))
    }
}

/// The extra field that holds large sizes.
fn large(mut fields: &[u8]) -> Option<&[u8]> {
    while let (Some(kind), Some(length)) = (word(fields, 0), word(fields, 2)) {
        let body = fields.get(4..4 + usize::from(length))?;
        if kind == 1 {
            return Some(body);
        }
        fields = &fields[4 + usize::from(length)..];
    }
    None
}

/// A part as it lies in the archive.
#[derive(Debug)]
struct Stored {
    bytes: Arc<Vec<u8>>,
    at: usize,
    end: usize,
}

impl Read for Stored {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Stored {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        Ok(&self.bytes[self.at..self.end])
    }

    fn consume(&mut self, bytes: usize) {
        self.at = (self.at + bytes).min(self.end);
    }
}

#[derive(Debug)]
enum Source {
    Stored(Stored),
    Deflated(Box<DeflateDecoder<Stored>>),
}

/// A part's bytes, held against its check sum at their end.
#[derive(Debug)]
pub(super) struct Unpacked {
    source: Source,
    crc: flate2::Crc,
    wanted: u32,
}

impl Read for Unpacked {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = match &mut self.source {
            Source::Stored(stored) => stored.read(into)?,
            Source::Deflated(deflated) => deflated.read(into)?,
        };
        self.crc.update(&into[..read]);
        if read == 0 && !into.is_empty() && self.crc.sum() != self.wanted {
            return Err(std::io::Error::other("its check sum is another one"));
        }
        Ok(read)
    }
}
