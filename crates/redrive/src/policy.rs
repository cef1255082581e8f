//! One dead letter, with all that is known: drop, redrive, park or leave.
//!
//! In this order, the first that holds:
//!
//! | what is known | decision |
//! |---|---|
//! | the letter cannot be understood | park (the sender's reason, else `message_not_understood`) |
//! | its product or feed has got where the letter wanted it | drop (`healed`) |
//! | it was sent longer ago than the age limit, well before SQS would delete it | park (`too_old`) |
//! | somebody is working on it right now | leave (`being_worked_on`) |
//! | the ledger does not know the product, on the PIM's queue | park (`unknown_product`) |
//! | the target refuses the content | park (the recorded code) |
//! | the target does not answer | leave (`target_unavailable`) |
//! | it was redriven as often as allowed | park (`redrives_exhausted`) |
//! | it was redriven a short while ago | leave (`waiting`) |
//! | otherwise | redrive (the recorded code, or `no_reason_recorded`) |
//!
//! The ledger's word on a product is newer than the one on the letter: a function that refused a
//! product wrote both, and newer content clears the ledger's. The letter's own counts when the
//! ledger has none, unless newer content has come since the letter was sent: then it died of
//! something that nobody wants any more (`superseded`), and is worth another try.
//!
//! A letter dropped by mistake would be an edit lost; one redriven by mistake is a duplicate, which
//! is harmless. So `healed` asks for proof: for the PIM, that it holds the desired content; for the
//! shop, whose desired content is the PIM's, that work which began after the letter was sent was
//! completed. A function that refuses a product says so in the ledger before it sends the letter,
//! and nothing but completed work takes that word back: a product at rest has been brought to the
//! shop since, whatever the clocks say.

use catalog::{ErrorKind, ProductKey};
use ledger::{ProductState, Run, RunStatus, Stage};

use crate::codes;
use crate::letter::{DeadLetter, Reason, Subject};
use crate::request::QueueName;

/// What the ledger says about the letter's subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    Product(Box<ProductState>),
    /// About a feed run, if it was ever begun.
    Run(Option<Box<Run>>),
    /// The subject is not known, so there was nothing to look up.
    Nothing,
}

/// All that a decision rests on.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// The queue the letter belongs to.
    pub queue: QueueName,
    pub letter: &'a DeadLetter,
    pub subject: &'a Subject,
    /// What the ledger says.
    pub known: &'a Known,
    /// Whether the queue's target answers.
    pub target_answers: bool,
}

/// The numbers of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub max_redrives: u32,
    /// Time between two redrives of one letter: this, doubled each time, up to
    /// [`Limits::longest_wait_ms`].
    pub first_wait_ms: i64,
    /// Longest time between two redrives of one letter.
    pub longest_wait_ms: i64,
    /// Age at which a letter is parked whatever else holds. SQS deletes a message after 14 days at
    /// most.
    pub age_limit_ms: i64,
    /// How long a function may work on a message: work completed less than this after the letter
    /// was sent may have begun before.
    pub work_ms: i64,
}

impl Default for Limits {
    /// Eight redrives over about a day; parked after ten days; work may take as long as a lease,
    /// and half a minute for skewed clocks.
    fn default() -> Self {
        const MINUTE: i64 = 60_000;
        Self {
            max_redrives: 8,
            first_wait_ms: 10 * MINUTE,
            longest_wait_ms: 6 * 60 * MINUTE,
            age_limit_ms: 10 * 24 * 60 * MINUTE,
            work_ms: Stage::Medusa.leases().lease_ms + MINUTE / 2,
        }
    }
}

/// What becomes of a letter, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Delete it: there is nothing left to do.
    Drop(Reason),
    /// Send it back to its queue.
    Redrive(Reason),
    /// Keep it in S3 for a person.
    Park(Reason),
    /// Not now.
    Leave(Reason),
}

impl Decision {
    /// Why.
    #[must_use]
    pub const fn reason(&self) -> &Reason {
        match self {
            Self::Drop(reason) | Self::Redrive(reason) | Self::Park(reason) | Self::Leave(reason) => reason,
        }
    }

