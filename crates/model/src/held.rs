//! What rules hold until a person has looked: feeds, rules and people race, functions die and lose their leases.
//!
//! The writes are the ledger's (`core/held.rs`); their order is that of pimcore-sync (`sync.rs`, `walk.rs`) and of `relay held`. Prices are letters: from one of `abc`
//! to one of `xyz`, or back, is beyond the limit. The stage is told by what it was last made to show and by doubts; [`crate::pipeline`] has the rest of it.

use catalog::{Product, ProductKey};
use ledger::core::held::{self, Held, Past, Word};
use ledger::core::{Condition, Item, Write};
use stateright::{Model, Property};

pub const LOOKED_AT: &str = "nothing beyond the limit is shown that no person approved";
pub const NOT_LOST: &str = "at rest what is wanted is shown, or waits where people see it, or was rejected";
pub const HEARD: &str = "at rest a person's word has been followed";

/// A rule that is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Without {
    /// Who lost the lease is refused.
    Fence,
    /// What is let through is noted before it is shown.
    NotedFirst,
    /// A word is about one digest.
    Digest,
    /// A word ends with what it was about.
    Spent,
    /// Who says a word puts the stage in doubt.
    Doubt,
    /// What is held is not what is measured against.
    Base,
    /// A base of older rules says nothing.
    Epoch,
    /// A walk notes what is shown already.
    Walk,
    /// The list is written even if nothing changed.
    ListAgain,
}

pub const RULES: [Without; 9] = [
    Without::Fence,
    Without::NotedFirst,
    Without::Digest,
    Without::Spent,
    Without::Doubt,
    Without::Base,
    Without::Epoch,
    Without::Walk,
    Without::ListAgain,
];

/// A configuration of the model.
#[derive(Clone, Debug)]
pub struct Guarded {
    /// What the feeds say, one after the other.
    pub says: &'static str,
    /// The rules that are put into force, one after the other: `H` holds, `-` does not.
    pub rules: &'static str,
    /// How many of these are in force when all begins, the first feed being in the PIM.
    pub begun: usize,
    /// Words that people say.
    pub words: u8,
    /// Workers that die or lose their lease.
    pub faults: u8,
    /// The rule that is missing.
    pub without: Option<Without>,
}

const fn world(says: &'static str, words: u8) -> Guarded {
    Guarded { says, rules: "H", begun: 1, words, faults: 0, without: None }
}

/// Small worlds, one question each.
#[must_use]
pub fn small() -> Vec<(&'static str, Guarded)> {
    vec![
        ("a word races a newer feed", world("axy", 1)),
        ("what was approved comes back", world("axbx", 1)),
        ("two words", world("ax", 2)),
        ("who brings it dies or loses the lease", Guarded { faults: 1, ..world("ax", 1) }),
        ("newer feeds, and who brings them loses the lease", Guarded { faults: 1, ..world("axbx", 0) }),
        ("rules that hold come", Guarded { rules: "-H", ..world("ax", 1) }),
        ("rules that hold go and come back", Guarded { rules: "H-H", ..world("axy", 0) }),
    ]
}

/// The same with more of each.
#[must_use]
pub fn large() -> Vec<(&'static str, Guarded)> {
    vec![
        ("a newer feed, a word, and who brings it loses the lease", Guarded { faults: 1, ..world("axb", 1) }),
        ("rules that hold go and come back, a word", Guarded { rules: "H-H", ..world("axy", 1) }),
    ]
}

/// A state of the model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// How many feeds have said something.
    doc: usize,
    /// How many rules were put into force.
    rules: usize,
    /// For how many of them a walk arrived.
    walked: usize,
    item: Item,
    row: Item,
    pim: Option<char>,
    /// The feed whose document the PIM was last made to show.
    applied: usize,
    doubts: u8,
    /// What the newest feed says can be measured: it found the product at rest, after a walk.
    guarded: bool,
    message: bool,
    workers: [Step; 2],
    walker: Option<(usize, usize, Item)>,
    /// What a person is about to say: the digest, and whether it is written already.
    person: Option<(String, bool, bool)>,
    words: u8,
    faults: u8,
    /// What people approved and rejected of what waits; for the properties alone.
    approved: Option<char>,
    rejected: Option<char>,
    wrong: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
enum Step {
    #[default]
    Idle,
    Claimed(u8),
    Read(Brought),
    Noted(Brought),
    Listed(Brought),
    Shown(Brought),
}

