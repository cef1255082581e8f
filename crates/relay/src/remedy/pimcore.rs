//! What Pimcore says, and what it means.

use super::After::{GoesOn, Unpark};
use super::{Remedy, passing, remedy};

// One entry, one line.
#[rustfmt::skip]
pub(super) const REMEDIES: &[Remedy] = &[
    remedy("pimcore_category_id", "Pimcore cannot keep a category's id.", "Ask the supplier to correct it.", Unpark),
    passing("pimcore_category_missing", "A category is not in Pimcore yet.", "If it stays, somebody keeps deleting it."),
    remedy("pimcore_category_taken", "Another object stands where a category belongs.", "Move or rename that object in Pimcore; the message has its path.", Unpark),
    remedy("pimcore_chokes", "Pimcore fails on this product alone, three times running.", "See its log; correct the product, or undo the class change.", Unpark),
    remedy("pimcore_configuration", "Address, key or folders do not fit.", "Correct PimcoreUrl or secret, or run the installer; the message says which.", GoesOn),
    passing("pimcore_contended", "Somebody else changes the same object.", "If it stays, see who edits or imports."),
    passing("pimcore_database", "Pimcore's database reports an error.", "If it stays: see Pimcore's log and its database."),
    remedy("pimcore_field_missing", "Pimcore demands a field the product lacks.", "Undo the class change, or have the supplier send it.", Unpark),
    remedy("pimcore_field_too_long", "A text is longer than its field.", "Have the supplier shorten it, or write people's text; the message names field and limit.", Unpark),
    remedy("pimcore_forbidden", "Pimcore does not accept the API key.", "Put the key of the Data Hub configuration \"catalog\" into the secret; it is read again within five minutes.", GoesOn),
    remedy("pimcore_http", "Pimcore answers an unexpected status.", "See its log, and what stands before it.", GoesOn),
    remedy("pimcore_internal", "The pipeline asked for something impossible.", "A defect: keep the message.", Unpark),
    remedy("pimcore_internal_error", "Pimcore fails on this product by itself.", "See its log.", GoesOn),
    remedy("pimcore_invalid_value", "Pimcore's validation refuses a value.", "Undo the class change, or correct the value of the field named.", Unpark),
    remedy("pimcore_lacks_too_many", "More products than MaxWithdrawnPercent are missing from Pimcore.", "Restore folder or permissions; if really deleted, invoke pimcore-sync with {\"action\":\"reconcile\",\"accept\":true}.", GoesOn),
    remedy("pimcore_misplaced", "Somebody moved the product out of its folder.", "Move it back; the message has its path.", Unpark),
    remedy("pimcore_move_failed", "A category could not be moved.", "See the message; somebody moves the same ones.", GoesOn),
    remedy("pimcore_move_ignored", "Pimcore left a category where it was.", "Check Data Hub's permissions on categories.", GoesOn),
    remedy("pimcore_not_found", "No active Data Hub configuration \"catalog\" at the address.", "Check PimcoreUrl, and that it is active.", GoesOn),
    remedy("pimcore_not_readable", "Pimcore saved the object but does not show it.", "Move another class's object away, or let Data Hub read the folder.", Unpark),
    remedy("pimcore_other_product", "Pimcore takes the id for another's (case, accents), and it is too long to differ.", "Rename the other's external id in Pimcore, or delete it.", Unpark),
    remedy("pimcore_path_rewritten", "Pimcore gave the object another name.", "Move or rename what is in its way.", Unpark),
    remedy("pimcore_path_taken", "Another object stands at the product's path.", "Move or rename that object in Pimcore.", Unpark),
    remedy("pimcore_permission", "Data Hub lacks a permission on the catalog's folders.", "Rebuild the configuration's workspaces.", GoesOn),
    remedy("pimcore_query_failed", "Pimcore could not answer a query.", "See its log.", GoesOn),
    remedy("pimcore_redirected", "Pimcore redirects.", "Deploy with that address as PimcoreUrl.", GoesOn),
    remedy("pimcore_refused", "Pimcore refuses the product; its words are in the message.", "Correct the product or the class as they say.", Unpark),
    remedy("pimcore_schema_mismatch", "Pimcore lacks a class or field.", "Run this version's installer (docs/pimcore.md).", GoesOn),
    passing("pimcore_stale_categories", "A category was moved or deleted meanwhile.", "If it stays, see who changes categories."),
    passing("pimcore_throttled", "Pimcore asks to slow down.", "If it stays: lower the concurrency of pimcore-sync, or give Pimcore more."),
    passing("pimcore_timeout", "Pimcore did not answer in time.", "If it stays: see its load and its database."),
    remedy("pimcore_too_large", "Pimcore's web server refuses this size.", "Raise its limit (nginx: client_max_body_size).", Unpark),
    remedy("pimcore_too_many_options", "The class holds fewer options.", "Ask the supplier to merge axes: ten at most.", Unpark),
    remedy("pimcore_unavailable", "Pimcore, or what stands before it, answers 5xx.", "Bring it back up; see its log.", GoesOn),
    remedy("pimcore_unexpected_answer", "This version of Pimcore would not answer so.", "Something else answers, or it was updated (docs/pimcore.md).", GoesOn),
    remedy("pimcore_unreachable", "There is no connection to Pimcore.", "Start it, or correct PimcoreUrl, the network and its security groups.", GoesOn),
    remedy("pimcore_unreadable_field", "Somebody made a field in Pimcore unreadable.", "Correct it; the message names it.", Unpark),
];
