//! Feed runs: one object version is read to its end exactly once, by one worker at a time, and
//! counted exactly.
//!
//! A checkpoint commits the position and the counts up to it in one conditional write. What lies
//! behind the last checkpoint is done again after a crash, which the rules of [`super::desired`]
//! make harmless, and is counted only then.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::expression::{Change, Condition, Item, ItemKey, Operand, Value, Write};
use super::stage::Owner;
use super::state;

/// Sort key of the item.
pub const SK: &str = "run";
/// Partition of the sparse index that lists runs by the time they started.
pub const RUNS_SHARD: &str = "runs";
/// Days after which a run's item expires.
pub const KEEP_DAYS: i64 = 180;

const STATUS: &str = "status";
const OWNER: &str = "run_owner";
const UNTIL: &str = "run_until";
const OFFSET: &str = "offset";
const RECORD: &str = "record";
const RESUME: &str = "resume";
const COUNTS: &str = "counts";
const STARTED: &str = "started";
const FINISHED: &str = "finished";
const REASON: &str = "reason";
const RUN: &str = "run";
const EXPIRES_AT: &str = "expires_at";

/// Which object version a run reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RunId {
    pub bucket: String,
    pub key: String,
    /// Version id where the bucket has versions, otherwise ETag and sequencer: a re-upload under
    /// the same key is a new run.
    pub object_version: String,
}

/// What the object version of a strict pass ends in.
const STRICT: &str = "~strict";

impl RunId {
    /// The strict pass over the same object ([`super::register`]).
    #[must_use]
    pub fn strict(&self) -> Self {
        let original = self.original();
        Self { object_version: format!("{}{STRICT}", original.object_version), ..original }
    }

    /// Whether this is a strict pass.
    #[must_use]
    pub fn is_strict(&self) -> bool {
        self.object_version.ends_with(STRICT)
    }

    /// The run of the object itself.
    #[must_use]
    pub fn original(&self) -> Self {
        let object_version = self.object_version.strip_suffix(STRICT).unwrap_or(&self.object_version).to_owned();
        Self { object_version, ..self.clone() }
    }

    /// The key of the run's item.
    #[must_use]
    pub fn item_key(&self) -> ItemKey {
        ItemKey { pk: format!("F#{}#{}#{}", self.bucket, self.key, self.object_version), sk: SK.to_owned() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// Being read, or waiting to be resumed.
    Running,
    /// Read to its end; single records may have been rejected.
    Completed,
    /// Cannot be read any further; what came before the break is kept.
    Failed,
    /// Another object took its place under its key before it was read: that one has a run of its
    /// own.
    Superseded,
}

impl RunStatus {
    /// The word in the item.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Superseded => "superseded",
        }
    }

    fn of(text: &str) -> Option<Self> {
        [Self::Running, Self::Completed, Self::Failed, Self::Superseded]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

/// What a run has counted. `read = changed + unchanged + stale + rejected`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Records found.
    pub read: u64,
    /// Records that said something new.
    pub changed: u64,
    /// Records that said what is known.
    pub unchanged: u64,
    /// Records older than what is known.
    pub stale: u64,
    /// Records that could not become a product.
    pub rejected: u64,
    /// Rejections by reason code.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rejected_by: BTreeMap<String, u64>,
    /// Remarks by code.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub warnings_by: BTreeMap<String, u64>,
    /// Unchanged records whose product is not where it should be ([`super::waiting`]).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub waiting: u64,
    /// The same by error code.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub waiting_by: BTreeMap<String, u64>,
    /// Since when (ms) the one waits that has waited longest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<i64>,
    /// Rejected records that are only counted: the bucket keeps the first ones of a run.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rejected_unkept: u64,
    /// Lines that are the first by their identifier.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub first: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A run as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Run {
    /// Its short name: shown to people, and the folder under `rejected/`.
    #[serde(rename = "run")]
    pub name: String,
    pub status: RunStatus,
    /// Byte offset in the (decompressed) object up to which records are committed.
    pub offset: u64,
    /// Records committed.
    pub record: u64,
    /// What the reader needs to know besides, in its own words: the feed's format, a CSV header,
    /// S3's sequencer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume: Option<String>,
    /// Counts up to the checkpoint.
    pub counts: Counts,
    /// When it was first claimed, in ms.
    pub started: i64,
    /// When it ended, in ms.
    pub finished: Option<i64>,
    /// Why it failed; of one that is under way, why its last attempt did.
    pub reason: Option<String>,
    pub owner: Option<String>,
    /// Until when nobody else may, in ms.
    pub until: Option<i64>,
}

impl Run {
    /// Reads an item; `None` when it is none.
    #[must_use]
    pub fn of(item: &Item) -> Option<Self> {
        let text = |name: &str| item.get(name).and_then(Value::text);
        let number = |name: &str| item.get(name).and_then(Value::number);
        let unsigned = |name: &str| number(name).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        Some(Self {
            name: text(RUN)?.to_owned(),
            status: RunStatus::of(text(STATUS)?)?,
            offset: unsigned(OFFSET),
            record: unsigned(RECORD),
            resume: text(RESUME).map(str::to_owned),
            counts: text(COUNTS).and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default(),
            started: number(STARTED).unwrap_or(0),
            finished: number(FINISHED),
            reason: text(REASON).map(str::to_owned),
            owner: text(OWNER).map(str::to_owned),
            until: number(UNTIL),
        })
    }
}

/// What claiming a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunClaim {
    /// It is ours, to be read from its checkpoint.
    Claimed(Run),
    /// Somebody else reads it until then (ms).
    Leased {
        /// End of the lease, in ms.
        until: i64,
    },
    Ended(Run),
}

