#![warn(missing_docs)]
#![doc = include_str!("../README.md")]

pub mod address;
pub mod api;
pub mod articles;
pub mod aside;
pub mod categories;
pub mod codes;
pub mod coin;
pub mod columns;
pub mod compare_at;
pub mod desired;
pub mod handle;
mod left;
pub mod own_sku;
pub mod plan;
pub mod push;
pub mod redirects;
pub mod references;
mod said;
pub mod stock;
#[cfg(test)]
mod testing;
pub mod text;

pub use address::{Addresses, HandleTemplate};
pub use api::{Amount, ApiError, Credentials, CredentialsError, Medusa, Refusal, SetupError};
pub use articles::Articles;
pub use aside::{Aside, Known};
pub use categories::{Categories, Category};
pub use compare_at::{CompareAt, PriceList, PriceLists};
pub use desired::{Article, Desired, Presence, Texts, Variant};
pub use plan::Note;
pub use push::{Again, Change, Depth, Look, Outcome, Pushed, Shop, SkuOwners};
pub use references::References;
pub use stock::{Book, Recall, Said, StockBooks, StockSettings, Told};
