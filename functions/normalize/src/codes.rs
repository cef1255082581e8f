//! The codes of this crate's failures.

catalog::codes! {
    BUCKET_UNAVAILABLE = "bucket_unavailable",
    DECODER_UNAVAILABLE = "decoder_unavailable",
    EMPTY_KEY = "empty_key",
    KEY_OUTSIDE_INCOMING = "key_outside_incoming",
    OBJECT_MISSING = "object_missing",
    OBJECT_REPLACED = "object_replaced",
    QUEUE_UNAVAILABLE = "queue_unavailable",
    UNKNOWN_SOURCE = "unknown_source",
}
