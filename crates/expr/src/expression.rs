//! One expression.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use rhai::{AST, Dynamic, EvalAltResult, Position, Scope};

use crate::direct::{self, Direct};
use crate::engine::ENGINE;
use crate::names::{Name, double_quoted, names, nearest};
use crate::{Budget, EvalError, FUNCTIONS, Failed, Record, SyntaxError, Value, budget, functions};

/// Characters of an expression.
pub const MAX_CHARS: usize = 8_000;

#[derive(Clone)]
pub struct Expression {
    text: String,
    pub(crate) ast: AST,
    reads: Vec<String>,
    /// How it is evaluated without the engine, where all that stands in it is known to
    /// [`crate::direct`].
    pub(crate) direct: Option<Arc<Direct>>,
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.text).finish()
    }
}

impl Expression {
    /// Compiles a text that may read the fields `known`, by their names ([`crate::identifier`]).
    ///
    /// # Errors
    /// With the place of what is no expression, of a name that is not known, or of a function that
    /// there is not.
    pub fn compile<'k>(text: &str, known: impl IntoIterator<Item = &'k str>) -> Result<Self, SyntaxError> {
        if text.chars().count() > MAX_CHARS {
            let message = format!("the expression has more than {MAX_CHARS} characters");
            return Err(SyntaxError { message, line: 1, column: 1, hint: None });
        }
        let known: BTreeSet<&str> = known.into_iter().collect();
        let all = names(text);
        calls(&all)?;
        let mut reads: Vec<String> = Vec::new();
        for name in all.iter().filter(|name| !name.member && !name.called) {
            if known.contains(name.text) && !reads.iter().any(|read| read == name.text) {
                reads.push(name.text.to_owned());
            }
        }
        let mut scope = Scope::new();
        for name in &reads {
            scope.push_dynamic(name.as_str(), Dynamic::UNIT);
        }
        let ast = ENGINE.compile_with_scope(&scope, &*double_quoted(text)).map_err(|error| {
            let (line, column) = place(error.position(), text);
            let said = error.err_type().to_string();
            let unknown =
                said.strip_prefix("Undefined variable: ").or_else(|| said.strip_prefix("Variable not found: "));
            match unknown {
                Some(name) => {
                    let name = name.trim();
                    let hint = nearest(name, known.iter().copied()).map(str::to_owned);
                    SyntaxError { message: format!("there is no field {name:?}"), line, column, hint }
                }
                None => SyntaxError { message: in_words(&said), line, column, hint: None },
            }
        })?;
        let direct = direct::read(text, &reads, &ast).map(Arc::new);
        Ok(Self { text: text.to_owned(), ast, reads, direct })
    }

    /// The text it was compiled from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    #[must_use]
    pub fn reads(&self) -> &[String] {
        &self.reads
    }

    /// Evaluates the expression. The same record always gives the same value.
    ///
    /// # Errors
    /// When it gives none, or takes more steps than the budget.
    pub fn eval(&self, record: &(impl Record + ?Sized), budget: Budget) -> Result<Value, EvalError> {
        self.eval_counted(record, budget).0
    }

    /// The same, and how many steps it took.
    pub fn eval_counted(&self, record: &(impl Record + ?Sized), budget: Budget) -> (Result<Value, EvalError>, u64) {
        let fields: Vec<Cow<'_, Value>> = self.reads.iter().map(|name| record.held(name)).collect();
        if let Some(direct) = &self.direct
            && fields.iter().all(|field| direct::fits(field))
        {
            let before = budget::begin(budget);
            let value = direct::evaluated(direct, &fields);
            let left = budget::left();
            budget::end(before);
            // The engine says why it gives nothing.
            if let Some(value) = value {
                return (Ok(value), budget.0 - left);
            }
        }
        self.by_engine(fields, budget)
    }

    pub(crate) fn by_engine(&self, fields: Vec<Cow<'_, Value>>, budget: Budget) -> (Result<Value, EvalError>, u64) {
        let mut scope = Scope::new();
        for (name, field) in self.reads.iter().zip(fields) {
            scope.push_constant_dynamic(name.as_str(), field.into_owned().into_dynamic());
        }
        let before = budget::begin(budget);
        let result = ENGINE.eval_ast_with_scope::<Dynamic>(&mut scope, &self.ast);
        let spent = budget.0 - budget::left().min(budget.0);
        budget::end(before);
        let value = result.map_err(|error| failed(&error)).and_then(|value| {
            Value::of(value).map_err(|kind| EvalError {
                failed: Failed::Type,
                message: format!("the expression gives {kind}, no value"),
                line: 0,
                column: 0,
            })
        });
        (value, spent)
    }
}

