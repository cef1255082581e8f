//! What a full feed withdraws, what it leaves, and what it must not do.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use catalog::{ContentHash, Failure, Localized, PartName, Price, Product, ProductKey, Variant, Version};
use ledger::core::brought::Brought;
use ledger::{DesiredDoc, DesiredOutcome, LedgerError, SmallDocs};
use proptest::prelude::*;
use runtime::{Announcement, Bus, Clock, Deadline, Metrics};
use withdrawal::manifest::{Manifests, Part};
use withdrawal::merge::{Ids, Missing};
use withdrawal::{Outcome, Request, Store, Withdrawal, WithdrawalReport};

/// Bucket, ledger, bus and clock in memory.
#[derive(Default)]
struct World {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    docs: Mutex<HashMap<ProductKey, DesiredDoc>>,
    /// What partial feeds brought: the version by id.
    notes: Mutex<BTreeMap<String, Version>>,
    watermarks: Mutex<HashMap<String, String>>,
    announced: Mutex<Vec<String>>,
    /// Announcements that are accepted; the rest fails.
    patience: AtomicUsize,
    /// Milliseconds that the clock goes on with each look at it.
    pace: AtomicUsize,
    now: AtomicUsize,
    metrics: Metrics,
}

impl Manifests for World {
    async fn get(&self, _: &str, key: &str) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self.objects.lock().unwrap().get(key).cloned())
    }

    async fn list(&self, _: &str, prefix: &str) -> Result<Vec<(String, u64)>, Failure> {
        let objects = self.objects.lock().unwrap();
        let under = objects.iter().filter(|(key, _)| key.starts_with(prefix));
        Ok(under.map(|(key, body)| (key.clone(), body.len() as u64)).collect())
    }

    async fn range(&self, _: &str, key: &str, from: u64, to: u64) -> Result<Vec<u8>, Failure> {
        let body = &self.objects.lock().unwrap()[key];
        // Short answers, so that lines are cut in the middle.
        let to = to.min(from + 7).min(body.len() as u64);
        Ok(body[usize::try_from(from).unwrap()..usize::try_from(to).unwrap()].to_vec())
    }
}

impl Store for World {
    /// Products whose id ends with 7 count as large.
    async fn read_small_docs(&self, keys: &[ProductKey]) -> Result<SmallDocs, LedgerError> {
        let docs = self.docs.lock().unwrap();
        let (large, small): (Vec<_>, Vec<_>) =
            keys.iter().filter(|key| docs.contains_key(key)).cloned().partition(|key| key.id().ends_with('7'));
        let docs = small.into_iter().map(|key| (key.clone(), Ok(docs[&key].clone()))).collect();
        Ok(SmallDocs { docs, large, parted: vec![] })
    }

    async fn read_large_doc(&self, key: &ProductKey) -> Result<Option<DesiredDoc>, LedgerError> {
        assert!(key.id().ends_with('7'), "{key} is small");
        Ok(self.docs.lock().unwrap().get(key).cloned())
    }

    async fn read_parts(&self, key: &ProductKey) -> Result<Vec<(Option<PartName>, DesiredDoc)>, LedgerError> {
        unreachable!("{key} does not come in parts")
    }

    fn part_of(&self, product: &Product) -> Option<PartName> {
        product.url.as_ref().and_then(|_| PartName::of_storefront(product))
    }

    async fn put_desired(&self, key: &ProductKey, doc: &DesiredDoc, _: i64) -> Result<DesiredOutcome, LedgerError> {
        let mut docs = self.docs.lock().unwrap();
        if docs.get(key).is_some_and(|known| known.version > doc.version) {
            return Ok(DesiredOutcome::Stale);
        }
        docs.insert(key.clone(), doc.clone());
        Ok(DesiredOutcome::Written)
    }

    async fn brought(&self, _: &str, _: Option<&PartName>) -> Result<Vec<Brought>, LedgerError> {
        let notes = self.notes.lock().unwrap();
        let item = |version: &Version| [("version".to_owned(), version.as_str().into())].into();
        Ok(notes.iter().filter_map(|(id, version)| Brought::of("N#demo#0", id, &item(version))).collect())
    }

