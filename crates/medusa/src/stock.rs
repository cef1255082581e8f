//! How many pieces of a variant the shop may sell: from what the supplier says, and what customers bought meanwhile (D64, D65).
//!
//! Pure. A figure that is unchanged writes nothing, whatever else of the product changes, so that pieces sold here are not sold twice. A figure
//! that changed moves the level by rules that depend on what it means ([`Meaning`]). `available = stocked − reserved` moves by itself with every
//! order; what is written is `stocked`.

mod moves;
mod terms;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::time::Instant;

use catalog::{Failure, ProductKey};
use serde::{Deserialize, Serialize};

pub use moves::{Left, Line, Moves, SETTLES, half_done, just_moved, moves, ordered_since, resolve, settles};
pub use terms::{Limited, Meaning, StockSettings, StockSettingsError, Terms};

/// What is remembered of a product's stock, by inventory item.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Book(pub BTreeMap<String, Applied>);

/// What was last done with a variant's stock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// The variant's SKU.
    pub sku: String,
    /// The supplier's figure, as the PIM has it.
    pub figure: i64,
    /// What the settings made of it.
    pub allowed: i64,
    /// The settings that did ([`Terms::basis`]).
    pub basis: String,
    /// The version of the document that the figure was taken from.
    pub version: String,
    /// The time (ms) for which the figure was taken to be true.
    pub since: i64,
    /// When (ms) it was applied.
    pub at: i64,
    /// `stocked_quantity` that was written, or found right.
    pub stocked: i64,
    /// Pieces that the level should be lower by and cannot, because Medusa takes no `stocked_quantity` below 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub owed: i64,
    /// The figure counted as 0 because its supplier had been silent for too long.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub silent: bool,
    /// Why it is so many.
    pub why: Why,
    /// A write that was begun and not yet found to be right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent: Option<Intent>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks")]
const fn is_zero(n: &i64) -> bool {
    *n == 0
}

/// A write of a level, noted before it is made: so that after a crash in between it is neither lost nor made twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// What the level was.
    pub from: Held,
    /// `stocked_quantity` that it was to have.
    pub to: i64,
}

/// A level as Medusa holds it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Pieces that are there.
    pub stocked: i64,
    /// Pieces promised, by the order line that they are promised to.
    pub reserved: BTreeMap<String, i64>,
    /// Pieces promised to nobody's order: reservations that people made by hand.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub by_hand: i64,
    /// When (ms) it was looked at.
    pub at: i64,
    /// When (ms, by Medusa's clock) it had last changed.
    #[serde(default)]
    pub touched: i64,
}

impl Held {
    /// What customers can still buy.
    #[must_use]
    pub fn available(&self) -> i64 {
        self.stocked - self.reserved.values().sum::<i64>() - self.by_hand
    }
}

/// What the supplier's document says beside the figure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// The version of the document that the PIM holds.
    pub version: String,
    /// When (ms) the document was written.
    pub at: i64,
    /// When (ms) the PIM's object was last saved: the time of a figure that differs although the document is the same.
    pub edited: i64,
    /// When (ms) the supplier was last heard of this product, if only to say the same again.
    pub heard: i64,
}

/// What is known of a product's stock beside the shop.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recall {
    /// What was done last.
    pub book: Book,
    /// What is said now.
    pub said: Said,
    /// The handle that was chosen for it ([`crate::address`]).
    pub handle: Option<String>,
}

/// Where the shop's stock is remembered, and the clock.
pub trait StockBooks: Sync {
    /// Now, in ms since 1970.
    fn now_ms(&self) -> i64;

    /// What is known of these products. Each of them is in the answer.
    fn recall(
        &self,
        keys: &[&ProductKey],
        deadline: Instant,
    ) -> impl Future<Output = Result<HashMap<ProductKey, Recall>, Failure>> + Send;

    /// Remembers what was done. In the order of `books`.
    fn note(
        &self,
        books: &[(&ProductKey, &Book)],
        deadline: Instant,
    ) -> impl Future<Output = Vec<Result<(), Failure>>> + Send;
}

