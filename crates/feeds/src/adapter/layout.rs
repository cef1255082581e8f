//! What feeds of a source look like, for whoever sends something else.

use std::borrow::Cow;

use super::{ADAPTERS, Adapter};

/// A source and the names by which its records are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    pub source: String,
    pub names: Vec<String>,
}

impl Layout {
    pub(super) fn of(adapter: &dyn Adapter) -> Self {
        let marks = adapter.marks().iter().chain(adapter.required_columns());
        let mut names: Vec<String> = marks.map(|name| (*name).to_owned()).collect();
        names.sort_unstable();
        names.dedup();
        Self { source: adapter.source().to_owned(), names }
    }

    /// How many of its names are among these.
    pub(super) fn there(&self, keys: &[Cow<'_, str>]) -> usize {
        self.names.iter().filter(|name| keys.iter().any(|key| key == *name)).count()
    }
}

/// The three sources whose records look most like one with these keys, the nearest first: those
/// built in, and `more`.
#[must_use]
pub fn nearest(keys: &[Cow<'_, str>], more: &[Layout]) -> String {
    let built_in = ADAPTERS.iter().map(|adapter| Layout::of(*adapter));
    let mut all: Vec<(usize, usize, String)> = built_in
        .chain(more.iter().cloned())
        .map(|layout| (layout.there(keys), layout.names.len(), layout.source))
        .collect();
    // Of as many names the larger part.
    all.sort_by_key(|(there, of, _)| (std::cmp::Reverse(*there), if *there > 0 { *of } else { 0 }));
    let shown = all.iter().take(3).map(|(there, of, source)| format!("{source} ({there} of its {of} names)"));
    shown.collect::<Vec<_>>().join(", ")
}
