//! A batch of announced products: make Pimcore hold what the ledger says, announce, complete.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use catalog::{Failure, Product, ProductKey, Version};
use jiff::Timestamp;
use ledger::core::gone::known_id;
use ledger::core::held::Past;
use ledger::core::lane::Content;
use ledger::core::ours::Ours;
use ledger::core::wanted;
use ledger::{Applied, DesiredDoc, LedgerError, ProductState, SmallDocs, Table};
use pimcore::{FieldLanguages, Head, Pimcore, ProductInput, Provenance, Saved, Write, WriteOutcome, stamp};
use runtime::{Announcement, Bus, Cause, Clock, Metric, Metrics, Outcome, ProductMessage};
use want::InForce;
use worker::rules::{Before, Rules, Wish, before};
use worker::{Claims, Probe, Worker};

use crate::aside;
use crate::decide::{Decision, PublishPolicy, UNPUBLISHED_BEFORE, decide};
use crate::gone::Looked;
use crate::lane::{content_of, is_told, synced};

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
        let mut forward: Vec<ProductKey> = Vec::new();
        for (key, state) in applied {
            // The shop still lacks it, or an operator asks for it again: pass it on.
            let asked = by_key.get(&key).is_some_and(|message| message.cause == Cause::Replay);
            if state.pending_since.is_some() || asked {
                forward.push(key);
            } else {
                outcomes.insert(key, Outcome::Done);
            }
        }
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
        let held = results.values().filter_map(|result| result.as_ref().ok().map(|synced| synced.change));
        let by = |change| held.clone().filter(|one| *one == change).count();
        let (created, updated, unchanged) = (by(Change::Created), by(Change::Updated), by(Change::Unchanged));
        let deleted = by(Change::Deleted);
        let failed = results.len() - held.count();
        self.metrics.count(Metric::ProductsCreated, created as u64);
        self.metrics.count(Metric::ProductsUpdated, updated as u64);
        self.metrics.count(Metric::ProductsUnchanged, unchanged as u64);
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
    async fn count_what_rules_changed(
        &self,
        ours: &BTreeMap<ProductKey, ProductState>,
        results: &mut BTreeMap<ProductKey, Result<Synced, Failure>>,
    ) {
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
        results: &mut BTreeMap<ProductKey, Result<Synced, Failure>>,
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
    ) -> BTreeMap<ProductKey, Result<Synced, Failure>> {
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
        let mut read = Read { rules, heads, deadline };
        keys.retain(|key| !large.contains(key) && !looked.failed.contains_key(key));
        let mut results = self.bring_some(pimcore, ours, keys, docs, &mut read).await;
        // Forty of the largest at once would take more memory than the function has.
        for key in large.into_iter().filter(|key| !looked.failed.contains_key(key)) {
            let doc = self.worker.ledger.read_large_doc(&key).await.transpose();
            let docs = doc.map(|doc| (key.clone(), doc)).into_iter().collect();
            results.extend(self.bring_some(pimcore, ours, vec![key], docs, &mut read).await);
        }
        self.settle_deleted(ours, looked, &mut results).await;
        results
    }

    async fn settle_deleted(
        &self,
        ours: &BTreeMap<ProductKey, ProductState>,
        looked: Looked,
        results: &mut BTreeMap<ProductKey, Result<Synced, Failure>>,
    ) {
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
        read: &mut Read,
    ) -> BTreeMap<ProductKey, Result<Synced, Failure>> {
        let deadline = read.deadline;
        let languages = match pimcore.field_languages(deadline).await {
            Ok(languages) => languages,
            Err(failure) => return all_failed(keys, &failure),
        };
        let runs = |key: &ProductKey| {
            let doc = docs.get(key)?.as_ref().ok()?;
            Some((key.clone(), doc.run.as_str()))
        };
        let runs: Vec<(ProductKey, &str)> = keys.iter().filter_map(runs).collect();
        let mut befores = match before(self.worker.ledger, &read.rules, &runs).await {
            Ok(befores) => befores,
            Err(error) => return all_failed(keys, &error.failure()),
        };
        let mut results = BTreeMap::new();
        let mut prepared: Vec<(ProductKey, Result<Prepared, Failure>)> = Vec::new();
        for key in keys {
            let found = read_one(&key, docs.remove(&key), read.heads.remove(&key)).and_then(|(doc, head)| {
                let before = befores.remove(&key).transpose().map_err(|error| error.failure())?.unwrap_or_default();
                let wish = Wish::of(&read.rules, &doc, &before, self.worker.clock.now_ms());
                let Before { past, .. } = before;
                let state = ours.get(&key);
                let had = state.and_then(known_id).map(str::to_owned);
                let last = state.and_then(Ours::of);
                let untouched = head.as_ref().is_some_and(|head| is_untouched(state, last.as_ref(), head));
                let ruled = read.rules.since > 0;
                let mut item = Claimed {
                    key: key.clone(),
                    doc,
                    head,
                    had,
                    ours: last,
                    untouched,
                    wish,
                    ruled,
                    past,
                    content: None,
                    told: false,
                };
                if self.lane {
                    item.content = content_of(&item);
                    item.told = is_told(state, &item);
                }
                let aside = ours.get(&key).map(|state| aside::remarks(&state.aside)).unwrap_or_default();
                self.prepare(item, &aside, &languages)
            });
            prepared.push((key, found));
        }
        self.remember(&read.rules, &mut prepared).await;
        let mut work: Vec<(Claimed, Write)> = Vec::new();
        for (key, prepared) in prepared {
            match prepared {
                Ok(Prepared::Holds(_, synced)) => drop(results.insert(key, Ok(synced))),
                Ok(Prepared::Write(item, write)) => work.push((*item, *write)),
                Err(failure) => drop(results.insert(key, Err(failure))),
            }
        }
        // Twice: a category that somebody deleted shows when a product is refused.
        for fresh in [false, true] {
            if work.is_empty() {
                break;
            }
            work = self.write(pimcore, work, fresh, read, &mut results).await;
        }
        results
    }

    fn prepare(&self, item: Claimed, aside: &[String], languages: &FieldLanguages) -> Result<Prepared, Failure> {
        let Claimed { key, doc, head, had, wish, ruled, content, told, .. } = &item;
        let content = content.clone();
        let product = item.product();
        let stamp = stamp::stamp(&doc.hash, item.wanted());
        match decide(&stamp, product.withdrawn, head.as_ref(), had.is_some(), aside, self.policy) {
            // The id stays: by it this is known the next time.
            Decision::Deleted => {
                let applied = Applied { remote_id: had.clone(), ..applied(&item, None) };
                let ruled = *ruled;
                let (content, told) = (None, false);
                Ok(Prepared::Holds(Box::new(item), Synced { applied, change: Change::Deleted, ruled, content, told }))
            }
            Decision::Unchanged | Decision::Absent => {
                let id = head.as_ref().map(|head| head.id);
                let seen = item.ours.as_ref().map(ToString::to_string);
                let applied = Applied { seen, ..applied(&item, id) };
                let (change, ruled, told) = (Change::Unchanged, *ruled, false);
                let content = content.filter(|_| id.is_some());
                Ok(Prepared::Holds(Box::new(item), Synced { applied, change, ruled, content, told }))
            }
            Decision::Write { publish_new, published, remark } => {
                let provenance = Provenance {
                    hash: stamp,
                    version: doc.version.clone(),
                    feed_run: doc.run.clone(),
                    imported_at: Timestamp::from_millisecond(self.worker.clock.now_ms()).unwrap_or_default(),
                };
                let input = ProductInput::new(product, &provenance, &[])?;
                let mut input = input.in_languages(product, languages);
                if head.as_ref().is_some_and(|head| head.apart) {
                    input = input.kept_apart();
                }
                if let Some(wish) = wish {
                    input = input.beside(&doc.product, product, &wish.withheld);
                    input = wish.remarks.iter().fold(input, |input, line| input.remark(line));
                }
                if let Some(published) = published {
                    input = input.publish(published);
                }
                if remark {
                    input = input.remark(UNPUBLISHED_BEFORE);
                }
                input = aside.iter().fold(input, |input, line| input.remark(line));
                let existing = head.as_ref().map(|head| head.path.clone());
                let read = head.as_ref().map(|head| head.modified);
                let same_texts = item.ours.as_ref().is_some_and(|ours| ours.texts == input.texts_digest());
                let texts_stand = item.untouched && same_texts;
                let write = Write { key: key.clone(), existing, read, publish_new, texts_stand, input };
                let told = *told && published.is_none() && !remark;
                Ok(Prepared::Write(Box::new(Claimed { told, ..item }), Box::new(write)))
            }
        }
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

    /// Places the categories, then writes. Gives back what has to be tried again with a fresh
    /// category tree.
    async fn write(
        &self,
        pimcore: &Pimcore,
        work: Vec<(Claimed, Write)>,
        fresh: bool,
        read: &Read,
        results: &mut BTreeMap<ProductKey, Result<Synced, Failure>>,
    ) -> Vec<(Claimed, Write)> {
        let deadline = read.deadline;
        // The shop's own tree is as the rules say, and as new as they are.
        let ruled = Version::new(u64::try_from(read.rules.since).unwrap_or(0), "0", 0);
        let claims: Vec<pimcore::Claim<'_>> = work
            .iter()
            .flat_map(|(item, _)| {
                let (product, ruled, said) = (item.product(), &ruled, &item.doc.version);
                let version = move |path| if want::of_shop(path) { ruled } else { said };
                let claim = move |path| pimcore::Claim { source: &product.source, version: version(path), path };
                product.categories.iter().map(claim)
            })
            .collect();
        let placed = match pimcore.place_categories(&claims, fresh, deadline).await {
            Ok(placed) => placed,
            Err(failure) => {
                results.extend(work.into_iter().map(|(item, _)| (item.key, Err(failure.clone()))));
                return Vec::new();
            }
        };
        let mut items: HashMap<ProductKey, (Claimed, Write)> = HashMap::new();
        let mut writes = Vec::new();
        for (item, mut write) in work {
            let product = item.product();
            let ids: Result<Vec<Option<u32>>, Failure> =
                product.categories.iter().map(|path| placed.id_of(&product.source, path)).collect();
            match ids {
                Ok(ids) => {
                    let ids: Vec<u32> = ids.into_iter().flatten().collect();
                    write.input = write.input.in_categories(&ids);
                    writes.push(write.clone());
                    items.insert(item.key.clone(), (item, write));
                }
                Err(failure) => {
                    let failure = Failure { message: format!("{}: {}", item.key, failure.message), ..failure };
                    results.insert(item.key, Err(failure));
                }
            }
        }
        let made = writes.iter().filter(|write| write.existing.is_none());
        let made: Vec<ProductKey> = made.map(|write| write.key.clone()).collect();
        if let Err(error) = self.note_made(&made).await {
            results.extend(items.into_keys().map(|key| (key, Err(error.failure()))));
            return Vec::new();
        }
        let mut stale = Vec::new();
        for (key, outcome) in pimcore.write(writes, deadline).await {
            let Some((item, write)) = items.remove(&key) else { continue };
            match outcome {
                WriteOutcome::Saved(saved) => drop(results.insert(key, Ok(written(&item, &write, &saved)))),
                WriteOutcome::StaleTree(_) if !fresh => stale.push((item, write)),
                WriteOutcome::StaleTree(failure) | WriteOutcome::Failed(failure) => {
                    drop(results.insert(key, Err(failure)))
                }
            }
        }
        stale
    }
}

