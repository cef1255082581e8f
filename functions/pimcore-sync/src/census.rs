//! The census: a request a minute that tells whether a product was deleted, so that a comparison
//! need not wait for its day (D61).
//!
//! Object ids only rise, so the products up to an id can only become fewer by deletions. Their
//! number is noted, and how far up it goes; if there are fewer the next time, a comparison is asked
//! for ([`crate::inventory`]). Products that a person deletes before any census counted them were
//! noted before they were made ([`ledger::core::made`]), and are looked up once, when their maker
//! can no longer be under way. A count that was never taken is a reason to compare.

use catalog::{Failure, ProductKey};
use ledger::{ProductState, Table};
use pimcore::Pimcore;
use runtime::{Bus, Clock};
use serde::{Deserialize, Serialize};

use crate::categories;
use crate::inventory::{Comparison, ComparisonReport, Pass, Want};

/// Pages of new products that one census takes in, of 500 each; the rest is left to the next ones.
const PAGES: usize = 12;
/// Name of the watermark.
pub const WATERMARK: &str = "pimcore-census";
/// Age of a note of products to be made at which they are looked up, in ms: the function that makes
/// them has a minute, and Pimcore may go on saving for another half.
pub const MADE_MS: i64 = 180_000;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    /// Products up to this object id are counted.
    upto: u32,
    /// How many there are, if nobody has deleted one since.
    count: u64,
    /// Notes of products to be made from before this time (ms) have been looked at.
    made: i64,
    /// The categories that were looked at.
    categories: categories::Checked,
}

/// What a census came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// Products that were deleted since the one before.
    pub deleted: u64,
    /// Products looked up because they are new.
    pub new: usize,
    /// Those of them that are gone already.
    pub gone: usize,
    /// Categories that were edited, made or deleted.
    pub categories: usize,
}

impl<T: Table, B: Bus, C: Clock> Comparison<'_, T, B, C> {
    /// Takes a census, and asks for a comparison if something was deleted.
    ///
    /// # Errors
    /// Transient; the next one makes up for it.
    pub async fn census(&self) -> Result<Counted, Failure> {
        let text = self.ledger.watermark(WATERMARK).await.map_err(|error| error.failure())?;
        let before: Option<Known> = text.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let now = self.clock.now_ms();
        let mut known = before.clone().unwrap_or_else(|| Known { made: now - MADE_MS, ..Known::default() });
        let mut counted = Counted::default();
        let mut census = self.pimcore.census(known.upto, self.ends()).await?;
        counted.deleted = census.known.map_or(0, |here| known.count.saturating_sub(here));
        if before.is_none() || counted.deleted > 0 {
            self.ask(Want::default()).await?;
        }
        known.count = census.known.unwrap_or(known.count);
        // Taken from the list, not counted anew: who is deleted in this moment is missing the next
        // time.
        for _ in 0..PAGES {
            known.count += census.newer.len() as u64;
            known.upto = census.newer.last().copied().unwrap_or(known.upto);
            if census.newer.len() < Pimcore::page_size() {
                break;
            }
            census = self.pimcore.census(known.upto, self.ends()).await?;
        }
        let due = now - MADE_MS;
        let made = self.ledger.made_between(known.made, due).await.map_err(|error| error.failure())?;
        let looked = self.look_up(&made).await?;
        (counted.new, counted.gone) = (looked.compared, looked.gone);
        known.made = due;
        counted.categories = self.follow_categories(&census, &mut known.categories).await?;
        if before.as_ref() != Some(&known) {
            let written = serde_json::to_string(&known)
                .map_err(|error| Failure::permanent(crate::codes::WATERMARK, error.to_string()))?;
            // Who loses this race leaves what it counted to the winner.
            self.ledger.move_watermark(WATERMARK, text.as_deref(), &written).await.map_err(|error| error.failure())?;
        }
        Ok(counted)
    }

    async fn look_up(&self, keys: &[ProductKey]) -> Result<ComparisonReport, Failure> {
        let (mut pass, mut report) = (Pass::at(self.clock.now_ms()), ComparisonReport::default());
        for some in keys.chunks(100) {
            let states = self.ledger.read_states(some).await.map_err(|error| error.failure())?;
            let page: Vec<(ProductKey, ProductState)> = states.into_iter().collect();
            self.lightly(&page, &mut pass, &mut report).await?;
        }
        Ok(report)
    }
}
