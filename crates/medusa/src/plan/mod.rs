//! The difference between what the shop should have and what it has, as calls.
//!
//! Pure: two values in, a [`Plan`] out. The plan holds the fewest calls that make them equal, in an
//! order in which every call is accepted and every state in between can be sold. Nothing that
//! people added outside our fields is in it.
//!
//! Some changes cannot be planned to the end, because they depend on ids that Medusa hands out (a
//! new variant's inventory item). Such a plan says [`look_again`](Plan::look_again): after its
//! calls the product is read and planned once more. Planning an equal product gives an empty plan,
//! so this comes to rest.

mod apart;
mod codes;
mod kept;
mod options;
mod partial;
pub(crate) mod retired;
mod sale;
pub(crate) mod stays;
mod stock;
#[cfg(test)]
mod tests;
mod variants;

pub use codes::LENT;
pub(crate) use codes::{lend as lend_codes, standing as codes_standing, wanted as codes_wanted};
pub(crate) use kept::DAY;
pub use kept::{GONE, RETENTION, is_gone};
pub(crate) use partial::without;
pub(crate) use sale::entries as sale_entries;
pub use sale::{Entry, Needed, Sale, on_sale};
pub(crate) use stock::location as stock_location;
pub use stock::{Given, Shelf, Shelves};
pub(crate) use variants::create as create_variant;

use std::collections::{BTreeMap, BTreeSet};

use catalog::ProductKey;

use crate::address::{self, Address, REDIRECTS};
use crate::api::model::{
    ImageWrite, Metadata, OptionsBatch, Product, ProductUpdate, Ref, TranslationCreate, TranslationUpdate,
    TranslationsBatch, VariantWrite, VariantsBatch,
};
use crate::aside::{Aside, MADE, Made};
use crate::columns::{self, Columns};
use crate::desired::{Article, MARKER, ON_SALE, OURS, PENDING};
use crate::references::References;

/// What makes one product of the shop equal to the desired one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// Changes in the managed price lists.
    pub sale: Sale,
    /// Changes of options and variants, in this order.
    pub structure: Vec<Structure>,
    /// Fields of the product itself, without the marker.
    pub product: ProductUpdate,
    /// Stock.
    pub stock: Shelves,
    /// Other languages.
    pub translations: TranslationsBatch,
    /// The metadata that says what was made of it, written with everything else done.
    pub done: Metadata,
    /// The product must be read and planned again once `structure` is done.
    pub look_again: bool,
    /// When (ms) to look at it closely although nothing of it changes.
    pub again: Option<i64>,
    /// What an operator should know.
    pub notes: Vec<Note>,
}

/// One call that changes options or variants.
#[derive(Debug, Clone, PartialEq)]
pub enum Structure {
    /// Gives an option another name, keeping its values and all that use them.
    RenameOption {
        /// Which.
        option_id: String,
        /// The new name.
        title: String,
    },
    /// Gives an option's value another name, keeping the variants that use it.
    RenameValue {
        /// Of which option.
        option_id: String,
        /// Which.
        value_id: String,
        /// The new name.
        value: String,
    },
    /// Adds or removes options and values.
    Options(OptionsBatch),
    /// Creates, changes and removes variants.
    Variants(VariantsBatch),
    /// Gives a variant that lost it (or never got it, after a crash) its inventory item.
    Stock {
        /// The variant.
        variant_id: String,
        /// Its SKU.
        sku: String,
    },
    /// Writes an inventory item's columns; Medusa copies a variant's only when it makes the item.
    Item {
        /// The inventory item.
        item_id: String,
        /// What changes.
        columns: Columns,
    },
    /// Lets an inventory item follow its variant's new SKU; Medusa does not.
    RenameItem {
        /// The inventory item.
        item_id: String,
        /// The variant's SKU.
        sku: String,
    },
}

/// What an operator should know about a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A variant that the PIM no longer has stays with stock 0, because an open order holds some of
    /// it.
    KeptForOrders {
        /// Its SKU.
        sku: String,
        /// Pieces promised.
        reserved: i64,
    },
    /// A member's variant waits: beside what stays of an article there is no room for it.
    NoRoom {
        /// Its SKU.
        sku: String,
    },
    /// A person took it off sale in the shop, and it stays so.
    SetAside(Aside),
    /// It had more addresses than are kept: this one leads nowhere any more, and to no other
    /// product either.
    AddressGivenUp {
        /// The oldest.
        handle: String,
    },
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AddressGivenUp { handle } => {
                write!(f, "it had more than {} addresses: {handle} leads nowhere from now on", address::MOST_REDIRECTS)
            }
            Self::NoRoom { sku } => {
                write!(f, "variant {sku} waits: beside what cannot be read in the PIM there is no room for it")
            }
            Self::SetAside(aside) => write!(f, "{aside}: it stays so until it is undone there, or released"),
            Self::KeptForOrders { sku, reserved } => write!(
                f,
                "variant {sku} is gone from the PIM, but open orders hold {reserved} of it: kept with stock 0 until they are fulfilled"
            ),
        }
    }
}

