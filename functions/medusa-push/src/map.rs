//! From the PIM's view of a product to what the shop should have. Pure.
//!
//! | shop | PIM |
//! |---|---|
//! | published | published, not hidden by people, and not withdrawn unless people keep it |
//! | base title and description | people's text, else the source's; English, else Arabic |
//! | translations | the other languages, in the locales that the store supports |
//! | options, variants | in the PIM's order; one option "Option" where there is no choice |
//! | prices | those in currencies that the store supports |
//! | list prices | those above the price, in the same currencies |
//! | stock | as in the PIM, never below 0 |
//! | categories | the deepest one of each path, unless hidden |
//! | facts | columns and metadata: [`crate::trade`] |
//! | brand, group, attributes | product metadata `relay_*` |

mod categories;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use catalog::{Languages, Localized, ProductKey};
use medusa::text::line;
use medusa::{Article, Desired, Presence, References, Texts, Variant};
use pimcore::{PimProduct, PimVariant};
use serde_json::{Value, json};

pub use categories::categories;
use categories::category_key;

use crate::trade;

/// The metadata key that says in which language a product is shown, where that stands in for the
/// default language.
pub const LANGUAGE: &str = "relay_language";

/// What the shop should have of a product. `None` stands for a product that the PIM does not have.
#[must_use]
pub fn desired(
    key: &ProductKey,
    product: Option<&PimProduct>,
    categories: &HashMap<ProductKey, String>,
    references: &References,
) -> Desired {
    let presence = match product.filter(|product| product.offered()) {
        Some(product) => Presence::Offered(Box::new(article(product, categories, references))),
        None => Presence::Withheld,
    };
    Desired { key: key.clone(), presence }
}

pub(crate) fn article(
    product: &PimProduct,
    categories: &HashMap<ProductKey, String>,
    references: &References,
) -> Article {
    let titles = cleaned(&product.titles(), line);
    let mut remarks = Vec::new();
    let descriptions = product.texts().0.into_iter().map(|(language, text)| {
        let (clean, beyond) = medusa::text::cleaned(&text);
        if beyond > 0 {
            remarks.push(format!(
                "description.{language}: its last {beyond} bytes are shown as text, because it has more markup than any description has"
            ));
        }
        (language, clean)
    });
    let descriptions = Localized(descriptions.filter(|(_, text)| !text.is_empty()).collect());
    for remark in &remarks {
        tracing::warn!(product = %product.key, remark);
    }
    let names = option_names(product);
    let category_ids = product
        .all_categories()
        .filter(|category| !category.hidden)
        .filter_map(|category| categories.get(&category_key(category.external_id.as_deref(), category.id)))
        .cloned()
        .collect();
    let options = if names.is_empty() { vec![Article::NO_CHOICE.0.to_owned()] } else { names.clone() };
    let shown = references.languages.shown(&titles);
    let mut metadata = metadata(product, &remarks);
    if let Some((language, _)) = shown {
        let really = product.really_in(language);
        if really != language || stands_in(language, references) {
            metadata.insert(LANGUAGE.to_owned(), really.into());
        }
    }
    Article {
        title: shown.map_or("", |(_, title)| title).to_owned(),
        description: references.languages.shown(&descriptions).map_or("", |(_, text)| text).to_owned(),
        translations: translations(&titles, &descriptions, references),
        options,
        variants: product.variants.iter().map(|row| variant(product, row, &names, references)).collect(),
        images: images(product),
        categories: category_ids,
        metadata,
        columns: trade::of_product(&product.facts, &references.languages),
        ..Article::default()
    }
}

fn cleaned(texts: &Localized, clean: impl Fn(&str) -> String) -> Localized {
    let cleaned = texts.0.iter().map(|(language, text)| (language.clone(), clean(text)));
    Localized(cleaned.filter(|(_, text)| !text.is_empty()).collect())
}

/// Whether a title in this language stands in for one in the default language. One in a language
/// that has always stood in is not marked, so that what is in the shop stays as it is.
fn stands_in(language: &str, references: &References) -> bool {
    let of = |own: &str| language.split('-').next() == own.split('-').next();
    let always = references.languages == Languages::default() && of("ar");
    !always && !of(references.languages.first())
}

