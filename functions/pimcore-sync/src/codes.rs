//! The codes of this crate's failures.

catalog::codes! {
    CONFIGURATION = "configuration",
    LEDGER_DOC_MISSING = "ledger_doc_missing",
    WATERMARK = "watermark",
}
