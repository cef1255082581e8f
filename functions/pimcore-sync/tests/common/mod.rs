//! Ledger and bus in memory, products, and the stand-in for Pimcore.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test binary uses a part")]

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use catalog::{ContentHash, Failure, Localized, Price, Product, ProductKey, ProductOption, Variant, Version};
use ledger::core::stage::{self, Leases, Refusal};
use ledger::core::{Item, ItemKey, Write, desired, state};
use ledger::{Applied, Claim, DesiredDoc, LedgerError, Owner, ProductState, Stage};
use pimcore::Pimcore;
use pimcore_sync::decide::PublishPolicy;
use pimcore_sync::ports::{Bus, Store};
use pimcore_sync::sync::Sync;
use runtime::{Announcement, Cause, Clock, Deadline, Outcome, ProductMessage, SystemClock};

#[path = "../../../../crates/pimcore/tests/common/standin.rs"]
pub mod standin;

const LEASES: Leases = Leases { lease_ms: 90_000, landing_ms: 30_000 };

/// The ledger's rules over a map.
#[derive(Default)]
pub struct Memory {
    items: Mutex<HashMap<ItemKey, Item>>,
    watermarks: Mutex<HashMap<String, String>>,
    latency: AtomicU64,
}

impl Memory {
    /// Every call takes so long from now on.
    pub fn slow_down(&self, latency: Duration) {
        self.latency.store(u64::try_from(latency.as_millis()).unwrap(), Ordering::Relaxed);
    }

    async fn call(&self) {
        pause(&self.latency).await;
    }

    fn write(&self, write: &Write) -> Result<Item, Item> {
        let mut items = self.items.lock().unwrap();
        let item = items.entry(write.key.clone()).or_default();
        let after = write.apply(item)?;
        item.clone_from(&after);
        Ok(after)
    }

    fn item(&self, key: &ItemKey) -> Item {
        self.items.lock().unwrap().get(key).cloned().unwrap_or_default()
    }

    /// What `normalize` does with a changed product.
    pub fn put(&self, product: &Product, version: &Version) -> ProductMessage {
        let key = product.key().unwrap();
        let doc = DesiredDoc {
            product: product.clone(),
            version: version.clone(),
            hash: ContentHash::of(product),
            run: "run-1".into(),
            provenance: "test".into(),
        };
        let packed = doc.packed().unwrap();
        if self.write(&desired::write_doc(&key, &doc, packed)).is_ok() {
            let _ = self.write(&desired::write_state(&key, version, &doc.hash, "run-1", SystemClock.now_ms()));
        }
        message(&key)
    }

    pub fn state(&self, key: &ProductKey) -> ProductState {
        ProductState::of(&self.item(&state::item_key(key)))
    }
}

pub fn message(key: &ProductKey) -> ProductMessage {
    ProductMessage { key: key.clone(), correlation_id: "run-1".into(), cause: Cause::Feed }
}

impl Store for Memory {
    async fn claim(
        &self,
        keys: &[ProductKey],
        owner: &Owner,
        now: i64,
    ) -> Result<HashMap<ProductKey, Claim>, LedgerError> {
        self.call().await;
        let one = |key: &ProductKey| {
            let mut write = stage::claim(Stage::Pimcore, key, owner, now, LEASES);
            loop {
                let item = match self.write(&write) {
                    Ok(after) => return Claim::Claimed(ProductState::of(&after)),
                    Err(item) => item,
                };
                write = match stage::refused(Stage::Pimcore, owner, &item, now) {
                    Refusal::Final(claim) => return claim,
                    Refusal::Free => stage::claim(Stage::Pimcore, key, owner, now, LEASES),
                    Refusal::Expired(expired) => stage::take_over(Stage::Pimcore, key, owner, &expired, now, LEASES),
                };
            }
        };
        Ok(keys.iter().map(|key| (key.clone(), one(key))).collect())
    }

