//! Object bytes in, products and rejections out: decompression, splitting and mapping in one push-driven machine without I/O.

use std::borrow::Cow;

use catalog::Product;

use crate::adapter::{self, Adapter, Columns};
use crate::charset::Charset;
use crate::decode::{Compression, DecodeError, Decoder, STEP, Step};
use crate::integrity::{Checksum, Partial};
use crate::lenient::top_level_keys;
use crate::split::{Expected, Piece, Row, Splitter};
use crate::{Broken, Checkpoint, Defect, Limits, Reason, Rejection};

/// Finds the records in a feed's decompressed bytes and says what becomes of them. [`Feed`] does the rest.
pub trait Reader: std::fmt::Debug + Send {
    /// Takes the next bytes. The first ones are those at [`Checkpoint::object_offset`] of the checkpoint that it was made from, decompressed.
    ///
    /// # Errors
    /// [`Broken`] when the feed cannot be read any further. Everything before the break is in `out`.
    fn push(&mut self, bytes: &[u8], compression: Compression, out: &mut Vec<Outcome>) -> Result<(), Broken>;

    /// Says that there is nothing more. While it has [more](Progress::More) to hand out it is called again.
    ///
    /// # Errors
    /// [`Broken`] when the feed ends in the middle of something.
    fn finish(&mut self, out: &mut Vec<Outcome>) -> Result<Progress, Broken>;

    /// Where it can be taken up again.
    fn checkpoint(&self) -> Checkpoint;

    /// How many records are, or will be part of, a product.
    fn taken(&self) -> u64;

    /// The checksum of an uncompressed object, of a reader that computes it: [`Checkpoint::checksum`] then speaks of the bytes before the place, and
    /// no further ones.
    fn checksum(&self) -> Option<u64> {
        None
    }

    /// Says which encoding the object claims to be in.
    fn in_charset(&mut self, _label: &str) {}

    /// Whether it reads objects as they are, archives included.
    fn is_raw(&self) -> bool {
        false
    }

    /// Whether its places are counted in something else than the object's bytes: it is taken up again by reading the object from its beginning.
    fn rereads(&self) -> bool {
        false
    }
}

/// One feed on its way in.
///
/// Call [`offer`](Self::offer) with a piece of the object, [`step`](Self::step) until it is [`Progress::Hungry`], and so on; after
/// the last piece [`finish`](Self::finish). Every step hands out the records of at most [`crate::decode::STEP`] bytes, so that
/// what is in memory at one time stays small whatever the object is.
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

/// What became of one record.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// A product.
    Product(Box<Mapped>),
    /// Not taken; the second part is the raw record, or its beginning where it is over its limit.
    Rejected(Rejection, Vec<u8>),
}

impl Feed {
    /// A feed of `adapter`'s source from its beginning, or from a checkpoint: then the first byte offered is the one at
    /// [`Checkpoint::object_offset`]. `name` is the object's key; of it only the ending `.jsonl` or `.ndjson` matters.
    pub fn new(
        adapter: &'static dyn Adapter,
        name: &str,
        checkpoint: Checkpoint,
        limits: Limits,
    ) -> Result<Self, DecodeError> {
        Self::expecting(None, adapter, name, checkpoint, limits)
    }

    /// The same for an object whose checksum is known: [`finish`](Self::finish) fails if what was offered is not what is stored.
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

    /// A feed whose records somebody else knows; `reader` makes a reader that goes on at a checkpoint.
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
    /// [`Broken`] when the feed cannot be read any further. Everything before the break is in `out`.
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

    /// Says that the object ends here; nothing may be offered any more. Everything that is left is in `out`.
    ///
    /// # Errors
    /// [`Broken`] when the feed ends in the middle of something, or where [`step`](Self::step) would have failed.
    pub fn finish(&mut self, out: &mut Vec<Outcome>) -> Result<(), Broken> {
        while self.conclude(out)? == Progress::More {}
        Ok(())
    }

    /// The same in steps, each of which hands out some of what is left: called again while there is [more](Progress::More).
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
        // A reader sees what comes out of the decompression; what is stored is read again from its beginning.
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

/// Turns records into products.
#[derive(Debug)]
struct Mapper {
    adapter: &'static dyn Adapter,
    columns: Option<Columns>,
    row: Row,
    /// A record has shown that the feed is not another source's.
    sniffed: bool,
    /// The feed is refused as a whole.
    refused: Option<Broken>,
    /// What records that are no UTF-8 are in.
    charset: Charset,
    products: u64,
}

impl Mapper {
    fn take(&mut self, piece: &Piece<'_>, out: &mut Vec<Outcome>) {
        self.check_header(piece.header);
        if self.refused.is_some() {
            return;
        }
        let result = match &piece.defect {
            Some(defect) => Err((defect.clone(), self.id_in_bytes(piece.bytes))),
            None => self.map(piece),
        };
        if self.refused.is_some() {
            return;
        }
        out.push(match result {
            Ok(product) => {
                self.products += 1;
                Outcome::Product(Box::new(Mapped { index: piece.index, offset: piece.offset, product }))
            }
            Err((defect, product_id)) => Outcome::Rejected(
                Rejection {
                    index: piece.index,
                    offset: piece.offset,
                    defect_offset: defect.at.map(|at| piece.offset + at as u64),
                    product_id,
                    reason: defect.reason,
                    message: defect.message,
                    path: defect.path,
                    value: defect.value,
                },
                piece.bytes.to_vec(),
            ),
        });
    }

