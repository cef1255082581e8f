#![doc = include_str!("../README.md")]

pub mod adapter;
mod checkpoint;
pub mod decode;
mod fast;
mod feed;
pub mod integrity;
pub mod lenient;
mod limits;
pub mod money;
pub mod quality;
mod reason;
pub mod split;

pub use checkpoint::Checkpoint;
pub use feed::{Feed, Mapped, Outcome, Progress};
pub use limits::Limits;
pub use reason::{Broken, Defect, Reason, Rejection};
