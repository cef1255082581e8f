//! Prices that reached the shop before the PIM: the shop is not told again, but for what it lacks.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common::{Site, key, message};

use ledger::core::lane;
use ledger::{Applied, Claim, Owner, Stage};
use runtime::{Announcement, Clock as _};

/// The shop is made to hold the newest document before the PIM.
async fn goes_ahead(site: &Site, id: &str) {
    let (key, owner) = (key(id), Owner("push".into()));
    let (memory, now) = (&site.function.memory, site.function.clock.now_ms());
    let claims = memory.claim(Stage::Medusa, std::slice::from_ref(&key), &owner, now).await.unwrap();
    let Some(Claim::Claimed(claimed)) = claims.get(&key) else { panic!("{claims:?}") };
    let before = claimed.medusa.applied.clone().unwrap();
    let (hash, version) = (claimed.hash.clone().unwrap(), claimed.version.clone().unwrap());
    let applied = Applied { hash, version, ..before };
    memory.complete(Stage::Medusa, &key, &owner, claimed, &applied, now).await.unwrap();
}

async fn site(name: &str) -> Site {
    let mut site = Site::with(name, &[]).await;
    site.function.lane = true;
    site.arrive(&["1"]).await;
    let state = site.function.memory.state(&key("1"));
    let noted = state.content.unwrap();
    assert_eq!(noted.said, lane::digest(&crate::common::product("1")), "what content the PIM holds is noted");
    site
}

#[tokio::test]
async fn what_the_shop_holds_already_is_not_told_and_has_arrived() {
    let site = site("lane-told").await;
    let dearer = site.says("1", "30.00", 2);
    goes_ahead(&site, "1").await;
    site.run(&[dearer]).await;
    assert_eq!(site.function.heard.take(), [], "it changes offers alone, and the shop has them");
    assert_eq!(site.function.memory.state(&key("1")).pending_since, None);
    // The next one did not go ahead.
    let dearer = site.says("1", "31.00", 3);
    site.run(&[dearer]).await;
    assert_eq!(site.function.heard.take(), [Announcement::product_synced(&message(&key("1")))]);
}

#[tokio::test]
async fn what_a_person_saved_meanwhile_is_told() {
    let site = site("lane-edited").await;
    let dearer = site.says("1", "30.00", 2);
    goes_ahead(&site, "1").await;
    site.function.memory.edited(&[key("1")], site.function.clock.now_ms()).await.unwrap();
    site.run(&[dearer]).await;
    assert_eq!(site.function.heard.take().len(), 1);
}

#[tokio::test]
async fn without_the_lane_nothing_is_noted_and_all_is_told() {
    let site = Site::with_shop("lane-off", &["1"]).await;
    assert_eq!(site.function.memory.state(&key("1")).content, None);
    let dearer = site.says("1", "30.00", 2);
    goes_ahead(&site, "1").await;
    site.run(&[dearer]).await;
    assert_eq!(site.function.heard.take().len(), 1);
}
