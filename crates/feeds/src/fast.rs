//! A JSON reader for records of which little is needed.
//!
//! It reads what a type asks for and leaps over everything else: a subtree that nobody asks for is
//! passed at the speed of [`crate::split`]'s scan, its strings and brackets followed, its insides
//! not looked at. Whatever is read is read strictly. Anything at all unusual is an error without a
//! reason: the caller then reads the record again with `serde_json`, which either gives the reason
//! or the value. So this reader may refuse too much, but never accepts a needed part that
//! `serde_json` would refuse.

use std::fmt;

use memchr::memchr2;
use serde::de::value::{BorrowedStrDeserializer, MapDeserializer};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};

use crate::split::Scanner;

/// The name under which `serde_json` asks a reader for the text of a value as it stands.
const RAW: &str = "$serde_json::private::RawValue";

/// Not read. Why is for `serde_json` to say.
#[derive(Debug)]
pub(crate) struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not read")
    }
}

impl std::error::Error for Refused {}

impl serde::de::Error for Refused {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// Reads a whole record.
pub(crate) fn from_str<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, Refused> {
    let mut reader = Reader { text, at: 0 };
    let value = T::deserialize(&mut reader)?;
    match reader.peek() {
        None => Ok(value),
        Some(_) => Err(Refused),
    }
}

struct Reader<'de> {
    text: &'de str,
    at: usize,
}

impl<'de> Reader<'de> {
    fn rest(&self) -> &'de [u8] {
        &self.text.as_bytes()[self.at..]
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        for (passed, byte) in self.rest().iter().enumerate() {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                self.at += passed;
                return Some(*byte);
            }
        }
        self.at = self.text.len();
        None
    }

    fn expect(&mut self, wanted: u8) -> Result<(), Refused> {
        if self.peek() != Some(wanted) {
            return Err(Refused);
        }
        self.at += 1;
        Ok(())
    }

    /// Passes a string, whose quote is next; whether it has an escape.
    fn pass_string(&mut self) -> Result<(&'de str, bool), Refused> {
        let begin = self.at;
        let mut end = begin + 1;
        let mut escaped = false;
        loop {
            let found = end + memchr2(b'"', b'\\', self.text.as_bytes().get(end..).ok_or(Refused)?).ok_or(Refused)?;
            if self.text.as_bytes()[found] == b'"' {
                self.at = found + 1;
                return Ok((&self.text[begin..self.at], escaped));
            }
            escaped = true;
            end = found + 2;
        }
    }

    /// Passes a number or a word.
    fn pass_word(&mut self) -> &'de str {
        let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b':' | b'"' | b' ' | b'\n' | b'\r' | b'\t');
        let length = self.rest().iter().position(ends).unwrap_or(self.rest().len());
        let begin = self.at;
        self.at += length;
        &self.text[begin..self.at]
    }

    /// Passes a value without looking into it.
    fn pass(&mut self) -> Result<(), Refused> {
        match self.peek().ok_or(Refused)? {
            b'{' | b'[' => {
                self.at += Scanner::default().end_of_value(self.rest()).ok_or(Refused)?;
                Ok(())
            }
            b'"' => self.pass_string().map(|_| ()),
            _ => {
                let word = self.pass_word();
                let known = matches!(word, "null" | "true" | "false") || word.parse::<u32>().is_ok();
                // A leading zero is no JSON, but parses.
                if known && (word.len() == 1 || !word.starts_with(['0', '+'])) {
                    return Ok(());
                }
                serde_json::from_str::<serde::de::IgnoredAny>(word).map(|_| ()).map_err(|_| Refused)
            }
        }
    }

    fn string<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Refused> {
        let (quoted, escaped) = self.pass_string()?;
        if escaped {
            return serde_json::from_str::<String>(quoted)
                .map_err(|_| Refused)
                .and_then(|text| visitor.visit_string(text));
        }
        let text = &quoted[1..quoted.len() - 1];
        if text.bytes().any(|byte| byte < 0x20) {
            return Err(Refused);
        }
        visitor.visit_borrowed_str(text)
    }
}

