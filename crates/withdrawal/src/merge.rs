//! Two sorted lists of ids as streams, and what only the first one has.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use catalog::Failure;

use crate::manifest::{Manifests, Part};

/// The ids of one manifest in order, each once: its sorted parts, merged.
#[derive(Debug)]
pub struct Ids<'a, M> {
    source: &'a M,
    parts: Vec<Part>,
    /// The next id of each part that has one.
    heads: BinaryHeap<Reverse<(String, usize)>>,
    last: Option<String>,
}

impl<'a, M: Manifests> Ids<'a, M> {
    /// Reads the beginning of each part. Ids up to and including `after` are passed over.
    ///
    /// # Errors
    /// When a part cannot be read.
    pub async fn open(source: &'a M, parts: Vec<Part>, after: Option<&str>) -> Result<Self, Failure> {
        let mut ids = Self { source, parts, heads: BinaryHeap::new(), last: after.map(str::to_owned) };
        for part in 0..ids.parts.len() {
            ids.refill(part).await?;
        }
        Ok(ids)
    }

    async fn refill(&mut self, part: usize) -> Result<(), Failure> {
        if let Some(id) = self.parts[part].next(self.source).await? {
            self.heads.push(Reverse((id, part)));
        }
        Ok(())
    }

    /// The next id.
    ///
    /// # Errors
    /// When a part cannot be read.
    pub async fn next(&mut self) -> Result<Option<String>, Failure> {
        while let Some(Reverse((id, part))) = self.heads.pop() {
            self.refill(part).await?;
            if self.last.as_ref().is_none_or(|last| id > *last) {
                self.last = Some(id.clone());
                return Ok(Some(id));
            }
        }
        Ok(None)
    }
}

/// What `before` has and `now` lacks, one id at a time.
#[derive(Debug)]
pub struct Missing<'a, M> {
    before: Ids<'a, M>,
    now: Ids<'a, M>,
    candidate: Option<String>,
    /// Ids of `before` seen so far.
    pub compared: u64,
}

impl<'a, M: Manifests> Missing<'a, M> {
    /// Compares two manifests.
    ///
    /// # Errors
    /// When a part cannot be read.
    pub async fn new(before: Ids<'a, M>, mut now: Ids<'a, M>) -> Result<Self, Failure> {
        let candidate = now.next().await?;
        Ok(Self { before, now, candidate, compared: 0 })
    }

    /// The next id that is gone.
    ///
    /// # Errors
    /// When a part cannot be read.
    pub async fn next(&mut self) -> Result<Option<String>, Failure> {
        while let Some(id) = self.before.next().await? {
            self.compared += 1;
            while self.candidate.as_ref().is_some_and(|candidate| *candidate < id) {
                self.candidate = self.now.next().await?;
            }
            if self.candidate.as_ref() != Some(&id) {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }
}
