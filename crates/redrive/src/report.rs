//! What dlq-redrive answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::letter::Reason;
use crate::request::{QueueName, RedriveAction};

/// Letters described one by one in a report; all of them are counted.
pub const LISTED: usize = 200;

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RedriveReport {
    pub action: RedriveAction,
    /// Whether it was only a rehearsal.
    pub dry_run: bool,
    /// Per queue, in the order of the pipeline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub queues: Vec<QueueReport>,
    /// Of the sweep, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<SweepReport>,
}

impl RedriveReport {
    /// Whether it tells what would be done, or only what is there.
    #[must_use]
    pub const fn is_rehearsal(&self) -> bool {
        self.dry_run || matches!(self.action, RedriveAction::Inspect | RedriveAction::Parked)
    }

    /// Everything that did not work, for people.
    #[must_use]
    pub fn failures(&self) -> Vec<&str> {
        let queues = self.queues.iter().flat_map(|queue| &queue.failures);
        queues.chain(self.sweep.iter().flat_map(|sweep| &sweep.failures)).map(String::as_str).collect()
    }
}

/// What became of one letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Handled {
    /// The letter's id: the message id of its first copy; `-` where there is no letter.
    pub message: String,
    /// The product or the feed; `?` where it cannot be understood.
    pub subject: String,
    /// `drop`, `redrive`, `park`, `leave`, `unpark`, `announce` or `remove`.
    pub decision: String,
    pub reason: Reason,
    /// Seconds since this copy was sent.
    pub age_seconds: i64,
    /// How often it was redriven before.
    pub redrives: u32,
    /// Object it is parked in, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked: Option<String>,
}

/// What happened on one queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueReport {
    pub queue: QueueName,
    pub target_answers: bool,
    /// Letters looked at.
    pub seen: usize,
    /// Letters that the filter did not select.
    pub skipped: usize,
    /// Deleted, because there is nothing left to do.
    pub dropped: usize,
    /// Sent back to the queue.
    pub redriven: usize,
    /// Kept in S3.
    pub parked: usize,
    /// Put back on the dead-letter queue.
    pub left: usize,
    /// Taken from S3 and sent back to the queue.
    pub unparked: usize,
    /// Refused products announced again whose letter was neither parked nor on the dead-letter
    /// queue.
    #[serde(default)]
    pub announced: usize,
    /// Parked letters taken away for good.
    #[serde(default)]
    pub removed: usize,
    /// Decisions by reason: `park pimcore_invalid_value` → 3.
    pub by_reason: BTreeMap<String, usize>,
    /// The first [`LISTED`] letters.
    pub letters: Vec<Handled>,
    /// It stopped at the maximum or at the end of its time: there may be more.
    pub more: bool,
    /// What did not work. The letters concerned are where they were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<String>,
}

impl QueueReport {
    /// Nothing yet.
    #[must_use]
    pub fn new(queue: QueueName, target_answers: bool) -> Self {
        Self {
            queue,
            target_answers,
            seen: 0,
            skipped: 0,
            dropped: 0,
            redriven: 0,
            parked: 0,
            left: 0,
            unparked: 0,
            announced: 0,
            removed: 0,
            by_reason: BTreeMap::new(),
            letters: Vec::new(),
            more: false,
            failures: Vec::new(),
        }
    }

    /// Adds what another part of the same request came to on this queue.
    pub fn merge(&mut self, other: Self) {
        self.seen += other.seen;
        self.skipped += other.skipped;
        self.dropped += other.dropped;
        self.redriven += other.redriven;
        self.parked += other.parked;
        self.left += other.left;
        self.unparked += other.unparked;
        self.announced += other.announced;
        self.removed += other.removed;
        self.more |= other.more;
        for (reason, n) in other.by_reason {
            *self.by_reason.entry(reason).or_default() += n;
        }
        let room = LISTED.saturating_sub(self.letters.len());
        self.letters.extend(other.letters.into_iter().take(room));
        self.failures.extend(other.failures);
    }

    /// Letters and products that are where they were not before.
    #[must_use]
    pub const fn moved(&self) -> usize {
        self.dropped + self.redriven + self.parked + self.unparked + self.announced + self.removed
    }

    /// Counts a letter and describes it if there is room.
    pub fn add(&mut self, handled: Handled) {
        match handled.decision.as_str() {
            "drop" => self.dropped += 1,
            "redrive" => self.redriven += 1,
            "park" => self.parked += 1,
            "unpark" => self.unparked += 1,
            "announce" => self.announced += 1,
            "remove" => self.removed += 1,
            _ => self.left += 1,
        }
        *self.by_reason.entry(format!("{} {}", handled.decision, handled.reason.code)).or_default() += 1;
        if self.letters.len() < LISTED {
            self.letters.push(handled);
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SweepReport {
    /// Products pending for longer than the limit.
    pub pending: usize,
    pub announced_pimcore: usize,
    pub announced_medusa: usize,
    /// Not announced, by reason.
    pub held_back: BTreeMap<String, usize>,
    /// Feed runs put back on the ingest queue.
    pub runs_resumed: Vec<String>,
    /// Age in seconds of the oldest pending product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_seconds: Option<i64>,
    /// It stopped at a limit: there may be more.
    pub more: bool,
    /// What did not work.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<String>,
}
