//! What a person took off sale in the shop stands.
//!
//! What we made of a product is written on it ([`MADE`]), in the call that also says that it is
//! complete. A difference between that and the shop is a person's doing, because nothing of ours
//! takes a product off sale without writing it there as well. A product that was pushed before
//! there was such a note is adopted as it is found.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::model::{Metadata, Product};
use crate::desired::{Article, PENDING};
use crate::plan::{self, Plan};

/// The product metadata key that says what we made of it.
pub const MADE: &str = "relay_made";

/// What we made of a product.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Made {
    /// `published`, or `draft` after we took it from sale.
    pub status: String,
    /// The channel it was put into.
    pub channel: String,
    /// What one could buy.
    pub skus: BTreeSet<String>,
    /// The images we put, as short digests of their addresses.
    pub images: BTreeSet<String>,
    /// The handle we gave it; `None` where a person had given it one before ([`crate::address`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
    /// The handle that a person gave it since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renamed: Option<String>,
}

impl Made {
    /// What the product says; `None` if it was pushed before it could.
    #[must_use]
    pub fn of(metadata: Option<&Metadata>) -> Option<Self> {
        metadata?.get(MADE).filter(|value| value.is_object()).and_then(|value| Self::deserialize(value).ok())
    }

    /// An article in a channel, and the SKUs that people deleted, so that their absence is still
    /// known for a person's doing.
    #[must_use]
    pub fn published(article: &Article, channel: &str, asides: &[Aside]) -> Self {
        let deleted = asides.iter().filter_map(Aside::sku).map(str::to_owned);
        Self {
            status: "published".into(),
            channel: channel.into(),
            skus: article.variants.iter().map(|variant| variant.sku.clone()).chain(deleted).collect(),
            images: article.images.iter().map(|url| digest(url)).collect(),
            handle: None,
            renamed: None,
        }
    }

    /// The same product, taken from sale by us.
    #[must_use]
    pub fn withdrawn(self) -> Self {
        Self { status: "draft".into(), ..self }
    }

    /// As metadata.
    #[must_use]
    pub fn value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Whether we put this image.
    #[must_use]
    pub fn has_image(&self, url: &str) -> bool {
        self.images.contains(&digest(url))
    }
}

/// Twelve hexadecimal digits: an address can have kilobytes.
fn digest(url: &str) -> String {
    blake3::hash(url.as_bytes()).to_hex()[..12].to_owned()
}

/// Something that a person took off sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Aside {
    /// The product is no longer published.
    Draft,
    /// It was taken out of our sales channel.
    Channel,
    /// It was deleted.
    Deleted {
        /// The id it had.
        id: String,
    },
    /// A variant was deleted.
    Variant {
        /// Its SKU.
        sku: String,
    },
}

impl Aside {
    /// The word for it in the ledger.
    #[must_use]
    pub const fn what(&self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Channel => "channel",
            Self::Deleted { .. } => "deleted",
            Self::Variant { .. } => "variant",
        }
    }

    /// Of which variant.
    #[must_use]
    pub fn sku(&self) -> Option<&str> {
        match self {
            Self::Variant { sku } => Some(sku),
            _ => None,
        }
    }
}

impl std::fmt::Display for Aside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Draft => f.write_str("somebody unpublished it in the shop"),
            Self::Channel => f.write_str("somebody took it out of the sales channel"),
            Self::Deleted { id } => write!(f, "somebody deleted it in the shop ({id})"),
            Self::Variant { sku } => write!(f, "somebody deleted variant {sku} in the shop"),
        }
    }
}

/// What the ledger knows of a product.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Its id in the shop when it was last pushed.
    pub id: Option<String>,
    /// A person wants back what was taken off sale.
    pub released: bool,
    /// It gets a full look whatever a light one shows: something of it was set aside, or time alone
    /// has changed what it should be.
    pub closely: bool,
    /// What it was last made to show is not what it is to show now, so that a light read would only
    /// be one more.
    pub differs: bool,
    /// It is not for sale because the PIM lacks it or its source withdrew it, and not because
    /// people took it off sale there.
    pub vanished: bool,
    /// It is to get the address that it would be given today.
    pub moves: bool,
    /// What it was last made to show, as a marker.
    pub view: Option<String>,
    /// The article that shows it instead, where it is not for sale by itself.
    pub moved_to: Option<String>,
}

/// The product metadata key that says which article shows it instead.
pub const MOVED_TO: &str = "relay_moved_to";

/// What of a product that is there a person took off sale. `new` are the desired variants that are
/// not there.
#[must_use]
pub fn decide(made: Option<&Made>, there: &Product, new: &BTreeSet<&str>, channel: &str, released: bool) -> Vec<Aside> {
    let Some(made) = made.filter(|_| !released) else { return Vec::new() };
    let draft = (made.status == "published" && there.status != "published").then_some(Aside::Draft);
    let ours = there.sales_channels.iter().flatten().any(|there| there.id == channel);
    // A channel that is configured since is nothing that a person took away.
    let left = (made.channel == channel && !ours).then_some(Aside::Channel);
    // What an interrupted push of ours was about to replace is nobody's doing.
    let pending = pending(there.metadata.as_ref());
    let deleted = new.iter().filter(|sku| made.skus.contains(**sku) && !pending.contains(**sku));
    let deleted = deleted.map(|sku| Aside::Variant { sku: (*sku).to_owned() });
    draft.into_iter().chain(left).chain(deleted).collect()
}

