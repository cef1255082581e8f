//! What of a source belongs where in the shop.

mod map;
mod pattern;
mod tree;

pub use map::{Map, Target};
pub use pattern::{Levels, Pattern};
pub use tree::{SHOP, Tree, Unfit, Unknown, of_shop, shown};
