//! `relay preview`: what a feed, or rules, would do. Nothing is written.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use catalog::{Line, PartName, Product, ProductKey, Version};
use feeds::Outcome;
use ledger::DesiredDoc;
use sources::Bundle;
use want::{InForce, Rates, Rules};

use super::rules_in_force;
use super::sources::KIND;
use crate::answer::Answer;
use crate::cli::Preview;
use crate::error::CliError;
use crate::local::feed::FeedFile;
use crate::local::index::{Index, Seen};
use crate::local::rules::{rates, read};
use crate::preview::parts::{Brought, together};
use crate::preview::prices::Prices;
use crate::preview::report::{Counts, Group, PreviewReport};
use crate::preview::{Tally, html};
use crate::render::table;
use crate::stack::Stack;

/// Products looked up together.
const TOGETHER: usize = 100;

/// What a feed is compared with.
enum Before<'s> {
    File(Box<Index>),
    Ledger(&'s Stack),
}

impl Before<'_> {
    /// What was said of these products, and when.
    async fn of(&mut self, keys: &[ProductKey], now: i64) -> Result<HashMap<ProductKey, (Product, i64)>, CliError> {
        let mut found = HashMap::new();
        match self {
            Self::File(index) => {
                for key in keys {
                    if let Some(product) = index.get(key)? {
                        found.insert(key.clone(), (product, now));
                    }
                }
            }
            Self::Ledger(stack) => {
                for (key, doc) in docs(stack, keys).await? {
                    let at = said_at(&doc.version, now);
                    found.insert(key, (doc.product, at));
                }
            }
        }
        Ok(found)
    }
}

/// The documents of these products. One that is damaged is left out: its own command tells of it.
pub(super) async fn docs(stack: &Stack, keys: &[ProductKey]) -> Result<HashMap<ProductKey, DesiredDoc>, CliError> {
    let mut found = HashMap::new();
    for some in keys.chunks(TOGETHER) {
        let docs = stack.ledger.read_docs(some).await?;
        found.extend(docs.into_iter().filter_map(|(key, doc)| Some((key, doc.ok()?))));
    }
    Ok(found)
}

/// When (ms) a document was said.
pub(super) fn said_at(version: &Version, now: i64) -> i64 {
    version.object_time_ms().and_then(|at| i64::try_from(at).ok()).unwrap_or(now)
}

/// The command. Without a stack it compares with the feed that was named.
///
/// # Errors
/// When something cannot be read, or the ledger does not answer.
pub async fn run(stack: Option<&Stack>, asked: &Preview, now: i64) -> Result<Answer, CliError> {
    // What is not named is what is in force.
    let in_force = match stack {
        Some(stack) => rules_in_force::read(stack).await?,
        None => InForce::default(),
    };
    let or_in_force = |named: &[PathBuf]| if named.is_empty() { Ok(in_force.rules.clone()) } else { read(named) };
    let (rules, before) = (or_in_force(&asked.configured.rules)?, or_in_force(&asked.rules_before)?);
    let rates = rates(asked.configured.rates.as_deref())?.or(in_force.rates);
    let report = match (&asked.feed, &asked.against, stack) {
        (Some(feed), Some(against), _) => {
            let index = index(against, asked.source.as_deref())?;
            let mut report =
                of_feed(feed, asked, Before::File(Box::new(index)), (&rules, &before, rates.as_ref()), now).await?;
            report.against = against.display().to_string();
            report
        }
        (Some(feed), None, Some(stack)) => {
            let mut report =
                of_feed(feed, asked, Before::Ledger(stack), (&rules, &before, rates.as_ref()), now).await?;
            report.against = format!("the ledger of {}", stack.name);
            report
        }
        (None, _, Some(stack)) => of_ledger(stack, (&rules, &before, rates.as_ref()), now).await?,
        (_, _, None) => {
            return Err(CliError::Refused {
                what: "there is nothing to compare with".to_owned(),
                advice: "name a feed with --against, or a stack".to_owned(),
            });
        }
    };
    if let Some(path) = &asked.html {
        std::fs::write(path, html::page(&report, now))?;
    }
    let text = text(&report, asked.html.as_deref());
    let attention = report.needs_attention();
    Ok(Answer::new(&report, text, attention))
}

type Configured<'r> = (&'r Rules, &'r Rules, Option<&'r Rates>);

