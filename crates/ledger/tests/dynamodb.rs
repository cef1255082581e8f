//! The shell against DynamoDB: expressions mean what the core says, writers race, and the protocol
//! goes its whole way.
//!
//! Runs where `RELAY_DYNAMODB_ENDPOINT` names an endpoint (see the crate's README).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use catalog::{ContentHash, Failure, Fate, ProductKey, Version};
use ledger::core::drafts::Known;
use ledger::core::ours::{Before, Ours};
use ledger::core::{Change, Condition, Item, ItemKey, Operand, Value, Write};
use ledger::{
    Applied, Claim, DesiredDoc, DesiredOutcome, Leases, LedgerError, Owner, ProductState, Registered, RunClaim, RunId,
    RunStatus, Stage,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use testing::dynamodb::{Table, product};

const LEASES: Leases = Leases { lease_ms: 1_000, landing_ms: 500 };
const TEXTS: [&str; 3] = ["s1", "s2", "s3"];
const NUMBERS: [&str; 3] = ["n1", "n2", "n3"];
const BYTES: [&str; 1] = ["b1"];

fn key(id: &str) -> ProductKey {
    ProductKey::new("demo", id).unwrap()
}

fn version(position: u64) -> Version {
    Version::new(1_763_856_000_000, "00", position)
}

fn doc(id: &str, position: u64, says: &str) -> DesiredDoc {
    let product = product(id, says);
    let hash = ContentHash::of(&product);
    DesiredDoc { product, version: version(position), hash, run: "run-1".into(), provenance: "test".into() }
}

fn owner(name: &str) -> Owner {
    Owner(name.to_owned())
}

fn applied(doc: &DesiredDoc) -> Applied {
    Applied {
        hash: doc.hash.clone(),
        version: doc.version.clone(),
        remote_id: Some("7".into()),
        view: None,
        seen: None,
        at: 0,
    }
}

// ---------------------------------------------------------------- expressions

fn text() -> impl Strategy<Value = Value> {
    prop_oneof!["[a-c]{0,2}", "[é€]{1}"].prop_map(Value::S)
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![-3_i64..4, Just(1_763_856_000_000), Just(i64::MAX), Just(i64::MIN)].prop_map(Value::N)
}

fn bytes() -> impl Strategy<Value = Value> {
    proptest::collection::vec(prop_oneof![Just(0_u8), Just(127), Just(128), Just(255)], 0..3).prop_map(Value::B)
}

/// An attribute and a value of its type.
fn typed() -> impl Strategy<Value = (&'static str, Value)> {
    prop_oneof![
        (proptest::sample::select(&TEXTS[..]), text()),
        (proptest::sample::select(&NUMBERS[..]), number()),
        (proptest::sample::select(&BYTES[..]), bytes()),
    ]
}

fn item() -> impl Strategy<Value = Item> {
    proptest::collection::vec(typed(), 0..6)
        .prop_map(|pairs| pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn name() -> impl Strategy<Value = &'static str> {
    typed().prop_map(|(name, _)| name)
}

/// Two attributes of one type, or a value of that type.
fn comparison() -> impl Strategy<Value = (&'static str, Operand)> {
    let value = typed().prop_map(|(name, value)| (name, Operand::Value(value)));
    let texts = (proptest::sample::select(&TEXTS[..]), proptest::sample::select(&TEXTS[..]));
    let numbers = (proptest::sample::select(&NUMBERS[..]), proptest::sample::select(&NUMBERS[..]));
    let attributes = prop_oneof![texts, numbers]
        // DynamoDB refuses to compare an attribute with itself.
        .prop_filter("two attributes", |(left, right)| left != right)
        .prop_map(|(left, right)| (left, Operand::Attribute(right)));
    prop_oneof![3 => value, 1 => attributes]
}

fn condition() -> impl Strategy<Value = Condition> {
    let leaf = prop_oneof![
        1 => Just(Condition::Always),
        2 => name().prop_map(Condition::Absent),
        2 => name().prop_map(Condition::Present),
        3 => comparison().prop_map(|(name, operand)| Condition::Eq(name, operand)),
        3 => comparison().prop_map(|(name, operand)| Condition::Ne(name, operand)),
        3 => comparison().prop_map(|(name, operand)| Condition::Lt(name, operand)),
        3 => comparison().prop_map(|(name, operand)| Condition::Le(name, operand)),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Condition::All),
            proptest::collection::vec(inner, 0..4).prop_map(Condition::Any),
        ]
    })
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        3 => typed().prop_map(|(name, value)| Change::Set(name, value)),
        2 => typed().prop_map(|(name, value)| Change::SetIfAbsent(name, value)),
        2 => (proptest::sample::select(&NUMBERS[..]), -3_i64..4).prop_map(|(name, by)| Change::Add(name, by)),
        2 => name().prop_map(Change::Remove),
    ];
    // An attribute stands in a write once at most.
    proptest::collection::vec(change, 0..5).prop_map(|changes| {
        let by_name: BTreeMap<&str, Change> = changes
            .into_iter()
            .map(|change| match change {
                Change::Set(name, _) | Change::SetIfAbsent(name, _) | Change::Add(name, _) | Change::Remove(name) => {
                    (name, change)
                }
            })
            .collect();
        by_name.into_values().collect()
    })
}

