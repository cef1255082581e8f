//! Announces again what has been pending for too long, and resumes feed runs that lost their
//! reader.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::AttributeValue;
use catalog::{Failure, PartName, ProductKey, Version};
use ledger::core::lines;
use ledger::core::run as run_item;
use ledger::core::state::PENDING_SHARDS;
use ledger::core::{Change, Condition, Item, Operand, Value, Write};
use ledger::{ProductState, Registered, Run, RunId, RunStatus, Stage};
use redrive::letter::StrictPass;
use redrive::overdue::{self, Overdue};
use redrive::{Filter, QueueName, RedriveRequest, SweepReport};
use runtime::{Announcement, Cause, Deadline, ProductMessage};
use serde_json::json;

use crate::RedriveError;
use crate::queue::Outgoing;
use crate::redriver::Redriver;

/// Pending products looked at per shard of the index.
const PER_SHARD: usize = 20_000;
/// States read in one call.
const READ: usize = 100;
/// Runs looked at, newest first.
const RUNS: usize = 200;
/// Not begun any more with less time than this left.
const LAST_ROUND: Duration = Duration::from_secs(4);

/// Attributes of a run's item: how often, and when (ms) last, it was put back on the queue.
const RESUMES: &str = "resumes";
const RESUMED_AT: &str = "resumed_at";

/// How many more products may be announced for each stage, or why none.
struct Budget {
    left: HashMap<Stage, Result<usize, &'static str>>,
}

impl Budget {
    /// Takes one, or says why not.
    fn take(&mut self, stage: Stage) -> Result<(), &'static str> {
        match self.left.get_mut(&stage) {
            Some(Ok(0)) | None => Err("enough_waiting"),
            Some(Ok(left)) => {
                *left -= 1;
                Ok(())
            }
            Some(Err(why)) => Err(why),
        }
    }
}

impl Redriver {
    pub(crate) async fn sweep(&self, request: &RedriveRequest, deadline: Deadline) -> SweepReport {
        let mut report = SweepReport::default();
        if let Err(error) = self.sweep_products(request, deadline, &mut report).await {
            report.failures.push(error.to_string());
        }
        if request.filter == Filter::default()
            && let Err(error) = self.sweep_runs(request, &mut report).await
        {
            report.failures.push(error.to_string());
        }
        report
    }

    async fn budget(&self, request: &RedriveRequest) -> Result<Budget, RedriveError> {
        let mut left = HashMap::new();
        for (queue, stage) in [(QueueName::Pimcore, Stage::Pimcore), (QueueName::Medusa, Stage::Medusa)] {
            let wanted = request.queue.is_none_or(|wanted| wanted == queue);
            let budget = if !wanted {
                Err("not_asked_for")
            } else if !self.target_answers(queue).await {
                Err(redrive::codes::TARGET_UNAVAILABLE)
            } else {
                let depth = match self.queues.get(&queue) {
                    Some(queue) => queue.depth().await?,
                    None => 0,
                };
                Ok(request.max.unwrap_or(self.settings.sweep_max).saturating_sub(depth))
            };
            left.insert(stage, budget);
        }
        Ok(Budget { left })
    }

