//! Large bodies: objects of a bucket with versions, named by one product's `doc`, cleaned up by
//! somebody who may be slow.
//!
//! Writers put the object, then the `doc`; they die in between and come again. The cleaner lists,
//! reads the `doc`, deletes; its deletes land at any time. A reader reads the `doc`, then the
//! object. Time passes: what is in the bucket becomes old.

use ledger::core::{Item, desired, spill};
use stateright::{Model, Property};

/// What the doc names can be read.
pub const KEPT: &str = "the body that the doc names is there";
/// A reader is not told that a body is gone which is not.
pub const READABLE: &str = "no reader finds a body missing";

const NOW: i64 = spill::GRACE_MS + 10;
const OLD: i64 = 1;
const FRESH: i64 = NOW;

/// A rule that is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Without {
    /// The cleaner deletes the object, not the version it listed.
    Versions,
    /// The writer does not put what is there.
    AlwaysPutting,
    /// The cleaner deletes what was just written.
    Grace,
    /// The cleaner reads the doc before it lists.
    ListingFirst,
    /// The reader does not read the doc again.
    ReadingAgain,
    /// The writer names the object before it puts it.
    ObjectFirst,
}

/// The rules, each to be taken out in turn.
pub const RULES: [Without; 6] = [
    Without::Versions,
    Without::AlwaysPutting,
    Without::Grace,
    Without::ListingFirst,
    Without::ReadingAgain,
    Without::ObjectFirst,
];

/// A configuration of the model.
#[derive(Clone, Debug)]
pub struct Bodies {
    /// The contents that the feeds bring, in their order.
    pub feeds: Vec<u8>,
    /// Writers that die.
    pub crashes: u8,
    /// How often everything in the bucket becomes old.
    pub days: u8,
    /// The rule that is missing.
    pub without: Option<Without>,
}

