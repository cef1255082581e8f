//! Files of a declared part, each of which passes over what the last one said: in any order, two at
//! a time, one of them dies or gives up.
//!
//! Decisions are the ledger's (`ledger::core::last_file`, `lines`); their order is that of
//! normalize. A file has a line for each of two SKUs at most; no product has the second, so its
//! line waits.

use std::collections::{BTreeMap, BTreeSet};

use catalog::line::{Field, Said};
use catalog::{IdKind, Identifier, Line, PartName, Version};
use ledger::RunId;
use ledger::core::last_file::{Index, LastFile};
use ledger::core::lines::{self, Kept, Means, Origin};
use ledger::core::{Item, Write};
use stateright::{Model, Property};

/// At rest the ledger says what the newest line said.
pub const SAID: &str = "at rest the ledger says of each SKU what its newest line said";
/// What waits is not passed over.
pub const LOOKED: &str = "at rest every file's line that waits was looked at";

const REGISTER: &str = "acme/stock";
/// The SKU that no product has.
const AWAITED: &str = "L";

/// A rule that is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Without {
    /// A run begins before it is registered.
    RegisteredFirst,
    /// A run that begins while another is under way leaves the index where it is.
    TakenAway,
    /// A run leaves an index although it was not alone.
    Alone,
    /// A run that ended without a word is taken for one that never was.
    WithoutAWord,
    /// What the ledger says otherwise, or what waits, is in the index, too.
    Apart,
    /// A run that was taken up leaves an index.
    InOneGo,
    /// The index that was read before the run began is believed whatever the item says by then.
    AsItBegan,
    /// An object is believed whoever wrote it.
    Digest,
    /// A strict pass goes by the index.
    StrictReads,
    /// A run that passes lines over asks for no strict passes.
    StrictPasses,
}

/// The rules, each to be taken out in turn.
pub const RULES: [Without; 10] = [
    Without::RegisteredFirst,
    Without::TakenAway,
    Without::Alone,
    Without::WithoutAWord,
    Without::Apart,
    Without::InOneGo,
    Without::AsItBegan,
    Without::Digest,
    Without::StrictReads,
    Without::StrictPasses,
];

/// A configuration of the model.
#[derive(Clone, Debug)]
pub struct Files {
    /// What each file says, in the order of their versions.
    pub files: Vec<&'static [(&'static str, i32)]>,
    /// So many of them have been read already.
    pub before: usize,
    /// Runs under way at once.
    pub at_once: usize,
    /// Readers that die.
    pub crashes: u8,
    /// The file whose run may end for good in the middle, without a word.
    pub gives_up: Option<usize>,
    /// The rule that is missing.
    pub without: Option<Without>,
}

