//! Members of articles that change, move and go while functions race, die and have late requests:
//! at rest each is shown where the PIM has it, as the PIM has it, and nowhere else.
//!
//! The writes are the ledger's; their order is that of medusa-push (`grouped.rs`). That a feed
//! brings a product to the PIM is in [`crate::pipeline`].

use std::collections::BTreeMap;

use catalog::{ContentHash, Failure, Fate, ProductKey, Version};
use ledger::core::stage::{self, Refusal};
use ledger::core::{Condition, Item, ItemKey, Value, Write, article, state};
use ledger::{Applied, Leases, Owner, ProductState, Stage};
use stateright::{Model, Property};

mod standing;
mod switch;
mod worlds;

use switch::{Walking, place_by};
pub use worlds::{RULES, Without, large, small};

/// At rest everybody is where they belong.
pub const SHOWN: &str = "at rest the shop shows each member where the PIM has it, and nowhere else";

/// Messages bring everything, as long as none is lost.
pub const PROMPT: &str = "without lost messages nothing waits for the sweep";

const LEASES: Leases = Leases { lease_ms: 90, landing_ms: 30 };

/// Attributes that tell people something, and that no rule looks at here.
const TELLS: [&str; 5] = ["medusa_deaths", "medusa_at", "medusa_error", "pending_shard", "medusa_version"];

/// A save in the PIM: of which member, and where it puts it: an article, `-` for by itself, or `x`:
/// it deletes it. A small letter: in that article, and as it was at the beginning.
pub type Save = (usize, char);

/// A configuration of the model.
#[derive(Clone, Debug)]
pub struct Articles {
    /// Where the members are at rest when all begins; a blank: nowhere yet.
    pub begin: [char; 2],
    /// What people and feeds do in the PIM, one after the other.
    pub saves: &'static [Save],
    /// Whether groups are articles at the beginning, where the setting changes once; `None`: always.
    pub switch: Option<bool>,
    pub workers: usize,
    /// Functions that die.
    pub crashes: u8,
    /// Functions that go on after their leases have ended.
    pub stalls: u8,
    /// Requests to the shop that are not answered and land later.
    pub timeouts: u8,
    /// Messages that are lost.
    pub losses: u8,
    /// The rule that is missing.
    pub without: Option<Without>,
}

/// What the shop shows at one place: the contents of members.
type Shown = BTreeMap<usize, usize>;

/// A state of the model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    now: i64,
    /// Where the PIM has each member, and as of which save.
    pim: [Option<(char, usize)>; 2],
    saved: usize,
    /// Whether groups are articles.
    grouped: bool,
    walking: Walking,
    /// The last save is not counted yet, or not announced yet.
    telling: Telling,
    /// `state` items, memberships and articles, by what they are of.
    items: BTreeMap<String, Item>,
    shop: BTreeMap<ProductKey, Shown>,
    /// Messages that may be delivered from then on.
    messages: [Option<i64>; 2],
    workers: Vec<Phase>,
    /// Requests that are still to land.
    late: Vec<(ProductKey, Shown)>,
    crashes: u8,
    stalls: u8,
    timeouts: u8,
    losses: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Telling {
    Done,
    Counts(usize),
    Announces(usize),
}

/// Where a function is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
enum Phase {
    #[default]
    Idle,
    Busy(Box<Work>),
}

/// A function at work on a member.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Work {
    member: usize,
    owner: u8,
    /// The setting by which this function works.
    grouped: bool,
    claimed: Item,
    /// What the PIM showed of the member, once it is read.
    read: Option<Option<(char, usize)>>,
    homes: Vec<ProductKey>,
    /// It has joined and left what is to be joined and left.
    settled: bool,
    /// Articles that are claimed.
    held: Vec<ProductKey>,
    /// What is noted of the member where it is shown.
    noted: Option<usize>,
    /// What each place is to show, once that is read.
    wanted: Vec<(ProductKey, Shown)>,
    /// Places written, articles completed.
    written: usize,
    completed: usize,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A save in the PIM; then it is counted, then announced.
    Save,
    /// A function takes a message of this member.
    Takes(usize, usize),
    Step(usize),
    /// The function lets a member that it knows by now wait for others.
    PutsOff(usize),
    Dies(usize),
    /// The function's request is not answered.
    TimesOut(usize),
    Lands(usize),
    Lost(usize),
    /// Who is at work goes on after the leases have ended.
    Stalls,
    LeasesEnd,
    /// Nobody has anything to do until a message comes that waits for what may land.
    Waits,
    Sweep(usize),
    /// Functions with another setting are deployed.
    Switch,
    /// The last function with the setting of before has ended.
    Settles,
    /// The walk's next step.
    Walks,
}

