//! The canonical product.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Facts, KeyError, ProductKey, Version};

/// A text in several languages, by BCP 47 tag (`en`, `ar`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Localized(pub BTreeMap<String, String>);

impl Localized {
    /// The text in one language.
    #[must_use]
    pub fn get(&self, lang: &str) -> Option<&str> {
        self.0.get(lang).map(String::as_str)
    }

    /// Adds a text unless it is blank; white space at both ends is dropped.
    #[must_use]
    pub fn with(mut self, lang: &str, text: &str) -> Self {
        let text = text.trim();
        if !text.is_empty() {
            self.0.insert(lang.to_owned(), text.to_owned());
        }
        self
    }

    /// The English text, else the Arabic one, else the first there is.
    #[must_use]
    pub fn base(&self) -> Option<&str> {
        self.get("en").or_else(|| self.get("ar")).or_else(|| self.0.values().next().map(String::as_str))
    }

    /// Whether there is no text at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What a source says about one product, in the one shape that every target understands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Product {
    /// The source, such as `shein-api`.
    pub source: String,
    /// The product's id within the source.
    pub id: String,
    /// What several colours of one article share (SPU).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The article number of the product itself; variants have their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// Title.
    pub name: Localized,
    /// Description; plain text or HTML as the source has it.
    #[serde(default, skip_serializing_if = "Localized::is_empty")]
    pub description: Localized,
    /// Brand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// Where the product belongs; each entry is a path from the root.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<CategoryPath>,
    /// Facts about the product, in the source's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Attribute>,
    /// The axes on which variants differ, in order; empty for a product with a single variant and no choice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<ProductOption>,
    /// What one can buy; at least one.
    pub variants: Vec<Variant>,
    /// Absolute `https` addresses without repetition; the first is the main one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// The product's page at the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The source no longer offers it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withdrawn: bool,
    /// What trade needs to know.
    #[serde(default, skip_serializing_if = "Facts::none")]
    pub facts: Option<Box<Facts>>,
    /// Remarks on the quality of the data. Not part of the content hash.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// Those SKUs of variants that we made, because the source gives none. Not part of the content hash: what is known stays known.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schemars(skip)]
    pub made_skus: BTreeSet<String>,
    /// By SKU the version of what said its pieces, where a part owns the stock: a figure is as old as its own line, not as its sibling's. Not part of the
    /// content hash.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(skip)]
    pub stock_said: BTreeMap<String, Version>,
}

impl Product {
    /// A product of which nothing is said yet.
    #[must_use]
    pub fn bare(source: impl Into<String>, id: impl Into<String>) -> Self {
        Self {
            source: source.into(),
            id: id.into(),
            group: None,
            sku: None,
            name: Localized::default(),
            description: Localized::default(),
            brand: None,
            categories: Vec::new(),
            attributes: Vec::new(),
            options: Vec::new(),
            variants: Vec::new(),
            images: Vec::new(),
            url: None,
            withdrawn: false,
            facts: None,
            warnings: Vec::new(),
            made_skus: BTreeSet::new(),
            stock_said: BTreeMap::new(),
        }
    }

    /// The product's key, checked.
    pub fn key(&self) -> Result<ProductKey, KeyError> {
        ProductKey::new(&self.source, &self.id)
    }

    /// The same product without what comes and goes: pieces and when they were said, withdrawal, remarks.
    #[must_use]
    pub fn without_pieces(&self) -> Self {
        let mut lasting = Self { withdrawn: false, warnings: Vec::new(), stock_said: BTreeMap::new(), ..self.clone() };
        lasting.variants.iter_mut().for_each(|variant| variant.stock = 0);
        lasting
    }

    /// The same product without its offers: what a variant costs, and how many there are.
    #[must_use]
    pub fn without_offers(&self) -> Self {
        let mut content = self.without_remarks().into_owned();
        for variant in &mut content.variants {
            variant.prices.clear();
            variant.stock = 0;
        }
        content
    }

    /// The same product without remarks, and without a word on who made its SKUs or when its pieces were said: what the content hash covers.
    pub(crate) fn without_remarks(&self) -> Cow<'_, Self> {
        if self.warnings.is_empty() && self.made_skus.is_empty() && self.stock_said.is_empty() {
            return Cow::Borrowed(self);
        }
        let whole = self.clone();
        Cow::Owned(Self { warnings: Vec::new(), made_skus: BTreeSet::new(), stock_said: BTreeMap::new(), ..whole })
    }
}

/// A path of categories from the root to the one the product belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct CategoryPath(pub Vec<Category>);

