//! `relay status`: what waits, what is dead, the last runs, and what needs attention.

mod attention;
mod drafts;
mod lags;
mod lines;

use std::collections::BTreeMap;

use catalog::{ErrorKind, ProductKey};
use futures::future::try_join_all;
use ledger::core::state::PENDING_SHARDS;
use ledger::{ProductState, Stage};
use redrive::overdue::stage_of;
use redrive::{QueueName, RedriveAction, RedriveRequest};
use serde::Serialize;

pub use attention::attention;

use super::runs::{self, RunLine};
use super::withdraw::{self, RefusedFeed};
use super::{articles, breakers, held, rules_in_force};
use crate::answer::Answer;
use crate::error::CliError;
use crate::render::{count, span, table};
use crate::stack::{Depth, Stack, aws_error};

/// Pending products looked at, the oldest of each shard.
const LOOKED_AT: usize = 1_000;
/// Pending products counted, per shard.
const COUNTED: usize = 20_000;
/// Runs looked at, the newest ones.
const RUNS: usize = 100;
/// Runs shown.
const SHOWN: usize = 5;
/// Products named of those that people deleted.
const EXAMPLES: usize = 3;

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    pub stack: String,
    /// Products that have not reached both targets, with why not.
    pub pending: Pending,
    pub queues: Vec<Queue>,
    /// The breakers of both targets.
    pub breakers: Vec<breakers::BreakerLine>,
    /// Events and schedules that could not be delivered.
    pub undelivered_events: u64,
    pub runs: Vec<RunLine>,
    /// How long products took from their feed, of the last 24 hours.
    pub lags: Vec<lags::Arrived>,
    /// Full feeds that the guard against mass withdrawal holds back.
    pub held_feeds: Vec<RefusedFeed>,
    /// Lines of declared parts that no product has come for.
    pub waiting_lines: lines::WaitingLines,
    /// Products that people took off sale in the shop, which stands.
    pub set_aside: Vec<String>,
    /// Products that people deleted in Pimcore, which stands, the earliest first.
    pub deleted: Vec<String>,
    /// Unpublished drafts that our writes hid in Pimcore.
    pub hidden_drafts: drafts::HiddenDrafts,
    /// Mappings whose newest file is refused: the source, and why.
    pub refused_mappings: BTreeMap<String, Vec<String>>,
    /// Why the newest rules are refused.
    pub refused_rules: Vec<String>,
    /// Changes that wait for a person.
    pub held_changes: usize,
    /// How far products have followed the rules in force; nothing where they have.
    pub rules_walk: Option<String>,
    /// How far products have followed the setting of articles; nothing where they have.
    pub articles_walk: Option<String>,
    /// What a person should look at, with what to do.
    pub attention: Vec<Attention>,
}

/// Products under way.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pending {
    pub products: usize,
    /// There are more than were counted.
    pub more: bool,
    /// Since how many ms the oldest is pending.
    pub oldest_ms: Option<i64>,
    pub oldest: Option<String>,
    /// What they wait for, of the oldest thousand.
    pub waits: Vec<Wait>,
}

/// Products that wait for the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Wait {
    pub stage: String,
    /// With which recorded error, if any.
    pub code: Option<String>,
    pub kind: Option<ErrorKind>,
    pub products: usize,
    pub example: String,
    pub message: Option<String>,
    /// Since how many ms the oldest of them is pending.
    pub oldest_ms: i64,
}

/// A queue with its dead letters.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Queue {
    pub queue: QueueName,
    #[serde(flatten)]
    pub depth: Depth,
    /// Letters on its dead-letter queue.
    pub dead: u64,
    /// Parked letters (a thousand or more count as a thousand).
    pub parked: usize,
    /// `Enabled` when its function is given messages.
    pub feed: Option<String>,
}

/// Something a person should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attention {
    pub what: String,
    pub advice: String,
}

