//! What several writers and crashes leave in the shop, made on purpose, and what the next push
//! makes of it.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::support;

use std::collections::HashMap;
use std::time::Instant;

use catalog::{ErrorKind, Failure, ProductKey};
use medusa::{Book, Change, Depth, Recall, SkuOwners, StockBooks};
use serde_json::{Value, json};
use support::{Real, Shown, books, deadline, offered, rows_are_sound, shirt};

/// Lets a create of somebody who died land while somebody else is about to create the same product:
/// when it asks whose a SKU is.
struct LandsLate<'a> {
    real: &'a Real,
    body: Value,
}

impl medusa::Addresses for LandsLate<'_> {}

impl SkuOwners for LandsLate<'_> {
    async fn wants(&self, _: &ProductKey, _: &str, _: Instant) -> Result<bool, Failure> {
        self.real.admin_post("/admin/products", &self.body).await;
        Ok(false)
    }
}

impl StockBooks for LandsLate<'_> {
    fn now_ms(&self) -> i64 {
        books::now_ms()
    }

    async fn recall(&self, keys: &[&ProductKey], _: Instant) -> Result<HashMap<ProductKey, Recall>, Failure> {
        Ok(books::recall(keys, books::just_now))
    }

    async fn note(&self, books: &[(&ProductKey, &Book)], _: Instant) -> Vec<Result<(), Failure>> {
        books::note(books)
    }
}

#[tokio::test]
async fn a_create_that_lands_late_leaves_one_product() {
    let Some(real) = Real::connect().await else { return };
    let [holder, key] = [real.new_key(), real.new_key()];
    let mut article = shirt(&key, &["S", "M"]);
    let held = shirt(&holder, &["S"]);
    real.push(&offered(&holder, &held)).await.unwrap();
    article.variants[0].sku = held.variants[0].sku.clone();
    let wanted = offered(&key, &article);
    let body = json!({"title": "half", "handle": medusa::handle::handle(&key), "external_id": key.to_string(),
        "options": [{"title": "Size", "values": ["S"]}]});

    let late = LandsLate { real: &real, body };
    let lost = real.shop.push(&[(&wanted, Depth::Light)], &late, deadline()).await.remove(0).unwrap_err();
    assert_eq!((lost.kind, lost.code.as_str()), (ErrorKind::Transient, "medusa_handle_taken"));
    assert!(lost.message.contains(&key.to_string()), "{}", lost.message);

    assert_eq!(real.push(&wanted).await.unwrap().change, Change::Updated);
    // Asserts that there is only one with this external id.
    rows_are_sound(&real.admin_product(&key).await.unwrap()).unwrap();
    assert_eq!(real.shown(&key).await, Some(Shown::expected(&article, &real)));
}

#[tokio::test]
async fn of_two_products_with_one_external_id_the_older_is_ours() {
    let Some(real) = Real::connect().await else { return };
    let key = real.new_key();
    let mut article = shirt(&key, &["S"]);
    let ours = real.push(&offered(&key, &article)).await.unwrap().product_id.unwrap();
    // Somebody gives ours another handle, and a copy the same external id: Medusa takes both.
    let renamed = json!({"handle": format!("renamed-{}", key.id())});
    real.admin_post(&format!("/admin/products/{ours}"), &renamed).await;
    let copy = json!({"title": "Copy", "handle": format!("copy-{}", key.id()), "external_id": key.to_string(),
        "options": [{"title": "a", "values": ["b"]}]});
    let copy = real.admin_post("/admin/products", &copy).await["product"]["id"].take();
    let path = format!("/admin/products/{}", copy.as_str().unwrap());
    let before = real.admin_get(&path, &[]).await;

    article.title = "Changed".into();
    for depth in [Depth::Light, Depth::Full] {
        let pushed = real.push_as(&offered(&key, &article), depth).await.unwrap();
        assert_eq!(pushed.product_id.as_ref(), Some(&ours));
    }
    assert_eq!(real.admin_get(&path, &[]).await, before, "the copy was written");
    let after = real.admin_get(&format!("/admin/products/{ours}"), &[("fields", "title,handle")]).await;
    assert_eq!(after["product"]["title"], "Changed");
    assert_eq!(after["product"]["handle"], renamed["handle"], "a handle that people chose stays");
}

#[tokio::test]
async fn mixed_images_of_parallel_writers_are_cleaned() {
    let Some(real) = Real::connect().await else { return };
    let key = real.new_key();
    let article = shirt(&key, &["S"]);
    let wanted = offered(&key, &article);
    let ours = real.push(&wanted).await.unwrap().product_id.unwrap();
    let twice: Vec<Value> = article.images.iter().chain(&article.images).map(|url| json!({ "url": url })).collect();
    real.admin_post(&format!("/admin/products/{ours}"), &json!({ "images": twice })).await;
    let mixed = real.admin_product(&key).await.unwrap();
    assert_eq!(mixed["images"].as_array().unwrap().len(), 6, "Medusa made no duplicates, so nothing was tested");
    assert_eq!(real.push_as(&wanted, Depth::Full).await.unwrap().change, Change::Updated);
    rows_are_sound(&real.admin_product(&key).await.unwrap()).unwrap();
    assert_eq!(real.shown(&key).await, Some(Shown::expected(&article, &real)));
}

#[tokio::test]
async fn a_variant_that_a_crash_left_without_a_price_set_is_sold_again() {
    let Some(real) = Real::connect().await else { return };
    let key = real.new_key();
    let article = shirt(&key, &["S", "M"]);
    let wanted = offered(&key, &article);
    let ours = real.push(&wanted).await.unwrap().product_id.unwrap();
    // A product update that adds a variant and says nothing of prices leaves it in the state a
    // crash leaves all of them in.
    let product = real.admin_product(&key).await.unwrap();
    let medium = product["variants"].as_array().unwrap().iter().find(|variant| variant["title"] == "Red / M").unwrap();
    let path = format!("/admin/products/{ours}");
    real.shop.medusa.delete(&format!("{path}/variants/{}", medium["id"].as_str().unwrap()), deadline()).await.unwrap();
    let kept = product["variants"].as_array().unwrap().iter().find(|variant| variant["title"] == "Red / S").unwrap();
    let added = json!({"title": "Red / M", "sku": medium["sku"], "options": {"Color": "Red", "Size": "M"}});
    real.admin_post(&path, &json!({"variants": [{"id": kept["id"]}, added]})).await;
    let broken = real.admin_product(&key).await.unwrap();
    assert!(rows_are_sound(&broken).is_err(), "it has a price set, so nothing was tested: {broken}");
    assert_eq!(real.push_as(&wanted, Depth::Full).await.unwrap().change, Change::Updated);
    let whole = real.admin_product(&key).await.unwrap();
    real.sound(&key, &whole).await.unwrap();
    assert_eq!(real.shown(&key).await, Some(Shown::expected(&article, &real)));
    real.assert_purchasable(&key, &article).await;
}
