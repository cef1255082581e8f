//! Products that vanished: drafts, and deleted when their time is over and nobody needs them.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails where it unwraps")]

use crate::proxy;
use crate::support;

use catalog::ProductKey;
use medusa::{Again, Change, Depth, Known, Pushed, Shop};
use proxy::{Fault, Proxy};
use serde_json::{Value, json};
use support::{NobodyWants, Real, Shown, deadline, offered, shirt, withheld};

/// A push of a product that the PIM lacks.
async fn gone_at(shop: &Shop, key: &ProductKey, id: &str) -> Result<Pushed, catalog::Failure> {
    let desired = withheld(key);
    let known = [Known { id: Some(id.to_owned()), vanished: true, closely: true, ..Known::default() }];
    shop.push_known(&[(&desired, Depth::Light)], &known, &NobodyWants, deadline()).await.remove(0)
}

async fn gone(real: &Real, key: &ProductKey, id: &str) -> Pushed {
    gone_at(&real.shop, key, id).await.unwrap()
}

/// A push of a product that the PIM has, and of which the ledger remembers this id.
async fn back(real: &Real, key: &ProductKey, id: &str) -> Pushed {
    let desired = offered(key, &shirt(key, &["S", "M"]));
    let known = [Known { id: Some(id.to_owned()), differs: true, ..Known::default() }];
    real.shop.push_known(&[(&desired, Depth::Light)], &known, &NobodyWants, deadline()).await.remove(0).unwrap()
}

async fn made(real: &Real) -> (ProductKey, String) {
    let key = real.new_key();
    let id = real.push(&offered(&key, &shirt(&key, &["S", "M"]))).await.unwrap().product_id.unwrap();
    (key, id)
}

async fn is_sold(real: &Real, key: &ProductKey) {
    let article = shirt(key, &["S", "M"]);
    assert_eq!(real.shown(key).await, Some(Shown::expected(&article, real)));
    real.sound(key, &real.admin_product(key).await.unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_product_that_vanished_is_deleted_when_its_time_is_over_and_nobody_needs_it() {
    let Some(mut real) = Real::connect().await else { return };
    // For ever.
    let (key, id) = made(&real).await;
    for change in [Change::Withdrawn, Change::Unchanged] {
        let pushed = gone(&real, &key, &id).await;
        assert_eq!((pushed.change, pushed.again), (change, Again::Never));
    }
    // Its time begins when that is to end.
    real.shop.references.product_retention = 60_000;
    assert!(matches!(gone(&real, &key, &id).await, Pushed { change: Change::Withdrawn, again: Again::At(_), .. }));
    assert!(matches!(gone(&real, &key, &id).await, Pushed { change: Change::Unchanged, again: Again::At(_), .. }));
    assert_eq!(back(&real, &key, &id).await.product_id.as_ref(), Some(&id), "the same product");
    is_sold(&real, &key).await;

    // Not while an order holds a piece of it.
    real.shop.references.product_retention = 1;
    let (held, held_id) = made(&real).await;
    real.reserve(&format!("{}-Red-M", held.id()), 2).await;
    // Nor while nobody could say.
    let (uncounted, uncounted_id) = made(&real).await;
    let rows = real.admin_product(&uncounted).await.unwrap()["variants"].clone();
    let path = format!("/admin/products/{uncounted_id}/variants/{}", rows[0]["id"].as_str().unwrap());
    real.admin_post(&path, &json!({"allow_backorder": true})).await;
    for (key, id, later) in [(&held, &held_id, true), (&uncounted, &uncounted_id, false)] {
        assert_eq!(gone(&real, key, id).await.change, Change::Withdrawn);
        let pushed = gone(&real, key, id).await;
        assert_eq!((pushed.change, matches!(pushed.again, Again::At(_))), (Change::Unchanged, later));
        assert_eq!(back(&real, key, id).await.product_id.as_ref(), Some(id));
    }

    // Else it goes, and comes back at its address: its deletion was no person's doing, even if the
    // ledger still knows its id.
    let before = real.admin_product(&key).await.unwrap()["handle"].clone();
    assert_eq!(gone(&real, &key, &id).await.change, Change::Withdrawn);
    let pushed = gone(&real, &key, &id).await;
    assert_eq!((pushed.change, pushed.product_id, pushed.again), (Change::Deleted, None, Again::Never));
    assert_eq!(real.admin_product(&key).await, None);
    let again = gone(&real, &key, &id).await;
    assert_eq!((again.change, again.notes.len()), (Change::Absent, 0));
    assert_eq!(back(&real, &key, &id).await.change, Change::Created);
    assert_eq!(real.admin_product(&key).await.unwrap()["handle"], before);
    is_sold(&real, &key).await;
}

#[tokio::test]
async fn a_deletion_whose_writes_are_refused_or_lost_is_ended_and_never_taken_for_a_persons() {
    let Some(mut real) = Real::connect().await else { return };
    real.shop.references.product_retention = 1;
    let proxy = Proxy::before(&real.url).await;
    let shop = real.shop_at(&proxy.url);
    let mut proxy = proxy;
    let faults = [Fault::Answer(400), Fault::Answer(500), Fault::CutBefore, Fault::CutAfter];
    for (write, fault) in (0..2).flat_map(|write| faults.map(|fault| (write, fault))) {
        for returns in [false, true] {
            let what = format!("{fault:?} at write {write}, returns {returns}");
            let (key, id) = made(&real).await;
            gone(&real, &key, &id).await;
            proxy.begin(Some((write, fault)));
            let pushed = {
                let mut push = std::pin::pin!(gone_at(&shop, &key, &id));
                loop {
                    tokio::select! {
                        pushed = &mut push => break pushed,
                        Some(written) = proxy.written.recv() => drop(written),
                    }
                }
            };
            assert!(pushed.is_err(), "{what}: {pushed:?}");
            if returns {
                assert_eq!(back(&real, &key, &id).await.notes, [], "{what}");
                is_sold(&real, &key).await;
            } else {
                let pushed = gone(&real, &key, &id).await;
                assert!(matches!(pushed.change, Change::Deleted | Change::Absent), "{what}: {pushed:?}");
                assert_eq!((real.admin_product(&key).await, pushed.notes.len()), (None::<Value>, 0), "{what}");
            }
        }
    }
}
