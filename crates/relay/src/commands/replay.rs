//! `relay replay`: the work on a product or a feed, once more.

use aws_sdk_s3::operation::copy_object::CopyObjectInput;
use aws_sdk_s3::operation::copy_object::builders::CopyObjectInputBuilder;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::MetadataDirective;
use ledger::{RunStatus, Stage};
use redrive::overdue::run_of;
use runtime::message::REPLAYED;
use runtime::{Announcement, Announcer, Cause, ProductMessage};
use serde_json::json;

use crate::answer::Answer;
use crate::cli::StageName;
use crate::error::CliError;
use crate::stack::{Stack, aws_error};

/// Objects up to this size can be copied by one call; S3's limit.
const COPY_LIMIT: i64 = 5 * 1024 * 1024 * 1024;

/// The command.
///
/// # Errors
/// When there is no such product or object, or it would do harm.
pub async fn run(
    stack: &Stack,
    target: &str,
    stage: Option<StageName>,
    as_newest: bool,
    now: i64,
) -> Result<Answer, CliError> {
    match object_key(target, &stack.bucket)? {
        Some(key) => feed(stack, &key, as_newest, now).await,
        None => product(stack, target, stage, now).await,
    }
}

/// The object that a text names, or nothing if it names a product.
fn object_key(target: &str, bucket: &str) -> Result<Option<String>, CliError> {
    if let Some(rest) = target.strip_prefix("s3://") {
        let (named, key) = rest.split_once('/').unwrap_or((rest, ""));
        if named != bucket {
            return Err(CliError::NotFound {
                what: format!("bucket {named} is not this stack's"),
                advice: format!("feeds are read from s3://{bucket}/incoming/<source>/"),
            });
        }
        return Ok(Some(key.to_owned()));
    }
    Ok(target.starts_with("incoming/").then(|| target.to_owned()))
}

async fn product(stack: &Stack, target: &str, stage: Option<StageName>, now: i64) -> Result<Answer, CliError> {
    let key = super::product_key(target)?;
    let states = stack.ledger.read_states(std::slice::from_ref(&key)).await?;
    let state = states.get(&key).cloned().unwrap_or_default();
    if state.hash.is_none() {
        return Err(CliError::NotFound {
            what: format!("no feed has brought a product {key}"),
            advice: format!("`relay trace {key}` looks for it among the rejected records"),
        });
    }
    // Whoever asks does not believe that the targets hold what the ledger says they do: they are
    // compared in full, and what differs is written again. What people deleted stays away.
    let stages: &[Stage] = match stage {
        Some(StageName::Pimcore) => &[Stage::Pimcore],
        Some(StageName::Medusa) => &[Stage::Medusa],
        None => &Stage::ALL,
    };
    for stage in stages {
        stack.ledger.doubt(*stage, &key, now).await?;
    }
    let correlation_id = format!("replay-{now}");
    let message = ProductMessage { key: key.clone(), correlation_id: correlation_id.clone(), cause: Cause::Replay };
    // The shop is told by pimcore-sync once Pimcore is done.
    let announcement = match stage {
        Some(StageName::Medusa) => Announcement::product_synced(&message),
        _ => Announcement::product_changed(&message),
    };
    let announcer = Announcer::new(aws_sdk_eventbridge::Client::new(&stack.aws), &stack.bus);
    for answer in announcer.announce(&[announcement]).await {
        answer?;
    }
    let words: Vec<&str> = stages.iter().map(|stage| stage.as_str()).collect();
    let text = format!(
        "Announced {key}: it is compared with {} in full, and what differs is written. Its log lines carry the correlation id {correlation_id}; `relay trace {key}` shows what comes of it.",
        words.join(" and ")
    );
    Ok(Answer::new(&json!({"product": key.to_string(), "stages": words, "correlationId": correlation_id}), text, false))
}

