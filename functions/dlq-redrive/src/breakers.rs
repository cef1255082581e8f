//! The circuit breakers' keeper: `{"action":"tend"}`, every minute and whenever one was opened.
//! What is due is decided in the crate `ledger`.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger::breaker::{self, Mapping, Settings};
use ledger::core::breaker::{Breaker, Mode};
use ledger::{Ledger, LedgerError, Owner, Stage, Table};
use redrive::QueueName;
use runtime::Metrics;
use runtime::settings::{SettingError, optional};
use serde_json::{Value, json};

use crate::health::Health;

/// The usual settings, but `BREAKER_STEP_SECONDS` for each step of a return if it is set.
///
/// # Errors
/// When that is no whole number.
pub fn settings() -> Result<Settings, SettingError> {
    let name = "BREAKER_STEP_SECONDS";
    let usual = Settings::default();
    let Some(value) = optional(name) else { return Ok(usual) };
    match value.trim().parse::<u32>() {
        Ok(seconds) => Ok(Settings { step_ms: i64::from(seconds) * 1000, ..usual }),
        Err(_) => Err(SettingError::Invalid { name, expected: "a whole number of seconds", value }),
    }
}

pub struct Breakers<T, M> {
    /// The ledger, which keeps them.
    pub ledger: Ledger<T>,
    pub mappings: M,
    /// Probes the targets.
    pub health: Arc<dyn Health>,
    /// How they behave.
    pub settings: Settings,
}

/// The targets, as breakers ask for them.
struct Probed<'a>(&'a dyn Health);

impl breaker::Health for Probed<'_> {
    async fn works(&self, target: Stage) -> bool {
        let queue = match target {
            Stage::Pimcore => QueueName::Pimcore,
            Stage::Medusa => QueueName::Medusa,
        };
        self.0.answers(queue).await
    }
}

impl<T: Table, M: Mapping> Breakers<T, M> {
    /// Does what is due. Reports the breakers that were open not long ago, and answers with all of
    /// them.
    ///
    /// # Errors
    /// When the ledger does not answer.
    pub async fn tend(&self, owner: &Owner, metrics: &Metrics, now: i64) -> Result<Value, LedgerError> {
        let health = Probed(self.health.as_ref());
        let breakers = breaker::tend(&self.ledger, &self.mappings, &health, owner, &self.settings, now).await?;
        for (target, breaker) in breakers.iter().filter(|(_, breaker)| !breaker.is_over()) {
            metrics.breaker_open(target.as_str(), breaker.is_open());
        }
        let shown: BTreeMap<&str, Value> =
            breakers.iter().map(|(target, breaker)| (target.as_str(), show(breaker))).collect();
        Ok(json!({"action": "tend", "breakers": shown}))
    }
}

fn show(breaker: &Breaker) -> Value {
    match breaker.mode {
        Mode::Closed => json!({"mode": "closed"}),
        Mode::Open { retry_at } => {
            json!({"mode": "open", "since": breaker.since, "probeAt": retry_at, "reason": breaker.reason})
        }
        Mode::Returning { step } => json!({"mode": "returning", "since": breaker.since, "step": step}),
    }
}
