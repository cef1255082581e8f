//! Bar codes that somebody else has.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde::Deserialize;

use super::{Offer, Shop};
use crate::api::{ApiError, split_query};
use crate::columns;

/// Each of the three columns is unique by itself, and people may have filled in one alone.
const FIELDS: &str = "sku,barcode,ean,upc";

#[derive(Deserialize)]
struct Holders {
    variants: Vec<Holder>,
}

#[derive(Deserialize)]
struct Holder {
    sku: Option<String>,
    barcode: Option<String>,
    ean: Option<String>,
    upc: Option<String>,
}

impl Shop {
    /// By offer, the SKUs of those variants whose bar code is another variant's. Costs nothing where no offer has a code.
    pub(super) async fn codes_of_others(
        &self,
        offers: &[Offer<'_>],
        deadline: Instant,
    ) -> Result<BTreeMap<usize, BTreeSet<String>>, ApiError> {
        let wanted: BTreeSet<&str> =
            offers.iter().flat_map(|offer| columns::codes(offer.article)).map(|(code, _)| code).collect();
        let mut held = BTreeMap::new();
        let wanted: Vec<&str> = wanted.into_iter().collect();
        for filter in ["barcode[]", "ean[]", "upc[]"] {
            for chunk in split_query(filter, &wanted) {
                let limit = chunk.len().to_string();
                let mut query: Vec<(&str, &str)> = chunk.into_iter().map(|code| (filter, code)).collect();
                query.extend([("fields", FIELDS), ("limit", limit.as_str())]);
                let Holders { variants } = self.medusa.get("/admin/product-variants", &query, deadline).await?;
                for Holder { sku, barcode, ean, upc } in variants {
                    for code in [barcode, ean, upc].into_iter().flatten() {
                        held.insert(code, sku.clone().unwrap_or_default());
                    }
                }
            }
        }
        let mut claimed = BTreeSet::new();
        Ok(offers.iter().map(|offer| (offer.slot, columns::not_free(offer.article, &held, &mut claimed))).collect())
    }
}
