//! Sends back what was refused, once its cause is gone.
//!
//! A refused product leaves a letter, and at any moment that may be parked, on the dead-letter queue, in the hands of a run that parks it
//! just now, or not sent yet, because its function has not finished the batch. Whoever settled the cause does not know which and need not:
//! the ledger knows every refused product. So after the letters of the first two places the products that still stand refused are sent
//! back, too. A letter of theirs that turns up later is dropped by a later run, because its product has arrived. Who names a code or a product
//! means those as well that are still being tried again: they need not wait for their turn any more.
//!
//! Each product's failure is lifted in the ledger ([`ledger::core::standing`]). So none is sent back twice, however often this is asked for,
//! and a message that gets lost is made up for by the sweep.

use std::collections::{BTreeMap, HashMap};

use catalog::{ErrorKind, ProductKey};
use futures::future::join_all;
use futures::stream::{self, StreamExt};
use ledger::core::standing::{lift, standing};
use ledger::core::state::PENDING_SHARDS;
use ledger::{ProductState, RecordedError, Stage};
use redrive::letter::Reason;
use redrive::{Handled, Parked, QueueName, QueueReport, Request};
use runtime::{Cause, Deadline, ProductMessage};

use crate::RedriveError;
use crate::drain::{LAST_ROUND, Mode, Products, delay};
use crate::queue::{Outgoing, Queue};
use crate::redriver::Redriver;

/// Objects read at once, and ledger writes in flight.
const PARALLEL: usize = 10;
/// Pending products looked at per shard of the index.
const PER_SHARD: usize = 20_000;
/// States read in one call.
const READ: usize = 100;

/// One queue's part of the work.
struct Part {
    report: QueueReport,
    /// Products whose letters were found.
    found: Products,
}

impl Redriver {
    /// Lists parked letters.
    pub(crate) async fn parked(&self, name: QueueName, request: &Request, deadline: Deadline) -> QueueReport {
        let rehearsal = Request { dry_run: true, ..request.clone() };
        self.unpark_letters(name, &rehearsal, deadline, &mut Products::new()).await
    }

    /// Sends back parked letters, those that are about to be, and products that stand refused without either.
    pub(crate) async fn unpark(&self, request: &Request, deadline: Deadline) -> Vec<QueueReport> {
        let request = &meant(request);
        let mut parts = join_all(request.queues().into_iter().map(async |name| {
            let mut found = Products::new();
            let mut report = self.unpark_letters(name, request, deadline, &mut found).await;
            let left = self.room(request, &report);
            if left > 0 && !report.more {
                let rest = Request { max: Some(left), ..request.clone() };
                let dead = self.drain((name, Mode::Unpark), &rest, deadline, &mut found).await;
                report.merge(dead);
            }
            Part { report, found }
        }))
        .await;
        if let Err(error) = self.unpark_products(request, deadline, &mut parts).await {
            for part in parts.iter_mut().filter(|part| part.report.queue.stage().is_some()) {
                part.report.failures.push(error.to_string());
            }
        }
        parts.into_iter().map(|part| part.report).collect()
    }

    /// How much more may be sent back to a queue.
    fn room(&self, request: &Request, report: &QueueReport) -> usize {
        request.max.unwrap_or(self.settings.default_max()).saturating_sub(report.moved())
    }

