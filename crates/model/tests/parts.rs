//! Whatever the order, and whoever dies: a product is what the newest of each part say together,
//! and every rule of it is needed.

mod common;

use common::{each_is_needed, holds};
use model::check;
use model::parts::{Parts, RULES};

fn worlds() -> Vec<Parts> {
    let world =
        |records: &[&'static str], before, crashes| Parts { records: records.to_vec(), before, crashes, without: None };
    vec![
        // Late older records of two parts; the other order; one that is withdrawn; three parts; a
        // product from before there were parts.
        world(&["uA", "aX", "uB", "aY"], false, 0),
        world(&["aX", "uA", "aY"], false, 1),
        world(&["uA", "aX", "aW", "uA"], false, 0),
        world(&["aW", "uA", "aX"], false, 1),
        world(&["uA", "aX", "bZ"], false, 1),
        world(&["uA", "aX", "uB", "aY"], true, 1),
        world(&["aX", "aX", "uA", "aX"], true, 0),
    ]
}

#[test]
fn at_rest_a_product_is_what_the_newest_of_each_part_say_together() {
    for world in worlds() {
        holds(&world.records, &check(world.clone(), None));
    }
}

#[test]
fn every_rule_of_it_is_needed() {
    each_is_needed(&RULES, |rule| {
        worlds().into_iter().map(move |world| check(Parts { without: Some(rule), ..world }, None))
    });
}
