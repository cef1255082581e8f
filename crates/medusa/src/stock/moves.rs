//! What customers and the people who fulfil their orders did to a level between two looks (D67).
//!
//! Medusa has no conditional write, so a level may move between the look and the write: a fulfilment takes pieces from `stocked` and
//! `reserved` alike, and an absolute write undoes it. The write is therefore looked at, and what moved is read from the order lines.

use super::{Held, Meaning};

/// How long (ms) before a look an order may have been placed, by Medusa's clock, and still count as placed after it.
const CLOCKS: i64 = 60_000;
/// Time (ms) in which Medusa ends a fulfilment, from the level to what is reserved: some 20 ms on an idle machine, seconds on a busy one
/// ([`settles`]).
pub const SETTLES: i64 = 300;
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
    /// Of these, pieces that have come back and are in stock again.
    pub returned: i64,
    /// Its fulfilments, those that were taken back too.
    pub left: Vec<Left>,
}

/// Pieces of a line in one fulfilment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// When (ms, by Medusa's clock) the fulfilment was made. Medusa takes its pieces from the level right after that, and what is reserved last.
    pub at: i64,
    /// Pieces.
    pub pieces: i64,
    /// When (ms, likewise) it was taken back.
    pub taken_back: Option<i64>,
}

impl Line {
    /// Something of it had left when the level was read: its level has changed since that fulfilment was made.
    fn had_left(&self, level: &Held) -> bool {
        self.left.iter().any(|left| left.at <= level.touched)
    }

    /// Pieces that can have been in stock for it when the level was read.
    fn in_stock(&self, level: &Held) -> i64 {
        let gone = |left: &&Left| left.at <= level.touched && left.taken_back.is_none_or(|back| back > level.touched);
        let left = self.left.iter().filter(gone);
        self.quantity - left.map(|left| left.pieces).sum::<i64>()
    }
}

/// How `stocked` was moved: down by fulfilments, up by those that were taken back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moves {
    /// Down; not above 0.
    pub down: i64,
    /// Up; not below 0.
    pub up: i64,
    /// Either way and back again, perhaps: pieces of orders that changed and of which nothing was returned.
    pub perhaps: i64,
    /// Pieces of orders that changed and of which something was returned: what else happened to them cannot be told.
    pub untold: i64,
    /// Of these, pieces that were returned.
    pub returned: i64,
}

/// Our pieces that a figure does not know.
pub(super) struct Counted {
    pub(super) pieces: i64,
}

/// Pieces of orders placed at `since` or later, as they were when `level` was read. Pieces that people hold back by hand count too; so do those
/// that came back, because nothing says whether that was before the level was read.
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

/// Pieces that had left of a line for which nothing was reserved when `level` was read: all, even if some were taken back since; or, of one
/// that was placed after that and will reserve by itself, none yet.
const fn gone(line: &Line, level: &Held) -> i64 {
    if line.placed >= level.at - CLOCKS { line.fulfilled } else { line.quantity }
}

/// Whether orders placed at `since` (ms) or later can have reserved of a level before it was looked at: whoever reserves touches it. An order that
/// has not reserved yet will take from what is written by itself.
#[must_use]
pub const fn ordered_since(level: &Held, since: i64) -> bool {
    level.touched >= since - CLOCKS
}

/// Time (ms) in which Medusa ends a fulfilment if a read of a level just took it `look`: the steps that are left are a few such reads.
#[must_use]
pub const fn settles(look: i64) -> i64 {
    if look > SETTLES / 4 { 4 * look } else { SETTLES }
}

/// Whether a fulfilment has taken its pieces from the level and not yet from what is reserved on it, as its order tells: then the level is
/// right in a moment, and says nothing now.
#[must_use]
pub fn half_done(level: &Held, lines: &[Line]) -> bool {
    let at_work = |line: &&Line| line.left.iter().any(|left| level.at - left.at < ABANDONED);
    let lags = |line: &Line| level.reserved.get(&line.id).is_some_and(|reserved| *reserved > line.in_stock(level));
    lines.iter().filter(at_work).any(lags)
}

/// Whether what orders do not tell may be half done likewise (a fulfilment that is taken back): the level has just changed, within `settles`
/// (ms), and not by ourselves (`written`).
#[must_use]
pub fn just_moved(level: &Held, settles: i64, written: bool) -> bool {
    !written && (0..settles).contains(&(level.at - level.touched))
}

/// What moved `stocked` from one look to the next. `lines` are those of this variant in orders that changed since the first look. A reservation
/// that went without an order that says why counts as fulfilled: rather a piece too few than one sold twice. `meaning`: whether what was
/// written was reckoned from what was reserved, or from what was stocked and lacks pieces already that were reserved for a moment longer.
#[must_use]
pub fn moves(from: &Held, now: &Held, lines: &[Line], meaning: Meaning) -> Moves {
    let mut moves = Moves::default();
    let line = |id: &str| lines.iter().find(|line| line.id == id);
    let add = |moves: &mut Moves, pieces: i64| if pieces < 0 { moves.down += pieces } else { moves.up += pieces };
    for (id, before) in &from.reserved {
        let after = now.reserved.get(id).copied().unwrap_or(0);
        let line = line(id);
        let before = match (meaning, line) {
            (Meaning::BeforeOrders, Some(line)) => *before.min(&line.in_stock(from)),
            _ => *before,
        };
        if after >= before || line.is_none_or(|line| !line.cancelled) {
            add(&mut moves, after - before);
        }
    }
    for line in lines {
        let sort = if line.returned == 0 { &mut moves.perhaps } else { &mut moves.untold };
        *sort += line.quantity;
        moves.returned += line.returned;
    }
    for line in lines.iter().filter(|line| !from.reserved.contains_key(&line.id)) {
        let reserved = now.reserved.get(&line.id).copied();
        if line.had_left(from) || line.placed < from.at - CLOCKS {
            // All of it had left at the first look.
            add(&mut moves, reserved.unwrap_or(0));
        } else if let Some(reserved) = reserved {
            add(&mut moves, reserved - line.quantity);
        } else if !line.cancelled {
            add(&mut moves, -gone(line, now));
        }
    }
    moves
}

/// What `stocked` should be now, if it was to go from `from` to `to` and customers moved it meanwhile: whether the write happened, and whether
/// it undid some of their moves, `to` and their moves together are what is right. What neither explains (a return, a hand) is kept.
#[must_use]
pub fn resolve(from: i64, to: i64, moves: &Moves, now: i64) -> i64 {
    let (by, moved) = (to - from, moves.down + moves.up);
    let right = to + moved;
    let written = to + moves.down - moves.perhaps..=to + moves.up + moves.perhaps;
    if now == from + moved || written.contains(&now) {
        return right;
    }
    // What is above it was undone, as far as orders can have moved it and returns do not explain it.
    let above = now - right;
    let undone = above.clamp(0, moves.perhaps - moves.down);
    let without_undone = now - undone - (above - undone - moves.returned).clamp(0, moves.untold);
    match by {
        1.. if now >= *written.start() - moves.untold => without_undone,
        1.. => now + by,
        _ if now < from + moved => without_undone,
        _ => without_undone.min(now + by),
    }
}
