//! pimcore-sync and medusa-push, one step at a time.

use std::ops::ControlFlow::{self, Break, Continue};

use catalog::{ContentHash, Failure, Fate, Version};
use ledger::core::stage::{self, Applied, Claim, Refusal, Stage};
use ledger::core::state::ProductState;
use ledger::core::{Change, Item, Value, gone, missing};

use super::Pipeline;
use super::bin;
use super::shelf::{Look, Sends, look};
use super::world::{
    Attempt, AttemptStep, DELETED, Flight, LEASES, STAGES, View, Worker, World, hash_of, key, only, owner,
};
use crate::mutation::{Mutation, Op, Step};
use crate::table::{Shared, apply};

/// What becomes of the message of a worker that is done with it.
enum Message {
    Acknowledged,
    ComesBack,
    Dead,
}

/// What a worker does next, or what becomes of its message.
type Next = ControlFlow<Message, AttemptStep>;

impl Pipeline {
    /// The next step of a worker.
    pub(crate) fn work_step(&self, world: &mut World, at: usize, index: usize) {
        let worker = std::mem::replace(&mut world.workers[at][index], Worker::Idle);
        match worker {
            Worker::Idle => {}
            Worker::Claiming => self.claim(world, at, index),
            Worker::TakingOver(seen) => self.take_over(world, at, index, &seen),
            Worker::PassingOn => {
                world.send(1);
                self.end(world, at, Message::Acknowledged);
            }
            Worker::Working(work) => self.work(world, at, index, work),
        }
    }

    fn end(&self, world: &mut World, at: usize, message: Message) {
        match message {
            Message::ComesBack => world.send(at),
            // A dead message is in the dead-letter queue with its reason, which the ledger has
            // recorded as well.
            Message::Dead | Message::Acknowledged => {}
        }
    }

    fn mutated(&self, op: Op, item: &Shared, write: ledger::core::Write) -> Result<Shared, Shared> {
        apply(item, &Mutation::write(self.mutation, op, write))
    }

    fn claim(&self, world: &mut World, at: usize, index: usize) {
        let number = world.fresh_owner(at, None);
        let write = stage::claim(STAGES[at], &key(), &owner(number), 0, LEASES);
        match self.mutated(Op::Claim, &world.state, write) {
            Ok(after) => self.claimed(world, at, index, number, after),
            Err(item) => self.refused(world, at, index, number, &item),
        }
    }

    fn take_over(&self, world: &mut World, at: usize, index: usize, seen: &Shared) {
        let number = world.fresh_owner(at, Some(seen));
        let me = owner(number);
        let Refusal::Expired(expired) = stage::refused(STAGES[at], &me, seen, 0) else {
            return self.end(world, at, Message::ComesBack);
        };
        let write = stage::take_over(STAGES[at], &key(), &me, &expired, 0, LEASES);
        match self.mutated(Op::TakeOver, &world.state, write) {
            Ok(after) => self.claimed(world, at, index, number, after),
            Err(item) => self.refused(world, at, index, number, &item),
        }
    }

    fn refused(&self, world: &mut World, at: usize, index: usize, number: u8, item: &Shared) {
        match stage::refused(STAGES[at], &owner(number), item, 0) {
            Refusal::Expired(_) => world.workers[at][index] = Worker::TakingOver(Shared::clone(item)),
            Refusal::Free => world.workers[at][index] = Worker::Claiming,
            Refusal::Final(Claim::AlreadyApplied(state)) => {
                let pass_on = at == 0 && state.pending_since.is_some();
                if pass_on && !Mutation::step(self.mutation, Step::AppliedIsNotPassedOn) {
                    world.workers[at][index] = Worker::PassingOn;
                } else {
                    self.end(world, at, Message::Acknowledged);
                }
            }
            Refusal::Final(Claim::Leased { .. }) if Mutation::step(self.mutation, Step::LeasedIsDone) => {
                self.end(world, at, Message::Acknowledged);
            }
            Refusal::Final(_) => self.end(world, at, Message::ComesBack),
        }
    }

    fn claimed(&self, world: &mut World, at: usize, index: usize, number: u8, after: Shared) {
        let claimed = relevant(at, &after);
        world.state = after;
        let work = Attempt { owner: number, claimed, version: String::new(), step: AttemptStep::Read, stalled: false };
        world.workers[at][index] = Worker::Working(work);
    }

