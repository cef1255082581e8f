//! The circuit breaker: two openers, a crash of the opener, a mapping that cannot be told,
//! flapping, one probe at a time.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use catalog::Failure;
use futures::executor::block_on;
use ledger::breaker::{Flow, Health, Mapping, Settings, look, tend, trip};
use ledger::core::breaker::{self as rules, Mode};
use ledger::{Leases, Ledger, Memory, Owner, Stage};

const TARGET: Stage = Stage::Medusa;
const SETTINGS: Settings = Settings {
    failures: 3,
    wait_ms: 100,
    longest_wait_ms: 1_000,
    probe_ms: 50,
    step_ms: 200,
    steps: &[1, 5],
    over_after_ms: 400,
    calm_ms: 10_000,
};

/// The table, the mappings and the targets, in memory.
struct World {
    ledger: Ledger<Memory>,
    /// What each queue's mapping does, and how often it was told.
    flows: RefCell<BTreeMap<Stage, Flow>>,
    tells: Cell<u32>,
    mapping_fails: Cell<bool>,
    works: Cell<bool>,
    probes: Cell<u32>,
}

impl Mapping for World {
    async fn tell(&self, queue: Stage, flow: Flow) -> Result<(), Failure> {
        if self.mapping_fails.get() {
            return Err(Failure::transient("mapping_unavailable", "UpdateEventSourceMapping: throttled"));
        }
        self.tells.set(self.tells.get() + 1);
        self.flows.borrow_mut().insert(queue, flow);
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
    fn new() -> Self {
        let ledger = Ledger::in_memory(Leases { lease_ms: 1, landing_ms: 1 });
        let flows = RefCell::new(Stage::ALL.map(|queue| (queue, Flow::Full)).into());
        let (tells, probes) = (Cell::new(0), Cell::new(0));
        Self { ledger, flows, tells, probes, mapping_fails: Cell::new(false), works: Cell::new(false) }
    }

    fn trip(&self, now: i64) -> Mode {
        self.trip_of(TARGET, now)
    }

    fn trip_of(&self, target: Stage, now: i64) -> Mode {
        block_on(trip(&self.ledger, target, "no answer", &SETTINGS, now)).unwrap().mode
    }

    fn tend(&self, who: &str, now: i64) -> Mode {
        let owner = Owner(who.to_owned());
        block_on(tend(&self.ledger, self, self, &owner, &SETTINGS, now)).unwrap()[&TARGET].mode
    }

    fn mode(&self) -> Mode {
        block_on(look(&self.ledger, TARGET)).unwrap().mode
    }

    fn openings(&self) -> i64 {
        block_on(look(&self.ledger, TARGET)).unwrap().openings
    }

    fn flow(&self, queue: Stage) -> Flow {
        self.flows.borrow()[&queue]
    }

    /// Tends until the breaker is closed; the time then.
    fn recover(&self, mut now: i64) -> i64 {
        self.works.set(true);
        while self.tend("a", now) != Mode::Closed {
            now += 100;
        }
        now
    }
}

#[test]
fn two_openers_open_once() {
    let world = World::new();
    assert_eq!(world.trip(1_000), Mode::Open { retry_at: 1_100 });
    assert_eq!(world.trip(1_001), Mode::Open { retry_at: 1_100 });
    assert_eq!(world.openings(), 1);
}

#[test]
fn two_openers_that_saw_the_same_closed_breaker_open_once() {
    let world = World::new();
    let seen = block_on(look(&world.ledger, TARGET)).unwrap();
    let open = |now| rules::trip(TARGET, &seen, "no answer", &SETTINGS, now);
    assert!(block_on(world.ledger.write(&open(1_000))).unwrap().is_ok());
    assert!(block_on(world.ledger.write(&open(1_001))).unwrap().is_err());
    assert_eq!(world.openings(), 1);
}

#[test]
fn an_opener_that_dies_before_the_mapping_is_told_is_made_up_for() {
    let world = World::new();
    world.trip(1_000);
    assert_eq!(world.flow(TARGET), Flow::Full);
    world.tend("anybody", 1_010);
    assert_eq!(world.flow(TARGET), Flow::Paused);
}

#[test]
fn a_mapping_that_cannot_be_told_is_told_again_and_the_probe_does_not_wait_for_it() {
    let world = World::new();
    world.trip(1_000);
    world.mapping_fails.set(true);
    world.works.set(true);
    world.tend("a", 1_010);
    assert_eq!(world.flow(TARGET), Flow::Full);
    assert_eq!(world.tend("a", 1_100), Mode::Returning { step: 0 });
    world.mapping_fails.set(false);
    world.tend("a", 1_110);
    assert_eq!(world.flow(TARGET), Flow::Limited(1));
}

#[test]
fn a_mapping_that_cannot_be_told_is_not_forgotten_when_the_breaker_has_closed() {
    let world = World::new();
    world.trip(1_000);
    world.tend("a", 1_010);
    world.mapping_fails.set(true);
    let now = world.recover(1_100) + 10 * SETTINGS.over_after_ms;
    world.tend("a", now);
    assert_eq!(world.flow(TARGET), Flow::Paused);
    world.mapping_fails.set(false);
    world.tend("a", now + 1);
    assert_eq!(world.flow(TARGET), Flow::Full);
}

#[test]
fn an_open_breaker_pauses_the_mapping_again_after_a_deployment_switched_it_on() {
    let world = World::new();
    world.trip(1_000);
    world.tend("a", 1_010);
    world.flows.borrow_mut().insert(TARGET, Flow::Full);
    world.tend("a", 1_020);
    assert_eq!(world.flow(TARGET), Flow::Paused);
}

#[test]
fn what_a_late_teller_tells_the_mapping_does_not_stay() {
    let world = World::new();
    world.trip(1_000);
    let closed = world.recover(1_100);
    world.tend("b", closed + 10);
    // Somebody who saw the breaker returning wakes up at the end of his life, and tells what was
    // right then.
    world.flows.borrow_mut().insert(TARGET, Flow::Limited(5));
    world.tend("b", closed + SETTINGS.over_after_ms);
    assert_eq!(world.flow(TARGET), Flow::Full);
}

#[test]
fn a_breaker_that_has_been_closed_for_long_leaves_the_mapping_alone() {
    let world = World::new();
    world.tend("a", 900);
    assert_eq!(world.tells.get(), 0, "never opened: as it was deployed");
    world.trip(1_000);
    let closed = world.recover(1_100);
    world.tend("a", closed + SETTINGS.over_after_ms);
    let told = world.tells.get();
    // A person pauses the queue, for a reason of his own.
    world.flows.borrow_mut().insert(TARGET, Flow::Paused);
    for now in 1..10 {
        world.tend("a", closed + SETTINGS.over_after_ms + now * 100);
    }
    assert_eq!((world.tells.get(), world.flow(TARGET)), (told, Flow::Paused));
    // Much later it opens again, which counts as the first time: that opening is not settled.
    world.trip(closed + 20_000);
    world.flows.borrow_mut().insert(TARGET, Flow::Full);
    world.tend("a", closed + 20_001);
    assert_eq!((world.openings(), world.flow(TARGET)), (1, Flow::Paused));
}

#[test]
fn without_the_pim_the_shops_queue_waits_too() {
    let world = World::new();
    let flows = || Stage::ALL.map(|queue| world.flow(queue));
    world.trip(1_000);
    world.tend("a", 1_010);
    assert_eq!(flows(), [Flow::Full, Flow::Paused]);
    world.trip_of(Stage::Pimcore, 1_020);
    world.tend("a", 1_030);
    assert_eq!(flows(), [Flow::Paused, Flow::Paused]);
    // The shop's breaker closes first; the shop's queue waits for the PIM.
    block_on(async {
        let owner = Owner("b".into());
        let probing = rules::probe(TARGET, &owner, &SETTINGS, 1_200);
        let seen = rules::Breaker::of(&world.ledger.write(&probing).await.unwrap().unwrap());
        let works = rules::probed(TARGET, &owner, &seen, true, &SETTINGS, 1_200);
        assert!(world.ledger.write(&works).await.unwrap().is_ok());
    });
    for now in [1_400, 1_600, 1_800, 2_000, 2_200] {
        world.tend("a", now);
    }
    assert_eq!((world.mode(), flows()), (Mode::Closed, [Flow::Paused, Flow::Paused]));
    world.works.set(true);
    world.tend("a", 2_300);
    assert_eq!(flows(), [Flow::Limited(1), Flow::Limited(1)]);
    for now in [2_500, 2_700, 3_200] {
        world.tend("a", now);
    }
    assert_eq!(flows(), [Flow::Full, Flow::Full]);
}

#[test]
fn traffic_returns_in_steps() {
    let world = World::new();
    world.trip(1_000);
    world.tend("a", 1_010);
    world.works.set(true);
    let tend = |now| (world.tend("a", now), world.flow(TARGET));
    assert_eq!(tend(1_099), (Mode::Open { retry_at: 1_100 }, Flow::Paused), "not before its time");
    assert_eq!(tend(1_100), (Mode::Returning { step: 0 }, Flow::Limited(1)));
    assert_eq!(tend(1_200), (Mode::Returning { step: 0 }, Flow::Limited(1)));
    assert_eq!(tend(1_300), (Mode::Returning { step: 1 }, Flow::Limited(5)));
    assert_eq!(tend(1_500), (Mode::Closed, Flow::Full));
}

#[test]
fn one_probe_at_a_time_and_a_dead_one_is_replaced() {
    let world = World::new();
    world.trip(1_000);
    let claim = |who: &str, now| {
        let probe = rules::probe(TARGET, &Owner(who.to_owned()), &SETTINGS, now);
        block_on(world.ledger.write(&probe)).unwrap()
    };
    assert!(claim("a", 1_050).is_err(), "too early");
    let probing = claim("a", 1_100).unwrap();
    assert!(claim("b", 1_120).is_err(), "a probes");
    world.works.set(true);
    world.tend("c", 1_130);
    assert_eq!(world.probes.get(), 0, "a still probes");
    assert_eq!(world.tend("c", 1_200), Mode::Returning { step: 0 });
    let breaker = rules::Breaker::of(&probing);
    let late = rules::probed(TARGET, &Owner("a".into()), &breaker, false, &SETTINGS, 1_210);
    assert!(block_on(world.ledger.write(&late)).unwrap().is_err(), "a comes too late");
    assert_eq!(world.mode(), Mode::Returning { step: 0 });
}

#[test]
fn a_target_that_flaps_is_left_alone_longer_each_time() {
    let world = World::new();
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
    let world = World::new();
    world.trip(1_000);
    assert_eq!(world.tend("a", 1_100), Mode::Open { retry_at: 1_200 });
    assert_eq!(world.tend("b", 1_150), Mode::Open { retry_at: 1_200 });
    assert_eq!(world.probes.get(), 1);
}
