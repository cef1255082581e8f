//! Lines of declared parts that come while their product comes: every writer dies, is late or is faster than the other.
//!
//! Writes and decisions are the ledger's (`ledger::core::lines`, `core::parts`, `catalog::line`); their order is that of its shell. The product has one variant, which
//! its second record may call by another SKU; what it says besides is its name. A part says how many pieces there are.

use std::collections::BTreeMap;

use catalog::line::{Field, Said, Statement, overlaid};
use catalog::{ContentHash, IdKind, Identifier, Line, PartName, Product, ProductKey, Variant, Version};
use ledger::DesiredDoc;
use ledger::core::desired::Body;
use ledger::core::lines::{self, Declared, Kept, Means, Origin};
use ledger::core::parts::{self, Mark, Marks};
use ledger::core::{Condition, Item, Write};
use stateright::{Model, Property};

/// At rest a product has what the newest line of its SKU says.
pub const LAID: &str = "at rest a product has what its newest record and the newest line of its SKU say";
/// At rest the state follows the doc.
pub const FOLLOWS: &str = "at rest the state is that of the doc";
/// What a product has is not forgotten.
pub const KEPT: &str = "at rest a line waits and expires where no product has its SKU, and nowhere else";

/// A rule that is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Without {
    /// A line replaces a newer one.
    NewestLine,
    /// A line is written whatever is there.
    LineLock,
    /// A line looks for its product before it is written.
    LineFirst,
    /// A product is noted once it has read its lines for the last time.
    NotedFirst,
    /// A product does not read the lines of new identifiers once more.
    ReadAgain,
    /// A doc replaces whatever is there.
    DocLock,
    /// A line that is delivered again is known, and nothing follows.
    AgainIsLaid,
    /// A line that waits looks no more for its product.
    LookAgain,
    /// A product does not end the waiting of its lines.
    Settled,
    /// A line waits on whatever happened meanwhile.
    WaitLock,
    /// A doc that says it all is left as it is.
    WrittenAnyway,
}

/// The rules, each to be taken out in turn.
pub const RULES: [Without; 11] = [
    Without::NewestLine,
    Without::LineLock,
    Without::LineFirst,
    Without::NotedFirst,
    Without::ReadAgain,
    Without::DocLock,
    Without::AgainIsLaid,
    Without::LookAgain,
    Without::Settled,
    Without::WaitLock,
    Without::WrittenAnyway,
];

