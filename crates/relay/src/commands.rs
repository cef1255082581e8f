//! One module for each command: it asks, a pure function puts the answer into words.

pub mod diff;
pub mod dlq;
pub mod explain;
pub mod rejected;
pub mod replay;
pub mod runs;
pub mod status;
pub mod trace;
pub mod withdraw;
