#![doc = include_str!("../README.md")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a test fails where it unwraps, and says what it does in its name"
)]

pub mod bus;
pub mod clock;
pub mod dynamodb;
pub mod standin;
