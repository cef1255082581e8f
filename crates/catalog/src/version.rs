//! The order of two documents of one product (D24).

use std::fmt;

use serde::{Deserialize, Serialize};

/// A text whose alphabetical order is the order in which the source said things.
///
/// `<object time, ms>-<S3 sequencer>-<position in the feed>`, each padded to a fixed width, 50
/// characters in all:
/// 1. the object's `Last-Modified`, milliseconds since 1970 (S3 gives whole seconds);
/// 2. S3's sequencer, which orders writes of one key within a second. S3 says to compare sequencers
///    after padding the shorter one with zeros on the right;
/// 3. the record's number in the feed, so that of two records of one product in one feed the later
///    wins.
///
/// It depends on the object and the record only, never on when or how often they are processed.
///
/// The document of a product that comes in parts may say something new although its leading part
/// does not. Its version is then that of before with a growing suffix, `+<8 digits>`, which text
/// order puts behind it and before any later one ([`Version::grown`]).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(String);

impl Version {
    /// Hexadecimal digits kept of a sequencer. Those seen have 16 to 18.
    const SEQUENCER_DIGITS: usize = 24;

    /// The version of record `position` (from 0) in the object written at `object_time_ms` with
    /// `sequencer`.
    #[must_use]
    pub fn new(object_time_ms: u64, sequencer: &str, position: u64) -> Self {
        let mut digits: String = sequencer
            .chars()
            .filter(char::is_ascii_hexdigit)
            .map(|c| c.to_ascii_uppercase())
            .take(Self::SEQUENCER_DIGITS)
            .collect();
        while digits.len() < Self::SEQUENCER_DIGITS {
            digits.push('0');
        }
        Self(format!("{object_time_ms:013}-{digits}-{position:011}"))
    }

    /// A version read back from a ledger or a target.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The next version of a document after `before`, of which `self` is the leading part's: `self`
    /// if that is later, else `before` with the next suffix.
    #[must_use]
    pub fn grown(&self, before: &Self) -> Self {
        if self > before {
            return self.clone();
        }
        let (base, count) = before.0.split_once('+').unwrap_or((&before.0, "0"));
        Self(format!("{base}+{:08}", count.parse::<u64>().unwrap_or(0).saturating_add(1)))
    }

    /// Whether it says only that something new was put together since, not when that was said.
    #[must_use]
    pub fn is_grown(&self) -> bool {
        self.0.contains('+')
    }

    fn base(&self) -> &str {
        self.0.split('+').next().unwrap_or_default()
    }

    /// When (ms) the object was written that said it; `None` for a text that is no version.
    #[must_use]
    pub fn object_time_ms(&self) -> Option<u64> {
        self.0.split('-').next()?.parse().ok()
    }

    /// The number of the record that said it, if it stands earlier in the same object than the one
    /// of `later`.
    #[must_use]
    pub fn earlier_in_object_of(&self, later: &Self) -> Option<u64> {
        let ((object, position), (same, further)) = (self.base().rsplit_once('-')?, later.base().rsplit_once('-')?);
        (object == same && position < further).then(|| position.parse().ok())?
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fits_the_field_that_pimcore_keeps_it_in() {
        assert_eq!(Version::new(1_763_856_000_000, "0055AED6DCD90281E5", 7).as_str().len(), 50);
    }

    #[test]
    fn tells_when_its_object_was_written() {
        assert_eq!(Version::new(1_763_856_000_000, "0055", 7).object_time_ms(), Some(1_763_856_000_000));
        assert_eq!(Version::from_text("-").object_time_ms(), None);
    }

    #[test]
    fn a_shorter_sequencer_is_padded_on_the_right() {
        assert!(Version::new(1, "0055AED6", 0) < Version::new(1, "0055AED6DC", 0));
        assert!(Version::new(1, "0055AED7", 0) > Version::new(1, "0055AED6DC", 0));
    }

    #[test]
    fn an_earlier_record_of_the_same_object_is_told_from_one_of_another() {
        let version = |time, position| Version::new(time, "0055AED6DCD90281E5", position);
        assert_eq!(version(1, 3).earlier_in_object_of(&version(1, 900)), Some(3));
        assert_eq!(version(1, 900).earlier_in_object_of(&version(1, 3)), None);
        assert_eq!(version(1, 3).earlier_in_object_of(&version(1, 3)), None);
        assert_eq!(version(1, 3).earlier_in_object_of(&version(2, 900)), None);
        assert_eq!(Version::from_text("-").earlier_in_object_of(&version(1, 3)), None);
    }

    #[test]
    fn a_grown_version_lies_behind_its_own_and_before_every_later_one() {
        let (one, later) = (Version::new(1, "0055", 3), Version::new(1, "0055", 4));
        let first = one.grown(&one);
        let second = one.grown(&first);
        assert!(one < first && first < second && second < later, "{first} {second}");
        assert_eq!(later.grown(&second), later);
        assert_eq!((one.is_grown(), second.is_grown()), (false, true));
        assert_eq!(second.as_str(), format!("{one}+00000002"));
        assert!(second.as_str().len() <= 64, "what Pimcore keeps it in");
        assert_eq!((second.object_time_ms(), second.earlier_in_object_of(&later)), (Some(1), Some(3)));
        assert_eq!(Version::from_text("").grown(&second), second.grown(&second));
    }

    proptest! {
        #[test]
        fn text_order_is_the_order_of_time_then_sequencer_then_position(
            a in (0u64..10_000_000_000_000, 0u64.., 0u64..100_000_000_000),
            b in (0u64..10_000_000_000_000, 0u64.., 0u64..100_000_000_000),
        ) {
            let version = |(t, s, p): (u64, u64, u64)| Version::new(t, &format!("{s:016X}"), p);
            prop_assert_eq!(version(a).cmp(&version(b)), a.cmp(&b));
        }
    }
}
