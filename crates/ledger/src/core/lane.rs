//! The fast lane: what concerns only offers, prices and pieces, reaches the shop before the PIM.
//!
//! The shop shows what the PIM shows, with the offers of the newest document. It is complete with
//! that document if the PIM is known to hold the same *content*: then it shows what it would show
//! once the PIM holds the document.
//!
//! - Who brings a document to the PIM notes its content with the completion ([`Content`]), for one
//!   hash and one outcome of the rules. It is noted where nothing is withheld or held.
//! - Who pushes reads, after the claim, the PIM and then the document. What the PIM shows is of the
//!   noted content only if it says so itself: it has the noted hash ([`holds`]). What the ledger
//!   knew at the claim may be about to change there.
//! - Otherwise the offers are shown all the same, so that an older price never replaces a newer
//!   one, but the stage is complete with what the PIM holds, in the version of the offers.
//! - Who brings the document to the PIM later need not tell the shop if it holds that document, and
//!   the save changes offers alone ([`is_told`]). *After* completing it looks whether the product
//!   is pending still, and tells it then: somebody may have shown something else meanwhile.

use catalog::{ContentHash, Product, Version};

use super::expression::{Change, Item, Value, Write};
use super::missing;
use super::stage::Stage;
use super::state::{ProductState, StageState};

/// What the PIM was made to hold but for its offers: of which hash, and [`Content`].
pub const CONTENT: &str = "pimcore_content";

/// Digits of a digest. Two contents of one product have to be told apart, no more.
const DIGITS: usize = 16;

/// A document but for its offers, as digests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// What the source says.
    pub said: String,
    /// What the rules make of it.
    pub wanted: String,
}

impl Content {
    /// Of a document, and of what the rules make of it.
    #[must_use]
    pub fn of(said: &Product, wanted: &Product) -> Self {
        Self { said: digest(said), wanted: digest(wanted) }
    }
}

/// The digest of a product but for its offers.
#[must_use]
pub fn digest(product: &Product) -> String {
    let hash = ContentHash::of(&product.without_offers());
    hash.as_str().chars().take(DIGITS).collect()
}

/// What is noted is about this hash, and this outcome of the rules: who does not know of the lane
/// completes without a note, and leaves the one before.
fn about(hash: &str, view: Option<&str>) -> String {
    let hash: String = hash.chars().take(DIGITS).collect();
    view.map_or_else(|| hash.clone(), |view| format!("{hash}+{view}"))
}

/// What an item says of the content that its PIM stage holds.
#[must_use]
pub fn content(item: &Item) -> Option<Content> {
    let names = Stage::Pimcore.attributes();
    let text = |name: &str| item.get(name).and_then(Value::text);
    let mut words = text(CONTENT)?.split(' ');
    let of = words.next()?;
    let said = words.next()?.to_owned();
    let wanted = words.next().map_or_else(|| said.clone(), str::to_owned);
    (of == about(text(names.hash)?, text(names.view))).then_some(Content { said, wanted })
}

/// Adds to the completion of the PIM's stage what content it holds.
#[must_use]
pub fn noting(mut complete: Write, content: &Content, hash: &ContentHash, view: Option<&str>) -> Write {
    let Content { said, wanted } = content;
    let of = about(hash.as_str(), view);
    let note = if said == wanted { format!("{of} {said}") } else { format!("{of} {said} {wanted}") };
    complete.changes.push(Change::Set(CONTENT, note.into()));
    complete
}

/// Whether a changed document differs by its offers alone from what the PIM holds, so that the shop
/// can be told at once. A hint: who pushes looks itself. `after`: the state that the document left; `said`:
/// the [`digest`] of the document.
#[must_use]
pub fn concerns_offers(after: &ProductState, said: impl FnOnce() -> String) -> bool {
    let lacks = after.pimcore.applied.as_ref().is_some_and(|held| Some(&held.hash) != after.hash.as_ref());
    let in_shop = after.medusa.applied.as_ref().is_some_and(|held| held.remote_id.is_some());
    let same = move || after.content.as_ref().is_some_and(|held| held.said == said());
    lacks && in_shop && after.homes.is_empty() && after.gone.is_none() && same()
}

