//! Configuration in the table.

use super::{Ledger, LedgerError, Table};
use crate::core::config::{self, Found, Head};

impl<T: Table> Ledger<T> {
    /// What is in force under a name.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn config_head(&self, kind: &str, name: &str) -> Result<Head, LedgerError> {
        Ok(Head::of(&self.read(&config::head_key(kind, name)).await?))
    }

    /// Everything of a kind that is in force, was, or was refused, by name.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn config_heads(&self, kind: &str) -> Result<Vec<(String, Head)>, LedgerError> {
        let items = self.table.after(&config::partition(kind), "").await?;
        Ok(items
            .into_iter()
            .filter_map(|(sk, item)| Some((config::name_in(&sk)?.to_owned(), Head::of(&item))))
            .collect())
    }

    /// A text that is or was in force.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn config_text(&self, kind: &str, name: &str, digest: &str) -> Result<Option<Vec<u8>>, LedgerError> {
        Ok(config::text_of(&self.read(&config::text_key(kind, name, digest)).await?).map(<[u8]>::to_vec))
    }

    /// Every text that is or was in force under a name.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn config_texts(&self, kind: &str, name: &str) -> Result<Vec<Vec<u8>>, LedgerError> {
        let items = self.table.after(&config::text_key(kind, name, "").pk, "").await?;
        Ok(items.iter().filter_map(|(_, item)| config::text_of(item).map(<[u8]>::to_vec)).collect())
    }

    /// Keeps a text, so that work that begins by it can go on by it.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn config_keep(&self, kind: &str, name: &str, digest: &str, text: &[u8]) -> Result<(), LedgerError> {
        self.table.write_large(&config::keep(kind, name, digest, text)).await.map(|_| ())
    }

    /// Writes what was found of a file. The head as it is now, if it was no longer as it was seen: then one has to look at the file again.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn config_record(
        &self,
        kind: &str,
        name: &str,
        seen: &Head,
        found: &Found,
        now: i64,
    ) -> Result<Result<Head, Head>, LedgerError> {
        let written = self.write(&config::record(kind, name, seen, found, now)).await?;
        Ok(written.map(|item| Head::of(&item)).map_err(|item| Head::of(&item)))
    }
}
