//! What a person does in the PIM: edit, publish, unpublish, delete, or save a draft.
//!
//! A person may change every field: the forms of the real PIM only hide the editing of source fields, and imports bypass
//! the forms. The rules for values are those of the pipeline, and rich text is sanitised.

use crate::app::App;
use crate::input;
use crate::model::{Field, Kind, Layer, column};
use crate::refusal::Refusal;
use crate::store::{self, Object};
use crate::text;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Names an element.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// By number.
    Id(i64),
    /// By full path.
    Path(String),
}

impl Target {
    fn find(&self, connection: &Connection) -> rusqlite::Result<Option<Object>> {
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

/// Changes fields and saves, or keeps the changes as a draft that GraphQL does not show.
///
/// `set` has fields by name: localized ones as `{"en": …}`, categories as paths, rows as lists; and `published`, `key`.
pub fn edit(app: &App, target: &Target, set: &Map<String, Value>, draft: bool) -> Result<Value, Refusal> {
    app.store.transaction(|connection| {
        let before = target.find(connection)?.ok_or(Refusal::Unknown("update"))?;
        if draft {
            connection.execute(
                "REPLACE INTO drafts (object, made, changes) VALUES (?1, ?2, ?3)",
                params![before.id, (app.clock)(), Value::Object(set.clone()).to_string()],
            )?;
            return Ok(view(connection, &before)?);
        }
        let mut object = before.clone();
        input::apply(connection, &mut object, &as_input(&before, set), |_| true)?;
        if object.key.is_empty() {
            return Err(Refusal::NoKey);
        }
        if store::id_at(connection, &object.path, &object.key)?.is_some_and(|other| other != object.id) {
            return Err(Refusal::DuplicatePath(object.fullpath()));
        }
        if let Some(class) = object.class {
            input::validate(&object, class, false)?;
        }
        object.modified = (app.clock)();
        object.version = Some(store::new_version(connection)?);
        store::update(connection, &before, &object)?;
        connection.execute("DELETE FROM drafts WHERE object = ?1", params![object.id])?;
        Ok(view(connection, &object)?)
    })
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

/// An element as people see it: the system part, then one object per layer. Unpublished categories are listed too.
pub fn view(connection: &Connection, object: &Object) -> rusqlite::Result<Value> {
    let mut layers = [Map::new(), Map::new()];
    for field in object.class.map_or(&[][..], |class| class.fields) {
        let layer = usize::from(field.layer == Layer::Enrichment);
        layers[layer].insert(field.name.to_owned(), field_view(connection, object, field)?);
    }
    let [source, enrichment] = layers;
    let draft: Option<String> = connection
        .query_row("SELECT changes FROM drafts WHERE object = ?1", params![object.id], |row| row.get(0))
        .optional()?;
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
        "draft": draft.and_then(|changes| serde_json::from_str::<Value>(&changes).ok()),
    }))
}

fn field_view(connection: &Connection, object: &Object, field: &Field) -> rusqlite::Result<Value> {
    if field.localized {
        let languages = crate::model::LANGUAGES.into_iter();
        let values =
            languages.map(|language| (language.to_owned(), object.value(&column(field.name, language)).clone()));
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
