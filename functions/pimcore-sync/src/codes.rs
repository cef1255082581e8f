//! The codes of this crate's failures.

catalog::codes! {
    CONFIGURATION = "configuration",
    LEDGER_DOC_MISSING = "ledger_doc_missing",
    LACKS_TOO_MANY = "pimcore_lacks_too_many",
    WATERMARK = "watermark",
}
