//! Every test of this crate in one program.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod full_feeds;
mod merge;
mod partial_feeds;
mod world;
