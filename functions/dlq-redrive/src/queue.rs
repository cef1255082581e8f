//! A queue and its dead-letter queue, in calls of ten.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message, MessageAttributeValue,
    MessageSystemAttributeName, MessageSystemAttributeNameForSends, MessageSystemAttributeValue, QueueAttributeName,
    SendMessageBatchRequestEntry,
};
use redrive::DeadLetter;
use redrive::letter::Attribute;
use runtime::TraceHeader;

use crate::RedriveError;
use crate::settings::QueueUrls;

/// SQS's limit of entries in a batch call.
pub(crate) const ENTRIES: usize = 10;
/// Bytes of messages in one call, within SQS's limit of 256 kB that older endpoints keep.
const CALL_BYTES: usize = 200_000;

/// A letter that was received, and the handle to do something with it.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) letter: DeadLetter,
    pub(crate) handle: String,
}

/// A copy of a letter, on its way back to the queue.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) body: String,
    pub(crate) attributes: BTreeMap<String, Attribute>,
    pub(crate) trace: Option<String>,
    pub(crate) delay_seconds: i32,
}

#[derive(Debug, Clone)]
pub(crate) struct Queue {
    client: Client,
    urls: QueueUrls,
}

impl Queue {
    pub(crate) fn new(client: Client, urls: QueueUrls) -> Self {
        Self { client, urls }
    }

    fn error(operation: &'static str, url: &str, error: &(impl std::error::Error + 'static)) -> RedriveError {
        let message = DisplayErrorContext(error).to_string();
        RedriveError::Aws { service: "SQS", operation, resource: url.to_owned(), message }
    }

    /// Up to ten letters, hidden from everybody else for a while. Empty when there are none left.
    pub(crate) async fn receive(&self, hidden_seconds: i32) -> Result<Vec<Received>, RedriveError> {
        let output = self
            .client
            .receive_message()
            .queue_url(&self.urls.dead_letters)
            .max_number_of_messages(10)
            .visibility_timeout(hidden_seconds)
            // A long poll asks all of SQS's servers; a short one may miss messages.
            .wait_time_seconds(1)
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All")
            .send()
            .await
            .map_err(|error| Self::error("ReceiveMessage", &self.urls.dead_letters, &error))?;
        Ok(output.messages.unwrap_or_default().into_iter().filter_map(received).collect())
    }

    /// Sends copies back to the queue. The answers are in their order.
    pub(crate) async fn send(&self, copies: &[Outgoing]) -> Vec<Result<(), String>> {
        let mut answers = Vec::with_capacity(copies.len());
        for some in calls(copies) {
            let mut these = vec![Err("no answer from SQS".to_owned()); some.len()];
            let entries = some.iter().enumerate().filter_map(|(index, copy)| {
                SendMessageBatchRequestEntry::builder()
                    .id(index.to_string())
                    .message_body(&copy.body)
                    .delay_seconds(copy.delay_seconds)
                    .set_message_attributes(Some(sqs_attributes(&copy.attributes)))
                    .set_message_system_attributes(trace_attribute(copy.trace.as_deref()))
                    .build()
                    .ok()
            });
            let sent = self
                .client
                .send_message_batch()
                .queue_url(&self.urls.queue)
                .set_entries(Some(entries.collect()))
                .send()
                .await;
            match sent {
                Ok(output) => {
                    let index = |id: &str| id.parse::<usize>().ok().filter(|index| *index < some.len());
                    for entry in &output.successful {
                        if let Some(index) = index(&entry.id) {
                            these[index] = Ok(());
                        }
                    }
                    for entry in &output.failed {
                        if let Some(index) = index(&entry.id) {
                            let why = entry.message.as_deref().unwrap_or_default();
                            these[index] = Err(format!("SQS refused it: {} {why}", entry.code));
                        }
                    }
                }
                Err(error) => {
                    let why = Self::error("SendMessageBatch", &self.urls.queue, &error).to_string();
                    these.fill(Err(why));
                }
            }
            answers.extend(these);
        }
        answers
    }

    /// Deletes letters. What is not deleted comes back and is looked at again.
    pub(crate) async fn delete(&self, handles: &[String]) -> Vec<String> {
        let mut failures = Vec::new();
        for some in handles.chunks(ENTRIES) {
            let entries = some.iter().enumerate().filter_map(|(index, handle)| {
                DeleteMessageBatchRequestEntry::builder().id(index.to_string()).receipt_handle(handle).build().ok()
            });
            let deleted = self
                .client
                .delete_message_batch()
                .queue_url(&self.urls.dead_letters)
                .set_entries(Some(entries.collect()))
                .send()
                .await;
            match deleted {
                Ok(output) => {
                    failures.extend(output.failed.iter().map(|entry| {
                        format!("a letter could not be deleted and will be looked at again: {}", entry.code)
                    }))
                }
                Err(error) => {
                    failures.push(Self::error("DeleteMessageBatch", &self.urls.dead_letters, &error).to_string());
                }
            }
        }
        failures
    }

    /// Makes letters visible again. Where that fails they become visible by themselves a little
    /// later.
    pub(crate) async fn put_back(&self, handles: &[String]) {
        for some in handles.chunks(ENTRIES) {
            let entries = some.iter().enumerate().filter_map(|(index, handle)| {
                ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(index.to_string())
                    .receipt_handle(handle)
                    .visibility_timeout(0)
                    .build()
                    .ok()
            });
            let answer = self
                .client
                .change_message_visibility_batch()
                .queue_url(&self.urls.dead_letters)
                .set_entries(Some(entries.collect()))
                .send()
                .await;
            if let Err(error) = answer {
                tracing::warn!(error = %DisplayErrorContext(error), "letters stay hidden for a while");
            }
        }
    }

    /// Messages in the queue itself: waiting, delayed or being worked on.
    pub(crate) async fn depth(&self) -> Result<usize, RedriveError> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let output = self
            .client
            .get_queue_attributes()
            .queue_url(&self.urls.queue)
            .set_attribute_names(Some(names.to_vec()))
            .send()
            .await
            .map_err(|error| Self::error("GetQueueAttributes", &self.urls.queue, &error))?;
        let counts = output.attributes.unwrap_or_default();
        Ok(names.iter().filter_map(|name| counts.get(name)?.parse::<usize>().ok()).sum())
    }
}

