//! Brings figures to the levels of products.
//!
//! The levels are read, then the order lines that matter (none of a level that nobody has touched since its figure was said), then the levels are
//! written, and read again: Medusa has no conditional write, so a level that moved in between is recognised by what is reserved on it or by
//! its orders, and written once more with the move in it ([`crate::stock::resolve`]).
//! What was done is noted before the product's marker is. Where the next write depends on the last one, its intent is noted before it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use catalog::{Failure, ProductKey};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::finish::MOST_ROWS;
use super::{Change, LastSteps, Outcome, Shop};
use crate::api::model::{LevelWrite, LevelsBatch};
use crate::api::{ApiError, split_batch, split_query};
use crate::plan::Shelf;
use crate::stock::{
    Back, Book, Figure, Held, Left, Line, Meaning, Next, StockBooks, Written, differs, figure_time, half_done,
    just_moved, next, ordered_since, settles,
};

/// How often levels are read and written before we give up for this delivery: one look to write, one to see that it is right, the others for
/// levels that move at the same time.
const MOST_LOOKS: usize = 8;
/// Time (ms) between two looks in which an order may be placed and fulfilled without a trace in what is reserved.
const UNSEEN: i64 = 10_000;
/// Looks that are repeated because a level has just changed. One that changes all the time is then taken as it is, unless the next figure
/// builds on it.
const PATIENT_LOOKS: usize = 3;
/// What a push needs after its levels: those that still move are left to the next delivery in time, and the others are noted.
const TIME_TO_END: Duration = Duration::from_secs(5);
/// An order that changed so shortly (ms) before a look, by Medusa's clock, is asked for too.
const CLOCKS: i64 = 60_000;
/// Orders in one read.
const MOST_ORDERS: usize = 500;

/// Why a batch of products did not get its stock.
enum Trouble {
    /// Medusa's answer.
    Api(ApiError),
    /// Of these products alone.
    Some(HashMap<ProductKey, Failure>),
}

