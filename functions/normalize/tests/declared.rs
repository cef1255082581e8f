//! A catalogue, a stock list by SKU and prices by currency: one product, in every order, and nothing written for what is known.
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::common;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use catalog::{IdKind, Identifier, PartName, Product, WarningCode};
use common::World;
use ledger::core::lines::{self, Kept};
use ledger::{Counts, Ledger, ProductState};
use proptest::prelude::*;
use runtime::Outcome;
use serde_json::json;

const MAPPING: &str = "\
source: acme
form: csv
group: { by: id }
product: { id: id, name: { en: title, de: titel }, variants: { sku: sku, price: { from: eur, currency: EUR }, facts: { gtin: ean } }, options: [{ name: { is: Size }, value: size }] }
parts:
  stock:
    form: csv
    match: { sku: article }
    owns: { stock: pieces }
  prices:
    form: csv
    match: { gtin: ean }
    owns: { prices: [{ from: usd, currency: USD }, { from: sar, currency: SAR }] }
    empty: delete
";

const CATALOGUE: &str = "id,title,titel,sku,size,eur,ean\n\
    7,Kettle,Kessel,K-S,S,10.00,4006381333931\n7,Kettle,Kessel,K-L,L,12.00,4006381333948\n8,Pan,Pfanne,P-1,,20.00,\n";
const STOCK: &str = "article,pieces\nK-S,5\nP-1,2\nK-L,3\n";
const PRICES: &str = "ean,usd,sar\n04006381333931,11.00,41.00\n4006381333948,13.00,\n";

async fn world() -> World {
    let world = World::new();
    put(&world, MAPPING).await;
    world
}

async fn put(world: &World, mapping: &str) {
    let message = world.upload("config/sources/acme.yaml", mapping);
    assert_eq!(world.configure(&message).await, Outcome::Done);
    let told = world.announced.lock().unwrap().pop().unwrap();
    assert_eq!(told["problems"], json!([]), "{told}");
}

async fn deliver(world: &World, key: &str, body: &str) -> Counts {
    let message = world.upload(&format!("incoming/acme/{key}"), body);
    assert_eq!(world.read(&message).await, Outcome::Done);
    world.run(&message).counts
}

fn told(product: &Product) -> Vec<(String, i32, BTreeMap<String, String>)> {
    let prices = |variant: &catalog::Variant| {
        variant.prices.iter().map(|price| (price.currency.clone(), price.amount.to_string())).collect()
    };
    product.variants.iter().map(|variant| (variant.sku.clone(), variant.stock, prices(variant))).collect()
}

fn product(world: &World, id: &str) -> Option<Product> {
    world.doc(&format!("acme:{id}")).map(|doc| doc.product)
}

fn state(world: &World, id: &str) -> ProductState {
    let key = format!("acme:{id}").parse().unwrap();
    ProductState::of(&world.ledger.table().memory_item(&ledger::core::state::item_key(&key)))
}

fn kept(world: &World, part: &str, kind: IdKind, value: &str) -> Kept {
    let about = Identifier::new(kind, value).unwrap();
    let key = lines::line_key("acme", &PartName::from_text(part), &about);
    Kept::of(&world.ledger.table().memory_item(&key))
}

async fn waiting<T: ledger::Table>(ledger: &Ledger<T>) -> usize {
    let mut waiting = 0;
    for shard in lines::shards() {
        waiting += ledger.waiting_lines(&shard, 100).await.unwrap().len();
    }
    waiting
}

