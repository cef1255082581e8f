//! The codes of this crate's failures.

catalog::codes! {
    LEASE_LOST = "lease_lost",
    LEDGER_ITEM_DAMAGED = "ledger_item_damaged",
    LEDGER_UNAVAILABLE = "ledger_unavailable",
    PRODUCT_TOO_LARGE = "product_too_large",
}
