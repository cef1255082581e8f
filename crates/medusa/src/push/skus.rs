//! A SKU that somebody else holds.
//!
//! SKUs are unique in the shop, twice: among variants and, separately, among inventory items. When
//! a size moves from one product to another, the two are pushed in any order, so the new owner may
//! come first. The PIM decides whose the SKU is; what a crash or an old bug left behind has no
//! owner and gives way. A SKU that we made is taken from nobody: the product gets one of its own
//! ([`crate::own_sku`]).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use catalog::{Failure, ProductKey};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Offer, Shop, SkuOwners, under_way};
use crate::api::model::{Metadata, ProductUpdate, VariantWrite, VariantsBatch};
use crate::api::{ApiError, Refusal, split_query};
use crate::aside::pending;
use crate::desired::Article;
use crate::stock::{Applied, Meaning};
use crate::{codes, own_sku, said};

/// Who is to get a SKU.
#[derive(Clone, Copy)]
pub(super) struct Heir<'h> {
    pub(super) key: &'h ProductKey,
    article: &'h Article,
}

impl<'h> Heir<'h> {
    pub(super) const fn of(offer: &Offer<'h>) -> Self {
        Self { key: offer.key, article: offer.article }
    }

    /// The product that is to have a SKU: itself, or a member. What of it is elsewhere comes along.
    pub(super) fn member(&self, sku: &str) -> ProductKey {
        let own = self.article.variants.iter().find(|variant| variant.sku == sku);
        own_sku::owner_of(self.key, own.map(|variant| &variant.metadata))
    }

    /// The SKU of its own, in the place of one that we made.
    pub(super) fn own(&self, sku: &str) -> String {
        own_sku::own(&self.member(sku), sku)
    }

    /// Whether somebody else has the SKU for a variant that is not this one, elsewhere.
    fn is_others(&self, holder: &Holder, sku: &str) -> bool {
        holder.is_not_of(&self.key.to_string()) && holder.member() != Some(self.member(sku))
    }
}

/// SKUs that a product cannot have.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// Those that we made, and that another variant has: it gets its own in their place.
    pub(super) made: BTreeSet<String>,
    /// Those that others hold with good reason; who they are.
    pub(super) held: BTreeMap<String, Failure>,
    /// Inventory items that are to be taken over, by SKU.
    pub(super) items: BTreeMap<String, Handed>,
}

/// An inventory item that goes to another product.
#[derive(Debug)]
pub(super) struct Handed {
    pub(super) item: String,
    /// What its holder did last with it, where the next figure builds on that.
    pub(super) did: Option<Applied>,
}

impl Taken {
    /// How many.
    pub(super) fn len(&self) -> usize {
        self.made.len() + self.held.len()
    }
}

impl Shop {
    /// Makes the SKU that `refusal` says is taken free for `heir`, or says who holds it with good
    /// reason. Between an article and its members the inventory item goes along, with what open
    /// orders and carts hold of it, and what was done with it: that comes back.
    pub(super) async fn free_sku(
        &self,
        refusal: &Refusal,
        to: Heir<'_>,
        owners: &impl SkuOwners,
        deadline: Instant,
    ) -> Result<Option<Handed>, Failure> {
        let heir = to.key;
        let (sku, item_only) = match refusal {
            Refusal::SkuTaken(sku) => (sku.as_str(), false),
            Refusal::InventorySkuTaken(sku) => (sku.as_str(), true),
            _ => return Ok(None),
        };
        let mut goes_along = heir.is_article();
        let fields = "id,sku,metadata,product_id,product.external_id,product.title,product.metadata";
        let query = [("sku[]", sku), ("fields", fields)];
        let Variants { variants } = self.medusa.get("/admin/product-variants", &query, deadline).await?;
        let own = heir.to_string();
        let made =
            variants.iter().any(|holder| to.is_others(holder, sku)) && owners.made(heir, deadline).await?.contains(sku);
        let mut from = None;
        for holder in variants {
            // Our own variant has the SKU and lacks the item.
            if item_only && !holder.is_not_of(&own) {
                continue;
            }
            if made && to.is_others(&holder, sku) {
                let made =
                    format!("{heir}: SKU {sku}, which we made, belongs to another product ({})", holder.product_id);
                return Err(said::permanent(codes::SKU_TAKEN, made));
            }
            goes_along |= holder.owner().is_some_and(|owner| owner.is_article());
            self.release_variant(sku, &holder, to, owners, deadline).await?;
            from = holder.owner();
        }
        self.free_items(sku, (from, goes_along), heir, owners, deadline).await
    }

