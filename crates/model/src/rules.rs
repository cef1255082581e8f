//! Every rule of the protocol, taken out in turn, and a small world in which its absence shows.

use crate::configurations::{NONE, feeds};
use crate::mutation::{How, Mutation, Op, Step};
use crate::pipeline::{Faults, Pipeline};
use crate::runs::Runs;

const CRASH: Faults = Faults { crashes: 1, ..NONE };
const TIMEOUT: Faults = Faults { timeouts: 1, ..NONE };
const STALL: Faults = Faults { stalls: 1, ..NONE };
const UNDONE: Faults = Faults { deletions: 1, undone: 1, ..NONE };
const LOSS: Faults = Faults { losses: 1, ..NONE };

fn without(rule: &'static str, how: How, say: &str, workers: usize, faults: Faults) -> Pipeline {
    Pipeline { feeds: feeds(say), workers, faults, mutation: Some(Mutation { without: rule, how }) }
}

/// All mutations of the product's protocol.
#[must_use]
pub fn of_products() -> Vec<Pipeline> {
    [
        of_desired_state(),
        of_claims(),
        of_completing(),
        of_the_change_feed(),
        of_deletions(),
        of_people_in_the_shop(),
        of_late_requests(),
    ]
    .concat()
}

/// Rule 1: desired state.
#[rustfmt::skip]
fn of_desired_state() -> Vec<Pipeline> {
    use How::{Omitted, Unchanged, Unconditional};
    vec![
        without("an older doc does not replace a newer one", Unconditional(Op::WriteDoc, "version"), "AB", 1, NONE),
        without("an older state does not replace a newer one", Unconditional(Op::WriteState, "version"), "AB", 1, NONE),
        without("the doc is written before the state", How::Step(Step::StateBeforeDoc), "ABA", 1, CRASH),
        without("a strict run notes at the doc that a newer document said the same", Omitted(Op::NoteDoc), "ABA", 1, NONE),
        without("a strict run notes at the state that a newer document said the same", Omitted(Op::NoteState), "ABA", 1, CRASH),
        without("a note demands that the doc says the same", Unconditional(Op::NoteDoc, "hash"), "ABA", 1, NONE),
        without("a note demands that the state says the same", Unconditional(Op::NoteState, "hash"), "ABA", 1, CRASH),
        without("a note never lowers the doc's version", Unconditional(Op::NoteDoc, "version"), "AABA", 1, NONE),
        without("a note never lowers the state's version", Unconditional(Op::NoteState, "version"), "AABA", 1, CRASH),
        without("a refused note is followed by a write", How::Step(Step::RefusedNoteIsEnough), "ABA", 1, NONE),
        without("a doc that was replaced at once is announced all the same", How::Step(Step::ReplacedIsSilent), "ABAA", 1, NONE),
        without("a changed product becomes pending", Unchanged(Op::WriteState, "pending_since"), "AB", 1, LOSS),
        without("a record written by an earlier attempt is announced again", How::Step(Step::AgainIsSilent), "A", 1, CRASH),
        without("a fast run registers", Omitted(Op::Register), "aba", 1, NONE),
        without("a fast run registers before it reads", How::Step(Step::RegisterLate), "aba", 1, NONE),
        without("a run asks for strict passes of newer runs", How::Step(Step::NoStrictPasses), "aba", 1, NONE),
    ]
}

/// Rule 2: claims.
#[rustfmt::skip]
fn of_claims() -> Vec<Pipeline> {
    use How::{Never, Unconditional};
    vec![
        without("nobody claims what somebody else has leased", Unconditional(Op::Claim, "owner"), "AB", 2, CRASH),
        without("a stage in doubt is claimed although it is applied", Never(Op::Claim, "recheck_at"), "A", 1, CRASH),
        without("a message whose product is leased comes back", How::Step(Step::LeasedIsDone), "AB", 2, NONE),
        without("what is applied but pending is passed on", How::Step(Step::AppliedIsNotPassedOn), "A", 1, LOSS),
    ]
}

