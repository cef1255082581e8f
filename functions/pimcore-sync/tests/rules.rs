//! Rules act before the PIM: people see the source's price and the shop's, what does not change is not written, and a changed rule reaches what it concerns without a
//! feed.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod common;

use std::sync::atomic::Ordering;
use std::time::Duration;

use catalog::ProductKey;
use common::{Function, key, product, version};
use ledger::core::config::Found;
use ledger::{Applied, Claim, Owner, Stage};
use pimcore::{PimProduct, Pimcore};
use pimcore_sync::walk::{Pace, Walk, WalkReport};
use runtime::{Clock, Outcome, ProductMessage};
use testing::standin::{StandIn, later};
use want::{Bundle, KIND, NAME};

const DOUBLE: &str = "rules:\n  - rule: Ours\n    when: {cost: {from: {USD: 6}}}\n    price: [{factor: 2}]\n";

async fn read(pimcore: &Pimcore, id: &str) -> PimProduct {
    pimcore.read_products(&[key(id)], later()).await.unwrap().remove(&key(id)).unwrap().unwrap()
}

/// Puts rules into force, as normalize does; without any, takes them out.
async fn put(function: &Function, rules: &str) {
    let now = function.clock.now_ms();
    let seen = function.memory.config_head(KIND, NAME).await.unwrap();
    let found = if rules.is_empty() {
        Found::Removed
    } else {
        let bundle = Bundle { rules: [("config/rules/a.yaml".to_owned(), rules.to_owned())].into(), rates: None };
        bundle.read(0).unwrap();
        function.memory.config_keep(KIND, NAME, &bundle.digest(), bundle.json().as_bytes()).await.unwrap();
        Found::Sound { digest: bundle.digest(), files: vec!["config/rules/a.yaml".into()] }
    };
    function.memory.config_settle(KIND, NAME, &seen, &found, now).await.unwrap().unwrap();
    function.clock.0.fetch_add(11_000, Ordering::Relaxed);
}

async fn walk(function: &Function) -> (WalkReport, Vec<ProductKey>) {
    let walk = Walk {
        ledger: &*function.memory,
        rules: &function.rules,
        bus: &function.heard,
        clock: &function.clock,
        deadline: function.deadline(),
        pace: Pace { pause: Duration::ZERO },
    };
    let report = walk.go_on().await.unwrap();
    let of = |announcement: &runtime::Announcement| -> ProductKey {
        serde_json::from_str::<ProductMessage>(announcement.detail()).unwrap().key
    };
    let mut keys: Vec<ProductKey> = function.heard.take().iter().map(of).collect();
    keys.sort();
    (report, keys)
}

/// What the shop's stage does, without a shop.
async fn push(function: &Function, key: &ProductKey) {
    let (owner, now) = (Owner("push".into()), function.clock.now_ms());
    let claims = function.memory.claim(Stage::Medusa, std::slice::from_ref(key), &owner, now).await.unwrap();
    let Some(Claim::Claimed(claimed)) = claims.get(key) else { panic!("{claims:?}") };
    let applied = Applied { view: None, seen: None, ..claimed.pimcore.applied.clone().unwrap() };
    function.memory.complete(Stage::Medusa, key, &owner, claimed, &applied, now).await.unwrap();
}

#[tokio::test]
async fn people_see_the_source_s_price_and_the_shop_s_and_a_feed_that_changes_nothing_is_not_written() {
    let pim = StandIn::start("rules-price").await;
    let (pimcore, function) = (pim.client(), Function::default());
    put(&function, DOUBLE).await;
    let messages = [function.memory.put(&product("1"), &version(1))];
    assert_eq!(function.run(&pimcore, &messages).await[&key("1")], Outcome::Done);
    let shown = read(&pimcore, "1").await;
    let usd = shown.prices.iter().find(|price| price.currency == "USD").unwrap();
    assert_eq!(usd.amount.to_string(), "12.70");
    let state = function.memory.state(&key("1"));
    assert_eq!(shown.content_hash, state.hash, "the hash is that of what the source said");
    assert_eq!(shown.wanted, state.pimcore.applied.unwrap().view);
    assert!(shown.wanted.is_some() && shown.offered());
    let text = pim.view(&common::path("1")).unwrap().to_string();
    assert!(text.contains("sourcePrice") && text.contains("6.35"), "{text}");

    // A new ledger knows nothing of that, and finds that Pimcore holds it.
    let again = Function::default();
    put(&again, DOUBLE).await;
    let messages = [again.memory.put(&product("1"), &version(2))];
    let before = pim.app.counters.now();
    again.run(&pimcore, &messages).await;
    assert_eq!(pim.app.counters.now().aliases_written, before.aliases_written);
}

#[tokio::test]
async fn what_is_withheld_is_not_offered_and_says_why() {
    let pim = StandIn::start("rules-gate").await;
    let (pimcore, function) = (pim.client(), Function::default());
    put(&function, "rules: [{rule: Blocked, withhold: {words: [running]}}]").await;
    let messages = [function.memory.put(&product("1"), &version(1))];
    function.run(&pimcore, &messages).await;
    let shown = read(&pimcore, "1").await;
    assert!(shown.published && !shown.offered(), "publication is people's");
    assert!(
        shown.withheld[0].contains("\"running\"") && shown.withheld[0].contains("config/rules/a.yaml:1:"),
        "{shown:?}"
    );
    assert!(shown.warnings.unwrap().contains("Not for the shop: "));
    put(&function, "").await;
    walk(&function).await;
    function.run(&pimcore, &messages).await;
    let shown = read(&pimcore, "1").await;
    assert!(shown.offered() && shown.withheld.is_empty() && shown.wanted.is_none(), "{shown:?}");
}

