//! What it costs to show the products of a group as one, next to the same products by themselves.
//!
//! `make bench-medusa` runs it (or `cargo bench -p medusa-push --profile dev`, which is quicker to
//! build), against a real Medusa, a PIM in this process and a ledger in memory; the figures go to
//! `target/reports/bench-articles.json`. Two invocations at a time have 50 messages each, as the
//! template has it.
//!
//! - *First load*: products of five sizes in groups of five colours: side by side, far apart, and so
//!   far that no batch has two of a group; by themselves, and grouped. Rounds alternate.
//! - *Unchanged*: the same once more, the best of three, with what was asked of Medusa, ledger and PIM.
//! - *Large*: an article of so many variants by itself: made, looked at, with another price, with
//!   another colour.
//!
//! `-- groups` leaves the last part out.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark fails where it unwraps, and prints")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use catalog::{Attribute, Localized, Price, Product, ProductKey, ProductOption, Variant};
use common::support::{NobodyWants, Real, offered, shirt, variant};
use common::{Function, dress, in_pim, open};
use futures::{StreamExt, stream};
use medusa::articles::{Articles, Kind};
use medusa::{Article, Change, Depth};
use pimcore::Pimcore;
use runtime::Outcome;
use serde_json::{Value, json};
use testing::standin::StandIn;
use testing::steps::Steps;
use worker::access::medusa::OpenShop;

const ROUNDS: usize = 3;
const COLOURS: [&str; 5] = ["Black", "White", "Red", "Olive", "Sand"];
const SIZES: [&str; 5] = ["S", "M", "L", "XL", "XXL"];
/// So many groups, and whether of one no two colours are in a row.
type Order = (usize, bool);
const ORDERS: [(&str, Order); 3] =
    [("inFeedOrder", (20, false)), ("shuffled", (20, true)), ("oneOfAGroupABatch", (BATCH, true))];
const BATCH: usize = 50;
const AT_ONCE: usize = 2;
const LARGE: [usize; 6] = [25, 50, 100, 250, 500, 1000];
const TIMES: usize = 3;

struct Lab {
    pim: StandIn,
    pimcore: Pimcore,
    steps: Steps,
}

