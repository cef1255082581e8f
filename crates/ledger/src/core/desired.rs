//! Rule 1: what a product should look like, and which document of it is the newest (D2).
//!
//! Two items, written in this order: the `doc` (what it says) and the `state` (its version and
//! hash, and that it is pending).
//!
//! - The `doc` is the authority. Each write of it demands that its version is not newer, so it
//!   always holds the newest document that was ever written, whatever the order of the writers.
//! - The `state` follows: its version is never newer than the `doc`'s. A crash between the two
//!   leaves it behind until the record is processed again; consumers read the `doc`, so they can
//!   only be early, never late.
//! - A record that repeats what the `state` knows may still differ from a `doc` that is ahead, and
//!   the `state` may still be overtaken by an older record whose `doc` is written. So it is noted
//!   at both ([`note_doc`], then [`note_state`]), and a refused note is followed by a full write. A
//!   feed that is the newest of its source omits this ([`super::register`]).

use catalog::{ContentHash, Product, ProductKey, Version};

use super::expression::{Change, Condition, Item, ItemKey, Operand, Value, Write};
use super::packed::{self, BodyError};
use super::stage::Stage;
use super::state::{self, ProductState};
use super::{parts, spill, waiting};

/// Sort key of the `doc` item.
pub const SK: &str = "doc";
const BODY: &str = "body";
/// Where in the bucket a body is that does not fit the item; there instead of `body`.
pub const BODY_AT: &str = "body_at";
const PROVENANCE: &str = "provenance";

/// Largest compressed product that fits an item beside its other attributes (DynamoDB: 400 kB an
/// item, names included). A larger one is kept in the bucket ([`spill`]).
pub const MAX_BODY_BYTES: usize = 350 * 1024;

/// What a record means, given what the ledger knows of its product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Classification {
    /// The product says something new: write, then announce.
    Changed,
    /// This very record was written by an earlier attempt, which may have died before announcing:
    /// announce.
    Again,
    /// A newer document that says the same: at most its version is noted, and nothing follows.
    Unchanged,
    /// Older than what is known: dropped and counted.
    Stale,
}

#[must_use]
pub fn classify(state: &ProductState, version: &Version, hash: &ContentHash) -> Classification {
    let (Some(known_version), Some(known_hash)) = (&state.version, &state.hash) else {
        return Classification::Changed;
    };
    match (version.cmp(known_version), hash == known_hash) {
        // What the ledger says of the product cannot be read any more: whoever says it again brings
        // it back.
        (std::cmp::Ordering::Greater | std::cmp::Ordering::Equal, true) if waiting::lacks_content(state) => {
            Classification::Changed
        }
        // A newer document said the same before this one's announcement is known to have arrived.
        (std::cmp::Ordering::Less, true) if state.pending_since.is_some() => Classification::Again,
        (std::cmp::Ordering::Less, _) => Classification::Stale,
        (std::cmp::Ordering::Greater, true) => Classification::Unchanged,
        (std::cmp::Ordering::Equal, true) => Classification::Again,
        // A newer document, or the same one read by a newer mapping.
        (std::cmp::Ordering::Greater | std::cmp::Ordering::Equal, false) => Classification::Changed,
    }
}

/// The newest desired state of a product with where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredDoc {
    pub product: Product,
    pub version: Version,
    pub hash: ContentHash,
    /// The feed run that brought it.
    pub run: String,
    /// Where in which feed it stood, for people: `s3://bucket/key record 12 at byte 3456`.
    pub provenance: String,
}

impl DesiredDoc {
    /// Reads a `doc` item that holds its body.
    ///
    /// # Errors
    /// When the body is not what [`write_doc`] wrote. `None` where there is no doc, or its body is
    /// elsewhere ([`Body::of`]).
    pub fn of(item: &Item) -> Result<Option<Self>, BodyError> {
        let Some(Value::B(bytes)) = item.get(BODY) else { return Ok(None) };
        Self::with_body(item, bytes).map(Some)
    }

    /// Reads a `doc` item whose body was fetched.
    ///
    /// # Errors
    /// When the body is not what [`DesiredDoc::packed`] made.
    pub fn with_body(item: &Item, packed: &[u8]) -> Result<Self, BodyError> {
        let text = |name: &str| item.get(name).and_then(Value::text).unwrap_or_default().to_owned();
        Ok(Self {
            product: packed::unpack(packed)?,
            version: Version::from_text(text(state::VERSION)),
            hash: ContentHash::from_text(text(state::HASH)),
            run: text(state::RUN),
            provenance: text(PROVENANCE),
        })
    }

    /// The compressed body.
    ///
    /// # Errors
    /// [`BodyError::TooLarge`]; when the product cannot be compressed (out of memory).
    pub fn packed(&self) -> Result<Vec<u8>, BodyError> {
        packed::pack(&self.product)
    }
}

