//! One circuit breaker per target (D31).
//!
//! While a target works, its breaker costs nothing: failures are counted in the memory of each
//! environment ([`Unanswered`](super::unanswered::Unanswered)), and only an environment that meets
//! one looks at the item. The item says where the breaker stands. What the event source mappings
//! should do follows from that ([`flow`]) and is told again and again until the breaker has been
//! closed for so long that nobody can be under way with an older order ([`note_over`]). So a crash
//! of the opener, a failed call, two who tell different things and a deployment that switches the
//! mapping on are all the same case.
//!
//! ```text
//!            trip                        probe succeeds             no failure for a step
//!   closed ────────▶ open, until retry_at ─────────────▶ returning ─────────────────────▶ … ─▶ closed
//!     ▲                 ▲    │  one probe at a time        │ step 1, 2, …
//!     │                 │    └── fails: retry_at later     │
//!     │                 └──────────────────────────────────┘ trip
//! ```
//!
//! A breaker that opens again soon after it closed waits longer each time (flapping).

use super::expression::{Change, Condition, Item, ItemKey, Operand, Value, Write};
use super::stage::{Owner, Stage};

const SK: &str = "breaker";
const MODE: &str = "mode";
const OPENINGS: &str = "openings";
const SINCE: &str = "since";
const RETRY_AT: &str = "retry_at";
const REASON: &str = "reason";
const STEP: &str = "step";
const PROBE_OWNER: &str = "probe_owner";
const PROBE_UNTIL: &str = "probe_until";
const OVER: &str = "settled";

/// How a breaker behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Batches in a row to which a target gave no answer, in one environment, that trip its
    /// breaker.
    pub failures: u32,
    /// First wait before a probe, in ms; doubled for every opening in a row.
    pub wait_ms: i64,
    pub longest_wait_ms: i64,
    /// How long a probe may take, in ms.
    pub probe_ms: i64,
    /// How long each step of the return lasts, in ms.
    pub step_ms: i64,
    /// Messages in a batch at each step of the return; after the last one the breaker is closed.
    pub steps: &'static [i32],
    /// How long after closing the mappings are told once more, in ms: longer than whoever tells
    /// them can live.
    pub over_after_ms: i64,
    /// A breaker that was closed for this long starts with the first wait again, in ms.
    pub calm_ms: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            failures: 3,
            wait_ms: 30_000,
            longest_wait_ms: 300_000,
            probe_ms: 30_000,
            // A little less than the minute between two looks, so that each look takes a step.
            step_ms: 50_000,
            steps: &[2, 10],
            over_after_ms: 120_000,
            calm_ms: 600_000,
        }
    }
}

/// What the event source mapping of a stage's queue is told. The smaller one lets less through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flow {
    /// Paused: waiting messages spend no receive count.
    Paused,
    /// This many messages in a batch.
    Limited(i32),
    /// As deployed.
    Full,
}

/// The targets that a stage's function asks: the shop is shown what the PIM holds, so medusa-push
/// needs both.
#[must_use]
pub const fn asked_by(stage: Stage) -> &'static [Stage] {
    match stage {
        Stage::Pimcore => &[Stage::Pimcore],
        Stage::Medusa => &[Stage::Pimcore, Stage::Medusa],
    }
}

/// What a stage's queue lets through, given the breakers of the targets that its function asks
/// ([`asked_by`]).
#[must_use]
pub fn flow<'a>(breakers: impl IntoIterator<Item = &'a Breaker>, settings: &Settings) -> Flow {
    breakers.into_iter().map(|breaker| breaker.flow(settings)).min().unwrap_or(Flow::Full)
}

/// Where a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The target works.
    Closed,
    /// Nothing but a probe goes to the target, and none before `retry_at` (ms).
    Open {
        /// When a probe may test the target, in ms.
        retry_at: i64,
    },
    /// Traffic returns: the `step`-th step (from 0) since `since`.
    Returning { step: i64 },
}

/// A breaker as its item has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breaker {
    pub mode: Mode,
    /// Since when, in ms.
    pub since: i64,
    /// Openings in a row.
    pub openings: i64,
    /// Why it opened last.
    pub reason: Option<String>,
    /// Who probes, until when (ms).
    pub probe: Option<(String, i64)>,
    /// The opening that is over and done with.
    over: Option<i64>,
}

