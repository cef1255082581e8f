//! How much of Pimcore's own speed is left when the function does all of its work around it.
//!
//! `cargo bench -p pimcore-sync --profile light` (or `--profile dev`, which is quicker to build).
//! Against the stand-in with the latencies measured on a real Pimcore on two cores; ledger and bus
//! answer after the latencies below. Writes `target/reports/bench-pimcore.json`.
//!
//! *Alone* is the client by itself: 20 products a request over so many connections, nothing else.
//! *Function* is two invocations at a time with 40 messages each, as the template has it: claim,
//! read documents and heads, place categories, write, announce, complete. The two are compared with
//! equally many connections in all: two, where the real system was measured with these very
//! products, one for each invocation; and four, two for each, as deployed, where the real system
//! was measured with smaller ones. The bound is the function as deployed against the client over
//! two connections, the rate that the real system was measured with.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark fails where it unwraps, and prints")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::{Duration, Instant};

use catalog::Product;
use common::{Function, key, product, version};
use futures::StreamExt;
use pimcore::{Batching, Pimcore, ProductInput, ProductPath, Provenance, Write};
use runtime::{Outcome, ProductMessage};
use serde_json::{Map, Value, json};
use testing::standin::{Latency, StandIn, later};

/// A call of DynamoDB or EventBridge from within the region.
const CALL: Duration = Duration::from_millis(5);
const PRODUCTS: usize = 240;
const BATCH: usize = 40;
const AT_ONCE: usize = 2;

fn changed(id: &str, round: u64) -> Product {
    Product { brand: Some(format!("Brand {round}")), ..product(id) }
}

fn per_second(elapsed: Duration) -> f64 {
    let rate = f64::from(u32::try_from(PRODUCTS).unwrap()) / elapsed.as_secs_f64();
    (rate * 10.0).round() / 10.0
}

fn connections(count: usize) -> Batching {
    Batching { connections: count, ..Batching::default() }
}

/// The client alone: products per second.
async fn alone(pim: &StandIn, in_all: usize, round: u64, category: u32) -> f64 {
    let pimcore = pim.client().batching(connections(in_all));
    let writes: Vec<Write> = (0..PRODUCTS)
        .map(|n| {
            let product = changed(&format!("client-{in_all}-{n}"), round);
            let provenance = Provenance {
                hash: catalog::ContentHash::of(&product),
                version: version(round),
                feed_run: "bench".into(),
                imported_at: jiff::Timestamp::UNIX_EPOCH,
            };
            let key = product.key().unwrap();
            let existing = (round > 1).then(|| ProductPath::of(&key));
            Write {
                key,
                existing,
                read: None,
                publish_new: true,
                texts_stand: false,
                input: ProductInput::new(&product, &provenance, &[category]).unwrap(),
            }
        })
        .collect();
    let started = Instant::now();
    let outcomes = pimcore.write(writes, Instant::now() + Duration::from_secs(600)).await;
    let elapsed = started.elapsed();
    assert!(outcomes.values().all(|outcome| matches!(outcome, pimcore::WriteOutcome::Saved(_))));
    per_second(elapsed)
}

/// The function: products per second.
async fn through_the_function(function: &Function, clients: &[Pimcore], in_all: usize, round: u64) -> f64 {
    let messages: Vec<ProductMessage> = (0..PRODUCTS)
        .map(|n| function.memory.put(&changed(&format!("function-{in_all}-{n}"), round), &version(round)))
        .collect();
    let batches: Vec<&[ProductMessage]> = messages.chunks(BATCH).collect();
    let started = Instant::now();
    let per_client = batches.len().div_ceil(clients.len());
    let lanes = batches.chunks(per_client).zip(clients).map(async |(lane, client)| {
        for batch in lane {
            let outcomes = function.run(client, batch).await;
            assert!(outcomes.values().all(|outcome| *outcome == Outcome::Done), "{outcomes:?}");
        }
    });
    futures::future::join_all(lanes).await;
    per_second(started.elapsed())
}

