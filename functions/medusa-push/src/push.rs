//! A batch of announced products: read them from the PIM, make the shop equal, complete.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use catalog::{ContentHash, ErrorKind, Failure, ProductKey, Version};
use ledger::core::address;
use ledger::core::aside::{Seen, same, since};
use ledger::{Applied, Aside, ProductState, Stage, Table};
use medusa::{Again, Change, Depth, Desired, Known, Note, Pushed, own_sku};
use pimcore::{PimProduct, Pimcore};
use runtime::{Announcement, Bus, Cause, Clock, Metrics, Outcome, ProductMessage};
use worker::access::medusa::{Lookup, OpenShop};
use worker::rules::Rules;
use worker::{Claims, Probe, Worker};

use crate::codes;
use crate::grouped::{Brought, Grouped, Tasks, Turn};
use crate::orders::Orders;
use crate::pim_view::{PimView, tree_for};
use crate::stock::Around;
use crate::{gathering, lane, map, metrics, standing};

/// More acts than this on one product are noted by their first: the ledger's item is read for every
/// record of every feed.
const MOST_ASIDES: usize = 10;

/// One invocation's work.
#[derive(Debug)]
pub struct PushBatch<'a, T, B, C> {
    /// The ledger's stage.
    pub worker: Worker<'a, T, B, C>,
    /// The shop's rules, where offers reach the shop before the PIM.
    pub lane: Option<&'a Rules>,
    /// What is counted.
    pub metrics: &'a Metrics,
}

/// What the shop was found, or made, to hold.
pub(crate) struct InShop {
    pub(crate) applied: Applied,
    pub(crate) change: Change,
    /// What a person took off sale there.
    pub(crate) aside: Vec<Aside>,
    /// When to look closely although nothing changes.
    pub(crate) again: Again,
    /// The PIM has it. Remarks on what it lacks would make it again, although a person deleted it.
    pub(crate) in_pim: bool,
    /// Where it is shown, if not by itself as ever.
    pub(crate) places: Option<Vec<ProductKey>>,
}

