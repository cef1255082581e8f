//! `relay trace <product>`: its whole story, and what to do next.

use std::io::Write;
use std::time::{Duration, Instant};

use catalog::{Failure, PartName, ProductKey};
use ledger::core::gone::By;
use ledger::{DesiredDoc, LedgerError, ProductState};
use redrive::overdue::stage_of;
use redrive::{Filter, Handled, QueueName, RedriveAction, RedriveRequest, view};
use runtime::Secrets;
use serde::Serialize;

use super::articles;
use super::breakers;
use super::diff;
use super::rejected::{self, Rejected};
use super::rules_in_force;
use super::runs::{self, RunLine};
use crate::answer::Answer;
use crate::error::CliError;
use crate::render::time;
use crate::stack::Stack;

mod article;
mod damaged;
mod fields;
mod story;
mod verdict;

pub use article::Article;
pub use fields::FieldOrigin;
pub use verdict::{Evidence, Verdict, verdict};

/// Runs listed: the product's own is looked up among them, and those that rejected something.
const KNOWN_RUNS: usize = 1_000;
/// How long Pimcore may take to say whether it shows a product.
const PIMCORE: Duration = Duration::from_secs(10);
/// A search that takes longer than this says where it is.
const QUIET: Duration = Duration::from_secs(2);
/// Runs with rejected records that are looked through in any case.
const NEWEST: usize = 20;
/// How long earlier ones are looked through for a product that the ledger does not know: its
/// rejected record is all there may be of it.
const LONGEST: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trace {
    /// The product, `source:id`.
    pub product: String,
    /// Where it stands and what to do.
    pub verdict: Verdict,
    /// What it should be, and where that came from.
    pub desired: Option<Desired>,
    /// What the ledger knows of it.
    pub state: Option<view::Product>,
    /// What Pimcore says of it; asked only when nothing is on its way.
    pub in_pimcore: Option<InPimcore>,
    /// Who deleted it in Pimcore, if that said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_by: Option<By>,
    /// The feed run that brought it.
    pub run: Option<RunLine>,
    /// Records of it that runs rejected, the newest first.
    pub rejected: Vec<Refusal>,
    /// How far those were looked for.
    pub searched: Searched,
    /// Its dead and parked letters.
    pub letters: Vec<Letter>,
    /// How many pieces of each variant the shop was made to have, and why.
    pub stock: Vec<Stock>,
    /// The articles by which the shop shows it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub articles: Vec<Article>,
    /// The breakers of both targets.
    pub breakers: Vec<breakers::BreakerLine>,
}

/// A variant's stock in the shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stock {
    pub sku: String,
    /// From what the supplier says to what is sold, such as
    /// `12 said − 2 buffer − 3 ours since 09:10 = 7`.
    pub line: String,
    /// The version of the document that said it.
    pub version: String,
    /// When it was applied, in ms.
    pub at: i64,
}

/// What a product should be.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Desired {
    pub title: String,
    pub variants: usize,
    /// The source no longer offers it.
    pub withdrawn: bool,
    pub version: String,
    /// Object and position in it.
    pub provenance: String,
    /// The parts of a product that comes in several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// What the shop's rules make of it, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// Where that is from which several parts may say; the rest is the leading part's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldOrigin>,
    /// What the source says that no target needs to understand.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Extra>,
}

/// What one storefront says of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// Such as `us-usd`.
    pub name: String,
    /// It gives what only one can give, and decides whether the product is offered.
    pub leads: bool,
    pub withdrawn: bool,
    /// When its feed was written, in ms.
    pub at: Option<u64>,
    /// Object and position in it.
    pub provenance: String,
}

/// An entry of `extra`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Extra {
    /// Of which variant, if of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    pub name: String,
    pub text: String,
}

/// A record that was rejected.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    pub run: String,
    /// When that began, in ms.
    pub started: i64,
    #[serde(flatten)]
    pub record: Rejected,
}

/// How far rejected records were looked for: a record is found by reading what the runs rejected,
/// and there may be a lot of that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Searched {
    /// Runs of the product's source whose rejected records were read.
    pub runs: usize,
    /// When the earliest of them began, in ms.
    pub since: Option<i64>,
    /// There are earlier ones that were not read.
    pub more: bool,
}

/// A dead or parked letter.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Letter {
    pub queue: QueueName,
    /// `dead` or `parked`.
    pub place: &'static str,
    #[serde(flatten)]
    pub letter: Handled,
}

