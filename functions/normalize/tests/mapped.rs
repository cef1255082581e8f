//! Feeds of sources that are described in a mapping.
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::common;

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

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

#[tokio::test]
async fn a_workbook_is_read_like_any_feed_and_a_damaged_one_ends_as_a_failed_run() {
    let world = World::new();
    let fixture = include_bytes!("../../../crates/sources/tests/fixtures/plain.xlsx");
    let message = world.upload("incoming/plain-xlsx/list.xlsx", fixture);
    assert_eq!(world.read(&message).await, Outcome::Done);
    let run = world.run(&message);
    assert_eq!((run.status, run.counts.changed, run.counts.rejected), (RunStatus::Completed, 3, 1), "{run:?}");
    let plate = world.doc("plain-xlsx:A-2").unwrap().product;
    assert_eq!(plate.variants[0].prices[0].amount.to_string(), "19.99");
    assert_eq!(world.rejected()[0]["reason"], "missing_field");
    let message = world.upload("incoming/plain-xlsx/cut.xlsx", &fixture[..fixture.len() - 40]);
    assert_eq!(world.read(&message).await, Outcome::Done);
    let run = world.run(&message);
    assert_eq!(run.status, RunStatus::Failed);
    assert!(run.reason.as_deref().is_some_and(|error| error.contains("truncated")), "{run:?}");
}

/// WooCommerce's rows of one product stand anywhere.
fn spread(products: usize) -> String {
    let mut csv = String::from("ID,Type,SKU,Name,Parent,Regular price,Stock\n");
    for number in 0..products {
        writeln!(csv, "{number},simple,S-{number},{},,10.00,1", "A name that is long ".repeat(20)).unwrap();
    }
    csv
}

#[tokio::test]
async fn a_feed_that_no_invocation_can_get_through_ends_with_the_reason_and_one_that_began_late_is_tried_again() {
    let world = World::new();
    let message = world.upload("incoming/woocommerce-csv/export.csv", spread(20_000));
    world.tick.store(1_500, Ordering::SeqCst);
    // The time of this invocation was nearly over when it began.
    let deadline = world.now.load(Ordering::SeqCst) + 50_000;
    assert_eq!(world.read_until(&message, "late", deadline).await, Outcome::Done);
    assert_eq!(world.sent.lock().unwrap().pop().as_ref(), Some(&message), "handed over");
    assert_eq!(world.run(&message).status, RunStatus::Running);
    // This one had all of it.
    let deadline = world.now.load(Ordering::SeqCst) + 120_000;
    assert_eq!(world.read_until(&message, "whole", deadline).await, Outcome::Done);
    assert!(world.sent.lock().unwrap().is_empty());
    let run = world.run(&message);
    assert_eq!(run.status, RunStatus::Failed);
    assert!(
        run.reason.as_deref().is_some_and(|error| error.contains("too_much_data") && error.contains("rows: adjacent")),
        "{run:?}"
    );
}
