//! Runs from notification to ledger, bus and bucket.
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::common;

use std::sync::atomic::Ordering;
use std::time::Duration;

use catalog::Version;
use common::{World, product};
use ledger::RunStatus;
use runtime::Outcome;
use serde_json::{Value, json};

fn feed(products: &[Value]) -> String {
    serde_json::to_string(products).unwrap()
}

fn many(count: usize, amount: &str) -> String {
    feed(&(0..count).map(|number| product(&format!("p{number:05}"), amount)).collect::<Vec<_>>())
}

#[tokio::test]
async fn good_records_reach_the_ledger_and_bad_ones_the_bucket_with_reason_and_position() {
    let world = World::new();
    let body = format!(r#"[{}, {{"source":"canonical","id":"bad"}}, {}]"#, product("a", "10.00"), product("b", "12.5"));
    let message = world.upload("incoming/canonical/x.json", &body);
    assert_eq!(world.read(&message).await, Outcome::Done);

    let run = world.run(&message);
    assert_eq!(run.status, RunStatus::Completed);
    assert_eq!((run.counts.read, run.counts.changed, run.counts.rejected), (3, 2, 1));
    assert_eq!(run.counts.rejected_by.get("missing_field"), Some(&1));
    assert_eq!(world.doc("canonical:b").unwrap().product.variants[0].prices[0].amount.to_string(), "12.50");
    assert!(world.doc("canonical:b").unwrap().provenance.contains("record 2 at byte"));

    let metrics = world.take_metrics();
    assert_eq!((metrics["RecordsRead"], metrics["RecordsChanged"]), (3.0, 2.0));
    assert_eq!((metrics["RecordsRejected"], metrics["RecordsRejected missing_field"]), (1.0, 1.0));
    assert_eq!((metrics["FeedsCompleted"], metrics["RejectedShare"].round()), (1.0, 33.0));

    let (ids, feeds) = world.take_announced();
    assert_eq!(ids, ["canonical:a", "canonical:b"]);
    assert_eq!(
        (feeds[0]["runId"].as_str().unwrap(), feeds[0]["counts"]["changed"].as_u64()),
        (run.name.as_str(), Some(2))
    );

    let rejected = world.rejected();
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0]["productId"], "bad");
    assert_eq!(rejected[0]["reason"], "missing_field");
    assert_eq!(rejected[0]["index"], 1);
    let offset = usize::try_from(rejected[0]["offset"].as_u64().unwrap()).unwrap();
    let raw = rejected[0]["raw"].as_str().unwrap();
    assert_eq!(&body[offset..offset + raw.len()], raw, "the raw record stands where the offset says");
    assert!(world.texts("rejected/").keys().all(|key| key.starts_with(&format!("rejected/{}/", run.name))));
}

#[tokio::test]
async fn the_same_feed_again_changes_nothing_and_one_price_changes_one_product() {
    let world = World::new();
    let first = world.upload("incoming/canonical/x.json", many(30, "10.00"));
    world.read(&first).await;
    assert_eq!(world.take_announced().0.len(), 30);
    world.take_writes();

    assert_eq!(world.read(&first).await, Outcome::Done, "the same notification once more");
    assert_eq!((world.take_announced().0.len(), world.take_writes()), (0, 0));

    let again = world.upload("incoming/canonical/x.json", many(30, "10"));
    world.read(&again).await;
    assert_eq!(world.run(&again).counts.unchanged, 30);
    assert_eq!((world.take_announced().0.len(), world.take_writes()), (0, 0));

    let cheaper = many(30, "10.00").replacen("10.00", "4.90", 1);
    let third = world.upload("incoming/canonical/x.json", cheaper);
    world.read(&third).await;
    assert_eq!(world.take_announced().0, ["canonical:p00000"]);
    assert_eq!(world.take_writes(), 1);
    let counts = world.run(&third).counts;
    assert_eq!((counts.changed, counts.unchanged), (1, 29));
    assert_eq!(counts.warnings_by.get("price_drop"), Some(&1), "less than half of what it was");
}