/// The key of a product's `doc` item.
#[must_use]
pub fn doc_key(key: &ProductKey) -> ItemKey {
    ItemKey { pk: state::partition(key), sk: SK.to_owned() }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// In the item, packed.
    Here(Vec<u8>),
    /// An object of the bucket.
    At(String),
}

impl From<Vec<u8>> for Body {
    fn from(packed: Vec<u8>) -> Self {
        Self::Here(packed)
    }
}

impl Body {
    /// Where the body of a `doc` item is; `None` where there is no doc.
    #[must_use]
    pub fn of(item: &Item) -> Option<Self> {
        match (item.get(BODY), item.get(BODY_AT)) {
            (_, Some(Value::S(object))) => Some(Self::At(object.clone())),
            (Some(Value::B(bytes)), _) => Some(Self::Here(bytes.clone())),
            _ => None,
        }
    }

    /// Whether a packed body needs an object, and which.
    #[must_use]
    pub fn object_for(key: &ProductKey, packed: &[u8]) -> Option<String> {
        (packed.len() > MAX_BODY_BYTES).then(|| spill::object_of(key, packed))
    }
}

/// First half of a changed record: the `doc`, unless a newer one is there, or one of several parts
/// ([`parts`]).
#[must_use]
pub fn write_doc(key: &ProductKey, doc: &DesiredDoc, body: impl Into<Body>) -> Write {
    let (set, other) = match body.into() {
        Body::Here(packed) => (Change::Set(BODY, packed.into()), BODY_AT),
        Body::At(object) => (Change::Set(BODY_AT, object.into()), BODY),
    };
    Write {
        key: doc_key(key),
        condition: Condition::All(vec![not_newer_than(&doc.version), Condition::Absent(parts::PARTS)]),
        changes: vec![
            Change::Set(state::VERSION, doc.version.as_str().into()),
            Change::Set(state::HASH, doc.hash.as_str().into()),
            Change::Set(state::RUN, doc.run.clone().into()),
            Change::Set(PROVENANCE, doc.provenance.clone().into()),
            set,
            Change::Remove(other),
        ],
    }
}

/// Second half of a changed record: the `state`, unless a newer one is there. The product becomes
/// pending.
#[must_use]
pub fn write_state(key: &ProductKey, version: &Version, hash: &ContentHash, run: &str, now: i64) -> Write {
    let mut changes = vec![
        Change::Set(state::VERSION, version.as_str().into()),
        Change::Set(state::HASH, hash.as_str().into()),
        Change::Set(state::RUN, run.into()),
        Change::Set(state::PENDING_SHARD, state::pending_shard(key).into()),
        Change::SetIfAbsent(state::PENDING_SINCE, now.into()),
    ];
    for stage in Stage::ALL {
        // An error stays: it may be about something else, such as an edit, and goes when the stage
        // is completed.
        changes.extend([stage.attributes().attempts, stage.attributes().deaths].map(Change::Remove));
    }
    Write { key: state::item_key(key), condition: not_newer_than(version), changes }
}

/// First half of a note that a newer document said the same: at the `doc`, so that an older one
/// that arrives late is recognised as stale. Refused when the `doc` says something else or is
/// newer: then the record is to be written like a changed one, which decides.
#[must_use]
pub fn note_doc(key: &ProductKey, version: &Version, hash: &ContentHash) -> Write {
    note(doc_key(key), version, hash)
}

/// Second half of a note: at the `state`, so that an older record whose `doc` was written before
/// does not get in. Refused like the first.
#[must_use]
pub fn note_state(key: &ProductKey, version: &Version, hash: &ContentHash) -> Write {
    note(state::item_key(key), version, hash)
}

fn note(key: ItemKey, version: &Version, hash: &ContentHash) -> Write {
    Write {
        key,
        condition: Condition::All(vec![
            Condition::Eq(state::HASH, Operand::Value(hash.as_str().into())),
            Condition::Le(state::VERSION, Operand::Value(version.as_str().into())),
            Condition::Absent(parts::PARTS),
        ]),
        changes: vec![Change::Set(state::VERSION, version.as_str().into())],
    }
}

/// Whether a change is about a `doc`'s body.
pub(super) fn is_of_body(change: &Change) -> bool {
    matches!(change, Change::Set(BODY | BODY_AT, _) | Change::Remove(BODY | BODY_AT))
}

pub(super) fn not_newer_than(version: &Version) -> Condition {
    Condition::Any(vec![
        Condition::Absent(state::VERSION),
        Condition::Le(state::VERSION, Operand::Value(version.as_str().into())),
    ])
}
