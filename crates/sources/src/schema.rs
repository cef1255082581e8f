//! The JSON Schema of mappings, made of the table of words.

use serde_json::{Map, Value, json};

use crate::keys::{FIELD, Kind, TABLES};

fn kind(kind: Kind) -> Value {
    let scalar = || json!({"type": ["string", "number", "boolean"]});
    let reference = |name: &str| json!({"$ref": format!("#/$defs/{name}")});
    match kind {
        Kind::Text => scalar(),
        Kind::Words(words) => json!({"enum": words}),
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Number => json!({"type": "integer"}),
        Kind::Texts => json!({"anyOf": [scalar(), {"type": "array", "items": scalar()}]}),
        Kind::Table => json!({"type": "object", "additionalProperties": scalar()}),
        Kind::Field => json!({"anyOf": [scalar(), reference("field")]}),
        Kind::Localized => {
            let names: Vec<&str> = FIELD.iter().map(|key| key.0).collect();
            let languages = json!({"type": "object", "propertyNames": {"not": {"enum": names}}, "additionalProperties": {"anyOf": [scalar(), reference("field")]}});
            json!({"anyOf": [scalar(), reference("field"), languages]})
        }
        Kind::Named => {
            json!({"type": "object", "additionalProperties": {"anyOf": [scalar(), reference("field")]}})
        }
        Kind::Fields => {
            json!({"anyOf": [scalar(), reference("field"), {"type": "array", "items": {"anyOf": [scalar(), reference("field")]}}]})
        }
        Kind::Object(name) => json!({"anyOf": [scalar(), reference(name)]}),
        Kind::NamedObjects(name) => json!({"type": "object", "additionalProperties": reference(name)}),
        Kind::Objects(name) => {
            json!({"anyOf": [scalar(), reference(name), {"type": "array", "items": {"anyOf": [scalar(), reference(name)]}}]})
        }
    }
}

/// The JSON Schema of a mapping.
#[must_use]
pub fn schema() -> Value {
    let mut defs = Map::new();
    for (name, keys) in TABLES {
        let mut properties = Map::new();
        for (key, what, about) in *keys {
            let mut value = kind(*what);
            if let Some(object) = value.as_object_mut() {
                object.insert("description".to_owned(), json!(about));
            }
            properties.insert((*key).to_owned(), value);
        }
        defs.insert(
            (*name).to_owned(),
            json!({"type": "object", "properties": properties, "additionalProperties": false}),
        );
    }
    let mut top = defs.remove("mapping").unwrap_or_default();
    if let Some(object) = top.as_object_mut() {
        object.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        object.insert("title".to_owned(), json!("A source: what a supplier's feed means"));
        object.insert("required".to_owned(), json!(["source"]));
        object.insert("anyOf".to_owned(), json!([{"required": ["form", "product"]}, {"required": ["parts"]}]));
        object.insert("$defs".to_owned(), Value::Object(defs));
    }
    top
}
