//! A product's `state` item: small, because it is read for every record of every feed.

use catalog::{ContentHash, ErrorKind, Failure, PartName, ProductKey, Version};
use serde::{Deserialize, Serialize};

use super::address;
use super::article;
use super::aside::{self, Aside};
use super::drafts;
use super::expression::{Item, ItemKey, Value};
use super::gone;
use super::lane::{self, Content};
use super::lines::Declared;
use super::parts::{self, Marks};
use super::stage::{Applied, Stage};

/// Sort key of the item.
pub const SK: &str = "state";
/// The version that brought the desired content, or a newer one that was noted to say the same.
pub const VERSION: &str = "version";
/// Hash of the desired content.
pub const HASH: &str = "hash";
/// Since when (ms) the desired content has not reached every target. Sort key of the sparse index.
pub const PENDING_SINCE: &str = "pending_since";
/// Partition key of the sparse index.
pub const PENDING_SHARD: &str = "pending_shard";
/// The feed run that brought the hash, for tracing.
pub const RUN: &str = "run";

/// Saves by people in the PIM that the shop has not been shown yet, counted; absent where there is none ([`super::stage::edited`]).
pub const EDITS: &str = "edits";

/// Number of partitions of the pending index, so that a large feed does not make one of them hot.
pub const PENDING_SHARDS: u8 = 8;

/// The key of a product's partition, or an article's.
#[must_use]
pub fn partition(key: &ProductKey) -> String {
    format!("{}#{}#{}", if key.is_article() { 'A' } else { 'P' }, key.source(), key.id())
}

/// The key of a product's `state` item.
#[must_use]
pub fn item_key(key: &ProductKey) -> ItemKey {
    ItemKey { pk: partition(key), sk: SK.to_owned() }
}

/// The product that a `P#…` partition belongs to.
#[must_use]
pub fn product_of(pk: &str) -> Option<ProductKey> {
    let (source, id) = pk.strip_prefix("P#")?.split_once('#')?;
    ProductKey::new(source, id).ok()
}

/// The partition of the pending index that a product belongs to: `"0"` to `"7"`.
#[must_use]
pub fn pending_shard(key: &ProductKey) -> String {
    // FNV-1a: stable across releases, which the standard library's hasher does not promise.
    let hash = key
        .to_string()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash % u64::from(PENDING_SHARDS)).to_string()
}

/// An error as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedError {
    /// What follows from it.
    pub kind: ErrorKind,
    /// Stable word.
    pub code: String,
    /// For people; cut to 400 characters.
    pub message: String,
    /// When, in ms.
    pub at: i64,
}

impl RecordedError {
    /// Characters kept of a message, so that the item stays within one write unit.
    const MAX_CHARS: usize = 400;

    /// A failure as of `now`.
    #[must_use]
    pub fn new(failure: &Failure, now: i64) -> Self {
        Self {
            kind: failure.kind,
            code: failure.code.clone(),
            message: failure.message.chars().take(Self::MAX_CHARS).collect(),
            at: now,
        }
    }
}

/// What the stored error has beside a [`RecordedError`].
#[derive(Deserialize)]
struct ChokedAlone {
    #[serde(default)]
    alone: u32,
}

/// The error as it is stored.
#[must_use]
pub fn stored_error(failure: &Failure, now: i64) -> String {
    #[derive(Serialize)]
    struct Stored {
        #[serde(flatten)]
        error: RecordedError,
        #[serde(skip_serializing_if = "Option::is_none")]
        alone: Option<u32>,
    }
    let alone = failure.choke.map(|choke| choke.alone).filter(|alone| *alone > 0);
    serde_json::to_string(&Stored { error: RecordedError::new(failure, now), alone }).unwrap_or_default()
}

/// What a target has of a product, and who is working on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StageState {
    /// What the target was last made to hold.
    pub applied: Option<Applied>,
    /// Who works on it, if anybody.
    pub owner: Option<String>,
    /// Until when (ms) nobody else may.
    pub until: Option<i64>,
    /// Not to be believed before this time (ms): somebody's request may have landed late.
    pub recheck_at: Option<i64>,
    /// How often somebody doubted it since the doubt last ended; `None` for never.
    pub doubts: Option<i64>,
    /// Claims since the desired content last changed or the stage was last completed.
    pub attempts: i64,
    /// How many owners died holding its lease since the desired content last changed or the stage was last completed ([`super::deaths`]).
    pub deaths: i64,
    /// Why the last attempt failed.
    pub last_error: Option<RecordedError>,
    /// How often in a row the target broke on this product alone ([`super::blame`]); kept with the error.
    pub choked_alone: u32,
}

