//! The function with a ledger in memory, a PIM in this process and a real shop.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test binary uses a part")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use catalog::{
    Category, CategoryPath, ContentHash, Failure, Localized, Price, Product, ProductKey, ProductOption, Variant,
    Version,
};
use ledger::{Ledger, Memory, Owner, Stage};
use medusa::articles::{Articles, Kind};
use medusa::{Categories, References, Shop};
use medusa_push::push::PushBatch;
use pimcore::{Pimcore, ProductInput, ProductPath, Provenance, WriteOutcome};
use runtime::{Cause, Clock as _, Deadline, Outcome, ProductMessage};
use worker::access::medusa::{Lookup, OpenShop};
use worker::rules::Rules;
use worker::{Guard, Worker};

#[path = "../../../../crates/medusa/tests/support/mod.rs"]
pub mod support;

use support::Real;
use testing::bus::Heard;
use testing::clock::Ahead;
use testing::standin::later;

/// One deployment of the function, without Lambda.
pub struct Function {
    pub memory: Ledger<Memory>,
    pub heard: Heard,
    pub guard: Guard,
    pub clock: Ahead,
    /// The shop's rules, where offers reach the shop before the PIM.
    pub lane: Option<Rules>,
    invocations: AtomicU64,
}

impl Default for Function {
    /// Its breaker never opens, unless a test gives it another guard.
    fn default() -> Self {
        let never = ledger::breaker::Settings { failures: u32::MAX, ..Default::default() };
        Self {
            memory: Ledger::in_memory(Stage::Medusa.leases()),
            heard: Heard::default(),
            guard: Guard::new(Stage::Medusa, never),
            clock: Ahead::default(),
            lane: None,
            invocations: AtomicU64::default(),
        }
    }
}

impl Function {
    /// One invocation with a batch.
    pub async fn run(
        &self,
        pimcore: &Pimcore,
        open: &Arc<OpenShop>,
        keys: &[ProductKey],
    ) -> BTreeMap<ProductKey, Outcome> {
        self.run_with(&Ok(pimcore.clone()), &Ok(Arc::clone(open)), keys).await
    }

    pub async fn run_with(
        &self,
        pimcore: &Result<Pimcore, Failure>,
        open: &Result<Arc<OpenShop>, Failure>,
        keys: &[ProductKey],
    ) -> BTreeMap<ProductKey, Outcome> {
        self.run_opening(pimcore, async |_| open.clone(), keys).await
    }

    pub async fn run_opening(
        &self,
        pimcore: &Result<Pimcore, Failure>,
        open: impl AsyncFn(Lookup) -> Result<Arc<OpenShop>, Failure>,
        keys: &[ProductKey],
    ) -> BTreeMap<ProductKey, Outcome> {
        let number = self.invocations.fetch_add(1, Ordering::Relaxed);
        let messages: Vec<ProductMessage> = keys
            .iter()
            .map(|key| ProductMessage { key: key.clone(), correlation_id: "run".into(), cause: Cause::Feed })
            .collect();
        let worker = Worker {
            stage: Stage::Medusa,
            ledger: &self.memory,
            guard: &self.guard,
            bus: &self.heard,
            clock: &self.clock,
            owner: Owner(format!("invocation-{number}")),
            deadline: Deadline::at(self.clock.now_ms() + 60_000),
        };
        let push = PushBatch { worker, lane: self.lane.as_ref(), metrics: &runtime::Metrics::default() };
        push.run(pimcore, open, &messages).await.into_iter().collect()
    }
}

/// Another client of the same shop, as another instance of the function has one.
pub fn open(real: &Real) -> Arc<OpenShop> {
    // Products by themselves; those of groups have tests of their own.
    let references = References { articles: Articles::all(Kind::Separate), ..real.shop.references.clone() };
    let shop = Shop { medusa: support::medusa_client().unwrap(), references };
    Arc::new(OpenShop { shop, categories: Categories::default() })
}

/// A dress in two colours and three sizes.
pub fn dress(key: &ProductKey) -> Product {
    let text = |en: &str, ar: &str| Localized::default().with("en", en).with("ar", ar);
    let mut variants = Vec::new();
    for color in ["Black", "White"] {
        for size in ["S", "M", "L"] {
            variants.push(Variant {
                sku: format!("{}-{color}-{size}", key.id()),
                title: format!("{color} / {size}"),
                options: vec![color.into(), size.into()],
                prices: [("SAR", "51.85", Some("61.00")), ("USD", "13.82", None)]
                    .map(|(currency, amount, list)| Price {
                        currency: currency.into(),
                        amount: amount.parse().unwrap(),
                        list_amount: list.map(|list| list.parse().unwrap()),
                    })
                    .into(),
                stock: 20,
                images: vec![],
                facts: None,
            });
        }
    }
    Product {
        source: key.source().into(),
        id: key.id().into(),
        group: None,
        sku: None,
        name: text("Dress", "فستان"),
        description: text("<p>Long</p>", "<p>طويل</p>"),
        brand: Some("Acme".into()),
        categories: vec![CategoryPath(vec![])],
        attributes: vec![],
        options: ["Color", "Size"].map(|name| ProductOption { name: text(name, name) }).into(),
        variants,
        images: ["a", "b"].map(|name| format!("https://img.example/{}/{name}.jpg", key.id())).into(),
        url: None,
        withdrawn: false,
        facts: None,
        warnings: vec![],
        made_skus: Default::default(),
        stock_said: Default::default(),
    }
}

pub fn path(key: &ProductKey) -> String {
    ProductPath::of(key).as_str().to_owned()
}

/// A category tree of this product's own: "Women" and below it "Dresses".
pub fn category_path(key: &ProductKey) -> CategoryPath {
    let category = |id: &str, name: &str| Category {
        id: format!("{}-{id}", key.id()),
        name: Localized::default().with("en", name).with("ar", "نساء"),
    };
    CategoryPath(vec![category("women", "Women"), category("dresses", "Dresses")])
}

/// Brings products to the PIM as pimcore-sync does.
pub async fn in_pim(pimcore: &Pimcore, products: &[Product], n: u64) {
    in_pim_as(pimcore, products, &Version::new(9_000_000_000_000 + n, "0", 0)).await;
}

/// The same, said at another time.
pub async fn in_pim_as(pimcore: &Pimcore, products: &[Product], version: &Version) {
    let writes = products.iter().map(|product| {
        let provenance = Provenance {
            hash: ContentHash::of(product),
            version: version.clone(),
            feed_run: "run".into(),
            imported_at: jiff::Timestamp::UNIX_EPOCH,
        };
        pimcore::Write {
            key: product.key().unwrap(),
            existing: None,
            read: None,
            publish_new: true,
            texts_stand: false,
            input: ProductInput::new(product, &provenance, &[]).unwrap(),
        }
    });
    for (key, outcome) in pimcore.write(writes.collect(), later()).await {
        assert!(matches!(outcome, WriteOutcome::Saved(_)), "{key}: {outcome:?}");
    }
}
