//! For which products a rule is.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use jiff::SpanRelativeTo;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

use super::{At, OneOrMany};
use crate::exact::Money;

/// What must hold of a product: all that is given. Of a list, one; in a text `*` stands for anything, and case does not matter.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct When {
    /// Its source.
    #[serde(default)]
    pub source: Option<At<OneOrMany>>,
    /// Its id at the source.
    #[serde(default)]
    pub id: Option<At<OneOrMany>>,
    /// Its brand.
    #[serde(default)]
    pub brand: Option<At<OneOrMany>>,
    /// A word of its name.
    #[serde(default)]
    pub name_has: Option<At<OneOrMany>>,
    /// A category of the source, with all that is below it.
    #[serde(default)]
    pub category: Option<At<OneOrMany>>,
    /// A category of the shop, with all that is below it.
    #[serde(default)]
    pub shop_category: Option<At<OneOrMany>>,
    /// Attributes, by name or code, with their values.
    #[serde(default)]
    pub attribute: BTreeMap<String, At<OneOrMany>>,
    /// What the source asks. A price step is done with the prices for which it holds; all else if it holds for one of them.
    #[serde(default)]
    pub cost: Option<At<Range>>,
    /// Pieces in stock, of all variants.
    #[serde(default)]
    pub stock: Option<At<Pieces>>,
    /// How long ago the source said what it says.
    #[serde(default)]
    pub age: Option<At<Ages>>,
    /// An expression that is true, where nothing above says it. It reads `source`, `id`, `brand`, `name`, `description`, `categories`, `attributes`,
    /// `images`, `stock`, `variants`, `cost` and `currency`.
    #[serde(default)]
    pub expression: Option<At<String>>,
    /// One of these holds.
    #[serde(default)]
    pub any: Vec<When>,
    /// None of these holds.
    #[serde(default)]
    pub none: Vec<When>,
}

/// A range of prices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// Not less.
    #[serde(default)]
    pub from: Money,
    /// Less.
    #[serde(default)]
    pub below: Money,
}

/// A range of pieces.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pieces {
    /// Not fewer.
    #[serde(default)]
    pub from: Option<i64>,
    /// Fewer.
    #[serde(default)]
    pub below: Option<i64>,
}

/// A range of ages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ages {
    /// Not younger.
    #[serde(default)]
    pub from: Option<Span>,
    /// Younger.
    #[serde(default)]
    pub below: Option<Span>,
}

/// A length of time such as `3 days`, `36h`, in milliseconds. A day has 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub i64);

impl Span {
    /// As people write it.
    #[must_use]
    pub fn shown(self) -> String {
        let hours = self.0 / 3_600_000;
        if hours > 0 && hours % 24 == 0 { format!("{} days", hours / 24) } else { format!("{hours} hours") }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Span;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a length of time such as 3 days")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Span, E> {
                let span: jiff::Span =
                    text.parse().map_err(|_| E::custom(format!("{text:?} is no length of time such as 3 days")))?;
                let duration = span.to_duration(SpanRelativeTo::days_are_24_hours());
                let millis =
                    duration.map_err(|_| E::custom(format!("{text:?} has years or months, whose lengths differ")))?;
                i64::try_from(millis.as_millis()).map(Span).map_err(|_| E::custom(format!("{text:?} is too long")))
            }
        }
        d.deserialize_str(Text)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "examples": ["3 days", "36h"]})
    }
}
