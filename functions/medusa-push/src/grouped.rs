//! Members of articles in a batch: where each is shown, and who else is shown there
//! ([`ledger::core::article`]).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use catalog::{Failure, ProductKey};
use futures::stream::{self, StreamExt};
use ledger::core::article::{self, Shows};
use ledger::core::{address, aside};
use ledger::{Applied, Claim, Member, ProductState, Stage, Table};
use medusa::{Article, Depth, Known, Note, Presence, Pushed, References, own_sku};
use pimcore::{PimProduct, Pimcore};
use runtime::{Announcement, Bus, Cause, Clock, ProductMessage};
use worker::Worker;

use crate::article::{Composed, Fate, MOST_VARIANTS, compose};
use crate::codes;
use crate::gathering;
use crate::push::{depth, known};

/// Ledger requests in flight at once.
const PARALLEL: usize = 16;

/// Products at work, by what the ledger knew of them.
pub(crate) type Tasks<'s> = BTreeMap<ProductKey, (&'s ProductState, Depth)>;

/// Members for which their article has no room for now, by article, and why.
pub(crate) type NoRoom = BTreeMap<ProductKey, BTreeMap<ProductKey, Failure>>;

/// What the batch has to do with articles.
#[derive(Debug, Default)]
pub(crate) struct Grouped {
    /// Where products are to be shown that are, or were, members; the article first. All others
    /// are shown by themselves.
    pub(crate) places: BTreeMap<ProductKey, Vec<ProductKey>>,
    /// Where they may be shown besides.
    pub(crate) left: BTreeMap<ProductKey, Vec<ProductKey>>,
    /// Members that wait for the others of their article: nothing but that is noted of them.
    pub(crate) waiting: BTreeSet<ProductKey>,
    /// The articles that were claimed.
    pub(crate) held: BTreeMap<ProductKey, Held>,
}

/// A claimed article.
#[derive(Debug)]
pub(crate) struct Held {
    state: ProductState,
    pub(crate) members: Vec<Member>,
    /// What of it could not be read in the PIM.
    unreadable: BTreeMap<ProductKey, Failure>,
}

/// When something is written among what a batch brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Turn {
    /// It takes members over from others.
    Takes,
    /// It takes some over and loses others.
    Both,
    /// It only loses some, or has nothing to do with members that move.
    Last,
}

impl Turn {
    pub(crate) const ALL: [Self; 3] = [Self::Takes, Self::Both, Self::Last];
}

/// How bringing an article ended.
#[derive(Debug, Clone)]
pub(crate) struct Brought {
    pub(crate) applied: Applied,
    pub(crate) asides: Vec<ledger::Aside>,
    /// What it shows of whom.
    pub(crate) shows: Option<Shows>,
    /// What became of each member, for the ledger.
    pub(crate) fates: Vec<(ProductKey, Option<String>)>,
}

impl Grouped {
    /// Claims what the products at work are, or were, members of, and reads who else is. Those that
    /// cannot be brought now, with the reason.
    pub(crate) async fn find<T: Table, B: Bus, C: Clock + Sync>(
        worker: &Worker<'_, T, B, C>,
        (pimcore, references): (&Pimcore, &References),
        tasks: &Tasks<'_>,
        products: &mut BTreeMap<ProductKey, PimProduct>,
    ) -> Result<(Self, BTreeMap<ProductKey, Failure>), Failure> {
        let (mut grouped, mut failed) = (Self::default(), BTreeMap::new());
        for (key, (state, _)) in tasks {
            let home = home(key, products.get(key), state, references);
            if home != *key || !state.homes.is_empty() {
                grouped.places.insert(key.clone(), vec![home]);
            }
        }
        let waiting = gathering::waiting(tasks, &grouped.places);
        grouped.settle(worker, tasks, &mut failed).await;
        grouped.waiting = waiting.into_iter().filter(|key| grouped.places.remove(key).is_some()).collect();
        grouped.left.retain(|key, _| !grouped.waiting.contains(key));
        grouped.claim(worker, &mut failed).await;
        grouped.read_members(worker, &mut failed).await;
        grouped.read_others((worker, pimcore), tasks, products).await?;
        grouped.take_apart(worker, (references, tasks), products, &mut failed).await;
        Ok((grouped, failed))
    }

