//! The last steps of every product that is written: stock, translations, price lists, and the
//! update that publishes and marks it.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::de::IgnoredAny;

use super::{Again, LastSteps, Outcome, Pushed, Shop, Waits};
use crate::api::model::{ProductUpdate, ProductsBatch, TranslationsBatch};
use crate::api::{ApiError, split_batch};
use crate::stock::StockBooks;

/// Rows in one request for stock or translations.
pub(super) const MOST_ROWS: usize = 500;
/// Products in one update.
const MOST_PRODUCTS: usize = 50;

impl Shop {
    /// Does what is left for every product and sets its outcome. A product whose stock or
    /// translations fail keeps its old state and no marker.
    pub(super) async fn finish(
        &self,
        works: Vec<LastSteps<'_>>,
        outcomes: &mut [Option<Outcome>],
        books: &impl StockBooks,
        deadline: Instant,
    ) {
        let works = self.stock(works, outcomes, books, deadline).await;
        let works =
            self.step(works, outcomes, async |works: &[LastSteps<'_>]| self.translate(works, deadline).await).await;
        let works = self.step(works, outcomes, async |works: &[LastSteps<'_>]| self.enter(works, deadline).await).await;
        let works = self.step(works, outcomes, async |works: &[LastSteps<'_>]| self.leave(works, deadline).await).await;
        let works =
            self.step(works, outcomes, async |works: &[LastSteps<'_>]| self.publish(works, deadline).await).await;
        let now = books.now_ms();
        for work in works {
            for note in &work.notes {
                tracing::warn!(product = %work.key, "{note}");
            }
            let silent = self.references.stock.of(work.key.source()).look_at(work.recall.said.heard, now);
            let again = work.again.into_iter().chain(silent).min().map_or(Again::Never, Again::At);
            let done = Pushed {
                product_id: Some(work.last.id),
                change: work.change,
                again,
                notes: work.notes,
                waits: BTreeMap::new(),
            };
            outcomes[work.slot] = Some(Waits::outcome(work.waits, work.key, done));
        }
    }

    /// Does a step for all products at once; if Medusa refuses that, for each on its own, to find
    /// the one it is about.
    async fn step<'a>(
        &self,
        works: Vec<LastSteps<'a>>,
        outcomes: &mut [Option<Outcome>],
        act: impl AsyncFn(&[LastSteps<'_>]) -> Result<(), ApiError>,
    ) -> Vec<LastSteps<'a>> {
        let error = match act(&works).await {
            Ok(()) => return works,
            Err(error) => error,
        };
        let refused = error.refusal().is_some() || matches!(error, ApiError::TooLarge { .. });
        let mut done = Vec::new();
        for work in works {
            let own = if refused { act(std::slice::from_ref(&work)).await } else { Err(error.clone()) };
            match own {
                Ok(()) => done.push(work),
                Err(error) => outcomes[work.slot] = Some(Err(error.about(work.key))),
            }
        }
        done
    }

    async fn translate(&self, works: &[LastSteps<'_>], deadline: Instant) -> Result<(), ApiError> {
        let path = "/admin/translations/batch";
        let create = works.iter().flat_map(|work| work.translations.create.iter().cloned()).collect();
        for create in split_batch(create, MOST_ROWS, |_| 1) {
            let batch = TranslationsBatch { create, update: vec![] };
            let _: IgnoredAny = self.medusa.post(path, &[], &batch, deadline).await?;
        }
        let update = works.iter().flat_map(|work| work.translations.update.iter().cloned()).collect();
        for update in split_batch(update, MOST_ROWS, |_| 1) {
            let batch = TranslationsBatch { create: vec![], update };
            let _: IgnoredAny = self.medusa.post(path, &[], &batch, deadline).await?;
        }
        Ok(())
    }

    async fn publish(&self, works: &[LastSteps<'_>], deadline: Instant) -> Result<(), ApiError> {
        let updates: Vec<ProductUpdate> =
            works.iter().map(|work| work.last.clone()).filter(|last| !last.is_empty()).collect();
        self.update_products(updates, deadline).await
    }

    /// Updates the fields of several products at once.
    pub(super) async fn update_products(&self, updates: Vec<ProductUpdate>, deadline: Instant) -> Result<(), ApiError> {
        for update in split_batch(updates, MOST_PRODUCTS, |_| 1) {
            let batch = ProductsBatch { create: &[], update: &update };
            let _: IgnoredAny =
                self.medusa.post("/admin/products/batch", &[("fields", "id")], &batch, deadline).await?;
        }
        Ok(())
    }
}
