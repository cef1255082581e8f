//! What a batch reports in numbers.

use std::collections::{BTreeMap, HashMap};

use catalog::ProductKey;
use ledger::{Applied, ProductState};
use runtime::{Metric, Metrics, Outcome};

/// Counts products by what happened to them ([`medusa::Change`]'s words).
pub fn count(changes: &BTreeMap<&str, usize>, metrics: &Metrics) {
    for (change, n) in changes {
        let metric = match *change {
            "created" => Metric::ProductsCreated,
            // To take a product from sale is to write it.
            "updated" | "withdrawn" | "deleted" => Metric::ProductsUpdated,
            "unchanged" | "absent" => Metric::ProductsUnchanged,
            // Failures are counted by code, with the batch.
            _ => continue,
        };
        metrics.count(metric, *n as u64);
    }
}

/// How long (ms) content was on its way from the feed's object to the shop, where this is how it
/// got there: `seen` is what the ledger knew before. Neither a repeated push, nor a person's edit,
/// nor a product that the shop does not show has come from a feed just now.
#[must_use]
pub fn lag(seen: &ProductState, applied: &Applied, now: i64) -> Option<i64> {
    let had = seen.medusa.applied.as_ref().is_some_and(|before| before.hash == applied.hash);
    let written = i64::try_from(applied.version.object_time_ms()?).ok()?;
    // A grown version tells when the leading part was said, not what came since.
    let told = !applied.version.is_grown();
    (!had && told && applied.remote_id.is_some()).then_some((now - written).max(0))
}

/// Reports the lags of those that really are done.
pub fn arrived(lags: &HashMap<ProductKey, i64>, outcomes: &HashMap<ProductKey, Outcome>, metrics: &Metrics) {
    for (key, lag) in lags {
        if outcomes.get(key) == Some(&Outcome::Done) {
            #[expect(clippy::cast_precision_loss, reason = "exact for hundreds of thousands of years")]
            metrics.sample(Metric::EndToEndLag, *lag as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use catalog::{ContentHash, Failure, Version};

    use super::*;

    fn applied(hash: &str, remote_id: Option<&str>) -> Applied {
        Applied {
            hash: ContentHash::from_text(hash),
            version: Version::new(1_000_000, "00AA", 3),
            remote_id: remote_id.map(str::to_owned),
            view: None,
            seen: None,
            at: 0,
        }
    }

    #[test]
    fn only_content_that_is_new_in_the_shop_was_on_its_way() {
        let nothing = ProductState::default();
        assert_eq!(lag(&nothing, &applied("a", Some("prod_1")), 1_004_500), Some(4_500));
        assert_eq!(lag(&nothing, &applied("a", Some("prod_1")), 999_000), Some(0), "clocks differ");
        assert_eq!(lag(&nothing, &applied("a", None), 1_004_500), None, "not in the shop");
        let mut known = ProductState::default();
        known.medusa.applied = Some(applied("a", Some("prod_1")));
        assert_eq!(lag(&known, &applied("a", Some("prod_1")), 9_000_000), None, "an edit, an echo, a repair");
        assert_eq!(lag(&known, &applied("b", Some("prod_1")), 1_002_000), Some(2_000));
        let by_hand = Applied { version: Version::from_text("-"), ..applied("-", Some("prod_2")) };
        assert_eq!(lag(&nothing, &by_hand, 1_004_500), None, "made by a person in the PIM");
        let version = Version::new(1_000_000, "00AA", 3);
        let grown = Applied { version: version.grown(&version), ..applied("c", Some("prod_1")) };
        assert_eq!(lag(&nothing, &grown, 9_000_000), None, "put together since");
    }

    #[test]
    fn what_did_not_settle_has_not_arrived() {
        let key = |id: &str| format!("demo:{id}").parse::<ProductKey>().unwrap();
        let lags = HashMap::from([(key("1"), 4_500), (key("2"), 7), (key("3"), 8)]);
        let outcomes = HashMap::from([
            (key("1"), Outcome::Done),
            (key("2"), Outcome::Again(std::time::Duration::from_secs(1))),
            (key("3"), Outcome::Failed(Failure::transient("lease_lost", "late"))),
        ]);
        let metrics = Metrics::new("prod", "medusa-push");
        arrived(&lags, &outcomes, &metrics);
        count(&BTreeMap::from([("created", 2), ("withdrawn", 1), ("updated", 3), ("failed", 9)]), &metrics);
        let lines = metrics.take(0);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["EndToEndLag"], 4_500);
        assert_eq!((&lines[0]["ProductsCreated"], &lines[0]["ProductsUpdated"]), (&2.into(), &4.into()));
    }
}
