//! A window of a declared part's lines: compared with what the part said before, laid over the products that they name, or left to wait for them
//! ([`ledger::core::lines`]).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use catalog::{Failure, Identifier, Line, PartName, ProductKey, Version, WarningCode};
use feeds::Reason;
use futures::stream::{self, StreamExt, TryStreamExt};
use ledger::core::ItemKey;
use ledger::core::lines::{self, Kept, Means, Origin};
use ledger::{Declared, DesiredOutcome, Ledger, LedgerError, Table};
use runtime::{Bus, Cause};

use crate::codes;
use crate::window::{BATCH, Written, announce_changed, cause_of};

/// Lines, or products, under way at once.
const PARALLEL: usize = 16;
/// Tries of a write that others were faster with.
const ROUNDS: usize = 8;
/// A line whose part says it again waits on when less than half its time is left.
const HALF_MS: i64 = lines::WAITS_DAYS * 86_400_000 / 2;

/// A line on its way to the ledger.
#[derive(Debug, Clone)]
pub struct LineEntry {
    pub line: Line,
    pub version: Version,
    /// The record's number.
    pub index: u64,
    /// The record's place.
    pub offset: u64,
}

/// How many lines wait, as far as it was asked.
#[derive(Debug, Default)]
pub struct Room(Mutex<HashMap<String, usize>>);

impl Room {
    /// Whether one more may wait.
    async fn take<T: Table>(&self, store: &Ledger<T>, key: &ItemKey) -> Result<bool, LedgerError> {
        let shard = lines::shard(key);
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&shard).copied();
        let waiting = match known {
            Some(waiting) => waiting,
            None => store.waiting_lines(&shard, lines::WAITING_IN_SHARD).await?.len(),
        };
        let room = waiting < lines::WAITING_IN_SHARD;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *all.entry(shard).or_insert(waiting) += usize::from(room);
        Ok(room)
    }
}

/// Writes lines.
#[derive(Debug)]
pub struct LineWriter<'a, T, B> {
    pub store: &'a Ledger<T>,
    pub bus: &'a B,
    pub source: &'a str,
    pub part: &'a PartName,
    pub declared: &'a Declared,
    /// The run's short name.
    pub run: &'a str,
    /// The object, for people.
    pub location: &'a str,
    /// Note repeated lines, too.
    pub strict: bool,
    pub room: &'a Room,
    /// Now, in ms.
    pub now: i64,
}

/// What is to be done by an identifier.
struct Todo {
    about: Identifier,
    origin: Origin,
    /// Whether its products are announced whatever comes of it.
    again: bool,
}

/// What became of lines of one product.
#[derive(Default)]
struct LaidOver {
    /// Those that it has.
    found: BTreeSet<Identifier>,
    /// Why it is announced, if it is.
    announce: Option<(ProductKey, Cause)>,
    /// Remarks on it.
    made: Vec<WarningCode>,
}

/// Where the lines of one identifier have come to.
enum Come {
    /// Nothing is to be done.
    Rest { waits: bool },
    /// To be laid over these products.
    Lay(Todo, Vec<ProductKey>, bool),
    /// There is no room for it to wait: the last of them is told of.
    Unkept(Option<LineEntry>),
}

/// What remains to be done once the lines of a window are written.
#[derive(Default)]
struct ToLay {
    written: Written,
    /// Lines that wait.
    waiting: u64,
    /// What is to be laid over products, and whether it waits until one is found.
    lay: Vec<(Todo, bool)>,
    /// Which of it each product is to have.
    of_products: BTreeMap<ProductKey, Vec<usize>>,
}

impl ToLay {
    fn of(done: Vec<(Written, Come)>) -> Self {
        let mut to_lay = Self::default();
        for (counts, come) in done {
            to_lay.written = to_lay.written.add(counts);
            match come {
                Come::Rest { waits } => to_lay.waiting += u64::from(waits),
                Come::Unkept(entry) => {
                    *to_lay.written.waiting.entry(Reason::LineNotKept.as_str().to_owned()).or_default() += 1;
                    to_lay.written.unkept.extend(entry);
                }
                Come::Lay(todo, products, waits) => {
                    for product in products {
                        to_lay.of_products.entry(product).or_default().push(to_lay.lay.len());
                    }
                    to_lay.lay.push((todo, waits));
                }
            }
        }
        to_lay
    }
}