    async fn read_docs(
        &self,
        keys: &[ProductKey],
    ) -> Result<HashMap<ProductKey, Result<DesiredDoc, LedgerError>>, LedgerError> {
        self.call().await;
        let read =
            |key: &ProductKey| Some((key.clone(), Ok(DesiredDoc::of(&self.item(&desired::doc_key(key))).unwrap()?)));
        Ok(keys.iter().filter_map(read).collect())
    }

    async fn read_states(&self, keys: &[ProductKey]) -> Result<HashMap<ProductKey, ProductState>, LedgerError> {
        self.call().await;
        Ok(keys.iter().map(|key| (key.clone(), self.state(key))).collect())
    }

    async fn complete(
        &self,
        key: &ProductKey,
        owner: &Owner,
        seen: &ProductState,
        applied: &Applied,
        now: i64,
    ) -> Result<Option<i64>, LedgerError> {
        self.call().await;
        let claimed = seen;
        let mut seen = seen.clone();
        loop {
            let write = stage::complete(Stage::Pimcore, key, owner, (claimed, &seen), applied, now, LEASES);
            match self.write(&write) {
                Ok(after) => return Ok(ProductState::of(&after).pimcore.recheck_at.map(|at| at.max(now))),
                Err(item) => seen = ProductState::of(&item),
            }
            if seen.pimcore.owner.as_ref() != Some(&owner.0) {
                self.suspect(key, now).await?;
                return Err(LedgerError::LeaseLost { what: key.to_string() });
            }
        }
    }

    async fn fail(&self, key: &ProductKey, owner: &Owner, failure: &Failure, now: i64) -> Result<(), LedgerError> {
        self.call().await;
        let _ = self.write(&stage::fail(Stage::Pimcore, key, owner, failure, now, LEASES));
        Ok(())
    }

    async fn suspect(&self, key: &ProductKey, now: i64) -> Result<(), LedgerError> {
        let _ = self.write(&stage::suspect(Stage::Pimcore, key, now));
        Ok(())
    }

    async fn watermark(&self, name: &str) -> Result<Option<String>, LedgerError> {
        self.call().await;
        Ok(self.watermarks.lock().unwrap().get(name).cloned())
    }

    async fn move_watermark(&self, name: &str, from: Option<&str>, to: &str) -> Result<bool, LedgerError> {
        self.call().await;
        let mut watermarks = self.watermarks.lock().unwrap();
        let moved = watermarks.get(name).map(String::as_str) == from;
        if moved {
            watermarks.insert(name.to_owned(), to.to_owned());
        }
        Ok(moved)
    }
}

async fn pause(latency: &AtomicU64) {
    let latency = latency.load(Ordering::Relaxed);
    if latency > 0 {
        tokio::time::sleep(Duration::from_millis(latency)).await;
    }
}

/// A bus that remembers.
#[derive(Default)]
pub struct Heard {
    announcements: Mutex<Vec<Announcement>>,
    latency: AtomicU64,
}

impl Heard {
    /// Every call takes so long from now on.
    pub fn slow_down(&self, latency: Duration) {
        self.latency.store(u64::try_from(latency.as_millis()).unwrap(), Ordering::Relaxed);
    }

    /// What was announced since the last call.
    pub fn take(&self) -> Vec<Announcement> {
        std::mem::take(&mut self.announcements.lock().unwrap())
    }
}

impl Bus for Heard {
    async fn announce(&self, announcements: &[Announcement]) -> Vec<Result<(), Failure>> {
        pause(&self.latency).await;
        self.announcements.lock().unwrap().extend_from_slice(announcements);
        vec![Ok(()); announcements.len()]
    }
}

/// The machine's clock, moved forward at will.
#[derive(Default)]
pub struct Ahead(pub AtomicI64);

impl Clock for Ahead {
    fn now_ms(&self) -> i64 {
        SystemClock.now_ms() + self.0.load(Ordering::Relaxed)
    }
}

