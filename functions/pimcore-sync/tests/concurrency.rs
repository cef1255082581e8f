//! A thousand products through four functions at once: duplicates, newer documents on the way, a PIM that goes away in between, and people
//! who edit meanwhile.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod common;

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Duration;

use catalog::Product;
use common::standin::{StandIn, later};
use common::{Function, category, key, path, product, version};
use runtime::{Outcome, ProductMessage};
use serde_json::json;

const PRODUCTS: usize = 1000;
const FUNCTIONS: usize = 4;

fn numbered(n: usize) -> Product {
    let mut product = product(&n.to_string());
    product.attributes.clear();
    product.variants.truncate(2);
    product.categories[0].0 =
        vec![category("root"), category(&format!("mid{}", n % 5)), category(&format!("leaf{}", n % 20))];
    product
}

#[tokio::test]
async fn every_product_ends_once_with_the_newest_data_and_every_edit_survives() {
    let pim = StandIn::start("concurrency").await;
    let function = Function::default();
    let queue: Mutex<VecDeque<ProductMessage>> = Mutex::default();
    for n in 0..PRODUCTS {
        let message = function.memory.put(&numbered(n), &version(1));
        // Each twice, the second far from the first.
        queue.lock().unwrap().push_back(message.clone());
        queue.lock().unwrap().push_front(message);
    }
    let worker = async || {
        // Each function has connections and a category tree of its own.
        let pimcore = pim.client();
        let mut failures = 0;
        loop {
            let batch: Vec<ProductMessage> = {
                let mut queue = queue.lock().unwrap();
                let size = queue.len().min(20);
                queue.drain(..size).collect()
            };
            if batch.is_empty() {
                return failures;
            }
            // Messages of one product within a batch are one piece of work.
            let mut unique: HashMap<_, _> = HashMap::new();
            for message in batch {
                unique.insert(message.key.clone(), message);
            }
            let messages: Vec<ProductMessage> = unique.into_values().collect();
            let outcomes = function.run(&pimcore, &messages).await;
            let mut back = false;
            for message in messages {
                if let Outcome::Failed(failure) = &outcomes[&message.key] {
                    assert_eq!(failure.kind, catalog::ErrorKind::Transient, "{failure}");
                    failures += 1;
                    back = true;
                    queue.lock().unwrap().push_back(message);
                }
            }
            if back {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    };
    let meanwhile = async {
        let waits = async |products: u64| {
            while pim.app.counters.now().created < products {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        waits(200).await;
        // The PIM goes away for a while; some of its last requests were carried out all the same.
        pim.fault(json!({"kind": "bad-gateway", "executed": true, "times": 4, "match": "mutation"}));
        pim.fault(json!({"kind": "bad-gateway", "times": 8}));
        pim.fault(json!({"kind": "truncated", "times": 2, "match": "mutation"}));
        waits(400).await;
        // A newer feed, while products of the first one are still on their way.
        for n in (0..PRODUCTS).filter(|n| n % 3 == 0) {
            let newer = Product { brand: Some("Newer".into()), ..numbered(n) };
            let message = function.memory.put(&newer, &version(2));
            queue.lock().unwrap().push_back(message);
        }
        let mut edited = Vec::new();
        for n in (0..PRODUCTS).step_by(10) {
            if pim.view(&path(&n.to_string())).is_some() {
                pim.edit(
                    &path(&n.to_string()),
                    json!({"marketingName": {"en": format!("Edited {n}")}, "keepWhenWithdrawn": true}),
                );
                edited.push(n);
            }
            tokio::task::yield_now().await;
        }
        edited
    };
    let (failures, edited) = futures::join!(futures::future::join_all((0..FUNCTIONS).map(|_| worker())), meanwhile);
    assert!(failures.iter().sum::<usize>() > 0, "the faults were not felt");
    assert!(edited.len() > 20, "too few edits fell in between: {}", edited.len());

    // Whatever came late has landed; what is in doubt is looked at again, and found as it should be.
    let written = pim.app.counters.now().aliases_written;
    function.clock.0.store(300_000, Ordering::Relaxed);
    let pimcore = pim.client();
    let all: Vec<ProductMessage> = (0..PRODUCTS).map(|n| common::message(&key(&n.to_string()))).collect();
    for messages in all.chunks(20) {
        let outcomes = function.run(&pimcore, messages).await;
        assert!(outcomes.values().all(|outcome| *outcome == Outcome::Done), "{outcomes:?}");
    }
    let counts = pim.app.counters.now();
    assert_eq!(counts.aliases_written, written, "nothing was left to write");
    let categories = 1 + 5 + 20;
    assert_eq!(counts.created, (PRODUCTS + categories) as u64, "each exists once");
    assert!(counts.updated <= (PRODUCTS as u64).div_ceil(3), "one write for each change: {}", counts.updated);

    let keys: Vec<_> = all.iter().map(|message| message.key.clone()).collect();
    let read = pimcore.read_products(&keys, later()).await.unwrap();
    assert_eq!(read.len(), PRODUCTS);
    for n in 0..PRODUCTS {
        let product = read[&key(&n.to_string())].as_ref().unwrap();
        let state = function.memory.state(&product.key);
        assert_eq!(product.content_hash, state.hash, "{}", product.key);
        assert_eq!(state.pimcore.owner, None);
        assert_eq!(product.brand.as_deref(), Some(if n % 3 == 0 { "Newer" } else { "Acme" }), "{}", product.key);
        let category = product.categories[0].external_id.clone();
        assert_eq!(category, Some(format!("demo:leaf{}", n % 20)), "{}", product.key);
    }
    for n in edited {
        let product = read[&key(&n.to_string())].as_ref().unwrap();
        assert_eq!(product.title("en"), Some(format!("Edited {n}").as_str()));
        assert!(product.keep_when_withdrawn);
    }
}
