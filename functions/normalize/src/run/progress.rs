//! How far a run is: what was read of the object, counted, and not yet written or committed.

use std::collections::BTreeSet;

use catalog::{ContentHash, PartName, Product, ProductKey, WarningCode};
use feeds::{Broken, Checkpoint, Mapped, MappedLine, Reason, Rejection};
use ledger::core::lines::MAIN;
use ledger::core::parts::MAX_PARTS;
use ledger::{Declared, Run};
use serde::{Deserialize, Serialize};

use super::brought::{Brought, Place};
use super::survey::Passing;
use crate::lines::{LineEntry, Room};
use crate::message::FeedObject;
use crate::ports::ObjectInfo;
use crate::report::{Manifest, Rejects, rejection_of};
use crate::source::Known;
use crate::window::{BATCH, Entry, Written};
use crate::{codes, index};

/// Products written at once.
const WINDOW: usize = 4 * BATCH;
/// Lines written at once.
const LINES: usize = 1_600;
/// Bytes of text in them, which bounds what they take in memory.
const WINDOW_BYTES: usize = 6 << 20;
/// A feed of up to so many products notes those that repeat what is known (`ledger::core::register`). A place in the register is a write unit, which
/// so few would feel: most feeds of this size bring changes.
pub(super) const FEW: usize = 3;

/// Rejected records that a run keeps in the bucket, the first ones; the others are counted.
const KEPT_RECORDS: u64 = 10_000;
/// Bytes of them after which no further one is kept.
const KEPT_BYTES: u64 = 256 << 20;

/// Rejections that are in the bucket, or on their way there.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Kept {
    records: u64,
    bytes: u64,
}

/// What a reader has to know beyond the position, to take a run up again.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Resume {
    pub(super) checkpoint: Checkpoint,
    /// S3's sequencer, which only the notification has: the sweep and people bring a run back without it.
    #[serde(default)]
    pub(super) sequencer: String,
    /// A record had no id that could be read: the manifest has a gap.
    #[serde(default)]
    pub(super) ids_missing: bool,
    #[serde(default)]
    pub(super) kept: Kept,
    /// The parts that the records of a full feed were: it speaks for those.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) parts: BTreeSet<PartName>,
    /// The version of the mapping that the run goes by; none for a built-in source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mapping: Option<String>,
}

impl Resume {
    /// For a run from its beginning.
    pub(super) fn of(work: &FeedObject) -> Self {
        Self { sequencer: work.sequencer.clone(), ..Self::default() }
    }

    /// What the run's item has kept.
    pub(super) fn read(run: &Run) -> Self {
        run.resume.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }

    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|error| unreachable!("a plain struct: {error}"))
    }

    /// The same records get the same versions, whoever asks for them.
    pub(super) fn applied_to(&self, work: &FeedObject) -> FeedObject {
        let mut work = work.clone();
        if !self.sequencer.is_empty() {
            work.sequencer.clone_from(&self.sequencer);
        }
        work
    }
}

/// What becomes of a product that repeats what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeated {
    Noted,
    /// Nothing: the run is in its source's register.
    Passed,
}

/// A run while it is being read.
pub(super) struct Progressing<'a> {
    pub(super) work: &'a FeedObject,
    pub(super) source: &'a str,
    /// The source's declared parts.
    pub(super) declared: Option<&'a Declared>,
    /// The declared part whose lines are read.
    pub(super) part: Option<&'a PartName>,
    /// The name under which the run is registered.
    pub(super) register: String,
    pub(super) info: ObjectInfo,
    /// As of the last commit.
    pub(super) committed: Run,
    /// As of the last window.
    pub(super) run: Run,
    pub(super) resume: Resume,
    /// What becomes of repeated products, once that is decided.
    pub(super) repeated: Option<Repeated>,
    pub(super) window: Vec<Entry>,
    /// Lines of a declared part.
    pub(super) lines: Vec<LineEntry>,
    pub(super) room: Room,
    /// Which lines need not be read.
    pub(super) passing: Passing,
    pub(super) window_bytes: usize,
    pub(super) rejects: Rejects,
    /// Parts of the rejections that were written since the last commit.
    pub(super) rejects_written: u32,
    pub(super) manifest: Manifest,
    brought: Brought,
    pub(super) committed_at: i64,
    /// The record that this invocation began with.
    pub(super) begun_at: u64,
}

