//! Cleaning up large bodies never takes one that is needed, and every rule of it is.

use model::bodies::{Bodies, RULES};
use model::check;

/// A product that changes, changes back, and changes again.
fn world() -> Bodies {
    Bodies { feeds: vec![1, 2, 1, 2], crashes: 1, days: 2, without: None }
}

#[test]
fn no_body_is_deleted_that_somebody_needs() {
    let verdict = check(world(), None);
    assert!(verdict.exhaustive && verdict.violated.is_empty(), "{:#?}", verdict.violated);
    assert!(verdict.unreachable.is_empty(), "never happens: {:?}", verdict.unreachable);
    println!("{} states", verdict.states);
}

#[test]
fn every_rule_of_it_is_needed() {
    for rule in RULES {
        let verdict = check(Bodies { without: Some(rule), ..world() }, None);
        let violation = verdict.violated.first();
        println!("without {rule:?}: {:?}", violation.map(|violation| (violation.property, &violation.steps)));
        assert!(violation.is_some(), "nothing breaks without {rule:?}");
    }
}
