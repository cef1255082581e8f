//! A batch of announced products: make Pimcore hold what the ledger says, announce, complete.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use catalog::{Failure, Product, ProductKey};
use ledger::core::held::Past;
use ledger::core::lane::Content;
use ledger::core::ours::Ours;
use ledger::core::wanted;
use ledger::{Applied, DesiredDoc, LedgerError, ProductState, SmallDocs, Table};
use pimcore::{Head, Pimcore, Write};
use runtime::{Announcement, Bus, Cause, Clock, Metric, Metrics, Outcome, ProductMessage};
use want::InForce;
use worker::rules::{Rules, Wish, before};
use worker::{Claims, Probe, Worker};

use crate::aside;
use crate::decide::PublishPolicy;
use crate::gone::Looked;
use crate::lane::synced;

mod prepare;
mod save;

use prepare::{Prepared, read_one};

/// One invocation's work.
#[derive(Debug)]
pub struct SyncBatch<'a, T, B, C> {
    /// The ledger's stage, and the bus.
    pub worker: Worker<'a, T, B, C>,
    /// Who publishes new products.
    pub policy: PublishPolicy,
    /// The shop's rules.
    pub rules: &'a Rules,
    /// Whether offers reach the shop before the PIM.
    pub lane: bool,
    pub metrics: &'a Metrics,
}

/// What Pimcore was found, or made, to hold.
#[derive(Debug)]
pub(crate) struct Synced {
    applied: Applied,
    /// What had to be done for it.
    change: Change,
    /// Whether there are rules, or were.
    ruled: bool,
    /// What content it holds, where that is noted.
    content: Option<Content>,
    /// The shop holds it already.
    pub(crate) told: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Created,
    Updated,
    Unchanged,
    /// Nothing: a person deleted it.
    Deleted,
}

/// What became of each product.
type Results = BTreeMap<ProductKey, Result<Synced, Failure>>;

/// A product with what is to be saved of it.
type ToSave = (Claimed, Write);

/// A product whose lease is ours.
pub(crate) struct Claimed {
    key: ProductKey,
    pub(crate) doc: DesiredDoc,
    head: Option<Head>,
    /// The id of the object that Pimcore is known to have had.
    had: Option<String>,
    /// What our last save left there.
    ours: Option<Ours>,
    /// Whether nobody saved it since then.
    pub(crate) untouched: bool,
    /// What rules make of the document; `None` where nothing rules.
    pub(crate) wish: Option<Wish>,
    /// Whether there are rules, or were.
    pub(crate) ruled: bool,
    /// What was let through before, and what was held.
    past: Past,
    /// Its content, where that is noted.
    pub(crate) content: Option<Content>,
    /// The shop holds the document already, if the save changes offers alone.
    told: bool,
}

impl Claimed {
    /// What the PIM is to show.
    pub(crate) fn product(&self) -> &Product {
        self.wish.as_ref().map_or(&self.doc.product, |wish| &wish.product)
    }

    /// The digest that is noted beside the hash.
    fn wanted(&self) -> Option<&str> {
        self.wish.as_ref().and_then(|wish| wish.digest.as_deref())
    }
}

/// What became of a batch.
#[derive(Debug, Default, PartialEq, Eq)]
struct BatchCounts {
    created: u64,
    updated: u64,
    unchanged: u64,
    deleted: u64,
    failed: u64,
}

impl BatchCounts {
    fn of<'r>(results: impl Iterator<Item = &'r Result<Synced, Failure>>) -> Self {
        let mut counts = Self::default();
        for result in results {
            let count = match result.as_ref().map(|synced| synced.change) {
                Ok(Change::Created) => &mut counts.created,
                Ok(Change::Updated) => &mut counts.updated,
                Ok(Change::Unchanged) => &mut counts.unchanged,
                Ok(Change::Deleted) => &mut counts.deleted,
                Err(_) => &mut counts.failed,
            };
            *count += 1;
        }
        counts
    }
}

