//! What there is: the ledger's items of one product, two targets, two queues, the feeds' runs and
//! the workers.

use std::sync::Arc;

use catalog::{ErrorKind, ProductKey};
use ledger::core::stage::{Leases, Owner, Stage};
use ledger::core::state::ProductState;
use ledger::core::{Item, Value};

use super::bin::{Compared, Wish, is_noted};
use super::shelf::{Sends, Shelf, Status};
use crate::table::{Shared, tick};

/// What the model allows to go wrong, and how often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Faults {
    /// Functions killed between two steps, or with a request under way that lands later or never.
    pub crashes: u8,
    /// Requests that time out at the client and land later or never.
    pub timeouts: u8,
    /// Functions that go on after their lease has ended (a clock that is wrong, a stopped machine).
    pub stalls: u8,
    /// Messages delivered twice, to a stage or to normalize.
    pub duplicates: u8,
    /// Messages lost.
    pub losses: u8,
    /// Permanent refusals by a target.
    pub refusals: u8,
    /// Old messages sent again, from a dead-letter queue or an archive.
    pub redrives: u8,
    /// Edits by a person in the PIM (no fault, but bounded like one).
    pub edits: u8,
    /// Deletions by a person in the PIM (likewise).
    pub deletions: u8,
    /// A person ends a deletion: restores the product from the bin, or has it released (likewise).
    pub undone: u8,
    /// A person in the shop unpublishes the product, or deletes it (likewise).
    pub taken_off: u8,
}

/// One feed that mentions the product. Its place in the list is its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Feed {
    /// What it says of the product: one letter.
    pub says: char,
    /// Whether it leaves out version notes (`ledger::core::register`).
    pub fast: bool,
}

/// What a target shows: the source's content and the person's edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct View {
    /// The source's content.
    pub content: char,
    /// What the person made of it: every second edit takes the one before back.
    pub edit: u8,
}

/// What a target shows of a product that was deleted in the PIM: nothing there, nothing for sale in
/// the shop.
pub(crate) const DELETED: View = View { content: '-', edit: 0 };

/// A request without anybody who waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flight {
    pub stage: usize,
    pub view: View,
    /// What it does beside.
    pub sends: Sends,
    /// Ticks until it can no longer land.
    pub left: i64,
}

/// One attempt to read a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Run {
    pub feed: usize,
    /// Whether this is the strict pass that another run asked for.
    pub pass: bool,
    /// Whether it wrote something, or may have: an attempt died.
    pub wrote: bool,
    pub phase: Phase,
}

/// Where a run stands: the next thing it awaits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Nobody has asked for it.
    Absent,
    Waiting,
    Register,
    /// Reads the state and classifies.
    Read,
    /// Notes the version at the doc.
    NoteDoc,
    /// Notes the version at the state.
    NoteState,
    WriteDoc,
    WriteState,
    Announce,
    /// Lists newer runs and asks for their strict passes.
    List,
    /// Strikes itself off the register.
    StrikeOff,
    Done,
}

/// One invocation of pimcore-sync or medusa-push, for this product.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Worker {
    Idle,
    Claiming,
    /// Was refused with this item, takes over.
    TakingOver(Shared),
    /// Passes on what its target holds already.
    PassingOn,
    /// Holds, or held, the lease.
    Working(Attempt),
}

/// A claimed stage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt {
    pub owner: u8,
    /// The part of the claimed state that completing looks at.
    pub claimed: Shared,
    /// The version of the doc that it read.
    pub version: String,
    /// What it awaits next.
    pub step: AttemptStep,
    /// Its lease no longer binds it.
    pub stalled: bool,
}

/// What a claimed stage awaits next.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AttemptStep {
    /// Reads what the target should hold.
    Read,
    /// Looks whether the target holds it already.
    Check(View),
    Act(View, Sends),
    /// Announces to the next stage.
    Announce(View),
    /// Notes that it is gone from the PIM.
    Note(View),
    /// Takes that note back.
    TakeBack(View),
    /// Completes, as far as `seen` tells.
    Complete(View, Shared),
    /// Completed at the same time as the other stage.
    Arrived(Shared),
    /// Found its lease gone.
    Doubt,
    /// Gives the stage back; whether the refusal is permanent.
    Fail(bool),
}

/// A state of the model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// The `doc` item.
    pub doc: Shared,
    /// The `state` item.
    pub state: Shared,
    /// The source's register, one item a feed.
    pub register: Vec<Shared>,
    /// Runs: the feeds', their strict passes', and duplicates.
    pub runs: Vec<Run>,
    /// What the PIM and the shop hold.
    pub targets: [Option<View>; 2],
    /// How the shop offers it.
    pub shelf: Shelf,
    /// Requests that may still land.
    pub flights: Vec<Flight>,
    /// Messages waiting for each stage.
    pub queues: [u8; 2],
    /// Invocations of each stage's function.
    pub workers: [Vec<Worker>; 2],
    /// A save that the change feed has not read yet.
    pub saved: bool,
    /// What the change feed saw in the PIM, before it reads the state.
    pub looked: Option<View>,
    /// A deletion that no comparison has found yet.
    pub gone: bool,
    /// The comparison, under way.
    pub compared: Option<Compared>,
    /// What a person can restore in the PIM.
    pub bin: Option<View>,
    /// What a person wants who deleted it there.
    pub wish: Option<Wish>,
    /// Whether a message was lost.
    pub lost: bool,
    /// What may still go wrong.
    pub left: Faults,
}

/// Leases end with the tick they were taken in; a request lands within the tick it was sent in or
/// the next.
pub(crate) const LEASES: Leases = Leases { lease_ms: 0, landing_ms: 2 };

/// More messages than this of one product in one queue are no different from this many.
const QUEUE: u8 = 2;

