//! Failures that follow from what Medusa has just said.

use catalog::{Failure, Fate};

/// Worth trying again.
pub(crate) fn transient(code: &str, message: impl Into<String>) -> Failure {
    Failure::transient(code, message).request(Fate::Answered)
}

/// Refused for good.
pub(crate) fn permanent(code: &str, message: impl Into<String>) -> Failure {
    Failure::permanent(code, message).request(Fate::Answered)
}