    /// Notes where the products are shown from now on.
    async fn settle<T: Table, B: Bus, C: Clock + Sync>(
        &mut self,
        worker: &Worker<'_, T, B, C>,
        tasks: &Tasks<'_>,
        failed: &mut BTreeMap<ProductKey, Failure>,
    ) {
        let now = worker.clock.now_ms();
        let each = self.places.iter().map(|(key, places)| async move {
            let state = tasks[key].0;
            let homes = article::heading(key, state, places);
            let noted = if article::is_settled(state, places) {
                Ok(())
            } else {
                worker.ledger.settle_at(key, &worker.owner, (&places[0], &homes), now).await
            };
            (key.clone(), homes, noted)
        });
        let noted: Vec<_> = stream::iter(each).buffer_unordered(PARALLEL).collect().await;
        for (key, homes, noted) in noted {
            match noted {
                Ok(()) => {
                    let left = homes.into_iter().filter(|home| !self.places[&key].contains(home)).collect();
                    self.left.insert(key, left);
                }
                Err(error) => self.give_up(key, error.failure(), failed),
            }
        }
    }

    /// Every article where a product is, or may be.
    fn articles_of(&self, key: &ProductKey) -> impl Iterator<Item = &ProductKey> {
        let (places, left) = (self.places.get(key), self.left.get(key));
        places.into_iter().chain(left).flatten().filter(|place| place.is_article())
    }

    fn give_up(&mut self, key: ProductKey, failure: Failure, failed: &mut BTreeMap<ProductKey, Failure>) {
        self.places.remove(&key);
        self.left.remove(&key);
        failed.insert(key, failure);
    }

    async fn claim<T: Table, B: Bus, C: Clock + Sync>(
        &mut self,
        worker: &Worker<'_, T, B, C>,
        failed: &mut BTreeMap<ProductKey, Failure>,
    ) {
        let now = worker.clock.now_ms();
        let articles: BTreeSet<ProductKey> =
            self.places.keys().flat_map(|key| self.articles_of(key)).cloned().collect();
        let each = articles.into_iter().map(|article| async move {
            let claim = worker.ledger.claim_article(&article, &worker.owner, now).await;
            (article, claim)
        });
        let claims: Vec<_> = stream::iter(each).buffer_unordered(PARALLEL).collect().await;
        let mut refused: BTreeMap<ProductKey, Failure> = BTreeMap::new();
        for (article, claim) in claims {
            let why = match claim {
                Ok(Claim::Claimed(state)) => {
                    let held = Held { state, members: Vec::new(), unreadable: BTreeMap::new() };
                    self.held.insert(article, held);
                    continue;
                }
                Ok(Claim::Leased { until }) => {
                    let busy = format!("{article}: somebody else brings it to the shop, until {until} ms at most");
                    let left = std::time::Duration::from_millis(u64::try_from(until - now).unwrap_or(0));
                    Failure::transient(worker::codes::LEASED, busy).retry_within(left)
                }
                Ok(_) => Failure::transient(codes::NOT_CLAIMED, format!("{article}: the ledger gave no lease")),
                Err(error) => error.failure(),
            };
            refused.insert(article, why);
        }
        let waits: Vec<(ProductKey, Failure)> = self
            .places
            .keys()
            .filter_map(|key| Some((key.clone(), self.articles_of(key).find_map(|at| refused.get(at))?.clone())))
            .collect();
        for (key, failure) in waits {
            self.give_up(key, failure, failed);
        }
        self.give_back(worker).await;
    }

