//! One product from two storefronts: both languages, both prices, in every order, and nothing written for what is known.
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::common;

use std::collections::BTreeMap;

use catalog::{Failure, Localized, PartName, Product};
use common::World;
use ledger::core::{desired, parts};
use ledger::{DesiredDoc, Ledger};
use runtime::Outcome;
use withdrawal::Manifests;

const KEY: &str = "shein-brightdata:77001";

const HEADER: &str = "product_name,description,initial_price,final_price,currency,in_stock,color,size,main_image,category_url,url,\
category_tree,country_code,domain,image_urls,model_number,other_attributes,product_id,root_category,category,brand,all_available_sizes";

/// A row of a storefront's export.
#[derive(Clone, Copy)]
struct Row {
    shop: &'static str,
    name: &'static str,
    about: &'static str,
    price: &'static str,
    currency: &'static str,
    stocked: bool,
    brand: &'static str,
    sizes: &'static str,
}

const US: Row = Row {
    shop: "us",
    name: "Wool mittens",
    about: "Warm.",
    price: "10.00",
    currency: "USD",
    stocked: true,
    brand: "Nordlicht",
    sizes: "one-size",
};
const AR: Row =
    Row {
        shop: "ar", name: "قفازات صوفية", about: "دافئة.", price: "37.00", currency: "SAR", brand: "", ..US
    };
const DE: Row = Row { shop: "de", name: "Fäustlinge aus Wolle", about: "Warm.", price: "9.00", currency: "EUR", ..US };

fn line(row: Row, id: &str) -> String {
    let Row { shop, name, about, price, currency, stocked, brand, sizes } = row;
    let sizes: Vec<String> = sizes.split('/').map(|size| format!("\"\"{size}\"\"")).collect();
    let image = "https://img.example.test/m.jpg";
    let country = if shop == "ar" { "SA".to_owned() } else { shop.to_uppercase() };
    format!(
        "{name},{about},,{price},{currency},{stocked},Grey,,{image},https://us.shein.com/Mittens-c-92001.html,https://{shop}.shein.com/x-p-{id}.html,\
         \"[]\",{country},{shop}.shein.com,\"[\"\"{image}\"\"]\",m{id},[],{id},Winter,Mittens,{brand},\"[{}]\"",
        sizes.join(",")
    )
}

fn file(rows: &[Row]) -> String {
    let lines: Vec<String> = rows.iter().map(|row| line(*row, "77001")).collect();
    format!("{HEADER}\n{}\n", lines.join("\n"))
}

fn prices(product: &Product) -> BTreeMap<String, String> {
    let each = product.variants[0].prices.iter();
    each.map(|price| (price.currency.clone(), price.amount.to_string())).collect()
}

fn told(product: &Product) -> (Localized, BTreeMap<String, String>, Option<String>) {
    (product.name.clone(), prices(product), product.brand.clone())
}

/// Reads one file after the other; what the product is then.
async fn read_all(world: &World, files: &[&[Row]]) -> Product {
    for (n, rows) in files.iter().enumerate() {
        deliver(world, &format!("{n}"), rows).await;
    }
    world.doc(KEY).unwrap().product
}

async fn deliver(world: &World, name: &str, rows: &[Row]) -> ledger::Counts {
    let message = world.upload(&format!("incoming/shein-brightdata/{name}.csv"), file(rows));
    assert_eq!(world.read(&message).await, Outcome::Done);
    world.run(&message).counts
}

fn state(world: &World) -> ledger::ProductState {
    let item = world.ledger.table().memory_item(&ledger::core::state::item_key(&KEY.parse().unwrap()));
    ledger::ProductState::of(&item)
}

