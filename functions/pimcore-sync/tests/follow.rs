//! The change feed and the inventory: what people do in the PIM reaches the shop, once.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;

use std::sync::atomic::Ordering;

use catalog::Failure;
use common::{Function, key, path, product, version};
use ledger::{Applied, Claim, Owner, Stage};
use pimcore::{PimProduct, Pimcore};
use pimcore_sync::changes::{self, OVERLAP_S, SETTLE_S};
use runtime::{Outcome, ProductMessage};
use serde_json::json;
use testing::standin::{StandIn, later};

/// Follows the feed; the keys that the shop and the PIM are told about.
async fn follow(function: &Function, pimcore: &Pimcore) -> (changes::FollowReport, Vec<String>) {
    let report = changes::follow(pimcore, &function.memory, &function.heard, &function.clock, function.deadline())
        .await
        .unwrap();
    (report, heard(function))
}

fn heard(function: &Function) -> Vec<String> {
    let mut heard: Vec<String> = function.heard.take().iter().map(|announcement| format!("{announcement:?}")).collect();
    heard.sort();
    heard
}

fn edited(announcement: &str, id: &str) -> bool {
    announcement.contains("ProductSynced")
        && announcement.contains(&format!("\\\"productId\\\":\\\"{id}\\\""))
        && announcement.contains("edited")
}

async fn with_products(function: &Function, pimcore: &Pimcore, ids: &[&str]) -> Vec<ProductMessage> {
    let messages: Vec<_> = ids.iter().map(|id| function.memory.put(&product(id), &version(1))).collect();
    let outcomes = function.run(pimcore, &messages).await;
    assert!(outcomes.values().all(|outcome| *outcome == Outcome::Done), "{outcomes:?}");
    function.heard.take();
    messages
}

/// The function that feeds the shop, at work on one product.
struct Push<'a> {
    function: &'a Function,
    key: catalog::ProductKey,
    owner: Owner,
    claimed: ledger::ProductState,
}

impl<'a> Push<'a> {
    async fn claims(function: &'a Function, id: &str) -> Self {
        let (key, owner) = (key(id), Owner(format!("push-{id}")));
        let now = runtime::Clock::now_ms(&function.clock);
        let claims = function.memory.claim(Stage::Medusa, std::slice::from_ref(&key), &owner, now).await.unwrap();
        let Some(Claim::Claimed(claimed)) = claims.get(&key).cloned() else { panic!("{claims:?}") };
        Self { function, key, owner, claimed }
    }

    async fn reads(&self, pimcore: &Pimcore) -> PimProduct {
        let mut read = pimcore.read_products(std::slice::from_ref(&self.key), later()).await.unwrap();
        read.remove(&self.key).unwrap().unwrap()
    }

    async fn completes(self, pimcore: &Pimcore, read: &PimProduct) {
        let tree = pimcore.category_tree(std::time::Duration::ZERO, later()).await.unwrap();
        let applied = Applied {
            hash: read.content_hash.clone().unwrap(),
            version: read.source_version.clone().unwrap(),
            remote_id: Some("prod_1".into()),
            view: None,
            seen: Some(read.digest(&tree)),
            at: 0,
        };
        let now = runtime::Clock::now_ms(&self.function.clock);
        let done = self.function.memory.complete(Stage::Medusa, &self.key, &self.owner, &self.claimed, &applied, now);
        assert_eq!(done.await.unwrap(), None);
    }

    async fn fails(self, failure: &Failure) {
        let now = runtime::Clock::now_ms(&self.function.clock);
        self.function.memory.fail(Stage::Medusa, &self.key, &self.owner, failure, now).await.unwrap();
    }
}

/// The shop is made to hold what the PIM shows.
async fn feed_shop(function: &Function, pimcore: &Pimcore, id: &str) {
    let push = Push::claims(function, id).await;
    let read = push.reads(pimcore).await;
    push.completes(pimcore, &read).await;
}

