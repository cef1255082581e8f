//! The fast lane: prices and pieces race content, people's saves and late requests, on two ways.
//!
//! The writes are the ledger's; their order is that of normalize, pimcore-sync (`sync.rs`) and
//! medusa-push (`lane.rs`). Two workers a stage and late requests to the shop are in
//! [`crate::pipeline`].

mod rules;
mod worlds;

use catalog::{ContentHash, ProductKey, Version};
use ledger::core::lane::{self, Content};
use ledger::core::saves::{self, Shown};
use ledger::core::stage::{self, Refusal};
use ledger::core::{Item, Write, desired};
use ledger::{Applied, Claim, Leases, Owner, ProductState, Stage};
use stateright::{Model, Property};

use crate::table;

pub use rules::{RULES, Without};
pub use worlds::small;

/// Whatever came first.
pub const RIGHT: &str = "at rest PIM and shop show the newest document and the person's last save";
/// Prices that customers have seen.
pub const NEVER_OLDER: &str = "an older price never replaces a newer one in the shop";
/// The lane makes nothing wait.
pub const NO_SWEEP: &str = "without deaths and lost messages nothing waits for the sweep";

const LEASES: Leases = Leases { lease_ms: 90, landing_ms: 30 };

/// Attributes that no rule looks at here.
const TELLS: [&str; 3] = ["medusa_attempts", "pimcore_deaths", "medusa_deaths"];

/// A configuration of the model.
#[derive(Clone, Debug)]
pub struct Lane {
    /// What the documents say, one after the other: a letter of content, a number of offers.
    pub says: &'static [&'static str],
    /// Saves by a person in the PIM.
    pub edits: u8,
    /// Who may die, one of them once: who brings it to the PIM, who pushes it.
    pub dies: &'static str,
    /// What a dead one had sent to the PIM may land later.
    pub late: bool,
    /// Messages that are lost.
    pub losses: u8,
    /// Who pushes may find the lane switched off.
    pub off: bool,
    /// The rule that is missing.
    pub without: Option<Without>,
}

/// What the PIM or the shop shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct View {
    content: char,
    offer: char,
    edit: u8,
}

/// What the PIM shows, with the document that it says it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Pim {
    doc: usize,
    view: View,
}

/// A state of the model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    now: i64,
    /// Documents that were written.
    docs: usize,
    /// A feed has written its document, and not yet the state.
    halfway: bool,
    state: Item,
    pim: Option<Pim>,
    shop: Option<View>,
    /// An older price has replaced a newer one.
    older: bool,
    to_pim: bool,
    to_shop: bool,
    sync: Sync,
    push: Push,
    /// What may land in the PIM.
    flight: Option<usize>,
    /// A save that the change feed has not read.
    saved: bool,
    /// What it saw, before it reads the state.
    looked: Option<Pim>,
    dead: Option<char>,
    losses: u8,
    edits: u8,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
enum Sync {
    #[default]
    Idle,
    Claimed(Item),
    /// It has read the document, and what the PIM shows.
    Read(Item, usize, Option<Pim>),
    /// The PIM holds it; whether the shop need not be told.
    Written(Item, usize, bool),
    Announced(Item, usize, bool),
    /// It has completed without telling the shop.
    Looks,
}

/// The document with which a push is complete, and the one whose offers it shows.
type Docs = (usize, usize);

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
enum Push {
    #[default]
    Idle,
    Claimed(Item),
    /// It has read a document, too early.
    Early(Item, usize),
    Read(Item, Option<Pim>),
    /// What the shop is to show, and with what it is complete.
    Composed(Item, View, Docs),
    Written(Item, View, Docs),
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "said by their names")]
pub enum Action {
    Feed,
    Sync,
    Push,
    /// The same, with the lane switched off.
    PushAsEver,
    Edits,
    ChangeFeed,
    SyncDies,
    SyncDiesSending,
    PushDies,
    Lands,
    Vanishes,
    LoseToPim,
    LoseToShop,
    Sweep,
    LeaseEnds,
    LandingEnds,
}

