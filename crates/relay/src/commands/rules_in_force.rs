//! `relay rules put|list|show|remove`: rules that are in force on a stack, and how far products have followed them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use catalog::{Product, ProductKey};
use ledger::DesiredDoc;
use ledger::core::config::Head;
use ledger::core::held::{Past, Word};
use ledger::core::walk::{self, SEGMENTS, Segment};
use serde::Serialize;
use serde_json::json;
use want::{Bundle, InForce, KIND, Moment, NAME, Step, Wanted};

use super::preview::said_at;
use super::rules;
use crate::answer::Answer;
use crate::cli::{Configured, Rules};
use crate::error::CliError;
use crate::local;
use crate::render::{count, span, table};
use crate::stack::{Stack, aws_error};

const FOLDER: &str = "config/rules/";
const RATES: &str = "config/rates.json";
/// How long it may take until the files were looked at: a feed that is being read goes first.
const PATIENCE: Duration = Duration::from_secs(180);
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Carries a command out.
///
/// # Errors
/// When a file is not there, or AWS does not answer.
pub async fn run(stack: &Stack, command: &Rules, now: i64) -> Result<Answer, CliError> {
    match command {
        Rules::Put { paths, rates } => put(stack, paths, rates.as_deref(), now).await,
        Rules::Show => show(stack, now).await,
        Rules::Remove { files } => remove(stack, files, now).await,
        _ => list(stack, now).await,
    }
}

/// The rules in force; none where there are none.
///
/// # Errors
/// When the ledger does not answer, or what it has cannot be read.
pub async fn read(stack: &Stack) -> Result<InForce, CliError> {
    let head = stack.ledger.config_head(KIND, NAME).await?;
    let Some(digest) = &head.digest else { return Ok(InForce::default()) };
    let text = stack.ledger.config_text(KIND, NAME, digest).await?;
    let read = text.as_deref().and_then(Bundle::of_json).map(|bundle| bundle.read(head.since.unwrap_or(0)));
    match read {
        Some(Ok(rules)) => Ok(InForce { epoch: head.looks_back.unwrap_or(rules.since), ..rules }),
        _ => Err(CliError::Refused {
            what: format!("the rules in force, version {digest}, cannot be read by this relay"),
            advice: "use the version of relay that the stack was deployed with".to_owned(),
        }),
    }
}

/// The rules that were named, else those in force.
///
/// # Errors
/// When they cannot be read.
pub async fn or_named(stack: &Stack, configured: &Configured) -> Result<InForce, CliError> {
    if configured.rules.is_empty() {
        return read(stack).await;
    }
    let (rules, rates) = (local::rules::read(&configured.rules)?, local::rules::rates(configured.rates.as_deref())?);
    Ok(InForce { rules, rates, ..InForce::default() })
}

/// What rules make of a document.
fn wanted(rules: &InForce, doc: &DesiredDoc, past: &Past, now: i64) -> Wanted {
    let last = past.base.as_ref().map(|base| &base.product);
    rules.want(&doc.product, Some(said_at(&doc.version, now)), last, now)
}

/// What the PIM is to show of a document: what is wanted, or what was let through last while that waits for a person.
///
/// # Errors
/// When the ledger does not answer.
pub async fn shown(stack: &Stack, key: &ProductKey, doc: &DesiredDoc, now: i64) -> Result<Product, CliError> {
    let rules = read(stack).await?;
    let past = past(stack, &rules, key).await?;
    let wanted = wanted(&rules, doc, &past, now);
    let digest = wanted.decision();
    let waits = past.held.as_ref().filter(|held| held.digest == digest && past.word(&digest) != Some(Word::Approve));
    Ok(match (waits, &past.base) {
        (Some(held), Some(base)) => wanted.meanwhile(&base.product, base.slim || held.rejected),
        _ => wanted.product,
    })
}

/// What is known of a product's past, as far as these rules look back.
///
/// # Errors
/// When the ledger does not answer.
pub async fn past(stack: &Stack, rules: &InForce, key: &ProductKey) -> Result<Past, CliError> {
    if !rules.rules.looks_back() {
        return Ok(Past::default());
    }
    let mut pasts = stack.ledger.pasts(std::slice::from_ref(key)).await?;
    Ok(pasts.remove(key).transpose()?.unwrap_or_default().since(rules.epoch))
}

