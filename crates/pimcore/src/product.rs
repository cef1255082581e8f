//! A product as Pimcore has it: what the pipeline wrote and what people made of it.

use std::collections::BTreeMap;

use catalog::{ContentHash, Facts, Failure, Fate, Localized, ProductKey, Version};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;

use crate::external::ExternalId;
use crate::facts::{self, FactNode};
use crate::{codes, languages, said, stamp};

/// A product as Pimcore has it now. What [`Pimcore::read_products`](crate::Pimcore::read_products)
/// gives, and what the shop is fed from.
///
/// Every text is exactly what Pimcore holds. `marketing_*`, `extra_categories`, `shop_visibility`
/// and `keep_when_withdrawn` belong to people; everything else is written by the pipeline.
#[derive(Debug, Clone, PartialEq)]
pub struct PimProduct {
    /// The product's key; its text form is the external id.
    pub key: ProductKey,
    /// Pimcore's object id.
    pub id: u32,
    /// Where it lives, such as `/catalog/products/shein-api-90854097`.
    pub fullpath: String,
    /// Whether it is published in Pimcore.
    pub published: bool,
    /// When it was last saved, seconds since 1970.
    pub modified: i64,
    /// Article number of the product itself.
    pub sku: Option<String>,
    /// What several colours of one article share.
    pub group: Option<String>,
    pub brand: Option<String>,
    /// The product's page at the source.
    pub url: Option<String>,
    /// Title as the source has it. [`title`](Self::title) gives the one to show.
    pub name: Localized,
    /// Description as the source has it, possibly HTML with scripts. [`text`](Self::text) gives the
    /// one to show.
    pub description: Localized,
    /// Published categories that the pipeline assigned. An unpublished category is absent.
    pub categories: Vec<PimCategory>,
    /// In order of their position.
    pub images: Vec<PimImage>,
    /// One row for each language and value, in order.
    pub attributes: Vec<PimAttribute>,
    /// In order of their position.
    pub variants: Vec<PimVariant>,
    /// One row for each variant and currency.
    pub prices: Vec<PimPrice>,
    /// What trade needs to know.
    pub facts: Facts,
    /// A name in no language that Pimcore has stands in for the one of the first language here, and
    /// is in the second.
    pub lent: Option<(String, String)>,
    /// The hash of the document that was last written.
    pub content_hash: Option<ContentHash>,
    /// The digest of what rules made of it, where that is something else ([`crate::stamp`]).
    pub wanted: Option<String>,
    /// Why rules keep it from the shop.
    pub withheld: Vec<String>,
    /// The version of the document that was last written.
    pub source_version: Option<Version>,
    /// The run that last wrote it.
    pub feed_run: Option<String>,
    /// Remarks on the data, one a line.
    pub warnings: Option<String>,
    /// The source no longer offers it.
    pub withdrawn: bool,
    /// Title by people.
    pub marketing_name: Localized,
    /// Description by people; HTML, sanitised by Pimcore.
    pub marketing_description: Localized,
    /// Categories that people added. An unpublished category is absent.
    pub extra_categories: Vec<PimCategory>,
    /// What people decided about the shop.
    pub shop_visibility: ShopVisibility,
    /// People want to keep selling it although the source withdrew it.
    pub keep_when_withdrawn: bool,
}

/// What people decided about a product in the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ShopVisibility {
    /// Nothing: the rest decides.
    #[default]
    Inherit,
    /// Offer it, also when the source withdrew it. A product that is not published is not offered
    /// all the same.
    Show,
    /// Do not offer it.
    Hide,
}

/// A category as a product refers to it. Its place in the tree is in
/// [`CategoryTree`](crate::CategoryTree).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PimCategory {
    /// Pimcore's object id.
    pub id: u32,
    /// Path in Pimcore.
    pub fullpath: String,
    /// `source:category id`; a category made by people may have none of this form.
    pub external_id: Option<String>,
    pub published: bool,
    /// The handle that people want in the shop.
    pub shop_handle: Option<String>,
    /// People do not want it in the shop.
    pub hidden: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PimImage {
    /// Absolute address.
    pub url: String,
    /// The only variant it shows, or all.
    pub variant_sku: Option<String>,
    pub position: i32,
}

