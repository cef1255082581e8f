//! `relay source list|put|show|remove`: mappings that are in force on a stack.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use feeds::adapter::ADAPTERS;
use ledger::core::config::Head;
use redrive::overdue::run_of;
use serde::Serialize;
use serde_json::json;
use sources::{Bundle, shipped};

use super::{replay, source};
use crate::answer::Answer;
use crate::cli::Source;
use crate::error::CliError;
use crate::render::{span, table};
use crate::stack::{Stack, aws_error};

/// Where mappings are in the bucket.
const PREFIX: &str = "config/sources/";
/// The kind of mappings in the ledger.
pub(super) const KIND: &str = "source";
/// Runs in which a source's last feed is looked for.
const RUNS: usize = 1_000;
/// How long it may take until a mapping was looked at: a feed that is being read goes first.
const PATIENCE: Duration = Duration::from_secs(180);
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Carries a command out.
///
/// # Errors
/// When a file is not there, or AWS does not answer.
pub async fn run(stack: &Stack, command: &Source, now: i64) -> Result<Answer, CliError> {
    match command {
        Source::Put { mapping, replay } => put(stack, mapping, *replay, now).await,
        Source::Show { source } => show(stack, source, now).await,
        Source::Remove { source } => remove(stack, source).await,
        _ => list(stack, now).await,
    }
}

/// A source in a list.
#[derive(Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SourceLine {
    /// Its name.
    pub source: String,
    /// Where its mapping is.
    pub mapping: String,
    /// Which version is in force.
    pub version: Option<String>,
    /// Since when (ms), where it was put into the bucket.
    pub since: Option<i64>,
    /// Why a newer one is not.
    pub refused: Vec<String>,
}

/// Every source, those of the bucket over the deployed ones.
#[must_use]
pub fn lines(heads: &[(String, Head)]) -> Vec<SourceLine> {
    let plain = |source: &str, mapping: String, version: Option<String>| SourceLine {
        source: source.to_owned(),
        mapping,
        version,
        since: None,
        refused: Vec::new(),
    };
    let mut lines: Vec<SourceLine> =
        ADAPTERS.iter().map(|adapter| plain(adapter.source(), "built in".to_owned(), None)).collect();
    for name in shipped::names() {
        let digest = shipped::bundle(name).map(|bundle| bundle.digest());
        lines.push(plain(name, format!("sources/{name}.yaml, deployed"), digest));
    }
    for (name, head) in heads.iter().filter(|(_, head)| head.digest.is_some() || head.refused.is_some()) {
        let refused = head.refused.clone().map(|refused| refused.problems).unwrap_or_default();
        let known = lines.iter().position(|line| line.source == *name);
        let at = known.unwrap_or_else(|| {
            lines.push(plain(name, "none: it was refused".to_owned(), None));
            lines.len() - 1
        });
        let line = &mut lines[at];
        if head.digest.is_some() {
            line.mapping = format!("{PREFIX}{name}.yaml");
            line.version.clone_from(&head.digest);
            line.since = head.since;
        }
        line.refused = refused;
    }
    lines
}

async fn list(stack: &Stack, now: i64) -> Result<Answer, CliError> {
    let lines = lines(&stack.ledger.config_heads(KIND).await?);
    let rows = lines.iter().map(|line| {
        let since = line.since.map(|since| format!("{} ago", span(now - since))).unwrap_or_default();
        [line.source.clone(), line.mapping.clone(), line.version.clone().unwrap_or_default(), since]
    });
    let mut text = table(["source", "mapping", "version", "in force since"], rows);
    for line in lines.iter().filter(|line| !line.refused.is_empty()) {
        let _ = write!(text, "\n{}: the newest file is refused: {}", line.source, line.refused.join("\n  "));
    }
    let attention = lines.iter().any(|line| !line.refused.is_empty());
    Ok(Answer::new(&lines, text, attention))
}