/// The command.
///
/// # Errors
/// When AWS does not answer.
pub async fn run(stack: &Stack, now: i64) -> Result<Answer, CliError> {
    let status = collect(stack, now).await?;
    let text = text(&status, now);
    Ok(Answer::new(&status, text, !status.attention.is_empty()))
}

async fn collect(stack: &Stack, now: i64) -> Result<Status, CliError> {
    let shards = (0..PENDING_SHARDS).map(|shard| stack.ledger.pending(shard, i64::MAX, COUNTED));
    let shards = try_join_all(shards).await?;
    let more = shards.iter().any(|rows| rows.len() >= COUNTED);
    let mut all: Vec<(ProductKey, i64)> = shards.into_iter().flatten().collect();
    all.sort_by_key(|(_, since)| *since);
    let oldest: Vec<ProductKey> = all.iter().take(LOOKED_AT).map(|(key, _)| key.clone()).collect();
    let states =
        if oldest.is_empty() { Vec::new() } else { stack.ledger.read_states(&oldest).await?.into_iter().collect() };
    let pending = Pending {
        products: all.len(),
        more,
        oldest_ms: all.first().map(|(_, since)| now - since),
        oldest: all.first().map(|(key, _)| key.to_string()),
        waits: waits(&states, now),
    };
    let queues = try_join_all(QueueName::ALL.map(|name| queue(stack, name))).await?;
    let undelivered_events = match stack.events_dlq().await {
        Some(url) => stack.depth(&url).await?.all(),
        None => 0,
    };
    let runs = runs::lines(stack, RUNS, now).await?;
    let (held_feeds, breakers) = tokio::try_join!(withdraw::held(stack, now), breakers::lines(stack))?;
    let set_aside = stack.ledger.set_aside().await?.into_iter().map(|(key, _)| key.to_string()).collect();
    let deleted = stack.ledger.gone().await?.into_iter().map(|(key, _)| key.to_string()).collect();
    let heads = stack.ledger.config_heads("source").await?;
    let refused_mappings = heads.into_iter().filter_map(|(name, head)| Some((name, head.refused?.problems))).collect();
    let rules = stack.ledger.config_head(want::KIND, want::NAME).await?;
    let rules_walk =
        rules_in_force::progress(stack, &rules, now).await?.filter(|walk| !walk.done).map(|walk| walk.words);
    let mut status = Status {
        refused_rules: rules.refused.map(|refused| refused.problems).unwrap_or_default(),
        rules_walk,
        articles_walk: articles::under_way(stack, now).await?,
        held_changes: held::waiting(stack).await?.len(),
        waiting_lines: lines::waiting(stack, now).await?,
        refused_mappings,
        held_feeds,
        breakers,
        set_aside,
        deleted,
        hidden_drafts: drafts::hidden(stack).await?,
        lags: lags::arrived(stack, now).await?,
        stack: stack.name.clone(),
        pending,
        queues,
        undelivered_events,
        runs,
        attention: Vec::new(),
    };
    let reasons = reasons(stack, &status.queues).await?;
    status.attention = attention(&status, &reasons, now);
    Ok(status)
}

async fn queue(stack: &Stack, name: QueueName) -> Result<Queue, CliError> {
    let (url, dead) = &stack.queues[&name];
    let function = match name {
        QueueName::Ingest => "normalize",
        QueueName::Pimcore => "pimcore-sync",
        QueueName::Medusa => "medusa-push",
    };
    let prefix = format!("{}{name}/", redrive::parked::PREFIX);
    let listed = stack.s3().list_objects_v2().bucket(&stack.bucket).prefix(&prefix).send().await;
    let listed = listed.map_err(|error| aws_error("S3 ListObjectsV2", &prefix, &error))?;
    Ok(Queue {
        queue: name,
        depth: stack.depth(url).await?,
        dead: stack.depth(dead).await?.all(),
        parked: listed.contents.unwrap_or_default().len(),
        feed: stack.fed(function).await?,
    })
}