/// DynamoDB's numbers have 38 digits and do not wrap: a sum beyond 64 bits is outside the protocol.
fn stays_in_range(item: &Item, changes: &[Change]) -> bool {
    changes.iter().all(|change| match change {
        Change::Add(name, by) => item.get(*name).and_then(Value::number).unwrap_or(0).checked_add(*by).is_some(),
        _ => true,
    })
}

#[test]
fn a_write_means_in_dynamodb_what_it_means_in_the_core() {
    let Some(table) = Table::open() else { return };
    let ledger = table.ledger(LEASES);
    let number = std::cell::Cell::new(0_u32);
    let mut runner = TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
    let cases =
        (item(), condition(), changes()).prop_filter("in range", |(item, _, changes)| stays_in_range(item, changes));
    runner
        .run(&cases, |(before, condition, changes)| {
            number.set(number.get() + 1);
            let key = ItemKey { pk: format!("X#{}", number.get()), sk: "x".into() };
            let write = Write { key: key.clone(), condition, changes };
            let (answer, stored) = table.block_on(async {
                table.put(&key, &before).await;
                let answer = ledger.write(&write).await.unwrap();
                (answer, table.get(&key).await)
            });
            let expected = write.apply(&before);
            prop_assert_eq!(&answer, &expected, "{:?}", &write);
            prop_assert_eq!(&stored, expected.as_ref().unwrap_or_else(|item| item), "{:?}", &write);
            Ok(())
        })
        .unwrap();
    assert!(number.get() >= 400, "only {} cases ran", number.get());
}

#[test]
fn of_concurrent_conditional_writers_exactly_one_wins_each_round() {
    let Some(table) = Table::open() else { return };
    let ledger = table.ledger(LEASES);
    table.block_on(async {
        let key = ItemKey { pk: "X#race".into(), sk: "x".into() };
        for round in 0..20_i64 {
            let write = |writer: i64| Write {
                key: key.clone(),
                condition: if round == 0 {
                    Condition::Absent("n1")
                } else {
                    Condition::Eq("n1", Operand::Value(round.into()))
                },
                changes: vec![Change::Add("n1", 1), Change::Set("n2", writer.into())],
            };
            let seeded = Write { changes: vec![Change::Set("n1", 1.into()), Change::Set("n2", 0.into())], ..write(0) };
            if round == 0 {
                assert!(ledger.write(&seeded).await.unwrap().is_ok());
                continue;
            }
            let writes: Vec<Write> = (0..8).map(write).collect();
            let answers = futures::future::join_all(writes.iter().map(|write| ledger.write(write))).await;
            let won: Vec<Item> = answers.into_iter().filter_map(|answer| answer.unwrap().ok()).collect();
            assert_eq!(won.len(), 1, "round {round}: {won:?}");
            assert_eq!(table.get(&key).await, won[0]);
        }
    });
}

