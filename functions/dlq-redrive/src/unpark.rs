//! Sends back what was refused, once its cause is gone.
//!
//! A refused product leaves a letter, and at any moment that may be parked, on the dead-letter
//! queue, in the hands of a run that parks it just now, or not sent yet, because its function has
//! not finished the batch. Whoever settled the cause does not know which and need not: the ledger
//! knows every refused product. So after the letters of the first two places the products that
//! still stand refused are sent back, too. A letter of theirs that turns up later is dropped by a
//! later run, because its product has arrived. Who names a code or a product means those as well
//! that are still being tried again: they need not wait for their turn any more.
//!
//! Each product's failure is lifted in the ledger ([`ledger::core::standing`]). So none is sent
//! back twice, however often this is asked for, and a message that gets lost is made up for by the
//! sweep.

mod lift;
mod products;

use catalog::ErrorKind;
use futures::future::join_all;
use redrive::{Handled, Parked, QueueName, QueueReport, RedriveRequest};
use runtime::Deadline;

use crate::drain::{LAST_ROUND, Mode, Products, delay};
use crate::queue::{Outgoing, Queue};
use crate::redriver::Redriver;

/// Objects read at once.
const PARALLEL: usize = 10;

/// One queue's part of the work.
struct Part {
    report: QueueReport,
    /// Products whose letters were found.
    found: Products,
}

impl Redriver {
    /// Lists parked letters.
    pub(crate) async fn parked(&self, name: QueueName, request: &RedriveRequest, deadline: Deadline) -> QueueReport {
        let rehearsal = RedriveRequest { dry_run: true, ..request.clone() };
        self.unpark_letters(name, &rehearsal, deadline, &mut Products::new()).await
    }

    /// Sends back parked letters, those that are about to be, and products that stand refused
    /// without either.
    pub(crate) async fn unpark(&self, request: &RedriveRequest, deadline: Deadline) -> Vec<QueueReport> {
        let request = &meant(request);
        let mut parts = join_all(request.queues().into_iter().map(async |name| {
            let mut found = Products::new();
            let mut report = self.unpark_letters(name, request, deadline, &mut found).await;
            let left = self.room(request, &report);
            if left > 0 && !report.more {
                let rest = RedriveRequest { max: Some(left), ..request.clone() };
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
    fn room(&self, request: &RedriveRequest, report: &QueueReport) -> usize {
        request.max.unwrap_or(self.settings.default_max()).saturating_sub(report.moved())
    }

    async fn unpark_letters(
        &self,
        name: QueueName,
        request: &RedriveRequest,
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
        request: &RedriveRequest,
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
}

/// Poison stays poison, and what may heal by itself comes back by itself: who names nothing means
/// refusals.
fn meant(request: &RedriveRequest) -> RedriveRequest {
    let mut request = request.clone();
    if !request.filter.names_something() {
        request.filter.kind = request.filter.kind.or(Some(ErrorKind::Permanent));
    }
    request
}