impl<T: Table, B: Bus, C: Clock> SyncBatch<'_, T, B, C> {
    /// Brings each product to Pimcore. `pimcore` is the client, or why there is none (a secret that
    /// is missing, say): that too is recorded with every product, where people look for the reason.
    pub async fn run(
        &self,
        pimcore: &Result<Pimcore, Failure>,
        messages: &[ProductMessage],
    ) -> HashMap<ProductKey, Outcome> {
        let keys: Vec<ProductKey> = messages.iter().map(|message| message.key.clone()).collect();
        let mut claims = self.worker.claim(&keys).await;
        let alone = std::mem::take(&mut claims.alone);
        let mut outcomes = self.work(pimcore, messages, claims).await;
        for key in alone {
            let claims = self.worker.claim_alone(&key).await;
            let own: Vec<ProductMessage> = messages.iter().filter(|message| message.key == key).cloned().collect();
            outcomes.extend(self.work(pimcore, &own, claims).await);
        }
        outcomes
    }

    async fn work(
        &self,
        pimcore: &Result<Pimcore, Failure>,
        messages: &[ProductMessage],
        claims: Claims,
    ) -> HashMap<ProductKey, Outcome> {
        let started = Instant::now();
        let by_key: HashMap<&ProductKey, &ProductMessage> =
            messages.iter().map(|message| (&message.key, message)).collect();
        let Claims { ours, applied, mut outcomes, .. } = claims;
        let (forward, done) = passed_on(&by_key, applied);
        outcomes.extend(done.into_iter().map(|key| (key, Outcome::Done)));
        let ends = self.worker.ends();
        let probe = Probe::new(async |_| match pimcore {
            Ok(pimcore) => pimcore.works(ends).await,
            Err(_) => false,
        });
        let mut results = match pimcore {
            Ok(pimcore) => {
                let results = self.bring(pimcore, &ours, ours.keys().cloned().collect()).await;
                self.worker.isolate(results, &probe, async |keys| self.bring(pimcore, &ours, keys).await).await
            }
            Err(failure) => ours.keys().map(|key| (key.clone(), Err(failure.clone()))).collect(),
        };
        self.count_what_rules_changed(&ours, &mut results).await;
        let told = self.leave_told(&by_key, &mut results);
        self.announce(&by_key, &forward, &mut results, &mut outcomes).await;
        let BatchCounts { created, updated, unchanged, deleted, failed } = BatchCounts::of(results.values());
        self.metrics.count(Metric::ProductsCreated, created);
        self.metrics.count(Metric::ProductsUpdated, updated);
        self.metrics.count(Metric::ProductsUnchanged, unchanged);
        let content = |(key, result): (&ProductKey, &Result<Synced, Failure>)| {
            Some((key.clone(), result.as_ref().ok()?.content.clone()?))
        };
        let contents = results.iter().filter_map(content).collect();
        let results = results.into_iter().map(|(key, result)| (key, result.map(|synced| synced.applied))).collect();
        let lags = self.worker.lags(&ours, &results);
        let recorded = self.worker.record_noting(&ours, results, contents, &probe).await;
        self.worker.arrived(&lags, &recorded, self.metrics).await;
        outcomes.extend(recorded);
        self.tell_late(&by_key, &told).await;
        tracing::info!(
            products = messages.len(),
            created,
            updated,
            unchanged,
            deleted,
            failed,
            forwarded = forward.len(),
            elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "batch brought to Pimcore"
        );
        outcomes
    }

    /// What rules changed of content that the shop holds already, or that somebody may be pushing, is counted like a person's save: the shop lacks it until a push
    /// that was claimed after this, whatever becomes of the announcement.
    async fn count_what_rules_changed(&self, ours: &BTreeMap<ProductKey, ProductState>, results: &mut Results) {
        let changed = |(key, result): (&ProductKey, &Result<Synced, Failure>)| {
            let (state, synced) = (ours.get(key)?, result.as_ref().ok()?);
            let Synced { applied, ruled, .. } = synced;
            (*ruled && wanted::counts(state, &applied.hash, applied.view.as_deref())).then(|| key.clone())
        };
        let changed: Vec<ProductKey> = results.iter().filter_map(changed).collect();
        if let Err(error) = self.worker.ledger.edited(&changed, self.worker.clock.now_ms()).await {
            for key in changed {
                results.insert(key, Err(error.failure()));
            }
        }
    }

    /// Announces what Pimcore holds now. A product whose announcement fails counts as failed: it is
    /// done again.
    async fn announce(
        &self,
        by_key: &HashMap<&ProductKey, &ProductMessage>,
        forward: &[ProductKey],
        results: &mut Results,
        outcomes: &mut HashMap<ProductKey, Outcome>,
    ) {
        let tells = |result: &Result<Synced, Failure>| result.as_ref().is_ok_and(|synced| !synced.told);
        let held = results.iter().filter(|(_, result)| tells(result)).map(|(key, _)| key);
        let keys: Vec<ProductKey> = forward.iter().chain(held).cloned().collect();
        let announcements: Vec<Announcement> = keys.iter().map(|key| synced(by_key, key)).collect();
        let answers = self.worker.bus.announce(&announcements).await;
        for (n, key) in keys.into_iter().enumerate() {
            let answer = answers
                .get(n)
                .cloned()
                .unwrap_or_else(|| Err(Failure::transient(runtime::codes::ANNOUNCE_FAILED, "no answer")));
            match (answer, results.get_mut(&key)) {
                (Ok(()), Some(_)) => {}
                (Ok(()), None) => drop(outcomes.insert(key, Outcome::Done)),
                (Err(failure), Some(result)) => *result = Err(failure),
                (Err(failure), None) => drop(outcomes.insert(key, Outcome::Failed(failure))),
            }
        }
    }

    /// Makes Pimcore hold the desired documents of products whose leases are ours.
    async fn bring(
        &self,
        pimcore: &Pimcore,
        ours: &BTreeMap<ProductKey, ProductState>,
        mut keys: Vec<ProductKey>,
    ) -> Results {
        if keys.is_empty() {
            return BTreeMap::new();
        }
        let deadline = self.worker.ends();
        // After the claims: who changes the rules from now on finds these leases, or what came of them.
        let rules = match self.rules.in_force(self.worker.ledger).await {
            Ok(rules) => rules,
            Err(failure) => return all_failed(keys, &failure),
        };
        let (docs, heads) =
            futures::join!(self.worker.ledger.read_small_docs(&keys), pimcore.read_heads(&keys, deadline));
        let (SmallDocs { docs, large, .. }, mut heads) = match (docs, heads) {
            (Ok(docs), Ok(heads)) => (docs, heads),
            (Err(error), _) => return all_failed(keys, &error.failure()),
            (_, Err(failure)) => return all_failed(keys, &failure),
        };
        let looked = self.look_for_deleted(pimcore, ours, &keys, &mut heads, deadline).await;
        let mut basis = Basis { rules, heads, deadline };
        keys.retain(|key| !large.contains(key) && !looked.failed.contains_key(key));
        let mut results = self.bring_some(pimcore, ours, keys, docs, &mut basis).await;
        // Forty of the largest at once would take more memory than the function has.
        for key in large.into_iter().filter(|key| !looked.failed.contains_key(key)) {
            let doc = self.worker.ledger.read_large_doc(&key).await.transpose();
            let docs = doc.map(|doc| (key.clone(), doc)).into_iter().collect();
            results.extend(self.bring_some(pimcore, ours, vec![key], docs, &mut basis).await);
        }
        self.settle_deleted(ours, looked, &mut results).await;
        results
    }

    async fn settle_deleted(&self, ours: &BTreeMap<ProductKey, ProductState>, looked: Looked, results: &mut Results) {
        let is_there = |result: &Result<Synced, Failure>| result.as_ref().is_ok_and(|s| s.change != Change::Deleted);
        let there = results.iter().filter(|(_, result)| is_there(result)).map(|(key, _)| key.clone()).collect();
        let failed = self.take_notes_back(ours, &looked, there).await;
        results.extend(looked.failed.into_iter().chain(failed).map(|(key, failure)| (key, Err(failure))));
    }

    async fn bring_some(
        &self,
        pimcore: &Pimcore,
        ours: &BTreeMap<ProductKey, ProductState>,
        keys: Vec<ProductKey>,
        mut docs: HashMap<ProductKey, Result<DesiredDoc, LedgerError>>,
        basis: &mut Basis,
    ) -> Results {
        let deadline = basis.deadline;
        let languages = match pimcore.field_languages(deadline).await {
            Ok(languages) => languages,
            Err(failure) => return all_failed(keys, &failure),
        };
        let runs = |key: &ProductKey| {
            let doc = docs.get(key)?.as_ref().ok()?;
            Some((key.clone(), doc.run.as_str()))
        };
        let runs: Vec<(ProductKey, &str)> = keys.iter().filter_map(runs).collect();
        let mut befores = match before(self.worker.ledger, &basis.rules, &runs).await {
            Ok(befores) => befores,
            Err(error) => return all_failed(keys, &error.failure()),
        };
        let mut prepared: Vec<(ProductKey, Result<Prepared, Failure>)> = Vec::new();
        for key in keys {
            let found = read_one(&key, docs.remove(&key), basis.heads.remove(&key)).and_then(|(doc, head)| {
                let before = befores.remove(&key).transpose().map_err(|error| error.failure())?.unwrap_or_default();
                let state = ours.get(&key);
                let item = self.claimed(&key, (doc, head), before, state, &basis.rules);
                let aside = state.map(|state| aside::remarks(&state.aside)).unwrap_or_default();
                self.prepare(item, &aside, &languages)
            });
            prepared.push((key, found));
        }
        self.remember(&basis.rules, &mut prepared).await;
        let (mut results, mut work) = sorted(prepared);
        // Twice: a category that somebody deleted shows when a product is refused.
        for fresh in [false, true] {
            if work.is_empty() {
                break;
            }
            work = self.save(pimcore, work, fresh, basis, &mut results).await;
        }
        results
    }

    /// Notes what is let through and what is held, before the PIM shows it: who lost the lease meanwhile is refused.
    async fn remember(&self, rules: &InForce, prepared: &mut [(ProductKey, Result<Prepared, Failure>)]) {
        if !rules.rules.looks_back() {
            return;
        }
        let at = (rules.epoch, self.worker.clock.now_ms());
        let noted = futures::future::join_all(prepared.iter().map(async |(key, result)| {
            let (Ok(Prepared::Holds(item, _)) | Ok(Prepared::Write(item, _))) = result else { return Ok(()) };
            let Some(wish) = &item.wish else { return Ok(()) };
            let (base, held) = (wish.base.as_deref(), wish.held.as_ref());
            match self.worker.ledger.remember(key, &item.past, base, held, at).await {
                Ok(true) => {
                    let known = item.past.held.as_ref().map(|held| &held.digest);
                    let new = held.is_some_and(|held| !held.rejected && Some(&held.digest) != known);
                    self.metrics.count(Metric::ChangesHeld, u64::from(new));
                    Ok(())
                }
                Ok(false) => Err(Failure::transient(
                    ledger::codes::LEASE_LOST,
                    format!("{key}: somebody else brought it meanwhile"),
                )),
                Err(error) => Err(error.failure()),
            }
        }))
        .await;
        for ((_, result), noted) in prepared.iter_mut().zip(noted) {
            if let Err(failure) = noted {
                *result = Err(failure);
            }
        }
    }
}