async fn feed(stack: &Stack, key: &str, as_newest: bool, now: i64) -> Result<Answer, CliError> {
    let object = format!("s3://{}/{key}", stack.bucket);
    let head = stack.s3().head_object().bucket(&stack.bucket).key(key).send().await.map_err(|error| {
        if error.as_service_error().is_some_and(|e| e.is_not_found()) {
            let advice = format!("aws s3 ls s3://{}/incoming/ lists what is there", stack.bucket);
            CliError::NotFound { what: format!("there is no object {object}"), advice }
        } else {
            aws_error("S3 HeadObject", &object, &error)
        }
    })?;
    if as_newest {
        return copy(stack, key, &object, &head).await;
    }
    let version = head.version_id().filter(|version| *version != "null");
    let etag = head.e_tag().unwrap_or_default().trim_matches('"').to_owned();
    let runs = stack.ledger.runs(1000).await?;
    let earlier = runs.into_iter().find(|(pk, _)| {
        run_of(pk).is_some_and(|id| {
            let same =
                version.map_or_else(|| id.object_version.starts_with(&etag), |version| id.object_version == version);
            id.bucket == stack.bucket && id.key == key && same
        })
    });
    if let Some((_, run)) = earlier.filter(|(_, run)| run.status != RunStatus::Running) {
        return Err(CliError::Refused {
            what: format!("{object} was read before, as run {} ({})", run.name, run.status.as_str()),
            advice: format!(
                "`relay replay source:id` does a product again. To let this feed have the newest word on all its products, even where a \
                 later feed said otherwise: `relay replay {object} --as-newest`"
            ),
        });
    }
    let time = jiff::Timestamp::from_millisecond(now).unwrap_or_default().to_string();
    let event = json!({
        "source": "aws.s3",
        "detail-type": "Object Created",
        "time": time,
        "detail": {
            "bucket": {"name": stack.bucket},
            "object": {"key": key, "version-id": version, "etag": etag, "size": head.content_length(), "sequencer": ""},
            "reason": "relay replay",
        },
    });
    stack.send_ingest(event.to_string()).await?;
    let text = format!("Asked normalize to read {object}. `relay runs` shows its progress.");
    Ok(Answer::new(&json!({"object": object, "asNewest": false}), text, false))
}

/// Copies an object onto itself: a new version, which S3 announces like any upload.
async fn copy(stack: &Stack, key: &str, object: &str, head: &HeadObjectOutput) -> Result<Answer, CliError> {
    let size = head.content_length().unwrap_or(0);
    if size > COPY_LIMIT {
        return Err(CliError::Refused {
            what: format!("{object} has {size} bytes, more than S3 copies in one call"),
            advice: format!("aws s3 cp {object} {object} --metadata-directive REPLACE copies it in parts"),
        });
    }
    copied(&stack.bucket, key, head)
        .send_with(stack.s3())
        .await
        .map_err(|error| aws_error("S3 CopyObject", object, &error))?;
    let text = format!("Copied {object} onto itself: it is read as a new feed. `relay runs` shows its progress.");
    Ok(Answer::new(&json!({"object": object, "asNewest": true}), text, false))
}

/// The object once more: in its encoding, which its type names, and said to be replayed.
fn copied(bucket: &str, key: &str, head: &HeadObjectOutput) -> CopyObjectInputBuilder {
    CopyObjectInput::builder()
        .bucket(bucket)
        .key(key)
        .copy_source(format!("{bucket}/{}", escaped(key)))
        .metadata_directive(MetadataDirective::Replace)
        .set_content_type(head.content_type().map(str::to_owned))
        .metadata(REPLAYED, "relay")
}

/// A key as the header of a copy wants it: percent-encoded, slashes as they are.
fn escaped(key: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    key.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_an_object_or_a_product() {
        assert_eq!(object_key("s3://b/incoming/demo/a.json", "b").unwrap().as_deref(), Some("incoming/demo/a.json"));
        assert_eq!(object_key("incoming/demo/a.json", "b").unwrap().as_deref(), Some("incoming/demo/a.json"));
        assert_eq!(object_key("demo:1", "b").unwrap(), None);
        assert!(object_key("s3://other/incoming/demo/a.json", "b").is_err());
    }

    #[test]
    fn a_copy_keeps_the_feeds_encoding_and_says_that_it_is_replayed() {
        let head = HeadObjectOutput::builder().content_type("text/csv; charset=windows-1256").build();
        let copy = copied("b", "incoming/demo/a b.csv", &head).build().unwrap();
        assert_eq!(copy.content_type(), Some("text/csv; charset=windows-1256"));
        assert_eq!(copy.copy_source(), Some("b/incoming/demo/a%20b.csv"));
        assert!(copy.metadata().unwrap().contains_key(REPLAYED));
    }

    #[test]
    fn keys_in_any_script_can_be_copied() {
        assert_eq!(escaped("incoming/demo/a b+ق.json"), "incoming/demo/a%20b%2B%D9%82.json");
    }
}
