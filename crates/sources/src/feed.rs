//! Object bytes in, products and rejections out: [`feeds::Feed`] for a source that is described in a mapping.

use std::sync::Arc;

use feeds::decode::{Compression, DecodeError, Decoder, STEP};
use feeds::helpers::at_path;
use feeds::integrity::{Checksum, Partial};
use feeds::split::{Expected, Format, Piece, Place, Splitter};
use feeds::{Broken, Checkpoint, Defect, Limits, Outcome, Progress, Reason};

use crate::groups::{Groups, Placed, refused};
use crate::mapping::{Mapping, Take, Type};
use crate::rows::{NUMBERED, Rows};
use crate::{json, xml};

/// Bytes within which the list of records has to begin.
const HEAD: usize = 1 << 20;

/// One feed on its way in. It is used as [`feeds::Feed`] is.
#[derive(Debug)]
pub struct Feed {
    mapping: Arc<Mapping>,
    limits: Limits,
    decoder: Option<Decoder>,
    input: Vec<u8>,
    read: usize,
    /// Bytes of the object that were read, from its beginning.
    position: u64,
    decoded: Vec<u8>,
    /// Decoded bytes in all, and of those the ones before the checkpoint, which are dropped.
    decoded_bytes: u64,
    to_drop: u64,
    ended: bool,
    transcoder: Option<Transcoder>,
    cut: Cut,
    records: Records,
    expected: Option<Checksum>,
    stored: Option<Partial>,
    /// Both counts when the last product came out.
    at_product: (u64, u64),
}

/// From the mapping's encoding to UTF-8.
struct Transcoder {
    decoder: encoding_rs::Decoder,
    text: String,
}

impl std::fmt::Debug for Transcoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Transcoder").field(&self.decoder.encoding().name()).finish()
    }
}

/// Finds the records.
#[derive(Debug)]
enum Cut {
    Text(Box<Splitter>),
    Xml(Box<xml::Splitter>),
    /// The list of records has not begun: what was read so far.
    Before(Vec<u8>),
}

/// From records to products.
#[derive(Debug)]
struct Records {
    mapping: Arc<Mapping>,
    rows: Option<Rows>,
    groups: Groups,
    /// The feed is refused as a whole.
    broken: Option<Broken>,
    last: (u64, u64),
}

impl Feed {
    /// A feed from its beginning, or from a checkpoint: then the first byte offered is the one at [`Self::object_offset`].
    ///
    /// # Errors
    /// When the decompressor cannot be set up.
    pub fn new(mapping: Arc<Mapping>, name: &str, checkpoint: Checkpoint, limits: Limits) -> Result<Self, DecodeError> {
        Self::expecting(None, mapping, name, checkpoint, limits)
    }

    /// The byte of the object to read on from. A feed in another encoding is read from its beginning.
    #[must_use]
    pub fn object_offset(checkpoint: &Checkpoint) -> u64 {
        checkpoint.object_offset()
    }

