//! What may be wrong with an expression, and where.

/// A text that is no expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (line {line}, column {column})")]
pub struct SyntaxError {
    pub message: String,
    /// From 1, within the expression.
    pub line: usize,
    /// Characters from 1, within the line.
    pub column: usize,
    /// What was perhaps meant.
    pub hint: Option<String>,
}

/// The kinds of failure when an expression is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// More steps than the budget.
    OutOfBudget,
    /// A text, list or object over its limit.
    TooLarge,
    /// Something is of another kind than is needed: a text that is no number, a list where a text
    /// belongs.
    Type,
    /// A number too large, a division by zero, an index beyond the end.
    Value,
}

/// An expression that gave no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (line {line}, column {column})")]
pub struct EvalError {
    /// What kind of failure.
    pub failed: Failed,
    pub message: String,
    /// From 1, within the expression; 0 where it is not known.
    pub line: usize,
    /// Characters from 1, within the line; 0 where it is not known.
    pub column: usize,
}
