//! The clock and the deadline.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Tells the time in milliseconds since 1970.
pub trait Clock: Send + Sync {
    fn now_ms(&self) -> i64;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
    }
}

/// When the invocation ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    at_ms: i64,
}

impl Deadline {
    /// Kept back from every request, so that the function can still record what happened.
    pub const RESERVE: Duration = Duration::from_secs(3);

    /// The deadline that Lambda set for an invocation.
    #[must_use]
    pub fn of(context: &lambda_runtime::Context) -> Self {
        Self { at_ms: i64::try_from(context.deadline).unwrap_or(i64::MAX) }
    }

    /// A deadline at a time (ms).
    #[must_use]
    pub const fn at(at_ms: i64) -> Self {
        Self { at_ms }
    }

    /// When it is, in ms.
    #[must_use]
    pub const fn at_ms(self) -> i64 {
        self.at_ms
    }

    /// What is left at `now` (ms), less [`Self::RESERVE`]; zero when nothing is.
    #[must_use]
    pub fn remaining(self, now: i64) -> Duration {
        let left = self.at_ms.saturating_sub(now);
        Duration::from_millis(u64::try_from(left).unwrap_or(0)).saturating_sub(Self::RESERVE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_once_only_the_reserve_is() {
        let deadline = Deadline::at(10_000);
        assert_eq!(deadline.remaining(0), Duration::from_secs(7));
        assert_eq!(deadline.remaining(7_500), Duration::ZERO);
        assert_eq!(deadline.remaining(20_000), Duration::ZERO);
    }
}
