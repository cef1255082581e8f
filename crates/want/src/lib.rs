#![doc = include_str!("../README.md")]

pub mod category;
pub mod codes;
mod condition;
mod drift;
pub mod exact;
pub mod file;
pub mod flaw;
mod formula;
mod gate;
mod guard;
mod hold;
mod in_force;
pub mod price;
mod priced;
pub mod rates;
mod read;
mod rules;
mod text;
mod tick;
mod values;
mod view;
mod wanted;

pub use category::{SHOP, of_shop};
pub use drift::Drift;
pub use flaw::{Flaw, Place};
pub use in_force::{Bundle, InForce, KIND, NAME};
pub use rates::Rates;
pub use rules::Rules;
pub use wanted::{Held, Moment, Remark, Step, Wanted, Withheld, explain, want};