// ---------------------------------------------------------------- desired state

#[test]
fn whatever_the_order_of_concurrent_writers_the_newest_document_stays() {
    let Some(table) = Table::open() else { return };
    let ledger = table.ledger(LEASES);
    table.block_on(async {
        for round in 0..10_u64 {
            let id = format!("race-{round}");
            let docs: Vec<DesiredDoc> =
                (0..8).map(|n| doc(&id, (n * 5 + round) % 8, ["red", "green", "blue"][(n % 3) as usize])).collect();
            let key = key(&id);
            let outcomes = futures::future::join_all(docs.iter().map(|doc| ledger.put_desired(&key, doc, 1))).await;
            let newest = docs.iter().max_by_key(|doc| doc.version.clone()).unwrap();
            for (doc, outcome) in docs.iter().zip(outcomes) {
                let outcome = outcome.unwrap();
                assert!(doc.version != newest.version || outcome == DesiredOutcome::Written, "{outcome:?}");
            }
            let keys = [key.clone()];
            let stored = ledger.read_docs(&keys).await.unwrap().remove(&key).unwrap().unwrap();
            assert_eq!((&stored.version, &stored.product), (&newest.version, &newest.product));
            let state = ledger.read_states(&keys).await.unwrap().remove(&key).unwrap();
            assert_eq!((state.version.as_ref(), state.hash.as_ref()), (Some(&newest.version), Some(&newest.hash)));
            assert!(state.pending_since.is_some());
        }
    });
}

#[test]
fn a_note_keeps_older_documents_out_and_is_refused_when_something_else_is_there() {
    let Some(table) = Table::open() else { return };
    let ledger = table.ledger(LEASES);
    table.block_on(async {
        let key = key("noted");
        let first = doc("noted", 1, "red");
        ledger.put_desired(&key, &first, 1).await.unwrap();
        assert!(ledger.touch(&key, &version(5), &first.hash).await.unwrap());
        assert!(!ledger.touch(&key, &version(4), &first.hash).await.unwrap(), "an older note");
        assert!(!ledger.touch(&key, &version(6), &doc("noted", 6, "blue").hash).await.unwrap(), "another content");
        let late = ledger.put_desired(&key, &doc("noted", 3, "blue"), 2).await.unwrap();
        assert_eq!(late, DesiredOutcome::Stale);
    });
}

// ---------------------------------------------------------------- stages

#[test]
fn a_product_goes_its_whole_way_and_is_pending_exactly_meanwhile() {
    let Some(table) = Table::open() else { return };
    let ledger = table.ledger(LEASES);
    table.block_on(async {
        let key = key("way");
        let doc = doc("way", 1, "red");
        let pending = || async {
            let mut found = Vec::new();
            for shard in 0..ledger::core::state::PENDING_SHARDS {
                found.extend(ledger.pending(shard, i64::MAX, 100).await.unwrap());
            }
            found.into_iter().filter(|(pending, _)| *pending == key).map(|(_, at)| at).collect::<Vec<_>>()
        };
        ledger.put_desired(&key, &doc, 10).await.unwrap();
        assert_eq!(pending().await, [10]);
        for stage in Stage::ALL {
            let keys = [key.clone()];
            let Claim::Claimed(seen) = ledger.claim(stage, &keys, &owner("a"), 20).await.unwrap().remove(&key).unwrap()
            else {
                panic!("{stage:?} is not claimed");
            };
            let other = ledger.claim(stage, &keys, &owner("b"), 30).await.unwrap().remove(&key).unwrap();
            assert_eq!(other, Claim::Leased { until: 1_020 });
            assert_eq!(ledger.complete(stage, &key, &owner("a"), &seen, &applied(&doc), 40).await.unwrap(), None);
        }
        assert!(pending().await.is_empty());
        let again = ledger
            .claim(Stage::Pimcore, std::slice::from_ref(&key), &owner("c"), 50)
            .await
            .unwrap()
            .remove(&key)
            .unwrap();
        assert!(matches!(again, Claim::AlreadyApplied(_)), "{again:?}");
    });
}