fn member(n: usize) -> ProductKey {
    ProductKey::new("demo", n.to_string()).unwrap_or_else(|error| unreachable!("{error}"))
}

fn name(write: &Write) -> String {
    format!("{} {}", write.key.pk, write.key.sk)
}

fn applied() -> Applied {
    let (hash, version) = (ContentHash::from_text("-"), Version::from_text("-"));
    Applied { hash, version, remote_id: Some("p".into()), view: None, seen: None, at: 0 }
}

fn unanswered() -> Failure {
    Failure::transient("medusa_unreachable", "no answer").request(Fate::MayStillLand)
}

impl World {
    fn write(&mut self, write: &Write) -> Result<Item, Item> {
        let item = self.items.entry(name(write)).or_default();
        let mut after = write.apply(item)?;
        after.retain(|name, _| !TELLS.contains(&name.as_str()));
        // Whether it was tried before is all that counts.
        if let Some(Value::N(attempts)) = after.get_mut("medusa_attempts") {
            *attempts = (*attempts).min(2);
        }
        // Since when, nobody asks.
        if let Some(Value::N(since)) = after.get_mut("pending_since") {
            *since = 0;
        }
        item.clone_from(&after);
        Ok(after)
    }

    fn item(&self, key: &ItemKey) -> Item {
        self.items.get(&format!("{} {}", key.pk, key.sk)).cloned().unwrap_or_default()
    }

    fn state(&self, n: usize) -> ProductState {
        ProductState::of(&self.item(&state::item_key(&member(n))))
    }

    /// Claims a member or an article as the ledger's shell does; `None` while somebody else has it.
    fn claim(&mut self, key: &ProductKey, owner: &Owner) -> Option<Item> {
        let mut write = stage::claim(Stage::Medusa, key, owner, self.now, LEASES);
        loop {
            let item = match self.write(&write) {
                Ok(after) => return Some(after),
                Err(item) => item,
            };
            write = match stage::refused(Stage::Medusa, owner, &item, self.now) {
                Refusal::Expired(expired) => stage::take_over(Stage::Medusa, key, owner, &expired, self.now, LEASES),
                Refusal::Final(_) | Refusal::Free => return None,
            };
        }
    }

    /// Whether anybody of this number is at work, or has left a lease behind.
    fn knows(&self, number: u8) -> bool {
        let works = |worker: &Phase| matches!(worker, Phase::Busy(work) if work.owner == number);
        let holds = |item: &Item| item.get("medusa_owner").and_then(Value::text) == Some(owner(number).0.as_str());
        self.workers.iter().any(works) || self.items.values().any(holds)
    }

    /// Whether a lease was left behind that has not ended.
    fn is_leased(&self) -> bool {
        let until = |item: &Item| item.get("medusa_until").and_then(Value::number);
        self.items.values().any(|item| until(item).is_some_and(|until| until >= self.now))
    }

    /// When the next message comes that is not there yet.
    fn next_message(&self) -> Option<i64> {
        self.messages.into_iter().flatten().filter(|from| *from > self.now).min()
    }

    fn is_quiet(&self) -> bool {
        self.telling == Telling::Done
            && self.walking.is_over()
            && self.messages == [None, None]
            && self.workers.iter().all(|worker| *worker == Phase::Idle)
            && self.late.is_empty()
    }
}

impl Articles {
    fn lacks(&self, rule: Without) -> bool {
        self.without == Some(rule)
    }

    fn save(&self, world: &mut World) -> Option<()> {
        match world.telling {
            Telling::Counts(n) => {
                let _ = world.write(&stage::edited(&member(n), world.now));
                world.telling = Telling::Announces(n);
            }
            Telling::Announces(n) => {
                world.messages[n] = Some(world.now);
                world.telling = Telling::Done;
            }
            Telling::Done => {
                let (n, at) = *self.saves.get(world.saved)?;
                world.saved += 1;
                let content = if at.is_lowercase() { 0 } else { world.saved };
                world.pim[n] = (at != 'x').then_some((at.to_ascii_uppercase(), content));
                world.telling = Telling::Counts(n);
            }
        }
        Some(())
    }

