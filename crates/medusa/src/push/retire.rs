//! Deletes products that vanished long ago ([`crate::plan`]'s `retired`).

use std::collections::BTreeMap;
use std::time::Instant;

use catalog::ProductKey;

use super::{Again, Change, Depth, Outcome, Pushed, Shop};
use crate::address::Addresses;
use crate::api::model::{Product, ProductUpdate};
use crate::api::{ApiError, Refusal};
use crate::desired::Desired;
use crate::plan::retired::{deleting, is_being_deleted, needed, spared};

/// A product whose time is over.
pub(super) struct Due<'a> {
    pub(super) slot: usize,
    pub(super) key: &'a ProductKey,
    pub(super) id: String,
    /// The handle that the ledger notes.
    pub(super) chosen: Option<&'a str>,
}

fn stays(id: String, again: Option<i64>) -> Outcome {
    let again = again.map_or(Again::Never, Again::At);
    Ok(Pushed { product_id: Some(id), change: Change::Unchanged, again, notes: vec![], waits: BTreeMap::new() })
}

impl Shop {
    /// Notes on drafts since when they vanished, or that they did not. The outcomes are set: of
    /// those that fail they change.
    pub(super) async fn note_vanished(
        &self,
        noted: Vec<(usize, &ProductKey, ProductUpdate)>,
        outcomes: &mut [Option<Outcome>],
        deadline: Instant,
    ) {
        let (who, updates): (Vec<_>, Vec<_>) = noted.into_iter().map(|(slot, key, note)| ((slot, key), note)).unzip();
        if updates.is_empty() {
            return;
        }
        if let Err(error) = self.update_products(updates, deadline).await {
            for (slot, key) in who {
                outcomes[slot] = Some(Err(error.about(key)));
            }
        }
    }

    /// Deletes those that nobody needs. Their addresses stay theirs: they have them again when they
    /// come back.
    pub(super) async fn retire(
        &self,
        due: Vec<Due<'_>>,
        outcomes: &mut [Option<Outcome>],
        owners: &impl Addresses,
        now: i64,
        deadline: Instant,
    ) {
        let ids: Vec<&str> = due.iter().map(|due| due.id.as_str()).collect();
        let mut there = match self.read_in_full(&ids, deadline).await {
            Ok(there) => there,
            Err(error) => {
                due.iter().for_each(|due| outcomes[due.slot] = Some(Err(error.about(due.key))));
                return;
            }
        };
        for Due { slot, key, id, chosen } in due {
            let place = there.iter().position(|product| product.id == id);
            outcomes[slot] = Some(match place.map(|place| there.swap_remove(place)) {
                Some(product) => self.retire_one(key, product, chosen, owners, now, deadline).await,
                // Gone since it was looked up; it is looked for again.
                None => stays(id, Some(now)),
            });
        }
    }

    async fn retire_one(
        &self,
        key: &ProductKey,
        product: Product,
        chosen: Option<&str>,
        owners: &impl Addresses,
        now: i64,
        deadline: Instant,
    ) -> Outcome {
        let (Some(metadata), None) = (deleting(&product), needed(&product, now)) else {
            let again = needed(&product, now).flatten();
            return stays(product.id, again);
        };
        let handle = std::slice::from_ref(&product.handle);
        if owners.choose(key, handle, chosen, deadline).await?.as_ref() != Some(&product.handle) {
            return stays(product.id, None);
        }
        let note = ProductUpdate { metadata, ..ProductUpdate::of(product.id.as_str()) };
        let deleted = async {
            self.update_products(vec![note], deadline).await?;
            self.delete_vanished(&product, deadline).await
        };
        match deleted.await {
            Ok(true) => Ok(Pushed {
                product_id: None,
                change: Change::Deleted,
                again: Again::Never,
                notes: vec![],
                waits: BTreeMap::new(),
            }),
            Ok(false) => stays(product.id, Some(now + crate::plan::DAY)),
            Err(error) => Err(error.about(key)),
        }
    }

    /// Deletes what was noted to be deleted and is still there; which those were. What an order
    /// holds all the same is spared, and stays as it is.
    pub(super) async fn end_deletions(
        &self,
        found: &mut [Option<Product>],
        orders: &[(&Desired, Depth)],
        outcomes: &mut [Option<Outcome>],
        deadline: Instant,
    ) -> Vec<usize> {
        let mut ended = Vec::new();
        for (slot, place) in found.iter_mut().enumerate() {
            let Some(mut product) = place.take_if(|product| is_being_deleted(product)) else { continue };
            match self.delete_vanished(&product, deadline).await {
                Ok(true) => ended.push(slot),
                Ok(false) => {
                    let note = spared(&product).unwrap_or_default();
                    product.metadata.get_or_insert_default().extend(note);
                    *place = Some(product);
                }
                Err(error) => outcomes[slot] = Some(Err(error.about(&orders[slot].0.key))),
            }
        }
        ended
    }

    /// Whether it is deleted now.
    async fn delete_vanished(&self, product: &Product, deadline: Instant) -> Result<bool, ApiError> {
        match self.medusa.delete(&format!("/admin/products/{}", product.id), deadline).await {
            Ok(()) => Ok(true),
            Err(error) if matches!(error.refusal(), Some(Refusal::Reserved)) => {
                let metadata = spared(product).unwrap_or_default();
                let update = ProductUpdate { metadata, ..ProductUpdate::of(product.id.as_str()) };
                self.update_products(vec![update], deadline).await.map(|()| false)
            }
            Err(error) => Err(error),
        }
    }
}
