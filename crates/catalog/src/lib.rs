#![doc = include_str!("../README.md")]

pub mod codes;
pub mod currency;
pub mod facts;
pub mod failure;
pub mod hash;
pub mod hide;
pub mod key;
pub mod languages;
pub mod line;
pub mod parts;
mod price_drop;
pub mod product;
pub mod version;

pub use facts::{Facts, Gtin};
pub use failure::{Choke, ErrorKind, Failure, Fate};
pub use hash::ContentHash;
pub use hide::Hide;
pub use key::{KeyError, ProductKey};
pub use languages::Languages;
pub use line::{IdKind, Identifier, Line};
pub use parts::{PartName, assemble};
pub use price_drop::price_drop;
pub use product::{
    Attribute, Category, CategoryPath, Localized, Price, Product, ProductOption, Variant, Warning, WarningCode,
};
pub use version::Version;