/// Refuses calls of what is no function.
fn calls(names: &[Name<'_>]) -> Result<(), SyntaxError> {
    let own = |name: &Name<'_>| matches!(name.text, "if" | "switch" | "return" | "in");
    let Some(name) = names.iter().find(|name| name.called && !own(name) && !FUNCTIONS.iter().any(|f| f.0 == name.text))
    else {
        return Ok(());
    };
    let hint = nearest(name.text, FUNCTIONS.iter().map(|function| function.0)).map(str::to_owned);
    Err(SyntaxError {
        message: format!("there is no function {:?}", name.text),
        line: name.line,
        column: name.column,
        hint,
    })
}

/// Line and column, both from 1; those of the end where the language names none.
fn place(at: Position, text: &str) -> (usize, usize) {
    match (at.line(), at.position()) {
        (Some(line), column) => (line, column.unwrap_or(1).max(1)),
        (None, _) => {
            let last = text.lines().last().unwrap_or_default();
            (text.lines().count().max(1), last.chars().count().max(1))
        }
    }
}

fn in_words(said: &str) -> String {
    let said = match said {
        "Script is incomplete" => "the expression is not finished",
        other => other,
    };
    said.replace("script", "expression")
}

fn failed(error: &EvalAltResult) -> EvalError {
    let (line, column) = (error.position().line().unwrap_or(0), error.position().position().unwrap_or(0));
    let inner = innermost(error);
    let (failed, message) = match inner {
        EvalAltResult::ErrorTerminated(..) | EvalAltResult::ErrorTooManyOperations(_) => {
            (Failed::OutOfBudget, functions::OUT_OF_BUDGET.to_owned())
        }
        EvalAltResult::ErrorDataTooLarge(what, _) => (Failed::TooLarge, format!("{what} becomes too large")),
        EvalAltResult::ErrorStackOverflow(_) => {
            (Failed::OutOfBudget, "functions within functions, too deep".to_owned())
        }
        EvalAltResult::ErrorFunctionNotFound(signature, _) => (Failed::Type, cannot(signature)),
        EvalAltResult::ErrorMismatchDataType(expected, found, _) => {
            (Failed::Type, format!("{} is needed here, and here is {}", kind(expected), kind(found)))
        }
        EvalAltResult::ErrorRuntime(message, _) => (Failed::Type, message.to_string()),
        other => {
            let said = other.to_string();
            let said = said.rsplit_once(" (line ").map_or(&*said, |(said, _)| said).to_owned();
            (Failed::Value, said)
        }
    };
    EvalError { failed, message, line, column }
}

fn innermost(error: &EvalAltResult) -> &EvalAltResult {
    match error {
        EvalAltResult::ErrorInFunctionCall(_, _, inner, _) => innermost(inner),
        other => other,
    }
}

/// What `lower (array)` means: `lower` cannot be done with a list.
fn cannot(signature: &str) -> String {
    let (name, types) = signature.split_once(" (").unwrap_or((signature, ""));
    let types: Vec<&str> = types.trim_end_matches(')').split(", ").filter(|one| !one.is_empty()).map(kind).collect();
    match &types[..] {
        [] => format!("{name:?} needs a value"),
        types => format!("{name:?} cannot be done with {}", types.join(" and ")),
    }
}

fn kind(rhai: &str) -> &str {
    match rhai.trim() {
        "()" => "nothing (the field is not given)",
        "i64" | "decimal" => "a number",
        "string" | "&str | ImmutableString | String" | "char" => "a text",
        "array" => "a list",
        "map" => "an object",
        "bool" => "true or false",
        other => other,
    }
}
