//! medusa-push: makes the shop show what the PIM publishes.
//!
//! A message names a product and carries nothing else. Whatever it once meant, the product is read
//! from the PIM as it is now, mapped to what the shop should have ([`map`]), and the shop is made
//! equal to that ([`medusa::Shop::push`]). So a message can come twice, late or out of order, and
//! people's edits in the PIM reach the shop the same way feeds do.

pub mod activation;
pub mod article;
pub mod codes;
mod gathering;
mod grouped;
pub mod handler;
mod lane;
pub mod map;
pub mod metrics;
mod orders;
mod pim_view;
pub mod push;
pub mod setting;
mod standing;
mod stock;
pub mod trade;
