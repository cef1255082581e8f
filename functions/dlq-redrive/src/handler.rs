//! What the function does when it is woken:
//!
//! | activation | does |
//! |---|---|
//! | `{"action":"tend"}`, every minute, and `BreakerOpened` | probes open breakers, pauses queues and lets traffic return ([`crate::breakers`]) |
//! | `{"action":"maintain"}`, every five minutes | redrives, parks or drops every dead letter, then announces what is overdue ([`Redriver`]) |
//! | any other action, an operator | one part of that, for the letters that a filter selects ([`redrive::RedriveRequest`]) |

use lambda_runtime::Error;
use ledger::Owner;
use runtime::{Clock as _, Function, Invocation, Metrics, SystemClock};
use serde_json::Value;

use crate::activation::Activation;
use crate::breakers::Breakers;
use crate::mapping::Mappings;
use crate::metrics;
use crate::redriver::Redriver;

/// The function with its clients.
pub struct DlqRedrive {
    /// Looks after dead letters and what is overdue.
    pub redriver: Redriver,
    /// Looks after the breakers.
    pub breakers: Breakers<ledger::DynamoDb, Mappings>,
    pub metrics: Metrics,
}

impl Function for DlqRedrive {
    type Event = Value;
    type Answer = Value;

    async fn handle(&self, event: Value, invocation: Invocation) -> Result<Value, Error> {
        match Activation::try_from(event)? {
            Activation::Tend => {
                let owner = Owner(invocation.id);
                Ok(Box::pin(self.breakers.tend(&owner, &self.metrics, SystemClock.now_ms())).await?)
            }
            Activation::Redrive(request) => {
                let report = Box::pin(self.redriver.handle(&request, invocation.deadline)).await?;
                metrics::of(&report, &self.metrics);
                Ok(serde_json::to_value(report)?)
            }
        }
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}