/// What is being brought, and by what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Brought {
    doubts: u8,
    doc: usize,
    rules: usize,
    item: Item,
    /// There was something to be measured against, or will be.
    walked: bool,
    /// It lost its lease, and does not know.
    lost: bool,
}

impl Step {
    /// Who is at work with its lease.
    const fn holds_lease(&self) -> bool {
        match self {
            Self::Idle => false,
            Self::Claimed(_) => true,
            Self::Read(of) | Self::Noted(of) | Self::Listed(of) | Self::Shown(of) => !of.lost,
        }
    }
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "said by their names")]
pub enum Action {
    Feed,
    Rules,
    Walk,
    Work(usize),
    Dies(usize),
    LosesLease,
    Look(bool),
    Say,
    Sweep,
}

fn key() -> ProductKey {
    ProductKey::new("demo", "1").unwrap_or_else(|error| unreachable!("{error}"))
}

fn product(price: char) -> Product {
    let json = serde_json::json!({"source": "demo", "id": "1", "name": {"en": price.to_string()}, "variants": []});
    serde_json::from_value(json).unwrap_or_else(|error| unreachable!("{error}"))
}

fn price(product: &Product) -> char {
    product.name.base().and_then(|name| name.chars().next()).unwrap_or('?')
}

fn beyond(from: char, to: char) -> bool {
    (from < 'm') != (to < 'm')
}

impl Guarded {
    fn lacks(&self, rule: Without) -> bool {
        self.without == Some(rule)
    }

    fn price(&self, doc: usize) -> char {
        doc.checked_sub(1).and_then(|at| self.says.chars().nth(at)).unwrap_or('?')
    }

    fn holds(&self, rules: usize) -> bool {
        rules.checked_sub(1).and_then(|at| self.rules.chars().nth(at)) == Some('H')
    }

    /// Since when such rules look back.
    fn epoch(&self, rules: usize) -> i64 {
        if self.lacks(Without::Epoch) {
            return 1;
        }
        let since = (1..=rules).rev().take_while(|at| self.holds(*at)).last();
        since.and_then(|at| i64::try_from(at).ok()).unwrap_or(0)
    }

    fn past(&self, item: &Item, rules: usize) -> Past {
        let past = Past::of(item).unwrap_or_else(|error| unreachable!("{error}"));
        past.since(self.epoch(rules))
    }

    /// What is shown, what is held, what is let through.
    fn decide(&self, brought: &Brought) -> (char, Option<Held>, Option<Product>) {
        let wanted = self.price(brought.doc);
        if !self.holds(brought.rules) {
            return (wanted, None, None);
        }
        let past = self.past(&brought.item, brought.rules);
        let base = past.base.as_ref().map(|base| price(&base.product));
        let Some(base) = base.filter(|base| beyond(*base, wanted)) else {
            return (wanted, None, Some(product(wanted)));
        };
        let digest = wanted.to_string();
        let word = match past.word(&digest) {
            None if self.lacks(Without::Digest) => ["a", "b", "x", "y"].iter().find_map(|other| past.word(other)),
            word => word,
        };
        if word == Some(Word::Approve) {
            return (wanted, None, Some(product(wanted)));
        }
        let rejected = word == Some(Word::Reject);
        let held = Held { digest, rules: Vec::new(), reasons: Vec::new(), run: String::new(), at: 0, rejected };
        (base, Some(held), self.lacks(Without::Base).then(|| product(wanted)))
    }

    fn remember(&self, world: &mut World, brought: &Brought, held: Option<&Held>, base: Option<&Product>) -> bool {
        let past = self.past(&brought.item, brought.rules);
        if !past.differs(base, held) {
            return true;
        }
        let write = held::remember(&key(), &past, base, held, self.epoch(brought.rules));
        let Ok(Write { key, condition, mut changes }) = write else { return false };
        let condition = if self.lacks(Without::Fence) { Condition::Always } else { condition };
        if self.lacks(Without::Spent) {
            changes.retain(|change| !matches!(change, ledger::core::Change::Remove("choice")));
        }
        match (Write { key, condition, changes }).apply(&world.item) {
            Ok(after) => {
                world.item = after;
                // What a word was about is gone.
                let of = held.and_then(|held| held.digest.chars().next());
                let through = base.map(price);
                world.approved = world.approved.filter(|price| [of, through].contains(&Some(*price)));
                world.rejected = world.rejected.filter(|price| Some(*price) == of);
                true
            }
            Err(_) => false,
        }
    }

