//! What the bundle tells is looked at within seconds; what it says happened is not believed.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;

use common::{Site, key, path};
use ledger::ProductState;
use pimcore_sync::noticed::NoticedReport;
use serde_json::json;

impl Site {
    async fn noticed(&self, ids: &[&str]) -> NoticedReport {
        let keys: Vec<_> = ids.iter().map(|id| key(id)).collect();
        self.comparison().noticed(&keys).await.unwrap()
    }

    /// Which products were announced to which stage.
    fn told(&self) -> Vec<String> {
        let announced = self.function.heard.take();
        let word = |announcement: &runtime::Announcement| {
            let kind = if format!("{announcement:?}").contains("ProductSynced") { "shop" } else { "pim" };
            let message = runtime::ProductMessage::parse(announcement.detail()).unwrap();
            format!("{kind} {}", message.key)
        };
        let mut heard: Vec<String> = announced.iter().map(word).collect();
        heard.sort();
        heard
    }
}

#[tokio::test]
async fn a_deletion_is_noted_and_the_shop_told_at_once_and_once() {
    let site = Site::with_shop("noticed-deleted", &["1", "2", "3"]).await;
    for id in ["1", "2"] {
        site.pim.delete_into_bin(&path(id));
    }
    // More than the guard believes of a listing: each was told by itself. "3" is there.
    let report = site.noticed(&["1", "2", "3"]).await;
    assert_eq!((report.gone, report.saved.settled), (2, 1));
    assert_eq!(site.told(), [format!("shop {}", key("1")), format!("shop {}", key("2"))]);
    assert!(site.state("1").gone.is_some() && site.state("1").pending_since.is_some());
    assert!(site.state("3").gone.is_none() && site.state("3").pending_since.is_none());
    for id in ["1", "2"] {
        site.feed_shop(id).await;
    }
    // A replay is a look.
    assert_eq!(site.noticed(&["1", "2", "3"]).await.gone, 0);
    assert_eq!(site.told(), Vec::<String>::new());
    // Restored, and told: written again, with what the feed says.
    assert!(site.pim.restore(&path("1")));
    let report = site.noticed(&["1"]).await;
    assert_eq!((report.gone, report.saved.repaired), (0, 1));
    assert_eq!(site.told(), [format!("pim {}", key("1"))]);
}

#[tokio::test]
async fn a_save_is_shown_to_the_shop_and_what_shows_nothing_new_is_not() {
    let site = Site::with_shop("noticed-saved", &["1"]).await;
    assert_eq!(site.noticed(&["1"]).await.saved.settled, 1);
    assert_eq!(site.told(), Vec::<String>::new());
    site.pim.edit(&path("1"), json!({"marketingName": {"en": "Bestseller"}}));
    assert_eq!(site.noticed(&["1"]).await.saved.announced, 1);
    assert_eq!(site.told(), [format!("shop {}", key("1"))]);
    assert_eq!(site.state("1").edits, Some(1), "it is pending, should the announcement be lost");
}

#[tokio::test]
async fn what_is_told_of_products_that_nobody_knows_does_nothing() {
    let site = Site::with_shop("noticed-unknown", &["1"]).await;
    assert_eq!(site.noticed(&["404", "1"]).await.gone, 0);
    assert_eq!(site.told(), Vec::<String>::new());
    assert_eq!(site.state("404"), ProductState::default());
}

#[tokio::test]
async fn where_it_cannot_be_told_whether_the_folder_is_seen_nothing_counts_as_deleted() {
    let site = Site::with_shop("noticed-blind", &["1"]).await;
    site.pim.delete_into_bin(&path("1"));
    site.pim.fault(json!({"kind": "unavailable", "match": "query Health"}));
    assert!(site.comparison().noticed(&[key("1")]).await.is_err());
    assert_eq!(site.told(), Vec::<String>::new());
    assert!(site.state("1").gone.is_none());
}
