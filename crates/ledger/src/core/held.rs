//! What the shop's rules let through last, and what waits for a person.
//!
//! Some rules look back: a change beyond a limit is held, a price without a rate keeps its last value. So what was let through last (the *base*) is kept as an item
//! of its own beside the `doc`, while such rules are in force. What is shown is a pure function of what the source says, the rules, the base and a person's word:
//!
//! - nothing is held: that is wanted, and the base from now on;
//! - something is held: the base is shown until a person says a word about the digest of what waits, or something else is wanted.
//!
//! Whoever brings the product writes the item *before* the PIM, if its revision is still the one that was read under the lease: who lost the lease is refused, and
//! so does not write the PIM either. A person writes the attribute `choice` only, which names the digest that it is about, and then puts the PIM's stage in doubt.
//! A base of an earlier *epoch* (rules that look back went, and came again) says nothing: the PIM has shown other things since.

use catalog::{Localized, Product, ProductKey};
use serde::{Deserialize, Serialize};

use super::expression::{Change, Condition, Item, ItemKey, Operand, Value, Write};
use super::packed::{self, BodyError};
use super::state;

/// Sort key of the item.
pub const SK: &str = "wanted";
/// The partition that names what is held; the sort key is the product's.
pub const LIST: &str = "HELD";
const REVISION: &str = "revision";
const EPOCH: &str = "epoch";
const BODY: &str = "body";
/// Texts and images did not fit.
const SLIM: &str = "slim";
const HELD: &str = "held";
const HELD_DIGEST: &str = "held_digest";
const CHOICE: &str = "choice";
const WAITS: &str = "waits";
const JUDGED: &str = "judged";
const REASONS: &str = "reasons";
const EXPIRES_AT: &str = "expires_at";
/// A row of the list that names nothing any more goes after so many seconds.
const KEPT: i64 = 86_400;
/// What became of a feed is kept for so many seconds: 180 days, as its run.
const KEPT_FEED: i64 = 180 * 86_400;
/// Bytes of a base; an item holds 400 kB.
const MAX_BYTES: usize = 300 << 10;

/// Something that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The digest of what a person decides about.
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

/// What was let through last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    pub product: Product,
    /// Texts and images are missing: the product is too large.
    pub slim: bool,
}

/// What is known of a product's past.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    /// Counts what was written by who brings it; 0 where there is no item.
    revision: i64,
    epoch: i64,
    pub base: Option<Base>,
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
        let number = |name: &str| item.get(name).and_then(Value::number).unwrap_or(0);
        let base = match item.get(BODY) {
            Some(Value::B(bytes)) => Some(Base { product: packed::unpack(bytes)?, slim: item.contains_key(SLIM) }),
            _ => None,
        };
        let held = text(HELD).and_then(|json| serde_json::from_str(json).ok());
        Ok(Self {
            revision: number(REVISION),
            epoch: number(EPOCH),
            base,
            held,
            choice: text(CHOICE).map(str::to_owned),
        })
    }

    /// What of it counts for rules that have looked back since `epoch`.
    #[must_use]
    pub fn since(self, epoch: i64) -> Self {
        if self.epoch == epoch { self } else { Self { revision: self.revision, epoch: self.epoch, ..Self::default() } }
    }

    /// Counts what was written by who brings it.
    #[must_use]
    pub const fn revision(&self) -> i64 {
        self.revision
    }

    /// What a person said about this digest.
    #[must_use]
    pub fn word(&self, digest: &str) -> Option<Word> {
        let (word, of) = self.choice.as_deref()?.split_once(' ')?;
        [Word::Approve, Word::Reject].into_iter().find(|known| known.as_str() == word).filter(|_| of == digest)
    }

    /// Whether [`remember`] would say something new.
    #[must_use]
    pub fn differs(&self, base: Option<&Product>, held: Option<&Held>) -> bool {
        let news = |base: &Product| match &self.base {
            None => true,
            // Pieces are not what is held, and cost no write.
            Some(Base { product, slim: false }) => *product != base.without_pieces(),
            Some(Base { product, slim: true }) => *product != slim(base),
        };
        base.is_some_and(news) || self.held.as_ref() != held
    }
}

/// The key of the item.
#[must_use]
pub fn item_key(key: &ProductKey) -> ItemKey {
    ItemKey { pk: state::partition(key), sk: SK.to_owned() }
}

