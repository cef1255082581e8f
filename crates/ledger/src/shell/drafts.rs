//! Drafts that our saves hid in the PIM: noted, listed.

use catalog::ProductKey;

use super::{Ledger, LedgerError, Table};
use crate::core::drafts::{self, Known};
use crate::core::state::ProductState;

impl<T: Table> Ledger<T> {
    /// Notes what is known of a product's drafts; `before` is its state until now.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn note_drafts(
        &self,
        key: &ProductKey,
        before: &ProductState,
        known: &Known,
        now: i64,
    ) -> Result<(), LedgerError> {
        let was = before.drafts.is_some_and(|before| before.hidden.is_some());
        // In this order: the list may have more than there is, never less.
        if known.hidden.is_some() {
            let _ = self.table.write(&drafts::list(key, false, now)).await?;
        }
        let _ = self.table.write(&drafts::note(key, known)).await?;
        if was && known.hidden.is_none() {
            let _ = self.table.write(&drafts::list(key, true, now)).await?;
        }
        Ok(())
    }

    /// The products with a hidden draft that are there, with their states; the longest known first.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn hidden_drafts(&self) -> Result<Vec<(ProductKey, i64, ProductState)>, LedgerError> {
        let rows = self.table.after(drafts::LIST, "").await?;
        let keys: Vec<ProductKey> = rows.iter().filter_map(|(sk, _)| sk.parse().ok()).collect();
        let states = self.read_states(&keys).await?.into_iter();
        let hidden = states.filter(|(_, state)| state.gone.is_none());
        let mut hidden: Vec<_> = hidden.filter_map(|(key, state)| Some((key, state.drafts?.hidden?, state))).collect();
        hidden.sort_by(|one, other| (one.1, &one.0).cmp(&(other.1, &other.0)));
        Ok(hidden)
    }
}
