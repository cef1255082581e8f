//! The whole function over a stock list, or over the same figures as whole documents, against a
//! ledger that is computed as it is asked, so that the process's memory is the function's. One
//! measurement per process, printed as a JSON line:
//!
//! ```text
//! lines <what> <feed file> <lines> [file before]
//! what: lines (a part's file, by SKU) | documents (the source's own file, a row a variant)
//! ```
//!
//! Product `n` has the SKUs `A<n>-<0..5>`; the ledger knows of SKU `i` (counted through) `known(i)`
//! pieces. A file before, which has to say that, is read first and not measured. What it takes to
//! compute the ledger's items is in the time, and told beside it; AWS's client is not.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measuring tool")]

#[path = "../../../crates/feeds/benches/measure/mod.rs"]
#[allow(dead_code, reason = "feeds that repeat a file are not needed here")]
mod measure;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use catalog::line::{Field, Said, Statement, overlaid};
use catalog::{ContentHash, Failure, IdKind, Identifier, Line, PartName, Price, Product, ProductKey, Variant, Version};
use feeds::{Checkpoint, Feed, Limits, Numbers, Outcome, Progress};
use ledger::core::desired::{self, Body};
use ledger::core::lines::{self, Kept, MAIN, Origin};
use ledger::core::{Item, ItemKey, Write, parts};
use ledger::{Declared, DesiredDoc, Leases, Ledger, LedgerError, Mark, Marks, Owner, Run, Scanned, Table};
use measure::{on_cpu, peak};
use normalize::config::Configure;
use normalize::message::{FeedObject, Message};
use normalize::ports::{Current, Ingest, ObjectError, ObjectInfo, Objects};
use normalize::run::FeedReader;
use normalize::source::Sources;
use runtime::{Announcement, Bus, Clock, Deadline, Metrics, SystemClock};

const VARIANTS: usize = 5;
const LEASES: Leases = Leases { lease_ms: 150_000, landing_ms: 30_000 };
const MAPPING: &str = "\
source: acme
form: csv
group: { by: id }
product: { id: id, name: { en: title }, description: text, options: [{ name: { is: Size }, value: size }], variants: { sku: sku, price: { from: eur, currency: EUR }, stock: pieces } }
";
const PARTS: &str = "\
parts:
  stock:
    form: csv
    match: { sku: article }
    owns: { stock: pieces }
";

/// Pieces of SKU `i` that the ledger knows.
const fn known(i: usize) -> i32 {
    (i % 47) as i32
}

fn sku(i: usize) -> String {
    format!("A{:06}-{}", i / VARIANTS, i % VARIANTS)
}

/// The number of a product, and of a SKU.
fn number(id: &str) -> Option<usize> {
    id.strip_prefix('A')?.parse().ok()
}

fn number_of_sku(sku: &str) -> Option<usize> {
    let (product, variant) = sku.split_once('-')?;
    Some(number(product)? * VARIANTS + variant.parse::<usize>().ok()?)
}

fn version() -> Version {
    Version::new(1_700_000_000_000, "0", 0)
}

/// The ledger.
struct Computed {
    documents: bool,
    /// Of documents: what the state says of each product.
    hashes: Vec<ContentHash>,
    template: Product,
    declared: Declared,
    /// Lines that were written: each says a piece more than was known.
    lines: Mutex<Numbers>,
    /// Runs, configuration, registers.
    rest: Mutex<HashMap<ItemKey, Item>>,
    reads: AtomicU64,
    writes: AtomicU64,
    queries: AtomicU64,
    nanos: AtomicU64,
}

impl Computed {
    fn statement(i: usize, written: bool) -> Statement {
        let about = Identifier { kind: IdKind::Sku, value: sku(i) };
        let pieces = known(i) + i32::from(written);
        let version = if written { Version::new(1_800_000_000_000, "00FF", i as u64) } else { version() };
        let line = Line { about, says: BTreeMap::from([(Field::Stock, Said::Pieces(pieces))]) };
        Statement::default().merged(&line, &version)
    }

    fn base(&self, n: usize) -> Product {
        let mut product = self.template.clone();
        product.id = format!("A{n:06}");
        for (v, variant) in product.variants.iter_mut().enumerate() {
            variant.sku = sku(n * VARIANTS + v);
        }
        product
    }

    fn doc(product: Product) -> (DesiredDoc, Body) {
        let hash = ContentHash::of(&product);
        let doc = DesiredDoc { product, version: version(), hash, run: "r".into(), provenance: "p".into() };
        let body = Body::Here(doc.packed().unwrap());
        (doc, body)
    }

