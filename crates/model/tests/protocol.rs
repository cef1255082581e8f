//! The protocol in small worlds, and every rule of it taken out in turn.

mod common;

use std::time::Duration;

use common::holds;
use model::{check, configurations, rules};

#[test]
fn the_protocol_holds_in_every_small_world() {
    for (name, model) in configurations::small() {
        holds(name, &check(model, None));
    }
}

#[test]
fn a_feed_run_is_read_once_and_counted_exactly() {
    let (name, model) = configurations::run();
    holds(name, &check(model, None));
}

#[test]
fn every_rule_is_needed() {
    let limit = Some(Duration::from_secs(300));
    let products = rules::of_products().into_iter().map(|model| (model.mutation.unwrap(), check(model, limit)));
    let runs = rules::of_runs().into_iter().map(|model| (model.mutation.unwrap(), check(model, limit)));
    let mut not_caught = Vec::new();
    for (mutation, verdict) in products.chain(runs) {
        match verdict.violated.first() {
            Some(violation) => println!("without {:?} breaks {:?}", mutation.without, violation.property),
            None => not_caught.push(mutation.without),
        }
    }
    assert!(not_caught.is_empty(), "nothing breaks without these rules: {not_caught:#?}");
}