    /// Gives articles back that nobody at work needs any more.
    async fn give_back<T: Table, B: Bus, C: Clock + Sync>(&mut self, worker: &Worker<'_, T, B, C>) {
        let needed: BTreeSet<ProductKey> = self.places.keys().flat_map(|key| self.articles_of(key)).cloned().collect();
        let unneeded: Vec<ProductKey> =
            self.held.keys().filter(|article| !needed.contains(*article)).cloned().collect();
        for article in unneeded {
            self.held.remove(&article);
            if let Err(error) = worker.ledger.give_back(&article, &worker.owner).await {
                tracing::warn!(%article, %error, "it could not be given back: its lease ends by itself");
            }
        }
    }

    /// Who has joined each article, read after it was claimed.
    async fn read_members<T: Table, B: Bus, C: Clock + Sync>(
        &mut self,
        worker: &Worker<'_, T, B, C>,
        failed: &mut BTreeMap<ProductKey, Failure>,
    ) {
        let articles: Vec<ProductKey> = self.held.keys().cloned().collect();
        let each = articles.into_iter().map(|article| async move {
            let members = worker.ledger.members(&article).await;
            (article, members)
        });
        let read: Vec<_> = stream::iter(each).buffer_unordered(PARALLEL).collect().await;
        for (article, members) in read {
            match (members, self.held.get_mut(&article)) {
                (Ok(members), Some(held)) => held.members = members,
                (Err(error), _) => {
                    let of = |key: &&ProductKey| self.articles_of(key).any(|at| *at == article);
                    let keys: Vec<ProductKey> = self.places.keys().filter(of).cloned().collect();
                    for key in keys {
                        self.give_up(key, error.failure(), failed);
                    }
                }
                (Ok(_), None) => {}
            }
        }
        self.give_back(worker).await;
    }

    /// What the PIM shows of members that are not at work.
    async fn read_others<T: Table, B: Bus, C: Clock + Sync>(
        &mut self,
        (worker, pimcore): (&Worker<'_, T, B, C>, &Pimcore),
        tasks: &Tasks<'_>,
        products: &mut BTreeMap<ProductKey, PimProduct>,
    ) -> Result<(), Failure> {
        let members = self.held.values().flat_map(|held| &held.members).map(|member| &member.key);
        let others: BTreeSet<ProductKey> = members.filter(|key| !tasks.contains_key(*key)).cloned().collect();
        if others.is_empty() {
            return Ok(());
        }
        let others: Vec<ProductKey> = others.into_iter().collect();
        let read = pimcore.read_products(&others, worker.ends()).await?;
        if read.len() < others.len() {
            // What it lacks is taken off sale: only if its listings are not empty because the
            // folder cannot be seen.
            pimcore.health(worker.ends()).await?;
        }
        for (key, product) in read {
            match product {
                Ok(product) => drop(products.insert(key, product)),
                Err(failure) => {
                    for held in self.held.values_mut().filter(|held| held.has(&key)) {
                        held.unreadable.insert(key.clone(), failure.clone());
                    }
                }
            }
        }
        Ok(())
    }

    /// Notes that members are shown by themselves for whom their article has no room.
    async fn take_apart<T: Table, B: Bus, C: Clock + Sync>(
        &mut self,
        worker: &Worker<'_, T, B, C>,
        (references, tasks): (&References, &Tasks<'_>),
        products: &BTreeMap<ProductKey, PimProduct>,
        failed: &mut BTreeMap<ProductKey, Failure>,
    ) {
        let mut apart = Vec::new();
        // Composed once more when it is written: not without need.
        for article in self.held.keys().filter(|article| self.may_be_too_large(article, products)) {
            let composed = self.compose(article, products, &HashMap::new(), references);
            let own =
                composed.fates.into_iter().filter(|(key, _)| self.places.get(key).is_some_and(|at| at[0] == *article));
            apart.extend(own.filter(|(_, fate)| matches!(fate, Fate::Apart(_))).map(|(key, _)| key));
        }
        let now = worker.clock.now_ms();
        for key in apart {
            let Some(places) = self.places.get_mut(&key) else { continue };
            places.push(key.clone());
            let homes = article::heading(&key, tasks[&key].0, places);
            if article::is_settled(tasks[&key].0, places) {
                self.left.remove(&key);
                continue;
            }
            let noted = worker.ledger.settle_at(&key, &worker.owner, (&places[0], &homes), now).await;
            match noted {
                Ok(()) => drop(self.left.get_mut(&key).map(|left| left.retain(|place| *place != key))),
                Err(error) => self.give_up(key, error.failure(), failed),
            }
        }
    }

    fn may_be_too_large(&self, article: &ProductKey, products: &BTreeMap<ProductKey, PimProduct>) -> bool {
        let members = self.held[article].members.iter().filter_map(|member| products.get(&member.key));
        members.map(|product| product.variants.len()).sum::<usize>() > MOST_VARIANTS
    }

    /// The members of an article, as far as the PIM shows them there.
    pub(crate) fn readable<'p>(
        &self,
        article: &ProductKey,
        products: &'p BTreeMap<ProductKey, PimProduct>,
    ) -> Vec<&'p PimProduct> {
        let belongs = |product: &&PimProduct| product.group.as_deref().map(str::trim) == Some(article.id());
        let members = self.held[article].members.iter();
        members.filter_map(|member| products.get(&member.key)).filter(belongs).collect()
    }

