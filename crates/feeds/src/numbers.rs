//! A set of records, by their numbers in the feed: a bit each.

use std::ops::Range;

/// Numbers of records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbers(Vec<u64>);

impl Numbers {
    /// Adds one.
    pub fn insert(&mut self, number: u64) {
        let Ok(word) = usize::try_from(number / 64) else { return };
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        if let Some(word) = self.0.get_mut(word) {
            *word |= 1 << (number % 64);
        }
    }

    /// Whether one is among them.
    #[must_use]
    pub fn has(&self, number: u64) -> bool {
        self.word(number / 64) & (1 << (number % 64)) != 0
    }

    /// How many there are from one number up to another, which is not counted.
    #[must_use]
    pub fn count(&self, range: Range<u64>) -> u64 {
        let (first, last) = (range.start / 64, range.end / 64);
        let below = |number: u64| (1_u64 << (number % 64)) - 1;
        let ones = |word: u64| u64::from(word.count_ones());
        if range.is_empty() {
            return 0;
        }
        if first == last {
            return ones(self.word(first) & below(range.end) & !below(range.start));
        }
        let between: u64 = (first + 1..last).map(|word| ones(self.word(word))).sum();
        ones(self.word(first) & !below(range.start)) + between + ones(self.word(last) & below(range.end))
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn word(&self, word: u64) -> u64 {
        usize::try_from(word).ok().and_then(|word| self.0.get(word)).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_are_counted_as_in_any_set(of in proptest::collection::btree_set(0_u64..400, 0..60), from in 0_u64..420, to in 0_u64..420) {
            let mut numbers = Numbers::default();
            of.iter().for_each(|number| numbers.insert(*number));
            let among: BTreeSet<u64> = (0..420).filter(|number| numbers.has(*number)).collect();
            prop_assert_eq!(numbers.count(from..to), of.iter().filter(|one| (from..to).contains(one)).count() as u64);
            prop_assert_eq!(among, of);
        }
    }
}
