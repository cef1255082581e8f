//! What the last file of a declared part said, so that a line that says it again costs no read.
//!
//! A run that read all of a file while no other run of its part was under way leaves an *index* in
//! the bucket: of each line that the ledger then said, and that waits for no product, a digest. The
//! part's item names it. A later run that finds it there, and nobody under way, passes over the
//! lines that are in it.
//!
//! - A run **registers, then begins**. Beginning writes the item: whoever is under way is listed
//!   (`open`). Nobody else's lines are written between the index and the beginning, so passing
//!   over a line is reading it at that moment; an older run that begins later finds the newer one
//!   registered ([`super::register`]).
//! - A run that begins while another is under way takes the index away. So does one that finds
//!   another listed which has ended without a word: it may have written lines.
//! - A run **ends** by leaving its index if it was alone all the time (`alone`), and read its
//!   file from the beginning to the end in one go: what an invocation before it found out of date,
//!   or waiting, it does not know.
//! - Whoever dies is listed, and may take its run up: alone, by the same index.
//!
//! An index that is lost or damaged costs reads. Once a day all lines are read ([`LOOK_MS`]).

use serde::{Deserialize, Serialize};

use super::expression::{Change, Condition, Item, Operand, Value, Write};
use super::part_file::item_key;
use super::run::RunId;

/// After so long all lines are read once more: what nobody foresaw heals.
pub const LOOK_MS: i64 = 86_400_000;

const INDEX: &str = "last";
const OPEN: &str = "open";
const ALONE: &str = "alone";
const REVISION: &str = "revision";

/// An index in the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Index {
    /// The run that left it.
    pub run: String,
    /// Digest of the object.
    pub digest: String,
    /// How many lines are in it.
    pub lines: u64,
    /// When (ms) a run last read every line.
    pub looked: i64,
}

/// The part's item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LastFile {
    /// What the last file said.
    index: Option<Index>,
    /// Runs that have begun, and of whose end nobody knows.
    pub open: Vec<RunId>,
    /// The one that is listed was alone all the time.
    alone: bool,
    revision: i64,
}

impl LastFile {
    /// Reads an item.
    #[must_use]
    pub fn of(item: &Item) -> Self {
        let json = |name: &str| item.get(name).and_then(Value::text);
        Self {
            index: json(INDEX).and_then(|json| serde_json::from_str(json).ok()),
            open: json(OPEN).and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default(),
            alone: item.contains_key(ALONE),
            revision: item.get(REVISION).and_then(Value::number).unwrap_or(0),
        }
    }

    /// The index by which a run may pass lines over, as far as anybody can tell before it has
    /// begun.
    #[must_use]
    pub fn index_for(&self, run: &RunId) -> Option<&Index> {
        let mine = self.open.is_empty() || (self.alone && self.open == std::slice::from_ref(run));
        self.index.as_ref().filter(|_| mine)
    }

    /// Whether all lines are to be read, whatever an index says.
    #[must_use]
    pub const fn is_to_look(index: &Index, now: i64) -> bool {
        now - index.looked >= LOOK_MS
    }

    /// Begins a run, of this item as it was read; `ended` are those listed that have ended. What it
    /// may go by is [`Self::index_for`] of the same item.
    #[must_use]
    pub fn begin(&self, register: &str, run: &RunId, ended: &[RunId]) -> Write {
        let others = self.open.iter().filter(|one| *one != run && !ended.contains(one));
        let mut open: Vec<RunId> = others.cloned().collect();
        let resumed = self.open.contains(run);
        let alone = if resumed { self.alone && self.open.len() == 1 } else { open.is_empty() };
        let index = self.index_for(run).cloned();
        open.push(run.clone());
        self.write(register, &Self { index, open, alone, revision: self.revision + 1 })
    }

    /// Ends a run, of this item as it was read, with the index that it leaves; nothing where it has
    /// not begun.
    #[must_use]
    pub fn end(&self, register: &str, run: &RunId, index: Option<Index>) -> Option<Write> {
        if !self.open.contains(run) {
            return None;
        }
        let alone = self.alone && self.open == std::slice::from_ref(run);
        let open = self.open.iter().filter(|one| *one != run).cloned().collect();
        let index = index.filter(|_| alone);
        Some(self.write(register, &Self { index, open, alone: false, revision: self.revision + 1 }))
    }