/// What a batch is decided upon, beside its documents.
struct Basis {
    rules: Arc<InForce>,
    heads: BTreeMap<ProductKey, Result<Head, Failure>>,
    deadline: Instant,
}

fn all_failed(keys: Vec<ProductKey>, failure: &Failure) -> Results {
    keys.into_iter().map(|key| (key, Err(failure.clone()))).collect()
}

/// Of what Pimcore holds already: what is passed on, because the shop still lacks it, or an operator
/// asks for it again, and what is done.
fn passed_on(
    by_key: &HashMap<&ProductKey, &ProductMessage>,
    applied: Vec<(ProductKey, ProductState)>,
) -> (Vec<ProductKey>, Vec<ProductKey>) {
    let asked = |key: &ProductKey| by_key.get(key).is_some_and(|message| message.cause == Cause::Replay);
    let lacking = |(key, state): &(ProductKey, ProductState)| state.pending_since.is_some() || asked(key);
    let (forward, done): (Vec<_>, Vec<_>) = applied.into_iter().partition(lacking);
    let keys = |some: Vec<(ProductKey, ProductState)>| some.into_iter().map(|(key, _)| key).collect();
    (keys(forward), keys(done))
}

/// What is known already, and what is to be written.
fn sorted(prepared: Vec<(ProductKey, Result<Prepared, Failure>)>) -> (Results, Vec<ToSave>) {
    let (mut results, mut work) = (BTreeMap::new(), Vec::new());
    for (key, prepared) in prepared {
        match prepared {
            Ok(Prepared::Holds(_, synced)) => drop(results.insert(key, Ok(synced))),
            Ok(Prepared::Write(item, write)) => work.push((*item, *write)),
            Err(failure) => drop(results.insert(key, Err(failure))),
        }
    }
    (results, work)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str) -> ProductKey {
        ProductKey::new("acme", id).unwrap()
    }

    #[test]
    fn what_the_shop_has_is_passed_on_only_to_who_asks_for_it() {
        let message = |id: &str, cause| ProductMessage { key: key(id), correlation_id: String::new(), cause };
        let messages = [message("at rest", Cause::Feed), message("asked", Cause::Replay)];
        let by_key = messages.iter().map(|message| (&message.key, message)).collect();
        let pending = ProductState { pending_since: Some(1), ..ProductState::default() };
        let at_rest = |id: &str| (key(id), ProductState::default());
        let applied = vec![at_rest("at rest"), (key("lacking"), pending), at_rest("asked")];
        assert_eq!(passed_on(&by_key, applied), (vec![key("lacking"), key("asked")], vec![key("at rest")]));
    }

    #[test]
    fn each_product_of_a_batch_counts_once() {
        let applied = || Applied {
            hash: catalog::ContentHash::from_text("h"),
            version: catalog::Version::new(1, "0", 0),
            remote_id: None,
            view: None,
            seen: None,
            at: 0,
        };
        let with = |change| Ok(Synced { applied: applied(), change, ruled: false, content: None, told: false });
        let results = [
            with(Change::Created),
            with(Change::Updated),
            with(Change::Updated),
            with(Change::Unchanged),
            with(Change::Deleted),
            Err(Failure::transient("x", "no answer")),
        ];
        let counts = BatchCounts { created: 1, updated: 2, unchanged: 1, deleted: 1, failed: 1 };
        assert_eq!(BatchCounts::of(results.iter()), counts);
    }
}
