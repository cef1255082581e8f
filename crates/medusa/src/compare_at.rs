//! "Was SAR 28.00": how a storefront learns the price before a reduction.
//!
//! Medusa has no field for it. It has price lists of the type *sale*: a variant's own price is then
//! the price before, the list's entry is what one pays, and the storefront is given both
//! (`original_amount`, `calculated_amount`). This module keeps one such list for each currency of
//! the store. Ours carry [`KEY`] in their metadata; all other price lists belong to people.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::time::{Duration, Instant};

use catalog::Failure;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::model::{Metadata, Ref};
use crate::api::{ApiError, Medusa};

/// The metadata key of a list that is ours; its value is the currency in lower case.
pub const KEY: &str = "relay_compare_at";
/// Price lists that are looked at. More of them than any shop has.
const MOST_LISTS: &str = "10000";
/// How long a list that somebody creates at the same time may take to appear.
const CREATION: Duration = Duration::from_secs(2);

/// Where list prices go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CompareAt {
    /// Only into the variant's metadata. Nothing that happens to a price list can change what a
    /// customer pays.
    #[default]
    Metadata,
    /// Also into managed price lists, so that every storefront shows them.
    PriceLists,
}

impl FromStr for CompareAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "metadata" => Ok(Self::Metadata),
            "price-list" => Ok(Self::PriceLists),
            other => Err(format!("must be metadata or price-list, got: {other:?}")),
        }
    }
}

/// Our price lists in the shop.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PriceLists {
    /// Those that reduced prices are kept in, at most one for each currency.
    pub in_use: Vec<PriceList>,
    /// Those that are to hold nothing any more: of a currency that the store no longer sells in, of
    /// another mode, or a double.
    pub retired: Vec<String>,
}

/// A price list of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PriceList {
    /// Lower case.
    pub currency: String,
    /// `plist_…`
    pub id: String,
}

impl PriceLists {
    /// The list of a currency.
    #[must_use]
    pub fn of(&self, currency: &str) -> Option<&PriceList> {
        self.in_use.iter().find(|list| list.currency == currency)
    }

    /// Whether the shop has no list of ours.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.in_use.is_empty() && self.retired.is_empty()
    }
}

impl CompareAt {
    /// Finds our price lists. With [`CompareAt::PriceLists`] there is one for each of `currencies`
    /// afterwards, of the type sale, in effect at all times and for everybody, whatever people made
    /// of it.
    ///
    /// # Errors
    /// Transient, when the shop cannot be reached.
    pub async fn prepare(
        self,
        medusa: &Medusa,
        currencies: &BTreeSet<String>,
        deadline: Instant,
    ) -> Result<PriceLists, Failure> {
        let mut rows = ours(medusa, deadline).await?;
        if self == Self::PriceLists {
            let lacking: Vec<&String> =
                currencies.iter().filter(|currency| !rows.iter().any(|row| row.is_of(currency))).collect();
            if !lacking.is_empty() {
                let created = create(medusa, &lacking, deadline).await?;
                // Another function may be at the same point. Medusa guards no list against a second
                // one, so both wait until the other's must have appeared, take the older one, and
                // remove their own if it is the younger.
                tokio::time::sleep(CREATION).await;
                rows = ours(medusa, deadline).await?;
                let chosen = choose(&rows, currencies);
                for id in created.into_iter().filter(|id| !chosen.in_use.iter().any(|list| list.id == *id)) {
                    tracing::info!(list = id, "another function made the same price list first: removing ours");
                    medusa.delete(&format!("/admin/price-lists/{id}"), deadline).await?;
                    rows.retain(|row| row.id != id);
                }
            }
        }
        let chosen = match self {
            Self::PriceLists => choose(&rows, currencies),
            Self::Metadata => choose(&rows, &BTreeSet::new()),
        };
        for row in rows.iter().filter(|row| chosen.in_use.iter().any(|list| list.id == row.id)) {
            row.put_right(medusa, deadline).await?;
        }
        Ok(chosen)
    }
}

