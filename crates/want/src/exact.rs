//! Numbers as rules write them: read from their digits, never through a float.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// A decimal number, such as `1.35`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exact(pub Decimal);

/// A share, such as `15%`. A bare number is refused: nobody can tell whether `1.5` is one and a
/// half percent or one hundred and fifty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(pub Decimal);

/// An amount by currency, such as `{SAR: 5, USD: 1.50}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Money(pub BTreeMap<String, Exact>);

/// A number's digits.
///
/// # Errors
/// What is wrong with it, for people.
pub fn number(text: &str) -> Result<Decimal, String> {
    let digits = text.trim();
    let plain = digits.strip_prefix('-').unwrap_or(digits);
    if plain.is_empty() || !plain.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(format!("{text:?} is no number such as 1.35"));
    }
    Decimal::from_str(digits).map_err(|_| format!("{text:?} is no number that can be kept exactly"))
}

/// Whether a text has the form of an ISO 4217 code.
#[must_use]
pub fn is_currency(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn percent(text: &str) -> Result<Percent, String> {
    let digits = text.trim().strip_suffix('%').ok_or_else(|| format!("{text:?} is no percentage such as 15%"))?;
    Ok(Percent(number(digits)? / Decimal::ONE_HUNDRED))
}

impl Percent {
    /// As people write it.
    #[must_use]
    pub fn shown(self) -> String {
        format!("{}%", (self.0 * Decimal::ONE_HUNDRED).normalize())
    }
}

impl Money {
    /// The amount in a currency.
    #[must_use]
    pub fn get(&self, currency: &str) -> Option<Decimal> {
        self.0.get(currency).map(|exact| exact.0)
    }
}

/// A value that is read from a text by a function.
struct Text<T>(&'static str, fn(&str) -> Result<T, String>);

impl<T> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.1)(text).map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        // As a text: the YAML reader would make a float of it otherwise.
        d.deserialize_str(Text("a number such as 1.35", |text| number(text).map(Exact)))
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_str(Text("a percentage such as 15%", percent))
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Amounts;
        impl<'de> Visitor<'de> for Amounts {
            type Value = Money;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount by currency such as {SAR: 5}")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Money, A::Error> {
                let mut amounts = BTreeMap::new();
                while let Some(code) = map.next_key::<String>()? {
                    if !is_currency(&code) {
                        return Err(A::Error::custom(format!("{code:?} is no currency code such as SAR")));
                    }
                    amounts.insert(code, map.next_value()?);
                }
                Ok(Money(amounts))
            }
        }
        d.deserialize_map(Amounts)
    }
}

impl JsonSchema for Exact {
    fn schema_name() -> Cow<'static, str> {
        "Number".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["number", "string"], "pattern": r"^-?[0-9]*\.?[0-9]*$"})
    }
}

impl JsonSchema for Percent {
    fn schema_name() -> Cow<'static, str> {
        "Percent".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": r"^-?[0-9]*\.?[0-9]* ?%$", "examples": ["15%"]})
    }
}

impl JsonSchema for Money {
    fn schema_name() -> Cow<'static, str> {
        "Money".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let amount = generator.subschema_for::<Exact>();
        json_schema!({
            "type": "object",
            "description": "An amount by currency, such as {SAR: 5}",
            "patternProperties": {"^[A-Z]{3}$": amount},
            "additionalProperties": false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_kept_and_nothing_else_is_a_number() {
        for text in ["1.35", ".95", "0.1234567890123456789012345", "-3", "1.", "79228162514264337593543950335"] {
            assert!(number(text).is_ok(), "{text}");
        }
        assert_eq!(number("0.1").unwrap() + number("0.2").unwrap(), number("0.3").unwrap());
        for text in
            ["", "-", ".", "1e5", "1_000", "1,5", "NaN", "inf", "0x10", "1.2.3", "999999999999999999999999999999"]
        {
            assert!(number(text).is_err(), "{text}");
        }
        assert_eq!(percent("15 %").unwrap(), percent("15%").unwrap());
        assert!(percent("0.15").is_err());
        assert_eq!(percent("12.5%").unwrap().shown(), "12.5%");
    }
}
