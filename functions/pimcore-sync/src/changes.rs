//! The change feed: what people saved in Pimcore, announced to the shop (D8).
//!
//! Pimcore takes an object's modification date (whole seconds) when it starts to save and shows the
//! object when it is done. So the feed is read again from [`OVERLAP_S`] before the newest date
//! seen, and what was announced in that overlap is remembered, so that a quiet PIM causes no
//! announcements. What was saved less than [`SETTLE_S`] ago is not remembered: the same second may
//! still bring another save.
//!
//! Our own writes appear in the feed too. So a saved product is read in full, then its state, and
//! it is announced unless the shop holds what Pimcore shows, or is about to be shown it
//! ([`ledger::core::saves`]). A product whose content hash is not the one we wrote was overwritten
//! by the stale save of a person: the stage is marked as not to be believed and the product
//! announced for repair. So is one that is noted as deleted and is there: somebody restored it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use catalog::{Failure, ProductKey};
use ledger::core::saves::{Shown, is_or_will_be_in_the_shop};
use ledger::{Ledger, ProductState, Stage, Table};
use pimcore::stamp::stamp;
use pimcore::{CategoryTree, Change, Cursor, PimProduct, Pimcore};
use runtime::{Announcement, Bus, Cause, Clock, Deadline, ProductMessage};
use serde::{Deserialize, Serialize};

use crate::{codes, drafts};

/// Name of the watermark.
pub const WATERMARK: &str = ledger::core::saves::WATERMARK;
/// Longest time between the start of a save and the moment it shows, in seconds. Saves of the
/// largest products took 1.4 s.
pub const OVERLAP_S: i64 = 15;
/// Seconds after which a second brings no more saves; covers the difference between Pimcore's clock
/// and ours.
pub const SETTLE_S: i64 = 5;

/// Saves that are looked at together: one read of the ledger.
const TOGETHER: usize = 100;

/// Where the feed has been read to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    modified: i64,
    id: u32,
    /// Saves within the overlap that were dealt with: object id and modification date.
    seen: Vec<(u32, i64)>,
    /// When saves were dealt with the last time, seconds since 1970.
    #[serde(default)]
    looked: i64,
}

impl Position {
    /// Where reading resumes after `OVERLAP_S` seconds were gone back.
    #[must_use]
    pub fn resume(&self) -> Cursor {
        Cursor { modified: self.modified.saturating_sub(OVERLAP_S).max(0), id: 0 }
    }

    fn knows(&self, change: &Change) -> bool {
        self.seen.contains(&(change.cursor.id, change.cursor.modified))
    }

    /// The position after the saves of a page that was read at `read_s` were dealt with.
    #[must_use]
    pub fn after(&self, page: &[Change], read_s: i64) -> Self {
        let last = page.iter().map(|change| change.cursor).max().unwrap_or_default();
        let newest = last.max(Cursor { modified: self.modified, id: self.id });
        let overlap = newest.modified.saturating_sub(OVERLAP_S);
        let saves = page.iter().map(|change| (change.cursor.id, change.cursor.modified));
        let mut seen: Vec<(u32, i64)> = self.seen.iter().copied().chain(saves).collect();
        seen.retain(|(_, modified)| *modified >= overlap && *modified <= read_s - SETTLE_S);
        seen.sort_unstable();
        seen.dedup();
        let fresh = page.iter().any(|change| !self.knows(change));
        let looked = if fresh { read_s } else { self.looked };
        Self { modified: newest.modified, id: newest.id, seen, looked }
    }
}

/// What a change calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// The shop is to look at it.
    Show,
    /// Source fields are not what we wrote, or somebody restored it: write them again.
    Repair,
    /// The shop holds it, or is about to be shown it.
    Nothing,
}

/// A saved product as Pimcore shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// When it was last saved, seconds since 1970.
    pub modified: i64,
    pub shown: Shown,
}

/// Decides about a change, given what the ledger knows of the product and what the PIM showed
/// before that was read.
#[must_use]
pub fn react(change: &Change, state: &ProductState, look: Option<&Look>) -> Reaction {
    let Some(applied) = &state.pimcore.applied else { return Reaction::Show };
    if state.gone.is_some() {
        return Reaction::Repair;
    }
    // While somebody writes it, or a newer document is on its way, the ledger lags behind Pimcore.
    let at_rest = state.pimcore.owner.is_none() && state.hash.as_ref() == Some(&applied.hash);
    // An answer that is older than the save, from some cache on the way, says nothing about it.
    match look.filter(|look| look.modified >= change.cursor.modified) {
        _ if at_rest && change.content_hash.as_ref() != Some(&stamp(&applied.hash, applied.view.as_deref())) => {
            Reaction::Repair
        }
        Some(look) if is_or_will_be_in_the_shop(state, &look.shown) => Reaction::Nothing,
        _ => Reaction::Show,
    }
}

