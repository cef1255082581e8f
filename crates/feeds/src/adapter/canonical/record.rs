//! A canonical product as suppliers write it: every field of `docs/product.schema.json`, each in
//! any form whose meaning is plain.

use std::collections::{BTreeMap, BTreeSet};

use catalog::{Attribute, Category, CategoryPath, Facts, Localized, Price, Product, ProductOption, Variant, Warning};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::facts::FactsRecord;
use crate::lenient::{Digits, Entries, Items, List, Text, filled, given, object, truth, whole_number};
use crate::{Defect, Reason, money};

type Texts<'a> = Entries<'a, Option<Text<'a>>>;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an object")]
pub(super) struct Record<'a> {
    #[serde(borrow)]
    source: Text<'a>,
    #[serde(borrow)]
    id: Digits<'a>,
    #[serde(borrow, default)]
    group: Option<Text<'a>>,
    #[serde(borrow, default)]
    sku: Option<Text<'a>>,
    #[serde(borrow)]
    name: Texts<'a>,
    #[serde(borrow, default)]
    description: Texts<'a>,
    #[serde(borrow, default)]
    brand: Option<Text<'a>>,
    #[serde(borrow, default)]
    categories: List<Items<CategoryRecord<'a>>>,
    #[serde(borrow, default)]
    attributes: List<AttributeRecord<'a>>,
    #[serde(borrow, default)]
    options: List<OptionRecord<'a>>,
    #[serde(borrow)]
    variants: List<VariantRecord<'a>>,
    #[serde(borrow, default)]
    images: List<Text<'a>>,
    #[serde(borrow, default)]
    url: Option<Text<'a>>,
    #[serde(borrow, default)]
    withdrawn: Option<Text<'a>>,
    // In a box: most records have none, and their fields are moved about.
    #[serde(borrow, default, deserialize_with = "object")]
    facts: Option<Box<FactsRecord<'a>>>,
    /// Remarks are ours to make.
    #[serde(default, rename = "warnings")]
    _warnings: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an object")]
struct CategoryRecord<'a> {
    #[serde(borrow)]
    id: Digits<'a>,
    #[serde(borrow)]
    name: Texts<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an object")]
struct AttributeRecord<'a> {
    #[serde(borrow)]
    code: Text<'a>,
    #[serde(borrow)]
    name: Texts<'a>,
    /// Texts in languages: of an object nobody can tell whether it is one value or several, so only
    /// a list is taken.
    #[serde(borrow)]
    values: Items<Texts<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an object")]
struct OptionRecord<'a> {
    #[serde(borrow)]
    name: Texts<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an object")]
struct VariantRecord<'a> {
    #[serde(borrow)]
    sku: Digits<'a>,
    #[serde(borrow)]
    title: Text<'a>,
    #[serde(borrow, default)]
    options: List<Text<'a>>,
    #[serde(borrow)]
    prices: List<PriceRecord<'a>>,
    #[serde(borrow)]
    stock: Text<'a>,
    #[serde(borrow, default)]
    images: List<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "object")]
    facts: Option<Box<FactsRecord<'a>>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "an object")]
struct PriceRecord<'a> {
    #[serde(borrow)]
    currency: Text<'a>,
    #[serde(borrow)]
    amount: Digits<'a>,
    #[serde(borrow, default)]
    list_amount: Option<Digits<'a>>,
}

impl Record<'_> {
    pub(super) fn product(self) -> Result<Product, Defect> {
        let withdrawn = match filled(&self.withdrawn) {
            None => false,
            Some(text) => truth(text).ok_or_else(|| {
                let message = "withdrawn is neither true nor false";
                Defect::new(Reason::InvalidType, message).path("$.withdrawn").value(text)
            })?,
        };
        let variants = self.variants.0.into_iter().enumerate();
        let mut warnings: Vec<Warning> = Vec::new();
        let facts = facts(self.facts, || "$.facts".to_owned(), &mut warnings);
        let variants =
            variants.map(|(number, variant)| variant.variant(&format!("$.variants[{number}]"), &mut warnings));
        let variants = variants.collect::<Result<_, _>>()?;
        Ok(Product {
            source: self.source.0.into_owned(),
            id: self.id.0.into_owned(),
            group: optional(self.group),
            sku: optional(self.sku),
            name: localized(self.name),
            description: localized(self.description),
            brand: optional(self.brand),
            categories: self.categories.0.into_iter().map(path).collect(),
            attributes: self.attributes.0.into_iter().map(AttributeRecord::attribute).collect(),
            options: self.options.0.into_iter().map(|option| ProductOption { name: localized(option.name) }).collect(),
            variants,
            images: addresses(self.images),
            url: optional(self.url),
            withdrawn,
            facts,
            warnings,
            made_skus: BTreeSet::new(),
            stock_said: Default::default(),
        })
    }
}

