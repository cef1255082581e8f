//! How fast prices and pieces of products that are for sale reach a real shop:
//!
//! - `push`: as the function does it;
//! - `alone`: the calls that it made when each product had one of its own, by hand;
//! - `same`: the calls that it makes now, by hand;
//! - `bare`: the one call that writes, by a client that knows every row and looks at nothing.
//!
//! `make bench-medusa` runs it; the figures go to `target/reports/bench-offers.json`. Rounds
//! alternate in every order; ratios are medians over rounds.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints its result or stops")]

#[path = "../../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::time::Instant;

use medusa::api::model::{DEEP_FIELDS, TRANSLATION_FIELDS};
use medusa::{Article, Change, Depth, Desired, Known};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use support::books::{Supplier, now_ms};
use support::{Real, deadline, offered, shirt};
use testing::steps::Steps;

const ROUNDS: usize = 5;
/// As the stack configures the function's queue (template.yaml).
const PRODUCTS: usize = 50;
const SIZES: [&str; 5] = ["S", "M", "L", "XL", "XXL"];

/// One kind of change, and who brings it.
struct Kind {
    what: &'static str,
    change: fn(&mut Article),
    ways: &'static [&'static str],
}

/// Levels of many products have always shared calls.
const KINDS: [Kind; 2] = [
    Kind { what: "price", change: dearer, ways: &["alone", "push", "same", "bare"] },
    Kind { what: "stock", change: more, ways: &["push", "same", "bare"] },
];

/// What a client by hand has to know of a variant.
struct Row {
    product: String,
    variant: String,
    item: String,
    /// Ids of its prices by currency.
    prices: BTreeMap<String, String>,
}

struct Bench<'a> {
    real: &'a Real,
    keys: Vec<catalog::ProductKey>,
    articles: Vec<Article>,
    ids: Vec<String>,
    rows: Vec<Row>,
}

