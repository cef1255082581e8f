//! What goes wrong within the pipeline itself.

use super::After::{GoesOn, NewFeed, Nothing, Unpark};
use super::{Remedy, passing, remedy};

// One entry, one line.
#[rustfmt::skip]
pub(super) const REMEDIES: &[Remedy] = &[
    passing("announce_failed", "EventBridge took no announcement.", "If it stays: check the function's role and the bus."),
    remedy("baseline_moved", "Another full feed was compared at the same time.", "Nothing: it is compared again.", GoesOn),
    remedy("being_worked_on", "A function holds its lease.", "Look again in a minute.", Nothing),
    remedy("breaker_open", "The target does not answer; the message was put back.", "Bring it back up; it is probed every minute.", GoesOn),
    remedy("category_cycle", "A category path names one category twice.", "Ask the supplier; the message has it.", NewFeed),
    remedy("configuration", "A setting has an impossible value.", "Correct the parameter that the message names; deploy.", GoesOn),
    passing("deadline", "The function's time was up before this began.", "If it stays: see the target's load."),
    remedy("function_died", "The function died of this product alone three times: memory or timeout.", "See its log; make the product smaller or its memory larger.", Unpark),
    remedy("healed", "The target holds what it should.", "Nothing: the letter is dropped.", Nothing),
    passing("lease_lost", "A function outlived its lease; another took over.", "If it stays: the target is slow."),
    remedy("leased", "Another function holds its lease.", "Over two minutes means it died; the lease expires.", GoesOn),
    remedy("ledger_doc_missing", "The ledger lacks the product's content.", "Upload its last feed again, or restore the table.", Unpark),
    remedy("ledger_item_damaged", "The ledger's copy cannot be read.", "Upload its last feed again; for many, restore the table.", Unpark),
    passing("ledger_unavailable", "DynamoDB did not answer, or throttles.", "If it stays: see throttled requests and roles."),
    remedy("manifest_unreadable", "A full feed's list of products cannot be read.", "Upload the last full feed again; withdrawals wait.", Unpark),
    passing("mapping_unavailable", "dlq-redrive could not pause or resume a queue.", "If it stays: check its role, or use `aws lambda update-event-source-mapping`."),
    remedy("message_not_understood", "A message is neither announcement nor feed notification.", "Somebody else writes to the queue or the bus: find out who. `relay dlq park --code message_not_understood` keeps it, `relay dlq parked` shows it, `relay dlq remove --code message_not_understood` ends it.", Nothing),
    passing("no_reason_recorded", "A function died or ran out of time silently.", "If it stays: see its errors, memory, duration."),
    passing("not_claimed", "The ledger gave neither lease nor reason.", "If it stays, a defect: keep the trace."),
    remedy("object_missing", "The object was deleted before it was read.", "Upload it again if it is still wanted.", Nothing),
    remedy("object_replaced", "The feed was replaced before it was read.", "Nothing: the new one has its own run.", Nothing),
    remedy("product_body_missing", "Somebody deleted a large product's object; the message names it.", "Upload its last feed again, or restore the object.", Unpark),
    passing("product_body_unavailable", "S3 did not give or take a large product's content.", "If it stays: check the function's role and the bucket's policy."),
    remedy("product_too_large", "The product is larger than a request may be.", "Ask the supplier to shorten its texts or to split it.", NewFeed),
    remedy("redrives_exhausted", "A letter failed after every redrive, about a day.", "Settle the reason in its message.", Unpark),
    passing("s3_unavailable", "S3 did not give or take a full feed's list.", "If it stays: check the function's role and the bucket's policy."),
    remedy("secret_denied", "A secret is missing, or may not be read.", "Create it under the name in the message (docs/deployment.md), or check the function's role and the encryption key.", GoesOn),
    remedy("secret_missing", "A secret does not exist.", "Create it under the name in the message (docs/deployment.md).", GoesOn),
    remedy("secret_unreadable", "A secret is not the JSON it should be.", "Write it again: Pimcore {\"apiKey\"}, Medusa {\"email\",\"password\"} or {\"secretKey\"}.", GoesOn),
    passing("secrets_unavailable", "Secrets Manager did not answer.", "If it stays: the message has AWS's words."),
    remedy("superseded", "Newer content came since the letter died.", "Nothing: it is tried again.", Nothing),
    remedy("target_unavailable", "Pimcore or Medusa does not answer.", "Bring it back up; `relay status` shows which.", GoesOn),
    remedy("too_old", "A letter was dead for ten days; SQS would have deleted it.", "Settle the reason in its message.", Unpark),
    remedy("unknown_product", "No feed has brought this product.", "Upload the feed that has it, or `relay dlq remove --code unknown_product`.", Unpark),
    remedy("waiting", "A letter waits after a redrive.", "Nothing; `relay dlq redrive --force` does not wait.", Nothing),
    remedy("watermark", "A schedule's cursor cannot be written.", "A defect: keep the log.", GoesOn),
    remedy("withdrawal_refused", "A full feed lacks more products than the guard allows; nothing was withdrawn.", "If the feed is incomplete, upload the whole one. If they are really gone: `relay withdraw <run>`.", Nothing),
];
