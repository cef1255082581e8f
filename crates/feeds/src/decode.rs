//! Decompression in small steps: gzip and zstd, of any number of members or frames, a ZIP archive
//! with one file; and UTF-16 as UTF-8.
//!
//! One step produces at most [`STEP`] bytes however little input it takes, so that a decompression
//! bomb costs time and not memory, and the limits on the feed apply before it has cost much of
//! that.

mod utf16;
mod zip;

use flate2::{Decompress, FlushDecompress, Status};
use serde::{Deserialize, Serialize};
use zstd::stream::raw::{DParameter, Decoder as ZstdDecoder, Operation};

use crate::Limits;

/// Bytes that one step produces at most.
pub const STEP: usize = 64 << 10;

/// How an object is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    None,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// A ZIP archive with one file in it.
    Zip,
    /// No compression, but another encoding: UTF-16, the low byte first.
    Utf16Le,
    /// UTF-16, the high byte first.
    Utf16Be,
}

impl Compression {
    /// Told by the first bytes; `None` while there are too few to tell. The object's name has no
    /// say.
    #[must_use]
    pub fn of(beginning: &[u8], complete: bool) -> Option<Self> {
        match beginning {
            [0x1F, 0x8B, ..] => Some(Self::Gzip),
            [0x28, 0xB5, 0x2F, 0xFD, ..] => Some(Self::Zstd),
            // A zstd stream may begin with frames that hold no data.
            [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..] => Some(Self::Zstd),
            [b'P', b'K', 3, 4, ..] => Some(Self::Zip),
            // With a byte order mark, or with what every feed begins with: characters of ASCII.
            [0xFF, 0xFE, a, b, ..] if (*a, *b) != (0, 0) => Some(Self::Utf16Le),
            [0xFE, 0xFF, _, _, ..] => Some(Self::Utf16Be),
            [a, 0, b, 0, ..] if *a != 0 && *b != 0 => Some(Self::Utf16Le),
            [0, a, 0, b, ..] if *a != 0 && *b != 0 => Some(Self::Utf16Be),
            short if short.len() < 4 && !complete => None,
            _ => Some(Self::None),
        }
    }
}

/// Why compressed data could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not what the first bytes promised.
    #[error("the {0:?} data is corrupt: {1}")]
    Corrupt(Compression, String),
    /// Ends in the middle of a member or frame.
    #[error("the {0:?} data ends before its end mark")]
    Truncated(Compression),
    /// The library could not be set up.
    #[error("the decompressor could not be set up: {0}")]
    Setup(String),
}

/// Decompresses one object.
pub struct Decoder {
    kind: Kind,
    /// Between two members or frames.
    between: bool,
}

enum Kind {
    None,
    Gzip(Box<Decompress>),
    Zstd(ZstdDecoder<'static>),
    Zip(Box<zip::Zip>),
    Utf16(utf16::Utf16),
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").field("compression", &self.compression()).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Bytes of the input that are done with.
    pub read: usize,
    /// The output was full: there is more to come even without further input.
    pub full: bool,
}

impl Decoder {
    /// A decoder for an object from its first byte.
    pub fn new(compression: Compression, limits: &Limits) -> Result<Self, DecodeError> {
        let kind = match compression {
            Compression::None => Kind::None,
            Compression::Gzip => Kind::Gzip(Box::new(Decompress::new_gzip(15))),
            Compression::Zstd => {
                let setup = |error: std::io::Error| DecodeError::Setup(error.to_string());
                let mut decoder = ZstdDecoder::new().map_err(setup)?;
                decoder.set_parameter(DParameter::WindowLogMax(limits.zstd_window_log)).map_err(setup)?;
                Kind::Zstd(decoder)
            }
            Compression::Zip => Kind::Zip(Box::default()),
            Compression::Utf16Le => Kind::Utf16(utf16::Utf16::new(encoding_rs::UTF_16LE)),
            Compression::Utf16Be => Kind::Utf16(utf16::Utf16::new(encoding_rs::UTF_16BE)),
        };
        Ok(Self { kind, between: true })
    }

