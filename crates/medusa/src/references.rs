//! What products refer to in the shop, checked before anything is written.
//!
//! Medusa answers 200 to a product in a channel that does not exist, or stock at a location that
//! does not: the product is then simply not for sale. So the configured ids are looked up once, and
//! what is wrong is named.

use std::collections::BTreeSet;
use std::time::Instant;

use catalog::{Failure, Languages};
use serde::{Deserialize, Serialize};

use crate::address::HandleTemplate;
use crate::api::model::Ref;
use crate::api::{ApiError, Medusa, Refusal};
use crate::articles::Articles;
use crate::compare_at::PriceLists;
use crate::plan::RETENTION;
use crate::stock::{StockSettings, Terms};
use crate::{codes, said};

/// Where products are put. Every id was found in the shop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct References {
    /// The channel that products are sold in.
    pub sales_channel_id: String,
    /// The location that holds the stock; linked to the channel.
    pub stock_location_id: String,
    /// How products are shipped; without one, checkout fails.
    pub shipping_profile_id: String,
    /// Currencies that the store supports, in lower case.
    pub currencies: BTreeSet<String>,
    /// Languages that the store supports, such as `ar-SA`.
    pub locales: BTreeSet<String>,
    /// Whether the translation module is on.
    pub translations: bool,
    /// Our price lists; none as long as [`crate::CompareAt::prepare`] has not been asked for them.
    pub price_lists: PriceLists,
    /// How the figures of each source become stock; as nothing is configured, as long as
    /// [`Self::stock_as`] has not been told.
    pub stock: StockSettings,
    /// The languages that the shop shows, in the order in which they stand in for each other.
    pub languages: Languages,
    /// How long (ms) a variant is kept, sold out, that the PIM no longer has.
    pub retention: i64,
    /// How long (ms) a product is kept as a draft that vanished; 0: for ever.
    pub product_retention: i64,
    /// What the handle of a new product is made of.
    pub handles: HandleTemplate,
    /// Which groups are one product.
    pub articles: Articles,
}

/// The part of the references that decides what is written, for the marker.
#[derive(Serialize)]
pub(crate) struct Placing<'a> {
    channel: &'a str,
    location: &'a str,
    profile: &'a str,
    translations: bool,
    /// Left out where nothing is configured, so that what was marked before there were settings
    /// stays marked.
    #[serde(skip_serializing_if = "is_default")]
    stock: &'a Terms,
}

fn is_default(terms: &&Terms) -> bool {
    **terms == Terms::default()
}

impl References {
    /// Looks everything up. `shipping_profile_id` is optional: without it the store's default
    /// profile is taken.
    ///
    /// Fails with a transient [`Failure`], because none of this is a product's fault: messages wait
    /// until it is corrected.
    pub async fn check(
        medusa: &Medusa,
        sales_channel_id: &str,
        stock_location_id: &str,
        shipping_profile_id: Option<&str>,
        deadline: Instant,
    ) -> Result<Self, Failure> {
        let _: ChannelReply = named(
            medusa.get(&format!("/admin/sales-channels/{sales_channel_id}"), &[("fields", "id")], deadline).await,
            "sales channel",
            sales_channel_id,
        )?;
        linked(medusa, stock_location_id, sales_channel_id, deadline).await?;
        let shipping_profile_id = profile(medusa, shipping_profile_id, deadline).await?;
        let StoresReply { stores } = medusa
            .get(
                "/admin/stores",
                &[("fields", "id,supported_currencies.currency_code,supported_locales.locale_code")],
                deadline,
            )
            .await?;
        let store = stores.into_iter().next().ok_or_else(|| wrong("Medusa has no store".to_owned()))?;
        let currencies: BTreeSet<String> =
            store.supported_currencies.into_iter().map(|currency| currency.currency_code.to_lowercase()).collect();
        if currencies.is_empty() {
            return Err(wrong("the store supports no currency; add SAR and USD under Settings, Store".to_owned()));
        }
        Ok(Self {
            sales_channel_id: sales_channel_id.to_owned(),
            stock_location_id: stock_location_id.to_owned(),
            shipping_profile_id,
            currencies,
            locales: store.supported_locales.into_iter().map(|locale| locale.locale_code).collect(),
            translations: translations(medusa, deadline).await?,
            price_lists: PriceLists::default(),
            stock: StockSettings::default(),
            languages: Languages::default(),
            retention: RETENTION,
            product_retention: 0,
            handles: HandleTemplate::default(),
            articles: Articles::default(),
        })
    }

    /// Uses these settings for stock, once the locations that they name have been found in the
    /// shop.
    ///
    /// # Errors
    /// Transient, as [`Self::check`]'s.
    pub async fn stock_as(
        &mut self,
        settings: &StockSettings,
        medusa: &Medusa,
        deadline: Instant,
    ) -> Result<(), Failure> {
        for (source, location) in settings.locations() {
            let found = linked(medusa, location, &self.sales_channel_id, deadline).await;
            found.map_err(|mut failure| {
                failure.message = format!("{} (Stock, {source})", failure.message);
                failure
            })?;
        }
        self.stock = settings.clone();
        Ok(())
    }

