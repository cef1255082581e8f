//! What has to be done with each product of a batch, decided by what was found. No I/O.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Instant;

use catalog::{Failure, Fate, ProductKey};

use super::find::Found;
use super::retire::Due;
use super::{Again, Change, Depth, LastSteps, Offer, Outcome, Pushed, Shop, Waits};
use crate::api::model::{Product, ProductUpdate};
use crate::aside::{Aside, Known, MOVED_TO};
use crate::coin::{Coined, coined};
use crate::desired::{Article, Desired, Presence};
use crate::left::Left;
use crate::plan::retired::{self, Retirement};
use crate::plan::{self, Note};
use crate::references::References;
use crate::stock::{Recall, StockBooks};

/// The orders of a batch and what was found of them in the shop. All lists are by the place in the
/// batch.
pub(super) struct Orders<'b> {
    wanted: &'b [(&'b Desired, Depth)],
    facts: &'b [Known],
    references: &'b References,
    pub(super) now: i64,
    markers: Vec<String>,
    /// What is offered, in amounts that can be paid.
    coined: Vec<Option<Coined>>,
    /// Why some of that is not sold.
    refused: Vec<Option<Waits>>,
    /// How what an earlier version left is recognised.
    lefts: Vec<Option<Left>>,
    /// What was read in full.
    in_full: HashSet<usize>,
    /// Ids of what people deleted.
    deleted: HashMap<usize, String>,
    /// What we had begun to delete, and is deleted now.
    ended: Vec<usize>,
    /// Of what nothing is known yet.
    nothing: Recall,
}

/// The same batch by what has to be done.
#[derive(Default)]
pub(super) struct Sorted<'a> {
    /// Drafts that are to say since when they vanished.
    pub(super) noted: Vec<(usize, &'a ProductKey, ProductUpdate)>,
    /// Drafts whose time is over.
    pub(super) due: Vec<Due<'a>>,
    pub(super) new: Vec<Offer<'a>>,
    /// Those that are there, with their ids.
    pub(super) known: Vec<(Offer<'a>, String)>,
    /// Those of them that were read in full already, by id.
    pub(super) read: HashMap<String, Product>,
    pub(super) last: Vec<LastSteps<'a>>,
}

fn pushed(change: Change, product_id: Option<String>, again: Again) -> Outcome {
    Ok(Pushed { product_id, change, again, notes: vec![], waits: BTreeMap::new() })
}

impl Shop {
    /// Looks a batch up, and ends deletions that were interrupted; with it what is there.
    pub(super) async fn look_up<'b>(
        &'b self,
        wanted: &'b [(&'b Desired, Depth)],
        facts: &'b [Known],
        outcomes: &mut [Option<Outcome>],
        books: &impl StockBooks,
        deadline: Instant,
    ) -> Result<(Orders<'b>, Vec<Option<Product>>), Failure> {
        let Found { products: mut found, in_full, deleted } = self.find(wanted, facts, deadline).await?;
        let ended = self.end_deletions(&mut found, wanted, outcomes, deadline).await;
        let now = books.now_ms();
        let references = &self.references;
        let markers = wanted.iter().map(|(desired, _)| desired.marker(references)).collect();
        let coins = |desired: &Desired| match &desired.presence {
            Presence::Offered(article) => coined(&desired.key, article),
            Presence::Withheld => None,
        };
        let coined: Vec<Option<Coined>> = wanted.iter().map(|(desired, _)| coins(desired)).collect();
        let refused = |coined: &Option<Coined>| coined.as_ref()?.refused.clone().map(Waits::of);
        let refused = coined.iter().map(refused).collect();
        let left = |slot: usize| {
            let (desired, _) = wanted[slot];
            Left::of(desired, found[slot].as_ref()?, facts.get(slot)?, coined[slot].is_none(), references)
        };
        let lefts = (0..wanted.len()).map(left).collect();
        let nothing = Recall::default();
        let orders = Orders {
            wanted,
            facts,
            references,
            now,
            markers,
            coined,
            refused,
            lefts,
            in_full,
            deleted,
            ended,
            nothing,
        };
        Ok((orders, found))
    }
}

