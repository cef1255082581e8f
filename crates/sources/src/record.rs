//! A record as it came, and the paths into it.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use expr::Value;

/// A way to a value: `variants[0].price`, `g:price`, `price@currency`; of CSV the name of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) text: String,
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

impl Path {
    /// A column, and what is in its cell if that holds JSON.
    pub(crate) fn of_column(text: &str, json: &[String]) -> Self {
        let within = json.iter().find_map(|column| {
            let rest = text.strip_prefix(column.as_str())?;
            rest.starts_with(['.', '[']).then_some((column, rest))
        });
        match within {
            None => Self { text: text.to_owned(), steps: vec![Step::Key(text.to_owned())] },
            Some((column, rest)) => {
                let mut steps = vec![Step::Key(column.clone())];
                steps.extend(steps_of(rest));
                Self { text: text.to_owned(), steps }
            }
        }
    }

    /// A path in JSON or XML.
    pub(crate) fn of_tree(text: &str) -> Self {
        Self { text: text.to_owned(), steps: steps_of(text) }
    }

    /// The column or key it begins with.
    pub(crate) fn first(&self) -> Option<&str> {
        match self.steps.first() {
            Some(Step::Key(key)) => Some(key),
            _ => None,
        }
    }

    /// What it leads to from `value`. A key of a list is that of each of its values.
    pub(crate) fn within<'v>(&self, value: &'v Value) -> Cow<'v, Value> {
        walk(value, &self.steps)
    }
}

fn steps_of(text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for part in text.split('.') {
        let (name, indices) = part.split_once('[').map_or((part, ""), |(name, rest)| (name, rest));
        let (name, attribute) = match name.split_once('@') {
            Some((name, attribute)) => (name, Some(format!("@{attribute}"))),
            None => (name, None),
        };
        if !name.is_empty() {
            steps.push(Step::Key(name.to_owned()));
        }
        steps.extend(attribute.map(Step::Key));
        for index in indices.split('[') {
            if let Ok(number) = index.trim_end_matches(']').parse() {
                steps.push(Step::Index(number));
            }
        }
    }
    steps
}

/// What is not there.
const NOTHING: Cow<'static, Value> = Cow::Owned(Value::None);

fn walk<'v>(value: &'v Value, steps: &[Step]) -> Cow<'v, Value> {
    let Some((step, rest)) = steps.split_first() else { return Cow::Borrowed(value) };
    match (value, step) {
        (Value::Object(entries), Step::Key(key)) => entries.get(key).map_or(NOTHING, |value| walk(value, rest)),
        (Value::List(values), Step::Index(index)) => values.get(*index).map_or(NOTHING, |value| walk(value, rest)),
        // What may stand several times and stands once is no list in XML.
        (value, Step::Index(0)) if !value.is_blank() => walk(value, rest),
        (Value::List(values), Step::Key(_)) => {
            let found = values.iter().map(|value| walk(value, steps)).filter(|value| !value.is_blank());
            let found: Vec<Value> = found.map(Cow::into_owned).collect();
            if found.is_empty() { NOTHING } else { Cow::Owned(Value::List(found)) }
        }
        _ => NOTHING,
    }
}

/// The columns of a CSV feed that are read.
#[derive(Debug, Default)]
pub(crate) struct Names {
    by_name: HashMap<String, usize, Quick>,
    by_identifier: HashMap<String, usize, Quick>,
}

/// Names of columns are short, and only those are kept that a mapping names.
type Quick = BuildHasherDefault<Fnv>;

/// The hash of Fowler, Noll and Vo.
#[derive(Debug)]
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

impl Names {
    pub(crate) fn new(names: impl IntoIterator<Item = String>) -> Self {
        let mut all = Self::default();
        for (number, name) in names.into_iter().enumerate() {
            all.by_identifier.entry(expr::identifier(&name)).or_insert(number);
            all.by_name.entry(name).or_insert(number);
        }
        all
    }
}

/// One record.
#[derive(Debug, Clone)]
pub(crate) enum Record {
    /// A row: the cells that are read.
    Cells(Arc<Names>, Vec<Value>),
    /// A document or element, and whether expressions call each of its keys by the key itself.
    Tree(Value, bool),
}

impl Record {
    /// A document or element.
    pub(crate) fn tree(value: Value) -> Self {
        let called_so = match &value {
            Value::Object(entries) => entries.keys().all(|key| with_identifier(key, |identifier| identifier == key)),
            _ => false,
        };
        Self::Tree(value, called_so)
    }

    /// What a path leads to.
    pub(crate) fn get(&self, path: &Path) -> Cow<'_, Value> {
        match self {
            Self::Tree(value, _) => path.within(value),
            Self::Cells(names, cells) => {
                let cell = path.first().and_then(|name| names.by_name.get(name)).and_then(|cell| cells.get(*cell));
                cell.map_or(NOTHING, |cell| walk(cell, &path.steps[1..]))
            }
        }
    }

    /// Whether there is such a column or key, filled or not.
    pub(crate) fn has(&self, path: &Path) -> bool {
        match (self, path.first()) {
            (_, None) => false,
            (Self::Cells(names, _), Some(name)) => names.by_name.contains_key(name),
            (Self::Tree(Value::Object(entries), _), Some(key)) => entries.contains_key(key),
            (Self::Tree(..), Some(_)) => false,
        }
    }

    /// The value that an expression calls by a name.
    pub(crate) fn named(&self, name: &str) -> Cow<'_, Value> {
        match self {
            Self::Cells(names, cells) => {
                names.by_identifier.get(name).and_then(|cell| cells.get(*cell)).map_or(NOTHING, Cow::Borrowed)
            }
            Self::Tree(Value::Object(entries), true) => entries.get(name).map_or(NOTHING, Cow::Borrowed),
            Self::Tree(value, _) => named(value, name),
        }
    }
}

