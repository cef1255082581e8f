//! A product that the PIM lacks although it was made to hold it: a person deleted it. What the
//! ledger knows decides, not what anybody saw before.
//!
//! The reader reads the state first, then the PIM, so that a product that is being made is not
//! taken for a deleted one: the state says that the PIM holds it only after it does.

use super::state::{ProductState, StageState};

/// What the shop's stage notes as seen ([`Applied::seen`](super::stage::Applied)) when the PIM did
/// not have the product. No digest is this word.
pub const SEEN: &str = "missing";

/// Whether the PIM had a product, so that it is worth a look: it may be gone, or there again.
#[must_use]
pub fn is_expected(state: &ProductState) -> bool {
    let known = |stage: &StageState| stage.applied.as_ref().is_some_and(|applied| applied.remote_id.is_some());
    known(&state.pimcore) || (known(&state.medusa) && !is_told(state))
}

/// Whether the PIM is taken to have it: what is missing of those says how far its listing is to be
/// believed ([`too_many`]).
#[must_use]
pub fn is_counted(state: &ProductState) -> bool {
    is_expected(state) && state.gone.is_none() && !is_told(state)
}

/// Whether the shop has to look at a product that the PIM lacks: it has it, or may be given it by
/// somebody who read the PIM before, and was not told. One that is about to be made in the PIM is
/// not left out: its maker may have been overtaken by the person, and whoever makes it announces it
/// afterwards.
#[must_use]
pub fn is_to_be_told(state: &ProductState) -> bool {
    let shop = &state.medusa;
    let has_it = shop.applied.is_some() || shop.owner.is_some() || shop.recheck_at.is_some();
    has_it && !is_told(state)
}

/// The shop was fed when the PIM did not have it, and nobody has been at it since.
fn is_told(state: &ProductState) -> bool {
    let shop = &state.medusa;
    let seen = shop.applied.as_ref().is_some_and(|applied| applied.seen.as_deref() == Some(SEEN));
    seen && shop.owner.is_none() && shop.recheck_at.is_none()
}

/// Whether so many products are missing that the listing is to be doubted, not the products: more
/// than `percent` of those looked at, or all of them. A handful may always be missing.
#[must_use]
pub const fn too_many(missing: u64, looked_at: u64, percent: u64) -> bool {
    const HANDFUL: u64 = 10;
    (missing > HANDFUL && missing * 100 > looked_at * percent) || (missing > 2 && missing >= looked_at)
}

#[cfg(test)]
mod tests {
    use catalog::{ContentHash, Version};

    use super::*;
    use crate::core::stage::Applied;

    fn applied(hash: &str, seen: Option<&str>) -> StageState {
        let applied = Applied {
            hash: ContentHash::from_text(hash),
            version: Version::from_text("v"),
            remote_id: Some("1".into()),
            view: None,
            seen: seen.map(str::to_owned),
            at: 0,
        };
        StageState { applied: Some(applied), ..StageState::default() }
    }

    fn sold() -> ProductState {
        let hash = Some(ContentHash::from_text("a"));
        ProductState { hash, pimcore: applied("a", None), medusa: applied("a", Some("V")), ..ProductState::default() }
    }

    #[test]
    fn what_the_shop_sells_and_the_pim_lacks_is_announced_whoever_saw_it_before() {
        assert!(is_expected(&sold()) && is_counted(&sold()));
        assert!(is_to_be_told(&sold()));
        // Made by a person in the PIM: no feed knows it.
        let made = ProductState { hash: None, pimcore: StageState::default(), ..sold() };
        assert!(is_expected(&made) && is_to_be_told(&made));
        // Fed by a release that noted nothing, or being fed by somebody who may have read the PIM
        // before.
        let silent = ProductState { medusa: applied("a", None), ..sold() };
        let mut fed = ProductState { medusa: StageState::default(), ..sold() };
        fed.medusa.owner = Some("somebody".into());
        // About to be made again: whoever makes it may have been overtaken.
        let newer = ProductState { hash: Some(ContentHash::from_text("b")), ..sold() };
        let mut held = sold();
        held.pimcore.owner = Some("somebody".into());
        for state in [silent, fed, newer, held] {
            assert!(is_to_be_told(&state), "{state:?}");
        }
    }

    #[test]
    fn what_the_shop_was_told_or_never_had_is_left_alone() {
        let mut told = ProductState { medusa: applied("a", Some(SEEN)), ..sold() };
        assert!(is_expected(&told), "a person may have restored it");
        assert!(!is_counted(&told) && !is_to_be_told(&told));
        assert!(!is_counted(&ProductState { gone: Some(1), ..sold() }));
        let made = ProductState { pimcore: StageState::default(), ..told.clone() };
        assert!(!is_expected(&made), "nobody restores what the ledger never saw there");
        told.medusa.owner = Some("somebody".into());
        assert!(is_to_be_told(&told));
        assert!(!is_to_be_told(&ProductState { medusa: StageState::default(), ..sold() }));
    }

    #[test]
    fn a_listing_that_lacks_too_much_is_doubted() {
        for (missing, of, doubted) in [
            (1, 1, false),
            (2, 2, false),
            (3, 3, true),
            (10, 12, false),
            (11, 12, true),
            (11, 100, false),
            (21, 100, true),
        ] {
            assert_eq!(too_many(missing, of, 20), doubted, "{missing} of {of}");
        }
    }
}
