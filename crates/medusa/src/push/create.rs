//! Products that are not in the shop yet.
//!
//! They are created in batches, because that is 7–9 times faster than one by one, as drafts without
//! the marker: whatever happens in between, nobody can buy a half-made product. A batch is all or
//! nothing and its error names no position, so the product at fault is found by the handle or SKU
//! in the message, or else by halving.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Instant;

use catalog::Failure;

use super::skus::Heir;
use super::update::MOST_ROUNDS;
use super::{Change, LastSteps, Leaving, Offer, Outcome, Partials, Shop, SkuOwners, done, under_way};
use crate::address::{Address, Addresses};
use crate::api::model::{
    ImageWrite, OptionCreate, Product, ProductCreate, ProductUpdate, ProductsBatch, ProductsBatchReply, Ref,
    TranslationCreate, TranslationsBatch, VariantWrite,
};
use crate::api::{ApiError, Refusal, split_batch};
use crate::columns;
use crate::desired::Variant;
use crate::own_sku;
use crate::plan::{self, Shelf, Shelves};
use crate::references::References;

/// Variants in one batch: 25 products of 10, or one of 250. Medusa takes about 5 ms for each.
const HEAVIEST: usize = 250;
/// What a created product's reply needs to hold for the steps that follow. The default reply takes
/// Medusa longer than the create.
const REPLY: &str = "id,handle,external_id,variants.id,variants.sku,variants.inventory_items.inventory_item_id";

