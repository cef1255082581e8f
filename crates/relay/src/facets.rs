//! A product as a list of named facts, from each of the three places that have it: the ledger,
//! Pimcore, Medusa.
//!
//! Facts are compared whole and shown shortened. Pimcore appears twice: as the source's layer,
//! which is what the ledger's product is compared with, and as what people made of it, which is
//! what the shop should show.

use std::collections::{BTreeMap, BTreeSet};

use catalog::{ContentHash, Localized, Product, ProductKey};
use medusa::References;
use medusa::api::model;
use medusa::articles::MEMBER;
use medusa::aside::Made;
use medusa::coin::rounded;
use medusa::own_sku;
use medusa::plan::is_gone;
use medusa::text::{html, line};
use pimcore::{PimPrice, PimProduct};
use rust_decimal::Decimal;
use serde::Serialize;

/// Facts by name. The names sort in the order in which a person reads them.
pub type Facts = BTreeMap<String, String>;

/// One fact in all three places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub fact: String,
    /// As the ledger wants it.
    pub desired: Option<String>,
    /// As Pimcore has it, in the layer that is compared.
    pub pimcore: Option<String>,
    /// As the shop has it.
    pub medusa: Option<String>,
    /// Pimcore differs from the ledger.
    pub pimcore_differs: bool,
    /// The shop differs from Pimcore.
    pub medusa_differs: bool,
}

/// An amount with as many decimals as it needs, two at least.
fn number(amount: Decimal) -> String {
    let mut amount = amount.normalize();
    amount.rescale(amount.scale().max(2));
    amount.to_string()
}

fn texts(facts: &mut Facts, name: &str, texts: &Localized) {
    for (language, text) in &texts.0 {
        facts.insert(format!("{name} {language}"), text.clone());
    }
}

/// Facts of the source: what ledger and Pimcore are compared by.
#[must_use]
pub fn of_ledger(product: &Product, hash: &ContentHash) -> Facts {
    let mut facts = Facts::from([
        ("content hash".to_owned(), hash.to_string()),
        ("withdrawn".to_owned(), product.withdrawn.to_string()),
        ("variants".to_owned(), product.variants.len().to_string()),
    ]);
    texts(&mut facts, "title", &product.name);
    texts(&mut facts, "description", &product.description);
    for (name, value) in [("brand", &product.brand), ("article", &product.sku), ("group", &product.group)] {
        facts.extend(value.as_ref().map(|value| (name.to_owned(), value.clone())));
    }
    let categories: BTreeSet<String> = product
        .categories
        .iter()
        .filter_map(|path| Some(pimcore::plan::external_id(&product.source, &path.0.last()?.id)))
        .collect();
    list(&mut facts, "categories", categories);
    for variant in &product.variants {
        let sku = &variant.sku;
        facts.insert(format!("variant {sku} stock"), variant.stock.to_string());
        facts.insert(format!("variant {sku} options"), variant.options.join(" / "));
        for price in &variant.prices {
            facts.insert(format!("variant {sku} {}", price.currency), number(price.amount));
            if let Some(list) = price.list_amount {
                facts.insert(format!("variant {sku} {} before", price.currency), number(list));
            }
        }
    }
    facts
}

/// The same facts as Pimcore has them from the source.
#[must_use]
pub fn of_pimcore_source(product: &PimProduct) -> Facts {
    let mut facts = Facts::from([
        ("withdrawn".to_owned(), product.withdrawn.to_string()),
        ("variants".to_owned(), product.variants.len().to_string()),
    ]);
    facts.extend(product.content_hash.as_ref().map(|hash| ("content hash".to_owned(), hash.to_string())));
    texts(&mut facts, "title", &product.name);
    texts(&mut facts, "description", &product.description);
    for (name, value) in [("brand", &product.brand), ("article", &product.sku), ("group", &product.group)] {
        facts.extend(value.as_ref().map(|value| (name.to_owned(), value.clone())));
    }
    list(
        &mut facts,
        "categories",
        product.categories.iter().filter_map(|category| category.external_id.clone()).collect(),
    );
    pimcore_variants(&mut facts, product);
    facts
}