async fn of_feed(
    feed: &Path,
    asked: &Preview,
    mut before: Before<'_>,
    (rules, rules_before, rates): Configured<'_>,
    now: i64,
) -> Result<PreviewReport, CliError> {
    let mut tally = Tally::new(rules, rules_before, rates, now);
    tally.report.what = feed.display().to_string();
    let (mut file, mut seen, mut sources) = (opened(feed, asked, &before).await?, Seen::default(), HashSet::new());
    while let Some(part) = file.part()? {
        let (mut products, mut lines) = (Vec::new(), Vec::new());
        for outcome in part.outcomes {
            match outcome {
                Outcome::Rejected(rejection, _) => tally.rejected(&rejection),
                Outcome::Line(mapped) => lines.push(mapped.line),
                Outcome::Product(mapped) => {
                    let Ok(key) = mapped.product.key() else { continue };
                    if !sources.contains(key.source()) {
                        sources.insert(key.source().to_owned());
                    }
                    if seen.meet(&key) {
                        products.push((key, mapped.product));
                    } else {
                        tally.report.counts.repeated += 1;
                    }
                }
            }
        }
        for some in products.chunks(TOGETHER) {
            of_products(some, &mut before, &mut tally, now).await?;
        }
        if let (Before::Ledger(stack), Some(source), Some(name)) = (&before, &asked.source, &asked.part) {
            of_lines(stack, &mut tally, (source, &PartName::from_text(name.as_str())), lines, now).await?;
        }
        if let Some(broken) = &part.broken {
            tally.broken(broken);
        }
    }
    // What a feed that broke off lacks is not gone.
    if asked.full && tally.report.broken.is_none() {
        let lacking = match &before {
            Before::File(index) => index.unseen(&seen),
            Before::Ledger(stack) => unseen(stack, &sources, &seen).await?,
        };
        tally.report.counts.products += lacking;
        tally.report.counts.withdrawn += lacking;
    }
    Ok(tally.report())
}

/// Compares some products with what was before.
async fn of_products(
    some: &[(ProductKey, Product)],
    before: &mut Before<'_>,
    tally: &mut Tally<'_>,
    now: i64,
) -> Result<(), CliError> {
    let keys: Vec<ProductKey> = some.iter().map(|(key, _)| key.clone()).collect();
    let known = before.of(&keys, now).await?;
    for (key, said) in some {
        let last = known.get(key).map(|(product, at)| (product, *at));
        let whole = match (&*before, last) {
            (Before::Ledger(stack), Some(_)) => together(&stack.ledger, key, Brought::Record(said), now).await?,
            _ => None,
        };
        tally.product(key, (whole.as_ref().unwrap_or(said), now), last);
    }
    Ok(())
}

/// The feed, read by the mapping that is in force for its source on the stack, where there is one.
async fn opened(feed: &Path, asked: &Preview, before: &Before<'_>) -> Result<FeedFile, CliError> {
    let (Before::Ledger(stack), Some(source)) = (before, asked.source.as_deref()) else {
        return FeedFile::open(feed, asked.source.as_deref());
    };
    let head = stack.ledger.config_head(KIND, source).await?;
    let text = match &head.digest {
        Some(digest) => stack.ledger.config_text(KIND, source, digest).await?,
        None => None,
    };
    let mapping = text.as_deref().and_then(Bundle::of_json).and_then(|bundle| bundle.mapping().ok());
    match (mapping, &asked.part) {
        (Some(mapping), Some(name)) => match mapping.part(name) {
            Some(part) => FeedFile::by(part, feed),
            None => Err(CliError::NotFound {
                what: format!("{source} declares no part {name}"),
                advice: format!("`relay source show {source}`"),
            }),
        },
        (None, Some(name)) => Err(CliError::NotFound {
            what: format!("no mapping on the stack declares a part {name} of {source}"),
            advice: "`relay source list`".to_owned(),
        }),
        (Some(mapping), None) if feeds::adapter::find(source).is_none() => FeedFile::by(&Arc::new(mapping), feed),
        (_, None) => FeedFile::open(feed, Some(source)),
    }
}

/// Lines of a declared part: each product that they speak of, as it would be.
async fn of_lines(
    stack: &Stack,
    tally: &mut Tally<'_>,
    (source, part): (&str, &PartName),
    lines: Vec<Line>,
    now: i64,
) -> Result<(), CliError> {
    let mut by_product: BTreeMap<ProductKey, Vec<Line>> = BTreeMap::new();
    for line in lines {
        let holders = stack.ledger.holders(source, &line.about).await?;
        tally.report.counts.awaited += u64::from(holders.is_empty());
        for key in holders {
            by_product.entry(key).or_default().push(line.clone());
        }
    }
    let keys: Vec<ProductKey> = by_product.keys().cloned().collect();
    let known = docs(stack, &keys).await?;
    for (key, lines) in by_product {
        let Some(doc) = known.get(&key) else { continue };
        if let Some(whole) = together(&stack.ledger, &key, Brought::Lines(part, &lines), now).await? {
            tally.product(&key, (&whole, now), Some((&doc.product, said_at(&doc.version, now))));
        }
    }
    Ok(())
}

/// How many products of these sources are offered, and not in the feed.
async fn unseen(stack: &Stack, sources: &HashSet<String>, seen: &Seen) -> Result<u64, CliError> {
    let (mut after, mut lacking) = (None, 0);
    loop {
        let page = stack.ledger.some_states(after.as_ref()).await?;
        let known = page.products.into_iter().filter(|(_, state)| state.hash.is_some()).map(|(key, _)| key);
        let keys: Vec<ProductKey> = known.filter(|key| sources.contains(key.source()) && !seen.has(key)).collect();
        lacking += docs(stack, &keys).await?.values().filter(|doc| !doc.product.withdrawn).count() as u64;
        after = page.next;
        if after.is_none() {
            return Ok(lacking);
        }
    }
}

