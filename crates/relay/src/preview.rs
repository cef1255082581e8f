//! What a feed, or rules, would do: counted, product by product, and nothing written. Pure but for
//! what it is given.

pub mod changes;
pub mod html;
pub mod parts;
pub mod prices;
pub mod report;
mod tally;

pub use report::PreviewReport;
pub use tally::Tally;
