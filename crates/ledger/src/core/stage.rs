//! Rules 2 to 4: one worker at a time makes a target match, and nobody believes a target that a
//! dead worker may still change (D18, D19).
//!
//! A stage goes through *claim* → act on the target → announce the next stage → *complete* (or
//! *fail*).
//!
//! - **Claim** takes a lease: nobody else's unexpired lease, and (for the PIM) not already applied.
//!   The lease is longer than the function's timeout, and every request to the target is cut to
//!   what is left of the function's time.
//! - Taking over an **expired** lease means that its owner died with a request under way.
//!   `recheck_at` says until when that request may still land; a stage with `recheck_at` is never
//!   skipped as already applied, stays pending, and is done again by a claim made after that time.
//!   Only such a claim ends the doubt: what was done before could still be undone.
//! - **Complete** and **fail** happen as the lease's owner only. An owner that finds its lease gone
//!   puts the stage in doubt: what it did may have come after what the new owner did. `doubts`
//!   counts such, so that an owner who claimed before one does not end it.
//! - A save in the PIM that the shop has to be shown is counted at the product ([`edited`]) before
//!   it is announced, and makes it pending. Only completing the shop's stage takes the count away,
//!   and only the count that its claim saw: the PIM was read after that.
//! - A failure that leaves open whether the target still executes the request ([`leaves_doubt`])
//!   gives the lease back like any other, and sets `recheck_at` like a takeover.

use catalog::{ContentHash, ErrorKind, Failure, Fate, ProductKey, Version};

use super::expression::{Change, Condition, Item, Operand, Write};
use super::state::{self, ProductState, StageState};
use super::{gone, missing};

/// A target system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    Pimcore,
    Medusa,
}

/// Names of a stage's attributes in the `state` item.
#[derive(Debug)]
pub struct Attributes {
    pub(crate) hash: &'static str,
    pub(crate) version: &'static str,
    pub(crate) remote_id: &'static str,
    pub(crate) view: &'static str,
    pub(crate) seen: &'static str,
    pub(crate) at: &'static str,
    pub(crate) owner: &'static str,
    pub(crate) until: &'static str,
    pub(crate) recheck_at: &'static str,
    pub(crate) doubts: &'static str,
    pub(crate) attempts: &'static str,
    pub(crate) deaths: &'static str,
    pub(crate) error: &'static str,
}

impl Stage {
    /// In the order of the pipeline.
    pub const ALL: [Self; 2] = [Self::Pimcore, Self::Medusa];

    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Pimcore => Self::Medusa,
            Self::Medusa => Self::Pimcore,
        }
    }

    /// The word for logs and attribute names.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pimcore => "pimcore",
            Self::Medusa => "medusa",
        }
    }

    /// The target's name, for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Pimcore => "Pimcore",
            Self::Medusa => "Medusa",
        }
    }

    /// The same for the word of a log or an attribute; a word that is none stays as it is.
    #[must_use]
    pub fn title_of(word: &str) -> &str {
        Self::ALL.into_iter().find(|stage| stage.as_str() == word).map_or(word, |stage| stage.title())
    }

    /// How long a claim of this stage holds, and how long a request may land after it.
    ///
    /// Both functions have 60 s and no request outlives them, so 90 s allow for 30 s between two
    /// clocks. Medusa goes on with a request for a while after its caller has gone: a batch of 50
    /// took 2.4 s, with the database down 60 s.
    #[must_use]
    pub const fn leases(self) -> Leases {
        let landing_ms = match self {
            Self::Pimcore => 30_000,
            Self::Medusa => 60_000,
        };
        Leases { lease_ms: 90_000, landing_ms }
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
                seen: "pimcore_seen",
                at: "pimcore_at",
                owner: "pimcore_owner",
                until: "pimcore_until",
                recheck_at: "pimcore_recheck_at",
                doubts: "pimcore_doubts",
                attempts: "pimcore_attempts",
                deaths: "pimcore_deaths",
                error: "pimcore_error",
            },
            Self::Medusa => &Attributes {
                hash: "medusa_hash",
                version: "medusa_version",
                remote_id: "medusa_id",
                view: "medusa_view",
                seen: "medusa_seen",
                at: "medusa_at",
                owner: "medusa_owner",
                until: "medusa_until",
                recheck_at: "medusa_recheck_at",
                doubts: "medusa_doubts",
                attempts: "medusa_attempts",
                deaths: "medusa_deaths",
                error: "medusa_error",
            },
        }
    }
}

