//! What one currency is worth in another, on a day.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::exact::{Exact, is_currency};
use crate::file::At;
use crate::flaw::{Flaw, Place};
use crate::read::parse;

/// A rates file, JSON or YAML: `{"date": "2026-11-26", "base": "USD", "rates": {"SAR": 3.75}}`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RatesFile {
    /// The day, or the moment, of which they are.
    date: At<String>,
    /// The currency that one unit of is worth so much.
    base: At<String>,
    /// How much of each currency that is.
    rates: BTreeMap<String, At<Exact>>,
}

/// Rates of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rates {
    /// Of when they are, in ms since 1970.
    pub at: i64,
    per_base: BTreeMap<String, Decimal>,
}

impl Rates {
    /// Reads a file.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn read(name: &str, text: &str) -> Result<Self, Vec<Flaw>> {
        let file: RatesFile = parse(name, text).map_err(|flaw| vec![flaw])?;
        let mut flaws = Vec::new();
        let mut flaw = |place: Place, message: String| flaws.push(Flaw::at(place, message).within(text));
        let at = moment(&file.date);
        if at.is_none() {
            flaw(file.date.place(name), format!("{:?} is no date such as 2026-11-26", file.date.value));
        }
        if !is_currency(&file.base) {
            flaw(file.base.place(name), format!("{:?} is no currency code such as SAR", file.base.value));
        }
        let mut per_base = BTreeMap::from([(file.base.value.clone(), Decimal::ONE)]);
        for (code, rate) in &file.rates {
            if !is_currency(code) {
                flaw(rate.place(name), format!("{code:?} is no currency code such as SAR"));
            } else if rate.0 <= Decimal::ZERO {
                flaw(rate.place(name), format!("the rate of {code} is not above zero: {}", rate.0));
            } else if *code == file.base.value && rate.0 != Decimal::ONE {
                flaw(rate.place(name), format!("{code} is the base: it is worth 1 of itself, not {}", rate.0));
            } else {
                per_base.insert(code.clone(), rate.0);
            }
        }
        match at {
            Some(at) if flaws.is_empty() => Ok(Self { at, per_base }),
            _ => Err(flaws),
        }
    }

    /// An amount in another currency. `None` without a rate, or where the result is beyond what can be kept.
    #[must_use]
    pub fn convert(&self, amount: Decimal, from: &str, to: &str) -> Option<Decimal> {
        let (from, to) = (self.per_base.get(from)?, self.per_base.get(to)?);
        // Multiplied first: a quotient is not always exact.
        amount.checked_mul(*to)?.checked_div(*from)
    }
}

fn moment(text: &str) -> Option<i64> {
    let day = |date: Date| date.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    let at = text.parse::<Timestamp>().ok().or_else(|| text.parse::<Date>().ok().and_then(day))?;
    Some(at.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact::number;

    #[test]
    fn rates_are_read_exactly_and_crossed() {
        let rates = Rates::read(
            "rates.json",
            r#"{"date": "2026-11-26", "base": "USD", "rates": {"SAR": 3.75, "KWD": "0.30612345678901234"}}"#,
        )
        .unwrap();
        assert_eq!(rates.at, 1_795_651_200_000);
        let convert = |amount: &str, from, to| rates.convert(number(amount).unwrap(), from, to);
        assert_eq!(convert("10", "USD", "SAR"), number("37.5").ok());
        assert_eq!(convert("37.5", "SAR", "USD"), number("10").ok());
        assert_eq!(convert("1", "USD", "KWD"), number("0.30612345678901234").ok());
        assert_eq!(convert("1", "EUR", "KWD"), None);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, place, word) in [
            ("{\"date\": \"soon\", \"base\": \"USD\", \"rates\": {}}", "r:1:10", "no date"),
            ("{\"date\": \"2026-11-26\", \"base\": \"usd\", \"rates\": {}}", "r:1:32", "no currency"),
            ("{\"date\": \"2026-11-26\", \"base\": \"USD\",\n\"rates\": {\"SAR\": 0}}", "r:2:18", "above zero"),
            ("{\"date\": \"2026-11-26\", \"base\": \"USD\", \"rates\": {\"USD\": 2}}", "r:1:56", "the base"),
            ("{\"date\": \"2026-11-26\", \"bases\": \"USD\", \"rates\": {}}", "r:1:24", "did you mean `base`"),
        ] {
            let flaw = Rates::read("r", text).unwrap_err()[0].to_string();
            assert!(flaw.starts_with(place) && flaw.contains(word), "{flaw}");
        }
    }
}
