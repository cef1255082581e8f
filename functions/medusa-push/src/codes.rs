//! The codes of this crate's failures.

catalog::codes! {
    NOT_CLAIMED = "not_claimed",
}
