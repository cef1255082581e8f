//! What is asked of dlq-redrive.

use std::fmt;
use std::str::FromStr;

use catalog::{ErrorKind, ProductKey};
use ledger::Stage;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::letter::{DeadLetter, Reason, Subject};

/// The queues that have a dead-letter queue of dead letters about feeds or products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QueueName {
    /// Feeds on their way to normalize.
    Ingest,
    /// Products on their way to Pimcore.
    Pimcore,
    /// Products on their way to Medusa.
    Medusa,
}

impl QueueName {
    /// In the order of the pipeline.
    pub const ALL: [Self; 3] = [Self::Ingest, Self::Pimcore, Self::Medusa];

    /// The word for keys, logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Pimcore => "pimcore",
            Self::Medusa => "medusa",
        }
    }

    /// The stage that the queue feeds; the ingest queue feeds none.
    #[must_use]
    pub const fn stage(self) -> Option<Stage> {
        match self {
            Self::Ingest => None,
            Self::Pimcore => Some(Stage::Pimcore),
            Self::Medusa => Some(Stage::Medusa),
        }
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for QueueName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|queue| queue.as_str() == text)
            .ok_or_else(|| format!("a queue is ingest, pimcore or medusa, got: {text:?}"))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RedriveAction {
    /// Show dead letters and what the policy would do with them; nothing changes.
    Inspect,
    /// Do with dead letters what the policy says.
    Redrive,
    /// Park the dead letters that the filter selects, whatever the policy says.
    Park,
    /// Show parked letters; nothing changes.
    Parked,
    /// Send back what was refused: parked letters, those that are about to be parked, and products
    /// whose letter is in neither place.
    Unpark,
    /// Take away parked letters that nobody will send back, noting who did. The filter has to name
    /// them.
    Remove,
    /// Announce overdue products and runs again.
    Sweep,
    /// What the schedule does: redrive everything, then sweep.
    Maintain,
}

/// Which letters. All given conditions have to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Filter {
    /// A product, as `source:id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The kind of the recorded reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ErrorKind>,
    /// The code of the recorded reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Sent at least this long ago.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older_than_seconds: Option<u64>,
}

impl Filter {
    /// Whether a letter with this reason, looked at `now` (ms), is selected.
    #[must_use]
    pub fn selects(&self, letter: &DeadLetter, subject: &Subject, reason: Option<&Reason>, now: i64) -> bool {
        let product = self
            .product
            .as_ref()
            .is_none_or(|wanted| matches!(subject, Subject::Product(key) if key.to_string() == *wanted));
        let message = self.message.as_ref().is_none_or(|wanted| letter.id == *wanted || letter.origin_id() == wanted);
        let kind = self.kind.is_none_or(|wanted| reason.is_some_and(|reason| reason.kind == wanted));
        let code = self.code.as_ref().is_none_or(|wanted| reason.is_some_and(|reason| reason.code == *wanted));
        let old = self.older_than_seconds.is_none_or(|seconds| {
            now.saturating_sub(letter.sent_ms) >= i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000)
        });
        product && message && kind && code && old
    }

    /// Whether a product that stands refused for this reason, recorded at `at` (ms), is selected. A
    /// message id selects letters only.
    #[must_use]
    pub fn selects_product(&self, key: &ProductKey, reason: &Reason, at: i64, now: i64) -> bool {
        let old = self.older_than_seconds.is_none_or(|seconds| {
            now.saturating_sub(at) >= i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000)
        });
        self.message.is_none()
            && self.product.as_ref().is_none_or(|wanted| key.to_string() == *wanted)
            && self.kind.is_none_or(|wanted| reason.kind == wanted)
            && self.code.as_ref().is_none_or(|wanted| reason.code == *wanted)
            && old
    }

    /// Whether it names what it means: a product, a letter or a code.
    #[must_use]
    pub const fn names_something(&self) -> bool {
        self.product.is_some() || self.message.is_some() || self.code.is_some()
    }
}