/// So much later that no save of before can still show.
fn come_to_rest(pim: &StandIn, function: &Function) {
    let seconds = OVERLAP_S + SETTLE_S + 1;
    function.clock.0.fetch_add(seconds * 1000, Ordering::Relaxed);
    pim.ahead.fetch_add(seconds, Ordering::Relaxed);
}

#[tokio::test]
async fn an_edit_is_announced_and_a_quiet_pim_is_not() {
    let pim = StandIn::start("follow-edit").await;
    let (pimcore, function) = (pim.client(), Function::default());
    with_products(&function, &pimcore, &["1", "2", "3"]).await;
    for id in ["1", "2", "3"] {
        feed_shop(&function, &pimcore, id).await;
    }
    come_to_rest(&pim, &function);
    follow(&function, &pimcore).await;
    for _ in 0..3 {
        let (report, heard) = follow(&function, &pimcore).await;
        assert_eq!((report, heard.len()), (changes::FollowReport::default(), 0), "nothing has happened");
    }
    pim.edit(&path("2"), json!({"marketingName": {"en": "New"}}));
    let (_, heard) = follow(&function, &pimcore).await;
    assert!(matches!(heard.as_slice(), [announcement] if edited(announcement, "2")), "{heard:?}");
    come_to_rest(&pim, &function);
    follow(&function, &pimcore).await;
    for published in [false, true] {
        pim.edit(&path("3"), json!({"published": published}));
        let (_, heard) = follow(&function, &pimcore).await;
        assert!(heard.iter().any(|announcement| edited(announcement, "3")), "{heard:?}");
        feed_shop(&function, &pimcore, "3").await;
    }
}

#[tokio::test]
async fn what_the_pipeline_wrote_is_not_announced_again() {
    let pim = StandIn::start("follow-own").await;
    let (pimcore, function) = (pim.client(), Function::default());
    with_products(&function, &pimcore, &["1", "2", "3"]).await;
    // The shop has heard of them all, and has looked at one of them.
    feed_shop(&function, &pimcore, "1").await;
    // The categories are young: a push that reads an older tree would not know how they are called.
    let (report, heard) = follow(&function, &pimcore).await;
    assert_eq!((report.changes, report.settled, report.announced), (3, 1, 2), "{heard:?}");
    let minutes = 5 * 60;
    function.clock.0.fetch_add(minutes * 1000, Ordering::Relaxed);
    pim.ahead.fetch_add(minutes, Ordering::Relaxed);
    // A newer document of each.
    for id in ["1", "2", "3"] {
        let newer = catalog::Product { brand: Some("New".into()), ..product(id) };
        function.run(&pimcore, &[function.memory.put(&newer, &version(2))]).await;
    }
    function.heard.take();
    feed_shop(&function, &pimcore, "1").await;
    let (report, heard) = follow(&function, &pimcore).await;
    assert_eq!((report.settled, report.announced, heard.len()), (3, 0, 0), "{heard:?}");
    // What a person saves on top of it reaches the shop with the message that waits, or by one of
    // its own.
    for id in ["1", "2"] {
        pim.edit(&path(id), json!({"marketingName": {"en": "Mine"}}));
    }
    let (_, heard) = follow(&function, &pimcore).await;
    assert!(matches!(heard.as_slice(), [announcement] if edited(announcement, "1")), "{heard:?}");
    // The function that comes with the message reads it.
    let push = Push::claims(&function, "2").await;
    assert_eq!(push.reads(&pimcore).await.title("en"), Some("Mine"));
}

