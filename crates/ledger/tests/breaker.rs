//! The circuit breaker: two openers, a crash of the opener, a mapping that cannot be told, flapping, one probe at a time.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use catalog::Failure;
use ledger::breaker::{Failures, Flow, Health, Mapping, Settings, Store, look, tend, trip};
use ledger::core::breaker::Mode;
use ledger::core::{Item, ItemKey, Write};
use ledger::{LedgerError, Owner, Stage};

const TARGET: Stage = Stage::Medusa;
const SETTINGS: Settings = Settings {
    failures: 3,
    wait_ms: 100,
    longest_wait_ms: 1_000,
    probe_ms: 50,
    step_ms: 200,
    steps: &[1, 5],
    calm_ms: 10_000,
};

/// The table, the mapping and the target, in memory.
#[derive(Default)]
struct World {
    items: RefCell<BTreeMap<ItemKey, Item>>,
    calls: Cell<u32>,
    told: RefCell<Vec<Flow>>,
    mapping_fails: Cell<bool>,
    works: Cell<bool>,
    probes: Cell<u32>,
}

impl Store for World {
    async fn read(&self, key: &ItemKey) -> Result<Item, LedgerError> {
        self.calls.set(self.calls.get() + 1);
        Ok(self.items.borrow().get(key).cloned().unwrap_or_default())
    }

    async fn write(&self, write: &Write) -> Result<Result<Item, Item>, LedgerError> {
        self.calls.set(self.calls.get() + 1);
        let mut items = self.items.borrow_mut();
        let item = items.entry(write.key.clone()).or_default();
        let answer = write.apply(item);
        if let Ok(after) = &answer {
            *item = after.clone();
        }
        Ok(answer)
    }
}

impl Mapping for World {
    async fn tell(&self, _: Stage, flow: Flow) -> Result<(), Failure> {
        if self.mapping_fails.get() {
            return Err(Failure::transient("mapping_unavailable", "UpdateEventSourceMapping: throttled"));
        }
        self.told.borrow_mut().push(flow);
        Ok(())
    }
}

impl Health for World {
    async fn works(&self, _: Stage) -> bool {
        self.probes.set(self.probes.get() + 1);
        self.works.get()
    }
}

impl World {
    fn trip(&self, now: i64) -> Mode {
        futures::executor::block_on(trip(self, TARGET, "no answer", &SETTINGS, now)).unwrap().mode
    }

    fn tend(&self, who: &str, now: i64) -> Mode {
        let owner = Owner(who.to_owned());
        futures::executor::block_on(tend(self, self, self, TARGET, &owner, &SETTINGS, now)).unwrap().mode
    }

    fn mode(&self) -> Mode {
        futures::executor::block_on(look(self, TARGET)).unwrap().mode
    }

    fn openings(&self) -> i64 {
        futures::executor::block_on(look(self, TARGET)).unwrap().openings
    }
}

#[test]
fn a_healthy_target_costs_no_call() {
    let world = World::default();
    let mut failures = Failures::default();
    for _ in 0..1_000 {
        failures.answered();
        assert!(failures.none());
    }
    assert_eq!(world.calls.get(), 0);
}

#[test]
fn failures_in_a_row_trip_and_an_answer_in_between_starts_anew() {
    let mut failures = Failures::default();
    assert!(!failures.failed(&SETTINGS) && !failures.failed(&SETTINGS));
    failures.answered();
    assert!(!failures.failed(&SETTINGS) && !failures.failed(&SETTINGS) && failures.failed(&SETTINGS));
}

#[test]
fn two_openers_open_once() {
    let world = World::default();
    assert_eq!(world.trip(1_000), Mode::Open { retry_at: 1_100 });
    assert_eq!(world.trip(1_001), Mode::Open { retry_at: 1_100 });
    assert_eq!(world.openings(), 1);
}

#[test]
fn two_openers_that_saw_the_same_closed_breaker_open_once() {
    let world = World::default();
    let seen = futures::executor::block_on(look(&world, TARGET)).unwrap();
    let open = |now| ledger::core::breaker::trip(TARGET, &seen, "no answer", &SETTINGS, now);
    assert!(futures::executor::block_on(world.write(&open(1_000))).unwrap().is_ok());
    assert!(futures::executor::block_on(world.write(&open(1_001))).unwrap().is_err());
    assert_eq!(world.openings(), 1);
}

