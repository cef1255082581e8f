//! A product's first way into a real shop, and the second push that finds nothing to do.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails where it unwraps")]

use crate::support;

use medusa::Change;
use support::{Real, Shown, offered, shirt};

#[tokio::test]
async fn a_new_product_can_be_bought_and_a_second_push_does_nothing() {
    let Some(real) = Real::connect().await else { return };
    let key = real.new_key();
    let article = shirt(&key, &["S", "M", "L"]);
    let pushed = real.push(&offered(&key, &article)).await.unwrap();
    assert_eq!(pushed.change, Change::Created);
    assert_eq!(real.shown(&key).await, Some(Shown::expected(&article, &real)));
    real.assert_purchasable(&key, &article).await;

    let before = real.admin_product(&key).await;
    assert_eq!(real.push(&offered(&key, &article)).await.unwrap().change, Change::Unchanged);
    let deep = real.push_as(&offered(&key, &article), medusa::Depth::Full).await.unwrap();
    assert_eq!(deep.change, Change::Unchanged);
    assert_eq!(real.admin_product(&key).await, before);
}
