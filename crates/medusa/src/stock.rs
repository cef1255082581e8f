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

pub use moves::{
    Back, Left, Line, Moves, SETTLES, differs, half_done, just_moved, moves, ordered_since, resolve, settles,
};
pub use terms::{Limited, Meaning, StockSettings, StockSettingsError, Terms};

/// What is remembered of a product's stock, by inventory item.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Book(pub BTreeMap<String, Applied>);

impl Book {
    /// An inventory item that goes from one product of the shop to another takes along what was
    /// done with it last.
    pub fn take_over(&mut self, item: &str, applied: &Applied) {
        if self.0.get(item).is_none_or(|own| own.at < applied.at) {
            self.0.insert(item.to_owned(), applied.clone());
        }
    }
}

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
    /// What is said of single variants, by SKU, where each figure has its own time.
    pub each: BTreeMap<String, Told>,
    /// What is said of the members of an article, by the SKUs of their variants.
    pub of_members: BTreeMap<String, Said>,
    /// The handle that was chosen for it ([`crate::address`]).
    pub handle: Option<String>,
}

/// What the source's newest document says of one variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Pieces.
    pub pieces: i64,
    /// When (ms) that was said.
    pub at: i64,
    /// The document is a newer one than that of the PIM.
    pub newer: bool,
}

impl Recall {
    /// What is known of single variants of a product. In the shop it may have one of its own SKUs ([`crate::own_sku`]).
    #[must_use]
    pub fn each<T: Clone>(key: &ProductKey, told: impl IntoIterator<Item = (String, T)>) -> BTreeMap<String, T> {
        told.into_iter().flat_map(|(sku, told)| [(crate::own_sku::own(key, &sku), told.clone()), (sku, told)]).collect()
    }

    /// What the document says beside a variant's figure. A sibling's newer line makes no figure newer than it is.
    ///
    /// While the PIM lags behind a document that says another figure, nobody knows when its own was said: it counts as no newer than the one before, so that
    /// rather too few are for sale until the PIM follows.
    #[must_use]
    pub fn said_of(&self, sku: &str, figure: i64, applied: Option<&Applied>) -> Said {
        let said = self.of_members.get(sku).unwrap_or(&self.said);
        let at = match self.each.get(sku) {
            Some(told) if told.pieces == figure => told.at,
            Some(told) if told.newer => applied.map_or(said.at, |applied| applied.since.min(said.at)),
            // It was changed in the PIM, or is as old as the product.
            _ => said.at,
        };
        Said { at, ..said.clone() }
    }
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

/// What a product's marker says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marked {
    /// The product equals the very state it is to have.
    AsWanted,
    /// It equalled another one.
    Otherwise,
    /// Nothing: a change of it was interrupted, or never ended.
    Nothing,
}

/// Whether a figure has to be applied. `there`: the level exists.
///
/// A level may have been written by a change that was interrupted, for another figure than the one that is remembered and said again. Where the
/// write depends on the one before, its intent is remembered; else the figure is applied once more.
#[must_use]
pub fn due(
    figure: i64,
    said: &Said,
    applied: Option<&Applied>,
    there: bool,
    marked: Marked,
    terms: &Terms,
    now: i64,
) -> Due {
    let interrupted = marked == Marked::Nothing && terms.figure == Meaning::AfterOrders;
    match applied {
        None if there && marked == Marked::AsWanted => Due::Adopt,
        Some(applied)
            if there
                && !interrupted
                && applied.intent.is_none()
                && is_remembered(figure, said, applied, terms, now) =>
        {
            Due::Nothing
        }
        _ => Due::Apply,
    }
}

/// Whether it is the figure that was applied last, under the same settings.
fn is_remembered(figure: i64, said: &Said, applied: &Applied, terms: &Terms, now: i64) -> bool {
    applied.figure == figure && applied.basis == terms.basis() && applied.silent == terms.silent(said.heard, now)
}

/// The time (ms) for which a figure is taken to be true. One that is only said again is as old as it was: our sales since then stay sold.
#[must_use]
pub fn figure_time(figure: i64, said: &Said, applied: Option<&Applied>, terms: &Terms, now: i64) -> i64 {
    match applied {
        Some(applied) if is_remembered(figure, said, applied, terms, now) => applied.since,
        Some(applied) if applied.version == said.version && applied.figure != figure => said.at.max(said.edited),
        _ => said.at,
    }
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
    let since = figure_time(figure, said, applied, terms, now);
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
        written: Box<Written>,
    },
    /// It has to be made. Nobody can have bought of what is not there, so that no other look is needed.
    Create(Applied),
}

/// A level that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// What it was when this began.
    pub from: Held,
    /// What was to be made of that.
    pub applied: Applied,
    /// When (ms, by Medusa's clock) it was written last, if Medusa said so.
    pub at: Option<i64>,
    /// It was seen to differ since, once.
    pub doubted: bool,
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
    written: Option<Box<Written>>,
    held: Option<&Held>,
    lines: &[Line],
    now: i64,
) -> Next {
    if let (Some(Written { from, applied, .. }), Some(held)) = (written.as_deref(), held) {
        let wanted =
            resolve(from.stocked, applied.stocked, &moves(from, held, lines, figure.terms.figure), held.stocked);
        let right = wanted.max(0);
        if right == held.stocked {
            return Next::Right(Applied { stocked: right, owed: applied.owed + right - wanted, ..applied.clone() });
        }
        let written = Written { from: from.clone(), applied: applied.clone(), at: None, doubted: false };
        return Next::Write { stocked: right, noted: None, written: Box::new(written) };
    }
    let applied = sellable(figure, applied, held, lines, now);
    match held {
        None => Next::Create(applied),
        Some(held) if held.stocked == applied.stocked => Next::Right(applied),
        Some(held) => {
            let intent = Intent { from: held.clone(), to: applied.stocked };
            let noted = (figure.terms.figure == Meaning::BeforeOrders)
                .then(|| Box::new(Applied { intent: Some(intent), ..applied.clone() }));
            let written = Written { from: held.clone(), applied, at: None, doubted: false };
            Next::Write { stocked: written.applied.stocked, noted, written: Box::new(written) }
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
