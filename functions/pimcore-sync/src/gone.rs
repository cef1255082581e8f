//! What Pimcore had and does not show any more: noted as deleted by a person, and looked for once
//! more, before anybody acts on it ([`ledger::core::gone`]).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use catalog::{Failure, ProductKey};
use ledger::core::gone::known_id;
use ledger::{ProductState, Table};
use pimcore::{Head, Pimcore};
use runtime::{Bus, Clock};

use crate::sync::SyncBatch;

type Heads = BTreeMap<ProductKey, Result<Head, Failure>>;

/// What a second look came to.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    /// Those of which it cannot be told whether they are deleted.
    pub failed: BTreeMap<ProductKey, Failure>,
    /// Those that were noted as deleted just now.
    noted: BTreeSet<ProductKey>,
}

impl<T: Table, B: Bus, C: Clock> SyncBatch<'_, T, B, C> {
    /// Looks again for what Pimcore had and does not show, and adds to the heads what it finds.
    pub(crate) async fn look_for_deleted(
        &self,
        pimcore: &Pimcore,
        ours: &BTreeMap<ProductKey, ProductState>,
        keys: &[ProductKey],
        heads: &mut Heads,
        deadline: Instant,
    ) -> Looked {
        let missing = keys.iter().filter(|key| !heads.contains_key(*key)).filter_map(|key| Some((key, ours.get(key)?)));
        let missing: Vec<(&ProductKey, &ProductState)> =
            missing.filter(|(_, state)| known_id(state).is_some()).collect();
        if missing.is_empty() {
            return Looked::default();
        }
        match self.look_again(pimcore, &missing, deadline).await {
            Ok((found, noted)) => {
                heads.extend(found);
                Looked { noted, ..Looked::default() }
            }
            Err(failure) => {
                let failed = missing.into_iter().map(|(key, _)| (key.clone(), failure.clone())).collect();
                Looked { failed, ..Looked::default() }
            }
        }
    }

    async fn look_again(
        &self,
        pimcore: &Pimcore,
        missing: &[(&ProductKey, &ProductState)],
        deadline: Instant,
    ) -> Result<(Heads, BTreeSet<ProductKey>), Failure> {
        // A listing may be empty because the folder cannot be seen.
        pimcore.health(deadline).await?;
        let new = missing.iter().filter(|(_, state)| state.gone.is_none());
        let new: Vec<(ProductKey, String)> =
            new.filter_map(|(key, state)| Some(((*key).clone(), known_id(state)?.to_owned()))).collect();
        if new.is_empty() {
            return Ok((Heads::new(), BTreeSet::new()));
        }
        let now = self.worker.clock.now_ms();
        self.worker.ledger.note_gone(&new, now).await.map_err(|error| error.failure())?;
        let keys: Vec<ProductKey> = new.into_iter().map(|(key, _)| key).collect();
        let found = pimcore.read_heads(&keys, deadline).await?;
        for key in keys.iter().filter(|key| !found.contains_key(*key)) {
            tracing::info!(product = %key, "deleted in Pimcore: it is not made again");
        }
        Ok((found, keys.into_iter().collect()))
    }

    /// Takes back the notes of those that are there, as the owner of their stages. One of which that
    /// cannot be done is done again.
    pub(crate) async fn take_notes_back(
        &self,
        ours: &BTreeMap<ProductKey, ProductState>,
        looked: &Looked,
        there: Vec<ProductKey>,
    ) -> BTreeMap<ProductKey, Failure> {
        let noted =
            |key: &ProductKey| looked.noted.contains(key) || ours.get(key).is_some_and(|state| state.gone.is_some());
        let mut failed = BTreeMap::new();
        for key in there.into_iter().filter(noted) {
            let (owner, now) = (&self.worker.owner, self.worker.clock.now_ms());
            match self.worker.ledger.clear_gone(&key, owner, now).await {
                Ok(()) => tracing::info!(product = %key, "in Pimcore again after somebody deleted it"),
                Err(error) => drop(failed.insert(key, error.failure())),
            }
        }
        failed
    }
}
