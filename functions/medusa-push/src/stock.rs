//! What the shop's client asks beside the shop: whose a SKU is (the PIM decides), and what is remembered of stock and addresses (the ledger does).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use catalog::{Failure, PartName, ProductKey, Version};
use futures::stream::{self, StreamExt};
use ledger::core::lines;
use ledger::{DesiredDoc, Ledger, LedgerError, ProductState, Table};
use medusa::stock::Applied;
use medusa::{Addresses, Articles, Book, Recall, Said, SkuOwners, StockBooks, StockSettings, Told};
use pimcore::{PimProduct, Pimcore};
use runtime::Clock;

use crate::article::APART;
use crate::grouped::{Grouped, Tasks};

/// Ledger writes in flight at once.
const PARALLEL: usize = 16;

/// Everything around one batch.
pub(crate) struct Around<'a, T, C> {
    pub(crate) pimcore: &'a Pimcore,
    pub(crate) ledger: &'a Ledger<T>,
    pub(crate) clock: &'a C,
    pub(crate) settings: &'a StockSettings,
    pub(crate) products: &'a BTreeMap<ProductKey, PimProduct>,
    pub(crate) states: &'a Tasks<'a>,
    /// Which groups are one product, and the articles that are claimed.
    pub(crate) articles: &'a Articles,
    pub(crate) grouped: &'a Grouped,
    /// How often each product's stock had been noted, as far as we know.
    pub(crate) writes: Mutex<HashMap<ProductKey, i64>>,
}

impl<T: Table, C: Clock + Sync> SkuOwners for Around<'_, T, C> {
    async fn wants(&self, owner: &ProductKey, sku: &str, deadline: Instant) -> Result<bool, Failure> {
        let owners = if owner.is_article() { self.members(owner).await? } else { vec![owner.clone()] };
        for (key, product) in self.pimcore.read_products(&owners, deadline).await? {
            let product = product?;
            let offers = product.offered() && product.variants.iter().any(|variant| variant.sku == sku);
            if offers && self.is_shown_by(owner, &key, &product).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn made(&self, key: &ProductKey, _: Instant) -> Result<BTreeSet<String>, Failure> {
        let keys = if key.is_article() { self.members(key).await? } else { vec![key.clone()] };
        let read = self.ledger.read_small_docs(&keys).await.map_err(|error| error.failure())?;
        // What cannot be read says nothing of its SKUs; nor does one in the bucket, which is not ours to read.
        Ok(read.docs.into_values().filter_map(Result::ok).flat_map(|doc| doc.product.made_skus).collect())
    }

    async fn did(&self, owner: &ProductKey, item: &str, _: Instant) -> Result<Option<Applied>, Failure> {
        let found = self.ledger.stock(std::slice::from_ref(owner)).await.map_err(|error| error.failure())?;
        let Some(stock) = found.into_values().next() else { return Ok(None) };
        let mut book = read(owner, &stock.map_err(|error| error.failure())?.json)?;
        Ok(book.0.remove(item))
    }
}

impl<T: Table, C: Clock + Sync> StockBooks for Around<'_, T, C> {
    fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    async fn recall(&self, keys: &[&ProductKey], _: Instant) -> Result<HashMap<ProductKey, Recall>, Failure> {
        let keys: Vec<ProductKey> = keys.iter().map(|key| (*key).clone()).collect();
        let mut found = self.ledger.stock(&keys).await.map_err(|error| error.failure())?;
        let told = self.told(&keys).await?;
        let others = self.books_beside(&keys).await?;
        let mut recalled = HashMap::with_capacity(keys.len());
        for key in keys {
            let stock = found.remove(&key).transpose().map_err(|error| error.failure())?.unwrap_or_default();
            let mut book = read(&key, &stock.json)?;
            for other in self.grouped.beside(&key) {
                take_over(&mut book, others.get(&other));
            }
            self.writes.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), stock.writes);
            let recall = self.recall_of(&key, &told).await?;
            recalled.insert(key, Recall { book, handle: stock.handle, ..recall });
        }
        Ok(recalled)
    }

    async fn note(&self, books: &[(&ProductKey, &Book)], _: Instant) -> Vec<Result<(), Failure>> {
        let owned: Vec<(ProductKey, serde_json::Result<Vec<u8>>)> =
            books.iter().map(|(key, book)| ((*key).clone(), serde_json::to_vec(book))).collect();
        let each = owned.into_iter().map(|(key, json)| async move {
            let seen = self.writes.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied().unwrap_or(0);
            let json = json.map_err(|error| unreadable(&key, &error))?;
            self.ledger.note_stock(&key, seen, &json).await.map_err(|error| error.failure())?;
            self.writes.lock().unwrap_or_else(PoisonError::into_inner).insert(key, seen + 1);
            Ok(())
        });
        stream::iter(each).buffered(PARALLEL).collect().await
    }
}

