//! Types for fields that suppliers write now this way, now that: numbers as strings and strings as numbers, an empty list where
//! an object belongs (PHP cannot tell them apart), `null` for anything. They borrow from the record wherever it can be borrowed
//! from.
//!
//! What is decided here, for every source: `null` is the same as a missing field; a number is as good as its digits in a string and
//! the other way round; an empty list is an empty object and an empty object an empty list; anything else of a wrong type is an error.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

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
                f.write_str("a string or a number")
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

/// A number exactly as it is written, in a string or bare. Whether it *is* a number is for the reader of the value to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digits<'a>(pub Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Digits<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?.get();
        if raw.starts_with('"') {
            return serde_json::from_str::<Text<'de>>(raw).map(|text| Digits(text.0)).map_err(D::Error::custom);
        }
        Ok(Digits(Cow::Borrowed(raw)))
    }
}

/// A list; an object with its values in their order; an empty list for `null`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T>(pub Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some((IgnoredAny, item)) = map.next_entry()? {
                    items.push(item);
                }
                Ok(List(items))
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(List(Vec::new()))
            }
        }

        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

/// An object's entries in their order; none for `null` and for an empty list.
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
                while let Some((key, value)) = map.next_entry::<Text<'de>, T>()? {
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

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Entries(Vec::new()))
            }
        }

        deserializer.deserialize_any(EntriesVisitor(PhantomData))
    }
}

/// A value that may be written as JSON within a string, as in the cells of a CSV file. The texts `null` and `` are nothing.
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
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Sample<'a> {
        #[serde(borrow)]
        text: Option<Text<'a>>,
        #[serde(borrow)]
        digits: Option<Digits<'a>>,
        #[serde(borrow, default)]
        entries: Entries<'a, Text<'a>>,
        #[serde(default)]
        nested: Nested<Vec<String>>,
    }

    fn read(json: &str) -> Sample<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn numbers_are_as_good_as_their_digits() {
        let sample = read(r#"{"text":31,"digits":23.80}"#);
        assert_eq!(sample.text.unwrap().0, "31");
        assert_eq!(sample.digits.unwrap().0, "23.80");
        assert_eq!(read(r#"{"digits":"23.80"}"#).digits.unwrap().0, "23.80");
    }

    #[test]
    fn null_is_missing_and_an_empty_list_is_an_empty_object() {
        assert_eq!(read(r#"{"text":null,"digits":null,"entries":null,"nested":null}"#), read("{}"));
        assert_eq!(read(r#"{"entries":[]}"#), read("{}"));
        assert!(serde_json::from_str::<Sample<'_>>(r#"{"entries":[1]}"#).is_err());
    }

    #[test]
    fn json_within_a_string_is_read() {
        assert_eq!(read(r#"{"nested":"[\"a\"]"}"#).nested, read(r#"{"nested":["a"]}"#).nested);
        assert_eq!(read(r#"{"nested":"null"}"#).nested.0, None);
    }

    #[test]
    fn unescaped_text_is_borrowed_and_escaped_text_decoded() {
        assert!(matches!(read(r#"{"text":"قميص"}"#).text.unwrap().0, Cow::Borrowed("قميص")));
        assert_eq!(read(r#"{"text":"\ud83d\ude00\n"}"#).text.unwrap().0, "😀\n");
    }
}
