//! A product that comes in parts: what several storefronts say of it, put together
//! ([`catalog::parts`]).
//!
//! - A product of one part has no part items: its `doc` is that part, and says which in `part`. One
//!   that was written before there were parts does not say it; then it follows from the product.
//! - The record of another part *splits* the product: what the `doc` holds becomes an item
//!   `part#<name>`, so does the record, and the `doc` becomes what both together say, with `parts`:
//!   the version and hash of each part in it.
//! - A part's item is the authority for that part: each write of it demands that its version is not
//!   newer.
//! - Whoever has written its part reads the `doc`, then the items of the parts in it and its own,
//!   and writes what they say together on condition that the `doc` is still the one it read. So
//!   each `doc` holds everything that the one before held, or something newer, and the part of
//!   everybody who got through. A crash in between is healed by the record's next delivery.
//! - The `doc`'s version grows with each such write ([`Version::grown`]), so that it names one
//!   content and `state` follows it as ever.
//! - Nobody writes a `doc` that has `parts` as if it were a single part's.

use std::collections::BTreeMap;

use catalog::{ContentHash, PartName, ProductKey, Version};
use serde::{Deserialize, Serialize};

use super::desired::{self, Body, DesiredDoc};
use super::expression::{Change, Condition, Item, ItemKey, Operand, Value, Write};
use super::state::{self, ProductState};

/// Beginning of the sort keys of part items.
pub const PREFIX: &str = "part#";
/// On the `doc` and the `state` of a product of one part: its name.
pub const PART: &str = "part";
/// On the `doc` and the `state` of a product of several parts: what is in it, as JSON.
pub const PARTS: &str = "parts";

/// Parts of one product; SHEIN has some forty storefronts, of which nobody sells from all. Each
/// takes 130 bytes of the `state`.
pub const MAX_PARTS: usize = 32;

/// A part as it is in a `doc`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Mark {
    /// The version of the record that said it.
    #[serde(rename = "v")]
    pub version: Version,
    /// What it says.
    #[serde(rename = "h")]
    pub hash: ContentHash,
}

/// The parts in a `doc`.
pub type Marks = BTreeMap<PartName, Mark>;

/// The parts that an item names; `None` where it is not of several.
#[must_use]
pub fn marks(item: &Item) -> Option<Marks> {
    // What cannot be read is no part: each is brought again by its next record.
    item.get(PARTS).and_then(Value::text).map(|json| serde_json::from_str(json).unwrap_or_default())
}

/// The part that an item says it is.
#[must_use]
pub fn part(item: &Item) -> Option<PartName> {
    item.get(PART).and_then(Value::text).map(PartName::from_text)
}

/// The key of a part's item.
#[must_use]
pub fn item_key(key: &ProductKey, name: &PartName) -> ItemKey {
    ItemKey { pk: state::partition(key), sk: format!("{PREFIX}{name}") }
}

/// The part whose item has this sort key.
#[must_use]
pub fn name_of(sk: &str) -> Option<PartName> {
    sk.strip_prefix(PREFIX).map(PartName::from_text)
}

/// What the `state` says of a part, as the state of a product of that part alone. `None`: only the
/// `doc` can tell, because it was written before there were parts and says something else than
/// `hash`.
#[must_use]
pub fn known(state: &ProductState, part: Option<&PartName>, hash: &ContentHash) -> Option<ProductState> {
    let of = |mark: Option<&Mark>| ProductState {
        version: mark.map(|mark| mark.version.clone()),
        hash: mark.map(|mark| mark.hash.clone()),
        ..state.clone()
    };
    let Some(part) = part else { return Some(state.clone()) };
    match (&state.parts, &state.part) {
        (Some(marks), _) => Some(of(marks.get(part))),
        (None, Some(own)) if own != part => Some(of(None)),
        (None, None) if state.hash.as_ref().is_some_and(|known| known != hash) => None,
        (None, _) => Some(state.clone()),
    }
}