#[tokio::test]
async fn two_storefronts_come_to_one_product_in_every_order_and_file() {
    let whole = read_all(&World::new(), &[&[US], &[AR]]).await;
    assert_eq!((whole.name.get("en"), whole.name.get("ar")), (Some("Wool mittens"), Some("قفازات صوفية")));
    assert_eq!(whole.description.get("ar"), Some("دافئة."));
    assert_eq!(prices(&whole), BTreeMap::from([("SAR".into(), "37.00".into()), ("USD".into(), "10.00".into())]));
    assert_eq!(whole.url.as_deref(), Some("https://us.shein.com/x-p-77001.html"));
    for files in [&[&[AR][..], &[US]][..], &[&[US, AR]], &[&[AR, US]], &[&[US, AR], &[AR, US]], &[&[AR, US, AR]]] {
        let world = World::new();
        assert_eq!(read_all(&world, files).await, whole);
        let state = state(&world);
        assert_eq!(state.hash, Some(world.doc(KEY).unwrap().hash), "what is desired is what the doc says");
        let names: Vec<String> = state.parts.unwrap().into_keys().map(|name| name.to_string()).collect();
        assert_eq!(names, ["ar-sar", "us-usd"]);
        assert_eq!(world.take_announced().0.last().map(String::as_str), Some(KEY));
        assert!(world.rejected().is_empty(), "{:?}", world.rejected());
    }
    // A third one, whose language no shop has: its name stands in for none.
    let all = read_all(&World::new(), &[&[DE], &[AR], &[US]]).await;
    assert_eq!((all.name.get("en"), all.name.get("de")), (Some("Wool mittens"), Some("Fäustlinge aus Wolle")));
    assert_eq!(prices(&all).len(), 3);
    for files in [[DE, US, AR], [AR, DE, US], [US, AR, DE]] {
        assert_eq!(read_all(&World::new(), &[&files]).await, all);
        assert_eq!(read_all(&World::new(), &[&files[..1], &files[1..2], &files[2..]]).await, all);
    }
}

#[tokio::test]
async fn in_one_file_neither_row_is_stale_and_the_same_row_twice_is_said() {
    let world = World::new();
    let counts = deliver(&world, "both", &[US, AR]).await;
    assert_eq!((counts.read, counts.changed, counts.stale), (2, 2, 0));
    assert!(!counts.warnings_by.contains_key("repeated_record"), "{counts:?}");
    let again = Row { price: "11.00", ..US };
    let counts = deliver(&world, "twice", &[US, AR, again]).await;
    assert_eq!((counts.read, counts.changed, counts.unchanged, counts.stale), (3, 1, 1, 1));
    assert_eq!(counts.warnings_by.get("repeated_record"), Some(&1));
    assert_eq!(prices(&world.doc(KEY).unwrap().product)["USD"], "11.00");
}

#[tokio::test]
async fn the_same_files_again_cost_one_read_a_line_and_no_write() {
    let world = World::new();
    // Four products, so that the run notes nothing; each has both parts.
    let rows = |us: Row| {
        let lines: Vec<String> = ["1", "2", "3", "4"].iter().flat_map(|id| [line(us, id), line(AR, id)]).collect();
        format!("{HEADER}\n{}\n", lines.join("\n"))
    };
    for (n, body) in [rows(US), rows(US)].into_iter().enumerate() {
        let message = world.upload(&format!("incoming/shein-brightdata/{n}.csv"), body);
        world.read(&message).await;
        let counts = world.run(&message).counts;
        assert_eq!((counts.changed, counts.unchanged), if n == 0 { (8, 0) } else { (0, 8) });
        if n == 0 {
            world.take_announced();
            world.take_writes();
            world.ledger.table().take_calls();
        }
    }
    assert_eq!((world.take_announced().0.len(), world.take_writes()), (0, 0));
    let keys = |call: ledger::Call| match call {
        ledger::Call::Read(keys) => keys.into_iter().map(|key| key.sk).collect(),
        _ => Vec::new(),
    };
    let read: Vec<String> = world.ledger.table().take_calls().into_iter().flat_map(keys).collect();
    let of_products = read.iter().filter(|sk| *sk == "doc" || sk.starts_with("part#")).count();
    assert_eq!(of_products, 0, "{read:?}");
    // What changes in one part only changes its items.
    let message = world.upload("incoming/shein-brightdata/2.csv", rows(Row { price: "12.00", ..US }));
    world.read(&message).await;
    let counts = world.run(&message).counts;
    assert_eq!((counts.changed, counts.unchanged), (4, 4));
    assert_eq!(world.take_writes(), 8, "for each of four products its part and what all say together");
}

