//! The queries: how objects, listings and the results of mutations look through GraphQL.

use crate::app::Request;
use crate::latency::Cost;
use crate::listing::Listing;
use crate::model::{CATEGORY, Class, Collection, Field, Kind, column};
use crate::mutate::{self, Outcome, Verb};
use crate::store::{self, Object};
use crate::text;
use apollo_compiler::resolvers::{FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use serde_json::{Map, Value};
use std::time::Instant;

/// The one message that Data Hub has for everything that it does not explain.
pub const INTERNAL: &str = "Internal server error";

type Resolved<'a> = Result<ResolvedValue<'a>, FieldError>;

pub(crate) fn error(message: impl Into<String>) -> FieldError {
    FieldError { message: message.into() }
}

pub(crate) fn database(failure: rusqlite::Error) -> FieldError {
    tracing::error!(error = %failure, "stand-in: the database failed");
    error(INTERNAL)
}

/// The arguments of a field as plain JSON.
pub(crate) fn arguments(info: &ResolveInfo<'_>) -> Map<String, Value> {
    match serde_json::to_value(info.arguments()) {
        Ok(Value::Object(arguments)) => arguments,
        _ => Map::new(),
    }
}

/// The root of a query or of a mutation.
pub struct Root<'r, 'a> {
    pub request: &'r Request<'a>,
    /// `Query` or `Mutations`.
    pub type_name: &'static str,
}

impl ObjectValue for Root<'_, '_> {
    fn type_name(&self) -> &str {
        self.type_name
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        if self.request.fatal.get() {
            return Err(error(INTERNAL));
        }
        let arguments = arguments(info);
        if let Some(language) = arguments.get("defaultLanguage").and_then(Value::as_str) {
            self.request.language.replace(language.to_owned());
        }
        let name = info.field_name();
        for (prefix, verb) in [("create", Verb::Create), ("update", Verb::Update), ("delete", Verb::Delete)] {
            if let Some(class) = name.strip_prefix(prefix).and_then(Class::named) {
                return match mutate::run(self.request, verb, class, &arguments) {
                    Outcome::Died => Err(error(INTERNAL)),
                    outcome => {
                        let input = arguments.get("input").and_then(Value::as_object);
                        let written = input.into_iter().flatten().map(|(name, _)| name.clone()).collect();
                        Ok(ResolvedValue::object(Done { request: self.request, verb, class, outcome, written }))
                    }
                };
            }
        }
        if name == "getObjectFolder" {
            return self.folder(&arguments);
        }
        let Some(rest) = name.strip_prefix("get") else { return Err(self.unknown_field_error(info)) };
        if let Some(class) = rest.strip_suffix("Listing").and_then(Class::named) {
            let listing = Listing::new(self.request, class, &arguments).map_err(|reason| error(reason.to_string()))?;
            return Ok(ResolvedValue::object(listing));
        }
        match Class::named(rest) {
            Some(class) => self.object(class, &arguments),
            None => Err(self.unknown_field_error(info)),
        }
    }
}

impl Root<'_, '_> {
    fn find(&self, arguments: &Map<String, Value>) -> Result<Option<Object>, FieldError> {
        let id = arguments.get("id").and_then(Value::as_i64);
        let path = arguments.get("fullpath").and_then(Value::as_str);
        self.request
            .read(|connection| match (id, path) {
                (Some(id), _) => store::by_id(connection, id),
                (None, Some(path)) => store::by_path(connection, path),
                (None, None) => Ok(None),
            })
            .map_err(database)
    }

    fn allowed(&self, object: &Object) -> Result<bool, FieldError> {
        self.request.read(|connection| self.request.app.allowed(connection, &object.fullpath())).map_err(database)
    }

    fn object<'a>(&'a self, class: &'static Class, arguments: &Map<String, Value>) -> Resolved<'a> {
        let found = self.find(arguments)?.filter(|object| object.class.is_some_and(|own| own.name == class.name));
        match found {
            Some(object) if self.allowed(&object)? => {
                self.request.pay(Cost::Rows(1), Instant::now());
                Ok(ResolvedValue::object(Node::new(self.request, object)))
            }
            Some(_) => Err(error("permission denied. check your workspace settings")),
            None => Err(error(match (arguments.get("id"), arguments.get("fullpath")) {
                (Some(Value::Number(id)), _) => format!("object with id:'{id}' not found"),
                (_, Some(Value::String(path))) => format!("object with fullpath:'{path}' not found"),
                _ => "object id or fullpath expected".to_owned(),
            })),
        }
    }

    fn folder<'a>(&'a self, arguments: &Map<String, Value>) -> Resolved<'a> {
        match self.find(arguments)?.filter(|object| object.class.is_none()) {
            Some(object) if self.allowed(&object)? => Ok(ResolvedValue::object(Node::new(self.request, object))),
            _ => Ok(ResolvedValue::null()),
        }
    }
}

