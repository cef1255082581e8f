//! What a source's figures mean and how far they are trusted.

use std::collections::BTreeMap;

use catalog::ProductKey;
use serde::{Deserialize, Serialize};

/// What a supplier's figure knows of the orders placed in this shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Meaning {
    /// All that were placed before it was said: they are ordered at the supplier at once.
    #[default]
    AfterOrders,
    /// None.
    BeforeOrders,
}

/// How the figures of one source are used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Terms {
    /// What they mean.
    pub figure: Meaning,
    /// Pieces that are not sold, for safety.
    pub buffer: u32,
    /// So many are sold at most.
    pub cap: Option<u32>,
    /// Fewer than this count as none.
    pub minimum: u32,
    /// Whether what is sold out can be ordered; `None` leaves that to people.
    pub backorder: Option<bool>,
    /// A figure counts as 0 when nothing was heard of the product for so many hours.
    pub max_age_hours: Option<u32>,
    /// The stock location that is filled; `None` for the stack's.
    pub location: Option<String>,
}

/// What settings make of a figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limited {
    /// Pieces.
    pub pieces: i64,
    /// In words.
    pub text: String,
    /// Its supplier has been silent for too long.
    pub silent: bool,
}

impl Terms {
    /// What decides how a figure is applied, as a text that changes when that changes.
    #[must_use]
    pub fn basis(&self) -> String {
        let meaning = match self.figure {
            Meaning::AfterOrders => "after",
            Meaning::BeforeOrders => "before",
        };
        let cap = self.cap.map(|cap| cap.to_string()).unwrap_or_default();
        format!("{meaning}-{}-{cap}-{}-{}", self.buffer, self.minimum, self.location.as_deref().unwrap_or_default())
    }

    /// Whether a figure that was applied on this basis went to the location that is filled now.
    #[must_use]
    pub fn same_place(&self, basis: &str) -> bool {
        basis.rsplit('-').next() == Some(self.location.as_deref().unwrap_or_default())
    }

    /// Whether a supplier that was last heard at `heard` (ms) has been silent for too long.
    #[must_use]
    pub fn silent(&self, heard: i64, now: i64) -> bool {
        self.max_age_hours.is_some_and(|hours| now - heard > i64::from(hours) * 3_600_000)
    }

    /// When (ms) to look whether a supplier last heard at `heard` is silent; of one that is,
    /// whether it has been heard again, which only says what it said before. `None` where silence
    /// means nothing, or nothing was ever said.
    #[must_use]
    pub fn look_at(&self, heard: i64, now: i64) -> Option<i64> {
        const HOUR: i64 = 3_600_000;
        let hours = self.max_age_hours.filter(|_| heard > 0)?;
        let silent_at = heard + i64::from(hours) * HOUR + 1;
        Some(if silent_at > now { silent_at } else { now + HOUR })
    }

    /// What is left of a figure before our orders.
    #[must_use]
    pub fn limited(&self, figure: i64, heard: i64, now: i64) -> Limited {
        let silent = self.silent(heard, now);
        let mut text = format!("{figure} said");
        let mut pieces = figure.max(0);
        if silent {
            text.push_str(&format!(", nothing heard for {} h: 0", self.max_age_hours.unwrap_or_default()));
            return Limited { pieces: 0, text, silent };
        }
        if self.buffer > 0 {
            text.push_str(&format!(" − {} buffer", self.buffer));
            pieces = (pieces - i64::from(self.buffer)).max(0);
        }
        if pieces < i64::from(self.minimum) && pieces > 0 {
            text.push_str(&format!(", below {}: 0", self.minimum));
            pieces = 0;
        }
        if let Some(cap) = self.cap.map(i64::from).filter(|cap| pieces > *cap) {
            text.push_str(&format!(", at most {cap}"));
            pieces = cap;
        }
        Limited { pieces, text, silent }
    }
}

/// The settings of every source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StockSettings {
    default: Terms,
    sources: BTreeMap<String, Terms>,
}

impl StockSettings {
    /// The settings of a source.
    #[must_use]
    pub fn of(&self, source: &str) -> &Terms {
        self.sources.get(source).unwrap_or(&self.default)
    }

    /// The locations that are filled instead of the stack's, each with whose setting it is.
    pub fn locations(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = self.sources.iter().map(|(source, terms)| (source.as_str(), terms));
        std::iter::once(("default", &self.default))
            .chain(own)
            .filter_map(|(source, terms)| Some((source, terms.location.as_deref()?)))
    }
}

/// What is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StockSettingsError {
    /// No JSON object of objects, or a field that is none of ours or has a wrong value.
    #[error("should be JSON such as {{\"default\":{{\"figure\":\"after-orders\",\"buffer\":0}}}}: {0}")]
    Form(String),
    /// An entry is for something that no source can be called.
    #[error("names {source_name:?}, which is no source: \"default\", or a name of small letters, digits and hyphens")]
    Source {
        /// The name.
        source_name: String,
    },
    /// A value that makes no sense.
    #[error("{source_name}: {field} should be {expected}, got: {value}")]
    Value {
        /// Whose setting.
        source_name: String,
        /// Which.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        value: String,
    },
}

/// As it is written: what a source leaves out is as in `default`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    figure: Option<Meaning>,
    buffer: Option<u32>,
    cap: Option<u32>,
    minimum: Option<u32>,
    backorder: Option<bool>,
    max_age_hours: Option<u32>,
    location: Option<String>,
}

impl Written {
    fn over(self, base: &Terms) -> Terms {
        Terms {
            figure: self.figure.unwrap_or(base.figure),
            buffer: self.buffer.unwrap_or(base.buffer),
            cap: self.cap.or(base.cap),
            minimum: self.minimum.unwrap_or(base.minimum),
            backorder: self.backorder.or(base.backorder),
            max_age_hours: self.max_age_hours.or(base.max_age_hours),
            location: self.location.or_else(|| base.location.clone()),
        }
    }
}

impl std::str::FromStr for StockSettings {
    type Err = StockSettingsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut written: BTreeMap<String, Written> =
            serde_json::from_str(text).map_err(|error| StockSettingsError::Form(error.to_string()))?;
        let default = written.remove("default").unwrap_or_default().over(&Terms::default());
        let sources: BTreeMap<String, Terms> =
            written.into_iter().map(|(source, own)| (source, own.over(&default))).collect();
        if let Some(source) = sources.keys().find(|source| ProductKey::new(source.as_str(), "1").is_err()) {
            return Err(StockSettingsError::Source { source_name: source.clone() });
        }
        for (source, terms) in
            std::iter::once(("default", &default)).chain(sources.iter().map(|(s, t)| (s.as_str(), t)))
        {
            let wrong = |field, expected, value: String| {
                Err(StockSettingsError::Value { source_name: source.to_owned(), field, expected, value })
            };
            if let Some(cap) = terms.cap.filter(|cap| *cap < terms.minimum) {
                return wrong("cap", "the minimum or more, for nothing would ever be sold", cap.to_string());
            }
            if terms.max_age_hours == Some(0) {
                return wrong("max_age_hours", "an hour or more", "0".to_owned());
            }
            if let Some(location) = terms.location.as_ref().filter(|location| !location.starts_with("sloc_")) {
                return wrong("location", "the id of a stock location in Medusa (sloc_…)", format!("{location:?}"));
            }
        }
        Ok(Self { default, sources })
    }
}
