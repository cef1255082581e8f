//! A batch of announced products: read them from the PIM, make the shop equal, complete.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use catalog::{ContentHash, Failure, ProductKey, Version};
use futures::stream::{self, StreamExt};
use ledger::{Applied, Claim, Owner, ProductState};
use medusa::{Change, Depth, Desired, Pushed, SkuOwners};
use pimcore::{CategoryTree, PimProduct, Pimcore};
use runtime::{Cause, Clock, Deadline, Outcome, ProductMessage};

use crate::access::Open;
use crate::map;
use crate::ports::Store;

/// Ledger writes in flight at once.
const PARALLEL: usize = 16;
/// How old a category tree may be. A product in a category that is younger makes us read it again at once.
const TREE_AGE: Duration = Duration::from_secs(60);

/// One invocation's work.
#[derive(Debug)]
pub struct Push<'a, S, C> {
    /// The ledger.
    pub store: &'a S,
    /// The clock.
    pub clock: &'a C,
    /// Who we are.
    pub owner: Owner,
    /// When the invocation ends.
    pub deadline: Deadline,
}

/// What the shop was found, or made, to hold.
struct Held {
    applied: Applied,
    change: Change,
}

impl<S: Store, C: Clock> Push<'_, S, C> {
    /// When every request has to be done.
    #[must_use]
    pub fn ends(&self) -> Instant {
        Instant::now() + self.deadline.remaining(self.clock.now_ms())
    }

    /// Brings each product to the shop. The clients, or why there are none: that too is recorded with every product, where people look for
    /// the reason.
    pub async fn run(
        &self,
        pimcore: &Result<Pimcore, Failure>,
        open: &Result<Arc<Open>, Failure>,
        messages: &[ProductMessage],
    ) -> HashMap<ProductKey, Outcome> {
        let started = Instant::now();
        let keys: Vec<ProductKey> = messages.iter().map(|message| message.key.clone()).collect();
        let mut outcomes = HashMap::new();
        let mut claimed: BTreeMap<ProductKey, (ProductState, Depth)> = BTreeMap::new();
        let claims = match self.store.claim(&keys, &self.owner, self.clock.now_ms()).await {
            Ok(claims) => claims,
            Err(error) => {
                return keys.into_iter().map(|key| (key, Outcome::Failed(error.failure()))).collect();
            }
        };
        for message in messages {
            match claims.get(&message.key) {
                Some(Claim::Claimed(state)) => {
                    claimed.insert(message.key.clone(), (state.clone(), depth(state, message.cause)));
                }
                Some(Claim::Leased { until }) => {
                    let busy =
                        format!("{}: somebody else brings it to the shop, until {until} ms at most", message.key);
                    outcomes.insert(message.key.clone(), Outcome::Failed(Failure::transient("leased", busy)));
                }
                // The shop's stage is never refused for another reason; if it is, the next delivery tries again.
                Some(Claim::AlreadyApplied(_) | Claim::Unknown) | None => {
                    let odd = format!("{}: the ledger gave no lease", message.key);
                    outcomes.insert(message.key.clone(), Outcome::Failed(Failure::transient("not_claimed", odd)));
                }
            }
        }
        let results = match (pimcore, open) {
            (Ok(pimcore), Ok(open)) => match self.bring(pimcore, open, &claimed).await {
                Ok(results) => results,
                Err(failure) => failed(&claimed, &failure),
            },
            (Err(failure), _) | (_, Err(failure)) => failed(&claimed, failure),
        };
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for result in results.values() {
            *counts.entry(result.as_ref().map_or("failed", |held| held.change.as_str())).or_default() += 1;
        }
        let recorded: Vec<(ProductKey, Outcome)> = stream::iter(results.into_iter().map(|(key, result)| {
            let seen = claimed.get(&key).map(|(state, _)| state.clone()).unwrap_or_default();
            async move {
                let outcome = self.record(&key, &seen, result).await;
                (key, outcome)
            }
        }))
        .buffer_unordered(PARALLEL)
        .collect()
        .await;
        outcomes.extend(recorded);
        tracing::info!(
            products = keys.len(),
            ?counts,
            elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "batch brought to the shop"
        );
        outcomes
    }

    async fn bring(
        &self,
        pimcore: &Pimcore,
        open: &Open,
        claimed: &BTreeMap<ProductKey, (ProductState, Depth)>,
    ) -> Result<BTreeMap<ProductKey, Result<Held, Failure>>, Failure> {
        let mut results = BTreeMap::new();
        if claimed.is_empty() {
            return Ok(results);
        }
        let ends = self.ends();
        let keys: Vec<ProductKey> = claimed.keys().cloned().collect();
        let mut products = BTreeMap::new();
        for (key, read) in pimcore.read_products(&keys, ends).await? {
            match read {
                Ok(product) => drop(products.insert(key, product)),
                Err(failure) => drop(results.insert(key, Err(failure))),
            }
        }
        let references = &open.shop.references;
        let tree = tree_for(pimcore, &products, ends).await?;
        let wanted = map::categories(products.values(), &tree, references);
        let categories = open.categories.ensure(&wanted, &open.shop.medusa, references, ends).await?;
        let desired: Vec<(Desired, Depth)> = claimed
            .iter()
            .filter(|(key, _)| !results.contains_key(*key))
            .map(|(key, (_, depth))| (map::desired(key, products.get(key), &categories, references), *depth))
            .collect();
        let orders: Vec<(&Desired, Depth)> = desired.iter().map(|(desired, depth)| (desired, *depth)).collect();
        let pushed = open.shop.push(&orders, &PimOwners { pimcore }, ends).await;
        for ((desired, _), outcome) in desired.iter().zip(pushed) {
            let key = &desired.key;
            let held = outcome.map(|pushed| Held {
                change: pushed.change,
                applied: applied(products.get(key), &claimed[key].0, desired.marker(references), pushed),
            });
            results.insert(key.clone(), held);
        }
        Ok(results)
    }

    /// Completes or gives back one product's stage.
    async fn record(&self, key: &ProductKey, seen: &ProductState, result: Result<Held, Failure>) -> Outcome {
        let now = self.clock.now_ms();
        match result {
            Ok(held) => match self.store.complete(key, &self.owner, seen, &held.applied, now).await {
                Ok(None) => Outcome::Done,
                // Somebody's request may land late: look at it once more then.
                Ok(Some(at)) => {
                    Outcome::Again(Duration::from_millis(u64::try_from(at.saturating_sub(now)).unwrap_or(0)))
                }
                Err(error) => Outcome::Failed(error.failure()),
            },
            Err(failure) => {
                tracing::warn!(product = %key, kind = %failure.kind, code = failure.code, reason = failure.message, "not brought to the shop");
                if let Err(error) = self.store.fail(key, &self.owner, &failure, now).await {
                    tracing::warn!(product = %key, %error, "the reason could not be recorded");
                }
                Outcome::Failed(failure)
            }
        }
    }
}

