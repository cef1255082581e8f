//! The policy as a table: what is known of a letter → what becomes of it.

use std::collections::BTreeMap;

use catalog::{ContentHash, ErrorKind, ProductKey, Version};
use ledger::core::stage::Applied;
use ledger::{ProductState, RecordedError, Run, RunId, RunStatus, Stage, StageState};
use proptest::prelude::*;
use redrive::letter::{Attribute, CODE, FIRST, KIND, REASON, REDRIVES};
use redrive::{DeadLetter, Decision, Facts, Known, Limits, QueueName, Subject, decide};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const NOW: i64 = 1_795_000_000_000;

fn key() -> ProductKey {
    "demo:1".parse().expect("a key")
}

fn letter(age: i64) -> DeadLetter {
    DeadLetter {
        id: "m1".into(),
        body: r#"{"source":"demo","productId":"1"}"#.into(),
        attributes: BTreeMap::new(),
        sent_ms: NOW - age,
        trace: None,
    }
}

fn with_reason(mut letter: DeadLetter, kind: &str, code: &str) -> DeadLetter {
    for (name, value) in [(KIND, kind), (CODE, code), (REASON, "as the function said")] {
        letter.attributes.insert(name.into(), Attribute::text(value));
    }
    letter
}

fn redriven(mut letter: DeadLetter, times: i64) -> DeadLetter {
    letter.attributes.insert(REDRIVES.into(), Attribute::number(times));
    letter.attributes.insert(FIRST.into(), Attribute::number(letter.sent_ms - DAY));
    letter
}

/// A product whose desired content (`h2`) arrived `age` ago.
fn desired(age: i64) -> ProductState {
    ProductState {
        version: Some(Version::new(u64::try_from(NOW - age).expect("a time"), "00", 0)),
        hash: Some(ContentHash::from_text("h2")),
        pending_since: Some(NOW - age),
        ..ProductState::default()
    }
}

fn applied(hash: &str, age: i64) -> StageState {
    StageState {
        applied: Some(Applied {
            hash: ContentHash::from_text(hash),
            version: Version::from_text("v"),
            remote_id: Some("7".into()),
            view: None,
            seen: None,
            at: NOW - age,
        }),
        ..StageState::default()
    }
}

fn failed(kind: ErrorKind, code: &str) -> StageState {
    let last_error = RecordedError { kind, code: code.into(), message: "as the ledger has it".into(), at: NOW - HOUR };
    StageState { last_error: Some(last_error), attempts: 8, ..StageState::default() }
}

fn leased(until: i64) -> StageState {
    StageState { owner: Some("worker".into()), until: Some(until), ..StageState::default() }
}

struct Row {
    what: &'static str,
    queue: QueueName,
    letter: DeadLetter,
    state: ProductState,
    answers: bool,
    expect: (&'static str, &'static str),
}

fn decided(row: &Row) -> Decision {
    let subject = row.letter.subject(row.queue);
    let known = match subject {
        Subject::Product(_) => Known::Product(Box::new(row.state.clone())),
        _ => Known::Nothing,
    };
    let facts =
        Facts { queue: row.queue, letter: &row.letter, subject: &subject, known: &known, target_answers: row.answers };
    decide(&facts, &Limits::default(), NOW)
}

