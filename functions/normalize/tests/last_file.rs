//! Lines that say what the last file of their part said are passed over, and everything is as if
//! each had been read.
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::common;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use common::World;
use ledger::Counts;
use ledger::core::{Item, ItemKey};
use proptest::prelude::*;
use runtime::Outcome;

const MAPPING: &str = "\
source: acme
form: csv
group: { by: id }
product: { id: id, name: { en: title }, variants: { sku: sku, price: { from: eur, currency: EUR } }, options: [{ name: { is: Size }, value: size }] }
parts:
  stock: { form: csv, match: { sku: article }, owns: { stock: pieces, price: { from: usd, currency: USD } } }
";
/// The variants of three products.
const SKUS: [&str; 6] = ["A-S", "A-L", "B-S", "B-L", "C-S", "C-L"];
const INDEX: &str = "manifests/.lines/acme/stock";
const DAY_MS: i64 = 86_400_000;

async fn world() -> World {
    let world = World::new();
    let message = world.upload("config/sources/acme.yaml", MAPPING);
    assert_eq!(world.configure(&message).await, Outcome::Done);
    deliver(&world, "all.csv", &catalogue("A,B", "Kettle")).await;
    world
}

fn catalogue(ids: &str, title: &str) -> String {
    let row = |sku: &&str| {
        let (id, size) = sku.split_once('-').unwrap();
        ids.contains(id).then(|| format!("{id},{title},{sku},{size},10.00\n"))
    };
    format!("id,title,sku,size,eur\n{}", SKUS.iter().filter_map(row).collect::<String>())
}

fn stock(says: &[(usize, u8)]) -> String {
    let line = |(sku, pieces): &(usize, u8)| format!("{},{pieces}\n", SKUS[*sku]);
    format!("article,pieces\n{}", says.iter().map(line).collect::<String>())
}

async fn deliver(world: &World, name: &str, body: &str) -> Counts {
    let message = world.upload(&format!("incoming/acme/{name}"), body);
    assert_eq!(world.read(&message).await, Outcome::Done);
    world.run(&message).counts
}

/// Items of lines that were read since the last look.
fn lines_read(world: &World) -> usize {
    let of = |call: &ledger::Call| match call {
        ledger::Call::Read(keys) => keys.iter().filter(|key| key.sk.starts_with("line#")).count(),
        _ => 0,
    };
    world.ledger.table().take_calls().iter().map(of).sum()
}

fn pieces(world: &World) -> Vec<i32> {
    let of = |id: &str| world.doc(&format!("acme:{id}")).map(|doc| doc.product.variants);
    ["A", "B", "C"].into_iter().filter_map(of).flatten().map(|variant| variant.stock).collect()
}

const FOUR: [(usize, u8); 4] = [(0, 5), (1, 6), (2, 7), (3, 8)];

#[tokio::test]
async fn what_the_last_file_said_costs_no_read_and_counts_as_unchanged() {
    let world = world().await;
    deliver(&world, "stock/a.csv", &stock(&FOUR)).await;
    let said = world.doc("acme:A").unwrap().product.stock_said;
    lines_read(&world);
    world.take_announced();

    let counts = deliver(&world, "stock/b.csv", &stock(&FOUR)).await;
    assert_eq!((counts.read, counts.unchanged, lines_read(&world)), (4, 4, 0));
    assert!(world.take_announced().0.is_empty());
    assert_eq!(world.doc("acme:A").unwrap().product.stock_said, said, "a figure is as old as its line was");

    let counts = deliver(&world, "stock/c.csv", &stock(&[(0, 5), (1, 6), (2, 1), (3, 8), (4, 9)])).await;
    assert_eq!((counts.read, counts.changed, counts.unchanged), (5, 2, 3));
    assert_eq!((counts.waiting, pieces(&world)), (1, vec![5, 6, 1, 8]));
    // Their own items, and those of the changed product's two variants.
    assert_eq!((lines_read(&world), world.take_announced().0), (2 + 2, vec!["acme:B".to_owned()]));
    // What a line takes back is new, whatever the file before it said of others.
    let counts = deliver(&world, "stock/d.csv", &stock(&[(0, 5), (1, 6), (2, 7), (3, 8)])).await;
    assert_eq!((counts.changed, pieces(&world)), (1, vec![5, 6, 7, 8]));
}

