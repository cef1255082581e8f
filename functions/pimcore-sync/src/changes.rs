//! The change feed: what people saved in Pimcore, announced to the shop.
//!
//! Pimcore takes an object's modification date (whole seconds) when it starts to save and shows the object when it is done. So the feed is
//! read again from [`OVERLAP_S`] before the newest date seen, and what was announced in that overlap is remembered, so that a quiet
//! PIM causes no announcements. What was saved less than [`SETTLE_S`] ago is not remembered: the same second may still bring another save.
//!
//! Our own writes appear in the feed too; their announcements find the shop as it should be and end there. A product whose
//! content hash is not the one we wrote was overwritten by the stale save of a person: the stage is marked as not to be believed and the product announced for repair.

use catalog::{Failure, ProductKey};
use ledger::{Ledger, ProductState, Stage, Table};
use pimcore::{Change, Cursor, Pimcore};
use runtime::{Announcement, Bus, Cause, Clock, Deadline, ProductMessage};
use serde::{Deserialize, Serialize};

/// Name of the watermark.
pub const WATERMARK: &str = "pimcore-changes";
/// Longest time between the start of a save and the moment it shows, in seconds. Saves of the largest products took 1.4 s.
pub const OVERLAP_S: i64 = 15;
/// Seconds after which a second brings no more saves; covers the difference between Pimcore's clock and ours.
pub const SETTLE_S: i64 = 5;

/// Where the feed has been read to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    modified: i64,
    id: u32,
    /// Announced saves within the overlap: object id and modification date.
    seen: Vec<(u32, i64)>,
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

    /// The position after a page was announced at `now_s`.
    #[must_use]
    pub fn after(&self, page: &[Change], now_s: i64) -> Self {
        let last = page.iter().map(|change| change.cursor).max().unwrap_or_default();
        let newest = last.max(Cursor { modified: self.modified, id: self.id });
        let overlap = newest.modified.saturating_sub(OVERLAP_S);
        let saves = page.iter().map(|change| (change.cursor.id, change.cursor.modified));
        let mut seen: Vec<(u32, i64)> = self.seen.iter().copied().chain(saves).collect();
        seen.retain(|(_, modified)| *modified >= overlap && *modified <= now_s - SETTLE_S);
        seen.sort_unstable();
        seen.dedup();
        Self { modified: newest.modified, id: newest.id, seen }
    }
}

/// What a change calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// The shop is to look at it.
    Show,
    /// Source fields are not what we wrote: write them again.
    Repair,
}

/// Decides about a change, given what the ledger knows of the product.
#[must_use]
pub fn react(change: &Change, state: &ProductState) -> Reaction {
    let Some(applied) = &state.pimcore.applied else { return Reaction::Show };
    // While somebody writes it, or a newer document is on its way, the ledger lags behind Pimcore.
    let at_rest = state.pimcore.owner.is_none() && state.hash.as_ref() == Some(&applied.hash);
    if at_rest && change.content_hash.as_ref() != Some(&applied.hash) { Reaction::Repair } else { Reaction::Show }
}

/// What a reading of the feed came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Saves read, without those seen before.
    pub changes: usize,
    /// Announced to the shop.
    pub announced: usize,
    /// Announced for repair.
    pub repaired: usize,
    /// Objects whose external id is none of ours.
    pub foreign: usize,
}

/// Reads the feed to its end or until time runs out.
///
/// # Errors
/// Transient; what was read until then stays announced.
pub async fn follow<T: Table, B: Bus, C: Clock>(
    pimcore: &Pimcore,
    ledger: &Ledger<T>,
    bus: &B,
    clock: &C,
    deadline: Deadline,
) -> Result<Report, Failure> {
    let mut report = Report::default();
    let mut text = ledger.watermark(WATERMARK).await.map_err(|error| error.failure())?;
    // A watermark that cannot be read starts the feed anew: too many announcements do no harm.
    let mut position: Position = text.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let mut cursor = position.resume();
    loop {
        let left = deadline.remaining(clock.now_ms());
        if left.is_zero() {
            return Ok(report);
        }
        let page = pimcore.changes(cursor, std::time::Instant::now() + left).await?;
        let full = page.len() >= Pimcore::page_size();
        cursor = page.last().map_or(cursor, |last| last.cursor);
        let fresh: Vec<&Change> = page.iter().filter(|change| !position.knows(change)).collect();
        report.changes += fresh.len();
        announce(ledger, bus, clock, &fresh, &mut report).await?;
        let next = position.after(&page, clock.now_ms() / 1000);
        if next != position {
            let moved =
                serde_json::to_string(&next).map_err(|error| Failure::permanent("watermark", error.to_string()))?;
            if !ledger.move_watermark(WATERMARK, text.as_deref(), &moved).await.map_err(|error| error.failure())? {
                tracing::info!("somebody else follows the change feed");
                return Ok(report);
            }
            (position, text) = (next, Some(moved));
        }
        if !full {
            return Ok(report);
        }
    }
}

/// Announces what these changes call for.
///
/// # Errors
/// Transient, when something was not announced.
pub async fn announce<T: Table, B: Bus, C: Clock>(
    ledger: &Ledger<T>,
    bus: &B,
    clock: &C,
    changes: &[&Change],
    report: &mut Report,
) -> Result<(), Failure> {
    let mut known: Vec<(&Change, ProductKey)> = Vec::with_capacity(changes.len());
    for change in changes {
        match change.external_id.as_deref().and_then(|id| id.parse::<ProductKey>().ok()) {
            Some(key) => known.push((change, key)),
            None => report.foreign += 1,
        }
    }
    if known.is_empty() {
        return Ok(());
    }
    let keys: Vec<ProductKey> = known.iter().map(|(_, key)| key.clone()).collect();
    let states = ledger.read_states(&keys).await.map_err(|error| error.failure())?;
    let nothing = ProductState::default();
    let mut announcements = Vec::with_capacity(known.len());
    for (change, key) in known {
        let message = |cause| ProductMessage {
            key: key.clone(),
            correlation_id: format!("edit-{}-{}", change.cursor.id, change.cursor.modified),
            cause,
        };
        match react(change, states.get(&key).unwrap_or(&nothing)) {
            Reaction::Show => {
                report.announced += 1;
                announcements.push(Announcement::product_synced(&message(Cause::Edited)));
            }
            Reaction::Repair => {
                tracing::warn!(product = %key, hash = ?change.content_hash, "source fields in Pimcore are not what was written; writing them again");
                report.repaired += 1;
                ledger.suspect(Stage::Pimcore, &key, clock.now_ms()).await.map_err(|error| error.failure())?;
                announcements.push(Announcement::product_changed(&message(Cause::Repair)));
            }
        }
    }
    bus.announce(&announcements).await.into_iter().collect()
}