#[test]
fn the_state_of_the_product_decides() {
    use ErrorKind::{Permanent, Poison, Transient};
    use QueueName::{Medusa, Pimcore};
    let row = |what, queue, letter, state, expect| Row { what, queue, letter, state, answers: true, expect };
    let pim = |stage: StageState| ProductState { pimcore: stage, ..desired(2 * HOUR) };
    let shop = |stage: StageState| ProductState { medusa: stage, ..desired(2 * HOUR) };
    let down = |row: Row| Row { answers: false, ..row };
    let refused = |code| with_reason(letter(HOUR), "permanent", code);
    let at_rest = |stage: StageState| ProductState { pending_since: None, ..shop(stage) };
    let newer = |stage: StageState| ProductState { pimcore: stage, ..desired(10 * MINUTE) };
    #[rustfmt::skip]
    let table = [
        row("no reason anywhere: the function died", Pimcore, letter(HOUR), desired(2 * HOUR), ("redrive", "no_reason_recorded")),
        row("the PIM holds the desired content", Pimcore, letter(HOUR), pim(applied("h2", 1)), ("drop", "healed")),
        row("the PIM holds older content", Pimcore, letter(HOUR), pim(applied("h1", 1)), ("redrive", "no_reason_recorded")),
        row("the PIM held it, but a late request may have changed it", Pimcore, letter(HOUR), pim(StageState { recheck_at: Some(NOW), ..applied("h2", 1) }), ("redrive", "no_reason_recorded")),
        row("the shop was brought up to date later", Medusa, letter(HOUR), shop(applied("h2", 10 * MINUTE)), ("drop", "healed")),
        row("the shop was last brought up to date before", Medusa, letter(HOUR), shop(applied("h2", 2 * HOUR)), ("redrive", "no_reason_recorded")),
        row("the work on the shop may have begun before the letter was sent", Medusa, letter(HOUR), shop(applied("h2", HOUR - MINUTE)), ("redrive", "no_reason_recorded")),
        row("a transient failure", Pimcore, letter(HOUR), pim(failed(Transient, "pimcore_timeout")), ("redrive", "pimcore_timeout")),
        row("the target refuses it", Medusa, letter(HOUR), shop(failed(Permanent, "medusa_refused")), ("park", "medusa_refused")),
        row("a poisonous product", Medusa, letter(HOUR), shop(failed(Poison, "odd")), ("park", "odd")),
        row("the other stage's failure is not this one's", Pimcore, letter(HOUR), shop(failed(Permanent, "medusa_refused")), ("redrive", "no_reason_recorded")),
        row("refused, says the letter only", Pimcore, refused("ledger_item_damaged"), desired(2 * HOUR), ("park", "ledger_item_damaged")),
        row("refused, but newer content has come since", Pimcore, refused("pimcore_invalid_value"), newer(StageState::default()), ("redrive", "superseded")),
        row("refused, and the newer content too", Pimcore, refused("pimcore_invalid_value"), newer(failed(Permanent, "pimcore_field_too_long")), ("park", "pimcore_field_too_long")),
        row("the ledger's word is newer than the letter's", Pimcore, refused("pimcore_invalid_value"), pim(failed(Transient, "pimcore_timeout")), ("redrive", "pimcore_timeout")),
        row("refused by the shop, and brought there a moment after the letter was sent", Medusa, refused("medusa_sku_taken"), at_rest(applied("h2", HOUR - 1)), ("drop", "healed")),
        row("refused by the shop, and brought there while the letter was on its way", Medusa, refused("medusa_sku_taken"), at_rest(applied("h2", HOUR + MINUTE)), ("drop", "healed")),
        row("refused by the shop, brought there a moment later, and something is pending again", Medusa, refused("medusa_sku_taken"), shop(applied("h2", HOUR - 1)), ("park", "medusa_sku_taken")),
        row("moved by SQS, which says nothing: the shop may have been looked at before", Medusa, letter(HOUR), at_rest(applied("h2", HOUR - 1)), ("redrive", "no_reason_recorded")),
        row("somebody is at it", Pimcore, letter(HOUR), pim(leased(NOW + MINUTE)), ("leave", "being_worked_on")),
        row("somebody was at it and died", Pimcore, letter(HOUR), pim(leased(NOW - MINUTE)), ("redrive", "no_reason_recorded")),
        row("the PIM knows no such product", Pimcore, letter(HOUR), ProductState::default(), ("park", "unknown_product")),
        row("the shop may show what no feed brought", Medusa, letter(HOUR), ProductState::default(), ("redrive", "no_reason_recorded")),
        row("not a message", Pimcore, DeadLetter { body: "\u{7}?".into(), ..letter(HOUR) }, ProductState::default(), ("park", "message_not_understood")),
        row("ten days old", Pimcore, letter(10 * DAY), pim(failed(Transient, "pimcore_timeout")), ("park", "too_old")),
        row("ten days old, and healed", Pimcore, letter(10 * DAY), pim(applied("h2", 1)), ("drop", "healed")),
        row("nine days old", Pimcore, letter(9 * DAY), pim(failed(Transient, "x")), ("redrive", "x")),
        row("redriven a moment ago", Pimcore, redriven(letter(MINUTE), 1), pim(failed(Transient, "x")), ("leave", "waiting")),
        row("redriven ten minutes ago", Pimcore, redriven(letter(10 * MINUTE), 1), pim(failed(Transient, "x")), ("redrive", "x")),
        row("redriven three times, ten minutes ago", Pimcore, redriven(letter(10 * MINUTE), 3), pim(failed(Transient, "x")), ("leave", "waiting")),
        row("redriven three times, 40 minutes ago", Pimcore, redriven(letter(40 * MINUTE), 3), pim(failed(Transient, "x")), ("redrive", "x")),
        row("redriven as often as allowed", Pimcore, redriven(letter(DAY), 8), pim(failed(Transient, "x")), ("park", "redrives_exhausted")),
        down(row("the target is down", Medusa, letter(HOUR), shop(failed(Transient, "x")), ("leave", "target_unavailable"))),
        down(row("down, redriven as often as allowed", Medusa, redriven(letter(DAY), 8), desired(DAY), ("leave", "target_unavailable"))),
        down(row("down does not keep what is refused", Medusa, letter(HOUR), shop(failed(Permanent, "x")), ("park", "x"))),
        down(row("down does not keep what is healed", Pimcore, letter(HOUR), pim(applied("h2", 1)), ("drop", "healed"))),
        down(row("down for ten days", Pimcore, letter(10 * DAY), desired(DAY), ("park", "too_old"))),
    ];
    for row in &table {
        let decision = decided(row);
        let got = (decision.as_str(), decision.reason().code.as_str());
        assert_eq!(got, row.expect, "{}: {}", row.what, decision.reason().message);
    }
}

