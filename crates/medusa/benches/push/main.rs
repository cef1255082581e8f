//! How fast products get into a real shop, next to what the same shop does for a client written by
//! hand for nothing else.
//!
//! `make bench-medusa` runs it; the figures go to `target/reports/bench-medusa.json`. Both leave
//! the same state behind: products with five variants in two currencies, two images, a category, a
//! translation and stock, published and in the sales channel. Who does it by hand sends batches of
//! 25 over two connections, each with the fewest calls there are (create published, stock,
//! translations, price lists) and with as little in the answers as goes on. The push gets batches
//! of 50, as the stack gives them to the function, two at a time.
//!
//! Rounds alternate in every order, because a shop that grows, and a machine that does other
//! things, favour whoever comes first or last; the ratios are medians over rounds. Then the same
//! again with every price reduced and kept in price lists, by both.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints its result or stops")]

#[path = "../../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use catalog::ProductKey;
use futures::{StreamExt, stream};
use medusa::{Article, Change, CompareAt, Credentials, Depth, Desired, Medusa};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use support::{NobodyWants, Real, deadline, offered, shirt};
use testing::steps::Steps;

const ROUNDS: usize = 11;
const LISTED_ROUNDS: usize = 5;
const PRODUCTS: usize = 100;
/// As the stack configures the function's queue (template.yaml).
const PUSHED_AT_ONCE: usize = 50;
/// What the goal compares with.
const BATCH: usize = 25;
const CONNECTIONS: usize = 2;
const ONE_BY_ONE: usize = 20;

#[tokio::main]
async fn main() {
    let Some(real) = Real::connect().await else { return };
    let steps = Steps::listen();
    let name = format!("bench {}", real.new_key().id());
    let category = real.admin_post("/admin/product-categories", &json!({"name": name, "is_active": true})).await;
    let category = category["product_category"]["id"].as_str().unwrap().to_owned();
    let products = |real: &Real, count: usize| -> Vec<Product> {
        let product = |_| {
            let key = real.new_key();
            let mut article = shirt(&key, &["S", "M", "L", "XL", "XXL"]);
            article.images.truncate(2);
            article.categories = [category.clone()].into();
            (key, article)
        };
        (0..count).map(product).collect()
    };
    // First requests after a start are slow.
    for _ in 0..3 {
        by_hand(&real, BATCH, &products(&real, PUSHED_AT_ONCE)).await;
        push(&real, &wanted(&products(&real, PUSHED_AT_ONCE)), Change::Created).await;
    }
    let plain = compare(&real, ROUNDS, || products(&real, PRODUCTS)).await;
    let one_after_the_other = in_steps(&real, &steps, || products(&real, PUSHED_AT_ONCE)).await;

    let listed = Real::connect_with(CompareAt::PriceLists).await.unwrap();
    let reduced = || -> Vec<Product> {
        let mut products = products(&listed, PRODUCTS);
        for variant in products.iter_mut().flat_map(|(_, article)| &mut article.variants) {
            variant.list_prices = variant.prices.iter().map(|(c, price)| (c.clone(), price + Decimal::TEN)).collect();
        }
        products
    };
    let listed = compare(&listed, LISTED_ROUNDS, reduced).await;
    let key = real.admin_post("/admin/api-keys", &json!({"title": "bench", "type": "secret"})).await;
    let secret_key = key["api_key"]["token"].as_str().unwrap().to_owned();
    let with_key = Medusa::new(&real.url, Credentials::Key { secret_key }).unwrap();
    let time = singly(&real, &with_key, &products(&real, ONE_BY_ONE)).await;
    let one_by_one = rounded(ONE_BY_ONE as f64 / time.as_secs_f64(), 10.0);
    report(&plain, &listed, one_by_one, &one_after_the_other);
}

type Product = (ProductKey, Article);

/// What each round took, in seconds a product.
#[derive(Default)]
struct Times {
    hand: Vec<f64>,
    hand_in_large_batches: Vec<f64>,
    push: Vec<f64>,
    again: Vec<f64>,
}

async fn compare(real: &Real, rounds: usize, products: impl Fn() -> Vec<Product>) -> Times {
    let mut times = Times::default();
    for round in 0..rounds {
        let mut pushed = vec![];
        for turn in 0..3 {
            let products = products();
            let per = |time: Duration| time.as_secs_f64() / products.len() as f64;
            match (round + turn) % 3 {
                0 => times.hand.push(per(by_hand(real, BATCH, &products).await)),
                1 => times.hand_in_large_batches.push(per(by_hand(real, PUSHED_AT_ONCE, &products).await)),
                _ => {
                    pushed = wanted(&products);
                    times.push.push(per(push(real, &pushed, Change::Created).await));
                }
            }
        }
        let again = push(real, &pushed, Change::Unchanged).await;
        times.again.push(again.as_secs_f64() / pushed.len() as f64);
    }
    times
}

