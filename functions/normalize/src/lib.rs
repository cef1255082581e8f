//! normalize: a supplier's feed becomes desired state in the ledger.
//!
//! One queue message stands for one object in the feed bucket, and one object for one run
//! ([`run`]):
//!
//! 1. claim the run: two deliveries of one notification never read at the same time, and one that
//!    has ended is not read again;
//! 2. stream the object ([`object`]), a few range reads ahead, through [`feeds::Feed`];
//! 3. compare a window of products with the ledger, write what changed, announce it ([`window`]);
//!    lines of a declared part likewise ([`lines`]), but for those that say what its last file
//!    said ([`index`]);
//! 4. write rejections and the manifest ([`report`]), then commit the position with the counts up
//!    to it;
//! 5. before the invocation's time runs out, give the run up and send the message to the queue
//!    again.
//!
//! A file under `config/` is no feed: it is checked and put into force ([`config`]).
//!
//! Whatever fails in between, the next attempt starts at the last commit. What it does again is
//! harmless, and counted once.

pub mod aws;
pub mod codes;
pub mod config;
pub mod handler;
pub mod index;
pub mod lines;
pub mod message;
pub mod metrics;
mod names;
pub mod object;
pub mod ports;
pub mod report;
pub mod run;
pub mod source;
pub mod window;
