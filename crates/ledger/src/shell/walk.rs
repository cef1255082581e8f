//! Walks over the table ([`crate::core::walk`]).

use catalog::ProductKey;

use super::{Ledger, LedgerError, Table};
use crate::core::walk::{self, Dealt, Segment};
use crate::core::{ItemKey, state};

impl<T: Table> Ledger<T> {
    /// Where a segment of a walk is.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn walk_segment(&self, name: &str, segment: u32) -> Result<Segment, LedgerError> {
        Ok(Segment::of(&self.read(&walk::key(name, segment)).await?))
    }

    /// Some products of a segment, behind `after`, and where to go on.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn walk_products(
        &self,
        segment: u32,
        after: Option<&ItemKey>,
    ) -> Result<(Vec<ProductKey>, Option<ItemKey>), LedgerError> {
        let (rows, next) = self.table.scan_segment(state::SK, (segment, walk::SEGMENTS), after).await?;
        Ok((rows.into_iter().filter_map(|(key, _)| state::product_of(&key.pk)).collect(), next))
    }

    /// Moves a segment, and tells where it is by then; `None` if somebody else moved it meanwhile.
    /// What was marked counts either way.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn walk_on(
        &self,
        name: (&str, u32),
        seen: &Segment,
        goal: &str,
        to: Option<&ItemKey>,
        dealt: Dealt,
        now: i64,
    ) -> Result<Option<Segment>, LedgerError> {
        let moved = self.write(&walk::advance(name, seen, goal, to, dealt, now)).await?.ok();
        if moved.is_none() && dealt.marked > 0 {
            // Refused: it goes for another goal by now.
            let _ = self.write(&walk::marked_too(name, goal, dealt.marked)).await?;
        }
        Ok(moved.as_ref().map(Segment::of))
    }
}
