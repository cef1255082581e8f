//! Feeds of sources that are described in a mapping.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::World;
use ledger::RunStatus;
use runtime::Outcome;

const ROWS: &str = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price,Variant Inventory Qty\n\
    tee,Tee,Size,S,TEE-S,10.00,3\ntee,,,M,TEE-M,10.00,0\nmug,Mug,,,MUG,free,1\ncap,Cap,,,CAP,7.50,2\n";

#[tokio::test]
async fn rows_become_products_and_bad_ones_are_set_aside_with_the_line_of_the_mapping() {
    let world = World::new();
    let message = world.upload("incoming/shopify-csv/export.csv", ROWS);
    assert_eq!(world.read(&message).await, Outcome::Done);
    let run = world.run(&message);
    assert_eq!(run.status, RunStatus::Completed);
    assert_eq!((run.counts.read, run.counts.changed, run.counts.rejected), (3, 2, 1));
    let tee = world.doc("shopify-csv:tee").unwrap().product;
    assert_eq!((tee.variants.len(), tee.variants[0].stock), (2, 3));
    let rejected = world.rejected();
    assert_eq!(
        (rejected[0]["productId"].as_str(), rejected[0]["reason"].as_str()),
        (Some("mug"), Some("invalid_amount"))
    );
    let said = rejected[0]["message"].as_str().unwrap();
    assert!(said.contains("sources/shopify-csv.yaml line ") && said.contains("Variant Price"), "{said}");

    world.take_announced();
    let again = world.upload("incoming/shopify-csv/export.csv", ROWS);
    world.read(&again).await;
    assert_eq!(world.run(&again).counts.unchanged, 2);
    assert!(world.take_announced().0.is_empty());
}

#[tokio::test]
async fn a_run_keeps_the_version_of_its_mapping() {
    let world = World::new();
    let message = world.upload("incoming/plain-csv/list.csv", "id,name,price\n1,Cup,4.50\n");
    world.read(&message).await;
    let resume: serde_json::Value = serde_json::from_str(world.run(&message).resume.as_deref().unwrap()).unwrap();
    assert_eq!(resume["mapping"], sources::shipped::find("plain-csv").unwrap().digest());
}
