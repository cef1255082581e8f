//! The world in memory: a bucket, a bus, a queue, the ledger's rules over a map, a clock that is
//! set by hand.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "test support; each test binary uses a part")]

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use catalog::Failure;
use feeds::Limits;
use feeds::integrity::{Algorithm, Checksum, Partial};
use ledger::core::{Change, Item, ItemKey, Write, desired};
use ledger::{DesiredDoc, Leases, Ledger, LedgerError, Memory, Owner, Run, Scanned, Table};
use normalize::config::{Changed, Configure};
use normalize::message::{FeedObject, Message};
use normalize::ports::{Current, Ingest, ObjectError, ObjectInfo, Objects};
use normalize::run::FeedReader;
use normalize::source::Sources;
use runtime::{Announcement, Bus, Clock, Deadline, Metrics, Outcome};
use serde_json::{Value, json};

pub const LEASES: Leases = Leases { lease_ms: 150_000, landing_ms: 30_000 };
pub const BUCKET: &str = "feeds";

pub struct World {
    pub ledger: Ledger<Switched>,
    pub bucket: Bucket,
    pub announced: Mutex<Vec<Value>>,
    pub sent: Mutex<Vec<String>>,
    pub now: AtomicI64,
    /// Every look at the clock takes this long.
    pub tick: AtomicI64,
    uploads: AtomicU64,
    pub metrics: Metrics,
    pub sources: Sources,
}

#[derive(Clone, Default)]
pub struct Bucket {
    objects: Arc<Mutex<BTreeMap<(String, String), Object>>>,
    /// Texts that arrive as others of the same length.
    pub damage: Arc<Mutex<Vec<(String, String)>>>,
    /// How many range reads there will be before every object is gone.
    pub reads_left: Arc<Mutex<Option<u64>>>,
    /// How many writes there will be before the bucket takes no more.
    pub puts_left: Arc<Mutex<Option<u64>>>,
    /// The encoding that objects say they are in.
    pub charset: Arc<Mutex<Option<String>>>,
    /// Bytes of the largest object that was written.
    pub largest_put: Arc<AtomicU64>,
}

#[derive(Clone)]
struct Object {
    body: Vec<u8>,
    modified_ms: u64,
    full: bool,
    replayed: bool,
}

impl World {
    pub fn new() -> Self {
        Self {
            ledger: Ledger::in_table(Switched::default(), LEASES).with_parts(feeds::adapter::part_of),
            bucket: Bucket::default(),
            announced: Mutex::default(),
            sent: Mutex::default(),
            now: AtomicI64::new(1_800_000_000_000),
            tick: AtomicI64::default(),
            uploads: AtomicU64::default(),
            metrics: Default::default(),
            sources: Sources::default(),
        }
    }

    /// Looks at a file under `config/` of which a message tells.
    pub async fn configure(&self, body: &str) -> Outcome {
        let Ok(Message::Configure(changed)) = Message::parse(body) else { panic!("{body}") };
        self.look_at(&changed).await
    }

    pub async fn look_at(&self, changed: &Changed) -> Outcome {
        Configure { store: &self.ledger, objects: &self.bucket, bus: self, clock: self }.handle(changed).await
    }

    /// Fails every write of a product after this many.
    pub fn fail_after(&self, writes: Option<u64>) {
        *self.ledger.table().fail_after.lock().unwrap() = writes;
    }

    /// Puts an object there; its notification.
    pub fn upload(&self, key: &str, body: impl AsRef<[u8]>) -> String {
        self.upload_as(key, body, false)
    }

