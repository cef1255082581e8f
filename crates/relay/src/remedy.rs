//! What every error code means and what a person does about it.
//!
//! One table, used by `relay`. A test demands an entry for every code on a crate's list.

mod feed;
mod medusa;
mod pimcore;
mod pipeline;
mod rules;

use serde::Serialize;

/// What happens once the cause is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum After {
    /// The messages wait and go on by themselves, at the latest with the next sweep.
    GoesOn,
    /// Nothing brings them back by itself: they are sent back by hand, wherever their letters are.
    Unpark,
    /// The supplier sends the record again, corrected.
    NewFeed,
    /// There is nothing to do.
    Nothing,
}

impl After {
    /// The last sentence of a remedy.
    #[must_use]
    pub fn sentence(self, code: &str) -> String {
        match self {
            Self::GoesOn => "What waits goes on by itself.".to_owned(),
            Self::Unpark => format!("Then: `relay dlq unpark --code {code}`"),
            Self::NewFeed => "Then upload the corrected feed; what did not change costs nothing.".to_owned(),
            Self::Nothing => String::new(),
        }
    }
}

/// An entry of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Remedy {
    pub code: &'static str,
    pub meaning: &'static str,
    pub action: &'static str,
    /// Whether it may pass by itself: a person acts only if it stays.
    #[serde(skip)]
    pub passes: bool,
    /// And then.
    pub after: After,
}

impl Remedy {
    /// Action and what comes after it.
    #[must_use]
    pub fn text(&self) -> String {
        let after = self.after.sentence(self.code);
        if after.is_empty() { self.action.to_owned() } else { format!("{} {after}", self.action) }
    }
}

const fn remedy(code: &'static str, meaning: &'static str, action: &'static str, after: After) -> Remedy {
    Remedy { code, meaning, action, passes: false, after }
}

/// Of what may pass by itself: `action` says what to do if it stays.
const fn passing(code: &'static str, meaning: &'static str, action: &'static str) -> Remedy {
    Remedy { code, meaning, action, passes: true, after: After::GoesOn }
}

/// The table in parts: a title and its entries, sorted by code.
pub const PARTS: [(&str, &[Remedy]); 5] = [
    ("Feeds and records", feed::REMEDIES),
    ("Rules", rules::REMEDIES),
    ("Pipeline", pipeline::REMEDIES),
    ("Pimcore", pimcore::REMEDIES),
    ("Medusa", medusa::REMEDIES),
];

pub fn all() -> impl Iterator<Item = &'static Remedy> {
    PARTS.iter().flat_map(|(_, remedies)| remedies.iter())
}

/// The entry of a code.
#[must_use]
pub fn of(code: &str) -> Option<&'static Remedy> {
    all().find(|remedy| remedy.code == code)
}

/// The first code that a text mentions as a word of its own: runs that failed say why in a
/// sentence.
#[must_use]
pub fn mentioned(text: &str) -> Option<&'static Remedy> {
    text.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')).find_map(of)
}

/// What to tell a person about a code.
#[must_use]
pub fn advice(code: &str) -> String {
    of(code).map_or_else(
        || format!("no remedy is on record for {code}: its message and the log lines of its correlation id say more"),
        Remedy::text,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_sorted_and_nothing_is_empty() {
        for (title, remedies) in PARTS {
            let codes: Vec<_> = remedies.iter().map(|remedy| remedy.code).collect();
            let mut sorted = codes.clone();
            sorted.sort_unstable();
            assert_eq!(codes, sorted, "{title}");
        }
        let mut codes: Vec<_> = all().map(|remedy| remedy.code).collect();
        codes.sort_unstable();
        let before = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), before, "a code is in the table twice");
        for remedy in all() {
            assert_eq!(remedy.action.starts_with("If it stays"), remedy.passes, "{}", remedy.code);
            for text in [remedy.meaning, remedy.action] {
                assert!(text.ends_with('.') && text.len() > 10, "{}: {text}", remedy.code);
            }
        }
    }

    #[test]
    fn a_sentence_names_its_code() {
        let said = "the feed ends in the middle of a record [truncated, byte 77, record 3]";
        assert_eq!(mentioned(said).map(|remedy| remedy.code), Some("truncated"));
        assert!(mentioned("nothing of the kind").is_none());
    }
}