    /// Makes a SKU free among inventory items, or hands its item to `heir`; `from` is who had the
    /// SKU until now, if anybody did.
    async fn free_items(
        &self,
        sku: &str,
        (mut from, mut goes_along): (Option<ProductKey>, bool),
        heir: &ProductKey,
        owners: &impl SkuOwners,
        deadline: Instant,
    ) -> Result<Option<Handed>, Failure> {
        let mut taken_over = None;
        let query = [("sku[]", sku), ("fields", "id,sku,variants.id,variants.sku")];
        let Items { inventory_items } = self.medusa.get("/admin/inventory-items", &query, deadline).await?;
        for item in inventory_items {
            let path = format!("/admin/inventory-items/{}", item.id);
            let variants: Vec<&ItemVariant> = item.variants.iter().flatten().collect();
            let nameless = !variants.is_empty() && variants.iter().all(|variant| variant.sku.is_none());
            if nameless && (!goes_along || from.is_none()) {
                // Whoever made it nameless may have died before the item went along.
                let holders = self.owners_of(&variants, deadline).await?;
                goes_along |= holders.iter().any(ProductKey::is_article);
                from = from.or_else(|| holders.into_iter().find(|holder| holder != heir));
            }
            match variants.first() {
                Some(_) if goes_along && nameless => {
                    let did = self.did((from.as_ref(), &item.id), heir, owners, deadline).await?;
                    taken_over = Some(Handed { item: item.id, did });
                }
                // Left behind by a crash, or by a product update that dropped its variant.
                None => {
                    tracing::warn!(sku, item = item.id, "removing an inventory item that no variant uses");
                    self.medusa.delete(&path, deadline).await?;
                }
                // Medusa does not carry a variant's new SKU over to its item.
                Some(variant) => {
                    let body = serde_json::json!({ "sku": variant.sku.as_deref().filter(|own| *own != sku) });
                    let _: IgnoredAny = self.medusa.post(&path, &[("fields", "id")], &body, deadline).await?;
                }
            }
        }
        Ok(taken_over)
    }

    /// What was done last with an item that goes to `heir`: asked where its next figure builds on it.
    async fn did(
        &self,
        (from, item): (Option<&ProductKey>, &str),
        heir: &ProductKey,
        owners: &impl SkuOwners,
        deadline: Instant,
    ) -> Result<Option<Applied>, Failure> {
        match from {
            Some(from) if self.references.stock.of(heir.source()).figure == Meaning::BeforeOrders => {
                owners.did(from, item, deadline).await
            }
            _ => Ok(None),
        }
    }

    /// Whose these variants are.
    async fn owners_of(&self, variants: &[&ItemVariant], deadline: Instant) -> Result<Vec<ProductKey>, ApiError> {
        let ids: Vec<&str> = variants.iter().map(|variant| variant.id.as_str()).collect();
        let limit = ids.len().to_string();
        let mut query: Vec<(&str, &str)> = ids.into_iter().map(|id| ("id[]", id)).collect();
        query.extend([("fields", "id,product_id,product.external_id"), ("limit", limit.as_str())]);
        let Variants { variants } = self.medusa.get("/admin/product-variants", &query, deadline).await?;
        Ok(variants.iter().filter_map(Holder::owner).collect())
    }

