//! From the PIM's view of a product to what the shop should have. Pure.
//!
//! | shop | PIM |
//! |---|---|
//! | published | published, not hidden by people, and not withdrawn unless people keep it |
//! | base title and description | people's text, else the source's; English, else Arabic |
//! | translations | the other languages, in the locales that the store supports |
//! | options, variants | in the PIM's order; one option "Option" where there is no choice |
//! | prices | those in currencies that the store supports |
//! | list prices | variant metadata `relay_list_prices` |
//! | stock | as in the PIM, never below 0 |
//! | categories | the deepest one of each path, unless hidden |
//! | brand, group, attributes | product metadata `relay_*` |

use std::collections::{BTreeMap, BTreeSet, HashMap};

use catalog::{Localized, ProductKey};
use medusa::text::{html, line};
use medusa::{Article, Category, Desired, Presence, References, Texts, Variant};
use pimcore::{CategoryTree, PimProduct, PimVariant, TreeNode};
use serde_json::{Value, json};

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

fn article(product: &PimProduct, categories: &HashMap<ProductKey, String>, references: &References) -> Article {
    let titles = cleaned(&product.titles(), line);
    let descriptions = cleaned(&product.texts(), html);
    let names = option_names(product);
    let category_ids = product
        .all_categories()
        .filter(|category| !category.hidden)
        .filter_map(|category| categories.get(&category_key(category.external_id.as_deref(), category.id)))
        .cloned()
        .collect();
    let options = if names.is_empty() { vec![Article::NO_CHOICE.0.to_owned()] } else { names.clone() };
    Article {
        title: titles.base().unwrap_or_default().to_owned(),
        description: descriptions.base().unwrap_or_default().to_owned(),
        translations: translations(&titles, &descriptions, references),
        options,
        variants: product.variants.iter().map(|row| variant(product, row, &names, references)).collect(),
        images: images(product),
        categories: category_ids,
        metadata: metadata(product),
    }
}

fn cleaned(texts: &Localized, clean: fn(&str) -> String) -> Localized {
    let cleaned = texts.0.iter().map(|(language, text)| (language.clone(), clean(text)));
    Localized(cleaned.filter(|(_, text)| !text.is_empty()).collect())
}

/// Every language that the store supports and that says something else than the base text.
fn translations(titles: &Localized, descriptions: &Localized, references: &References) -> BTreeMap<String, Texts> {
    let languages: BTreeSet<&String> = titles.0.keys().chain(descriptions.0.keys()).collect();
    let differs = |texts: &Localized, language: &str| {
        let text = texts.get(language).unwrap_or_default();
        if Some(text) == texts.base() { String::new() } else { text.to_owned() }
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
    let prices = sold().filter(|(currency, _)| references.currencies.contains(currency));
    let list: BTreeMap<String, String> = sold()
        .filter_map(|(currency, price)| {
            let list = price.list_amount.filter(|list| *list > price.amount)?;
            Some((currency, list.to_string()))
        })
        .collect();
    let shown: Vec<&str> = product
        .images
        .iter()
        .filter(|image| image.variant_sku.as_deref() == Some(&row.sku))
        .map(|image| image.url.as_str())
        .collect();
    let facts = [("relay_list_prices", json!(list)), ("relay_images", json!(shown))];
    Variant {
        sku: row.sku.clone(),
        title,
        options,
        prices: prices.map(|(currency, price)| (currency, price.amount)).collect(),
        stock: i64::from(row.stock.max(0)),
        metadata: said(facts),
    }
}

/// Addresses a browser can load, each once.
fn images(product: &PimProduct) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let loads = |url: &&str| url.starts_with("https://") || url.starts_with("http://");
    let urls = product.images.iter().map(|image| image.url.as_str()).filter(loads).filter(|url| seen.insert(*url));
    urls.map(str::to_owned).collect()
}

fn metadata(product: &PimProduct) -> BTreeMap<String, Value> {
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

/// A category's key in the shop. One that people made in the PIM has no external id of our form.
fn category_key(external_id: Option<&str>, pimcore_id: u32) -> ProductKey {
    let own = external_id.and_then(|id| id.parse().ok());
    own.or_else(|| ProductKey::new("pimcore", pimcore_id.to_string()).ok())
        .unwrap_or_else(|| unreachable!("a number is an id"))
}

/// The shop's categories that these products are in, each with its way from the root, parents first.
#[must_use]
pub fn categories<'a>(
    products: impl Iterator<Item = &'a PimProduct>,
    tree: &CategoryTree,
    references: &References,
) -> Vec<Category> {
    let mut seen = BTreeSet::new();
    let mut categories = Vec::new();
    for leaf in products.filter(|product| product.offered()).flat_map(PimProduct::all_categories) {
        let path = tree.path_of(leaf.id);
        let mut shown = true;
        for (depth, node) in path.iter().enumerate() {
            shown &= node.published && !node.hidden;
            if seen.insert(node.id) {
                categories.push(category(node, depth.checked_sub(1).map(|above| path[above]), shown, references));
            }
        }
    }
    categories
}

fn category(node: &TreeNode, parent: Option<&TreeNode>, shown: bool, references: &References) -> Category {
    let names = cleaned(&node.name, line);
    let last = node.path.as_str().rsplit('/').next().unwrap_or_default();
    let key_of = |node: &TreeNode| category_key(node.external_id.as_deref(), node.id);
    let base = names.base().unwrap_or(last).to_owned();
    let translations = names.0.iter().filter(|(_, name)| **name != base);
    Category {
        key: key_of(node),
        translations: translations
            .filter_map(|(language, name)| Some((references.locale(language)?.to_owned(), name.clone())))
            .collect(),
        name: base,
        handle: node.shop_handle.clone(),
        parent: parent.map(key_of),
        shown,
    }
}
