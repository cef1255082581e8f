//! A person deletes the product in the PIM, restores it from the bin, or has it released.
//!
//! What a person deleted after the ledger knew its id stays away until that person ends it. The
//! rules are those of `ledger::core::gone`.

use std::sync::Arc;

use ledger::core::{Item, Value, gone};

use super::Pipeline;
use super::shelf::Sends;
use super::stages;
use super::world::{AttemptStep, DELETED, View, Worker, World, key};
use crate::mutation::{Mutation, Op, Step};
use crate::table::{Shared, apply};

/// What a person wants who deleted the product in the PIM. Not known to the pipeline: this is what
/// it is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wish {
    /// It stays away.
    Away,
    /// It is made again.
    Back,
}

/// The comparison, under way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Compared {
    /// It read the state.
    Read(Shared),
    /// After that it did not find the product in the PIM.
    Missed(Shared),
}

/// The id that the PIM gives the product.
pub(crate) const ID: &str = "o";

/// Whether the ledger knows that the PIM had it.
pub(crate) fn is_known(item: &Item) -> bool {
    item.contains_key("pimcore_id")
}

pub(crate) fn is_noted(item: &Item) -> bool {
    item.contains_key(gone::GONE)
}

/// The claimed state of one who noted that the product is gone.
pub(crate) fn noted(claimed: &Item) -> Shared {
    let mut claimed = claimed.clone();
    claimed.insert(gone::GONE.to_owned(), Value::N(0));
    Arc::new(claimed)
}

impl World {
    /// Whether the PIM has the product.
    pub(crate) fn in_pim(&self) -> Option<View> {
        self.targets[0].filter(|pim| *pim != DELETED)
    }

    /// A person deletes the product in the PIM.
    pub(crate) fn is_deleted(&mut self) {
        self.left.deletions -= 1;
        // Who cannot restore anything needs no bin.
        self.bin = self.targets[0].filter(|_| self.left.undone > 0);
        self.targets[0] = Some(DELETED);
        self.gone = true;
        // Who claimed before the id was known may be making it in this very moment.
        let making = |worker: &Worker| matches!(worker, Worker::Working(work) if !is_known(&work.claimed));
        let flying = self.flights.iter().any(|flight| flight.stage == 0 && flight.sends == Sends::Creates);
        let known = is_known(&self.state) && !flying && !self.workers[0].iter().any(making);
        self.wish = known.then_some(Wish::Away);
    }

    /// Whether a person can restore it from the bin.
    pub(crate) fn lies_in_the_bin(&self) -> bool {
        self.targets[0] == Some(DELETED) && self.bin.is_some()
    }

    /// A person restores it: as it was, with a save that the change feed shows.
    pub(crate) fn is_restored(&mut self) {
        self.left.undone -= 1;
        self.targets[0] = self.bin.take();
        self.saved = true;
        self.wish = None;
    }

    /// A request to the PIM lands; whether it made or changed something.
    pub(crate) fn land_in_pim(&mut self, view: View, sends: Sends) -> bool {
        match (self.in_pim(), sends) {
            // pimcore-sync writes the source's fields only; what people entered stays.
            (Some(held), _) => self.targets[0] = Some(View { content: view.content, ..held }),
            (None, Sends::Creates) => {
                self.targets[0] = Some(view);
                self.bin = None;
                self.wish = self.wish.filter(|wish| *wish == Wish::Away);
            }
            (None, _) => return false,
        }
        true
    }

    /// Whether what a person deleted is away.
    pub(crate) fn stays_away(&self) -> bool {
        self.wish != Some(Wish::Away) || self.in_pim().is_none()
    }
}

impl Pipeline {
    /// A person has it released: one write, and its announcement.
    pub(crate) fn is_released(&self, world: &mut World) {
        world.left.undone -= 1;
        if let Ok(after) = apply(&world.state, &Mutation::write(self.mutation, Op::Release, gone::release(&key(), 0))) {
            world.state = after;
            world.wish = world.in_pim().is_none().then_some(Wish::Back);
            world.send(0);
        }
    }

    /// What a worker does that does not find the product in the PIM.
    pub(crate) fn is_missing(&self, claimed: &Item, view: View) -> AttemptStep {
        if !is_known(claimed) || Mutation::step(self.mutation, Step::DeletedIsMadeAgain) {
            return AttemptStep::Act(view, Sends::Creates);
        }
        if is_noted(claimed) { AttemptStep::Announce(view) } else { AttemptStep::Note(view) }
    }

    /// A worker notes that it is gone; then it looks once more.
    pub(crate) fn note(&self, world: &mut World, view: View) -> AttemptStep {
        self.write_note(world);
        if Mutation::step(self.mutation, Step::DeletedIsNotLookedFor) {
            return AttemptStep::Announce(view);
        }
        AttemptStep::Check(view)
    }

    fn write_note(&self, world: &mut World) {
        if let Ok(after) = apply(&world.state, &gone::note(&key(), ID, 0)) {
            world.state = after;
        }
    }

    /// The comparison reads the state; then it looks into the PIM; what is gone it notes, looks once
    /// more, and announces.
    pub(crate) fn compare(&self, world: &mut World) {
        match world.compared.take() {
            None => {
                world.gone = false;
                world.compared = Some(Compared::Read(stages::compared(&world.state)));
            }
            Some(Compared::Read(seen)) if world.targets[0] == Some(DELETED) => {
                world.compared = Some(Compared::Missed(seen));
            }
            Some(Compared::Read(_)) => {}
            Some(Compared::Missed(seen)) => self.found_gone(world, &seen),
        }
    }

    fn found_gone(&self, world: &mut World, seen: &Shared) {
        if is_known(seen) && !is_noted(seen) {
            self.write_note(world);
            if world.in_pim().is_some() && !Mutation::step(self.mutation, Step::ComparisonDoesNotLookAgain) {
                return self.repair(world);
            }
        }
        self.tell_shop(world, seen);
    }
}