fn pimcore_variants(facts: &mut Facts, product: &PimProduct) {
    for variant in &product.variants {
        let sku = &variant.sku;
        facts.insert(format!("variant {sku} stock"), variant.stock.to_string());
        let values: Vec<&str> = variant.options.iter().map(|(_, value)| value.as_str()).collect();
        facts.insert(format!("variant {sku} options"), values.join(" / "));
        for price in product.prices_of(sku) {
            facts.insert(format!("variant {sku} {}", price.currency), number(price.amount));
            if let Some(list) = price.list_amount {
                facts.insert(format!("variant {sku} {} before", price.currency), number(list));
            }
        }
    }
}

/// What the shop should show of a product, in the shop's words.
#[must_use]
pub fn of_pimcore_shown(product: &PimProduct, references: &References) -> Facts {
    let mut facts = Facts::from([("for sale".to_owned(), product.offered().to_string())]);
    if !product.offered() {
        return facts;
    }
    let titles = clean(&product.titles(), line);
    let descriptions = clean(&product.texts(), html);
    for (name, texts) in [("shop title", &titles), ("shop description", &descriptions)] {
        let base = texts.base().unwrap_or_default();
        facts.insert(name.to_owned(), base.to_owned());
        for (language, text) in texts.0.iter().filter(|(_, text)| text.as_str() != base) {
            if let Some(locale) = references.locale(language).filter(|_| references.translations) {
                facts.insert(format!("{name} {locale}"), text.clone());
            }
        }
    }
    let categories = product.all_categories().filter(|category| !category.hidden);
    let categories =
        categories.map(|category| category.external_id.clone().unwrap_or_else(|| format!("pimcore:{}", category.id)));
    list(&mut facts, "shop categories", categories.collect());
    let mut seen = BTreeSet::new();
    let images = product.images.iter().map(|image| image.url.clone()).filter(|url| url.starts_with("http"));
    let images: Vec<String> = images.filter(|url| seen.insert(url.clone())).collect();
    facts.insert("shop images".to_owned(), images.join(" "));
    facts.insert("variants".to_owned(), product.variants.len().to_string());
    for variant in &product.variants {
        let sku = &variant.sku;
        facts.insert(format!("variant {sku} stock"), variant.stock.max(0).to_string());
        for price in
            product.prices_of(sku).filter(|price| references.currencies.contains(&price.currency.to_lowercase()))
        {
            let paid = rounded(price.amount, &price.currency);
            facts.insert(format!("variant {sku} {}", price.currency), number(paid));
        }
    }
    facts
}

/// With managed price lists a reduced variant's own price in the shop is the price before the
/// reduction. What a list holds Medusa does not say, so the price before is what is compared.
pub fn reduced_by_lists(prices: &[PimPrice], shown: &mut Facts, medusa: &mut Facts) {
    for price in prices {
        let Some(before) = price.list_amount.filter(|list| *list > price.amount) else { continue };
        let now = format!("variant {} {}", price.sku, price.currency);
        if shown.remove(&now).is_some() {
            shown.insert(format!("{now} before"), number(rounded(before, &price.currency)));
            if let Some(own) = medusa.remove(&now) {
                medusa.insert(format!("{now} before"), own);
            }
        }
    }
}

fn clean(texts: &Localized, with: fn(&str) -> String) -> Localized {
    let cleaned = texts.0.iter().map(|(language, text)| (language.clone(), with(text)));
    Localized(cleaned.filter(|(_, text)| !text.is_empty()).collect())
}

fn list(facts: &mut Facts, name: &str, values: BTreeSet<String>) {
    facts.insert(name.to_owned(), values.into_iter().collect::<Vec<_>>().join(" "));
}

