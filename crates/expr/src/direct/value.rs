//! Values as the engine knows them, without copies of the record's.

use std::collections::BTreeMap;
use std::rc::Rc;

use rhai::ImmutableString;
use rust_decimal::Decimal;

use crate::Value;
use crate::value::is_blank;

/// Values in a list or object, those in them included. Far fewer than the engine allows.
const VALUES: usize = 2_000;
/// Bytes of texts in a value. Fewer than the engine allows.
const BYTES: usize = 256 << 10;

/// A value. Whole numbers are the language's own, all others decimals.
#[derive(Debug, Clone)]
pub(super) enum Val<'a> {
    None,
    Bool(bool),
    Int(i64),
    Number(Decimal),
    Text(&'a str),
    Made(ImmutableString),
    /// Of the record.
    Given(&'a [Value]),
    List(Rc<Vec<Val<'a>>>),
    Object(&'a BTreeMap<String, Value>),
    Entries(Rc<BTreeMap<&'a str, Val<'a>>>),
}

impl<'a> Val<'a> {
    /// The same as [`Value::into_dynamic`].
    pub(super) fn of(value: &'a Value) -> Self {
        match value {
            Value::None => Self::None,
            Value::Bool(truth) => Self::Bool(*truth),
            Value::Number(number) => Self::number(*number),
            Value::Text(text) if is_blank(text) => Self::None,
            Value::Text(text) => Self::Text(text),
            Value::List(values) => Self::Given(values),
            Value::Object(entries) => Self::Object(entries),
        }
    }

    /// The same as [`crate::value::number_of`].
    pub(super) fn number(number: Decimal) -> Self {
        match (number.scale(), i64::try_from(number)) {
            (0, Ok(whole)) => Self::Int(whole),
            _ => Self::Number(number),
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Made(text) => Some(text),
            _ => None,
        }
    }

    /// A list's values, in order.
    pub(super) fn values(&self) -> Option<Box<dyn ExactSizeIterator<Item = Val<'a>> + '_>> {
        match self {
            Self::Given(values) => Some(Box::new(values.iter().map(Val::of))),
            Self::List(values) => Some(Box::new(values.iter().cloned())),
            _ => None,
        }
    }

    pub(super) fn is_blank_text(&self) -> bool {
        match self {
            Self::None => true,
            other => other.text().is_some_and(is_blank),
        }
    }

    /// The same as [`Value::of`].
    pub(super) fn into_value(self) -> Value {
        match self {
            Self::None => Value::None,
            Self::Bool(truth) => Value::Bool(truth),
            Self::Int(number) => Value::Number(number.into()),
            Self::Number(number) => Value::Number(number),
            Self::Text(text) => Value::Text(text.to_owned()),
            Self::Made(text) => Value::Text(text.to_string()),
            Self::Given(values) => Value::List(values.iter().map(|value| Self::of(value).into_value()).collect()),
            Self::List(values) => {
                let values = Rc::try_unwrap(values).unwrap_or_else(|values| (*values).clone());
                Value::List(values.into_iter().map(Self::into_value).collect())
            }
            Self::Object(entries) => {
                Value::Object(entries.iter().map(|(key, value)| (key.clone(), Self::of(value).into_value())).collect())
            }
            Self::Entries(entries) => Value::Object(
                entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone().into_value())).collect(),
            ),
        }
    }

    /// Whether it is far from the engine's limits.
    pub(super) fn fits(&self) -> bool {
        fn size(value: &Val<'_>) -> (usize, usize) {
            match value {
                Val::Text(text) => (1, text.len()),
                Val::Made(text) => (1, text.len()),
                Val::Given(values) => sum(values.iter().map(measured)),
                Val::Object(entries) => sum(entries.values().map(measured)),
                Val::List(values) => sum(values.iter().map(size)),
                Val::Entries(entries) => sum(entries.values().map(size)),
                _ => (1, 0),
            }
        }
        let (values, bytes) = size(self);
        values <= VALUES && bytes <= BYTES
    }
}

fn sum(sizes: impl Iterator<Item = (usize, usize)>) -> (usize, usize) {
    sizes.fold((1, 0), |(values, bytes), (more, longer)| (values + more, bytes + longer))
}

fn measured(value: &Value) -> (usize, usize) {
    match value {
        Value::Text(text) => (1, text.len()),
        Value::List(values) => sum(values.iter().map(measured)),
        Value::Object(entries) => sum(entries.values().map(measured)),
        _ => (1, 0),
    }
}

/// Whether a field is far from the engine's limits.
pub(crate) fn fits(value: &Value) -> bool {
    let (values, bytes) = measured(value);
    values <= VALUES && bytes <= BYTES
}
