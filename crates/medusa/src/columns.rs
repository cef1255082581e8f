//! Medusa's own columns for what trade needs to know: bar codes, weight and size, customs.
//!
//! A column that is wanted is written; one that the PIM no longer speaks of is cleared if it was
//! ours, which the metadata [`OURS`] lists: what people filled in by hand stays theirs. Weights are
//! whole grams and lengths whole millimetres: an inventory item's columns are integers.
//!
//! Bar codes are unique among the shop's variants, and two suppliers of one article are no fault.
//! So a code that another variant has is left out of the columns and stays in the metadata.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::model::Metadata;

/// Values by column.
pub type Columns = BTreeMap<&'static str, Value>;
/// The metadata key, of products and of variants, that lists the columns that are ours.
pub const OURS: &str = "relay_columns";
/// Columns of products, variants and inventory items.
pub const SHARED: [&str; 8] =
    ["height", "hs_code", "length", "material", "mid_code", "origin_country", "weight", "width"];
/// Columns of variants only, each unique in the shop.
pub const CODES: [&str; 3] = ["barcode", "ean", "upc"];

/// The metadata that lists these columns as ours; none where there are none.
pub(crate) fn listed(columns: &Columns) -> Option<(String, Value)> {
    (!columns.is_empty()).then(|| (OURS.to_owned(), columns.keys().copied().collect::<Vec<_>>().into()))
}

/// What has to be written of `among`, so that what is there is as wanted.
pub(crate) fn changes(
    among: &[&'static str],
    wanted: &Columns,
    there: &BTreeMap<String, Value>,
    metadata: Option<&Metadata>,
) -> Columns {
    let before = metadata.and_then(|metadata| metadata.get(OURS)).and_then(Value::as_array);
    let ours = |column: &str| before.is_some_and(|list| list.iter().any(|name| name == column));
    let mut changes = Columns::new();
    for column in among {
        let now = there.get(*column).filter(|value| !value.is_null());
        match wanted.get(column) {
            Some(value) if now != Some(value) => drop(changes.insert(column, value.clone())),
            None if now.is_some() && ours(column) => drop(changes.insert(column, Value::Null)),
            _ => {}
        }
    }
    changes
}

/// These columns without the codes.
pub(crate) fn without_codes(columns: &Columns) -> Columns {
    columns
        .iter()
        .filter(|(column, _)| !CODES.contains(*column))
        .map(|(column, value)| (*column, value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_people_filled_in_stays_and_what_was_ours_goes() {
        let wanted: Columns = [("weight", json!(250)), ("hs_code", json!("610910"))].into();
        let there = |json: Value| serde_json::from_value::<BTreeMap<String, Value>>(json).unwrap();
        assert_eq!(
            changes(&SHARED, &wanted, &there(json!({"weight": 250, "hs_code": "610910"})), None),
            Columns::new()
        );
        let now = there(json!({"weight": 12.5, "width": 30, "length": 40}));
        let ours: Metadata = [(OURS.to_owned(), json!(["width", "height"]))].into();
        let right: Columns = [("weight", json!(250)), ("hs_code", json!("610910")), ("width", Value::Null)].into();
        assert_eq!(changes(&SHARED, &wanted, &now, Some(&ours)), right, "the length is a person's");
        assert_eq!(changes(&SHARED, &Columns::new(), &now, None), Columns::new());
    }
}
