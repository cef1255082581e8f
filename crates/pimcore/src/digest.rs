//! What the shop is fed from, as one short text: two readings with the same digest lead to the same product in the shop.

use serde::Serialize;

use crate::product::{PimAttribute, PimCategory, PimImage, PimPrice, PimProduct, PimVariant, ShopVisibility};
use crate::tree::{CategoryTree, TreeNode};

/// To be raised when the shop is to be shown something else for the same reading: then no digest is what it was.
const REVISION: u32 = 1;
/// Hexadecimal digits: 12 bytes tell the readings of one product apart.
const DIGITS: usize = 24;

impl PimProduct {
    /// The digest of this product and the categories that it is in, as `tree` has them.
    ///
    /// Not part of it are remarks for people and where a document came from: they say nothing to a customer.
    #[must_use]
    pub fn digest(&self, tree: &CategoryTree) -> String {
        // Without `..`, so that who adds a field decides about it.
        let Self {
            key,
            id,
            fullpath: _,
            published,
            modified: _,
            sku,
            group,
            brand,
            url,
            name,
            description,
            categories,
            images,
            attributes,
            variants,
            prices,
            content_hash,
            source_version: _,
            feed_run: _,
            warnings: _,
            withdrawn,
            marketing_name,
            marketing_description,
            extra_categories,
            shop_visibility,
            keep_when_withdrawn,
        } = self;
        let visibility = match shop_visibility {
            ShopVisibility::Inherit => 'i',
            ShopVisibility::Show => 's',
            ShopVisibility::Hide => 'h',
        };
        let said = (
            (REVISION, key.to_string(), id, published, withdrawn, visibility, keep_when_withdrawn, content_hash),
            (sku, group, brand, url, name, description, marketing_name, marketing_description),
            (images.iter().map(image).collect::<Vec<_>>(), attributes.iter().map(attribute).collect::<Vec<_>>()),
            (variants.iter().map(variant).collect::<Vec<_>>(), prices.iter().map(price).collect::<Vec<_>>()),
            [categories, extra_categories].map(|rows| rows.iter().map(|row| category(row, tree)).collect::<Vec<_>>()),
        );
        let mut hasher = blake3::Hasher::new();
        // Writing to a hasher cannot fail, and every map has text keys.
        serde_json::to_writer(&mut hasher, &said).unwrap_or_else(|error| unreachable!("always JSON: {error}"));
        hasher.finalize().to_hex()[..DIGITS].to_owned()
    }
}

fn image(row: &PimImage) -> impl Serialize {
    let PimImage { url, variant_sku, position } = row;
    (url, variant_sku, position)
}

fn attribute(row: &PimAttribute) -> impl Serialize {
    let PimAttribute { code, lang, name, text } = row;
    (code, lang, name, text)
}

fn variant(row: &PimVariant) -> impl Serialize {
    let PimVariant { sku, title, options, stock, position } = row;
    (sku, title, options, stock, position)
}

fn price(row: &PimPrice) -> impl Serialize {
    let PimPrice { sku, currency, amount, list_amount } = row;
    (sku, currency, amount, list_amount)
}

/// As the product refers to it, and its way from the root.
fn category<'a>(row: &'a PimCategory, tree: &'a CategoryTree) -> impl Serialize + use<'a> {
    let PimCategory { id, fullpath: _, external_id, published, shop_handle, hidden } = row;
    let way: Vec<_> = tree.path_of(*id).into_iter().map(node).collect();
    ((id, external_id, published, shop_handle, hidden), way)
}

fn node(node: &TreeNode) -> impl Serialize + use<'_> {
    let TreeNode { id, parent: _, path, external_id, published, name, slug: _, shop_handle, hidden, modified: _ } =
        node;
    (id, path.as_str(), external_id, published, name, shop_handle, hidden)
}