    fn takes(&self, world: &mut World, worker: usize, n: usize) -> Option<()> {
        if world.workers[worker] != Phase::Idle || world.messages[n].is_none_or(|from| from > world.now) {
            return None;
        }
        let number = (1..u8::MAX).find(|number| !world.knows(*number))?;
        let claimed = world.claim(&member(n), &owner(number))?;
        world.messages[n] = None;
        world.workers[worker] = Phase::Busy(Box::new(Work {
            member: n,
            owner: number,
            grouped: world.grouped,
            claimed,
            read: None,
            homes: Vec::new(),
            settled: false,
            held: Vec::new(),
            noted: None,
            wanted: Vec::new(),
            written: 0,
            completed: 0,
        }));
        Some(())
    }

    fn step(&self, world: &mut World, worker: usize) -> Option<()> {
        let Phase::Busy(mut work) = std::mem::take(&mut world.workers[worker]) else { return None };
        if self.go_on(world, &mut work) {
            world.workers[worker] = Phase::Busy(work);
        }
        Some(())
    }

    /// One step; whether there is another.
    fn go_on(&self, world: &mut World, work: &mut Work) -> bool {
        let (key, who) = (member(work.member), owner(work.owner));
        let claimed = ProductState::of(&work.claimed);
        let Some(read) = work.read else {
            work.read = Some(world.pim[work.member]);
            return true;
        };
        let gone = claimed.homes.iter().find(|home| home.is_article() && work.grouped).unwrap_or(&key);
        let home = read.map_or_else(|| gone.clone(), |(at, _)| place_by(work.grouped, work.member, at));
        let settled = article::is_settled(&claimed, std::slice::from_ref(&home));
        if work.homes.is_empty() && settled {
            work.noted = self.noted(world, work, &home);
            (work.homes, work.settled) = (vec![home], true);
            return true;
        }
        if work.homes.is_empty() {
            work.homes = article::heading(&key, &claimed, std::slice::from_ref(&home));
            let mut note = article::heads_for(&key, &who, &work.homes);
            if self.lacks(Without::OwnerNotes) {
                note.condition = Condition::Always;
            }
            if !self.lacks(Without::Heading) && world.write(&note).is_err() {
                return self.lost(world, work);
            }
            if self.lacks(Without::TheOthers) {
                work.homes = vec![home];
            }
            return true;
        }
        self.write_places(world, work, &home)
    }

    /// What follows once it is noted where the member may be shown.
    fn write_places(&self, world: &mut World, work: &mut Work, home: &ProductKey) -> bool {
        if !work.settled && !self.lacks(Without::JoinFirst) {
            self.join_and_leave(world, work, home);
            return true;
        }
        let content = work.read.flatten().map(|(_, content)| content);
        if work.noted.is_some() && work.noted == content {
            self.complete(world, work, home);
            return false;
        }
        let articles: Vec<ProductKey> = work.homes.iter().filter(|home| home.is_article()).cloned().collect();
        if self.lacks(Without::ClaimFirst) && work.wanted.is_empty() {
            work.wanted = work.homes.iter().map(|at| (at.clone(), standing::shown(world, work, home, at))).collect();
            return true;
        }
        if let Some(next) = articles.get(work.held.len())
            && !self.lacks(Without::Lease)
        {
            return self.claim_next(world, work, next);
        }
        if work.wanted.is_empty() {
            work.wanted = work.homes.iter().map(|at| (at.clone(), standing::shown(world, work, home, at))).collect();
            return true;
        }
        if let Some((at, shows)) = work.wanted.get(work.written) {
            world.shop.insert(at.clone(), shows.clone());
            work.written += 1;
            return true;
        }
        if let Some(at) = work.held.get(work.completed) {
            if world.write(&standing::completed(world, work, at)).is_err() {
                let _ = world.write(&stage::doubt(Stage::Medusa, at, world.now));
                return self.fails(world, work);
            }
            work.completed += 1;
            return true;
        }
        if !work.settled {
            self.join_and_leave(world, work, home);
            return true;
        }
        self.complete(world, work, home);
        false
    }

