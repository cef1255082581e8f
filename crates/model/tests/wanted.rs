//! Rules that change reach what they concern, whoever races, dies or loses messages; and every rule
//! of it is needed.

mod common;

use common::{each_is_needed, holds};
use model::check;
use model::wanted::{RULES, Ruled, small};

#[test]
fn changed_rules_reach_what_they_concern() {
    for (name, model) in small() {
        holds(name, &check(model, None));
    }
}

#[test]
fn every_rule_of_it_is_needed() {
    each_is_needed(&RULES, |rule| {
        small().into_iter().map(move |(_, world)| check(Ruled { without: Some(rule), ..world }, None))
    });
}