    /// The same for an object whose checksum is known: [`Self::finish`] fails if what was offered is not what is stored.
    ///
    /// # Errors
    /// When the decompressor cannot be set up.
    pub fn expecting(
        expected: Option<Checksum>,
        mapping: Arc<Mapping>,
        name: &str,
        checkpoint: Checkpoint,
        limits: Limits,
    ) -> Result<Self, DecodeError> {
        let begin = checkpoint.object_offset();
        let known =
            checkpoint.checksum.filter(|partial| expected.is_some_and(|one| one.algorithm == partial.algorithm()));
        let stored = known.or_else(|| expected.filter(|_| begin == 0).map(|one| Partial::new(one.algorithm)));
        let decoder = checkpoint.compression.map(|compression| Decoder::new(compression, &limits)).transpose()?;
        let to_drop = checkpoint.offset - begin;
        let mut records = Records {
            mapping: Arc::clone(&mapping),
            rows: None,
            groups: Groups::default(),
            broken: None,
            last: (checkpoint.index, checkpoint.offset),
        };
        let cut = cut(&mapping, name, Checkpoint { checksum: None, ..checkpoint }, limits, &mut records);
        Ok(Self {
            mapping,
            limits,
            decoder,
            input: Vec::new(),
            read: 0,
            position: begin,
            decoded: Vec::new(),
            decoded_bytes: begin,
            to_drop,
            ended: false,
            transcoder: None,
            cut,
            records,
            expected: expected.filter(|_| stored.is_some()),
            stored,
            at_product: (begin, begin),
        })
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
            match Compression::of(&self.input[self.read..], self.ended) {
                None => return Ok(Progress::Hungry),
                Some(kind) => {
                    let decoder = Decoder::new(kind, &self.limits);
                    self.decoder = Some(decoder.map_err(|error| self.undecodable(&error))?);
                }
            }
        }
        let Some(decoder) = &mut self.decoder else { return Ok(Progress::Hungry) };
        let compression = decoder.compression();
        if self.transcoder.is_none()
            && !matches!(compression, Compression::Utf16Le | Compression::Utf16Be)
            && let Some(encoding) = self.mapping.form.encoding.filter(|encoding| *encoding != encoding_rs::UTF_8)
        {
            self.transcoder = Some(Transcoder { decoder: encoding.new_decoder(), text: String::new() });
        }
        let begin = self.read;
        let step = decoder.step(&self.input[begin..], &mut self.decoded);
        let step = step.map_err(|error| self.undecodable(&error))?;
        if let Some(stored) = &mut self.stored {
            stored.add(self.position, &self.input[begin..begin + step.read]);
        }
        self.read += step.read;
        self.position += step.read as u64;
        let decoded = std::mem::take(&mut self.decoded);
        let result = self.transcoded(&decoded, false, out);
        self.decoded = decoded;
        result?;
        self.check(compression != Compression::None)?;
        let more = step.full || (self.read < self.input.len() && step.read > 0);
        Ok(if more { Progress::More } else { Progress::Hungry })
    }

    /// Says that the object ends here; nothing may be offered any more.
    ///
    /// # Errors
    /// [`Broken`] when the feed ends in the middle of something, or where [`step`](Self::step) would have failed.
    pub fn finish(&mut self, out: &mut Vec<Outcome>) -> Result<(), Broken> {
        self.ended = true;
        while self.step(out)? == Progress::More {}
        if let Some(decoder) = &self.decoder {
            decoder.finish().map_err(|error| self.undecodable(&error))?;
        }
        self.transcoded(&[], true, out)?;
        let Self { cut, records, .. } = self;
        match cut {
            Cut::Text(splitter) => {
                let end = splitter.finish(&mut |piece| records.take(&piece, out));
                if let Some(header) = splitter.header() {
                    records.header(header);
                }
                end?;
            }
            Cut::Xml(splitter) => splitter.finish(&mut |piece| records.take(&piece, out))?,
            Cut::Before(head) => {
                let reason = if head.trim_ascii().is_empty() { Reason::EmptyFeed } else { Reason::UnknownFormat };
                let path = self.mapping.form.records.join(".");
                return Err(Broken {
                    reason,
                    offset: 0,
                    index: 0,
                    message: format!("there is no list at {path}"),
                    excerpt: None,
                });
            }
        }
        if let Some(broken) = self.records.broken.take() {
            return Err(broken);
        }
        self.compare()?;
        self.records.groups.flush(&self.mapping, out);
        Ok(())
    }

    /// Where the feed can be taken up again: behind the last product handed out, before the first record of one that is not.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        let compression = self.decoder.as_ref().map(Decoder::compression);
        // What is transcoded is read from its beginning, as if nothing were known of it.
        let compression = compression.filter(|_| self.transcoder.is_none());
        let open = self.records.groups.begin();
        let mut place = match &self.cut {
            Cut::Text(splitter) => splitter.checkpoint(),
            Cut::Xml(splitter) => {
                let (offset, index) = splitter.place();
                Checkpoint { offset, index, ..Checkpoint::default() }
            }
            Cut::Before(_) => return Checkpoint { checksum: None, ..Checkpoint::default() },
        };
        if let Some((index, offset)) = open {
            place.index = index;
            place.offset = offset;
            place.place = match place.format {
                Some(Format::JsonArray | Format::JsonWrapped) if index == 0 => Place::Beginning,
                Some(Format::JsonArray | Format::JsonWrapped) => Place::AfterComma,
                _ => Place::AfterRecord,
            };
        }
        Checkpoint { compression, checksum: self.stored, ..place }
    }

    fn transcoded(&mut self, bytes: &[u8], last: bool, out: &mut Vec<Outcome>) -> Result<(), Broken> {
        match self.transcoder.take() {
            None => self.cut(bytes, out),
            Some(mut transcoder) => {
                let mut rest = bytes;
                let result = loop {
                    transcoder.text.clear();
                    transcoder.text.reserve(STEP * 3 + 16);
                    let (state, read, _) = transcoder.decoder.decode_to_string(rest, &mut transcoder.text, last);
                    rest = &rest[read..];
                    let text = std::mem::take(&mut transcoder.text);
                    let result = self.cut(text.as_bytes(), out);
                    transcoder.text = text;
                    if result.is_err() || state == encoding_rs::CoderResult::InputEmpty {
                        break result;
                    }
                };
                self.transcoder = Some(transcoder);
                result
            }
        }
    }

    /// Passes text on to what finds the records in it.
    fn cut(&mut self, bytes: &[u8], out: &mut Vec<Outcome>) -> Result<(), Broken> {
        self.decoded_bytes += bytes.len() as u64;
        let dropped = usize::try_from(self.to_drop).unwrap_or(usize::MAX).min(bytes.len());
        self.to_drop -= dropped as u64;
        let bytes = &bytes[dropped..];
        let before = out.len();
        let Self { cut, records, mapping, limits, .. } = self;
        let mut list = None;
        if let Cut::Before(head) = cut {
            head.extend_from_slice(bytes);
            let path = &mapping.form.records;
            let lead = if head.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
            match at_path(&head[lead..], path) {
                None if head.len() > HEAD => {
                    let message = format!("there is no list at {} within the first {HEAD} bytes", path.join("."));
                    return Err(Broken { reason: Reason::UnknownFormat, offset: 0, index: 0, message, excerpt: None });
                }
                None => return Ok(()),
                Some((begin, depth)) => {
                    let offset = (lead + begin) as u64;
                    let checkpoint =
                        Checkpoint { offset, depth, format: Some(Format::JsonWrapped), ..Checkpoint::default() };
                    list = Some(head.split_off(lead + begin));
                    *cut = Cut::Text(Box::new(Splitter::resume(checkpoint, Expected::default(), *limits)));
                }
            }
        }
        let bytes = list.as_deref().unwrap_or(bytes);
        match cut {
            Cut::Text(splitter) => {
                let result = splitter.push(bytes, &mut |piece| records.take(&piece, out));
                if mapping.form.kind == Type::Csv
                    && let Some(format) = splitter.format()
                    && format != Format::Csv
                {
                    let message = format!("{} says csv, and the feed begins like JSON", mapping.file);
                    return Err(Broken { reason: Reason::UnknownFormat, offset: 0, index: 0, message, excerpt: None });
                }
                result?;
            }
            Cut::Xml(splitter) => splitter.push(bytes, &mut |piece| records.take(&piece, out))?,
            Cut::Before(_) => {}
        }
        if out.len() > before {
            self.at_product = (self.position, self.decoded_bytes);
        }
        self.records.broken.take().map_or(Ok(()), Err)
    }

    /// Notices when far too many bytes come out of far too few.
    fn check(&self, compressed: bool) -> Result<(), Broken> {
        let limits = &self.limits;
        let (read, decoded) =
            (self.position - self.at_product.0.min(self.position), self.decoded_bytes - self.at_product.1);
        let message = if self.decoded_bytes > limits.feed_bytes {
            format!("the feed has more than {} bytes after decompression", limits.feed_bytes)
        } else if compressed && decoded > limits.ratio_from && decoded / limits.ratio > read {
            format!("{read} compressed bytes became {decoded}, and none of them a product: a decompression bomb")
        } else {
            return Ok(());
        };
        Err(self.broken(Reason::TooMuchData, message))
    }

    fn compare(&self) -> Result<(), Broken> {
        match (self.expected, &self.stored) {
            (Some(Checksum { algorithm, value }), Some(stored)) if stored.value() != value => {
                let arrived = stored.value();
                let message = format!(
                    "the object did not arrive as it is stored: its {algorithm:?} is {arrived:#x}, S3 has {value:#x}"
                );
                Err(self.broken(Reason::ObjectCorrupt, message))
            }
            _ => Ok(()),
        }
    }

    fn undecodable(&self, error: &DecodeError) -> Broken {
        let reason = match error {
            DecodeError::Truncated(_) => Reason::Truncated,
            DecodeError::Corrupt(..) | DecodeError::Setup(_) => Reason::CorruptCompression,
        };
        self.broken(reason, error.to_string())
    }

    fn broken(&self, reason: Reason, message: String) -> Broken {
        let at = self.checkpoint();
        Broken { reason, offset: at.offset, index: at.index, message, excerpt: None }
    }
}

