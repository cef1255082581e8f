//! Declared parts: the steps of [`core::lines`](crate::core::lines), in their order.

use std::collections::{BTreeSet, HashMap};

use catalog::{Identifier, PartName, ProductKey, WarningCode};
use futures::stream::{self, StreamExt, TryStreamExt};

use super::{DesiredOutcome, Ledger, LedgerError, Table};
use crate::core::desired::{self, DesiredDoc};
use crate::core::lines::{self, Declared, Kept, MAIN, Origin};
use crate::core::parts::{self, MAX_PARTS};
use crate::core::together::{self, Assembled, KeptLine, Replaced};
use crate::core::{Item, ItemKey};

/// What became of lines of one product.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Laid {
    /// Those that the product has.
    pub found: BTreeSet<Identifier>,
    /// What was written; nothing where it has none of them.
    pub outcome: Option<DesiredOutcome>,
    /// Remarks on what it comes to that no single file causes.
    pub made: Vec<WarningCode>,
}

/// What is put together.
struct Work<'w> {
    key: &'w ProductKey,
    declared: &'w Declared,
    origin: &'w Origin,
    /// The identifiers that have to be the product's; everything will do where there is none.
    about: Option<&'w BTreeSet<Identifier>>,
    now: i64,
}

enum Put {
    /// Others wrote it meanwhile.
    Again,
    Done(DesiredOutcome, BTreeSet<Identifier>, Vec<WarningCode>),
    NotThere,
}

