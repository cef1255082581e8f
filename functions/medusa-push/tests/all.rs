//! Every test of this crate in one program: linked once, which takes longer than compiling them.
//! `tests/test_ci.py` sees to it that none is forgotten.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails where it unwraps")]

mod common;
#[path = "../../../crates/feeds/tests/common/mod.rs"]
mod records;

mod addresses;
mod articles;
mod before;
mod breaker;
mod chokes;
mod each_fact;
mod lane;
mod languages;
mod shop;
mod trade;
