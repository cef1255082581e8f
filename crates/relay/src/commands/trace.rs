//! `relay trace <product>`: its whole story, and what to do next.

use catalog::{ErrorKind, ProductKey};
use ledger::{DesiredDoc, ProductState, Stage};
use redrive::overdue::stage_of;
use redrive::{Action, Filter, Handled, QueueName, Request, view};
use serde::Serialize;

use super::rejected::{self, Rejected};
use super::runs::{self, Line};
use crate::answer::Answer;
use crate::error::CliError;
use crate::remedy;
use crate::render::{ago, short, span};
use crate::stack::Stack;

/// Runs whose rejected records are searched for the product.
const RUNS: usize = 20;
/// Runs among which the product's own is looked up.
const KNOWN_RUNS: usize = 500;

/// The answer.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trace {
    /// The product, `source:id`.
    pub product: String,
    /// Where it stands and what to do.
    pub verdict: Verdict,
    /// What it should be, and where that came from.
    pub desired: Option<Desired>,
    /// What the ledger knows of it.
    pub state: Option<view::Product>,
    /// The feed run that brought it.
    pub run: Option<Line>,
    /// Records of it that recent runs rejected.
    pub rejected: Vec<Refusal>,
    /// Its dead and parked letters.
    pub letters: Vec<Letter>,
}

/// What a product should be.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Desired {
    /// Title.
    pub title: String,
    /// How many variants.
    pub variants: usize,
    /// The source no longer offers it.
    pub withdrawn: bool,
    /// Its version.
    pub version: String,
    /// Object and position in it.
    pub provenance: String,
}

/// A record that was rejected.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// By which run.
    pub run: String,
    /// When that began, in ms.
    pub started: i64,
    /// The record.
    #[serde(flatten)]
    pub record: Rejected,
}

/// A dead or parked letter.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Letter {
    /// Of which queue.
    pub queue: QueueName,
    /// `dead` or `parked`.
    pub place: &'static str,
    /// The letter.
    #[serde(flatten)]
    pub letter: Handled,
}

/// Where a product stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// In one sentence.
    pub summary: String,
    /// What to do; empty when there is nothing.
    pub advice: String,
    /// Whether a person should do something.
    pub attention: bool,
}

impl Verdict {
    fn fine(summary: String) -> Self {
        Self { summary, advice: String::new(), attention: false }
    }

    fn wait(summary: String, advice: impl Into<String>) -> Self {
        Self { summary, advice: advice.into(), attention: false }
    }

    fn act(summary: String, advice: impl Into<String>) -> Self {
        Self { summary, advice: advice.into(), attention: true }
    }
}

/// The command.
///
/// # Errors
/// When AWS does not answer, or the product key is none.
pub async fn run(stack: &Stack, product: &str, now: i64) -> Result<Answer, CliError> {
    let key: ProductKey = product.parse().map_err(|error: catalog::KeyError| CliError::NotFound {
        what: error.to_string(),
        advice: "a product is written source:id, such as shein-api:90854097".to_owned(),
    })?;
    let keys = std::slice::from_ref(&key);
    let (states, docs) = tokio::try_join!(stack.ledger.read_states(keys), stack.ledger.read_docs(keys))?;
    let state = states.get(&key).filter(|state| **state != ProductState::default()).cloned();
    let doc = match docs.into_iter().next() {
        Some((_, Ok(doc))) => Some(doc),
        Some((_, Err(error))) => return Err(error.into()),
        None => None,
    };
    let lines = runs::lines(stack, KNOWN_RUNS, now).await?;
    let run = state.as_ref().and_then(|state| state.run.as_deref());
    let run = lines.iter().find(|line| Some(line.run.run.as_str()) == run).cloned();
    let mut rejected = Vec::new();
    for line in lines.iter().take(RUNS).filter(|line| line.run.counts.rejected > 0) {
        rejected::each(stack, &line.run.run, |record| {
            if record.product_id.as_deref() == Some(key.id()) && of_source(&record.object, key.source()) {
                rejected.push(Refusal { run: line.run.run.clone(), started: line.run.started, record });
            }
            true
        })
        .await?;
    }
    let letters = letters(stack, &key).await?;
    let verdict = verdict(&key, state.as_ref(), doc.as_ref(), &rejected, now);
    let trace = Trace {
        product: key.to_string(),
        desired: doc.map(|doc| Desired {
            title: doc.product.name.base().unwrap_or_default().to_owned(),
            variants: doc.product.variants.len(),
            withdrawn: doc.product.withdrawn,
            version: doc.version.to_string(),
            provenance: doc.provenance,
        }),
        state: state.map(|state| view::Product::of(&key, &state)),
        verdict,
        run,
        rejected,
        letters,
    };
    let text = text(&trace, &stack.name, now);
    Ok(Answer::new(&trace, text, trace.verdict.attention))
}

