//! How slow the stand-in pretends to be.
//!
//! A request costs a fixed time, every alias that writes and every row that is read costs time on
//! top, and requests that run at the same time slow one another down. [`Latency::measured`] is
//! fitted to what a real instance needed on two cores for a full product: creating 13.6/s one by
//! one, 21.6/s in tens, 28–34/s in tens and twenties over two connections; updating 20.8, 41.7 and
//! 73–78/s. With four connections, which were measured with a smaller class only, as much more or
//! less than with two as there: creating 7 % slower (54.8 → 50.9/s), updating 34 % faster (46.6 →
//! 62.6/s).

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Times in milliseconds, and how much further requests in progress add, in percent.
#[derive(Debug, Default)]
pub struct Latency {
    pub request: u64,
    /// Every alias that creates.
    pub create: u64,
    /// Every alias that updates or deletes.
    pub update: u64,
    /// Every row that is read, in microseconds.
    pub row_micros: u64,
    /// What further requests in progress add to a create.
    pub create_contention: Contention,
    /// What further requests in progress add to an update.
    pub update_contention: Contention,
    /// Requests in progress.
    active: AtomicU32,
}

/// What further requests in progress add, in percent; in between and beyond as on a line through
/// both.
#[derive(Clone, Copy, Debug, Default)]
pub struct Contention {
    /// One further request.
    pub one: u64,
    /// Three further requests.
    pub three: u64,
}

impl Contention {
    const fn of(self, others: u64) -> u64 {
        match others {
            0 => 0,
            1 => self.one,
            _ => self.one + (self.three - self.one) * (others - 1) / 2,
        }
    }
}

/// What is being paid for.
#[derive(Clone, Copy, Debug)]
pub enum Cost {
    /// The fixed part.
    Request,
    Create,
    /// An alias that updates or deletes.
    Update,
    Rows(usize),
}

impl Latency {
    /// So many milliseconds for a request, and on top for each alias that creates or updates.
    pub fn of(request: u64, create: u64, update: u64) -> Self {
        Self { request, create, update, ..Self::default() }
    }

    /// As slow as the real instance was.
    pub fn measured() -> Self {
        Self {
            request: 27,
            create: 43,
            update: 21,
            row_micros: 2_000,
            create_contention: Contention { one: 33, three: 189 },
            update_contention: Contention { one: 11, three: 69 },
            active: AtomicU32::new(0),
        }
    }

    /// Marks a request as in progress until the guard is dropped.
    pub fn begin(&self) -> InProgress<'_> {
        self.active.fetch_add(1, Ordering::SeqCst);
        InProgress(self)
    }

    /// How long the work is to take.
    fn duration(&self, work: Cost) -> Duration {
        let others = self.active.load(Ordering::SeqCst).saturating_sub(1);
        let slower = |micros: u64, contention: Contention| micros + micros * contention.of(others.into()) / 100;
        Duration::from_micros(match work {
            Cost::Request => self.request * 1_000,
            Cost::Create => slower(self.create * 1_000, self.create_contention),
            Cost::Update => slower(self.update * 1_000, self.update_contention),
            Cost::Rows(rows) => self.row_micros * u64::try_from(rows).unwrap_or(u64::MAX),
        })
    }

    /// Waits for what is left of the time that the work is to take, after it took `spent` in fact.
    /// Blocks the thread.
    pub fn pay(&self, work: Cost, spent: Duration) {
        let rest = self.duration(work).saturating_sub(spent);
        if !rest.is_zero() {
            std::thread::sleep(rest);
        }
    }
}

#[derive(Debug)]
pub struct InProgress<'a>(&'a Latency);

impl Drop for InProgress<'_> {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::SeqCst);
    }
}