/// One value of an attribute in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PimAttribute {
    pub code: String,
    /// Language tag.
    pub lang: String,
    /// The attribute's name in that language.
    pub name: String,
    /// The value in that language.
    pub text: String,
}

/// What one can buy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PimVariant {
    /// Article number.
    pub sku: String,
    /// Title, such as "Black / S".
    pub title: String,
    /// Name and value of each option, in order.
    pub options: Vec<(String, String)>,
    /// Pieces available.
    pub stock: i32,
    pub position: i32,
    /// What trade needs to know of it.
    pub facts: Facts,
}

/// A variant's price in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PimPrice {
    pub sku: String,
    /// ISO 4217.
    pub currency: String,
    /// What one pays, in major units.
    pub amount: Decimal,
    /// The price before the reduction.
    pub list_amount: Option<Decimal>,
}

impl PimProduct {
    /// The language that a title is really in which is shown as one in `language`.
    #[must_use]
    pub fn really_in<'a>(&'a self, language: &'a str) -> &'a str {
        match &self.lent {
            Some((of, lang)) if of == language && self.marketing_name.get(language).is_none_or(str::is_empty) => lang,
            _ => language,
        }
    }

    /// The title to show in a language: the people's, else the source's.
    #[must_use]
    pub fn title(&self, lang: &str) -> Option<&str> {
        shown(&self.marketing_name, &self.name, lang)
    }

    /// The titles to show in every language there is one.
    #[must_use]
    pub fn titles(&self) -> Localized {
        layered(&self.marketing_name, &self.name)
    }

    /// The description to show in a language: the people's, else the source's.
    #[must_use]
    pub fn text(&self, lang: &str) -> Option<&str> {
        shown(&self.marketing_description, &self.description, lang)
    }

    /// The descriptions to show in every language there is one.
    #[must_use]
    pub fn texts(&self) -> Localized {
        layered(&self.marketing_description, &self.description)
    }

    /// Whether the shop is to offer it: published, not hidden, not withheld by a rule, and not
    /// withdrawn unless people keep it.
    #[must_use]
    pub fn offered(&self) -> bool {
        let kept = !self.withdrawn || self.keep_when_withdrawn || self.shop_visibility == ShopVisibility::Show;
        self.published && self.withheld.is_empty() && self.shop_visibility != ShopVisibility::Hide && kept
    }

    /// The prices of one variant.
    pub fn prices_of<'a>(&'a self, sku: &'a str) -> impl Iterator<Item = &'a PimPrice> {
        self.prices.iter().filter(move |price| price.sku == sku)
    }

    /// The pipeline's categories followed by those that people added, each once.
    pub fn all_categories(&self) -> impl Iterator<Item = &PimCategory> {
        let added = |extra: &&PimCategory| self.categories.iter().all(|own| own.id != extra.id);
        self.categories.iter().chain(self.extra_categories.iter().filter(added))
    }
}

fn shown<'a>(people: &'a Localized, source: &'a Localized, lang: &str) -> Option<&'a str> {
    people.get(lang).filter(|text| !text.trim().is_empty()).or_else(|| source.get(lang))
}

fn layered(people: &Localized, source: &Localized) -> Localized {
    let mut all = source.clone();
    let written = people.0.iter().filter(|(_, text)| !text.trim().is_empty());
    all.0.extend(written.map(|(lang, text)| (lang.clone(), text.clone())));
    all
}

