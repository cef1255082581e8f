//! What a message on the ingest queue asks for, read once.

use catalog::Version;
use ledger::{Registered, RunId};
use serde::{Deserialize, Serialize};

use crate::config::{CONFIG, Changed};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Read an object: S3's notification, or the function's own order of a strict pass.
    Read(FeedObject),
    /// Take from sale what a full feed no longer has: the function's own message after a run, or an
    /// operator's.
    Withdraw(withdrawal::WithdrawRequest),
    /// Look at a file that configures: S3's notification of one that was written or removed.
    Configure(Changed),
}

impl Message {
    /// Reads a message's body.
    ///
    /// # Errors
    /// When it is none of these.
    pub fn parse(body: &str) -> Result<Self, NotUnderstood> {
        if let Some(changed) = changed(body) {
            return Ok(Self::Configure(changed));
        }
        match withdrawal::WithdrawRequest::parse(body) {
            Some(request) => Ok(Self::Withdraw(request)),
            None => FeedObject::parse(body).map(Self::Read),
        }
    }

    /// The short name of the run that it belongs to.
    #[must_use]
    pub fn run(&self) -> &str {
        match self {
            Self::Read(work) => &work.run,
            Self::Withdraw(request) => &request.run,
            Self::Configure(changed) => &changed.key,
        }
    }
}

/// The file under `config/` that a notification is of.
fn changed(body: &str) -> Option<Changed> {
    let event: Event = serde_json::from_str(body).ok()?;
    let Detail { bucket, object } = event.detail;
    let known = matches!(event.detail_type.as_str(), "Object Created" | "Object Deleted");
    (known && object.key.starts_with(CONFIG)).then_some(Changed { bucket: bucket.name, key: object.key })
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedObject {
    pub id: RunId,
    /// The version of the object to read, in a bucket that has versions.
    pub version_id: Option<String>,
    /// What the object's ETag was.
    pub etag: Option<String>,
    /// S3's sequencer.
    pub sequencer: String,
    /// Bytes, where the message says so.
    pub size: Option<u64>,
    /// For a strict pass: the object's time (ms), as the pass before had it.
    pub object_time_ms: Option<u64>,
    /// The run's short name: shown to people, and the folder under `rejected/`.
    pub run: String,
}

/// Why a message cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a notification of an object in the feed bucket ({reason}): {shown}")]
pub struct NotUnderstood {
    reason: String,
    shown: String,
}

/// EventBridge's "Object Created" event. Unlike in S3's own notifications, keys in it are not
/// URL-encoded.
#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    time: String,
    #[serde(rename = "detail-type")]
    detail_type: String,
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
struct Object {
    key: String,
    etag: Option<String>,
    #[serde(rename = "version-id")]
    version_id: Option<String>,
    #[serde(default)]
    sequencer: String,
    size: Option<u64>,
}

/// The function's own message: read an object once more, and note every product of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "relay", rename = "strictPass")]
struct StrictPass {
    bucket: String,
    key: String,
    object_version: String,
    version: String,
}

/// The message that asks for a strict pass over a registered run's object.
#[must_use]
pub fn strict_pass(run: &Registered) -> String {
    let id = run.id.original();
    let message = StrictPass {
        bucket: id.bucket,
        key: id.key,
        object_version: id.object_version,
        version: run.version.as_str().to_owned(),
    };
    serde_json::to_string(&message).unwrap_or_else(|error| unreachable!("a plain struct: {error}"))
}

impl FeedObject {
    /// Reads a message.
    ///
    /// # Errors
    /// When it is neither S3's notification nor the function's own.
    pub fn parse(body: &str) -> Result<Self, NotUnderstood> {
        let refused = |reason: String| NotUnderstood { reason, shown: body.chars().take(200).collect() };
        if let Ok(pass) = serde_json::from_str::<StrictPass>(body) {
            return Self::of_pass(pass).ok_or_else(|| refused("the version is damaged".to_owned()));
        }
        let event: Event = serde_json::from_str(body).map_err(|error| refused(error.to_string()))?;
        if event.detail_type != "Object Created" {
            return Err(refused(format!("the detail type is {:?}", event.detail_type)));
        }
        Ok(Self::of_event(event))
    }

    fn of_event(event: Event) -> Self {
        let Detail { bucket, object } = event.detail;
        // A bucket that never had versions says "null" or nothing.
        let version_id = object.version_id.filter(|id| !id.is_empty() && id != "null");
        let object_version = match &version_id {
            Some(id) => id.clone(),
            None => format!("{}.{}", object.etag.as_deref().unwrap_or("no-etag"), object.sequencer),
        };
        let id = RunId { bucket: bucket.name, key: object.key.clone(), object_version };
        let when: String = event.time.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
        let run = format!("{}-{}", if when.is_empty() { "undated" } else { &when }, digest(&id));
        let Object { etag, sequencer, size, .. } = object;
        Self { version_id, etag, sequencer, size, object_time_ms: None, run, id }
    }

    fn of_pass(pass: StrictPass) -> Option<Self> {
        let mut parts = pass.version.split('-');
        let object_time_ms = parts.next()?.parse().ok()?;
        let sequencer = parts.next()?.to_owned();
        // A version id has no dot; an ETag with a sequencer has one.
        let (version_id, etag) = match pass.object_version.split_once('.') {
            Some((etag, _)) => (None, Some(etag.to_owned()).filter(|etag| etag != "no-etag")),
            None => (Some(pass.object_version.clone()), None),
        };
        let id = RunId { bucket: pass.bucket, key: pass.key, object_version: pass.object_version }.strict();
        let run = format!("strict-{}", digest(&id));
        Some(Self { version_id, etag, sequencer, size: None, object_time_ms: Some(object_time_ms), run, id })
    }

    /// The version of record `position` in the object.
    #[must_use]
    pub fn version(&self, object_time_ms: u64, position: u64) -> Version {
        Version::new(object_time_ms, &self.sequencer, position)
    }

    /// Whether the object is what a console makes to show an empty folder: no bytes under a key
    /// that ends in a slash. It is no feed.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.size == Some(0) && self.id.key.ends_with('/')
    }

    /// Where the object is, for people.
    #[must_use]
    pub fn location(&self) -> String {
        format!("s3://{}/{}", self.id.bucket, self.id.key)
    }
}

