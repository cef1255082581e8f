//! The story in words.

use redrive::view;

use super::{Desired, Letter, Refusal, Searched, Trace};
use crate::remedy;
use crate::render::{ago, count, short, time};

/// Fields of which it is said where they are from.
const FIELDS: usize = 30;
/// Entries of `extra` that are listed.
const EXTRA: usize = 20;

/// The story in words.
pub(super) fn text(trace: &Trace, stack: &str, now: i64) -> String {
    let mut text = format!("{}\n  {}", trace.product, trace.verdict.summary);
    if !trace.verdict.advice.is_empty() {
        text.push_str(&format!("\n  What to do: {}", trace.verdict.advice));
    }
    if let Some(desired) = &trace.desired {
        text.push_str(&desired_text(desired));
    }
    if let Some(line) = &trace.run {
        text.push_str(&format!(
            "\n  run      {}, {}, {}",
            line.run.name,
            line.run.status.as_str(),
            ago(line.run.started, now)
        ));
    }
    if let Some(state) = &trace.state {
        text.push_str("\n\nPimcore");
        if let Some(since) = state.deleted_in_pimcore {
            let by = trace.deleted_by.as_ref().and_then(|by| by.name.as_deref()).unwrap_or("a person");
            text.push_str(&format!("\n  deleted  there by {}; seen {}", short(by, 100), ago(since, now)));
        }
        text.push_str(&stage_text(&state.pimcore, state.hash.as_deref(), now));
        text.push_str(&format!("\n\nMedusa{}", stage_text(&state.medusa, state.hash.as_deref(), now)));
        for article in &trace.articles {
            text.push_str(&article.beside(&trace.product));
        }
        if let Some(since) = state.pending_since {
            text.push_str(&format!("\n\nPending since {}", ago(since, now)));
        }
    }
    if !trace.stock.is_empty() {
        text.push_str("\n\nStock in the shop");
        for stock in &trace.stock {
            text.push_str(&format!("\n  {}  {}", short(&stock.sku, 60), stock.line));
        }
    }
    for letter in &trace.letters {
        text.push_str(&letter_text(letter));
    }
    for refusal in &trace.rejected {
        text.push_str(&refusal_text(refusal, now));
    }
    let Searched { runs, since, more } = trace.searched;
    if let (true, Some(since)) = (more, since) {
        text.push_str(&format!(
            "\n\nRejected records were looked for in {}, back to {}; --runs looks further",
            count(runs, "run"),
            time(since)
        ));
    }
    if let Some(run) = trace.state.as_ref().and_then(|state| state.run.as_ref()) {
        text.push_str(&format!(
            "\n\nLog lines of this run: filter the log groups /aws/lambda/{stack}-normalize, -pimcore-sync, -medusa-push by \"{run}\""
        ));
    }
    text
}

