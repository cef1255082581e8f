//! The codes of this crate's failures.

catalog::codes! {
    BASELINE_MOVED = "baseline_moved",
    DEADLINE = "deadline",
    MANIFEST_UNREADABLE = "manifest_unreadable",
    S3_UNAVAILABLE = "s3_unavailable",
    WATERMARK = "watermark",
    WITHDRAWAL_REFUSED = "withdrawal_refused",
}
