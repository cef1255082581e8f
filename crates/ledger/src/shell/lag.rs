//! How long content took ([`crate::core::lag`]).

use super::{Ledger, LedgerError, Table};
use crate::core::lag::{self, Lags, Place};

impl<T: Table> Ledger<T> {
    /// Counts how long (ms) content took to a place, and of how many products. That it cannot be
    /// counted is logged and stops nothing.
    pub async fn note_lags(&self, place: Place, lags: &[(i64, u64)], now: i64) {
        if lags.is_empty() {
            return;
        }
        if let Err(error) = self.table.write(&lag::note(place, lags, now)).await {
            tracing::warn!(%error, place = place.as_str(), "how long products took could not be counted");
        }
    }

    /// How long content took to a place since the hour of `since` (ms).
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn lags(&self, place: Place, since: i64) -> Result<Lags, LedgerError> {
        let rows = self.table.after(&place.partition(), &lag::before_hour(since)).await?;
        let mut lags = Lags::default();
        rows.iter().for_each(|(_, row)| lags.add(row));
        Ok(lags)
    }
}