/// What rules make of a document, in words, with what waits for a person.
///
/// # Errors
/// When the ledger does not answer.
pub async fn told(stack: &Stack, key: &ProductKey, doc: &DesiredDoc, now: i64) -> Result<Vec<String>, CliError> {
    let rules = read(stack).await?;
    let past = past(stack, &rules, key).await?;
    let mut lines = in_words(&rules, doc, &past, now);
    lines.extend(past.held.map(|held| {
        let what = if held.rejected { "rejected by a person" } else { "waits for a person" };
        format!("{what}: {}: what was shown before stays (`relay held list`)", held.reasons.join("; "))
    }));
    Ok(lines)
}

/// What rules make of a document, in words: what changed, and why it is not for the shop.
fn in_words(rules: &InForce, doc: &DesiredDoc, past: &Past, now: i64) -> Vec<String> {
    if rules.rules.is_empty() {
        return Vec::new();
    }
    let last = past.base.as_ref().map(|base| &base.product);
    let (said_at, rates) = (Some(said_at(&doc.version, now)), rules.rates.as_ref());
    let (wanted, steps) = want::explain(&doc.product, &rules.rules, &Moment { now, said_at, last, rates });
    let mut lines = vec![format!("version {}", rules.rules.version())];
    let mut prices = Vec::new();
    for variant in &doc.product.variants {
        let own = wanted.product.variants.iter().find(|own| own.sku == variant.sku);
        for price in own.iter().flat_map(|own| &own.prices) {
            let said = variant.prices.iter().find(|said| said.currency == price.currency).map(|said| said.amount);
            let said = said.map_or_else(|| "none".to_owned(), |said| said.normalize().to_string());
            let way = way(&steps, &variant.sku, &price.currency);
            prices.push(format!("{said} → {} {}{way}", price.amount.normalize(), price.currency));
        }
    }
    prices.dedup();
    let more = prices.len().saturating_sub(6);
    lines.extend(prices.into_iter().take(6));
    if more > 0 {
        lines.push(format!("{more} more prices: `relay explain-price {}:{}`", doc.product.source, doc.product.id));
    }
    if wanted.product.categories != doc.product.categories {
        let shown: Vec<String> = wanted.product.categories.iter().map(want::category::shown).collect();
        lines.push(format!("in {}", if shown.is_empty() { "no category".to_owned() } else { shown.join(", ") }));
    }
    let withheld = wanted.withheld.iter();
    lines.extend(withheld.map(|one| format!("not for the shop: {} ({}, {})", one.reason, one.rule, one.place)));
    lines.extend(wanted.remarks.iter().map(|remark| format!("{}: {}", remark.code, remark.message)));
    lines
}

/// How a price came to be: each step with its rule and what it came to.
fn way(steps: &[Step], sku: &str, currency: &str) -> String {
    let own = steps.iter().filter(|step| step.sku == sku && step.currency == currency);
    let steps: Vec<String> = own
        .filter(|step| step.rule != "source")
        .map(|step| format!("{} {} = {}", step.rule, step.what, step.after.normalize()))
        .collect();
    if steps.is_empty() { String::new() } else { format!(": {}", steps.join("; ")) }
}

/// How far products have followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RulesProgress {
    pub done: bool,
    pub words: String,
    pub looked: i64,
    pub marked: i64,
}

/// How far products have followed what is in force; `None` where there never was anything.
///
/// # Errors
/// When the ledger does not answer.
pub async fn progress(stack: &Stack, head: &Head, now: i64) -> Result<Option<RulesProgress>, CliError> {
    let Some(goal) = walk::goal(head) else { return Ok(None) };
    let mut segments = Vec::new();
    for segment in 0..SEGMENTS {
        segments.push(stack.ledger.walk_segment(NAME, segment).await?);
    }
    Ok(Some(progress_of(&segments, &goal, head.since.unwrap_or(now), now)))
}

