//! Every test of this crate in one program: linked once, which takes longer than compiling them.
//! `tests/test_ci.py` sees to it that none is forgotten.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails where it unwraps")]

mod common;
#[path = "../../../crates/feeds/tests/common/mod.rs"]
mod records;

mod configured;
mod damaged;
mod declared;
mod dropped;
mod ends;
mod largest;
mod mapped;
mod parts;
mod rules;
mod runs;
mod takeover;
