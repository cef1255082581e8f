//! Rule 1: what a product should look like, and which document of it is the newest (D2, D3).
//!
//! Two items, written in this order: the `doc` (what it says) and the `state` (its version and hash, and that it is pending).
//!
//! - The `doc` is the authority. Each write of it demands that its version is not newer, so it always holds the newest document that
//!   was ever written, whatever the order of the writers.
//! - The `state` follows: its version is never newer than the `doc`'s. A crash between the two leaves it behind until the record is
//!   processed again; consumers read the `doc`, so they can only be early, never late.
//! - A record that repeats what the `state` knows may still differ from a `doc` that is ahead, and the `state` may still be overtaken by an
//!   older record whose `doc` is written. So it is noted at both ([`note_doc`], then [`note_state`]), and a refused note is followed by a
//!   full write. A feed that is the newest of its source omits this ([`super::register`]).

use catalog::{ContentHash, Product, ProductKey, Version};

use super::body::{self, BodyError};
use super::expression::{Change, Condition, Item, ItemKey, Operand, Value, Write};
use super::stage::Stage;
use super::state::{self, ProductState};

/// Sort key of the `doc` item.
pub const SK: &str = "doc";
const BODY: &str = "body";
const PROVENANCE: &str = "provenance";

/// Largest compressed product that fits an item beside its other attributes (DynamoDB: 400 kB an item, names included).
pub const MAX_BODY_BYTES: usize = 350 * 1024;

/// What a record means, given what the ledger knows of its product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Classification {
    /// The product says something new: write, then announce.
    Changed,
    /// This very record was written by an earlier attempt, which may have died before announcing: announce.
    Again,
    /// A newer document that says the same: at most its version is noted, and nothing follows.
    Unchanged,
    /// Older than what is known: dropped and counted.
    Stale,
}

/// Classifies a record.
#[must_use]
pub fn classify(state: &ProductState, version: &Version, hash: &ContentHash) -> Classification {
    let (Some(known_version), Some(known_hash)) = (&state.version, &state.hash) else {
        return Classification::Changed;
    };
    match (version.cmp(known_version), hash == known_hash) {
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
    /// The product.
    pub product: Product,
    /// Its version.
    pub version: Version,
    /// Its hash.
    pub hash: ContentHash,
    /// The feed run that brought it.
    pub run: String,
    /// Where in which feed it stood, for people: `s3://bucket/key record 12 at byte 3456`.
    pub provenance: String,
}

impl DesiredDoc {
    /// Reads a `doc` item.
    ///
    /// # Errors
    /// When the body is not what [`write_doc`] wrote. `None` where there is no doc.
    pub fn of(item: &Item) -> Result<Option<Self>, BodyError> {
        let text = |name: &str| item.get(name).and_then(Value::text).unwrap_or_default().to_owned();
        let Some(Value::B(bytes)) = item.get(BODY) else { return Ok(None) };
        Ok(Some(Self {
            product: body::unpack(bytes)?,
            version: Version::from_text(text(state::VERSION)),
            hash: ContentHash::from_text(text(state::HASH)),
            run: text(state::RUN),
            provenance: text(PROVENANCE),
        }))
    }

    /// The compressed body, to learn whether it fits ([`MAX_BODY_BYTES`]) before anything is written.
    ///
    /// # Errors
    /// When the product cannot be compressed (out of memory).
    pub fn packed(&self) -> Result<Vec<u8>, BodyError> {
        body::pack(&self.product)
    }
}

/// The key of a product's `doc` item.
#[must_use]
pub fn doc_key(key: &ProductKey) -> ItemKey {
    ItemKey { pk: state::partition(key), sk: SK.to_owned() }
}

/// First half of a changed record: the `doc`, unless a newer one is there.
#[must_use]
pub fn write_doc(key: &ProductKey, doc: &DesiredDoc, packed: Vec<u8>) -> Write {
    Write {
        key: doc_key(key),
        condition: not_newer_than(&doc.version),
        changes: vec![
            Change::Set(state::VERSION, doc.version.as_str().into()),
            Change::Set(state::HASH, doc.hash.as_str().into()),
            Change::Set(state::RUN, doc.run.clone().into()),
            Change::Set(PROVENANCE, doc.provenance.clone().into()),
            Change::Set(BODY, packed.into()),
        ],
    }
}

/// Second half of a changed record: the `state`, unless a newer one is there. The product becomes pending.
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
        // An error stays: it may be about something else, such as an edit, and goes when the stage is completed.
        changes.extend([stage.attributes().attempts, stage.attributes().deaths].map(Change::Remove));
    }
    Write { key: state::item_key(key), condition: not_newer_than(version), changes }
}

/// First half of a note that a newer document said the same: at the `doc`, so that an older one that arrives late is recognised as stale.
/// Refused when the `doc` says something else or is newer: then the record is to be written like a changed one, which decides.
#[must_use]
pub fn note_doc(key: &ProductKey, version: &Version, hash: &ContentHash) -> Write {
    note(doc_key(key), version, hash)
}

/// Second half of a note: at the `state`, so that an older record whose `doc` was written before does not get in. Refused like the first.
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
        ]),
        changes: vec![Change::Set(state::VERSION, version.as_str().into())],
    }
}

fn not_newer_than(version: &Version) -> Condition {
    Condition::Any(vec![
        Condition::Absent(state::VERSION),
        Condition::Le(state::VERSION, Operand::Value(version.as_str().into())),
    ])
}
