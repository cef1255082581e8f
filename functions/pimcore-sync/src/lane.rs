//! The fast lane (`ledger::core::lane`): what the shop holds already is not told to it again.

use std::collections::{BTreeMap, HashMap};

use catalog::{Failure, ProductKey};
use ledger::core::lane::{self, Content};
use ledger::{ProductState, Table};
use runtime::{Announcement, Bus, Cause, Clock, ProductMessage};
use worker::rules::Wish;

use crate::sync::{Claimed, SyncBatch, Synced};

impl<T: Table, B: Bus, C: Clock> SyncBatch<'_, T, B, C> {
    /// Which products the shop is not told of, because it holds them. Who asks for a product by name
    /// wants the shop looked at, too.
    pub(crate) fn leave_told(
        &self,
        by_key: &HashMap<&ProductKey, &ProductMessage>,
        results: &mut BTreeMap<ProductKey, Result<Synced, Failure>>,
    ) -> Vec<ProductKey> {
        let mut told = Vec::new();
        for (key, result) in results {
            let Ok(synced) = result else { continue };
            let fed = by_key.get(key).is_none_or(|message| matches!(message.cause, Cause::Feed | Cause::Offers));
            synced.told &= fed;
            told.extend(synced.told.then(|| key.clone()));
        }
        told
    }

    /// Tells the shop of those that are pending still, after they were completed: somebody may have
    /// shown something else there meanwhile.
    pub(crate) async fn tell_late(&self, by_key: &HashMap<&ProductKey, &ProductMessage>, told: &[ProductKey]) {
        if told.is_empty() {
            return;
        }
        let states = match self.worker.ledger.read_states(told).await {
            Ok(states) => states,
            Err(error) => {
                tracing::warn!(%error, "whether products are pending still could not be read: the sweep finds them");
                return;
            }
        };
        let pending = told.iter().filter(|key| states.get(*key).is_some_and(|state| state.pending_since.is_some()));
        let announcements: Vec<Announcement> = pending.map(|key| synced(by_key, key)).collect();
        if announcements.is_empty() {
            return;
        }
        for failure in self.worker.bus.announce(&announcements).await.into_iter().filter_map(Result::err) {
            tracing::warn!(%failure, "products could not be announced to the shop: the sweep finds them");
        }
    }
}

/// The content of what is brought; `None` where something of it is withheld, or decided on the way.
pub(crate) fn content_of(item: &Claimed) -> Option<Content> {
    let plain = |wish: &Wish| wish.withheld.is_empty() && wish.held.is_none() && wish.base.is_none();
    let noted = item.wish.as_ref().is_none_or(plain);
    noted.then(|| Content::of(&item.doc.product, item.product()))
}

/// Whether the shop holds a document that is about to be saved, and the save changes offers alone:
/// the object is as our last save left it. What rules change is counted, so it is told.
pub(crate) fn is_told(claimed: Option<&ProductState>, item: &Claimed) -> bool {
    let (Some(claimed), Some(content)) = (claimed, &item.content) else { return false };
    item.untouched && !item.ruled && lane::is_told(claimed, &item.doc.hash, content)
}

/// What is told of a product that the PIM holds.
pub(crate) fn synced(by_key: &HashMap<&ProductKey, &ProductMessage>, key: &ProductKey) -> Announcement {
    let received = by_key.get(key);
    Announcement::product_synced(&ProductMessage {
        key: key.clone(),
        correlation_id: received.map(|message| message.correlation_id.clone()).unwrap_or_default(),
        cause: received.map_or(Cause::Feed, |message| message.cause),
    })
}
