//! One request, carried out.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;
use ledger::{Ledger, Stage};
use redrive::{Filter, QueueName, QueueReport, RedriveAction, RedriveReport, RedriveRequest};
use runtime::{Announcer, Clock, Deadline};

use crate::RedriveError;
use crate::drain::{Mode, Products};
use crate::health::Health;
use crate::parked::Store;
use crate::queue::Queue;
use crate::settings::Settings;

/// What a [`Redriver`] is made of.
pub struct RedriverParts {
    pub sqs: aws_sdk_sqs::Client,
    pub s3: aws_sdk_s3::Client,
    pub dynamodb: aws_sdk_dynamodb::Client,
    pub eventbridge: aws_sdk_eventbridge::Client,
    /// Tells whether the targets answer.
    pub health: Arc<dyn Health>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    pub settings: Settings,
}

/// Carries out requests.
pub struct Redriver {
    pub(crate) ledger: Ledger,
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    pub(crate) queues: BTreeMap<QueueName, Queue>,
    pub(crate) store: Store,
    pub(crate) announcer: Announcer,
    pub(crate) health: Arc<dyn Health>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: Settings,
}

impl Redriver {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: RedriverParts) -> Self {
        let RedriverParts { sqs, s3, dynamodb, eventbridge, health, clock, settings } = parts;
        let queues =
            settings.queues.iter().map(|(name, urls)| (*name, Queue::new(sqs.clone(), urls.clone()))).collect();
        Self {
            ledger: Ledger::new(dynamodb.clone(), &settings.table, Stage::Medusa.leases()),
            dynamodb,
            queues,
            store: Store::new(s3, settings.bucket.clone()),
            announcer: Announcer::new(eventbridge, &settings.bus),
            health,
            clock,
            settings,
        }
    }

    /// Carries out a request and tells what was done.
    ///
    /// # Errors
    /// [`RedriveError::Nothing`] when no part of it could be done; what failed in part is in the
    /// report.
    pub async fn handle(&self, request: &RedriveRequest, deadline: Deadline) -> Result<RedriveReport, RedriveError> {
        let mut report =
            RedriveReport { action: request.action, dry_run: request.dry_run, queues: Vec::new(), sweep: None };
        match request.action {
            RedriveAction::Inspect | RedriveAction::Redrive | RedriveAction::Park | RedriveAction::Maintain => {
                let mode = Mode::of(request);
                let each = request
                    .queues()
                    .into_iter()
                    .map(async |queue| self.drain((queue, mode), request, deadline, &mut Products::new()).await);
                report.queues = join_all(each).await;
                if is_a_round(request) {
                    join_all(report.queues.iter_mut().map(|queue| self.tidy(queue, request.dry_run, deadline))).await;
                    if !request.dry_run {
                        self.clean_bodies(deadline).await;
                    }
                }
            }
            RedriveAction::Parked => {
                let each = request.queues().into_iter().map(|queue| self.parked(queue, request, deadline));
                report.queues = join_all(each).await;
            }
            RedriveAction::Remove => {
                let each = request.queues().into_iter().map(|queue| self.remove(queue, request, deadline));
                report.queues = join_all(each).await;
            }
            RedriveAction::Unpark => report.queues = self.unpark(request, deadline).await,
            RedriveAction::Sweep => {}
        }
        if matches!(request.action, RedriveAction::Sweep | RedriveAction::Maintain) {
            report.sweep = Some(self.sweep(request, deadline).await);
        }
        log(&report);
        let failures = report.failures();
        if failures.is_empty() || did_something(&report) {
            Ok(report)
        } else {
            Err(RedriveError::Nothing(failures.join("; ")))
        }
    }

    /// Whether it is worth sending letters to a queue's target: none of the breakers that pause the
    /// queue is open, and the target answers.
    pub(crate) async fn target_answers(&self, queue: QueueName) -> bool {
        for target in queue.stage().map_or(&[][..], ledger::breaker::asked_by) {
            match ledger::breaker::look(&self.ledger, *target).await {
                Ok(breaker) if !breaker.is_open() => {}
                Ok(_) => return false,
                Err(error) => {
                    tracing::warn!(%queue, %error, "the breaker could not be looked at");
                    return false;
                }
            }
        }
        self.health.answers(queue).await
    }
}

/// Whether it is what the schedule asks for: everything, as the policy says.
fn is_a_round(request: &RedriveRequest) -> bool {
    let all = request.filter == Filter::default() && request.max.is_none() && !request.force;
    all && matches!(request.action, RedriveAction::Redrive | RedriveAction::Maintain)
}

fn did_something(report: &RedriveReport) -> bool {
    let queue = |queue: &QueueReport| queue.failures.is_empty() || queue.seen > 0;
    report.queues.iter().any(queue) || report.sweep.as_ref().is_some_and(|sweep| sweep.failures.is_empty())
}

fn log(report: &RedriveReport) {
    for queue in &report.queues {
        tracing::info!(
            queue = %queue.queue,
            rehearsal = report.is_rehearsal(),
            target_answers = queue.target_answers,
            seen = queue.seen,
            dropped = queue.dropped,
            redriven = queue.redriven,
            parked = queue.parked,
            left = queue.left,
            unparked = queue.unparked,
            announced = queue.announced,
            more = queue.more,
            by_reason = ?queue.by_reason,
            "dead letters"
        );
        for failure in &queue.failures {
            tracing::error!(queue = %queue.queue, failure, "dead letters: a part did not work");
        }
    }
    if let Some(sweep) = &report.sweep {
        tracing::info!(
            rehearsal = report.is_rehearsal(),
            pending = sweep.pending,
            announced_pimcore = sweep.announced_pimcore,
            announced_medusa = sweep.announced_medusa,
            held_back = ?sweep.held_back,
            runs_resumed = ?sweep.runs_resumed,
            oldest_seconds = sweep.oldest_seconds,
            more = sweep.more,
            "sweep"
        );
        for failure in &sweep.failures {
            tracing::error!(failure, "sweep: a part did not work");
        }
    }
}
