//! What partial feeds brought since the full feed before: it is compared, too.

use std::collections::BTreeSet;

use catalog::{Failure, ProductKey, Version};
use ledger::core::brought::Brought;
use ledger::{DesiredDoc, LedgerError, SmallDocs};
use runtime::{Bus, Clock};

use crate::manifest::{Index, Manifests, Part};
use crate::merge::{Ids, Missing};
use crate::run::{Store, WithdrawRequest, Withdrawal};

/// Products read together.
const WINDOW: usize = 100;

/// What is to be thought of a noted product that the feed lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// It has been withdrawn since long: nothing is left to say of it.
    Settled,
    /// Not there (yet), newer than the feed, or not what it speaks of: nothing follows from this
    /// feed.
    Open,
    /// It is to be withdrawn, or was by an earlier attempt.
    Candidate,
}

impl<M: Manifests, S: Store, B: Bus, C: Clock> Withdrawal<'_, M, S, B, C> {
    /// The ids, in order, that are noted and count beside those of the full feed before: the feed
    /// has them, or they are for sale without it. Notes that say nothing any more are struck off.
    pub(crate) async fn brought(
        &self,
        request: &WithdrawRequest,
        (before, known): (&Index, &Version),
        now: &Index,
    ) -> Result<Vec<String>, Failure> {
        let failure = |error: LedgerError| error.failure();
        let mut notes: Vec<Brought> = Vec::new();
        match now.speaks_for.is_empty() {
            true => notes.extend(self.store.brought(&request.source, None).await.map_err(failure)?),
            false => {
                for part in &now.speaks_for {
                    notes.extend(self.store.brought(&request.source, Some(part)).await.map_err(failure)?);
                }
                notes.sort_unstable();
            }
        }
        if notes.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<String> = notes.iter().map(|note| note.id.clone()).collect();
        let unlisted = self.lacking(request, &ids, before).await?;
        let lacking = self.lacking(request, &unlisted, now).await?;
        let (mut settled, mut open) = (BTreeSet::new(), BTreeSet::new());
        for window in lacking.chunks(WINDOW) {
            for (id, standing) in self.standing(request, window, (now, known)).await? {
                match standing {
                    Standing::Settled => drop(settled.insert(id)),
                    Standing::Open => drop(open.insert(id)),
                    Standing::Candidate => {}
                }
            }
        }
        let listed: BTreeSet<&String> = unlisted.iter().collect();
        // What the feed before has is known without a note. What was noted since may be about to be
        // written.
        let said = |note: &&Brought| settled.contains(&note.id) || !listed.contains(&note.id);
        let old = |note: &&Brought| note.version.as_str() <= known.as_str();
        let over: Vec<&Brought> = notes.iter().filter(old).filter(said).collect();
        if !over.is_empty() {
            let at = self.clock.now_ms();
            for note in over {
                self.store.strike_off_brought(note, at).await.map_err(failure)?;
            }
        }
        Ok(unlisted.into_iter().filter(|id| !settled.contains(id) && !open.contains(id)).collect())
    }

    /// Those of these ids, each once, that a feed lacks.
    async fn lacking(&self, request: &WithdrawRequest, ids: &[String], index: &Index) -> Result<Vec<String>, Failure> {
        let own = Ids::open(self.manifests, vec![Part::of_ids(ids)], None).await?;
        let of_feed = Ids::open(self.manifests, self.parts(request, index).await?, None).await?;
        let mut missing = Missing::new(own, of_feed).await?;
        let mut lacking = Vec::new();
        while let Some(id) = missing.next().await? {
            lacking.push(id);
        }
        Ok(lacking)
    }

    async fn standing(
        &self,
        request: &WithdrawRequest,
        ids: &[String],
        (now, known): (&Index, &Version),
    ) -> Result<Vec<(String, Standing)>, Failure> {
        let failure = |error: LedgerError| error.failure();
        let keys: Vec<ProductKey> = ids.iter().filter_map(|id| ProductKey::new(&request.source, id).ok()).collect();
        let SmallDocs { mut docs, large, parted } = self.store.read_small_docs(&keys).await.map_err(failure)?;
        let mut standings = Vec::with_capacity(keys.len());
        for key in keys {
            let standing = if parted.contains(&key) {
                let parts = self.store.read_parts(&key).await.map_err(failure)?;
                let own =
                    parts.iter().filter(|(name, _)| name.as_ref().is_some_and(|name| now.speaks_for.contains(name)));
                own.map(|(_, doc)| stands(doc, now, known)).max().unwrap_or(Standing::Open)
            } else if large.contains(&key) {
                // One at a time: each takes megabytes.
                let doc = self.store.read_large_doc(&key).await.map_err(failure)?;
                doc.map_or(Standing::Open, |doc| self.standing_of(&doc, now, known))
            } else {
                match docs.remove(&key) {
                    None => Standing::Open,
                    Some(doc) => self.standing_of(&doc.map_err(failure)?, now, known),
                }
            };
            standings.push((key.id().to_owned(), standing));
        }
        Ok(standings)
    }

    fn standing_of(&self, doc: &DesiredDoc, now: &Index, known: &Version) -> Standing {
        if self.speaks_of(now, doc) { stands(doc, now, known) } else { Standing::Open }
    }
}

fn stands(doc: &DesiredDoc, now: &Index, known: &Version) -> Standing {
    let version = Version::from_text(now.version.as_str());
    match doc.product.withdrawn {
        false if doc.version > version => Standing::Open,
        false => Standing::Candidate,
        // By an earlier attempt at this very comparison.
        true if doc.version == version => Standing::Candidate,
        true if doc.version <= *known => Standing::Settled,
        true => Standing::Open,
    }
}
