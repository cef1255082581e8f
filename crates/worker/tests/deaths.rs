//! A product that kills whoever works on it is found, set aside, and takes nobody with it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};

use catalog::{ContentHash, ErrorKind, Failure, ProductKey, Version};
use ledger::breaker::Settings;
use ledger::core::desired;
use ledger::{Applied, Leases, Ledger, Memory, Owner, Stage};
use runtime::{Announcement, Bus, Clock, Deadline, Outcome};
use worker::{Claims, Guard, Probe, Worker};

const LEASES: Leases = Leases { lease_ms: 90_000, landing_ms: 60_000 };
/// Deliveries before SQS gives a message up.
const DELIVERIES: usize = 8;

struct Now(AtomicI64);

impl Clock for Now {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

struct Deaf;

impl Bus for Deaf {
    async fn announce(&self, announcements: &[Announcement]) -> Vec<Result<(), Failure>> {
        vec![Ok(()); announcements.len()]
    }
}

fn key(n: u32) -> ProductKey {
    ProductKey::new("demo", format!("{n:03}")).unwrap()
}

fn applied() -> Applied {
    Applied {
        hash: ContentHash::from_text("a".repeat(32)),
        version: Version::new(1, "0", 0),
        remote_id: None,
        view: None,
        seen: None,
        at: 0,
    }
}

/// The function died; whoever had a lease keeps it until it expires.
struct Died;

/// One invocation, as the functions do it: all that can be done together, then those that go alone
/// one at a time.
async fn invocation(
    ledger: &Ledger<Memory>,
    clock: &Now,
    number: usize,
    waiting: &BTreeSet<ProductKey>,
    kills: &impl Fn(&ProductKey) -> bool,
    outcomes: &mut BTreeMap<ProductKey, Outcome>,
) -> Result<(), Died> {
    let guard = Guard::new(Stage::Medusa, Settings::default());
    let worker = Worker {
        stage: Stage::Medusa,
        ledger,
        guard: &guard,
        bus: &Deaf,
        clock,
        owner: Owner(format!("invocation-{number}")),
        deadline: Deadline::at(clock.now_ms() + 60_000),
    };
    let probe = Probe::new(async |_| true);
    let work = async |claims: Claims| {
        if claims.ours.keys().any(kills) {
            return Err(Died);
        }
        let results = claims.ours.keys().map(|key| (key.clone(), Ok(applied()))).collect();
        let mut done: BTreeMap<_, _> = claims.outcomes.into_iter().collect();
        done.extend(worker.record(&claims.ours, results, &probe).await);
        Ok(done)
    };
    let keys: Vec<ProductKey> = waiting.iter().cloned().collect();
    let mut claims = worker.claim(&keys).await;
    let alone = std::mem::take(&mut claims.alone);
    outcomes.extend(work(claims).await?);
    for key in alone {
        outcomes.extend(work(worker.claim_alone(&key).await).await?);
    }
    Ok(())
}

/// Deliveries of a batch of fifty until nothing of it waits any more, and what became of each
/// product.
async fn deliveries(killers: &[u32]) -> (usize, BTreeMap<ProductKey, (usize, Outcome)>, Ledger<Memory>) {
    let ledger = Ledger::in_memory(LEASES);
    let clock = Now(AtomicI64::new(1_800_000_000_000));
    for n in 0..50 {
        let state = desired::write_state(&key(n), &applied().version, &applied().hash, "run", clock.now_ms());
        ledger.table().put(&state).unwrap();
    }
    let kills = |product: &ProductKey| killers.iter().any(|n| key(*n) == *product);
    let mut waiting: BTreeSet<ProductKey> = (0..50).map(key).collect();
    let mut settled = BTreeMap::new();
    let mut number = 0;
    while !waiting.is_empty() {
        number += 1;
        assert!(number < 30, "{waiting:?}");
        let mut outcomes = BTreeMap::new();
        let died = invocation(&ledger, &clock, number, &waiting, &kills, &mut outcomes).await.is_err();
        for (key, outcome) in outcomes {
            let ends = match &outcome {
                Outcome::Done | Outcome::Again(_) => true,
                Outcome::Failed(failure) => failure.kind.is_final(),
            };
            // Lambda never hears of what a function did that died: all messages come back.
            if ends && !settled.contains_key(&key) {
                settled.insert(key, (number, outcome));
            }
        }
        if !died {
            waiting.retain(|key| !settled.contains_key(key));
        }
        clock.0.fetch_add(360_000, Ordering::Relaxed);
    }
    (number, settled, ledger)
}

#[tokio::test]
async fn one_product_that_kills_whoever_works_on_it_is_set_aside_and_the_others_are_done() {
    for killer in [0, 25, 49] {
        let (all, settled, ledger) = deliveries(&[killer]).await;
        assert!(all <= DELIVERIES, "{all} deliveries");
        for (product, (delivery, outcome)) in settled {
            if product == key(killer) {
                let Outcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
                assert_eq!((failure.kind, failure.code.as_str(), delivery), (ErrorKind::Permanent, "function_died", 6));
                let recorded = ledger.state(&product).medusa.last_error.unwrap();
                assert_eq!(recorded.code, "function_died");
            } else {
                // Twice with it, then by themselves: at once, or with the next delivery where the
                // killer came first.
                assert!(delivery <= 4, "{product}: delivery {delivery}");
                assert_eq!(ledger.state(&product).medusa.deaths, 0, "{product}");
            }
        }
    }
}

#[tokio::test]
async fn three_of_them_die_one_after_the_other_and_the_others_do_not_wait_for_that() {
    let (_, settled, _) = deliveries(&[3, 4, 40]).await;
    for (product, (delivery, outcome)) in settled {
        let killer = [3, 4, 40].iter().any(|n| key(*n) == product);
        assert_eq!(matches!(outcome, Outcome::Failed(_)), killer, "{product}: {outcome:?}");
        assert!(killer || delivery <= 6, "{product}: delivery {delivery}");
    }
}

#[tokio::test]
async fn one_death_that_is_nobodys_fault_changes_nothing() {
    let ledger = Ledger::in_memory(LEASES);
    let clock = Now(AtomicI64::new(1_800_000_000_000));
    let waiting: BTreeSet<ProductKey> = (0..50).map(key).collect();
    for product in &waiting {
        let state = desired::write_state(product, &applied().version, &applied().hash, "run", clock.now_ms());
        ledger.table().put(&state).unwrap();
    }
    let mut outcomes = BTreeMap::new();
    assert!(invocation(&ledger, &clock, 1, &waiting, &|_| true, &mut outcomes).await.is_err());
    clock.0.fetch_add(360_000, Ordering::Relaxed);
    assert!(invocation(&ledger, &clock, 2, &waiting, &|_| false, &mut outcomes).await.is_ok());
    assert!(outcomes.len() == 50 && outcomes.values().all(|outcome| !matches!(outcome, Outcome::Failed(_))));
}
