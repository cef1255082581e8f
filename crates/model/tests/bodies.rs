//! Cleaning up large bodies never takes one that is needed, and every rule of it is.

mod common;

use common::{each_is_needed, holds};
use model::bodies::{Bodies, RULES};
use model::check;

/// A product that changes, changes back, and changes again.
fn world() -> Bodies {
    Bodies { feeds: vec![1, 2, 1, 2], crashes: 1, days: 2, without: None }
}

#[test]
fn no_body_is_deleted_that_somebody_needs() {
    holds("bodies", &check(world(), None));
}

#[test]
fn every_rule_of_it_is_needed() {
    each_is_needed(&RULES, |rule| std::iter::once(check(Bodies { without: Some(rule), ..world() }, None)));
}
