//! Rules that change while a feed brings a product, functions die and messages are lost: at rest
//! PIM and shop show what the newest rules make of the newest document.
//!
//! The writes are the ledger's; their order is that of pimcore-sync (`sync.rs`, `walk.rs`). Late
//! requests and two workers a stage are in [`crate::pipeline`].

mod workers;

use catalog::{ContentHash, ProductKey, Version};
use ledger::core::config::Head;
use ledger::core::walk::{self, Segment};
use ledger::core::{Item, Write, desired};
use ledger::{Leases, Owner, ProductState};
use stateright::{Model, Property};

use crate::table;

use self::workers::{Push, Sync, Walker};

/// At rest everybody shows what is wanted.
pub const WANTED: &str = "at rest PIM and shop show what the rules in force make of the newest document";

/// Stands for rules where there were never any.
const NEVER: char = '0';

const LEASES: Leases = Leases { lease_ms: 90, landing_ms: 30 };

/// Attributes that tell people something, and that no rule looks at here: worlds that differ in
/// them are the same.
const TELLS: [&str; 3] = ["medusa_attempts", "pimcore_deaths", "medusa_deaths"];

/// A rule that is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Without {
    /// The rules are read after the claim.
    ClaimFirst,
    /// Who is at work may have read older rules.
    AtWork,
    /// Rules that come back are a goal of their own.
    Since,
    /// Products are dealt with before the segment is moved.
    DealtFirst,
    /// What the rules made of a document is noted.
    Noting,
    /// What rules alone change is counted like a save.
    Counting,
    /// A walk reads a state after it read the rules.
    StateLast,
    /// A product is put in doubt before it is announced.
    Doubt,
}

/// The rules, each to be taken out in turn.
pub const RULES: [Without; 8] = [
    Without::ClaimFirst,
    Without::AtWork,
    Without::Since,
    Without::DealtFirst,
    Without::Noting,
    Without::Counting,
    Without::StateLast,
    Without::Doubt,
];

/// Who may die: the one who brings products to the PIM, the one who pushes them, the walker.
const ALL: &str = "bpw";

const fn world(says: &'static str, rules: &'static str) -> Ruled {
    Ruled { says, at_rest: false, rules, dies: "", losses: 0, without: None }
}

/// Small worlds, one question each.
#[must_use]
pub fn small() -> Vec<(&'static str, Ruled)> {
    vec![
        ("a feed races rules", world("ab", "B")),
        ("rules come, go and come back", Ruled { at_rest: true, ..world("a", "A-A") }),
        ("content comes back under other rules", Ruled { at_rest: true, ..world("aba", "A") }),
        ("rules change, a message is lost", Ruled { losses: 1, ..world("a", "A") }),
        ("rules go, a message is lost", Ruled { at_rest: true, losses: 1, ..world("a", "A-") }),
        ("rules change, who brings it to the PIM dies", Ruled { dies: "b", ..world("a", "A") }),
        ("rules change, who pushes it dies", Ruled { dies: "p", ..world("a", "A") }),
        ("rules change, the walk dies", Ruled { at_rest: true, dies: "w", ..world("a", "A-") }),
    ]
}

/// The same with more feeds and rules, and two faults at once.
#[must_use]
pub fn large() -> Vec<(&'static str, Ruled)> {
    vec![
        ("a feed races two rules", world("ab", "BA")),
        ("a feed races rules, a function dies", Ruled { dies: ALL, ..world("ab", "A") }),
        ("rules come and go, a function dies", Ruled { dies: ALL, ..world("a", "A-") }),
        ("rules come, go and come back, a message is lost", Ruled { losses: 1, ..world("a", "A-A") }),
        ("rules change, a function dies, a message is lost", Ruled { dies: ALL, losses: 1, ..world("a", "A-") }),
        ("content comes back under other rules, a message is lost", Ruled { losses: 1, ..world("aba", "A") }),
    ]
}

