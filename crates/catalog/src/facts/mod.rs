//! What trade needs to know of a product or a variant: each fact optional, none invented.
//!
//! A fact has one spelling as text ([`Row`]), which every source's reader, the PIM and the people who look at it share: [`Facts::say`] reads it,
//! [`Facts::rows`] writes it. Values are kept as they were said; what a target needs in another unit is converted there.

mod gtin;
mod places;
mod rows;
mod units;
mod words;

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use gtin::{Gtin, GtinError};
pub use places::Country;
pub use rows::{FACTS, FactInfo, Row, Unread, has_language};
pub use units::{Content, ContentUnit, Length, LengthUnit, Weight, WeightUnit};
pub use words::{AgeGroup, Condition, DocumentKind, Gender, RelationKind};

use crate::Localized;

/// Documents, relations, keywords of one language, and entries of `extra`, each.
pub const MOST: usize = 100;
/// Characters of a fact's text; of a title and a description for search engines, too.
pub const TEXT_CHARS: usize = 2_000;
/// Characters of the name of an entry of `extra`.
pub const NAME_CHARS: usize = 100;

/// What trade needs to know. The same for a product and for a variant; a variant's own counts before its product's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Facts {
    /// GTIN of 8, 12, 13 or 14 digits (EAN, UPC), its check digit verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gtin: Option<Gtin>,
    /// The manufacturer's own number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mpn: Option<String>,
    /// Weight for shipping.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<Weight>,
    /// Length for shipping.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<Length>,
    /// Width for shipping.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<Length>,
    /// Height for shipping.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<Length>,
    /// Where it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin_country: Option<Country>,
    /// Code of the Harmonized System: 6 to 12 digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hs_code: Option<String>,
    /// Manufacturer identification code, as US customs want it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mid_code: Option<String>,
    /// What it is made of.
    #[serde(skip_serializing_if = "Localized::is_empty")]
    pub material: Localized,
    /// New or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// The tax class by the source's name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_class: Option<String>,
    /// How much is in it, for a price per unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// Fewest pieces of one order; at least 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_quantity: Option<u32>,
    /// Pieces are ordered in multiples of this; at least 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity_step: Option<u32>,
    /// For whom: age.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_group: Option<AgeGroup>,
    /// For whom: gender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gender: Option<Gender>,
    /// Days until it can be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead_time: Option<LeadTime>,
    /// Manuals, safety data sheets and the like.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<Document>,
    /// Title for search engines.
    #[serde(skip_serializing_if = "Localized::is_empty")]
    pub seo_title: Localized,
    /// Description for search engines.
    #[serde(skip_serializing_if = "Localized::is_empty")]
    pub seo_description: Localized,
    /// Keywords by language, in the source's order.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub keywords: BTreeMap<String, Vec<String>>,
    /// Products that belong to it, by key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub relations: Vec<Relation>,
    /// Whatever else the source says, by the source's name for it. No target needs to understand it, and it is not shown to customers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, String>,
}

impl Facts {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// As a product carries them: nothing where nothing is said.
    #[must_use]
    pub fn boxed(self) -> Option<Box<Self>> {
        (!self.is_empty()).then(|| Box::new(self))
    }

    /// Whether there is nothing to write of a product's facts.
    pub(crate) fn none(facts: &Option<Box<Self>>) -> bool {
        facts.as_deref().is_none_or(Self::is_empty)
    }
}

/// Days until it can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LeadTime {
    /// At the earliest.
    pub from: u16,
    /// At the latest; not before `from`.
    pub to: u16,
}

/// A document about a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Document {
    /// What kind.
    pub kind: DocumentKind,
    /// BCP 47; absent where the source does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Absolute https address.
    pub url: String,
}

/// Another product that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Relation {
    /// How.
    pub kind: RelationKind,
    /// `source:id`.
    pub product: String,
}

/// A decimal as it is written: digits, perhaps a point and decimals; a comma is a decimal comma unless exactly three digits follow, where nobody can tell.
pub(crate) fn decimal(text: &str) -> Option<Decimal> {
    let text = text.trim();
    let text = match text.split_once(',') {
        Some((whole, part)) if part.len() != 3 && !whole.is_empty() && !text.contains('.') => format!("{whole}.{part}"),
        _ => text.to_owned(),
    };
    let digits = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let ends = text.starts_with(|c: char| c.is_ascii_digit()) && text.ends_with(|c: char| c.is_ascii_digit());
    if digits && ends { Decimal::from_str_exact(&text).ok() } else { None }
}