#[tokio::test]
async fn an_edit_that_is_taken_back_while_it_is_brought_to_the_shop_is_announced() {
    let pim = StandIn::start("follow-back").await;
    // However slow this machine is, no second has passed that may bring another save.
    pim.ahead.fetch_add(600, Ordering::Relaxed);
    let (pimcore, function) = (pim.client(), Function::default());
    with_products(&function, &pimcore, &["1"]).await;
    feed_shop(&function, &pimcore, "1").await;
    pim.edit(&path("1"), json!({"marketingName": {"en": "New"}}));
    assert_eq!(follow(&function, &pimcore).await.0.announced, 1);
    let push = Push::claims(&function, "1").await;
    let read = push.reads(&pimcore).await;
    // What Pimcore shows from here on is what the ledger says the shop holds.
    pim.edit(&path("1"), json!({"marketingName": {"en": ""}}));
    assert_eq!(follow(&function, &pimcore).await.0.announced, 1);
    push.completes(&pimcore, &read).await;
    assert_eq!(follow(&function, &pimcore).await.0.announced, 1, "the same second may bring another save");
    feed_shop(&function, &pimcore, "1").await;
    assert_eq!(follow(&function, &pimcore).await.0.announced, 0);
}

#[tokio::test]
async fn an_answer_from_before_the_save_says_nothing_about_it() {
    let pim = StandIn::start("follow-cache").await;
    let (pimcore, function) = (pim.client(), Function::default());
    with_products(&function, &pimcore, &["1"]).await;
    feed_shop(&function, &pimcore, "1").await;
    let change = pimcore.changes(pimcore::Cursor::default(), later()).await.unwrap().remove(0);
    let read = pimcore.read_products(&[key("1")], later()).await.unwrap().remove(&key("1")).unwrap().unwrap();
    let tree = pimcore.category_tree(std::time::Duration::ZERO, later()).await.unwrap();
    let (look, state) = (changes::look(&read, &tree, read.modified), function.memory.state(&key("1")));
    assert_eq!(changes::react(&change, &state, Some(&look)), changes::Reaction::Nothing);
    let older = changes::Look { modified: look.modified - 1, ..look };
    assert_eq!(changes::react(&change, &state, Some(&older)), changes::Reaction::Show);
    assert_eq!(changes::react(&change, &state, None), changes::Reaction::Show, "gone, or not to be read");
}

#[tokio::test]
async fn an_edit_of_a_product_that_the_shop_refused_is_announced() {
    let pim = StandIn::start("follow-refused").await;
    let (pimcore, function) = (pim.client(), Function::default());
    with_products(&function, &pimcore, &["1"]).await;
    let refused = Failure::permanent("medusa_no_price", "no price in a currency the shop sells in");
    Push::claims(&function, "1").await.fails(&refused).await;
    come_to_rest(&pim, &function);
    follow(&function, &pimcore).await;
    pim.edit(&path("1"), json!({"marketingName": {"en": "New"}}));
    assert_eq!(follow(&function, &pimcore).await.0.announced, 1);
}

#[tokio::test]
async fn what_the_shop_was_fed_from_an_older_tree_is_announced() {
    let pim = StandIn::start("follow-tree").await;
    // However slow this machine is, no second has passed that may bring another save.
    pim.ahead.fetch_add(600, Ordering::Relaxed);
    let (pimcore, function) = (pim.client(), Function::default());
    with_products(&function, &pimcore, &["1"]).await;
    feed_shop(&function, &pimcore, "1").await;
    assert_eq!(follow(&function, &pimcore).await.0.announced, 0);
    pim.edit("/catalog/categories/demo-women", json!({"hidden": true}));
    let report = follow(&function, &pimcore).await.0;
    assert_eq!(report.announced, 1, "{report:?}");
}

#[tokio::test]
async fn a_pim_that_cannot_be_read_in_full_moves_nothing() {
    let pim = StandIn::start("follow-unreadable").await;
    let (pimcore, function) = (pim.client(), Function::default());
    with_products(&function, &pimcore, &["1"]).await;
    come_to_rest(&pim, &function);
    let before = function.memory.watermark(changes::WATERMARK).await.unwrap();
    pim.fault(json!({"kind": "server-error", "match": "query ReadProducts"}));
    let failed =
        changes::follow(&pimcore, &function.memory, &function.heard, &function.clock, function.deadline()).await;
    assert_eq!(failed.unwrap_err().code, "pimcore_unavailable");
    assert_eq!(function.memory.watermark(changes::WATERMARK).await.unwrap(), before);
    let (report, heard) = follow(&function, &pimcore).await;
    assert_eq!((report.changes, report.announced + report.settled), (1, 1), "{heard:?}");
}

