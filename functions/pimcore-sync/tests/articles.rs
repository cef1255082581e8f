//! Another setting of articles: the products that it shows elsewhere are announced to the shop, each
//! once, whatever dies, and nobody else.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use catalog::{Failure, ProductKey};
use common::{Function, key, product, version};
use ledger::core::config::Found;
use ledger::core::walk::{self, SEGMENTS};
use ledger::core::{article, stage};
use ledger::{Applied, Claim, Owner, Stage};
use pimcore_sync::articles::ArticleWalk;
use pimcore_sync::pace::Pace;
use pimcore_sync::walk::{Walk, WalkReport};
use runtime::{Announcement, Bus, Cause, Clock, ProductMessage};
use want::{Bundle, KIND, NAME};

/// Notes a setting, as medusa-push does, and waits until nobody works by the one before.
async fn set(function: &Function, setting: &str) {
    note(function, setting).await;
    function.clock.0.fetch_add(Stage::Medusa.leases().lease_ms, Ordering::Relaxed);
}

async fn note(function: &Function, setting: &str) {
    let noted = function.memory.watermark(article::SETTING).await.unwrap();
    let goal = walk::goal_of_setting(setting, function.clock.now_ms());
    assert!(function.memory.move_watermark(article::SETTING, noted.as_deref(), &goal).await.unwrap());
}

async fn walk_by<B: Bus>(function: &Function, bus: &B, pace: Pace) -> Result<WalkReport, Failure> {
    let (ledger, clock, deadline) = (&*function.memory, &function.clock, function.deadline());
    ArticleWalk { ledger, bus, clock, deadline, pace }.go_on().await
}

async fn walked(function: &Function) -> (WalkReport, Vec<String>) {
    let _ = function.heard.take();
    let report = walk_by(function, &function.heard, Pace::unhurried()).await.unwrap();
    let mut keys: Vec<String> = function.heard.take().iter().map(|one| told(one).id().to_owned()).collect();
    keys.sort();
    (report, keys)
}

/// Which product the shop is told to look at.
fn told(announcement: &Announcement) -> ProductKey {
    let message: ProductMessage = serde_json::from_str(announcement.detail()).unwrap();
    assert_eq!((message.cause, &Announcement::product_synced(&message)), (Cause::Articles, announcement));
    message.key
}

/// What a push does as far as the ledger notices: the shop shows a product there from now on.
async fn shown(function: &Function, key: &ProductKey, at: &ProductKey) {
    let (memory, owner, now) = (&function.memory, Owner("push".into()), function.clock.now_ms());
    let claims = memory.claim(Stage::Medusa, std::slice::from_ref(key), &owner, now).await.unwrap();
    let Some(Claim::Claimed(claimed)) = claims.get(key) else { panic!("{claims:?}") };
    let places = std::slice::from_ref(at);
    let homes = article::heading(key, claimed, places);
    if !article::is_settled(claimed, places) && (at.is_article() || !claimed.homes.is_empty()) {
        memory.settle_at(key, &owner, (at, &homes), now).await.unwrap();
    }
    let hash = claimed.hash.clone().unwrap();
    let applied = Applied { hash, version: version(1), remote_id: None, view: None, seen: None, at: 0 };
    memory.complete_at((key, places), &owner, claimed, &applied, now).await.unwrap();
}

/// A product that both targets have, by itself in the shop.
async fn at_rest(function: &Function, id: &str, group: Option<&str>) -> ProductKey {
    let product = catalog::Product { group: group.map(str::to_owned), ..product(id) };
    let key = function.memory.put(&product, &version(1)).key;
    let (owner, now) = (Owner("sync".into()), function.clock.now_ms());
    let claims = function.memory.claim(Stage::Pimcore, std::slice::from_ref(&key), &owner, now).await.unwrap();
    let Some(Claim::Claimed(claimed)) = claims.get(&key) else { panic!("{claims:?}") };
    let hash = claimed.hash.clone().unwrap();
    let applied = Applied { hash, version: version(1), remote_id: None, view: None, seen: None, at: 0 };
    function.memory.complete(Stage::Pimcore, &key, &owner, claimed, &applied, now).await.unwrap();
    shown(function, &key, &key).await;
    key
}

fn group(name: &str) -> ProductKey {
    ProductKey::article(key("1").source(), name).unwrap()
}

