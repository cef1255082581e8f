//! Every operation, and every variable that goes with it, fits the schema recorded from a real
//! Pimcore.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;

use apollo_compiler::request::coerce_variable_values;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use common::{product, provenance, recordings};
use pimcore::ProductInput;
use pimcore::operations::{self, Upsert};
use serde_json::{Value, json};

fn schemas() -> Vec<(String, Valid<Schema>)> {
    let recorded = recordings().map(|root| root.join("catalog/schema-catalog.graphql"));
    let own = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../standins/pim/schema.graphql");
    let files = recorded.into_iter().chain(own.is_file().then_some(own));
    files
        .map(|file| {
            let gained = include_str!("../../../standins/pim/tests/gained.graphql");
            let text = format!("{}\n{gained}", std::fs::read_to_string(&file).unwrap());
            let schema =
                Schema::parse_and_validate(text, &file).unwrap_or_else(|e| panic!("{}: {}", file.display(), e.errors));
            (file.display().to_string(), schema)
        })
        .collect()
}

fn check(document: &str, variables: &Value) {
    for (file, schema) in schemas() {
        let parsed = ExecutableDocument::parse_and_validate(&schema, document, "operation.graphql")
            .unwrap_or_else(|e| panic!("{file}: {document}\n{}", e.errors));
        // Data Hub ignores `operationName`.
        assert_eq!(parsed.operations.iter().count(), 1, "{document}");
        let operation = parsed.operations.iter().next().unwrap();
        let Value::Object(values) = variables else { panic!("variables are an object") };
        let values = serde_json::from_value(json!(values)).unwrap();
        if let Err(error) = coerce_variable_values(&schema, operation, &values) {
            panic!("{file}: {error:?}\n{variables:#}");
        }
    }
}

#[test]
fn fixed_operations_fit_the_schema() {
    for document in [
        operations::READ_PRODUCTS,
        operations::READ_HEADS,
        operations::CHANGES,
        operations::CENSUS,
        operations::READ_CATEGORIES,
    ] {
        check(document, &json!({"filter": "{}"}));
    }
    check(operations::INVENTORY, &json!({"ids": "1,2"}));
    check(operations::HEALTH, &json!({}));
    let names =
        json!({"fullpath": "/catalog/categories/a", "parentId": 5, "input": {"name": {"en": "A"}, "slug": "a"}});
    check(operations::UPDATE_CATEGORY, &names);
}

#[test]
fn batches_and_their_inputs_fit_the_schema() {
    let product = product("p-1");
    let input = ProductInput::new(&product, &provenance(&product), &[7, 7, 8]).unwrap();
    let plain = serde_json::to_value(&input).unwrap();
    let published = serde_json::to_value(input.publish(false).remark("remark")).unwrap();
    assert_eq!(plain["categories"], json!([{"id": 7}, {"id": 8}]), "a relation named twice is refused by Pimcore");
    check(
        &operations::product_batch(&[Upsert::Create, Upsert::Update]),
        &json!({"p0": "demo-p-1", "b0": true, "i0": plain, "p1": "/catalog/products/demo-p-2", "i1": published}),
    );
    let category = json!({"externalId": "demo:a", "name": {"en": "A", "ar": "ا"}, "slug": "a"});
    check(
        &operations::category_batch(2),
        &json!({"k0": "a", "p0": "/catalog/categories", "i0": category, "k1": "b", "p1": "/catalog/categories/a", "i1": category}),
    );
}

#[test]
fn a_wrong_input_is_noticed() {
    let Some((_, schema)) = schemas().into_iter().next() else { return };
    let document =
        ExecutableDocument::parse_and_validate(&schema, operations::product_batch(&[Upsert::Update]), "a").unwrap();
    let values = json!({"p0": "/x", "i0": {"shopVisibility": "hide"}});
    let values = serde_json::from_value(values).unwrap();
    assert!(coerce_variable_values(&schema, document.operations.iter().next().unwrap(), &values).is_err());
}
