//! Configuration that is in force: files of the bucket which decide how feeds are read and what is wanted of products, changed without a deployment.
//!
//! | item | |
//! |---|---|
//! | `C#<kind>`, `n#<name>` | the *head*: which text is in force, and why the newest file is not, if it was refused |
//! | `C#<kind>#<name>`, a digest | a text that is or was in force: work that began by it goes on by it |
//!
//! It is level-triggered like everything else. A message says that a file changed; whoever gets it reads the head, then the file as it is now, checks it as a
//! whole, keeps its text, and [records](record) the head if nobody has since. Who read an older file than somebody else did is refused and looks
//! again, so at rest the head speaks of the newest file, in whatever order messages come, and as often as they like. What is refused leaves what is in force
//! as it is.

use serde::{Deserialize, Serialize};

use super::expression::{Change, Condition, Item, ItemKey, Operand, Value, Write};

const REVISION: &str = "revision";
const DIGEST: &str = "digest";
const SINCE: &str = "since";
const FILES: &str = "files";
const REFUSED: &str = "refused";
const LOOKS_BACK: &str = "looks_back";
const TEXT: &str = "text";
/// What the sort key of a head begins with: no name is taken for another item's sort key.
const NAME: &str = "n#";
/// Bytes of a text; an item holds 400 kB.
pub const MAX_TEXT_BYTES: usize = 256 << 10;

/// A file that cannot be in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The digest of what was refused.
    pub digest: String,
    /// When, in ms.
    pub at: i64,
    /// Why: each with file, line and reason.
    pub problems: Vec<String>,
}

/// What the head of a name says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// Counts what was written; 0 where there is no item.
    pub revision: i64,
    /// Which text is in force; none before the first one, and after its file was removed.
    pub digest: Option<String>,
    /// Since when (ms) it is as it is.
    pub since: Option<i64>,
    /// The files that it is made of, the leading one first.
    pub files: Vec<String>,
    /// Why the newest file is not in force.
    pub refused: Option<Refused>,
    /// Since when (ms) what is in force looks back at what was wanted before ([`super::held`]); `None` if it does not.
    pub looks_back: Option<i64>,
}

impl Head {
    /// Reads an item.
    #[must_use]
    pub fn of(item: &Item) -> Self {
        let text = |name: &str| item.get(name).and_then(Value::text);
        Self {
            revision: item.get(REVISION).and_then(Value::number).unwrap_or(0),
            digest: text(DIGEST).map(str::to_owned),
            since: item.get(SINCE).and_then(Value::number),
            files: text(FILES).map(|files| files.lines().map(str::to_owned).collect()).unwrap_or_default(),
            refused: text(REFUSED).and_then(|json| serde_json::from_str(json).ok()),
            looks_back: item.get(LOOKS_BACK).and_then(Value::number),
        }
    }
}

/// What came of looking at a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It can be in force.
    Sound {
        /// Its digest; its text is kept already.
        digest: String,
        /// The files that it is made of.
        files: Vec<String>,
        /// It looks back at what was wanted before.
        looks_back: bool,
    },
    /// It cannot.
    Refused(Refused),
    /// It is gone.
    Removed,
}

/// The partition of a kind's heads.
#[must_use]
pub fn partition(kind: &str) -> String {
    format!("C#{kind}")
}

/// The key of a head.
#[must_use]
pub fn head_key(kind: &str, name: &str) -> ItemKey {
    ItemKey { pk: partition(kind), sk: format!("{NAME}{name}") }
}

/// The name in a head's sort key.
#[must_use]
pub fn name_in(sk: &str) -> Option<&str> {
    sk.strip_prefix(NAME)
}

/// The key of a text.
#[must_use]
pub fn text_key(kind: &str, name: &str, digest: &str) -> ItemKey {
    ItemKey { pk: format!("C#{kind}#{name}"), sk: digest.to_owned() }
}

/// The text of an item.
#[must_use]
pub fn text_of(item: &Item) -> Option<&[u8]> {
    match item.get(TEXT) {
        Some(Value::B(bytes)) => Some(bytes),
        _ => None,
    }
}

/// Keeps a text. Its name is its digest, so that the same is kept once.
#[must_use]
pub fn keep(kind: &str, name: &str, digest: &str, text: &[u8]) -> Write {
    Write {
        key: text_key(kind, name, digest),
        condition: Condition::Absent(TEXT),
        changes: vec![Change::Set(TEXT, text.to_vec().into())],
    }
}

/// Whether a head says already what was found.
#[must_use]
pub fn says(head: &Head, found: &Found) -> bool {
    match found {
        Found::Sound { digest, files, .. } => {
            head.refused.is_none() && head.digest.as_ref() == Some(digest) && head.files == *files
        }
        Found::Refused(refused) => head.refused.as_ref().is_some_and(|known| known.digest == refused.digest),
        Found::Removed => head.digest.is_none() && head.refused.is_none(),
    }
}

