//! The order of a source's feeds, so that a feed that repeats itself costs nothing (D7).
//!
//! Noting for every repeated product that a newer feed said the same ([`super::desired::note_doc`])
//! costs two writes each. It matters only if an older feed is still to come, and that is rare. So
//! it is left out, and made up for when it turns out to matter:
//!
//! 1. A **fast** run registers under its source and version before it reads its first state, and
//!    notes nothing.
//! 2. A run that wrote something lists, at its end and before it is finished, the registered runs
//!    of its source that are newer than itself. A run that registered later than that reads every
//!    state after this run's last write; one that registered before may have taken an older state
//!    for unchanged: it is asked for a **strict** pass. A run that was interrupted does not know
//!    whether it wrote something, and lists them too.
//! 3. A strict pass ([`RunId::strict`]) reads the same object again and notes or writes every
//!    product. Then no older feed can get in any more, and the run is struck off the register: one
//!    strict pass is enough for ever.
//!
//! Feeds of very few products are strict from the start and never register: most of what they bring
//! is new, and a second reading would cost more than the notes.

use catalog::Version;

use super::expression::{Change, Condition, Item, ItemKey, Value, Write};
use super::run::{KEEP_DAYS, RunId};

const BUCKET: &str = "bucket";
const KEY: &str = "object";
const OBJECT_VERSION: &str = "object_version";
const STRICT_AT: &str = "strict_at";
const EXPIRES_AT: &str = "expires_at";

/// A fast run in its source's register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Version of the object: that of its first record.
    pub version: Version,
    pub id: RunId,
}

impl Registered {
    /// Reads an item of the register; `None` for a run that has been struck off.
    #[must_use]
    pub fn of(sk: &str, item: &Item) -> Option<Self> {
        let text = |name: &str| item.get(name).and_then(Value::text).map(str::to_owned);
        if item.contains_key(STRICT_AT) {
            return None;
        }
        let id = RunId { bucket: text(BUCKET)?, key: text(KEY)?, object_version: text(OBJECT_VERSION)? };
        Some(Self { version: Version::from_text(sk), id })
    }
}

/// The partition of a source's register. The sort key is the object's version.
#[must_use]
pub fn partition(source: &str) -> String {
    format!("S#{source}")
}

fn item_key(source: &str, version: &Version) -> ItemKey {
    ItemKey { pk: partition(source), sk: version.as_str().to_owned() }
}

/// Enters a fast run. Again for the same object: the same.
#[must_use]
pub fn enter(source: &str, run: &Registered, now: i64) -> Write {
    Write {
        key: item_key(source, &run.version),
        condition: Condition::Absent(STRICT_AT),
        changes: vec![
            Change::Set(BUCKET, run.id.bucket.clone().into()),
            Change::Set(KEY, run.id.key.clone().into()),
            Change::Set(OBJECT_VERSION, run.id.object_version.clone().into()),
            Change::Set(EXPIRES_AT, (now / 1000 + KEEP_DAYS * 86_400).into()),
        ],
    }
}

/// Strikes a run off the register, after a strict pass over its whole object.
#[must_use]
pub fn strike_off(source: &str, version: &Version, now: i64) -> Write {
    Write {
        key: item_key(source, version),
        condition: Condition::Always,
        changes: vec![
            Change::Set(STRICT_AT, now.into()),
            Change::Set(EXPIRES_AT, (now / 1000 + KEEP_DAYS * 86_400).into()),
        ],
    }
}