    /// What the shop is to show of an article.
    pub(crate) fn compose(
        &self,
        article: &ProductKey,
        products: &BTreeMap<ProductKey, PimProduct>,
        categories: &HashMap<ProductKey, String>,
        references: &References,
    ) -> Composed {
        let held = &self.held[article];
        let members = self.readable(article, products);
        let mut composed = compose(article, &members, categories, references);
        composed.vanished &= held.unreadable.is_empty();
        composed.presence = staying(composed.presence, held.unreadable.keys());
        for (key, failure) in &held.unreadable {
            composed.fates.insert(key.clone(), Fate::Waits(failure.clone()));
        }
        composed
    }

    /// The members of an article that are at work, whether it is to show them or not any more.
    pub(crate) fn at_work<'g>(&'g self, article: &'g ProductKey) -> impl Iterator<Item = &'g ProductKey> {
        self.places.keys().filter(move |key| self.articles_of(key).any(|at| at == article))
    }

    /// When this product or article is written: who takes a member over before who loses it, so that
    /// what is sold goes along and is for sale all the time.
    pub(crate) fn turn(&self, key: &ProductKey) -> Turn {
        let takes = |(member, places): (&ProductKey, &Vec<ProductKey>)| {
            places.contains(key) && self.left.get(member).is_some_and(|left| !left.is_empty())
        };
        let takes = self.places.iter().any(takes);
        match (takes, self.left.values().any(|left| left.contains(key))) {
            (true, false) => Turn::Takes,
            (true, true) => Turn::Both,
            (false, _) => Turn::Last,
        }
    }

    /// Whether this one loses a member to one that failed, or that has no room for it.
    pub(crate) fn loses_to(
        &self,
        key: &ProductKey,
        failed: &BTreeMap<ProductKey, Failure>,
        no_room: &NoRoom,
    ) -> Option<Failure> {
        let mut lost = self.left.iter().filter(|(_, left)| left.contains(key)).map(|(member, _)| member);
        let why = |(member, place): (&ProductKey, &ProductKey)| {
            failed.get(place).or_else(|| no_room.get(place)?.get(member)).cloned()
        };
        lost.find_map(|member| self.places.get(member)?.iter().find_map(|place| why((member, place))))
    }