/// Why letters are dead or parked: how many for which code, and what one of them says.
pub type Reasons = BTreeMap<(QueueName, &'static str, String), (usize, String)>;

async fn reasons(stack: &Stack, queues: &[Queue]) -> Result<Reasons, CliError> {
    let mut reasons = Reasons::new();
    for queue in queues {
        for (there, action, word) in
            [(queue.dead > 0, RedriveAction::Inspect, "dead"), (queue.parked > 0, RedriveAction::Parked, "parked")]
        {
            if !there {
                continue;
            }
            let request = RedriveRequest { queue: Some(queue.queue), max: Some(200), ..RedriveRequest::new(action) };
            for letter in stack.redrive(&request).await?.queues.into_iter().flat_map(|report| report.letters) {
                let entry = reasons.entry((queue.queue, word, letter.reason.code)).or_default();
                entry.0 += 1;
                entry.1 = format!("{}: {}", letter.subject, letter.reason.message);
            }
        }
    }
    Ok(reasons)
}

/// Pending products, grouped by what they wait for.
#[must_use]
pub fn waits(states: &[(ProductKey, ProductState)], now: i64) -> Vec<Wait> {
    let mut groups: BTreeMap<(&'static str, Option<String>), Wait> = BTreeMap::new();
    for (key, state) in states {
        let (Some(stage), Some(since)) = (stage_of(state), state.pending_since) else { continue };
        let held = state.stage(stage);
        let error = held.last_error.as_ref().filter(|_| held.attempts > 0);
        let group = groups.entry((stage.as_str(), error.map(|error| error.code.clone()))).or_insert_with(|| Wait {
            stage: stage.as_str().to_owned(),
            code: error.map(|error| error.code.clone()),
            kind: error.map(|error| error.kind),
            products: 0,
            example: key.to_string(),
            message: error.map(|error| error.message.clone()),
            oldest_ms: 0,
        });
        group.products += 1;
        group.oldest_ms = group.oldest_ms.max(now - since);
    }
    let mut waits: Vec<Wait> = groups.into_values().collect();
    waits.sort_by_key(|wait| std::cmp::Reverse(wait.products));
    waits
}

#[must_use]
pub fn text(status: &Status, now: i64) -> String {
    let mut parts = Vec::new();
    let pending = &status.pending;
    let oldest = match (pending.oldest_ms, &pending.oldest) {
        (Some(age), Some(product)) => format!(", the oldest for {}: {product}", span(age)),
        _ => String::new(),
    };
    let more = if pending.more { " or more" } else { "" };
    parts.push(format!("{}: {}{more} on the way{oldest}", status.stack, count(pending.products, "product")));
    if !pending.waits.is_empty() {
        parts.push(waits_table(&pending.waits));
    }
    let rows = status.queues.iter().map(|queue| {
        [
            queue.queue.to_string(),
            queue.depth.waiting.to_string(),
            queue.depth.in_flight.to_string(),
            queue.depth.delayed.to_string(),
            queue.dead.to_string(),
            if queue.parked >= 1000 { "1000+".to_owned() } else { queue.parked.to_string() },
            queue.feed.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    });
    parts.push(table(["queue", "waiting", "in flight", "delayed", "dead", "parked", "consumer"], rows));
    if !status.runs.is_empty() {
        parts.push(runs_table(&status.runs, now));
    }
    parts.extend(lags::text(&status.lags));
    if let Some(walk) = &status.rules_walk {
        parts.push(format!("The rules in force: {walk}."));
    }
    if let Some(walk) = &status.articles_walk {
        parts.push(format!("Articles: {walk}."));
    }
    parts.extend(lines::text(&status.waiting_lines));
    if let Some(first) = status.set_aside.first() {
        let n = count(status.set_aside.len(), "product");
        parts.push(format!("{n} set aside by people in the shop, such as {first}: `relay trace` says how to end it."));
    }
    if !status.deleted.is_empty() {
        let n = count(status.deleted.len(), "product");
        let examples = status.deleted.iter().take(EXAMPLES).cloned().collect::<Vec<_>>().join(", ");
        parts.push(format!(
            "{n} deleted by people in Pimcore, such as {examples}: no feed makes them again; `relay trace` says how to end it."
        ));
    }
    parts.extend(drafts::text(&status.hidden_drafts, now));
    parts.push(if status.attention.is_empty() {
        "Nothing needs attention.".to_owned()
    } else {
        let lines: Vec<String> =
            status.attention.iter().map(|item| format!("  - {}\n    What to do: {}", item.what, item.advice)).collect();
        format!("Needs attention\n{}", lines.join("\n"))
    });
    parts.join("\n\n")
}

fn waits_table(waits: &[Wait]) -> String {
    let rows = waits.iter().map(|wait| {
        [
            Stage::title_of(&wait.stage).to_owned(),
            wait.products.to_string(),
            span(wait.oldest_ms),
            wait.kind.map_or_else(|| "-".to_owned(), |kind| kind.to_string()),
            wait.code.clone().unwrap_or_else(|| "no error".to_owned()),
        ]
    });
    table(["not yet in", "products", "oldest", "kind", "last error"], rows)
}

fn runs_table(runs: &[RunLine], now: i64) -> String {
    let rows = runs.iter().take(SHOWN).map(|line| {
        let counts = &line.run.counts;
        let ago = format!("{} ago", span(now - line.run.started));
        let numbers = [counts.read, counts.changed, counts.rejected, counts.waiting].map(|n| n.to_string());
        let [read, changed, rejected, waiting] = numbers;
        let status = line.run.status.as_str().to_owned();
        [line.run.name.clone(), status, ago, read, changed, rejected, waiting, line.object.clone()]
    });
    table(["run", "status", "started", "read", "changed", "rejected", "not arrived", "object"], rows)
}

#[cfg(test)]
mod tests {
    use catalog::ContentHash;
    use ledger::{RecordedError, RunStatus};

    use super::attention::OVERDUE_MS;
    use super::*;

    const NOW: i64 = 1_795_000_000_000;

    fn pending(error: Option<(ErrorKind, &str, &str)>, age: i64) -> ProductState {
        let mut state = ProductState {
            hash: Some(ContentHash::from_text("h")),
            pending_since: Some(NOW - age),
            ..ProductState::default()
        };
        state.pimcore.last_error = error.map(|(kind, code, message)| RecordedError {
            kind,
            code: code.into(),
            message: message.into(),
            at: NOW,
        });
        state.pimcore.attempts = 1;
        state
    }

    fn status_of(states: &[(ProductKey, ProductState)], reasons: &Reasons) -> Status {
        let mut status = Status { stack: "catalog-relay".into(), ..Status::default() };
        status.pending.waits = waits(states, NOW);
        status.attention = attention(&status, reasons, NOW);
        status
    }

    fn key(id: &str) -> ProductKey {
        ProductKey::new("demo", id).unwrap()
    }

    #[test]
    fn products_that_wait_for_the_same_are_one_line_with_cause_and_remedy() {
        let secret = Some((ErrorKind::Transient, "secret_missing", "secret catalog-relay/pimcore does not exist"));
        let states =
            [(key("1"), pending(secret, 5_000)), (key("2"), pending(secret, 9_000)), (key("3"), pending(None, 1))];
        let status = status_of(&states, &Reasons::new());
        assert_eq!(status.pending.waits.len(), 2);
        assert_eq!(status.attention.len(), 1);
        let text = text(&status, NOW);
        assert!(text.contains("2 products not in Pimcore (secret_missing)"), "{text}");
        assert!(text.contains("catalog-relay/pimcore does not exist") && text.contains("docs/deployment.md"), "{text}");
    }

    #[test]
    fn what_is_pending_for_long_without_a_reason_is_told_too() {
        let status = status_of(&[(key("1"), pending(None, 2 * OVERDUE_MS))], &Reasons::new());
        assert!(status.attention[0].what.contains("no reason on record"), "{:?}", status.attention);
        assert!(status.attention[0].advice.contains("relay trace demo:1"));
    }

    #[test]
    fn dead_letters_and_undelivered_events_need_attention() {
        let dead = (QueueName::Medusa, "parked", "medusa_sku_taken".to_owned());
        let reasons = Reasons::from([(dead, (3, "demo:1: SKU S1 belongs to prod_9".to_owned()))]);
        let mut status = status_of(&[], &reasons);
        status.undelivered_events = 2;
        status.attention = attention(&status, &reasons, NOW);
        let text = text(&status, NOW);
        assert!(text.contains("3 letters parked on the medusa queue (medusa_sku_taken)"), "{text}");
        assert!(text.contains("relay dlq unpark --code medusa_sku_taken"), "{text}");
        assert!(text.contains("2 events could not be delivered"), "{text}");
    }

    #[test]
    fn a_full_feed_that_the_guard_refused_is_told_with_the_command_that_overrules_it() {
        let mut status = status_of(&[], &Reasons::new());
        status.held_feeds = vec![RefusedFeed {
            source: "demo".into(),
            run: "r9".into(),
            object: "s3://b/incoming/demo/full.json".into(),
        }];
        status.attention = attention(&status, &Reasons::new(), NOW);
        let text = text(&status, NOW);
        assert!(text.contains("incoming/demo/full.json") && text.contains("relay withdraw r9"), "{text}");
    }

    #[test]
    fn what_people_deleted_is_counted_with_examples_and_is_no_trouble() {
        let mut status = status_of(&[], &Reasons::new());
        status.deleted = (1..=5).map(|n| format!("demo:{n}")).collect();
        let text = text(&status, NOW);
        assert!(text.contains("5 products deleted by people in Pimcore, such as demo:1, demo:2, demo:3:"), "{text}");
        assert!(text.ends_with("Nothing needs attention."));
    }

    #[test]
    fn a_quiet_stack_needs_nothing() {
        let status = status_of(&[], &Reasons::new());
        assert!(text(&status, NOW).ends_with("Nothing needs attention."));
    }

    #[test]
    fn what_comes_from_outside_does_nothing_to_the_terminal() {
        use crate::shown::{WILD, assert_tame};
        let error = Some((ErrorKind::Permanent, WILD, WILD));
        let dead = (QueueName::Ingest, "parked", WILD.to_owned());
        let mut status = status_of(&[(key("1"), pending(error, 5_000))], &Reasons::new());
        let run = |status| ledger::Run {
            name: "run-1".into(),
            status,
            offset: 0,
            record: 0,
            resume: None,
            counts: ledger::Counts {
                rejected: 1,
                rejected_by: [(WILD.to_owned(), 1)].into(),
                ..ledger::Counts::default()
            },
            started: NOW,
            finished: None,
            reason: Some(WILD.into()),
            owner: None,
            until: None,
        };
        for (number, kind) in [RunStatus::Failed, RunStatus::Running, RunStatus::Completed].into_iter().enumerate() {
            status.runs.push(runs::line(&format!("F#b#incoming/demo/{WILD}{number}#v1"), run(kind), NOW));
        }
        status.pending.oldest = Some(WILD.into());
        status.deleted = vec![WILD.into()];
        let draft = drafts::HiddenDraft { product: WILD.into(), object: None, link: Some(WILD.into()), since: NOW };
        status.hidden_drafts.products = vec![draft];
        status.pending.oldest_ms = Some(1);
        status.attention = attention(&status, &Reasons::from([(dead, (1, WILD.to_owned()))]), NOW);
        assert!(status.attention.len() >= 5, "{:?}", status.attention);
        assert_tame(&Answer::new(&status, text(&status, NOW), true));
    }
}
