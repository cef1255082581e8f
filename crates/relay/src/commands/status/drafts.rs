//! Drafts of people that writes of ours hid in Pimcore ([`ledger::core::drafts`]).

use ledger::core::saves;
use serde::{Deserialize, Serialize};

use crate::error::CliError;
use crate::render::{count, short, span};
use crate::stack::Stack;

/// Products shown.
const SHOWN: usize = 3;

/// Hidden drafts, the longest known first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HiddenDrafts {
    pub products: Vec<HiddenDraft>,
    /// Up to when (ms) saves in Pimcore were looked at.
    pub looked_at: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HiddenDraft {
    pub product: String,
    /// Pimcore's object id.
    pub object: Option<String>,
    /// Opens it in Pimcore.
    pub link: Option<String>,
    /// Since when it is known, in ms.
    pub since: i64,
}

/// What the change feed notes of itself.
#[derive(Deserialize)]
struct Position {
    looked: Option<i64>,
}

pub(super) async fn hidden(stack: &Stack) -> Result<HiddenDrafts, CliError> {
    let (hidden, feed) = tokio::try_join!(stack.ledger.hidden_drafts(), stack.ledger.watermark(saves::WATERMARK))?;
    let looked = feed.and_then(|text| serde_json::from_str::<Position>(&text).ok()?.looked);
    let products = hidden.into_iter().map(|(key, since, state)| {
        let object = state.pimcore.applied.and_then(|applied| applied.remote_id);
        let link = object.as_ref().map(|id| link(&stack.pimcore_url, id));
        HiddenDraft { product: key.to_string(), object, link, since }
    });
    Ok(HiddenDrafts { products: products.collect(), looked_at: looked.filter(|at| *at > 0).map(|at| at * 1000) })
}

/// Pimcore's own address of an object in its editor.
fn link(base: &str, id: &str) -> String {
    format!("{}/admin/login/deeplink?object_{id}_object", base.trim_end_matches('/'))
}

pub(super) fn text(drafts: &HiddenDrafts, now: i64) -> Option<String> {
    let first = drafts.products.first()?;
    let n = count(drafts.products.len(), "draft");
    let looked = drafts.looked_at.map_or_else(String::new, |at| format!("; looked at {} ago", span(now - at)));
    let mut text = format!(
        "{n} hidden in Pimcore by a feed's write, the first since {}{looked}. The text is still under Versions: copy it into the editor and publish.",
        span(now - first.since)
    );
    for draft in drafts.products.iter().take(SHOWN) {
        let link = draft.link.as_deref().unwrap_or("no object is known");
        text.push_str(&format!("\n  {}  {}", short(&draft.product, 100), short(link, 200)));
    }
    if let more @ 1.. = drafts.products.len().saturating_sub(SHOWN) {
        text.push_str(&format!("\n  {more} more, with --json"));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_000_000_000;

    #[test]
    fn hidden_drafts_are_counted_and_named_with_a_link_and_since_when() {
        assert_eq!(text(&HiddenDrafts { looked_at: Some(NOW), ..HiddenDrafts::default() }, NOW), None);
        let draft = |n: i64| HiddenDraft {
            product: format!("demo:{n}"),
            object: Some(n.to_string()),
            link: Some(link("https://pim.example/", &n.to_string())),
            since: NOW - 3_600_000 * (6 - n),
        };
        let drafts = HiddenDrafts { products: (1..=5).map(draft).collect(), looked_at: Some(NOW - 60_000) };
        let text = text(&drafts, NOW).unwrap();
        assert!(text.starts_with("5 drafts hidden in Pimcore"), "{text}");
        assert!(text.contains("since 5 h 0 min; looked at 1 min 0 s ago"), "{text}");
        assert!(text.contains("demo:3  https://pim.example/admin/login/deeplink?object_3_object"), "{text}");
        assert!(text.ends_with("2 more, with --json") && !text.contains("demo:4"), "{text}");
    }
}
