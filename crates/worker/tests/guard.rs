//! What a function does about a target that fails: nothing as long as it works, one write when it
//! does not, and then leave it alone.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use catalog::{ContentHash, Failure, Fate, ProductKey, Version};
use ledger::breaker::{Flow, Health, Mapping, Settings, look, tend};
use ledger::core::breaker::{Mode, item_key};
use ledger::core::desired;
use ledger::{Applied, Call, Leases, Ledger, Memory, Owner, Stage};
use runtime::{Announcement, Bus, Clock, Deadline, Outcome};
use worker::{Guard, Probe, Worker};

const NOW: i64 = 1_800_000_000_000;
const SETTINGS: Settings = Settings {
    failures: 3,
    wait_ms: 30_000,
    longest_wait_ms: 300_000,
    probe_ms: 30_000,
    step_ms: 50_000,
    steps: &[1, 5],
    over_after_ms: 120_000,
    calm_ms: 600_000,
};

#[derive(Default)]
struct Heard {
    announcements: Mutex<Vec<Announcement>>,
    deaf: AtomicBool,
}

impl Heard {
    /// Events since the last look.
    fn take(&self) -> Vec<String> {
        self.announcements.lock().unwrap().drain(..).map(|one| one.detail().to_owned()).collect()
    }
}

impl Bus for Heard {
    async fn announce(&self, announcements: &[Announcement]) -> Vec<Result<(), Failure>> {
        if self.deaf.load(Ordering::Relaxed) {
            return vec![Err(Failure::transient("announce_failed", "deaf")); announcements.len()];
        }
        self.announcements.lock().unwrap().extend_from_slice(announcements);
        vec![Ok(()); announcements.len()]
    }
}

struct Clockwork(AtomicI64);

impl Clock for Clockwork {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The ledger, the bus and the clock that all environments of all functions share.
struct World {
    ledger: Ledger<Memory>,
    bus: Heard,
    clock: Clockwork,
    /// Whether a target answers what it always can.
    probe_works: AtomicBool,
}

/// dlq-redrive's side, where everything works.
struct Well;

impl Mapping for Well {
    async fn tell(&self, _: Stage, _: Flow) -> Result<(), Failure> {
        Ok(())
    }
}

impl Health for Well {
    async fn works(&self, _: Stage) -> bool {
        true
    }
}

impl World {
    fn new() -> Self {
        let ledger = Ledger::in_memory(Leases { lease_ms: 90_000, landing_ms: 60_000 });
        for n in 0..10 {
            let state = desired::write_state(&key(n), &version(), &hash(), "run", NOW);
            ledger.table().put(&state).unwrap();
        }
        Self {
            ledger,
            bus: Heard::default(),
            clock: Clockwork(AtomicI64::new(NOW)),
            probe_works: AtomicBool::new(true),
        }
    }

    /// One invocation with some products, to each of which the target does this.
    async fn batch(
        &self,
        guard: &Guard,
        stage: Stage,
        products: &[u32],
        target: impl Fn(&ProductKey) -> Result<(), Failure>,
    ) -> HashMap<ProductKey, Outcome> {
        let worker = Worker {
            stage,
            ledger: &self.ledger,
            guard,
            bus: &self.bus,
            clock: &self.clock,
            owner: Owner("us".into()),
            deadline: Deadline::at(self.clock.now_ms() + 60_000),
        };
        let keys: Vec<ProductKey> = products.iter().map(|n| key(*n)).collect();
        let mut claims = worker.claim(&keys).await;
        let done = Applied { hash: hash(), version: version(), remote_id: None, view: None, seen: None, at: 0 };
        let each = |keys: Vec<ProductKey>| -> BTreeMap<ProductKey, Result<Applied, Failure>> {
            keys.into_iter().map(|key| (key.clone(), target(&key).map(|()| done.clone()))).collect()
        };
        let results = each(claims.ours.keys().cloned().collect());
        let probe = Probe::new(async |_| self.probe_works.load(Ordering::Relaxed));
        let results = worker.isolate(results, &probe, async |keys| each(keys)).await;
        claims.outcomes.extend(worker.record(&claims.ours, results, &probe).await);
        claims.outcomes
    }

