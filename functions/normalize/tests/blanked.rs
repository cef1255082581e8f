//! A price list that blanks its prices, a stock list of zeros: refused where they would take too
//! much off sale.
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::common;

use common::World;
use ledger::RunStatus;
use runtime::Outcome;

const MAPPING: &str = "\
source: acme
form: csv
product: { id: id, name: { en: title }, variants: { sku: sku, price: { from: eur, currency: EUR } } }
parts:
  prices: { form: csv, match: { sku: article }, owns: { price: { from: usd, currency: USD } }, empty: clear }
  stock: { form: csv, match: { sku: article }, owns: { stock: pieces } }
";
const PRODUCTS: usize = 60;

/// 60 products with a price in two currencies, and pieces.
async fn shop() -> World {
    let world = World::new();
    let message = world.upload("config/sources/acme.yaml", MAPPING);
    assert_eq!(world.configure(&message).await, Outcome::Done);
    let row = |n| format!("{n},Kettle {n},K-{n},10.00\n");
    let catalogue: String = (0..PRODUCTS).map(row).collect();
    deliver(&world, "all.csv", &format!("id,title,sku,eur\n{catalogue}"), false).await;
    deliver(&world, "prices/a.csv", &list("usd", |_| "11.00"), false).await;
    deliver(&world, "stock/a.csv", &list("pieces", |_| "4"), false).await;
    world
}

fn list<'t>(column: &str, says: impl Fn(usize) -> &'t str) -> String {
    let lines: String = (0..PRODUCTS).map(|n| format!("K-{n},{}\n", says(n))).collect();
    format!("article,{column}\n{lines}")
}

async fn deliver(world: &World, name: &str, body: &str, replayed: bool) -> ledger::Run {
    let message = world.upload(&format!("incoming/acme/{name}"), body);
    if replayed {
        world.replayed(&message);
    }
    assert_eq!(world.read(&message).await, Outcome::Done);
    world.run(&message)
}

/// How many products have a price in dollars, and pieces.
fn sold(world: &World) -> (usize, usize) {
    let variant = |n: usize| world.doc(&format!("acme:{n}")).unwrap().product.variants.remove(0);
    let priced = (0..PRODUCTS).filter(|n| variant(*n).prices.iter().any(|price| price.currency == "USD")).count();
    (priced, (0..PRODUCTS).filter(|n| variant(*n).stock > 0).count())
}

#[tokio::test]
async fn a_list_that_blanks_too_much_is_refused_whole_and_a_replay_says_that_it_is_meant() {
    for (part, column, blank) in [("prices", "usd", ""), ("stock", "pieces", "0")] {
        let world = shop().await;
        let body = list(column, |n| if n == 0 { "3" } else { blank });
        let run = deliver(&world, &format!("{part}/b.csv"), &body, false).await;
        assert_eq!(run.status, RunStatus::Failed, "{part}");
        let reason = run.reason.unwrap();
        assert!(reason.starts_with("part_blanked: 59 of the 60 lines"), "{reason}");
        assert_eq!(sold(&world), (PRODUCTS, PRODUCTS), "nothing of it was taken");
        // Again: what was refused counts for nothing.
        assert_eq!(deliver(&world, &format!("{part}/b.csv"), &body, false).await.status, RunStatus::Failed);

        let run = deliver(&world, &format!("{part}/b.csv"), &body, true).await;
        assert_eq!((run.status, run.counts.changed), (RunStatus::Completed, 60));
        assert_eq!(sold(&world), if part == "prices" { (1, PRODUCTS) } else { (PRODUCTS, 1) });
        // What is blank already is no loss, and is looked at where nothing else tells.
        world.delete(&format!("manifests/.lines/acme/{part}"));
        assert_eq!(deliver(&world, &format!("{part}/c.csv"), &body, false).await.status, RunStatus::Completed);
    }
}

#[tokio::test]
async fn what_is_sold_out_among_many_is_taken_also_from_a_file_of_nothing_else() {
    let world = shop().await;
    let few: String = (0..12).map(|n| format!("K-{n},0\n")).collect();
    let run = deliver(&world, "stock/b.csv", &format!("article,pieces\n{few}"), false).await;
    assert_eq!((run.status, run.counts.changed), (RunStatus::Completed, 12));
    assert_eq!(sold(&world).1, PRODUCTS - 12);
    let rest: String = (12..25).map(|n| format!("K-{n},0\n")).collect();
    let run = deliver(&world, "stock/c.csv", &format!("article,pieces\n{rest}"), false).await;
    assert_eq!(run.status, RunStatus::Failed, "13 of 60");
}

#[tokio::test]
async fn a_first_list_may_say_that_all_is_sold_out_but_not_take_the_catalogues_prices() {
    let world = World::new();
    let mapping = MAPPING.replace("currency: USD", "currency: EUR");
    assert_eq!(world.configure(&world.upload("config/sources/acme.yaml", &mapping)).await, Outcome::Done);
    let zeros = deliver(&world, "stock/a.csv", &list("pieces", |_| "0"), false).await;
    let blanks = deliver(&world, "prices/a.csv", &list("usd", |_| ""), false).await;
    assert_eq!((zeros.status, blanks.status), (RunStatus::Completed, RunStatus::Failed));
}

#[tokio::test]
async fn an_older_list_that_comes_late_blanks_nothing() {
    let world = shop().await;
    let late = world.upload("incoming/acme/stock/late.csv", list("pieces", |_| "0"));
    deliver(&world, "stock/new.csv", &list("pieces", |_| "7"), false).await;
    assert_eq!(world.read(&late).await, Outcome::Done);
    assert_eq!((world.run(&late).status, world.run(&late).counts.stale), (RunStatus::Completed, 60));
    assert_eq!(sold(&world).1, PRODUCTS);
}
