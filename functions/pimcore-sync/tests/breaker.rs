//! A Pimcore that is down: after a few batches it is not asked any more, nothing is leased
//! meanwhile, and afterwards everything arrives.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use catalog::Failure;
use common::{Function, failure, key, product, version};
use ledger::breaker::{Flow, Health, Mapping, Settings, tend};
use ledger::core::breaker::Mode;
use ledger::{Owner, Stage};
use pimcore_sync::decide::PublishPolicy;
use runtime::{Clock, Outcome};
use serde_json::json;
use testing::standin::StandIn;
use worker::Guard;

/// dlq-redrive's side: the queues' mappings, and whether Pimcore is well.
#[derive(Default)]
struct Keeper {
    flows: RefCell<BTreeMap<Stage, Flow>>,
    well: bool,
}

impl Mapping for Keeper {
    async fn tell(&self, queue: Stage, flow: Flow) -> Result<(), Failure> {
        self.flows.borrow_mut().insert(queue, flow);
        Ok(())
    }
}

impl Health for Keeper {
    async fn works(&self, _: Stage) -> bool {
        self.well
    }
}

impl Keeper {
    async fn tend(&self, function: &Function) -> Mode {
        let owner = Owner("keeper".into());
        let now = function.clock.now_ms();
        let breakers = tend(&function.memory, self, self, &owner, &Settings::default(), now).await.unwrap();
        breakers[&Stage::Pimcore].mode
    }

    fn flows(&self) -> [Flow; 2] {
        Stage::ALL.map(|queue| self.flows.borrow()[&queue])
    }
}

#[tokio::test]
async fn a_pim_that_is_down_is_left_alone_and_gets_everything_once_it_is_back() {
    let pim = StandIn::start("breaker").await;
    let mut function = Function::default();
    function.guard = Guard::new(Stage::Pimcore, Settings::default());
    let ids: Vec<String> = (0..40).map(|n| n.to_string()).collect();
    let messages: Vec<_> = ids.iter().map(|id| function.memory.put(&product(id), &version(1))).collect();
    // No connection: whatever is asked of it while it is down shows as a failure with this code.
    let nobody = pimcore::Pimcore::new("http://127.0.0.1:9", &pimcore::ApiKey::new("a key")).unwrap();
    for batch in messages[..30].chunks(10) {
        for outcome in function.run(&nobody, batch).await.values() {
            assert_eq!(failure(outcome).code, "pimcore_unreachable");
        }
    }
    let heard: Vec<String> = function.heard.take().iter().map(|event| event.detail().to_owned()).collect();
    assert_eq!(heard, [r#"{"target":"pimcore"}"#]);

    let mut keeper = Keeper::default();
    assert!(matches!(keeper.tend(&function).await, Mode::Open { .. }));
    assert_eq!(keeper.flows(), [Flow::Paused, Flow::Paused], "the shop is shown what the PIM holds");
    // Messages that were under way when the queue was paused go back as they came, also after
    // hours.
    for minutes in [0, 1, 60] {
        function.clock.0.store(minutes * 60_000, Ordering::Relaxed);
        let before = pim.app.counters.now();
        for (key, outcome) in function.run(&pim.client(), &messages[30..]).await {
            assert_eq!(failure(&outcome).code, "breaker_open");
            let state = function.memory.state(&key).pimcore;
            assert_eq!((state.owner, state.attempts, state.last_error), (None, 0, None), "{key}");
        }
        assert_eq!(pim.app.counters.now(), before, "Pimcore was asked");
        assert!(matches!(keeper.tend(&function).await, Mode::Open { .. }));
    }

    keeper.well = true;
    function.clock.0.fetch_add(60_000, Ordering::Relaxed);
    assert_eq!(keeper.tend(&function).await, Mode::Returning { step: 0 });
    assert_eq!(keeper.flows(), [Flow::Limited(2), Flow::Limited(2)]);
    for batch in messages.chunks(10) {
        for (key, outcome) in function.run(&pim.client(), batch).await {
            assert_eq!(outcome, Outcome::Done, "{key}");
        }
    }
    while keeper.tend(&function).await != Mode::Closed {
        function.clock.0.fetch_add(60_000, Ordering::Relaxed);
    }
    assert_eq!(keeper.flows(), [Flow::Full, Flow::Full]);
    assert!(pim.view(&common::path("39")).is_some());
}

#[tokio::test]
async fn one_batch_that_fails_in_between_opens_nothing() {
    let pim = StandIn::start("breaker-blip").await;
    let mut function = Function::default();
    function.guard = Guard::new(Stage::Pimcore, Settings::default());
    for n in 0..10_u64 {
        let message = function.memory.put(&product(&format!("blip-{n}")), &version(1));
        if n % 3 == 2 {
            pim.fault(json!({"kind": "bad-gateway", "times": 1}));
        }
        function.run_with(&Ok(pim.client()), &[message], PublishPolicy::Auto).await;
    }
    let breaker = ledger::breaker::look(&function.memory, Stage::Pimcore).await.unwrap();
    assert_eq!((breaker.mode, breaker.openings), (Mode::Closed, 0));
    assert!(function.memory.state(&key("blip-0")).pimcore.applied.is_some());
}
