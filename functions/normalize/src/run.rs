//! One run: an object is read to its end, exactly once, however often the function is interrupted.

mod brought;
mod end;
mod guard;
mod progress;
mod survey;

use std::collections::VecDeque;
use std::time::Duration;

use catalog::Failure;
use feeds::decode::{Check, DecodeError};
use feeds::{Broken, Feed, Limits, Progress, Reason};
use ledger::core::lag::Place;
use ledger::{Ledger, Owner, Registered, Run, RunClaim, Table};
use runtime::{Bus, Clock, Deadline, Metric, Metrics, Outcome};

use self::progress::{Progressing, Repeated, Resume};
use crate::codes;
use crate::lines::LineWriter;
use crate::message::FeedObject;
use crate::metrics;
use crate::object::ObjectReader;
use crate::ports::{Ingest, ObjectError, Objects};
use crate::source::{Known, Sources};
use crate::window::WindowWriter;

/// Bytes of rejections that are kept in memory; more are written, and a commit follows.
const REJECTS_BYTES: usize = 2 << 20;
/// Ids of a full feed that are kept until the next commit.
const MANIFEST_IDS: usize = 20_000;
/// Longest time between two commits: what a crash makes the next attempt do again.
const COMMIT_EVERY: Duration = Duration::from_secs(5);
/// Bytes of a compressed object up to which it is decoded once before anything of it is taken. They are kept in memory meanwhile.
const LOOKED_THROUGH: u64 = 8 << 20;
/// An invocation that came to nothing new in so many ms had its chance: the next one would come as far.
const ENOUGH_MS: i64 = 60_000;
/// A run is handed over when less time than this is left. It covers writing a window against a slow ledger, and the commit.
const HAND_OVER: Duration = Duration::from_secs(20);

/// Reads feeds.
#[derive(Debug)]
pub struct FeedReader<'a, T, O, B, Q, C> {
    pub store: &'a Ledger<T>,
    /// The feed bucket.
    pub objects: &'a O,
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
    /// The mappings that this environment knows.
    pub sources: &'a Sources,
    /// Largest share, in percent, of what a declared part has said that one of its files may blank.
    pub max_percent: u8,
    /// What is counted.
    pub metrics: &'a Metrics,
}

fn empty() -> Broken {
    let message = "the object has no bytes".to_owned();
    Broken { reason: Reason::EmptyFeed, offset: 0, index: 0, message, excerpt: None }
}

