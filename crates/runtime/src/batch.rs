//! A batch of queue messages, one outcome per product, and what becomes of the messages.
//!
//! | outcome | message |
//! |---|---|
//! | [`Outcome::Done`] | acknowledged |
//! | [`Outcome::Failed`], transient | hidden for its backoff and reported as failed, so that it comes back and its receive count grows |
//! | [`Outcome::Failed`], permanent or poison | sent to the dead-letter queue with the reason as attributes, then acknowledged; if that send fails, retried |
//! | [`Outcome::Again`] | hidden for that long and reported as failed |
//!
//! A message that cannot be understood is dead as `poison`. A product without an outcome (a bug) is
//! retried. Several messages of one product in a batch are one piece of work.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, MessageAttributeValue, SendMessageBatchRequestEntry,
};
use catalog::{Failure, ProductKey};

use crate::backoff;
use crate::codes;
use crate::message::{Act, Cause, Notice, ProductMessage};
use crate::metrics::{Metric, Metrics};
use crate::trace::{TraceHeader, Traces};

/// What came of the work on one product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The target holds what it should.
    Done,
    /// It did not work; the failure's kind decides between retry and dead.
    Failed(Failure),
    /// It worked, but has to be looked at once more after this time.
    Again(Duration),
}

/// The queue that a batch came from, and its dead-letter queue.
#[derive(Debug, Clone)]
pub struct Queue {
    client: Client,
    url: String,
    dead_letter_url: String,
}

/// A batch, read: the products to look at and the messages that stand for each.
#[derive(Debug, Default)]
pub struct Batch {
    messages: HashMap<ProductKey, Vec<SqsMessage>>,
    order: Vec<ProductMessage>,
    noticed: Vec<ProductKey>,
    acts: HashMap<ProductKey, Act>,
    poison: Vec<(SqsMessage, Failure)>,
}

/// What becomes of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
enum MessageEnd {
    Acknowledge,
    Retry(Duration),
    Dead(Failure),
}

impl Batch {
    /// Reads the messages of an event.
    #[must_use]
    pub fn of(event: SqsEvent) -> Self {
        let mut batch = Self::default();
        for message in event.records {
            match ProductMessage::parse(message.body.as_deref().unwrap_or_default()) {
                Ok(read) => batch.add(read, message),
                Err(error) => {
                    batch.poison.push((message, Failure::poison(codes::MESSAGE_NOT_UNDERSTOOD, error.to_string())))
                }
            }
        }
        batch
    }

    fn add(&mut self, read: ProductMessage, message: SqsMessage) {
        if read.cause == Cause::Noticed && !self.noticed.contains(&read.key) {
            self.noticed.push(read.key.clone());
        }
        if read.cause == Cause::Noticed
            && let Some(act) = message.body.as_deref().and_then(Notice::act_of)
            && self.acts.get(&read.key).is_none_or(|known| known.at < act.at)
        {
            self.acts.insert(read.key.clone(), act);
        }
        let same = self.messages.entry(read.key.clone()).or_default();
        if same.is_empty() {
            self.order.push(read);
        } else if let Some(first) = self.order.iter_mut().find(|first| first.key == read.key)
            && first.cause == Cause::Noticed
        {
            // Whoever asks for more than a look is not lost among notices.
            *first = read;
        }
        same.push(message);
    }

    /// The products of which more is asked than a look at what a person did.
    #[must_use]
    pub fn asked(&self) -> Vec<ProductMessage> {
        self.order.iter().filter(|message| message.cause != Cause::Noticed).cloned().collect()
    }

    /// The products that a person did something to, as the PIM said.
    #[must_use]
    pub fn noticed(&self) -> &[ProductKey] {
        &self.noticed
    }

    /// Who took these products away, as the PIM said; the last one of each.
    #[must_use]
    pub const fn acts(&self) -> &HashMap<ProductKey, Act> {
        &self.acts
    }

    /// The products to look at, each once, in the order of their first message.
    #[must_use]
    pub fn products(&self) -> &[ProductMessage] {
        &self.order
    }

    /// The keys of [`Self::products`].
    #[must_use]
    pub fn keys(&self) -> Vec<ProductKey> {
        self.order.iter().map(|message| message.key.clone()).collect()
    }

