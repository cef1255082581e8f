//! What Medusa says, and what it means.

use super::After::{GoesOn, Unpark};
use super::{Remedy, passing, remedy};

// One entry, one line.
#[rustfmt::skip]
pub(super) const REMEDIES: &[Remedy] = &[
    remedy("medusa_bad_option", "An option shares its name, or a variant lacks its value.", "Correct the variants in Pimcore.", Unpark),
    remedy("medusa_bad_price", "A price is negative.", "Correct it in Pimcore or the feed.", Unpark),
    remedy("medusa_bad_sku", "A variant has no SKU of its own.", "Correct the variants in Pimcore.", Unpark),
    remedy("medusa_category_handle_taken", "Somebody's category in Medusa has the handle.", "Rename it, or give ours another shop handle in Pimcore.", GoesOn),
    remedy("medusa_chokes", "Medusa answers 500 to this product alone, three times running.", "See its log; correct the product.", Unpark),
    remedy("medusa_code_taken", "Another variant got the same bar code meanwhile.", "The next delivery leaves it the code.", GoesOn),
    remedy("medusa_configuration", "Medusa's address cannot be used.", "Deploy with MedusaUrl as scheme://host[:port].", GoesOn),
    remedy("medusa_handle_taken", "Other products have every handle this one could have.", "Change the handle of one of them in Medusa.", Unpark),
    remedy("medusa_login_refused", "Medusa refuses to log in.", "Put e-mail and password of an admin user into the secret; it is read again within five minutes.", GoesOn),
    passing("medusa_no_outcome", "A push ended without a result.", "If it stays, a defect: keep the trace."),
    passing("medusa_no_parent", "A category's parent is not in the shop yet.", "If it stays: see its place in Pimcore."),
    remedy("medusa_no_price", "A variant has no price in a currency of the shop.", "Add the currency under Settings, Store in Medusa, or the price in the feed.", Unpark),
    passing("medusa_no_price_set", "A variant lost its prices in Medusa.", "If it stays: delete the variant there; it is made again."),
    remedy("medusa_no_title", "The title is empty in every language.", "Name the product in Pimcore.", Unpark),
    remedy("medusa_no_variant", "The product has nothing to sell.", "See its variants in Pimcore.", Unpark),
    passing("medusa_not_found", "Something is gone from Medusa.", "If it stays, see who deletes there."),
    passing("medusa_option_in_use", "Variants use an option that is to go.", "If it stays: delete them in Medusa; they are made again."),
    passing("medusa_out_of_time", "There was no time left to begin.", "If it stays: see Medusa's load."),
    remedy("medusa_price_too_small", "A price is below its currency's smallest coin: sold in others only.", "Correct it in Pimcore or the feed.", Unpark),
    remedy("medusa_refused", "Medusa refuses the product; its words are in the message.", "Correct the product in Pimcore as they say.", Unpark),
    remedy("medusa_reserved", "Open orders hold stock of what is to go.", "It goes when they are fulfilled or cancelled.", GoesOn),
    passing("medusa_restless", "The product keeps changing in Medusa.", "If it stays, see who edits it."),
    remedy("medusa_same_options", "Two variants share their option values.", "Correct them in Pimcore or the feed.", Unpark),
    remedy("medusa_sku_taken", "Another product has the SKU.", "Change one of the two SKUs, in Medusa or in the feed; the message names both products.", Unpark),
    passing("medusa_stock_level_changed", "Stock changed in Medusa at the same time.", "If it stays, see who changes it."),
    passing("medusa_timeout", "Medusa did not answer in time.", "If it stays: see its load and its database."),
    remedy("medusa_too_large", "The product exceeds a Medusa request.", "Shorten its texts or attributes.", Unpark),
    passing("medusa_translation_exists", "Somebody translated the product meanwhile.", "If it stays, see who translates."),
    remedy("medusa_unauthorized", "Medusa answers 401 after a log-in: its database may be down.", "See its log and its database.", GoesOn),
    remedy("medusa_unavailable", "Medusa, or what stands before it, answers 5xx or asks to slow down.", "Bring it back up; see its log.", GoesOn),
    remedy("medusa_unexpected_answer", "This version of Medusa would not answer so.", "Something else answers, or it was updated (docs/medusa.md).", GoesOn),
    remedy("medusa_unreachable", "There is no connection to Medusa.", "Start it, or correct MedusaUrl, the network and its security groups.", GoesOn),
    remedy("medusa_wrong_reference", "Channel, location or currencies do not fit this stack.", "Correct them in Medusa, or deploy with the right ids; the message says which.", GoesOn),
];
