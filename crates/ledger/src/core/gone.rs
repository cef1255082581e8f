//! What a person deleted in the PIM stays away until a person ends that (D11).
//!
//! That the PIM had a product is known by the id that its stage noted when it was completed. Such a
//! product is never made again, whatever its source says: its owner completes the stage as if the
//! PIM held it, and the id stays. Who restores it from the bin finds it as it was; who releases it
//! has the ledger forget the id, so that it is made like any new one.
//!
//! The note says since when, for people. Whoever finds a product gone writes the note, then looks
//! once more: what was restored before shows in that look, and what is restored after it is a save
//! whose reader finds the note ([`crate::core::saves`] would take the ledger's word for what the PIM
//! holds). A second item, in one partition for all products, lets people list them.

use catalog::ProductKey;
use serde::{Deserialize, Serialize};

use super::expression::{Change, Condition, Item, ItemKey, Operand, Write};
use super::stage::{self, Owner, Stage};
use super::state::{self, ProductState};

/// Since when (ms) the PIM is known to lack it.
pub const GONE: &str = "pimcore_gone";
/// The partition that lists the products with such a note; the sort key is the product's. There may
/// be more in it than have one.
pub const LIST: &str = "GONE";

const EXPIRES_AT: &str = "expires_at";
/// Who did it, as the PIM's notice said, and when (s) that was.
const BY: &str = "by";
const BY_AT: &str = "by_at";
/// An item of the list that is not needed any more goes after so many seconds.
const KEPT: i64 = 86_400;

/// What the PIM's notice says of a deletion: for people to read, never to decide by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// `delete`, or `move`.
    pub what: String,
    /// The person's number and name in the PIM.
    pub user: Option<i64>,
    pub name: Option<String>,
    /// When, seconds since 1970.
    pub at: i64,
}

impl By {
    /// What a list item says.
    #[must_use]
    pub fn of(item: &Item) -> Option<Self> {
        serde_json::from_str(item.get(BY)?.text()?).ok()
    }
}

/// The id of the object that the PIM is known to have had.
#[must_use]
pub fn known_id(state: &ProductState) -> Option<&str> {
    state.pimcore.applied.as_ref()?.remote_id.as_deref()
}

/// Notes that the object with this id is gone; refused once somebody has released the product, or
/// another object is known. The first time stays.
#[must_use]
pub fn note(key: &ProductKey, id: &str, now: i64) -> Write {
    Write {
        key: state::item_key(key),
        condition: Condition::Eq(Stage::Pimcore.attributes().remote_id, Operand::Value(id.into())),
        changes: vec![Change::SetIfAbsent(GONE, now.into())],
    }
}

/// The product is there: as the owner of the PIM's stage.
#[must_use]
pub fn clear(key: &ProductKey, owner: &Owner) -> Write {
    let names = Stage::Pimcore.attributes();
    Write {
        key: state::item_key(key),
        condition: Condition::Eq(names.owner, Operand::Value(owner.0.clone().into())),
        changes: vec![Change::Remove(GONE)],
    }
}

/// A person's wish that a deleted product be made again; refused where none is noted. The stage is
/// in doubt: whoever is at work on it claimed it before, and completes it without bringing the id
/// back ([`stage::complete`]).
#[must_use]
pub fn release(key: &ProductKey, now: i64) -> Write {
    let mut changes = vec![Change::Remove(GONE), Change::Remove(Stage::Pimcore.attributes().remote_id)];
    changes.extend(stage::doubt(Stage::Pimcore, key, now).changes);
    Write { key: state::item_key(key), condition: Condition::Present(GONE), changes }
}

/// Puts the product on the list, or (`ended`) has it leave that in a day.
#[must_use]
pub fn list(key: &ProductKey, ended: bool, now: i64) -> Write {
    let mut changes = vec![Change::SetIfAbsent(GONE, now.into())];
    if ended {
        changes.extend([
            Change::Set(EXPIRES_AT, (now / 1000 + KEPT).into()),
            Change::Remove(BY),
            Change::Remove(BY_AT),
        ]);
    } else {
        changes.push(Change::Remove(EXPIRES_AT));
    }
    Write { key: list_key(key), condition: Condition::Always, changes }
}

