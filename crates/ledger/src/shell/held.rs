//! What was let through last, and what is held, in the table.

use std::collections::{BTreeSet, HashMap};

use catalog::{Product, ProductKey};

use super::{Ledger, LedgerError, Table};
use crate::core::held::{self, Held, Past, Word};

impl<T: Table> Ledger<T> {
    /// What is known of these products' past.
    ///
    /// # Errors
    /// [`LedgerError::Store`]; a damaged one is an error of its own entry.
    pub async fn pasts(
        &self,
        keys: &[ProductKey],
    ) -> Result<HashMap<ProductKey, Result<Past, LedgerError>>, LedgerError> {
        let items = self.read_each(keys, held::item_key).await?;
        let damaged = |key: &ProductKey, source| LedgerError::Damaged { key: key.to_string(), source };
        let read = items.into_iter().map(|(key, item)| {
            let past = Past::of(&item).map_err(|source| damaged(&key, source));
            (key, past)
        });
        Ok(read.collect())
    }

    /// Notes what is let through, and what is held. `false`: somebody else did since the past was read.
    ///
    /// # Errors
    /// [`LedgerError::Store`]; when the product cannot be kept.
    pub async fn remember(
        &self,
        key: &ProductKey,
        past: &Past,
        base: Option<&Product>,
        held: Option<&Held>,
        (epoch, now): (i64, i64),
    ) -> Result<bool, LedgerError> {
        let damaged = |source| LedgerError::Damaged { key: key.to_string(), source };
        let news = past.differs(base, held);
        if news {
            let write = held::remember(key, past, base, held, epoch).map_err(damaged)?;
            if !self.table.write_large(&write).await? {
                return Ok(false);
            }
        }
        // Also where nothing changed: who noted it may have died before.
        let waits = held.is_some_and(|held| !held.rejected);
        if waits || past.held.is_some() {
            let _ = self.table.write(&held::list(key, past.revision() + i64::from(news), waits, now)).await?;
        }
        Ok(true)
    }

    /// What waits for a person, under rules that have looked back since `epoch`. A damaged item hides nothing else: whoever brings its product tells.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn held(&self, epoch: i64) -> Result<Vec<(ProductKey, Held)>, LedgerError> {
        let rows = self.table.after(held::LIST, " ").await?;
        let named = rows.iter().filter(|(_, item)| held::waits(item));
        let keys: Vec<ProductKey> = named.filter_map(|(sk, _)| sk.parse().ok()).collect();
        let mut found = Vec::new();
        for some in keys.chunks(100) {
            for (key, past) in self.pasts(some).await? {
                let Ok(past) = past else { continue };
                found.extend(past.since(epoch).held.filter(|held| !held.rejected).map(|held| (key, held)));
            }
        }
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(found)
    }

    /// What became of whole feeds; nothing of those that nobody looked through.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn judged(&self, runs: &BTreeSet<String>) -> Result<HashMap<String, Vec<String>>, LedgerError> {
        let keys: Vec<_> = runs.iter().map(|run| held::feed_key(run)).collect();
        let mut items = self.table.read(&keys).await?;
        let of = |run: &String| Some((run.clone(), held::judged(&items.remove(&held::feed_key(run))?)?));
        Ok(runs.iter().filter_map(of).collect())
    }

    /// Notes why a whole feed waits, or that it does not, unless that is noted.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn judge(&self, run: &str, reasons: &[String], now: i64) -> Result<(), LedgerError> {
        self.table.write_large(&held::judge(run, reasons, now)).await.map(|_| ())
    }

    /// A person's word about what is held under this digest; `false` where it is not held any more.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn choose(&self, key: &ProductKey, digest: &str, word: Word) -> Result<bool, LedgerError> {
        self.table.write_large(&held::choose(key, digest, word)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stage;
    use crate::core::{Change, Condition, Write};

    #[tokio::test]
    async fn a_damaged_item_hides_nothing_else_that_waits() {
        let ledger = Ledger::in_memory(Stage::Pimcore.leases());
        let keys = ["1", "2"].map(|id| ProductKey::new("demo", id).unwrap());
        let held = |digest: &str| Held {
            digest: digest.to_owned(),
            rules: vec!["r".into()],
            reasons: vec!["10 → 20".into()],
            run: "run".into(),
            at: 1,
            rejected: false,
        };
        for key in &keys {
            assert!(ledger.remember(key, &Past::default(), None, Some(&held("a")), (7, 0)).await.unwrap());
        }
        assert_eq!(ledger.held(7).await.unwrap().len(), 2);
        let spoiled = vec![Change::Set("body", vec![1, 2, 3].into())];
        let write = Write { key: held::item_key(&keys[0]), condition: Condition::Always, changes: spoiled };
        assert!(ledger.table().write_large(&write).await.unwrap());
        assert_eq!(ledger.held(7).await.unwrap(), [(keys[1].clone(), held("a"))]);
    }
}