    /// A span for the work on all of them: every log line within it is found by the correlation id
    /// of any. They are almost always of one feed.
    #[must_use]
    pub fn span(&self) -> tracing::Span {
        let mut ids: Vec<&str> = self.order.iter().map(|message| message.correlation_id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        tracing::info_span!("batch", correlation_ids = ids.join(" "))
    }

    /// The traces that what is sent on about these products continues: of several messages of one
    /// product that of the first.
    #[must_use]
    pub fn traces(&self) -> Traces {
        let first = |messages: &Vec<SqsMessage>| messages.iter().find_map(TraceHeader::of_message);
        self.messages.iter().map(|(key, messages)| (key.clone(), first(messages))).collect::<HashMap<_, _>>().into()
    }

    /// How many messages these outcomes make come back after a failure, and how many are dead.
    pub(crate) fn fallen(&self, outcomes: &HashMap<ProductKey, Outcome>) -> (u64, u64) {
        let again = |key: &ProductKey| matches!(outcomes.get(key), Some(Outcome::Again(_)));
        let back = self
            .messages
            .iter()
            .filter(|(key, _)| !again(key))
            .flat_map(|(key, messages)| messages.iter().map(|message| fate(message, outcomes.get(key))));
        let back = back.filter(|fate| matches!(fate, MessageEnd::Retry(_))).count() as u64;
        let dead = self.fates(outcomes).iter().filter(|(_, fate)| matches!(fate, MessageEnd::Dead(_))).count() as u64;
        (back, dead)
    }

    /// One line for each product, so that a correlation id, a product and a trace each find its way
    /// through every function.
    fn log(&self, outcomes: &HashMap<ProductKey, Outcome>) {
        let traces = self.traces();
        for message in &self.order {
            let (outcome, failure) = match outcomes.get(&message.key) {
                Some(Outcome::Done) => ("done", None),
                Some(Outcome::Again(_)) => ("again", None),
                Some(Outcome::Failed(failure)) => (failure.kind.as_str(), Some(failure)),
                None => ("forgotten", None),
            };
            tracing::info!(
                product = %message.key,
                correlation_id = message.correlation_id,
                cause = message.cause.as_str(),
                trace = traces.get(&message.key).and_then(|trace| trace.as_ref().map(TraceHeader::id)),
                outcome,
                code = failure.map(|failure| failure.code.as_str()),
                reason = failure.map(|failure| failure.message.as_str()),
                "product settled"
            );
        }
    }

    fn fates(&self, outcomes: &HashMap<ProductKey, Outcome>) -> Vec<(&SqsMessage, MessageEnd)> {
        let poison = self.poison.iter().map(|(message, failure)| (message, MessageEnd::Dead(failure.clone())));
        let known = self
            .messages
            .iter()
            .flat_map(|(key, messages)| messages.iter().map(|message| (message, fate(message, outcomes.get(key)))));
        poison.chain(known).collect()
    }
}

/// Failures that another delivery may mend, by code: how many products, and one of them.
fn failures_to_retry(outcomes: &HashMap<ProductKey, Outcome>) -> BTreeMap<&str, (usize, &Failure)> {
    let mut by_code: BTreeMap<&str, (usize, &Failure)> = BTreeMap::new();
    for outcome in outcomes.values() {
        if let Outcome::Failed(failure) = outcome
            && !failure.kind.is_final()
        {
            by_code.entry(&failure.code).or_insert((0, failure)).0 += 1;
        }
    }
    by_code
}

/// Whether anything failed with one of these codes.
#[must_use]
pub fn any_failed_with(outcomes: &HashMap<ProductKey, Outcome>, codes: &[&str]) -> bool {
    let failed =
        |outcome: &Outcome| matches!(outcome, Outcome::Failed(failure) if codes.contains(&failure.code.as_str()));
    outcomes.values().any(failed)
}

fn fate(message: &SqsMessage, outcome: Option<&Outcome>) -> MessageEnd {
    let id = message.message_id.as_deref().unwrap_or_default();
    let received = message.attributes.get("ApproximateReceiveCount").and_then(|count| count.parse().ok()).unwrap_or(1);
    match outcome {
        Some(Outcome::Done) => MessageEnd::Acknowledge,
        Some(Outcome::Again(after)) => MessageEnd::Retry(*after),
        Some(Outcome::Failed(failure)) if failure.kind.is_final() => MessageEnd::Dead(failure.clone()),
        Some(Outcome::Failed(failure)) => MessageEnd::Retry(backoff::after(failure, id, received)),
        None => MessageEnd::Retry(backoff::wait(id, received, None)),
    }
}

impl Queue {
    /// SQS's limit of entries in a batch call.
    const ENTRIES: usize = 10;

    #[must_use]
    pub fn new(client: Client, url: impl Into<String>, dead_letter_url: impl Into<String>) -> Self {
        Self { client, url: url.into(), dead_letter_url: dead_letter_url.into() }
    }

