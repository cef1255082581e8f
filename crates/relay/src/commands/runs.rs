//! `relay runs`: the last feed runs.

use ledger::{Counts, Run, RunStatus};
use redrive::overdue::run_of;
use serde::Serialize;

use crate::answer::Answer;
use crate::commands::rejected::REPEATED;
use crate::error::CliError;
use crate::remedy;
use crate::render::{self, ago, short, span, table};
use crate::stack::Stack;

/// A run with the object it read.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunLine {
    /// `s3://bucket/key`.
    pub object: String,
    /// It reads the object a second time, to note every product.
    pub strict: bool,
    #[serde(flatten)]
    pub run: Run,
    /// What to do, if it failed or lost its reader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// The newest runs first.
///
/// # Errors
/// When the ledger does not answer.
pub async fn lines(stack: &Stack, limit: usize, now: i64) -> Result<Vec<RunLine>, CliError> {
    let runs = stack.ledger.runs(limit).await?;
    Ok(runs.into_iter().map(|(pk, run)| line(&pk, run, now)).collect())
}

/// A run as a line of the list. `pk` is the partition key of its item.
#[must_use]
pub fn line(pk: &str, run: Run, now: i64) -> RunLine {
    let id = run_of(pk);
    let object = id.as_ref().map_or_else(|| pk.to_owned(), |id| format!("s3://{}/{}", id.bucket, id.key));
    let advice = match run.status {
        RunStatus::Failed => {
            let known = run.reason.as_deref().and_then(remedy::mentioned);
            Some(known.map_or_else(|| "see its reason".to_owned(), remedy::Remedy::text))
        }
        RunStatus::Running if run.until.is_none_or(|until| until < now) => {
            let resumed = "nobody is reading it: the next message or sweep resumes it where it stopped";
            let known = run.reason.as_deref().and_then(remedy::mentioned);
            Some(known.map_or_else(|| resumed.to_owned(), |remedy| format!("{resumed}. {}", remedy.action)))
        }
        RunStatus::Running | RunStatus::Completed | RunStatus::Superseded => None,
    };
    RunLine { object, strict: id.is_some_and(|id| id.is_strict()), run, advice }
}

/// The runs as a table, then the reasons of those that failed.
#[must_use]
pub fn text(lines: &[RunLine], now: i64) -> String {
    if lines.is_empty() {
        return "No feed has been read yet. Upload one to incoming/<source>/ in the feed bucket.".to_owned();
    }
    let rows = lines.iter().map(|line| {
        let Run { counts, .. } = &line.run;
        let took = span(line.run.finished.unwrap_or(now) - line.run.started);
        [
            line.run.name.clone(),
            line.run.status.as_str().to_owned(),
            render::time(line.run.started),
            took,
            counts.read.to_string(),
            counts.changed.to_string(),
            counts.unchanged.to_string(),
            counts.stale.to_string(),
            counts.rejected.to_string(),
            format!("{}{}", line.object, if line.strict { " (second reading)" } else { "" }),
        ]
    });
    let head = ["run", "status", "started", "took", "read", "changed", "same", "stale", "rejected", "object"];
    let mut text = table(head, rows);
    for line in lines {
        if let Some(advice) = &line.advice {
            let reason = line.run.reason.as_deref().unwrap_or("no reader");
            text.push_str(&format!("\n\n{}: {}\n  What to do: {advice}", line.run.name, short(reason, 400)));
        }
        if line.run.counts.stale > 0 && !line.strict {
            text.push_str(&format!(
                "\n\n{}: {} stale, as a later feed has said something about these products\n  If this one is to have the newest word: `relay replay {} --as-newest`",
                line.run.name, line.run.counts.stale, line.object
            ));
        }
        if let Some(waits) = waiting(&line.run.counts, now) {
            text.push_str(&format!("\n\n{}: {waits}\n  `relay status` says what to do", line.run.name));
        }
        let repeated = line.run.counts.warnings_by.get_key_value(REPEATED);
        if line.run.counts.rejected > 0 || repeated.is_some() {
            let by = line.run.counts.rejected_by.iter().chain(repeated);
            let by: Vec<String> = by.map(|(code, n)| format!("{n} {code}")).collect();
            text.push_str(&format!(
                "\n\n{}: rejected {}; `relay rejected {}`",
                line.run.name,
                by.join(", "),
                line.run.name
            ));
        }
    }
    text
}