/// Rule 3: act, announce, complete.
#[rustfmt::skip]
fn of_completing() -> Vec<Pipeline> {
    use How::{Never, Omitted, Unchanged, Unconditional};
    vec![
        without("only the owner completes", Unconditional(Op::Complete, "owner"), "AB", 2, STALL),
        without("completing gives the lease back", Unchanged(Op::Complete, "owner"), "A", 1, NONE),
        without("pending ends only with the desired content", Unconditional(Op::Complete, "hash"), "AB", 1, LOSS),
        without("two stages that complete at once end pending", Omitted(Op::Arrived), "A", 1, NONE),
        without("pending ends only if nothing changed since", Unconditional(Op::Arrived, "hash"), "AB", 1, LOSS),
        without("a failed message comes back", How::Step(Step::FailedIsDone), "A", 1, TIMEOUT),
        without("a failure of the PIM about content of before keeps nothing pending", Never(Op::Complete, "pimcore_attempts"), "ABA", 1, Faults { refusals: 1, ..NONE }),
        without("a refusal is recorded", Unchanged(Op::Fail, "error"), "A", 1, Faults { refusals: 1, ..NONE }),
        without("two stages that complete at once do not hide a refusal", Unconditional(Op::Arrived, "error"), "A", 1, Faults { refusals: 1, redrives: 1, ..NONE }),
        without("a refused product is pending", Unchanged(Op::Fail, "pending_since"), "A", 1, Faults { refusals: 1, redrives: 1, ..NONE }),
    ]
}

/// The change feed.
#[rustfmt::skip]
fn of_the_change_feed() -> Vec<Pipeline> {
    use How::{Unchanged, Unconditional};
    vec![
        without("a save is announced while somebody brings the product to the shop", How::Step(Step::FeedIgnoresWork), "A", 1, Faults { edits: 2, ..NONE }),
        without("a save is announced that shows something new", How::Step(Step::FeedIgnoresEdits), "A", 1, Faults { edits: 1, ..NONE }),
        without("an announced save makes the product pending", Unchanged(Op::Edited, "pending_since"), "A", 1, Faults { edits: 1, ..LOSS }),
        without("an announced save is counted", Unchanged(Op::Edited, "edits"), "A", 1, Faults { edits: 1, ..LOSS }),
        without("a save that came after the claim is not taken for shown", Unconditional(Op::Complete, "edits"), "A", 1, Faults { edits: 1, ..LOSS }),
        without("two stages that complete at once do not hide a save", Unconditional(Op::Arrived, "edits"), "A", 2, Faults { edits: 1, duplicates: 1, ..LOSS }),
    ]
}

/// Deletions in the PIM.
#[rustfmt::skip]
fn of_deletions() -> Vec<Pipeline> {
    use How::{Omitted, Unchanged};
    vec![
        without("a deleted product is announced while somebody brings it to the shop", How::Step(Step::ComparisonIgnoresWork), "A", 1, Faults { deletions: 1, ..NONE }),
        without("a deleted product is pending until the shop was told", Unchanged(Op::Edited, "pending_since"), "A", 1, Faults { deletions: 1, ..LOSS }),
        without("what a person deleted in the PIM is not made again", How::Step(Step::DeletedIsMadeAgain), "AB", 1, Faults { deletions: 1, ..NONE }),
        without("who notes that a product is gone looks once more", How::Step(Step::DeletedIsNotLookedFor), "AB", 1, UNDONE),
        without("so does the comparison", How::Step(Step::ComparisonDoesNotLookAgain), "A", 1, UNDONE),
        without("what is noted as gone and is there is looked at", How::Step(Step::FeedIgnoresNotes), "A", 1, UNDONE),
        without("a note is taken back when the product is there", Omitted(Op::TakeBack), "A", 1, UNDONE),
        without("a release forgets the id", Unchanged(Op::Release, "pimcore_id"), "A", 1, UNDONE),
        without("a release puts the stage in doubt", Unchanged(Op::Release, "recheck_at"), "A", 1, UNDONE),
        without("completing does not bring back an id that a release took away", How::Step(Step::CompleteSaysTheId), "AB", 1, UNDONE),
    ]
}