impl Breaker {
    /// Reads an item; no item is a closed breaker.
    #[must_use]
    pub fn of(item: &Item) -> Self {
        let text = |name: &str| item.get(name).and_then(Value::text).map(str::to_owned);
        let number = |name: &str| item.get(name).and_then(Value::number);
        let mode = match item.get(MODE).and_then(Value::text) {
            Some("open") => Mode::Open { retry_at: number(RETRY_AT).unwrap_or(0) },
            Some("returning") => Mode::Returning { step: number(STEP).unwrap_or(0) },
            _ => Mode::Closed,
        };
        Self {
            mode,
            since: number(SINCE).unwrap_or(0),
            openings: number(OPENINGS).unwrap_or(0),
            reason: text(REASON),
            probe: text(PROBE_OWNER).zip(number(PROBE_UNTIL)),
            over: number(OVER),
        }
    }

    /// Whether messages have to wait.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.mode, Mode::Open { .. })
    }

    /// What it lets through.
    #[must_use]
    pub fn flow(&self, settings: &Settings) -> Flow {
        match self.mode {
            Mode::Closed => Flow::Full,
            Mode::Open { .. } => Flow::Paused,
            Mode::Returning { step } => usize::try_from(step)
                .ok()
                .and_then(|step| settings.steps.get(step))
                .map_or(Flow::Full, |batch| Flow::Limited(*batch)),
        }
    }

    /// Whether the mappings are as they were deployed, as far as this breaker is concerned, and
    /// nobody has to look at them.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.mode == Mode::Closed && (self.openings == 0 || self.over == Some(self.openings))
    }

    /// Whether mappings that were told *now* stay as they are: whoever may still tell them
    /// something older has ended by now.
    #[must_use]
    pub fn may_be_over(&self, settings: &Settings, now: i64) -> bool {
        self.mode == Mode::Closed && !self.is_over() && self.since + settings.over_after_ms <= now
    }

    /// How long messages have to wait, in ms, if they have to.
    #[must_use]
    pub const fn held_for(&self, now: i64) -> Option<i64> {
        match self.mode {
            Mode::Open { retry_at } => Some(if retry_at > now { retry_at - now } else { 0 }),
            Mode::Closed | Mode::Returning { .. } => None,
        }
    }

    /// What is to be done about it now.
    #[must_use]
    pub fn todo(&self, settings: &Settings, now: i64) -> Todo {
        let probing = self.probe.as_ref().is_some_and(|(_, until)| *until >= now);
        match self.mode {
            Mode::Open { retry_at } if retry_at <= now && !probing => Todo::Probe,
            Mode::Returning { .. } if self.since + settings.step_ms <= now => Todo::Advance,
            Mode::Closed | Mode::Open { .. } | Mode::Returning { .. } => Todo::Nothing,
        }
    }
}

/// What is to be done about a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Todo {
    /// Nothing now.
    Nothing,
    /// Claim the probe ([`probe`]), test the target, note the result ([`probed`]).
    Probe,
    /// The next step of the return ([`advance`]).
    Advance,
}

/// The key of a target's breaker.
#[must_use]
pub fn item_key(target: Stage) -> ItemKey {
    ItemKey { pk: format!("B#{}", target.as_str()), sk: SK.to_owned() }
}

/// Nothing has happened since: every transition moves `since`.
fn still(breaker: &Breaker) -> Condition {
    let mode = match breaker.mode {
        Mode::Closed => Condition::Any(vec![Condition::Absent(MODE), is(MODE, "closed")]),
        Mode::Open { .. } => is(MODE, "open"),
        Mode::Returning { step } => {
            Condition::All(vec![is(MODE, "returning"), Condition::Eq(STEP, Operand::Value(step.into()))])
        }
    };
    let number = |name, value: i64| match value {
        0 => Condition::Absent(name),
        value => Condition::Eq(name, Operand::Value(value.into())),
    };
    Condition::All(vec![mode, number(OPENINGS, breaker.openings), number(SINCE, breaker.since)])
}

fn is(name: &'static str, text: &str) -> Condition {
    Condition::Eq(name, Operand::Value(text.into()))
}

