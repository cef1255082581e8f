//! What partial feeds brought ([`crate::core::brought`]).

use catalog::{PartName, ProductKey, Version};

use super::{Ledger, LedgerError, Table};
use crate::core::brought::{self, Brought};

impl<T: Table> Ledger<T> {
    /// Notes a product that a partial feed is about to bring.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn note_brought(
        &self,
        key: &ProductKey,
        part: Option<&PartName>,
        version: &Version,
    ) -> Result<(), LedgerError> {
        self.table.write_large(&brought::note(key, part, version)).await.map(drop)
    }

    /// What is noted of a source, or of one part of its products, in order.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn brought(&self, source: &str, part: Option<&PartName>) -> Result<Vec<Brought>, LedgerError> {
        let mut notes = Vec::new();
        for partition in brought::partitions(source, part) {
            let rows = self.table.after(&partition, "").await?;
            notes.extend(rows.iter().filter_map(|(id, item)| Brought::of(&partition, id, item)));
        }
        notes.sort_unstable();
        Ok(notes)
    }

    /// Strikes a note off, unless the product was noted again since it was read.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn strike_off_brought(&self, note: &Brought, now: i64) -> Result<(), LedgerError> {
        self.table.write_large(&brought::strike_off(note, now)).await.map(drop)
    }
}
