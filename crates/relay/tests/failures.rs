//! For each way to fail: `relay trace` or `relay status` alone leads from what the pipeline records
//! to cause and remedy.

use catalog::{ContentHash, ErrorKind, Failure, ProductKey, Version};
use ledger::{Counts, ProductState, RecordedError, Run, RunStatus, Stage};
use redrive::QueueName;
use relay::commands::breakers;
use relay::commands::rejected::Rejected;
use relay::commands::runs;
use relay::commands::status::{self, Queue, Reasons, Status};
use relay::commands::trace::{Evidence, Refusal, verdict};
use relay::commands::withdraw::RefusedFeed;
use relay::stack::Depth;

const NOW: i64 = 1_795_000_000_000;
const SECOND: i64 = 1000;

/// What the pipeline leaves behind when it fails.
enum Left {
    /// An error on a product, at a stage.
    Error(Stage, ErrorKind, &'static str, &'static str),
    /// A record in `rejected/`.
    Record(&'static str, &'static str),
    /// A run that failed.
    Run(&'static str),
    /// A dead or parked letter.
    Letter(QueueName, &'static str, &'static str),
    /// A state of the product.
    State(fn(&mut ProductState)),
    /// Something else that status shows.
    Shown(fn(&mut Status)),
}

struct Case {
    /// What was broken.
    injected: &'static str,
    left: Left,
    /// Words that name the cause.
    cause: &'static str,
    /// Words that name the remedy.
    remedy: &'static str,
}

fn key() -> ProductKey {
    ProductKey::new("demo", "77").expect("a key")
}

fn pending() -> ProductState {
    ProductState {
        hash: Some(ContentHash::from_text("h")),
        version: Some(Version::new(1_794_999_000_000, "00", 0)),
        pending_since: Some(NOW - 90 * SECOND),
        run: Some("run-1".into()),
        ..ProductState::default()
    }
}

fn with_error(stage: Stage, kind: ErrorKind, code: &str, message: &str) -> ProductState {
    let mut state = pending();
    if stage == Stage::Medusa {
        let (hash, version) = (ContentHash::from_text("h"), Version::new(1, "00", 0));
        state.pimcore.applied = Some(ledger::Applied {
            hash,
            version,
            remote_id: Some("7".into()),
            view: None,
            seen: None,
            at: NOW - 80 * SECOND,
        });
    }
    let held = if stage == Stage::Pimcore { &mut state.pimcore } else { &mut state.medusa };
    held.attempts = 3;
    held.last_error = Some(RecordedError { kind, code: code.into(), message: message.into(), at: NOW - 5 * SECOND });
    state
}

fn status_of(states: &[(ProductKey, ProductState)], reasons: &Reasons, change: impl FnOnce(&mut Status)) -> String {
    let mut status = Status { stack: "catalog-relay".into(), ..Status::default() };
    status.pending.waits = status::waits(states, NOW);
    change(&mut status);
    status.attention = status::attention(&status, reasons, NOW);
    status::text(&status, NOW)
}

fn run(status: RunStatus, reason: Option<&str>, until: Option<i64>) -> runs::RunLine {
    let run = Run {
        name: "run-1".into(),
        status,
        offset: 0,
        record: 0,
        resume: None,
        counts: Counts::default(),
        started: NOW - 3_600 * SECOND,
        finished: reason.map(|_| NOW - 3_000 * SECOND),
        reason: reason.map(str::to_owned),
        owner: until.map(|_| "dead".into()),
        until,
    };
    runs::line("F#b#incoming/demo/a.json#v1", run, NOW)
}

fn said(left: &Left) -> String {
    match left {
        Left::Error(stage, kind, code, message) => {
            let state = with_error(*stage, *kind, code, message);
            let told = verdict(&key(), &Evidence { state: Some(&state), ..Evidence::default() }, NOW);
            let shown = status_of(&[(key(), state)], &Reasons::new(), |_| {});
            // Both alone suffice.
            assert!(shown.contains(*message) && told.summary.contains(*message), "{shown}\n{told:?}");
            assert!(shown.contains(&told.advice), "{shown}\n{told:?}");
            format!("{}\n{}", told.summary, told.advice)
        }
        Left::Record(reason, message) => {
            let record = Rejected {
                index: 4,
                offset: 812,
                product_id: Some("77".into()),
                reason: (*reason).into(),
                message: (*message).into(),
                path: None,
                value: None,
                object: "s3://b/incoming/demo/a.json".into(),
            };
            let refusal = Refusal { run: "run-1".into(), started: NOW, record };
            let told = verdict(&key(), &Evidence { rejected: &[refusal], ..Evidence::default() }, NOW);
            assert!(told.summary.contains("record 4") && told.summary.contains("byte 812"), "{told:?}");
            format!("{}\n{}", told.summary, told.advice)
        }
        Left::Run(reason) => {
            let line = run(RunStatus::Failed, Some(reason), None);
            status_of(&[], &Reasons::new(), |status| status.runs = vec![line])
        }
        Left::Letter(queue, code, message) => {
            let reasons = Reasons::from([((*queue, "parked", (*code).to_owned()), (1, format!("demo:77: {message}")))]);
            status_of(&[], &reasons, |_| {})
        }
        Left::State(change) => {
            let mut state = pending();
            change(&mut state);
            let told = verdict(&key(), &Evidence { state: Some(&state), ..Evidence::default() }, NOW);
            format!("{}\n{}", told.summary, told.advice)
        }
        Left::Shown(change) => status_of(&[], &Reasons::new(), change),
    }
}

#[rustfmt::skip]
fn cases() -> Vec<Case> {
    use ErrorKind::{Permanent, Transient};
    use Left::{Error, Letter, Record, Run, Shown, State};
    use Stage::{Medusa, Pimcore};
    let case = |injected, left, cause, remedy| Case { injected, left, cause, remedy };
    vec![
        case("a bad record", Record("negative_price", "SKU s1 costs -3"), "-3", "Ask the supplier"),
        case("a record without a price", Record("missing_price", "SKU s1 has no price"), "no price", "nothing is ever sold at 0"),
        case("a source that reports an error", Record("source_error", "code 1: not found"), "code 1", "fetch the product again"),
        case("a truncated feed", Run("truncated: it ends in a record (byte 9, record 1)"), "byte 9", "Upload it again"),
        case("not JSON", Run("not_json: the content begins with \"<html\" (byte 0, record 0)"), "<html", "Check what was uploaded"),
        case("an empty feed", Run("empty_feed: the object has no bytes (byte 0, record 0)"), "no bytes", "Upload the feed again"),
        case("a key outside incoming/", Run("key_outside_incoming: feeds belong under incoming/<source>/"), "key_outside_incoming", "Upload feeds under"),
        case("an unknown source", Run("unknown_source: got nosuch; one of: canonical"), "nosuch", "incoming/<source>/"),
        case("a feed deleted before it was read", Run("object_missing: it was deleted before it was read"), "deleted", "Upload it again"),
        case("a missing secret", Error(Pimcore, Transient, "secret_missing", "secret relay/pimcore does not exist"), "relay/pimcore", "Create it under the name"),
        case("a damaged secret", Error(Medusa, Transient, "secret_unreadable", "secret relay/medusa is not JSON"), "relay/medusa", "Write it again"),
        case("a wrong key for Pimcore", Error(Pimcore, Transient, "pimcore_forbidden", "Pimcore does not accept the key"), "does not accept", "into the secret"),
        case("a wrong password for Medusa", Error(Medusa, Transient, "medusa_login_refused", "Medusa refuses to log in"), "refuses to log in", "e-mail and password"),
        case("Pimcore is down", Error(Pimcore, Transient, "pimcore_unreachable", "no connection to Pimcore at pim:80"), "pim:80", "Start it"),
        case("Medusa is down", Error(Medusa, Transient, "medusa_unreachable", "no connection to shop:9000"), "shop:9000", "Start it"),
        case("Medusa's database is down", Error(Medusa, Transient, "medusa_unauthorized", "Medusa answers 401"), "401", "its database"),
        case("Pimcore refuses a field", Error(Pimcore, Permanent, "pimcore_field_too_long", "field name has 300 characters, 190 fit"), "190 fit", "relay dlq unpark --code pimcore_field_too_long"),
        case("an object stands in the way", Error(Pimcore, Permanent, "pimcore_path_taken", "/catalog/products/demo-77 is taken"), "/catalog/products/demo-77", "Move or rename"),
        case("a handle is taken", Error(Medusa, Permanent, "medusa_handle_taken", "handle demo-77 belongs to prod_1"), "prod_1", "Change the handle"),
        case("a SKU is taken", Error(Medusa, Permanent, "medusa_sku_taken", "SKU S1 belongs to prod_9"), "prod_9", "Change one of the two SKUs"),
        case("a currency is missing", Error(Medusa, Permanent, "medusa_no_price", "variant S1 has no price in eur"), "eur", "Add the currency"),
        case("a wrong sales channel", Error(Medusa, Transient, "medusa_wrong_reference", "no sales channel sc_1"), "sc_1", "Correct them in Medusa"),
        case("a throttled ledger", Error(Pimcore, Transient, "ledger_unavailable", "DynamoDB UpdateItem: throttled"), "throttled", "throttled requests"),
        case("an oversized product", Letter(QueueName::Ingest, "product_too_large", "9000000 bytes of JSON"), "9000000", "shorten its texts"),
        case("a poison message", Letter(QueueName::Pimcore, "message_not_understood", "not a product message"), "not a product message", "relay dlq parked"),
        case("an announcement from nowhere", Letter(QueueName::Pimcore, "unknown_product", "the ledger knows no product demo:77"), "knows no product", "Upload the feed that has it"),
        case("a function that dies of a message", Letter(QueueName::Medusa, "redrives_exhausted", "redriven 8 times"), "redriven 8 times", "relay dlq unpark"),
        case("a lost announcement", State(|_| {}), "nobody has tried yet", "relay replay demo:77"),
        case("a half-made product: its worker died", State(|state| state.medusa.recheck_at = Some(NOW + 1)), "waits for Pimcore", "relay replay demo:77"),
        case(
            "a stuck lease",
            State(|state| {
                state.pimcore.owner = Some("w".into());
                state.pimcore.until = Some(NOW + 40 * SECOND);
            }),
            "right now",
            "its lease ends in 40 s",
        ),
        case("a feed that lost its reader", Shown(|status| status.runs = vec![run(RunStatus::Running, None, Some(NOW - 1_000 * SECOND))]), "nobody is reading it", "resumes it"),
        case(
            "a target that is left alone",
            Shown(|status| {
                let failure = Failure::transient("medusa_unavailable", "Medusa answers 503");
                status.breakers = vec![breakers::open(Medusa, &failure, NOW - 90 * SECOND)];
                paused(status);
            }),
            "Medusa is left alone since 1 min 30 s (its breaker is open)",
            "the breaker of Medusa paused it",
        ),
        case("a queue that was paused", Shown(paused), "the medusa queue is paused", "enable the function's event source mapping"),
        case("a rule without permission", Shown(|status| status.undelivered_events = 1), "1 event could not be delivered", "Undelivered events"),
        case("the guard against mass withdrawal", Shown(held), "lacks more products than the guard allows", "relay withdraw run-9"),
    ]
}

#[test]
fn every_failure_leads_to_its_cause_and_its_remedy() {
    let cases = cases();
    assert!(cases.len() >= 25);
    for Case { injected, left, cause, remedy } in &cases {
        let text = said(left);
        assert!(text.contains(cause), "{injected}: no word of {cause:?} in\n{text}");
        assert!(text.contains(remedy), "{injected}: no word of {remedy:?} in\n{text}");
    }
}

fn paused(status: &mut Status) {
    status.queues = vec![Queue {
        queue: QueueName::Medusa,
        depth: Depth { waiting: 7, ..Depth::default() },
        dead: 0,
        parked: 0,
        feed: Some("Disabled".into()),
    }];
}

fn held(status: &mut Status) {
    status.held_feeds = vec![RefusedFeed {
        source: "demo".into(),
        run: "run-9".into(),
        object: "s3://b/incoming/demo/full.json".into(),
    }];
}