/// One deployment of the function, without Lambda.
#[derive(Default)]
pub struct Function {
    pub memory: Memory,
    pub heard: Heard,
    pub clock: Ahead,
    invocations: AtomicU64,
}

impl Function {
    pub async fn run(&self, pimcore: &Pimcore, messages: &[ProductMessage]) -> BTreeMap<ProductKey, Outcome> {
        self.run_with(&Ok(pimcore.clone()), messages, PublishPolicy::Auto).await
    }

    pub async fn run_with(
        &self,
        pimcore: &Result<Pimcore, Failure>,
        messages: &[ProductMessage],
        policy: PublishPolicy,
    ) -> BTreeMap<ProductKey, Outcome> {
        let number = self.invocations.fetch_add(1, Ordering::Relaxed);
        let sync = Sync {
            store: &self.memory,
            bus: &self.heard,
            clock: &self.clock,
            owner: Owner(format!("invocation-{number}")),
            deadline: self.deadline(),
            policy,
        };
        sync.run(pimcore, messages).await.into_iter().collect()
    }

    pub fn deadline(&self) -> Deadline {
        Deadline::at(self.clock.now_ms() + 60_000)
    }
}

/// The n-th version, later than anything that Pimcore has saved.
pub fn version(n: u64) -> Version {
    Version::new(9_000_000_000_000 + n, "0", 0)
}

pub fn category(id: &str) -> catalog::Category {
    catalog::Category { id: id.into(), name: Localized::default().with("en", id) }
}

/// As large as the products that the recorded timings were made with: 6 variants, 12 prices, 7 images, 20 attribute rows.
pub fn product(id: &str) -> Product {
    let variant = |n: usize| Variant {
        sku: format!("{id}-{n}"),
        title: format!("Black / {n}"),
        options: vec!["Black".into(), n.to_string()],
        prices: [("SAR", "23.80"), ("USD", "6.35")]
            .map(|(currency, amount)| Price {
                currency: currency.into(),
                amount: amount.parse().unwrap(),
                list_amount: None,
            })
            .into(),
        stock: 20,
        images: vec![format!("https://img.example/{id}/{n}.jpg")],
    };
    let attribute = |n: usize| catalog::Attribute {
        code: format!("attr{n}"),
        name: Localized::default().with("en", "Material").with("ar", "المادة"),
        values: vec![Localized::default().with("en", "Leather").with("ar", "جلد")],
    };
    Product {
        source: "demo".into(),
        id: id.into(),
        group: Some("g1".into()),
        sku: Some(format!("sku-{id}")),
        name: Localized::default().with("en", "Running shoe").with("ar", "حذاء رياضي"),
        description: Localized::default()
            .with("en", &"<p class=\"x\">Light &amp; fast \"shoe\" '42' = good</p>\n".repeat(5)),
        brand: Some("Acme".into()),
        categories: vec![catalog::CategoryPath(vec![category("women"), category("shoes")])],
        attributes: (0..10).map(attribute).collect(),
        options: ["Color", "Size"].map(|name| ProductOption { name: Localized::default().with("en", name) }).into(),
        variants: (0..6).map(variant).collect(),
        images: vec![format!("https://img.example/{id}/main.jpg")],
        url: Some(format!("https://shop.example/p/{id}?x=1&y=2#z")),
        withdrawn: false,
        warnings: vec![],
    }
}

pub fn key(id: &str) -> ProductKey {
    ProductKey::new("demo", id).unwrap()
}

pub fn path(id: &str) -> String {
    pimcore::ProductPath::of(&key(id)).as_str().to_owned()
}

pub fn failure(outcome: &Outcome) -> Failure {
    let Outcome::Failed(failure) = outcome else { panic!("not a failure: {outcome:?}") };
    failure.clone()
}

/// A bus that takes nothing.
pub struct Deaf;

impl Bus for Deaf {
    async fn announce(&self, announcements: &[Announcement]) -> Vec<Result<(), Failure>> {
        vec![Err(Failure::transient("announce_failed", "deaf")); announcements.len()]
    }
}
