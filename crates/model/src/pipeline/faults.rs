//! What can go wrong where, and what it does to the world.

use super::Event;
use super::shelf::Status;
use super::stages::flight;
use super::world::{Attempt, AttemptStep, Phase, Run, Worker, World};

pub(crate) fn of_worker(world: &World, stage: usize, index: usize, worker: &Worker, actions: &mut Vec<Event>) {
    if *worker == Worker::Idle {
        return;
    }
    actions.push(Event::Steps(stage, index));
    let Worker::Working(work) = worker else {
        if world.left.crashes > 0 {
            actions.push(Event::Dies(stage, index));
        }
        return;
    };
    let acting = matches!(work.step, AttemptStep::Act(..));
    // A target may refuse to say what it holds, too.
    if world.left.refusals > 0 && (acting || matches!(work.step, AttemptStep::Check(_))) {
        actions.push(Event::Refuses(stage, index));
    }
    // One who goes on beyond its lease reports what it did: else nobody could know.
    if work.stalled {
        return;
    }
    if world.left.stalls > 0 {
        actions.push(Event::Stalls(stage, index));
    }
    if world.left.crashes > 0 {
        actions.push(Event::Dies(stage, index));
        if acting {
            actions.push(Event::DiesSending(stage, index));
        }
    }
    if world.left.timeouts > 0 && acting {
        actions.push(Event::TimesOut(stage, index));
    }
}

pub(crate) fn of_queue(world: &World, stage: usize, actions: &mut Vec<Event>) {
    if world.queues[stage] > 0 {
        if world.left.duplicates > 0 {
            actions.push(Event::Duplicates(stage));
        }
        if world.left.losses > 0 {
            actions.push(Event::Loses(stage));
        }
    }
    // A message can only come back that was once sent.
    let once = if stage == 0 { !world.state.is_empty() } else { world.targets[0].is_some() };
    if once && world.left.redrives > 0 {
        actions.push(Event::Redrives(stage));
    }
}

impl World {
    pub(crate) fn run_dies(&mut self, index: usize) {
        self.left.crashes -= 1;
        self.runs[index].phase = Phase::Waiting;
        self.runs[index].wrote = true;
    }

    pub(crate) fn run_twice(&mut self, index: usize) {
        self.left.duplicates -= 1;
        self.runs.push(Run { phase: Phase::Waiting, wrote: true, ..self.runs[index] });
    }

    pub(crate) fn take(&mut self, stage: usize) {
        self.queues[stage] -= 1;
        if let Some(idle) = self.workers[stage].iter_mut().find(|worker| **worker == Worker::Idle) {
            *idle = Worker::Claiming;
        }
    }

    pub(crate) fn dies(&mut self, stage: usize, index: usize) {
        self.left.crashes -= 1;
        self.workers[stage][index] = Worker::Idle;
        self.send(stage);
    }

    /// The worker's request is under way, whatever becomes of the worker.
    pub(crate) fn set_off(&mut self, stage: usize, index: usize) {
        if let Worker::Working(work @ Attempt { step: AttemptStep::Act(view, sends), .. }) = &self.workers[stage][index]
        {
            self.flights.push(flight(stage, work, *view, *sends));
        }
    }

    pub(crate) fn fails(&mut self, stage: usize, index: usize, permanent: bool) {
        if let Worker::Working(work) = &mut self.workers[stage][index] {
            work.step = AttemptStep::Fail(permanent);
        }
    }

    pub(crate) fn stalls(&mut self, stage: usize, index: usize) {
        self.left.stalls -= 1;
        if let Worker::Working(work) = &mut self.workers[stage][index] {
            work.stalled = true;
        }
    }

    pub(crate) fn loses(&mut self, stage: usize) {
        self.left.losses -= 1;
        self.queues[stage] -= 1;
        self.lost = true;
    }

    /// A person saves the product in the PIM.
    pub(crate) fn is_edited(&mut self) {
        self.left.edits -= 1;
        if let Some(pim) = &mut self.targets[0] {
            pim.edit ^= 1;
        }
        self.saved = true;
    }

    /// A person takes the product off sale in the shop.
    pub(crate) fn is_taken_off(&mut self, how: Status) {
        self.left.taken_off -= 1;
        self.take_off(how);
    }
}
