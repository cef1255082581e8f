//! Products that time alone changes: a variant whose time is over, a supplier who has been silent
//! for too long.
//!
//! Their push notes when to look again ([`ledger::core::aside::DUE`]); a walk over the ledger
//! announces those whose time has come. One that is lost is announced by the next walk, because the
//! note stays until a push has looked.

use std::time::Duration;

use catalog::{Failure, ProductKey};
use ledger::core::ItemKey;
use ledger::{Ledger, LedgerError, StatesPage, Table};
use runtime::{Announcement, Bus, Cause, Clock, Deadline, ProductMessage};
use serde::Serialize;

/// Name of the watermark that says where a walk under way is.
const PROGRESS: &str = "due";
/// Not begun any more with less time than this left: a page of the ledger.
const LAST_PAGE: Duration = Duration::from_secs(6);

/// What a walk came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct DueWalk {
    pub looked: usize,
    /// Products that were announced.
    pub announced: usize,
    /// Whether it came to its end; else the next one goes on.
    pub complete: bool,
}

/// Announces the products whose time has come.
///
/// # Errors
/// Transient; what was announced until then counts.
pub async fn announce<T: Table>(
    ledger: &Ledger<T>,
    bus: &impl Bus,
    clock: &impl Clock,
    deadline: Deadline,
) -> Result<DueWalk, Failure> {
    let failed = |error: LedgerError| error.failure();
    let mut text = ledger.watermark(PROGRESS).await.map_err(failed)?;
    let mut report = DueWalk::default();
    loop {
        let after = text.as_deref().and_then(|text| text.split_once('\n'));
        let after = after.map(|(pk, sk)| ItemKey { pk: pk.to_owned(), sk: sk.to_owned() });
        if deadline.remaining(clock.now_ms()) < LAST_PAGE {
            return Ok(report);
        }
        let StatesPage { products, next } = ledger.some_states(after.as_ref()).await.map_err(failed)?;
        let now = clock.now_ms();
        let due: Vec<&ProductKey> =
            products.iter().filter(|(_, state)| state.due.is_some_and(|due| due <= now)).map(|(key, _)| key).collect();
        let announcements: Vec<Announcement> = due
            .iter()
            .map(|key| {
                let correlation_id = format!("due-{now}");
                Announcement::product_synced(&ProductMessage {
                    key: (*key).clone(),
                    correlation_id,
                    cause: Cause::Sweep,
                })
            })
            .collect();
        for answer in bus.announce(&announcements).await {
            answer?;
        }
        report.looked += products.len();
        report.announced += due.len();
        let to = next.map_or_else(String::new, |key| format!("{}\n{}", key.pk, key.sk));
        let moved = text.as_deref().unwrap_or_default() == to
            || ledger.move_watermark(PROGRESS, text.as_deref(), &to).await.map_err(failed)?;
        if to.is_empty() || !moved {
            report.complete = to.is_empty();
            return Ok(report);
        }
        text = Some(to);
    }
}