    pub fn upload_as(&self, key: &str, body: impl AsRef<[u8]>, full: bool) -> String {
        let number = 1 + self.uploads.fetch_add(1, Ordering::SeqCst);
        let version = format!("version{number}");
        let object = Object {
            body: body.as_ref().to_vec(),
            modified_ms: 1_800_000_000_000 + number * 1_000,
            full,
            replayed: false,
        };
        self.bucket.objects.lock().unwrap().insert((key.to_owned(), version.clone()), object);
        json!({
            "version": "0", "source": "aws.s3", "detail-type": "Object Created", "time": "2027-01-15T08:00:00Z",
            "detail": {"bucket": {"name": BUCKET}, "object": {
                "key": key, "size": body.as_ref().len(), "etag": "e", "version-id": version, "sequencer": format!("{number:016X}"),
            }},
        })
        .to_string()
    }

    /// Says of the object that a notification is about that `relay replay` put it there.
    pub fn replayed(&self, message: &str) {
        let work = FeedObject::parse(message).unwrap();
        self.bucket.objects.lock().unwrap().get_mut(&(work.id.key, work.version_id.unwrap())).unwrap().replayed = true;
    }

    /// Forgets what a notification is about, and only that.
    pub fn forget(&self, message: &str) {
        let work = FeedObject::parse(message).unwrap();
        self.bucket.objects.lock().unwrap().remove(&(work.id.key, work.version_id.unwrap()));
    }

    /// Spoils an object that was written here.
    pub fn damage_object(&self, key: &str) {
        let mut objects = self.bucket.objects.lock().unwrap();
        let object = objects.get_mut(&(key.to_owned(), String::new())).unwrap();
        *object.body.last_mut().unwrap() ^= 1;
    }

    pub fn delete(&self, key: &str) {
        self.bucket.objects.lock().unwrap().retain(|(name, _), _| name != key);
    }

    /// Reads a message with plenty of time.
    pub async fn read(&self, body: &str) -> Outcome {
        self.read_until(body, "worker", self.now.load(Ordering::SeqCst) + 600_000).await
    }

    pub async fn read_until(&self, body: &str, owner: &str, deadline: i64) -> Outcome {
        let reader = FeedReader {
            store: &self.ledger,
            objects: &self.bucket,
            bus: self,
            queue: self,
            clock: self,
            owner: Owner(owner.to_owned()),
            deadline: Deadline::at(deadline),
            limits: Limits::default(),
            sources: &self.sources,
            max_percent: 20,
            metrics: &self.metrics,
        };
        reader.handle(&FeedObject::parse(body).unwrap(), body).await
    }

    /// What was reported since the last look, by name and reason.
    pub fn take_metrics(&self) -> BTreeMap<String, f64> {
        let mut found = BTreeMap::new();
        for line in self.metrics.take(0) {
            let reason = line["Reason"].as_str().or(line["Warning"].as_str()).map(|reason| format!(" {reason}"));
            let values = line.as_object().unwrap().iter().filter_map(|(name, value)| Some((name, value.as_f64()?)));
            found.extend(values.map(|(name, value)| (format!("{name}{}", reason.clone().unwrap_or_default()), value)));
        }
        found
    }

    pub fn run(&self, body: &str) -> Run {
        Run::of(&self.item(&FeedObject::parse(body).unwrap().id.item_key())).unwrap()
    }

    /// External ids announced since the last look, and the feed events' types.
    pub fn take_announced(&self) -> (Vec<String>, Vec<Value>) {
        let all = std::mem::take(&mut *self.announced.lock().unwrap());
        let (products, feeds): (Vec<_>, Vec<_>) = all.into_iter().partition(|detail| detail.get("productId").is_some());
        let id =
            |detail: Value| format!("{}:{}", detail["source"].as_str().unwrap(), detail["productId"].as_str().unwrap());
        let mut ids: Vec<String> = products.into_iter().map(id).collect();
        ids.sort();
        (ids, feeds)
    }

    pub fn take_writes(&self) -> u64 {
        self.ledger.table().writes.swap(0, Ordering::SeqCst)
    }

    pub fn doc(&self, key: &str) -> Option<DesiredDoc> {
        DesiredDoc::of(&self.item(&desired::doc_key(&key.parse().unwrap()))).unwrap()
    }

