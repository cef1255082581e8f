//! The codes of this crate's failures.

catalog::codes! {
    ARTICLES_UNREADABLE = "articles_unreadable",
    CONFIGURATION = "configuration",
    LACKS_TOO_MANY = "pimcore_lacks_too_many",
    WATERMARK = "watermark",
}
