//! Object bytes in, products and rejections out: decompression, splitting and mapping in one
//! push-driven machine without I/O.

use std::sync::Arc;

use catalog::{Line, Product};

use self::mapper::Mapper;
use crate::adapter::{Adapter, Columns, Layout};
use crate::charset::Charset;
use crate::decode::{Compression, DecodeError, Decoder, STEP, Step};
use crate::integrity::{Checksum, Partial};
use crate::split::{Expected, Row, Splitter};
use crate::{Broken, Checkpoint, Limits, Numbers, Reason, Rejection};

mod mapper;

/// Finds the records in a feed's decompressed bytes and says what becomes of them. [`Feed`] does
/// the rest.
pub trait Reader: std::fmt::Debug + Send {
    /// Takes the next bytes. The first ones are those at [`Checkpoint::object_offset`] of the
    /// checkpoint that it was made from, decompressed.
    ///
    /// # Errors
    /// [`Broken`] when the feed cannot be read any further. Everything before the break is in
    /// `out`.
    fn push(&mut self, bytes: &[u8], compression: Compression, out: &mut Vec<Outcome>) -> Result<(), Broken>;

    /// Says that there is nothing more. While it has [more](Progress::More) to hand out it is
    /// called again.
    ///
    /// # Errors
    /// [`Broken`] when the feed ends in the middle of something.
    fn finish(&mut self, out: &mut Vec<Outcome>) -> Result<Progress, Broken>;

    /// Where it can be taken up again.
    fn checkpoint(&self) -> Checkpoint;

    /// How many records are, or will be part of, a product.
    fn taken(&self) -> u64;

    /// The checksum of an uncompressed object, of a reader that computes it:
    /// [`Checkpoint::checksum`] then speaks of the bytes before the place, and no further ones.
    fn checksum(&self) -> Option<u64> {
        None
    }

    /// Says which encoding the object claims to be in.
    fn in_charset(&mut self, _label: &str) {}

    /// Says what else is known, for a feed that it does not know.
    fn knowing(&mut self, _layouts: &'static [Layout]) {}

    /// Says which records, by their numbers, need not be read: whoever asks knows what they say. A
    /// reader may read them all the same.
    fn passing_over(&mut self, _known: &Arc<Numbers>) {}

    /// Whether it reads objects as they are, archives included.
    fn is_raw(&self) -> bool {
        false
    }

    /// Whether its places are counted in something else than the object's bytes: it is taken up
    /// again by reading the object from its beginning.
    fn rereads(&self) -> bool {
        false
    }
}

/// One feed on its way in.
///
/// Call [`offer`](Self::offer) with a piece of the object, [`step`](Self::step) until it is
/// [`Progress::Hungry`], and so on; after the last piece [`finish`](Self::finish). Every step hands
/// out the records of at most [`crate::decode::STEP`] bytes, so that what is in memory at one time
/// stays small whatever the object is.
#[derive(Debug)]
pub struct Feed {
    limits: Limits,
    decoder: Option<Decoder>,
    /// What was offered and is not decoded yet.
    input: Vec<u8>,
    read: usize,
    decoded: Vec<u8>,
    ended: bool,
    reader: Box<dyn Reader>,
    meter: Meter,
    integrity: Integrity,
}

/// What is compared at the end of the object.
#[derive(Debug, Default)]
struct Integrity {
    expected: Option<Checksum>,
    /// Of the object as it is stored, where the reader does not compute it.
    stored: Option<Partial>,
}

/// Whether a step needs further input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// There is more to do with what was offered.
    More,
    /// Offer the next piece, or finish.
    Hungry,
}

/// A record that became a product.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapped {
    /// The record's number in the feed, from 0.
    pub index: u64,
    /// Where the record begins: bytes from the beginning of the feed, after decompression.
    pub offset: u64,
    /// The product, checked.
    pub product: Product,
}

/// A record that became a line of a declared part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedLine {
    /// The record's number in the feed, from 0.
    pub index: u64,
    /// Where it begins.
    pub offset: u64,
    /// What it says.
    pub line: Line,
}

/// What became of one record.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// A product.
    Product(Box<Mapped>),
    /// What a declared part says of a product that another file brings.
    Line(Box<MappedLine>),
    /// Not taken; the second part is the raw record, or its beginning where it is over its limit.
    Rejected(Rejection, Vec<u8>),
}