/// Which unchanged products of a run were not where they should be when it read them, in words.
#[must_use]
pub fn waiting(counts: &Counts, now: i64) -> Option<String> {
    if counts.waiting == 0 {
        return None;
    }
    let by: Vec<String> = counts.waiting_by.iter().map(|(code, n)| format!("{n} {code}")).collect();
    let since = counts.waiting_since.map_or_else(String::new, |since| format!(", the first since {}", ago(since, now)));
    Some(format!("of {} unchanged, {} had not arrived ({}){since}", counts.unchanged, counts.waiting, by.join(", ")))
}

/// The command.
///
/// # Errors
/// When the ledger does not answer.
pub async fn run(stack: &Stack, limit: usize, now: i64) -> Result<Answer, CliError> {
    let lines = lines(stack, limit, now).await?;
    let attention = lines.first().is_some_and(|line| line.run.status == RunStatus::Failed);
    Ok(Answer::new(&lines, text(&lines, now), attention))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn run(status: RunStatus, reason: Option<&str>) -> Run {
        let rejected_by = BTreeMap::from([("missing_price".to_owned(), 2)]);
        Run {
            name: "20261122T235959Z-0123456789".into(),
            status,
            offset: 10,
            record: 5,
            resume: None,
            counts: Counts { read: 5, changed: 3, rejected: 2, rejected_by, ..Counts::default() },
            started: 1_795_391_999_000,
            finished: Some(1_795_392_004_000),
            reason: reason.map(str::to_owned),
            owner: None,
            until: None,
        }
    }

    #[test]
    fn a_failed_run_says_why_and_what_to_do() {
        let failed = run(RunStatus::Failed, Some("truncated: the feed ends inside a record (byte 77, record 4)"));
        let text = text(&[line("F#b#incoming/demo/a.json#v1", failed, 1_795_392_000_000)], 1_795_392_000_000);
        assert!(text.contains("s3://b/incoming/demo/a.json") && text.contains("byte 77"), "{text}");
        assert!(text.contains("an upload that was cut off"), "{text}");
        assert!(text.contains("rejected 2 missing_price; `relay rejected 20261122T235959Z-0123456789`"), "{text}");
    }

    #[test]
    fn what_a_feed_found_unchanged_and_has_not_arrived_is_told() {
        let mut fine = run(RunStatus::Completed, None);
        fine.counts = Counts { read: 5, unchanged: 5, ..Counts::default() };
        let mut waits = fine.clone();
        waits.counts.waiting = 3;
        waits.counts.waiting_by = BTreeMap::from([("medusa_sku_taken".to_owned(), 3)]);
        waits.counts.waiting_since = Some(1_795_391_940_000);
        let told = |run| text(&[line("F#b#k#v1", run, 0)], 1_795_392_000_000);
        let said = told(waits);
        assert!(said.contains("of 5 unchanged, 3 had not arrived (3 medusa_sku_taken)"), "{said}");
        assert!(said.contains("since 2026-11-22T23:59:00Z (1 min 0 s ago)"), "{said}");
        assert!(!told(fine).contains("had not arrived"));
    }

    #[test]
    fn a_failed_attempt_is_told_and_what_was_overtaken_needs_nobody() {
        let tried = run(RunStatus::Running, Some("bucket_unavailable: s3://b/k: no answer"));
        let lost = line("F#b#k#v1", tried, 0);
        assert!(lost.advice.as_deref().unwrap().contains("the bucket's policy"), "{:?}", lost.advice);
        assert!(text(&[lost], 0).contains("no answer"));
        let overtaken = line("F#b#k#v1", run(RunStatus::Superseded, Some("object_replaced: …")), 0);
        assert_eq!(overtaken.advice, None);
    }

    #[test]
    fn a_run_without_a_reader_is_told_and_no_runs_are_no_error() {
        let lost = line("F#b#k#v1", run(RunStatus::Running, None), 0);
        assert!(lost.advice.is_some());
        assert!(text(&[], 0).contains("incoming/<source>/"));
    }

    #[test]
    fn what_a_key_holds_does_nothing_to_the_terminal() {
        use crate::shown::{WILD, assert_tame};
        for status in [RunStatus::Failed, RunStatus::Running, RunStatus::Completed] {
            let mut run = run(status, Some(WILD));
            run.counts.stale = 1;
            let lines = [line(&format!("F#b#incoming/demo/{WILD}.json#v1"), run, 1_795_392_000_000)];
            assert_tame(&Answer::new(&lines, text(&lines, 1_795_392_000_000), true));
        }
    }
}
