//! What is held waits for a person, whoever races, dies or loses a lease; and every rule of it is needed.

use model::check;
use model::held::{Guarded, RULES, small};

#[test]
fn what_is_held_waits_for_a_person_and_is_not_lost() {
    for (name, model) in small() {
        let verdict = check(model, None);
        println!("{} states in {:.1} s: {name}", verdict.states, verdict.seconds);
        assert!(verdict.exhaustive && verdict.violated.is_empty(), "{name}: {:#?}", verdict.violated);
        assert!(verdict.unreachable.is_empty(), "{name}: never happens: {:?}", verdict.unreachable);
    }
}

#[test]
fn every_rule_of_it_is_needed() {
    for rule in RULES {
        let caught = small().into_iter().find_map(|(name, world)| {
            let verdict = check(Guarded { without: Some(rule), ..world }, None);
            verdict.violated.into_iter().next().map(|violation| (name, violation.property, violation.steps))
        });
        println!("without {rule:?}: {caught:?}");
        assert!(caught.is_some(), "nothing breaks without {rule:?}");
    }
}
