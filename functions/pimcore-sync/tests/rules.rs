//! Rules act before the PIM: people see the source's price and the shop's, what does not change is not written, and a changed rule reaches what it concerns without a
//! feed.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;

use std::sync::atomic::Ordering;
use std::time::Duration;

use catalog::{ProductKey, Version};
use common::{Function, key, product, version};
use ledger::core::config::Found;
use ledger::core::held::{Held, Word};
use ledger::core::lag::Place;
use ledger::{Applied, Claim, Owner, Stage};
use pimcore::{PimProduct, Pimcore};
use pimcore_sync::pace::Pace;
use pimcore_sync::walk::{Walk, WalkReport};
use runtime::{Clock, Outcome, ProductMessage};
use testing::standin::{StandIn, later};
use want::{Bundle, KIND, NAME};

const DOUBLE: &str = "rules:\n  - rule: Ours\n    when: {cost: {from: {USD: 6}}}\n    price: [{factor: 2}]\n";

async fn read(pimcore: &Pimcore, id: &str) -> PimProduct {
    pimcore.read_products(&[key(id)], later()).await.unwrap().remove(&key(id)).unwrap().unwrap()
}

/// Puts rules into force, as normalize does; without any, takes them out.
async fn put(function: &Function, rules: &str) {
    put_with(function, rules, None).await;
}

async fn put_with(function: &Function, rules: &str, rates: Option<&str>) {
    let now = function.clock.now_ms();
    let seen = function.memory.config_head(KIND, NAME).await.unwrap();
    let found = if rules.is_empty() {
        Found::Removed
    } else {
        let bundle = Bundle {
            rules: [("config/rules/a.yaml".to_owned(), rules.to_owned())].into(),
            rates: rates.map(|text| ("config/rates.json".to_owned(), text.to_owned())),
        };
        let looks_back = bundle.read(0).unwrap().rules.looks_back();
        function.memory.config_keep(KIND, NAME, &bundle.digest(), bundle.json().as_bytes()).await.unwrap();
        Found::Sound { digest: bundle.digest(), files: vec!["config/rules/a.yaml".into()], looks_back }
    };
    function.memory.config_record(KIND, NAME, &seen, &found, now).await.unwrap().unwrap();
    function.clock.0.fetch_add(11_000, Ordering::Relaxed);
}

fn announced_key(announcement: &runtime::Announcement) -> ProductKey {
    serde_json::from_str::<ProductMessage>(announcement.detail()).unwrap().key
}

/// A walk by `bus`, as fast as `pace` says.
async fn walk_by<B: runtime::Bus>(function: &Function, bus: &B, pace: Pace) -> Result<WalkReport, catalog::Failure> {
    let (ledger, rules, clock) = (&*function.memory, &function.rules, &function.clock);
    Walk { ledger, rules, bus, clock, deadline: function.deadline(), pace }.go_on().await
}

async fn walk(function: &Function) -> (WalkReport, Vec<ProductKey>) {
    let report = walk_by(function, &function.heard, Pace::unhurried()).await.unwrap();
    let mut keys: Vec<ProductKey> = function.heard.take().iter().map(announced_key).collect();
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
    let items = calls.iter().flat_map(|call| match call {
        ledger::Call::Read(keys) => keys.iter().collect(),
        ledger::Call::Write(key, _) => vec![key],
        _ => Vec::new(),
    });
    // How long products took is counted a batch.
    let counted = Place::Pimcore.partition();
    let known = ["doc", "state", "breaker"];
    let other = items.filter(|key| key.pk != counted && !known.contains(&key.sk.as_str()) && !key.sk.contains('-'));
    let new: Vec<&str> = other.map(|key| key.sk.as_str()).collect();
    assert_eq!(new, ["n#shop"], "which rules are in force: one read for the batch");
    let state = function.memory.state(&key("1"));
    let (shown, applied) = (read(&pimcore, "1").await, state.pimcore.applied.unwrap());
    assert_eq!((shown.content_hash, shown.wanted), (state.hash, None));
    assert_eq!(applied.view, None);
    let text = pim.view(&common::path("1")).unwrap().to_string();
    assert!(!text.contains("sourcePrice") && !text.contains("withheld"), "{text}");
}

const GUARD: &str = "rules: [{rule: Look, hold: {price-rise-over: 30%}}]";

/// A function with a product that costs, in USD.
struct Cups {
    function: Function,
    pimcore: Pimcore,
    n: std::sync::atomic::AtomicU64,
}

impl Cups {
    fn new(pim: &StandIn) -> Self {
        Self { function: Function::default(), pimcore: pim.client(), n: 0.into() }
    }