/// Every language that the store supports and that says something else than the base text.
fn translations(titles: &Localized, descriptions: &Localized, references: &References) -> BTreeMap<String, Texts> {
    let languages: BTreeSet<&String> = titles.0.keys().chain(descriptions.0.keys()).collect();
    let differs = |texts: &Localized, language: &str| {
        let text = texts.get(language).unwrap_or_default();
        if Some(text) == references.languages.shown(texts).map(|(_, text)| text) {
            String::new()
        } else {
            text.to_owned()
        }
    };
    languages
        .into_iter()
        .filter_map(|language| {
            let texts = Texts { title: differs(titles, language), description: differs(descriptions, language) };
            (texts != Texts::default()).then_some((references.locale(language)?.to_owned(), texts))
        })
        .collect()
}

/// The names of the options in the order in which variants name them.
fn option_names(product: &PimProduct) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (name, _) in product.variants.iter().flat_map(|variant| &variant.options) {
        let name = line(name);
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn variant(product: &PimProduct, row: &PimVariant, names: &[String], references: &References) -> Variant {
    let title = Some(line(&row.title)).filter(|title| !title.is_empty()).unwrap_or_else(|| row.sku.clone());
    let value_of = |name: &String| row.options.iter().find(|(own, _)| line(own) == *name).map(|(_, value)| line(value));
    let options = match (names, product.variants.len()) {
        ([], 1) => vec![Article::NO_CHOICE.1.to_owned()],
        // Several variants without a word about what sets them apart: their SKUs do.
        ([], _) => vec![row.sku.clone()],
        (names, _) => names.iter().map(|name| value_of(name).unwrap_or_default()).collect(),
    };
    let sold = || product.prices_of(&row.sku).map(|price| (price.currency.to_lowercase(), price));
    let prices = || sold().filter(|(currency, _)| references.currencies.contains(currency));
    let list_prices = prices()
        .filter_map(|(currency, price)| Some((currency, price.list_amount.filter(|list| *list > price.amount)?)));
    let shown: Vec<&str> = product
        .images
        .iter()
        .filter(|image| image.variant_sku.as_deref() == Some(&row.sku))
        .map(|image| image.url.as_str())
        .collect();
    Variant {
        sku: row.sku.clone(),
        title,
        options,
        list_prices: list_prices.collect(),
        prices: prices().map(|(currency, price)| (currency, price.amount)).collect(),
        stock: i64::from(row.stock.max(0)),
        metadata: said([("relay_images", json!(shown)), (trade::FACTS, trade::shown(&row.facts))]),
        columns: trade::of_variant(&row.facts, &product.facts, product.variants.len() == 1, &references.languages),
        item: None,
    }
}

/// Addresses a browser can load, each once.
fn images(product: &PimProduct) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let loads = |url: &&str| url.starts_with("https://") || url.starts_with("http://");
    let urls = product.images.iter().map(|image| image.url.as_str()).filter(loads).filter(|url| seen.insert(*url));
    urls.map(str::to_owned).collect()
}

fn metadata(product: &PimProduct, remarks: &[String]) -> BTreeMap<String, Value> {
    let attributes: Vec<Value> = product
        .attributes
        .iter()
        .map(|row| json!({"code": row.code, "lang": row.lang, "name": line(&row.name), "text": line(&row.text)}))
        .collect();
    said([
        ("relay_source", json!(product.key.source())),
        ("relay_pimcore_id", json!(product.id)),
        ("relay_sku", json!(product.sku)),
        ("relay_brand", json!(product.brand.as_deref().map(line))),
        ("relay_group", json!(product.group)),
        ("relay_attributes", json!(attributes)),
        ("relay_remarks", json!(remarks)),
        (trade::FACTS, trade::shown(&product.facts)),
    ])
}

