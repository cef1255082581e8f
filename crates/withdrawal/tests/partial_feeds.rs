//! What partial feeds brought: a full feed that lacks it withdraws it, too.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use proptest::prelude::*;
use withdrawal::Outcome;

use crate::world::{World, accepted, ids, ids_of, version};

#[tokio::test]
async fn what_was_brought_before_there_were_notes_stays_until_a_full_feed_has_it() {
    let world = World::new();
    world.run(&world.feed(1, &ids(0..20), true)).await.unwrap();
    // A partial feed of an earlier version brought a product, which the next full feed does not know.
    world.put("p20", &version(2, 0));
    assert_eq!(world.run(&world.feed(3, &ids(0..20), true)).await, accepted(0, 0, 0));
    assert!(world.withdrawn().is_empty());
    world.run(&world.feed(4, &ids(0..21), true)).await.unwrap();
    assert_eq!(world.run(&world.feed(5, &ids(0..20), true)).await, accepted(1, 0, 0));
    assert_eq!(world.withdrawn(), ["p20"]);
}

#[tokio::test]
async fn what_only_a_partial_feed_brought_is_withdrawn_by_the_next_full_feed_and_then_forgotten() {
    let world = World::new();
    world.run(&world.feed(1, &ids(0..20), true)).await.unwrap();
    for id in ["p20", "p27", "p21"] {
        world.bring(id, 2, false);
    }
    assert_eq!(world.run(&world.feed(3, &ids(0..21), true)).await, accepted(2, 0, 0));
    assert_eq!((world.withdrawn(), world.announced()), (ids_of(&["p21", "p27"]), 2));
    assert_eq!(world.run(&world.feed(4, &ids(0..21), true)).await, accepted(0, 0, 0));
    assert_eq!(world.noted(), Vec::<String>::new());
    // Brought back by a partial feed, and lacking again.
    world.bring("p21", 5, false);
    assert_eq!(world.run(&world.feed(6, &ids(0..21), true)).await, accepted(1, 0, 0));
    assert_eq!(world.withdrawn(), ids_of(&["p21", "p27"]));
}

#[tokio::test]
async fn what_is_newer_than_the_full_feed_stays_and_the_next_one_knows_of_it() {
    let world = World::new();
    world.run(&world.feed(1, &ids(0..20), true)).await.unwrap();
    let second = world.feed(2, &ids(1..20), true);
    // Between the feed and its comparison: one that nobody had, and one that only the first had.
    world.bring("p20", 3, false);
    world.bring("p0", 3, false);
    assert_eq!(world.run(&second).await, accepted(0, 0, 1));
    assert!(world.withdrawn().is_empty());
    assert_eq!(world.run(&world.feed(4, &ids(1..20), true)).await, accepted(2, 0, 0));
    assert_eq!(world.withdrawn(), ids_of(&["p0", "p20"]));
}

#[tokio::test]
async fn a_note_without_its_product_withdraws_nothing_and_the_product_may_still_come() {
    let world = World::new();
    world.run(&world.feed(1, &ids(0..20), true)).await.unwrap();
    for id in ["p20", "p21", "p22", "p23", "p24"] {
        world.bring(id, 2, true);
    }
    assert_eq!(world.run(&world.feed(3, &ids(0..20), true)).await, accepted(0, 0, 0), "nor does the guard count them");
    // The feed of before is delivered again: older than the full feed that lacks it.
    world.bring("p20", 2, false);
    assert_eq!(world.run(&world.feed(4, &ids(0..20), true)).await, accepted(1, 0, 0));
    assert_eq!(world.withdrawn(), ["p20"]);
}

#[tokio::test]
async fn the_guard_counts_what_partial_feeds_brought() {
    let world = World::new();
    world.run(&world.feed(1, &ids(0..20), true)).await.unwrap();
    for id in ids(20..30) {
        world.bring(&id, 2, false);
    }
    let third = world.feed(3, &ids(0..22), true);
    assert_eq!(world.run(&third).await, Ok(Outcome::Refused { missing: 8, of: 30 }));
    assert_eq!((world.withdrawn().len(), world.noted().len()), (0, 10), "all is as it was");
    let fourth = world.feed(4, &ids(0..25), true);
    assert_eq!(world.run(&fourth).await, accepted(5, 0, 0), "5 of 30");
}

#[tokio::test]
async fn a_comparison_that_died_before_announcing_announces_what_was_brought_too() {
    let world = World::new();
    world.run(&world.feed(1, &ids(0..20), true)).await.unwrap();
    world.bring("p20", 2, false);
    let third = world.feed(3, &ids(0..20), true);
    world.patience.store(0, Ordering::Relaxed);
    assert_eq!(world.run(&third).await.unwrap_err().code, "announce_failed");
    world.announced();
    assert_eq!(world.run(&third).await, accepted(0, 1, 0));
    assert_eq!(world.announced(), 1);
}

/// What happens to a source, in the order in which it happens; the numbers are the order in which it was said.
#[derive(Debug, Clone)]
enum Step {
    Partial { n: u64, id: usize, crash: bool },
    Full { n: u64, ids: BTreeSet<usize>, at_once: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let partial =
        (1..40_u64, 0..7_usize, prop::bool::weighted(0.2)).prop_map(|(n, id, crash)| Step::Partial { n, id, crash });
    let full = (1..40_u64, prop::collection::btree_set(0..7_usize, 1..7), any::<bool>())
        .prop_map(|(n, ids, at_once)| Step::Full { n, ids, at_once });
    prop_oneof![2 => partial, 1 => full]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn at_rest_only_what_the_last_full_feed_has_is_for_sale(
        steps in prop::collection::vec(step(), 0..14), last in prop::collection::btree_set(0..7_usize, 1..7),
    ) {
        let world = World::new();
        let named = |ids: &BTreeSet<usize>| ids.iter().map(|n| format!("p{n}")).collect::<Vec<_>>();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (mut waiting, mut seen) = (Vec::new(), BTreeSet::new());
        runtime.block_on(async {
            for step in &steps {
                match step {
                    Step::Partial { n, id, crash } => world.bring(&format!("p{id}"), *n, *crash),
                    Step::Full { n, ids, at_once } if seen.insert(*n) => {
                        let request = world.late_feed(*n, &named(ids));
                        if *at_once { world.run(&request).await.unwrap(); } else { waiting.push(request); }
                    }
                    Step::Full { .. } => {}
                }
            }
            for request in &waiting {
                world.run(request).await.unwrap();
            }
            for n in [100, 101] {
                world.run(&world.late_feed(n, &named(&last))).await.unwrap();
            }
        });
        prop_assert_eq!(world.for_sale(), named(&last).into_iter().collect::<BTreeSet<_>>());
    }
}
