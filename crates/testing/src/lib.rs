#![doc = include_str!("../README.md")]
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

pub mod bus;
pub mod clock;
pub mod dynamodb;
pub mod record;
pub mod standin;
pub mod steps;