/// What the same feed takes when it comes again.
async fn again(pim: &StandIn, client: &Pimcore) -> Value {
    let messages: Vec<ProductMessage> =
        (0..PRODUCTS).map(|n| common::message(&key(&format!("function-2-{n}")))).collect();
    let fresh = Function::default();
    for n in 0..PRODUCTS {
        fresh.memory.put(&changed(&format!("function-2-{n}"), 2), &version(3));
    }
    let before = pim.app.counters.now();
    for batch in messages.chunks(BATCH) {
        fresh.run(client, batch).await;
    }
    let after = pim.app.counters.now();
    json!({"requests": after.requests - before.requests, "written": after.aliases_written - before.aliases_written})
}

fn save(report: &Map<String, Value>) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/reports");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("bench-pimcore.json");
    std::fs::write(&file, serde_json::to_string_pretty(report).unwrap()).unwrap();
    println!("{}", file.display());
}

/// Categories and connections are there before anything is timed; the id of a category.
async fn warmed_up(function: &Function, clients: &[Pimcore]) -> u32 {
    let first: Vec<ProductMessage> =
        (0..AT_ONCE).map(|n| function.memory.put(&product(&format!("first-{n}")), &version(1))).collect();
    let _: Vec<_> = futures::stream::iter(clients.iter().zip(&first))
        .then(|(client, message)| function.run(client, std::slice::from_ref(message)))
        .collect()
        .await;
    let read =
        clients[0].read_products(&[key("first-0")], later()).await.unwrap().remove(&key("first-0")).unwrap().unwrap();
    read.categories[0].id
}

#[tokio::main]
async fn main() {
    let pim = StandIn::with_latency("bench", Latency::measured()).await;
    let clients: Vec<_> = (0..AT_ONCE).map(|_| pim.client()).collect();
    let function = Function::default();
    let category = warmed_up(&function, &clients).await;
    function.memory.slow_down(CALL);
    function.heard.slow_down(CALL);

    let mut report = Map::new();
    let mut worst = f64::INFINITY;
    let mut over_two = std::collections::HashMap::new();
    for in_all in [2, 4] {
        let each = connections(in_all / AT_ONCE);
        let clients: Vec<_> = clients.iter().map(|client| client.clone().batching(each)).collect();
        let mut rates = Map::new();
        for (name, round) in [("create", 1), ("update", 2)] {
            let alone = alone(&pim, in_all, round, category).await;
            let before = pim.app.counters.now();
            let whole = through_the_function(&function, &clients, in_all, round).await;
            let requests = pim.app.counters.now().requests - before.requests;
            let share = whole / alone;
            // As deployed, against the rate that was measured on the real system: the client's over
            // two connections.
            let measured = *over_two.entry(name).or_insert(alone);
            if in_all == 4 {
                worst = worst.min(whole / measured);
            }
            println!(
                "{name}, {in_all} connections: client alone {alone}/s, function {whole}/s ({:.0} %), {requests} requests for {PRODUCTS} products",
                share * 100.0
            );
            // Ten products a request, and a look at what is there.
            assert!(requests <= (PRODUCTS / 10) as u64, "{requests} requests for {PRODUCTS} products");
            rates.insert(
                name.into(),
                json!({"alonePerSecond": alone, "functionPerSecond": whole, "share": (share * 1000.0).round() / 1000.0, "requests": requests}),
            );
        }
        report.insert(format!("connections{in_all}"), rates.into());
    }
    report.insert("unchanged".into(), again(&pim, &clients[0]).await);
    report.insert("products".into(), PRODUCTS.into());
    report.insert("invocations".into(), AT_ONCE.into());
    report.insert("messagesInABatch".into(), BATCH.into());
    report.insert("against".into(), "stand-in with the latencies measured on Pimcore 11.4, two cores".into());
    report.insert("ledgerCallMs".into(), u64::try_from(CALL.as_millis()).unwrap().into());
    save(&report);
    assert!(
        worst >= 0.9,
        "as deployed, the function reaches {:.0} % of the client's rate over two connections, it should reach 90 %",
        worst * 100.0
    );
}
