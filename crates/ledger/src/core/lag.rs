//! How long content took from its feed's object to each place, as counts by span of time.
//!
//! A row an hour and place. Nothing turns on them: who cannot write them goes on, and a batch that
//! is done again counts again.

use super::expression::{Change, Condition, Item, ItemKey, Value, Write};
use super::stage::Applied;
use super::state::StageState;

const EXPIRES_AT: &str = "expires_at";
/// How long rows are kept, in ms.
const KEPT_MS: i64 = 8 * 24 * HOUR_MS;
const HOUR_MS: i64 = 3_600_000;
/// What took longer than the last bound.
const OVER: &str = "over";

/// Upper bounds in ms, each at most twice the one before, with the attributes that count. S3 gives
/// whole seconds.
const BOUNDS: [(i64, &str); 33] = [
    (1_000, "t1000"),
    (2_000, "t2000"),
    (3_000, "t3000"),
    (4_000, "t4000"),
    (6_000, "t6000"),
    (8_000, "t8000"),
    (12_000, "t12000"),
    (16_000, "t16000"),
    (24_000, "t24000"),
    (32_000, "t32000"),
    (48_000, "t48000"),
    (64_000, "t64000"),
    (96_000, "t96000"),
    (128_000, "t128000"),
    (192_000, "t192000"),
    (256_000, "t256000"),
    (384_000, "t384000"),
    (512_000, "t512000"),
    (768_000, "t768000"),
    (1_024_000, "t1024000"),
    (1_536_000, "t1536000"),
    (2_048_000, "t2048000"),
    (3_072_000, "t3072000"),
    (4_096_000, "t4096000"),
    (6_144_000, "t6144000"),
    (8_192_000, "t8192000"),
    (12_288_000, "t12288000"),
    (16_384_000, "t16384000"),
    (24_576_000, "t24576000"),
    (32_768_000, "t32768000"),
    (49_152_000, "t49152000"),
    (65_536_000, "t65536000"),
    (98_304_000, "t98304000"),
];

/// Where content arrives, in the order of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Ledger,
    Pimcore,
    Medusa,
}

impl Place {
    pub const ALL: [Self; 3] = [Self::Ledger, Self::Pimcore, Self::Medusa];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ledger => "ledger",
            Self::Pimcore => "pimcore",
            Self::Medusa => "medusa",
        }
    }

    /// The partition of its rows.
    #[must_use]
    pub fn partition(self) -> String {
        format!("T#{}", self.as_str())
    }
}

/// The sort key of the hour that this time (ms) is in; keys are in order of time.
#[must_use]
pub fn hour(at: i64) -> String {
    format!("{:013}", at - at.rem_euclid(HOUR_MS))
}

/// What the keys of this hour (ms) and of later ones come after.
#[must_use]
pub fn before_hour(at: i64) -> String {
    hour(at - HOUR_MS)
}

/// How long (ms) content was on its way from the feed's object to a target, where this is how it
/// got there: `before` is what the target held. Neither what is done again, nor a person's edit, nor
/// a product that the target does not show has come from a feed just now.
#[must_use]
pub fn of(before: &StageState, applied: &Applied, now: i64) -> Option<i64> {
    let had = before.applied.as_ref().is_some_and(|before| before.hash == applied.hash);
    let written = i64::try_from(applied.version.object_time_ms()?).ok()?;
    // A grown version tells when the leading part was said, not what came since.
    let told = !applied.version.is_grown();
    (!had && told && applied.remote_id.is_some()).then_some((now - written).max(0))
}

/// Adds these lags (ms, and of how many products) to the row of this hour.
#[must_use]
pub fn note(place: Place, lags: &[(i64, u64)], now: i64) -> Write {
    let mut counts: std::collections::BTreeMap<&'static str, i64> = std::collections::BTreeMap::new();
    for (lag, products) in lags {
        let name = BOUNDS.iter().find(|(bound, _)| lag <= bound).map_or(OVER, |(_, name)| name);
        *counts.entry(name).or_default() += i64::try_from(*products).unwrap_or(i64::MAX);
    }
    let expires = Change::Set(EXPIRES_AT, ((now + KEPT_MS) / 1000).into());
    let adds = counts.into_iter().map(|(name, n)| Change::Add(name, n));
    Write {
        key: ItemKey { pk: place.partition(), sk: hour(now) },
        condition: Condition::Always,
        changes: std::iter::once(expires).chain(adds).collect(),
    }
}

/// Counts by span, of any number of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lags {
    /// In the order of [`BOUNDS`].
    counts: [u64; BOUNDS.len()],
    over: u64,
}

