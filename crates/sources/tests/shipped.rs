//! The mappings that come with it: each against a feed of our own making, and against the real
//! public file where it lies beside the repository.
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::common;

use catalog::Product;
use common::{fixture, map, mapping, real};
use feeds::Reason;

fn prices(product: &Product) -> Vec<String> {
    let shown = |price: &catalog::Price| {
        let list = price.list_amount.map(|list| format!(" ({list})")).unwrap_or_default();
        format!("{} {}{list}", price.amount, price.currency)
    };
    product.variants.iter().flat_map(|variant| variant.prices.iter().map(shown)).collect()
}

fn variants(product: &Product) -> Vec<(&str, String, i32)> {
    product.variants.iter().map(|variant| (variant.sku.as_str(), variant.options.join("/"), variant.stock)).collect()
}

fn names(product: &Product) -> Vec<&str> {
    product.options.iter().filter_map(|option| option.name.get("en")).collect()
}

fn paths(product: &Product) -> Vec<String> {
    let path = |path: &catalog::CategoryPath| path.0.iter().map(|one| one.id.as_str()).collect::<Vec<_>>().join(" > ");
    product.categories.iter().map(path).collect()
}

#[test]
fn every_one_can_be_read_and_is_found_by_its_source() {
    assert_eq!(sources::shipped::ALL.len(), sources::shipped::FILES.len());
    for (file, text) in sources::shipped::FILES {
        let mapping = common::read(file, text);
        assert_eq!(*file, format!("sources/{}.yaml", mapping.source()));
        assert!(sources::shipped::find(mapping.source()).is_some());
        assert!(feeds::adapter::find(mapping.source()).is_none(), "{file}: a built-in source");
    }
}

#[test]
fn shopify_csv() {
    let mapping = mapping("shopify-csv");
    let (products, refused) = map(&mapping, &fixture("shopify.csv"));
    assert!(refused.is_empty(), "{refused:?}");
    let [shirt, mug, draft] = &products[..] else { panic!("{products:?}") };
    assert_eq!((shirt.id.as_str(), names(shirt)), ("linen-shirt", vec!["Color", "Size"]));
    assert_eq!(variants(shirt), [("LS-SA-S", "Sand/S".into(), 4), ("LS-SA-M", "Sand/M".into(), 0)]);
    assert_eq!(prices(shirt), ["39.90 USD (49.90)", "39.90 USD"]);
    assert_eq!(shirt.images.len(), 3);
    assert_eq!(shirt.variants[0].images, ["https://img.example.com/s.jpg"]);
    assert_eq!(variants(mug), [("mug", String::new(), 1)]);
    assert!(draft.withdrawn && !shirt.withdrawn);
    for (file, rows) in [("shopify_apparel.csv", 22), ("shopify_home-and-garden.csv", 21)] {
        let Some(bytes) = real(file) else { continue };
        let (products, refused) = map(&mapping, &bytes);
        assert!(refused.is_empty(), "{file}: {refused:?}");
        assert_eq!(products.len(), 20, "{file}");
        assert_eq!(products.iter().map(|product| product.variants.len()).sum::<usize>(), rows, "{file}");
        assert!(products.iter().all(|product| !product.images.is_empty()), "{file}");
    }
}

#[test]
fn shopify_json() {
    let (products, refused) = map(&mapping("shopify-json"), &fixture("shopify.json"));
    assert!(refused.is_empty(), "{refused:?}");
    let [shirt, mug] = &products[..] else { panic!("{products:?}") };
    assert_eq!((shirt.id.as_str(), names(shirt)), ("7001", vec!["Color", "Size"]));
    assert_eq!(variants(shirt), [("LS-SA-S", "Sand/S".into(), 1), ("7001-sand-/-m", "Sand/M".into(), 0)]);
    assert_eq!(prices(shirt), ["39.90 USD (49.90)", "39.90 USD"]);
    assert_eq!(shirt.images.len(), 2);
    assert_eq!(shirt.attributes[0].values.len(), 2);
    assert_eq!(variants(mug), [("M1", String::new(), 1)]);
}

#[test]
fn woocommerce_csv() {
    let (products, refused) = map(&mapping("woocommerce-csv"), &fixture("woocommerce.csv"));
    assert!(refused.is_empty(), "{refused:?}");
    let [tee, mug, cap] = &products[..] else { panic!("{products:?}") };
    assert_eq!((tee.id.as_str(), tee.name.get("en"), names(tee)), ("TEE", Some("Tee"), vec!["Colour"]));
    assert_eq!(variants(tee), [("TEE-R", "Red".into(), 5), ("TEE-B", "Blue".into(), 1)]);
    assert_eq!(prices(tee), ["20.00 USD", "18.00 USD (20.00)"]);
    assert_eq!(paths(tee), ["clothing > clothing/tees", "sale"]);
    assert_eq!((variants(mug), prices(mug)), (vec![("MUG", String::new(), 0)], vec!["7.50 USD (9.00)".to_owned()]));
    assert_eq!((cap.id.as_str(), variants(cap)), ("60", vec![("60-s", "S".into(), 1)]));
}