/// What the shop shows; nothing but that it is not for sale where there is no published product. A
/// draft that is `kept_current` is shown with what it has.
#[must_use]
pub fn of_medusa(product: Option<&model::Product>, references: &References, kept_current: bool) -> Facts {
    let Some(product) = product.filter(|product| product.status == "published" || kept_current) else {
        return Facts::from([("for sale".to_owned(), "false".to_owned())]);
    };
    let in_channel = product.status == "published"
        && product.sales_channels.iter().flatten().any(|channel| channel.id == references.sales_channel_id);
    let mut facts = Facts::from([
        ("for sale".to_owned(), in_channel.to_string()),
        ("shop title".to_owned(), product.title.clone()),
        ("shop description".to_owned(), product.description.clone().unwrap_or_default()),
        ("variants".to_owned(), sold(product).count().to_string()),
    ]);
    for translation in &product.translations {
        for (field, text) in &translation.translations {
            if let (true, Some(text)) = (matches!(field.as_str(), "title" | "description"), text) {
                facts.insert(format!("shop {field} {}", translation.locale_code), text.clone());
            }
        }
    }
    list(&mut facts, "shop categories", product.categories.iter().filter_map(|c| c.external_id.clone()).collect());
    facts.insert("shop images".to_owned(), images(product));
    for variant in sold(product) {
        let sku = variant.sku.as_deref().map_or(variant.id.as_str(), |sku| in_pim(product, sku));
        let levels =
            variant.inventory_items.iter().filter_map(|link| link.inventory.as_ref()).flat_map(|i| &i.location_levels);
        let there: i64 = levels
            .filter(|level| level.location_id == references.stock_location_id)
            .map(|level| level.stocked_quantity)
            .sum();
        facts.insert(format!("variant {sku} stock"), there.to_string());
        for price in variant.prices.iter().flatten().filter(|price| price.is_plain()) {
            facts.insert(format!("variant {sku} {}", price.currency_code.to_uppercase()), number(price.amount.0));
        }
    }
    facts
}

/// Leaves of an article what is of one member.
pub fn keep_member(article: &mut model::Product, member: &ProductKey) {
    let (member, own) = (member.to_string(), |variant: &model::Variant| {
        variant.metadata.as_ref()?.get(MEMBER)?.as_str().map(str::to_owned)
    });
    article.variants.retain(|variant| own(variant).as_ref() == Some(&member));
}

/// What a member should show and what its article shows of it: texts are the lead's, categories and
/// images are all members'.
pub fn as_member(shown: &mut Facts, medusa: &mut Facts) {
    for facts in [&mut *shown, &mut *medusa] {
        facts.retain(|fact, _| !fact.starts_with("shop title") && !fact.starts_with("shop description"));
    }
    // Variants of a member that is hidden are kept, sold out.
    if medusa.get("variants").is_some_and(|variants| variants == "0") {
        *medusa = Facts::from([("for sale".to_owned(), "false".to_owned())]);
    }
    for all in ["shop categories", "shop images"] {
        let (Some(own), Some(there)) = (shown.get(all), medusa.get_mut(all)) else { continue };
        let has: BTreeSet<&str> = there.split(' ').collect();
        *there = own.split(' ').filter(|one| has.contains(one)).collect::<Vec<_>>().join(" ");
    }
}

/// Addresses in their order, without those that people added there.
fn images(product: &model::Product) -> String {
    let made = Made::of(product.metadata.as_ref());
    let ours = |image: &&model::Image| made.as_ref().is_none_or(|made| made.has_image(&image.url));
    let mut images: Vec<&model::Image> = product.images.iter().filter(ours).collect();
    images.sort_by_key(|image| image.rank);
    images.into_iter().map(|image| image.url.as_str()).collect::<Vec<_>>().join(" ")
}

/// The SKU that the PIM has, of one in the shop.
fn in_pim<'s>(product: &model::Product, sku: &'s str) -> &'s str {
    let key: Option<ProductKey> = product.external_id.as_deref().and_then(|id| id.parse().ok());
    key.map_or(sku, |key| own_sku::said(&key, sku))
}

/// The variants without those that are kept, sold out, because the PIM no longer has them.
fn sold(product: &model::Product) -> impl Iterator<Item = &model::Variant> {
    product.variants.iter().filter(|variant| !is_gone(variant))
}

/// Puts the figure that was applied in the place of each level that is remembered: the level has
/// moved on with what customers bought.
pub fn figures_applied(product: &model::Product, book: &medusa::Book, facts: &mut Facts) {
    for variant in sold(product) {
        let applied = variant.inventory_items.iter().find_map(|link| book.0.get(&link.inventory_item_id));
        if let (Some(sku), Some(applied)) = (&variant.sku, applied) {
            facts.insert(format!("variant {} stock", in_pim(product, sku)), applied.figure.to_string());
        }
    }
}

