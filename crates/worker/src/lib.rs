#![doc = include_str!("../README.md")]

pub mod access;
pub mod codes;
mod guard;
mod isolate;
mod lags;
mod probe;
pub mod rules;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use catalog::{Failure, ProductKey};
use futures::stream::{self, StreamExt};
pub use guard::Guard;
pub use isolate::Results;
use ledger::breaker::{asked_by, is_choke};
use ledger::core::blame;
use ledger::core::deaths::{self, Care};
use ledger::core::lane::Content;
use ledger::{Applied, Claim, Ledger, Owner, ProductState, Stage, Table};
pub use probe::Probe;
use runtime::{Bus, Clock, Deadline, Outcome};

/// Ledger writes in flight at once.
const PARALLEL: usize = 16;
/// Time that a product needs that is worked on by itself.
const ALONE: Duration = Duration::from_secs(20);

/// One invocation at work on one target.
#[derive(Debug)]
pub struct Worker<'a, T, B, C> {
    pub stage: Stage,
    pub ledger: &'a Ledger<T>,
    /// What this environment knows of the targets.
    pub guard: &'a Guard,
    pub bus: &'a B,
    pub clock: &'a C,
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
    /// Whoever worked on them died too often: each is claimed by itself when all others are
    /// recorded ([`Worker::claim_alone`]), in this order.
    pub alone: Vec<ProductKey>,
}

/// What is noted beside what the target holds.
#[derive(Debug, Default)]
struct Notes {
    /// Where the shop shows what is not by itself.
    places: BTreeMap<ProductKey, Vec<ProductKey>>,
    /// What content the PIM holds.
    contents: BTreeMap<ProductKey, Content>,
}

fn all_failed(keys: &[ProductKey], failure: &Failure) -> Claims {
    let outcomes = keys.iter().map(|key| (key.clone(), Outcome::Failed(failure.clone()))).collect();
    Claims { outcomes, ..Claims::default() }
}

