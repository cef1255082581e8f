//! Whoever comes between, dies or gives up: what is passed over is as if it had been read, and
//! every rule of it is needed.

mod common;

use common::{each_is_needed, holds};
use model::check;
use model::last_file::{Files, RULES};

fn worlds() -> Vec<Files> {
    let world = |files: &[&'static [(&'static str, i32)]], before, at_once, crashes| Files {
        files: files.to_vec(),
        before,
        at_once,
        crashes,
        gives_up: None,
        without: None,
    };
    vec![
        // One after the other, at once, late, with one that dies.
        world(&[&[("K", 1)], &[("K", 2)], &[("K", 1)]], 1, 2, 1),
        world(&[&[("K", 1)], &[("K", 2)], &[("K", 1)]], 0, 1, 1),
        world(&[&[("K", 1)], &[("K", 1)], &[("K", 2)], &[("K", 1)]], 1, 2, 1),
        // What waits, and what is out of date where a reader dies.
        world(&[&[("K", 1), ("L", 1)], &[("K", 2), ("L", 1)], &[("K", 1), ("L", 1)]], 0, 1, 1),
        world(&[&[("K", 1), ("L", 1)], &[("K", 2), ("L", 1)], &[("K", 1), ("L", 1)]], 1, 2, 2),
        // One that ends without a word.
        Files { gives_up: Some(1), ..world(&[&[("K", 1)], &[("K", 2), ("L", 1)], &[("K", 1), ("L", 1)]], 1, 2, 0) },
        // Strict passes that were asked for by what came late, before something later still.
        world(&[&[("K", 1)], &[("K", 1)], &[("K", 2)], &[("L", 1)], &[("K", 1)]], 1, 1, 0),
    ]
}

#[test]
fn at_rest_the_ledger_says_what_the_newest_lines_said() {
    for world in worlds() {
        holds(&world.files, &check(world.clone(), None));
    }
}

#[test]
fn every_rule_of_it_is_needed() {
    each_is_needed(&RULES, |rule| {
        worlds().into_iter().map(move |world| check(Files { without: Some(rule), ..world }, None))
    });
}
