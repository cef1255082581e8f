//! How fast products get into a real shop, next to what the same shop does for a client written by hand for nothing else.
//!
//! `cargo bench --profile dev -p medusa --bench push` runs it; the figures go to `target/reports/bench-medusa.json`. All clients leave the same state behind: products with
//! five variants in two currencies, two images, a category, a translation and stock, published. Rounds alternate, because a
//! shop that grows, and a machine that does other things, favour whoever comes first or last. Then the same again with every price
//! reduced and kept in price lists, by both.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints its result or stops")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use catalog::ProductKey;
use futures::{StreamExt, stream};
use medusa::{Article, Change, CompareAt, Depth, Desired, Medusa};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use support::{NobodyWants, Real, deadline, offered, shirt};

const ROUNDS: usize = 4;
const LISTED_ROUNDS: usize = 2;
const PRODUCTS: usize = 100;
const BATCH: usize = 25;
const CONNECTIONS: usize = 2;
const ONE_BY_ONE: usize = 20;

#[tokio::main]
async fn main() {
    let Some(real) = Real::connect().await else { return };
    let name = format!("bench {}", real.new_key().id());
    let category = real.admin_post("/admin/product-categories", &json!({"name": name, "is_active": true})).await;
    let category = category["product_category"]["id"].as_str().unwrap().to_owned();
    let products = |count: usize| -> Vec<(ProductKey, Article)> {
        (0..count)
            .map(|_| {
                let key = real.new_key();
                let mut article = shirt(&key, &["S", "M", "L", "XL", "XXL"]);
                article.images.truncate(2);
                article.categories = [category.clone()].into();
                (key, article)
            })
            .collect()
    };
    // First requests after a start are slow.
    by_hand(&real, products(BATCH * 2)).await;
    push(&real, &wanted(products(BATCH * 2)), Change::Created).await;

    let (mut hand, mut ours, mut again) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    for round in 0..ROUNDS {
        let mine = wanted(products(PRODUCTS));
        if round % 2 == 0 {
            hand += by_hand(&real, products(PRODUCTS)).await;
            ours += push(&real, &mine, Change::Created).await;
        } else {
            ours += push(&real, &mine, Change::Created).await;
            hand += by_hand(&real, products(PRODUCTS)).await;
        }
        again += push(&real, &mine, Change::Unchanged).await;
    }
    let listed = Real::connect_with(CompareAt::PriceLists).await.unwrap();
    let reduced = |count: usize| -> Vec<(ProductKey, Article)> {
        let mut products = products(count);
        for variant in products.iter_mut().flat_map(|(_, article)| &mut article.variants) {
            variant.list_prices = variant.prices.iter().map(|(c, price)| (c.clone(), price + Decimal::TEN)).collect();
        }
        products
    };
    let (mut hand_listed, mut ours_listed, mut again_listed) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    for round in 0..LISTED_ROUNDS {
        let mine = wanted(reduced(PRODUCTS));
        if round % 2 == 0 {
            hand_listed += by_hand(&listed, reduced(PRODUCTS)).await;
            ours_listed += push(&listed, &mine, Change::Created).await;
        } else {
            ours_listed += push(&listed, &mine, Change::Created).await;
            hand_listed += by_hand(&listed, reduced(PRODUCTS)).await;
        }
        again_listed += push(&listed, &mine, Change::Unchanged).await;
    }
    let one_by_one = match support::secret_key_client() {
        Some(medusa) => Some(singly(&real, &medusa, products(ONE_BY_ONE)).await),
        None => None,
    };
    report([hand, ours, again], [hand_listed, ours_listed, again_listed], one_by_one);
}