/// Of remarks of one kind the first is kept in full: a product of a thousand variants has thousands
/// of places.
fn facts(
    record: Option<Box<FactsRecord<'_>>>,
    place: impl FnOnce() -> String,
    warnings: &mut Vec<Warning>,
) -> Option<Box<Facts>> {
    let record = record?;
    let place = place();
    let (facts, left_out) = record.facts(&place);
    left_out.for_each(|warning| match warnings.iter_mut().find(|known| known.code == warning.code) {
        Some(known) => {
            known.message = format!("{}; {place} too", known.message.chars().take(1_000).collect::<String>())
        }
        None => warnings.push(warning),
    });
    facts
}

/// Blank says nothing in `null`, `[]` and `{}`, but a text stays as it was written.
fn optional(text: Option<Text<'_>>) -> Option<String> {
    text.map(|text| text.0.into_owned()).filter(|text| !text.is_empty())
}

fn localized(texts: Texts<'_>) -> Localized {
    let given = texts.0.into_iter().filter_map(|(lang, text)| Some((lang.0.into_owned(), text?.0.into_owned())));
    Localized(given.collect::<BTreeMap<_, _>>())
}

fn addresses(images: List<Text<'_>>) -> Vec<String> {
    images.0.into_iter().map(|image| image.0.into_owned()).filter(|image| !image.trim().is_empty()).collect()
}

fn path(path: Items<CategoryRecord<'_>>) -> CategoryPath {
    let category =
        |category: CategoryRecord<'_>| Category { id: category.id.0.into_owned(), name: localized(category.name) };
    CategoryPath(path.0.into_iter().map(category).collect())
}

impl AttributeRecord<'_> {
    fn attribute(self) -> Attribute {
        let values = self.values.0.into_iter().map(localized).collect();
        Attribute { code: self.code.0.into_owned(), name: localized(self.name), values }
    }
}

impl VariantRecord<'_> {
    fn variant(self, path: &str, warnings: &mut Vec<Warning>) -> Result<Variant, Defect> {
        let stock = self.stock.0.trim();
        if stock.is_empty() {
            return Err(
                Defect::new(Reason::MissingField, "the variant has no stock level").path(format!("{path}.stock"))
            );
        }
        let pieces = whole_number(stock).and_then(|pieces| i32::try_from(pieces).ok()).ok_or_else(|| {
            let message = "the stock level is no whole number, or too large for one";
            Defect::new(Reason::InvalidStock, message).path(format!("{path}.stock")).value(stock)
        })?;
        let prices = self.prices.0.iter().enumerate();
        let prices = prices.map(|(number, price)| {
            price.price().map_err(|(field, defect)| defect.path(format!("{path}.prices[{number}].{field}")))
        });
        let mut prices = prices.collect::<Result<Vec<Price>, _>>()?;
        prices.sort_by(|a, b| a.currency.cmp(&b.currency));
        Ok(Variant {
            sku: self.sku.0.into_owned(),
            title: self.title.0.into_owned(),
            options: self.options.0.into_iter().map(|value| value.0.into_owned()).collect(),
            prices,
            stock: pieces,
            images: addresses(self.images),
            facts: facts(self.facts, || format!("{path}.facts"), warnings),
        })
    }
}

impl PriceRecord<'_> {
    fn price(&self) -> Result<Price, (&'static str, Defect)> {
        let currency = self.currency.0.trim();
        let amount = amount(&self.amount.0, currency).map_err(|defect| ("amount", defect))?;
        let list = match given(&self.list_amount).map(|digits| self::amount(digits, currency)).transpose() {
            // No price before the reduction is written as zero, too.
            Err(defect) if defect.reason == Reason::ZeroPrice => None,
            result => result.map_err(|defect| ("listAmount", defect))?,
        };
        Ok(Price { currency: currency.to_owned(), amount, list_amount: list.filter(|list| *list > amount) })
    }
}

/// A canonical amount is data: digits, perhaps a point and decimals. It has the same form as the
/// same amount from every other source, so that the content hash agrees.
fn amount(digits: &str, currency: &str) -> Result<Decimal, Defect> {
    let digits = digits.trim();
    if digits.is_empty() {
        return Err(Defect::new(Reason::MissingPrice, "the price has no amount"));
    }
    let decimal = money::decimal(digits)
        .ok_or_else(|| Defect::new(Reason::InvalidAmount, "the amount is no decimal number").value(digits))?;
    money::amount(&decimal.to_string(), currency)
}
