//! The product in the shop as people there see it: whether it is on sale, and what medusa-push
//! noted that it made of it.
//!
//! What a person takes off sale stands. The rules are those of `medusa::aside`: a draft is a
//! person's where the note says `published`; a deletion is a person's where the ledger knows an id
//! that the shop no longer has.

use super::world::{AttemptStep, DELETED, View, Worker, World};
use crate::mutation::{Mutation, Step};

/// How the shop offers the product.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Customers can buy it.
    Published,
    /// They cannot.
    #[default]
    Draft,
    /// It is not there any more.
    Deleted,
}

/// The product in the shop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shelf {
    pub status: Status,
    /// The note says that we published it.
    pub made_published: bool,
    /// What a person did to take it off sale. Not known to the pipeline: this is what it is judged
    /// by.
    pub person: Option<Status>,
}

/// What a request to a target does beside its view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sends {
    /// Fields of what is there.
    #[default]
    Fields,
    /// The same, and that it is published.
    Publishes,
    Creates,
}

/// What follows from a look at the shop.
pub(crate) enum Look {
    /// Nothing is to be written.
    Right,
    /// A request has to be sent.
    Send(Sends),
}

/// A push that is to bring `view` looks at the shop; `known`: the ledger knows an id of it.
pub(crate) fn look(world: &World, view: View, known: bool, mutation: Option<Mutation>) -> Look {
    let Shelf { status, made_published, .. } = world.shelf;
    if world.targets[1].is_none() || status == Status::Deleted {
        let persons = status == Status::Deleted && known && !Mutation::step(mutation, Step::DeletionIsAbsence);
        return if view == DELETED || persons { Look::Right } else { Look::Send(Sends::Creates) };
    }
    if view == DELETED {
        return if status == Status::Draft { Look::Right } else { Look::Send(Sends::Fields) };
    }
    let draft = status == Status::Draft;
    let persons = draft && made_published && !Mutation::step(mutation, Step::DraftIsOurs);
    let publishes = (draft && !persons) || Mutation::step(mutation, Step::AlwaysPublishes);
    match (publishes, world.targets[1] == Some(view)) {
        (true, _) => Look::Send(Sends::Publishes),
        (false, true) => Look::Right,
        (false, false) => Look::Send(Sends::Fields),
    }
}

impl World {
    /// A request lands in the shop. Whether there was something that it could write.
    pub(crate) fn land_in_shop(&mut self, view: View, sends: Sends, mutation: Option<Mutation>) -> bool {
        let there = self.targets[1].is_some() && self.shelf.status != Status::Deleted;
        match (there, sends) {
            (false, Sends::Creates) => {
                self.shelf = Shelf { status: Status::Published, made_published: true, ..self.shelf };
            }
            // The handle is taken, or there is nothing to update.
            (true, Sends::Creates) | (false, _) => return false,
            (true, _) if view == DELETED => {
                self.shelf.status = Status::Draft;
                self.shelf.made_published &= Mutation::step(mutation, Step::WithdrawalIsNotNoted);
            }
            (true, _) => {
                self.shelf.made_published = true;
                if sends == Sends::Publishes {
                    self.shelf.status = Status::Published;
                }
            }
        }
        self.targets[1] = Some(view);
        true
    }

    /// Whether a person in the shop can take it off sale, and no request is under way that would
    /// put it there whatever is done meanwhile: Medusa can refuse neither.
    pub(crate) fn may_be_taken_off(&self) -> bool {
        let puts = |sends: Sends| sends != Sends::Fields;
        let flying = self.flights.iter().any(|flight| flight.stage == 1 && puts(flight.sends));
        let acting = |worker: &Worker| matches!(worker, Worker::Working(work) if matches!(work.step, AttemptStep::Act(_, sends) if puts(sends)));
        self.shelf.status == Status::Published && !flying && !self.workers[1].iter().any(acting)
    }

    /// A person in the shop takes it off sale.
    pub(crate) fn take_off(&mut self, how: Status) {
        self.shelf.status = how;
        // A product that was made while nobody has noted its id yet is made again.
        let known = how == Status::Draft || self.state.contains_key("medusa_id");
        self.shelf.person = known.then_some(how);
    }

    /// Whether what a person took off sale is off sale, and everything else is not.
    pub(crate) fn stands(&self) -> bool {
        match self.shelf.person {
            Some(Status::Deleted) => self.shelf.status == Status::Deleted,
            Some(_) => self.shelf.status != Status::Published,
            None => true,
        }
    }

    /// Whether it is on sale exactly if it should be, as far as a person has not taken it off.
    pub(crate) fn rightly_on_sale(&self) -> bool {
        let should = self.targets[1].is_some_and(|view| view != DELETED);
        self.shelf.person.is_some()
            || self.shelf.status == Status::Deleted
            || should == (self.shelf.status == Status::Published)
    }
}