impl<T: Table, B: Bus, C: Clock> PushBatch<'_, T, B, C> {
    /// Brings each product to the shop. The clients, or why there are none: that too is recorded
    /// with every product, where people look for the reason. The shop is opened only when there is
    /// something to do: opening asks it.
    pub async fn run(
        &self,
        pimcore: &Result<Pimcore, Failure>,
        open: impl AsyncFn(Lookup) -> Result<Arc<OpenShop>, Failure>,
        messages: &[ProductMessage],
    ) -> HashMap<ProductKey, Outcome> {
        // The PIM has no article, and what it lacks is taken off sale: members bring it.
        let (articles, keys): (Vec<ProductKey>, Vec<ProductKey>) =
            messages.iter().map(|message| message.key.clone()).partition(ProductKey::is_article);
        let mut claims = self.worker.claim(&keys).await;
        let alone = std::mem::take(&mut claims.alone);
        let mut outcomes = self.work(pimcore, &open, messages, claims).await;
        outcomes.extend(articles.into_iter().map(|article| (article, Outcome::Done)));
        for key in alone {
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
        // The shop's stage is never refused because it is done; if it is, the next delivery tries
        // again.
        for (key, _) in applied {
            let odd = format!("{key}: the ledger gave no lease");
            outcomes.insert(key, Outcome::Failed(Failure::transient(codes::NOT_CLAIMED, odd)));
        }
        let claimed = claimed(messages, &ours);
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
            // Something of it may have been written by the attempt before.
            let of = |key: ProductKey| Some((key.clone(), (claimed.get(&key)?.0, Depth::Full)));
            bring(keys.into_iter().filter_map(of).collect()).await
        };
        let mut results = self.worker.isolate(results, &probe, some).await;
        outcomes.extend(self.put_back(&mut results).await);
        let without_result = claimed.keys().filter(|key| !results.contains_key(*key));
        let waiting = self.put_off(without_result, &outcomes).await;
        outcomes.extend(waiting);
        let counts = counted(&results);
        metrics::count(&counts, self.metrics);
        outcomes.extend(self.record(&ours, results, messages, &probe).await);
        tracing::info!(
            products = messages.len(),
            ?counts,
            elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "batch brought to the shop"
        );
        outcomes
    }

    /// Notes what became of products, and says what becomes of their messages.
    async fn record(
        &self,
        ours: &BTreeMap<ProductKey, ProductState>,
        results: BTreeMap<ProductKey, Result<InShop, Failure>>,
        messages: &[ProductMessage],
        probe: &Probe<impl AsyncFn(Stage) -> bool>,
    ) -> HashMap<ProductKey, Outcome> {
        let now = self.worker.clock.now_ms();
        self.note_asides(ours, &results, messages, now).await;
        self.note_moved(ours, &results, now).await;
        let places = |(key, result): (&ProductKey, &Result<InShop, Failure>)| {
            Some((key.clone(), result.as_ref().ok()?.places.clone()?))
        };
        let places = results.iter().filter_map(places).collect();
        let results: BTreeMap<ProductKey, Result<Applied, Failure>> =
            results.into_iter().map(|(key, result)| (key, result.map(|held| held.applied))).collect();
        let lags = self.worker.lags(ours, &results);
        let recorded = self.worker.record_at(ours, results, places, probe).await;
        self.worker.arrived(&lags, &recorded, self.metrics).await;
        recorded
    }

    /// Gives products back whose article somebody else is at work on: nothing was done, and nothing
    /// has failed.
    async fn put_back(
        &self,
        results: &mut BTreeMap<ProductKey, Result<InShop, Failure>>,
    ) -> HashMap<ProductKey, Outcome> {
        let mut outcomes = HashMap::new();
        for (key, result) in results.iter() {
            let Err(failure) = result else { continue };
            if failure.code == worker::codes::LEASED {
                self.give_back(key).await;
                outcomes.insert(key.clone(), Outcome::Failed(failure.clone()));
            }
        }
        results.retain(|key, _| !outcomes.contains_key(key));
        outcomes
    }

    /// Has members come again that wait for the others of their article.
    async fn put_off(
        &self,
        without_result: impl Iterator<Item = &ProductKey> + Send,
        outcomes: &HashMap<ProductKey, Outcome>,
    ) -> HashMap<ProductKey, Outcome> {
        let mut waiting = HashMap::new();
        for key in without_result.filter(|key| !outcomes.contains_key(*key)) {
            self.give_back(key).await;
            waiting.insert(key.clone(), Outcome::Again(gathering::WAIT));
        }
        waiting
    }

    async fn give_back(&self, key: &ProductKey) {
        if let Err(error) = self.worker.ledger.give_back(key, &self.worker.owner).await {
            tracing::warn!(product = %key, %error, "it could not be given back: its lease ends by itself");
        }
    }

    /// Notes what people took off sale in the shop and when to look again, where that is news, and
    /// has the PIM's remarks say it. That it could not be noted stops nothing: the next look sees
    /// it again.
    async fn note_asides(
        &self,
        ours: &BTreeMap<ProductKey, ProductState>,
        results: &BTreeMap<ProductKey, Result<InShop, Failure>>,
        messages: &[ProductMessage],
        now: i64,
    ) {
        let mut told = Vec::new();
        for (key, result) in results {
            let (Ok(held), Some(state)) = (result, ours.get(key)) else { continue };
            let seen = held.aside.iter().map(|aside| Aside { seen_at: now, ..aside.clone() });
            let asides = since(&state.aside, seen.collect());
            let due = due(state.due, held.again, now);
            if asides == state.aside && state.release.is_none() && due == state.due {
                continue;
            }
            let Worker { ledger, owner, .. } = &self.worker;
            let news = held.in_pim && state.hash.is_some() && !same(&asides, &state.aside);
            match ledger.note_aside(key, owner, state, Seen { asides: &asides, due, doubts: news }, now).await {
                Ok(()) if news => told.push(key),
                Ok(()) => {}
                Err(error) => {
                    tracing::warn!(product = %key, %error, "what is set aside in the shop could not be noted");
                }
            }
        }
        let message = |key: &&ProductKey| {
            let correlation_id = messages.iter().find(|message| message.key == **key);
            let correlation_id = correlation_id.map(|message| message.correlation_id.clone()).unwrap_or_default();
            Announcement::product_changed(&ProductMessage { key: (*key).clone(), correlation_id, cause: Cause::Repair })
        };
        let announcements: Vec<Announcement> = told.iter().map(message).collect();
        if announcements.is_empty() {
            return;
        }
        for failure in self.worker.bus.announce(&announcements).await.into_iter().filter_map(Result::err) {
            // The product is pending: the sweep announces it.
            tracing::warn!(%failure, "what is set aside in the shop could not be announced to the PIM");
        }
    }

    /// Notes which products have moved that were to. That it could not be noted stops nothing: they
    /// are where they should be when they are looked at again.
    async fn note_moved(
        &self,
        ours: &BTreeMap<ProductKey, ProductState>,
        results: &BTreeMap<ProductKey, Result<InShop, Failure>>,
        now: i64,
    ) {
        for (key, state) in ours.iter().filter(|(_, state)| address::may_move(state, now)) {
            let (Some(at), Some(Ok(_))) = (state.moves, results.get(key)) else { continue };
            if let Err(error) = self.worker.ledger.note_moved(key, &self.worker.owner, at).await {
                tracing::warn!(product = %key, %error, "that it moved could not be noted");
            }
        }
    }

    async fn bring(
        &self,
        pimcore: &Result<Pimcore, Failure>,
        open: &impl AsyncFn(Lookup) -> Result<Arc<OpenShop>, Failure>,
        claimed: &BTreeMap<ProductKey, (&ProductState, Depth)>,
        tree_age: Duration,
    ) -> Result<BTreeMap<ProductKey, Result<InShop, Failure>>, Failure> {
        let mut results = BTreeMap::new();
        if claimed.is_empty() {
            return Ok(results);
        }
        let pimcore = pimcore.as_ref().map_err(Clone::clone)?;
        let shop = open(Lookup::Kept).await?;
        let ends = self.worker.ends();
        let mut view = PimView::default();
        let unreadable = view.read(pimcore, claimed.keys(), ends).await?;
        results.extend(unreadable.into_iter().map(|(key, failure)| (key, Err(failure))));
        let mut tasks = claimed.clone();
        tasks.retain(|key, _| !results.contains_key(key));
        let unread = match self.lane {
            Some(rules) => {
                let of = (&tasks, &shop.shop.references.articles);
                lane::take_offers(&self.worker, rules, of, &mut view.products).await
            }
            None => BTreeMap::new(),
        };
        tasks.retain(|key, _| !unread.contains_key(key));
        results.extend(unread.into_iter().map(|(key, failure)| (key, Err(failure))));
        let read_tree =
            async |products: &BTreeMap<ProductKey, PimProduct>| tree_for(pimcore, products, tree_age, ends).await;
        let stand = standing::find(&self.worker, &shop, &tasks, &view.products, read_tree).await?;
        // Where it was read just now.
        let tree_age = if stand.is_empty() { tree_age } else { pimcore::FRESH };
        tasks.retain(|key, _| !stand.contains_key(key));
        results.extend(stand.into_iter().map(|(key, held)| (key, Ok(held))));
        if tasks.is_empty() {
            return Ok(results);
        }
        let of = (pimcore, &shop.shop.references);
        let (grouped, failed) = Grouped::find(&self.worker, of, &tasks, &mut view.products).await?;
        tasks.retain(|key, _| !failed.contains_key(key) && !grouped.waiting.contains(key));
        results.extend(failed.into_iter().map(|(key, failure)| (key, Err(failure))));
        let mut placed = Placed::default();
        let brought =
            self.bring_grouped((pimcore, &shop, open), &tasks, &grouped, (&mut view, tree_age), &mut placed).await;
        let otherwise = brought.as_ref().err().cloned();
        let forgotten = || Failure::transient(medusa::codes::NO_OUTCOME, "the push ended without a result for it");
        let unended = grouped.end(&self.worker, &placed.articles, &otherwise.unwrap_or_else(forgotten)).await;
        brought?;
        results.extend(placed.results);
        results.extend(unended.into_iter().map(|(key, failure)| (key, Err(failure))));
        Ok(results)
    }

    async fn bring_grouped(
        &self,
        (pimcore, shop, open): (&Pimcore, &OpenShop, &impl AsyncFn(Lookup) -> Result<Arc<OpenShop>, Failure>),
        tasks: &Tasks<'_>,
        grouped: &Grouped,
        (view, tree_age): (&mut PimView, Duration),
        placed: &mut Placed,
    ) -> Result<(), Failure> {
        let ends = self.worker.ends();
        view.tree = tree_for(pimcore, &view.products, tree_age, ends).await?;
        placed.extend(place(&self.worker, (pimcore, shop), (tasks, grouped), view, ends).await?);

        // Refused for what we believe of the shop's settings: believed once it has been looked at
        // again.
        let mut tasks = tasks.clone();
        tasks.retain(|key, _| matches!(&placed.results[key], Err(failure) if failure.code == medusa::codes::NO_PRICE));
        if !tasks.is_empty() {
            // A look that fails is a failure of these products alone: the others have been dealt
            // with.
            let again =
                self.place_if_changed((pimcore, shop), open(Lookup::Fresh).await, (&tasks, grouped), view).await;
            match again {
                Ok(again) => placed.extend(again),
                Err(failure) => placed.results.extend(tasks.into_keys().map(|key| (key, Err(failure.clone())))),
            }
        }
        Ok(())
    }

    /// Places what was refused if the shop, looked at again, sells in other currencies than we
    /// believed.
    async fn place_if_changed(
        &self,
        (pimcore, believed): (&Pimcore, &OpenShop),
        newer: Result<Arc<OpenShop>, Failure>,
        of: (&Tasks<'_>, &Grouped),
        view: &PimView,
    ) -> Result<Placed, Failure> {
        let newer = newer?;
        if newer.shop.references.currencies == believed.shop.references.currencies {
            return Ok(Placed::default());
        }
        place(&self.worker, (pimcore, &newer), of, view, self.worker.ends()).await
    }
}

