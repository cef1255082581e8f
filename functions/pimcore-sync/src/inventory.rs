//! The inventory: what was deleted in Pimcore, and source fields that the change feed did not find wrong.
//!
//! A delete leaves no trace in the change feed. So once a day all products are read by object id and compared with what was there the
//! last time. The last time's list is kept as watermarks, one for each [`SECTION`] of object ids that has products: those that are no longer in
//! their section were deleted (or made anew under another id), and the shop is told to look. Nothing is created again: a product that a person
//! deleted stays away until its source says something new.
//!
//! A section is the unit of progress, so a comparison that needs more time than an invocation has goes on with the next one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use catalog::{Failure, ProductKey};
use ledger::{Ledger, LedgerError, Table};
use pimcore::{Change, Pimcore};
use runtime::{Announcement, Bus, Cause, Clock, Deadline, ProductMessage};
use serde::{Deserialize, Serialize};

use crate::changes::{self, Reaction, react};
use crate::codes;

/// Object ids in a section. Even with the longest external ids its list is half of what one ledger item holds.
pub const SECTION: u32 = 1024;
/// Name of the watermark that says where a comparison under way is.
pub const PROGRESS: &str = "pimcore-inventory";

/// How far a comparison is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    /// The next section to compare; none when the comparison is complete.
    next: Option<u32>,
    /// Sections that have a list.
    sections: BTreeSet<u32>,
}

/// What a comparison came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Products compared.
    pub compared: usize,
    /// Products that are gone.
    pub gone: usize,
    /// Products whose source fields are written again.
    pub repaired: usize,
    /// Whether it came to its end.
    pub complete: bool,
}

/// Products that were there and are not any more.
#[must_use]
pub fn gone(before: &BTreeMap<u32, String>, now: &BTreeMap<u32, String>) -> Vec<String> {
    before.iter().filter(|(id, _)| !now.contains_key(id)).map(|(_, key)| key.clone()).collect()
}

/// Starts a comparison, or goes on with the one under way.
///
/// # Errors
/// Transient; what was compared until then counts.
pub async fn start<T: Table, B: Bus, C: Clock>(
    pimcore: &Pimcore,
    ledger: &Ledger<T>,
    bus: &B,
    clock: &C,
    deadline: Deadline,
) -> Result<Report, Failure> {
    let text = ledger.watermark(PROGRESS).await.map_err(|error| error.failure())?;
    let progress: Progress = read(text.as_deref()).unwrap_or_default();
    let begun = Progress { next: Some(progress.next.unwrap_or(0)), ..progress };
    Comparison { pimcore, ledger, bus, clock, deadline }.go_on(text, begun).await
}

/// Goes on with a comparison under way, if there is one.
///
/// # Errors
/// Transient; what was compared until then counts.
pub async fn resume<T: Table, B: Bus, C: Clock>(
    pimcore: &Pimcore,
    ledger: &Ledger<T>,
    bus: &B,
    clock: &C,
    deadline: Deadline,
) -> Result<Option<Report>, Failure> {
    let text = ledger.watermark(PROGRESS).await.map_err(|error| error.failure())?;
    let Some(progress) = read::<Progress>(text.as_deref()).filter(|progress| progress.next.is_some()) else {
        return Ok(None);
    };
    Comparison { pimcore, ledger, bus, clock, deadline }.go_on(text, progress).await.map(Some)
}

fn read<T: serde::de::DeserializeOwned>(text: Option<&str>) -> Option<T> {
    text.and_then(|text| serde_json::from_str(text).ok())
}

struct Comparison<'a, T, B, C> {
    pimcore: &'a Pimcore,
    ledger: &'a Ledger<T>,
    bus: &'a B,
    clock: &'a C,
    deadline: Deadline,
}

