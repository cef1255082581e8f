//! A feed that changes too much as a whole waits as a whole: it is looked through before anything
//! of it is written, where rules say so.

use std::collections::BTreeMap;
use std::time::Duration;

use catalog::line::{Statement, overlaid};
use catalog::{Failure, Identifier, Line, Product, ProductKey, Version};
use feeds::{Checkpoint, Feed, Outcome, Progress};
use futures::stream::{self, StreamExt, TryStreamExt};
use ledger::{LedgerError, Table};
use runtime::{Bus, Clock};
use want::{Bundle, Drift, InForce, KIND, NAME};

use super::progress::Progressing;
use super::{FeedReader, StreamError};
use crate::codes;
use crate::object::ObjectReader;
use crate::ports::{Ingest, Objects};
use crate::source::Known;
use crate::window::BATCH;

/// Lines that are weighed at once: those of one product are mostly near each other.
const LINES: usize = 1_000;
/// Questions under way at once.
const PARALLEL: usize = 16;
/// A share of an invocation's time: a feed that takes longer is judged by what was seen until then.
const SHARE: u32 = 2;

impl<T: Table, O: Objects, B: Bus, Q: Ingest, C: Clock> FeedReader<'_, T, O, B, Q, C> {
    /// Looks a feed through, and notes why it waits, or that it does not. A list without prices is
    /// none of its business.
    pub(super) async fn judge(&self, progress: &Progressing<'_>, known: &Known) -> Result<(), StreamError> {
        let run = &progress.run;
        if run.record > 0 || progress.work.id.is_strict() || !known.says_prices() {
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
        let (mut drift, mut batch, mut lines) = (Drift::default(), Vec::new(), Vec::new());
        self.leaf_through(progress, known, async |outcomes| {
            for outcome in outcomes.drain(..) {
                match outcome {
                    Outcome::Product(mapped) => {
                        let key = mapped.product.key().ok().filter(|_| !mapped.product.withdrawn);
                        batch.extend(key.map(|key| (key, mapped.product)));
                    }
                    Outcome::Line(mapped) if mapped.line.prices() => lines.push(mapped.line),
                    Outcome::Line(_) | Outcome::Rejected(..) => {}
                }
                if batch.len() == BATCH {
                    self.weigh(std::mem::take(&mut batch), rules, &mut drift).await?;
                }
                if lines.len() == LINES {
                    let batch = self.with_lines(known, std::mem::take(&mut lines)).await?;
                    self.weigh(batch, rules, &mut drift).await?;
                }
            }
            Ok(true)
        })
        .await?;
        batch.extend(self.with_lines(known, lines).await?);
        self.weigh(batch, rules, &mut drift).await?;
        Ok(drift)
    }

    /// The products that have these lines, as they would be with them.
    async fn with_lines(&self, known: &Known, lines: Vec<Line>) -> Result<Vec<(ProductKey, Product)>, Failure> {
        let Some(part) = &known.part else { return Ok(Vec::new()) };
        let failure = |error: LedgerError| error.failure();
        let holders = lines.into_iter().map(|line| async {
            let holders = self.store.holders(known.source(), &line.about).await?;
            Ok::<_, LedgerError>((line, holders))
        });
        let found: Vec<_> = stream::iter(holders).buffered(PARALLEL).try_collect().await.map_err(failure)?;
        let mut said: BTreeMap<ProductKey, Vec<(Identifier, Statement)>> = BTreeMap::new();
        for (line, holders) in found {
            let statement = Statement::default().merged(&line, &Version::from_text(""));
            for key in holders {
                said.entry(key).or_default().push((line.about.clone(), statement.clone()));
            }
        }
        let keys: Vec<ProductKey> = said.keys().cloned().collect();
        let mut products = Vec::with_capacity(keys.len());
        for keys in keys.chunks(BATCH) {
            // Of a large product, and of one that is damaged, nothing is said here.
            let docs = self.store.read_small_docs(keys).await.map_err(failure)?.docs;
            for (key, doc) in docs.into_iter().filter_map(|(key, doc)| Some((key, doc.ok()?))) {
                let lines = said.get(&key).into_iter().flatten().map(|(about, says)| (part, about, says));
                let product = overlaid(&doc.product, lines);
                products.extend((!product.withdrawn).then_some((key, product)));
            }
        }
        Ok(products)
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
