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
/// Lines that are always kept beside the last file's.
const FEW: usize = 1_000;
/// Bytes of an index at most.
pub const LIMIT: u64 = (MOST * ENTRY + MAGIC.len()) as u64;

/// A line: what it is about, what it says. Ordered as its bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry([u8; ENTRY]);

impl Entry {
    /// Of a line.
    #[must_use]
    pub fn of(line: &Line) -> Self {
        let both = (u128::from(digest(&line.about)) << 64) | u128::from(digest(&line.says));
        Self(both.to_be_bytes())
    }

    /// What it is about.
    #[must_use]
    pub fn about(self) -> u64 {
        about(&self.0)
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the upper half is what is left")]
fn about(entry: &[u8; ENTRY]) -> u64 {
    (u128::from_be_bytes(*entry) >> 64) as u64
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

/// The lines of a file that is looked through, as the object has them: there is no second copy.
#[derive(Debug)]
pub struct Entries(Vec<u8>);

impl Default for Entries {
    fn default() -> Self {
        Self(MAGIC.to_vec())
    }
}

impl Entries {
    /// Adds one; nothing more once there are too many.
    pub fn add(&mut self, entry: Entry) {
        if self.len() <= MOST {
            self.0.extend_from_slice(&entry.0);
        }
    }

    /// Puts them into their order; `false` where there are too many, or something is said twice and
    /// not alike.
    pub fn put_in_order(&mut self) -> bool {
        self.0.as_chunks_mut::<ENTRY>().0.get_mut(1..).unwrap_or_default().sort_unstable();
        let mut last = None;
        self.retain(|_, entry| last.replace(*entry) != Some(*entry));
        self.len() <= MOST && self.all().windows(2).all(|pair| about(&pair[0]) != about(&pair[1]))
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        (self.0.len() / ENTRY).saturating_sub(1)
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The object, without what is about these, and its digest.
    #[must_use]
    pub fn encoded(mut self, apart: &mut [u64]) -> (Vec<u8>, String) {
        apart.sort_unstable();
        self.retain(|_, entry| apart.binary_search(&about(entry)).is_err());
        let digest = blake3::hash(&self.0).to_hex().to_string();
        (self.0, digest)
    }

    fn all(&self) -> &[[u8; ENTRY]] {
        self.0.as_chunks().0.get(1..).unwrap_or_default()
    }

    fn retain(&mut self, mut keep: impl FnMut(usize, &[u8; ENTRY]) -> bool) {
        let chunks = self.0.as_chunks_mut::<ENTRY>().0;
        let mut kept = 1;
        for number in 1..chunks.len() {
            if keep(number - 1, &chunks[number]) {
                chunks[kept] = chunks[number];
                kept += 1;
            }
        }
        self.0.truncate(kept * ENTRY);
    }
}

/// An index as it was read, and which of its lines were met again.
#[derive(Debug)]
pub struct LastSaid {
    entries: Entries,
    /// Where the entries begin whose first bits are so and so.
    starts: Vec<u32>,
    shift: u32,
    /// A bit for each entry.
    seen: Vec<u64>,
}

impl LastSaid {
    /// Reads an object, if it is the one of this digest.
    #[must_use]
    pub fn read(bytes: Vec<u8>, digest: &str) -> Option<Self> {
        let whole = bytes.starts_with(MAGIC) && bytes.len().is_multiple_of(ENTRY) && bytes.len() as u64 <= LIMIT;
        if !whole || blake3::hash(&bytes).to_hex().as_str() != digest {
            return None;
        }
        let entries = Entries(bytes);
        let bits = usize::BITS - entries.len().leading_zeros();
        let shift = u64::BITS - bits.max(1);
        let mut starts = vec![0_u32; (1 << bits.max(1)) + 1];
        for entry in entries.all() {
            let first = usize::try_from(about(entry) >> shift).unwrap_or(usize::MAX);
            *starts.get_mut(first + 1)? += 1;
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let seen = vec![0; entries.len().div_ceil(64)];
        Some(Self { entries, starts, shift, seen })
    }

    /// Whether the last file said exactly this; then it is remembered.
    pub fn meets(&mut self, line: Entry) -> bool {
        let Some(number) = self.find(line) else { return false };
        if let Some(bits) = self.seen.get_mut(number / 64) {
            *bits |= 1 << (number % 64);
        }
        true
    }

    /// Whether so many other lines say that little is gained by going on.
    #[must_use]
    pub fn is_left_behind(&self, others: &Entries) -> bool {
        others.len() > (self.entries.len() / 4).max(FEW)
    }

    /// What was met again, and these.
    #[must_use]
    pub fn met_and(self, others: &Entries) -> Entries {
        let Self { mut entries, seen, .. } = self;
        entries.retain(|number, _| seen.get(number / 64).is_some_and(|bits| bits >> (number % 64) & 1 == 1));
        entries.0.extend_from_slice(others.0.get(ENTRY..).unwrap_or_default());
        entries
    }

    fn find(&self, line: Entry) -> Option<usize> {
        let first = usize::try_from(line.about() >> self.shift).ok()?;
        let (from, to) = (*self.starts.get(first)? as usize, *self.starts.get(first + 1)? as usize);
        let among = self.entries.all().get(from..to)?;
        among.iter().position(|entry| *entry == line.0).map(|at| from + at)
    }
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
        assert!(entries.put_in_order());
        let (bytes, digest) = entries.encoded(&mut []);
        assert!(LastSaid::read(bytes.clone(), &digest).is_some());
        assert!(LastSaid::read(bytes.clone(), "0").is_none());
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(LastSaid::read(damaged, &digest).is_none());
            assert!(LastSaid::read(bytes[..at].to_vec(), &digest).is_none());
        }
        let (empty, digest) = Entries::default().encoded(&mut []);
        assert!(!LastSaid::read(empty, &digest).unwrap().meets(Entry::of(&line(1, 5))));
    }

    #[test]
    fn one_identifier_that_says_two_things_is_found() {
        assert!(!index(&[(1, 5), (2, 6), (1, 7)]).put_in_order());
        assert!(index(&[(1, 5), (2, 6), (1, 5)]).put_in_order());
    }

    proptest! {
        #[test]
        fn exactly_what_was_said_is_found(
            said in proptest::collection::btree_map(0_u32..2_000, 0..4, 0..600),
            apart in proptest::collection::btree_set(0_u32..2_000, 0..20),
        ) {
            let lines: Vec<(u32, i32)> = said.iter().map(|(sku, pieces)| (*sku, *pieces)).collect();
            let mut entries = index(&lines);
            prop_assert!(entries.put_in_order());
            let mut out: Vec<u64> = apart.iter().map(|sku| Entry::of(&line(*sku, 0)).about()).collect();
            let (bytes, digest) = entries.encoded(&mut out);
            let mut read = LastSaid::read(bytes, &digest).unwrap();
            for sku in 0..2_000 {
                for pieces in 0..4 {
                    let there = said.get(&sku) == Some(&pieces) && !apart.contains(&sku);
                    prop_assert_eq!(read.meets(Entry::of(&line(sku, pieces))), there);
                }
            }
        }

        #[test]
        fn what_is_met_again_and_what_is_new_are_one_index(
            before in proptest::collection::btree_map(0_u32..200, 0..3, 0..100),
            now in proptest::collection::btree_map(0_u32..200, 0..3, 0..100),
        ) {
            let lines = |said: &BTreeMap<u32, i32>| said.iter().map(|(sku, pieces)| (*sku, *pieces)).collect::<Vec<_>>();
            let mut entries = index(&lines(&before));
            prop_assert!(entries.put_in_order());
            let (bytes, digest) = entries.encoded(&mut []);
            let mut said = LastSaid::read(bytes, &digest).unwrap();
            let mut fresh = Entries::default();
            for (sku, pieces) in lines(&now) {
                let entry = Entry::of(&line(sku, pieces));
                if !said.meets(entry) {
                    fresh.add(entry);
                }
            }
            let mut both = said.met_and(&fresh);
            let mut whole = index(&lines(&now));
            prop_assert!(both.put_in_order() && whole.put_in_order());
            prop_assert_eq!(both.encoded(&mut []), whole.encoded(&mut []));
        }
    }
}
