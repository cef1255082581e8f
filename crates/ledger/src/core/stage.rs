//! Rules 2 to 4: one worker at a time makes a target match, and nobody believes a target that a dead worker may still change.
//!
//! A stage goes through *claim* → act on the target → announce the next stage → *complete* (or *fail*).
//!
//! - **Claim** takes a lease: nobody else's unexpired lease, and (for the PIM) not already applied. The lease is longer than the function's
//!   timeout, and every request to the target is cut to what is left of the function's time.
//! - Taking over an **expired** lease means that its owner died with a request under way. `recheck_at` says until when that request
//!   may still land; a stage with `recheck_at` is never skipped as already applied, stays pending, and is done again after that time.
//! - **Complete** and **fail** happen as the lease's owner only. An owner that finds its lease gone marks the stage (`recheck_at` = now):
//!   what it did may have come after what the new owner did.

use catalog::{ContentHash, Failure, ProductKey, Version};

use super::expression::{Change, Condition, Item, Operand, Write};
use super::state::{self, ProductState, RecordedError};

/// A target system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The PIM.
    Pimcore,
    /// The shop.
    Medusa,
}

/// Names of a stage's attributes in the `state` item.
#[derive(Debug)]
pub struct Attributes {
    pub(crate) hash: &'static str,
    pub(crate) version: &'static str,
    pub(crate) remote_id: &'static str,
    pub(crate) view: &'static str,
    pub(crate) at: &'static str,
    pub(crate) owner: &'static str,
    pub(crate) until: &'static str,
    pub(crate) recheck_at: &'static str,
    pub(crate) attempts: &'static str,
    pub(crate) error: &'static str,
}

impl Stage {
    /// In the order of the pipeline.
    pub const ALL: [Self; 2] = [Self::Pimcore, Self::Medusa];

    /// The word for logs and attribute names.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pimcore => "pimcore",
            Self::Medusa => "medusa",
        }
    }

    /// Names of its attributes.
    #[must_use]
    pub const fn attributes(self) -> &'static Attributes {
        match self {
            Self::Pimcore => &Attributes {
                hash: "pimcore_hash",
                version: "pimcore_version",
                remote_id: "pimcore_id",
                view: "pimcore_view",
                at: "pimcore_at",
                owner: "pimcore_owner",
                until: "pimcore_until",
                recheck_at: "pimcore_recheck_at",
                attempts: "pimcore_attempts",
                error: "pimcore_error",
            },
            Self::Medusa => &Attributes {
                hash: "medusa_hash",
                version: "medusa_version",
                remote_id: "medusa_id",
                view: "medusa_view",
                at: "medusa_at",
                owner: "medusa_owner",
                until: "medusa_until",
                recheck_at: "medusa_recheck_at",
                attempts: "medusa_attempts",
                error: "medusa_error",
            },
        }
    }
}

/// What a target was made to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Hash of the source content.
    pub hash: ContentHash,
    /// Version of the source content.
    pub version: Version,
    /// The product's id in the target; `None` where the target rightly has none (never published).
    pub remote_id: Option<String>,
    /// What the target shows, where that is more than the source content: the shop shows the PIM's view.
    pub view: Option<String>,
    /// When, in ms. Set by [`complete`].
    pub at: i64,
}

/// Who holds a lease: unique to one invocation of one function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner(pub String);

/// How long leases are, and how long a dead worker's request may take to land.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leases {
    /// Length of a lease in ms: more than the function's timeout plus clock skew.
    pub lease_ms: i64,
    /// How long after its lease ended a dead worker's request may still change the target, in ms.
    pub landing_ms: i64,
}

/// What a claim came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The stage is ours; the product's state as of now.
    Claimed(ProductState),
    /// The target holds the desired content already.
    AlreadyApplied(ProductState),
    /// Somebody else works on it until then (ms).
    Leased {
        /// End of the lease, in ms.
        until: i64,
    },
    /// The ledger knows no desired state of this product.
    Unknown,
}

/// What a refused claim means, given the item that refused it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Nothing to do, or not now.
    Final(Claim),
    /// The lease of `dead` ended at `until` (ms) without a word: [`take_over`] may follow.
    Expired {
        /// Who held it.
        dead: String,
        /// When it ended, in ms.
        until: i64,
    },
}

/// The conditional write that claims a stage that nobody holds.
#[must_use]
pub fn claim(stage: Stage, key: &ProductKey, owner: &Owner, now: i64, leases: Leases) -> Write {
    let names = stage.attributes();
    let free = Condition::Any(vec![
        Condition::Absent(names.owner),
        Condition::Eq(names.owner, Operand::Value(owner.0.clone().into())),
    ]);
    let condition = match stage {
        Stage::Pimcore => Condition::All(vec![
            Condition::Present(state::HASH),
            free,
            Condition::Any(vec![
                Condition::Absent(names.hash),
                Condition::Ne(names.hash, Operand::Attribute(state::HASH)),
                Condition::Present(names.recheck_at),
            ]),
        ]),
        // The shop's desired state is the PIM's view, which changes without the ledger: never skipped, and not even limited to
        // products that a feed brought.
        Stage::Medusa => free,
    };
    Write { key: state::item_key(key), condition, changes: lease(stage, owner, now, leases) }
}

/// What a refused claim means, given the item that refused it.
#[must_use]
pub fn refused(stage: Stage, owner: &Owner, item: &Item, now: i64) -> Refusal {
    let state = ProductState::of(item);
    let held = state.stage(stage);
    match (&held.owner, held.until) {
        (Some(other), Some(until)) if *other != owner.0 && until >= now => Refusal::Final(Claim::Leased { until }),
        (Some(other), until) if *other != owner.0 => {
            Refusal::Expired { dead: other.clone(), until: until.unwrap_or(0) }
        }
        _ if state.hash.is_none() => Refusal::Final(Claim::Unknown),
        _ => Refusal::Final(Claim::AlreadyApplied(state)),
    }
}

