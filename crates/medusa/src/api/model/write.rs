//! What is sent: only the fields that we own have a place here.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{Metadata, Ref};
use crate::api::Amount;
use crate::columns::Columns;

/// The body of `/admin/products/batch`.
#[derive(Debug, Default, Serialize)]
pub(crate) struct ProductsBatch<'a> {
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) create: &'a [ProductCreate],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) update: &'a [ProductUpdate],
}

/// A new product.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProductCreate {
    /// Guards against a second creator: unique.
    pub handle: String,
    /// `source:id`.
    pub external_id: String,
    /// Always draft; it is published when it is complete.
    pub status: &'static str,
    /// Base title.
    pub title: String,
    /// Base description.
    pub description: String,
    /// Main image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<String>,
    /// In order.
    pub images: Vec<ImageWrite>,
    /// Axes.
    pub options: Vec<OptionCreate>,
    /// What one can buy.
    pub variants: Vec<VariantWrite>,
    /// Ours.
    pub categories: Vec<Ref>,
    /// Ours.
    pub sales_channels: Vec<Ref>,
    /// Ours.
    pub shipping_profile_id: String,
    /// Keys that begin with `relay_`.
    pub metadata: Metadata,
    /// Its own columns.
    #[serde(flatten)]
    pub columns: Columns,
}

/// What changes on a product. An absent field stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ProductUpdate {
    /// Which.
    pub id: String,
    /// See [`Product`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    /// See [`Product`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// See [`Product`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'static str>,
    /// See [`Product`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// See [`Product`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `Some(None)` clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<Option<String>>,
    /// Replaces all; entries with an id keep their row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<Vec<ImageWrite>>,
    /// Replaces all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub categories: Option<Vec<Ref>>,
    /// Replaces all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sales_channels: Option<Vec<Ref>>,
    /// See [`Product`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipping_profile_id: Option<String>,
    /// Merged by key; an empty text removes the key.
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// Its own columns; null clears one.
    #[serde(flatten)]
    pub columns: Columns,
}

impl ProductUpdate {
    /// Nothing to change on this product.
    #[must_use]
    pub fn of(id: impl Into<String>) -> Self {
        Self { id: id.into(), ..Self::default() }
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::of(self.id.as_str())
    }
}

/// An image to be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageWrite {
    /// The row to keep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Address.
    pub url: String,
}

/// A new option of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OptionCreate {
    /// Such as "Size".
    pub title: String,
    /// In order.
    pub values: Vec<String>,
    /// True when it is added to an existing product: otherwise it would be shared by the whole
    /// shop, with a unique title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_exclusive: Option<bool>,
}

/// A variant to create (without id) or what changes on one (with id).
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct VariantWrite {
    /// Which, on change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `Some(None)` clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku: Option<Option<String>>,
    /// See [`Variant`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// See [`Variant`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant_rank: Option<i64>,
    /// See [`Variant`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manage_inventory: Option<bool>,
    /// See [`Variant`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_backorder: Option<bool>,
    /// Names every option of the product; an empty map takes all values away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<BTreeMap<String, String>>,
    /// Replaces all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prices: Option<Vec<PriceWrite>>,
    /// Merged by key; an empty text removes the key.
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    pub metadata: Metadata,
    /// The items that it counts, where it is new and takes over another's; otherwise Medusa makes
    /// one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inventory_items: Vec<ItemWrite>,
    /// Its own columns; null clears one.
    #[serde(flatten)]
    pub columns: Columns,
}

/// An inventory item of a new variant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ItemWrite {
    /// `iitem_…`
    pub inventory_item_id: String,
    /// Pieces of it that one of the variant is.
    pub required_quantity: u32,
}

/// A price to be there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PriceWrite {
    /// The row to keep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Lower case.
    pub currency_code: String,
    /// Major units.
    pub amount: Amount,
    /// Kept from people's row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_quantity: Option<Value>,
    /// Kept from people's row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_quantity: Option<Value>,
    /// Kept from people's row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<Metadata>,
}

/// The body of `/admin/products/:id/variants/batch`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct VariantsBatch {
    /// New ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub create: Vec<VariantWrite>,
    /// Changed ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub update: Vec<VariantWrite>,
    /// Ids of those to remove.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub delete: Vec<String>,
}

impl VariantsBatch {
    /// Whether it does nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.create.is_empty() && self.update.is_empty() && self.delete.is_empty()
    }
}

/// The body of `/admin/products/:id/options/batch`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct OptionsBatch {
    /// New options.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<OptionCreate>,
    /// Values added to and removed from options.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub update: Vec<OptionUpdate>,
    /// Ids of options to remove.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
}

impl OptionsBatch {
    /// Whether it does nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.add.is_empty() && self.update.is_empty() && self.remove.is_empty()
    }
}

/// Values added to and removed from one option.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct OptionUpdate {
    /// Which option.
    pub product_option_id: String,
    /// New values. As objects: a bare text would be taken for the id of an existing value.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<NewValue>,
    /// Ids of values to remove.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
}

/// A new value of an option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewValue {
    /// Such as "S".
    pub value: String,
}

/// The body of `/admin/price-lists/:id/prices/batch`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct EntriesBatch {
    /// Entries to be there: a variant's entry in the same currency is changed, not doubled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub create: Vec<EntryWrite>,
    /// Ids of entries to remove.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub delete: Vec<String>,
}

/// An entry of a price list.
///
/// The two quantities go over the wire as null on purpose. Medusa recognises an entry that is there
/// by a hash over the fields that are *named*, and rows that are there name both: without them
/// every write would add another row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EntryWrite {
    /// `variant_…`
    pub variant_id: String,
    /// Lower case.
    pub currency_code: String,
    /// Major units.
    pub amount: Amount,
    /// Always null.
    pub min_quantity: (),
    /// Always null.
    pub max_quantity: (),
}

/// The body of `/admin/inventory-items/location-levels/batch`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LevelsBatch {
    /// Levels that are not there yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub create: Vec<LevelWrite>,
    /// Levels that are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub update: Vec<LevelWrite>,
}

/// Stock at one location, absolute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LevelWrite {
    /// `iitem_…`
    pub inventory_item_id: String,
    /// `sloc_…`
    pub location_id: String,
    /// Pieces that are there.
    pub stocked_quantity: i64,
}

/// The body of `/admin/translations/batch`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TranslationsBatch {
    /// Languages that are not there yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub create: Vec<TranslationCreate>,
    /// Languages that are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub update: Vec<TranslationUpdate>,
}

/// Texts in a language that is not there yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TranslationCreate {
    /// `product` or `product_category`.
    pub reference: &'static str,
    /// Of which object.
    pub reference_id: String,
    /// Such as `ar-SA`.
    pub locale_code: String,
    /// By field.
    pub translations: BTreeMap<&'static str, String>,
}

/// Changed texts in a language that is there; merged by field, an empty text falls back to the base
/// language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TranslationUpdate {
    /// `trans_…`
    pub id: String,
    /// By field.
    pub translations: BTreeMap<&'static str, String>,
}