/// Whether the PIM may show older offers than the newest document says, or than the shop shows. A
/// document is written before the state, and may have been shown already: then the shop's version is
/// newer, though its hash is the PIM's.
#[must_use]
pub fn may_lag(claimed: &ProductState, (hash, version): (&ContentHash, Option<&Version>)) -> bool {
    let in_shop = claimed.medusa.applied.as_ref();
    let newer = in_shop.is_some_and(|held| version.is_some_and(|version| held.version > *version));
    let hashes = [claimed.hash.as_ref(), in_shop.map(|held| &held.hash)];
    newer || hashes.into_iter().flatten().any(|known| known != hash)
}

/// Whether what the PIM shows is of the content of a document, of which the rules want `wanted`.
/// `shows` is the hash that the PIM shows, with what it shows of the rules; `claimed` the state
/// that the claim gave.
#[must_use]
pub fn holds(claimed: &ProductState, shows: (&ContentHash, Option<&str>), wanted: &str) -> bool {
    let (hash, view) = shows;
    let noted = claimed.pimcore.applied.as_ref();
    let as_noted = noted.is_some_and(|held| held.hash == *hash && held.view.as_deref() == view);
    as_noted && claimed.content.as_ref().is_some_and(|held| held.wanted == wanted)
}

/// Whether the shop need not be told of a document that is brought to the PIM: it holds it, and all
/// that changes in the PIM are offers. `claimed` is the state that the claim of the PIM's stage
/// gave; the PIM showed what is noted there.
#[must_use]
pub fn is_told(claimed: &ProductState, hash: &ContentHash, content: &Content) -> bool {
    let certain = |stage: &StageState| stage.recheck_at.is_none() && stage.last_error.is_none();
    let (pimcore, shop) = (&claimed.pimcore, &claimed.medusa);
    let same = claimed.content.as_ref().is_some_and(|held| held.wanted == content.wanted);
    let held = |held: &super::stage::Applied| held.hash == *hash && held.seen.as_deref() != Some(missing::SEEN);
    let in_shop = shop.applied.as_ref().is_some_and(held) && shop.owner.is_none();
    certain(pimcore) && certain(shop) && claimed.edits.is_none() && same && in_shop
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::stage::Applied;
    use serde_json::json;

    fn product(price: &str, stock: i32, title: &str) -> Product {
        let variant =
            json!({"sku": "S", "title": "S", "stock": stock, "prices": [{"currency": "SAR", "amount": price}]});
        serde_json::from_value(json!({"source": "demo", "id": "1", "name": {"en": title}, "variants": [variant]}))
            .unwrap()
    }

    fn applied(hash: &str, seen: Option<&str>) -> Applied {
        let (hash, version) = (ContentHash::from_text(hash), Version::from_text("v"));
        let seen = seen.map(str::to_owned);
        Applied { hash, version, remote_id: Some("prod_1".into()), view: None, seen, at: 0 }
    }

    fn in_both(hash: &str, content: &Content) -> ProductState {
        let mut state = ProductState { content: Some(content.clone()), ..ProductState::default() };
        state.hash = Some(ContentHash::from_text("new"));
        state.pimcore.applied = Some(applied(hash, None));
        state.medusa.applied = Some(applied(hash, None));
        state
    }

    #[test]
    fn prices_and_pieces_are_offers_and_all_else_is_content() {
        let one = product("10", 1, "Kettle");
        assert_eq!(digest(&one), digest(&product("12", 0, "Kettle")));
        assert_ne!(digest(&one), digest(&product("10", 1, "Pot")));
        let withdrawn = Product { withdrawn: true, ..one.clone() };
        assert_ne!(digest(&one), digest(&withdrawn), "who publishes is the PIM");
    }

    #[test]
    fn a_note_is_about_one_hash_and_one_outcome_of_the_rules() {
        let hash = ContentHash::of(&product("10", 1, "Kettle"));
        for (view, wanted) in [(None, "c1"), (Some("w1"), "c2")] {
            let content = Content { said: "c1".into(), wanted: wanted.into() };
            let none = Write {
                key: crate::core::state::item_key(&"demo:1".parse().unwrap()),
                condition: crate::core::Condition::Always,
                changes: vec![],
            };
            let mut item = noting(none, &content, &hash, view).apply(&Item::new()).unwrap();
            item.insert("pimcore_hash".into(), hash.as_str().into());
            view.map(|view| item.insert("pimcore_view".into(), view.into()));
            assert_eq!(ProductState::of(&item).content, Some(content));
            item.insert("pimcore_view".into(), "w2".into());
            assert_eq!(ProductState::of(&item).content, None);
            item.remove("pimcore_view");
            item.insert("pimcore_hash".into(), "another".into());
            assert_eq!(ProductState::of(&item).content, None);
        }
    }

    #[test]
    fn the_shop_is_told_at_once_where_the_pim_holds_all_but_the_offers() {
        let (said, content) = (product("10", 1, "Kettle"), |p: &Product| Content::of(p, p));
        let state = in_both("old", &content(&said));
        assert!(concerns_offers(&state, || digest(&product("12", 0, "Kettle"))));
        assert!(!concerns_offers(&state, || digest(&product("12", 0, "Pot"))));
        let came_back = ProductState { hash: Some(ContentHash::from_text("old")), ..state.clone() };
        assert!(!concerns_offers(&came_back, || digest(&said)), "the PIM holds it");
        let member = ProductState { homes: vec!["demo~article:g".parse().unwrap()], ..state.clone() };
        assert!(!concerns_offers(&member, || digest(&said)));
        let mut nowhere = state;
        nowhere.medusa.applied = None;
        assert!(!concerns_offers(&nowhere, || digest(&said)));
    }

    #[test]
    fn what_the_pim_shows_is_known_by_what_it_says_itself() {
        let state = in_both("old", &Content { said: "c".into(), wanted: "w".into() });
        let old = ContentHash::from_text("old");
        assert!(holds(&state, (&old, None), "w"));
        assert!(!holds(&state, (&old, None), "c"), "the rules want something else");
        assert!(!holds(&state, (&old, Some("r")), "w"), "it is shown by other rules");
        assert!(!holds(&state, (&ContentHash::from_text("new"), None), "w"), "somebody has just written it");
    }

    #[test]
    fn the_pim_lags_where_the_ledger_or_the_shop_knows_better() {
        let mut state = in_both("old", &Content { said: "c".into(), wanted: "c".into() });
        let (old, v) = (ContentHash::from_text("old"), Version::from_text("v"));
        assert!(may_lag(&state, (&old, Some(&v))), "another document is wanted");
        state.hash = Some(old.clone());
        assert!(!may_lag(&state, (&old, Some(&v))));
        assert!(may_lag(&state, (&old, Some(&Version::from_text("u")))), "the shop shows newer offers");
        state.medusa.applied = Some(applied("new", None));
        assert!(may_lag(&state, (&old, Some(&v))), "the shop holds another document");
    }

    #[test]
    fn the_shop_need_not_be_told_of_what_it_holds_for_certain() {
        let content = Content { said: "c".into(), wanted: "c".into() };
        let (new, told) = (ContentHash::from_text("new"), |state: &ProductState, content: &Content| {
            is_told(state, &ContentHash::from_text("new"), content)
        });
        let mut state = in_both("old", &content);
        assert!(!told(&state, &content), "it holds another");
        state.medusa.applied = Some(applied(new.as_str(), None));
        assert!(told(&state, &content));
        assert!(!told(&state, &Content { wanted: "d".into(), ..content.clone() }), "more than offers changes");
        let doubts: [fn(&mut ProductState); 5] = [
            |state| state.edits = Some(1),
            |state| state.pimcore.recheck_at = Some(1),
            |state| state.medusa.recheck_at = Some(1),
            |state| state.medusa.owner = Some("somebody".into()),
            |state| state.medusa.applied = Some(applied("new", Some(missing::SEEN))),
        ];
        for doubt in doubts {
            let mut state = state.clone();
            doubt(&mut state);
            assert!(!told(&state, &content), "{state:?}");
        }
    }
}