#[test]
fn an_opener_that_dies_before_the_mapping_is_told_is_made_up_for() {
    let world = World::default();
    world.trip(1_000);
    assert!(world.told.borrow().is_empty());
    world.tend("anybody", 1_010);
    assert_eq!(*world.told.borrow(), [Flow::Paused]);
}

#[test]
fn a_mapping_that_cannot_be_told_is_told_again_and_the_probe_does_not_wait_for_it() {
    let world = World::default();
    world.trip(1_000);
    world.mapping_fails.set(true);
    world.works.set(true);
    world.tend("a", 1_010);
    assert!(world.told.borrow().is_empty());
    assert_eq!(world.tend("a", 1_100), Mode::Returning { step: 0 });
    world.mapping_fails.set(false);
    world.tend("a", 1_110);
    assert_eq!(*world.told.borrow(), [Flow::Limited(1)]);
}

#[test]
fn an_open_breaker_pauses_the_mapping_again_after_a_deployment_switched_it_on() {
    let world = World::default();
    world.trip(1_000);
    world.tend("a", 1_010);
    world.tend("a", 1_020);
    assert_eq!(*world.told.borrow(), [Flow::Paused, Flow::Paused]);
}

#[test]
fn traffic_returns_in_steps() {
    let world = World::default();
    world.trip(1_000);
    world.tend("a", 1_010);
    world.works.set(true);
    assert_eq!(world.tend("a", 1_099), Mode::Open { retry_at: 1_100 }, "not before its time");
    assert_eq!(world.tend("a", 1_100), Mode::Returning { step: 0 });
    assert_eq!(world.tend("a", 1_200), Mode::Returning { step: 0 });
    assert_eq!(world.tend("a", 1_300), Mode::Returning { step: 1 });
    assert_eq!(world.tend("a", 1_500), Mode::Closed);
    world.tend("a", 1_600);
    let told: Vec<Flow> = world.told.borrow().iter().copied().filter(|flow| *flow != Flow::Paused).collect();
    assert_eq!(told, [Flow::Limited(1), Flow::Limited(5), Flow::Full]);
}

#[test]
fn one_probe_at_a_time_and_a_dead_one_is_replaced() {
    let world = World::default();
    world.trip(1_000);
    let claim = |who: &str, now| {
        let probe = ledger::core::breaker::probe(TARGET, &Owner(who.to_owned()), &SETTINGS, now);
        futures::executor::block_on(world.write(&probe)).unwrap()
    };
    assert!(claim("a", 1_050).is_err(), "too early");
    let probing = claim("a", 1_100).unwrap();
    assert!(claim("b", 1_120).is_err(), "a probes");
    world.works.set(true);
    world.tend("c", 1_130);
    assert_eq!(world.probes.get(), 0, "a still probes");
    assert_eq!(world.tend("c", 1_200), Mode::Returning { step: 0 });
    let breaker = ledger::core::breaker::Breaker::of(&probing);
    let late = ledger::core::breaker::probed(TARGET, &Owner("a".into()), &breaker, false, &SETTINGS, 1_210);
    assert!(futures::executor::block_on(world.write(&late)).unwrap().is_err(), "a comes too late");
    assert_eq!(world.mode(), Mode::Returning { step: 0 });
}

#[test]
fn a_target_that_flaps_is_left_alone_longer_each_time() {
    let world = World::default();
    let mut now = 1_000;
    let mut waits = Vec::new();
    for _ in 0..6 {
        let Mode::Open { retry_at } = world.trip(now) else { panic!("not open") };
        waits.push(retry_at - now);
        now = retry_at;
        world.works.set(true);
        assert_eq!(world.tend("a", now), Mode::Returning { step: 0 });
        now += 1;
    }
    assert_eq!(waits, [100, 200, 400, 800, 1_000, 1_000]);
    // Well for a long time: it starts anew.
    for _ in 0..3 {
        now += 200;
        world.tend("a", now);
    }
    assert_eq!(world.mode(), Mode::Closed);
    now += 10_001;
    assert_eq!(world.trip(now), Mode::Open { retry_at: now + 100 });
}

#[test]
fn a_probe_that_fails_waits_again() {
    let world = World::default();
    world.trip(1_000);
    assert_eq!(world.tend("a", 1_100), Mode::Open { retry_at: 1_200 });
    assert_eq!(world.tend("b", 1_150), Mode::Open { retry_at: 1_200 });
    assert_eq!(world.probes.get(), 1);
}
