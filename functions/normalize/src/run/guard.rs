//! A feed that changes too much as a whole waits as a whole: it is looked through before anything
//! of it is written, where rules say so.

use std::time::Duration;

use catalog::{Failure, Product, ProductKey};
use feeds::{Checkpoint, Feed, Outcome, Progress};
use ledger::Table;
use runtime::{Bus, Clock};
use want::{Bundle, Drift, InForce, KIND, NAME};

use super::progress::Progressing;
use super::{Reader, StreamError};
use crate::codes;
use crate::object::ObjectReader;
use crate::ports::{Ingest, Objects};
use crate::source::Known;
use crate::window::BATCH;

/// A share of an invocation's time: a feed that takes longer is judged by what was seen until then.
const SHARE: u32 = 2;

impl<T: Table, O: Objects, B: Bus, Q: Ingest, C: Clock> Reader<'_, T, O, B, Q, C> {
    /// Looks a feed through, and notes why it waits, or that it does not. Lines of declared parts
    /// say nothing of whole products.
    pub(super) async fn judge(&self, progress: &Progressing<'_>, known: &Known) -> Result<(), StreamError> {
        let run = &progress.run;
        if run.record > 0 || progress.work.id.is_strict() || known.part.is_some() {
            return Ok(());
        }
        let Some(rules) = self.rules().await?.filter(|rules| rules.rules.guards_feeds()) else { return Ok(()) };
        let judged = self.store.judged(&[run.name.clone()].into()).await.map_err(|error| error.failure())?;
        if judged.contains_key(&run.name) {
            return Ok(());
        }
        let reasons: Vec<String> =
            self.drift(progress, known, &rules).await?.held(&rules.rules).into_iter().map(|held| held.reason).collect();
        if !reasons.is_empty() {
            tracing::warn!(run = run.name, ?reasons, "the whole feed waits for a person");
        }
        let noted = self.store.judge(&run.name, &reasons, self.clock.now_ms()).await;
        Ok(noted.map_err(|error| error.failure())?)
    }

    /// The rules in force; `None` where there are none.
    async fn rules(&self) -> Result<Option<InForce>, Failure> {
        let head = self.store.config_head(KIND, NAME).await.map_err(|error| error.failure())?;
        let Some(digest) = head.digest else { return Ok(None) };
        let text = self.store.config_text(KIND, NAME, &digest).await.map_err(|error| error.failure())?;
        let since = head.since.unwrap_or(0);
        // Of rules that cannot be read pimcore-sync tells, and products wait there.
        let read = text.as_deref().and_then(Bundle::of_json).and_then(|bundle| bundle.read(since).ok());
        Ok(read.map(|read| InForce { epoch: head.looks_back.unwrap_or(since), ..read }))
    }

    async fn drift(&self, progress: &Progressing<'_>, known: &Known, rules: &InForce) -> Result<Drift, StreamError> {
        let (mut drift, mut batch) = (Drift::default(), Vec::new());
        self.leaf_through(progress, known, async |outcomes| {
            for outcome in outcomes.drain(..) {
                if let Outcome::Product(mapped) = outcome
                    && let Ok(key) = mapped.product.key()
                    && !mapped.product.withdrawn
                {
                    batch.push((key, mapped.product));
                }
                if batch.len() == BATCH {
                    self.weigh(std::mem::take(&mut batch), rules, &mut drift).await?;
                }
            }
            Ok(true)
        })
        .await?;
        self.weigh(batch, rules, &mut drift).await?;
        Ok(drift)
    }

    /// Reads an object from its beginning and takes nothing of it; `see` is given what becomes of
    /// its records, and says whether it wants more. Whether the end was seen: not where the feed
    /// breaks, of which whoever takes it tells, and where a share of the invocation's time is over.
    pub(super) async fn leaf_through(
        &self,
        progress: &Progressing<'_>,
        known: &Known,
        mut see: impl AsyncFnMut(&mut Vec<Outcome>) -> Result<bool, Failure>,
    ) -> Result<bool, StreamError> {
        let (work, info) = (progress.work, &progress.info);
        let began = self.clock.now_ms();
        let time: Duration = self.deadline.remaining(began) / SHARE;
        let mut feed: Feed = known
            .feed(info.checksum, &work.id.key, Checkpoint::default(), self.limits)
            .map_err(|error| Failure::transient(codes::DECODER_UNAVAILABLE, error.to_string()))?
            .in_charset(info.charset.as_deref());
        let mut object = ObjectReader::new(self.objects.clone(), work.clone(), 0, info.size);
        let mut outcomes = Vec::new();
        loop {
            let piece = object.next().await.map_err(StreamError::Object)?;
            let last = piece.is_none();
            feed.offer(piece.unwrap_or_default());
            loop {
                let step = if last { feed.conclude(&mut outcomes) } else { feed.step(&mut outcomes) };
                let more = see(&mut outcomes).await?;
                outcomes.clear();
                let spent = self.clock.now_ms() - began;
                if step.is_err() || !more || Duration::from_millis(u64::try_from(spent).unwrap_or(0)) > time {
                    return Ok(false);
                }
                if matches!(step, Ok(Progress::Hungry)) {
                    break;
                }
            }
            if last {
                return Ok(true);
            }
        }
    }

    /// Takes products in that were there before.
    async fn weigh(
        &self,
        batch: Vec<(ProductKey, Product)>,
        rules: &InForce,
        drift: &mut Drift,
    ) -> Result<(), Failure> {
        let keys: Vec<ProductKey> = batch.iter().map(|(key, _)| key.clone()).collect();
        let mut pasts = self.store.pasts(&keys).await.map_err(|error| error.failure())?;
        let now = self.clock.now_ms();
        for (key, product) in batch {
            // One that is damaged is told by whoever brings it.
            let Some(Ok(past)) = pasts.remove(&key) else { continue };
            let Some(base) = past.since(rules.epoch).base else { continue };
            let wanted = rules.want(&product, Some(now), Some(&base.product), now);
            drift.add(&base.product, &wanted.product);
        }
        Ok(())
    }
}
