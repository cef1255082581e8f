//! The shell: sends the core's writes to DynamoDB and hands back what it answered.

mod addresses;
mod articles;
mod bodies;
pub mod breaker;
mod brought;
mod config;
mod docs;
mod drafts;
mod error;
mod gone;
mod held;
mod lag;
mod lane;
mod lines;
#[cfg(feature = "memory")]
mod memory;
mod part_files;
mod parts;
mod render;
mod runs;
mod shop;
mod stages;
mod table;
mod walk;

use std::collections::HashMap;
use std::sync::Arc;

use catalog::ProductKey;

use crate::core::stage::{Leases, Owner};
use crate::core::state::{self, ProductState};
use crate::core::{Item, ItemKey, Write, made, watermark};
pub use articles::Member;
pub use bodies::{Bodies, S3Bodies};
pub use docs::{DesiredOutcome, SmallDocs};
pub use error::LedgerError;
pub use lines::Laid;
#[cfg(feature = "memory")]
pub use memory::{Call, Memory};
pub use parts::PartOf;
pub use table::{DynamoDb, Scanned, Table};

/// A part of all products.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatesPage {
    /// Products with their states.
    pub products: Vec<(ProductKey, ProductState)>,
    /// Where the next part begins; `None` after the last one.
    pub next: Option<ItemKey>,
}

/// The ledger: one DynamoDB table and a bucket for large bodies, or in tests a map.
#[derive(Debug, Clone)]
pub struct Ledger<T = DynamoDb> {
    table: T,
    bodies: Arc<dyn Bodies>,
    leases: Leases,
    part_of: PartOf,
}

impl Ledger {
    /// A ledger in `table`, which reaches no large bodies ([`Ledger::with_bodies`]). `leases` must outlive the function's timeout.
    #[must_use]
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>, leases: Leases) -> Self {
        Self::in_table(DynamoDb::new(client, table.into()), leases)
    }
}

impl<T: Table> Ledger<T> {
    /// Requests in flight at once for calls that take many keys.
    const PARALLEL: usize = 16;
    /// Tries of a write whose condition depends on what was seen.
    const ROUNDS: usize = 8;

    /// A ledger in any table.
    pub fn in_table(table: T, leases: Leases) -> Self {
        Self { table, bodies: Arc::new(bodies::Nowhere), leases, part_of: |_| None }
    }

    /// The same ledger with a place for bodies that do not fit an item.
    #[must_use]
    pub fn with_bodies(self, bodies: impl Bodies + 'static) -> Self {
        Self { bodies: Arc::new(bodies), ..self }
    }

    /// What it is kept in.
    pub const fn table(&self) -> &T {
        &self.table
    }

    /// The states of these products, consistently read; a product that is not known has the default state.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn read_states(&self, keys: &[ProductKey]) -> Result<HashMap<ProductKey, ProductState>, LedgerError> {
        let items = self.read_each(keys, state::item_key).await?;
        Ok(items.into_iter().map(|(key, item)| (key, ProductState::of(&item))).collect())
    }

    /// Notes products that are about to be made in the PIM ([`made`]).
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn note_made(&self, keys: &[ProductKey], owner: &Owner, now: i64) -> Result<(), LedgerError> {
        // Without a condition this write is never refused.
        let _ = self.table.write_large(&made::note(keys, owner, now)).await?;
        Ok(())
    }

    /// Products noted as about to be made after `from` (ms) and before `to`.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn made_between(&self, from: i64, to: i64) -> Result<Vec<ProductKey>, LedgerError> {
        let rows = self.table.after(made::PARTITION, &made::sort_key(from, "")).await?;
        let due = rows.iter().filter(|(sk, _)| made::made_at(sk).is_some_and(|at| at < to));
        Ok(due.flat_map(|(_, item)| made::keys(item)).collect())
    }

    /// Some products with their states, in no order that means anything, and where to go on. Not consistently read: what follows from it is
    /// looked at again.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn some_states(&self, after: Option<&ItemKey>) -> Result<StatesPage, LedgerError> {
        let (rows, next) = self.table.scan(state::SK, after).await?;
        let of = |(key, item): (ItemKey, Item)| Some((state::product_of(&key.pk)?, ProductState::of(&item)));
        Ok(StatesPage { products: rows.into_iter().filter_map(of).collect(), next })
    }

    /// Products that some target lacks, of one shard, oldest first, with the time (ms) since when; pending before `before` only.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn pending(&self, shard: u8, before: i64, limit: usize) -> Result<Vec<(ProductKey, i64)>, LedgerError> {
        let rows = self.table.list(&shard.to_string(), before, limit, true).await?;
        Ok(rows.into_iter().filter_map(|(key, at)| Some((state::product_of(&key.pk)?, at))).collect())
    }

    /// A watermark: a small text under a name, such as the change feed's cursor.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn watermark(&self, name: &str) -> Result<Option<String>, LedgerError> {
        Ok(watermark::cursor(&self.read(&watermark::item_key(name)).await?))
    }

    /// Moves a watermark from the value read before. `false` when somebody else moved it meanwhile.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn move_watermark(&self, name: &str, from: Option<&str>, to: &str) -> Result<bool, LedgerError> {
        Ok(self.table.write(&watermark::advance(name, from, to)).await?.is_ok())
    }

    /// Reads any item, consistently; an item that is not there is empty.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn read(&self, key: &ItemKey) -> Result<Item, LedgerError> {
        let mut items = self.table.read(std::slice::from_ref(key)).await?;
        Ok(items.remove(key).unwrap_or_default())
    }

    /// Each product's item, by product.
    async fn read_each(
        &self,
        keys: &[ProductKey],
        item_key: impl Fn(&ProductKey) -> ItemKey,
    ) -> Result<HashMap<ProductKey, Item>, LedgerError> {
        let items: Vec<ItemKey> = keys.iter().map(&item_key).collect();
        let mut found = self.table.read(&items).await?;
        Ok(keys.iter().filter_map(|key| Some((key.clone(), found.remove(&item_key(key))?))).collect())
    }

    /// Sends any conditional write of the core: the item after it, or the item that refused it.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn write(&self, write: &Write) -> Result<Result<Item, Item>, LedgerError> {
        self.table.write(write).await
    }
}