    fn work(&self, world: &mut World, at: usize, index: usize, mut work: Attempt) {
        let next = match work.step.clone() {
            AttemptStep::Read => Continue(read(world, at, &mut work)),
            AttemptStep::Check(view) => Continue(self.check(world, at, &work, view)),
            AttemptStep::Act(view, sends) => Continue(self.act(world, at, &work, view, sends)),
            AttemptStep::Note(view) => {
                work.claimed = bin::noted(&work.claimed);
                Continue(self.note(world, view))
            }
            AttemptStep::TakeBack(view) => Continue(self.take_back(world, &work, view)),
            AttemptStep::Announce(view) => self.announce(world, &work, view),
            AttemptStep::Complete(view, seen) => self.complete(world, at, &work, view, &seen),
            AttemptStep::Arrived(after) => Break(self.arrived(world, &after)),
            AttemptStep::Doubt => Break(self.doubt(world, at)),
            AttemptStep::Fail(permanent) => Break(self.fail(world, at, &work, permanent)),
        };
        match next {
            Continue(step) => world.workers[at][index] = Worker::Working(Attempt { step, ..work }),
            Break(message) => self.end(world, at, message),
        }
    }

    fn announces_late(&self) -> bool {
        Mutation::step(self.mutation, Step::AnnounceAfterComplete)
    }

    fn check(&self, world: &World, at: usize, work: &Attempt, view: View) -> AttemptStep {
        let look = match STAGES[at] {
            Stage::Pimcore => match world.in_pim() {
                Some(pim) if pim.content == view.content => Look::Right,
                Some(_) => Look::Send(Sends::Fields),
                None => return self.is_missing(&work.claimed, view),
            },
            Stage::Medusa => look(world, view, work.claimed.contains_key("medusa_id"), self.mutation),
        };
        match (look, STAGES[at]) {
            (Look::Send(sends), _) => AttemptStep::Act(view, sends),
            (Look::Right, Stage::Pimcore) => self.is_there(work, view),
            (Look::Right, _) => complete(work, view),
        }
    }

    fn act(&self, world: &mut World, at: usize, work: &Attempt, view: View, sends: Sends) -> AttemptStep {
        // What it was to change is gone since it was looked at, or what it was to make is there.
        if !self.land(world, at, view, sends) {
            return AttemptStep::Fail(false);
        }
        if at == 0 { self.is_there(work, view) } else { complete(work, view) }
    }

    /// The PIM has it: a note that says otherwise is taken back.
    fn is_there(&self, work: &Attempt, view: View) -> AttemptStep {
        match (bin::is_noted(&work.claimed), self.announces_late()) {
            (true, _) => AttemptStep::TakeBack(view),
            (false, false) => AttemptStep::Announce(view),
            (false, true) => complete(work, view),
        }
    }

    fn take_back(&self, world: &mut World, work: &Attempt, view: View) -> AttemptStep {
        if let Ok(after) = self.mutated(Op::TakeBack, &world.state, gone::clear(&key(), &owner(work.owner))) {
            world.state = after;
        }
        AttemptStep::Announce(view)
    }

    fn announce(&self, world: &mut World, work: &Attempt, view: View) -> Next {
        world.send(1);
        if self.announces_late() { Break(Message::Acknowledged) } else { Continue(complete(work, view)) }
    }

    fn complete(&self, world: &mut World, at: usize, work: &Attempt, view: View, seen: &Shared) -> Next {
        let (claimed, known) = (ProductState::of(&work.claimed), ProductState::of(seen));
        let me = owner(work.owner);
        let applied = applied(at, view, &work.version, &claimed);
        let mut write = stage::complete(STAGES[at], &key(), &me, (&claimed, &known), &applied, 0, LEASES);
        if at == 0 && Mutation::step(self.mutation, Step::CompleteSaysTheId) {
            write.changes.push(Change::Set("pimcore_id", bin::ID.into()));
        }
        match self.mutated(Op::Complete, &world.state, write) {
            Ok(after) => {
                let state = ProductState::of(&after);
                let again = stage::again_at(STAGES[at], &state, 0).is_some()
                    && !Mutation::step(self.mutation, Step::DoubtIsDone);
                world.state = after;
                if stage::arrived(&key(), &state).is_some() && !self.announces_late() {
                    Continue(AttemptStep::Arrived(Shared::clone(&world.state)))
                } else if self.announces_late() && at == 0 {
                    Continue(AttemptStep::Announce(view))
                } else {
                    Break(if again { Message::ComesBack } else { Message::Acknowledged })
                }
            }
            Err(item) if ProductState::of(&item).stage(STAGES[at]).owner.as_ref() == Some(&me.0) => {
                Continue(AttemptStep::Complete(view, relevant(at, &item)))
            }
            Err(_) => Continue(AttemptStep::Doubt),
        }
    }

    fn arrived(&self, world: &mut World, after: &Shared) -> Message {
        if let Some(write) = stage::arrived(&key(), &ProductState::of(after))
            && let Ok(after) = self.mutated(Op::Arrived, &world.state, write)
        {
            world.state = after;
        }
        Message::Acknowledged
    }

    fn doubt(&self, world: &mut World, at: usize) -> Message {
        if let Ok(after) = self.mutated(Op::Doubt, &world.state, stage::doubt(STAGES[at], &key(), 0)) {
            world.state = after;
        }
        Message::ComesBack
    }

