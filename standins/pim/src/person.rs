//! What a person does in the PIM: edit, publish, unpublish, delete, or save a draft.
//!
//! A person may change every field: the forms of the real PIM only hide the editing of source
//! fields, and imports bypass the forms. The rules for values are those of the pipeline, and rich
//! text is sanitised.

use crate::app::App;
use crate::input;
use crate::model::{Field, Kind, Layer, column};
use crate::refusal::Refusal;
use crate::store::{self, Object};
use crate::text;
use crate::versions::{self, Version};
use rusqlite::Connection;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Names an element.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    Id(i64),
    Path(String),
}

impl Target {
    pub(crate) fn find(&self, connection: &Connection) -> rusqlite::Result<Option<Object>> {
        match self {
            Self::Id(id) => store::by_id(connection, *id),
            Self::Path(path) => store::by_path(connection, path),
        }
    }
}

/// Reads an element with both layers.
pub fn read(app: &App, target: &Target) -> rusqlite::Result<Option<Value>> {
    app.store.read(|connection| match target.find(connection)? {
        Some(object) => view(connection, &object).map(Some),
        None => Ok(None),
    })
}

/// The person of the pages and of `/_standin/`.
pub const SOMEBODY: i64 = 2;

/// What a person does with the changes in an editor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Save: a draft of a published object, a save of an unpublished one.
    Version,
    /// The editor saves a draft by itself.
    AutoSave,
    Publish,
    Unpublish,
}

/// Changes fields and saves, or keeps the changes as a draft that GraphQL does not show.
///
/// `set` has fields by name: localized ones as `{"en": …}`, categories as paths, rows as lists; and
/// `published`, `key`.
pub fn edit(app: &App, target: &Target, set: &Map<String, Value>, draft: bool) -> Result<Value, Refusal> {
    app.store.transaction(|connection| {
        let before = target.find(connection)?.ok_or(Refusal::Unknown("update"))?;
        let mut object = before.clone();
        input::apply(connection, &mut object, &as_input(&before, set), |_| true)?;
        if draft {
            hold(app, connection, SOMEBODY, &before, object, set, false)?;
            return Ok(view(connection, &before)?);
        }
        Ok(view(connection, &keep(app, connection, SOMEBODY, &before, object)?)?)
    })
}

/// What an editor does: it starts from the draft that it offers, if there is one.
pub fn in_editor(app: &App, person: i64, id: i64, set: &Map<String, Value>, task: Task) -> Result<(), Refusal> {
    app.store.transaction(|connection| {
        let before = store::by_id(connection, id)?.ok_or(Refusal::Unknown("update"))?;
        let offered = versions::offered(connection, &before, Some(person))?;
        let from_draft = offered.is_some();
        let mut object = before.clone();
        object.values = offered.map_or(object.values, |version| version.values);
        input::apply(connection, &mut object, &as_input(&before, set), |_| true)?;
        let draft = task == Task::AutoSave || (task == Task::Version && before.published);
        if draft {
            hold(app, connection, person, &before, object, set, task == Task::AutoSave)?;
        } else {
            match task {
                Task::Publish => object.published = true,
                Task::Unpublish => object.published = false,
                Task::Version | Task::AutoSave => {}
            }
            if from_draft && app.settings.bundle {
                versions::keep_suppliers(&mut object, &before);
            }
            keep(app, connection, person, &before, object)?;
        }
        if matches!(task, Task::Publish | Task::Version) {
            versions::forget_autosaves(connection, id, person)?;
        }
        Ok(())
    })
}

/// Keeps an object's values as somebody's draft.
fn hold(
    app: &App,
    connection: &Connection,
    person: i64,
    before: &Object,
    object: Object,
    changes: &Map<String, Value>,
    autosave: bool,
) -> Result<(), Refusal> {
    let count = versions::count(connection, before)? + 1;
    let (date, note) = ((app.clock)(), String::new());
    let (values, changes) = (object.values, changes.clone());
    versions::hold(
        connection,
        &Version { id: 0, object: before.id, count, date, person, autosave, note, values, changes },
    )?;
    Ok(())
}