    async fn unpark_letters(
        &self,
        name: QueueName,
        request: &Request,
        deadline: Deadline,
        found: &mut Products,
    ) -> QueueReport {
        let mut report = QueueReport::new(name, self.target_answers(name).await);
        let Some(queue) = self.queues.get(&name) else { return report };
        let mut page = None;
        'pages: loop {
            let (keys, next) = match self.store.list(name, page).await {
                Ok(listed) => listed,
                Err(error) => {
                    report.failures.push(error.to_string());
                    break;
                }
            };
            for some in keys.chunks(PARALLEL) {
                if self.room(request, &report) == 0 || deadline.remaining(self.clock.now_ms()) < LAST_ROUND {
                    report.more = true;
                    break 'pages;
                }
                let read = join_all(some.iter().map(|key| self.store.get(key))).await;
                let mut sent = Vec::new();
                for (key, parked) in some.iter().zip(read) {
                    match parked {
                        Ok(Some(parked)) if self.room(request, &report) > 0 => {
                            let product = parked.letter.subject(name).product().cloned();
                            if self.unpark_letter(queue, key, parked, request, &mut report).await {
                                sent.extend(product);
                            }
                        }
                        Ok(Some(_)) => report.more = true,
                        Ok(None) => {}
                        Err(error) => report.failures.push(error.to_string()),
                    }
                }
                if !request.dry_run {
                    self.lift_those(name, &sent).await;
                }
                found.extend(sent);
            }
            page = next;
            if page.is_none() {
                break;
            }
        }
        report
    }

    /// Whether the letter was selected, and sent back if it is no rehearsal.
    async fn unpark_letter(
        &self,
        queue: &Queue,
        key: &str,
        parked: Parked,
        request: &Request,
        report: &mut QueueReport,
    ) -> bool {
        let now = self.clock.now_ms();
        let subject = parked.letter.subject(parked.queue);
        report.seen += 1;
        if !request.filter.selects(&parked.letter, &subject, Some(&parked.reason), now) {
            report.skipped += 1;
            return false;
        }
        let mut line = Handled {
            message: parked.letter.origin_id().to_owned(),
            subject: parked.subject.name().to_owned(),
            decision: "unpark".to_owned(),
            reason: parked.reason.clone(),
            age_seconds: (now - parked.first_sent_at) / 1000,
            redrives: parked.redrives,
            parked: Some(key.to_owned()),
        };
        if request.dry_run {
            report.add(line);
            return true;
        }
        let copy = Outgoing {
            attributes: parked.letter.redriven(0),
            trace: None,
            delay_seconds: delay(report.moved(), self.settings.per_second, &parked.letter.id),
            body: parked.letter.body,
        };
        let sent = queue.send(&[copy]).await.pop().unwrap_or_else(|| Err("not sent".to_owned()));
        match sent {
            Ok(()) => {
                // Removed only now: dying in between sends it twice, which is harmless.
                if let Err(error) = self.store.delete(key).await {
                    report.failures.push(error.to_string());
                }
                line.parked = None;
                report.add(line);
                true
            }
            Err(why) => {
                report.failures.push(format!("{key}: {why}"));
                false
            }
        }
    }

    /// Products whose failure stands although no letter of theirs was found.
    async fn unpark_products(
        &self,
        request: &Request,
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
    async fn candidates(&self, request: &Request) -> Result<Vec<ProductKey>, RedriveError> {
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
        let line = |key: &ProductKey, decision: &str, reason: Reason, at: i64| Handled {
            message: "-".to_owned(),
            subject: key.to_string(),
            decision: decision.to_owned(),
            reason,
            age_seconds: now.saturating_sub(at) / 1000,
            redrives: 0,
            parked: None,
        };
        if rehearsal {
            for (key, _, error) in chosen {
                report.add(line(key, "announce", reason(error), error.at));
            }
            return;
        }
        // Lifted before it is sent: whoever works on it by now, or did since, knows more than what was read here.
        let lifted = self.lift_all(stage, chosen.iter().map(|(key, state, _)| (*key, *state))).await;
        let mut free = Vec::new();
        for ((key, state, error), lifted) in chosen.into_iter().zip(lifted) {
            match lifted {
                Ok(true) => free.push((key, state, error)),
                Ok(false) => {
                    let message = format!("{}; it is being brought to {stage} right now", error.message);
                    let reason = Reason {
                        kind: ErrorKind::Transient,
                        code: redrive::codes::BEING_WORKED_ON.to_owned(),
                        message,
                    };
                    report.add(line(key, "leave", reason, error.at));
                }
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

    async fn lift_those(&self, name: QueueName, keys: &[ProductKey]) {
        if keys.is_empty() || name.stage().is_none() {
            return;
        }
        match self.ledger.read_states(keys).await {
            Ok(states) => self.lift(name, &states).await,
            Err(error) => tracing::warn!(queue = %name, %error, "failures are not lifted: the messages do that"),
        }
    }

    /// Lifts the failures that stand among these. Not doing so harms nobody: the message that was sent is worked on all the same.
    pub(crate) async fn lift(&self, name: QueueName, products: &HashMap<ProductKey, ProductState>) {
        let Some(stage) = name.stage() else { return };
        let failed = products.iter().filter(|(_, state)| standing(state, stage).is_some());
        for why in self.lift_all(stage, failed).await.into_iter().filter_map(Result::err) {
            tracing::warn!(queue = %name, why, "a failure is not lifted");
        }
    }

    /// Lifts failures; the answers are in their order. False where somebody has been at work on the product since.
    async fn lift_all<'a>(
        &self,
        stage: Stage,
        products: impl Iterator<Item = (&'a ProductKey, &'a ProductState)>,
    ) -> Vec<Result<bool, String>> {
        let writes: Vec<_> = products.map(|(key, state)| lift(stage, key, state)).collect();
        let each = writes.into_iter().map(async |write| match write {
            Some(write) => match self.ledger.write(&write).await {
                Ok(written) => Ok(written.is_ok()),
                Err(error) => Err(error.to_string()),
            },
            None => Ok(false),
        });
        stream::iter(each).buffered(PARALLEL).collect().await
    }
}

/// Poison stays poison, and what may heal by itself comes back by itself: who names nothing means refusals.
fn meant(request: &Request) -> Request {
    let mut request = request.clone();
    if !request.filter.names_something() {
        request.filter.kind = request.filter.kind.or(Some(ErrorKind::Permanent));
    }
    request
}

fn reason(error: &RecordedError) -> Reason {
    Reason { kind: error.kind, code: error.code.clone(), message: error.message.clone() }
}
