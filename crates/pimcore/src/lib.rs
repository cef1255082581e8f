#![doc = include_str!("../README.md")]

pub mod path;
pub mod product;
pub mod tree;

pub use path::{CategoryPath, ObjectKey, ProductPath};
pub use product::{PimAttribute, PimCategory, PimImage, PimPrice, PimProduct, PimVariant, ShopVisibility};
pub use tree::{CategoryTree, TreeNode};
