//! Expressions that are evaluated without the engine inside.
//!
//! What the engine has parsed an expression to is read into [`Node`]s, where all of it is of kinds
//! that are known here; most mappings' expressions are. Such an expression is evaluated directly on
//! the record's own values. It gives exactly what the engine gives and takes exactly as many steps:
//! whatever is not certain, above all everything that may end in an error, is left to the engine,
//! which evaluates the expression from its beginning. So an error has one wording and one place.
//! `tests` holds the two together.

mod call;
mod read;
mod run;
#[cfg(test)]
mod tests;
mod value;

use std::collections::HashMap;

pub(crate) use read::read;
pub(crate) use run::evaluated;
pub(crate) use value::fits;

/// An expression that can be evaluated directly.
#[derive(Debug)]
pub(crate) struct Direct {
    body: Vec<Step>,
}

/// A statement.
#[derive(Debug)]
enum Step {
    /// An expression, and the steps that the engine takes for it beyond those of the expression.
    Gives(Node, u64),
    /// A new variable.
    Let(Node),
    Nothing,
}

/// An expression. Each takes a step.
#[derive(Debug)]
enum Node {
    None,
    Bool(bool),
    Int(i64),
    Number(rust_decimal::Decimal),
    Text(String),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
    /// A variable or field, by its place among those that are known.
    Name(usize),
    /// A text with values in it.
    Joined(Vec<Node>),
    Call(Box<Call>),
    Chain(Box<Chain>),
    All(Vec<Node>),
    Any(Vec<Node>),
    First(Vec<Node>),
    Block(Vec<Step>),
    If(Box<If>),
    Switch(Box<Switch>),
}

/// A function or operator.
#[derive(Debug)]
struct Call {
    function: call::Function,
    args: Vec<Node>,
}

/// What is called or looked for in a value.
#[derive(Debug)]
struct Chain {
    base: Node,
    links: Vec<Link>,
    /// Steps that the engine takes on its way through the links.
    steps: u64,
}

#[derive(Debug)]
enum Link {
    Method(call::Function, Vec<Argument>),
    Property(String),
    /// By number.
    At(Node, bool),
}

#[derive(Debug)]
enum Argument {
    Value(Node),
    /// A function of one value.
    Closure(Vec<Step>),
}

/// A choice. As a statement it takes a step, as an expression it is one in a block.
#[derive(Debug)]
struct If {
    condition: Node,
    then: Vec<Step>,
    otherwise: Vec<Step>,
}

#[derive(Debug)]
struct Switch {
    on: Node,
    /// By text: the arms to try.
    cases: HashMap<String, Vec<usize>>,
    /// What else has to be true, if anything, and what is given.
    arms: Vec<(Option<Node>, Node)>,
    default: Option<usize>,
}
