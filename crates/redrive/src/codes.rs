//! The codes of this crate's failures.

catalog::codes! {
    BEING_WORKED_ON = "being_worked_on",
    FEED_FAILED = "feed_failed",
    HEALED = "healed",
    MESSAGE_NOT_UNDERSTOOD = "message_not_understood",
    NO_REASON_RECORDED = "no_reason_recorded",
    REDRIVES_EXHAUSTED = "redrives_exhausted",
    SUPERSEDED = "superseded",
    TARGET_UNAVAILABLE = "target_unavailable",
    TOO_OLD = "too_old",
    UNKNOWN_PRODUCT = "unknown_product",
    WAITING = "waiting",
}