fn cut(mapping: &Mapping, name: &str, checkpoint: Checkpoint, limits: Limits, records: &mut Records) -> Cut {
    let form = &mapping.form;
    let begins = checkpoint.format.is_none() && checkpoint.offset == 0;
    match form.kind {
        Type::Xml => {
            let element = form.records.first().map(String::as_str).unwrap_or_default();
            Cut::Xml(Box::new(xml::Splitter::resume(element, checkpoint.offset, checkpoint.index, limits)))
        }
        Type::Json if begins && !form.records.is_empty() => Cut::Before(Vec::new()),
        Type::Json => {
            let stem = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(name);
            let json_lines = stem.ends_with(".jsonl") || stem.ends_with(".ndjson");
            Cut::Text(Box::new(Splitter::resume(
                checkpoint,
                Expected { csv: false, json_lines, separator: None },
                limits,
            )))
        }
        Type::Csv => {
            let expected = Expected { csv: true, json_lines: false, separator: form.delimiter };
            let mut checkpoint = checkpoint;
            if !form.header && checkpoint.header.is_none() {
                let between = char::from(form.delimiter.unwrap_or(b',')).to_string();
                let numbers: Vec<String> = (1..=NUMBERED).map(|number| number.to_string()).collect();
                checkpoint.header = Some(numbers.join(&between));
                checkpoint.format = Some(Format::Csv);
            }
            if let Some(header) = checkpoint.header.clone() {
                records.header(&header);
            }
            Cut::Text(Box::new(Splitter::resume(checkpoint, expected, limits)))
        }
    }
}

