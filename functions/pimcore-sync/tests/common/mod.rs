//! Ledger and bus in memory, products, and the stand-in for Pimcore.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test binary uses a part")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use catalog::{ContentHash, Failure, Localized, Price, Product, ProductKey, ProductOption, Variant, Version};
use ledger::core::desired;
use ledger::{DesiredDoc, Ledger, Owner, Stage, Table};
use pimcore::Pimcore;
use pimcore_sync::decide::PublishPolicy;
use pimcore_sync::rules::Rules;
use pimcore_sync::sync::SyncBatch;
use runtime::{Announcement, Bus, Cause, Clock, Deadline, Outcome, ProductMessage, SystemClock};
use worker::{Guard, Worker};

pub use testing::bus::Heard;
pub use testing::clock::Ahead;

/// The ledger in memory, filled as `normalize` does it.
pub struct Memory(Ledger<ledger::Memory>);

impl Default for Memory {
    fn default() -> Self {
        Self(Ledger::in_memory(Stage::Pimcore.leases()))
    }
}

impl std::ops::Deref for Memory {
    type Target = Ledger<ledger::Memory>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Memory {
    /// Every call takes so long from now on.
    pub fn slow_down(&self, latency: Duration) {
        self.table().slow_down(latency);
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
        if self.table().put(&desired::write_doc(&key, &doc, packed)).is_ok() {
            let state = desired::write_state(&key, version, &doc.hash, "run-1", SystemClock.now_ms());
            let _ = self.table().put(&state);
        }
        message(&key)
    }
}

pub fn message(key: &ProductKey) -> ProductMessage {
    ProductMessage { key: key.clone(), correlation_id: "run-1".into(), cause: Cause::Feed }
}

/// One deployment of the function, without Lambda.
pub struct Function {
    pub memory: Memory,
    pub heard: Heard,
    pub guard: Guard,
    pub clock: Ahead,
    pub rules: Rules,
    invocations: AtomicU64,
}

impl Default for Function {
    /// Its breaker never opens, unless a test gives it another guard.
    fn default() -> Self {
        let never = ledger::breaker::Settings { failures: u32::MAX, ..Default::default() };
        Self {
            memory: Memory::default(),
            heard: Heard::default(),
            guard: Guard::new(Stage::Pimcore, never),
            clock: Ahead::default(),
            rules: Rules::default(),
            invocations: AtomicU64::default(),
        }
    }
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
        self.run_on(&self.memory, pimcore, messages, policy).await
    }

    /// One invocation, on any ledger.
    pub async fn run_on<T: Table>(
        &self,
        ledger: &Ledger<T>,
        pimcore: &Result<Pimcore, Failure>,
        messages: &[ProductMessage],
        policy: PublishPolicy,
    ) -> BTreeMap<ProductKey, Outcome> {
        let number = self.invocations.fetch_add(1, Ordering::Relaxed);
        let worker = Worker {
            stage: Stage::Pimcore,
            ledger,
            guard: &self.guard,
            bus: &self.heard,
            clock: &self.clock,
            owner: Owner(format!("invocation-{number}")),
            deadline: self.deadline(),
        };
        let sync = SyncBatch { worker, policy, rules: &self.rules, metrics: &runtime::Metrics::default() };
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

/// As large as the products that the recorded timings were made with: 6 variants, 12 prices, 7
/// images, 20 attribute rows.
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
        facts: None,
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
        facts: None,
        warnings: vec![],
        made_skus: Default::default(),
        stock_said: Default::default(),
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
