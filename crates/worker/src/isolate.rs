//! Finds the products that a target breaks on, so that they hold up nobody else.
//!
//! A request about several products that the target breaks on says nothing of any of them. The
//! products are asked for again in halves, until those are found that fail alone. All work is safe
//! to repeat. A target that does not work at all is not asked again.

use std::collections::BTreeMap;
use std::time::Duration;

use catalog::{Failure, ProductKey};
use ledger::breaker::{asked_by, is_choke};
use ledger::{Stage, Table};
use runtime::{Bus, Clock};

use crate::Worker;
use crate::probe::Probe;

/// With less than this left nothing is asked again: what was found so far has to be recorded.
const ENOUGH: Duration = Duration::from_secs(10);
/// So many that fail alone, and none that gets through: then it is not these products.
const NO_CULPRITS: usize = 5;

pub type Results<R> = BTreeMap<ProductKey, Result<R, Failure>>;

impl<T: Table, B: Bus, C: Clock> Worker<'_, T, B, C> {
    /// Does the work of the products again that a target broke on together, in halves.
    pub async fn isolate<R>(
        &self,
        mut results: Results<R>,
        probe: &Probe<impl AsyncFn(Stage) -> bool>,
        again: impl AsyncFn(Vec<ProductKey>) -> Results<R>,
    ) -> Results<R> {
        let (mut broken, target) = self.broke_together(&results);
        let Some(target) = target else { return results };
        if let ([only], 1) = (broken.as_slice(), results.len()) {
            let only = only.clone();
            alone(&mut results, &only);
            return results;
        }
        if self.guard.breaks_on_many(target) || !probe.works(target).await {
            return results;
        }
        let mut through = results.values().any(Result::is_ok);
        let mut culprits = 0;
        let second = broken.split_off(broken.len() / 2);
        let mut waiting = vec![second, broken];
        while let Some(group) = waiting.pop().filter(|_| through || culprits < NO_CULPRITS) {
            if self.deadline.remaining(self.clock.now_ms()) < ENOUGH {
                break;
            }
            if group.is_empty() {
                continue;
            }
            let mut own = again(group.clone()).await;
            through |= own.values().any(Result::is_ok);
            let (mut still, _) = self.broke_together(&own);
            if let ([only], [one]) = (still.as_slice(), group.as_slice()) {
                tracing::warn!(product = %only, target_system = target.as_str(), "it fails alone");
                alone(&mut own, one);
                culprits += 1;
            } else if !still.is_empty() {
                let second = still.split_off(still.len() / 2);
                waiting.extend([second, still]);
            }
            results.extend(own);
        }
        results
    }

    /// Products that a target broke on together with others, and which target.
    fn broke_together<R>(&self, results: &Results<R>) -> (Vec<ProductKey>, Option<Stage>) {
        let mut by = None;
        let together = |failure: &Failure| failure.choke.is_some_and(|choke| choke.alone == 0);
        let broken = results.iter().filter_map(|(key, result)| {
            let failure = result.as_ref().err().filter(|failure| together(failure))?;
            by = Some(asked_by(self.stage).iter().find(|target| is_choke(**target, failure))?);
            Some(key.clone())
        });
        (broken.collect(), by.copied())
    }
}

fn alone<R>(results: &mut Results<R>, key: &ProductKey) {
    if let Some(Err(failure)) = results.get_mut(key) {
        *failure = failure.clone().choked(true);
    }
}
