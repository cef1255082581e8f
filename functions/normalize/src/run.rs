//! One run: an object is read to its end, exactly once, however often the function is interrupted.

use std::time::Duration;

use catalog::{ContentHash, Failure, Product, ProductKey, WarningCode};
use feeds::adapter::{self, ADAPTERS, Adapter};
use feeds::{Broken, Checkpoint, Feed, Limits, Mapped, Progress, Reason, Rejection};
use ledger::{Ledger, Owner, Registered, Run, RunClaim, RunStatus, Table};
use runtime::{Announcement, Bus, Clock, Deadline, Metrics, Outcome};
use serde::{Deserialize, Serialize};

use crate::metrics;
use crate::notification::{Work, strict_pass};
use crate::object::ObjectReader;
use crate::ports::{Ingest, ObjectError, ObjectInfo, Objects};
use crate::report::{FeedEvent, Manifest, ManifestIndex, Rejects, rejection_of};
use crate::window::{BATCH, Entry, Settled, Settler};

/// Products settled at once.
const WINDOW: usize = 4 * BATCH;
/// Bytes of text in them, which bounds what they take in memory.
const WINDOW_BYTES: usize = 6 << 20;
/// Bytes of rejections that are kept until the next commit.
const REJECTS_BYTES: usize = 2 << 20;
/// Ids of a full feed that are kept until the next commit.
const MANIFEST_IDS: usize = 20_000;
/// Longest time between two commits: what a crash makes the next attempt do again.
const COMMIT_EVERY: Duration = Duration::from_secs(5);
/// A run is handed over when less time than this is left. It covers settling a window against a slow ledger, and the commit.
const HAND_OVER: Duration = Duration::from_secs(20);
/// Objects up to this size note every repeated product (`ledger::core::order`): a second pass over them would cost more.
const STRICT_UP_TO: u64 = 1 << 20;

/// Reads feeds.
#[derive(Debug)]
pub struct Reader<'a, T, O, B, Q, C> {
    /// The ledger.
    pub store: &'a Ledger<T>,
    /// The feed bucket.
    pub objects: &'a O,
    /// The bus.
    pub bus: &'a B,
    /// The function's own queue.
    pub queue: &'a Q,
    /// Tells the time.
    pub clock: &'a C,
    /// This invocation.
    pub owner: Owner,
    /// When it ends.
    pub deadline: Deadline,
    /// How much of anything a feed may contain.
    pub limits: Limits,
    /// What is counted.
    pub metrics: &'a Metrics,
}

/// How an invocation's part of a run ended.
enum End {
    /// The object was read to its end, or cannot be read any further.
    Finished {
        failed: Option<String>,
        /// What was read is not what is stored.
        corrupt: bool,
    },
    /// Time is running out.
    HandedOver,
}

/// What a reader has to know beyond the position, to take a run up again.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resume {
    checkpoint: Checkpoint,
    /// S3's sequencer, which only the notification has: the sweep and people bring a run back without it.
    #[serde(default)]
    sequencer: String,
    /// A record had no id that could be read: the manifest has a gap.
    #[serde(default)]
    ids_missing: bool,
}

impl Resume {
    /// For a run from its beginning.
    fn of(work: &Work) -> Self {
        Self { sequencer: work.sequencer.clone(), ..Self::default() }
    }

    /// What the run's item has kept.
    fn read(run: &Run) -> Self {
        run.resume.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }

    fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|error| unreachable!("a plain struct: {error}"))
    }

    /// The same records get the same versions, whoever asks for them.
    fn applied_to(&self, work: &Work) -> Work {
        let mut work = work.clone();
        if !self.sequencer.is_empty() {
            work.sequencer.clone_from(&self.sequencer);
        }
        work
    }
}

/// A run while it is being read.
struct Progressing<'a> {
    work: &'a Work,
    source: &'static str,
    info: ObjectInfo,
    /// As of the last commit.
    committed: Run,
    /// As of the last window.
    run: Run,
    resume: Resume,
    window: Vec<Entry>,
    window_bytes: usize,
    rejects: Rejects,
    manifest: Manifest,
    committed_at: i64,
    /// The record that this invocation began with.
    begun_at: u64,
}

