//! A window of products: compared with the ledger, written where they say something new, announced.

use std::collections::{BTreeMap, HashMap};

use catalog::{ContentHash, Failure, Identifier, PartName, Product, ProductKey, Version, WarningCode, price_drop};
use futures::stream::{self, StreamExt, TryStreamExt};
use ledger::core::{lines, parts, waiting};
use ledger::{
    Classification, Declared, DesiredDoc, DesiredOutcome, Ledger, LedgerError, ProductState, SmallDocs, Table,
};
use runtime::{Announcement, Bus, Cause, ProductMessage};

use crate::lines::LineEntry;

mod weigh;

use weigh::{How, Weighed, known_as, repeated, weigh};

/// Products compared in one `BatchGetItem` (its limit).
pub const BATCH: usize = 100;
/// Writes under way at once in one batch.
const WRITES: usize = 16;

/// A product on its way to the ledger.
#[derive(Debug, Clone)]
pub struct Entry {
    pub key: ProductKey,
    /// Which part of the product it is, of a source whose products come in parts.
    pub part: Option<PartName>,
    /// What it says.
    pub product: Product,
    pub version: Version,
    pub hash: ContentHash,
    /// Its facts follow from the rest: known without them, it says nothing new.
    pub facts_follow: bool,
    /// The record's number.
    pub index: u64,
    /// The record's place.
    pub offset: u64,
    /// That the same feed said something else of the product before is reported already.
    pub reported: bool,
}

/// A product of which an earlier record of the same feed had said something else, and was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeated {
    pub key: ProductKey,
    /// The number of the earlier record.
    pub earlier: u64,
    /// The later record's number.
    pub index: u64,
    /// The later record's place.
    pub offset: u64,
}

/// What became of a window.
#[derive(Debug, Default)]
pub struct Written {
    /// Products that said something new.
    pub changed: u64,
    /// Products that said what is known.
    pub unchanged: u64,
    /// Products older than what is known, or repeated later in the same feed.
    pub stale: u64,
    /// Products that an earlier invocation had read with other content in the same feed.
    pub repeated: Vec<Repeated>,
    /// Products larger than the ledger can keep.
    pub too_large: Vec<(Entry, String)>,
    /// Remarks on products that said something new, by code.
    pub warnings: HashMap<WarningCode, u64>,
    /// Unchanged products that are not where they should be, by code.
    pub waiting: BTreeMap<String, u64>,
    /// Since when (ms) the oldest of them waits.
    pub waiting_since: Option<i64>,
    /// Lines of declared parts for which there is no room to wait.
    pub unkept: Vec<LineEntry>,
    /// Lines that are the first by their identifier.
    pub first: u64,
    /// What lines are about that the ledger says otherwise, or that wait: the next file's are read again.
    pub apart: Vec<Identifier>,
}

impl Written {
    pub(crate) fn add(mut self, other: Self) -> Self {
        self.changed += other.changed;
        self.unchanged += other.unchanged;
        self.stale += other.stale;
        self.repeated.extend(other.repeated);
        self.too_large.extend(other.too_large);
        self.unkept.extend(other.unkept);
        self.first += other.first;
        self.apart.extend(other.apart);
        for (code, count) in other.warnings {
            *self.warnings.entry(code).or_default() += count;
        }
        for (code, count) in other.waiting {
            *self.waiting.entry(code).or_default() += count;
        }
        self.waiting_since = self.waiting_since.into_iter().chain(other.waiting_since).min();
        self
    }

    /// The state is read anyway: whether an unchanged product has arrived costs nothing to say.
    fn unchanged(&mut self, state: &ProductState) {
        self.unchanged += 1;
        if let Some(waits) = waiting::of(state) {
            *self.waiting.entry(waits.code.to_owned()).or_default() += 1;
            self.waiting_since = self.waiting_since.into_iter().chain([waits.since]).min();
        }
    }

    /// Counts what was done with one product, and says what is to be announced of it.
    fn take(
        &mut self,
        done: Done,
        states: &HashMap<ProductKey, ProductState>,
        announce: &mut BTreeMap<ProductKey, Cause>,
    ) {
        match done {
            Done::Written(key, cause, warnings) => {
                self.changed += 1;
                announce.insert(key, cause);
                for code in warnings {
                    *self.warnings.entry(code).or_default() += 1;
                }
            }
            Done::Noted(key, again) => {
                self.unchanged(states.get(&key).unwrap_or(&ProductState::default()));
                announce.extend(again.then_some((key, Cause::Feed)));
            }
            Done::Stale => self.stale += 1,
            Done::TooLarge(entry, message) => self.too_large.push((*entry, message)),
        }
    }
}

#[derive(Debug)]
pub struct WindowWriter<'a, T, B> {
    pub store: &'a Ledger<T>,
    pub bus: &'a B,
    /// The run's short name.
    pub run: &'a str,
    /// The object, for people.
    pub location: &'a str,
    /// Note repeated products, too (`ledger::core::register`).
    pub strict: bool,
    /// The source's declared parts, where it has any.
    pub declared: Option<&'a Declared>,
    /// Note what is new, because no list of a full feed will have it (`ledger::core::brought`).
    pub noting: bool,
    /// Now, in ms.
    pub now: i64,
}

