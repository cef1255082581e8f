//! Products that share calls, on a real Medusa: nobody's prices are another's, and a call that
//! fails is each product's own affair.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails where it unwraps")]

use catalog::{Fate, ProductKey};
use medusa::{Article, Change, Depth, Desired, Outcome};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::proxy::{Fault, Proxy};
use crate::support::books::{Supplier, now_ms};
use crate::support::{Real, deadline, offered, shirt};

const MANY: usize = 6;

struct World {
    real: Real,
    proxy: Proxy,
    keys: Vec<ProductKey>,
    articles: Vec<Article>,
}

impl World {
    async fn new() -> Option<Self> {
        let real = Real::connect().await?;
        let proxy = Proxy::before(&real.url).await;
        let keys: Vec<_> = (0..MANY).map(|_| real.new_key()).collect();
        let articles = keys.iter().map(|key| shirt(key, &["S", "M", "L"])).collect();
        let mut world = Self { real, proxy, keys, articles };
        world.push(None).await.into_iter().for_each(|outcome| drop(outcome.unwrap()));
        Some(world)
    }

    async fn push(&mut self, fault: Option<(usize, Fault)>) -> Vec<Outcome> {
        self.push_as(Depth::Light, fault).await
    }

    async fn push_as(&mut self, depth: Depth, fault: Option<(usize, Fault)>) -> Vec<Outcome> {
        self.proxy.begin(fault);
        let shop = self.real.shop_at(&self.proxy.url);
        let said = self.keys.iter().zip(&self.articles).map(|(key, article)| offered(key, article));
        let desired: Vec<Desired> = said.collect();
        let orders: Vec<_> = desired.iter().map(|desired| (desired, depth)).collect();
        let supplier = Supplier::at(now_ms() + 120_000);
        let mut work = std::pin::pin!(shop.push(&orders, &supplier, deadline()));
        loop {
            tokio::select! {
                outcomes = &mut work => return outcomes,
                Some(done) = self.proxy.written.recv() => drop(done),
            }
        }
    }

    fn dearer(&mut self) {
        for variant in self.articles.iter_mut().flat_map(|article| &mut article.variants) {
            *variant.prices.get_mut("sar").unwrap() += Decimal::ONE;
        }
    }

    async fn all_shown(&self) {
        for (key, article) in self.keys.iter().zip(&self.articles) {
            let shown = self.real.shown(key).await.unwrap();
            for variant in &article.variants {
                assert_eq!(shown.variants[&variant.sku].prices["sar"], variant.prices["sar"].normalize(), "{key}");
            }
        }
    }

    /// Variants' calls of the last push.
    fn priced(&self) -> usize {
        self.proxy.calls().iter().filter(|call| call.ends_with("/variants/batch")).count()
    }
}

#[tokio::test]
async fn prices_of_many_products_share_a_call_and_keep_what_people_added() {
    let Some(mut world) = World::new().await else { return };
    let there = world.real.admin_product(&world.keys[1]).await.unwrap();
    let id = |value: &Value| value["id"].as_str().unwrap().to_owned();
    let variant = &there["variants"][0];
    let own = variant["prices"].as_array().unwrap().iter();
    let own =
        own.map(|price| json!({"id": price["id"], "currency_code": price["currency_code"], "amount": price["amount"]}));
    let tier = json!({"currency_code": "sar", "amount": 1, "min_quantity": 100});
    let prices: Vec<Value> = own.chain([tier]).collect();
    let path = format!("/admin/products/{}", id(&there));
    world.real.admin_post(&format!("{path}/variants/{}", id(variant)), &json!({"prices": prices})).await;
    world.dearer();
    world.push(None).await.into_iter().for_each(|outcome| drop(outcome.unwrap()));
    assert_eq!(world.priced(), 1, "{:?}", world.proxy.calls());
    world.all_shown().await;
    let fields = [("fields", "variants.id,variants.prices.min_quantity")];
    let now = world.real.admin_get(&path, &fields).await;
    let tiers =
        |variant: &Value| variant["prices"].as_array().unwrap().iter().filter(|p| p["min_quantity"] == 100).count();
    assert_eq!(now["product"]["variants"].as_array().unwrap().iter().map(tiers).sum::<usize>(), 1);
}

