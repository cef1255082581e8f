//! A batch of announced products: read them from the PIM, make the shop equal, complete.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use catalog::{ContentHash, Failure, ProductKey, Version};
use ledger::core::missing;
use ledger::{Applied, ProductState, Stage, Table};
use medusa::{Change, Depth, Desired, Pushed};
use pimcore::{CategoryTree, PimProduct, Pimcore};
use runtime::{Bus, Cause, Clock, Metrics, Outcome, ProductMessage};
use worker::{Claims, Probe, Worker};

use crate::access::{Lookup, OpenShop};
use crate::codes;
use crate::stock::Around;
use crate::{map, metrics};

/// One invocation's work.
#[derive(Debug)]
pub struct PushBatch<'a, T, B, C> {
    /// The ledger's stage.
    pub worker: Worker<'a, T, B, C>,
    /// What is counted.
    pub metrics: &'a Metrics,
}

/// What the shop was found, or made, to hold.
struct Held {
    applied: Applied,
    change: Change,
}

impl<T: Table, B: Bus, C: Clock> PushBatch<'_, T, B, C> {
    /// Brings each product to the shop. The clients, or why there are none: that too is recorded with every product, where people look for
    /// the reason. The shop is opened only when there is something to do: opening asks it.
    pub async fn run(
        &self,
        pimcore: &Result<Pimcore, Failure>,
        open: impl AsyncFn(Lookup) -> Result<Arc<OpenShop>, Failure>,
        messages: &[ProductMessage],
    ) -> HashMap<ProductKey, Outcome> {
        let keys: Vec<ProductKey> = messages.iter().map(|message| message.key.clone()).collect();
        let mut claims = self.worker.claim(&keys).await;
        let suspects = std::mem::take(&mut claims.suspects);
        let mut outcomes = self.work(pimcore, &open, messages, claims).await;
        for key in suspects {
            let claims = self.worker.claim_alone(&key).await;
            let own: Vec<ProductMessage> = messages.iter().filter(|message| message.key == key).cloned().collect();
            outcomes.extend(self.work(pimcore, &open, &own, claims).await);
        }
        outcomes
    }

    async fn work(
        &self,
        pimcore: &Result<Pimcore, Failure>,
        open: &impl AsyncFn(Lookup) -> Result<Arc<OpenShop>, Failure>,
        messages: &[ProductMessage],
        claims: Claims,
    ) -> HashMap<ProductKey, Outcome> {
        let started = Instant::now();
        let Claims { ours, applied, mut outcomes, .. } = claims;
        // The shop's stage is never refused because it is done; if it is, the next delivery tries again.
        for (key, _) in applied {
            let odd = format!("{key}: the ledger gave no lease");
            outcomes.insert(key, Outcome::Failed(Failure::transient(codes::NOT_CLAIMED, odd)));
        }
        let claimed: BTreeMap<ProductKey, (&ProductState, Depth)> = messages
            .iter()
            .filter_map(|message| {
                let state = ours.get(&message.key)?;
                Some((message.key.clone(), (state, depth(state, message.cause))))
            })
            .collect();
        // Somebody may have just saved a category too.
        let edited = messages.iter().any(|message| message.cause == Cause::Edited);
        let tree_age = if edited { Duration::ZERO } else { pimcore::FRESH };
        let bring = async |claimed: BTreeMap<ProductKey, (&ProductState, Depth)>| match self
            .bring(pimcore, open, &claimed, tree_age)
            .await
        {
            Ok(results) => results,
            Err(failure) => claimed.into_keys().map(|key| (key, Err(failure.clone()))).collect(),
        };
        let ends = self.worker.ends();
        let probe = Probe::new(async |target| match target {
            Stage::Pimcore => match pimcore {
                Ok(pimcore) => pimcore.works(ends).await,
                Err(_) => false,
            },
            Stage::Medusa => match open(Lookup::Kept).await {
                Ok(open) => open.shop.medusa.works(ends).await,
                Err(_) => false,
            },
        });
        let results = bring(claimed.clone()).await;
        let some = async |keys: Vec<ProductKey>| {
            let of = |key: ProductKey| Some((key.clone(), *claimed.get(&key)?));
            bring(keys.into_iter().filter_map(of).collect()).await
        };
        let results = self.worker.isolate(results, &probe, some).await;
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for result in results.values() {
            *counts.entry(result.as_ref().map_or("failed", |held| held.change.as_str())).or_default() += 1;
        }
        metrics::count(&counts, self.metrics);
        let now = self.worker.clock.now_ms();
        let results: BTreeMap<ProductKey, Result<Applied, Failure>> =
            results.into_iter().map(|(key, result)| (key, result.map(|held| held.applied))).collect();
        let held = results.iter().filter_map(|(key, result)| Some((key, result.as_ref().ok()?)));
        let lags =
            held.filter_map(|(key, held)| Some((key.clone(), metrics::lag(ours.get(key)?, held, now)?))).collect();
        let recorded = self.worker.record(&ours, results, &probe).await;
        metrics::arrived(&lags, &recorded, self.metrics);
        outcomes.extend(recorded);
        tracing::info!(
            products = messages.len(),
            ?counts,
            elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "batch brought to the shop"
        );
        outcomes
    }

    async fn bring(
        &self,
        pimcore: &Result<Pimcore, Failure>,
        open: &impl AsyncFn(Lookup) -> Result<Arc<OpenShop>, Failure>,
        claimed: &BTreeMap<ProductKey, (&ProductState, Depth)>,
        tree_age: Duration,
    ) -> Result<BTreeMap<ProductKey, Result<Held, Failure>>, Failure> {
        let mut results = BTreeMap::new();
        if claimed.is_empty() {
            return Ok(results);
        }
        let pimcore = pimcore.as_ref().map_err(Clone::clone)?;
        let shop = open(Lookup::Kept).await?;
        let ends = self.worker.ends();
        let keys: Vec<ProductKey> = claimed.keys().cloned().collect();
        let mut view = PimView::default();
        for (key, product) in pimcore.read_products(&keys, ends).await? {
            match product {
                Ok(product) => drop(view.products.insert(key, product)),
                Err(failure) => drop(results.insert(key, Err(failure))),
            }
        }
        if view.products.len() + results.len() < keys.len() {
            // It takes what it lacks off sale: only if its listings are not empty because the folder cannot be seen.
            pimcore.health(ends).await?;
        }
        view.tree = tree_for(pimcore, &view.products, tree_age, ends).await?;
        let mut tasks = claimed.clone();
        tasks.retain(|key, _| !results.contains_key(key));
        results.extend(place(&self.worker, pimcore, &shop, &tasks, &view, ends).await?);

        // Refused for what we believe of the shop's settings: believed once it has been looked at again.
        tasks.retain(|key, _| matches!(&results[key], Err(failure) if failure.code == medusa::codes::NO_PRICE));
        if !tasks.is_empty() {
            // A look that fails is a failure of these products alone: the others have been dealt with.
            match self.place_if_changed(pimcore, &shop, open(Lookup::Fresh).await, &tasks, &view).await {
                Ok(again) => results.extend(again),
                Err(failure) => results.extend(tasks.into_keys().map(|key| (key, Err(failure.clone())))),
            }
        }
        Ok(results)
    }

    /// Places what was refused if the shop, looked at again, sells in other currencies than we believed.
    async fn place_if_changed(
        &self,
        pimcore: &Pimcore,
        believed: &OpenShop,
        newer: Result<Arc<OpenShop>, Failure>,
        tasks: &BTreeMap<ProductKey, (&ProductState, Depth)>,
        view: &PimView,
    ) -> Result<BTreeMap<ProductKey, Result<Held, Failure>>, Failure> {
        let newer = newer?;
        if newer.shop.references.currencies == believed.shop.references.currencies {
            return Ok(BTreeMap::new());
        }
        place(&self.worker, pimcore, &newer, tasks, view, self.worker.ends()).await
    }
}

