//! A ledger that the version before has filled is taken over: the same feeds again cost no write,
//! and what is new in them arrives with the next change.
//!
//! `before/` holds what that version wrote; the hashes beside it were taken from it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;
#[path = "../../../crates/feeds/tests/common/mod.rs"]
mod records;

use catalog::{ContentHash, Product, Version};
use common::World;
use ledger::DesiredDoc;
use runtime::Outcome;
use serde_json::Value;

/// As written by the version that knew no facts.
const BEFORE: [(&str, &str); 2] = [
    (include_str!("before/shein-api-7.json"), "49c83712574fefb1e14c93827a514ac6"),
    (include_str!("before/canonical-7.json"), "ebb37ccd8e626385dbae6349b7ab0e8c"),
];

/// A ledger as that version left it.
async fn filled() -> World {
    let world = World::new();
    for (body, hash) in BEFORE {
        let product: Product = serde_json::from_str(body).unwrap();
        assert_eq!(ContentHash::of(&product).as_str(), hash, "what is read from the ledger hashes as it did");
        assert_eq!(serde_json::to_string(&product).unwrap(), body.trim_end(), "and is written as it was");
        let key = product.key().unwrap();
        let doc = DesiredDoc {
            hash: ContentHash::from_text(hash),
            version: Version::new(1_700_000_000_000, "0", 0),
            run: "before".into(),
            provenance: "record 0".into(),
            product,
        };
        world.ledger.put_desired(&key, &doc, 1_700_000_000_000).await.unwrap();
    }
    world.take_writes();
    world
}

async fn read(world: &World, source: &str, record: &Value) -> (u64, u64) {
    let message = world.upload(&format!("incoming/{source}/{record_id}.json", record_id = "same"), record.to_string());
    assert_eq!(world.read(&message).await, Outcome::Done);
    let counts = world.run(&message).counts;
    assert_eq!((counts.read, counts.rejected), (1, 0));
    (counts.changed, counts.unchanged)
}

#[tokio::test]
async fn the_same_feeds_again_cost_no_write_and_tell_nobody() {
    let world = filled().await;
    for (source, record) in [("shein-api", records::document("7")), ("canonical", records::canonical("7"))] {
        assert_eq!(read(&world, source, &record).await, (0, 1), "{source}");
    }
    assert_eq!((world.take_writes(), world.take_announced().0.len()), (0, 0));
    let kept = world.doc("shein-api:7").unwrap();
    assert_eq!((kept.product.facts, kept.hash.as_str()), (None, BEFORE[0].1));
}

#[tokio::test]
async fn new_facts_arrive_with_the_next_change_and_then_stay() {
    let world = filled().await;
    let mut record = records::document("7");
    record["info"]["productInfo"]["goods_name"] = "فستان أزرق".into();
    assert_eq!(read(&world, "shein-api", &record).await, (1, 0));
    let facts = world.doc("shein-api:7").unwrap().product.facts.unwrap();
    assert_eq!(facts.material.get("en"), Some("Cotton, Linen"));
    assert_eq!(read(&world, "shein-api", &record).await, (0, 1), "repeated, it says nothing new");
}

/// A canonical feed had no place for facts before: whatever it says of them is news.
#[tokio::test]
async fn facts_that_a_source_begins_to_say_are_news() {
    let world = filled().await;
    let mut record = records::canonical("7");
    record["facts"] = serde_json::json!({"gtin": "4006381333931"});
    assert_eq!(read(&world, "canonical", &record).await, (1, 0));
    let known = world.doc("canonical:7").unwrap().product.facts.unwrap();
    assert_eq!(known.gtin.unwrap().as_str(), "4006381333931");
}
