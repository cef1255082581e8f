#![doc = include_str!("../README.md")]

pub mod answer;
mod categories;
mod client;
pub mod codes;
mod digest;
mod external;
mod facts;
pub mod input;
mod languages;
pub mod limits;
mod offers;
pub mod operations;
pub mod path;
pub mod plan;
pub mod product;
mod said;
pub mod stamp;
pub mod tree;
mod write;

pub use answer::Saved;
pub use categories::{Placed, TREE_AGE};
pub use client::{ApiKey, Batching, Census, Change, Cursor, Head, Health, Pimcore};
pub use input::{ProductInput, Provenance};
pub use languages::FieldLanguages;
pub use path::{CategoryPath, ObjectKey, ProductPath};
pub use plan::Claim;
pub use product::{PimAttribute, PimCategory, PimImage, PimPrice, PimProduct, PimVariant, ShopVisibility};
pub use tree::{CategoryTree, FRESH, TreeNode};
pub use write::{Write, WriteOutcome};
