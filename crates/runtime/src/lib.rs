#![doc = include_str!("../README.md")]

pub mod announce;
pub mod backoff;
pub mod batch;
pub mod codes;
pub mod function;
pub mod limit;
pub mod message;
pub mod metrics;
pub mod secrets;
pub mod send;
pub mod settings;
pub mod time;
pub mod trace;

pub use announce::{Announcement, Announcer, Bus};
pub use batch::{Batch, Outcome, Queue};
pub use function::{Function, Invocation, serve};
pub use message::{Act, Cause, Notice, ProductMessage};
pub use metrics::{Metric, Metrics};
pub use secrets::Secrets;
pub use send::Sender;
pub use time::{Clock, Deadline, SystemClock};
pub use trace::TraceHeader;
