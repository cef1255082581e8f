//! The client against the stand-in for Pimcore.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;

use std::time::{Duration, Instant};

use catalog::{ErrorKind, Failure, Localized, Product, ProductKey, Version};
use common::{category, product, provenance};
use pimcore::{
    ApiKey, Batching, Cursor, Pimcore, Placed, ProductInput, ProductPath, ShopVisibility, Write, WriteOutcome,
};
use serde_json::json;
use testing::standin::{KEY, StandIn, later};

fn key(product: &Product) -> ProductKey {
    product.key().unwrap()
}

fn path(product: &Product) -> String {
    ProductPath::of(&key(product)).as_str().to_owned()
}

fn create(product: &Product) -> Write {
    Write {
        key: key(product),
        existing: None,
        read: None,
        publish_new: true,
        input: ProductInput::new(product, &provenance(product), &[]).unwrap(),
    }
}

async fn write_one(pimcore: &Pimcore, write: Write) -> WriteOutcome {
    let key = write.key.clone();
    pimcore.write(vec![write], later()).await.remove(&key).unwrap()
}

fn failure(outcome: WriteOutcome) -> Failure {
    let WriteOutcome::Failed(failure) = outcome else { panic!("not a failure: {outcome:?}") };
    failure
}

fn saved(outcome: &WriteOutcome) -> u32 {
    let WriteOutcome::Saved(saved) = outcome else { panic!("not saved: {outcome:?}") };
    saved.id
}

async fn place(pimcore: &Pimcore, version: &Version, paths: &[&[(&str, &str)]]) -> Placed {
    let paths: Vec<catalog::CategoryPath> = paths
        .iter()
        .map(|path| catalog::CategoryPath(path.iter().map(|(id, name)| category(id, name)).collect()))
        .collect();
    let claims: Vec<pimcore::Claim<'_>> =
        paths.iter().map(|path| pimcore::Claim { source: "demo", version, path }).collect();
    pimcore.place_categories(&claims, false, later()).await.unwrap()
}

/// Later than anything that Pimcore has saved.
fn newest() -> Version {
    Version::new(9_000_000_000_000, "0", 0)
}

#[tokio::test]
async fn what_is_written_is_read_back_exactly() {
    let pim = StandIn::start("round-trip").await;
    let pimcore = pim.client();
    let product = product("p-1");
    let placed = place(&pimcore, &newest(), &[&[("women", "Women"), ("shirts", "Shirts")]]).await;
    let id = placed.id_of("demo", &product.categories[0]).unwrap().unwrap();
    let mut write = create(&product);
    write.input = write.input.in_categories(&[id]);
    let object = saved(&write_one(&pimcore, write).await);

    let read = pimcore.read_products(&[key(&product)], later()).await.unwrap().remove(&key(&product)).unwrap().unwrap();
    assert_eq!((read.id, read.published, read.withdrawn), (object, true, false));
    assert_eq!(read.fullpath, "/catalog/products/demo-p-1");
    assert_eq!((&read.name, &read.description), (&product.name, &product.description));
    assert_eq!(
        (&read.brand, &read.sku, &read.group, &read.url),
        (&product.brand, &product.sku, &product.group, &product.url)
    );
    assert_eq!(read.content_hash, Some(provenance(&product).hash));
    assert_eq!(read.source_version, Some(provenance(&product).version));
    assert_eq!(read.categories.len(), 1);
    assert_eq!(read.categories[0].external_id.as_deref(), Some("demo:shirts"));
    let images: Vec<_> = read.images.iter().map(|image| (image.url.as_str(), image.variant_sku.as_deref())).collect();
    assert_eq!(
        images,
        [
            ("https://img.example/p-1.jpg", None),
            ("https://img.example/p-1-S.jpg", Some("p-1-S")),
            ("https://img.example/p-1-M.jpg", Some("p-1-M"))
        ]
    );
    let attributes: Vec<_> =
        read.attributes.iter().map(|a| (a.lang.as_str(), a.name.as_str(), a.text.as_str())).collect();
    assert_eq!(attributes, [("ar", "المادة", "قطن"), ("en", "Material", "Cotton"), ("en", "Material", "Wool")]);
    assert_eq!(read.variants.len(), 2);
    assert_eq!(
        read.variants[0].options,
        [("Color".to_owned(), "Black".to_owned()), ("Size".to_owned(), "S".to_owned())]
    );
    assert_eq!(read.variants[1].stock, 20);
    let prices: Vec<_> = read
        .prices_of("p-1-M")
        .map(|p| (p.currency.as_str(), p.amount.to_string(), p.list_amount.map(|d| d.to_string())))
        .collect();
    assert_eq!(prices, [("SAR", "23.80".into(), Some("28.00".into())), ("USD", "6.35".into(), None)]);
    assert_eq!(read.shop_visibility, ShopVisibility::Inherit);
    assert!(read.offered() && !read.keep_when_withdrawn);

    let tree = pimcore.category_tree(Duration::ZERO, later()).await.unwrap();
    let names: Vec<_> =
        tree.path_of(read.categories[0].id).iter().map(|node| node.name.get("en").unwrap().to_owned()).collect();
    assert_eq!(names, ["Women", "Shirts"]);
}