impl<T: Table, O: Objects, B: Bus, Q: Ingest, C: Clock> Reader<'_, T, O, B, Q, C> {
    /// Does what a message asks for. `body` is the message, to be sent again for a hand-over.
    pub async fn handle(&self, work: &Work, body: &str) -> Outcome {
        let now = self.clock.now_ms();
        let resume = Resume::of(work).text();
        let claim = self.store.claim_run(&work.id, &work.run, &resume, &self.owner, now).await;
        let run = match claim {
            Err(error) => return Outcome::Failed(error.failure()),
            Ok(RunClaim::Ended(run)) => {
                tracing::info!(run = run.run, status = run.status.as_str(), "this object has been read already");
                return Outcome::Done;
            }
            Ok(RunClaim::Leased { until }) => {
                let wait = u64::try_from(until.saturating_sub(now)).unwrap_or(0) + 1_000;
                tracing::info!(object = work.location(), wait_ms = wait, "another invocation reads this object");
                return Outcome::Again(Duration::from_millis(wait));
            }
            Ok(RunClaim::Claimed(run)) => run,
        };
        tracing::info!(run = run.run, object = work.location(), record = run.record, "reading");
        let work = &Resume::read(&run).applied_to(work);
        let first = run.started == now;
        match self.read(work, run, first, body).await {
            Ok(()) => Outcome::Done,
            Err(failure) => Outcome::Failed(failure),
        }
    }

    /// Reads a claimed run; `first` says that nobody has claimed it before.
    async fn read(&self, work: &Work, run: Run, first: bool, body: &str) -> Result<(), Failure> {
        let (source, adapter) = match adapter_for(&work.id.key) {
            Ok(adapter) => (Some(adapter.source()), adapter),
            Err((source, reason)) => return self.finish(work, source.as_deref(), run.clone(), run, Some(reason)).await,
        };
        let info = match self.objects.head(work).await {
            Ok(info) => info,
            Err(error) => {
                // An earlier attempt may have written something. How old the object was is not known any more: as old as can be.
                let version = (!first).then(|| catalog::Version::from_text(""));
                return self.unreadable(work, adapter.source(), version, run, error).await;
            }
        };
        let resume = Resume::read(&run);
        let mut progress = Progressing {
            work,
            source: adapter.source(),
            info,
            committed: run.clone(),
            begun_at: run.record,
            run,
            resume,
            window: Vec::new(),
            window_bytes: 0,
            rejects: Rejects::default(),
            manifest: Manifest::default(),
            committed_at: self.clock.now_ms(),
        };
        let end = match self.stream(&mut progress, adapter).await {
            Ok(end) => end,
            Err(StreamError::Object(error @ (ObjectError::Missing | ObjectError::Replaced))) => {
                let version = Some(progress.version(0));
                return self.unreadable(work, progress.source, version, progress.committed, error).await;
            }
            Err(StreamError::Object(ObjectError::Failed(failure)) | StreamError::Failed(failure)) => {
                // Given up at the last commit, so that the next attempt need not wait for the lease to expire.
                let committed = &progress.committed;
                let _ = self.store.hand_over_run(&work.id, &self.owner, committed, committed).await;
                return Err(failure);
            }
        };
        match end {
            End::HandedOver => {
                self.write_reports(&mut progress).await?;
                let handed_over =
                    self.store.hand_over_run(&work.id, &self.owner, &progress.committed, &progress.run).await;
                handed_over.map_err(|error| error.failure())?;
                metrics::between(&progress.committed.counts, &progress.run.counts, self.metrics);
                tracing::info!(
                    run = progress.run.run,
                    record = progress.run.record,
                    "handed over: time is running out"
                );
                self.queue.send(body).await
            }
            End::Finished { failed, corrupt } => {
                self.write_reports(&mut progress).await?;
                self.write_manifest(&progress, failed.is_none()).await?;
                if corrupt {
                    self.ask_for_another_reading(&progress).await?;
                }
                self.ask_for_strict_passes(work, progress.source, &progress.version(0)).await?;
                if work.id.is_strict() {
                    let struck =
                        self.store.strike_off_run(progress.source, &progress.version(0), self.clock.now_ms()).await;
                    struck.map_err(|error| error.failure())?;
                }
                self.ask_for_withdrawal(&progress, failed.is_none()).await?;
                let Progressing { committed, run, .. } = progress;
                self.finish(work, source, committed, run, failed).await
            }
        }
    }

    /// Reads on until the end, a break, or the end of time.
    async fn stream(&self, progress: &mut Progressing<'_>, adapter: &'static dyn Adapter) -> Result<End, StreamError> {
        let work = progress.work;
        if progress.info.size == 0 {
            let broken = Broken {
                reason: Reason::EmptyFeed,
                offset: 0,
                index: 0,
                message: "the object has no bytes".to_owned(),
                excerpt: None,
            };
            return Ok(End::Finished { failed: Some(progress.broken(&broken)), corrupt: false });
        }
        let now = self.clock.now_ms();
        if !progress.strict() {
            let registered = Registered { version: progress.version(0), id: work.id.original() };
            self.store.register_run(progress.source, &registered, now).await.map_err(|error| error.failure())?;
        }
        let checkpoint = progress.resume.checkpoint.clone();
        let from = checkpoint.object_offset();
        let mut feed = Feed::expecting(progress.info.checksum, adapter, &work.id.key, checkpoint, self.limits)
            .map_err(|error| Failure::transient("decoder_unavailable", error.to_string()))?;
        let mut object = ObjectReader::new(self.objects.clone(), work.clone(), from, progress.info.size);
        let mut outcomes = Vec::new();
        loop {
            let piece = object.next().await.map_err(StreamError::Object)?;
            let last = piece.is_none();
            feed.offer(piece.unwrap_or_default());
            loop {
                let step =
                    if last { feed.finish(&mut outcomes).map(|()| Progress::Hungry) } else { feed.step(&mut outcomes) };
                for outcome in outcomes.drain(..) {
                    progress.take(outcome);
                    if progress.window_is_full() {
                        self.settle(progress).await?;
                    }
                }
                progress.position(feed.checkpoint());
                if let Err(broken) = &step {
                    self.settle(progress).await?;
                    let failed = Some(progress.broken(broken));
                    return Ok(End::Finished { failed, corrupt: broken.reason == Reason::ObjectCorrupt });
                }
                // An invocation that began late still does something before it gives up.
                let begun = progress.run.record > progress.begun_at;
                if begun && !last && self.deadline.remaining(self.clock.now_ms()) < HAND_OVER {
                    self.settle(progress).await?;
                    return Ok(End::HandedOver);
                }
                if self.commit_is_due(progress) {
                    self.settle(progress).await?;
                    self.commit(progress).await?;
                }
                if matches!(step, Ok(Progress::Hungry)) {
                    break;
                }
            }
            if last {
                self.settle(progress).await?;
                return Ok(End::Finished { failed: None, corrupt: false });
            }
        }
    }

    /// Brings the window to the ledger.
    async fn settle(&self, progress: &mut Progressing<'_>) -> Result<(), Failure> {
        progress.window_bytes = 0;
        let window = std::mem::take(&mut progress.window);
        if window.is_empty() {
            return Ok(());
        }
        let location = progress.work.location();
        let settler = Settler {
            store: self.store,
            bus: self.bus,
            run: &progress.run.run,
            location: &location,
            strict: progress.strict(),
            now: self.clock.now_ms(),
        };
        let settled = settler.settle(window).await?;
        progress.count(settled);
        Ok(())
    }

    fn commit_is_due(&self, progress: &Progressing<'_>) -> bool {
        let since = self.clock.now_ms() - progress.committed_at;
        progress.rejects.size() > REJECTS_BYTES
            || progress.manifest.len() > MANIFEST_IDS
            || Duration::from_millis(u64::try_from(since).unwrap_or(0)) > COMMIT_EVERY
    }

    async fn commit(&self, progress: &mut Progressing<'_>) -> Result<(), Failure> {
        if progress.run.record == progress.committed.record {
            progress.committed_at = self.clock.now_ms();
            return Ok(());
        }
        self.write_reports(progress).await?;
        let now = self.clock.now_ms();
        let committed = self
            .store
            .checkpoint_run(&progress.work.id, &self.owner, &progress.committed, &progress.run, now)
            .await
            .map_err(|error| error.failure())?;
        metrics::between(&progress.committed.counts, &progress.run.counts, self.metrics);
        progress.committed = committed;
        progress.committed_at = now;
        Ok(())
    }

    /// What is committed next is in the bucket first.
    async fn write_reports(&self, progress: &mut Progressing<'_>) -> Result<(), Failure> {
        let bucket = &progress.work.id.bucket;
        if let Some((key, body)) = progress.rejects.take(&progress.run.run) {
            self.objects.put(bucket, &key, "application/x-ndjson", body).await?;
        }
        if let Some((key, body)) = progress.manifest.take(progress.source, &progress.run.run, progress.committed.record)
        {
            self.objects.put(bucket, &key, "text/plain; charset=utf-8", body).await?;
        }
        Ok(())
    }

    async fn write_manifest(&self, progress: &Progressing<'_>, whole: bool) -> Result<(), Failure> {
        if !progress.info.full {
            return Ok(());
        }
        let (source, run) = (progress.source, &progress.run.run);
        let version = progress.version(0);
        let index = ManifestIndex {
            parts: format!("manifests/{source}/{run}/"),
            object: &progress.work.location(),
            version: version.as_str(),
            complete: progress.is_everything(whole),
        };
        let body = serde_json::to_vec_pretty(&index).unwrap_or_else(|error| unreachable!("a plain struct: {error}"));
        let key = format!("manifests/{source}/{run}.json");
        self.objects.put(&progress.work.id.bucket, &key, "application/json", body).await
    }

    /// What a full feed no longer contains is withdrawn, in an invocation of its own. Asked for before the run ends, so that a crash in
    /// between asks again; asking twice does no harm.
    async fn ask_for_withdrawal(&self, progress: &Progressing<'_>, whole: bool) -> Result<(), Failure> {
        if !progress.info.full || progress.work.id.is_strict() || !progress.is_everything(whole) {
            return Ok(());
        }
        let request = withdrawal::Request {
            bucket: progress.work.id.bucket.clone(),
            source: progress.source.to_owned(),
            run: progress.run.run.clone(),
            force: false,
            after: None,
        };
        self.queue.send(&request.message()).await
    }

    /// Newer feeds that took a state for unchanged while the one of `version` was still writing look at it once more.
    async fn ask_for_strict_passes(
        &self,
        work: &Work,
        source: &str,
        version: &catalog::Version,
    ) -> Result<(), Failure> {
        let newer = self.store.newer_runs(source, version).await.map_err(|error| error.failure())?;
        for run in newer.into_iter().filter(|run| run.id != work.id.original()) {
            tracing::info!(object = run.id.key, "a newer feed was read before this one: it gets a strict pass");
            self.queue.send(&strict_pass(&run)).await?;
        }
        Ok(())
    }

    /// What was written from a damaged object is written over by a strict pass: its records have the same versions, and what they say now counts. It is
    /// compared in its turn, and asks for nothing more.
    async fn ask_for_another_reading(&self, progress: &Progressing<'_>) -> Result<(), Failure> {
        if progress.work.id.is_strict() {
            return Ok(());
        }
        let again = Registered { version: progress.version(0), id: progress.work.id.clone() };
        // In the register the sweep finds it, should its message get lost.
        let registered = self.store.register_run(progress.source, &again, self.clock.now_ms()).await;
        registered.map_err(|error| error.failure())?;
        self.queue.send(&strict_pass(&again)).await
    }

    /// Nothing can be read any more: the object is gone. What was read of it before stays, so for newer feeds this end is like any other.
    /// `version` is the object's, if anything was read of it.
    async fn unreadable(
        &self,
        work: &Work,
        source: &str,
        version: Option<catalog::Version>,
        run: Run,
        error: ObjectError,
    ) -> Result<(), Failure> {
        let reason = match error {
            ObjectError::Missing => "object_missing: it was deleted before it was read",
            ObjectError::Replaced => {
                "object_replaced: another object was uploaded under its key; that one has a run of its own"
            }
            ObjectError::Failed(failure) => {
                let _ = self.store.hand_over_run(&work.id, &self.owner, &run, &run).await;
                return Err(failure);
            }
        };
        if let Some(version) = version {
            self.ask_for_strict_passes(work, source, &version).await?;
        }
        self.finish(work, Some(source), run.clone(), run, Some(reason.to_owned())).await
    }

    /// Tells the world, then ends the run: a crash in between tells it twice.
    async fn finish(
        &self,
        work: &Work,
        source: Option<&str>,
        committed: Run,
        mut run: Run,
        failed: Option<String>,
    ) -> Result<(), Failure> {
        let now = self.clock.now_ms();
        run.status = if failed.is_some() { RunStatus::Failed } else { RunStatus::Completed };
        run.reason = failed;
        let event = FeedEvent::of(work, source, &run, now);
        let kind = if run.reason.is_some() { "FeedFailed" } else { "FeedCompleted" };
        let announced = self.bus.announce(&[Announcement::new(kind, &event)]).await;
        announced.into_iter().collect::<Result<Vec<()>, Failure>>()?;
        self.store.finish_run(&work.id, &self.owner, &committed, &run, now).await.map_err(|error| error.failure())?;
        metrics::between(&committed.counts, &run.counts, self.metrics);
        metrics::end(&run, self.metrics);
        match &run.reason {
            None => tracing::info!(run = run.run, counts = ?run.counts, "feed completed"),
            Some(reason) => tracing::error!(run = run.run, counts = ?run.counts, reason, "feed failed"),
        }
        Ok(())
    }
}

