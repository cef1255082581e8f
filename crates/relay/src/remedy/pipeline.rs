//! What goes wrong within the pipeline itself.

use super::After::{GoesOn, NewFeed, Nothing, Unpark};
use super::{Remedy, remedy};

// One entry, one line.
#[rustfmt::skip]
pub(super) const REMEDIES: &[Remedy] = &[
    remedy("announce_failed", "EventBridge did not take an announcement.", "If it stays: check the function's role and the bus.", GoesOn),
    remedy("baseline_moved", "Another full feed was compared at the same time.", "Nothing: it is compared again.", GoesOn),
    remedy("being_worked_on", "A function holds its lease.", "Look again in a minute.", Nothing),
    remedy("breaker_open", "The target does not answer; the message was put back.", "Bring the target back up: it is probed every minute, and traffic returns by itself.", GoesOn),
    remedy("category_cycle", "A path of categories names one of them twice.", "Ask the supplier to correct it; the message has it.", NewFeed),
    remedy("configuration", "A setting has a value that it cannot have.", "Deploy with the parameter corrected; the message names it.", GoesOn),
    remedy("deadline", "The function's time was up before this began.", "If it stays: the target is slow; see its load.", GoesOn),
    remedy("function_died", "The function died of this product, three times on it alone: of memory or its timeout.", "See its log at that time. Have the product made smaller, or give it more memory.", Unpark),
    remedy("healed", "The target holds what it should.", "Nothing: the letter is dropped.", Nothing),
    remedy("lease_lost", "A function outlived its lease; another has taken over.", "If it stays: the target is slow.", GoesOn),
    remedy("leased", "Another function holds its lease.", "If it stays longer than two minutes, that function died; the lease expires.", GoesOn),
    remedy("ledger_doc_missing", "The ledger knows the product's state but not its content.", "Upload its last feed again, or restore the table.", Unpark),
    remedy("ledger_item_damaged", "The ledger's copy of a product cannot be read.", "Upload its last feed again; for many, restore the table.", Unpark),
    remedy("ledger_unavailable", "DynamoDB did not answer, or throttles.", "If it stays: see the table's throttled requests, roles and policies.", GoesOn),
    remedy("manifest_unreadable", "The list of products that a full feed left cannot be read.", "Upload the last full feed again; withdrawals wait until then.", Unpark),
    remedy("mapping_unavailable", "dlq-redrive could not pause or resume a queue.", "If it stays: see the function's role. `aws lambda update-event-source-mapping` does the same by hand.", GoesOn),
    remedy("message_not_understood", "A message is neither an announcement nor a feed's notification.", "Somebody else writes to the queue or the bus. `relay dlq park --code message_not_understood`, unless it is parked already; `relay dlq parked` shows it. Once that is settled: `relay dlq remove --code message_not_understood`.", Nothing),
    remedy("no_reason_recorded", "A function died or ran out of time without a word.", "If it stays: see its errors, memory and duration in its log group.", GoesOn),
    remedy("not_claimed", "The ledger gave no lease and no reason.", "If it stays, this is a defect: keep the product's trace.", GoesOn),
    remedy("object_missing", "The feed's object was deleted before it was read.", "Upload it again if it is still wanted.", Nothing),
    remedy("object_replaced", "The feed was replaced before it was read.", "Nothing: the new one has a run of its own.", Nothing),
    remedy("product_body_missing", "A large product's content is gone: somebody deleted the object that the message names.", "Upload its last feed again, or restore the object.", Unpark),
    remedy("product_body_unavailable", "S3 did not give or take a large product's content.", "If it stays: check the function's role and the bucket's policy.", GoesOn),
    remedy("product_too_large", "The product is larger than a request may be.", "Ask the supplier to shorten its texts or to split it.", NewFeed),
    remedy("redrives_exhausted", "A letter failed after every redrive, for about a day.", "Its last reason is in its message: settle that.", Unpark),
    remedy("s3_unavailable", "S3 did not give or take a full feed's list.", "If it stays: check the function's role and the bucket's policy.", GoesOn),
    remedy("secret_denied", "A secret does not exist, or may not be read: AWS does not say which.", "Create it under the name in the message, as docs/deployment.md says. If it is there: check the function's role and the key that the secret is encrypted with.", GoesOn),
    remedy("secret_missing", "A secret does not exist.", "Create it under the name in the message, as docs/deployment.md says.", GoesOn),
    remedy("secret_unreadable", "A secret is not the JSON it should be.", "Write it again: Pimcore {\"apiKey\"}, Medusa {\"email\",\"password\"} or {\"secretKey\"}.", GoesOn),
    remedy("secrets_unavailable", "Secrets Manager did not answer.", "If it stays: the message has AWS's words.", GoesOn),
    remedy("superseded", "Newer content has come since the letter died.", "Nothing: it is tried again.", Nothing),
    remedy("target_unavailable", "Pimcore or Medusa does not answer.", "Bring it back up; `relay status` shows which one.", GoesOn),
    remedy("too_old", "A letter was dead for ten days; SQS would have deleted it.", "Its last reason is in its message: settle that.", Unpark),
    remedy("unknown_product", "A message is about a product that no feed has brought.", "Upload the feed that has it, or `relay dlq remove --code unknown_product`.", Unpark),
    remedy("waiting", "A letter was redriven shortly before and waits.", "Nothing; `relay dlq redrive --force` does not wait.", Nothing),
    remedy("watermark", "The cursor of a schedule cannot be written.", "This is a defect: keep the log lines.", GoesOn),
    remedy("withdrawal_refused", "A full feed lacks more products than the guard allows; nothing was withdrawn.", "If the feed is incomplete, upload the whole one. If so many products are really gone: `relay withdraw <run>`.", Nothing),
];
