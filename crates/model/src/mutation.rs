//! The protocol with one rule taken out.
//!
//! A mutation changes what the core returned before it is applied: a condition is dropped, or a
//! change is. A few rules are not in a write but in the order of a function's steps; those are
//! switches that the model's functions look at.

use ledger::core::{Change, Condition, Write};

/// Which write of the core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// `desired::write_doc`.
    WriteDoc,
    /// `desired::write_state`.
    WriteState,
    /// `desired::note_doc`.
    NoteDoc,
    /// `desired::note_state`.
    NoteState,
    /// `register::enter`.
    Register,
    /// `stage::claim`.
    Claim,
    /// `stage::take_over`.
    TakeOver,
    /// `stage::complete`.
    Complete,
    /// `stage::arrived`.
    Arrived,
    /// `stage::fail`.
    Fail,
    /// `stage::doubt`.
    Doubt,
    /// `stage::edited`.
    Edited,
    /// `gone::clear`.
    TakeBack,
    /// `gone::release`.
    Release,
    RunClaim,
    /// `run::checkpoint`.
    Checkpoint,
    /// `run::finish`.
    Finish,
}

/// How a rule is taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Conditions on attributes whose names end like this hold always.
    Unconditional(Op, &'static str),
    /// Conditions on attributes whose names end like this never hold.
    Never(Op, &'static str),
    /// This attribute is removed as well.
    AlsoRemoves(Op, &'static str),
    /// Attributes whose names end like this are left as they are.
    Unchanged(Op, &'static str),
    /// The write does not happen and counts as done.
    Omitted(Op),
    /// A step of a function.
    Step(Step),
}

/// Steps of the functions that the protocol rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// normalize writes the `state` before the `doc`.
    StateBeforeDoc,
    /// normalize does not announce a record whose doc was replaced before its state was written.
    ReplacedIsSilent,
    /// normalize does not announce a record that an earlier attempt wrote.
    AgainIsSilent,
    /// A strict run takes a refused note for a note.
    RefusedNoteIsEnough,
    /// A run does not ask for strict passes of newer runs.
    NoStrictPasses,
    /// A fast run registers at its end.
    RegisterLate,
    /// A stage announces after it completed.
    AnnounceAfterComplete,
    /// A message whose product is leased is acknowledged.
    LeasedIsDone,
    /// A product that its target holds already is not passed on although it is pending.
    AppliedIsNotPassedOn,
    /// A message is acknowledged when its work failed.
    FailedIsDone,
    /// A message whose stage is in doubt is acknowledged, and nothing looks at it again.
    DoubtIsDone,
    /// The change feed leaves a save alone although somebody is bringing the product to the shop.
    FeedIgnoresWork,
    /// The comparison takes a deleted product for known to the shop, although somebody is bringing
    /// it there.
    ComparisonIgnoresWork,
    /// pimcore-sync makes what it does not find.
    DeletedIsMadeAgain,
    /// pimcore-sync does not look once more after it noted a product as gone.
    DeletedIsNotLookedFor,
    /// The comparison does not look once more after it noted a product as gone.
    ComparisonDoesNotLookAgain,
    /// The change feed does not look at notes of what is gone.
    FeedIgnoresNotes,
    /// Completing the PIM's stage says the id although it is the one of before.
    CompleteSaysTheId,
    /// medusa-push takes every draft for its own.
    DraftIsOurs,
    /// medusa-push takes a product that is not there for one that never was.
    DeletionIsAbsence,
    /// medusa-push does not note that it withdrew a product itself.
    WithdrawalIsNotNoted,
    /// medusa-push says in every write that the product is published.
    AlwaysPublishes,
    /// The change feed does not compare what the PIM shows with what the shop was fed from.
    FeedIgnoresEdits,
}

/// One rule taken out of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mutation {
    /// The rule that is missing.
    pub without: &'static str,
    pub how: How,
}

impl Mutation {
    /// Whether a step of a function is mutated.
    pub(crate) fn step(this: Option<Self>, step: Step) -> bool {
        this.is_some_and(|mutation| mutation.how == How::Step(step))
    }

    /// The core's write as the mutated protocol has it.
    pub(crate) fn write(this: Option<Self>, op: Op, mut write: Write) -> Write {
        match this.map(|mutation| mutation.how) {
            Some(How::Unconditional(of, name)) if of == op => {
                write.condition = replaced(&write.condition, name, &Condition::Always);
            }
            Some(How::Never(of, name)) if of == op => {
                write.condition = replaced(&write.condition, name, &Condition::Any(Vec::new()));
            }
            Some(How::AlsoRemoves(of, name)) if of == op => {
                write.changes.retain(|change| named(change) != name);
                write.changes.push(Change::Remove(name));
            }
            Some(How::Unchanged(of, name)) if of == op => write.changes.retain(|change| !named(change).ends_with(name)),
            Some(How::Omitted(of)) if of == op => {
                write.condition = Condition::Always;
                write.changes.clear();
            }
            _ => {}
        }
        write
    }
}

const fn named(change: &Change) -> &'static str {
    match change {
        Change::Set(name, _) | Change::SetIfAbsent(name, _) | Change::Add(name, _) | Change::Remove(name) => name,
    }
}

fn replaced(condition: &Condition, name: &str, by: &Condition) -> Condition {
    match condition {
        Condition::Always => Condition::Always,
        Condition::Absent(of)
        | Condition::Present(of)
        | Condition::Eq(of, _)
        | Condition::Ne(of, _)
        | Condition::Lt(of, _)
        | Condition::Le(of, _) => {
            if of.ends_with(name) {
                by.clone()
            } else {
                condition.clone()
            }
        }
        Condition::All(parts) => Condition::All(parts.iter().map(|part| replaced(part, name, by)).collect()),
        Condition::Any(parts) => Condition::Any(parts.iter().map(|part| replaced(part, name, by)).collect()),
    }
}