#[tokio::test]
async fn a_part_that_changes_nothing_together_is_unchanged_and_announces_nothing() {
    let world = World::new();
    read_all(&world, &[&[US], &[AR]]).await;
    world.take_announced();
    let before = world.doc(KEY).unwrap();
    // The American storefront's stock counts.
    let counts = deliver(&world, "sold-out", &[Row { stocked: false, ..AR }]).await;
    assert_eq!((counts.changed, counts.unchanged), (0, 1));
    assert!(world.take_announced().0.is_empty());
    let after = world.doc(KEY).unwrap();
    assert_eq!((after.hash, &after.product.variants), (before.hash, &before.product.variants));
    assert_eq!(state(&world).version, Some(after.version));
}

#[tokio::test]
async fn an_older_record_of_a_part_is_stale_whatever_the_others_say() {
    let world = World::new();
    let old = world.upload("incoming/shein-brightdata/old.csv", file(&[Row { price: "5.00", ..US }]));
    read_all(&world, &[&[US], &[AR]]).await;
    let before = world.doc(KEY).unwrap();
    assert_eq!(world.read(&old).await, Outcome::Done);
    assert_eq!(world.run(&old).counts.stale, 1);
    assert_eq!(world.doc(KEY).unwrap(), before);
    // A late record of a part that is new is not old: nobody has said anything newer of that part.
    let world = World::new();
    let late = world.upload("incoming/shein-brightdata/late.csv", file(&[AR]));
    deliver(&world, "us", &[US]).await;
    assert_eq!(world.read(&late).await, Outcome::Done);
    assert_eq!(world.run(&late).counts.changed, 1);
    assert_eq!(prices(&world.doc(KEY).unwrap().product).len(), 2);
}

#[tokio::test]
async fn a_crash_between_a_part_and_what_all_say_together_is_healed_by_the_next_attempt() {
    let right = read_all(&World::new(), &[&[US], &[AR]]).await;
    // The writes of the second file: refused as a single part, the split, its own part, both together.
    for writes in 0..5 {
        let world = World::new();
        deliver(&world, "us", &[US]).await;
        world.take_writes();
        world.fail_after(Some(writes));
        let message = world.upload("incoming/shein-brightdata/ar.csv", file(&[AR]));
        let first = world.read(&message).await;
        world.fail_after(None);
        if writes < 3 {
            assert!(matches!(first, Outcome::Failed(_)), "{writes}: {first:?}");
            assert_eq!(world.doc(KEY).unwrap().product.name.get("ar"), None);
        }
        // Somebody else's part in between.
        let dearer = Row { price: "10.50", ..US };
        deliver(&world, "us-again", &[dearer]).await;
        assert_eq!(world.read_until(&message, "another", i64::MAX).await, Outcome::Done);
        let product = world.doc(KEY).unwrap().product;
        assert_eq!(prices(&product)["USD"], "10.50", "after {writes} writes");
        assert_eq!((&product.name, prices(&product)["SAR"].as_str()), (&right.name, "37.00"), "after {writes} writes");
        assert_eq!(state(&world).hash, Some(world.doc(KEY).unwrap().hash));
    }
}