/// Milliseconds of each request when nothing else is under way, for 50 products.
async fn in_steps(real: &Real, steps: &Steps, products: impl Fn() -> Vec<Product>) -> Value {
    const TIMES: usize = 5;
    let mut sums: [BTreeMap<(usize, String), u64>; 2] = Default::default();
    for _ in 0..TIMES {
        for (who, sums) in sums.iter_mut().enumerate() {
            let products = products();
            steps.take();
            if who == 0 {
                for batch in products.chunks(BATCH) {
                    create(real, &real.shop.medusa, batch, true).await;
                }
            } else {
                push(real, &wanted(&products), Change::Created).await;
            }
            for (n, (call, ms)) in steps.take().into_iter().enumerate() {
                *sums.entry((n, call)).or_default() += ms;
            }
        }
    }
    let rows = |sums: &BTreeMap<(usize, String), u64>| -> Vec<Value> {
        sums.iter()
            .map(|((_, call), ms)| json!({"call": call, "ms": rounded(*ms as f64 / TIMES as f64, 10.0)}))
            .collect()
    };
    json!({"byHand": rows(&sums[0]), "firstPush": rows(&sums[1])})
}

fn rounded(figure: f64, by: f64) -> f64 {
    (figure * by).round() / by
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The median of what each round gives on its own.
fn ratio(of: &[f64], to: &[f64]) -> f64 {
    median(of.iter().zip(to).map(|(of, to)| of / to).collect())
}

fn figures(times: &Times) -> Value {
    let rate = |times: &[f64]| rounded(1.0 / median(times.to_vec()), 10.0);
    let of_hand: Vec<f64> =
        times.hand.iter().zip(&times.push).map(|(hand, push)| rounded(hand / push, 1000.0)).collect();
    json!({
        "productsPerSecond": {
            "byHandInBatchesOf25": rate(&times.hand), "byHandInBatchesOf50": rate(&times.hand_in_large_batches),
            "firstPush": rate(&times.push), "unchanged": rate(&times.again),
        },
        "firstPushToByHand": rounded(ratio(&times.hand, &times.push), 1000.0),
        "firstPushToByHandEachRound": of_hand,
        "firstPushToByHandInBatchesOf50": rounded(ratio(&times.hand_in_large_batches, &times.push), 1000.0),
        "unchangedToFirstPush": rounded(ratio(&times.push, &times.again), 10.0),
    })
}

fn report(plain: &Times, listed: &Times, one_by_one: f64, steps: &Value) {
    let (mut figures, listed) = (figures(plain), figures(listed));
    for (title, figures, rounds) in
        [("", &figures, ROUNDS), ("with price lists, all prices reduced: ", &listed, LISTED_ROUNDS)]
    {
        let rate = |name: &str| figures["productsPerSecond"][name].to_string();
        println!("{title}products/s, medians of {rounds} rounds");
        println!("  first push       {:>8}", rate("firstPush"));
        let by_hand = &figures["firstPushToByHand"];
        println!(
            "  by hand, 25      {:>8}   first push : by hand        {by_hand} (goal 0.90)",
            rate("byHandInBatchesOf25")
        );
        let large = &figures["firstPushToByHandInBatchesOf50"];
        println!("  by hand, 50      {:>8}   first push : by hand, 50    {large}", rate("byHandInBatchesOf50"));
        let faster = &figures["unchangedToFirstPush"];
        println!("  unchanged        {:>8}   unchanged : first push      {faster} (goal 50)", rate("unchanged"));
    }
    println!("one after the other, ms for {PUSHED_AT_ONCE} products: {steps:#}");
    let more = json!({
        "variantsPerProduct": 5, "connections": CONNECTIONS, "productsEachRound": PRODUCTS, "rounds": ROUNDS,
        "productsPushedAtOnce": PUSHED_AT_ONCE,
        "oneByOneWithSecretKeyPerSecond": one_by_one,
        "firstPushToOneByOne": rounded(1.0 / median(plain.push.clone()) / one_by_one, 10.0),
        "withPriceLists": listed, "msForFiftyProductsOverOneConnection": steps,
        "goals": { "firstPushToByHand": 0.9, "unchangedToFirstPush": 50 },
    });
    let faster = &more["firstPushToOneByOne"];
    println!("one by one with a secret key {one_by_one} products/s   first push : one by one {faster}");
    figures.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/reports");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("bench-medusa.json"), format!("{figures:#}\n")).unwrap();
}

fn wanted(products: &[Product]) -> Vec<Desired> {
    products.iter().map(|(key, article)| offered(key, article)).collect()
}

async fn push(real: &Real, desired: &[Desired], expected: Change) -> Duration {
    let started = Instant::now();
    let batches = desired.chunks(PUSHED_AT_ONCE).map(async |batch| {
        let orders: Vec<_> = batch.iter().map(|desired| (desired, Depth::Light)).collect();
        for outcome in real.shop.push(&orders, &NobodyWants, deadline()).await {
            assert_eq!(outcome.unwrap().change, expected);
        }
    });
    stream::iter(batches).buffer_unordered(CONNECTIONS).collect::<()>().await;
    started.elapsed()
}

/// The fewest calls that leave the same state: create published, stock, translations, price lists.
/// No look before, no safety after.
async fn by_hand(real: &Real, batch: usize, products: &[Product]) -> Duration {
    let started = Instant::now();
    let batches = products.chunks(batch).map(async |batch| create(real, &real.shop.medusa, batch, true).await);
    stream::iter(batches).buffer_unordered(CONNECTIONS).collect::<()>().await;
    started.elapsed()
}

/// One product after the other with a secret key, as the first client of everybody does.
async fn singly(real: &Real, medusa: &Medusa, products: &[Product]) -> Duration {
    let started = Instant::now();
    for product in products.chunks(1) {
        create(real, medusa, product, false).await;
    }
    started.elapsed()
}

async fn create(real: &Real, medusa: &Medusa, batch: &[Product], in_batch: bool) {
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
