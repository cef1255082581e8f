//! Whether a target works: one cheap request that is known to work where it does.

use std::collections::BTreeMap;

use ledger::Stage;
use tokio::sync::Mutex;

/// Asks each target once at most, and only when somebody wants to know.
#[derive(Debug)]
pub struct Probe<F> {
    ask: F,
    known: Mutex<BTreeMap<Stage, bool>>,
}

impl<F: AsyncFn(Stage) -> bool> Probe<F> {
    /// A probe for one batch. `ask` has to send the request with the credentials that the work has.
    #[must_use]
    pub fn new(ask: F) -> Self {
        Self { ask, known: Mutex::default() }
    }

    /// Whether the target answers as it should.
    pub async fn works(&self, target: Stage) -> bool {
        let mut known = self.known.lock().await;
        if let Some(works) = known.get(&target) {
            return *works;
        }
        let works = (self.ask)(target).await;
        tracing::info!(target_system = target.as_str(), works, "probed");
        known.insert(target, works);
        works
    }
}
