//! Whose record it was, where it cannot be read as a whole: the id counts as soon as it was read.

use std::collections::BTreeMap;
use std::fmt;

use expr::Value;
use feeds::charset::Charset;
use rust_decimal::Decimal;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::map;
use crate::mapping::{Mapping, Take, Type};
use crate::record::Record;
use crate::rows::Rows;
use crate::xml;

/// The id of a record's bytes; `cut` where they may end in the middle.
pub(crate) fn id(
    mapping: &Mapping,
    rows: &mut Option<Rows>,
    charset: Charset,
    bytes: &[u8],
    cut: bool,
) -> Option<String> {
    let lossy = String::from_utf8_lossy(bytes);
    let decoded = std::str::from_utf8(bytes).err().and_then(|_| charset.decode(bytes));
    let text = decoded.as_deref().unwrap_or(&lossy).trim_start_matches('\u{feff}');
    let record = match (mapping.form.kind, rows) {
        (Type::Csv | Type::Xlsx, rows) => rows.as_mut()?.what_is_there(text, cut),
        (Type::Json, _) => Record::tree(of_json(text)),
        (Type::Xml, _) => Record::tree(xml::what_is_there(text)),
    };
    if !is_given(mapping, &record) {
        return None;
    }
    // What is damaged itself is nobody's id.
    map::id_of(mapping, std::slice::from_ref(&record)).filter(|id| !id.contains('\u{fffd}'))
}

/// Whether all that the id is made of is there: of a part of it another product's could be made.
fn is_given(mapping: &Mapping, record: &Record) -> bool {
    match &mapping.product.id.take {
        Take::Is(_) => true,
        Take::Paths(paths) => paths.first().is_some_and(|path| !record.get(path).is_blank()),
        Take::Expr(expression) => expression.reads().iter().all(|name| !record.named(name).is_blank()),
    }
}

/// What a document says before it is malformed. What stands twice is nobody's, and a number whose
/// digits get lost is none.
pub(crate) fn of_json(text: &str) -> Value {
    let mut value = Value::None;
    let _ = Slot(&mut value).deserialize(&mut serde_json::Deserializer::from_str(text));
    value
}

/// Where a value is put as far as it is read.
struct Slot<'s>(&'s mut Value);

impl<'de> DeserializeSeed<'de> for Slot<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Slot<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        *self.0 = Value::Bool(value);
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        *self.0 = Value::Number(Decimal::from(value));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        *self.0 = Value::Number(Decimal::from(value));
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        *self.0 = Value::Text(text.to_owned());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut values = Vec::new();
        let end = loop {
            let mut value = Value::None;
            let next = seq.next_element_seed(Slot(&mut value));
            values.push(value);
            match next {
                Ok(Some(())) => {}
                Ok(None) => {
                    values.pop();
                    break Ok(());
                }
                Err(error) => break Err(error),
            }
        };
        *self.0 = Value::List(values);
        end
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut entries = BTreeMap::new();
        let end = loop {
            let key = match map.next_key::<String>() {
                Ok(Some(key)) => key,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            };
            let mut value = Value::None;
            let read = map.next_value_seed(Slot(&mut value));
            entries.entry(key).and_modify(|first| *first = Value::None).or_insert(value);
            if let Err(error) = read {
                break Err(error);
            }
        };
        *self.0 = Value::Object(entries);
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_before_the_damage_is_there() {
        let text = |value: &Value, path: &str| crate::record::Path::of_tree(path).within(value).text();
        let value = of_json(r#"{"info": {"id": 901, "sku": "A-1", "list": [{"x": "y"}, {"x": br"#);
        assert_eq!(text(&value, "info.id").as_deref(), Some("901"));
        assert_eq!(text(&value, "info.sku").as_deref(), Some("A-1"));
        assert_eq!(text(&value, "info.list[0].x").as_deref(), Some("y"));
        assert_eq!(text(&of_json(r#"{"id": "1", "id": "2", "a": "#), "id"), None);
        assert_eq!(text(&of_json(r#"{"id": "90"#), "id"), None, "it may go on");
        assert_eq!(of_json("nothing").text(), None);
        let deep = "[".repeat(10_000);
        let _ = of_json(&deep);
    }
}
