//! What trade needs to know, as rows of Pimcore's collection `CatalogFact`, and back.
//!
//! One row says one thing. A variant's rows carry its SKU. Axes beyond those that the collection of
//! variants has columns for are rows as well: code `option`, the axis as name, the value as text,
//! in the order of the axes.

use std::collections::BTreeMap;

use catalog::facts::{Facts, Row};
use catalog::{Product, ProductKey};
use serde::{Deserialize, Serialize};

use crate::input::COLUMN_OPTIONS;

/// The code of a row that says a variant's value on an axis.
const OPTION: &str = "option";

/// The code of a row that says in which language the name really is that stands in for another.
const STANDS_IN: &str = "nameLanguage";

/// Rows on what rules made of a product, for people and (`withheld`) for the shop.
const SOURCE_PRICE: &str = "sourcePrice";
const SOURCE_CATEGORY: &str = "sourceCategory";
const WITHHELD: &str = "withheld";

/// What the source said where rules made something else of it, and why rules keep the product from
/// the shop.
pub(crate) fn beside(said: &Product, shown: &Product, withheld: &[String]) -> Vec<FactRow> {
    let row = |sku: Option<&str>, code: &str, name: Option<&str>, text: String| FactRow {
        variant_sku: sku.map(str::to_owned),
        code: code.to_owned(),
        name: name.map(str::to_owned),
        lang: None,
        text,
    };
    let mut rows = Vec::new();
    for variant in &said.variants {
        let own = shown.variants.iter().find(|other| other.sku == variant.sku);
        for price in &variant.prices {
            let same = own.is_some_and(|own| own.prices.contains(price));
            if !same {
                rows.push(row(Some(&variant.sku), SOURCE_PRICE, Some(&price.currency), price.amount.to_string()));
            }
        }
    }
    for path in said.categories.iter().filter(|path| !shown.categories.contains(path)) {
        let names = path.0.iter().map(|category| category.name.base().unwrap_or(&category.id));
        rows.push(row(None, SOURCE_CATEGORY, None, names.collect::<Vec<_>>().join(" > ")));
    }
    rows.extend(withheld.iter().map(|reason| row(None, WITHHELD, None, reason.clone())));
    rows
}

/// The row for a name that stands in the place of language `of` and is in `lang`.
pub(crate) fn stands_in(of: &str, lang: &str) -> FactRow {
    let (name, lang) = (Some(of.to_owned()), Some(lang.to_owned()));
    FactRow { variant_sku: None, code: STANDS_IN.into(), name, text: lang.clone().unwrap_or_default(), lang }
}

/// A row as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FactRow {
    variant_sku: Option<String>,
    code: String,
    name: Option<String>,
    lang: Option<String>,
    text: String,
}

/// A row as Data Hub gives it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FactNode {
    variant_sku: Option<String>,
    code: Option<String>,
    name: Option<String>,
    lang: Option<String>,
    text: Option<String>,
}

/// What a product's rows say.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) product: Facts,
    /// Of variants, by SKU.
    pub(crate) variants: BTreeMap<String, Facts>,
    /// Further axes of variants, by SKU: name and value, in order.
    pub(crate) options: BTreeMap<String, Vec<(String, String)>>,
    /// Why rules keep it from the shop.
    pub(crate) withheld: Vec<String>,
    /// The language that the name stands in for, and the one that it is in.
    pub(crate) lent: Option<(String, String)>,
}

/// The rows of a product: its own facts, then those of each variant and its further axes.
pub(crate) fn rows(product: &Product) -> Vec<FactRow> {
    let row = |sku: Option<&str>, row: Row| FactRow {
        variant_sku: sku.map(str::to_owned),
        code: row.code,
        name: Some(row.name).filter(|name| !name.is_empty()),
        lang: Some(row.lang).filter(|lang| !lang.is_empty()),
        text: row.text,
    };
    let own = product.facts.iter().flat_map(|facts| facts.rows()).map(|said| row(None, said));
    let mut rows: Vec<FactRow> = own.collect();
    for variant in &product.variants {
        let sku = Some(variant.sku.as_str());
        let axes = product.options.iter().zip(&variant.options).skip(COLUMN_OPTIONS);
        rows.extend(axes.map(|(axis, value)| {
            let name = axis.name.base().unwrap_or("Option").to_owned();
            row(sku, Row { name, ..Row::plain(OPTION, value.as_str()) })
        }));
        rows.extend(variant.facts.iter().flat_map(|facts| facts.rows()).map(|said| row(sku, said)));
    }
    rows
}