#[tokio::test]
async fn what_a_source_stops_saying_disappears_and_enrichment_stays() {
    let pim = StandIn::start("shrink").await;
    let pimcore = pim.client();
    let mut product = product("p-1");
    write_one(&pimcore, create(&product)).await;
    pim.edit(
        &path(&product),
        json!({"marketingName": {"en": "Best shirt"}, "shopVisibility": "hide", "keepWhenWithdrawn": true}),
    );
    product.brand = None;
    product.attributes.clear();
    product.images.clear();
    product.name = Localized::default().with("en", "Shirt 2");
    product.description = Localized::default();
    product.variants.truncate(1);
    let existing = pimcore.read_heads(&[key(&product)], later()).await.unwrap()[&key(&product)].clone().unwrap().path;
    let update = Write { existing: Some(existing), ..create(&product) };
    saved(&write_one(&pimcore, update).await);
    let read = pimcore.read_products(&[key(&product)], later()).await.unwrap().remove(&key(&product)).unwrap().unwrap();
    assert_eq!((read.brand.as_deref(), read.name.get("ar"), read.description.is_empty()), (None, None, true));
    assert_eq!((read.attributes.len(), read.variants.len(), read.prices.len()), (0, 1, 2));
    assert_eq!(read.images.len(), 1, "only the variant's own is left");
    assert_eq!((read.title("en"), read.name.get("en")), (Some("Best shirt"), Some("Shirt 2")));
    assert!(read.keep_when_withdrawn && !read.offered());
}

#[tokio::test]
async fn a_create_that_finds_it_exists_becomes_an_update_and_an_update_makes_nothing() {
    let pim = StandIn::start("turn").await;
    let pimcore = pim.client();
    let mut product = product("p-1");
    let first = saved(&write_one(&pimcore, create(&product)).await);
    product.brand = Some("Other".into());
    assert_eq!(saved(&write_one(&pimcore, create(&product)).await), first, "the same object");
    let read = pimcore.read_products(&[key(&product)], later()).await.unwrap().remove(&key(&product)).unwrap().unwrap();
    assert_eq!(read.brand.as_deref(), Some("Other"));
    // A person renames it between the look and the write, and then deletes it.
    let update = Write { existing: Some(ProductPath::of(&key(&product))), ..create(&product) };
    pim.edit(&path(&product), json!({"key": "renamed"}));
    assert_eq!(saved(&write_one(&pimcore, update.clone()).await), first, "the same object");
    pim.delete("/catalog/products/renamed");
    let gone = failure(write_one(&pimcore, update).await);
    assert_eq!((gone.kind, gone.code.as_str()), (ErrorKind::Transient, "pimcore_contended"));
    assert!(pim.view(&path(&product)).is_none(), "it is not made again");
}

#[tokio::test]
async fn twenty_products_are_one_request() {
    let pim = StandIn::start("batch").await;
    let pimcore = pim.client();
    let products: Vec<Product> = (0..20).map(|n| product(&format!("b-{n}"))).collect();
    let before = pim.app.counters.now();
    let outcomes = pimcore.write(products.iter().map(create).collect(), later()).await;
    assert!(outcomes.values().all(|outcome| matches!(outcome, WriteOutcome::Saved(_))), "{outcomes:?}");
    let keys: Vec<ProductKey> = products.iter().map(key).collect();
    assert_eq!(pimcore.read_products(&keys, later()).await.unwrap().len(), 20);
    let after = pim.app.counters.now();
    assert_eq!((after.mutations - before.mutations, after.queries - before.queries), (1, 1));
}

