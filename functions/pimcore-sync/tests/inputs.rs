//! Ugly inputs through the function: each ends as exactly that data in Pimcore, or as a permanent
//! refusal that names product, field and limit, here and in the ledger. None of them harms the
//! product beside it.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;

use catalog::{ErrorKind, Failure, Localized, Product, Variant};
use common::{Function, category, failure, key, product, version};
use pimcore::{PimProduct, Pimcore};
use runtime::{Outcome, ProductMessage};
use testing::standin::{StandIn, later};

/// A product that was sent together with a plain one, which arrived.
struct Sent {
    pim: StandIn,
    pimcore: Pimcore,
    function: Function,
    ugly: Product,
    message: ProductMessage,
    outcome: Outcome,
}

async fn send(name: &str, change: impl FnOnce(&mut Product)) -> Sent {
    let pim = StandIn::start(&format!("input-{name}")).await;
    let (pimcore, function) = (pim.client(), Function::default());
    let mut ugly = product("ugly");
    change(&mut ugly);
    let [message, plain] = [&ugly, &product("plain")].map(|product| function.memory.put(product, &version(1)));
    let mut outcomes = function.run(&pimcore, &[message.clone(), plain]).await;
    assert_eq!(outcomes[&key("plain")], Outcome::Done);
    let outcome = outcomes.remove(&message.key).unwrap();
    Sent { pim, pimcore, function, ugly, message, outcome }
}

/// A product that arrives: as it was sent, and as Pimcore holds it.
async fn arrives(name: &str, change: impl FnOnce(&mut Product)) -> (Product, PimProduct) {
    let Sent { pim, pimcore, ugly, message, outcome, .. } = send(name, change).await;
    assert_eq!(outcome, Outcome::Done);
    let key = &message.key;
    let read = pimcore.read_products(std::slice::from_ref(key), later()).await.unwrap().remove(key).unwrap().unwrap();
    assert_eq!(read.content_hash, Some(catalog::ContentHash::of(&ugly)));
    // It stays so: the same document is not written again.
    let before = pim.app.counters.now().aliases_written;
    let again = Function::default();
    again.memory.put(&ugly, &version(2));
    assert_eq!(again.run(&pimcore, &[message]).await[&ugly.key().unwrap()], Outcome::Done);
    assert_eq!(pim.app.counters.now().aliases_written, before);
    (ugly, read)
}

/// A product that does not arrive: why, as the ledger has it too.
async fn refused(name: &str, change: impl FnOnce(&mut Product)) -> Failure {
    let Sent { function, message, outcome, .. } = send(name, change).await;
    let refused = failure(&outcome);
    assert_eq!(refused.kind, ErrorKind::Permanent, "{refused}");
    let recorded = function.memory.state(&message.key).pimcore.last_error.unwrap();
    assert_eq!((&recorded.code, &recorded.message), (&refused.code, &refused.message));
    assert!(refused.message.chars().count() < 400, "the value itself is not repeated: {refused}");
    refused
}

fn too_long(refused: &Failure, field: &str, chars: usize, limit: usize) {
    assert_eq!(refused.code, "pimcore_field_too_long");
    let wanted = format!("demo:ugly: {field} has {chars} characters, Pimcore keeps {limit}");
    assert!(refused.message.starts_with(&wanted), "{refused}");
}

fn text(en: &str) -> Localized {
    Localized([("en".to_owned(), en.to_owned())].into())
}

#[tokio::test]
async fn a_name_of_513_characters() {
    too_long(&refused("name", |p| p.name = text(&"x".repeat(513))).await, "name.en", 513, 512);
}

#[tokio::test]
async fn an_arabic_name_of_513_characters_counts_letters() {
    let long = |chars| Localized::default().with("en", "Shirt").with("ar", &"م".repeat(chars));
    too_long(&refused("name-ar", |p| p.name = long(513)).await, "name.ar", 513, 512);
    let (sent, read) = arrives("name-ar-fits", |p| p.name = long(512)).await;
    assert_eq!(read.name, sent.name);
}

#[tokio::test]
async fn a_sku_of_191_characters() {
    too_long(&refused("sku", |p| p.sku = Some("s".repeat(191))).await, "sku", 191, 190);
    too_long(&refused("variant-sku", |p| p.variants[3].sku = "s".repeat(191)).await, "variants[3].sku", 191, 190);
}

/// A text in every place where a source can put one.
fn everywhere(product: &mut Product, words: &str) {
    product.name = text(words);
    product.description = Localized::default().with("en", &words.repeat(100)).with("ar", words);
    product.brand = Some(words.to_owned());
    product.group = Some(words.to_owned());
    product.sku = Some(words.to_owned());
    product.attributes[0].code = words.to_owned();
    product.attributes[0].name = text(words);
    product.attributes[0].values = vec![text(words)];
    product.options[0].name = text(words);
    product.variants[0].title = words.to_owned();
    product.variants[0].sku = words.to_owned();
    product.variants[0].options[0] = words.to_owned();
    product.categories[0].0[1].name = text(words);
}