impl std::fmt::Display for Stage {
    /// The name for people.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Pimcore => "Pimcore",
            Self::Medusa => "Medusa",
        })
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
    /// What the target shows, where that is more than the source content: the shop shows the PIM's
    /// view.
    pub view: Option<String>,
    /// The shop's: what the PIM showed when the shop was made to hold this, as a digest
    /// ([`super::saves`]). The PIM's: what our save left there ([`super::ours`]).
    pub seen: Option<String>,
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
    /// Whoever worked on it has died too often: [`super::deaths`]. Nothing is claimed.
    Alone {
        /// How often, the last one included.
        deaths: i64,
    },
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
#[expect(clippy::large_enum_variant, reason = "short-lived: it is taken apart where it is made")]
pub enum Refusal {
    /// Nothing to do, or not now.
    Final(Claim),
    /// A lease ended without a word: [`take_over`] may follow.
    Expired(Expired),
    /// By now nothing stands in the way: claim again. Only after a refused [`take_over`].
    Free,
}

/// A lease that ended without a word from its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expired {
    pub dead: String,
    /// When it ended, in ms.
    pub until: i64,
    /// Until when (ms) the stage was in doubt already.
    pub recheck_at: Option<i64>,
    /// How many owners have died holding it, this one included ([`super::deaths`]).
    pub deaths: i64,
}

impl Leases {
    /// When (ms) the lease was taken that `claimed` shows.
    const fn claimed_at(self, claimed: &StageState, now: i64) -> i64 {
        match claimed.until {
            Some(until) => until - self.lease_ms,
            None => now,
        }
    }
}

/// The conditional write that claims a stage that nobody holds.
#[must_use]
pub fn claim(stage: Stage, key: &ProductKey, owner: &Owner, now: i64, leases: Leases) -> Write {
    Write { key: state::item_key(key), condition: claimable(stage, owner), changes: lease(stage, owner, now, leases) }
}

fn claimable(stage: Stage, owner: &Owner) -> Condition {
    let names = stage.attributes();
    let free = Condition::Any(vec![
        Condition::Absent(names.owner),
        Condition::Eq(names.owner, Operand::Value(owner.0.clone().into())),
    ]);
    match stage {
        Stage::Pimcore => Condition::All(vec![
            Condition::Present(state::HASH),
            free,
            Condition::Any(vec![
                Condition::Absent(names.hash),
                Condition::Ne(names.hash, Operand::Attribute(state::HASH)),
                Condition::Present(names.recheck_at),
            ]),
        ]),
        // The shop's desired state is the PIM's view, which changes without the ledger: never
        // skipped, and not even limited to products that a feed brought.
        Stage::Medusa => free,
    }
}

/// What a refused claim means, given the item that refused it.
#[must_use]
pub fn refused(stage: Stage, owner: &Owner, item: &Item, now: i64) -> Refusal {
    let state = ProductState::of(item);
    let held = state.stage(stage);
    match (&held.owner, held.until) {
        (Some(other), Some(until)) if *other != owner.0 && until >= now => Refusal::Final(Claim::Leased { until }),
        (Some(other), until) if *other != owner.0 => Refusal::Expired(Expired {
            dead: other.clone(),
            until: until.unwrap_or(0),
            recheck_at: held.recheck_at,
            deaths: held.deaths + 1,
        }),
        _ if claimable(stage, owner).holds(item) => Refusal::Free,
        _ if state.hash.is_none() => Refusal::Final(Claim::Unknown),
        _ => Refusal::Final(Claim::AlreadyApplied(state)),
    }
}

