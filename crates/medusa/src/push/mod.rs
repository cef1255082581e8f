//! Makes a batch of products in the shop equal to what they should be.
//!
//! One batch is one light read, but for products that are known to differ. Products that carry the
//! marker of the desired state are done. The others are read in full, compared ([`crate::plan`])
//! and changed; those that are not there are created. Whatever the way, a product ends with the
//! same last steps: stock, translations, and then, in the one update that also publishes it, the
//! marker. So a product that was interrupted half-way is a draft or lacks the marker, and the next
//! delivery finds and completes it.

mod addresses;
mod codes_taken;
mod create;
mod find;
mod finish;
mod lists;
mod look;
mod prices;
mod retire;
mod skus;
mod sort;
mod stock;
mod update;
mod waits;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::sync::OnceLock;
use std::time::Instant;

use catalog::{Failure, ProductKey};

use crate::address::{Address, Addresses};
use crate::api::Medusa;
use crate::api::model::{Metadata, Product, ProductUpdate, TranslationsBatch};
use crate::aside::{Aside, Known, MADE, Made};
use crate::codes;
use crate::desired::{Article, Desired, MARKER, ON_SALE, PENDING, Presence};
use crate::left::Left;
use crate::own_sku;
use crate::plan::{self, Entry, Note, Shelves};
use crate::references::References;
use crate::stock::{Applied, Book, Recall, StockBooks};
use lists::Leaving;
pub use look::Look;
use skus::{Handed, Taken};
use sort::Sorted;
use waits::Waits;

/// A shop to push to.
pub struct Shop {
    /// Its Admin API.
    pub medusa: Medusa,
    /// Where products are put in it.
    pub references: References,
}

/// How closely to look at a product that carries the marker of the desired state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Depth {
    /// Believe the marker and what a light read shows.
    #[default]
    Light,
    /// Compare everything: after an interruption, or to undo what people changed in our fields.
    Full,
}

/// What happened to a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was as it should be. Nothing was written.
    Unchanged,
    /// It is new in the shop.
    Created,
    /// It was changed.
    Updated,
    /// It was taken from sale and is now a draft.
    Withdrawn,
    /// It vanished long ago and was deleted.
    Deleted,
    /// It is not for sale and not in the shop.
    Absent,
}

impl Change {
    /// The word that logs and metrics use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Withdrawn => "withdrawn",
            Self::Deleted => "deleted",
            Self::Absent => "absent",
        }
    }
}

/// When a product has to be looked at closely, because time alone changes what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Again {
    /// Whenever that was known to be: it was not looked at closely.
    #[default]
    AsKnown,
    /// Never.
    Never,
    /// Then (ms).
    At(i64),
}

/// A product that is now as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// Its id in Medusa; `None` if it is not there.
    pub product_id: Option<String>,
    /// What happened to it.
    pub change: Change,
    /// When it has to be looked at closely although nothing of it changes.
    pub again: Again,
    /// What an operator should know.
    pub notes: Vec<Note>,
    /// Of an article, why variants are left out for now, by SKU: a failure of those whose they are.
    pub waits: BTreeMap<String, Failure>,
}

/// One product's result.
pub type Outcome = Result<Pushed, Failure>;

/// Says whether a product is still to have a SKU, when another product wants it: the PIM decides.
pub trait SkuOwners: Sync {
    /// Whether `owner` is offered with a variant `sku`.
    fn wants(
        &self,
        owner: &ProductKey,
        sku: &str,
        deadline: Instant,
    ) -> impl Future<Output = Result<bool, Failure>> + Send;

    /// Which of its SKUs we made, because its source gives none. Asked only where one is taken.
    fn made(
        &self,
        _key: &ProductKey,
        _deadline: Instant,
    ) -> impl Future<Output = Result<BTreeSet<String>, Failure>> + Send {
        std::future::ready(Ok(BTreeSet::new()))
    }

    /// What `owner` did last with an inventory item. Asked only where the item goes to another
    /// product, and its next figure builds on that.
    fn did(
        &self,
        _owner: &ProductKey,
        _item: &str,
        _deadline: Instant,
    ) -> impl Future<Output = Result<Option<Applied>, Failure>> + Send {
        std::future::ready(Ok(None))
    }
}

/// The last steps of one product.
#[derive(Debug)]
struct LastSteps<'a> {
    /// Its place in the batch.
    slot: usize,
    key: &'a ProductKey,
    stock: Shelves,
    /// What is known of its stock.
    recall: &'a Recall,
    /// What is to be remembered of it.
    book: Book,
    translations: TranslationsBatch,
    /// Entries of price lists to write.
    entries: Vec<Entry>,
    /// What the product leaves in price lists.
    leaving: Leaving,
    /// Fields, status and marker.
    last: ProductUpdate,
    change: Change,
    /// When (ms) to look at it closely although nothing of it changes.
    again: Option<i64>,
    notes: Vec<Note>,
    /// Why something of it has to wait, although the rest is done.
    waits: Option<Waits>,
}