/// A state of the model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// Which feed's document the doc is, and the content it names.
    doc: Option<(usize, u8)>,
    /// Versions in the bucket: content, number, when written.
    bucket: Vec<(u8, u8, i64)>,
    numbers: u8,
    /// The feed that is written next, and how far that is.
    feed: usize,
    half: bool,
    cleaner: Cleaner,
    /// Deletes on their way: content, number.
    late: Vec<(u8, u8)>,
    reader: Reader,
    crashes: u8,
    days: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Cleaner {
    Idle,
    Listed(Vec<(u8, u8, i64)>),
    /// Read too early.
    Read(Option<u8>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Reader {
    Idle,
    Named(u8, Option<u8>),
    ToldMissing,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Write,
    WriterDies,
    List,
    Judge,
    DeleteLands(usize),
    Read,
    Get,
    DayPasses,
}

fn key() -> catalog::ProductKey {
    catalog::ProductKey::new("demo", "1").unwrap_or_else(|error| unreachable!("{error}"))
}

fn object(content: u8) -> String {
    spill::object_of(&key(), &[content])
}

fn doc_item(named: Option<u8>) -> Item {
    named.map(|content| (desired::BODY_AT.to_owned(), object(content).into())).into_iter().collect()
}

impl Bodies {
    fn lacks(&self, rule: Without) -> bool {
        self.without == Some(rule)
    }

    fn name(&self, world: &mut World) {
        // A document that is not newer is refused.
        if world.doc.is_none_or(|(feed, _)| feed <= world.feed) {
            world.doc = Some((world.feed, self.feeds[world.feed]));
        }
    }

    fn put(&self, world: &mut World) {
        let content = self.feeds[world.feed];
        if self.lacks(Without::AlwaysPutting) && world.bucket.iter().any(|(there, ..)| *there == content) {
            return;
        }
        world.bucket.push((content, world.numbers, FRESH));
        world.numbers += 1;
    }

    fn judge(&self, world: &mut World, listed: &[(u8, u8, i64)], named: Option<u8>) {
        let now = if self.lacks(Without::Grace) { NOW + spill::GRACE_MS + 1 } else { NOW };
        for (content, number, written) in listed {
            let version = spill::Version { object: object(*content), version: number.to_string(), written: *written };
            if spill::candidate(&version, now).is_some() && spill::is_waste([&doc_item(named)], &version.object) {
                world.late.push((*content, *number));
            }
        }
    }
}

impl Model for Bodies {
    type State = World;
    type Action = Event;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            doc: None,
            bucket: Vec::new(),
            numbers: 0,
            feed: 0,
            half: false,
            cleaner: Cleaner::Idle,
            late: Vec::new(),
            reader: Reader::Idle,
            crashes: self.crashes,
            days: self.days,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Event>) {
        if world.feed < self.feeds.len() {
            actions.push(Event::Write);
            if world.half && world.crashes > 0 {
                actions.push(Event::WriterDies);
            }
        }
        actions.push(if world.cleaner == Cleaner::Idle { Event::List } else { Event::Judge });
        actions.extend((0..world.late.len()).map(Event::DeleteLands));
        actions.push(if matches!(world.reader, Reader::Named(..)) { Event::Get } else { Event::Read });
        // A day is longer than any writer or reader takes from one step to the next; the cleaner's
        // requests may land when they like.
        if world.days > 0 && !world.half && !matches!(world.reader, Reader::Named(..)) {
            actions.push(Event::DayPasses);
        }
    }

    fn next_state(&self, before: &World, action: Event) -> Option<World> {
        let mut world = before.clone();
        match action {
            Event::Write => {
                let object_now = world.half == self.lacks(Without::ObjectFirst);
                if object_now {
                    self.put(&mut world)
                } else {
                    self.name(&mut world)
                }
                world.feed += usize::from(world.half);
                world.half = !world.half;
            }
            Event::WriterDies => {
                world.crashes -= 1;
                world.half = false;
            }
            Event::List if self.lacks(Without::ListingFirst) => {
                world.cleaner = Cleaner::Read(world.doc.map(|(_, content)| content));
            }
            Event::List => world.cleaner = Cleaner::Listed(world.bucket.clone()),
            Event::Judge => match std::mem::replace(&mut world.cleaner, Cleaner::Idle) {
                Cleaner::Idle => {}
                Cleaner::Listed(listed) => {
                    let named = world.doc.map(|(_, content)| content);
                    self.judge(&mut world, &listed, named);
                }
                Cleaner::Read(named) => {
                    let listed = world.bucket.clone();
                    self.judge(&mut world, &listed, named);
                }
            },
            Event::DeleteLands(index) => {
                let (content, number) = world.late.remove(index);
                let all = self.lacks(Without::Versions);
                world.bucket.retain(|(there, version, _)| *there != content || (!all && *version != number));
            }
            Event::Read => {
                world.reader = world.doc.map_or(Reader::Idle, |(_, content)| Reader::Named(content, None));
            }
            Event::Get => {
                let Reader::Named(content, missed) = world.reader else { return None };
                let there = world.bucket.iter().any(|(one, ..)| *one == content);
                world.reader = match world.doc {
                    _ if there => Reader::Idle,
                    Some((_, again)) if missed != Some(content) && !self.lacks(Without::ReadingAgain) => {
                        Reader::Named(again, Some(content))
                    }
                    _ => Reader::ToldMissing,
                };
            }
            Event::DayPasses => {
                world.days -= 1;
                world.bucket.iter_mut().for_each(|(.., written)| *written = OLD);
            }
        }
        world.late.sort_unstable();
        world.late.dedup();
        (world != *before).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(KEPT, |_, world: &World| {
                world.doc.is_none_or(|(_, content)| world.bucket.iter().any(|(one, ..)| *one == content))
            }),
            Property::always(READABLE, |_, world: &World| world.reader != Reader::ToldMissing),
            Property::sometimes("what nobody names is deleted", |model: &Self, world: &World| {
                let named = world.doc.map(|(_, content)| content);
                world.feed == model.feeds.len() && world.bucket.iter().all(|(one, ..)| Some(*one) == named)
            }),
        ]
    }
}