/// The same product as Data Hub writes it: every field may be null, ids are text.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Node {
    id: String,
    fullpath: String,
    external_id: Option<ExternalId>,
    published: Option<bool>,
    modification_date: Option<i64>,
    sku: Option<String>,
    group_id: Option<String>,
    brand: Option<String>,
    url: Option<String>,
    categories: Option<Vec<Option<CategoryNode>>>,
    images: Option<Vec<ImageNode>>,
    attributes: Option<Vec<AttributeNode>>,
    variants: Option<Vec<VariantNode>>,
    prices: Option<Vec<PriceNode>>,
    facts: Option<Vec<FactNode>>,
    content_hash: Option<String>,
    source_version: Option<String>,
    feed_run: Option<String>,
    warnings: Option<String>,
    withdrawn: Option<bool>,
    extra_categories: Option<Vec<Option<CategoryNode>>>,
    shop_visibility: Option<String>,
    keep_when_withdrawn: Option<bool>,
    /// Localized fields, one for each language: `name_en`.
    #[serde(flatten)]
    texts: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CategoryNode {
    id: String,
    fullpath: String,
    external_id: Option<ExternalId>,
    published: Option<bool>,
    shop_handle: Option<String>,
    hidden: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImageNode {
    url: Option<String>,
    variant_sku: Option<String>,
    position: Option<i32>,
}

#[derive(Debug, Deserialize)]
struct AttributeNode {
    code: Option<String>,
    lang: Option<String>,
    name: Option<String>,
    text: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct VariantNode {
    sku: Option<String>,
    title: Option<String>,
    option1_name: Option<String>,
    option1_value: Option<String>,
    option2_name: Option<String>,
    option2_value: Option<String>,
    option3_name: Option<String>,
    option3_value: Option<String>,
    stock: Option<i32>,
    position: Option<i32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PriceNode {
    sku: Option<String>,
    currency: Option<String>,
    amount: Option<String>,
    list_amount: Option<String>,
}

impl Node {
    pub(crate) fn external_id(&self) -> Option<&str> {
        self.external_id.as_ref().map(|id| id.text.as_str())
    }

    /// Checks that the object is the product that `key` names, and that what a person may have
    /// damaged can still be read.
    pub(crate) fn into_product(self, key: &ProductKey) -> Result<PimProduct, Failure> {
        same_product(key, &self.fullpath, self.external_id())?;
        let id = object_id(&self.id)?;
        let mut images: Vec<PimImage> = self.images.unwrap_or_default().into_iter().filter_map(image).collect();
        images.sort_by_key(|image| image.position);
        let mut variants: Vec<PimVariant> = self.variants.unwrap_or_default().into_iter().filter_map(variant).collect();
        variants.sort_by_key(|variant| variant.position);
        let mut told = facts::told(key, self.facts.unwrap_or_default());
        for variant in &mut variants {
            variant.options.extend(told.options.remove(&variant.sku).unwrap_or_default());
            variant.facts = told.variants.remove(&variant.sku).unwrap_or_default();
        }
        let prices =
            self.prices.unwrap_or_default().into_iter().map(|row| price(key, row)).collect::<Result<_, _>>()?;
        let (content_hash, wanted) = said(self.content_hash).map(|text| stamp::read(&text)).unzip();
        Ok(PimProduct {
            key: key.clone(),
            id,
            fullpath: self.fullpath,
            published: self.published.unwrap_or(false),
            modified: self.modification_date.unwrap_or(0),
            sku: said(self.sku),
            group: said(self.group_id),
            brand: said(self.brand),
            url: said(self.url),
            name: localized(&self.texts, "name"),
            description: localized(&self.texts, "description"),
            categories: categories(self.categories)?,
            images,
            attributes: self.attributes.unwrap_or_default().into_iter().filter_map(attribute).collect(),
            variants,
            prices,
            lent: told.lent.take(),
            facts: told.product,
            content_hash,
            wanted: wanted.flatten(),
            withheld: told.withheld,
            source_version: said(self.source_version).map(Version::from_text),
            feed_run: said(self.feed_run),
            warnings: said(self.warnings),
            withdrawn: self.withdrawn.unwrap_or(false),
            marketing_name: localized(&self.texts, "marketingName"),
            marketing_description: localized(&self.texts, "marketingDescription"),
            extra_categories: categories(self.extra_categories)?,
            shop_visibility: visibility(self.shop_visibility.as_deref()),
            keep_when_withdrawn: self.keep_when_withdrawn.unwrap_or(false),
        })
    }
}

/// What Pimcore finds by an external id is the same product only if the ids are equal here.
pub(crate) fn same_product(key: &ProductKey, fullpath: &str, external_id: Option<&str>) -> Result<(), Failure> {
    if external_id == Some(key.to_string().as_str()) {
        return Ok(());
    }
    Err(said::permanent(
        codes::OTHER_PRODUCT,
        format!(
            "{key}: Pimcore takes its external id for that of the object at {fullpath}, and neither can it be kept apart; give that object another one, or delete it there: {external_id:?}"
        ),
    ))
}

/// Data Hub writes ids as text.
pub(crate) fn object_id(text: &str) -> Result<u32, Failure> {
    text.parse().map_err(|_| {
        Failure::transient(
            codes::UNEXPECTED_ANSWER,
            format!("Pimcore's object ids are positive integers, got: {text:?}"),
        )
        .request(Fate::Garbled)
    })
}

pub(crate) fn visibility(text: Option<&str>) -> ShopVisibility {
    match text {
        Some("show") => ShopVisibility::Show,
        Some("hide") => ShopVisibility::Hide,
        _ => ShopVisibility::Inherit,
    }
}

fn said(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// The texts of a field in every language that was asked for.
pub(crate) fn localized(texts: &BTreeMap<String, Value>, field: &str) -> Localized {
    let of_field = |name: &String| name.strip_prefix(field)?.strip_prefix('_').map(languages::tag);
    let said = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    Localized(texts.iter().filter_map(|(name, value)| Some((of_field(name)?, said(value)?))).collect())
}

/// A relation to an object that this configuration may not read is null in the list.
fn categories(rows: Option<Vec<Option<CategoryNode>>>) -> Result<Vec<PimCategory>, Failure> {
    rows.unwrap_or_default()
        .into_iter()
        .flatten()
        .map(|row| {
            Ok(PimCategory {
                id: object_id(&row.id)?,
                fullpath: row.fullpath,
                external_id: said(row.external_id.map(|id| id.text)),
                published: row.published.unwrap_or(true),
                shop_handle: said(row.shop_handle),
                hidden: row.hidden.unwrap_or(false),
            })
        })
        .collect()
}

fn image(row: ImageNode) -> Option<PimImage> {
    Some(PimImage { url: said(row.url)?, variant_sku: said(row.variant_sku), position: row.position.unwrap_or(0) })
}

fn attribute(row: AttributeNode) -> Option<PimAttribute> {
    let code = said(row.code)?;
    Some(PimAttribute {
        name: row.name.unwrap_or_else(|| code.clone()),
        code,
        lang: row.lang.unwrap_or_default(),
        text: row.text.unwrap_or_default(),
    })
}

fn variant(row: VariantNode) -> Option<PimVariant> {
    let options = [
        (row.option1_name, row.option1_value),
        (row.option2_name, row.option2_value),
        (row.option3_name, row.option3_value),
    ];
    let sku = said(row.sku)?;
    Some(PimVariant {
        title: said(row.title).unwrap_or_else(|| sku.clone()),
        sku,
        options: options.into_iter().filter_map(|(name, value)| Some((said(name)?, said(value)?))).collect(),
        stock: row.stock.unwrap_or(0),
        position: row.position.unwrap_or(0),
        facts: Facts::default(),
    })
}

fn price(key: &ProductKey, row: PriceNode) -> Result<PimPrice, Failure> {
    let sku = said(row.sku).ok_or_else(|| unreadable(key, "prices.sku", ""))?;
    let decimal = |field: &str, text: &str| {
        text.parse::<Decimal>().map_err(|_| unreadable(key, &format!("prices.{field} of {sku}"), text))
    };
    let amount = decimal("amount", row.amount.as_deref().unwrap_or(""))?;
    let list_amount = said(row.list_amount).map(|text| decimal("listAmount", &text)).transpose()?;
    let currency = said(row.currency).ok_or_else(|| unreadable(key, &format!("prices.currency of {sku}"), ""))?;
    Ok(PimPrice { sku, currency, amount, list_amount })
}

fn unreadable(key: &ProductKey, field: &str, value: &str) -> Failure {
    said::permanent(
        codes::UNREADABLE_FIELD,
        format!("{key}: {field} in Pimcore cannot be read; correct it there or announce the product again: {value:?}"),
    )
}
