//! A product with newer offers than Pimcore has.

use std::collections::BTreeMap;

use catalog::Product;

use crate::product::{PimPrice, PimProduct};

impl PimProduct {
    /// Takes prices and pieces from a document, as Pimcore will show them once it holds that:
    /// variant by variant, by SKU. What the document does not know stays as it is, and what only
    /// the document knows stays away.
    pub fn take_offers(&mut self, of: &Product) {
        let said: BTreeMap<&str, &catalog::Variant> =
            of.variants.iter().map(|variant| (variant.sku.as_str(), variant)).collect();
        let has = |sku: &str| self.variants.iter().any(|variant| variant.sku == sku);
        let newer = of.variants.iter().filter(|variant| has(&variant.sku)).flat_map(|variant| {
            variant.prices.iter().map(|price| PimPrice {
                sku: variant.sku.clone(),
                currency: price.currency.clone(),
                amount: price.amount,
                list_amount: price.list_amount,
            })
        });
        let mut prices: Vec<PimPrice> = newer.collect();
        prices.extend(self.prices.drain(..).filter(|price| !said.contains_key(price.sku.as_str())));
        self.prices = prices;
        for variant in &mut self.variants {
            if let Some(newer) = said.get(variant.sku.as_str()) {
                variant.stock = newer.stock;
            }
        }
    }
}
