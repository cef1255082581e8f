//! What can go wrong where.

use super::Action;
use super::world::{WorkStep, Worker, World};

pub(crate) fn of_worker(world: &World, stage: usize, index: usize, worker: &Worker, actions: &mut Vec<Action>) {
    if *worker == Worker::Idle {
        return;
    }
    actions.push(Action::Work(stage, index));
    let Worker::Working(work) = worker else {
        if world.left.crashes > 0 {
            actions.push(Action::Dies(stage, index));
        }
        return;
    };
    let acting = matches!(work.step, WorkStep::Act(..));
    // A target may refuse to say what it holds, too.
    if world.left.refusals > 0 && (acting || matches!(work.step, WorkStep::Check(_))) {
        actions.push(Action::Refuses(stage, index));
    }
    // One who goes on beyond its lease reports what it did: else nobody could know.
    if work.stalled {
        return;
    }
    if world.left.stalls > 0 {
        actions.push(Action::Stalls(stage, index));
    }
    if world.left.crashes > 0 {
        actions.push(Action::Dies(stage, index));
        if acting {
            actions.push(Action::DiesSending(stage, index));
        }
    }
    if world.left.timeouts > 0 && acting {
        actions.push(Action::TimesOut(stage, index));
    }
}

pub(crate) fn of_queue(world: &World, stage: usize, actions: &mut Vec<Action>) {
    if world.queues[stage] > 0 {
        if world.left.duplicates > 0 {
            actions.push(Action::Duplicates(stage));
        }
        if world.left.losses > 0 {
            actions.push(Action::Loses(stage));
        }
    }
    // A message can only come back that was once sent.
    let once = if stage == 0 { !world.state.is_empty() } else { world.targets[0].is_some() };
    if once && world.left.redrives > 0 {
        actions.push(Action::Redrives(stage));
    }
}
