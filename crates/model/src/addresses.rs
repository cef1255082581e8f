//! Addresses: two products that are called alike, each with two creators of whom the first may
//! outlive its lease and go on; people rename, take an address for a product of their own, or ask
//! for a move.
//!
//! The shop refuses a handle that a product has, and nothing else: what is written here is decided
//! by the ledger's own rules.

use std::collections::BTreeMap;

use catalog::ProductKey;
use ledger::core::{Item, ItemKey, Write, address};
use stateright::{Model, Property};

/// One product of ours is one product of the shop.
pub const ONCE: &str = "no product is in the shop twice";
/// Who has an old address finds what was there, or nothing of ours.
pub const LASTS: &str = "an address that led to one of our products leads to no other of ours";

/// A rule that is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Without {
    /// A creator makes the handle of the title it reads, whatever was noted.
    Noting,
    /// A creator replaces what another has noted.
    NotingOnce,
    /// A handle is used without being claimed.
    Claiming,
    /// A handle that somebody else has claimed is claimed all the same.
    ClaimingOnce,
    /// A product moves although a create of it may still land.
    WaitingToMove,
    /// Who is refused by the shop takes another handle, whoever has this one.
    LookingAgain,
}

/// The rules, each to be taken out in turn.
pub const RULES: [Without; 6] = [
    Without::Noting,
    Without::NotingOnce,
    Without::Claiming,
    Without::ClaimingOnce,
    Without::WaitingToMove,
    Without::LookingAgain,
];

/// A configuration of the model.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// Products of ours.
    pub products: usize,
    /// How often a title changes.
    pub renames: u8,
    /// Creators that go on after their lease was taken over, with what they had read before.
    pub stalls: u8,
    /// Moves that are asked for.
    pub moves: u8,
    /// Products that people make at an address, or take away again.
    pub foreign: u8,
    /// The rule that is missing.
    pub without: Option<Without>,
}

/// What a creator is about to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Creator {
    Idle,
    /// It has read the title and what is noted.
    Read {
        title: u8,
        noted: Option<String>,
    },
    /// It is about to note a handle that it claimed instead of `was`.
    Claimed {
        handle: String,
        was: Option<String>,
    },
    /// It is about to create, or to give the product that is there this handle.
    Sends(String),
}

/// A state of the model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// Titles of our products: 0 and 1 are two words.
    titles: Vec<u8>,
    /// What the ledger holds.
    ledger: BTreeMap<ItemKey, Item>,
    /// Products of the shop: handle, and whose; a person's have none.
    shop: Vec<(String, Option<usize>)>,
    creators: Vec<Creator>,
    /// What a creator of this product may still do that is not its any more.
    late: Vec<Option<Creator>>,
    /// A move was asked for.
    wished: Vec<bool>,
    /// Where customers have found what of ours.
    seen: BTreeMap<String, usize>,
    astray: bool,
    renames: u8,
    stalls: u8,
    moves: u8,
    foreign: u8,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "said by their names")]
pub enum Action {
    Works(usize),
    Stalls(usize),
    Lands(usize),
    Forgets(usize),
    Renames(usize),
    AsksToMove(usize),
    PersonTakes(u8),
    PersonGoes,
}

fn key(product: usize) -> ProductKey {
    ProductKey::new("demo", product.to_string()).unwrap_or_else(|error| unreachable!("{error}"))
}

/// The handles that a product of a title may have.
fn wanted(product: usize, title: u8) -> [String; 2] {
    let word = if title == 0 { "dress" } else { "gown" };
    [word.to_owned(), format!("{word}-{product}")]
}

impl World {
    fn write(&mut self, write: &Write) -> Result<Item, Item> {
        let after = write.apply(&self.ledger.get(&write.key).cloned().unwrap_or_default())?;
        self.ledger.insert(write.key.clone(), after.clone());
        Ok(after)
    }

    fn noted(&self, product: usize) -> Option<String> {
        self.ledger.get(&address::note(&key(product), "", None).key).and_then(address::noted)
    }

    fn of(&self, product: usize) -> Option<usize> {
        self.shop.iter().position(|(_, owner)| *owner == Some(product))
    }

    fn holder(&self, handle: &str) -> Option<Option<usize>> {
        self.shop.iter().find(|(taken, _)| taken == handle).map(|(_, owner)| *owner)
    }

    /// A create lands; the shop refuses a handle that somebody has.
    fn create(&mut self, product: usize, handle: &str) -> bool {
        let free = self.holder(handle).is_none();
        if free {
            self.shop.push((handle.to_owned(), Some(product)));
            self.shop.sort();
        }
        free
    }

    fn shown(&mut self) {
        for (handle, owner) in self.shop.iter().filter_map(|(handle, owner)| Some((handle.clone(), (*owner)?))) {
            self.astray |= *self.seen.entry(handle).or_insert(owner) != owner;
        }
    }
}

impl Addresses {
    fn lacks(&self, rule: Without) -> bool {
        self.without == Some(rule)
    }

    /// The first handle that is nobody else's in the shop and can be claimed.
    fn claim(&self, world: &mut World, product: usize, title: u8, was: Option<String>) -> Creator {
        for handle in wanted(product, title) {
            if world.holder(&handle).is_some_and(|owner| owner != Some(product)) {
                continue;
            }
            let mut write = address::claim(&handle, &key(product));
            if self.lacks(Without::ClaimingOnce) {
                write.condition = ledger::core::Condition::Always;
            }
            if self.lacks(Without::Claiming) || world.write(&write).is_ok() {
                return Creator::Claimed { handle, was };
            }
        }
        Creator::Idle
    }

