//! What a command answers: a value for scripts, a text for people, and whether something needs
//! attention.

use serde::Serialize;
use serde_json::Value;

use crate::shown;

#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub json: Value,
    pub text: String,
    /// Something needs attention: exit code 1.
    pub attention: bool,
}

impl Answer {
    /// An answer with both forms. Whatever in them comes from outside is shown, and does nothing
    /// ([`shown`]).
    #[must_use]
    pub fn new(json: &impl Serialize, text: impl AsRef<str>, attention: bool) -> Self {
        let json = serde_json::to_value(json).unwrap_or_default();
        let text = shown::text(text.as_ref(), &json);
        Self { json, text, attention }
    }

    /// The form for scripts as it is written.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn written(&self) -> Result<String, serde_json::Error> {
        Ok(shown::json(&serde_json::to_string_pretty(&self.json)?))
    }
}
