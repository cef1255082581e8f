//! normalize, one step at a time: what it awaits, in the order it awaits it.

use catalog::{ContentHash, Product, Version};
use ledger::core::desired::{self, Classification, DesiredDoc, classify};
use ledger::core::register::{self, Registered};
use ledger::core::run::RunId;

use super::Pipeline;
use super::world::{Phase, Run, World, key};
use crate::mutation::{Mutation, Op, Step};
use crate::table::{Shared, apply};

const SOURCE: &str = "demo";

pub(crate) fn version(feed: usize) -> Version {
    Version::from_text(format!("v{feed}"))
}

fn hash(says: char) -> ContentHash {
    ContentHash::from_text(says.to_string())
}

fn registered(feed: usize) -> Registered {
    let id = RunId { bucket: "b".into(), key: "k".into(), object_version: feed.to_string() };
    Registered { version: version(feed), id }
}

/// The ledger keeps the product compressed; the model needs its hash only.
fn doc(feed: usize, says: char) -> DesiredDoc {
    let product = Product::bare(SOURCE, "1");
    DesiredDoc { product, version: version(feed), hash: hash(says), run: String::new(), provenance: String::new() }
}

impl Pipeline {
    fn write(&self, op: Op, item: &Shared, write: ledger::core::Write) -> Result<Shared, Shared> {
        apply(item, &Mutation::write(self.mutation, op, write))
    }

    /// The next step of run `index`.
    pub(crate) fn run_step(&self, world: &mut World, index: usize) {
        let run = world.runs[index];
        let fast = self.feeds[run.feed].fast && !run.pass;
        let mut wrote = run.wrote;
        let next = match run.phase {
            Phase::Absent | Phase::Done => run.phase,
            Phase::Waiting if fast && !self.breaks(Step::RegisterLate) => Phase::Register,
            Phase::Waiting => Phase::Read,
            Phase::Register => self.register(world, run.feed),
            Phase::Read => self.read(world, run.feed, fast, &mut wrote),
            Phase::NoteDoc => self.note_doc(world, run.feed),
            Phase::NoteState => self.note_state(world, run.feed),
            Phase::WriteDoc => self.write_doc(world, run.feed, &mut wrote),
            Phase::WriteState => self.write_state(world, run.feed),
            Phase::Announce => {
                world.send(0);
                Phase::List
            }
            Phase::List => {
                if wrote && !self.breaks(Step::NoStrictPasses) {
                    self.ask_for_strict_passes(world, run.feed);
                }
                match (run.pass, fast && self.breaks(Step::RegisterLate)) {
                    (true, _) => Phase::StrikeOff,
                    (false, true) => Phase::Register,
                    (false, false) => Phase::Done,
                }
            }
            Phase::StrikeOff => {
                let write = register::strike_off(SOURCE, &version(run.feed), 0);
                if let Ok(after) = apply(&world.register[run.feed], &write) {
                    world.register[run.feed] = after;
                }
                Phase::Done
            }
        };
        // Once it has listed the newer runs it makes no difference any more.
        let ended = matches!(next, Phase::StrikeOff | Phase::Done);
        world.runs[index] = Run { phase: next, wrote: wrote && !ended, ..run };
    }

    fn breaks(&self, step: Step) -> bool {
        Mutation::step(self.mutation, step)
    }

    fn doc_first(&self) -> bool {
        !self.breaks(Step::StateBeforeDoc)
    }

    /// What follows where a record is news.
    fn changed(&self) -> Phase {
        if self.doc_first() { Phase::WriteDoc } else { Phase::WriteState }
    }

    fn register(&self, world: &mut World, feed: usize) -> Phase {
        let write = register::enter(SOURCE, &registered(feed), 0);
        if let Ok(after) = self.write(Op::Register, &world.register[feed], write) {
            world.register[feed] = after;
        }
        if self.breaks(Step::RegisterLate) { Phase::Done } else { Phase::Read }
    }

    fn read(&self, world: &World, feed: usize, fast: bool, wrote: &mut bool) -> Phase {
        match classify(&world.known(), &version(feed), &hash(self.feeds[feed].says)) {
            Classification::Changed => self.changed(),
            Classification::Again if self.breaks(Step::AgainIsSilent) => Phase::List,
            Classification::Again => {
                *wrote = true;
                Phase::Announce
            }
            Classification::Unchanged if fast => Phase::List,
            Classification::Unchanged => Phase::NoteDoc,
            Classification::Stale => Phase::List,
        }
    }

    fn note_doc(&self, world: &mut World, feed: usize) -> Phase {
        let write = desired::note_doc(&key(), &version(feed), &hash(self.feeds[feed].says));
        match self.write(Op::NoteDoc, &world.doc, write) {
            Ok(after) => {
                world.doc = after;
                Phase::NoteState
            }
            Err(_) => self.note_refused(),
        }
    }

    fn note_state(&self, world: &mut World, feed: usize) -> Phase {
        let write = desired::note_state(&key(), &version(feed), &hash(self.feeds[feed].says));
        match self.write(Op::NoteState, &world.state, write) {
            Ok(after) => {
                world.state = after;
                Phase::List
            }
            Err(_) => self.note_refused(),
        }
    }

    fn note_refused(&self) -> Phase {
        if self.breaks(Step::RefusedNoteIsEnough) { Phase::List } else { self.changed() }
    }

    fn write_doc(&self, world: &mut World, feed: usize, wrote: &mut bool) -> Phase {
        let write = desired::write_doc(&key(), &doc(feed, self.feeds[feed].says), Vec::new());
        match self.write(Op::WriteDoc, &world.doc, write) {
            Ok(after) => {
                world.doc = after;
                *wrote = true;
                if self.doc_first() { Phase::WriteState } else { Phase::Announce }
            }
            Err(_) => Phase::List,
        }
    }

    fn write_state(&self, world: &mut World, feed: usize) -> Phase {
        let write = desired::write_state(&key(), &version(feed), &hash(self.feeds[feed].says), "", 0);
        match self.write(Op::WriteState, &world.state, write) {
            Ok(after) => {
                world.state = after;
                if self.doc_first() { Phase::Announce } else { Phase::WriteDoc }
            }
            // Newer by now. But the doc was there for a while, and somebody may have applied it.
            Err(_) if self.breaks(Step::ReplacedIsSilent) => Phase::List,
            Err(_) => Phase::Announce,
        }
    }

    fn ask_for_strict_passes(&self, world: &mut World, feed: usize) {
        for newer in feed + 1..self.feeds.len() {
            if Registered::of(version(newer).as_str(), &world.register[newer]).is_none() {
                continue;
            }
            for run in &mut world.runs {
                // The same run id: a pass that is under way or done is not begun again.
                if run.pass && run.feed == newer && run.phase == Phase::Absent {
                    run.phase = Phase::Waiting;
                }
            }
        }
    }
}
