//! No moment without a price: each kind of push through a proxy before the real Medusa, which
//! answers one write after the other in Medusa's place, or not at all. After every write and every
//! push: no variant on sale without a price in each currency, at no amount but the old or the new
//! one, and nothing lost that people made. A push without faults then ends in exactly the wanted
//! state.
//!
//! `RELAY_WRITES_FAIL` says how many cases are tried (`all`, or a number; by default as many as CI
//! has time for), `RELAY_SEED` which.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails where it unwraps")]

mod aside;
mod lab;
#[path = "../support/proxy.rs"]
mod proxy;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;

use lab::{AS_IS, Edit, Lab, Names, People, chosen};
use medusa::{Article, CompareAt};
use proxy::Fault;
use rust_decimal::Decimal;
use serde_json::json;
use support::{Real, variant};

const FAULTS: [Fault; 8] = [
    Fault::Answer(400),
    Fault::Answer(404),
    Fault::Answer(409),
    Fault::Answer(422),
    Fault::Answer(429),
    Fault::Answer(500),
    Fault::CutBefore,
    Fault::CutAfter,
];
/// Each starts from two red shirts in S, M and L. Every article has a first variant "Red / S" or
/// what becomes of it: people's prices are there.
const KINDS: &[(&str, Edit, Edit)] = &[
    ("prices change", AS_IS, lower),
    ("prices of two products change", AS_IS, |articles, names| {
        lower(articles, names);
        lower(&mut articles[1..], names);
    }),
    ("stock changes", AS_IS, |articles, _| articles[0].variants[1].stock = 3),
    ("a translation changes", AS_IS, |articles, _| {
        articles[0].translations.get_mut("ar-SA").unwrap().title = "قميص فاخر".into();
    }),
    ("images change", AS_IS, |articles, names| {
        articles[0].images = vec![format!("https://img.example/{}/z.jpg", names.keys[0].id())];
    }),
    ("categories change", AS_IS, |articles, names| articles[0].categories = [names.category.clone()].into()),
    ("a size is added", AS_IS, |articles, names| {
        articles[0].variants.push(variant(&names.keys[0], &["Red", "XL"]));
        lower(articles, names);
    }),
    ("a size is removed", AS_IS, |articles, names| {
        articles[0].variants.remove(1);
        lower(articles, names);
    }),
    ("SKUs are renamed", AS_IS, |articles, names| {
        articles[0].variants.iter_mut().for_each(|variant| variant.sku.push_str("-new"));
        lower(articles, names);
    }),
    ("SKUs move between products", AS_IS, |articles, names| {
        let [one, two] = [&articles[0], &articles[1]].map(|article| article.variants[1].sku.clone());
        articles[0].variants[1].sku = two;
        articles[1].variants[1].sku = one;
        lower(articles, names);
    }),
    ("sizes exchange their names", AS_IS, |articles, names| {
        let variants = &mut articles[0].variants;
        let [one, two] = [variants[0].options.clone(), variants[1].options.clone()];
        (variants[0].options, variants[1].options) = (two, one);
        lower(articles, names);
    }),
    ("an option is added and sizes change", AS_IS, |articles, names| {
        articles[0].options.push("Fit".into());
        articles[0].variants.iter_mut().for_each(|variant| variant.options.push("Slim".into()));
        articles[0].variants[2] = variant(&names.keys[0], &["Red", "XL", "Wide"]);
        lower(articles, names);
    }),
    ("an option is removed", AS_IS, |articles, names| {
        articles[0].options.remove(0);
        articles[0].variants.iter_mut().for_each(|variant| drop(variant.options.remove(0)));
        lower(articles, names);
    }),
    ("facts of trade change", AS_IS, |articles, names| {
        articles[0].columns.insert("hs_code", json!("610910"));
        articles[0].variants[0].columns.insert("weight", json!(180));
        coded(&mut articles[0].variants[0], names);
    }),
    ("much changes", AS_IS, |articles, names| {
        articles[0].title = "Fine shirt".into();
        articles[0].description.clear();
        articles[0].translations.clear();
        articles[0].images.reverse();
        articles[0].variants.reverse();
        articles[0].variants[1].stock = 0;
        articles[0].options[1] = "EU size".into();
        lower(articles, names);
    }),
];

/// Where what is gone is kept sold out.
const KEPT: &[(&str, Edit, Edit)] = &[
    ("a size is sold out and kept", AS_IS, |articles, names| {
        articles[0].variants.remove(1);
        lower(articles, names);
    }),
    (
        "a kept size comes back",
        |articles, _| drop(articles[0].variants.remove(1)),
        |articles, names| lower(articles, names),
    ),
    (
        "a new size gets the bar code of one that goes",
        |articles, names| coded(&mut articles[0].variants[1], names),
        |articles, names| {
            articles[0].variants[1] = variant(&names.keys[0], &["Red", "XL"]);
            coded(&mut articles[0].variants[1], names);
            lower(articles, names);
        },
    ),
    (
        "another product gets the bar code of a kept size",
        |articles, names| {
            // Its row has the code from the case before, or from here.
            coded(&mut articles[0].variants[1], names);
        },
        |articles, names| {
            articles[0].variants.remove(1);
            coded(&mut articles[1].variants[1], names);
            lower(articles, names);
        },
    ),
];