impl<T: Table, B: Bus, C: Clock> SyncBatch<'_, T, B, C> {
    /// Before they are made: the census looks them up even if a person deletes them before it
    /// counts them.
    async fn note_made(&self, keys: &[ProductKey]) -> Result<(), ledger::LedgerError> {
        if keys.is_empty() {
            return Ok(());
        }
        self.worker.ledger.note_made(keys, &self.worker.owner, self.worker.clock.now_ms()).await
    }
}

/// What a batch is decided upon, beside its documents.
struct Read {
    rules: Arc<InForce>,
    heads: BTreeMap<ProductKey, Result<Head, Failure>>,
    deadline: Instant,
}

enum Prepared {
    Holds(Box<Claimed>, Synced),
    Write(Box<Claimed>, Box<Write>),
}

fn read_one(
    key: &ProductKey,
    doc: Option<Result<DesiredDoc, LedgerError>>,
    head: Option<Result<Head, Failure>>,
) -> Result<(DesiredDoc, Option<Head>), Failure> {
    let doc = doc
        .ok_or_else(|| {
            Failure::permanent(
                ledger::codes::LEDGER_DOC_MISSING,
                format!("{key}: the ledger has its state but not its document; upload the feed again"),
            )
        })?
        .map_err(|error| error.failure())?;
    Ok((doc, head.transpose()?))
}

