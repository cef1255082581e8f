//! `relay dlq` and `relay sweep`: dlq-redrive, asked by a person.

use std::collections::BTreeSet;
use std::io::Write;

use redrive::{Filter, Handled, QueueReport, RedriveAction, RedriveReport, RedriveRequest, SweepReport};

use crate::answer::Answer;
use crate::cli::{Dlq, Selection};
use crate::error::CliError;
use crate::remedy;
use crate::render::{count, short, span, table};
use crate::stack::Stack;

/// A run of dlq-redrive is followed by another as long as it says that there is more, so many times
/// at most.
const ROUNDS: usize = 1000;

fn request(action: RedriveAction, selection: &Selection, force: bool) -> RedriveRequest {
    RedriveRequest {
        action,
        queue: selection.queue,
        filter: Filter {
            product: selection.product.clone(),
            message: selection.message.clone(),
            kind: selection.kind.map(Into::into),
            code: selection.code.clone(),
            older_than_seconds: selection.older_than,
        },
        max: selection.max,
        dry_run: selection.dry_run,
        force,
        by: None,
    }
}

/// The commands below `relay dlq`.
///
/// # Errors
/// When dlq-redrive cannot be asked.
pub async fn run(stack: &Stack, command: &Dlq) -> Result<Answer, CliError> {
    let report = match command {
        Dlq::List { selection } => stack.redrive(&request(RedriveAction::Inspect, selection, false)).await?,
        Dlq::Parked { selection } => stack.redrive(&request(RedriveAction::Parked, selection, false)).await?,
        Dlq::Redrive { selection, force } => all(stack, request(RedriveAction::Redrive, selection, *force)).await?,
        Dlq::Park { selection } => all(stack, request(RedriveAction::Park, selection, false)).await?,
        Dlq::Unpark { selection } => all(stack, request(RedriveAction::Unpark, selection, false)).await?,
        Dlq::Remove { selection, by } => {
            let request = RedriveRequest { by: Some(by.clone()), ..request(RedriveAction::Remove, selection, false) };
            if !request.filter.names_something() {
                return Err(CliError::Refused {
                    what: "nothing is taken away unnamed".to_owned(),
                    advice: "name a letter with --message, or all of a product or code with --product or --code; `relay dlq parked` lists them".to_owned(),
                });
            }
            all(stack, request).await?
        }
    };
    let nothing = match command {
        Dlq::Unpark { selection } => nothing_found(&request(RedriveAction::Unpark, selection, false), &report),
        Dlq::Remove { .. } if report.queues.iter().all(|queue| queue.removed == 0 && queue.failures.is_empty()) => {
            Some("Nothing to remove: no such letter is parked. `relay dlq parked` lists what is.".to_owned())
        }
        _ => None,
    };
    let attention = match command {
        Dlq::List { .. } => report.queues.iter().any(|queue| queue.seen > queue.skipped),
        Dlq::Parked { .. } => report.queues.iter().any(|queue| queue.unparked > 0),
        _ => nothing.is_some() || !report.failures().is_empty(),
    };
    let kept_in = matches!(command, Dlq::Parked { .. }).then_some(stack.bucket.as_str());
    let text = nothing.unwrap_or_else(|| text(&report, kept_in));
    Ok(Answer::new(&report, text, attention))
}

/// `relay sweep`.
///
/// # Errors
/// When dlq-redrive cannot be asked.
pub async fn sweep(stack: &Stack, selection: &Selection) -> Result<Answer, CliError> {
    let report = stack.redrive(&request(RedriveAction::Sweep, selection, false)).await?;
    Ok(Answer::new(&report, text(&report, None), !report.failures().is_empty()))
}

/// Asks again as long as there is more; what was done so far goes to standard error meanwhile.
async fn all(stack: &Stack, request: RedriveRequest) -> Result<RedriveReport, CliError> {
    let mut sum = stack.redrive(&request).await?;
    if request.max.is_some() || request.dry_run {
        return Ok(sum);
    }
    for _ in 0..ROUNDS {
        if !sum.queues.iter().any(|queue| queue.more) {
            break;
        }
        let so_far: usize = sum.queues.iter().map(QueueReport::moved).sum();
        let _ = writeln!(std::io::stderr(), "{} so far …", count(so_far, "letter"));
        let next = stack.redrive(&request).await?;
        // A round that did nothing would be followed by another one like it.
        let idle = next.queues.iter().map(QueueReport::moved).sum::<usize>() == 0;
        sum = add(sum, next);
        if idle {
            break;
        }
    }
    Ok(sum)
}