    /// Lines under `rejected/`, of all runs.
    pub fn rejected(&self) -> Vec<Value> {
        let text: String = self.texts("rejected/").into_values().collect();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub fn texts(&self, prefix: &str) -> BTreeMap<String, String> {
        let objects = self.bucket.objects.lock().unwrap();
        objects
            .iter()
            .filter(|((key, _), _)| key.starts_with(prefix))
            .map(|((key, _), object)| (key.clone(), String::from_utf8(object.body.clone()).unwrap()))
            .collect()
    }

    fn item(&self, key: &ItemKey) -> Item {
        self.ledger.table().memory.item(key)
    }
}

impl Clock for World {
    fn now_ms(&self) -> i64 {
        self.now.fetch_add(self.tick.load(Ordering::SeqCst), Ordering::SeqCst)
    }
}

impl Bus for World {
    async fn announce(&self, announcements: &[Announcement]) -> Vec<Result<(), Failure>> {
        let mut announced = self.announced.lock().unwrap();
        announced.extend(announcements.iter().map(|one| serde_json::from_str::<Value>(one.detail()).unwrap()));
        announcements.iter().map(|_| Ok(())).collect()
    }
}

impl Ingest for World {
    async fn send(&self, body: &str) -> Result<(), Failure> {
        self.sent.lock().unwrap().push(body.to_owned());
        Ok(())
    }
}

impl Objects for Bucket {
    async fn head(&self, work: &FeedObject) -> Result<ObjectInfo, ObjectError> {
        let object = self.object(work)?;
        let mut checksum = Partial::new(Algorithm::Crc64Nvme);
        checksum.add(0, &object.body);
        let checksum = Some(Checksum { algorithm: Algorithm::Crc64Nvme, value: checksum.value() });
        let charset = self.charset.lock().unwrap().clone();
        Ok(ObjectInfo {
            size: object.body.len() as u64,
            modified_ms: object.modified_ms,
            full: object.full,
            replayed: object.replayed,
            charset,
            checksum,
        })
    }

    async fn range(&self, work: &FeedObject, from: u64, to: u64) -> Result<Vec<u8>, ObjectError> {
        if let Some(left) = self.reads_left.lock().unwrap().as_mut() {
            *left = left.checked_sub(1).ok_or(ObjectError::Missing)?;
        }
        let mut body = self.object(work)?.body;
        for (was, is) in self.damage.lock().unwrap().iter() {
            for at in places_of(&body, was.as_bytes()) {
                body[at..at + is.len()].copy_from_slice(is.as_bytes());
            }
        }
        Ok(body[usize::try_from(from).unwrap()..usize::try_from(to).unwrap()].to_vec())
    }

    async fn current(&self, _bucket: &str, key: &str, limit: u64) -> Result<Current, Failure> {
        let objects = self.objects.lock().unwrap();
        let versions = objects.iter().filter(|((name, _), _)| name == key).map(|(_, object)| object);
        Ok(match versions.max_by_key(|object| object.modified_ms) {
            None => Current::Missing,
            Some(object) if object.body.len() as u64 > limit => Current::TooLarge { size: object.body.len() as u64 },
            Some(object) => Current::Body(object.body.clone()),
        })
    }

    async fn list(&self, _bucket: &str, prefix: &str) -> Result<Vec<String>, Failure> {
        let objects = self.objects.lock().unwrap();
        let mut keys: Vec<String> =
            objects.keys().map(|(key, _)| key.clone()).filter(|key| key.starts_with(prefix)).collect();
        keys.dedup();
        Ok(keys)
    }