#[tokio::test]
async fn three_files_come_to_one_product_in_every_order() {
    let files = [("catalogue.csv", CATALOGUE), ("stock/a.csv", STOCK), ("prices/a.csv", PRICES)];
    let mut whole = None;
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let world = world().await;
        for file in order {
            let (key, body) = files[file];
            deliver(&world, key, body).await;
        }
        // Each order is one of its own times.
        let timeless = |id| Product { stock_said: BTreeMap::new(), ..product(&world, id).unwrap() };
        let (kettle, pan) = (timeless("7"), timeless("8"));
        let right = whole.get_or_insert_with(|| (kettle.clone(), pan.clone()));
        assert_eq!((&kettle, &pan), (&right.0, &right.1), "{order:?}");
        let amounts = |all: &[(&str, &str)]| {
            all.iter().map(|(currency, amount)| ((*currency).to_owned(), (*amount).to_owned())).collect()
        };
        assert_eq!(
            told(&kettle),
            [
                ("K-S".to_owned(), 5, amounts(&[("EUR", "10.00"), ("SAR", "41.00"), ("USD", "11.00")])),
                ("K-L".to_owned(), 3, amounts(&[("EUR", "12.00"), ("USD", "13.00")])),
            ]
        );
        assert_eq!(pan.variants[0].stock, 2);
        assert!(!kettle.withdrawn && kettle.name.get("de") == Some("Kessel"));
        assert!(world.rejected().is_empty(), "{:?}", world.rejected());
        assert_eq!(waiting(&world.ledger).await, 0, "{order:?}");
        for id in ["7", "8"] {
            let (state, doc) = (state(&world, id), world.doc(&format!("acme:{id}")).unwrap());
            assert_eq!(state.hash, Some(doc.hash), "what is desired is what the doc says");
            assert!(state.pending_since.is_some());
        }
        let last = world.take_announced().0;
        assert!(last.iter().any(|id| id == "acme:7") && last.iter().any(|id| id == "acme:8"));

        // The same again: nothing is written, nothing announced.
        for (key, body) in files {
            let counts = deliver(&world, key, body).await;
            assert_eq!((counts.changed, counts.unchanged), (0, counts.read), "{key} {counts:?}");
        }
        assert!(world.take_announced().0.is_empty());
    }
}

#[tokio::test]
async fn an_unchanged_line_costs_one_read_and_a_changed_one_moves_its_product_only() {
    let world = world().await;
    deliver(&world, "catalogue.csv", CATALOGUE).await;
    deliver(&world, "stock/a.csv", STOCK).await;
    world.take_announced();
    world.ledger.table().take_calls();
    let many = format!("{STOCK}{}", (0..4).map(|n| format!("P-1,2\nK-L,3\nK-S,5\nX{n},1\n")).collect::<String>());
    // More than three: of so few even repetitions are noted.
    deliver(&world, "stock/b.csv", &format!("{STOCK}K-S,5\n")).await;
    let calls = world.ledger.table().take_calls();
    let lines = |call: &ledger::Call| match call {
        ledger::Call::Read(keys) => keys.iter().filter(|key| key.pk.starts_with("K#")).count(),
        ledger::Call::Query(pk) if pk.starts_with("K#") || pk.starts_with("P#") => usize::MAX,
        _ => 0,
    };
    assert_eq!(calls.iter().map(lines).sum::<usize>(), 3, "{calls:?}");
    let products = |call: &ledger::Call| matches!(call, ledger::Call::Write(key, _) if key.pk.starts_with(['K', 'P']));
    assert!(!calls.iter().any(products), "{calls:?}");

    world.ledger.table().take_calls();
    let counts = deliver(&world, "stock/c.csv", "article,pieces\nK-S,4\nP-1,2\nK-L,3\nP-1,2\n").await;
    assert_eq!((counts.changed, counts.unchanged), (1, 3));
    assert_eq!(world.take_announced().0, ["acme:7"]);
    assert_eq!(told(&product(&world, "7").unwrap())[0].1, 4);
    // What it cost: its own write, the document's and the state's; nothing of it grows with the file.
    let calls = world.ledger.table().take_calls();
    let of = |key: &ledger::core::ItemKey| key.pk.starts_with(['K', 'P']);
    let writes = calls.iter().filter(|call| matches!(call, ledger::Call::Write(key, true) if of(key))).count();
    let reads = calls.iter().map(|call| match call {
        ledger::Call::Read(keys) => keys.iter().filter(|key| of(key)).count(),
        ledger::Call::Query(pk) => usize::from(pk.starts_with(['K', 'P'])),
        _ => 0,
    });
    // Three lines as they were; of the changed one its products, the document, the catalogue's part, and the four lines of its two variants.
    assert_eq!((writes, reads.sum::<usize>()), (3, 3 + 1 + 1 + 1 + 4), "{calls:?}");
    // The figure is as old as its line, not as the catalogue; and its sibling's is as old as before.
    let said = |id: &str| product(&world, id).unwrap().stock_said;
    let at = |sku: &str| kept(&world, "stock", IdKind::Sku, sku).statement.newest().cloned();
    assert_eq!((said("7").get("K-S").cloned(), said("8").get("P-1").cloned()), (at("K-S"), at("P-1")));
    assert!(said("7")["K-L"] < said("7")["K-S"], "{:?}", said("7"));
    let version = world.doc("acme:7").unwrap().version;
    assert_eq!(
        version.object_time_ms(),
        kept(&world, "stock", IdKind::Sku, "K-S").statement.newest().unwrap().object_time_ms()
    );
    let counts = deliver(&world, "stock/d.csv", &many).await;
    assert_eq!((counts.changed, counts.waiting_by.get("product_awaited").copied()), (5, Some(4)), "{counts:?}");
}