    /// Which of these SKUs a variant has, or an inventory item if `items` are asked for.
    pub(super) async fn taken(
        &self,
        skus: &[&str],
        items: bool,
        deadline: Instant,
    ) -> Result<BTreeSet<String>, ApiError> {
        let mut taken = BTreeSet::new();
        for chunk in split_query("sku[]", skus) {
            // Twice as many as asked for: an item can be in the way of a variant that is not its
            // own.
            let limit = (2 * chunk.len()).to_string();
            let mut query: Vec<(&str, &str)> = chunk.into_iter().map(|sku| ("sku[]", sku)).collect();
            query.extend([("fields", "sku"), ("limit", limit.as_str())]);
            let Variants { variants } = self.medusa.get("/admin/product-variants", &query, deadline).await?;
            taken.extend(variants.into_iter().filter_map(|variant| variant.sku));
            if items {
                let Items { inventory_items } = self.medusa.get("/admin/inventory-items", &query, deadline).await?;
                taken.extend(inventory_items.into_iter().filter_map(|item| item.sku));
            }
        }
        Ok(taken)
    }

    /// Makes what can be made free of these SKUs free for `heir`; which it cannot have.
    pub(super) async fn free_skus(
        &self,
        found: BTreeSet<String>,
        to: Heir<'_>,
        owners: &impl SkuOwners,
        deadline: Instant,
    ) -> Result<Taken, Failure> {
        let heir = to.key;
        let mut taken = Taken::default();
        if found.is_empty() {
            return Ok(taken);
        }
        let made = owners.made(heir, deadline).await?;
        let made: Vec<&str> = found.iter().map(String::as_str).filter(|sku| made.contains(*sku)).collect();
        taken.made = self.held_by_others(&made, to, deadline).await.map_err(|error| error.about(heir))?;
        for sku in found.difference(&taken.made) {
            match self.free_sku(&Refusal::SkuTaken(sku.clone()), to, owners, deadline).await {
                Ok(item) => taken.items.extend(item.map(|item| (sku.clone(), item))),
                Err(failure) if failure.code == "medusa_sku_taken" => drop(taken.held.insert(sku.clone(), failure)),
                Err(failure) => return Err(failure),
            }
        }
        Ok(taken)
    }

    /// Which of these SKUs a variant of another product has.
    async fn held_by_others(
        &self,
        skus: &[&str],
        to: Heir<'_>,
        deadline: Instant,
    ) -> Result<BTreeSet<String>, ApiError> {
        let mut held = BTreeSet::new();
        for chunk in split_query("sku[]", skus) {
            let limit = chunk.len().to_string();
            let mut query: Vec<(&str, &str)> = chunk.into_iter().map(|sku| ("sku[]", sku)).collect();
            query.extend([("fields", "id,sku,metadata,product_id,product.external_id"), ("limit", limit.as_str())]);
            let Variants { variants } = self.medusa.get("/admin/product-variants", &query, deadline).await?;
            let others = variants
                .into_iter()
                .filter(|holder| holder.sku.as_deref().is_some_and(|sku| to.is_others(holder, sku)));
            held.extend(others.filter_map(|holder| holder.sku));
        }
        Ok(held)
    }

    /// Removes inventory items of these SKUs that no variant uses. Medusa makes and removes them in
    /// a step of its own; if it dies before that, nothing else ever finds them, and their SKUs stay
    /// taken.
    pub(super) async fn remove_orphans(&self, skus: &[&str], deadline: Instant) -> Result<(), ApiError> {
        for chunk in split_query("sku[]", skus) {
            let limit = chunk.len().to_string();
            let mut query: Vec<(&str, &str)> = chunk.into_iter().map(|sku| ("sku[]", sku)).collect();
            query.extend([("fields", "id,sku,variants.id,variants.sku"), ("limit", limit.as_str())]);
            let Items { inventory_items } = self.medusa.get("/admin/inventory-items", &query, deadline).await?;
            for item in inventory_items.iter().filter(|item| item.variants.iter().flatten().next().is_none()) {
                tracing::warn!(item = item.id, "removing an inventory item that no variant uses");
                self.medusa.delete(&format!("/admin/inventory-items/{}", item.id), deadline).await?;
            }
        }
        Ok(())
    }

