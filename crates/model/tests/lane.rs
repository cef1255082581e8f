//! Prices that go ahead of the PIM end where they should, whoever races, dies or loses messages;
//! and every rule of it is needed.

mod common;

use common::{each_is_needed, holds};
use model::check;
use model::lane::{Lane, RULES, small};

#[test]
fn prices_that_go_ahead_end_where_they_should() {
    for (name, model) in small() {
        holds(name, &check(model, None));
    }
}

#[test]
fn every_rule_of_it_is_needed() {
    each_is_needed(&RULES, |rule| {
        small().into_iter().map(move |(_, world)| check(Lane { without: Some(rule), ..world }, None))
    });
}
