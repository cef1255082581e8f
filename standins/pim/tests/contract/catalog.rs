//! Replays the recordings of the catalog model, in their order, against the stand-in.

use crate::arrange::{self, Given};
use crate::compare::{difference, settle_ties};
use crate::recording::{Recording, in_order};
use crate::report::Report;
use crate::world::World;
use pim::model::PRODUCT;
use serde_json::{Value, json};
use std::path::Path;

const PRODUCTS: &str = "getCatalogProductListing";

/// What has no date of its own or a misleading one, and what it followed.
const AFTER: [(&str, &str); 12] = [
    ("11j-same-externalId-in-both-classes", "17c-category-externalId-case-variant"),
    ("10a-person-deletes", "09c-back-again"),
    ("14-text-nul-read", "14-text-nul-write"),
    ("17b-category-key-case-variant", "16w4-update-with-deleted-category"),
    ("17c-category-externalId-case-variant", "16w4-update-with-deleted-category"),
    ("18h2-create-category-below-products", "18h-create-product-below-categories"),
    ("19e-draft-before-pipeline", "19d-person-draft"),
    ("19f-pipeline-update-with-version", "19d-person-draft"),
    ("21c-admin-save-enrichment-only", "21b-pipeline-update-while-object-open-in-admin"),
    ("21e-admin-save-noteditable-field", "21d-read"),
    ("24-key-arabic", "24-key-slash-space"),
    ("21g-admin-unpublish", "21f-read"),
];

/// Replays everything into `report`.
pub(crate) async fn replay(mut recordings: Vec<Recording>, folder: &Path, report: &mut Report) {
    in_order(&mut recordings, &AFTER);
    let mut world = World::open(&folder.join("first.db"), 5063, true).await;
    let mut now = 0;
    for recording in recordings.iter().filter(|recording| recording.is_exchange()) {
        world = match recording.name.as_str() {
            "22a-create-after-fresh-install" => World::open(&folder.join("second.db"), 5432, true).await,
            "23a-no-delete-config-create" => world.reopen(false).await,
            "16w1-before-category-delete" => world.reopen(true).await,
            _ => world,
        };
        let written = recording.written_at();
        now = recording.time().unwrap_or(now);
        prepare(&world, &recording.name, &recordings);
        match written.as_slice() {
            [one] => world.set_clock(*one, Vec::new()),
            many => world.set_clock(many.first().copied().unwrap_or(now), many.to_vec()),
        }
        if let Some(id) = first_created(recording.answer()) {
            world.set_next_id(id);
        }
        let difference =
            if recording.is_graphql() { exchange(&world, recording).await } else { person(&world, recording).await };
        report.add("catalog", &recording.name, difference);
    }
    let world = World::open(&folder.join("summaries.db"), 1, true).await;
    for recording in recordings.iter().filter(|recording| !recording.is_exchange()) {
        let difference = summary(&world, recording).await;
        report.add("catalog", &recording.name, difference);
    }
}

async fn exchange(world: &World, recording: &Recording) -> Option<String> {
    let (status, mut actual) = world.send(recording.request()).await;
    let mut expected = recording.answer().clone();
    if let Some(query) = recording.request()["body"]["query"].as_str() {
        settle_ties(query, &mut expected);
        settle_ties(query, &mut actual);
    }
    difference((recording.status(), &expected), (status, &actual))
}

/// The number in the first `object created: N` of an answer.
pub(crate) fn first_created(answer: &Value) -> Option<i64> {
    let aliases = answer["data"].as_object()?;
    aliases.values().find_map(|alias| alias["message"].as_str()?.strip_prefix("object created: ")?.parse().ok())
}

