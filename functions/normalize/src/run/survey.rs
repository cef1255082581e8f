//! A file of a declared part is looked through before anything of it is taken: whether it blanks
//! too much, and which of its lines say what the last file said ([`ledger::core::last_file`]).

use std::collections::BTreeSet;
use std::sync::Arc;

use catalog::{Failure, PartName};
use feeds::{MappedLine, Numbers, Outcome};
use ledger::core::last_file::{Index, LastFile};
use ledger::core::{ItemKey, lines, part_file};
use ledger::{Registered, Table};
use runtime::{Bus, Clock};

use super::progress::{FEW, Progressing, Repeated};
use super::{FeedReader, StreamError};
use crate::codes;
use crate::index::{self, Entries, Entry, LastSaid};
use crate::ports::{Current, Ingest, Objects};
use crate::source::Known;
use crate::window::BATCH;

/// Bytes of a file for each line of the index below which it is not worth reading.
const WORTH: u64 = 2;

/// What a look through a file has shown.
#[derive(Debug, Default)]
struct Survey {
    lines: u64,
    /// Lines that may blank something.
    blank: u64,
    /// Lines that say what the last file said.
    known: Numbers,
    entries: Entries,
    /// It was seen to its end, and says nothing twice.
    whole: bool,
}

/// What a run that goes on by the last file's index, or leaves one, has to remember.
#[derive(Debug, Default)]
pub(super) struct Passing {
    /// Records that need not be read.
    pub(super) known: Arc<Numbers>,
    /// The lines of the file, for the index that it leaves.
    entries: Option<Entries>,
    /// What the ledger does not say, or what waits.
    pub(super) apart: Vec<u64>,
    /// When (ms) a run last read every line.
    looked: i64,
    /// The index that is there already.
    there: Option<String>,
}