pub(crate) const STAGES: [Stage; 2] = Stage::ALL;

pub(crate) fn key() -> ProductKey {
    ProductKey::new("demo", "1").unwrap_or_else(|error| unreachable!("a valid key: {error}"))
}

pub(crate) fn owner(number: u8) -> Owner {
    Owner(format!("o{number}"))
}

pub(crate) fn hash_of(item: &Item, name: &str) -> Option<char> {
    item.get(name).and_then(Value::text).and_then(|text| text.chars().next())
}

impl World {
    pub(crate) fn known(&self) -> ProductState {
        ProductState::of(&self.state)
    }

    pub(crate) fn send(&mut self, stage: usize) {
        self.queues[stage] = (self.queues[stage] + 1).min(QUEUE);
    }

    /// Nobody works, nothing waits, nothing is under way.
    pub(crate) fn at_rest(&self) -> bool {
        self.workers_idle()
            && self.queues == [0, 0]
            && self.flights.is_empty()
            && !self.saved
            && self.looked.is_none()
            && !self.gone
            && self.compared.is_none()
            && self.runs.iter().all(|run| matches!(run.phase, Phase::Absent | Phase::Done))
    }

    pub(crate) fn workers_idle(&self) -> bool {
        self.workers.iter().flatten().all(|worker| *worker == Worker::Idle)
    }

    pub(crate) fn pending(&self) -> bool {
        self.state.contains_key("pending_since")
    }

    /// Whether a stage's permanent refusal is recorded: the PIM's, if it was claimed since the
    /// content changed.
    pub(crate) fn excused(&self) -> bool {
        let known = self.known();
        let refused = |stage: &Stage| {
            let held = known.stage(*stage);
            let of_now = *stage == Stage::Medusa || held.attempts > 0;
            of_now && held.last_error.as_ref().is_some_and(|error| error.kind == ErrorKind::Permanent)
        };
        STAGES.iter().any(refused)
    }

    /// Whether the shop holds what the PIM does. What is not for sale may be of any content there
    /// where it is gone from the PIM, and what a person deleted is in neither.
    fn shop_follows(&self) -> bool {
        let off = self.targets[0] == Some(DELETED) && self.shelf.status == Status::Draft;
        off || self.shelf.status == Status::Deleted || self.targets[1].or(Some(DELETED)) == self.targets[0]
    }

    /// Whether ledger and targets hold the newest content, and the shop the person's newest edit.
    pub(crate) fn converged(&self, newest: char) -> bool {
        // Deleted by a person: it stays away, and the ledger holds it for done.
        let deleted = self.targets[0] == Some(DELETED)
            && self.wish != Some(Wish::Back)
            && hash_of(&self.state, "pimcore_hash") == Some(newest);
        // What is there is not noted as gone.
        let rightly_noted = !is_noted(&self.state) || self.targets[0] == Some(DELETED);
        rightly_noted
            && (deleted || self.targets[0].is_some_and(|pim| pim.content == newest))
            && self.shop_follows()
            && self.rightly_on_sale()
            && hash_of(&self.doc, "hash") == Some(newest)
            && hash_of(&self.state, "hash") == Some(newest)
    }

    /// Whether time may pass: nobody who keeps to its lease is at work, and nothing that must land
    /// first is under way.
    pub(crate) fn may_tick(&self) -> bool {
        let bound = |worker: &Worker| matches!(worker, Worker::Working(work) if !work.stalled);
        self.flights.iter().all(|flight| flight.left > 0) && !self.workers.iter().flatten().any(bound)
    }

    pub(crate) fn tick(&mut self) {
        self.state = tick(&self.state);
        if let Some(Compared::Read(seen) | Compared::Missed(seen)) = &mut self.compared {
            *seen = tick(seen);
        }
        for flight in &mut self.flights {
            flight.left -= 1;
        }
        for worker in self.workers.iter_mut().flatten() {
            match worker {
                Worker::TakingOver(seen) => *seen = tick(seen),
                Worker::Working(work) => {
                    work.claimed = tick(&work.claimed);
                    if let AttemptStep::Complete(_, seen) | AttemptStep::Arrived(seen) = &mut work.step {
                        *seen = tick(seen);
                    }
                }
                Worker::Idle | Worker::Claiming | Worker::PassingOn => {}
            }
        }
    }

    /// A name that nobody uses and no item remembers, `also` included: an invocation's own.
    pub(crate) fn fresh_owner(&self, stage: usize, also: Option<&Item>) -> u8 {
        let name = STAGES[stage].as_str();
        let attribute = format!("{name}_owner");
        let remembered = |item: &Item, number: u8| {
            item.get(&attribute).and_then(Value::text).is_some_and(|held| held == owner(number).0)
        };
        let used = |number: u8| {
            remembered(&self.state, number)
                || also.is_some_and(|item| remembered(item, number))
                || self.workers[stage].iter().any(|worker| match worker {
                    Worker::TakingOver(seen) => remembered(seen, number),
                    Worker::Working(work) => work.owner == number,
                    Worker::Idle | Worker::Claiming | Worker::PassingOn => false,
                })
        };
        (0..).find(|number| !used(*number)).unwrap_or(u8::MAX)
    }

    /// Interchangeable things in one order, so that states that differ only in it are one.
    pub(crate) fn normalized(mut self) -> Self {
        for workers in &mut self.workers {
            workers.sort();
        }
        self.flights.sort();
        self.flights.dedup();
        self
    }
}

/// The attributes of `item` that a rule looks at, so that states that differ only in others are
/// one.
pub(crate) fn only(item: &Item, names: &[String]) -> Shared {
    Arc::new(names.iter().filter_map(|name| Some((name.clone(), item.get(name)?.clone()))).collect())
}
