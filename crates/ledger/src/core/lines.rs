//! Declared parts: what a file of lines (stock, prices) says of products that another file brings ([`catalog::line`]).
//!
//! | item | what it is |
//! |---|---|
//! | `K#<source>#<kind>#<value>`, `line#<part>` | all that a part has said by an identifier; one read decides that a line says nothing new |
//! | the same, `at#<product id>` | a product that has the identifier, or once had it: its `doc` decides |
//!
//! - **A line** is written first, on condition that its item is as it was read, then laid over each product that has the identifier. Products are read `doc` first, then
//!   parts, then lines; what they say together replaces that very `doc`, as for any part ([`super::parts`]).
//! - **A product** writes its `at` items, reads its lines, writes its `doc`, and then reads the lines of identifiers that are new to it once more. So of a line and a
//!   product that come at one time either the line finds the product or the product finds the line.
//! - **A line that finds no product waits**: it is listed under [`shard`] and expires, unless its part says it again; the product takes it out.
//! - `doc` and `state` say of which parts the lines are in them ([`LINES`]): a product that was written under another declaration is written anew by its next record.

use std::collections::{BTreeMap, BTreeSet};

use catalog::line::Statement;
use catalog::{IdKind, Identifier, Line, PartName, Product, ProductKey, Version};
use serde::{Deserialize, Serialize};

use super::expression::{Change, Condition, Item, ItemKey, Operand, Value, Write};
use super::{parts, state};

/// On `doc` and `state`: the declaration by which lines were laid over the product, as JSON.
pub const LINES: &str = "lines";
/// The leading part of a source whose products are no storefront's.
pub const MAIN: &str = "main";
/// Days after which a line that waits is forgotten.
pub const WAITS_DAYS: i64 = 30;
/// Lines that may wait in one shard.
pub const WAITING_IN_SHARD: usize = 12_500;

const SAYS: &str = "says";
const PROVENANCE: &str = "provenance";
const WAITS_SINCE: &str = "waits_since";
const EXPIRES_AT: &str = "expires_at";
const LINE: &str = "line#";
const AT: &str = "at#";

/// The parts of a source whose lines are laid over its products.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declared {
    /// By what each knows products.
    #[serde(rename = "by")]
    pub parts: BTreeMap<PartName, IdKind>,
    /// The one that owns the stock: the figure is as old as its line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stock: Option<PartName>,
}

impl Declared {
    /// What an item was written under.
    #[must_use]
    pub fn of(item: &Item) -> Option<Self> {
        item.get(LINES).and_then(Value::text).and_then(|json| serde_json::from_str(json).ok())
    }

    /// As it is kept.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|error| unreachable!("plain texts: {error}"))
    }

    /// By what products are known at all.
    #[must_use]
    pub fn kinds(&self) -> BTreeSet<IdKind> {
        self.parts.values().copied().collect()
    }

    /// The lines that may speak of a product with these identifiers.
    pub fn lines_of<'d>(
        &'d self,
        known: &'d BTreeSet<Identifier>,
    ) -> impl Iterator<Item = (&'d PartName, &'d Identifier)> {
        let of = move |(part, kind): (&'d PartName, &'d IdKind)| {
            known.iter().filter(move |about| about.kind == *kind).map(move |about| (part, about))
        };
        self.parts.iter().flat_map(of)
    }
}

/// The name under which runs of a part are registered: what one part repeats says nothing of another.
#[must_use]
pub fn register(source: &str, part: Option<&PartName>) -> String {
    part.map_or_else(|| source.to_owned(), |part| format!("{source}/{part}"))
}

/// What is known of an identifier.
#[must_use]
pub fn partition(source: &str, about: &Identifier) -> String {
    format!("K#{source}#{}#{}", about.kind, about.value)
}

/// The item of what a part said.
#[must_use]
pub fn line_key(source: &str, part: &PartName, about: &Identifier) -> ItemKey {
    ItemKey { pk: partition(source, about), sk: format!("{LINE}{part}") }
}

/// The identifier and part of a line's item, with its source.
#[must_use]
pub fn line_of(key: &ItemKey) -> Option<(String, PartName, Identifier)> {
    let part = key.sk.strip_prefix(LINE)?;
    let mut rest = key.pk.strip_prefix("K#")?.splitn(3, '#');
    let (source, kind, value) = (rest.next()?, IdKind::named(rest.next()?)?, rest.next()?);
    Some((source.to_owned(), PartName::from_text(part), Identifier { kind, value: value.to_owned() }))
}

