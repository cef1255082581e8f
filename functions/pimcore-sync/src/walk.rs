//! Other rules are in force: every product that they make something else of is announced, in the background ([`ledger::core::walk`]).

use std::collections::HashMap;
use std::time::Duration;

use catalog::{ContentHash, Failure, Product, ProductKey};
use ledger::core::held::Past;
use ledger::core::walk::{self, Dealt, SEGMENTS, Segment};
use ledger::core::{state, wanted};
use ledger::{DesiredDoc, Ledger, LedgerError, SmallDocs, Stage, Table};
use runtime::{Announcement, Bus, Cause, Clock, Deadline, ProductMessage};
use serde::Serialize;
use want::{InForce, KIND, NAME};

use crate::pace::{Pace, UnderWay};
use crate::rules::{Before, Rules, Wish, before};

/// Not begun any more with less time than this left: a look at some products, and the wait until
/// those before them have arrived.
const LAST_LOOK: Duration = Duration::from_secs(25);
/// A product that was written before the rules came shows in a scan by then.
const SETTLES_MS: i64 = 10_000;
/// Documents in memory at once.
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

/// A walk in one invocation.
#[derive(Debug)]
pub struct Walk<'a, T, B, C> {
    pub ledger: &'a Ledger<T>,
    pub rules: &'a Rules,
    pub bus: &'a B,
    pub clock: &'a C,
    pub deadline: Deadline,
    /// At the beginning.
    pub pace: Pace,
}