/// An index in the bucket: whose, and what it says.
type Object = (String, Vec<(&'static str, i32)>);

/// A state of the model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    part: Item,
    lines: BTreeMap<&'static str, Item>,
    /// Files that are registered, and not struck off.
    registered: BTreeSet<usize>,
    struck: BTreeSet<usize>,
    object: Option<Object>,
    /// One that a dead reader wrote, and that may land.
    late: Option<Object>,
    /// Runs of the files, then their strict passes.
    runs: Vec<Run>,
    /// Which file's line of what waits was looked at.
    looked: BTreeSet<(usize, &'static str)>,
    passed: bool,
    crashes: u8,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Run {
    phase: Phase,
    /// Lines that are committed.
    record: usize,
    /// The line that this attempt began with, and the one that it is at.
    begun_at: usize,
    at: usize,
    /// The item of the line as it was read.
    kept: Item,
    /// What may be passed over, and by which index.
    index: Option<Index>,
    known: Vec<(&'static str, i32)>,
    apart: BTreeSet<&'static str>,
    /// It wrote something, or does not know.
    wrote: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Phase {
    /// Of a strict pass: nobody has asked for it.
    #[default]
    Unasked,
    Look,
    Register,
    Begin,
    Read,
    Write,
    Ask,
    Put,
    End,
    Done,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A run does its next step.
    Step(usize),
    /// Its reader dies; another takes it up.
    Dies(usize),
    /// It ends for good.
    GivesUp(usize),
    /// What a dead reader wrote into the bucket lands.
    Lands,
}

fn version(file: usize, at: usize) -> Version {
    Version::new(file as u64 + 1, "00", at as u64)
}

fn about(sku: &str) -> Identifier {
    Identifier { kind: IdKind::Sku, value: sku.to_owned() }
}

fn line(sku: &str, pieces: i32) -> Line {
    Line { about: about(sku), says: BTreeMap::from([(Field::Stock, Said::Pieces(pieces))]) }
}

fn pieces(item: &Item) -> Option<Said> {
    Kept::of(item).statement.0.get(&Field::Stock).map(|spoken| spoken.said.clone())
}

impl Files {
    fn lacks(&self, rule: Without) -> bool {
        self.without == Some(rule)
    }

    fn id(&self, run: usize) -> RunId {
        let file = run % self.files.len();
        let id = RunId { bucket: "b".into(), key: format!("{file}"), object_version: "v".into() };
        if run == file { id } else { id.strict() }
    }

    const fn is_strict(&self, run: usize) -> bool {
        run >= self.files.len()
    }

    fn lines_of(&self, run: usize) -> &'static [(&'static str, i32)] {
        self.files[run % self.files.len()]
    }

    /// The part's item as a run sees it.
    fn last(&self, world: &World, run: usize) -> (LastFile, Option<Index>) {
        let mut item = world.part.clone();
        if self.lacks(Without::TakenAway) {
            item.remove("open");
        }
        let index = LastFile::of(&item).index_for(&self.id(run)).cloned();
        (LastFile::of(&world.part), index)
    }

    fn look(&self, world: &World, number: usize, run: &mut Run) {
        let (_, index) = self.last(world, number);
        let passes = !self.is_strict(number) || self.lacks(Without::StrictReads);
        let index = index.filter(|_| passes);
        let read = |index: &Index| {
            let (whose, said) = world.object.clone()?;
            (whose == index.digest || self.lacks(Without::Digest)).then_some(said)
        };
        let said = index.as_ref().and_then(read).unwrap_or_default();
        run.known = self.lines_of(number).iter().filter(|line| said.contains(line)).copied().collect();
        run.index = index;
    }

    fn begin(&self, world: &mut World, number: usize, run: &mut Run) {
        let (last, index) = self.last(world, number);
        let ended = |one: &RunId| {
            (0..world.runs.len()).any(|other| self.id(other) == *one && world.runs[other].phase == Phase::Done)
        };
        let ended: Vec<RunId> = last.open.iter().filter(|one| ended(one)).cloned().collect();
        let mut write = last.begin(REGISTER, &self.id(number), &ended);
        let keeps = |rule, applies| self.lacks(rule) && applies;
        let silent = !ended.is_empty();
        if keeps(Without::TakenAway, true) || keeps(Without::WithoutAWord, silent) {
            write.changes.retain(|change| !matches!(change, ledger::core::Change::Remove("last")));
        }
        if index != run.index && !self.lacks(Without::AsItBegan) {
            (run.index, run.known) = (None, Vec::new());
        }
        if keeps(Without::WithoutAWord, silent) {
            // As if it had not been listed.
            let mut item = world.part.clone();
            item.remove("open");
            let said = world.object.clone().map(|(_, said)| said).unwrap_or_default();
            run.index = LastFile::of(&item).index_for(&self.id(number)).cloned();
            run.known = self.lines_of(number).iter().filter(|line| said.contains(line)).copied().collect();
        }
        apply(&mut world.part, &write);
    }

    fn read(&self, world: &mut World, number: usize, run: &mut Run) -> Phase {
        let file = number % self.files.len();
        let Some((sku, of)) = self.lines_of(number).get(run.at).copied() else { return Phase::Ask };
        if run.known.contains(&(sku, of)) {
            world.passed = true;
            (run.at, run.record) = (run.at + 1, run.at + 1);
            return Phase::Read;
        }
        if sku == AWAITED {
            world.looked.insert((file, sku));
        }
        run.kept = world.lines.get(sku).cloned().unwrap_or_default();
        match lines::classify(&Kept::of(&run.kept), &line(sku, of), &version(file, run.at)) {
            Means::Changed(_) => Phase::Write,
            Means::Unchanged(_) if self.is_strict(number) => Phase::Write,
            Means::Again | Means::Unchanged(_) | Means::Stale => self.next(sku, of, run),
        }
    }

    /// Goes on to the next line. What was read is committed.
    fn next(&self, sku: &'static str, of: i32, run: &mut Run) -> Phase {
        let kept = Kept::of(&run.kept);
        if !kept.says(&line(sku, of)) || sku == AWAITED {
            run.apart.insert(sku);
        }
        (run.at, run.record, run.kept) = (run.at + 1, run.at + 1, Item::new());
        Phase::Read
    }

    fn write(&self, world: &mut World, number: usize, run: &mut Run) -> Phase {
        let file = number % self.files.len();
        let Some((sku, of)) = self.lines_of(number).get(run.at).copied() else { return Phase::Ask };
        let kept = Kept::of(&run.kept);
        let says = kept.statement.merged(&line(sku, of), &version(file, run.at));
        let key = lines::line_key("acme", &PartName::from_text("stock"), &about(sku));
        let origin = Origin { run: "r".into(), provenance: "p".into() };
        let write = lines::write_line(key, &kept, &says, &origin, None);
        let item = world.lines.entry(sku).or_default();
        if !apply(item, &write) {
            return Phase::Read;
        }
        run.kept = item.clone();
        run.wrote = true;
        self.next(sku, of, run)
    }

    /// Newer runs that may have taken a line for unchanged look at it once more.
    fn ask(&self, world: &mut World, number: usize, run: &Run) {
        let (file, files) = (number % self.files.len(), self.files.len());
        let silent = self.lacks(Without::StrictPasses) && !self.is_strict(number);
        if run.wrote && !silent {
            for newer in world.registered.range(file + 1..).copied().collect::<Vec<_>>() {
                let strict = &mut world.runs[files + newer];
                if strict.phase == Phase::Unasked {
                    *strict = Run { phase: Phase::Look, ..Run::default() };
                }
            }
        }
        if self.is_strict(number) {
            world.registered.remove(&file);
            world.struck.insert(file);
        }
    }

    fn leaves(&self, number: usize, run: &Run) -> bool {
        !self.is_strict(number) && (run.begun_at == 0 || self.lacks(Without::InOneGo))
    }

    fn object(&self, number: usize, run: &Run) -> Object {
        let apart = |sku: &str| run.apart.contains(sku) && !self.lacks(Without::Apart);
        let said = self.lines_of(number).iter().filter(|(sku, _)| !apart(sku)).copied().collect();
        (format!("{number}"), said)
    }

    fn end(&self, world: &mut World, number: usize, run: &Run) {
        let index = Index { run: format!("{number}"), digest: format!("{number}"), lines: 1, looked: 0 };
        let index = self.leaves(number, run).then_some(index);
        let mut item = world.part.clone();
        if self.lacks(Without::Alone) {
            let id = serde_json::to_string(&[self.id(number)]).unwrap_or_default();
            item.insert("alone".to_owned(), 1.into());
            item.insert("open".to_owned(), id.into());
        }
        if let Some(write) = LastFile::of(&item).end(REGISTER, &self.id(number), index) {
            apply(&mut world.part, &write);
        }
    }

    fn step(&self, world: &mut World, number: usize) -> Option<()> {
        let mut run = world.runs[number].clone();
        let first = if self.lacks(Without::RegisteredFirst) { Phase::Begin } else { Phase::Register };
        run.phase = match run.phase {
            Phase::Look => {
                self.look(world, number, &mut run);
                if self.is_strict(number) { Phase::Begin } else { first }
            }
            Phase::Register => {
                let file = number % self.files.len();
                if !world.struck.contains(&file) {
                    world.registered.insert(file);
                }
                if first == Phase::Begin { Phase::Read } else { Phase::Begin }
            }
            Phase::Begin => {
                self.begin(world, number, &mut run);
                let late = first == Phase::Begin && !self.is_strict(number);
                if late { Phase::Register } else { Phase::Read }
            }
            Phase::Read => self.read(world, number, &mut run),
            Phase::Write => self.write(world, number, &mut run),
            Phase::Ask => {
                self.ask(world, number, &run);
                if self.leaves(number, &run) { Phase::Put } else { Phase::End }
            }
            Phase::Put => {
                world.object = Some(self.object(number, &run));
                Phase::End
            }
            Phase::End => {
                self.end(world, number, &run);
                Phase::Done
            }
            Phase::Unasked | Phase::Done => return None,
        };
        let ended = run.phase == Phase::Done;
        world.runs[number] = if ended { Run { phase: Phase::Done, ..Run::default() } } else { run };
        Some(())
    }

    /// What the newest line of a SKU says. Of a file that gave up nobody knows how far it came.
    fn newest(&self, sku: &str) -> Option<Said> {
        let of = |file: &&[(&str, i32)]| file.iter().find(|(one, _)| *one == sku).map(|(_, pieces)| *pieces);
        self.files.iter().rev().find_map(of).map(Said::Pieces)
    }
}

fn apply(item: &mut Item, write: &Write) -> bool {
    match write.apply(item) {
        Ok(after) => {
            *item = after;
            true
        }
        Err(_) => false,
    }
}

fn at_rest(world: &World) -> bool {
    world.runs.iter().all(|run| matches!(run.phase, Phase::Done | Phase::Unasked))
}

impl Model for Files {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let waiting = Run { phase: Phase::Look, ..Run::default() };
        let mut runs = vec![waiting; self.files.len()];
        runs.resize(2 * self.files.len(), Run::default());
        let mut world = World {
            part: Item::new(),
            lines: BTreeMap::new(),
            registered: BTreeSet::new(),
            struck: BTreeSet::new(),
            object: None,
            late: None,
            runs,
            looked: BTreeSet::new(),
            passed: false,
            crashes: self.crashes,
        };
        for number in 0..self.before {
            while self.step(&mut world, number).is_some() {}
        }
        vec![world]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        let under_way = |run: &&Run| !matches!(run.phase, Phase::Done | Phase::Unasked | Phase::Look);
        let full = world.runs.iter().filter(under_way).count() >= self.at_once;
        if world.late.is_some() {
            actions.push(Action::Lands);
        }
        for (number, run) in world.runs.iter().enumerate() {
            if matches!(run.phase, Phase::Done | Phase::Unasked) || (full && run.phase == Phase::Look) {
                continue;
            }
            actions.push(Action::Step(number));
            if world.crashes > 0 && run.phase != Phase::Look {
                actions.push(Action::Dies(number));
            }
            if self.gives_up == Some(number) && run.phase == Phase::Read && run.at > 0 {
                actions.push(Action::GivesUp(number));
            }
        }
    }

    fn next_state(&self, before: &World, action: Action) -> Option<World> {
        let mut world = before.clone();
        match action {
            Action::Step(number) => self.step(&mut world, number)?,
            Action::Dies(number) => {
                world.crashes -= 1;
                let dead = world.runs[number].clone();
                if dead.phase == Phase::Put {
                    world.late = Some(self.object(number, &dead));
                }
                let record = dead.record;
                world.runs[number] =
                    Run { phase: Phase::Look, record, begun_at: record, at: record, wrote: true, ..Run::default() };
            }
            Action::Lands => world.object = world.late.take(),
            Action::GivesUp(number) => {
                let run = world.runs[number].clone();
                self.ask(&mut world, number, &run);
                world.runs[number] = Run { phase: Phase::Done, ..Run::default() };
            }
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(SAID, |model: &Self, world: &World| {
                let said = |sku: &str| world.lines.get(sku).and_then(pieces);
                !at_rest(world) || ["K", AWAITED].iter().all(|sku| said(sku) == model.newest(sku))
            }),
            Property::always(LOOKED, |model: &Self, world: &World| {
                let waits = |file: &usize| model.files[*file].iter().any(|(sku, _)| *sku == AWAITED);
                let looked = |file: usize| world.looked.contains(&(file, AWAITED));
                !at_rest(world)
                    || (0..model.files.len()).filter(waits).all(|file| looked(file) || model.gives_up == Some(file))
            }),
            Property::sometimes("a line is passed over", |_, world: &World| at_rest(world) && world.passed),
        ]
    }
}
