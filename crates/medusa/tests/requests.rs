//! What each kind of push asks of a real Medusa: the figures in docs/performance.md.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails where it unwraps")]

use crate::proxy;
use crate::support;

use std::time::Duration;

use medusa::{Article, Depth, Desired, Known, Shop};
use proxy::Proxy;
use serde_json::json;
use support::books::{Supplier, now_ms};
use support::orders::Orders;
use support::{Real, deadline, offered, shirt, variant, withheld};

/// Products in the batch: what is read is read for all of them at once.
const PRODUCTS: usize = 5;

/// One kind of push.
struct Case {
    what: &'static str,
    change: fn(&mut Article),
    /// Somebody buys a piece of the first product before.
    sold: bool,
    /// Reads and writes of Medusa.
    costs: (usize, usize),
}

const fn case(what: &'static str, change: fn(&mut Article), costs: (usize, usize)) -> Case {
    Case { what, change, sold: false, costs }
}

fn dearer(article: &mut Article) {
    for variant in &mut article.variants {
        *variant.prices.get_mut("sar").unwrap() += rust_decimal::Decimal::ONE;
    }
}

/// A push that knows what the ledger would: what was pushed before, and the products' ids.
async fn push(shop: &Shop, supplier: &Supplier, desired: &[Desired], before: &mut Vec<(Option<String>, String)>) {
    let all: Vec<_> = desired.iter().map(|desired| (desired, Depth::Light)).collect();
    before.resize(desired.len(), (None, String::new()));
    let markers: Vec<String> = desired.iter().map(|desired| desired.marker(&shop.references)).collect();
    let known = before.iter().zip(&markers).map(|((id, shown), marker)| Known {
        id: id.clone(),
        differs: shown != marker,
        ..Known::default()
    });
    let known: Vec<Known> = known.collect();
    let outcomes = shop.push_known(&all, &known, supplier, deadline()).await;
    let ids = outcomes.into_iter().map(|outcome| outcome.unwrap().product_id);
    *before = ids.zip(markers).collect();
}

#[tokio::test]
async fn an_unchanged_product_costs_one_read_and_a_changed_figure_three() {
    let Some(mut real) = Real::connect().await else { return };
    real.shop.references.retention = medusa::plan::RETENTION;
    let real = real;
    let orders = Orders::open(&real).await;
    let keys: Vec<_> = (0..PRODUCTS).map(|_| real.new_key()).collect();
    let mut articles: Vec<Article> = keys.iter().map(|key| shirt(key, &["S", "M"])).collect();
    for (n, article) in articles.iter_mut().enumerate() {
        // Distinct from those of other runs: made of the key's digits.
        let digits: String = keys[n].id().bytes().filter(u8::is_ascii_digit).map(char::from).collect();
        article.variants[0].columns.insert("barcode", json!(format!("77{digits}")));
    }
    let proxy = Proxy::before(&real.url).await;
    let (shop, mut knows_none, mut written) = (real.shop_at(&proxy.url), real.shop_at(&proxy.url), proxy);
    let mut before = Vec::new();
    let mut counted = async |shop: &Shop, supplier: &Supplier, desired: &[Desired]| {
        written.begin(None);
        let mut work = std::pin::pin!(push(shop, supplier, desired, &mut before));
        loop {
            tokio::select! {
                () = &mut work => break,
                Some(done) = written.written.recv() => drop(done),
            }
        }
        (written.reads(), written.calls())
    };
    // Documents that are written after everything that customers have done: but for a minute, in
    // which clocks may differ.
    let later = || Supplier::at(now_ms() + 120_000);
    let said = |articles: &[Article]| -> Vec<Desired> {
        keys.iter().zip(articles).map(|(key, article)| offered(key, article)).collect()
    };
    let cases = [
        case("unchanged", |_| {}, (1, 0)),
        case("title", |article| article.title.push('!'), (1, 1)),
        case("price", dearer, (1, 2)),
        case("figure", |article| article.variants[0].stock += 1, (3, 3)),
        Case {
            what: "figure, sold since",
            change: |article| article.variants[0].stock += 1,
            sold: true,
            costs: (4, 3),
        },
        case(
            "a size is gone",
            |article| {
                article.variants.pop();
            },
            (3, 4),
        ),
    ];
    let (reads, writes) = counted(&shop, &later(), &said(&articles)).await;
    println!("| new | {} | {} |", reads.len(), writes.len());
    assert_eq!((reads.len(), writes.len()), (3, 4), "new: {reads:?} {writes:?}");
    for Case { what, change, sold, costs } in cases {
        articles.iter_mut().for_each(change);
        // The figure is older than the order.
        let supplier = if sold { Supplier::at(now_ms()) } else { later() };
        if sold {
            orders.place(&articles[0].variants[0].sku, "sar", 1).await.unwrap();
            // A level that has just moved is looked at once more.
            tokio::time::sleep(Duration::from_millis(medusa::stock::SETTLES.unsigned_abs())).await;
        }
        let (reads, writes) = counted(&shop, &supplier, &said(&articles)).await;
        println!("| {what} | {} | {} |", reads.len(), writes.len());
        assert_eq!((reads.len(), writes.len()), costs, "{what}: {reads:?} {writes:?}");
    }
    for (key, article) in keys.iter().zip(&mut articles) {
        article.variants.push(variant(key, &["Red", "XXL"]));
    }
    let (reads, writes) = counted(&shop, &later(), &said(&articles)).await;
    println!("| a new size | {} | {} |", reads.len(), writes.len());
    assert_eq!(reads.len(), 4, "a new size: {reads:?} {writes:?}");
    // A figure of a supplier that knows none of our orders: once to be taken over, and then
    // another.
    knows_none.references.stock = r#"{"test": {"figure": "before-orders"}}"#.parse().unwrap();
    counted(&knows_none, &later(), &said(&articles)).await;
    articles.iter_mut().for_each(|article| article.variants[0].stock += 1);
    let (reads, writes) = counted(&knows_none, &later(), &said(&articles)).await;
    println!("| figure that knows no orders | {} | {} |", reads.len(), writes.len());
    assert_eq!((reads.len(), writes.len()), (4, 3), "knows no orders: {reads:?} {writes:?}");
    let gone: Vec<Desired> = keys.iter().map(withheld).collect();
    let (reads, writes) = counted(&shop, &later(), &gone).await;
    println!("| withdrawn | {} | {} |", reads.len(), writes.len());
    assert_eq!((reads.len(), writes.len()), (1, 1), "withdrawn: {reads:?} {writes:?}");
}
