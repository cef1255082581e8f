//! A PIM that the version before has filled is taken over: its class is brought up to date where it
//! stands, the same content again costs no write, and new facts arrive with the next change.
//!
//! `before/pim.sql` is what that version left after the sample feed; it was written by it.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;

use catalog::{ContentHash, Facts, Product, ProductKey};
use common::{Function, message, version};
use ledger::DesiredDoc;
use runtime::{Announcement, Clock as _, Outcome, SystemClock};
use testing::standin::{StandIn, later};

const BEFORE: &str = include_str!("before/pim.sql");
/// The content hash that it wrote.
const HASH: &str = "4625e7c7ef4f08b455099134da327bb6";

fn key() -> ProductKey {
    "shein-api:70010003".parse().unwrap()
}

/// The same product as the ledger has it, with a hash.
fn doc(product: Product, hash: ContentHash, n: u64) -> DesiredDoc {
    DesiredDoc { product, version: version(n), hash, run: "run-1".into(), provenance: "test".into() }
}

#[tokio::test]
async fn the_same_content_costs_no_write_and_new_facts_come_with_the_next_change() {
    assert!(BEFORE.contains(HASH) && !BEFORE.contains("\"facts\""));
    let pim = StandIn::filled("before", BEFORE).await;
    assert!(pim.shape().contains(&"CatalogProduct.facts".to_owned()), "the class was brought up to date");
    let (pimcore, function) = (pim.client(), Function::default());
    let there = pimcore.read_products(&[key()], later()).await.unwrap().remove(&key()).unwrap().unwrap();
    assert_eq!((&there.facts, there.variants.len(), there.prices.len()), (&Facts::default(), 1, 2));
    assert_eq!(there.name.get("en"), Some("Light Silk Scarf with Geometric Print"));

    let mut product = common::product("70010003");
    product.source = "shein-api".into();
    let same = doc(product.clone(), ContentHash::from_text(HASH), 0);
    let ledger: &ledger::Ledger<ledger::Memory> = &function.memory;
    ledger.put_desired(&key(), &same, SystemClock.now_ms()).await.unwrap();
    let before = pim.app.counters.now();
    assert_eq!(function.run(&pimcore, &[message(&key())]).await[&key()], Outcome::Done);
    assert_eq!(pim.app.counters.now().aliases_written, before.aliases_written);
    assert_eq!(function.heard.take(), [Announcement::product_synced(&message(&key()))]);

    let shape = pim.shape();
    assert_eq!(pim.again().await.shape(), shape, "opened again, nothing is left to change");

    product.facts =
        Facts { gtin: "4006381333931".parse().ok(), weight: "2.5 kg".parse().ok(), ..Facts::default() }.boxed();
    let next = doc(product.clone(), ContentHash::of(&product), 1);
    ledger.put_desired(&key(), &next, SystemClock.now_ms()).await.unwrap();
    assert_eq!(function.run(&pimcore, &[message(&key())]).await[&key()], Outcome::Done);
    let there = pimcore.read_products(&[key()], later()).await.unwrap().remove(&key()).unwrap().unwrap();
    assert_eq!(Some(there.facts), product.facts.map(|facts| *facts));
}