/// Why a feed that every invocation reads from its beginning will never be read: compressed, a workbook, or with a product's records spread over it.
fn too_slow(feed: &Feed, size: u64) -> Broken {
    let place = feed.checkpoint();
    let message = format!(
        "an invocation's time is too short to get through the {} MB that have to be read before anything new comes; split the file, or sort its rows by product and say rows: adjacent",
        size / 1_000_000
    );
    Broken { reason: Reason::TooMuchData, offset: place.offset, index: place.index, message, excerpt: None }
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

impl<T: Table, O: Objects, B: Bus, Q: Ingest, C: Clock> FeedReader<'_, T, O, B, Q, C> {
    /// Does what a message asks for. `body` is the message, to be sent again for a hand-over.
    pub async fn handle(&self, work: &FeedObject, body: &str) -> Outcome {
        if work.is_folder() {
            tracing::info!(object = work.location(), "a folder, not a feed");
            return Outcome::Done;
        }
        let now = self.clock.now_ms();
        let mapping = match self.sources.version(&work.id.key, self.store).await {
            Ok(mapping) => mapping,
            Err(failure) => return Outcome::Failed(failure),
        };
        // Whoever goes on with the run goes on by the mapping that it begins with.
        let resume = Resume { mapping, ..Resume::of(work) }.text();
        let claim = self.store.claim_run(&work.id, &work.run, &resume, &self.owner, now).await;
        let run = match claim {
            Err(error) => return Outcome::Failed(error.failure()),
            Ok(RunClaim::Ended(run)) => {
                tracing::info!(run = run.name, status = run.status.as_str(), "this object has been read already");
                return Outcome::Done;
            }
            Ok(RunClaim::Leased { until }) => {
                let wait = u64::try_from(until.saturating_sub(now)).unwrap_or(0) + 1_000;
                tracing::info!(object = work.location(), wait_ms = wait, "another invocation reads this object");
                return Outcome::Again(Duration::from_millis(wait));
            }
            Ok(RunClaim::Claimed(run)) => run,
        };
        tracing::info!(run = run.name, object = work.location(), record = run.record, "reading");
        let work = &Resume::read(&run).applied_to(work);
        let first = run.started == now;
        match self.read(work, run, first, body).await {
            Ok(()) => Outcome::Done,
            Err(failure) => Outcome::Failed(failure),
        }
    }

    /// Reads a claimed run; `first` says that nobody has claimed it before.
    async fn read(&self, work: &FeedObject, run: Run, first: bool, body: &str) -> Result<(), Failure> {
        let mapping = Resume::read(&run).mapping;
        let known = match self.sources.known(&work.id.key, mapping.as_deref(), self.store).await {
            Ok(Ok(known)) => known,
            Ok(Err(unknown)) => {
                let (source, reason) = (unknown.source.as_deref(), Some(unknown.reason));
                return self.finish(work, source, run.clone(), run, reason).await;
            }
            Err(failure) => {
                self.hand_over_with(work, &run, &failure).await;
                return Err(failure);
            }
        };
        let info = match self.objects.head(work).await {
            Ok(info) => info,
            Err(error) => {
                // An earlier attempt may have written something. How old the object was is not known any more: as old as can be.
                let version = (!first).then(|| catalog::Version::from_text(""));
                return self.unreadable(work, (known.source(), &known.register()), version, run, error).await;
            }
        };
        let mut progress = Progressing::new(work, &known, info, run, self.clock.now_ms());
        let streamed = match self.stream(&mut progress, &known).await {
            Ok(end) => self.conclude(&mut progress, end, first, body).await.map_err(StreamError::Failed),
            Err(error) => Err(error),
        };
        match streamed {
            Ok(()) => Ok(()),
            Err(StreamError::Object(error @ (ObjectError::Missing | ObjectError::Replaced))) => {
                let version = Some(progress.version(0));
                self.unreadable(work, (progress.source, &progress.register), version, progress.committed, error).await
            }
            Err(StreamError::Object(ObjectError::Failed(failure)) | StreamError::Failed(failure)) => {
                self.give_up(&progress, failure).await
            }
        }
    }

    /// Does what is to be done when an invocation's part of a run has been read.
    async fn conclude(&self, progress: &mut Progressing<'_>, end: End, first: bool, body: &str) -> Result<(), Failure> {
        let work = progress.work;
        match end {
            End::HandedOver => {
                self.write_reports(progress).await?;
                let handed_over =
                    self.store.hand_over_run(&work.id, &self.owner, &progress.committed, &progress.run).await;
                handed_over.map_err(|error| error.failure())?;
                metrics::between(&progress.committed.counts, &progress.run.counts, self.metrics);
                tracing::info!(
                    run = progress.run.name,
                    record = progress.run.record,
                    "handed over: time is running out"
                );
                self.queue.send(body).await
            }
            End::Finished { failed, corrupt } => {
                self.write_reports(progress).await?;
                self.write_manifest(progress, failed.is_none()).await?;
                if corrupt {
                    self.ask_for_another_reading(progress).await?;
                }
                // An attempt before this one may have written what this one finds.
                if !first || progress.run.counts.changed > 0 {
                    self.ask_for_strict_passes(work, &progress.register, &progress.version(0)).await?;
                }
                if work.id.is_strict() {
                    let struck =
                        self.store.strike_off_run(&progress.register, &progress.version(0), self.clock.now_ms()).await;
                    struck.map_err(|error| error.failure())?;
                }
                self.ask_for_withdrawal(progress, failed.is_none()).await?;
                self.end_lines(progress, failed.is_none()).await?;
                let (committed, run) = (progress.committed.clone(), progress.run.clone());
                self.finish(work, Some(progress.source), committed, run, failed).await
            }
        }
    }

    /// Reads on until the end, a break, or the end of time.
    async fn stream(&self, progress: &mut Progressing<'_>, known: &Known) -> Result<End, StreamError> {
        let work = progress.work;
        if progress.info.size == 0 {
            return Ok(End::Finished { failed: Some(progress.broken(&empty())), corrupt: false });
        }
        self.judge(progress, known).await?;
        if let Some(refused) = self.survey(progress, known).await? {
            return Ok(End::Finished { failed: Some(refused), corrupt: false });
        }
        let from = progress.resume.checkpoint.object_offset();
        let mut feed = self.begun(progress, known)?;
        let mut object = ObjectReader::new(self.objects.clone(), work.clone(), from, progress.info.size);
        let mut ahead = VecDeque::new();
        if progress.run.record == 0
            && progress.info.size <= LOOKED_THROUGH
            && !feed.is_raw()
            && let Some(broken) = self.look_through(&mut object, &mut ahead).await?
        {
            return Ok(End::Finished { failed: Some(progress.broken(&broken)), corrupt: false });
        }
        let started = self.clock.now_ms();
        let mut outcomes = Vec::new();
        loop {
            let piece = match ahead.pop_front() {
                Some(piece) => Some(piece),
                None => object.next().await.map_err(StreamError::Object)?,
            };
            let last = piece.is_none();
            feed.offer(piece.unwrap_or_default());
            loop {
                let step = if last { feed.conclude(&mut outcomes) } else { feed.step(&mut outcomes) };
                self.take(progress, outcomes.drain(..)).await?;
                progress.position(feed.checkpoint());
                if let Err(broken) = &step {
                    self.write_window(progress, true).await?;
                    let failed = Some(progress.broken(broken));
                    return Ok(End::Finished { failed, corrupt: broken.reason == Reason::ObjectCorrupt });
                }
                let more = matches!(step, Ok(step) if step == Progress::More || !last);
                if more && let Some(end) = self.out_of_time(progress, &feed, started).await? {
                    return Ok(end);
                }
                if self.commit_is_due(progress) {
                    self.write_window(progress, false).await?;
                    self.commit(progress).await?;
                }
                if matches!(step, Ok(Progress::Hungry)) {
                    break;
                }
            }
            if last {
                self.write_window(progress, true).await?;
                return Ok(End::Finished { failed: None, corrupt: false });
            }
        }
    }

    /// The feed from where the run stands.
    fn begun(&self, progress: &Progressing<'_>, known: &Known) -> Result<Feed, Failure> {
        let (info, checkpoint) = (&progress.info, progress.resume.checkpoint.clone());
        let feed = known
            .feed(info.checksum, &progress.work.id.key, checkpoint, self.limits)
            .map_err(|error| Failure::transient(codes::DECODER_UNAVAILABLE, error.to_string()))?;
        Ok(feed.in_charset(info.charset.as_deref()).passing_over(&progress.passing.known))
    }

    /// Takes what was read, and writes what would be too much to keep.
    async fn take(
        &self,
        progress: &mut Progressing<'_>,
        outcomes: impl Iterator<Item = feeds::Outcome>,
    ) -> Result<(), Failure> {
        for outcome in outcomes {
            progress.take(outcome);
            if progress.window_is_full() {
                self.write_window(progress, false).await?;
            }
            // Looked at for each record: a few bytes of a feed can be many rejections.
            if progress.rejects.size() > REJECTS_BYTES {
                self.write_rejects(progress).await?;
            }
        }
        Ok(())
    }

    /// How this invocation's part ends if its time is over. One that began late still does something
    /// before it gives up.
    async fn out_of_time(
        &self,
        progress: &mut Progressing<'_>,
        feed: &Feed,
        started: i64,
    ) -> Result<Option<End>, Failure> {
        let begun = progress.run.record > progress.begun_at;
        if !(begun || feed.rereads()) || self.deadline.remaining(self.clock.now_ms()) >= HAND_OVER {
            return Ok(None);
        }
        if !begun && self.clock.now_ms() - started > ENOUGH_MS {
            let failed = Some(progress.broken(&too_slow(feed, progress.info.size)));
            return Ok(Some(End::Finished { failed, corrupt: false }));
        }
        self.write_window(progress, false).await?;
        Ok(Some(End::HandedOver))
    }

    /// Decodes a compressed object to its check sum before anything of it counts: what a damaged one says may be wrong in any place. What was read is
    /// in `ahead` then. The break, if it is damaged; one that is cut off is read up to there like any other.
    async fn look_through(
        &self,
        object: &mut ObjectReader<O>,
        ahead: &mut VecDeque<Vec<u8>>,
    ) -> Result<Option<Broken>, StreamError> {
        let mut check = Check::default();
        while let Some(piece) = object.next().await.map_err(StreamError::Object)? {
            let checked = check.take(&piece, &self.limits);
            ahead.push_back(piece);
            match checked {
                Ok(true) => {}
                Ok(false) => break,
                // Whatever else there is, the feed itself finds.
                Err(DecodeError::Truncated(_) | DecodeError::Setup(_)) => break,
                Err(error @ DecodeError::Corrupt(..)) => {
                    let message = format!("{error}; nothing of it was taken");
                    let reason = Reason::CorruptCompression;
                    return Ok(Some(Broken { reason, offset: 0, index: 0, message, excerpt: None }));
                }
            }
        }
        Ok(None)
    }

    /// Brings the window to the ledger; `all` says that nothing follows.
    async fn write_window(&self, progress: &mut Progressing<'_>, all: bool) -> Result<(), Failure> {
        if progress.window.is_empty() && progress.lines.is_empty() {
            return Ok(());
        }
        let repeated = match progress.repeated {
            Some(repeated) => repeated,
            None => self.decide_on_repeated(progress, all).await?,
        };
        progress.window_bytes = 0;
        let window = std::mem::take(&mut progress.window);
        let location = progress.work.location();
        let writer = WindowWriter {
            store: self.store,
            bus: self.bus,
            run: &progress.run.name,
            location: &location,
            strict: repeated == Repeated::Noted,
            declared: progress.declared,
            noting: !progress.info.full,
            now: self.clock.now_ms(),
        };
        if !window.is_empty() {
            let written = writer.write(window).await?;
            self.arrived(progress, written.changed).await;
            progress.count(written);
        }
        self.write_lines(progress, &location, repeated == Repeated::Noted).await
    }

    /// Brings the lines of a declared part to the ledger.
    async fn write_lines(&self, progress: &mut Progressing<'_>, location: &str, strict: bool) -> Result<(), Failure> {
        let lines = std::mem::take(&mut progress.lines);
        let (Some(part), Some(declared)) = (progress.part, progress.declared) else { return Ok(()) };
        if lines.is_empty() {
            return Ok(());
        }
        let writer = LineWriter {
            store: self.store,
            bus: self.bus,
            source: progress.source,
            part,
            declared,
            run: &progress.run.name,
            location,
            strict,
            room: &progress.room,
            now: self.clock.now_ms(),
        };
        let written = writer.write(lines).await?;
        self.arrived(progress, written.changed).await;
        progress.count(written);
        Ok(())
    }

    /// Counts how long what is new took to the ledger.
    async fn arrived(&self, progress: &Progressing<'_>, changed: u64) {
        let now = self.clock.now_ms();
        let written = i64::try_from(progress.object_time_ms()).unwrap_or(now);
        if changed > 0 {
            let lag = (now - written).max(0);
            #[expect(clippy::cast_precision_loss, reason = "exact for hundreds of thousands of years")]
            self.metrics.sample(Metric::EndToEndLag, lag as f64);
            self.store.note_lags(Place::Ledger, &[(lag, changed)], now).await;
        }
    }

    /// Decides whether repeated products are noted. If not, the run registers before it reads its first state.
    async fn decide_on_repeated(&self, progress: &mut Progressing<'_>, all: bool) -> Result<Repeated, Failure> {
        let repeated = progress.repeated(all);
        if repeated == Repeated::Passed {
            let registered = Registered { version: progress.version(0), id: progress.work.id.original() };
            let now = self.clock.now_ms();
            self.store.register_run(&progress.register, &registered, now).await.map_err(|error| error.failure())?;
        }
        progress.repeated = Some(repeated);
        Ok(repeated)
    }

    fn commit_is_due(&self, progress: &Progressing<'_>) -> bool {
        let since = self.clock.now_ms() - progress.committed_at;
        progress.rejects_written > 0
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

    async fn write_rejects(&self, progress: &mut Progressing<'_>) -> Result<(), Failure> {
        if let Some((key, body)) = progress.rejects.take(&progress.run.name) {
            self.objects.put(&progress.work.id.bucket, &key, "application/x-ndjson", body).await?;
            progress.rejects_written += 1;
        }
        Ok(())
    }

    /// What is committed next is in the bucket first.
    async fn write_reports(&self, progress: &mut Progressing<'_>) -> Result<(), Failure> {
        self.write_rejects(progress).await?;
        progress.rejects_written = 0;
        let bucket = &progress.work.id.bucket;
        if let Some((key, body)) =
            progress.manifest.take(progress.source, &progress.run.name, progress.committed.record)
        {
            self.objects.put(bucket, &key, "text/plain; charset=utf-8", body).await?;
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