#[tokio::test]
async fn a_line_that_waits_is_read_by_every_file_and_waits_on() {
    let world = world().await;
    let file = stock(&[(0, 5), (1, 6), (4, 7), (5, 8)]);
    deliver(&world, "stock/a.csv", &file).await;
    world.now.fetch_add(20 * DAY_MS, Ordering::SeqCst);
    for (name, read) in [("b", 4), ("c", 2)] {
        lines_read(&world);
        let counts = deliver(&world, &format!("stock/{name}.csv"), &file).await;
        assert_eq!((counts.unchanged, counts.waiting, lines_read(&world)), (4, 2, read), "{name}");
    }
    world.now.fetch_add(20 * DAY_MS, Ordering::SeqCst);
    let kept = |sku: &str| {
        let key = ItemKey { pk: format!("K#acme#sku#{sku}"), sk: "line#stock".to_owned() };
        ledger::core::lines::Kept::of(&world.ledger.table().memory_item(&key))
    };
    assert!(kept("C-S").expires_ms > world.now.load(Ordering::SeqCst), "40 days after it came");
    deliver(&world, "all.csv", &catalogue("A,B,C", "Kettle")).await;
    assert_eq!(pieces(&world), [5, 6, 0, 0, 7, 8]);
    lines_read(&world);
    deliver(&world, "stock/d.csv", &file).await;
    assert_eq!(lines_read(&world), 4, "a day later all are read");
    deliver(&world, "stock/e.csv", &file).await;
    assert_eq!(lines_read(&world), 0, "it waits no more");
}

#[tokio::test]
async fn every_line_is_read_once_a_day_after_a_replay_and_where_the_index_is_lost() {
    let world = world().await;
    let file = stock(&FOUR);
    let read = async |what: &str, replayed: bool| {
        lines_read(&world);
        let message = world.upload(&format!("incoming/acme/stock/{what}.csv"), &file);
        if replayed {
            world.replayed(&message);
        }
        assert_eq!(world.read(&message).await, Outcome::Done);
        assert_eq!(world.run(&message).counts.read, 4);
        lines_read(&world)
    };
    assert_eq!((read("a", false).await > 0, read("b", false).await), (true, 0));
    assert_eq!((read("replay", true).await, read("c", false).await), (4, 0));
    world.delete(INDEX);
    assert_eq!((read("lost", false).await, read("d", false).await), (4, 0));
    world.damage_object(INDEX);
    assert_eq!((read("damaged", false).await, read("e", false).await), (4, 0));
    world.now.fetch_add(DAY_MS - 1, Ordering::SeqCst);
    assert_eq!(read("f", false).await, 0);
    world.now.fetch_add(1, Ordering::SeqCst);
    assert_eq!((read("day", false).await, read("g", false).await), (4, 0));
    *world.bucket.puts_left.lock().unwrap() = Some(0);
    world.delete(INDEX);
    assert_eq!((read("bucket", false).await, read("h", false).await), (4, 4), "what cannot be kept costs reads");
}

