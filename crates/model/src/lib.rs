#![doc = include_str!("../README.md")]

pub mod catalog_of_mutations;
pub mod mutation;
pub mod pipeline;
mod table;

pub use mutation::Mutation;
