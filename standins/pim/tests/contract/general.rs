//! Replays what the general recordings say about our model.
//!
//! They were made on the same instance with smaller classes, `Product` and `Category`, in
//! `/products` and `/categories`. Requests and answers are rewritten to our names; what has no
//! counterpart in our model is on the list in `known.rs`.

use crate::arrange::{self, Given};
use crate::compare::{difference, settle_ties};
use crate::known;
use crate::recording::{Recording, in_order};
use crate::report::Report;
use crate::world::{KEY, World};
use pim::model::PRODUCT;
use serde_json::{Value, json};
use std::path::Path;

/// Their names and ours. Longer names stand first.
const NAMES: [(&str, &str); 24] = [
    ("/pimcore-graphql-webservices/shop", "/pimcore-graphql-webservices/catalog"),
    ("/pimcore-graphql-webservices/pim", "/pimcore-graphql-webservices/catalog"),
    ("shop-api-key-0123456789abcdef", KEY),
    ("pim-api-key-0123456789abcdef", KEY),
    (
        " ... on fieldcollection_ProductAttributeL{code label arLabel:label(language:\\\"ar\\\") t:text arText:text(language:\\\"ar\\\")}",
        "",
    ),
    ("fieldcollections_variants_ProductVariant", "fieldcollections_variants_CatalogVariant"),
    ("ProductAttribute", "CatalogAttribute"),
    ("ProductVariant", "CatalogVariant"),
    ("ProductImage", "CatalogImage"),
    ("createProduct", "createCatalogProduct"),
    ("updateProduct", "updateCatalogProduct"),
    ("deleteProduct", "deleteCatalogProduct"),
    ("upsertProduct", "upsertCatalogProduct"),
    ("getProduct", "getCatalogProduct"),
    ("UpdateProductInput", "UpdateCatalogProductInput"),
    ("UpdateCategoryInput", "UpdateCatalogCategoryInput"),
    ("teCategory", "teCatalogCategory"),
    ("getCategory", "getCatalogCategory"),
    ("object_", "object_Catalog"),
    ("object Product", "object CatalogProduct"),
    ("\"Product\"", "\"CatalogProduct\""),
    ("nameLoc", "name"),
    ("descriptionLoc", "description"),
    ("discontinued", "withdrawn"),
];

/// What followed what, where the names do not say it.
const AFTER: [(&str, &str); 0] = [];

/// Replays everything that is not a known absence of a counterpart.
pub(crate) async fn replay(mut recordings: Vec<Recording>, folder: &Path, report: &mut Report) {
    in_order(&mut recordings, &AFTER);
    let world = World::open(&folder.join("general.db"), 2, true).await;
    renumber(&world);
    let world = world.reopen(true).await;
    for recording in &recordings {
        let name = recording.name.as_str();
        if let Some(reason) = known::no_counterpart(name) {
            report.add("general", name, Some(reason.to_owned()));
            continue;
        }
        if !recording.is_exchange() || !recording.is_graphql() {
            report.add("general", name, Some("not a single request".to_owned()));
            continue;
        }
        if name.starts_with("34") && name.contains("-wysiwyg-") {
            report.add("general", name, rich_text(recording));
            continue;
        }
        prepare(&world, name, &recordings);
        let written = recording.written_at();
        let now = recording.time().unwrap_or(0);
        world.set_clock(written.first().copied().unwrap_or(now), Vec::new());
        if let Some(id) = crate::catalog::first_created(recording.answer()) {
            world.set_next_id(id);
        }
        let (status, mut actual) = world.send(&rewritten(recording.request())).await;
        let mut expected = rewritten(recording.answer());
        if let Some(query) = recording.request()["body"]["query"].as_str() {
            settle_ties(query, &mut expected);
            settle_ties(query, &mut actual);
        }
        for answer in [&mut expected, &mut actual] {
            normalise(answer);
        }
        report.add("general", name, difference((recording.status(), &expected), (status, &actual)));
    }
}

/// A request or an answer in our names.
fn rewritten(value: &Value) -> Value {
    let mut text = value.to_string();
    for (theirs, ours) in NAMES {
        text = text.replace(theirs, ours);
    }
    text = text.replace("object_Catalogtree", "object_tree").replace("object_Catalogfolder", "object_folder");
    for folder in ["products", "categories", "private"] {
        for before in ["\"", " ", ",", "'"] {
            text = text.replace(&format!("{before}/{folder}"), &format!("{before}/catalog/{folder}"));
        }
    }
    serde_json::from_str(&text).unwrap()
}

