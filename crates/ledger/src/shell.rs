//! The shell: sends the core's writes to DynamoDB and hands back what it answered.

mod bodies;
pub mod breaker;
#[cfg(feature = "memory")]
mod memory;
mod parts;
mod render;
mod table;

use std::collections::HashMap;
use std::sync::Arc;

use catalog::{ContentHash, Failure, ProductKey, Version};
use futures::future::try_join_all;

use crate::codes;
use crate::core::aside::{self, Aside};
use crate::core::deaths::{self, Care};
use crate::core::desired::{self, Body, DesiredDoc};
use crate::core::parts::{self as part_items, MAX_PARTS};
use crate::core::register::{self, Registered};
use crate::core::run::{self, Run, RunClaim, RunId};
use crate::core::stage::{self, Applied, Claim, Leases, Owner, Refusal, Stage};
use crate::core::state::{self, ProductState};
use crate::core::{BodyError, Item, ItemKey, MAX_JSON_BYTES, Write, made, shop, watermark};
pub use bodies::{Bodies, S3Bodies};
#[cfg(feature = "memory")]
pub use memory::{Call, Memory};
pub use parts::PartOf;
pub use table::{DynamoDb, Scanned, Table};

/// Why the ledger could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// DynamoDB did not answer as it should, after the SDK's own retries.
    #[error("DynamoDB {operation} on table {table}: {message}")]
    Store {
        /// Which call.
        operation: &'static str,
        /// Which table.
        table: String,
        /// What it said.
        message: String,
    },
    /// A stored product cannot be read.
    #[error("the ledger's copy of product {key} is damaged: {source}")]
    Damaged {
        /// Which product.
        key: String,
        /// What is wrong with it.
        source: BodyError,
    },
    /// A product is larger than the ledger keeps.
    #[error("product {key} is {bytes} bytes of JSON, the ledger keeps at most {limit}", limit = MAX_JSON_BYTES)]
    TooLarge {
        /// Which product.
        key: String,
        /// Its size as JSON.
        bytes: usize,
    },
    /// The bucket did not answer as it should when asked for a large body.
    #[error("S3 {operation} of the body s3://{bucket}/{object}: {message}")]
    BodyUnavailable {
        /// Which call.
        operation: &'static str,
        /// Which bucket.
        bucket: String,
        /// Which object.
        object: String,
        /// What it said.
        message: String,
    },
    /// A product has as many parts as there may be.
    #[error("product {key} has {limit} parts, and {part} would be one more", limit = MAX_PARTS)]
    TooManyParts {
        /// Which product.
        key: String,
        /// Which part.
        part: String,
    },
    /// A large body is not where the ledger says.
    #[error("the body of product {key} is gone: no object {object} in the feed bucket, though the ledger names it")]
    BodyMissing {
        /// Which product.
        key: String,
        /// Which object.
        object: String,
    },
    /// The lease on this work is somebody else's by now.
    #[error("the lease on {what} was lost")]
    LeaseLost {
        /// Which work.
        what: String,
    },
}

impl LedgerError {
    /// The same as a failure of a message.
    #[must_use]
    pub fn failure(&self) -> Failure {
        match self {
            Self::Store { .. } => Failure::transient(codes::LEDGER_UNAVAILABLE, self.to_string()),
            Self::Damaged { .. } => Failure::permanent(codes::LEDGER_ITEM_DAMAGED, self.to_string()),
            Self::TooLarge { .. } | Self::TooManyParts { .. } => {
                Failure::permanent(codes::PRODUCT_TOO_LARGE, self.to_string())
            }
            Self::BodyUnavailable { .. } => Failure::transient(codes::PRODUCT_BODY_UNAVAILABLE, self.to_string()),
            Self::BodyMissing { .. } => Failure::permanent(codes::PRODUCT_BODY_MISSING, self.to_string()),
            Self::LeaseLost { .. } => Failure::transient(codes::LEASE_LOST, self.to_string()),
        }
    }
}

/// What writing a desired state came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DesiredOutcome {
    /// Written: announce it.
    Written,
    /// A newer document won meanwhile: dropped, to be counted as stale.
    Stale,
    /// A part of several was written, and all together say what they said before.
    Same,
}

/// A part of all products.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatesPage {
    /// Products with their states.
    pub products: Vec<(ProductKey, ProductState)>,
    /// Where the next part begins; `None` after the last one.
    pub next: Option<ItemKey>,
}