impl Plan {
    /// Whether nothing needs to be done, apart from the marker.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.structure.is_empty() && self.is_one_call() && self.product.is_empty()
    }

    /// SKUs that come or go.
    #[must_use]
    pub fn changing_skus<'a>(&'a self, there: &'a Product) -> BTreeSet<&'a str> {
        let batches = self.structure.iter().filter_map(|step| match step {
            Structure::Variants(batch) => Some(batch),
            _ => None,
        });
        let of_id = |id: &String| there.variants.iter().find(|variant| variant.id == *id)?.sku.as_deref();
        let created = |variant: &'a VariantWrite| variant.sku.as_ref().and_then(Option::as_deref);
        batches
            .flat_map(|batch| batch.delete.iter().filter_map(of_id).chain(batch.create.iter().filter_map(created)))
            .collect()
    }

    /// Whether one update of the product does it all, so that no state in between exists.
    #[must_use]
    pub fn is_one_call(&self) -> bool {
        self.structure.is_empty()
            && self.sale.is_empty()
            && self.stock.due.is_empty()
            && self.translations == TranslationsBatch::default()
    }
}

/// Whether a light look suffices to say that the product is what it should be.
#[must_use]
pub fn looks_equal(key: &ProductKey, article: &Article, marker: &str, there: &Product) -> bool {
    let marked = there.metadata.as_ref().and_then(|metadata| metadata.get(MARKER)).and_then(|value| value.as_str());
    marked == Some(marker)
        && there.status == "published"
        && there.title == article.title
        && there.external_id.as_deref() == Some(key.to_string().as_str())
        && !Address::of(key, there).is_news(there)
        && there.thumbnail.as_deref() == article.images.first().map(String::as_str)
}

/// Whether a product that is not to be sold needs nothing.
#[must_use]
pub fn is_withheld(there: &Product) -> bool {
    there.status != "published"
}

/// What makes `there` equal to `article`. With `full`, what the product notes about its price lists
/// is not believed.
#[must_use]
pub fn plan(
    key: &ProductKey,
    article: &Article,
    there: &Product,
    references: &References,
    known: &Given<'_>,
    full: bool,
) -> Plan {
    let mut plan = Plan { product: product(key, article, there, references, known.moves_to), ..Plan::default() };
    addresses(key, there, &mut plan);
    let mut matched = variants::matched(article, there);
    kept::keep(&mut matched, references.retention, known.now);
    plan.sale = sale::plan(article, there, references, &matched, full);
    if !matched.stays.is_empty() {
        // What stays may have entries in them.
        plan.sale.leave.clear();
    }
    let axes = options::axes(article, there, &matched);
    variants::plan(article, there, references, known, &matched, &axes, &mut plan);
    if references.translations && matched.stays.is_empty() {
        translations(article, there, references, &mut plan.translations);
    }
    plan
}

fn product(
    key: &ProductKey,
    article: &Article,
    there: &Product,
    references: &References,
    moves_to: Option<&str>,
) -> ProductUpdate {
    let mut update = ProductUpdate::of(there.id.as_str());
    let external_id = key.to_string();
    update.handle = moves_to.filter(|handle| *handle != there.handle).map(str::to_owned);
    if there.external_id.as_deref() != Some(external_id.as_str()) {
        update.external_id = Some(external_id);
    }
    if there.status != "published" {
        update.status = Some("published");
    }
    let channels = || there.sales_channels.iter().flatten();
    if !channels().any(|channel| channel.id == references.sales_channel_id) {
        let ours = Ref::to(references.sales_channel_id.as_str());
        update.sales_channels = Some(channels().cloned().chain([ours]).collect());
    }
    // A person may have chosen another profile (bulky goods); only a missing one is ours to set.
    if there.shipping_profile.is_none() {
        update.shipping_profile_id = Some(references.shipping_profile_id.clone());
    }
    if !stays::of(article, there).is_empty() {
        return update;
    }
    if there.title != article.title {
        update.title = Some(article.title.clone());
    }
    if there.description.as_deref().unwrap_or_default() != article.description {
        update.description = Some(article.description.clone());
    }
    let main = article.images.first();
    if there.thumbnail.as_ref() != main {
        update.thumbnail = Some(main.cloned());
    }
    update.images = images(article, there);
    update.categories = categories(article, there);
    update.metadata = metadata(&article.facts(), there.metadata.as_ref());
    update.columns = columns::changes(&columns::SHARED, &article.columns, &there.columns, there.metadata.as_ref());
    update
}

