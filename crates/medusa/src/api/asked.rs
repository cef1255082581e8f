//! What a deep read asks for and what it is read into are the same fields.
#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::{Map, Value, json};

use super::model::{DEEP_FIELDS, Product, TRANSLATION_FIELDS};

/// What stands several times.
const LISTS: [&str; 9] = [
    "images",
    "categories",
    "sales_channels",
    "options",
    "values",
    "variants",
    "prices",
    "inventory_items",
    "location_levels",
];

/// An answer that has exactly these fields, each with something in it.
fn answer(fields: &str) -> Map<String, Value> {
    let mut document = Map::new();
    for field in fields.split(',').filter(|field| !field.is_empty()) {
        let path: Vec<&str> = field.split('.').collect();
        // Price rules come under another name.
        if path.contains(&"price_rules") {
            put(&mut document, &["variants", "prices", "rules"], json!({"region_id": field}));
            continue;
        }
        put(&mut document, &path, something(&path));
    }
    document
}

fn something(path: &[&str]) -> Value {
    match path.last().copied().unwrap() {
        "rank" | "variant_rank" | "amount" | "min_quantity" | "max_quantity" | "stocked_quantity"
        | "reserved_quantity" => json!(7),
        "manage_inventory" | "allow_backorder" => json!(true),
        "metadata" => json!({"relay_state": "x"}),
        "translations" => json!({"title": "x"}),
        _ => json!(path.join(".")),
    }
}

fn put(at: &mut Map<String, Value>, path: &[&str], value: Value) {
    let [name, rest @ ..] = path else { return };
    if rest.is_empty() {
        at.insert((*name).to_owned(), value);
        return;
    }
    let is_list = LISTS.contains(name) || *name == "translations";
    let empty = if is_list { json!([{}]) } else { json!({}) };
    let below = at.entry((*name).to_owned()).or_insert(empty);
    let below = if is_list { &mut below[0] } else { below };
    put(below.as_object_mut().unwrap(), rest, value);
}

/// The fields of a product in which nothing stands.
fn empty(answer: &Map<String, Value>) -> Vec<String> {
    let product: Product = serde_json::from_str(&serde_json::to_string(answer).unwrap()).unwrap();
    let shown = format!("{product:#?}");
    let nothing = |line: &&str| {
        ["None,", "\"\",", "[],", "{},", "0,", "false,"].iter().any(|end| line.ends_with(&format!(": {end}")))
    };
    shown.lines().map(str::trim).filter(nothing).map(str::to_owned).collect()
}

#[test]
fn every_field_that_a_product_is_compared_by_is_asked_for() {
    let all = answer(&format!("{DEEP_FIELDS}{TRANSLATION_FIELDS}"));
    // Only asked for where a product is missing; and which option a value is of, where it stands in
    // its option.
    assert_eq!(empty(&all), ["option_id: None,", "deleted_at: None,"]);
}

#[test]
fn a_field_that_is_not_asked_for_is_found() {
    let all = format!("{DEEP_FIELDS}{TRANSLATION_FIELDS}");
    let without =
        |fields: &[&str]| all.split(',').filter(|field| !fields.contains(field)).collect::<Vec<_>>().join(",");
    let rules = ["variants.prices.price_rules.attribute", "variants.prices.price_rules.value"];
    for (fields, lacks) in [
        (&["variants.prices.min_quantity"] as &[&str], "min_quantity: None,"),
        (&["variants.allow_backorder"], "allow_backorder: None,"),
        (&["external_id"], "external_id: None,"),
        (&rules, "rules: None,"),
    ] {
        let found = empty(&answer(&without(fields)));
        assert!(found.len() == 3 && found.iter().any(|line| line == lacks), "{fields:?}: {found:?}");
    }
}
