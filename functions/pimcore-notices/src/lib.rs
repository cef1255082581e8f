#![doc = include_str!("../README.md")]

pub mod handler;
pub mod notice;
pub mod request;
pub mod signature;
