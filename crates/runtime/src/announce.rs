//! Announcements on the catalog bus.

use std::future::Future;
use std::time::Duration;

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::error::DisplayErrorContext;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use catalog::Failure;
use futures::stream::{self, StreamExt};
use serde::Serialize;

use crate::codes;
use crate::message::ProductMessage;
use crate::trace::{TraceHeader, Traces};

/// Source of all events of the pipeline.
pub const SOURCE: &str = "catalog-relay";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    detail_type: &'static str,
    detail: String,
    product: Option<ProductMessage>,
}

impl Announcement {
    /// The desired state of a product has changed: pimcore-sync looks at it.
    #[must_use]
    pub fn product_changed(message: &ProductMessage) -> Self {
        Self { product: Some(message.clone()), ..Self::new("ProductChanged", message) }
    }

    /// The PIM's view of a product has changed: medusa-push looks at it.
    #[must_use]
    pub fn product_synced(message: &ProductMessage) -> Self {
        Self { product: Some(message.clone()), ..Self::new("ProductSynced", message) }
    }

    /// An event of another kind (`FeedCompleted`, `FeedFailed`).
    ///
    /// # Panics
    /// Never for types whose serialization cannot fail: plain structs with text keys.
    pub fn new(detail_type: &'static str, detail: &impl Serialize) -> Self {
        let detail = serde_json::to_string(detail).unwrap_or_else(|error| unreachable!("a plain struct: {error}"));
        Self { detail_type, detail, product: None }
    }

    /// What the event says, as JSON.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Bytes that count towards EventBridge's limit.
    fn size(&self) -> usize {
        SOURCE.len() + self.detail_type.len() + self.detail.len()
    }
}

/// The catalog bus, or in tests something that remembers.
pub trait Bus {
    /// See [`Announcer::announce`].
    fn announce(&self, announcements: &[Announcement]) -> impl Future<Output = Vec<Result<(), Failure>>>;
}

impl Bus for Announcer {
    async fn announce(&self, announcements: &[Announcement]) -> Vec<Result<(), Failure>> {
        Self::announce(self, announcements).await
    }
}

/// Puts events on one bus.
#[derive(Debug, Clone)]
pub struct Announcer {
    client: Client,
    bus: String,
    traces: Traces,
}

impl Announcer {
    /// EventBridge's limit of entries in one `PutEvents`.
    const ENTRIES: usize = 10;
    /// EventBridge's limit of one `PutEvents` (1 MB), with some room.
    const BYTES: usize = 1_000_000;
    /// Batches in flight at once.
    const PARALLEL: usize = 4;
    /// Tries of an entry within one call.
    const TRIES: u32 = 4;

    #[must_use]
    pub fn new(client: Client, bus: impl Into<String>) -> Self {
        Self { client, bus: bus.into(), traces: Traces::default() }
    }

    /// The same bus, where announcements of these products continue the traces of the messages that
    /// named them. All others continue the trace of the invocation.
    #[must_use]
    pub fn continuing(&self, traces: Traces) -> Self {
        Self { traces, ..self.clone() }
    }

    fn trace_of(&self, announcement: &Announcement) -> Option<TraceHeader> {
        let own = announcement.product.as_ref().and_then(|product| self.traces.get(&product.key).cloned().flatten());
        own.or_else(TraceHeader::of_invocation)
    }

    /// One line for each product whose way begins here. Where a message named it, the line about
    /// that message says enough.
    fn log(&self, announcement: &Announcement) {
        if let Some(product) = announcement.product.as_ref().filter(|product| !self.traces.contains_key(&product.key)) {
            tracing::info!(
                product = %product.key,
                correlation_id = product.correlation_id,
                cause = product.cause.as_str(),
                event = announcement.detail_type,
                "product announced"
            );
        }
    }

    /// Announces all, in full batches, several in flight; a failed entry is tried again on its own.
    /// The answers are in the order of the announcements: an error means that this one was not
    /// accepted.
    pub async fn announce(&self, announcements: &[Announcement]) -> Vec<Result<(), Failure>> {
        let batches = batches(announcements);
        let answers: Vec<Vec<Result<(), Failure>>> =
            stream::iter(batches.into_iter().map(|batch| self.put(batch))).buffered(Self::PARALLEL).collect().await;
        let answers: Vec<Result<(), Failure>> = answers.into_iter().flatten().collect();
        for (announcement, _) in announcements.iter().zip(&answers).filter(|(_, answer)| answer.is_ok()) {
            self.log(announcement);
        }
        answers
    }

    async fn put(&self, batch: &[Announcement]) -> Vec<Result<(), Failure>> {
        let mut answers: Vec<Result<(), Failure>> = vec![Ok(()); batch.len()];
        let mut open: Vec<usize> = (0..batch.len()).collect();
        for attempt in 0..Self::TRIES {
            if attempt > 0 {
                tokio::time::sleep(Duration::from_millis(50 << attempt)).await;
            }
            let entries = open.iter().map(|&index| {
                PutEventsRequestEntry::builder()
                    .source(SOURCE)
                    .event_bus_name(&self.bus)
                    .detail_type(batch[index].detail_type)
                    .detail(&batch[index].detail)
                    .set_trace_header(self.trace_of(&batch[index]).map(|trace| trace.as_str().to_owned()))
                    .build()
            });
            let sent = self.client.put_events().set_entries(Some(entries.collect())).send().await;
            let refused = |why: String| Failure::transient(codes::ANNOUNCE_FAILED, format!("bus {}: {why}", self.bus));
            match sent {
                Err(error) => {
                    let failure = refused(DisplayErrorContext(&error).to_string());
                    for &index in &open {
                        answers[index] = Err(failure.clone());
                    }
                }
                Ok(output) => {
                    let results = output.entries.unwrap_or_default();
                    let mut still = Vec::new();
                    for (position, &index) in open.iter().enumerate() {
                        answers[index] = match results.get(position) {
                            Some(entry) if entry.error_code.is_none() => Ok(()),
                            entry => {
                                still.push(index);
                                let code =
                                    entry.and_then(|e| e.error_code.clone()).unwrap_or_else(|| "no answer".into());
                                Err(refused(code))
                            }
                        };
                    }
                    open = still;
                }
            }
            if open.is_empty() {
                break;
            }
        }
        answers
    }
}

/// Consecutive announcements in as few `PutEvents` as the limits allow.
fn batches(all: &[Announcement]) -> Vec<&[Announcement]> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, one) in all.iter().enumerate() {
        if index > start && (index - start == Announcer::ENTRIES || bytes + one.size() > Announcer::BYTES) {
            batches.push(&all[start..index]);
            (start, bytes) = (index, 0);
        }
        bytes += one.size();
    }
    if start < all.len() {
        batches.push(&all[start..]);
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_full_and_within_both_limits() {
        let small = vec![Announcement { detail_type: "T", detail: "{}".into(), product: None }; 25];
        assert_eq!(batches(&small).iter().map(|b| b.len()).collect::<Vec<_>>(), [10, 10, 5]);
        let large = vec![Announcement { detail_type: "T", detail: "x".repeat(400_000), product: None }; 5];
        assert_eq!(batches(&large).iter().map(|b| b.len()).collect::<Vec<_>>(), [2, 2, 1]);
        assert!(batches(&[]).is_empty());
    }
}
