//! What a person took off sale in the shop stands, and is noted here until a person ends it.
//!
//! The note is on the product's `state`, where the claim that every push makes reads it; a second
//! item, in one partition for all products, lets people list them. Neither is part of the protocol:
//! a product that is set aside is at rest.

use catalog::ProductKey;
use serde::{Deserialize, Serialize};

use super::expression::{Change, Condition, Item, ItemKey, Operand, Value, Write};
use super::stage::{self, Owner, Stage};
use super::state;

/// What is set aside, as JSON.
pub const ASIDE: &str = "medusa_aside";
/// When (ms) a person asked that it be put back.
pub const RELEASE: &str = "medusa_release";
/// When (ms) the product has to be looked at closely in the shop although nothing of it changes:
/// time alone changes what it should be.
pub const DUE: &str = "medusa_due";
/// The partition that lists the products with something set aside; the sort key is the product's.
pub const LIST: &str = "ASIDE";

const EXPIRES_AT: &str = "expires_at";
/// An item of the list that is not needed any more goes after so many seconds.
const KEPT: i64 = 86_400;

/// Something that a person took off sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aside {
    /// `draft`, `channel`, `deleted` or `variant`.
    pub what: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// Id of the product in the shop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// When (ms) it was first seen.
    pub seen_at: i64,
}

impl Aside {
    /// What was done, for people.
    #[must_use]
    pub fn words(&self) -> String {
        match (self.what.as_str(), &self.sku) {
            ("draft", _) => "somebody unpublished it in the shop".to_owned(),
            ("channel", _) => "somebody took it out of the sales channel".to_owned(),
            ("deleted", _) => "somebody deleted it in the shop".to_owned(),
            ("variant", Some(sku)) => format!("somebody deleted variant {sku} in the shop"),
            (other, _) => format!("somebody took it off sale in the shop ({other})"),
        }
    }

    /// Whether both speak of the same act, whenever it was seen.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        (&self.what, &self.sku) == (&other.what, &other.sku)
    }
}

/// What a push saw of a product in the shop.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// What is set aside.
    pub asides: &'a [Aside],
    /// When (ms) to look again although nothing changes.
    pub due: Option<i64>,
    /// The PIM's remarks have to follow: its stage is to be done again.
    pub doubts: bool,
}

/// Whether both are the same acts, whenever they were seen.
#[must_use]
pub fn same(one: &[Aside], other: &[Aside]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.same(other))
}

/// What an item says is set aside. What cannot be read counts as nothing.
#[must_use]
pub fn of(item: &Item) -> Vec<Aside> {
    item.get(ASIDE).and_then(Value::text).and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

/// What is set aside now, with the times when it was first seen.
#[must_use]
pub fn since(known: &[Aside], now: Vec<Aside>) -> Vec<Aside> {
    let first =
        |aside: &Aside| known.iter().find(|known| known.same(aside)).map_or(aside.seen_at, |known| known.seen_at);
    now.into_iter().map(|aside| Aside { seen_at: first(&aside), ..aside }).collect()
}

/// Notes what is set aside and when to look again, as the owner of the shop's stage. A release that
/// was `honoured` is taken back; one that came meanwhile stays. `doubted`: when (ms) the PIM's
/// stage is put in doubt, because its remarks have to follow. In the same write: whoever claims
/// that stage between a doubt and its note would end the doubt and not know the note.
#[must_use]
pub fn note(
    key: &ProductKey,
    owner: &Owner,
    asides: &[Aside],
    honoured: Option<i64>,
    due: Option<i64>,
    doubted: Option<i64>,
) -> Write {
    let names = Stage::Medusa.attributes();
    let mut conditions = vec![Condition::Eq(names.owner, Operand::Value(owner.0.clone().into()))];
    let mut changes = vec![set(asides), due.map_or(Change::Remove(DUE), |at| Change::Set(DUE, at.into()))];
    if let Some(at) = honoured {
        conditions.push(Condition::Eq(RELEASE, Operand::Value(at.into())));
        changes.push(Change::Remove(RELEASE));
    }
    changes.extend(doubted.into_iter().flat_map(|now| stage::doubt(Stage::Pimcore, key, now).changes));
    Write { key: state::item_key(key), condition: Condition::All(conditions), changes }
}

/// The same in the list.
#[must_use]
pub fn list(key: &ProductKey, asides: &[Aside], now: i64) -> Write {
    let end = if asides.is_empty() {
        Change::Set(EXPIRES_AT, (now / 1000 + KEPT).into())
    } else {
        Change::Remove(EXPIRES_AT)
    };
    let key = ItemKey { pk: LIST.to_owned(), sk: key.to_string() };
    Write { key, condition: Condition::Always, changes: vec![set(asides), end] }
}

/// A person's wish that what is set aside be put back; refused where nothing is.
#[must_use]
pub fn release(key: &ProductKey, now: i64) -> Write {
    Write {
        key: state::item_key(key),
        condition: Condition::Present(ASIDE),
        changes: vec![Change::Set(RELEASE, now.into())],
    }
}

fn set(asides: &[Aside]) -> Change {
    if asides.is_empty() {
        return Change::Remove(ASIDE);
    }
    Change::Set(ASIDE, serde_json::to_string(asides).unwrap_or_default().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aside(what: &str, seen_at: i64) -> Aside {
        Aside { what: what.into(), sku: None, id: Some("prod_1".into()), seen_at }
    }

    fn apply(item: &mut Item, write: &Write) -> bool {
        let Ok(after) = write.apply(item) else { return false };
        *item = after;
        true
    }

    #[test]
    fn what_is_set_aside_keeps_the_time_it_was_first_seen() {
        let (key, owner) = ("demo:1".parse().unwrap(), Owner("w".into()));
        let mut item = Item::from([("medusa_owner".into(), "w".into())]);
        assert!(!apply(&mut item, &release(&key, 5)), "nothing to release");
        assert!(apply(&mut item, &note(&key, &owner, &[aside("draft", 10)], None, Some(99), None)));
        assert_eq!(item.get(DUE), Some(&Value::N(99)));
        let pim = Stage::Pimcore.attributes();
        assert!(!item.contains_key(pim.recheck_at), "the PIM's remarks say it already");
        let mut told = item.clone();
        assert!(apply(&mut told, &note(&key, &owner, &[aside("draft", 10)], None, None, Some(20))));
        assert_eq!((told.get(pim.recheck_at), told.get(pim.doubts)), (Some(&Value::N(20)), Some(&Value::N(1))));
        let again = since(&of(&item), vec![aside("draft", 20), aside("channel", 20)]);
        assert_eq!(again, [aside("draft", 10), aside("channel", 20)]);
        assert!(
            !apply(&mut item.clone(), &note(&key, &Owner("other".into()), &again, None, None, Some(20))),
            "the owner's alone"
        );

        assert!(apply(&mut item, &release(&key, 30)));
        assert!(
            apply(&mut item, &note(&key, &owner, &again, None, None, None)),
            "a push that has not seen the release"
        );
        assert_eq!((item.get(RELEASE), of(&item).len()), (Some(&Value::N(30)), 2));
        assert!(apply(&mut item, &note(&key, &owner, &[], Some(30), None, None)));
        assert_eq!((item.get(RELEASE), of(&item).len(), item.contains_key(ASIDE)), (None, 0, false));
        assert!(!item.contains_key(DUE));
    }
}
