//! What trade needs to know, from a document through the PIM to a real shop and back: nothing is
//! lost on the way.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;

use std::sync::Arc;

use catalog::facts::{FACTS, Facts, Row};
use catalog::{Localized, ProductKey, ProductOption};
use common::support::Real;
use common::{Function, dress, in_pim};
use medusa::{Categories, Shop};
use medusa_push::{map, trade};
use runtime::Outcome;
use serde_json::{Value, json};
use testing::standin::StandIn;
use worker::access::medusa::OpenShop;

const FIELDS: [(&str, &str); 1] = [(
    "fields",
    "id,title,metadata,weight,length,width,height,hs_code,mid_code,origin_country,material,*options,*options.values,*variants,\
     *variants.options,*variants.inventory_items,*variants.inventory_items.inventory",
)];

async fn read(real: &Real, key: &ProductKey) -> Value {
    let id = real.admin_product(key).await.unwrap()["id"].as_str().unwrap().to_owned();
    real.admin_get(&format!("/admin/products/{id}"), &FIELDS).await["product"].take()
}

/// Every fact there is.
fn all() -> Facts {
    let example = FACTS.iter().map(|info| {
        let (name, lang, text) = info.example;
        Row { code: info.code.into(), name: name.into(), lang: lang.into(), text: text.into() }
    });
    Facts::from_rows(&example.collect::<Vec<_>>()).0
}

/// A GTIN of this key's own.
fn gtin(key: &ProductKey) -> catalog::Gtin {
    let digits = key.id().bytes().fold(7u64, |sum, byte| (sum * 31 + u64::from(byte)) % 10u64.pow(12));
    let digits = format!("{digits:012}");
    format!("{digits}{}", catalog::Gtin::check_digit(&digits)).parse().unwrap()
}

fn opened(real: &Real, languages: &str) -> Arc<OpenShop> {
    let mut references = real.shop.references.clone();
    references.languages = languages.parse().unwrap();
    let shop = Shop { medusa: common::support::medusa_client().unwrap(), references };
    Arc::new(OpenShop { shop, categories: Categories::default() })
}

async fn push(function: &Function, pim: &StandIn, open: &Arc<OpenShop>, key: &ProductKey) {
    let outcomes = function.run(&pim.client(), open, std::slice::from_ref(key)).await;
    assert!(outcomes.values().all(|outcome| *outcome == Outcome::Done), "{outcomes:?}");
}

#[tokio::test]
async fn every_fact_and_five_axes_reach_the_shop() {
    let Some(real) = Real::connect().await else { return };
    let (pim, function, key) = (StandIn::start("trade").await, Function::default(), real.new_key());
    let mut product = dress(&key);
    product.categories.clear();
    product.facts = all().boxed();
    let own = Facts { gtin: Some(gtin(&key)), weight: "3 lb".parse().ok(), ..Facts::default() };
    product.variants[0].facts = own.clone().boxed();
    for (n, axis) in ["Cut", "Lining", "Season"].into_iter().enumerate() {
        product.options.push(ProductOption { name: Localized::default().with("en", axis) });
        product.variants.iter_mut().for_each(|variant| variant.options.push(format!("{axis} {n}")));
    }
    in_pim(&pim.client(), std::slice::from_ref(&product), 0).await;
    let open = opened(&real, "en,ar");
    push(&function, &pim, &open, &key).await;

    let there = read(&real, &key).await;
    let columns = |row: &Value, names: &[&str]| -> Vec<Value> { names.iter().map(|name| row[*name].clone()).collect() };
    let shared = ["weight", "length", "width", "height", "hs_code", "mid_code", "origin_country", "material"];
    let of_product = [
        json!(2500),
        json!(300),
        json!(305),
        json!(8),
        json!("610910"),
        json!("CNACME123SHE"),
        json!("cn"),
        json!("Cotton"),
    ];
    assert_eq!(columns(&there, &shared), of_product);
    // Everything but what is not for customers, as it was said.
    let mut shown = all();
    shown.extra.clear();
    assert_eq!(serde_json::from_value::<Facts>(there["metadata"][trade::FACTS].clone()).unwrap(), shown);
    assert!(!there.to_string().contains("warehouse row"));

    let rows = there["variants"].as_array().unwrap();
    assert_eq!((rows.len(), there["options"].as_array().unwrap().len()), (6, 5));
    assert!(rows.iter().all(|row| row["options"].as_array().unwrap().len() == 5));
    for row in rows {
        let first = row["sku"] == product.variants[0].sku.as_str();
        let grams = if first { 1361 } else { 2500 };
        for weighed in [row, &row["inventory_items"][0]["inventory"]] {
            assert_eq!((&weighed["weight"], &weighed["hs_code"]), (&json!(grams), &json!("610910")), "{}", row["sku"]);
        }
        assert_eq!(row["ean"], if first { json!(gtin(&key).as_str()) } else { Value::Null });
    }
    let first = rows.iter().find(|row| row["sku"] == product.variants[0].sku.as_str()).unwrap();
    assert_eq!(serde_json::from_value::<Facts>(first["metadata"][trade::FACTS].clone()).unwrap(), own);
}

#[tokio::test]
async fn a_product_with_a_name_in_any_language_is_never_nameless() {
    let Some(real) = Real::connect().await else { return };
    let (pim, function, key) = (StandIn::start("languages").await, Function::default(), real.new_key());
    let mut product = dress(&key);
    product.categories.clear();
    product.name = Localized::default().with("ar", "فستان");
    product.description = Localized::default();
    in_pim(&pim.client(), std::slice::from_ref(&product), 0).await;
    let open = opened(&real, "de,ar,en");
    push(&function, &pim, &open, &key).await;
    let there = read(&real, &key).await;
    assert_eq!(
        (&there["title"], &there["metadata"][map::LANGUAGE]),
        (&json!("فستان"), &json!("ar")),
        "the next in order stands in, marked"
    );

    // Its own comes, here by a person in another language that goes before.
    let open = opened(&real, "en,ar");
    pim.edit(&common::path(&key), json!({"marketingName": {"en": "Dress"}}));
    push(&function, &pim, &open, &key).await;
    let there = read(&real, &key).await;
    assert_eq!((&there["title"], &there["metadata"][map::LANGUAGE]), (&json!("Dress"), &Value::Null));
}