impl<T: Table, B: Bus, C: Clock> Walk<'_, T, B, C> {
    /// Goes on with the walk that the rules in force ask for, as long as there is time.
    ///
    /// # Errors
    /// Transient; what was announced until then counts.
    pub async fn go_on(&self) -> Result<WalkReport, Failure> {
        let mut report = WalkReport::default();
        let head = self.ledger.config_head(KIND, NAME).await.map_err(failed)?;
        let (Some(goal), Some(since)) = (walk::goal(&head), head.since) else {
            return Ok(WalkReport { complete: true, ..report });
        };
        if self.clock.now_ms() < since + SETTLES_MS {
            return Ok(report);
        }
        let tick = self.rules.in_force(self.ledger).await?.rules.ticks(self.clock.now_ms());
        let mut under_way = UnderWay::at(self.pace);
        for segment in 0..SEGMENTS {
            loop {
                let seen = self.ledger.walk_segment(NAME, segment).await.map_err(failed)?;
                let goal = seen.bound_for(&goal, tick);
                if seen.has_arrived_at(&goal) {
                    break;
                }
                if !self.has_time() {
                    return Ok(report);
                }
                self.page(segment, seen, &goal, &mut under_way, &mut report).await?;
            }
        }
        report.complete = true;
        Ok(report)
    }

    fn has_time(&self) -> bool {
        self.deadline.remaining(self.clock.now_ms()) >= LAST_LOOK
    }

    /// Deals with some products after the other, and moves the segment behind them.
    async fn page(
        &self,
        segment: u32,
        mut seen: Segment,
        goal: &str,
        under_way: &mut UnderWay,
        report: &mut WalkReport,
    ) -> Result<(), Failure> {
        // After the goal was read: at least as new.
        let rules = self.rules.in_force(self.ledger).await?;
        let (products, next) = self.ledger.walk_products(segment, seen.position(goal)).await.map_err(failed)?;
        let mut left = products.as_slice();
        loop {
            let room = under_way.room(self.ledger).await.map_err(failed)?;
            let (some, rest) = left.split_at(left.len().min(AT_ONCE).min(room));
            left = rest;
            let concerned = self.concerned(some, &rules).await?;
            self.announce(&concerned, goal).await?;
            under_way.announced(&concerned);
            let to = if left.is_empty() { next.clone() } else { some.last().map(state::item_key) };
            let (dealt, now) = (Dealt { looked: some.len(), marked: concerned.len() }, self.clock.now_ms());
            let moved = self.ledger.walk_on((NAME, segment), &seen, goal, to.as_ref(), dealt, now).await;
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

    async fn announce(&self, keys: &[ProductKey], goal: &str) -> Result<(), Failure> {
        // Put in doubt before they are announced: a lost announcement leaves them pending.
        for key in keys {
            self.ledger.doubt(Stage::Pimcore, key, self.clock.now_ms()).await.map_err(failed)?;
        }
        let message = |key: &ProductKey| {
            let correlation_id = format!("rules-{goal}");
            Announcement::product_changed(&ProductMessage { key: key.clone(), correlation_id, cause: Cause::Sweep })
        };
        let announcements: Vec<Announcement> = keys.iter().map(message).collect();
        for answer in self.bus.announce(&announcements).await {
            answer?;
        }
        Ok(())
    }

    /// Those that these rules make something else of than the PIM was made to hold.
    async fn concerned(&self, keys: &[ProductKey], rules: &InForce) -> Result<Vec<ProductKey>, Failure> {
        // First the states: what is written between the two is newer than these rules.
        let states = self.ledger.read_states(keys).await.map_err(failed)?;
        let mut looked = self.looked(keys, rules).await?;
        let mut concerned = Vec::new();
        for key in keys {
            let (Some(state), Some(looked)) =
                (states.get(key), looked.remove(key).unwrap_or_else(|| Some(Looked::default())))
            else {
                continue;
            };
            if wanted::concerns(state, looked.digest.as_deref()) {
                concerned.push(key.clone());
            } else if let (Some(base), true) =
                (&looked.base, wanted::shows(state, &looked.hash, looked.digest.as_deref()))
            {
                // What is there before anybody looks back. Refused: somebody brings it.
                let at = (rules.epoch, self.clock.now_ms());
                let _ = self.ledger.remember(key, &looked.past, Some(base), None, at).await.map_err(failed)?;
            }
        }
        Ok(concerned)
    }

    /// What these rules make of products, by default what the source said; nothing of a document that cannot be read: whoever brings it tells.
    async fn looked(
        &self,
        keys: &[ProductKey],
        rules: &InForce,
    ) -> Result<HashMap<ProductKey, Option<Looked>>, Failure> {
        if rules.rules.is_empty() {
            // What is wanted is what the source says: no document has to be looked at.
            return Ok(HashMap::new());
        }
        let now = self.clock.now_ms();
        let look = |doc: DesiredDoc, before: Option<Result<Before, LedgerError>>| {
            let before = before.transpose().ok()?.unwrap_or_default();
            let wish = Wish::of(rules, &doc, &before, now)?;
            let Before { past, .. } = before;
            let base = wish.base.filter(|_| past.base.is_none() && wish.held.is_none());
            Some(Looked { hash: Some(doc.hash), digest: wish.digest, base, past })
        };
        let SmallDocs { docs, large, .. } = self.ledger.read_small_docs(keys).await.map_err(failed)?;
        let runs = |(key, doc): (&ProductKey, &Result<DesiredDoc, LedgerError>)| {
            Some((key.clone(), doc.as_ref().ok()?.run.clone()))
        };
        let runs: Vec<(ProductKey, String)> = docs.iter().filter_map(runs).collect();
        let runs: Vec<(ProductKey, &str)> = runs.iter().map(|(key, run)| (key.clone(), run.as_str())).collect();
        let mut befores = before(self.ledger, rules, &runs).await.map_err(failed)?;
        let mut looked = HashMap::new();
        for (key, doc) in docs {
            let of = doc.ok().and_then(|doc| look(doc, befores.remove(&key)));
            looked.insert(key, of);
        }
        // One at a time: each takes megabytes.
        for key in large {
            let Some(doc) = self.ledger.read_large_doc(&key).await.transpose() else { continue };
            let of = match doc {
                Ok(doc) => {
                    let run = [(key.clone(), doc.run.as_str())];
                    let before = before(self.ledger, rules, &run).await.map_err(failed)?.remove(&key);
                    look(doc, before)
                }
                Err(_) => None,
            };
            looked.insert(key, of);
        }
        Ok(looked)
    }
}

/// What rules make of a product.
#[derive(Default)]
struct Looked {
    hash: Option<ContentHash>,
    digest: Option<String>,
    /// What is to be noted as let through, if nothing is.
    base: Option<Box<Product>>,
    past: Past,
}

fn failed(error: LedgerError) -> Failure {
    error.failure()
}
