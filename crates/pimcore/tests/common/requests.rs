//! The shapes of GraphQL requests: what is left of them without the values.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test binary uses a part")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use apollo_compiler::ast::{Definition, Document, Field, Selection, Value as Literal};
use serde_json::Value;

pub use testing::record::record;

/// One field of an operation's root: what it is called with and what it is asked for.
#[derive(Debug, Clone)]
pub struct Call {
    /// The name in the answer.
    pub alias: String,
    field: String,
    arguments: BTreeMap<String, String>,
    filter: Option<Value>,
    input: Option<Value>,
    selection: BTreeSet<String>,
}

/// A part of a call that the other side has to know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// A field with all its arguments.
    Call { field: String, arguments: BTreeMap<String, String> },
    /// What a listing is filtered by.
    Filter(String),
    /// A field of the answer.
    Selected { below: String, path: String },
    /// A field of an input object, with the kind of its value.
    Input { class: &'static str, path: String },
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call { field, arguments } => {
                let arguments: Vec<String> = arguments.iter().map(|(name, value)| format!("{name}:{value}")).collect();
                write!(f, "{field}({})", arguments.join(" "))
            }
            Self::Filter(text) => write!(f, "filter {text}"),
            Self::Selected { below, path } => write!(f, "{below} → {path}"),
            Self::Input { class, path } => write!(f, "input of {class}: {path}"),
        }
    }
}

/// Who was seen with a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seen {
    /// This class.
    Itself,
    /// The same kind of field or filter of another class, or the same kind of value in another
    /// field.
    Kin,
    /// Nobody.
    Never,
}

fn kind(value: Option<&Value>) -> &'static str {
    match value {
        None => "absent",
        Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "bool",
        Some(Value::Number(number)) if number.is_f64() => "float",
        Some(Value::Number(_)) => "int",
        Some(Value::String(_)) => "string",
        Some(Value::Array(_)) => "list",
        Some(Value::Object(_)) => "object",
    }
}

/// `categories[].id:int`, `images.items.CatalogImage:empty`, …
fn leaves(value: &Value, at: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                leaves(value, &path, found);
            }
        }
        Value::Array(items) if items.is_empty() => drop(found.insert(format!("{at}:empty"))),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, &format!("{at}[]"), found)),
        other => drop(found.insert(format!("{at}:{}", kind(Some(other))))),
    }
}

/// A filter without its values; of a list, each kind of element once.
fn filter_shape(filter: &Value) -> String {
    match filter {
        Value::Object(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(name, value)| format!("{name}={}", filter_shape(value))).collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => {
            let shapes: BTreeSet<String> = items.iter().map(filter_shape).collect();
            format!("[{}]", shapes.into_iter().collect::<Vec<_>>().join(","))
        }
        other => kind(Some(other)).to_owned(),
    }
}

impl Call {
    /// The calls of a request's only operation; none if it cannot be parsed or has several.
    pub fn all(body: &Value) -> Vec<Self> {
        let Ok(document) = Document::parse(body["query"].as_str().unwrap_or_default(), "request") else {
            return vec![];
        };
        let [Definition::OperationDefinition(operation)] = &document.definitions[..] else { return vec![] };
        let types: BTreeMap<&str, String> =
            operation.variables.iter().map(|variable| (variable.name.as_str(), variable.ty.to_string())).collect();
        let root = operation.selection_set.iter();
        root.filter_map(|selection| match selection {
            Selection::Field(field) => Some(Self::of(field, &types, &body["variables"])),
            _ => None,
        })
        .collect()
    }

    fn of(field: &Field, types: &BTreeMap<&str, String>, variables: &Value) -> Self {
        let mut call = Self {
            alias: field.alias.as_ref().unwrap_or(&field.name).to_string(),
            field: field.name.to_string(),
            arguments: BTreeMap::new(),
            filter: None,
            input: None,
            selection: BTreeSet::new(),
        };
        for argument in &field.arguments {
            let shape = match argument.value.as_ref() {
                Literal::Variable(name) => {
                    let value = variables.get(name.as_str());
                    match argument.name.as_str() {
                        "input" => call.input = value.cloned(),
                        "filter" => call.filter = value.and_then(|text| serde_json::from_str(text.as_str()?).ok()),
                        _ => {}
                    }
                    format!("{}={}", types[name.as_str()], kind(value))
                }
                Literal::Int(_) => "literal int".to_owned(),
                // Without the line breaks that lists are printed with.
                literal => literal.to_string().replace(['\n', ' '], "").replace(",]", "]"),
            };
            call.arguments.insert(argument.name.to_string(), shape);
        }
        call.select(&field.selection_set, "");
        call
    }