#[tokio::test]
async fn a_line_without_a_product_waits_and_is_no_product() {
    let world = world().await;
    let counts = deliver(&world, "stock/a.csv", STOCK).await;
    assert_eq!((counts.changed, counts.rejected, counts.waiting_by["product_awaited"]), (3, 0, 3));
    assert_eq!(waiting(&world.ledger).await, 3);
    let line = kept(&world, "stock", IdKind::Sku, "P-1");
    assert!(line.waits_since.is_some() && line.expires_ms > 0);
    assert!(product(&world, "8").is_none() && world.take_announced().0.is_empty());
    // Said again, it waits on; said otherwise, too.
    let counts = deliver(&world, "stock/b.csv", "article,pieces\nP-1,9\nK-S,5\n").await;
    assert_eq!((counts.changed, counts.unchanged, counts.waiting_by["product_awaited"]), (1, 1, 2));
    assert_eq!(kept(&world, "stock", IdKind::Sku, "P-1").waits_since, line.waits_since);
    deliver(&world, "catalogue.csv", CATALOGUE).await;
    assert_eq!(product(&world, "8").unwrap().variants[0].stock, 9);
    assert_eq!(waiting(&world.ledger).await, 0);
    assert_eq!(kept(&world, "stock", IdKind::Sku, "P-1").expires_ms, 0, "what is laid over a product does not expire");
}

#[tokio::test]
async fn late_older_files_and_files_cut_off_take_nothing_away() {
    let world = world().await;
    deliver(&world, "catalogue.csv", CATALOGUE).await;
    let older = world.upload("incoming/acme/stock/a.csv", "article,pieces\nK-S,50\nP-1,20\n");
    deliver(&world, "stock/b.csv", STOCK).await;
    // A figure that is said again is as new as that; nothing else moves.
    let now = || Product { stock_said: BTreeMap::new(), ..product(&world, "7").unwrap() };
    let before = now();
    world.read(&older).await;
    let counts = world.run(&older).counts;
    assert_eq!((counts.changed, counts.stale), (0, 2));
    // A full stock list that lacks a line: only the catalogue says what there is.
    let message = world.upload_as("incoming/acme/stock/c.csv", "article,pieces\nK-S,5\n", true);
    world.read(&message).await;
    assert_eq!(now(), before);
    assert!(
        !world.sent.lock().unwrap().iter().any(|body| body.contains("withdraw")),
        "{:?}",
        world.sent.lock().unwrap()
    );
    let message = world.upload("incoming/acme/stock/d.csv.gz", b"\x1f\x8b\x08\0\0");
    world.read(&message).await;
    assert_eq!(now(), before);
}

#[tokio::test]
async fn absent_empty_and_delete_are_what_the_mapping_says() {
    let world = world().await;
    deliver(&world, "catalogue.csv", CATALOGUE).await;
    deliver(&world, "prices/a.csv", PRICES).await;
    let sar = |world: &World| told(&product(world, "7").unwrap())[0].2.get("SAR").cloned();
    // A column that is not there says nothing.
    deliver(&world, "prices/b.csv", "ean,usd\n4006381333931,11.50\n").await;
    assert_eq!(sar(&world).as_deref(), Some("41.00"));
    // A blank cell takes back, as the mapping says.
    deliver(&world, "prices/c.csv", "ean,usd,sar\n4006381333931,11.50,\n").await;
    assert_eq!(sar(&world), None);
    // A blank figure says nothing, as the mapping does not say otherwise.
    deliver(&world, "stock/a.csv", STOCK).await;
    deliver(&world, "stock/b.csv", "article,pieces\nP-1,\n").await;
    assert_eq!(product(&world, "8").unwrap().variants[0].stock, 2);
    put(
        &world,
        &MAPPING.replace(
            "    owns: { stock: pieces }",
            "    owns: { stock: pieces }\n    empty: clear\n    delete: '= gone == \"x\"'",
        ),
    )
    .await;
    deliver(&world, "stock/c.csv", "article,pieces,gone\nP-1,,\n").await;
    assert_eq!(product(&world, "8").unwrap().variants[0].stock, 0);
    deliver(&world, "stock/d.csv", "article,pieces,gone\nK-S,7,x\n").await;
    assert_eq!(
        told(&product(&world, "7").unwrap())[0].1,
        0,
        "what the catalogue says counts again, and it says nothing"
    );
}

