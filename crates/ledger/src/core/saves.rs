//! What a save in the PIM means to the shop: the change feed shows our own saves and people's alike
//! (D8).
//!
//! The reader of the feed reads first what the PIM shows now, then the state. A save need not be
//! announced if
//!
//! - the shop *holds* what the PIM shows: it was made to hold a product that was read like this,
//!   and nobody is at work on it, or
//! - the shop is *about to* be shown it: the desired content has reached the PIM and not the shop,
//!   so a message, or the sweep, will bring it.
//!
//! Either way nobody holds the shop's stage, so whoever claims it from now on reads the PIM after
//! this, and finds this save or a newer one. Where somebody does hold it, they may have read the
//! PIM before the save, whatever the shop holds now: announced. So is everything that is in doubt
//! or has failed, and all that people made or changed in a way that nobody has noted.

use catalog::ContentHash;

use super::missing;
use super::state::ProductState;

/// Name of the watermark of the PIM's change feed.
pub const WATERMARK: &str = "pimcore-changes";

/// What the PIM shows of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The hash of the document that was last written.
    pub content: Option<ContentHash>,
    /// A digest of everything that the shop is fed from; compared with
    /// [`Applied::seen`](super::stage::Applied).
    pub digest: String,
    /// One of its categories was saved so lately that whoever comes to feed the shop may not know
    /// of it.
    pub young_categories: bool,
}

/// Whether a save that shows like this need not be announced, because the shop holds it or is about
/// to be shown it.
#[must_use]
pub fn is_or_will_be_in_the_shop(state: &ProductState, shown: &Shown) -> bool {
    let (Some(content), Some(in_pim)) = (&shown.content, &state.pimcore.applied) else { return false };
    let ours = state.hash.as_ref() == Some(content) && in_pim.hash == *content;
    if !ours || !state.pimcore.is_quiet() || !state.medusa.is_quiet() {
        return false;
    }
    match &state.medusa.applied {
        Some(in_shop) if in_shop.seen.as_ref() == Some(&shown.digest) => true,
        in_shop => {
            let lacks_it = in_shop.as_ref().is_none_or(|in_shop| in_shop.hash != *content);
            // The push that was to bring it did not find it there: no other is promised.
            let missed = in_shop.as_ref().is_some_and(|in_shop| in_shop.seen.as_deref() == Some(missing::SEEN));
            lacks_it && !missed && state.pending_since.is_some() && !shown.young_categories
        }
    }
}

#[cfg(test)]
mod tests {
    use catalog::{Failure, Version};

    use super::*;
    use crate::core::stage::Applied;
    use crate::core::state::{RecordedError, StageState};

    fn hash(text: &str) -> ContentHash {
        ContentHash::from_text(text)
    }

    fn applied(content: &str, seen: Option<&str>) -> StageState {
        let applied = Applied {
            hash: hash(content),
            version: Version::from_text("v"),
            remote_id: None,
            view: None,
            seen: seen.map(str::to_owned),
            at: 0,
        };
        StageState { applied: Some(applied), ..StageState::default() }
    }

    /// The PIM was made to hold document `a`, and the shop what the PIM then showed: `V`.
    fn at_rest() -> ProductState {
        ProductState {
            version: Some(Version::from_text("v")),
            hash: Some(hash("a")),
            pimcore: applied("a", None),
            medusa: applied("a", Some("V")),
            ..ProductState::default()
        }
    }

    /// Document `b` has reached the PIM; the message to the shop is on its way.
    fn on_its_way() -> ProductState {
        ProductState { hash: Some(hash("b")), pending_since: Some(1), pimcore: applied("b", None), ..at_rest() }
    }

    fn shown(content: Option<&str>, digest: &str) -> Shown {
        Shown { content: content.map(hash), digest: digest.to_owned(), young_categories: false }
    }

    type Change = fn(&mut ProductState);

    #[test]
    fn our_own_saves_are_left_alone() {
        assert!(is_or_will_be_in_the_shop(&at_rest(), &shown(Some("a"), "V")));
        assert!(is_or_will_be_in_the_shop(&on_its_way(), &shown(Some("b"), "W")));
        // Created: the shop has never heard of it.
        let created = ProductState { medusa: StageState::default(), ..on_its_way() };
        assert!(is_or_will_be_in_the_shop(&created, &shown(Some("b"), "W")));
        // Brought to the shop again for another reason, which shows nothing new.
        let pending = ProductState { pending_since: Some(1), ..at_rest() };
        assert!(is_or_will_be_in_the_shop(&pending, &shown(Some("a"), "V")));
        // A person's save on top of a document that is on its way: the push to come reads both.
        assert!(is_or_will_be_in_the_shop(&on_its_way(), &shown(Some("b"), "edited")));
    }

