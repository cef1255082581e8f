//! The codes of this crate's failures.

catalog::codes! {
    BREAKER_OPEN = "breaker_open",
    DEADLINE = "deadline",
    FUNCTION_DIED = "function_died",
    LEASED = "leased",
    MEDUSA_CHOKES = "medusa_chokes",
    MEDUSA_CONFIGURATION = "medusa_configuration",
    PIMCORE_CHOKES = "pimcore_chokes",
    RULES_UNREADABLE = "rules_unreadable",
    UNKNOWN_PRODUCT = "unknown_product",
}
