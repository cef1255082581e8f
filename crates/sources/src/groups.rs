//! Several records are one product. Adjacent ones are held until another product begins; those that
//! are spread over the file wait in [`crate::spread`].

use feeds::{Defect, Mapped, MappedLine, Outcome, Reason, Rejection};

use crate::map;
use crate::mapping::Mapping;
use crate::record::Record;

/// Records of one product.
const RECORDS: usize = 5_000;
/// Bytes of a product's records that are kept for its rejection.
pub(crate) const RAW: usize = 64 << 10;

/// A record with its place.
#[derive(Debug)]
pub(crate) struct Placed<'a> {
    pub(crate) index: u64,
    pub(crate) offset: u64,
    pub(crate) record: Record,
    pub(crate) raw: &'a [u8],
}

/// The records of one product so far.
#[derive(Debug, Default)]
pub(crate) struct Group {
    key: String,
    index: u64,
    offset: u64,
    records: Vec<Record>,
    raw: Vec<u8>,
    /// A record that may be this product's could not be read.
    damaged: Option<Defect>,
    /// What was refused meanwhile.
    refused: Vec<Outcome>,
}

impl Group {
    pub(crate) fn new(key: String, index: u64, offset: u64) -> Self {
        Self { key, index, offset, ..Self::default() }
    }

    /// No product, but something that was refused in its place.
    pub(crate) fn refused(outcome: Outcome) -> Self {
        Self { refused: vec![outcome], ..Self::default() }
    }

    pub(crate) fn add(&mut self, record: Record, raw: &[u8]) {
        if self.records.len() >= RECORDS {
            self.damaged.get_or_insert_with(|| {
                Defect::new(Reason::RecordTooLarge, format!("the product has more than {RECORDS} records"))
            });
        } else {
            self.records.push(record);
        }
        if self.raw.len() < RAW {
            if !self.raw.is_empty() {
                self.raw.push(b'\n');
            }
            let room = RAW.saturating_sub(self.raw.len()).min(raw.len());
            self.raw.extend_from_slice(&raw[..room]);
        }
    }

    /// Hands out what became of it.
    pub(crate) fn close(mut self, mapping: &Mapping, out: &mut Vec<Outcome>) {
        if let Some(leading) = mapping.group.as_ref().and_then(|group| group.leading.as_ref()) {
            let leads = |record: &Record| {
                map::budget::begin();
                let rows = std::slice::from_ref(record);
                map::Scope::new(mapping, rows).truth(leading).unwrap_or(false)
            };
            self.records.sort_by_cached_key(|record| !leads(record));
        }
        match self.damaged {
            Some(defect) => {
                let id = map::id_of(mapping, &self.records);
                out.push(refused(self.index, self.offset, id, defect, self.raw));
            }
            None if self.records.is_empty() => {}
            None => out.extend(outcome(mapping, self.index, self.offset, &self.records, &self.raw)),
        }
        out.append(&mut self.refused);
    }
}

/// Why a record is not taken.
#[derive(Debug)]
pub(crate) struct Unread {
    pub(crate) defect: Defect,
    /// The product's id, as far as it can be read.
    pub(crate) id: Option<String>,
}

/// What the records of one product share.
///
/// # Errors
/// When the record does not say, or its expression gives nothing.
pub(crate) fn key(mapping: &Mapping, record: Record) -> Result<(Record, String), Box<Unread>> {
    map::budget::begin();
    let rows = [record];
    let by = mapping.group.as_ref().map(|group| &group.by);
    let key = by.map_or(Ok(None), |by| map::Scope::new(mapping, &rows).text(by));
    let defect = match (key, by) {
        (Ok(key), by) if key.is_some() || by.is_none() => {
            let [record] = rows;
            return Ok((record, key.unwrap_or_default()));
        }
        (Err(defect), _) => defect,
        (Ok(_), by) => {
            let message = "the record does not say which product it belongs to";
            match by {
                Some(by) => map::Scope::new(mapping, &[]).defect(by, Reason::MissingField, message),
                None => Defect::new(Reason::MissingField, message),
            }
        }
    };
    Err(Box::new(Unread { defect, id: map::id_of(mapping, &rows) }))
}

/// Adjacent records on their way to products.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    open: Option<Group>,
}

impl Groups {
    /// The first record that is not in a product that was handed out.
    pub(crate) fn begin(&self) -> Option<(u64, u64)> {
        self.open.as_ref().map(|group| (group.index, group.offset))
    }

    /// Takes a record; hands out what became of it, or of those before it.
    pub(crate) fn take(&mut self, mapping: &Mapping, placed: Placed<'_>, out: &mut Vec<Outcome>) {
        let Placed { index, offset, record, raw } = placed;
        if mapping.group.is_none() {
            out.extend(outcome(mapping, index, offset, &[record], raw));
            return;
        }
        let (record, key) = match key(mapping, record) {
            Ok(found) => found,
            Err(why) => {
                let Unread { defect, id } = *why;
                self.refuse(refused(index, offset, id, defect, raw.to_vec()), None, out);
                return;
            }
        };
        if self.open.as_ref().is_some_and(|open| open.key != key) {
            self.flush(mapping, out);
        }
        self.open.get_or_insert_with(|| Group::new(key, index, offset)).add(record, raw);
    }

    /// A record that could not be read. The product that is open may lack it, and is then refused,
    /// too: what is sold must not lose a variant to a damaged line.
    pub(crate) fn refuse(&mut self, outcome: Outcome, damaged: Option<&Defect>, out: &mut Vec<Outcome>) {
        match &mut self.open {
            None => out.push(outcome),
            Some(open) => {
                if let Some(defect) = damaged {
                    open.damaged.get_or_insert_with(|| {
                        let message = format!(
                            "a record that follows those of this product could not be read, and may be one of them: {}",
                            defect.message
                        );
                        Defect::new(defect.reason, message)
                    });
                }
                open.refused.push(outcome);
            }
        }
    }

    /// Hands out the product that is open.
    pub(crate) fn flush(&mut self, mapping: &Mapping, out: &mut Vec<Outcome>) {
        if let Some(group) = self.open.take() {
            group.close(mapping, out);
        }
    }
}

/// What becomes of the records of a product; `None` where the mapping passes them over.
fn outcome(mapping: &Mapping, index: u64, offset: u64, records: &[Record], raw: &[u8]) -> Option<Outcome> {
    if let Some(line) = &mapping.line {
        return match map::line::line(mapping, line, records) {
            Ok(line) => line.map(|line| Outcome::Line(Box::new(MappedLine { index, offset, line }))),
            Err(defect) => Some(refused(index, offset, map::id_of(mapping, records), defect, raw.to_vec())),
        };
    }
    match map::product(mapping, records) {
        Ok(map::Mapped::Product(product)) => {
            Some(Outcome::Product(Box::new(Mapped { index, offset, product: *product })))
        }
        Ok(map::Mapped::Skipped) => None,
        Err(defect) => Some(refused(index, offset, map::id_of(mapping, records), defect, raw.to_vec())),
    }
}

/// A record, or the records of a product, that are not taken.
pub(crate) fn refused(index: u64, offset: u64, product_id: Option<String>, defect: Defect, raw: Vec<u8>) -> Outcome {
    let rejection = Rejection {
        index,
        offset,
        defect_offset: defect.at.map(|at| offset + at as u64),
        product_id,
        reason: defect.reason,
        message: defect.message,
        path: defect.path,
        value: defect.value,
    };
    Outcome::Rejected(rejection, raw)
}