/// A configuration of the model.
#[derive(Clone, Debug)]
pub struct Ruled {
    /// What the feeds say, one after the other.
    pub says: &'static str,
    /// What the first says is in the PIM and the shop when all begins.
    pub at_rest: bool,
    /// The rules that are put into force, one after the other: `-` are none.
    pub rules: &'static str,
    /// Who may die, one of them once.
    pub dies: &'static str,
    /// Messages that are lost.
    pub losses: u8,
    /// The rule that is missing.
    pub without: Option<Without>,
}

/// A state of the model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    now: i64,
    /// What the newest document says, by how many feeds have written theirs.
    doc: usize,
    /// A feed has written its document, and not yet the state.
    halfway: bool,
    state: Item,
    /// How many rules were put into force; the last one is.
    rules: usize,
    segment: Item,
    /// What the PIM shows: the document and what rules made of it.
    pim: Option<(char, String)>,
    shop: Option<String>,
    to_pim: bool,
    to_shop: bool,
    sync: Sync,
    push: Push,
    walker: Walker,
    /// Who died.
    dead: Option<char>,
    losses: u8,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "said by their names")]
pub enum Action {
    Feed,
    Rules,
    Sync,
    Push,
    Walk,
    SyncDies,
    PushDies,
    WalkerDies,
    LoseToPim,
    LoseToShop,
    Sweep,
    LeasesEnd,
}

fn key() -> ProductKey {
    ProductKey::new("demo", "1").unwrap_or_else(|error| unreachable!("{error}"))
}

fn hash(doc: char) -> ContentHash {
    ContentHash::from_text(doc.to_string())
}

/// What rules make of a document: rule `A` doubles everything, `B` what is called `b`.
fn shown(doc: char, rules: char) -> String {
    match (doc, rules) {
        (doc, 'A') | (doc @ 'b', 'B') => format!("{doc}{doc}"),
        (doc, _) => doc.to_string(),
    }
}

/// The digest that is noted.
fn digest(doc: char, shown: &str) -> Option<String> {
    (shown != doc.to_string()).then(|| shown.to_owned())
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
}

impl Ruled {
    fn lacks(&self, rule: Without) -> bool {
        self.without == Some(rule)
    }

    fn doc(&self, world: &World) -> Option<char> {
        world.doc.checked_sub(1).and_then(|at| self.says.chars().nth(at))
    }

    fn in_force(&self, world: &World) -> char {
        world.rules.checked_sub(1).and_then(|at| self.rules.chars().nth(at)).unwrap_or(NEVER)
    }

    fn goal(&self, world: &World) -> Option<String> {
        let at = if self.lacks(Without::Since) { 1 } else { i64::try_from(world.rules).unwrap_or(0) };
        let since = (world.rules > 0).then_some(at);
        let digest = Some(self.in_force(world).to_string()).filter(|rules| rules != "-");
        walk::goal(&Head { digest, since, ..Head::default() })
    }

    /// Nobody is at work and no message is on its way.
    fn is_quiet(&self, world: &World) -> bool {
        world.sync == Sync::Idle
            && world.push == Push::Idle
            && world.walker == Walker::Idle
            && !world.to_pim
            && !world.to_shop
            && !world.halfway
    }

    fn walked(&self, world: &World) -> bool {
        self.goal(world).is_none_or(|goal| Segment::of(&world.segment).has_arrived_at(&goal))
    }

    fn is_right(&self, world: &World) -> bool {
        let Some(doc) = self.doc(world) else { return true };
        let wanted = shown(doc, self.in_force(world));
        world.pim.as_ref() == Some(&(doc, wanted.clone())) && world.shop == Some(wanted)
    }
}

