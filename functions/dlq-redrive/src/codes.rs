//! The codes of this crate's failures.

catalog::codes! {
    MAPPING_UNAVAILABLE = "mapping_unavailable",
}
