//! From what the source asks to what the shop asks.

mod figure;
mod round;
mod step;

pub use figure::{Figure, InCoins};
pub use round::{Grid, Unfit};
pub use step::{Overflow, apply, described};
