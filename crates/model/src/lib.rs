#![doc = include_str!("../README.md")]

pub mod addresses;
pub mod articles;
pub mod bodies;
pub mod configurations;
pub mod held;
pub mod lane;
pub mod last_file;
pub mod lines;
pub mod mutation;
pub mod parts;
pub mod pipeline;
pub mod rules;
pub mod runs;
mod table;
mod verdict;
pub mod wanted;

pub use mutation::Mutation;
pub use verdict::{Verdict, check};
