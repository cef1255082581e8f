//! How the records of a described source are found and read: what [`feeds::Feed`] needs to know of
//! it.

use std::borrow::Cow;
use std::sync::Arc;

use feeds::charset::Charset;
use feeds::decode::{Compression, DecodeError, STEP};
use feeds::helpers::at_path;
use feeds::integrity::Checksum;
use feeds::split::{Expected, Format, Piece, Place, Splitter};
use feeds::{Broken, Checkpoint, Defect, Feed, Limits, MappedLine, Numbers, Outcome, Progress, Reader, Reason};

use crate::groups::{self, Groups, Placed, Unread, refused};
use crate::mapping::{Mapping, Take, Type};
use crate::rows::{NUMBERED, Rows};
use crate::spread::Spread;
use crate::xlsx::{Fault, Workbook};
use crate::{json, record, salvage, xml};

/// Bytes within which the list of records has to begin.
const HEAD: usize = 1 << 20;

/// A feed of a described source, from its beginning or from a checkpoint; `expected` is the
/// object's checksum, where it is known.
///
/// # Errors
/// When the decompressor cannot be set up.
pub fn feed(
    expected: Option<Checksum>,
    mapping: Arc<Mapping>,
    name: &str,
    checkpoint: Checkpoint,
    limits: Limits,
) -> Result<Feed, DecodeError> {
    let reader = |checkpoint: Checkpoint| Box::new(Described::new(mapping, name, checkpoint, limits)) as Box<_>;
    Feed::of(expected, reader, checkpoint, limits)
}

/// Records of a described source.
#[derive(Debug)]
struct Described {
    mapping: Arc<Mapping>,
    limits: Limits,
    /// Decoded bytes that were handed out before the checkpoint and are dropped.
    to_drop: u64,
    transcoder: Option<Transcoder>,
    /// The workbook whose rows become text.
    workbook: Option<Box<Workbook>>,
    cut: Cut,
    records: Records,
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
    /// Where records of one product stand anywhere in the file.
    spread: Option<Spread>,
    /// The file has ended.
    ended: bool,
    /// The feed is refused as a whole.
    broken: Option<Broken>,
    last: (u64, u64),
    /// What records that are no UTF-8 are in, where the mapping does not say.
    charset: Charset,
    /// Records that could be read.
    taken: u64,
    /// Records that need not be read.
    known: Option<Arc<Numbers>>,
}

impl Described {
    fn new(mapping: Arc<Mapping>, name: &str, checkpoint: Checkpoint, limits: Limits) -> Self {
        let is_spread = mapping.group.as_ref().is_some_and(|group| group.spread);
        let spread = is_spread.then(|| Spread::behind(checkpoint.steps, checkpoint.index));
        // What is spread over the file is read from its beginning.
        let checkpoint = if is_spread { Checkpoint::default() } else { checkpoint };
        let mut records = Records {
            mapping: Arc::clone(&mapping),
            rows: None,
            groups: Groups::default(),
            spread,
            ended: false,
            broken: None,
            last: (checkpoint.index, checkpoint.offset),
            charset: Charset::default(),
            taken: 0,
            known: None,
        };
        let to_drop = checkpoint.offset - checkpoint.object_offset();
        let cut = cut(&mapping, name, Checkpoint { checksum: None, ..checkpoint }, limits, &mut records);
        let transcoder = mapping.form.encoding.filter(|encoding| *encoding != encoding_rs::UTF_8);
        let transcoder = transcoder.map(|encoding| Transcoder { decoder: encoding.new_decoder(), text: String::new() });
        let workbook = (mapping.form.kind == Type::Xlsx).then(|| Box::new(Workbook::new(mapping.form.chosen.clone())));
        Self { mapping, limits, to_drop, transcoder, workbook, cut, records }
    }
}

impl Reader for Described {
    fn push(&mut self, bytes: &[u8], compression: Compression, out: &mut Vec<Outcome>) -> Result<(), Broken> {
        if let Some(workbook) = &mut self.workbook {
            return workbook.hold(bytes).map_err(Fault::broken);
        }
        if matches!(compression, Compression::Utf16Le | Compression::Utf16Be) {
            // It is UTF-8 already.
            self.transcoder = None;
        }
        self.transcoded(bytes, false, out)
    }

