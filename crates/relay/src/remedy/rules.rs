//! What the shop's rules could not do.

use super::After::{GoesOn, Nothing};
use super::{Remedy, remedy};

// One entry, one line.
#[rustfmt::skip]
pub(super) const REMEDIES: &[Remedy] = &[
    remedy("articles_unreadable", "pimcore-sync cannot read the setting of articles that medusa-push noted; products do not follow it yet.", "Deploy the version of pimcore-sync that medusa-push has.", GoesOn),
    remedy("category_unmapped", "No rule maps a category of the source.", "`relay rules unmapped` drafts entries.", Nothing),
    remedy("expression_failed", "An expression gave no answer, so its rule does not apply.", "Correct it at the place named.", Nothing),
    remedy("price_beyond_reach", "Rules make a price that cannot be kept; the variant has none in that currency.", "`relay explain-price <product>` shows the step.", Nothing),
    remedy("rate_missing", "Without a rate a price keeps its last value or is left out.", "Complete the rates file.", Nothing),
    remedy("rate_too_old", "With old rates a price keeps its last value or is left out.", "Renew the rates file.", Nothing),
    remedy("rules_invalid", "The newest rules or rates are refused, the message says where and why; those before stay in force.", "`relay rules check <path>`, then `relay rules put <path>`.", Nothing),
    remedy("rules_unreadable", "pimcore-sync cannot read the rules in force; products wait.", "Deploy the version that normalize has, or `relay rules put <path>` again.", GoesOn),
    remedy("values_collide", "Spelled as the rules say, two variants would be one; values stay.", "Correct the table, or ask what differs.", Nothing),
    remedy("variant_without_price", "A variant without a price in a sold currency is left out.", "Sell its currency, or say what to convert from.", Nothing),
];
