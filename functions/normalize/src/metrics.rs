//! What a run reports in numbers: at each commit what came since the last one, so that a record
//! counts once however often the run is interrupted; at its end how it ended.

use ledger::{Counts, Run, RunStatus};
use runtime::{Metric, Metrics};

/// Counts what lies between two commits.
pub fn between(before: &Counts, after: &Counts, metrics: &Metrics) {
    let new = |of: fn(&Counts) -> u64| of(after).saturating_sub(of(before));
    metrics.count(Metric::RecordsRead, new(|counts| counts.read));
    metrics.count(Metric::RecordsChanged, new(|counts| counts.changed));
    metrics.count(Metric::RecordsUnchanged, new(|counts| counts.unchanged));
    metrics.count(Metric::RecordsStale, new(|counts| counts.stale));
    for (metric, before, after) in [
        (Metric::RecordsRejected, &before.rejected_by, &after.rejected_by),
        (Metric::RecordWarnings, &before.warnings_by, &after.warnings_by),
    ] {
        for (code, count) in after {
            metrics.count_by(metric, code, count.saturating_sub(before.get(code).copied().unwrap_or(0)));
        }
    }
}

/// Counts the end of a run.
pub fn end(run: &Run, metrics: &Metrics) {
    // What was overtaken is neither: nobody need look at it, and nothing of it was taken.
    if run.status == RunStatus::Superseded {
        return;
    }
    let failed = run.status == RunStatus::Failed;
    metrics.count(Metric::FeedsFailed, u64::from(failed));
    metrics.count(Metric::FeedsCompleted, u64::from(!failed));
    metrics.sample(Metric::RejectedShare, rejected_share(&run.counts));
}

/// In percent.
#[expect(clippy::cast_precision_loss, reason = "a share needs no more than a few digits")]
fn rejected_share(counts: &Counts) -> f64 {
    if counts.read == 0 { 0.0 } else { 100.0 * counts.rejected as f64 / counts.read as f64 }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::*;

    fn counts(read: u64, changed: u64, zero_price: u64) -> Counts {
        let rejected_by = BTreeMap::from([("zero_price".to_owned(), zero_price)]);
        Counts { read, changed, rejected: zero_price, rejected_by, ..Counts::default() }
    }

    /// Of the line with this reason, or of the totals.
    fn value(lines: &[Value], metric: &str, reason: Option<&str>) -> Option<f64> {
        lines.iter().find(|line| line["Reason"].as_str() == reason && line.get(metric).is_some())?[metric].as_f64()
    }

    #[test]
    fn two_commits_count_each_record_once() {
        let metrics = Metrics::new("prod", "normalize");
        between(&Counts::default(), &counts(10, 8, 2), &metrics);
        between(&counts(10, 8, 2), &counts(15, 12, 3), &metrics);
        let lines = metrics.take(0);
        assert_eq!(value(&lines, "RecordsRead", None), Some(15.0));
        assert_eq!(value(&lines, "RecordsChanged", None), Some(12.0));
        assert_eq!(value(&lines, "RecordsRejected", None), Some(3.0));
        assert_eq!(value(&lines, "RecordsRejected", Some("zero_price")), Some(3.0));
    }

    #[test]
    fn a_run_that_ends_reports_its_share_of_rejected_records() {
        let run = |counts, status| Run { counts, status, ..run_of_nothing() };
        let metrics = Metrics::new("prod", "normalize");
        end(&run(counts(8, 7, 1), RunStatus::Completed), &metrics);
        let lines = metrics.take(0);
        assert_eq!(value(&lines, "RejectedShare", None), Some(12.5));
        assert_eq!((value(&lines, "FeedsCompleted", None), value(&lines, "FeedsFailed", None)), (Some(1.0), None));
        end(&run(Counts::default(), RunStatus::Failed), &metrics);
        let lines = metrics.take(0);
        assert_eq!(value(&lines, "RejectedShare", None), Some(0.0));
        assert_eq!(value(&lines, "FeedsFailed", None), Some(1.0));
    }

    fn run_of_nothing() -> Run {
        Run {
            name: "run".to_owned(),
            status: RunStatus::Running,
            offset: 0,
            record: 0,
            counts: Counts::default(),
            started: 0,
            finished: None,
            reason: None,
            resume: None,
            owner: None,
            until: None,
        }
    }
}