/// How a product shows, with the categories that it is in, at `now_s`.
#[must_use]
pub fn look(product: &PimProduct, tree: &CategoryTree, now_s: i64) -> Look {
    let lately = now_s - i64::try_from(pimcore::FRESH.as_secs()).unwrap_or(i64::MAX) - OVERLAP_S;
    let mut categories = product.all_categories().flat_map(|category| tree.path_of(category.id));
    let shown = Shown {
        content: product.content_hash.clone(),
        digest: product.digest(tree),
        young_categories: categories.any(|category| category.modified >= lately),
    };
    Look { modified: product.modified, shown }
}

/// What a reading of the feed came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FollowReport {
    /// Saves read, without those seen before.
    pub changes: usize,
    pub announced: usize,
    pub repaired: usize,
    /// Left alone: the shop holds them, or is about to be shown them.
    pub settled: usize,
    /// Objects whose external id is none of ours.
    pub foreign: usize,
}

/// Reads the feed to its end or until time runs out.
///
/// # Errors
/// Transient; what was dealt with until then stays so.
pub async fn follow<T: Table, B: Bus, C: Clock>(
    pimcore: &Pimcore,
    ledger: &Ledger<T>,
    bus: &B,
    clock: &C,
    deadline: Deadline,
) -> Result<FollowReport, Failure> {
    let mut report = FollowReport::default();
    let mut text = ledger.watermark(WATERMARK).await.map_err(|error| error.failure())?;
    // A watermark that cannot be read starts the feed anew: too many announcements do no harm.
    let mut position: Position = text.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let mut cursor = position.resume();
    let follower = Follower { pimcore, ledger, bus, clock, deadline };
    loop {
        let Some(ends) = follower.ends() else { return Ok(report) };
        let read_s = clock.now_ms() / 1000;
        let page = pimcore.changes(cursor, ends).await?;
        let full = page.len() >= Pimcore::page_size();
        cursor = page.last().map_or(cursor, |last| last.cursor);
        let (done, dealt) = follower.deal_with(&page, &position, &mut report).await;
        let next = position.after(&page[..done], read_s);
        if next != position {
            let moved = serde_json::to_string(&next)
                .map_err(|error| Failure::permanent(codes::WATERMARK, error.to_string()))?;
            if !ledger.move_watermark(WATERMARK, text.as_deref(), &moved).await.map_err(|error| error.failure())? {
                tracing::info!("somebody else follows the change feed");
                return Ok(report);
            }
            (position, text) = (next, Some(moved));
        }
        dealt?;
        if !full || done < page.len() {
            return Ok(report);
        }
    }
}

struct Follower<'a, T, B, C> {
    pimcore: &'a Pimcore,
    ledger: &'a Ledger<T>,
    bus: &'a B,
    clock: &'a C,
    deadline: Deadline,
}

