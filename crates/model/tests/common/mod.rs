//! What is asked of every model.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::print_stdout,
    reason = "each test binary uses a part; how far it got is told"
)]

use std::fmt::Debug;

use model::Verdict;

/// Every state was visited, nothing is violated, and what should be possible is.
pub fn holds(name: impl Debug, verdict: &Verdict) {
    println!("{} states in {:.1} s: {name:?}", verdict.states, verdict.seconds);
    assert!(verdict.exhaustive && verdict.violated.is_empty(), "{name:?}: {:#?}", verdict.violated);
    assert!(verdict.unreachable.is_empty(), "{name:?}: never happens: {:?}", verdict.unreachable);
}

/// Without each of these rules something breaks in one of the worlds.
pub fn each_is_needed<R: Debug + Copy, W: Iterator<Item = Verdict>>(rules: &[R], worlds_without: impl Fn(R) -> W) {
    for rule in rules {
        let broken = worlds_without(*rule).find_map(|verdict| verdict.violated.into_iter().next());
        println!("without {rule:?}: {broken:?}");
        assert!(broken.is_some(), "nothing breaks without {rule:?}");
    }
}
