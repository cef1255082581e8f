//! A target's circuit breaker at work: [`trip`] by a function that meets failures, [`tend`] on a schedule.

use std::future::Future;

use catalog::Failure;

use super::{Ledger, LedgerError};
use crate::core::breaker::{self, Breaker, Mode, Todo};
pub use crate::core::breaker::{Failures, Flow, Settings};
use crate::core::stage::{Owner, Stage};
use crate::core::{Item, ItemKey, Write};

/// Where breakers are kept: the ledger's table.
pub trait Store {
    /// An item, consistently read.
    fn read(&self, key: &ItemKey) -> impl Future<Output = Result<Item, LedgerError>>;
    /// A conditional write: the item after it, or the item that refused it.
    fn write(&self, write: &Write) -> impl Future<Output = Result<Result<Item, Item>, LedgerError>>;
}

impl Store for Ledger {
    async fn read(&self, key: &ItemKey) -> Result<Item, LedgerError> {
        Self::read(self, key).await
    }

    async fn write(&self, write: &Write) -> Result<Result<Item, Item>, LedgerError> {
        Self::write(self, write).await
    }
}

/// The event source mapping of a target's queue (`UpdateEventSourceMapping`). Saying the same twice has to be harmless.
pub trait Mapping {
    /// Lets this much through.
    fn tell(&self, target: Stage, flow: Flow) -> impl Future<Output = Result<(), Failure>>;
}

/// Tests a target with a request that changes nothing.
pub trait Health {
    /// Whether it works.
    fn works(&self, target: Stage) -> impl Future<Output = bool>;
}

/// The breaker of a target. For environments that have met a failure: a healthy one has no reason to ask.
///
/// # Errors
/// [`LedgerError::Store`].
pub async fn look(store: &impl Store, target: Stage) -> Result<Breaker, LedgerError> {
    Ok(Breaker::of(&store.read(&breaker::item_key(target)).await?))
}

/// Opens a target's breaker: one conditional write. Somebody else's opening is as good. The mapping is told by [`tend`].
///
/// # Errors
/// [`LedgerError::Store`].
pub async fn trip(
    store: &impl Store,
    target: Stage,
    reason: &str,
    settings: &Settings,
    now: i64,
) -> Result<Breaker, LedgerError> {
    let mut seen = look(store, target).await?;
    while !seen.is_open() {
        match store.write(&breaker::trip(target, &seen, reason, settings, now)).await? {
            Ok(after) => {
                let opened = Breaker::of(&after);
                transition(target, &opened, reason);
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

/// Does what is due about a target's breaker: tells the mapping, probes, takes the next step of the return. To be called every minute or
/// so, by as many as like.
///
/// # Errors
/// [`LedgerError::Store`]. A mapping that cannot be told is no error: it is told again next time.
pub async fn tend(
    store: &impl Store,
    mapping: &impl Mapping,
    health: &impl Health,
    target: Stage,
    owner: &Owner,
    settings: &Settings,
    now: i64,
) -> Result<Breaker, LedgerError> {
    let mut seen = look(store, target).await?;
    let after = match seen.todo(settings, now) {
        Todo::Nothing => None,
        Todo::Advance => Some(store.write(&breaker::advance(target, &seen, settings, now)).await?),
        Todo::Probe => match store.write(&breaker::probe(target, owner, settings, now)).await? {
            Err(item) => Some(Err(item)),
            Ok(item) => {
                let works = health.works(target).await;
                let probing = Breaker::of(&item);
                Some(store.write(&breaker::probed(target, owner, &probing, works, settings, now)).await?)
            }
        },
    };
    match after {
        Some(Ok(item)) => {
            let before = seen.mode;
            seen = Breaker::of(&item);
            if seen.mode != before {
                transition(target, &seen, "probed");
            }
        }
        Some(Err(item)) => seen = Breaker::of(&item),
        None => {}
    }
    if let Some(flow) = seen.untold(settings) {
        match mapping.tell(target, flow).await {
            Ok(()) => {
                // Refused when the breaker has gone on meanwhile: the next call tells what it says then.
                let noted = store.write(&breaker::told(target, &seen, flow)).await?;
                seen = Breaker::of(noted.as_ref().unwrap_or_else(|item| item));
            }
            Err(failure) => {
                tracing::error!(target_system = target.as_str(), ?flow, %failure, "the event source mapping was not told");
            }
        }
    }
    Ok(seen)
}

/// One line for each transition, with the number that a metric filter counts.
fn transition(target: Stage, breaker: &Breaker, reason: &str) {
    let (mode, open) = match breaker.mode {
        Mode::Closed => ("closed", 0),
        Mode::Open { .. } => ("open", 1),
        Mode::Returning { .. } => ("returning", 0),
    };
    tracing::warn!(
        target_system = target.as_str(),
        mode,
        breaker_open = open,
        openings = breaker.openings,
        reason = breaker.reason.as_deref().unwrap_or(reason),
        "circuit breaker"
    );
}
