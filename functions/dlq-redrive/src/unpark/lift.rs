//! Failures that a person says are over are lifted in the ledger.

use std::collections::HashMap;

use catalog::ProductKey;
use futures::stream::{self, StreamExt};
use ledger::core::standing::{lift, standing};
use ledger::{ProductState, Stage};
use redrive::QueueName;

use crate::redriver::Redriver;

/// Ledger writes in flight at once.
const PARALLEL: usize = 10;

impl Redriver {
    pub(super) async fn lift_those(&self, name: QueueName, keys: &[ProductKey]) {
        if keys.is_empty() || name.stage().is_none() {
            return;
        }
        match self.ledger.read_states(keys).await {
            Ok(states) => self.lift(name, &states).await,
            Err(error) => tracing::warn!(queue = %name, %error, "failures are not lifted: the messages do that"),
        }
    }

    /// Lifts the failures that stand among these. Not doing so harms nobody: the message that was
    /// sent is worked on all the same.
    pub(crate) async fn lift(&self, name: QueueName, products: &HashMap<ProductKey, ProductState>) {
        let Some(stage) = name.stage() else { return };
        let failed = products.iter().filter(|(_, state)| standing(state, stage).is_some());
        for why in self.lift_all(stage, failed).await.into_iter().filter_map(Result::err) {
            tracing::warn!(queue = %name, why, "a failure is not lifted");
        }
    }

    /// Lifts failures; the answers are in their order. False where somebody has been at work on the
    /// product since.
    pub(super) async fn lift_all<'a>(
        &self,
        stage: Stage,
        products: impl Iterator<Item = (&'a ProductKey, &'a ProductState)>,
    ) -> Vec<Result<bool, String>> {
        let writes: Vec<_> = products.map(|(key, state)| lift(stage, key, state)).collect();
        let each = writes.into_iter().map(async |write| match write {
            Some(write) => match self.ledger.write(&write).await {
                Ok(written) => Ok(written.is_ok()),
                Err(error) => Err(error.to_string()),
            },
            None => Ok(false),
        });
        stream::iter(each).buffered(PARALLEL).collect().await
    }
}
