//! What travels between the functions: a key, never data.

use catalog::ProductKey;
use serde::{Deserialize, Serialize};

/// The metadata of a feed that `relay replay` put there: everything that it says is to be known,
/// also what costs no write otherwise.
pub const REPLAYED: &str = "replayed-by";

/// Why a product is announced. For tracing; two change what a consumer does: [`Cause::Repair`] has
/// it compare the whole product, [`Cause::Noticed`] look at what a person did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// A feed brought something new.
    Feed,
    /// A feed brought prices and stock only: the shop is told at once, beside the PIM.
    Offers,
    /// A person changed it in the PIM.
    Edited,
    /// The PIM said that a person did something to it.
    Noticed,
    /// It was pending for too long.
    Sweep,
    /// It came back from a dead-letter queue.
    Redrive,
    /// A target held something else than it should.
    Repair,
    /// An operator asked for it.
    Replay,
    /// The setting `Articles` shows it elsewhere in the shop.
    Articles,
    /// Not said, or a cause this version does not know.
    #[serde(other)]
    Unknown,
}

/// "Look at this product": the detail of `ProductChanged` and `ProductSynced`, and the body of a
/// queue message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductMessage {
    #[serde(flatten)]
    pub key: ProductKey,
    /// Finds every log line of one way through the pipeline; for a feed, the run.
    #[serde(default, rename = "correlationId")]
    pub correlation_id: String,
    #[serde(default = "unknown")]
    pub cause: Cause,
}

/// A message about something that a person did, with who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    #[serde(flatten)]
    pub message: ProductMessage,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Act>,
}

/// Who took a product away, as the PIM says: for people to read, never to decide by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// The bundle's word.
    pub what: String,
    /// Seconds since 1970.
    pub at: i64,
    /// The person's number and name in the PIM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Notice {
    /// The body of a queue message.
    ///
    /// # Panics
    /// Never: a plain struct with text keys.
    #[must_use]
    pub fn body(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|error| unreachable!("a plain struct: {error}"))
    }

    /// What a body says of who did it. One that cannot be read says nothing: the key counts.
    #[must_use]
    pub fn act_of(body: &str) -> Option<Act> {
        #[derive(Deserialize)]
        struct Said {
            act: Option<Act>,
        }
        serde_json::from_str::<Said>(body).ok()?.act
    }
}

impl Cause {
    /// The word for messages and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Feed => "feed",
            Self::Offers => "offers",
            Self::Edited => "edited",
            Self::Noticed => "noticed",
            Self::Sweep => "sweep",
            Self::Redrive => "redrive",
            Self::Repair => "repair",
            Self::Replay => "replay",
            Self::Articles => "articles",
            Self::Unknown => "unknown",
        }
    }
}

const fn unknown() -> Cause {
    Cause::Unknown
}

/// Why a message cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a product message ({reason}): {shown:?}")]
pub struct MessageError {
    reason: String,
    shown: String,
}

impl ProductMessage {
    /// A span for the work on this product: every log line within it carries the correlation id and
    /// the product.
    #[must_use]
    pub fn span(&self) -> tracing::Span {
        tracing::info_span!("product", product = %self.key, correlation_id = self.correlation_id, cause = self.cause.as_str())
    }

    /// The body of a queue message.
    ///
    /// # Panics
    /// Never: a plain struct with text keys.
    #[must_use]
    pub fn body(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|error| unreachable!("a plain struct: {error}"))
    }

    /// Reads a queue message: a detail as the rules deliver it, or the whole EventBridge event
    /// around one.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(body: &str) -> Result<Self, MessageError> {
        #[derive(Deserialize)]
        struct Envelope {
            detail: ProductMessage,
        }
        let error = match serde_json::from_str::<Self>(body) {
            Ok(message) => return Ok(message),
            Err(error) => error,
        };
        serde_json::from_str::<Envelope>(body)
            .map(|envelope| envelope.detail)
            .map_err(|_| MessageError { reason: error.to_string(), shown: body.chars().take(200).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_and_an_event_around_it_are_both_understood() {
        let detail = r#"{"source":"demo","productId":"1","correlationId":"r1","cause":"feed"}"#;
        let event = format!(r#"{{"detail-type":"ProductChanged","source":"catalog-relay","detail":{detail}}}"#);
        let message = ProductMessage::parse(detail).unwrap();
        assert_eq!(message.key.to_string(), "demo:1");
        assert_eq!(message.cause, Cause::Feed);
        assert_eq!(ProductMessage::parse(&event).unwrap(), message);
        assert_eq!(message.body(), detail);
    }

    #[test]
    fn who_did_it_stands_beside_the_key_and_makes_it_no_other_message() {
        let act = Act { what: "delete".into(), at: 7, user: Some(4), name: Some("ann".into()) };
        let key: catalog::ProductKey = "demo:1".parse().unwrap();
        let message = ProductMessage { key, correlation_id: "r1".into(), cause: Cause::Noticed };
        let notice = Notice { message: message.clone(), act: Some(act.clone()) };
        assert_eq!(ProductMessage::parse(&notice.body()).unwrap(), message);
        assert_eq!(Notice::act_of(&notice.body()), Some(act));
        assert_eq!(Notice { act: None, ..notice }.body(), message.body());
        let odd = r#"{"source":"demo","productId":"1","cause":"noticed","act":{"what":7}}"#;
        assert_eq!((ProductMessage::parse(odd).unwrap().cause, Notice::act_of(odd)), (Cause::Noticed, None));
    }

    #[test]
    fn a_key_alone_is_enough_and_an_unknown_cause_is_no_error() {
        let message = ProductMessage::parse(r#"{"source":"demo","productId":"1","cause":"moonphase"}"#).unwrap();
        assert_eq!((message.cause, message.correlation_id.as_str()), (Cause::Unknown, ""));
    }

    #[test]
    fn what_is_not_a_key_is_named_with_its_beginning() {
        let error = ProductMessage::parse(r#"{"source":"Demo","productId":"1"}"#).unwrap_err().to_string();
        assert!(error.contains("a source has 1 to 32 characters") && error.contains("Demo"), "{error}");
    }
}
