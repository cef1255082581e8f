//! What the function needs of the ledger and the bus, so that its logic can run against either the real ones or those in memory.

use std::collections::HashMap;
use std::future::Future;

use catalog::{Failure, ProductKey};
use ledger::{Applied, Claim, DesiredDoc, Ledger, LedgerError, Owner, ProductState, Stage};
use runtime::{Announcement, Announcer};

/// The ledger, as far as this function uses it: its own stage, the desired documents, watermarks.
pub trait Store {
    /// See [`Ledger::claim`].
    fn claim(
        &self,
        keys: &[ProductKey],
        owner: &Owner,
        now: i64,
    ) -> impl Future<Output = Result<HashMap<ProductKey, Claim>, LedgerError>>;

    /// See [`Ledger::read_docs`].
    fn read_docs(
        &self,
        keys: &[ProductKey],
    ) -> impl Future<Output = Result<HashMap<ProductKey, Result<DesiredDoc, LedgerError>>, LedgerError>>;

    /// See [`Ledger::read_states`].
    fn read_states(
        &self,
        keys: &[ProductKey],
    ) -> impl Future<Output = Result<HashMap<ProductKey, ProductState>, LedgerError>>;

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

    /// Marks the stage as not to be believed, so that the next announcement looks at the target again.
    fn suspect(&self, key: &ProductKey, now: i64) -> impl Future<Output = Result<(), LedgerError>>;

    /// See [`Ledger::watermark`].
    fn watermark(&self, name: &str) -> impl Future<Output = Result<Option<String>, LedgerError>>;

    /// See [`Ledger::move_watermark`].
    fn move_watermark(
        &self,
        name: &str,
        from: Option<&str>,
        to: &str,
    ) -> impl Future<Output = Result<bool, LedgerError>>;
}

/// The bus.
pub trait Bus {
    /// See [`Announcer::announce`].
    fn announce(&self, announcements: &[Announcement]) -> impl Future<Output = Vec<Result<(), Failure>>>;
}

impl Bus for Announcer {
    async fn announce(&self, announcements: &[Announcement]) -> Vec<Result<(), Failure>> {
        Self::announce(self, announcements).await
    }
}

impl Store for Ledger {
    async fn claim(
        &self,
        keys: &[ProductKey],
        owner: &Owner,
        now: i64,
    ) -> Result<HashMap<ProductKey, Claim>, LedgerError> {
        Self::claim(self, Stage::Pimcore, keys, owner, now).await
    }

    async fn read_docs(
        &self,
        keys: &[ProductKey],
    ) -> Result<HashMap<ProductKey, Result<DesiredDoc, LedgerError>>, LedgerError> {
        Self::read_docs(self, keys).await
    }

    async fn read_states(&self, keys: &[ProductKey]) -> Result<HashMap<ProductKey, ProductState>, LedgerError> {
        Self::read_states(self, keys).await
    }

    async fn complete(
        &self,
        key: &ProductKey,
        owner: &Owner,
        seen: &ProductState,
        applied: &Applied,
        now: i64,
    ) -> Result<Option<i64>, LedgerError> {
        Self::complete(self, Stage::Pimcore, key, owner, seen, applied, now).await
    }

    async fn fail(&self, key: &ProductKey, owner: &Owner, failure: &Failure, now: i64) -> Result<(), LedgerError> {
        Self::fail(self, Stage::Pimcore, key, owner, failure, now).await
    }

    async fn suspect(&self, key: &ProductKey, now: i64) -> Result<(), LedgerError> {
        Self::suspect(self, Stage::Pimcore, key, now).await
    }

    async fn watermark(&self, name: &str) -> Result<Option<String>, LedgerError> {
        Self::watermark(self, name).await
    }

    async fn move_watermark(&self, name: &str, from: Option<&str>, to: &str) -> Result<bool, LedgerError> {
        Self::move_watermark(self, name, from, to).await
    }
}