fn report([hand, ours, again]: [Duration; 3], listed: [Duration; 3], one_by_one: Option<Duration>) {
    let rate = |count: usize, time: Duration| (count as f64 / time.as_secs_f64() * 10.0).round() / 10.0;
    let all = ROUNDS * PRODUCTS;
    let of_hand = hand.as_secs_f64() / ours.as_secs_f64();
    let faster = ours.as_secs_f64() / again.as_secs_f64();
    let single = one_by_one.map(|time| rate(ONE_BY_ONE, time));
    let [hand_listed, ours_listed, again_listed] = listed.map(|time| rate(LISTED_ROUNDS * PRODUCTS, time));
    let of_hand_listed = listed[0].as_secs_f64() / listed[1].as_secs_f64();
    let faster_listed = listed[1].as_secs_f64() / listed[2].as_secs_f64();
    let report = json!({
        "products": all, "variantsPerProduct": 5, "batch": BATCH, "connections": CONNECTIONS,
        "productsPerSecond": {
            "byHandInBatches": rate(all, hand), "firstPush": rate(all, ours), "unchanged": rate(all, again), "oneByOneWithSecretKey": single,
        },
        "firstPushToByHand": (of_hand * 1000.0).round() / 1000.0,
        "unchangedToFirstPush": (faster * 10.0).round() / 10.0,
        "firstPushToOneByOne": single.map(|single| (rate(all, ours) / single * 10.0).round() / 10.0),
        "withPriceLists": {
            "products": LISTED_ROUNDS * PRODUCTS,
            "productsPerSecond": { "byHandInBatches": hand_listed, "firstPush": ours_listed, "unchanged": again_listed },
            "firstPushToByHand": (of_hand_listed * 1000.0).round() / 1000.0,
            "unchangedToFirstPush": (faster_listed * 10.0).round() / 10.0,
        },
        "goals": { "firstPushToByHand": 0.9, "unchangedToFirstPush": 50 },
    });
    println!("first push      {:>8} products/s", rate(all, ours));
    println!("by hand         {:>8} products/s   first push : by hand    {of_hand:.2}  (goal 0.90)", rate(all, hand));
    println!("unchanged       {:>8} products/s   unchanged : first push  {faster:.0}  (goal 50)", rate(all, again));
    if let Some(single) = single {
        println!("one by one      {single:>8} products/s   first push : one by one {:.1}", rate(all, ours) / single);
    }
    println!("with price lists, all prices reduced:");
    println!("first push      {ours_listed:>8} products/s");
    println!("by hand         {hand_listed:>8} products/s   first push : by hand    {of_hand_listed:.2}");
    println!("unchanged       {again_listed:>8} products/s   unchanged : first push  {faster_listed:.0}");
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/reports");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("bench-medusa.json"), format!("{report:#}\n")).unwrap();
}

fn wanted(products: Vec<(ProductKey, Article)>) -> Vec<Desired> {
    products.iter().map(|(key, article)| offered(key, article)).collect()
}

async fn push(real: &Real, desired: &[Desired], expected: Change) -> Duration {
    let started = Instant::now();
    let batches = desired.chunks(BATCH).map(async |batch| {
        let orders: Vec<_> = batch.iter().map(|desired| (desired, Depth::Light)).collect();
        for outcome in real.shop.push(&orders, &NobodyWants, deadline()).await {
            assert_eq!(outcome.unwrap().change, expected);
        }
    });
    stream::iter(batches).buffer_unordered(CONNECTIONS).collect::<()>().await;
    started.elapsed()
}

/// The fewest calls that leave the same state: create published, stock, translations, price lists. No look before, no safety after.
async fn by_hand(real: &Real, products: Vec<(ProductKey, Article)>) -> Duration {
    let started = Instant::now();
    let batches = products.chunks(BATCH).map(async |batch| create(real, &real.shop.medusa, batch, true).await);
    stream::iter(batches).buffer_unordered(CONNECTIONS).collect::<()>().await;
    started.elapsed()
}

/// One product after the other with a secret key, as the first client of everybody does.
async fn singly(real: &Real, medusa: &Medusa, products: Vec<(ProductKey, Article)>) -> Duration {
    let started = Instant::now();
    for product in products.chunks(1) {
        create(real, medusa, product, false).await;
    }
    started.elapsed()
}

async fn create(real: &Real, medusa: &Medusa, batch: &[(ProductKey, Article)], in_batch: bool) {
    let here = &real.shop.references;
    let bodies: Vec<Value> = batch.iter().map(|(key, article)| body(real, key, article)).collect();
    let fields = "id,handle,variants.sku,variants.inventory_items.inventory_item_id";
    let created: Value = if in_batch {
        let reply: Value = medusa
            .post("/admin/products/batch", &[("fields", fields)], &json!({"create": bodies}), deadline())
            .await
            .unwrap();
        reply["created"].clone()
    } else {
        let reply: Value = medusa.post("/admin/products", &[("fields", fields)], &bodies[0], deadline()).await.unwrap();
        json!([reply["product"]])
    };
    let mut levels = Vec::new();
    let mut translations = Vec::new();
    let lists = &here.price_lists.in_use;
    let mut entries: Vec<Vec<Value>> = vec![vec![]; lists.len()];
    for product in created.as_array().unwrap() {
        let (_, article) = batch.iter().find(|(key, _)| medusa::handle::handle(key) == product["handle"]).unwrap();
        for variant in product["variants"].as_array().unwrap() {
            levels.push(json!({"inventory_item_id": variant["inventory_items"][0]["inventory_item_id"],
                "location_id": here.stock_location_id, "stocked_quantity": article.variants[0].stock}));
            let wanted = article.variants.iter().find(|wanted| variant["sku"] == wanted.sku.as_str()).unwrap();
            for (list, entries) in lists.iter().zip(&mut entries) {
                let price = medusa::Amount(wanted.prices[&list.currency]);
                entries.push(json!({"variant_id": variant["id"], "currency_code": list.currency, "amount": price}));
            }
        }
        for (locale, texts) in &article.translations {
            translations.push(json!({"reference": "product", "reference_id": product["id"], "locale_code": locale,
                "translations": {"title": texts.title, "description": texts.description}}));
        }
    }
    let _: Value = medusa
        .post("/admin/inventory-items/location-levels/batch", &[], &json!({"create": levels}), deadline())
        .await
        .unwrap();
    for (list, entries) in lists.iter().zip(entries) {
        let path = format!("/admin/price-lists/{}/prices/batch", list.id);
        let _: Value = medusa.post(&path, &[], &json!({"create": entries}), deadline()).await.unwrap();
    }
    let _: Value =
        medusa.post("/admin/translations/batch", &[], &json!({"create": translations}), deadline()).await.unwrap();
}

fn body(real: &Real, key: &ProductKey, article: &Article) -> Value {
    let here = &real.shop.references;
    let prices = |variant: &medusa::Variant| -> Vec<Value> {
        let price = |(currency, amount): (&String, &Decimal)| {
            let before = here.price_lists.of(currency).and_then(|_| variant.list_price(currency));
            json!({"currency_code": currency, "amount": medusa::Amount(before.unwrap_or(*amount))})
        };
        variant.prices.iter().map(price).collect()
    };
    let variants: Vec<Value> = article
        .variants
        .iter()
        .enumerate()
        .map(|(rank, variant)| {
            json!({"title": variant.title, "sku": variant.sku, "variant_rank": rank, "manage_inventory": true,
                "options": article.named_options(variant), "prices": prices(variant), "metadata": variant.facts()})
        })
        .collect();
    let options: Vec<Value> = (0..article.options.len())
        .map(|n| json!({"title": article.options[n], "values": article.values_of(n)}))
        .collect();
    json!({"title": article.title, "description": article.description, "handle": medusa::handle::handle(key),
        "external_id": key.to_string(), "status": "published", "thumbnail": article.images[0],
        "images": article.images.iter().map(|url| json!({"url": url})).collect::<Vec<_>>(),
        "options": options, "variants": variants, "metadata": article.facts(),
        "categories": article.categories.iter().map(|id| json!({"id": id})).collect::<Vec<_>>(),
        "sales_channels": [{"id": here.sales_channel_id}], "shipping_profile_id": here.shipping_profile_id})
}
