//! Other rules are in force: every product that they make something else of is announced, in the background ([`ledger::core::walk`]).

use std::collections::HashMap;

use catalog::{ContentHash, Failure, Product, ProductKey};
use ledger::core::held::Past;
use ledger::core::{walk, wanted};
use ledger::{DesiredDoc, Ledger, LedgerError, SmallDocs, Stage, Table};
use runtime::{Announcement, Bus, Cause, Clock, Deadline, ProductMessage};
use want::{InForce, KIND, NAME};
use worker::rules::{Before, Rules, Wish, before};

use crate::pace::Pace;
pub use crate::way::WalkReport;
use crate::way::{Errand, Way, failed};

/// A product that was written before the rules came shows in a scan by then.
const SETTLES_MS: i64 = 10_000;

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
        let head = self.ledger.config_head(KIND, NAME).await.map_err(failed)?;
        let (Some(goal), Some(since)) = (walk::goal(&head), head.since) else { return Ok(WalkReport::DONE) };
        if self.clock.now_ms() < since + SETTLES_MS {
            return Ok(WalkReport::default());
        }
        let tick = self.rules.in_force(self.ledger).await?.rules.ticks(self.clock.now_ms());
        let Self { ledger, bus, clock, deadline, pace, .. } = *self;
        Way { ledger, bus, clock, deadline, pace }.go_on(self, &goal, tick).await
    }
}

impl<T: Table, B: Bus, C: Clock> Errand for Walk<'_, T, B, C> {
    const NAME: &'static str = NAME;

    async fn concerned(&self, keys: &[ProductKey]) -> Result<Vec<ProductKey>, Failure> {
        let rules = self.rules.in_force(self.ledger).await?;
        self.made_otherwise(keys, &rules).await
    }

    async fn mark(&self, keys: &[ProductKey], now: i64) -> Result<(), LedgerError> {
        for key in keys {
            self.ledger.doubt(Stage::Pimcore, key, now).await?;
        }
        Ok(())
    }

    fn announcement(&self, key: &ProductKey, goal: &str) -> Announcement {
        let correlation_id = format!("rules-{goal}");
        Announcement::product_changed(&ProductMessage { key: key.clone(), correlation_id, cause: Cause::Sweep })
    }
}

impl<T: Table, B: Bus, C: Clock> Walk<'_, T, B, C> {
    /// Those that these rules make something else of than the PIM was made to hold.
    async fn made_otherwise(&self, keys: &[ProductKey], rules: &InForce) -> Result<Vec<ProductKey>, Failure> {
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
