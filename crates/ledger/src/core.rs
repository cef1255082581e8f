//! The protocol without I/O: what is known and the time go in, a conditional write comes out.

pub mod aside;
pub mod blame;
mod body;
pub mod breaker;
pub mod deaths;
pub mod desired;
mod expression;
pub mod made;
pub mod missing;
pub mod parts;
pub mod register;
pub mod run;
pub mod saves;
pub mod shop;
pub mod spill;
pub mod stage;
pub mod standing;
pub mod state;
pub mod unanswered;
pub mod waiting;
pub mod watermark;

pub use body::{BodyError, MAX_JSON_BYTES};
pub use expression::{Change, Condition, Item, ItemKey, Operand, Value, Write};
