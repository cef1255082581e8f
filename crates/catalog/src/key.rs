//! Which product, of which source.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A product of one source. Its text form, `source:id`, is the product's external id in every
/// target. What the members of a group are together in the shop, an article, has a key too:
/// `source~article:group`, which no source can be called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct ProductKey {
    source: String,
    id: String,
    article: bool,
}

/// Between a source and the group of an article.
const ARTICLE: &str = "~article";

/// The same fields unchecked, as they stand in a message.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    source: String,
    product_id: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    article: bool,
}

/// Why a text is no product key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A source is a short word, because it stands in object keys, paths and metrics.
    #[error("a source has 1 to 32 characters of a-z, 0-9 and '-', got: {0:?}")]
    Source(String),
    /// Pimcore keeps 190 characters of `source:id`, and control characters do not survive every
    /// target.
    #[error("a product id has 1 to {limit} printable characters, got {got} in: {shown:?}", limit = ProductKey::MAX_ID_CHARS)]
    Id { got: usize, shown: String },
    /// Not of the form `source:id`.
    #[error("a product key is written source:id, got: {0:?}")]
    Form(String),
}

impl ProductKey {
    /// Characters of an id, so that `source:id` fits Pimcore's 190 with the longest source.
    pub const MAX_ID_CHARS: usize = 157;

    /// Checks both parts.
    pub fn new(source: impl Into<String>, id: impl Into<String>) -> Result<Self, KeyError> {
        let (source, id) = (source.into(), id.into());
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if source.is_empty() || source.len() > 32 || !source.chars().all(word) {
            return Err(KeyError::Source(source.chars().take(64).collect()));
        }
        let chars = id.chars().count();
        if chars == 0 || chars > Self::MAX_ID_CHARS || id.chars().any(char::is_control) || id.trim() != id {
            return Err(KeyError::Id { got: chars, shown: id.chars().take(64).collect() });
        }
        Ok(Self { source, id, article: false })
    }

    /// The article that a group of a source is in the shop.
    pub fn article(source: impl Into<String>, group: impl Into<String>) -> Result<Self, KeyError> {
        Ok(Self { article: true, ..Self::new(source, group)? })
    }

    /// Whether it names an article, not a product.
    #[must_use]
    pub const fn is_article(&self) -> bool {
        self.article
    }

    /// The source, such as `shein-api`.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The product's id within its source; of an article, the group.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Display for ProductKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.article { ARTICLE } else { "" };
        write!(f, "{}{kind}:{}", self.source, self.id)
    }
}

impl FromStr for ProductKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (source, id) = text.split_once(':').ok_or_else(|| KeyError::Form(text.chars().take(64).collect()))?;
        match source.strip_suffix(ARTICLE) {
            Some(source) => Self::article(source, id),
            None => Self::new(source, id),
        }
    }
}

impl TryFrom<Raw> for ProductKey {
    type Error = KeyError;

    fn try_from(raw: Raw) -> Result<Self, Self::Error> {
        Ok(Self { article: raw.article, ..Self::new(raw.source, raw.product_id)? })
    }
}

impl From<ProductKey> for Raw {
    fn from(key: ProductKey) -> Self {
        Self { source: key.source, product_id: key.id, article: key.article }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips_even_with_colons_in_the_id() {
        let key: ProductKey = "shein-api:a:b".parse().unwrap();
        assert_eq!((key.source(), key.id()), ("shein-api", "a:b"));
        assert_eq!(key.to_string(), "shein-api:a:b");
    }

    #[test]
    fn an_article_is_no_product_of_the_same_name() {
        let (product, article) = (ProductKey::new("demo", "A1").unwrap(), ProductKey::article("demo", "A1").unwrap());
        assert_eq!(article.to_string(), "demo~article:A1");
        assert_ne!(product, article);
        assert_eq!(article.to_string().parse(), Ok(article.clone()));
        let json = serde_json::to_string(&article).unwrap();
        assert_eq!(serde_json::from_str::<ProductKey>(&json).unwrap(), article);
        assert!("~article:A1".parse::<ProductKey>().is_err() && "demo~other:A1".parse::<ProductKey>().is_err());
    }

    #[test]
    fn refuses_what_a_target_could_not_keep() {
        for bad in ["", "noseparator", "Upper:1", ":1", "s:", "s: 1", "s:a\u{0}b"] {
            assert!(bad.parse::<ProductKey>().is_err(), "{bad:?} was accepted");
        }
        assert!(ProductKey::new("s", "x".repeat(157)).is_ok());
        assert!(ProductKey::new("s", "x".repeat(158)).is_err());
    }

    #[test]
    fn a_message_carries_both_parts() {
        let json = serde_json::to_string(&ProductKey::new("s", "1").unwrap()).unwrap();
        assert_eq!(json, r#"{"source":"s","productId":"1"}"#);
        assert!(serde_json::from_str::<ProductKey>(r#"{"source":"S","productId":"1"}"#).is_err());
    }
}