/// Writes what was found, if the head is still as it was `seen`. The revision is counted up even where the head says it already: somebody who read an older
/// file may still be about to write, on the same head.
#[must_use]
pub fn record(kind: &str, name: &str, seen: &Head, found: &Found, now: i64) -> Write {
    let mut changes = match found {
        _ if says(seen, found) => Vec::new(),
        Found::Sound { digest, files, looks_back } => {
            let mut changes = vec![
                Change::Set(DIGEST, digest.clone().into()),
                Change::Set(FILES, files.join("\n").into()),
                Change::Remove(REFUSED),
            ];
            if seen.digest.as_ref() != Some(digest) {
                changes.push(Change::Set(SINCE, now.into()));
            }
            match (looks_back, seen.looks_back) {
                (true, None) => changes.push(Change::Set(LOOKS_BACK, now.into())),
                (false, Some(_)) => changes.push(Change::Remove(LOOKS_BACK)),
                _ => {}
            }
            changes
        }
        Found::Refused(refused) => {
            let json = serde_json::to_string(refused).unwrap_or_else(|error| unreachable!("a plain struct: {error}"));
            vec![Change::Set(REFUSED, json.into())]
        }
        Found::Removed => {
            let mut changes = vec![Change::Remove(DIGEST), Change::Remove(FILES), Change::Remove(REFUSED)];
            changes.push(Change::Set(SINCE, now.into()));
            changes.extend(seen.looks_back.map(|_| Change::Remove(LOOKS_BACK)));
            changes
        }
    };
    changes.push(Change::Add(REVISION, 1));
    let condition = match seen.revision {
        0 => Condition::Absent(REVISION),
        revision => Condition::Eq(REVISION, Operand::Value(revision.into())),
    };
    Write { key: head_key(kind, name), condition, changes }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(digest: &str) -> Found {
        Found::Refused(Refused { digest: digest.to_owned(), at: 1, problems: vec!["a.yaml:1:1: no".to_owned()] })
    }

    fn sound(digest: &str) -> Found {
        Found::Sound { digest: digest.to_owned(), files: vec!["a.yaml".to_owned()], looks_back: false }
    }

    #[test]
    fn what_is_refused_leaves_in_force_what_is_and_the_next_sound_one_ends_it() {
        let mut item = Item::new();
        for (found, digest, complains) in [
            (refused("x"), None, true),
            (sound("one"), Some("one"), false),
            (refused("two"), Some("one"), true),
            (sound("one"), Some("one"), false),
            (Found::Removed, None, false),
        ] {
            let seen = Head::of(&item);
            item = record("source", "acme", &seen, &found, 7).apply(&item).unwrap();
            let head = Head::of(&item);
            assert_eq!((head.digest.as_deref(), head.refused.is_some()), (digest, complains), "{found:?}");
            let again = Head::of(&record("source", "acme", &head, &found, 8).apply(&item).unwrap());
            assert!(
                says(&head, &found) && again == Head { revision: head.revision + 1, ..head },
                "again: nothing but counted"
            );
        }
    }

    #[test]
    fn rules_that_look_back_keep_their_beginning_until_others_do_not() {
        let mut item = Item::new();
        for (digest, looks_back, now, since) in [
            ("a", false, 1, None),
            ("b", true, 2, Some(2)),
            ("c", true, 3, Some(2)),
            ("d", false, 4, None),
            ("c", true, 5, Some(5)),
        ] {
            let found = Found::Sound { digest: digest.to_owned(), files: vec![], looks_back };
            item = record("rules", "shop", &Head::of(&item), &found, now).apply(&item).unwrap();
            assert_eq!(Head::of(&item).looks_back, since, "{digest}");
        }
        item = record("rules", "shop", &Head::of(&item), &Found::Removed, 6).apply(&item).unwrap();
        assert_eq!(Head::of(&item).looks_back, None);
    }

    proptest! {
        /// Readers of one file, each of which reads head, then file, then records, in steps that interleave in any way. The file changes in between, and every
        /// change wakes another reader.
        #[test]
        fn at_rest_the_head_speaks_of_the_newest_file(steps in proptest::collection::vec((0usize..4, 0u8..4), 0..80)) {
            let (mut item, mut file) = (Item::new(), None::<Found>);
            let mut readers: Vec<(usize, Head, Option<Found>)> = Vec::new();
            let advance = |item: &mut Item, file: &Option<Found>, reader: &mut (usize, Head, Option<Found>)| {
                let (at, seen, found) = reader;
                match *at {
                    0 => (*seen, *at) = (Head::of(item), 1),
                    1 => (*found, *at) = (Some(file.clone().unwrap_or(Found::Removed)), 2),
                    2 => *at = match record("s", "n", seen, found.as_ref().unwrap(), 5).apply(item) {
                        Ok(after) => { *item = after; 3 }
                        Err(_) => 0,
                    },
                    _ => {}
                }
            };
            for (who, what) in steps {
                if who == 0 {
                    file = match what { 0 => None, 1 => Some(sound("one")), 2 => Some(sound("two")), _ => Some(refused("bad")) };
                    readers.push((0, Head::default(), None));
                } else if !readers.is_empty() {
                    let at = (usize::from(what) + who) % readers.len();
                    advance(&mut item, &file, &mut readers[at]);
                }
            }
            for _ in 0..200 {
                for reader in &mut readers {
                    advance(&mut item, &file, reader);
                }
            }
            let head = Head::of(&item);
            match file {
                Some(Found::Sound { digest, .. }) => { prop_assert_eq!(head.digest, Some(digest)); prop_assert!(head.refused.is_none()); }
                Some(Found::Refused(why)) => prop_assert_eq!(head.refused.map(|refused| refused.digest), Some(why.digest)),
                Some(Found::Removed) | None => prop_assert_eq!((head.digest, head.refused), (None, None)),
            }
        }
    }
}