/// The conditional write that takes over a dead owner's lease. The stage is not to be believed
/// until that owner's last request can no longer land.
#[must_use]
pub fn take_over(stage: Stage, key: &ProductKey, owner: &Owner, expired: &Expired, now: i64, leases: Leases) -> Write {
    let names = stage.attributes();
    let landed = (expired.until + leases.landing_ms).max(now).max(expired.recheck_at.unwrap_or(now));
    let mut changes = lease(stage, owner, now, leases);
    changes.extend([Change::Set(names.recheck_at, landed.into()), Change::Add(names.deaths, 1)]);
    changes.extend(pending(key, now));
    Write {
        key: state::item_key(key),
        condition: Condition::All(vec![
            Condition::Eq(names.owner, Operand::Value(expired.dead.as_str().into())),
            Condition::Eq(names.until, Operand::Value(expired.until.into())),
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

/// An article is never pending: its members are, and they bring it ([`super::article`]).
fn pending(key: &ProductKey, now: i64) -> Vec<Change> {
    if key.is_article() {
        return Vec::new();
    }
    vec![
        Change::Set(state::PENDING_SHARD, state::pending_shard(key).into()),
        Change::SetIfAbsent(state::PENDING_SINCE, now.into()),
    ]
}

/// Whether completing now ends the doubt: it was not in doubt when it was claimed, or the claim
/// came after everything in doubt had landed, and nobody has doubted it since.
#[must_use]
pub fn ends_doubt(stage: Stage, claimed: &ProductState, seen: &ProductState, now: i64, leases: Leases) -> bool {
    let (claimed, seen) = (claimed.stage(stage), seen.stage(stage));
    claimed.recheck_at.is_none_or(|at| at <= leases.claimed_at(claimed, now)) && claimed.doubts == seen.doubts
}

/// The conditional write that completes a stage. `claimed` is the state that the claim gave, `seen`
/// the newest known (the same at first).
///
/// The product stops being pending when the stage is settled and both targets hold the desired
/// content.
#[must_use]
pub fn complete(
    stage: Stage,
    key: &ProductKey,
    owner: &Owner,
    (claimed, seen): (&ProductState, &ProductState),
    applied: &Applied,
    now: i64,
    leases: Leases,
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
        Change::Remove(names.deaths),
        Change::Remove(names.error),
    ];
    // An id that is the one of before is left alone: a release may have taken it away meanwhile.
    let known = claimed.stage(stage).applied.as_ref().and_then(|held| held.remote_id.as_ref());
    let id = (names.remote_id, &applied.remote_id);
    let optional = [(names.view, &applied.view), (names.seen, &applied.seen)];
    for (name, value) in optional.into_iter().chain((applied.remote_id.as_ref() != known).then_some(id)) {
        changes.push(value.as_ref().map_or(Change::Remove(name), |value| Change::Set(name, value.clone().into())));
    }
    let shown = shows_edits(stage, claimed, seen);
    if shown {
        conditions.push(edits_are(claimed.edits));
        changes.push(Change::Remove(state::EDITS));
    }
    if ends_doubt(stage, claimed, seen, now, leases) {
        let no_new_doubt = match claimed.stage(stage).doubts {
            Some(doubts) => Condition::Eq(names.doubts, Operand::Value(doubts.into())),
            None => Condition::Absent(names.doubts),
        };
        conditions.push(no_new_doubt);
        changes.extend([Change::Remove(names.recheck_at), Change::Remove(names.doubts)]);
        if ends_pending(stage, seen, applied) && (shown || seen.edits.is_none()) {
            if !shown {
                conditions.push(edits_are(None));
            }
            let other = stage.other().attributes();
            let same = || Operand::Value(applied.hash.as_str().into());
            if seen.hash.is_some() {
                conditions.push(Condition::Eq(state::HASH, same()));
                conditions.push(Condition::Eq(other.hash, same()));
            } else {
                conditions.push(Condition::Absent(state::HASH));
            }
            conditions.extend([other.recheck_at, other.owner].map(Condition::Absent));
            conditions.push(nothing_failed(stage.other()));
            conditions.extend((stage == Stage::Pimcore).then(shop_did_not_miss_it));
            changes.extend([state::PENDING_SINCE, state::PENDING_SHARD, other.error].map(Change::Remove));
        }
    }
    Write { key: state::item_key(key), condition: Condition::All(conditions), changes }
}

/// Whether completing `stage` shows the shop every save in the PIM that is known: those that the
/// claim saw, and no others since.
fn shows_edits(stage: Stage, claimed: &ProductState, seen: &ProductState) -> bool {
    stage == Stage::Medusa && claimed.edits == seen.edits
}

fn edits_are(edits: Option<i64>) -> Condition {
    match edits {
        Some(edits) => Condition::Eq(state::EDITS, Operand::Value(edits.into())),
        None => Condition::Absent(state::EDITS),
    }
}

/// What the change feed writes before it announces a save in the PIM to the shop: the product is
/// pending until a push that was claimed after this is complete, whatever becomes of the
/// announcement. Like new content it lifts a refusal ([`super::standing`]). Never refused.
#[must_use]
pub fn edited(key: &ProductKey, now: i64) -> Write {
    let mut changes = vec![Change::Add(state::EDITS, 1), Change::Remove(Stage::Medusa.attributes().attempts)];
    changes.extend(pending(key, now));
    Write { key: state::item_key(key), condition: Condition::Always, changes }
}

/// Whether completing `stage` with `applied` leaves nothing to do for the product, as far as `seen`
/// tells: the other target holds the desired content too, is not in doubt, has refused nothing, and
/// nobody is changing it. A product that no feed brought lives in the PIM only: the shop is all
/// there is. What the shop did not find in the PIM, and is not noted as gone ([`gone`]), was
/// restored or made anew: a push has to see it there.
#[must_use]
pub fn ends_pending(stage: Stage, seen: &ProductState, applied: &Applied) -> bool {
    let other = seen.stage(stage.other());
    let reached = match &seen.hash {
        Some(hash) => *hash == applied.hash && other.applied.as_ref().is_some_and(|held| held.hash == applied.hash),
        None => stage == Stage::Medusa,
    };
    let missed = stage == Stage::Pimcore && missed_by_shop(seen);
    reached && !missed && other.recheck_at.is_none() && other.owner.is_none() && !has_failed(stage.other(), other)
}

/// Whether a failure keeps a product pending. The PIM's does not that is about content of before: if
/// the newest is what the PIM holds, nobody claims its stage again, and no claim would end it. The
/// shop's stage is claimed each time.
fn has_failed(stage: Stage, held: &StageState) -> bool {
    held.last_error.is_some() && (stage == Stage::Medusa || held.attempts > 0)
}

/// [`has_failed`], as the condition of a write.
fn nothing_failed(stage: Stage) -> Condition {
    let names = stage.attributes();
    match stage {
        Stage::Pimcore => Condition::Any(vec![Condition::Absent(names.error), Condition::Absent(names.attempts)]),
        Stage::Medusa => Condition::Absent(names.error),
    }
}

fn missed_by_shop(state: &ProductState) -> bool {
    let in_shop = state.medusa.applied.as_ref();
    state.gone.is_none() && in_shop.is_some_and(|in_shop| in_shop.seen.as_deref() == Some(missing::SEEN))
}

/// [`missed_by_shop`], as the condition of a write.
fn shop_did_not_miss_it() -> Condition {
    let seen = Stage::Medusa.attributes().seen;
    let other = Condition::Ne(seen, Operand::Value(missing::SEEN.into()));
    Condition::Any(vec![Condition::Absent(seen), other, Condition::Present(gone::GONE)])
}

/// When (ms) a completed stage has to be done again, if it has: while it is in doubt it was not
/// settled.
#[must_use]
pub fn again_at(stage: Stage, after: &ProductState, now: i64) -> Option<i64> {
    after.stage(stage).recheck_at.map(|at| at.max(now))
}

/// The conditional write that ends a product's pending after both stages completed at the same
/// time, each without seeing the other; `None` where `after`, the state that completing left, is
/// not such a case.
#[must_use]
pub fn arrived(key: &ProductKey, after: &ProductState) -> Option<Write> {
    let hash = after.hash.as_ref()?;
    after.pending_since?;
    let settled = |stage: Stage| {
        let held = after.stage(stage);
        held.recheck_at.is_none()
            && held.owner.is_none()
            && !has_failed(stage, held)
            && held.applied.as_ref().is_some_and(|applied| applied.hash == *hash)
    };
    if after.edits.is_some() || missed_by_shop(after) || !Stage::ALL.into_iter().all(settled) {
        return None;
    }
    let same = || Operand::Value(hash.as_str().into());
    let mut conditions = vec![Condition::Eq(state::HASH, same()), edits_are(None), shop_did_not_miss_it()];
    for stage in Stage::ALL {
        let names = stage.attributes();
        conditions.push(Condition::Eq(names.hash, same()));
        conditions.extend([names.recheck_at, names.owner].map(Condition::Absent));
        conditions.push(nothing_failed(stage));
    }
    // Of the shop's stage there is none.
    let ends = [state::PENDING_SINCE, state::PENDING_SHARD, Stage::Pimcore.attributes().error];
    Some(Write {
        key: state::item_key(key),
        condition: Condition::All(conditions),
        changes: ends.map(Change::Remove).into(),
    })
}

/// The conditional write that gives a stage back with the reason; the product is pending, if it was
/// not. If the request may still land, the stage is in doubt until it no longer can.
#[must_use]
pub fn fail(stage: Stage, key: &ProductKey, owner: &Owner, failure: &Failure, now: i64, leases: Leases) -> Write {
    let names = stage.attributes();
    let error = state::stored_error(failure, now);
    let mut changes =
        vec![Change::Remove(names.owner), Change::Remove(names.until), Change::Set(names.error, error.into())];
    changes.extend(pending(key, now));
    if leaves_doubt(failure) {
        // Never earlier than what is there: every `recheck_at` is some past time plus `landing_ms`.
        changes.push(Change::Set(names.recheck_at, (now + leases.landing_ms).into()));
    }
    Write {
        key: state::item_key(key),
        condition: Condition::Eq(names.owner, Operand::Value(owner.0.clone().into())),
        changes,
    }
}

/// Whether a failure leaves open if the target is still executing the request. The clients know:
/// a write without an answer, or with one that a proxy may have given for it (5xx without
/// `Retry-After`).
/// They say so in `medusa/src/api/error.rs`, `pimcore/src/{client,answer}.rs`.
#[must_use]
pub fn leaves_doubt(failure: &Failure) -> bool {
    failure.kind == ErrorKind::Transient && failure.request == Fate::MayStillLand
}

/// What an owner writes that found its lease gone: what it did may have come after what the new
/// owner did. Never refused.
#[must_use]
pub fn doubt(stage: Stage, key: &ProductKey, now: i64) -> Write {
    let names = stage.attributes();
    let mut changes = vec![Change::SetIfAbsent(names.recheck_at, now.into()), Change::Add(names.doubts, 1)];
    changes.extend(pending(key, now));
    Write { key: state::item_key(key), condition: Condition::Always, changes }
}

#[cfg(test)]
mod tests {
    use catalog::{ContentHash, Version};

    use super::*;

    const LEASES: Leases = Leases { lease_ms: 90, landing_ms: 30 };

    /// The PIM holds A. B comes, and Pimcore refuses it; then a newer document says A again.
    #[test]
    fn a_failure_of_the_pim_about_content_of_before_keeps_nothing_pending() {
        let key: ProductKey = "demo:1".parse().unwrap();
        let error = r#"{"kind":"transient","code":"c","message":"m","at":5}"#;
        let text = |name: &str, text: &str| (name.to_owned(), crate::core::expression::Value::from(text));
        let held = [text("hash", "A"), text("pimcore_hash", "A"), text("pimcore_error", error)];
        let pending = [(state::PENDING_SINCE.to_owned(), crate::core::expression::Value::N(1))];
        for (attempts, ends) in [(0, true), (1, false)] {
            let mut item: Item = held.clone().into_iter().chain(pending.clone()).collect();
            if attempts > 0 {
                item.insert("pimcore_attempts".into(), crate::core::expression::Value::N(attempts));
            }
            assert_eq!(ProductState::of(&item).pimcore.last_error.map(|error| error.code).as_deref(), Some("c"));
            let refused = refused(Stage::Pimcore, &Owner("p".into()), &item, 2);
            assert!(matches!(refused, Refusal::Final(Claim::AlreadyApplied(_))), "nobody claims it: {refused:?}");
            let owner = Owner("m".into());
            let item = claim(Stage::Medusa, &key, &owner, 2, LEASES).apply(&item).unwrap();
            let seen = ProductState::of(&item);
            let applied = Applied {
                hash: ContentHash::from_text("A"),
                version: Version::from_text("v"),
                remote_id: None,
                view: None,
                seen: None,
                at: 0,
            };
            let done = complete(Stage::Medusa, &key, &owner, (&seen, &seen), &applied, 3, LEASES);
            let after = ProductState::of(&done.apply(&item).unwrap());
            assert_eq!((after.pending_since.is_none(), after.pimcore.last_error.is_none()), (ends, ends));
        }
    }
}