/// The item of the list.
#[must_use]
pub fn list_key(key: &ProductKey) -> ItemKey {
    ItemKey { pk: LIST.to_owned(), sk: key.to_string() }
}

/// Who deleted a product that is noted as gone; refused where it is not, or a later act is known.
#[must_use]
pub fn by(key: &ProductKey, by: &By) -> Write {
    let later = Condition::Lt(BY_AT, Operand::Value(by.at.into()));
    let condition = Condition::All(vec![
        Condition::Present(GONE),
        Condition::Absent(EXPIRES_AT),
        Condition::Any(vec![Condition::Absent(BY_AT), later]),
    ]);
    let said = serde_json::to_string(by).unwrap_or_default();
    Write {
        key: list_key(key),
        condition,
        changes: vec![Change::Set(BY, said.into()), Change::Set(BY_AT, by.at.into())],
    }
}

#[cfg(test)]
mod tests {
    use catalog::{ContentHash, Version};

    use super::*;
    use crate::core::expression::Value;
    use crate::core::missing;
    use crate::core::stage::{Applied, Leases};

    const LEASES: Leases = Leases { lease_ms: 100, landing_ms: 10 };

    fn apply(item: &mut Item, write: &Write) -> bool {
        let Ok(after) = write.apply(item) else { return false };
        *item = after;
        true
    }

    fn applied(id: Option<&str>) -> Applied {
        let (hash, version) = (ContentHash::from_text("h"), Version::from_text("v"));
        Applied { hash, version, remote_id: id.map(str::to_owned), view: None, seen: None, at: 0 }
    }

    /// Claimed with this owner and completed with this id; the state that the claim gave.
    fn claim(item: &mut Item, owner: &str, now: i64) -> ProductState {
        let key = "demo:1".parse().unwrap();
        assert!(apply(item, &stage::claim(Stage::Pimcore, &key, &Owner(owner.into()), now, LEASES)));
        ProductState::of(item)
    }

    fn complete(item: &mut Item, owner: &str, claimed: &ProductState, id: Option<&str>, now: i64) {
        let (key, owner) = ("demo:1".parse().unwrap(), Owner(owner.into()));
        let write = |seen: &ProductState| {
            stage::complete(Stage::Pimcore, &key, &owner, (claimed, seen), &applied(id), now, LEASES)
        };
        if !apply(item, &write(claimed)) {
            let seen = ProductState::of(item);
            assert!(apply(item, &write(&seen)), "{item:?}");
        }
    }

    /// The stage in doubt, or new content, done; what is left.
    fn claim_and_complete(item: &mut Item, key: &ProductKey, owner: &str, id: Option<&str>, now: i64) -> ProductState {
        assert!(apply(item, &stage::doubt(Stage::Pimcore, key, now)));
        let claimed = claim(item, owner, now);
        complete(item, owner, &claimed, id, now + 1);
        ProductState::of(item)
    }

    fn known() -> Item {
        let mut item = Item::from([(state::HASH.into(), "h".into())]);
        let claimed = claim(&mut item, "first", 1);
        complete(&mut item, "first", &claimed, Some("7"), 2);
        item
    }

    #[test]
    fn a_note_keeps_its_time_and_speaks_of_one_object() {
        let (key, mut item) = ("demo:1".parse().unwrap(), known());
        assert_eq!(known_id(&ProductState::of(&item)), Some("7"));
        assert!(!apply(&mut item, &release(&key, 5)), "nothing to release");
        assert!(!apply(&mut item, &note(&key, "8", 5)), "another object");
        assert!(apply(&mut item, &note(&key, "7", 10)) && apply(&mut item, &note(&key, "7", 20)));
        assert_eq!(ProductState::of(&item).gone, Some(10));
        assert!(!apply(&mut item, &clear(&key, &Owner("somebody".into()))), "the owner's alone");
    }

    #[test]
    fn who_claimed_before_a_release_does_not_bring_the_id_back() {
        let (key, mut item) = ("demo:1".parse().unwrap(), known());
        assert!(apply(&mut item, &note(&key, "7", 10)));
        item.insert(state::HASH.into(), "newer".into());
        let before = claim(&mut item, "before", 20);
        assert!(apply(&mut item, &release(&key, 21)));
        complete(&mut item, "before", &before, Some("7"), 22);
        let state = ProductState::of(&item);
        assert_eq!((known_id(&state), state.gone, state.pimcore.recheck_at), (None, None, Some(21)));
        assert!(!apply(&mut item, &note(&key, "7", 23)), "nor does a note come back");
        // The next claim makes it, as one that the PIM never had.
        let after = claim(&mut item, "after", 30);
        assert_eq!(known_id(&after), None);
        complete(&mut item, "after", &after, Some("9"), 31);
        assert_eq!(known_id(&ProductState::of(&item)), Some("9"));
    }

