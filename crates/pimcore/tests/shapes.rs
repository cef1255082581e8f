//! Nothing is sent to Pimcore that a real one was not seen to answer.
//!
//! The client does everything it can against the stand-in, and each request on its way is compared
//! with the recorded exchanges: which headers, which field with which arguments (literal, or
//! variables of which types, with which kinds of values), which filter, which fields of the answer,
//! which fields of an input with which kinds of values. What only a request of the same kind about
//! another class has is named here; what no request ever had fails the test.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;
use crate::requests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use catalog::{Localized, Product, ProductKey, Version};
use common::{category, product, provenance};
use pimcore::{Cursor, Pimcore, ProductInput, ProductPath, Write, WriteOutcome, operations};
use requests::{Call, Seen, recorded};
use serde_json::{Value, json};
use testing::standin::{KEY, StandIn, later};

/// Shapes that a real Pimcore was seen to answer for another class or field only, and why that is
/// as good.
const BY_ANALOGY: [(&str, &str); 10] = [
    (
        "getCatalogCategoryListing(first:literal int published:false sortBy:[\"modificationDate\",\"id\"] sortOrder:[\"DESC\",\"DESC\"])",
        "the general recordings sort downwards, and products by both fields; one resolver serves the listings of all classes",
    ),
    ("categories → edges/node/creationDate", "a system field of every object, recorded of products"),
    (
        "getCatalogCategoryListing(filter:String=string first:literal int published:false sortBy:[\"id\"] sortOrder:[\"ASC\"])",
        "recording 15z2 pages products like this; one resolver serves the listings of all classes",
    ),
    (
        "input of product: categories[].id:int",
        "general recordings 28a and 28d assign categories by id; an id stays when somebody moves the category, a path does not",
    ),
    ("input of product: groupId:null", PLAIN_TEXT),
    ("input of product: sku:null", PLAIN_TEXT),
    ("input of product: url:null", PLAIN_TEXT),
    ("input of product: prices.items.CatalogPrice[].listAmount:null", TEXT_IN_A_ROW),
    ("input of product: variants.items.CatalogVariant[].option2Name:null", TEXT_IN_A_ROW),
    ("input of product: variants.items.CatalogVariant[].option2Value:null", TEXT_IN_A_ROW),
];
const PLAIN_TEXT: &str = "a field of type `input`, like `brand`, which was recorded with null";
const TEXT_IN_A_ROW: &str =
    "a field of type `input` in a row, like `option3Name` and `variantSku`, which were recorded with null";

/// What the class has gained since the recordings: one more field collection, of parts that were
/// recorded of the others. Nothing else may be new.
fn gained(shape: &str) -> bool {
    shape.contains("→ fieldcollection_CatalogFact/")
        || shape.contains("→ edges/node/facts/…")
        || shape.starts_with("input of product: facts.replace:")
        || shape.starts_with("input of product: facts.items.CatalogFact")
}

/// Headers that an HTTP client sends on its own account.
const OF_HTTP: [&str; 3] = ["host", "content-length", "accept"];

/// Everything the client does.
async fn do_everything(pim: &StandIn, pimcore: &Pimcore) {
    pimcore.health(later()).await.unwrap();
    let category = place_categories(pimcore).await;
    let (full, bare) = write_products(pim, pimcore, category).await;
    read_everything(pimcore, &[full.key().unwrap(), bare.key().unwrap()]).await;
}

/// The id of a category that was placed, moved and renamed.
async fn place_categories(pimcore: &Pimcore) -> u32 {
    let place = async |time: u64, paths: &[&[catalog::Category]]| {
        let version = Version::new(9_000_000_000_000 + time, "0", 0);
        let paths: Vec<_> = paths.iter().map(|path| catalog::CategoryPath(path.to_vec())).collect();
        let claims: Vec<_> =
            paths.iter().map(|path| pimcore::Claim { source: "demo", version: &version, path }).collect();
        pimcore.place_categories(&claims, true, later()).await.unwrap()
    };
    let arabic = catalog::Category { id: "c".into(), name: Localized::default().with("ar", "أحذية") };
    let nameless = catalog::Category { id: "d".into(), name: Localized::default() };
    let both = catalog::Category { id: "a".into(), name: Localized::default().with("en", "A").with("ar", "ا") };
    let (a, b) = (both, category("b", "B"));
    place(1, &[&[a.clone(), b.clone(), arabic.clone()], std::slice::from_ref(&nameless)]).await;
    // Below another, to the root, another name, and both at once.
    place(2, &[&[a.clone(), arabic.clone()]]).await;
    place(3, &[std::slice::from_ref(&b)]).await;
    place(4, &[&[category("b", "B 2")]]).await;
    let placed = place(5, &[&[b, category("a", "A 2")]]).await;
    let path = catalog::CategoryPath(vec![category("b", ""), category("a", "")]);
    placed.id_of("demo", &path).unwrap().unwrap()
}

