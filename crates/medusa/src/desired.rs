//! What the shop should have.

use std::collections::{BTreeMap, BTreeSet};

use catalog::{Failure, ProductKey};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::Value;

use crate::api::Amount;
use crate::codes;
use crate::columns::{self, Columns};
use crate::compare_at::{PriceList, PriceLists};
use crate::references::References;

/// The product metadata key that says which state of the PIM the product was last made equal to. It
/// is written last and taken away before a change that takes several calls, so a product that
/// carries it is complete.
pub const MARKER: &str = "relay_state";
/// The product metadata key that lists the SKUs which come or go while a product changes. Only an
/// interrupted product carries it: it tells the next delivery which inventory items may have been
/// left behind.
pub const PENDING: &str = "relay_pending";
/// The product metadata key that says what the product has in the managed price lists, as a hash;
/// absent where it is in none.
pub const ON_SALE: &str = "relay_on_sale";
/// The variant metadata key with the prices before the reduction, by currency.
pub const LIST_PRICES: &str = "relay_list_prices";
/// The product metadata key with the options and their values in the PIM's order, which Medusa
/// keeps for neither.
pub const ORDER: &str = "relay_options";
/// Our metadata keys begin with this. All others belong to people.
pub const OURS: &str = "relay_";
/// Counted up when the same desired state is written differently, so that everything is looked at
/// again.
const REVISION: &str = "3";
/// The one before. It wrote the same, but noted less ([`crate::left`]).
const BEFORE: &str = "2";

/// One product as the shop should have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// Which.
    pub key: ProductKey,
    /// Whether and how it is offered.
    pub presence: Presence,
}

/// Whether and how a product is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// For sale as described.
    Offered(Box<Article>),
    /// Not for sale. A product that is in the shop becomes a draft and otherwise stays as it is:
    /// nobody's cart or order loses it, and it comes back under the same id. One that is not there
    /// is not created.
    Withheld,
}

/// What is for sale.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Article {
    /// Base title.
    pub title: String,
    /// Base description; safe HTML.
    pub description: String,
    /// Texts in other languages, by locale such as `ar-SA`.
    pub translations: BTreeMap<String, Texts>,
    /// Names of the axes on which variants differ; never empty, because Medusa demands one.
    pub options: Vec<String>,
    /// What one can buy, in order; never empty.
    pub variants: Vec<Variant>,
    /// Addresses in order, each once; the first is the main one.
    pub images: Vec<String>,
    /// Medusa's ids of the categories.
    pub categories: BTreeSet<String>,
    /// Product metadata; every key begins with [`OURS`].
    pub metadata: BTreeMap<String, Value>,
    /// Medusa's own columns of what trade needs to know.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: Columns,
    /// Members that cannot be read just now: what the shop shows of them stays, and so does what is
    /// the article's own.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub stays: BTreeSet<String>,
}

/// Texts of a product in one language. An empty one falls back to the base language.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Texts {
    /// Title.
    pub title: String,
    /// Description; safe HTML.
    pub description: String,
}

/// What one can buy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Variant {
    /// Unique in the shop.
    pub sku: String,
    /// Such as "Black / S".
    pub title: String,
    /// One value for each of the article's options, in their order.
    pub options: Vec<String>,
    /// What one pays in major units, by currency in lower case; never empty.
    pub prices: BTreeMap<String, Decimal>,
    /// What one paid before, by currency in lower case. One that is not above the price says
    /// nothing and is ignored.
    pub list_prices: BTreeMap<String, Decimal>,
    /// Pieces available.
    pub stock: i64,
    /// Variant metadata; every key begins with [`OURS`].
    pub metadata: BTreeMap<String, Value>,
    /// Medusa's own columns of what trade needs to know.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: Columns,
    /// The inventory item that it takes over where it is new, from a variant that was elsewhere.
    /// How it gets there is no part of what it is to be.
    #[serde(skip)]
    pub item: Option<String>,
}

impl Variant {
    /// The price before the reduction in this currency, if there is a reduction.
    #[must_use]
    pub fn list_price(&self, currency: &str) -> Option<Decimal> {
        let price = self.prices.get(currency)?;
        self.list_prices.get(currency).copied().filter(|list| list > price)
    }

    /// The metadata that the shop should have under our keys.
    #[must_use]
    pub fn facts(&self) -> BTreeMap<String, Value> {
        let before: BTreeMap<&String, String> = self
            .prices
            .keys()
            .filter_map(|currency| Some((currency, self.list_price(currency)?.to_string())))
            .collect();
        let before = (!before.is_empty()).then(|| (LIST_PRICES.to_owned(), serde_json::json!(before)));
        self.metadata.clone().into_iter().chain(before).chain(columns::listed(&self.columns)).collect()
    }
}