    fn says(&self, price: &str, stock: i32) -> ProductMessage {
        self.says_by("run-1", price, stock)
    }

    fn says_by(&self, run: &str, price: &str, stock: i32) -> ProductMessage {
        let mut cup = product("1");
        for variant in &mut cup.variants {
            variant.prices[1].amount = price.parse().unwrap();
            variant.stock = stock;
        }
        self.function.memory.put_by(run, &cup, &version(self.n.fetch_add(1, Ordering::Relaxed)))
    }

    /// What a feed's price comes to: the price and the stock in the PIM, and whether it says that something waits.
    async fn bring(&self, price: &str, stock: i32) -> (String, i32, bool) {
        let messages = [self.says(price, stock)];
        assert_eq!(self.function.run(&self.pimcore, &messages).await[&key("1")], Outcome::Done);
        self.shown().await
    }

    async fn shown(&self) -> (String, i32, bool) {
        let shown = read(&self.pimcore, "1").await;
        let price = shown.prices.iter().find(|price| price.currency == "USD").unwrap().amount.to_string();
        (price, shown.variants[0].stock, shown.warnings.unwrap_or_default().contains("Waits for a person"))
    }

    async fn held(&self) -> Vec<(ProductKey, Held)> {
        let head = self.function.memory.config_head(KIND, NAME).await.unwrap();
        self.function.memory.held(head.looks_back.unwrap()).await.unwrap()
    }

