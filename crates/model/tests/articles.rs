//! Members of articles are shown where the PIM has them, whoever races, dies, stalls or is not
//! answered; and every rule of it is needed.

mod common;

use common::{each_is_needed, holds};
use model::articles::{Articles, RULES, small};
use model::check;

#[test]
fn members_are_shown_where_the_pim_has_them() {
    for (name, model) in small() {
        holds(name, &check(model, None));
    }
}

#[test]
fn every_rule_of_it_is_needed() {
    each_is_needed(&RULES, |rule| {
        small().into_iter().map(move |(_, world)| check(Articles { without: Some(rule), ..world }, None))
    });
}
