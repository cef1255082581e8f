//! Products and what belongs to them as the Admin API writes them.
//!
//! Replies are read tolerantly: after a crash of Medusa prices can be absent and sales channels
//! null. Requests are in [`write`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::write::*;
use super::Amount;

mod write;

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
    /// People's price for a region or customer group. Delivered where `price_rules` was asked for,
    /// under this name; else it is an empty map, as if there were none.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::Columns;

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
