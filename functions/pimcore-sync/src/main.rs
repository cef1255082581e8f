//! Wiring: clients are made once, each invocation is handed to the activity it asks for.

use aws_lambda_events::event::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use ledger::core::stage::Leases;
use ledger::{Ledger, Owner, Stage};
use pimcore_sync::access::Access;
use pimcore_sync::decide::PublishPolicy;
use pimcore_sync::sync::Sync;
use pimcore_sync::{changes, inventory};
use runtime::{Announcer, Batch, Deadline, Outcome, Queue, Secrets, SystemClock, settings};
use serde::Deserialize;
use serde_json::{Value, json};
use worker::{Guard, Worker};

/// The function's timeout is 60 s and no request outlives it, so a lease of 90 s allows for 30 s between two clocks.
/// Pimcore may go on saving for a while after its caller has gone.
const LEASES: Leases = Leases { lease_ms: 90_000, landing_ms: 30_000 };

/// What an invocation can ask for.
#[derive(Deserialize)]
#[serde(untagged)]
enum Request {
    /// A schedule, or an operator.
    Action { action: Action },
    /// The queue.
    Batch(SqsEvent),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Changes,
    Reconcile,
}

struct Function {
    access: Access,
    ledger: Ledger,
    bus: Announcer,
    queue: Queue,
    guard: Guard,
    policy: PublishPolicy,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let aws = settings::start().await;
    let sqs = aws_sdk_sqs::Client::new(&aws);
    let function = Function {
        access: Access::new(
            settings::required("PIMCORE_URL")?,
            settings::required("PIMCORE_SECRET")?,
            Secrets::new(aws_sdk_secretsmanager::Client::new(&aws)),
        ),
        ledger: Ledger::new(aws_sdk_dynamodb::Client::new(&aws), settings::required("LEDGER_TABLE")?, LEASES),
        bus: Announcer::new(aws_sdk_eventbridge::Client::new(&aws), settings::required("EVENT_BUS")?),
        queue: Queue::new(sqs, settings::required("PIMCORE_QUEUE_URL")?, settings::required("PIMCORE_DLQ_URL")?),
        guard: Guard::new(Stage::Pimcore, ledger::breaker::Settings::default()),
        policy: PublishPolicy::parse(&settings::required("PUBLISH_POLICY")?)?,
    };
    lambda_runtime::run(service_fn(|event| function.handle(event))).await
}

impl Function {
    async fn handle(&self, event: LambdaEvent<Request>) -> Result<Value, Error> {
        let deadline = Deadline::of(&event.context);
        match event.payload {
            Request::Batch(batch) => {
                let batch = Batch::of(batch);
                let worker = Worker {
                    stage: Stage::Pimcore,
                    ledger: &self.ledger,
                    guard: &self.guard,
                    bus: &self.bus,
                    clock: &SystemClock,
                    owner: Owner(event.context.request_id.clone()),
                    deadline,
                };
                let sync = Sync { worker, policy: self.policy };
                let outcomes = sync.run(&self.access.client().await, batch.products()).await;
                let refused = |outcome: &Outcome| matches!(outcome, Outcome::Failed(failure) if failure.code == "pimcore_forbidden");
                if outcomes.values().any(refused) {
                    self.access.forget().await;
                }
                Ok(serde_json::to_value(self.queue.settle(&batch, &outcomes).await)?)
            }
            Request::Action { action: Action::Changes } => {
                let pimcore = self.access.client().await?;
                let report = changes::follow(&pimcore, &self.ledger, &self.bus, &SystemClock, deadline).await?;
                // A comparison of all of Pimcore that did not fit into one invocation goes on here.
                let counted = inventory::resume(&pimcore, &self.ledger, &self.bus, &SystemClock, deadline).await?;
                tracing::info!(?report, ?counted, "change feed followed");
                Ok(json!({"changes": report, "inventory": counted}))
            }
            Request::Action { action: Action::Reconcile } => {
                let pimcore = self.access.client().await?;
                let counted = inventory::start(&pimcore, &self.ledger, &self.bus, &SystemClock, deadline).await?;
                tracing::info!(?counted, "Pimcore compared with what it held before");
                Ok(json!({"inventory": counted}))
            }
        }
    }
}
