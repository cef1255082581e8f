//! Watermarks: a small text under a name, such as the change feed's cursor. It moves only from the
//! value that was read.

use super::expression::{Change, Condition, Item, ItemKey, Operand, Value, Write};

const CURSOR: &str = "cursor";

/// The key of a watermark.
#[must_use]
pub fn item_key(name: &str) -> ItemKey {
    ItemKey { pk: format!("W#{name}"), sk: "watermark".to_owned() }
}

/// What the watermark says.
#[must_use]
pub fn cursor(item: &Item) -> Option<String> {
    item.get(CURSOR).and_then(Value::text).map(str::to_owned)
}

/// Moves a watermark; refused when somebody else has moved it from `from`.
#[must_use]
pub fn advance(name: &str, from: Option<&str>, to: &str) -> Write {
    Write {
        key: item_key(name),
        condition: from.map_or(Condition::Absent(CURSOR), |from| Condition::Eq(CURSOR, Operand::Value(from.into()))),
        changes: vec![Change::Set(CURSOR, to.into())],
    }
}