#[tokio::main]
async fn main() {
    let Some(real) = Real::connect().await else { return };
    let steps = Steps::listen();
    let mut bench = Bench::new(&real).await;
    let mut report = serde_json::Map::new();
    for Kind { what, change, ways } in KINDS {
        let mut times: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        let mut calls = BTreeMap::new();
        for round in 0..=ROUNDS {
            for turn in 0..ways.len() {
                let way = ways[(round + turn) % ways.len()];
                bench.articles.iter_mut().for_each(change);
                steps.take();
                let started = Instant::now();
                bench.bring(way, what).await;
                let took = started.elapsed().as_secs_f64() * 1000.0 / PRODUCTS as f64;
                calls.insert(way, summed(steps.take()));
                // What is written by hand has not been noted: it is adopted with the next push.
                bench.settle().await;
                // The first requests of each kind are slow.
                if round > 0 {
                    times.entry(way).or_default().push(took);
                }
            }
        }
        report.insert(what.to_owned(), told(what, &times, &calls));
    }
    let goals = json!({"alone : push": 8, "same : push": 0.9});
    println!("goals {goals}");
    let report = json!({"products": PRODUCTS, "variantsPerProduct": SIZES.len(), "rounds": ROUNDS, "ms": report, "goals": goals});
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/reports");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("bench-offers.json"), format!("{report:#}\n")).unwrap();
}

fn dearer(article: &mut Article) {
    for variant in &mut article.variants {
        *variant.prices.get_mut("sar").unwrap() += Decimal::ONE;
    }
}

fn more(article: &mut Article) {
    for variant in &mut article.variants {
        variant.stock += 1;
    }
}

/// Milliseconds and number of the calls of one kind, without ids.
fn summed(steps: Vec<(String, u64)>) -> BTreeMap<String, (usize, u64)> {
    let mut sums = BTreeMap::new();
    for (call, ms) in steps {
        let plain: Vec<&str> = call.split('/').map(|part| if part.starts_with("prod_") { "…" } else { part }).collect();
        let sum: &mut (usize, u64) = sums.entry(plain.join("/")).or_default();
        *sum = (sum.0 + 1, sum.1 + ms);
    }
    sums
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn rounded(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}

/// Prints and reports one kind of change.
fn told(what: &str, times: &BTreeMap<&str, Vec<f64>>, calls: &BTreeMap<&str, BTreeMap<String, (usize, u64)>>) -> Value {
    let ratio = |of: &str| {
        let each: Vec<f64> = times[of].iter().zip(&times["push"]).map(|(of, push)| of / push).collect();
        rounded(median(&each))
    };
    println!("{what}: ms a product, median of {ROUNDS} rounds of {PRODUCTS} products; calls of the last round");
    let mut report = serde_json::Map::new();
    for (way, times) in times {
        let ms = rounded(median(times));
        println!("  {way:<6} {ms:>7}   {way} : push {:>6}   {:?}", ratio(way), calls[way]);
        report.insert((*way).to_owned(), json!({"ms": ms, "toPush": ratio(way)}));
    }
    report.into()
}

impl<'a> Bench<'a> {
    async fn new(real: &'a Real) -> Self {
        let keys: Vec<_> = (0..PRODUCTS).map(|_| real.new_key()).collect();
        let articles: Vec<Article> = keys.iter().map(|key| shirt(key, &SIZES)).collect();
        let mut bench = Self { real, keys, articles, ids: vec![], rows: vec![] };
        bench.settle().await;
        bench.articles.iter_mut().for_each(dearer);
        bench.settle().await;
        bench.rows = bench.read().await;
        bench
    }

    fn desired(&self) -> Vec<Desired> {
        self.keys.iter().zip(&self.articles).map(|(key, article)| offered(key, article)).collect()
    }

    /// Pushes as the function does, which knows from the ledger that these products differ.
    async fn push(&mut self, differs: bool) -> Vec<Change> {
        let desired = self.desired();
        let orders: Vec<_> = desired.iter().map(|desired| (desired, Depth::Light)).collect();
        let known: Vec<Known> =
            (0..PRODUCTS).map(|n| Known { id: self.ids.get(n).cloned(), differs, ..Known::default() }).collect();
        // Documents that are written after everything that customers have done.
        let supplier = Supplier::at(now_ms() + 120_000);
        let outcomes = self.real.shop.push_known(&orders, &known, &supplier, deadline()).await;
        let pushed: Vec<_> = outcomes.into_iter().map(|outcome| outcome.unwrap()).collect();
        self.ids = pushed.iter().map(|pushed| pushed.product_id.clone().unwrap()).collect();
        pushed.into_iter().map(|pushed| pushed.change).collect()
    }

    async fn settle(&mut self) {
        self.push(false).await;
    }

    async fn bring(&mut self, way: &str, what: &str) {
        if way == "push" {
            assert!(self.push(true).await.iter().all(|change| *change == Change::Updated));
            return;
        }
        let looks = way != "bare";
        if looks {
            self.read().await;
        }
        if looks && (what, way) != ("price", "same") {
            self.mark("").await;
        }
        match (what, way) {
            ("price", "alone") => {
                for product in self.rows.chunks(SIZES.len()) {
                    self.price(product).await;
                }
            }
            ("price", _) => self.price(&self.rows).await,
            _ => {
                if looks {
                    self.levels().await;
                }
                self.stock().await;
                if looks {
                    self.levels().await;
                }
            }
        }
        if looks {
            self.mark("done").await;
        }
    }

    /// Everything that a push reads of a product.
    async fn read(&self) -> Vec<Row> {
        let fields = format!("{DEEP_FIELDS}{TRANSLATION_FIELDS}");
        let mut query: Vec<(&str, &str)> = self.ids.iter().map(|id| ("id[]", id.as_str())).collect();
        query.extend([("fields", fields.as_str()), ("limit", "100")]);
        let reply = self.real.admin_get("/admin/products", &query).await;
        let mut rows = Vec::new();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        for id in &self.ids {
            let products = reply["products"].as_array().unwrap();
            let product = products.iter().find(|product| product["id"] == id.as_str()).unwrap();
            let mut own: Vec<(u64, Row)> = Vec::new();
            for variant in product["variants"].as_array().unwrap() {
                let prices = variant["prices"].as_array().unwrap().iter();
                let prices = prices.map(|price| (text(&price["currency_code"]), text(&price["id"]))).collect();
                let item = text(&variant["inventory_items"][0]["inventory_item_id"]);
                let row = Row { product: id.clone(), variant: text(&variant["id"]), item, prices };
                own.push((variant["variant_rank"].as_u64().unwrap(), row));
            }
            own.sort_by_key(|(rank, _)| *rank);
            rows.extend(own.into_iter().map(|(_, row)| row));
        }
        rows
    }

    async fn mark(&self, state: &str) {
        let update: Vec<Value> =
            self.ids.iter().map(|id| json!({"id": id, "metadata": {"relay_state": state}})).collect();
        let fields = [("fields", "id")];
        let _: Value = self
            .real
            .shop
            .medusa
            .post("/admin/products/batch", &fields, &json!({ "update": update }), deadline())
            .await
            .unwrap();
    }

    fn wanted(&self) -> impl Iterator<Item = &medusa::Variant> {
        self.articles.iter().flat_map(|article| &article.variants)
    }

    /// The whole price sets of these variants, in one call.
    async fn price(&self, rows: &[Row]) {
        let wanted: BTreeMap<&str, &medusa::Variant> =
            self.rows.iter().zip(self.wanted()).map(|(row, variant)| (row.variant.as_str(), variant)).collect();
        let row = |row: &Row| {
            let prices = wanted[row.variant.as_str()].prices.iter();
            let price = |(currency, amount): (&String, &Decimal)| json!({"id": row.prices[currency], "currency_code": currency, "amount": medusa::Amount(*amount)});
            json!({"id": row.variant, "prices": prices.map(price).collect::<Vec<_>>()})
        };
        let update: Vec<Value> = rows.iter().map(row).collect();
        let path = format!("/admin/products/{}/variants/batch", rows[0].product);
        let fields = [("fields", "id")];
        let _: Value =
            self.real.shop.medusa.post(&path, &fields, &json!({ "update": update }), deadline()).await.unwrap();
    }

    async fn levels(&self) {
        let fields = "id,location_levels.location_id,location_levels.stocked_quantity,location_levels.reserved_quantity,\
                      location_levels.updated_at,\
                      reservation_items.id,reservation_items.location_id,reservation_items.line_item_id,reservation_items.quantity";
        for rows in self.rows.chunks(100) {
            let mut query: Vec<(&str, &str)> = rows.iter().map(|row| ("id[]", row.item.as_str())).collect();
            query.extend([("fields", fields), ("limit", "100")]);
            self.real.admin_get("/admin/inventory-items", &query).await;
        }
    }

    async fn stock(&self) {
        let place = &self.real.shop.references.stock_location_id;
        let row = |(row, variant): (&Row, &medusa::Variant)| json!({"inventory_item_id": row.item, "location_id": place, "stocked_quantity": variant.stock});
        let update: Vec<Value> = self.rows.iter().zip(self.wanted()).map(row).collect();
        self.real.admin_post("/admin/inventory-items/location-levels/batch", &json!({ "update": update })).await;
    }
}
