//! Lines of declared parts that wait for their products.

use futures::future::try_join_all;
use ledger::core::lines;
use serde::Serialize;

use crate::error::CliError;
use crate::render::{count, span};
use crate::stack::Stack;

/// Lines counted, per shard.
const COUNTED: usize = 20_000;
/// Lines shown.
const SHOWN: usize = 3;

/// Lines that no product has come for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WaitingLines {
    pub lines: usize,
    /// Since how many ms the oldest waits.
    pub oldest_ms: Option<i64>,
    /// The oldest: source, part and identifier.
    pub examples: Vec<String>,
}

pub(super) async fn waiting(stack: &Stack, now: i64) -> Result<WaitingLines, CliError> {
    let shards = lines::shards().map(|shard| async move { stack.ledger.waiting_lines(&shard, COUNTED).await });
    let mut all: Vec<_> = try_join_all(shards).await?.into_iter().flatten().collect();
    all.sort_by_key(|(_, since)| *since);
    let examples = all.iter().filter_map(|(key, _)| lines::line_of(key)).take(SHOWN);
    Ok(WaitingLines {
        lines: all.len(),
        oldest_ms: all.first().map(|(_, since)| now - since),
        examples: examples.map(|(source, part, about)| format!("{source}/{part}: {about}")).collect(),
    })
}

pub(super) fn text(waiting: &WaitingLines) -> Option<String> {
    let oldest = waiting.oldest_ms?;
    let n = count(waiting.lines, "line");
    let examples = waiting.examples.join(", ");
    let days = lines::WAITS_DAYS;
    Some(format!(
        "{n} of parts wait for a product, the oldest for {}: {examples}. Each is forgotten {days} days after it was last said.",
        span(oldest)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_wait_are_told_with_their_number_age_and_examples() {
        assert_eq!(text(&WaitingLines::default()), None);
        let waiting =
            WaitingLines { lines: 2, oldest_ms: Some(3_600_000), examples: vec!["acme/stock: sku A-1".into()] };
        let text = text(&waiting).unwrap();
        assert!(
            text.starts_with("2 lines of parts wait for a product, the oldest for 1 h")
                && text.contains("acme/stock: sku A-1"),
            "{text}"
        );
    }
}