/// People in the shop.
#[rustfmt::skip]
fn of_people_in_the_shop() -> Vec<Pipeline> {
    vec![
        without("a draft that we did not make is left a draft", How::Step(Step::DraftIsOurs), "AB", 1, Faults { taken_off: 1, ..NONE }),
        without("a product whose id the ledger knows is not made again", How::Step(Step::DeletionIsAbsence), "AB", 1, Faults { taken_off: 1, ..NONE }),
        without("who withdraws a product notes it, and it comes back", How::Step(Step::WithdrawalIsNotNoted), "A", 1, UNDONE),
        without("only a write that has to publishes", How::Step(Step::AlwaysPublishes), "AB", 1, Faults { taken_off: 1, ..NONE }),
    ]
}

/// Rule 4: late requests.
#[rustfmt::skip]
fn of_late_requests() -> Vec<Pipeline> {
    use How::{AlsoRemoves, Omitted, Unchanged, Unconditional};
    vec![
        without("only one takes an expired lease over", Unconditional(Op::TakeOver, ""), "A", 2, Faults { duplicates: 1, ..CRASH }),
        without("a taken-over stage is in doubt", Unchanged(Op::TakeOver, "recheck_at"), "AB", 1, CRASH),
        without("a taken-over stage is pending", Unchanged(Op::TakeOver, "pending_since"), "A", 1, Faults { crashes: 1, losses: 1, redrives: 1, ..NONE }),
        without("only a claim after the landing time settles", AlsoRemoves(Op::Complete, "pimcore_recheck_at"), "AB", 1, CRASH),
        without("an earlier claim does not settle a later suspicion", Unconditional(Op::Complete, "doubts"), "AB", 2, STALL),
        without("pending ends only if the other stage is not in doubt", Unconditional(Op::Complete, "recheck_at"), "AB", 2, Faults { stalls: 1, losses: 1, ..NONE }),
        without("a doubted stage is pending", Unchanged(Op::Doubt, "pending_since"), "AB", 2, Faults { stalls: 1, losses: 1, ..NONE }),
        without("who lost its lease doubts the stage", Omitted(Op::Doubt), "AB", 2, STALL),
        without("a request that may still land leaves the stage in doubt", Unchanged(Op::Fail, "recheck_at"), "AB", 1, TIMEOUT),
        without("a stage in doubt is looked at again", How::Step(Step::DoubtIsDone), "A", 1, CRASH),
    ]
}

/// All mutations of the feed run's protocol.
#[must_use]
#[rustfmt::skip]
pub fn of_runs() -> Vec<Runs> {
    use How::{Unchanged, Unconditional};
    let without = |rule, how, faults| Runs { records: 2, readers: 2, faults, mutation: Some(Mutation { without: rule, how }) };
    let twice = Faults { duplicates: 1, ..NONE };
    vec![
        without("nobody claims a leased run", Unconditional(Op::RunClaim, "run_until"), twice),
        without("nobody claims an ended run", Unconditional(Op::RunClaim, "status"), twice),
        without("a commit starts where the one before it ended", Unconditional(Op::Checkpoint, ""), Faults { stalls: 1, duplicates: 1, ..NONE }),
        without("a commit has position and counts", Unchanged(Op::Checkpoint, "counts"), NONE),
        without("a hand-over has its position", Unchanged(Op::Checkpoint, "record"), NONE),
        without("an end has its counts", Unchanged(Op::Finish, "counts"), NONE),
        without("an end is an end", Unchanged(Op::Finish, "status"), NONE),
        without("an end starts where the last commit ended", Unconditional(Op::Finish, ""), Faults { stalls: 1, duplicates: 1, ..NONE }),
    ]
}