    /// How the object is compressed.
    #[must_use]
    pub fn compression(&self) -> Compression {
        match &self.kind {
            Kind::None => Compression::None,
            Kind::Gzip(_) => Compression::Gzip,
            Kind::Zstd(_) => Compression::Zstd,
            Kind::Zip(_) => Compression::Zip,
            Kind::Utf16(text) if text.is_little() => Compression::Utf16Le,
            Kind::Utf16(_) => Compression::Utf16Be,
        }
    }

    /// Decompresses some of `input` into `output`, which is emptied first and gets at most [`STEP`]
    /// bytes.
    pub fn step(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<Step, DecodeError> {
        output.clear();
        match &mut self.kind {
            Kind::None => {
                let read = input.len().min(STEP);
                output.extend_from_slice(&input[..read]);
                Ok(Step { read, full: false })
            }
            Kind::Gzip(inflate) => {
                if self.between && !input.is_empty() {
                    // Some writers fill up to a block with zeros behind the last member.
                    let zeros = input.iter().take_while(|byte| **byte == 0).count();
                    if zeros > 0 {
                        return Ok(Step { read: zeros, full: false });
                    }
                    self.between = false;
                }
                output.resize(STEP, 0);
                let (in_before, out_before) = (inflate.total_in(), inflate.total_out());
                let status = inflate
                    .decompress(input, output, FlushDecompress::None)
                    .map_err(|error| DecodeError::Corrupt(Compression::Gzip, error.to_string()))?;
                let read = count(inflate.total_in() - in_before);
                output.truncate(count(inflate.total_out() - out_before));
                if status == Status::StreamEnd {
                    inflate.reset(true);
                    self.between = true;
                }
                Ok(Step { read, full: output.len() == STEP })
            }
            Kind::Zip(zip) => {
                let step = zip.step(input, output);
                self.between = zip.is_whole();
                step.map_err(|message| DecodeError::Corrupt(Compression::Zip, message))
            }
            Kind::Utf16(text) => {
                let step = text.step(input, output);
                self.between = text.is_whole();
                Ok(step)
            }
            Kind::Zstd(decoder) => {
                output.resize(STEP, 0);
                let status = decoder
                    .run_on_buffers(input, output)
                    .map_err(|error| DecodeError::Corrupt(Compression::Zstd, error.to_string()))?;
                output.truncate(status.bytes_written);
                if status.bytes_read > 0 || status.bytes_written > 0 {
                    self.between = status.remaining == 0;
                }
                Ok(Step { read: status.bytes_read, full: output.len() == STEP })
            }
        }
    }

    /// Says that there is no further input.
    pub fn finish(&self) -> Result<(), DecodeError> {
        if self.between || matches!(self.kind, Kind::None) {
            Ok(())
        } else {
            Err(DecodeError::Truncated(self.compression()))
        }
    }
}

/// Decodes an object to see whether it is whole, and keeps nothing of it.
#[derive(Debug, Default)]
pub struct Check {
    decoder: Option<Decoder>,
    head: Vec<u8>,
    decoded: u64,
}

impl Check {
    /// Bytes of output after which it is left to the feed's own limits.
    const ENOUGH: u64 = 256 << 20;

    /// Takes the next bytes of the object. `false`: there is nothing to check, as it is not
    /// compressed or becomes too much.
    ///
    /// # Errors
    /// When it is not what it promised to be.
    pub fn take(&mut self, bytes: &[u8], limits: &Limits) -> Result<bool, DecodeError> {
        if self.decoder.is_none() {
            self.head.extend_from_slice(bytes);
            match Compression::of(&self.head, false) {
                None => return Ok(true),
                Some(Compression::None | Compression::Utf16Le | Compression::Utf16Be) => return Ok(false),
                Some(kind) => self.decoder = Some(Decoder::new(kind, limits)?),
            }
        }
        let head = std::mem::take(&mut self.head);
        let mut rest = if head.is_empty() { bytes } else { &head[..] };
        let Some(decoder) = &mut self.decoder else { return Ok(true) };
        let mut output = Vec::new();
        loop {
            let step = decoder.step(rest, &mut output)?;
            rest = &rest[step.read..];
            self.decoded += output.len() as u64;
            if self.decoded > Self::ENOUGH {
                return Ok(false);
            }
            if !step.full && (rest.is_empty() || step.read == 0) {
                return Ok(true);
            }
        }
    }
}

fn count(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