/// What the PIM showed.
#[derive(Default)]
struct PimView {
    products: BTreeMap<ProductKey, PimProduct>,
    tree: Arc<CategoryTree>,
}

/// Makes the shop hold what was read.
async fn place<T: Table, B, C: Clock + Sync>(
    worker: &Worker<'_, T, B, C>,
    pimcore: &Pimcore,
    open: &OpenShop,
    tasks: &BTreeMap<ProductKey, (&ProductState, Depth)>,
    view: &PimView,
    ends: Instant,
) -> Result<BTreeMap<ProductKey, Result<Held, Failure>>, Failure> {
    let references = &open.shop.references;
    let wanted = map::categories(tasks.keys().filter_map(|key| view.products.get(key)), &view.tree, references);
    let categories = open.categories.ensure(&wanted, &open.shop.medusa, references, ends).await?;
    let desired: Vec<(Desired, Depth)> = tasks
        .iter()
        .map(|(key, (_, depth))| (map::desired(key, view.products.get(key), &categories, references), *depth))
        .collect();
    let pushes: Vec<(&Desired, Depth)> = desired.iter().map(|(desired, depth)| (desired, *depth)).collect();
    let around = Around {
        pimcore,
        ledger: worker.ledger,
        clock: worker.clock,
        settings: &references.stock,
        products: &view.products,
        states: tasks,
        writes: Mutex::default(),
    };
    let pushed = open.shop.push(&pushes, &around, ends).await;
    let held = desired.iter().zip(pushed).map(|((desired, _), outcome)| {
        let key = &desired.key;
        let product = view.products.get(key);
        let held = outcome.map(|pushed| Held {
            change: pushed.change,
            applied: Applied {
                seen: Some(product.map_or_else(|| missing::SEEN.to_owned(), |product| product.digest(&view.tree))),
                ..applied(product, tasks[key].0, desired.marker(references), pushed)
            },
        });
        (key.clone(), held)
    });
    Ok(held.collect())
}

