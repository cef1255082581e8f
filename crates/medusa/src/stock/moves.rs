//! What customers and the people who fulfil their orders did to a level between two looks (D67).
//!
//! Medusa has no conditional write, so a level may move between the look and the write: a
//! fulfilment takes pieces from `stocked` and `reserved` alike, and an absolute write undoes it.
//! The write is therefore looked at, and what moved is read from the order lines.

use super::{Held, Meaning, Written};

/// How long (ms) before a look an order may have been placed, by Medusa's clock, and still count as
/// placed after it.
const CLOCKS: i64 = 60_000;
/// Time (ms) in which Medusa ends a fulfilment, from the level to what is reserved: some 20 ms on
/// an idle machine, longer on a busy one ([`settles`]).
pub const SETTLES: i64 = 300;
/// The longest (ms) that is waited for it at once.
const MOST_SETTLING: i64 = 2_000;
/// Age (ms) of a fulfilment that is half done and stays so: its Medusa died.
const ABANDONED: i64 = 120_000;

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its id.
    pub id: String,
    /// The variant it is of.
    pub variant_id: Option<String>,
    /// That variant's SKU when it was ordered.
    pub sku: Option<String>,
    /// When (ms) the order was placed.
    pub placed: i64,
    /// The order is cancelled.
    pub cancelled: bool,
    /// Pieces ordered.
    pub quantity: i64,
    /// Of these, pieces that have left.
    pub fulfilled: i64,
    /// Its fulfilments, those that were taken back too.
    pub left: Vec<Left>,
    /// What of it came back from its customer.
    pub back: Vec<Back>,
}

/// Pieces of a line that came back from its customer and are in stock again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Back {
    /// When (ms, by Medusa's clock). Medusa adds them to the level right after that.
    pub at: i64,
    /// Pieces.
    pub pieces: i64,
}

/// Pieces of a line in one fulfilment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// When (ms, by Medusa's clock) the fulfilment was made. Medusa takes its pieces from the level
    /// right after that, and what is reserved last.
    pub at: i64,
    /// Pieces.
    pub pieces: i64,
    /// When (ms, likewise) it was taken back.
    pub taken_back: Option<i64>,
}

impl Line {
    /// Something of it had left when the level was read: its level has changed since that
    /// fulfilment was made.
    fn had_left(&self, level: &Held) -> bool {
        self.left.iter().any(|left| left.at <= level.touched)
    }

    /// Pieces that can have been in stock for it when the level was read. Of what was taken back
    /// since, what is reserved tells: a fulfilment bears its end only after the level does.
    fn in_stock(&self, level: &Held) -> i64 {
        let gone = |left: &&Left| left.at <= level.touched && left.taken_back.is_none();
        self.quantity - self.left.iter().filter(gone).map(|left| left.pieces).sum::<i64>()
    }

    /// Pieces that had left at `at`, as its fulfilments tell.
    fn had_left_by(&self, at: i64) -> i64 {
        let gone = |left: &&Left| left.at <= at && left.taken_back.is_none_or(|back| back > at);
        self.left.iter().filter(gone).map(|left| left.pieces).sum()
    }

    /// Pieces that had left when the level was read: what was not reserved, or, where nothing was,
    /// what its fulfilments tell.
    fn gone_at(&self, level: &Held, meaning: Meaning) -> i64 {
        match level.reserved.get(&self.id) {
            Some(reserved) => {
                let reserved = match meaning {
                    // `stocked` may lack pieces already that were reserved for a moment longer.
                    Meaning::BeforeOrders => *reserved.min(&self.in_stock(level)),
                    Meaning::AfterOrders => *reserved,
                };
                self.quantity - reserved
            }
            None if self.cancelled => self.had_left_by(level.touched),
            None if self.had_left(level) || self.placed < level.at - CLOCKS => self.quantity,
            // It was placed after that.
            None => 0,
        }
    }
}

/// How `stocked` was moved from one look to the next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moves {
    /// By so many pieces, all in all.
    pub by: i64,
    /// The furthest down, if only some of it counted; not above 0.
    pub down: i64,
    /// The furthest up, likewise; not below 0.
    pub up: i64,
}

impl Moves {
    /// One or several moves that come to `by` together.
    fn add(&mut self, by: i64, down: i64, up: i64) {
        self.by += by;
        self.down += by.min(down);
        self.up += by.max(up);
    }
}

/// Our pieces that a figure does not know.
pub(super) struct Counted {
    pub(super) pieces: i64,
}

