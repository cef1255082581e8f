//! Leaves a failing target alone.
//!
//! An environment remembers how its last batches fared with each target it asks ([`Unanswered`]).
//! As long as they were answered that is all: no call is made for it. When enough in a row were
//! not, the target's breaker is tripped in the ledger, and `BreakerOpened` is announced, so that
//! dlq-redrive pauses the queue within seconds. Until the target answers again this environment
//! looks at the breaker before each batch: if it is open, the batch goes back untouched. That
//! should not happen once the queue is paused; if it does (an announcement was lost, a deployment
//! switched the queue on), `BreakerOpened` is announced again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use catalog::{Failure, ProductKey};
use ledger::breaker::{self, Seen, Settings, Unanswered, Verdict, asked_by};
use ledger::{Ledger, Stage, Table};
use runtime::{Announcement, Bus, Metrics};
use serde::Serialize;

use crate::codes;
use crate::probe::Probe;

/// Between two announcements of one environment, in ms.
const AGAIN_MS: i64 = 10_000;
/// A held message waits at least this long: a probe that is due takes a moment.
const LEAST_WAIT: Duration = Duration::from_secs(5);

/// What one environment knows of the targets that a stage's function asks.
#[derive(Debug)]
pub struct Guard {
    stage: Stage,
    settings: Settings,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    unanswered: BTreeMap<Stage, Unanswered>,
    announced_at: Option<i64>,
    opened: BTreeSet<Stage>,
}

#[derive(Serialize)]
struct Opened {
    target: &'static str,
}

impl Guard {
    /// A guard for the function of a stage, which knows of no failure.
    #[must_use]
    pub fn new(stage: Stage, settings: Settings) -> Self {
        Self { stage, settings, memory: Mutex::default() }
    }

    /// Why nothing may be asked now, if a target's breaker is open. No call is made as long as all
    /// targets answer.
    pub async fn why_held<T: Table>(&self, ledger: &Ledger<T>, bus: &impl Bus, now: i64) -> Option<Failure> {
        let silent: Vec<Stage> = {
            let memory = self.memory();
            let doubtful = |target: &&Stage| memory.unanswered.get(target).is_some_and(|unanswered| !unanswered.none());
            asked_by(self.stage).iter().filter(doubtful).copied().collect()
        };
        for target in silent {
            let seen = match breaker::look(ledger, target).await {
                Ok(seen) => seen,
                Err(error) => {
                    // The work will meet the same trouble, and say so.
                    tracing::warn!(target_system = target.as_str(), %error, "the breaker could not be looked at");
                    continue;
                }
            };
            if let Some(wait) = seen.held_for(now) {
                self.announce(bus, target, now).await;
                let wait = Duration::from_millis(u64::try_from(wait).unwrap_or(0)).max(LEAST_WAIT);
                let reason = seen.reason.unwrap_or_default();
                let message = format!("{target} is left alone until it answers again; last it was: {reason}");
                return Some(Failure::transient(codes::BREAKER_OPEN, message).retry_after(Some(wait)));
            }
        }
        None
    }

    /// Learns from the results of a batch; trips the breaker of a target that has answered too few
    /// of them. Returns the targets that worked: they did what they were asked for somebody, or a
    /// probe says so of one that broke on all it was asked.
    pub async fn learn_from_batch<T: Table, R>(
        &self,
        ledger: &Ledger<T>,
        bus: &impl Bus,
        results: &BTreeMap<ProductKey, Result<R, Failure>>,
        probe: &Probe<impl AsyncFn(Stage) -> bool>,
        now: i64,
    ) -> BTreeSet<Stage> {
        let mut working = BTreeSet::new();
        for target in asked_by(self.stage) {
            let seen = breaker::seen(*target, results);
            let verdict = self.learn_one(*target, &seen);
            let works = match &seen {
                Seen::Answer => true,
                Seen::Silence { choked: Some(_), .. } if verdict != Verdict::Trip && !self.breaks_on_many(*target) => {
                    probe.works(*target).await
                }
                Seen::Silence { .. } | Seen::Nothing => false,
            };
            if works {
                working.insert(*target);
            }
            if verdict == Verdict::Trip || (verdict == Verdict::Ask && !works) {
                self.trip(ledger, bus, *target, &seen, now).await;
            }
        }
        working
    }

    /// Learns one thing about a target from a request that was about no product.
    pub async fn learn_from_request<T: Table>(
        &self,
        ledger: &Ledger<T>,
        bus: &impl Bus,
        target: Stage,
        seen: &Seen,
        now: i64,
    ) {
        if self.learn_one(target, seen) == Verdict::Trip {
            self.trip(ledger, bus, target, seen, now).await;
        }
    }

    /// Whether a target breaks on so many products that no probe can clear it.
    pub(crate) fn breaks_on_many(&self, target: Stage) -> bool {
        self.memory().unanswered.get(&target).is_some_and(Unanswered::many)
    }

    fn learn_one(&self, target: Stage, seen: &Seen) -> Verdict {
        self.memory().unanswered.entry(target).or_default().learn(seen, &self.settings)
    }

    async fn trip<T: Table>(&self, ledger: &Ledger<T>, bus: &impl Bus, target: Stage, seen: &Seen, now: i64) {
        let Seen::Silence { reason, .. } = seen else { return };
        match breaker::trip(ledger, target, reason, &self.settings, now).await {
            Ok(_) => {
                self.memory().opened.insert(target);
                // Also where somebody else opened it: he may have died before he could say so.
                self.announce(bus, target, now).await;
            }
            Err(error) => tracing::error!(target_system = target.as_str(), %error, "the breaker could not be opened"),
        }
    }

    /// Reports the breakers that were found or made open since the last time.
    pub fn report_opened(&self, metrics: &Metrics) {
        for target in std::mem::take(&mut self.memory().opened) {
            metrics.breaker_open(target.as_str(), true);
        }
    }

    async fn announce(&self, bus: &impl Bus, target: Stage, now: i64) {
        {
            let mut memory = self.memory();
            if memory.announced_at.is_some_and(|at| now < at + AGAIN_MS) {
                return;
            }
            memory.announced_at = Some(now);
        }
        let event = Announcement::new("BreakerOpened", &Opened { target: target.as_str() });
        for failure in bus.announce(&[event]).await.into_iter().filter_map(Result::err) {
            tracing::warn!(target_system = target.as_str(), %failure, "the queue is paused within a minute only");
            self.memory().announced_at = None;
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