/// The result of a mutation.
struct Done<'r, 'a> {
    request: &'r Request<'a>,
    verb: Verb,
    class: &'static Class,
    outcome: Outcome,
    /// The members of the input.
    written: Vec<String>,
}

impl ObjectValue for Done<'_, '_> {
    fn type_name(&self) -> &str {
        match (self.verb, self.class.name == CATEGORY.name) {
            (Verb::Create, true) => "CreateCatalogCategoryResult",
            (Verb::Create, false) => "CreateCatalogProductResult",
            (Verb::Update, true) => "UpdateCatalogCategoryResult",
            (Verb::Update, false) => "UpdateCatalogProductResult",
            (Verb::Delete, true) => "DeleteCatalogCategoryResult",
            (Verb::Delete, false) => "DeleteCatalogProductResult",
        }
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        match (info.field_name(), &self.outcome) {
            ("success", outcome) => Ok(ResolvedValue::leaf(matches!(outcome, Outcome::Done(..)))),
            ("message", Outcome::Done(message, _)) => Ok(ResolvedValue::leaf(message.as_str())),
            ("message", Outcome::Refused(refusal)) => Ok(ResolvedValue::leaf(refusal.to_string())),
            ("output", Outcome::Done(_, Some(id))) => {
                let object = self.request.read(|connection| store::by_id(connection, *id)).map_err(database)?;
                match object.filter(|object| object.class.is_some_and(|own| own.name == self.class.name)) {
                    Some(object) => {
                        Ok(ResolvedValue::object(Node { request: self.request, object, written: self.written.clone() }))
                    }
                    // The class is checked here, after everything has been written.
                    None => Err(error(format!("object with id:'{id}' not found"))),
                }
            }
            ("output", _) => Ok(ResolvedValue::object(Nothing { class: self.class })),
            _ => Err(self.unknown_field_error(info)),
        }
    }
}

/// The `output` of a mutation that was refused: an object of nulls, and noise where Data Hub trips
/// over them.
struct Nothing {
    class: &'static Class,
}

impl ObjectValue for Nothing {
    fn type_name(&self) -> &str {
        type_name(Some(self.class))
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let relation = self.class.field(info.field_name()).is_some_and(|field| matches!(field.kind, Kind::Categories));
        match info.field_name() {
            "version" | "objectType" => Err(error(INTERNAL)),
            _ if relation => Err(error(INTERNAL)),
            _ => Ok(ResolvedValue::null()),
        }
    }
}

fn type_name(class: Option<&Class>) -> &'static str {
    match class {
        None => "object_folder",
        Some(class) if class.name == CATEGORY.name => "object_CatalogCategory",
        Some(_) => "object_CatalogProduct",
    }
}

/// A data object or a folder.
pub struct Node<'r, 'a> {
    pub(crate) request: &'r Request<'a>,
    pub(crate) object: Object,
    /// Fields that the mutation has just set, whose result this is: their empty lists are lists,
    /// and not null.
    pub(crate) written: Vec<String>,
}

impl<'r, 'a> Node<'r, 'a> {
    /// An object as it is read.
    pub(crate) fn new(request: &'r Request<'a>, object: Object) -> Self {
        Self { request, object, written: Vec::new() }
    }
}

