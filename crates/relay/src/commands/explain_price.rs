//! `relay explain-price <product>`: what the source asks, what each rule makes of it, what the shop
//! asks.

use std::fmt::Write as _;
use std::path::Path;

use catalog::{Product, ProductKey};
use feeds::Outcome;
use serde::Serialize;
use serde_json::json;
use want::{InForce, Moment, Step, Wanted};

use super::preview::docs;
use super::rules::needed;
use super::rules_in_force;
use crate::answer::Answer;
use crate::cli::Configured;
use crate::error::CliError;
use crate::local::feed::FeedFile;
use crate::local::rules::rates;
use crate::render::table;
use crate::stack::Stack;

/// One step for scripts.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'s> {
    sku: &'s str,
    currency: &'s str,
    rule: &'s str,
    place: Option<String>,
    what: &'s str,
    before: Option<rust_decimal::Decimal>,
    after: rust_decimal::Decimal,
}

/// A product of a feed on disk. Of several records the last counts, as in the ledger.
///
/// # Errors
/// When it is not there, or something cannot be read.
pub fn in_feed(
    product: &str,
    feed: &Path,
    source: Option<&str>,
    configured: &Configured,
    now: i64,
) -> Result<Answer, CliError> {
    let key = super::product_key(product)?;
    let (mut file, mut found) = (FeedFile::open(feed, source)?, None);
    while let Some(part) = file.part()? {
        for outcome in part.outcomes {
            if let Outcome::Product(mapped) = outcome
                && mapped.product.key().is_ok_and(|known| known == key)
            {
                found = Some(mapped.product);
            }
        }
    }
    let Some(said) = found else {
        let what = format!("{} has no product {key}", feed.display());
        return Err(CliError::NotFound { what, advice: "`relay preview` tells of rejected records".to_owned() });
    };
    let named =
        InForce { rules: needed(configured)?, rates: rates(configured.rates.as_deref())?, ..InForce::default() };
    explained(&key, (&said, now), None, &named, now)
}

/// A product of the ledger.
///
/// # Errors
/// When no feed has brought it, or something cannot be read.
pub async fn run(stack: &Stack, product: &str, configured: &Configured, now: i64) -> Result<Answer, CliError> {
    let key = super::product_key(product)?;
    let doc = docs(stack, std::slice::from_ref(&key)).await?.remove(&key);
    let doc = doc.ok_or_else(|| CliError::NotFound {
        what: format!("no feed has brought a product {key}"),
        advice: format!("`relay trace {key}` looks for it among the rejected records"),
    })?;
    let said_at = super::preview::said_at(&doc.version, now);
    let named = rules_in_force::or_named(stack, configured).await?;
    let past = rules_in_force::past(stack, &rules_in_force::read(stack).await?, &key).await?;
    let last = past.base.map(|base| base.product);
    explained(&key, (&doc.product, said_at), last.as_ref(), &named, now)
}

fn explained(
    key: &ProductKey,
    (said, said_at): (&Product, i64),
    last: Option<&Product>,
    InForce { rules, rates, .. }: &InForce,
    now: i64,
) -> Result<Answer, CliError> {
    let moment = Moment { now, said_at: Some(said_at), rates: rates.as_ref(), last };
    let (wanted, steps) = want::explain(said, rules, &moment);
    let told: Vec<Told<'_>> = steps
        .iter()
        .map(|step| Told {
            sku: &step.sku,
            currency: &step.currency,
            rule: &step.rule,
            place: step.place.as_ref().map(ToString::to_string),
            what: &step.what,
            before: step.before,
            after: step.after,
        })
        .collect();
    let withheld: Vec<&str> = wanted.withheld.iter().map(|one| one.reason.as_str()).collect();
    let remarks: Vec<String> = wanted.remarks.iter().map(|one| format!("{}: {}", one.code, one.message)).collect();
    let prices: Vec<_> =
        wanted.product.variants.iter().map(|variant| json!({"sku": variant.sku, "prices": variant.prices})).collect();
    let json = json!({"product": key.to_string(), "name": said.name, "rules": rules.version(), "steps": told, "prices": prices, "withheld": withheld, "remarks": remarks});
    let text = text(key, said, &wanted, &steps);
    Ok(Answer::new(&json, text, !withheld.is_empty()))
}

fn text(key: &ProductKey, said: &Product, wanted: &Wanted, steps: &[Step]) -> String {
    let mut text = format!("{key}  {}\n", said.name.base().unwrap_or_default());
    for variant in &said.variants {
        // Prices that came to be alike are shown once, for the first variant.
        for currency in currencies(steps, &variant.sku) {
            let own = of(steps, &variant.sku, currency);
            let same = |sku: &str| {
                of(steps, sku, currency)
                    .iter()
                    .map(|step| (&step.what, step.after))
                    .eq(own.iter().map(|step| (&step.what, step.after)))
            };
            let first = said.variants.iter().find(|other| same(&other.sku));
            if first.is_some_and(|first| first.sku != variant.sku) {
                continue;
            }
            let alike = said.variants.iter().filter(|other| same(&other.sku)).count();
            let more = if alike > 1 { format!(" and {} like it", alike - 1) } else { String::new() };
            let _ = write!(text, "\n{}{more}, {currency}\n", variant.sku);
            let rows = own.iter().map(|step| {
                let place = step.place.as_ref().map(ToString::to_string).unwrap_or_default();
                [step.after.normalize().to_string(), step.what.clone(), step.rule.clone(), place]
            });
            let _ = writeln!(text, "{}", table(["amount", "", "rule", "where"], rows));
            let price = wanted.product.variants.iter().find(|other| other.sku == variant.sku);
            let price = price.and_then(|variant| variant.prices.iter().find(|price| price.currency == currency));
            let _ = writeln!(
                text,
                "{}",
                match price {
                    Some(price) => match price.list_amount {
                        Some(list) => format!("= {} {currency}, reduced from {list}", price.amount),
                        None => format!("= {} {currency}", price.amount),
                    },
                    None => "= no price".to_owned(),
                }
            );
        }
    }
    for withheld in &wanted.withheld {
        let _ = writeln!(text, "\nNot published: {} ({}, {})", withheld.reason, withheld.rule, withheld.place);
    }
    for remark in &wanted.remarks {
        let _ = writeln!(text, "\n{}: {}", remark.code, remark.message);
    }
    text.trim_end().to_owned()
}

fn currencies<'s>(steps: &'s [Step], sku: &str) -> Vec<&'s str> {
    let mut all: Vec<&str> = steps.iter().filter(|step| step.sku == sku).map(|step| step.currency.as_str()).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn of<'s>(steps: &'s [Step], sku: &str, currency: &str) -> Vec<&'s Step> {
    steps.iter().filter(|step| step.sku == sku && step.currency == currency).collect()
}