/// Whether an object is a feed of a source: `s3://bucket/incoming/<source>/…`.
fn of_source(object: &str, source: &str) -> bool {
    object.split("/incoming/").nth(1).and_then(|rest| rest.split('/').next()).is_none_or(|own| own == source)
}

async fn letters(stack: &Stack, key: &ProductKey) -> Result<Vec<Letter>, CliError> {
    let mut letters = Vec::new();
    for (action, place) in [(Action::Inspect, "dead"), (Action::Unpark, "parked")] {
        let filter = Filter { product: Some(key.to_string()), ..Filter::default() };
        let request = Request { filter, dry_run: true, max: Some(50), ..Request::new(action) };
        let report = stack.redrive(&request).await?;
        for queue in report.queues {
            letters.extend(queue.letters.into_iter().map(|letter| Letter { queue: queue.queue, place, letter }));
        }
    }
    Ok(letters)
}

/// Where the product stands, from what is known of it. `rejected` has the newest first.
#[must_use]
pub fn verdict(
    key: &ProductKey,
    state: Option<&ProductState>,
    doc: Option<&DesiredDoc>,
    rejected: &[Refusal],
    now: i64,
) -> Verdict {
    let refusal = rejected.first();
    let Some(state) = state else {
        return match (refusal, doc) {
            (Some(refusal), _) => refused(refusal, "Its record was rejected"),
            (None, Some(_)) => Verdict::wait(
                "A feed has just brought it; its state is not written yet.".to_owned(),
                "If that stays, normalize died in between: the feed is resumed by its next message.",
            ),
            (None, None) => Verdict::act(
                format!("No feed has brought a product {key}, and none of the last {RUNS} runs rejected it."),
                "Check source and id, and with relay runs whether its feed was read.",
            ),
        };
    };
    if let Some(stage) = stage_of(state) {
        return under_way(key, state, stage, now);
    }
    // Every target holds what it should. What came after that?
    let arrived = doc.and_then(|doc| doc.version.as_str().get(..13)?.parse::<i64>().ok()).unwrap_or(0);
    if let Some(refusal) = refusal.filter(|refusal| refusal.started > arrived) {
        return refused(refusal, "It is as the last good record says, but a later record was rejected");
    }
    if let Some(error) = &state.medusa.last_error {
        let summary = format!("A change made in Pimcore has not reached the shop: {} [{}]", error.message, error.code);
        return of_error(summary, &error.code, error.kind);
    }
    match (&state.medusa.applied, &state.pimcore.applied) {
        (Some(shop), _) if shop.remote_id.is_some() => {
            Verdict::fine(format!("It is in Pimcore and in the shop as it should be, since {}.", ago(shop.at, now)))
        }
        (Some(_), Some(_)) => Verdict::wait(
            "It is in Pimcore and not for sale.".to_owned(),
            "That is right if it is unpublished, hidden or withdrawn there; publishing it brings it to the shop.",
        ),
        _ => Verdict::wait("Nothing is pending.".to_owned(), format!("relay diff {key} compares all three.")),
    }
}

fn under_way(key: &ProductKey, state: &ProductState, stage: Stage, now: i64) -> Verdict {
    let held = state.stage(stage);
    let name = target(stage);
    if let Some(until) = held.until.filter(|until| held.owner.is_some() && *until > now) {
        let left = span(until - now);
        return Verdict::wait(
            format!("It is being brought to {name} right now."),
            format!("Look again in a moment; the lease ends in {left}."),
        );
    }
    if let Some(error) = &held.last_error {
        let attempts = held.attempts;
        let summary = format!(
            "It is not in {name}: {} [{}]; attempt {attempts} failed {} ago",
            error.message,
            error.code,
            span(now - error.at)
        );
        return of_error(summary, &error.code, error.kind);
    }
    if let Some(at) = held.recheck_at {
        let summary = format!(
            "It was written to {name}, and is checked once more because an earlier request may have landed late."
        );
        let when = if at > now { format!("That is due in {}.", span(at - now)) } else { "That is due now.".to_owned() };
        return Verdict::wait(summary, when);
    }
    let waits = span(now - state.pending_since.unwrap_or(now));
    let summary = format!("It waits for {name} since {waits}; nobody has tried yet.");
    let advice = format!(
        "relay status shows whether its queue moves. After ten minutes a sweep announces it again; relay replay {key} does so now."
    );
    Verdict::wait(summary, advice)
}

fn of_error(summary: String, code: &str, kind: ErrorKind) -> Verdict {
    let advice = remedy::advice(code);
    match kind {
        ErrorKind::Transient | ErrorKind::Conflict => {
            let calm = remedy::of(code).is_some_and(|remedy| remedy.action.starts_with("If it stays"));
            if calm { Verdict::wait(summary, advice) } else { Verdict::act(summary, advice) }
        }
        ErrorKind::Permanent | ErrorKind::Poison => Verdict::act(summary, advice),
    }
}