#[test]
fn of_many_who_claim_at_once_one_works() {
    let Some(table) = Table::open() else { return };
    let ledger = table.ledger(LEASES);
    table.block_on(async {
        let key = key("claims");
        ledger.put_desired(&key, &doc("claims", 1, "red"), 10).await.unwrap();
        for now in [20, 5_000, 10_000] {
            // Each round is later than the lease of the one before: an expired lease is taken over
            // by one, too.
            let owners: Vec<Owner> = (0..8).map(|n| owner(&format!("{now}-{n}"))).collect();
            let keys = [key.clone()];
            let claims = owners.iter().map(|owner| ledger.claim(Stage::Pimcore, &keys, owner, now));
            let claimed = futures::future::join_all(claims)
                .await
                .into_iter()
                .filter(|claim| matches!(claim.as_ref().unwrap()[&key], Claim::Claimed(_)))
                .count();
            // Two have died over it by then: nobody takes it over together with others, and one
            // takes it alone.
            assert_eq!(claimed, usize::from(now < 10_000), "at {now}");
        }
        let owners: Vec<Owner> = (0..8).map(|n| owner(&format!("alone-{n}"))).collect();
        let claims = owners.iter().map(|owner| ledger.claim_alone(Stage::Pimcore, &key, owner, 10_000));
        let claims = futures::future::join_all(claims).await;
        let claimed = claims.into_iter().filter(|claim| matches!(claim.as_ref().unwrap(), Claim::Claimed(_))).count();
        assert_eq!(claimed, 1, "alone");
    });
}

#[test]
fn who_lost_its_lease_leaves_the_stage_in_doubt_until_a_later_claim_settles_it() {
    let Some(table) = Table::open() else { return };
    let ledger = table.ledger(LEASES);
    table.block_on(async {
        let (key, doc) = (key("lost"), doc("lost", 1, "red"));
        ledger.put_desired(&key, &doc, 10).await.unwrap();
        let claim = |who: &'static str, now: i64| {
            let (ledger, keys) = (&ledger, [key.clone()]);
            async move {
                match ledger.claim(Stage::Pimcore, &keys, &owner(who), now).await.unwrap().remove(&keys[0]).unwrap() {
                    Claim::Claimed(state) => state,
                    other => panic!("{who} at {now}: {other:?}"),
                }
            }
        };
        let a = claim("a", 100).await;
        // The lease of a ended at 1100; its request may land until 1600.
        let b = claim("b", 1_200).await;
        assert_eq!(b.pimcore.recheck_at, Some(1_600));
        let again = ledger.complete(Stage::Pimcore, &key, &owner("b"), &b, &applied(&doc), 1_700).await.unwrap();
        assert_eq!(again, Some(1_700), "b claimed before the request of a could no longer land");
        let c = claim("c", 1_800).await;
        let lost = ledger.complete(Stage::Pimcore, &key, &owner("a"), &a, &applied(&doc), 1_850).await.unwrap_err();
        assert!(matches!(lost, LedgerError::LeaseLost { .. }), "{lost}");
        let again = ledger.complete(Stage::Pimcore, &key, &owner("c"), &c, &applied(&doc), 1_900).await.unwrap();
        assert!(again.is_some(), "a doubted the stage after c had claimed it");
        let d = claim("d", 2_000).await;
        let settled = ledger.complete(Stage::Pimcore, &key, &owner("d"), &d, &applied(&doc), 2_100).await.unwrap();
        assert_eq!(settled, None);
    });
}

#[test]
fn a_failure_is_recorded_and_one_in_doubt_is_looked_at_again() {
    let Some(table) = Table::open() else { return };
    let ledger = table.ledger(LEASES);
    table.block_on(async {
        let (key, doc) = (key("fails"), doc("fails", 1, "red"));
        ledger.put_desired(&key, &doc, 10).await.unwrap();
        let keys = [key.clone()];
        for (failure, recheck) in [
            (Failure::permanent("medusa_refused", "no price"), None),
            (Failure::transient("medusa_timeout", "no answer").request(Fate::MayStillLand), Some(600)),
        ] {
            assert!(matches!(
                ledger.claim(Stage::Medusa, &keys, &owner("a"), 50).await.unwrap()[&key],
                Claim::Claimed(_)
            ));
            ledger.fail(Stage::Medusa, &key, &owner("a"), &failure, 100).await.unwrap();
            let state = ledger.read_states(&keys).await.unwrap().remove(&key).unwrap();
            let error = state.medusa.last_error.unwrap();
            assert_eq!((error.kind, &error.code, error.at), (failure.kind, &failure.code, 100));
            assert_eq!((state.medusa.owner, state.medusa.recheck_at), (None, recheck));
        }
    });
}