impl<'a> LastSteps<'a> {
    /// Takes a product from sale that is there.
    fn withdrawal(slot: usize, key: &'a ProductKey, recall: &'a Recall, there: &Product) -> Self {
        // That it is a draft now is our doing, and ours to end.
        let made = Made::of(there.metadata.as_ref()).map(|made| (MADE.to_owned(), made.withdrawn().value()));
        Self {
            slot,
            key,
            stock: Shelves::default(),
            recall,
            book: Book::default(),
            translations: TranslationsBatch::default(),
            entries: vec![],
            leaving: Leaving::default(),
            last: ProductUpdate {
                status: Some("draft"),
                metadata: made.into_iter().collect(),
                ..ProductUpdate::of(there.id.as_str())
            },
            change: Change::Withdrawn,
            again: None,
            notes: vec![],
            waits: None,
        }
    }
}

/// An article to be offered and where its result goes.
#[derive(Clone, Copy)]
struct Offer<'a> {
    slot: usize,
    key: &'a ProductKey,
    article: &'a Article,
    marker: &'a str,
    depth: Depth,
    /// What is known of its stock.
    recall: &'a Recall,
    /// The handle of a product that is created; of one that moves, the one it is to get.
    handle: Option<&'a str>,
    /// It is to get the address that it would be given today.
    moves: bool,
    /// Why a variant is left out of the article for now.
    waits: Option<&'a Waits>,
    /// A person wants back what was taken off sale.
    released: bool,
    /// How it is recognised as left by an earlier version.
    left: Option<&'a Left>,
}

/// An article as far as it can be had: without variants that have to wait, or with SKUs of the
/// product's own.
struct Partial {
    article: Article,
    marker: String,
    /// Why variants wait.
    why: Option<Waits>,
    /// What is known of its stock, with that of items that it takes over.
    recall: Option<Recall>,
}

/// In a round an offer gets the SKUs of its own that it has, then those that it needs, then
/// the items that it takes over, then loses what waits.
const CHANGES_A_ROUND: usize = 4;

/// A place for one [`Partial`], which outlives the rounds that make it.
type Partials = [OnceLock<Partial>];

impl<'a> Offer<'a> {
    /// The markers with which it is as it is to be.
    fn markers(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        std::iter::once(self.marker).chain(self.left.map(|left| left.marker.as_str()))
    }

    fn skus(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.article.variants.iter().map(|variant| variant.sku.as_str())
    }

    /// The same offer of what can be had: where the SKU was made, under one of the product's own;
    /// else without the variants whose SKUs others hold, and those who hold them are in the
    /// failures. If nothing is left, the first of these.
    fn without(
        self,
        taken: Taken,
        there: Option<&Product>,
        references: &References,
        places: &'a Partials,
    ) -> Result<Self, Failure> {
        let offer = self.with_own(&taken.made.iter().map(String::as_str).collect(), places);
        let offer = offer.with_items(&taken.items, places);
        offer.without_held(taken.held, there, references, places)
    }

    /// The same offer, with SKUs of the product's own in the place of these. It is the same desired
    /// state: who has either form is as wanted.
    fn with_own(self, skus: &BTreeSet<&str>, places: &'a Partials) -> Self {
        if skus.is_empty() {
            return self;
        }
        let article = own_sku::with_own(self.key, self.article, skus);
        let partial = Partial { article, marker: self.marker.to_owned(), why: None, recall: None };
        Self { article: &kept_in(places, partial).article, ..self }
    }

    /// The same offer, whose new variants take these inventory items over, with what was done to
    /// them.
    fn with_items(self, items: &BTreeMap<String, Handed>, places: &'a Partials) -> Self {
        if items.is_empty() {
            return self;
        }
        let mut article = self.article.clone();
        for variant in &mut article.variants {
            variant.item = items.get(&variant.sku).map(|own| own.item.clone()).or_else(|| variant.item.take());
        }
        let mut recall = self.recall.clone();
        for Handed { item, did } in items.values() {
            did.iter().for_each(|did| recall.book.take_over(item, did));
        }
        let partial = Partial { article, marker: self.marker.to_owned(), why: None, recall: Some(recall) };
        let own = kept_in(places, partial);
        Self { article: &own.article, recall: own.recall.as_ref().unwrap_or(self.recall), ..self }
    }

    fn without_held(
        self,
        taken: BTreeMap<String, Failure>,
        there: Option<&Product>,
        references: &References,
        places: &'a Partials,
    ) -> Result<Self, Failure> {
        let skus = taken.keys().map(String::as_str).collect();
        let partial = plan::without(self.article, there, &skus);
        let Some(waits) = Waits::and(self.waits, taken) else { return Ok(self) };
        let Some(article) = partial else { return waits.why().map_or(Ok(self), Err) };
        let presence = Presence::Offered(Box::new(article.clone()));
        let marker = Desired { key: self.key.clone(), presence }.marker(references);
        let own = kept_in(places, Partial { article, marker, why: Some(waits), recall: None });
        Ok(Self { article: &own.article, marker: &own.marker, waits: own.why.as_ref(), ..self })
    }
}