/// The product that an item of [`partition`] names.
#[must_use]
pub fn holder(source: &str, sk: &str) -> Option<ProductKey> {
    ProductKey::new(source, sk.strip_prefix(AT)?).ok()
}

/// Notes that a product has an identifier.
#[must_use]
pub fn note_at(key: &ProductKey, about: &Identifier) -> Write {
    Write {
        key: ItemKey { pk: partition(key.source(), about), sk: format!("{AT}{}", key.id()) },
        condition: Condition::Always,
        changes: vec![Change::Set("kind", about.kind.as_str().into())],
    }
}

/// All that a part has said by an identifier.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// What.
    pub statement: Statement,
    /// As it is stored: the lock of the next write.
    says: Option<String>,
    /// Since when (ms) it waits for a product.
    pub waits_since: Option<i64>,
    /// When (ms) it is forgotten, of one that waits.
    pub expires_ms: i64,
    /// The run that brought the newest line.
    pub run: String,
    /// Where that stood, for people.
    pub provenance: String,
}

impl Kept {
    /// Reads an item. What cannot be read was never said.
    #[must_use]
    pub fn of(item: &Item) -> Self {
        let text = |name: &str| item.get(name).and_then(Value::text).map(str::to_owned);
        let says = text(SAYS);
        let provenance = text(PROVENANCE).unwrap_or_default();
        let statement: Statement = says.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
        Self {
            statement: statement.placed(&provenance),
            says,
            waits_since: item.get(WAITS_SINCE).and_then(Value::number),
            expires_ms: item.get(EXPIRES_AT).and_then(Value::number).unwrap_or_default().saturating_mul(1_000),
            run: text(state::RUN).unwrap_or_default(),
            provenance,
        }
    }

    /// The same, as if it had been written to say this.
    #[must_use]
    pub fn saying(&self, says: Statement) -> Self {
        Self { statement: says, says: Some(self.says.clone().unwrap_or_default()), ..self.clone() }
    }

    /// Whether it says all that a line says.
    #[must_use]
    pub fn says(&self, line: &Line) -> bool {
        line.says.iter().all(|(field, said)| self.statement.0.get(field).is_some_and(|known| known.said == *said))
    }

    /// Whether there is anything.
    #[must_use]
    pub const fn is_there(&self) -> bool {
        self.says.is_some()
    }
}

/// What a line means, given what its part has said before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Means {
    /// Something new: what is said then.
    Changed(Statement),
    /// This very line was written before; whoever did may have died before it was laid over its product.
    Again,
    /// The same, said later; noted in strict passes only.
    Unchanged(Statement),
    /// Older than what is known of each of its fields.
    Stale,
}

/// Classifies a line.
#[must_use]
pub fn classify(kept: &Kept, line: &Line, version: &Version) -> Means {
    let known = &kept.statement;
    let merged = known.merged(line, version);
    if !kept.is_there() || !merged.says_what(known) {
        return Means::Changed(merged);
    }
    let spoken = || line.says.keys().filter_map(|field| known.0.get(field));
    if spoken().any(|field| field.version == *version) {
        return Means::Again;
    }
    if merged == *known && !line.says.is_empty() { Means::Stale } else { Means::Unchanged(merged) }
}

/// Where a line came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The feed run.
    pub run: String,
    /// Object, record and place.
    pub provenance: String,
}

/// Writes what a part says by now, if it still says what was read. `waits`: no product has the identifier, as of now (ms).
#[must_use]
pub fn write_line(key: ItemKey, kept: &Kept, says: &Statement, origin: &Origin, waits: Option<i64>) -> Write {
    let says = says.clone().placed(&origin.provenance).unplaced(&origin.provenance);
    let json = serde_json::to_string(&says).unwrap_or_else(|error| unreachable!("a plain map: {error}"));
    let mut changes = vec![
        Change::Set(SAYS, json.into()),
        Change::Set(state::RUN, origin.run.as_str().into()),
        Change::Set(PROVENANCE, origin.provenance.as_str().into()),
    ];
    if let Some(now) = waits {
        changes.extend(waiting(&key, kept, now));
    }
    Write { key, condition: still(kept), changes }
}

