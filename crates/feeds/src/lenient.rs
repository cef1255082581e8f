//! Types for fields that suppliers write now this way, now that: numbers as strings and strings as
//! numbers, an empty list where an object belongs (PHP cannot tell them apart), `null` for
//! anything. They borrow from the record wherever it can be borrowed from.
//!
//! What is decided here, for every source:
//! - `null`, `[]`, `{}` and `""` say that nothing is given, whatever belongs there;
//! - a number is as good as its digits in a string and the other way round;
//! - a list of one is as good as the one, and the one as good as a list of it;
//! - anything else of a wrong type is an error, in words that speak of the document. No form that
//!   is not known is ever read as nothing.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer, StrDeserializer};
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use self::shape::{Guard, One, several, single};

mod shape;

/// A text, or a number or truth value as its text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text<'a>(pub Cow<'a, str>);

impl Text<'_> {
    /// The text without white space at its ends; `None` if nothing is left.
    #[must_use]
    pub fn filled(&self) -> Option<&str> {
        Some(self.0.trim()).filter(|text| !text.is_empty())
    }
}

/// The text of an optional field; `None` if it is missing, null or blank.
#[must_use]
pub fn filled<'t>(text: &'t Option<Text<'_>>) -> Option<&'t str> {
    text.as_ref().and_then(Text::filled)
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a number")
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Text::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                Ok(single(seq, "a text or a number")?.unwrap_or_default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                match map.next_key::<IgnoredAny>()? {
                    None => Ok(Text::default()),
                    Some(_) => Err(A::Error::custom("invalid type: map, expected a text or a number")),
                }
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }

            /// A shoe of size 38.5. What has to be exact is read as [`Digits`].
            fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }

            fn visit_bool<E: Error>(self, truth: bool) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(if truth { "true" } else { "false" })))
            }
        }

        deserializer.deserialize_any(TextVisitor)
    }
}

/// How an error begins that is one of the record's form after all.
pub(crate) const MALFORMED: &str = "malformed text: ";

/// A number exactly as it is written, in a string or bare. Whether it *is* a number is for the
/// reader of the value to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digits<'a>(pub Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Digits<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?.get();
        match raw.as_bytes().first() {
            Some(b'"') if !raw.contains('\\') => Ok(Digits(Cow::Borrowed(&raw[1..raw.len() - 1]))),
            Some(b'"') => serde_json::from_str::<Text<'de>>(raw)
                .map(|text| Digits(text.0))
                .map_err(|error| D::Error::custom(format_args!("{MALFORMED}{error}"))),
            Some(b'[') => {
                let items = serde_json::from_str::<Vec<Digits<'de>>>(raw).map_err(D::Error::custom)?;
                let mut items = items.into_iter();
                match (items.next(), items.next()) {
                    (None, _) => Ok(Digits(Cow::Borrowed(""))),
                    (Some(only), None) => Ok(only),
                    _ => Err(several("a text or a number")),
                }
            }
            Some(b'{') if raw.len() == 2 => Ok(Digits(Cow::Borrowed(""))),
            Some(b'{') => Err(D::Error::custom("invalid type: map, expected a text or a number")),
            Some(b'n') => Ok(Digits(Cow::Borrowed(""))),
            _ => Ok(Digits(Cow::Borrowed(raw))),
        }
    }
}

/// The digits of an optional field without white space at their ends; `None` if it is missing, null
/// or blank.
#[must_use]
pub fn given<'d>(digits: &'d Option<Digits<'_>>) -> Option<&'d str> {
    digits.as_ref().map(|digits| digits.0.trim()).filter(|digits| !digits.is_empty())
}

/// An object of the fields of `T`; `None` for null, for what is empty, and (as a default) where it
/// is missing. A list of one such object is that object.
pub fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    struct ObjectVisitor<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
        type Value = Option<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
            if text.trim().is_empty() {
                return Ok(None);
            }
            Err(E::invalid_type(serde::de::Unexpected::Str(text), &self))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
            single(seq, "an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map)).map(Some)
        }
    }

    deserializer.deserialize_any(ObjectVisitor(PhantomData))
}

/// A list; of an object that PHP made of a list (`{"0": …}`) the values in their order; empty for
/// what is empty. One thing is a list of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T>(pub Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = List<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(Guard::default())? {
            items.push(item);
        }
        Ok(List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(key) = map.next_key::<Text<'de>>()? {
            if key.0.is_empty() || !key.0.bytes().all(|byte| byte.is_ascii_digit()) {
                return if items.is_empty() {
                    T::deserialize(One::new(key, map)).map(|item| List(vec![item]))
                } else {
                    Err(A::Error::custom("invalid type: map, expected a list"))
                };
            }
            items.push(map.next_value_seed(Guard::default())?);
        }
        Ok(List(items))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        if text.trim().is_empty() {
            return Ok(List(Vec::new()));
        }
        T::deserialize(BorrowedStrDeserializer::new(text)).map(|item| List(vec![item]))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        if text.trim().is_empty() {
            return Ok(List(Vec::new()));
        }
        T::deserialize(StrDeserializer::new(text)).map(|item| List(vec![item]))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        T::deserialize(serde::de::value::U64Deserializer::new(number)).map(|item| List(vec![item]))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        T::deserialize(serde::de::value::I64Deserializer::new(number)).map(|item| List(vec![item]))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        T::deserialize(serde::de::value::F64Deserializer::new(number)).map(|item| List(vec![item]))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(List(Vec::new()))
    }
}