    /// A person's word about what waits.
    async fn say(&self, word: Word) {
        let held = self.held().await;
        assert!(self.function.memory.choose(&key("1"), &held[0].1.digest, word).await.unwrap());
        self.function.memory.doubt(Stage::Pimcore, &key("1"), self.function.clock.now_ms()).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_held_waits_for_a_person_and_sells_on_as_before() {
    let pim = StandIn::start("rules-hold").await;
    let cups = Cups::new(&pim);
    put(&cups.function, GUARD).await;
    assert_eq!(cups.bring("5.00", 9).await, ("5.00".into(), 9, false), "the first time nothing is held");
    assert_eq!(cups.bring("9.00", 4).await, ("5.00".into(), 4, true), "no piece is sold that is gone");
    let held = cups.held().await;
    assert_eq!((held.len(), &held[0].0, held[0].1.rules.as_slice()), (1, &key("1"), &["Look".to_owned()][..]));
    assert!(held[0].1.reasons[0].contains("5.00 → 9.00 USD"), "{held:?}");
    let first = held[0].1.digest.clone();

    // A newer change takes its place: a word about the first is about nothing.
    assert_eq!(cups.bring("9.50", 4).await, ("5.00".into(), 4, true));
    assert!(!cups.function.memory.choose(&key("1"), &first, Word::Approve).await.unwrap());
    cups.say(Word::Reject).await;
    assert_eq!(cups.bring("9.50", 3).await, ("5.00".into(), 3, false), "rejected, and no longer told");
    assert_eq!(cups.held().await, []);
    assert_eq!(cups.bring("9.00", 3).await, ("5.00".into(), 3, true), "that is another change");
    cups.say(Word::Approve).await;
    assert_eq!(cups.bring("9.00", 2).await, ("9.00".into(), 2, false));
    assert_eq!(cups.held().await, []);
    assert_eq!(cups.bring("10.00", 2).await, ("10.00".into(), 2, false), "within the limit");
    assert_eq!(cups.bring("30.00", 2).await, ("10.00".into(), 2, true));
    assert_eq!(cups.bring("11.00", 2).await, ("11.00".into(), 2, false), "a newer feed ends it");
    assert_eq!(cups.held().await, []);
}

#[tokio::test]
async fn what_was_there_before_a_guard_is_what_changes_are_measured_against() {
    let pim = StandIn::start("rules-hold-before").await;
    let cups = Cups::new(&pim);
    cups.bring("5.00", 9).await;
    put(&cups.function, GUARD).await;
    let (report, keys) = walked(&cups).await;
    assert_eq!((report.looked, keys.len()), (1, 0), "nothing is to be done of it");
    assert_eq!(cups.bring("9.00", 9).await, ("5.00".into(), 9, true));
    // Other rules decide anew.
    put(&cups.function, "rules: [{rule: Look, hold: {price-rise-over: 90%}}]").await;
    assert_eq!(walked(&cups).await.1, [key("1")]);
    cups.function.run(&cups.pimcore, &[common::message(&key("1"))]).await;
    assert_eq!((cups.shown().await, cups.held().await), (("9.00".into(), 9, false), vec![]));
    // Without rules that look back the PIM shows other things, and later they count.
    put(&cups.function, "").await;
    walked(&cups).await;
    cups.bring("50.00", 9).await;
    put(&cups.function, GUARD).await;
    walked(&cups).await;
    assert_eq!(cups.bring("60.00", 9).await, ("60.00".into(), 9, false), "not against 9.00");
    assert_eq!(cups.bring("90.00", 9).await, ("60.00".into(), 9, true));
    // And rules that go let through what waits.
    put(&cups.function, "").await;
    assert_eq!(walked(&cups).await.1, [key("1")]);
    cups.function.run(&cups.pimcore, &[common::message(&key("1"))]).await;
    assert_eq!(cups.shown().await, ("90.00".into(), 9, false));
}

#[tokio::test]
async fn an_age_acts_when_its_day_comes_and_nobody_says_anything() {
    const DAY: i64 = 86_400_000;
    let pim = StandIn::start("rules-age").await;
    let cups = Cups::new(&pim);
    let now = u64::try_from(cups.function.clock.now_ms()).unwrap();
    let said = Version::new(now, "0", 0);
    let messages = [cups.function.memory.put(&product("1"), &said)];
    put(&cups.function, "rules: [{rule: Old, when: {age: {from: 2 days}}, withhold: {reason: no longer made}}]").await;
    cups.function.run(&cups.pimcore, &messages).await;
    assert_eq!(walked(&cups).await.0.looked, 1);
    let offered = async || read(&cups.pimcore, "1").await.offered();
    let mut days = 0;
    while offered().await {
        assert_eq!(walked(&cups).await.0.looked, 0, "once a day");
        cups.function.clock.0.fetch_add(DAY, Ordering::Relaxed);
        days += 1;
        let (report, keys) = walked(&cups).await;
        assert_eq!((report.looked, report.complete, days < 5), (1, true, true));
        if keys.is_empty() {
            continue;
        }
        cups.function.run(&cups.pimcore, &messages).await;
    }
    assert!((2..=3).contains(&days), "{days}");
    assert!(read(&cups.pimcore, "1").await.withheld[0].contains("no longer made"));
}

/// A bus that takes so many announcements, and no more.
struct Breaks(std::sync::atomic::AtomicUsize);

impl runtime::Bus for Breaks {
    async fn announce(&self, announcements: &[runtime::Announcement]) -> Vec<Result<(), catalog::Failure>> {
        let one = |_: &runtime::Announcement| {
            let left = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            left.map(|_| ()).map_err(|_| catalog::Failure::transient("x", "the bus is gone"))
        };
        announcements.iter().map(one).collect()
    }
}

#[tokio::test]
async fn of_ten_thousand_products_those_are_written_that_come_out_different_and_a_crash_loses_none() {
    const MANY: usize = 10_000;
    const DEAR: usize = 700;
    let pim = StandIn::start("rules-many").await;
    let (pimcore, function) = (pim.client(), Function::default());
    // The categories are there.
    let other = Function::default();
    other.run(&pimcore, &[other.memory.put(&product("other"), &version(1))]).await;
    let mut dear = Vec::new();
    for n in 0..MANY {
        let mut cup = product(&n.to_string());
        let is_dear = n % (MANY / DEAR) == 0 && dear.len() < DEAR;
        let price = if is_dear { "6.35" } else { "5.00" };
        cup.variants.iter_mut().for_each(|variant| variant.prices[1].amount = price.parse().unwrap());
        let key = function.memory.put(&cup, &version(1)).key;
        at_rest(&function, &key).await;
        if is_dear {
            dear.push(key);
        }
    }
    put(&function, DOUBLE).await;
    let walk_on = async |bus: &Breaks| walk_by(&function, bus, Pace::unhurried()).await;
    assert!(walk_on(&Breaks((DEAR / 2).into())).await.is_err(), "it breaks off in the middle");
    let (report, _) = walk(&function).await;
    assert!(report.complete && report.looked < MANY, "it goes on where it broke off: {report:?}");
    let mut marked = 0;
    for n in 0..MANY {
        let key = key(&n.to_string());
        let state = function.memory.state(&key);
        marked += usize::from(state.pimcore.recheck_at.is_some());
    }
    assert_eq!(marked, DEAR, "and nobody else is looked at");
    let before = pim.app.counters.now();
    let messages: Vec<ProductMessage> = dear.iter().map(common::message).collect();
    for some in messages.chunks(40) {
        function.run(&pimcore, some).await;
    }
    assert_eq!(pim.app.counters.now().aliases_written - before.aliases_written, DEAR as u64);
    function.clock.0.fetch_add(11_000, Ordering::Relaxed);
    let _ = function.heard.take();
    let (report, keys) = walk(&function).await;
    assert_eq!((report.looked, keys.len(), report.complete), (0, 0, true), "once");
}

/// A bus whose announcements arrive a moment later, where anything arrives at all.
#[derive(Default)]
struct Arrives {
    announced: std::sync::Mutex<Vec<ProductKey>>,
    most: std::sync::atomic::AtomicUsize,
    total: std::sync::atomic::AtomicUsize,
}

impl runtime::Bus for Arrives {
    async fn announce(&self, announcements: &[runtime::Announcement]) -> Vec<Result<(), catalog::Failure>> {
        let mut announced = self.announced.lock().unwrap();
        announced.extend(announcements.iter().map(announced_key));
        self.most.fetch_max(announced.len(), Ordering::Relaxed);
        self.total.fetch_add(announcements.len(), Ordering::Relaxed);
        announcements.iter().map(|_| Ok(())).collect()
    }
}

/// A walk over sixty products that all come out different, ten at a time.
async fn paced(bus: &Arrives, arrive: bool) -> WalkReport {
    let function = Function::default();
    for n in 0..60 {
        let key = function.memory.put(&product(&n.to_string()), &version(1)).key;
        at_rest(&function, &key).await;
    }
    put(&function, "rules: [{rule: Ours, price: [{factor: 2}]}]").await;
    let pace = Pace { portion: 10, least: 10, most: 10, patience: Duration::from_millis(600), ..Pace::default() };
    let arrivals = async {
        loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let arrived = std::mem::take(&mut *bus.announced.lock().unwrap());
            for key in &arrived {
                at_rest(&function, key).await;
            }
        }
    };
    tokio::select! {
        report = walk_by(&function, bus, pace) => report.unwrap(),
        () = arrivals, if arrive => unreachable!(),
    }
}

#[tokio::test]
async fn a_walk_waits_for_what_it_has_announced_so_that_a_feed_does_not_wait_behind_it() {
    let bus = Arrives::default();
    let report = paced(&bus, true).await;
    assert_eq!((report.complete, report.announced, bus.most.into_inner()), (true, 60, 10), "{report:?}");
}

#[tokio::test]
async fn a_walk_goes_on_where_nothing_arrives() {
    let bus = Arrives::default();
    let report = paced(&bus, false).await;
    assert_eq!((report.complete, report.announced, bus.total.into_inner()), (true, 60, 60), "{report:?}");
}

/// A bus on which another walker goes all the way while the first one announces.
struct Overtaken<'f>(&'f Function, std::sync::atomic::AtomicBool);

