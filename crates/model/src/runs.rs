//! One feed run: read to its end exactly once, counted exactly, whoever dies.
//!
//! Readers take records one by one, announce them, and commit position and counts together when
//! they like. They die, are cut off by a lease that ends, resend a write whose answer got lost, or
//! hand the rest over.

use std::sync::Arc;

use ledger::core::run::{self, Run, RunClaim, RunId, RunStatus};
use ledger::core::stage::Owner;
use ledger::core::{Item, Value, Write};
use stateright::{Model, Property};

use crate::mutation::{Mutation, Op};
use crate::pipeline::Faults;
use crate::table::Shared;

/// A completed run has counted every record once.
pub const EXACT: &str = "counts of a completed run are exact";
/// What is committed has been announced.
pub const NO_GAP: &str = "nothing is committed that was not announced";
/// No two readers within their leases, and none of an ended run.
pub const ONE_READER: &str = "a run has one reader at a time, and none after its end";
/// The end is written once.
pub const ENDS_ONCE: &str = "a run ends once";
/// Every message leads to the end.
pub const ENDS: &str = "at rest the run is completed";

/// A configuration of the model.
#[derive(Clone, Debug)]
pub struct Runs {
    pub records: u64,
    pub readers: usize,
    /// Crashes, stalls, duplicates (of messages and of writes).
    pub faults: Faults,
    /// The rule that is missing.
    pub mutation: Option<Mutation>,
}

/// A state of the model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    item: Shared,
    announced: Vec<bool>,
    readers: Vec<Reader>,
    messages: u8,
    late: Vec<Commit>,
    ends: u8,
    left: Faults,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Reader {
    Idle,
    Claiming,
    Reading { owner: u8, seen: Shared, ahead: u64, stalled: bool },
}

/// A write of progress, as sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Commit {
    owner: u8,
    seen: Shared,
    ahead: u64,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    Checkpoint,
    HandOver,
    Finish,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Take,
    Claim(usize),
    Read(usize),
    Checkpoint(usize),
    HandOver(usize),
    Finish(usize),
    CheckpointTwice(usize),
    FinishTwice(usize),
    Dies(usize),
    Stalls(usize),
    Lands(usize),
    Duplicates,
    Tick,
}

fn id() -> RunId {
    RunId { bucket: "b".into(), key: "k".into(), object_version: "1".into() }
}

fn owner(number: u8) -> Owner {
    Owner(format!("o{number}"))
}

fn run_of(item: &Item) -> Option<Run> {
    Run::of(item)
}

impl Runs {
    fn claim(&self, world: &mut World, index: usize) {
        let number = world.fresh_owner();
        let (_, claimed) = self.write(Op::RunClaim, &world.item, run::claim(&id(), "r", "", &owner(number), 0, 0));
        world.readers[index] = Reader::Idle;
        match claimed {
            Ok(after) => {
                world.item = Shared::clone(&after);
                world.readers[index] = Reader::Reading { owner: number, seen: after, ahead: 0, stalled: false };
            }
            Err(item) => match run::claim_refused(&item) {
                RunClaim::Ended(_) => {}
                RunClaim::Leased { .. } | RunClaim::Claimed(_) => world.send(),
            },
        }
    }

    fn write(&self, op: Op, item: &Shared, write: Write) -> (Write, Result<Shared, Shared>) {
        let write = Mutation::write(self.mutation, op, write);
        let applied = write.apply(item).map(Arc::new).map_err(Arc::new);
        (write, applied)
    }

