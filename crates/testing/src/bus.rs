//! A bus that remembers.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use catalog::Failure;
use runtime::{Announcement, Bus};

/// Takes everything, and remembers it.
#[derive(Default)]
pub struct Heard {
    announcements: Mutex<Vec<Announcement>>,
    latency_ms: AtomicU64,
}

impl Heard {
    /// Every call takes so long from now on.
    pub fn slow_down(&self, latency: Duration) {
        self.latency_ms.store(u64::try_from(latency.as_millis()).unwrap(), Ordering::Relaxed);
    }

    /// What was announced since the last call.
    pub fn take(&self) -> Vec<Announcement> {
        std::mem::take(&mut self.announcements.lock().unwrap())
    }
}

impl Bus for Heard {
    async fn announce(&self, announcements: &[Announcement]) -> Vec<Result<(), Failure>> {
        let latency = self.latency_ms.load(Ordering::Relaxed);
        if latency > 0 {
            tokio::time::sleep(Duration::from_millis(latency)).await;
        }
        self.announcements.lock().unwrap().extend_from_slice(announcements);
        vec![Ok(()); announcements.len()]
    }
}