/// A product that is to be written, or noted.
struct Todo {
    entry: Entry,
    how: How,
    note: bool,
}

/// What was done.
enum Done {
    Written(ProductKey, Cause, Vec<WarningCode>),
    /// Says what is known; whether that has to be announced all the same.
    Noted(ProductKey, bool),
    Stale,
    TooLarge(Box<Entry>, String),
}

impl<T: Table, B: Bus> WindowWriter<'_, T, B> {
    /// Writes a window. Of two records of one product, or of one part of it, the later counts.
    ///
    /// # Errors
    /// When the ledger or the bus did not take something. Writing the same window again is
    /// harmless.
    pub async fn write(&self, window: Vec<Entry>) -> Result<Written, Failure> {
        let records = window.len() as u64;
        let mut last: HashMap<(ProductKey, Option<PartName>), Entry> = HashMap::with_capacity(window.len());
        for entry in window {
            last.insert((entry.key.clone(), entry.part.clone()), entry);
        }
        let repeated = records - last.len() as u64;
        let mut entries: Vec<Entry> = last.into_values().collect();
        entries.sort_unstable_by_key(|entry| entry.index);
        let mut batches = Vec::new();
        while !entries.is_empty() {
            let rest = entries.split_off(entries.len().min(BATCH));
            batches.push(std::mem::replace(&mut entries, rest));
        }
        let written = futures::future::try_join_all(batches.into_iter().map(|batch| self.batch(batch))).await?;
        let start = Written { stale: repeated, ..Written::default() };
        Ok(written.into_iter().fold(start, Written::add))
    }

    async fn batch(&self, batch: Vec<Entry>) -> Result<Written, Failure> {
        let failure = |error: LedgerError| error.failure();
        let keys: Vec<ProductKey> = batch.iter().map(|entry| entry.key.clone()).collect();
        let states = self.store.read_states(&keys).await.map_err(failure)?;
        let of_docs = self.parts_of_docs(&batch, &states).await?;

        let mut written = Written::default();
        let mut announce = BTreeMap::new();
        let mut todo = Vec::with_capacity(batch.len());
        for entry in batch {
            let whole = states.get(&entry.key).cloned().unwrap_or_default();
            let of_doc = of_docs.get(&entry.key);
            let Weighed { class, entry, how, state } = weigh(entry, &whole, of_doc, self.declared, self.noting);
            match class {
                Classification::Changed => {
                    written.repeated.extend(repeated(&entry, &state));
                    todo.push(Todo { entry, how, note: false });
                }
                Classification::Again => {
                    written.changed += 1;
                    announce.insert(entry.key, Cause::Feed);
                }
                Classification::Unchanged if self.strict => todo.push(Todo { entry, how, note: true }),
                Classification::Unchanged => written.unchanged(&state),
                Classification::Stale => written.stale += 1,
            }
        }
        self.compare_with_known(&mut todo).await?;
        for done in self.write_all(todo).await.map_err(failure)? {
            written.take(done, &states, &mut announce);
        }
        announce_changed(self.bus, self.run, announce).await?;
        Ok(written)
    }

    /// The parts of one product one after the other, in their order: they would only get into each other's way.
    async fn write_all(&self, todo: Vec<Todo>) -> Result<Vec<Done>, LedgerError> {
        let mut writes: BTreeMap<ProductKey, Vec<Todo>> = BTreeMap::new();
        for one in todo {
            writes.entry(one.entry.key.clone()).or_default().push(one);
        }
        let one_by_one = |todo: Vec<Todo>| async move {
            let mut done = Vec::with_capacity(todo.len());
            for one in todo {
                done.push(self.write_one(one).await?);
            }
            Ok::<_, LedgerError>(done)
        };
        let done = stream::iter(writes.into_values().map(one_by_one)).buffer_unordered(WRITES);
        Ok(done.try_collect::<Vec<_>>().await?.into_iter().flatten().collect())
    }

    /// The parts that the source has now; none of a source that had some.
    fn declared_now(&self) -> Declared {
        self.declared.cloned().unwrap_or_default()
    }

    /// Which part each product's `doc` is, where only that can tell: it was written before there were parts, and a record says something else.
    async fn parts_of_docs(
        &self,
        batch: &[Entry],
        states: &HashMap<ProductKey, ProductState>,
    ) -> Result<HashMap<ProductKey, PartName>, Failure> {
        let failure = |error: LedgerError| error.failure();
        let unknown = |entry: &&Entry| {
            let state = states.get(&entry.key).filter(|_| entry.part.is_some());
            state.is_some_and(|state| parts::known(state, entry.part.as_ref(), &known_as(entry, state)).is_none())
        };
        let keys: Vec<ProductKey> = batch.iter().filter(unknown).map(|entry| entry.key.clone()).collect();
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let SmallDocs { mut docs, large, .. } = self.store.read_small_docs(&keys).await.map_err(failure)?;
        for key in large {
            // One at a time: each takes megabytes.
            match self.store.read_large_doc(&key).await {
                Err(error @ (LedgerError::Store { .. } | LedgerError::BodyUnavailable { .. })) => {
                    return Err(error.failure());
                }
                doc => docs.extend(doc.transpose().map(|doc| (key, doc))),
            }
        }
        let part = |(key, doc): (ProductKey, Result<DesiredDoc, LedgerError>)| {
            Some((key, self.store.part_of(&doc.ok()?.product)?))
        };
        Ok(docs.into_iter().filter_map(part).collect())
    }

    /// One product. A note that the ledger refuses becomes a write, which decides.
    async fn write_one(&self, todo: Todo) -> Result<Done, LedgerError> {
        let Todo { entry, how, note } = todo;
        // What several parts say together is noted by writing the part.
        if note && !how.parted && !how.lined && self.store.touch(&entry.key, &entry.version, &entry.hash).await? {
            return Ok(Done::Noted(entry.key, false));
        }
        // What was refused may have been withdrawn since it was read.
        if how.brought || (note && self.noting && !how.parted) {
            // Full feeds know no main part: it is there for the lines' sake.
            let part = entry.part.as_ref().filter(|part| part.as_str() != lines::MAIN);
            self.store.note_brought(&entry.key, part, &entry.version).await?;
        }
        let Entry { key, part, product, version, hash, facts_follow, index, offset, reported } = entry;
        let provenance = format!("{} record {index} at byte {offset}", self.location);
        let doc = DesiredDoc { product, version, hash, run: self.run.to_owned(), provenance };
        let put = match &part {
            Some(part) if how.lined => {
                self.store.put_desired_under(&key, part, &doc, &self.declared_now(), self.now).await
            }
            _ => self.store.put_desired_telling(&key, &doc, how.parted, self.now).await,
        };
        match put {
            Ok((outcome @ (DesiredOutcome::Written | DesiredOutcome::Offers), made)) => {
                let own = doc.product.warnings.iter().map(|warning| warning.code);
                Ok(Done::Written(key, cause_of(outcome), own.chain(made).collect()))
            }
            Ok((DesiredOutcome::Same, _)) => Ok(Done::Noted(key, how.lacking)),
            Ok((DesiredOutcome::Stale, _)) => Ok(Done::Stale),
            Err(error @ (LedgerError::TooLarge { .. } | LedgerError::TooManyParts { .. })) => {
                let DesiredDoc { product, version, hash, .. } = doc;
                let entry = Entry { key, part, product, version, hash, facts_follow, index, offset, reported };
                Ok(Done::TooLarge(Box::new(entry), error.to_string()))
            }
            Err(error) => Err(error),
        }
    }

    /// A price that more than halved is worth a look before customers have it; a product that comes back is noted as a new one is.
    async fn compare_with_known(&self, todo: &mut [Todo]) -> Result<(), Failure> {
        let known = todo.iter().filter(|todo| !todo.note && todo.how.known);
        let known: Vec<ProductKey> = known.map(|todo| todo.entry.key.clone()).collect();
        if known.is_empty() {
            return Ok(());
        }
        let failure = |error: LedgerError| error.failure();
        let SmallDocs { docs, large, .. } = self.store.read_small_docs(&known).await.map_err(failure)?;
        for Todo { entry, how, .. } in todo.iter_mut().filter(|todo| !todo.note) {
            // One at a time: each takes megabytes. One that cannot be had is about to be written anew.
            let fetched = match large.contains(&entry.key) {
                true => match self.store.read_large_doc(&entry.key).await {
                    Err(error @ (LedgerError::Store { .. } | LedgerError::BodyUnavailable { .. })) => {
                        return Err(error.failure());
                    }
                    before => before.ok().flatten(),
                },
                false => None,
            };
            let before = fetched.as_ref().or_else(|| docs.get(&entry.key).and_then(|doc| doc.as_ref().ok()));
            how.brought |=
                self.noting && !entry.product.withdrawn && before.is_some_and(|before| before.product.withdrawn);
            // Where lines are laid over it, what it comes to is compared, not what one file says.
            if !how.lined
                && let Some(before) = before
                && let Some(warning) = price_drop(&before.product, &entry.product)
            {
                entry.product.warnings.push(warning);
            }
        }
        Ok(())
    }
}

/// Why a product is announced whose document was written so.
pub(crate) const fn cause_of(outcome: DesiredOutcome) -> Cause {
    match outcome {
        DesiredOutcome::Offers => Cause::Offers,
        DesiredOutcome::Written | DesiredOutcome::Stale | DesiredOutcome::Same => Cause::Feed,
    }
}

/// Announces products that a run changed.
pub(crate) async fn announce_changed(
    bus: &impl Bus,
    run: &str,
    keys: BTreeMap<ProductKey, Cause>,
) -> Result<(), Failure> {
    let announcements: Vec<Announcement> = keys
        .into_iter()
        .map(|(key, cause)| ProductMessage { key, correlation_id: run.to_owned(), cause })
        .map(|message| Announcement::product_changed(&message))
        .collect();
    bus.announce(&announcements).await.into_iter().collect::<Result<Vec<()>, Failure>>().map(|_| ())
}
