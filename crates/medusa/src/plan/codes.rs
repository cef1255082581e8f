//! Bar codes, each unique in the shop, when variants come and go.
//!
//! A variant that is not for sale keeps its row and with it its codes. When one that is for sale is
//! to have such a code, the other lends it, with a note of what it lent, and has it back when it is
//! for sale again and the code is free. A code that a person gave a variant which is for sale stays
//! there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::variants::Match;
use crate::api::model::{Metadata, Variant, VariantWrite};
use crate::columns::{self, CODES, Columns, OURS};
use crate::desired;

/// The variant metadata key that says which codes it lent, by column.
pub const LENT: &str = "relay_lent";

/// What a variant says of itself that it lent.
pub(crate) fn lent(metadata: Option<&Metadata>) -> Columns {
    let note = metadata.and_then(|metadata| metadata.get(LENT)).and_then(Value::as_object);
    let of = |column: &'static str| Some((column, note?.get(column)?.clone()));
    CODES.into_iter().filter_map(of).collect()
}

/// The codes that a variant is to have: those that the PIM says, else those that it lent.
pub(crate) fn wanted(wanted: &desired::Variant, now: Option<&Metadata>) -> Columns {
    let said = wanted.columns.iter().filter(|(column, _)| CODES.contains(*column));
    let mut codes: Columns = said.map(|(column, code)| (*column, code.clone())).collect();
    for (column, code) in lent(now) {
        codes.entry(column).or_insert(code);
    }
    codes
}

/// The codes that stand in these columns, with where.
pub(crate) fn standing(there: &BTreeMap<String, Value>) -> impl Iterator<Item = (&'static str, &str)> {
    CODES.into_iter().filter_map(|column| Some((column, there.get(column)?.as_str()?)))
}

/// What takes these codes from a variant that lends them; nothing if it has none of them.
pub(crate) fn lend(
    id: &str,
    there: &BTreeMap<String, Value>,
    metadata: Option<&Metadata>,
    needed: &BTreeSet<&str>,
) -> Option<VariantWrite> {
    let mut write = VariantWrite { id: Some(id.to_owned()), ..VariantWrite::default() };
    let mut note = lent(metadata);
    for (column, code) in standing(there).filter(|(_, code)| needed.contains(code)) {
        write.columns.insert(column, Value::Null);
        note.insert(column, code.into());
    }
    if write.columns.is_empty() {
        return None;
    }
    write.metadata.insert(LENT.to_owned(), serde_json::to_value(note).unwrap_or_default());
    Some(write)
}

/// What has to be done about the codes of a product's own variants before any of them gets
/// another's: the changes, and the SKUs of those whose code is a person's gift to another.
/// `elsewhere`: SKUs of variants whose codes other products have.
pub(super) fn make_way<'w>(
    matched: &Match<'w, '_>,
    elsewhere: &BTreeSet<String>,
) -> (Vec<VariantWrite>, BTreeSet<&'w str>) {
    let mut heirs: BTreeMap<String, (&'w str, Option<&str>)> = BTreeMap::new();
    let kept = matched.kept.iter().map(|(variant, now)| (*variant, Some(*now)));
    for (variant, now) in kept.chain(matched.new.iter().map(|variant| (*variant, None))) {
        let codes = wanted(variant, now.and_then(|now| now.metadata.as_ref()));
        for code in codes.values().filter_map(Value::as_str).filter(|_| !elsewhere.contains(&variant.sku)) {
            heirs.entry(code.to_owned()).or_insert((variant.sku.as_str(), now.map(|now| now.id.as_str())));
        }
    }
    let (mut writes, mut waiting) = (Vec::new(), BTreeSet::new());
    let others = |now: &Variant, code: &str| {
        heirs.get(code).filter(|(_, heir)| *heir != Some(now.id.as_str())).map(|(sku, _)| *sku)
    };
    for now in matched.gone.iter().copied().chain(matched.held.iter().map(|(now, _)| *now)) {
        let needed = standing(&now.columns).map(|(_, code)| code).filter(|code| others(now, code).is_some()).collect();
        writes.extend(lend(&now.id, &now.columns, now.metadata.as_ref(), &needed));
    }
    for (variant, now) in &matched.kept {
        let listed = now.metadata.as_ref().and_then(|metadata| metadata.get(OURS)).and_then(Value::as_array);
        let ours = |column: &str| listed.is_some_and(|list| list.iter().any(|name| name == column));
        let mut write = VariantWrite { id: Some(now.id.clone()), ..VariantWrite::default() };
        for (column, code) in standing(&now.columns) {
            match others(now, code) {
                Some(_) if variant.columns.contains_key(column) || ours(column) => {
                    write.columns.insert(column, Value::Null);
                }
                Some(heir) => drop(waiting.insert(heir)),
                None => {}
            }
        }
        writes.extend((!write.columns.is_empty()).then_some(write));
    }
    (writes, waiting)
}

/// The change of a variant's codes, for a call of its own: another may have them by now, and what
/// shares a refused call with prices loses them.
pub(super) fn change(variant: &desired::Variant, now: &Variant) -> Option<VariantWrite> {
    let codes = wanted(variant, now.metadata.as_ref());
    let columns = columns::changes(&CODES, &codes, &now.columns, now.metadata.as_ref());
    let noted = now.metadata.as_ref().is_some_and(|metadata| metadata.get(LENT).is_some_and(|note| !note.is_null()));
    let metadata = noted.then(|| (LENT.to_owned(), Value::from(""))).into_iter().collect();
    let write = VariantWrite { id: Some(now.id.clone()), columns, metadata, ..VariantWrite::default() };
    (!write.columns.is_empty() || noted).then_some(write)
}
