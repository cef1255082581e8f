//! Which products of a batch are in the shop.

use std::collections::HashMap;
use std::time::Instant;

use catalog::ProductKey;

use super::Shop;
use crate::api::model::{DEEP_FIELDS, LIGHT_FIELDS, Product, Products, TRANSLATION_FIELDS};
use crate::api::{ApiError, split_query};
use crate::aside::Known;
use crate::handle::handle;

/// What the light read says about one product.
pub(super) struct Found {
    /// The product, if it is there.
    pub(super) product: Option<Product>,
    /// A product that is not ours has the handle.
    pub(super) handle_taken: bool,
}

impl Shop {
    /// Looks products up by handle, because that is unique and indexed; then those not found by external id, because somebody may have
    /// changed the handle or ours was taken.
    pub(super) async fn find(&self, keys: &[&ProductKey], deadline: Instant) -> Result<Vec<Found>, ApiError> {
        let handles: Vec<String> = keys.iter().map(|key| handle(key)).collect();
        let texts: Vec<&str> = handles.iter().map(String::as_str).collect();
        let mut by_handle: HashMap<String, Product> = self
            .read("handle[]", &texts, LIGHT_FIELDS, deadline)
            .await?
            .into_iter()
            .map(|p| (p.handle.clone(), p))
            .collect();
        let mut found = Vec::with_capacity(keys.len());
        let mut missing = Vec::new();
        for (slot, (key, handle)) in keys.iter().zip(&handles).enumerate() {
            let id = key.to_string();
            let holder = by_handle.remove(handle);
            let ours = holder.as_ref().is_some_and(|product| product.external_id.as_deref() == Some(&id));
            found.push(Found { handle_taken: holder.is_some() && !ours, product: holder.filter(|_| ours) });
            if !ours {
                missing.push((slot, id));
            }
        }
        if !missing.is_empty() {
            let ids: Vec<&str> = missing.iter().map(|(_, id)| id.as_str()).collect();
            let mut products = self.read("external_id[]", &ids, LIGHT_FIELDS, deadline).await?;
            // External ids are not unique. The oldest is ours; ids sort by time.
            products.sort_by(|a, b| a.id.cmp(&b.id));
            for (slot, id) in missing {
                let position = products.iter().position(|product| product.external_id.as_deref() == Some(&id));
                found[slot].product = position.map(|position| products.remove(position));
            }
        }
        Ok(found)
    }

    /// Looks for products that the ledger knows and that were not found: one that is there under another handle and external id is found; of one
    /// that was deleted the id comes back, by its place. A shop that never had it says nothing, and it is created.
    pub(super) async fn look_for_missing(
        &self,
        found: &mut [Found],
        known: &[Known],
        deadline: Instant,
    ) -> Result<HashMap<usize, String>, ApiError> {
        let mut missing: HashMap<&str, usize> = HashMap::new();
        for (slot, (found, known)) in found.iter().zip(known).enumerate() {
            if found.product.is_none()
                && let Some(id) = &known.id
            {
                missing.insert(id, slot);
            }
        }
        let ids: Vec<&str> = missing.keys().copied().collect();
        let mut deleted = HashMap::new();
        for chunk in split_query("id[]", &ids) {
            let fields = format!("{LIGHT_FIELDS},deleted_at");
            let limit = chunk.len().to_string();
            let mut query: Vec<(&str, &str)> = chunk.into_iter().map(|id| ("id[]", id)).collect();
            query.extend([("with_deleted", "true"), ("fields", fields.as_str()), ("limit", limit.as_str())]);
            let Products { products } = self.medusa.get("/admin/products", &query, deadline).await?;
            for product in products {
                let Some(slot) = missing.get(product.id.as_str()) else { continue };
                if product.deleted_at.is_some() {
                    deleted.insert(*slot, product.id);
                } else {
                    found[*slot].product = Some(product);
                }
            }
        }
        Ok(deleted)
    }

    /// Everything about products with these ids, in no particular order.
    pub(super) async fn read_in_full(&self, ids: &[&str], deadline: Instant) -> Result<Vec<Product>, ApiError> {
        let mut fields = DEEP_FIELDS.to_owned();
        if self.references.translations {
            fields.push_str(TRANSLATION_FIELDS);
        }
        self.read("id[]", ids, &fields, deadline).await
    }

    async fn read(
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