#[tokio::test]
async fn an_older_feed_that_comes_late_changes_nothing() {
    let world = World::new();
    let old = world.upload("incoming/canonical/x.json", many(3, "10.00"));
    let new = world.upload("incoming/canonical/y.json", many(3, "11.00"));
    world.read(&new).await;
    world.read(&old).await;
    assert_eq!(world.run(&old).counts.stale, 3);
    assert_eq!(world.doc("canonical:p00001").unwrap().product.variants[0].prices[0].amount.to_string(), "11.00");
}

#[tokio::test]
async fn of_two_records_of_one_product_the_later_wins() {
    let world = World::new();
    let message =
        world.upload("incoming/canonical/x.json", feed(&[product("a", "10"), product("b", "1"), product("a", "11")]));
    world.read(&message).await;
    assert_eq!(world.doc("canonical:a").unwrap().product.variants[0].prices[0].amount.to_string(), "11.00");
    let counts = world.run(&message).counts;
    assert_eq!((counts.read, counts.changed, counts.stale), (3, 2, 1));
}

#[tokio::test]
async fn one_id_twice_with_different_content_is_reported_with_both_places() {
    let world = World::new();
    let products = [product("a", "10.00"), product("b", "10.00"), product("b", "10.00"), product("a", "11.00")];
    let body = feed(&products);
    let message = world.upload("incoming/canonical/x.json", &body);
    assert_eq!(world.read(&message).await, Outcome::Done);
    assert_eq!(world.doc("canonical:a").unwrap().product.variants[0].prices[0].amount.to_string(), "11.00");
    let run = world.run(&message);
    assert_eq!((run.counts.read, run.counts.changed, run.counts.stale, run.counts.rejected), (4, 2, 2, 0));
    assert_eq!(run.counts.warnings_by.get("repeated_record"), Some(&1), "said twice alike is no contradiction");
    let said = world.rejected();
    assert_eq!(said.len(), 1);
    assert_eq!(
        (&said[0]["productId"], &said[0]["reason"], &said[0]["index"]),
        (&json!("a"), &json!("repeated_record"), &json!(0))
    );
    let later = body.rfind(&products[3].to_string()).unwrap();
    assert!(said[0]["message"].as_str().unwrap().contains(&format!("record 3 at byte {later}")), "{said:?}");

    // Further apart than one window.
    let mut products: Vec<Value> = (0..1_000).map(|number| product(&format!("p{number:05}"), "10.00")).collect();
    products.push(product("p00001", "12.00"));
    let message = world.upload("incoming/canonical/y.json", feed(&products));
    world.read(&message).await;
    assert_eq!(world.doc("canonical:p00001").unwrap().product.variants[0].prices[0].amount.to_string(), "12.00");
    assert_eq!(world.run(&message).counts.warnings_by.get("repeated_record"), Some(&1));
    assert_eq!(world.rejected().last().unwrap()["index"], 1);
}

#[tokio::test]
async fn so_is_one_whose_two_records_are_read_by_two_invocations() {
    let world = World::new();
    let mut products: Vec<Value> = (0..9_000).map(|number| product(&format!("p{number:05}"), "10.00")).collect();
    products.push(product("p00001", "12.00"));
    let message = world.upload("incoming/canonical/x.json", feed(&products));
    world.tick.store(1_500, Ordering::SeqCst);
    let mut invocations = 0;
    loop {
        invocations += 1;
        let deadline = world.now.load(Ordering::SeqCst) + 40_000;
        assert_eq!(world.read_until(&message, &format!("worker-{invocations}"), deadline).await, Outcome::Done);
        if world.sent.lock().unwrap().pop().is_none() {
            break;
        }
    }
    assert!(invocations > 1, "it fitted into one invocation: the test shows nothing");
    assert_eq!(world.run(&message).counts.warnings_by.get("repeated_record"), Some(&1));
    let said = world.rejected();
    assert!(
        said[0]["index"] == 9_000 && said[0]["message"].as_str().unwrap().contains("record 1 of this feed"),
        "{said:?}"
    );
}

