//! The whole way of one product: feeds → ledger → PIM → shop, with everything that can go wrong.
//!
//! Every step of a function is one write, one read or one request; between two steps anything else
//! may happen, and the function may die. Messages are keys, so a queue is a number. What the ledger
//! stores and decides is the core's own code.

mod bin;
mod faults;
mod normalize;
mod properties;
mod quiet;
mod shelf;
mod stages;
mod world;

use std::sync::Arc;

use catalog::ContentHash;
use ledger::core::Item;
use ledger::core::missing;
use ledger::core::saves::{Shown, is_or_will_be_in_the_shop};
use ledger::core::stage::{self, Stage};
use ledger::core::state::ProductState;
use stateright::{Model, Property};

use crate::mutation::{Mutation, Op, Step};
use crate::table::apply;
use shelf::{Sends, Shelf, Status};
use world::{DELETED, Phase, Run, View, Worker, key};
pub use world::{Faults, Feed, World};

/// A configuration of the model.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// The feeds that mention the product, oldest first. They arrive in any order.
    pub feeds: Vec<Feed>,
    /// Workers of each stage at once.
    pub workers: usize,
    /// What may go wrong.
    pub faults: Faults,
    /// The rule that is missing.
    pub mutation: Option<Mutation>,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A run of normalize takes its next step.
    Run(usize),
    /// A run of normalize dies; its message comes back.
    RunDies(usize),
    /// The message of a run is delivered a second time, while or after it is read.
    RunTwice(usize),
    /// An idle worker takes a message.
    Take(usize),
    /// A worker takes its next step.
    Steps(usize, usize),
    /// A worker dies; its message comes back.
    Dies(usize, usize),
    /// A worker dies with its request under way.
    DiesSending(usize, usize),
    /// A worker's request is not answered in time, but may still land.
    TimesOut(usize, usize),
    /// The target refuses the data.
    Refuses(usize, usize),
    /// A worker goes on beyond its lease.
    Stalls(usize, usize),
    /// A request under way lands.
    Lands(usize),
    /// A request under way never lands.
    Vanishes(usize),
    Duplicates(usize),
    /// A message is lost.
    Loses(usize),
    /// An old message is sent again.
    Redrives(usize),
    /// A person edits the product in the PIM, or takes the last edit back.
    Edits,
    /// The change feed looks at what was saved; then it reads the state and announces, if need be.
    ChangeFeed,
    /// A person deletes the product in the PIM.
    Deletes,
    /// A person restores it from the bin.
    Restores,
    /// A person has a deleted product released.
    Releases,
    /// The comparison reads the state; then it looks into the PIM; then it notes and announces, if
    /// need be.
    Compares,
    /// A person in the shop unpublishes the product.
    Drafts,
    /// A person in the shop deletes the product.
    DeletesInShop,
    /// The sweep announces a pending product.
    Sweeps,
    /// Time passes.
    Tick,
}

impl Pipeline {
    /// What the newest feed says.
    pub(crate) fn newest(&self) -> char {
        self.feeds.last().map_or('?', |feed| feed.says)
    }
}

impl Model for Pipeline {
    type State = World;
    type Action = Event;