fn desired_text(desired: &Desired) -> String {
    let withdrawn = if desired.withdrawn { ", withdrawn by the source" } else { "" };
    let mut text = format!(
        "\n\nShould be\n  {}, {} variants{withdrawn}\n  version  {}\n  from     {}",
        short(&desired.title, 100),
        desired.variants,
        desired.version,
        desired.provenance
    );
    for part in &desired.parts {
        let at = part.at.and_then(|at| i64::try_from(at).ok()).map_or_else(String::new, |at| format!(", {}", time(at)));
        let leads = if part.leads { ", leads" } else { "" };
        let withdrawn = if part.withdrawn { ", withdrawn" } else { "" };
        text.push_str(&format!("\n  part     {}{leads}{withdrawn}{at}\n           {}", part.name, part.provenance));
    }
    for line in &desired.rules {
        text.push_str(&format!("\n  rules    {line}"));
    }
    for one in desired.fields.iter().take(FIELDS) {
        let at = one.at.and_then(|at| i64::try_from(at).ok()).map_or_else(String::new, |at| format!(", {}", time(at)));
        let of = one.sku.as_ref().map(|sku| format!(" of {}", short(sku, 40))).unwrap_or_default();
        let by = one.by.as_ref().map(|by| format!(" by {}", short(by, 40))).unwrap_or_default();
        let value = short(&one.value, 40);
        text.push_str(&format!(
            "\n  field    {}{of} = {value}: {}{by}{at}\n           {}",
            one.field, one.part, one.provenance
        ));
    }
    if let more @ 1.. = desired.fields.len().saturating_sub(FIELDS) {
        text.push_str(&format!("\n  field    {more} more, with --json"));
    }
    for extra in desired.extra.iter().take(EXTRA) {
        let of = extra.sku.as_ref().map(|sku| format!("{}: ", short(sku, 40))).unwrap_or_default();
        text.push_str(&format!("\n  besides  {of}{} = {}", short(&extra.name, 40), short(&extra.text, 100)));
    }
    if let more @ 1.. = desired.extra.len().saturating_sub(EXTRA) {
        text.push_str(&format!("\n  besides  {more} more, with --json"));
    }
    text
}

fn letter_text(dead: &Letter) -> String {
    let Letter { place, queue, letter } = dead;
    let mut text = format!(
        "\n\nLetter {} is {place} on the {queue} queue: {} [{}]\n  What to do: {}",
        letter.message,
        letter.reason.message,
        letter.reason.code,
        remedy::advice(&letter.reason.code)
    );
    if let Some(object) = &letter.parked {
        text.push_str(&format!("\n  kept in {object}; `relay dlq unpark --message {}` sends it back", letter.message));
    }
    text
}

fn refusal_text(refusal: &Refusal, now: i64) -> String {
    let record = &refusal.record;
    format!(
        "\n\nRejected by run {} ({}): {} [{}], record {}, byte {}",
        refusal.run,
        ago(refusal.started, now),
        record.message,
        record.reason,
        record.index,
        record.offset
    )
}

