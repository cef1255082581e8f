//! A push that meets a refusal: what was for sale stays for sale at its price, and only what was
//! refused waits.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails where it unwraps")]

use crate::support;

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Instant;

use catalog::{ErrorKind, Failure, ProductKey};
use medusa::stock::{Book, Recall, StockBooks};
use medusa::{Article, Depth, Outcome, SkuOwners};
use serde_json::{Value, json};
use support::books::{just_now, note, now_ms, recall};
use support::{EverybodyWants, Real, Shown, deadline, offered, shirt};

async fn push(
    real: &Real,
    key: &ProductKey,
    article: &Article,
    owners: &(impl SkuOwners + StockBooks + medusa::Addresses),
) -> Outcome {
    let desired = offered(key, article);
    real.shop.push(&[(&desired, Depth::Light)], owners, deadline()).await.remove(0)
}

fn sku_taken(outcome: Outcome, sku: &str) {
    let failure = outcome.unwrap_err();
    assert_eq!((failure.kind, failure.code.as_str()), (ErrorKind::Permanent, "medusa_sku_taken"));
    assert!(failure.message.contains(sku), "{}", failure.message);
}

/// Adds a tier price to every variant, as people do.
async fn add_tiers(real: &Real, product: &Value) {
    for variant in product["variants"].as_array().unwrap() {
        let path =
            format!("/admin/products/{}/variants/{}", product["id"].as_str().unwrap(), variant["id"].as_str().unwrap());
        let prices = json!({"prices": [{"currency_code": "sar", "amount": 23.8}, {"currency_code": "usd", "amount": 6.35},
            {"currency_code": "sar", "amount": 20, "min_quantity": 10}]});
        real.admin_post(&path, &prices).await;
    }
}

async fn tiers(real: &Real, key: &ProductKey) -> usize {
    let product = real.admin_product(key).await.unwrap();
    let rows = product["variants"].as_array().unwrap().iter().flat_map(|variant| variant["prices"].as_array().unwrap());
    rows.filter(|row| row["min_quantity"] == 10).count()
}

/// Who comes to ask about a SKU looks at the shop meanwhile; after that the SKU is theirs.
struct Watching<'a> {
    real: &'a Real,
    key: &'a ProductKey,
    seen: Mutex<Vec<Shown>>,
}

impl medusa::Addresses for Watching<'_> {}

impl SkuOwners for Watching<'_> {
    async fn wants(&self, _: &ProductKey, _: &str, _: Instant) -> Result<bool, Failure> {
        let shown = self.real.shown(self.key).await.unwrap();
        self.seen.lock().unwrap().push(shown);
        Ok(true)
    }
}

impl StockBooks for Watching<'_> {
    fn now_ms(&self) -> i64 {
        now_ms()
    }

    async fn recall(&self, keys: &[&ProductKey], _: Instant) -> Result<HashMap<ProductKey, Recall>, Failure> {
        Ok(recall(keys, just_now))
    }

    async fn note(&self, books: &[(&ProductKey, &Book)], _: Instant) -> Vec<Result<(), Failure>> {
        note(books)
    }
}

#[tokio::test]
async fn a_size_whose_sku_is_taken_waits_alone_and_the_others_keep_their_prices_and_get_new_ones() {
    let Some(real) = Real::connect().await else { return };
    let [key, owner] = [real.new_key(), real.new_key()];
    let before = shirt(&key, &["S", "M"]);
    real.push(&offered(&key, &before)).await.unwrap();
    add_tiers(&real, &real.admin_product(&key).await.unwrap()).await;
    real.push(&offered(&owner, &shirt(&owner, &["S", "M"]))).await.unwrap();
    let mine = json!({"title": format!("Mine {}", key.id()), "options": [{"title": "a", "values": ["b"]}],
        "variants": [{"title": "b", "sku": format!("mine-{}", key.id()), "options": {"a": "b"}, "prices": []}]});
    real.admin_post("/admin/products", &mine).await;

    let taken = [format!("{}-Red-S", owner.id()), format!("mine-{}", key.id())];
    for (n, sku) in taken.iter().enumerate() {
        let mut after = shirt(&key, &["S", "M"]);
        after.title = format!("Dearer {n}");
        for variant in &mut after.variants {
            variant.prices.insert("sar".into(), (30 + n).into());
        }
        let mut wanted = after.clone();
        wanted.variants.push(support::variant(&key, &["Red", "XL"]));
        wanted.variants[2].sku.clone_from(sku);
        let watching = Watching { real: &real, key: &key, seen: Mutex::default() };
        sku_taken(push(&real, &key, &wanted, &watching).await, sku);
        // While it was found out, nothing had been written.
        for seen in watching.seen.into_inner().unwrap() {
            assert!(seen.variants.values().all(|variant| variant.prices.len() == 2), "{seen:?}");
            assert_eq!(seen, Shown::expected(&before, &real));
        }
        assert_eq!((real.shown(&key).await, tiers(&real, &key).await), (Some(Shown::expected(&after, &real)), 2));
        // The next look finds the same and writes nothing.
        let there = real.admin_product(&key).await;
        sku_taken(push(&real, &key, &wanted, &EverybodyWants).await, sku);
        assert_eq!(real.admin_product(&key).await, there);
    }

    // Once the other has another SKU, the size arrives.
    let mut other = shirt(&owner, &["S", "M"]);
    other.variants[0].sku = format!("{}-other", owner.id());
    real.push(&offered(&owner, &other)).await.unwrap();
    let mut wanted = shirt(&key, &["S", "M", "XL"]);
    wanted.variants[2].sku.clone_from(&taken[0]);
    push(&real, &key, &wanted, &EverybodyWants).await.unwrap();
    assert_eq!(real.shown(&key).await, Some(Shown::expected(&wanted, &real)));
}

