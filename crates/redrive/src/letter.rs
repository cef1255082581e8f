//! A dead letter: what a message on a dead-letter queue says about itself.
//!
//! Letters arrive in two ways. A function that met a permanent or poisonous failure sent a copy
//! with the reason as attributes (`relay.kind`, `relay.code`, `relay.reason`). Or SQS moved the
//! message after too many deliveries: then it says nothing, and the reason is what the ledger
//! recorded last, if anything.
//!
//! What dlq-redrive itself notes on a message that it sends back are `relay.redrives` (how often),
//! `relay.first` (when, in ms, the very first copy was sent) and `relay.id` (that copy's message
//! id): SQS gives every copy a new id and time, but it stays one letter.

use std::collections::BTreeMap;

use catalog::{ErrorKind, ProductKey};
use ledger::RunId;
use runtime::ProductMessage;
use serde::{Deserialize, Serialize};

use crate::request::QueueName;

/// Attribute: the failure's kind.
pub const KIND: &str = "relay.kind";
/// Attribute: the failure's code.
pub const CODE: &str = "relay.code";
/// Attribute: the failure's message.
pub const REASON: &str = "relay.reason";
/// Attribute: how often the letter was redriven.
pub const REDRIVES: &str = "relay.redrives";
/// Attribute: when its first copy was sent, in ms.
pub const FIRST: &str = "relay.first";
/// Attribute: the message id of its first copy.
pub const ORIGIN: &str = "relay.id";

/// SQS takes ten attributes on a message.
const MAX_ATTRIBUTES: usize = 10;

/// A message attribute, as SQS has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attribute {
    /// `String`, `Number` or `Binary`, with the sender's own suffix.
    pub data_type: String,
    /// Of a string or number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub string: Option<String>,
    /// Of a binary, as bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary: Option<Vec<u8>>,
}

impl Attribute {
    pub fn text(value: impl Into<String>) -> Self {
        Self { data_type: "String".to_owned(), string: Some(value.into()), binary: None }
    }

    #[must_use]
    pub fn number(value: i64) -> Self {
        Self { data_type: "Number".to_owned(), string: Some(value.to_string()), binary: None }
    }
}

/// Why a letter is where it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    pub kind: ErrorKind,
    /// Stable word.
    pub code: String,
    pub message: String,
}

/// A message on a dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// SQS's id of this copy.
    pub id: String,
    /// The body, exactly as it was sent.
    pub body: String,
    /// Message attributes by name.
    pub attributes: BTreeMap<String, Attribute>,
    /// When this copy was sent, in ms. A move to a dead-letter queue by SQS leaves it as it is.
    pub sent_ms: i64,
    /// X-Ray trace header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
}

/// What a letter is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    Product(ProductKey),
    Feed(RunId),
    /// What a full feed no longer contains: normalize's own message after a run.
    Withdrawal {
        source: String,
        /// The run that read the feed.
        run: String,
    },
    /// It cannot be understood; why not.
    Unreadable(String),
}

impl Subject {
    /// The product, if it is about one.
    #[must_use]
    pub const fn product(&self) -> Option<&ProductKey> {
        match self {
            Self::Product(key) => Some(key),
            _ => None,
        }
    }
}

impl DeadLetter {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).and_then(|attribute| attribute.string.as_deref())
    }

    /// The reason that a function wrote on it.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        let kind = match self.attribute(KIND)? {
            "transient" => ErrorKind::Transient,
            "permanent" => ErrorKind::Permanent,
            "conflict" => ErrorKind::Conflict,
            "poison" => ErrorKind::Poison,
            _ => return None,
        };
        let text = |name: &str| self.attribute(name).unwrap_or_default().to_owned();
        Some(Reason { kind, code: text(CODE), message: text(REASON) })
    }

    /// How often it was redriven.
    #[must_use]
    pub fn redrives(&self) -> u32 {
        self.attribute(REDRIVES).and_then(|count| count.parse().ok()).unwrap_or(0)
    }

    /// When its first copy was sent, in ms.
    #[must_use]
    pub fn first_ms(&self) -> i64 {
        self.attribute(FIRST).and_then(|at| at.parse().ok()).unwrap_or(self.sent_ms)
    }

    /// The message id of its first copy: what the letter is known by.
    #[must_use]
    pub fn origin_id(&self) -> &str {
        self.attribute(ORIGIN).filter(|id| !id.is_empty()).unwrap_or(&self.id)
    }

    #[must_use]
    pub fn subject(&self, queue: QueueName) -> Subject {
        match queue {
            QueueName::Ingest => feed(&self.body),
            QueueName::Pimcore | QueueName::Medusa => match ProductMessage::parse(&self.body) {
                Ok(message) => Subject::Product(message.key),
                Err(error) => Subject::Unreadable(error.to_string()),
            },
        }
    }

    /// The attributes of the copy that goes back to the queue. The reason it died of is gone, who
    /// sent it first and how often it was redriven are noted; attributes of others are kept as far
    /// as SQS's limit allows.
    #[must_use]
    pub fn redriven(&self, redrives: u32) -> BTreeMap<String, Attribute> {
        let ours = [
            (ORIGIN, Attribute::text(self.origin_id())),
            (FIRST, Attribute::number(self.first_ms())),
            (REDRIVES, Attribute::number(i64::from(redrives))),
        ];
        let room = MAX_ATTRIBUTES - ours.len();
        let others = self.attributes.iter().filter(|(name, _)| !name.starts_with("relay.")).take(room);
        let others = others.map(|(name, value)| (name.clone(), value.clone()));
        others.chain(ours.into_iter().map(|(name, value)| (name.to_owned(), value))).collect()
    }
}

