//! What goes wrong within the pipeline itself.

use super::After::{GoesOn, NewFeed, Nothing, Unpark};
use super::{Remedy, remedy};

// One entry, one line.
#[rustfmt::skip]
pub(super) const REMEDIES: &[Remedy] = &[
    remedy("announce_failed", "EventBridge did not take an announcement.", "If it stays: check the function's role and the bus.", GoesOn),
    remedy("baseline_moved", "Another full feed of the source was compared at the same time.", "Nothing is to be done: it is compared again.", GoesOn),
    remedy("being_worked_on", "A function holds the lease on it right now.", "Look again in a minute.", Nothing),
    remedy("breaker_open", "The target does not answer, so nothing is sent to it; the message was put back.", "Bring the target back up: it is probed every minute, and traffic returns by itself.", GoesOn),
    remedy("category_cycle", "A path of categories names one of them twice.", "Ask the supplier to correct the path; the message has it.", NewFeed),
    remedy("configuration", "A setting of a function has a value that it cannot have.", "Deploy the stack with the parameter corrected; the message names it.", GoesOn),
    remedy("deadline", "The function's time was used up before this was begun.", "If it stays: the target is slow; see its own load.", GoesOn),
    remedy("function_died", "The function died each time it worked on this product, three times on it alone: of memory or of its timeout.", "See its log at that time. Have the product made smaller, or give the function more memory.", Unpark),
    remedy("healed", "The target holds what it should: the letter is dropped.", "Nothing is to be done.", Nothing),
    remedy("lease_lost", "A function took longer than its lease; another one has taken over.", "If it stays: the target is slow; see the duration of the function.", GoesOn),
    remedy("leased", "Another function holds the lease on it.", "If it stays longer than two minutes, the function died; the lease expires by itself.", GoesOn),
    remedy("ledger_doc_missing", "The ledger knows the product's state but not its content.", "Upload its last feed again, or restore the table to a point in time.", Unpark),
    remedy("ledger_item_damaged", "The ledger's copy of a product cannot be read.", "Upload its last feed again; if many are concerned, restore the table to a point in time.", Unpark),
    remedy("ledger_unavailable", "DynamoDB did not answer, or throttles.", "If it stays: see the table's throttled requests, and whether a role or policy has changed.", GoesOn),
    remedy("manifest_unreadable", "The list of products that a full feed left cannot be read.", "Upload the last full feed again; withdrawals wait until then.", Unpark),
    remedy("mapping_unavailable", "Lambda did not let dlq-redrive pause a queue, or switch it on again.", "If it stays: see the function's role. `aws lambda update-event-source-mapping` does the same by hand.", GoesOn),
    remedy("message_not_understood", "A message is no announcement of a product and no feed notification.", "Somebody else writes to the queue or the bus. `relay dlq park --code message_not_understood`, unless it is parked already; `relay dlq parked` shows it. Once that is settled: `relay dlq remove --code message_not_understood`.", Nothing),
    remedy("no_reason_recorded", "A function died or ran out of time before it could say why.", "If it stays: see the function's errors, memory and duration in its log group.", GoesOn),
    remedy("not_claimed", "The ledger gave no lease and no reason.", "If it stays, this is a defect: keep the product's trace.", GoesOn),
    remedy("object_missing", "The feed's object has been deleted before it was read.", "Upload it again if it is still wanted.", Nothing),
    remedy("object_replaced", "Another object was uploaded under the feed's key before it was read.", "Nothing is to be done: that one has a run of its own.", Nothing),
    remedy("product_body_missing", "The content of a large product is gone from the feed bucket: somebody has deleted the object that the message names.", "Upload its last feed again, or bring the object's older version back.", Unpark),
    remedy("product_body_unavailable", "S3 did not give or take the content of a large product.", "If it stays: check the function's role and the bucket's policy.", GoesOn),
    remedy("product_too_large", "The product is larger than Pimcore and Medusa could be given in one request.", "Ask the supplier to shorten its texts or to split it.", NewFeed),
    remedy("redrives_exhausted", "A letter failed again after every redrive, for about a day.", "Its last reason is in its message: settle that.", Unpark),
    remedy("s3_unavailable", "S3 did not give or take the list of a full feed's products.", "If it stays: check the function's role and the bucket's policy.", GoesOn),
    remedy("secret_denied", "A secret does not exist, or the function may not read it: AWS does not say which.", "Create it under the name in the message, as docs/deployment.md says. If it is there: check the function's role and the key that the secret is encrypted with.", GoesOn),
    remedy("secret_missing", "A secret does not exist.", "Create it under the name in the message, as docs/deployment.md says.", GoesOn),
    remedy("secret_unreadable", "A secret is not the JSON it should be.", "Write it again: Pimcore {\"apiKey\"}, Medusa {\"email\",\"password\"} or {\"secretKey\"}.", GoesOn),
    remedy("secrets_unavailable", "Secrets Manager did not answer.", "If it stays: look at the message; it has AWS's own words.", GoesOn),
    remedy("superseded", "Newer content has come since the letter died.", "Nothing is to be done: it is tried again.", Nothing),
    remedy("target_unavailable", "Pimcore or Medusa does not answer.", "Bring it back up; `relay status` shows which one.", GoesOn),
    remedy("too_old", "A letter was on a dead-letter queue for ten days; SQS would have deleted it.", "Its last reason is in its message: settle that.", Unpark),
    remedy("unknown_product", "A message is about a product that no feed has brought.", "Upload the feed that has it, or `relay dlq remove --code unknown_product`.", Unpark),
    remedy("waiting", "A letter was redriven a short while ago and waits for its next turn.", "Nothing is to be done; `relay dlq redrive --force` does not wait.", Nothing),
    remedy("watermark", "The cursor of a schedule cannot be written.", "This is a defect: keep the log lines.", GoesOn),
    remedy("withdrawal_refused", "A full feed lacks more products than the guard allows; nothing was withdrawn.", "If the feed is incomplete, upload the whole one. If so many products are really gone: `relay withdraw <run>`.", Nothing),
];
