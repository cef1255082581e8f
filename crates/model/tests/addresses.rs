//! Addresses last, whoever races, dies, renames or moves; and every rule of it is needed.

use model::addresses::{Addresses, RULES};
use model::check;

/// Two products of one name, in every order of what can happen to them.
fn world() -> Addresses {
    Addresses { products: 2, renames: 2, stalls: 1, moves: 1, foreign: 0, without: None }
}

/// A person comes and goes at an address.
fn with_people() -> Addresses {
    Addresses { products: 1, renames: 1, stalls: 0, moves: 1, foreign: 2, without: None }
}

#[test]
fn addresses_last() {
    for (name, model) in [("two products", world()), ("a person's product", with_people())] {
        let verdict = check(model, None);
        assert!(verdict.exhaustive && verdict.violated.is_empty(), "{name}: {:#?}", verdict.violated);
        assert!(verdict.unreachable.is_empty(), "{name}: never happens: {:?}", verdict.unreachable);
        println!("{} states: {name}", verdict.states);
    }
}

#[test]
fn every_rule_of_it_is_needed() {
    for rule in RULES {
        let verdict = check(Addresses { without: Some(rule), ..world() }, None);
        let violation = verdict.violated.first();
        println!("without {rule:?}: {:?}", violation.map(|violation| (violation.property, &violation.steps)));
        assert!(violation.is_some(), "nothing breaks without {rule:?}");
    }
}
