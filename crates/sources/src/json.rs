//! JSON with the digits of its numbers as they are written.

mod fast;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use expr::Value;
use feeds::{Defect, Reason};
use rust_decimal::Decimal;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Lists and objects within each other.
const DEPTH: usize = 64;

/// Reads a value; of the outermost object only the keys that `wanted` names.
pub(crate) fn read(text: &str, wanted: &dyn Fn(&str) -> bool) -> Result<Value, Defect> {
    fast::read(text, wanted).map_or_else(|| slowly(text, wanted), Ok)
}

/// The same, and what is wrong with it.
fn slowly(text: &str, wanted: &dyn Fn(&str) -> bool) -> Result<Value, Defect> {
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| malformed(text, &error))?;
    of(raw.get(), Some(wanted), 0)
}

fn malformed(text: &str, error: &serde_json::Error) -> Defect {
    let said = error.to_string();
    let said = said.rsplit_once(" at line ").map_or(&*said, |(said, _)| said);
    let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let at = (before + error.column().saturating_sub(1)).min(text.len());
    let begin = (0..=at.saturating_sub(20)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    Defect::new(Reason::MalformedJson, format!("this is not well-formed JSON: {said}")).at(at).value(&text[begin..])
}

fn of(text: &str, wanted: Option<&dyn Fn(&str) -> bool>, depth: usize) -> Result<Value, Defect> {
    if depth > DEPTH {
        return Err(Defect::new(
            Reason::RecordTooDeep,
            format!("lists and objects within each other, more than {DEPTH}"),
        ));
    }
    let broken = |error: serde_json::Error| malformed(text, &error);
    Ok(match text.as_bytes().first() {
        Some(b'{') => {
            let Entries(entries) = serde_json::from_str(text).map_err(broken)?;
            let mut object = BTreeMap::new();
            for (key, raw) in entries.into_iter().filter(|(key, _)| wanted.is_none_or(|wanted| wanted(key))) {
                let value = of(raw.get(), None, depth + 1)?;
                if object.insert(key.clone().into_owned(), value).is_some() {
                    let message = format!("{key:?} stands twice in one object; nobody can tell which one counts");
                    return Err(Defect::new(Reason::DuplicateKey, message).path(format!("$.{key}")));
                }
            }
            Value::Object(object)
        }
        Some(b'[') => {
            let Items(items) = serde_json::from_str(text).map_err(broken)?;
            Value::List(items.into_iter().map(|raw| of(raw.get(), None, depth + 1)).collect::<Result<_, _>>()?)
        }
        Some(b'"') => Value::Text(serde_json::from_str(text).map_err(broken)?),
        Some(b't') => Value::Bool(true),
        Some(b'f') => Value::Bool(false),
        Some(b'n') | None => Value::None,
        // A number that no decimal holds stays the text it is.
        Some(_) => Decimal::from_str_exact(text).map_or_else(|_| Value::Text(text.to_owned()), Value::Number),
    })
}

struct Entries<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<'de>, A::Error> {
                let mut entries = Vec::new();
                while let Some(Key(key)) = map.next_key()? {
                    entries.push((key, map.next_value()?));
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

struct Items<'a>(Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Items<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Items<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Items<'de>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Items(items))
            }
        }
        deserializer.deserialize_seq(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stay_as_they_are_written() {
        let value = read(
            r#"{"a": 12.50, "b": 21.299999999999997, "c": 1e400, "d": "x", "e": null, "f": [1, {"g": true}], "h": 0}"#,
            &|key| key != "h",
        )
        .unwrap();
        let Value::Object(entries) = value else { panic!("an object") };
        assert_eq!(entries["a"].text().as_deref(), Some("12.50"));
        assert_eq!(entries["b"].text().as_deref(), Some("21.299999999999997"));
        assert_eq!(entries["c"].text().as_deref(), Some("1e400"));
        assert!(!entries.contains_key("h"));
        assert_eq!(read("{\"a\":1,\"a\":2}", &|_| true).unwrap_err().reason, Reason::DuplicateKey);
        assert_eq!(read("{\"a\":", &|_| true).unwrap_err().reason, Reason::MalformedJson);
        let deep = "[".repeat(100) + &"]".repeat(100);
        assert_eq!(read(&deep, &|_| true).unwrap_err().reason, Reason::RecordTooDeep);
    }
}