    fn write(&self, register: &str, then: &Self) -> Write {
        let condition = match self.revision {
            0 => Condition::Absent(REVISION),
            revision => Condition::Eq(REVISION, Operand::Value(revision.into())),
        };
        let json = |open: &Vec<RunId>| serde_json::to_string(open).unwrap_or_default();
        let index = then.index.as_ref().and_then(|index| serde_json::to_string(index).ok());
        let changes = vec![
            Change::Set(REVISION, then.revision.into()),
            if then.open.is_empty() { Change::Remove(OPEN) } else { Change::Set(OPEN, json(&then.open).into()) },
            if then.alone { Change::Set(ALONE, 1.into()) } else { Change::Remove(ALONE) },
            index.map_or(Change::Remove(INDEX), |index| Change::Set(INDEX, index.into())),
        ];
        Write { key: item_key(register), condition, changes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PART: &str = "acme/stock";

    fn run(name: &str) -> RunId {
        RunId { bucket: "b".into(), key: format!("incoming/acme/stock/{name}"), object_version: "v".into() }
    }

    fn index(name: &str) -> Index {
        Index { run: name.into(), digest: "d".into(), lines: 1, looked: 1 }
    }

    fn begun(item: &mut Item, name: &str, ended: &[&str]) -> Option<Index> {
        let part = LastFile::of(item);
        let ended: Vec<RunId> = ended.iter().map(|name| run(name)).collect();
        *item = part.begin(PART, &run(name), &ended).apply(item).unwrap();
        part.index_for(&run(name)).cloned()
    }

    fn ended(item: &mut Item, name: &str) {
        *item = LastFile::of(item).end(PART, &run(name), Some(index(name))).unwrap().apply(item).unwrap();
    }

    #[test]
    fn a_run_goes_by_what_the_one_before_left_and_a_dead_one_goes_on_by_it() {
        let mut item = Item::new();
        assert_eq!(begun(&mut item, "a", &[]), None);
        ended(&mut item, "a");
        assert_eq!(begun(&mut item, "b", &[]), Some(index("a")));
        assert_eq!(begun(&mut item, "b", &[]), Some(index("a")), "taken up again");
        ended(&mut item, "b");
        assert_eq!(begun(&mut item, "c", &[]), Some(index("b")));
    }

    #[test]
    fn whoever_is_not_alone_leaves_nothing_and_takes_away_what_is_there() {
        let mut item = Item::new();
        begun(&mut item, "a", &[]);
        ended(&mut item, "a");
        begun(&mut item, "b", &[]);
        assert_eq!(begun(&mut item, "c", &[]), None);
        assert_eq!(begun(&mut item, "b", &[]), None, "the lines of c came between");
        ended(&mut item, "b");
        ended(&mut item, "c");
        assert_eq!(begun(&mut item, "d", &[]), None);
        ended(&mut item, "d");
        assert_eq!(begun(&mut item, "e", &[]), Some(index("d")));
    }

    #[test]
    fn one_that_ended_without_a_word_may_have_written_lines() {
        let mut item = Item::new();
        begun(&mut item, "a", &[]);
        ended(&mut item, "a");
        begun(&mut item, "b", &[]);
        assert_eq!(begun(&mut item, "c", &["b"]), None);
        ended(&mut item, "c");
        assert_eq!(begun(&mut item, "d", &[]), Some(index("c")), "c was alone");
        // Two at once, of which one ends without a word: the other was not alone.
        begun(&mut item, "e", &[]);
        assert_eq!(begun(&mut item, "d", &["e"]), None);
        ended(&mut item, "d");
        assert_eq!(begun(&mut item, "f", &[]), None);
    }

    #[test]
    fn nobody_writes_over_what_was_not_read() {
        let mut item = Item::new();
        let before = LastFile::of(&item);
        begun(&mut item, "a", &[]);
        assert!(before.begin(PART, &run("b"), &[]).apply(&item).is_err());
        let one = LastFile::of(&item);
        begun(&mut item, "b", &[]);
        assert!(one.end(PART, &run("a"), None).unwrap().apply(&item).is_err());
        assert_eq!(one.end(PART, &run("c"), None), None, "it was refused before it began");
        assert!(LastFile::is_to_look(&index("a"), LOOK_MS + 1) && !LastFile::is_to_look(&index("a"), LOOK_MS));
    }
}