fn refused(refusal: &Refusal, what: &str) -> Verdict {
    let record = &refusal.record;
    let place = record.path.as_ref().map(|path| format!(" at {path}")).unwrap_or_default();
    let summary = format!(
        "{what}: {}{place} [{}], record {} of {}, byte {}",
        record.message, record.reason, record.index, record.object, record.offset
    );
    Verdict::act(summary, remedy::advice(&record.reason))
}

const fn target(stage: Stage) -> &'static str {
    match stage {
        Stage::Pimcore => "Pimcore",
        Stage::Medusa => "the shop",
    }
}

/// The story in words.
fn text(trace: &Trace, stack: &str, now: i64) -> String {
    let mut text = format!("{}\n  {}", trace.product, trace.verdict.summary);
    if !trace.verdict.advice.is_empty() {
        text.push_str(&format!("\n  What to do: {}", trace.verdict.advice));
    }
    if let Some(desired) = &trace.desired {
        let withdrawn = if desired.withdrawn { ", withdrawn by the source" } else { "" };
        text.push_str(&format!(
            "\n\nShould be\n  {}, {} variants{withdrawn}\n  version  {}\n  from     {}",
            short(&desired.title, 100),
            desired.variants,
            desired.version,
            desired.provenance
        ));
    }
    if let Some(line) = &trace.run {
        text.push_str(&format!(
            "\n  run      {}, {}, {}",
            line.run.run,
            line.run.status.as_str(),
            ago(line.run.started, now)
        ));
    }
    if let Some(state) = &trace.state {
        for (name, stage) in [("Pimcore", &state.pimcore), ("Medusa", &state.medusa)] {
            text.push_str(&format!("\n\n{name}{}", stage_text(stage, state.hash.as_deref(), now)));
        }
        if let Some(since) = state.pending_since {
            text.push_str(&format!("\n\nPending since {}", ago(since, now)));
        }
    }
    for letter in &trace.letters {
        text.push_str(&format!(
            "\n\nLetter {} is {} on the {} queue: {} [{}]",
            letter.letter.message, letter.place, letter.queue, letter.letter.reason.message, letter.letter.reason.code
        ));
        text.push_str(&format!("\n  What to do: {}", remedy::advice(&letter.letter.reason.code)));
        if let Some(object) = &letter.letter.parked {
            text.push_str(&format!(
                "\n  kept in {object}; relay dlq unpark --message {} sends it back",
                letter.letter.message
            ));
        }
    }
    for refusal in &trace.rejected {
        let record = &refusal.record;
        text.push_str(&format!(
            "\n\nRejected by run {} ({}): {} [{}], record {}, byte {}",
            refusal.run,
            ago(refusal.started, now),
            record.message,
            record.reason,
            record.index,
            record.offset
        ));
    }
    if let Some(run) = trace.state.as_ref().and_then(|state| state.run.as_ref()) {
        text.push_str(&format!(
            "\n\nLog lines of this run: filter the log groups /aws/lambda/{stack}-normalize, -pimcore-sync, -medusa-push by \"{run}\""
        ));
    }
    text
}

