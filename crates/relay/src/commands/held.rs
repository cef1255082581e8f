//! `relay held list|approve|reject`: changes that wait for a person.

use catalog::ProductKey;
use futures::future::try_join_all;
use ledger::Stage;
use ledger::core::held::{Held, Word};
use runtime::{Announcement, Announcer, Cause, ProductMessage};
use serde_json::json;

use crate::answer::Answer;
use crate::cli::{Held as Command, Which};
use crate::error::CliError;
use crate::render::{count, short, span, table};
use crate::stack::Stack;

/// Products written at once.
const TOGETHER: usize = 16;

/// Carries a command out.
///
/// # Errors
/// When AWS does not answer, or nothing of what was named is held.
pub async fn run(stack: &Stack, command: &Command, now: i64) -> Result<Answer, CliError> {
    let held = waiting(stack).await?;
    match command {
        Command::List => Ok(list(&held, now)),
        Command::Approve { which } => decide(stack, chosen(held, which)?, Word::Approve, now).await,
        Command::Reject { which } => decide(stack, chosen(held, which)?, Word::Reject, now).await,
    }
}

/// What waits for a person. Nothing does while no rule holds anything.
///
/// # Errors
/// When AWS does not answer.
pub async fn waiting(stack: &Stack) -> Result<Vec<(ProductKey, Held)>, CliError> {
    let rules = super::rules_in_force::read(stack).await?;
    if !rules.rules.looks_back() {
        return Ok(Vec::new());
    }
    Ok(stack.ledger.held(rules.epoch).await?)
}

fn list(held: &[(ProductKey, Held)], now: i64) -> Answer {
    let json: Vec<_> = held.iter().map(|(key, held)| json!({"product": key.to_string(), "held": held})).collect();
    if held.is_empty() {
        return Answer::new(&json, "Nothing waits for a person.", false);
    }
    let rows = held.iter().map(|(key, held)| {
        let reasons = short(&held.reasons.join("; "), 100);
        [key.to_string(), span(now - held.at), held.rules.join(", "), held.run.clone(), reasons]
    });
    let text = format!(
        "{}\n{} as before until somebody decides: `relay held approve` or `relay held reject`, with products, --rule, --feed or --all.",
        table(["product", "since", "rule", "feed", "change"], rows),
        count(held.len(), "product")
    );
    Answer::new(&json, text, true)
}

fn chosen(held: Vec<(ProductKey, Held)>, which: &Which) -> Result<Vec<(ProductKey, Held)>, CliError> {
    let keys = which.products.iter().map(|text| super::product_key(text)).collect::<Result<Vec<_>, _>>()?;
    let is_meant = |(key, held): &(ProductKey, Held)| {
        which.all
            || keys.contains(key)
            || which.rule.as_ref().is_some_and(|rule| held.rules.contains(rule))
            || which.feed.as_ref() == Some(&held.run)
    };
    let chosen: Vec<_> = held.into_iter().filter(is_meant).collect();
    if chosen.is_empty() {
        return Err(CliError::NotFound {
            what: "nothing of that is held".to_owned(),
            advice: "`relay held list` names products, rules and feeds".to_owned(),
        });
    }
    Ok(chosen)
}

async fn decide(stack: &Stack, chosen: Vec<(ProductKey, Held)>, word: Word, now: i64) -> Result<Answer, CliError> {
    let correlation_id = format!("held-{now}");
    let (mut done, mut changed) = (Vec::new(), Vec::new());
    for some in chosen.chunks(TOGETHER) {
        let said = try_join_all(some.iter().map(async |(key, held)| {
            // Something else may be held by now: a person has not seen that.
            let said = stack.ledger.choose(key, &held.digest, word).await?;
            if said {
                stack.ledger.doubt(Stage::Pimcore, key, now).await?;
            }
            Ok::<bool, CliError>(said)
        }));
        for ((key, _), said) in some.iter().zip(said.await?) {
            if said {
                done.push(key.clone());
            } else {
                changed.push(key.to_string());
            }
        }
    }
    let announcements: Vec<Announcement> = done
        .iter()
        .map(|key| {
            let correlation_id = correlation_id.clone();
            Announcement::product_changed(&ProductMessage { key: key.clone(), correlation_id, cause: Cause::Replay })
        })
        .collect();
    let announcer = Announcer::new(aws_sdk_eventbridge::Client::new(&stack.aws), &stack.bus);
    for answer in announcer.announce(&announcements).await {
        answer?;
    }
    let what = match word {
        Word::Approve => "approved: the change is shown",
        Word::Reject => "rejected: what is shown stays until the source says something else",
    };
    let mut text = format!("{} {what}.", count(done.len(), "product"));
    if !changed.is_empty() {
        text.push_str(&format!("\nSomething else is wanted by now of {}: look again.", changed.join(", ")));
    }
    let done: Vec<String> = done.iter().map(ToString::to_string).collect();
    Ok(Answer::new(
        &json!({"products": done, "changed": changed, "correlationId": correlation_id}),
        text,
        !changed.is_empty(),
    ))
}
