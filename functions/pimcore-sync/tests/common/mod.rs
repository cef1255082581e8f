//! Ledger and bus in memory, products, and the stand-in for Pimcore.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test binary uses a part")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use catalog::{ContentHash, Failure, Localized, Price, Product, ProductKey, ProductOption, Variant, Version};
use ledger::core::{desired, missing};
use ledger::{Applied, Claim, DesiredDoc, Ledger, Owner, Stage, Table};
use pimcore::Pimcore;
use pimcore_sync::decide::PublishPolicy;
use pimcore_sync::inventory::Comparison;
use pimcore_sync::sync::SyncBatch;
use runtime::{Announcement, Bus, Cause, Clock, Deadline, Outcome, ProductMessage, SystemClock};
use testing::standin::{StandIn, later};
use worker::rules::Rules;
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
        self.put_by("run-1", product, version)
    }

    /// The same, said by another feed run.
    pub fn put_by(&self, run: &str, product: &Product, version: &Version) -> ProductMessage {
        let key = product.key().unwrap();
        let doc = DesiredDoc {
            product: product.clone(),
            version: version.clone(),
            hash: ContentHash::of(product),
            run: run.into(),
            provenance: "test".into(),
        };
        let packed = doc.packed().unwrap();
        if self.table().put(&desired::write_doc(&key, &doc, packed)).is_ok() {
            let state = desired::write_state(&key, version, &doc.hash, run, SystemClock.now_ms());
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
    /// Whether offers reach the shop before the PIM.
    pub lane: bool,
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
            lane: false,
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
        let sync =
            SyncBatch { worker, policy, rules: &self.rules, lane: self.lane, metrics: &runtime::Metrics::default() };
        sync.run(pimcore, messages).await.into_iter().collect()
    }

    pub fn deadline(&self) -> Deadline {
        Deadline::at(self.clock.now_ms() + 60_000)
    }
}

/// A PIM, and everything that the function works with.
pub struct Site {
    pub pim: StandIn,
    pub pimcore: Pimcore,
    pub function: Function,
}

impl Site {
    /// A feed says another price.
    pub fn says(&self, id: &str, amount: &str, n: u64) -> ProductMessage {
        let mut dearer = product(id);
        dearer.variants[0].prices[0].amount = amount.parse().unwrap();
        self.function.memory.put(&dearer, &version(n))
    }

    /// With products that have arrived in the PIM.
    pub async fn with(name: &str, ids: &[&str]) -> Self {
        let pim = StandIn::start(name).await;
        let site = Self { pimcore: pim.client(), pim, function: Function::default() };
        site.synced(ids).await;
        site.function.heard.take();
        site
    }

    async fn synced(&self, ids: &[&str]) {
        let messages: Vec<_> = ids.iter().map(|id| self.function.memory.put(&product(id), &version(1))).collect();
        self.run(&messages).await;
    }

    /// With products that have arrived in the PIM and in the shop.
    pub async fn with_shop(name: &str, ids: &[&str]) -> Self {
        let site = Self::with(name, &[]).await;
        site.arrive(ids).await;
        site
    }

    /// Products arrive in the PIM and in the shop.
    pub async fn arrive(&self, ids: &[&str]) {
        self.synced(ids).await;
        for id in ids {
            self.feed_shop(id).await;
        }
        self.function.heard.take();
    }

    pub async fn run(&self, messages: &[ProductMessage]) {
        let outcomes = self.function.run(&self.pimcore, messages).await;
        assert!(outcomes.values().all(|outcome| *outcome == Outcome::Done), "{outcomes:?}");
    }

    /// What medusa-push does, as far as the ledger notices.
    pub async fn feed_shop(&self, id: &str) {
        let (key, owner, now) = (key(id), Owner(format!("push-{id}")), self.function.clock.now_ms());
        let keys = std::slice::from_ref(&key);
        let claims = self.function.memory.claim(Stage::Medusa, keys, &owner, now).await.unwrap();
        let Some(Claim::Claimed(claimed)) = claims.get(&key) else { panic!("{claims:?}") };
        let read = self.pimcore.read_products(keys, later()).await.unwrap().remove(&key).transpose().unwrap();
        let tree = self.pimcore.category_tree(Duration::ZERO, later()).await.unwrap();
        let held = claimed.pimcore.applied.clone().unwrap();
        let seen = read.map_or_else(|| missing::SEEN.to_owned(), |product| product.digest(&tree));
        let applied = Applied { remote_id: Some("prod_1".into()), seen: Some(seen), ..held };
        self.function.memory.complete(Stage::Medusa, &key, &owner, claimed, &applied, now).await.unwrap();
    }

    pub fn comparison(&self) -> Comparison<'_, ledger::Memory, Heard, Ahead> {
        Comparison {
            pimcore: &self.pimcore,
            ledger: &self.function.memory,
            bus: &self.function.heard,
            clock: &self.function.clock,
            deadline: self.function.deadline(),
            max_percent: 20,
        }
    }

    pub fn state(&self, id: &str) -> ledger::ProductState {
        self.function.memory.state(&key(id))
    }

    pub fn pass(&self, seconds: i64) {
        self.function.clock.0.fetch_add(seconds * 1000, Ordering::Relaxed);
        self.pim.ahead.fetch_add(seconds, Ordering::Relaxed);
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
        ..Product::bare("demo", id)
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