/// The same where the `doc` was read, and is of this part or of none.
#[must_use]
pub fn known_of(state: &ProductState, part: Option<&PartName>, of_doc: Option<&PartName>) -> ProductState {
    match (part, of_doc) {
        (Some(part), Some(of_doc)) if part != of_doc => ProductState { version: None, hash: None, ..state.clone() },
        _ => state.clone(),
    }
}

/// The `doc` of a product of one part, unless a newer one is there, or one that is not known to be
/// of this part alone.
#[must_use]
pub fn write_only(key: &ProductKey, doc: &DesiredDoc, body: impl Into<Body>, name: &PartName) -> Write {
    let mut write = desired::write_doc(key, doc, body);
    let own = Condition::Eq(PART, Operand::Value(name.as_str().into()));
    write.condition = Condition::All(vec![
        Condition::Absent(PARTS),
        Condition::Any(vec![
            Condition::Absent(state::VERSION),
            Condition::All(vec![Condition::Le(state::VERSION, Operand::Value(doc.version.as_str().into())), own]),
        ]),
    ]);
    write.changes.push(Change::Set(PART, name.as_str().into()));
    write
}

/// The `doc` of a product of one part in the place of the one that was read.
#[must_use]
pub fn replace_only(
    key: &ProductKey,
    doc: &DesiredDoc,
    body: impl Into<Body>,
    name: &PartName,
    before: &Mark,
) -> Write {
    let mut write = desired::write_doc(key, doc, body);
    write.condition = Condition::All(vec![Condition::Absent(PARTS), still(before)]);
    write.changes.push(Change::Set(PART, name.as_str().into()));
    write
}

/// A part's item, unless a newer one is there.
#[must_use]
pub fn write_part(key: &ProductKey, name: &PartName, doc: &DesiredDoc, body: impl Into<Body>) -> Write {
    let mut write = desired::write_doc(key, doc, body);
    write.key = item_key(key, name);
    write.condition = desired::not_newer_than(&doc.version);
    write
}

/// What all parts say together, in the place of the `doc` that was read. Without a `body` that
/// one's stays: it says the same.
#[must_use]
pub fn write_together(key: &ProductKey, doc: &DesiredDoc, body: Option<Body>, marks: &Marks, before: &Mark) -> Write {
    let keeps = body.is_none();
    let mut write = desired::write_doc(key, doc, body.unwrap_or_else(|| Body::Here(Vec::new())));
    if keeps {
        write.changes.retain(|change| !desired::is_of_body(change));
    }
    write.condition = still(before);
    write.changes.extend([Change::Set(PARTS, text(marks).into()), Change::Remove(PART)]);
    write
}

/// The `state` of a product of one part.
#[must_use]
pub fn write_state_only(key: &ProductKey, doc: &DesiredDoc, name: &PartName, now: i64) -> Write {
    let mut write = desired::write_state(key, &doc.version, &doc.hash, &doc.run, now);
    write.changes.push(Change::Set(PART, name.as_str().into()));
    write
}

/// The `state` of a product of several parts.
#[must_use]
pub fn write_state_together(key: &ProductKey, doc: &DesiredDoc, marks: &Marks, now: i64) -> Write {
    let mut write = desired::write_state(key, &doc.version, &doc.hash, &doc.run, now);
    write.changes.extend([Change::Set(PARTS, text(marks).into()), Change::Remove(PART)]);
    write
}

/// Notes at the `state` that a newer document of several parts says the same. Refused where it says
/// something else: then it is to be written.
#[must_use]
pub fn note_state_together(key: &ProductKey, doc: &DesiredDoc, marks: &Marks) -> Write {
    let same = Condition::Eq(state::HASH, Operand::Value(doc.hash.as_str().into()));
    Write {
        key: state::item_key(key),
        condition: Condition::All(vec![same, desired::not_newer_than(&doc.version)]),
        changes: vec![
            Change::Set(state::VERSION, doc.version.as_str().into()),
            Change::Set(PARTS, text(marks).into()),
            Change::Remove(PART),
        ],
    }
}

