//! What Medusa says, and what it means.

use super::After::{GoesOn, Unpark};
use super::{Remedy, remedy};

// One entry, one line.
#[rustfmt::skip]
pub(super) const REMEDIES: &[Remedy] = &[
    remedy("medusa_bad_option", "An option has no name of its own, or a variant no value for it.", "Correct the variants in Pimcore.", Unpark),
    remedy("medusa_bad_price", "A price is negative.", "Correct it in Pimcore, or have the supplier do so.", Unpark),
    remedy("medusa_bad_sku", "A variant has no SKU of its own.", "Correct the variants in Pimcore.", Unpark),
    remedy("medusa_category_handle_taken", "A category that was made in Medusa has the handle.", "Rename that category in Medusa, or give ours another shop handle in Pimcore.", GoesOn),
    remedy("medusa_chokes", "Medusa answers 500 to this product alone, three times in a row.", "See Medusa's log; correct the product in Pimcore, or have the supplier do so.", Unpark),
    remedy("medusa_code_taken", "Another variant got the same bar code at the same moment.", "The next delivery leaves the code to it.", GoesOn),
    remedy("medusa_configuration", "Medusa's address cannot be used.", "Deploy with MedusaUrl as scheme://host[:port].", GoesOn),
    remedy("medusa_handle_taken", "Other products have every handle that this one could have.", "Change the handle of one of them in Medusa.", Unpark),
    remedy("medusa_login_refused", "Medusa refuses to log in.", "Put e-mail and password of an admin user into the secret; it is read again within five minutes.", GoesOn),
    remedy("medusa_no_outcome", "A push ended without a result for this product.", "If it stays, this is a defect: keep the product's trace.", GoesOn),
    remedy("medusa_no_parent", "The parent of a category is not in the shop yet.", "If it stays: see the category's place in Pimcore.", GoesOn),
    remedy("medusa_no_price", "A variant has no price in a currency that the shop sells in.", "Add the currency under Settings, Store in Medusa, or the price in the feed.", Unpark),
    remedy("medusa_no_price_set", "A variant lost its prices in Medusa.", "If it stays: delete that variant in Medusa; it is made again.", GoesOn),
    remedy("medusa_no_title", "The title is empty in every language.", "Give the product a name in Pimcore.", Unpark),
    remedy("medusa_no_variant", "The product has nothing to sell.", "See its variants in Pimcore.", Unpark),
    remedy("medusa_not_found", "Something is gone from Medusa that was there before.", "If it stays, see who deletes there.", GoesOn),
    remedy("medusa_option_in_use", "An option cannot be removed while variants use it.", "If it stays: delete those variants in Medusa; they are made again.", GoesOn),
    remedy("medusa_out_of_time", "There was no time left to begin.", "If it stays: Medusa is slow; see its load.", GoesOn),
    remedy("medusa_price_too_small", "A price is less than its currency's smallest coin: sold in the others only.", "Correct the price in Pimcore, or have the supplier do so.", Unpark),
    remedy("medusa_refused", "Medusa refuses the product; its own words are in the message.", "Correct the product in Pimcore as they say.", Unpark),
    remedy("medusa_reserved", "Open orders hold stock of something that is to go.", "It goes once the orders are fulfilled or cancelled.", GoesOn),
    remedy("medusa_restless", "The product keeps changing in Medusa while it is pushed.", "If it stays, see who edits it there.", GoesOn),
    remedy("medusa_same_options", "Two variants have the same option values.", "Correct the variants in Pimcore, or have the supplier do so.", Unpark),
    remedy("medusa_sku_taken", "Another product has the SKU.", "Change one of the two SKUs, in Medusa or in the feed; the message names both products.", Unpark),
    remedy("medusa_stock_level_changed", "Stock levels changed in Medusa at the same time.", "If it stays, see who changes stock there.", GoesOn),
    remedy("medusa_timeout", "Medusa did not answer in time.", "If it stays: see its load and its database.", GoesOn),
    remedy("medusa_too_large", "The product is more than Medusa accepts in a request.", "Have its texts or attributes shortened.", Unpark),
    remedy("medusa_translation_exists", "Somebody translated the product in Medusa at the same time.", "If it stays, see who translates there.", GoesOn),
    remedy("medusa_unauthorized", "Medusa answers 401 after a log-in: its database may be down.", "See Medusa's log and its database.", GoesOn),
    remedy("medusa_unavailable", "Medusa, or what stands in front of it, answers 5xx or asks to slow down.", "Bring it back up; see its log.", GoesOn),
    remedy("medusa_unexpected_answer", "Medusa's answer is not what this version of it gives.", "Something else answers, or Medusa was updated (versions: docs/medusa.md).", GoesOn),
    remedy("medusa_unreachable", "There is no connection to Medusa.", "Start it, or correct MedusaUrl, the network and its security groups.", GoesOn),
    remedy("medusa_wrong_reference", "Channel, location or currencies of the shop do not fit this stack.", "Correct them in Medusa, or deploy with the right ids; the message says which.", GoesOn),
];