/// The answer to somebody who means certain letters or products when there are none: nothing was
/// done, which may be fine or a slip of the pen.
fn nothing_found(request: &RedriveRequest, report: &RedriveReport) -> Option<String> {
    let filter = &request.filter;
    let found = report.queues.iter().any(|queue| queue.moved() + queue.left > 0) || !report.failures().is_empty();
    if found || *filter == Filter::default() {
        return None;
    }
    let named = match (&filter.product, &filter.code, &filter.message) {
        (Some(product), Some(code), _) => format!("{product} with the code {code}"),
        (Some(product), None, _) => product.clone(),
        (None, Some(code), _) => format!("the code {code}"),
        (None, None, Some(message)) => format!("the message id {message}"),
        (None, None, None) => "this kind".to_owned(),
    };
    let next = match &filter.product {
        Some(product) => format!("`relay trace {product}` tells where it is."),
        None => "What had it may have arrived by itself: `relay status` tells what waits and why.".to_owned(),
    };
    Some(format!(
        "Nothing to unpark: no letter of {named} is parked or on a dead-letter queue, and no product waits because of it. {next}"
    ))
}

fn add(mut sum: RedriveReport, next: RedriveReport) -> RedriveReport {
    for (one, other) in sum.queues.iter_mut().zip(next.queues) {
        // What was left is looked at again by every round.
        let latest = (other.left, other.skipped, other.more, other.target_answers);
        one.merge(other);
        (one.left, one.skipped, one.more, one.target_answers) = latest;
    }
    sum
}

/// A report in words. `kept_in` is the bucket, if the report is about letters that are parked there
/// and stay there.
#[must_use]
pub fn text(report: &RedriveReport, kept_in: Option<&str>) -> String {
    let parked = kept_in.is_some();
    let mut parts = Vec::new();
    let letters: Vec<(&QueueReport, &Handled)> =
        report.queues.iter().flat_map(|queue| queue.letters.iter().map(move |letter| (queue, letter))).collect();
    if !letters.is_empty() {
        let would = if report.dry_run && !parked { "Nothing was done; this is what would be.\n\n" } else { "" };
        parts.push(format!("{would}{}", letters_table(&letters, parked)));
    }
    let noted: Vec<String> = letters
        .iter()
        .filter_map(|(_, letter)| Some(format!("{}: {}", letter.message, letter.parked.as_ref()?)))
        .collect();
    if report.action == RedriveAction::Remove && !report.dry_run && !noted.is_empty() {
        let noted = noted.join("\n  ");
        parts.push(format!("What they were, and who removed them, is noted in the feed bucket\n  {noted}"));
    }
    let kept = letters.iter().filter_map(|(_, letter)| Some((letter, letter.parked.as_ref()?)));
    let kept = kept.filter_map(|(letter, key)| Some(format!("{} is kept in s3://{}/{key}", letter.message, kept_in?)));
    let kept: Vec<String> = kept.collect();
    if !kept.is_empty() {
        parts.push(kept.join("\n"));
    }
    let summaries: Vec<String> = report.queues.iter().map(|queue| summary(queue, report, parked)).collect();
    if !summaries.is_empty() {
        parts.push(summaries.join("\n"));
    }
    // What was sent back or dropped needs nobody.
    let open = letters.iter().filter(|(_, letter)| parked || matches!(letter.decision.as_str(), "park" | "leave"));
    let codes: BTreeSet<&str> = open.map(|(_, letter)| letter.reason.code.as_str()).collect();
    if !codes.is_empty() {
        let lines: Vec<String> = codes.iter().map(|code| format!("  {code}: {}", remedy::advice(code))).collect();
        parts.push(format!("What to do\n{}", lines.join("\n")));
    }
    parts.extend(report.sweep.as_ref().map(sweep_text));
    let failures = report.failures();
    if !failures.is_empty() {
        parts.push(format!("What did not work (these letters are where they were)\n  {}", failures.join("\n  ")));
    }
    parts.join("\n\n")
}