impl Model for Ruled {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let mut world = World {
            now: 1_000,
            doc: 0,
            halfway: false,
            state: Item::new(),
            rules: 0,
            segment: Item::new(),
            pim: None,
            shop: None,
            to_pim: false,
            to_shop: false,
            sync: Sync::Idle,
            push: Push::Idle,
            walker: Walker::Idle,
            dead: None,
            losses: self.losses,
        };
        if self.at_rest {
            let steps = [Action::Feed; 2].into_iter().chain([Action::Sync; 6]).chain([Action::Push; 3]);
            for step in steps {
                world = self.next_state(&world, step).unwrap_or(world);
            }
        }
        vec![world]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        if world.halfway || world.doc < self.says.chars().count() {
            actions.push(Action::Feed);
        }
        if world.rules < self.rules.chars().count() {
            actions.push(Action::Rules);
        }
        actions.extend([Action::Sync, Action::Push, Action::Walk]);
        if world.dead.is_none() {
            let busy = [
                ('b', world.sync != Sync::Idle, Action::SyncDies),
                ('p', world.push != Push::Idle, Action::PushDies),
                ('w', world.walker != Walker::Idle, Action::WalkerDies),
            ];
            let dies = busy.into_iter().filter(|(who, busy, _)| *busy && self.dies.contains(*who));
            actions.extend(dies.map(|(_, _, action)| action));
        }
        if world.losses > 0 {
            actions.extend(world.to_pim.then_some(Action::LoseToPim));
            actions.extend(world.to_shop.then_some(Action::LoseToShop));
        }
        if self.is_quiet(world) && world.product().pending_since.is_some() {
            actions.push(Action::Sweep);
        }
        // One lease is left behind, at most.
        let state = world.product();
        let left = match world.dead {
            Some('b') => state.pimcore.owner.is_some() && world.sync == Sync::Idle,
            Some('p') => state.medusa.owner.is_some() && world.push == Push::Idle,
            _ => false,
        };
        if left && world.now == 1_000 {
            actions.push(Action::LeasesEnd);
        }
    }

    fn next_state(&self, before: &World, action: Action) -> Option<World> {
        let mut world = before.clone();
        match action {
            Action::Feed if world.halfway => {
                let doc = self.doc(&world)?;
                let version = Version::new(u64::try_from(world.doc).unwrap_or(0), "0", 0);
                let _ = world.write(&desired::write_state(&key(), &version, &hash(doc), "run", world.now));
                world.halfway = false;
                world.to_pim = true;
            }
            Action::Feed => {
                world.doc += 1;
                world.halfway = true;
            }
            Action::Rules => world.rules += 1,
            Action::Sync => world.sync = self.sync(&mut world)?,
            Action::Push => world.push = self.push(&mut world)?,
            Action::Walk => world.walker = self.walk(&mut world)?,
            Action::SyncDies => {
                world.dead = Some('b');
                world.sync = Sync::Idle;
                // Its message was not deleted.
                world.to_pim = true;
            }
            Action::PushDies => {
                world.dead = Some('p');
                world.push = Push::Idle;
                world.to_shop = true;
            }
            Action::WalkerDies => {
                world.dead = Some('w');
                world.walker = Walker::Idle;
            }
            Action::LoseToPim => {
                world.losses -= 1;
                world.to_pim = false;
            }
            Action::LoseToShop => {
                world.losses -= 1;
                world.to_shop = false;
            }
            Action::Sweep => world.to_pim = true,
            Action::LeasesEnd => world.now += LEASES.lease_ms + LEASES.landing_ms + 1,
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(WANTED, |model: &Self, world: &World| {
                let at_rest = model.is_quiet(world) && model.walked(world) && world.product().pending_since.is_none();
                !at_rest || model.is_right(world)
            }),
            Property::sometimes("the last rules are shown", |model: &Self, world: &World| {
                let all = world.rules == model.rules.chars().count() && world.doc == model.says.chars().count();
                all && model.is_quiet(world) && model.walked(world) && model.is_right(world)
            }),
        ]
    }
}