fn digest(id: &RunId) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in [&id.bucket, &id.key, &id.object_version] {
        hasher.update(part.as_bytes()).update(&[0]);
    }
    hasher.finalize().to_hex()[..10].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"version":"0","detail-type":"Object Created","source":"aws.s3","time":"2026-02-14T08:31:08Z",
        "detail":{"bucket":{"name":"feeds"},"object":{"key":"incoming/shein-api/قميص +1%20.json","size":3,"etag":"e1",
        "version-id":"v1","sequencer":"0055AED6DCD90281E5"},"reason":"PutObject"}}"#;

    #[test]
    fn a_notification_names_the_object_version_and_the_key_is_taken_as_it_is() {
        let work = FeedObject::parse(EVENT).unwrap();
        assert_eq!(work.id.key, "incoming/shein-api/قميص +1%20.json");
        assert_eq!((work.id.object_version.as_str(), work.version_id.as_deref()), ("v1", Some("v1")));
        assert!(work.run.starts_with("20260214T083108Z-"), "{}", work.run);
        assert_eq!(FeedObject::parse(EVENT).unwrap(), work, "the same message is the same run");
        let unversioned = FeedObject::parse(&EVENT.replace(r#""version-id":"v1","#, "")).unwrap();
        assert_eq!(unversioned.id.object_version, "e1.0055AED6DCD90281E5");
        assert_ne!(unversioned.run, work.run);
    }

    #[test]
    fn each_kind_of_message_is_told_apart_and_names_its_run() {
        let read = Message::parse(EVENT).unwrap();
        assert!(matches!(&read, Message::Read(work) if work.run == read.run()));
        let request = withdrawal::WithdrawRequest {
            bucket: "feeds".into(),
            source: "demo".into(),
            run: "run-7".into(),
            force: false,
            after: None,
        };
        let withdraw = Message::parse(&request.message()).unwrap();
        assert_eq!((withdraw.run(), &withdraw), ("run-7", &Message::Withdraw(request)));
        assert!(Message::parse(r#"{"withdraw":{"source":"demo"}}"#).is_err(), "one that lacks a field is neither");
    }

    #[test]
    fn a_file_that_configures_is_no_feed_whether_it_was_written_or_removed() {
        let event = EVENT.replace("incoming/shein-api/قميص +1%20.json", "config/sources/acme.yaml");
        for body in [event.clone(), event.replace("Object Created", "Object Deleted")] {
            let message = Message::parse(&body).unwrap();
            let key = "config/sources/acme.yaml".to_owned();
            assert_eq!(message, Message::Configure(Changed { bucket: "feeds".into(), key }));
        }
        assert!(Message::parse(&EVENT.replace("Object Created", "Object Deleted")).is_err());
    }

    #[test]
    fn a_strict_pass_reads_the_same_object_with_the_same_versions() {
        for event in [EVENT.to_owned(), EVENT.replace(r#""version-id":"v1","#, "")] {
            let work = FeedObject::parse(&event).unwrap();
            let run = Registered { version: work.version(1_770_000_000_000, 0), id: work.id.clone() };
            let pass = FeedObject::parse(&strict_pass(&run)).unwrap();
            assert!(pass.id.is_strict());
            assert_eq!(pass.id.original(), work.id);
            assert_eq!(pass.version_id, work.version_id);
            let time = pass.object_time_ms.unwrap();
            assert_eq!(pass.version(time, 7), work.version(1_770_000_000_000, 7));
        }
    }

    #[test]
    fn anything_else_is_refused_with_its_beginning() {
        for body in ["", "hello", "{}", r#"{"Records":[]}"#, &EVENT.replace("Object Created", "Object Deleted")] {
            assert!(FeedObject::parse(body).is_err(), "{body}");
        }
    }
}
