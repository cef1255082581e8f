//! The report as a page that a merchant can read: one file, nothing from elsewhere.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::prices::Prices;
use super::report::{Group, PreviewReport};
use crate::render::time;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}\
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%}\
td,th{text-align:start;padding:.25rem .6rem;border-bottom:1px solid #ddd;vertical-align:top}td.n,th.n{text-align:end;font-variant-numeric:tabular-nums}\
.cards{display:flex;flex-wrap:wrap;gap:.6rem}.card{border:1px solid #ddd;border-radius:.4rem;padding:.5rem .9rem}.card b{display:block;font-size:1.4rem}\
.warn{border-color:#c60;color:#a40}.bar{background:#48c;height:.8rem}small{color:#666}";

#[must_use]
pub fn page(report: &PreviewReport, now: i64) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Preview</title><style>{STYLE}</style>\n<h1>What would happen</h1>\n<p>{}, compared with {}. <small>{}{}</small></p>\n",
        escaped(&report.what),
        escaped(&report.against),
        time(now),
        if report.rules.is_empty() { String::new() } else { format!(", rules {}", escaped(&report.rules)) },
    );
    if let Some(broken) = &report.broken {
        let _ = writeln!(page, "<p class=\"card warn\">The feed breaks off {}</p>", escaped(broken));
    }
    for reason in &report.feed_held {
        let _ =
            writeln!(page, "<p class=\"card warn\">The whole of it would wait for a person: {}</p>", escaped(reason));
    }
    cards(&mut page, report);
    if !report.fields.is_empty() {
        let _ = writeln!(
            page,
            "<h2>What differs</h2>{}",
            numbers(report.fields.iter().map(|(name, count)| (*name, *count)))
        );
    }
    prices(&mut page, &report.prices);
    for (title, groups) in [
        ("Not published", &report.gated),
        ("Waiting for a person", &report.held),
        ("Rejected records", &report.rejected),
        ("Remarks", &report.remarks),
    ] {
        groups_of(&mut page, title, groups);
    }
    for (title, paths) in
        [("Categories that would appear", &report.new_categories), ("Categories that are not mapped", &report.unmapped)]
    {
        if !paths.is_empty() {
            let _ = writeln!(
                page,
                "<h2>{title}</h2>{}",
                numbers(paths.iter().map(|(path, count)| (path.as_str(), *count)))
            );
        }
    }
    page.push_str("</html>\n");
    page
}

/// How many there are of what.
fn cards(page: &mut String, report: &PreviewReport) {
    let counts = &report.counts;
    page.push_str("<div class=\"cards\">");
    for (name, count, warn) in [
        ("products", counts.products, false),
        ("new", counts.new, false),
        ("changed", counts.changed, false),
        ("unchanged", counts.unchanged, false),
        ("withdrawn", counts.withdrawn, counts.withdrawn > 0),
        ("rejected", counts.rejected, counts.rejected > 0),
        ("withheld", counts.gated, counts.gated > 0),
        ("held", counts.held, counts.held > 0),
    ] {
        let class = if warn { "card warn" } else { "card" };
        let _ = write!(page, "<div class=\"{class}\"><b>{count}</b>{name}</div>");
    }
    page.push_str("</div>\n");
}

fn prices(page: &mut String, prices: &Prices) {
    if prices.changed() + prices.added + prices.removed == 0 {
        return;
    }
    let most = prices.bands.values().max().copied().unwrap_or(1).max(1);
    page.push_str("<h2>Prices</h2><table>");
    for band in Prices::bands() {
        let count = prices.bands.get(band).copied().unwrap_or_default();
        let width = count * 100 / most;
        let _ = write!(
            page,
            "<tr><td>{band}<td class=\"n\">{count}<td style=\"width:50%\"><div class=\"bar\" style=\"width:{width}%\"></div>"
        );
    }
    let _ = writeln!(
        page,
        "</table><p><small>{} as they were, {} added, {} removed</small></p>",
        prices.same, prices.added, prices.removed
    );
    if !prices.largest.is_empty() {
        page.push_str("<h2>Largest changes</h2><table><tr><th class=\"n\">%<th class=\"n\">before<th class=\"n\">after<th>product<th>name");
        for change in &prices.largest {
            let _ = write!(
                page,
                "<tr><td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{} {}<td>{}<br><small>{}</small><td dir=\"auto\">{}",
                change.percent,
                change.from,
                change.to,
                escaped(&change.currency),
                escaped(&change.product),
                escaped(&change.sku),
                escaped(&change.name)
            );
        }
        page.push_str("</table>\n");
    }
}

fn groups_of(page: &mut String, title: &str, groups: &BTreeMap<String, Group>) {
    if groups.is_empty() {
        return;
    }
    let _ = write!(page, "<h2>{title}</h2><table>");
    for (name, group) in groups {
        let examples: Vec<String> = group.examples.iter().map(|example| escaped(example)).collect();
        let _ = write!(
            page,
            "<tr><td>{}<td class=\"n\">{}<td dir=\"auto\"><small>{}</small>",
            escaped(name),
            group.count,
            examples.join("<br>")
        );
    }
    page.push_str("</table>\n");
}

fn numbers<'n>(rows: impl Iterator<Item = (&'n str, u64)>) -> String {
    let mut rows: Vec<(&str, u64)> = rows.collect();
    rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let mut table = "<table>".to_owned();
    for (name, count) in rows {
        let _ = write!(table, "<tr><td dir=\"auto\">{}<td class=\"n\">{count}", escaped(name));
    }
    table.push_str("</table>");
    table
}

/// A text from outside as HTML shows it, and does nothing with it.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}
