//! How long content took from its feed to a target is counted of what really arrived.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use catalog::{ContentHash, Failure, ProductKey, Version};
use ledger::breaker::Settings;
use ledger::core::lag::Place;
use ledger::{Applied, Leases, Ledger, Memory, Owner, ProductState, Stage};
use runtime::{Announcement, Bus, Clock, Deadline, Metrics, Outcome};
use worker::{Guard, Worker};

const UPLOADED: i64 = 1_800_000_000_000;

struct Silent;

impl Bus for Silent {
    async fn announce(&self, announcements: &[Announcement]) -> Vec<Result<(), Failure>> {
        vec![Ok(()); announcements.len()]
    }
}

struct Later;

impl Clock for Later {
    fn now_ms(&self) -> i64 {
        UPLOADED + 4_500
    }
}

#[tokio::test]
async fn what_failed_or_comes_back_has_not_arrived() {
    let ledger = Ledger::in_table(Memory::default(), Leases { lease_ms: 90_000, landing_ms: 60_000 });
    let (guard, metrics) = (Guard::new(Stage::Medusa, Settings::default()), Metrics::new("prod", "medusa-push"));
    let worker = Worker {
        stage: Stage::Medusa,
        ledger: &ledger,
        guard: &guard,
        bus: &Silent,
        clock: &Later,
        owner: Owner("x".into()),
        deadline: Deadline::at(UPLOADED + 60_000),
    };
    let keys: Vec<ProductKey> = (1..=4).map(|n| format!("demo:{n}").parse().unwrap()).collect();
    let applied = Applied {
        hash: ContentHash::from_text("h"),
        version: Version::new(u64::try_from(UPLOADED).unwrap(), "00AA", 1),
        remote_id: Some("prod_1".into()),
        view: None,
        seen: None,
        at: 0,
    };
    let mut ours: BTreeMap<ProductKey, ProductState> =
        keys.iter().map(|key| (key.clone(), ProductState::default())).collect();
    ours.get_mut(&keys[3]).unwrap().medusa.applied = Some(applied.clone());
    let results = keys.iter().map(|key| (key.clone(), Ok(applied.clone()))).collect();
    let lags = worker.lags(&ours, &results);
    assert_eq!(lags.len(), 3, "the fourth was there before");
    let outcomes = HashMap::from([
        (keys[0].clone(), Outcome::Done),
        (keys[1].clone(), Outcome::Again(Duration::from_secs(1))),
        (keys[2].clone(), Outcome::Failed(Failure::transient("lease_lost", "late"))),
    ]);
    worker.arrived(&lags, &outcomes, &metrics).await;
    let lines = metrics.take(0);
    assert_eq!((lines.len(), &lines[0]["EndToEndLag"]), (1, &4_500.into()));
    let there = ledger.lags(Place::Medusa, UPLOADED).await.unwrap();
    assert_eq!((there.products(), there.within(95)), (1, Some(6_000)));
    assert_eq!(ledger.lags(Place::Pimcore, UPLOADED).await.unwrap().products(), 0);
    assert_eq!(ledger.lags(Place::Medusa, UPLOADED + 3_600_000).await.unwrap().products(), 0, "an earlier hour");
}
