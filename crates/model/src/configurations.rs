//! The worlds in which the protocol is checked.
//!
//! The small ones are part of `cargo test`; the large ones, with more than a million states each,
//! of `make model`.

use crate::pipeline::{Faults, Feed, Pipeline};
use crate::runs::Runs;

/// Nothing goes wrong.
pub(crate) const NONE: Faults = Faults {
    crashes: 0,
    timeouts: 0,
    stalls: 0,
    duplicates: 0,
    losses: 0,
    refusals: 0,
    redrives: 0,
    edits: 0,
    deletions: 0,
    undone: 0,
    taken_off: 0,
};

/// Feeds by what they say of the product, oldest first; a small letter is a fast run.
#[must_use]
pub fn feeds(say: &str) -> Vec<Feed> {
    say.chars().map(|letter| Feed { says: letter.to_ascii_uppercase(), fast: letter.is_ascii_lowercase() }).collect()
}

fn pipeline(name: &'static str, say: &str, workers: usize, faults: Faults) -> (&'static str, Pipeline) {
    (name, Pipeline { feeds: feeds(say), workers, faults, mutation: None })
}

/// Small worlds: every kind of fault, one at a time.
#[must_use]
pub fn small() -> Vec<(&'static str, Pipeline)> {
    vec![
        pipeline(
            "a person takes it off sale in the shop",
            "A",
            1,
            Faults { taken_off: 1, edits: 1, redrives: 1, ..NONE },
        ),
        pipeline(
            "taken off in the shop, deleted in the PIM",
            "A",
            1,
            Faults { taken_off: 1, deletions: 1, redrives: 1, ..NONE },
        ),
        pipeline(
            "taken off in the shop, a function dies",
            "A",
            1,
            Faults { taken_off: 1, crashes: 1, redrives: 1, ..NONE },
        ),
        pipeline("two feeds in any order, two workers a stage", "AB", 2, NONE),
        pipeline("a product that changes and changes back", "ABA", 1, NONE),
        pipeline(
            "a product that changes and changes back, a target refuses it",
            "ABA",
            1,
            Faults { refusals: 1, ..NONE },
        ),
        pipeline("two fast feeds in any order", "ab", 1, NONE),
        pipeline("a person edits", "AB", 1, Faults { edits: 1, ..NONE }),
        pipeline("a person edits and takes it back", "A", 2, Faults { edits: 3, ..NONE }),
        pipeline("a person deletes", "A", 1, Faults { deletions: 1, ..NONE }),
        pipeline("a person deletes and restores or releases", "A", 1, Faults { deletions: 1, undone: 1, ..NONE }),
        pipeline("a person deletes, a message is lost", "A", 1, Faults { deletions: 1, losses: 1, ..NONE }),
        pipeline("a message is lost", "AB", 2, Faults { losses: 1, ..NONE }),
        pipeline("a person edits, a message is lost", "A", 1, Faults { edits: 2, losses: 1, ..NONE }),
        pipeline("a person edits, a function dies", "A", 1, Faults { crashes: 1, edits: 1, ..NONE }),
        pipeline("a target refuses", "AB", 1, Faults { refusals: 1, edits: 1, ..NONE }),
        pipeline("a target refuses, two workers a stage", "A", 2, Faults { refusals: 1, edits: 1, ..NONE }),
        pipeline("a function dies", "A", 2, Faults { crashes: 1, ..NONE }),
        pipeline("a request times out", "A", 2, Faults { timeouts: 1, edits: 1, ..NONE }),
        pipeline("a function outlives its lease", "A", 2, Faults { stalls: 1, edits: 1, ..NONE }),
        pipeline("messages are duplicated and sent again", "A", 2, Faults { duplicates: 1, redrives: 1, ..NONE }),
    ]
}

#[must_use]
pub fn large() -> Vec<(&'static str, Pipeline)> {
    vec![
        pipeline("two feeds, a function dies", "AB", 2, Faults { crashes: 1, ..NONE }),
        pipeline("two feeds, a request times out", "AB", 2, Faults { timeouts: 1, ..NONE }),
        pipeline("two feeds, a function outlives its lease", "AB", 2, Faults { stalls: 1, ..NONE }),
        pipeline("two feeds, duplicates and an old message", "AB", 2, Faults { duplicates: 1, redrives: 1, ..NONE }),
        pipeline("three feeds, changes and changes back, a function dies", "ABA", 1, Faults { crashes: 1, ..NONE }),
        pipeline("a person edits and takes it back, a function dies", "A", 1, Faults { crashes: 1, edits: 2, ..NONE }),
        pipeline("two feeds, a person edits, a function dies", "AB", 1, Faults { crashes: 1, edits: 1, ..NONE }),
        pipeline("two feeds, a target refuses, a person edits", "AB", 2, Faults { refusals: 1, edits: 1, ..NONE }),
        pipeline(
            "two feeds, a person takes it off sale in the shop",
            "AB",
            1,
            Faults { taken_off: 1, edits: 1, ..NONE },
        ),
        pipeline(
            "two feeds, deleted in the PIM, taken off in the shop",
            "AB",
            1,
            Faults { taken_off: 1, deletions: 1, ..NONE },
        ),
        pipeline("a person deletes, a function dies", "A", 1, Faults { crashes: 1, deletions: 1, ..NONE }),
        pipeline("two feeds, a person deletes", "AB", 1, Faults { deletions: 1, ..NONE }),
        pipeline(
            "two feeds, a person deletes and restores or releases",
            "AB",
            1,
            Faults { deletions: 1, undone: 1, ..NONE },
        ),
        pipeline("a person deletes, a request lands late", "A", 1, Faults { deletions: 1, timeouts: 1, ..NONE }),
        pipeline("four feeds, strict", "ABAA", 1, NONE),
        pipeline("two fast feeds, a function dies", "ab", 1, Faults { crashes: 1, ..NONE }),
    ]
}

/// A feed run with everything that can go wrong with it.
#[must_use]
pub fn run() -> (&'static str, Runs) {
    let faults = Faults { crashes: 2, stalls: 1, duplicates: 2, ..NONE };
    ("a feed run", Runs { records: 3, readers: 2, faults, mutation: None })
}
