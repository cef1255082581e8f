//! Remarks on what rules could not do.

catalog::codes! {
    CATEGORY_UNMAPPED = "category_unmapped",
    EXPRESSION_FAILED = "expression_failed",
    PRICE_BEYOND_REACH = "price_beyond_reach",
    RATE_MISSING = "rate_missing",
    RATE_TOO_OLD = "rate_too_old",
    RULES_INVALID = "rules_invalid",
    VALUES_COLLIDE = "values_collide",
    VARIANT_WITHOUT_PRICE = "variant_without_price",
}
