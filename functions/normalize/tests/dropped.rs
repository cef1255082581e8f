//! Files as people and programs save them, dropped in the bucket.
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::common;

use std::io::Write as _;

use catalog::Failure;
use common::World;
use ledger::{Owner, RunStatus, Stage};
use runtime::Outcome;

const HEADER: &str = "product_name,description,initial_price,final_price,currency,in_stock,color,size,main_image,category_url,url,category_tree,country_code,domain,image_urls,model_number,other_attributes,product_id,root_category,category,brand,all_available_sizes";

/// A scarf whose id is written so.
fn scarf(id: &str, price: &str) -> String {
    format!(
        "Summer scarf,A light one.,12.50,{price},USD,true,Blue,one-size,https://img.example.test/a.jpg,https://us.shein.com/Scarves-c-91001.html,\
         https://us.shein.com/scarf-p-901.html,,US,us.shein.com,,mn,,{id},Accessories,Scarves,Testbrand,\"[\"\"S\"\", \"\"M\"\"]\""
    )
}

fn csv(rows: &[String]) -> String {
    format!("{HEADER}\n{}\n", rows.join("\n"))
}

fn utf16(text: &str, mark: bool) -> Vec<u8> {
    let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

/// An archive with one file in it, deflated.
fn zip(name: &str, body: &[u8]) -> Vec<u8> {
    let mut deflated = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    deflated.write_all(body).unwrap();
    let packed = deflated.finish().unwrap();
    let mut sum = flate2::Crc::new();
    sum.update(body);
    let size = |length: usize| u32::try_from(length).unwrap().to_le_bytes();
    let sizes = [sum.sum().to_le_bytes(), size(packed.len()), size(body.len())].concat();
    let length = u16::try_from(name.len()).unwrap().to_le_bytes();
    let mut archive =
        [b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0" as &[u8], &sizes, &length, &[0, 0], name.as_bytes(), &packed].concat();
    let directory = archive.len();
    let entry =
        [b"PK\x01\x02\x14\0\x14\0\0\0\x08\0\0\0\0\0" as &[u8], &sizes, &length, &[0; 16], name.as_bytes()].concat();
    archive.extend_from_slice(&entry);
    archive.extend_from_slice(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    archive.extend_from_slice(&[size(entry.len()), size(directory)].concat());
    archive.extend_from_slice(&[0, 0]);
    archive
}

#[tokio::test]
async fn a_csv_an_archive_of_it_and_one_in_utf_16_bring_the_same_products() {
    let text = csv(&[scarf("901061", "10.00"), scarf("901062", "11.00")]);
    let mut hashes = Vec::new();
    for (name, body) in [
        ("feed.csv", text.clone().into_bytes()),
        ("feed.zip", zip("feed.csv", text.as_bytes())),
        ("feed-utf16.csv", utf16(&text, true)),
        ("feed-utf16-no-mark.csv", utf16(&text, false)),
        ("excel.csv", format!("sep=,\r\n{}", text.replace('\n', "\r\n")).into_bytes()),
    ] {
        let world = World::new();
        let message = world.upload(&format!("incoming/shein-brightdata/{name}"), body);
        assert_eq!(world.read(&message).await, Outcome::Done, "{name}");
        let run = world.run(&message);
        assert_eq!(
            (run.status, run.counts.changed, run.counts.rejected),
            (RunStatus::Completed, 2, 0),
            "{name}: {:?}",
            run.reason
        );
        assert_eq!(world.take_announced().0, ["shein-brightdata:901061", "shein-brightdata:901062"], "{name}");
        hashes.push(["901061", "901062"].map(|id| world.doc(&format!("shein-brightdata:{id}")).unwrap().hash));
    }
    assert!(hashes.iter().all(|hash| *hash == hashes[0]), "{hashes:?}");
}

#[tokio::test]
async fn an_id_that_pandas_gave_a_fraction_is_the_product_that_is_there() {
    let world = World::new();
    let before = world
        .upload("incoming/shein-brightdata/before.csv", csv(&[scarf("901051", "10.00"), scarf("901052", "10.00")]));
    world.read(&before).await;
    world.take_announced();
    let same = world
        .upload("incoming/shein-brightdata/pandas.csv", csv(&[scarf("901051.0", "10.00"), scarf("901052.0", "9.00")]));
    world.read(&same).await;
    let counts = world.run(&same).counts;
    assert_eq!((counts.read, counts.unchanged, counts.changed, counts.rejected), (2, 1, 1, 0));
    assert_eq!(world.take_announced().0.last().map(String::as_str), Some("shein-brightdata:901052"));
    assert!(world.doc("shein-brightdata:901051.0").is_none(), "no new product beside the old one");

    // What a spreadsheet rounded is refused with its cause, and takes nothing with it.
    let excel = world
        .upload("incoming/shein-brightdata/excel.csv", csv(&[scarf("9.01051E+5", "8.00"), scarf("901051", "8.00")]));
    world.read(&excel).await;
    let counts = world.run(&excel).counts;
    assert_eq!((counts.changed, counts.rejected), (1, 1));
    let refused = world.rejected().pop().unwrap();
    assert!(refused.to_string().contains("spreadsheet"), "{refused}");
}

#[tokio::test]
async fn skus_that_a_feed_lacks_are_known_for_made_and_a_product_that_waits_for_that_word_gets_it() {
    let world = World::new();
    let feed = || csv(&[scarf("901071", "10.00"), scarf("901072", "10.00")]);
    let message = world.upload("incoming/shein-brightdata/a.csv", feed());
    world.read(&message).await;
    let [waits, other] = ["901071", "901072"].map(|id| format!("shein-brightdata:{id}"));
    let doc = world.doc(&waits).unwrap();
    assert_eq!(doc.product.made_skus, ["901071-s", "901071-m"].map(str::to_owned).into());

    // As a version before wrote them; the shop refused a SKU of the first.
    for name in [&waits, &other] {
        let key = name.parse().unwrap();
        let mut doc = world.doc(name).unwrap();
        doc.product.made_skus.clear();
        world.ledger.put_desired(&key, &doc, 1).await.unwrap();
    }
    let (key, owner) = (waits.parse().unwrap(), Owner("push".into()));
    world.ledger.claim(Stage::Medusa, std::slice::from_ref(&key), &owner, 1).await.unwrap();
    let taken = Failure::permanent("medusa_sku_taken", "taken");
    world.ledger.fail(Stage::Medusa, &key, &owner, &taken, 2).await.unwrap();
    world.take_announced();
    world.take_writes();

    let again = world.upload("incoming/shein-brightdata/a.csv", feed());
    world.read(&again).await;
    let now = world.doc(&waits).unwrap();
    assert_eq!((&now.product.made_skus, &now.hash), (&doc.product.made_skus, &doc.hash), "it says what it said");
    assert_eq!(world.take_announced().0, [waits]);
    assert_eq!((world.run(&again).counts.unchanged, world.take_writes()), (1, 1), "the other is left as it is");
    assert!(world.doc(&other).unwrap().product.made_skus.is_empty());
}
