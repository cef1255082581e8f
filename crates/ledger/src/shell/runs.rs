//! Feed runs, and the register of those that noted nothing.

use catalog::Version;

use super::{Ledger, LedgerError, Table};
use crate::core::Write;
use crate::core::register::{self, Registered};
use crate::core::run::{self, Run, RunClaim, RunId};
use crate::core::stage::Owner;

impl<T: Table> Ledger<T> {
    /// Claims a feed run.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn claim_run(
        &self,
        id: &RunId,
        run: &str,
        resume: &str,
        owner: &Owner,
        now: i64,
    ) -> Result<RunClaim, LedgerError> {
        Ok(match self.table.write(&run::claim(id, run, resume, owner, now, self.leases.lease_ms)).await? {
            Ok(after) => Run::of(&after).map_or(RunClaim::Leased { until: now }, RunClaim::Claimed),
            Err(item) => run::claim_refused(&item),
        })
    }

    /// Commits a run's position and counts. Returns the committed run: the next `seen`.
    ///
    /// # Errors
    /// [`LedgerError::LeaseLost`], [`LedgerError::Store`].
    pub async fn checkpoint_run(
        &self,
        id: &RunId,
        owner: &Owner,
        seen: &Run,
        next: &Run,
        now: i64,
    ) -> Result<Run, LedgerError> {
        self.run_step(id, owner, &run::checkpoint(id, owner, seen, next, now, self.leases.lease_ms)).await
    }

    /// Commits a run's position and gives it up for another invocation.
    ///
    /// # Errors
    /// [`LedgerError::LeaseLost`], [`LedgerError::Store`].
    pub async fn hand_over_run(&self, id: &RunId, owner: &Owner, seen: &Run, next: &Run) -> Result<Run, LedgerError> {
        self.run_step(id, owner, &run::hand_over(id, owner, seen, next)).await
    }

    /// Ends a run as `next.status` says.
    ///
    /// # Errors
    /// [`LedgerError::LeaseLost`], [`LedgerError::Store`].
    pub async fn finish_run(
        &self,
        id: &RunId,
        owner: &Owner,
        seen: &Run,
        next: &Run,
        now: i64,
    ) -> Result<Run, LedgerError> {
        self.run_step(id, owner, &run::finish(id, owner, seen, next, now)).await
    }

    async fn run_step(&self, id: &RunId, owner: &Owner, write: &Write) -> Result<Run, LedgerError> {
        let lost = || LedgerError::LeaseLost { what: format!("the run of s3://{}/{}", id.bucket, id.key) };
        let after = match self.table.write(write).await? {
            Ok(after) => after,
            Err(item) if run::happened(&item, owner, write) => item,
            Err(_) => return Err(lost()),
        };
        Run::of(&after).ok_or_else(lost)
    }

    /// Registers a fast run of `source` ([`register`]), before it reads its first state.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn register_run(&self, source: &str, run: &Registered, now: i64) -> Result<(), LedgerError> {
        // Refused for a run that had its strict pass already: nothing to register.
        let _ = self.table.write(&register::enter(source, run, now)).await?;
        Ok(())
    }

    /// The registered fast runs of `source` that are newer than the object of `version`, to be
    /// listed at the end of a run: each needs a strict pass.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn newer_runs(&self, source: &str, version: &Version) -> Result<Vec<Registered>, LedgerError> {
        let rows = self.table.after(&register::partition(source), version.as_str()).await?;
        Ok(rows.iter().filter_map(|(sk, item)| Registered::of(sk, item)).collect())
    }

    /// Strikes the object of `version` off the register of `source`, at the end of a strict pass
    /// over it.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn strike_off_run(&self, source: &str, version: &Version, now: i64) -> Result<(), LedgerError> {
        let _ = self.table.write(&register::strike_off(source, version, now)).await?;
        Ok(())
    }

    /// The newest runs first.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn runs(&self, limit: usize) -> Result<Vec<(String, Run)>, LedgerError> {
        let rows = self.table.list(run::RUNS_SHARD, i64::MAX, limit, false).await?;
        let keys: Vec<_> = rows.into_iter().map(|(key, _)| key).collect();
        let items = self.table.read(&keys).await?;
        Ok(keys.into_iter().filter_map(|key| Some((key.pk.clone(), Run::of(items.get(&key)?)?))).collect())
    }
}
