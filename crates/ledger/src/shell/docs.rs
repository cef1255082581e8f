//! Documents: what the targets should hold of a product.

use std::collections::HashMap;

use catalog::{ContentHash, ProductKey, Version};

use super::{Ledger, LedgerError, Table};
use crate::core::desired::{self, Body, DesiredDoc};
use crate::core::{BodyError, Item, ItemKey, parts};

/// What writing a desired state came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DesiredOutcome {
    Written,
    /// The same, and what the PIM holds differs by its offers alone (`core::lane`).
    Offers,
    /// A newer document won meanwhile: dropped, to be counted as stale.
    Stale,
    /// A part of several was written, and all together say what they said before.
    Same,
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

impl<T: Table> Ledger<T> {
    /// The desired states of these products; a product without one is not in the answer. For few
    /// products: large ones are all held at once.
    ///
    /// # Errors
    /// [`LedgerError::Store`]; a damaged doc, or a body that cannot be had, is an error of its own
    /// entry.
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

    /// The desired states of those of these products whose bodies are in their items, and the names
    /// of the others.
    ///
    /// # Errors
    /// As [`Ledger::read_docs`].
    pub async fn read_small_docs(&self, keys: &[ProductKey]) -> Result<SmallDocs, LedgerError> {
        let mut found = SmallDocs::default();
        for (key, item) in self.read_each(keys, desired::doc_key).await? {
            if parts::marks(&item).is_some() {
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
    /// [`LedgerError::BodyMissing`], [`LedgerError::BodyUnavailable`], [`LedgerError::Damaged`],
    /// [`LedgerError::Store`].
    pub async fn read_large_doc(&self, key: &ProductKey) -> Result<Option<DesiredDoc>, LedgerError> {
        let item_key = desired::doc_key(key);
        let item = self.read(&item_key).await?;
        Ok(self.with_its_body(key, &item_key, item).await?.map(|(doc, _)| doc))
    }

    /// The document of an item that was read, wherever its body is, with the item as it is by then;
    /// `None` for one without a body.
    pub(super) async fn with_its_body(
        &self,
        key: &ProductKey,
        item_key: &ItemKey,
        mut item: Item,
    ) -> Result<Option<(DesiredDoc, Item)>, LedgerError> {
        let mut missing: Option<String> = None;
        loop {
            let packed = match Body::of(&item) {
                None => return Ok(None),
                Some(Body::Here(packed)) => packed,
                Some(Body::At(object)) => match self.bodies.get(&object).await? {
                    Some(packed) => packed,
                    // Cleaned up, because the item has named another one since it was read? Then it
                    // does so now.
                    None if missing.as_ref() != Some(&object) => {
                        missing = Some(object);
                        item = self.read(item_key).await?;
                        continue;
                    }
                    None => return Err(LedgerError::BodyMissing { key: key.to_string(), object }),
                },
            };
            let doc = DesiredDoc::with_body(&item, &packed);
            return doc
                .map(|doc| Some((doc, item)))
                .map_err(|source| LedgerError::Damaged { key: key.to_string(), source });
        }
    }

    /// Writes a changed product: its body, if that does not fit the item, then `doc`, then `state`;
    /// of one that comes in parts, the part.
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
    pub(super) async fn put_body(&self, key: &ProductKey, doc: &DesiredDoc) -> Result<Body, LedgerError> {
        let packed = doc.packed().map_err(|source| match source {
            BodyError::TooLarge { bytes } => LedgerError::TooLarge { key: key.to_string(), bytes },
            source => LedgerError::Damaged { key: key.to_string(), source },
        })?;
        Ok(match Body::object_for(key, &packed) {
            None => Body::Here(packed),
            // Always, also when it is there: whoever cleans up may be about to delete what is there
            // (`core::spill`).
            Some(object) => {
                self.bodies.put(&object, packed).await?;
                Body::At(object)
            }
        })
    }

    /// Notes that a newer document said the same. `false`: the ledger holds something else by now,
    /// [`Ledger::put_desired`] decides.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub async fn touch(&self, key: &ProductKey, version: &Version, hash: &ContentHash) -> Result<bool, LedgerError> {
        Ok(self.table.write_large(&desired::note_doc(key, version, hash)).await?
            && self.table.write_large(&desired::note_state(key, version, hash)).await?)
    }
}