#[tokio::test]
async fn those_that_a_setting_shows_elsewhere_are_announced_once_and_nobody_else() {
    let function = Function::default();
    let red = at_rest(&function, "red", Some("G")).await;
    at_rest(&function, "blue", Some(" G ")).await;
    at_rest(&function, "alone", None).await;
    at_rest(&function, "blank", Some("  ")).await;
    // Its push is to come, and reads the setting by then.
    function.memory.put(&catalog::Product { group: Some("G".into()), ..product("new") }, &version(1));
    // A person made it in the PIM.
    let (made, owner) = (key("made"), Owner("push".into()));
    let claim = stage::claim(Stage::Medusa, &made, &owner, 0, Stage::Medusa.leases());
    function.memory.table().put(&claim).unwrap();
    let claimed = function.memory.state(&made);
    let applied = Applied {
        hash: catalog::ContentHash::from_text("-"),
        version: version(0),
        remote_id: Some("prod_1".into()),
        view: None,
        seen: None,
        at: 0,
    };
    function.memory.complete(Stage::Medusa, &made, &owner, &claimed, &applied, 0).await.unwrap();

    assert_eq!(walked(&function).await, (WalkReport { complete: true, ..Default::default() }, vec![]), "never noted");
    note(&function, "grouped").await;
    assert_eq!(walked(&function).await.0, WalkReport::default(), "somebody may still work by the one before");
    set(&function, "separate").await;
    assert_eq!(walked(&function).await.1, Vec::<String>::new(), "the first setting changes nothing");

    set(&function, "grouped").await;
    let (report, keys) = walked(&function).await;
    assert_eq!(keys, ["blue", "made", "red"]);
    assert_eq!((report.looked, report.complete), (6, true));
    assert!(function.memory.state(&red).pending_since.is_some(), "a lost announcement is made up for");
    assert_eq!(walked(&function).await.0, WalkReport { complete: true, ..Default::default() }, "once");
    for id in ["red", "blue"] {
        shown(&function, &key(id), &group("G")).await;
    }
    shown_alone(&function, &made).await;
    assert_eq!(function.memory.state(&red).pending_since, None);

    set(&function, r#"{"default":"grouped","other":"separate"}"#).await;
    assert_eq!(walked(&function).await.1, ["made"], "another source's setting: only of one thing nobody knows enough");
    shown_alone(&function, &made).await;
    set(&function, &format!(r#"{{"default":"grouped","{}":"separate"}}"#, red.source())).await;
    assert_eq!(walked(&function).await.1, ["blue", "red"]);
    // Back before they have moved: what is where it should be is left alone.
    shown(&function, &red, &red).await;
    set(&function, "grouped").await;
    assert_eq!(walked(&function).await.1, ["made", "red"]);
}

/// A product of which no document is known stays by itself.
async fn shown_alone(function: &Function, key: &ProductKey) {
    let (owner, now) = (Owner("push".into()), function.clock.now_ms());
    let claims = function.memory.claim(Stage::Medusa, std::slice::from_ref(key), &owner, now).await.unwrap();
    let Some(Claim::Claimed(claimed)) = claims.get(key) else { panic!("{claims:?}") };
    let applied = claimed.medusa.applied.clone().unwrap();
    function.memory.complete(Stage::Medusa, key, &owner, claimed, &applied, now).await.unwrap();
}

/// A bus that fails for good after so many announcements.
struct Breaks(AtomicUsize);

impl Bus for Breaks {
    async fn announce(&self, announcements: &[Announcement]) -> Vec<Result<(), Failure>> {
        let one =
            |_: &Announcement| match self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)) {
                Ok(_) => Ok(()),
                Err(_) => Err(Failure::transient("announce_failed", "no answer")),
            };
        announcements.iter().map(one).collect()
    }
}

#[tokio::test]
async fn a_walk_that_dies_goes_on_and_what_it_had_announced_waits_for_the_sweep_at_worst() {
    const MANY: usize = 300;
    let function = Function::default();
    for n in 0..MANY {
        at_rest(&function, &n.to_string(), Some(&format!("G{}", n / 3))).await;
    }
    set(&function, "grouped").await;
    assert!(walk_by(&function, &Breaks(120.into()), Pace::unhurried()).await.is_err());
    let (report, keys) = walked(&function).await;
    assert!(report.complete && report.looked < MANY && keys.len() < MANY, "{report:?}");
    for n in 0..MANY {
        let key = key(&n.to_string());
        assert!(function.memory.state(&key).pending_since.is_some(), "{key}");
        shown(&function, &key, &group(&format!("G{}", n / 3))).await;
    }
    // The setting goes back while the walk is under way: it begins anew, and looks at all.
    set(&function, "separate").await;
    assert!(walk_by(&function, &Breaks(50.into()), Pace::unhurried()).await.is_err());
    for n in 0..MANY / 3 {
        let key = key(&n.to_string());
        shown(&function, &key, &key).await;
    }
    set(&function, "grouped").await;
    let (report, keys) = walked(&function).await;
    assert_eq!((report.looked, keys.len()), (MANY, MANY / 3), "those alone that had moved");
}

/// A bus whose announcements arrive a moment later.
#[derive(Default)]
struct Arrives {
    announced: Mutex<Vec<ProductKey>>,
    most: AtomicUsize,
}

impl Bus for Arrives {
    async fn announce(&self, announcements: &[Announcement]) -> Vec<Result<(), Failure>> {
        let mut announced = self.announced.lock().unwrap();
        announced.extend(announcements.iter().map(told));
        self.most.fetch_max(announced.len(), Ordering::Relaxed);
        announcements.iter().map(|_| Ok(())).collect()
    }
}

#[tokio::test]
async fn it_waits_for_what_it_has_announced_so_that_a_feed_does_not_wait_behind_it() {
    let function = Function::default();
    for n in 0..60 {
        at_rest(&function, &n.to_string(), Some("G")).await;
    }
    set(&function, "grouped").await;
    let bus = Arrives::default();
    let pace = Pace { portion: 10, least: 10, most: 10, patience: Duration::from_millis(600), ..Pace::default() };
    let arrivals = async {
        loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let arrived = std::mem::take(&mut *bus.announced.lock().unwrap());
            for key in &arrived {
                shown(&function, key, &group("G")).await;
            }
        }
    };
    let report = tokio::select! {
        report = walk_by(&function, &bus, pace) => report.unwrap(),
        () = arrivals => unreachable!(),
    };
    assert_eq!((report.complete, report.announced, bus.most.into_inner()), (true, 60, 10), "{report:?}");
}