impl<T: Table, B: Bus> LineWriter<'_, T, B> {
    /// Writes a window.
    ///
    /// # Errors
    /// When the ledger or the bus did not take something. Writing the same window again is harmless.
    pub async fn write(&self, window: Vec<LineEntry>) -> Result<Written, Failure> {
        let failure = |error: LedgerError| error.failure();
        let ToLay { mut written, mut waiting, lay, of_products } =
            ToLay::of(self.say_all(window).await.map_err(failure)?);
        // Products one by one, each with all its lines of the window.
        let each = of_products.into_iter().map(|(product, at)| {
            self.lay_over(product, at.into_iter().filter_map(|at| lay.get(at)).map(|(todo, _)| todo).collect())
        });
        let laid: Vec<LaidOver> = stream::iter(each).buffer_unordered(PARALLEL).try_collect().await.map_err(failure)?;
        let found: BTreeSet<&Identifier> = laid.iter().flat_map(|told| &told.found).collect();
        let mut announce: BTreeMap<ProductKey, Cause> = laid.iter().filter_map(|told| told.announce.clone()).collect();
        for code in laid.iter().flat_map(|told| &told.made).filter(|code| **code == WarningCode::PriceDrop) {
            *written.warnings.entry(*code).or_default() += 1;
        }
        for (todo, waits) in lay.iter().filter(|(todo, _)| !found.contains(&todo.about)) {
            let late = if *waits { Vec::new() } else { self.let_wait(todo).await.map_err(failure)? };
            written.apart.push(todo.about.clone());
            waiting += u64::from(late.is_empty());
            announce.extend(late.into_iter().map(|product| (product, Cause::Feed)));
        }
        if waiting > 0 {
            *written.waiting.entry(codes::PRODUCT_AWAITED.to_owned()).or_default() += waiting;
        }
        announce_changed(self.bus, self.run, announce).await?;
        Ok(written)
    }

    /// Writes what the part says by each identifier.
    async fn say_all(&self, window: Vec<LineEntry>) -> Result<Vec<(Written, Come)>, LedgerError> {
        let mut by_about: BTreeMap<Identifier, Vec<LineEntry>> = BTreeMap::new();
        for entry in window {
            by_about.entry(entry.line.about.clone()).or_default().push(entry);
        }
        let key = |about: &Identifier| lines::line_key(self.source, self.part, about);
        let all: Vec<_> = by_about.into_iter().map(|(about, entries)| (key(&about), about, entries)).collect();
        let keys: Vec<ItemKey> = all.iter().map(|(key, ..)| key.clone()).collect();
        let reads = stream::iter(keys.chunks(BATCH)).map(|keys| self.store.read_lines(keys)).buffer_unordered(PARALLEL);
        let reads: Vec<HashMap<ItemKey, Kept>> = reads.try_collect().await?;
        let mut kept: HashMap<ItemKey, Kept> = reads.into_iter().flatten().collect();
        let each = all.into_iter().map(|(key, about, entries)| {
            let kept = kept.remove(&key).unwrap_or_default();
            self.one(key, about, entries, kept)
        });
        stream::iter(each).buffer_unordered(PARALLEL).try_collect().await
    }

    /// Lays lines over a product.
    async fn lay_over(&self, product: ProductKey, mine: Vec<&Todo>) -> Result<LaidOver, LedgerError> {
        let about: BTreeSet<Identifier> = mine.iter().map(|todo| todo.about.clone()).collect();
        let Some(last) = mine.last() else { return Ok(LaidOver::default()) };
        let laid = self.store.lay_lines(&product, self.declared, &about, &last.origin, self.now).await?;
        let again = mine.iter().any(|todo| todo.again && laid.found.contains(&todo.about));
        let cause = laid.outcome.filter(|outcome| *outcome != DesiredOutcome::Same).map(cause_of);
        let cause = cause.or_else(|| again.then_some(Cause::Feed));
        Ok(LaidOver { found: laid.found, announce: cause.map(|cause| (product, cause)), made: laid.made })
    }

    /// The lines of one identifier, in their order.
    async fn one(
        &self,
        key: ItemKey,
        about: Identifier,
        entries: Vec<LineEntry>,
        mut kept: Kept,
    ) -> Result<(Written, Come), LedgerError> {
        for _ in 0..ROUNDS {
            let mut written = Written::default();
            let (then, again) = self.say(&entries, &kept, &mut written);
            let said = then.as_ref().map_or(&kept, |(then, _)| then);
            if !entries.last().is_some_and(|last| said.says(&last.line)) || kept.waits_since.is_some() {
                written.apart.push(about.clone());
            }
            if then.is_none() && !again {
                let waits = kept.waits_since.is_some();
                if waits && kept.expires_ms < self.now + HALF_MS {
                    let _ = self.store.write(&lines::wait(key, &kept, self.now)).await?;
                }
                return Ok((written, Come::Rest { waits }));
            }
            let mut waits = kept.waits_since.is_some();
            let mut origin = None;
            if let Some((then, from)) = then {
                if !kept.is_there() && self.store.holders(self.source, &about).await?.is_empty() {
                    if !self.room.take(self.store, &key).await? {
                        written.apart.push(about);
                        return Ok((written, Come::Unkept(entries.last().cloned())));
                    }
                    waits = true;
                }
                let write = lines::write_line(key.clone(), &kept, &then.statement, &from, waits.then_some(self.now));
                if let Err(there) = self.store.write(&write).await? {
                    kept = Kept::of(&there);
                    continue;
                }
                written.first += u64::from(!kept.is_there());
                origin = Some(from);
            }
            // After the write: of a line and a product that come at one time, one finds the other.
            let products = self.store.holders(self.source, &about).await?;
            let as_kept = || Origin { run: kept.run.clone(), provenance: kept.provenance.clone() };
            let origin = origin.unwrap_or_else(as_kept);
            return Ok((written, Come::Lay(Todo { about, origin, again }, products, waits)));
        }
        Err(LedgerError::LeaseLost {
            what: format!("the line {about} of {}, which others wrote all the time", self.source),
        })
    }

    /// What is said after these lines, and where the last that counts stood, if anything is to be written; whether one of them was written before.
    fn say(&self, entries: &[LineEntry], kept: &Kept, written: &mut Written) -> (Option<(Kept, Origin)>, bool) {
        let (mut then, mut again): (Option<(Kept, Origin)>, bool) = (None, false);
        for LineEntry { line, version, index, offset } in entries {
            let before = then.as_ref().map_or(kept, |(then, _)| then);
            let says = match lines::classify(before, line, version) {
                Means::Changed(says) => {
                    written.changed += 1;
                    says
                }
                Means::Unchanged(says) => {
                    written.unchanged += 1;
                    if !self.strict {
                        continue;
                    }
                    says
                }
                Means::Again => {
                    written.changed += 1;
                    again = true;
                    continue;
                }
                Means::Stale => {
                    written.stale += 1;
                    continue;
                }
            };
            let provenance = format!("{} record {index} at byte {offset}", self.location);
            let says = before.saying(says.placed(&provenance));
            then = Some((says, Origin { run: self.run.to_owned(), provenance }));
        }
        (then, again)
    }

    /// No product has it any more, or not yet: it waits. Products that have come meanwhile.
    async fn let_wait(&self, todo: &Todo) -> Result<Vec<ProductKey>, LedgerError> {
        let about = &todo.about;
        let key = lines::line_key(self.source, self.part, about);
        let kept = self.store.read_lines(std::slice::from_ref(&key)).await?.remove(&key).unwrap_or_default();
        if kept.is_there() && kept.waits_since.is_none() {
            // Refused: somebody says it anew, and sees to it.
            let _ = self.store.write(&lines::wait(key, &kept, self.now)).await?;
        }
        let mut late = Vec::new();
        for product in self.store.holders(self.source, about).await? {
            let one = BTreeSet::from([about.clone()]);
            let laid = self.store.lay_lines(&product, self.declared, &one, &todo.origin, self.now).await?;
            late.extend(laid.outcome.map(|_| product));
        }
        Ok(late)
    }
}

