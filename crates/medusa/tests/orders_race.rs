//! Customers race feeds: orders are placed, cancelled, fulfilled and returned while documents of both meanings are pushed through a proxy
//! that refuses, loses and interrupts writes. Nothing is sold beyond what the last figures and our own orders allow, no piece counts
//! twice, and nothing is stuck.
//!
//! `RELAY_RACE_ORDERS` and `RELAY_RACE_FEEDS` say how many, `RELAY_SEED` which.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails where it unwraps")]

#[path = "support/proxy.rs"]
mod proxy;
mod support;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use catalog::{Failure, ProductKey};
use fastrand::Rng;
use medusa::{Article, Book, Change, Depth, Desired, Recall, Said, SkuOwners, StockBooks};
use proxy::{Fault, Proxy};
use support::orders::{Fulfilment, Order, Orders};
use support::{Real, books, deadline, offered, setting, shirt};
use tokio::sync::{Mutex, MutexGuard};

/// Products of each meaning.
const PRODUCTS: usize = 3;
/// Customers, and clerks who do what becomes of orders, at a time.
const PEOPLE: usize = 4;
const CURRENCIES: [&str; 2] = ["sar", "usd"];
/// Whose figures know of our orders, and whose do not.
const SOURCES: [&str; 2] = ["test", "test-before"];

/// One variant's history as an ideal bookkeeper has it. Whoever acts on the variant holds the lock, so that acts have an order; pushes
/// hold none.
struct Ledger {
    sku: String,
    variant: String,
    knows_our_orders: bool,
    /// What the supplier has: with our orders taken off where it knows of them.
    supplier: i64,
    /// Figures that may be in force: the last one that was certainly applied, and those said since.
    figures: Vec<(i64, i64)>,
    /// Our sales by time (ms): below zero what was ordered, above zero what was cancelled or came back.
    moves: Vec<(i64, i64)>,
    orders: Vec<Placed>,
    /// What happened to it, for whoever looks for a fault.
    acts: Vec<String>,
    /// Pieces that the level was off by when it was last looked at.
    off: i64,
}

struct Placed {
    order: Order,
    at: i64,
    cancelled: bool,
    fulfilled: i64,
    returned: i64,
    /// Not shipped, so that it may still be cancelled.
    packed: Vec<Fulfilment>,
    shipped: i64,
}

#[derive(Default, Debug)]
struct Tally {
    acts: BTreeMap<&'static str, usize>,
    wrong: Vec<String>,
}

impl Tally {
    fn count(&mut self, what: &'static str) {
        *self.acts.entry(what).or_default() += 1;
    }
}

impl Ledger {
    /// What may be sold if the figure that was said at `at` is in force.
    fn allowed(&self, (at, figure): (i64, i64)) -> i64 {
        let ours = self.moves.iter().filter(|(when, _)| !self.knows_our_orders || *when >= at);
        figure.max(0) + ours.map(|(_, pieces)| pieces).sum::<i64>()
    }

    /// Pieces that the level is off by after a push: none if what can be bought is what the figure in force allows. What came back of orders that
    /// a figure knows may be sold again or be the supplier's to say.
    fn off_by(&self, available: i64) -> i64 {
        let most = self.figures.iter().map(|figure| self.allowed(*figure)).max().unwrap();
        let least = self.figures.iter().map(|figure| self.left(*figure)).min().unwrap();
        available - available.clamp(least.min(most), most)
    }

    fn did(&mut self, what: impl std::fmt::Display) {
        self.acts.push(format!("{} {what}", books::now_ms()));
    }

    fn sold(&self) -> i64 {
        -self.moves.iter().map(|(_, pieces)| pieces).sum::<i64>()
    }

    /// What the shop must have left when the figure that was said at `at` has been applied and nobody acts: our orders since then are taken
    /// off, and what came back of older ones is the supplier's to say, where it knows of them.
    fn left(&self, (at, figure): (i64, i64)) -> i64 {
        if !self.knows_our_orders {
            return self.allowed((at, figure));
        }
        let since = self.orders.iter().filter(|placed| placed.at >= at && !placed.cancelled);
        figure.max(0) - since.map(|placed| placed.order.quantity - placed.returned).sum::<i64>()
    }

    fn moved(&mut self, pieces: i64) -> i64 {
        let now = books::now_ms();
        self.moves.push((now, pieces));
        if self.knows_our_orders {
            self.supplier += pieces;
        }
        now
    }