/// What Pimcore says of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "is")]
pub enum InPimcore {
    /// It could not be asked.
    Unknown { why: String },
    /// There is no such object.
    Absent,
    There {
        id: u32,
        published: bool,
        /// People hide it from the shop.
        hidden: bool,
        /// The source no longer offers it.
        withdrawn: bool,
        /// All in all, the shop is to sell it.
        offered: bool,
    },
}

/// The command.
///
/// # Errors
/// When AWS does not answer, or the product key is none.
pub async fn run(stack: &Stack, product: &str, runs: Option<usize>, now: i64) -> Result<Answer, CliError> {
    let key = super::product_key(product)?;
    if key.is_article() {
        return article::run(stack, &key, now).await;
    }
    let keys = std::slice::from_ref(&key);
    let (states, docs, stock) =
        tokio::try_join!(stack.ledger.read_states(keys), stack.ledger.read_docs(keys), stack.ledger.stock(keys))?;
    let stock = stock_lines(&key, stock.into_iter().next().map(|(_, stock)| stock).transpose()?, now);
    let state = states.get(&key).filter(|state| **state != ProductState::default()).cloned();
    let (doc, unreadable) = readable(docs);
    let rules = match &doc {
        Some(doc) => rules_in_force::told(stack, &key, doc, now).await?,
        None => Vec::new(),
    };
    let (parts, fields) = said_of(stack, &key, doc.as_ref(), state.as_ref()).await?;
    let articles = article::of(&stack.ledger, state.as_ref()).await?;
    let lines = runs::lines(stack, KNOWN_RUNS, now).await?;
    let run = run_of(state.as_ref(), &lines);
    let (found, letters, breakers, in_pimcore) = tokio::join!(
        search(stack, &key, &lines, Bound { runs, known: state.is_some() }),
        letters(stack, &key),
        breakers::lines(stack),
        async { if is_at_rest(state.as_ref()) { Some(in_pimcore(stack, &key).await) } else { None } },
    );
    let ((rejected, searched), letters, breakers) = (found?, letters?, breakers?);
    let deleted_by = deleted_by(stack, &key, state.as_ref()).await?;
    let evidence = Evidence {
        state: state.as_ref(),
        doc: doc.as_ref(),
        unreadable: unreadable.as_ref(),
        doubtful: is_doubtful(stack, &key, doc.as_ref(), run.as_ref(), &lines).await?,
        rejected: &rejected,
        searched,
        letters: &letters,
        breakers: &breakers,
        in_pimcore: in_pimcore.as_ref(),
        deleted_by: deleted_by.as_ref(),
    };
    let moves = moves(stack, &key, doc.as_ref(), state.as_ref()).await?;
    let verdict = verdict(&key, &evidence, now).and_moves(moves);
    let trace = Trace {
        product: key.to_string(),
        desired: doc.map(|doc| Desired { rules, parts, fields, ..desired(doc) }),
        state: state.map(|state| view::Product::of(&key, &state)),
        in_pimcore,
        deleted_by,
        verdict,
        run,
        rejected,
        searched,
        letters,
        stock,
        articles,
        breakers,
    };
    Ok(Answer::new(&trace, story::text(&trace, &stack.name, now), trace.verdict.attention))
}

/// Who deleted it in Pimcore, of a product that somebody did.
async fn deleted_by(stack: &Stack, key: &ProductKey, state: Option<&ProductState>) -> Result<Option<By>, CliError> {
    match state.and_then(|state| state.gone) {
        Some(_) => Ok(stack.ledger.gone_by(key).await?),
        None => Ok(None),
    }
}

/// What the setting of articles asks of it, where that shows it elsewhere than the shop does.
async fn moves(
    stack: &Stack,
    key: &ProductKey,
    doc: Option<&DesiredDoc>,
    state: Option<&ProductState>,
) -> Result<Option<String>, CliError> {
    let group = doc.and_then(|doc| doc.product.group.as_deref());
    let setting = articles::in_force(stack).await?;
    Ok(setting.zip(state).and_then(|(setting, state)| setting.elsewhere(key, state, group)))
}