#[tokio::main]
async fn main() {
    let Some(real) = Real::connect().await else { return };
    let pim = StandIn::start("bench-articles").await;
    let lab = Lab { pimcore: pim.client(), pim, steps: Steps::listen() };
    let mut report = json!({"rounds": ROUNDS, "variantsPerProduct": SIZES.len()});
    if !std::env::args().any(|arg| arg == "groups") {
        let large = lab.large(&real).await;
        println!("{large:#}");
        report["large"] = large;
    }
    for (name, order) in ORDERS {
        let figures = lab.compare(&real, order).await;
        println!("{name}: {figures:#}");
        report[name] = figures;
    }
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/reports");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("bench-articles.json"), format!("{report:#}\n")).unwrap();
    drop(lab.pim);
}

/// What a pass over the products took.
#[derive(Default)]
struct Pass {
    seconds: f64,
    requests: usize,
    ledger: BTreeMap<&'static str, usize>,
    /// Batches until nobody had to come again.
    batches: usize,
}

impl Lab {
    async fn compare(&self, real: &Real, order: Order) -> Value {
        let kinds = [Kind::Separate, Kind::Grouped];
        let mut first: [Vec<f64>; 2] = Default::default();
        let mut again: [Vec<f64>; 2] = Default::default();
        let mut costs = [json!({}), json!({})];
        // The first requests after a start are slow.
        self.round(real, Kind::Grouped, order).await;
        for round in 0..ROUNDS {
            for turn in 0..2 {
                let which = (round + turn) % 2;
                let [made, unchanged, few] = self.round(real, kinds[which], order).await;
                first[which].push(made.seconds);
                again[which].push(unchanged.seconds);
                costs[which] =
                    json!({"first": told(&made), "unchanged": told(&unchanged), "oneOfEachGroup": told(&few)});
            }
        }
        let variants = (order.0 * COLOURS.len() * SIZES.len()) as f64;
        let rate = |times: &[f64]| rounded(variants / median(times.to_vec()), 10.0);
        json!({
            "firstVariantsPerSecond": {"separate": rate(&first[0]), "grouped": rate(&first[1])},
            "firstGroupedToSeparate": rounded(ratio(&first[0], &first[1]), 100.0),
            "unchangedVariantsPerSecond": {"separate": rate(&again[0]), "grouped": rate(&again[1])},
            "unchangedGroupedToSeparate": rounded(ratio(&again[0], &again[1]), 100.0),
            "separate": costs[0], "grouped": costs[1],
        })
    }

    /// First load, once more unchanged, and once more one product of each group.
    async fn round(&self, real: &Real, kind: Kind, (groups, shuffled): Order) -> [Pass; 3] {
        let mut shop = Arc::into_inner(open(real)).unwrap();
        shop.shop.references.articles = Articles::all(kind);
        let shop = Arc::new(shop);
        let products = products(real, groups);
        in_pim(&self.pimcore, &products, 0).await;
        let mut keys: Vec<ProductKey> = products.iter().map(|product| product.key().unwrap()).collect();
        let few: Vec<ProductKey> = keys.iter().step_by(COLOURS.len()).cloned().collect();
        if shuffled {
            // Of a group no two in a row.
            keys = (0..COLOURS.len()).flat_map(|n| keys.iter().skip(n).step_by(COLOURS.len()).cloned()).collect();
        }
        let function = Function::default();
        let first = self.pass(&function, &shop, &keys).await;
        let mut again = Pass { seconds: f64::MAX, ..Pass::default() };
        for _ in 0..TIMES {
            let pass = self.pass(&function, &shop, &keys).await;
            if pass.seconds < again.seconds {
                again = pass;
            }
        }
        let few = self.pass(&function, &shop, &few).await;
        [first, again, few]
    }

    async fn pass(&self, function: &Function, shop: &Arc<OpenShop>, keys: &[ProductKey]) -> Pass {
        drop(function.memory.table().take_calls());
        self.steps.take();
        let (started, mut pass, mut left) = (Instant::now(), Pass::default(), keys.to_vec());
        while !left.is_empty() {
            let batches: Vec<Vec<ProductKey>> = left.chunks(BATCH).map(<[_]>::to_vec).collect();
            pass.batches += batches.len();
            let runs = batches.iter().map(|batch| function.run(&self.pimcore, shop, batch));
            let outcomes: Vec<_> = stream::iter(runs).buffer_unordered(AT_ONCE).collect().await;
            left = outcomes.into_iter().flatten().filter_map(|(key, outcome)| comes_again(key, &outcome)).collect();
        }
        pass.seconds = started.elapsed().as_secs_f64();
        pass.requests = self.steps.take().len();
        for call in function.memory.table().take_calls() {
            let (what, count) = match call {
                ledger::Call::Read(keys) => ("read", keys.len()),
                ledger::Call::Write(..) => ("written", 1),
                ledger::Call::Query(_) => ("queries", 1),
                ledger::Call::Body(_) => ("bodies", 1),
            };
            *pass.ledger.entry(what).or_default() += count;
        }
        pass
    }

    /// Milliseconds of a push of one article, and of its longest request.
    async fn large(&self, real: &Real) -> Value {
        let mut rows = Vec::new();
        for count in LARGE {
            let mut times: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
            for _ in 0..TIMES {
                let key = real.new_key();
                let mut article = of_variants(&key, count);
                let last = article.variants.split_off(count - 10);
                let mut take = async |what, article: &Article, depth, change| {
                    let taken = self.push(real, &key, article, depth, change).await;
                    times.entry(what).or_default().push(taken);
                };
                take("made", &article, Depth::Light, Change::Created).await;
                take("looked at", &article, Depth::Light, Change::Unchanged).await;
                take("compared in full", &article, Depth::Full, Change::Unchanged).await;
                article.variants[0].prices.insert("sar".into(), 99.into());
                take("another price", &article, Depth::Light, Change::Updated).await;
                article.variants.extend(last);
                take("another colour", &article, Depth::Light, Change::Updated).await;
            }
            let figure = |of: &dyn Fn(&(f64, f64)) -> f64, times: &[(f64, f64)]| median(times.iter().map(of).collect());
            let row: BTreeMap<&str, Value> = times
                .iter()
                .map(|(what, times)| {
                    let all = figure(&|(all, _)| *all, times).round();
                    (*what, json!({"ms": all, "longestRequestMs": figure(&|(_, longest)| *longest, times)}))
                })
                .collect();
            println!("{count}: {}", json!(row));
            rows.push(json!({"variants": count, "takes": row}));
        }
        json!(rows)
    }

    async fn push(&self, real: &Real, key: &ProductKey, article: &Article, depth: Depth, change: Change) -> (f64, f64) {
        let desired = offered(key, article);
        self.steps.take();
        let (started, deadline) = (Instant::now(), Instant::now() + Duration::from_secs(300));
        let outcomes = real.shop.push(&[(&desired, depth)], &NobodyWants, deadline).await;
        let elapsed = started.elapsed();
        let outcome = outcomes.into_iter().next().unwrap();
        match outcome {
            Ok(pushed) => assert_eq!(pushed.change, change),
            Err(failure) => println!("{} variants: {failure}", article.variants.len()),
        }
        let longest = self.steps.take().into_iter().map(|(_, ms)| ms).max().unwrap_or(0);
        (elapsed.as_secs_f64() * 1000.0, longest as f64)
    }
}

/// Who waits for others of its article, or found it taken, comes again: here at once.
fn comes_again(key: ProductKey, outcome: &Outcome) -> Option<ProductKey> {
    match outcome {
        Outcome::Done => None,
        Outcome::Again(_) => Some(key),
        Outcome::Failed(failure) if failure.code == worker::codes::LEASED => Some(key),
        outcome => panic!("{key}: {outcome:?}"),
    }
}

fn told(pass: &Pass) -> Value {
    json!({"requestsToMedusa": pass.requests, "ledger": pass.ledger, "batches": pass.batches})
}

fn products(real: &Real, groups: usize) -> Vec<Product> {
    let text = |text: &str| Localized::default().with("en", text);
    let mut products = Vec::new();
    for _ in 0..groups {
        let group = format!("G-{}", real.new_key().id());
        for colour in COLOURS {
            let key = real.new_key();
            let price = |currency: &str| Price { currency: currency.into(), amount: 20.into(), list_amount: None };
            let variant = |size: &str| Variant {
                sku: format!("{}-{size}", key.id()),
                title: size.into(),
                options: vec![size.into()],
                prices: ["SAR", "USD"].map(price).into(),
                stock: 7,
                images: vec![],
                facts: None,
            };
            products.push(Product {
                group: Some(group.clone()),
                name: text(&format!("Maxi dress, {colour}")).with("ar", "فستان"),
                categories: vec![],
                attributes: vec![Attribute { code: "color".into(), name: text("Color"), values: vec![text(colour)] }],
                options: vec![ProductOption { name: text("Size") }],
                variants: SIZES.map(variant).into(),
                ..dress(&key)
            });
        }
    }
    products
}

/// Colours of ten sizes.
fn of_variants(key: &ProductKey, count: usize) -> Article {
    let mut article = shirt(key, &["S"]);
    let choices = (0..count).map(|n| [format!("Colour {}", n / 10), format!("Size {}", n % 10)]);
    article.variants = choices.map(|[colour, size]| variant(key, &[&colour, &size])).collect();
    article
}

fn rounded(figure: f64, by: f64) -> f64 {
    (figure * by).round() / by
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The median of what each round gives by itself.
fn ratio(of: &[f64], to: &[f64]) -> f64 {
    median(of.iter().zip(to).map(|(of, to)| of / to).collect())
}
