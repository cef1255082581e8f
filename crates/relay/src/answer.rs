//! What a command answers: a value for scripts, a text for people, and whether something needs attention.

use serde::Serialize;
use serde_json::Value;

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// For scripts.
    pub json: Value,
    /// For people.
    pub text: String,
    /// Something needs attention: exit code 1.
    pub attention: bool,
}

impl Answer {
    /// An answer with both forms.
    #[must_use]
    pub fn new(json: &impl Serialize, text: String, attention: bool) -> Self {
        Self { json: serde_json::to_value(json).unwrap_or_default(), text, attention }
    }
}
