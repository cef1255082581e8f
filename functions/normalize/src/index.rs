//! What the lines of a file said, as digests: the index that a run of a declared part leaves in the
//! bucket ([`ledger::core::last_file`]).
//!
//! Entries are 16 bytes, ordered: eight of what a line is about, eight of what it says. The digests
//! are the standard library's; should they change with a release, or the object be damaged, nothing
//! is found in it, and lines are read.

use std::hash::{Hash, Hasher};

use catalog::Line;

/// What the object begins with: a release that writes it otherwise says so here.
const MAGIC: &[u8; 16] = b"relay lines  1\n\n";
/// Bytes of an entry.
const ENTRY: usize = 16;
/// Lines of a file up to which there is an index: 24 MB, kept in memory while the file is read.
pub const MOST: usize = 1_500_000;
/// Bytes of an index at most.
pub const LIMIT: u64 = (MOST * ENTRY + MAGIC.len()) as u64;

/// A line: what it is about, what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry(u64, u64);

impl Entry {
    /// Of a line.
    #[must_use]
    pub fn of(line: &Line) -> Self {
        Self(digest(&line.about), digest(&line.says))
    }

    /// What it is about.
    #[must_use]
    pub const fn about(self) -> u64 {
        self.0
    }
}

/// A digest, for nothing but being compared.
pub fn digest(value: &impl Hash) -> u64 {
    let mut hasher = std::collections::hash_map::DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The place of the bucket where a part's index is.
#[must_use]
pub fn key(register: &str) -> String {
    format!("manifests/.lines/{register}")
}

/// The lines of a file that is looked through.
#[derive(Debug, Default)]
pub struct Entries(Vec<Entry>);

impl Entries {
    /// Adds one; nothing more once there are too many.
    pub fn add(&mut self, entry: Entry) {
        if self.0.len() <= MOST {
            self.0.push(entry);
        }
    }

    /// Puts them into their order; `false` where there are too many, or something is said twice and
    /// not alike.
    pub fn settle(&mut self) -> bool {
        self.0.sort_unstable();
        self.0.dedup();
        self.0.len() <= MOST && self.0.windows(2).all(|pair| pair[0].0 != pair[1].0)
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The object, without what is about these, and its digest.
    #[must_use]
    pub fn encoded(&self, apart: &mut [u64]) -> (Vec<u8>, String) {
        apart.sort_unstable();
        let mut bytes = Vec::with_capacity(MAGIC.len() + self.0.len() * ENTRY);
        bytes.extend_from_slice(MAGIC);
        for Entry(about, says) in self.0.iter().filter(|entry| apart.binary_search(&entry.0).is_err()) {
            bytes.extend_from_slice(&about.to_le_bytes());
            bytes.extend_from_slice(&says.to_le_bytes());
        }
        let digest = blake3::hash(&bytes).to_hex().to_string();
        (bytes, digest)
    }
}

/// An index as it was read.
#[derive(Debug)]
pub struct LastSaid {
    bytes: Vec<u8>,
    /// Where the entries begin whose first bits are so and so.
    starts: Vec<u32>,
    shift: u32,
}

impl LastSaid {
    /// Reads an object, if it is the one of this digest.
    #[must_use]
    pub fn read(bytes: Vec<u8>, digest: &str) -> Option<Self> {
        let whole = bytes.starts_with(MAGIC) && bytes.len().is_multiple_of(ENTRY) && bytes.len() as u64 <= LIMIT;
        if !whole || blake3::hash(&bytes).to_hex().as_str() != digest {
            return None;
        }
        let lines = bytes.len() / ENTRY - 1;
        let bits = usize::BITS - lines.leading_zeros();
        let shift = u64::BITS - bits.max(1);
        let mut starts = vec![0_u32; (1 << bits.max(1)) + 1];
        for number in 0..lines {
            let first = usize::try_from(entry(&bytes, number).0 >> shift).unwrap_or(usize::MAX);
            *starts.get_mut(first + 1)? += 1;
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        Some(Self { bytes, starts, shift })
    }

    /// Whether the last file said exactly this.
    #[must_use]
    pub fn has(&self, line: Entry) -> bool {
        let first = usize::try_from(line.0 >> self.shift).unwrap_or(usize::MAX);
        let (Some(from), Some(to)) = (self.starts.get(first), self.starts.get(first + 1)) else { return false };
        (*from..*to).any(|number| entry(&self.bytes, number as usize) == line)
    }
}

fn entry(bytes: &[u8], number: usize) -> Entry {
    let at = MAGIC.len() + number * ENTRY;
    let half = |at: usize| bytes.get(at..at + 8).and_then(|half| half.try_into().ok()).map_or(0, u64::from_le_bytes);
    Entry(half(at), half(at + 8))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use catalog::line::{Field, Said};
    use catalog::{IdKind, Identifier};
    use proptest::prelude::*;

    use super::*;

    fn line(sku: u32, pieces: i32) -> Line {
        let about = Identifier { kind: IdKind::Sku, value: format!("K-{sku}") };
        Line { about, says: BTreeMap::from([(Field::Stock, Said::Pieces(pieces))]) }
    }

    fn index(lines: &[(u32, i32)]) -> Entries {
        let mut entries = Entries::default();
        lines.iter().for_each(|(sku, pieces)| entries.add(Entry::of(&line(*sku, *pieces))));
        entries
    }

    #[test]
    fn what_is_damaged_another_or_nothing_is_no_index() {
        let mut entries = index(&[(1, 5), (2, 6)]);
        assert!(entries.settle());
        let (bytes, digest) = entries.encoded(&mut Vec::new());
        assert!(LastSaid::read(bytes.clone(), &digest).is_some());
        assert!(LastSaid::read(bytes.clone(), "0").is_none());
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(LastSaid::read(damaged, &digest).is_none());
            assert!(LastSaid::read(bytes[..at].to_vec(), &digest).is_none());
        }
        let (empty, digest) = Entries::default().encoded(&mut Vec::new());
        assert!(!LastSaid::read(empty, &digest).unwrap().has(Entry::of(&line(1, 5))));
    }

    #[test]
    fn one_identifier_that_says_two_things_is_found() {
        assert!(!index(&[(1, 5), (2, 6), (1, 7)]).settle());
        assert!(index(&[(1, 5), (2, 6), (1, 5)]).settle());
    }

    proptest! {
        #[test]
        fn exactly_what_was_said_is_found(
            said in proptest::collection::btree_map(0_u32..2_000, 0..4, 0..600),
            apart in proptest::collection::btree_set(0_u32..2_000, 0..20),
        ) {
            let lines: Vec<(u32, i32)> = said.iter().map(|(sku, pieces)| (*sku, *pieces)).collect();
            let mut entries = index(&lines);
            prop_assert!(entries.settle());
            let mut out: Vec<u64> = apart.iter().map(|sku| Entry::of(&line(*sku, 0)).about()).collect();
            let (bytes, digest) = entries.encoded(&mut out);
            let read = LastSaid::read(bytes, &digest).unwrap();
            for sku in 0..2_000 {
                for pieces in 0..4 {
                    let there = said.get(&sku) == Some(&pieces) && !apart.contains(&sku);
                    prop_assert_eq!(read.has(Entry::of(&line(sku, pieces))), there);
                }
            }
        }
    }
}
