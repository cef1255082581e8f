//! Cleans up large bodies that no product needs any more. The rules are the ledger's
//! (`ledger::core::spill`).
//!
//! Nothing is remembered: what is listed is held against what the ledger names now. A run that does
//! not happen, or ends early, costs room only.

use std::collections::BTreeMap;

use catalog::ProductKey;
use ledger::core::{desired, spill};
use runtime::Deadline;

use crate::RedriveError;
use crate::drain::LAST_ROUND;
use crate::redriver::Redriver;
use crate::settings::Settings;

/// One scheduled run in so many looks: once an hour, at bodies whose turn it is. One that nobody
/// needs costs a thousandth of a cent a month.
const EVERY: i64 = 3600 / Settings::PERIOD_SECONDS as i64;

impl Redriver {
    /// Looks at large bodies, when it is time, and deletes those that no product names. What fails
    /// is tried again by the next run.
    pub(crate) async fn clean_bodies(&self, deadline: Deadline) {
        let round = self.clock.now_ms() / 1000 / i64::from(Settings::PERIOD_SECONDS);
        if round % EVERY != 0 {
            return;
        }
        match self.clean(round / EVERY, deadline).await {
            Ok(0) => {}
            Ok(deleted) => tracing::info!(deleted, "large bodies deleted: no product names them"),
            Err(error) => tracing::error!(%error, "large bodies: cleaning up ended early"),
        }
    }

    async fn clean(&self, turn: i64, deadline: Deadline) -> Result<usize, RedriveError> {
        let (mut deleted, mut page) = (0, None);
        loop {
            let (versions, next) = self.store.bodies(page).await?;
            let mut candidates: BTreeMap<ProductKey, Vec<spill::Version>> = BTreeMap::new();
            for version in versions.into_iter().filter(|version| spill::has_its_turn(&version.object, turn)) {
                if let Some(key) = spill::candidate(&version, self.clock.now_ms()) {
                    candidates.entry(key).or_default().push(version);
                }
            }
            for (key, versions) in candidates {
                if deadline.remaining(self.clock.now_ms()) < LAST_ROUND {
                    return Ok(deleted);
                }
                // After the listing: whoever names one of these versions' content from now on has
                // written a newer version. The doc before its parts: what it holds may become one.
                let doc = self.ledger.read(&desired::doc_key(&key)).await?;
                let parts = self.ledger.part_items(&key).await?;
                let named = || parts.iter().map(|(_, item)| item).chain([&doc]);
                for version in versions.iter().filter(|version| spill::is_waste(named(), &version.object)) {
                    self.store.delete_body(version).await?;
                    tracing::info!(product = %key, object = version.object, version = version.version, "large body deleted");
                    deleted += 1;
                }
            }
            page = next;
            if page.is_none() || deadline.remaining(self.clock.now_ms()) < LAST_ROUND {
                return Ok(deleted);
            }
        }
    }
}
