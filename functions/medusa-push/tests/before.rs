//! A shop that the version before has filled is taken over: what did not change costs no write,
//! what people do there stands although that version noted less, and new facts arrive with the next
//! change.
//!
//! `before/` holds what commit cfb4883 left of four products on a real Medusa: the PIM, what the
//! shop's administrators saw, the ledger's items, and as `said` what each marker is the digest of.
//! What another shop numbers differently is a placeholder, and `b4x` is where a run puts ids of its
//! own.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;

use std::collections::{BTreeMap, BTreeSet};

use catalog::{ContentHash, Facts, ProductKey, Version};
use common::support::Real;
use common::support::books::now_ms;
use common::{Function, dress, open, path};
use ledger::core::{Change, Condition, ItemKey, Write, shop};
use medusa::Depth;
use pimcore::{ProductInput, ProductPath, Provenance, WriteOutcome};
use serde_json::{Value, json};
use testing::standin::{StandIn, later};

fn file(name: &str) -> String {
    let path = format!("{}/tests/before/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A shop as that version left it.
struct Filled {
    pim: StandIn,
    function: Function,
    keys: Vec<ProductKey>,
}

fn translations(reference: &str, id: &Value, rows: &Value) -> Vec<Value> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| {
        json!({"reference": reference, "reference_id": id, "locale_code": row["locale_code"], "translations": row["translations"]})
    })
    .collect()
}

async fn filled(real: &Real) -> Filled {
    let own = format!("{}x", real.new_key().id());
    let mut text = file("shop.json").replace("b4x", &own);
    let references = &real.shop.references;
    for (placeholder, id) in [
        ("{channel}", &references.sales_channel_id),
        ("{location}", &references.stock_location_id),
        ("{profile}", &references.shipping_profile_id),
    ] {
        text = text.replace(placeholder, id);
    }
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let mut translated = Vec::new();
    let (categories, products) = (read(&text)["categories"].take(), read(&text)["products"].take());
    for n in 0..categories.as_array().unwrap().len() {
        let row = &read(&text)["categories"][n];
        let made = real.admin_post("/admin/product-categories", &row["create"]).await;
        let id = &made["product_category"]["id"];
        translated.extend(translations("product_category", id, &row["translations"]));
        text = text.replace(&format!("{{category {}}}", row["external_id"].as_str().unwrap()), id.as_str().unwrap());
    }
    for n in 0..products.as_array().unwrap().len() {
        let row = &read(&text)["products"][n];
        let key = row["key"].as_str().unwrap();
        if let Some(said) = row["said"].as_str() {
            let marker = blake3::hash(said.as_bytes()).to_hex();
            text = text.replace(&format!("{{marker {key}}}"), &marker[..32]);
        }
        let row = &read(&text)["products"][n];
        let made = real.admin_post("/admin/products", &row["create"]).await;
        let id = &made["product"]["id"];
        translated.extend(translations("product", id, &row["translations"]));
        text = text.replace(&format!("{{product {key}}}"), id.as_str().unwrap());
        for (sku, pieces) in row["stock"].as_object().unwrap() {
            let items = real.admin_get("/admin/inventory-items", &[("sku[]", sku), ("fields", "id")]).await;
            let item = items["inventory_items"][0]["id"].as_str().unwrap();
            let level = json!({"location_id": references.stock_location_id, "stocked_quantity": pieces});
            real.admin_post(&format!("/admin/inventory-items/{item}/location-levels"), &level).await;
            text = text.replace(&format!("{{item {sku}}}"), item);
        }
    }
    real.admin_post("/admin/translations/batch", &json!({"create": translated})).await;
    assert!(!text.contains("b4x") && !text.contains("{item ") && !text.contains("{product "), "{text}");

    let function = Function::default();
    for row in read(&text)["ledger"].as_array().unwrap() {
        put(&function, row);
    }
    let keys = products.as_array().unwrap().iter().map(|row| row["key"].as_str().unwrap().parse().unwrap());
    let pim = StandIn::filled("before-shop", &file("pim.sql").replace("b4x", &own)).await;
    Filled { pim, function, keys: keys.collect() }
}

/// One item of the ledger as it was.
fn put(function: &Function, row: &Value) {
    let text = |name: &str| row[name].as_str().unwrap().to_owned();
    let key = ItemKey { pk: text("pk"), sk: text("sk") };
    let fields = row["item"].as_object().unwrap().iter().filter(|(_, value)| *value != "bytes");
    let changes = fields.map(|(name, value)| {
        let value = value.as_i64().map_or_else(|| value.as_str().unwrap().into(), Into::into);
        Change::Set(String::leak(name.clone()), value)
    });
    let mut changes: Vec<Change> = changes.collect();
    let stock = text("stock");
    if !stock.is_empty() {
        let product = key.pk.strip_prefix("P#").unwrap().replacen('#', ":", 1).parse().unwrap();
        // Packed as that version packed it.
        changes.extend(
            shop::note_stock(&product, 0, stock.as_bytes())
                .unwrap()
                .changes
                .into_iter()
                .filter(|change| matches!(change, Change::Set("stock", _))),
        );
    }
    function.memory.table().put(&Write { key, condition: Condition::Always, changes }).unwrap();
}

