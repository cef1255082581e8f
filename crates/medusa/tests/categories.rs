//! The category tree in a real shop.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails where it unwraps")]

use crate::support;

use std::collections::BTreeMap;

use catalog::ProductKey;
use medusa::{Categories, Category};
use serde_json::{Value, json};
use support::{Real, deadline};

fn category(key: &ProductKey, parent: Option<&ProductKey>) -> Category {
    Category {
        key: key.clone(),
        name: format!("Name of {}", key.id()),
        translations: [("ar-SA".to_owned(), "نساء".to_owned())].into(),
        handle: None,
        parent: parent.cloned(),
        shown: true,
    }
}

async fn ensure(real: &Real, categories: &[Category]) -> BTreeMap<ProductKey, String> {
    // A new process, which knows nothing yet.
    let fresh = Categories::default();
    let ids = fresh.ensure(categories, &real.shop.medusa, &real.shop.references, deadline()).await.unwrap();
    ids.into_iter().collect()
}

async fn read(real: &Real, id: &str) -> Value {
    let fields = "id,name,handle,is_active,external_id,parent_category_id,mpath,*translations";
    real.admin_get(&format!("/admin/product-categories/{id}"), &[("fields", fields)]).await["product_category"].take()
}

#[tokio::test]
async fn a_tree_is_made_once_renamed_hidden_and_moved() {
    let Some(real) = Real::connect().await else { return };
    let [a, b, c] = [real.new_key(), real.new_key(), real.new_key()];
    let tree = [category(&a, None), category(&b, Some(&a)), category(&c, Some(&b))];
    let ids = ensure(&real, &tree).await;
    assert_eq!(ensure(&real, &tree).await, ids, "made twice");
    let leaf = read(&real, &ids[&c]).await;
    assert_eq!((&leaf["is_active"], &leaf["parent_category_id"]), (&json!(true), &json!(ids[&b])));
    assert_eq!(leaf["translations"][0]["translations"]["name"], "نساء");

    let changed = Category { name: "New".into(), shown: false, translations: BTreeMap::new(), ..category(&a, None) };
    ensure(&real, &[changed]).await;
    let root = read(&real, &ids[&a]).await;
    assert_eq!((&root["name"], &root["is_active"]), (&json!("New"), &json!(false)));
    assert_eq!(root["translations"][0]["translations"]["name"], "");

    ensure(&real, &[category(&a, None), category(&c, Some(&a))]).await;
    let moved = read(&real, &ids[&c]).await;
    assert_eq!(moved["mpath"], json!(format!("{}.{}", ids[&a], ids[&c])));
}

#[tokio::test]
async fn moves_that_would_damage_the_tree_are_not_made() {
    let Some(real) = Real::connect().await else { return };
    let [a, b, c] = [real.new_key(), real.new_key(), real.new_key()];
    let ids = ensure(&real, &[category(&a, None), category(&b, Some(&a)), category(&c, Some(&b))]).await;
    let path = [&ids[&a], &ids[&b], &ids[&c]].map(String::as_str).join(".");
    // To the root, and then below what was below it.
    let turned = [category(&c, None), category(&b, Some(&c)), category(&a, Some(&b))];
    assert_eq!(ensure(&real, &turned).await, ids);
    assert_eq!(read(&real, &ids[&c]).await["mpath"], json!(path));
}

#[tokio::test]
async fn two_processes_make_a_category_once() {
    let Some(real) = Real::connect().await else { return };
    let key = real.new_key();
    let tree = [category(&key, None)];
    let all = futures::future::join_all((0..6).map(|_| ensure(&real, &tree))).await;
    assert!(all.iter().all(|ids| *ids == all[0]), "{all:?}");
    let own = key.to_string();
    let found = real.admin_get("/admin/product-categories", &[("external_id", &own), ("fields", "id")]).await;
    assert_eq!(found["count"], 1);
}

#[tokio::test]
async fn the_handle_that_people_chose_is_used_and_an_existing_category_of_that_handle_takes_its_part() {
    let Some(real) = Real::connect().await else { return };
    let [one, two, own] = [real.new_key(), real.new_key(), real.new_key()];
    let handle = format!("dresses-{}", one.id());
    let body = json!({"name": "Made in the shop", "handle": handle, "is_active": true});
    let theirs = real.admin_post("/admin/product-categories", &body).await;
    let theirs = theirs["product_category"]["id"].as_str().unwrap();
    let with_handle = |key: &ProductKey, handle: &str| Category { handle: Some(handle.into()), ..category(key, None) };
    let ids = ensure(&real, &[with_handle(&one, &handle), with_handle(&two, &handle)]).await;
    assert_eq!([ids[&one].as_str(), ids[&two].as_str()], [theirs, theirs]);
    assert_eq!(read(&real, theirs).await["name"], "Made in the shop");

    let plain = ensure(&real, &[category(&own, None)]).await;
    let chosen = format!("chosen-{}", own.id());
    assert_eq!(ensure(&real, &[with_handle(&own, &chosen)]).await, plain);
    assert_eq!(read(&real, &plain[&own]).await["handle"], chosen.as_str());
}