#[test]
fn many_products_are_read_in_one_call() {
    let Some(table) = Table::open() else { return };
    let ledger = table.ledger(LEASES);
    table.block_on(async {
        let keys: Vec<ProductKey> = (0..230).map(|n| key(&format!("many-{n}"))).collect();
        for key in keys.iter().step_by(23) {
            ledger.put_desired(key, &doc(key.id(), 1, "red"), 1).await.unwrap();
        }
        let states = ledger.read_states(&keys).await.unwrap();
        assert_eq!(states.len(), 230);
        assert_eq!(states.values().filter(|state| state.hash.is_some()).count(), 10);
        assert_eq!(ledger.read_docs(&keys).await.unwrap().len(), 10);
    });
}

// ---------------------------------------------------------------- runs, order, watermarks

#[test]
fn a_run_is_read_by_one_and_a_commit_that_is_sent_twice_counts_once() {
    let Some(table) = Table::open() else { return };
    let ledger = table.ledger(LEASES);
    table.block_on(async {
        let id = RunId { bucket: "b".into(), key: "incoming/demo/1.json".into(), object_version: "v1".into() };
        let RunClaim::Claimed(run) = ledger.claim_run(&id, "r1", "{}", &owner("a"), 100).await.unwrap() else {
            panic!("not claimed");
        };
        let leased = ledger.claim_run(&id, "r1", "{}", &owner("b"), 200).await.unwrap();
        assert_eq!(leased, RunClaim::Leased { until: 1_100 });
        let mut next = run.clone();
        (next.record, next.offset, next.counts.read, next.counts.changed) = (10, 500, 10, 10);
        let once = ledger.checkpoint_run(&id, &owner("a"), &run, &next, 300).await.unwrap();
        let twice = ledger.checkpoint_run(&id, &owner("a"), &run, &next, 300).await.unwrap();
        assert_eq!(once, twice);
        assert_eq!((twice.record, twice.counts.read), (10, 10));
        let lost = ledger.checkpoint_run(&id, &owner("b"), &run, &next, 300).await.unwrap_err();
        assert!(matches!(lost, LedgerError::LeaseLost { .. }), "{lost}");
        let mut end = once.clone();
        end.status = RunStatus::Completed;
        ledger.finish_run(&id, &owner("a"), &once, &end, 400).await.unwrap();
        let ended = ledger.claim_run(&id, "r1", "{}", &owner("c"), 9_000).await.unwrap();
        assert!(matches!(&ended, RunClaim::Ended(run) if run.counts.read == 10), "{ended:?}");
        let listed = ledger.runs(10).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!((listed[0].1.name.as_str(), listed[0].1.status), ("r1", RunStatus::Completed));
    });
}

#[test]
fn newer_fast_runs_of_a_source_are_listed_until_their_strict_pass() {
    let Some(table) = Table::open() else { return };
    let ledger = table.ledger(LEASES);
    table.block_on(async {
        let run = |position: u64| Registered {
            version: version(position),
            id: RunId { bucket: "b".into(), key: format!("k{position}"), object_version: "v".into() },
        };
        for position in [2, 4, 6] {
            ledger.register_run("demo", &run(position), 1).await.unwrap();
        }
        ledger.register_run("other", &run(8), 1).await.unwrap();
        assert_eq!(ledger.newer_runs("demo", &version(2)).await.unwrap(), [run(4), run(6)]);
        // Of an object whose age nobody knows any more every run is newer.
        assert_eq!(ledger.newer_runs("demo", &Version::from_text("")).await.unwrap(), [run(2), run(4), run(6)]);
        ledger.strike_off_run("demo", &version(4), 2).await.unwrap();
        ledger.register_run("demo", &run(4), 3).await.unwrap();
        assert_eq!(ledger.newer_runs("demo", &version(1)).await.unwrap(), [run(2), run(6)]);
    });
}

