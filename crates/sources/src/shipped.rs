//! The mappings that come with it.

use std::sync::{Arc, LazyLock};

use crate::{Bundle, Mapping};

/// File and text of each mapping below `sources/`.
pub const FILES: &[(&str, &str)] = &[
    ("sources/google-merchant-tsv.yaml", include_str!("../../../sources/google-merchant-tsv.yaml")),
    ("sources/google-merchant-xml.yaml", include_str!("../../../sources/google-merchant-xml.yaml")),
    ("sources/medusa-csv.yaml", include_str!("../../../sources/medusa-csv.yaml")),
    ("sources/plain-csv.yaml", include_str!("../../../sources/plain-csv.yaml")),
    ("sources/plain-xlsx.yaml", include_str!("../../../sources/plain-xlsx.yaml")),
    ("sources/shopee-brightdata.yaml", include_str!("../../../sources/shopee-brightdata.yaml")),
    ("sources/shopify-csv.yaml", include_str!("../../../sources/shopify-csv.yaml")),
    ("sources/shopify-json.yaml", include_str!("../../../sources/shopify-json.yaml")),
    ("sources/woocommerce-csv.yaml", include_str!("../../../sources/woocommerce-csv.yaml")),
];

/// Every mapping that comes with it, by source.
pub static ALL: LazyLock<Vec<Arc<Mapping>>> = LazyLock::new(|| {
    // A test demands that each of them can be read.
    FILES.iter().filter_map(|(file, text)| Mapping::read(file, text).ok()).map(Arc::new).collect()
});

/// The mapping of a source.
#[must_use]
pub fn find(source: &str) -> Option<&'static Arc<Mapping>> {
    ALL.iter().find(|mapping| mapping.source() == source)
}

/// The source of each of them.
pub fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().filter_map(|(file, _)| name_of(file))
}

/// Their texts, of a source.
#[must_use]
pub fn bundle(source: &str) -> Option<Bundle> {
    let (file, text) = FILES.iter().find(|(file, _)| name_of(file) == Some(source))?;
    Some(Bundle::new(file, text))
}

fn name_of(file: &'static str) -> Option<&'static str> {
    file.strip_prefix("sources/")?.strip_suffix(".yaml")
}