#[tokio::test]
async fn what_names_nothing_or_says_what_cannot_be_is_rejected_with_the_line_of_the_mapping() {
    let world = world().await;
    let counts = deliver(&world, "stock/a.csv", "article,pieces\n,5\n4.00638E+12,5\nK-S,many\nK-S,5\nK-S,6\n").await;
    assert_eq!((counts.rejected, counts.changed), (3, 2));
    let rejected = world.rejected();
    let reasons: Vec<&str> = rejected.iter().map(|line| line["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["missing_field", "invalid_id", "invalid_stock", "repeated_record"]);
    assert!(rejected[0]["message"].as_str().unwrap().contains("acme.yaml line "), "{}", rejected[0]);
    assert_eq!(rejected[3]["productId"], "K-S");
    let message = world.upload("incoming/acme/stock/b.csv", "artikel,pieces\nK-S,5\n");
    world.read(&message).await;
    assert!(world.run(&message).reason.unwrap().starts_with("csv_header"));
    let message = world.upload("incoming/acme/stock/c.csv", "article,count\nK-S,5\n");
    world.read(&message).await;
    assert!(world.run(&message).reason.unwrap().contains("none of the columns"));
}

#[tokio::test]
async fn products_of_before_get_their_parts_with_the_next_catalogue() {
    let world = World::new();
    let plain = MAPPING.split("parts:").next().unwrap();
    put(&world, plain).await;
    deliver(&world, "catalogue.csv", CATALOGUE).await;
    put(&world, MAPPING).await;
    let counts = deliver(&world, "stock/a.csv", STOCK).await;
    assert_eq!(counts.waiting_by["product_awaited"], 3);
    let counts = deliver(&world, "catalogue.csv", CATALOGUE).await;
    assert_eq!(counts.changed, 2);
    assert_eq!(told(&product(&world, "7").unwrap()).iter().map(|one| one.1).collect::<Vec<_>>(), [5, 3]);
    assert_eq!(deliver(&world, "catalogue.csv", CATALOGUE).await.changed, 0);
    // Without parts again, the catalogue alone counts, and is known from then on.
    put(&world, plain).await;
    assert_eq!(deliver(&world, "catalogue.csv", CATALOGUE).await.changed, 2);
    assert_eq!(told(&product(&world, "7").unwrap())[0].1, 0);
    assert_eq!(deliver(&world, "catalogue.csv", CATALOGUE).await.changed, 0);
}

#[tokio::test]
async fn a_product_without_a_price_waits_for_its_price_list() {
    let world = World::new();
    put(&world, &MAPPING.replace(", price: { from: eur, currency: EUR }", "")).await;
    deliver(&world, "catalogue.csv", CATALOGUE).await;
    assert!(product(&world, "7").unwrap().withdrawn, "nobody could buy it");
    deliver(&world, "prices/a.csv", PRICES).await;
    let kettle = product(&world, "7").unwrap();
    assert!(!kettle.withdrawn && kettle.variants[0].prices.len() == 2, "{kettle:?}");
}

#[tokio::test]
async fn what_a_crash_left_half_done_is_finished_by_the_next_delivery() {
    for failing in 0..4 {
        let world = world().await;
        deliver(&world, "catalogue.csv", CATALOGUE).await;
        world.take_announced();
        let message = world.upload("incoming/acme/stock/a.csv", STOCK);
        world.take_writes();
        world.fail_after(Some(failing));
        let first = world.read_until(&message, "one", i64::MAX / 2).await;
        world.fail_after(None);
        if first != Outcome::Done {
            assert_eq!(world.read_until(&message, "two", i64::MAX / 2).await, Outcome::Done);
        }
        assert_eq!(told(&product(&world, "7").unwrap()).iter().map(|one| one.1).collect::<Vec<_>>(), [5, 3]);
        assert_eq!(product(&world, "8").unwrap().variants[0].stock, 2);
        let ids = world.take_announced().0;
        assert!(ids.contains(&"acme:7".to_owned()) && ids.contains(&"acme:8".to_owned()), "{failing}: {ids:?}");
        let state = state(&world, "7");
        assert_eq!(state.hash, Some(world.doc("acme:7").unwrap().hash));
    }
}

#[tokio::test]
async fn a_built_in_source_gets_a_stock_list_by_sku() {
    let world = World::new();
    let mapping = "source: canonical\nparts:\n  stock:\n    form: csv\n    match: { sku: sku }\n    owns: { stock: n, price: { from: usd, currency: USD } }\n";
    let message = world.upload("config/sources/canonical.yaml", mapping);
    assert_eq!(world.configure(&message).await, Outcome::Done);
    let read = async |key: &str, body: String| {
        let message = world.upload(key, body);
        assert_eq!(world.read(&message).await, Outcome::Done);
        world.run(&message).counts
    };
    read("incoming/canonical/stock/a.csv", "sku,n,usd\n1-S,17,6.50\n".into()).await;
    read("incoming/canonical/all.json", json!([common::product("1", "23.80")]).to_string()).await;
    let shirt = world.doc("canonical:1").unwrap().product;
    assert_eq!((shirt.variants[0].stock, shirt.variants[0].prices.len()), (17, 2));
    let counts = read("incoming/canonical/all.json", json!([common::product("1", "23.80")]).to_string()).await;
    assert_eq!(counts.unchanged, 1);
}

#[tokio::test]
async fn a_figure_is_as_old_as_its_own_line_and_what_no_line_speaks_of_as_the_catalogue() {
    let world = world().await;
    deliver(&world, "stock/a.csv", "article,pieces\nK-S,5\n").await;
    deliver(&world, "catalogue.csv", CATALOGUE).await;
    let said = || product(&world, "7").unwrap().stock_said;
    let first = said();
    assert!(first["K-S"] < first["K-L"], "the catalogue came after the stock list: {first:?}");
    deliver(&world, "stock/b.csv", "article,pieces\nK-L,2\n").await;
    let second = said();
    assert_eq!(second["K-S"], first["K-S"], "a sibling's line says nothing of when this was said");
    assert!(second["K-L"] > first["K-L"]);
    let doc = world.doc("acme:7").unwrap();
    assert_eq!(doc.version, second["K-L"], "the document is as new as what was said last");
    // The same figure again, in a file so small that it is noted: it is as new as that, and nothing is announced.
    world.take_announced();
    deliver(&world, "stock/c.csv", "article,pieces\nK-S,5\n").await;
    assert!(said()["K-S"] > second["K-L"] && world.take_announced().0.is_empty());
    assert_eq!(said()["K-L"], second["K-L"]);
}

#[tokio::test]
async fn a_price_line_that_more_than_halves_a_price_is_remarked_and_what_the_catalogue_says_beside_it_is_not() {
    let world = world().await;
    let mapping =
        MAPPING.replace("{ from: usd, currency: USD }", "{ from: usd, currency: USD }, { from: eur, currency: EUR }");
    put(&world, &mapping).await;
    deliver(&world, "catalogue.csv", CATALOGUE).await;
    let counts = deliver(&world, "prices/a.csv", "ean,eur\n4006381333931,30.00\n").await;
    assert!(!counts.warnings_by.contains_key("price_drop"), "{counts:?}");
    // The catalogue goes on saying ten euros, which do not count.
    let counts = deliver(&world, "catalogue.csv", &CATALOGUE.replace("Kettle", "Kettle 2")).await;
    assert_eq!((counts.changed, counts.warnings_by.get("price_drop")), (1, None));
    let counts = deliver(&world, "prices/b.csv", "ean,eur\n4006381333931,14.00\n").await;
    assert_eq!(counts.warnings_by.get("price_drop"), Some(&1), "{counts:?}");
    let drops = || {
        let warnings = product(&world, "7").unwrap().warnings.into_iter();
        let drops = warnings.filter(|one| one.code == WarningCode::PriceDrop);
        drops.map(|one| one.message).collect::<Vec<_>>()
    };
    assert_eq!(drops(), ["K-S: EUR 14.00 was 30.00"]);
    deliver(&world, "prices/c.csv", "ean,eur\n4006381333931,14.50\n").await;
    assert!(drops().is_empty());
}

#[tokio::test]
async fn a_line_for_which_there_is_no_room_is_named() {
    let world = world().await;
    let stock = PartName::from_text("stock");
    let about = |value: &str| Identifier::new(IdKind::Sku, value).unwrap();
    let shard = |value: &str| lines::shard(&lines::line_key("acme", &stock, &about(value)));
    let origin = lines::Origin { run: "r".into(), provenance: "p".into() };
    let others = (0..).map(|n| format!("other-{n}")).filter(|value| shard(value) == shard("X-1"));
    for value in others.take(lines::WAITING_IN_SHARD) {
        let line = catalog::Line {
            about: about(&value),
            says: BTreeMap::from([(catalog::line::Field::Stock, catalog::line::Said::Pieces(1))]),
        };
        let says = catalog::line::Statement::default().merged(&line, &catalog::Version::new(1, "0", 0));
        let key = lines::line_key("acme", &stock, &line.about);
        let write = lines::write_line(key, &Kept::default(), &says, &origin, Some(1));
        world.ledger.table().memory().put(&write).unwrap();
    }
    let counts = deliver(&world, "stock/a.csv", "article,pieces\nK-S,5\nX-1,7\n").await;
    assert_eq!(counts.waiting_by.get("line_not_kept"), Some(&1), "{counts:?}");
    let rejected = world.rejected();
    assert_eq!(
        (rejected.len(), &rejected[0]["reason"], &rejected[0]["index"]),
        (1, &json!("line_not_kept"), &json!(1))
    );
    assert_eq!((&rejected[0]["productId"], &rejected[0]["offset"]), (&json!("X-1"), &json!(21)));
    assert!(!kept(&world, "stock", IdKind::Sku, "X-1").is_there(), "the next file brings it again");
}

#[tokio::test]
async fn a_file_in_the_folder_of_a_part_that_is_no_more_is_no_catalogue() {
    let world = world().await;
    deliver(&world, "catalogue.csv", CATALOGUE).await;
    deliver(&world, "stock/a.csv", STOCK).await;
    let (before, plain) = (product(&world, "7").unwrap(), MAPPING.split("parts:").next().unwrap());
    put(&world, plain).await;
    // Even one that could be read as a catalogue.
    let message = world.upload("incoming/acme/stock/b.csv", CATALOGUE.replace("Kettle", "Boiler"));
    assert_eq!(world.read(&message).await, Outcome::Done);
    let run = world.run(&message);
    let reason = run.reason.unwrap();
    assert!(reason.starts_with("part_removed: \"stock\" was a part of acme"), "{reason}");
    assert_eq!((product(&world, "7").unwrap(), run.counts.read), (before, 0));
    // Another folder is a folder.
    assert_eq!(deliver(&world, "2026/catalogue.csv", CATALOGUE).await.changed, 2);
    // Declared again, what it said counts again, and so does the next file.
    put(&world, MAPPING).await;
    deliver(&world, "catalogue.csv", CATALOGUE).await;
    deliver(&world, "stock/c.csv", "article,pieces\nK-S,6\n").await;
    assert_eq!(told(&product(&world, "7").unwrap()).iter().map(|one| one.1).collect::<Vec<_>>(), [6, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_stock_list_whose_reader_is_killed_or_runs_out_of_time_goes_on_and_counts_each_line_once() {
    let world = world().await;
    deliver(&world, "catalogue.csv", CATALOGUE).await;
    let note = "x".repeat(200);
    let rows: String = (0..4_000).map(|n| format!("N-{n},{},{note}\n", n % 50)).collect();
    let message =
        world.upload("incoming/acme/stock/a.csv", format!("article,pieces,note\nK-S,5,\nP-1,2,\nK-L,3,\n{rows}"));
    world.ledger.table().memory().slow_down(Duration::from_millis(1));
    world.tick.store(1_500, Ordering::SeqCst);
    let (mut killed, mut handed_over, mut records) = (0, 0, Vec::new());
    for invocation in 0.. {
        assert!(invocation < 60, "it comes to no end: {records:?}");
        // Every other reader is killed in the middle of a window; its lease has to end. The others have little time.
        let owner = format!("worker-{invocation}");
        let kills = invocation % 2 == 0;
        let deadline = world.now.load(Ordering::SeqCst) + if kills { 10_000_000 } else { 40_000 };
        let reading = world.read_until(&message, &owner, deadline);
        if kills {
            match tokio::time::timeout(Duration::from_millis(150), reading).await {
                Err(_) => killed += 1,
                Ok(outcome) => assert_eq!(outcome, Outcome::Done),
            }
            world.now.fetch_add(200_000, Ordering::SeqCst);
        } else {
            assert_eq!(reading.await, Outcome::Done);
            handed_over += world.sent.lock().unwrap().drain(..).count();
        }
        records.push(world.run(&message).record);
        if world.run(&message).status == ledger::RunStatus::Completed {
            break;
        }
    }
    assert!(killed > 0 && handed_over > 0, "killed {killed}, handed over {handed_over}: {records:?}");
    let counts = world.run(&message).counts;
    assert_eq!((counts.read, counts.rejected, counts.stale), (4_003, 0, 0), "{counts:?}");
    assert_eq!(told(&product(&world, "7").unwrap()).iter().map(|one| one.1).collect::<Vec<_>>(), [5, 3]);
    for n in [0, 1_999, 3_999] {
        let line = kept(&world, "stock", IdKind::Sku, &format!("N-{n}"));
        assert!(line.waits_since.is_some() && line.provenance.contains(&format!("record {}", n + 3)), "{n}: {line:?}");
    }
}

/// A step of a history: which file, and what it says.
fn step() -> impl Strategy<Value = (usize, Vec<(usize, u8)>)> {
    (0..3usize, proptest::collection::vec((0..3usize, 1..6u8), 1..4))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any interleaving of files ends in the product that the newest of each line and record make, whatever order they are read in.
    #[test]
    fn any_order_of_reading_ends_in_the_same_products(steps in proptest::collection::vec(step(), 1..8), order in any::<u64>()) {
        let rows = [("7", "K-S", "S", "4006381333931"), ("7", "K-L", "L", "4006381333948"), ("8", "P-1", "", "")];
        let bodies: Vec<(String, String)> = steps.iter().enumerate().map(|(n, (file, said))| match file {
            0 => {
                let ids: std::collections::BTreeSet<&str> = said.iter().map(|(row, _)| rows[*row].0).collect();
                let amount = said[0].1;
                let lines = rows.iter().filter(|row| ids.contains(row.0));
                let lines: String = lines.map(|(id, sku, size, ean)| format!("{id},T{amount},,{sku},{size},{amount}.00,{ean}\n")).collect();
                (format!("c{n}.csv"), format!("id,title,titel,sku,size,eur,ean\n{lines}"))
            }
            1 => (format!("stock/{n}.csv"), format!("article,pieces\n{}", said.iter().map(|(row, pieces)| format!("{},{pieces}\n", rows[*row].1)).collect::<String>())),
            _ => (format!("prices/{n}.csv"), format!("ean,usd\n{}", said.iter().filter(|(row, _)| *row < 2).map(|(row, usd)| format!("{},{usd}.00\n", rows[*row].3)).collect::<String>())),
        }).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let made = |shuffled: bool| runtime.block_on(async {
            let world = world().await;
            let mut messages: Vec<String> = bodies.iter().map(|(key, body)| world.upload(&format!("incoming/acme/{key}"), body)).collect();
            if shuffled {
                messages.sort_by_key(|message| {
                    let digest = order.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ message.len() as u64;
                    message.bytes().fold(digest, |digest, byte| digest.rotate_left(7).wrapping_mul(31) ^ u64::from(byte))
                });
            }
            for message in &messages {
                world.read(message).await;
            }
            // Strict passes that were asked for.
            for _ in 0..20 {
                let asked = std::mem::take(&mut *world.sent.lock().unwrap());
                if asked.is_empty() {
                    break;
                }
                for message in asked {
                    world.read(&message).await;
                }
            }
            // What a price was before is history, and so depends on the order.
            ["7", "8"].map(|id| product(&world, id)).map(|made| made.map(|mut made| {
                made.warnings.retain(|warning| warning.code != WarningCode::PriceDrop);
                made
            }))
        });
        prop_assert_eq!(made(false), made(true));
    }
}