#[test]
fn a_watermark_moves_only_from_where_it_was_seen() {
    let Some(table) = Table::open() else { return };
    let ledger = table.ledger(LEASES);
    table.block_on(async {
        assert_eq!(ledger.watermark("changes").await.unwrap(), None);
        assert!(ledger.move_watermark("changes", None, "5").await.unwrap());
        assert!(!ledger.move_watermark("changes", None, "6").await.unwrap());
        assert!(ledger.move_watermark("changes", Some("5"), "7").await.unwrap());
        assert_eq!(ledger.watermark("changes").await.unwrap().as_deref(), Some("7"));
    });
}

#[test]
fn the_items_of_an_ordinary_product_fit_one_write_unit() {
    let Some(table) = Table::open() else { return };
    let ledger = table.ledger(LEASES);
    table.block_on(async {
        let (id, now) = ("1234567890123456", 1_763_856_000_000);
        let key = key(id);
        let invocation = owner("5f3f8d2a-1111-2222-3333-444455556666");
        // Everything that it ever holds at once: both targets have an older content, and both are
        // being worked on.
        for (number, brand) in [(12_345, "red"), (12_346, "blue")] {
            let doc = doc(id, number, brand);
            ledger.put_desired(&key, &doc, now).await.unwrap();
            for stage in Stage::ALL {
                let claims = ledger.claim(stage, std::slice::from_ref(&key), &invocation, now).await.unwrap();
                let Claim::Claimed(claimed) = &claims[&key] else { panic!("{claims:?}") };
                if brand == "red" {
                    let shop = (stage == Stage::Medusa).then(|| "0123456789abcdef0123456789abcdef".to_owned());
                    let ours =
                        Ours { before: Before::Save(now / 1000), date: now / 1000, texts: "0123456789abcdef".into() };
                    let applied = Applied {
                        remote_id: Some("prod_01K0ABCDEFGHJKMNPQRSTVWXYZ".into()),
                        seen: Some(shop.as_ref().map_or(ours.to_string(), |digest| digest[..24].to_owned())),
                        view: shop,
                        ..applied(&doc)
                    };
                    ledger.complete(stage, &key, &invocation, claimed, &applied, now).await.unwrap();
                }
            }
        }
        let hidden = Known { count: 14, date: now / 1000, hidden: Some(now) };
        ledger.note_drafts(&key, &ProductState::default(), &hidden, now).await.unwrap();
        let item = table.get(&ledger::core::state::item_key(&key)).await;
        let size: usize = item
            .iter()
            .map(|(name, value)| {
                name.len()
                    + match value {
                        Value::S(text) => text.len(),
                        Value::N(_) => 8,
                        Value::B(bytes) => bytes.len(),
                    }
            })
            .sum();
        assert!(
            ["medusa_seen", "pimcore_seen", "pimcore_drafts"].iter().all(|name| item.contains_key(*name)),
            "{item:?}"
        );
        assert!(item.contains_key("medusa_owner"), "{item:?}");
        assert!(size < 1_024 - 100, "{size} bytes: {item:?}");
    });
}

#[test]
fn an_attribute_of_an_unknown_type_is_left_alone() {
    let Some(table) = Table::open() else { return };
    let ledger = table.ledger(LEASES);
    table.block_on(async {
        let key = ItemKey { pk: "X#foreign".into(), sk: "x".into() };
        table.put_raw(&key, "note", AttributeValue::Bool(true)).await;
        let write = Write { key: key.clone(), condition: Condition::Absent("n1"), changes: vec![Change::Add("n1", 1)] };
        assert_eq!(ledger.write(&write).await.unwrap(), Ok(Item::from([("n1".to_owned(), Value::N(1))])));
    });
}