fn kept_in(places: &Partials, partial: Partial) -> &Partial {
    let mut partial = Some(partial);
    for place in places {
        let own = place.get_or_init(|| partial.take().unwrap_or_else(|| unreachable!("taken by one place")));
        if partial.is_none() {
            return own;
        }
    }
    unreachable!("a place for each change of each round")
}

impl Shop {
    /// Makes every product as it should be. `orders` must not name a product twice. The results are
    /// in the order of `orders`. What is remembered of its stock is asked for only where it may be
    /// needed.
    pub async fn push(
        &self,
        orders: &[(&Desired, Depth)],
        owners: &(impl SkuOwners + StockBooks + Addresses),
        deadline: Instant,
    ) -> Vec<Outcome> {
        let known: Vec<Known> = orders.iter().map(|_| Known::default()).collect();
        self.push_known(orders, &known, owners, deadline).await
    }

    /// The same, with what is known of each product.
    pub async fn push_known(
        &self,
        orders: &[(&Desired, Depth)],
        known: &[Known],
        owners: &(impl SkuOwners + StockBooks + Addresses),
        deadline: Instant,
    ) -> Vec<Outcome> {
        let mut outcomes: Vec<Option<Outcome>> = orders.iter().map(|_| None).collect();
        if let Err(failure) = self.push_into(&mut outcomes, orders, known, owners, deadline).await {
            for (outcome, (desired, _)) in outcomes.iter_mut().zip(orders) {
                outcome.get_or_insert_with(|| {
                    let mut own = failure.clone();
                    own.message = format!("{}: {}", desired.key, own.message);
                    Err(own)
                });
            }
        }
        let forgotten =
            || Err(Failure::transient(codes::NO_OUTCOME, "the push ended without a result for this product"));
        outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(forgotten)).collect()
    }

    /// An error here concerns every product that has no result yet.
    async fn push_into(
        &self,
        outcomes: &mut [Option<Outcome>],
        orders: &[(&Desired, Depth)],
        facts: &[Known],
        owners: &(impl SkuOwners + StockBooks + Addresses),
        deadline: Instant,
    ) -> Result<(), Failure> {
        let (batch, found) = self.look_up(orders, facts, outcomes, owners, deadline).await?;
        let mut sorted = batch.sort(found, outcomes);
        self.note_vanished(std::mem::take(&mut sorted.noted), outcomes, deadline).await;
        let looked_at = sorted.looked_at();
        let recalled = if looked_at.is_empty() { HashMap::new() } else { owners.recall(&looked_at, deadline).await? };
        sorted.recall(&recalled);
        let Sorted { due, new, known, read, mut last, .. } = sorted;
        if !due.is_empty() {
            self.retire(due, outcomes, owners, batch.now, deadline).await;
        }
        let handles: Vec<OnceLock<String>> = orders.iter().map(|_| OnceLock::new()).collect();
        let mut new = self.with_handles(new, &handles, outcomes, owners, deadline).await?;
        new.retain(|offer| outcomes[offer.slot].is_none());
        let partials: Vec<OnceLock<Partial>> =
            (0..orders.len() * update::MOST_ROUNDS * CHANGES_A_ROUND).map(|_| OnceLock::new()).collect();
        if !known.is_empty() {
            last.extend(self.update((known, read), outcomes, owners, (&partials, &handles), deadline).await?);
        }
        if !new.is_empty() {
            last.extend(self.create(new, outcomes, owners, &partials, deadline).await);
        }
        self.finish(last, outcomes, owners, deadline).await;
        Ok(())
    }
}

/// The metadata that says "equal to this state, with these entries in price lists, at this address,
/// and nothing is under way".
fn done(
    offer: &Offer<'_>,
    article: &Article,
    asides: &[Aside],
    (address, now): (&Address, &str),
    references: &References,
) -> Metadata {
    let on_sale = plan::on_sale(article, references).unwrap_or_default();
    let (handle, renamed) = address.noted(now, offer.handle.is_some());
    let made = Made { handle, renamed, ..Made::published(article, &references.sales_channel_id, asides) }.value();
    [(MARKER, offer.marker.into()), (ON_SALE, on_sale.into()), (PENDING, "".into()), (MADE, made)]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
}

/// The metadata that says "not equal to any state", and which SKUs come or go until it is.
fn under_way<'a>(skus: impl IntoIterator<Item = &'a str>) -> Metadata {
    let skus: Vec<&str> = skus.into_iter().collect();
    [(MARKER.to_owned(), "".into()), (PENDING.to_owned(), skus.into())].into()
}