impl runtime::Bus for Overtaken<'_> {
    async fn announce(&self, announcements: &[runtime::Announcement]) -> Vec<Result<(), catalog::Failure>> {
        if !self.1.swap(true, Ordering::Relaxed) {
            Box::pin(walk_by(self.0, &self.0.heard, Pace::unhurried())).await.unwrap();
        }
        announcements.iter().map(|_| Ok(())).collect()
    }
}

#[tokio::test]
async fn what_an_overtaken_walker_announced_counts() {
    let function = Function::default();
    for n in 0..60 {
        let key = function.memory.put(&product(&n.to_string()), &version(1)).key;
        at_rest(&function, &key).await;
    }
    put(&function, "rules: [{rule: Ours, price: [{factor: 2}]}]").await;
    let bus = Overtaken(&function, false.into());
    assert!(walk_by(&function, &bus, Pace::unhurried()).await.unwrap().complete);
    let mut marked = 0;
    for segment in 0..ledger::core::walk::SEGMENTS {
        marked += function.memory.walk_segment(NAME, segment).await.unwrap().marked;
    }
    assert_eq!(marked, 60);
}

/// A product that both targets have, as its source says it.
async fn at_rest(function: &Function, key: &ProductKey) {
    let (owner, now) = (Owner("before".into()), function.clock.now_ms());
    for stage in [Stage::Pimcore, Stage::Medusa] {
        let claims = function.memory.claim(stage, std::slice::from_ref(key), &owner, now).await.unwrap();
        let Some(Claim::Claimed(claimed)) = claims.get(key) else { panic!("{claims:?}") };
        let hash = claimed.hash.clone().unwrap();
        let applied = Applied { hash, version: version(1), remote_id: None, view: None, seen: None, at: 0 };
        function.memory.complete(stage, key, &owner, claimed, &applied, now).await.unwrap();
    }
}