/// Lets a line wait, or wait on.
#[must_use]
pub fn wait(key: ItemKey, kept: &Kept, now: i64) -> Write {
    let changes = waiting(&key, kept, now);
    let as_read = match kept.waits_since {
        // A product may have ended its waiting meanwhile, which leaves what it says as it is.
        Some(since) => Condition::Eq(WAITS_SINCE, Operand::Value(since.into())),
        None => Condition::Absent(WAITS_SINCE),
    };
    Write { key, condition: Condition::All(vec![still(kept), as_read]), changes }
}

fn waiting(key: &ItemKey, kept: &Kept, now: i64) -> Vec<Change> {
    let since = kept.waits_since.unwrap_or(now);
    vec![
        Change::Set(WAITS_SINCE, since.into()),
        Change::Set(EXPIRES_AT, (now / 1000 + WAITS_DAYS * 86_400).into()),
        Change::Set(state::PENDING_SHARD, shard(key).into()),
        Change::Set(state::PENDING_SINCE, since.into()),
    ]
}

/// Ends a line's waiting: a product has it. Whatever the line says by then.
#[must_use]
pub fn end_wait(key: ItemKey) -> Write {
    let gone = [WAITS_SINCE, EXPIRES_AT, state::PENDING_SHARD, state::PENDING_SINCE];
    Write { key, condition: Condition::Present(SAYS), changes: gone.map(Change::Remove).into() }
}

fn still(kept: &Kept) -> Condition {
    match &kept.says {
        None => Condition::Absent(SAYS),
        Some(says) => Condition::Eq(SAYS, Operand::Value(says.as_str().into())),
    }
}

/// How many shards there are of lines that wait.
pub const SHARDS: u8 = 8;

/// The partition of the sparse index that lists a line that waits.
#[must_use]
pub fn shard(key: &ItemKey) -> String {
    let hash = key
        .pk
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("waits{}", hash % u64::from(SHARDS))
}

/// All of them.
pub fn shards() -> impl Iterator<Item = String> {
    (0..SHARDS).map(|shard| format!("waits{shard}"))
}

/// Says of each variant how old its figure is, where a part owns the stock: one of which no line speaks has the leading part's.
pub fn date_figures(product: &mut Product, declared: &Declared, leads: Option<&Version>) {
    if declared.stock.is_none() {
        product.stock_said.clear();
    } else if let Some(leads) = leads {
        for variant in &product.variants {
            product.stock_said.entry(variant.sku.clone()).or_insert_with(|| leads.clone());
        }
    }
}

/// A write of a `doc` or `state` of several parts, with the declaration by which lines are in it.
#[must_use]
pub fn under(mut write: Write, declared: &Declared) -> Write {
    write.changes.push(Change::Set(LINES, declared.text().into()));
    write
}

/// The first `doc` of a product: nobody has written one.
#[must_use]
pub fn first(mut write: Write) -> Write {
    write.condition = Condition::All(vec![Condition::Absent(state::VERSION), Condition::Absent(parts::PARTS)]);
    write
}

#[cfg(test)]
mod tests {
    use catalog::line::{Field, Said};

    use super::*;

    fn line(pieces: i32) -> Line {
        let about = Identifier::new(IdKind::Sku, "K#1").unwrap();
        Line { about, says: BTreeMap::from([(Field::Stock, Said::Pieces(pieces))]) }
    }

    fn version(at: u64) -> Version {
        Version::new(at, "00", 0)
    }

    fn origin() -> Origin {
        Origin { run: "r".into(), provenance: "s3://feeds/stock.csv record 0 at byte 0".into() }
    }

    fn key() -> ItemKey {
        line_key("acme", &PartName::from_text("stock"), &line(1).about)
    }

    fn written(item: &Item, pieces: i32, at: u64, waits: Option<i64>) -> Result<Item, Item> {
        let kept = Kept::of(item);
        let says = kept.statement.merged(&line(pieces), &version(at));
        write_line(key(), &kept, &says, &origin(), waits).apply(item)
    }

    #[test]
    fn a_line_is_new_known_repeated_or_late() {
        let item = written(&Item::new(), 5, 2, None).unwrap();
        let means = |pieces, at| classify(&Kept::of(&item), &line(pieces), &version(at));
        assert!(matches!(classify(&Kept::default(), &line(5), &version(2)), Means::Changed(_)));
        assert!(matches!(means(6, 3), Means::Changed(_)));
        assert_eq!(means(5, 2), Means::Again);
        assert!(matches!(means(5, 3), Means::Unchanged(_)));
        assert_eq!((means(5, 1), means(9, 1)), (Means::Stale, Means::Stale));
        // A part whose line says nothing has still been heard.
        let silent = Line { says: BTreeMap::new(), ..line(1) };
        assert!(matches!(classify(&Kept::of(&item), &silent, &version(9)), Means::Unchanged(_)));
    }