/// A product that says everything, and one that says next to nothing.
async fn write_products(pim: &StandIn, pimcore: &Pimcore, category: u32) -> (Product, Product) {
    let key = |product: &Product| product.key().unwrap();
    let write = |product: &Product, publish_new, existing| Write {
        key: key(product),
        existing,
        read: Some(1),
        publish_new,
        input: ProductInput::new(product, &provenance(product), &[]).unwrap(),
    };
    let mut full = product("full");
    full.facts = catalog::Facts {
        mpn: Some("1".into()),
        material: Localized::default().with("en", "Oak"),
        ..Default::default()
    }
    .boxed();
    full.variants[0].facts.clone_from(&full.facts);
    let bare = bare();
    let one_option = Product { options: full.options[..1].to_vec(), ..product("one-option") };
    let mut writes = vec![write(&full, true, None), write(&bare, false, None), write(&one_option, true, None)];
    writes[0].input = writes[0].input.clone().in_categories(&[category]);
    let saved = pimcore.write(writes, later()).await;
    assert!(saved.values().all(|outcome| matches!(outcome, WriteOutcome::Saved(_))), "{saved:?}");
    // Withdrawn, and back; a batch that creates as well; a create that finds it exists; an update
    // that finds nothing, and makes nothing.
    let at = |product: &Product| Some(ProductPath::of(&key(product)));
    let mut withdrawn = write(&Product { withdrawn: true, ..full.clone() }, true, at(&full));
    withdrawn.input = withdrawn.input.publish(false).remark("remark");
    let mut back = write(&full, true, at(&full));
    back.input = back.input.publish(true);
    let mut gone = write(&product("gone"), true, at(&product("gone")));
    gone.input = gone.input.publish(false);
    for writes in [vec![withdrawn, write(&product("new"), true, None)], vec![back, write(&bare, true, None), gone]] {
        let saved = pimcore.write(writes, later()).await;
        for (key, outcome) in saved {
            assert_eq!(matches!(outcome, WriteOutcome::Saved(_)), key.id() != "gone", "{key}: {outcome:?}");
        }
    }
    assert!(pim.view("/catalog/products/demo-gone").is_none());
    (full, bare)
}

fn bare() -> Product {
    Product {
        group: None,
        sku: None,
        name: Localized::default().with("en", "Bare"),
        description: Localized::default(),
        brand: None,
        categories: vec![],
        attributes: vec![],
        options: vec![],
        variants: vec![],
        images: vec![],
        url: None,
        ..product("bare")
    }
}

async fn read_everything(pimcore: &Pimcore, keys: &[ProductKey]) {
    assert_eq!(pimcore.read_heads(keys, later()).await.unwrap().len(), keys.len());
    assert_eq!(pimcore.read_products(&keys[..1], later()).await.unwrap().len(), 1);
    let changes = pimcore.changes(Cursor::default(), later()).await.unwrap();
    pimcore.changes(changes.last().unwrap().cursor, later()).await.unwrap();
    let id = changes.last().unwrap().cursor.id;
    pimcore.inventory(&[id, id + 1], later()).await.unwrap();
    pimcore.census(id, later()).await.unwrap();
    pimcore.category_tree(Duration::ZERO, later()).await.unwrap();
}