/// Documents whose bodies are in their items, and products whose are not.
#[derive(Debug, Default)]
pub struct SmallDocs {
    /// By product; a product without a doc is not in here.
    pub docs: HashMap<ProductKey, Result<DesiredDoc, LedgerError>>,
    /// Products to be read one at a time ([`Ledger::read_large_doc`]): each takes megabytes.
    pub large: Vec<ProductKey>,
    /// Those of both that come in several parts ([`Ledger::read_parts`]).
    pub parted: Vec<ProductKey>,
}

/// The ledger: one DynamoDB table and a bucket for large bodies, or in tests a map.
#[derive(Debug, Clone)]
pub struct Ledger<T = DynamoDb> {
    table: T,
    bodies: Arc<dyn Bodies>,
    leases: Leases,
    part_of: PartOf,
}

impl Ledger {
    /// A ledger in `table`, which reaches no large bodies ([`Ledger::with_bodies`]). `leases` must outlive the function's timeout.
    #[must_use]
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>, leases: Leases) -> Self {
        Self::in_table(DynamoDb::new(client, table.into()), leases)
    }
}

impl<T: Table> Ledger<T> {
    /// Requests in flight at once for calls that take many keys.
    const PARALLEL: usize = 16;
    /// Tries of a write whose condition depends on what was seen.
    const ROUNDS: usize = 8;

    /// A ledger in any table.
    pub fn in_table(table: T, leases: Leases) -> Self {
        Self { table, bodies: Arc::new(bodies::Nowhere), leases, part_of: |_| None }
    }

    /// The same ledger with a place for bodies that do not fit an item.
    #[must_use]
    pub fn with_bodies(self, bodies: impl Bodies + 'static) -> Self {
        Self { bodies: Arc::new(bodies), ..self }
    }

    /// What it is kept in.
    pub const fn table(&self) -> &T {
        &self.table
    }