fn key() -> ProductKey {
    ProductKey::new("demo", "1").unwrap_or_else(|error| unreachable!("{error}"))
}

fn version(doc: usize) -> Version {
    Version::new(u64::try_from(doc).unwrap_or(0), "0", 0)
}

fn digest(hash: &ContentHash, view: View) -> String {
    format!("{hash} {}{}{}", view.content, view.offer, view.edit)
}

impl World {
    fn write(&mut self, write: &Write) -> Result<Item, Item> {
        table::written(&mut self.state, write, &TELLS)
    }

    fn owner(&self, who: char) -> Owner {
        table::owner(self.dead, who)
    }

    fn product(&self) -> ProductState {
        ProductState::of(&self.state)
    }

    fn newest(&self) -> usize {
        self.docs.saturating_sub(1)
    }

    /// Makes the PIM show a document; the person's part stays.
    fn show(&mut self, model: &Lane, doc: usize) {
        let edit = self.pim.map_or(0, |pim| pim.view.edit);
        self.pim = Some(Pim { doc, view: View { edit, ..model.view(doc) } });
        // Where nobody edits, the change feed is left out: messages do without.
        self.saved |= model.edits > 0;
    }

    /// Claims a stage as the ledger's shell does.
    fn claim(&mut self, which: Stage, owner: &Owner) -> Option<Result<Item, Claim>> {
        let mut write = stage::claim(which, &key(), owner, self.now, LEASES);
        loop {
            let item = match self.write(&write) {
                Ok(after) => return Some(Ok(after)),
                Err(item) => item,
            };
            write = match stage::refused(which, owner, &item, self.now) {
                Refusal::Final(claim) => return Some(Err(claim)),
                Refusal::Free => return None,
                Refusal::Expired(expired) => stage::take_over(which, &key(), owner, &expired, self.now, LEASES),
            };
        }
    }

    fn complete(&mut self, which: Stage, owner: &Owner, claimed: &Item, applied: &Applied, note: Option<&Content>) {
        let claimed = ProductState::of(claimed);
        let mut seen = claimed.clone();
        for _ in 0..3 {
            let write = stage::complete(which, &key(), owner, (&claimed, &seen), applied, self.now, LEASES);
            let write = match note {
                Some(content) => lane::noting(write, content, &applied.hash, None),
                None => write,
            };
            match self.write(&write) {
                Ok(after) => {
                    let after = ProductState::of(&after);
                    if let Some(write) = stage::arrived(&key(), &after) {
                        let _ = self.write(&write);
                    }
                    // In doubt: its message comes back.
                    self.to_pim |= which == Stage::Pimcore && after.pimcore.recheck_at.is_some();
                    self.to_shop |= which == Stage::Medusa && after.medusa.recheck_at.is_some();
                    return;
                }
                Err(item) => seen = ProductState::of(&item),
            }
        }
        let _ = self.write(&stage::doubt(which, &key(), self.now));
    }
}

impl Lane {
    fn lacks(&self, rule: Without) -> bool {
        self.without == Some(rule)
    }

    fn view(&self, doc: usize) -> View {
        let mut says = self.says.get(doc).map(|says| says.chars()).into_iter().flatten();
        View { content: says.next().unwrap_or('?'), offer: says.next().unwrap_or('?'), edit: 0 }
    }

    fn hash(&self, doc: usize) -> ContentHash {
        ContentHash::from_text(self.says.get(doc).copied().unwrap_or_default())
    }

    fn content(&self, doc: usize) -> Content {
        let content = self.view(doc).content.to_string();
        Content { said: content.clone(), wanted: content }
    }

    fn same(&self, one: usize, other: usize) -> bool {
        self.says.get(one) == self.says.get(other)
    }

    fn applied(&self, doc: usize, version: Version, seen: Option<String>) -> Applied {
        let hash = self.hash(doc);
        Applied { hash, version, remote_id: Some("1".into()), view: None, seen, at: 0 }
    }