/// What the rows say. One that nobody can read, because a person or an import changed it, says
/// nothing: the product is sold without the fact.
pub(crate) fn told(key: &ProductKey, nodes: Vec<FactNode>) -> Told {
    let mut told = Told::default();
    for node in nodes {
        let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        let (Some(code), Some(text)) = (filled(node.code), filled(node.text)) else { continue };
        let name = node.name.unwrap_or_default();
        let sku = filled(node.variant_sku);
        if code == OPTION {
            if let Some(sku) = sku.filter(|_| !name.is_empty()) {
                told.options.entry(sku).or_default().push((name, text));
            }
            continue;
        }
        if code == STANDS_IN {
            told.lent = Some((name, text));
            continue;
        }
        match code.as_str() {
            WITHHELD => {
                told.withheld.push(text);
                continue;
            }
            SOURCE_PRICE | SOURCE_CATEGORY => continue,
            _ => {}
        }
        let row = Row { code, name, lang: node.lang.unwrap_or_default(), text };
        let facts = match sku {
            Some(sku) => told.variants.entry(sku).or_default(),
            None => &mut told.product,
        };
        if let Err(unread) = facts.say(&row) {
            tracing::warn!(product = %key, %unread, "a fact in Pimcore cannot be read and is left out");
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use catalog::facts::FACTS;

    use super::*;

    fn node(row: FactRow) -> FactNode {
        let FactRow { variant_sku, code, name, lang, text } = row;
        FactNode { variant_sku, code: Some(code), name, lang, text: Some(text) }
    }

    fn product() -> Product {
        let example = FACTS.iter().map(|info| {
            let (name, lang, text) = info.example;
            Row { code: info.code.into(), name: name.into(), lang: lang.into(), text: text.into() }
        });
        let facts = Facts::from_rows(&example.collect::<Vec<_>>()).0;
        let axes = ["Colour", "Wood", "Width", "Height", "Feet"].map(|name| serde_json::json!({"name": {"en": name}}));
        let json = serde_json::json!({
            "source": "demo", "id": "1", "name": {"en": "Shelf"}, "facts": facts,
            "options": axes,
            "variants": [
                {"sku": "a", "title": "A", "prices": [], "stock": 1, "options": ["Red", "Oak", "80", "200", "Round"], "facts": {"gtin": "96385074"}},
                {"sku": "b", "title": "B", "prices": [], "stock": 1, "options": ["Red", "Oak", "80", "200", "Square"]},
            ],
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn everything_comes_back_for_the_product_and_each_variant() {
        let product = product();
        let told = told(&product.key().unwrap(), rows(&product).into_iter().map(node).collect());
        assert_eq!(Some(&told.product), product.facts.as_deref());
        assert_eq!(told.variants.len(), 1);
        assert_eq!(Some(&told.variants["a"]), product.variants[0].facts.as_deref());
        let axis = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(told.options["a"], [axis("Height", "200"), axis("Feet", "Round")], "the first three have columns");
        assert_eq!(told.options["b"], [axis("Height", "200"), axis("Feet", "Square")]);
    }

    #[test]
    fn a_row_that_a_person_spoiled_costs_its_fact_and_nothing_else() {
        let spoiled = |row: FactRow| FactNode { text: Some("spoiled".into()), ..node(row) };
        let product = product();
        let nodes = rows(&product).into_iter().map(|row| if row.code == "gtin" { spoiled(row) } else { node(row) });
        let told = told(&product.key().unwrap(), nodes.collect());
        assert_eq!((told.product.gtin.as_ref(), told.product.mpn.as_deref()), (None, Some("ST-88/9")));
    }
}