/// Pieces of orders placed at `since` or later, as they were when `level` was read. Pieces that
/// people hold back by hand count too; so do those that came back, because nothing says whether
/// that was before the level was read.
pub(super) fn counted(level: &Held, lines: &[Line], since: i64) -> Counted {
    let of = |line: &Line| {
        let reserved = level.reserved.get(&line.id).copied();
        match (line.cancelled, reserved) {
            // It was cancelled after the level was read: its reservation is about to go.
            (true, reserved) => reserved.unwrap_or(0),
            (false, Some(_)) => line.quantity,
            (false, None) => gone(line, level),
        }
    };
    let ours: i64 = lines.iter().filter(|line| line.placed >= since).map(of).sum();
    Counted { pieces: ours + level.by_hand }
}

/// Pieces that had left of a line for which nothing was reserved when `level` was read: all, even
/// if some were taken back since; or, of one that was placed after that and will reserve by itself,
/// none yet.
const fn gone(line: &Line, level: &Held) -> i64 {
    if line.placed >= level.at - CLOCKS { line.fulfilled } else { line.quantity }
}

/// Whether orders placed at `since` (ms) or later can have reserved of a level before it was looked
/// at: whoever reserves touches it. An order that has not reserved yet will take from what is
/// written by itself.
#[must_use]
pub const fn ordered_since(level: &Held, since: i64) -> bool {
    level.touched >= since - CLOCKS
}

/// Time (ms) in which Medusa ends a fulfilment if a read of a level just took it `look`: the steps
/// that are left are a few such reads.
#[must_use]
pub fn settles(look: i64) -> i64 {
    look.saturating_mul(4).clamp(SETTLES, MOST_SETTLING)
}

/// Whether a fulfilment has taken its pieces from the level and not yet from what is reserved on
/// it, as its order tells: then the level is right in a moment, and says nothing now.
#[must_use]
pub fn half_done(level: &Held, lines: &[Line]) -> bool {
    let at_work = |line: &&Line| line.left.iter().any(|left| (-CLOCKS..ABANDONED).contains(&(level.at - left.at)));
    let lags = |line: &Line| level.reserved.get(&line.id).is_some_and(|reserved| *reserved > line.in_stock(level));
    lines.iter().filter(at_work).any(lags)
}

/// Whether what orders do not tell may be half done likewise (a fulfilment that is taken back, a
/// return): somebody but us changed the level within `settles` (ms) before it was looked at, or
/// while it was.
#[must_use]
pub fn just_moved(level: &Held, written: Option<&Written>, settles: i64) -> bool {
    let by_others = written.is_none_or(|written| written.at.is_some_and(|at| level.touched > at));
    by_others && (-settles..settles).contains(&(level.at - level.touched))
}

/// Whether a level is not what our write and the orders make of it: it will be in a moment, or it
/// has to be written once more.
#[must_use]
pub fn differs(level: &Held, written: &Written, lines: &[Line], meaning: Meaning) -> bool {
    let Written { from, applied, .. } = written;
    (applied.stocked + moves(from, level, lines, meaning).by).max(0) != level.stocked
}

/// What moved `stocked` from one look to the next. `lines` are those of this variant in orders that
/// changed since the first look. A reservation that went without an order that says why counts as
/// fulfilled: rather a piece too few than one sold twice. `meaning`: whether what was written was
/// reckoned from what was reserved, or from what was stocked.
#[must_use]
pub fn moves(from: &Held, now: &Held, lines: &[Line], meaning: Meaning) -> Moves {
    let mut moves = Moves::default();
    for (id, before) in &from.reserved {
        if lines.iter().all(|line| line.id != *id) {
            moves.add(now.reserved.get(id).copied().unwrap_or(0) - before, 0, 0);
        }
    }
    for line in lines {
        // What changed after the later look comes to the level by itself.
        let between = |at: i64| (from.touched + 1..=now.touched).contains(&at);
        let pieces =
            |of: &dyn Fn(&Left) -> bool| line.left.iter().filter(|left| of(left)).map(|left| left.pieces).sum();
        let down: i64 = pieces(&|left| left.at > from.touched);
        let up: i64 = pieces(&|left| left.taken_back.is_some_and(|at| at > from.touched));
        moves.add(line.gone_at(from, meaning) - line.gone_at(now, Meaning::BeforeOrders), -down, up);
        let back = line.back.iter().filter(|back| between(back.at));
        moves.add(back.map(|back| back.pieces).sum(), 0, 0);
    }
    moves
}

/// What `stocked` should be now, if it was to go from `from` to `to` and customers moved it
/// meanwhile: `to` and their moves, whether the write happened, and whichever of their moves it
/// undid. What none of that explains was done by hand, and is kept.
#[must_use]
pub fn resolve(from: i64, to: i64, moves: &Moves, now: i64) -> i64 {
    let explained = from.min(to) + moves.down..=from.max(to) + moves.up;
    let by_hand = (now - explained.end()).max(0) + (now - explained.start()).min(0);
    to + moves.by + by_hand
}
