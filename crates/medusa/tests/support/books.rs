//! What is remembered of stock, in this process.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use catalog::{Failure, ProductKey};
use medusa::SkuOwners;
use medusa::stock::{Book, Recall, Said, StockBooks, Told};

use super::{EverybodyWants, NobodyWants};

/// Keys are unique in a run, so one memory does for all tests of a process.
static BOOKS: LazyLock<Mutex<HashMap<ProductKey, Book>>> = LazyLock::new(Mutex::default);

pub fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// What is remembered of a product.
pub fn book(key: &ProductKey) -> Book {
    BOOKS.lock().unwrap().get(key).cloned().unwrap_or_default()
}

/// Nothing is remembered of a product any more.
pub fn forget(key: &ProductKey) {
    BOOKS.lock().unwrap().remove(key);
}

pub fn recall(keys: &[&ProductKey], said: impl Fn() -> Said) -> HashMap<ProductKey, Recall> {
    keys.iter().map(|key| ((*key).clone(), Recall { book: book(key), said: said(), ..Recall::default() })).collect()
}

pub fn note(books: &[(&ProductKey, &Book)]) -> Vec<Result<(), Failure>> {
    let mut all = BOOKS.lock().unwrap();
    all.extend(books.iter().map(|(key, book)| ((*key).clone(), (*book).clone())));
    vec![Ok(()); books.len()]
}

/// What was written just now.
pub fn just_now() -> Said {
    let now = now_ms();
    Said { version: now.to_string(), at: now, edited: now, heard: now }
}

impl StockBooks for NobodyWants {
    fn now_ms(&self) -> i64 {
        now_ms()
    }

    async fn recall(&self, keys: &[&ProductKey], _: Instant) -> Result<HashMap<ProductKey, Recall>, Failure> {
        Ok(recall(keys, just_now))
    }

    async fn note(&self, books: &[(&ProductKey, &Book)], _: Instant) -> Vec<Result<(), Failure>> {
        note(books)
    }
}

impl StockBooks for EverybodyWants {
    fn now_ms(&self) -> i64 {
        now_ms()
    }

    async fn recall(&self, keys: &[&ProductKey], _: Instant) -> Result<HashMap<ProductKey, Recall>, Failure> {
        Ok(recall(keys, just_now))
    }

    async fn note(&self, books: &[(&ProductKey, &Book)], _: Instant) -> Vec<Result<(), Failure>> {
        note(books)
    }
}

/// A supplier whose documents have the times that a test gives them.
pub struct Supplier {
    pub said: Said,
    /// What it says of single variants, with times of their own.
    pub each: BTreeMap<String, Told>,
    /// So many notes more, and the ledger is gone.
    pub notes: AtomicUsize,
}

impl Supplier {
    /// A document that was written at a time (ms).
    pub fn at(at: i64) -> Self {
        Self {
            said: Said { version: format!("{at:013}"), at, edited: at, heard: at },
            each: BTreeMap::new(),
            notes: AtomicUsize::new(usize::MAX),
        }
    }
}

impl medusa::Addresses for Supplier {}

impl SkuOwners for Supplier {
    async fn wants(&self, _: &ProductKey, _: &str, _: Instant) -> Result<bool, Failure> {
        Ok(false)
    }
}

impl StockBooks for Supplier {
    fn now_ms(&self) -> i64 {
        now_ms()
    }

    async fn recall(&self, keys: &[&ProductKey], _: Instant) -> Result<HashMap<ProductKey, Recall>, Failure> {
        let known = recall(keys, || self.said.clone());
        Ok(known.into_iter().map(|(key, known)| (key, Recall { each: self.each.clone(), ..known })).collect())
    }

    async fn note(&self, books: &[(&ProductKey, &Book)], _: Instant) -> Vec<Result<(), Failure>> {
        let left = self.notes.load(Ordering::Relaxed);
        self.notes.store(left.saturating_sub(1), Ordering::Relaxed);
        if left == 0 {
            return vec![Err(Failure::transient("ledger_unavailable", "the ledger is not there")); books.len()];
        }
        note(books)
    }
}