/// A product's document, or why it cannot be read: that is a part of the story, not its end.
fn readable<K>(
    docs: impl IntoIterator<Item = (K, Result<DesiredDoc, LedgerError>)>,
) -> (Option<DesiredDoc>, Option<Failure>) {
    match docs.into_iter().next() {
        Some((_, Ok(doc))) => (Some(doc), None),
        Some((_, Err(error))) => (None, Some(error.failure())),
        None => (None, None),
    }
}

/// Nothing of it is on its way.
fn is_at_rest(state: Option<&ProductState>) -> bool {
    state.is_some_and(|state| stage_of(state).is_none())
}

/// The run that brought the product.
fn run_of(state: Option<&ProductState>, lines: &[RunLine]) -> Option<RunLine> {
    let name = state?.run.as_deref()?;
    lines.iter().find(|line| line.run.name == name).cloned()
}

fn desired(doc: DesiredDoc) -> Desired {
    Desired {
        title: doc.product.name.base().unwrap_or_default().to_owned(),
        variants: doc.product.variants.len(),
        withdrawn: doc.product.withdrawn,
        extra: extra_of(&doc.product),
        rules: Vec::new(),
        version: doc.version.to_string(),
        provenance: doc.provenance,
        parts: Vec::new(),
        fields: Vec::new(),
    }
}

/// What each part of a product says, and where each field comes from.
async fn said_of(
    stack: &Stack,
    key: &ProductKey,
    doc: Option<&DesiredDoc>,
    state: Option<&ProductState>,
) -> Result<(Vec<Part>, Vec<FieldOrigin>), CliError> {
    let said = match state.is_some_and(|state| state.parts.is_some()) {
        true => stack.ledger.read_parts(key).await?,
        false => Vec::new(),
    };
    let said: Vec<(PartName, DesiredDoc)> =
        said.into_iter().filter_map(|(name, doc)| name.map(|name| (name, doc))).collect();
    let said_by_lines = match (doc, state.and_then(|state| state.lines.as_ref())) {
        (Some(doc), Some(declared)) => stack.ledger.lines_of(&doc.product, declared).await?,
        _ => Vec::new(),
    };
    let fields = match doc {
        Some(doc) if !said.is_empty() => fields::origins(&doc.product, &said, &said_by_lines),
        _ => Vec::new(),
    };
    Ok((parts_of(said), fields))
}

/// Whether the run that brought the product read a damaged object, and nothing since has said what
/// is right.
async fn is_doubtful(
    stack: &Stack,
    key: &ProductKey,
    doc: Option<&DesiredDoc>,
    run: Option<&RunLine>,
    lines: &[RunLine],
) -> Result<bool, CliError> {
    let Some(run) = run.filter(|run| damaged::is_doubtful(run, lines)) else { return Ok(false) };
    let part = doc.and_then(|doc| stack.ledger.part_of(&doc.product));
    let bucket = withdrawal::s3::Bucket(stack.s3().clone());
    Ok(!damaged::ended_by_a_full_feed(&bucket, &stack.bucket, (key, part.as_ref()), run, lines).await?)
}

/// The parts of a product, the leading one first.
fn parts_of(named: Vec<(PartName, DesiredDoc)>) -> Vec<Part> {
    let leading = catalog::parts::leading(named.iter().map(|(name, doc)| (name, &doc.product)));
    let part = |(index, (name, doc)): (usize, (PartName, DesiredDoc))| Part {
        name: name.to_string(),
        leads: leading == Some(index),
        withdrawn: doc.product.withdrawn,
        at: doc.version.object_time_ms(),
        provenance: doc.provenance,
    };
    let mut parts: Vec<Part> = named.into_iter().enumerate().map(part).collect();
    parts.sort_by_key(|part| !part.leads);
    parts
}

/// What the source says besides, of the product and then of its variants.
fn extra_of(product: &catalog::Product) -> Vec<Extra> {
    let variants = product.variants.iter().map(|variant| (Some(&variant.sku), &variant.facts));
    let all = std::iter::once((None, &product.facts)).chain(variants);
    let of = |(sku, facts): (Option<&String>, &Option<Box<catalog::Facts>>)| {
        let extra = facts.as_ref().map(|facts| facts.extra.clone()).unwrap_or_default();
        let sku = sku.cloned();
        extra.into_iter().map(move |(name, text)| Extra { sku: sku.clone(), name, text })
    };
    all.flat_map(of).collect()
}