/// After an interruption, a failure or a doubt the shop is compared in full; so it is when somebody asks for a repair.
#[must_use]
pub fn depth(state: &ProductState, cause: Cause) -> Depth {
    let stage = &state.medusa;
    let doubtful = stage.attempts > 1 || stage.last_error.is_some() || stage.recheck_at.is_some();
    if doubtful || cause == Cause::Repair { Depth::Full } else { Depth::Light }
}

/// The tree, of this age at most, and read again if a product is in a category that it does not know.
async fn tree_for(
    pimcore: &Pimcore,
    products: &BTreeMap<ProductKey, PimProduct>,
    age: Duration,
    ends: Instant,
) -> Result<Arc<CategoryTree>, Failure> {
    let mut categories = products.values().flat_map(PimProduct::all_categories).map(|category| category.id).peekable();
    if categories.peek().is_none() {
        return Ok(Arc::default());
    }
    let tree = pimcore.category_tree(age, ends).await?;
    if categories.all(|id| tree.get(id).is_some()) {
        Ok(tree)
    } else {
        pimcore.category_tree(Duration::ZERO, ends).await
    }
}

/// What the ledger notes: the content that the PIM held when it was read, and the state of the shop that follows from it.
fn applied(product: Option<&PimProduct>, seen: &ProductState, view: String, pushed: Pushed) -> Applied {
    let in_pim = seen.pimcore.applied.as_ref();
    let hash = product.and_then(|product| product.content_hash.clone()).or_else(|| in_pim.map(|pim| pim.hash.clone()));
    let version =
        product.and_then(|product| product.source_version.clone()).or_else(|| in_pim.map(|pim| pim.version.clone()));
    Applied {
        // A product that people made in the PIM has neither.
        hash: hash.unwrap_or_else(|| ContentHash::from_text("-")),
        version: version.unwrap_or_else(|| Version::from_text("-")),
        remote_id: pushed.product_id,
        view: Some(view),
        seen: None,
        at: 0,
    }
}
