//! A [`Write`] as DynamoDB wants it: an update expression, a condition expression, and the names and values they use.

use std::collections::HashMap;
use std::fmt::Write as _;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::core::{Change, Condition, Item, Operand, Value, Write};

/// The parts of an `UpdateItem` call.
#[derive(Debug, Default)]
pub(super) struct Rendered {
    pub(super) update: String,
    pub(super) condition: Option<String>,
    pub(super) names: HashMap<String, String>,
    pub(super) values: HashMap<String, AttributeValue>,
}

pub(super) fn render(write: &Write) -> Rendered {
    let mut out = Rendered::default();
    let mut set = Vec::new();
    let mut remove = Vec::new();
    for change in &write.changes {
        match change {
            Change::Set(name, value) => set.push(format!("{} = {}", out.name(name), out.value(value))),
            Change::SetIfAbsent(name, value) => {
                let (name, value) = (out.name(name), out.value(value));
                set.push(format!("{name} = if_not_exists({name}, {value})"));
            }
            Change::Add(name, by) => {
                let (name, by, zero) = (out.name(name), out.value(&Value::N(*by)), out.value(&Value::N(0)));
                set.push(format!("{name} = if_not_exists({name}, {zero}) + {by}"));
            }
            Change::Remove(name) => remove.push(out.name(name)),
        }
    }
    if !set.is_empty() {
        let _ = write!(out.update, "SET {}", set.join(", "));
    }
    if !remove.is_empty() {
        let _ = write!(out.update, "{}REMOVE {}", if set.is_empty() { "" } else { " " }, remove.join(", "));
    }
    out.condition = match out.condition(&write.condition) {
        Test::True => None,
        Test::False => Some("attribute_exists(pk) AND attribute_not_exists(pk)".to_owned()),
        Test::Text(text) => Some(text),
    };
    out
}

/// A condition as text, or what it comes to where DynamoDB has no word for it.
enum Test {
    True,
    False,
    Text(String),
}

impl Rendered {
    fn name(&mut self, name: &str) -> String {
        let placeholder = format!("#{name}");
        self.names.insert(placeholder.clone(), name.to_owned());
        placeholder
    }

    fn value(&mut self, value: &Value) -> String {
        let placeholder = format!(":v{}", self.values.len());
        self.values.insert(placeholder.clone(), to_attribute(value));
        placeholder
    }

    fn operand(&mut self, operand: &Operand) -> String {
        match operand {
            Operand::Value(value) => self.value(value),
            Operand::Attribute(name) => self.name(name),
        }
    }

    fn condition(&mut self, condition: &Condition) -> Test {
        Test::Text(match condition {
            Condition::Always => return Test::True,
            Condition::Absent(name) => format!("attribute_not_exists({})", self.name(name)),
            Condition::Present(name) => format!("attribute_exists({})", self.name(name)),
            Condition::Eq(name, operand) => self.compare(name, "=", operand),
            // DynamoDB's `<>` is true of an attribute that is not there; the protocol's is not.
            Condition::Ne(name, operand) => {
                let both = match operand {
                    Operand::Value(_) => format!("attribute_exists({})", self.name(name)),
                    Operand::Attribute(other) => {
                        format!("attribute_exists({}) AND attribute_exists({})", self.name(name), self.name(other))
                    }
                };
                format!("({both} AND {})", self.compare(name, "<>", operand))
            }
            Condition::Lt(name, operand) => self.compare(name, "<", operand),
            Condition::Le(name, operand) => self.compare(name, "<=", operand),
            Condition::All(parts) => {
                let mut texts = Vec::new();
                for part in parts {
                    match self.condition(part) {
                        Test::True => {}
                        Test::False => return Test::False,
                        Test::Text(text) => texts.push(text),
                    }
                }
                return if texts.is_empty() { Test::True } else { Test::Text(format!("({})", texts.join(" AND "))) };
            }
            Condition::Any(parts) => {
                let mut texts = Vec::new();
                for part in parts {
                    match self.condition(part) {
                        Test::True => return Test::True,
                        Test::False => {}
                        Test::Text(text) => texts.push(text),
                    }
                }
                return if texts.is_empty() { Test::False } else { Test::Text(format!("({})", texts.join(" OR "))) };
            }
        })
    }

    fn compare(&mut self, name: &str, operator: &str, operand: &Operand) -> String {
        format!("{} {operator} {}", self.name(name), self.operand(operand))
    }
}

pub(super) fn to_attribute(value: &Value) -> AttributeValue {
    match value {
        Value::S(text) => AttributeValue::S(text.clone()),
        Value::N(number) => AttributeValue::N(number.to_string()),
        Value::B(bytes) => AttributeValue::B(Blob::new(bytes.clone())),
    }
}

/// An item without its key. Attributes of types the protocol does not use are left out.
pub(super) fn to_item(attributes: HashMap<String, AttributeValue>) -> Item {
    attributes
        .into_iter()
        .filter(|(name, _)| name != "pk" && name != "sk")
        .filter_map(|(name, value)| {
            let value = match value {
                AttributeValue::S(text) => Value::S(text),
                AttributeValue::N(number) => Value::N(number.parse().ok()?),
                AttributeValue::B(bytes) => Value::B(bytes.into_inner()),
                _ => return None,
            };
            Some((name, value))
        })
        .collect()
}
