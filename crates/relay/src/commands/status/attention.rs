//! What needs a person, each with what to do: one function a kind of trouble, in the order in which
//! they are listed.

use std::collections::BTreeSet;

use ledger::{RunStatus, Stage};
use redrive::QueueName;

use super::{Attention, RUNS, Reasons, SHOWN, Status};
use crate::commands::runs::RunLine;
use crate::remedy;
use crate::render::{count, short, span};

/// A failed feed needs attention for so long, unless its object is read again.
const FAILED_MS: i64 = 86_400_000;
/// Failed feeds that are listed one by one.
const FAILED_LISTED: usize = 5;
/// A product that has been pending longer than this needs attention even without an error.
pub(super) const OVERDUE_MS: i64 = 3_600_000;
/// A run may be between two readers for so long.
const LOST_MS: i64 = 600_000;

/// What needs a person.
#[must_use]
pub fn attention(status: &Status, reasons: &Reasons, now: i64) -> Vec<Attention> {
    // Of one feed the newest run counts: what an older one met may be corrected.
    let mut objects = BTreeSet::new();
    let newest: Vec<&RunLine> = status.runs.iter().filter(|line| objects.insert(&line.object)).collect();
    let open = status.breakers.iter().filter(|breaker| breaker.mode == "open");
    let mut list: Vec<Attention> = open.map(|breaker| breaker.told(now)).collect();
    list.extend(waiting_products(status));
    list.extend(letters(status, reasons));
    list.extend(paused_queues(status));
    list.extend(undelivered_events(status.undelivered_events));
    list.extend(failed_feeds(&newest, now));
    list.extend(status.runs.iter().filter(|line| is_lost(line, now)).map(lost_run));
    list.extend(status.runs.iter().filter(|line| is_trying(line, now)).map(trying_run));
    list.extend(held_feeds(status));
    list.extend(refused_mappings(status));
    list.extend(refused_rules(status));
    list.extend(held_changes(status));
    list.extend(rejecting_feeds(&newest));
    list
}

fn waiting_products(status: &Status) -> impl Iterator<Item = Attention> {
    status.pending.waits.iter().filter_map(|wait| {
        let n = count(wait.products, "product");
        let stage = Stage::title_of(&wait.stage);
        match (&wait.code, &wait.message) {
            (Some(code), Some(message)) => Some(Attention {
                what: format!("{n} not in {stage} ({code}), such as {}: {}", wait.example, short(message, 300)),
                advice: remedy::advice(code),
            }),
            _ if wait.oldest_ms > OVERDUE_MS => Some(Attention {
                what: format!("{n} not in {stage} for up to {} and no reason on record", span(wait.oldest_ms)),
                advice: format!("`relay trace {}`; `relay sweep` announces it again", wait.example),
            }),
            _ => None,
        }
    })
}

fn letters(status: &Status, reasons: &Reasons) -> Vec<Attention> {
    // A letter about a product that is pending for the same reason has been told with it.
    let told = |queue: &QueueName, code: &str| {
        let stage = queue.stage().map(Stage::as_str);
        status.pending.waits.iter().any(|wait| Some(wait.stage.as_str()) == stage && wait.code.as_deref() == Some(code))
    };
    let untold = reasons.iter().filter(|((queue, _, code), _)| !told(queue, code));
    untold
        .map(|((queue, word, code), (n, example))| Attention {
            what: format!(
                "{} {word} on the {queue} queue ({code}), such as {}",
                count(*n, "letter"),
                short(example, 300)
            ),
            advice: remedy::advice(code),
        })
        .collect()
}

fn paused_queues(status: &Status) -> impl Iterator<Item = Attention> {
    status.queues.iter().filter_map(|queue| {
        let state = queue.feed.as_ref().filter(|state| matches!(state.as_str(), "Disabled" | "Disabling"))?;
        let advice = match status.breakers.iter().find(|breaker| breaker.may_pause(queue.queue)) {
            Some(breaker) => format!(
                "Nothing by itself: the breaker of {} paused it, and lets it go on when that is well.",
                breaker.name()
            ),
            None => "Somebody paused it. If that is no longer wanted, enable the function's event source mapping."
                .to_owned(),
        };
        Some(Attention {
            what: format!("the {} queue is paused ({state}); {} messages wait", queue.queue, queue.depth.all()),
            advice,
        })
    })
}

