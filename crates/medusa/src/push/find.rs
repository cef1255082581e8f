//! Which products of a batch are in the shop.

use std::collections::HashMap;
use std::time::Instant;

use catalog::ProductKey;

use super::Shop;
use crate::api::model::{DEEP_FIELDS, LIGHT_FIELDS, Product, Products, TRANSLATION_FIELDS};
use crate::api::{ApiError, split_query};
use crate::aside::Known;

impl Shop {
    /// Looks products up by the ids that the ledger knows; then those not found by external id. Of external ids that repeat the oldest product is ours. One that is there under another
    /// handle and external id is found all the same; of one that was deleted the id comes back, by its place. A product that the shop never had is in neither.
    pub(super) async fn find(
        &self,
        keys: &[&ProductKey],
        known: &[Known],
        deadline: Instant,
    ) -> Result<(Vec<Option<Product>>, HashMap<usize, String>), ApiError> {
        let mut found: Vec<Option<Product>> = keys.iter().map(|_| None).collect();
        let mut deleted = HashMap::new();
        let by_id: HashMap<&str, usize> =
            known.iter().enumerate().filter_map(|(slot, known)| Some((known.id.as_deref()?, slot))).collect();
        let ids: Vec<&str> = by_id.keys().copied().collect();
        for chunk in split_query("id[]", &ids) {
            let fields = format!("{LIGHT_FIELDS},deleted_at");
            let limit = chunk.len().to_string();
            let mut query: Vec<(&str, &str)> = chunk.into_iter().map(|id| ("id[]", id)).collect();
            query.extend([("with_deleted", "true"), ("fields", fields.as_str()), ("limit", limit.as_str())]);
            let Products { products } = self.medusa.get("/admin/products", &query, deadline).await?;
            for product in products {
                let Some(slot) = by_id.get(product.id.as_str()) else { continue };
                if product.deleted_at.is_some() {
                    deleted.insert(*slot, product.id);
                } else {
                    found[*slot] = Some(product);
                }
            }
        }
        let missing = (0..keys.len()).filter(|slot| found[*slot].is_none());
        let missing: HashMap<String, usize> = missing.map(|slot| (keys[slot].to_string(), slot)).collect();
        if !missing.is_empty() {
            let ids: Vec<&str> = missing.keys().map(String::as_str).collect();
            let mut products = self.read("external_id[]", &ids, LIGHT_FIELDS, deadline).await?;
            // Ids sort by time.
            products.sort_by(|a, b| b.id.cmp(&a.id));
            for product in products {
                if let Some(slot) = product.external_id.as_ref().and_then(|id| missing.get(id)) {
                    deleted.remove(slot);
                    found[*slot] = Some(product);
                }
            }
        }
        Ok((found, deleted))
    }

    /// Everything about products with these ids, in no particular order.
    pub(super) async fn read_in_full(&self, ids: &[&str], deadline: Instant) -> Result<Vec<Product>, ApiError> {
        let mut fields = DEEP_FIELDS.to_owned();
        if self.references.translations {
            fields.push_str(TRANSLATION_FIELDS);
        }
        self.read("id[]", ids, &fields, deadline).await
    }

    pub(super) async fn read(
        &self,
        filter: &str,
        values: &[&str],
        fields: &str,
        deadline: Instant,
    ) -> Result<Vec<Product>, ApiError> {
        let mut products = Vec::with_capacity(values.len());
        for chunk in split_query(filter, values) {
            // Twice as many as asked for, because external ids may repeat.
            let limit = (2 * chunk.len()).to_string();
            let mut query: Vec<(&str, &str)> = chunk.into_iter().map(|value| (filter, value)).collect();
            query.extend([("fields", fields), ("limit", limit.as_str())]);
            let Products { products: page } = self.medusa.get("/admin/products", &query, deadline).await?;
            products.extend(page);
        }
        Ok(products)
    }
}