    fn feed(&self, world: &mut World) {
        if !world.halfway {
            world.docs += 1;
            world.halfway = true;
            return;
        }
        let doc = world.newest();
        let write = desired::write_state(&key(), &version(doc), &self.hash(doc), "run", world.now);
        let after = world.write(&write).map(|after| ProductState::of(&after));
        let offers = after.is_ok_and(|after| lane::concerns_offers(&after, || self.content(doc).said));
        world.halfway = false;
        world.to_pim = true;
        world.to_shop |= offers;
    }

    /// Whether who brings a document to the PIM leaves the shop alone.
    fn is_told(&self, state: &Item, doc: usize, saw: Option<Pim>) -> bool {
        let claimed = ProductState::of(state);
        let noted = claimed.pimcore.applied.as_ref().map(|held| held.hash.clone());
        let as_noted = saw.map(|pim| self.hash(pim.doc)) == noted;
        as_noted && lane::is_told(&claimed, &self.hash(doc), &self.content(doc))
    }

    fn sync(&self, world: &mut World) -> Option<Sync> {
        let owner = world.owner('b');
        Some(match std::mem::take(&mut world.sync) {
            Sync::Idle if !world.to_pim => return None,
            Sync::Idle => match world.claim(Stage::Pimcore, &owner)? {
                Ok(state) => {
                    world.to_pim = false;
                    Sync::Claimed(state)
                }
                Err(Claim::AlreadyApplied(state)) => {
                    world.to_pim = false;
                    world.to_shop |= state.pending_since.is_some();
                    Sync::Idle
                }
                // It comes back.
                Err(_) => return None,
            },
            Sync::Claimed(state) => Sync::Read(state, world.newest(), world.pim),
            Sync::Read(state, doc, saw) => {
                let told = self.is_told(&state, doc, saw);
                if saw.is_none_or(|pim| !self.same(pim.doc, doc)) {
                    world.show(self, doc);
                }
                Sync::Written(state, doc, told)
            }
            Sync::Written(state, doc, told) => {
                world.to_shop |= !told;
                Sync::Announced(state, doc, told)
            }
            Sync::Announced(state, doc, told) => {
                let content = self.content(doc);
                world.complete(Stage::Pimcore, &owner, &state, &self.applied(doc, version(doc), None), Some(&content));
                if told && !self.lacks(Without::LooksAgain) { Sync::Looks } else { Sync::Idle }
            }
            Sync::Looks => {
                world.to_shop |= world.product().pending_since.is_some();
                Sync::Idle
            }
        })
    }

    /// What a push shows, and with what it is complete.
    fn compose(&self, state: &Item, pim: Pim, newest: usize) -> (View, Docs) {
        let as_shown = (pim.view, (pim.doc, pim.doc));
        let mut claimed = ProductState::of(state);
        let shows = self.hash(pim.doc);
        let lags = match self.lacks(Without::InShop) {
            true => claimed.hash.as_ref() != Some(&shows),
            false => lane::may_lag(&claimed, (&shows, Some(&version(pim.doc)))),
        };
        if !lags || self.same(pim.doc, newest) {
            return as_shown;
        }
        if let (Some(held), true) = (&mut claimed.pimcore.applied, self.lacks(Without::AsNoted)) {
            // What it is noted to hold is believed.
            held.hash = shows.clone();
        }
        let same = lane::holds(&claimed, (&shows, None), &self.content(newest).wanted);
        let view = View { offer: self.view(newest).offer, ..pim.view };
        match same || self.lacks(Without::SameContent) {
            true => (view, (newest, newest)),
            false if self.lacks(Without::EveryPush) => as_shown,
            false => (view, (pim.doc, newest)),
        }
    }