/// The handles that it had lead to it.
fn addresses(key: &ProductKey, there: &Product, plan: &mut Plan) {
    let now = plan.product.handle.as_ref().unwrap_or(&there.handle);
    let kept = address::kept(&Address::of(key, there), there, now);
    plan.product.metadata.extend(kept.list.map(|list| (REDIRECTS.to_owned(), list)));
    plan.notes.extend(kept.given_up.into_iter().map(|handle| Note::AddressGivenUp { handle }));
}

/// Rows whose address stays keep their id, so that what refers to them (a variant's images) stays
/// too. What people added stays in its place.
fn images(article: &Article, there: &Product) -> Option<Vec<ImageWrite>> {
    let mut rows: Vec<_> = there.images.iter().collect();
    rows.sort_by_key(|image| image.rank);
    let mut target: Vec<&String> = article.images.iter().collect();
    if let Some(made) = Made::of(there.metadata.as_ref()) {
        for (place, row) in rows.iter().enumerate() {
            if !made.has_image(&row.url) && !article.images.contains(&row.url) {
                target.insert(place.min(target.len()), &row.url);
            }
        }
    }
    if rows.iter().map(|image| &image.url).eq(target.iter().copied()) {
        return None;
    }
    let mut free: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for image in rows.iter().rev() {
        free.entry(&image.url).or_default().push(&image.id);
    }
    let kept = |url: &String| ImageWrite {
        id: free.get_mut(url.as_str()).and_then(Vec::pop).map(str::to_owned),
        url: url.clone(),
    };
    Some(target.into_iter().map(kept).collect())
}

/// SKUs of the article that no variant has and no variant is to be renamed to.
pub(crate) fn new_skus<'a>(article: &'a Article, there: &Product) -> BTreeSet<&'a str> {
    variants::matched(article, there).new.into_iter().map(|variant| variant.sku.as_str()).collect()
}

/// Ours have an external id of the form `source:id`; a category without one was made in Medusa, and
/// who put the product there may keep it there.
fn categories(article: &Article, there: &Product) -> Option<Vec<Ref>> {
    let ours = |id: Option<&str>| id.is_some_and(|id| id.contains(':'));
    let wanted: BTreeSet<&str> = article.categories.iter().map(String::as_str).collect();
    let now: BTreeSet<&str> = there.categories.iter().map(|category| category.id.as_str()).collect();
    let theirs = there
        .categories
        .iter()
        .filter(|category| !ours(category.external_id.as_deref()))
        .map(|category| category.id.as_str());
    let target: BTreeSet<&str> = wanted.into_iter().chain(theirs).collect();
    (now != target).then(|| target.into_iter().map(Ref::to).collect())
}

/// What has to be sent so that our keys are as wanted: new and changed ones, and an empty text for
/// each one to remove.
fn metadata(wanted: &Metadata, there: Option<&Metadata>) -> Metadata {
    let now = |key: &str| there.and_then(|there| there.get(key));
    let mut changes: Metadata = wanted
        .iter()
        .filter(|(key, value)| now(key) != Some(*value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let gone = there.into_iter().flatten().filter(|(key, value)| {
        key.starts_with(OURS)
            && ![MARKER, PENDING, ON_SALE, MADE, REDIRECTS, LENT].contains(&key.as_str())
            && !wanted.contains_key(*key)
            && !value.is_null()
    });
    changes.extend(gone.map(|(key, _)| (key.clone(), "".into())));
    changes
}

fn translations(article: &Article, there: &Product, references: &References, batch: &mut TranslationsBatch) {
    for locale in &references.locales {
        let wanted = article.translations.get(locale);
        let texts = |pick: fn(&crate::desired::Texts) -> &String| wanted.map(pick).cloned().unwrap_or_default();
        let fields = [("title", texts(|t| &t.title)), ("description", texts(|t| &t.description))];
        let row = there.translations.iter().find(|row| row.locale_code == *locale);
        let now = |field: &str| {
            row.and_then(|row| row.translations.get(field)).and_then(Option::as_deref).unwrap_or_default()
        };
        let changes: BTreeMap<&'static str, String> =
            fields.into_iter().filter(|(field, text)| now(field) != text).collect();
        if changes.is_empty() {
            continue;
        }
        match row {
            Some(row) => batch.update.push(TranslationUpdate { id: row.id.clone(), translations: changes }),
            None => batch.create.push(TranslationCreate {
                reference: "product",
                reference_id: there.id.clone(),
                locale_code: locale.clone(),
                translations: changes,
            }),
        }
    }
}
