//! Every test of this crate in one program: linked once, which takes longer than compiling them.
//! `tests/test_ci.py` sees to it that none is forgotten.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails where it unwraps")]

mod common;
#[path = "common/requests.rs"]
mod requests;

mod languages;
mod limits;
mod recordings;
mod schema;
mod shapes;
mod standin;
mod transport;