#[tokio::test]
async fn two_saves_in_one_second_are_both_announced() {
    let pim = StandIn::start("follow-second").await;
    let (pimcore, function) = (pim.client(), Function::default());
    with_products(&function, &pimcore, &["1"]).await;
    for n in 0..5 {
        feed_shop(&function, &pimcore, "1").await;
        pim.edit(&path("1"), json!({"marketingName": {"en": format!("Name {n}")}}));
        let (_, heard) = follow(&function, &pimcore).await;
        assert!(heard.iter().any(|announcement| edited(announcement, "1")), "save {n} was missed");
    }
}

#[tokio::test]
async fn a_stale_save_of_a_person_is_repaired_and_their_fields_survive() {
    let pim = StandIn::start("follow-stale").await;
    let (pimcore, function) = (pim.client(), Function::default());
    let messages = with_products(&function, &pimcore, &["1"]).await;
    // The person's form was loaded before the pipeline's last write, and is saved after it.
    let stale = json!({"contentHash": "0123", "brand": "Old brand", "marketingName": {"en": "Mine"}});
    pim.edit(&path("1"), stale);
    let (report, _) = follow(&function, &pimcore).await;
    assert_eq!((report.repaired, report.announced), (1, 0));
    assert_eq!(function.run(&pimcore, &messages).await[&key("1")], Outcome::Done);
    let read = pimcore
        .read_products(&[key("1")], testing::standin::later())
        .await
        .unwrap()
        .remove(&key("1"))
        .unwrap()
        .unwrap();
    assert_eq!((read.brand.as_deref(), read.title("en")), (Some("Acme"), Some("Mine")));
    assert_eq!(read.content_hash, function.memory.state(&key("1")).hash);
    come_to_rest(&pim, &function);
    let (report, _) = follow(&function, &pimcore).await;
    assert_eq!(report.repaired, 0);
}

#[tokio::test]
async fn what_the_ledger_is_still_behind_of_is_not_repaired() {
    let pim = StandIn::start("follow-pending").await;
    let (pimcore, function) = (pim.client(), Function::default());
    with_products(&function, &pimcore, &["1"]).await;
    // A newer document waits in the queue: Pimcore rightly holds the old one.
    let mut newer = product("1");
    newer.brand = Some("New".into());
    function.memory.put(&newer, &version(2));
    let (report, _) = follow(&function, &pimcore).await;
    assert_eq!(report.repaired, 0);
}

#[tokio::test]
async fn products_that_people_made_are_shown_and_other_objects_are_left_alone() {
    let pim = StandIn::start("follow-foreign").await;
    let (pimcore, function) = (pim.client(), Function::default());
    with_products(&function, &pimcore, &["1"]).await;
    pim.edit(&path("1"), json!({"externalId": "canonical:handmade"}));
    let (_, heard) = follow(&function, &pimcore).await;
    assert!(heard.iter().any(|announcement| announcement.contains("handmade")), "{heard:?}");
    pim.edit(&path("1"), json!({"externalId": "Not a key"}));
    let (report, heard) = follow(&function, &pimcore).await;
    assert_eq!((report.foreign, heard.len()), (1, 0));
}

#[tokio::test]
async fn a_failed_announcement_is_made_again() {
    let pim = StandIn::start("follow-failed").await;
    let (pimcore, function) = (pim.client(), Function::default());
    with_products(&function, &pimcore, &["1"]).await;
    feed_shop(&function, &pimcore, "1").await;
    pim.edit(&path("1"), json!({"marketingName": {"en": "New"}}));
    let deaf = common::Deaf;
    let failed = changes::follow(&pimcore, &function.memory, &deaf, &function.clock, function.deadline()).await;
    assert_eq!(failed.unwrap_err().code, "announce_failed");
    assert_eq!(follow(&function, &pimcore).await.1.len(), 1);
}
