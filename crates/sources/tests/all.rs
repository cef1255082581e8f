//! Every test of this crate in one program: linked once, which takes longer than compiling them.
//! `tests/test_ci.py` sees to it that none is forgotten.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails where it unwraps")]

mod checks;
mod common;
#[path = "common/workbook.rs"]
mod workbook;

mod drafts;
mod findings;
mod mappings;
mod parts;
mod reading;
mod said_facts;
mod shein_brightdata;
mod shipped;
mod xlsx;