    /// The states of these products, consistently read; a product that is not known has the default state.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn read_states(&self, keys: &[ProductKey]) -> Result<HashMap<ProductKey, ProductState>, LedgerError> {
        let items = self.read_each(keys, state::item_key).await?;
        Ok(items.into_iter().map(|(key, item)| (key, ProductState::of(&item))).collect())
    }

    /// The desired states of these products; a product without one is not in the answer. For few products: large ones are all held at once.
    ///
    /// # Errors
    /// [`LedgerError::Store`]; a damaged doc, or a body that cannot be had, is an error of its own entry.
    pub async fn read_docs(
        &self,
        keys: &[ProductKey],
    ) -> Result<HashMap<ProductKey, Result<DesiredDoc, LedgerError>>, LedgerError> {
        let SmallDocs { mut docs, large, .. } = self.read_small_docs(keys).await?;
        for key in large {
            if let Some(doc) = self.read_large_doc(&key).await.transpose() {
                docs.insert(key, doc);
            }
        }
        Ok(docs)
    }

    /// The desired states of those of these products whose bodies are in their items, and the names of the others.
    ///
    /// # Errors
    /// As [`Ledger::read_docs`].
    pub async fn read_small_docs(&self, keys: &[ProductKey]) -> Result<SmallDocs, LedgerError> {
        let mut found = SmallDocs::default();
        for (key, item) in self.read_each(keys, desired::doc_key).await? {
            if part_items::marks(&item).is_some() {
                found.parted.push(key.clone());
            }
            match Body::of(&item) {
                Some(Body::Here(packed)) => {
                    let doc = DesiredDoc::with_body(&item, &packed);
                    let damaged = |source| LedgerError::Damaged { key: key.to_string(), source };
                    found.docs.insert(key.clone(), doc.map_err(damaged));
                }
                Some(Body::At(_)) => found.large.push(key),
                None => {}
            }
        }
        found.large.sort_unstable();
        Ok(found)
    }

    /// The desired state of one product, wherever its body is; `None` for a product without one.
    ///
    /// # Errors
    /// [`LedgerError::BodyMissing`], [`LedgerError::BodyUnavailable`], [`LedgerError::Damaged`], [`LedgerError::Store`].
    pub async fn read_large_doc(&self, key: &ProductKey) -> Result<Option<DesiredDoc>, LedgerError> {
        let mut missing: Option<String> = None;
        loop {
            let item = self.read(&desired::doc_key(key)).await?;
            let packed = match Body::of(&item) {
                None => return Ok(None),
                Some(Body::Here(packed)) => packed,
                Some(Body::At(object)) => match self.bodies.get(&object).await? {
                    Some(packed) => packed,
                    // Cleaned up, because the doc has named another one since it was read? Then it does so now.
                    None if missing.as_ref() != Some(&object) => {
                        missing = Some(object);
                        continue;
                    }
                    None => return Err(LedgerError::BodyMissing { key: key.to_string(), object }),
                },
            };
            let doc = DesiredDoc::with_body(&item, &packed);
            return doc.map(Some).map_err(|source| LedgerError::Damaged { key: key.to_string(), source });
        }
    }

    /// Writes a changed product: its body, if that does not fit the item, then `doc`, then `state`; of one that comes in parts, the part.
    ///
    /// # Errors
    /// As [`Ledger::put_desired_of`].
    pub async fn put_desired(
        &self,
        key: &ProductKey,
        doc: &DesiredDoc,
        now: i64,
    ) -> Result<DesiredOutcome, LedgerError> {
        self.put_desired_of(key, doc, false, now).await
    }

    /// Puts a body where it belongs, unless that is the item.
    async fn put_body(&self, key: &ProductKey, doc: &DesiredDoc) -> Result<Body, LedgerError> {
        let packed = doc.packed().map_err(|source| match source {
            BodyError::TooLarge { bytes } => LedgerError::TooLarge { key: key.to_string(), bytes },
            source => LedgerError::Damaged { key: key.to_string(), source },
        })?;
        Ok(match Body::object_for(key, &packed) {
            None => Body::Here(packed),
            // Always, also when it is there: whoever cleans up may be about to delete what is there (`core::spill`).
            Some(object) => {
                self.bodies.put(&object, packed).await?;
                Body::At(object)
            }
        })
    }

    /// Notes that a newer document said the same. `false`: the ledger holds something else by now, [`Ledger::put_desired`] decides.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn touch(&self, key: &ProductKey, version: &Version, hash: &ContentHash) -> Result<bool, LedgerError> {
        Ok(self.table.write_large(&desired::note_doc(key, version, hash)).await?
            && self.table.write_large(&desired::note_state(key, version, hash)).await?)
    }

    /// Claims a stage for each product, several at once.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn claim(
        &self,
        stage: Stage,
        keys: &[ProductKey],
        owner: &Owner,
        now: i64,
    ) -> Result<HashMap<ProductKey, Claim>, LedgerError> {
        let mut claims = HashMap::with_capacity(keys.len());
        for some in keys.chunks(Self::PARALLEL) {
            let each = some.iter().map(|key| async move {
                Ok::<_, LedgerError>((key.clone(), self.claim_one(stage, key, owner, now, false).await?))
            });
            claims.extend(try_join_all(each).await?);
        }
        Ok(claims)
    }

    /// Claims a stage of a product that is worked on by itself: whoever worked on it before may have died of it.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn claim_alone(
        &self,
        stage: Stage,
        key: &ProductKey,
        owner: &Owner,
        now: i64,
    ) -> Result<Claim, LedgerError> {
        self.claim_one(stage, key, owner, now, true).await
    }

    async fn claim_one(
        &self,
        stage: Stage,
        key: &ProductKey,
        owner: &Owner,
        now: i64,
        alone: bool,
    ) -> Result<Claim, LedgerError> {
        let mut write = stage::claim(stage, key, owner, now, self.leases);
        // Each round that does not end means that somebody else claimed, completed or took over in between.
        for _ in 0..Self::ROUNDS {
            let refused = match self.table.write(&write).await? {
                Ok(after) => return Ok(Claim::Claimed(ProductState::of(&after))),
                Err(item) => item,
            };
            write = match stage::refused(stage, owner, &refused, now) {
                Refusal::Final(claim) => return Ok(claim),
                Refusal::Free => stage::claim(stage, key, owner, now, self.leases),
                Refusal::Expired(expired) if !alone && deaths::care(expired.deaths) != Care::Together => {
                    return Ok(Claim::Suspect { deaths: expired.deaths });
                }
                Refusal::Expired(expired) => {
                    tracing::warn!(product = %key, stage = stage.as_str(), dead = expired.dead, until = expired.until, "a lease expired");
                    stage::take_over(stage, key, owner, &expired, now, self.leases)
                }
            };
        }
        Ok(Claim::Leased { until: now + self.leases.lease_ms })
    }

    /// Completes a stage. `seen` is the state that [`Ledger::claim`] gave. Returns when (ms) the stage has to be done once more, if it has.
    ///
    /// # Errors
    /// [`LedgerError::LeaseLost`], after the stage was marked as not to be believed; [`LedgerError::Store`].
    pub async fn complete(
        &self,
        stage: Stage,
        key: &ProductKey,
        owner: &Owner,
        seen: &ProductState,
        applied: &Applied,
        now: i64,
    ) -> Result<Option<i64>, LedgerError> {
        let claimed = seen;
        let mut seen = seen.clone();
        // The desired content, or the other stage, may change between claim and complete: look again, a bounded number of times.
        for _ in 0..Self::ROUNDS {
            let write = stage::complete(stage, key, owner, (claimed, &seen), applied, now, self.leases);
            match self.table.write(&write).await? {
                Ok(after) => {
                    let after = ProductState::of(&after);
                    if let Some(write) = stage::arrived(key, &after) {
                        // Refused: somebody has begun again, and will end it.
                        let _ = self.table.write(&write).await?;
                    }
                    return Ok(stage::again_at(stage, &after, now));
                }
                Err(item) => {
                    seen = ProductState::of(&item);
                    if seen.stage(stage).owner.as_ref() != Some(&owner.0) {
                        break;
                    }
                }
            }
        }
        let lost = LedgerError::LeaseLost { what: format!("product {key} at {}", stage.as_str()) };
        self.suspect(stage, key, now).await?;
        Err(lost)
    }

    /// Marks a stage as not to be believed: the next claim does it again.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn suspect(&self, stage: Stage, key: &ProductKey, now: i64) -> Result<(), LedgerError> {
        // Without a condition this write is never refused.
        let _ = self.table.write(&stage::suspect(stage, key, now)).await?;
        Ok(())
    }

    /// Notes saves in the PIM that the shop has to be shown, before they are announced: the products are pending until it was.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn edited(&self, keys: &[ProductKey], now: i64) -> Result<(), LedgerError> {
        for some in keys.chunks(Self::PARALLEL) {
            try_join_all(some.iter().map(|key| async move { self.table.write(&stage::edited(key, now)).await }))
                .await?;
        }
        Ok(())
    }

    /// Notes products that are about to be made in the PIM ([`made`]).
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn note_made(&self, keys: &[ProductKey], owner: &Owner, now: i64) -> Result<(), LedgerError> {
        // Without a condition this write is never refused.
        let _ = self.table.write_large(&made::note(keys, owner, now)).await?;
        Ok(())
    }

    /// Products noted as about to be made after `from` (ms) and before `to`.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn made_between(&self, from: i64, to: i64) -> Result<Vec<ProductKey>, LedgerError> {
        let rows = self.table.after(made::PARTITION, &made::sort_key(from, "")).await?;
        let due = rows.iter().filter(|(sk, _)| made::made_at(sk).is_some_and(|at| at < to));
        Ok(due.flat_map(|(_, item)| made::keys(item)).collect())
    }

    /// Some products with their states, in no order that means anything, and where to go on. Not consistently read: what follows from it is
    /// looked at again.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn some_states(&self, after: Option<&ItemKey>) -> Result<StatesPage, LedgerError> {
        let (rows, next) = self.table.scan(state::SK, after).await?;
        let of = |(key, item): (ItemKey, Item)| Some((state::product_of(&key.pk)?, ProductState::of(&item)));
        Ok(StatesPage { products: rows.into_iter().filter_map(of).collect(), next })
    }

    /// Gives a stage back with the reason. A lease that is somebody else's by now is left alone.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn fail(
        &self,
        stage: Stage,
        key: &ProductKey,
        owner: &Owner,
        failure: &Failure,
        now: i64,
    ) -> Result<(), LedgerError> {
        let _ = self.table.write(&stage::fail(stage, key, owner, failure, now, self.leases)).await?;
        Ok(())
    }

    /// Notes what is set aside in the shop and when to look again, as the owner of its stage that claimed `known`; a release in it was acted upon.
    /// Not noted where the stage is somebody else's by now: they note what they see.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn note_aside(
        &self,
        key: &ProductKey,
        owner: &Owner,
        known: &ProductState,
        asides: &[Aside],
        due: Option<i64>,
        now: i64,
    ) -> Result<(), LedgerError> {
        let noted = self.table.write(&aside::note(key, owner, asides, known.release, due)).await?.is_ok();
        if noted && (asides != known.aside || known.release.is_some()) {
            let _ = self.table.write(&aside::list(key, asides, now)).await?;
        }
        Ok(())
    }

    /// Asks that what is set aside of a product be put back; `false` where nothing is.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn release_aside(&self, key: &ProductKey, now: i64) -> Result<bool, LedgerError> {
        Ok(self.table.write(&aside::release(key, now)).await?.is_ok())
    }

    /// The products with something set aside in the shop.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn set_aside(&self) -> Result<Vec<(ProductKey, Vec<Aside>)>, LedgerError> {
        let rows = self.table.after(aside::LIST, " ").await?;
        let product = |(sk, item): &(String, Item)| Some((sk.parse().ok()?, aside::of(item)));
        Ok(rows.iter().filter_map(product).filter(|(_, asides)| !asides.is_empty()).collect())
    }

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

    /// The registered fast runs of `source` that are newer than the object of `version`, to be listed at the end of a run: each needs a strict pass.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn newer_runs(&self, source: &str, version: &Version) -> Result<Vec<Registered>, LedgerError> {
        let rows = self.table.after(&register::partition(source), version.as_str()).await?;
        Ok(rows.iter().filter_map(|(sk, item)| Registered::of(sk, item)).collect())
    }

    /// Strikes the object of `version` off the register of `source`, at the end of a strict pass over it.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn strike_off_run(&self, source: &str, version: &Version, now: i64) -> Result<(), LedgerError> {
        let _ = self.table.write(&register::strike_off(source, version, now)).await?;
        Ok(())
    }

    /// Products that some target lacks, of one shard, oldest first, with the time (ms) since when; pending before `before` only.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn pending(&self, shard: u8, before: i64, limit: usize) -> Result<Vec<(ProductKey, i64)>, LedgerError> {
        let rows = self.table.list(&shard.to_string(), before, limit, true).await?;
        Ok(rows.into_iter().filter_map(|(key, at)| Some((state::product_of(&key.pk)?, at))).collect())
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

    /// What is remembered of these products' stock; one of which nothing is remembered is empty.
    ///
    /// # Errors
    /// [`LedgerError::Store`]; a damaged one is an error of its own entry.
    pub async fn stock(
        &self,
        keys: &[ProductKey],
    ) -> Result<HashMap<ProductKey, Result<shop::Stock, LedgerError>>, LedgerError> {
        let items = self.read_each(keys, shop::item_key).await?;
        let damaged = |key: &ProductKey, source| LedgerError::Damaged { key: key.to_string(), source };
        Ok(items
            .into_iter()
            .map(|(key, item)| {
                let stock = shop::Stock::of(&item).map_err(|error| damaged(&key, BodyError::Compression(error)));
                (key, stock)
            })
            .collect())
    }

    /// Remembers what was done with a product's stock, as JSON. `seen` is how often that had been written when it was read.
    ///
    /// # Errors
    /// [`LedgerError::LeaseLost`] when somebody else has written meanwhile; [`LedgerError::Store`].
    pub async fn note_stock(&self, key: &ProductKey, seen: i64, json: &[u8]) -> Result<(), LedgerError> {
        let damaged = |error| LedgerError::Damaged { key: key.to_string(), source: BodyError::Compression(error) };
        let write = shop::note_stock(key, seen, json).map_err(damaged)?;
        if self.table.write_large(&write).await? {
            return Ok(());
        }
        Err(LedgerError::LeaseLost { what: format!("the stock of product {key}") })
    }

    /// A watermark: a small text under a name, such as the change feed's cursor.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn watermark(&self, name: &str) -> Result<Option<String>, LedgerError> {
        Ok(watermark::cursor(&self.read(&watermark::item_key(name)).await?))
    }

    /// Moves a watermark from the value read before. `false` when somebody else moved it meanwhile.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn move_watermark(&self, name: &str, from: Option<&str>, to: &str) -> Result<bool, LedgerError> {
        Ok(self.table.write(&watermark::advance(name, from, to)).await?.is_ok())
    }

    /// Reads any item, consistently; an item that is not there is empty.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn read(&self, key: &ItemKey) -> Result<Item, LedgerError> {
        let mut items = self.table.read(std::slice::from_ref(key)).await?;
        Ok(items.remove(key).unwrap_or_default())
    }

    /// Each product's item, by product.
    async fn read_each(
        &self,
        keys: &[ProductKey],
        item_key: impl Fn(&ProductKey) -> ItemKey,
    ) -> Result<HashMap<ProductKey, Item>, LedgerError> {
        let items: Vec<ItemKey> = keys.iter().map(&item_key).collect();
        let mut found = self.table.read(&items).await?;
        Ok(keys.iter().filter_map(|key| Some((key.clone(), found.remove(&item_key(key))?))).collect())
    }

    /// Sends any conditional write of the core: the item after it, or the item that refused it.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn write(&self, write: &Write) -> Result<Result<Item, Item>, LedgerError> {
        self.table.write(write).await
    }
}
