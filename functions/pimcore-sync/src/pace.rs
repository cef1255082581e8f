//! How fast a walk goes: as fast as the targets take what it announces, and no faster, so that a
//! feed never waits long behind it.
//!
//! It announces a portion and looks when that has arrived. The portion grows while it arrives about
//! as soon as the soonest did, and shrinks when it waits in line: behind a feed, in a busy shop, or
//! behind itself.

use std::time::Duration;

use catalog::ProductKey;
use ledger::{Ledger, LedgerError, Table};
use tokio::time::Instant;

/// What a portion may wait in line: about the longest that a feed waits behind it.
const ROOM: Duration = Duration::from_secs(1);
/// Between two looks whether a portion has arrived.
const LOOKS: Duration = Duration::from_millis(250);

/// How many products a walk has under way at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Products in the next portion.
    pub portion: usize,
    pub least: usize,
    pub most: usize,
    /// How long a portion is waited for: a walk goes on in small ones while a target is down.
    pub patience: Duration,
    /// How soon the soonest portion arrived.
    pub soonest: Option<Duration>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { portion: 20, least: 10, most: 500, patience: Duration::from_secs(10), soonest: None }
    }
}

impl Pace {
    /// Waits for nothing: for a walk beside which there is nothing.
    #[must_use]
    pub const fn unhurried() -> Self {
        Self { portion: usize::MAX, least: usize::MAX, most: usize::MAX, patience: Duration::ZERO, soonest: None }
    }

    /// After a portion that arrived within `took`, or was no longer waited for.
    #[must_use]
    pub fn after(self, took: Option<Duration>) -> Self {
        let soonest = took.into_iter().chain(self.soonest).min();
        let waited = took.zip(soonest).map(|(took, soonest)| took.saturating_sub(soonest));
        let portion = match waited {
            Some(waited) if waited <= ROOM => self.portion.saturating_mul(2).min(self.most),
            _ => (self.portion / 2).max(self.least),
        };
        Self { portion, soonest, ..self }
    }
}

/// What a walk has announced, and when.
#[derive(Debug)]
pub struct UnderWay {
    pace: Pace,
    keys: Vec<ProductKey>,
    since: Instant,
}

impl UnderWay {
    #[must_use]
    pub fn at(pace: Pace) -> Self {
        Self { pace, keys: Vec::new(), since: Instant::now() }
    }

    /// How many more may be announced: where a portion is full, this returns when it has arrived.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn room<T: Table>(&mut self, ledger: &Ledger<T>) -> Result<usize, LedgerError> {
        if self.keys.len() >= self.pace.portion {
            let took = self.arrival(ledger).await?;
            self.pace = self.pace.after(took);
            self.keys.clear();
        }
        Ok(self.pace.portion - self.keys.len())
    }

    pub fn announced(&mut self, keys: &[ProductKey]) {
        if self.keys.is_empty() {
            self.since = Instant::now();
        }
        self.keys.extend_from_slice(keys);
    }

    /// How long it took until nine of ten had arrived: a few that a target refuses are not waited for.
    async fn arrival<T: Table>(&self, ledger: &Ledger<T>) -> Result<Option<Duration>, LedgerError> {
        let mut left = self.keys.clone();
        while self.since.elapsed() < self.pace.patience {
            tokio::time::sleep(LOOKS).await;
            let states = ledger.read_states(&left).await?;
            left.retain(|key| states.get(key).is_some_and(|state| state.pending_since.is_some()));
            if left.len() * 10 <= self.keys.len() {
                return Ok(Some(self.since.elapsed()));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The portions that follow, if each arrives after `latency` and a hundredth of a second a
    /// product, `ahead` of which are somebody else's.
    fn portions(latency: u64, ahead: usize, count: usize) -> Vec<usize> {
        let next = |pace: &Pace| {
            let wait = u64::try_from((pace.portion + ahead) * 10).unwrap();
            Some(pace.after(Some(Duration::from_millis(latency + wait))))
        };
        std::iter::successors(Some(Pace::default()), next).take(count).map(|pace| pace.portion).collect()
    }

    #[test]
    fn it_grows_until_it_waits_in_line_however_long_the_way_is() {
        for latency in [0, 2_000, 30_000] {
            assert_eq!(portions(latency, 0, 6), [20, 40, 80, 160, 80, 160]);
        }
    }

    #[test]
    fn it_gives_way_to_a_feed() {
        let pace = Pace::default().after(Some(Duration::from_secs(2))).after(Some(Duration::from_secs(2)));
        assert_eq!(pace.portion, 80);
        let beside = pace.after(Some(Duration::from_millis(3_001)));
        assert_eq!(beside.portion, 40);
        let down = beside.after(None).after(None).after(None);
        assert_eq!(down.portion, 10, "what does not arrive is asked for in small portions");
        assert_eq!(down.after(Some(Duration::from_secs(3))).portion, 20);
    }
}