    /// The shop was told that the PIM lacks it; until a push sees it there, it has not arrived.
    #[test]
    fn what_is_made_anew_or_restored_is_on_its_way_until_the_shop_has_seen_it() {
        let key = "demo:1".parse().unwrap();
        for released in [true, false] {
            let mut item = known();
            let told = [("medusa_hash", "h".into()), ("medusa_seen", missing::SEEN.into())];
            item.extend(told.into_iter().map(|(name, value)| (name.to_owned(), value)));
            assert!(apply(&mut item, &note(&key, "7", 10)));
            // Deleted, and both know it: nothing is on its way.
            let stays = claim_and_complete(&mut item, &key, "stays", Some("7"), 20);
            assert_eq!(stays.pending_since, None);
            let write = if released { release(&key, 30) } else { stage::doubt(Stage::Pimcore, &key, 30) };
            assert!(apply(&mut item, &write));
            if !released {
                let claimed = claim(&mut item, "finds", 40);
                assert!(apply(&mut item, &clear(&key, &Owner("finds".into()))));
                complete(&mut item, "finds", &claimed, Some("7"), 41);
            } else {
                claim_and_complete(&mut item, &key, "makes", Some("9"), 40);
            }
            let state = ProductState::of(&item);
            assert_eq!(state.pending_since, Some(30), "released: {released}");
            assert_eq!(stage::arrived(&key, &state), None);
            // A push shows it.
            item.insert("medusa_seen".to_owned(), "V".into());
            assert!(stage::arrived(&key, &ProductState::of(&item)).is_some_and(|write| apply(&mut item, &write)));
            assert_eq!(ProductState::of(&item).pending_since, None);
        }
    }

    #[test]
    fn who_deleted_it_is_the_last_who_did_and_forgotten_when_that_ends() {
        let (key, mut listed) = ("demo:1".parse().unwrap(), Item::new());
        let who = |name: &str, at| By { what: "delete".into(), user: Some(4), name: Some(name.into()), at };
        assert!(!apply(&mut listed, &by(&key, &who("ann", 10))), "it is not noted");
        assert!(apply(&mut listed, &list(&key, false, 10_000)));
        assert_eq!(By::of(&listed), None);
        assert!(apply(&mut listed, &by(&key, &who("ann", 10))));
        assert!(!apply(&mut listed, &by(&key, &who("ben", 10))) && !apply(&mut listed, &by(&key, &who("ben", 9))));
        assert_eq!(By::of(&listed), Some(who("ann", 10)), "the same again, or an earlier one that came late");
        // Restored, and deleted by somebody else.
        assert!(apply(&mut listed, &list(&key, true, 20_000)) && By::of(&listed).is_none());
        assert!(!apply(&mut listed, &by(&key, &who("ann", 30))));
        assert!(apply(&mut listed, &list(&key, false, 30_000)) && apply(&mut listed, &by(&key, &who("cleo", 30))));
        assert_eq!(By::of(&listed), Some(who("cleo", 30)));
    }

    #[test]
    fn what_is_there_again_has_no_note_and_leaves_the_list() {
        let (key, mut item) = ("demo:1".parse().unwrap(), known());
        assert!(apply(&mut item, &note(&key, "7", 10)));
        item.insert(state::HASH.into(), "newer".into());
        claim(&mut item, "w", 20);
        assert!(apply(&mut item, &clear(&key, &Owner("w".into()))));
        assert_eq!(ProductState::of(&item).gone, None);
        let mut listed = Item::new();
        assert!(apply(&mut listed, &list(&key, false, 10_000)) && !listed.contains_key(EXPIRES_AT));
        assert!(apply(&mut listed, &list(&key, true, 10_000)));
        assert_eq!(listed.get(EXPIRES_AT), Some(&Value::N(10 + KEPT)));
    }
}
