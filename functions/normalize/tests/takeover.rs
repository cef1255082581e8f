//! A ledger that the version before has filled is taken over: the same feeds again cost no write,
//! and what is new in them arrives with the next change, or by a replay.
//!
//! `before/` holds what commit cfb4883 wrote: the items of its table, and two of the bodies in
//! them; the hashes were taken from it.
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::common;
use crate::records;

use std::collections::BTreeMap;

use catalog::{ContentHash, Product};
use common::World;
use ledger::core::{Change, Condition, Item, ItemKey, Write};
use runtime::Outcome;
use serde_json::Value;

/// As written by the version that knew no facts.
const BEFORE: [(&str, &str); 2] = [
    (include_str!("before/shein-api-7.json"), "49c83712574fefb1e14c93827a514ac6"),
    (include_str!("before/canonical-7.json"), "ebb37ccd8e626385dbae6349b7ab0e8c"),
];

/// Its items, attribute by attribute.
const ITEMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/before/ledger.json");

fn rows() -> Vec<Value> {
    serde_json::from_slice(&std::fs::read(ITEMS).unwrap()).unwrap()
}

fn key(row: &Value) -> ItemKey {
    let text = |name: &str| row[name].as_str().unwrap().to_owned();
    ItemKey { pk: text("pk"), sk: text("sk") }
}

/// A ledger as that version left it.
async fn filled() -> World {
    let world = World::new();
    for row in rows() {
        let attributes = row["attributes"].as_object().unwrap().iter();
        let changes = attributes.map(|(name, value)| Change::Set(String::leak(name.clone()), attribute(value)));
        let write = Write { key: key(&row), condition: Condition::Always, changes: changes.collect() };
        world.ledger.table().memory().put(&write).unwrap();
    }
    for (body, hash) in BEFORE {
        let product: Product = serde_json::from_str(body).unwrap();
        assert_eq!(ContentHash::of(&product).as_str(), hash, "what is read from the ledger hashes as it did");
        assert_eq!(serde_json::to_string(&product).unwrap(), body.trim_end(), "and is written as it was");
        let kept = world.doc(&product.key().unwrap().to_string()).unwrap();
        assert_eq!((kept.product, kept.hash.as_str()), (product, hash));
    }
    world
}

fn attribute(value: &Value) -> ledger::core::Value {
    match value {
        Value::String(text) => text.as_str().into(),
        Value::Number(number) => number.as_i64().unwrap().into(),
        bytes => {
            let hex = bytes["hex"].as_str().unwrap().as_bytes().chunks(2);
            let byte = |two: &[u8]| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap();
            hex.map(byte).collect::<Vec<u8>>().into()
        }
    }
}

/// Feeds of as many products as make repetitions go without a note, too.
fn feed(record: impl Fn(&str) -> Value) -> Value {
    ["7", "8", "9", "10"].map(record).into()
}

/// What every product's items hold.
fn items(world: &World) -> BTreeMap<ItemKey, Item> {
    rows().iter().map(key).map(|key| (key.clone(), world.ledger.table().memory_item(&key))).collect()
}

fn upload(world: &World, source: &str, records: &Value) -> String {
    world.upload(&format!("incoming/{source}/same.json"), records.to_string())
}

/// Products that changed, and that did not.
async fn read(world: &World, message: &str) -> (u64, u64) {
    assert_eq!(world.read(message).await, Outcome::Done);
    let counts = world.run(message).counts;
    assert_eq!((counts.rejected, counts.read), (0, counts.changed + counts.unchanged));
    (counts.changed, counts.unchanged)
}

#[tokio::test]
async fn the_same_feeds_again_cost_no_write_and_tell_nobody() {
    let world = filled().await;
    let before = items(&world);
    assert_eq!(before.len(), 16, "document and state of eight products");
    for (source, records) in [("shein-api", feed(records::document)), ("canonical", feed(records::canonical))] {
        assert_eq!(read(&world, &upload(&world, source, &records)).await, (0, 4), "{source}");
    }
    assert_eq!((world.take_writes(), world.take_announced().0.len()), (0, 0));
    assert_eq!(items(&world), before);
    let kept = world.doc("shein-api:7").unwrap();
    assert_eq!((kept.product.facts, kept.hash.as_str()), (None, BEFORE[0].1));
}

#[tokio::test]
async fn new_facts_arrive_with_the_next_change_and_then_stay() {
    let world = filled().await;
    let mut records = feed(records::document);
    records[0]["info"]["productInfo"]["goods_name"] = "فستان أزرق".into();
    assert_eq!(read(&world, &upload(&world, "shein-api", &records)).await, (1, 3));
    let facts = world.doc("shein-api:7").unwrap().product.facts.unwrap();
    assert_eq!(facts.material.get("en"), Some("Cotton, Linen"));
    assert_eq!(world.doc("shein-api:8").unwrap().product.facts, None);
    assert_eq!(read(&world, &upload(&world, "shein-api", &records)).await, (0, 4), "repeated, it says nothing new");
}

#[tokio::test]
async fn new_facts_arrive_by_a_replay_and_then_stay() {
    let world = filled().await;
    let records = feed(records::document);
    let message = upload(&world, "shein-api", &records);
    world.replayed(&message);
    assert_eq!(read(&world, &message).await, (4, 0));
    let announced = world.take_announced().0;
    assert_eq!(announced, ["shein-api:10", "shein-api:7", "shein-api:8", "shein-api:9"]);
    let facts = world.doc("shein-api:9").unwrap().product.facts.unwrap();
    assert_eq!(facts.material.get("en"), Some("Cotton, Linen"));
    for replayed in [false, true] {
        let message = upload(&world, "shein-api", &records);
        if replayed {
            world.replayed(&message);
        }
        assert_eq!(read(&world, &message).await, (0, 4), "repeated, it says nothing new");
    }
}

/// A canonical feed had no place for facts before: whatever it says of them is news.
#[tokio::test]
async fn facts_that_a_source_begins_to_say_are_news() {
    let world = filled().await;
    let mut records = feed(records::canonical);
    records[0]["facts"] = serde_json::json!({"gtin": "4006381333931"});
    assert_eq!(read(&world, &upload(&world, "canonical", &records)).await, (1, 3));
    let known = world.doc("canonical:7").unwrap().product.facts.unwrap();
    assert_eq!(known.gtin.unwrap().as_str(), "4006381333931");
}
