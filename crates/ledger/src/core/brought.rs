//! What partial feeds brought of a source, until a full feed has it (D136).
//!
//! A full feed is compared with the one before it. What came between the two by a partial feed is
//! in neither list, so it is noted here, **before** its `doc` is written: a product that is for
//! sale is in a full feed's list or noted. A note without a product (a crash between the two) says
//! nothing and does no harm.

use catalog::{PartName, ProductKey, Version};

use super::expression::{Change, Condition, Item, ItemKey, Operand, Value, Write};
use super::state;

const VERSION: &str = "version";
const EXPIRES_AT: &str = "expires_at";

/// Partitions of a source's notes, so that a large feed does not make one of them hot.
const SHARDS: u8 = state::PENDING_SHARDS;

/// The note of a product, or of one part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Brought {
    /// The product's id within its source.
    pub id: String,
    /// What tells this note from a later one of the same product: the version of the record.
    pub version: String,
    partition: String,
}

impl Brought {
    /// Reads a note; `None` for one that was struck off.
    #[must_use]
    pub fn of(partition: &str, id: &str, item: &Item) -> Option<Self> {
        let version = item.get(VERSION).and_then(Value::text).filter(|_| !item.contains_key(EXPIRES_AT))?;
        Some(Self { id: id.to_owned(), version: version.to_owned(), partition: partition.to_owned() })
    }
}

/// The partitions of a source's notes, or of those of one part.
pub fn partitions(source: &str, part: Option<&PartName>) -> impl Iterator<Item = String> {
    let of = prefix(source, part);
    (0..SHARDS).map(move |shard| format!("{of}{shard}"))
}

fn prefix(source: &str, part: Option<&PartName>) -> String {
    let part = part.map(|part| format!("/{}", part.as_str())).unwrap_or_default();
    format!("N#{source}{part}#")
}

/// Notes a product that is about to be written.
#[must_use]
pub fn note(key: &ProductKey, part: Option<&PartName>, version: &Version) -> Write {
    let pk = format!("{}{}", prefix(key.source(), part), state::pending_shard(key));
    Write {
        key: ItemKey { pk, sk: key.id().to_owned() },
        condition: Condition::Always,
        changes: vec![Change::Set(VERSION, version.as_str().into()), Change::Remove(EXPIRES_AT)],
    }
}

/// Strikes a note off, unless the product was noted again since. The table forgets it by itself.
#[must_use]
pub fn strike_off(note: &Brought, now: i64) -> Write {
    Write {
        key: ItemKey { pk: note.partition.clone(), sk: note.id.clone() },
        condition: Condition::Eq(VERSION, Operand::Value(note.version.as_str().into())),
        changes: vec![Change::Set(EXPIRES_AT, (now / 1000).into())],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_where_it_was_written_and_a_later_one_is_not_struck_off() {
        let key: ProductKey = "demo:ab:1".parse().unwrap();
        let part = PartName::from_text("us-usd");
        for part in [None, Some(&part)] {
            let first = note(&key, part, &Version::new(1, "0", 0));
            assert!(partitions("demo", part).any(|partition| partition == first.key.pk));
            let mut item = first.apply(&Item::new()).unwrap();
            let seen = Brought::of(&first.key.pk, &first.key.sk, &item).unwrap();
            assert_eq!(seen.id, "ab:1");
            let struck = strike_off(&seen, 5_000).apply(&item).unwrap();
            assert_eq!(Brought::of(&first.key.pk, &first.key.sk, &struck), None);
            item = note(&key, part, &Version::new(2, "0", 0)).apply(&struck).unwrap();
            assert!(Brought::of(&first.key.pk, &first.key.sk, &item).is_some(), "brought back");
            assert!(strike_off(&seen, 5_000).apply(&item).is_err());
        }
        assert!(
            !partitions("demo", None).any(|partition| partitions("demo", Some(&part)).any(|other| other == partition))
        );
    }
}