#[tokio::test]
async fn another_file_in_between_has_every_line_read() {
    let world = world().await;
    deliver(&world, "stock/a.csv", &stock(&FOUR)).await;
    let late = world.upload("incoming/acme/stock/late.csv", stock(&[(0, 1), (1, 6), (2, 7), (3, 8)]));
    deliver(&world, "stock/b.csv", &stock(&FOUR)).await;
    // Older than b, newer than what the ledger knows: it gets in, and b is asked for once more.
    assert_eq!(world.read(&late).await, Outcome::Done);
    assert_eq!(pieces(&world)[0], 1);
    let asked = std::mem::take(&mut *world.sent.lock().unwrap());
    assert_eq!(asked.len(), 1);
    let strict = deliver(&world, "stock/c.csv", &stock(&FOUR)).await;
    assert_eq!((strict.changed, pieces(&world)[0]), (1, 5), "the newest file of all did not pass it over");
    assert_eq!(world.read(&asked[0]).await, Outcome::Done);
    assert_eq!(pieces(&world), [5, 6, 7, 8]);
}

#[tokio::test]
async fn an_identifier_that_is_said_twice_and_a_part_that_owns_something_else_are_read() {
    let world = world().await;
    deliver(&world, "stock/a.csv", &stock(&FOUR)).await;
    let counts = deliver(&world, "stock/b.csv", &stock(&[(0, 9), (1, 6), (2, 7), (0, 5)])).await;
    assert_eq!((counts.changed, counts.warnings_by["repeated_record"], pieces(&world)[0]), (2, 1, 5));
    let counts = deliver(&world, "stock/c.csv", &stock(&[(0, 5), (1, 6), (0, 9), (2, 7)])).await;
    assert_eq!((counts.changed, pieces(&world)[0]), (1, 9));
    deliver(&world, "stock/d.csv", &stock(&FOUR)).await;
    let dearer = "article,pieces,usd\nA-S,5,12.00\nA-L,6,\nB-S,7,\nB-L,8,\n";
    let counts = deliver(&world, "stock/e.csv", dearer).await;
    assert_eq!((counts.changed, counts.unchanged), (1, 3));
    // By another mapping the same file says something else.
    let cents = MAPPING.replace("stock: pieces, ", "stock: { from: pieces, table: { '8': '80' } }, ");
    assert_eq!(world.configure(&world.upload("config/sources/acme.yaml", &cents)).await, Outcome::Done);
    let counts = deliver(&world, "stock/f.csv", dearer).await;
    assert_eq!((counts.changed, pieces(&world)), (1, vec![5, 6, 7, 80]));
}

#[tokio::test]
async fn a_run_that_dies_goes_on_by_the_same_index_and_one_that_is_handed_over_leaves_none() {
    let world = world().await;
    let note = "x".repeat(300);
    let file = |pieces: usize| -> String {
        let rows = (0..2_000).map(|n| format!("N-{n},{},{note}\n", if n % 100 == 0 { pieces } else { 3 }));
        format!("article,pieces,note\nA-S,{pieces},\n{}", rows.collect::<String>())
    };
    let ids: String = (0..2_000).map(|n| format!("N{n},Kettle,N-{n},,10.00\n")).collect();
    deliver(&world, "many.csv", &format!("id,title,sku,size,eur\n{ids}")).await;
    deliver(&world, "stock/a.csv", &file(4)).await;
    let message = world.upload("incoming/acme/stock/b.csv", file(5));
    world.fail_after(Some(7));
    world.take_writes();
    assert!(matches!(world.read(&message).await, Outcome::Failed(_)));
    world.fail_after(None);
    world.now.fetch_add(200_000, Ordering::SeqCst);
    lines_read(&world);
    assert_eq!(world.read(&message).await, Outcome::Done);
    let counts = world.run(&message).counts;
    assert_eq!((counts.read, counts.changed + counts.unchanged), (2_001, 2_001), "{counts:?}");
    assert!(lines_read(&world) < 200);
    let stock = |id: &str| world.doc(&format!("acme:{id}")).unwrap().product.variants[0].stock;
    assert_eq!((stock("A"), stock("N0"), stock("N1"), stock("N1900")), (5, 5, 3, 5));

    let message = world.upload("incoming/acme/stock/c.csv", file(6));
    world.tick.store(1_000, Ordering::SeqCst);
    let mut handed_over = 0;
    for invocation in 0.. {
        assert!(invocation < 60, "it comes to no end");
        let deadline = world.now.load(Ordering::SeqCst) + 40_000;
        assert_eq!(world.read_until(&message, &format!("worker-{invocation}"), deadline).await, Outcome::Done);
        handed_over += world.sent.lock().unwrap().drain(..).count();
        if world.run(&message).status == ledger::RunStatus::Completed {
            break;
        }
    }
    world.tick.store(0, Ordering::SeqCst);
    assert!(handed_over > 0 && lines_read(&world) < 200, "each goes by the index");
    assert_eq!((world.run(&message).counts.read, stock("A"), stock("N1900")), (2_001, 6, 6));
    let counts = deliver(&world, "stock/d.csv", &file(6)).await;
    assert_eq!((counts.unchanged, lines_read(&world)), (2_001, 2_001));
}

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    /// A stock list comes.
    Stock(Vec<(usize, u8)>),
    /// The catalogue comes: with the third product, or without.
    Catalogue(bool, u8),
    /// The writes after so many fail, until the next file.
    Fails(u64),
    /// Time goes by, in hours.
    Hours(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let line = (0..SKUS.len(), 1..4_u8);
    prop_oneof![
        6 => proptest::collection::vec(line, 4..9).prop_map(Step::Stock),
        1 => (any::<bool>(), 0..3_u8).prop_map(|(all, title)| Step::Catalogue(all, title)),
        1 => (0..4_u64).prop_map(Step::Fails),
        1 => (1..300_i64).prop_map(Step::Hours),
    ]
}