enum StreamError {
    Object(ObjectError),
    Failed(Failure),
}

impl From<Failure> for StreamError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Progressing<'_> {
    /// Whether repeated products are noted.
    fn strict(&self) -> bool {
        self.work.id.is_strict() || self.info.size <= STRICT_UP_TO
    }

    /// Whether the manifest names every product that the feed contains.
    const fn is_everything(&self, whole: bool) -> bool {
        whole && !self.resume.ids_missing
    }

    /// When the object was written; a strict pass goes by what the pass before went by.
    fn object_time_ms(&self) -> u64 {
        self.work.object_time_ms.unwrap_or(self.info.modified_ms)
    }

    fn version(&self, position: u64) -> catalog::Version {
        self.work.version(self.object_time_ms(), position)
    }

    fn window_is_full(&self) -> bool {
        self.window.len() >= WINDOW || self.window_bytes >= WINDOW_BYTES
    }

    /// Everything up to here has been taken.
    fn position(&mut self, checkpoint: Checkpoint) {
        self.run.offset = checkpoint.offset;
        self.run.record = checkpoint.index;
        self.resume.checkpoint = checkpoint;
        self.run.resume = Some(self.resume.text());
    }

    fn take(&mut self, outcome: feeds::Outcome) {
        match outcome {
            feeds::Outcome::Product(mapped) => self.product(*mapped),
            feeds::Outcome::Rejected(rejection, raw) => self.reject(&rejection, &raw),
        }
    }

    fn product(&mut self, mapped: Mapped) {
        let Mapped { index, offset, product } = mapped;
        let key = match ProductKey::new(&product.source, &product.id) {
            Ok(key) => key,
            // The feed has checked it; said again rather than lost.
            Err(error) => {
                let rejection = rejection(index, offset, &product.id, Reason::InvalidId, error.to_string());
                return self.reject(&rejection, &[]);
            }
        };
        if self.info.full {
            self.manifest.add(key.id());
        }
        let (version, hash) = (self.version(index), ContentHash::of(&product));
        self.window_bytes += weight(&product);
        self.window.push(Entry { key, product, version, hash, index, offset });
    }

    fn reject(&mut self, rejection: &Rejection, raw: &[u8]) {
        self.rejects.add(&self.work.location(), rejection, raw);
        if self.info.full {
            match &rejection.product_id {
                Some(id) => self.manifest.add(id),
                None => self.resume.ids_missing = true,
            }
        }
        let counts = &mut self.run.counts;
        counts.read += 1;
        counts.rejected += 1;
        *counts.rejected_by.entry(rejection.reason.as_str().to_owned()).or_default() += 1;
    }

    /// Notes a break; the reason for the run's record.
    fn broken(&mut self, broken: &Broken) -> String {
        let excerpt = broken.excerpt.clone().unwrap_or_default();
        self.reject(&rejection_of(broken), excerpt.as_bytes());
        format!("{}: {} (byte {}, record {})", broken.reason, broken.message, broken.offset, broken.index)
    }

    fn count(&mut self, settled: Settled) {
        let counts = &mut self.run.counts;
        counts.read += settled.changed + settled.unchanged + settled.stale;
        counts.changed += settled.changed;
        counts.unchanged += settled.unchanged;
        counts.stale += settled.stale;
        for (code, count) in settled.warnings {
            *counts.warnings_by.entry(warning_name(code).to_owned()).or_default() += count;
        }
        for (entry, message) in settled.too_large {
            let rejection = rejection(entry.index, entry.offset, entry.key.id(), Reason::ProductTooLarge, message);
            let raw = serde_json::to_vec(&entry.product).unwrap_or_default();
            self.reject(&rejection, &raw);
        }
    }
}

