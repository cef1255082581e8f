#![doc = include_str!("../README.md")]

mod activation;
mod bodies;
pub mod breakers;
pub mod codes;
mod drain;
mod handler;
mod health;
mod mapping;
pub mod metrics;
mod parked;
mod queue;
mod redriver;
mod remove;
mod settings;
mod sweep;
mod tidy;
mod unpark;

pub use activation::Activation;
pub use handler::DlqRedrive;
pub use health::{Health, Probe};
pub use mapping::{Deployed, Mappings};
pub use redriver::{Redriver, RedriverParts};
pub use settings::{QueueUrls, Settings};

/// Why a request could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum RedriveError {
    /// The request itself is wrong.
    #[error("{0}")]
    Request(String),
    /// An AWS service did not answer as it should, after the SDK's own retries.
    #[error("{service} {operation} on {resource}: {message}")]
    Aws { service: &'static str, operation: &'static str, resource: String, message: String },
    /// The ledger did not answer.
    #[error(transparent)]
    Ledger(#[from] ledger::LedgerError),
    /// Nothing of what was asked could be done.
    #[error("nothing could be done: {0}")]
    Nothing(String),
}