impl<T: Table, B: Bus, C: Clock> Worker<'_, T, B, C> {
    /// When every request has to be done.
    #[must_use]
    pub fn ends(&self) -> Instant {
        Instant::now() + self.deadline.remaining(self.clock.now_ms())
    }

    /// Claims each product's stage, unless a target that is needed is to be left alone: then
    /// nothing is ours.
    pub async fn claim(&self, keys: &[ProductKey]) -> Claims {
        if let Some(claims) = self.held(keys).await {
            return claims;
        }
        let claims = match self.ledger.claim(self.stage, keys, &self.owner, self.clock.now_ms()).await {
            Ok(claims) => claims,
            Err(error) => return all_failed(keys, &error.failure()),
        };
        let mut sorted = Claims::default();
        let mut alone = Vec::new();
        for (key, claim) in claims {
            match claim {
                Claim::Alone { deaths } => alone.push((deaths, key)),
                Claim::Claimed(state) if deaths::care(state.stage(self.stage).deaths) != Care::Together => {
                    alone.push((state.stage(self.stage).deaths, key));
                }
                claim => self.sort(key, claim, &mut sorted),
            }
        }
        alone.sort_unstable();
        sorted.alone = alone.into_iter().map(|(_, key)| key).collect();
        sorted
    }

    /// Claims one of [`Claims::alone`], to be worked on by itself. Only once everybody else is
    /// recorded. One that too many died of is set aside instead.
    pub async fn claim_alone(&self, key: &ProductKey) -> Claims {
        let keys = std::slice::from_ref(key);
        if self.deadline.remaining(self.clock.now_ms()) < ALONE {
            let late = format!("{key}: it is worked on by itself, and too little of the time is left for that");
            return all_failed(keys, &Failure::transient(codes::DEADLINE, late));
        }
        if let Some(claims) = self.held(keys).await {
            return claims;
        }
        let claim = match self.ledger.claim_alone(self.stage, key, &self.owner, self.clock.now_ms()).await {
            Ok(claim) => claim,
            Err(error) => return all_failed(keys, &error.failure()),
        };
        let mut sorted = Claims::default();
        match claim {
            Claim::Claimed(state) if deaths::care(state.stage(self.stage).deaths) == Care::SetAside => {
                let deaths = state.stage(self.stage).deaths;
                let died =
                    format!("{key}: the function died on it, {deaths} times, the last ones with nothing else at work");
                let outcome = self.fail(key, Failure::permanent(codes::FUNCTION_DIED, died)).await;
                sorted.outcomes.insert(key.clone(), outcome);
            }
            claim => {
                tracing::warn!(product = %key, "functions died that had it at work: it is worked on by itself");
                self.sort(key.clone(), claim, &mut sorted);
            }
        }
        sorted
    }

    /// What becomes of all products if a target that is needed is to be left alone.
    async fn held(&self, keys: &[ProductKey]) -> Option<Claims> {
        let failure = self.guard.why_held(self.ledger, self.bus, self.clock.now_ms()).await?;
        tracing::info!(products = keys.len(), reason = failure.message, "batch put back");
        Some(all_failed(keys, &failure))
    }

    fn sort(&self, key: ProductKey, claim: Claim, sorted: &mut Claims) {
        let failure = match claim {
            Claim::Claimed(state) => {
                sorted.ours.insert(key, state);
                return;
            }
            Claim::AlreadyApplied(state) => {
                sorted.applied.push((key, state));
                return;
            }
            Claim::Alone { .. } => {
                sorted.alone.push(key);
                return;
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

    /// Completes each product's stage or gives it back with the reason, and learns how the targets
    /// fared. `ours` are the leases that [`Self::claim`] got.
    pub async fn record(
        &self,
        ours: &BTreeMap<ProductKey, ProductState>,
        results: BTreeMap<ProductKey, Result<Applied, Failure>>,
        probe: &Probe<impl AsyncFn(Stage) -> bool>,
    ) -> HashMap<ProductKey, Outcome> {
        self.record_with(ours, results, &Notes::default(), probe).await
    }

    /// The same, with the content that the PIM holds of some ([`ledger::core::lane`]).
    pub async fn record_noting(
        &self,
        ours: &BTreeMap<ProductKey, ProductState>,
        results: BTreeMap<ProductKey, Result<Applied, Failure>>,
        contents: BTreeMap<ProductKey, Content>,
        probe: &Probe<impl AsyncFn(Stage) -> bool>,
    ) -> HashMap<ProductKey, Outcome> {
        self.record_with(ours, results, &Notes { contents, ..Notes::default() }, probe).await
    }

    /// The same of products some of which the shop shows elsewhere than by themselves.
    pub async fn record_at(
        &self,
        ours: &BTreeMap<ProductKey, ProductState>,
        results: BTreeMap<ProductKey, Result<Applied, Failure>>,
        places: BTreeMap<ProductKey, Vec<ProductKey>>,
        probe: &Probe<impl AsyncFn(Stage) -> bool>,
    ) -> HashMap<ProductKey, Outcome> {
        self.record_with(ours, results, &Notes { places, ..Notes::default() }, probe).await
    }

    async fn record_with(
        &self,
        ours: &BTreeMap<ProductKey, ProductState>,
        results: BTreeMap<ProductKey, Result<Applied, Failure>>,
        notes: &Notes,
        probe: &Probe<impl AsyncFn(Stage) -> bool>,
    ) -> HashMap<ProductKey, Outcome> {
        let working = self.guard.learn_from_batch(self.ledger, self.bus, &results, probe, self.clock.now_ms()).await;
        let nothing = ProductState::default();
        let each = results.into_iter().map(|(key, result)| {
            let seen = ours.get(&key).unwrap_or(&nothing);
            let working = &working;
            async move {
                let outcome = match result {
                    Ok(applied) => self.complete(&key, notes, seen, &applied).await,
                    Err(failure) => self.fail(&key, self.judge(seen, failure, working)).await,
                };
                (key, outcome)
            }
        });
        stream::iter(each).buffer_unordered(PARALLEL).collect().await
    }

    /// Whose fault it is, where a target broke on it.
    fn judge(&self, claimed: &ProductState, failure: Failure, working: &BTreeSet<Stage>) -> Failure {
        let broken = asked_by(self.stage).iter().copied().find(|target| is_choke(*target, &failure));
        let Some(target) = broken else { return failure };
        let code = match target {
            Stage::Pimcore => codes::PIMCORE_CHOKES,
            Stage::Medusa => codes::MEDUSA_CHOKES,
        };
        blame::judge(target, claimed.stage(self.stage), failure, working.contains(&target), code)
    }

    async fn complete(&self, key: &ProductKey, notes: &Notes, seen: &ProductState, applied: &Applied) -> Outcome {
        let now = self.clock.now_ms();
        let completed = match (notes.places.get(key), notes.contents.get(key)) {
            (Some(places), _) => self.ledger.complete_at((key, places), &self.owner, seen, applied, now).await,
            (None, Some(content)) => self.ledger.complete_noting((key, content), &self.owner, seen, applied, now).await,
            (None, None) => self.ledger.complete(self.stage, key, &self.owner, seen, applied, now).await,
        };
        match completed {
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
