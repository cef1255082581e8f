#![doc = include_str!("../README.md")]

pub mod activation;
pub mod articles;
pub mod aside;
pub mod categories;
pub mod census;
pub mod changes;
pub mod codes;
pub mod decide;
mod drafts;
pub mod due;
mod gone;
pub mod handler;
pub mod inventory;
mod lane;
pub mod noticed;
pub mod pace;
pub mod sync;
pub mod walk;
mod way;