impl<T: Table, C: Clock + Sync> Addresses for Around<'_, T, C> {
    async fn choose(
        &self,
        key: &ProductKey,
        wanted: &[String],
        was: Option<&str>,
        _: Instant,
    ) -> Result<Option<String>, Failure> {
        self.ledger.choose_handle(key, wanted, was).await.map_err(|error| error.failure())
    }

    async fn keep(&self, key: &ProductKey, handle: &str, _: Instant) -> Result<(), Failure> {
        self.ledger.keep_handle(key, handle).await.map(drop).map_err(|error| error.failure())
    }
}

impl<T: Table, C: Clock> Around<'_, T, C> {
    /// What is remembered at the places between which members move.
    async fn books_beside(&self, keys: &[ProductKey]) -> Result<HashMap<ProductKey, Book>, Failure> {
        let beside: BTreeSet<ProductKey> = keys.iter().flat_map(|key| self.grouped.beside(key)).collect();
        let beside: Vec<ProductKey> = beside.into_iter().collect();
        if beside.is_empty() {
            return Ok(HashMap::new());
        }
        let found = self.ledger.stock(&beside).await.map_err(|error| error.failure())?;
        let each = found.into_iter().map(|(key, stock)| {
            let book = read(&key, &stock.map_err(|error| error.failure())?.json)?;
            Ok((key, book))
        });
        each.collect()
    }

    /// Who has joined an article.
    async fn members(&self, article: &ProductKey) -> Result<Vec<ProductKey>, Failure> {
        if let Some(held) = self.grouped.held.get(article) {
            return Ok(held.members.iter().map(|member| member.key.clone()).collect());
        }
        let members = self.ledger.members(article).await.map_err(|error| error.failure())?;
        Ok(members.into_iter().map(|member| member.key).collect())
    }

    /// Whether `owner`, itself or an article, is where the shop shows what it sells of a product.
    async fn is_shown_by(&self, owner: &ProductKey, key: &ProductKey, product: &PimProduct) -> Result<bool, Failure> {
        if owner.is_article() {
            return Ok(product.group.as_deref().map(str::trim) == Some(owner.id()));
        }
        let Some(article) = self.articles.of(key, product.group.as_deref()) else { return Ok(true) };
        let apart = |fate: Option<&str>| fate.is_some_and(|fate| fate.lines().any(|word| word == APART));
        let members = self.ledger.members(&article).await.map_err(|error| error.failure())?;
        let joined = members.iter().find(|member| member.key == *key);
        Ok(joined.is_none_or(|member| apart(member.fate.as_deref())))
    }

    /// What the ledger knows of these products, and of the members of these articles.
    async fn told(&self, keys: &[ProductKey]) -> Result<BTreeMap<ProductKey, Known>, Failure> {
        let mut known = BTreeMap::new();
        let mut others = Vec::new();
        for key in keys {
            for key in if key.is_article() { self.members(key).await? } else { vec![key.clone()] } {
                match self.states.get(&key) {
                    Some((state, _)) => drop(known.insert(key, Known { state: Some((*state).clone()), doc: None })),
                    None => others.push(key),
                }
            }
        }
        let states = self.ledger.read_states(&others).await.map_err(|error| error.failure())?;
        known.extend(states.into_iter().map(|(key, state)| (key, Known { state: Some(state), doc: None })));
        let owned: Vec<ProductKey> =
            known.iter().filter(|(_, known)| known.stock_part().is_some()).map(|(key, _)| key.clone()).collect();
        if !owned.is_empty() {
            let read = self.ledger.read_small_docs(&owned).await.map_err(|error| error.failure())?;
            for (key, doc) in read.docs {
                if let Some(known) = known.get_mut(&key) {
                    known.doc = doc.ok();
                }
            }
        }
        Ok(known)
    }

    /// What is said of a product's stock; each figure of an article is its member's.
    async fn recall_of(&self, key: &ProductKey, told: &BTreeMap<ProductKey, Known>) -> Result<Recall, Failure> {
        let nothing = Known::default();
        if !key.is_article() {
            return self.said_by(key, told.get(key).unwrap_or(&nothing)).await;
        }
        let mut all: Option<Recall> = None;
        for member in self.members(key).await? {
            let Some(product) = self.products.get(&member) else { continue };
            let own = self.said_by(&member, told.get(&member).unwrap_or(&nothing)).await?;
            let said = product.variants.iter().map(|variant| (variant.sku.clone(), own.said.clone()));
            let of_members = Recall::each(&member, said);
            match &mut all {
                Some(all) => {
                    // Who is silent is looked at when the first of them is.
                    all.said.heard = all.said.heard.min(own.said.heard);
                    all.each.extend(own.each);
                    all.of_members.extend(of_members);
                }
                None => all = Some(Recall { of_members, ..own }),
            }
        }
        Ok(all.unwrap_or_default())
    }

    /// What a product says of its stock. A document in the bucket is not ours to read, and one of before does not
    /// say when each figure was said.
    async fn said_by(&self, key: &ProductKey, known: &Known) -> Result<Recall, Failure> {
        let product = self.products.get(key);
        let each = known.doc.as_ref().map(|doc| told(key, product, doc)).unwrap_or_default();
        let said = self.heard_since(key, known.stock_part(), said(product, known.state.as_ref())).await?;
        Ok(Recall { said, each, ..Recall::default() })
    }

    /// A supplier whose product was not heard of for too long may have been heard all the same: a large feed notes nothing of what it repeats, but it
    /// is registered. `part` is the one that owns the stock.
    async fn heard_since(&self, key: &ProductKey, part: Option<PartName>, mut said: Said) -> Result<Said, Failure> {
        if self.settings.of(key.source()).silent(said.heard, self.clock.now_ms()) {
            let version = Version::from_text(said.version.clone());
            let register = lines::register(key.source(), part.as_ref());
            let runs = self.ledger.newer_runs(&register, &version).await.map_err(|error| error.failure())?;
            let times = runs.iter().filter_map(|run| time_of(&run.version));
            said.heard = times.max().map_or(said.heard, |newest| newest.max(said.heard));
        }
        Ok(said)
    }
}

