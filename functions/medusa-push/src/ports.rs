//! What the function needs of the ledger, so that its logic can run against the real one or one in memory.

use std::collections::HashMap;
use std::future::Future;

use catalog::{Failure, ProductKey};
use ledger::{Applied, Claim, Ledger, LedgerError, Owner, ProductState, Stage};

/// The shop's stage of the ledger.
pub trait Store {
    /// See [`Ledger::claim`].
    fn claim(
        &self,
        keys: &[ProductKey],
        owner: &Owner,
        now: i64,
    ) -> impl Future<Output = Result<HashMap<ProductKey, Claim>, LedgerError>>;

    /// See [`Ledger::complete`].
    fn complete(
        &self,
        key: &ProductKey,
        owner: &Owner,
        seen: &ProductState,
        applied: &Applied,
        now: i64,
    ) -> impl Future<Output = Result<Option<i64>, LedgerError>>;

    /// See [`Ledger::fail`].
    fn fail(
        &self,
        key: &ProductKey,
        owner: &Owner,
        failure: &Failure,
        now: i64,
    ) -> impl Future<Output = Result<(), LedgerError>>;
}

impl Store for Ledger {
    async fn claim(
        &self,
        keys: &[ProductKey],
        owner: &Owner,
        now: i64,
    ) -> Result<HashMap<ProductKey, Claim>, LedgerError> {
        Self::claim(self, Stage::Medusa, keys, owner, now).await
    }

    async fn complete(
        &self,
        key: &ProductKey,
        owner: &Owner,
        seen: &ProductState,
        applied: &Applied,
        now: i64,
    ) -> Result<Option<i64>, LedgerError> {
        Self::complete(self, Stage::Medusa, key, owner, seen, applied, now).await
    }

    async fn fail(&self, key: &ProductKey, owner: &Owner, failure: &Failure, now: i64) -> Result<(), LedgerError> {
        Self::fail(self, Stage::Medusa, key, owner, failure, now).await
    }
}