impl<'a> Progressing<'a> {
    /// The run of `work` from where `run` has come to.
    pub(super) fn new(work: &'a FeedObject, known: &'a Known, info: ObjectInfo, run: Run, now: i64) -> Self {
        // Only the leading part says what there is: a list of lines withdraws nothing.
        let full = info.full && known.part.is_none();
        Self {
            work,
            source: known.source(),
            declared: known.declared.as_ref(),
            part: known.part.as_ref(),
            register: known.register(),
            info: ObjectInfo { full, ..info },
            committed: run.clone(),
            begun_at: run.record,
            resume: Resume::read(&run),
            run: Run { reason: None, ..run },
            repeated: None,
            window: Vec::new(),
            lines: Vec::new(),
            room: Room::default(),
            passing: Passing::default(),
            window_bytes: 0,
            rejects: Rejects::default(),
            rejects_written: 0,
            manifest: Manifest::default(),
            brought: Brought::default(),
            committed_at: now,
        }
    }

    /// Whether repeated products are noted; `all` says that the object ends with the window. Decided before the first state is read.
    pub(super) fn repeated(&self, all: bool) -> Repeated {
        let few = all && self.begun_at == 0 && self.window.len() + self.lines.len() <= FEW;
        if self.work.id.is_strict() || few { Repeated::Noted } else { Repeated::Passed }
    }

    /// Whether the manifest names every product that the feed contains.
    pub(super) const fn is_everything(&self, whole: bool) -> bool {
        whole && !self.resume.ids_missing
    }

    /// When the object was written; a strict pass goes by what the pass before went by.
    pub(super) fn object_time_ms(&self) -> u64 {
        self.work.object_time_ms.unwrap_or(self.info.modified_ms)
    }

    pub(super) fn version(&self, position: u64) -> catalog::Version {
        self.work.version(self.object_time_ms(), position)
    }

    pub(super) fn window_is_full(&self) -> bool {
        self.window.len() >= WINDOW || self.lines.len() >= LINES || self.window_bytes >= WINDOW_BYTES
    }

    /// Everything up to here has been taken.
    pub(super) fn position(&mut self, checkpoint: Checkpoint) {
        // What says what the last file said was passed over.
        let passed = self.passing.known.count(self.run.record..checkpoint.index);
        self.run.counts.read += passed;
        self.run.counts.unchanged += passed;
        self.run.offset = checkpoint.offset;
        self.run.record = checkpoint.index;
        self.resume.checkpoint = checkpoint;
        self.run.resume = Some(self.resume.text());
    }

