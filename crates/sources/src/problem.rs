//! What is wrong with a mapping, where, and what was perhaps meant.

use std::fmt::Write as _;

use serde::Serialize;

/// A place in a mapping file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct At {
    /// From 1.
    pub line: usize,
    /// Characters from 1.
    pub column: usize,
}

/// Something wrong with a mapping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{file}:{}:{}: {message}{}", .at.line, .at.column, .hint.as_ref().map(|hint| format!("; did you mean {hint:?}?")).unwrap_or_default())]
pub struct Problem {
    /// The mapping file.
    pub file: String,
    /// Where in it.
    #[serde(flatten)]
    pub at: At,
    /// For people.
    pub message: String,
    /// What was perhaps meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Problem {
    /// The problem with the line it stands in and a caret below its place. `text` is the mapping.
    #[must_use]
    pub fn shown(&self, text: &str) -> String {
        let mut shown = self.to_string();
        if let Some(line) = text.lines().nth(self.at.line.saturating_sub(1)) {
            let number = self.at.line.to_string();
            let tabs = |c: char| if c == '\t' { '\t' } else { ' ' };
            let before: String = line.chars().take(self.at.column.saturating_sub(1)).map(tabs).collect();
            let _ = write!(shown, "\n {number} | {line}\n {} | {before}^", " ".repeat(number.len()));
        }
        shown
    }
}