/// The three side by side: ledger against Pimcore's source layer, what Pimcore shows against the
/// shop.
#[must_use]
pub fn compare(
    ledger: Option<&Facts>,
    source: Option<&Facts>,
    shown: Option<&Facts>,
    medusa: Option<&Facts>,
) -> Vec<Row> {
    let names: BTreeSet<&String> =
        [ledger, source, shown, medusa].into_iter().flatten().flat_map(BTreeMap::keys).collect();
    names
        .into_iter()
        .map(|fact| {
            let get = |facts: Option<&Facts>| facts.and_then(|facts| facts.get(fact)).cloned();
            let (desired, in_source, in_shown, in_medusa) = (get(ledger), get(source), get(shown), get(medusa));
            let both = |a: Option<&Facts>, b: Option<&Facts>| a.is_some() && b.is_some();
            Row {
                fact: fact.clone(),
                pimcore_differs: both(ledger, source) && desired != in_source,
                medusa_differs: both(shown, medusa) && in_shown != in_medusa,
                pimcore: in_source.or(in_shown),
                desired,
                medusa: in_medusa,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(pairs: &[(&str, &str)]) -> Facts {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_customers_bought_is_no_difference() {
        let link = |id: &str| model::InventoryLink { inventory_item_id: id.into(), inventory: None };
        let variant = |sku: &str, item: &str| model::Variant {
            sku: Some(sku.into()),
            inventory_items: vec![link(item)],
            ..model::Variant::default()
        };
        let product =
            model::Product { variants: vec![variant("A", "iitem_1"), variant("B", "iitem_2")], ..Default::default() };
        let applied = medusa::stock::Applied { figure: 10, stocked: 10, ..Default::default() };
        let book = medusa::Book([("iitem_1".to_owned(), applied)].into());
        let mut facts = Facts::from(["A", "B"].map(|sku| (format!("variant {sku} stock"), "6".to_owned())));
        figures_applied(&product, &book, &mut facts);
        assert_eq!((facts["variant A stock"].as_str(), facts["variant B stock"].as_str()), ("10", "6"));
    }

    #[test]
    fn a_sku_of_the_products_own_is_no_difference() {
        let key: ProductKey = "demo:1".parse().unwrap();
        let own = model::Variant { sku: Some(own_sku::own(&key, "1-s")), ..model::Variant::default() };
        let product =
            model::Product { external_id: Some(key.to_string()), variants: vec![own], ..model::Product::default() };
        assert_eq!(in_pim(&product, product.variants[0].sku.as_deref().unwrap()), "1-s");
        let other = model::Product { external_id: Some("other:1".into()), ..product.clone() };
        assert_ne!(in_pim(&other, product.variants[0].sku.as_deref().unwrap()), "1-s");
    }

    #[test]
    fn a_member_is_compared_with_what_its_article_shows_of_it() {
        let variant = |sku: &str, member: &str| model::Variant {
            sku: Some(sku.into()),
            metadata: Some([(MEMBER.to_owned(), member.into())].into()),
            ..model::Variant::default()
        };
        let mut article = model::Product {
            variants: vec![variant("A", "demo:1"), variant("B", "demo:2"), model::Variant::default()],
            ..model::Product::default()
        };
        keep_member(&mut article, &"demo:1".parse().unwrap());
        assert_eq!(article.variants.iter().filter_map(|variant| variant.sku.as_deref()).collect::<Vec<_>>(), ["A"]);

        let (yes, no) = (("for sale", "true"), ("for sale", "false"));
        let own = [
            yes,
            ("variants", "1"),
            ("shop title", "Dress, red"),
            ("shop categories", "c1 c2"),
            ("shop images", "i2 i1"),
        ];
        let there = [
            yes,
            ("variants", "1"),
            ("shop title", "Dress"),
            ("shop categories", "c0 c1 c2"),
            ("shop images", "i0 i1 i2"),
        ];
        let differ = |own: &[(&str, &str)], there: &[(&str, &str)]| {
            let (mut own, mut there) = (facts(own), facts(there));
            as_member(&mut own, &mut there);
            let rows = compare(None, None, Some(&own), Some(&there)).into_iter();
            rows.filter(|row| row.medusa_differs).map(|row| row.fact).collect::<Vec<_>>()
        };
        assert_eq!(differ(&own, &there), Vec::<String>::new());
        assert_eq!(differ(&[no], &[yes, ("variants", "0"), ("shop title", "Dress")]), Vec::<String>::new(), "hidden");
        let lacks = [yes, ("variants", "1"), ("shop categories", "c1"), ("shop images", "i1 i2")];
        assert_eq!(differ(&own, &lacks), ["shop categories"]);
        assert_eq!(differ(&own, &[no]).len(), 4, "not there at all");
    }

    #[test]
    fn what_is_kept_for_people_is_no_difference() {
        let gone = serde_json::json!({"since": "2026-01-01T00:00:00Z"});
        let variant = |sku: &str, metadata: Option<model::Metadata>| model::Variant {
            sku: Some(sku.into()),
            metadata,
            ..model::Variant::default()
        };
        let product = model::Product {
            variants: vec![variant("A", None), variant("B", Some([(medusa::plan::GONE.to_owned(), gone)].into()))],
            images: vec![model::Image { url: "https://img.test/theirs.jpg".into(), ..model::Image::default() }],
            metadata: Some([(medusa::aside::MADE.to_owned(), Made::default().value())].into()),
            ..model::Product::default()
        };
        assert_eq!(sold(&product).filter_map(|variant| variant.sku.as_deref()).collect::<Vec<_>>(), ["A"]);
        assert_eq!(images(&product), "");
        assert_eq!(images(&model::Product { metadata: None, ..product }), "https://img.test/theirs.jpg");
    }

    #[test]
    fn a_difference_is_found_where_it_is() {
        let ledger = facts(&[("title en", "Shirt"), ("variant S1 SAR", "23.8")]);
        let source = facts(&[("title en", "Shirt"), ("variant S1 SAR", "25")]);
        let shown = facts(&[("shop title", "Fine shirt"), ("variant S1 SAR", "25")]);
        let shop = facts(&[("shop title", "Shirt"), ("variant S1 SAR", "25")]);
        let rows = compare(Some(&ledger), Some(&source), Some(&shown), Some(&shop));
        let differ: Vec<(&str, bool, bool)> =
            rows.iter().map(|row| (row.fact.as_str(), row.pimcore_differs, row.medusa_differs)).collect();
        assert_eq!(differ, [("shop title", false, true), ("title en", false, false), ("variant S1 SAR", true, false)]);
    }

    #[test]
    fn a_place_that_could_not_be_asked_is_no_difference() {
        let ledger = facts(&[("title en", "Shirt")]);
        assert!(compare(Some(&ledger), None, None, None).iter().all(|row| !row.pimcore_differs && !row.medusa_differs));
    }

    #[test]
    fn where_a_list_reduces_a_price_the_price_before_is_compared() {
        let price = |sku: &str, amount: &str, list: Option<&str>| PimPrice {
            sku: sku.into(),
            currency: "SAR".into(),
            amount: amount.parse().unwrap(),
            list_amount: list.map(|list| list.parse().unwrap()),
        };
        let prices = [price("S1", "23.8", Some("28")), price("S2", "30", Some("30")), price("S3", "9", Some("12"))];
        let mut shown = facts(&[("variant S1 SAR", "23.8"), ("variant S2 SAR", "30"), ("variant S3 SAR", "9")]);
        let mut shop = facts(&[("variant S1 SAR", "28.00"), ("variant S2 SAR", "30"), ("variant S3 SAR", "11.00")]);
        reduced_by_lists(&prices, &mut shown, &mut shop);
        let rows = compare(None, None, Some(&shown), Some(&shop));
        let differ: Vec<&str> = rows.iter().filter(|row| row.medusa_differs).map(|row| row.fact.as_str()).collect();
        assert_eq!(differ, ["variant S3 SAR before"]);
        assert_eq!(rows.len(), 3);
    }

    #[test]
    fn amounts_are_compared_as_numbers() {
        assert_eq!(number("23.800".parse().unwrap()), number("23.8".parse().unwrap()));
        assert_eq!(number("1.2345".parse().unwrap()), "1.2345");
    }
}
