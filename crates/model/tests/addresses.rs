//! Addresses last, whoever races, dies, renames or moves; and every rule of it is needed.

mod common;

use common::{each_is_needed, holds};
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
        holds(name, &check(model, None));
    }
}

#[test]
fn every_rule_of_it_is_needed() {
    each_is_needed(&RULES, |rule| std::iter::once(check(Addresses { without: Some(rule), ..world() }, None)));
}