async fn put(stack: &Stack, file: &Path, replay: bool, now: i64) -> Result<Answer, CliError> {
    let bundle = source::bundle(file)?;
    let mapping = match bundle.mapping() {
        Ok(mapping) => mapping,
        Err(problems) => {
            let shown: Vec<String> = problems.iter().map(|problem| problem.shown(&bundle.text)).collect();
            return Ok(Answer::new(&problems, format!("{}\nNothing was changed.", shown.join("\n\n")), true));
        }
    };
    let name = mapping.source();
    let before = stack.ledger.config_head(KIND, name).await?;
    // The tables first: the mapping that needs them finds them.
    for (table, text) in &bundle.beside {
        upload(stack, &format!("{PREFIX}{table}"), text).await?;
    }
    upload(stack, &format!("{PREFIX}{name}.yaml"), &bundle.text).await?;
    let digest = bundle.digest();
    let wanted = |head: &Head| {
        head.refused.as_ref().is_some_and(|refused| refused.digest == digest)
            || (head.refused.is_none() && head.digest.as_ref() == Some(&digest))
    };
    let Some(head) = wait_for(stack, name, wanted).await? else { return Err(not_looked_at(name)) };
    if let Some(refused) = &head.refused {
        let text =
            format!("The stack refuses it:\n  {}\nWhat was in force stays in force.", refused.problems.join("\n  "));
        return Ok(Answer::new(&json!({"source": name, "refused": refused}), text, true));
    }
    let mut text = match &before.digest {
        Some(was) if *was == digest => format!("{name}: version {digest} was in force already."),
        Some(was) => format!("{name}: version {digest} is in force, in place of {was}."),
        None if shipped::bundle(name).is_some() => {
            format!("{name}: version {digest} is in force, in place of the deployed mapping.")
        }
        None => format!("{name}: version {digest} is in force. Feeds go to s3://{}/incoming/{name}/.", stack.bucket),
    };
    let feed = last_feed(stack, name).await?;
    let changed = before.digest.as_ref() != Some(&digest);
    if let Some(feed) = feed.as_ref().filter(|_| changed) {
        if replay {
            let answer = replay::run(stack, feed, None, true, now).await?;
            let _ = write!(text, "\n{}", answer.text);
        } else {
            let _ = write!(
                text,
                "\nProducts stay as they are until the next feed. To read the last one again by it (what does not change costs no write): \
                 relay replay {feed} --as-newest"
            );
        }
    }
    Ok(Answer::new(&json!({"source": name, "version": digest, "before": before.digest, "lastFeed": feed}), text, false))
}

fn not_looked_at(name: &str) -> CliError {
    CliError::Refused {
        what: format!("{PREFIX}{name}.yaml is in the bucket, and was not looked at within {} s", PATIENCE.as_secs()),
        advice: "feeds that are being read go first: `relay source show` tells when it is in force; `relay status` shows what holds it up".to_owned(),
    }
}

async fn upload(stack: &Stack, key: &str, text: &str) -> Result<(), CliError> {
    let body = ByteStream::from(text.as_bytes().to_vec());
    let put =
        stack.s3().put_object().bucket(&stack.bucket).key(key).content_type("text/plain; charset=utf-8").body(body);
    put.send().await.map(|_| ()).map_err(|error| aws_error("S3 PutObject", key, &error))
}

