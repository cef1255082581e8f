//! Which products are about to be made in the PIM: noted before they are, so that one that a person
//! deletes before anybody counted it is looked at all the same. One item for each batch that makes
//! something; they expire by themselves.

use catalog::ProductKey;

use super::expression::{Change, Condition, Item, ItemKey, Value, Write};
use super::stage::Owner;

pub const PARTITION: &str = "W#pimcore-made";
const KEYS: &str = "keys";
const EXPIRES_AT: &str = "expires_at";
/// A note that nobody has looked at for so long is about products that the daily comparison has
/// seen.
const KEEP_S: i64 = 3 * 86_400;

/// A note's sort key begins with when (ms) it was made.
#[must_use]
pub fn sort_key(at: i64, owner: &str) -> String {
    format!("{:013}-{owner}", at.max(0))
}

/// When (ms) a note was made.
#[must_use]
pub fn made_at(sk: &str) -> Option<i64> {
    sk.split_once('-')?.0.parse().ok()
}

/// Notes that these products are about to be made.
#[must_use]
pub fn note(keys: &[ProductKey], owner: &Owner, now: i64) -> Write {
    let texts: Vec<String> = keys.iter().map(ProductKey::to_string).collect();
    Write {
        key: ItemKey { pk: PARTITION.to_owned(), sk: sort_key(now, &owner.0) },
        condition: Condition::Always,
        changes: vec![
            Change::Set(KEYS, serde_json::to_string(&texts).unwrap_or_default().into()),
            Change::Set(EXPIRES_AT, (now / 1000 + KEEP_S).into()),
        ],
    }
}

/// The products of a note.
#[must_use]
pub fn keys(item: &Item) -> Vec<ProductKey> {
    let texts: Vec<String> =
        item.get(KEYS).and_then(Value::text).and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_says_what_and_when() {
        let made: Vec<ProductKey> = ["demo:1", "demo:a-b"].map(|key| key.parse().unwrap()).into();
        let write = note(&made, &Owner("4f-5".into()), 1_763_856_000_123);
        assert_eq!(made_at(&write.key.sk), Some(1_763_856_000_123));
        assert_eq!(keys(&write.apply(&Item::new()).unwrap()), made);
        assert!(sort_key(999, "z") < sort_key(1000, "a"), "text order is time order");
    }
}