    /// Somebody else buys of the supplier, or it gets more; then it says what it has.
    fn say(&mut self, rng: &mut Rng) -> i64 {
        // What it has already sold to us it cannot sell to others.
        let floor = if self.knows_our_orders { 0 } else { self.sold().max(0) };
        self.supplier = (self.supplier + rng.i64(-6..=8)).max(floor);
        self.figures.push((books::now_ms(), self.supplier));
        self.supplier
    }
}

/// A supplier's documents, and a memory that fails now and then.
#[derive(Default)]
struct Supplier {
    said: HashMap<ProductKey, Said>,
    forgetful: bool,
}

impl medusa::Addresses for Supplier {}

impl SkuOwners for Supplier {
    async fn wants(&self, _: &ProductKey, _: &str, _: Instant) -> Result<bool, Failure> {
        Ok(false)
    }
}

impl StockBooks for Supplier {
    fn now_ms(&self) -> i64 {
        books::now_ms()
    }

    async fn recall(&self, keys: &[&ProductKey], _: Instant) -> Result<HashMap<ProductKey, Recall>, Failure> {
        let known = |key: &&ProductKey| {
            let said = self.said.get(*key).cloned().unwrap_or_default();
            ((*key).clone(), Recall { book: books::book(key), said, ..Recall::default() })
        };
        Ok(keys.iter().map(known).collect())
    }

    async fn note(&self, noted: &[(&ProductKey, &Book)], _: Instant) -> Vec<Result<(), Failure>> {
        if self.forgetful {
            return vec![Err(Failure::transient("ledger_unavailable", "the ledger is not there")); noted.len()];
        }
        books::note(noted)
    }
}

struct Race<'a> {
    orders: Orders<'a>,
    keys: Vec<ProductKey>,
    /// By product, then by variant.
    ledgers: Vec<Vec<Mutex<Ledger>>>,
    tally: RefCell<Tally>,
}