fn letters_table(letters: &[(&QueueReport, &Handled)], parked: bool) -> String {
    let rows = letters.iter().map(|(queue, letter)| {
        [
            queue.queue.to_string(),
            letter.subject.clone(),
            if parked { "parked".to_owned() } else { letter.decision.clone() },
            letter.reason.code.clone(),
            span(letter.age_seconds * 1000),
            letter.redrives.to_string(),
            letter.message.clone(),
            short(&letter.reason.message, 90),
        ]
    });
    table(["queue", "about", "decision", "code", "age", "redrives", "letter", "reason"], rows)
}

fn sweep_text(sweep: &SweepReport) -> String {
    let oldest = sweep.oldest_seconds.map_or_else(String::new, |age| format!(", the oldest for {}", span(age * 1000)));
    let mut text = format!(
        "Sweep: {} overdue{oldest}; announced {} to Pimcore, {} to Medusa",
        count(sweep.pending, "product"),
        sweep.announced_pimcore,
        sweep.announced_medusa
    );
    for (why, n) in &sweep.held_back {
        let code = why.rsplit(' ').next().unwrap_or(why);
        let known = remedy::of(code).map(|remedy| format!(": {}", remedy.text())).unwrap_or_default();
        text.push_str(&format!("\n  {n} not announced, {why}{known}"));
    }
    for run in &sweep.runs_resumed {
        text.push_str(&format!("\n  run {run} put back on the queue"));
    }
    text
}

fn summary(queue: &QueueReport, report: &RedriveReport, parked: bool) -> String {
    let down = if queue.target_answers { "" } else { "; its target does not answer" };
    let more = if queue.more { "; there are more" } else { "" };
    let name = queue.queue;
    if parked {
        return format!("{name}: {} parked{more}", queue.unparked);
    }
    let rehearsal = report.dry_run || report.action == RedriveAction::Inspect;
    let mut words = Vec::new();
    for (n, done, to_do) in [
        (queue.dropped, "dropped", "to drop"),
        (queue.redriven, "redriven", "to redrive"),
        (queue.parked, "parked", "to park"),
        (queue.unparked, "unparked", "to unpark"),
        (queue.announced, "announced without a letter", "to announce without a letter"),
        (queue.removed, "removed", "to remove"),
        (queue.left, "left", "to leave"),
    ] {
        if n > 0 {
            words.push(format!("{n} {}", if rehearsal { to_do } else { done }));
        }
    }
    let words = match (words.is_empty(), report.action) {
        (false, _) => words.join(", "),
        (true, RedriveAction::Unpark) => "nothing to unpark".to_owned(),
        (true, RedriveAction::Remove) => "nothing to remove".to_owned(),
        (true, _) if queue.seen > 0 => "nothing to do".to_owned(),
        (true, _) => "no dead letters".to_owned(),
    };
    let skipped = if queue.skipped > 0 { format!(", {} not selected", queue.skipped) } else { String::new() };
    format!("{name}: {words}{skipped}{down}{more}")
}

#[cfg(test)]
mod tests {
    use catalog::ErrorKind;
    use redrive::{QueueName, Reason};

    use super::*;

    fn letter(decision: &str, code: &str) -> Handled {
        Handled {
            message: "0b5a".into(),
            subject: "demo:1".into(),
            decision: decision.into(),
            reason: Reason {
                kind: ErrorKind::Permanent,
                code: code.into(),
                message: "SKU S1 belongs to prod_9".into(),
            },
            age_seconds: 90,
            redrives: 0,
            parked: None,
        }
    }

    #[test]
    fn a_letter_is_told_with_its_cause_and_its_remedy() {
        let mut queue = QueueReport::new(QueueName::Medusa, true);
        queue.seen = 1;
        queue.add(letter("park", "medusa_sku_taken"));
        let report = RedriveReport { action: RedriveAction::Inspect, dry_run: false, queues: vec![queue], sweep: None };
        let text = text(&report, None);
        assert!(
            text.contains("demo:1") && text.contains("SKU S1 belongs to prod_9") && text.contains("1 min 30 s"),
            "{text}"
        );
        assert!(text.contains("Change one of the two SKUs") && text.contains("medusa: 1 to park"), "{text}");
    }