impl Article {
    /// The only option of a product that has no choice.
    pub const NO_CHOICE: (&'static str, &'static str) = ("Option", "Default");

    /// A digest of what a light read shows of it beside the marker.
    #[must_use]
    pub fn face(&self) -> String {
        face(&self.title, self.images.first().map(String::as_str))
    }

    /// The values of option `index`, each once, in the order of the variants.
    #[must_use]
    pub fn values_of(&self, index: usize) -> Vec<&str> {
        let mut seen = BTreeSet::new();
        self.variants
            .iter()
            .filter_map(|variant| variant.options.get(index))
            .map(String::as_str)
            .filter(|value| seen.insert(*value))
            .collect()
    }

    /// The product metadata that the shop should have under our keys, apart from those that say how
    /// far a push came.
    #[must_use]
    pub fn facts(&self) -> BTreeMap<String, Value> {
        let option = |(n, title): (usize, &String)| serde_json::json!({"title": title, "values": self.values_of(n)});
        let order: Vec<Value> = self.options.iter().enumerate().map(option).collect();
        let order = (self.options != [Self::NO_CHOICE.0]).then(|| (ORDER.to_owned(), order.into()));
        self.metadata.clone().into_iter().chain(order).chain(columns::listed(&self.columns)).collect()
    }

    /// A variant's option values by option name, as Medusa wants them.
    #[must_use]
    pub fn named_options(&self, variant: &Variant) -> BTreeMap<String, String> {
        self.options.iter().cloned().zip(variant.options.iter().cloned()).collect()
    }

    /// Refuses what Medusa would refuse, or accept and then sell wrongly (it takes negative prices,
    /// variants without options and two variants with the same ones).
    pub fn check(&self, key: &ProductKey) -> Result<(), Failure> {
        let refuse = |code: &str, what: String| Err(Failure::permanent(code, format!("{key}: {what}")));
        if self.title.is_empty() {
            return refuse(
                codes::NO_TITLE,
                "the title is empty in every language; give it a name in the PIM".to_owned(),
            );
        }
        if self.variants.is_empty() {
            return refuse(codes::NO_VARIANT, "it has no variant, so nothing can be sold".to_owned());
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = self.options.iter().find(|name| name.is_empty() || !names.insert(name.as_str())) {
            return refuse(codes::BAD_OPTION, format!("every option needs a name of its own, got: {twice:?}"));
        }
        let (mut skus, mut choices) = (BTreeSet::new(), BTreeMap::new());
        for variant in &self.variants {
            let sku = &variant.sku;
            if sku.is_empty() || !skus.insert(sku) {
                return refuse(codes::BAD_SKU, format!("every variant needs a SKU of its own, got: {sku:?}"));
            }
            if variant.options.len() != self.options.len() || variant.options.iter().any(String::is_empty) {
                return refuse(
                    codes::BAD_OPTION,
                    format!("variant {sku} needs a value for each of {:?}, got: {:?}", self.options, variant.options),
                );
            }
            if let Some(other) = choices.insert(&variant.options, sku) {
                return refuse(
                    codes::SAME_OPTIONS,
                    format!("variants {other} and {sku} have the same option values: {:?}", variant.options),
                );
            }
            if variant.prices.is_empty() {
                return refuse(
                    codes::NO_PRICE,
                    format!(
                        "variant {sku} has no price in a currency the shop sells in; add one, or the currency to the store"
                    ),
                );
            }
            if let Some((currency, amount)) = variant.prices.iter().find(|(_, amount)| amount.is_sign_negative()) {
                return refuse(codes::BAD_PRICE, format!("variant {sku} has a negative {currency} price: {amount}"));
            }
        }
        Ok(())
    }
}

impl Desired {
    /// 32 hexadecimal digits that change whenever anything about the desired state changes, or
    /// where it is to be put.
    #[must_use]
    pub fn marker(&self, references: &References) -> String {
        self.marker_as(REVISION, references)
    }

    /// The marker that the version before gave to the same state.
    #[must_use]
    pub(crate) fn marker_before(&self, references: &References) -> String {
        self.marker_as(BEFORE, references)
    }

