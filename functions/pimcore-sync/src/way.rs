//! One walk over all products ([`ledger::core::walk`]): looks at some after the other, announces those
//! that have something to be done, and waits until they have arrived ([`crate::pace`]). What it looks
//! for is its [`Errand`].

use std::time::Duration;

use catalog::{Failure, ProductKey};
use ledger::core::state;
use ledger::core::walk::{Dealt, SEGMENTS, Segment};
use ledger::{Ledger, LedgerError, Table};
use runtime::{Announcement, Bus, Clock, Deadline};
use serde::Serialize;

use crate::pace::{Pace, UnderWay};

/// Not begun any more with less time than this left: a look at some products, and the wait until
/// those before them have arrived.
const LAST_LOOK: Duration = Duration::from_secs(25);
/// Products looked at together: documents in memory at once.
const AT_ONCE: usize = 50;

/// What a walk came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct WalkReport {
    pub looked: usize,
    /// Products that were announced.
    pub announced: usize,
    /// Whether there is nothing left to do.
    pub complete: bool,
}

impl WalkReport {
    /// There was nothing to do.
    pub(crate) const DONE: Self = Self { looked: 0, announced: 0, complete: true };
}

/// What a walk looks for.
pub(crate) trait Errand {
    /// The name of its segments.
    const NAME: &'static str;

    /// Those of these products that have something to be done. What this goes by is read when it is
    /// asked: at least as new as the goal.
    async fn concerned(&self, keys: &[ProductKey]) -> Result<Vec<ProductKey>, Failure>;

    /// Makes products pending, so that a lost announcement is made up for by the sweep.
    async fn mark(&self, keys: &[ProductKey], now: i64) -> Result<(), LedgerError>;

    fn announcement(&self, key: &ProductKey, goal: &str) -> Announcement;
}

/// A walk in one invocation.
#[derive(Debug)]
pub(crate) struct Way<'a, T, B, C> {
    pub(crate) ledger: &'a Ledger<T>,
    pub(crate) bus: &'a B,
    pub(crate) clock: &'a C,
    pub(crate) deadline: Deadline,
    /// At the beginning.
    pub(crate) pace: Pace,
}

impl<T: Table, B: Bus, C: Clock> Way<'_, T, B, C> {
    /// Goes on towards `goal`, at this tick, as long as there is time.
    pub(crate) async fn go_on<E: Errand>(
        &self,
        errand: &E,
        goal: &str,
        tick: Option<i64>,
    ) -> Result<WalkReport, Failure> {
        let mut report = WalkReport::default();
        let mut under_way = UnderWay::at(self.pace);
        for segment in 0..SEGMENTS {
            loop {
                let seen = self.ledger.walk_segment(E::NAME, segment).await.map_err(failed)?;
                let goal = seen.bound_for(goal, tick);
                if seen.has_arrived_at(&goal) {
                    break;
                }
                if !self.has_time() {
                    return Ok(report);
                }
                self.page(errand, (segment, seen), &goal, &mut under_way, &mut report).await?;
            }
        }
        report.complete = true;
        Ok(report)
    }

    fn has_time(&self) -> bool {
        self.deadline.remaining(self.clock.now_ms()) >= LAST_LOOK
    }

    /// Deals with some products after the other, and moves the segment behind them.
    async fn page<E: Errand>(
        &self,
        errand: &E,
        (segment, mut seen): (u32, Segment),
        goal: &str,
        under_way: &mut UnderWay,
        report: &mut WalkReport,
    ) -> Result<(), Failure> {
        let (products, next) = self.ledger.walk_products(segment, seen.position(goal)).await.map_err(failed)?;
        let mut left = products.as_slice();
        loop {
            let room = under_way.room(self.ledger).await.map_err(failed)?;
            let (some, rest) = left.split_at(left.len().min(AT_ONCE).min(room));
            left = rest;
            let concerned = errand.concerned(some).await?;
            self.announce(errand, &concerned, goal).await?;
            under_way.announced(&concerned);
            let to = if left.is_empty() { next.clone() } else { some.last().map(state::item_key) };
            let (dealt, now) = (Dealt { looked: some.len(), marked: concerned.len() }, self.clock.now_ms());
            let moved = self.ledger.walk_on((E::NAME, segment), &seen, goal, to.as_ref(), dealt, now).await;
            // Refused: somebody else goes there, too, and the next look tells how far.
            let Some(moved) = moved.map_err(failed)? else { return Ok(()) };
            seen = moved;
            report.looked += dealt.looked;
            report.announced += dealt.marked;
            if left.is_empty() || !self.has_time() {
                return Ok(());
            }
        }
    }

    async fn announce<E: Errand>(&self, errand: &E, keys: &[ProductKey], goal: &str) -> Result<(), Failure> {
        // Marked before they are announced.
        errand.mark(keys, self.clock.now_ms()).await.map_err(failed)?;
        let announcements: Vec<Announcement> = keys.iter().map(|key| errand.announcement(key, goal)).collect();
        for answer in self.bus.announce(&announcements).await {
            answer?;
        }
        Ok(())
    }
}

pub(crate) fn failed(error: LedgerError) -> Failure {
    error.failure()
}