/// What was claimed, and how closely each is looked at.
fn claimed<'s>(
    messages: &[ProductMessage],
    ours: &'s BTreeMap<ProductKey, ProductState>,
) -> BTreeMap<ProductKey, (&'s ProductState, Depth)> {
    let of = |message: &ProductMessage| {
        let state = ours.get(&message.key)?;
        Some((message.key.clone(), (state, depth(state, message.cause))))
    };
    messages.iter().filter_map(of).collect()
}

/// How far the shop holds what was read.
#[derive(Default)]
pub(crate) struct Placed {
    pub(crate) results: BTreeMap<ProductKey, Result<InShop, Failure>>,
    pub(crate) articles: BTreeMap<ProductKey, Result<Brought, Failure>>,
}

impl Placed {
    fn extend(&mut self, other: Self) {
        self.results.extend(other.results);
        self.articles.extend(other.articles);
    }
}

/// Makes the shop hold what was read.
async fn place<T: Table, B: Bus, C: Clock + Sync>(
    worker: &Worker<'_, T, B, C>,
    (pimcore, open): (&Pimcore, &OpenShop),
    (tasks, grouped): (&Tasks<'_>, &Grouped),
    view: &PimView,
    ends: Instant,
) -> Result<Placed, Failure> {
    let references = &open.shop.references;
    let members = grouped.held.values().flat_map(|held| &held.members).map(|member| &member.key);
    let shown: BTreeSet<&ProductKey> = tasks.keys().chain(members).collect();
    let wanted = map::categories(shown.into_iter().filter_map(|key| view.products.get(key)), &view.tree, references);
    let categories = open.categories.ensure(&wanted, &open.shop.medusa, references, ends).await?;
    let now = worker.clock.now_ms();
    let mut orders = Orders::of((tasks, grouped), view, &categories, references, now);
    let around = Around {
        pimcore,
        ledger: worker.ledger,
        clock: worker.clock,
        settings: &references.stock,
        articles: &references.articles,
        products: &view.products,
        states: tasks,
        grouped,
        writes: Mutex::default(),
    };
    let mut pushed = BTreeMap::new();
    for turn in Turn::ALL {
        // What loses a member that could not be taken over yet keeps it.
        let (failed, no_room) = (failed_of(&pushed), grouped.without_room(&pushed, &view.products));
        let (mut pushes, mut known): (Vec<(&Desired, Depth)>, Vec<Known>) = (Vec::new(), Vec::new());
        for order in orders.all.iter().filter(|order| grouped.turn(&order.desired.key) == turn) {
            match grouped.loses_to(&order.desired.key, &failed, &no_room) {
                Some(failure) => drop(pushed.insert(order.desired.key.clone(), Err(failure))),
                None => {
                    pushes.push((&order.desired, order.depth));
                    known.push(order.known.clone());
                }
            }
        }
        if !pushes.is_empty() {
            let outcomes = open.shop.push_known(&pushes, &known, &around, ends).await;
            pushed.extend(pushes.iter().map(|(desired, _)| desired.key.clone()).zip(outcomes));
        }
    }
    orders.wait(grouped.without_room(&pushed, &view.products));
    Ok(orders.placed(pushed, (tasks, grouped), view))
}

/// Products by what became of them.
fn counted(results: &BTreeMap<ProductKey, Result<InShop, Failure>>) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for result in results.values() {
        *counts.entry(result.as_ref().map_or("failed", |held| held.change.as_str())).or_default() += 1;
    }
    counts
}