/// An act of a person: through the class API or the admin backend on the recorded instance,
/// `/_standin/objects` here.
async fn person(world: &World, recording: &Recording) -> Option<String> {
    let body = &recording.request()["body"];
    let url = format!("{}/_standin/objects", world.base);
    if body["delete"] == true {
        let path = body["path"].as_str().unwrap();
        let response = world.client().delete(url).query(&[("path", path)]).send().await.unwrap();
        let actual: Value = response.json().await.unwrap();
        return difference((200, recording.answer()), (200, &actual));
    }
    if let Some(task) = recording.request()["url"].as_str().and_then(|url| url.split("task=").nth(1)) {
        let mut set: Value = serde_json::from_str(body["data"].as_str().unwrap()).unwrap();
        // The admin form sends localized fields by language.
        if let Some(localized) = set.as_object_mut().unwrap().remove("localizedfields") {
            for (language, fields) in localized.as_object().unwrap() {
                for (field, value) in fields.as_object().unwrap() {
                    set[field][language] = value.clone();
                }
            }
        }
        set["published"] = Value::Bool(task == "publish");
        let id: i64 = body["id"].as_str().unwrap().parse().unwrap();
        let seen = edit(world, json!({ "id": id, "set": set })).await;
        let expected = &recording.answer()["treeData"];
        return difference(
            (200, &json!([expected["path"], expected["published"], expected["className"]])),
            (200, &json!([seen["fullpath"], seen["published"], seen["class"]])),
        );
    }
    let set = body.get("set").cloned().unwrap_or_else(|| json!({}));
    let seen = if body.get("set").is_some() {
        edit(world, json!({ "path": body["path"], "set": set, "draft": body["draft"] == true })).await
    } else {
        let path = body["path"].as_str().unwrap();
        world.client().get(url).query(&[("path", path)]).send().await.unwrap().json().await.unwrap()
    };
    let mut expected = recording.answer().clone();
    if let Some(draft) = expected.get("latestVersion_shown_as_draft") {
        let pending = seen["draft"]["marketingName"]["en"].clone();
        let wanted = json!([draft["marketingName_en"], expected["modificationDate"]]);
        return difference((200, &wanted), (200, &json!([pending, seen["modificationDate"]])));
    }
    // Version numbers count what the stand-in does not keep; a draft reports the date of the draft.
    let expected = expected.as_object_mut().unwrap();
    expected.remove("versions");
    if body["draft"] == true {
        expected.remove("modificationDate");
    }
    let actual: serde_json::Map<String, Value> =
        expected.keys().map(|name| (name.clone(), as_person_reads(&seen, name))).collect();
    difference((200, &Value::Object(expected.clone())), (200, &Value::Object(actual)))
}

/// The member of a person's view that the recording calls `name`; a draft lies over what is saved.
fn as_person_reads(seen: &Value, name: &str) -> Value {
    let enrichment = |field: &str| seen["enrichment"][field].clone();
    match name {
        "path" => seen["fullpath"].clone(),
        "marketingName" => {
            let mut value = enrichment("marketingName");
            for (language, text) in seen["draft"]["marketingName"].as_object().into_iter().flatten() {
                value[language] = text.clone();
            }
            value
        }
        "marketingDescription_en" => enrichment("marketingDescription")["en"].clone(),
        "extra" => enrichment("extraCategories"),
        "name_en" => seen["source"]["name"]["en"].clone(),
        "contentHash" => seen["source"]["contentHash"].clone(),
        "variants" => json!(seen["source"]["variants"].as_array().map_or(0, Vec::len)),
        "shopVisibility" | "keepWhenWithdrawn" | "shopHandle" | "hidden" => enrichment(name),
        other => seen[other].clone(),
    }
}

async fn edit(world: &World, body: Value) -> Value {
    let url = format!("{}/_standin/objects", world.base);
    world.client().post(url).json(&body).send().await.unwrap().json().await.unwrap()
}

/// Recordings that sum up many requests: those whose requests can be made again from the summary.
async fn summary(world: &World, recording: &Recording) -> Option<String> {
    match recording.name.as_str() {
        "12-limits-summary" => limits(world, recording).await,
        "14-text-summary" => texts(world).await,
        _ => Some("not an exchange".to_owned()),
    }
}