impl<'de> Deserializer<'de> for &mut Reader<'de> {
    type Error = Refused;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self.peek().ok_or(Refused)? {
            b'"' => self.string(visitor),
            b'{' => {
                self.at += 1;
                let mut items = Items { reader: self, first: true };
                let value = visitor.visit_map(&mut items)?;
                items.reader.expect(b'}')?;
                Ok(value)
            }
            b'[' => {
                self.at += 1;
                let mut items = Items { reader: self, first: true };
                let value = visitor.visit_seq(&mut items)?;
                items.reader.expect(b']')?;
                Ok(value)
            }
            _ => {
                let word = self.pass_word();
                serde_json::Deserializer::from_str(word).deserialize_any(Whole { word, visitor }).map_err(|_| Refused)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        if self.peek() == Some(b'n') {
            return if self.pass_word() == "null" { visitor.visit_none() } else { Err(Refused) };
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Refused> {
        if name != RAW {
            return visitor.visit_newtype_struct(self);
        }
        // The text of a container would have to be validated; no well-formed record asks for one.
        let raw = match self.peek().ok_or(Refused)? {
            b'{' | b'[' => return Err(Refused),
            b'"' => self.pass_string()?.0,
            _ => self.pass_word(),
        };
        serde_json::from_str::<serde::de::IgnoredAny>(raw).map_err(|_| Refused)?;
        visitor.visit_map(MapDeserializer::new(std::iter::once((RAW, BorrowedStrDeserializer::new(raw)))))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.pass()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier
    }
}

/// A number or word must be JSON to its last character.
struct Whole<'w, V> {
    word: &'w str,
    visitor: V,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Whole<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<V::Value, E> {
        if self.word == "null" { self.visitor.visit_unit() } else { Err(E::custom(Refused)) }
    }

    fn visit_bool<E: serde::de::Error>(self, truth: bool) -> Result<V::Value, E> {
        if matches!(self.word, "true" | "false") { self.visitor.visit_bool(truth) } else { Err(E::custom(Refused)) }
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<V::Value, E> {
        if self.word.bytes().all(|byte| byte.is_ascii_digit()) {
            self.visitor.visit_u64(number)
        } else {
            Err(E::custom(Refused))
        }
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<V::Value, E> {
        let digits = self.word.strip_prefix('-').unwrap_or(self.word);
        if digits.bytes().all(|byte| byte.is_ascii_digit()) {
            self.visitor.visit_i64(number)
        } else {
            Err(E::custom(Refused))
        }
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<V::Value, E> {
        // Rare in what is needed: for the slow reader.
        Err(E::custom(Refused))
    }
}

/// Between the brackets of an object or a list.
struct Items<'r, 'de> {
    reader: &'r mut Reader<'de>,
    first: bool,
}

impl Items<'_, '_> {
    /// Passes the comma, if there is a further item.
    fn another(&mut self, end: u8) -> Result<bool, Refused> {
        let next = self.reader.peek().ok_or(Refused)?;
        if next == end {
            return Ok(false);
        }
        if !std::mem::take(&mut self.first) {
            self.reader.expect(b',')?;
            // A comma before the end.
            if self.reader.peek() == Some(end) {
                return Err(Refused);
            }
        }
        Ok(true)
    }
}

impl<'de> SeqAccess<'de> for &mut Items<'_, 'de> {
    type Error = Refused;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Refused> {
        if self.another(b']')? { seed.deserialize(&mut *self.reader).map(Some) } else { Ok(None) }
    }
}

impl<'de> MapAccess<'de> for &mut Items<'_, 'de> {
    type Error = Refused;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Refused> {
        if !self.another(b'}')? {
            return Ok(None);
        }
        if self.reader.peek() != Some(b'"') {
            return Err(Refused);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Refused> {
        self.reader.expect(b':')?;
        seed.deserialize(&mut *self.reader)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::lenient::{Digits, Entries, List, Text};

    #[derive(Debug, Deserialize, PartialEq)]
    struct Needed<'a> {
        #[serde(borrow)]
        a: Option<Text<'a>>,
        #[serde(borrow)]
        b: Option<Digits<'a>>,
        #[serde(borrow, default)]
        c: List<Option<Text<'a>>>,
        #[serde(borrow, default)]
        d: Entries<'a, Text<'a>>,
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

        /// Text made of the pieces of such an object, most of it not JSON at all.
        #[test]
        fn what_it_reads_is_what_serde_json_reads(
            pieces in proptest::collection::vec(proptest::sample::select(vec![
                "{", "}", "[", "]", ",", ":", "\"", "\"a\"", "\"b\"", "\"c\"", "\"d\"", "\"a\":1", ",\"b\":2.50", "\"c\":[null,\"x\"]", "\"d\":{}",
                "null", "true", "-0", "01", "1e5", "\\", "\\u0041", "\u{1}", " ", "\n", "قميص", "\"a\":\"q\\\"\"", ",\"d\":{\"k\":\"v\"}",
            ]), 0..12),
        ) {
            let text = format!("{{{}}}", pieces.concat());
            if let Ok(fast) = from_str::<Needed<'_>>(&text) {
                let slow = serde_json::from_str::<Needed<'_>>(&text);
                prop_assert!(slow.is_ok(), "{text}: {slow:?}");
                prop_assert_eq!(fast, slow.unwrap());
            }
        }
    }

    #[test]
    fn it_reads_what_records_are_made_of() {
        let text = r#" {"x":{"deep":[1,{"}":"]"}]}, "a" : "قميص", "y":-1.5e3,"b":"23.80","c":[null, 7],"z":"\"","d":{"k":"\u0041"}} "#;
        let read = from_str::<Needed<'_>>(text).unwrap();
        assert_eq!(read, serde_json::from_str(text).unwrap());
        assert_eq!(read.b.unwrap().0, "23.80");
    }
}
