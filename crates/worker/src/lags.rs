//! How long content took from its feed to a target.

use std::collections::{BTreeMap, HashMap};

use catalog::{Failure, ProductKey};
use ledger::core::lag::{self, Place};
use ledger::{Applied, ProductState, Stage, Table};
use runtime::{Bus, Clock, Metric, Metrics, Outcome};

use crate::Worker;

impl<T: Table, B: Bus, C: Clock> Worker<'_, T, B, C> {
    /// How long (ms) each product took that a feed has just brought to the target; `ours` is what
    /// the ledger knew before.
    #[must_use]
    pub fn lags(
        &self,
        ours: &BTreeMap<ProductKey, ProductState>,
        results: &BTreeMap<ProductKey, Result<Applied, Failure>>,
    ) -> HashMap<ProductKey, i64> {
        let now = self.clock.now_ms();
        let lag = |(key, result): (&ProductKey, &Result<Applied, Failure>)| {
            let before = ours.get(key)?.stage(self.stage);
            Some((key.clone(), lag::of(before, result.as_ref().ok()?, now)?))
        };
        results.iter().filter_map(lag).collect()
    }

    /// Reports the lags of those that really are done.
    pub async fn arrived(
        &self,
        lags: &HashMap<ProductKey, i64>,
        outcomes: &HashMap<ProductKey, Outcome>,
        metrics: &Metrics,
    ) {
        let done: Vec<i64> =
            lags.iter().filter(|(key, _)| outcomes.get(*key) == Some(&Outcome::Done)).map(|(_, lag)| *lag).collect();
        for lag in &done {
            #[expect(clippy::cast_precision_loss, reason = "exact for hundreds of thousands of years")]
            metrics.sample(Metric::EndToEndLag, *lag as f64);
        }
        let place = match self.stage {
            Stage::Pimcore => Place::Pimcore,
            Stage::Medusa => Place::Medusa,
        };
        let lags: Vec<(i64, u64)> = done.into_iter().map(|lag| (lag, 1)).collect();
        self.ledger.note_lags(place, &lags, self.clock.now_ms()).await;
    }
}