/// Of several lists of one currency the oldest counts, for everybody; ids sort by time.
fn choose(rows: &[Row], currencies: &BTreeSet<String>) -> PriceLists {
    let mut lists = PriceLists::default();
    let mut rows: Vec<&Row> = rows.iter().collect();
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    for row in rows {
        match currencies.iter().find(|currency| row.is_of(currency)) {
            Some(currency) if lists.of(currency).is_none() => {
                lists.in_use.push(PriceList { currency: currency.clone(), id: row.id.clone() });
            }
            _ => lists.retired.push(row.id.clone()),
        }
    }
    lists.in_use.sort_by(|a, b| a.currency.cmp(&b.currency));
    lists
}

async fn ours(medusa: &Medusa, deadline: Instant) -> Result<Vec<Row>, ApiError> {
    let fields = "id,type,status,starts_at,ends_at,metadata,price_list_rules.attribute,price_list_rules.value";
    let Rows { price_lists } =
        medusa.get("/admin/price-lists", &[("fields", fields), ("limit", MOST_LISTS)], deadline).await?;
    Ok(price_lists.into_iter().filter(|row| row.currency().is_some()).collect())
}

async fn create(medusa: &Medusa, currencies: &[&String], deadline: Instant) -> Result<Vec<String>, ApiError> {
    let mut ids = Vec::new();
    for currency in currencies {
        let code = currency.to_uppercase();
        let body = json!({
            "title": format!("Reduced prices {code} (catalog-relay)"),
            "description": "Kept by catalog-relay: what customers pay where the PIM has a higher list price. Without this list they pay the list price.",
            "type": "sale", "status": "active", "metadata": {KEY: currency},
        });
        let Created { price_list } = medusa.post("/admin/price-lists", &[("fields", "id")], &body, deadline).await?;
        tracing::info!(currency = currency.as_str(), list = price_list.id, "price list made");
        ids.push(price_list.id);
    }
    Ok(ids)
}

#[derive(Deserialize)]
struct Created {
    price_list: Ref,
}

#[derive(Deserialize)]
struct Rows {
    price_lists: Vec<Row>,
}

/// A price list as far as it decides who pays what.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Row {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    status: String,
    starts_at: Option<Value>,
    ends_at: Option<Value>,
    rules: Metadata,
    metadata: Option<Metadata>,
}

impl Row {
    fn currency(&self) -> Option<&str> {
        self.metadata.as_ref()?.get(KEY)?.as_str()
    }

    fn is_of(&self, currency: &str) -> bool {
        self.currency() == Some(currency)
    }

    /// Undoes what people did to it: while the list is not in effect, customers pay the list price.
    async fn put_right(&self, medusa: &Medusa, deadline: Instant) -> Result<(), ApiError> {
        let right = self.kind == "sale"
            && self.status == "active"
            && self.starts_at.as_ref().is_none_or(Value::is_null)
            && self.ends_at.as_ref().is_none_or(Value::is_null)
            && self.rules.is_empty();
        if right {
            return Ok(());
        }
        tracing::warn!(list = self.id, "our price list was not in effect for everybody: putting it right");
        let body = json!({"type": "sale", "status": "active", "starts_at": null, "ends_at": null, "rules": {}});
        let path = format!("/admin/price-lists/{}", self.id);
        let _: IgnoredAny = medusa.post(&path, &[("fields", "id")], &body, deadline).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, currency: &str) -> Row {
        Row { id: id.into(), metadata: Some([(KEY.to_owned(), currency.into())].into()), ..Row::default() }
    }

    #[test]
    fn everybody_chooses_the_oldest_list_of_each_currency_and_the_others_are_retired() {
        let rows = [row("plist_3", "sar"), row("plist_1", "sar"), row("plist_2", "usd"), row("plist_0", "eur")];
        let lists = choose(&rows, &["sar", "usd"].map(str::to_owned).into());
        let ids: Vec<&str> = lists.in_use.iter().map(|list| list.id.as_str()).collect();
        assert_eq!(
            (ids, lists.retired),
            (vec!["plist_1", "plist_2"], vec!["plist_0".to_owned(), "plist_3".to_owned()])
        );
        assert_eq!(choose(&rows, &BTreeSet::new()).retired.len(), 4);
    }

    #[test]
    fn the_setting_is_read_or_refused_by_name() {
        assert_eq!("metadata".parse(), Ok(CompareAt::Metadata));
        assert_eq!("price-list".parse(), Ok(CompareAt::PriceLists));
        assert!("pricelist".parse::<CompareAt>().unwrap_err().contains("\"pricelist\""));
    }
}
