//! What goes in and comes out.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rhai::{Dynamic, ImmutableString, Map};
use rust_decimal::Decimal;

/// A value. Numbers are decimals, with exactly the digits they were written with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Not given.
    None,
    /// True or false.
    Bool(bool),
    Number(Decimal),
    Text(String),
    List(Vec<Value>),
    Object(BTreeMap<String, Value>),
}

impl Value {
    /// The value as a text, where it is one or a number or truth value.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Number(number) => Some(number.to_string()),
            Self::Bool(truth) => Some(truth.to_string()),
            Self::None | Self::List(_) | Self::Object(_) => None,
        }
    }

    /// Whether there is nothing: not given, a blank text, an empty list or object.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        match self {
            Self::None => true,
            Self::Bool(_) | Self::Number(_) => false,
            Self::Text(text) => is_blank(text),
            Self::List(values) => values.is_empty(),
            Self::Object(values) => values.is_empty(),
        }
    }

    /// What kind of value it is, in words.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::None => "nothing",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }

    pub(crate) fn into_dynamic(self) -> Dynamic {
        match self {
            Self::None => Dynamic::UNIT,
            Self::Bool(truth) => truth.into(),
            Self::Number(number) => number_of(number),
            Self::Text(text) if is_blank(&text) => Dynamic::UNIT,
            Self::Text(text) => ImmutableString::from(text).into(),
            Self::List(values) => Dynamic::from_array(values.into_iter().map(Self::into_dynamic).collect()),
            Self::Object(values) => {
                let entries = values.into_iter().map(|(key, value)| (key.into(), value.into_dynamic()));
                Dynamic::from_map(entries.collect::<Map>())
            }
        }
    }

    pub(crate) fn of(dynamic: Dynamic) -> Result<Self, &'static str> {
        if dynamic.is_unit() {
            return Ok(Self::None);
        }
        if let Ok(truth) = dynamic.as_bool() {
            return Ok(Self::Bool(truth));
        }
        if let Ok(number) = dynamic.as_int() {
            return Ok(Self::Number(number.into()));
        }
        if let Ok(number) = dynamic.as_decimal() {
            return Ok(Self::Number(number));
        }
        if let Ok(one) = dynamic.as_char() {
            return Ok(Self::Text(one.to_string()));
        }
        if dynamic.is_string() {
            return Ok(Self::Text(dynamic.into_string()?));
        }
        if dynamic.is_array() {
            return dynamic.into_array()?.into_iter().map(Self::of).collect::<Result<_, _>>().map(Self::List);
        }
        match dynamic.try_cast::<Map>() {
            Some(map) => map
                .into_iter()
                .map(|(key, value)| Self::of(value).map(|value| (key.to_string(), value)))
                .collect::<Result<_, _>>()
                .map(Self::Object),
            None => Err("a function"),
        }
    }
}

/// Whether nothing stands in a text.
pub(crate) fn is_blank(text: &str) -> bool {
    // Most texts begin with something.
    !text.as_bytes().first().is_some_and(u8::is_ascii_graphic) && text.trim().is_empty()
}

/// Whole numbers are the language's own, which is quicker; all others decimals.
pub(crate) fn number_of(number: Decimal) -> Dynamic {
    match (number.scale(), i64::try_from(number)) {
        (0, Ok(whole)) => whole.into(),
        _ => Dynamic::from_decimal(number),
    }
}

impl From<&serde_json::Value> for Value {
    /// Numbers that no decimal holds become texts.
    fn from(json: &serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::None,
            serde_json::Value::Bool(truth) => Self::Bool(*truth),
            serde_json::Value::Number(number) => {
                let digits = number.to_string();
                let exact = Decimal::from_str_exact(&digits).or_else(|_| Decimal::from_scientific(&digits));
                exact.map_or(Self::Text(digits), Self::Number)
            }
            serde_json::Value::String(text) => Self::Text(text.clone()),
            serde_json::Value::Array(values) => Self::List(values.iter().map(Self::from).collect()),
            serde_json::Value::Object(values) => {
                Self::Object(values.iter().map(|(key, value)| (key.clone(), Self::from(value))).collect())
            }
        }
    }
}

/// What an expression reads: fields by name. Only the fields that it names are asked for.
pub trait Record {
    /// The value of a field, by the name under which the expression was compiled.
    fn field(&self, name: &str) -> Value;

    /// The same, without a copy where the record holds the value itself.
    fn held(&self, name: &str) -> Cow<'_, Value> {
        Cow::Owned(self.field(name))
    }
}

impl Record for serde_json::Value {
    fn field(&self, name: &str) -> Value {
        self.get(name).map_or(Value::None, Value::from)
    }
}

impl Record for BTreeMap<String, Value> {
    fn field(&self, name: &str) -> Value {
        self.get(name).cloned().unwrap_or(Value::None)
    }

    fn held(&self, name: &str) -> Cow<'_, Value> {
        self.get(name).map_or(Cow::Owned(Value::None), Cow::Borrowed)
    }
}