/// Everything that the shop holds of these products.
async fn held(real: &Real, keys: &[ProductKey]) -> BTreeMap<String, Value> {
    let products = real.admin_products(keys).await.into_iter().map(Option::unwrap);
    products.map(|product| (product["external_id"].as_str().unwrap().to_owned(), product)).collect()
}

/// Where two products differ, as paths.
fn differences(path: &str, before: &Value, now: &Value, found: &mut BTreeSet<String>) {
    match (before, now) {
        (Value::Object(before), Value::Object(now)) => {
            for name in before.keys().chain(now.keys()) {
                let of = |fields: &serde_json::Map<String, Value>| fields.get(name).cloned().unwrap_or_default();
                differences(&format!("{path}/{name}"), &of(before), &of(now), found);
            }
        }
        (before, now) if before != now => drop(found.insert(path.to_owned())),
        _ => {}
    }
}

/// Where products differ from what they were.
async fn changed(real: &Real, before: &BTreeMap<String, Value>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let keys: Vec<ProductKey> = before.keys().map(|key| key.parse().unwrap()).collect();
    for (key, now) in held(real, &keys).await {
        differences("", &before[&key], &now, &mut found);
    }
    found.retain(|path| !path.ends_with("/updated_at"));
    found
}

#[tokio::test]
async fn what_the_version_before_left_is_taken_over_and_what_did_not_change_costs_no_write() {
    let Some(real) = Real::connect().await else { return };
    let Filled { pim, function, keys } = filled(&real).await;
    let open = open(&real);
    let run = async |keys: &[ProductKey]| {
        let before = open.shop.medusa.writes();
        let outcomes = function.run(&pim.client(), &open, keys).await;
        assert!(outcomes.values().all(|outcome| *outcome == runtime::Outcome::Done), "{outcomes:?}");
        open.shop.medusa.writes() - before
    };
    let before = held(&real, &keys).await;
    assert_eq!(before.values().filter(|product| product["status"] == "published").count(), 3);
    for _ in 0..2 {
        assert_eq!(run(&keys).await, 0);
        assert_eq!(held(&real, &keys).await, before);
    }

    // It noted nothing of what it had made, but a person's act is seen all the same.
    let one = &before[&keys[1].to_string()];
    let admin = format!("/admin/products/{}", one["id"].as_str().unwrap());
    real.admin_post(&admin, &json!({"status": "draft"})).await;
    run(&keys[1..2]).await;
    let now = real.admin_product(&keys[1]).await.unwrap();
    assert_eq!((&now["status"], &now["metadata"]["relay_made"]["status"]), (&json!("draft"), &json!("published")));
    assert_eq!(function.memory.state(&keys[1]).aside[0].what, "draft");
    real.admin_post(&admin, &json!({"status": "published"})).await;
    run(&keys[1..2]).await;

    // However closely it is looked at, handles and all else are what they were.
    for key in &keys {
        function.memory.wish_to_move(key, now_ms()).await.unwrap();
    }
    assert_eq!(run(&keys).await, 1 + real.idle_writes(Depth::Full), "one call for all");
    let notes = ["made", "state"].map(|name| format!("/metadata/relay_{name}"));
    assert_eq!(changed(&real, &before).await, notes.into());
    assert_eq!(run(&keys).await, 0);

    facts_arrive_with_the_next_change(&real, &pim, &keys[3], run).await;
}

async fn facts_arrive_with_the_next_change(
    real: &Real,
    pim: &StandIn,
    key: &ProductKey,
    run: impl AsyncFn(&[ProductKey]) -> u64,
) {
    let mut product = dress(key);
    product.categories.clear();
    product.facts = Facts { weight: "2.5 kg".parse().ok(), ..Facts::default() }.boxed();
    let provenance = Provenance {
        hash: ContentHash::of(&product),
        version: Version::new(9_000_000_000_001, "0", 0),
        feed_run: "run".into(),
        imported_at: jiff::Timestamp::UNIX_EPOCH,
    };
    let write = pimcore::Write {
        key: key.clone(),
        existing: Some(ProductPath::of(key)),
        read: None,
        publish_new: true,
        input: ProductInput::new(&product, &provenance, &[]).unwrap(),
    };
    for (key, outcome) in pim.client().write(vec![write], later()).await {
        assert!(matches!(outcome, WriteOutcome::Saved(_)), "{key}: {outcome:?}");
    }
    assert!(pim.view(&path(key)).unwrap()["source"]["facts"][0]["code"] == "weight");
    let before = held(real, std::slice::from_ref(key)).await.remove(&key.to_string()).unwrap();
    assert!(run(std::slice::from_ref(key)).await > 0);
    let now = held(real, std::slice::from_ref(key)).await.remove(&key.to_string()).unwrap();
    assert_eq!((&now["weight"], &now["id"], &now["handle"]), (&json!(2500), &before["id"], &before["handle"]));
    assert_eq!(now["metadata"]["relay_facts"], json!({"weight": {"value": "2.5", "unit": "kg"}}));
    assert_eq!(now["title"], "Evening dress", "a person's text stays");
}