    fn computed(&self, key: &ItemKey) -> Option<Item> {
        let nothing = Item::new();
        if let Some((_, _, about)) = lines::line_of(key) {
            let origin = Origin { run: "r".into(), provenance: "s3://feeds/stock.csv record 1 at byte 20".into() };
            let i = number_of_sku(&about.value)?;
            let says = Self::statement(i, self.lines.lock().unwrap().has(i as u64));
            return lines::write_line(key.clone(), &Kept::default(), &says, &origin, None).apply(&nothing).ok();
        }
        let id = key.pk.strip_prefix("P#acme#")?;
        let (n, name) = (number(id)?, PartName::from_text(MAIN));
        let product = ProductKey::new("acme", id).ok()?;
        match (key.sk.as_str(), self.documents) {
            ("state", true) => {
                desired::write_state(&product, &version(), self.hashes.get(n)?, "r", 1).apply(&nothing).ok()
            }
            ("doc", false) => {
                let (part, _) = Self::doc(self.base(n));
                let about = |v: usize| Identifier { kind: IdKind::Sku, value: sku(n * VARIANTS + v) };
                let said: Vec<_> = (0..VARIANTS)
                    .map(|v| (PartName::from_text("stock"), about(v), Self::statement(n * VARIANTS + v, false)))
                    .collect();
                let mut whole = overlaid(&part.product, said.iter().map(|(part, about, says)| (part, about, says)));
                lines::date_figures(&mut whole, &self.declared, Some(&part.version));
                let marks = Marks::from([(name, Mark { version: part.version, hash: part.hash })]);
                let (doc, body) = Self::doc(whole);
                let mark = Mark { version: doc.version.clone(), hash: doc.hash.clone() };
                let write = lines::first(parts::write_together(&product, &doc, Some(body), &marks, &mark));
                lines::under(write, &self.declared).apply(&nothing).ok()
            }
            (sk, false) if parts::name_of(sk) == Some(name.clone()) => {
                let (part, body) = Self::doc(self.base(n));
                parts::write_part(&product, &name, &part, body).apply(&nothing).ok()
            }
            _ => None,
        }
    }

    fn item(&self, key: &ItemKey) -> Item {
        if key.pk.starts_with(['K', 'P']) {
            return self.computed(key).unwrap_or_default();
        }
        self.rest.lock().unwrap().get(key).cloned().unwrap_or_default()
    }

    fn timed<R>(&self, what: impl FnOnce() -> R) -> R {
        let began = Instant::now();
        let done = what();
        self.nanos.fetch_add(u64::try_from(began.elapsed().as_nanos()).unwrap(), Ordering::Relaxed);
        done
    }
}

impl Table for Computed {
    async fn write(&self, write: &Write) -> Result<Result<Item, Item>, LedgerError> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        Ok(self.timed(|| {
            let after = write.apply(&self.item(&write.key))?;
            if let Some(i) = lines::line_of(&write.key).and_then(|(.., about)| number_of_sku(&about.value)) {
                self.lines.lock().unwrap().insert(i as u64);
            }
            if !write.key.pk.starts_with(['K', 'P']) {
                self.rest.lock().unwrap().insert(write.key.clone(), after.clone());
            }
            Ok(after)
        }))
    }

    async fn write_large(&self, write: &Write) -> Result<bool, LedgerError> {
        Ok(self.write(write).await?.is_ok())
    }

    async fn read(&self, keys: &[ItemKey]) -> Result<HashMap<ItemKey, Item>, LedgerError> {
        self.reads.fetch_add(keys.len() as u64, Ordering::Relaxed);
        Ok(self.timed(|| keys.iter().map(|key| (key.clone(), self.item(key))).collect()))
    }

    async fn list(&self, _: &str, _: i64, _: usize, _: bool) -> Result<Vec<(ItemKey, i64)>, LedgerError> {
        Ok(Vec::new())
    }

    async fn scan(&self, _: &str, _: Option<&ItemKey>) -> Result<Scanned, LedgerError> {
        Ok((Vec::new(), None))
    }

    async fn after(&self, pk: &str, _: &str) -> Result<Vec<(String, Item)>, LedgerError> {
        self.queries.fetch_add(1, Ordering::Relaxed);
        let of = |sku: &str| Some((format!("at#{}", sku.split_once('-')?.0), Item::new()));
        Ok(pk.strip_prefix("K#acme#sku#").and_then(of).into_iter().collect())
    }
}