fn stage_text(stage: &view::Stage, desired: Option<&str>, now: i64) -> String {
    let mut text = String::new();
    match (&stage.version, stage.at) {
        (Some(version), Some(at)) => {
            let same = if stage.hash.as_deref() == desired { "as it should be" } else { "older content" };
            let id = stage.remote_id.as_ref().map_or_else(|| "not there".to_owned(), |id| format!("id {id}"));
            text.push_str(&format!("\n  holds    version {version}: {same}, {id}\n  since    {}", ago(at, now)));
        }
        _ => text.push_str("\n  holds    nothing of it yet"),
    }
    if let Some(until) = stage.leased_until {
        let word = if until > now { "until" } else { "expired at" };
        text.push_str(&format!("\n  leased   {word} {}", crate::render::time(until)));
    }
    if let Some(at) = stage.recheck_at {
        text.push_str(&format!("\n  recheck  at {}", crate::render::time(at)));
    }
    if let Some(error) = &stage.last_error {
        text.push_str(&format!(
            "\n  attempts {}, last failed {}\n  error    {} [{}: {}]",
            stage.attempts,
            ago(error.at, now),
            error.reason.message,
            error.reason.kind,
            error.reason.code
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use catalog::{ContentHash, Version};
    use ledger::{Applied, RecordedError};

    use super::*;

    const NOW: i64 = 1_795_000_000_000;

    fn key() -> ProductKey {
        "demo:77".parse().unwrap()
    }

    fn pending() -> ProductState {
        ProductState {
            hash: Some(ContentHash::from_text("h")),
            version: Some(Version::new(1_794_999_000_000, "00", 0)),
            pending_since: Some(NOW - 90_000),
            run: Some("run-1".into()),
            ..ProductState::default()
        }
    }

    fn applied(remote_id: Option<&str>) -> Applied {
        let (hash, version) = (ContentHash::from_text("h"), Version::new(1, "00", 0));
        Applied { hash, version, remote_id: remote_id.map(str::to_owned), view: None, at: NOW - 60_000 }
    }

    fn refusal(started: i64) -> Refusal {
        let record = Rejected {
            index: 4,
            offset: 812,
            product_id: Some("77".into()),
            reason: "negative_price".into(),
            message: "SKU s1: the SAR price is -3".into(),
            path: Some("$.price".into()),
            value: None,
            object: "s3://b/incoming/demo/a.json".into(),
        };
        Refusal { run: "run-2".into(), started, record }
    }

    fn said(state: Option<&ProductState>, rejected: &[Refusal]) -> (String, String, bool) {
        let verdict = verdict(&key(), state, None, rejected, NOW);
        (verdict.summary, verdict.advice, verdict.attention)
    }

    #[test]
    fn a_product_nobody_brought_and_one_that_was_rejected_are_told_apart() {
        let (summary, advice, attention) = said(None, &[]);
        assert!(summary.contains("No feed has brought a product demo:77") && attention, "{summary}");
        assert!(advice.contains("relay runs"));
        let (summary, advice, _) = said(None, &[refusal(NOW)]);
        assert!(summary.contains("-3") && summary.contains("record 4") && summary.contains("byte 812"), "{summary}");
        assert!(advice.contains("Ask the supplier"), "{advice}");
    }

    #[test]
    fn a_failed_attempt_is_told_with_its_remedy() {
        let mut state = pending();
        state.pimcore.attempts = 3;
        state.pimcore.last_error = Some(RecordedError {
            kind: ErrorKind::Transient,
            code: "pimcore_forbidden".into(),
            message: "Pimcore does not accept the API key".into(),
            at: NOW - 5_000,
        });
        let (summary, advice, attention) = said(Some(&state), &[]);
        assert!(summary.contains("not in Pimcore") && summary.contains("attempt 3 failed 5 s ago"), "{summary}");
        assert!(advice.contains("into the secret") && attention, "{advice}");
        state.pimcore.last_error =
            state.pimcore.last_error.map(|e| RecordedError { code: "pimcore_timeout".into(), ..e });
        assert!(!said(Some(&state), &[]).2, "a timeout needs nobody at once");
    }

    #[test]
    fn waiting_working_and_checking_once_more_are_no_alarm() {
        let mut state = pending();
        let (summary, advice, attention) = said(Some(&state), &[]);
        assert!(summary.contains("waits for Pimcore since 1 min 30 s") && !attention, "{summary}");
        assert!(advice.contains("relay replay demo:77"));
        state.pimcore.owner = Some("w".into());
        state.pimcore.until = Some(NOW + 30_000);
        assert!(said(Some(&state), &[]).0.contains("right now"));
        state.pimcore = ledger::StageState {
            recheck_at: Some(NOW + 1_000),
            applied: Some(applied(Some("7"))),
            ..Default::default()
        };
        assert!(said(Some(&state), &[]).0.contains("checked once more"));
    }

    #[test]
    fn a_product_that_arrived_says_so_and_one_that_is_not_for_sale_says_why() {
        let mut state = ProductState { pending_since: None, ..pending() };
        state.pimcore.applied = Some(applied(Some("7")));
        state.medusa.applied = Some(applied(Some("prod_1")));
        assert!(said(Some(&state), &[]).0.contains("as it should be"));
        assert!(said(Some(&state), &[refusal(NOW)]).0.contains("a later record was rejected"));
        state.medusa.applied = Some(applied(None));
        let (summary, advice, attention) = said(Some(&state), &[]);
        assert!(summary.contains("not for sale") && advice.contains("publishing it") && !attention);
    }

    #[test]
    fn the_text_has_everything_in_one_place() {
        let state = pending();
        let trace = Trace {
            product: "demo:77".into(),
            verdict: verdict(&key(), Some(&state), None, &[], NOW),
            desired: Some(Desired {
                title: "Shirt".into(),
                variants: 2,
                withdrawn: false,
                version: "v".into(),
                provenance: "s3://b/incoming/demo/a.json record 3 at byte 120".into(),
            }),
            state: Some(view::Product::of(&key(), &state)),
            run: None,
            rejected: vec![refusal(NOW)],
            letters: vec![],
        };
        let text = text(&trace, "catalog-relay", NOW);
        for part in
            ["record 3 at byte 120", "holds    nothing of it yet", "Pending since", "run-1", "Rejected by run run-2"]
        {
            assert!(text.contains(part), "{part} is missing in:\n{text}");
        }
    }
}
