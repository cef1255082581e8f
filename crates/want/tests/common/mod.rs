//! Products and rules for tests.
#![allow(dead_code, clippy::unwrap_used, reason = "each test uses some of it")]

use catalog::{Attribute, Category, CategoryPath, Localized, Price, Product, ProductOption, Variant};
use want::Rules;

pub(crate) fn name(en: &str) -> Localized {
    Localized::default().with("en", en)
}

pub(crate) fn price(currency: &str, amount: &str, list: Option<&str>) -> Price {
    Price {
        currency: currency.into(),
        amount: amount.parse().unwrap(),
        list_amount: list.map(|list| list.parse().unwrap()),
    }
}

pub(crate) fn path(names: &[&str]) -> CategoryPath {
    let category = |name: &&str| Category { id: name.to_lowercase(), name: self::name(name) };
    CategoryPath(names.iter().map(category).collect())
}

pub(crate) fn variant(sku: &str, size: &str, prices: Vec<Price>) -> Variant {
    Variant {
        sku: sku.into(),
        title: size.into(),
        options: vec![size.into()],
        prices,
        stock: 3,
        images: vec![],
        facts: None,
    }
}

/// Two sizes, two currencies, one category.
pub(crate) fn shirt() -> Product {
    let prices = || vec![price("SAR", "40.00", Some("50.00")), price("USD", "10.00", None)];
    Product {
        name: name("A fine linen shirt").with("ar", "قميص"),
        brand: Some("ACME  Wear".into()),
        categories: vec![path(&["Women Apparel", "Women Shirts"])],
        attributes: vec![Attribute {
            code: "material".into(),
            name: name("Material"),
            values: vec![name("Linen"), name("LINNEN")],
        }],
        options: vec![ProductOption { name: name("Size") }],
        variants: vec![variant("S1", "EUR38", prices()), variant("S2", "M(40)", prices())],
        images: vec!["https://x.example/1.jpg".into()],
        ..Product::bare("demo", "1")
    }
}

pub(crate) fn rules(text: &str) -> Rules {
    Rules::read([("rules.yaml", text)])
        .unwrap_or_else(|flaws| panic!("{}", flaws.iter().map(want::Flaw::shown).collect::<Vec<_>>().join("\n")))
}

/// `SKU currency amount[/list]`, of each price.
pub(crate) fn prices(product: &Product) -> Vec<String> {
    let of = |variant: &Variant| {
        let shown = |price: &Price| {
            let list = price.list_amount.map(|list| format!("/{list}")).unwrap_or_default();
            format!("{} {} {}{list}", variant.sku, price.currency, price.amount)
        };
        variant.prices.iter().map(shown).collect::<Vec<_>>()
    };
    product.variants.iter().flat_map(of).collect()
}
