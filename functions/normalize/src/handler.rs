//! What the function does when it is woken. Each message of a batch is one of these:
//!
//! | activation | does |
//! |---|---|
//! | S3's "Object Created" | reads the object from where its run stands ([`FeedReader`]) |
//! | the function's own `strictPass` | reads it once more and notes every product ([`ledger::core::register`]) |
//! | the function's own, or an operator's, `withdraw` | takes from sale what a full feed lacks ([`withdrawal`]) |
//! | S3's "Object Created" or "Object Deleted" under `config/` | puts into force what can be ([`Configure`]) |
//! | anything else | goes to the dead-letter queue as poison |

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use catalog::Failure;
use feeds::Limits;
use lambda_runtime::Error;
use ledger::{Leases, Ledger, Owner};
use runtime::{Announcer, Deadline, Function, Invocation, Metrics, Outcome, Queue, SystemClock, TraceHeader};
use tracing::Instrument as _;
use withdrawal::Withdrawal;

use crate::aws::{IngestQueue, S3};
use crate::config::Configure;
use crate::message::Message;
use crate::ports::Ingest as _;
use crate::run::FeedReader;
use crate::source::Sources;

/// The function's timeout is 120 s: a lease of 150 s allows for 30 s between two clocks.
pub const LEASES: Leases = Leases { lease_ms: 150_000, landing_ms: 30_000 };

/// The function with its clients.
pub struct Normalize {
    pub ledger: Ledger,
    /// The feed bucket.
    pub objects: S3,
    pub bus: Announcer,
    /// The ingest queue, to send to.
    pub ingest: IngestQueue,
    /// The ingest queue and its dead-letter queue, for what becomes of a message.
    pub queue: Queue,
    /// Largest share of a source's products, in percent, that one full feed may withdraw.
    pub max_withdrawn_percent: u8,
    pub sources: Sources,
    pub metrics: Metrics,
}

impl Function for Normalize {
    type Event = SqsEvent;
    type Answer = SqsBatchResponse;

    async fn handle(&self, event: SqsEvent, invocation: Invocation) -> Result<SqsBatchResponse, Error> {
        let reader = FeedReader {
            store: &self.ledger,
            objects: &self.objects,
            bus: &self.bus,
            queue: &self.ingest,
            clock: &SystemClock,
            owner: Owner(invocation.id),
            deadline: invocation.deadline,
            limits: Limits::default(),
            sources: &self.sources,
            max_percent: self.max_withdrawn_percent,
            metrics: &self.metrics,
        };
        let mut back = Vec::new();
        for message in &event.records {
            let body = message.body.as_deref().unwrap_or_default();
            let asked = Message::parse(body);
            // The run is the correlation id of everything that follows from the feed.
            let run = asked.as_ref().ok().map(Message::run);
            let trace = TraceHeader::of_message(message);
            let span = tracing::info_span!("feed", correlation_id = run, trace = trace.as_ref().map(TraceHeader::id));
            let one = async {
                let outcome = match &asked {
                    Ok(Message::Read(work)) => reader.handle(work, body).await,
                    Ok(Message::Configure(changed)) => {
                        let (store, objects, bus) = (&self.ledger, &self.objects, &self.bus);
                        Configure { store, objects, bus, clock: &SystemClock }.handle(changed).await
                    }
                    Ok(Message::Withdraw(request)) => self.withdraw(request, invocation.deadline).await,
                    Err(error) => {
                        Outcome::Failed(Failure::poison(runtime::codes::MESSAGE_NOT_UNDERSTOOD, error.to_string()))
                    }
                };
                self.queue.settle_one(message, outcome, &self.metrics).await
            };
            back.extend(Box::pin(one).instrument(span).await);
        }
        let mut response = SqsBatchResponse::default();
        response.set_failures(back);
        Ok(response)
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}

impl Normalize {
    /// Withdraws what a full feed no longer contains.
    async fn withdraw(&self, request: &withdrawal::WithdrawRequest, deadline: Deadline) -> Outcome {
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
}
