//! A canonical product as the input of Data Hub's mutations: a pure mapping.
//!
//! Only fields of the source layer exist in these types, so the pipeline cannot write what belongs
//! to people. Collections are always replaced whole: without `replace` Data Hub merges rows by
//! position. An absent text is written as null, so that what a source stops saying disappears.

use std::collections::BTreeMap;

use catalog::{ContentHash, Failure, Localized, Product, Version};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::external;
use crate::facts::{self, FactRow};
use crate::languages::{self, FieldLanguages};
use crate::limits;

/// Languages of the localized fields, as Pimcore is configured with them
/// (`pimcore.general.valid_languages`).
pub const LANGUAGES: [&str; 2] = ["en", "ar"];
/// Option axes that a variant has columns for; further ones are rows of facts.
pub const COLUMN_OPTIONS: usize = 3;
/// Option axes that are kept.
pub const MAX_OPTIONS: usize = 10;

/// Where a document comes from; written beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// The document's content hash, with the digest of what is wanted ([`crate::stamp`]).
    pub hash: ContentHash,
    /// The document's version.
    pub version: Version,
    /// The feed run that brought it.
    pub feed_run: String,
    /// The time of writing.
    pub imported_at: Timestamp,
}

/// `UpdateCatalogProductInput`, as far as the pipeline writes it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProductInput {
    external_id: String,
    source: String,
    sku: Option<String>,
    group_id: Option<String>,
    brand: Option<String>,
    url: Option<String>,
    name: Texts,
    description: Texts,
    categories: Vec<Relation>,
    images: Rows<Images>,
    attributes: Rows<Attributes>,
    variants: Rows<Variants>,
    prices: Rows<Prices>,
    facts: Rows<Facts>,
    content_hash: String,
    source_version: String,
    feed_run: String,
    warnings: String,
    imported_at: String,
    withdrawn: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    published: Option<bool>,
}

/// `LocalizedString`: all languages of a field in one call, in Pimcore's spelling. An absent
/// language is written as null, which clears it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Texts(BTreeMap<String, Option<String>>);

impl Texts {
    /// The texts in the languages that Pimcore keeps; regional variants (`en-GB`) stand in for a
    /// language that is missing.
    #[must_use]
    pub fn of(texts: &Localized) -> Self {
        Self::in_languages(texts, LANGUAGES)
    }

    fn in_languages<'l>(texts: &Localized, languages: impl IntoIterator<Item = &'l str>) -> Self {
        Self(languages.into_iter().map(|lang| (languages::field(lang), in_language(texts, lang))).collect())
    }

    fn json(&self) -> Value {
        let text = |text: &Option<String>| text.as_deref().map_or(Value::Null, Value::from);
        Value::Object(self.0.iter().map(|(lang, said)| (lang.clone(), text(said))).collect())
    }

    /// Whether there is a text in none of the languages.
    fn is_nameless(&self) -> bool {
        self.0.values().all(|text| text.as_ref().is_none_or(|text| text.trim().is_empty()))
    }

    /// Puts the text of another language in a language's place.
    fn lend(&mut self, to: &str, text: &str) {
        self.0.insert(languages::field(to), Some(text.to_owned()));
    }
}

/// The language whose text stands in where there is none that Pimcore has: the first by its tag;
/// one that nobody could tell comes last.
fn lender(texts: &Localized) -> Option<(&str, &str)> {
    let filled = texts.0.iter().filter(|(_, text)| !text.trim().is_empty());
    filled.min_by_key(|(lang, _)| *lang == "und").map(|(lang, text)| (lang.as_str(), text.as_str()))
}

fn in_language(texts: &Localized, lang: &str) -> Option<String> {
    let regional = || {
        let of_language = |tag: &str| tag.split_once('-').is_some_and(|(primary, _)| primary == lang);
        texts.0.iter().find(|(tag, _)| of_language(tag)).map(|(_, text)| text.as_str())
    };
    texts.get(lang).or_else(regional).map(str::to_owned)
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Relation {
    id: u32,
}

/// A field collection: `{"replace": true, "items": {"CatalogImage": [...]}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Rows<T> {
    replace: bool,
    items: T,
}