    /// The word for reports and metrics.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Drop(_) => "drop",
            Self::Redrive(_) => "redrive",
            Self::Park(_) => "park",
            Self::Leave(_) => "leave",
        }
    }
}

/// The reason on record: the ledger's, or else the letter's own.
#[must_use]
pub fn recorded(facts: &Facts<'_>) -> Option<Reason> {
    if let Subject::Unreadable(why) = facts.subject {
        return Some(unreadable(facts.letter, why));
    }
    let ledger = match facts.known {
        // An error without an attempt is about content that has been replaced since.
        Known::Product(state) => {
            let held = facts.queue.stage().map(|stage| state.stage(stage)).filter(|held| held.attempts > 0);
            held.and_then(|held| held.last_error.clone())
        }
        Known::Run(_) | Known::Nothing => None,
    };
    let ledger = ledger.map(|error| Reason { kind: error.kind, code: error.code, message: error.message });
    let run = match facts.known {
        Known::Run(Some(run)) if run.status == RunStatus::Failed => {
            let why = run.reason.as_deref().unwrap_or("no reason recorded");
            Some(because(ErrorKind::Permanent, codes::FEED_FAILED, &format!("run {}: {why}", run.name)))
        }
        _ => None,
    };
    let of_its_own = || {
        let superseded =
            || because(ErrorKind::Transient, codes::SUPERSEDED, "newer content has come since the letter died");
        facts.letter.reason().map(|reason| if superseded_by_newer(facts) { superseded() } else { reason })
    };
    ledger.or(run).or_else(of_its_own)
}

/// Why a letter is parked that nobody can read: what its sender said, or that it is no message.
fn unreadable(letter: &DeadLetter, why: &str) -> Reason {
    letter.reason().unwrap_or_else(|| because(ErrorKind::Poison, codes::MESSAGE_NOT_UNDERSTOOD, why))
}

/// Decides about one letter at `now` (ms).
#[must_use]
pub fn decide(facts: &Facts<'_>, limits: &Limits, now: i64) -> Decision {
    use ErrorKind::{Permanent, Transient};
    let letter = facts.letter;
    let recorded = recorded(facts);
    if let Subject::Unreadable(why) = facts.subject {
        return Decision::Park(unreadable(letter, why));
    }
    if let Some(healed) = healed(facts, limits) {
        return Decision::Drop(because(Transient, codes::HEALED, &healed));
    }
    let age = now.saturating_sub(letter.sent_ms);
    if age >= limits.age_limit_ms {
        let last = recorded.map(|r| format!("; last reason: {} [{}]", r.message, r.code)).unwrap_or_default();
        let days = age / 86_400_000;
        return Decision::Park(because(
            Permanent,
            codes::TOO_OLD,
            &format!("{days} days on the dead-letter queue{last}"),
        ));
    }
    if let Some(until) = worked_on(facts, now) {
        let seconds = (until - now) / 1000;
        return Decision::Leave(because(Transient, codes::BEING_WORKED_ON, &format!("leased for another {seconds} s")));
    }
    if let (Subject::Product(key), Known::Product(state)) = (facts.subject, facts.known)
        && facts.queue == QueueName::Pimcore
        && state.hash.is_none()
    {
        return Decision::Park(unknown_product(key, recorded));
    }
    if let Some(reason) = &recorded
        && reason.kind.is_final()
    {
        return Decision::Park(reason.clone());
    }
    if !facts.target_answers {
        let last = recorded.map(|r| format!("; last reason: {} [{}]", r.message, r.code)).unwrap_or_default();
        return Decision::Leave(because(
            Transient,
            codes::TARGET_UNAVAILABLE,
            &format!("{} does not answer{last}", facts.queue),
        ));
    }
    if letter.redrives() >= limits.max_redrives {
        let last = recorded.map(|r| format!("; last reason: {} [{}]", r.message, r.code)).unwrap_or_default();
        let times = letter.redrives();
        return Decision::Park(because(Permanent, codes::REDRIVES_EXHAUSTED, &format!("redriven {times} times{last}")));
    }
    let due = letter.sent_ms.saturating_add(wait(letter, limits));
    if due > now {
        let (times, seconds) = (letter.redrives(), (due - now) / 1000);
        let why = format!("redriven {times} times, next in {seconds} s");
        return Decision::Leave(because(Transient, codes::WAITING, &why));
    }
    Decision::Redrive(recorded.unwrap_or_else(|| {
        because(Transient, codes::NO_REASON_RECORDED, "the function died or ran out of time before it could say why")
    }))
}

