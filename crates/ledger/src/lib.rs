#![doc = include_str!("../README.md")]

pub mod codes;
pub mod core;
mod shell;

pub use crate::core::aside::Aside;
pub use crate::core::desired::{Classification, DesiredDoc, classify};
pub use crate::core::lines::Declared;
pub use crate::core::parts::{Mark, Marks};
pub use crate::core::register::Registered;
pub use crate::core::run::{Counts, Run, RunClaim, RunId, RunStatus};
pub use crate::core::stage::{Applied, Claim, Leases, Owner, Stage};
pub use crate::core::state::{ProductState, RecordedError, StageState};
pub use crate::shell::{
    Bodies, DesiredOutcome, DynamoDb, Laid, Ledger, LedgerError, Member, PartOf, S3Bodies, Scanned, SmallDocs,
    StatesPage, Table, breaker,
};
#[cfg(feature = "memory")]
pub use crate::shell::{Call, Memory};