    fn map(&mut self, piece: &Piece<'_>) -> Result<Product, (Defect, Option<String>)> {
        let text = match simdutf8::basic::from_utf8(piece.bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => match self.charset.decode(piece.bytes) {
                Some(text) => text,
                None => return Err((no_utf8(piece.bytes, self.charset), self.id_in_bytes(piece.bytes))),
            },
        };
        let text = &*text;
        if let Some(columns) = &self.columns {
            self.row.read(text);
            let id = || columns.cell(&self.row, "product_id").and_then(|id| adapter::known_id(self.adapter, id));
            let mapped = self.row.expect_len(columns.len()).and_then(|()| self.adapter.csv(columns, &self.row));
            return mapped.map_err(|defect| (defect, id()));
        }
        if !text.starts_with('{') {
            return Err((no_object(text), None));
        }
        if !self.sniffed
            && let Some(keys) = top_level_keys(text)
        {
            self.sniffed = true;
            if let Some(other) = adapter::other_source(self.adapter, &keys) {
                self.refuse(Reason::WrongSource, piece.index, piece.offset, text, other_source(self.adapter, other));
            } else if let Some(message) = adapter::unknown(self.adapter, &keys, Some(text)) {
                self.refuse(Reason::UnknownFormat, piece.index, piece.offset, text, message);
            }
        }
        self.adapter.json(text).map_err(|defect| (defect, adapter::id_in(self.adapter, text)))
    }

    /// The product's id in a record that cannot be read as a whole: damaged, cut off, too deep.
    fn id_in_bytes(&mut self, bytes: &[u8]) -> Option<String> {
        let text = match String::from_utf8_lossy(bytes) {
            Cow::Owned(lossy) => self.charset.decode(bytes).unwrap_or(Cow::Owned(lossy)),
            whole @ Cow::Borrowed(_) => whole,
        };
        let id = match &self.columns {
            None => adapter::id_in(self.adapter, &text),
            Some(columns) => {
                self.row.read(&text);
                // The last field may be cut off.
                let whole = self.row.len() == columns.len();
                let cell = columns.cell(&self.row, "product_id").filter(|_| whole);
                cell.and_then(|id| adapter::known_id(self.adapter, id))
            }
        };
        // What is damaged itself is nobody's id.
        id.filter(|id| !id.contains('\u{fffd}'))
    }

    /// Reads the header of a CSV feed once, and refuses the feed if it cannot be the source's.
    fn check_header(&mut self, header: Option<&str>) {
        let Some(header) = header.filter(|_| self.columns.is_none()) else { return };
        let columns = Columns::read(header);
        let missing: Vec<&str> =
            self.adapter.required_columns().iter().filter(|name| columns.count(name) == 0).copied().collect();
        let twice = self.adapter.required_columns().iter().find(|name| columns.count(name) > 1);
        if let (true, Some(name)) = (missing.is_empty(), twice) {
            let message = format!("the header has {name} twice; nobody can tell which one counts");
            self.refuse(Reason::CsvHeader, 0, 0, header, message);
        }
        if !missing.is_empty() {
            let other = adapter::other_source(self.adapter, &columns.keys());
            let unknown = || adapter::unknown(self.adapter, &columns.keys(), None);
            let (reason, message) = if let Some(other) = other {
                (Reason::WrongSource, other_source(self.adapter, other))
            } else if let Some(message) = unknown() {
                (Reason::UnknownFormat, message)
            } else {
                let (source, lacking) = (self.adapter.source(), missing.join(", "));
                (Reason::CsvHeader, format!("the first line is no header of {source}: it lacks {lacking}"))
            };
            self.refuse(reason, 0, 0, header, message);
        }
        self.columns = Some(columns);
        self.row = Row::below(header);
    }

    fn refuse(&mut self, reason: Reason, index: u64, offset: u64, text: &str, message: String) {
        let excerpt = Some(crate::reason::shorten(text, 400));
        self.refused = Some(Broken { reason, offset, index, message, excerpt });
    }
}

fn other_source(adapter: &dyn Adapter, other: &str) -> String {
    let source = adapter.source();
    format!("the object is under incoming/{source}/ but holds records of {other}; upload it under incoming/{other}/")
}

/// Looks once more, slower, for the place of the first byte that is not UTF-8.
fn no_utf8(bytes: &[u8], charset: Charset) -> Defect {
    let at = simdutf8::compat::from_utf8(bytes).err().map_or(0, |error| error.valid_up_to());
    let shown = String::from_utf8_lossy(&bytes[at.saturating_sub(20)..bytes.len().min(at + 20)]).into_owned();
    let byte = bytes.get(at).copied().unwrap_or_default();
    let message = format!("byte {byte:#04x} is not UTF-8, {}", charset.remedy());
    Defect::new(Reason::InvalidUtf8, message).at(at).value(&shown)
}

/// Something stands where an object should.
fn no_object(text: &str) -> Defect {
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => Defect::new(Reason::RecordNotObject, "the record is JSON, but no object").value(text),
        Err(error) => Defect::new(Reason::MalformedJson, format!("the record is not JSON: {error}")).value(text).at(0),
    }
}