/// The conditional write that takes over a dead owner's lease. The stage is not to be believed until that owner's last request can no
/// longer land.
#[must_use]
pub fn take_over(
    stage: Stage,
    key: &ProductKey,
    owner: &Owner,
    dead: &str,
    until: i64,
    now: i64,
    leases: Leases,
) -> Write {
    let names = stage.attributes();
    let mut changes = lease(stage, owner, now, leases);
    changes.extend(doubt(stage, key, now, (until + leases.landing_ms).max(now)));
    Write {
        key: state::item_key(key),
        condition: Condition::All(vec![
            Condition::Eq(names.owner, Operand::Value(dead.into())),
            Condition::Eq(names.until, Operand::Value(until.into())),
        ]),
        changes,
    }
}

fn lease(stage: Stage, owner: &Owner, now: i64, leases: Leases) -> Vec<Change> {
    let names = stage.attributes();
    vec![
        Change::Set(names.owner, owner.0.clone().into()),
        Change::Set(names.until, (now + leases.lease_ms).into()),
        Change::Add(names.attempts, 1),
    ]
}

/// The stage is not to be believed before `recheck_at`, and the product pending until then.
fn doubt(stage: Stage, key: &ProductKey, now: i64, recheck_at: i64) -> [Change; 3] {
    [
        Change::Set(stage.attributes().recheck_at, recheck_at.into()),
        Change::Set(state::PENDING_SHARD, state::pending_shard(key).into()),
        Change::SetIfAbsent(state::PENDING_SINCE, now.into()),
    ]
}

/// The conditional write that completes a stage, given the state seen at the claim (or later).
///
/// The product stops being pending when this was the last stage and the content is the desired one at both targets.
#[must_use]
pub fn complete(
    stage: Stage,
    key: &ProductKey,
    owner: &Owner,
    seen: &ProductState,
    applied: &Applied,
    now: i64,
) -> Write {
    let names = stage.attributes();
    let mut conditions = vec![Condition::Eq(names.owner, Operand::Value(owner.0.clone().into()))];
    let mut changes = vec![
        Change::Set(names.hash, applied.hash.as_str().into()),
        Change::Set(names.version, applied.version.as_str().into()),
        Change::Set(names.at, now.into()),
        Change::Remove(names.owner),
        Change::Remove(names.until),
        Change::Remove(names.attempts),
        Change::Remove(names.error),
    ];
    for (name, value) in [(names.remote_id, &applied.remote_id), (names.view, &applied.view)] {
        changes.push(value.as_ref().map_or(Change::Remove(name), |value| Change::Set(name, value.clone().into())));
    }
    let settled = seen.stage(stage).recheck_at.is_none_or(|at| at <= now);
    if settled {
        changes.push(Change::Remove(names.recheck_at));
        if let Some(seen_at) = seen.stage(stage).recheck_at {
            // Somebody marked it again meanwhile: then it is not settled.
            conditions.push(Condition::Eq(names.recheck_at, Operand::Value(seen_at.into())));
        } else {
            conditions.push(Condition::Absent(names.recheck_at));
        }
    }
    if ends_pending(stage, seen, applied) && settled {
        let pimcore = Stage::Pimcore.attributes();
        conditions.push(Condition::Eq(state::HASH, Operand::Value(applied.hash.as_str().into())));
        conditions.push(Condition::Eq(pimcore.hash, Operand::Value(applied.hash.as_str().into())));
        conditions.push(Condition::Absent(pimcore.recheck_at));
        changes.extend([Change::Remove(state::PENDING_SINCE), Change::Remove(state::PENDING_SHARD)]);
    }
    Write { key: state::item_key(key), condition: Condition::All(conditions), changes }
}

/// Whether completing `stage` with `applied` leaves nothing to do for the product, as far as `seen` tells.
#[must_use]
pub fn ends_pending(stage: Stage, seen: &ProductState, applied: &Applied) -> bool {
    stage == Stage::Medusa
        && seen.hash.as_ref() == Some(&applied.hash)
        && seen.pimcore.applied.as_ref().is_some_and(|pim| pim.hash == applied.hash)
        && seen.pimcore.recheck_at.is_none()
}

/// Whether a completed stage has to be done again later, and when (ms).
#[must_use]
pub fn recheck_due(stage: Stage, seen: &ProductState, now: i64) -> Option<i64> {
    seen.stage(stage).recheck_at.filter(|at| *at > now)
}

/// The conditional write that gives a stage back with the reason.
#[must_use]
pub fn fail(stage: Stage, key: &ProductKey, owner: &Owner, failure: &Failure, now: i64) -> Write {
    let names = stage.attributes();
    let error = serde_json::to_string(&RecordedError::new(failure, now)).unwrap_or_default();
    Write {
        key: state::item_key(key),
        condition: Condition::Eq(names.owner, Operand::Value(owner.0.clone().into())),
        changes: vec![Change::Remove(names.owner), Change::Remove(names.until), Change::Set(names.error, error.into())],
    }
}

/// What an owner writes that found its lease gone: what it did may have come after what the new owner did.
#[must_use]
pub fn suspect(stage: Stage, key: &ProductKey, now: i64) -> Write {
    Write { key: state::item_key(key), condition: Condition::Always, changes: doubt(stage, key, now, now).into() }
}