    async fn fails(&self, guard: &Guard, stage: Stage, code: &str) {
        self.batch(guard, stage, &[1, 2], |_| Err(no_answer(code))).await;
    }

    async fn mode(&self, target: Stage) -> Mode {
        look(&self.ledger, target).await.unwrap().mode
    }

    /// What was asked of breakers' items since the last look.
    fn breaker_calls(&self) -> Vec<Call> {
        let of_breaker = |call: &Call| match call {
            Call::Read(keys) => keys.iter().any(|key| key.pk.starts_with("B#")),
            Call::Write(key, _) => key.pk.starts_with("B#"),
            Call::Query(_) | Call::Body(_) => false,
        };
        self.ledger.table().take_calls().into_iter().filter(of_breaker).collect()
    }

    fn later(&self, ms: i64) {
        self.clock.0.fetch_add(ms, Ordering::Relaxed);
    }
}

/// A failure as the clients make it.
fn no_answer(code: &str) -> Failure {
    let request = match code.split_once('_') {
        Some(("pimcore" | "medusa", "unreachable")) => Fate::NoConnection,
        Some(("pimcore" | "medusa", "timeout" | "unavailable")) => Fate::MayStillLand,
        Some(("pimcore" | "medusa", _)) => Fate::Answered,
        _ => Fate::NotAsked,
    };
    Failure::transient(code, "no answer").request(request)
}

fn key(n: u32) -> ProductKey {
    ProductKey::new("demo", n.to_string()).unwrap()
}

fn hash() -> ContentHash {
    ContentHash::from_text("a".repeat(32))
}

fn version() -> Version {
    Version::new(1, "0", 0)
}

fn guard(stage: Stage) -> Guard {
    Guard::new(stage, SETTINGS)
}

fn held(outcome: &Outcome) -> Duration {
    let Outcome::Failed(failure) = outcome else { panic!("not held: {outcome:?}") };
    assert_eq!(failure.code, "breaker_open");
    failure.retry_after.unwrap()
}

#[tokio::test]
async fn as_long_as_targets_answer_no_call_is_made_for_breakers() {
    let world = World::new();
    let guard = guard(Stage::Medusa);
    for round in 0..50 {
        let outcomes = world
            .batch(&guard, Stage::Medusa, &[1, 2, 3], |key| match key.id() {
                "3" => Err(Failure::permanent("medusa_refused", "no")),
                _ => Ok(()),
            })
            .await;
        assert_eq!(outcomes.len(), 3);
        let calls = world.ledger.table().take_calls();
        assert!(calls.iter().all(|call| matches!(call, Call::Write(key, _) if key.sk == "state")), "{calls:?}");
        assert!(calls.len() >= 6, "round {round}: each product is claimed, and completed or given back");
    }
    assert!(world.bus.take().is_empty());
}

#[tokio::test]
async fn what_is_not_the_targets_own_failure_never_trips() {
    let world = World::new();
    let guard = guard(Stage::Medusa);
    for code in ["leased", "ledger_unavailable", "secret_missing", "medusa_login_refused", "deadline"] {
        for _ in 0..10 {
            world.fails(&guard, Stage::Medusa, code).await;
        }
    }
    assert!(world.breaker_calls().is_empty());
}

#[tokio::test]
async fn a_target_that_does_not_answer_is_left_alone_by_one_write() {
    let world = World::new();
    let guard = guard(Stage::Medusa);
    for _ in 0..2 {
        world.fails(&guard, Stage::Medusa, "medusa_unreachable").await;
    }
    let item = item_key(Stage::Medusa);
    let looks = |calls: Vec<Call>| calls.iter().all(|call| matches!(call, Call::Read(_)));
    assert!(looks(world.breaker_calls()) && world.bus.take().is_empty(), "not yet");
    world.fails(&guard, Stage::Medusa, "medusa_unreachable").await;
    let writes: Vec<Call> = world.breaker_calls().into_iter().filter(|call| matches!(call, Call::Write(..))).collect();
    assert_eq!(writes, [Call::Write(item.clone(), true)]);
    assert_eq!(world.bus.take(), [r#"{"target":"medusa"}"#]);
    assert_eq!(world.mode(Stage::Medusa).await, Mode::Open { retry_at: NOW + 30_000 });

    world.later(10_000);
    let _ = world.ledger.table().take_calls();
    let outcomes = world.batch(&guard, Stage::Medusa, &[1, 2, 3], |_| panic!("the target was asked")).await;
    assert!(outcomes.values().all(|outcome| held(outcome) == Duration::from_secs(20)), "{outcomes:?}");
    assert_eq!(world.ledger.table().take_calls(), [Call::Read(vec![item])], "one look, no lease");
}

#[tokio::test]
async fn two_environments_open_it_once_and_both_hold() {
    let world = World::new();
    let (one, two) = (guard(Stage::Pimcore), guard(Stage::Pimcore));
    for _ in 0..2 {
        world.fails(&one, Stage::Pimcore, "pimcore_timeout").await;
        world.fails(&two, Stage::Pimcore, "pimcore_unavailable").await;
    }
    // Both have their third batch under way when the first of them opens it.
    let answers = [no_answer("pimcore_timeout"), no_answer("pimcore_unavailable")];
    for (guard, failure) in [(&one, &answers[0]), (&two, &answers[1])] {
        let results = BTreeMap::from([(key(1), Err::<(), _>(failure.clone())), (key(2), Err(failure.clone()))]);
        guard.learn_from_batch(&world.ledger, &world.bus, &results, &Probe::new(async |_| true), NOW).await;
    }
    let seen = look(&world.ledger, Stage::Pimcore).await.unwrap();
    assert_eq!((seen.openings, seen.is_open()), (1, true));
    assert_eq!(world.bus.take().len(), 2, "the first may have died before it could say so");
    for guard in [&one, &two] {
        let outcomes = world.batch(guard, Stage::Pimcore, &[1], |_| panic!("the target was asked")).await;
        assert_eq!(held(&outcomes[&key(1)]), Duration::from_secs(30));
    }
}

#[tokio::test]
async fn an_opener_that_dies_before_it_could_say_so_is_made_up_for_by_whoever_holds_next() {
    let world = World::new();
    let opener = guard(Stage::Medusa);
    let other = guard(Stage::Medusa);
    world.fails(&other, Stage::Medusa, "medusa_unavailable").await;
    world.bus.deaf.store(true, Ordering::Relaxed);
    for _ in 0..3 {
        world.fails(&opener, Stage::Medusa, "medusa_unavailable").await;
    }
    world.bus.deaf.store(false, Ordering::Relaxed);
    assert!(world.bus.take().is_empty());
    let outcomes = world.batch(&other, Stage::Medusa, &[4], |_| panic!("the target was asked")).await;
    held(&outcomes[&key(4)]);
    assert_eq!(world.bus.take(), [r#"{"target":"medusa"}"#]);
    // Nor does it flood the bus while messages keep coming.
    for _ in 0..20 {
        world.batch(&other, Stage::Medusa, &[4], |_| panic!("the target was asked")).await;
    }
    assert!(world.bus.take().is_empty());
    world.later(10_000);
    world.batch(&other, Stage::Medusa, &[4], |_| panic!("the target was asked")).await;
    assert_eq!(world.bus.take().len(), 1);
}

#[tokio::test]
async fn a_ledger_that_does_not_take_the_opening_is_asked_again() {
    let world = World::new();
    let guard = guard(Stage::Medusa);
    let failure = no_answer("medusa_unreachable");
    let results = BTreeMap::from([(key(1), Err::<(), _>(failure))]);
    world.ledger.table().break_down(true);
    for _ in 0..5 {
        guard.learn_from_batch(&world.ledger, &world.bus, &results, &Probe::new(async |_| true), NOW).await;
    }
    assert!(
        guard.why_held(&world.ledger, &world.bus, NOW).await.is_none(),
        "who cannot look goes on, and meets the same trouble"
    );
    world.ledger.table().break_down(false);
    guard.learn_from_batch(&world.ledger, &world.bus, &results, &Probe::new(async |_| true), NOW).await;
    assert!(matches!(world.mode(Stage::Medusa).await, Mode::Open { .. }));
}

#[tokio::test]
async fn without_the_pim_the_shop_is_not_asked_either() {
    let world = World::new();
    let guard = guard(Stage::Medusa);
    for _ in 0..3 {
        world.fails(&guard, Stage::Medusa, "pimcore_unreachable").await;
    }
    assert!(matches!(world.mode(Stage::Pimcore).await, Mode::Open { .. }));
    assert_eq!(world.mode(Stage::Medusa).await, Mode::Closed, "nobody has asked the shop");
    let outcomes = world.batch(&guard, Stage::Medusa, &[1], |_| panic!("a target was asked")).await;
    held(&outcomes[&key(1)]);
}

#[tokio::test]
async fn once_traffic_returns_work_goes_on_and_the_first_answer_ends_the_looking() {
    let world = World::new();
    let guard = guard(Stage::Medusa);
    for _ in 0..3 {
        world.fails(&guard, Stage::Medusa, "medusa_unreachable").await;
    }
    world.later(30_000);
    let owner = Owner("keeper".into());
    tend(&world.ledger, &Well, &Well, &owner, &SETTINGS, world.clock.now_ms()).await.unwrap();
    assert_eq!(world.mode(Stage::Medusa).await, Mode::Returning { step: 0 });
    // It fails again at once: whoever knows it from before does not wait for three.
    world.fails(&guard, Stage::Medusa, "medusa_unreachable").await;
    let seen = look(&world.ledger, Stage::Medusa).await.unwrap();
    assert_eq!((seen.openings, seen.mode), (2, Mode::Open { retry_at: NOW + 30_000 + 60_000 }));
    world.later(60_000);
    tend(&world.ledger, &Well, &Well, &owner, &SETTINGS, world.clock.now_ms()).await.unwrap();
    world.later(90_000);
    world.breaker_calls();
    let outcomes = world.batch(&guard, Stage::Medusa, &[5], |_| Ok(())).await;
    assert!(!matches!(outcomes[&key(5)], Outcome::Failed(_)), "{outcomes:?}");
    assert_eq!(world.breaker_calls().len(), 1, "looked once more");
    world.batch(&guard, Stage::Medusa, &[6], |_| Ok(())).await;
    assert!(world.breaker_calls().is_empty());
}

/// The target breaks on this request and says so.
fn broke(_: &ProductKey) -> Failure {
    Failure::transient("medusa_unavailable", "Medusa answers 500").request(Fate::MayStillLand).choked(false)
}

#[tokio::test]
async fn four_products_that_the_shop_breaks_on_are_set_aside_and_hold_up_nobody() {
    let world = World::new();
    let guard = guard(Stage::Medusa);
    let bad = |key: &ProductKey| matches!(key.id(), "1" | "2" | "3" | "4");
    // Among sound ones, then by themselves: then only a probe can tell.
    for (round, batch) in [&[0, 1, 2, 3, 4, 5, 6][..], &[1, 2, 3, 4], &[4, 3, 2, 1]].into_iter().enumerate() {
        let outcomes =
            world.batch(&guard, Stage::Medusa, batch, |key| if bad(key) { Err(broke(key)) } else { Ok(()) }).await;
        for (key, outcome) in outcomes {
            let Outcome::Failed(failure) = outcome else {
                assert!(!bad(&key), "{key}");
                continue;
            };
            assert!(bad(&key), "{key}: {failure}");
            let set_aside = round == 2;
            assert_eq!(failure.kind.is_final(), set_aside, "{failure}");
            assert_eq!(failure.code == "medusa_chokes", set_aside, "{failure}");
            assert!(failure.message.contains("Medusa answers 500"), "{failure}");
        }
    }
    assert_eq!(world.mode(Stage::Medusa).await, Mode::Closed);
}

#[tokio::test]
async fn a_shop_that_breaks_on_everything_is_down_whatever_the_kind_of_its_answer() {
    let world = World::new();
    world.probe_works.store(false, Ordering::Relaxed);
    let guard = guard(Stage::Medusa);
    for batch in [&[0, 1, 2], &[3, 4, 5], &[6, 7, 8]] {
        for outcome in world.batch(&guard, Stage::Medusa, batch, |key| Err(broke(key))).await.values() {
            assert!(matches!(outcome, Outcome::Failed(failure) if !failure.kind.is_final()), "{outcome:?}");
        }
    }
    assert!(matches!(world.mode(Stage::Medusa).await, Mode::Open { .. }));
}

/// A shop whose database takes no writes answers every probe.
#[tokio::test]
async fn a_shop_that_reads_and_takes_nothing_is_down_and_nobody_is_blamed() {
    let world = World::new();
    let guard = guard(Stage::Medusa);
    let all: Vec<u32> = (0..10).collect();
    for _ in 0..3 {
        for outcome in world.batch(&guard, Stage::Medusa, &all, |key| Err(broke(key))).await.values() {
            assert!(matches!(outcome, Outcome::Failed(failure) if !failure.kind.is_final()), "{outcome:?}");
        }
    }
    assert!(matches!(world.mode(Stage::Medusa).await, Mode::Open { .. }));
    for n in 0..10 {
        let state = world.ledger.read_states(&[key(n)]).await.unwrap().remove(&key(n)).unwrap();
        assert!(state.medusa.choked_alone == 0, "{n}");
    }
}

/// What an outage did to a queue.
#[derive(Debug, Default)]
struct Outage {
    openings: i64,
    /// Deliveries of one message at most.
    most: u32,
    /// When (minutes) the first message was given up by SQS, and how many were.
    dead: Option<(i64, usize)>,
    /// Minutes after the end of the outage until everything had arrived.
    arrived: i64,
}

fn internal_error() -> Failure {
    Failure::transient("pimcore_internal_error", "Pimcore reports an internal error")
        .request(Fate::Answered)
        .choked(false)
}

/// Deliveries before SQS gives a message up (template.yaml, maxReceiveCount).
const DELIVERIES: u32 = 8;

/// A queue with its dead-letter queue.
#[derive(Debug)]
struct Queue {
    /// When a message is visible again, and how often it was delivered. Done messages are gone.
    messages: BTreeMap<u32, (i64, u32)>,
    dead: Vec<u32>,
    /// The most deliveries of one message.
    most: u32,
}

impl Queue {
    fn of(messages: u32) -> Self {
        Self { messages: (0..messages).map(|n| (n, (NOW, 0))).collect(), dead: Vec::new(), most: 0 }
    }

    fn is_done(&self) -> bool {
        self.messages.is_empty() && self.dead.is_empty()
    }

    fn redrive(&mut self, now: i64) {
        self.messages.extend(self.dead.drain(..).map(|n| (n, (now, 0))));
    }

    /// Those that have been visible for longest, as many as may be tried.
    fn due(&self, now: i64, flow: Flow) -> Vec<u32> {
        let most = match flow {
            Flow::Paused => 0,
            Flow::Limited(some) => some.try_into().unwrap(),
            Flow::Full => 40,
        };
        let mut due: Vec<(i64, u32)> =
            self.messages.iter().filter(|(_, (at, _))| *at <= now).map(|(n, (at, _))| (*at, *n)).collect();
        due.sort_unstable();
        due.into_iter().take(most).map(|(_, n)| n).collect()
    }

    /// What becomes of a message that was delivered; whether it is dead.
    fn settle(&mut self, n: u32, outcome: &Outcome, now: i64) -> bool {
        let (visible, delivered) = self.messages.get_mut(&n).unwrap();
        *delivered += 1;
        self.most = self.most.max(*delivered);
        let wait = match outcome {
            Outcome::Done => {
                self.messages.remove(&n);
                return false;
            }
            Outcome::Again(wait) => *wait,
            Outcome::Failed(failure) => {
                assert!(!failure.kind.is_final(), "{failure}");
                runtime::backoff::after(failure, &n.to_string(), *delivered)
            }
        };
        *visible = now + i64::try_from(wait.as_millis()).unwrap();
        let dies = *delivered == DELIVERIES;
        if dies {
            self.messages.remove(&n);
            self.dead.push(n);
        }
        dies
    }
}

/// An hour of a Pimcore that answers everything, probes with a key included, with "Internal server
/// error", while it looks well to who asks without one; then it works, and what is dead is sent
/// back once.
async fn an_hour_of_internal_errors(messages: u32) -> Outage {
    const HOUR: i64 = 3_600_000;
    let settings = Settings::default();
    let world = World::new();
    for n in 10..messages.max(10) {
        world.ledger.table().put(&desired::write_state(&key(n), &version(), &hash(), "run", NOW)).unwrap();
    }
    world.probe_works.store(false, Ordering::Relaxed);
    let guard = Guard::new(Stage::Pimcore, settings);
    let mut queue = Queue::of(messages);
    let owner = Owner("keeper".into());
    let mut outage = Outage::default();
    while !queue.is_done() && world.clock.now_ms() < NOW + 3 * HOUR {
        let now = world.clock.now_ms();
        let down = now < NOW + HOUR;
        world.probe_works.store(!down, Ordering::Relaxed);
        if (now - NOW) % 60_000 == 0 {
            tend(&world.ledger, &Well, &Well, &owner, &settings, now).await.unwrap();
        }
        if !down {
            queue.redrive(now);
        }
        let seen = look(&world.ledger, Stage::Pimcore).await.unwrap();
        outage.openings = outage.openings.max(seen.openings);
        let batch = queue.due(now, seen.flow(&settings));
        if !batch.is_empty() {
            let outcomes = world
                .batch(&guard, Stage::Pimcore, &batch, |_| if down { Err(internal_error()) } else { Ok(()) })
                .await;
            for n in batch {
                if queue.settle(n, &outcomes[&key(n)], now) {
                    let (_, all) = outage.dead.get_or_insert(((now - NOW) / 60_000, 0));
                    *all += 1;
                }
            }
            outage.most = outage.most.max(queue.most);
        }
        world.later(1_000);
    }
    assert!(queue.is_done(), "{queue:?}");
    outage.arrived = (world.clock.now_ms() - NOW - HOUR) / 60_000;
    outage
}

#[tokio::test]
async fn an_hour_of_errors_costs_waiting_messages_no_deliveries() {
    let outage = an_hour_of_internal_errors(200).await;
    println!("200 messages: {outage:?}");
    assert!(outage.openings > 5 && outage.most <= 5 && outage.dead.is_none(), "{outage:?}");
    assert!(outage.arrived <= 10, "{outage:?}");
}

/// The few messages of a quiet hour are all that can be tried when traffic returns.
#[tokio::test]
async fn two_messages_live_through_a_quarter_of_it_and_one_redrive_brings_them_back() {
    let outage = an_hour_of_internal_errors(2).await;
    println!("2 messages: {outage:?}");
    let (minute, dead) = outage.dead.unwrap();
    assert!(minute >= 15 && dead == 2, "{outage:?}");
    assert!(outage.arrived <= 10, "{outage:?}");
}
