//! Products that already follow `docs/product.schema.json`.

use std::borrow::Cow;

use catalog::Product;

use super::{Adapter, all_of, parse};
use crate::{Defect, Reason, quality};

/// JSON in the canonical shape itself. `source` is `canonical`: a feed speaks for the source of its folder only, because whoever may write there has been given
/// that source and no other.
#[derive(Debug, Clone, Copy)]
pub struct Canonical;

impl Adapter for Canonical {
    fn source(&self) -> &'static str {
        "canonical"
    }

    fn json(&self, record: &str) -> Result<Product, Defect> {
        let mut product: Product = parse::record(record)?;
        if product.source != self.source() {
            let message = format!(
                "a feed under incoming/{}/ speaks for that source only, not for {:?}",
                self.source(),
                crate::reason::shorten(&product.source, 60)
            );
            return Err(Defect::new(Reason::WrongSource, message).path("$.source").value(&product.source));
        }
        for variant in &mut product.variants {
            variant.prices.sort_by(|a, b| a.currency.cmp(&b.currency));
            for price in &mut variant.prices {
                // The same form of the same amount as from every other source, so that the content hash agrees.
                price.amount = crate::money::amount(&price.amount.to_string(), &price.currency)
                    .map_err(|defect| defect.path(format!("$.variants[sku={}].prices", variant.sku)))?;
                price.list_amount = price
                    .list_amount
                    .and_then(|list| crate::money::amount(&list.to_string(), &price.currency).ok())
                    .filter(|list| *list > price.amount);
            }
        }
        quality::checked(product)
    }

    fn marks(&self) -> &'static [&'static str] {
        &["source", "id", "name", "variants"]
    }

    fn recognises(&self, keys: &[Cow<'_, str>]) -> bool {
        all_of(keys, &["source", "id", "name", "variants"])
    }

    fn id_pointer(&self) -> &'static str {
        "/id"
    }
}
