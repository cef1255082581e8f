//! Bucket, ledger, bus and clock in memory, and feeds as `normalize` leaves them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use catalog::{ContentHash, Failure, Localized, PartName, Price, Product, ProductKey, Variant, Version};
use ledger::core::brought::Brought;
use ledger::{DesiredDoc, DesiredOutcome, LedgerError, SmallDocs};
use runtime::{Announcement, Bus, Clock, Deadline, Metrics};
use withdrawal::manifest::Manifests;
use withdrawal::{Outcome, Store, WithdrawRequest, Withdrawal, WithdrawalReport};

/// Bucket, ledger, bus and clock in memory.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) objects: Mutex<BTreeMap<String, Vec<u8>>>,
    pub(crate) docs: Mutex<HashMap<ProductKey, DesiredDoc>>,
    /// What partial feeds brought: the version by id.
    pub(crate) notes: Mutex<BTreeMap<String, Version>>,
    pub(crate) watermarks: Mutex<HashMap<String, String>>,
    pub(crate) announced: Mutex<Vec<String>>,
    /// Announcements that are accepted; the rest fails.
    pub(crate) patience: AtomicUsize,
    /// Milliseconds that the clock goes on with each look at it.
    pub(crate) pace: AtomicUsize,
    pub(crate) now: AtomicUsize,
    pub(crate) metrics: Metrics,
}

impl Manifests for World {
    async fn get(&self, _: &str, key: &str) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self.objects.lock().unwrap().get(key).cloned())
    }

    async fn list(&self, _: &str, prefix: &str) -> Result<Vec<(String, u64)>, Failure> {
        let objects = self.objects.lock().unwrap();
        let under = objects.iter().filter(|(key, _)| key.starts_with(prefix));
        Ok(under.map(|(key, body)| (key.clone(), body.len() as u64)).collect())
    }

    async fn range(&self, _: &str, key: &str, from: u64, to: u64) -> Result<Vec<u8>, Failure> {
        let body = &self.objects.lock().unwrap()[key];
        // Short answers, so that lines are cut in the middle.
        let to = to.min(from + 7).min(body.len() as u64);
        Ok(body[usize::try_from(from).unwrap()..usize::try_from(to).unwrap()].to_vec())
    }
}

impl Store for World {
    /// Products whose id ends with 7 count as large.
    async fn read_small_docs(&self, keys: &[ProductKey]) -> Result<SmallDocs, LedgerError> {
        let docs = self.docs.lock().unwrap();
        let (large, small): (Vec<_>, Vec<_>) =
            keys.iter().filter(|key| docs.contains_key(key)).cloned().partition(|key| key.id().ends_with('7'));
        let docs = small.into_iter().map(|key| (key.clone(), Ok(docs[&key].clone()))).collect();
        Ok(SmallDocs { docs, large, parted: vec![] })
    }

    async fn read_large_doc(&self, key: &ProductKey) -> Result<Option<DesiredDoc>, LedgerError> {
        assert!(key.id().ends_with('7'), "{key} is small");
        Ok(self.docs.lock().unwrap().get(key).cloned())
    }

    async fn read_parts(&self, key: &ProductKey) -> Result<Vec<(Option<PartName>, DesiredDoc)>, LedgerError> {
        unreachable!("{key} does not come in parts")
    }

    fn part_of(&self, product: &Product) -> Option<PartName> {
        product.url.as_ref().and_then(|_| PartName::of_storefront(product))
    }

    async fn put_desired(&self, key: &ProductKey, doc: &DesiredDoc, _: i64) -> Result<DesiredOutcome, LedgerError> {
        let mut docs = self.docs.lock().unwrap();
        if docs.get(key).is_some_and(|known| known.version > doc.version) {
            return Ok(DesiredOutcome::Stale);
        }
        docs.insert(key.clone(), doc.clone());
        Ok(DesiredOutcome::Written)
    }

    async fn brought(&self, _: &str, _: Option<&PartName>) -> Result<Vec<Brought>, LedgerError> {
        let notes = self.notes.lock().unwrap();
        let item = |version: &Version| [("version".to_owned(), version.as_str().into())].into();
        Ok(notes.iter().filter_map(|(id, version)| Brought::of("N#demo#0", id, &item(version))).collect())
    }

    async fn note_brought(&self, key: &ProductKey, _: Option<&PartName>, version: &Version) -> Result<(), LedgerError> {
        self.notes.lock().unwrap().insert(key.id().to_owned(), version.clone());
        Ok(())
    }

    async fn strike_off_brought(&self, note: &Brought, _: i64) -> Result<(), LedgerError> {
        let mut notes = self.notes.lock().unwrap();
        if notes.get(&note.id).is_some_and(|version| version.as_str() == note.version) {
            notes.remove(&note.id);
        }
        Ok(())
    }

    async fn watermark(&self, name: &str) -> Result<Option<String>, LedgerError> {
        Ok(self.watermarks.lock().unwrap().get(name).cloned())
    }

    async fn move_watermark(&self, name: &str, from: Option<&str>, to: &str) -> Result<bool, LedgerError> {
        let mut watermarks = self.watermarks.lock().unwrap();
        let moved = watermarks.get(name).map(String::as_str) == from;
        if moved {
            watermarks.insert(name.to_owned(), to.to_owned());
        }
        Ok(moved)
    }
}

