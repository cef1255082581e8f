//! What a full feed withdraws, what it leaves, and what it must not do.

use std::sync::Mutex;
use std::sync::atomic::Ordering;

use catalog::ContentHash;
use runtime::Deadline;
use withdrawal::{Outcome, WithdrawRequest, Withdrawal, WithdrawalReport};

use crate::world::{World, accepted, ids, key, version};

#[tokio::test]
async fn what_the_next_full_feed_lacks_is_withdrawn_and_comes_back() {
    let world = World::new();
    let first = world.feed(1, &ids(0..20), true);
    assert_eq!(world.run(&first).await, accepted(0, 0, 0), "the first one is only the baseline");
    let second = world.feed(2, &ids(2..22), true);
    assert_eq!(world.run(&second).await, accepted(2, 0, 0));
    assert_eq!(world.withdrawn(), ["p0", "p1"]);
    assert_eq!(world.announced(), 2);
    let doc = world.docs.lock().unwrap()[&key("p0")].clone();
    assert_eq!((doc.version, doc.hash), (version(2, 0), ContentHash::of(&doc.product)));
    // Once more: nothing.
    assert!(matches!(world.run(&second).await, Ok(Outcome::Ignored(_))));
    let third = world.feed(3, &ids(0..22), true);
    assert_eq!(world.run(&third).await, accepted(0, 0, 0));
    assert!(world.withdrawn().is_empty());
}

#[tokio::test]
async fn the_guard_refuses_a_half_empty_feed_and_keeps_the_baseline() {
    let world = World::new();
    world.run(&world.feed(1, &ids(0..20), true)).await.unwrap();
    let half = world.feed(2, &ids(0..15), true);
    assert_eq!(world.run(&half).await, Ok(Outcome::Refused { missing: 5, of: 20 }));
    assert!(world.withdrawn().is_empty() && world.announced() == 0);
    // Exactly a fifth may go; compared is still the first feed.
    let fifth = world.feed(3, &ids(0..16), true);
    assert_eq!(world.run(&fifth).await, accepted(4, 0, 0));
    let emptied = world.feed(4, &ids(0..1), true);
    assert!(matches!(world.run(&emptied).await, Ok(Outcome::Refused { .. })));
    assert_eq!(world.run(&WithdrawRequest { force: true, ..emptied }).await, accepted(15, 0, 0));
}