    /// The store's locale for a language tag: `ar` gives `ar-SA` where the store supports it.
    #[must_use]
    pub fn locale(&self, language: &str) -> Option<&str> {
        let same = |locale: &&String| {
            locale.as_str() == language
                || locale.split('-').next() == Some(language.split('-').next().unwrap_or(language))
        };
        self.locales.iter().find(same).map(String::as_str)
    }

    pub(crate) fn placing(&self, source: &str) -> Placing<'_> {
        Placing {
            channel: &self.sales_channel_id,
            location: &self.stock_location_id,
            profile: &self.shipping_profile_id,
            translations: self.translations,
            stock: self.stock.of(source),
        }
    }
}

/// A stock location that is there and linked to the channel.
async fn linked(medusa: &Medusa, id: &str, sales_channel_id: &str, deadline: Instant) -> Result<(), Failure> {
    let query = [("fields", "id,name,sales_channels.id")];
    let found = medusa.get(&format!("/admin/stock-locations/{id}"), &query, deadline).await;
    let LocationReply { stock_location } = named(found, "stock location", id)?;
    if stock_location.sales_channels.iter().flatten().any(|channel| channel.id == sales_channel_id) {
        return Ok(());
    }
    Err(wrong(format!(
        "stock location {id} ({}) is not linked to sales channel {sales_channel_id}, so nothing could be put into a cart; link \
         them in Medusa under Settings, Locations",
        stock_location.name
    )))
}

async fn profile(medusa: &Medusa, wanted: Option<&str>, deadline: Instant) -> Result<String, Failure> {
    let ProfilesReply { shipping_profiles } =
        medusa.get("/admin/shipping-profiles", &[("fields", "id,type"), ("limit", "100")], deadline).await?;
    let found = match wanted {
        Some(id) => shipping_profiles.iter().find(|profile| profile.id == id),
        None => shipping_profiles
            .iter()
            .find(|profile| profile.kind.as_deref() == Some("default"))
            .or_else(|| shipping_profiles.first().filter(|_| shipping_profiles.len() == 1)),
    };
    found.map(|profile| profile.id.clone()).ok_or_else(|| match wanted {
        Some(id) => wrong(format!("there is no shipping profile: {id}")),
        None => wrong("there is no shipping profile of type default; create one, or configure which to use".to_owned()),
    })
}

/// The route exists only where the module is on.
async fn translations(medusa: &Medusa, deadline: Instant) -> Result<bool, ApiError> {
    let answer: Result<serde::de::IgnoredAny, _> =
        medusa.get("/admin/locales", &[("limit", "1"), ("fields", "code")], deadline).await;
    match answer {
        Ok(_) => Ok(true),
        Err(ApiError::Refused { refusal: Refusal::Missing, .. }) => Ok(false),
        Err(other) => Err(other),
    }
}

fn named<T>(answer: Result<T, ApiError>, what: &str, id: &str) -> Result<T, Failure> {
    answer.map_err(|error| match error.refusal() {
        Some(Refusal::Missing) => wrong(format!("there is no {what}: {id}")),
        _ => error.into(),
    })
}

fn wrong(what: String) -> Failure {
    said::transient(codes::WRONG_REFERENCE, format!("the shop's configuration does not fit this stack: {what}"))
}

#[derive(Deserialize)]
struct ChannelReply {
    #[serde(rename = "sales_channel")]
    _channel: Ref,
}

#[derive(Deserialize)]
struct LocationReply {
    stock_location: Location,
}

#[derive(Deserialize)]
struct Location {
    #[serde(default)]
    name: String,
    #[serde(default)]
    sales_channels: Vec<Option<Ref>>,
}

#[derive(Deserialize)]
struct ProfilesReply {
    shipping_profiles: Vec<Profile>,
}

#[derive(Deserialize)]
struct Profile {
    id: String,
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
struct StoresReply {
    stores: Vec<Store>,
}

#[derive(Deserialize)]
struct Store {
    #[serde(default)]
    supported_currencies: Vec<Currency>,
    #[serde(default)]
    supported_locales: Vec<Locale>,
}

#[derive(Deserialize)]
struct Currency {
    currency_code: String,
}

#[derive(Deserialize)]
struct Locale {
    locale_code: String,
}

#[cfg(test)]
mod tests {
    use crate::testing::references;

    #[test]
    fn a_language_finds_the_stores_locale() {
        let here = references();
        assert_eq!(here.locale("ar"), Some("ar-SA"));
        assert_eq!(here.locale("en"), Some("en-US"));
        assert_eq!(here.locale("fr"), None);
    }
}
