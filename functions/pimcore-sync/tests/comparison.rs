//! What should be against what is: deletions and edited categories are found, whatever anybody saw
//! before.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;

use common::{Site, key, path, product, version};
use pimcore_sync::census::{Counted, MADE_MS};
use pimcore_sync::inventory::{Comparison, ComparisonReport, TOO_MANY};
use runtime::{Announcement, Cause, Clock, Deadline, ProductMessage};
use serde_json::json;

impl Site {
    /// The schedule: a round a minute.
    async fn round(&self) -> (Counted, Option<ComparisonReport>) {
        let counted = self.comparison().census().await.unwrap();
        (counted, self.comparison().resume().await.unwrap())
    }

    async fn quiet_rounds(&self) {
        for _ in 0..6 {
            self.pass(60);
            self.round().await;
        }
        self.heard();
        assert_eq!(self.round().await, (Counted::default(), None));
    }

    /// The products that the shop is told to look at.
    fn heard(&self) -> Vec<String> {
        let mut heard: Vec<String> = self.function.heard.take().iter().map(|one| format!("{one:?}")).collect();
        heard.sort();
        heard
    }
}

fn look(id: &str, why: &str, announced: &[String]) -> bool {
    announced.iter().any(|text| {
        text.contains("ProductSynced")
            && text.contains(&format!("\\\"productId\\\":\\\"{id}\\\""))
            && text.contains(why)
    })
}

#[tokio::test]
async fn a_product_that_was_deleted_before_anybody_compared_is_found() {
    let site = Site::with_shop("comparison-never-seen", &["1", "2", "3"]).await;
    site.pim.delete(&path("2"));
    let report = site.comparison().start(false).await.unwrap();
    assert_eq!((report.compared, report.gone, report.complete), (3, 1, true));
    let message = |announced: &Announcement| format!("{announced:?}");
    let heard = site.function.heard.take();
    let [one] = heard.as_slice() else { panic!("{heard:?}") };
    let began =
        message(one).split("deleted-").nth(1).unwrap().chars().take_while(char::is_ascii_digit).collect::<String>();
    let wanted = ProductMessage { key: key("2"), correlation_id: format!("deleted-{began}"), cause: Cause::Edited };
    assert_eq!(*one, Announcement::product_synced(&wanted));
    assert!(site.state("2").pending_since.is_some(), "should the announcement be lost");
    // Until the shop was told, every comparison finds it; then none does.
    assert_eq!(site.comparison().start(false).await.unwrap().gone, 1);
    site.feed_shop("2").await;
    assert!(site.state("2").pending_since.is_none());
    assert_eq!(site.comparison().start(false).await.unwrap().gone, 0);
    assert!(site.pim.view(&path("2")).is_none(), "and it is not made again");
}

#[tokio::test]
async fn the_first_round_ever_compares() {
    let site = Site::with_shop("comparison-first", &["1", "2"]).await;
    site.pim.delete(&path("1"));
    let (_, report) = site.round().await;
    assert_eq!(report.unwrap().gone, 1);
    assert!(look("1", "edited", &site.heard()));
}

#[tokio::test]
async fn a_delete_is_found_by_the_next_round_and_a_quiet_pim_costs_no_comparison() {
    let site = Site::with_shop("comparison-count", &["1", "2", "3"]).await;
    site.quiet_rounds().await;
    site.pim.delete(&path("3"));
    site.pass(60);
    let (counted, report) = site.round().await;
    assert_eq!((counted.deleted, report.unwrap().gone), (1, 1));
    assert!(look("3", "edited", &site.heard()));
    site.feed_shop("3").await;
    site.pass(600);
    assert_eq!(site.round().await, (Counted::default(), None));
}