/// Facts that say something, by key.
fn said<const N: usize>(facts: [(&str, Value); N]) -> BTreeMap<String, Value> {
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    };
    facts.into_iter().filter(|(_, value)| !empty(value)).map(|(key, value)| (key.to_owned(), value)).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use pimcore::{PimAttribute, PimCategory, PimImage, PimPrice, ShopVisibility};

    use super::*;

    fn key() -> ProductKey {
        ProductKey::new("demo", "1").unwrap()
    }

    pub(crate) fn references() -> References {
        References {
            sales_channel_id: "sc_1".into(),
            stock_location_id: "sloc_1".into(),
            shipping_profile_id: "sp_1".into(),
            currencies: ["sar", "usd"].map(str::to_owned).into(),
            locales: ["ar-SA", "en-US"].map(str::to_owned).into(),
            translations: true,
            price_lists: medusa::PriceLists::default(),
            stock: medusa::StockSettings::default(),
            languages: catalog::Languages::default(),
            retention: medusa::plan::RETENTION,
            product_retention: 0,
            articles: medusa::Articles::default(),
            handles: medusa::HandleTemplate::default(),
        }
    }

    fn price(sku: &str, currency: &str, amount: &str, list: Option<&str>) -> PimPrice {
        PimPrice {
            sku: sku.into(),
            currency: currency.into(),
            amount: amount.parse().unwrap(),
            list_amount: list.map(|list| list.parse().unwrap()),
        }
    }

    fn row(sku: &str, size: &str, position: i32) -> PimVariant {
        PimVariant {
            sku: sku.into(),
            title: format!("Red / {size}"),
            options: vec![("Color".into(), "Red".into()), ("Size".into(), size.into())],
            stock: 20,
            position,
            facts: catalog::Facts::default(),
        }
    }

    pub(crate) fn product() -> PimProduct {
        PimProduct {
            key: key(),
            id: 77,
            fullpath: "/catalog/products/demo-1".into(),
            published: true,
            modified: 0,
            sku: Some("art-1".into()),
            group: None,
            brand: Some("Acme".into()),
            url: Some("https://supplier.example/1".into()),
            name: Localized::default().with("en", "Shirt").with("ar", "قميص"),
            description: Localized::default().with("en", "<p>Cotton<script>x()</script></p>"),
            categories: vec![],
            images: vec![],
            attributes: vec![],
            variants: vec![row("a", "S", 0), row("b", "M", 1)],
            prices: vec![
                price("a", "SAR", "23.80", Some("28.00")),
                price("a", "USD", "6.35", Some("6.35")),
                price("a", "EUR", "5.90", None),
                price("b", "SAR", "24.80", None),
            ],
            lent: None,
            facts: catalog::Facts::default(),
            content_hash: None,
            wanted: None,
            withheld: vec![],
            source_version: None,
            feed_run: None,
            warnings: None,
            withdrawn: false,
            marketing_name: Localized::default(),
            marketing_description: Localized::default(),
            extra_categories: vec![],
            shop_visibility: ShopVisibility::Inherit,
            keep_when_withdrawn: false,
        }
    }

    fn article_of(product: &PimProduct) -> Article {
        match desired(&key(), Some(product), &HashMap::new(), &references()).presence {
            Presence::Offered(article) => *article,
            Presence::Withheld => panic!("withheld"),
        }
    }

    #[test]
    fn what_is_not_to_be_sold_is_withheld() {
        let withheld = |product: Option<&PimProduct>| {
            desired(&key(), product, &HashMap::new(), &references()).presence == Presence::Withheld
        };
        assert!(withheld(None));
        assert!(!withheld(Some(&product())));
        assert!(withheld(Some(&PimProduct { published: false, ..product() })));
        assert!(withheld(Some(&PimProduct { shop_visibility: ShopVisibility::Hide, ..product() })));
        assert!(withheld(Some(&PimProduct { withdrawn: true, ..product() })));
        assert!(!withheld(Some(&PimProduct { withdrawn: true, keep_when_withdrawn: true, ..product() })));
    }

    #[test]
    fn the_base_text_is_english_and_the_other_languages_are_translations() {
        let article = article_of(&product());
        assert_eq!((article.title.as_str(), article.description.as_str()), ("Shirt", "<p>Cotton</p>"));
        let arabic = Texts { title: "قميص".into(), description: String::new() };
        assert_eq!(article.translations, [("ar-SA".to_owned(), arabic)].into());

        let only_arabic = PimProduct { name: Localized::default().with("ar", "قميص"), ..product() };
        let article = article_of(&only_arabic);
        assert_eq!((article.title.as_str(), article.translations.len()), ("قميص", 0));
    }

    #[test]
    fn peoples_texts_win_and_are_cleaned_too() {
        let edited = PimProduct {
            marketing_name: Localized::default().with("en", "Fine\nshirt"),
            marketing_description: Localized::default().with("en", "<b onclick=x>Very</b> fine"),
            ..product()
        };
        let article = article_of(&edited);
        assert_eq!((article.title.as_str(), article.description.as_str()), ("Fine shirt", "<b>Very</b> fine"));
    }

    #[test]
    fn prices_are_those_the_store_sells_in_and_list_prices_those_that_are_higher() {
        let article = article_of(&product());
        let [a, b] = article.variants.as_slice() else { panic!() };
        assert_eq!(a.prices.keys().collect::<Vec<_>>(), ["sar", "usd"]);
        assert_eq!(a.prices["sar"].to_string(), "23.80");
        assert_eq!(a.list_prices, [("sar".to_owned(), "28.00".parse().unwrap())].into());
        assert_eq!(a.facts()["relay_list_prices"], json!({"sar": "28.00"}));
        assert_eq!(b.facts().get("relay_list_prices"), None);
    }

    #[test]
    fn a_product_without_a_choice_has_the_one_option_that_medusa_demands() {
        let mut plain = product();
        plain.variants.truncate(1);
        plain.variants[0].options.clear();
        let article = article_of(&plain);
        assert_eq!(
            (article.options, article.variants[0].options.clone()),
            (vec!["Option".into()], vec!["Default".into()])
        );

        // Several variants that say nothing about what sets them apart can still be told apart.
        let mut silent = product();
        silent.variants.iter_mut().for_each(|variant| variant.options.clear());
        let article = article_of(&silent);
        assert_eq!(article.variants.iter().map(|v| v.options[0].as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert!(article.check(&key()).is_ok());
    }

    #[test]
    fn images_are_what_a_browser_loads_each_once() {
        let image =
            |url: &str, sku: Option<&str>| PimImage { url: url.into(), variant_sku: sku.map(Into::into), position: 0 };
        let images = vec![
            image("https://i/1", None),
            image("javascript:alert(1)", None),
            image("https://i/2", Some("b")),
            image("https://i/1", Some("b")),
        ];
        let article = article_of(&PimProduct { images, ..product() });
        assert_eq!(article.images, ["https://i/1", "https://i/2"]);
        assert_eq!(article.variants[1].metadata["relay_images"], json!(["https://i/2", "https://i/1"]));
    }

    #[test]
    fn the_suppliers_address_does_not_reach_the_shop() {
        let article = article_of(&product());
        assert!(!serde_json::to_string(&article).unwrap().contains("supplier.example"));
        assert_eq!(article.metadata["relay_brand"], "Acme");
    }

    #[test]
    fn attributes_are_kept_in_both_languages() {
        let row = |lang: &str, text: &str| PimAttribute {
            code: "material".into(),
            lang: lang.into(),
            name: "Material".into(),
            text: text.into(),
        };
        let article =
            article_of(&PimProduct { attributes: vec![row("en", "Cotton"), row("ar", "قطن")], ..product() });
        assert_eq!(article.metadata["relay_attributes"].as_array().unwrap().len(), 2);
    }

    pub(crate) fn in_category(id: u32, hidden: bool) -> PimCategory {
        PimCategory {
            id,
            fullpath: String::new(),
            external_id: Some(format!("demo:c{id}")),
            published: true,
            shop_handle: None,
            hidden,
        }
    }

    #[test]
    fn a_product_is_in_its_categories_except_hidden_ones() {
        let placed = PimProduct { categories: vec![in_category(3, false), in_category(4, true)], ..product() };
        let ids = [("c3", "pcat_3"), ("c4", "pcat_4")]
            .map(|(id, medusa)| (ProductKey::new("demo", id).unwrap(), medusa.to_owned()))
            .into();
        let Presence::Offered(article) = desired(&key(), Some(&placed), &ids, &references()).presence else { panic!() };
        assert_eq!(article.categories, ["pcat_3".to_owned()].into());
    }

    #[test]
    fn markup_that_is_cut_off_is_told_with_the_product() {
        let told = |description: &str| {
            let product = PimProduct { description: Localized::default().with("en", description), ..product() };
            let Presence::Offered(article) = desired(&key(), Some(&product), &HashMap::new(), &references()).presence
            else {
                panic!("it is offered");
            };
            article.metadata.get("relay_remarks").cloned()
        };
        assert_eq!(told("<p>Cotton</p>"), None);
        let remark = told(&"<div>".repeat(5_000)).unwrap();
        let remark = remark[0].as_str().unwrap();
        assert!(
            remark.starts_with("description.en: its last ") && remark.contains("bytes are shown as text"),
            "{remark}"
        );
    }
}