impl Bus for World {
    async fn announce(&self, announcements: &[Announcement]) -> Vec<Result<(), Failure>> {
        if self.patience.fetch_sub(announcements.len().min(1), Ordering::Relaxed) == 0 {
            self.patience.store(usize::MAX, Ordering::Relaxed);
            return vec![Err(Failure::transient("announce_failed", "deaf")); announcements.len()];
        }
        self.announced.lock().unwrap().extend(announcements.iter().map(|one| format!("{one:?}")));
        vec![Ok(()); announcements.len()]
    }
}

impl Clock for World {
    fn now_ms(&self) -> i64 {
        i64::try_from(self.now.fetch_add(self.pace.load(Ordering::Relaxed), Ordering::Relaxed)).unwrap()
    }
}

pub(crate) fn version(n: u64, position: u64) -> Version {
    Version::new(1_000 * n, "0", position)
}

pub(crate) fn key(id: &str) -> ProductKey {
    ProductKey::new("demo", id).unwrap()
}

pub(crate) fn product(id: &str) -> Product {
    Product {
        name: Localized::default().with("en", "Shirt"),
        variants: vec![Variant {
            sku: id.into(),
            title: "Shirt".into(),
            options: vec![],
            prices: vec![Price { currency: "SAR".into(), amount: "1".parse().unwrap(), list_amount: None }],
            stock: 1,
            images: vec![],
            facts: None,
        }],
        ..Product::bare("demo", id)
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let world = Self::default();
        world.patience.store(usize::MAX, Ordering::Relaxed);
        world
    }

    /// A full feed as `normalize` leaves it: sorted parts of a few ids each, products in the
    /// ledger.
    pub(crate) fn feed(&self, n: u64, ids: &[String], complete: bool) -> WithdrawRequest {
        let run = format!("run-{n}");
        for (part, ids) in ids.chunks(3).enumerate() {
            let mut ids = ids.to_vec();
            ids.sort();
            let body = ids.join("\n") + "\n";
            self.objects.lock().unwrap().insert(format!("manifests/demo/{run}/{part:011}.txt"), body.into_bytes());
        }
        let index = serde_json::json!({"parts": format!("manifests/demo/{run}/"), "object": "s3://b/k", "version": version(n, 0), "complete": complete});
        self.objects.lock().unwrap().insert(format!("manifests/demo/{run}.json"), index.to_string().into_bytes());
        for (position, id) in ids.iter().enumerate() {
            self.put(id, &version(n, position as u64));
        }
        WithdrawRequest { bucket: "b".into(), source: "demo".into(), run, force: false, after: None }
    }

    pub(crate) fn put(&self, id: &str, version: &Version) {
        let product = product(id);
        let hash = ContentHash::of(&product);
        let doc = DesiredDoc { product, version: version.clone(), hash, run: "r".into(), provenance: String::new() };
        self.docs.lock().unwrap().insert(key(id), doc);
    }

    /// A partial feed brings a product, as `normalize` does: noted if it is not for sale, then written if nothing newer is there.
    pub(crate) fn bring(&self, id: &str, n: u64, crash: bool) {
        let known = self.docs.lock().unwrap().get(&key(id)).cloned();
        if known.as_ref().is_none_or(|doc| doc.product.withdrawn) {
            self.notes.lock().unwrap().insert(id.to_owned(), version(n, 0));
        }
        if !crash && known.is_none_or(|doc| doc.version <= version(n, 0)) {
            self.put(id, &version(n, 0));
        }
    }

    /// A full feed that may come late: it writes over nothing newer.
    pub(crate) fn late_feed(&self, n: u64, ids: &[String]) -> WithdrawRequest {
        let before = self.docs.lock().unwrap().clone();
        let request = self.feed(n, ids, true);
        for (key, doc) in before {
            if doc.version > version(n, ids.len() as u64) {
                self.docs.lock().unwrap().insert(key, doc);
            }
        }
        WithdrawRequest { force: true, ..request }
    }

    pub(crate) fn noted(&self) -> Vec<String> {
        self.notes.lock().unwrap().keys().cloned().collect()
    }

    pub(crate) fn for_sale(&self) -> BTreeSet<String> {
        let docs = self.docs.lock().unwrap();
        docs.values().filter(|doc| !doc.product.withdrawn).map(|doc| doc.product.id.clone()).collect()
    }

    pub(crate) async fn run(&self, request: &WithdrawRequest) -> Result<Outcome, Failure> {
        let deadline = Deadline::at(60_000);
        let metrics = &self.metrics;
        Withdrawal { manifests: self, store: self, bus: self, clock: self, deadline, max_percent: 20, metrics }
            .run(request)
            .await
    }

    pub(crate) fn withdrawn(&self) -> Vec<String> {
        let docs = self.docs.lock().unwrap();
        let mut ids: Vec<_> =
            docs.values().filter(|doc| doc.product.withdrawn).map(|doc| doc.product.id.clone()).collect();
        ids.sort();
        ids
    }

    pub(crate) fn announced(&self) -> usize {
        std::mem::take(&mut *self.announced.lock().unwrap()).len()
    }
}

pub(crate) fn ids(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| format!("p{n}")).collect()
}

pub(crate) fn accepted(withdrawn: u64, again: u64, left: u64) -> Result<Outcome, Failure> {
    Ok(Outcome::Accepted(WithdrawalReport { withdrawn, again, left }))
}

pub(crate) fn ids_of(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}