impl Race<'_> {
    /// One act of a customer or a clerk.
    async fn act(&self, rng: &mut Rng) {
        let of = &self.ledgers[rng.usize(..self.ledgers.len())];
        let mut ledger = of[rng.usize(..of.len())].lock().await;
        match rng.u32(..100) {
            0..55 => self.buy(&mut ledger, rng).await,
            55..67 => self.cancel(&mut ledger, rng).await,
            67..87 => self.fulfil(&mut ledger, rng).await,
            87..92 => self.unpack(&mut ledger, rng).await,
            _ => self.send_back(&mut ledger, rng).await,
        }
    }

    async fn buy(&self, ledger: &mut MutexGuard<'_, Ledger>, rng: &mut Rng) {
        let quantity = rng.i64(1..=3);
        let most = ledger.figures.iter().map(|figure| ledger.allowed(*figure)).max().unwrap();
        let placed = self.orders.buy(&ledger.sku, &ledger.variant, rng.choice(CURRENCIES).unwrap(), quantity).await;
        let Ok(order) = placed else { return self.tally.borrow_mut().count("orders refused") };
        let mut tally = self.tally.borrow_mut();
        tally.count("orders placed");
        if quantity > most {
            let figures = &ledger.figures;
            tally.wrong.push(format!("{}: {quantity} sold where {most} were left by {figures:?}", ledger.sku));
        }
        let at = ledger.moved(-quantity);
        ledger.did(format_args!("{quantity} ordered"));
        let whole = Placed { order, at, cancelled: false, fulfilled: 0, returned: 0, packed: vec![], shipped: 0 };
        ledger.orders.push(whole);
    }

    async fn cancel(&self, ledger: &mut MutexGuard<'_, Ledger>, rng: &mut Rng) {
        let Some(n) = any(ledger, rng, |placed| !placed.cancelled && placed.fulfilled == 0) else { return };
        self.orders.cancel(&ledger.orders[n].order).await;
        ledger.orders[n].cancelled = true;
        let quantity = ledger.orders[n].order.quantity;
        ledger.moved(quantity);
        ledger.did(format_args!("{quantity} cancelled"));
        self.tally.borrow_mut().count("cancelled");
    }

    async fn fulfil(&self, ledger: &mut MutexGuard<'_, Ledger>, rng: &mut Rng) {
        let open = |placed: &Placed| !placed.cancelled && placed.fulfilled < placed.order.quantity;
        let Some(n) = any(ledger, rng, open) else { return };
        let placed = &mut ledger.orders[n];
        let pieces = rng.i64(1..=placed.order.quantity - placed.fulfilled);
        let fulfilled = self.orders.try_fulfil(&placed.order, pieces).await;
        let told = fulfilled.as_ref().map_or_else(String::clone, |_| "done".to_owned());
        match fulfilled {
            Ok(fulfilment) => {
                placed.fulfilled += pieces;
                if rng.bool() {
                    self.orders.ship(&placed.order, &fulfilment).await;
                    placed.shipped += pieces;
                } else {
                    placed.packed.push(fulfilment);
                }
                self.tally.borrow_mut().count("fulfilled");
            }
            Err(_) => self.tally.borrow_mut().count("fulfilments refused"),
        }
        ledger.did(format_args!("{pieces} fulfilled: {told}"));
    }

    async fn unpack(&self, ledger: &mut MutexGuard<'_, Ledger>, rng: &mut Rng) {
        let Some(n) = any(ledger, rng, |placed| !placed.packed.is_empty()) else { return };
        let placed = &mut ledger.orders[n];
        let fulfilment = placed.packed.pop().unwrap();
        let pieces = fulfilment.quantity;
        let undone = self.orders.cancel_fulfilment(&placed.order, &fulfilment).await;
        if undone.is_ok() {
            placed.fulfilled -= pieces;
            self.tally.borrow_mut().count("fulfilments cancelled");
        } else {
            placed.packed.push(fulfilment);
            self.tally.borrow_mut().count("fulfilments not cancelled");
        }
        ledger.did(format_args!("{pieces} taken back: {}", undone.map_or_else(|why| why, |()| "done".to_owned())));
    }

    async fn send_back(&self, ledger: &mut MutexGuard<'_, Ledger>, rng: &mut Rng) {
        let Some(n) = any(ledger, rng, |placed| placed.returned < placed.shipped) else { return };
        let placed = &mut ledger.orders[n];
        let pieces = rng.i64(1..=placed.shipped - placed.returned);
        let back = self.orders.request_return(&placed.order, pieces).await;
        self.orders.receive_return(&placed.order, &back, pieces).await;
        placed.returned += pieces;
        ledger.moved(pieces);
        ledger.did(format_args!("{pieces} returned"));
        self.tally.borrow_mut().count("returned");
    }

    /// A feed: what each supplier has now, as it is to be pushed.
    async fn feed(&self, rng: &mut Rng, supplier: &mut Supplier, articles: &mut [Article]) -> Vec<Desired> {
        let mut desired = Vec::new();
        for (n, key) in self.keys.iter().enumerate() {
            // Every document says all figures of its product for one moment.
            let mut ledgers = Vec::new();
            for ledger in &self.ledgers[n] {
                ledgers.push(ledger.lock().await);
            }
            // What happened in the same millisecond would count as since.
            tokio::time::sleep(Duration::from_millis(2)).await;
            for (variant, ledger) in articles[n].variants.iter_mut().zip(&mut ledgers) {
                variant.stock = if rng.u32(..100) < 60 {
                    ledger.say(rng)
                } else {
                    let same = ledger.supplier;
                    ledger.figures.push((books::now_ms(), same));
                    same
                };
            }
            if rng.bool() {
                articles[n].title = format!("Shirt {:x}", rng.u32(..));
            }
            let now = ledgers[0].figures.last().unwrap().0;
            for ledger in &mut ledgers {
                ledger.figures.last_mut().unwrap().0 = now;
            }
            supplier.said.insert(key.clone(), Said { version: format!("{now:013}"), at: now, edited: now, heard: now });
            desired.push(offered(key, &articles[n]));
        }
        desired
    }

    /// The product's push is done: no other figure is in force any more. One that is said again is in force since it was said first or last,
    /// also where another one was interrupted in between: nothing is written where the first was applied.
    async fn applied(&self, n: usize) {
        for ledger in &self.ledgers[n] {
            let mut ledger = ledger.lock().await;
            let last = ledger.figures.last().unwrap().1;
            ledger.figures.retain(|(_, figure)| *figure == last);
            let level = self.orders.level(&ledger.sku).await;
            let off = ledger.off_by(level.available());
            ledger.did(format_args!("pushed {last}: {level:?}, off by {off}"));
            if off != ledger.off {
                let from = ledger.acts.len().saturating_sub(12);
                let (sku, acts) = (&ledger.sku, ledger.acts[from..].join("\n    "));
                self.tally.borrow_mut().wrong.push(format!("{sku}: off by {off}\n    {acts}"));
                ledger.off = off;
            }
        }
    }

    /// The supplier says each figure once more, higher than ever.
    async fn last_figures(&self, supplier: &mut Supplier, articles: &mut [Article]) {
        for (n, article) in articles.iter_mut().enumerate() {
            for (variant, ledger) in article.variants.iter_mut().zip(&self.ledgers[n]) {
                let mut ledger = ledger.lock().await;
                // Others may have bought what was sold here while the figure came through.
                let least = if ledger.knows_our_orders { 0 } else { ledger.sold() };
                ledger.supplier = ledger.supplier.max(least) + 1;
                // A figure that repeats the one in force moves nothing, and would be in force since that one was said.
                while ledger.figures.iter().any(|(_, figure)| *figure == ledger.supplier) {
                    ledger.supplier += 1;
                }
                let now = (books::now_ms(), ledger.supplier);
                ledger.figures.push(now);
                variant.stock = now.1;
                let said = Said { version: format!("{:013}", now.0), at: now.0, edited: now.0, heard: now.0 };
                supplier.said.insert(self.keys[n].clone(), said);
            }
        }
    }

    /// What was wrong, also now that everything is at rest.
    async fn settled(&self) -> Tally {
        let mut tally = self.tally.take();
        for ledger in self.ledgers.iter().flatten() {
            let ledger = ledger.lock().await;
            let level = self.orders.level(&ledger.sku).await;
            let left = ledger.left(*ledger.figures.last().unwrap());
            if level.available() != left {
                let said = ledger.figures.last();
                tally.wrong.push(format!(
                    "{}: {level:?} is {} and should be {left} by {said:?}",
                    ledger.sku,
                    level.available()
                ));
            }
            let reserved: i64 = ledger
                .orders
                .iter()
                .filter(|placed| !placed.cancelled)
                .map(|placed| placed.order.quantity - placed.fulfilled)
                .sum();
            if level.reserved != reserved {
                tally
                    .wrong
                    .push(format!("{}: {reserved} are reserved, and Medusa holds {}", ledger.sku, level.reserved));
            }
        }
        tally
    }
}

