//! What a run reports in numbers.

use redrive::RedriveReport;
use runtime::{Metric, Metrics};

/// Counts a report; what nobody did is not counted.
pub fn of(report: &RedriveReport, metrics: &Metrics) {
    if report.is_rehearsal() {
        return;
    }
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    for queue in &report.queues {
        let name = queue.queue.as_str();
        metrics.count_of(Metric::DeadLettersDropped, name, count(queue.dropped));
        metrics.count_of(Metric::DeadLettersRedriven, name, count(queue.redriven));
        metrics.count_of(Metric::DeadLettersParked, name, count(queue.parked));
        metrics.count_of(Metric::DeadLettersLeft, name, count(queue.left));
    }
    if let Some(sweep) = &report.sweep {
        metrics.count(Metric::OverdueProducts, count(sweep.pending));
        metrics.count(Metric::OverdueAnnounced, count(sweep.announced_pimcore + sweep.announced_medusa));
        let seconds = u32::try_from(sweep.oldest_seconds.unwrap_or(0).max(0)).unwrap_or(u32::MAX);
        metrics.sample(Metric::BacklogAge, f64::from(seconds));
    }
}

#[cfg(test)]
mod tests {
    use redrive::{QueueName, QueueReport, RedriveAction, SweepReport};

    use super::*;

    #[test]
    fn a_report_is_counted_by_queue_and_a_rehearsal_not_at_all() {
        let mut queue = QueueReport::new(QueueName::Medusa, true);
        queue.parked = 3;
        let sweep = SweepReport { oldest_seconds: Some(77), ..SweepReport::default() };
        let mut report =
            RedriveReport { action: RedriveAction::Maintain, dry_run: false, queues: vec![queue], sweep: Some(sweep) };
        let metrics = Metrics::new("prod", "dlq-redrive");
        of(&report, &metrics);
        let lines = metrics.take(1_000);
        let holding = |name: &str| lines.iter().find(|line| line.get(name).is_some()).unwrap();
        assert_eq!(holding("DeadLettersParked")["DeadLettersParked"], 3);
        assert_eq!(holding("DeadLettersParked")["Queue"], "medusa");
        assert_eq!(holding("BacklogAge")["BacklogAge"], 77);
        assert_eq!(holding("BacklogAge")["Environment"], "prod");
        report.sweep = Some(SweepReport::default());
        of(&report, &metrics);
        assert!(metrics.take(1_000).iter().any(|line| line["BacklogAge"] == 0), "no backlog is reported, too");
        report.dry_run = true;
        of(&report, &metrics);
        assert!(metrics.take(1_000).is_empty());
        // A look at dead letters says what the policy would do; the alarm on parked ones must not
        // ring for it.
        report.dry_run = false;
        for action in [RedriveAction::Inspect, RedriveAction::Parked] {
            report.action = action;
            of(&report, &metrics);
            assert!(metrics.take(1_000).is_empty(), "{action:?}");
        }
    }
}
