//! JSON that is as it should be, read in one go. `None` for everything else: [`super::of`] says
//! what is wrong with it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use expr::Value;
use memchr::memchr2;
use rust_decimal::Decimal;
use serde::de::IgnoredAny;

/// Lists and objects within each other: fewer than the slower way allows.
const DEPTH: usize = 48;

/// Reads a value; of the outermost object only the keys that `wanted` names.
pub(super) fn read(text: &str, wanted: &dyn Fn(&str) -> bool) -> Option<Value> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(Some(wanted), 0)?;
    reader.blanks();
    (reader.at == text.len()).then_some(value)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\t' | b'\r')) {
            self.at += 1;
        }
    }

    /// The next byte that is no blank, taken.
    fn mark(&mut self) -> Option<u8> {
        self.blanks();
        let mark = self.peek()?;
        self.at += 1;
        Some(mark)
    }

    fn value(&mut self, wanted: Option<&dyn Fn(&str) -> bool>, depth: usize) -> Option<Value> {
        self.blanks();
        match self.peek()? {
            b'"' => self.string().map(|text| Value::Text(text.into_owned())),
            b'{' if depth < DEPTH => self.object(wanted, depth),
            b'[' if depth < DEPTH => self.list(depth),
            b't' => self.word("true", Value::Bool(true)),
            b'f' => self.word("false", Value::Bool(false)),
            b'n' => self.word("null", Value::None),
            b'-' | b'0'..=b'9' => self.number(),
            _ => None,
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Option<Value> {
        self.text.get(self.at..)?.starts_with(word).then(|| {
            self.at += word.len();
            value
        })
    }

    fn list(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut values = Vec::new();
        self.blanks();
        if self.peek()? == b']' {
            self.at += 1;
            return Some(Value::List(values));
        }
        loop {
            values.push(self.value(None, depth + 1)?);
            match self.mark()? {
                b',' => {}
                b']' => return Some(Value::List(values)),
                _ => return None,
            }
        }
    }

    fn object(&mut self, wanted: Option<&dyn Fn(&str) -> bool>, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut entries = BTreeMap::new();
        self.blanks();
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(Value::Object(entries));
        }
        loop {
            self.blanks();
            let key = self.string()?;
            if self.mark()? != b':' {
                return None;
            }
            if wanted.is_none_or(|wanted| wanted(&key)) {
                let value = self.value(None, depth + 1)?;
                if entries.insert(key.into_owned(), value).is_some() {
                    return None;
                }
            } else {
                self.skip()?;
            }
            match self.mark()? {
                b',' => {}
                b'}' => return Some(Value::Object(entries)),
                _ => return None,
            }
        }
    }

    /// Passes over a value.
    fn skip(&mut self) -> Option<()> {
        let mut values = serde_json::Deserializer::from_str(&self.text[self.at..]).into_iter::<IgnoredAny>();
        values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(())
    }

    fn string(&mut self) -> Option<Cow<'t, str>> {
        if self.peek()? != b'"' {
            return None;
        }
        let (bytes, begin) = (self.text.as_bytes(), self.at + 1);
        let mut end = begin;
        let mut plain = true;
        loop {
            end += memchr2(b'"', b'\\', bytes.get(end..)?)?;
            if bytes[end] == b'"' {
                break;
            }
            plain = false;
            end += 2;
        }
        self.at = end + 1;
        let inside = &self.text[begin..end];
        if !plain {
            return serde_json::from_str(&self.text[begin - 1..=end]).ok().map(Cow::Owned);
        }
        inside.bytes().all(|byte| byte >= 0x20).then_some(Cow::Borrowed(inside))
    }

    fn digits(&mut self) -> Option<()> {
        let begin = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        (self.at > begin).then_some(())
    }

    fn number(&mut self) -> Option<Value> {
        let begin = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let zero = self.peek() == Some(b'0');
        let whole = self.at;
        self.digits()?;
        if zero && self.at > whole + 1 {
            return None;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        let digits = &self.text[begin..self.at];
        // A number that no decimal holds stays the text it is.
        Some(Decimal::from_str_exact(digits).map_or_else(|_| Value::Text(digits.to_owned()), Value::Number))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::slowly;
    use super::read;

    const WANTED: fn(&str) -> bool = |key| key != "b";

    fn json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            Just("true".to_owned()),
            any::<i64>().prop_map(|n| n.to_string()),
            any::<f64>().prop_map(|n| n.to_string()),
            proptest::sample::select(vec![
                "12.50",
                "0",
                "-0",
                "1e5",
                "1E-400",
                "0.1e+2",
                "123456789012345678901234567890.5",
                " 7 ",
                "\"a\\u00e9\\n\\\"\"",
                "\"\\ud83d\\ude00\""
            ])
            .prop_map(str::to_owned),
            "\\PC{0,6}".prop_map(|text| serde_json::Value::String(text).to_string()),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(|all| format!("[{}]", all.join(" , "))),
                proptest::collection::vec(("[a-d]", inner), 0..4).prop_map(|all| {
                    let entries: Vec<String> = all.iter().map(|(key, value)| format!("\"{key}\" : {value}")).collect();
                    format!("{{{}}}", entries.join(",\n"))
                }),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

        #[test]
        fn what_is_read_in_one_go_is_read_as_the_slower_way_reads_it(text in json()) {
            let slow = slowly(&text, &WANTED).ok();
            prop_assert_eq!(read(&text, &WANTED), slow, "{}", text);
        }

        #[test]
        fn what_is_no_json_is_not_read(text in json(), at in any::<prop::sample::Index>(), by in proptest::sample::select(vec!["", "\"", "\\", "}", "]", ",", "0", "-", ".", "\u{1}", "x", " ", "{", "é", "e"])) {
            let places: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
            let place = places[at.index(places.len())];
            let mut changed = text.clone();
            changed.replace_range(place..place + text[place..].chars().next().map_or(0, char::len_utf8), by);
            let slow = slowly(&changed, &WANTED).ok();
            prop_assert_eq!(read(&changed, &WANTED), slow, "{}", changed);
        }
    }
}