    fn list(&self, world: &mut World, brought: &Brought, held: Option<&Held>, news: bool) {
        let past = self.past(&brought.item, brought.rules);
        let waits = held.is_some_and(|held| !held.rejected);
        if !waits && past.held.is_none() || self.lacks(Without::ListAgain) && !news {
            return;
        }
        let write = held::list(&key(), past.revision() + i64::from(news), waits, 0);
        if let Ok(after) = write.apply(&world.row) {
            world.row = after;
        }
    }

    fn show(&self, world: &mut World, brought: &Brought, shown: char) {
        let jumps = world.pim.is_some_and(|before| beyond(before, shown));
        let first = !brought.walked && shown == self.price(brought.doc);
        let may = !self.holds(brought.rules) || first || world.approved == Some(shown);
        // What lands late is put right after it (`pipeline`).
        world.wrong |= jumps && !may && !brought.lost;
        world.pim = Some(shown);
    }

    fn claim(world: &mut World) -> Option<Step> {
        let free = !world.workers.iter().any(Step::holds_lease);
        if !world.message || !free || world.doc == 0 {
            return None;
        }
        world.message = false;
        let at_rest = world.applied == world.doc && world.doubts == 0;
        Some(if at_rest { Step::Idle } else { Step::Claimed(world.doubts) })
    }

    fn work(&self, world: &mut World, who: usize) -> Option<()> {
        let step = std::mem::take(&mut world.workers[who]);
        world.workers[who] = match step {
            Step::Idle => Self::claim(world)?,
            Step::Claimed(doubts) => {
                let walked = world.guarded;
                Step::Read(Brought {
                    doubts,
                    doc: world.doc,
                    rules: world.rules,
                    item: world.item.clone(),
                    walked,
                    lost: false,
                })
            }
            Step::Read(brought) => {
                let (shown, held, base) = self.decide(&brought);
                if self.lacks(Without::NotedFirst) {
                    self.show(world, &brought, shown);
                }
                if self.holds(brought.rules) && !self.remember(world, &brought, held.as_ref(), base.as_ref()) {
                    // Its message comes back.
                    world.message = true;
                    Step::Idle
                } else {
                    Step::Noted(brought)
                }
            }
            Step::Noted(brought) => {
                let (_, held, base) = self.decide(&brought);
                let news = self.past(&brought.item, brought.rules).differs(base.as_ref(), held.as_ref());
                if self.holds(brought.rules) {
                    self.list(world, &brought, held.as_ref(), news);
                }
                Step::Listed(brought)
            }
            Step::Listed(brought) => {
                let (shown, ..) = self.decide(&brought);
                self.show(world, &brought, shown);
                Step::Shown(brought)
            }
            // It finds its lease gone.
            Step::Shown(Brought { lost: true, .. }) => {
                world.doubts += 1;
                world.message = true;
                Step::Idle
            }
            Step::Shown(brought) => {
                world.applied = brought.doc;
                if world.doubts == brought.doubts {
                    world.doubts = 0;
                }
                world.message |= world.doubts > 0 || world.applied != world.doc;
                Step::Idle
            }
        };
        Some(())
    }

    fn walk(&self, world: &mut World) -> Option<()> {
        match world.walker.take() {
            None if world.walked < world.rules => {
                world.walker = Some((world.rules, world.doc, world.item.clone()));
            }
            None => return None,
            Some((rules, doc, item)) => {
                let at_work = world.workers.iter().any(Step::holds_lease);
                let brought = Brought { doubts: 0, doc, rules, item, walked: false, lost: false };
                let (shown, held, base) = self.decide(&brought);
                let same = world.pim == Some(shown) && world.applied == doc && held.is_none();
                if at_work || world.doubts > 0 || !same || world.doc != doc {
                    world.doubts += 1;
                    world.message = true;
                } else if !self.lacks(Without::Walk) && self.past(&brought.item, rules).base.is_none() {
                    self.remember(world, &brought, None, base.as_ref());
                }
                world.walked = rules;
            }
        }
        Some(())
    }

    fn say(&self, world: &mut World) -> Option<()> {
        match world.person.take()? {
            (digest, approves, false) => {
                let word = if approves { Word::Approve } else { Word::Reject };
                let mut write = held::choose(&key(), &digest, word);
                if self.lacks(Without::Digest) {
                    write.condition = Condition::Present("held_digest");
                }
                if let Ok(after) = write.apply(&world.item) {
                    world.item = after;
                    let price = digest.chars().next();
                    // One who brings it may be following the word before.
                    (world.approved, world.rejected) = if approves { (price, None) } else { (world.approved, price) };
                    world.person = Some((digest, approves, true));
                }
            }
            (.., true) => {
                if !self.lacks(Without::Doubt) {
                    world.doubts += 1;
                }
                world.message = true;
            }
        }
        Some(())
    }

