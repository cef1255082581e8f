//! Entries of the managed price lists, written for many products at once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde::de::IgnoredAny;

use super::finish::MOST_ROWS;
use super::{LastSteps, Shop};
use crate::api::model::{EntriesBatch, EntriesBatchReply, EntryWrite};
use crate::api::{ApiError, Refusal, split_batch};
use crate::plan::{Entry, Needed};

/// Products in one request that takes them out of a list. Removing an entry costs Medusa about 25
/// ms.
const MOST_LEAVING: usize = 25;
/// Entries removed in one request.
const MOST_REMOVED: usize = 100;

/// What one product leaves in price lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Leaving {
    /// Lists that it leaves altogether.
    pub(super) lists: Vec<String>,
    /// Entries to remove: list and entry id.
    pub(super) entries: Vec<(String, String)>,
}

/// The ids of written entries by list, variant and currency.
pub(super) type EntryIds = BTreeMap<(String, String, String), String>;

impl Shop {
    /// Writes entries; one that is there in the same currency is changed.
    pub(super) async fn put_entries(&self, entries: &[&Entry], deadline: Instant) -> Result<EntryIds, ApiError> {
        let mut ids = EntryIds::new();
        for list in lists_of(entries.iter().map(|entry| entry.list_id.as_str())) {
            let rows = entries.iter().filter(|entry| entry.list_id == list).map(|entry| EntryWrite {
                variant_id: entry.variant_id.clone(),
                currency_code: entry.currency.clone(),
                amount: entry.amount,
                min_quantity: (),
                max_quantity: (),
            });
            for create in split_batch(rows.collect(), MOST_ROWS, |_| 1) {
                let batch = EntriesBatch { create, delete: vec![] };
                let reply: EntriesBatchReply = self.medusa.post(&entries_of(list), &[], &batch, deadline).await?;
                ids.extend(reply.created.into_iter().filter_map(|entry| {
                    let variant = entry.price_set?.variant?.id;
                    Some(((list.to_owned(), variant, entry.currency_code), entry.id))
                }));
            }
        }
        Ok(ids)
    }

    /// Removes entries by their ids. One that is gone is no error, nor is a list that is gone.
    pub(super) async fn remove_entries(&self, entries: &[(String, String)], deadline: Instant) -> Result<(), ApiError> {
        for list in lists_of(entries.iter().map(|(list, _)| list.as_str())) {
            let ids: Vec<String> =
                entries.iter().filter(|(own, _)| own == list).map(|(_, entry)| entry.clone()).collect();
            for delete in ids.chunks(MOST_REMOVED) {
                let batch = EntriesBatch { create: vec![], delete: delete.to_vec() };
                gone_is_fine(self.medusa.post(&entries_of(list), &[], &batch, deadline).await)?;
            }
        }
        Ok(())
    }

    /// Writes the entries of new products.
    pub(super) async fn enter(&self, works: &[LastSteps<'_>], deadline: Instant) -> Result<(), ApiError> {
        let entries: Vec<&Entry> = works.iter().flat_map(|work| &work.entries).collect();
        self.put_entries(&entries, deadline).await.map(drop)
    }

    /// Removes what is not needed any more.
    pub(super) async fn leave(&self, works: &[LastSteps<'_>], deadline: Instant) -> Result<(), ApiError> {
        let entries: Vec<(String, String)> =
            works.iter().flat_map(|work| work.leaving.entries.iter().cloned()).collect();
        self.remove_entries(&entries, deadline).await?;
        for list in lists_of(works.iter().flat_map(|work| &work.leaving.lists).map(String::as_str)) {
            let leaves = |work: &&LastSteps<'_>| work.leaving.lists.iter().any(|own| own == list);
            let ids: Vec<&str> = works.iter().filter(leaves).map(|work| work.last.id.as_str()).collect();
            for remove in ids.chunks(MOST_LEAVING) {
                let path = format!("/admin/price-lists/{list}/products");
                let body = serde_json::json!({ "remove": remove });
                gone_is_fine(self.medusa.post(&path, &[("fields", "id")], &body, deadline).await)?;
            }
        }
        Ok(())
    }
}

/// Those of the written entries that are to go `when`.
pub(super) fn not_needed(entries: &[Entry], ids: &EntryIds, when: Needed) -> Vec<(String, String)> {
    let id =
        |entry: &Entry| ids.get(&(entry.list_id.clone(), entry.variant_id.clone(), entry.currency.clone())).cloned();
    let going = entries.iter().filter(|entry| entry.needed == when);
    going.filter_map(|entry| Some((entry.list_id.clone(), id(entry)?))).collect()
}

fn gone_is_fine(answer: Result<IgnoredAny, ApiError>) -> Result<(), ApiError> {
    match answer {
        Err(error) if error.refusal() == Some(&Refusal::Missing) => Ok(()),
        answer => answer.map(drop),
    }
}

fn entries_of(list: &str) -> String {
    format!("/admin/price-lists/{list}/prices/batch")
}

fn lists_of<'a>(ids: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
    ids.collect()
}