    /// Does with every message what its product's outcome calls for, and returns the messages that
    /// are to come back.
    pub async fn settle(&self, batch: &Batch, outcomes: &HashMap<ProductKey, Outcome>) -> SqsBatchResponse {
        batch.log(outcomes);
        let fates = batch.fates(outcomes);
        let mut back: Vec<String> = Vec::new();
        let mut waits: Vec<(&SqsMessage, Duration)> = Vec::new();
        let mut dead: Vec<(&SqsMessage, &Failure)> = Vec::new();
        for (message, fate) in &fates {
            match fate {
                MessageEnd::Acknowledge => {}
                MessageEnd::Retry(wait) => waits.push((*message, *wait)),
                MessageEnd::Dead(failure) => dead.push((*message, failure)),
            }
        }
        back.extend(waits.iter().filter_map(|(message, _)| message.message_id.clone()));
        for (code, (products, example)) in failures_to_retry(outcomes) {
            // Some of these are on no product's record: a ledger that does not answer cannot keep a
            // reason.
            tracing::warn!(code, products, reason = example.message, "messages will come back");
        }
        self.hide(&waits).await;
        back.extend(self.bury(&dead).await);
        let mut response = SqsBatchResponse::default();
        response.set_failures(back);
        response
    }

    /// Does with one message what its outcome calls for; its id if it is to come back.
    pub async fn settle_one(&self, message: &SqsMessage, outcome: Outcome, metrics: &Metrics) -> Option<String> {
        if let Outcome::Failed(failure) = &outcome {
            let metric = if failure.kind.is_final() { Metric::DeadLetters } else { Metric::Retries };
            metrics.count(metric, 1);
        }
        match fate(message, Some(&outcome)) {
            MessageEnd::Acknowledge => None,
            MessageEnd::Dead(failure) => self.bury(&[(message, &failure)]).await.pop(),
            MessageEnd::Retry(wait) => {
                if let Outcome::Failed(failure) = outcome {
                    tracing::warn!(%failure, "the message will come back");
                }
                self.hide(&[(message, wait)]).await;
                message.message_id.clone()
            }
        }
    }

    /// Hides messages for a while. If that fails, they come back after the queue's own visibility
    /// timeout.
    pub async fn hide(&self, messages: &[(&SqsMessage, Duration)]) {
        for some in messages.chunks(Self::ENTRIES) {
            let entries = some.iter().enumerate().filter_map(|(index, (message, wait))| {
                ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(index.to_string())
                    .receipt_handle(message.receipt_handle.clone()?)
                    .visibility_timeout(i32::try_from(wait.as_secs().max(1)).unwrap_or(43_200))
                    .build()
                    .ok()
            });
            let request = self.client.change_message_visibility_batch().queue_url(&self.url);
            if let Err(error) = request.set_entries(Some(entries.collect())).send().await {
                tracing::warn!(error = %DisplayErrorContext(&error), "messages keep the queue's own visibility timeout");
            }
        }
    }

