#![doc = include_str!("../README.md")]

pub mod codes;
pub mod core;
mod shell;

pub use crate::core::aside::Aside;
pub use crate::core::desired::{Classification, DesiredDoc, classify};
pub use crate::core::order::Registered;
pub use crate::core::run::{Counts, Run, RunClaim, RunId, RunStatus};
pub use crate::core::stage::{Applied, Claim, Leases, Owner, Stage};
pub use crate::core::state::{ProductState, RecordedError, StageState};
pub use crate::shell::{
    Call, DesiredOutcome, DynamoDb, Ledger, LedgerError, Memory, Scanned, StatesPage, Table, breaker,
};