#[tokio::test]
async fn every_request_has_a_shape_that_a_real_pimcore_answered() {
    let Some(root) = common::recordings() else { return };
    let pim = StandIn::start("shapes").await;
    let (url, sent) = requests::record(&pim).await;
    let pimcore = Pimcore::new(&url, &pimcore::ApiKey::new(KEY)).unwrap();
    do_everything(&pim, &pimcore).await;
    let sent = sent.lock().unwrap().clone();

    let known = recorded(&root.join("catalog/recordings"));
    assert!(known.calls.len() > 40, "only {} recorded calls were understood", known.calls.len());
    let kin = recorded(&root.join("record"));
    let mut documents: BTreeSet<String> = BTreeSet::new();
    let mut unknown: BTreeMap<String, Seen> = BTreeMap::new();
    for request in &sent {
        let foreign: Vec<_> = request.headers.iter().filter(|name| !known.headers.contains(*name)).collect();
        assert!(foreign.iter().all(|name| OF_HTTP.contains(&name.as_str())), "headers never seen: {foreign:?}");
        let mut members: BTreeSet<&str> = request.body.as_object().unwrap().keys().map(String::as_str).collect();
        // What a mutation was decided upon, for our bundle. Data Hub takes these two members and
        // passes over others, as it was seen to do with `operationName`.
        members.remove("extensions");
        assert_eq!(members, BTreeSet::from(["query", "variables"]));
        let calls = Call::all(&request.body);
        documents.insert(request.body["query"].as_str().unwrap().to_owned());
        assert!(!calls.is_empty(), "{:#}", request.body);
        for call in calls {
            for shape in call.shapes() {
                let seen = known.sees(&shape, &kin);
                if seen != Seen::Itself && !gained(&shape.to_string()) {
                    unknown.insert(shape.to_string(), seen);
                }
            }
        }
    }
    for fixed in [
        operations::READ_PRODUCTS,
        operations::READ_HEADS,
        operations::CHANGES,
        operations::INVENTORY,
        operations::CENSUS,
        operations::READ_CATEGORIES,
        operations::UPDATE_CATEGORY,
        operations::HEALTH,
    ] {
        assert!(documents.contains(fixed), "this test never sends:\n{fixed}");
    }
    let never: Vec<&String> =
        unknown.iter().filter(|(_, seen)| **seen == Seen::Never).map(|(shape, _)| shape).collect();
    assert!(never.is_empty(), "no real Pimcore was ever seen to answer:\n{never:#?}");
    let by_analogy: BTreeSet<&str> = unknown.keys().map(String::as_str).collect();
    let listed: BTreeSet<&str> = BY_ANALOGY.iter().map(|(shape, _)| *shape).collect();
    assert_eq!(by_analogy, listed, "seen for another class or field only");
}

#[test]
fn a_shape_that_was_never_seen_is_found() {
    let Some(root) = common::recordings() else { return };
    let (known, kin) = (recorded(&root.join("catalog/recordings")), recorded(&root.join("record")));
    let first = |query: &str, variables: Value| {
        let body = json!({"query": query, "variables": variables});
        Call::all(&body).iter().flat_map(Call::shapes).map(|shape| known.sees(&shape, &kin)).max().unwrap()
    };
    let update = "mutation($p:String,$i:UpdateCatalogProductInput){updateCatalogProduct(fullpath:$p,omitVersionCreate:true,input:$i){success}}";
    let seen = |input: Value| first(update, json!({"p": "/catalog/products/a", "i": input}));
    assert_eq!(seen(json!({"brand": "x", "withdrawn": true})), Seen::Itself);
    assert_ne!(seen(json!({"brand": 5})), Seen::Itself);
    assert_ne!(seen(json!({"tags": []})), Seen::Itself);
    let list = |filter: &str| {
        first(
            "query($f:String){getCatalogProductListing(filter:$f,published:false,first:9){totalCount}}",
            json!({"f": filter}),
        )
    };
    assert_eq!(list(r#"{"$or":[{"externalId":"demo:1"}]}"#), Seen::Itself);
    assert_eq!(list(r#"{"externalId":{"$in":["demo:1"]}}"#), Seen::Never);
    assert_eq!(
        first("{getCatalogProductListing(published:false,first:9){edges{node{tags{name}}}}}", json!({})),
        Seen::Never
    );
    assert_eq!(first("{getCatalogProductListing(published:false,last:9){totalCount}}", json!({})), Seen::Never);
}