fn progress_of(segments: &[Segment], goal: &str, since: i64, now: i64) -> RulesProgress {
    let own: Vec<&Segment> = segments.iter().filter(|segment| segment.is_for(goal)).collect();
    let arrived = own.iter().filter(|segment| segment.has_been_at(goal)).count();
    let (looked, marked) = (own.iter().map(|one| one.looked).sum(), own.iter().map(|one| one.marked).sum());
    let done = arrived == segments.len();
    let looks = format!("{looked} products looked at, {marked} of them are something else by them");
    let words = if done {
        format!("every product follows them: {looks}")
    } else {
        let age = span(now - since);
        format!("in force for {age}, products follow in the background: {arrived} of {} parts, {looks}", segments.len())
    };
    RulesProgress { done, words, looked, marked }
}

async fn put(stack: &Stack, paths: &[PathBuf], rates: Option<&Path>, now: i64) -> Result<Answer, CliError> {
    let checked = rules::check(paths, rates)?;
    if checked.attention {
        return Ok(Answer { text: format!("{}\nNothing was changed.", checked.text), ..checked });
    }
    let before = stack.ledger.config_head(KIND, NAME).await?;
    let mut written = Vec::new();
    for (name, text) in local::rules::texts(paths)? {
        let file = Path::new(&name).file_name().map(|file| file.to_string_lossy().into_owned()).unwrap_or_default();
        upload(stack, &format!("{FOLDER}{file}"), text).await?;
        written.push(file);
    }
    if let Some(rates) = rates {
        let text = std::fs::read_to_string(rates).map_err(|error| local::unreadable(rates, &error))?;
        upload(stack, RATES, text).await?;
        written.push("rates.json".to_owned());
    }
    wait_for_the_stack(stack, &before, &format!("{} written", count(written.len(), "file")), now).await
}

async fn remove(stack: &Stack, files: &[String], now: i64) -> Result<Answer, CliError> {
    let before = stack.ledger.config_head(KIND, NAME).await?;
    let key_of = |file: &String| if file == "rates.json" { RATES.to_owned() } else { format!("{FOLDER}{file}") };
    let keys: Vec<String> = files.iter().map(key_of).collect();
    // One that is refused is not in force, and can be taken away nevertheless.
    let there = self::files(stack).await?;
    let is_there =
        |key: &String| there.rules.contains_key(key) || there.rates.as_ref().is_some_and(|(name, _)| name == key);
    if let Some(unknown) = keys.iter().find(|key| !is_there(key)) {
        return Err(CliError::NotFound {
            what: format!("{unknown} is not in the bucket"),
            advice: "`relay rules list` names the files that are in force".to_owned(),
        });
    }
    for key in &keys {
        let removed = stack.s3().delete_object().bucket(&stack.bucket).key(key).send().await;
        removed.map_err(|error| aws_error("S3 DeleteObject", key, &error))?;
    }
    wait_for_the_stack(stack, &before, &format!("{} removed", count(keys.len(), "file")), now).await
}

