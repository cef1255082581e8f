//! The setting changes: functions with another one are deployed, and a walk has products follow
//! (pimcore-sync's `articles.rs`). The time of its own that it waits is that of a lease.

use catalog::ProductKey;
use ledger::core::article::{self, Asked};
use ledger::core::stage;

use super::{Action, Articles, LEASES, Phase, Without, World, member};

/// Where a member belongs.
pub(super) fn place(n: usize, at: char) -> ProductKey {
    match at {
        '-' => member(n),
        group => ProductKey::article("demo", group).unwrap_or_else(|error| unreachable!("{error}")),
    }
}

/// The same by a setting.
pub(super) fn place_by(grouped: bool, n: usize, at: char) -> ProductKey {
    place(n, if grouped { at } else { '-' })
}

/// Where the walk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Walking {
    /// The setting has not changed yet.
    Waits,
    /// It has; somebody may still work by the one before.
    Settles,
    /// Looks at this member next.
    Looks(usize),
    /// This one is to be counted, then announced.
    Counts(usize),
    Announces(usize),
    Done,
}

impl Walking {
    /// Whether nothing is left of it.
    pub(super) fn is_over(self) -> bool {
        matches!(self, Self::Waits | Self::Done)
    }

    const fn behind(n: usize) -> Self {
        if n == 0 { Self::Looks(1) } else { Self::Done }
    }
}

impl Articles {
    /// What may happen next.
    pub(super) fn switching(&self, world: &World) -> Option<Action> {
        // Time passes when nobody is at work, or by a stall.
        let busy = || world.workers.iter().any(|worker| *worker != Phase::Idle);
        match world.walking {
            Walking::Waits => Some(Action::Switch),
            Walking::Settles if self.without == Some(Without::Settles) || !busy() => Some(Action::Settles),
            Walking::Settles | Walking::Done => None,
            _ => Some(Action::Walks),
        }
    }

    pub(super) fn goes_on_switching(&self, world: &mut World) {
        world.walking = match world.walking {
            Walking::Waits => {
                world.grouped = !world.grouped;
                Walking::Settles
            }
            Walking::Settles => {
                if self.without != Some(Without::Settles) {
                    world.now += LEASES.lease_ms + 1;
                }
                Walking::Looks(0)
            }
            Walking::Looks(n) => {
                let has_group = world.pim[n].is_none_or(|(at, _)| at != '-');
                match article::asks(&world.state(n), world.grouped) {
                    Asked::Leaves => Walking::Counts(n),
                    Asked::JoinsItsGroup if has_group => Walking::Counts(n),
                    Asked::JoinsItsGroup | Asked::Nothing => Walking::behind(n),
                }
            }
            Walking::Counts(n) => {
                if self.without != Some(Without::WalkCounts) {
                    let _ = world.write(&stage::edited(&member(n), world.now));
                }
                Walking::Announces(n)
            }
            Walking::Announces(n) => {
                world.messages[n] = Some(world.now);
                Walking::behind(n)
            }
            Walking::Done => Walking::Done,
        };
    }
}