impl Orders<'_> {
    /// What has to be done with each product. Of those that are as they should be, or cannot be
    /// brought there, the outcome is set.
    pub(super) fn sort(&self, found: Vec<Option<Product>>, outcomes: &mut [Option<Outcome>]) -> Sorted<'_> {
        let mut sorted = Sorted::default();
        for (slot, ((desired, _), there)) in self.wanted.iter().zip(found).enumerate() {
            if outcomes[slot].is_some() {
                continue;
            }
            let facts = self.facts.get(slot).cloned().unwrap_or_default();
            outcomes[slot] = match (&desired.presence, there) {
                _ if !facts.released && self.deleted.contains_key(&slot) => Some(self.deleted_by_people(slot)),
                (Presence::Withheld, None) if self.ended.contains(&slot) => {
                    Some(pushed(Change::Deleted, None, Again::Never))
                }
                (Presence::Withheld, None) => Some(pushed(Change::Absent, None, Again::Never)),
                (Presence::Withheld, Some(there)) if plan::is_withheld(&there) => {
                    self.keep_or_retire(slot, &there, facts.vanished, &mut sorted)
                }
                (Presence::Withheld, Some(there)) => {
                    sorted.last.push(self.withdrawn(slot, &there, facts));
                    None
                }
                (Presence::Offered(article), there) => self.offer(slot, article, there, &facts, &mut sorted),
            };
        }
        sorted
    }

    fn deleted_by_people(&self, slot: usize) -> Outcome {
        let id = self.deleted.get(&slot).cloned().unwrap_or_default();
        let notes = vec![Note::SetAside(Aside::Deleted { id })];
        Ok(Pushed { product_id: None, change: Change::Absent, again: Again::Never, notes, waits: BTreeMap::new() })
    }

    /// A draft that is to be one: it stays, perhaps with a note, until its time is over.
    fn keep_or_retire<'a>(
        &'a self,
        slot: usize,
        there: &Product,
        vanished: bool,
        sorted: &mut Sorted<'a>,
    ) -> Option<Outcome> {
        let key = &self.wanted[slot].0.key;
        let id = there.id.clone();
        let again = |until: Option<i64>| until.map_or(Again::Never, Again::At);
        match retired::decide(there, vanished, self.references.product_retention, self.now) {
            Retirement::Stays(until) => Some(pushed(Change::Unchanged, Some(id), again(until))),
            Retirement::Noted(metadata, until) => {
                sorted.noted.push((slot, key, ProductUpdate { metadata, ..ProductUpdate::of(id.as_str()) }));
                Some(pushed(Change::Withdrawn, Some(id), again(until)))
            }
            Retirement::Due => {
                sorted.due.push(Due { slot, key, id, chosen: None });
                None
            }
        }
    }

    /// What takes a product off sale.
    fn withdrawn(&self, slot: usize, there: &Product, facts: Known) -> LastSteps<'_> {
        let retention = self.references.product_retention;
        let vanished = facts.vanished && retention > 0;
        let since = retired::vanishing(self.now).into_iter().filter(|_| vanished);
        let moved = facts.moved_to.map(|to| (MOVED_TO.to_owned(), to.into()));
        let mut steps = LastSteps::withdrawal(slot, &self.wanted[slot].0.key, &self.nothing, there);
        steps.last.metadata.extend(since.chain(moved));
        steps.again = vanished.then(|| self.now.saturating_add(retention));
        steps
    }

    /// A product that is to be for sale: new, to be changed, or as it should be.
    fn offer<'a>(
        &'a self,
        slot: usize,
        article: &'a Article,
        there: Option<Product>,
        facts: &Known,
        sorted: &mut Sorted<'a>,
    ) -> Option<Outcome> {
        let (desired, depth) = self.wanted[slot];
        let key = &desired.key;
        let payable = self.coined[slot].as_ref();
        let waits = self.refused[slot].as_ref();
        let article = payable.map_or(article, |coined| &coined.article);
        let only_stays = article.variants.is_empty() && !article.stays.is_empty();
        if only_stays && there.as_ref().is_none_or(plan::is_withheld) {
            // Nothing else is on sale, and what cannot be read is not there, either.
            let change = if there.is_some() { Change::Unchanged } else { Change::Absent };
            return Some(pushed(change, there.map(|there| there.id), Again::Never));
        }
        if !only_stays && let Err(failure) = article.check(key) {
            // The shop has just answered. A variant whose only price rounds to nothing has none for
            // that reason.
            let why = waits.cloned().and_then(Waits::why);
            return Some(Err(why.unwrap_or(failure).request(Fate::Answered)));
        }
        for remark in payable.into_iter().flat_map(|coined| &coined.remarks) {
            tracing::info!(product = %key, "{remark}");
        }
        let offer = Offer {
            slot,
            key,
            article,
            marker: &self.markers[slot],
            depth,
            recall: &self.nothing,
            handle: None,
            moves: facts.moves,
            waits,
            released: facts.released,
            left: self.lefts[slot].as_ref(),
        };
        let Some(there) = there else {
            sorted.new.push(offer);
            return None;
        };
        let briefly = depth == Depth::Light && !facts.closely && !facts.moves;
        if briefly && offer.markers().any(|marker| plan::looks_equal(key, article, marker, &there)) {
            let equal = pushed(Change::Unchanged, Some(there.id), Again::AsKnown);
            return Some(equal.and_then(|equal| Waits::outcome(waits.cloned(), key, equal)));
        }
        sorted.known.push((offer, there.id.clone()));
        if self.in_full.contains(&slot) {
            sorted.read.insert(there.id.clone(), there);
        }
        None
    }
}

impl<'a> Sorted<'a> {
    fn offers(&mut self) -> impl Iterator<Item = &mut Offer<'a>> {
        self.new.iter_mut().chain(self.known.iter_mut().map(|(offer, _)| offer))
    }

    /// Those of which has to be known what was done.
    pub(super) fn looked_at(&mut self) -> Vec<&'a ProductKey> {
        let offers: Vec<&'a ProductKey> = self.offers().map(|offer| offer.key).collect();
        offers.into_iter().chain(self.due.iter().map(|due| due.key)).collect()
    }

    /// Says what is known of each.
    pub(super) fn recall(&mut self, recalled: &'a HashMap<ProductKey, Recall>) {
        for offer in self.offers() {
            offer.recall = recalled.get(offer.key).unwrap_or(offer.recall);
        }
        for due in &mut self.due {
            due.chosen = recalled.get(due.key).and_then(|recall| recall.handle.as_deref());
        }
    }
}