/// The `doc` is the one that was read. A single part's record that is read anew may say something
/// else under the same version, so the hash counts, too.
fn still(before: &Mark) -> Condition {
    Condition::All(vec![
        Condition::Eq(state::VERSION, Operand::Value(before.version.as_str().into())),
        Condition::Eq(state::HASH, Operand::Value(before.hash.as_str().into())),
    ])
}

/// A `doc` as it was read.
#[must_use]
pub fn mark_of(item: &Item) -> Option<Mark> {
    let text = |name: &str| item.get(name).and_then(Value::text);
    let version = Version::from_text(text(state::VERSION)?);
    Some(Mark { version, hash: ContentHash::from_text(text(state::HASH)?) })
}

fn text(marks: &Marks) -> String {
    serde_json::to_string(marks).unwrap_or_else(|error| unreachable!("plain texts: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> PartName {
        PartName::from_text(text)
    }

    fn mark(version: &str, hash: &str) -> Mark {
        Mark { version: Version::from_text(version), hash: ContentHash::from_text(hash) }
    }

    #[test]
    fn a_record_is_held_against_its_own_part() {
        let (us, ar) = (name("us-usd"), name("ar-sar"));
        let Mark { version, hash } = mark("v5", "whole");
        let whole = ProductState { version: Some(version), hash: Some(hash), ..ProductState::default() };
        let of = |state: &ProductState, part: Option<&PartName>, hash: &str| {
            let known = known(state, part, &ContentHash::from_text(hash));
            known.map(|state| state.version.map(|version| version.to_string()).unwrap_or_default())
        };
        let none = ProductState::default();
        assert_eq!(of(&none, Some(&us), "x").as_deref(), Some(""));
        // Written before there were parts: the same says the same; of anything else the doc has to
        // be asked.
        assert_eq!(of(&whole, Some(&us), "whole").as_deref(), Some("v5"));
        assert_eq!(of(&whole, Some(&us), "x"), None);
        assert_eq!(of(&whole, None, "x").as_deref(), Some("v5"), "a source without parts");
        let only = ProductState { part: Some(us.clone()), ..whole.clone() };
        assert_eq!(of(&only, Some(&us), "x").as_deref(), Some("v5"));
        assert_eq!(of(&only, Some(&ar), "x").as_deref(), Some(""));
        let marks = Marks::from([(us.clone(), mark("v2", "h"))]);
        let parted = ProductState { parts: Some(marks), ..whole.clone() };
        assert_eq!(of(&parted, Some(&us), "x").as_deref(), Some("v2"));
        assert_eq!(of(&parted, Some(&ar), "x").as_deref(), Some(""));
        assert_eq!(known_of(&whole, Some(&us), Some(&ar)).version, None);
        assert_eq!(known_of(&whole, Some(&us), None), whole);
    }

    #[test]
    fn names_and_marks_survive_their_items() {
        let key = ProductKey::new("demo", "1").unwrap();
        let us = name("us-usd");
        assert_eq!(name_of(&item_key(&key, &us).sk), Some(us.clone()));
        assert_eq!(name_of("doc"), None);
        let all = Marks::from([(us, mark("v2", "h"))]);
        let item = Item::from([(PARTS.to_owned(), text(&all).into())]);
        assert_eq!(marks(&item), Some(all));
        assert_eq!(marks(&Item::new()), None);
    }

    #[test]
    fn the_state_keeps_within_two_write_units_for_three_parts() {
        let full =
            mark("1763856000000-0055AED6DCD90281E5000000-00000000007+00000012", "0123456789abcdef0123456789abcdef");
        let all: Marks = ["us-usd", "ar-sar", "de-eur"].into_iter().map(|one| (name(one), full.clone())).collect();
        assert!(text(&all).len() < 400, "{}", text(&all));
    }
}
