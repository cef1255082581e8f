//! The codes of this crate's failures.

catalog::codes! {
    LEASE_LOST = "lease_lost",
    LEDGER_DOC_MISSING = "ledger_doc_missing",
    LEDGER_ITEM_DAMAGED = "ledger_item_damaged",
    LEDGER_UNAVAILABLE = "ledger_unavailable",
    PRODUCT_BODY_MISSING = "product_body_missing",
    PRODUCT_BODY_UNAVAILABLE = "product_body_unavailable",
    PRODUCT_TOO_LARGE = "product_too_large",
}
