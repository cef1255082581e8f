//! Products and what belongs to them as the Admin API writes them.
//!
//! Replies are read tolerantly: after a crash of Medusa prices can be absent and sales channels null. Requests are strict: only the
//! fields we own have a place in them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Amount;
use crate::columns::Columns;

/// The fields that tell whether a product needs a closer look. No joins: about 0.2 ms a product.
pub const LIGHT_FIELDS: &str = "id,handle,external_id,status,title,thumbnail,metadata";

/// Everything that the diff compares, and nothing else: about 3 ms a product.
pub const DEEP_FIELDS: &str = "id,handle,external_id,status,title,description,thumbnail,metadata,\
images.id,images.url,images.rank,weight,length,width,height,hs_code,mid_code,origin_country,material,\
categories.id,categories.external_id,sales_channels.id,shipping_profile.id,\
options.id,options.title,options.values.id,options.values.value,\
variants.id,variants.sku,variants.title,variants.variant_rank,variants.manage_inventory,variants.metadata,\
variants.options.id,variants.options.value,variants.options.option_id,\
variants.prices.id,variants.prices.amount,variants.prices.currency_code,variants.prices.min_quantity,variants.prices.max_quantity,\
variants.prices.price_rules.attribute,variants.prices.price_rules.value,\
variants.allow_backorder,\
variants.barcode,variants.ean,variants.upc,\
variants.weight,variants.length,variants.width,variants.height,\
variants.hs_code,variants.mid_code,variants.origin_country,variants.material,\
variants.inventory_items.inventory.weight,variants.inventory_items.inventory.length,\
variants.inventory_items.inventory.width,variants.inventory_items.inventory.height,\
variants.inventory_items.inventory.hs_code,variants.inventory_items.inventory.mid_code,\
variants.inventory_items.inventory.origin_country,variants.inventory_items.inventory.material,\
variants.inventory_items.inventory_item_id,variants.inventory_items.inventory.sku,\
variants.inventory_items.inventory.location_levels.location_id,\
variants.inventory_items.inventory.location_levels.stocked_quantity,\
variants.inventory_items.inventory.location_levels.reserved_quantity";

/// Added to the fields of a read where the translation module is on.
pub const TRANSLATION_FIELDS: &str = ",translations.id,translations.locale_code,translations.translations";

/// Free-form data of an object, by key.
pub type Metadata = BTreeMap<String, Value>;

/// A product that is in the shop, as far as it was asked for.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Product {
    /// `prod_…`
    pub id: String,
    /// Unique in the shop.
    pub handle: String,
    /// Ours is `source:id`.
    pub external_id: Option<String>,
    /// draft, proposed, published or rejected.
    pub status: String,
    /// Base title.
    pub title: String,
    /// Base description.
    pub description: Option<String>,
    /// Main image.
    pub thumbnail: Option<String>,
    /// Ours are the keys that begin with `relay_`.
    pub metadata: Option<Metadata>,
    /// In no particular order; `rank` has it.
    pub images: Vec<Image>,
    /// Categories it is in.
    pub categories: Vec<CategoryRef>,
    /// A link to a channel that does not exist (any more) is null.
    pub sales_channels: Vec<Option<Ref>>,
    /// Absent after a crash in the middle of a create.
    pub shipping_profile: Option<Ref>,
    /// Axes.
    pub options: Vec<ProductOption>,
    /// In no particular order; `variant_rank` has it.
    pub variants: Vec<Variant>,
    /// Other languages; empty where the module is off.
    pub translations: Vec<Translation>,
    /// When it was deleted; only asked for where a product is missing.
    pub deleted_at: Option<String>,
    /// Its own columns, among what else the answer has.
    #[serde(flatten)]
    pub columns: BTreeMap<String, Value>,
}

/// Something known by its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ref {
    /// Its id.
    pub id: String,
}

impl Ref {
    /// A reference to `id`.
    pub fn to(id: impl Into<String>) -> Self {
        Self { id: id.into() }
    }
}

/// A category that a product is in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct CategoryRef {
    /// `pcat_…`
    pub id: String,
    /// Ours is `source:id`.
    pub external_id: Option<String>,
}

/// An image of a product.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Image {
    /// `img_…`
    pub id: String,
    /// Address.
    pub url: String,
    /// Position from 0.
    pub rank: Option<i64>,
}

/// An axis on which variants differ.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ProductOption {
    /// `opt_…`
    pub id: String,
    /// Such as "Size".
    pub title: String,
    /// The values one can choose.
    pub values: Vec<OptionValue>,
}

/// A value of an option.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct OptionValue {
    /// `optval_…`
    pub id: String,
    /// Such as "S".
    pub value: String,
    /// The option it belongs to.
    pub option_id: Option<String>,
}