#[tokio::test]
async fn before_time_runs_out_the_rest_is_handed_over_and_every_record_is_counted_once() {
    let world = World::new();
    // Compact records: several hundred kB, so that there are several steps to stop between.
    let message = world.upload("incoming/canonical/x.json", many(9_000, "10.00"));
    world.tick.store(1_500, Ordering::SeqCst);
    let mut invocations = 0;
    loop {
        invocations += 1;
        let deadline = world.now.load(Ordering::SeqCst) + 40_000;
        assert_eq!(world.read_until(&message, &format!("worker-{invocations}"), deadline).await, Outcome::Done);
        let Some(next) = world.sent.lock().unwrap().pop() else { break };
        assert_eq!(next, message);
    }
    assert!(invocations > 1, "it fitted into one invocation: the test shows nothing");
    let run = world.run(&message);
    assert_eq!(run.status, RunStatus::Completed);
    assert_eq!((run.counts.read, run.counts.changed, run.record), (9_000, 9_000, 9_000));
    let (ids, feeds) = world.take_announced();
    assert_eq!((ids.len(), feeds.len()), (9_000, 1));
    let metrics = world.take_metrics();
    assert_eq!((metrics["RecordsRead"], metrics["RecordsChanged"], metrics["FeedsCompleted"]), (9_000.0, 9_000.0, 1.0));
}

#[tokio::test]
async fn after_a_failure_the_next_attempt_goes_on_and_counts_nothing_twice() {
    let world = World::new();
    let message = world.upload("incoming/canonical/x.json.gz", many(3_000, "10.00"));
    world.tick.store(400, Ordering::SeqCst);
    world.fail_after(Some(2_000));
    assert!(matches!(world.read(&message).await, Outcome::Failed(_)));
    let interrupted = world.run(&message);
    assert_eq!(interrupted.status, RunStatus::Running);
    assert_eq!(interrupted.owner, None, "given up, not left to expire");
    world.fail_after(None);
    assert_eq!(world.read_until(&message, "another", i64::MAX).await, Outcome::Done);
    let run = world.run(&message);
    assert_eq!((run.counts.read, run.counts.changed, run.counts.stale), (3_000, 3_000, 0));
    assert!((world.take_metrics()["RecordsRead"] - 3_000.0).abs() < 0.5);
    let (mut ids, _) = world.take_announced();
    ids.dedup();
    assert_eq!(ids.len(), 3_000, "whatever was written before the failure is announced in the end");
}

#[tokio::test]
async fn two_deliveries_of_one_notification_do_not_read_at_the_same_time() {
    let world = World::new();
    let message = world.upload("incoming/canonical/x.json", many(2, "10.00"));
    let work = normalize::message::FeedObject::parse(&message).unwrap();
    let now = world.now.load(Ordering::SeqCst);
    let owner = ledger::Owner("first".into());
    world.ledger.claim_run(&work.id, &work.run, "", &owner, now).await.unwrap();
    let second = world.read_until(&message, "second", i64::MAX).await;
    assert!(matches!(second, Outcome::Again(wait) if wait > Duration::from_secs(100)), "{second:?}");
    assert_eq!(world.take_writes(), 0);
    world.now.fetch_add(200_000, Ordering::SeqCst);
    assert_eq!(world.read_until(&message, "second", i64::MAX).await, Outcome::Done, "the first one died");
}

