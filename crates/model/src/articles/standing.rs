//! The short way: a member whose article is noted to show it as the PIM does is completed without
//! the article. That the shop is looked at besides is left out: it has to be right without. And who
//! comes for the first time may be put off.

use catalog::ProductKey;
use ledger::core::article::{self, Shows};
use ledger::core::{Write, state};
use ledger::{Applied, ProductState};

use super::switch::place;
use super::{Articles, LEASES, Phase, Shown, Without, Work, World, applied, member, owner};

impl Articles {
    /// What is noted of the member at work, where it is shown.
    pub(super) fn noted(&self, world: &World, work: &Work, home: &ProductKey) -> Option<usize> {
        let claimed = ProductState::of(&work.claimed);
        if !home.is_article() || claimed.medusa.attempts > 1 || claimed.medusa.last_error.is_some() {
            return None;
        }
        if self.lacks(Without::ArticleNotes) {
            return claimed.medusa.applied?.seen?.parse().ok();
        }
        let mut item = world.item(&state::item_key(home));
        if self.lacks(Without::NobodyAtWork) {
            item.retain(|name, _| !["medusa_owner", "medusa_until"].contains(&name.as_str()));
        }
        article::standing(&item)?.shows.marks.get(member(work.member).id())?.parse().ok()
    }

    /// How the member at work is completed.
    pub(super) fn applied(&self, work: &Work) -> Applied {
        let shown = work.read.flatten().filter(|_| self.lacks(Without::ArticleNotes));
        Applied { seen: shown.map(|(_, content)| content.to_string()), ..applied() }
    }
}

/// Completes an article of which this was written.
pub(super) fn completed(world: &World, work: &Work, at: &ProductKey) -> Write {
    let claimed = ProductState::of(&world.item(&state::item_key(at)));
    let nothing = Shown::new();
    let written = work.wanted.iter().find(|(place, _)| place == at).map_or(&nothing, |(_, shown)| shown);
    let marks = written.iter().map(|(n, content)| (member(*n).id().to_owned(), content.to_string())).collect();
    let (applied, shows) = (Applied { view: Some("-".into()), ..applied() }, Shows { face: "-".into(), marks });
    let both = (&claimed, &claimed);
    article::complete_article(at, &owner(work.owner), both, (&applied, Some(&shows)), world.now, LEASES)
}

/// A member that comes for the first time is given back once it has joined, and comes again.
pub(super) fn puts_off(world: &mut World, worker: usize) -> Option<()> {
    let Phase::Busy(work) = std::mem::take(&mut world.workers[worker]) else { return None };
    let is_first = ProductState::of(&work.claimed).homes.is_empty() && work.homes.iter().any(ProductKey::is_article);
    if !is_first || !work.settled || !work.held.is_empty() || !work.wanted.is_empty() {
        return None;
    }
    let _ = world.write(&article::give_back(&member(work.member), &owner(work.owner)));
    world.messages[work.member] = Some(world.now);
    Some(())
}

/// What a place is to show: of the member at work what was read of it, of others what the PIM shows
/// now.
pub(super) fn shown(world: &World, work: &Work, home: &ProductKey, at: &ProductKey) -> Shown {
    let own = work.read.flatten().filter(|_| at == home).map(|(_, save)| (work.member, save));
    let others = (0..2).filter(|n| *n != work.member && at.is_article());
    let joined = others.filter(|n| article::has_joined(&world.item(&article::member_key(at, &member(*n)))));
    let there = joined.filter_map(|n| Some((n, world.pim[n].filter(|(own, _)| place(n, *own) == *at)?.1)));
    own.into_iter().chain(there).collect()
}
