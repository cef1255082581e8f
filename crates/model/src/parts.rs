//! A product in parts: records of several storefronts, each brought by a writer of its own, all at
//! once, in any order, dying in between.
//!
//! The writes are the ledger's (`ledger::core::parts`); their order is that of its shell. What a
//! part says is two letters, its name and its content; what several say together is theirs one
//! after the other, the leading one first. `W` says that the storefront does not sell it any more:
//! it is in what the leading part says, and adds nothing beside another.

use std::collections::{BTreeMap, BTreeSet};

use catalog::{ContentHash, PartName, Product, ProductKey, Version};
use ledger::core::desired::{self, Body};
use ledger::core::parts::{self, Mark, Marks};
use ledger::core::{Change, Condition, Item, Value, Write};
use ledger::{Classification, DesiredDoc, ProductState, classify};
use stateright::{Model, Property};

/// At rest the doc is what the newest of each part say together.
pub const TOGETHER: &str = "at rest the doc says what the newest record of each part say together";
/// At rest the state follows the doc.
pub const FOLLOWS: &str = "at rest the state is that of the doc";

/// A rule that is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Without {
    /// A doc that is put together replaces whatever is there.
    Lock,
    /// A single part is written whatever the doc is of.
    Whose,
    /// A doc that is put together has the version of the newest part in it, or of the doc before.
    Growing,
    /// The part is written after the doc.
    OwnFirst,
    /// A part replaces a newer record of it.
    NotNewer,
    /// What the doc held is not made a part.
    Splitting,
    /// The parts are read before the doc.
    DocFirst,
    /// A doc of several parts is noted like a single one's.
    NotesOfOne,
}

/// The rules, each to be taken out in turn.
pub const RULES: [Without; 8] = [
    Without::Lock,
    Without::Whose,
    Without::Growing,
    Without::OwnFirst,
    Without::NotNewer,
    Without::Splitting,
    Without::DocFirst,
    Without::NotesOfOne,
];

/// A configuration of the model.
#[derive(Clone, Debug)]
pub struct Parts {
    /// What the records say, in the order of their versions.
    pub records: Vec<&'static str>,
    /// The first of them was written before there were parts.
    pub before: bool,
    /// Writers that die.
    pub crashes: u8,
    /// The rule that is missing.
    pub without: Option<Without>,
}

/// A state of the model.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    doc: Item,
    state: Item,
    parts: BTreeMap<PartName, Item>,
    writers: Vec<Writer>,
    crashes: u8,
}

/// Who brings a record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Writer {
    phase: Phase,
    /// The doc as it was read.
    doc: Item,
    /// The parts as they were read.
    read: BTreeMap<PartName, Item>,
    /// Its part is written.
    own: bool,
    /// What it writes.
    together: Option<(String, Version, Marks)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Phase {
    #[default]
    Waiting,
    NoteDoc,
    NoteState,
    Only,
    StateOnly,
    ReadDoc,
    Replace,
    Split,
    Own,
    ReadParts,
    Together,
    StateTogether,
    Done,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A writer does its next step.
    Step(usize),
    /// A writer dies; its record is delivered again.
    Dies(usize),
}

fn key() -> ProductKey {
    ProductKey::new("demo", "1").unwrap_or_else(|error| unreachable!("{error}"))
}

fn product() -> Product {
    let json = r#"{"source":"demo","id":"1","name":{},"variants":[]}"#;
    serde_json::from_str(json).unwrap_or_else(|error| unreachable!("{error}"))
}

fn name_in(content: &str) -> PartName {
    PartName::from_text(&content[..1])
}

