//! `relay release`: what a person took off sale in the shop, or deleted in the PIM, put back.

use std::io::Write as _;

use catalog::ProductKey;
use ledger::Aside;
use runtime::{Announcement, Announcer, Cause, ProductMessage};
use serde_json::json;

use crate::answer::Answer;
use crate::error::CliError;
use crate::render::count;
use crate::stack::Stack;

/// Products released between two lines that say how far it is.
const TOGETHER: usize = 100;

/// The command.
///
/// # Errors
/// When nothing of the product is set aside, or AWS does not answer.
pub async fn run(stack: &Stack, product: &str, now: i64) -> Result<Answer, CliError> {
    let mut key = super::product_key(product)?;
    if key.is_article() {
        // Any member's release is the article's: an article is brought by its members.
        let member = stack.ledger.members(&key).await?.into_iter().next();
        key = member.map(|member| member.key).ok_or_else(|| CliError::NotFound {
            what: format!("no product has joined {key}"),
            advice: format!("`relay trace {key}` tells what it is"),
        })?;
    }
    let correlation_id = format!("release-{now}");
    let deleted = stack.ledger.release_gone(&key, now).await?;
    let aside = stack.ledger.release_aside(&key, now).await?;
    if !deleted && !aside {
        return Err(CliError::NotFound {
            what: format!("nothing of {key} is set aside in the shop, nor is it noted as deleted in Pimcore"),
            advice: format!("`relay trace {key}` says why it is not for sale"),
        });
    }
    let message = ProductMessage { key: key.clone(), correlation_id: correlation_id.clone(), cause: Cause::Repair };
    // The shop is told by pimcore-sync once Pimcore has it.
    let (announcement, comes) = if deleted {
        (Announcement::product_changed(&message), "it is made anew in Pimcore, and the shop follows")
    } else {
        (Announcement::product_synced(&message), "the shop gets it back as it should be")
    };
    announce(stack, &[announcement]).await?;
    let text = format!("Released {key}: {comes}. `relay trace {key}` shows what comes of it.");
    Ok(Answer::new(&json!({"product": key.to_string(), "correlationId": correlation_id}), text, false))
}

/// All that people deleted in the PIM: a folder was deleted by accident, say, or the PIM was
/// restored from a backup.
///
/// # Errors
/// When AWS does not answer; what was released until then stays so, and the command goes on.
pub async fn deleted(stack: &Stack, now: i64) -> Result<Answer, CliError> {
    let gone = stack.ledger.gone().await?;
    let correlation_id = format!("release-{now}");
    let mut released = 0_usize;
    for (n, some) in gone.chunks(TOGETHER).enumerate() {
        if n > 0 {
            let _ = writeln!(std::io::stderr(), "released {} of {} …", n * TOGETHER, gone.len());
        }
        let mut announcements = Vec::with_capacity(some.len());
        for (key, _) in some {
            // Somebody may have restored or released it since it was listed.
            if stack.ledger.release_gone(key, now).await? {
                announcements.push(changed(key, &correlation_id));
            }
        }
        announce(stack, &announcements).await?;
        released += announcements.len();
    }
    let text = match released {
        0 => "No product is noted as deleted in Pimcore.".to_owned(),
        _ => format!(
            "Released {}: they are made anew in Pimcore, and the shop follows. `relay status` shows how many are still on the way.",
            count(released, "product")
        ),
    };
    Ok(Answer::new(&json!({"released": released, "correlationId": correlation_id}), text, false))
}

fn changed(key: &ProductKey, correlation_id: &str) -> Announcement {
    let correlation_id = correlation_id.to_owned();
    Announcement::product_changed(&ProductMessage { key: key.clone(), correlation_id, cause: Cause::Repair })
}

async fn announce(stack: &Stack, announcements: &[Announcement]) -> Result<(), CliError> {
    let announcer = Announcer::new(aws_sdk_eventbridge::Client::new(&stack.aws), &stack.bus);
    for answer in announcer.announce(announcements).await {
        answer?;
    }
    Ok(())
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
