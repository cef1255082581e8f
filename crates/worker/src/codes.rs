//! The codes of this crate's failures.

catalog::codes! {
    BREAKER_OPEN = "breaker_open",
    LEASED = "leased",
    UNKNOWN_PRODUCT = "unknown_product",
}
