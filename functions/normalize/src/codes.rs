//! The codes of this crate's failures.

catalog::codes! {
    ADDRESS_LEFT_OUT = "address_left_out",
    BUCKET_UNAVAILABLE = "bucket_unavailable",
    CONFIG_CHANGING = "config_changing",
    CONFIG_UNKNOWN = "config_unknown",
    DECODER_UNAVAILABLE = "decoder_unavailable",
    EMPTY_KEY = "empty_key",
    FACT_LEFT_OUT = "fact_left_out",
    KEY_OUTSIDE_INCOMING = "key_outside_incoming",
    MAPPING_CHANGED = "mapping_changed",
    MAPPING_INVALID = "mapping_invalid",
    NAME_FROM_OTHER_LANGUAGE = "name_from_other_language",
    OBJECT_MISSING = "object_missing",
    OBJECT_REPLACED = "object_replaced",
    PRICE_LEFT_OUT = "price_left_out",
    PRICE_ROUNDED = "price_rounded",
    QUEUE_UNAVAILABLE = "queue_unavailable",
    TEXT_CLEANED = "text_cleaned",
    UNKNOWN_SOURCE = "unknown_source",
    VARIANT_LEFT_OUT = "variant_left_out",
}
