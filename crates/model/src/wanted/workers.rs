//! Those who work on a product: who brings it to the PIM, who pushes it to the shop, who walks.

use catalog::Version;
use ledger::core::stage::{self, Refusal};
use ledger::core::walk::{self, Dealt, Segment};
use ledger::core::{Item, wanted};
use ledger::{Applied, Claim, Owner, ProductState, Stage};

use super::{LEASES, NEVER, Ruled, Without, World, digest, hash, key, shown};

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Sync {
    #[default]
    Idle,
    /// It has read these rules, and not claimed.
    Early(char),
    Claimed {
        state: Item,
        rules: Option<char>,
    },
    Read {
        state: Item,
        rules: char,
        doc: char,
        wanted: String,
    },
    Written {
        state: Item,
        rules: char,
        doc: char,
        wanted: String,
    },
    Counted {
        state: Item,
        doc: char,
        wanted: String,
    },
    Announced {
        state: Item,
        doc: char,
        wanted: String,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Push {
    #[default]
    Idle,
    Claimed(Item),
    Read(Item, (char, String)),
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Walker {
    #[default]
    Idle,
    /// It has read a state, and no goal.
    Early(Item),
    /// It knows the goal, and perhaps (too early) a state.
    Sets {
        goal: String,
        seen: Segment,
        early: Option<Item>,
    },
    Reads {
        goal: String,
        seen: Segment,
        rules: char,
        state: Option<Item>,
    },
    Marks {
        goal: String,
        seen: Segment,
        marked: bool,
    },
    Announces {
        goal: String,
        seen: Segment,
    },
    Moves {
        goal: String,
        seen: Segment,
    },
}

impl Ruled {
    /// Claims a stage as the ledger's shell does.
    fn claim(&self, world: &mut World, which: Stage, owner: &Owner) -> Option<Result<Item, Claim>> {
        let mut write = stage::claim(which, &key(), owner, world.now, LEASES);
        loop {
            let item = match world.write(&write) {
                Ok(after) => return Some(Ok(after)),
                Err(item) => item,
            };
            write = match stage::refused(which, owner, &item, world.now) {
                Refusal::Final(claim) => return Some(Err(claim)),
                Refusal::Free => return None,
                Refusal::Expired(expired) => stage::take_over(which, &key(), owner, &expired, world.now, LEASES),
            };
        }
    }

    fn complete(&self, world: &mut World, which: Stage, owner: &Owner, claimed: &Item, applied: &Applied) {
        let claimed = ProductState::of(claimed);
        let mut seen = claimed.clone();
        for _ in 0..2 {
            let write = stage::complete(which, &key(), owner, (&claimed, &seen), applied, world.now, LEASES);
            match world.write(&write) {
                Ok(after) => {
                    let after = ProductState::of(&after);
                    if let Some(write) = stage::arrived(&key(), &after) {
                        let _ = world.write(&write);
                    }
                    // In doubt: its message comes back.
                    if which == Stage::Pimcore && after.pimcore.recheck_at.is_some() {
                        world.to_pim = true;
                    }
                    if which == Stage::Medusa && after.medusa.recheck_at.is_some() {
                        world.to_shop = true;
                    }
                    return;
                }
                Err(item) => seen = ProductState::of(&item),
            }
        }
        let _ = world.write(&stage::doubt(which, &key(), world.now));
    }

    pub(super) fn sync(&self, world: &mut World) -> Option<Sync> {
        let owner = world.owner('b');
        Some(match std::mem::take(&mut world.sync) {
            Sync::Idle if !world.to_pim => return None,
            Sync::Idle if self.lacks(Without::ClaimFirst) => Sync::Early(self.in_force(world)),
            before @ (Sync::Idle | Sync::Early(_)) => {
                let rules = if let Sync::Early(rules) = before { Some(rules) } else { None };
                match self.claim(world, Stage::Pimcore, &owner)? {
                    Ok(state) => {
                        world.to_pim = false;
                        Sync::Claimed { state, rules }
                    }
                    Err(Claim::AlreadyApplied(state)) => {
                        world.to_pim = false;
                        world.to_shop |= state.pending_since.is_some();
                        Sync::Idle
                    }
                    // It comes back.
                    Err(_) => return None,
                }
            }
            Sync::Claimed { state, rules } => {
                let rules = rules.unwrap_or_else(|| self.in_force(world));
                let doc = self.doc(world)?;
                Sync::Read { state, rules, doc, wanted: shown(doc, rules) }
            }
            Sync::Read { state, rules, doc, wanted } => {
                world.pim = Some((doc, wanted.clone()));
                Sync::Written { state, rules, doc, wanted }
            }
            Sync::Written { state, rules, doc, wanted } => {
                let claimed = ProductState::of(&state);
                let counts = wanted::counts(&claimed, &hash(doc), digest(doc, &wanted).as_deref());
                if rules != NEVER && counts && !self.lacks(Without::Counting) {
                    let _ = world.write(&stage::edited(&key(), world.now));
                }
                Sync::Counted { state, doc, wanted }
            }
            Sync::Counted { state, doc, wanted } => {
                world.to_shop = true;
                Sync::Announced { state, doc, wanted }
            }
            Sync::Announced { state, doc, wanted } => {
                let view = digest(doc, &wanted).filter(|_| !self.lacks(Without::Noting));
                let applied = Applied { view, ..applied(doc) };
                self.complete(world, Stage::Pimcore, &owner, &state, &applied);
                Sync::Idle
            }
        })
    }

    pub(super) fn push(&self, world: &mut World) -> Option<Push> {
        let owner = world.owner('p');
        Some(match std::mem::take(&mut world.push) {
            Push::Idle if !world.to_shop => return None,
            Push::Idle => match self.claim(world, Stage::Medusa, &owner)? {
                Ok(state) => {
                    world.to_shop = false;
                    Push::Claimed(state)
                }
                Err(_) => return None,
            },
            Push::Claimed(state) => Push::Read(state, world.pim.clone()?),
            Push::Read(state, (doc, wanted)) => {
                world.shop = Some(wanted);
                self.complete(world, Stage::Medusa, &owner, &state, &applied(doc));
                Push::Idle
            }
        })
    }

    pub(super) fn walk(&self, world: &mut World) -> Option<Walker> {
        Some(match std::mem::take(&mut world.walker) {
            Walker::Idle if self.lacks(Without::StateLast) => {
                if self.goal(world).is_some_and(|goal| Segment::of(&world.segment).has_arrived_at(&goal)) {
                    return None;
                }
                Walker::Early(world.state.clone())
            }
            before @ (Walker::Idle | Walker::Early(_)) => {
                let (goal, seen) = (self.goal(world)?, Segment::of(&world.segment));
                let early = if let Walker::Early(state) = before { Some(state) } else { None };
                match seen.has_arrived_at(&goal) {
                    true if early.is_none() => return None,
                    true => Walker::Idle,
                    false => Walker::Sets { goal, seen, early },
                }
            }
            Walker::Sets { goal, seen, early } => {
                let rules = self.in_force(world);
                Walker::Reads { goal, seen, rules, state: early }
            }
            Walker::Reads { goal, seen, rules, state: None } => {
                Walker::Reads { goal, seen, rules, state: Some(world.state.clone()) }
            }
            Walker::Reads { goal, seen, rules, state: Some(item) } => {
                let mut state = ProductState::of(&item);
                if self.lacks(Without::AtWork) {
                    state.pimcore.owner = None;
                }
                let wanted = self.doc(world).and_then(|doc| digest(doc, &shown(doc, rules)));
                let marked = wanted::concerns(&state, wanted.as_deref());
                let mut seen = seen;
                if self.lacks(Without::DealtFirst) {
                    self.advance(world, &seen, &goal);
                    seen = Segment::of(&world.segment);
                }
                Walker::Marks { goal, seen, marked }
            }
            Walker::Marks { goal, seen, marked: false } => Walker::Moves { goal, seen },
            Walker::Marks { goal, seen, marked: true } => {
                if !self.lacks(Without::Doubt) {
                    let _ = world.write(&stage::doubt(Stage::Pimcore, &key(), world.now));
                }
                Walker::Announces { goal, seen }
            }
            Walker::Announces { goal, seen } => {
                world.to_pim = true;
                Walker::Moves { goal, seen }
            }
            Walker::Moves { goal, seen } => {
                self.advance(world, &seen, &goal);
                Walker::Idle
            }
        })
    }

    fn advance(&self, world: &mut World, seen: &Segment, goal: &str) {
        let write = walk::advance(("rules", 0), seen, goal, None, Dealt::default(), 0);
        if let Ok(mut after) = write.apply(&world.segment) {
            // Times and counts tell people something, and nobody else.
            after.retain(|name, _| matches!(name.as_str(), "revision" | "goal" | "done_at"));
            world.segment = after;
        }
    }
}

fn applied(doc: char) -> Applied {
    Applied { hash: hash(doc), version: Version::from_text("v"), remote_id: None, view: None, seen: None, at: 0 }
}