async fn arrives_everywhere(name: &str, words: &str) {
    let (sent, read) = arrives(name, |product| everywhere(product, words)).await;
    assert_eq!((&read.name, &read.description), (&sent.name, &sent.description));
    assert_eq!((&read.brand, &read.group, &read.sku), (&sent.brand, &sent.group, &sent.sku));
    let attribute = &read.attributes[0];
    assert_eq!([&attribute.code, &attribute.name, &attribute.text], [words; 3]);
    let variant = &read.variants[0];
    assert_eq!([&variant.sku, &variant.title], [words; 2]);
    assert_eq!(variant.options[0], (words.to_owned(), words.to_owned()));
}

#[tokio::test]
async fn emoji() {
    arrives_everywhere("emoji", "\u{1f469}\u{200d}\u{1f4bb}\u{1f455}🇸🇦").await;
}

#[tokio::test]
async fn arabic_with_direction_marks() {
    arrives_everywhere("arabic", "\u{200f}قميص رجالي ١٢٣\u{200e} (XL)").await;
}

#[tokio::test]
async fn html_with_scripts() {
    let html = "<p onclick=\"x()\">A &amp; b<br><script>alert('1')</script><iframe src=//x></iframe><<< <</p>";
    arrives_everywhere("html", html).await;
}

#[tokio::test]
async fn quotes() {
    arrives_everywhere("quotes", r#""'`´“”‘’«»\"\\ %s ${x} {{y}} ' OR 1=1 --"#).await;
}

#[tokio::test]
async fn nul_and_other_controls() {
    arrives_everywhere("nul", "a\u{0}b\u{1}c\u{1f}d\u{7f}e\r\nf\rg\th\u{2028}i\u{feff}j").await;
}

#[tokio::test]
async fn spaces_at_both_ends_and_combining_marks() {
    arrives_everywhere("spaces", "  e\u{301}\u{a0}é  ").await;
}

#[tokio::test]
async fn an_id_of_anything_printable() {
    let (sent, read) = arrives("id", |p| p.id = "قميص 👕 / <a> \"x\" 'y' % ? # & \\ ..".into()).await;
    assert_eq!(read.key, sent.key().unwrap());
    let name = read.fullpath.strip_prefix("/catalog/products/").unwrap();
    assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)), "{name}");
}

#[tokio::test]
async fn sixty_images() {
    let urls: Vec<String> = (0..60).map(|n| format!("https://img.example/{n}.jpg?w=1&h=2")).collect();
    let (_, read) = arrives("images", |p| p.images.clone_from(&urls)).await;
    let shared: Vec<&String> = read.images.iter().filter(|image| image.variant_sku.is_none()).map(|i| &i.url).collect();
    assert_eq!(shared, urls.iter().collect::<Vec<_>>());
}

#[tokio::test]
async fn two_hundred_variants() {
    let (sent, read) = arrives("variants", |p| {
        let first = p.variants[0].clone();
        let variant = |n: usize| Variant { sku: format!("v{n}"), title: format!("V {n}"), stock: -1, ..first.clone() };
        p.variants = (0..200).map(variant).collect();
    })
    .await;
    let skus = |variants: &[Variant]| variants.iter().map(|v| v.sku.clone()).collect::<Vec<_>>();
    assert_eq!(read.variants.iter().map(|v| v.sku.clone()).collect::<Vec<_>>(), skus(&sent.variants));
    assert_eq!(read.prices.len(), 400);
    assert!(read.variants.iter().all(|variant| variant.stock == -1));
}

#[tokio::test]
async fn an_eleventh_option() {
    let refused = refused("options", |p| {
        let option = |n: usize| catalog::ProductOption { name: text(&format!("Option {n}")) };
        p.options = (0..11).map(option).collect();
    })
    .await;
    assert_eq!(refused.code, "pimcore_too_many_options");
    assert!(refused.message.starts_with("demo:ugly: options has 11 entries, Pimcore keeps 10"), "{refused}");
}

#[tokio::test]
async fn a_category_below_itself_in_one_product() {
    let refused = refused("ring", |p| {
        p.categories = vec![catalog::CategoryPath(vec![category("women"), category("shoes"), category("women")])];
    })
    .await;
    assert_eq!(refused.code, "category_cycle");
    assert!(refused.message.starts_with("demo:ugly: ") && refused.message.contains("\"women\""), "{refused}");
}

