//! Products that are in the shop and differ.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::OnceLock;
use std::time::Instant;

use catalog::Failure;
use serde::de::IgnoredAny;

use super::lists::{EntryIds, Leaving, not_needed};
use super::prices;
use super::skus::{Heir, Taken};
use super::{Again, Change, Depth, LastSteps, Offer, Outcome, Partials, Pushed, Shop, SkuOwners, done, under_way};
use crate::address::{Address, Addresses, REDIRECTS, redirects};
use crate::api::model::{Product, ProductUpdate};
use crate::api::{ApiError, Refusal};
use crate::aside::{self, MADE, Made};
use crate::desired::MARKER;
use crate::plan::{Entry, Given, Needed, Note, Plan, Structure, plan, stays};
use crate::stock::{Marked, StockBooks};
use crate::{codes, own_sku, said};

/// How often a product is read and planned before we give up for this delivery. Most need one
/// round, those that get new variants two; more only if somebody else changes the product
/// meanwhile.
pub(super) const MOST_ROUNDS: usize = 4;

/// What is to be done with a product, as it was read.
type Planned<'a> = (Offer<'a>, Product, Plan);

/// What is known of a batch over several rounds; maps are by the place in the batch.
#[derive(Default)]
struct Rounds<'a> {
    /// Products that still differ, with their ids.
    open: Vec<(Offer<'a>, String)>,
    /// What is left to do for the others.
    last: Vec<LastSteps<'a>>,
    /// Whether something was written to it.
    written: HashMap<usize, bool>,
    /// What an earlier version would have noted, although its marker is gone since the first round.
    before: HashMap<usize, Made>,
    /// Likewise what its marker said: we take it off ourselves.
    marks: HashMap<usize, Marked>,
    /// Bar codes that others have.
    uncoded: BTreeMap<usize, BTreeSet<String>>,
}

impl Rounds<'_> {
    /// Puts back what an earlier version would have noted; whether it left the product.
    fn put_back_made(&mut self, offer: &Offer<'_>, product: &mut Product, channel: &str) -> bool {
        let left = offer.left.filter(|left| left.is_on(product));
        if let Some(left) = left {
            self.before.insert(offer.slot, left.made(product, offer.article, channel));
        }
        if let Some(made) = self.before.get(&offer.slot) {
            let metadata = product.metadata.get_or_insert_default();
            metadata.entry(MADE.to_owned()).or_insert_with(|| made.value());
        }
        left.is_some()
    }
}

impl Shop {
    /// Changes what has to be changed step by step; what remains comes back as work for the last
    /// steps. What was `read` in full already is not read again.
    pub(super) async fn update<'a>(
        &self,
        (known, mut read): (Vec<(Offer<'a>, String)>, HashMap<String, Product>),
        outcomes: &mut [Option<Outcome>],
        owners: &(impl SkuOwners + StockBooks + Addresses),
        (partials, handles): (&'a Partials, &'a [OnceLock<String>]),
        deadline: Instant,
    ) -> Result<Vec<LastSteps<'a>>, Failure> {
        let open = self.moved(known, handles, owners, deadline).await?;
        let mut rounds = Rounds { open, ..Rounds::default() };
        for round in 1..=MOST_ROUNDS {
            let read = (std::mem::take(&mut read), round);
            let there = self.look(&mut rounds, read, outcomes, owners, partials, deadline).await?;
            let planned = self.plan_all(&mut rounds, there, outcomes, owners, deadline).await?;
            self.take_markers(&planned, deadline).await?;
            let put = self.put_on_sale(&planned, deadline).await?;
            let on_sale = planned.iter().zip(&put).filter(|(_, put)| put.is_ok());
            let on_sale = on_sale.map(|((offer, product, plan), _)| (offer, product, plan));
            let mut together = self.prices_together(on_sale, deadline).await;
            for (planned, put) in planned.into_iter().zip(put) {
                let shared = together.remove(&planned.0.slot);
                self.change(&mut rounds, (planned, put, shared), round, outcomes, owners, deadline).await;
            }
            if rounds.open.is_empty() {
                break;
            }
        }
        for (offer, _) in rounds.open {
            let restless =
                format!("{}: still differs after {MOST_ROUNDS} rounds; somebody else may be changing it", offer.key);
            outcomes[offer.slot] = Some(Err(said::transient(codes::RESTLESS, restless)));
        }
        Ok(rounds.last)
    }

