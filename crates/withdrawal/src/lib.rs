#![doc = include_str!("../README.md")]

mod brought;
pub mod codes;
pub mod contents;
mod handle;
pub mod manifest;
pub mod merge;
pub mod run;
pub mod s3;

pub use manifest::{Index, Manifests};
pub use run::{Baseline, Outcome, Store, WithdrawRequest, Withdrawal, WithdrawalReport};