#[tokio::test]
async fn gaps_old_feeds_and_other_messages_withdraw_nothing() {
    let world = World::new();
    world.run(&world.feed(2, &ids(0..20), true)).await.unwrap();
    let request = world.feed(3, &ids(0..19), false);
    assert!(matches!(world.run(&request).await, Ok(Outcome::Ignored(_))), "{request:?}");
    let older = world.feed(1, &ids(0..19), true);
    assert_eq!(world.run(&older).await, Ok(Outcome::Overtaken(WithdrawalReport::default())));
    let none =
        WithdrawRequest { bucket: "b".into(), source: "demo".into(), run: "none".into(), force: false, after: None };
    assert!(matches!(world.run(&none).await, Ok(Outcome::Ignored(_))));
    assert!(world.withdrawn().is_empty());
    assert_eq!(WithdrawRequest::parse(&none.message()), Some(none));
    assert_eq!(WithdrawRequest::parse(r#"{"detail-type":"Object Created","detail":{}}"#), None);
}

#[tokio::test]
async fn a_newer_document_wins_and_unknown_ids_are_left() {
    let world = World::new();
    let first = world.feed(1, &ids(0..20), true);
    // A rejected record's id, and one whose document is not in the ledger (any more).
    let rejected = b"bad id \x7f\nunknown\n".to_vec();
    world.objects.lock().unwrap().insert("manifests/demo/run-1/99999999999.txt".into(), rejected);
    world.run(&first).await.unwrap();
    let second = world.feed(2, &ids(2..20), true);
    // Between the feed and the comparison a newer one brought p0 again.
    world.put("p0", &version(3, 0));
    assert_eq!(world.run(&second).await, accepted(1, 0, 3));
    assert_eq!(world.withdrawn(), ["p1"]);
}

#[tokio::test]
async fn without_the_list_of_the_feed_before_a_feed_withdraws_nothing_and_is_the_next_baseline() {
    let world = World::new();
    world.run(&world.feed(1, &ids(0..20), true)).await.unwrap();
    world.objects.lock().unwrap().remove("manifests/demo/run-1.json").expect("the list of the first feed");
    assert_eq!(world.run(&world.feed(2, &ids(1..20), true)).await, accepted(0, 0, 0));
    assert_eq!(world.run(&world.feed(3, &ids(2..20), true)).await, accepted(1, 0, 0));
    assert_eq!(world.withdrawn(), ["p1"]);
}

#[tokio::test]
async fn of_two_full_feeds_read_at_once_the_newer_one_counts_in_either_order() {
    // p20 is only in the older one, p0 in neither, p21 only in the newer one.
    let (older, newer) = (ids(1..21), [ids(1..20), ids(21..22)].concat());
    for newer_first in [false, true] {
        let world = World::new();
        world.run(&world.feed(1, &ids(0..20), true)).await.unwrap();
        let requests = [world.feed(2, &older, true), world.feed(3, &newer, true)];
        // Documents are written by version; `feed` puts what comes last.
        world.put("p20", &version(2, 19));
        if newer_first {
            assert_eq!(world.run(&requests[1]).await, accepted(1, 0, 0));
            assert_eq!(world.withdrawn(), ["p0"]);
            let overtaken = Outcome::Overtaken(WithdrawalReport { withdrawn: 1, again: 0, left: 0 });
            assert_eq!(world.run(&requests[0]).await, Ok(overtaken));
            // A second delivery finds it done.
            let left = Outcome::Overtaken(WithdrawalReport { withdrawn: 0, again: 0, left: 1 });
            assert_eq!(world.run(&requests[0]).await, Ok(left));
            let doc = world.docs.lock().unwrap()[&key("p20")].clone();
            assert_eq!(
                (doc.version, doc.run.as_str()),
                (version(3, 0), "run-3"),
                "as the newer feed would have done it"
            );
        } else {
            assert_eq!(world.run(&requests[0]).await, accepted(1, 0, 0));
            assert_eq!(world.run(&requests[1]).await, accepted(1, 0, 0));
        }
        assert_eq!(
            (world.withdrawn(), world.announced()),
            (vec!["p0".to_owned(), "p20".to_owned()], 2),
            "{newer_first}"
        );
        // What comes next is compared with the newer one.
        assert_eq!(world.run(&world.feed(4, &newer, true)).await, accepted(0, 0, 0));
    }
}

#[tokio::test]
async fn an_empty_full_feed_and_a_feed_in_two_objects_withdraw_nothing() {
    let world = World::new();
    // The first of all may be empty; it is what the next is compared with.
    assert_eq!(world.run(&world.feed(1, &[], true)).await, accepted(0, 0, 0));
    assert_eq!(world.run(&world.feed(2, &ids(0..20), true)).await, accepted(0, 0, 0));
    assert_eq!(world.run(&world.feed(3, &[], true)).await, Ok(Outcome::Refused { missing: 20, of: 20 }));
    // Two halves, each marked as full: neither is taken for the whole.
    assert_eq!(world.run(&world.feed(4, &ids(20..120), true)).await, Ok(Outcome::Refused { missing: 20, of: 20 }));
    assert_eq!(world.run(&world.feed(5, &ids(0..20), true)).await, accepted(0, 0, 0));
    assert!(world.withdrawn().is_empty() && world.announced() == 0);
}

#[tokio::test]
async fn of_few_products_none_may_go_without_a_person() {
    let world = World::new();
    world.run(&world.feed(1, &ids(0..4), true)).await.unwrap();
    assert_eq!(world.run(&world.feed(2, &ids(0..3), true)).await, Ok(Outcome::Refused { missing: 1, of: 4 }));
}

#[tokio::test]
async fn an_attempt_that_died_before_announcing_is_made_good() {
    let world = World::new();
    world.run(&world.feed(1, &ids(0..20), true)).await.unwrap();
    let second = world.feed(2, &ids(3..20), true);
    world.patience.store(0, Ordering::Relaxed);
    assert_eq!(world.run(&second).await.unwrap_err().code, "announce_failed");
    assert_eq!((world.withdrawn().len(), world.announced()), (3, 0));
    assert_eq!(world.run(&second).await, accepted(0, 3, 0));
    assert_eq!(world.announced(), 3);
}

#[tokio::test]
async fn what_does_not_fit_into_one_invocation_goes_on() {
    let world = World::new();
    world.run(&world.feed(1, &ids(0..2000), true)).await.unwrap();
    let mut request = world.feed(2, &ids(350..2000), true);
    world.pace.store(10_000, Ordering::Relaxed);
    let mut invocations = 1;
    loop {
        world.now.store(0, Ordering::Relaxed);
        match world.run(&request).await.unwrap() {
            Outcome::GoOn(rest) => {
                assert!(rest.after > request.after, "no progress");
                request = WithdrawRequest::parse(&rest.message()).unwrap();
                invocations += 1;
            }
            Outcome::Accepted(_) => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(invocations > 1, "it fitted into one");
    assert_eq!((world.withdrawn().len(), world.announced()), (350, 350));
}

#[tokio::test]
async fn a_refusal_is_announced_with_the_way_out_and_a_rest_is_sent() {
    let world = World::new();
    let deadline = Deadline::at(60_000);
    let (metrics, world) = (&world.metrics, &world);
    let withdrawal =
        || Withdrawal { manifests: world, store: world, bus: world, clock: world, deadline, max_percent: 20, metrics };
    let nothing = async |message: String| panic!("sent: {message}");
    world.run(&world.feed(1, &ids(0..2000), true)).await.unwrap();
    let emptied = world.feed(2, &ids(1999..2000), true);
    assert_eq!(withdrawal().handle(&emptied, nothing).await, runtime::Outcome::Done);
    let counted = |name: &str| world.metrics.take(0).iter().find_map(|line| line[name].as_u64());
    assert_eq!(counted("WithdrawalsRefused"), Some(1));
    let said = world.announced.lock().unwrap().pop().unwrap();
    for part in ["FeedFailed", "withdrawal_refused: 1999 of 2000", "20 %"] {
        assert!(said.contains(part), "{said}");
    }
    // The way out that it names, read as it stands in a message.
    world.pace.store(10_000, Ordering::Relaxed);
    let forced = WithdrawRequest { force: true, ..emptied };
    let sent = Mutex::new(String::new());
    let send = async |message: String| {
        *sent.lock().unwrap() = message;
        Ok(())
    };
    assert_eq!(withdrawal().handle(&forced, send).await, runtime::Outcome::Done);
    let rest = WithdrawRequest::parse(&sent.lock().unwrap()).unwrap();
    assert!(rest.force && rest.after.is_some());
    assert!(!world.withdrawn().is_empty());
    assert_eq!(counted("ProductsWithdrawn"), Some(world.withdrawn().len() as u64));
}
