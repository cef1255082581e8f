//! Why something did not work, and what follows from it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Decides what happens to the message whose work failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorKind {
    /// Network, 429, 5xx, a lease somebody else holds: the same call may work later. Retried with backoff and jitter.
    Transient,
    /// The target refuses this data: a retry cannot help. Goes to the dead-letter queue with its reason.
    Permanent,
    /// It exists already, or has changed meanwhile: look it up and update. Never leaves the function that met it.
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

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failure as it is logged, recorded in the ledger and shown to a person.
///
/// `code` is a stable word in `snake_case` (`pimcore_field_too_long`), fit for metrics and filters. `message` says what happened,
/// to which product, with what value. Neither ever holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message} [{kind}: {code}]")]
pub struct Failure {
    /// What follows from it.
    pub kind: ErrorKind,
    /// Stable word for metrics and filters.
    pub code: String,
    /// For people.
    pub message: String,
    /// How long the target asked us to wait, in whole milliseconds on the wire.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "millis")]
    pub retry_after: Option<Duration>,
    /// After which time it is worth another try at the latest, where that is known: somebody's lease ends.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "millis")]
    pub retry_within: Option<Duration>,
}

impl Failure {
    /// A failure of the given kind.
    pub fn new(kind: ErrorKind, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, code: code.into(), message: message.into(), retry_after: None, retry_within: None }
    }

    /// Worth trying again.
    pub fn transient(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Transient, code, message)
    }

    /// Refused for good.
    pub fn permanent(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Permanent, code, message)
    }

    /// Not understood.
    pub fn poison(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Poison, code, message)
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