/// SKUs that came or went since a push of the product was complete.
pub(crate) fn pending(metadata: Option<&Metadata>) -> BTreeSet<&str> {
    let listed = metadata.and_then(|metadata| metadata.get(PENDING)).and_then(Value::as_array);
    listed.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// [`decide`] for a product as it was read.
pub(crate) fn of(there: &Product, article: &Article, channel: &str, released: bool) -> Vec<Aside> {
    let made = Made::of(there.metadata.as_ref());
    let new = plan::new_skus(article, there);
    decide(made.as_ref(), there, &new, channel, released)
}

/// What is left to sell without the variants that people deleted; `None` if that is nothing.
pub(crate) fn without<'a>(article: &'a Article, asides: &[Aside]) -> Option<Cow<'a, Article>> {
    let deleted: BTreeSet<&str> = asides.iter().filter_map(Aside::sku).collect();
    if deleted.is_empty() {
        return Some(Cow::Borrowed(article));
    }
    let mut rest = article.clone();
    rest.variants.retain(|variant| !deleted.contains(variant.sku.as_str()));
    (!rest.variants.is_empty()).then_some(Cow::Owned(rest))
}

/// Takes out of a plan what would undo a person's act; everything else is kept current.
pub(crate) fn respect(asides: &[Aside], plan: &mut Plan) {
    for aside in asides {
        match aside {
            Aside::Draft => plan.product.status = None,
            Aside::Channel => plan.product.sales_channels = None,
            Aside::Deleted { .. } | Aside::Variant { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::model::Ref;
    use crate::testing::{article, held, key};

    /// What was done, what we made, what is there, what is new, whether it was released, what
    /// follows.
    type Case<'a> = (&'a str, Option<&'a Made>, Product, &'a [&'a str], bool, Vec<Aside>);

    #[test]
    fn what_differs_from_what_we_made_is_a_persons_doing() {
        let made = Made::published(&article(2), "sc_1", &[]);
        let there = held(&key("demo:1"), &article(2));
        let status = |status: &str| Product { status: status.into(), ..there.clone() };
        let channels = |ids: &[&str]| Product {
            sales_channels: ids.iter().map(|id| Some(Ref::to(*id))).collect(),
            ..there.clone()
        };
        let interrupted =
            Product { metadata: Some([(PENDING.to_owned(), serde_json::json!(["demo-1-1"]))].into()), ..there.clone() };
        let withdrawn = made.clone().withdrawn();
        let variant = |sku: &str| Aside::Variant { sku: sku.into() };
        let elsewhere = Made { channel: "sc_old".into(), ..made.clone() };
        let table: [Case<'_>; 12] = [
            ("as we made it", Some(&made), there.clone(), &[], false, vec![]),
            ("unpublished", Some(&made), status("draft"), &[], false, vec![Aside::Draft]),
            ("rejected", Some(&made), status("rejected"), &[], false, vec![Aside::Draft]),
            ("withdrawn by us", Some(&withdrawn), status("draft"), &[], false, vec![]),
            ("released", Some(&made), status("draft"), &[], true, vec![]),
            ("pushed by an older version, or half made", None, status("draft"), &[], false, vec![]),
            ("out of our channel", Some(&made), channels(&["sc_2"]), &[], false, vec![Aside::Channel]),
            ("in a further channel", Some(&made), channels(&["sc_2", "sc_1"]), &[], false, vec![]),
            ("another channel was configured", Some(&elsewhere), channels(&["sc_old"]), &[], false, vec![]),
            ("a variant deleted", Some(&made), there.clone(), &["demo-1-1"], false, vec![variant("demo-1-1")]),
            ("a variant that is new", Some(&made), there.clone(), &["demo-1-9"], false, vec![]),
            ("a variant that we were replacing", Some(&made), interrupted, &["demo-1-1"], false, vec![]),
        ];
        for (what, made, there, new, released, expected) in table {
            let new = new.iter().copied().collect();
            assert_eq!(decide(made, &there, &new, "sc_1", released), expected, "{what}");
        }
    }

    #[test]
    fn a_deleted_variant_is_remembered_and_the_rest_is_sold() {
        let gone = [Aside::Variant { sku: "demo-1-0".into() }];
        let both = article(2);
        let rest = without(&both, &gone).unwrap();
        assert_eq!(rest.variants.len(), 1);
        let made = Made::published(&rest, "sc_1", &gone);
        assert_eq!(Made::of(Some(&[(MADE.to_owned(), made.value())].into())), Some(made.clone()));
        assert!(made.skus.contains("demo-1-0") && made.has_image("https://img.test/a.jpg") && !made.has_image("x"));
        assert_eq!(without(&article(1), &gone), None);
    }
}