    /// Reads what still differs, and finds out what of it has to wait: SKUs and bar codes that
    /// others have.
    async fn look<'a>(
        &self,
        rounds: &mut Rounds<'a>,
        (mut there, round): (HashMap<String, Product>, usize),
        outcomes: &mut [Option<Outcome>],
        owners: &impl SkuOwners,
        partials: &'a Partials,
        deadline: Instant,
    ) -> Result<HashMap<String, Product>, Failure> {
        let open = &mut rounds.open;
        let unread = open.iter().map(|(_, id)| id.as_str()).filter(|id| !there.contains_key(*id)).collect();
        there.extend(self.read_by_id(unread, deadline).await?);
        if round == 1 {
            let left_behind: Vec<&str> =
                there.values().flat_map(|there| aside::pending(there.metadata.as_ref())).collect();
            self.remove_orphans(&left_behind, deadline).await?;
        }
        for (offer, id) in open.iter_mut() {
            if let Some(there) = there.get(id.as_str()) {
                *offer = offer.with_own(&own_sku::kept(offer.key, offer.article, there), partials);
            }
        }
        let found = self.leave_out(open, (&there, round > 1), outcomes, owners, partials, deadline).await?;
        if found.written {
            there = self.read_by_id(open.iter().map(|(_, id)| id.as_str()).collect(), deadline).await?;
        }
        if round == 1 || found.own {
            let coded: Vec<_> = open.iter().map(|(offer, id)| (offer, there.get(id))).collect();
            rounds.uncoded = self.codes_of_others(&coded, deadline).await?;
        }
        Ok(there)
    }

    /// Plans what still differs. It is closed with that, until its change leaves it open.
    async fn plan_all<'a>(
        &self,
        rounds: &mut Rounds<'a>,
        mut there: HashMap<String, Product>,
        outcomes: &mut [Option<Outcome>],
        owners: &(impl StockBooks + Addresses),
        deadline: Instant,
    ) -> Result<Vec<Planned<'a>>, Failure> {
        let mut planned = Vec::new();
        for (offer, id) in std::mem::take(&mut rounds.open) {
            let Some(product) = there.remove(&id) else {
                let gone = format!("{}: {id} was deleted in Medusa just now", offer.key);
                outcomes[offer.slot] = Some(Err(said::transient(codes::NOT_FOUND, gone)));
                continue;
            };
            planned.extend(self.plan_one(rounds, (offer, product), outcomes, owners, deadline).await?);
        }
        Ok(planned)
    }

    /// Plans a product, without what people took off sale. If that is all of it there is no plan.
    async fn plan_one<'a>(
        &self,
        rounds: &mut Rounds<'a>,
        (offer, mut product): (Offer<'a>, Product),
        outcomes: &mut [Option<Outcome>],
        owners: &(impl StockBooks + Addresses),
        deadline: Instant,
    ) -> Result<Option<Planned<'a>>, Failure> {
        let channel = &self.references.sales_channel_id;
        let as_left = rounds.put_back_made(&offer, &mut product, channel);
        let asides = aside::of(&product, offer.article, channel, offer.released);
        let notes = asides.iter().cloned().map(Note::SetAside);
        let Some(article) = aside::without(offer.article, &asides) else {
            let (product_id, change) = (Some(product.id), Change::Unchanged);
            let (again, notes, waits) = (Again::Never, notes.collect(), BTreeMap::new());
            outcomes[offer.slot] = Some(Ok(Pushed { product_id, change, again, notes, waits }));
            return Ok(None);
        };
        let stays = stays::of(&article, &product);
        if stays.is_empty() && article.variants.is_empty() {
            rounds.last.push(LastSteps::withdrawal(offer.slot, offer.key, offer.recall, &product));
            return Ok(None);
        }
        let no_room = stays::without_room(&article, &product).into_iter().map(|sku| Note::NoRoom { sku });
        let article = match stays.is_empty() {
            true => article,
            false => Cow::Owned(stays::beside(&article, &product, &stays)),
        };
        let mark = *rounds.marks.entry(offer.slot).or_insert_with(|| marked(&product, offer.marker));
        let all_free = BTreeSet::new();
        let known = Given {
            recall: offer.recall,
            terms: self.references.stock.of(offer.key.source()),
            marked: if as_left { Marked::AsWanted } else { mark },
            now: owners.now_ms(),
            uncoded: rounds.uncoded.get(&offer.slot).unwrap_or(&all_free),
            moves_to: offer.handle,
        };
        let full = offer.depth == Depth::Full;
        let mut plan = plan(offer.key, &article, &product, &self.references, &known, full);
        plan.notes.extend(notes.chain(no_room));
        let address = Address::of(offer.key, &product);
        let now = plan.product.handle.as_ref().unwrap_or(&product.handle);
        plan.done = done(&offer, &article, &asides, (&address, now), &self.references);
        stays::keep_made(&mut plan.done, &product, &stays);
        if plan.product.metadata.contains_key(REDIRECTS) {
            for handle in redirects(Some(&plan.product.metadata)).iter().chain([now]) {
                owners.keep(offer.key, handle, deadline).await?;
            }
        }
        aside::respect(&asides, &mut plan);
        Ok(Some((offer, product, plan)))
    }

    /// Changes one product, as far as one round goes: then its last steps are left, or it is open
    /// again.
    async fn change<'a>(
        &self,
        rounds: &mut Rounds<'a>,
        ((offer, product, plan), put, shared): (Planned<'a>, Result<Leaving, ApiError>, Option<Result<(), ApiError>>),
        round: usize,
        outcomes: &mut [Option<Outcome>],
        owners: &impl SkuOwners,
        deadline: Instant,
    ) {
        let changed = rounds.written.entry(offer.slot).or_default();
        *changed |= !plan.is_empty();
        let steps = async {
            let leaving = put.map_err(|error| Stumble::at(error, &offer))?;
            match shared {
                Some(written) => written.map_err(|error| Stumble::at(error, &offer))?,
                None => self.restructure(&offer, &product.id, &plan, owners, deadline).await?,
            }
            Ok(leaving)
        };
        match steps.await {
            Ok(leaving) if !plan.look_again => {
                rounds.last.push(self.last_steps(&offer, &product, plan, leaving, *changed));
            }
            Ok(_) => rounds.open.push((offer, product.id)),
            Err(Stumble::Conflict(error)) if round < MOST_ROUNDS => {
                tracing::info!(product = %offer.key, round, %error, "looking again");
                rounds.open.push((offer, product.id));
            }
            // The next round leaves it out.
            Err(Stumble::Taken(_)) if round < MOST_ROUNDS => rounds.open.push((offer, product.id)),
            Err(Stumble::Conflict(error)) => outcomes[offer.slot] = Some(Err(error.about(offer.key))),
            Err(Stumble::Taken(failure) | Stumble::Failed(failure)) => outcomes[offer.slot] = Some(Err(failure)),
        }
    }

    async fn read_by_id(&self, ids: Vec<&str>, deadline: Instant) -> Result<HashMap<String, Product>, ApiError> {
        let products = self.read_in_full(&ids, deadline).await?;
        Ok(products.into_iter().map(|product| (product.id.clone(), product)).collect())
    }

    /// Finds out, before anything is written, which SKUs that products are about to get are taken:
    /// by variants and, after a refusal, by inventory items that a crash or an edit left behind.
    /// What nobody has a right to is made free; a variant whose SKU somebody holds with good reason
    /// is left out for now, or gets one of its own.
    async fn leave_out<'a>(
        &self,
        open: &mut Vec<(Offer<'a>, String)>,
        (there, refused): (&HashMap<String, Product>, bool),
        outcomes: &mut [Option<Outcome>],
        owners: &impl SkuOwners,
        partials: &'a Partials,
        deadline: Instant,
    ) -> Result<LeftOut, Failure> {
        let new_to = |offer: &Offer<'a>, id: &String| {
            let has: BTreeSet<&str> =
                there.get(id).into_iter().flat_map(|p| &p.variants).filter_map(|v| v.sku.as_deref()).collect();
            // What it has no room for stays where it is.
            let stays_out = there.get(id).map(|there| stays::without_room(offer.article, there)).unwrap_or_default();
            let wanted = offer.article.variants.iter().map(|variant| variant.sku.as_str());
            wanted.filter(|sku| !has.contains(sku) && !stays_out.contains(*sku)).collect::<Vec<_>>()
        };
        let new: Vec<&str> = open.iter().flat_map(|(offer, id)| new_to(offer, id)).collect();
        if new.is_empty() {
            return Ok(LeftOut::default());
        }
        let found = self.taken(&new, refused, deadline).await?;
        let mut done = LeftOut::default();
        let mut left = Vec::with_capacity(open.len());
        for (offer, id) in open.drain(..) {
            let own: BTreeSet<String> =
                new_to(&offer, &id).into_iter().filter(|sku| found.contains(*sku)).map(str::to_owned).collect();
            let asked = own.len();
            let result = match self.free_all(own, Heir::of(&offer), there.get(&id), owners, deadline).await {
                Ok(taken) => {
                    let freed = asked - taken.len();
                    done.own |= !taken.made.is_empty();
                    offer.without(taken, there.get(&id), &self.references, partials).map(|offer| (offer, freed))
                }
                Err(failure) => Err(failure),
            };
            match result {
                Ok((offer, freed)) => {
                    done.written |= freed > 0;
                    left.push((offer, id));
                }
                Err(failure) => outcomes[offer.slot] = Some(Err(failure)),
            }
        }
        *open = left;
        Ok(done)
    }

    /// As [`Shop::free_skus`]; and what it gets in the place of those that we made may be elsewhere
    /// by now, too.
    async fn free_all(
        &self,
        found: BTreeSet<String>,
        to: Heir<'_>,
        there: Option<&Product>,
        owners: &impl SkuOwners,
        deadline: Instant,
    ) -> Result<Taken, Failure> {
        let mut taken = self.free_skus(found, to, owners, deadline).await?;
        let has =
            |sku: &str| there.into_iter().flat_map(|there| &there.variants).any(|v| v.sku.as_deref() == Some(sku));
        let own: Vec<String> = taken.made.iter().map(|sku| to.own(sku)).filter(|own| !has(own)).collect();
        if !own.is_empty() {
            let own: Vec<&str> = own.iter().map(String::as_str).collect();
            let found = self.taken(&own, true, deadline).await.map_err(|error| error.about(to.key))?;
            taken.items.extend(self.free_skus(found, to, owners, deadline).await?.items);
        }
        Ok(taken)
    }

    /// Says of products that need several calls that they are under way, so that an interruption
    /// cannot leave a half-changed product that says it is complete (and is believed when the PIM
    /// goes back to the old state), nor inventory items that nobody finds. Prices alone need none.
    async fn take_markers(&self, planned: &[(Offer<'_>, Product, Plan)], deadline: Instant) -> Result<(), ApiError> {
        let mut updates = Vec::new();
        for (_, product, plan) in
            planned.iter().filter(|(_, _, plan)| !plan.is_one_call() && !prices::leaves_no_trap(plan))
        {
            let pending = aside::pending(product.metadata.as_ref());
            let skus: BTreeSet<&str> = plan.changing_skus(product).into_iter().chain(pending.iter().copied()).collect();
            if marker_of(product).is_some() || skus.len() > pending.len() {
                updates.push(ProductUpdate { metadata: under_way(skus), ..ProductUpdate::of(product.id.as_str()) });
            }
        }
        if updates.is_empty() { Ok(()) } else { self.update_products(updates, deadline).await }
    }

    /// Writes every product's entries of price lists, all at once; if Medusa refuses that, each
    /// product's on their own. What remains of each is what it leaves in the lists.
    async fn put_on_sale(
        &self,
        planned: &[(Offer<'_>, Product, Plan)],
        deadline: Instant,
    ) -> Result<Vec<Result<Leaving, ApiError>>, ApiError> {
        let entries: Vec<&Entry> = planned.iter().flat_map(|(_, _, plan)| &plan.sale.put).collect();
        let together = match self.put_entries(&entries, deadline).await {
            Err(error) if error.refusal().is_none() => return Err(error),
            put => put,
        };
        let mut leaving = Vec::with_capacity(planned.len());
        for (_, _, plan) in planned {
            let own: Vec<&Entry> = plan.sale.put.iter().collect();
            let ids = match &together {
                Ok(ids) => Ok(Cow::Borrowed(ids)),
                Err(_) => self.put_entries(&own, deadline).await.map(Cow::Owned),
            };
            leaving.push(ids.map(|ids| (not_needed(&plan.sale.put, &ids, Needed::Never), plan, ids)));
        }
        let gone: Vec<(String, String)> =
            leaving.iter().flatten().flat_map(|(gone, ..)| gone.iter().cloned()).collect();
        self.remove_entries(&gone, deadline).await?;
        let rest = |(_, plan, ids): (_, &Plan, Cow<'_, EntryIds>)| Leaving {
            lists: plan.sale.leave.clone(),
            entries: not_needed(&plan.sale.put, &ids, Needed::UntilChanged),
        };
        Ok(leaving.into_iter().map(|put| put.map(rest)).collect())
    }

    /// Changes options and variants of one product, in the plan's order.
    async fn restructure(
        &self,
        offer: &Offer<'_>,
        product_id: &str,
        plan: &Plan,
        owners: &impl SkuOwners,
        deadline: Instant,
    ) -> Result<(), Stumble> {
        for step in &plan.structure {
            let mut freed = 0;
            while let Err(error) = self.take_step(product_id, step, deadline).await {
                match error.refusal() {
                    Some(taken @ (Refusal::SkuTaken(_) | Refusal::InventorySkuTaken(_)))
                        if freed <= offer.article.variants.len() =>
                    {
                        let free = self.free_sku(taken, Heir::of(offer), owners, deadline).await;
                        let item = free.map_err(|failure| match failure.code.as_str() {
                            "medusa_sku_taken" => Stumble::Taken(failure),
                            _ => Stumble::Failed(failure),
                        })?;
                        // Which it is to take over: planned anew.
                        if item.is_some() {
                            return Err(Stumble::Conflict(error));
                        }
                        freed += 1;
                    }
                    Some(Refusal::Missing) => return Err(Stumble::Conflict(error)),
                    _ => return Err(Stumble::at(error, offer)),
                }
            }
        }
        Ok(())
    }

    async fn take_step(&self, product_id: &str, step: &Structure, deadline: Instant) -> Result<(), ApiError> {
        let api = &self.medusa;
        let brief = [("fields", "id")];
        let _: IgnoredAny = match step {
            Structure::RenameOption { option_id, title } => {
                let body = serde_json::json!({ "title": title });
                api.post(&format!("/admin/product-options/{option_id}"), &brief, &body, deadline).await?
            }
            Structure::RenameValue { option_id, value_id, value } => {
                let path = format!("/admin/product-options/{option_id}/values/{value_id}");
                api.post(&path, &brief, &serde_json::json!({ "value": value }), deadline).await?
            }
            Structure::Options(batch) => {
                api.post(&format!("/admin/products/{product_id}/options/batch"), &brief, batch, deadline).await?
            }
            Structure::Variants(batch) => {
                api.post(&format!("/admin/products/{product_id}/variants/batch"), &brief, batch, deadline).await?
            }
            Structure::Item { item_id, columns } => {
                api.post(&format!("/admin/inventory-items/{item_id}"), &brief, columns, deadline).await?
            }
            Structure::RenameItem { item_id, sku } => {
                let body = serde_json::json!({ "sku": sku });
                api.post(&format!("/admin/inventory-items/{item_id}"), &brief, &body, deadline).await?
            }
            Structure::Stock { variant_id, sku } => {
                let item: ItemReply =
                    api.post("/admin/inventory-items", &brief, &serde_json::json!({ "sku": sku }), deadline).await?;
                let path = format!("/admin/products/{product_id}/variants/{variant_id}/inventory-items");
                let body = serde_json::json!({ "inventory_item_id": item.inventory_item.id, "required_quantity": 1 });
                api.post(&path, &brief, &body, deadline).await?
            }
        };
        Ok(())
    }

    fn last_steps<'a>(
        &self,
        offer: &Offer<'a>,
        product: &Product,
        plan: Plan,
        leaving: Leaving,
        changed: bool,
    ) -> LastSteps<'a> {
        let mut last = plan.product;
        // After several calls the marker has been taken away, whatever this reading still shows.
        let changed = changed || marker_of(product) != Some(offer.marker);
        if changed {
            last.metadata.extend(plan.done);
        }
        LastSteps {
            slot: offer.slot,
            key: offer.key,
            stock: plan.stock,
            recall: offer.recall,
            book: offer.recall.book.clone(),
            translations: plan.translations,
            entries: vec![],
            leaving,
            last,
            change: if changed { Change::Updated } else { Change::Unchanged },
            again: plan.again,
            notes: plan.notes,
            waits: offer.waits.cloned(),
        }
    }
}

/// What looking SKUs up led to.
#[derive(Debug, Default)]
struct LeftOut {
    /// Something was written, so that what was read may not be so any more.
    written: bool,
    /// Variants got SKUs of their own.
    own: bool,
}

#[derive(serde::Deserialize)]
struct ItemReply {
    inventory_item: crate::api::model::Ref,
}

/// Why a product's steps stopped.
enum Stumble {
    /// It is not as it was read: read it again.
    Conflict(ApiError),
    /// Somebody took one of its SKUs after it was looked up.
    Taken(Failure),
    /// For this delivery, it is over.
    Failed(Failure),
}

impl Stumble {
    fn at(error: ApiError, offer: &Offer<'_>) -> Self {
        match error.refusal() {
            Some(
                Refusal::NoPriceSet
                | Refusal::OptionInUse
                | Refusal::Reserved
                | Refusal::VariantExists
                | Refusal::LevelMismatch,
            ) => Self::Conflict(error),
            _ => Self::Failed(error.about(offer.key)),
        }
    }
}

fn marker_of(product: &Product) -> Option<&str> {
    product.metadata.as_ref()?.get(MARKER)?.as_str().filter(|state| !state.is_empty())
}

fn marked(product: &Product, wanted: &str) -> Marked {
    match marker_of(product) {
        Some(state) if state == wanted => Marked::AsWanted,
        Some(_) => Marked::Otherwise,
        None => Marked::Nothing,
    }
}