    async fn note_brought(&self, key: &ProductKey, _: Option<&PartName>, version: &Version) -> Result<(), LedgerError> {
        self.notes.lock().unwrap().insert(key.id().to_owned(), version.clone());
        Ok(())
    }

    async fn strike_off_brought(&self, note: &Brought, _: i64) -> Result<(), LedgerError> {
        let mut notes = self.notes.lock().unwrap();
        if notes.get(&note.id).is_some_and(|version| version.as_str() == note.version) {
            notes.remove(&note.id);
        }
        Ok(())
    }

    async fn watermark(&self, name: &str) -> Result<Option<String>, LedgerError> {
        Ok(self.watermarks.lock().unwrap().get(name).cloned())
    }

    async fn move_watermark(&self, name: &str, from: Option<&str>, to: &str) -> Result<bool, LedgerError> {
        let mut watermarks = self.watermarks.lock().unwrap();
        let moved = watermarks.get(name).map(String::as_str) == from;
        if moved {
            watermarks.insert(name.to_owned(), to.to_owned());
        }
        Ok(moved)
    }
}

impl Bus for World {
    async fn announce(&self, announcements: &[Announcement]) -> Vec<Result<(), Failure>> {
        if self.patience.fetch_sub(announcements.len().min(1), Ordering::Relaxed) == 0 {
            self.patience.store(usize::MAX, Ordering::Relaxed);
            return vec![Err(Failure::transient("announce_failed", "deaf")); announcements.len()];
        }
        self.announced.lock().unwrap().extend(announcements.iter().map(|one| format!("{one:?}")));
        vec![Ok(()); announcements.len()]
    }
}

impl Clock for World {
    fn now_ms(&self) -> i64 {
        i64::try_from(self.now.fetch_add(self.pace.load(Ordering::Relaxed), Ordering::Relaxed)).unwrap()
    }
}

fn version(n: u64, position: u64) -> Version {
    Version::new(1_000 * n, "0", position)
}

fn key(id: &str) -> ProductKey {
    ProductKey::new("demo", id).unwrap()
}

fn product(id: &str) -> Product {
    Product {
        source: "demo".into(),
        id: id.into(),
        group: None,
        sku: None,
        name: Localized::default().with("en", "Shirt"),
        description: Localized::default(),
        brand: None,
        categories: vec![],
        attributes: vec![],
        options: vec![],
        variants: vec![Variant {
            sku: id.into(),
            title: "Shirt".into(),
            options: vec![],
            prices: vec![Price { currency: "SAR".into(), amount: "1".parse().unwrap(), list_amount: None }],
            stock: 1,
            images: vec![],
            facts: None,
        }],
        images: vec![],
        url: None,
        withdrawn: false,
        facts: None,
        warnings: vec![],
        made_skus: Default::default(),
        stock_said: Default::default(),
    }
}

impl World {
    fn new() -> Self {
        let world = Self::default();
        world.patience.store(usize::MAX, Ordering::Relaxed);
        world
    }

    /// A full feed as `normalize` leaves it: sorted parts of a few ids each, products in the
    /// ledger.
    fn feed(&self, n: u64, ids: &[String], complete: bool) -> Request {
        let run = format!("run-{n}");
        for (part, ids) in ids.chunks(3).enumerate() {
            let mut ids = ids.to_vec();
            ids.sort();
            let body = ids.join("\n") + "\n";
            self.objects.lock().unwrap().insert(format!("manifests/demo/{run}/{part:011}.txt"), body.into_bytes());
        }
        let index = serde_json::json!({"parts": format!("manifests/demo/{run}/"), "object": "s3://b/k", "version": version(n, 0), "complete": complete});
        self.objects.lock().unwrap().insert(format!("manifests/demo/{run}.json"), index.to_string().into_bytes());
        for (position, id) in ids.iter().enumerate() {
            self.put(id, &version(n, position as u64));
        }
        Request { bucket: "b".into(), source: "demo".into(), run, force: false, after: None }
    }

    fn put(&self, id: &str, version: &Version) {
        let product = product(id);
        let hash = ContentHash::of(&product);
        let doc = DesiredDoc { product, version: version.clone(), hash, run: "r".into(), provenance: String::new() };
        self.docs.lock().unwrap().insert(key(id), doc);
    }

