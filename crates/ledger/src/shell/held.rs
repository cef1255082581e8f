//! What was wanted last, and what is held, in the table.

use std::collections::HashMap;

use catalog::{Product, ProductKey};

use super::{Ledger, LedgerError, Table};
use crate::core::held::{self, Held, Past, Word};

impl<T: Table> Ledger<T> {
    /// What is known of these products' past; nothing of one that has none.
    ///
    /// # Errors
    /// [`LedgerError::Store`]; a damaged one is an error of its own entry.
    pub async fn pasts(
        &self,
        keys: &[ProductKey],
    ) -> Result<HashMap<ProductKey, Result<Past, LedgerError>>, LedgerError> {
        let items = self.read_each(keys, held::item_key).await?;
        let damaged = |key: &ProductKey, source| LedgerError::Damaged { key: key.to_string(), source };
        let read = items.into_iter().map(|(key, item)| {
            let past = Past::of(&item).map_err(|source| damaged(&key, source));
            (key, past)
        });
        Ok(read.collect())
    }

    /// Notes what the PIM is made to show. The list is written where what is held changes.
    ///
    /// # Errors
    /// [`LedgerError::Store`]; when the product cannot be kept.
    pub async fn remember(
        &self,
        key: &ProductKey,
        product: &Product,
        known: Option<&Held>,
        held: Option<&Held>,
        now: i64,
    ) -> Result<(), LedgerError> {
        let damaged = |source| LedgerError::Damaged { key: key.to_string(), source };
        let _ = self.table.write_large(&held::remember(key, product, held).map_err(damaged)?).await?;
        if known != held {
            let _ = self.table.write(&held::list(key, held, now)).await?;
        }
        Ok(())
    }

    /// What waits for a person.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn held(&self) -> Result<Vec<(ProductKey, Held)>, LedgerError> {
        let rows = self.table.after(held::LIST, " ").await?;
        Ok(rows.iter().filter_map(|(sk, item)| Some((sk.parse().ok()?, held::listed(item)?))).collect())
    }

    /// A person's word about what is held under this digest; `false` where it is not held any more.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn choose(&self, key: &ProductKey, digest: &str, word: Word) -> Result<bool, LedgerError> {
        Ok(self.table.write(&held::choose(key, digest, word)).await?.is_ok())
    }
}