fn slim(product: &Product) -> Product {
    let description = Localized::default();
    Product { description, attributes: Vec::new(), images: Vec::new(), facts: None, ..product.without_pieces() }
}

/// Notes what is let through (`None`: what was before stays the base) and what is held, if nobody else has since the past was read.
///
/// # Errors
/// When the product cannot be compressed, or is too large.
pub fn remember(
    key: &ProductKey,
    past: &Past,
    base: Option<&Product>,
    held: Option<&Held>,
    epoch: i64,
) -> Result<Write, BodyError> {
    let mut changes = vec![Change::Add(REVISION, 1), Change::Set(EPOCH, epoch.into())];
    if let Some(base) = base {
        let whole = packed::pack(&base.without_pieces())?;
        if whole.len() <= MAX_BYTES {
            changes.extend([Change::Set(BODY, whole.into()), Change::Remove(SLIM)]);
        } else {
            changes.extend([Change::Set(BODY, packed::pack(&slim(base))?.into()), Change::Set(SLIM, 1.into())]);
        }
    } else if past.epoch != epoch {
        changes.push(Change::Remove(BODY));
    }
    match held {
        Some(held) => {
            let json = serde_json::to_string(held).unwrap_or_else(|error| unreachable!("a plain struct: {error}"));
            changes.extend([Change::Set(HELD, json.into()), Change::Set(HELD_DIGEST, held.digest.clone().into())]);
        }
        None => changes.extend([Change::Remove(HELD), Change::Remove(HELD_DIGEST)]),
    }
    if held.map(|held| &held.digest) != past.held.as_ref().map(|held| &held.digest) {
        // A word was about something else.
        changes.push(Change::Remove(CHOICE));
    }
    let condition = match past.revision {
        0 => Condition::Absent(REVISION),
        revision => Condition::Eq(REVISION, Operand::Value(revision.into())),
    };
    Ok(Write { key: item_key(key), condition, changes })
}

/// The same in the list, after [`remember`] and not after a newer one: it names products, their items say what is held.
#[must_use]
pub fn list(key: &ProductKey, revision: i64, waits: bool, now: i64) -> Write {
    let mut changes = vec![Change::Set(REVISION, revision.into())];
    changes.extend(match waits {
        true => [Change::Set(WAITS, 1.into()), Change::Remove(EXPIRES_AT)],
        false => [Change::Remove(WAITS), Change::Set(EXPIRES_AT, (now / 1000 + KEPT).into())],
    });
    let older = Condition::Le(REVISION, Operand::Value(revision.into()));
    Write {
        key: ItemKey { pk: LIST.to_owned(), sk: key.to_string() },
        condition: Condition::Any(vec![Condition::Absent(REVISION), older]),
        changes,
    }
}

/// The key under which it stands what became of a whole feed.
#[must_use]
pub fn feed_key(run: &str) -> ItemKey {
    ItemKey { pk: format!("G#{run}"), sk: "guard".to_owned() }
}

/// Notes why a whole feed waits, or that it does not: before anything of it is written, once.
#[must_use]
pub fn judge(run: &str, reasons: &[String], now: i64) -> Write {
    let mut changes = vec![Change::Set(JUDGED, now.into()), Change::Set(EXPIRES_AT, (now / 1000 + KEPT_FEED).into())];
    if !reasons.is_empty() {
        changes.push(Change::Set(REASONS, reasons.join("\n").into()));
    }
    Write { key: feed_key(run), condition: Condition::Absent(JUDGED), changes }
}

/// Why a whole feed waits, empty if it does not; `None` of one that nobody looked through.
#[must_use]
pub fn judged(item: &Item) -> Option<Vec<String>> {
    item.get(JUDGED)?;
    let reasons = item.get(REASONS).and_then(Value::text).map(|text| text.lines().map(str::to_owned).collect());
    Some(reasons.unwrap_or_default())
}

