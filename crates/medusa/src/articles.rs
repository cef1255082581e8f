//! Which sources' groups are one product in the shop.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use catalog::ProductKey;
use serde::Deserialize;

/// The product metadata key with the keys of the members that are shown.
pub const MEMBERS: &str = "relay_members";
/// The variant metadata key with the member that it is of.
pub const MEMBER: &str = "relay_member";

/// The setting `Articles`: a word for all sources, or JSON with a word for each,
/// `{"default": "grouped", "shein-api": "separate"}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Articles {
    default: Kind,
    sources: BTreeMap<String, Kind>,
}

/// What becomes of a group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Each member is a product of its own.
    Separate,
    /// All members are one product.
    #[default]
    Grouped,
}

impl Articles {
    /// The same for all sources.
    #[must_use]
    pub const fn all(kind: Kind) -> Self {
        Self { default: kind, sources: BTreeMap::new() }
    }

    /// Whether groups of this source are one product each.
    #[must_use]
    pub fn groups(&self, source: &str) -> bool {
        *self.sources.get(source).unwrap_or(&self.default) == Kind::Grouped
    }

    /// The article that a product of this group belongs to; `None` where it is by itself.
    #[must_use]
    pub fn of(&self, key: &ProductKey, group: Option<&str>) -> Option<ProductKey> {
        let group = group.map(str::trim).filter(|group| !group.is_empty())?;
        self.groups(key.source()).then(|| ProductKey::article(key.source(), group).ok()).flatten()
    }
}

impl fmt::Display for Articles {
    /// Settings that mean the same are written alike.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |kind: Kind| if kind == Kind::Grouped { "grouped" } else { "separate" };
        let mut others = self.sources.iter().filter(|(_, kind)| **kind != self.default).peekable();
        if others.peek().is_none() {
            return f.write_str(word(self.default));
        }
        write!(f, "{{\"default\":\"{}\"", word(self.default))?;
        // The name of a source needs no escape.
        others.try_for_each(|(source, kind)| write!(f, ",\"{source}\":\"{}\"", word(*kind)))?;
        f.write_str("}")
    }
}

impl FromStr for Articles {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let said = |error: String| format!("should be separate, grouped, or JSON with one of these by source: {error}");
        let text = text.trim();
        if !text.starts_with('{') {
            let kind = serde_json::from_value(text.into()).map_err(|error| said(error.to_string()))?;
            return Ok(Self::all(kind));
        }
        let mut sources: BTreeMap<String, Kind> =
            serde_json::from_str(text).map_err(|error| said(error.to_string()))?;
        let default = sources.remove("default").unwrap_or_default();
        match sources.keys().find(|source| ProductKey::new(source.as_str(), "1").is_err()) {
            Some(source) => Err(said(format!("no source can be called {source:?}"))),
            None => Ok(Self { default, sources }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::key;

    #[test]
    fn a_group_is_an_article_where_its_source_is_grouped() {
        let article = |setting: &str, product: &str, group: Option<&str>| {
            setting.parse::<Articles>().unwrap().of(&key(product), group).map(|key| key.to_string())
        };
        let (own, mixed) = (Some("G 1"), r#"{"default": "grouped", "acme": "separate"}"#);
        assert_eq!(article("separate", "demo:1", own), None);
        assert_eq!(article("grouped", "demo:1", own).as_deref(), Some("demo~article:G 1"));
        assert_eq!(article(mixed, "acme:1", own), None);
        assert_eq!(article(mixed, "demo:1", own).as_deref(), Some("demo~article:G 1"));
        assert_eq!(article(r#"{"demo": "separate"}"#, "demo:1", own), None);
        assert_eq!(article(r#"{"demo": "separate"}"#, "acme:1", own).as_deref(), Some("acme~article:G 1"));
        assert_eq!(Articles::default(), Articles::all(Kind::Grouped));
        for none in [None, Some(""), Some("  ")] {
            assert_eq!(article("grouped", "demo:1", none), None);
        }
        assert_eq!(article("grouped", "demo:1", Some(&"g".repeat(200))), None, "too long for a key");
    }

    #[test]
    fn settings_that_mean_the_same_are_written_alike() {
        for (setting, written) in [
            (" grouped ", "grouped"),
            ("{}", "grouped"),
            (r#"{"default": "grouped", "demo": "grouped"}"#, "grouped"),
            (r#"{"b": "separate", "a": "separate"}"#, r#"{"default":"grouped","a":"separate","b":"separate"}"#),
        ] {
            let read: Articles = setting.parse().unwrap();
            assert_eq!(read.to_string(), written);
            let again: Articles = written.parse().unwrap();
            for source in ["a", "b", "demo"] {
                assert_eq!(again.groups(source), read.groups(source), "{setting} {source}");
            }
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (wrong, told) in
            [("together", "together"), (r#"{"demo": "both"}"#, "both"), (r#"{"Demo": "grouped"}"#, "Demo"), ("", "")]
        {
            let error = wrong.parse::<Articles>().unwrap_err();
            assert!(error.contains("grouped") && error.contains(told), "{error}");
        }
    }
}