/// What one can buy.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Variant {
    /// `variant_…`
    pub id: String,
    /// Unique in the shop.
    pub sku: Option<String>,
    /// Such as "Black / S".
    pub title: String,
    /// Position from 0.
    pub variant_rank: Option<i64>,
    /// Whether stock counts.
    pub manage_inventory: bool,
    /// Whether it can be ordered when it is sold out.
    pub allow_backorder: Option<bool>,
    /// Ours are the keys that begin with `relay_`.
    pub metadata: Option<Metadata>,
    /// Its value of each option.
    pub options: Vec<OptionValue>,
    /// `None` when a crash left the variant without a price set.
    pub prices: Option<Vec<Price>>,
    /// One for a managed variant.
    pub inventory_items: Vec<InventoryLink>,
    /// Its own columns, among what else the answer has.
    #[serde(flatten)]
    pub columns: BTreeMap<String, Value>,
}

/// A price of a variant.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Price {
    /// `price_…`
    pub id: String,
    /// Major units.
    pub amount: Amount,
    /// Lower case.
    pub currency_code: String,
    /// People's tier price from this quantity.
    #[serde(default)]
    pub min_quantity: Option<Value>,
    /// People's tier price up to this quantity.
    #[serde(default)]
    pub max_quantity: Option<Value>,
    /// People's price for a region or customer group. Delivered where `price_rules` was asked for, under this name; else it is
    /// an empty map, as if there were none.
    #[serde(default)]
    pub rules: Option<Metadata>,
}

impl Price {
    /// Whether it applies to everybody and any quantity: the price we own.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let set = |value: &Option<Value>| value.as_ref().is_some_and(|value| !value.is_null());
        !set(&self.min_quantity) && !set(&self.max_quantity) && self.rules.as_ref().is_none_or(BTreeMap::is_empty)
    }
}

/// A variant's link to its inventory item.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct InventoryLink {
    /// `iitem_…`
    pub inventory_item_id: String,
    /// The item; absent if the link leads nowhere.
    pub inventory: Option<InventoryItem>,
}

/// What is in stock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct InventoryItem {
    /// Unique in the shop, independently of the variant's.
    pub sku: Option<String>,
    /// Per location.
    pub location_levels: Vec<Level>,
    /// Its own columns, among what else the answer has.
    #[serde(flatten)]
    pub columns: BTreeMap<String, Value>,
}

/// Stock at one location.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Level {
    /// `sloc_…`
    pub location_id: String,
    /// Pieces that are there.
    pub stocked_quantity: i64,
    /// Of these, pieces promised to open orders.
    pub reserved_quantity: i64,
}

/// Texts of an object in another language.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Translation {
    /// `trans_…`
    pub id: String,
    /// Such as `ar-SA`.
    pub locale_code: String,
    /// By field; people may have written others than ours.
    pub translations: BTreeMap<String, Option<String>>,
}

/// `{"products":[…]}`
#[derive(Debug, Deserialize)]
pub(crate) struct Products {
    pub(crate) products: Vec<Product>,
}

/// The answer of `/admin/products/batch`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ProductsBatchReply {
    pub(crate) created: Vec<Product>,
}

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
    /// True when it is added to an existing product: otherwise it would be shared by the whole shop, with a unique title.
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
    /// Its own columns; null clears one.
    #[serde(flatten)]
    pub columns: Columns,
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
/// The two quantities go over the wire as null on purpose. Medusa recognises an entry that is there by a hash over the fields that
/// are *named*, and rows that are there name both: without them every write would add another row.
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

/// The answer of `/admin/price-lists/:id/prices/batch`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct EntriesBatchReply {
    pub(crate) created: Vec<Entry>,
}

/// An entry that is in a price list.
#[derive(Debug, Deserialize)]
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) currency_code: String,
    #[serde(default)]
    pub(crate) price_set: Option<PriceSet>,
}

/// What joins an entry with its variant.
#[derive(Debug, Deserialize)]
pub(crate) struct PriceSet {
    #[serde(default)]
    pub(crate) variant: Option<Ref>,
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

/// Changed texts in a language that is there; merged by field, an empty text falls back to the base language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TranslationUpdate {
    /// `trans_…`
    pub id: String,
    /// By field.
    pub translations: BTreeMap<&'static str, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_update_has_no_place_for_variants_options_or_prices() {
        let all = ProductUpdate {
            id: "prod_1".into(),
            handle: Some("h".into()),
            external_id: Some("s:1".into()),
            status: Some("draft"),
            title: Some("t".into()),
            description: Some("d".into()),
            thumbnail: Some(None),
            images: Some(vec![]),
            categories: Some(vec![]),
            sales_channels: Some(vec![]),
            shipping_profile_id: Some("sp_1".into()),
            metadata: [("relay_state".to_owned(), Value::Null)].into(),
            columns: Columns::new(),
        };
        let json = serde_json::to_value(&all).unwrap();
        let mut named: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
        named.sort_unstable();
        let ours = "categories description external_id handle id images metadata sales_channels shipping_profile_id status thumbnail title";
        assert_eq!(named.join(" "), ours, "see the traps in docs/medusa.md before adding a field");
    }

    #[test]
    fn no_read_asks_when_a_product_was_updated() {
        for fields in [LIGHT_FIELDS, DEEP_FIELDS, TRANSLATION_FIELDS] {
            assert!(!fields.contains("updated_at") && !fields.contains('*'), "{fields}");
        }
    }
}