/// What has failed and is worth trying again.
fn failed_of(pushed: &BTreeMap<ProductKey, Result<Pushed, Failure>>) -> BTreeMap<ProductKey, Failure> {
    let transient = |failure: &&Failure| failure.kind == ErrorKind::Transient;
    let of = |outcome: &Result<Pushed, Failure>| match outcome {
        Ok(pushed) => pushed.waits.values().find(transient).cloned(),
        Err(failure) => Some(failure).filter(transient).cloned(),
    };
    pushed.iter().filter_map(|(key, outcome)| Some((key.clone(), of(outcome)?))).collect()
}

/// After an interruption, a failure or a doubt the shop is compared in full; so it is when somebody
/// asks for a repair.
#[must_use]
pub fn depth(state: &ProductState, cause: Cause) -> Depth {
    let stage = &state.medusa;
    let doubtful = stage.attempts > 1 || stage.last_error.is_some() || stage.recheck_at.is_some();
    if doubtful || cause == Cause::Repair || state.release.is_some() || state.moves.is_some() {
        Depth::Full
    } else {
        Depth::Light
    }
}

/// What is known of a product in the shop.
pub(crate) fn known(state: &ProductState, now: i64) -> Known {
    let applied = state.medusa.applied.as_ref().and_then(|applied| applied.remote_id.clone());
    // One that was deleted has no id any more but in the note.
    let id = applied.or_else(|| state.aside.iter().find_map(|aside| aside.id.clone()));
    let closely = !state.aside.is_empty() || state.due.is_some_and(|due| due <= now);
    let view = state.medusa.applied.as_ref().and_then(|applied| applied.view.clone());
    let moves = address::may_move(state, now);
    Known { id, released: state.release.is_some(), closely, moves, view, ..Known::default() }
}

