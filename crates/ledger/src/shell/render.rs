//! A [`Write`] as DynamoDB wants it: an update expression, a condition expression, and the names
//! and values they use.

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
    out.condition = match simplified(&write.condition) {
        Condition::All(parts) if parts.is_empty() => None,
        Condition::Any(parts) if parts.is_empty() => {
            Some("attribute_exists(pk) AND attribute_not_exists(pk)".to_owned())
        }
        condition => Some(out.condition(&condition)),
    };
    out
}

/// The same condition without what is always or never true, for which DynamoDB has no word: all of
/// nothing is true, any of nothing false.
fn simplified(condition: &Condition) -> Condition {
    let (parts, all) = match condition {
        Condition::Always => return Condition::All(Vec::new()),
        Condition::All(parts) => (parts, true),
        Condition::Any(parts) => (parts, false),
        plain => return plain.clone(),
    };
    let mut kept = Vec::new();
    for part in parts.iter().map(simplified) {
        match &part {
            Condition::All(none) if none.is_empty() => {
                if !all {
                    return part;
                }
            }
            Condition::Any(none) if none.is_empty() => {
                if all {
                    return part;
                }
            }
            _ => kept.push(part),
        }
    }
    match (kept.len(), all) {
        // DynamoDB refuses redundant parentheses.
        (1, _) => kept.remove(0),
        (_, true) => Condition::All(kept),
        (_, false) => Condition::Any(kept),
    }
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

    fn condition(&mut self, condition: &Condition) -> String {
        match condition {
            Condition::Always => unreachable!("simplified before"),
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
                format!("({both} AND {} <> {})", self.name(name), self.operand(operand))
            }
            Condition::Lt(name, operand) => self.compare(name, "<", operand),
            Condition::Le(name, operand) => self.compare(name, "<=", operand),
            Condition::All(parts) => self.join(parts, " AND "),
            Condition::Any(parts) => self.join(parts, " OR "),
        }
    }

    fn join(&mut self, parts: &[Condition], word: &str) -> String {
        let parts: Vec<String> = parts.iter().map(|part| self.condition(part)).collect();
        format!("({})", parts.join(word))
    }

    /// Two attributes that are both not there are not to count as equal, whatever the store makes
    /// of it.
    fn compare(&mut self, name: &str, operator: &str, operand: &Operand) -> String {
        let plain = format!("{} {operator} {}", self.name(name), self.operand(operand));
        match operand {
            Operand::Value(_) => plain,
            Operand::Attribute(_) => format!("(attribute_exists({}) AND {plain})", self.name(name)),
        }
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