/// The bucket: one file, the mapping, and on the disk what the function writes.
#[derive(Clone)]
struct Bucket {
    file: Arc<File>,
    size: u64,
    mapping: String,
    written: PathBuf,
}

impl Objects for Bucket {
    async fn head(&self, _: &FeedObject) -> Result<ObjectInfo, ObjectError> {
        let modified_ms = 1_800_000_000_000;
        Ok(ObjectInfo { size: self.size, modified_ms, full: false, replayed: false, charset: None, checksum: None })
    }

    async fn range(&self, _: &FeedObject, from: u64, to: u64) -> Result<Vec<u8>, ObjectError> {
        let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
        self.file.read_exact_at(&mut bytes, from).unwrap();
        Ok(bytes)
    }

    async fn current(&self, _: &str, key: &str, _: u64) -> Result<Current, Failure> {
        if key.starts_with("manifests/") {
            return Ok(std::fs::read(&self.written).map_or(Current::Missing, Current::Body));
        }
        Ok(Current::Body(self.mapping.clone().into_bytes()))
    }

    async fn list(&self, _: &str, _: &str) -> Result<Vec<String>, Failure> {
        Ok(Vec::new())
    }

    async fn put(&self, _: &str, _: &str, _: &str, body: Vec<u8>) -> Result<(), Failure> {
        std::fs::write(&self.written, body).unwrap();
        Ok(())
    }
}

/// The bus, which counts, and the queue, of which nothing is asked.
#[derive(Default)]
struct Told(AtomicU64);

impl Bus for Told {
    async fn announce(&self, announcements: &[Announcement]) -> Vec<Result<(), Failure>> {
        self.0.fetch_add(announcements.len() as u64, Ordering::Relaxed);
        announcements.iter().map(|_| Ok(())).collect()
    }
}

impl Ingest for Told {
    async fn send(&self, _: &str) -> Result<(), Failure> {
        panic!("time ran out")
    }
}

/// Every product of the file as the ledger is to know it: without what the file says anew.
fn hashes(file: &str) -> Vec<ContentHash> {
    let mapping = Arc::new(sources::Mapping::read("acme.yaml", MAPPING).unwrap());
    let mut feed: Feed = sources::feed(None, mapping, "feed.csv", Checkpoint::default(), Limits::default()).unwrap();
    let (mut found, mut outcomes) = (Vec::new(), Vec::new());
    let mut take = |outcomes: &mut Vec<Outcome>| {
        for outcome in outcomes.drain(..) {
            let Outcome::Product(mapped) = outcome else { panic!("{outcome:?}") };
            let mut product = mapped.product;
            let n = number(&product.id).unwrap();
            for (v, variant) in product.variants.iter_mut().enumerate() {
                variant.stock = known(n * VARIANTS + v);
            }
            assert_eq!(n, found.len());
            found.push(ContentHash::of(&product));
        }
    };
    let size = std::fs::metadata(file).unwrap().len();
    let file = File::open(file).unwrap();
    let mut at = 0;
    while at < size {
        let mut piece = vec![0; usize::try_from((size - at).min(2 << 20)).unwrap()];
        file.read_exact_at(&mut piece, at).unwrap();
        at += piece.len() as u64;
        feed.offer(piece);
        while feed.step(&mut outcomes).unwrap() == Progress::More {
            take(&mut outcomes);
        }
        take(&mut outcomes);
    }
    while feed.conclude(&mut outcomes).unwrap() == Progress::More {
        take(&mut outcomes);
    }
    take(&mut outcomes);
    found
}

fn template() -> Product {
    let json = r#"{"source":"acme","id":"A","name":{"en":"Kettle, brushed steel"},"description":{"en":"Boils a litre in two minutes."},
        "options":[{"name":{"en":"Size"}}],"variants":[]}"#;
    let mut product: Product = serde_json::from_str(json).unwrap();
    product.variants = (0..VARIANTS)
        .map(|v| Variant {
            sku: String::new(),
            title: format!("{v}"),
            options: vec![format!("{v}")],
            prices: vec![Price { currency: "EUR".into(), amount: 12.into(), list_amount: None }],
            stock: 0,
            images: vec![],
            facts: None,
        })
        .collect();
    product
}

