//! Every test of this crate in one program: linked once, which takes longer than compiling them.
//! `tests/test_ci.py` sees to it that none is forgotten.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails where it unwraps")]

#[path = "support/proxy.rs"]
mod proxy;
mod support;

mod categories;
mod compare_at;
mod first_push;
mod lifecycle;
mod orders;
mod own_skus;
mod people;
mod purchasable;
mod races;
mod reads;
mod references;
mod refusals;
mod requests;
mod retired;
mod shared;
mod stock;
mod trade;
mod transport;
mod traps;
