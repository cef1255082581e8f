#![doc = include_str!("../README.md")]

mod feed;
mod groups;
mod json;
mod keys;
mod map;
mod mapping;
mod problem;
mod record;
mod rows;
mod schema;
pub mod shipped;
mod xml;
mod yaml;

pub use feed::Feed;
pub use mapping::Mapping;
pub use problem::{At, Problem};
pub use schema::schema;
