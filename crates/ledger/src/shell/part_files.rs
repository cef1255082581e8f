//! The item of a declared part: what it owns ([`core::part_file`](crate::core::part_file)), and
//! what its last file said ([`core::last_file`](crate::core::last_file)). Parts are named by their
//! registers ([`crate::core::lines::register`]).

use super::{Ledger, LedgerError, Table};
use crate::core::ItemKey;
use crate::core::last_file::{Index, LastFile};
use crate::core::part_file::{self, PartFile};
use crate::core::run::{Run, RunId, RunStatus};

impl<T: Table> Ledger<T> {
    /// What a declared part owns, and what its last file said.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn part_file(&self, register: &str) -> Result<(PartFile, LastFile), LedgerError> {
        let item = self.read(&part_file::item_key(register)).await?;
        Ok((PartFile::of(&item), LastFile::of(&item)))
    }

    /// Counts a run of a declared part that has been read.
    ///
    /// # Errors
    /// [`LedgerError::Store`], [`LedgerError::LeaseLost`].
    pub async fn count_lines(&self, register: &str, run: &str, lines: u64, first: u64) -> Result<(), LedgerError> {
        for _ in 0..Self::ROUNDS {
            let Some(write) = self.part_file(register).await?.0.count(register, run, lines, first) else {
                return Ok(());
            };
            if self.table.write(&write).await?.is_ok() {
                return Ok(());
            }
        }
        Err(busy(register))
    }

    /// Begins a run of a declared part, which has to be registered, if it notes nothing. The item
    /// as it was then: what the run may go by.
    ///
    /// # Errors
    /// [`LedgerError::Store`], [`LedgerError::LeaseLost`].
    pub async fn begin_lines(&self, register: &str, run: &RunId) -> Result<LastFile, LedgerError> {
        for _ in 0..Self::ROUNDS {
            let (_, last) = self.part_file(register).await?;
            let others: Vec<&RunId> = last.open.iter().filter(|one| *one != run).collect();
            let keys: Vec<ItemKey> = others.iter().map(|one| one.item_key()).collect();
            let items = if keys.is_empty() { Default::default() } else { self.table.read(&keys).await? };
            let status = |one: &RunId| items.get(&one.item_key()).and_then(Run::of).map(|run| run.status);
            let ended = others.into_iter().filter(|one| status(one) != Some(RunStatus::Running));
            let ended: Vec<RunId> = ended.cloned().collect();
            if self.write(&last.begin(register, run, &ended)).await?.is_ok() {
                return Ok(last);
            }
        }
        Err(busy(register))
    }

    /// Ends a run of a declared part, with the index that it leaves.
    ///
    /// # Errors
    /// [`LedgerError::Store`], [`LedgerError::LeaseLost`].
    pub async fn end_lines(&self, register: &str, run: &RunId, index: Option<&Index>) -> Result<(), LedgerError> {
        for _ in 0..Self::ROUNDS {
            let Some(write) = self.part_file(register).await?.1.end(register, run, index.cloned()) else {
                return Ok(());
            };
            if self.write(&write).await?.is_ok() {
                return Ok(());
            }
        }
        Err(busy(register))
    }
}

fn busy(register: &str) -> LedgerError {
    LedgerError::LeaseLost { what: format!("the item of {register}, which others wrote all the time") }
}
