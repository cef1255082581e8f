//! The codes of this crate's failures.

catalog::codes! {
    MEDUSA_CONFIGURATION = "medusa_configuration",
    NOT_CLAIMED = "not_claimed",
}
