//! Products that time alone changes are announced when their time has come, until a push has
//! looked.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;

use std::sync::atomic::Ordering;

use catalog::ProductKey;
use common::{Function, key, product, version};
use ledger::core::aside::Seen;
use ledger::{Claim, Owner, Stage};
use pimcore_sync::due::{DueWalk, announce};
use runtime::{Announcement, Cause, Clock, ProductMessage};

/// What a push notes of one product.
async fn note(function: &Function, key: &ProductKey, due: Option<i64>) {
    let (owner, now) = (Owner("push".into()), function.clock.now_ms());
    let claims = function.memory.claim(Stage::Medusa, std::slice::from_ref(key), &owner, now).await.unwrap();
    let Some(Claim::Claimed(claimed)) = claims.get(key) else { panic!("{claims:?}") };
    function.memory.note_aside(key, &owner, claimed, Seen { asides: &[], due, doubts: false }, now).await.unwrap();
}

async fn announced(function: &Function) -> (usize, Vec<ProductKey>) {
    let deadline = function.deadline();
    let report = announce(&*function.memory, &function.heard, &function.clock, deadline).await.unwrap();
    let of = |announcement: &Announcement| -> ProductKey {
        let detail: ProductMessage = serde_json::from_str(announcement.detail()).unwrap();
        let (key, correlation_id, cause) = (detail.key.clone(), detail.correlation_id.clone(), Cause::Sweep);
        assert_eq!(*announcement, Announcement::product_synced(&ProductMessage { key, correlation_id, cause }));
        detail.key
    };
    let keys: Vec<ProductKey> = function.heard.take().iter().map(of).collect();
    assert_eq!(report, DueWalk { looked: report.looked, announced: keys.len(), complete: true });
    (report.looked, keys)
}

#[tokio::test]
async fn products_whose_time_has_come_are_announced_until_a_push_has_looked() {
    let function = Function::default();
    let ids = ["soon", "later", "never"];
    for id in ids {
        function.memory.put(&product(id), &version(1));
    }
    let now = function.clock.now_ms();
    note(&function, &key("soon"), Some(now + 60_000)).await;
    note(&function, &key("later"), Some(now + 600_000_000)).await;
    assert_eq!(announced(&function).await, (3, vec![]), "not yet");

    function.clock.0.fetch_add(61_000, Ordering::Relaxed);
    for _ in 0..2 {
        assert_eq!(announced(&function).await, (3, vec![key("soon")]));
    }
    function.clock.0.fetch_add(200_000, Ordering::Relaxed);
    note(&function, &key("soon"), None).await;
    assert_eq!(announced(&function).await, (3, vec![]), "looked at");
}
