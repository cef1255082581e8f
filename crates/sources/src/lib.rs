#![doc = include_str!("../README.md")]

mod bundle;
mod draft;
mod feed;
mod groups;
mod json;
mod keys;
mod map;
mod mapping;
mod plain;
mod problem;
mod record;
mod rows;
mod salvage;
mod schema;
pub mod shipped;
mod spread;
mod table;
pub mod trial;
mod xlsx;
mod xml;
mod yaml;

pub use bundle::Bundle;
pub use draft::draft;
pub use feed::feed;
pub use mapping::Mapping;
pub use problem::{At, Problem};
pub use schema::schema;