/// A request to dlq-redrive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RedriveRequest {
    pub action: RedriveAction,
    /// On which queue; all of them when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueName>,
    /// With which letters; all of them when not given.
    #[serde(default)]
    pub filter: Filter,
    /// With how many at most, per queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<usize>,
    /// Say what would be done, and do nothing.
    #[serde(default)]
    pub dry_run: bool,
    /// For `redrive`: send back what the filter selects even where the policy would park, drop or
    /// leave it.
    #[serde(default)]
    pub force: bool,
    /// For `remove`: who asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

impl RedriveRequest {
    /// A request without restrictions.
    #[must_use]
    pub fn new(action: RedriveAction) -> Self {
        Self { action, queue: None, filter: Filter::default(), max: None, dry_run: false, force: false, by: None }
    }

    /// The queues it is about.
    #[must_use]
    pub fn queues(&self) -> Vec<QueueName> {
        self.queue.map_or_else(|| QueueName::ALL.to_vec(), |queue| vec![queue])
    }

    /// Reads an event: a request, or the scheduled event that EventBridge sends when a schedule has
    /// no input of its own.
    ///
    /// # Errors
    /// What is wrong with it, and what a request looks like.
    pub fn parse(event: &Value) -> Result<Self, String> {
        const SHAPE: &str = r#"a request looks like {"action":"inspect|redrive|park|parked|unpark|sweep|maintain","queue":"ingest|pimcore|medusa","filter":{"product":"source:id","message":"…","kind":"…","code":"…","olderThanSeconds":60},"max":100,"dryRun":true}"#;
        if event.get("detail-type").and_then(Value::as_str) == Some("Scheduled Event") {
            return Ok(Self::new(RedriveAction::Maintain));
        }
        let request: Self = serde_json::from_value(event.clone()).map_err(|error| format!("{error}; {SHAPE}"))?;
        if request.force && request.action != RedriveAction::Redrive {
            return Err(format!("force goes with the action redrive only; {SHAPE}"));
        }
        if let Some(product) = &request.filter.product {
            product.parse::<ProductKey>().map_err(|error| format!("filter.product: {error}"))?;
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schedule_needs_no_more_than_its_action() {
        assert_eq!(
            RedriveRequest::parse(&json!({"action":"sweep"})).unwrap(),
            RedriveRequest::new(RedriveAction::Sweep)
        );
        let bare = json!({"source":"aws.scheduler","detail-type":"Scheduled Event","detail":{}});
        assert_eq!(RedriveRequest::parse(&bare).unwrap().action, RedriveAction::Maintain);
    }

    #[test]
    fn every_field_is_understood() {
        let request = RedriveRequest::parse(&json!({
            "action": "park", "queue": "medusa", "max": 5, "dryRun": true,
            "filter": {"product": "demo:1", "kind": "permanent", "code": "medusa_handle_taken", "olderThanSeconds": 60, "message": "m"},
        }))
        .unwrap();
        assert_eq!(request.queues(), [QueueName::Medusa]);
        assert_eq!(request.filter.kind, Some(ErrorKind::Permanent));
        assert!(request.dry_run);
    }

    #[test]
    fn a_wrong_request_is_answered_with_the_right_shape() {
        for wrong in [
            json!({"action":"explode"}),
            json!({"action":"park","filter":{"colour":"red"}}),
            json!({"action":"park","dryrun":true}),
            json!({"action":"redrive","max":-1}),
            json!("redrive"),
        ] {
            let error = RedriveRequest::parse(&wrong).unwrap_err();
            assert!(error.contains("a request looks like"), "{error}");
        }
        let error = RedriveRequest::parse(&json!({"action":"park","filter":{"product":"nocolon"}})).unwrap_err();
        assert!(error.contains("source:id"), "{error}");
        assert!(RedriveRequest::parse(&json!({"action":"park","force":true})).is_err());
    }
}