fn stage_text(stage: &view::Stage, desired: Option<&str>, now: i64) -> String {
    let mut text = String::new();
    match (&stage.version, stage.at) {
        (Some(version), Some(at)) => {
            let same = if stage.hash.as_deref() == desired { "as it should be" } else { "older content" };
            let id = stage.remote_id.as_ref().map_or_else(|| "not there".to_owned(), |id| format!("id {id}"));
            text.push_str(&format!("\n  holds    version {version}: {same}, {id}\n  since    {}", ago(at, now)));
        }
        _ => text.push_str("\n  holds    nothing of it yet"),
    }
    if let Some(until) = stage.leased_until {
        let word = if until > now { "until" } else { "expired at" };
        text.push_str(&format!("\n  leased   {word} {}", time(until)));
    }
    if let Some(at) = stage.recheck_at {
        text.push_str(&format!("\n  recheck  at {}", time(at)));
    }
    if let Some(error) = &stage.last_error {
        text.push_str(&format!(
            "\n  attempts {}, last failed {}\n  error    {} [{}: {}]",
            stage.attempts,
            ago(error.at, now),
            error.reason.message,
            error.reason.kind,
            error.reason.code
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::{Desired, Extra, Refusal, Stock, Verdict};
    use super::*;
    use crate::commands::rejected::Rejected;

    const NOW: i64 = 1_795_000_000_000;

    fn desired() -> Desired {
        Desired {
            title: "Shirt".into(),
            variants: 2,
            withdrawn: false,
            version: "v".into(),
            provenance: "s3://b/incoming/demo/a.json record 3 at byte 120".into(),
            parts: vec![super::super::Part {
                name: "us-usd".into(),
                leads: true,
                withdrawn: false,
                at: Some(1_763_856_000_000),
                provenance: "s3://b/incoming/demo/us.csv record 4 at byte 200".into(),
            }],
            rules: vec!["s1: 20 SAR → 29.95 SAR".into()],
            fields: (0..31)
                .map(|n| super::super::FieldOrigin {
                    field: "stock".into(),
                    sku: Some(format!("K-{n}")),
                    value: "7".into(),
                    part: "stock".into(),
                    by: Some("sku K".into()),
                    at: Some(1_763_856_000_000),
                    provenance: "s3://b/incoming/demo/stock/a.csv record 4 at byte 200".into(),
                })
                .collect(),
            extra: (0..22).map(|n| Extra { sku: None, name: format!("row {n}"), text: "17b".into() }).collect(),
        }
    }

    fn trace() -> Trace {
        let record = Rejected {
            index: 4,
            offset: 812,
            product_id: Some("77".into()),
            reason: "negative_price".into(),
            message: "SKU s1: the SAR price is -3".into(),
            path: None,
            value: None,
            object: "s3://b/incoming/demo/a.json".into(),
        };
        let stage = || view::Stage::default();
        Trace {
            product: "demo:77".into(),
            verdict: Verdict { summary: "It waits.".into(), advice: "Wait.".into(), attention: false },
            desired: Some(desired()),
            state: Some(view::Product {
                product: "demo:77".into(),
                version: None,
                hash: None,
                run: Some("run-1".into()),
                pending_since: Some(NOW - 1_000),
                deleted_in_pimcore: Some(NOW - 60_000),
                pimcore: stage(),
                medusa: stage(),
            }),
            in_pimcore: None,
            deleted_by: None,
            run: None,
            rejected: vec![Refusal { run: "run-2".into(), started: NOW, record }],
            searched: Searched { runs: 20, since: Some(NOW), more: true },
            letters: vec![],
            stock: vec![Stock {
                sku: "s1".into(),
                line: "12 said − 5 ours since 09:10 = 7".into(),
                version: "v".into(),
                at: NOW,
            }],
            articles: vec![],
            breakers: vec![],
        }
    }

    #[test]
    fn everything_is_in_one_place() {
        let trace = trace();
        let text = text(&trace, "catalog-relay", NOW);
        for part in [
            "It waits.\n  What to do: Wait.",
            "record 3 at byte 120",
            "part     us-usd, leads, 2025-11-23T00:00:00Z\n           s3://b/incoming/demo/us.csv record 4 at byte 200",
            "field    stock of K-29 = 7: stock by sku K, 2025-11-23T00:00:00Z\n           s3://b/incoming/demo/stock/a.csv record 4 at byte 200\n  field    1 more",
            "besides  row 19 = 17b\n  besides  2 more",
            "Pimcore\n  deleted  there by a person; seen ",
            "(1 min 0 s ago)\n  holds    nothing of it yet",
            "Pending since",
            "run-1",
            "Stock in the shop\n  s1  12 said − 5 ours since 09:10 = 7",
            "Rejected by run run-2",
            "looked for in 20 runs",
        ] {
            assert!(text.contains(part), "{part} is missing in:\n{text}");
        }
    }

    #[test]
    fn what_a_feed_holds_does_nothing_to_the_terminal() {
        use crate::shown::{WILD, assert_tame};
        let mut trace = trace();
        trace.verdict.summary = WILD.into();
        let extra = vec![Extra { sku: Some(WILD.into()), name: WILD.into(), text: WILD.into() }];
        trace.desired =
            trace.desired.map(|desired| Desired { extra, title: WILD.into(), provenance: WILD.into(), ..desired });
        trace.rejected[0].record.message = WILD.into();
        let wild = view::Error {
            reason: redrive::Reason { kind: catalog::ErrorKind::Permanent, code: "x".into(), message: WILD.into() },
            at: NOW,
        };
        trace.state.as_mut().unwrap().medusa.last_error = Some(wild);
        assert_tame(&crate::answer::Answer::new(&trace, text(&trace, "catalog-relay", NOW), true));
    }
}
