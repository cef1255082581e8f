#![doc = include_str!("../README.md")]

pub mod codes;
pub mod letter;
pub mod overdue;
pub mod parked;
pub mod policy;
pub mod report;
pub mod request;
pub mod view;

pub use letter::{DeadLetter, Reason, Subject};
pub use parked::Parked;
pub use policy::{Decision, Facts, Known, Limits, decide};
pub use report::{Handled, QueueReport, RedriveReport, SweepReport};
pub use request::{Filter, QueueName, RedriveAction, RedriveRequest};