impl Shop {
    /// Creates products; those that fail have their outcome set, the others come back as work that
    /// remains.
    pub(super) async fn create<'a>(
        &self,
        offers: Vec<Offer<'a>>,
        outcomes: &mut [Option<Outcome>],
        owners: &(impl SkuOwners + Addresses),
        partials: &'a Partials,
        deadline: Instant,
    ) -> Vec<LastSteps<'a>> {
        let coded: Vec<_> = offers.iter().map(|offer| (offer, None)).collect();
        let uncoded = match self.codes_of_others(&coded, deadline).await {
            Ok(uncoded) => uncoded,
            Err(error) => {
                fail(&offers, &error, outcomes);
                return Vec::new();
            }
        };
        let bodies: Vec<(Offer<'a>, ProductCreate)> =
            offers.into_iter().map(|offer| (offer, body(&offer, &uncoded, &self.references))).collect();
        let weighed: Vec<Weighed<'a>> = bodies.into_iter().map(|(offer, body)| Weighed { offer, body }).collect();
        let mut waiting = split_batch(weighed, HEAVIEST, |item| item.body.variants.len().max(5));
        waiting.reverse();
        let (mut works, mut alone) = (Vec::new(), Vec::new());
        while let Some(batch) = waiting.pop() {
            let (offers, bodies): (Vec<_>, Vec<_>) = batch.into_iter().map(|item| (item.offer, item.body)).unzip();
            match self.create_batch(&bodies, deadline).await {
                Ok(created) => works.extend(self.remaining(&offers, created, outcomes)),
                Err(error) if error.refusal().is_some() => {
                    let mut items: Vec<_> =
                        offers.into_iter().zip(bodies).map(|(offer, body)| Weighed { offer, body }).collect();
                    let found = match self.found_taken(&error, &items, deadline).await {
                        Ok(found) => found,
                        Err(error) => {
                            let offers: Vec<Offer<'_>> = items.into_iter().map(|item| item.offer).collect();
                            fail(&offers, &error, outcomes);
                            continue;
                        }
                    };
                    let at_fault = |item: &mut Weighed<'_>| names(&error, &item.body) || item.has_one_of(&found);
                    let named: Vec<Weighed<'a>> = items.extract_if(.., at_fault).collect();
                    if items.is_empty() || (named.is_empty() && items.len() == 1) {
                        alone.extend(named.into_iter().chain(items));
                    } else if named.is_empty() {
                        let half = items.split_off(items.len() / 2);
                        waiting.extend([half, items]);
                    } else {
                        alone.extend(named);
                        waiting.push(items);
                    }
                }
                Err(error) => fail(&offers, &error, outcomes),
            }
        }
        for Weighed { offer, body } in alone {
            match self.create_alone(offer, body, &uncoded, owners, partials, deadline).await {
                Ok((offer, created)) => works.extend(self.remaining(&[offer], created, outcomes)),
                Err(failure) => outcomes[offer.slot] = Some(Err(failure)),
            }
        }
        works
    }

    /// Of a batch that is refused for one SKU all that are taken, so that it is not refused for
    /// each of them.
    async fn found_taken(
        &self,
        error: &ApiError,
        items: &[Weighed<'_>],
        deadline: Instant,
    ) -> Result<BTreeSet<String>, ApiError> {
        match error.refusal() {
            Some(Refusal::SkuTaken(_) | Refusal::InventorySkuTaken(_)) if items.len() > 1 => {
                let skus: Vec<&str> = items.iter().flat_map(|item| item.offer.skus()).collect();
                self.taken(&skus, true, deadline).await
            }
            _ => Ok(BTreeSet::new()),
        }
    }

    async fn create_batch(&self, create: &[ProductCreate], deadline: Instant) -> Result<Vec<Product>, ApiError> {
        let batch = ProductsBatch { create, update: &[] };
        let reply: ProductsBatchReply =
            self.medusa.post("/admin/products/batch", &[("fields", REPLY)], &batch, deadline).await?;
        Ok(reply.created)
    }

    /// One product at a time, taking over SKUs that others hold without a right to them. A variant
    /// whose SKU somebody holds with good reason is left out.
    async fn create_alone<'a>(
        &self,
        mut offer: Offer<'a>,
        mut body: ProductCreate,
        uncoded: &Uncoded,
        owners: &(impl SkuOwners + Addresses),
        partials: &'a Partials,
        deadline: Instant,
    ) -> Result<(Offer<'a>, Vec<Product>), Failure> {
        for _ in 0..MOST_ROUNDS {
            match self.create_batch(std::slice::from_ref(&body), deadline).await {
                Ok(created) => return Ok((offer, created)),
                Err(error) => match error.refusal() {
                    Some(Refusal::SkuTaken(_) | Refusal::InventorySkuTaken(_)) => {
                        let skus: Vec<&str> = offer.skus().collect();
                        let found = self.taken(&skus, true, deadline).await.map_err(|error| error.about(offer.key))?;
                        let taken = self.free_skus(found, Heir::of(&offer), owners, deadline).await?;
                        offer = offer.without(taken, None, &self.references, partials)?;
                        body = ProductCreate { handle: body.handle, ..self::body(&offer, uncoded, &self.references) };
                    }
                    // Taken since it was looked up. By another creator of this very product? Then
                    // that one is found when the message comes back.
                    Some(Refusal::HandleTaken(_)) => {
                        match self.another_handle(&offer, &body.handle, owners, deadline).await? {
                            Some(handle) => body.handle = handle,
                            None => return Err(error.about(offer.key)),
                        }
                    }
                    _ => return Err(error.about(offer.key)),
                },
            }
        }
        let restless = format!("{}: its SKUs are taken again and again while it is created", offer.key);
        Err(Failure::transient(crate::codes::RESTLESS, restless))
    }

    /// What is left to do for created products. Replies come in any order, so they are matched by
    /// external id.
    fn remaining<'a>(
        &self,
        offers: &[Offer<'a>],
        created: Vec<Product>,
        outcomes: &mut [Option<Outcome>],
    ) -> Vec<LastSteps<'a>> {
        let mut by_id: HashMap<String, Product> =
            created.into_iter().filter_map(|product| Some((product.external_id.clone()?, product))).collect();
        let mut works = Vec::with_capacity(offers.len());
        for offer in offers {
            match by_id.remove(&offer.key.to_string()) {
                Some(product) => works.push(self.rest_of(offer, &product)),
                None => {
                    let call = "POST /admin/products/batch".to_owned();
                    let reason = "a created product is missing in the answer".to_owned();
                    outcomes[offer.slot] = Some(Err(ApiError::Unexpected { call, reason }.about(offer.key)));
                }
            }
        }
        works
    }

    fn rest_of<'a>(&self, offer: &Offer<'a>, product: &Product) -> LastSteps<'a> {
        let article = offer.article;
        let figure =
            |sku: &str| article.variants.iter().find(|variant| variant.sku == sku).map_or(0, |variant| variant.stock);
        let location = plan::stock_location(self.references.stock.of(offer.key.source()), &self.references);
        let id_of = |sku: &str| {
            product
                .variants
                .iter()
                .find(|variant| variant.sku.as_deref() == Some(sku))
                .map(|variant| variant.id.as_str())
        };
        let shelves = product.variants.iter().filter_map(|variant| {
            let sku = variant.sku.as_deref()?;
            Some(Shelf {
                variant_id: variant.id.clone(),
                sku: sku.to_owned(),
                item_id: variant.inventory_items.first()?.inventory_item_id.clone(),
                location_id: location.to_owned(),
                figure: figure(sku),
                there: article.variants.iter().any(|variant| variant.sku == sku && variant.item.is_some()),
                unreserved: false,
            })
        });
        let due: Vec<Shelf> = shelves.collect();
        let translations =
            article.translations.iter().filter(|_| self.references.translations).filter_map(|(locale, texts)| {
                let fields = [("title", &texts.title), ("description", &texts.description)];
                let said = fields.into_iter().filter(|(_, text)| !text.is_empty());
                let translations: BTreeMap<_, _> = said.map(|(field, text)| (field, text.clone())).collect();
                (!translations.is_empty()).then(|| TranslationCreate {
                    reference: "product",
                    reference_id: product.id.clone(),
                    locale_code: locale.clone(),
                    translations,
                })
            });
        LastSteps {
            slot: offer.slot,
            key: offer.key,
            stock: Shelves { items: due.iter().map(|shelf| shelf.item_id.clone()).collect(), due, adopted: vec![] },
            recall: offer.recall,
            book: offer.recall.book.clone(),
            translations: TranslationsBatch { create: translations.collect(), update: vec![] },
            entries: plan::sale_entries(article, &self.references, &id_of).collect(),
            leaving: Leaving::default(),
            last: ProductUpdate {
                status: Some("published"),
                metadata: done(offer, article, &[], (&Address::default(), &product.handle), &self.references),
                ..ProductUpdate::of(product.id.as_str())
            },
            change: Change::Created,
            again: None,
            notes: vec![],
            waits: offer.waits.cloned(),
        }
    }
}