/// How long after it was sent a letter may be redriven: at once the first time, then longer each
/// time. Spread by a quarter by the letter's id, so that letters that died together do not come
/// back together.
fn wait(letter: &DeadLetter, limits: &Limits) -> i64 {
    let redrives = letter.redrives();
    if redrives == 0 {
        return 0;
    }
    let full = limits.first_wait_ms.saturating_mul(1 << (redrives - 1).min(20)).min(limits.longest_wait_ms);
    let spread = letter.origin_id().bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    full - full / 4 * i64::from(spread % 1000) / 1000
}

/// Why there is nothing left to do, if so.
fn healed(facts: &Facts<'_>, limits: &Limits) -> Option<String> {
    match (facts.known, facts.queue.stage()) {
        (Known::Run(Some(run)), _) if matches!(run.status, RunStatus::Completed | RunStatus::Superseded) => {
            Some(format!("run {} is {}", run.name, run.status.as_str()))
        }
        (Known::Product(state), Some(stage)) => {
            let held = state.stage(stage);
            let applied = held.applied.as_ref().filter(|_| held.recheck_at.is_none())?;
            let proven = match stage {
                Stage::Pimcore => state.hash.as_ref() == Some(&applied.hash),
                Stage::Medusa => {
                    applied.at > facts.letter.sent_ms.saturating_add(limits.work_ms)
                        || facts.letter.reason().is_some_and(|reason| reason.kind.is_final()) && at_rest(state)
                }
            };
            proven.then(|| format!("{} holds version {}", stage.as_str(), applied.version))
        }
        _ => None,
    }
}

/// Nothing is pending, nobody is at work, and no word of a failure is left.
fn at_rest(state: &ProductState) -> bool {
    let quiet = |stage| state.stage(stage).last_error.is_none() && state.stage(stage).owner.is_none();
    state.pending_since.is_none() && Stage::ALL.into_iter().all(quiet)
}

/// Until when (ms) somebody is working on it.
fn worked_on(facts: &Facts<'_>, now: i64) -> Option<i64> {
    let (owner, until) = match (facts.known, facts.queue.stage()) {
        (Known::Product(state), Some(stage)) => (&state.stage(stage).owner, state.stage(stage).until),
        (Known::Run(Some(run)), _) if run.status == RunStatus::Running => (&run.owner, run.until),
        _ => return None,
    };
    until.filter(|until| owner.is_some() && *until > now)
}

/// Whether the letter died of content that is no longer desired: the newest content arrived after
/// the letter was sent.
fn superseded_by_newer(facts: &Facts<'_>) -> bool {
    let Known::Product(state) = facts.known else { return false };
    let arrived = state.version.as_ref().and_then(|version| version.as_str().get(..13)?.parse::<i64>().ok());
    arrived.is_some_and(|arrived| arrived > facts.letter.sent_ms)
}

fn unknown_product(key: &ProductKey, recorded: Option<Reason>) -> Reason {
    recorded.filter(|reason| reason.kind.is_final()).unwrap_or_else(|| {
        because(ErrorKind::Permanent, codes::UNKNOWN_PRODUCT, &format!("the ledger knows no product {key}"))
    })
}

fn because(kind: ErrorKind, code: &str, message: &str) -> Reason {
    Reason { kind, code: code.to_owned(), message: message.to_owned() }
}
