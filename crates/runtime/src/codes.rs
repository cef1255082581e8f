//! The codes of this crate's failures.

catalog::codes! {
    ANNOUNCE_FAILED = "announce_failed",
    MESSAGE_NOT_UNDERSTOOD = "message_not_understood",
    SECRET_DENIED = "secret_denied",
    SECRET_MISSING = "secret_missing",
    SECRET_UNREADABLE = "secret_unreadable",
    SECRETS_UNAVAILABLE = "secrets_unavailable",
}
