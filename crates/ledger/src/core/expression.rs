//! Conditional writes as data.
//!
//! The vocabulary is the part of DynamoDB's that the protocol needs: a comparison with an attribute
//! that is not there is false, whatever the comparison, and values of two types are unequal and in
//! no order. [`Write::apply`] is that meaning on a plain map; the property tests hold it against
//! the real thing.

use std::collections::BTreeMap;

/// An attribute's value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    S(String),
    /// A whole number.
    N(i64),
    B(Vec<u8>),
}

impl Value {
    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::S(text) => Some(text),
            _ => None,
        }
    }

    const fn same_type(&self, other: &Self) -> bool {
        matches!((self, other), (Self::S(_), Self::S(_)) | (Self::N(_), Self::N(_)) | (Self::B(_), Self::B(_)))
    }

    /// The number, if it is one.
    #[must_use]
    pub const fn number(&self) -> Option<i64> {
        match self {
            Self::N(number) => Some(*number),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::S(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::S(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::N(number)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::B(bytes)
    }
}

/// An item's attributes without its key. An item that is not in the table has none.
pub type Item = BTreeMap<String, Value>;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemKey {
    pub pk: String,
    pub sk: String,
}

/// The right-hand side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operand {
    /// A given value.
    Value(Value),
    /// Another attribute of the same item.
    Attribute(&'static str),
}

/// What must hold of the stored item for a write to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    Always,
    /// The attribute is not there.
    Absent(&'static str),
    /// The attribute is there.
    Present(&'static str),
    Eq(&'static str, Operand),
    /// There, and not equal.
    Ne(&'static str, Operand),
    /// There, and less.
    Lt(&'static str, Operand),
    /// There, and less or equal.
    Le(&'static str, Operand),
    All(Vec<Condition>),
    Any(Vec<Condition>),
}

impl Condition {
    /// Whether it holds of an item.
    #[must_use]
    pub fn holds(&self, item: &Item) -> bool {
        let compare = |name: &str, operand: &Operand, test: fn(&Value, &Value) -> bool| {
            let right = match operand {
                Operand::Value(value) => Some(value),
                Operand::Attribute(other) => item.get(*other),
            };
            matches!((item.get(name), right), (Some(left), Some(right)) if left.same_type(right) && test(left, right))
        };
        match self {
            Self::Always => true,
            Self::Absent(name) => !item.contains_key(*name),
            Self::Present(name) => item.contains_key(*name),
            Self::Eq(name, operand) => compare(name, operand, |a, b| a == b),
            Self::Ne(name, operand) => match operand {
                Operand::Value(value) => item.get(*name).is_some_and(|left| left != value),
                Operand::Attribute(other) => {
                    matches!((item.get(*name), item.get(*other)), (Some(left), Some(right)) if left != right)
                }
            },
            Self::Lt(name, operand) => compare(name, operand, |a, b| a < b),
            Self::Le(name, operand) => compare(name, operand, |a, b| a <= b),
            Self::All(parts) => parts.iter().all(|part| part.holds(item)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(item)),
        }
    }
}

/// One change to an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Set(&'static str, Value),
    /// Sets an attribute unless it is there.
    SetIfAbsent(&'static str, Value),
    /// Adds to a number; an absent one counts as 0. (DynamoDB refuses to add to what is no number;
    /// the protocol never does.)
    Add(&'static str, i64),
    Remove(&'static str),
}

/// A conditional write of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    pub key: ItemKey,
    /// What must hold.
    pub condition: Condition,
    /// What changes. An attribute stands here once at most.
    pub changes: Vec<Change>,
}

impl Write {
    /// The item after the write, or the item as it is if the condition does not hold.
    pub fn apply(&self, item: &Item) -> Result<Item, Item> {
        if !self.condition.holds(item) {
            return Err(item.clone());
        }
        let mut after = item.clone();
        for change in &self.changes {
            match change {
                Change::Set(name, value) => {
                    after.insert((*name).to_owned(), value.clone());
                }
                Change::SetIfAbsent(name, value) => {
                    after.entry((*name).to_owned()).or_insert_with(|| value.clone());
                }
                Change::Add(name, by) => {
                    let now = after.get(*name).and_then(Value::number).unwrap_or(0);
                    after.insert((*name).to_owned(), Value::N(now + by));
                }
                Change::Remove(name) => {
                    after.remove(*name);
                }
            }
        }
        Ok(after)
    }
}