impl<T: Table, O: Objects, B: Bus, Q: Ingest, C: Clock> FeedReader<'_, T, O, B, Q, C> {
    /// Looks a file of a declared part through and begins its run. Why it is refused, if it is.
    pub(super) async fn survey(
        &self,
        progress: &mut Progressing<'_>,
        known: &Known,
    ) -> Result<Option<String>, StreamError> {
        let Some(part) = progress.part else { return Ok(None) };
        let failure = |error: ledger::LedgerError| error.failure();
        let (owned, last) = self.store.part_file(&progress.register).await.map_err(failure)?;
        let (index, said) = self.index_for(progress, &last).await.unzip();
        // Of a run that goes on, nothing else is to be found out.
        let goes_on = progress.begun_at > 0 && index.is_none();
        let survey = match progress.work.id.is_strict() || goes_on {
            true => Survey::default(),
            false => self.look(progress, known, said).await?,
        };
        if let Some(refused) = self.refused(progress, known, (part, &owned), &survey).await? {
            return Ok(Some(refused));
        }
        if survey.lines > FEW as u64 {
            let registered = Registered { version: progress.version(0), id: progress.work.id.original() };
            let now = self.clock.now_ms();
            self.store.register_run(&progress.register, &registered, now).await.map_err(failure)?;
            progress.repeated = Some(Repeated::Passed);
        }
        let then = self.store.begin_lines(&progress.register, &progress.work.id).await.map_err(failure)?;
        let index = index.filter(|index| then.index_for(&progress.work.id) == Some(index));
        let notes_nothing = progress.repeated == Some(Repeated::Passed);
        let used = index.as_ref().filter(|_| survey.whole && notes_nothing && !survey.known.is_empty());
        progress.passing = Passing {
            looked: used.map_or_else(|| self.clock.now_ms(), |index| index.looked),
            known: Arc::new(used.map_or_else(Numbers::default, |_| survey.known)),
            entries: (survey.whole && notes_nothing && progress.begun_at == 0).then_some(survey.entries),
            there: index.map(|index| index.digest),
            apart: Vec::new(),
        };
        Ok(None)
    }

    /// The index by which lines may be passed over, if the file is worth it.
    async fn index_for(&self, progress: &Progressing<'_>, last: &LastFile) -> Option<(Index, LastSaid)> {
        let work = progress.work;
        let index = last.index_for(&work.id)?.clone();
        let worth = progress.info.size >= index.lines.saturating_mul(WORTH);
        if work.id.is_strict() || progress.info.replayed || !worth || LastFile::is_to_look(&index, self.clock.now_ms())
        {
            return None;
        }
        let key = index::key(&progress.register);
        match self.objects.current(&work.id.bucket, &key, index::LIMIT).await {
            Ok(Current::Body(bytes)) => LastSaid::read(bytes, &index.digest).map(|said| (index, said)),
            Ok(Current::Missing | Current::TooLarge { .. }) => None,
            Err(failure) => {
                tracing::warn!(key, %failure, "what the last file said could not be read: every line is");
                None
            }
        }
    }

    async fn look(
        &self,
        progress: &Progressing<'_>,
        known: &Known,
        mut said: Option<LastSaid>,
    ) -> Result<Survey, StreamError> {
        let mut survey = Survey::default();
        let seen = self
            .leaf_through(progress, known, async |outcomes| {
                for outcome in &*outcomes {
                    let Outcome::Line(mapped) = outcome else { continue };
                    survey.lines += 1;
                    let entry = Entry::of(&mapped.line);
                    if said.as_mut().is_some_and(|said| said.meets(entry)) {
                        survey.known.insert(mapped.index);
                        continue;
                    }
                    survey.entries.add(entry);
                    survey.blank += u64::from(part_file::may_blank(mapped.line.says.values()));
                    if let Some(said) = said.take_if(|said| said.is_left_behind(&survey.entries)) {
                        survey.entries = said.met_and(&survey.entries);
                    }
                }
                Ok(true)
            })
            .await?;
        if let Some(said) = said {
            survey.entries = said.met_and(&survey.entries);
        }
        survey.whole = survey.entries.put_in_order() && seen;
        Ok(survey)
    }

    /// Why a file of a declared part is not taken. A strict pass is over one that was; a replay is
    /// a person's word.
    async fn refused(
        &self,
        progress: &Progressing<'_>,
        known: &Known,
        (part, owned): (&PartName, &part_file::PartFile),
        survey: &Survey,
    ) -> Result<Option<String>, StreamError> {
        let (percent, lines) = (u64::from(self.max_percent), survey.lines);
        if progress.run.record > 0 || progress.info.replayed || !owned.blanks_too_many(survey.blank, lines, percent) {
            return Ok(None);
        }
        // What was blank already is no loss.
        let (mut blanked, mut batch) = (0, Vec::new());
        self.leaf_through(progress, known, async |outcomes| {
            let line = |outcome| match outcome {
                Outcome::Line(mapped) if part_file::may_blank(mapped.line.says.values()) => Some(*mapped),
                _ => None,
            };
            batch.extend(outcomes.drain(..).filter_map(line).filter(|line| !survey.known.has(line.index)));
            if batch.len() >= BATCH {
                blanked += self.blanked(progress, part, std::mem::take(&mut batch)).await?;
            }
            Ok(true)
        })
        .await?;
        blanked += self.blanked(progress, part, batch).await?;
        let of = owned.of_lines(lines);
        Ok(owned.blanks_too_many(blanked, lines, percent).then(|| {
            format!(
                "{}: {blanked} of the {of} lines that the part {part} has would be blank, sold out or without a price, more than {percent} %; nothing of the file was taken",
                codes::PART_BLANKED
            )
        }))
    }

    /// How many of these lines blank something that the ledger has.
    async fn blanked(
        &self,
        progress: &Progressing<'_>,
        part: &PartName,
        batch: Vec<MappedLine>,
    ) -> Result<u64, Failure> {
        let key = |line: &MappedLine| lines::line_key(progress.source, part, &line.line.about);
        let mut blanked = 0;
        for batch in batch.chunks(BATCH) {
            let keys: BTreeSet<ItemKey> = batch.iter().map(key).collect();
            let keys: Vec<ItemKey> = keys.into_iter().collect();
            let kept = self.store.read_lines(&keys).await.map_err(|error| error.failure())?;
            let blanks = |line: &&MappedLine| {
                let before = kept.get(&key(line)).map(|kept| kept.statement.clone()).unwrap_or_default();
                part_file::blanks(&before, &before.merged(&line.line, &progress.version(line.index)))
            };
            blanked += batch.iter().filter(blanks).count() as u64;
        }
        Ok(blanked)
    }

    /// Ends a run of a declared part: what it owns by now, and what its file said.
    pub(super) async fn end_lines(&self, progress: &mut Progressing<'_>, whole: bool) -> Result<(), Failure> {
        if progress.part.is_none() {
            return Ok(());
        }
        let (run, id) = (progress.run.name.clone(), &progress.work.id);
        let counts = &progress.run.counts;
        let lines = if whole { counts.read - counts.rejected } else { 0 };
        if lines.max(counts.first) > 0 {
            let counted = self.store.count_lines(&progress.register, &run, lines, counts.first).await;
            counted.map_err(|error| error.failure())?;
        }
        let passing = std::mem::take(&mut progress.passing);
        let index = if whole { self.leave_index(progress, passing).await } else { None };
        self.store.end_lines(&progress.register, id, index.as_ref()).await.map_err(|error| error.failure())
    }

    /// Leaves what the file said in the bucket. Without it the next file is read line by line.
    async fn leave_index(&self, progress: &Progressing<'_>, mut passing: Passing) -> Option<Index> {
        let entries = passing.entries?;
        let (body, digest) = entries.encoded(&mut passing.apart);
        let index = Index {
            run: progress.run.name.clone(),
            lines: (body.len() as u64 / 16).saturating_sub(1),
            digest,
            looked: passing.looked,
        };
        if passing.there.as_ref() == Some(&index.digest) {
            return Some(index);
        }
        let key = index::key(&progress.register);
        let put = self.objects.put(&progress.work.id.bucket, &key, "application/octet-stream", body).await;
        put.inspect_err(|failure| tracing::warn!(key, %failure, "what the file said is not kept")).ok().map(|()| index)
    }
}
