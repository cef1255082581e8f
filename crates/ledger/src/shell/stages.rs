//! A product's stages: claimed, completed, given back, put in doubt.

use std::collections::HashMap;

use catalog::{Failure, ProductKey};
use futures::future::try_join_all;

use super::{Ledger, LedgerError, Table};
use crate::core::Write;
use crate::core::deaths::{self, Care};
use crate::core::stage::{self, Applied, Claim, Owner, Refusal, Stage};
use crate::core::state::ProductState;

impl<T: Table> Ledger<T> {
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

    /// Claims a stage of a product that is worked on by itself: whoever worked on it before may
    /// have died of it.
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
        // Each round that does not end means that somebody else claimed, completed or took over in
        // between.
        for _ in 0..Self::ROUNDS {
            let refused = match self.table.write(&write).await? {
                Ok(after) => return Ok(Claim::Claimed(ProductState::of(&after))),
                Err(item) => item,
            };
            write = match stage::refused(stage, owner, &refused, now) {
                Refusal::Final(claim) => return Ok(claim),
                Refusal::Free => stage::claim(stage, key, owner, now, self.leases),
                Refusal::Expired(expired) if !alone && deaths::care(expired.deaths) != Care::Together => {
                    return Ok(Claim::Alone { deaths: expired.deaths });
                }
                Refusal::Expired(expired) => {
                    tracing::warn!(product = %key, stage = stage.as_str(), dead = expired.dead, until = expired.until, "a lease expired");
                    stage::take_over(stage, key, owner, &expired, now, self.leases)
                }
            };
        }
        Ok(Claim::Leased { until: now + self.leases.lease_ms })
    }

    /// Completes a stage. `claimed` is the state that [`Ledger::claim`] gave. Returns when (ms) the
    /// stage has to be done once more, if it has.
    ///
    /// # Errors
    /// [`LedgerError::LeaseLost`], after the stage was marked as not to be believed;
    /// [`LedgerError::Store`].
    pub async fn complete(
        &self,
        stage: Stage,
        key: &ProductKey,
        owner: &Owner,
        claimed: &ProductState,
        applied: &Applied,
        now: i64,
    ) -> Result<Option<i64>, LedgerError> {
        let write =
            |seen: &ProductState| stage::complete(stage, key, owner, (claimed, seen), applied, now, self.leases);
        self.complete_by((stage, key), owner, claimed, write, now).await
    }

    /// Completes a stage by the write that `write` makes of the newest known state.
    pub(super) async fn complete_by(
        &self,
        (stage, key): (Stage, &ProductKey),
        owner: &Owner,
        claimed: &ProductState,
        write: impl Fn(&ProductState) -> Write,
        now: i64,
    ) -> Result<Option<i64>, LedgerError> {
        let mut seen = claimed.clone();
        // The desired content, or the other stage, may change between claim and complete: look
        // again, a bounded number of times.
        for _ in 0..Self::ROUNDS {
            match self.table.write(&write(&seen)).await? {
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
        Err(self.lost(stage, key, now).await?)
    }

    /// Doubts the stage of an owner that finds its lease gone; the error to give.
    pub(super) async fn lost(&self, stage: Stage, key: &ProductKey, now: i64) -> Result<LedgerError, LedgerError> {
        let lost = LedgerError::LeaseLost { what: format!("product {key} at {}", stage.as_str()) };
        self.doubt(stage, key, now).await?;
        Ok(lost)
    }

    /// Marks a stage as not to be believed: the next claim does it again.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn doubt(&self, stage: Stage, key: &ProductKey, now: i64) -> Result<(), LedgerError> {
        // Without a condition this write is never refused.
        let _ = self.table.write(&stage::doubt(stage, key, now)).await?;
        Ok(())
    }

    /// Notes saves in the PIM that the shop has to be shown, before they are announced: the
    /// products are pending until it was.
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
}