/// Removes what depends on the length of names (places in the document), on the history of the
/// instance (numbers of versions), and a suffix that this class definition added to one message.
fn normalise(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.remove("locations");
            for (name, member) in members.iter_mut() {
                if name == "version" && member.is_number() {
                    *member = json!("a number");
                }
                normalise(member);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(normalise),
        Value::String(text) => *text = text.replace(" fieldname=externalId", ""),
        _ => {}
    }
}

/// Rich text: their description is a wysiwyg field, ours is not; the marketing description is.
fn rich_text(recording: &Recording) -> Option<String> {
    let sent = &recording.request()["body"]["variables"]["input"]["descriptionLoc"]["en"];
    let output = &recording.answer()["data"];
    let kept = [&output["updateProduct"]["output"]["description"], &output["getProduct"]["description"]];
    let kept = kept.into_iter().find_map(Value::as_str).unwrap();
    // What was kept is kept as it is when it is written again.
    let sent = sent.as_str().unwrap_or(kept);
    difference((200, &json!(kept)), (200, &json!(pim::text::wysiwyg(sent))))
}

/// The folders get the numbers that they had there: 2 and 3.
fn renumber(world: &World) {
    let connection = world.app.store.writer();
    for (id, key) in [(5, "catalog"), (2, "products"), (3, "categories")] {
        connection.execute("UPDATE objects SET id = -?1 WHERE key = ?2", (id, key)).unwrap();
    }
    connection
        .execute_batch("UPDATE objects SET id = -id WHERE id < 0; UPDATE objects SET parent = 5 WHERE parent = 2")
        .unwrap();
}

/// State that no rewritten request makes, and faults.
fn prepare(world: &World, name: &str, recordings: &[Recording]) {
    let product = "/catalog/products/ext-1001";
    match name {
        "14-getProduct-by-fullpath" => {
            arrange::folder(world, 8, "/catalog/private");
            let full = recordings.iter().find(|recording| recording.name == "12-create-product-full").unwrap();
            let input = &full.request()["body"]["variables"]["input"];
            let fields = json!({
                "externalId": "ext-1001", "sku": "SKU-1001", "brand": "Acme", "contentHash": input["contentHash"],
                "name_en": input["nameLoc"]["en"], "name_ar": input["nameLoc"]["ar"], "sourceVersion": "1",
                "attributes": input["attributes"]["items"]["ProductAttribute"],
                "variants": input["variants"]["items"]["ProductVariant"],
            });
            let given = Given { id: 10, path: product, published: true, created: 1, modified: 1, fields };
            arrange::put(world, &PRODUCT, &[given]);
        }
        "24a-nameLoc-partial-ar" => {
            arrange::set(world, product, "name_en", "no-lang");
            arrange::set(world, product, "name_ar", "هاتف 2");
        }
        "53m-folder-get" => arrange::folder(world, 42, "/catalog/products/sub"),
        "56d-listing-ids" => arrange::product(world, 999, "race-999", 1, json!({ "externalId": "race-999" })),
        "70a-eq" => {
            arrange::set(world, product, "name_en", "  n  ");
            arrange::set(world, product, "name_ar", "عربي");
            // Two variants: objects of the same class, which listings contain.
            arrange::product(world, 49, "ext-1001/v-red", 1_795_363_527, json!({ "externalId": "var-red" }));
            arrange::product(world, 50, "v-x", 1_795_363_527, json!({ "externalId": "var-x" }));
        }
        "53f-shop-reads-private" => {
            let fields = json!({ "externalId": "priv1" });
            let path = "/catalog/private/priv1";
            arrange::put(world, &PRODUCT, &[Given { id: 40, path, published: true, created: 1, modified: 1, fields }]);
        }
        "05-pim-unpublish" => {
            let fields = json!({ "externalId": "p-1" });
            let path = "/catalog/products/p-1";
            let given = Given { id: 5059, path, published: true, created: 1, modified: 1, fields };
            arrange::put(world, &PRODUCT, &[given]);
        }
        "57-db-down" | "57-db-down-accept-json" => world.break_next(json!({ "kind": "server-error" })),
        "57-php-fpm-down" | "57-php-fpm-down-accept-json" => world.break_next(json!({ "kind": "bad-gateway" })),
        "63-batch-with-php-Error-in-first-alias" => {
            arrange::folder(world, 1102, "/catalog/products/conc");
            arrange::product(world, 815, "conc/same1", 1, json!({ "externalId": "same1" }));
            world.break_next(json!({ "kind": "alias-dies", "match": "err1" }));
        }
        _ => {}
    }
}