fn coded(variant: &mut medusa::Variant, names: &Names) {
    let digits: String = names.keys[0].id().bytes().filter(u8::is_ascii_digit).map(char::from).collect();
    variant.columns.insert("barcode", json!(format!("66{digits}")));
}

/// Where what is gone is kept for a moment, and all sizes were there before.
const DELETED: &[(&str, Edit, Edit)] = &[(
    "a kept size is deleted",
    |articles, _| drop(articles[0].variants.remove(1)),
    |articles, names| {
        articles[0].variants.remove(1);
        lower(articles, names);
    },
)];

/// Where reduced prices are in price lists.
const REDUCTIONS: &[(&str, Edit, Edit)] = &[
    ("prices are reduced", AS_IS, |articles, _| reduce(&mut articles[0], "19.99", "23.80")),
    (
        "a reduction changes and a reduced size is added",
        |articles, _| reduce(&mut articles[0], "19.99", "23.80"),
        |articles, names| {
            articles[0].variants.push(variant(&names.keys[0], &["Red", "XL"]));
            reduce(&mut articles[0], "18.50", "23.80");
        },
    ),
    ("a reduction ends", |articles, _| reduce(&mut articles[0], "19.99", "23.80"), AS_IS),
];

fn lower(articles: &mut [Article], _: &Names) {
    for variant in &mut articles[0].variants {
        variant.prices = prices("11.90", "3.15");
    }
}

fn prices(sar: &str, usd: &str) -> BTreeMap<String, Decimal> {
    [("sar", sar), ("usd", usd)].map(|(currency, amount)| (currency.to_owned(), amount.parse().unwrap())).into()
}

fn reduce(article: &mut Article, amount: &str, before: &str) {
    for variant in &mut article.variants {
        variant.prices.insert("sar".into(), amount.parse().unwrap());
        variant.list_prices.insert("sar".into(), before.parse().unwrap());
    }
}

async fn try_kinds(real: &Real, kinds: &[(&str, Edit, Edit)]) {
    try_kinds_in(Lab::of(real).await, kinds).await;
}

async fn try_kinds_in(mut lab: Lab<'_>, kinds: &[(&str, Edit, Edit)]) {
    let real = lab.real;
    let mut wrong = Vec::new();
    let mut world = lab.world(AS_IS, AS_IS);
    world.push(&world.before).await.unwrap();
    world.people = Some(People::at_work(real, &world.keys[0]).await);
    let mut writes = Vec::new();
    for (name, from, to) in kinds {
        lab.states(&mut world, *from, *to);
        if let Err(why) = lab.case(&world, None).await {
            wrong.push(format!("{name}, without a fault: {why}"));
        }
        writes.push(lab.proxy.calls().len());
        assert!(!lab.proxy.calls().is_empty(), "{name} writes nothing");
    }
    let each = writes.iter().enumerate().flat_map(|(kind, writes)| (0..*writes).map(move |n| (kind, n)));
    for (kind, n, fault) in chosen(each.flat_map(|(kind, n)| FAULTS.map(|fault| (kind, n, fault))).collect()) {
        let (name, from, to) = kinds[kind];
        lab.states(&mut world, from, to);
        if let Err(why) = lab.case(&world, Some((n, fault))).await {
            wrong.push(format!("{name}, {fault:?} at write {n} of {:?}: {why}", lab.proxy.calls()));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n\n"));
}

#[tokio::test]
async fn whatever_write_is_refused_or_lost_no_price_is_missing_and_nothing_of_peoples() {
    let Some(real) = Real::connect().await else { return };
    try_kinds(&real, KINDS).await;
}

#[tokio::test]
async fn the_same_where_what_is_gone_is_kept_sold_out_and_lends_its_bar_code() {
    let Some(mut real) = Real::connect().await else { return };
    real.shop.references.retention = medusa::plan::RETENTION;
    try_kinds(&real, KEPT).await;
}

#[tokio::test]
async fn the_same_where_a_kept_size_is_deleted_because_its_time_is_over() {
    let Some(mut real) = Real::connect().await else { return };
    real.shop.references.retention = 1;
    let mut lab = Lab::of(&real).await;
    lab.first = Some(AS_IS);
    try_kinds_in(lab, DELETED).await;
}

#[tokio::test]
async fn the_same_with_reduced_prices_in_price_lists() {
    let Some(real) = Real::connect_with(CompareAt::PriceLists).await else { return };
    try_kinds(&real, REDUCTIONS).await;
}

#[tokio::test]
async fn whatever_write_of_a_creation_is_refused_or_lost_nothing_is_on_sale_before_it_is_whole() {
    let Some(real) = Real::connect().await else { return };
    let mut lab = Lab::of(&real).await;
    let first = lab.world(AS_IS, AS_IS);
    lab.case(&first, None).await.unwrap();
    let writes = lab.proxy.calls().len();
    let mut wrong = Vec::new();
    for (_, n, fault) in chosen((0..writes).flat_map(|n| FAULTS.map(|fault| (0, n, fault))).collect()) {
        let world = lab.world(AS_IS, AS_IS);
        if let Err(why) = lab.case(&world, Some((n, fault))).await {
            wrong.push(format!("{fault:?} at write {n} of {:?}: {why}", lab.proxy.calls()));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n\n"));
}
