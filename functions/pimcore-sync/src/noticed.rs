//! Products of which Pimcore said that a person did something to them.
//!
//! A notice is a key: what it says happened is not believed. Each product is looked at as the
//! change feed looks at what was saved ([`changes::react`]) and as the comparison looks at what it
//! does not find. No guard against too many ([`crate::inventory::TOO_MANY`]): each was told by
//! itself, under the bundle's signature, and Pimcore was asked whether its folder can be seen
//! (D191).

use std::collections::HashMap;
use std::time::Duration;

use catalog::{Failure, ProductKey};
use ledger::core::gone::By;
use ledger::{ProductState, Table};
use pimcore::Change;
use runtime::{Act, Bus, Clock};
use serde::Serialize;

use crate::changes::{self, FollowReport, Reaction};
use crate::inventory::{Comparison, ComparisonReport, Pass, change_of};

/// What came of notices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct NoticedReport {
    pub saved: FollowReport,
    /// Newly found to be gone.
    pub gone: usize,
}

impl<T: Table, B: Bus, C: Clock> Comparison<'_, T, B, C> {
    /// Looks at these products, and announces what that calls for. Who took away what is gone
    /// (`acts`) is noted beside that, for people.
    ///
    /// # Errors
    /// Transient; some may have been announced.
    pub async fn noticed(
        &self,
        keys: &[ProductKey],
        acts: &HashMap<ProductKey, Act>,
    ) -> Result<NoticedReport, Failure> {
        // In this order: whoever claims the shop's stage after its state was read reads the PIM
        // after this.
        let products = self.pimcore.read_products(keys, self.ends()).await?;
        let tree = self.pimcore.category_tree(Duration::ZERO, self.ends()).await?;
        let states = self.ledger.read_states(keys).await.map_err(|error| error.failure())?;
        let (nothing, now_s) = (ProductState::default(), self.clock.now_ms() / 1000);
        let (mut missing, mut found): (Vec<ProductKey>, Vec<(Change, ProductKey, Reaction)>) = Default::default();
        for key in keys {
            match products.get(key) {
                None => missing.push(key.clone()),
                // What cannot be read of it is told where it is pushed.
                Some(Err(_)) => {}
                Some(Ok(product)) => {
                    let (change, look) = (change_of(product), changes::look(product, &tree, now_s));
                    let reaction = changes::react(&change, states.get(key).unwrap_or(&nothing), Some(&look));
                    found.push((change, key.clone(), reaction));
                }
            }
        }
        let mut report = NoticedReport::default();
        report.saved.changes = found.len();
        let found = found.iter().map(|(change, key, reaction)| (change, key.clone(), *reaction)).collect();
        changes::announce(self.ledger, self.bus, self.clock, found, &mut report.saved).await?;
        if missing.is_empty() {
            return Ok(report);
        }
        // A listing may be empty because the folder cannot be seen.
        self.pimcore.health(self.ends()).await?;
        let (mut pass, mut compared) = (Pass::at(self.clock.now_ms()), ComparisonReport::default());
        pass.want.accept = true;
        self.look_closely(&missing, &mut pass, &mut compared).await?;
        for (key, act) in missing.iter().filter_map(|key| Some((key, acts.get(key)?))) {
            let Act { what, at, user, name } = act.clone();
            let noted = self.ledger.note_gone_by(key, &By { what, user, name, at }).await;
            noted.map_err(|error| error.failure())?;
        }
        report.gone = compared.gone;
        report.saved.repaired += compared.repaired;
        Ok(report)
    }
}