/// What is to be done about a variant's stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Nothing: the figure has been applied.
    Nothing,
    /// Nothing but to remember the figure: the product was made equal to it before anything was remembered.
    Adopt,
    /// The figure has to be applied.
    Apply,
}

/// Whether a figure has to be applied. `there`: the level exists. `at_rest`: the product is marked as equal to this very state.
#[must_use]
pub fn due(
    figure: i64,
    said: &Said,
    applied: Option<&Applied>,
    there: bool,
    at_rest: bool,
    terms: &Terms,
    now: i64,
) -> Due {
    match applied {
        None if there && at_rest => Due::Adopt,
        Some(applied)
            if there
                && applied.intent.is_none()
                && applied.figure == figure
                && applied.basis == terms.basis()
                && applied.silent == terms.silent(said.heard, now) =>
        {
            Due::Nothing
        }
        _ => Due::Apply,
    }
}

/// The time (ms) for which a figure is taken to be true.
#[must_use]
pub fn figure_time(figure: i64, said: &Said, applied: Option<&Applied>) -> i64 {
    let by_hand = applied.is_some_and(|applied| applied.version == said.version && applied.figure != figure);
    if by_hand { said.at.max(said.edited) } else { said.at }
}

/// What the level should be, and what to remember of it. `ours` are the order lines of this variant that were placed since
/// [`figure_time`]; they must have been asked for after the level was. `level` is `None` where there is none yet.
#[must_use]
pub fn sellable(
    figure: &Figure<'_>,
    applied: Option<&Applied>,
    level: Option<&Held>,
    ours: &[Line],
    now: i64,
) -> Applied {
    let Figure { sku, pieces: figure, said, terms } = *figure;
    let limited = terms.limited(figure, said.heard, now);
    let since = figure_time(figure, said, applied);
    let nothing = Held::default();
    let there = level.unwrap_or(&nothing);
    let (wanted, step) =
        match (terms.figure, applied.filter(|applied| level.is_some() && terms.same_place(&applied.basis))) {
            // It knows none of our orders: what is available moves as the figure does, from where it is now.
            (Meaning::BeforeOrders, Some(applied)) => {
                let base = applied.intent.as_ref().map_or(there.stocked, |intent| {
                    resolve(
                        intent.from.stocked,
                        intent.to,
                        &moves(&intent.from, there, ours, terms.figure),
                        there.stocked,
                    )
                });
                let wanted = base - applied.owed + limited.pieces - applied.allowed;
                let left = wanted - (there.stocked - there.available());
                (wanted, Step::Moved { by: limited.pieces - applied.allowed, left })
            }
            (Meaning::BeforeOrders, None) => {
                let held = there.stocked - there.available();
                (limited.pieces, Step::Ours { pieces: held, since: None, left: limited.pieces - held })
            }
            // It knows our orders from before its time: those since then are taken off it.
            (Meaning::AfterOrders, _) => {
                let counted = moves::counted(there, ours, since);
                let left = limited.pieces - counted.pieces;
                (
                    left + there.stocked - there.available(),
                    Step::Ours { pieces: counted.pieces, since: Some(since), left },
                )
            }
        };
    let stocked = wanted.max(0);
    Applied {
        sku: sku.to_owned(),
        figure,
        allowed: limited.pieces,
        basis: terms.basis(),
        version: said.version.clone(),
        since,
        at: now,
        stocked,
        owed: stocked - wanted,
        silent: limited.silent,
        why: Why { said: limited.text, step },
        intent: None,
    }
}

/// What follows from a look at a level whose figure has to be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// It is right: to be remembered.
    Right(Applied),
    /// It has to be written, and looked at again. `noted` has to be remembered before.
    Write {
        /// What `stocked_quantity` has to be.
        stocked: i64,
        /// An intent without which a crash would leave it open whether the write happened.
        noted: Option<Box<Applied>>,
        /// What to judge the next look by.
        written: Box<(Held, Applied)>,
    },
    /// It has to be made. Nobody can have bought of what is not there, so that no other look is needed.
    Create(Applied),
}