    fn note(&self, world: &mut World, product: usize, handle: String, was: Option<String>) -> Creator {
        let mut write = address::note(&key(product), &handle, was.as_deref());
        if self.lacks(Without::NotingOnce) {
            write.condition = ledger::core::Condition::Always;
        }
        match world.write(&write) {
            Ok(_) => Creator::Sends(handle),
            Err(item) => address::noted(&item).map_or(Creator::Idle, Creator::Sends),
        }
    }

    fn work(&self, world: &mut World, product: usize) -> Creator {
        let moving = world.wished[product] && (world.late[product].is_none() || self.lacks(Without::WaitingToMove));
        match world.creators[product].clone() {
            Creator::Idle => Creator::Read { title: world.titles[product], noted: world.noted(product) },
            Creator::Read { title, noted } => match world.of(product) {
                // It is there: only a move has something to do.
                Some(at) if moving && !wanted(product, title).contains(&world.shop[at].0) => match noted {
                    Some(noted) if wanted(product, title).contains(&noted) && world.holder(&noted).is_none() => {
                        Creator::Sends(noted)
                    }
                    noted => self.claim(world, product, title, noted),
                },
                Some(_) => {
                    world.wished[product] &= !moving;
                    Creator::Idle
                }
                None if self.lacks(Without::Noting) => match self.claim(world, product, title, None) {
                    Creator::Claimed { handle, .. } => Creator::Sends(handle),
                    other => other,
                },
                None => match noted {
                    Some(noted) if world.holder(&noted).is_none_or(|owner| owner == Some(product)) => {
                        Creator::Sends(noted)
                    }
                    noted => self.claim(world, product, title, noted),
                },
            },
            Creator::Claimed { handle, was } => self.note(world, product, handle, was),
            Creator::Sends(handle) => match world.of(product) {
                Some(at) if moving && world.holder(&handle).is_none() => {
                    let old = std::mem::replace(&mut world.shop[at].0, handle);
                    // What it had before is kept for it.
                    let _ = world.write(&address::claim(&old, &key(product)));
                    world.shop.sort();
                    world.wished[product] = false;
                    Creator::Idle
                }
                // It landed since it was looked up, and under this very handle: the shop refuses.
                Some(at) if world.shop[at].0 == handle && !self.lacks(Without::LookingAgain) => Creator::Idle,
                _ if world.create(product, &handle) => Creator::Idle,
                _ if self.lacks(Without::LookingAgain) => {
                    self.claim(world, product, world.titles[product], Some(handle))
                }
                _ => Creator::Idle,
            },
        }
    }
}

impl Model for Addresses {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            titles: vec![0; self.products],
            ledger: BTreeMap::new(),
            shop: Vec::new(),
            creators: vec![Creator::Idle; self.products],
            late: vec![None; self.products],
            wished: vec![false; self.products],
            seen: BTreeMap::new(),
            astray: false,
            renames: self.renames,
            stalls: self.stalls,
            moves: self.moves,
            foreign: self.foreign,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        for product in 0..self.products {
            actions.push(Action::Works(product));
            if world.stalls > 0 && world.late[product].is_none() && world.creators[product] != Creator::Idle {
                actions.push(Action::Stalls(product));
            }
            if world.late[product].is_some() {
                actions.extend([Action::Lands(product), Action::Forgets(product)]);
            }
            if world.renames > 0 {
                actions.push(Action::Renames(product));
            }
            if world.moves > 0 && !world.wished[product] {
                actions.push(Action::AsksToMove(product));
            }
        }
        if world.foreign > 0 {
            actions.extend([Action::PersonTakes(0), Action::PersonGoes]);
        }
    }

    fn next_state(&self, before: &World, action: Action) -> Option<World> {
        let mut world = before.clone();
        match action {
            Action::Works(product) => world.creators[product] = self.work(&mut world, product),
            // Only a create does harm; a move that lands late is the same as one that does not.
            Action::Stalls(product) => {
                world.stalls -= 1;
                let was = std::mem::replace(&mut world.creators[product], Creator::Idle);
                world.late[product] = world.of(product).is_none().then_some(was);
            }
            Action::Lands(product) => match world.late[product].take()? {
                Creator::Sends(handle) => drop(world.create(product, &handle)),
                Creator::Claimed { handle, was } => {
                    world.late[product] = Some(self.note(&mut world, product, handle, was))
                }
                Creator::Read { title, noted } => {
                    world.late[product] = Some(self.claim(&mut world, product, title, noted));
                }
                Creator::Idle => {}
            },
            // The time is over in which it could land.
            Action::Forgets(product) => world.late[product] = None,
            Action::Renames(product) => {
                world.renames -= 1;
                world.titles[product] = 1 - world.titles[product];
            }
            Action::AsksToMove(product) => {
                world.moves -= 1;
                world.wished[product] = true;
            }
            Action::PersonTakes(title) => {
                world.foreign -= 1;
                let [handle, _] = wanted(0, title);
                if world.holder(&handle).is_none() {
                    world.shop.push((handle, None));
                    world.shop.sort();
                }
            }
            Action::PersonGoes => {
                world.foreign -= 1;
                world.shop.retain(|(_, owner)| owner.is_some());
            }
        }
        world.shown();
        (world != *before).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONCE, |model: &Self, world: &World| {
                (0..model.products)
                    .all(|product| world.shop.iter().filter(|(_, owner)| *owner == Some(product)).count() < 2)
            }),
            Property::always(LASTS, |_, world: &World| !world.astray),
            Property::sometimes("all products are there", |model: &Self, world: &World| {
                (0..model.products).all(|product| world.of(product).is_some())
            }),
            Property::sometimes("a product moves", |_, world: &World| world.shop.len() < world.seen.len()),
        ]
    }
}