impl Records {
    /// Reads a header once, and refuses the feed if it lacks what the mapping cannot do without.
    fn header(&mut self, header: &str) {
        if self.rows.is_some() || self.broken.is_some() {
            return;
        }
        let mut needed = Vec::new();
        let group = self.mapping.group.as_ref().map(|group| &group.by);
        let product = &self.mapping.product;
        let mut fields = vec![&product.id];
        fields.extend(group);
        fields.extend(product.variants.prices.first().map(|price| &price.amount));
        if let crate::mapping::LocalizedField::One(name) = &product.name {
            fields.push(name);
        }
        for field in fields {
            if let Take::Paths(paths) = &field.take
                && let [one] = &paths[..]
                && field.default.is_none()
            {
                needed.extend(one.first());
            }
        }
        match Rows::below(header, &self.mapping, &needed) {
            Ok(rows) => self.rows = Some(rows),
            Err(message) => {
                let excerpt = Some(header.chars().take(400).collect());
                self.broken = Some(Broken { reason: Reason::CsvHeader, offset: 0, index: 0, message, excerpt });
            }
        }
    }

    fn take(&mut self, piece: &Piece<'_>, out: &mut Vec<Outcome>) {
        if let Some(header) = piece.header {
            self.header(header);
        }
        if self.broken.is_some() {
            return;
        }
        self.last = (piece.index, piece.offset);
        let record = match &piece.defect {
            Some(defect) => Err(defect.clone()),
            None => self.read(piece.bytes),
        };
        match record {
            Ok(record) => {
                let placed = Placed { index: piece.index, offset: piece.offset, record, raw: piece.bytes.to_vec() };
                if let Err(message) = self.groups.take(&self.mapping, placed, out) {
                    let (index, offset) = self.last;
                    self.broken = Some(Broken { reason: Reason::TooMuchData, offset, index, message, excerpt: None });
                }
            }
            Err(defect) => {
                let outcome = refused(piece.index, piece.offset, None, defect.clone(), piece.bytes.to_vec());
                let spread = self.mapping.group.as_ref().is_some_and(|group| group.spread);
                self.groups.refuse(outcome, Some(&defect).filter(|_| !spread), out);
            }
        }
    }

    fn read(&mut self, bytes: &[u8]) -> Result<crate::record::Record, Defect> {
        let text = simdutf8::basic::from_utf8(bytes).map_err(|_| {
            let at = std::str::from_utf8(bytes).err().map_or(0, |error| error.valid_up_to());
            let byte = bytes.get(at).copied().unwrap_or_default();
            let message =
                format!("byte {byte:#04x} is not UTF-8; the mapping can name the encoding, such as windows-1252");
            Defect::new(Reason::InvalidUtf8, message).at(at)
        })?;
        match (self.mapping.form.kind, &mut self.rows) {
            (Type::Csv, Some(rows)) => rows.read(text.trim_start_matches('\u{feff}')),
            (Type::Csv, None) => Err(Defect::new(Reason::CsvHeader, "there is no header")),
            (Type::Json, _) => {
                if !text.starts_with('{') {
                    return Err(match serde_json::from_str::<serde::de::IgnoredAny>(text) {
                        Ok(_) => Defect::new(Reason::RecordNotObject, "the record is JSON, but no object").value(text),
                        Err(error) => {
                            Defect::new(Reason::MalformedJson, format!("the record is not JSON: {error}")).value(text)
                        }
                    });
                }
                let mapping = &self.mapping;
                let wanted =
                    |key: &str| mapping.reads.contains_key(key) || mapping.names.contains(&expr::identifier(key));
                json::read(text, &wanted).map(crate::record::Record::Tree)
            }
            (Type::Xml, _) => xml::read(text).map(crate::record::Record::Tree),
        }
    }
}
