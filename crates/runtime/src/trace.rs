//! X-Ray: one trace follows a product through queues and the bus (D28).
//!
//! A queue message carries the trace of whoever caused it in its system attribute `AWSTraceHeader`;
//! EventBridge copies the `TraceHeader` of an event into it. Lambda starts a trace of its own for a
//! batch and links it to those of the messages, so the trace of an invocation stands for the batch.
//! What a function sends on about one product continues the trace of the message that named the
//! product, not that of the batch: otherwise forty products would share one way. Where there is no
//! message (a feed's first announcement, a schedule) the invocation's own trace begins the way.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lambda_events::event::sqs::SqsMessage;
use aws_sdk_sqs::types::{MessageSystemAttributeNameForSends, MessageSystemAttributeValue};
use catalog::ProductKey;

/// Where Lambda's runtime client puts the trace of the invocation.
const VARIABLE: &str = "_X_AMZN_TRACE_ID";
/// The system attribute of a queue message.
const ATTRIBUTE: &str = "AWSTraceHeader";
/// X-Ray's headers are far shorter; what is longer is none.
const LONGEST: usize = 500;

/// Products that messages named, with the trace of the message where it had one.
pub type Traces = Arc<HashMap<ProductKey, Option<TraceHeader>>>;

/// An X-Ray trace header:
/// `Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TraceHeader(String);

impl TraceHeader {
    /// Reads a header; `None` if it names no trace.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.len() <= LONGEST && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
        let header = Self(text.trim().to_owned());
        (plain && root_of(&header.0).is_some()).then_some(header)
    }

    /// The trace that a queue message continues.
    #[must_use]
    pub fn of_message(message: &SqsMessage) -> Option<Self> {
        Self::parse(message.attributes.get(ATTRIBUTE)?)
    }

    /// The trace of the current invocation.
    #[must_use]
    pub fn of_invocation() -> Option<Self> {
        Self::parse(&std::env::var(VARIABLE).ok()?)
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The trace's id, by which X-Ray finds it: `1-67891233-abcdef012345678912345678`.
    #[must_use]
    pub fn id(&self) -> &str {
        root_of(&self.0).unwrap_or_default()
    }

    /// The system attributes for sending a message that continues this trace.
    #[must_use]
    pub fn system_attributes(
        &self,
    ) -> Option<HashMap<MessageSystemAttributeNameForSends, MessageSystemAttributeValue>> {
        let value = MessageSystemAttributeValue::builder().data_type("String").string_value(&self.0).build().ok()?;
        Some(HashMap::from([(MessageSystemAttributeNameForSends::AwsTraceHeader, value)]))
    }
}

/// `1-<8 hex digits>-<24 hex digits>` after `Root=`.
fn root_of(header: &str) -> Option<&str> {
    let root = header.split(';').find_map(|field| field.trim().strip_prefix("Root="))?;
    let hex = |text: &str, digits| text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit());
    let (time, random) = root.strip_prefix("1-")?.split_once('-')?;
    (hex(time, 8) && hex(random, 24)).then_some(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1";

    #[test]
    fn a_header_is_kept_whole_and_its_id_is_found_wherever_it_stands() {
        let header = TraceHeader::parse(HEADER).unwrap();
        assert_eq!((header.as_str(), header.id()), (HEADER, "1-67891233-abcdef012345678912345678"));
        let other = TraceHeader::parse("Sampled=0; Root=1-67891233-abcdef012345678912345678;Lineage=a:1").unwrap();
        assert_eq!(other.id(), header.id());
    }

    #[test]
    fn what_names_no_trace_is_none() {
        for text in [
            "",
            "Parent=53995c3f42cd8ad8",
            "Root=2-67891233-abcdef012345678912345678",
            "Root=1-xyz",
            "Root=1-67891233-abc\n",
        ] {
            assert_eq!(TraceHeader::parse(text), None, "{text:?}");
        }
        assert_eq!(TraceHeader::parse(&format!("{HEADER};Lineage={}", "x".repeat(500))), None);
    }

    #[test]
    fn a_message_continues_the_trace_that_it_carries() {
        let mut message = SqsMessage::default();
        assert_eq!(TraceHeader::of_message(&message), None);
        message.attributes.insert(ATTRIBUTE.to_owned(), HEADER.to_owned());
        let header = TraceHeader::of_message(&message).unwrap();
        let sent = header.system_attributes().unwrap();
        assert_eq!(sent[&MessageSystemAttributeNameForSends::AwsTraceHeader].string_value(), Some(HEADER));
    }
}
