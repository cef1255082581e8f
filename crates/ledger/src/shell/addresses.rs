//! Addresses in the shop: [`crate::core::address`].

use catalog::ProductKey;

use super::{Ledger, LedgerError, Table};
use crate::core::address;
use crate::core::stage::Owner;

impl<T: Table> Ledger<T> {
    /// Chooses a product's handle: the first of `wanted` that is no other product's, which it then
    /// is for good. `was` is what was chosen before and is to be replaced. Somebody who chose
    /// meanwhile counts. `None` where all are others'.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn choose_handle(
        &self,
        key: &ProductKey,
        wanted: &[String],
        was: Option<&str>,
    ) -> Result<Option<String>, LedgerError> {
        for handle in wanted {
            if self.keep_handle(key, handle).await? {
                let noted = self.table.write(&address::note(key, handle, was)).await?;
                return Ok(noted.map_or_else(|item| address::noted(&item), |_| Some(handle.clone())));
            }
        }
        Ok(None)
    }

    /// Keeps a handle for a product; `false` where it is another's.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn keep_handle(&self, key: &ProductKey, handle: &str) -> Result<bool, LedgerError> {
        Ok(self.table.write(&address::claim(handle, key)).await?.is_ok())
    }

    /// Notes a person's wish that a product move to the address that it would be given today.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn wish_to_move(&self, key: &ProductKey, now: i64) -> Result<(), LedgerError> {
        let _ = self.table.write(&address::wish(key, now)).await?;
        Ok(())
    }

    /// The wish of that time was fulfilled.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn note_moved(&self, key: &ProductKey, owner: &Owner, at: i64) -> Result<(), LedgerError> {
        // Refused where the stage is somebody else's by now, or the wish is a newer one: they look
        // again.
        let _ = self.table.write(&address::moved(key, owner, at)).await?;
        Ok(())
    }
}
