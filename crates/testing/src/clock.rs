//! The machine's clock, moved forward at will.

use std::sync::atomic::{AtomicI64, Ordering};

use runtime::{Clock, SystemClock};

/// So many milliseconds ahead.
#[derive(Default)]
pub struct Ahead(pub AtomicI64);

impl Clock for Ahead {
    fn now_ms(&self) -> i64 {
        SystemClock.now_ms() + self.0.load(Ordering::Relaxed)
    }
}
