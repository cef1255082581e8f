//! What was wanted of a product last, and what waits for a person.
//!
//! Some rules look back: a price without a rate keeps its last value, a change beyond a limit is held. So what the PIM was last made to show is kept, as an item of
//! its own beside the `doc`, only while such rules are in force. What is held is noted with it, by its digest: a person's word is about that one, and a newer one
//! has to be looked at again. Who brings the product to the PIM writes the item; a person writes the attribute `choice` only.

use catalog::{Product, ProductKey};
use serde::{Deserialize, Serialize};

use super::expression::{Change, Condition, Item, ItemKey, Operand, Value, Write};
use super::packed::{self, BodyError};
use super::state;

/// Sort key of the item.
pub const SK: &str = "wanted";
/// The partition that lists what is held; the sort key is the product's.
pub const LIST: &str = "HELD";
const BODY: &str = "body";
const HELD: &str = "held";
const HELD_DIGEST: &str = "held_digest";
const CHOICE: &str = "choice";
const EXPIRES_AT: &str = "expires_at";
/// An item of the list that is not needed any more goes after so many seconds.
const KEPT: i64 = 86_400;

/// Something that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The digest of what is wanted, but for its stock.
    pub digest: String,
    /// The rules that hold it.
    pub rules: Vec<String>,
    /// Why, in words.
    pub reasons: Vec<String>,
    /// The feed run that said it.
    pub run: String,
    /// Since when (ms).
    pub at: i64,
    /// A person does not want it: what is shown stays until something else is wanted.
    #[serde(default)]
    pub rejected: bool,
}

/// What a person said about something that was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    Approve,
    Reject,
}

impl Word {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
        }
    }
}

/// What is known of a product's past.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Past {
    /// What the PIM was last made to show.
    pub product: Option<Product>,
    pub held: Option<Held>,
    /// A person's word, and about which digest.
    choice: Option<String>,
}

impl Past {
    /// Reads an item.
    ///
    /// # Errors
    /// When the body is not what [`remember`] wrote.
    pub fn of(item: &Item) -> Result<Self, BodyError> {
        let text = |name: &str| item.get(name).and_then(Value::text);
        let product = match item.get(BODY) {
            Some(Value::B(bytes)) => Some(packed::unpack(bytes)?),
            _ => None,
        };
        let held = text(HELD).and_then(|json| serde_json::from_str(json).ok());
        Ok(Self { product, held, choice: text(CHOICE).map(str::to_owned) })
    }

    /// What a person said about this digest.
    #[must_use]
    pub fn word(&self, digest: &str) -> Option<Word> {
        let (word, of) = self.choice.as_deref()?.split_once(' ')?;
        [Word::Approve, Word::Reject].into_iter().find(|known| known.as_str() == word).filter(|_| of == digest)
    }
}

/// The key of the item.
#[must_use]
pub fn item_key(key: &ProductKey) -> ItemKey {
    ItemKey { pk: state::partition(key), sk: SK.to_owned() }
}

/// Notes what the PIM is made to show, and what is held of it.
///
/// # Errors
/// When the product cannot be compressed, or is too large.
pub fn remember(key: &ProductKey, product: &Product, held: Option<&Held>) -> Result<Write, BodyError> {
    let mut changes = vec![Change::Set(BODY, packed::pack(product)?.into())];
    changes.extend(noted(held));
    if held.is_none() {
        // It was about what is shown by now.
        changes.push(Change::Remove(CHOICE));
    }
    Ok(Write { key: item_key(key), condition: Condition::Always, changes })
}

fn noted(held: Option<&Held>) -> [Change; 2] {
    match held {
        Some(held) => {
            let json = serde_json::to_string(held).unwrap_or_else(|error| unreachable!("a plain struct: {error}"));
            [Change::Set(HELD, json.into()), Change::Set(HELD_DIGEST, held.digest.clone().into())]
        }
        None => [Change::Remove(HELD), Change::Remove(HELD_DIGEST)],
    }
}

/// The same in the list.
#[must_use]
pub fn list(key: &ProductKey, held: Option<&Held>, now: i64) -> Write {
    let waits = held.filter(|held| !held.rejected);
    let mut changes = noted(waits).to_vec();
    changes.push(match waits {
        Some(_) => Change::Remove(EXPIRES_AT),
        None => Change::Set(EXPIRES_AT, (now / 1000 + KEPT).into()),
    });
    Write { key: ItemKey { pk: LIST.to_owned(), sk: key.to_string() }, condition: Condition::Always, changes }
}

/// What an item of the list says.
#[must_use]
pub fn listed(item: &Item) -> Option<Held> {
    item.get(HELD).and_then(Value::text).and_then(|json| serde_json::from_str(json).ok())
}

/// A person's word about what is held under this digest; refused where something else is held by now, or nothing.
#[must_use]
pub fn choose(key: &ProductKey, digest: &str, word: Word) -> Write {
    Write {
        key: item_key(key),
        condition: Condition::Eq(HELD_DIGEST, Operand::Value(digest.into())),
        changes: vec![Change::Set(CHOICE, format!("{} {digest}", word.as_str()).into())],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> ProductKey {
        ProductKey::new("demo", "1").unwrap()
    }

    fn held(digest: &str) -> Held {
        Held {
            digest: digest.to_owned(),
            rules: vec!["r".into()],
            reasons: vec!["10 → 20".into()],
            run: "run".into(),
            at: 1,
            rejected: false,
        }
    }

    #[test]
    fn a_word_is_about_one_digest_and_stays_where_the_product_is_written_again() {
        let product: Product =
            serde_json::from_value(serde_json::json!({"source": "demo", "id": "1", "name": {"en": "x"}, "variants": []})).unwrap();
        let item = remember(&key(), &product, Some(&held("a"))).unwrap().apply(&Item::new()).unwrap();
        assert!(choose(&key(), "b", Word::Approve).apply(&item).is_err(), "something else is held by now");
        let item = choose(&key(), "a", Word::Approve).apply(&item).unwrap();
        let item = remember(&key(), &product, Some(&held("a"))).unwrap().apply(&item).unwrap();
        let past = Past::of(&item).unwrap();
        assert_eq!((past.word("a"), past.word("b")), (Some(Word::Approve), None));
        assert_eq!((past.product.as_ref(), past.held), (Some(&product), Some(held("a"))));
        let item = remember(&key(), &product, None).unwrap().apply(&item).unwrap();
        assert!(choose(&key(), "a", Word::Reject).apply(&item).is_err(), "nothing is held");
        assert_eq!(Past::of(&Item::new()).unwrap(), Past::default());
    }

    #[test]
    fn what_is_rejected_is_not_listed() {
        let item = list(&key(), Some(&held("a")), 5_000).apply(&Item::new()).unwrap();
        assert_eq!(listed(&item), Some(held("a")));
        let rejected = Held { rejected: true, ..held("a") };
        let item = list(&key(), Some(&rejected), 5_000).apply(&item).unwrap();
        assert_eq!(listed(&item), None);
    }
}
