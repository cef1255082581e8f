//! Products that come in parts: the steps of [`core::parts`](crate::core::parts), in their order.

use std::collections::{BTreeMap, BTreeSet};

use catalog::{PartName, Product, ProductKey, WarningCode};

use super::{DesiredOutcome, Ledger, LedgerError, Table};
use crate::core::desired::{self, Body, DesiredDoc};
use crate::core::lines::{self, Declared};
use crate::core::parts::{self, MAX_PARTS};
use crate::core::together::{self, Assembled, Replaced, Together};
use crate::core::{Item, ItemKey, Write, state};

/// The part that a product is, which follows from the product alone.
pub type PartOf = fn(&Product) -> Option<PartName>;

/// What a part is written beside.
enum Beside {
    /// Nothing: it is all there is of the product.
    Nothing(Write),
    /// Itself, newer.
    Newer,
    /// These parts, itself among them.
    Parts(BTreeSet<PartName>),
}

impl<T: Table> Ledger<T> {
    /// The same ledger, for sources whose products come in parts.
    #[must_use]
    pub fn with_parts(self, part_of: PartOf) -> Self {
        Self { part_of, ..self }
    }

    /// The part that a product is.
    #[must_use]
    pub fn part_of(&self, product: &Product) -> Option<PartName> {
        (self.part_of)(product)
    }

    /// What the ledger holds of a product, part by part; the whole of one that is not in parts, under its part's name if it has one.
    ///
    /// # Errors
    /// [`LedgerError::Store`], [`LedgerError::BodyUnavailable`]; a part that cannot be read is left out.
    pub async fn read_parts(&self, key: &ProductKey) -> Result<Vec<(Option<PartName>, DesiredDoc)>, LedgerError> {
        let item = self.read(&desired::doc_key(key)).await?;
        if parts::marks(&item).is_none() {
            let doc = self.readable(key, &desired::doc_key(key), item).await?;
            return Ok(doc.into_iter().map(|(doc, _)| (self.part_of(&doc.product), doc)).collect());
        }
        let mut found = Vec::new();
        for (name, item) in self.part_items(key).await? {
            let doc = self.readable(key, &parts::item_key(key, &name), item).await?;
            found.extend(doc.map(|(doc, _)| (Some(name), doc)));
        }
        Ok(found)
    }

