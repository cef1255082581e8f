//! What the ledger knows of the shop: what people set aside there, and what was done with its
//! stock.

use std::collections::HashMap;

use catalog::ProductKey;

use super::{Ledger, LedgerError, Table};
use crate::core::aside::{self, Aside, Seen};
use crate::core::stage::Owner;
use crate::core::state::ProductState;
use crate::core::{BodyError, Item, shop};

impl<T: Table> Ledger<T> {
    /// Notes what is set aside in the shop and when to look again, as the owner of its stage that
    /// claimed `known`; a release in it was acted upon. Not noted where the stage is somebody
    /// else's by now: they note what they see.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn note_aside(
        &self,
        key: &ProductKey,
        owner: &Owner,
        known: &ProductState,
        seen: Seen<'_>,
        now: i64,
    ) -> Result<(), LedgerError> {
        let Seen { asides, due, doubts } = seen;
        let doubted = doubts.then_some(now);
        let noted = self.table.write(&aside::note(key, owner, asides, known.release, due, doubted)).await?.is_ok();
        if noted && (asides != known.aside || known.release.is_some()) {
            let _ = self.table.write(&aside::list(key, asides, now)).await?;
        }
        Ok(())
    }

    /// Asks that what is set aside of a product be put back; `false` where nothing is.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn release_aside(&self, key: &ProductKey, now: i64) -> Result<bool, LedgerError> {
        Ok(self.table.write(&aside::release(key, now)).await?.is_ok())
    }

    /// The products with something set aside in the shop.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn set_aside(&self) -> Result<Vec<(ProductKey, Vec<Aside>)>, LedgerError> {
        let rows = self.table.after(aside::LIST, " ").await?;
        let product = |(sk, item): &(String, Item)| Some((sk.parse().ok()?, aside::of(item)));
        Ok(rows.iter().filter_map(product).filter(|(_, asides)| !asides.is_empty()).collect())
    }

    /// What is remembered of these products' stock; one of which nothing is remembered is empty.
    ///
    /// # Errors
    /// [`LedgerError::Store`]; a damaged one is an error of its own entry.
    pub async fn stock(
        &self,
        keys: &[ProductKey],
    ) -> Result<HashMap<ProductKey, Result<shop::Stock, LedgerError>>, LedgerError> {
        let items = self.read_each(keys, shop::item_key).await?;
        let damaged = |key: &ProductKey, source| LedgerError::Damaged { key: key.to_string(), source };
        Ok(items
            .into_iter()
            .map(|(key, item)| {
                let stock = shop::Stock::of(&item).map_err(|error| damaged(&key, BodyError::Compression(error)));
                (key, stock)
            })
            .collect())
    }

    /// Remembers what was done with a product's stock, as JSON. `seen` is how often that had been
    /// written when it was read.
    ///
    /// # Errors
    /// [`LedgerError::LeaseLost`] when somebody else has written meanwhile; [`LedgerError::Store`].
    pub async fn note_stock(&self, key: &ProductKey, seen: i64, json: &[u8]) -> Result<(), LedgerError> {
        let damaged = |error| LedgerError::Damaged { key: key.to_string(), source: BodyError::Compression(error) };
        let write = shop::note_stock(key, seen, json).map_err(damaged)?;
        if self.table.write_large(&write).await? {
            return Ok(());
        }
        Err(LedgerError::LeaseLost { what: format!("the stock of product {key}") })
    }
}
