//! What orders do to the levels of a real Medusa, step by step. What is sellable is worked out from
//! these movements.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::proxy;
use crate::support;

use std::time::Duration;

use catalog::ProductKey;
use medusa::{Article, Depth};
use proxy::Proxy;
use support::books::{Supplier, now_ms};
use support::orders::Orders;
use support::{Real, deadline, offered, shirt};

/// A product with 10 pieces of one size; its SKU.
async fn ten_pieces(real: &Real) -> (ProductKey, String) {
    let key = real.new_key();
    let mut article = shirt(&key, &["S"]);
    article.variants[0].stock = 10;
    real.push(&offered(&key, &article)).await.unwrap();
    (key, article.variants[0].sku.clone())
}

/// Ten pieces of a supplier that knows none of our orders.
async fn ten(real: &mut Real) -> (ProductKey, Article, String) {
    real.shop.references.stock = r#"{"test-before": {"figure": "before-orders"}}"#.parse().unwrap();
    let key = ProductKey::new("test-before", real.new_key().id()).unwrap();
    let mut article = shirt(&key, &["S"]);
    article.variants[0].stock = 10;
    let sku = article.variants[0].sku.clone();
    let first = offered(&key, &article);
    real.shop.push(&[(&first, Depth::Light)], &Supplier::at(now_ms()), deadline()).await.remove(0).unwrap();
    (key, article, sku)
}

#[tokio::test]
async fn orders_reserve_fulfilments_take_and_returns_bring_back() {
    let Some(real) = Real::connect().await else { return };
    let orders = Orders::open(&real).await;
    let (_, sku) = ten_pieces(&real).await;
    assert_eq!(orders.level(&sku).await.row(), (10, 0, 10));

    let order = orders.place(&sku, "sar", 4).await.unwrap();
    assert_eq!(orders.level(&sku).await.row(), (10, 4, 6), "placed");
    orders.cancel(&order).await;
    assert_eq!(orders.level(&sku).await.row(), (10, 0, 10), "cancelled");

    let order = orders.place(&sku, "usd", 4).await.unwrap();
    let partly = orders.fulfil(&order, 3).await;
    assert_eq!(orders.level(&sku).await.row(), (7, 1, 6), "three of four fulfilled");
    orders.cancel_fulfilment(&order, &partly).await.unwrap();
    assert_eq!(orders.level(&sku).await.row(), (10, 4, 6), "the fulfilment cancelled");

    let whole = orders.fulfil(&order, 4).await;
    assert_eq!(orders.level(&sku).await.row(), (6, 0, 6), "all four fulfilled");
    orders.ship(&order, &whole).await;
    assert_eq!(orders.level(&sku).await.row(), (6, 0, 6), "shipped");

    let back = orders.request_return(&order, 2).await;
    assert_eq!(orders.level(&sku).await.row(), (6, 0, 6), "a return is announced");
    orders.receive_return(&order, &back, 2).await;
    assert_eq!(orders.level(&sku).await.row(), (8, 0, 8), "two came back");
}

#[tokio::test]
async fn more_than_is_available_is_not_sold_and_a_level_below_the_reservations_is_shown_below_zero() {
    let Some(real) = Real::connect().await else { return };
    let orders = Orders::open(&real).await;
    let (key, sku) = ten_pieces(&real).await;
    let refused = orders.place(&sku, "sar", 11).await.unwrap_err();
    assert!(refused.contains("inventory"), "{refused}");
    assert_eq!(orders.level(&sku).await.row(), (10, 0, 10), "a refused order reserves nothing");

    orders.place(&sku, "sar", 2).await.unwrap();
    orders.set_stocked(&sku, 1).await;
    assert_eq!(orders.level(&sku).await.row(), (1, 2, -1));
    assert_eq!(real.shown(&key).await.unwrap().variants[&sku].stock, -1, "what the storefront shows");
    assert!(orders.place(&sku, "usd", 1).await.is_err(), "a piece that is not there was sold");
}

/// An order that was shipped just before a look is in the level already, although it is as young as
/// those that come after it. Only the times of the level and of its fulfilment tell, so this also
/// shows that Medusa delivers them.
#[tokio::test]
async fn what_had_left_before_a_look_is_not_taken_off_again() {
    let Some(mut real) = Real::connect().await else { return };
    let (key, mut article, sku) = ten(&mut real).await;
    let orders = Orders::open(&real).await;
    let order = orders.place(&sku, "sar", 4).await.unwrap();
    orders.fulfil(&order, 4).await;
    assert_eq!(orders.level(&sku).await.row(), (6, 0, 6));
    tokio::time::sleep(Duration::from_millis(medusa::stock::SETTLES.unsigned_abs())).await;

    let mut proxy = Proxy::before(&real.url).await;
    let shop = real.shop_at(&proxy.url);
    article.variants[0].stock = 12;
    let more = offered(&key, &article);
    let (batch, supplier) = ([(&more, Depth::Light)], Supplier::at(now_ms()));
    let mut push = std::pin::pin!(shop.push(&batch, &supplier, deadline()));
    let mut bought = 0;
    let outcomes = loop {
        tokio::select! {
            outcomes = &mut push => break outcomes,
            Some(written) = proxy.written.recv() => {
                // Medusa has the new level, and the push does not know it yet: somebody buys.
                if bought == 0 && written.call.contains("location-levels") {
                    orders.place(&sku, "usd", 1).await.unwrap();
                    bought += 1;
                }
            }
        }
    };
    outcomes.into_iter().for_each(|outcome| drop(outcome.unwrap()));
    assert_eq!(bought, 1, "the level was written");
    assert_eq!(orders.level(&sku).await.row(), (8, 1, 7), "12 said, 4 and 1 sold");
}

#[tokio::test]
async fn what_came_back_and_was_undone_by_a_write_is_for_sale_again() {
    let Some(mut real) = Real::connect().await else { return };
    let (key, mut article, sku) = ten(&mut real).await;
    let orders = Orders::open(&real).await;
    let order = orders.place(&sku, "sar", 4).await.unwrap();
    let whole = orders.fulfil(&order, 4).await;
    orders.ship(&order, &whole).await;
    let settled = || tokio::time::sleep(Duration::from_millis(medusa::stock::SETTLES.unsigned_abs()));
    settled().await;

    // The level is written, and then the ledger is gone.
    article.variants[0].stock = 12;
    let more = offered(&key, &article);
    let dying = Supplier { notes: 1.into(), ..Supplier::at(now_ms()) };
    // The return that is only announced is read with its order.
    let back = orders.request_return(&order, 2).await;
    let lost = real.shop.push(&[(&more, Depth::Light)], &dying, deadline()).await.remove(0).unwrap_err();
    assert_eq!(lost.code, "ledger_unavailable");
    assert_eq!(orders.level(&sku).await.row(), (8, 0, 8));
    orders.receive_return(&order, &back, 2).await;
    assert_eq!(orders.level(&sku).await.row(), (10, 0, 10));
    // As if it had been written after that.
    let there = real.admin_product(&key).await.unwrap();
    let item = there["variants"][0]["inventory_items"][0]["inventory_item_id"].as_str().unwrap();
    let level = format!("/admin/inventory-items/{item}/location-levels/{}", real.shop.references.stock_location_id);
    real.admin_post(&level, &serde_json::json!({"stocked_quantity": 8})).await;
    settled().await;
    real.shop.push(&[(&more, Depth::Light)], &Supplier::at(now_ms()), deadline()).await.remove(0).unwrap();
    assert_eq!(orders.level(&sku).await.row(), (10, 0, 10), "12 said, 4 sold, 2 back");
}