impl ObjectValue for Node<'_, '_> {
    fn type_name(&self) -> &str {
        type_name(self.object.class)
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        let object = &self.object;
        if let Some(field) = object.class.and_then(|class| class.field(info.field_name())) {
            return self.field(field, info);
        }
        Ok(match info.field_name() {
            "id" => ResolvedValue::leaf(object.id.to_string()),
            "key" => ResolvedValue::leaf(object.key.as_str()),
            "fullpath" => ResolvedValue::leaf(object.fullpath()),
            "published" => ResolvedValue::leaf(object.published),
            "creationDate" => ResolvedValue::leaf(object.created),
            "modificationDate" => ResolvedValue::leaf(object.modified),
            "version" => ResolvedValue::leaf(object.version.map_or(Value::Null, Value::from)),
            "objectType" => ResolvedValue::leaf(if object.class.is_some() { "object" } else { "folder" }),
            "classname" => ResolvedValue::leaf(object.class.map_or(Value::Null, |class| Value::from(class.name))),
            "index" => ResolvedValue::leaf(0),
            "childrenSortBy" | "properties" | "tags" => ResolvedValue::null(),
            "parent" => {
                let parent =
                    self.request.read(|connection| store::by_id(connection, object.parent)).map_err(database)?;
                ResolvedValue::nullable_object(
                    parent.filter(|parent| parent.id != 1).map(|object| Node::new(self.request, object)),
                )
            }
            "children" => self.nodes(object.id, None)?,
            "_siblings" => self.nodes(object.parent, Some(object.id))?,
            _ => return Err(self.unknown_field_error(info)),
        })
    }
}

impl Node<'_, '_> {
    fn field<'a>(&'a self, field: &'static Field, info: &ResolveInfo<'_>) -> Resolved<'a> {
        let name = if field.localized {
            let wanted = info.arguments().get("language").and_then(|language| language.as_str());
            column(field.name, wanted.unwrap_or(&self.request.language.borrow()))
        } else {
            field.name.to_owned()
        };
        let value = self.object.value(&name);
        Ok(match (field.kind, value) {
            (Kind::Datetime, Value::Number(seconds)) => {
                let shown = seconds.as_i64().and_then(text::show_datetime);
                ResolvedValue::leaf(shown.map_or(Value::Null, Value::from))
            }
            (Kind::Select, Value::Null) => ResolvedValue::leaf(""),
            (Kind::Categories, _) => self.categories(&name)?,
            (Kind::Rows(collection), Value::Array(rows)) if !rows.is_empty() => {
                ResolvedValue::list(rows.iter().map(move |row| ResolvedValue::object(Cells { collection, row })))
            }
            (Kind::Rows(_), _) if self.written.iter().any(|written| written == field.name) => {
                ResolvedValue::list(std::iter::empty())
            }
            (Kind::Rows(_), _) => ResolvedValue::null(),
            (_, value) => ResolvedValue::leaf(value.clone()),
        })
    }

    /// Related categories; unpublished ones are passed over, and an empty list is null.
    fn categories(&self, column: &str) -> Result<ResolvedValue<'_>, FieldError> {
        let found = self
            .request
            .read(|connection| {
                self.object
                    .related(column)
                    .into_iter()
                    .filter_map(|id| store::by_id(connection, id).transpose())
                    .collect::<rusqlite::Result<Vec<_>>>()
            })
            .map_err(database)?;
        let nodes: Vec<_> = found
            .into_iter()
            .filter(|category| category.published)
            .map(|object| ResolvedValue::object(Node::new(self.request, object)))
            .collect();
        Ok(if nodes.is_empty() { ResolvedValue::null() } else { ResolvedValue::list(nodes) })
    }

    fn nodes(&self, parent: i64, without: Option<i64>) -> Result<ResolvedValue<'_>, FieldError> {
        let found = self
            .request
            .read(|connection| {
                store::children(connection, parent)?
                    .into_iter()
                    .filter(|id| Some(*id) != without)
                    .filter_map(|id| store::by_id(connection, id).transpose())
                    .collect::<rusqlite::Result<Vec<_>>>()
            })
            .map_err(database)?;
        let nodes = found.into_iter().filter(|object| object.published);
        Ok(ResolvedValue::list(
            nodes.map(|object| ResolvedValue::object(Node::new(self.request, object))).collect::<Vec<_>>(),
        ))
    }
}

/// A row of a field collection.
struct Cells<'v> {
    collection: &'static Collection,
    row: &'v Value,
}

impl ObjectValue for Cells<'_> {
    fn type_name(&self) -> &str {
        match self.collection.name {
            "CatalogImage" => "fieldcollection_CatalogImage",
            "CatalogAttribute" => "fieldcollection_CatalogAttribute",
            "CatalogVariant" => "fieldcollection_CatalogVariant",
            "CatalogFact" => "fieldcollection_CatalogFact",
            _ => "fieldcollection_CatalogPrice",
        }
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Resolved<'a> {
        Ok(ResolvedValue::leaf(self.row.get(info.field_name()).cloned().unwrap_or(Value::Null)))
    }
}