    pub(super) fn take(&mut self, outcome: feeds::Outcome) {
        match outcome {
            feeds::Outcome::Product(mapped) => self.product(*mapped),
            feeds::Outcome::Line(mapped) => self.line(*mapped),
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
        let main = || self.declared.map(|_| PartName::from_text(MAIN));
        let part = feeds::adapter::part_of(&product).or_else(main);
        if self.info.full {
            self.manifest.add(key.id());
            self.speaks_for(part.as_ref());
        }
        let (version, hash) = (self.version(index), ContentHash::of(&product));
        let facts_follow =
            !self.info.replayed && feeds::adapter::find(self.source).is_some_and(|adapter| adapter.facts_follow());
        let place = Place { index, offset };
        let earlier = self.brought.note(&key, part.as_ref(), &hash, place);
        if let Some(earlier) = earlier {
            let message = format!(
                "record {index} at byte {offset} of this feed says something else of the product, and counts, because it comes later"
            );
            self.repeated_record(index, earlier, key.id(), message);
        }
        self.window_bytes += weight(&product);
        self.window.push(Entry {
            key,
            part,
            product,
            version,
            hash,
            facts_follow,
            index,
            offset,
            reported: earlier.is_some(),
        });
    }

    fn line(&mut self, mapped: MappedLine) {
        let MappedLine { index, offset, line } = mapped;
        if self.passing.known.has(index) {
            return;
        }
        let said = ContentHash::from_text(format!("{:?}", line.says));
        if let Some(earlier) = self.brought.note(&line.about, self.part, &said, Place { index, offset }) {
            let message = format!(
                "record {index} at byte {offset} of this feed says something else of {}, and counts, because it comes later",
                line.about
            );
            self.repeated_record(index, earlier, &line.about.value, message);
        }
        self.lines.push(LineEntry { line, version: self.version(index), index, offset });
    }

    /// A full feed speaks for the parts that its records are; one with more of them than there may be speaks for none.
    fn speaks_for(&mut self, part: Option<&PartName>) {
        let Some(part) = part.filter(|part| !self.resume.parts.contains(*part)) else { return };
        if self.resume.parts.len() < MAX_PARTS {
            self.resume.parts.insert(part.clone());
        } else {
            self.resume.ids_missing = true;
        }
    }

    /// One id twice with different content. Which one counts is settled as for any two records; here it is only said. `at` is the record at which
    /// it turned out, `place` the one that is told of.
    fn repeated_record(&mut self, at: u64, place: Place, id: &str, message: String) {
        let rejection = rejection(place.index, place.offset, id, Reason::RepeatedRecord, message);
        self.keep(at, &rejection, &[]);
        *self.run.counts.warnings_by.entry(Reason::RepeatedRecord.as_str().to_owned()).or_default() += 1;
    }

    /// Keeps what a person may want to see, up to the bounds of a run; what is beyond is counted. `at` is the record at which it turned out.
    fn keep(&mut self, at: u64, rejection: &Rejection, raw: &[u8]) {
        let kept = &mut self.resume.kept;
        if kept.records < KEPT_RECORDS && kept.bytes < KEPT_BYTES {
            kept.records += 1;
            kept.bytes += self.rejects.add_at(at, &self.work.location(), rejection, raw);
        } else {
            self.run.counts.rejected_unkept += 1;
        }
    }

    fn reject(&mut self, rejection: &Rejection, raw: &[u8]) {
        self.keep(rejection.index, rejection, raw);
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
    pub(super) fn broken(&mut self, broken: &Broken) -> String {
        let excerpt = broken.excerpt.clone().unwrap_or_default();
        self.reject(&rejection_of(broken), excerpt.as_bytes());
        let said = format!("{}: {} (byte {}, record {})", broken.reason, broken.message, broken.offset, broken.index);
        let changed = self.run.counts.changed;
        if broken.reason != Reason::CorruptCompression || changed == 0 {
            return said;
        }
        // What was damaged may have been so long before anybody could see it.
        let run = &self.run.name;
        format!(
            "{said}; what it said of {changed} products before, those of the run {run}, is doubtful until the next good file"
        )
    }

    pub(super) fn count(&mut self, written: Written) {
        let counts = &mut self.run.counts;
        counts.read += written.changed + written.unchanged + written.stale;
        counts.changed += written.changed;
        counts.unchanged += written.unchanged;
        counts.stale += written.stale;
        counts.first += written.first;
        for (code, count) in written.warnings {
            *counts.warnings_by.entry(warning_name(code).to_owned()).or_default() += count;
        }
        for (code, count) in written.waiting {
            counts.waiting += count;
            *counts.waiting_by.entry(code).or_default() += count;
        }
        counts.waiting_since = counts.waiting_since.into_iter().chain(written.waiting_since).min();
        for repeated in written.repeated {
            let message = format!(
                "record {} of this feed said something else of the product; this one counts, because it comes later",
                repeated.earlier
            );
            let place = Place { index: repeated.index, offset: repeated.offset };
            self.repeated_record(repeated.index, place, repeated.key.id(), message);
        }
        self.passing.apart.extend(written.apart.iter().map(index::digest));
        for LineEntry { line, index, offset, .. } in written.unkept {
            let message = format!("{} is no product's yet, and as many lines wait as are kept", line.about);
            let rejection = rejection(index, offset, &line.about.value, Reason::LineNotKept, message);
            self.keep(index, &rejection, &[]);
        }
        for (entry, message) in written.too_large {
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
    let facts = |facts: &Option<Box<catalog::Facts>>| {
        let rows = facts.iter().flat_map(|facts| facts.rows());
        rows.map(|row| 100 + row.name.len() + row.text.len()).sum::<usize>() + facts.as_ref().map_or(0, |_| 1_000)
    };
    let variant = |variant: &catalog::Variant| {
        300 + facts(&variant.facts)
            + variant.prices.len() * 100
            + variant.options.iter().chain(&variant.images).map(|text| text.len() + 50).sum::<usize>()
    };
    1_000
        + facts(&product.facts)
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
        WarningCode::PriceRounded => codes::PRICE_ROUNDED,
        WarningCode::PriceLeftOut => codes::PRICE_LEFT_OUT,
        WarningCode::AddressLeftOut => codes::ADDRESS_LEFT_OUT,
        WarningCode::TextCleaned => codes::TEXT_CLEANED,
        WarningCode::NameFromOtherLanguage => codes::NAME_FROM_OTHER_LANGUAGE,
        WarningCode::FactLeftOut => codes::FACT_LEFT_OUT,
        WarningCode::VariantLeftOut => codes::VARIANT_LEFT_OUT,
    }
}