    #[test]
    fn what_a_person_changed_is_announced() {
        // A text, a category, published or not: the digest is another one.
        assert!(!is_or_will_be_in_the_shop(&at_rest(), &shown(Some("a"), "W")));
        // Changed and changed back, and the change has reached the shop meanwhile.
        let mut state = at_rest();
        state.medusa = applied("a", Some("W"));
        assert!(!is_or_will_be_in_the_shop(&state, &shown(Some("a"), "V")));
        // The source fields were overwritten, or the product copied.
        for content in [None, Some("b")] {
            assert!(!is_or_will_be_in_the_shop(&at_rest(), &shown(content, "V")), "{content:?}");
        }
    }

    #[test]
    fn while_somebody_may_have_read_the_pim_before_the_save_it_is_announced() {
        let held: [(&str, Change); 3] = [
            // Changed and changed back while the change is on its way to the shop.
            ("the shop's stage is held", |state| state.medusa.owner = Some("somebody".into())),
            ("the PIM's stage is held", |state| state.pimcore.owner = Some("somebody".into())),
            ("a lease has expired", |state| (state.medusa.owner, state.medusa.until) = (Some("dead".into()), Some(0))),
        ];
        for (case, change) in held {
            let (mut held, mut coming) = (at_rest(), on_its_way());
            change(&mut held);
            change(&mut coming);
            assert!(!is_or_will_be_in_the_shop(&held, &shown(Some("a"), "V")), "{case}");
            assert!(!is_or_will_be_in_the_shop(&coming, &shown(Some("b"), "V")), "{case}");
        }
    }

    #[test]
    fn what_is_in_doubt_or_has_failed_is_announced() {
        fn refused() -> Option<RecordedError> {
            Some(RecordedError::new(&Failure::permanent("medusa_no_title", "no title"), 0))
        }
        let cases: [(&str, Change); 4] = [
            ("the shop may change late", |state| state.medusa.recheck_at = Some(9)),
            ("the PIM may change late", |state| state.pimcore.recheck_at = Some(9)),
            // Parked, until a person corrects it in the PIM.
            ("the shop refused it", |state| state.medusa.last_error = refused()),
            ("the PIM refused it", |state| state.pimcore.last_error = refused()),
        ];
        for (case, change) in cases {
            let (mut rest, mut coming) = (at_rest(), on_its_way());
            change(&mut rest);
            change(&mut coming);
            assert!(!is_or_will_be_in_the_shop(&rest, &shown(Some("a"), "V")), "{case}");
            assert!(!is_or_will_be_in_the_shop(&coming, &shown(Some("b"), "V")), "{case}");
        }
    }

    #[test]
    fn what_nobody_has_promised_to_bring_is_announced() {
        let cases: [(&str, ProductState); 7] = [
            ("the ledger knows nothing", ProductState::default()),
            // No feed ever brought it: a person made it, and the shop was fed from it.
            ("made by a person", ProductState { medusa: applied("-", Some("V")), ..ProductState::default() }),
            // Written by a release that did not note what it saw.
            ("nothing was noted", ProductState { medusa: applied("a", None), ..at_rest() }),
            // Withheld, because the PIM did not have it any more; then it was made again.
            ("deleted in the PIM", ProductState { medusa: applied("a", None), ..at_rest() }),
            (
                "restored after a push missed it",
                ProductState { medusa: applied("-", Some(missing::SEEN)), pending_since: Some(1), ..at_rest() },
            ),
            ("the PIM lacks the newest", ProductState { hash: Some(hash("c")), pending_since: Some(1), ..at_rest() }),
            ("nothing is pending", ProductState { medusa: applied("0", Some("U")), ..at_rest() }),
        ];
        for (case, state) in cases {
            assert!(!is_or_will_be_in_the_shop(&state, &shown(Some("a"), "V")), "{case}");
        }
        for state in [ProductState::default(), at_rest()] {
            assert!(!is_or_will_be_in_the_shop(&state, &shown(None, "V")), "without a content hash");
        }
    }

    #[test]
    fn a_push_to_come_may_not_know_a_category_that_is_young() {
        let young = Shown { young_categories: true, ..shown(Some("b"), "W") };
        assert!(!is_or_will_be_in_the_shop(&on_its_way(), &young));
        // What the shop holds it holds, categories included.
        let young = Shown { young_categories: true, ..shown(Some("a"), "V") };
        assert!(is_or_will_be_in_the_shop(&at_rest(), &young));
    }
}
