//! Wiring: clients are made once, each invocation is handed to the activity it asks for.

use aws_lambda_events::event::sqs::SqsEvent;
use catalog::Failure;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use ledger::{Ledger, Owner, Stage};
use pimcore_sync::decide::PublishPolicy;
use pimcore_sync::inventory::Comparison;
use pimcore_sync::sync::Sync;
use pimcore_sync::{changes, due};
use runtime::limit::Limit;
use runtime::{
    Announcer, Batch, Clock, Deadline, Metric, Metrics, Outcome, Queue, Secrets, SystemClock, client, settings,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::Instrument as _;
use worker::{Guard, PimcoreAccess, Worker};

/// What an invocation can ask for.
#[derive(Deserialize)]
#[serde(try_from = "Value")]
enum Request {
    /// A schedule, or an operator.
    Action(Action, Options),
    /// The queue.
    Batch(SqsEvent),
}

impl TryFrom<Value> for Request {
    type Error = String;

    /// Decides by the field `action`, so that what is wrong with an event is told in its own terms.
    fn try_from(mut event: Value) -> Result<Self, String> {
        let read = match event.get_mut("action").map(Value::take) {
            Some(action) => serde_json::from_value(action)
                .and_then(|action| Ok(Self::Action(action, serde_json::from_value(event)?))),
            None => serde_json::from_value(event).map(Self::Batch),
        };
        read.map_err(|error| format!("{error}; give `action`, or a batch of SQS messages"))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Changes,
    Due,
    Reconcile,
}

/// More about an action.
#[derive(Clone, Copy, Default, Deserialize)]
struct Options {
    /// `reconcile`: however many products are gone.
    #[serde(default)]
    accept: bool,
}

struct Function {
    access: PimcoreAccess,
    ledger: Ledger,
    bus: Announcer,
    queue: Queue,
    guard: Guard,
    limit: Limit,
    policy: PublishPolicy,
    max_percent: u8,
    metrics: Metrics,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let aws = settings::start().await;
    let limit = Limit::default();
    let sqs = client!(aws_sdk_sqs::Client, &aws, &limit);
    let function = Function {
        access: PimcoreAccess::new(
            settings::required("PIMCORE_URL")?,
            settings::required("PIMCORE_SECRET")?,
            Secrets::new(client!(aws_sdk_secretsmanager::Client, &aws, &limit)),
        ),
        ledger: Ledger::new(
            client!(aws_sdk_dynamodb::Client, &aws, &limit),
            settings::required("LEDGER_TABLE")?,
            Stage::Pimcore.leases(),
        ),
        bus: Announcer::new(client!(aws_sdk_eventbridge::Client, &aws, &limit), settings::required("EVENT_BUS")?),
        queue: Queue::new(sqs, settings::required("PIMCORE_QUEUE_URL")?, settings::required("PIMCORE_DLQ_URL")?),
        guard: Guard::new(Stage::Pimcore, ledger::breaker::Settings::default()),
        limit,
        policy: PublishPolicy::parse(&settings::required("PUBLISH_POLICY")?)?,
        max_percent: settings::required("MAX_WITHDRAWN_PERCENT")?.parse()?,
        metrics: Metrics::new(settings::required("RELAY_ENVIRONMENT")?, "pimcore-sync"),
    };
    lambda_runtime::run(service_fn(|event| function.handle(event))).await
}

impl Function {
    async fn handle(&self, event: LambdaEvent<Request>) -> Result<Value, Error> {
        let answer = self.answer(event).await;
        self.guard.report(&self.metrics);
        self.metrics.emit(SystemClock.now_ms());
        answer
    }

    async fn answer(&self, event: LambdaEvent<Request>) -> Result<Value, Error> {
        let deadline = Deadline::of(&event.context);
        self.limit.until(deadline);
        match event.payload {
            Request::Batch(batch) => {
                let batch = Batch::of(batch);
                let bus = self.bus.continuing(batch.traces());
                let worker = Worker {
                    stage: Stage::Pimcore,
                    ledger: &self.ledger,
                    guard: &self.guard,
                    bus: &bus,
                    clock: &SystemClock,
                    owner: Owner(event.context.request_id.clone()),
                    deadline,
                };
                let sync = Sync { worker, policy: self.policy, metrics: &self.metrics };
                let pimcore = self.access.client().await;
                let outcomes = Box::pin(sync.run(&pimcore, batch.products())).instrument(batch.span()).await;
                self.metrics.batch(&batch, &outcomes);
                let refused = |outcome: &Outcome| matches!(outcome, Outcome::Failed(failure) if failure.code == "pimcore_forbidden");
                if outcomes.values().any(refused) {
                    self.access.forget().await;
                }
                Ok(serde_json::to_value(self.queue.settle(&batch, &outcomes).await)?)
            }
            Request::Action(action, options) => {
                // The next activation makes up for it.
                if let Some(failure) = self.guard.held(&self.ledger, &self.bus, SystemClock.now_ms()).await {
                    tracing::info!(reason = failure.message, "Pimcore is left alone");
                    return Ok(json!({"held": failure.message}));
                }
                let answer = self.act(action, options, deadline).await;
                if let Err(failure) = &answer {
                    let seen = ledger::breaker::seen_in_passing(Stage::Pimcore, failure);
                    self.guard.saw(&self.ledger, &self.bus, Stage::Pimcore, &seen, SystemClock.now_ms()).await;
                }
                Ok(answer?)
            }
        }
    }

    async fn act(&self, action: Action, options: Options, deadline: Deadline) -> Result<Value, Failure> {
        let pimcore = self.access.client().await?;
        let comparison = Comparison {
            pimcore: &pimcore,
            ledger: &self.ledger,
            bus: &self.bus,
            clock: &SystemClock,
            deadline,
            max_percent: self.max_percent,
        };
        match action {
            Action::Changes => {
                let report = changes::follow(&pimcore, &self.ledger, &self.bus, &SystemClock, deadline).await?;
                let census = comparison.census().await?;
                // A comparison that did not fit into one invocation, or that the census asks for.
                let counted = comparison.resume().await?;
                tracing::info!(?report, ?census, ?counted, "change feed followed");
                self.metrics.count(Metric::EditsFollowed, report.changes as u64);
                let repaired = report.repaired + counted.map_or(0, |counted| counted.repaired);
                self.metrics.count(Metric::ProductsRepaired, repaired as u64);
                Ok(json!({"changes": report, "census": census, "inventory": counted}))
            }
            Action::Due => {
                let report = due::announce(&self.ledger, &self.bus, &SystemClock, deadline).await?;
                tracing::info!(?report, "products whose time has come announced");
                Ok(json!({"due": report}))
            }
            Action::Reconcile => {
                let counted = comparison.start(options.accept).await?;
                tracing::info!(?counted, "Pimcore compared with the ledger");
                self.metrics.count(Metric::ProductsRepaired, counted.repaired as u64);
                Ok(json!({"inventory": counted}))
            }
        }
    }
}