    /// A partial feed brings a product, as `normalize` does: noted if it is not for sale, then written if nothing newer is there.
    fn bring(&self, id: &str, n: u64, crash: bool) {
        let known = self.docs.lock().unwrap().get(&key(id)).cloned();
        if known.as_ref().is_none_or(|doc| doc.product.withdrawn) {
            self.notes.lock().unwrap().insert(id.to_owned(), version(n, 0));
        }
        if !crash && known.is_none_or(|doc| doc.version <= version(n, 0)) {
            self.put(id, &version(n, 0));
        }
    }

    /// A full feed that may come late: it writes over nothing newer.
    fn late_feed(&self, n: u64, ids: &[String]) -> Request {
        let before = self.docs.lock().unwrap().clone();
        let request = self.feed(n, ids, true);
        for (key, doc) in before {
            if doc.version > version(n, ids.len() as u64) {
                self.docs.lock().unwrap().insert(key, doc);
            }
        }
        Request { force: true, ..request }
    }

    fn noted(&self) -> Vec<String> {
        self.notes.lock().unwrap().keys().cloned().collect()
    }

    fn for_sale(&self) -> BTreeSet<String> {
        let docs = self.docs.lock().unwrap();
        docs.values().filter(|doc| !doc.product.withdrawn).map(|doc| doc.product.id.clone()).collect()
    }

    async fn run(&self, request: &Request) -> Result<Outcome, Failure> {
        let deadline = Deadline::at(60_000);
        let metrics = &self.metrics;
        Withdrawal { manifests: self, store: self, bus: self, clock: self, deadline, max_percent: 20, metrics }
            .run(request)
            .await
    }

    fn withdrawn(&self) -> Vec<String> {
        let docs = self.docs.lock().unwrap();
        let mut ids: Vec<_> =
            docs.values().filter(|doc| doc.product.withdrawn).map(|doc| doc.product.id.clone()).collect();
        ids.sort();
        ids
    }

    fn announced(&self) -> usize {
        std::mem::take(&mut *self.announced.lock().unwrap()).len()
    }
}

fn ids(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| format!("p{n}")).collect()
}

fn accepted(withdrawn: u64, again: u64, left: u64) -> Result<Outcome, Failure> {
    Ok(Outcome::Accepted(WithdrawalReport { withdrawn, again, left }))
}

#[tokio::test]
async fn what_the_next_full_feed_lacks_is_withdrawn_and_comes_back() {
    let world = World::new();
    let first = world.feed(1, &ids(0..20), true);
    assert_eq!(world.run(&first).await, accepted(0, 0, 0), "the first one is only the baseline");
    let second = world.feed(2, &ids(2..22), true);
    assert_eq!(world.run(&second).await, accepted(2, 0, 0));
    assert_eq!(world.withdrawn(), ["p0", "p1"]);
    assert_eq!(world.announced(), 2);
    let doc = world.docs.lock().unwrap()[&key("p0")].clone();
    assert_eq!((doc.version, doc.hash), (version(2, 0), ContentHash::of(&doc.product)));
    // Once more: nothing.
    assert!(matches!(world.run(&second).await, Ok(Outcome::Ignored(_))));
    let third = world.feed(3, &ids(0..22), true);
    assert_eq!(world.run(&third).await, accepted(0, 0, 0));
    assert!(world.withdrawn().is_empty());
}

#[tokio::test]
async fn the_guard_refuses_a_half_empty_feed_and_keeps_the_baseline() {
    let world = World::new();
    world.run(&world.feed(1, &ids(0..20), true)).await.unwrap();
    let half = world.feed(2, &ids(0..15), true);
    assert_eq!(world.run(&half).await, Ok(Outcome::Refused { missing: 5, of: 20 }));
    assert!(world.withdrawn().is_empty() && world.announced() == 0);
    // Exactly a fifth may go; compared is still the first feed.
    let fifth = world.feed(3, &ids(0..16), true);
    assert_eq!(world.run(&fifth).await, accepted(4, 0, 0));
    let emptied = world.feed(4, &ids(0..1), true);
    assert!(matches!(world.run(&emptied).await, Ok(Outcome::Refused { .. })));
    assert_eq!(world.run(&Request { force: true, ..emptied }).await, accepted(15, 0, 0));
}