/// About how many bytes a product takes in memory: its texts, and something for each part.
fn weight(product: &Product) -> usize {
    let texts = |texts: &catalog::Localized| texts.0.values().map(|text| text.len() + 100).sum::<usize>();
    let values =
        |attribute: &catalog::Attribute| texts(&attribute.name) + attribute.values.iter().map(texts).sum::<usize>();
    let variant = |variant: &catalog::Variant| {
        300 + variant.prices.len() * 100
            + variant.options.iter().chain(&variant.images).map(|text| text.len() + 50).sum::<usize>()
    };
    1_000
        + texts(&product.name)
        + texts(&product.description)
        + product.attributes.iter().map(values).sum::<usize>()
        + product.variants.iter().map(variant).sum::<usize>()
        + product.images.iter().map(|image| image.len() + 50).sum::<usize>()
}

fn rejection(index: u64, offset: u64, id: &str, reason: Reason, message: String) -> Rejection {
    let product_id = Some(id.to_owned());
    Rejection { index, offset, defect_offset: None, product_id, reason, message, path: None, value: None }
}

fn warning_name(code: WarningCode) -> &'static str {
    match code {
        WarningCode::NoImage => "no_image",
        WarningCode::ZeroStock => "zero_stock",
        WarningCode::PriceDrop => "price_drop",
        WarningCode::MissingLanguage => "missing_language",
        WarningCode::TitleShortened => "title_shortened",
    }
}

/// The adapter that `incoming/<source>/…` names; otherwise the source, where there is one, and the reason.
fn adapter_for(key: &str) -> Result<&'static dyn Adapter, (Option<String>, String)> {
    let known = || ADAPTERS.iter().map(|adapter| adapter.source()).collect::<Vec<_>>().join(", ");
    let Some(rest) = key.strip_prefix("incoming/") else {
        let reason = "key_outside_incoming: feeds belong under incoming/<source>/".to_owned();
        return Err((None, reason));
    };
    let Some((source, name)) = rest.split_once('/').filter(|(source, _)| !source.is_empty()) else {
        let reason =
            format!("unknown_source: the key names none; feeds belong under incoming/<source>/, one of: {}", known());
        return Err((None, reason));
    };
    if name.is_empty() {
        // What a console makes to show an empty folder.
        return Err((Some(source.to_owned()), "empty_key: the key names a folder, not a feed".to_owned()));
    }
    adapter::find(source).ok_or_else(|| {
        let shown: String = source.chars().take(64).collect();
        (Some(shown.clone()), format!("unknown_source: {shown:?} is none of: {}", known()))
    })
}