    async fn sweep_products(
        &self,
        request: &RedriveRequest,
        deadline: Deadline,
        report: &mut SweepReport,
    ) -> Result<(), RedriveError> {
        let now = self.clock.now_ms();
        let patience = &self.settings.patience;
        let asked = request.filter.older_than_seconds.and_then(|s| i64::try_from(s).ok()).unwrap_or(0);
        let before = now - patience.first_ms.max(asked.saturating_mul(1000));
        let mut budget = self.budget(request).await?;
        let mut pending: Vec<(ProductKey, i64)> = Vec::new();
        for shard in 0..PENDING_SHARDS {
            let some = self.ledger.pending(shard, before, PER_SHARD).await?;
            report.more |= some.len() >= PER_SHARD;
            pending.extend(some);
        }
        if let Some(wanted) = &request.filter.product {
            pending.retain(|(key, _)| key.to_string() == *wanted);
        }
        // The oldest first, whatever shard they are in.
        pending.sort_by_key(|(_, since)| *since);
        report.pending = pending.len();
        report.oldest_seconds = pending.first().map(|(_, since)| (now - since) / 1000);
        for some in pending.chunks(READ) {
            if deadline.remaining(self.clock.now_ms()) < LAST_ROUND {
                report.more = true;
                break;
            }
            let keys: Vec<ProductKey> = some.iter().map(|(key, _)| key.clone()).collect();
            let states = self.ledger.read_states(&keys).await?;
            let mut chosen: Vec<(Stage, ProductMessage)> = Vec::new();
            for key in keys {
                let state = states.get(&key).cloned().unwrap_or_default();
                let decision = overdue::product(&state, patience, now);
                let held_back = match &decision {
                    Overdue::Announce(stage) => match budget.take(*stage) {
                        Ok(()) => {
                            chosen.push((*stage, message(key, &state, now)));
                            None
                        }
                        Err(why) => Some(format!("{} {why}", stage.as_str())),
                    },
                    other => other.held_back(),
                };
                if let Some(why) = held_back {
                    *report.held_back.entry(why).or_default() += 1;
                }
            }
            self.announce(&chosen, request.dry_run, report).await;
        }
        Ok(())
    }

    async fn announce(&self, chosen: &[(Stage, ProductMessage)], rehearsal: bool, report: &mut SweepReport) {
        let announcements: Vec<Announcement> = chosen
            .iter()
            .map(|(stage, message)| match stage {
                Stage::Pimcore => Announcement::product_changed(message),
                Stage::Medusa => Announcement::product_synced(message),
            })
            .collect();
        let answers: Vec<Result<(), Failure>> =
            if rehearsal { vec![Ok(()); chosen.len()] } else { self.announcer.announce(&announcements).await };
        for ((stage, message), answer) in chosen.iter().zip(answers) {
            match answer {
                Ok(()) => {
                    tracing::info!(
                        product = %message.key,
                        stage = stage.as_str(),
                        correlation_id = message.correlation_id,
                        "overdue: announced again"
                    );
                    match stage {
                        Stage::Pimcore => report.announced_pimcore += 1,
                        Stage::Medusa => report.announced_medusa += 1,
                    }
                }
                // Still pending: the next sweep announces it.
                Err(failure) => report.failures.push(format!("product {}: {failure}", message.key)),
            }
        }
    }

    async fn sweep_runs(&self, request: &RedriveRequest, report: &mut SweepReport) -> Result<(), RedriveError> {
        if request.queue.is_some_and(|queue| queue != QueueName::Ingest) {
            return Ok(());
        }
        let now = self.clock.now_ms();
        for (pk, run) in self.ledger.runs(RUNS).await? {
            let Some(id) = overdue::run_of(&pk) else { continue };
            if !overdue::run(&run, &self.settings.patience, now) {
                continue;
            }
            if request.dry_run {
                report.runs_resumed.push(run.name);
                continue;
            }
            // Noted before it is sent: two sweeps at once resume it once, and a run that kills its
            // reader is not resumed for ever.
            if self.ledger.write(&self.resume(&id, now)).await?.is_err() {
                *report.held_back.entry("run resumed_recently_or_too_often".to_owned()).or_default() += 1;
                continue;
            }
            match self.requeue(&id, now).await {
                Ok(()) => {
                    tracing::warn!(run = run.name, object = %format!("s3://{}/{}", id.bucket, id.key), "run without a reader: put back on the queue");
                    report.runs_resumed.push(run.name);
                }
                Err(why) => report.failures.push(format!("run {}: {why}", run.name)),
            }
        }
        Ok(())
    }

