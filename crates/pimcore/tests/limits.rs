//! Every value that Pimcore would refuse is refused before it is sent, naming product, field and
//! limit.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;

use catalog::{Failure, Localized, Product};
use common::{category, product, provenance};
use pimcore::ProductInput;

fn refusal(change: impl FnOnce(&mut Product)) -> Failure {
    let mut product = product("p-1");
    change(&mut product);
    ProductInput::new(&product, &provenance(&product), &[]).unwrap_err()
}

fn named(change: impl FnOnce(&mut Product), field: &str, chars: usize, limit: usize) {
    let failure = refusal(change);
    assert_eq!((failure.kind, failure.code.as_str()), (catalog::ErrorKind::Permanent, "pimcore_field_too_long"));
    let wanted = format!("demo:p-1: {field} has {chars} characters, Pimcore keeps {limit}");
    assert!(failure.message.starts_with(&wanted), "{}", failure.message);
    assert!(failure.message.len() < 400, "the value itself is not repeated");
}

fn english(text: String) -> Localized {
    Localized([("en".to_owned(), text)].into())
}

#[test]
fn what_is_too_long_is_named() {
    let long = |chars: usize| "م".repeat(chars);
    named(|p| p.sku = Some(long(191)), "sku", 191, 190);
    named(|p| p.brand = Some(long(191)), "brand", 191, 190);
    named(|p| p.group = Some(long(191)), "groupId", 191, 190);
    named(|p| p.url = Some(long(2049)), "url", 2049, 2048);
    named(|p| p.name = english(long(513)), "name.en", 513, 512);
    named(|p| p.images.push(long(2049)), "images[1]", 2049, 2048);
    named(|p| p.variants[1].sku = long(191), "variants[1].sku", 191, 190);
    named(|p| p.variants[1].title = long(256), "variants[1].title", 256, 255);
    named(|p| p.variants[0].options[1] = long(256), "variants[0].options[1]", 256, 255);
    named(|p| p.variants[0].prices[0].currency = long(9), "variants[0].prices.currency", 9, 8);
    named(|p| p.attributes[0].code = long(191), "attributes[0].code", 191, 190);
    named(|p| p.attributes[0].name = english(long(256)), "attributes[0].name", 256, 255);
    named(|p| p.options[0].name = english(long(256)), "options[0].name", 256, 255);
    named(|p| p.categories[0].0[1] = category("c", &long(256)), "categories[1].name.en", 256, 255);
    named(|p| p.categories[0].0[1] = category(&long(190), "C"), "categories[1].id with its source", 195, 190);
}

#[test]
fn exactly_the_limit_fits_in_any_script() {
    let mut product = product("p-1");
    product.sku = Some("م".repeat(190));
    product.name = english("\u{1f455}".repeat(512));
    product.description = english("x".repeat(1_000_000));
    assert!(ProductInput::new(&product, &provenance(&product), &[]).is_ok());
}

#[test]
fn what_the_classes_cannot_hold_is_named() {
    let option = |n: usize| catalog::ProductOption { name: english(format!("Option {n}")) };
    let failure = refusal(|p| p.options = (0..11).map(option).collect());
    assert_eq!(failure.code, "pimcore_too_many_options");
    assert!(failure.message.contains("demo:p-1: options has 11 entries, Pimcore keeps 10"), "{failure}");
    let failure = refusal(|p| p.categories[0].0[0].id = " x".into());
    assert_eq!(failure.code, "pimcore_category_id");
    let failure = refusal(|p| {
        let root = p.categories[0].0[0].clone();
        p.categories[0].0.push(root);
    });
    assert_eq!(failure.code, "category_cycle");
    assert!(failure.message.contains("women"), "{failure}");
}

#[test]
fn provenance_that_is_too_long_is_cut_because_it_is_not_data() {
    let product = product("p-1");
    let mut provenance = provenance(&product);
    provenance.feed_run = "r".repeat(200);
    let input = serde_json::to_value(ProductInput::new(&product, &provenance, &[]).unwrap()).unwrap();
    assert_eq!(input["feedRun"].as_str().unwrap().len(), 64);
    // As recorded: with an offset, which Pimcore converts; a fraction it would drop, and what it
    // cannot read it makes null, without a word.
    assert_eq!(input["importedAt"], "2026-11-23T00:00:00Z");
}
