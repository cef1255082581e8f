#![doc = include_str!("../README.md")]

mod access;
pub mod codes;
mod guard;

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

pub use access::PimcoreAccess;
use catalog::{Failure, ProductKey};
use futures::stream::{self, StreamExt};
pub use guard::Guard;
use ledger::{Applied, Claim, Ledger, Owner, ProductState, Stage, Table};
use runtime::{Bus, Clock, Deadline, Outcome};

/// Ledger writes in flight at once.
const PARALLEL: usize = 16;

/// One invocation at work on one target.
#[derive(Debug)]
pub struct Worker<'a, T, B, C> {
    /// Which target.
    pub stage: Stage,
    /// The ledger.
    pub ledger: &'a Ledger<T>,
    /// What this environment knows of the targets.
    pub guard: &'a Guard,
    /// The bus.
    pub bus: &'a B,
    /// The clock.
    pub clock: &'a C,
    /// Who we are.
    pub owner: Owner,
    /// When the invocation ends.
    pub deadline: Deadline,
}

/// A batch, sorted by what the ledger says.
#[derive(Debug, Default)]
pub struct Claims {
    /// Leases that are ours, with the state of the product.
    pub ours: BTreeMap<ProductKey, ProductState>,
    /// The target holds the desired content already.
    pub applied: Vec<(ProductKey, ProductState)>,
    /// There is nothing to do, or not now.
    pub outcomes: HashMap<ProductKey, Outcome>,
}

impl<T: Table, B: Bus, C: Clock> Worker<'_, T, B, C> {
    /// When every request has to be done.
    #[must_use]
    pub fn ends(&self) -> Instant {
        Instant::now() + self.deadline.remaining(self.clock.now_ms())
    }

    /// Claims each product's stage, unless a target that is needed is to be left alone: then nothing is ours.
    pub async fn claim(&self, keys: &[ProductKey]) -> Claims {
        let mut sorted = Claims::default();
        if let Some(failure) = self.guard.held(self.ledger, self.bus, self.clock.now_ms()).await {
            tracing::info!(products = keys.len(), reason = failure.message, "batch put back");
            let held = Outcome::Failed(failure);
            sorted.outcomes = keys.iter().map(|key| (key.clone(), held.clone())).collect();
            return sorted;
        }
        let claims = match self.ledger.claim(self.stage, keys, &self.owner, self.clock.now_ms()).await {
            Ok(claims) => claims,
            Err(error) => {
                let failed = Outcome::Failed(error.failure());
                sorted.outcomes = keys.iter().map(|key| (key.clone(), failed.clone())).collect();
                return sorted;
            }
        };
        for (key, claim) in claims {
            let failure = match claim {
                Claim::Claimed(state) => {
                    sorted.ours.insert(key, state);
                    continue;
                }
                Claim::AlreadyApplied(state) => {
                    sorted.applied.push((key, state));
                    continue;
                }
                Claim::Leased { until } => {
                    let busy = format!("{key}: somebody else brings it to {}, until {until} ms at most", self.stage);
                    let left = until.saturating_sub(self.clock.now_ms());
                    Failure::transient(codes::LEASED, busy)
                        .retry_within(Duration::from_millis(u64::try_from(left).unwrap_or(0)))
                }
                Claim::Unknown => {
                    Failure::permanent(codes::UNKNOWN_PRODUCT, format!("{key}: no feed has ever brought this product"))
                }
            };
            sorted.outcomes.insert(key, Outcome::Failed(failure));
        }
        sorted
    }

    /// Completes each product's stage or gives it back with the reason, and learns how the targets fared. `ours` are the leases that
    /// [`Self::claim`] got.
    pub async fn record(
        &self,
        ours: &BTreeMap<ProductKey, ProductState>,
        results: BTreeMap<ProductKey, Result<Applied, Failure>>,
    ) -> HashMap<ProductKey, Outcome> {
        self.guard.learn(self.ledger, self.bus, &results, self.clock.now_ms()).await;
        let nothing = ProductState::default();
        let each = results.into_iter().map(|(key, result)| {
            let seen = ours.get(&key).unwrap_or(&nothing);
            async move {
                let outcome = match result {
                    Ok(applied) => self.complete(&key, seen, &applied).await,
                    Err(failure) => self.fail(&key, failure).await,
                };
                (key, outcome)
            }
        });
        stream::iter(each).buffer_unordered(PARALLEL).collect().await
    }

    async fn complete(&self, key: &ProductKey, seen: &ProductState, applied: &Applied) -> Outcome {
        let now = self.clock.now_ms();
        match self.ledger.complete(self.stage, key, &self.owner, seen, applied, now).await {
            Ok(None) => Outcome::Done,
            // Somebody's request may land late: look at it once more then.
            Ok(Some(at)) => Outcome::Again(Duration::from_millis(u64::try_from(at.saturating_sub(now)).unwrap_or(0))),
            Err(error) => Outcome::Failed(error.failure()),
        }
    }

    async fn fail(&self, key: &ProductKey, failure: Failure) -> Outcome {
        tracing::warn!(
            product = %key,
            target_system = self.stage.as_str(),
            kind = %failure.kind,
            code = failure.code,
            reason = failure.message,
            "not brought to its target"
        );
        let recorded = self.ledger.fail(self.stage, key, &self.owner, &failure, self.clock.now_ms()).await;
        if let Err(error) = recorded {
            tracing::warn!(product = %key, %error, "the reason could not be recorded");
        }
        Outcome::Failed(failure)
    }
}
