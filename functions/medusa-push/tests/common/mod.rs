//! The function with a ledger in memory, a PIM in this process and a real shop.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test binary uses a part")]

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use catalog::{
    Category, CategoryPath, ContentHash, Failure, Localized, Price, Product, ProductKey, ProductOption, Variant,
    Version,
};
use ledger::core::stage::{self, Leases, Refusal};
use ledger::core::{Item, ItemKey, Write, state};
use ledger::{Applied, Claim, LedgerError, Owner, ProductState, Stage};
use medusa::{Categories, Shop};
use medusa_push::access::Open;
use medusa_push::ports::Store;
use medusa_push::push::Push;
use pimcore::{Pimcore, ProductInput, ProductPath, Provenance, WriteOutcome};
use runtime::{Cause, Clock, Deadline, Outcome, ProductMessage, SystemClock};

#[path = "../../../../crates/pimcore/tests/common/standin.rs"]
pub mod standin;
#[path = "../../../../crates/medusa/tests/support/mod.rs"]
pub mod support;

use standin::later;
use support::Real;

const LEASES: Leases = Leases { lease_ms: 90_000, landing_ms: 60_000 };

/// The ledger's rules over a map.
#[derive(Default)]
pub struct Memory {
    items: Mutex<HashMap<ItemKey, Item>>,
}

impl Memory {
    fn write(&self, write: &Write) -> Result<Item, Item> {
        let mut items = self.items.lock().unwrap();
        let item = items.entry(write.key.clone()).or_default();
        let after = write.apply(item)?;
        item.clone_from(&after);
        Ok(after)
    }

    pub fn state(&self, key: &ProductKey) -> ProductState {
        ProductState::of(&self.items.lock().unwrap().get(&state::item_key(key)).cloned().unwrap_or_default())
    }
}

impl Store for Memory {
    async fn claim(
        &self,
        keys: &[ProductKey],
        owner: &Owner,
        now: i64,
    ) -> Result<HashMap<ProductKey, Claim>, LedgerError> {
        let one = |key: &ProductKey| {
            let mut write = stage::claim(Stage::Medusa, key, owner, now, LEASES);
            loop {
                let item = match self.write(&write) {
                    Ok(after) => return Claim::Claimed(ProductState::of(&after)),
                    Err(item) => item,
                };
                write = match stage::refused(Stage::Medusa, owner, &item, now) {
                    Refusal::Final(claim) => return claim,
                    Refusal::Free => stage::claim(Stage::Medusa, key, owner, now, LEASES),
                    Refusal::Expired(expired) => stage::take_over(Stage::Medusa, key, owner, &expired, now, LEASES),
                };
            }
        };
        Ok(keys.iter().map(|key| (key.clone(), one(key))).collect())
    }

    async fn complete(
        &self,
        key: &ProductKey,
        owner: &Owner,
        seen: &ProductState,
        applied: &Applied,
        now: i64,
    ) -> Result<Option<i64>, LedgerError> {
        let claimed = seen;
        let mut seen = seen.clone();
        loop {
            let write = stage::complete(Stage::Medusa, key, owner, (claimed, &seen), applied, now, LEASES);
            match self.write(&write) {
                Ok(after) => return Ok(ProductState::of(&after).medusa.recheck_at.map(|at| at.max(now))),
                Err(item) => seen = ProductState::of(&item),
            }
            if seen.medusa.owner.as_ref() != Some(&owner.0) {
                let _ = self.write(&stage::suspect(Stage::Medusa, key, now));
                return Err(LedgerError::LeaseLost { what: key.to_string() });
            }
        }
    }

    async fn fail(&self, key: &ProductKey, owner: &Owner, failure: &Failure, now: i64) -> Result<(), LedgerError> {
        let _ = self.write(&stage::fail(Stage::Medusa, key, owner, failure, now, LEASES));
        Ok(())
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
    pub clock: Ahead,
    invocations: AtomicU64,
}

impl Function {
    /// One invocation with a batch.
    pub async fn run(&self, pimcore: &Pimcore, open: &Arc<Open>, keys: &[ProductKey]) -> BTreeMap<ProductKey, Outcome> {
        self.run_with(&Ok(pimcore.clone()), &Ok(Arc::clone(open)), keys).await
    }

    pub async fn run_with(
        &self,
        pimcore: &Result<Pimcore, Failure>,
        open: &Result<Arc<Open>, Failure>,
        keys: &[ProductKey],
    ) -> BTreeMap<ProductKey, Outcome> {
        let number = self.invocations.fetch_add(1, Ordering::Relaxed);
        let messages: Vec<ProductMessage> = keys
            .iter()
            .map(|key| ProductMessage { key: key.clone(), correlation_id: "run".into(), cause: Cause::Feed })
            .collect();
        let push = Push {
            store: &self.memory,
            clock: &self.clock,
            owner: Owner(format!("invocation-{number}")),
            deadline: Deadline::at(self.clock.now_ms() + 60_000),
        };
        push.run(pimcore, open, &messages).await.into_iter().collect()
    }
}

/// Another client of the same shop, as another instance of the function has one.
pub fn open(real: &Real) -> Arc<Open> {
    let shop = Shop { medusa: support::medusa_client().unwrap(), references: real.shop.references.clone() };
    Arc::new(Open { shop, categories: Categories::default() })
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
        warnings: vec![],
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
    let version = Version::new(9_000_000_000_000 + n, "0", 0);
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
            publish_new: true,
            input: ProductInput::new(product, &provenance, &[]).unwrap(),
        }
    });
    for (key, outcome) in pimcore.write(writes.collect(), later()).await {
        assert!(matches!(outcome, WriteOutcome::Saved(_)), "{key}: {outcome:?}");
    }
}