    #[test]
    fn who_names_what_is_not_there_is_told_so_with_a_next_step() {
        let asked = |words: &[&str]| {
            let words = ["relay", "dlq", "unpark"].iter().chain(words);
            let crate::cli::Command::Dlq { command: Dlq::Unpark { selection } } =
                <crate::cli::Cli as clap::Parser>::try_parse_from(words).unwrap().command
            else {
                panic!("unpark")
            };
            request(RedriveAction::Unpark, &selection, false)
        };
        let report = |queue: QueueReport| RedriveReport {
            action: RedriveAction::Unpark,
            dry_run: false,
            queues: vec![queue],
            sweep: None,
        };
        let nothing = || report(QueueReport::new(QueueName::Pimcore, true));
        let said = nothing_found(&asked(&["--code", "pimcore_refused"]), &nothing()).unwrap();
        assert!(said.contains("the code pimcore_refused") && said.contains("relay status"), "{said}");
        let said = nothing_found(&asked(&["--product", "demo:1"]), &nothing()).unwrap();
        assert!(said.contains("relay trace demo:1"), "{said}");
        assert!(nothing_found(&asked(&[]), &nothing()).is_none(), "who names nothing wants all there is");
        for decision in ["unpark", "redrive", "announce", "leave"] {
            let mut queue = QueueReport::new(QueueName::Pimcore, true);
            queue.add(letter(decision, "pimcore_refused"));
            assert!(nothing_found(&asked(&["--code", "pimcore_refused"]), &report(queue)).is_none(), "{decision}");
        }
        let mut failed = QueueReport::new(QueueName::Pimcore, true);
        failed.failures.push("S3 did not answer".into());
        assert!(nothing_found(&asked(&["--code", "pimcore_refused"]), &report(failed)).is_none());
    }

    #[test]
    fn each_place_that_something_was_sent_back_from_is_counted() {
        let mut queue = QueueReport::new(QueueName::Pimcore, true);
        for decision in ["unpark", "redrive", "announce", "announce"] {
            queue.add(letter(decision, "pimcore_refused"));
        }
        let report = RedriveReport { action: RedriveAction::Unpark, dry_run: false, queues: vec![queue], sweep: None };
        let text = text(&report, None);
        assert!(text.contains("pimcore: 1 redriven, 1 unparked, 2 announced without a letter"), "{text}");
    }

    #[test]
    fn rounds_are_added_up_and_what_is_left_is_counted_once() {
        let round = |redriven, left, more| {
            let mut queue = QueueReport::new(QueueName::Pimcore, true);
            for _ in 0..redriven {
                queue.add(letter("redrive", "pimcore_timeout"));
            }
            for _ in 0..left {
                queue.add(letter("leave", "waiting"));
            }
            queue.more = more;
            RedriveReport { action: RedriveAction::Redrive, dry_run: false, queues: vec![queue], sweep: None }
        };
        let sum = add(round(3, 2, true), round(4, 2, false));
        assert_eq!((sum.queues[0].redriven, sum.queues[0].left, sum.queues[0].more), (7, 2, false));
    }

    #[test]
    fn what_a_letter_holds_does_nothing_to_the_terminal() {
        use crate::shown::{WILD, assert_tame};
        let mut queue = QueueReport::new(QueueName::Ingest, true);
        queue.seen = 1;
        let reason = Reason { kind: ErrorKind::Poison, code: "message_not_understood".into(), message: WILD.into() };
        let parked = Some(format!("parked/ingest/{WILD}"));
        queue.add(Handled { subject: WILD.into(), message: WILD.into(), reason, parked, ..letter("park", "x") });
        queue.failures.push(WILD.into());
        let report = RedriveReport { action: RedriveAction::Parked, dry_run: false, queues: vec![queue], sweep: None };
        for kept_in in [None, Some("bucket")] {
            assert_tame(&Answer::new(&report, text(&report, kept_in), true));
        }
    }

    #[test]
    fn what_was_removed_is_told_with_the_note_of_it() {
        let mut queue = QueueReport::new(QueueName::Pimcore, true);
        let note = Some("parked/removed/pimcore/2026-11-22/0b5a.json".to_owned());
        queue.add(Handled { parked: note, ..letter("remove", "message_not_understood") });
        let report = RedriveReport { action: RedriveAction::Remove, dry_run: false, queues: vec![queue], sweep: None };
        let text = text(&report, None);
        assert!(text.contains("0b5a: parked/removed/pimcore/") && text.contains("pimcore: 1 removed"), "{text}");
    }
}
