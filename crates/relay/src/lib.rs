#![doc = include_str!("../README.md")]

pub mod answer;
pub mod cli;
pub mod commands;
pub mod error;
pub mod facets;
pub mod local;
pub mod preview;
pub mod remedy;
pub mod render;
pub mod set_aside;
pub mod shown;
pub mod stack;