impl Feed {
    /// A feed of `adapter`'s source from its beginning, or from a checkpoint: then the first byte
    /// offered is the one at [`Checkpoint::object_offset`]. `name` is the object's key; of it only
    /// the ending `.jsonl` or `.ndjson` matters.
    pub fn new(
        adapter: &'static dyn Adapter,
        name: &str,
        checkpoint: Checkpoint,
        limits: Limits,
    ) -> Result<Self, DecodeError> {
        Self::expecting(None, adapter, name, checkpoint, limits)
    }

    /// The same for an object whose checksum is known: [`finish`](Self::finish) fails if what was
    /// offered is not what is stored.
    pub fn expecting(
        expected: Option<Checksum>,
        adapter: &'static dyn Adapter,
        name: &str,
        checkpoint: Checkpoint,
        limits: Limits,
    ) -> Result<Self, DecodeError> {
        let reader = |checkpoint: Checkpoint| Box::new(BuiltIn::new(adapter, name, checkpoint, limits)) as Box<_>;
        Self::of(expected, reader, checkpoint, limits)
    }

    /// A feed whose records somebody else knows; `reader` makes a reader that goes on at a
    /// checkpoint.
    pub fn of(
        expected: Option<Checksum>,
        reader: impl FnOnce(Checkpoint) -> Box<dyn Reader>,
        mut checkpoint: Checkpoint,
        limits: Limits,
    ) -> Result<Self, DecodeError> {
        // A checkpoint in the middle that has no checksum leaves nothing to compare.
        let known =
            checkpoint.checksum.filter(|partial| expected.is_some_and(|one| one.algorithm == partial.algorithm()));
        let begin = checkpoint.object_offset();
        let partial = known.or_else(|| expected.filter(|_| begin == 0).map(|one| Partial::new(one.algorithm)));
        checkpoint.checksum = partial;
        let decoder = checkpoint.compression.map(|compression| Decoder::new(compression, &limits)).transpose()?;
        let reader = reader(checkpoint);
        let stored = partial.filter(|_| begin == 0 || reader.checksum().is_none());
        Ok(Self {
            limits,
            decoder,
            input: Vec::new(),
            read: 0,
            decoded: Vec::new(),
            ended: false,
            meter: Meter { begin, decoded: begin, at_product: (0, begin), ..Meter::default() },
            integrity: Integrity { expected: expected.filter(|_| partial.is_some()), stored },
            reader,
        })
    }

    /// The same feed, of an object that says which encoding it is in ([`crate::charset`]).
    #[must_use]
    pub fn in_charset(mut self, label: Option<&str>) -> Self {
        if let Some(label) = label {
            self.reader.in_charset(label);
        }
        self
    }

    /// The same feed, beside other sources than those built in.
    #[must_use]
    pub fn knowing(mut self, layouts: &'static [Layout]) -> Self {
        self.reader.knowing(layouts);
        self
    }

    /// The same feed, of which these records need not be read.
    #[must_use]
    pub fn passing_over(mut self, known: &Arc<Numbers>) -> Self {
        self.reader.passing_over(known);
        self
    }

    /// Whether it is taken up again by reading the object from its beginning.
    #[must_use]
    pub fn rereads(&self) -> bool {
        self.reader.rereads() || self.is_compressed()
    }

    /// Whether its objects are read as they are, archives included.
    #[must_use]
    pub fn is_raw(&self) -> bool {
        self.reader.is_raw()
    }

    /// Gives the next piece of the object. What was offered before should have been worked off.
    pub fn offer(&mut self, bytes: impl Into<Vec<u8>>) {
        if self.read == self.input.len() {
            self.input = bytes.into();
        } else {
            self.input.drain(..self.read);
            self.input.append(&mut bytes.into());
        }
        self.read = 0;
    }

