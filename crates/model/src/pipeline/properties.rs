//! What must hold, by name.

use stateright::Property;

use super::stages::believed;
use super::world::{AttemptStep, DELETED, STAGES, Worker};
use super::{Pipeline, World};

pub(super) const NEWEST: &str = "at rest both targets hold the newest desired state";
/// An older document never replaces a newer one for good.
pub(super) const NEVER_OLDER: &str = "no accepted newer state is overwritten for good by an older one";
/// What is not as it should be is known to be so.
pub(super) const NOT_SILENT: &str = "no product is stuck without a lease, a message or a recorded error";
/// The ledger is right about the targets.
pub(super) const BELIEF: &str = "what the ledger holds for applied and settled is what the target holds";
/// Leases do what they are for.
pub(super) const ONE_WORKER: &str = "a stage of a product has one worker within its lease at a time";
/// Without lost messages the sweep has nothing to do.
pub(super) const NO_SWEEP: &str = "without lost messages nothing waits for the sweep";
pub(super) const STANDS: &str = "what a person took off sale in the shop stands";
pub(super) const STAYS_AWAY: &str = "what a person deleted in the PIM stays away";
/// Whatever happened, quiet brings everything to rest.
pub(super) const RECOVERS: &str = "once nothing goes wrong any more, everything arrives";

pub(super) fn all() -> Vec<Property<Pipeline>> {
    vec![
        Property::always(NEWEST, newest),
        Property::always(NEVER_OLDER, never_older),
        Property::always(NOT_SILENT, not_silent),
        Property::always(BELIEF, belief),
        Property::always(ONE_WORKER, one_worker),
        Property::always(NO_SWEEP, no_sweep),
        Property::always(STANDS, |_: &Pipeline, world: &World| world.stands()),
        Property::always(STAYS_AWAY, |_: &Pipeline, world: &World| world.stays_away()),
        Property::always(RECOVERS, recovers),
        Property::sometimes("the newest state arrives", |model: &Pipeline, world: &World| {
            world.at_rest() && world.converged(model.newest()) && !world.pending()
        }),
    ]
}

fn newest(model: &Pipeline, world: &World) -> bool {
    !world.at_rest() || world.lost || world.excused() || world.converged(model.newest())
}

fn never_older(model: &Pipeline, world: &World) -> bool {
    let known = |item: &ledger::core::Item| super::world::hash_of(item, "hash") == Some(model.newest());
    !world.at_rest() || (known(&world.doc) && known(&world.state))
}

fn not_silent(model: &Pipeline, world: &World) -> bool {
    let known = world.known();
    let open = STAGES.iter().any(|stage| {
        let held = known.stage(*stage);
        held.last_error.is_some() || held.recheck_at.is_some()
    });
    !world.at_rest() || world.pending() || (world.converged(model.newest()) && !open)
}

fn belief(_: &Pipeline, world: &World) -> bool {
    let known = world.known();
    STAGES.iter().enumerate().all(|(at, stage)| {
        let held = known.stage(*stage);
        let open = held.owner.is_some()
            || held.recheck_at.is_some()
            || world.flights.iter().any(|flight| flight.stage == at)
            || world.workers[at].iter().any(|worker| matches!(worker, Worker::Working(_)));
        open || match (believed(&world.state, at), world.targets[at]) {
            (None, _) => true,
            // A person has deleted it: the ledger goes on knowing what it once held. Of what is
            // noted as gone it believes nothing.
            (Some(_), Some(DELETED)) if at == 0 => true,
            _ if at == 0 && known.gone.is_some() => true,
            // Nor has the shop what a person deleted there.
            _ if at == 1 && world.shelf.status == super::shelf::Status::Deleted => true,
            // A draft needs no withdrawing, whoever made it one.
            (Some(DELETED), Some(_)) if at == 1 => world.shelf.status != super::shelf::Status::Published,
            (Some(view), Some(target)) => target.content == view.content && (at == 0 || target.edit == view.edit),
            // What was never there is not for sale either.
            (Some(view), None) => at == 1 && view == DELETED,
        }
    })
}

fn one_worker(_: &Pipeline, world: &World) -> bool {
    let holds = |worker: &&Worker| match worker {
        Worker::Working(work) => !work.stalled && !matches!(work.step, AttemptStep::Arrived(_) | AttemptStep::Doubt),
        Worker::Idle | Worker::Claiming | Worker::TakingOver(_) | Worker::PassingOn => false,
    };
    world.workers.iter().all(|workers| workers.iter().filter(holds).count() <= 1)
}

fn no_sweep(_: &Pipeline, world: &World) -> bool {
    // A push that was claimed before the PIM's stage was first completed, and finds the product
    // deleted, does not know what the PIM held.
    let overtaken = world.targets[0] == Some(DELETED);
    !world.at_rest() || overtaken || world.lost || world.excused() || !world.pending()
}

fn recovers(model: &Pipeline, world: &World) -> bool {
    // The others reach such a state by taking their next steps.
    if !world.workers_idle() || world.runs.iter().any(|run| run.phase.under_way()) {
        return true;
    }
    let end = model.quiet(world);
    end.at_rest() && end.converged(model.newest()) && !end.pending()
}