/// One category of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Category {
    /// Stable id within the source.
    pub id: String,
    /// Name.
    pub name: Localized,
}

/// A fact about a product; one attribute can have several values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attribute {
    /// Stable code within the source.
    pub code: String,
    /// Name.
    pub name: Localized,
    /// Values in the source's order.
    pub values: Vec<Localized>,
}

/// One axis on which variants differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProductOption {
    /// Name, such as "Size".
    pub name: Localized,
}

/// What one can buy: one combination of option values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Variant {
    /// Unique within the source.
    pub sku: String,
    /// Title, such as "Black / S".
    pub title: String,
    /// One value for each of the product's options, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// One price for each currency, in the order of the currency codes.
    pub prices: Vec<Price>,
    /// Pieces available; not negative.
    pub stock: i32,
    /// Images of this variant only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// What trade needs to know of this variant; what it does not say, its product may.
    #[serde(default, skip_serializing_if = "Facts::none")]
    pub facts: Option<Box<Facts>>,
}

/// A price in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Price {
    /// ISO 4217, upper case.
    pub currency: String,
    /// What one pays, in major units.
    #[schemars(with = "String")]
    pub amount: Decimal,
    /// The price before the reduction, where there is one and it is higher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub list_amount: Option<Decimal>,
}

/// A remark on the quality of a product's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Warning {
    /// What kind of remark.
    pub code: WarningCode,
    /// For people.
    pub message: String,
}

/// The kinds of remark on a product's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WarningCode {
    /// No usable image.
    NoImage,
    /// No piece of any variant in stock.
    ZeroStock,
    /// A price far below what it was.
    PriceDrop,
    /// A language the shop sells in is missing.
    MissingLanguage,
    /// A title was longer than a target keeps.
    TitleShortened,
    /// An amount was finer than its currency.
    PriceRounded,
    /// An amount was less than half of its currency's smallest coin; the variant has a price in another currency.
    PriceLeftOut,
    /// An address of an image, or of the product's page, that no browser could use.
    AddressLeftOut,
    /// Characters that nobody sees, or that no text may have.
    TextCleaned,
    /// No name in a language of the shop: that in another one stands in.
    NameFromOtherLanguage,
    /// A fact that could not be used, such as a GTIN with a wrong check digit.
    FactLeftOut,
    /// A variant that only a storefront has which does not lead.
    VariantLeftOut,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ContentHash;

    fn product() -> Product {
        Product {
            name: Localized::default().with("en", "Shirt").with("ar", "قميص"),
            variants: vec![Variant {
                sku: "S1".into(),
                title: "Shirt".into(),
                options: vec![],
                prices: vec![Price { currency: "SAR".into(), amount: "23.80".parse().unwrap(), list_amount: None }],
                stock: 1,
                images: vec![],
                facts: None,
            }],
            ..Product::bare("demo", "1")
        }
    }

    #[test]
    fn the_hash_ignores_warnings_and_sees_everything_else() {
        let plain = product();
        let mut warned = product();
        warned.warnings.push(Warning { code: WarningCode::NoImage, message: "no image".into() });
        warned.made_skus.insert("S1".into());
        warned.stock_said.insert("S1".into(), Version::new(1, "0", 0));
        assert_eq!(ContentHash::of(&plain), ContentHash::of(&warned));
        let mut cheaper = product();
        cheaper.variants[0].prices[0].amount = "23.79".parse().unwrap();
        assert_ne!(ContentHash::of(&plain), ContentHash::of(&cheaper));
    }

    #[test]
    fn pieces_and_when_they_were_said_do_not_last_and_prices_do() {
        let mut sold = product();
        sold.variants[0].stock = 0;
        sold.withdrawn = true;
        sold.stock_said.insert("S1".into(), Version::new(1, "0", 0));
        assert_ne!(sold, product());
        assert_eq!(sold.without_pieces(), product().without_pieces());
        sold.variants[0].prices[0].amount = "23.79".parse().unwrap();
        assert_ne!(sold.without_pieces(), product().without_pieces());
    }

    #[test]
    fn amounts_are_text_and_survive_exactly() {
        let json = serde_json::to_string(&product()).unwrap();
        assert!(json.contains(r#""amount":"23.80""#), "{json}");
        assert_eq!(serde_json::from_str::<Product>(&json).unwrap(), product());
    }

    #[test]
    fn unknown_fields_are_refused_not_lost() {
        assert!(serde_json::from_str::<Price>(r#"{"currency":"SAR","amount":"1","vat":"15"}"#).is_err());
    }
}