/// What the ledger knows of a product.
#[derive(Default)]
struct Known {
    state: Option<ProductState>,
    /// Where a part owns the stock.
    doc: Option<DesiredDoc>,
}

impl Known {
    fn stock_part(&self) -> Option<PartName> {
        self.state.as_ref()?.lines.as_ref()?.stock.clone()
    }
}

/// An inventory item that goes from one product of the shop to another takes along what was done
/// with it last.
fn take_over(book: &mut Book, other: Option<&Book>) {
    for (item, applied) in other.iter().flat_map(|book| &book.0) {
        book.take_over(item, applied);
    }
}

/// What is remembered, read.
///
/// # Errors
/// Permanent, when it is not what was written.
fn read(key: &ProductKey, json: &[u8]) -> Result<Book, Failure> {
    if json.is_empty() {
        return Ok(Book::default());
    }
    serde_json::from_slice(json).map_err(|error| unreadable(key, &error))
}

fn unreadable(key: &ProductKey, error: &serde_json::Error) -> Failure {
    let source = ledger::core::BodyError::Compression(std::io::Error::other(error.to_string()));
    LedgerError::Damaged { key: format!("{key} (stock)"), source }.failure()
}

fn time_of(version: &Version) -> Option<i64> {
    i64::try_from(version.object_time_ms()?).ok()
}