#[tokio::test]
async fn neighbours_of_an_alias_that_died_are_sent_again() {
    let pim = StandIn::start("died").await;
    let pimcore = pim.client();
    let products: Vec<Product> = (0..6).map(|n| product(&format!("d-{n}"))).collect();
    pim.fault(json!({"kind": "alias-dies", "match": "demo-d-2"}));
    let outcomes = pimcore.write(products.iter().map(create).collect(), later()).await;
    assert!(outcomes.values().all(|outcome| matches!(outcome, WriteOutcome::Saved(_))), "{outcomes:?}");
    for product in &products {
        assert!(pim.view(&path(product)).is_some(), "{} was reported as saved and is not there", product.id);
    }
    // One that dies every time fails alone, and may be tried again later.
    let products: Vec<Product> = (0..6).map(|n| product(&format!("e-{n}"))).collect();
    pim.fault(json!({"kind": "alias-dies", "match": "demo-e-2", "times": 100}));
    let mut outcomes = pimcore.write(products.iter().map(create).collect(), later()).await;
    let failed = failure(outcomes.remove(&key(&products[2])).unwrap());
    assert_eq!((failed.kind, failed.code.as_str()), (ErrorKind::Transient, "pimcore_internal_error"));
    assert!(outcomes.values().all(|outcome| matches!(outcome, WriteOutcome::Saved(_))), "{outcomes:?}");
}