    fn fail(&self, world: &mut World, at: usize, work: &Attempt, permanent: bool) -> Message {
        let failure = if permanent {
            Failure::permanent("refused", "")
        } else {
            Failure::transient("any_code", "").request(Fate::MayStillLand)
        };
        let write = stage::fail(STAGES[at], &key(), &owner(work.owner), &failure, 0, LEASES);
        if let Ok(after) = self.mutated(Op::Fail, &world.state, write) {
            world.state = after;
        }
        match permanent {
            true => Message::Dead,
            false if Mutation::step(self.mutation, Step::FailedIsDone) => Message::Acknowledged,
            false => Message::ComesBack,
        }
    }
}

fn read(world: &World, at: usize, work: &mut Attempt) -> AttemptStep {
    if at == 0 {
        work.version = world.doc.get("version").and_then(Value::text).unwrap_or_default().to_owned();
    }
    let should = match STAGES[at] {
        Stage::Pimcore => hash_of(&world.doc, "hash").map(|content| View { content, edit: 0 }),
        Stage::Medusa => world.targets[0],
    };
    should.map_or(AttemptStep::Fail(true), AttemptStep::Check)
}

fn complete(work: &Attempt, view: View) -> AttemptStep {
    AttemptStep::Complete(view, Shared::clone(&work.claimed))
}

/// The part of a state that completing looks at.
fn relevant(at: usize, item: &Item) -> Shared {
    let (mine, other) = (STAGES[at].as_str(), STAGES[at].other().as_str());
    let own = ["owner", "until", "recheck_at", "doubts"].map(|attribute| format!("{mine}_{attribute}"));
    let others = ["hash", "owner", "recheck_at", "error", "attempts"].map(|attribute| format!("{other}_{attribute}"));
    let both = ["hash", "edits"].map(str::to_owned);
    let ids: &[&str] = if at == 1 { &["medusa_id"] } else { &["pimcore_id", gone::GONE, "medusa_seen"] };
    let ids = ids.iter().map(|name| (*name).to_owned());
    let names: Vec<String> = own.into_iter().chain(others).chain(both).chain(ids).collect();
    let mut seen = only(item, &names);
    if at == 0 && bin::is_known(item) {
        // An id is only read where there is a hash; which one does not matter.
        Shared::make_mut(&mut seen).insert("pimcore_hash".to_owned(), "-".into());
    }
    seen
}

fn applied(at: usize, view: View, version: &str, claimed: &ProductState) -> Applied {
    if view == DELETED {
        // The content that the PIM was last made to hold, and that it is not there any more.
        let held = claimed.pimcore.applied.as_ref().map_or_else(|| ContentHash::from_text("-"), |pim| pim.hash.clone());
        let (view, seen) = (Some("-".to_owned()), Some(missing::SEEN.to_owned()));
        let remote_id = claimed.medusa.applied.as_ref().and_then(|shop| shop.remote_id.clone());
        return Applied { hash: held, version: Version::from_text(version), remote_id, view, seen, at: 0 };
    }
    Applied {
        hash: ContentHash::from_text(view.content.to_string()),
        version: Version::from_text(version),
        remote_id: Some(if at == 1 { "p" } else { bin::ID }.to_owned()),
        view: (view.edit > 0).then(|| view.edit.to_string()),
        seen: (at == 1).then(|| digest(view)),
        at: 0,
    }
}

/// What deciding about a deleted product looks at.
pub(crate) fn compared(item: &Item) -> Shared {
    let names = ["medusa_hash", "medusa_seen", "medusa_owner", "medusa_recheck_at", "pimcore_id", gone::GONE];
    only(item, &names.map(str::to_owned))
}

/// What the PIM shows, as the ledger notes it when the shop holds it.
pub(crate) fn digest(view: View) -> String {
    format!("{}{}", view.content, view.edit)
}

/// What the ledger says a target holds, if it believes anything.
pub(crate) fn believed(item: &Item, at: usize) -> Option<View> {
    let name = STAGES[at].as_str();
    let content = hash_of(item, &format!("{name}_hash"))?;
    if item.get(&format!("{name}_view")).and_then(Value::text) == Some("-") {
        return Some(DELETED);
    }
    let edit = item.get(&format!("{name}_view")).and_then(Value::text).and_then(|text| text.parse().ok()).unwrap_or(0);
    Some(View { content, edit })
}

/// The request of a worker that no longer waits for it: it lands before the end of the lease plus
/// the landing time.
pub(crate) fn flight(at: usize, work: &Attempt, view: View, sends: Sends) -> Flight {
    let until = work.claimed.get(&format!("{}_until", STAGES[at].as_str())).and_then(Value::number).unwrap_or(0);
    Flight { stage: at, view, sends, left: until + LEASES.landing_ms - 1 }
}