#[tokio::test]
async fn gaps_old_feeds_and_other_messages_withdraw_nothing() {
    let world = World::new();
    world.run(&world.feed(2, &ids(0..20), true)).await.unwrap();
    let request = world.feed(3, &ids(0..19), false);
    assert!(matches!(world.run(&request).await, Ok(Outcome::Ignored(_))), "{request:?}");
    let older = world.feed(1, &ids(0..19), true);
    assert_eq!(world.run(&older).await, Ok(Outcome::Overtaken(WithdrawalReport::default())));
    let none = Request { bucket: "b".into(), source: "demo".into(), run: "none".into(), force: false, after: None };
    assert!(matches!(world.run(&none).await, Ok(Outcome::Ignored(_))));
    assert!(world.withdrawn().is_empty());
    assert_eq!(Request::parse(&none.message()), Some(none));
    assert_eq!(Request::parse(r#"{"detail-type":"Object Created","detail":{}}"#), None);
}

#[tokio::test]
async fn a_newer_document_wins_and_unknown_ids_are_left() {
    let world = World::new();
    let first = world.feed(1, &ids(0..20), true);
    // A rejected record's id, and one whose document is not in the ledger (any more).
    let rejected = b"bad id \x7f\nunknown\n".to_vec();
    world.objects.lock().unwrap().insert("manifests/demo/run-1/99999999999.txt".into(), rejected);
    world.run(&first).await.unwrap();
    let second = world.feed(2, &ids(2..20), true);
    // Between the feed and the comparison a newer one brought p0 again.
    world.put("p0", &version(3, 0));
    assert_eq!(world.run(&second).await, accepted(1, 0, 3));
    assert_eq!(world.withdrawn(), ["p1"]);
}

#[tokio::test]
async fn what_was_brought_before_there_were_notes_stays_until_a_full_feed_has_it() {
    let world = World::new();
    world.run(&world.feed(1, &ids(0..20), true)).await.unwrap();
    // A partial feed of an earlier version brought a product, which the next full feed does not know.
    world.put("p20", &version(2, 0));
    assert_eq!(world.run(&world.feed(3, &ids(0..20), true)).await, accepted(0, 0, 0));
    assert!(world.withdrawn().is_empty());
    world.run(&world.feed(4, &ids(0..21), true)).await.unwrap();
    assert_eq!(world.run(&world.feed(5, &ids(0..20), true)).await, accepted(1, 0, 0));
    assert_eq!(world.withdrawn(), ["p20"]);
}

#[tokio::test]
async fn what_only_a_partial_feed_brought_is_withdrawn_by_the_next_full_feed_and_then_forgotten() {
    let world = World::new();
    world.run(&world.feed(1, &ids(0..20), true)).await.unwrap();
    for id in ["p20", "p27", "p21"] {
        world.bring(id, 2, false);
    }
    assert_eq!(world.run(&world.feed(3, &ids(0..21), true)).await, accepted(2, 0, 0));
    assert_eq!((world.withdrawn(), world.announced()), (ids_of(&["p21", "p27"]), 2));
    assert_eq!(world.run(&world.feed(4, &ids(0..21), true)).await, accepted(0, 0, 0));
    assert_eq!(world.noted(), Vec::<String>::new());
    // Brought back by a partial feed, and lacking again.
    world.bring("p21", 5, false);
    assert_eq!(world.run(&world.feed(6, &ids(0..21), true)).await, accepted(1, 0, 0));
    assert_eq!(world.withdrawn(), ids_of(&["p21", "p27"]));
}

#[tokio::test]
async fn what_is_newer_than_the_full_feed_stays_and_the_next_one_knows_of_it() {
    let world = World::new();
    world.run(&world.feed(1, &ids(0..20), true)).await.unwrap();
    let second = world.feed(2, &ids(1..20), true);
    // Between the feed and its comparison: one that nobody had, and one that only the first had.
    world.bring("p20", 3, false);
    world.bring("p0", 3, false);
    assert_eq!(world.run(&second).await, accepted(0, 0, 1));
    assert!(world.withdrawn().is_empty());
    assert_eq!(world.run(&world.feed(4, &ids(1..20), true)).await, accepted(2, 0, 0));
    assert_eq!(world.withdrawn(), ids_of(&["p0", "p20"]));
}

#[tokio::test]
async fn a_note_without_its_product_withdraws_nothing_and_the_product_may_still_come() {
    let world = World::new();
    world.run(&world.feed(1, &ids(0..20), true)).await.unwrap();
    for id in ["p20", "p21", "p22", "p23", "p24"] {
        world.bring(id, 2, true);
    }
    assert_eq!(world.run(&world.feed(3, &ids(0..20), true)).await, accepted(0, 0, 0), "nor does the guard count them");
    // The feed of before is delivered again: older than the full feed that lacks it.
    world.bring("p20", 2, false);
    assert_eq!(world.run(&world.feed(4, &ids(0..20), true)).await, accepted(1, 0, 0));
    assert_eq!(world.withdrawn(), ["p20"]);
}

#[tokio::test]
async fn the_guard_counts_what_partial_feeds_brought() {
    let world = World::new();
    world.run(&world.feed(1, &ids(0..20), true)).await.unwrap();
    for id in ids(20..30) {
        world.bring(&id, 2, false);
    }
    let third = world.feed(3, &ids(0..22), true);
    assert_eq!(world.run(&third).await, Ok(Outcome::Refused { missing: 8, of: 30 }));
    assert_eq!((world.withdrawn().len(), world.noted().len()), (0, 10), "all is as it was");
    let fourth = world.feed(4, &ids(0..25), true);
    assert_eq!(world.run(&fourth).await, accepted(5, 0, 0), "5 of 30");
}

#[tokio::test]
async fn a_comparison_that_died_before_announcing_announces_what_was_brought_too() {
    let world = World::new();
    world.run(&world.feed(1, &ids(0..20), true)).await.unwrap();
    world.bring("p20", 2, false);
    let third = world.feed(3, &ids(0..20), true);
    world.patience.store(0, Ordering::Relaxed);
    assert_eq!(world.run(&third).await.unwrap_err().code, "announce_failed");
    world.announced();
    assert_eq!(world.run(&third).await, accepted(0, 1, 0));
    assert_eq!(world.announced(), 1);
}

fn ids_of(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

/// What happens to a source, in the order in which it happens; the numbers are the order in which it was said.
#[derive(Debug, Clone)]
enum Step {
    Partial { n: u64, id: usize, crash: bool },
    Full { n: u64, ids: BTreeSet<usize>, at_once: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let partial =
        (1..40_u64, 0..7_usize, prop::bool::weighted(0.2)).prop_map(|(n, id, crash)| Step::Partial { n, id, crash });
    let full = (1..40_u64, prop::collection::btree_set(0..7_usize, 1..7), any::<bool>())
        .prop_map(|(n, ids, at_once)| Step::Full { n, ids, at_once });
    prop_oneof![2 => partial, 1 => full]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn at_rest_only_what_the_last_full_feed_has_is_for_sale(
        steps in prop::collection::vec(step(), 0..14), last in prop::collection::btree_set(0..7_usize, 1..7),
    ) {
        let world = World::new();
        let named = |ids: &BTreeSet<usize>| ids.iter().map(|n| format!("p{n}")).collect::<Vec<_>>();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (mut waiting, mut seen) = (Vec::new(), BTreeSet::new());
        runtime.block_on(async {
            for step in &steps {
                match step {
                    Step::Partial { n, id, crash } => world.bring(&format!("p{id}"), *n, *crash),
                    Step::Full { n, ids, at_once } if seen.insert(*n) => {
                        let request = world.late_feed(*n, &named(ids));
                        if *at_once { world.run(&request).await.unwrap(); } else { waiting.push(request); }
                    }
                    Step::Full { .. } => {}
                }
            }
            for request in &waiting {
                world.run(request).await.unwrap();
            }
            for n in [100, 101] {
                world.run(&world.late_feed(n, &named(&last))).await.unwrap();
            }
        });
        prop_assert_eq!(world.for_sale(), named(&last).into_iter().collect::<BTreeSet<_>>());
    }
}

#[tokio::test]
async fn without_the_list_of_the_feed_before_a_feed_withdraws_nothing_and_is_the_next_baseline() {
    let world = World::new();
    world.run(&world.feed(1, &ids(0..20), true)).await.unwrap();
    world.objects.lock().unwrap().remove("manifests/demo/run-1.json").expect("the list of the first feed");
    assert_eq!(world.run(&world.feed(2, &ids(1..20), true)).await, accepted(0, 0, 0));
    assert_eq!(world.run(&world.feed(3, &ids(2..20), true)).await, accepted(1, 0, 0));
    assert_eq!(world.withdrawn(), ["p1"]);
}

#[tokio::test]
async fn of_two_full_feeds_read_at_once_the_newer_one_counts_in_either_order() {
    // p20 is only in the older one, p0 in neither, p21 only in the newer one.
    let (older, newer) = (ids(1..21), [ids(1..20), ids(21..22)].concat());
    for newer_first in [false, true] {
        let world = World::new();
        world.run(&world.feed(1, &ids(0..20), true)).await.unwrap();
        let requests = [world.feed(2, &older, true), world.feed(3, &newer, true)];
        // Documents are written by version; `feed` puts what comes last.
        world.put("p20", &version(2, 19));
        if newer_first {
            assert_eq!(world.run(&requests[1]).await, accepted(1, 0, 0));
            assert_eq!(world.withdrawn(), ["p0"]);
            let overtaken = Outcome::Overtaken(WithdrawalReport { withdrawn: 1, again: 0, left: 0 });
            assert_eq!(world.run(&requests[0]).await, Ok(overtaken));
            // A second delivery finds it done.
            let left = Outcome::Overtaken(WithdrawalReport { withdrawn: 0, again: 0, left: 1 });
            assert_eq!(world.run(&requests[0]).await, Ok(left));
            let doc = world.docs.lock().unwrap()[&key("p20")].clone();
            assert_eq!(
                (doc.version, doc.run.as_str()),
                (version(3, 0), "run-3"),
                "as the newer feed would have done it"
            );
        } else {
            assert_eq!(world.run(&requests[0]).await, accepted(1, 0, 0));
            assert_eq!(world.run(&requests[1]).await, accepted(1, 0, 0));
        }
        assert_eq!(
            (world.withdrawn(), world.announced()),
            (vec!["p0".to_owned(), "p20".to_owned()], 2),
            "{newer_first}"
        );
        // What comes next is compared with the newer one.
        assert_eq!(world.run(&world.feed(4, &newer, true)).await, accepted(0, 0, 0));
    }
}

#[tokio::test]
async fn an_empty_full_feed_and_a_feed_in_two_objects_withdraw_nothing() {
    let world = World::new();
    // The first of all may be empty; it is what the next is compared with.
    assert_eq!(world.run(&world.feed(1, &[], true)).await, accepted(0, 0, 0));
    assert_eq!(world.run(&world.feed(2, &ids(0..20), true)).await, accepted(0, 0, 0));
    assert_eq!(world.run(&world.feed(3, &[], true)).await, Ok(Outcome::Refused { missing: 20, of: 20 }));
    // Two halves, each marked as full: neither is taken for the whole.
    assert_eq!(world.run(&world.feed(4, &ids(20..120), true)).await, Ok(Outcome::Refused { missing: 20, of: 20 }));
    assert_eq!(world.run(&world.feed(5, &ids(0..20), true)).await, accepted(0, 0, 0));
    assert!(world.withdrawn().is_empty() && world.announced() == 0);
}

#[tokio::test]
async fn of_few_products_none_may_go_without_a_person() {
    let world = World::new();
    world.run(&world.feed(1, &ids(0..4), true)).await.unwrap();
    assert_eq!(world.run(&world.feed(2, &ids(0..3), true)).await, Ok(Outcome::Refused { missing: 1, of: 4 }));
}

#[tokio::test]
async fn an_attempt_that_died_before_announcing_is_made_good() {
    let world = World::new();
    world.run(&world.feed(1, &ids(0..20), true)).await.unwrap();
    let second = world.feed(2, &ids(3..20), true);
    world.patience.store(0, Ordering::Relaxed);
    assert_eq!(world.run(&second).await.unwrap_err().code, "announce_failed");
    assert_eq!((world.withdrawn().len(), world.announced()), (3, 0));
    assert_eq!(world.run(&second).await, accepted(0, 3, 0));
    assert_eq!(world.announced(), 3);
}

#[tokio::test]
async fn what_does_not_fit_into_one_invocation_goes_on() {
    let world = World::new();
    world.run(&world.feed(1, &ids(0..2000), true)).await.unwrap();
    let mut request = world.feed(2, &ids(350..2000), true);
    world.pace.store(10_000, Ordering::Relaxed);
    let mut invocations = 1;
    loop {
        world.now.store(0, Ordering::Relaxed);
        match world.run(&request).await.unwrap() {
            Outcome::GoOn(rest) => {
                assert!(rest.after > request.after, "no progress");
                request = Request::parse(&rest.message()).unwrap();
                invocations += 1;
            }
            Outcome::Accepted(_) => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(invocations > 1, "it fitted into one");
    assert_eq!((world.withdrawn().len(), world.announced()), (350, 350));
}

#[tokio::test]
async fn a_refusal_is_announced_with_the_way_out_and_a_rest_is_sent() {
    let world = World::new();
    let deadline = Deadline::at(60_000);
    let (metrics, world) = (&world.metrics, &world);
    let withdrawal =
        || Withdrawal { manifests: world, store: world, bus: world, clock: world, deadline, max_percent: 20, metrics };
    let nothing = async |message: String| panic!("sent: {message}");
    world.run(&world.feed(1, &ids(0..2000), true)).await.unwrap();
    let emptied = world.feed(2, &ids(1999..2000), true);
    assert_eq!(withdrawal().handle(&emptied, nothing).await, runtime::Outcome::Done);
    let counted = |name: &str| world.metrics.take(0).iter().find_map(|line| line[name].as_u64());
    assert_eq!(counted("WithdrawalsRefused"), Some(1));
    let said = world.announced.lock().unwrap().pop().unwrap();
    for part in ["FeedFailed", "withdrawal_refused: 1999 of 2000", "20 %"] {
        assert!(said.contains(part), "{said}");
    }
    // The way out that it names, read as it stands in a message.
    world.pace.store(10_000, Ordering::Relaxed);
    let forced = Request { force: true, ..emptied };
    let sent = Mutex::new(String::new());
    let send = async |message: String| {
        *sent.lock().unwrap() = message;
        Ok(())
    };
    assert_eq!(withdrawal().handle(&forced, send).await, runtime::Outcome::Done);
    let rest = Request::parse(&sent.lock().unwrap()).unwrap();
    assert!(rest.force && rest.after.is_some());
    assert!(!world.withdrawn().is_empty());
    assert_eq!(counted("ProductsWithdrawn"), Some(world.withdrawn().len() as u64));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However ids are spread over parts, repeated or cut by reads: the merge is the difference of
    /// the sets, in order.
    #[test]
    fn the_merge_is_the_difference_of_the_sets(
        before in prop::collection::vec(prop::collection::vec("[a-dم]{1,3}", 0..6), 0..5),
        now in prop::collection::vec(prop::collection::vec("[a-dم]{1,3}", 0..6), 0..5),
    ) {
        let world = World::new();
        let parts = |name: &str, lists: &[Vec<String>]| -> Vec<Part> {
            lists.iter().enumerate().map(|(n, ids)| {
                let mut ids = ids.clone();
                ids.sort();
                let body: String = ids.iter().map(|id| format!("{id}\n")).collect();
                let key = format!("{name}/{n}");
                let size = body.len() as u64;
                world.objects.lock().unwrap().insert(key.clone(), body.into_bytes());
                Part::new("b", key, size)
            }).collect()
        };
        let (left, right) = (parts("before", &before), parts("now", &now));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let found = runtime.block_on(async {
            let before = Ids::open(&world, left, None).await.unwrap();
            let now = Ids::open(&world, right, None).await.unwrap();
            let mut missing = Missing::new(before, now).await.unwrap();
            let mut found = Vec::new();
            while let Some(id) = missing.next().await.unwrap() {
                found.push(id);
            }
            (found, missing.compared)
        });
        let set = |lists: &[Vec<String>]| lists.iter().flatten().cloned().collect::<BTreeSet<_>>();
        let wanted: Vec<String> = set(&before).difference(&set(&now)).cloned().collect();
        prop_assert_eq!(found, (wanted, set(&before).len() as u64));
    }
}