#[tokio::test]
async fn one_that_was_made_and_deleted_between_two_rounds_is_found_in_minutes() {
    let site = Site::with_shop("comparison-between", &["1"]).await;
    site.quiet_rounds().await;
    site.arrive(&["2"]).await;
    site.pim.delete(&path("2"));
    let mut found = Vec::new();
    for _ in 0..5 {
        site.pass(60);
        let (counted, report) = site.round().await;
        assert_eq!((counted.deleted, report), (0, None), "no count has ever held it");
        found.push(counted.gone);
    }
    assert_eq!(
        (&found[..2], found.iter().sum::<usize>()),
        (&[0, 0][..], 1),
        "once its maker can no longer be under way: {MADE_MS} ms"
    );
    assert!(look("2", "edited", &site.heard()));
}

#[tokio::test]
async fn what_is_being_made_or_was_released_is_not_taken_for_deleted() {
    let site = Site::with_shop("comparison-coming", &["1"]).await;
    // In the ledger, not yet in the PIM: nobody deleted it.
    site.function.memory.put(&product("2"), &version(1));
    assert_eq!(site.comparison().start(false).await.unwrap().gone, 0);
    // A newer document of a deleted product: it stays gone, and the shop is told once.
    site.pim.delete(&path("1"));
    let newer = catalog::Product { brand: Some("New".into()), ..product("1") };
    let message = site.function.memory.put(&newer, &version(2));
    assert_eq!(site.comparison().start(false).await.unwrap().gone, 1);
    site.function.run(&site.pimcore, std::slice::from_ref(&message)).await;
    assert_eq!(site.comparison().start(false).await.unwrap().gone, 1);
    site.feed_shop("1").await;
    assert_eq!(site.comparison().start(false).await.unwrap().gone, 0);
    // Released, it is made again.
    assert!(site.function.memory.release_gone(&key("1"), site.function.clock.now_ms()).await.unwrap());
    assert_eq!(site.comparison().start(false).await.unwrap().gone, 0);
    site.function.run(&site.pimcore, &[message]).await;
    assert!(site.pim.view(&path("1")).is_some());
    let report = site.comparison().start(false).await.unwrap();
    assert_eq!((report.gone, site.state("1").gone), (0, None));
}