/// What is brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brought {
    /// A record: the name, and the SKU.
    Record(&'static str, &'static str),
    /// A line: the SKU, and the pieces; none where it takes back what was said.
    Line(&'static str, Option<i32>),
    /// The line that is known, said again long after: it waits on if it waits.
    Repeated(&'static str),
}

/// A configuration of the model.
#[derive(Clone, Debug)]
pub struct Lines {
    /// In the order of their versions.
    pub brought: Vec<Brought>,
    /// So many of them have been brought already.
    pub before: usize,
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
    part: Item,
    /// Lines by SKU.
    lines: BTreeMap<&'static str, Item>,
    /// SKUs that the product is noted at.
    noted: Vec<&'static str>,
    writers: Vec<Writer>,
    crashes: u8,
}

/// Who brings something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Writer {
    phase: Phase,
    /// The line, the doc, the part and the lines as they were read.
    kept: Item,
    doc: Item,
    part: Item,
    read: BTreeMap<&'static str, Item>,
    /// What it writes.
    made: Option<(String, ContentHash, Version, Marks)>,
    /// It has let its line wait.
    waited: bool,
    /// Its line looked for a product before it was written, and found one.
    found: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
enum Phase {
    #[default]
    Waiting,
    WriteLine,
    WaitOn,
    Holders,
    Part,
    ReadDoc,
    Note,
    ReadLines,
    Follow,
    Doc,
    Again,
    State,
    LetWait,
    Wait,
    Done,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A writer does its next step.
    Step(usize),
    /// A writer dies; what it brings is delivered again.
    Dies(usize),
}

fn key() -> ProductKey {
    ProductKey::new("demo", "1").unwrap_or_else(|error| unreachable!("{error}"))
}

fn stock() -> PartName {
    PartName::from_text("stock")
}

fn main_part() -> PartName {
    PartName::from_text(lines::MAIN)
}

fn declared() -> Declared {
    Declared { parts: BTreeMap::from([(stock(), IdKind::Sku)]), stock: Some(stock()) }
}

fn about(sku: &str) -> Identifier {
    Identifier { kind: IdKind::Sku, value: sku.to_owned() }
}

fn origin() -> Origin {
    Origin { run: String::new(), provenance: String::new() }
}

fn version(index: usize) -> Version {
    Version::from_text(format!("{index:02}"))
}

/// What a product says, in a word: name, SKU, pieces.
fn product(content: &str) -> Product {
    let mut words = content.split(' ');
    let mut word = || words.next().unwrap_or_default().to_owned();
    let (name, sku, pieces) = (word(), word(), word());
    let price = catalog::Price { currency: "EUR".to_owned(), amount: 1.into(), list_amount: None };
    let variant = Variant {
        title: sku.clone(),
        sku,
        options: Vec::new(),
        prices: vec![price],
        stock: pieces.parse().unwrap_or(0),
        images: Vec::new(),
        facts: None,
    };
    let json = r#"{"source":"demo","id":"1","name":{},"variants":[]}"#;
    let mut product: Product = serde_json::from_str(json).unwrap_or_else(|error| unreachable!("{error}"));
    product.variants = vec![variant];
    product.name.0.insert("en".to_owned(), name);
    product
}

fn content(product: &Product) -> String {
    let variant = product.variants.first();
    let (sku, stock) = variant.map(|variant| (variant.sku.as_str(), variant.stock)).unwrap_or_default();
    format!("{} {sku} {stock}", product.name.get("en").unwrap_or_default())
}

fn content_of(item: &Item) -> String {
    match Body::of(item) {
        Some(Body::Here(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
        _ => String::new(),
    }
}

fn doc_of(content: &str, version: Version) -> DesiredDoc {
    let hash = ContentHash::from_text(content);
    DesiredDoc { product: product(content), version, hash, run: String::new(), provenance: String::new() }
}

fn body(content: &str) -> Body {
    Body::Here(content.as_bytes().to_vec())
}

fn says(sku: &str, pieces: Option<i32>) -> Line {
    let said = pieces.map_or(Said::Deleted, Said::Pieces);
    Line { about: about(sku), says: BTreeMap::from([(Field::Stock, said)]) }
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

impl Lines {
    fn lacks(&self, rule: Without) -> bool {
        self.without == Some(rule)
    }

    fn sku(&self, index: usize) -> &'static str {
        match self.brought[index] {
            Brought::Record(_, sku) | Brought::Line(sku, _) | Brought::Repeated(sku) => sku,
        }
    }

    fn said(&self, statement: &Statement, line: &Line, index: usize) -> Statement {
        if self.lacks(Without::NewestLine) {
            return Statement::default().merged(line, &version(index));
        }
        statement.merged(line, &version(index))
    }

    /// What a line means, and what follows.
    fn classified(&self, writer: &Writer, index: usize) -> Phase {
        let Brought::Line(sku, pieces) = self.brought[index] else { return Phase::Done };
        match lines::classify(&Kept::of(&writer.kept), &says(sku, pieces), &version(index)) {
            Means::Changed(_) | Means::Unchanged(_) => Phase::WriteLine,
            Means::Stale if self.lacks(Without::NewestLine) => Phase::WriteLine,
            Means::Stale => Phase::Done,
            Means::Again if self.lacks(Without::AgainIsLaid) => Phase::Done,
            Means::Again => Phase::Holders,
        }
    }

    fn key_of(sku: &str) -> ledger::core::ItemKey {
        lines::line_key("demo", &stock(), &about(sku))
    }

    /// What is put together of what was read.
    fn together(writer: &Writer) -> Option<(String, ContentHash, Version, Marks)> {
        let of_part = parts::mark_of(&writer.part)?;
        let base = product(&content_of(&writer.part));
        let kept: Vec<(PartName, Identifier, Kept)> =
            writer.read.iter().map(|(sku, item)| (stock(), about(sku), Kept::of(item))).collect();
        let made = overlaid(&base, kept.iter().map(|(part, about, kept)| (part, about, &kept.statement)));
        let of_stock = kept.iter().filter_map(|(.., kept)| kept.statement.newest()).max();
        let version = of_stock.unwrap_or(&of_part.version).clone();
        let version = parts::mark_of(&writer.doc).map_or(version.clone(), |mark| version.grown(&mark.version));
        let content = content(&made);
        let marks = Marks::from([(main_part(), Mark { version: of_part.version, hash: of_part.hash })]);
        Some((content.clone(), ContentHash::from_text(content), version, marks))
    }

    fn step(&self, world: &mut World, index: usize) -> Option<()> {
        let mut writer = world.writers[index].clone();
        let sku = self.sku(index);
        let next = match writer.phase {
            Phase::Waiting => self.begin(world, &mut writer, index),
            Phase::WriteLine => self.write_line(world, &writer, index)?,
            Phase::WaitOn => {
                let mut write = lines::wait(Self::key_of(sku), &Kept::of(&writer.kept), 2);
                if self.lacks(Without::WaitLock) {
                    write.condition = Condition::Always;
                }
                apply(world.lines.entry(sku).or_default(), &write);
                Phase::Done
            }
            Phase::Holders => {
                let found = if self.lacks(Without::LineFirst) { writer.found } else { world.noted.contains(&sku) };
                match found {
                    true => Phase::ReadDoc,
                    false if writer.waited => Phase::Done,
                    false => Phase::LetWait,
                }
            }
            Phase::LetWait => {
                writer.kept = world.lines.get(sku).cloned().unwrap_or_default();
                let kept = Kept::of(&writer.kept);
                if kept.is_there() && kept.waits_since.is_none() { Phase::Wait } else { self.looks_again(&mut writer) }
            }
            Phase::Wait => {
                let write = lines::wait(Self::key_of(sku), &Kept::of(&writer.kept), 1);
                apply(world.lines.entry(sku).or_default(), &write);
                self.looks_again(&mut writer)
            }
            Phase::Part => self.write_part(world, index)?,
            Phase::ReadDoc => self.read_doc(world, &mut writer, index),
            Phase::Note => {
                Self::note(world, &writer);
                Phase::ReadLines
            }
            Phase::ReadLines => self.read_lines(world, &mut writer)?,
            Phase::Follow => {
                self.end_wait(world, sku_read(&writer)?, writer.read.values().next()?);
                let hash = |item: &Item| parts::mark_of(item).map(|mark| mark.hash);
                if hash(&world.state) == hash(&writer.doc) { Phase::Done } else { Phase::State }
            }
            Phase::Doc => self.write_doc(world, &writer)?,
            Phase::Again => self.read_again(world, &writer)?,
            Phase::State => self.write_state(world, &writer)?,
            Phase::Done => return None,
        };
        writer.phase = next;
        let ended = next == Phase::Done;
        world.writers[index] = if ended { Writer { phase: next, ..Writer::default() } } else { writer };
        Some(())
    }

    fn begin(&self, world: &World, writer: &mut Writer, index: usize) -> Phase {
        let sku = self.sku(index);
        match self.brought[index] {
            Brought::Record(..) => Phase::Part,
            Brought::Line(..) => {
                writer.kept = world.lines.get(sku).cloned().unwrap_or_default();
                writer.found = world.noted.contains(&sku);
                self.classified(writer, index)
            }
            Brought::Repeated(_) => {
                writer.kept = world.lines.get(sku).cloned().unwrap_or_default();
                if Kept::of(&writer.kept).waits_since.is_some() { Phase::WaitOn } else { Phase::Done }
            }
        }
    }

    fn write_line(&self, world: &mut World, writer: &Writer, index: usize) -> Option<Phase> {
        let Brought::Line(sku, pieces) = self.brought[index] else { return None };
        let kept = Kept::of(&writer.kept);
        let waits = kept.waits_since.is_some() || (!kept.is_there() && !world.noted.contains(&sku));
        let says = self.said(&kept.statement, &says(sku, pieces), index);
        let mut write = lines::write_line(Self::key_of(sku), &kept, &says, &origin(), waits.then_some(1));
        if self.lacks(Without::LineLock) {
            write.condition = Condition::Always;
        }
        Some(if apply(world.lines.entry(sku).or_default(), &write) { Phase::Holders } else { Phase::Waiting })
    }

    fn write_part(&self, world: &mut World, index: usize) -> Option<Phase> {
        let Brought::Record(name, sku) = self.brought[index] else { return None };
        let content = format!("{name} {sku} 0");
        let write = parts::write_part(&key(), &main_part(), &doc_of(&content, version(index)), body(&content));
        Some(if apply(&mut world.part, &write) { Phase::ReadDoc } else { Phase::Done })
    }

    fn read_doc(&self, world: &World, writer: &mut Writer, index: usize) -> Phase {
        writer.doc = world.doc.clone();
        writer.part = world.part.clone();
        let is_line = matches!(self.brought[index], Brought::Line(..));
        let has_it = || product(&content_of(&writer.part)).variants[0].sku == self.sku(index);
        // No product yet, or one that has another SKU by now.
        if is_line && (parts::mark_of(&writer.doc).is_none() || !has_it()) {
            return self.not_there(writer);
        }
        if self.lacks(Without::NotedFirst) { Phase::ReadLines } else { Phase::Note }
    }

    fn read_lines(&self, world: &World, writer: &mut Writer) -> Option<Phase> {
        let sku = Self::sku_of(writer)?;
        writer.read = BTreeMap::from([(sku, world.lines.get(sku).cloned().unwrap_or_default())]);
        let (content, hash, version, marks) = Self::together(writer)?;
        let known = parts::mark_of(&writer.doc).filter(|mark| mark.hash == hash);
        let known = known.filter(|_| parts::marks(&writer.doc).as_ref() == Some(&marks));
        let says_it_all = known.is_some();
        let version = known.filter(|_| self.lacks(Without::WrittenAnyway)).map_or(version, |mark| mark.version);
        writer.made = Some((content, hash, version, marks));
        Some(if says_it_all && self.lacks(Without::WrittenAnyway) { Phase::Follow } else { Phase::Doc })
    }

    fn write_doc(&self, world: &mut World, writer: &Writer) -> Option<Phase> {
        let (content, _, version, marks) = writer.made.clone()?;
        let doc = doc_of(&content, version);
        let mut write = match parts::mark_of(&writer.doc) {
            Some(mark) => parts::write_together(&key(), &doc, Some(body(&content)), &marks, &mark),
            None => {
                let mark = Mark { version: doc.version.clone(), hash: doc.hash.clone() };
                lines::first(parts::write_together(&key(), &doc, Some(body(&content)), &marks, &mark))
            }
        };
        if self.lacks(Without::DocLock) {
            write.condition = Condition::Always;
        }
        Some(match apply(&mut world.doc, &lines::under(write, &declared())) {
            true => Phase::Again,
            false => Phase::ReadDoc,
        })
    }

    /// The lines of identifiers that are new to the product, once more.
    fn read_again(&self, world: &mut World, writer: &Writer) -> Option<Phase> {
        let sku = Self::sku_of(writer)?;
        let before = product(&content_of(&writer.doc)).variants.first().map(|one| one.sku.clone());
        let fresh = before.as_deref() != Some(sku);
        let now = world.lines.get(sku).cloned().unwrap_or_default();
        let then = writer.read.get(sku).cloned().unwrap_or_default();
        let same = Kept::of(&now).statement == Kept::of(&then).statement;
        if fresh && !same && !self.lacks(Without::ReadAgain) {
            return Some(Phase::ReadDoc);
        }
        // Of those that it has had, what was read tells whether it waits.
        let seen = if fresh && !self.lacks(Without::ReadAgain) { &now } else { &then };
        self.end_wait(world, sku, seen);
        Some(Phase::State)
    }

    fn write_state(&self, world: &mut World, writer: &Writer) -> Option<Phase> {
        let (content, _, version, marks) = writer.made.clone()?;
        let write = parts::write_state_together(&key(), &doc_of(&content, version), &marks, 0);
        apply(&mut world.state, &lines::under(write, &declared()));
        if self.lacks(Without::NotedFirst) {
            Self::note(world, writer);
        }
        Some(Phase::Done)
    }

    /// A line that has found its product waits no longer.
    fn end_wait(&self, world: &mut World, sku: &'static str, seen: &Item) {
        if !self.lacks(Without::Settled) && Kept::of(seen).waits_since.is_some() {
            apply(world.lines.entry(sku).or_default(), &lines::end_wait(Self::key_of(sku)));
        }
    }

    fn looks_again(&self, writer: &mut Writer) -> Phase {
        writer.waited = true;
        if self.lacks(Without::LookAgain) { Phase::Done } else { Phase::Holders }
    }

    fn not_there(&self, writer: &Writer) -> Phase {
        if writer.waited { Phase::Done } else { Phase::LetWait }
    }

    /// The SKU of the product that was read.
    fn sku_of(writer: &Writer) -> Option<&'static str> {
        let sku = product(&content_of(&writer.part)).variants.first()?.sku.clone();
        ["K", "L"].into_iter().find(|known| **known == *sku)
    }

    fn note(world: &mut World, writer: &Writer) {
        let Some(sku) = Self::sku_of(writer) else { return };
        if !world.noted.contains(&sku) {
            world.noted.push(sku);
            world.noted.sort_unstable();
        }
    }

    /// What the newest record and the newest line of its SKU say.
    fn newest(&self) -> Option<String> {
        let (name, sku) = self.brought.iter().rev().find_map(|one| match one {
            Brought::Record(name, sku) => Some((name, sku)),
            _ => None,
        })?;
        let pieces = self.brought.iter().rev().find_map(|one| match one {
            Brought::Line(about, pieces) if about == sku => Some(pieces.unwrap_or(0)),
            _ => None,
        });
        Some(format!("{name} {sku} {}", pieces.unwrap_or(0)))
    }
}

fn sku_read(writer: &Writer) -> Option<&'static str> {
    writer.read.keys().next().copied()
}

fn at_rest(world: &World) -> bool {
    world.writers.iter().all(|writer| writer.phase == Phase::Done)
}

impl Model for Lines {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let mut world = World {
            doc: Item::new(),
            state: Item::new(),
            part: Item::new(),
            lines: BTreeMap::new(),
            noted: Vec::new(),
            writers: vec![Writer::default(); self.brought.len()],
            crashes: self.crashes,
        };
        for index in 0..self.before {
            while self.step(&mut world, index).is_some() {}
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
            Action::Step(index) => self.step(&mut world, index)?,
            Action::Dies(index) => {
                world.crashes -= 1;
                world.writers[index] = Writer::default();
            }
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(LAID, |model: &Self, world: &World| {
                !at_rest(world) || model.newest().is_none_or(|newest| content_of(&world.doc) == newest)
            }),
            Property::always(FOLLOWS, |_, world: &World| {
                let hash = |item: &Item| parts::mark_of(item).map(|mark| mark.hash);
                !at_rest(world) || hash(&world.doc) == hash(&world.state)
            }),
            Property::always(KEPT, |_, world: &World| {
                let has = product(&content_of(&world.doc)).variants[0].sku.clone();
                let right = |(sku, item): (&&'static str, &Item)| {
                    let kept = Kept::of(item);
                    // One that its product had and has no more waits once its part says it again.
                    !kept.is_there()
                        || (**sku == has) == kept.waits_since.is_none()
                        || (**sku != has && world.noted.contains(sku))
                };
                !at_rest(world) || world.lines.iter().all(right)
            }),
            Property::sometimes("a line is laid over a product", |_, world: &World| {
                at_rest(world) && world.lines.values().any(|item| Kept::of(item).is_there()) && !world.doc.is_empty()
            }),
        ]
    }
}