#[tokio::test]
async fn a_feed_that_waits_keeps_what_was_shown_and_what_is_new_off_sale() {
    let pim = StandIn::start("rules-feed").await;
    let cups = Cups::new(&pim);
    put(&cups.function, "feeds: {average-price-over: 20%}").await;
    assert_eq!(cups.bring("5.00", 9).await, ("5.00".into(), 9, false));
    let memory = &cups.function.memory;
    memory.judge("run-1", &["prices change by 40.0% on average".to_owned()], 0).await.unwrap();
    assert_eq!(cups.bring("5.00", 8).await, ("5.00".into(), 8, false), "it says what is shown");
    assert_eq!(cups.bring("5.10", 7).await, ("5.00".into(), 7, true));
    // A list of pieces that comes behind it is no word of a person.
    let pieces = [cups.says_by("run-2", "5.10", 6)];
    cups.function.run(&cups.pimcore, &pieces).await;
    assert_eq!(cups.shown().await, ("5.00".into(), 6, true));
    assert_eq!(cups.held().await[0].1.run, "run-1", "approved by the feed that it waits with");
    let new = [memory.put(&product("2"), &version(1))];
    cups.function.run(&cups.pimcore, &new).await;
    let shown = read(&cups.pimcore, "2").await;
    assert!(!shown.offered() && shown.withheld[0].contains("feed that waits"), "{shown:?}");
    let held = cups.held().await;
    assert_eq!(held.iter().map(|(key, _)| key.id()).collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(held[0].1.reasons, ["its feed: prices change by 40.0% on average"]);
    for (key, held) in held {
        assert!(memory.choose(&key, &held.digest, Word::Approve).await.unwrap());
        memory.doubt(Stage::Pimcore, &key, cups.function.clock.now_ms()).await.unwrap();
    }
    assert_eq!(cups.bring("5.10", 6).await, ("5.10".into(), 6, false));
    cups.function.run(&cups.pimcore, &new).await;
    assert!(read(&cups.pimcore, "2").await.offered());
    assert_eq!(cups.held().await, []);
    // What was rejected stays so, whichever file comes behind it; other prices are decided anew.
    assert_eq!(cups.bring("9.00", 6).await, ("5.10".into(), 6, true));
    cups.say(Word::Reject).await;
    for (price, shown) in [("9.00", "5.10"), ("5.20", "5.20")] {
        cups.function.run(&cups.pimcore, &[cups.says_by("run-3", price, 5)]).await;
        assert_eq!(cups.shown().await, (shown.into(), 5, false));
    }
}

#[tokio::test]
async fn a_price_whose_rate_is_too_old_keeps_its_last_value() {
    let pim = StandIn::start("rules-rate").await;
    let (pimcore, function) = (pim.client(), Function::default());
    let dated = |days: i64| {
        let at = jiff::Timestamp::from_millisecond(function.clock.now_ms() - days * 86_400_000).unwrap();
        format!("{{\"date\": \"{at}\", \"base\": \"USD\", \"rates\": {{\"KWD\": 0.31}}}}")
    };
    let sold = "currencies: {sold: [USD, KWD], from: [USD], rates-not-older-than: 3 days}";
    put_with(&function, sold, Some(&dated(0))).await;
    let price = async |currency: &str| {
        let shown = read(&pimcore, "1").await;
        shown.prices.iter().find(|price| price.currency == currency).map(|price| price.amount.to_string())
    };
    let messages = [function.memory.put(&product("1"), &version(1))];
    function.run(&pimcore, &messages).await;
    assert_eq!(price("KWD").await.as_deref(), Some("1.969"));
    function.clock.0.fetch_add(4 * 86_400_000, Ordering::Relaxed);
    let mut dearer = product("1");
    dearer.variants.iter_mut().for_each(|variant| variant.prices[1].amount = "8.00".parse().unwrap());
    let messages = [function.memory.put(&dearer, &version(2))];
    function.run(&pimcore, &messages).await;
    assert_eq!((price("KWD").await.as_deref(), price("USD").await.as_deref()), (Some("1.969"), Some("8.00")));
    assert!(read(&pimcore, "1").await.warnings.unwrap().contains("rate_too_old"));
    // New rates reach it without a feed.
    put_with(&function, sold, Some(&dated(0))).await;
    let _ = function.heard.take();
    assert_eq!(walk(&function).await.1, [key("1")]);
    function.run(&pimcore, &messages).await;
    assert_eq!(price("KWD").await.as_deref(), Some("2.480"));
}

async fn walked(cups: &Cups) -> (WalkReport, Vec<ProductKey>) {
    let _ = cups.function.heard.take();
    walk(&cups.function).await
}