/// When to look closely although nothing changes. An earlier time that is still to come does: it
/// will find that it is too early, and a note less is written for each change.
fn due(known: Option<i64>, again: Again, now: i64) -> Option<i64> {
    match again {
        Again::AsKnown => known,
        Again::Never => None,
        Again::At(at) => Some(known.filter(|known| *known > now && *known < at).unwrap_or(at)),
    }
}

/// What a push found set aside, for the ledger.
pub(crate) fn asides(key: &ProductKey, notes: &[Note]) -> Vec<Aside> {
    let aside = |note: &Note| match note {
        Note::SetAside(aside) => Some(Aside {
            what: aside.what().to_owned(),
            // The PIM's: it is read beside the PIM.
            sku: aside.sku().map(|sku| own_sku::said(key, sku).to_owned()),
            id: match aside {
                medusa::Aside::Deleted { id } => Some(id.clone()),
                _ => None,
            },
            seen_at: 0,
        }),
        Note::KeptForOrders { .. } | Note::AddressGivenUp { .. } | Note::NoRoom { .. } => None,
    };
    notes.iter().filter_map(aside).take(MOST_ASIDES).collect()
}

/// What the ledger notes: the content that the PIM held when it was read, and the state of the shop
/// that follows from it.
pub(crate) fn applied(product: Option<&PimProduct>, seen: &ProductState, view: String, pushed: Pushed) -> Applied {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_look_that_is_still_to_come_will_do() {
        for (known, again, expected, what) in [
            (Some(5), Again::AsKnown, Some(5), "a light look learns nothing"),
            (Some(50), Again::Never, None, "nothing is left to wait for"),
            (None, Again::At(90), Some(90), "the first"),
            (Some(50), Again::At(90), Some(50), "an earlier one is to come"),
            (Some(90), Again::At(50), Some(50), "a later one was to come"),
            (Some(5), Again::At(90), Some(90), "this was it"),
        ] {
            assert_eq!(due(known, again, 10), expected, "{what}");
        }
    }

    #[test]
    fn what_is_set_aside_or_due_is_looked_at_closely() {
        let aside = Aside { what: "variant".into(), sku: None, id: Some("prod_9".into()), seen_at: 1 };
        let quiet = ProductState::default();
        assert_eq!(known(&quiet, 10), Known::default());
        let state = ProductState { aside: vec![aside], ..ProductState::default() };
        assert_eq!(
            known(&state, 10),
            Known { id: Some("prod_9".into()), released: false, closely: true, ..Known::default() }
        );
        for (due, closely) in [(10, true), (11, false)] {
            assert_eq!(known(&ProductState { due: Some(due), ..ProductState::default() }, 10).closely, closely);
        }
    }
}