#[cfg(test)]
mod tests {
    use catalog::IdKind;

    use super::*;

    fn todo(sku: &str) -> Todo {
        let origin = Origin { run: "r".into(), provenance: "a.csv record 0 at byte 0".into() };
        Todo { about: Identifier::new(IdKind::Sku, sku).unwrap(), origin, again: false }
    }

    #[test]
    fn each_product_gets_all_lines_of_the_window_that_are_about_it() {
        let key = |id: &str| ProductKey::new("acme", id).unwrap();
        let one = || Written { changed: 1, ..Written::default() };
        let to_lay = ToLay::of(vec![
            (one(), Come::Lay(todo("a"), vec![key("1"), key("2")], false)),
            (one(), Come::Rest { waits: true }),
            (one(), Come::Lay(todo("b"), vec![key("2")], true)),
            (one(), Come::Rest { waits: false }),
            (one(), Come::Unkept(None)),
        ]);
        assert_eq!(to_lay.of_products, BTreeMap::from([(key("1"), vec![0]), (key("2"), vec![0, 1])]));
        let lay: Vec<_> = to_lay.lay.iter().map(|(todo, waits)| (todo.about.value.as_str(), *waits)).collect();
        assert_eq!(lay, [("a", false), ("b", true)]);
        assert_eq!((to_lay.written.changed, to_lay.waiting), (5, 1));
        let unkept = BTreeMap::from([(Reason::LineNotKept.as_str().to_owned(), 1)]);
        assert_eq!(to_lay.written.waiting, unkept);
    }
}
