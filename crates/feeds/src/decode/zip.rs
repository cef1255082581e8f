//! A ZIP archive (APPNOTE 6.3) with one file in it, as it streams by: the local header, the data,
//! what follows. The directory at its end is not needed (D39). Folders beside the file are passed
//! over; a second file is refused, because nobody can tell which one is the feed.

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::{STEP, Step};

const LOCAL: [u8; 4] = *b"PK\x03\x04";
const DESCRIPTOR: [u8; 4] = *b"PK\x07\x08";
/// Bytes of a local header before name and extra field.
const HEADER: usize = 30;
/// Signature, check sum, two sizes of eight bytes, and the signature of what follows: what it takes
/// to tell the forms of a descriptor apart.
const LOOK: usize = 28;

pub(super) struct Zip {
    at: At,
    /// What has come of a header or a descriptor.
    kept: Vec<u8>,
    inflate: Decompress,
    crc: Crc,
    /// A file has been read.
    found: bool,
}

#[derive(Debug, Clone, Copy)]
enum At {
    /// Before a local header, or whatever else.
    Header,
    /// In deflated data; the check sum, unless it follows.
    Deflated(Option<u32>),
    /// In data that is stored as it is: so many bytes to come.
    Stored(Option<u32>, u64),
    /// In the check sum and sizes behind the data.
    Descriptor,
    Directory,
}

impl Default for Zip {
    fn default() -> Self {
        let (kept, inflate, crc) = (Vec::new(), Decompress::new(false), Crc::new());
        Self { at: At::Header, kept, inflate, crc, found: false }
    }
}

impl Zip {
    /// Whether the file and its directory's beginning have been read.
    pub(super) const fn is_whole(&self) -> bool {
        matches!(self.at, At::Directory)
    }

    pub(super) fn step(&mut self, input: &[u8], output: &mut Vec<u8>) -> Result<Step, String> {
        match self.at {
            At::Header => {
                let read = self.header(input)?;
                Ok(Step { read, full: read == 0 && !matches!(self.at, At::Header) })
            }
            At::Deflated(crc) => {
                output.resize(STEP, 0);
                let (in_before, out_before) = (self.inflate.total_in(), self.inflate.total_out());
                let status = self.inflate.decompress(input, output, FlushDecompress::None);
                let status = status.map_err(|error| error.to_string())?;
                let read = super::count(self.inflate.total_in() - in_before);
                output.truncate(super::count(self.inflate.total_out() - out_before));
                self.crc.update(output);
                let ended = status == Status::StreamEnd;
                if ended {
                    self.end_of_data(crc)?;
                }
                Ok(Step { read, full: ended || output.len() == STEP })
            }
            At::Stored(crc, left) => {
                let read = input.len().min(STEP).min(usize::try_from(left).unwrap_or(usize::MAX));
                output.extend_from_slice(&input[..read]);
                self.crc.update(output);
                self.at = At::Stored(crc, left - read as u64);
                if left == read as u64 {
                    self.end_of_data(crc)?;
                }
                Ok(Step { read, full: false })
            }
            At::Descriptor => {
                let read = self.keep(input, LOOK);
                if self.kept.len() == LOOK {
                    self.descriptor()?;
                }
                Ok(Step { read, full: false })
            }
            At::Directory => Ok(Step { read: input.len(), full: false }),
        }
    }

    /// Keeps input until there are `wanted` bytes; how many it took.
    fn keep(&mut self, input: &[u8], wanted: usize) -> usize {
        let read = wanted.saturating_sub(self.kept.len()).min(input.len());
        self.kept.extend_from_slice(&input[..read]);
        read
    }

    fn header(&mut self, input: &[u8]) -> Result<usize, String> {
        let mut read = self.keep(input, 4);
        if self.kept.len() < 4 {
            return Ok(read);
        }
        if self.kept[..4] != LOCAL {
            if !self.found {
                return Err("there is no file in it".to_owned());
            }
            self.at = At::Directory;
            return Ok(read);
        }
        read += self.keep(&input[read..], HEADER);
        if self.kept.len() < HEADER {
            return Ok(read);
        }
        let (name_len, extra_len) = (self.word(26), self.word(28));
        read += self.keep(&input[read..], HEADER + name_len + extra_len);
        if self.kept.len() < HEADER + name_len + extra_len {
            return Ok(read);
        }
        let (flags, method) = (self.word(6), self.word(8));
        let (crc, packed) = (self.double(14), self.double(18));
        let is_folder = self.kept[..HEADER + name_len].ends_with(b"/") && packed == 0;
        self.kept.clear();
        if is_folder {
            return Ok(read);
        }
        if self.found {
            return Err(
                "it holds more than one file; what came before is that of the first. Send one file in an archive"
                    .to_owned(),
            );
        }
        if flags & 1 == 1 {
            return Err("it is encrypted".to_owned());
        }
        self.found = true;
        let follows = flags & 8 == 8;
        let crc = (!follows).then_some(crc);
        self.at = match method {
            8 => At::Deflated(crc),
            0 if follows || packed == u32::MAX => {
                return Err("its file is stored without its size before it; deflate it".to_owned());
            }
            0 if packed == 0 => At::Header,
            0 => At::Stored(crc, u64::from(packed)),
            other => return Err(format!("its file is compressed by method {other}; only deflate is read")),
        };
        Ok(read)
    }

    fn end_of_data(&mut self, crc: Option<u32>) -> Result<(), String> {
        self.at = match crc {
            Some(crc) => {
                self.check(crc)?;
                At::Header
            }
            None => At::Descriptor,
        };
        Ok(())
    }

    fn descriptor(&mut self) -> Result<(), String> {
        let begin = if self.kept[..4] == DESCRIPTOR { 4 } else { 0 };
        self.check(self.double(begin))?;
        // Two sizes of four bytes each, or of eight: the signature of what follows tells.
        let short = begin + 12;
        let end = if self.kept[short..].starts_with(b"PK") { short } else { begin + 20 };
        self.kept.drain(..end);
        self.at = At::Header;
        Ok(())
    }

    fn check(&self, wanted: u32) -> Result<(), String> {
        let arrived = self.crc.sum();
        if arrived == wanted { Ok(()) } else { Err(format!("its check sum is {arrived:#x}, it should be {wanted:#x}")) }
    }

    fn word(&self, at: usize) -> usize {
        usize::from(u16::from_le_bytes([self.kept[at], self.kept[at + 1]]))
    }

    fn double(&self, at: usize) -> u32 {
        u32::from_le_bytes([self.kept[at], self.kept[at + 1], self.kept[at + 2], self.kept[at + 3]])
    }
}
