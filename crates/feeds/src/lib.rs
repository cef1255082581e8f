#![doc = include_str!("../README.md")]

pub mod adapter;
mod address;
pub mod charset;
mod checkpoint;
pub mod decode;
mod facts;
mod fast;
mod feed;
pub mod helpers;
mod ids;
pub mod integrity;
pub mod lenient;
mod limits;
pub mod money;
mod numbers;
pub mod quality;
mod reason;
mod remarks;
pub mod split;
mod text;

pub use checkpoint::Checkpoint;
pub use feed::{Feed, Mapped, MappedLine, Outcome, Progress, Reader, behind, says_json_lines};
pub use ids::Ids;
pub use limits::Limits;
pub use numbers::Numbers;
pub use reason::{Broken, Defect, Reason, Rejection};