/// After an interruption, a failure or a doubt the shop is compared in full; so it is when somebody asks for a repair.
#[must_use]
pub fn depth(state: &ProductState, cause: Cause) -> Depth {
    let stage = &state.medusa;
    let doubtful = stage.attempts > 1 || stage.last_error.is_some() || stage.recheck_at.is_some();
    if doubtful || cause == Cause::Repair { Depth::Full } else { Depth::Light }
}

/// The tree, read again if a product is in a category that it does not know.
async fn tree_for(
    pimcore: &Pimcore,
    products: &BTreeMap<ProductKey, PimProduct>,
    ends: Instant,
) -> Result<Arc<CategoryTree>, Failure> {
    let mut categories = products.values().flat_map(PimProduct::all_categories).map(|category| category.id).peekable();
    if categories.peek().is_none() {
        return Ok(Arc::default());
    }
    let tree = pimcore.category_tree(TREE_AGE, ends).await?;
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
        at: 0,
    }
}

fn failed(
    claimed: &BTreeMap<ProductKey, (ProductState, Depth)>,
    failure: &Failure,
) -> BTreeMap<ProductKey, Result<Held, Failure>> {
    claimed.keys().map(|key| (key.clone(), Err(failure.clone()))).collect()
}

/// The PIM decides whose a SKU is.
struct PimOwners<'a> {
    pimcore: &'a Pimcore,
}

impl SkuOwners for PimOwners<'_> {
    async fn wants(&self, owner: &ProductKey, sku: &str, deadline: Instant) -> Result<bool, Failure> {
        let mut read = self.pimcore.read_products(std::slice::from_ref(owner), deadline).await?;
        match read.remove(owner) {
            Some(product) => {
                let product = product?;
                Ok(product.offered() && product.variants.iter().any(|variant| variant.sku == sku))
            }
            None => Ok(false),
        }
    }
}
