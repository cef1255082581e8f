//! Wiring: clients are made once, each batch is handed to [`medusa_push::push`].

use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use ledger::{Ledger, Owner, Stage};
use medusa::{CompareAt, StockSettings};
use medusa_push::access::MedusaAccess;
use medusa_push::push::Push;
use runtime::limit::Limit;
use runtime::{
    Announcer, Batch, Clock as _, Deadline, Metrics, Outcome, Queue, Secrets, SystemClock, client, settings,
};
use tracing::Instrument as _;
use worker::{Guard, PimcoreAccess, Worker};

struct Function {
    pimcore: PimcoreAccess,
    medusa: MedusaAccess,
    ledger: Ledger,
    bus: Announcer,
    queue: Queue,
    guard: Guard,
    limit: Limit,
    metrics: Metrics,
}

const DAY: Duration = Duration::from_secs(86_400);

/// `VARIANT_RETENTION_DAYS`.
fn days(text: &str) -> Result<Duration, String> {
    let wrong = || format!("VARIANT_RETENTION_DAYS should be a number of days from 0 to 3650, got: {text:?}");
    let days: u32 = text.trim().parse().map_err(|_| wrong())?;
    if days > 3650 {
        return Err(wrong());
    }
    Ok(DAY * days)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let aws = settings::start().await;
    let limit = Limit::default();
    let sqs = client!(aws_sdk_sqs::Client, &aws, &limit);
    let secrets = Secrets::new(client!(aws_sdk_secretsmanager::Client, &aws, &limit));
    let function = Function {
        pimcore: PimcoreAccess::new(
            settings::required("PIMCORE_URL")?,
            settings::required("PIMCORE_SECRET")?,
            secrets.clone(),
        ),
        medusa: MedusaAccess::new(
            settings::required("MEDUSA_URL")?,
            settings::required("MEDUSA_SECRET")?,
            settings::required("SALES_CHANNEL_ID")?,
            settings::required("STOCK_LOCATION_ID")?,
            match settings::optional("COMPARE_AT") {
                Some(text) => text.parse().map_err(|error| format!("COMPARE_AT {error}"))?,
                None => CompareAt::default(),
            },
            (
                match settings::optional("STOCK") {
                    Some(text) => text.parse().map_err(|error| format!("STOCK {error}"))?,
                    None => StockSettings::default(),
                },
                match settings::optional("VARIANT_RETENTION_DAYS") {
                    Some(text) => days(&text)?,
                    None => DAY * 30,
                },
            ),
            secrets,
        ),
        ledger: Ledger::new(
            client!(aws_sdk_dynamodb::Client, &aws, &limit),
            settings::required("LEDGER_TABLE")?,
            Stage::Medusa.leases(),
        ),
        bus: Announcer::new(client!(aws_sdk_eventbridge::Client, &aws, &limit), settings::required("EVENT_BUS")?),
        guard: Guard::new(Stage::Medusa, ledger::breaker::Settings::default()),
        limit,
        queue: Queue::new(sqs, settings::required("MEDUSA_QUEUE_URL")?, settings::required("MEDUSA_DLQ_URL")?),
        metrics: Metrics::new(settings::required("RELAY_ENVIRONMENT")?, "medusa-push"),
    };
    lambda_runtime::run(service_fn(|event| function.handle(event))).await
}

impl Function {
    async fn handle(&self, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
        let deadline = Deadline::of(&event.context);
        self.limit.until(deadline);
        let worker = Worker {
            stage: Stage::Medusa,
            ledger: &self.ledger,
            guard: &self.guard,
            bus: &self.bus,
            clock: &SystemClock,
            owner: Owner(event.context.request_id.clone()),
            deadline,
        };
        let push = Push { worker, metrics: &self.metrics };
        let batch = Batch::of(event.payload);
        let pimcore = self.pimcore.client().await;
        let ends = push.worker.ends();
        let run = push.run(&pimcore, async |trust| self.medusa.open(trust, ends).await, batch.products());
        let outcomes = Box::pin(run).instrument(batch.span()).await;
        self.metrics.batch(&batch, &outcomes);
        let failed_with = |code: &str| {
            outcomes.values().any(|outcome| matches!(outcome, Outcome::Failed(failure) if failure.code == code))
        };
        if failed_with(pimcore::codes::FORBIDDEN) {
            self.pimcore.forget().await;
        }
        // What was believed about the shop may be out of date: a secret, a channel, a category that somebody deleted.
        let doubted = [medusa::codes::LOGIN_REFUSED, medusa::codes::UNAUTHORIZED, medusa::codes::NOT_FOUND];
        if doubted.into_iter().any(failed_with) {
            self.medusa.forget().await;
        }
        let response = self.queue.settle(&batch, &outcomes).await;
        self.guard.report(&self.metrics);
        self.metrics.emit(SystemClock.now_ms());
        Ok(response)
    }
}