/// A ledger of each variant, with the figure that was said at `at`.
async fn ledgers(real: &Real, keys: &[ProductKey], articles: &[Article], at: i64) -> Vec<Vec<Mutex<Ledger>>> {
    let mut ledgers = Vec::new();
    for (n, (key, article)) in keys.iter().zip(articles).enumerate() {
        let product = real.admin_product(key).await.unwrap();
        let rows = product["variants"].as_array().unwrap();
        let of = |variant: &medusa::Variant| {
            let row = rows.iter().find(|row| row["sku"] == variant.sku.as_str()).unwrap();
            Mutex::new(Ledger {
                sku: variant.sku.clone(),
                variant: row["id"].as_str().unwrap().to_owned(),
                knows_our_orders: n % 2 == 0,
                supplier: variant.stock,
                figures: vec![(at, variant.stock)],
                moves: vec![],
                orders: vec![],
                acts: vec![],
                off: 0,
            })
        };
        ledgers.push(article.variants.iter().map(of).collect());
    }
    ledgers
}

/// What a push comes to; nothing if its function dies when Medusa has done so many writes.
async fn until_it_dies<T>(push: impl Future<Output = T>, proxy: &mut Proxy, dies: Option<usize>) -> Option<T> {
    let mut push = std::pin::pin!(push);
    let mut written = 0;
    loop {
        tokio::select! {
            outcomes = &mut push => return Some(outcomes),
            Some(_) = proxy.written.recv() => {
                written += 1;
                if dies == Some(written) {
                    return None;
                }
            }
        }
    }
}

/// An order of the variant for which something holds.
fn any(ledger: &Ledger, rng: &mut Rng, holds: impl Fn(&Placed) -> bool) -> Option<usize> {
    let fit = ledger.orders.iter().enumerate().filter(|(_, placed)| holds(placed)).map(|(n, _)| n);
    rng.choice(fit.collect::<Vec<_>>())
}

fn number(name: &str, default: usize) -> usize {
    setting(name).map_or(default, |number| number.parse().unwrap())
}