impl StageState {
    /// Nobody is at work on it, nothing may land late, nothing has failed.
    #[must_use]
    pub const fn is_quiet(&self) -> bool {
        self.owner.is_none() && self.recheck_at.is_none() && self.last_error.is_none()
    }
}

/// A product's `state` item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProductState {
    /// The version that brought the desired content, or a newer one that said the same.
    pub version: Option<Version>,
    /// Hash of the desired content.
    pub hash: Option<ContentHash>,
    /// Since when (ms) some target lacks the desired content.
    pub pending_since: Option<i64>,
    /// The run that brought the hash.
    pub run: Option<String>,
    /// Saves in the PIM that the shop has not been shown yet; `None` for none.
    pub edits: Option<i64>,
    /// The PIM.
    pub pimcore: StageState,
    /// The shop.
    pub medusa: StageState,
    /// What a person took off sale in the shop ([`super::aside`]).
    pub aside: Vec<Aside>,
    /// When (ms) a person asked that it be put back.
    pub release: Option<i64>,
    /// Since when (ms) the PIM is known to lack it although it had it ([`gone`]).
    pub gone: Option<i64>,
    /// What is known of people's drafts ([`drafts`]).
    pub drafts: Option<drafts::Known>,
    /// When (ms) the shop has to be looked at closely although nothing changes.
    pub due: Option<i64>,
    /// Which part it is, of a product of one part ([`parts`]).
    pub part: Option<PartName>,
    /// What it consists of, of a product of several parts.
    pub parts: Option<Marks>,
    /// The declared parts whose lines are laid over it ([`super::lines`]).
    pub lines: Option<Declared>,
    /// When (ms) a person asked that it move to the address that it would be given today.
    pub moves: Option<i64>,
    /// Where in the shop it may be shown; empty for nowhere but by itself ([`article`]).
    pub homes: Vec<ProductKey>,
    /// What the PIM was last made to hold but for its offers, where that is noted ([`lane`]).
    pub content: Option<Content>,
}

impl ProductState {
    /// Reads an item; attributes of another type than expected count as absent.
    #[must_use]
    pub fn of(item: &Item) -> Self {
        let text = |name: &str| item.get(name).and_then(Value::text).map(str::to_owned);
        Self {
            version: text(VERSION).map(Version::from_text),
            hash: text(HASH).map(ContentHash::from_text),
            pending_since: item.get(PENDING_SINCE).and_then(Value::number),
            run: text(RUN),
            edits: item.get(EDITS).and_then(Value::number),
            pimcore: stage_of(item, Stage::Pimcore),
            medusa: stage_of(item, Stage::Medusa),
            aside: aside::of(item),
            release: item.get(aside::RELEASE).and_then(Value::number),
            gone: item.get(gone::GONE).and_then(Value::number),
            drafts: item.get(drafts::DRAFTS).and_then(Value::text).and_then(drafts::Known::parse),
            due: item.get(aside::DUE).and_then(Value::number),
            part: parts::part(item),
            parts: parts::marks(item),
            lines: Declared::of(item),
            moves: item.get(address::MOVE).and_then(Value::number),
            homes: article::homes(item),
            content: lane::content(item),
        }
    }

    /// One stage.
    #[must_use]
    pub const fn stage(&self, stage: Stage) -> &StageState {
        match stage {
            Stage::Pimcore => &self.pimcore,
            Stage::Medusa => &self.medusa,
        }
    }
}

fn stage_of(item: &Item, stage: Stage) -> StageState {
    let names = stage.attributes();
    let text = |name: &str| item.get(name).and_then(Value::text).map(str::to_owned);
    let number = |name: &str| item.get(name).and_then(Value::number);
    StageState {
        applied: text(names.hash).map(|hash| Applied {
            hash: ContentHash::from_text(hash),
            version: Version::from_text(text(names.version).unwrap_or_default()),
            remote_id: text(names.remote_id),
            view: text(names.view),
            seen: text(names.seen),
            at: number(names.at).unwrap_or(0),
        }),
        owner: text(names.owner),
        until: number(names.until),
        recheck_at: number(names.recheck_at),
        doubts: number(names.doubts),
        attempts: number(names.attempts).unwrap_or(0),
        deaths: number(names.deaths).unwrap_or(0),
        last_error: text(names.error).and_then(|json| serde_json::from_str(&json).ok()),
        choked_alone: text(names.error)
            .and_then(|json| serde_json::from_str::<ChokedAlone>(&json).ok())
            .map_or(0, |error| error.alone),
    }
}
