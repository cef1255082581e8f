//! What would become of a feed, without anything being written.

use std::collections::BTreeMap;
use std::sync::Arc;

use catalog::{Line, Product};
use feeds::{Broken, Checkpoint, Limits, Outcome, Progress, Rejection};
use serde::Serialize;

use crate::{Mapping, feed};

/// What became of a feed.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trial {
    /// The products, up to the number that was asked for.
    pub products: Vec<Product>,
    /// The records that were set aside, likewise.
    pub rejected: Vec<Rejection>,
    /// The lines of a declared part, likewise.
    #[serde(skip)]
    pub lines: Vec<Line>,
    /// How many lines there are.
    pub line_count: usize,
    /// How many products there are.
    pub product_count: usize,
    /// How many records were set aside.
    pub rejected_count: usize,
    /// Of so many products each field is filled.
    pub coverage: BTreeMap<&'static str, usize>,
    /// Why the feed could not be read to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken: Option<Broken>,
}

/// The fields of which coverage speaks, in order: name, and whether a product has it.
type Has = fn(&Product) -> bool;
/// See [`Trial::coverage`].
pub const FIELDS: &[(&str, Has)] = &[
    ("description", |product| !product.description.is_empty()),
    ("brand", |product| product.brand.is_some()),
    ("group", |product| product.group.is_some()),
    ("categories", |product| !product.categories.is_empty()),
    ("attributes", |product| !product.attributes.is_empty()),
    ("options", |product| !product.options.is_empty()),
    ("images", |product| {
        !product.images.is_empty() || product.variants.iter().any(|variant| !variant.images.is_empty())
    }),
    ("url", |product| product.url.is_some()),
    ("stock", |product| product.variants.iter().any(|variant| variant.stock > 0)),
    ("list price", |product| {
        product.variants.iter().flat_map(|variant| &variant.prices).any(|price| price.list_amount.is_some())
    }),
    ("facts", |product| product.facts.is_some() || product.variants.iter().any(|variant| variant.facts.is_some())),
    ("withdrawn", |product| product.withdrawn),
];

/// Reads a feed; `keep` products and rejections are kept, the others counted.
#[must_use]
pub fn trial(mapping: &Arc<Mapping>, name: &str, pieces: impl IntoIterator<Item = Vec<u8>>, keep: usize) -> Trial {
    let mut trial = Trial { coverage: FIELDS.iter().map(|(field, _)| (*field, 0)).collect(), ..Trial::default() };
    let mut out = Vec::new();
    let end = feed(None, Arc::clone(mapping), name, Checkpoint::default(), Limits::default())
        .map_err(|error| Broken {
            reason: feeds::Reason::CorruptCompression,
            offset: 0,
            index: 0,
            message: error.to_string(),
            excerpt: None,
        })
        .and_then(|mut feed| {
            for piece in pieces {
                feed.offer(piece);
                while feed.step(&mut out)? == Progress::More {
                    trial.take(&mut out, keep);
                }
                trial.take(&mut out, keep);
            }
            feed.finish(&mut out)
        });
    trial.take(&mut out, keep);
    trial.broken = end.err();
    trial
}

impl Trial {
    fn take(&mut self, out: &mut Vec<Outcome>, keep: usize) {
        for outcome in out.drain(..) {
            match outcome {
                Outcome::Product(mapped) => {
                    self.product_count += 1;
                    for (field, has) in FIELDS {
                        *self.coverage.entry(field).or_default() += usize::from(has(&mapped.product));
                    }
                    if self.products.len() < keep {
                        self.products.push(mapped.product);
                    }
                }
                Outcome::Line(mapped) => {
                    self.line_count += 1;
                    if self.lines.len() < keep {
                        self.lines.push(mapped.line);
                    }
                }
                Outcome::Rejected(rejection, _) => {
                    self.rejected_count += 1;
                    if self.rejected.len() < keep {
                        self.rejected.push(rejection);
                    }
                }
            }
        }
    }
}