#[test]
fn a_feed_is_judged_by_its_run() {
    let body = r#"{"detail":{"bucket":{"name":"b"},"object":{"key":"incoming/demo/a.json","version-id":"v1"}}}"#;
    let letter = DeadLetter { body: body.into(), ..letter(HOUR) };
    let subject = letter.subject(QueueName::Ingest);
    assert_eq!(
        subject,
        Subject::Feed(RunId { bucket: "b".into(), key: "incoming/demo/a.json".into(), object_version: "v1".into() })
    );
    let run = |status, owner: Option<&str>, until| Run {
        name: "r1".into(),
        status,
        offset: 0,
        record: 0,
        resume: None,
        counts: ledger::Counts::default(),
        started: NOW - HOUR,
        finished: None,
        reason: Some("truncated at byte 7".into()),
        owner: owner.map(str::to_owned),
        until,
    };
    let table = [
        (None, "redrive", "no_reason_recorded"),
        (Some(run(RunStatus::Completed, None, None)), "drop", "healed"),
        (Some(run(RunStatus::Failed, None, None)), "park", "feed_failed"),
        (Some(run(RunStatus::Running, Some("w"), Some(NOW + MINUTE))), "leave", "being_worked_on"),
        (Some(run(RunStatus::Running, Some("w"), Some(NOW - MINUTE))), "redrive", "no_reason_recorded"),
        (Some(run(RunStatus::Running, None, None)), "redrive", "no_reason_recorded"),
    ];
    for (run, word, code) in table {
        let known = Known::Run(run.clone().map(Box::new));
        let facts =
            Facts { queue: QueueName::Ingest, letter: &letter, subject: &subject, known: &known, target_answers: true };
        let decision = decide(&facts, &Limits::default(), NOW);
        assert_eq!((decision.as_str(), decision.reason().code.as_str()), (word, code), "{run:?}");
    }
}