impl<T: Table, B: Bus, C: Clock> Follower<'_, T, B, C> {
    /// When the next request has to be done; `None` when time has run out.
    fn ends(&self) -> Option<Instant> {
        let left = self.deadline.remaining(self.clock.now_ms());
        (!left.is_zero()).then(|| Instant::now() + left)
    }

    /// Deals with a page until time runs out or something fails: with how many of its saves, and
    /// whether it failed.
    async fn deal_with(
        &self,
        page: &[Change],
        position: &Position,
        report: &mut FollowReport,
    ) -> (usize, Result<(), Failure>) {
        let (mut done, mut tree) = (0, None);
        for some in page.chunks(TOGETHER) {
            let fresh: Vec<&Change> = some.iter().filter(|change| !position.knows(change)).collect();
            let Some(ends) = self.ends() else { break };
            if let Err(failure) = self.react_to(&fresh, &mut tree, ends, report).await {
                return (done, Err(failure));
            }
            done += some.len();
        }
        (done, Ok(()))
    }

    /// Announces what these changes call for.
    async fn react_to(
        &self,
        changes: &[&Change],
        tree: &mut Option<Arc<CategoryTree>>,
        ends: Instant,
        report: &mut FollowReport,
    ) -> Result<(), Failure> {
        let known: Vec<(&Change, ProductKey)> = changes.iter().filter_map(|change| ours(change)).collect();
        let (mut counted, keys) = (FollowReport { changes: changes.len(), ..FollowReport::default() }, keys(&known));
        counted.foreign = changes.len() - known.len();
        // In this order: whoever claims the shop's stage after its state was read reads the PIM
        // after this.
        let looks = self.look(&keys, tree, ends).await?;
        let states = self.ledger.read_states(&keys).await.map_err(|error| error.failure())?;
        let nothing = ProductState::default();
        let rows: Vec<drafts::Row<'_>> =
            known.iter().filter_map(|(change, key)| Some((*change, key, states.get(key)?))).collect();
        if let Err(failure) = drafts::find(self.pimcore, self.ledger, &rows, self.clock.now_ms(), ends).await {
            // Only people look at it: what they saved is followed all the same.
            tracing::warn!(%failure, "hidden drafts were not looked for");
        }
        let reactions: Vec<(&Change, ProductKey, Reaction)> = known
            .into_iter()
            .map(|(change, key)| {
                let reaction = react(change, states.get(&key).unwrap_or(&nothing), looks.get(&key));
                (change, key, reaction)
            })
            .collect();
        announce(self.ledger, self.bus, self.clock, reactions, &mut counted).await?;
        report.add(counted);
        Ok(())
    }

    /// What Pimcore shows of these products now. One that is gone, or cannot be read, is not in the
    /// answer.
    async fn look(
        &self,
        keys: &[ProductKey],
        tree: &mut Option<Arc<CategoryTree>>,
        ends: Instant,
    ) -> Result<BTreeMap<ProductKey, Look>, Failure> {
        if keys.is_empty() {
            return Ok(BTreeMap::new());
        }
        let products = self.pimcore.read_products(keys, ends).await?;
        let readable = || products.iter().filter_map(|(key, product)| Some((key, product.as_ref().ok()?)));
        if tree.is_none() && readable().any(|(_, product)| product.all_categories().next().is_some()) {
            // Read after the page, so that it has what was saved before the products were.
            *tree = Some(self.pimcore.category_tree(std::time::Duration::ZERO, ends).await?);
        }
        let (tree, now_s) = (tree.clone().unwrap_or_default(), self.clock.now_ms() / 1000);
        Ok(readable().map(|(key, product)| (key.clone(), look(product, &tree, now_s))).collect())
    }
}

impl FollowReport {
    fn add(&mut self, other: Self) {
        self.changes += other.changes;
        self.announced += other.announced;
        self.repaired += other.repaired;
        self.settled += other.settled;
        self.foreign += other.foreign;
    }
}

/// The product of a change, if it is one of ours.
#[must_use]
pub fn ours(change: &Change) -> Option<(&Change, ProductKey)> {
    Some((change, change.external_id.as_deref()?.parse().ok()?))
}

/// The keys of changes, in their order.
#[must_use]
pub fn keys(known: &[(&Change, ProductKey)]) -> Vec<ProductKey> {
    known.iter().map(|(_, key)| key.clone()).collect()
}

/// Announces what changes call for.
///
/// # Errors
/// Transient, when something was not announced.
pub async fn announce<T: Table, B: Bus, C: Clock>(
    ledger: &Ledger<T>,
    bus: &B,
    clock: &C,
    reactions: Vec<(&Change, ProductKey, Reaction)>,
    report: &mut FollowReport,
) -> Result<(), Failure> {
    let mut announcements = Vec::with_capacity(reactions.len());
    let shown = reactions.iter().filter(|(_, _, reaction)| *reaction == Reaction::Show);
    let shown: Vec<ProductKey> = shown.map(|(_, key, _)| key.clone()).collect();
    // Before they are announced: whose announcement is lost is pending.
    ledger.edited(&shown, clock.now_ms()).await.map_err(|error| error.failure())?;
    for (change, key, reaction) in reactions {
        let message = |cause| ProductMessage {
            key: key.clone(),
            correlation_id: format!("edit-{}-{}", change.cursor.id, change.cursor.modified),
            cause,
        };
        match reaction {
            Reaction::Nothing => report.settled += 1,
            Reaction::Show => {
                report.announced += 1;
                announcements.push(Announcement::product_synced(&message(Cause::Edited)));
            }
            Reaction::Repair => {
                tracing::warn!(product = %key, hash = ?change.content_hash, "Pimcore does not hold what was written; writing it again");
                report.repaired += 1;
                ledger.doubt(Stage::Pimcore, &key, clock.now_ms()).await.map_err(|error| error.failure())?;
                announcements.push(Announcement::product_changed(&message(Cause::Repair)));
            }
        }
    }
    bus.announce(&announcements).await.into_iter().collect()
}