impl<T: Table, B: Bus, C: Clock> Comparison<'_, T, B, C> {
    async fn go_on(&self, mut text: Option<String>, mut progress: Progress) -> Result<Report, Failure> {
        let mut report = Report::default();
        // Rows read ahead that belong to later sections.
        let mut ahead: Vec<Change> = Vec::new();
        let mut at_end = false;
        while let Some(section) = progress.next {
            let (first, last) = (section * SECTION, section * SECTION + (SECTION - 1));
            while !at_end && ahead.last().is_none_or(|row| row.cursor.id <= last) {
                let left = self.deadline.remaining(self.clock.now_ms());
                if left.is_zero() {
                    return Ok(report);
                }
                let after = ahead.last().map_or(first.saturating_sub(1), |row| row.cursor.id);
                let page = self.pimcore.inventory(after, Instant::now() + left).await?;
                at_end = page.len() < Pimcore::page_size();
                ahead.extend(page);
            }
            let rest = ahead.partition_point(|row| row.cursor.id <= last);
            let rows: Vec<Change> = ahead.drain(..rest).collect();
            self.compare(section, &rows, &mut report).await?;
            let mut sections = progress.sections.clone();
            if rows.is_empty() {
                sections.remove(&section)
            } else {
                sections.insert(section)
            };
            // Where the next rows are, or where the next list is: sections without either need no look.
            let listed = sections.range(section + 1..).next().copied();
            let next = ahead.first().map(|row| row.cursor.id / SECTION).into_iter().chain(listed).min();
            let stepped = Progress { next, sections };
            let written = serde_json::to_string(&stepped)
                .map_err(|error| Failure::permanent(codes::WATERMARK, error.to_string()))?;
            if !self.ledger.move_watermark(PROGRESS, text.as_deref(), &written).await.map_err(failure)? {
                tracing::info!("somebody else compares");
                return Ok(report);
            }
            (progress, text) = (stepped, Some(written));
        }
        report.complete = true;
        Ok(report)
    }

    async fn compare(&self, section: u32, rows: &[Change], report: &mut Report) -> Result<(), Failure> {
        let name = format!("{PROGRESS}-{section}");
        let text = self.ledger.watermark(&name).await.map_err(failure)?;
        let before: BTreeMap<u32, String> = read(text.as_deref()).unwrap_or_default();
        let now: BTreeMap<u32, String> =
            rows.iter().filter_map(|row| Some((row.cursor.id, row.external_id.clone()?))).collect();
        report.compared += rows.len();
        let gone: Vec<ProductKey> = gone(&before, &now).iter().filter_map(|key| key.parse().ok()).collect();
        for key in &gone {
            tracing::info!(product = %key, "deleted in Pimcore");
        }
        report.gone += gone.len();
        let look = |key: &ProductKey| {
            let message = ProductMessage {
                key: key.clone(),
                correlation_id: format!("inventory-{section}"),
                cause: Cause::Edited,
            };
            Announcement::product_synced(&message)
        };
        let announcements: Vec<Announcement> = gone.iter().map(look).collect();
        self.bus.announce(&announcements).await.into_iter().collect::<Result<(), Failure>>()?;
        self.repair(rows, report).await?;
        let written =
            serde_json::to_string(&now).map_err(|error| Failure::permanent(codes::WATERMARK, error.to_string()))?;
        if text.as_deref() != Some(written.as_str()) && !(text.is_none() && now.is_empty()) {
            // Who loses this race loses the one for the progress too.
            self.ledger.move_watermark(&name, text.as_deref(), &written).await.map_err(failure)?;
        }
        Ok(())
    }

    /// Writes again what is not as it was written.
    async fn repair(&self, rows: &[Change], report: &mut Report) -> Result<(), Failure> {
        for rows in rows.chunks(100) {
            let known: Vec<(&Change, ProductKey)> = rows.iter().filter_map(changes::ours).collect();
            let states = self.ledger.read_states(&changes::keys(&known)).await.map_err(failure)?;
            let wrong: Vec<(&Change, ProductKey, Reaction)> = known
                .into_iter()
                .filter_map(|(row, key)| Some((row, react(row, states.get(&key)?, None), key)))
                .filter(|(_, reaction, _)| *reaction == Reaction::Repair)
                .map(|(row, reaction, key)| (row, key, reaction))
                .collect();
            let mut counted = changes::Report::default();
            changes::announce(self.ledger, self.bus, self.clock, wrong, &mut counted).await?;
            report.repaired += counted.repaired;
        }
        Ok(())
    }
}

fn failure(error: LedgerError) -> Failure {
    error.failure()
}