    fn init_states(&self) -> Vec<World> {
        let main = (0..self.feeds.len()).map(|feed| Run { feed, pass: false, wrote: false, phase: Phase::Waiting });
        let passes = (0..self.feeds.len()).filter(|feed| self.feeds[*feed].fast).map(|feed| Run {
            feed,
            pass: true,
            wrote: false,
            phase: Phase::Absent,
        });
        let nothing = Arc::new(Item::new());
        vec![World {
            doc: Arc::clone(&nothing),
            state: Arc::clone(&nothing),
            register: vec![Arc::clone(&nothing); self.feeds.len()],
            runs: main.chain(passes).collect(),
            targets: [None, None],
            shelf: Shelf::default(),
            flights: Vec::new(),
            queues: [0, 0],
            workers: [vec![Worker::Idle; self.workers], vec![Worker::Idle; self.workers]],
            saved: false,
            looked: None,
            gone: false,
            compared: None,
            bin: None,
            wish: None,
            lost: false,
            left: self.faults,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Event>) {
        for (index, run) in world.runs.iter().enumerate() {
            let active = !matches!(run.phase, Phase::Absent | Phase::Waiting | Phase::Done);
            if active || run.phase == Phase::Waiting {
                actions.push(Event::Run(index));
            }
            if active && world.left.crashes > 0 {
                actions.push(Event::RunDies(index));
            }
            if (active || run.phase == Phase::Done) && world.left.duplicates > 0 {
                actions.push(Event::RunTwice(index));
            }
        }
        for stage in 0..2 {
            if world.queues[stage] > 0 && world.workers[stage].contains(&Worker::Idle) {
                actions.push(Event::Take(stage));
            }
            for (index, worker) in world.workers[stage].iter().enumerate() {
                faults::of_worker(world, stage, index, worker, actions);
            }
            faults::of_queue(world, stage, actions);
        }
        for flight in 0..world.flights.len() {
            actions.extend([Event::Lands(flight), Event::Vanishes(flight)]);
        }
        if world.left.edits > 0 && world.targets[0].is_some_and(|pim| pim != DELETED) {
            actions.push(Event::Edits);
        }
        if world.saved || world.looked.is_some() {
            actions.push(Event::ChangeFeed);
        }
        if world.left.deletions > 0 && world.targets[0].is_some_and(|pim| pim != DELETED) {
            actions.push(Event::Deletes);
        }
        if world.left.undone > 0 {
            actions.extend(world.lies_in_the_bin().then_some(Event::Restores));
            actions.extend(bin::is_noted(&world.state).then_some(Event::Releases));
        }
        if world.left.taken_off > 0 && world.may_be_taken_off() {
            actions.extend([Event::Drafts, Event::DeletesInShop]);
        }
        if world.gone || world.compared.is_some() {
            actions.push(Event::Compares);
        }
        if world.at_rest() && world.pending() {
            actions.push(Event::Sweeps);
        }
        if world.may_tick() {
            actions.push(Event::Tick);
        }
    }

    fn next_state(&self, before: &World, action: Event) -> Option<World> {
        let mut world = before.clone();
        self.happen(&mut world, action);
        let world = world.normalized();
        (world != *before).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}

impl Pipeline {
    fn happen(&self, world: &mut World, action: Event) {
        match action {
            Event::Run(index) => self.run_step(world, index),
            Event::RunDies(index) => world.run_dies(index),
            Event::RunTwice(index) => world.run_twice(index),
            Event::Take(stage) => world.take(stage),
            Event::Steps(stage, index) => self.work_step(world, stage, index),
            Event::Dies(stage, index) => world.dies(stage, index),
            Event::DiesSending(stage, index) => {
                world.set_off(stage, index);
                world.dies(stage, index);
            }
            Event::TimesOut(stage, index) => {
                world.left.timeouts -= 1;
                world.set_off(stage, index);
                world.fails(stage, index, false);
            }
            Event::Refuses(stage, index) => {
                world.left.refusals -= 1;
                world.fails(stage, index, true);
            }
            Event::Stalls(stage, index) => world.stalls(stage, index),
            Event::Lands(index) => {
                let flight = world.flights.remove(index);
                self.land(world, flight.stage, flight.view, flight.sends);
            }
            Event::Vanishes(index) => {
                world.flights.remove(index);
            }
            Event::Duplicates(stage) => {
                world.left.duplicates -= 1;
                world.send(stage);
            }
            Event::Loses(stage) => world.loses(stage),
            Event::Redrives(stage) => {
                world.left.redrives -= 1;
                world.send(stage);
            }
            Event::Edits => world.is_edited(),
            Event::ChangeFeed => self.look_at_saves(world),
            Event::Deletes => world.is_deleted(),
            Event::Restores => world.is_restored(),
            Event::Releases => self.is_released(world),
            Event::Compares => self.compare(world),
            Event::Drafts => world.is_taken_off(Status::Draft),
            Event::DeletesInShop => world.is_taken_off(Status::Deleted),
            Event::Sweeps => world.send(0),
            Event::Tick => world.tick(),
        }
    }

    /// The change feed reads what was saved; then it announces it, if need be.
    fn look_at_saves(&self, world: &mut World) {
        match world.looked.take() {
            // Noted as gone, and there: somebody restored it.
            Some(_) if bin::is_noted(&world.state) && !Mutation::step(self.mutation, Step::FeedIgnoresNotes) => {
                self.repair(world);
            }
            Some(view) if self.is_left_alone(world, view) => {}
            Some(_) => self.announce_edit(world),
            None => {
                world.saved = false;
                // What was deleted is not in the feed.
                world.looked = world.targets[0].filter(|pim| *pim != DELETED);
            }
        }
    }

    /// Has the shop told of a deleted product, if it has to be.
    fn tell_shop(&self, world: &mut World, seen: &Item) {
        let mut seen = ProductState::of(seen);
        if Mutation::step(self.mutation, Step::ComparisonIgnoresWork) {
            seen.medusa.owner = None;
        }
        if missing::is_to_be_told(&seen) {
            self.announce_edit(world);
        }
    }

    /// Has the PIM's stage done again.
    fn repair(&self, world: &mut World) {
        if let Ok(after) = apply(&world.state, &stage::doubt(Stage::Pimcore, &key(), 0)) {
            world.state = after;
        }
        world.send(0);
    }

    /// Counts a save, or a deletion, at the product; then announces it to the shop.
    fn announce_edit(&self, world: &mut World) {
        let write = Mutation::write(self.mutation, Op::Edited, stage::edited(&key(), 0));
        if let Ok(after) = apply(&world.state, &write) {
            world.state = after;
        }
        world.send(1);
    }

    /// A request lands; whether there was something that it could write. Where nobody edits, the
    /// change feed is left out: messages and the sweep do without.
    fn land(&self, world: &mut World, stage: usize, view: View, sends: Sends) -> bool {
        if stage == 1 {
            return world.land_in_shop(view, sends, self.mutation);
        }
        let landed = world.land_in_pim(view, sends);
        world.saved |= landed && self.faults.edits > 0;
        landed
    }

    /// Whether the change feed does not announce a save that shows like this.
    fn is_left_alone(&self, world: &World, view: View) -> bool {
        let mut known = world.known();
        let mut shown = Shown {
            content: Some(ContentHash::from_text(view.content.to_string())),
            digest: stages::digest(view),
            young_categories: false,
        };
        if Mutation::step(self.mutation, Step::FeedIgnoresWork) {
            known.medusa.owner = None;
        }
        if Mutation::step(self.mutation, Step::FeedIgnoresEdits) {
            shown.digest = known.medusa.applied.as_ref().and_then(|held| held.seen.clone()).unwrap_or_default();
        }
        is_or_will_be_in_the_shop(&known, &shown)
    }
}

/// Which product the model is about, for people who read a trace.
#[must_use]
pub fn product() -> String {
    key().to_string()
}