    /// Works off some of what was offered and adds what became of the records to `out`.
    ///
    /// # Errors
    /// [`Broken`] when the feed cannot be read any further. Everything before the break is in
    /// `out`.
    pub fn step(&mut self, out: &mut Vec<Outcome>) -> Result<Progress, Broken> {
        if self.decoder.is_none() {
            let kind = if self.reader.is_raw() {
                Some(Compression::None)
            } else {
                Compression::of(&self.input[self.read..], self.ended)
            };
            match kind {
                None => return Ok(Progress::Hungry),
                Some(kind) => {
                    let decoder = Decoder::new(kind, &self.limits);
                    self.decoder = Some(decoder.map_err(|error| self.undecodable(&error))?);
                }
            }
        }
        let Some(decoder) = &mut self.decoder else { return Ok(Progress::Hungry) };
        let begin = self.read;
        let compression = decoder.compression();
        let compressed = compression != Compression::None;
        let step = if compressed {
            let step = decoder.step(&self.input[begin..], &mut self.decoded);
            step.map_err(|error| self.undecodable(&error))?
        } else {
            // Nothing to decode: the reader reads from the input itself.
            Step { read: (self.input.len() - begin).min(STEP), full: false }
        };
        let own = !compressed && self.reader.checksum().is_some();
        if let Some(stored) = self.integrity.stored.as_mut().filter(|_| !own) {
            stored.add(self.meter.begin + self.meter.read, &self.input[begin..begin + step.read]);
        }
        self.read += step.read;
        self.meter.read += step.read as u64;
        self.dispatch(begin, compression, out)?;
        let more = step.full || (self.read < self.input.len() && step.read > 0);
        Ok(if more { Progress::More } else { Progress::Hungry })
    }

    /// Says that the object ends here; nothing may be offered any more. Everything that is left is
    /// in `out`.
    ///
    /// # Errors
    /// [`Broken`] when the feed ends in the middle of something, or where [`step`](Self::step)
    /// would have failed.
    pub fn finish(&mut self, out: &mut Vec<Outcome>) -> Result<(), Broken> {
        while self.conclude(out)? == Progress::More {}
        Ok(())
    }

    /// The same in steps, each of which hands out some of what is left: called again while there is
    /// [more](Progress::More).
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn conclude(&mut self, out: &mut Vec<Outcome>) -> Result<Progress, Broken> {
        if !self.ended {
            self.ended = true;
            while self.step(out)? == Progress::More {}
            if let Some(decoder) = &self.decoder {
                decoder.finish().map_err(|error| self.undecodable(&error))?;
            }
        }
        let progress = self.reader.finish(out)?;
        self.compare()?;
        Ok(progress)
    }

    /// Compares what was offered with what is stored.
    fn compare(&self) -> Result<(), Broken> {
        let own = self.reader.checksum().filter(|_| !self.is_compressed());
        let arrived = own.or_else(|| self.integrity.stored.map(|stored| stored.value()));
        match (self.integrity.expected, arrived) {
            (Some(expected), Some(arrived)) if expected.value != arrived => {
                let Checksum { algorithm, value } = expected;
                let message = format!(
                    "the object did not arrive as it is stored: its {algorithm:?} is {arrived:#x}, S3 has {value:#x}"
                );
                Err(self.broken(Reason::ObjectCorrupt, message))
            }
            _ => Ok(()),
        }
    }

    fn is_compressed(&self) -> bool {
        self.decoder.as_ref().is_some_and(|decoder| decoder.compression() != Compression::None)
    }

    /// Where the feed can be taken up again: behind the last record handed out.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        let place = self.reader.checkpoint();
        let compression = self.decoder.as_ref().map(Decoder::compression);
        // A reader sees what comes out of the decompression; what is stored is read again from its
        // beginning.
        let checksum = place.checksum.filter(|_| compression == Some(Compression::None));
        let checksum = if self.reader.checksum().is_some() { checksum } else { self.integrity.stored };
        Checkpoint { compression: compression.filter(|_| !self.reader.rereads()), checksum, ..place }
    }

    /// Passes decoded bytes on to the reader. `begin` is where the step's input began.
    fn dispatch(&mut self, begin: usize, compression: Compression, out: &mut Vec<Outcome>) -> Result<(), Broken> {
        let compressed = compression != Compression::None;
        let decoded = if compressed { &self.decoded[..] } else { &self.input[begin..self.read] };
        self.meter.decoded += decoded.len() as u64;
        let before = self.reader.taken();
        self.reader.push(decoded, compression, out)?;
        if self.reader.taken() > before {
            self.meter.product();
        }
        self.meter.check(compressed, &self.limits).map_err(|message| self.broken(Reason::TooMuchData, message))
    }

    fn undecodable(&self, error: &DecodeError) -> Broken {
        let reason = match error {
            DecodeError::Truncated(_) => Reason::Truncated,
            DecodeError::Corrupt(..) | DecodeError::Setup(_) => Reason::CorruptCompression,
        };
        self.broken(reason, error.to_string())
    }

    fn broken(&self, reason: Reason, message: String) -> Broken {
        let at = self.reader.checkpoint();
        Broken { reason, offset: at.offset, index: at.index, message, excerpt: None }
    }
}

