//! Remarks on one product while it is looked at: one for each kind, however many places there are.

use std::collections::BTreeMap;

use catalog::{Warning, WarningCode};

/// The first place of each kind in full, the others as a number: a product of a thousand variants
/// has thousands of places.
#[derive(Debug, Default)]
pub(crate) struct Remarks(BTreeMap<WarningCode, (String, usize)>);

impl Remarks {
    pub(crate) fn add(&mut self, code: WarningCode, message: impl FnOnce() -> String) {
        self.0.entry(code).and_modify(|(_, further)| *further += 1).or_insert_with(|| (message(), 0));
    }

    /// What is attached to the product.
    pub(crate) fn warnings(self) -> impl Iterator<Item = Warning> {
        self.0.into_iter().map(|(code, (message, further))| {
            let message = if further == 0 { message } else { format!("{message}; and {further} more") };
            Warning { code, message }
        })
    }
}
