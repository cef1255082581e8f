//! A shop that is down: after a few batches it is not asked any more, and nothing is leased
//! meanwhile.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;

use std::cell::Cell;

use catalog::{Failure, Fate, ProductKey};
use common::Function;
use ledger::breaker::{Settings, look};
use ledger::{Owner, Stage};
use medusa_push::push::PushBatch;
use runtime::{Cause, Clock, Deadline, Metrics, Outcome, ProductMessage};
use testing::standin::StandIn;
use worker::{Guard, Worker};

fn messages(first: u32) -> Vec<ProductMessage> {
    let message = |n: u32| ProductMessage {
        key: ProductKey::new("demo", n.to_string()).unwrap(),
        correlation_id: "run".into(),
        cause: Cause::Feed,
    };
    (first..first + 5).map(message).collect()
}

#[tokio::test]
async fn a_shop_that_is_down_is_left_alone_without_a_lease() {
    let pim = StandIn::start("shop-down").await;
    let (function, guard) = (Function::default(), Guard::new(Stage::Medusa, Settings::default()));
    let asked = Cell::new(0);
    let batch = async |number: u32| {
        let worker = Worker {
            stage: Stage::Medusa,
            ledger: &function.memory,
            guard: &guard,
            bus: &function.heard,
            clock: &function.clock,
            owner: Owner(format!("invocation-{number}")),
            deadline: Deadline::at(function.clock.now_ms() + 60_000),
        };
        let push = PushBatch { worker, lane: None, metrics: &Metrics::default() };
        let open = async |_| {
            asked.set(asked.get() + 1);
            let lost = Failure::transient("medusa_unreachable", "GET /admin/stores: no connection");
            Err(lost.request(Fate::NoConnection))
        };
        push.run(&Ok(pim.client()), open, &messages(number * 10)).await
    };
    for number in 0..3 {
        for (key, outcome) in batch(number).await {
            let Outcome::Failed(failure) = outcome else { panic!("{key}: {outcome:?}") };
            assert_eq!(failure.code, "medusa_unreachable");
            assert!(function.memory.state(&key).medusa.last_error.is_some());
        }
    }
    assert_eq!(asked.get(), 3);
    assert!(look(&function.memory, Stage::Medusa).await.unwrap().is_open());
    let heard: Vec<String> = function.heard.take().iter().map(|event| event.detail().to_owned()).collect();
    assert_eq!(heard, [r#"{"target":"medusa"}"#]);
    for number in 3..13 {
        for (key, outcome) in batch(number).await {
            let Outcome::Failed(failure) = outcome else { panic!("{key}: {outcome:?}") };
            assert_eq!(failure.code, "breaker_open");
            assert!(failure.retry_after.is_some_and(|wait| wait.as_secs() >= 5), "{failure:?}");
            let state = function.memory.state(&key).medusa;
            assert_eq!((state.owner, state.attempts, state.last_error), (None, 0, None), "{key}");
        }
    }
    assert_eq!(asked.get(), 3, "the shop was asked");
}
