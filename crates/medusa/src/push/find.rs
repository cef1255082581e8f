//! Which products of a batch are in the shop.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use super::{Depth, Shop};
use crate::api::model::{DEEP_FIELDS, LIGHT_FIELDS, Product, Products, TRANSLATION_FIELDS};
use crate::api::{ApiError, split_query};
use crate::aside::Known;
use crate::desired::{Desired, Presence};
use crate::plan::retired;

/// What a batch finds in the shop, each by its place in the batch.
#[derive(Default)]
pub(super) struct Found {
    pub(super) products: Vec<Option<Product>>,
    /// Those of them that were read in full.
    pub(super) in_full: HashSet<usize>,
    /// Ids of those that were deleted.
    pub(super) deleted: HashMap<usize, String>,
}

/// Whether a product will be read in full whatever a light read shows, and can be: so the light
/// read is left out.
fn at_once<'k>(desired: &Desired, depth: Depth, known: &'k Known) -> Option<&'k str> {
    let closely = depth == Depth::Full || known.closely || known.moves || known.differs;
    known.id.as_deref().filter(|_| closely && matches!(desired.presence, Presence::Offered(_)))
}

impl Shop {
    /// Looks products up by the ids that the ledger knows; then those not found by external id. Of
    /// external ids that repeat the oldest product is ours. One that is there under another handle
    /// and external id is found all the same; of one that was deleted the id comes back. A product
    /// that the shop never had is nowhere.
    pub(super) async fn find(
        &self,
        wanted: &[(&Desired, Depth)],
        known: &[Known],
        deadline: Instant,
    ) -> Result<Found, ApiError> {
        let mut found = Found { products: wanted.iter().map(|_| None).collect(), ..Found::default() };
        let by_id: HashMap<&str, usize> =
            known.iter().enumerate().filter_map(|(slot, known)| Some((known.id.as_deref()?, slot))).collect();
        let closely = wanted.iter().zip(known).filter_map(|((desired, depth), known)| at_once(desired, *depth, known));
        let closely: Vec<&str> = closely.collect();
        // Without those that were deleted: asked for, they would bring deleted rows of the others
        // along.
        for product in self.read_in_full(&closely, deadline).await? {
            let Some(slot) = by_id.get(product.id.as_str()) else { continue };
            found.in_full.insert(*slot);
            found.products[*slot] = Some(product);
        }
        let others = by_id.iter().filter(|(_, slot)| found.products[**slot].is_none());
        let others: Vec<&str> = others.map(|(id, _)| *id).collect();
        for chunk in split_query("id[]", &others) {
            let fields = format!("{LIGHT_FIELDS},deleted_at");
            let limit = chunk.len().to_string();
            let mut query: Vec<(&str, &str)> = chunk.into_iter().map(|id| ("id[]", id)).collect();
            query.extend([("with_deleted", "true"), ("fields", fields.as_str()), ("limit", limit.as_str())]);
            let Products { products } = self.medusa.get("/admin/products", &query, deadline).await?;
            for product in products {
                let Some(slot) = by_id.get(product.id.as_str()) else { continue };
                // What we deleted ourselves is nobody's doing: it is not there.
                if product.deleted_at.is_some() && !retired::is_being_deleted(&product) {
                    found.deleted.insert(*slot, product.id);
                } else if product.deleted_at.is_none() {
                    found.products[*slot] = Some(product);
                }
            }
        }
        let missing = (0..wanted.len()).filter(|slot| found.products[*slot].is_none());
        let missing: HashMap<String, usize> = missing.map(|slot| (wanted[slot].0.key.to_string(), slot)).collect();
        if !missing.is_empty() {
            let ids: Vec<&str> = missing.keys().map(String::as_str).collect();
            let mut products = self.read("external_id[]", &ids, LIGHT_FIELDS, deadline).await?;
            // Ids sort by time.
            products.sort_by(|a, b| b.id.cmp(&a.id));
            for product in products {
                if let Some(slot) = product.external_id.as_ref().and_then(|id| missing.get(id)) {
                    found.deleted.remove(slot);
                    found.products[*slot] = Some(product);
                }
            }
        }
        Ok(found)
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
