//! What a batch reports in numbers.

use std::collections::BTreeMap;

use runtime::{Metric, Metrics};

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_counts_where_people_look_for_it() {
        let metrics = Metrics::new("prod", "medusa-push");
        count(&BTreeMap::from([("created", 2), ("withdrawn", 1), ("updated", 3), ("failed", 9)]), &metrics);
        let lines = metrics.take(0);
        assert_eq!(lines.len(), 1);
        assert_eq!((&lines[0]["ProductsCreated"], &lines[0]["ProductsUpdated"]), (&2.into(), &4.into()));
    }
}
