//! The schemas in docs/ are what the types say, and what they let through the reader does not
//! refuse for its words.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::PathBuf;

use serde_json::Value;

fn docs(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

fn generated<T: schemars::JsonSchema>(name: &str) -> String {
    let mut schema = serde_json::to_value(schemars::schema_for!(T)).unwrap();
    schema.as_object_mut().unwrap().insert("$id".into(), format!("https://catalog-relay.example/{name}").into());
    serde_json::to_string_pretty(&schema).unwrap() + "\n"
}

/// `UPDATE_SCHEMA=1 cargo test -p want --test schema` writes them anew.
#[test]
fn the_schemas_in_docs_are_generated_from_the_types() {
    let all = [
        ("rules.schema.json", generated::<want::file::RulesFile>("rules.schema.json")),
        ("rates.schema.json", generated::<want::rates::RatesFile>("rates.schema.json")),
    ];
    for (name, schema) in all {
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(docs(name), &schema).unwrap();
        }
        let kept = std::fs::read_to_string(docs(name)).unwrap_or_default();
        assert!(
            kept == schema,
            "docs/{name} is not what the types say: UPDATE_SCHEMA=1 cargo test -p want --test schema"
        );
    }
}

/// Each word of the schema is one that the reader knows, and it knows no others.
#[test]
fn the_reader_and_the_schema_know_the_same_words() {
    let schema: Value = serde_json::from_str(&generated::<want::file::RulesFile>("x")).unwrap();
    let words = |schema: &Value| schema["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let refused = |text: &str| want::Rules::read([("r", text)]).unwrap_err()[0].message.clone();
    let expected = |message: &str| -> Vec<String> {
        message
            .split_once("expected ")
            .unwrap()
            .1
            .trim_start_matches("one of ")
            .split(", ")
            .flat_map(|some| some.split(" or "))
            .map(|word| word.trim_matches(['`', ' ']).to_owned())
            .collect()
    };
    let of = |name: &str| words(&schema["$defs"][name]);
    for (text, mut known) in [
        ("nonsense: 1", words(&schema)),
        ("rules: [{nonsense: 1}]", of("RuleEntry")),
        ("rules: [{when: {nonsense: 1}}]", of("When")),
        ("rules: [{withhold: {nonsense: 1}}]", of("Withhold")),
        ("categories: {nonsense: 1}", of("Categories")),
    ] {
        let mut told = expected(&refused(text));
        told.sort();
        known.sort();
        assert_eq!(told, known, "{text}");
    }
    assert_eq!(schema["additionalProperties"], Value::Bool(false));
}