    fn finish(&mut self, out: &mut Vec<Outcome>) -> Result<Progress, Broken> {
        if self.records.ended {
            return self.records.end(out);
        }
        if let Some(workbook) = &mut self.workbook {
            let mut text = String::new();
            if workbook.next(&mut text).map_err(Fault::broken)? {
                self.cut(text.as_bytes(), out)?;
                return Ok(Progress::More);
            }
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
        self.records.ended = true;
        self.records.end(out)
    }

    /// Behind the last product handed out, before the first record of one that is not.
    fn checkpoint(&self) -> Checkpoint {
        if let Some(spread) = &self.records.spread {
            return Checkpoint { index: spread.handed_out(), steps: spread.steps(), ..Checkpoint::default() };
        }
        let open = self.records.groups.begin();
        let mut place = match &self.cut {
            Cut::Text(splitter) => splitter.checkpoint(),
            Cut::Xml(splitter) => {
                let (offset, index) = splitter.place();
                Checkpoint { offset, index, ..Checkpoint::default() }
            }
            Cut::Before(_) => return Checkpoint::default(),
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
        place
    }

    fn taken(&self) -> u64 {
        self.records.taken
    }

    fn in_charset(&mut self, label: &str) {
        self.records.charset = Charset::named(label);
    }

    fn passing_over(&mut self, known: &Arc<Numbers>) {
        self.records.known = Some(Arc::clone(known));
    }

    fn rereads(&self) -> bool {
        self.transcoder.is_some() || self.workbook.is_some() || self.records.spread.is_some()
    }

    fn is_raw(&self) -> bool {
        self.workbook.is_some()
    }
}

impl Described {
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
        let bytes = feeds::behind(&mut self.to_drop, bytes);
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
        self.records.broken.take().map_or(Ok(()), Err)
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
            let json_lines = feeds::says_json_lines(name);
            Cut::Text(Box::new(Splitter::resume(
                checkpoint,
                Expected { csv: false, json_lines, separator: None },
                limits,
            )))
        }
        Type::Csv | Type::Xlsx => {
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
            Ok(rows) => {
                let owned = self.mapping.line.as_ref().map(|line| line.columns()).unwrap_or_default();
                if !owned.is_empty() && !owned.iter().any(|column| rows.has(column)) {
                    let message =
                        format!("the header has none of the columns that the part speaks of: {}", owned.join(", "));
                    let excerpt = Some(header.chars().take(400).collect());
                    self.broken = Some(Broken { reason: Reason::CsvHeader, offset: 0, index: 0, message, excerpt });
                }
                self.rows = Some(rows);
            }
            Err(message) => {
                let columns = feeds::adapter::Columns::read(header);
                let nearest = feeds::adapter::nearest(&columns.keys(), crate::shipped::layouts());
                let message = format!("{message}; nearest to what it has: {nearest}");
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
        if self.known.as_ref().is_some_and(|known| known.has(piece.index)) {
            self.taken += 1;
            return;
        }
        if piece.defect.is_none()
            && let Some(line) = self.rows.as_ref().and_then(|rows| rows.plain(piece.bytes))
        {
            self.taken += 1;
            out.push(Outcome::Line(Box::new(MappedLine { index: piece.index, offset: piece.offset, line })));
            return;
        }
        let record = match &piece.defect {
            Some(defect) => Err(defect.clone()),
            None => read(&self.mapping, &mut self.rows, self.charset, piece.bytes),
        };
        if self.spread.is_some() {
            self.hold(piece, record);
            return;
        }
        match record {
            Ok(record) => {
                self.taken += 1;
                let placed = Placed { index: piece.index, offset: piece.offset, record, raw: piece.bytes };
                self.groups.take(&self.mapping, placed, out);
            }
            Err(defect) => {
                let id = self.id_in(piece);
                let outcome = refused(piece.index, piece.offset, id, defect.clone(), piece.bytes.to_vec());
                self.groups.refuse(outcome, Some(&defect), out);
            }
        }
    }

    /// Lets a record wait for the end of the file.
    fn hold(&mut self, piece: &Piece<'_>, record: Result<crate::record::Record, Defect>) {
        let id = if piece.defect.is_some() { self.id_in(piece) } else { None };
        let Some(spread) = &mut self.spread else { return };
        let (index, offset, raw) = (piece.index, piece.offset, piece.bytes.to_vec());
        let kept = match (&piece.defect, record) {
            (Some(defect), _) => spread.refuse(refused(index, offset, id, defect.clone(), raw)),
            (None, Err(_)) => spread.take(index, offset, raw, None),
            (None, Ok(record)) => {
                self.taken += 1;
                // One without a key is refused when it is looked at again.
                let key = groups::key(&self.mapping, record).ok().map(|(_, key)| key);
                spread.take(index, offset, raw, key)
            }
        };
        if let Err(message) = kept {
            self.broken = Some(Broken { reason: Reason::TooMuchData, offset, index, message, excerpt: None });
        }
    }

    /// Hands out what is left when the file has ended.
    fn end(&mut self, out: &mut Vec<Outcome>) -> Result<Progress, Broken> {
        let Self { mapping, rows, groups, spread, charset, last, .. } = self;
        let Some(spread) = spread else {
            groups.flush(mapping, out);
            return Ok(Progress::Hungry);
        };
        let mut again = |bytes: &[u8]| {
            let record = read(mapping, rows, *charset, bytes);
            let mut unread = |defect| Unread { defect, id: salvage::id(mapping, rows, *charset, bytes, false) };
            record.map_err(|defect| Box::new(unread(defect)))
        };
        let more = spread.end(mapping, &mut again, out);
        match more {
            Ok(true) => Ok(Progress::More),
            Ok(false) => Ok(Progress::Hungry),
            Err(message) => {
                let (index, offset) = *last;
                Err(Broken { reason: Reason::TooMuchData, offset, index, message, excerpt: None })
            }
        }
    }

    /// The product's id in a record that cannot be read.
    fn id_in(&mut self, piece: &Piece<'_>) -> Option<String> {
        salvage::id(&self.mapping, &mut self.rows, self.charset, piece.bytes, piece.defect.is_some())
    }
}

/// A record's bytes as a record.
fn read(
    mapping: &Mapping,
    rows: &mut Option<Rows>,
    charset: Charset,
    bytes: &[u8],
) -> Result<crate::record::Record, Defect> {
    let text = match simdutf8::basic::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => charset.decode(bytes).ok_or_else(|| {
            let at = std::str::from_utf8(bytes).err().map_or(0, |error| error.valid_up_to());
            let byte = bytes.get(at).copied().unwrap_or_default();
            let message =
                format!("byte {byte:#04x} is not UTF-8; the mapping can name the encoding, such as windows-1252");
            Defect::new(Reason::InvalidUtf8, message).at(at)
        })?,
    };
    let text = &*text;
    match (mapping.form.kind, rows) {
        (Type::Csv | Type::Xlsx, Some(rows)) => rows.read(text.trim_start_matches('\u{feff}')),
        (Type::Csv | Type::Xlsx, None) => Err(Defect::new(Reason::CsvHeader, "there is no header")),
        (Type::Json, _) => {
            if !text.starts_with('{') {
                return Err(match serde_json::from_str::<serde::de::IgnoredAny>(text) {
                    Ok(_) => Defect::new(Reason::RecordNotObject, "the record is JSON, but no object").value(text),
                    Err(error) => {
                        Defect::new(Reason::MalformedJson, format!("the record is not JSON: {error}")).value(text)
                    }
                });
            }
            let wanted = |key: &str| mapping.reads.contains_key(key) || record::is_called(key, &mapping.names);
            json::read(text, &wanted).map(crate::record::Record::tree)
        }
        (Type::Xml, _) => xml::read(text).map(crate::record::Record::tree),
    }
}