fn undelivered_events(events: u64) -> Option<Attention> {
    (events > 0).then(|| Attention {
        what: format!(
            "{} could not be delivered to a queue or a function",
            count(usize::try_from(events).unwrap_or(usize::MAX), "event")
        ),
        advice: "see docs/alarms.md#events-dlq-not-empty, \"Undelivered events\": a sweep makes up for announcements, a feed has to be replayed".to_owned(),
    })
}

/// Feeds that failed lately and were not read since.
fn failed_feeds(newest: &[&RunLine], now: i64) -> Vec<Attention> {
    let failed =
        newest.iter().filter(|line| line.run.status == RunStatus::Failed && now - line.run.started < FAILED_MS);
    let failed: Vec<&&RunLine> = failed.collect();
    let mut list: Vec<Attention> = failed
        .iter()
        .take(FAILED_LISTED)
        .map(|line| Attention {
            what: format!("a feed failed, {}: {}", line.object, line.run.reason.as_deref().unwrap_or("no reason")),
            advice: line.advice.clone().unwrap_or_default(),
        })
        .collect();
    if failed.len() > FAILED_LISTED {
        list.push(Attention {
            what: format!("{} more failed within a day", count(failed.len() - FAILED_LISTED, "feed")),
            advice: format!("`relay runs --limit {RUNS}`"),
        });
    }
    list
}

fn is_lost(line: &RunLine, now: i64) -> bool {
    line.run.status == RunStatus::Running && line.run.until.unwrap_or(line.run.started) + LOST_MS < now
}

fn lost_run(line: &RunLine) -> Attention {
    let why = line.run.reason.as_deref();
    let why = why.map_or_else(String::new, |why| format!("; the last attempt failed: {}", short(why, 300)));
    Attention {
        what: format!("{} is read up to record {}, and nobody is reading it{why}", line.object, line.run.record),
        advice: line.advice.clone().unwrap_or_default(),
    }
}

/// Between two attempts there is no reason yet to call it lost, but one to look.
fn is_trying(line: &RunLine, now: i64) -> bool {
    line.run.status == RunStatus::Running && line.run.reason.is_some() && !is_lost(line, now)
}

fn trying_run(line: &RunLine) -> Attention {
    let reason = line.run.reason.as_deref().unwrap_or_default();
    let why = short(reason, 300);
    Attention {
        what: format!("{} is read up to record {}; the last attempt failed: {why}", line.object, line.run.record),
        advice: remedy::mentioned(reason).map_or_else(String::new, remedy::Remedy::text),
    }
}

fn refused_mappings(status: &Status) -> impl Iterator<Item = Attention> {
    status.refused_mappings.iter().map(|(source, problems)| Attention {
        what: format!("the newest mapping of {source} is refused: {}", problems.join("; ")),
        advice: remedy::advice("mapping_invalid"),
    })
}

fn held_changes(status: &Status) -> Option<Attention> {
    (status.held_changes > 0).then(|| Attention {
        what: format!("{} held by rules until a person has looked", count(status.held_changes, "change")),
        advice: "`relay held list` names them; `relay held approve` or `relay held reject` ends it".to_owned(),
    })
}

fn refused_rules(status: &Status) -> Option<Attention> {
    (!status.refused_rules.is_empty()).then(|| Attention {
        what: format!("the newest rules are refused: {}", status.refused_rules.join("; ")),
        advice: remedy::advice("rules_invalid"),
    })
}

fn held_feeds(status: &Status) -> impl Iterator<Item = Attention> {
    status.held_feeds.iter().map(|held| Attention {
        what: format!(
            "nothing was withdrawn after the full feed {} (withdrawal_refused): it lacks more products than the guard allows",
            held.object
        ),
        advice: remedy::advice("withdrawal_refused").replace("<run>", &held.run),
    })
}

/// A feed that failed says more than that it rejected its last record.
fn rejecting_feeds(newest: &[&RunLine]) -> Vec<Attention> {
    let rejecting = newest.iter().filter(|line| line.run.counts.rejected > 0 && line.run.status != RunStatus::Failed);
    let told = rejecting.take(SHOWN).map(|line| {
        let counts = &line.run.counts;
        let by: Vec<String> = counts.rejected_by.iter().map(|(code, n)| format!("{n} {code}")).collect();
        Attention {
            what: format!("{} rejected {} of {} records: {}", line.object, counts.rejected, counts.read, by.join(", ")),
            advice: format!("`relay rejected {}`", line.run.name),
        }
    });
    told.collect()
}
