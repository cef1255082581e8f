//! Metrics in CloudWatch's embedded format: one line of JSON on standard output for each queue and sweep.

use std::io::Write;

use redrive::Report;
use serde_json::{Value, json};

/// Namespace of all metrics of the pipeline.
const NAMESPACE: &str = "CatalogRelay";

/// The lines of a report; none for a rehearsal.
fn lines(report: &Report, environment: &str, now: i64) -> Vec<Value> {
    if report.dry_run {
        return Vec::new();
    }
    let line = |dimensions: &[(&str, &str)], metrics: &[(&str, &str, i64)]| {
        let mut names = vec!["Environment"];
        names.extend(dimensions.iter().map(|(name, _)| *name));
        let definitions: Vec<Value> =
            metrics.iter().map(|(name, unit, _)| json!({"Name": name, "Unit": unit})).collect();
        let mut line = json!({
            "_aws": {
                "Timestamp": now,
                "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [names], "Metrics": definitions}],
            },
            "Environment": environment,
        });
        for (name, value) in dimensions {
            line[*name] = json!(value);
        }
        for (name, _, value) in metrics {
            line[*name] = json!(value);
        }
        line
    };
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let mut lines = Vec::new();
    for queue in &report.queues {
        lines.push(line(
            &[("Queue", queue.queue.as_str())],
            &[
                ("DeadLettersDropped", "Count", count(queue.dropped)),
                ("DeadLettersRedriven", "Count", count(queue.redriven)),
                ("DeadLettersParked", "Count", count(queue.parked)),
                ("DeadLettersLeft", "Count", count(queue.left)),
            ],
        ));
    }
    if let Some(sweep) = &report.sweep {
        lines.push(line(
            &[],
            &[
                ("OverdueProducts", "Count", count(sweep.pending)),
                ("OverdueAnnounced", "Count", count(sweep.announced_pimcore + sweep.announced_medusa)),
                ("BacklogAge", "Seconds", sweep.oldest_seconds.unwrap_or(0)),
            ],
        ));
    }
    lines
}

/// Writes the metrics of a report.
pub fn emit(report: &Report, environment: &str, now: i64) {
    let mut out = std::io::stdout().lock();
    for line in lines(report, environment, now) {
        // A metric that cannot be written is not worth a failed run.
        let _ = writeln!(out, "{line}");
    }
}

#[cfg(test)]
mod tests {
    use redrive::{Action, QueueName, QueueReport, SweepReport};

    use super::*;

    #[test]
    fn every_metric_has_its_value_and_its_dimensions_beside_it() {
        let mut queue = QueueReport::new(QueueName::Medusa, true);
        queue.parked = 3;
        let sweep = SweepReport { oldest_seconds: Some(77), ..SweepReport::default() };
        let mut report = Report { action: Action::Maintain, dry_run: false, queues: vec![queue], sweep: Some(sweep) };
        let lines_of_it = lines(&report, "prod", 1_000);
        assert_eq!(lines_of_it.len(), 2);
        assert_eq!((&lines_of_it[0]["DeadLettersParked"], &lines_of_it[0]["Queue"]), (&json!(3), &json!("medusa")));
        assert_eq!(lines_of_it[1]["BacklogAge"], 77);
        for line in &lines_of_it {
            let directive = &line["_aws"]["CloudWatchMetrics"][0];
            for name in directive["Dimensions"][0].as_array().unwrap() {
                assert!(line[name.as_str().unwrap()].is_string(), "{name} has no value in {line}");
            }
            for metric in directive["Metrics"].as_array().unwrap() {
                assert!(line[metric["Name"].as_str().unwrap()].is_i64(), "{metric} has no value in {line}");
            }
        }
        report.dry_run = true;
        assert!(lines(&report, "prod", 1_000).is_empty());
    }
}