    /// Members that wait, whole or in part, because there was no room for them beside what cannot be
    /// read.
    pub(crate) fn without_room(
        &self,
        pushed: &BTreeMap<ProductKey, Result<Pushed, Failure>>,
        products: &BTreeMap<ProductKey, PimProduct>,
    ) -> NoRoom {
        let mut without = NoRoom::new();
        for (article, held) in &self.held {
            let (Some(Ok(pushed)), Some((other, why))) = (pushed.get(article), held.unreadable.first_key_value())
            else {
                continue;
            };
            let members = held.members.iter().filter_map(|member| products.get(&member.key));
            for PimProduct { key, .. } in members.filter(|product| lacks_room(product, &pushed.notes)) {
                let message = format!("{key}: {article} has no room for it until {other} can be read: {}", why.message);
                let why = Failure { message, ..why.clone() };
                without.entry(article.clone()).or_default().insert(key.clone(), why);
            }
        }
        without
    }

    /// Where else members at work are, or were, shown that concern this product or article.
    pub(crate) fn beside(&self, key: &ProductKey) -> BTreeSet<ProductKey> {
        let of = |member: &ProductKey| -> Vec<ProductKey> {
            let (places, left) = (self.places.get(member), self.left.get(member));
            places.into_iter().chain(left).flatten().cloned().collect()
        };
        let all = self.places.keys().map(of).filter(|places| places.contains(key)).flatten();
        all.filter(|place| place != key).collect()
    }

    /// What is known of an article, and how closely to look at it.
    pub(crate) fn known(&self, article: &ProductKey, tasks: &Tasks<'_>, now: i64) -> (Known, Depth) {
        let held = &self.held[article];
        let mut all = known(&held.state, now);
        // Whether there is room for all by now shows a close look only.
        all.closely |= !held.unreadable.is_empty();
        let mut closely = depth(&held.state, Cause::Feed);
        for (state, depth) in self.at_work(article).filter_map(|key| tasks.get(key)) {
            let own = known(state, now);
            all.released |= own.released;
            all.closely |= own.closely;
            all.moves |= address::may_move(state, now);
            // What is set aside of a member that was elsewhere says nothing of the article.
            let mut told = state.aside.iter().filter(|_| state.homes.first() == Some(article));
            all.id = all.id.or_else(|| told.find_map(|aside| aside.id.clone()));
            if *depth == Depth::Full {
                closely = Depth::Full;
            }
        }
        (all, closely)
    }

    /// What the article was last made to show.
    pub(crate) fn view(&self, article: &ProductKey) -> Option<&str> {
        self.held[article].state.medusa.applied.as_ref()?.view.as_deref()
    }

    /// Completes the articles, or gives them back with the reason. Members at work whose article
    /// could not be completed, with the reason.
    pub(crate) async fn end<T: Table, B: Bus, C: Clock + Sync>(
        &self,
        worker: &Worker<'_, T, B, C>,
        brought: &BTreeMap<ProductKey, Result<Brought, Failure>>,
        otherwise: &Failure,
    ) -> BTreeMap<ProductKey, Failure> {
        let each = self.held.iter().map(|(article, held)| async move {
            let ended = match brought.get(article) {
                Some(Ok(brought)) => self.complete(worker, (article, held), brought).await,
                Some(Err(failure)) => {
                    worker.ledger.fail(Stage::Medusa, article, &worker.owner, failure, worker.clock.now_ms()).await
                }
                None => {
                    worker.ledger.fail(Stage::Medusa, article, &worker.owner, otherwise, worker.clock.now_ms()).await
                }
            };
            (article, ended)
        });
        let ended: Vec<_> = stream::iter(each).buffer_unordered(PARALLEL).collect().await;
        let mut failed = BTreeMap::new();
        for (article, error) in ended.into_iter().filter_map(|(article, ended)| Some((article, ended.err()?))) {
            failed.extend(self.at_work(article).map(|key| (key.clone(), error.failure())));
        }
        failed
    }