    fn marker_as(&self, revision: &str, references: &References) -> String {
        let mut hasher = blake3::Hasher::new();
        let article = match &self.presence {
            Presence::Offered(article) => Some(article),
            Presence::Withheld => None,
        };
        // The lists of other currencies are nothing to this product.
        let on_sale = |list: &&PriceList| {
            article.is_some_and(|article| article.variants.iter().any(|v| v.list_price(&list.currency).is_some()))
        };
        let lists: Vec<&PriceList> = references.price_lists.in_use.iter().filter(on_sale).collect();
        let said = (revision, references.placing(self.key.source()), lists, article);
        // Writing to a hasher cannot fail, and every map has text keys.
        serde_json::to_writer(&mut hasher, &said).unwrap_or_else(|error| unreachable!("always JSON: {error}"));
        hasher.finalize().to_hex()[..32].to_owned()
    }
}

/// A digest of what people see first of a product, and change most easily.
pub(crate) fn face(title: &str, image: Option<&str>) -> String {
    let said = format!("{title}\n{}", image.unwrap_or_default());
    blake3::hash(said.as_bytes()).to_hex()[..16].to_owned()
}

/// The amounts that everybody pays for a variant without any price list. Where a list reduces the
/// price, that is the price before.
pub(crate) fn amounts<'a>(variant: &'a Variant, lists: &PriceLists) -> BTreeMap<&'a str, Amount> {
    let regular =
        |currency: &str, price: Decimal| lists.of(currency).and_then(|_| variant.list_price(currency)).unwrap_or(price);
    variant.prices.iter().map(|(currency, price)| (currency.as_str(), Amount(regular(currency, *price)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{article, key, references};

    fn desired(article: Article) -> Desired {
        Desired { key: key("demo:1"), presence: Presence::Offered(Box::new(article)) }
    }

    #[test]
    fn a_product_without_facts_has_the_marker_that_it_had_before_there_were_any() {
        assert_eq!(desired(article(2)).marker(&references()), "c6be474f8d14eef7b76bde7952fa0afb");
    }

    #[test]
    fn the_marker_sees_every_change_and_nothing_else() {
        let here = references();
        let marker = desired(article(2)).marker(&here);
        assert_eq!(marker, desired(article(2)).marker(&here));
        let changes: [fn(&mut Article); 9] = [
            |a| drop(a.columns.insert("weight", 5.into())),
            |a| drop(a.variants[0].columns.insert("weight", 5.into())),
            |a| a.title.push('!'),
            |a| a.variants[1].stock = 0,
            |a| a.variants.swap(0, 1),
            |a| a.images.reverse(),
            |a| drop(a.translations.remove("ar-SA")),
            |a| assert!(a.variants[0].prices.remove("usd").is_some()),
            |a| drop(a.metadata.insert("relay_brand".into(), "Other".into())),
        ];
        for (n, change) in changes.iter().enumerate() {
            let mut other = article(2);
            change(&mut other);
            assert_ne!(marker, desired(other).marker(&here), "change {n} went unnoticed");
        }
        let mut elsewhere = references();
        elsewhere.stock_location_id = "sloc_2".into();
        assert_ne!(marker, desired(article(2)).marker(&elsewhere));
    }

    #[test]
    fn what_medusa_would_sell_wrongly_is_refused_with_product_field_and_value() {
        type Spoil = fn(&mut Article);
        let cases: [(Spoil, &str, &str); 8] = [
            (|a| a.title.clear(), "medusa_no_title", "title"),
            (|a| a.variants.clear(), "medusa_no_variant", "no variant"),
            (|a| a.variants[1].sku = a.variants[0].sku.clone(), "medusa_bad_sku", "demo-1-0"),
            (|a| a.variants[1].options = a.variants[0].options.clone(), "medusa_same_options", "demo-1-1"),
            (|a| a.variants[0].options[1].clear(), "medusa_bad_option", "demo-1-0"),
            (|a| a.options[1] = a.options[0].clone(), "medusa_bad_option", "Color"),
            (|a| a.variants[0].prices.clear(), "medusa_no_price", "demo-1-0"),
            (|a| a.variants[0].prices = [("sar".to_owned(), "-1".parse().unwrap())].into(), "medusa_bad_price", "-1"),
        ];
        assert!(article(2).check(&key("demo:1")).is_ok());
        for (spoil, code, shown) in cases {
            let mut bad = article(2);
            spoil(&mut bad);
            let failure = bad.check(&key("demo:1")).unwrap_err();
            assert_eq!(failure.code, code);
            assert!(failure.message.contains("demo:1") && failure.message.contains(shown), "{}", failure.message);
        }
    }
}