#[tokio::test]
async fn the_shop_s_categories_belong_to_no_source() {
    let pim = StandIn::start("rules-tree").await;
    let (pimcore, function) = (pim.client(), Function::default());
    let rules =
        "categories: {tree: [{name: Women, below: [{name: Shoes}]}], map: [{from: women > shoes, to: Women > Shoes}]}";
    put(&function, rules).await;
    let messages = [function.memory.put(&product("1"), &version(1))];
    function.run(&pimcore, &messages).await;
    let shown = read(&pimcore, "1").await;
    let ids: Vec<_> = shown.categories.iter().map(|category| category.external_id.as_deref().unwrap()).collect();
    assert_eq!(ids, ["shop:women/shoes"]);
    let text = pim.view(&common::path("1")).unwrap().to_string();
    assert!(text.contains("sourceCategory") && text.contains("women > shoes"), "{text}");
}

#[tokio::test]
async fn a_changed_rule_reaches_only_what_it_concerns_and_its_removal_takes_it_back() {
    let pim = StandIn::start("rules-walk").await;
    let (pimcore, function) = (pim.client(), Function::default());
    let mut messages = Vec::new();
    for n in 0..10 {
        let mut product = product(&n.to_string());
        if n >= 3 {
            product.variants.iter_mut().for_each(|variant| variant.prices[1].amount = "5.00".parse().unwrap());
        }
        messages.push(function.memory.put(&product, &version(1)));
    }
    function.run(&pimcore, &messages).await;
    for message in &messages {
        push(&function, &message.key).await;
        assert_eq!(function.memory.state(&message.key).pending_since, None);
    }
    assert_eq!(function.heard.take().len(), 10);
    assert_eq!(walk(&function).await, (WalkReport { complete: true, ..WalkReport::default() }, vec![]), "no rules");

    for (rules, amount) in [(DOUBLE, "12.70"), ("", "6.35")] {
        put(&function, rules).await;
        let concerned: Vec<ProductKey> = (0..3).map(|n| key(&n.to_string())).collect();
        let (report, keys) = walk(&function).await;
        assert_eq!((report.looked, report.announced, report.complete), (10, 3, true));
        assert_eq!(keys, concerned);
        let (report, keys) = walk(&function).await;
        assert_eq!((report.looked, keys.len(), report.complete), (0, 0, true), "once");
        let before = pim.app.counters.now();
        function.run(&pimcore, &messages).await;
        assert_eq!(pim.app.counters.now().aliases_written - before.aliases_written, 3);
        assert_eq!(function.heard.take().len(), 3, "the others are at rest");
        for key in &concerned {
            assert_eq!(read(&pimcore, key.id()).await.prices[1].amount.to_string(), amount);
            let state = function.memory.state(key);
            assert!(state.pending_since.is_some() && state.edits == Some(1), "the shop lacks it: {state:?}");
            push(&function, key).await;
            assert_eq!(function.memory.state(key).pending_since, None);
        }
    }
}

#[tokio::test]
async fn who_was_at_work_by_the_old_rules_is_looked_at_again() {
    let pim = StandIn::start("rules-race").await;
    let (pimcore, function) = (pim.client(), Function::default());
    let messages = [function.memory.put(&product("1"), &version(1))];
    let (owner, now) = (Owner("old".into()), function.clock.now_ms());
    let claims = function.memory.claim(Stage::Pimcore, &[key("1")], &owner, now).await.unwrap();
    let Some(Claim::Claimed(claimed)) = claims.get(&key("1")) else { panic!("{claims:?}") };
    put(&function, DOUBLE).await;
    assert_eq!(walk(&function).await.1, [key("1")]);
    let applied = Applied {
        hash: claimed.hash.clone().unwrap(),
        version: version(1),
        remote_id: None,
        view: None,
        seen: None,
        at: 0,
    };
    function.memory.complete(Stage::Pimcore, &key("1"), &owner, claimed, &applied, now).await.unwrap();
    function.run(&pimcore, &messages).await;
    assert_eq!(read(&pimcore, "1").await.prices[1].amount.to_string(), "12.70");
}

#[tokio::test]
async fn without_rules_nothing_is_read_written_or_noted_that_was_not_before() {
    let pim = StandIn::start("rules-none").await;
    let (pimcore, function) = (pim.client(), Function::default());
    let messages = [function.memory.put(&product("1"), &version(1))];
    let _ = function.memory.table().take_calls();
    function.run(&pimcore, &messages).await;
    let calls = function.memory.table().take_calls();
    let mut items = calls.iter().flat_map(|call| match call {
        ledger::Call::Read(keys) => keys.iter().map(|key| key.sk.as_str()).collect(),
        ledger::Call::Write(key, _) => vec![key.sk.as_str()],
        _ => Vec::new(),
    });
    let known = ["doc", "state", "breaker"];
    let new: Vec<&str> = items.by_ref().filter(|sk| !known.contains(sk) && !sk.contains('-')).collect();
    assert_eq!(new, ["n#shop"], "which rules are in force: one read for the batch");
    let state = function.memory.state(&key("1"));
    let (shown, applied) = (read(&pimcore, "1").await, state.pimcore.applied.unwrap());
    assert_eq!((shown.content_hash, shown.wanted), (state.hash, None));
    assert_eq!(applied.view, None);
    let text = pim.view(&common::path("1")).unwrap().to_string();
    assert!(!text.contains("sourcePrice") && !text.contains("withheld"), "{text}");
}