/// A list and nothing else, where one thing could be meant in two ways; empty for null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Items<T>(pub Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Items<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ItemsVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ItemsVisitor<T> {
            type Value = Items<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element_seed(Guard::default())? {
                    items.push(item);
                }
                Ok(Items(items))
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Items(Vec::new()))
            }
        }

        deserializer.deserialize_any(ItemsVisitor(PhantomData))
    }
}

/// An object's entries in their order; none for what is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entries<'a, T>(pub Vec<(Text<'a>, T)>);

impl<T> Default for Entries<'_, T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'a, T> Entries<'a, T> {
    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&T> {
        self.0.iter().find(|(name, _)| name.0 == key).map(|(_, value)| value)
    }
}

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for Entries<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for EntriesVisitor<T> {
            type Value = Entries<'de, T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries: Vec<(Text<'de>, T)> = Vec::new();
                while let Some(key) = map.next_key::<Text<'de>>()? {
                    let value = map.next_value_seed(Guard::default())?;
                    if entries.iter().any(|(known, _)| *known == key) {
                        return Err(A::Error::custom(format_args!("duplicate field `{}`", key.0)));
                    }
                    entries.push((key, value));
                }
                Ok(Entries(entries))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                match seq.next_element::<IgnoredAny>()? {
                    None => Ok(Entries(Vec::new())),
                    Some(_) => Err(A::Error::custom("invalid type: sequence, expected an object")),
                }
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                if text.trim().is_empty() {
                    return Ok(Entries(Vec::new()));
                }
                Err(E::invalid_type(serde::de::Unexpected::Str(text), &self))
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Entries(Vec::new()))
            }
        }

        deserializer.deserialize_any(EntriesVisitor(PhantomData))
    }
}

/// A text, or a number or truth value as it is written, that does not borrow from the record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plain(pub String);

impl Plain {
    /// The text without white space at its ends.
    #[must_use]
    pub fn text(&self) -> &str {
        self.0.trim()
    }
}

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PlainVisitor;

        impl<'de> Visitor<'de> for PlainVisitor {
            type Value = Plain;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a number")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Plain, E> {
                Ok(Plain(text.to_owned()))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Plain, E> {
                Ok(Plain(number.to_string()))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Plain, E> {
                Ok(Plain(number.to_string()))
            }

            /// With its point: 38.0 is not 38 in a list of sizes.
            fn visit_f64<E: Error>(self, number: f64) -> Result<Plain, E> {
                Ok(Plain(serde_json::Number::from_f64(number).map_or_else(String::new, |number| number.to_string())))
            }

            fn visit_bool<E: Error>(self, truth: bool) -> Result<Plain, E> {
                Ok(Plain(truth.to_string()))
            }

            fn visit_unit<E: Error>(self) -> Result<Plain, E> {
                Ok(Plain::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Plain, A::Error> {
                Ok(single(seq, "a text or a number")?.unwrap_or_default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Plain, A::Error> {
                match map.next_key::<IgnoredAny>()? {
                    None => Ok(Plain::default()),
                    Some(_) => Err(A::Error::custom("invalid type: map, expected a text or a number")),
                }
            }
        }

        deserializer.deserialize_any(PlainVisitor)
    }
}

/// What a field says that is either so or not; `None` if it says nothing. What is neither is not
/// taken for one of them.
#[must_use]
pub fn truth(text: &str) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    match () {
        () if is(&["1", "true", "yes", "1.0"]) => Some(true),
        () if is(&["0", "false", "no", "0.0"]) => Some(false),
        () => None,
    }
}

/// A whole number, also with a fraction of nothing: 5, `"5"`, `5.0`.
#[must_use]
pub fn whole_number(text: &str) -> Option<i64> {
    let whole = text.split_once('.').map_or(text, |(whole, rest)| {
        if !rest.is_empty() && rest.bytes().all(|byte| byte == b'0') { whole } else { text }
    });
    whole.parse().ok()
}

/// A value that may be written as JSON within a string, as in the cells of a CSV file. The texts
/// `null` and `` are nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nested<T>(pub Option<T>);

impl<T> Default for Nested<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: DeserializeOwned> Nested<T> {
    /// The value of a CSV cell.
    pub fn from_cell(cell: &str) -> Result<Self, serde_json::Error> {
        match cell.trim() {
            "" | "null" => Ok(Self(None)),
            json => serde_json::from_str(json).map(|value| Self(Some(value))),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Nested<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?.get();
        if raw.starts_with('"') {
            let text = serde_json::from_str::<Text<'_>>(raw).map_err(D::Error::custom)?;
            return Self::from_cell(&text.0).map_err(D::Error::custom);
        }
        serde_json::from_str(raw).map(Self).map_err(D::Error::custom)
    }
}

/// The keys of an object and nothing else of it; `None` in its place if it is no object.
pub(crate) fn top_level_keys(record: &str) -> Option<Vec<Cow<'_, str>>> {
    struct Keys;

    impl<'de> Visitor<'de> for Keys {
        type Value = Vec<Cow<'de, str>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut keys = Vec::new();
            while let Some((key, IgnoredAny)) = map.next_entry::<Text<'de>, IgnoredAny>()? {
                keys.push(key.0);
            }
            Ok(keys)
        }
    }

    impl<'de> DeserializeSeed<'de> for Keys {
        type Value = Vec<Cow<'de, str>>;

        fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
            deserializer.deserialize_map(self)
        }
    }

    Keys.deserialize(&mut serde_json::Deserializer::from_str(record)).ok()
}

#[cfg(test)]
mod tests;