/// What a document says of each variant, beside what the PIM holds.
fn told(key: &ProductKey, product: Option<&PimProduct>, doc: &DesiredDoc) -> BTreeMap<String, Told> {
    let newer = product.and_then(|product| product.source_version.as_ref()) != Some(&doc.version);
    let each = doc.product.variants.iter().filter_map(|variant| {
        let at = doc.product.stock_said.get(&variant.sku).and_then(time_of)?;
        Some((variant.sku.clone(), Told { pieces: i64::from(variant.stock.max(0)), at, newer }))
    });
    Recall::each(key, each)
}

/// What the document that the PIM holds says of its figures. A product that people made has no document: its figures are as old as its last save.
fn said(product: Option<&PimProduct>, state: Option<&ProductState>) -> Said {
    let edited = product.map_or(0, |product| product.modified.saturating_mul(1000));
    let version = product.and_then(|product| product.source_version.as_ref());
    let at = version.and_then(time_of).unwrap_or(edited);
    let noted = state.and_then(|state| state.version.as_ref()).and_then(time_of).unwrap_or(at);
    Said { version: version.map(ToString::to_string).unwrap_or_default(), at, edited, heard: noted.max(at) }
}

#[cfg(test)]
mod tests {
    use ledger::core::Item;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_figure_is_as_old_as_the_document_and_heard_of_when_it_was_last_repeated() {
        let old = Version::new(1_000_000, "0", 0);
        let state = |version: &Version| {
            let item: Item = [("version".to_owned(), version.as_str().into())].into();
            ProductState::of(&item)
        };
        let newer = state(&Version::new(9_000_000, "0", 0));
        let product = crate::map::tests::product();
        let of = |version: Option<Version>, modified, state: Option<&ProductState>| {
            said(Some(&PimProduct { source_version: version, modified, ..product.clone() }), state)
        };
        let fed = of(Some(old.clone()), 1_500, Some(&newer));
        assert_eq!((fed.at, fed.edited, fed.heard), (1_000_000, 1_500_000, 9_000_000));
        assert_eq!(of(Some(old), 1_500, None).heard, 1_000_000);
        let made = of(None, 1_500, None);
        assert_eq!((made.at, made.heard, made.version.as_str()), (1_500_000, 1_500_000, ""));
    }

    #[test]
    fn each_figure_of_a_document_has_its_own_time_and_is_known_to_be_newer_than_what_the_pim_holds() {
        let key: ProductKey = "demo:1".parse().unwrap();
        let (old, new) = (Version::new(1_000_000, "0", 0), Version::new(9_000_000, "0", 0));
        let variant = |sku: &str, stock: i32| json!({"sku": sku, "title": sku, "prices": [], "stock": stock});
        let said = json!({"source": "demo", "id": "1", "name": {"en": "Kettle"}, "variants": [variant("S", 8), variant("M", -4), variant("L", 2)],
            "stockSaid": {"S": old, "M": new}});
        let product: catalog::Product = serde_json::from_value(said).unwrap();
        let hash = catalog::ContentHash::of(&product);
        let doc = DesiredDoc { product, version: new.clone(), hash, run: String::new(), provenance: String::new() };
        let pim =
            |version: &Version| PimProduct { source_version: Some(version.clone()), ..crate::map::tests::product() };
        let each = told(&key, Some(&pim(&new)), &doc);
        let of = |pieces, at, newer| Some(Told { pieces, at, newer });
        assert_eq!(
            (each.get("S").cloned(), each.get("M").cloned()),
            (of(8, 1_000_000, false), of(0, 9_000_000, false))
        );
        assert_eq!(each.get("L"), None, "of before: as old as the document");
        assert_eq!(told(&key, Some(&pim(&old)), &doc).get("M").cloned(), of(0, 9_000_000, true));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let key: ProductKey = "demo:1".parse().unwrap();
        assert_eq!(read(&key, b"").unwrap(), Book::default());
        let failure = read(&key, b"{").unwrap_err();
        assert_eq!(failure.code, "ledger_item_damaged");
        assert!(failure.message.contains("demo:1 (stock)"), "{}", failure.message);
    }
}