    /// The items of a product's parts.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn part_items(&self, key: &ProductKey) -> Result<Vec<(PartName, Item)>, LedgerError> {
        let rows = self.table.after(&state::partition(key), parts::PREFIX).await?;
        Ok(rows.into_iter().filter_map(|(sk, item)| Some((parts::name_of(&sk)?, item))).collect())
    }

    /// Writes a changed product, or a part of one. `parted`: it is known to be of several parts, or of another one so far.
    ///
    /// # Errors
    /// [`LedgerError::TooLarge`], [`LedgerError::TooManyParts`], [`LedgerError::BodyUnavailable`], [`LedgerError::Store`]; [`LedgerError::LeaseLost`]
    /// when others wrote the same product all the time.
    pub async fn put_desired_of(
        &self,
        key: &ProductKey,
        doc: &DesiredDoc,
        parted: bool,
        now: i64,
    ) -> Result<DesiredOutcome, LedgerError> {
        self.put_desired_telling(key, doc, parted, now).await.map(|(outcome, _)| outcome)
    }

    /// The same, with the remarks that putting the product together makes.
    ///
    /// # Errors
    /// As [`Ledger::put_desired_of`].
    pub async fn put_desired_telling(
        &self,
        key: &ProductKey,
        doc: &DesiredDoc,
        parted: bool,
        now: i64,
    ) -> Result<(DesiredOutcome, Vec<WarningCode>), LedgerError> {
        let body = self.put_body(key, doc).await?;
        let Some(name) = self.part_of(&doc.product) else {
            if !self.table.write_large(&desired::write_doc(key, doc, body)).await? {
                return match self.declared(key).await? {
                    Some(declared) => {
                        self.put_desired_under(key, &PartName::from_text(lines::MAIN), doc, &declared, now).await
                    }
                    None => Ok((DesiredOutcome::Stale, Vec::new())),
                };
            }
            let state = desired::write_state(key, &doc.version, &doc.hash, &doc.run, now);
            // Refused: a newer document has overtaken this one. But its `doc` was there for a while, and somebody may have applied it: it is
            // announced all the same.
            let outcome = super::lane::written(self.table.write(&state).await?, &doc.product);
            return Ok((outcome, Vec::new()));
        };
        if !parted && self.table.write_large(&parts::write_only(key, doc, body.clone(), &name)).await? {
            return self.state_of_only(key, doc, &name, now).await.map(alone);
        }
        self.put_part(key, &name, doc, &body, now).await
    }

    async fn state_of_only(
        &self,
        key: &ProductKey,
        doc: &DesiredDoc,
        name: &PartName,
        now: i64,
    ) -> Result<DesiredOutcome, LedgerError> {
        let state = self.table.write(&parts::write_state_only(key, doc, name, now)).await?;
        Ok(super::lane::written(state, &doc.product))
    }

    /// A part of a product, whatever the `doc` is.
    async fn put_part(
        &self,
        key: &ProductKey,
        name: &PartName,
        doc: &DesiredDoc,
        body: &Body,
        now: i64,
    ) -> Result<(DesiredOutcome, Vec<WarningCode>), LedgerError> {
        let mut own = false;
        // Each round that does not end means that somebody else wrote the product in between.
        for _ in 0..Self::ROUNDS {
            let item = self.read(&desired::doc_key(key)).await?;
            if let Some(declared) = Declared::of(&item) {
                return self.put_desired_under(key, name, doc, &declared, now).await;
            }
            let names = match self.beside(key, name, doc, body, &item).await? {
                Beside::Nothing(write) => {
                    if self.table.write_large(&write).await? {
                        return self.state_of_only(key, doc, name, now).await.map(alone);
                    }
                    continue;
                }
                Beside::Newer => return Ok((DesiredOutcome::Stale, Vec::new())),
                Beside::Parts(names) => names,
            };
            if names.len() > MAX_PARTS {
                return Err(LedgerError::TooManyParts { key: key.to_string(), part: name.to_string() });
            }
            if !own {
                if !self.table.write_large(&parts::write_part(key, name, doc, body.clone())).await? {
                    return Ok((DesiredOutcome::Stale, Vec::new()));
                }
                own = true;
            }
            if let Some(done) = self.put_parts(key, &names, &item, doc, now).await? {
                return Ok(done);
            }
        }
        Err(Self::busy(key))
    }

    /// What a part is written beside, by the `doc` that was read.
    async fn beside(
        &self,
        key: &ProductKey,
        name: &PartName,
        doc: &DesiredDoc,
        body: &Body,
        item: &Item,
    ) -> Result<Beside, LedgerError> {
        let Some(before) = parts::mark_of(item) else {
            return Ok(Beside::Nothing(parts::write_only(key, doc, body.clone(), name)));
        };
        let mut names = BTreeSet::from([name.clone()]);
        if let Some(marks) = parts::marks(item) {
            names.extend(marks.into_keys());
            return Ok(Beside::Parts(names));
        }
        match self.other_part(key, name, item.clone()).await? {
            None if before.version > doc.version => Ok(Beside::Newer),
            None => Ok(Beside::Nothing(parts::replace_only(key, doc, body.clone(), name, &before))),
            Some((other, whole)) => {
                let body = self.put_body(key, &whole).await?;
                // Refused: somebody has split it before, and that part is newer by now.
                let _ = self.table.write_large(&parts::write_part(key, &other, &whole, body)).await?;
                names.insert(other);
                Ok(Beside::Parts(names))
            }
        }
    }

    /// Replaces a `doc` that was read by what these parts say together, then the `state`. `None` if others were faster, or no part can be read.
    async fn put_parts(
        &self,
        key: &ProductKey,
        names: &BTreeSet<PartName>,
        item: &Item,
        doc: &DesiredDoc,
        now: i64,
    ) -> Result<Option<(DesiredOutcome, Vec<WarningCode>)>, LedgerError> {
        let found = self.read_parts_named(key, names).await?;
        let before = Replaced::of(item);
        let (Some(base), Some(mark)) = (Assembled::of(&found), &before.mark) else { return Ok(None) };
        let together = together::of_parts(base, &before, doc);
        let body = if together.keeps_body { None } else { Some(self.put_body(key, &together.doc).await?) };
        let write = parts::write_together(key, &together.doc, body, &together.marks, mark);
        if !self.table.write_large(&write).await? {
            return Ok(None);
        }
        self.state_of_parts(key, &together, None, now).await.map(Some)
    }

    /// The `state` after the `doc` of several parts: noted where that says what it said, else written.
    pub(super) async fn state_of_parts(
        &self,
        key: &ProductKey,
        Together { doc, marks, same, .. }: &Together,
        declared: Option<&Declared>,
        now: i64,
    ) -> Result<(DesiredOutcome, Vec<WarningCode>), LedgerError> {
        let under = |write| match declared {
            Some(declared) => lines::under(write, declared),
            None => write,
        };
        if *same && self.table.write(&under(parts::note_state_together(key, doc, marks))).await?.is_ok() {
            return Ok((DesiredOutcome::Same, Vec::new()));
        }
        let state = self.table.write(&under(parts::write_state_together(key, doc, marks, now))).await?;
        Ok((super::lane::written(state, &doc.product), together::made_together(&doc.product)))
    }

    /// The other part that a `doc` of one part is; `None` if it is this one, none, or nothing that can be read.
    async fn other_part(
        &self,
        key: &ProductKey,
        name: &PartName,
        item: Item,
    ) -> Result<Option<(PartName, DesiredDoc)>, LedgerError> {
        let said = parts::part(&item);
        if said.as_ref() == Some(name) {
            return Ok(None);
        }
        let Some((doc, read)) = self.readable(key, &desired::doc_key(key), item).await? else { return Ok(None) };
        // Another one meanwhile: the next round sees it.
        let other = parts::part(&read).or_else(|| self.part_of(&doc.product));
        Ok(other.filter(|other| other != name && parts::marks(&read).is_none()).map(|other| (other, doc)))
    }

    /// The parts of these names.
    pub(super) async fn read_parts_named(
        &self,
        key: &ProductKey,
        names: &BTreeSet<PartName>,
    ) -> Result<BTreeMap<PartName, DesiredDoc>, LedgerError> {
        let keys: Vec<ItemKey> = names.iter().map(|name| parts::item_key(key, name)).collect();
        let mut items = self.table.read(&keys).await?;
        let mut found = BTreeMap::new();
        for (name, item_key) in names.iter().zip(&keys) {
            let item = items.remove(item_key).unwrap_or_default();
            // One that cannot be read is in no mark, and so is written anew by its next record.
            if let Some((part, _)) = self.readable(key, item_key, item).await? {
                found.insert(name.clone(), part);
            }
        }
        Ok(found)
    }

    /// A document with its item, wherever its body is; `None` if there is none, or none that can be read.
    pub(super) async fn readable(
        &self,
        key: &ProductKey,
        item_key: &ItemKey,
        item: Item,
    ) -> Result<Option<(DesiredDoc, Item)>, LedgerError> {
        match self.with_its_body(key, item_key, item).await {
            Err(error @ (LedgerError::BodyMissing { .. } | LedgerError::Damaged { .. })) => {
                tracing::error!(item = item_key.sk, %error, "a part cannot be read");
                Ok(None)
            }
            read => read,
        }
    }
}

const fn alone(outcome: DesiredOutcome) -> (DesiredOutcome, Vec<WarningCode>) {
    (outcome, Vec::new())
}
