//! Products that people deleted in the PIM: noted, listed, released.

use catalog::ProductKey;
use futures::future::try_join_all;

use super::{Ledger, LedgerError, Table};
use crate::core::gone::{self, By};
use crate::core::stage::Owner;

impl<T: Table> Ledger<T> {
    /// Notes that these objects, by product and id, are gone from the PIM. Whoever does looks once
    /// more afterwards ([`gone`]).
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn note_gone(&self, objects: &[(ProductKey, String)], now: i64) -> Result<(), LedgerError> {
        for some in objects.chunks(Self::PARALLEL) {
            let each = some.iter().map(|(key, id)| async move {
                // In this order: the list may have more than there is, never less.
                let _ = self.table.write(&gone::list(key, false, now)).await?;
                // Refused: it was released meanwhile, or another object is known by now.
                let _ = self.table.write(&gone::note(key, id, now)).await?;
                Ok::<_, LedgerError>(())
            });
            try_join_all(each).await?;
        }
        Ok(())
    }

    /// The product is in the PIM, says the owner of that stage. Whoever has lost the lease by now
    /// changes nothing.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn clear_gone(&self, key: &ProductKey, owner: &Owner, now: i64) -> Result<(), LedgerError> {
        if self.table.write(&gone::clear(key, owner)).await?.is_ok() {
            let _ = self.table.write(&gone::list(key, true, now)).await?;
        }
        Ok(())
    }

    /// Asks that a product that a person deleted in the PIM be made again; `false` where none is
    /// noted. The PIM's stage is in doubt afterwards; the caller announces it.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn release_gone(&self, key: &ProductKey, now: i64) -> Result<bool, LedgerError> {
        let released = self.table.write(&gone::release(key, now)).await?.is_ok();
        if released {
            let _ = self.table.write(&gone::list(key, true, now)).await?;
        }
        Ok(released)
    }

    /// The products that people deleted in the PIM, with since when (ms) that is known, the earliest
    /// first.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn gone(&self) -> Result<Vec<(ProductKey, i64)>, LedgerError> {
        let rows = self.table.after(gone::LIST, "").await?;
        let keys: Vec<ProductKey> = rows.iter().filter_map(|(sk, _)| sk.parse().ok()).collect();
        let states = self.read_states(&keys).await?;
        let mut gone: Vec<(ProductKey, i64)> =
            states.into_iter().filter_map(|(key, state)| Some((key, state.gone?))).collect();
        gone.sort_by(|one, other| (one.1, &one.0).cmp(&(other.1, &other.0)));
        Ok(gone)
    }

    /// Notes who deleted a product, as the PIM's notice said; only where it is noted as gone.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn note_gone_by(&self, key: &ProductKey, by: &By) -> Result<(), LedgerError> {
        // Refused: it is not gone, or a later act is known.
        let _ = self.table.write(&gone::by(key, by)).await?;
        Ok(())
    }

    /// Who deleted a product, if the PIM said so.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn gone_by(&self, key: &ProductKey) -> Result<Option<By>, LedgerError> {
        let item = gone::list_key(key);
        Ok(self.table.read(std::slice::from_ref(&item)).await?.get(&item).and_then(By::of))
    }
}
