//! `docs/product.schema.json` is what the types say.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::path::PathBuf;

use catalog::Product;
use serde_json::Value;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/product.schema.json")
}

fn generated() -> String {
    let mut schema = serde_json::to_value(schemars::schema_for!(Product)).unwrap();
    let about = schema.as_object_mut().unwrap();
    about.insert("$id".into(), "https://catalog-relay.example/product.schema.json".into());
    serde_json::to_string_pretty(&schema).unwrap() + "\n"
}

/// `UPDATE_SCHEMA=1 cargo test -p feeds --test schema` writes the file anew.
#[test]
fn the_schema_in_docs_is_generated_from_the_types() {
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(path(), generated()).unwrap();
    }
    let kept = std::fs::read_to_string(path()).unwrap();
    assert!(
        kept == generated(),
        "docs/product.schema.json is not what the types say: UPDATE_SCHEMA=1 cargo test -p feeds --test schema"
    );
}

/// The schema and serde must agree on which fields there are and which must be.
#[test]
fn every_required_field_is_missed_and_every_other_is_not() {
    let schema: Value = serde_json::from_str(&generated()).unwrap();
    let required: Vec<&str> =
        schema["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let known: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
    let product = common::canonical("1");
    for name in product.as_object().unwrap().keys() {
        assert!(known.contains(&name), "{name} is not in the schema");
        let mut without = product.clone();
        without.as_object_mut().unwrap().remove(name);
        let missed = serde_json::from_value::<Product>(without).is_err();
        assert_eq!(missed, required.contains(&name.as_str()), "{name}");
    }
    assert_eq!(schema["additionalProperties"], Value::Bool(false), "unknown fields are refused");
}
