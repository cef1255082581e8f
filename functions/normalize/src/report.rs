//! What a run leaves in the feed bucket: the records it rejected, with their reasons, and for a
//! full feed the ids it saw.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use catalog::PartName;
use feeds::{Broken, Rejection};
use ledger::{Counts, Run};
use serde::Serialize;

use crate::message::FeedObject;

/// One line in `rejected/<run>/<record>.jsonl`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    #[serde(flatten)]
    rejection: &'a Rejection,
    /// Where the record came from.
    object: &'a str,
    /// The record as it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<&'a str>,
    /// The same where it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_base64: Option<String>,
}

/// Rejections since the last commit, as JSON Lines.
#[derive(Debug, Default)]
pub struct Rejects {
    first: Option<u64>,
    lines: Vec<u8>,
}

impl Rejects {
    /// Adds a record with its raw bytes; how many bytes it takes. `index` is the record at which it
    /// turned out, which may be a later one.
    pub fn add_at(&mut self, index: u64, object: &str, rejection: &Rejection, raw: &[u8]) -> u64 {
        let before = self.lines.len();
        self.first.get_or_insert(index);
        let text = std::str::from_utf8(raw);
        let line = Line {
            rejection,
            object,
            raw: text.ok().filter(|raw| !raw.is_empty()),
            raw_base64: text.is_err().then(|| STANDARD.encode(raw)),
        };
        match serde_json::to_writer(&mut self.lines, &line) {
            Ok(()) => self.lines.push(b'\n'),
            Err(error) => unreachable!("a plain struct: {error}"),
        }
        (self.lines.len() - before) as u64
    }

    /// Bytes waiting to be written.
    #[must_use]
    pub fn size(&self) -> usize {
        self.lines.len()
    }

    /// What is to be written, with its key. The name is that of the first record in it, so that a
    /// second attempt overwrites the first. Where a part of the first attempt began at another
    /// record it stays beside those of the second: a line is known by its record, offset and
    /// reason.
    pub fn take(&mut self, run: &str) -> Option<(String, Vec<u8>)> {
        let first = self.first.take()?;
        Some((format!("rejected/{run}/{first:011}.jsonl"), std::mem::take(&mut self.lines)))
    }
}

/// The break of a feed as a line among the rejections.
#[must_use]
pub fn rejection_of(broken: &Broken) -> Rejection {
    Rejection {
        index: broken.index,
        offset: broken.offset,
        defect_offset: None,
        product_id: None,
        reason: broken.reason,
        message: format!("the feed cannot be read any further: {}", broken.message),
        path: None,
        value: None,
    }
}

/// Product ids of a full feed since the last commit.
#[derive(Debug, Default)]
pub struct Manifest {
    ids: Vec<String>,
}

impl Manifest {
    /// Adds an id, also that of a rejected record: what is offered badly is still offered.
    pub fn add(&mut self, id: &str) {
        self.ids.push(id.to_owned());
    }

    /// How many are waiting.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether none is waiting.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// A part: the ids sorted, each once, one on a line. The parts of a run are merged by whoever
    /// reads them.
    pub fn take(&mut self, source: &str, run: &str, from_record: u64) -> Option<(String, Vec<u8>)> {
        if self.ids.is_empty() {
            return None;
        }
        let mut ids = std::mem::take(&mut self.ids);
        ids.sort_unstable();
        ids.dedup();
        let mut body = ids.join("\n").into_bytes();
        body.push(b'\n');
        Some((format!("manifests/{source}/{run}/{from_record:011}.txt"), body))
    }
}

/// `manifests/<source>/<run>.json`, written when a full feed has been read.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ManifestIndex<'a> {
    pub parts: String,
    pub object: &'a str,
    /// Version of the object: that of its first record.
    pub version: &'a str,
    /// Every product of the feed is in it. If not (a record without an id, a feed that breaks off),
    /// its gaps say nothing.
    pub complete: bool,
    /// The parts of products that it speaks for; empty where they do not come in parts.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub speaks_for: &'a BTreeSet<PartName>,
}

/// Detail of `FeedCompleted` and `FeedFailed`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FeedEvent {
    /// The run's short name.
    pub run_id: String,
    pub bucket: String,
    pub key: String,
    pub object_version: String,
    /// The source, where the key names one.
    pub source: Option<String>,
    pub counts: Counts,
    /// Why it failed.
    pub reason: Option<String>,
    /// When it started, in ms.
    pub started: i64,
    /// When it ended, in ms.
    pub finished: i64,
}

impl FeedEvent {
    /// The event for the end of a run.
    #[must_use]
    pub fn of(work: &FeedObject, source: Option<&str>, run: &Run, now: i64) -> Self {
        Self {
            run_id: run.name.clone(),
            bucket: work.id.bucket.clone(),
            key: work.id.key.clone(),
            object_version: work.id.object_version.clone(),
            source: source.map(str::to_owned),
            counts: run.counts.clone(),
            reason: run.reason.clone(),
            started: run.started,
            finished: now,
        }
    }
}
