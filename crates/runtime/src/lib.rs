#![doc = include_str!("../README.md")]

pub mod announce;
pub mod backoff;
pub mod batch;
pub mod message;
pub mod secrets;
pub mod settings;
pub mod time;

pub use announce::{Announcement, Announcer};
pub use batch::{Batch, Outcome, Queue};
pub use message::{Cause, ProductMessage};
pub use secrets::Secrets;
pub use time::{Clock, Deadline, SystemClock};
