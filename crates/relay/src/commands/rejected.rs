//! `relay rejected <run>`: the records that a run refused.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::answer::Answer;
use crate::error::CliError;
use crate::remedy;
use crate::render::{short, table};
use crate::stack::{Stack, aws_error};

/// Why a record does not count of which nothing is wrong: a later one of the same feed says
/// something else.
pub const REPEATED: &str = "repeated_record";

/// A refused record, as normalize wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rejected {
    /// Number of the record in the feed, from 0.
    pub index: u64,
    /// Where it begins: bytes from the beginning of the feed, after decompression.
    pub offset: u64,
    /// The product's id, where it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_id: Option<String>,
    pub reason: String,
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The offending value, shortened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    #[serde(default)]
    pub object: String,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct List {
    run: String,
    total: usize,
    /// Further ones, which the run only counted.
    unkept: u64,
    by_reason: BTreeMap<String, usize>,
    remedies: BTreeMap<String, String>,
    records: Vec<Rejected>,
}

/// Calls `take` with every refused record of a run; false ends it.
///
/// # Errors
/// When S3 does not answer.
pub async fn each(stack: &Stack, run: &str, mut take: impl FnMut(Rejected) -> bool) -> Result<(), CliError> {
    let prefix = format!("rejected/{run}/");
    let mut from = None;
    // A second attempt may have written a record into another part than the first.
    let mut told = HashSet::new();
    loop {
        let list = stack.s3().list_objects_v2().bucket(&stack.bucket).prefix(&prefix).set_continuation_token(from);
        let page = list.send().await.map_err(|error| aws_error("S3 ListObjectsV2", &prefix, &error))?;
        for object in page.contents.unwrap_or_default() {
            let key = object.key.unwrap_or_default();
            let read = stack.s3().get_object().bucket(&stack.bucket).key(&key).send().await;
            let read = read.map_err(|error| aws_error("S3 GetObject", &key, &error))?;
            let bytes = read.body.collect().await.map_err(|error| aws_error("S3 GetObject", &key, &error))?;
            for line in bytes.into_bytes().split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                if let Ok(rejected) = serde_json::from_slice::<Rejected>(line)
                    && told.insert((rejected.index, rejected.offset, rejected.reason.clone()))
                    && !take(rejected)
                {
                    return Ok(());
                }
            }
        }
        from = page.next_continuation_token;
        if from.is_none() {
            return Ok(());
        }
    }
}

/// The command.
///
/// # Errors
/// When S3 does not answer, or there is no such run.
pub async fn run(stack: &Stack, run: &str, limit: usize) -> Result<Answer, CliError> {
    let mut list = List { run: run.to_owned(), ..List::default() };
    each(stack, run, |rejected| {
        list.total += 1;
        *list.by_reason.entry(rejected.reason.clone()).or_default() += 1;
        if list.records.len() < limit {
            list.records.push(rejected);
        }
        true
    })
    .await?;
    let known = stack.ledger.runs(1000).await?.into_iter().map(|(_, known)| known).find(|known| known.name == run);
    list.unkept = known.as_ref().map_or(0, |known| known.counts.rejected_unkept);
    if list.total == 0 && known.is_none() {
        let advice = "`relay runs` lists them".to_owned();
        return Err(CliError::NotFound { what: format!("there is no run {run}"), advice });
    }
    list.remedies = list.by_reason.keys().map(|code| (code.clone(), remedy::advice(code))).collect();
    let text = text(&list);
    Ok(Answer::new(&list, text, list.total > 0))
}

fn text(list: &List) -> String {
    if list.total == 0 {
        return format!("Run {} rejected nothing.", list.run);
    }
    let rows = list.records.iter().map(|record| {
        [
            record.index.to_string(),
            record.offset.to_string(),
            record.product_id.clone().unwrap_or_else(|| "-".to_owned()),
            record.reason.clone(),
            record.path.clone().unwrap_or_default(),
            short(&record.message, 100),
        ]
    });
    let mut text = table(["record", "at byte", "product", "reason", "path", "message"], rows);
    if list.records.len() < list.total {
        text.push_str(&format!("\n… {} more; --limit shows more, --json all fields", list.total - list.records.len()));
    }
    if list.unkept > 0 {
        text.push_str(&format!("\n… and {} that were only counted: a run keeps the first ones", list.unkept));
    }
    text.push_str("\n\nWhat to do");
    for (code, count) in &list.by_reason {
        text.push_str(&format!("\n  {count} {code}: {}", list.remedies.get(code).map_or("", String::as_str)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shown;

    #[test]
    fn each_reason_comes_with_its_remedy() {
        let line = r#"{"index":3,"offset":120,"productId":"77","reason":"missing_price","message":"SKU s1 has no price","path":"$.info","object":"s3://b/k","raw":"{}"}"#;
        let record: Rejected = serde_json::from_str(line).unwrap();
        let mut list = List { run: "r".into(), total: 2, records: vec![record], ..List::default() };
        list.by_reason.insert("missing_price".into(), 2);
        list.remedies.insert("missing_price".into(), remedy::advice("missing_price"));
        let text = text(&list);
        assert!(text.contains("77") && text.contains("SKU s1 has no price") && text.contains("1 more"), "{text}");
        assert!(text.contains("2 missing_price: Ask the supplier; nothing"), "{text}");
    }

    #[test]
    fn what_a_feed_holds_does_nothing_to_the_terminal() {
        let wild = || Some(shown::WILD.to_owned());
        let record = Rejected {
            index: 0,
            offset: 0,
            product_id: wild(),
            reason: "invalid_type".into(),
            message: shown::WILD.into(),
            path: wild(),
            value: wild(),
            object: shown::WILD.into(),
        };
        let list = List { run: shown::WILD.into(), total: 1, records: vec![record], ..List::default() };
        shown::assert_tame(&Answer::new(&list, text(&list), true));
    }
}
