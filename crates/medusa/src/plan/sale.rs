//! What a product has in the managed price lists.
//!
//! Medusa does not say what a variant has in a list, and a list can hold a hundred thousand
//! entries. So entries are written, never read: writing one is absolute and repeatable, its answer
//! names its id, and a product's entries of a list can be removed without knowing them. What a
//! complete product has is noted on it as a hash.
//!
//! A customer pays the lower of the variant's own price and the entry. The order makes sure that at
//! every moment he pays something between the old and the new price: first the entries get the new
//! price, then the variants their new own price, then entries go that are not needed any more.

use super::kept::has_lent_its_item;
use super::variants::Match;
use crate::api::Amount;
use crate::api::model::Product;
use crate::desired::{Article, MARKER, ON_SALE};
use crate::references::References;

/// Changes in the managed price lists.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sale {
    /// Entries to write before the variants change.
    pub put: Vec<Entry>,
    /// Lists that hold nothing of the product once the variants have changed.
    pub leave: Vec<String>,
    /// The product says that all of this is so already; it is done to make sure, and is no change.
    pub confirmed: bool,
}

/// An entry of a managed price list.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// `plist_…`
    pub list_id: String,
    /// `variant_…`
    pub variant_id: String,
    /// Lower case.
    pub currency: String,
    /// What one pays.
    pub amount: Amount,
    /// How long it is needed.
    pub needed: Needed,
}

/// How long an entry is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needed {
    /// For good: the price is reduced.
    Always,
    /// Until the variants have changed. Nobody knows whether there is one; now there is, it says
    /// the right price, and its id is known.
    UntilChanged,
    /// Not at all: the variant is no longer sold in this currency.
    Never,
}

impl Sale {
    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.confirmed || (self.put.is_empty() && self.leave.is_empty())
    }
}

/// What an article has in the lists, as a hash; `None` if it is in none.
#[must_use]
pub fn on_sale(article: &Article, references: &References) -> Option<String> {
    let mut hasher = blake3::Hasher::new();
    let mut some = false;
    for variant in &article.variants {
        for list in references.price_lists.in_use.iter().filter(|list| variant.list_price(&list.currency).is_some()) {
            let price = variant.prices.get(&list.currency).copied().unwrap_or_default().normalize();
            hasher.update(format!("{}\n{}\n{price}\n", variant.sku, list.id).as_bytes());
            some = true;
        }
    }
    some.then(|| hasher.finalize().to_hex()[..32].to_owned())
}

/// The entries of a new product, whose variants have these ids by SKU.
pub(crate) fn entries<'a>(
    article: &'a Article,
    references: &'a References,
    id_of: impl Fn(&str) -> Option<&'a str> + 'a,
) -> impl Iterator<Item = Entry> {
    article.variants.iter().filter_map(move |variant| Some((variant, id_of(&variant.sku)?))).flat_map(
        |(variant, id)| {
            references.price_lists.in_use.iter().filter_map(|list| {
                variant.list_price(&list.currency)?;
                Some(Entry {
                    list_id: list.id.clone(),
                    variant_id: id.to_owned(),
                    currency: list.currency.clone(),
                    amount: Amount(*variant.prices.get(&list.currency)?),
                    needed: Needed::Always,
                })
            })
        },
    )
}

/// The entries of variants whose SKU and stock are another product's by now: they are not for sale
/// at any price. One without a price of its own has lost its entries before.
fn lent<'a>(
    left: &'a [String],
    references: &'a References,
    matched: &'a Match<'_, '_>,
) -> impl Iterator<Item = Entry> + 'a {
    let lists = references.price_lists.in_use.iter().filter(|list| !left.contains(&list.id));
    let variants = || matched.held.iter().map(|(variant, _)| *variant).filter(|variant| has_lent_its_item(variant));
    lists.flat_map(move |list| {
        variants().filter_map(|variant| {
            let mut own = variant.prices.iter().flatten();
            let own = own.find(|price| price.is_plain() && price.currency_code == list.currency)?;
            Some(Entry {
                list_id: list.id.clone(),
                variant_id: variant.id.clone(),
                currency: list.currency.clone(),
                amount: own.amount,
                needed: Needed::Never,
            })
        })
    })
}

pub(super) fn plan(
    article: &Article,
    there: &Product,
    references: &References,
    matched: &Match<'_, '_>,
    full: bool,
) -> Sale {
    let note = |key: &str| there.metadata.as_ref()?.get(key)?.as_str().filter(|text| !text.is_empty());
    let complete = note(MARKER).is_some();
    let now = note(ON_SALE);
    let confirmed = complete && now == on_sale(article, references).as_deref();
    let lists = &references.price_lists;
    if lists.is_empty() || (confirmed && !full) {
        return Sale::default();
    }
    let mut sale = Sale { confirmed, ..Sale::default() };
    let may_hold = full || !complete || now.is_some();
    for list in &lists.in_use {
        let currency = list.currency.as_str();
        if !article.variants.iter().any(|variant| variant.list_price(currency).is_some()) {
            sale.leave.extend(may_hold.then(|| list.id.clone()));
            continue;
        }
        for (wanted, variant) in matched.kept.iter().filter(|(_, variant)| variant.prices.is_some()) {
            let own = variant.prices.iter().flatten().find(|price| price.is_plain() && price.currency_code == currency);
            let (amount, needed) = match (wanted.prices.get(currency), own) {
                (Some(price), _) if wanted.list_price(currency).is_some() => (Amount(*price), Needed::Always),
                (Some(price), Some(_)) => (Amount(*price), Needed::UntilChanged),
                (None, Some(own)) => (own.amount, Needed::Never),
                // Without a price of its own in this currency it has no entry either: that goes
                // first.
                (_, None) => continue,
            };
            if needed == Needed::Always || may_hold {
                sale.put.push(Entry {
                    list_id: list.id.clone(),
                    variant_id: variant.id.clone(),
                    currency: currency.to_owned(),
                    amount,
                    needed,
                });
            }
        }
    }
    if may_hold {
        sale.put.extend(lent(&sale.leave, references, matched));
        sale.leave.extend(lists.retired.iter().cloned());
    }
    sale
}