#[test]
fn google_merchant() {
    let (products, refused) = map(&mapping("google-merchant-xml"), &fixture("google.xml"));
    assert_eq!(
        refused.iter().map(|one| (one.index, one.reason)).collect::<Vec<_>>(),
        [(3, Reason::MalformedXml)],
        "{refused:?}"
    );
    assert!(refused[0].message.contains("&lol;"), "{}", refused[0].message);
    let [shirt, mug] = &products[..] else { panic!("{products:?}") };
    assert_eq!(
        (shirt.id.as_str(), shirt.name.get("en"), shirt.description.get("en")),
        ("S", Some("Shirt <new>"), Some("Soft &\u{a0}airy"))
    );
    assert_eq!(variants(shirt), [("S-1", "Red/S".into(), 1), ("S-2", "Red/M".into(), 0)]);
    assert_eq!(prices(shirt), ["25.50 EUR (30.00)", "30.00 EUR"]);
    assert_eq!(shirt.variants[0].images.len(), 2);
    assert_eq!(paths(shirt), ["clothing > clothing/shirts"]);
    assert_eq!(variants(mug), [("M-1", String::new(), 0)]);
    let (products, refused) = map(&mapping("google-merchant-tsv"), &fixture("google.tsv"));
    assert!(refused.is_empty(), "{refused:?}");
    let [shirt] = &products[..] else { panic!("{products:?}") };
    assert_eq!(variants(shirt), [("S-1", "Red/S".into(), 1), ("S-2", "Red/M".into(), 0)]);
    assert_eq!((shirt.images.len(), shirt.variants[0].images.len()), (2, 2));
}

#[test]
fn medusa_csv() {
    let (products, refused) = map(&mapping("medusa-csv"), &fixture("medusa.csv"));
    assert!(refused.is_empty(), "{refused:?}");
    let [tee, mug] = &products[..] else { panic!("{products:?}") };
    assert_eq!(variants(tee), [("TEE-S", "S".into(), 10), ("TEE-M", "M".into(), 0)]);
    assert_eq!(prices(tee), ["10.00 EUR", "15.00 USD", "10.00 EUR", "15.00 USD"]);
    assert_eq!(tee.images.len(), 2);
    assert!(mug.withdrawn && !tee.withdrawn);
    assert_eq!(prices(mug), ["7.50 EUR"]);
}

#[test]
fn plain_csv() {
    let (products, refused) = map(&mapping("plain-csv"), &fixture("plain.csv"));
    let [cup, plate] = &products[..] else { panic!("{products:?}") };
    assert_eq!(
        (variants(cup), prices(cup), paths(cup)),
        (vec![("1", String::new(), 3)], vec!["4.50 EUR".to_owned()], vec!["home > home/kitchen".to_owned()])
    );
    assert_eq!(plate.variants[0].stock, 0);
    assert_eq!(
        refused.iter().map(|one| (one.index, one.reason, one.product_id.as_deref())).collect::<Vec<_>>(),
        [(2, Reason::MissingField, Some("3"))]
    );
    assert!(refused[0].message.contains("sources/plain-csv.yaml line 6: name, title"), "{}", refused[0].message);
}

#[test]
fn shopee_sells_only_what_has_one_price_and_a_stock() {
    let mapping = mapping("shopee-brightdata");
    let (products, refused) = map(&mapping, &fixture("shopee.csv"));
    assert!(refused.is_empty(), "{refused:?}");
    let [dress, shirt, batik] = &products[..] else { panic!("{products:?}") };
    assert_eq!(
        (dress.name.get("es"), variants(dress), prices(dress)),
        (Some("Vestido"), vec![("1", String::new(), 7)], vec!["405.00 MXN (1580.95)".to_owned()])
    );
    assert_eq!((shirt.variants[0].stock, shirt.attributes[0].values.len()), (0, 2));
    assert_eq!((batik.name.get("id"), batik.variants[0].stock), (Some("Batik"), 0));
    let Some(bytes) = real("shopee_200.csv") else { return };
    let (products, refused) = map(&mapping, &bytes);
    assert_eq!(products.len() + refused.len(), 200);
    let currencies: std::collections::BTreeSet<&str> =
        products.iter().map(|product| product.variants[0].prices[0].currency.as_str()).collect();
    assert_eq!(currencies.len(), 11, "{refused:?}");
    assert!(refused.len() < 10, "{:?}", refused.iter().map(|one| (&one.message, &one.value)).collect::<Vec<_>>());
}
