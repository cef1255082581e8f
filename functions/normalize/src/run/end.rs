//! The end of a run: what it asks for, what it leaves behind, how it is told.

use catalog::Failure;
use ledger::{Registered, Run, RunStatus, Table};
use runtime::{Announcement, Bus, Clock};

use super::FeedReader;
use super::progress::Progressing;
use crate::codes;
use crate::message::{FeedObject, strict_pass};
use crate::metrics;
use crate::ports::{Ingest, ObjectError, Objects};
use crate::report::{FeedEvent, ManifestIndex};

/// Characters that are kept of why an attempt failed.
const REASON_CHARS: usize = 1_000;

impl<T: Table, O: Objects, B: Bus, Q: Ingest, C: Clock> FeedReader<'_, T, O, B, Q, C> {
    pub(super) async fn write_manifest(&self, progress: &Progressing<'_>, whole: bool) -> Result<(), Failure> {
        if !progress.info.full {
            return Ok(());
        }
        let (source, run) = (progress.source, &progress.run.name);
        let version = progress.version(0);
        let index = ManifestIndex {
            parts: format!("manifests/{source}/{run}/"),
            object: &progress.work.location(),
            version: version.as_str(),
            complete: progress.is_everything(whole),
            speaks_for: &progress.resume.parts,
        };
        let body = serde_json::to_vec_pretty(&index).unwrap_or_else(|error| unreachable!("a plain struct: {error}"));
        let key = format!("manifests/{source}/{run}.json");
        self.objects.put(&progress.work.id.bucket, &key, "application/json", body).await
    }

    /// What a full feed no longer contains is withdrawn, in an invocation of its own. Asked for
    /// before the run ends, so that a crash in between asks again; asking twice does no harm.
    pub(super) async fn ask_for_withdrawal(&self, progress: &Progressing<'_>, whole: bool) -> Result<(), Failure> {
        if !progress.info.full || progress.work.id.is_strict() || !progress.is_everything(whole) {
            return Ok(());
        }
        let request = withdrawal::WithdrawRequest {
            bucket: progress.work.id.bucket.clone(),
            source: progress.source.to_owned(),
            run: progress.run.name.clone(),
            force: false,
            after: None,
        };
        self.queue.send(&request.message()).await
    }

    /// Newer feeds that took a state for unchanged while the one of `version` was still writing
    /// look at it once more.
    pub(super) async fn ask_for_strict_passes(
        &self,
        work: &FeedObject,
        register: &str,
        version: &catalog::Version,
    ) -> Result<(), Failure> {
        let newer = self.store.newer_runs(register, version).await.map_err(|error| error.failure())?;
        for run in newer.into_iter().filter(|run| run.id != work.id.original()) {
            tracing::info!(object = run.id.key, "a newer feed was read before this one: it gets a strict pass");
            self.queue.send(&strict_pass(&run)).await?;
        }
        Ok(())
    }

    /// What was written from a damaged object is written over by a strict pass: its records have
    /// the same versions, and what they say now counts. It is compared in its turn, and asks for
    /// nothing more.
    pub(super) async fn ask_for_another_reading(&self, progress: &Progressing<'_>) -> Result<(), Failure> {
        if progress.work.id.is_strict() {
            return Ok(());
        }
        let again = Registered { version: progress.version(0), id: progress.work.id.clone() };
        // In the register the sweep finds it, should its message get lost.
        let registered = self.store.register_run(&progress.register, &again, self.clock.now_ms()).await;
        registered.map_err(|error| error.failure())?;
        self.queue.send(&strict_pass(&again)).await
    }

    /// Nothing can be read any more: the object is gone. What was read of it before stays, so for
    /// newer feeds this end is like any other. `version` is the object's, if anything was read of
    /// it.
    pub(super) async fn unreadable(
        &self,
        work: &FeedObject,
        (source, register): (&str, &str),
        version: Option<catalog::Version>,
        run: Run,
        error: ObjectError,
    ) -> Result<(), Failure> {
        let (status, reason) = match error {
            ObjectError::Missing => {
                (RunStatus::Failed, format!("{}: it was deleted before it was read", codes::OBJECT_MISSING))
            }
            ObjectError::Replaced => {
                let why = "another object was uploaded under its key; that one has a run of its own";
                (RunStatus::Superseded, format!("{}: {why}", codes::OBJECT_REPLACED))
            }
            ObjectError::Failed(failure) => {
                self.hand_over_with(work, &run, &failure).await;
                return Err(failure);
            }
        };
        if let Some(version) = version {
            self.ask_for_strict_passes(work, register, &version).await?;
        }
        let next = Run { status, reason: Some(reason), ..run.clone() };
        self.end(work, Some(source), run, next).await
    }

    /// Something did not work. What may work later leaves the run where it was last committed, with
    /// the reason on it; what never will ends it.
    pub(super) async fn give_up(&self, progress: &Progressing<'_>, failure: Failure) -> Result<(), Failure> {
        let (work, committed) = (progress.work, &progress.committed);
        if !failure.kind.is_final() {
            self.hand_over_with(work, committed, &failure).await;
            return Err(failure);
        }
        self.ask_for_strict_passes(work, &progress.register, &progress.version(0)).await?;
        let reason = Some(format!("{}: {}", failure.code, failure.message));
        self.finish(work, Some(progress.source), committed.clone(), committed.clone(), reason).await
    }

    /// Gives a run up at its last commit, so that the next attempt need not wait for the lease to
    /// expire, and notes why.
    pub(super) async fn hand_over_with(&self, work: &FeedObject, committed: &Run, failure: &Failure) {
        let why = format!("{}: {}", failure.code, failure.message).chars().take(REASON_CHARS).collect();
        let next = Run { reason: Some(why), ..committed.clone() };
        if let Err(error) = self.store.hand_over_run(&work.id, &self.owner, committed, &next).await {
            tracing::warn!(%error, "the run was not given up: its lease has to expire");
        }
    }

    /// Ends the run as completed, or as failed for a reason.
    pub(super) async fn finish(
        &self,
        work: &FeedObject,
        source: Option<&str>,
        committed: Run,
        run: Run,
        failed: Option<String>,
    ) -> Result<(), Failure> {
        let status = if failed.is_some() { RunStatus::Failed } else { RunStatus::Completed };
        self.end(work, source, committed, Run { status, reason: failed, ..run }).await
    }

    /// Tells the world, then ends the run as it says: a crash in between tells it twice.
    async fn end(&self, work: &FeedObject, source: Option<&str>, committed: Run, run: Run) -> Result<(), Failure> {
        let now = self.clock.now_ms();
        let event = FeedEvent::of(work, source, &run, now);
        let kind = match run.status {
            RunStatus::Failed => "FeedFailed",
            RunStatus::Superseded => "FeedSuperseded",
            RunStatus::Running | RunStatus::Completed => "FeedCompleted",
        };
        let announced = self.bus.announce(&[Announcement::new(kind, &event)]).await;
        announced.into_iter().collect::<Result<Vec<()>, Failure>>()?;
        self.store.finish_run(&work.id, &self.owner, &committed, &run, now).await.map_err(|error| error.failure())?;
        metrics::between(&committed.counts, &run.counts, self.metrics);
        metrics::end(&run, self.metrics);
        match (&run.reason, run.status) {
            (None, _) => tracing::info!(run = run.name, counts = ?run.counts, "feed completed"),
            (Some(reason), RunStatus::Superseded) => tracing::info!(run = run.name, reason, "feed superseded"),
            (Some(reason), _) => tracing::error!(run = run.name, counts = ?run.counts, reason, "feed failed"),
        }
        Ok(())
    }
}
