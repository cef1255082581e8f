//! What the shop's rules could not do.

use super::After::{GoesOn, Nothing};
use super::{Remedy, remedy};

// One entry, one line.
#[rustfmt::skip]
pub(super) const REMEDIES: &[Remedy] = &[
    remedy("category_unmapped", "No entry of the rules maps a category of the source.", "`relay rules unmapped` lists them with drafts of entries.", Nothing),
    remedy("expression_failed", "An expression of a rule gave no answer for a product, so the rule is not for it.", "Correct the expression at the place that is named.", Nothing),
    remedy("price_beyond_reach", "Rules make a price that rounds to nothing or cannot be kept; the variant has none in that currency.", "`relay explain-price <product>` shows the step.", Nothing),
    remedy("rate_missing", "A price cannot be converted: there is no rate. It keeps its last value, or is left out.", "Complete the rates file.", Nothing),
    remedy("rate_too_old", "A price is not converted anew: the rates are older than the rules allow. It keeps its last value, or is left out.", "Renew the rates file.", Nothing),
    remedy("rules_invalid", "The newest rules or rates are refused: the message says where and why. Those before stay in force.", "Put them right (`relay rules check <path>`), then `relay rules put <path>`.", Nothing),
    remedy("rules_unreadable", "pimcore-sync cannot read the rules that are in force; products wait.", "Deploy the version that normalize has, or put the rules again (`relay rules put <path>`).", GoesOn),
    remedy("values_collide", "Values of an option stay as the source has them: spelled as the rules say, two variants would be one.", "Correct the table, or ask the supplier what differs.", Nothing),
    remedy("variant_without_price", "A variant has no price in a currency that is sold, and is left out.", "Sell a currency that the source has, or say from which one is converted.", Nothing),
];
