//! Every test of this crate in one program: linked once, which takes longer than compiling them.
//! `tests/test_ci.py` sees to it that none is forgotten.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails where it unwraps")]

mod common;

mod articles;
mod before;
mod breaker;
mod chokes;
mod comparison;
mod deleted;
mod drafts;
mod due;
mod follow;
mod inputs;
mod lane;
mod large;
mod noticed;
mod retry_after;
mod rules;
mod sync;
mod texts;
