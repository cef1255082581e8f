//! pimcore-sync: brings the desired state of products to Pimcore, and follows what people change there.
//!
//! Three activations, one principle each:
//! - a **batch of keys** ([`sync`]): whatever the messages once meant, Pimcore is made to hold the newest document that the ledger has;
//! - the **change feed** ([`changes`]): every minute, what people saved since the last time is announced to the shop;
//! - the **inventory** ([`inventory`]): once a day, all of Pimcore is compared with what it held the last time, because deletes
//!   leave no trace in the change feed.
//!
//! None of them takes any other input than the state of ledger and Pimcore, so each can be repeated at any time.

pub mod access;
pub mod changes;
pub mod decide;
pub mod inventory;
pub mod ports;
pub mod sync;
