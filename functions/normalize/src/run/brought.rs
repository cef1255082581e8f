//! What a feed has said of which product: one id twice with different content is reported,
//! whichever of the two counts.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use catalog::{ContentHash, PartName};

/// Products remembered in each of the two halves: 10 MB in all. A repetition further away than that
/// is found by the ledger's state, if the first of the two was written.
const HALF: usize = 100_000;

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) index: u64,
    pub(super) offset: u64,
}

/// The products that an invocation has read last, by digests of their key and content.
#[derive(Debug, Default)]
pub(super) struct Brought {
    newer: HashMap<u64, (Place, u64)>,
    older: HashMap<u64, (Place, u64)>,
}

impl Brought {
    /// Remembers a record; the place of an earlier one that said something else of the same
    /// product, or of the same part of it.
    pub(super) fn note(
        &mut self,
        key: &impl Hash,
        part: Option<&PartName>,
        hash: &ContentHash,
        place: Place,
    ) -> Option<Place> {
        let (key, content) = (digest(&(key, part)), digest(hash));
        let before = self.newer.get(&key).or_else(|| self.older.get(&key)).copied();
        if self.newer.len() >= HALF {
            self.older = std::mem::take(&mut self.newer);
        }
        self.newer.insert(key, (place, content));
        before.filter(|(_, said)| *said != content).map(|(place, _)| place)
    }
}

fn digest(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use catalog::ProductKey;

    use super::*;

    #[test]
    fn what_is_said_twice_alike_is_no_repetition_and_memory_is_bounded() {
        let key = |id: u64| ProductKey::new("s", id.to_string()).unwrap();
        let said = ContentHash::from_text;
        let at = |index| Place { index, offset: index * 10 };
        let mut brought = Brought::default();
        assert_eq!(brought.note(&key(1), None, &said("a"), at(0)), None);
        assert_eq!(brought.note(&key(1), None, &said("a"), at(1)), None);
        assert_eq!(brought.note(&key(1), None, &said("b"), at(2)), Some(at(1)));
        assert_eq!(brought.note(&key(1), None, &said("a"), at(3)), Some(at(2)));
        let storefronts = ["us-usd", "ar-sar"].map(PartName::from_text);
        for (storefront, content) in storefronts.iter().zip(["b", "c"]) {
            assert_eq!(brought.note(&key(0), Some(storefront), &said(content), at(0)), None, "another part");
        }
        assert_eq!(brought.note(&key(0), Some(&storefronts[0]), &said("d"), at(1)), Some(at(0)));
        let mut brought = Brought::default();
        brought.note(&key(1), None, &said("a"), at(3));
        let half = HALF as u64;
        for id in 2..=half + 1 {
            assert_eq!(brought.note(&key(id), None, &said("x"), at(id)), None);
        }
        assert_eq!(brought.note(&key(2), None, &said("y"), at(half + 2)), Some(at(2)), "the half before is remembered");
        for id in half + 2..3 * half {
            brought.note(&key(id), None, &said("x"), at(id));
        }
        assert!(brought.newer.len() <= HALF && brought.older.len() <= HALF);
    }
}
