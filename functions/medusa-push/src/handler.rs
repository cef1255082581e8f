//! What the function does when it is woken:
//!
//! | activation | does |
//! |---|---|
//! | a batch of the medusa queue | makes the shop show each product as the PIM has it now ([`crate::push`]) |
//! | `{"action":"settings"}`, every minute | notes by which setting it works ([`crate::setting`]) |

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::Error;
use ledger::{Ledger, Owner, Stage};
use runtime::batch::any_failed_with;
use runtime::{Announcer, Batch, Clock as _, Function, Invocation, Metrics, Queue, SystemClock};
use serde_json::{Value, json};
use tracing::Instrument as _;
use worker::access::medusa::{DOUBTED, MedusaAccess};
use worker::access::pimcore::PimcoreAccess;
use worker::rules::Rules;
use worker::{Guard, Worker};

use crate::activation::Activation;
use crate::push::PushBatch;
use crate::setting;

/// The function with its clients.
pub struct MedusaPush {
    pub pimcore: PimcoreAccess,
    pub medusa: MedusaAccess,
    pub ledger: Ledger,
    pub bus: Announcer,
    /// The shop's rules, where offers reach the shop before the PIM.
    pub lane: Option<Rules>,
    /// The medusa queue and its dead-letter queue.
    pub queue: Queue,
    /// What it remembers of the PIM's and the shop's answers.
    pub guard: Guard,
    pub metrics: Metrics,
}

impl Function for MedusaPush {
    type Event = Activation;
    type Answer = Value;

    async fn handle(&self, event: Activation, invocation: Invocation) -> Result<Value, Error> {
        match event {
            Activation::Batch(batch) => Ok(serde_json::to_value(self.push(batch, invocation).await)?),
            Activation::Settings => {
                let articles = self.medusa.articles();
                let news = setting::note(&self.ledger, articles, SystemClock.now_ms()).await?;
                if news {
                    tracing::info!(%articles, "it works by another setting: products follow in the background");
                }
                Ok(json!({"articles": articles.to_string(), "news": news}))
            }
        }
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    fn report(&self) {
        self.guard.report_opened(&self.metrics);
    }
}

impl MedusaPush {
    async fn push(&self, event: SqsEvent, invocation: Invocation) -> SqsBatchResponse {
        let worker = Worker {
            stage: Stage::Medusa,
            ledger: &self.ledger,
            guard: &self.guard,
            bus: &self.bus,
            clock: &SystemClock,
            owner: Owner(invocation.id),
            deadline: invocation.deadline,
        };
        let push = PushBatch { worker, lane: self.lane.as_ref(), metrics: &self.metrics };
        let batch = Batch::of(event);
        let pimcore = self.pimcore.client().await;
        let ends = push.worker.ends();
        let run = push.run(&pimcore, async |lookup| self.medusa.open(lookup, ends).await, batch.products());
        let outcomes = Box::pin(run).instrument(batch.span()).await;
        self.metrics.batch(&batch, &outcomes);
        if any_failed_with(&outcomes, &[pimcore::codes::FORBIDDEN]) {
            self.pimcore.forget().await;
        }
        if any_failed_with(&outcomes, &DOUBTED) {
            self.medusa.forget().await;
        }
        self.queue.settle(&batch, &outcomes).await
    }
}
