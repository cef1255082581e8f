//! Drops parked letters whose product or feed has arrived by now.
//!
//! A parked letter is a request to a person. Often that has been met without it: the supplier
//! corrected the feed, somebody replayed the product. What is left would be counted and shown for
//! ever. So each scheduled run looks at some parked letters, as it looks at dead ones, and drops
//! those that are healed by the same proof.

use futures::future::join_all;
use redrive::{Decision, QueueName, QueueReport};
use runtime::Deadline;

use crate::drain::{LAST_ROUND, handled};
use crate::queue::Received;
use crate::redriver::Redriver;
use crate::settings::Settings;

/// Parked letters looked at in one run, per queue: thousands of them must not cost thousands of
/// calls every five minutes.
const LOOKED_AT: usize = 200;
/// Pages of a thousand keys: letters beyond those are looked at when older ones are gone.
const PAGES: usize = 10;
/// Objects read at once.
const PARALLEL: usize = 20;

impl Redriver {
    /// Looks at the next parked letters of a queue and drops those that are healed.
    pub(crate) async fn tidy(&self, report: &mut QueueReport, rehearsal: bool, deadline: Deadline) {
        let queue = report.queue;
        let keys = match self.parked_keys(queue).await {
            Ok(keys) => keys,
            Err(why) => return report.failures.push(why),
        };
        let round = usize::try_from(self.clock.now_ms() / 1000 / i64::from(Settings::PERIOD_SECONDS)).unwrap_or(0);
        for some in turn(&keys, round).chunks(PARALLEL) {
            if deadline.remaining(self.clock.now_ms()) < LAST_ROUND {
                return;
            }
            let mut letters = Vec::new();
            for (key, parked) in some.iter().zip(join_all(some.iter().map(|key| self.store.get(key))).await) {
                match parked {
                    Ok(Some(parked)) => letters.push(Received { letter: parked.letter, handle: (*key).clone() }),
                    Ok(None) => {}
                    Err(error) => report.failures.push(error.to_string()),
                }
            }
            let cases = match self.cases(queue, letters, report.target_answers).await {
                Ok(cases) => cases,
                Err((error, _)) => return report.failures.push(error.to_string()),
            };
            for case in cases.into_iter().filter(|case| matches!(case.decision, Decision::Drop(_))) {
                if !rehearsal && let Err(error) = self.store.delete(&case.received.handle).await {
                    report.failures.push(error.to_string());
                    continue;
                }
                let object = &case.received.handle;
                tracing::info!(%queue, object, subject = case.subject.product().map(ToString::to_string), "parked letter dropped: healed");
                report.add(handled(&case, self.clock.now_ms(), None));
            }
        }
    }

    async fn parked_keys(&self, queue: QueueName) -> Result<Vec<String>, String> {
        let (mut keys, mut page) = (Vec::new(), None);
        for _ in 0..PAGES {
            let (some, next) = self.store.list(queue, page).await.map_err(|error| error.to_string())?;
            keys.extend(some);
            page = next;
            if page.is_none() {
                break;
            }
        }
        Ok(keys)
    }
}

/// The keys whose turn it is in a round: all of them come round, and nothing has to be remembered.
fn turn(keys: &[String], round: usize) -> Vec<&String> {
    if keys.len() <= LOOKED_AT {
        return keys.iter().collect();
    }
    let first = round.wrapping_mul(LOOKED_AT) % keys.len();
    keys.iter().cycle().skip(first).take(LOOKED_AT).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn everyone_has_a_turn_and_no_round_is_long() {
        for count in [0_usize, 1, 200, 201, 1_999] {
            let keys: Vec<String> = (0..count).map(|n| n.to_string()).collect();
            let mut seen = BTreeSet::new();
            for round in 5_984_000..5_984_000 + count.div_ceil(LOOKED_AT).max(1) {
                let turn = turn(&keys, round);
                assert!(turn.len() <= LOOKED_AT);
                seen.extend(turn);
            }
            assert_eq!(seen.len(), count);
        }
    }
}
