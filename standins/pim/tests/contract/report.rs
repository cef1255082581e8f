//! What was reproduced and what was not, against the checked-in list of what is not.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// A recording that the stand-in does not reproduce, with the reason.
#[derive(Debug)]
pub(crate) struct Known {
    /// The recording; a `*` at the end stands for the rest of a name.
    pub(crate) name: &'static str,
    /// Whether it counts among objects, listings and errors.
    pub(crate) counts: bool,
    /// Why.
    pub(crate) reason: &'static str,
}

impl Known {
    pub(crate) fn covers(&self, name: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == self.name,
        }
    }
}

/// The outcome of a replay.
#[derive(Debug, Default)]
pub(crate) struct Report {
    outcomes: BTreeMap<(&'static str, String), Option<String>>,
}

impl Report {
    /// Notes what a recording gave: nothing, or how the answer differs.
    pub(crate) fn add(&mut self, part: &'static str, name: &str, difference: Option<String>) {
        self.outcomes.insert((part, name.to_owned()), difference);
    }

    /// Prints the table, leaves it in `target/reports/`, and says what is wrong with it:
    /// differences that the list does not explain, entries of the list that are reproduced after
    /// all, and fewer than `share` percent of what counts.
    pub(crate) fn verdict(&self, part: &str, known: &[&[Known]], share: usize) -> Result<(), String> {
        let known: Vec<&Known> = known.iter().copied().flatten().collect();
        let mut reproduced = 0;
        let mut counted = 0;
        let mut wrong = String::new();
        let mut table = String::new();
        for ((own, name), difference) in &self.outcomes {
            if *own != part {
                continue;
            }
            let entry = known.iter().find(|entry| entry.covers(name));
            match (difference, entry) {
                (None, None) => reproduced += 1,
                (None, Some(_)) => {
                    // Written off, and yet the same.
                    let _ = writeln!(wrong, "{name} is reproduced now: take it off the list");
                }
                (Some(difference), None) => {
                    let _ = writeln!(wrong, "{name} differs: {difference}");
                }
                (Some(_), Some(entry)) => {
                    let _ = writeln!(table, "  {:58} {}", name, entry.reason);
                }
            }
            counted += usize::from(entry.is_none_or(|entry| entry.counts));
        }
        let mut report =
            format!("{part}: reproduced {reproduced} of {counted} recordings of objects, listings and errors\n");
        if !table.is_empty() {
            let _ = writeln!(report, "not reproduced, or not a matter of objects, listings and errors:\n{table}");
        }
        println!("{report}");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../reports");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("pim-contract-{part}.txt")), report).unwrap();
        for entry in &known {
            if !self.outcomes.keys().any(|(own, name)| *own == part && entry.covers(name)) {
                let _ = writeln!(wrong, "{} is on the list and not among the recordings", entry.name);
            }
        }
        if reproduced * 100 < counted * share {
            let _ = writeln!(wrong, "{reproduced} of {counted} is less than {share} %");
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}