impl Default for Lags {
    fn default() -> Self {
        Self { counts: [0; BOUNDS.len()], over: 0 }
    }
}

impl Lags {
    /// Adds a row.
    pub fn add(&mut self, row: &Item) {
        let of = |name: &str| row.get(name).and_then(Value::number).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        for ((_, name), count) in BOUNDS.iter().zip(&mut self.counts) {
            *count += of(name);
        }
        self.over += of(OVER);
    }

    /// Products counted.
    #[must_use]
    pub fn products(&self) -> u64 {
        self.counts.iter().sum::<u64>() + self.over
    }

    /// Within how many ms this share, in percent, had arrived, rounded up to a bound. Without
    /// products, or where that is beyond the last bound: `None`.
    #[must_use]
    pub fn within(&self, percent: u64) -> Option<i64> {
        let wanted = (self.products() * percent).div_ceil(100);
        let mut seen = 0;
        let mut bounds = BOUNDS.iter().zip(&self.counts);
        let reached = |((bound, _), count): (&(i64, &str), &u64)| {
            seen += count;
            (seen >= wanted && seen > 0).then_some(*bound)
        };
        bounds.find_map(reached)
    }
}

#[cfg(test)]
mod tests {
    use catalog::{ContentHash, Version};

    use super::*;

    fn applied(hash: &str, remote_id: Option<&str>) -> Applied {
        Applied {
            hash: ContentHash::from_text(hash),
            version: Version::new(1_000_000, "00AA", 3),
            remote_id: remote_id.map(str::to_owned),
            view: None,
            seen: None,
            at: 0,
        }
    }

    #[test]
    fn only_content_that_is_new_in_the_target_was_on_its_way() {
        let nothing = StageState::default();
        assert_eq!(of(&nothing, &applied("a", Some("prod_1")), 1_004_500), Some(4_500));
        assert_eq!(of(&nothing, &applied("a", Some("prod_1")), 999_000), Some(0), "clocks differ");
        assert_eq!(of(&nothing, &applied("a", None), 1_004_500), None, "not in the shop");
        let known = StageState { applied: Some(applied("a", Some("prod_1"))), ..StageState::default() };
        assert_eq!(of(&known, &applied("a", Some("prod_1")), 9_000_000), None, "an edit, an echo, a repair");
        assert_eq!(of(&known, &applied("b", Some("prod_1")), 1_002_000), Some(2_000));
        let by_hand = Applied { version: Version::from_text("-"), ..applied("-", Some("prod_2")) };
        assert_eq!(of(&nothing, &by_hand, 1_004_500), None, "made by a person in the PIM");
        let version = Version::new(1_000_000, "00AA", 3);
        let grown = Applied { version: version.grown(&version), ..applied("c", Some("prod_1")) };
        assert_eq!(of(&nothing, &grown, 9_000_000), None, "put together since");
    }

    #[test]
    fn half_of_them_had_arrived_within_the_bound_of_the_middle_one() {
        let now = 1_795_000_000_000;
        let mut row = note(Place::Medusa, &[(400, 2), (5_000, 1)], now).apply(&Item::new()).unwrap();
        row = note(Place::Medusa, &[(5_900, 1), (200_000_000, 1)], now).apply(&row).unwrap();
        let mut lags = Lags::default();
        assert_eq!((lags.products(), lags.within(50)), (0, None), "nothing was counted");
        lags.add(&row);
        assert_eq!(lags.products(), 5);
        assert_eq!((lags.within(40), lags.within(50), lags.within(80)), (Some(1_000), Some(6_000), Some(6_000)));
        assert_eq!(lags.within(95), None, "longer than the last bound");
        lags.add(&row);
        assert_eq!((lags.products(), lags.within(50)), (10, Some(6_000)));
    }

    #[test]
    fn bounds_grow_and_each_has_a_name_of_its_own() {
        for pair in BOUNDS.windows(2) {
            assert!(pair[0].0 < pair[1].0 && 2 * pair[0].0 >= pair[1].0, "{pair:?}");
        }
        for (bound, name) in BOUNDS {
            assert_eq!(name, format!("t{bound}"));
        }
    }

    #[test]
    fn rows_of_an_hour_are_one_and_in_order() {
        assert_eq!(hour(3_600_000), hour(7_199_999));
        assert!(hour(3_599_999) < hour(3_600_000) && hour(1_795_000_000_000) < hour(1_795_003_600_000));
        assert_eq!(
            note(Place::Ledger, &[(1, 1)], 7_200_001).key,
            ItemKey { pk: "T#ledger".into(), sk: hour(7_200_000) }
        );
    }
}
