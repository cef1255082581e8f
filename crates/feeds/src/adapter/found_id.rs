//! The product's id in a record that was refused, also where the record is malformed further on:
//! the id counts as soon as it was read.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use crate::lenient::Digits;

/// The id that a pointer such as `/info/productInfo/goods_id` leads to.
pub(super) fn find(record: &str, pointer: &str) -> Option<String> {
    let mut found = None;
    let keys: Vec<&str> = pointer.split('/').skip(1).collect();
    // The reading ends with what it finds, or with what is malformed.
    let _ = Seek { keys: &keys, found: &mut found }.deserialize(&mut serde_json::Deserializer::from_str(record));
    found
}

struct Seek<'k, 'f> {
    keys: &'k [&'k str],
    found: &'f mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for Seek<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.keys.is_empty() {
            let digits = Digits::deserialize(deserializer)?;
            *self.found = Some(digits.0.trim().to_owned()).filter(|id| !id.is_empty());
            return Ok(());
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seek<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            if key == self.keys[0] {
                return map.next_value_seed(Seek { keys: &self.keys[1..], found: self.found });
            }
            map.next_value::<IgnoredAny>()?;
        }
        Err(A::Error::custom("no id"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_found_as_soon_as_it_was_read() {
        for (record, id) in [
            (r#"{"source":"canonical","id":"m1","variants":[{"amount": NaN}]}"#, Some("m1")),
            (r#"{"id":"m1","#, Some("m1")),
            (r#"{"id": 901051.0, "x": }"#, Some("901051.0")),
            (r#"{"id":["m1"]"#, Some("m1")),
            ("{\"id\":\"\\u0041\"", Some("A")),
            (r#"{"x": NaN, "id":"m1"}"#, None),
            (r#"{"x": {"id":"m1"}}"#, None),
            (r#"{"id":"m"#, None),
            (r#"{"id":""}"#, None),
            (r#"{"id":{"a":1}}"#, None),
            ("[]", None),
            ("", None),
        ] {
            assert_eq!(find(record, "/id").as_deref(), id, "{record}");
        }
        assert_eq!(
            find(r#"{"code":0,"info":{"productInfo":{"goods_id":7,"#, "/info/productInfo/goods_id").unwrap(),
            "7"
        );
    }
}