impl<T> Rows<T> {
    const fn whole(items: T) -> Self {
        Self { replace: true, items }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Images {
    #[serde(rename = "CatalogImage")]
    rows: Vec<ImageRow>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ImageRow {
    url: String,
    variant_sku: Option<String>,
    position: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Attributes {
    #[serde(rename = "CatalogAttribute")]
    rows: Vec<AttributeRow>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct AttributeRow {
    code: String,
    lang: String,
    name: String,
    text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Variants {
    #[serde(rename = "CatalogVariant")]
    rows: Vec<VariantRow>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct VariantRow {
    sku: String,
    title: String,
    option1_name: Option<String>,
    option1_value: Option<String>,
    option2_name: Option<String>,
    option2_value: Option<String>,
    option3_name: Option<String>,
    option3_value: Option<String>,
    stock: i32,
    position: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Prices {
    #[serde(rename = "CatalogPrice")]
    rows: Vec<PriceRow>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct PriceRow {
    sku: String,
    currency: String,
    amount: String,
    list_amount: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Facts {
    #[serde(rename = "CatalogFact")]
    rows: Vec<FactRow>,
}

impl ProductInput {
    /// Maps a product whose categories have these object ids.
    ///
    /// # Errors
    /// A permanent failure that names product, field and limit, when Pimcore would refuse or cut a
    /// value.
    pub fn new(product: &Product, provenance: &Provenance, category_ids: &[u32]) -> Result<Self, Failure> {
        limits::check(product)?;
        let warnings: Vec<&str> = product.warnings.iter().map(|warning| warning.message.as_str()).collect();
        Ok(Self {
            external_id: format!("{}:{}", product.source, product.id),
            source: product.source.clone(),
            sku: product.sku.clone(),
            group_id: product.group.clone(),
            brand: product.brand.clone(),
            url: product.url.clone(),
            name: Texts::of(&product.name),
            description: Texts::of(&product.description),
            categories: relations(category_ids),
            images: Rows::whole(Images { rows: image_rows(product) }),
            attributes: Rows::whole(Attributes { rows: attribute_rows(product) }),
            variants: Rows::whole(Variants { rows: variant_rows(product) }),
            prices: Rows::whole(Prices { rows: price_rows(product) }),
            facts: Rows::whole(Facts { rows: facts::rows(product) }),
            content_hash: provenance.hash.as_str().to_owned(),
            source_version: limits::cut(provenance.version.as_str(), limits::SHORT),
            feed_run: limits::cut(&provenance.feed_run, limits::SHORT),
            warnings: warnings.join("\n"),
            imported_at: provenance.imported_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            withdrawn: product.withdrawn,
            published: None,
        })
    }

    /// The same product in the categories with these object ids.
    #[must_use]
    pub fn in_categories(mut self, category_ids: &[u32]) -> Self {
        self.categories = relations(category_ids);
        self
    }

    /// The same product in these languages, with a remark on what it says in one that Pimcore
    /// lacks.
    #[must_use]
    pub fn in_languages(mut self, product: &Product, languages: &FieldLanguages) -> Self {
        let all = || languages.there.iter().map(String::as_str);
        self.name = Texts::in_languages(&product.name, all());
        self.description = Texts::in_languages(&product.description, all());
        // A product is never nameless: what it is called elsewhere stands in, and a row says so
        // until its own name comes.
        if let Some((lang, name)) = lender(&product.name).filter(|_| self.name.is_nameless()) {
            let first = languages.there.first().map_or(LANGUAGES[0], String::as_str);
            self.name.lend(first, name);
            if let Some(text) = product.description.get(lang).filter(|_| self.description.is_nameless()) {
                self.description.lend(first, text);
            }
            self.facts.items.rows.push(facts::stands_in(first, lang));
        }
        match languages.remark(&[&product.name, &product.description]) {
            Some(remark) => self.remark(&remark),
            None => self,
        }
    }

    /// The same product with what its source said, where rules made something else of it, and why
    /// they keep it from the shop.
    #[must_use]
    pub fn beside(mut self, said: &Product, shown: &Product, withheld: &[String]) -> Self {
        self.facts.items.rows.extend(facts::beside(said, shown, withheld));
        self
    }

    /// Also publishes or unpublishes. Without this an update leaves as it is what people decided.
    #[must_use]
    pub fn publish(mut self, published: bool) -> Self {
        self.published = Some(published);
        self
    }

    /// The same product under the external id that keeps it apart from one that Pimcore takes for
    /// it.
    #[must_use]
    pub fn kept_apart(mut self) -> Self {
        if let Some(apart) = external::apart(&self.external_id) {
            self.external_id = apart;
        }
        self
    }

    /// Adds a line to the remarks.
    #[must_use]
    pub fn remark(mut self, line: &str) -> Self {
        if !self.warnings.is_empty() {
            self.warnings.push('\n');
        }
        self.warnings.push_str(line);
        self
    }

    /// The fields that people read and a price leaves as they are.
    pub(crate) fn texts(&self) -> [(&'static str, Value); 2] {
        [("name", self.name.json()), ("description", self.description.json())]
    }

    /// Whether two products have the same texts in the same languages, as 16 digits.
    #[must_use]
    pub fn texts_digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for (name, text) in self.texts() {
            let text = text.to_string();
            hasher.update(name.as_bytes()).update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        }
        hasher.finalize().to_hex().chars().take(16).collect()
    }

    #[must_use]
    pub fn external_id(&self) -> &str {
        &self.external_id
    }
}

/// Each once: Pimcore refuses a relation that is named twice.
fn relations(category_ids: &[u32]) -> Vec<Relation> {
    let mut relations: Vec<Relation> = Vec::with_capacity(category_ids.len());
    for &id in category_ids {
        if relations.iter().all(|known| known.id != id) {
            relations.push(Relation { id });
        }
    }
    relations
}

/// The product's images, then those of single variants.
fn image_rows(product: &Product) -> Vec<ImageRow> {
    let shared = product.images.iter().map(|url| (url, None));
    let own = product.variants.iter().flat_map(|v| v.images.iter().map(|url| (url, Some(v.sku.clone()))));
    shared
        .chain(own)
        .enumerate()
        .map(|(position, (url, variant_sku))| ImageRow { url: url.clone(), variant_sku, position })
        .collect()
}

/// One row for each language of each value: a localized field does not work inside a collection.
fn attribute_rows(product: &Product) -> Vec<AttributeRow> {
    let mut rows = Vec::new();
    for attribute in &product.attributes {
        for value in &attribute.values {
            for (lang, text) in &value.0 {
                let name = attribute.name.get(lang).or_else(|| attribute.name.base()).unwrap_or(&attribute.code);
                rows.push(AttributeRow {
                    code: attribute.code.clone(),
                    lang: lang.clone(),
                    name: name.to_owned(),
                    text: text.clone(),
                });
            }
        }
    }
    rows
}

fn variant_rows(product: &Product) -> Vec<VariantRow> {
    let names: Vec<&str> = product.options.iter().map(|option| option.name.base().unwrap_or("Option")).collect();
    let rows = product.variants.iter().enumerate();
    rows.map(|(position, variant)| {
        let name = |axis: usize| variant.options.get(axis).and(names.get(axis)).map(|name| (*name).to_owned());
        let value = |axis: usize| names.get(axis).and(variant.options.get(axis)).cloned();
        VariantRow {
            sku: variant.sku.clone(),
            title: variant.title.clone(),
            option1_name: name(0),
            option1_value: value(0),
            option2_name: name(1),
            option2_value: value(1),
            option3_name: name(2),
            option3_value: value(2),
            stock: variant.stock,
            position,
        }
    })
    .collect()
}

fn price_rows(product: &Product) -> Vec<PriceRow> {
    let each = product.variants.iter().flat_map(|variant| variant.prices.iter().map(move |price| (variant, price)));
    each.map(|(variant, price)| PriceRow {
        sku: variant.sku.clone(),
        currency: price.currency.clone(),
        amount: price.amount.to_string(),
        list_amount: price.list_amount.map(|amount| amount.to_string()),
    })
    .collect()
}

/// `UpdateCatalogCategoryInput`, as far as the pipeline writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CategoryInput {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) external_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<CategoryNames>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) slug: Option<String>,
}

/// Names of a category in the languages that a feed has; others stay as they are, because feeds
/// differ in what they know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct CategoryNames(BTreeMap<String, String>);

impl CategoryNames {
    pub(crate) fn of(texts: &Localized, there: &[String]) -> Self {
        let said = |lang: &String| Some((languages::field(lang), in_language(texts, lang)?));
        Self(there.iter().filter_map(said).collect())
    }

    /// The same of a category that is to be made: it is never nameless.
    pub(crate) fn of_new(texts: &Localized, there: &[String]) -> Self {
        let mut names = Self::of(texts, there);
        if names.0.values().all(|name| name.trim().is_empty())
            && let (Some((_, name)), Some(first)) = (lender(texts), there.first())
        {
            names.0.insert(languages::field(first), name.to_owned());
        }
        names
    }

    pub(crate) fn texts(&self) -> Localized {
        Localized(self.0.iter().map(|(field, text)| (languages::tag(field), text.clone())).collect())
    }
}
