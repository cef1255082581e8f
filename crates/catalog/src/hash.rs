//! What a product says, as one short text (D25).

use std::fmt;
use std::io::BufWriter;

use serde::{Deserialize, Serialize};

use crate::Product;

/// Bytes of JSON that are hashed at once.
const PIECE: usize = 16 << 10;

/// 32 lower-case hexadecimal digits: the first 16 bytes of the BLAKE3 hash of the product's
/// canonical JSON.
///
/// Canonical JSON is what `serde_json` writes for [`Product`] without its warnings, `made_skus` and `stock_said`: fields in the
/// order of the type, maps in the order of their keys. 16 bytes keep the chance that any two of a
/// billion products collide below 10⁻²⁰.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContentHash(String);

impl ContentHash {
    /// The hash of what `product` says.
    #[must_use]
    pub fn of(product: &Product) -> Self {
        // JSON is written in small pieces, of each of which a hasher would make much ado.
        let mut writer = BufWriter::with_capacity(PIECE, blake3::Hasher::new());
        // Writing to a hasher cannot fail, and every map in `Product` has text keys.
        serde_json::to_writer(&mut writer, &*product.without_remarks())
            .unwrap_or_else(|error| unreachable!("a product is always JSON: {error}"));
        let hasher = writer.into_inner().unwrap_or_else(|error| unreachable!("a hasher takes all: {error}"));
        Self(hasher.finalize().to_hex()[..32].to_owned())
    }

    /// The hash of what `product` says but for its facts; `None` if it has none. What products said
    /// that came before there were facts.
    #[must_use]
    pub fn before_facts(product: &Product) -> Option<Self> {
        let told = product.facts.is_some() || product.variants.iter().any(|variant| variant.facts.is_some());
        told.then(|| {
            let mut before = product.clone();
            before.facts = None;
            before.variants.iter_mut().for_each(|variant| variant.facts = None);
            Self::of(&before)
        })
    }

    /// A hash read back from a ledger or a target.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