#[test]
fn a_failing_letter_ends_in_the_parking_lot_after_a_bounded_number_of_redrives() {
    let limits = Limits::default();
    let state = ProductState { pimcore: failed(ErrorKind::Transient, "pimcore_timeout"), ..desired(HOUR) };
    let (mut now, mut copy, mut redrives) = (NOW, letter(0), 0);
    for _ in 0..10_000 {
        let subject = Subject::Product(key());
        let known = Known::Product(Box::new(state.clone()));
        let facts =
            Facts { queue: QueueName::Pimcore, letter: &copy, subject: &subject, known: &known, target_answers: true };
        match decide(&facts, &limits, now) {
            Decision::Redrive(_) => {
                redrives += 1;
                copy = DeadLetter {
                    id: format!("copy-{redrives}"),
                    sent_ms: now,
                    attributes: copy.redriven(copy.redrives() + 1),
                    ..copy
                };
            }
            Decision::Park(reason) => {
                assert_eq!((reason.code.as_str(), redrives), ("redrives_exhausted", limits.max_redrives));
                assert!(now - NOW < 3 * DAY, "{} hours of redriving", (now - NOW) / HOUR);
                return;
            }
            Decision::Leave(_) => {}
            Decision::Drop(reason) => panic!("dropped: {reason:?}"),
        }
        now += 5 * MINUTE;
    }
    panic!("neither parked nor dropped after {redrives} redrives");
}

fn stages() -> impl Strategy<Value = StageState> {
    let error = (0_usize..5, 0..DAY).prop_map(|(kind, age)| {
        let kinds = [ErrorKind::Transient, ErrorKind::Permanent, ErrorKind::Conflict, ErrorKind::Poison];
        let kind = *kinds.get(kind)?;
        Some(RecordedError { kind, code: "c".into(), message: "m".into(), at: NOW - age })
    });
    let held = prop::option::of((prop::sample::select(vec!["h1", "h2"]), 0..DAY));
    let lease = prop::option::of(-HOUR..HOUR);
    (error, held, lease, prop::option::of(-HOUR..HOUR)).prop_map(|(last_error, held, lease, recheck)| StageState {
        attempts: i64::from(last_error.is_some()),
        last_error,
        owner: lease.map(|_| "w".into()),
        until: lease.map(|by| NOW + by),
        recheck_at: recheck.map(|by| NOW + by),
        ..held.map_or_else(StageState::default, |(hash, age)| applied(hash, age))
    })
}

proptest! {
    /// The two mistakes that cost something: an edit that is thrown away, and content that the
    /// target refuses being sent over and over.
    #[test]
    fn nothing_is_dropped_without_proof_and_nothing_refused_is_sent_again(
        pimcore in stages(),
        medusa in stages(),
        queue in prop::sample::select(vec![QueueName::Pimcore, QueueName::Medusa]),
        age in 0..20 * DAY,
        redrives in 0_i64..12,
        answers: bool,
        refused_by_function: bool,
        settled: bool,
    ) {
        let mut state = ProductState { pimcore, medusa, ..desired(30 * DAY) };
        state.pending_since = state.pending_since.filter(|_| !settled);
        let letter = redriven(letter(age), redrives);
        let letter = if refused_by_function { with_reason(letter, "permanent", "c") } else { letter };
        let at_rest = settled && Stage::ALL.iter().all(|stage| state.stage(*stage).last_error.is_none());
        let stage = queue.stage().unwrap_or(Stage::Pimcore);
        let held = state.stage(stage).clone();
        let row = Row { what: "", queue, letter, state, answers, expect: ("", "") };
        match decided(&row) {
            Decision::Drop(_) => {
                prop_assert!(held.recheck_at.is_none());
                let applied = held.applied.expect("dropped without anything applied");
                match stage {
                    Stage::Pimcore => prop_assert_eq!(applied.hash.as_str(), "h2"),
                    Stage::Medusa => {
                        prop_assert!(applied.at > NOW - age + 2 * MINUTE || refused_by_function && at_rest);
                    }
                }
            }
            Decision::Redrive(_) => {
                let refused = held.last_error.is_some_and(|e| e.kind.is_final());
                prop_assert!(!refused && answers && redrives < 8 && age < 10 * DAY);
                prop_assert!(held.owner.is_none() || held.until.is_none_or(|until| until <= NOW));
            }
            Decision::Park(_) => {}
            Decision::Leave(_) => prop_assert!(age < 10 * DAY, "left to expire"),
        }
    }
}
