//! What becomes of one record: a product, a rejection, or the refusal of the whole feed.

use std::borrow::Cow;

use catalog::Product;

use super::{Mapped, Outcome};
use crate::adapter::{self, Adapter, Columns, Layout};
use crate::charset::Charset;
use crate::lenient::top_level_keys;
use crate::split::{Piece, Row};
use crate::{Broken, Defect, Reason, Rejection};

/// Turns records into products.
#[derive(Debug)]
pub(super) struct Mapper {
    pub(super) adapter: &'static dyn Adapter,
    pub(super) columns: Option<Columns>,
    pub(super) row: Row,
    /// A record has shown that the feed is not another source's.
    pub(super) sniffed: bool,
    /// The feed is refused as a whole.
    pub(super) refused: Option<Broken>,
    /// What records that are no UTF-8 are in.
    pub(super) charset: Charset,
    /// What else is known here, beside the built-in sources.
    pub(super) layouts: &'static [Layout],
    pub(super) products: u64,
}

impl Mapper {
    pub(super) fn take(&mut self, piece: &Piece<'_>, out: &mut Vec<Outcome>) {
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
            // Of a row with a separator too many nobody knows which cell is whose: the id would be
            // another product's.
            let certain = self.row.len() <= columns.len();
            let cell = || columns.cell(&self.row, "product_id").filter(|_| certain);
            let id = || cell().and_then(|id| adapter::known_id(self.adapter, id));
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
            } else if let Some(message) = adapter::unknown(self.adapter, &keys, Some(text), self.layouts) {
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
    pub(super) fn check_header(&mut self, header: Option<&str>) {
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
            let unknown = || adapter::unknown(self.adapter, &columns.keys(), None, self.layouts);
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
