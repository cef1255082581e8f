//! The fast lane: what content the PIM holds, and which documents change offers alone.

use catalog::{Product, ProductKey};

use super::{DesiredOutcome, Ledger, LedgerError, Table};
use crate::core::Item;
use crate::core::lane::{self, CONTENT, Content};
use crate::core::stage::{self, Applied, Owner, Stage};
use crate::core::state::ProductState;

impl<T: Table> Ledger<T> {
    /// Completes the PIM's stage with a note of the content that it holds; otherwise as
    /// [`Ledger::complete`].
    ///
    /// # Errors
    /// As [`Ledger::complete`]'s.
    pub async fn complete_noting(
        &self,
        (key, content): (&ProductKey, &Content),
        owner: &Owner,
        claimed: &ProductState,
        applied: &Applied,
        now: i64,
    ) -> Result<Option<i64>, LedgerError> {
        let write = |seen: &ProductState| {
            let complete = stage::complete(Stage::Pimcore, key, owner, (claimed, seen), applied, now, self.leases);
            lane::noting(complete, content, &applied.hash, applied.view.as_deref())
        };
        self.complete_by((Stage::Pimcore, key), owner, claimed, write, now).await
    }
}

/// What writing a document came to, by the state that it left, or that refused it.
pub(super) fn written(state: Result<Item, Item>, product: &Product) -> DesiredOutcome {
    match state {
        Ok(after) if after.contains_key(CONTENT) => {
            let after = ProductState::of(&after);
            match lane::concerns_offers(&after, || lane::digest(product)) {
                true => DesiredOutcome::Offers,
                false => DesiredOutcome::Written,
            }
        }
        // Refused: a newer document has overtaken this one.
        _ => DesiredOutcome::Written,
    }
}
