//! What expressions can call. All of it is pure and gives a new value.

mod lists;
pub(crate) mod numbers;
mod operators;
pub(crate) mod texts;

use rhai::{Engine, EvalAltResult, Position};

use crate::budget;

/// Every function: its name, and how it is called and what it gives.
pub const FUNCTIONS: &[(&str, &str)] = &[
    ("all", "list.all(|x| …): whether it is true of every value"),
    ("any", "list.any(|x| …): whether it is true of one value"),
    ("compact", "list.compact(): without what is blank"),
    ("contains", "text.contains(\"x\"), list.contains(x)"),
    ("capture", "text.capture(\"([0-9]+) cm\"): what the first group of a pattern found, or nothing"),
    ("ends_with", "text.ends_with(\"x\")"),
    ("filter", "list.filter(|x| …): the values of which it is true"),
    ("first", "list.first()"),
    ("is_blank", "is_blank(x): not given, a blank text, an empty list"),
    ("join", "list.join(\", \")"),
    ("last", "list.last()"),
    ("left", "text.left(60): its first characters"),
    ("len", "text.len() in characters, list.len()"),
    ("lower", "text.lower()"),
    ("map", "list.map(|x| …)"),
    ("matches", "text.matches(\"^[0-9]+$\"): whether a pattern is found in it"),
    ("max", "max(a, b)"),
    ("min", "min(a, b)"),
    ("number", "number(text), number(text, \",\") with the mark before decimals"),
    ("abs", "number.abs()"),
    ("replace", "text.replace(\"a\", \"b\"), everywhere"),
    ("replace_pattern", "text.replace_pattern(\"[ -]+\", \" \"), everywhere; $1 is the first group"),
    ("round", "number.round(2), half away from zero; round() to whole numbers"),
    ("round_down", "number.round_down(2), towards zero"),
    ("round_up", "number.round_up(2), away from zero"),
    ("slug", "text.slug(): small letters, - for everything that is neither letter nor digit"),
    ("split", "text.split(\",\"): a list, each trimmed, without blanks"),
    ("starts_with", "text.starts_with(\"x\")"),
    ("text", "text(x): a number or truth value as text"),
    ("trim", "text.trim()"),
    ("unique", "list.unique(): without repetitions"),
    ("upper", "text.upper()"),
    ("without_end", "text.without_end(\"kg\")"),
    ("without_start", "text.without_start(\"SKU-\")"),
];

/// Said when the budget is spent.
pub(crate) const OUT_OF_BUDGET: &str = "the expression takes more steps than a field may";

type Fallible<T> = Result<T, Box<EvalAltResult>>;

pub(crate) fn register(engine: &mut Engine) {
    operators::register(engine);
    texts::register(engine);
    numbers::register(engine);
    lists::register(engine);
}

/// Takes the steps for going through a text.
fn spend(text: &str) -> Fallible<()> {
    if budget::spend_bytes(text.len()) {
        Ok(())
    } else {
        Err(EvalAltResult::ErrorTerminated(OUT_OF_BUDGET.into(), Position::NONE).into())
    }
}

fn too_large(what: &str) -> Box<EvalAltResult> {
    EvalAltResult::ErrorDataTooLarge(what.to_owned(), Position::NONE).into()
}
