//! Texts that Pimcore has from us are not sent again; whatever leaves doubt about that sends them.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;

use std::sync::{Arc, Mutex};

use catalog::{Localized, Product};
use common::{Function, Site, key, path, product, version};
use ledger::core::drafts::Known;
use ledger::{Owner, Stage};
use pimcore::{ApiKey, Pimcore};
use runtime::{Clock, Outcome};
use serde_json::{Value, json};
use testing::record::{Sent, record};
use testing::standin::{KEY, StandIn, later};

/// A site whose requests are written down.
struct Recorded {
    site: Site,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Recorded {
    async fn with(pim: StandIn, ids: &[&str]) -> Self {
        let (url, sent) = record(&pim).await;
        let pimcore = Pimcore::new(&url, &ApiKey::new(KEY)).unwrap();
        let site = Site { pim, pimcore, function: Function::default() };
        site.arrive(ids).await;
        let recorded = Self { site, sent };
        assert_eq!(recorded.inputs().len(), ids.len());
        recorded
    }

    async fn brings(&self, product: &Product, n: u64) {
        self.site.pass(2);
        let message = self.site.function.memory.put(product, &version(n));
        self.site.run(&[message]).await;
    }

    /// What was written since the last time.
    fn inputs(&self) -> Vec<Value> {
        let sent = std::mem::take(&mut *self.sent.lock().unwrap());
        let variables = sent.into_iter().filter_map(|one| one.body["variables"].as_object().cloned());
        let inputs =
            variables.flatten().filter(|(name, value)| name.starts_with('i') && value["sourceVersion"] != Value::Null);
        inputs.map(|(_, input)| input).collect()
    }

    /// Whether the one write that there was had the texts.
    fn had_texts(&self) -> bool {
        let inputs = self.inputs();
        let [input] = inputs.as_slice() else { panic!("{inputs:#?}") };
        let [name, description] = ["name", "description"].map(|field| input.get(field).is_some());
        assert_eq!(name, description);
        assert!(input.get("prices").is_some() && input.get("contentHash").is_some());
        name
    }

    async fn name(&self) -> String {
        let keys = [key("1")];
        let read = self.site.pimcore.read_products(&keys, later()).await.unwrap().remove(&key("1")).unwrap().unwrap();
        read.title("en").unwrap().to_owned()
    }
}

fn dearer(amount: &str) -> Product {
    let mut dearer = product("1");
    dearer.variants[0].prices[0].amount = amount.parse().unwrap();
    dearer
}

#[tokio::test]
async fn a_price_alone_sends_no_text_and_a_text_does() {
    let site = Recorded::with(StandIn::start("texts-price").await, &["1"]).await;
    for (n, amount) in (2..).zip(["21", "22", "23"]) {
        site.brings(&dearer(amount), n).await;
        assert!(!site.had_texts(), "{amount}");
    }
    let renamed = Product { name: Localized::default().with("en", "Better shoe"), ..dearer("24") };
    site.brings(&renamed, 5).await;
    assert!(site.had_texts());
    assert_eq!(site.name().await, "Better shoe");
    let described = Product { description: Localized::default().with("en", "Light"), ..renamed.clone() };
    site.brings(&described, 6).await;
    assert!(site.had_texts());
    site.brings(&Product { url: None, ..described }, 7).await;
    assert!(!site.had_texts());
    assert_eq!(site.name().await, "Better shoe");
}

#[tokio::test]
async fn what_a_person_did_to_a_text_of_ours_is_put_back_with_the_next_change() {
    let site = Recorded::with(StandIn::start("texts-person").await, &["1"]).await;
    site.site.pass(2);
    site.site.pim.edit(&path("1"), json!({"name": {"en": "MINE"}}));
    site.brings(&dearer("21"), 2).await;
    assert!(site.had_texts());
    assert_eq!(site.name().await, "Running shoe");
}

/// Two saves of one second look the same by their dates.
#[tokio::test]
async fn in_the_second_of_our_save_another_hash_sends_them() {
    let recorded = Recorded::with(StandIn::start("texts-second").await, &["1"]).await;
    let site = &recorded.site;
    site.pim.edit(&path("1"), json!({"name": {"en": "OLD"}, "contentHash": "an older write of ours"}));
    site.run(&[site.function.memory.put(&dearer("21"), &version(2))]).await;
    assert!(recorded.had_texts());
    assert_eq!(recorded.name().await, "Running shoe");
}

/// A request of a function that died may land between our look and our write.
#[tokio::test]
async fn while_an_older_write_of_ours_may_land_they_are_sent() {
    let recorded = Recorded::with(StandIn::start("texts-late").await, &["1"]).await;
    let site = &recorded.site;
    site.pass(2);
    let message = site.function.memory.put(&dearer("21"), &version(2));
    let (keys, now) = ([key("1")], site.function.clock.now_ms());
    site.function.memory.claim(Stage::Pimcore, &keys, &Owner("dies".into()), now).await.unwrap();
    site.pass(Stage::Pimcore.leases().lease_ms / 1000 + 1);
    let outcomes = site.function.run(&site.pimcore, &[message]).await;
    assert!(matches!(outcomes[&key("1")], Outcome::Again(_)), "{outcomes:?}");
    assert!(recorded.had_texts());
}

/// A person's save that fell between our look and our write looks like a draft that we hid.
#[tokio::test]
async fn where_a_person_may_have_saved_unseen_they_are_sent() {
    let recorded = Recorded::with(StandIn::start("texts-unseen").await, &["1"]).await;
    let site = &recorded.site;
    site.pass(2);
    let (now, before) = (site.function.clock.now_ms(), site.state("1"));
    let risen = Known { count: 2, date: 0, hidden: Some(now) };
    site.function.memory.note_drafts(&key("1"), &before, &risen, now).await.unwrap();
    recorded.brings(&dearer("21"), 2).await;
    assert!(recorded.had_texts());
}