    /// Sends a write of progress; the item after it if it happened, now or before.
    fn commit(&self, world: &mut World, commit: &Commit) -> Option<Shared> {
        let seen = run_of(&commit.seen)?;
        let mut next = seen.clone();
        next.record += commit.ahead;
        next.offset = next.record;
        next.counts.read += commit.ahead;
        next.counts.changed += commit.ahead;
        let me = owner(commit.owner);
        let (op, write) = match commit.kind {
            Kind::Checkpoint => (Op::Checkpoint, run::checkpoint(&id(), &me, &seen, &next, 0, 0)),
            Kind::HandOver => (Op::Checkpoint, run::hand_over(&id(), &me, &seen, &next)),
            Kind::Finish => {
                next.status = RunStatus::Completed;
                (Op::Finish, run::finish(&id(), &me, &seen, &next, 0))
            }
        };
        let (write, applied) = self.write(op, &world.item, write);
        match applied {
            Ok(after) => {
                world.item = Shared::clone(&after);
                world.ends += u8::from(commit.kind == Kind::Finish);
                Some(after)
            }
            Err(item) if run::happened(&item, &me, &write) => Some(item),
            Err(_) => None,
        }
    }

    fn progress(&self, world: &mut World, index: usize, kind: Kind, twice: bool) {
        let Reader::Reading { owner, seen, ahead, stalled } = world.readers[index].clone() else { return };
        let commit = Commit { owner, seen, ahead, kind };
        if twice {
            world.left.duplicates -= 1;
            world.late.push(commit.clone());
        }
        let after = self.commit(world, &commit);
        world.readers[index] = Reader::Idle;
        match (after, kind) {
            (Some(after), Kind::Checkpoint) => {
                world.readers[index] = Reader::Reading { owner, seen: after, ahead: 0, stalled };
            }
            (Some(_), Kind::HandOver) | (None, _) => world.send(),
            (Some(_), Kind::Finish) => {}
        }
    }
}

impl World {
    fn send(&mut self) {
        self.messages = (self.messages + 1).min(2);
    }

    fn fresh_owner(&self) -> u8 {
        let remembered = self.item.get("run_owner").and_then(Value::text).map(str::to_owned);
        let used = |number: u8| {
            remembered.as_ref() == Some(&owner(number).0)
                || self.late.iter().any(|commit| commit.owner == number)
                || self.readers.iter().any(|r| matches!(r, Reader::Reading { owner, .. } if *owner == number))
        };
        (0..).find(|number| !used(*number)).unwrap_or(u8::MAX)
    }

    fn read(&mut self, index: usize) {
        let Reader::Reading { seen, ahead, .. } = &mut self.readers[index] else { return };
        let at = run_of(seen).map_or(0, |run| run.record) + *ahead;
        *ahead += 1;
        if let Some(announced) = self.announced.get_mut(usize::try_from(at).unwrap_or(usize::MAX)) {
            *announced = true;
        }
    }

    /// The lease comes closer to its end.
    fn tick(&mut self) {
        let Some(Value::N(until @ 0..)) = self.item.get("run_until") else { return };
        let mut item = Item::clone(&self.item);
        item.insert("run_until".to_owned(), Value::N(until - 1));
        self.item = Arc::new(item);
    }

    fn at_rest(&self) -> bool {
        self.messages == 0 && self.late.is_empty() && self.readers.iter().all(|reader| *reader == Reader::Idle)
    }
}