    /// Sends messages to the dead-letter queue with their reason; returns the ids of those it did
    /// not take.
    pub async fn bury(&self, messages: &[(&SqsMessage, &Failure)]) -> Vec<String> {
        let mut kept = Vec::new();
        for some in messages.chunks(Self::ENTRIES) {
            let entries: Vec<_> = some
                .iter()
                .enumerate()
                .filter_map(|(index, (message, failure))| {
                    let body = message.body.clone().unwrap_or_default();
                    let product = ProductMessage::parse(&body).ok();
                    let _product = product.map(|product| product.span().entered());
                    tracing::error!(
                        message_id = message.message_id.as_deref(),
                        kind = %failure.kind,
                        code = %failure.code,
                        reason = %failure.message,
                        "message goes to the dead-letter queue"
                    );
                    SendMessageBatchRequestEntry::builder()
                        .id(index.to_string())
                        // SQS takes no empty body.
                        .message_body(if body.is_empty() { " ".to_owned() } else { body })
                        .set_message_attributes(Some(reason_attributes(failure)))
                        .set_message_system_attributes(
                            TraceHeader::of_message(message).and_then(|trace| trace.system_attributes()),
                        )
                        .build()
                        .ok()
                })
                .collect();
            let sent = self
                .client
                .send_message_batch()
                .queue_url(&self.dead_letter_url)
                .set_entries(Some(entries))
                .send()
                .await;
            let accepted: Vec<usize> = match &sent {
                Ok(output) => output.successful.iter().filter_map(|entry| entry.id.parse().ok()).collect(),
                Err(error) => {
                    tracing::warn!(error = %DisplayErrorContext(error), "the dead-letter queue did not answer");
                    Vec::new()
                }
            };
            let refused = some.iter().enumerate().filter(|(index, _)| !accepted.contains(index));
            kept.extend(refused.filter_map(|(_, (message, _))| message.message_id.clone()));
        }
        kept
    }
}

/// The reason of a dead message as message attributes, where a person and dlq-redrive find it.
fn reason_attributes(failure: &Failure) -> HashMap<String, MessageAttributeValue> {
    let text = |value: &str| {
        // SQS refuses control characters and empty values.
        let clean: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).take(1_000).collect();
        let value = if clean.is_empty() { "-".to_owned() } else { clean };
        MessageAttributeValue::builder().data_type("String").string_value(value).build().ok()
    };
    [("relay.kind", failure.kind.as_str()), ("relay.code", &failure.code), ("relay.reason", &failure.message)]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), text(value)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use catalog::ErrorKind;

    use super::*;

    fn message(id: &str, body: &str, received: u32) -> SqsMessage {
        let mut message = SqsMessage::default();
        message.message_id = Some(id.into());
        message.body = Some(body.into());
        message.attributes.insert("ApproximateReceiveCount".into(), received.to_string());
        message
    }

    fn batch(messages: Vec<SqsMessage>) -> Batch {
        let mut event = SqsEvent::default();
        event.records = messages;
        Batch::of(event)
    }

    const ONE: &str = r#"{"source":"demo","productId":"1"}"#;

    #[test]
    fn messages_of_one_product_are_one_piece_of_work_and_share_its_fate() {
        let batch = batch(vec![message("a", ONE, 1), message("b", ONE, 3)]);
        assert_eq!(batch.products().len(), 1);
        let outcomes = HashMap::from([(batch.keys()[0].clone(), Outcome::Done)]);
        let fates = batch.fates(&outcomes);
        assert_eq!(fates.len(), 2);
        assert!(fates.iter().all(|(_, fate)| *fate == MessageEnd::Acknowledge));
    }

    #[test]
    fn a_notice_does_not_hide_what_else_is_asked_of_a_product() {
        let noticed = r#"{"source":"demo","productId":"1","cause":"noticed"}"#;
        let other = r#"{"source":"demo","productId":"2","cause":"noticed"}"#;
        let batch = batch(vec![
            message("a", noticed, 1),
            message("b", ONE, 1),
            message("c", noticed, 1),
            message("d", other, 1),
        ]);
        let causes: Vec<Cause> = batch.products().iter().map(|product| product.cause).collect();
        assert_eq!(causes, [Cause::Unknown, Cause::Noticed]);
        assert_eq!(batch.asked(), batch.products()[..1]);
        assert_eq!(batch.noticed(), batch.keys());
    }

    #[test]
    fn a_code_is_found_among_failures_only() {
        let key = |id: &str| ProductKey::new("demo", id).unwrap();
        let outcomes = HashMap::from([
            (key("1"), Outcome::Done),
            (key("2"), Outcome::Failed(Failure::transient("medusa_unauthorized", "no"))),
        ]);
        assert!(any_failed_with(&outcomes, &["medusa_not_found", "medusa_unauthorized"]));
        assert!(!any_failed_with(&outcomes, &["medusa_not_found"]));
    }

    #[test]
    fn poison_is_dead_at_once_and_stops_nobody_else() {
        let batch = batch(vec![message("a", "not json", 1), message("b", ONE, 1)]);
        assert_eq!(batch.products().len(), 1);
        let fates = batch.fates(&HashMap::from([(batch.keys()[0].clone(), Outcome::Done)]));
        let dead: Vec<_> = fates
            .iter()
            .filter(|(_, fate)| matches!(fate, MessageEnd::Dead(f) if f.kind == ErrorKind::Poison))
            .collect();
        assert_eq!(dead.len(), 1);
        assert_eq!(dead[0].0.message_id.as_deref(), Some("a"));
    }

    #[test]
    fn the_kind_of_a_failure_decides_and_a_forgotten_product_comes_back() {
        let batch = batch(vec![message("a", ONE, 2)]);
        let key = batch.keys()[0].clone();
        let fate_of = |outcome: Option<Outcome>| {
            let outcomes = outcome.map(|o| (key.clone(), o)).into_iter().collect();
            batch.fates(&outcomes)[0].1.clone()
        };
        assert!(matches!(fate_of(None), MessageEnd::Retry(_)));
        assert!(matches!(fate_of(Some(Outcome::Failed(Failure::permanent("x", "y")))), MessageEnd::Dead(_)));
        let busy = Failure::transient("x", "y").retry_after(Some(Duration::from_secs(77)));
        assert_eq!(fate_of(Some(Outcome::Failed(busy))), MessageEnd::Retry(Duration::from_secs(77)));
        assert_eq!(fate_of(Some(Outcome::Again(Duration::from_secs(9)))), MessageEnd::Retry(Duration::from_secs(9)));
    }
}