/// A product as a release without parts has written it.
async fn written_before(world: &World, row: Row) {
    let message = world.upload("incoming/shein-brightdata/before.csv", file(&[row]));
    let scratch = World::new();
    let same = scratch.upload("incoming/shein-brightdata/before.csv", file(&[row]));
    scratch.read(&same).await;
    let doc = DesiredDoc { ..scratch.doc(KEY).unwrap() };
    let plain = Ledger::in_table(world.ledger.table().memory().clone(), common::LEASES);
    plain.put_desired(&KEY.parse().unwrap(), &doc, 1).await.unwrap();
    drop(message);
    let item = world.ledger.table().memory_item(&desired::doc_key(&KEY.parse().unwrap()));
    assert!(parts::part(&item).is_none() && parts::marks(&item).is_none(), "no release before said which part it is");
}

#[tokio::test]
async fn what_was_written_before_there_were_parts_stays_unwritten_and_becomes_a_part() {
    let right = read_all(&World::new(), &[&[US], &[AR]]).await;
    for (before, same, other) in [(US, US, AR), (AR, AR, US)] {
        let world = World::new();
        written_before(&world, before).await;
        world.take_writes();
        // Among others, so that nothing is noted.
        let lines: Vec<String> = ["1", "2", "3", "77001"].iter().map(|id| line(same, id)).collect();
        let message = world.upload("incoming/shein-brightdata/same.csv", format!("{HEADER}\n{}\n", lines.join("\n")));
        world.read(&message).await;
        assert_eq!(world.run(&message).counts.unchanged, 1);
        assert_eq!(world.take_writes(), 3, "only the new ones");
        // The same part with something new stays one part.
        deliver(&world, "dearer", &[Row { price: "12.00", ..same }]).await;
        assert_eq!(state(&world).parts, None);
        assert_eq!(
            state(&world).part,
            Some(PartName::from_text(if before.shop == "us" { "us-usd" } else { "ar-sar" }))
        );
        deliver(&world, "back", &[same]).await;
        deliver(&world, "other", &[other]).await;
        assert_eq!(told(&world.doc(KEY).unwrap().product), told(&right));
    }
    // At once with the other part, and one that is older than all that is known of the product.
    let world = World::new();
    let late = world.upload("incoming/shein-brightdata/late.csv", file(&[AR]));
    world.upload("incoming/shein-brightdata/nothing.csv", "");
    written_before(&world, US).await;
    assert_eq!(world.read(&late).await, Outcome::Done);
    assert_eq!(told(&world.doc(KEY).unwrap().product), told(&right));
}

#[tokio::test]
async fn a_strict_pass_notes_each_part_so_that_an_older_one_does_not_come_back() {
    let world = World::new();
    deliver(&world, "first", &[US, AR]).await;
    let old = world.upload("incoming/shein-brightdata/old.csv", file(&[Row { price: "30.00", ..AR }]));
    // Few enough to be noted.
    let counts = deliver(&world, "again", &[US, AR]).await;
    assert_eq!((counts.changed, counts.unchanged), (0, 2));
    assert_eq!(world.read(&old).await, Outcome::Done);
    assert_eq!(world.run(&old).counts.stale, 1);
    assert_eq!(prices(&world.doc(KEY).unwrap().product)["SAR"], "37.00");
}

#[tokio::test]
async fn a_full_feed_says_which_parts_it_speaks_for() {
    let world = World::new();
    for (rows, right) in
        [(&[US, AR][..], r#""speaksFor": ["ar-sar", "us-usd"]"#), (&[US], r#""speaksFor": ["us-usd"]"#)]
    {
        let message = world.upload_as("incoming/shein-brightdata/full.csv", file(rows), true);
        world.read(&message).await;
        let name = world.run(&message).name;
        let index = world.texts(&format!("manifests/shein-brightdata/{name}.json")).into_values().next().unwrap();
        let index: String = index.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(index.replace("[ ", "[").replace(" ]", "]").contains(right), "{index}");
    }
    let message = world.upload_as(
        "incoming/canonical/full.json",
        serde_json::json!([common::product("a", "1")]).to_string(),
        true,
    );
    world.read(&message).await;
    let index = world.texts(&format!("manifests/canonical/{}.json", world.run(&message).name));
    assert!(!index.into_values().next().unwrap().contains("speaksFor"), "a source without parts writes what it did");
}

/// The bucket's lists of full feeds.
struct Lists<'w>(&'w World);

impl Manifests for Lists<'_> {
    async fn get(&self, _: &str, key: &str) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self.0.texts(key).remove(key).map(String::into_bytes))
    }

    async fn list(&self, _: &str, prefix: &str) -> Result<Vec<(String, u64)>, Failure> {
        Ok(self.0.texts(prefix).into_iter().map(|(key, text)| (key, text.len() as u64)).collect())
    }

    async fn range(&self, _: &str, key: &str, from: u64, to: u64) -> Result<Vec<u8>, Failure> {
        let body = self.0.texts(key).remove(key).unwrap().into_bytes();
        Ok(body[usize::try_from(from).unwrap()..usize::try_from(to).unwrap()].to_vec())
    }
}