impl<T: Table> Ledger<T> {
    /// What is kept of lines; of one that was never said, nothing.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn read_lines(&self, keys: &[ItemKey]) -> Result<HashMap<ItemKey, Kept>, LedgerError> {
        let items = self.table.read(keys).await?;
        Ok(items.into_iter().map(|(key, item)| (key, Kept::of(&item))).collect())
    }

    /// The products that have an identifier, or had it.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn holders(&self, source: &str, about: &Identifier) -> Result<Vec<ProductKey>, LedgerError> {
        if about.kind == catalog::IdKind::Id {
            return Ok(ProductKey::new(source, &about.value).into_iter().collect());
        }
        let rows = self.table.after(&lines::partition(source, about), "").await?;
        Ok(rows.iter().filter_map(|(sk, _)| lines::holder(source, sk)).collect())
    }

    /// Lines of one shard that wait, oldest first, with the time (ms) since when.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn waiting_lines(&self, shard: &str, limit: usize) -> Result<Vec<(ItemKey, i64)>, LedgerError> {
        self.table.list(shard, i64::MAX, limit, true).await
    }

    /// The lines that declared parts have said of a product as it is, with part and identifier.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn lines_of(
        &self,
        product: &catalog::Product,
        declared: &Declared,
    ) -> Result<Vec<(PartName, Identifier, Kept)>, LedgerError> {
        let known = Identifier::all_of(product, &declared.kinds());
        let read = self.lines(&product.source, declared, &known).await?;
        Ok(read
            .into_iter()
            .filter(|(.., kept)| kept.is_there())
            .map(|(part, about, _, kept)| (part, about, kept))
            .collect())
    }

    /// The declaration under which a product was written.
    pub(super) async fn declared(&self, key: &ProductKey) -> Result<Option<Declared>, LedgerError> {
        Ok(Declared::of(&self.read(&desired::doc_key(key)).await?))
    }

    /// Writes a product, or a part of one, of a source with declared parts: with the lines that they have said of it.
    ///
    /// # Errors
    /// As [`Ledger::put_desired_of`].
    pub async fn put_desired_under(
        &self,
        key: &ProductKey,
        name: &PartName,
        doc: &DesiredDoc,
        declared: &Declared,
        now: i64,
    ) -> Result<(DesiredOutcome, Vec<WarningCode>), LedgerError> {
        let body = self.put_body(key, doc).await?;
        let origin = Origin { run: doc.run.clone(), provenance: doc.provenance.clone() };
        let work = Work { key, declared, origin: &origin, about: None, now };
        let mut own = false;
        for _ in 0..Self::ROUNDS {
            let item = self.read(&desired::doc_key(key)).await?;
            let Some(mut names) = self.parts_in(key, &item).await? else { continue };
            names.insert(name.clone());
            if names.len() > MAX_PARTS {
                return Err(LedgerError::TooManyParts { key: key.to_string(), part: name.to_string() });
            }
            if !own {
                if !self.table.write_large(&parts::write_part(key, name, doc, body.clone())).await? {
                    return Ok((DesiredOutcome::Stale, Vec::new()));
                }
                own = true;
            }
            match self.put_together(&work, &names, &item).await? {
                Put::Done(outcome, _, made) => return Ok((outcome, made)),
                Put::Again | Put::NotThere => {}
            }
        }
        Err(Self::busy(key))
    }

    /// Lays lines that are written over a product, if it has their identifiers.
    ///
    /// # Errors
    /// As [`Ledger::put_desired_of`].
    pub async fn lay_lines(
        &self,
        key: &ProductKey,
        declared: &Declared,
        about: &BTreeSet<Identifier>,
        origin: &Origin,
        now: i64,
    ) -> Result<Laid, LedgerError> {
        let work = Work { key, declared, origin, about: Some(about), now };
        for _ in 0..Self::ROUNDS {
            let item = self.read(&desired::doc_key(key)).await?;
            if parts::mark_of(&item).is_none() {
                return Ok(Laid::default());
            }
            let Some(names) = self.parts_in(key, &item).await? else { continue };
            match self.put_together(&work, &names, &item).await? {
                Put::Done(outcome, found, made) => return Ok(Laid { found, outcome: Some(outcome), made }),
                Put::NotThere => return Ok(Laid::default()),
                Put::Again => {}
            }
        }
        Err(Self::busy(key))
    }

    pub(super) fn busy(key: &ProductKey) -> LedgerError {
        LedgerError::LeaseLost { what: format!("the document of product {key}, which others wrote all the time") }
    }

    /// The parts that are in a `doc`. One that is whole becomes an item first; `None` where it was read too late for that.
    async fn parts_in(&self, key: &ProductKey, item: &Item) -> Result<Option<BTreeSet<PartName>>, LedgerError> {
        if let Some(marks) = parts::marks(item) {
            return Ok(Some(marks.into_keys().collect()));
        }
        if parts::mark_of(item).is_none() {
            return Ok(Some(BTreeSet::new()));
        }
        let Some((whole, read)) = self.readable(key, &desired::doc_key(key), item.clone()).await? else {
            return Ok(Some(BTreeSet::new()));
        };
        if parts::marks(&read).is_some() || parts::mark_of(&read) != parts::mark_of(item) {
            return Ok(None);
        }
        let name = parts::part(&read).or_else(|| self.part_of(&whole.product));
        let name = name.unwrap_or_else(|| PartName::from_text(MAIN));
        let body = self.put_body(key, &whole).await?;
        // Refused: somebody has split it before, and that part is newer by now.
        let _ = self.table.write_large(&parts::write_part(key, &name, &whole, body)).await?;
        Ok(Some(BTreeSet::from([name])))
    }

    /// Replaces a `doc` that was read by what parts and lines say together, then the `state`.
    async fn put_together(&self, work: &Work<'_>, names: &BTreeSet<PartName>, item: &Item) -> Result<Put, LedgerError> {
        let Work { key, declared, .. } = *work;
        let found = self.read_parts_named(key, names).await?;
        let Some(base) = Assembled::of(&found) else { return Ok(Put::NotThere) };
        let known = Identifier::all_of(&base.product, &declared.kinds());
        let asked = work.about.map(|about| about.intersection(&known).cloned().collect::<BTreeSet<_>>());
        if asked.as_ref().is_some_and(BTreeSet::is_empty) {
            return Ok(Put::NotThere);
        }
        let before = Replaced::of(item);
        let fresh = before.fresh(&known, declared);
        self.note_at(key, &fresh).await?;

        let read = self.lines(key.source(), declared, &known).await?;
        let together = together::with_lines(base, &read, &before, declared, work.origin.clone());
        let doc = &together.doc;
        // Written even where it says it all: who has read a line before it changed must not replace it any more.
        let body = if together.keeps_body { None } else { Some(self.put_body(key, doc).await?) };
        let write = match &before.mark {
            Some(mark) => parts::write_together(key, doc, body, &together.marks, mark),
            None => lines::first(parts::write_together(key, doc, body, &together.marks, &together::mark(doc))),
        };
        if !self.table.write_large(&lines::under(write, declared)).await? {
            return Ok(Put::Again);
        }
        // Whoever wrote one of these meanwhile may not have found the product.
        if !fresh.is_empty() {
            let again = self.lines(key.source(), declared, &fresh).await?;
            if !together::stand(&again, &read) {
                return Ok(Put::Again);
            }
            self.end_waits(&again).await?;
        }
        self.end_waits(&read).await?;
        let (outcome, made) = self.state_of_parts(key, &together, Some(declared), work.now).await?;
        Ok(Put::Done(outcome, asked.unwrap_or_default(), made))
    }

    async fn note_at(&self, key: &ProductKey, fresh: &BTreeSet<Identifier>) -> Result<(), LedgerError> {
        let named = fresh.iter().filter(|about| about.kind != catalog::IdKind::Id);
        let writes: Vec<_> = named.map(|about| lines::note_at(key, about)).collect();
        let each = writes.iter().map(|write| self.table.write_large(write));
        stream::iter(each).buffer_unordered(Self::PARALLEL).try_for_each(|_| async { Ok(()) }).await
    }

    async fn lines(
        &self,
        source: &str,
        declared: &Declared,
        known: &BTreeSet<Identifier>,
    ) -> Result<Vec<KeptLine>, LedgerError> {
        let wanted: Vec<(PartName, Identifier, ItemKey)> = declared
            .lines_of(known)
            .map(|(part, about)| (part.clone(), about.clone(), lines::line_key(source, part, about)))
            .collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<ItemKey> = wanted.iter().map(|(.., key)| key.clone()).collect();
        let mut kept = self.read_lines(&keys).await?;
        let each = wanted.into_iter().map(|(part, about, key)| {
            let kept = kept.remove(&key).unwrap_or_default();
            (part, about, key, kept)
        });
        Ok(each.collect())
    }

    async fn end_waits(&self, read: &[KeptLine]) -> Result<(), LedgerError> {
        for (_, _, key, _) in read.iter().filter(|(.., kept)| kept.waits_since.is_some()) {
            let _ = self.table.write_large(&lines::end_wait(key.clone())).await?;
        }
        Ok(())
    }
}