fn content_of(item: &Item) -> String {
    match Body::of(item) {
        Some(Body::Here(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
        _ => String::new(),
    }
}

/// What parts say together: the one called `u` leads, then the others by their names.
fn said_together(contents: impl IntoIterator<Item = String>) -> String {
    let mut all: Vec<String> = contents.into_iter().collect();
    all.sort_by_key(|content| (!content.starts_with('u'), content.clone()));
    all.iter()
        .enumerate()
        .filter(|(index, content)| *index == 0 || !content.ends_with('W'))
        .map(|(_, content)| &**content)
        .collect()
}

fn doc(content: &str, version: Version) -> DesiredDoc {
    let hash = ContentHash::from_text(content);
    DesiredDoc { product: product(), version, hash, run: String::new(), provenance: String::new() }
}

fn body(content: &str) -> Body {
    Body::Here(content.as_bytes().to_vec())
}

fn version(record: usize) -> Version {
    Version::from_text(format!("{record:02}"))
}

impl Parts {
    fn lacks(&self, rule: Without) -> bool {
        self.without == Some(rule)
    }

    fn record(&self, index: usize) -> (PartName, DesiredDoc, Body) {
        let content = self.records[index];
        (name_in(content), doc(content, version(index)), body(content))
    }

    fn write_part(&self, world: &mut World, name: &PartName, doc: &DesiredDoc, body: Body) -> bool {
        let mut write = parts::write_part(&key(), name, doc, body);
        if self.lacks(Without::NotNewer) {
            write.condition = Condition::Always;
        }
        let item = world.parts.entry(name.clone()).or_default();
        apply(item, &write)
    }

    /// What follows from the state.
    fn classified(&self, world: &World, index: usize) -> Phase {
        let (name, doc, _) = self.record(index);
        let state = ProductState::of(&world.state);
        // Only the doc can tell whose it is, where the state does not: the writer finds out when
        // its write is refused.
        let known = parts::known(&state, Some(&name), &doc.hash).unwrap_or_default();
        match classify(&known, &doc.version, &doc.hash) {
            Classification::Changed if state.parts.is_some() => Phase::ReadDoc,
            Classification::Changed => Phase::Only,
            Classification::Again | Classification::Stale => Phase::Done,
            Classification::Unchanged if state.parts.is_some() && !self.lacks(Without::NotesOfOne) => Phase::ReadDoc,
            Classification::Unchanged => Phase::NoteDoc,
        }
    }

    fn note(&self, mut write: Write) -> Write {
        if self.lacks(Without::NotesOfOne) {
            without_conditions_on(&mut write.condition, parts::PARTS);
        }
        write
    }

    fn only(&self, world: &mut World, index: usize) -> Phase {
        let (name, doc, body) = self.record(index);
        let mut write = parts::write_only(&key(), &doc, body, &name);
        if self.lacks(Without::Whose) {
            without_conditions_on(&mut write.condition, parts::PARTS);
            without_conditions_on(&mut write.condition, parts::PART);
            write.changes.push(Change::Remove(parts::PARTS));
        }
        if apply(&mut world.doc, &write) { Phase::StateOnly } else { Phase::ReadDoc }
    }

    /// Whose the doc is that was read, and what follows.
    fn looked(&self, writer: &Writer, index: usize) -> Phase {
        let (name, doc, _) = self.record(index);
        let Some(before) = parts::mark_of(&writer.doc) else { return Phase::Only };
        if parts::marks(&writer.doc).is_some() {
            return self.own_or_read(writer);
        }
        let whose = parts::part(&writer.doc).unwrap_or_else(|| name_in(&content_of(&writer.doc)));
        match (whose == name, before.version > doc.version) {
            (true, true) => Phase::Done,
            (true, false) => Phase::Replace,
            (false, _) if self.lacks(Without::Splitting) => self.own_or_read(writer),
            (false, _) => Phase::Split,
        }
    }

    fn own_or_read(&self, writer: &Writer) -> Phase {
        if writer.own || self.lacks(Without::OwnFirst) { Phase::ReadParts } else { Phase::Own }
    }

    fn names(&self, writer: &Writer, index: usize) -> BTreeSet<PartName> {
        let mut names = BTreeSet::from([name_in(self.records[index])]);
        match parts::marks(&writer.doc) {
            Some(marks) => names.extend(marks.into_keys()),
            None => names.extend([parts::part(&writer.doc).unwrap_or_else(|| name_in(&content_of(&writer.doc)))]),
        }
        names
    }

    /// What is put together of the parts that were read.
    fn together(&self, writer: &Writer, index: usize) -> Option<(String, Version, Marks)> {
        let before = parts::mark_of(&writer.doc)?;
        let mut read: BTreeMap<PartName, (String, Mark)> = writer
            .read
            .iter()
            .filter_map(|(name, item)| Some((name.clone(), (content_of(item), parts::mark_of(item)?))))
            .collect();
        if self.lacks(Without::OwnFirst) {
            let (name, doc, _) = self.record(index);
            let newer = read.get(&name).is_some_and(|(_, mark)| mark.version > doc.version);
            if !newer {
                let mark = Mark { version: doc.version, hash: doc.hash };
                read.insert(name, (self.records[index].to_owned(), mark));
            }
        }
        let leading =
            read.values().min_by_key(|(content, _)| (!content.starts_with('u'), content.clone()))?.1.version.clone();
        let content = said_together(read.values().map(|(content, _)| content.clone()));
        let version =
            if self.lacks(Without::Growing) { leading.max(before.version) } else { leading.grown(&before.version) };
        let marks = read.into_iter().map(|(name, (_, mark))| (name, mark)).collect();
        Some((content, version, marks))
    }

    fn step(&self, world: &mut World, index: usize) -> Option<Phase> {
        let (name, own, own_body) = self.record(index);
        let mut writer = world.writers[index].clone();
        let next = match writer.phase {
            Phase::Waiting => self.classified(world, index),
            Phase::NoteDoc => {
                let write = self.note(desired::note_doc(&key(), &own.version, &own.hash));
                if apply(&mut world.doc, &write) { Phase::NoteState } else { Phase::Only }
            }
            Phase::NoteState => {
                let write = self.note(desired::note_state(&key(), &own.version, &own.hash));
                if apply(&mut world.state, &write) { Phase::Done } else { Phase::Only }
            }
            Phase::Only => self.only(world, index),
            Phase::StateOnly => {
                apply(&mut world.state, &parts::write_state_only(&key(), &own, &name, 0));
                Phase::Done
            }
            Phase::ReadDoc => {
                writer.doc = world.doc.clone();
                self.looked(&writer, index)
            }
            Phase::Replace => {
                let before = parts::mark_of(&writer.doc)?;
                let write = parts::replace_only(&key(), &own, own_body, &name, &before);
                if apply(&mut world.doc, &write) { Phase::StateOnly } else { Phase::ReadDoc }
            }
            Phase::Split => self.split(world, &writer)?,
            Phase::Own => {
                let written = self.write_part(world, &name, &own, own_body);
                writer.own = written;
                match (written, self.lacks(Without::OwnFirst)) {
                    (false, false) => Phase::Done,
                    (true, false) => Phase::ReadParts,
                    (_, true) => Phase::StateTogether,
                }
            }
            Phase::ReadParts => {
                let names = self.names(&writer, index);
                writer.read = world.parts.clone();
                writer.read.retain(|name, _| names.contains(name));
                writer.together = self.together(&writer, index);
                Phase::Together
            }
            Phase::Together => self.write_together(world, &mut writer, index)?,
            Phase::StateTogether => {
                let (content, version, marks) = writer.together.clone()?;
                let doc = doc(&content, version);
                if !apply(&mut world.state, &parts::note_state_together(&key(), &doc, &marks)) {
                    apply(&mut world.state, &parts::write_state_together(&key(), &doc, &marks, 0));
                }
                Phase::Done
            }
            Phase::Done => return None,
        };
        writer.phase = next;
        world.writers[index] = if next == Phase::Done { Writer { phase: next, ..Writer::default() } } else { writer };
        Some(next)
    }

    /// What the `doc` holds becomes a part.
    fn split(&self, world: &mut World, writer: &Writer) -> Option<Phase> {
        let before = parts::mark_of(&writer.doc)?;
        let content = content_of(&writer.doc);
        let other = parts::part(&writer.doc).unwrap_or_else(|| name_in(&content));
        self.write_part(world, &other, &doc(&content, before.version), body(&content));
        Some(self.own_or_read(writer))
    }

    /// What all parts say replaces the very `doc` that was read.
    fn write_together(&self, world: &mut World, writer: &mut Writer, index: usize) -> Option<Phase> {
        if self.lacks(Without::DocFirst) {
            // Read once more, after the parts.
            writer.doc = world.doc.clone();
            writer.together = self.together(writer, index);
        }
        let (content, version, marks) = writer.together.clone()?;
        let before = parts::mark_of(&writer.doc)?;
        let mut write = parts::write_together(&key(), &doc(&content, version), Some(body(&content)), &marks, &before);
        if self.lacks(Without::Lock) {
            write.condition = Condition::Always;
        }
        Some(match apply(&mut world.doc, &write) {
            false => Phase::ReadDoc,
            true if self.lacks(Without::OwnFirst) => Phase::Own,
            true => Phase::StateTogether,
        })
    }

    fn newest(&self) -> String {
        let mut newest: BTreeMap<PartName, &str> = BTreeMap::new();
        for content in &self.records {
            newest.insert(name_in(content), content);
        }
        said_together(newest.into_values().map(str::to_owned))
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

/// Takes what a condition demands of an attribute out of it.
fn without_conditions_on(condition: &mut Condition, name: &str) {
    match condition {
        Condition::All(all) | Condition::Any(all) => all.iter_mut().for_each(|one| without_conditions_on(one, name)),
        Condition::Absent(of) | Condition::Eq(of, _) if *of == name => *condition = Condition::Always,
        _ => {}
    }
}

impl Model for Parts {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let mut world = World {
            doc: Item::new(),
            state: Item::new(),
            parts: BTreeMap::new(),
            writers: vec![Writer::default(); self.records.len()],
            crashes: self.crashes,
        };
        if self.before {
            let (_, doc, body) = self.record(0);
            apply(&mut world.doc, &desired::write_doc(&key(), &doc, body));
            apply(&mut world.state, &desired::write_state(&key(), &doc.version, &doc.hash, "", 0));
            world.writers[0].phase = Phase::Done;
        }
        vec![world]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        for (index, writer) in world.writers.iter().enumerate().filter(|(_, writer)| writer.phase != Phase::Done) {
            actions.push(Action::Step(index));
            if world.crashes > 0 && writer.phase != Phase::Waiting {
                actions.push(Action::Dies(index));
            }
        }
    }

    fn next_state(&self, before: &World, action: Action) -> Option<World> {
        let mut world = before.clone();
        match action {
            Action::Step(index) => {
                self.step(&mut world, index)?;
            }
            Action::Dies(index) => {
                world.crashes -= 1;
                world.writers[index] = Writer::default();
            }
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        fn at_rest(world: &World) -> bool {
            world.writers.iter().all(|writer| writer.phase == Phase::Done)
        }
        vec![
            Property::always(TOGETHER, |model: &Self, world: &World| {
                !at_rest(world) || content_of(&world.doc) == model.newest()
            }),
            Property::always(FOLLOWS, |_, world: &World| {
                let same = |name: &str| {
                    world.doc.get(name).and_then(Value::text) == world.state.get(name).and_then(Value::text)
                };
                !at_rest(world) || (same("hash") && same(parts::PARTS))
            }),
            Property::sometimes("a product is of several parts", |_, world: &World| {
                at_rest(world) && parts::marks(&world.doc).is_some_and(|marks| marks.len() > 1)
            }),
        ]
    }
}