    fn join_and_leave(&self, world: &mut World, work: &mut Work, home: &ProductKey) {
        let key = member(work.member);
        for at in work.homes.iter().filter(|at| at.is_article()) {
            let write = if at == home { article::join(at, &key) } else { article::leave(at, &key, 0) };
            let _ = world.write(&write);
        }
        work.settled = true;
    }

    fn claim_next(&self, world: &mut World, work: &mut Work, next: &ProductKey) -> bool {
        let who = owner(work.owner);
        if world.claim(next, &who).is_some() {
            work.held.push(next.clone());
            return true;
        }
        for key in work.held.iter().chain([&member(work.member)]) {
            let _ = world.write(&article::give_back(key, &who));
        }
        if !self.lacks(Without::ComesBack) {
            world.messages[work.member] = Some(world.now);
        }
        false
    }

    fn complete(&self, world: &mut World, work: &Work, home: &ProductKey) {
        let (key, who) = (member(work.member), owner(work.owner));
        let claimed = ProductState::of(&work.claimed);
        let applied = self.applied(work);
        let mut seen = claimed.clone();
        for _ in 0..3 {
            let both = (&claimed, &seen);
            let mut write =
                article::complete((&key, std::slice::from_ref(home)), &who, both, &applied, world.now, LEASES);
            if self.lacks(Without::ForgetLate) && !stage::ends_doubt(Stage::Medusa, both.0, both.1, world.now, LEASES) {
                let only = article::heads_for(&key, &who, std::slice::from_ref(home));
                write.changes.extend(only.changes);
            }
            match world.write(&write) {
                Ok(after) => {
                    let after = ProductState::of(&after);
                    world.messages[work.member] =
                        stage::again_at(Stage::Medusa, &after, world.now).or(world.messages[work.member]);
                    return;
                }
                Err(item) => seen = ProductState::of(&item),
            }
        }
        self.lost(world, work);
    }

    /// It found its lease gone.
    fn lost(&self, world: &mut World, work: &Work) -> bool {
        let key = member(work.member);
        let _ = world.write(&stage::doubt(Stage::Medusa, &key, world.now));
        world.messages[work.member] = Some(world.now);
        false
    }

    /// It gives everything back with the reason, and its message comes again.
    fn fails(&self, world: &mut World, work: &Work) -> bool {
        let who = owner(work.owner);
        for key in work.held.iter().chain([&member(work.member)]) {
            let _ = world.write(&stage::fail(Stage::Medusa, key, &who, &unanswered(), world.now, LEASES));
        }
        world.messages[work.member] = Some(world.now);
        false
    }

    fn times_out(&self, world: &mut World, worker: usize) -> Option<()> {
        let Phase::Busy(work) = std::mem::take(&mut world.workers[worker]) else { return None };
        let request = work.wanted.get(work.written)?.clone();
        let all_held = work.homes.iter().filter(|home| home.is_article()).count() == work.held.len();
        if !all_held {
            return None;
        }
        world.late.push(request);
        world.timeouts -= 1;
        self.fails(world, &work);
        Some(())
    }

    fn dies(&self, world: &mut World, worker: usize) -> Option<()> {
        let Phase::Busy(work) = std::mem::take(&mut world.workers[worker]) else { return None };
        world.crashes -= 1;
        world.messages[work.member] = Some(world.now);
        Some(())
    }

    fn is_right(&self, world: &World) -> bool {
        let mut wanted: BTreeMap<ProductKey, Shown> = BTreeMap::new();
        for (n, shown) in world.pim.iter().enumerate() {
            if let Some((at, save)) = shown {
                wanted.entry(place_by(world.grouped, n, *at)).or_default().insert(n, *save);
            }
        }
        let there: BTreeMap<ProductKey, Shown> = world
            .shop
            .iter()
            .filter(|(_, shown)| !shown.is_empty())
            .map(|(at, shown)| (at.clone(), shown.clone()))
            .collect();
        there == wanted
    }

    fn at_rest(&self, world: &World) -> bool {
        world.is_quiet() && (0..2).all(|n| world.state(n).pending_since.is_none())
    }
}

