//! Values that several tests start from.

use catalog::ProductKey;

use crate::desired::{Article, Texts, Variant};
use crate::references::References;

pub(crate) fn key(text: &str) -> ProductKey {
    text.parse().unwrap()
}

pub(crate) fn references() -> References {
    References {
        sales_channel_id: "sc_1".into(),
        stock_location_id: "sloc_1".into(),
        shipping_profile_id: "sp_1".into(),
        currencies: ["sar", "usd"].map(str::to_owned).into(),
        locales: ["ar-SA", "en-US"].map(str::to_owned).into(),
        translations: true,
    }
}

/// A shirt in one colour and `sizes` sizes.
pub(crate) fn article(sizes: usize) -> Article {
    let variants = ["S", "M", "L", "XL", "XXL", "3XL"].iter().take(sizes).enumerate().map(|(n, size)| Variant {
        sku: format!("demo-1-{n}"),
        title: format!("Red / {size}"),
        options: vec!["Red".into(), (*size).into()],
        prices: [("sar", "23.80"), ("usd", "6.35")].map(|(c, a)| (c.to_owned(), a.parse().unwrap())).into(),
        stock: 20,
        metadata: [("relay_list_prices".to_owned(), serde_json::json!({"sar": "28.00"}))].into(),
    });
    Article {
        title: "Shirt".into(),
        description: "<p>Cotton</p>".into(),
        translations: [("ar-SA".to_owned(), Texts { title: "قميص".into(), description: "قطن".into() })].into(),
        options: vec!["Color".into(), "Size".into()],
        variants: variants.collect(),
        images: vec!["https://img.test/a.jpg".into(), "https://img.test/b.jpg".into()],
        categories: ["pcat_1".to_owned()].into(),
        metadata: [("relay_brand".to_owned(), "Acme".into())].into(),
    }
}