#[tokio::test]
async fn orders_that_race_feeds_sell_nothing_twice() {
    let Some(mut real) = Real::connect().await else { return };
    let (orders, feeds) = (number("RELAY_RACE_ORDERS", 40), number("RELAY_RACE_FEEDS", 12));
    let seed = u64::try_from(number("RELAY_SEED", 22)).unwrap();
    let settings = r#"{"test-before": {"figure": "before-orders"}}"#;
    real.shop.references.stock = settings.parse().unwrap();
    let real = real;
    let mut rng = Rng::with_seed(seed);

    let keys: Vec<ProductKey> =
        (0..2 * PRODUCTS).map(|n| ProductKey::new(SOURCES[n % 2], real.new_key().id()).unwrap()).collect();
    let mut articles: Vec<Article> = keys.iter().map(|key| shirt(key, &["S", "M"])).collect();
    let mut supplier = Supplier::default();
    let at = books::now_ms();
    for key in &keys {
        supplier.said.insert(key.clone(), Said { version: format!("{at:013}"), at, edited: at, heard: at });
    }
    let first: Vec<Desired> = keys.iter().zip(&articles).map(|(key, article)| offered(key, article)).collect();
    let all: Vec<_> = first.iter().map(|desired| (desired, Depth::Light)).collect();
    real.shop.push(&all, &supplier, deadline()).await.into_iter().for_each(|outcome| drop(outcome.unwrap()));
    let ledgers = ledgers(&real, &keys, &articles, at).await;
    let race = Race { orders: Orders::open(&real).await, keys, ledgers, tally: RefCell::default() };

    let mut proxy = Proxy::before(&real.url).await;
    let shop = real.shop_at(&proxy.url);
    let done = RefCell::new(false);
    let placed =
        || race.tally.borrow().acts.iter().filter(|(act, _)| act.starts_with("orders ")).map(|(_, n)| n).sum::<usize>();
    let people = futures::future::join_all((0..PEOPLE).map(|n| {
        let mut rng = Rng::with_seed(seed + 1 + n as u64);
        let (race, done) = (&race, &done);
        async move {
            while placed() < orders || !*done.borrow() {
                if placed() < orders {
                    race.act(&mut rng).await;
                } else {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }));
    let pushing = async {
        let mut doubtful = vec![false; race.keys.len()];
        for n in 0..feeds {
            // The orders are spread over the feeds.
            while placed() * feeds < n * orders {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let desired = race.feed(&mut rng, &mut supplier, &mut articles).await;
            let depth = |doubtful: bool| if doubtful { Depth::Full } else { Depth::Light };
            let batch: Vec<_> =
                desired.iter().zip(&doubtful).map(|(desired, doubt)| (desired, depth(*doubt))).collect();
            let at = rng.usize(..4);
            let fault = [Fault::Answer(500), Fault::Answer(400), Fault::CutBefore, Fault::CutAfter];
            proxy.begin(rng.choice(fault).filter(|_| rng.u32(..100) < 35).map(|fault| (at, fault)));
            supplier.forgetful = rng.u32(..100) < 10;
            // The function dies when Medusa has done so many writes.
            let dies = (rng.u32(..100) < 15).then_some(at + 1);
            let outcomes = until_it_dies(shop.push(&batch, &supplier, deadline()), &mut proxy, dies).await;
            race.tally.borrow_mut().count(if outcomes.is_some() {
                "feeds pushed"
            } else {
                "feeds whose function died"
            });
            for n in 0..race.keys.len() {
                doubtful[n] = outcomes.as_ref().is_none_or(|outcomes| outcomes[n].is_err());
                if doubtful[n] {
                    race.tally.borrow_mut().count("products interrupted");
                } else {
                    race.applied(n).await;
                }
            }
            supplier.forgetful = false;
        }
        *done.borrow_mut() = true;
    };
    let ((), _) = tokio::join!(pushing, people);

    // Everybody rests, and one more document comes through: everything is right, and stays so.
    proxy.begin(None);
    race.last_figures(&mut supplier, &mut articles).await;
    let last: Vec<Desired> = race.keys.iter().zip(&articles).map(|(key, article)| offered(key, article)).collect();
    for (depth, change) in [(Depth::Full, None), (Depth::Light, Some(Change::Unchanged))] {
        let all: Vec<_> = last.iter().map(|desired| (desired, depth)).collect();
        for outcome in real.shop.push(&all, &supplier, deadline()).await {
            let pushed = outcome.unwrap();
            assert!(change.is_none_or(|change| pushed.change == change), "{pushed:?}");
        }
    }
    let tally = race.settled().await;
    println!("{orders} orders, {feeds} feeds, seed {seed}: {:?}", tally.acts);
    assert!(tally.wrong.is_empty(), "{} wrong:\n{}", tally.wrong.len(), tally.wrong.join("\n"));
}