fn written(item: &Claimed, write: &Write, saved: &Saved) -> Synced {
    let change = if write.existing.is_none() { Change::Created } else { Change::Updated };
    let texts = write.input.texts_digest();
    let left = Ours::next(item.ours.as_ref(), saved.read, saved.modified, texts, saved.keeps_drafts);
    let applied = Applied { seen: Some(left.to_string()), ..applied(item, Some(saved.id)) };
    let told = item.told && change == Change::Updated;
    Synced { applied, change, ruled: item.ruled, content: item.content.clone(), told }
}

fn applied(item: &Claimed, id: Option<u32>) -> Applied {
    Applied {
        hash: item.doc.hash.clone(),
        version: item.doc.version.clone(),
        remote_id: id.map(|id| id.to_string()),
        view: item.wanted().map(str::to_owned),
        seen: None,
        at: 0,
    }
}

/// Whether the object is as our last save left it: of its date and with its stamp, as two saves of
/// one second look the same. In doubt an older write of ours may land between this look and the
/// write; where the count of versions rose, a person's save may have.
fn is_untouched(state: Option<&ProductState>, last: Option<&Ours>, head: &Head) -> bool {
    let Some(state) = state else { return false };
    let Some(applied) = &state.pimcore.applied else { return false };
    let certain = state.pimcore.recheck_at.is_none() && state.drafts.is_none_or(|known| known.hidden.is_none());
    let stamp = stamp::stamp(&applied.hash, applied.view.as_deref());
    let same = last.is_some_and(|last| last.date == head.modified) && head.content_hash.as_ref() == Some(&stamp);
    certain && same
}

fn all_failed(keys: Vec<ProductKey>, failure: &Failure) -> BTreeMap<ProductKey, Result<Synced, Failure>> {
    keys.into_iter().map(|key| (key, Err(failure.clone()))).collect()
}
