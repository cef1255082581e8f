//! A table in memory, for tests: the same protocol, shell included, without a network. It writes
//! down what it is asked.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use catalog::ProductKey;
use futures::future::BoxFuture;

use super::table::Scanned;
use super::{Bodies, Ledger, LedgerError, Table};
use crate::core::stage::Leases;
use crate::core::state::ProductState;
use crate::core::{Item, ItemKey, Value, Write, state};

/// Items that one scan reads.
const READ: usize = 500;

/// One call of a [`Memory`], as it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    Read(Vec<ItemKey>),
    /// A conditional write of this item, and whether it happened.
    Write(ItemKey, bool),
    /// A query of the sparse index or of a partition.
    Query(String),
    /// A read or a write of this object in the bucket.
    Body(String),
}

/// A table in memory. Clones are the same table.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    items: BTreeMap<ItemKey, Item>,
    bodies: BTreeMap<String, Vec<u8>>,
    calls: Vec<Call>,
    latency: Duration,
    down: bool,
}

impl Ledger<Memory> {
    #[must_use]
    pub fn in_memory(leases: Leases) -> Self {
        let memory = Memory::default();
        Self::in_table(memory.clone(), leases).with_bodies(memory)
    }

    /// What it knows of a product, unnoticed.
    #[must_use]
    pub fn state(&self, key: &ProductKey) -> ProductState {
        ProductState::of(&self.table().item(&state::item_key(key)))
    }
}

impl Inner {
    fn write(&mut self, write: &Write) -> Result<Item, Item> {
        let nothing = Item::new();
        let after = write.apply(self.items.get(&write.key).unwrap_or(&nothing))?;
        self.items.insert(write.key.clone(), after.clone());
        Ok(after)
    }
}

impl Memory {
    /// Every call takes so long from now on.
    pub fn slow_down(&self, latency: Duration) {
        self.inner().latency = latency;
    }

    /// Whether every call fails from now on, as DynamoDB's do when it cannot be reached.
    pub fn break_down(&self, down: bool) {
        self.inner().down = down;
    }

    /// What was asked since the last look.
    #[must_use]
    pub fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.inner().calls)
    }

    /// An item; one that is not there is empty.
    #[must_use]
    pub fn item(&self, key: &ItemKey) -> Item {
        self.inner().items.get(key).cloned().unwrap_or_default()
    }

    /// The items with these keys.
    #[must_use]
    pub fn items(&self, wanted: impl Fn(&ItemKey) -> bool) -> BTreeMap<ItemKey, Item> {
        let wanted = |(key, item): (&ItemKey, &Item)| wanted(key).then(|| (key.clone(), item.clone()));
        self.inner().items.iter().filter_map(wanted).collect()
    }

    /// The objects of large bodies.
    #[must_use]
    pub fn bodies(&self) -> Vec<String> {
        self.inner().bodies.keys().cloned().collect()
    }

    /// Loses the object of a body.
    pub fn lose_body(&self, object: &str) {
        self.inner().bodies.remove(object);
    }

    /// Writes at once and unnoticed, to arrange what a test begins with.
    ///
    /// # Errors
    /// The item that refused it.
    pub fn put(&self, write: &Write) -> Result<Item, Item> {
        self.inner().write(write)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits as long as a call takes, then does `what` in one piece.
    async fn call<R>(
        &self,
        operation: &'static str,
        what: impl FnOnce(&mut Inner) -> (Call, R) + Send,
    ) -> Result<R, LedgerError> {
        let latency = self.inner().latency;
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        let mut inner = self.inner();
        if inner.down {
            return Err(LedgerError::Store {
                operation,
                table: "memory".to_owned(),
                message: "switched off".to_owned(),
            });
        }
        let (call, answer) = what(&mut inner);
        inner.calls.push(call);
        Ok(answer)
    }
}

impl Bodies for Memory {
    fn put<'a>(&'a self, object: &'a str, packed: Vec<u8>) -> BoxFuture<'a, Result<(), LedgerError>> {
        Box::pin(self.call("PutObject", |inner| {
            inner.bodies.insert(object.to_owned(), packed);
            (Call::Body(object.to_owned()), ())
        }))
    }

    fn get<'a>(&'a self, object: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, LedgerError>> {
        Box::pin(self.call("GetObject", |inner| (Call::Body(object.to_owned()), inner.bodies.get(object).cloned())))
    }
}

impl Table for Memory {
    async fn write(&self, write: &Write) -> Result<Result<Item, Item>, LedgerError> {
        self.call("UpdateItem", |inner| {
            let answer = inner.write(write);
            (Call::Write(write.key.clone(), answer.is_ok()), answer)
        })
        .await
    }

    async fn write_large(&self, write: &Write) -> Result<bool, LedgerError> {
        Ok(self.write(write).await?.is_ok())
    }

    async fn read(&self, keys: &[ItemKey]) -> Result<HashMap<ItemKey, Item>, LedgerError> {
        self.call("BatchGetItem", |inner| {
            let read = |key: &ItemKey| (key.clone(), inner.items.get(key).cloned().unwrap_or_default());
            let found = keys.iter().map(read).collect();
            (Call::Read(keys.to_vec()), found)
        })
        .await
    }

    async fn list(
        &self,
        shard: &str,
        before: i64,
        limit: usize,
        oldest_first: bool,
    ) -> Result<Vec<(ItemKey, i64)>, LedgerError> {
        self.call("Query", |inner| {
            let listed = |(key, item): (&ItemKey, &Item)| {
                let here = item.get(state::PENDING_SHARD).and_then(Value::text) == Some(shard);
                let since = item.get(state::PENDING_SINCE).and_then(Value::number)?;
                (here && since <= before).then(|| (key.clone(), since))
            };
            let mut rows: Vec<(ItemKey, i64)> = inner.items.iter().filter_map(listed).collect();
            rows.sort_by_key(|(_, since)| if oldest_first { *since } else { -*since });
            rows.truncate(limit);
            (Call::Query(shard.to_owned()), rows)
        })
        .await
    }

    async fn scan(&self, sk: &str, after: Option<&ItemKey>) -> Result<Scanned, LedgerError> {
        self.call("Scan", |inner| {
            let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
            let mut page: Vec<(ItemKey, Item)> = Vec::new();
            let mut next = None;
            for (key, item) in inner.items.range((begin, Bound::Unbounded)) {
                if page.len() == READ {
                    next = page.last().map(|(key, _)| key.clone());
                    break;
                }
                page.push((key.clone(), item.clone()));
            }
            // Like DynamoDB's, a page is as long as what was read, not as what the filter leaves of
            // it.
            page.retain(|(key, _)| key.sk == sk);
            (Call::Query("every partition".to_owned()), (page, next))
        })
        .await
    }

    async fn after(&self, pk: &str, sk: &str) -> Result<Vec<(String, Item)>, LedgerError> {
        self.call("Query", |inner| {
            let rows = inner.items.iter().filter(|(key, _)| key.pk == pk && key.sk.as_str() > sk);
            let rows = rows.map(|(key, item)| (key.sk.clone(), item.clone())).collect();
            (Call::Query(pk.to_owned()), rows)
        })
        .await
    }
}
