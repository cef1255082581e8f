//! `relay withdraw <run>`: withdraw what a full feed lacks although the guard refused it.
//!
//! normalize compares each full feed with the one before and withdraws what is missing, unless that
//! is suspiciously much. A feed that was refused is known by this: it is complete, newer than the
//! source's baseline, and has not become the baseline.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::json;
use withdrawal::run::watermark;
use withdrawal::{Baseline, Index, WithdrawRequest};

use crate::answer::Answer;
use crate::error::CliError;
use crate::stack::{Stack, aws_error};

/// A comparison normally follows its feed within seconds.
const PATIENCE_MS: i64 = 60_000;

/// A full feed that has not become its source's baseline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RefusedFeed {
    pub source: String,
    /// The run that read it.
    pub run: String,
    pub object: String,
}

/// The newest full feed of each source, where the guard holds it back.
///
/// # Errors
/// When AWS does not answer.
pub async fn held(stack: &Stack, now: i64) -> Result<Vec<RefusedFeed>, CliError> {
    let mut held = Vec::new();
    for source in sources(stack).await? {
        let prefix = format!("manifests/{source}/");
        let mut newest: Option<(i64, String)> = None;
        let mut from = None;
        loop {
            let list = stack.s3().list_objects_v2().bucket(&stack.bucket).prefix(&prefix).delimiter("/");
            let page = list.set_continuation_token(from).send().await;
            let page = page.map_err(|error| aws_error("S3 ListObjectsV2", &prefix, &error))?;
            for object in page.contents.unwrap_or_default() {
                let at = object.last_modified.and_then(|at| at.to_millis().ok()).unwrap_or(0);
                let key = object.key.unwrap_or_default();
                if key.ends_with(".json") && newest.as_ref().is_none_or(|(newest, _)| *newest < at) {
                    newest = Some((at, key));
                }
            }
            from = page.next_continuation_token;
            if from.is_none() {
                break;
            }
        }
        let Some((_, key)) = newest.filter(|(at, _)| now - at > PATIENCE_MS) else { continue };
        let Some(index) = index(stack, &key).await? else { continue };
        let own = stack.ledger.watermark(&watermark(&source, &index.speaks_for)).await?;
        let text = match own {
            None => stack.ledger.watermark(&watermark(&source, &BTreeSet::new())).await?,
            own => own,
        };
        let baseline: Option<Baseline> = text.and_then(|text| serde_json::from_str(&text).ok());
        if waits(&index, baseline.as_ref()) {
            let run = key[prefix.len()..].trim_end_matches(".json").to_owned();
            held.push(RefusedFeed { source, run, object: index.object });
        }
    }
    Ok(held)
}

/// Whether a full feed should have become the baseline and has not.
fn waits(index: &Index, baseline: Option<&Baseline>) -> bool {
    index.complete && baseline.is_some_and(|baseline| baseline.version < index.version)
}

async fn sources(stack: &Stack) -> Result<Vec<String>, CliError> {
    let list = stack.s3().list_objects_v2().bucket(&stack.bucket).prefix("manifests/").delimiter("/").send().await;
    let list = list.map_err(|error| aws_error("S3 ListObjectsV2", "manifests/", &error))?;
    let prefixes = list.common_prefixes.unwrap_or_default().into_iter().filter_map(|prefix| prefix.prefix);
    Ok(prefixes.filter_map(|prefix| Some(prefix.split('/').nth(1)?.to_owned())).collect())
}

async fn index(stack: &Stack, key: &str) -> Result<Option<Index>, CliError> {
    let object = match stack.s3().get_object().bucket(&stack.bucket).key(key).send().await {
        Ok(object) => object,
        Err(error) if error.as_service_error().is_some_and(|e| e.is_no_such_key()) => return Ok(None),
        Err(error) => return Err(aws_error("S3 GetObject", key, &error)),
    };
    let bytes = object.body.collect().await.map_err(|error| aws_error("S3 GetObject", key, &error))?;
    Ok(serde_json::from_slice(&bytes.into_bytes()).ok())
}

/// The command.
///
/// # Errors
/// When the run left no list of products, or AWS does not answer.
pub async fn run(stack: &Stack, run: &str) -> Result<Answer, CliError> {
    for source in sources(stack).await? {
        let Some(index) = index(stack, &format!("manifests/{source}/{run}.json")).await? else { continue };
        let request =
            WithdrawRequest { bucket: stack.bucket.clone(), source, run: run.to_owned(), force: true, after: None };
        stack.send_ingest(request.message()).await?;
        let text = format!(
            "Asked normalize to withdraw what {} no longer contains, however much it is. `relay status` shows what is on its way.",
            index.object
        );
        return Ok(Answer::new(&json!({"run": run, "object": index.object}), text, false));
    }
    Err(CliError::NotFound {
        what: format!("run {run} left no list of products: it was no full feed, or is unknown"),
        advice: "a full feed is uploaded with the metadata feed-mode=full (docs/feeds.md); `relay runs` lists the runs"
            .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(version: &str, complete: bool) -> Index {
        Index {
            parts: "p".into(),
            object: "s3://b/k".into(),
            version: version.into(),
            complete,
            speaks_for: BTreeSet::new(),
        }
    }

    #[test]
    fn a_feed_waits_if_it_is_whole_and_newer_than_the_baseline() {
        let baseline = Baseline { run: "r1".into(), version: "2".into() };
        assert!(waits(&index("3", true), Some(&baseline)));
        assert!(!waits(&index("2", true), Some(&baseline)), "it is the baseline");
        assert!(!waits(&index("3", false), Some(&baseline)), "its gaps say nothing");
        assert!(!waits(&index("3", true), None), "there was nothing to compare with");
    }
}
