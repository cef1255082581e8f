//! Why something did not work, and what follows from it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Decides what happens to the message whose work failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorKind {
    /// Network, 429, 5xx, a lease somebody else holds: the same call may work later. Retried with
    /// backoff and jitter.
    Transient,
    /// The target refuses this data: a retry cannot help. Goes to the dead-letter queue with its
    /// reason.
    Permanent,
    /// It exists already, or has changed meanwhile: look it up and update. Never leaves the
    /// function that met it.
    Conflict,
    /// The message cannot be understood. Goes to the dead-letter queue as it is.
    Poison,
}

impl ErrorKind {
    /// The word that logs, metrics and the ledger use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Permanent => "permanent",
            Self::Conflict => "conflict",
            Self::Poison => "poison",
        }
    }
}

impl ErrorKind {
    /// Whether no retry can help: permanent or poison. The message goes to the dead-letter queue.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Permanent | Self::Poison)
    }
}

/// What happened to the request that failed. The protocol goes by this, never by a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Fate {
    /// No target was asked: the failure is our own word, or the request was not begun.
    #[default]
    NotAsked,
    /// There was no connection: nothing was sent.
    NoConnection,
    /// No answer came, or one that somebody gives in the target's place. Nothing of the request is
    /// under way: it only read, or we were told when to come back.
    Unanswered,
    /// As [`Fate::Unanswered`], but the target may still be carrying it out.
    MayStillLand,
    /// Something answered that may not be the target.
    Garbled,
    /// The target's own word.
    Answered,
}

/// The target broke on the request and said so (HTTP 500 and the like).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Choke {
    /// How often in a row it did so on this product alone while it worked for others; 0 where the
    /// request was about others too.
    #[serde(default)]
    pub alone: u32,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failure as it is logged, recorded in the ledger and shown to a person.
///
/// `code` is a stable word in `snake_case` (`pimcore_field_too_long`), fit for metrics and filters.
/// `message` says what happened, to which product, with what value. Neither ever holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(from = "wire::Failure")]
#[error("{message} [{kind}: {code}]")]
pub struct Failure {
    pub kind: ErrorKind,
    /// Stable word for metrics and filters.
    pub code: String,
    pub message: String,
    /// How long the target asked us to wait, in whole milliseconds on the wire.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "millis")]
    pub retry_after: Option<Duration>,
    /// After which time it is worth another try at the latest, where that is known: somebody's
    /// lease ends.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "millis")]
    pub retry_within: Option<Duration>,
    /// What happened to the request. Where it is absent on the wire it follows from the code, as it
    /// once did.
    pub request: Fate,
    /// Whether the target broke on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choke: Option<Choke>,
}

impl Failure {
    /// A failure of the given kind.
    pub fn new(kind: ErrorKind, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            kind,
            code: code.into(),
            message: message.into(),
            retry_after: None,
            retry_within: None,
            request: Fate::NotAsked,
            choke: None,
        }
    }

    /// Worth trying again.
    pub fn transient(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Transient, code, message)
    }

    /// Refused for good.
    pub fn permanent(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Permanent, code, message)
    }

    pub fn poison(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Poison, code, message)
    }

    /// The same failure, saying what happened to the request.
    #[must_use]
    pub fn request(mut self, request: Fate) -> Self {
        self.request = request;
        self
    }

    /// The same failure: the target broke on the request, which was about this product alone, or
    /// about others too.
    #[must_use]
    pub fn choked(mut self, alone: bool) -> Self {
        self.choke = Some(Choke { alone: alone.into() });
        self
    }

    /// The same failure with the wait the target asked for.
    #[must_use]
    pub fn retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    /// The same failure with the time after which nothing stands in the way any more.
    #[must_use]
    pub fn retry_within(mut self, time: Duration) -> Self {
        self.retry_within = Some(time);
        self
    }
}

mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Option<Duration>, s: S) -> Result<S::Ok, S::Error> {
        value.map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)).serialize(s)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(d)?.map(Duration::from_millis))
    }
}

mod wire {
    use std::time::Duration;

    use serde::Deserialize;

    use super::{Choke, ErrorKind, Fate, millis};

    /// A failure as it may have been written by an earlier version.
    #[derive(Deserialize)]
    pub(super) struct Failure {
        kind: ErrorKind,
        code: String,
        message: String,
        #[serde(default, with = "millis")]
        retry_after: Option<Duration>,
        #[serde(default, with = "millis")]
        retry_within: Option<Duration>,
        request: Option<Fate>,
        choke: Option<Choke>,
    }

    impl From<Failure> for super::Failure {
        fn from(read: Failure) -> Self {
            let Failure { kind, code, message, retry_after, retry_within, request, choke } = read;
            let request = request.unwrap_or_else(|| derived(&code, retry_after));
            Self { kind, code, message, retry_after, retry_within, request, choke }
        }
    }

    /// What an earlier version took from the code.
    fn derived(code: &str, retry_after: Option<Duration>) -> Fate {
        let Some(what) = code.strip_prefix("pimcore_").or_else(|| code.strip_prefix("medusa_")) else {
            return Fate::NotAsked;
        };
        match (what, retry_after) {
            ("unreachable" | "timeout" | "unavailable", None) => Fate::MayStillLand,
            ("unreachable" | "timeout" | "unavailable" | "throttled", _) => Fate::Unanswered,
            ("configuration" | "out_of_time" | "no_outcome", _) => Fate::NotAsked,
            ("unexpected_answer", _) => Fate::Garbled,
            _ => Fate::Answered,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_version_wrote_means_what_it_meant() {
        let table = [
            ("medusa_timeout", None, Fate::MayStillLand),
            ("medusa_timeout", Some(0), Fate::Unanswered),
            ("pimcore_unavailable", Some(7_000), Fate::Unanswered),
            ("pimcore_throttled", None, Fate::Unanswered),
            ("medusa_unexpected_answer", None, Fate::Garbled),
            ("medusa_out_of_time", None, Fate::NotAsked),
            ("medusa_refused", None, Fate::Answered),
            ("ledger_unavailable", None, Fate::NotAsked),
            ("queue_unavailable", None, Fate::NotAsked),
        ];
        for (code, retry_after, request) in table {
            let mut written = serde_json::json!({"kind": "transient", "code": code, "message": "m"});
            written["retry_after"] = retry_after.into();
            let read: Failure = serde_json::from_value(written).unwrap();
            assert_eq!(read.request, request, "{code}");
        }
    }

    #[test]
    fn what_is_written_says_it_in_fields_and_the_code_does_not_matter() {
        let failure = Failure::transient("some_timeout", "m").request(Fate::Answered).choked(true);
        let text = serde_json::to_string(&failure).unwrap();
        assert!(text.contains(r#""request":"answered""#) && text.contains(r#""choke":{"alone":1}"#), "{text}");
        assert_eq!(serde_json::from_str::<Failure>(&text).unwrap(), failure);
    }
}
