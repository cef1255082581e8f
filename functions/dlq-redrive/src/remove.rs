//! Takes parked letters away that nobody will send back: each is kept with who removed it and when,
//! out of the way of those that wait.

use redrive::parked::Removed;
use redrive::{Handled, Parked, QueueName, QueueReport, RedriveRequest};
use runtime::Deadline;

use crate::RedriveError;
use crate::drain::LAST_ROUND;
use crate::redriver::Redriver;

/// Letters looked at for one request.
const LOOKED_AT: usize = 2_000;

impl Redriver {
    /// Removes the parked letters of a queue that the filter names.
    pub(crate) async fn remove(&self, name: QueueName, request: &RedriveRequest, deadline: Deadline) -> QueueReport {
        let mut report = QueueReport::new(name, true);
        if !request.filter.names_something() {
            report
                .failures
                .push("remove wants a letter, a product or a code: it takes nothing away unnamed".to_owned());
            return report;
        }
        let mut page = None;
        loop {
            let (keys, next) = match self.store.list(name, page).await {
                Ok(listed) => listed,
                Err(error) => {
                    report.failures.push(error.to_string());
                    return report;
                }
            };
            for key in &keys {
                let full = request.max.is_some_and(|max| report.removed >= max);
                if full || report.seen >= LOOKED_AT || deadline.remaining(self.clock.now_ms()) < LAST_ROUND {
                    report.more = true;
                    return report;
                }
                match self.store.get(key).await {
                    Ok(Some(parked)) => {
                        if let Err(error) = self.remove_one(key, parked, request, &mut report).await {
                            report.failures.push(error.to_string());
                        }
                    }
                    Ok(None) => {}
                    Err(error) => report.failures.push(error.to_string()),
                }
            }
            page = next;
            if page.is_none() {
                return report;
            }
        }
    }

    async fn remove_one(
        &self,
        key: &str,
        parked: Parked,
        request: &RedriveRequest,
        report: &mut QueueReport,
    ) -> Result<(), RedriveError> {
        let now = self.clock.now_ms();
        report.seen += 1;
        let subject = parked.letter.subject(parked.queue);
        if !request.filter.selects(&parked.letter, &subject, Some(&parked.reason), now) {
            report.skipped += 1;
            return Ok(());
        }
        let mut line = Handled {
            message: parked.letter.origin_id().to_owned(),
            subject: parked.subject.name().to_owned(),
            decision: "remove".to_owned(),
            reason: parked.reason.clone(),
            age_seconds: (now - parked.first_sent_at) / 1000,
            redrives: parked.redrives,
            parked: Some(key.to_owned()),
        };
        if !request.dry_run {
            let by = request.by.clone().unwrap_or_else(|| "nobody who gave a name".to_owned());
            let removed = Removed { removed_by: by, removed_at: now, parked };
            // Noted first: dying in between leaves the letter where it was.
            let note = self.store.note(&removed).await?;
            self.store.delete(key).await?;
            tracing::info!(letter = line.message, subject = line.subject, by = removed.removed_by, note, "removed");
            line.parked = Some(note);
        }
        report.add(line);
        Ok(())
    }
}
