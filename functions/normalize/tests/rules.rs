//! Rules in the bucket: all files are in force together, or those before are.
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::common;

use common::World;
use ledger::core::held::Past;
use runtime::Outcome;
use serde_json::json;
use want::{Bundle, KIND, NAME};

const PRICES: &str = "config/rules/prices.yaml";
const TREE: &str = "config/rules/tree.yaml";
const RATES: &str = "config/rates.json";

#[tokio::test]
async fn files_are_in_force_together_and_a_wrong_one_changes_nothing() {
    let world = World::new();
    let put = world.upload(PRICES, "rules: [{rule: Ours, price: [{markup: 30%}]}]");
    assert_eq!(world.configure(&put).await, Outcome::Done);
    let first = world.ledger.config_head(KIND, NAME).await.unwrap();
    assert_eq!(first.files, [PRICES]);
    assert_eq!(world.take_announced().1[0]["inForce"], json!(first.digest));

    // What one file says, another may name.
    let put =
        world.upload(TREE, "rules: [{rule: Place, categories: {set: [Women]}}]\ncategories: {tree: [{name: Men}]}");
    world.configure(&put).await;
    let head = world.ledger.config_head(KIND, NAME).await.unwrap();
    assert_eq!((&head.digest, &head.files), (&first.digest, &first.files), "what was in force is in force");
    let problems = head.refused.unwrap().problems;
    assert!(problems[0].starts_with("config/rules/tree.yaml:1:") && problems[0].contains("\"Women\""), "{problems:?}");
    assert_eq!(world.take_announced().1[0]["problems"], json!(problems));

    world.upload(TREE, "rules: [{rule: Place, categories: {set: [Men]}}]\ncategories: {tree: [{name: Men}]}");
    let put = world.upload(RATES, r#"{"date": "2026-11-26", "base": "USD", "rates": {"SAR": 3.75}}"#);
    world.configure(&put).await;
    let head = world.ledger.config_head(KIND, NAME).await.unwrap();
    assert_eq!((head.refused, head.files.clone()), (None, [PRICES, TREE, RATES].map(str::to_owned).to_vec()));
    let digest = head.digest.unwrap();
    let text = world.ledger.config_text(KIND, NAME, &digest).await.unwrap().unwrap();
    let bundle = Bundle::of_json(&text).unwrap();
    assert_eq!(bundle.digest(), digest);
    assert_eq!(bundle.read(0).unwrap().rules.len(), 2);

    for key in [PRICES, TREE, RATES] {
        world.delete(key);
    }
    world.configure(&put.replace("Object Created", "Object Deleted")).await;
    let head = world.ledger.config_head(KIND, NAME).await.unwrap();
    assert_eq!((head.digest, head.files.len()), (None, 0));
    assert!(head.since.is_some(), "products go back");
}

#[tokio::test]
async fn what_is_no_rules_file_is_told() {
    let world = World::new();
    for key in ["config/rules/readme.txt", "config/rules/below/a.yaml", "config/rate.json"] {
        let put = world.upload(key, "x");
        world.configure(&put).await;
        let told = world.take_announced().1[0]["problems"][0].as_str().unwrap().to_owned();
        assert!(told.contains(key) && told.contains("config/rules/<name>.yaml"), "{told}");
    }
    assert_eq!(world.ledger.config_head(KIND, NAME).await.unwrap().revision, 0);
}

fn cups(count: usize, amount: &str) -> String {
    let all: Vec<_> = (0..count).map(|n| common::product(&format!("p{n}"), amount)).collect();
    serde_json::to_string(&all).unwrap()
}

#[tokio::test]
async fn a_feed_that_changes_too_much_is_judged_before_anything_of_it_is_written() {
    let world = World::new();
    world.configure(&world.upload(PRICES, "feeds: {average-price-over: 20%}")).await;
    let head = world.ledger.config_head(KIND, NAME).await.unwrap();
    let epoch = head.looks_back.unwrap();
    let read = async |body: String| {
        let message = world.upload("incoming/canonical/x.json", body);
        assert_eq!(world.read(&message).await, Outcome::Done);
        let run = world.run(&message).name;
        world.ledger.judged(&[run.clone()].into()).await.unwrap().remove(&run)
    };
    assert_eq!(read(cups(25, "10.00")).await, Some(vec![]), "nothing was there before");
    // What pimcore-sync notes as it shows them.
    for n in 0..25 {
        let doc = world.doc(&format!("canonical:p{n}")).unwrap();
        let (key, past) = (doc.product.key().unwrap(), Past::default());
        assert!(world.ledger.remember(&key, &past, Some(&doc.product), None, (epoch, 0)).await.unwrap());
    }
    assert_eq!(read(cups(25, "11.00")).await, Some(vec![]), "within the limit");
    assert_eq!(read(cups(19, "90.00")).await, Some(vec![]), "too few to say anything");
    let reasons = read(cups(25, "15.00")).await;
    assert_eq!(reasons, Some(vec!["prices change by 50.0% on average".to_owned()]));
    assert_eq!(
        world.doc("canonical:p3").unwrap().product.variants[0].prices[0].amount.to_string(),
        "15.00",
        "not lost"
    );

    world.delete(PRICES);
    world.configure(&world.upload(TREE, "rules: [{rule: Ours, price: [{markup: 30%}]}]")).await;
    assert_eq!(read(cups(25, "90.00")).await, None, "no rule looks through it");
}

#[tokio::test]
async fn a_price_list_of_a_declared_part_is_judged_by_what_its_lines_come_to() {
    let mapping = "\
source: acme
form: csv
product: { id: id, name: { en: title }, variants: { sku: id, price: { from: eur, currency: EUR }, stock: { is: 3 } } }
parts:
  prices:
    form: csv
    match: { sku: article }
    owns: { prices: [{ from: eur, currency: EUR }] }
  stock:
    form: csv
    match: { sku: article }
    owns: { stock: pieces }
";
    let world = World::new();
    world.configure(&world.upload("config/sources/acme.yaml", mapping)).await;
    world.configure(&world.upload(PRICES, "feeds: {average-price-over: 20%}")).await;
    let epoch = world.ledger.config_head(KIND, NAME).await.unwrap().looks_back.unwrap();
    let list = |first: &str, price: &str| {
        let rows = (0..25).map(|n| format!("A-{n},{price}\n"));
        format!("{first}\n{}", rows.collect::<String>())
    };
    let read = async |key: &str, body: String| {
        let message = world.upload(&format!("incoming/acme/{key}"), body);
        assert_eq!(world.read(&message).await, Outcome::Done);
        let run = world.run(&message).name;
        world.ledger.judged(&[run.clone()].into()).await.unwrap().remove(&run)
    };
    let catalogue: String = (0..25).map(|n| format!("A-{n},Cup {n},10.00\n")).collect();
    assert_eq!(read("catalogue.csv", format!("id,title,eur\n{catalogue}")).await, Some(vec![]));
    for n in 0..25 {
        let doc = world.doc(&format!("acme:A-{n}")).unwrap();
        let key = doc.product.key().unwrap();
        assert!(world.ledger.remember(&key, &Past::default(), Some(&doc.product), None, (epoch, 0)).await.unwrap());
    }
    assert_eq!(read("stock/a.csv", list("article,pieces", "1")).await, None, "not looked through");
    assert_eq!(read("prices/a.csv", list("article,eur", "11.00")).await, Some(vec![]), "within the limit");
    let reasons = read("prices/b.csv", list("article,eur", "1000.00")).await;
    assert_eq!(reasons, Some(vec!["prices change by 9900.0% on average".to_owned()]));
    let doc = world.doc("acme:A-3").unwrap();
    assert_eq!(doc.product.variants[0].prices[0].amount.to_string(), "1000.00", "not lost");
    assert_eq!(
        read("prices/c.csv", format!("article,eur\nUNKNOWN,5.00\n{}", "A-1,9000.00\n")).await,
        Some(vec![]),
        "too few"
    );
}
