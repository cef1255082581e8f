//! Products that come in parts: the steps of [`core::parts`](crate::core::parts), in their order.

use std::collections::{BTreeMap, BTreeSet};

use catalog::{ContentHash, PartName, Product, ProductKey, WarningCode, assemble};

use super::{DesiredOutcome, Ledger, LedgerError, Table};
use crate::core::desired::{self, Body, DesiredDoc};
use crate::core::parts::{self, MAX_PARTS, Mark, Marks};
use crate::core::{Item, ItemKey, lines, state};

/// The part that a product is, which follows from the product alone.
pub type PartOf = fn(&Product) -> Option<PartName>;

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
            if let Some(declared) = lines::Declared::of(&item) {
                return self.put_desired_under(key, name, doc, &declared, now).await;
            }
            let Some(before) = parts::mark_of(&item) else {
                if self.table.write_large(&parts::write_only(key, doc, body.clone(), name)).await? {
                    return self.state_of_only(key, doc, name, now).await.map(alone);
                }
                continue;
            };
            let mut names: BTreeSet<PartName> = BTreeSet::from([name.clone()]);
            match parts::marks(&item) {
                Some(marks) => names.extend(marks.into_keys()),
                None => match self.other_part(key, name, item.clone()).await? {
                    None if before.version > doc.version => return Ok((DesiredOutcome::Stale, Vec::new())),
                    None => {
                        let write = parts::replace_only(key, doc, body.clone(), name, &before);
                        if self.table.write_large(&write).await? {
                            return self.state_of_only(key, doc, name, now).await.map(alone);
                        }
                        continue;
                    }
                    Some((other, whole)) => {
                        let body = self.put_body(key, &whole).await?;
                        // Refused: somebody has split it before, and that part is newer by now.
                        let _ = self.table.write_large(&parts::write_part(key, &other, &whole, body)).await?;
                        names.insert(other);
                    }
                },
            }
            if names.len() > MAX_PARTS {
                return Err(LedgerError::TooManyParts { key: key.to_string(), part: name.to_string() });
            }
            if !own {
                if !self.table.write_large(&parts::write_part(key, name, doc, body.clone())).await? {
                    return Ok((DesiredOutcome::Stale, Vec::new()));
                }
                own = true;
            }
            let Some((together, marks)) = self.together(key, &names, &before, doc).await? else { continue };
            // Read and found right: what is damaged is written anew.
            let kept = DesiredDoc::of(&item).ok().flatten();
            let same = together.hash == before.hash
                && parts::marks(&item).is_some()
                && kept.is_some_and(|kept| ContentHash::of(&kept.product) == together.hash);
            let body = if same { None } else { Some(self.put_body(key, &together).await?) };
            if !self.table.write_large(&parts::write_together(key, &together, body, &marks, &before)).await? {
                continue;
            }
            if same && self.table.write(&parts::note_state_together(key, &together, &marks)).await?.is_ok() {
                return Ok((DesiredOutcome::Same, Vec::new()));
            }
            let state = self.table.write(&parts::write_state_together(key, &together, &marks, now)).await?;
            let outcome = super::lane::written(state, &together.product);
            return Ok((outcome, super::lines::made_together(&together.product)));
        }
        Err(LedgerError::LeaseLost { what: format!("the document of product {key}, which others wrote all the time") })
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

    /// What the parts of these names say together; `None` if nothing of them can be read.
    async fn together(
        &self,
        key: &ProductKey,
        names: &BTreeSet<PartName>,
        before: &Mark,
        doc: &DesiredDoc,
    ) -> Result<Option<(DesiredDoc, Marks)>, LedgerError> {
        let keys: Vec<_> = names.iter().map(|name| parts::item_key(key, name)).collect();
        let mut items = self.table.read(&keys).await?;
        let mut found: BTreeMap<PartName, DesiredDoc> = BTreeMap::new();
        for (name, item_key) in names.iter().zip(&keys) {
            let item = items.remove(item_key).unwrap_or_default();
            // One that cannot be read is in no mark, and so is written anew by its next record.
            if let Some((part, _)) = self.readable(key, item_key, item).await? {
                found.insert(name.clone(), part);
            }
        }
        let products = || found.iter().map(|(name, part)| (name, &part.product));
        let (Some(product), Some(leading)) = (assemble(products()), catalog::parts::leading(products())) else {
            return Ok(None);
        };
        let leads = found.values().nth(leading).map_or(&doc.version, |part| &part.version);
        let mark = |part: &DesiredDoc| Mark { version: part.version.clone(), hash: part.hash.clone() };
        let marks = found.iter().map(|(name, part)| (name.clone(), mark(part))).collect();
        let (hash, version) = (ContentHash::of(&product), leads.grown(&before.version));
        let (run, provenance) = (doc.run.clone(), doc.provenance.clone());
        Ok(Some((DesiredDoc { product, version, hash, run, provenance }, marks)))
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