fn wait(openings: i64, settings: &Settings) -> i64 {
    let doublings = u32::try_from(openings.saturating_sub(1)).unwrap_or(0).min(16);
    settings.wait_ms.saturating_mul(1 << doublings).min(settings.longest_wait_ms)
}

/// Opens a breaker that was seen as `breaker`, closed or returning. Of two openers one is refused,
/// which is as good.
#[must_use]
pub fn trip(target: Stage, breaker: &Breaker, reason: &str, settings: &Settings, now: i64) -> Write {
    let calm = breaker.mode == Mode::Closed && breaker.since + settings.calm_ms <= now;
    let openings = if calm { 1 } else { breaker.openings + 1 };
    Write {
        key: item_key(target),
        condition: Condition::All(vec![
            Condition::Any(vec![Condition::Absent(MODE), is(MODE, "closed"), is(MODE, "returning")]),
            still(breaker),
        ]),
        changes: vec![
            Change::Set(MODE, "open".into()),
            Change::Set(OPENINGS, openings.into()),
            Change::Set(SINCE, now.into()),
            Change::Set(RETRY_AT, (now + wait(openings, settings)).into()),
            Change::Set(REASON, reason.chars().take(400).collect::<String>().into()),
            Change::Remove(STEP),
            Change::Remove(PROBE_OWNER),
            Change::Remove(PROBE_UNTIL),
            Change::Remove(OVER),
        ],
    }
}

/// Claims the one probe of an open breaker.
#[must_use]
pub fn probe(target: Stage, owner: &Owner, settings: &Settings, now: i64) -> Write {
    Write {
        key: item_key(target),
        condition: Condition::All(vec![
            is(MODE, "open"),
            Condition::Le(RETRY_AT, Operand::Value(now.into())),
            Condition::Any(vec![
                Condition::Absent(PROBE_OWNER),
                Condition::Lt(PROBE_UNTIL, Operand::Value(now.into())),
            ]),
        ]),
        changes: vec![
            Change::Set(PROBE_OWNER, owner.0.clone().into()),
            Change::Set(PROBE_UNTIL, (now + settings.probe_ms).into()),
        ],
    }
}

/// Notes what a probe found: traffic returns, or the next probe has to wait. Only as the probe's
/// owner.
#[must_use]
pub fn probed(target: Stage, owner: &Owner, breaker: &Breaker, works: bool, settings: &Settings, now: i64) -> Write {
    let mut changes = vec![Change::Remove(PROBE_OWNER), Change::Remove(PROBE_UNTIL)];
    if works {
        changes.extend([
            Change::Set(MODE, "returning".into()),
            Change::Set(SINCE, now.into()),
            Change::Set(STEP, 0.into()),
            Change::Remove(RETRY_AT),
        ]);
    } else {
        changes.push(Change::Set(RETRY_AT, (now + wait(breaker.openings, settings)).into()));
    }
    Write {
        key: item_key(target),
        condition: Condition::All(vec![is(MODE, "open"), is(PROBE_OWNER, &owner.0)]),
        changes,
    }
}

/// The next step of a return, or its end.
#[must_use]
pub fn advance(target: Stage, breaker: &Breaker, settings: &Settings, now: i64) -> Write {
    let step = match breaker.mode {
        Mode::Returning { step } => step + 1,
        Mode::Closed | Mode::Open { .. } => 0,
    };
    let more = usize::try_from(step).is_ok_and(|step| step < settings.steps.len());
    let mut changes = vec![Change::Set(SINCE, now.into())];
    if more {
        changes.push(Change::Set(STEP, step.into()));
    } else {
        changes.extend([Change::Set(MODE, "closed".into()), Change::Remove(STEP), Change::Remove(REASON)]);
    }
    Write { key: item_key(target), condition: Condition::All(vec![is(MODE, "returning"), still(breaker)]), changes }
}

/// Notes that the mappings were told, and may be left alone until the breaker opens again. Only
/// after [`Breaker::may_be_over`] held when the first of them was told.
#[must_use]
pub fn note_over(target: Stage, breaker: &Breaker) -> Write {
    Write {
        key: item_key(target),
        condition: still(breaker),
        changes: vec![Change::Set(OVER, breaker.openings.into())],
    }
}
