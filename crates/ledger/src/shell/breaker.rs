//! Circuit breakers at work: [`trip`] by a function that meets failures, [`tend`] on a schedule and
//! when one was tripped.

use std::collections::BTreeMap;
use std::future::Future;

use catalog::Failure;

use super::{Ledger, LedgerError, Table};
use crate::core::breaker::{self, Breaker, Mode, Todo};
pub use crate::core::breaker::{Flow, Settings, asked_by};
use crate::core::stage::{Owner, Stage};
pub use crate::core::unanswered::{Seen, Unanswered, Verdict, is_choke, seen, seen_in_passing};

/// The event source mapping of a stage's queue (`UpdateEventSourceMapping`). Saying the same twice
/// has to be harmless.
pub trait Mapping {
    /// Lets this much through.
    fn tell(&self, queue: Stage, flow: Flow) -> impl Future<Output = Result<(), Failure>>;
}

/// Tests a target with a request that changes nothing.
pub trait Health {
    fn works(&self, target: Stage) -> impl Future<Output = bool>;
}

/// The breaker of a target. For environments that have met a failure: a healthy one has no reason
/// to ask.
///
/// # Errors
/// [`LedgerError::Store`].
pub async fn look<T: Table>(ledger: &Ledger<T>, target: Stage) -> Result<Breaker, LedgerError> {
    Ok(Breaker::of(&ledger.read(&breaker::item_key(target)).await?))
}

/// Opens a target's breaker: one conditional write. Somebody else's opening is as good. The
/// mappings are told by [`tend`].
///
/// # Errors
/// [`LedgerError::Store`].
pub async fn trip<T: Table>(
    ledger: &Ledger<T>,
    target: Stage,
    reason: &str,
    settings: &Settings,
    now: i64,
) -> Result<Breaker, LedgerError> {
    let mut seen = look(ledger, target).await?;
    while !seen.is_open() {
        match ledger.write(&breaker::trip(target, &seen, reason, settings, now)).await? {
            Ok(after) => {
                let opened = Breaker::of(&after);
                transition(target, &opened);
                return Ok(opened);
            }
            Err(item) => {
                let now_seen = Breaker::of(&item);
                if now_seen == seen {
                    break;
                }
                seen = now_seen;
            }
        }
    }
    Ok(seen)
}

/// Does what is due about all breakers: probes, takes the next step of a return, and tells the
/// mappings what follows. To be called every minute or so, and when one was tripped, by as many as
/// like.
///
/// # Errors
/// [`LedgerError::Store`]. A mapping that cannot be told is no error: it is told again next time.
pub async fn tend<T: Table>(
    ledger: &Ledger<T>,
    mapping: &impl Mapping,
    health: &impl Health,
    owner: &Owner,
    settings: &Settings,
    now: i64,
) -> Result<BTreeMap<Stage, Breaker>, LedgerError> {
    let mut breakers = BTreeMap::new();
    for target in Stage::ALL {
        breakers.insert(target, step(ledger, health, target, owner, settings, now).await?);
    }
    let mut untold = Vec::new();
    for queue in Stage::ALL {
        let asked = || asked_by(queue).iter().filter_map(|target| breakers.get(target));
        if asked().all(Breaker::is_over) {
            continue;
        }
        let flow = breaker::flow(asked(), settings);
        if let Err(failure) = mapping.tell(queue, flow).await {
            tracing::error!(queue = queue.as_str(), ?flow, %failure, "the event source mapping was not told");
            untold.push(queue);
        }
    }
    for (target, seen) in &mut breakers {
        let told = !untold.iter().any(|queue| asked_by(*queue).contains(target));
        if told && seen.may_be_over(settings, now) {
            // Refused when it has gone on meanwhile: then it is not over.
            let noted = ledger.write(&breaker::note_over(*target, seen)).await?;
            *seen = Breaker::of(noted.as_ref().unwrap_or_else(|item| item));
        }
    }
    Ok(breakers)
}

/// Probes, or takes the next step of the return, if that is due.
async fn step<T: Table>(
    ledger: &Ledger<T>,
    health: &impl Health,
    target: Stage,
    owner: &Owner,
    settings: &Settings,
    now: i64,
) -> Result<Breaker, LedgerError> {
    let seen = look(ledger, target).await?;
    let after = match seen.todo(settings, now) {
        Todo::Nothing => return Ok(seen),
        Todo::Advance => ledger.write(&breaker::advance(target, &seen, settings, now)).await?,
        Todo::Probe => match ledger.write(&breaker::probe(target, owner, settings, now)).await? {
            Err(item) => Err(item),
            Ok(item) => {
                let works = health.works(target).await;
                let probing = Breaker::of(&item);
                ledger.write(&breaker::probed(target, owner, &probing, works, settings, now)).await?
            }
        },
    };
    Ok(match after {
        Ok(item) => {
            let moved = Breaker::of(&item);
            if moved.mode != seen.mode {
                transition(target, &moved);
            }
            moved
        }
        // Somebody else was quicker, and has logged it.
        Err(item) => Breaker::of(&item),
    })
}

/// One line for each transition.
fn transition(target: Stage, breaker: &Breaker) {
    let (mode, retry_at, step) = match breaker.mode {
        Mode::Closed => ("closed", None, None),
        Mode::Open { retry_at } => ("open", Some(retry_at), None),
        Mode::Returning { step } => ("returning", None, Some(step)),
    };
    tracing::warn!(
        target_system = target.as_str(),
        mode,
        retry_at,
        step,
        openings = breaker.openings,
        reason = breaker.reason,
        "circuit breaker"
    );
}