#[tokio::test]
async fn whatever_cannot_be_read_ends_as_a_failed_run_with_its_reason() {
    for (key, body, reason) in [
        ("shirts.json", "[]", "key_outside_incoming"),
        ("incoming/shirts.json", "[]", "unknown_source"),
        ("incoming/acme/shirts.json", "[]", "unknown_source"),
        ("incoming/shein-api/", "[]", "empty_key"),
        ("incoming/shein-api/empty.json", "", "empty_feed"),
        ("incoming/shein-api/blank.json", " \n ", "empty_feed"),
        ("incoming/shein-api/hello.json", "hello", "not_json"),
        ("incoming/shein-api/page.json", "<html></html>", "not_json"),
        ("incoming/shein-brightdata/list.csv", "product_id,b\n1,2\n", "csv_header"),
        ("incoming/shein-brightdata/list.csv", "a,b\n1,2\n", "unknown_format"),
        ("incoming/canonical/list.json", r#"[{"goods_id":1,"goods_name":"Tee"}]"#, "unknown_format"),
        (
            "incoming/shein-api/other.json",
            r#"[{"source":"canonical","id":"1","name":{},"variants":[]}]"#,
            "wrong_source",
        ),
    ] {
        let world = World::new();
        let message = world.upload(key, body);
        assert_eq!(world.read(&message).await, Outcome::Done, "{key}");
        let run = world.run(&message);
        assert_eq!(run.status, RunStatus::Failed, "{key}");
        assert!(run.reason.as_deref().unwrap().starts_with(reason), "{key}: {:?}", run.reason);
        let (ids, feeds) = world.take_announced();
        assert!(ids.is_empty() && feeds.len() == 1, "{key}");
        assert!(feeds[0]["reason"].as_str().unwrap().starts_with(reason));
    }
}

#[tokio::test]
async fn an_object_that_is_gone_is_said_to_be_missing() {
    let world = World::new();
    let message = world.upload("incoming/canonical/x.json", "[]");
    world.delete("incoming/canonical/x.json");
    assert_eq!(world.read(&message).await, Outcome::Done);
    assert!(world.run(&message).reason.unwrap().starts_with("object_missing"));
}

#[tokio::test]
async fn a_truncated_feed_keeps_what_came_before_the_break() {
    let world = World::new();
    let whole = many(5, "10.00");
    let message = world.upload("incoming/canonical/x.json", &whole[..whole.len() - 30]);
    world.read(&message).await;
    let run = world.run(&message);
    assert_eq!(run.status, RunStatus::Failed);
    assert_eq!((run.counts.changed, run.counts.rejected_by.get("truncated")), (4, Some(&1)));
    assert_eq!(world.take_announced().0.len(), 4);
    let rejected = world.rejected();
    let offset = usize::try_from(rejected[0]["offset"].as_u64().unwrap()).unwrap();
    assert!(whole[offset..].starts_with(r#"{"source":"canonical","id":"p00004""#), "{}", &whole[offset..]);
}

#[tokio::test]
async fn latin_1_is_told_and_kept_as_it_was() {
    let world = World::new();
    let mut body = b"[".to_vec();
    body.extend(
        product("a", "1")
            .to_string()
            .replace("Shirt", "Chemise d'\u{1}t\u{1}")
            .bytes()
            .map(|b| if b == 1 { 0xE9 } else { b }),
    );
    body.extend(b"]");
    let message = world.upload("incoming/canonical/x.json", &body);
    world.read(&message).await;
    let rejected = world.rejected();
    assert_eq!(rejected[0]["reason"], "invalid_utf8");
    assert!(rejected[0]["rawBase64"].is_string());
    let at = usize::try_from(rejected[0]["defectOffset"].as_u64().unwrap()).unwrap();
    assert_eq!(body[at], 0xE9);
    // The same, from somebody who says what it is in.
    *world.bucket.charset.lock().unwrap() = Some("windows-1252".to_owned());
    let message = world.upload("incoming/canonical/said.json", &body);
    world.read(&message).await;
    assert_eq!(world.doc("canonical:a").unwrap().product.name.0["en"], "Chemise d'été a");
}

#[tokio::test]
async fn a_full_feed_leaves_a_sorted_manifest_and_says_whether_it_is_complete() {
    let world = World::new();
    let with_id = r#"{"source":"canonical","id":"m"}"#;
    let body = format!("[{},{with_id},{},{}]", product("z", "1"), product("a", "1"), product("z", "2"));
    let message = world.upload_as("incoming/canonical/x.json", body, true);
    world.read(&message).await;
    let run = world.run(&message).name;
    let texts = world.texts("manifests/");
    assert_eq!(
        texts[&format!("manifests/canonical/{run}/00000000000.txt")],
        "a\nm\nz\n",
        "a rejected product is still offered"
    );
    let index: Value = serde_json::from_str(&texts[&format!("manifests/canonical/{run}.json")]).unwrap();
    assert_eq!(index["complete"], json!(true));
    let asked: Vec<_> =
        world.sent.lock().unwrap().drain(..).filter_map(|m| withdrawal::WithdrawRequest::parse(&m)).collect();
    assert_eq!(asked.len(), 1, "what this feed lacks is to be withdrawn");
    assert_eq!((asked[0].source.as_str(), &asked[0].run), ("canonical", &run));

    let message = world.upload_as("incoming/canonical/y.json", format!("[{},{{}}]", product("z", "1")), true);
    world.read(&message).await;
    let run = world.run(&message).name;
    let index: Value =
        serde_json::from_str(&world.texts("manifests/")[&format!("manifests/canonical/{run}.json")]).unwrap();
    assert_eq!(index["complete"], json!(false), "a record without an id could be any product");
    assert!(world.sent.lock().unwrap().is_empty(), "nothing is withdrawn on the word of an incomplete feed");
}

#[tokio::test]
async fn a_newer_feed_that_repeated_an_older_one_being_read_looks_again() {
    let world = World::new();
    let first = world.upload("incoming/canonical/x.json", many(40, "10.00"));
    world.read(&first).await;
    let older = world.upload("incoming/canonical/x.json", many(40, "11.00"));
    let newer = world.upload("incoming/canonical/x.json", many(40, "10.00"));
    // The newer one is read first and finds everything unchanged; then the older one gets through.
    world.read(&newer).await;
    assert_eq!(world.run(&newer).counts.unchanged, 40);
    world.read(&older).await;
    assert_eq!(world.run(&older).counts.changed, 40);
    let asked = std::mem::take(&mut *world.sent.lock().unwrap());
    assert_eq!(asked.len(), 1);
    world.take_announced();
    assert_eq!(world.read(&asked[0]).await, Outcome::Done);
    assert_eq!(world.take_announced().0.len(), 40);
    let doc = world.doc("canonical:p00007").unwrap();
    assert_eq!(doc.product.variants[0].prices[0].amount.to_string(), "10.00", "the newest feed has the last word");
}

#[tokio::test]
async fn only_a_feed_of_few_products_notes_what_it_repeats() {
    for (products, noted) in [(1, true), (3, true), (4, false), (500, false)] {
        let world = World::new();
        world.read(&world.upload("incoming/canonical/x.json", many(products, "10.00"))).await;
        let first = world.doc("canonical:p00000").unwrap().version;
        let again = world.upload("incoming/canonical/x.json", many(products, "10.00"));
        world.read(&again).await;
        assert_eq!(world.run(&again).counts.unchanged, products as u64);
        assert_eq!(world.doc("canonical:p00000").unwrap().version > first, noted, "{products} products");
        // What was not noted is in the register: an older feed finds it there.
        let registered = world.ledger.newer_runs("canonical", &Version::from_text("")).await.unwrap();
        assert_eq!(registered.len(), if noted { 0 } else { 2 }, "{products} products");
    }
}

#[tokio::test]
async fn a_run_that_wrote_nothing_makes_nobody_look_again_unless_it_was_interrupted() {
    let world = World::new();
    world.read(&world.upload("incoming/canonical/x.json", many(900, "10.00"))).await;
    let older = world.upload("incoming/canonical/a.json", many(900, "10.00"));
    let newer = world.upload("incoming/canonical/b.json", many(900, "10.00"));
    world.read(&newer).await;
    world.read(&older).await;
    assert_eq!(world.run(&older).counts.changed, 0);
    assert!(world.sent.lock().unwrap().is_empty(), "the newer one has missed nothing");

    // One that dies has forgotten what it wrote.
    let older = world.upload("incoming/canonical/c.json", many(900, "11.00"));
    let newer = world.upload("incoming/canonical/d.json", many(900, "10.00"));
    world.read(&newer).await;
    world.take_writes();
    world.fail_after(Some(500));
    assert!(matches!(world.read(&older).await, Outcome::Failed(_)));
    world.fail_after(None);
    world.now.fetch_add(1_000, Ordering::SeqCst);
    assert_eq!(world.read(&older).await, Outcome::Done);
    assert_eq!(world.sent.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_older_feed_that_comes_late_is_passed_over_however_few_products_a_feed_has() {
    for products in [2, 4] {
        let world = World::new();
        world.read(&world.upload("incoming/canonical/x.json", many(products, "10.00"))).await;
        let older = world.upload("incoming/canonical/x.json", many(products, "11.00"));
        let newer = world.upload("incoming/canonical/x.json", many(products, "10.00"));
        world.read(&newer).await;
        world.read(&older).await;
        let asked = std::mem::take(&mut *world.sent.lock().unwrap());
        for message in asked {
            assert_eq!(world.read(&message).await, Outcome::Done);
        }
        let doc = world.doc("canonical:p00000").unwrap();
        assert_eq!(doc.product.variants[0].prices[0].amount.to_string(), "10.00", "{products} products");
    }
}

#[tokio::test]
async fn an_object_that_vanishes_is_an_end_like_any_other_for_newer_feeds() {
    let world = World::new();
    world.read(&world.upload("incoming/canonical/x.json", many(6_000, "10.00"))).await;
    // Several range reads.
    let older = world.upload("incoming/canonical/x.json", many(40_000, "11.00"));
    let newer = world.upload("incoming/canonical/x.json", many(6_000, "10.00"));
    world.read(&newer).await;
    *world.bucket.reads_left.lock().unwrap() = Some(3);
    assert_eq!(world.read(&older).await, Outcome::Done);
    let run = world.run(&older);
    assert!(run.reason.as_deref().unwrap().starts_with("object_missing"), "{:?}", run.reason);
    assert_eq!(world.doc("canonical:p00007").unwrap().product.variants[0].prices[0].amount.to_string(), "11.00");
    let asked = std::mem::take(&mut *world.sent.lock().unwrap());
    assert_eq!(asked.len(), 1, "what the newer feed took for unchanged is not any more");
    *world.bucket.reads_left.lock().unwrap() = None;
    world.read(&asked[0]).await;
    assert_eq!(world.doc("canonical:p00007").unwrap().product.variants[0].prices[0].amount.to_string(), "10.00");
}

#[tokio::test]
async fn so_is_one_that_vanishes_between_two_attempts_but_not_one_that_was_never_there() {
    let world = World::new();
    world.read(&world.upload("incoming/canonical/first.json", many(6_000, "10.00"))).await;
    let older = world.upload("incoming/canonical/old.json", many(6_000, "11.00"));
    let newer = world.upload("incoming/canonical/new.json", many(6_000, "10.00"));
    world.read(&newer).await;
    let missing = world.upload("incoming/canonical/gone.json", many(1, "1.00"));
    world.delete("incoming/canonical/gone.json");
    world.read(&missing).await;
    assert!(world.sent.lock().unwrap().is_empty(), "nothing of it was ever read");

    world.fail_after(Some(8_000));
    assert!(matches!(world.read(&older).await, Outcome::Failed(_)));
    world.delete("incoming/canonical/old.json");
    world.now.fetch_add(1_000, Ordering::SeqCst);
    assert_eq!(world.read(&older).await, Outcome::Done);
    assert!(world.run(&older).reason.unwrap().starts_with("object_missing"));
    // How old it was is not known any more, so that every feed of the source looks again, the one
    // before it, too.
    assert_eq!(world.sent.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_run_that_is_resumed_without_its_sequencer_gives_the_same_versions() {
    let world = World::new();
    let message = world.upload("incoming/canonical/x.json", many(3_000, "10.00"));
    world.fail_after(Some(1_000));
    assert!(matches!(world.read(&message).await, Outcome::Failed(_)), "dies before its first commit");
    world.fail_after(None);
    let mut event: Value = serde_json::from_str(&message).unwrap();
    event["detail"]["object"]["sequencer"] = json!("");
    assert_eq!(world.read(&event.to_string()).await, Outcome::Done, "as the sweep brings it back");
    let counts = world.run(&message).counts;
    assert_eq!((counts.changed, counts.stale), (3_000, 0), "nothing was taken for older than itself");
    let mut ids = world.take_announced().0;
    ids.dedup();
    assert_eq!(ids.len(), 3_000);
}

#[tokio::test]
async fn an_object_that_arrives_damaged_is_noticed_and_what_it_said_is_set_right() {
    let world = World::new();
    let message = world.upload("incoming/canonical/x.json", many(20, "10.00"));
    // Prices, which no parser could take for damaged.
    *world.bucket.damage.lock().unwrap() = vec![("10.00".to_owned(), "90.00".to_owned())];
    assert_eq!(world.read(&message).await, Outcome::Done);
    let run = world.run(&message);
    assert_eq!(run.status, RunStatus::Failed);
    assert!(run.reason.as_deref().unwrap().starts_with("object_corrupt"), "{:?}", run.reason);
    let amount = || world.doc("canonical:p00007").unwrap().product.variants[0].prices[0].amount.to_string();
    assert_eq!(amount(), "90.00", "written before anybody could know");
    world.take_announced();

    let asked = std::mem::take(&mut *world.sent.lock().unwrap());
    assert_eq!(asked.len(), 1, "a strict pass");
    world.bucket.damage.lock().unwrap().clear();
    assert_eq!(world.read(&asked[0]).await, Outcome::Done);
    assert_eq!(amount(), "10.00");
    assert_eq!(world.take_announced().0.len(), 20);
    assert!(world.sent.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_object_that_stays_damaged_is_read_twice_and_no_more() {
    let world = World::new();
    let message = world.upload("incoming/canonical/x.json", many(20, "10.00"));
    *world.bucket.damage.lock().unwrap() = vec![("Shirt p00003".to_owned(), "Skirt p00003".to_owned())];
    world.read(&message).await;
    let asked = std::mem::take(&mut *world.sent.lock().unwrap());
    world.read(&asked[0]).await;
    assert!(world.run(&asked[0]).reason.unwrap().starts_with("object_corrupt"));
    assert!(world.sent.lock().unwrap().is_empty());
}

#[tokio::test]
async fn damage_in_the_part_of_another_invocation_is_noticed_at_the_end() {
    let world = World::new();
    let message = world.upload("incoming/canonical/x.json", many(9_000, "10.00"));
    *world.bucket.damage.lock().unwrap() = vec![("Shirt p00003".to_owned(), "Skirt p00003".to_owned())];
    world.tick.store(1_500, Ordering::SeqCst);
    let deadline = world.now.load(Ordering::SeqCst) + 40_000;
    world.read_until(&message, "first", deadline).await;
    assert_eq!(world.run(&message).status, RunStatus::Running);
    world.bucket.damage.lock().unwrap().clear();
    world.tick.store(0, Ordering::SeqCst);
    world.read_until(&message, "second", i64::MAX).await;
    assert!(world.run(&message).reason.unwrap().starts_with("object_corrupt"));
}

#[tokio::test]
async fn what_a_partial_feed_brings_is_noted_before_it_is_written_and_what_a_full_feed_brings_is_not() {
    let world = World::new();
    let noted = async || {
        let notes = world.ledger.brought("canonical", None).await.unwrap();
        notes.into_iter().map(|note| note.id).collect::<Vec<_>>()
    };
    let full = world.upload_as("incoming/canonical/full.json", feed(&[product("a", "1"), product("b", "1")]), true);
    world.read(&full).await;
    assert!(noted().await.is_empty());
    // The write of the product fails: it is noted all the same, and once.
    let partial = world.upload("incoming/canonical/x.json", feed(&[product("c", "1")]));
    world.fail_after(Some(0));
    assert_ne!(world.read(&partial).await, Outcome::Done);
    assert!(world.doc("canonical:c").is_none());
    assert_eq!(noted().await, ["c"]);
    world.fail_after(None);
    world.now.fetch_add(3_600_000, Ordering::SeqCst);
    assert_eq!(world.read(&partial).await, Outcome::Done);
    assert_eq!((noted().await, world.doc("canonical:c").is_some()), (vec!["c".to_owned()], true));
    let known = world.upload("incoming/canonical/x.json", feed(&[product("a", "2"), product("c", "2")]));
    assert_eq!(world.read(&known).await, Outcome::Done);
    assert_eq!(noted().await, ["c"], "a change of what is for sale is none");

    // One that was withdrawn, and one that still is.
    for id in ["a", "b"] {
        let key = format!("canonical:{id}").parse().unwrap();
        let mut doc = world.doc(&format!("canonical:{id}")).unwrap();
        doc.product.withdrawn = true;
        doc.hash = catalog::ContentHash::of(&doc.product);
        world.ledger.put_desired(&key, &doc, 1).await.unwrap();
    }
    let mut gone = product("b", "3");
    gone["withdrawn"] = json!(true);
    let back = world.upload("incoming/canonical/y.json", feed(&[product("a", "3"), gone]));
    assert_eq!(world.read(&back).await, Outcome::Done);
    assert_eq!(noted().await, ["a", "c"]);
}