/// What a message on the ingest queue is about: S3's "Object Created" event, or one of normalize's
/// own requests.
fn feed(body: &str) -> Subject {
    #[derive(Deserialize)]
    struct Event {
        detail: Detail,
    }
    #[derive(Deserialize)]
    struct Detail {
        bucket: Bucket,
        object: Object,
    }
    #[derive(Deserialize)]
    struct Bucket {
        name: String,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct Object {
        key: String,
        version_id: Option<String>,
        etag: Option<String>,
        #[serde(default)]
        sequencer: String,
    }
    #[derive(Deserialize)]
    struct Withdraw {
        withdraw: Withdrawal,
    }
    #[derive(Deserialize)]
    struct Withdrawal {
        source: String,
        run: String,
    }
    if let Ok(pass) = serde_json::from_str::<StrictPass>(body) {
        let id = RunId { bucket: pass.bucket, key: pass.key, object_version: pass.object_version };
        return Subject::Feed(id.strict());
    }
    if let Ok(Withdraw { withdraw }) = serde_json::from_str::<Withdraw>(body) {
        return Subject::Withdrawal { source: withdraw.source, run: withdraw.run };
    }
    match serde_json::from_str::<Event>(body) {
        Ok(Event { detail: Detail { bucket, object } }) => {
            let version_id = object.version_id.filter(|version| !version.is_empty() && version != "null");
            let etag = object.etag.as_deref().unwrap_or("no-etag");
            let object_version = version_id.unwrap_or_else(|| format!("{etag}.{}", object.sequencer));
            Subject::Feed(RunId { bucket: bucket.name, key: object.key, object_version })
        }
        Err(error) => Subject::Unreadable(format!(
            "neither an \"Object Created\" event nor a request of normalize's own: {error}"
        )),
    }
}

/// normalize's request to read an object once more and note every product of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "relay", rename = "strictPass")]
pub struct StrictPass {
    pub bucket: String,
    pub key: String,
    /// The run's object version.
    pub object_version: String,
    /// The object's version in its source's register.
    pub version: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(body: &str) -> DeadLetter {
        DeadLetter { id: "copy".into(), body: body.into(), attributes: BTreeMap::new(), sent_ms: 5_000, trace: None }
    }

    #[test]
    fn copies_of_a_letter_stay_one_letter() {
        let mut first = letter("{}");
        first.attributes.insert("theirs".into(), Attribute::text("x"));
        first.attributes.insert(KIND.into(), Attribute::text("permanent"));
        let second = DeadLetter { id: "other".into(), sent_ms: 9_000, attributes: first.redriven(1), ..first.clone() };
        let third =
            DeadLetter { id: "third".into(), sent_ms: 12_000, attributes: second.redriven(2), ..second.clone() };
        assert_eq!((third.origin_id(), third.first_ms(), third.redrives()), ("copy", 5_000, 2));
        assert_eq!(third.reason(), None, "the reason belongs to the copy that died of it");
        assert_eq!(third.attributes["theirs"], Attribute::text("x"));
    }

    #[test]
    fn a_message_full_of_attributes_still_gets_ours() {
        let mut full = letter("{}");
        for n in 0..10 {
            full.attributes.insert(format!("theirs{n}"), Attribute::text("x"));
        }
        let back = full.redriven(1);
        assert_eq!(back.len(), 10);
        assert!(back.contains_key(REDRIVES) && back.contains_key(ORIGIN) && back.contains_key(FIRST));
    }

    #[test]
    fn the_subject_depends_on_the_queue() {
        let product = letter(r#"{"source":"demo","productId":"1"}"#);
        assert_eq!(product.subject(QueueName::Medusa).product().map(ToString::to_string).as_deref(), Some("demo:1"));
        assert!(matches!(product.subject(QueueName::Ingest), Subject::Unreadable(_)));
        let feed =
            letter(r#"{"detail":{"bucket":{"name":"b"},"object":{"key":"incoming/demo/a.json","version-id":"v1"}}}"#);
        let run = RunId { bucket: "b".into(), key: "incoming/demo/a.json".into(), object_version: "v1".into() };
        assert_eq!(feed.subject(QueueName::Ingest), Subject::Feed(run));
        let unversioned =
            feed.body.replace(r#""version-id":"v1""#, r#""version-id":"null","etag":"e1","sequencer":"00A1""#);
        let Subject::Feed(run) = letter(&unversioned).subject(QueueName::Ingest) else { panic!("a feed") };
        assert_eq!(run.object_version, "e1.00A1");
        let pass = r#"{"relay":"strictPass","bucket":"b","key":"k","objectVersion":"v1","version":"0-0-0"}"#;
        let Subject::Feed(run) = letter(pass).subject(QueueName::Ingest) else { panic!("a feed") };
        assert!(run.is_strict() && run.original().object_version == "v1");
        let withdraw = letter(r#"{"withdraw":{"bucket":"b","source":"demo","run":"r1"}}"#).subject(QueueName::Ingest);
        assert_eq!(withdraw, Subject::Withdrawal { source: "demo".into(), run: "r1".into() });
        assert!(matches!(letter("\u{1}garbage").subject(QueueName::Pimcore), Subject::Unreadable(_)));
    }
}