#[tokio::test]
async fn two_products_that_differ_in_case_only_are_not_mixed_up() {
    let pim = StandIn::start("case").await;
    let pimcore = pim.client();
    let (one, other) = (product("Case"), product("case"));
    saved(&write_one(&pimcore, create(&one)).await);
    saved(&write_one(&pimcore, create(&other)).await);
    let keys = [key(&one), key(&other)];
    let heads = pimcore.read_heads(&keys, later()).await.unwrap();
    let apart = keys.clone().map(|key| heads[&key].clone().unwrap().apart);
    assert_eq!(apart, [false, true], "who was there keeps its external id");
    // An update says the external id again, in the form that is there.
    let (mut changed, head) = (other.clone(), heads[&keys[1]].clone().unwrap());
    changed.brand = Some("Other".into());
    let update = Write { existing: Some(head.path), input: create(&changed).input.kept_apart(), ..create(&changed) };
    saved(&write_one(&pimcore, update).await);
    // So does one that takes it for new.
    changed.brand = Some("Third".into());
    saved(&write_one(&pimcore, create(&changed)).await);
    let read = pimcore.read_products(&keys, later()).await.unwrap();
    let brands = keys.clone().map(|key| read[&key].as_ref().unwrap().brand.clone());
    assert_eq!(brands, [one.brand, Some("Third".into())]);
    let changes = pimcore.changes(Cursor::default(), later()).await.unwrap();
    let mut said: Vec<_> = changes.into_iter().filter_map(|change| change.external_id).collect();
    said.sort();
    assert_eq!(said, ["demo:Case", "demo:case"], "the change feed knows both");
    // Once the first is gone, the second is still found, not made again.
    pim.delete(ProductPath::of(&keys[0]).as_str());
    assert_eq!(pimcore.read_heads(&keys[1..], later()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_external_id_that_is_too_long_to_be_kept_apart_is_refused_by_name() {
    let pim = StandIn::start("case-long").await;
    let pimcore = pim.client();
    let long = |letter: &str| {
        let source = "s".repeat(32);
        Product { source, ..product(&letter.repeat(ProductKey::MAX_ID_CHARS)) }
    };
    saved(&write_one(&pimcore, create(&long("a"))).await);
    let refused = failure(write_one(&pimcore, create(&long("A"))).await);
    assert_eq!((refused.kind, refused.code.as_str()), (ErrorKind::Permanent, "pimcore_other_product"));
    assert!(refused.message.contains("aaa") && refused.message.contains("AAA"), "{refused}");
}

#[tokio::test]
async fn difficult_texts_and_sizes_arrive_exactly() {
    let pim = StandIn::start("texts").await;
    let pimcore = pim.client();
    let mut product = product("t");
    let text =
        "\u{1f469}\u{200d}\u{1f4bb} قميص \u{200f}\"'`<script>alert(1)</script>\u{0}\u{1}\r\n=@&amp; \u{2028}e\u{301}";
    product.name = Localized([("en".to_owned(), text.to_owned())].into());
    product.description = Localized([("ar".to_owned(), text.repeat(1000))].into());
    product.images = (0..60).map(|n| format!("https://img.example/{n}.jpg")).collect();
    let variant = product.variants[0].clone();
    product.variants =
        (0..200).map(|n| catalog::Variant { sku: format!("v{n}"), images: vec![], ..variant.clone() }).collect();
    saved(&write_one(&pimcore, create(&product)).await);
    let read = pimcore.read_products(&[key(&product)], later()).await.unwrap().remove(&key(&product)).unwrap().unwrap();
    assert_eq!(read.name, product.name);
    assert_eq!(read.description, product.description);
    assert_eq!((read.images.len(), read.variants.len(), read.prices.len()), (60, 200, 400));
    assert_eq!(read.variants[199].sku, "v199");
}

#[tokio::test]
async fn bad_answers_are_transient_and_leave_nothing_half_done() {
    let pim = StandIn::start("faults").await;
    let pimcore = pim.client();
    for (fault, code) in [
        (json!({"kind": "server-error"}), "pimcore_unavailable"),
        (json!({"kind": "bad-gateway"}), "pimcore_unavailable"),
        (json!({"kind": "unavailable"}), "pimcore_unavailable"),
        (json!({"kind": "too-many-requests"}), "pimcore_throttled"),
        (json!({"kind": "truncated"}), "pimcore_un"),
    ] {
        let product = product("f-1");
        pim.fault(fault);
        let failed = failure(write_one(&pimcore, create(&product)).await);
        assert_eq!(failed.kind, ErrorKind::Transient);
        assert!(failed.code.starts_with(code), "{failed}");
        saved(&write_one(&pimcore, create(&product)).await);
    }
}

#[tokio::test]
async fn no_request_outlives_the_deadline() {
    let pim = StandIn::start("deadline").await;
    let pimcore = pim.client();
    pim.fault(json!({"kind": "hang", "ms": 20_000}));
    let started = Instant::now();
    let failed = pimcore.health(started + Duration::from_millis(300)).await.unwrap_err();
    assert_eq!(failed.code, "pimcore_timeout");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let failed = pimcore.health(Instant::now()).await.unwrap_err();
    assert_eq!(failed.code, "deadline");
}

#[tokio::test]
async fn a_wrong_key_says_so_without_showing_it() {
    let pim = StandIn::start("key").await;
    let wrong = "wrong-key-0123456789";
    let pimcore = Pimcore::new(&pim.url, &ApiKey::new(wrong)).unwrap();
    let failed = pimcore.health(later()).await.unwrap_err();
    assert_eq!((failed.kind, failed.code.as_str()), (ErrorKind::Transient, "pimcore_forbidden"));
    for shown in [failed.to_string(), format!("{pimcore:?}"), format!("{:?}", ApiKey::new(wrong))] {
        assert!(!shown.contains(wrong), "{shown}");
    }
    assert!(Pimcore::new("not an address", &ApiKey::new(KEY)).is_err());
    assert!(Pimcore::new(&pim.url, &ApiKey::new("with\nnewline")).is_err());
}

#[tokio::test]
async fn categories_are_created_once_parents_first() {
    let pim = StandIn::start("tree").await;
    let clients: Vec<Pimcore> = (0..4).map(|_| pim.client()).collect();
    let paths: Vec<Vec<(String, String)>> = (0..12)
        .map(|n| {
            vec![
                ("root".into(), "Root".into()),
                (format!("mid{}", n % 3), "Mid".into()),
                (format!("leaf{n}"), "Leaf".into()),
            ]
        })
        .collect();
    let version = newest();
    let place_all = async |pimcore: &Pimcore| {
        let paths: Vec<Vec<(&str, &str)>> =
            paths.iter().map(|path| path.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect()).collect();
        let slices: Vec<&[(&str, &str)]> = paths.iter().map(Vec::as_slice).collect();
        place(pimcore, &version, &slices).await
    };
    let placed = futures::future::join_all(clients.iter().map(place_all)).await;
    let tree = clients[0].category_tree(Duration::ZERO, later()).await.unwrap();
    assert_eq!(tree.len(), 1 + 3 + 12);
    for n in 0..12 {
        let leaf = tree.by_external_id(&format!("demo:leaf{n}")).unwrap();
        let ids: Vec<_> = tree.path_of(leaf.id).iter().map(|node| node.external_id.clone().unwrap()).collect();
        assert_eq!(ids, ["demo:root".to_owned(), format!("demo:mid{}", n % 3), format!("demo:leaf{n}")]);
        let path = catalog::CategoryPath(vec![category(&format!("leaf{n}"), "Leaf")]);
        for placed in &placed {
            assert_eq!(placed.id_of("demo", &path).unwrap(), Some(leaf.id));
        }
    }
}

#[tokio::test]
async fn a_known_tree_costs_no_request() {
    let pim = StandIn::start("cached").await;
    let pimcore = pim.client();
    place(&pimcore, &newest(), &[&[("a", "A"), ("b", "B")]]).await;
    let before = pim.app.counters.now().requests;
    place(&pimcore, &newest(), &[&[("a", "A"), ("b", "B")], &[("a", "A")]]).await;
    assert_eq!(pim.app.counters.now().requests, before);
}

#[tokio::test]
async fn a_feed_moves_and_renames_a_category_once() {
    let pim = StandIn::start("move").await;
    let pimcore = pim.client();
    place(&pimcore, &newest(), &[&[("a", "A"), ("x", "X"), ("y", "Y")], &[("b", "B")]]).await;
    let shown = async || {
        let tree = pimcore.category_tree(Duration::ZERO, later()).await.unwrap();
        let mut paths: Vec<String> =
            tree.iter().map(|node| node.path.as_str().replace("/catalog/categories/", "")).collect();
        paths.sort();
        paths
    };
    assert_eq!(shown().await, ["demo-a", "demo-a/demo-x", "demo-a/demo-x/demo-y", "demo-b"]);
    // An older document cannot undo what a newer one did.
    place(&pimcore, &Version::new(1_000, "0", 0), &[&[("b", "B"), ("x", "Old")]]).await;
    assert_eq!(shown().await, ["demo-a", "demo-a/demo-x", "demo-a/demo-x/demo-y", "demo-b"]);
    place(&pimcore, &newest(), &[&[("b", "B"), ("x", "X new")]]).await;
    assert_eq!(shown().await, ["demo-a", "demo-b", "demo-b/demo-x", "demo-b/demo-x/demo-y"]);
    let tree = pimcore.category_tree(Duration::ZERO, later()).await.unwrap();
    assert_eq!(tree.by_external_id("demo:x").unwrap().name.get("en"), Some("X new"));
    // To the root, below a parent that does not exist yet, and upside down.
    place(&pimcore, &newest(), &[&[("x", "X new")]]).await;
    assert_eq!(shown().await, ["demo-a", "demo-b", "demo-x", "demo-x/demo-y"]);
    place(&pimcore, &newest(), &[&[("new", "New"), ("y", "Y"), ("x", "X new")]]).await;
    assert_eq!(shown().await, ["demo-a", "demo-b", "demo-new", "demo-new/demo-y", "demo-new/demo-y/demo-x"]);
}

#[tokio::test]
async fn one_document_can_move_and_rename_and_many_moves_are_carried_out_at_once() {
    let pim = StandIn::start("moves").await;
    let pimcore = pim.client();
    let children: Vec<String> = (0..30).map(|n| format!("c{n}")).collect();
    let under = |root: &'static str, name: &'static str| -> Vec<Vec<(&str, &str)>> {
        children.iter().map(|child| vec![(root, "Root"), (child.as_str(), name)]).collect()
    };
    let placed = async |version: &Version, paths: &[Vec<(&str, &str)>]| {
        let slices: Vec<&[(&str, &str)]> = paths.iter().map(Vec::as_slice).collect();
        place(&pimcore, version, &slices).await
    };
    placed(&newest(), &under("a", "Old")).await;
    // A document of just now: each save makes the category newer than it.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    pim.ahead.store(2, std::sync::atomic::Ordering::Relaxed);
    let version = Version::new(u64::try_from(now).unwrap() + 1_000, "0", 0);
    let before = pim.app.counters.now();
    placed(&version, &under("b", "New")).await;
    assert_eq!(pim.app.counters.now().updated - before.updated, 30);
    let tree = pimcore.category_tree(Duration::ZERO, later()).await.unwrap();
    for child in &children {
        let node = tree.by_external_id(&format!("demo:{child}")).unwrap();
        assert_eq!(node.path.as_str(), format!("/catalog/categories/demo-b/demo-{child}"));
        assert_eq!(node.name.get("en"), Some("New"));
    }
    placed(&version, &under("a", "Old")).await;
    assert_eq!(pim.app.counters.now().updated - before.updated, 30, "the same document cannot move them back");
}

#[tokio::test]
async fn a_cycle_between_products_leaves_a_tree_and_places_everybody() {
    let pim = StandIn::start("cycle").await;
    let pimcore = pim.client();
    let placed = place(&pimcore, &newest(), &[&[("a", "A"), ("b", "B")], &[("b", "B"), ("a", "A")]]).await;
    for id in ["a", "b"] {
        assert!(placed.id_of("demo", &catalog::CategoryPath(vec![category(id, "")])).unwrap().is_some());
    }
    let tree = pimcore.category_tree(Duration::ZERO, later()).await.unwrap();
    assert_eq!(tree.len(), 2);
    let mut product = product("c");
    product.categories = vec![catalog::CategoryPath(vec![category("a", "A"), category("b", "B"), category("a", "A")])];
    let refused = ProductInput::new(&product, &provenance(&product), &[]).unwrap_err();
    assert_eq!(refused.code, "category_cycle");
}

#[tokio::test]
async fn a_category_that_cannot_be_had_fails_only_its_products() {
    let pim = StandIn::start("taken").await;
    let pimcore = pim.client();
    // Too long to be kept apart.
    let (long, alike) = ("S".repeat(180), "s".repeat(180));
    place(&pimcore, &newest(), &[&[(&long, "Shoes")]]).await;
    let placed = place(&pimcore, &newest(), &[&[(&alike, "shoes")], &[("hats", "Hats")]]).await;
    let of = |id| placed.id_of("demo", &catalog::CategoryPath(vec![category(id, "")]));
    assert_eq!(of(&alike).unwrap_err().code, "pimcore_category_taken");
    assert!(of("hats").unwrap().is_some());
}

#[tokio::test]
async fn a_deleted_category_shows_and_is_made_again() {
    let pim = StandIn::start("deleted").await;
    let pimcore = pim.client();
    let product = product("p");
    let placed = place(&pimcore, &newest(), &[&[("a", "A")]]).await;
    let a = catalog::CategoryPath(vec![category("a", "A")]);
    let old = placed.id_of("demo", &a).unwrap().unwrap();
    pim.delete("/catalog/categories/demo-a");
    let mut write = create(&product);
    write.input = write.input.in_categories(&[old]);
    assert!(matches!(write_one(&pimcore, write.clone()).await, WriteOutcome::StaleTree(_)));
    let version = newest();
    let claims = [pimcore::Claim { source: "demo", version: &version, path: &a }];
    let placed = pimcore.place_categories(&claims, true, later()).await.unwrap();
    write.input = write.input.in_categories(&[placed.id_of("demo", &a).unwrap().unwrap()]);
    saved(&write_one(&pimcore, write).await);
}

#[tokio::test]
async fn the_change_feed_and_the_inventory_see_every_product_once() {
    let pim = StandIn::start("feed").await;
    let pimcore = pim.client().batching(Batching { products: 20, bytes: 900_000, connections: 2 });
    let products: Vec<Product> = (0..620)
        .map(|n| Product { attributes: vec![], description: Localized::default(), ..product(&format!("f-{n}")) })
        .collect();
    let outcomes = pimcore.write(products.iter().map(create).collect(), later()).await;
    assert!(outcomes.values().all(|outcome| matches!(outcome, WriteOutcome::Saved(_))));
    let mut cursor = Cursor::default();
    let mut seen = Vec::new();
    loop {
        let page = pimcore.changes(cursor, later()).await.unwrap();
        assert!(page.windows(2).all(|pair| pair[0].cursor < pair[1].cursor), "in order");
        seen.extend(page.iter().map(|change| change.cursor.id));
        let Some(last) = page.last() else { break };
        cursor = last.cursor;
        if page.len() < Pimcore::page_size() {
            break;
        }
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), products.len());
    let (first, last) = (seen[0], *seen.last().unwrap());
    let asked: Vec<u32> = (first..=last + 50).collect();
    let mut found: Vec<u32> =
        pimcore.inventory(&asked, later()).await.unwrap().iter().map(|row| row.cursor.id).collect();
    found.sort_unstable();
    assert_eq!(found, seen);
    let census = async |upto| pimcore.census(upto, later()).await.unwrap();
    let (none, all) = (census(0).await, census(last).await);
    assert_eq!((none.known, &none.newer[..], none.categories), (Some(0), &seen[..Pimcore::page_size()], 0));
    assert_eq!((all.known, all.newer.len(), census(last - 20).await.newer.len()), (Some(620), 0, 20));
    let health = pimcore.health(later()).await.unwrap();
    assert_eq!((health.products, health.categories), (620, 0));
}

#[tokio::test]
async fn a_product_that_people_renamed_is_found_by_its_external_id() {
    let pim = StandIn::start("moved").await;
    let pimcore = pim.client();
    let product = product("p");
    let id = saved(&write_one(&pimcore, create(&product)).await);
    pim.edit(&path(&product), json!({"key": "renamed by a person"}));
    let head = pimcore.read_heads(&[key(&product)], later()).await.unwrap()[&key(&product)].clone().unwrap();
    assert_eq!(head.path.as_str(), "/catalog/products/renamed by a person");
    let update = Write { existing: Some(head.path), ..create(&product) };
    assert_eq!(saved(&write_one(&pimcore, update).await), id);
    // Without knowing: the create finds the external id taken, and looks it up.
    assert_eq!(saved(&write_one(&pimcore, create(&product)).await), id);
}

#[tokio::test]
async fn an_amount_that_a_person_damaged_fails_its_product_only() {
    let pim = StandIn::start("damaged").await;
    let pimcore = pim.client();
    let (good, bad) = (product("good"), product("bad"));
    pimcore.write(vec![create(&good), create(&bad)], later()).await;
    pim.edit(&path(&bad), json!({"prices": [{"sku": "bad-S", "currency": "SAR", "amount": "twenty"}]}));
    let mut read = pimcore.read_products(&[key(&good), key(&bad)], later()).await.unwrap();
    assert!(read.remove(&key(&good)).unwrap().is_ok());
    let refused = read.remove(&key(&bad)).unwrap().unwrap_err();
    assert_eq!(refused.code, "pimcore_unreadable_field");
    assert!(refused.message.contains("demo:bad") && refused.message.contains("twenty"), "{refused}");
}

/// Somebody saves between the look and the write: with the bundle the write is refused, and looks
/// again by itself.
#[tokio::test]
async fn a_write_that_somebody_overtook_looks_again() {
    let pim = StandIn::with_bundle("overtaken").await;
    let pimcore = pim.client();
    let product = product("overtaken");
    saved(&write_one(&pimcore, create(&product)).await);
    let head = pimcore.read_heads(&[key(&product)], later()).await.unwrap()[&key(&product)].clone().unwrap();
    pim.edit(&path(&product), json!({ "marketingName": { "en": "of a person" } }));
    let changed = Product { brand: Some("new".into()), ..product.clone() };
    let update = Write { existing: Some(head.path), read: Some(head.modified), ..create(&changed) };
    saved(&write_one(&pimcore, update.clone()).await);
    let seen = pim.view(&path(&product)).unwrap();
    assert_eq!(
        (&seen["source"]["brand"], &seen["enrichment"]["marketingName"]["en"]),
        (&json!("new"), &json!("of a person"))
    );

    // What says whether the product is published was decided upon what the person may have changed.
    let withdraw = Write { input: update.input.clone().publish(false), ..update };
    let contended = failure(write_one(&pimcore, withdraw).await);
    assert_eq!((contended.kind, contended.code.as_str()), (ErrorKind::Transient, "pimcore_contended"));
    assert_eq!(pim.view(&path(&product)).unwrap()["published"], true);
}

/// Without the bundle the same request is carried out: what it says of its reading is passed over.
#[tokio::test]
async fn without_the_bundle_nobody_looks_at_what_was_read() {
    let pim = StandIn::start("not-overtaken").await;
    let pimcore = pim.client();
    let product = product("not-overtaken");
    saved(&write_one(&pimcore, create(&product)).await);
    let update = Write { existing: Some(ProductPath::of(&key(&product))), read: Some(1), ..create(&product) };
    saved(&write_one(&pimcore, update).await);
}