    #[test]
    fn who_wrote_meanwhile_refuses_the_write() {
        let item = written(&Item::new(), 5, 2, None).unwrap();
        let stale = Kept::default();
        let says = stale.statement.merged(&line(4), &version(1));
        assert!(write_line(key(), &stale, &says, &origin(), None).apply(&item).is_err());
    }

    #[test]
    fn a_line_waits_from_its_first_time_expires_and_is_settled() {
        let item = written(&Item::new(), 5, 2, Some(1_000)).unwrap();
        let item = written(&item, 6, 3, Some(9_000)).unwrap();
        let kept = Kept::of(&item);
        assert_eq!((kept.waits_since, item[state::PENDING_SINCE].number()), (Some(1_000), Some(1_000)));
        assert_eq!(item[EXPIRES_AT].number(), Some(9 + WAITS_DAYS * 86_400));
        assert!(shards().any(|shard| item[state::PENDING_SHARD].text() == Some(&shard)));
        let ended = end_wait(key()).apply(&item).unwrap();
        assert_eq!(Kept::of(&ended).waits_since, None);
        assert!(!ended.contains_key(EXPIRES_AT) && !ended.contains_key(state::PENDING_SHARD));
        assert_eq!(Kept::of(&ended).statement, kept.statement);
        assert!(end_wait(key()).apply(&Item::new()).is_err(), "makes no item");
        assert!(wait(key(), &kept, 10_000).apply(&ended).is_err(), "what a product has does not expire");
        assert!(wait(key(), &Kept::of(&ended), 10_000).apply(&ended).is_ok(), "unless it has it no more");
    }

    #[test]
    fn each_field_says_where_its_newest_line_stood() {
        let price = || Field::Price("EUR".into());
        let says = |fields: &[(Field, Said)]| Line { says: fields.iter().cloned().collect(), ..line(1) };
        let mut item = Item::new();
        for (at, place, line) in [
            (1, "a record 0", says(&[(Field::Stock, Said::Pieces(5)), (price(), Said::Amount(4.into(), None))])),
            (2, "b record 7", says(&[(Field::Stock, Said::Pieces(6))])),
        ] {
            let kept = Kept::of(&item);
            let origin = Origin { provenance: place.into(), ..origin() };
            item = write_line(key(), &kept, &kept.statement.merged(&line, &version(at)), &origin, None)
                .apply(&item)
                .unwrap();
        }
        let kept = Kept::of(&item);
        let from = |field: &Field| kept.statement.0[field].from.as_str();
        assert_eq!((from(&Field::Stock), from(&price())), ("b record 7", "a record 0"));
        assert!(!item[SAYS].text().unwrap().contains("b record 7"), "it stands once");
    }

    #[test]
    fn keys_are_read_back_whatever_is_in_an_identifier() {
        let (source, part, about) = line_of(&key()).unwrap();
        assert_eq!((source.as_str(), part.as_str(), about), ("acme", "stock", line(1).about));
        let product = ProductKey::new("acme", "a#b").unwrap();
        assert_eq!(holder("acme", &note_at(&product, &line(1).about).key.sk), Some(product));
        assert_eq!((holder("acme", "line#stock"), register("acme", None)), (None, "acme".to_owned()));
    }

    #[test]
    fn lines_are_looked_for_by_what_their_part_goes_by() {
        let name = PartName::from_text;
        let declared = Declared {
            parts: BTreeMap::from([(name("stock"), IdKind::Sku), (name("prices"), IdKind::Id)]),
            stock: Some(name("stock")),
        };
        let known = [(IdKind::Id, "1"), (IdKind::Sku, "a"), (IdKind::Sku, "b")];
        let known = known.into_iter().map(|(kind, value)| Identifier::new(kind, value).unwrap()).collect();
        let lines: Vec<String> = declared.lines_of(&known).map(|(part, about)| format!("{part}: {about}")).collect();
        assert_eq!(lines, ["prices: id 1", "stock: sku a", "stock: sku b"]);
        let item = Item::from([(LINES.to_owned(), declared.text().into())]);
        assert_eq!(Declared::of(&item), Some(declared));
    }
}