#[tokio::test]
async fn a_listing_that_lacks_too_much_takes_nothing_off_sale_unless_somebody_says_so() {
    let ids: Vec<String> = (0..40).map(|n| n.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let site = Site::with_shop("comparison-guard", &ids).await;
    for id in &ids[..15] {
        site.pim.delete(&path(id));
    }
    let refused = site.comparison().start(false).await.unwrap_err();
    assert_eq!(refused.code, TOO_MANY, "{refused:?}");
    assert!(refused.message.contains("15 of 40"), "{refused:?}");
    assert!(site.heard().is_empty());
    assert_eq!(site.comparison().resume().await.unwrap(), None, "it is not tried again every minute");
    assert_eq!(site.comparison().start(true).await.unwrap().gone, 15);
    assert_eq!(site.heard().len(), 15);
}

#[tokio::test]
async fn a_pim_that_shows_nothing_at_all_takes_nothing_off_sale() {
    let site = Site::with_shop("comparison-empty", &["1", "2", "3"]).await;
    for id in ["1", "2", "3"] {
        site.pim.delete(&path(id));
    }
    assert_eq!(site.comparison().start(false).await.unwrap_err().code, TOO_MANY);
    assert!(site.heard().is_empty());
}

#[tokio::test]
async fn a_comparison_finds_damage_that_the_feed_has_passed() {
    let site = Site::with_shop("comparison-repair", &["1", "2"]).await;
    site.pim.edit(&path("1"), json!({"contentHash": "", "brand": "Wrong"}));
    let report = site.comparison().start(false).await.unwrap();
    assert_eq!((report.repaired, report.gone), (1, 0));
    site.function.run(&site.pimcore, &["1", "2"].map(|id| common::message(&key(id)))).await;
    assert_eq!(site.pim.app.counters.now().updated, 1, "only the damaged one is written");
}

#[tokio::test]
async fn a_comparison_that_is_interrupted_goes_on_and_announces_each_once() {
    let site = Site::with_shop("comparison-long", &[]).await;
    let ids: Vec<String> = (0..300).map(|n| format!("{n:03}")).collect();
    let small = |id: &str| catalog::Product { attributes: vec![], categories: vec![], ..product(id) };
    for ids in ids.chunks(100) {
        let messages: Vec<_> = ids.iter().map(|id| site.function.memory.put(&small(id), &version(1))).collect();
        site.function.run(&site.pimcore, &messages).await;
    }
    for id in ["005", "150", "299"] {
        site.feed_shop(id).await;
        site.pim.delete(&path(id));
    }
    site.heard();
    let out_of_time = Comparison { deadline: Deadline::at(0), ..site.comparison() };
    assert!(!out_of_time.start(false).await.unwrap().complete);
    // The second page of the ledger fails: the first one counts.
    site.pim.fault(json!({"kind": "server-error", "skip": 3, "match": "query Inventory"}));
    assert_eq!(site.comparison().resume().await.unwrap_err().code, "pimcore_unavailable");
    let rest = site.comparison().resume().await.unwrap().unwrap();
    assert!(rest.complete && rest.compared < 300, "{rest:?}");
    let heard = site.heard();
    assert_eq!(heard.len(), 3, "each is announced once: {heard:?}");
    assert_eq!(site.comparison().resume().await.unwrap(), None);
}

const WOMEN: &str = "/catalog/categories/demo-women";
const SHOES: &str = "/catalog/categories/demo-women/demo-shoes";

#[tokio::test]
async fn an_edited_category_is_brought_to_the_shop_by_a_few_of_its_products() {
    let site = Site::with_shop("categories-look", &["1", "2", "3", "4"]).await;
    site.quiet_rounds().await;
    for edit in [json!({"hidden": true}), json!({"name": {"en": "Ladies"}})] {
        site.pim.edit(WOMEN, edit);
        site.pass(30);
        let (counted, report) = site.round().await;
        // A category is shown if those above it are: hiding one edits the one below.
        assert!((1..=2).contains(&counted.categories), "{counted:?}");
        assert_eq!(report.unwrap().announced, 2, "not every product");
        let heard = site.heard();
        assert!(look("1", "edited", &heard) && look("2", "edited", &heard), "{heard:?}");
        for id in ["1", "2", "3", "4"] {
            site.feed_shop(id).await;
        }
        site.quiet_rounds().await;
    }
}

#[tokio::test]
async fn where_products_come_or_go_each_is_announced_that_shows_something_else() {
    let site = Site::with_shop("categories-members", &["1", "2", "3"]).await;
    let elsewhere = catalog::Product { categories: vec![], ..product("elsewhere") };
    site.function.run(&site.pimcore, &[site.function.memory.put(&elsewhere, &version(1))]).await;
    site.feed_shop("elsewhere").await;
    site.quiet_rounds().await;
    for edit in [json!({"shopHandle": "all-shoes"}), json!({"published": false}), json!({"published": true})] {
        site.pim.edit(SHOES, edit.clone());
        site.pass(30);
        let (_, report) = site.round().await;
        let heard = site.heard();
        assert_eq!((report.unwrap().announced, heard.len()), (3, 3), "{edit}: {heard:?}");
        for id in ["1", "2", "3"] {
            site.feed_shop(id).await;
        }
        site.quiet_rounds().await;
    }
    site.pim.delete(SHOES);
    site.pass(30);
    let (counted, report) = site.round().await;
    assert_eq!((counted.categories, report.unwrap().announced), (1, 3), "deleted");
}

#[tokio::test]
async fn a_category_that_was_edited_before_anybody_looked_counts_as_edited() {
    let site = Site::with_shop("categories-never-seen", &["1"]).await;
    site.pass(60);
    site.pim.edit(WOMEN, json!({"name": {"en": "Ladies"}}));
    let (counted, report) = site.round().await;
    assert_eq!((counted.categories, report.unwrap().announced), (1, 1));
}
