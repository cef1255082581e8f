//! Products that already follow `docs/product.schema.json`.

mod facts;
mod record;

use std::borrow::Cow;

use catalog::Product;

use self::record::Record;
use super::{Adapter, all_of, parse};
use crate::ids::Ids;
use crate::{Defect, Reason, quality};

/// JSON in the canonical shape itself. `source` is `canonical`: a feed speaks for the source of its
/// folder only, because whoever may write there has been given that source and no other.
#[derive(Debug, Clone, Copy)]
pub struct Canonical;

impl Adapter for Canonical {
    fn source(&self) -> &'static str {
        "canonical"
    }

    fn json(&self, record: &str) -> Result<Product, Defect> {
        let product = parse::record::<Record<'_>>(record)?.product()?;
        if product.source != self.source() {
            let message = format!(
                "a feed under incoming/{}/ speaks for that source only, not for {:?}",
                self.source(),
                crate::reason::shorten(&product.source, 60)
            );
            return Err(Defect::new(Reason::WrongSource, message).path("$.source").value(&product.source));
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

    fn ids(&self) -> Ids {
        Ids::Texts
    }
}
