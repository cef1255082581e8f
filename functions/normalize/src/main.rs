//! Wiring: clients are made once, each message of a batch is one run's part.

use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use catalog::Failure;
use feeds::Limits;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use ledger::{Leases, Ledger, Owner, S3Bodies};
use normalize::aws::{IngestQueue, S3};
use normalize::notification::Work;
use normalize::ports::Ingest as _;
use normalize::run::Reader;
use runtime::limit::Limit;
use runtime::{
    Announcer, Clock as _, Deadline, Metric, Metrics, Outcome, Queue, SystemClock, TraceHeader, backoff, client,
    settings,
};
use tracing::Instrument as _;
use withdrawal::Withdrawal;

/// The function's timeout is 120 s: a lease of 150 s allows for 30 s between two clocks.
const LEASES: Leases = Leases { lease_ms: 150_000, landing_ms: 30_000 };

struct Function {
    ledger: Ledger,
    objects: S3,
    bus: Announcer,
    ingest: IngestQueue,
    queue: Queue,
    /// Largest share of a source's products, in percent, that one full feed may withdraw.
    max_withdrawn_percent: u8,
    metrics: Metrics,
    limit: Limit,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let aws = settings::start().await;
    let limit = Limit::default();
    let sqs = client!(aws_sdk_sqs::Client, &aws, &limit);
    let url = settings::required("INGEST_QUEUE_URL")?;
    let objects =
        S3::new(aws_sdk_s3::config::Builder::from(&aws).interceptor(limit.clone()), aws.endpoint_url().is_some());
    let ledger =
        Ledger::new(client!(aws_sdk_dynamodb::Client, &aws, &limit), settings::required("LEDGER_TABLE")?, LEASES);
    let function = Function {
        ledger: ledger.with_bodies(S3Bodies::new(objects.0.clone(), settings::required("FEED_BUCKET")?)),
        objects,
        bus: Announcer::new(client!(aws_sdk_eventbridge::Client, &aws, &limit), settings::required("EVENT_BUS")?),
        queue: Queue::new(sqs.clone(), &url, settings::required("INGEST_DLQ_URL")?),
        ingest: IngestQueue { client: sqs, url },
        max_withdrawn_percent: settings::percent("MAX_WITHDRAWN_PERCENT")?,
        metrics: Metrics::new(settings::required("RELAY_ENVIRONMENT")?, "normalize"),
        limit,
    };
    lambda_runtime::run(service_fn(|event| function.handle(event))).await
}

impl Function {
    async fn handle(&self, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
        let deadline = Deadline::of(&event.context);
        self.limit.until(deadline);
        let reader = Reader {
            store: &self.ledger,
            objects: &self.objects,
            bus: &self.bus,
            queue: &self.ingest,
            clock: &SystemClock,
            owner: Owner(event.context.request_id.clone()),
            deadline,
            limits: Limits::default(),
            metrics: &self.metrics,
        };
        let mut back = Vec::new();
        for message in &event.payload.records {
            let body = message.body.as_deref().unwrap_or_default();
            let (request, work) = (withdrawal::Request::parse(body), Work::parse(body));
            // The run is the correlation id of everything that follows from the feed.
            let run = request
                .as_ref()
                .map(|request| request.run.as_str())
                .or(work.as_ref().ok().map(|work| work.run.as_str()));
            let trace = TraceHeader::of_message(message);
            let span = tracing::info_span!("feed", correlation_id = run, trace = trace.as_ref().map(TraceHeader::id));
            let one = async {
                let outcome = match (&request, &work) {
                    (Some(request), _) => self.withdraw(request, deadline).await,
                    (None, Ok(work)) => reader.handle(work, body).await,
                    (None, Err(error)) => {
                        Outcome::Failed(Failure::poison(runtime::codes::MESSAGE_NOT_UNDERSTOOD, error.to_string()))
                    }
                };
                self.settle(message, outcome).await
            };
            back.extend(Box::pin(one).instrument(span).await);
        }
        self.metrics.emit(SystemClock.now_ms());
        let mut response = SqsBatchResponse::default();
        response.set_failures(back);
        Ok(response)
    }

    /// Withdraws what a full feed no longer contains.
    async fn withdraw(&self, request: &withdrawal::Request, deadline: Deadline) -> Outcome {
        let withdrawal = Withdrawal {
            manifests: &withdrawal::s3::Bucket(self.objects.0.clone()),
            store: &self.ledger,
            bus: &self.bus,
            clock: &SystemClock,
            deadline,
            max_percent: self.max_withdrawn_percent,
            metrics: &self.metrics,
        };
        withdrawal.handle(request, async |rest| self.ingest.send(&rest).await).await
    }

    /// Does with the message what the outcome calls for; its id if it is to come back.
    async fn settle(&self, message: &SqsMessage, outcome: Outcome) -> Option<String> {
        let wait = match outcome {
            Outcome::Done => return None,
            Outcome::Again(wait) => wait,
            Outcome::Failed(failure) if failure.kind.is_final() => {
                self.metrics.count(Metric::DeadLetters, 1);
                return self.queue.bury(&[(message, &failure)]).await.pop();
            }
            Outcome::Failed(failure) => {
                tracing::warn!(%failure, "the message will come back");
                self.metrics.count(Metric::Retries, 1);
                backoff_of(message, &failure)
            }
        };
        self.queue.hide(&[(message, wait)]).await;
        message.message_id.clone()
    }
}

fn backoff_of(message: &SqsMessage, failure: &Failure) -> Duration {
    let received = message.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1);
    backoff::after(failure, message.message_id.as_deref().unwrap_or_default(), received)
}
