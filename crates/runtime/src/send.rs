//! Keys of products, sent straight to a queue.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use catalog::Failure;
use futures::stream::{self, StreamExt};

use crate::codes;
use crate::message::Notice;
use crate::trace::TraceHeader;

/// Sends to one queue.
#[derive(Debug, Clone)]
pub struct Sender {
    client: Client,
    url: String,
}

impl Sender {
    /// SQS's limit of entries in a batch call.
    const ENTRIES: usize = 10;
    /// Batches in flight at once.
    const PARALLEL: usize = 4;

    #[must_use]
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self { client, url: url.into() }
    }

    /// Sends all of them.
    ///
    /// # Errors
    /// `announce_failed`, when the queue did not take one. Others may be on their way.
    pub async fn send(&self, messages: &[Notice]) -> Result<(), Failure> {
        let batches = messages.chunks(Self::ENTRIES).map(|some| self.put(some));
        let answers: Vec<Result<(), Failure>> = stream::iter(batches).buffered(Self::PARALLEL).collect().await;
        answers.into_iter().collect()
    }

    async fn put(&self, messages: &[Notice]) -> Result<(), Failure> {
        let failed = |why: String| Failure::transient(codes::ANNOUNCE_FAILED, format!("queue {}: {why}", self.url));
        let trace = TraceHeader::of_invocation();
        let entries = messages.iter().enumerate().map(|(index, message)| {
            SendMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .message_body(message.body())
                .set_message_system_attributes(trace.as_ref().and_then(TraceHeader::system_attributes))
                .build()
                .map_err(|error| failed(error.to_string()))
        });
        let entries: Vec<_> = entries.collect::<Result<_, _>>()?;
        let sent = self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries)).send().await;
        let refused = sent.map_err(|error| failed(DisplayErrorContext(&error).to_string()))?.failed;
        refused.first().map_or(Ok(()), |entry| Err(failed(entry.code.clone())))
    }
}