    fn push(&self, world: &mut World, on: bool) -> Option<Push> {
        let owner = world.owner('p');
        Some(match std::mem::take(&mut world.push) {
            Push::Idle if !world.to_shop => return None,
            Push::Idle => match world.claim(Stage::Medusa, &owner)? {
                Ok(state) => {
                    world.to_shop = false;
                    Push::Claimed(state)
                }
                Err(_) => return None,
            },
            Push::Claimed(state) if self.lacks(Without::PimFirst) => Push::Early(state, world.newest()),
            Push::Claimed(state) => Push::Read(state, world.pim),
            Push::Early(state, newest) => self.composed(state, world.pim, newest, on),
            Push::Read(state, pim) => self.composed(state, pim, world.newest(), on),
            Push::Composed(state, view, doc) => {
                world.older |= world.shop.is_some_and(|shop| shop.offer > view.offer);
                world.shop = Some(view);
                Push::Written(state, view, doc)
            }
            Push::Written(state, view, (doc, offers)) => {
                let seen = Some(digest(&self.hash(doc), view));
                world.complete(Stage::Medusa, &owner, &state, &self.applied(doc, version(offers), seen), None);
                Push::Idle
            }
        })
    }

    fn composed(&self, state: Item, pim: Option<Pim>, newest: usize, on: bool) -> Push {
        match pim {
            Some(pim) => {
                let (view, doc) = if on { self.compose(&state, pim, newest) } else { (pim.view, (pim.doc, pim.doc)) };
                Push::Composed(state, view, doc)
            }
            // Nothing is pushed before the first document is in the PIM.
            None => Push::Idle,
        }
    }

    fn look_at_saves(&self, world: &mut World) {
        let Some(pim) = world.looked.take() else {
            world.saved = false;
            world.looked = world.pim;
            return;
        };
        let hash = self.hash(pim.doc);
        let shown = Shown { digest: digest(&hash, pim.view), content: Some(hash), young_categories: false };
        if !saves::is_or_will_be_in_the_shop(&world.product(), &shown) {
            let _ = world.write(&stage::edited(&key(), world.now));
            world.to_shop = true;
        }
    }

    /// Nobody is at work and nothing is on its way.
    fn is_quiet(&self, world: &World) -> bool {
        let idle = world.sync == Sync::Idle && world.push == Push::Idle && world.flight.is_none();
        let read = !world.saved && world.looked.is_none();
        idle && read && !world.to_pim && !world.to_shop && !world.halfway
    }

    fn is_right(&self, world: &World) -> bool {
        let newest = self.view(world.newest());
        let in_pim = world.pim.is_some_and(|pim| View { edit: 0, ..pim.view } == newest);
        in_pim && world.shop == world.pim.map(|pim| pim.view)
    }

    /// Whether prices only rise, so that an older one is known by its number.
    fn rises(&self) -> bool {
        (1..self.says.len()).all(|doc| self.view(doc).offer > self.view(doc - 1).offer)
    }

    fn dies(&self, world: &mut World, who: char) {
        world.dead = Some(who);
        // Its message was not deleted.
        if who == 'b' {
            world.sync = Sync::Idle;
            world.to_pim = true;
        } else {
            world.push = Push::Idle;
            world.to_shop = true;
        }
    }

    fn faults(&self, world: &World, actions: &mut Vec<Action>) {
        if world.dead.is_none() {
            if self.dies.contains('b') && world.sync != Sync::Idle {
                actions.push(Action::SyncDies);
                if self.late && matches!(world.sync, Sync::Read(..)) {
                    actions.push(Action::SyncDiesSending);
                }
            }
            if self.dies.contains('p') && world.push != Push::Idle {
                actions.push(Action::PushDies);
            }
        }
        if world.flight.is_some() {
            actions.extend([Action::Lands, Action::Vanishes]);
        }
        if world.losses > 0 {
            actions.extend(world.to_pim.then_some(Action::LoseToPim));
            actions.extend(world.to_shop.then_some(Action::LoseToShop));
        }
        let state = world.product();
        let left = match world.dead {
            Some('b') => state.pimcore.owner.is_some() && world.sync == Sync::Idle,
            Some(_) => state.medusa.owner.is_some() && world.push == Push::Idle,
            None => false,
        };
        if left && world.now == 1_000 {
            actions.push(Action::LeaseEnds);
        }
        // What was sent has landed by then, or never does; nobody else's lease ends with it.
        let at_work = world.sync != Sync::Idle || world.push != Push::Idle;
        if world.now == 1_000 + LEASES.lease_ms + 1 && world.flight.is_none() && !at_work {
            actions.push(Action::LandingEnds);
        }
    }
}

