//! Products that already follow `docs/product.schema.json`.

mod record;

use std::borrow::Cow;

use catalog::Product;

use self::record::Record;
use super::{Adapter, all_of, find, parse};
use crate::ids::Ids;
use crate::{Defect, Reason, quality};

/// JSON in the canonical shape itself. `source` names the supplier: `canonical`, or a name that no other adapter claims.
#[derive(Debug, Clone, Copy)]
pub struct Canonical;

impl Adapter for Canonical {
    fn source(&self) -> &'static str {
        "canonical"
    }

    fn json(&self, record: &str) -> Result<Product, Defect> {
        let product = parse::record::<Record<'_>>(record)?.product()?;
        if product.source != self.source() && find(&product.source).is_some() {
            let message = format!("a canonical feed cannot speak for the source {:?}", product.source);
            return Err(Defect::new(Reason::WrongSource, message).path("$.source").value(&product.source));
        }
        quality::checked(product)
    }

    fn recognises(&self, keys: &[Cow<'_, str>]) -> bool {
        all_of(keys, &["source", "id", "name", "variants"])
    }

    fn id_pointer(&self) -> &'static str {
        "/id"
    }

    fn ids(&self) -> Ids {
        Ids::Texts
    }
}