/// Whether a row of the list names something.
#[must_use]
pub fn waits(item: &Item) -> bool {
    item.contains_key(WAITS)
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

    fn product(name: &str) -> Product {
        let json = serde_json::json!({"source": "demo", "id": "1", "name": {"en": name}, "variants": []});
        serde_json::from_value(json).unwrap()
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

    fn past(item: &Item) -> Past {
        Past::of(item).unwrap()
    }

    fn noted(item: &Item, base: Option<&Product>, held: Option<&Held>) -> Item {
        remember(&key(), &past(item), base, held, 7).unwrap().apply(item).unwrap()
    }

    #[test]
    fn a_word_is_about_one_digest_and_ends_with_it() {
        let item = noted(&Item::new(), Some(&product("a")), Some(&held("a")));
        assert!(choose(&key(), "b", Word::Approve).apply(&item).is_err(), "something else is held by now");
        let item = choose(&key(), "a", Word::Approve).apply(&item).unwrap();
        let again = noted(&item, None, Some(&Held { run: "next".into(), ..held("a") }));
        assert_eq!((past(&again).word("a"), past(&again).word("b")), (Some(Word::Approve), None));
        assert_eq!(past(&again).base.unwrap().product, product("a"), "what was let through stays");
        let other = noted(&again, None, Some(&held("b")));
        let back = noted(&other, None, Some(&held("a")));
        assert_eq!(past(&back).word("a"), None, "a person looks anew");
        let through = noted(&again, Some(&product("b")), None);
        assert!(choose(&key(), "a", Word::Reject).apply(&through).is_err(), "nothing is held");
        assert_eq!(past(&through).word("a"), None);
        assert_eq!(past(&Item::new()), Past::default());
    }

    #[test]
    fn who_lost_the_lease_is_refused_and_a_word_refuses_nobody() {
        let item = noted(&Item::new(), Some(&product("a")), Some(&held("a")));
        let old = past(&item);
        let item = choose(&key(), "a", Word::Approve).apply(&item).unwrap();
        let newer = noted(&item, Some(&product("b")), None);
        assert!(remember(&key(), &old, Some(&product("a")), None, 7).unwrap().apply(&newer).is_err());
        assert!(remember(&key(), &Past::default(), None, None, 7).unwrap().apply(&newer).is_err());
    }

    #[test]
    fn pieces_are_no_news_and_an_older_epoch_says_nothing() {
        let variant = serde_json::json!({"sku": "s", "title": "S", "prices": [], "stock": 3});
        let mut cup = Product { variants: vec![serde_json::from_value(variant).unwrap()], ..product("a") };
        let item = noted(&Item::new(), Some(&cup), Some(&held("a")));
        cup.variants[0].stock = 2;
        cup.stock_said.insert("s".into(), catalog::Version::new(1, "0", 0));
        cup.withdrawn = true;
        assert!(!past(&item).differs(Some(&cup), Some(&held("a"))));
        assert!(past(&item).differs(Some(&product("b")), Some(&held("a"))) && past(&item).differs(None, None));
        let other = past(&item).since(8);
        assert_eq!((&other.base, &other.held, other.word("a")), (&None, &None, None));
        let item = remember(&key(), &other, None, None, 8).unwrap().apply(&item).unwrap();
        assert_eq!(past(&item).since(8).base, None, "its body is of the older epoch");
    }

    #[test]
    fn what_does_not_fit_keeps_prices_and_places_only() {
        let mut large = product("a");
        // Not to be compressed.
        let mut n = 1_u64;
        let mut letter = || {
            n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b' ' + u8::try_from((n >> 40) % 94).unwrap())
        };
        let text: String = (0..600_000).map(|_| letter()).collect();
        large.description = Localized::default().with("en", &text);
        let item = noted(&Item::new(), Some(&large), None);
        let known = past(&item).base.unwrap();
        assert!(known.slim && known.product == product("a"));
        assert!(!past(&item).differs(Some(&large), None));
    }

    #[test]
    fn a_feed_is_judged_once() {
        let reasons = vec!["prices change by 40.0% on average".to_owned(), "so do categories".to_owned()];
        let item = judge("run", &reasons, 5_000).apply(&Item::new()).unwrap();
        assert_eq!((judged(&item), judged(&Item::new())), (Some(reasons), None));
        assert!(judge("run", &[], 6_000).apply(&item).is_err());
        assert_eq!(judged(&judge("run", &[], 5_000).apply(&Item::new()).unwrap()), Some(vec![]));
    }

    #[test]
    fn the_list_follows_the_newest_word() {
        let row = list(&key(), 1, true, 5_000).apply(&Item::new()).unwrap();
        assert!(waits(&row));
        let newer = list(&key(), 2, false, 5_000).apply(&row).unwrap();
        assert!(!waits(&newer));
        assert!(list(&key(), 1, true, 5_000).apply(&newer).is_err(), "somebody was slow");
    }
}