/// What is remembered of a product's stock. One that cannot be read counts as none: its push fails,
/// and says why.
pub(super) fn book(stock: Option<ledger::core::shop::Stock>) -> medusa::Book {
    let json = stock.map(|stock| stock.json).unwrap_or_default();
    serde_json::from_slice(&json).unwrap_or_default()
}

/// What there is to say of a SKU that the shop has and the PIM does not.
fn of_its_own(key: &ProductKey, sku: &str) -> String {
    match medusa::own_sku::said(key, sku) {
        said if said == sku => String::new(),
        said => format!("; in the PIM {said}, a SKU that another product has in the shop"),
    }
}

/// The remembered stock in words.
fn stock_lines(key: &ProductKey, stock: Option<ledger::core::shop::Stock>, now: i64) -> Vec<Stock> {
    let line = |applied: medusa::stock::Applied| Stock {
        line: applied.why.line(|at| of_day(at, now)) + &of_its_own(key, &applied.sku),
        sku: applied.sku,
        version: applied.version,
        at: applied.at,
    };
    let mut lines: Vec<Stock> = book(stock).0.into_values().map(line).collect();
    lines.sort_by(|a, b| a.sku.cmp(&b.sku));
    lines
}

/// A time of today as `09:10`, any other with its date; UTC.
fn of_day(at: i64, now: i64) -> String {
    let (then, today) = (time(at), time(now));
    match (then.split_once('T'), today.split_once('T')) {
        (Some((day, clock)), Some((today, _))) => {
            let clock: String = clock.chars().take(5).collect();
            if day == today { clock } else { format!("{day} {clock}") }
        }
        _ => then,
    }
}

/// Whether an object is a feed of a source: `s3://bucket/incoming/<source>/…`.
fn of_source(object: &str, source: &str) -> bool {
    object.split("/incoming/").nth(1).and_then(|rest| rest.split('/').next()).is_none_or(|own| own == source)
}

/// How far to look for rejected records.
#[derive(Debug, Clone, Copy)]
struct Bound {
    /// So many runs, if somebody said so.
    runs: Option<usize>,
    /// The ledger knows the product.
    known: bool,
}

impl Bound {
    /// Whether to look through one more run.
    fn goes_on(self, runs: usize, found: bool, elapsed: Duration) -> bool {
        match self.runs {
            Some(most) => runs < most,
            None => runs < NEWEST || (!self.known && !found && elapsed < LONGEST),
        }
    }
}

/// Whether a run has left lines about records that do not count.
fn set_aside(line: &RunLine) -> bool {
    line.run.counts.rejected > 0 || line.run.counts.warnings_by.contains_key(rejected::REPEATED)
}

/// Records of a product in what the runs of its source rejected, from the newest on.
async fn search(
    stack: &Stack,
    key: &ProductKey,
    lines: &[RunLine],
    bound: Bound,
) -> Result<(Vec<Refusal>, Searched), CliError> {
    let begun = Instant::now();
    let mut found = Vec::new();
    let of_interest: Vec<&RunLine> =
        lines.iter().filter(|line| set_aside(line) && of_source(&line.object, key.source())).collect();
    let mut searched = Searched { more: lines.len() >= KNOWN_RUNS, ..Searched::default() };
    for line in &of_interest {
        if !bound.goes_on(searched.runs, !found.is_empty(), begun.elapsed()) {
            searched.more = true;
            break;
        }
        if begun.elapsed() > QUIET {
            let (done, all) = (searched.runs + 1, of_interest.len());
            let _ = writeln!(std::io::stderr(), "looking through rejected records: run {done} of {all} …");
        }
        rejected::each(stack, &line.run.name, |record| {
            if record.product_id.as_deref() == Some(key.id()) && of_source(&record.object, key.source()) {
                found.push(Refusal { run: line.run.name.clone(), started: line.run.started, record });
            }
            true
        })
        .await?;
        searched.runs += 1;
        searched.since = Some(line.run.started);
    }
    Ok((found, searched))
}

async fn letters(stack: &Stack, key: &ProductKey) -> Result<Vec<Letter>, CliError> {
    let mut letters = Vec::new();
    for (action, place) in [(RedriveAction::Inspect, "dead"), (RedriveAction::Parked, "parked")] {
        let filter = Filter { product: Some(key.to_string()), ..Filter::default() };
        let request = RedriveRequest { filter, max: Some(50), ..RedriveRequest::new(action) };
        let report = stack.redrive(&request).await?;
        for queue in report.queues {
            letters.extend(queue.letters.into_iter().map(|letter| Letter { queue: queue.queue, place, letter }));
        }
    }
    Ok(letters)
}