#[tokio::test]
async fn after_a_shared_call_that_is_refused_each_product_has_one_of_its_own() {
    let Some(mut world) = World::new().await else { return };
    for refusal in [400, 404] {
        world.dearer();
        world.push(Some((0, Fault::Answer(refusal)))).await.into_iter().for_each(|outcome| drop(outcome.unwrap()));
        assert_eq!(world.priced(), 1 + MANY, "{:?}", world.proxy.calls());
        world.all_shown().await;
    }
}

#[tokio::test]
async fn a_shared_call_without_an_answer_leaves_each_product_in_doubt() {
    let Some(mut world) = World::new().await else { return };
    for fault in [Fault::CutBefore, Fault::CutAfter, Fault::Answer(500)] {
        world.dearer();
        for (outcome, key) in world.push(Some((0, fault))).await.into_iter().zip(&world.keys) {
            let failure = outcome.unwrap_err();
            assert_eq!(failure.request, Fate::MayStillLand, "{failure:?}");
            assert!(failure.message.contains(key.id()), "{failure:?}");
        }
        world.push(None).await.into_iter().for_each(|outcome| drop(outcome.unwrap()));
        world.all_shown().await;
    }
}

#[tokio::test]
async fn prices_that_were_written_in_vain_are_undone_where_the_pim_went_back_meanwhile() {
    let Some(mut world) = World::new().await else { return };
    let before = world.articles.clone();
    world.dearer();
    assert!(world.push(Some((0, Fault::CutAfter))).await.iter().all(Result::is_err));
    world.articles = before;
    // As the function does after whatever ended a push early.
    let undone = world.push_as(Depth::Full, None).await;
    assert!(undone.into_iter().all(|outcome| outcome.unwrap().change == Change::Updated));
    world.all_shown().await;
    assert!(world.push(None).await.into_iter().all(|outcome| outcome.unwrap().change == Change::Unchanged));
}

/// What can be wrong with a row by the time it is written: its variant is gone, or has no price
/// set, or its price is gone.
#[tokio::test]
async fn what_medusa_refuses_of_a_shared_call_costs_the_others_no_price() {
    let Some(world) = World::new().await else { return };
    let real = &world.real;
    let [one, other] = [0, 1].map(|n| world.keys[n].clone());
    let other = real.admin_product(&other).await.unwrap();
    let path = format!("/admin/products/{}", other["id"].as_str().unwrap());
    // A product update that adds a variant leaves it without a price set, as a crash does.
    let kept: Vec<Value> = other["variants"].as_array().unwrap().iter().map(|v| json!({"id": v["id"]})).collect();
    let added =
        json!({"title": "Red / XL", "sku": world.real.new_key().id(), "options": {"Color": "Red", "Size": "L"}});
    let all: Vec<Value> = kept.into_iter().chain([added]).collect();
    let reply = real.admin_post(&path, &json!({ "variants": all })).await;
    let bare = reply["product"]["variants"].as_array().unwrap().iter().find(|v| v["title"] == "Red / XL").unwrap();
    let prices = |id: Value| json!([{"id": id, "currency_code": "sar", "amount": 9}]);
    let plain = json!([{"currency_code": "sar", "amount": 9}]);
    for (what, bad) in [
        ("no variant", json!({"id": "variant_01GONE", "prices": plain})),
        ("no price set", json!({"id": bare["id"], "prices": plain})),
        ("no such price", json!({"id": other["variants"][0]["id"], "prices": prices("price_01GONE".into())})),
    ] {
        let before = real.admin_product(&one).await.unwrap();
        let own = before["variants"][0]["prices"].as_array().unwrap().iter();
        let own: Vec<Value> =
            own.map(|p| json!({"id": p["id"], "currency_code": p["currency_code"], "amount": p["amount"]})).collect();
        let body = json!({"update": [{"id": before["variants"][0]["id"], "prices": own}, bad]});
        let answer = real.shop.medusa.post::<Value>(&format!("{path}/variants/batch"), &[], &body, deadline()).await;
        println!("{what}: {:?}", answer.as_ref().map(drop));
        let after = real.admin_product(&one).await.unwrap();
        let rows = |product: &Value| -> Vec<(String, String)> {
            let prices = product["variants"].as_array().unwrap().iter().flat_map(|v| v["prices"].as_array().unwrap());
            let mut rows: Vec<_> = prices.map(|p| (p["id"].to_string(), p["amount"].to_string())).collect();
            rows.sort();
            rows
        };
        assert_eq!(rows(&after), rows(&before), "{what}: {answer:?}");
    }
}
