//! `relay release`: what a person took off sale in the shop, put back.

use ledger::Aside;
use runtime::{Announcement, Announcer, Cause, ProductMessage};
use serde_json::json;

use crate::answer::Answer;
use crate::error::CliError;
use crate::stack::Stack;

/// The command.
///
/// # Errors
/// When nothing of the product is set aside, or AWS does not answer.
pub async fn run(stack: &Stack, product: &str, now: i64) -> Result<Answer, CliError> {
    let key = super::product_key(product)?;
    if !stack.ledger.release_aside(&key, now).await? {
        return Err(CliError::NotFound {
            what: format!("nothing of {key} is set aside in the shop"),
            advice: format!("`relay trace {key}` says why it is not for sale"),
        });
    }
    let correlation_id = format!("release-{now}");
    let message = ProductMessage { key: key.clone(), correlation_id: correlation_id.clone(), cause: Cause::Repair };
    let announcer = Announcer::new(aws_sdk_eventbridge::Client::new(&stack.aws), &stack.bus);
    for answer in announcer.announce(&[Announcement::product_synced(&message)]).await {
        answer?;
    }
    let text =
        format!("Released {key}: the shop gets it back as it should be. `relay trace {key}` shows what comes of it.");
    Ok(Answer::new(&json!({"product": key.to_string(), "correlationId": correlation_id}), text, false))
}

/// How to end it, besides the command.
#[must_use]
pub fn opposite(aside: &Aside) -> Option<&'static str> {
    match aside.what.as_str() {
        "draft" => Some("publish it there"),
        "channel" => Some("put it into the channel again"),
        "variant" => Some("make a variant with that SKU there"),
        _ => None,
    }
}