/// Records of a built-in source.
#[derive(Debug)]
struct BuiltIn {
    /// Decoded bytes that were handed out before the checkpoint and are dropped.
    to_drop: u64,
    splitter: Splitter,
    mapper: Mapper,
}

impl BuiltIn {
    fn new(adapter: &'static dyn Adapter, name: &str, checkpoint: Checkpoint, limits: Limits) -> Self {
        let expected = Expected {
            csv: !adapter.required_columns().is_empty(),
            json_lines: says_json_lines(name),
            separator: None,
        };
        let header = checkpoint.header.as_deref();
        let mapper = Mapper {
            adapter,
            columns: header.map(Columns::read),
            row: header.map(Row::below).unwrap_or_default(),
            sniffed: checkpoint.index > 0,
            refused: None,
            charset: Charset::default(),
            layouts: &[],
            products: 0,
        };
        let to_drop = checkpoint.offset - checkpoint.object_offset();
        Self { to_drop, mapper, splitter: Splitter::resume(checkpoint, expected, limits) }
    }
}

impl Reader for BuiltIn {
    fn push(&mut self, bytes: &[u8], _: Compression, out: &mut Vec<Outcome>) -> Result<(), Broken> {
        let Self { to_drop, splitter, mapper } = self;
        splitter.push(behind(to_drop, bytes), &mut |piece| mapper.take(&piece, out))?;
        mapper.refused.take().map_or(Ok(()), Err)
    }

    fn finish(&mut self, out: &mut Vec<Outcome>) -> Result<Progress, Broken> {
        let Self { splitter, mapper, .. } = self;
        splitter.finish(&mut |piece| mapper.take(&piece, out))?;
        mapper.check_header(splitter.header());
        mapper.refused.take().map_or(Ok(Progress::Hungry), Err)
    }

    fn checkpoint(&self) -> Checkpoint {
        self.splitter.checkpoint()
    }

    fn taken(&self) -> u64 {
        self.mapper.products
    }

    fn checksum(&self) -> Option<u64> {
        self.splitter.checksum()
    }

    fn in_charset(&mut self, label: &str) {
        self.mapper.charset = Charset::named(label);
    }

    fn knowing(&mut self, layouts: &'static [Layout]) {
        self.mapper.layouts = layouts;
    }
}

/// Whether an object's name says that it holds JSON Lines.
#[must_use]
pub fn says_json_lines(name: &str) -> bool {
    let stem = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst"));
    let stem = stem.or_else(|| name.strip_suffix(".zip")).unwrap_or(name);
    stem.ends_with(".jsonl") || stem.ends_with(".ndjson")
}

/// What of `bytes` stands behind the next `to_drop` ones, which are dropped.
#[must_use]
pub fn behind<'b>(to_drop: &mut u64, bytes: &'b [u8]) -> &'b [u8] {
    let dropped = usize::try_from(*to_drop).unwrap_or(usize::MAX).min(bytes.len());
    *to_drop -= dropped as u64;
    &bytes[dropped..]
}

/// Counts bytes, to notice when far too many come out of far too few.
#[derive(Debug, Default)]
struct Meter {
    /// The byte of the object that came first.
    begin: u64,
    read: u64,
    decoded: u64,
    /// Both counts when the last product came out.
    at_product: (u64, u64),
}

impl Meter {
    fn product(&mut self) {
        self.at_product = (self.read, self.decoded);
    }

    fn check(&self, compressed: bool, limits: &Limits) -> Result<(), String> {
        if self.decoded > limits.feed_bytes {
            return Err(format!("the feed has more than {} bytes after decompression", limits.feed_bytes));
        }
        let (read, decoded) = (self.read - self.at_product.0, self.decoded - self.at_product.1);
        if compressed && decoded > limits.ratio_from && decoded / limits.ratio > read {
            return Err(format!(
                "{read} compressed bytes became {decoded}, and none of them a product: a decompression bomb"
            ));
        }
        Ok(())
    }
}
