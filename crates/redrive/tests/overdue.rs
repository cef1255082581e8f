//! What a sweep announces again.

use catalog::{ContentHash, ErrorKind, Version};
use ledger::core::stage::Applied;
use ledger::{ProductState, RecordedError, Stage, StageState};
use redrive::overdue::{self, Overdue, Patience};

const MINUTE: i64 = 60_000;
const NOW: i64 = 1_795_000_000_000;

fn pending(age: i64) -> ProductState {
    ProductState { hash: Some(ContentHash::from_text("h2")), pending_since: Some(NOW - age), ..ProductState::default() }
}

fn applied(hash: &str, age: i64) -> StageState {
    let (hash, version) = (ContentHash::from_text(hash), Version::from_text("v"));
    let applied = Applied { hash, version, remote_id: None, view: None, seen: None, at: NOW - age };
    StageState { applied: Some(applied), ..StageState::default() }
}

fn failed(kind: ErrorKind, age: i64, attempts: i64) -> StageState {
    let last_error = RecordedError { kind, code: "why".into(), message: "m".into(), at: NOW - age };
    StageState { last_error: Some(last_error), attempts, ..StageState::default() }
}

fn at(state: &ProductState) -> Overdue {
    overdue::product(state, &Patience::default(), NOW)
}

#[test]
fn a_lost_announcement_is_made_again_for_the_stage_that_lacks_it() {
    assert_eq!(at(&pending(11 * MINUTE)), Overdue::Announce(Stage::Pimcore));
    let in_pim = ProductState { pimcore: applied("h2", 11 * MINUTE), ..pending(60 * MINUTE) };
    assert_eq!(at(&in_pim), Overdue::Announce(Stage::Medusa));
    let older_in_pim = ProductState { pimcore: applied("h1", 90 * MINUTE), ..pending(60 * MINUTE) };
    assert_eq!(at(&older_in_pim), Overdue::Announce(Stage::Pimcore));
    let doubtful = StageState { recheck_at: Some(NOW - 1), ..applied("h2", 11 * MINUTE) };
    assert_eq!(at(&ProductState { pimcore: doubtful, ..pending(60 * MINUTE) }), Overdue::Announce(Stage::Pimcore));
}

#[test]
fn work_under_way_and_fresh_products_are_left_alone() {
    assert!(matches!(at(&pending(9 * MINUTE)), Overdue::NotYet(Stage::Pimcore, _)));
    let fresh_in_pim = ProductState { pimcore: applied("h2", MINUTE), ..pending(60 * MINUTE) };
    assert!(matches!(at(&fresh_in_pim), Overdue::NotYet(Stage::Medusa, _)));
    let leased = StageState { owner: Some("w".into()), until: Some(NOW + 1), ..StageState::default() };
    assert_eq!(at(&ProductState { pimcore: leased, ..pending(60 * MINUTE) }), Overdue::WorkedOn(Stage::Pimcore));
    let dead = StageState { owner: Some("w".into()), until: Some(NOW - 11 * MINUTE), ..StageState::default() };
    assert_eq!(at(&ProductState { pimcore: dead, ..pending(60 * MINUTE) }), Overdue::Announce(Stage::Pimcore));
    assert_eq!(at(&ProductState { pending_since: None, ..pending(0) }), Overdue::Settled);
}

#[test]
fn refused_content_waits_for_a_person_or_for_new_content() {
    let refused = ProductState { pimcore: failed(ErrorKind::Permanent, 600 * MINUTE, 1), ..pending(700 * MINUTE) };
    assert_eq!(at(&refused), Overdue::Refused(Stage::Pimcore, "why".into()));
}

#[test]
fn every_message_worth_of_failed_attempts_doubles_the_wait() {
    let announced_after = |attempts| {
        (1..600).find(|minutes| {
            let stage = failed(ErrorKind::Transient, minutes * MINUTE, attempts);
            at(&ProductState { pimcore: stage, ..pending(1_000 * MINUTE) }) == Overdue::Announce(Stage::Pimcore)
        })
    };
    let waits: Vec<_> = [1, 8, 16, 24, 80, 8_000_000].into_iter().map(announced_after).collect();
    assert_eq!(waits, [Some(10), Some(20), Some(40), Some(80), Some(360), Some(360)]);
}

#[test]
fn a_run_is_found_by_its_partition_whatever_its_key_contains() {
    let id = overdue::run_of("F#bucket#incoming/demo/a#b.json#v1").unwrap();
    assert_eq!(
        (id.bucket.as_str(), id.key.as_str(), id.object_version.as_str()),
        ("bucket", "incoming/demo/a#b.json", "v1")
    );
    assert_eq!(id.item_key().pk, "F#bucket#incoming/demo/a#b.json#v1");
    assert!(overdue::run_of("P#demo#1").is_none());
}
