//! Whatever the order, and whoever dies: a product is what the newest of each part say together,
//! and every rule of it is needed.

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
        let verdict = check(world.clone(), None);
        println!("{:?}: {} states", world.records, verdict.states);
        assert!(verdict.exhaustive && verdict.violated.is_empty(), "{world:?}: {:#?}", verdict.violated);
        assert!(verdict.unreachable.is_empty(), "{world:?} never: {:?}", verdict.unreachable);
    }
}

#[test]
fn every_rule_of_it_is_needed() {
    for rule in RULES {
        let caught = worlds().into_iter().find_map(|world| {
            let verdict = check(Parts { without: Some(rule), ..world.clone() }, None);
            verdict.violated.first().map(|violation| (world.records, violation.property, violation.steps.clone()))
        });
        println!("without {rule:?}: {caught:?}");
        assert!(caught.is_some(), "nothing breaks without {rule:?}");
    }
}
