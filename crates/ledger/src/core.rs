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
pub mod drafts;
mod expression;
pub mod gone;
pub mod held;
pub mod last_file;
pub mod lines;
pub mod made;
pub mod missing;
pub mod ours;
mod packed;
pub mod part_file;
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
