//! The protocol without I/O: what is known and the time go in, a conditional write comes out.

pub mod address;
pub mod article;
pub mod aside;
pub mod blame;
pub mod breaker;
pub mod brought;
pub mod config;
pub mod deaths;
pub mod desired;
mod expression;
pub mod gone;
pub mod held;
pub mod lines;
pub mod made;
pub mod missing;
mod packed;
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
pub mod walk;
pub mod wanted;
pub mod watermark;

pub use expression::{Change, Condition, Item, ItemKey, Operand, Value, Write};
pub use packed::{BodyError, MAX_JSON_BYTES};