/// Waits until the stack has looked at the files as they are now.
async fn wait_for_the_stack(stack: &Stack, before: &Head, what: &str, now: i64) -> Result<Answer, CliError> {
    let wanted = files(stack).await?;
    let digest = (!wanted.is_empty()).then(|| wanted.digest());
    for _ in 0..PATIENCE.as_millis() / LOOK_EVERY.as_millis() {
        let head = stack.ledger.config_head(KIND, NAME).await?;
        let refused = head.refused.as_ref().filter(|refused| Some(&refused.digest) == digest.as_ref());
        if let Some(refused) = refused {
            let problems = refused.problems.join("\n  ");
            let text = format!("{what}. The stack refuses it:\n  {problems}\nWhat was in force stays in force.");
            return Ok(Answer::new(&json!({"refused": refused}), text, true));
        }
        if head.refused.is_none() && head.digest == digest {
            let text = match (&digest, before.digest == digest) {
                (Some(digest), true) => format!("{what}: version {digest} was in force already."),
                (Some(digest), false) => format!(
                    "{what}: version {digest} is in force. Feeds go by it from now on; products follow in the background (`relay rules list`)."
                ),
                (None, _) => {
                    format!("{what}: nothing rules any more. Products go back in the background (`relay rules list`).")
                }
            };
            return Ok(Answer::new(&json!({"version": digest, "before": before.digest, "at": now}), text, false));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Err(CliError::Refused {
        what: format!("the files are in the bucket, and were not looked at within {} s", PATIENCE.as_secs()),
        advice: "feeds that are being read go first: `relay rules list` tells when they are in force".to_owned(),
    })
}

/// The files that are in the bucket now.
async fn files(stack: &Stack) -> Result<Bundle, CliError> {
    let listed = stack.s3().list_objects_v2().bucket(&stack.bucket).prefix(FOLDER).send().await;
    let listed = listed.map_err(|error| aws_error("S3 ListObjectsV2", FOLDER, &error))?;
    let mut bundle = Bundle::default();
    let keys = listed.contents.unwrap_or_default().into_iter().filter_map(|object| object.key);
    let yaml = |key: &String| key.ends_with(".yaml") || key.ends_with(".yml");
    for key in keys.filter(yaml).chain([RATES.to_owned()]) {
        let got = stack.s3().get_object().bucket(&stack.bucket).key(&key).send().await;
        let object = match got {
            Ok(object) => object,
            Err(error) if error.as_service_error().is_some_and(|error| error.is_no_such_key()) => continue,
            Err(error) => return Err(aws_error("S3 GetObject", &key, &error)),
        };
        let body = object.body.collect().await.map_err(|error| aws_error("S3 GetObject", &key, &error))?;
        let text = String::from_utf8_lossy(&body.into_bytes()).into_owned();
        if key == RATES {
            bundle.rates = Some((key, text));
        } else {
            bundle.rules.insert(key, text);
        }
    }
    Ok(bundle)
}

async fn upload(stack: &Stack, key: &str, text: String) -> Result<(), CliError> {
    let body = ByteStream::from(text.into_bytes());
    let put =
        stack.s3().put_object().bucket(&stack.bucket).key(key).content_type("text/plain; charset=utf-8").body(body);
    put.send().await.map(|_| ()).map_err(|error| aws_error("S3 PutObject", key, &error))
}

async fn list(stack: &Stack, now: i64) -> Result<Answer, CliError> {
    let head = stack.ledger.config_head(KIND, NAME).await?;
    let walk = progress(stack, &head, now).await?;
    let mut text = match &head.digest {
        None => "No rules are in force: the shop has what the sources say.".to_owned(),
        Some(digest) => {
            let since = head.since.map(|since| span(now - since)).unwrap_or_default();
            let rows = head.files.iter().map(|file| [file.clone()]);
            format!("Version {digest}, in force for {since}\n{}", table(["file"], rows))
        }
    };
    if let Some(walk) = &walk {
        let _ = write!(text, "\n{}", walk.words);
    }
    let refused = head.refused.as_ref();
    if let Some(refused) = refused {
        let _ = write!(text, "\nThe newest files are refused:\n  {}", refused.problems.join("\n  "));
    }
    let json =
        json!({"version": head.digest, "since": head.since, "files": head.files, "refused": refused, "walk": walk});
    Ok(Answer::new(&json, text, refused.is_some()))
}

async fn show(stack: &Stack, now: i64) -> Result<Answer, CliError> {
    let head = stack.ledger.config_head(KIND, NAME).await?;
    let bundle = match &head.digest {
        Some(digest) => stack.ledger.config_text(KIND, NAME, digest).await?.as_deref().and_then(Bundle::of_json),
        None => None,
    };
    let Some(bundle) = bundle else { return list(stack, now).await };
    let mut text = String::new();
    for (name, content) in bundle.rules.iter().chain(bundle.rates.as_ref().map(|(name, text)| (name, text))) {
        let _ = writeln!(text, "# {name}\n{}", content.trim_end());
    }
    Ok(Answer::new(&json!({"version": head.digest, "since": head.since, "files": bundle}), text.trim_end(), false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_counts_only_the_way_to_this_goal() {
        let on = |goal: &str, done: Option<i64>| Segment {
            goal: Some(goal.to_owned()),
            done,
            looked: 10,
            marked: 3,
            ..Segment::default()
        };
        let half = progress_of(&[on("a@1", Some(5)), on("a@1", None), on("old", Some(1))], "a@1", 0, 60_000);
        assert_eq!((half.done, half.looked, half.marked), (false, 20, 6));
        assert!(half.words.contains("1 of 3 parts"), "{}", half.words);
        assert!(progress_of(&[on("a@1", Some(5))], "a@1", 0, 1).done);
    }
}