fn owner(number: u8) -> Owner {
    Owner(number.to_string())
}

impl Model for Articles {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let mut world = World {
            now: 1_000,
            pim: [None, None],
            saved: 0,
            grouped: self.switch.unwrap_or(true),
            walking: self.switch.map_or(Walking::Done, |_| Walking::Waits),
            telling: Telling::Done,
            items: BTreeMap::new(),
            shop: BTreeMap::new(),
            messages: [None, None],
            workers: vec![Phase::Idle; self.workers],
            late: Vec::new(),
            crashes: self.crashes,
            stalls: self.stalls,
            timeouts: self.timeouts,
            losses: self.losses,
        };
        let whole = Self { without: self.without.filter(|rule| *rule == Without::ArticleNotes), ..self.clone() };
        for (n, at) in self.begin.into_iter().enumerate().filter(|(_, at)| *at != ' ') {
            world.pim[n] = Some((at, 0));
            world.messages[n] = Some(world.now);
            let _ = whole.takes(&mut world, 0, n);
            while world.workers[0] != Phase::Idle {
                let _ = whole.step(&mut world, 0);
            }
        }
        vec![world]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        actions.push(Action::Save);
        actions.extend(self.switching(world));
        for worker in 0..self.workers {
            match &world.workers[worker] {
                // Idle ones are the same: the first takes it.
                Phase::Idle if world.workers[..worker].contains(&Phase::Idle) => {}
                Phase::Idle => actions.extend((0..2).map(|n| Action::Takes(worker, n))),
                Phase::Busy(_) => {
                    actions.extend([Action::Step(worker), Action::PutsOff(worker)]);
                    actions.extend((world.crashes > 0).then_some(Action::Dies(worker)));
                    actions.extend((world.timeouts > 0).then_some(Action::TimesOut(worker)));
                }
            }
        }
        let busy = world.workers.iter().any(|worker| *worker != Phase::Idle);
        actions.extend((0..world.late.len()).map(Action::Lands));
        for n in 0..2 {
            actions.extend((world.losses > 0 && world.messages[n].is_some()).then_some(Action::Lost(n)));
            let pending = world.is_quiet() && world.state(n).pending_since.is_some();
            actions.extend(pending.then_some(Action::Sweep(n)));
        }
        actions.extend((world.stalls > 0 && busy).then_some(Action::Stalls));
        // Time passes when nobody is at work: else it is theirs that ends.
        actions.extend((!busy && world.is_leased()).then_some(Action::LeasesEnd));
        let waits = !busy && world.late.is_empty() && world.next_message().is_some();
        actions.extend(waits.then_some(Action::Waits));
    }

    fn next_state(&self, before: &World, action: Action) -> Option<World> {
        let mut world = before.clone();
        match action {
            Action::Save => self.save(&mut world)?,
            Action::Takes(worker, n) => self.takes(&mut world, worker, n)?,
            Action::Step(worker) => self.step(&mut world, worker)?,
            Action::PutsOff(worker) => standing::puts_off(&mut world, worker)?,
            Action::Dies(worker) => self.dies(&mut world, worker)?,
            Action::TimesOut(worker) => self.times_out(&mut world, worker)?,
            Action::Lands(n) => {
                let (at, shows) = world.late.remove(n);
                world.shop.insert(at, shows);
            }
            Action::Lost(n) => {
                world.losses -= 1;
                world.messages[n] = None;
            }
            Action::Stalls => {
                world.stalls -= 1;
                world.now += LEASES.lease_ms + 1;
            }
            Action::LeasesEnd => world.now += LEASES.lease_ms + 1,
            Action::Waits => world.now = world.next_message()?,
            Action::Sweep(n) => world.messages[n] = Some(world.now),
            Action::Switch | Action::Settles | Action::Walks => self.goes_on_switching(&mut world),
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(SHOWN, |model: &Self, world: &World| !model.at_rest(world) || model.is_right(world)),
            Property::always(PROMPT, |model: &Self, world: &World| {
                model.losses > 0 || !world.is_quiet() || model.at_rest(world)
            }),
            Property::sometimes("the last save is shown", |model: &Self, world: &World| {
                world.saved == model.saves.len() && model.at_rest(world) && model.is_right(world)
            }),
        ]
    }
}