    fn select(&mut self, set: &[Selection], at: &str) {
        for selection in set {
            match selection {
                Selection::Field(field) => {
                    let arguments: Vec<String> = field
                        .arguments
                        .iter()
                        .map(|argument| format!("{}:{}", argument.name, argument.value))
                        .collect();
                    let arguments =
                        if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(" ")) };
                    let path = format!("{at}{}{arguments}", field.name);
                    if field.selection_set.is_empty() {
                        self.selection.insert(path);
                    } else {
                        self.select(&field.selection_set, &format!("{path}/"));
                    }
                }
                Selection::InlineFragment(fragment) => {
                    // What a class offers does not depend on the way to it.
                    let class = fragment.type_condition.as_ref().map(ToString::to_string).unwrap_or_default();
                    self.selection.insert(format!("{at}…"));
                    self.select(&fragment.selection_set, &format!("{class}/"));
                }
                Selection::FragmentSpread(_) => {}
            }
        }
    }

    /// What the other side has to know to answer.
    pub fn shapes(&self) -> BTreeSet<Shape> {
        let mut shapes = BTreeSet::new();
        shapes.insert(Shape::Call { field: self.field.clone(), arguments: self.arguments.clone() });
        shapes.extend(self.filter.as_ref().map(|filter| Shape::Filter(filter_shape(filter))));
        for path in &self.selection {
            let of_class = path.starts_with("object_") || path.starts_with("fieldcollection_");
            let below = if of_class { String::new() } else { class_of(&self.field).to_owned() };
            shapes.insert(Shape::Selected { below, path: path.clone() });
        }
        let mut found = BTreeSet::new();
        leaves(self.input.as_ref().unwrap_or(&Value::Null), "", &mut found);
        let class = class_of(&self.field);
        shapes.extend(found.into_iter().filter(|path| path != ":null").map(|path| Shape::Input { class, path }));
        shapes
    }
}

/// What a root field is about: mutations of one class answer alike and take the same input.
fn class_of(field: &str) -> &'static str {
    match field {
        "getCatalogProductListing" => "products",
        "getCatalogCategoryListing" => "categories",
        "createCatalogProduct" | "updateCatalogProduct" => "product",
        "createCatalogCategory" | "updateCatalogCategory" => "category",
        "getProductListing" | "getCategoryListing" => "listing",
        "createProduct" | "updateProduct" | "createCategory" | "updateCategory" => "mutation",
        "getObjectFolder" => "folder",
        _ => "other",
    }
}

/// The same without the class.
fn kin_of(shape: &Shape) -> Shape {
    let plain = |text: &str| text.replace("Catalog", "").replace("Product", "X").replace("Category", "X");
    match shape {
        Shape::Call { field, arguments } => Shape::Call {
            field: plain(field),
            arguments: arguments.iter().map(|(name, value)| (name.clone(), plain(value))).collect(),
        },
        Shape::Filter(text) => Shape::Filter(text.clone()),
        Shape::Selected { path, .. } => Shape::Selected { below: String::new(), path: plain(path) },
        Shape::Input { path, .. } => {
            // Another field in the same kind of place: of the object itself, of a language, of a
            // row.
            let (at, kind) = path.rsplit_once(':').unwrap_or((path, ""));
            let place = if at.contains("[]") {
                "row"
            } else if at.contains('.') {
                "part"
            } else {
                "object"
            };
            Shape::Input { class: "", path: format!("{place}:{kind}") }
        }
    }
}

/// What was recorded.
#[derive(Debug, Default)]
pub struct Recorded {
    pub calls: BTreeSet<Shape>,
    kin: BTreeSet<Shape>,
    pub headers: BTreeSet<String>,
}

impl Recorded {
    /// Whether this shape was answered, by its own class or by another.
    pub fn sees(&self, shape: &Shape, others: &Self) -> Seen {
        let kin = kin_of(shape);
        match shape {
            _ if self.calls.contains(shape) => Seen::Itself,
            _ if self.kin.contains(&kin) || others.kin.contains(&kin) => Seen::Kin,
            _ => Seen::Never,
        }
    }
}

/// The shapes of all recorded requests that were answered as they were meant: a mutation with
/// success, a query with data.
pub fn recorded(folder: &Path) -> Recorded {
    let mut found = Recorded::default();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let exchange: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let (request, response) = (&exchange["request"], &exchange["response"]);
        let Some(data) = response["body"]["data"].as_object() else { continue };
        let headers = request["headers"].as_object().into_iter().flatten();
        found.headers.extend(headers.map(|(name, _)| name.to_lowercase()));
        for call in Call::all(&request["body"]) {
            let answered = match data.get(&call.alias) {
                None | Some(Value::Null) => false,
                Some(answer) if answer.get("success").is_some() => {
                    answer["success"] == true && !answer["output"].is_null()
                }
                Some(answer) => answer.get("edges").is_none_or(Value::is_array),
            };
            if answered {
                let shapes = call.shapes();
                found.kin.extend(shapes.iter().map(kin_of));
                found.calls.extend(shapes);
            }
        }
    }
    found
}