    fn resume(&self, id: &RunId, now: i64) -> Write {
        let patience = &self.settings.patience;
        let before = |name, limit: i64| {
            Condition::Any(vec![Condition::Absent(name), Condition::Lt(name, Operand::Value(Value::N(limit)))])
        };
        Write {
            key: id.item_key(),
            condition: Condition::All(vec![
                Condition::Eq("status", Operand::Value(RunStatus::Running.as_str().into())),
                before("run_until", now),
                before(RESUMED_AT, now - patience.run_ms),
                before(RESUMES, patience.run_resumes),
            ]),
            changes: vec![Change::Add(RESUMES, 1), Change::Set(RESUMED_AT, Value::N(now))],
        }
    }

    /// Asks normalize for a run again.
    async fn requeue(&self, id: &RunId, now: i64) -> Result<(), String> {
        let queue = self.queues.get(&QueueName::Ingest).ok_or("no ingest queue")?;
        let body = if id.is_strict() {
            let source = id.key.split('/').nth(1).unwrap_or_default();
            // Below a folder it may be the run of a declared part.
            let part = id.key.split('/').nth(2).filter(|_| id.key.split('/').count() > 3).map(PartName::from_text);
            let mut registered = Vec::new();
            for name in [None, part.as_ref()].into_iter().take(1 + usize::from(part.is_some())) {
                let runs = self.ledger.newer_runs(&lines::register(source, name), &Version::from_text("")).await;
                registered.extend(runs.map_err(|error| error.to_string())?);
            }
            // A pass that was struck off meanwhile has nothing left to do.
            let Some(one) = registered.into_iter().find(|one| one.id == id.original()) else { return Ok(()) };
            strict_pass(one)
        } else {
            object_created(id, now)
        };
        let copy = Outgoing { body, attributes: BTreeMap::new(), trace: None, delay_seconds: 0 };
        queue.send(&[copy]).await.pop().unwrap_or_else(|| Err("not sent".to_owned()))
    }

    /// The run of an object version, if it was ever begun.
    pub(crate) async fn read_run(&self, id: &RunId) -> Result<Option<Run>, RedriveError> {
        let key = id.item_key();
        let output = self
            .dynamodb
            .get_item()
            .table_name(&self.settings.table)
            .key("pk", AttributeValue::S(key.pk.clone()))
            .key("sk", AttributeValue::S(run_item::SK.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| RedriveError::Aws {
                service: "DynamoDB",
                operation: "GetItem",
                resource: format!("{}/{}", self.settings.table, key.pk),
                message: DisplayErrorContext(error).to_string(),
            })?;
        let item: Item = output
            .item
            .unwrap_or_default()
            .into_iter()
            .filter_map(|(name, value)| match value {
                AttributeValue::S(text) => Some((name, Value::S(text))),
                AttributeValue::N(number) => Some((name, Value::N(number.parse().ok()?))),
                _ => None,
            })
            .collect();
        Ok(Run::of(&item))
    }
}

fn strict_pass(run: Registered) -> String {
    let RunId { bucket, key, object_version } = run.id;
    let pass = StrictPass { bucket, key, object_version, version: run.version.to_string() };
    serde_json::to_string(&pass).unwrap_or_default()
}

/// The event that began a run, as far as the run's key tells. S3's sequencer is not in it where the
/// bucket has versions; the run's item has kept it.
fn object_created(id: &RunId, now: i64) -> String {
    let (version_id, etag, sequencer) = match id.object_version.split_once('.') {
        Some((etag, sequencer)) => (None, Some(etag), sequencer),
        None => (Some(&id.object_version), None, ""),
    };
    let time = jiff::Timestamp::from_millisecond(now).unwrap_or_default().to_string();
    json!({
        "source": "aws.s3",
        "detail-type": "Object Created",
        "time": time,
        "detail": {
            "bucket": {"name": id.bucket},
            "object": {"key": id.key, "version-id": version_id, "etag": etag, "sequencer": sequencer},
            "reason": "catalog-relay sweep",
        },
    })
    .to_string()
}

fn message(key: ProductKey, state: &ProductState, now: i64) -> ProductMessage {
    let correlation_id = state.run.clone().unwrap_or_else(|| format!("sweep-{now}"));
    ProductMessage { key, correlation_id, cause: Cause::Sweep }
}
