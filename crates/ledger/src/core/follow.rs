//! What a save in the PIM means to the shop: the change feed shows our own saves and people's alike.
//!
//! The reader of the feed reads first what the PIM shows now, then the state. A save need not be announced if
//!
//! - the shop *holds* what the PIM shows: it was made to hold a product that was read like this, and nobody is at work on it, or
//! - the shop is *about to* be shown it: the desired content has reached the PIM and not the shop, so a message, or the sweep, will bring it.
//!
//! Either way nobody holds the shop's stage, so whoever claims it from now on reads the PIM after this, and finds this save or a newer one. Where
//! somebody does hold it, they may have read the PIM before the save, whatever the shop holds now: announced. So is everything that is in doubt
//! or has failed, and all that people made or changed in a way that nobody has noted.

use catalog::ContentHash;

use super::state::{ProductState, StageState};

/// What the PIM shows of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The hash of the document that was last written.
    pub content: Option<ContentHash>,
    /// A digest of everything that the shop is fed from; compared with [`Applied::seen`](super::stage::Applied).
    pub digest: String,
}

/// Whether a save that shows like this need not be announced, because the shop holds it or is about to be shown it.
#[must_use]
pub fn is_or_will_be_in_the_shop(state: &ProductState, shown: &Shown) -> bool {
    let (Some(content), Some(in_pim)) = (&shown.content, &state.pimcore.applied) else { return false };
    let ours = state.hash.as_ref() == Some(content) && in_pim.hash == *content;
    if !ours || !is_quiet(&state.pimcore) || !is_quiet(&state.medusa) {
        return false;
    }
    match &state.medusa.applied {
        Some(in_shop) if in_shop.seen.as_ref() == Some(&shown.digest) => true,
        in_shop => state.pending_since.is_some() && in_shop.as_ref().is_none_or(|in_shop| in_shop.hash != *content),
    }
}

/// Nobody is at work on it, nothing may land late, nothing has failed.
fn is_quiet(stage: &StageState) -> bool {
    stage.owner.is_none() && stage.recheck_at.is_none() && stage.last_error.is_none()
}