/// Reads a full feed of a storefront, and withdraws what it lacks.
async fn deliver_full(world: &World, name: &str, row: Row, ids: &[&str]) -> withdrawal::Outcome {
    let lines: Vec<String> = ids.iter().map(|id| line(row, id)).collect();
    let body = format!("{HEADER}\n{}\n", lines.join("\n"));
    let message = world.upload_as(&format!("incoming/shein-brightdata/{name}.csv"), body, true);
    assert_eq!(world.read(&message).await, Outcome::Done);
    let sent = std::mem::take(&mut *world.sent.lock().unwrap());
    let request = sent.iter().find_map(|body| withdrawal::WithdrawRequest::parse(body)).unwrap();
    let withdrawal = withdrawal::Withdrawal {
        manifests: &Lists(world),
        store: &world.ledger,
        bus: world,
        clock: world,
        deadline: runtime::Deadline::at(i64::MAX),
        max_percent: 20,
        metrics: &world.metrics,
    };
    withdrawal.run(&request).await.unwrap()
}

fn withdrew(withdrawn: u64, left: u64) -> withdrawal::Outcome {
    withdrawal::Outcome::Accepted(withdrawal::WithdrawalReport { withdrawn, again: 0, left })
}

#[tokio::test]
async fn a_full_feed_of_a_storefront_withdraws_its_part_and_the_product_only_where_it_leads() {
    let world = World::new();
    let all = ["1", "2", "3", "4", "5", "6"];
    let product = |id: &str| world.doc(&format!("shein-brightdata:{id}")).unwrap().product;
    assert_eq!(deliver_full(&world, "us", US, &all).await, withdrew(0, 0));
    assert_eq!(deliver_full(&world, "ar", AR, &all).await, withdrew(0, 0), "the first of its part");
    // What only the American storefront lacks now is nothing to the Arabic one, and the other way round.
    assert_eq!(deliver_full(&world, "ar", AR, &all[..5]).await, withdrew(1, 0));
    assert!(!product("6").withdrawn && !prices(&product("6")).contains_key("SAR"));
    assert_eq!(prices(&product("5")).len(), 2);
    assert_eq!(deliver_full(&world, "us", US, &["1", "2", "3", "4", "6"]).await, withdrew(1, 0));
    assert!(product("5").withdrawn && !product("6").withdrawn);
    assert_eq!(deliver_full(&world, "ar", AR, &all).await, withdrew(0, 0));
    assert!(product("5").withdrawn, "the leading part decides");
    assert_eq!(prices(&product("6")).len(), 2);
    assert_eq!(deliver_full(&world, "us", US, &all).await, withdrew(0, 0));
    assert!(all.iter().all(|id| !product(id).withdrawn && prices(&product(id)).len() == 2));
    // Half of one storefront's is too much for it, however few they are of all.
    assert_eq!(deliver_full(&world, "ar", AR, &all[..3]).await, withdrawal::Outcome::Refused { missing: 3, of: 6 });
}

