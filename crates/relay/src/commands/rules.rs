//! `relay rules`: what is wrong with rules files, and what they do not map.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use catalog::Product;
use feeds::Outcome;
use serde::Serialize;
use want::{Flaw, Moment, Rates, Rules};

use super::preview::docs;
use super::rules_in_force;
use crate::answer::Answer;
use crate::cli::Configured;
use crate::error::CliError;
use crate::local::feed::FeedFile;
use crate::local::rules::{read, texts};
use crate::render::{count, table};
use crate::stack::Stack;

/// What is wrong with files.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked {
    files: Vec<String>,
    rules: usize,
    categories: usize,
    version: String,
    flaws: Vec<Told>,
    hints: Vec<Told>,
}

/// A flaw as scripts read it.
#[derive(Debug, Serialize)]
struct Told {
    file: String,
    line: u64,
    column: u64,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

impl Told {
    fn of(flaw: &Flaw) -> Self {
        let Flaw { place, message, help, .. } = flaw.clone();
        Self { file: place.file, line: place.line, column: place.column, message, help }
    }
}

/// `relay rules check`.
///
/// # Errors
/// When a file cannot be read at all.
pub fn check(paths: &[PathBuf], rates: Option<&Path>) -> Result<Answer, CliError> {
    let texts = texts(paths)?;
    let mut checked = Checked { files: texts.iter().map(|(name, _)| name.clone()).collect(), ..Checked::default() };
    let mut text = String::new();
    let mut tell = |kind: &str, flaws: &[Flaw]| {
        for flaw in flaws {
            let _ = writeln!(text, "{kind}{}\n", flaw.shown());
        }
        flaws.iter().map(Told::of).collect::<Vec<_>>()
    };
    match Rules::read(texts.iter().map(|(name, text)| (name.as_str(), text.as_str()))) {
        Ok(rules) => {
            checked.hints = tell("hint: ", rules.hints());
            (checked.rules, checked.categories) = (rules.len(), rules.tree().len());
            rules.version().clone_into(&mut checked.version);
        }
        Err(flaws) => checked.flaws = tell("error: ", &flaws),
    }
    if let Some(path) = rates {
        let name = path.display().to_string();
        let read = std::fs::read_to_string(path).map_err(|error| crate::local::unreadable(path, &error))?;
        if let Err(flaws) = Rates::read(&name, &read) {
            checked.flaws.extend(tell("error: ", &flaws));
        }
        checked.files.push(name);
    }
    text.push_str(&match checked.flaws.len() {
        0 => format!(
            "{} in {}, {} of the shop, version {}: nothing is wrong.",
            count(checked.rules, "rule"),
            count(texts.len(), "file"),
            count(checked.categories, "category").replace("categorys", "categories"),
            checked.version
        ),
        some => format!("{} to be put right.", count(some, "error")),
    });
    let wrong = !checked.flaws.is_empty();
    Ok(Answer::new(&checked, text, wrong))
}

#[derive(Debug, Default)]
struct Unmapped {
    /// By path: products, and a source that has it.
    paths: BTreeMap<String, (u64, String)>,
}

impl Unmapped {
    fn add(&mut self, said: &Product, rules: &Rules, now: i64) {
        let wanted = want::want(said, rules, &Moment { now, ..Moment::default() });
        for path in wanted.unmapped_of(said) {
            let known = self.paths.entry(want::category::shown(path)).or_insert_with(|| (0, said.source.clone()));
            known.0 += 1;
        }
    }

    fn answer(self, rules: &Rules) -> Answer {
        let mut paths: Vec<(String, u64, String)> =
            self.paths.into_iter().map(|(path, (products, source))| (path, products, source)).collect();
        paths.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let draft = |path: &str| rules.resembling(path.rsplit(" > ").next().unwrap_or(path)).into_iter().next();
        let all: Vec<_> = paths.iter().map(|(path, products, source)| {
            serde_json::json!({"path": path, "products": products, "source": source, "draft": draft(path)})
        }).collect();
        if paths.is_empty() {
            return Answer::new(&serde_json::json!({"unmapped": all}), "Every category is mapped.", false);
        }
        let rows = paths.iter().map(|(path, products, source)| {
            [products.to_string(), source.clone(), path.clone(), draft(path).unwrap_or_default()]
        });
        let mut text = table(["products", "source", "category", "perhaps"], rows);
        text.push_str("\n\nDrafts, to be put under `categories: map:`\n");
        for (path, ..) in &paths {
            let to = draft(path).unwrap_or_else(|| "TODO".to_owned());
            let _ = writeln!(text, "    - {{from: {}, to: {}}}", quoted(path), quoted(&to));
        }
        Answer::new(&serde_json::json!({"unmapped": all}), text.trim_end(), true)
    }
}

/// A text as YAML takes it, whatever is in it: JSON is YAML.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// `relay rules unmapped` of a feed on disk.
///
/// # Errors
/// When it, or the rules, cannot be read.
pub fn unmapped_in_feed(
    feed: &Path,
    source: Option<&str>,
    configured: &Configured,
    now: i64,
) -> Result<Answer, CliError> {
    let rules = needed(configured)?;
    let (mut file, mut unmapped) = (FeedFile::open(feed, source)?, Unmapped::default());
    while let Some(part) = file.part()? {
        for outcome in part.outcomes {
            if let Outcome::Product(mapped) = outcome {
                unmapped.add(&mapped.product, &rules, now);
            }
        }
    }
    Ok(unmapped.answer(&rules))
}

/// `relay rules unmapped` of all products of the ledger.
///
/// # Errors
/// When the ledger does not answer, or the rules cannot be read.
pub async fn unmapped(stack: &Stack, configured: &Configured, now: i64) -> Result<Answer, CliError> {
    let rules = rules_in_force::or_named(stack, configured).await?.rules;
    let mut unmapped = Unmapped::default();
    let mut after = None;
    loop {
        let page = stack.ledger.some_states(after.as_ref()).await?;
        let keys: Vec<_> =
            page.products.into_iter().filter(|(_, state)| state.hash.is_some()).map(|(key, _)| key).collect();
        for doc in docs(stack, &keys).await?.into_values().filter(|doc| !doc.product.withdrawn) {
            unmapped.add(&doc.product, &rules, now);
        }
        after = page.next;
        if after.is_none() {
            return Ok(unmapped.answer(&rules));
        }
    }
}

/// Rules that have to be named.
pub(super) fn needed(configured: &Configured) -> Result<Rules, CliError> {
    if configured.rules.is_empty() {
        return Err(CliError::Refused {
            what: "which rules?".to_owned(),
            advice: "name them with --rules: a file, or a folder with .yaml files".to_owned(),
        });
    }
    read(&configured.rules)
}
