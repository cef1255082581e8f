//! The object that keeps a parked letter.
//!
//! Its key is made of what stays the same on every copy of a letter (queue, day and id of the first
//! copy), so that parking twice, after a crash or by two workers at once, writes the same object.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::letter::{DeadLetter, Reason};
use crate::request::QueueName;
use crate::view::Subject;

/// Folder of all parked letters.
pub const PREFIX: &str = "parked/";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parked {
    /// The queue it belongs to.
    pub queue: QueueName,
    pub reason: Reason,
    /// When, in ms.
    pub parked_at: i64,
    /// When the first copy was sent, in ms.
    pub first_sent_at: i64,
    /// How often it was redriven before.
    pub redrives: u32,
    /// What it is about, with what the ledger knew of it.
    pub subject: Subject,
    /// The message with its attributes. `body` is the message's text to the character, whatever it
    /// is.
    pub letter: DeadLetter,
}

impl Parked {
    /// The key of its object: `parked/<queue>/<date>/<message id>.json`.
    #[must_use]
    pub fn object_key(&self) -> String {
        key(self.queue, &self.letter)
    }
}

/// A parked letter that a person took away.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Removed {
    /// Who, as they gave their name.
    pub removed_by: String,
    /// When, in ms.
    pub removed_at: i64,
    pub parked: Parked,
}

impl Removed {
    /// The key of the note: `parked/removed/<queue>/<date>/<message id>.json`. No queue has that
    /// name.
    #[must_use]
    pub fn object_key(&self) -> String {
        let key = self.parked.object_key();
        format!("{PREFIX}removed/{}", key.strip_prefix(PREFIX).unwrap_or(&key))
    }
}

/// The key of a letter's object.
#[must_use]
pub fn key(queue: QueueName, letter: &DeadLetter) -> String {
    let at = Timestamp::from_millisecond(letter.first_ms()).unwrap_or(Timestamp::UNIX_EPOCH);
    let date = at.to_zoned(TimeZone::UTC).date();
    // An id comes from an attribute that anybody may write.
    let id: String = letter
        .origin_id()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' })
        .take(128)
        .collect();
    format!("{PREFIX}{queue}/{date}/{id}.json")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::letter::{Attribute, ORIGIN};

    fn letter() -> DeadLetter {
        let sent_ms = 1_795_391_999_000; // 2026-11-22T23:59:59Z
        DeadLetter { id: "0b5a-1".into(), body: "x".into(), attributes: BTreeMap::new(), sent_ms, trace: None }
    }

    #[test]
    fn every_copy_has_the_same_key() {
        let first = letter();
        let copy = DeadLetter {
            id: "ffff-2".into(),
            sent_ms: first.sent_ms + 86_400_000,
            attributes: first.redriven(3),
            ..first.clone()
        };
        assert_eq!(key(QueueName::Medusa, &first), "parked/medusa/2026-11-22/0b5a-1.json");
        assert_eq!(key(QueueName::Medusa, &copy), key(QueueName::Medusa, &first));
    }

    #[test]
    fn an_id_from_outside_cannot_leave_the_folder() {
        let mut letter = letter();
        letter.attributes.insert(ORIGIN.into(), Attribute::text("../../incoming/x"));
        assert_eq!(key(QueueName::Ingest, &letter), "parked/ingest/2026-11-22/______incoming_x.json");
    }
}
