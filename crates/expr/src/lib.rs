#![doc = include_str!("../README.md")]

mod budget;
mod direct;
mod engine;
mod error;
mod expression;
mod functions;
mod names;
mod value;

pub use budget::Budget;
pub use error::{EvalError, Failed, SyntaxError};
pub use expression::{Expression, MAX_CHARS};
pub use functions::FUNCTIONS;
pub use names::{identifier, names_in, nearest};
pub use value::{Record, Value};