impl From<ApiError> for Trouble {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

/// A level that is not yet known to be right.
struct Open {
    work: usize,
    shelf: Shelf,
    /// What was written, and from what; `None` before the first write.
    written: Option<Box<Written>>,
}

/// What a look at the levels came to.
#[derive(Default)]
struct Look {
    batch: LevelsBatch,
    /// Works whose intent is noted before the batch is written.
    intents: HashSet<usize>,
    /// Levels that are looked at again.
    open: Vec<Open>,
    /// Of some of them nothing was written, because somebody may be at work there.
    moving: bool,
}

impl Shop {
    /// Does what is due to the levels of all products at once; if Medusa refuses that, of each on its own. Sets the outcome of those that fail.
    pub(super) async fn stock<'a>(
        &self,
        mut works: Vec<LastSteps<'a>>,
        outcomes: &mut [Option<Outcome>],
        books: &impl StockBooks,
        deadline: Instant,
    ) -> Vec<LastSteps<'a>> {
        let idle = |work: &mut LastSteps<'_>| work.stock.due.is_empty() && work.stock.adopted.is_empty();
        let mut done: Vec<LastSteps<'a>> = works.extract_if(.., idle).collect();
        let (refused, error) = match self.bring(&mut works, books, deadline).await {
            Ok(()) => {
                done.extend(works);
                return done;
            }
            Err(Trouble::Api(error)) => {
                (error.refusal().is_some() || matches!(error, ApiError::TooLarge { .. }), Trouble::Api(error))
            }
            Err(some) => (false, some),
        };
        for mut work in works {
            let own = match &error {
                Trouble::Api(_) if refused => {
                    // What was refused may have been done in part.
                    work.stock.due.iter_mut().for_each(|shelf| shelf.there = true);
                    self.bring(std::slice::from_mut(&mut work), books, deadline).await
                }
                Trouble::Api(error) => Err(Trouble::Api(error.clone())),
                Trouble::Some(failures) => failures
                    .get(work.key)
                    .map_or(Ok(()), |own| Err(Trouble::Some([(work.key.clone(), own.clone())].into()))),
            };
            let failure = match own {
                Ok(()) => {
                    done.push(work);
                    continue;
                }
                Err(Trouble::Api(error)) => error.about(work.key),
                Err(Trouble::Some(mut failures)) => failures.remove(work.key).unwrap_or_else(|| restless(work.key)),
            };
            outcomes[work.slot] = Some(Err(failure));
        }
        done
    }

    async fn bring(
        &self,
        works: &mut [LastSteps<'_>],
        books: &impl StockBooks,
        deadline: Instant,
    ) -> Result<(), Trouble> {
        let mut failed: HashMap<ProductKey, Failure> = HashMap::new();
        let shelves = |(work, of): (usize, &LastSteps<'_>)| -> Vec<Open> {
            of.stock.due.iter().map(|shelf| Open { work, shelf: shelf.clone(), written: None }).collect()
        };
        let mut open: Vec<Open> = works.iter().enumerate().flat_map(shelves).collect();
        for look in 0..MOST_LOOKS {
            if open.is_empty() {
                break;
            }
            let now = books.now_ms();
            let began = Instant::now();
            let levels = self.levels(&open, now, deadline).await?;
            let settles = settles(i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX / 4));
            let hurried = (look >= PATIENT_LOOKS).then_some(settles);
            let lines = self.lines_for(&open, works, &levels, (now, hurried), deadline).await?;
            let Look { mut batch, intents, open: mut open_again, moving } =
                self.judge(open, works, &levels, &lines, (look, now, settles));
            let unnoted = note(works, intents, books, deadline).await;
            let stopped = |key: &ProductKey| unnoted.contains_key(key);
            open_again.retain(|open: &Open| !stopped(works[open.work].key));
            let kept: HashSet<&str> = open_again.iter().map(|open| open.shelf.item_id.as_str()).collect();
            batch.update.retain(|level| kept.contains(level.inventory_item_id.as_str()));
            drop(kept);
            failed.extend(unnoted);
            let wrote = self.set_levels(batch, deadline).await?;
            open = open_again;
            written_at(&mut open, &wrote);
            // What a fulfilment that is taken back, or a return, has done to a level shows in its order a moment later.
            let before_orders =
                |open: &Open| open.written.is_some() && self.meaning(works, open) == Meaning::BeforeOrders;
            if moving || open.iter().any(before_orders) {
                let wait = Duration::from_millis(settles.unsigned_abs());
                if deadline.saturating_duration_since(Instant::now()) < wait + TIME_TO_END {
                    break;
                }
                tokio::time::sleep(wait).await;
            }
        }
        for open in open {
            let key = works[open.work].key;
            failed.entry(key.clone()).or_insert_with(|| restless(key));
        }
        let mut changed = HashSet::new();
        for (n, work) in works.iter_mut().enumerate().filter(|(_, work)| !failed.contains_key(work.key)) {
            work.book.0.extend(work.stock.adopted.iter().cloned());
            work.book.0.retain(|item, _| work.stock.items.contains(item));
            changed.insert(n);
        }
        failed.extend(note(works, changed, books, deadline).await);
        if failed.is_empty() { Ok(()) } else { Err(Trouble::Some(failed)) }
    }

    /// What is to be done about the levels as they were read: a pure decision but for the books, which it writes into.
    fn judge(
        &self,
        open: Vec<Open>,
        works: &mut [LastSteps<'_>],
        levels: &Levels,
        lines: &[Line],
        (look, now, settles): (usize, i64, i64),
    ) -> Look {
        let mut come = Look::default();
        for Open { work, shelf, written } in open {
            let held = levels.get(&(shelf.item_id.clone(), shelf.location_id.clone()));
            let terms = self.references.stock.of(works[work].key.source());
            let before = works[work].book.0.get(&shelf.item_id);
            let said = works[work].recall.said_of(&shelf.sku, shelf.figure, before);
            let figure = Figure { sku: &shelf.sku, pieces: shelf.figure, said: &said, terms };
            let own = of_variant(lines, &shelf);
            let meaning = terms.figure;
            let patient = look < PATIENT_LOOKS || meaning == Meaning::BeforeOrders;
            let moves = |held| patient && just_moved(held, written.as_deref(), settles);
            let doubtful = |held, written: &Written| !written.doubted && differs(held, written, &own, meaning);
            if held.is_some_and(|held| {
                half_done(held, &own)
                    || moves(held)
                    || written.as_deref().is_some_and(|written| doubtful(held, written))
            }) {
                come.moving = true;
                let written = written.map(|written| Box::new(Written { doubted: true, ..*written }));
                come.open.push(Open { work, shelf, written });
                continue;
            }
            match next(&figure, before, written, held, &own, now) {
                Next::Right(applied) => drop(works[work].book.0.insert(shelf.item_id.clone(), applied)),
                Next::Create(applied) => {
                    come.batch.create.push(level(&shelf, applied.stocked));
                    works[work].book.0.insert(shelf.item_id.clone(), applied);
                }
                Next::Write { stocked, noted, written } => {
                    come.batch.update.push(level(&shelf, stocked));
                    if let Some(noted) = noted {
                        works[work].book.0.insert(shelf.item_id.clone(), *noted);
                        come.intents.insert(work);
                    }
                    come.open.push(Open { work, shelf, written: Some(written) });
                }
            }
        }
        come
    }

    fn meaning(&self, works: &[LastSteps<'_>], open: &Open) -> Meaning {
        self.references.stock.of(works[open.work].key.source()).figure
    }

    /// The order lines that are needed to judge these levels: those placed since a figure was said, and those of orders that changed since a
    /// look, where what is reserved has moved. `hurried`: the time (ms) in which a level settles, if no other look is waited for: then what is
    /// half done just now is asked for, too.
    async fn lines_for(
        &self,
        open: &[Open],
        works: &[LastSteps<'_>],
        levels: &Levels,
        (now, hurried): (i64, Option<i64>),
        deadline: Instant,
    ) -> Result<Vec<Line>, ApiError> {
        let (mut placed, mut changed): (Option<i64>, Option<i64>) = (None, None);
        let earliest = |known: Option<i64>, at: i64| Some(known.map_or(at, |known| known.min(at)));
        for Open { work, shelf, written } in open {
            let work = &works[*work];
            let applied = work.book.0.get(&shelf.item_id);
            let held = levels.get(&(shelf.item_id.clone(), shelf.location_id.clone()));
            let terms = self.references.stock.of(work.key.source());
            let begun = match written.as_deref() {
                Some(Written { from, applied, .. }) => Some((from, applied.stocked)),
                None => applied.and_then(|applied| applied.intent.as_ref()).map(|intent| (&intent.from, intent.to)),
            };
            if let (Some((from, to)), Some(held)) = (begun, held)
                && (terms.figure == Meaning::BeforeOrders
                    || from.reserved != held.reserved
                    || held.stocked != to
                    || held.at - from.at > UNSEEN)
            {
                changed = earliest(changed, from.at - CLOCKS);
            }
            if let Some(held) =
                held.filter(|held| hurried.is_some_and(|settles| just_moved(held, written.as_deref(), settles)))
            {
                changed = earliest(changed, held.touched - CLOCKS);
            }
            // A product that has just been made, of which nothing is remembered, cannot have been sold.
            let unsold = work.change == Change::Created && work.recall.book.0.is_empty() && !shelf.there;
            if written.is_none() && terms.figure == Meaning::AfterOrders && !unsold {
                let said = work.recall.said_of(&shelf.sku, shelf.figure, applied);
                let since = figure_time(shelf.figure, &said, applied, terms, now);
                if shelf.unreserved || held.is_none_or(|held| ordered_since(held, since)) {
                    placed = earliest(placed, since);
                }
            }
        }
        let mut lines: BTreeMap<String, Line> = BTreeMap::new();
        for (filter, since) in [("created_at[$gte]", placed), ("updated_at[$gte]", changed)] {
            if let Some(since) = since {
                let found = self.order_lines(filter, since, deadline).await?;
                lines.extend(found.into_iter().map(|line| (line.id.clone(), line)));
            }
        }
        Ok(lines.into_values().collect())
    }

    /// Lines of orders by the time (ms) that `filter` names.
    async fn order_lines(&self, filter: &str, since: i64, deadline: Instant) -> Result<Vec<Line>, ApiError> {
        let fields = "id,status,created_at,items.id,items.variant_id,items.variant_sku,items.quantity,\
                      items.detail.fulfilled_quantity,\
                      fulfillments.created_at,fulfillments.canceled_at,fulfillments.items.line_item_id,fulfillments.items.quantity,\
                      returns.received_at,returns.updated_at,*returns.items";
        let since = jiff::Timestamp::from_millisecond(since).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string();
        let (mut lines, mut offset) = (Vec::new(), 0);
        loop {
            let (limit, skip) = (MOST_ORDERS.to_string(), offset.to_string());
            let query = [
                (filter, since.as_str()),
                ("fields", fields),
                ("order", "id"),
                ("limit", limit.as_str()),
                ("offset", skip.as_str()),
            ];
            let Orders { orders } = self.medusa.get("/admin/orders", &query, deadline).await?;
            let found = orders.len();
            lines.extend(orders.into_iter().flat_map(Order::lines));
            if found < MOST_ORDERS {
                return Ok(lines);
            }
            offset += found;
        }
    }

    /// The levels as they are now, by item and location, of those that were there.
    async fn levels(&self, open: &[Open], now: i64, deadline: Instant) -> Result<Levels, ApiError> {
        let fields = "id,location_levels.location_id,location_levels.stocked_quantity,location_levels.reserved_quantity,\
                      location_levels.updated_at,\
                      reservation_items.id,reservation_items.location_id,reservation_items.line_item_id,reservation_items.quantity";
        let ids: Vec<&str> =
            open.iter().filter(|open| open.shelf.there).map(|open| open.shelf.item_id.as_str()).collect();
        let mut levels = Levels::new();
        for chunk in split_query("id[]", &ids) {
            let limit = chunk.len().to_string();
            let mut query: Vec<(&str, &str)> = chunk.into_iter().map(|id| ("id[]", id)).collect();
            query.extend([("fields", fields), ("limit", limit.as_str())]);
            let Items { inventory_items } = self.medusa.get("/admin/inventory-items", &query, deadline).await?;
            for item in inventory_items {
                for level in &item.location_levels {
                    levels.insert((item.id.clone(), level.location_id.clone()), item.held(level, now));
                }
            }
        }
        Ok(levels)
    }

    /// Makes and writes levels; what Medusa says of those that it wrote.
    async fn set_levels(&self, batch: LevelsBatch, deadline: Instant) -> Result<Vec<LevelWritten>, ApiError> {
        let path = "/admin/inventory-items/location-levels/batch";
        for create in split_batch(batch.create, MOST_ROWS, |_| 1) {
            let _: IgnoredAny = self.medusa.post(path, &[], &LevelsBatch { create, update: vec![] }, deadline).await?;
        }
        let mut written = Vec::new();
        for update in split_batch(batch.update, MOST_ROWS, |_| 1) {
            let batch = LevelsBatch { create: vec![], update };
            let LevelsWritten { updated } = self.medusa.post(path, &[], &batch, deadline).await?;
            written.extend(updated);
        }
        Ok(written)
    }
}

#[derive(Deserialize)]
struct LevelsWritten {
    #[serde(default)]
    updated: Vec<LevelWritten>,
}

#[derive(Deserialize)]
struct LevelWritten {
    inventory_item_id: String,
    location_id: String,
    updated_at: jiff::Timestamp,
}

type Levels = HashMap<(String, String), Held>;

fn of_variant(lines: &[Line], shelf: &Shelf) -> Vec<Line> {
    let own = |line: &&Line| {
        line.variant_id.as_deref() == Some(&shelf.variant_id) || line.sku.as_deref() == Some(shelf.sku.as_str())
    };
    lines.iter().filter(own).cloned().collect()
}

fn level(shelf: &Shelf, stocked_quantity: i64) -> LevelWrite {
    LevelWrite { inventory_item_id: shelf.item_id.clone(), location_id: shelf.location_id.clone(), stocked_quantity }
}

fn restless(key: &ProductKey) -> Failure {
    let restless =
        format!("{key}: its stock still moves after {MOST_LOOKS} looks; orders of it may be fulfilled just now");
    Failure::transient(crate::codes::RESTLESS, restless)
}

/// When Medusa says that it wrote the levels.
fn written_at(open: &mut [Open], wrote: &[LevelWritten]) {
    for Open { shelf, written, .. } in open {
        if let Some(written) = written {
            let of = |level: &&LevelWritten| {
                level.inventory_item_id == shelf.item_id && level.location_id == shelf.location_id
            };
            written.at = wrote.iter().find(of).map(|level| level.updated_at.as_millisecond()).or(written.at);
        }
    }
}

/// Notes the books of these products that differ from what is remembered. The products whose books could not be noted, with the reason.
async fn note(
    works: &[LastSteps<'_>],
    which: HashSet<usize>,
    books: &impl StockBooks,
    deadline: Instant,
) -> HashMap<ProductKey, Failure> {
    let of: Vec<(&ProductKey, &Book)> = which.into_iter().map(|n| (works[n].key, &works[n].book)).collect();
    if of.is_empty() {
        return HashMap::new();
    }
    let noted = books.note(&of, deadline).await;
    of.into_iter().zip(noted).filter_map(|((key, _), noted)| Some((key.clone(), noted.err()?))).collect()
}

#[derive(Deserialize)]
struct Items {
    inventory_items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    id: String,
    #[serde(default)]
    location_levels: Vec<Level>,
    #[serde(default)]
    reservation_items: Vec<Reservation>,
}

#[derive(Deserialize)]
struct Level {
    location_id: String,
    stocked_quantity: i64,
    reserved_quantity: i64,
    updated_at: jiff::Timestamp,
}

#[derive(Deserialize)]
struct Reservation {
    location_id: String,
    line_item_id: Option<String>,
    quantity: i64,
}

impl Item {
    fn held(&self, level: &Level, at: i64) -> Held {
        let mut reserved: BTreeMap<String, i64> = BTreeMap::new();
        let here = self.reservation_items.iter().filter(|reservation| reservation.location_id == level.location_id);
        for (line, quantity) in here.filter_map(|here| Some((here.line_item_id.clone()?, here.quantity))) {
            *reserved.entry(line).or_default() += quantity;
        }
        let by_hand = level.reserved_quantity - reserved.values().sum::<i64>();
        let touched = level.updated_at.as_millisecond();
        Held { stocked: level.stocked_quantity, reserved, by_hand: by_hand.max(0), at, touched }
    }
}

#[derive(Deserialize)]
struct Orders {
    orders: Vec<Order>,
}

#[derive(Deserialize)]
struct Order {
    status: String,
    created_at: jiff::Timestamp,
    #[serde(default)]
    items: Vec<OrderItem>,
    #[serde(default)]
    fulfillments: Vec<Fulfilment>,
    #[serde(default)]
    returns: Vec<Return>,
}

#[derive(Deserialize)]
struct Return {
    /// Not before all of it has come.
    received_at: Option<jiff::Timestamp>,
    updated_at: jiff::Timestamp,
    #[serde(default)]
    items: Vec<ReturnItem>,
}

#[derive(Deserialize)]
struct ReturnItem {
    item_id: String,
    // Medusa delivers these with `*returns.items` only, and the plain number never. They have to be there, if only as null.
    #[serde(deserialize_with = "Option::deserialize")]
    raw_received_quantity: Option<Raw>,
    /// Of these, what does not go back into stock.
    #[serde(deserialize_with = "Option::deserialize")]
    raw_damaged_quantity: Option<Raw>,
}

#[derive(Deserialize)]
struct Raw {
    value: Decimal,
}

impl ReturnItem {
    /// Pieces that are in stock again.
    fn pieces(&self) -> i64 {
        let pieces = |raw: &Option<Raw>| raw.as_ref().map_or(Decimal::ZERO, |raw| raw.value);
        (pieces(&self.raw_received_quantity) - pieces(&self.raw_damaged_quantity)).trunc().try_into().unwrap_or(0)
    }
}

#[derive(Deserialize)]
struct Fulfilment {
    created_at: jiff::Timestamp,
    canceled_at: Option<jiff::Timestamp>,
    #[serde(default)]
    items: Vec<FulfilmentItem>,
}

#[derive(Deserialize)]
struct FulfilmentItem {
    line_item_id: Option<String>,
    quantity: i64,
}

#[derive(Deserialize)]
struct OrderItem {
    id: String,
    variant_id: Option<String>,
    variant_sku: Option<String>,
    quantity: i64,
    #[serde(default)]
    detail: Detail,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Detail {
    fulfilled_quantity: i64,
}

impl Fulfilment {
    /// What it has of an order line.
    fn of(&self, line: &str) -> impl Iterator<Item = Left> {
        let (at, taken_back) =
            (self.created_at.as_millisecond(), self.canceled_at.map(jiff::Timestamp::as_millisecond));
        let own = self.items.iter().filter(move |item| item.line_item_id.as_deref() == Some(line));
        own.map(move |item| Left { at, pieces: item.quantity, taken_back })
    }
}

impl Return {
    /// What it has of an order line.
    fn of(&self, line: &str) -> impl Iterator<Item = Back> {
        let at = self.received_at.unwrap_or(self.updated_at).as_millisecond();
        let own = self.items.iter().filter(move |item| item.item_id == line);
        own.map(move |item| Back { at, pieces: item.pieces() }).filter(|back| back.pieces > 0)
    }
}

impl Order {
    fn lines(self) -> impl Iterator<Item = Line> {
        let (placed, cancelled) = (self.created_at.as_millisecond(), self.status == "canceled");
        let Self { fulfillments, returns, .. } = self;
        self.items.into_iter().map(move |item| Line {
            left: fulfillments.iter().flat_map(|fulfilment| fulfilment.of(&item.id)).collect(),
            back: returns.iter().flat_map(|back| back.of(&item.id)).collect(),
            id: item.id,
            variant_id: item.variant_id,
            sku: item.variant_sku,
            placed,
            cancelled,
            quantity: item.quantity,
            fulfilled: item.detail.fulfilled_quantity,
        })
    }
}