/// A variant's figure and what it is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Figure<'a> {
    /// The variant's SKU.
    pub sku: &'a str,
    /// Pieces.
    pub pieces: i64,
    /// What the document says beside it.
    pub said: &'a Said,
    /// How its source's figures are used.
    pub terms: &'a Terms,
}

/// What to do after a look at a level. `written` is what was written after the look before, and from what; `lines` are those that
/// [`sellable`] and [`moves`] need.
#[must_use]
pub fn next(
    figure: &Figure<'_>,
    applied: Option<&Applied>,
    written: Option<Box<(Held, Applied)>>,
    held: Option<&Held>,
    lines: &[Line],
    now: i64,
) -> Next {
    if let (Some((from, applied)), Some(held)) = (written.as_deref(), held) {
        let wanted =
            resolve(from.stocked, applied.stocked, &moves(from, held, lines, figure.terms.figure), held.stocked);
        let right = wanted.max(0);
        if right == held.stocked {
            return Next::Right(Applied { stocked: right, owed: applied.owed + right - wanted, ..applied.clone() });
        }
        return Next::Write { stocked: right, noted: None, written: Box::new((from.clone(), applied.clone())) };
    }
    let applied = sellable(figure, applied, held, lines, now);
    match held {
        None => Next::Create(applied),
        Some(held) if held.stocked == applied.stocked => Next::Right(applied),
        Some(held) => {
            let intent = Intent { from: held.clone(), to: applied.stocked };
            let noted = (figure.terms.figure == Meaning::BeforeOrders)
                .then(|| Box::new(Applied { intent: Some(intent), ..applied.clone() }));
            Next::Write { stocked: applied.stocked, noted, written: Box::new((held.clone(), applied)) }
        }
    }
}

/// A figure that is remembered without having been applied: the level is as it is.
#[must_use]
pub fn adopted(sku: &str, figure: i64, said: &Said, stocked: i64, terms: &Terms, now: i64) -> Applied {
    let limited = terms.limited(figure, said.heard, now);
    Applied {
        sku: sku.to_owned(),
        figure,
        allowed: limited.pieces,
        basis: terms.basis(),
        version: said.version.clone(),
        since: said.at,
        at: now,
        stocked,
        owed: 0,
        silent: limited.silent,
        why: Why { said: limited.text, step: Step::Adopted { stocked } },
        intent: None,
    }
}

/// Why it is so many pieces.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// The figure and what the settings did to it.
    pub said: String,
    /// What was done with that.
    pub step: Step,
}

/// What was done with a figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Our orders were taken off: all open ones, or those since a time (ms).
    Ours {
        /// Pieces.
        pieces: i64,
        /// Since when.
        since: Option<i64>,
        /// What is left to sell.
        left: i64,
    },
    /// What was left moved as the figure did.
    Moved {
        /// By so many pieces.
        by: i64,
        /// What is left to sell.
        left: i64,
    },
    /// Nothing: the level that was there was taken for right.
    Adopted {
        /// `stocked_quantity` that was there.
        stocked: i64,
    },
}

impl Default for Step {
    fn default() -> Self {
        Self::Adopted { stocked: 0 }
    }
}

impl Why {
    /// In one line, such as `12 said − 2 buffer − 3 ours since 09:10 = 7`. `time` shows a time in ms.
    #[must_use]
    pub fn line(&self, time: impl Fn(i64) -> String) -> String {
        let said = &self.said;
        match &self.step {
            Step::Ours { pieces, since: Some(since), left } => {
                format!("{said} − {pieces} ours since {} = {left}", time(*since))
            }
            Step::Ours { pieces, since: None, left } => format!("{said} − {pieces} in open orders = {left}"),
            Step::Moved { by, left } => {
                let (sign, by, before) = (if *by < 0 { '−' } else { '+' }, by.abs(), left - by);
                format!("{said}; {before} left {sign} {by} since the figure before = {left}")
            }
            Step::Adopted { stocked } => format!("{said}; {stocked} found in stock and kept"),
        }
    }
}