/// The head once it is as is wanted; nothing where that takes too long.
async fn wait_for(stack: &Stack, name: &str, wanted: impl Fn(&Head) -> bool) -> Result<Option<Head>, CliError> {
    let looks = PATIENCE.as_millis() / LOOK_EVERY.as_millis();
    for _ in 0..looks {
        let head = stack.ledger.config_head(KIND, name).await?;
        if wanted(&head) {
            return Ok(Some(head));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(None)
}

/// The newest feed of a source that a run knows.
async fn last_feed(stack: &Stack, name: &str) -> Result<Option<String>, CliError> {
    let prefix = format!("incoming/{name}/");
    let mut runs: Vec<(i64, String)> = stack
        .ledger
        .runs(RUNS)
        .await?
        .into_iter()
        .filter_map(|(pk, run)| Some((run.started, run_of(&pk)?)))
        .filter(|(_, id)| id.key.starts_with(&prefix) && !id.is_strict())
        .map(|(started, id)| (started, format!("s3://{}/{}", id.bucket, id.key)))
        .collect();
    runs.sort();
    Ok(runs.pop().map(|(_, feed)| feed))
}

async fn show(stack: &Stack, name: &str, now: i64) -> Result<Answer, CliError> {
    let head = stack.ledger.config_head(KIND, name).await?;
    let text_of = match &head.digest {
        Some(digest) => stack.ledger.config_text(KIND, name, digest).await?.as_deref().and_then(Bundle::of_json),
        None => shipped::bundle(name),
    };
    if text_of.is_none() && head.refused.is_none() {
        let known: Vec<String> =
            lines(&stack.ledger.config_heads(KIND).await?).into_iter().map(|line| line.source).collect();
        return Err(CliError::NotFound {
            what: match feeds::adapter::find(name) {
                Some(_) => format!("{name} is built in: it has no mapping"),
                None => format!("no mapping reads a source {name}"),
            },
            advice: format!("sources: {}", known.join(", ")),
        });
    }
    let mut text = String::new();
    if let Some(bundle) = &text_of {
        let from = match (&head.digest, head.since) {
            (Some(_), Some(since)) => format!("in force for {}", span(now - since)),
            _ => "deployed with the stack".to_owned(),
        };
        let _ = writeln!(text, "# {}, version {}, {from}", bundle.file, bundle.digest());
        text.push_str(&bundle.text);
        for (file, table) in &bundle.beside {
            let _ = write!(text, "\n# {file}\n{table}");
        }
    }
    if let Some(refused) = &head.refused {
        let problems = refused.problems.join("\n  ");
        let _ = write!(text, "\nThe newest file is refused, {} ago:\n  {problems}", span(now - refused.at));
    }
    let shown = json!({"source": name, "version": head.digest, "since": head.since, "files": head.files, "refused": head.refused, "mapping": text_of});
    Ok(Answer::new(&shown, text.trim_end(), head.refused.is_some()))
}

async fn remove(stack: &Stack, name: &str) -> Result<Answer, CliError> {
    let key = format!("{PREFIX}{name}.yaml");
    let before = stack.ledger.config_head(KIND, name).await?;
    let removed = stack.s3().delete_object().bucket(&stack.bucket).key(&key).send().await;
    removed.map_err(|error| aws_error("S3 DeleteObject", &key, &error))?;
    if before.digest.is_none() && before.refused.is_none() {
        let text = format!("{name}: no mapping of it was in force from the bucket.");
        return Ok(Answer::new(&json!({"source": name, "removed": false}), text, false));
    }
    let gone = |head: &Head| head.digest.is_none() && head.refused.is_none();
    if wait_for(stack, name, gone).await?.is_none() {
        return Err(not_looked_at(name));
    }
    let then = if shipped::bundle(name).is_some() {
        "the deployed mapping reads its feeds again"
    } else {
        "its feeds end as failed runs (unknown_source) from now on; its products stay as they are"
    };
    Ok(Answer::new(&json!({"source": name, "removed": true}), format!("{name}: removed; {then}."), false))
}

#[cfg(test)]
mod tests {
    use ledger::core::config::Refused;

    use super::*;

    #[test]
    fn every_source_is_listed_and_those_of_the_bucket_lie_over_the_deployed_ones() {
        let refused = Some(Refused { digest: "x".into(), at: 1, problems: vec!["acme.yaml:1:1: no".into()] });
        let heads = [
            ("plain-csv".to_owned(), Head { digest: Some("mine".into()), since: Some(5), ..Head::default() }),
            ("acme".to_owned(), Head { refused, ..Head::default() }),
            ("gone".to_owned(), Head { revision: 2, ..Head::default() }),
        ];
        let lines = lines(&heads);
        let of = |name: &str| lines.iter().find(|line| line.source == name);
        assert_eq!(of("shein-api").map(|line| line.mapping.as_str()), Some("built in"));
        assert_eq!(of("plain-csv").and_then(|line| line.version.as_deref()), Some("mine"));
        assert!(of("shopify-csv").is_some_and(|line| line.version.is_some() && line.mapping.contains("deployed")));
        assert!(of("acme").is_some_and(|line| line.version.is_none() && line.refused.len() == 1));
        assert_eq!(of("gone"), None);
    }
}
