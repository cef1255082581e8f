//! What is held waits for a person, whoever races, dies or loses a lease; and every rule of it is needed.

mod common;

use common::{each_is_needed, holds};
use model::check;
use model::held::{Guarded, RULES, small};

#[test]
fn what_is_held_waits_for_a_person_and_is_not_lost() {
    for (name, model) in small() {
        holds(name, &check(model, None));
    }
}

#[test]
fn every_rule_of_it_is_needed() {
    each_is_needed(&RULES, |rule| {
        small().into_iter().map(move |(_, world)| check(Guarded { without: Some(rule), ..world }, None))
    });
}
