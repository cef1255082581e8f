//! How runs end that are not simply read: overtaken, given up, without an end of their own; and
//! what one says that wrote nothing.
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::common;

use std::sync::atomic::Ordering;

use common::{World, product};
use ledger::RunStatus;
use runtime::Outcome;
use serde_json::json;

fn many(count: usize) -> String {
    serde_json::to_string(&(0..count).map(|number| product(&format!("p{number:05}"), "10")).collect::<Vec<_>>())
        .unwrap()
}

#[tokio::test]
async fn a_feed_that_says_nothing_new_says_which_of_its_products_have_not_arrived() {
    for products in [2, 5] {
        let world = World::new();
        world.read(&world.upload("incoming/canonical/x.json", many(products))).await;
        let begun = world.now.load(Ordering::SeqCst);
        world.take_announced();
        world.now.fetch_add(60_000, Ordering::SeqCst);
        let again = world.upload("incoming/canonical/x.json", many(products));
        world.read(&again).await;
        let counts = world.run(&again).counts;
        assert_eq!((counts.unchanged, counts.waiting), (products as u64, products as u64));
        assert_eq!(counts.waiting_by.get("on_the_way"), Some(&(products as u64)));
        assert_eq!(counts.waiting_since, Some(begun));
        let (_, feeds) = world.take_announced();
        assert_eq!(feeds[0]["counts"]["waiting"], products, "whoever listens is told, too");
    }
}

#[tokio::test]
async fn a_folder_is_no_feed() {
    for key in ["incoming/shein-api/", "incoming/shein-brightdata/2026/", "incoming/"] {
        let world = World::new();
        let message = world.upload(key, "");
        assert_eq!(world.read(&message).await, Outcome::Done, "{key}");
        assert!(world.ledger.runs(10).await.unwrap().is_empty(), "{key}");
        assert!(world.take_announced().1.is_empty() && world.take_metrics().is_empty(), "{key}");
    }
    let world = World::new();
    let message = world.upload("incoming/canonical/2026/", many(1));
    world.read(&message).await;
    assert_eq!(world.run(&message).counts.changed, 1, "a name that ends in a slash is still one");
}

#[tokio::test]
async fn what_was_overtaken_while_it_waited_has_not_failed() {
    let world = World::new();
    let older = world.upload("incoming/canonical/x.json", many(3));
    let newer = world.upload("incoming/canonical/x.json", many(3));
    world.forget(&older);
    for message in [&older, &newer] {
        assert_eq!(world.read(message).await, Outcome::Done);
    }
    let run = world.run(&older);
    assert_eq!(run.status, RunStatus::Superseded);
    assert!(run.reason.unwrap().starts_with("object_replaced"));
    assert_eq!(world.run(&newer).status, RunStatus::Completed);
    let metrics = world.take_metrics();
    assert_eq!((metrics.get("FeedsFailed"), metrics["FeedsCompleted"]), (None, 1.0));
    assert_eq!(world.read(&older).await, Outcome::Done, "it is not read again");
}

/// Numbers of so many digits where records should be, under a long key: few bytes of feed are many
/// of rejections.
fn short_bad_records(count: usize, digits: usize) -> (String, String) {
    let number = "1".repeat(digits);
    let body = format!("[{}{number}]", format!("{number},").repeat(count - 1));
    (format!("incoming/canonical/{}.json", "k".repeat(960)), body)
}

#[tokio::test]
async fn many_rejections_are_written_in_parts_and_beyond_the_first_ones_counted() {
    let world = World::new();
    let (key, body) = short_bad_records(130_000, 1);
    let message = world.upload(&key, body);
    assert_eq!(world.read(&message).await, Outcome::Done);
    let run = world.run(&message);
    assert_eq!((run.status, run.counts.rejected), (RunStatus::Completed, 130_000));
    let lines = world.rejected();
    assert_eq!((lines.len(), run.counts.rejected_unkept), (10_000, 120_000));
    assert!(lines.iter().enumerate().all(|(number, line)| line["index"] == number), "the first ones");
    let largest = world.bucket.largest_put.load(Ordering::SeqCst);
    assert!(largest < (2 << 20) + 4_000, "a part of {largest} bytes");
}

#[tokio::test]
async fn an_attempt_whose_rejections_cannot_be_written_leaves_what_it_came_to_and_why() {
    let world = World::new();
    let (key, body) = short_bad_records(12_000, 60);
    let message = world.upload(&key, body);
    *world.bucket.puts_left.lock().unwrap() = Some(3);
    assert!(matches!(world.read(&message).await, Outcome::Failed(_)));
    let run = world.run(&message);
    assert!(run.status == RunStatus::Running && run.record > 0, "{run:?}");
    assert!(run.reason.as_deref().unwrap().starts_with("bucket_unavailable"), "{:?}", run.reason);
    *world.bucket.puts_left.lock().unwrap() = None;
    assert_eq!(world.read(&message).await, Outcome::Done);
    let run = world.run(&message);
    assert_eq!((run.status, run.counts.rejected, run.counts.rejected_unkept), (RunStatus::Completed, 12_000, 2_000));
    assert_eq!(run.reason, None, "what went wrong on the way is over");
    let mut indices: Vec<u64> = world.rejected().iter().map(|line| line["index"].as_u64().unwrap()).collect();
    indices.sort_unstable();
    indices.dedup();
    assert_eq!(indices.len(), 10_000, "none is missing");
}

#[tokio::test]
async fn a_run_that_cannot_end_ends_with_its_reason() {
    let world = World::new();
    let message = world.upload("incoming/canonical/x.json", many(3));
    world.ledger.table().damaged.store(true, Ordering::SeqCst);
    assert_eq!(world.read(&message).await, Outcome::Done, "trying again would not help");
    let run = world.run(&message);
    assert_eq!(run.status, RunStatus::Failed);
    assert!(run.reason.as_deref().unwrap().starts_with("ledger_item_damaged"), "{:?}", run.reason);
    let (_, feeds) = world.take_announced();
    assert_eq!(feeds[0]["reason"], json!(run.reason.unwrap()));
}
