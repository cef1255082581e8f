//! A thousand products through four functions at once, against the program itself: duplicates, a
//! newer feed while the first is on its way, a PIM that answers wrongly and one that is killed
//! (SIGKILL) and comes back on the same file, and a person who edits all the while.
//!
//! The function is pimcore-sync's own code over the real ledger: its rules in memory, and DynamoDB
//! where `RELAY_DYNAMODB_ENDPOINT` names one (crates/ledger/README.md). How often each object was
//! saved is counted in the PIM's database, so the count outlives the process.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

#[path = "../../../functions/pimcore-sync/tests/common/mod.rs"]
mod common;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use catalog::{ContentHash, ErrorKind, Product, ProductKey, Version};
use common::{Function, category, key, message, path, product, version};
use futures::stream::{self, StreamExt};
use ledger::{DesiredDoc, Leases, Ledger, Table};
use pimcore::{ApiKey, Pimcore};
use pimcore_sync::decide::PublishPolicy;
use runtime::{Clock, Outcome, ProductMessage};
use serde_json::{Value, json};
use testing::standin::{KEY, later};

const PRODUCTS: usize = 1000;
const FUNCTIONS: usize = 4;
const BATCH: usize = 20;
const LEASES: Leases = Leases { lease_ms: 90_000, landing_ms: 30_000 };

/// The stand-in as a process of its own, which can be killed and started again on the same address
/// and file.
struct Program {
    child: Mutex<Child>,
    address: String,
    folder: PathBuf,
    http: reqwest::Client,
}

fn spawn(folder: &Path, listen: &str) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_pim"))
        .args(["--listen", listen, "--db"])
        .arg(folder.join("pim.db"))
        .env("PIM_API_KEY", KEY)
        .env("RUST_LOG", "info,apollo_compiler=warn")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let address = first.split("http://").nth(1).unwrap().split('/').next().unwrap().to_owned();
    // The program writes on; somebody has to read.
    std::thread::spawn(move || lines.for_each(drop));
    (child, address)
}

impl Program {
    fn start(name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let (child, address) = spawn(&folder, "127.0.0.1:0");
        Self { child: Mutex::new(child), address, folder, http: reqwest::Client::new() }
    }

    /// kill -9, a moment in which nobody listens, and the same again.
    async fn crash(&self) {
        let kill = || {
            let mut child = self.child.lock().unwrap();
            child.kill().unwrap();
            child.wait().unwrap();
        };
        kill();
        tokio::time::sleep(Duration::from_millis(300)).await;
        *self.child.lock().unwrap() = spawn(&self.folder, &self.address).0;
    }

    fn url(&self, rest: &str) -> String {
        format!("http://{}{rest}", self.address)
    }

    fn client(&self) -> Pimcore {
        Pimcore::new(&self.url(""), &ApiKey::new(KEY)).unwrap()
    }

    /// How often each object was saved through GraphQL; `None` while nobody answers.
    async fn saves(&self) -> Option<BTreeMap<String, usize>> {
        self.http.get(self.url("/_standin/saves")).send().await.ok()?.json().await.ok()
    }

    async fn fault(&self, fault: Value) {
        let added = self.http.post(self.url("/_standin/faults")).json(&fault).send().await.unwrap();
        assert!(added.status().is_success(), "{added:?}");
    }