/// A product to create, measured by its body.
struct Weighed<'a> {
    offer: Offer<'a>,
    body: ProductCreate,
}

impl Weighed<'_> {
    fn has_one_of(&self, skus: &BTreeSet<String>) -> bool {
        self.offer.skus().any(|sku| skus.contains(sku))
    }
}

impl serde::Serialize for Weighed<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.body.serialize(serializer)
    }
}

/// Whether Medusa's refusal is about this product: the handle or SKU it names is one of its own.
fn names(error: &ApiError, body: &ProductCreate) -> bool {
    match error.refusal() {
        Some(Refusal::HandleTaken(handle)) => body.handle == *handle,
        Some(Refusal::SkuTaken(sku) | Refusal::InventorySkuTaken(sku)) => {
            body.variants.iter().any(|variant| variant.sku.as_ref().and_then(Option::as_deref) == Some(sku))
        }
        _ => false,
    }
}

fn fail(offers: &[Offer<'_>], error: &ApiError, outcomes: &mut [Option<Outcome>]) {
    for offer in offers {
        outcomes[offer.slot] = Some(Err(error.about(offer.key)));
    }
}

/// By offer, the SKUs of variants whose bar codes others have.
type Uncoded = BTreeMap<usize, BTreeSet<String>>;

fn body(offer: &Offer<'_>, uncoded: &Uncoded, references: &References) -> ProductCreate {
    let article = offer.article;
    let uncoded = uncoded.get(&offer.slot);
    // Whose codes are taken was found out before any got a SKU of its own.
    let said = |variant: &Variant| -> String {
        own_sku::said(&own_sku::owner_of(offer.key, Some(&variant.metadata)), &variant.sku).to_owned()
    };
    let is_uncoded = |variant: &Variant| uncoded.is_some_and(|uncoded| uncoded.contains(&said(variant)));
    let options = article.options.iter().enumerate().map(|(index, title)| OptionCreate {
        title: title.clone(),
        values: article.values_of(index).into_iter().map(str::to_owned).collect(),
        is_exclusive: None,
    });
    let mut metadata = article.facts();
    metadata.extend(under_way(article.variants.iter().map(|variant| variant.sku.as_str())));
    ProductCreate {
        handle: offer.handle.unwrap_or_default().to_owned(),
        external_id: offer.key.to_string(),
        status: "draft",
        title: article.title.clone(),
        description: article.description.clone(),
        thumbnail: article.images.first().cloned(),
        images: article.images.iter().map(|url| ImageWrite { id: None, url: url.clone() }).collect(),
        options: options.collect(),
        variants: article
            .variants
            .iter()
            .map(|variant| VariantWrite {
                allow_backorder: references.stock.of(offer.key.source()).backorder,
                columns: match is_uncoded(variant) {
                    true => columns::without_codes(&variant.columns),
                    false => variant.columns.clone(),
                },
                ..plan::create_variant(article, variant, &references.price_lists)
            })
            .collect(),
        categories: article.categories.iter().map(|id| Ref::to(id.as_str())).collect(),
        sales_channels: vec![Ref::to(references.sales_channel_id.as_str())],
        shipping_profile_id: references.shipping_profile_id.clone(),
        metadata,
        columns: article.columns.clone(),
    }
}
