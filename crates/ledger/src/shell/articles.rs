//! Members and their articles ([`crate::core::article`]).

use std::collections::HashMap;

use catalog::ProductKey;
use futures::future::try_join_all;

use super::{Ledger, LedgerError, Table};
use crate::core::Write;
use crate::core::article::{self, Shows, Standing};
use crate::core::stage::{Applied, Claim, Owner, Stage};
use crate::core::state::{self, ProductState};

/// Who has joined an article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub key: ProductKey,
    /// What became of it when the article was last written; `None` where it is shown as wanted.
    pub fate: Option<String>,
}

impl<T: Table> Ledger<T> {
    /// Notes where a member may be shown from now on, then joins it to its `home`, where that is an
    /// article, and takes it out of the other articles.
    ///
    /// # Errors
    /// [`LedgerError::LeaseLost`], after the stage was marked as not to be believed;
    /// [`LedgerError::Store`].
    pub async fn settle_at(
        &self,
        key: &ProductKey,
        owner: &Owner,
        (home, homes): (&ProductKey, &[ProductKey]),
        now: i64,
    ) -> Result<(), LedgerError> {
        if self.table.write(&article::heads_for(key, owner, homes)).await?.is_err() {
            return Err(self.lost(Stage::Medusa, key, now).await?);
        }
        let articles = homes.iter().filter(|at| at.is_article());
        let writes = articles.map(|at| match at == home {
            true => article::join(at, key),
            false => article::leave(at, key, now),
        });
        self.write_all(writes.collect()).await
    }

    /// Claims an article for whoever has claimed a member of it. That its owners died is counted
    /// with the members.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn claim_article(&self, article: &ProductKey, owner: &Owner, now: i64) -> Result<Claim, LedgerError> {
        self.claim_alone(Stage::Medusa, article, owner, now).await
    }

    /// What the shop shows of these articles, of those that nobody is changing. Read after the PIM.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn standing(&self, articles: &[ProductKey]) -> Result<HashMap<ProductKey, Standing>, LedgerError> {
        let items = self.read_each(articles, state::item_key).await?;
        Ok(items.into_iter().filter_map(|(key, item)| Some((key, article::standing(&item)?))).collect())
    }

    /// Completes an article, and notes what it shows.
    ///
    /// # Errors
    /// As [`Ledger::complete`]'s.
    pub async fn complete_article(
        &self,
        key: &ProductKey,
        owner: &Owner,
        claimed: &ProductState,
        (applied, shows): (&Applied, Option<&Shows>),
        now: i64,
    ) -> Result<(), LedgerError> {
        let write = |seen: &ProductState| {
            article::complete_article(key, owner, (claimed, seen), (applied, shows), now, self.leases)
        };
        self.complete_by((Stage::Medusa, key), owner, claimed, write, now).await.map(drop)
    }

    /// Who has joined an article, in order.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn members(&self, of: &ProductKey) -> Result<Vec<Member>, LedgerError> {
        let rows = self.table.after(&state::partition(of), article::MEMBERS).await?;
        let joined = rows.iter().filter(|(_, item)| article::has_joined(item));
        let member = |(sk, item): &(String, _)| {
            Some(Member { key: article::member_of(of, sk)?, fate: article::fate(item).map(str::to_owned) })
        };
        Ok(joined.filter_map(member).collect())
    }

    /// Notes what became of members. The write is refused of one that has left.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn note_fates(&self, of: &ProductKey, fates: &[(ProductKey, Option<String>)]) -> Result<(), LedgerError> {
        self.write_all(fates.iter().map(|(key, fate)| article::note_fate(of, key, fate.as_deref())).collect()).await
    }

    /// Completes the shop's stage of a product that is shown at these places; otherwise as
    /// [`Ledger::complete`].
    ///
    /// # Errors
    /// As [`Ledger::complete`]'s.
    pub async fn complete_at(
        &self,
        (key, places): (&ProductKey, &[ProductKey]),
        owner: &Owner,
        claimed: &ProductState,
        applied: &Applied,
        now: i64,
    ) -> Result<Option<i64>, LedgerError> {
        let write =
            |seen: &ProductState| article::complete((key, places), owner, (claimed, seen), applied, now, self.leases);
        self.complete_by((Stage::Medusa, key), owner, claimed, write, now).await
    }

    /// Gives a product's stage back untouched: somebody else is at work on its article.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn give_back(&self, key: &ProductKey, owner: &Owner) -> Result<(), LedgerError> {
        let _ = self.table.write(&article::give_back(key, owner)).await?;
        Ok(())
    }

    async fn write_all(&self, writes: Vec<Write>) -> Result<(), LedgerError> {
        for some in writes.chunks(Self::PARALLEL) {
            try_join_all(some.iter().map(|write| self.table.write(write))).await?;
        }
        Ok(())
    }
}