/// Every product of the ledger, under other rules.
async fn of_ledger(
    stack: &Stack,
    (rules, rules_before, rates): Configured<'_>,
    now: i64,
) -> Result<PreviewReport, CliError> {
    let mut tally = Tally::new(rules, rules_before, rates, now);
    tally.report.what = format!("every product of the ledger of {}", stack.name);
    "what it is now".clone_into(&mut tally.report.against);
    let mut after = None;
    loop {
        let page = stack.ledger.some_states(after.as_ref()).await?;
        let keys: Vec<_> =
            page.products.into_iter().filter(|(_, state)| state.hash.is_some()).map(|(key, _)| key).collect();
        for (key, doc) in docs(stack, &keys).await? {
            let at = said_at(&doc.version, now);
            tally.product(&key, (&doc.product, at), Some((&doc.product, at)));
        }
        after = page.next;
        if after.is_none() {
            return Ok(tally.report());
        }
    }
}

/// All products of a feed, by key.
fn index(feed: &Path, source: Option<&str>) -> Result<Index, CliError> {
    let (mut file, mut index) = (FeedFile::open(feed, source)?, Index::new()?);
    while let Some(part) = file.part()? {
        for outcome in part.outcomes {
            if let Outcome::Product(mapped) = outcome
                && let Ok(key) = mapped.product.key()
            {
                index.add(&key, &mapped.product)?;
            }
        }
    }
    Ok(index)
}

fn text(report: &PreviewReport, html: Option<&Path>) -> String {
    let mut text = format!("{}, compared with {}\n\n{}", report.what, report.against, counts_table(&report.counts));
    if let Some(broken) = &report.broken {
        let _ = write!(text, "\n\nThe feed breaks off {broken}");
    }
    for reason in &report.feed_held {
        let _ = write!(text, "\n\nThe whole of it would wait for a person: {reason}");
    }
    let tables = fields_table(report).into_iter().chain(price_tables(&report.prices)).chain(group_tables(report));
    for table in tables.chain(categories_table(report)) {
        let _ = write!(text, "\n\n{table}");
    }
    if let Some(path) = html {
        let _ = write!(text, "\n\nThe report: {}", path.display());
    }
    text
}

fn counts_table(counts: &Counts) -> String {
    let rows = [
        ("products", counts.products),
        ("new", counts.new),
        ("changed", counts.changed),
        ("unchanged", counts.unchanged),
        ("withdrawn", counts.withdrawn),
        ("rejected records", counts.rejected),
        ("withheld by a rule", counts.gated),
        ("held for a person", counts.held),
        ("repeated records", counts.repeated),
        ("lines without a product", counts.awaited),
    ];
    let rows = rows.into_iter().filter(|(name, count)| *count > 0 || *name == "products");
    table(["", "count"], rows.map(|(name, count)| [name.to_owned(), count.to_string()]))
}

fn fields_table(report: &PreviewReport) -> Option<String> {
    let mut fields: Vec<_> = report.fields.iter().collect();
    fields.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let rows = fields.into_iter().map(|(name, count)| [(*name).to_owned(), count.to_string()]);
    (!report.fields.is_empty()).then(|| table(["what differs", "products"], rows))
}

fn price_tables(prices: &Prices) -> Vec<String> {
    if prices.changed() == 0 {
        return Vec::new();
    }
    let bands = Prices::bands().filter_map(|band| Some([band.to_owned(), prices.bands.get(band)?.to_string()]));
    let rows = prices.largest.iter().take(10).map(|change| {
        [
            format!("{}%", change.percent),
            format!("{} → {} {}", change.from, change.to, change.currency),
            change.product.clone(),
            change.sku.clone(),
            crate::render::short(&change.name, 40),
        ]
    });
    vec![table(["prices change by", "prices"], bands), table(["largest", "", "product", "sku", "name"], rows)]
}

fn group_tables(report: &PreviewReport) -> impl Iterator<Item = String> {
    let groups = [
        ("withheld by", &report.gated),
        ("held by", &report.held),
        ("rejected for", &report.rejected),
        ("remarks", &report.remarks),
    ];
    groups.into_iter().filter(|(_, groups)| !groups.is_empty()).map(|(title, groups)| {
        let first = |group: &Group| group.examples.first().cloned().unwrap_or_default();
        let rows = groups
            .iter()
            .map(|(name, group)| [name.clone(), group.count.to_string(), crate::render::short(&first(group), 90)]);
        table([title, "count", "such as"], rows)
    })
}

fn categories_table(report: &PreviewReport) -> Option<String> {
    let rows = report.new_categories.iter().take(30).map(|(path, count)| [path.clone(), count.to_string()]);
    let more = report.new_categories.len().saturating_sub(30);
    let more = if more > 0 { format!("\n… and {more} more") } else { String::new() };
    (!report.new_categories.is_empty()).then(|| table(["categories that would appear", "products"], rows) + &more)
}