/// Claims a run: a new one, one that was handed over, or one whose reader died. `resume` is what
/// the reader of a new run wants to be told again by whoever resumes it ([`Run::resume`]), also if
/// it dies before its first commit.
#[must_use]
pub fn claim(id: &RunId, run: &str, resume: &str, owner: &Owner, now: i64, lease_ms: i64) -> Write {
    Write {
        key: id.item_key(),
        condition: Condition::Any(vec![
            Condition::Absent(STATUS),
            Condition::All(vec![
                Condition::Eq(STATUS, Operand::Value(RunStatus::Running.as_str().into())),
                Condition::Any(vec![
                    Condition::Absent(OWNER),
                    Condition::Eq(OWNER, Operand::Value(owner.0.clone().into())),
                    Condition::Lt(UNTIL, Operand::Value(now.into())),
                ]),
            ]),
        ]),
        changes: vec![
            Change::SetIfAbsent(STATUS, RunStatus::Running.as_str().into()),
            Change::SetIfAbsent(RUN, run.into()),
            Change::SetIfAbsent(RESUME, resume.into()),
            Change::SetIfAbsent(STARTED, now.into()),
            Change::SetIfAbsent(state::PENDING_SHARD, RUNS_SHARD.into()),
            Change::SetIfAbsent(state::PENDING_SINCE, now.into()),
            Change::SetIfAbsent(EXPIRES_AT, (now / 1000 + KEEP_DAYS * 86_400).into()),
            Change::SetIfAbsent(RECORD, 0.into()),
            Change::SetIfAbsent(OFFSET, 0.into()),
            Change::Set(OWNER, owner.0.clone().into()),
            Change::Set(UNTIL, (now + lease_ms).into()),
        ],
    }
}

/// What a refused claim means.
#[must_use]
pub fn claim_refused(item: &Item) -> RunClaim {
    match Run::of(item) {
        Some(run) if run.status == RunStatus::Running => RunClaim::Leased { until: run.until.unwrap_or(0) },
        Some(run) => RunClaim::Ended(run),
        None => RunClaim::Leased { until: 0 },
    }
}

/// Whether a refused write of progress had already happened: an answer that was lost and a request
/// that was sent again.
#[must_use]
pub fn happened(item: &Item, owner: &Owner, write: &Write) -> bool {
    let ends_lease = write.changes.contains(&Change::Remove(OWNER));
    let held = item.get(OWNER).and_then(Value::text);
    let by_us = if ends_lease { held.is_none() } else { held == Some(owner.0.as_str()) };
    let is_set = |change: &Change| match change {
        Change::Set(name, value) => item.get(*name) == Some(value),
        _ => true,
    };
    by_us && write.changes.iter().all(is_set)
}

/// Commits the position reached and the counts up to it, and extends the lease. `seen` is the run
/// as of the last checkpoint.
#[must_use]
pub fn checkpoint(id: &RunId, owner: &Owner, seen: &Run, next: &Run, now: i64, lease_ms: i64) -> Write {
    let mut changes = progress(next);
    changes.extend([Change::Set(UNTIL, (now + lease_ms).into()), reason(next)]);
    Write { key: id.item_key(), condition: at(owner, seen), changes }
}

/// Commits the position and gives the run up, for another invocation to resume. `next.reason` says
/// why, if something failed.
#[must_use]
pub fn hand_over(id: &RunId, owner: &Owner, seen: &Run, next: &Run) -> Write {
    let mut changes = progress(next);
    changes.extend([Change::Remove(OWNER), Change::Remove(UNTIL), reason(next)]);
    Write { key: id.item_key(), condition: at(owner, seen), changes }
}

/// Ends a run. `next.status` says how; `next.reason` why it failed.
#[must_use]
pub fn finish(id: &RunId, owner: &Owner, seen: &Run, next: &Run, now: i64) -> Write {
    let mut changes = progress(next);
    changes.extend([
        Change::Set(STATUS, next.status.as_str().into()),
        Change::Set(FINISHED, now.into()),
        Change::Remove(OWNER),
        Change::Remove(UNTIL),
        reason(next),
    ]);
    Write { key: id.item_key(), condition: at(owner, seen), changes }
}

fn at(owner: &Owner, seen: &Run) -> Condition {
    Condition::All(vec![
        Condition::Eq(OWNER, Operand::Value(owner.0.clone().into())),
        Condition::Eq(RECORD, Operand::Value(number(seen.record))),
    ])
}

fn reason(next: &Run) -> Change {
    next.reason.as_ref().map_or(Change::Remove(REASON), |reason| Change::Set(REASON, reason.clone().into()))
}

fn progress(next: &Run) -> Vec<Change> {
    let mut changes = vec![
        Change::Set(OFFSET, number(next.offset)),
        Change::Set(RECORD, number(next.record)),
        Change::Set(COUNTS, serde_json::to_string(&next.counts).unwrap_or_default().into()),
    ];
    changes.extend(next.resume.as_ref().map(|resume| Change::Set(RESUME, resume.as_str().into())));
    changes
}

fn number(value: u64) -> Value {
    Value::N(i64::try_from(value).unwrap_or(i64::MAX))
}