/// A person's save of a whole object, with the version that it leaves.
pub(crate) fn keep(
    app: &App,
    connection: &Connection,
    person: i64,
    before: &Object,
    mut object: Object,
) -> Result<Object, Refusal> {
    if object.key.is_empty() {
        return Err(Refusal::NoKey);
    }
    if store::id_at(connection, &object.path, &object.key)?.is_some_and(|other| other != object.id) {
        return Err(Refusal::DuplicatePath(object.fullpath()));
    }
    if let Some(class) = object.class {
        input::validate(&object, class, false)?;
    }
    object.modified = versions::stamp(app, before);
    object.version = Some(store::new_version(connection)?);
    object.version_count = versions::count(connection, before)? + 1;
    store::update(connection, before, &object)?;
    let (values, changes, note) = (object.values.clone(), Map::new(), String::new());
    let (count, date) = (object.version_count, object.modified);
    versions::hold(
        connection,
        &Version { id: 0, object: object.id, count, date, person, autosave: false, note, values, changes },
    )?;
    Ok(object)
}

/// Deletes an element with everything below it.
pub fn delete(app: &App, target: &Target) -> Result<(), Refusal> {
    app.store.transaction(|connection| {
        let object = target.find(connection)?.ok_or(Refusal::Unknown("delete"))?;
        if object.class.is_none() {
            return Err(Refusal::Denied);
        }
        Ok(store::delete(connection, &object)?)
    })
}

/// What a person sends, in the shape of a mutation's input.
fn as_input(object: &Object, set: &Map<String, Value>) -> Map<String, Value> {
    set.iter()
        .map(|(name, value)| {
            let field = object.class.and_then(|class| class.field(name));
            let value = match (field.map(|field| field.kind), value) {
                (Some(Kind::Categories), Value::Array(items)) => items
                    .iter()
                    .map(|item| match item {
                        Value::String(path) => json!({ "fullpath": path }),
                        Value::Number(id) => json!({ "id": id }),
                        other => other.clone(),
                    })
                    .collect(),
                (Some(Kind::Rows(rows)), Value::Array(items)) => {
                    json!({ "replace": true, "items": { rows.name: items } })
                }
                (_, other) => other.clone(),
            };
            (name.clone(), value)
        })
        .collect()
}

/// An element as people see it: the system part, then one object per layer. Unpublished categories
/// are listed too.
pub fn view(connection: &Connection, object: &Object) -> rusqlite::Result<Value> {
    let mut layers = [Map::new(), Map::new()];
    for field in object.class.map_or(&[][..], |class| class.fields) {
        let layer = usize::from(field.layer == Layer::Enrichment);
        layers[layer].insert(field.name.to_owned(), field_view(connection, object, field)?);
    }
    let [source, enrichment] = layers;
    let draft = versions::offered(connection, object, Some(SOMEBODY))?.map(|version| Value::Object(version.changes));
    Ok(json!({
        "id": object.id,
        "class": object.class.map(|class| class.name),
        "key": object.key,
        "fullpath": object.fullpath(),
        "published": object.published,
        "creationDate": object.created,
        "modificationDate": object.modified,
        "source": source,
        "enrichment": enrichment,
        "draft": draft,
    }))
}

fn field_view(connection: &Connection, object: &Object, field: &Field) -> rusqlite::Result<Value> {
    if field.localized {
        let languages = crate::model::languages().iter();
        let values =
            languages.map(|language| ((*language).to_owned(), object.value(&column(field.name, language)).clone()));
        return Ok(Value::Object(values.collect()));
    }
    Ok(match (field.kind, object.value(field.name)) {
        (Kind::Categories, _) => {
            let mut paths = Vec::new();
            for id in object.related(field.name) {
                paths.extend(store::by_id(connection, id)?.map(|category| category.fullpath()));
            }
            Value::from(paths)
        }
        (Kind::Rows(_), Value::Null) => Value::Array(Vec::new()),
        (Kind::Datetime, Value::Number(seconds)) => {
            seconds.as_i64().and_then(text::show_datetime).map_or(Value::Null, Value::from)
        }
        (_, value) => value.clone(),
    })
}
