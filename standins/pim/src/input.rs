//! Puts the `input` of a mutation into an object, and checks the result before it is saved.

use crate::model::{Class, Collection, Field, Kind, Layer, column, languages};
use crate::refusal::Refusal;
use crate::store::{self, Object};
use crate::text;
use rusqlite::Connection;
use serde_json::{Map, Value};

/// Takes over the members of `input`. What is not there stays as it is; a member that the object's
/// class does not have is ignored, because nobody checks the class.
pub fn apply(
    connection: &Connection,
    object: &mut Object,
    input: &Map<String, Value>,
    may_write: impl Fn(&Field) -> bool,
) -> Result<(), Refusal> {
    for (name, value) in input {
        match name.as_str() {
            "published" => object.published = value.as_bool().unwrap_or(false),
            "key" => object.key = text::object_key(value.as_str().unwrap_or_default()),
            "tags" if value.as_array().is_some_and(|tags| !tags.is_empty()) => return Err(Refusal::NoTag),
            _ => {
                let Some(field) = object.class.and_then(|class| class.field(name)).filter(|field| may_write(field))
                else {
                    continue;
                };
                set(connection, object, field, value)?;
            }
        }
    }
    Ok(())
}

/// What the pipeline may write.
pub fn source_only(field: &Field) -> bool {
    field.layer == Layer::Source
}

fn set(connection: &Connection, object: &mut Object, field: &Field, value: &Value) -> Result<(), Refusal> {
    if field.localized {
        // A language that is not mentioned stays; null instead of the whole object means nothing.
        for language in languages() {
            if let Some(value) = value.get(*language) {
                object.values.insert(column(field.name, language), scalar(field.kind, value));
            }
        }
        return Ok(());
    }
    let new = match field.kind {
        Kind::Categories => relations(connection, field, value)?,
        Kind::Rows(collection) => match merge(collection, object.value(field.name), value) {
            Some(rows) => rows,
            None => return Ok(()),
        },
        kind => scalar(kind, value),
    };
    object.values.insert(field.name.to_owned(), new);
    Ok(())
}

fn scalar(kind: Kind, value: &Value) -> Value {
    match (kind, value) {
        (Kind::Datetime, Value::String(text)) => text::datetime(text).map_or(Value::Null, Value::from),
        (Kind::Wysiwyg, Value::String(html)) => Value::String(text::wysiwyg(html)),
        _ => value.clone(),
    }
}

fn relations(connection: &Connection, field: &Field, value: &Value) -> Result<Value, Refusal> {
    let mut ids = Vec::new();
    for item in value.as_array().into_iter().flatten() {
        let id = item.get("id").and_then(Value::as_i64);
        let path = item.get("fullpath").and_then(Value::as_str);
        let element = match (id, path) {
            (None, None) => return Err(Refusal::NoTarget),
            (Some(_), Some(_)) => return Err(Refusal::TwoTargets),
            (Some(id), None) => store::by_id(connection, id)?,
            (None, Some(path)) => store::by_path(connection, path)?,
        };
        let element = element.ok_or_else(|| Refusal::NoElement(id, path.map(str::to_owned)))?;
        if element.class.is_none_or(|class| class.name != crate::model::CATEGORY.name) {
            return Err(Refusal::Invalid(vec![format!(
                "Invalid object relation to object [{id}] in field {} , tried to assign {id}",
                field.name,
                id = element.id
            )]));
        }
        if ids.contains(&element.id) {
            return Err(Refusal::Invalid(vec![format!(
                "Passing relations multiple times not allowed anymore: object-{} multiple times in field {}",
                element.id, field.name
            )]));
        }
        ids.push(element.id);
    }
    Ok(Value::from(ids))
}

/// The rows after `{replace, items: {Type: […]}}`, or nothing if the value is null. With `replace`
/// the list is new; without it every item is merged into the row with its `index`, and items
/// without one count from 0.
fn merge(collection: &Collection, present: &Value, value: &Value) -> Option<Value> {
    let value = value.as_object()?;
    let replace = value.get("replace").and_then(Value::as_bool).unwrap_or(false);
    let mut rows: Vec<Value> = if replace { Vec::new() } else { present.as_array().cloned().unwrap_or_default() };
    let items = value.get("items").and_then(|items| items.get(collection.name)).and_then(Value::as_array);
    for (implicit, item) in items.into_iter().flatten().filter_map(Value::as_object).enumerate() {
        let index = match item.get("index").and_then(Value::as_u64).and_then(|index| usize::try_from(index).ok()) {
            Some(index) => index,
            None => implicit,
        };
        // An index far beyond the end appends.
        let at = index.min(rows.len());
        if at == rows.len() {
            rows.push(Value::Object(Map::new()));
        }
        if let Some(row) = rows.get_mut(at).and_then(Value::as_object_mut) {
            for (name, cell) in item.iter().filter(|(name, _)| *name != "index") {
                row.insert(name.clone(), cell.clone());
            }
        }
    }
    Some(Value::Array(rows))
}

/// Complaints about an object that is to be saved: values too long, and mandatory fields that are
/// empty if it is published.
pub fn validate(object: &Object, class: &Class, omit_mandatory: bool) -> Result<(), Refusal> {
    let mut complaints = Vec::new();
    for field in class.fields {
        for (column, language) in field.columns() {
            let value = object.value(&column);
            if field.mandatory
                && object.published
                && !omit_mandatory
                && value.as_str().is_none_or(|text| text.trim().is_empty())
            {
                complaints.push(format!("Empty mandatory field [ {} ]", field.name));
            }
            let place = language.map(|language| format!("[ localizedfields-{language} ]")).unwrap_or_default();
            complaints.extend(too_long(field, value, &place));
            if let (Kind::Rows(collection), Some(rows)) = (field.kind, value.as_array()) {
                for (index, row) in rows.iter().enumerate() {
                    let place = format!("[ {}-{index} ]", field.name);
                    complaints.extend(
                        collection
                            .columns
                            .iter()
                            .filter_map(|cell| too_long(cell, row.get(cell.name).unwrap_or(&Value::Null), &place)),
                    );
                }
            }
        }
    }
    if complaints.is_empty() { Ok(()) } else { Err(Refusal::Invalid(complaints)) }
}

fn too_long(field: &Field, value: &Value, place: &str) -> Option<String> {
    let (Kind::Text(limit), Some(text)) = (field.kind, value.as_str()) else { return None };
    (text.chars().count() > limit)
        .then(|| format!("Value in field [ {} ] is longer than {limit} characters{place}", field.name))
}
