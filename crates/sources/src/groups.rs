//! Several records are one product.
//!
//! Adjacent ones are held until another product begins. Those that are spread over the file are held until its end, up to [`SPREAD_BYTES`]: a feed beyond that is refused
//! with what to do, rather than read into a memory that is not there.

use std::collections::HashMap;

use feeds::{Defect, Mapped, Outcome, Reason, Rejection};

use crate::map;
use crate::mapping::Mapping;
use crate::record::Record;

/// Bytes of records that are spread over a file.
pub(crate) const SPREAD_BYTES: usize = 24 << 20;
/// Records of one product.
const RECORDS: usize = 5_000;
/// Bytes of a product's records that are kept for its rejection.
const RAW: usize = 64 << 10;

/// A record with its place.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) index: u64,
    pub(crate) offset: u64,
    pub(crate) record: Record,
    pub(crate) raw: Vec<u8>,
}

/// The records of one product so far.
#[derive(Debug)]
struct Group {
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

/// Records on their way to products.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    open: Vec<Group>,
    by_key: HashMap<String, usize>,
    bytes: usize,
}

impl Groups {
    /// The first record that is not in a product that was handed out.
    pub(crate) fn begin(&self) -> Option<(u64, u64)> {
        self.open.first().map(|group| (group.index, group.offset))
    }

    /// Takes a record; hands out what became of it, or of those before it.
    ///
    /// # Errors
    /// When more is spread over the file than is held.
    pub(crate) fn take(&mut self, mapping: &Mapping, placed: Placed, out: &mut Vec<Outcome>) -> Result<(), String> {
        let Some(group) = &mapping.group else {
            let Placed { index, offset, record, raw } = placed;
            out.extend(outcome(mapping, index, offset, &[record], raw));
            return Ok(());
        };
        let rows = [placed.record];
        let key = map::Scope::new(mapping, &rows).text(&group.by);
        let [record] = rows;
        let key = match key {
            Ok(Some(key)) => key,
            Ok(None) => {
                let defect = map::Scope::new(mapping, &[]).defect(
                    &group.by,
                    Reason::MissingField,
                    "the record does not say which product it belongs to",
                );
                self.refuse(refused(placed.index, placed.offset, None, defect, placed.raw), None, out);
                return Ok(());
            }
            Err(defect) => {
                self.refuse(refused(placed.index, placed.offset, None, defect, placed.raw), None, out);
                return Ok(());
            }
        };
        if !group.spread && self.open.first().is_some_and(|open| open.key != key) {
            self.flush(mapping, out);
        }
        self.bytes += placed.raw.len();
        if group.spread && self.bytes > SPREAD_BYTES {
            return Err(format!(
                "the records of one product are spread over the file, and the file has more than {} MiB of them; sort it by what they share and say rows: adjacent",
                SPREAD_BYTES >> 20
            ));
        }
        let at = match self.by_key.get(&key) {
            Some(at) => *at,
            None => {
                self.by_key.insert(key.clone(), self.open.len());
                self.open.push(Group {
                    key,
                    index: placed.index,
                    offset: placed.offset,
                    records: Vec::new(),
                    raw: Vec::new(),
                    damaged: None,
                    refused: Vec::new(),
                });
                self.open.len() - 1
            }
        };
        let open = &mut self.open[at];
        if open.records.len() >= RECORDS {
            open.damaged.get_or_insert_with(|| {
                Defect::new(Reason::RecordTooLarge, format!("the product has more than {RECORDS} records"))
            });
        } else {
            open.records.push(record);
        }
        if open.raw.len() < RAW {
            if !open.raw.is_empty() {
                open.raw.push(b'\n');
            }
            let room = RAW.saturating_sub(open.raw.len()).min(placed.raw.len());
            open.raw.extend_from_slice(&placed.raw[..room]);
        }
        Ok(())
    }

    /// A record that could not be read. The product that is open may lack it, and is then refused, too: what is sold must not lose a variant to a damaged line.
    /// Where records are spread over the file nobody can tell whose it was.
    pub(crate) fn refuse(&mut self, outcome: Outcome, damaged: Option<&Defect>, out: &mut Vec<Outcome>) {
        match self.open.last_mut() {
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

    /// Hands out the products that are open.
    pub(crate) fn flush(&mut self, mapping: &Mapping, out: &mut Vec<Outcome>) {
        self.by_key.clear();
        self.bytes = 0;
        for mut group in std::mem::take(&mut self.open) {
            if let Some(leading) = mapping.group.as_ref().and_then(|group| group.leading.as_ref()) {
                let leads = |record: &Record| {
                    let rows = std::slice::from_ref(record);
                    map::Scope::new(mapping, rows).truth(leading).unwrap_or(false)
                };
                group.records.sort_by_key(|record| !leads(record));
            }
            match group.damaged {
                Some(defect) => {
                    let id = map::id_of(mapping, &group.records);
                    out.push(refused(group.index, group.offset, id, defect, group.raw));
                }
                None => out.extend(outcome(mapping, group.index, group.offset, &group.records, group.raw)),
            }
            out.append(&mut group.refused);
        }
    }
}

/// What becomes of the records of a product; `None` where the mapping passes them over.
fn outcome(mapping: &Mapping, index: u64, offset: u64, records: &[Record], raw: Vec<u8>) -> Option<Outcome> {
    match map::product(mapping, records) {
        Ok(map::Mapped::Product(product)) => {
            Some(Outcome::Product(Box::new(Mapped { index, offset, product: *product })))
        }
        Ok(map::Mapped::Skipped) => None,
        Err(defect) => Some(refused(index, offset, map::id_of(mapping, records), defect, raw)),
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
