//! Failures that are Pimcore's own word, or follow from what it has just said.

use catalog::{Failure, Fate};

/// Worth trying again.
pub(crate) fn transient(code: &str, message: impl Into<String>) -> Failure {
    Failure::transient(code, message).request(Fate::Answered)
}

/// Refused for good.
pub(crate) fn permanent(code: &str, message: impl Into<String>) -> Failure {
    Failure::permanent(code, message).request(Fate::Answered)
}

/// Pimcore broke on the request, which was about one product alone, or about several.
pub(crate) fn choked(message: impl Into<String>, alone: bool) -> Failure {
    transient(crate::codes::INTERNAL_ERROR, message).choked(alone)
}