/// Every field at its limit, beyond it, and at its limit in Arabic letters.
async fn limits(world: &World, recording: &Recording) -> Option<String> {
    arrange::product(world, 9000, "limits", 1, json!({ "externalId": "limits" }));
    for case in recording.json.as_array().unwrap() {
        let Some(field) = case["field"].as_str() else { continue };
        let length = usize::try_from(case["chars"].as_u64().unwrap()).unwrap();
        let Some(letter) = case["char"].as_str() else { continue };
        let text = letter.repeat(length);
        let input = match field.split_once('.') {
            Some((list, "en" | "ar")) => json!({ list: { field.split_once('.').unwrap().1: text } }),
            Some((list, cell)) => {
                let kind = PRODUCT.field(list).map(|field| field.kind);
                let Some(pim::model::Kind::Rows(rows)) = kind else { continue };
                let items = json!([{ cell: "ok" }, { cell: text }]);
                json!({ list: { "replace": true, "items": { rows.name: items } } })
            }
            None if PRODUCT.field(field).is_none() => continue,
            None if PRODUCT.field(field).unwrap().localized => json!({ field: { "en": text } }),
            None => json!({ field: text }),
        };
        let mutation = "mutation($i:UpdateCatalogProductInput){updateCatalogProduct(\
                        fullpath:\"/catalog/products/limits\",input:$i){success message}}";
        let answer = world.query(mutation, json!({ "i": input })).await;
        let answer = &answer["data"]["updateCatalogProduct"];
        let refused = case["success"] == false;
        if answer["success"] != case["success"] || (refused && answer["message"] != case["message"]) {
            return Some(format!("{field} with {length} characters: {answer}"));
        }
    }
    None
}

/// Texts that came back unchanged.
async fn texts(world: &World) -> Option<String> {
    let texts = [
        "a\u{0}b",
        "\u{1}\u{1f}\u{7f}",
        "👩‍👩‍👧",
        "\u{200f}عربي\u{202b}",
        "a\r\nb\rc",
        "e\u{301}\u{feff}\u{a0}",
        "<<< <",
        "\\ % {}",
        "\u{2028}\u{2029}",
        "  x  ",
        "",
        "<script>x()</script><p onclick=\"y()\">&amp;</p>",
    ];
    arrange::product(world, 9001, "texts", 1, json!({ "externalId": "texts" }));
    for text in texts {
        let input = json!({ "name": { "en": text }, "description": { "ar": text }, "brand": text, "warnings": text });
        let mutation = "mutation($i:UpdateCatalogProductInput){updateCatalogProduct(\
                        fullpath:\"/catalog/products/texts\",input:$i){success message}}";
        world.query(mutation, json!({ "i": input })).await;
        let query = "{getCatalogProduct(fullpath:\"/catalog/products/texts\"){\
                     name(language:\"en\") description(language:\"ar\") brand warnings}}";
        let seen = world.query(query, Value::Null).await;
        let expected = json!({ "name": text, "description": text, "brand": text, "warnings": text });
        if seen["data"]["getCatalogProduct"] != expected {
            return Some(format!("{text:?} came back as {seen}"));
        }
    }
    None
}