    async fn put(&self, bucket: &str, key: &str, _kind: &str, body: Vec<u8>) -> Result<(), Failure> {
        assert_eq!(bucket, BUCKET);
        if let Some(left) = self.puts_left.lock().unwrap().as_mut() {
            let unavailable = || Failure::transient("bucket_unavailable", "the bucket does not answer");
            *left = left.checked_sub(1).ok_or_else(unavailable)?;
        }
        self.largest_put.fetch_max(body.len() as u64, Ordering::SeqCst);
        let object = Object { body, modified_ms: 0, full: false, replayed: false };
        self.objects.lock().unwrap().insert((key.to_owned(), String::new()), object);
        Ok(())
    }
}

/// Where a text stands.
fn places_of(body: &[u8], text: &[u8]) -> Vec<usize> {
    body.windows(text.len()).enumerate().filter(|(_, window)| *window == text).map(|(at, _)| at).collect()
}

impl Bucket {
    fn object(&self, work: &FeedObject) -> Result<Object, ObjectError> {
        let version = work.version_id.clone().unwrap_or_default();
        let objects = self.objects.lock().unwrap();
        let replaced = || objects.keys().any(|(key, _)| *key == work.id.key);
        let gone = || if replaced() { ObjectError::Replaced } else { ObjectError::Missing };
        objects.get(&(work.id.key.clone(), version)).cloned().ok_or_else(gone)
    }
}

/// The ledger's table, which can be made to fail.
#[derive(Default)]
pub struct Switched {
    memory: Memory,
    /// Products written.
    writes: AtomicU64,
    /// Fails every write of a product after this many.
    fail_after: Mutex<Option<u64>>,
    /// Finds every product's stored copy damaged.
    pub damaged: AtomicBool,
}

impl Switched {
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    pub fn memory_item(&self, key: &ItemKey) -> Item {
        self.memory.item(key)
    }

    pub fn take_calls(&self) -> Vec<ledger::Call> {
        self.memory.take_calls()
    }
}

impl Table for Switched {
    async fn write(&self, write: &Write) -> Result<Result<Item, Item>, LedgerError> {
        self.memory.write(write).await
    }

    async fn write_large(&self, write: &Write) -> Result<bool, LedgerError> {
        // What has a body is a product; a note has none.
        if !write.changes.iter().any(|change| matches!(change, Change::Set("body", _))) {
            return self.memory.write_large(write).await;
        }
        let done = self.writes.fetch_add(1, Ordering::SeqCst);
        if self.damaged.load(Ordering::SeqCst) {
            let source = ledger::core::BodyError::Compression(std::io::Error::other("cut off"));
            return Err(LedgerError::Damaged { key: write.key.pk.clone(), source });
        }
        let limit = *self.fail_after.lock().unwrap();
        match limit {
            Some(limit) if done >= limit => Err(LedgerError::Store {
                operation: "UpdateItem",
                table: "memory".into(),
                message: "switched off".into(),
            }),
            _ => self.memory.write_large(write).await,
        }
    }

    async fn read(&self, keys: &[ItemKey]) -> Result<HashMap<ItemKey, Item>, LedgerError> {
        self.memory.read(keys).await
    }

    async fn list(
        &self,
        shard: &str,
        before: i64,
        limit: usize,
        oldest_first: bool,
    ) -> Result<Vec<(ItemKey, i64)>, LedgerError> {
        self.memory.list(shard, before, limit, oldest_first).await
    }

    async fn scan(&self, sk: &str, after: Option<&ItemKey>) -> Result<Scanned, LedgerError> {
        self.memory.scan(sk, after).await
    }

    async fn after(&self, pk: &str, sk: &str) -> Result<Vec<(String, Item)>, LedgerError> {
        self.memory.after(pk, sk).await
    }
}

/// A product in the canonical shape.
pub fn product(id: &str, amount: &str) -> Value {
    json!({
        "source": "canonical", "id": id, "name": {"en": format!("Shirt {id}"), "ar": "قميص"},
        "images": ["https://example.com/a.jpg"],
        "variants": [{"sku": format!("{id}-S"), "title": "Default", "stock": 3,
            "prices": [{"currency": "SAR", "amount": amount}]}],
    })
}