#[tokio::test]
async fn the_first_full_feed_of_a_storefront_leaves_what_is_anothers_and_was_compared_before_there_were_parts() {
    let world = World::new();
    let all = ["1", "2", "3", "4", "5", "6"];
    deliver_full(&world, "us", US, &all).await;
    // As an earlier release left it.
    let own = world.ledger.watermark("full-feed-shein-brightdata/us-usd").await.unwrap().unwrap();
    assert!(world.ledger.move_watermark("full-feed-shein-brightdata", None, &own).await.unwrap());
    assert_eq!(deliver_full(&world, "ar", AR, &all[..5]).await, withdrew(0, 1), "the sixth is the American one's");
    assert!(!world.doc("shein-brightdata:6").unwrap().product.withdrawn);
}

#[tokio::test]
async fn a_variant_that_only_another_storefront_has_is_counted() {
    let world = World::new();
    deliver(&world, "us", &[Row { sizes: "S/M", ..US }]).await;
    let counts = deliver(&world, "ar", &[Row { sizes: "S/XXL", ..AR }]).await;
    assert_eq!(counts.warnings_by.get("variant_left_out"), Some(&1), "{counts:?}");
    let product = world.doc(KEY).unwrap().product;
    assert_eq!(product.variants.len(), 2);
}

#[tokio::test]
async fn two_storefronts_and_a_list_of_figures_by_sku_come_to_one_product_in_every_order_and_file() {
    const FIGURES: &str = "article,pieces,usd,sar\n77001-s,7,11.00,41.00\n77001-m,0,12.00,\n";
    let mapping = "source: shein-brightdata\nparts:\n  figures:\n    form: csv\n    match: { sku: article }\n    \
        owns: { stock: pieces, prices: [{ from: usd, currency: USD }, { from: sar, currency: SAR }] }\n";
    let (us, ar) = (Row { sizes: "S/M", ..US }, Row { sizes: "S/M", ..AR });
    let rows = |rows: &[Row]| ("incoming/shein-brightdata/rows.csv", file(rows));
    let figures = || ("incoming/shein-brightdata/figures/all.csv", FIGURES.to_owned());
    let both = [rows(&[us, ar]), rows(&[ar, us])];
    let mut orders: Vec<Vec<(&str, String)>> =
        both.iter().flat_map(|both| [vec![both.clone(), figures()], vec![figures(), both.clone()]]).collect();
    let files = [rows(&[us]), rows(&[ar]), figures()];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        orders.push(order.map(|file| files[file].clone()).to_vec());
    }
    for order in orders {
        let world = World::new();
        let message = world.upload("config/sources/shein-brightdata.yaml", mapping);
        assert_eq!(world.configure(&message).await, Outcome::Done);
        for (key, body) in &order {
            let message = world.upload(key, body);
            assert_eq!(world.read(&message).await, Outcome::Done);
            assert_eq!(world.run(&message).counts.rejected, 0);
        }
        let product = world.doc(KEY).unwrap().product;
        let told: Vec<(&str, i32, BTreeMap<String, String>)> = product
            .variants
            .iter()
            .map(|variant| {
                let prices = variant.prices.iter().map(|price| (price.currency.clone(), price.amount.to_string()));
                (variant.sku.as_str(), variant.stock, prices.collect())
            })
            .collect();
        let amounts = |usd: &str, sar: &str| BTreeMap::from([("SAR".into(), sar.into()), ("USD".into(), usd.into())]);
        // Where the list is silent the Arabic storefront's own riyals count.
        assert_eq!(
            told,
            [("77001-s", 7, amounts("11.00", "41.00")), ("77001-m", 0, amounts("12.00", "37.00"))],
            "{order:?}"
        );
        assert_eq!((product.name.get("en"), product.name.get("ar")), (Some(US.name), Some(AR.name)));
        // Everything once more is no news.
        for (key, body) in &order {
            let message = world.upload(key, body);
            world.read(&message).await;
            assert_eq!(world.run(&message).counts.changed, 0, "{key}");
        }
    }
}