/// Everything that is known of products and lines.
async fn lived(steps: &[Step], order: u64, by_index: bool) -> (BTreeMap<ItemKey, Item>, usize) {
    let world = world().await;
    let mut read = 0;
    let mut late: Vec<String> = Vec::new();
    for (n, step) in steps.iter().enumerate() {
        let message = match step {
            Step::Stock(says) => world.upload(&format!("incoming/acme/stock/{n}.csv"), stock(says)),
            Step::Catalogue(all, title) => {
                let ids = if *all { "A,B,C" } else { "A,B" };
                world.upload(&format!("incoming/acme/{n}.csv"), catalogue(ids, &format!("Kettle {title}")))
            }
            Step::Fails(writes) => {
                world.take_writes();
                world.fail_after(Some(*writes));
                continue;
            }
            Step::Hours(hours) => {
                world.now.fetch_add(hours * 3_600_000, Ordering::SeqCst);
                continue;
            }
        };
        if (order >> (n % 60)) & 1 == 1 {
            late.push(message);
            continue;
        }
        for message in std::iter::once(message).chain(late.drain(..)) {
            if !by_index {
                world.delete(INDEX);
            }
            lines_read(&world);
            while matches!(world.read(&message).await, Outcome::Failed(_)) {
                world.fail_after(None);
                world.now.fetch_add(200_000, Ordering::SeqCst);
            }
            read += lines_read(&world);
            world.fail_after(None);
        }
        for _ in 0..20 {
            let asked = std::mem::take(&mut *world.sent.lock().unwrap());
            for message in asked {
                world.read(&message).await;
            }
        }
    }
    (world.ledger.table().memory().items(|key| key.pk.starts_with(['K', 'P'])), read)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// With the index, the ledger knows the same of lines and products as without, to the last
    /// version; late files, crashes and time included.
    #[test]
    fn what_is_passed_over_is_as_if_it_had_been_read(steps in proptest::collection::vec(step(), 2..14), order in any::<u64>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (by_index, less) = runtime.block_on(lived(&steps, order, true));
        let (by_reading, all) = runtime.block_on(lived(&steps, order, false));
        prop_assert_eq!(by_index, by_reading);
        prop_assert!(less <= all, "{less} reads by the index, {all} without");
    }
}
