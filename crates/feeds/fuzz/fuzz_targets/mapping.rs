#![no_main]

#[path = "../../../sources/tests/checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::mapping(bytes));
