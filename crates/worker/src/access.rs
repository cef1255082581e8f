//! Both targets, each opened with its secret once and again when that changes.

pub mod medusa;
pub mod pimcore;
