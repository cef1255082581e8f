//! What Pimcore says, and what it means.

use super::After::{GoesOn, Unpark};
use super::{Remedy, remedy};

// One entry, one line.
#[rustfmt::skip]
pub(super) const REMEDIES: &[Remedy] = &[
    remedy("pimcore_category_id", "A category's id cannot be kept in Pimcore.", "Ask the supplier to correct the id.", Unpark),
    remedy("pimcore_category_missing", "A category is not in Pimcore yet.", "If it stays, somebody deletes it there as fast as it is made.", GoesOn),
    remedy("pimcore_category_taken", "Another object stands where a category belongs.", "Move or rename that object in Pimcore; the message has its path.", Unpark),
    remedy("pimcore_chokes", "Pimcore fails on this product alone, three times in a row.", "See Pimcore's log at that time; correct the product, or undo the change to the class.", Unpark),
    remedy("pimcore_configuration", "Address, key or folders do not fit.", "Correct PimcoreUrl or the secret, or run the installer; the message says which.", GoesOn),
    remedy("pimcore_contended", "Somebody else changes the same object.", "If it stays, see who edits or imports in Pimcore.", GoesOn),
    remedy("pimcore_database", "Pimcore's database reports an error.", "If it stays: see Pimcore's log and its database.", GoesOn),
    remedy("pimcore_field_missing", "Pimcore demands a field that the product does not have.", "Undo the change to the class, or have the supplier send it.", Unpark),
    remedy("pimcore_field_too_long", "A text is longer than its field in Pimcore.", "Have the supplier shorten it, or give the product people's text; the message names field and limit.", Unpark),
    remedy("pimcore_forbidden", "Pimcore does not accept the API key.", "Put the key of the Data Hub configuration \"catalog\" into the secret; it is read again within five minutes.", GoesOn),
    remedy("pimcore_http", "Pimcore answers with an unexpected status.", "See its log, and what stands in front of it.", GoesOn),
    remedy("pimcore_internal", "The pipeline asked for something impossible.", "This is a defect: keep the message.", Unpark),
    remedy("pimcore_internal_error", "Pimcore fails on this product with an error of its own.", "See Pimcore's log at that time.", GoesOn),
    remedy("pimcore_invalid_value", "Pimcore's validation refuses a value.", "Undo the change to the class, or have the value corrected; the message names the field.", Unpark),
    remedy("pimcore_lacks_too_many", "More products than MaxWithdrawnPercent are missing from Pimcore's listing.", "Put back the folder or its permissions; if they are really deleted, invoke pimcore-sync with {\"action\":\"reconcile\",\"accept\":true}.", GoesOn),
    remedy("pimcore_misplaced", "Somebody moved the product out of the product folder.", "Move it back in Pimcore; the message has its path.", Unpark),
    remedy("pimcore_move_failed", "A category could not be moved to its place.", "See the message; somebody moves the same categories.", GoesOn),
    remedy("pimcore_move_ignored", "Pimcore left a category where it was.", "Check Data Hub's permissions on the category folder.", GoesOn),
    remedy("pimcore_not_found", "There is no active Data Hub configuration \"catalog\" at the address.", "Check PimcoreUrl, and that it is active.", GoesOn),
    remedy("pimcore_not_readable", "Pimcore saved the object but does not show it.", "Another class's object is at its path, or Data Hub may not read the folder: correct that.", Unpark),
    remedy("pimcore_other_product", "The object at the product's path has another external id.", "Move or rename that object in Pimcore.", Unpark),
    remedy("pimcore_path_rewritten", "Pimcore gave the object another name than it was to have.", "Move or rename what stands in its way.", Unpark),
    remedy("pimcore_path_taken", "An object that is not this product stands at its path.", "Move or rename that object in Pimcore.", Unpark),
    remedy("pimcore_permission", "Data Hub lacks a permission on the catalog's folders.", "Rebuild the configuration's workspaces in Pimcore.", GoesOn),
    remedy("pimcore_query_failed", "Pimcore could not answer a query.", "See Pimcore's log at that time.", GoesOn),
    remedy("pimcore_redirected", "Pimcore redirects.", "Deploy with the address it redirects to as PimcoreUrl.", GoesOn),
    remedy("pimcore_refused", "Pimcore refuses the product; its own words are in the message.", "Correct the product or the class as they say.", Unpark),
    remedy("pimcore_schema_mismatch", "Pimcore does not know a class or field.", "Run this version's installer (docs/pimcore.md).", GoesOn),
    remedy("pimcore_stale_categories", "A category was moved or deleted while the product was written.", "If it stays, see who changes categories.", GoesOn),
    remedy("pimcore_throttled", "Pimcore asks to slow down.", "If it stays: lower the concurrency of pimcore-sync, or give Pimcore more.", GoesOn),
    remedy("pimcore_timeout", "Pimcore did not answer in time.", "If it stays: see its load and its database.", GoesOn),
    remedy("pimcore_too_large", "Pimcore's web server takes no request of this size.", "Raise its limit (nginx: client_max_body_size).", Unpark),
    remedy("pimcore_too_many_options", "The product has more options than the class holds.", "Ask the supplier to merge axes: ten at most.", Unpark),
    remedy("pimcore_unavailable", "Pimcore, or what stands in front of it, answers 5xx.", "Bring it back up; see its log.", GoesOn),
    remedy("pimcore_unexpected_answer", "Pimcore's answer is not what this version of it gives.", "Something else answers, or Pimcore was updated (versions: docs/pimcore.md).", GoesOn),
    remedy("pimcore_unreachable", "There is no connection to Pimcore.", "Start it, or correct PimcoreUrl, the network and its security groups.", GoesOn),
    remedy("pimcore_unreadable_field", "A field in Pimcore cannot be read; somebody changed it.", "Correct it in Pimcore; the message names it.", Unpark),
];