impl Model for Lane {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let mut world = World {
            now: 1_000,
            docs: 0,
            halfway: false,
            state: Item::new(),
            pim: None,
            shop: None,
            older: false,
            to_pim: false,
            to_shop: false,
            sync: Sync::Idle,
            push: Push::Idle,
            flight: None,
            saved: false,
            looked: None,
            dead: None,
            losses: self.losses,
            edits: self.edits,
        };
        let steps = [Action::Feed; 2].into_iter().chain([Action::Sync; 5]).chain([Action::Push; 6]);
        for step in steps.chain([Action::ChangeFeed; 2]) {
            world = self.next_state(&world, step).unwrap_or(world);
        }
        vec![world]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        if world.halfway || world.docs < self.says.len() {
            actions.push(Action::Feed);
        }
        actions.extend([Action::Sync, Action::Push]);
        if self.off {
            actions.push(Action::PushAsEver);
        }
        if world.edits > 0 && world.pim.is_some() {
            actions.push(Action::Edits);
        }
        if world.saved || world.looked.is_some() {
            actions.push(Action::ChangeFeed);
        }
        if self.is_quiet(world) && world.product().pending_since.is_some() {
            actions.push(Action::Sweep);
        }
        self.faults(world, actions);
    }

    fn next_state(&self, before: &World, action: Action) -> Option<World> {
        let mut world = before.clone();
        match action {
            Action::Feed => self.feed(&mut world),
            Action::Sync => world.sync = self.sync(&mut world)?,
            Action::Push => world.push = self.push(&mut world, true)?,
            Action::PushAsEver => world.push = self.push(&mut world, false)?,
            Action::Edits => {
                world.edits -= 1;
                world.pim.as_mut()?.view.edit += 1;
                world.saved = true;
            }
            Action::ChangeFeed => self.look_at_saves(&mut world),
            Action::SyncDies => self.dies(&mut world, 'b'),
            Action::SyncDiesSending => {
                let Sync::Read(_, doc, _) = &world.sync else { return None };
                world.flight = Some(*doc);
                self.dies(&mut world, 'b');
            }
            Action::PushDies => self.dies(&mut world, 'p'),
            Action::Lands => {
                let doc = world.flight.take()?;
                world.show(self, doc);
            }
            Action::Vanishes => world.flight = None,
            Action::LoseToPim => {
                world.losses -= 1;
                world.to_pim = false;
            }
            Action::LoseToShop => {
                world.losses -= 1;
                world.to_shop = false;
            }
            Action::Sweep => world.to_pim = true,
            Action::LeaseEnds => world.now += LEASES.lease_ms + 1,
            Action::LandingEnds => world.now += LEASES.landing_ms + 1,
        }
        (world != *before).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(RIGHT, |model: &Self, world: &World| {
                let at_rest = model.is_quiet(world) && world.product().pending_since.is_none();
                !at_rest || model.is_right(world)
            }),
            Property::always(NEVER_OLDER, |model: &Self, world: &World| {
                !world.older || !model.rises() || model.off || model.late
            }),
            Property::always(NO_SWEEP, |model: &Self, world: &World| {
                let faults = world.dead.is_some() || world.losses < model.losses;
                faults || !model.is_quiet(world) || world.product().pending_since.is_none()
            }),
            Property::sometimes("the newest document is shown", |model: &Self, world: &World| {
                let all = world.docs == model.says.len() && world.edits == 0;
                all && model.is_quiet(world) && world.product().pending_since.is_none() && model.is_right(world)
            }),
            Property::sometimes("the shop is ahead of the PIM", |model: &Self, world: &World| {
                let ahead = |pim: &Pim| world.shop.is_some_and(|shop| shop.offer > pim.view.offer);
                !model.rises() || world.pim.as_ref().is_some_and(ahead)
            }),
        ]
    }
}
