//! Products that stand refused although no letter of theirs was found.

use std::collections::BTreeMap;

use catalog::{ErrorKind, ProductKey};
use ledger::core::standing::standing;
use ledger::core::state::PENDING_SHARDS;
use ledger::{ProductState, RecordedError, Stage};
use redrive::letter::Reason;
use redrive::{Handled, QueueReport, RedriveRequest};
use runtime::{Cause, Deadline, ProductMessage};

use super::Part;
use crate::RedriveError;
use crate::drain::{LAST_ROUND, delay};
use crate::queue::{Outgoing, Queue};
use crate::redriver::Redriver;

/// Pending products looked at per shard of the index.
const PER_SHARD: usize = 20_000;
/// States read in one call.
const READ: usize = 100;

impl Redriver {
    /// Products whose failure stands although no letter of theirs was found.
    pub(super) async fn unpark_products(
        &self,
        request: &RedriveRequest,
        deadline: Deadline,
        parts: &mut [Part],
    ) -> Result<(), RedriveError> {
        if request.filter.message.is_some() || parts.iter().all(|part| part.report.queue.stage().is_none()) {
            return Ok(());
        }
        for some in self.candidates(request).await?.chunks(READ) {
            if deadline.remaining(self.clock.now_ms()) < LAST_ROUND {
                parts.iter_mut().for_each(|part| part.report.more = true);
                break;
            }
            let states = self.ledger.read_states(some).await?;
            for part in parts.iter_mut() {
                let Some(stage) = part.report.queue.stage() else { continue };
                let (Some(queue), now) = (self.queues.get(&part.report.queue), self.clock.now_ms()) else { continue };
                let mut chosen = Vec::new();
                for key in some.iter().filter(|key| !part.found.contains(*key)) {
                    let Some(state) = states.get(key) else { continue };
                    let Some(error) = standing(state, stage) else { continue };
                    if request.filter.selects_product(key, &reason(error), error.at, now) {
                        chosen.push((key, state, error));
                    }
                }
                let room = self.room(request, &part.report);
                part.report.more |= chosen.len() > room;
                chosen.truncate(room);
                self.announce_failed(queue, stage, request.dry_run, chosen, &mut part.report).await;
            }
        }
        Ok(())
    }

    /// The product that the filter names, or everything that is pending: what has failed is.
    async fn candidates(&self, request: &RedriveRequest) -> Result<Vec<ProductKey>, RedriveError> {
        if let Some(product) = &request.filter.product {
            return product.parse().map(|key| vec![key]).map_err(|error| RedriveError::Request(format!("{error}")));
        }
        let mut keys = Vec::new();
        for shard in 0..PENDING_SHARDS {
            let pending = self.ledger.pending(shard, self.clock.now_ms(), PER_SHARD).await?;
            keys.extend(pending.into_iter().map(|(key, _)| key));
        }
        Ok(keys)
    }

    async fn announce_failed(
        &self,
        queue: &Queue,
        stage: Stage,
        rehearsal: bool,
        chosen: Vec<(&ProductKey, &ProductState, &RecordedError)>,
        report: &mut QueueReport,
    ) {
        let now = self.clock.now_ms();
        let line = |key: &ProductKey, decision: &str, reason: Reason, at: i64| {
            line(key, decision, reason, now.saturating_sub(at))
        };
        if rehearsal {
            for (key, _, error) in chosen {
                report.add(line(key, "announce", reason(error), error.at));
            }
            return;
        }
        // Lifted before it is sent: whoever works on it by now, or did since, knows more than what
        // was read here.
        let lifted = self.lift_all(stage, chosen.iter().map(|(key, state, _)| (*key, *state))).await;
        let mut free = Vec::new();
        for ((key, state, error), lifted) in chosen.into_iter().zip(lifted) {
            match lifted {
                Ok(true) => free.push((key, state, error)),
                Ok(false) => report.add(line(key, "leave", being_worked_on(stage, error), error.at)),
                Err(why) => report.failures.push(format!("product {key}: {why}")),
            }
        }
        let begun = report.moved();
        let copies: Vec<Outgoing> = free
            .iter()
            .enumerate()
            .map(|(n, (key, state, _))| {
                let correlation_id = state.run.clone().unwrap_or_else(|| format!("unpark-{now}"));
                let message = ProductMessage { key: (*key).clone(), correlation_id, cause: Cause::Redrive };
                Outgoing {
                    body: serde_json::to_string(&message).unwrap_or_default(),
                    attributes: BTreeMap::new(),
                    trace: None,
                    delay_seconds: delay(begun + n, self.settings.per_second, key.id()),
                }
            })
            .collect();
        for ((key, _, error), sent) in free.into_iter().zip(queue.send(&copies).await) {
            match sent {
                Ok(()) => report.add(line(key, "announce", reason(error), error.at)),
                // Nothing holds it back any more: the next sweep announces it.
                Err(why) => report.failures.push(format!("product {key}: {why}; the next sweep announces it")),
            }
        }
    }
}

fn reason(error: &RecordedError) -> Reason {
    Reason { kind: error.kind, code: error.code.clone(), message: error.message.clone() }
}

fn being_worked_on(stage: Stage, error: &RecordedError) -> Reason {
    Reason {
        kind: ErrorKind::Transient,
        code: redrive::codes::BEING_WORKED_ON.to_owned(),
        message: format!("{}; it is being brought to {stage} right now", error.message),
    }
}

fn line(key: &ProductKey, decision: &str, reason: Reason, age_ms: i64) -> Handled {
    Handled {
        message: "-".to_owned(),
        subject: key.to_string(),
        decision: decision.to_owned(),
        reason,
        age_seconds: age_ms / 1000,
        redrives: 0,
        parked: None,
    }
}
