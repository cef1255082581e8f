//! Which address in the shop is whose, for good (D101).
//!
//! A handle is *claimed* for a product before the shop hears of it, in an item of its own that no
//! other product can claim. Then it is *noted* with the product, once: who comes second, with
//! another title, takes what is noted. So two creators of one product use one handle, of which the
//! shop takes one create; and two products never share one, nor does an address that once led to
//! one product lead to another. Claims are never given back.

use catalog::ProductKey;

use super::expression::{Change, Condition, Item, ItemKey, Operand, Value, Write};
use super::stage::{Owner, Stage};
use super::{shop, state};

/// When (ms) a person asked that the product get the address that it would be given today.
pub const MOVE: &str = "medusa_move";
const SK: &str = "handle";
const PRODUCT: &str = "product";
const HANDLE: &str = "handle";

/// The key of a handle's item.
#[must_use]
pub fn item_key(handle: &str) -> ItemKey {
    ItemKey { pk: format!("H#{handle}"), sk: SK.to_owned() }
}

/// Claims a handle for a product; refused when it is another's.
#[must_use]
pub fn claim(handle: &str, key: &ProductKey) -> Write {
    let own = Operand::Value(key.to_string().into());
    Write {
        key: item_key(handle),
        condition: Condition::Any(vec![Condition::Absent(PRODUCT), Condition::Eq(PRODUCT, own)]),
        changes: vec![Change::Set(PRODUCT, key.to_string().into())],
    }
}

/// Notes the handle that was claimed for a product; refused when something else is noted than
/// `was`: the answer says what.
#[must_use]
pub fn note(key: &ProductKey, handle: &str, was: Option<&str>) -> Write {
    let condition = was.map_or(Condition::Absent(HANDLE), |was| Condition::Eq(HANDLE, Operand::Value(was.into())));
    Write { key: shop::item_key(key), condition, changes: vec![Change::Set(HANDLE, handle.into())] }
}

/// The handle that is noted in a product's `shop` item.
#[must_use]
pub fn noted(item: &Item) -> Option<String> {
    item.get(HANDLE).and_then(Value::text).map(str::to_owned)
}

/// The product that a handle's item names.
#[must_use]
pub fn holder(item: &Item) -> Option<&str> {
    item.get(PRODUCT).and_then(Value::text)
}

/// A person's wish that a product move.
#[must_use]
pub fn wish(key: &ProductKey, now: i64) -> Write {
    Write { key: state::item_key(key), condition: Condition::Always, changes: vec![Change::Set(MOVE, now.into())] }
}

/// The wish of that time was fulfilled, as the owner of the shop's stage says.
#[must_use]
pub fn moved(key: &ProductKey, owner: &Owner, at: i64) -> Write {
    let names = Stage::Medusa.attributes();
    let conditions = vec![
        Condition::Eq(names.owner, Operand::Value(owner.0.clone().into())),
        Condition::Eq(MOVE, Operand::Value(at.into())),
    ];
    Write { key: state::item_key(key), condition: Condition::All(conditions), changes: vec![Change::Remove(MOVE)] }
}

/// Whether a product may move now: not while a create of it may still land, which its present
/// handle refuses.
#[must_use]
pub fn may_move(state: &state::ProductState, now: i64) -> bool {
    state.moves.is_some() && state.medusa.recheck_at.is_none_or(|at| at <= now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> ProductKey {
        text.parse().unwrap()
    }

    #[test]
    fn a_handle_is_one_products_for_good() {
        let item = claim("dress", &key("s:1")).apply(&Item::new()).unwrap();
        assert_eq!(claim("dress", &key("s:1")).apply(&item), Ok(item.clone()), "claimed again");
        assert!(claim("dress", &key("s:2")).apply(&item).is_err());
        assert_eq!(holder(&item), Some("s:1"));
    }

    #[test]
    fn what_is_noted_first_counts_until_it_is_replaced_by_name() {
        let item = note(&key("s:1"), "dress", None).apply(&Item::new()).unwrap();
        assert!(note(&key("s:1"), "gown", None).apply(&item).is_err());
        assert!(note(&key("s:1"), "gown", Some("robe")).apply(&item).is_err());
        let after = note(&key("s:1"), "gown", Some("dress")).apply(&item).unwrap();
        assert_eq!(noted(&after).as_deref(), Some("gown"));
    }

    #[test]
    fn a_wish_ends_when_its_owner_says_so_and_a_newer_one_stays() {
        let (key, owner) = (key("s:1"), Owner("w".into()));
        let item = Item::from([("medusa_owner".to_owned(), "w".into())]);
        let item = wish(&key, 5).apply(&item).unwrap();
        assert!(moved(&key, &Owner("other".into()), 5).apply(&item).is_err());
        assert!(moved(&key, &owner, 4).apply(&item).is_err(), "one that came meanwhile");
        assert!(!moved(&key, &owner, 5).apply(&item).unwrap().contains_key(MOVE));
        let state = state::ProductState::of(&item);
        assert!(may_move(&state, 9));
        let mut doubted = state.clone();
        doubted.medusa.recheck_at = Some(9);
        assert!(!may_move(&doubted, 8) && may_move(&doubted, 9));
        assert!(!may_move(&state::ProductState::default(), 9));
    }
}
