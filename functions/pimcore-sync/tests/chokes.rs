//! A product that makes Pimcore fail is its own trouble; a Pimcore that fails on everything is
//! down.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;

use catalog::ErrorKind;
use common::{Function, failure, key, product, version};
use ledger::Stage;
use ledger::breaker::{Settings, look};
use runtime::Outcome;
use serde_json::json;
use testing::standin::StandIn;
use worker::Guard;

/// One of these is sent back by Pimcore in another way each time; its neighbours arrive at once,
/// and it is set aside at the third.
async fn one_is_set_aside(name: &str, fault: serde_json::Value) {
    let pim = StandIn::start(name).await;
    let mut function = Function::default();
    function.guard = Guard::new(Stage::Pimcore, Settings::default());
    let ids = ["sound-1", "sound-2", "odd-one", "sound-3", "sound-4", "sound-5"];
    let messages: Vec<_> = ids.iter().map(|id| function.memory.put(&product(id), &version(1))).collect();
    pim.fault(fault);
    for round in 1..=3 {
        for (product, outcome) in function.run(&pim.client(), &messages).await {
            if product != key("odd-one") {
                // What a lost answer left in doubt is looked at again.
                assert!(!matches!(outcome, Outcome::Failed(_)), "round {round}, {product}: {outcome:?}");
                continue;
            }
            let failed = failure(&outcome);
            let expected = if round == 3 { ErrorKind::Permanent } else { ErrorKind::Transient };
            assert_eq!(failed.kind, expected, "round {round}: {failed}");
            assert_eq!(failed.code == "pimcore_chokes", round == 3, "round {round}: {failed}");
        }
    }
    let recorded = function.memory.state(&key("odd-one")).pimcore.last_error.unwrap();
    assert_eq!((recorded.kind, recorded.code.as_str()), (ErrorKind::Permanent, "pimcore_chokes"));
    assert!(!look(&function.memory, Stage::Pimcore).await.unwrap().is_open());
}

#[tokio::test]
async fn a_product_that_dies_while_it_is_saved_is_set_aside_at_the_third_time() {
    one_is_set_aside("chokes-alias", json!({"kind": "alias-dies", "times": 1_000, "match": "odd-one"})).await;
}

#[tokio::test]
async fn so_is_one_whose_requests_are_answered_with_500_whoever_is_in_them() {
    let fault = json!({"kind": "server-error", "times": 1_000, "match": "odd-one"});
    one_is_set_aside("chokes-500", fault).await;
}

#[tokio::test]
async fn a_pim_that_answers_500_to_everything_is_left_alone_and_blames_nobody() {
    let pim = StandIn::start("chokes-all").await;
    let mut function = Function::default();
    function.guard = Guard::new(Stage::Pimcore, Settings::default());
    let messages: Vec<_> = (0..30).map(|n| function.memory.put(&product(&format!("all-{n}")), &version(1))).collect();
    pim.fault(json!({"kind": "server-error", "times": 1_000}));
    let before = pim.app.counters.now().requests;
    for batch in messages.chunks(10) {
        for outcome in function.run(&pim.client(), batch).await.values() {
            assert_eq!(failure(outcome).kind, ErrorKind::Transient);
        }
    }
    assert!(look(&function.memory, Stage::Pimcore).await.unwrap().is_open());
    assert!(pim.app.counters.now().requests - before <= 6, "one try and one probe for each batch");
}