    async fn release_variant(
        &self,
        sku: &str,
        holder: &Holder,
        to: Heir<'_>,
        owners: &impl SkuOwners,
        deadline: Instant,
    ) -> Result<(), Failure> {
        let heir = to.key;
        let product = holder.product.as_ref();
        let Some(owner) = holder.owner() else {
            let title = product.and_then(|product| product.title.as_deref()).unwrap_or("?");
            return Err(said::permanent(
                codes::SKU_TAKEN,
                format!(
                    "{heir}: SKU {sku} belongs to a product that was made in Medusa; change one of the two SKUs: {title} ({})",
                    holder.product_id
                ),
            ));
        };
        if owner == *heir {
            // Our own product, changed since it was read.
            return Err(said::transient(codes::SKU_TAKEN, format!("{heir}: SKU {sku} appeared while it was pushed")));
        }
        // A member's own goes along wherever it is shown: nobody else has a say in it.
        if holder.member() != Some(to.member(sku)) && owners.wants(&owner, sku, deadline).await? {
            return Err(said::permanent(
                codes::SKU_TAKEN,
                format!("{heir}: the PIM offers the same SKU under {owner} as well; change one of the two: {sku}"),
            ));
        }
        tracing::info!(sku, %owner, %heir, "the SKU moves to another product");
        let unmark = ProductUpdate { metadata: holder.under_way(sku), ..ProductUpdate::of(holder.product_id.as_str()) };
        self.update_products(vec![unmark], deadline).await?;
        let nameless = VariantWrite { id: Some(holder.id.clone()), sku: Some(None), ..VariantWrite::default() };
        let batch = VariantsBatch { update: vec![nameless], ..VariantsBatch::default() };
        let path = format!("/admin/products/{}/variants/batch", holder.product_id);
        let _: IgnoredAny = self.medusa.post(&path, &[("fields", "id")], &batch, deadline).await?;
        Ok(())
    }
}

#[derive(Deserialize)]
struct Variants {
    variants: Vec<Holder>,
}

#[derive(Deserialize)]
struct Holder {
    #[serde(default)]
    id: String,
    #[serde(default)]
    sku: Option<String>,
    #[serde(default)]
    product_id: String,
    product: Option<HolderProduct>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

impl Holder {
    fn owner(&self) -> Option<ProductKey> {
        self.product.as_ref()?.external_id.as_deref()?.parse().ok()
    }

    /// The product that its variant is of.
    fn member(&self) -> Option<ProductKey> {
        Some(own_sku::owner_of(&self.owner()?, self.metadata.as_ref()))
    }

    /// What its product says of itself while it loses a SKU: those that it lost before go on to be
    /// listed, until a push of its own is complete.
    fn under_way(&self, sku: &str) -> Metadata {
        let mut skus = pending(self.product.as_ref().and_then(|product| product.metadata.as_ref()));
        skus.insert(sku);
        under_way(skus)
    }

    fn is_not_of(&self, external_id: &str) -> bool {
        self.product.as_ref().and_then(|product| product.external_id.as_deref()) != Some(external_id)
    }
}

#[derive(Deserialize)]
struct HolderProduct {
    external_id: Option<String>,
    title: Option<String>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Items {
    inventory_items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    id: String,
    #[serde(default)]
    sku: Option<String>,
    #[serde(default)]
    variants: Vec<Option<ItemVariant>>,
}

#[derive(Deserialize)]
struct ItemVariant {
    id: String,
    sku: Option<String>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::desired::PENDING;

    #[test]
    fn a_product_that_loses_its_skus_one_by_one_lists_them_all() {
        let mut holder = Holder {
            id: "variant_1".into(),
            sku: None,
            product_id: "prod_1".into(),
            product: Some(HolderProduct { external_id: None, title: None, metadata: None }),
            metadata: None,
        };
        for (sku, listed) in [
            ("s", json!(["s"])),
            ("m", json!(["m", "s"])),
            ("l", json!(["l", "m", "s"])),
            ("s", json!(["l", "m", "s"])),
        ] {
            let metadata = holder.under_way(sku);
            assert_eq!(metadata[PENDING], listed);
            holder.product.as_mut().unwrap().metadata = Some(metadata);
        }
        // A push of its own was complete.
        holder.product.as_mut().unwrap().metadata = Some([(PENDING.to_owned(), "".into())].into());
        assert_eq!(holder.under_way("m")[PENDING], json!(["m"]));
    }
}