#[tokio::test]
async fn a_category_cycle_between_two_products_leaves_a_tree_and_places_both() {
    let pim = StandIn::start("input-cycle").await;
    let (pimcore, function) = (pim.client(), Function::default());
    let in_path = |id: &str, path: [&str; 2]| Product {
        categories: vec![catalog::CategoryPath(path.map(category).into())],
        ..product(id)
    };
    let (down, up) = (in_path("down", ["a", "b"]), in_path("up", ["b", "a"]));
    for (n, order) in [[&down, &up], [&up, &down]].into_iter().enumerate() {
        let put = |product: &&Product| {
            let changed = Product { brand: Some(format!("Brand {n}")), ..(*product).clone() };
            function.memory.put(&changed, &version(1 + n as u64))
        };
        let messages: Vec<_> = order.iter().map(put).collect();
        let outcomes = function.run(&pimcore, &messages).await;
        assert!(outcomes.values().all(|outcome| *outcome == Outcome::Done), "{outcomes:?}");
    }
    let tree = pimcore.category_tree(std::time::Duration::ZERO, later()).await.unwrap();
    assert_eq!(tree.len(), 2);
    assert!(tree.iter().any(|node| node.parent.is_none()), "a ring has no root");
    let read = pimcore.read_products(&[key("down"), key("up")], later()).await.unwrap();
    let category_of = |id: &str| read[&key(id)].as_ref().unwrap().categories[0].external_id.clone().unwrap();
    assert_eq!((category_of("down"), category_of("up")), ("demo:b".into(), "demo:a".into()));
}

#[tokio::test]
async fn two_products_that_differ_in_case_only() {
    let pim = StandIn::start("input-case").await;
    let (pimcore, function) = (pim.client(), Function::default());
    // One after the other, and in one batch.
    for ids in [vec!["Shirt", "shirt"], vec!["TIE", "Tie", "tie"], vec!["café", "cafe"]] {
        let messages: Vec<_> = ids.iter().map(|id| function.memory.put(&product(id), &version(1))).collect();
        for message in messages {
            let outcomes = function.run(&pimcore, std::slice::from_ref(&message)).await;
            assert_eq!(outcomes[&message.key], Outcome::Done);
        }
        arrived_each_as_itself(&pimcore, &ids).await;
    }
    let messages = ["Hat", "hat", "HAT"].map(|id| function.memory.put(&product(id), &version(1)));
    let outcomes = function.run(&pimcore, &messages).await;
    assert!(outcomes.values().all(|outcome| *outcome == Outcome::Done), "{outcomes:?}");
    arrived_each_as_itself(&pimcore, &["Hat", "hat", "HAT"]).await;
    // What changes of each is written to each.
    let changed = ["Hat", "hat", "HAT"].map(|id| Product { brand: Some(format!("of {id}")), ..product(id) });
    let messages = changed.map(|product| function.memory.put(&product, &version(2)));
    let outcomes = function.run(&pimcore, &messages).await;
    assert!(outcomes.values().all(|outcome| *outcome == Outcome::Done), "{outcomes:?}");
    let read = pimcore.read_products(&["Hat", "hat", "HAT"].map(key), later()).await.unwrap();
    for (key, product) in read {
        assert_eq!(product.unwrap().brand, Some(format!("of {}", key.id())));
    }
}

async fn arrived_each_as_itself(pimcore: &pimcore::Pimcore, ids: &[&str]) {
    let keys: Vec<_> = ids.iter().map(|id| key(id)).collect();
    let read = pimcore.read_products(&keys, later()).await.unwrap();
    let objects: std::collections::BTreeSet<u32> = read.values().map(|product| product.as_ref().unwrap().id).collect();
    assert_eq!(objects.len(), ids.len(), "{ids:?}");
}

#[tokio::test]
async fn two_categories_that_differ_in_case_only() {
    let pim = StandIn::start("input-category-case").await;
    let (pimcore, function) = (pim.client(), Function::default());
    let within = |id: &str, leaf: &str| Product {
        categories: vec![catalog::CategoryPath(vec![category("root"), category(leaf)])],
        ..product(id)
    };
    let one = function.memory.put(&within("one", "Shoes"), &version(1));
    assert_eq!(function.run(&pimcore, &[one]).await[&key("one")], Outcome::Done);
    let other = function.memory.put(&within("other", "SHOES"), &version(1));
    assert_eq!(function.run(&pimcore, &[other]).await[&key("other")], Outcome::Done);
    // By rules of the database's own, and two of them at once.
    let accents = ["Café", "Cafe"].map(|leaf| function.memory.put(&within(leaf, leaf), &version(1)));
    let outcomes = function.run(&pimcore, &accents).await;
    assert!(outcomes.values().all(|outcome| *outcome == Outcome::Done), "{outcomes:?}");
    let tree = pimcore.category_tree(std::time::Duration::ZERO, later()).await.unwrap();
    for leaf in ["Shoes", "SHOES", "Café", "Cafe"] {
        assert!(tree.by_external_id(&format!("demo:{leaf}")).is_some(), "{leaf}");
    }
    assert_eq!(tree.len(), 5);
    let read = pimcore.read_products(&["one", "other"].map(key), later()).await.unwrap();
    let category_of = |id: &str| read[&key(id)].as_ref().unwrap().categories[0].external_id.clone().unwrap();
    assert_eq!((category_of("one"), category_of("other")), ("demo:Shoes".into(), "demo:SHOES".into()));
}
