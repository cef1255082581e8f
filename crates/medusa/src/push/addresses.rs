//! Which handles products get that are created or moved.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Instant;

use catalog::{Failure, Fate, ProductKey};

use super::{Offer, Outcome, Shop};
use crate::address::{Address, Addresses};
use crate::api::ApiError;
use crate::api::model::{LIGHT_FIELDS, Product};
use crate::codes;

/// How many of the handles that a product may have are looked up at first: more than two are hardly
/// ever needed.
const LOOKED_UP: usize = 2;

impl Shop {
    /// Gives products that are to be created their handles. What was chosen before stays, unless
    /// somebody else's product has it.
    pub(super) async fn with_handles<'a>(
        &self,
        offers: Vec<Offer<'a>>,
        places: &'a [OnceLock<String>],
        outcomes: &mut [Option<Outcome>],
        owners: &impl Addresses,
        deadline: Instant,
    ) -> Result<Vec<Offer<'a>>, Failure> {
        let wanted: Vec<Vec<String>> = offers.iter().map(|offer| self.wanted(offer)).collect();
        let holders = self.holders(wanted.iter().flat_map(|wanted| wanted.iter().take(LOOKED_UP)), deadline).await?;
        let mut left = Vec::with_capacity(offers.len());
        for (offer, mut wanted) in offers.into_iter().zip(wanted) {
            wanted.retain(|handle| holders.get(handle).is_none_or(|holder| is_of(holder, offer.key)));
            let chosen = match &offer.recall.handle {
                Some(chosen) if wanted.contains(chosen) => Ok(Some(chosen.clone())),
                was => owners.choose(offer.key, &wanted, was.as_deref(), deadline).await,
            };
            match chosen {
                Ok(Some(handle)) => {
                    let handle = places[offer.slot].get_or_init(|| handle);
                    left.push(Offer { handle: Some(handle), ..offer });
                }
                Ok(None) => outcomes[offer.slot] = Some(Err(self.nothing_free(&offer))),
                Err(failure) => outcomes[offer.slot] = Some(Err(failure)),
            }
        }
        Ok(left)
    }

    /// Gives products that are to move the handles that they would be given today. Those that
    /// people named stay, and those that are right.
    pub(super) async fn moved<'a>(
        &self,
        mut known: Vec<(Offer<'a>, String)>,
        places: &'a [OnceLock<String>],
        owners: &impl Addresses,
        deadline: Instant,
    ) -> Result<Vec<(Offer<'a>, String)>, Failure> {
        let ids: Vec<&str> = known.iter().filter(|(offer, _)| offer.moves).map(|(_, id)| id.as_str()).collect();
        if ids.is_empty() {
            return Ok(known);
        }
        let there = self.read("id[]", &ids, LIGHT_FIELDS, deadline).await?;
        let there: HashMap<&str, &Product> = there.iter().map(|product| (product.id.as_str(), product)).collect();
        let moving = |offer: &Offer<'a>, id: &str| {
            let wanted = self.references.handles.candidates(offer.key, offer.article);
            let product = there.get(id).filter(|_| offer.moves)?;
            let stays = wanted.contains(&product.handle) || !Address::of(offer.key, product).is_ours(product);
            (!stays).then_some(wanted)
        };
        let wanted: Vec<Option<Vec<String>>> = known.iter().map(|(offer, id)| moving(offer, id)).collect();
        let holders = self.holders(wanted.iter().flatten().flat_map(|wanted| wanted.iter().take(LOOKED_UP)), deadline);
        let holders = holders.await?;
        for ((offer, _), wanted) in known.iter_mut().zip(wanted) {
            let Some(mut wanted) = wanted else { continue };
            wanted.retain(|handle| !holders.contains_key(handle));
            let chosen = match &offer.recall.handle {
                // Chosen by a move that was interrupted.
                Some(chosen) if wanted.contains(chosen) => Some(chosen.clone()),
                was => owners.choose(offer.key, &wanted, was.as_deref(), deadline).await?,
            };
            // Where nothing is free it stays where it is.
            offer.handle = chosen.map(|handle| places[offer.slot].get_or_init(|| handle).as_str());
        }
        Ok(known)
    }

    /// The handle to try next where `taken` turned out to be somebody else's; `None` where that is
    /// another creator of this very product.
    pub(super) async fn another_handle(
        &self,
        offer: &Offer<'_>,
        taken: &str,
        owners: &impl Addresses,
        deadline: Instant,
    ) -> Result<Option<String>, Failure> {
        let mut wanted = self.wanted(offer);
        let found = self.holders(wanted.iter(), deadline).await.map_err(|error| error.about(offer.key))?;
        if !found.contains_key(taken) || found.values().any(|holder| is_of(holder, offer.key)) {
            return Ok(None);
        }
        wanted.retain(|handle| !found.contains_key(handle));
        let chosen = owners.choose(offer.key, &wanted, Some(taken), deadline).await?;
        chosen.map(Some).ok_or_else(|| self.nothing_free(offer))
    }

    /// The handles that a product may have, what was chosen before first.
    fn wanted(&self, offer: &Offer<'_>) -> Vec<String> {
        let mut wanted = self.references.handles.candidates(offer.key, offer.article);
        if let Some(chosen) = &offer.recall.handle {
            wanted.retain(|handle| handle != chosen);
            wanted.insert(0, chosen.clone());
        }
        wanted
    }

    fn nothing_free(&self, offer: &Offer<'_>) -> Failure {
        let tried = self.wanted(offer).join(", ");
        let taken = format!("{}: every handle that it could have is another product's: {tried}", offer.key);
        Failure::permanent(codes::HANDLE_TAKEN, taken).request(Fate::Answered)
    }

    /// The products that have these handles.
    async fn holders(
        &self,
        handles: impl Iterator<Item = &String>,
        deadline: Instant,
    ) -> Result<HashMap<String, Product>, ApiError> {
        let mut handles: Vec<&str> = handles.map(String::as_str).collect();
        handles.sort_unstable();
        handles.dedup();
        let found = self.read("handle[]", &handles, LIGHT_FIELDS, deadline).await?;
        Ok(found.into_iter().map(|product| (product.handle.clone(), product)).collect())
    }
}

fn is_of(holder: &Product, key: &ProductKey) -> bool {
    holder.external_id.as_deref() == Some(key.to_string().as_str())
}