impl Model for Runs {
    type State = World;
    type Action = Event;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            item: Arc::new(Item::new()),
            announced: vec![false; usize::try_from(self.records).unwrap_or(0)],
            readers: vec![Reader::Idle; self.readers],
            messages: 1,
            late: Vec::new(),
            ends: 0,
            left: self.faults,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Event>) {
        if world.messages > 0 && world.readers.contains(&Reader::Idle) {
            actions.push(Event::Take);
        }
        if world.messages > 0 && world.left.duplicates > 0 {
            actions.push(Event::Duplicates);
        }
        for (index, reader) in world.readers.iter().enumerate() {
            match reader {
                Reader::Idle => {}
                Reader::Claiming => {
                    actions.push(Event::Claim(index));
                    if world.left.crashes > 0 {
                        actions.push(Event::Dies(index));
                    }
                }
                Reader::Reading { seen, ahead, stalled, .. } => {
                    let at = run_of(seen).map_or(0, |run| run.record) + ahead;
                    if at < self.records {
                        actions.extend([Event::Read(index), Event::HandOver(index)]);
                    } else {
                        actions.push(Event::Finish(index));
                    }
                    if *ahead > 0 {
                        actions.push(Event::Checkpoint(index));
                    }
                    if world.left.duplicates > 0 && *ahead > 0 {
                        let twice = if at < self.records { Event::CheckpointTwice } else { Event::FinishTwice };
                        actions.push(twice(index));
                    }
                    if world.left.crashes > 0 {
                        actions.push(Event::Dies(index));
                    }
                    if world.left.stalls > 0 && !stalled {
                        actions.push(Event::Stalls(index));
                    }
                }
            }
        }
        actions.extend((0..world.late.len()).map(Event::Lands));
        let bound = |reader: &Reader| matches!(reader, Reader::Reading { stalled: false, .. });
        if !world.readers.iter().any(bound) {
            actions.push(Event::Tick);
        }
    }

    fn next_state(&self, before: &World, action: Event) -> Option<World> {
        let mut world = before.clone();
        match action {
            Event::Take => {
                world.messages -= 1;
                if let Some(idle) = world.readers.iter_mut().find(|reader| **reader == Reader::Idle) {
                    *idle = Reader::Claiming;
                }
            }
            Event::Claim(index) => self.claim(&mut world, index),
            Event::Read(index) => world.read(index),
            Event::Checkpoint(index) => self.progress(&mut world, index, Kind::Checkpoint, false),
            Event::HandOver(index) => self.progress(&mut world, index, Kind::HandOver, false),
            Event::Finish(index) => self.progress(&mut world, index, Kind::Finish, false),
            Event::CheckpointTwice(index) => self.progress(&mut world, index, Kind::Checkpoint, true),
            Event::FinishTwice(index) => self.progress(&mut world, index, Kind::Finish, true),
            Event::Dies(index) => {
                world.left.crashes -= 1;
                world.readers[index] = Reader::Idle;
                world.send();
            }
            Event::Stalls(index) => {
                world.left.stalls -= 1;
                if let Reader::Reading { stalled, .. } = &mut world.readers[index] {
                    *stalled = true;
                }
            }
            Event::Lands(index) => {
                let commit = world.late.remove(index);
                let _ = self.commit(&mut world, &commit);
            }
            Event::Duplicates => {
                world.left.duplicates -= 1;
                world.send();
            }
            Event::Tick => world.tick(),
        }
        world.readers.sort();
        world.late.sort();
        (world != *before).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(EXACT, |model: &Self, world: &World| {
                run_of(&world.item).is_none_or(|run| {
                    run.counts.read == run.record
                        && run.counts.changed == run.record
                        && run.record <= model.records
                        && (run.status != RunStatus::Completed || run.record == model.records)
                })
            }),
            Property::always(NO_GAP, |_, world: &World| {
                let committed = run_of(&world.item).map_or(0, |run| run.record);
                let committed = usize::try_from(committed).unwrap_or(usize::MAX);
                world.announced.iter().take(committed).all(|announced| *announced)
            }),
            Property::always(ONE_READER, |_, world: &World| {
                let live = |reader: &&Reader| matches!(reader, Reader::Reading { stalled: false, .. });
                let of_ended = |reader: &Reader| match reader {
                    Reader::Reading { seen, .. } => run_of(seen).is_some_and(|run| run.status != RunStatus::Running),
                    Reader::Idle | Reader::Claiming => false,
                };
                world.readers.iter().filter(live).count() <= 1 && !world.readers.iter().any(of_ended)
            }),
            Property::always(ENDS_ONCE, |_, world: &World| world.ends <= 1),
            Property::always(ENDS, |_, world: &World| {
                !world.at_rest() || run_of(&world.item).is_some_and(|run| run.status == RunStatus::Completed)
            }),
            Property::sometimes("a run completes", |_, world: &World| {
                world.at_rest() && run_of(&world.item).is_some_and(|run| run.status == RunStatus::Completed)
            }),
        ]
    }
}