/// Makes the state that a recording found and no recorded request made.
fn prepare(world: &World, name: &str, recordings: &[Recording]) {
    let answer = |name: &str| recordings.iter().find(|recording| recording.name == name).unwrap().answer();
    match name {
        // Ten products were made by requests that are left out.
        "03a-read-10-full-by-ids" => arrange::put(world, &PRODUCT, &arrange::rows(answer(name), PRODUCTS)),
        "05a-batch-10-creates" => {
            arrange::remove(world, "/catalog/products/DEMO-P-1");
            arrange::remove(world, "/catalog/products/noext");
        }
        "15-fullpaths-10-light" => after_timing_runs(world, &answer),
        "12-limit-brand-191" => {
            arrange::product(world, 5370, "demo-lim", 1_795_366_818, json!({ "externalId": "demo:lim" }));
        }
        "16a-move-category" => {
            for (id, key) in [(5374, "demo-big-4"), (5375, "demo-big-5")] {
                arrange::product(world, id, key, 1_795_366_843, json!({ "externalId": key }));
            }
            let boots = json!([{ "fullpath": "/catalog/categories/women/shoes/boots" }]);
            let fields = json!({ "externalId": "demo:boot", "categories": boots });
            arrange::product(world, 5376, "demo-boot", 1_795_366_847, fields);
        }
        "16v1-person-adds-extraCategories" => after_races(world, answer(name)),
        "18e-create-in-products" => {
            arrange::folder(world, 2, "/products");
            arrange::folder(world, 10, "/products/ext-1001");
        }
        "18s-deleteCatalogProduct-on-the-products-folder" => arrange::remove(world, "/catalog/categories/outside"),
        "16v8-pipeline-whole-input-while-unpublished" => arrange::publish(world, "/catalog/categories/outlet", false),
        "16v10-read-after-republish" | "20a-after-reinstall-data-still-there" => {
            arrange::publish(world, "/catalog/categories/outlet", true);
        }
        "22a-create-after-fresh-install" => {
            arrange::category(world, 5435, "/catalog/categories/women", 1_795_367_399, "demo:women");
            arrange::category(world, 5436, "/catalog/categories/women/shoes", 1_795_367_399, "demo:shoes");
        }
        "16w1-before-category-delete" => before_category_delete(world, &answer(name)["data"]["getCatalogProduct"]),
        _ => {}
    }
}

/// Timing runs made more products and rewrote these.
fn after_timing_runs<'r>(world: &World, answer: &impl Fn(&str) -> &'r Value) {
    let rewritten = arrange::rows(answer("15-ids-10-full"), PRODUCTS);
    rewritten.iter().for_each(|given| arrange::remove(world, given.path));
    arrange::put(world, &PRODUCT, &rewritten);
    arrange::put(world, &PRODUCT, &arrange::rows(answer("15-ids-20-light"), PRODUCTS));
    let listed = answer("15z2-id-page-listing-for-reconciliation");
    arrange::put(world, &PRODUCT, &arrange::rows(listed, PRODUCTS));
    let total = listed["data"][PRODUCTS]["totalCount"].as_i64().unwrap();
    let known = i64::try_from(listed["data"][PRODUCTS]["edges"].as_array().unwrap().len()).unwrap();
    for filler in 0..total - known {
        let external = json!({ "externalId": format!("filler:{filler}"), "withdrawn": false });
        arrange::product(world, 5180 + filler, &format!("filler-{filler}"), 1_795_366_790, external);
    }
}

/// 25 races left a category each.
fn after_races(world: &World, read: &Value) {
    for round in 0..25 {
        let path = format!("/catalog/categories/cc{round}");
        arrange::category(world, 5378 + 2 * round, &path, 1_795_366_979, &format!("demo:cc{round}"));
    }
    let paths = json!([
        { "fullpath": "/catalog/categories/men" }, { "fullpath": "/catalog/categories/outlet" }
    ]);
    let fields = json!({
        "externalId": "demo:unp", "brand": "Acme", "categories": paths, "shopVisibility": "inherit",
        "name_en": read["name_en"], "contentHash": read["contentHash"],
        "variants": vec![json!({}); usize::try_from(read["variants"].as_u64().unwrap()).unwrap()],
    });
    arrange::product(world, 5428, "demo-unp", 1_795_367_011, fields);
}

fn before_category_delete(world: &World, read: &Value) {
    for (id, path) in [(5439, "del"), (5440, "del/sub"), (5441, "keep")] {
        let external = format!("demo:{}", path.rsplit('/').next().unwrap());
        arrange::category(world, id, &format!("/catalog/categories/{path}"), 1_795_367_673, &external);
    }
    let fields = json!({
        "externalId": "demo:dc-1", "categories": read["categories"], "extraCategories": read["extraCategories"],
    });
    let given = Given {
        id: 5442,
        path: "/catalog/products/dc",
        published: true,
        created: 1_795_367_673,
        modified: 1_795_367_673,
        fields,
    };
    arrange::put(world, &PRODUCT, &[given]);
}
