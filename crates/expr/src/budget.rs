//! How much work an expression may do.

use std::cell::Cell;

/// Steps that an evaluation may take. A step is an operation of the language, or 64 bytes of text
/// that a function goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget(pub u64);

impl Default for Budget {
    /// Enough for any field of a product; spent within a few milliseconds.
    fn default() -> Self {
        Self(20_000)
    }
}

thread_local! {
    /// What is left to the evaluation of this thread. The engine is shared, and has no other place
    /// for it.
    static LEFT: Cell<u64> = const { Cell::new(0) };
}

/// What is left of the evaluation that is under way.
pub(crate) fn left() -> u64 {
    LEFT.get()
}

/// Begins an evaluation; gives what was left to the one around it.
pub(crate) fn begin(budget: Budget) -> u64 {
    LEFT.replace(budget.0)
}

pub(crate) fn end(before: u64) {
    LEFT.set(before);
}

/// Takes steps; `false` when there are not as many left.
pub(crate) fn spend(steps: u64) -> bool {
    let left = LEFT.get();
    LEFT.set(left.saturating_sub(steps));
    left > steps
}

/// Takes the steps for going through a text.
pub(crate) fn spend_bytes(bytes: usize) -> bool {
    spend(1 + bytes as u64 / 64)
}