fn computed(documents: bool, path: &str) -> Computed {
    let stock = PartName::from_text("stock");
    Computed {
        documents,
        hashes: if documents { self::hashes(path) } else { Vec::new() },
        template: template(),
        declared: Declared { parts: BTreeMap::from([(stock.clone(), IdKind::Sku)]), stock: Some(stock) },
        lines: Mutex::default(),
        rest: Mutex::default(),
        reads: AtomicU64::default(),
        writes: AtomicU64::default(),
        queries: AtomicU64::default(),
        nanos: AtomicU64::default(),
    }
}

fn notification(key: &str, size: u64, sequencer: &str) -> String {
    serde_json::json!({"version": "0", "source": "aws.s3", "detail-type": "Object Created", "time": "2027-01-15T08:00:00Z",
        "detail": {"bucket": {"name": "feeds"}, "object": {"key": key, "size": size, "etag": "e", "version-id": sequencer, "sequencer": sequencer}}})
    .to_string()
}

/// Reads a file; its run.
async fn read(ledger: &Ledger<Computed>, bucket: &Bucket, body: &str) -> Run {
    let (told, clock, metrics, sources) = (Told::default(), SystemClock, Metrics::default(), Sources::default());
    let work = FeedObject::parse(body).unwrap();
    let reader = FeedReader {
        store: ledger,
        objects: bucket,
        bus: &told,
        queue: &told,
        clock: &clock,
        owner: Owner("bench".to_owned()),
        deadline: Deadline::at(clock.now_ms() + 86_400_000),
        limits: Limits::default(),
        sources: &sources,
        max_percent: 20,
        metrics: &metrics,
    };
    reader.handle(&work, body).await;
    let run = Run::of(&ledger.table().item(&work.id.item_key())).unwrap();
    assert_eq!((run.counts.rejected, run.reason.as_ref()), (0, None), "{run:?}");
    run
}

fn bucket(path: &str, mapping: &str) -> Bucket {
    let file = File::open(path).unwrap();
    let written = PathBuf::from(format!("{path}.index"));
    Bucket { size: file.metadata().unwrap().len(), file: Arc::new(file), mapping: mapping.to_owned(), written }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let [what, path, count, before @ ..] = args.as_slice() else {
        println!("usage: lines lines|documents <feed file> <lines> [file before]");
        return;
    };
    let (documents, count) = (what == "documents", count.parse::<u64>().unwrap());
    let ledger = Ledger::in_table(computed(documents, path), LEASES).with_parts(feeds::adapter::part_of);
    let mapping = if documents { MAPPING.to_owned() } else { format!("{MAPPING}{PARTS}") };
    let bucket_of = bucket(path, &mapping);
    let configured = notification("config/sources/acme.yaml", 1, "00FD");
    let Ok(Message::Configure(changed)) = Message::parse(&configured) else { panic!("a notification") };
    let (told, clock) = (Told::default(), SystemClock);
    Configure { store: &ledger, objects: &bucket_of, bus: &told, clock: &clock }.handle(&changed).await;
    let key = if documents { "incoming/acme/all.csv" } else { "incoming/acme/stock/all.csv" };
    for path in before {
        let first = Bucket { written: bucket_of.written.clone(), ..bucket(path, &mapping) };
        let run = read(&ledger, &first, &notification(key, first.size, "00FE")).await;
        assert_eq!((run.counts.read, run.counts.changed), (count, 0), "{run:?}");
    }
    let table = ledger.table();
    for counter in [&table.reads, &table.writes, &table.queries, &table.nanos] {
        counter.store(0, Ordering::Relaxed);
    }
    let (began, cpu) = (Instant::now(), on_cpu());
    let run = read(&ledger, &bucket_of, &notification(key, bucket_of.size, "00FF")).await;
    let wall = began.elapsed().as_secs_f64();
    let seconds = on_cpu().zip(cpu).map_or(wall, |(now, began)| now - began);
    let _ = std::fs::remove_file(&bucket_of.written);
    let of_ledger = table.nanos.load(Ordering::Relaxed) as f64 / 1e9;
    let number = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    println!(
        "{}",
        serde_json::json!({
            "what": what, "bytes": bucket_of.size, "lines": count, "records": run.counts.read, "changed": run.counts.changed,
            "itemsRead": number(&table.reads), "itemsWritten": number(&table.writes), "queries": number(&table.queries),
            "seconds": seconds, "wallSeconds": wall, "ofThisTheLedger": of_ledger,
            "linesPerSecond": count as f64 / seconds, "recordsPerSecond": run.counts.read as f64 / seconds, "peakKilobytes": peak(),
        })
    );
}
