//! What the function needs of the world, so that its logic runs against AWS and against memory alike.

use std::collections::HashMap;
use std::future::Future;

use catalog::{ContentHash, Failure, ProductKey, Version};
use feeds::integrity::Checksum;
use ledger::{DesiredDoc, DesiredOutcome, Ledger, LedgerError, Owner, ProductState, Registered, Run, RunClaim, RunId};
use runtime::{Announcement, Announcer};

use crate::notification::Work;

/// What S3 says about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Bytes.
    pub size: u64,
    /// When it was written, in ms.
    pub modified_ms: u64,
    /// The feed says that it is all the source has (`x-amz-meta-feed-mode: full`).
    pub full: bool,
    /// S3's checksum of the whole object, where it has one that can be computed piece by piece.
    pub checksum: Option<Checksum>,
}

/// Why an object cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectError {
    /// It is not there.
    Missing,
    /// Another object has taken its place.
    Replaced,
    /// Anything else: worth trying again.
    Failed(Failure),
}

/// The feed bucket.
pub trait Objects: Clone + Send + Sync + 'static {
    /// Looks at an object without reading it.
    fn head(&self, work: &Work) -> impl Future<Output = Result<ObjectInfo, ObjectError>> + Send;

    /// Reads bytes `from..to` of an object.
    fn range(&self, work: &Work, from: u64, to: u64) -> impl Future<Output = Result<Vec<u8>, ObjectError>> + Send;

    /// Writes an object.
    fn put(
        &self,
        bucket: &str,
        key: &str,
        kind: &str,
        body: Vec<u8>,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// The catalog bus.
pub trait Bus {
    /// See [`Announcer::announce`].
    fn announce(&self, announcements: &[Announcement]) -> impl Future<Output = Vec<Result<(), Failure>>>;
}

impl Bus for Announcer {
    async fn announce(&self, announcements: &[Announcement]) -> Vec<Result<(), Failure>> {
        Self::announce(self, announcements).await
    }
}

/// The function's own queue.
pub trait Ingest {
    /// Sends a message to it.
    fn send(&self, body: &str) -> impl Future<Output = Result<(), Failure>>;
}

/// The ledger, as far as this function uses it.
pub trait Store {
    /// See [`Ledger::read_states`].
    fn read_states(
        &self,
        keys: &[ProductKey],
    ) -> impl Future<Output = Result<HashMap<ProductKey, ProductState>, LedgerError>>;
    /// See [`Ledger::read_docs`].
    fn read_docs(
        &self,
        keys: &[ProductKey],
    ) -> impl Future<Output = Result<HashMap<ProductKey, Result<DesiredDoc, LedgerError>>, LedgerError>>;
    /// See [`Ledger::put_desired`].
    fn put_desired(
        &self,
        key: &ProductKey,
        doc: &DesiredDoc,
        now: i64,
    ) -> impl Future<Output = Result<DesiredOutcome, LedgerError>>;
    /// See [`Ledger::touch`].
    fn touch(
        &self,
        key: &ProductKey,
        version: &Version,
        hash: &ContentHash,
    ) -> impl Future<Output = Result<bool, LedgerError>>;
    /// See [`Ledger::claim_run`].
    fn claim_run(
        &self,
        id: &RunId,
        run: &str,
        resume: &str,
        owner: &Owner,
        now: i64,
    ) -> impl Future<Output = Result<RunClaim, LedgerError>>;
    /// See [`Ledger::checkpoint_run`].
    fn checkpoint_run(
        &self,
        id: &RunId,
        owner: &Owner,
        seen: &Run,
        next: &Run,
        now: i64,
    ) -> impl Future<Output = Result<Run, LedgerError>>;
    /// See [`Ledger::hand_over_run`].
    fn hand_over_run(
        &self,
        id: &RunId,
        owner: &Owner,
        seen: &Run,
        next: &Run,
    ) -> impl Future<Output = Result<Run, LedgerError>>;
    /// See [`Ledger::finish_run`].
    fn finish_run(
        &self,
        id: &RunId,
        owner: &Owner,
        seen: &Run,
        next: &Run,
        now: i64,
    ) -> impl Future<Output = Result<Run, LedgerError>>;
    /// See [`Ledger::register_run`].
    fn register_run(&self, source: &str, run: &Registered, now: i64) -> impl Future<Output = Result<(), LedgerError>>;
    /// See [`Ledger::newer_runs`].
    fn newer_runs(&self, source: &str, version: &Version)
    -> impl Future<Output = Result<Vec<Registered>, LedgerError>>;
    /// See [`Ledger::strike_off_run`].
    fn strike_off_run(
        &self,
        source: &str,
        version: &Version,
        now: i64,
    ) -> impl Future<Output = Result<(), LedgerError>>;
}

impl Store for Ledger {
    async fn read_states(&self, keys: &[ProductKey]) -> Result<HashMap<ProductKey, ProductState>, LedgerError> {
        Self::read_states(self, keys).await
    }

    async fn read_docs(
        &self,
        keys: &[ProductKey],
    ) -> Result<HashMap<ProductKey, Result<DesiredDoc, LedgerError>>, LedgerError> {
        Self::read_docs(self, keys).await
    }

    async fn put_desired(&self, key: &ProductKey, doc: &DesiredDoc, now: i64) -> Result<DesiredOutcome, LedgerError> {
        Self::put_desired(self, key, doc, now).await
    }

    async fn touch(&self, key: &ProductKey, version: &Version, hash: &ContentHash) -> Result<bool, LedgerError> {
        Self::touch(self, key, version, hash).await
    }

    async fn claim_run(
        &self,
        id: &RunId,
        run: &str,
        resume: &str,
        owner: &Owner,
        now: i64,
    ) -> Result<RunClaim, LedgerError> {
        Self::claim_run(self, id, run, resume, owner, now).await
    }

    async fn checkpoint_run(
        &self,
        id: &RunId,
        owner: &Owner,
        seen: &Run,
        next: &Run,
        now: i64,
    ) -> Result<Run, LedgerError> {
        Self::checkpoint_run(self, id, owner, seen, next, now).await
    }

    async fn hand_over_run(&self, id: &RunId, owner: &Owner, seen: &Run, next: &Run) -> Result<Run, LedgerError> {
        Self::hand_over_run(self, id, owner, seen, next).await
    }

    async fn finish_run(
        &self,
        id: &RunId,
        owner: &Owner,
        seen: &Run,
        next: &Run,
        now: i64,
    ) -> Result<Run, LedgerError> {
        Self::finish_run(self, id, owner, seen, next, now).await
    }

    async fn register_run(&self, source: &str, run: &Registered, now: i64) -> Result<(), LedgerError> {
        Self::register_run(self, source, run, now).await
    }

    async fn newer_runs(&self, source: &str, version: &Version) -> Result<Vec<Registered>, LedgerError> {
        Self::newer_runs(self, source, version).await
    }

    async fn strike_off_run(&self, source: &str, version: &Version, now: i64) -> Result<(), LedgerError> {
        Self::strike_off_run(self, source, version, now).await
    }
}