/// Gives the name that expressions call a key by. Working it out costs far more than looking it up,
/// and feeds have few keys.
fn with_identifier<T>(key: &str, of: impl FnOnce(&str) -> T) -> T {
    thread_local! {
        static IDENTIFIERS: RefCell<HashMap<String, String>> = RefCell::new(HashMap::new());
    }
    IDENTIFIERS.with_borrow_mut(|known| {
        if let Some(identifier) = known.get(key) {
            return of(identifier);
        }
        if known.len() > 5_000 {
            known.clear();
        }
        of(known.entry(key.to_owned()).or_insert_with(|| expr::identifier(key)))
    })
}

/// Whether expressions that read `names` read a key.
pub(crate) fn is_called(key: &str, names: &BTreeSet<String>) -> bool {
    !names.is_empty() && with_identifier(key, |identifier| names.contains(identifier))
}

/// Whether expressions may call a key by this name: its letters and digits are those of the name,
/// which may have a `c` before them.
fn may_be_called(key: &str, name: &str) -> bool {
    fn plain(text: &str) -> impl Iterator<Item = u8> {
        text.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase())
    }
    if !key.is_ascii() {
        return true;
    }
    plain(key).eq(plain(name)) || name.strip_prefix('c').is_some_and(|name| plain(key).eq(plain(name)))
}

/// The entry of an object that an expression calls by a name.
pub(crate) fn named<'v>(value: &'v Value, name: &str) -> Cow<'v, Value> {
    let Value::Object(entries) = value else { return NOTHING };
    let found = entries.get(name).or_else(|| {
        let mut entries = entries.iter();
        entries.find_map(|(key, value)| {
            (may_be_called(key, name) && with_identifier(key, |identifier| identifier == name)).then_some(value)
        })
    });
    found.map_or(NOTHING, Cow::Borrowed)
}

/// A value as a text; what an element with attributes says. `None` for lists and objects, and for
/// what is blank.
pub(crate) fn text(value: &Value) -> Option<String> {
    shown(value).map(Cow::into_owned)
}

/// The same, without a copy where the value is a text.
pub(crate) fn shown(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Text(text) => Some(Cow::Borrowed(trimmed(text))).filter(|text| !text.is_empty()),
        Value::Object(entries) => entries.get("#text").and_then(shown),
        Value::List(values) if values.len() == 1 => shown(&values[0]),
        other => other.text().map(Cow::Owned),
    }
}

/// A text without blanks around it.
pub(crate) fn trimmed(text: &str) -> &str {
    match (text.as_bytes().first(), text.as_bytes().last()) {
        // Most have none.
        (Some(first), Some(last)) if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ => text.trim(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_into_trees() {
        let json = serde_json::json!({"a": {"b": [{"c": "1"}, {"c": "2"}]}, "p": {"@currency": "EUR", "#text": "9"}, "one": {"x": "y"}});
        let record = Record::tree(Value::from(&json));
        let get = |path: &str| text(&record.get(&Path::of_tree(path)));
        assert_eq!(get("a.b[1].c").as_deref(), Some("2"));
        assert_eq!(get("p").as_deref(), Some("9"));
        assert_eq!(get("p@currency").as_deref(), Some("EUR"));
        assert_eq!(get("one[0].x").as_deref(), Some("y"));
        assert_eq!(get("a.x.y"), None);
        let Value::List(all) = record.get(&Path::of_tree("a.b.c")).into_owned() else { panic!("a list") };
        assert_eq!(all.len(), 2);
    }

    #[test]
    fn keys_are_called_as_columns_are() {
        let keys = [
            "continue",
            "default",
            "product_id",
            "availability",
            "a_",
            "Availability",
            "1_availability",
            "a b",
            "new",
            "2nd",
            "Größe",
            "price (net)",
            "_x_",
            "A-B!c",
            "if",
            "é1",
            "",
            "9",
            "cab",
        ];
        for key in keys {
            let name = expr::identifier(key);
            assert!(may_be_called(key, &name), "{key:?} is called {name:?}");
            let object = Value::Object([(key.to_owned(), Value::Bool(true))].into());
            assert_eq!(*named(&object, &name), Value::Bool(true), "{key:?} is called {name:?}");
            assert_eq!(*named(&object, "other"), Value::None);
            let record = Record::tree(object);
            assert_eq!(*record.named(&name), Value::Bool(true), "{key:?} is called {name:?}");
            assert_eq!(*record.named("other"), Value::None);
        }
    }

    #[test]
    fn a_column_is_its_name_whatever_stands_in_it() {
        let names = Arc::new(Names::new(["Price (net.)".to_owned(), "facts".to_owned()]));
        let facts = Value::from(&serde_json::json!([{"name": "x"}]));
        let row = Record::Cells(names, vec![Value::Text("9".into()), facts]);
        let json = ["facts".to_owned()];
        assert_eq!(text(&row.get(&Path::of_column("Price (net.)", &json))).as_deref(), Some("9"));
        assert_eq!(text(&row.get(&Path::of_column("facts[0].name", &json))).as_deref(), Some("x"));
        assert_eq!(text(&row.named("price_net")).as_deref(), Some("9"));
    }
}