#[tokio::test]
async fn a_walk_after_changed_rules_and_one_after_a_setting_go_on_side_by_side() {
    const MANY: usize = 200;
    let function = Function::default();
    for n in 0..MANY {
        at_rest(&function, &n.to_string(), Some("G")).await;
    }
    let rules = "rules: [{rule: Ours, price: [{factor: 2}]}]";
    let bundle = Bundle { rules: [("config/rules/a.yaml".to_owned(), rules.to_owned())].into(), rates: None };
    let seen = function.memory.config_head(KIND, NAME).await.unwrap();
    function.memory.config_keep(KIND, NAME, &bundle.digest(), bundle.json().as_bytes()).await.unwrap();
    let found = Found::Sound { digest: bundle.digest(), files: vec!["config/rules/a.yaml".into()], looks_back: false };
    let now = function.clock.now_ms();
    function.memory.config_record(KIND, NAME, &seen, &found, now).await.unwrap().unwrap();
    set(&function, "grouped").await;

    function.heard.slow_down(Duration::from_millis(2));
    let (ledger, clock, deadline) = (&*function.memory, &function.clock, function.deadline());
    let by_rules =
        Walk { ledger, rules: &function.rules, bus: &function.heard, clock, deadline, pace: Pace::unhurried() };
    let (by_rules, by_setting) = tokio::join!(by_rules.go_on(), walk_by(&function, &function.heard, Pace::unhurried()));
    for report in [by_rules.unwrap(), by_setting.unwrap()] {
        assert_eq!(report, WalkReport { looked: MANY, announced: MANY, complete: true });
    }
    for n in 0..MANY {
        let state = function.memory.state(&key(&n.to_string()));
        assert_eq!((state.pimcore.recheck_at.is_some(), state.edits), (true, Some(1)), "{n}");
    }
    for name in [NAME, article::SETTING] {
        for segment in 0..SEGMENTS {
            let there = function.memory.walk_segment(name, segment).await.unwrap();
            assert!(there.done.is_some(), "{name} {there:?}");
        }
    }
}