/// Consecutive copies in calls within SQS's limits.
fn calls(copies: &[Outgoing]) -> Vec<&[Outgoing]> {
    let mut calls = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, copy) in copies.iter().enumerate() {
        let size = copy.body.len() + 2_000;
        if index > start && (index - start == ENTRIES || bytes + size > CALL_BYTES) {
            calls.push(&copies[start..index]);
            (start, bytes) = (index, 0);
        }
        bytes += size;
    }
    if start < copies.len() {
        calls.push(&copies[start..]);
    }
    calls
}

fn received(message: Message) -> Option<Received> {
    let system = message.attributes.unwrap_or_default();
    let sent = system.get(&MessageSystemAttributeName::SentTimestamp);
    let letter = DeadLetter {
        id: message.message_id?,
        body: message.body.unwrap_or_default(),
        attributes: message.message_attributes.unwrap_or_default().into_iter().map(attribute).collect(),
        sent_ms: sent.and_then(|at| at.parse().ok()).unwrap_or(0),
        trace: system.get(&MessageSystemAttributeName::AwsTraceHeader).cloned(),
    };
    Some(Received { letter, handle: message.receipt_handle? })
}

fn attribute((name, value): (String, MessageAttributeValue)) -> (String, Attribute) {
    let binary = value.binary_value.map(Blob::into_inner);
    (name, Attribute { data_type: value.data_type, string: value.string_value, binary })
}

fn sqs_attributes(attributes: &BTreeMap<String, Attribute>) -> HashMap<String, MessageAttributeValue> {
    attributes
        .iter()
        .filter_map(|(name, value)| {
            let sqs = MessageAttributeValue::builder()
                .data_type(&value.data_type)
                .set_string_value(value.string.clone())
                .set_binary_value(value.binary.clone().map(Blob::new))
                .build()
                .ok()?;
            Some((name.clone(), sqs))
        })
        .collect()
}

/// The trace of the message that died, or of this invocation where there is none.
fn trace_attribute(
    header: Option<&str>,
) -> Option<HashMap<MessageSystemAttributeNameForSends, MessageSystemAttributeValue>> {
    header.and_then(TraceHeader::parse).or_else(TraceHeader::of_invocation)?.system_attributes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_stay_within_both_limits() {
        let copy = |bytes: usize| Outgoing {
            body: "x".repeat(bytes),
            attributes: BTreeMap::new(),
            trace: None,
            delay_seconds: 0,
        };
        let small: Vec<_> = (0..25).map(|_| copy(100)).collect();
        assert_eq!(calls(&small).iter().map(|call| call.len()).collect::<Vec<_>>(), [10, 10, 5]);
        let large: Vec<_> = (0..3).map(|_| copy(150_000)).collect();
        assert_eq!(calls(&large).len(), 3);
        assert!(calls(&[]).is_empty());
    }
}
