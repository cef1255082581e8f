//! By which setting of `Articles` this function works, noted for whoever has products follow it
//! (pimcore-sync's walk).
//!
//! This function notes it, because what counts is by what it acts: another one may be deployed at
//! another time. Two that work by two settings, while a deployment is under way, take turns until
//! the older one is gone; the time is then that of the last turn.

use catalog::Failure;
use ledger::core::{article, walk};
use ledger::{Ledger, Table};
use medusa::Articles;

/// Notes it if something else is noted; tells whether that was so.
///
/// # Errors
/// Transient: the ledger did not answer.
pub async fn note<T: Table>(ledger: &Ledger<T>, articles: &Articles, now: i64) -> Result<bool, Failure> {
    let noted = ledger.watermark(article::SETTING).await.map_err(|error| error.failure())?;
    let ours = articles.to_string();
    if noted.as_deref().and_then(walk::setting_of).is_some_and(|(setting, _)| setting == ours) {
        return Ok(false);
    }
    let goal = walk::goal_of_setting(&ours, now);
    let moved = ledger.move_watermark(article::SETTING, noted.as_deref(), &goal).await;
    moved.map_err(|error| error.failure())
}

#[cfg(test)]
mod tests {
    use ledger::Stage;

    use super::*;

    #[tokio::test]
    async fn a_setting_is_noted_with_the_time_since_when_it_is_another_one() {
        let ledger = Ledger::in_memory(Stage::Medusa.leases());
        for (setting, now, news, noted) in [
            ("separate", 1, true, "separate@1"),
            (r#"{"default": "separate"}"#, 2, false, "separate@1"),
            ("grouped", 3, true, "grouped@3"),
            ("grouped", 4, false, "grouped@3"),
            ("separate", 5, true, "separate@5"),
        ] {
            let articles = setting.parse().unwrap();
            assert_eq!(note(&ledger, &articles, now).await, Ok(news), "{setting}");
            assert_eq!(ledger.watermark(article::SETTING).await.unwrap().as_deref(), Some(noted));
        }
    }
}
