//! Which pending products and running feeds are announced again.
//!
//! A lost announcement costs delay, not data: whatever has been pending for too long, with nobody
//! at work on it, is announced again. Two things keep that from making trouble of its own. Every
//! failed attempt doubles the wait, so a target that is down for a day does not get the same
//! products every few minutes. And a product whose content the target refuses waits for new content
//! or a person.

use ledger::core::standing;
use ledger::{ProductState, Run, RunId, RunStatus, Stage};

/// The numbers of the sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How long a product may be pending with nothing happening, in ms.
    pub first_ms: i64,
    /// The longest wait between two announcements of a product, in ms.
    pub longest_ms: i64,
    /// Failed attempts of one message: SQS moves it to the dead-letter queue after as many.
    pub attempts_per_message: i64,
    /// How long a run may be without a reader, in ms.
    pub run_ms: i64,
    /// How often a run is put back on the queue.
    pub run_resumes: i64,
}

impl Default for Patience {
    /// Ten minutes, at most six hours; a run after 30 minutes, four times.
    fn default() -> Self {
        const MINUTE: i64 = 60_000;
        Self {
            first_ms: 10 * MINUTE,
            longest_ms: 360 * MINUTE,
            attempts_per_message: 8,
            run_ms: 30 * MINUTE,
            run_resumes: 4,
        }
    }
}

/// What to do about a pending product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Overdue {
    Announce(Stage),
    /// Nothing is pending any more.
    Settled,
    /// Somebody is working on it.
    WorkedOn(Stage),
    /// Its next announcement is due at this time (ms).
    NotYet(Stage, i64),
    /// The target refuses the content, for the reason of this code.
    Refused(Stage, String),
}

impl Overdue {
    /// The word for reports: why a product is not announced.
    #[must_use]
    pub fn held_back(&self) -> Option<String> {
        match self {
            Self::Announce(_) => None,
            Self::Settled => Some("settled".to_owned()),
            Self::WorkedOn(stage) => Some(format!("{} being_worked_on", stage.as_str())),
            Self::NotYet(stage, _) => Some(format!("{} waiting", stage.as_str())),
            Self::Refused(stage, code) => Some(format!("{} {code}", stage.as_str())),
        }
    }
}

/// The stage at which a pending product stands.
#[must_use]
pub fn stage_of(state: &ProductState) -> Option<Stage> {
    state.pending_since?;
    let there = |stage: Stage| {
        let held = state.stage(stage);
        held.recheck_at.is_none() && held.applied.as_ref().map(|applied| &applied.hash) == state.hash.as_ref()
    };
    Some(if state.hash.is_some() && !there(Stage::Pimcore) { Stage::Pimcore } else { Stage::Medusa })
}

/// Decides about a product at `now` (ms).
#[must_use]
pub fn product(state: &ProductState, patience: &Patience, now: i64) -> Overdue {
    let (Some(since), Some(stage)) = (state.pending_since, stage_of(state)) else { return Overdue::Settled };
    let held = state.stage(stage);
    if let Some(until) = held.until.filter(|until| held.owner.is_some() && *until > now) {
        let _ = until;
        return Overdue::WorkedOn(stage);
    }
    if let Some(error) = standing::refusal(state, stage) {
        return Overdue::Refused(stage, error.code.clone());
    }
    // The last sign of life of this stage.
    let signs = [
        Some(since),
        held.until,
        held.last_error.as_ref().map(|error| error.at),
        held.applied.as_ref().map(|applied| applied.at),
        (stage == Stage::Medusa).then(|| state.pimcore.applied.as_ref().map(|applied| applied.at)).flatten(),
    ];
    let last = signs.into_iter().flatten().max().unwrap_or(since);
    let doublings = (held.attempts / patience.attempts_per_message.max(1)).clamp(0, 20);
    let wait = patience.first_ms.saturating_mul(1 << doublings).min(patience.longest_ms);
    let due = last.saturating_add(wait).max(held.recheck_at.unwrap_or(0));
    if due > now { Overdue::NotYet(stage, due) } else { Overdue::Announce(stage) }
}

/// Whether a run has lost its reader: running, nobody's lease, and no sign of life for a while.
#[must_use]
pub fn run(run: &Run, patience: &Patience, now: i64) -> bool {
    let last = run.until.unwrap_or(run.started).max(run.started);
    run.status == RunStatus::Running && last.saturating_add(patience.run_ms) <= now
}

/// The object version that a run's partition key belongs to: `F#<bucket>#<key>#<object version>`. A
/// key may contain `#`, the other two cannot.
#[must_use]
pub fn run_of(pk: &str) -> Option<RunId> {
    let (bucket, rest) = pk.strip_prefix("F#")?.split_once('#')?;
    let (key, object_version) = rest.rsplit_once('#')?;
    Some(RunId { bucket: bucket.to_owned(), key: key.to_owned(), object_version: object_version.to_owned() })
}