    async fn complete<T: Table, B: Bus, C: Clock + Sync>(
        &self,
        worker: &Worker<'_, T, B, C>,
        (article, held): (&ProductKey, &Held),
        brought: &Brought,
    ) -> Result<(), ledger::LedgerError> {
        let (ledger, owner, now) = (worker.ledger, &worker.owner, worker.clock.now_ms());
        self.tell(worker, article, &brought.fates).await?;
        let seen = brought.asides.iter().map(|aside| ledger::Aside { seen_at: now, ..aside.clone() }).collect();
        let asides = aside::since(&held.state.aside, seen);
        if asides != held.state.aside {
            let seen = aside::Seen { asides: &asides, due: None, doubts: false };
            ledger.note_aside(article, owner, &held.state, seen, now).await?;
        }
        let shown = (&brought.applied, brought.shows.as_ref());
        ledger.complete_article(article, owner, &held.state, shown, now).await
    }

    /// Has members looked at that are not at work and to whom something new has become: they are
    /// pending before that is noted.
    async fn tell<T: Table, B: Bus, C: Clock + Sync>(
        &self,
        worker: &Worker<'_, T, B, C>,
        article: &ProductKey,
        fates: &[(ProductKey, Option<String>)],
    ) -> Result<(), ledger::LedgerError> {
        let before = |key: &ProductKey| {
            self.held[article].members.iter().find(|member| member.key == *key).map(|member| &member.fate)
        };
        let news: Vec<_> =
            fates.iter().filter(|(key, fate)| before(key).is_some_and(|before| before != fate)).cloned().collect();
        let others = news.iter().map(|(key, _)| key).filter(|key| !self.places.contains_key(*key));
        let others: Vec<ProductKey> = others.cloned().collect();
        worker.ledger.edited(&others, worker.clock.now_ms()).await?;
        let message = |key: &ProductKey| {
            let correlation_id = format!("article-{}", article.id());
            Announcement::product_synced(&ProductMessage { key: key.clone(), correlation_id, cause: Cause::Repair })
        };
        let announcements: Vec<Announcement> = others.iter().map(message).collect();
        if !announcements.is_empty() {
            for failure in worker.bus.announce(&announcements).await.into_iter().filter_map(Result::err) {
                // They are pending: the sweep announces them.
                tracing::warn!(%article, %failure, "what became of a member could not be announced");
            }
        }
        worker.ledger.note_fates(article, &news).await
    }
}

impl Held {
    fn has(&self, key: &ProductKey) -> bool {
        self.members.iter().any(|member| member.key == *key)
    }
}

fn lacks_room(product: &PimProduct, notes: &[Note]) -> bool {
    let is_its = |sku: &str| product.variants.iter().any(|variant| variant.sku == own_sku::said(&product.key, sku));
    notes.iter().any(|note| matches!(note, Note::NoRoom { sku } if is_its(sku)))
}

/// The same beside members that cannot be read: of them the shop goes on to show what it does.
fn staying<'k>(presence: Presence, unreadable: impl Iterator<Item = &'k ProductKey>) -> Presence {
    let stays: BTreeSet<String> = unreadable.map(ToString::to_string).collect();
    match presence {
        Presence::Offered(article) => Presence::Offered(Box::new(Article { stays, ..*article })),
        Presence::Withheld if stays.is_empty() => Presence::Withheld,
        Presence::Withheld => Presence::Offered(Box::new(Article { stays, ..Article::default() })),
    }
}

/// Where a product belongs. One that the PIM lacks stays in its article: that is written without it.
pub(crate) fn home(
    key: &ProductKey,
    product: Option<&PimProduct>,
    state: &ProductState,
    references: &References,
) -> ProductKey {
    let article = match product {
        Some(_) if is_off_sale_alone(state) => None,
        Some(product) => references.articles.of(key, product.group.as_deref()),
        None if !references.articles.groups(key.source()) => None,
        None => state.homes.iter().find(|home| home.is_article()).cloned(),
    };
    article.unwrap_or_else(|| key.clone())
}

/// Whether a person took it off sale where it is by itself: an article would put it back on sale.
fn is_off_sale_alone(state: &ProductState) -> bool {
    let off_sale = |aside: &ledger::Aside| matches!(aside.what.as_str(), "draft" | "channel" | "deleted");
    state.homes.is_empty() && state.release.is_none() && state.aside.iter().any(off_sale)
}

#[cfg(test)]
mod tests;