    /// What people see that waits.
    fn waits(&self, world: &World) -> Option<Held> {
        let past = self.past(&world.item, world.rules);
        past.held.filter(|held| self.holds(world.rules) && held::waits(&world.row) && !held.rejected)
    }

    fn is_quiet(&self, world: &World) -> bool {
        world.workers == [Step::Idle, Step::Idle]
            && world.walker.is_none()
            && world.walked == world.rules
            && !world.message
            && world.doubts == 0
            && world.applied == world.doc
            && !world.person.as_ref().is_some_and(|(.., said)| *said)
    }
}

impl Model for Guarded {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let mut world = World {
            doc: 0,
            rules: 0,
            walked: 0,
            item: Item::new(),
            row: Item::new(),
            pim: None,
            applied: 0,
            doubts: 0,
            guarded: false,
            message: false,
            workers: [Step::Idle, Step::Idle],
            walker: None,
            person: None,
            words: self.words,
            faults: self.faults,
            approved: None,
            rejected: None,
            wrong: false,
        };
        (world.rules, world.walked) = (self.begun, self.begun);
        for step in std::iter::once(Action::Feed).chain([Action::Work(0); 6]) {
            world = self.next_state(&world, step).unwrap_or(world);
        }
        vec![world]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        if world.doc < self.says.chars().count() {
            actions.push(Action::Feed);
        }
        if world.rules < self.rules.chars().count() {
            actions.push(Action::Rules);
        }
        actions.extend([Action::Walk, Action::Work(0), Action::Work(1), Action::Say]);
        if world.faults > 0 {
            actions.extend((0..2).filter(|who| world.workers[*who] != Step::Idle).map(Action::Dies));
            actions.push(Action::LosesLease);
        }
        if world.words > 0 && world.person.is_none() && self.waits(world).is_some() {
            actions.extend([Action::Look(true), Action::Look(false)]);
        }
        if world.doubts > 0 && !world.message {
            actions.push(Action::Sweep);
        }
    }

    fn next_state(&self, before: &World, action: Action) -> Option<World> {
        let mut world = before.clone();
        match action {
            Action::Feed => {
                let busy = world.workers.iter().any(Step::holds_lease);
                world.guarded = world.walked >= world.rules && world.doubts == 0 && !busy && world.applied == world.doc;
                world.doc += 1;
                world.message = true;
            }
            Action::Rules => {
                world.rules += 1;
                world.guarded = false;
            }
            Action::Walk => self.walk(&mut world)?,
            Action::Work(who) => self.work(&mut world, who)?,
            Action::Dies(who) => {
                world.faults -= 1;
                world.workers[who] = Step::Idle;
                // Its message was not deleted, and its stage is in doubt.
                world.message = true;
                world.doubts = world.doubts.max(1);
            }
            Action::LosesLease => {
                let (Step::Read(brought) | Step::Noted(brought)) = &mut world.workers[0] else { return None };
                brought.lost = true;
                world.faults -= 1;
                world.message = true;
                world.doubts = world.doubts.max(1);
            }
            Action::Look(approves) => {
                world.words -= 1;
                world.person = Some((self.waits(&world)?.digest, approves, false));
            }
            Action::Say => self.say(&mut world)?,
            Action::Sweep => world.message = true,
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(LOOKED_AT, |_: &Self, world: &World| !world.wrong),
            Property::always(NOT_LOST, |model: &Self, world: &World| {
                let wanted = model.price(world.doc);
                let waits = || model.waits(world).is_some_and(|held| held.digest == wanted.to_string());
                !model.is_quiet(world) || world.pim == Some(wanted) || world.rejected == Some(wanted) || waits()
            }),
            Property::always(HEARD, |model: &Self, world: &World| {
                let wanted = Some(model.price(world.doc));
                !model.is_quiet(world) || world.approved != wanted || world.rejected.is_some() || world.pim == wanted
            }),
        ];
        if self.words > 0 {
            properties.push(Property::sometimes("an approved change is shown", |_: &Self, world: &World| {
                world.pim.is_some_and(|pim| pim > 'm')
            }));
        }
        properties
    }
}