/// Asks Pimcore. That it cannot be asked from here is no failure: the functions may well reach it.
async fn in_pimcore(stack: &Stack, key: &ProductKey) -> InPimcore {
    let secrets = Secrets::new(aws_sdk_secretsmanager::Client::new(&stack.aws));
    let asked = diff::in_pimcore(stack, &secrets, key, Instant::now() + PIMCORE);
    let unknown = |why: String| InPimcore::Unknown { why };
    match tokio::time::timeout(PIMCORE, asked).await {
        Err(_) => unknown("no answer within 10 s".to_owned()),
        Ok(Err(error)) => unknown(error.to_string()),
        Ok(Ok(Err(Failure { message, .. }))) => unknown(message),
        Ok(Ok(Ok(None))) => InPimcore::Absent,
        Ok(Ok(Ok(Some(product)))) => InPimcore::There {
            id: product.id,
            published: product.published,
            hidden: product.shop_visibility == pimcore::ShopVisibility::Hide,
            withdrawn: product.withdrawn,
            offered: product.offered(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_source_says_besides_is_told_of_product_and_variants() {
        let mut product: catalog::Product = serde_json::from_value(serde_json::json!({
            "source": "demo", "id": "1", "name": {"en": "Shelf"}, "facts": {"extra": {"row": "17b"}},
            "variants": [{"sku": "a", "title": "A", "prices": [], "stock": 1, "facts": {"extra": {"bin": "4"}}}]}))
        .unwrap();
        let told = extra_of(&product);
        let told: Vec<_> = told.iter().map(|extra| (extra.sku.as_deref(), &*extra.name, &*extra.text)).collect();
        assert_eq!(told, [(None, "row", "17b"), (Some("a"), "bin", "4")]);
        product.facts = None;
        assert_eq!(extra_of(&product).len(), 1);
    }

    #[test]
    fn stock_is_explained_from_what_is_remembered() {
        let now = 1_795_000_000_000;
        let json = r#"{"iitem_2":{"sku":"B","figure":9,"allowed":9,"basis":"after-0--0-","version":"v2","since":1794900000000,"at":3,
            "stocked":7,"why":{"said":"9 said","step":{"ours":{"pieces":2,"since":1794900000000,"left":7}}}},
            "iitem_1":{"sku":"A","figure":12,"allowed":10,"basis":"after-2--0-","version":"v1","since":1794995000000,"at":3,
            "stocked":7,"why":{"said":"12 said − 2 buffer","step":{"ours":{"pieces":3,"since":1794995000000,"left":7}}}}}"#;
        let key: ProductKey = "demo:1".parse().unwrap();
        let own = medusa::own_sku::own(&key, "B");
        let json = json.replace(r#""B""#, &format!("{own:?}"));
        let stock = ledger::core::shop::Stock { json: json.as_bytes().to_vec(), writes: 1, handle: None };
        let lines: Vec<(String, String)> =
            stock_lines(&key, Some(stock), now).into_iter().map(|stock| (stock.sku, stock.line)).collect();
        let expected = [
            ("A", "12 said − 2 buffer − 3 ours since 09:43 = 7"),
            (
                &own,
                "9 said − 2 ours since 2026-11-17 07:20 = 7; in the PIM B, a SKU that another product has in the shop",
            ),
        ];
        assert_eq!(lines, expected.map(|(sku, line)| (sku.to_owned(), line.to_owned())));
        assert_eq!(stock_lines(&key, None, now), []);
    }

    #[test]
    fn a_record_is_looked_for_until_it_is_found_but_not_for_ever() {
        let (quick, slow) = (Duration::from_secs(1), LONGEST);
        let far = |runs, known, looked, found, elapsed| Bound { runs, known }.goes_on(looked, found, elapsed);
        assert!(
            far(None, true, 19, true, slow) && !far(None, true, 20, false, quick),
            "of a known one, the newest only"
        );
        assert!(far(None, false, 500, false, quick), "on until it is found");
        assert!(!far(None, false, 20, true, quick) && !far(None, false, 20, false, slow));
        assert!(far(Some(300), true, 299, true, slow) && !far(Some(300), false, 300, false, quick), "as somebody said");
    }
}