    /// A person saves; whether the product is there. They try again until the PIM has answered.
    async fn edit(&self, path: &str, set: &Value) -> bool {
        loop {
            let sent = self.http.post(self.url("/_standin/objects")).json(&json!({"path": path, "set": set}));
            match sent.send().await {
                Ok(answer) if answer.status().is_success() => return true,
                Ok(answer) => {
                    assert_eq!(answer.status(), 404, "{path}: {}", answer.text().await.unwrap());
                    return false;
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap();
        let _ = child.kill();
        let _ = child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The n-th product, as the first or the second feed has it: the second has a third of them,
/// changed, in other categories.
fn numbered(n: usize, feed: usize) -> Product {
    let mut product = product(&n.to_string());
    product.attributes.clear();
    product.variants.truncate(2);
    product.brand = Some(["", "Acme", "Newer"][feed].into());
    product.categories[0].0 = vec![
        category("root"),
        category(&format!("mid{}", leaf(n, feed) % 5)),
        category(&format!("leaf{}", leaf(n, feed))),
    ];
    product
}

fn leaf(n: usize, feed: usize) -> usize {
    (n + feed) % 20
}

const fn newest(n: usize) -> usize {
    if n.is_multiple_of(3) { 2 } else { 1 }
}

/// What all functions share.
struct World<'a, T> {
    pim: &'a Program,
    ledger: &'a Ledger<T>,
    /// Bus, clock and a breaker that never opens (nobody would close it here); its own ledger is
    /// not used.
    function: Function,
    queue: Mutex<VecDeque<ProductMessage>>,
    /// Messages under way.
    busy: AtomicUsize,
    fed: AtomicBool,
    failures: AtomicUsize,
}

impl<T: Table> World<'_, T> {
    /// What `normalize` does.
    async fn put(&self, n: usize, feed: usize) -> ProductMessage {
        let product = numbered(n, feed);
        let version: Version = version(feed as u64);
        let hash = ContentHash::of(&product);
        let doc = DesiredDoc { product, version, hash, run: format!("run-{feed}"), provenance: "test".into() };
        let key = key(&n.to_string());
        self.ledger.put_desired(&key, &doc, self.function.clock.now_ms()).await.unwrap();
        message(&key)
    }

    async fn feed(&self, numbers: impl Iterator<Item = usize>, feed: usize) -> Vec<ProductMessage> {
        stream::iter(numbers).map(|n| self.put(n, feed)).buffer_unordered(16).collect().await
    }

    async fn invoke(&self, pimcore: &Pimcore, messages: &[ProductMessage]) -> BTreeMap<ProductKey, Outcome> {
        self.function.run_on(self.ledger, &Ok(pimcore.clone()), messages, PublishPolicy::Auto).await
    }

    fn take(&self) -> Vec<ProductMessage> {
        let mut queue = self.queue.lock().unwrap();
        let size = queue.len().min(BATCH);
        // Messages of one product within a batch are one piece of work.
        let unique: HashMap<_, _> = queue.drain(..size).map(|message| (message.key.clone(), message)).collect();
        self.busy.fetch_add(unique.len(), Ordering::Relaxed);
        unique.into_values().collect()
    }

    fn over(&self) -> bool {
        let queue = self.queue.lock().unwrap();
        self.fed.load(Ordering::Relaxed) && queue.is_empty() && self.busy.load(Ordering::Relaxed) == 0
    }

    /// One function: it has connections and a category tree of its own. What fails comes back, as
    /// from a queue.
    async fn function(&self) {
        let pimcore = self.pim.client();
        while !self.over() {
            let messages = self.take();
            if messages.is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            }
            let outcomes = self.invoke(&pimcore, &messages).await;
            let mut back = 0;
            for message in &messages {
                if let Outcome::Failed(failure) = &outcomes[&message.key] {
                    assert_eq!(failure.kind, ErrorKind::Transient, "{failure}");
                    back += 1;
                    self.queue.lock().unwrap().push_back(message.clone());
                }
            }
            self.failures.fetch_add(back, Ordering::Relaxed);
            self.busy.fetch_sub(messages.len(), Ordering::Relaxed);
            if back > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    async fn wait_for(&self, products: usize) {
        let until = Instant::now() + Duration::from_secs(240);
        let there = async || self.pim.saves().await.is_some_and(|saves| saves.len() >= products);
        while !there().await {
            assert!(Instant::now() < until, "the functions do not get to {products} objects");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What happens meanwhile.
    async fn disturb(&self) {
        self.wait_for(150).await;
        self.pim.crash().await;
        self.wait_for(300).await;
        // Some of these requests are carried out all the same.
        self.pim.fault(json!({"kind": "bad-gateway", "executed": true, "times": 4, "match": "mutation"})).await;
        self.pim.fault(json!({"kind": "truncated", "times": 2, "match": "mutation"})).await;
        self.pim.fault(json!({"kind": "bad-gateway", "times": 8})).await;
        self.wait_for(450).await;
        let newer = self.feed((0..PRODUCTS).filter(|n| newest(*n) == 2), 2).await;
        self.queue.lock().unwrap().extend(newer);
        self.pim.crash().await;
        self.wait_for(800).await;
        self.pim.crash().await;
        self.fed.store(true, Ordering::Relaxed);
    }

    /// A person goes through the products and writes on those that are there; gives what they wrote
    /// last.
    async fn person(&self) -> BTreeMap<usize, String> {
        let mut written = BTreeMap::new();
        for round in 0.. {
            for n in (0..PRODUCTS).step_by(9) {
                if self.over() {
                    return written;
                }
                let name = format!("Edited {n} in round {round}");
                if self
                    .pim
                    .edit(&path(&n.to_string()), &json!({"marketingName": {"en": name}, "shopVisibility": "show"}))
                    .await
                {
                    written.insert(n, name);
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        written
    }

    /// Each exists once, with the newest data, in the right category, saved once for each change;
    /// edits are there.
    async fn check(&self, edited: &BTreeMap<usize, String>) {
        // What is in doubt is looked at again when nothing can land late any more, and found as it
        // should be.
        let saves = self.pim.saves().await.unwrap();
        self.function.clock.0.store(300_000, Ordering::Relaxed);
        let pimcore = self.pim.client();
        let all: Vec<ProductMessage> = (0..PRODUCTS).map(|n| message(&key(&n.to_string()))).collect();
        for messages in all.chunks(BATCH) {
            let outcomes = self.invoke(&pimcore, messages).await;
            assert!(outcomes.values().all(|outcome| *outcome == Outcome::Done), "{outcomes:?}");
        }
        assert_eq!(self.pim.saves().await.unwrap(), saves, "nothing was left to write");
        let health = pimcore.health(later()).await.unwrap();
        assert_eq!((health.products, health.categories), (PRODUCTS as u64, 1 + 5 + 20));
        let keys: Vec<_> = all.iter().map(|message| message.key.clone()).collect();
        let read = pimcore.read_products(&keys, later()).await.unwrap();
        let states = self.ledger.read_states(&keys).await.unwrap();
        let mut twice = 0;
        for (n, key) in keys.iter().enumerate() {
            let (product, state, feed) = (read[key].as_ref().unwrap(), &states[key], newest(n));
            assert_eq!(product.content_hash, Some(ContentHash::of(&numbered(n, feed))), "{key}");
            assert_eq!(
                state.pimcore.applied.as_ref().map(|applied| applied.hash.clone()),
                product.content_hash,
                "{key}"
            );
            assert_eq!(state.pimcore.owner, None, "{key}");
            assert_eq!(product.categories[0].external_id, Some(format!("demo:leaf{}", leaf(n, feed))), "{key}");
            assert!(product.published, "{key}");
            let saved = saves[&path(&n.to_string())];
            assert!(saved <= feed, "{key}: {saved} saves for {feed} documents");
            twice += usize::from(saved == 2);
            if let Some(name) = edited.get(&n) {
                assert_eq!(product.title("en"), Some(name.as_str()), "an edit was lost");
                assert_eq!(product.shop_visibility, pimcore::ShopVisibility::Show);
            }
        }
        let categories = saves.iter().filter(|(path, _)| path.starts_with("/catalog/categories/"));
        assert!(categories.clone().all(|(_, saves)| *saves == 1), "{:?}", categories.collect::<Vec<_>>());
        assert!(twice > PRODUCTS / 10, "the newer feed came before the first: only {twice} were written twice");
        eprintln!(
            "{PRODUCTS} products, {twice} of them changed on the way: {} saves, {} categories; {} messages came back; {} edits kept",
            saves.values().sum::<usize>(),
            health.categories,
            self.failures.load(Ordering::Relaxed),
            edited.len()
        );
    }
}

async fn a_thousand<T: Table>(name: &str, ledger: &Ledger<T>) {
    let pim = Program::start(name);
    let world = World {
        pim: &pim,
        ledger,
        function: Function::default(),
        queue: Mutex::default(),
        busy: AtomicUsize::new(0),
        fed: AtomicBool::new(false),
        failures: AtomicUsize::new(0),
    };
    for message in world.feed(0..PRODUCTS, 1).await {
        // Each twice, the second far from the first.
        world.queue.lock().unwrap().push_back(message.clone());
        world.queue.lock().unwrap().push_front(message);
    }
    let functions = futures::future::join_all((0..FUNCTIONS).map(|_| world.function()));
    let (_, (), edited) = futures::join!(functions, world.disturb(), world.person());
    assert!(world.failures.load(Ordering::Relaxed) > 20, "the crashes were not felt");
    assert!(edited.len() > 50, "too few edits fell in between: {}", edited.len());
    world.check(&edited).await;
}

#[tokio::test]
async fn every_product_ends_once_with_the_newest_data_and_every_edit_survives() {
    a_thousand("thousand", &Ledger::in_table(ledger::Memory::default(), LEASES)).await;
}

#[test]
fn the_same_with_the_ledger_in_dynamodb() {
    let Some(table) = testing::dynamodb::Table::open() else { return };
    let ledger = table.ledger(LEASES);
    table.block_on(a_thousand("thousand-dynamodb", &ledger));
}
