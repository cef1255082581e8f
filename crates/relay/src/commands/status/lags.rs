//! How long products took from their feed's object to each place ([`ledger::core::lag`]).

use futures::future::try_join_all;
use ledger::core::lag::Place;
use serde::Serialize;

use crate::error::CliError;
use crate::render::{span, table};
use crate::stack::Stack;

/// What is looked at, in ms.
const LAST_MS: i64 = 24 * 3_600_000;

/// How long products took to a place. Times are upper bounds of spans; none where that is longer
/// than a day.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Arrived {
    /// `ledger`, `pimcore`, `medusa`.
    pub at: &'static str,
    pub products: u64,
    /// Half of them within so many ms.
    pub p50_ms: Option<i64>,
    /// 95 of 100 within so many ms.
    pub p95_ms: Option<i64>,
}

pub(super) async fn arrived(stack: &Stack, now: i64) -> Result<Vec<Arrived>, CliError> {
    let all = Place::ALL.map(|place| async move {
        let lags = stack.ledger.lags(place, now - LAST_MS).await?;
        let (p50_ms, p95_ms) = (lags.within(50), lags.within(95));
        Ok::<_, CliError>(Arrived { at: place.as_str(), products: lags.products(), p50_ms, p95_ms })
    });
    try_join_all(all).await
}

pub(super) fn text(arrived: &[Arrived]) -> Option<String> {
    arrived.iter().any(|place| place.products > 0).then(|| {
        let within = |ms: Option<i64>| ms.map_or_else(|| "over a day".to_owned(), span);
        let rows = arrived.iter().map(|place| {
            let (p50, p95) = match place.products {
                0 => ("-".to_owned(), "-".to_owned()),
                _ => (within(place.p50_ms), within(place.p95_ms)),
            };
            [place.at.to_owned(), place.products.to_string(), p50, p95]
        });
        table(["from upload to, last 24 h", "products", "50 % within", "95 % within"], rows)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_says_how_soon_half_and_nearly_all_were_there() {
        let place = |at, products, p50_ms, p95_ms| Arrived { at, products, p50_ms, p95_ms };
        let none = Place::ALL.map(|at| place(at.as_str(), 0, None, None));
        assert_eq!(text(&none), None, "no feed has brought anything");
        let some = [
            place("ledger", 900, Some(2_000), Some(4_000)),
            place("pimcore", 900, Some(64_000), None),
            place("medusa", 0, None, None),
        ];
        let text = text(&some).unwrap();
        let rows: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect())
            .collect();
        assert!(rows.contains(&vec!["ledger", "900", "2 s", "4 s"]), "{text}");
        assert!(rows.contains(&vec!["pimcore", "900", "1 min 4 s", "over a day"]), "{text}");
        assert!(rows.contains(&vec!["medusa", "0", "-", "-"]), "{text}");
    }
}
