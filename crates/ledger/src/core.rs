//! The protocol without I/O: what is known and the time go in, a conditional write comes out.

pub mod aside;
pub mod blame;
mod body;
pub mod breaker;
pub mod deaths;
pub mod desired;
mod expression;
pub mod failures;
pub mod follow;
pub mod lift;
pub mod made;
pub mod missing;
pub mod order;
pub mod run;
pub mod shop;
pub mod stage;
pub mod state;
pub mod waiting;
pub mod watermark;

pub use body::BodyError;
pub use expression::{Change, Condition, Item, ItemKey, Operand, Value, Write};
