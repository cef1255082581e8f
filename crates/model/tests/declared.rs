//! Whatever comes first, and whoever dies: a product has what its newest record and lines say, and every rule of it is needed.

mod common;

use common::{each_is_needed, holds};
use model::check;
use model::lines::Brought::{Line, Record, Repeated};
use model::lines::{Brought, Lines, RULES};

fn worlds() -> Vec<Lines> {
    let world =
        |brought: &[Brought], before, crashes| Lines { brought: brought.to_vec(), before, crashes, without: None };
    vec![
        // A part and its product race.
        world(&[Line("K", Some(5)), Record("A", "K")], 0, 1),
        // Late older lines, of a product that is there, that comes, or that has just come; one that takes back what was said.
        world(&[Record("A", "K"), Line("K", Some(5)), Line("K", Some(6))], 1, 1),
        world(&[Line("K", Some(5)), Record("A", "K"), Line("K", Some(6))], 1, 1),
        world(&[Record("A", "K"), Line("K", Some(5)), Line("K", None)], 1, 1),
        // The product changes while a figure does, or gets another SKU.
        world(&[Record("A", "K"), Line("K", Some(5)), Record("B", "K")], 1, 1),
        world(&[Record("A", "K"), Line("L", Some(5)), Record("B", "L")], 1, 1),
        // A file that was cut off: of two lines one never came.
        world(&[Line("K", Some(5)), Line("L", Some(7)), Record("A", "K")], 1, 0),
        // What waits is said again while its product comes.
        world(&[Line("K", Some(5)), Repeated("K"), Record("A", "K")], 1, 0),
    ]
}

#[test]
fn at_rest_a_product_has_what_its_newest_record_and_lines_say() {
    for world in worlds() {
        holds(&world.brought, &check(world.clone(), None));
    }
}

#[test]
fn every_rule_of_it_is_needed() {
    each_is_needed(&RULES, |rule| {
        worlds().into_iter().map(move |world| check(Lines { without: Some(rule), ..world }, None))
    });
}