#[tokio::test]
async fn a_new_product_is_for_sale_without_the_size_whose_sku_is_taken() {
    let Some(real) = Real::connect().await else { return };
    let [key, owner] = [real.new_key(), real.new_key()];
    let other = shirt(&owner, &["S"]);
    real.push(&offered(&owner, &other)).await.unwrap();
    let mut wanted = shirt(&key, &["S", "M"]);
    wanted.variants[1].sku.clone_from(&other.variants[0].sku);
    for _ in 0..2 {
        sku_taken(push(&real, &key, &wanted, &EverybodyWants).await, &other.variants[0].sku);
        assert_eq!(real.shown(&key).await, Some(Shown::expected(&shirt(&key, &["S"]), &real)));
    }
    assert_eq!(real.shown(&owner).await, Some(Shown::expected(&other, &real)));
}

#[tokio::test]
async fn a_variant_that_is_to_get_a_taken_sku_keeps_its_own_and_gets_its_price() {
    let Some(real) = Real::connect().await else { return };
    let [key, owner] = [real.new_key(), real.new_key()];
    let other = shirt(&owner, &["S"]);
    real.push(&offered(&owner, &other)).await.unwrap();
    let mut expected = shirt(&key, &["S", "M"]);
    real.push(&offered(&key, &expected)).await.unwrap();
    expected.variants[0].prices.insert("sar".into(), 77.into());
    let mut wanted = expected.clone();
    wanted.variants[0].sku.clone_from(&other.variants[0].sku);
    sku_taken(push(&real, &key, &wanted, &EverybodyWants).await, &other.variants[0].sku);
    assert_eq!(real.shown(&key).await, Some(Shown::expected(&expected, &real)));
}

#[tokio::test]
async fn whatever_is_for_sale_can_be_paid_in_its_currency() {
    let Some(real) = Real::connect().await else { return };
    let key = real.new_key();
    let mut expected = shirt(&key, &["S", "M"]);
    let mut wanted = expected.clone();
    wanted.variants[0].prices.insert("usd".into(), "19.995".parse().unwrap());
    expected.variants[0].prices.insert("usd".into(), 20.into());
    real.push(&offered(&key, &wanted)).await.unwrap();
    assert_eq!(real.shown(&key).await, Some(Shown::expected(&expected, &real)));

    // Less than a coin: not sold in that currency, everything else is, and it is named at every
    // look.
    wanted.variants[1].prices.insert("usd".into(), "0.004".parse().unwrap());
    expected.variants[1].prices.remove("usd");
    for depth in [Depth::Light, Depth::Light, Depth::Full] {
        let failure = real.push_as(&offered(&key, &wanted), depth).await.unwrap_err();
        assert_eq!((failure.kind, failure.code.as_str()), (ErrorKind::Permanent, "medusa_price_too_small"));
        assert!(failure.message.contains(&wanted.variants[1].sku), "{}", failure.message);
        assert_eq!(real.shown(&key).await, Some(Shown::expected(&expected, &real)));
    }
}

/// Why prices never share a call with what can be refused: this is what Medusa does.
#[tokio::test]
async fn medusa_drops_the_prices_of_a_variants_batch_that_it_refuses() {
    let Some(real) = Real::connect().await else { return };
    let key = real.new_key();
    let article = shirt(&key, &["S", "M"]);
    real.push(&offered(&key, &article)).await.unwrap();
    let product = real.admin_product(&key).await.unwrap();
    let path = format!("/admin/products/{}/variants/batch", product["id"].as_str().unwrap());
    let prices = json!([{"currency_code": "sar", "amount": 9}]);
    let body = json!({"update": [{"id": product["variants"][0]["id"], "prices": prices}],
        "create": [{"title": "x", "sku": product["variants"][1]["sku"], "options": {"Color": "Red", "Size": "S"}, "prices": prices}]});
    real.shop.medusa.post::<Value>(&path, &[], &body, deadline()).await.unwrap_err();
    let after = real.admin_product(&key).await.unwrap();
    assert_eq!(after["variants"][0]["prices"], json!([]));
    // The next look puts them back.
    real.push_as(&offered(&key, &article), Depth::Full).await.unwrap();
    assert_eq!(real.shown(&key).await, Some(Shown::expected(&article, &real)));
}
