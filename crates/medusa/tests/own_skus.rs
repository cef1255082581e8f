//! Two products whose SKUs we made alike: both are for sale, and no SKU in the shop changes.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails where it unwraps")]

use crate::support;

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use catalog::{Failure, ProductKey};
use medusa::stock::{Book, Recall, StockBooks};
use medusa::{Article, Change, Depth, Note, Outcome, Shop, SkuOwners, own_sku};
use serde_json::{Value, json};
use support::books::{just_now, note, now_ms, recall};
use support::{Real, Shown, deadline, offered, shirt, withheld};

/// Other products' SKUs are theirs, and these we made.
#[derive(Default)]
struct MadeHere {
    made: BTreeSet<String>,
    asked: AtomicUsize,
}

impl MadeHere {
    fn all_of(article: &Article) -> Self {
        Self { made: article.variants.iter().map(|variant| variant.sku.clone()).collect(), ..Self::default() }
    }
}

impl medusa::Addresses for MadeHere {}

impl SkuOwners for MadeHere {
    async fn wants(&self, _: &ProductKey, _: &str, _: Instant) -> Result<bool, Failure> {
        Ok(true)
    }

    async fn made(&self, _: &ProductKey, _: Instant) -> Result<BTreeSet<String>, Failure> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Ok(self.made.clone())
    }
}

impl StockBooks for MadeHere {
    fn now_ms(&self) -> i64 {
        now_ms()
    }

    async fn recall(&self, keys: &[&ProductKey], _: Instant) -> Result<HashMap<ProductKey, Recall>, Failure> {
        Ok(recall(keys, just_now))
    }

    async fn note(&self, books: &[(&ProductKey, &Book)], _: Instant) -> Vec<Result<(), Failure>> {
        note(books)
    }
}

async fn push(shop: &Shop, key: &ProductKey, article: &Article, depth: Depth, owners: &MadeHere) -> Outcome {
    shop.push(&[(&offered(key, article), depth)], owners, deadline()).await.remove(0)
}

/// One id of two sources.
fn two_keys(real: &Real) -> [ProductKey; 2] {
    let key = real.new_key();
    let other = ProductKey::new("later", key.id()).unwrap();
    [key, other]
}

/// The article as the shop has it, with SKUs of the product's own in the place of these.
fn with_own(key: &ProductKey, article: &Article, places: &[usize]) -> Article {
    let mut article = article.clone();
    for place in places {
        let variant = &mut article.variants[*place];
        variant.sku = own_sku::own(key, &variant.sku);
    }
    article
}

/// The shop's row of each variant of the article.
fn rows_of<'a>(product: &'a Value, article: &Article) -> Vec<&'a Value> {
    let rows = product["variants"].as_array().unwrap();
    let row = |sku: &str| rows.iter().find(|row| row["sku"] == sku).unwrap();
    article.variants.iter().map(|variant| row(&variant.sku)).collect()
}

fn ids(product: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    product["variants"].as_array().unwrap().iter().map(|row| (text(&row["sku"]), text(&row["id"]))).collect()
}

#[tokio::test]
async fn of_two_sources_with_one_id_both_are_for_sale_and_each_keeps_its_skus() {
    let Some(real) = Real::connect().await else { return };
    let [first, later] = two_keys(&real);
    let code = |article: &mut Article| {
        let digits = u64::from_str_radix(&blake3::hash(first.to_string().as_bytes()).to_hex()[..10], 16).unwrap();
        article.variants[0].columns.insert("barcode", json!(format!("79{digits:013}")));
    };
    let [mut one, mut two] = [&first, &later].map(|key| shirt(key, &["S", "M"]));
    code(&mut one);
    code(&mut two);
    for variant in &mut two.variants {
        variant.prices.insert("sar".into(), 77.into());
        variant.stock = 7;
    }
    let owners = MadeHere::all_of(&two);
    push(&real.shop, &first, &one, Depth::Light, &owners).await.unwrap();
    assert_eq!(owners.asked.load(Ordering::Relaxed), 0, "nothing is taken");
    let before = real.admin_product(&first).await.unwrap();

    assert_eq!(push(&real.shop, &later, &two, Depth::Light, &owners).await.unwrap().change, Change::Created);
    let own = with_own(&later, &two, &[0, 1]);
    assert_eq!(real.shown(&later).await, Some(Shown::expected(&own, &real)));
    real.assert_purchasable(&later, &own).await;
    real.assert_purchasable(&first, &one).await;
    assert_eq!(real.admin_product(&first).await.unwrap(), before, "nothing of it has changed");
    let there = real.admin_product(&later).await.unwrap();
    // The shop lists variants in no promised order.
    for (row, wanted) in rows_of(&there, &own).into_iter().zip(&two.variants) {
        assert_eq!(row["metadata"][own_sku::SAID], wanted.sku.as_str());
        assert_eq!(row["barcode"], Value::Null, "a code is one variant's");
    }
    support::rows_are_sound(&there).unwrap();
    let orphans = real.admin_get("/admin/inventory-items", &[("q", first.id()), ("fields", "id,sku")]).await;
    assert_eq!(orphans["inventory_items"].as_array().unwrap().len(), 4, "one for each variant of both");

    // The same once more is no change, however closely it is looked at, and nobody is asked again.
    let asked = owners.asked.load(Ordering::Relaxed);
    for depth in [Depth::Light, Depth::Full] {
        let shop = real.another_shop();
        assert_eq!(push(&shop, &later, &two, depth, &owners).await.unwrap().change, Change::Unchanged, "{depth:?}");
        assert_eq!(shop.medusa.writes(), real.idle_writes(depth), "{depth:?}");
    }
    assert_eq!(owners.asked.load(Ordering::Relaxed), asked);
    assert_eq!(real.admin_product(&later).await.unwrap(), there);

    // A change, the first being withdrawn, a new size meanwhile, the first coming back: whoever has
    // a SKU keeps it.
    two.title.push_str(" 2");
    two.variants[1].stock = 9;
    push(&real.shop, &later, &two, Depth::Light, &owners).await.unwrap();
    real.shop.push(&[(&withheld(&first), Depth::Light)], &owners, deadline()).await.remove(0).unwrap();
    push(&real.shop, &later, &two, Depth::Full, &owners).await.unwrap();
    assert_eq!(real.shown(&later).await, Some(Shown::expected(&with_own(&later, &two, &[0, 1]), &real)));
    let mut grown = shirt(&later, &["S", "M", "L"]);
    let owners = MadeHere::all_of(&grown);
    code(&mut grown);
    push(&real.shop, &later, &grown, Depth::Light, &owners).await.unwrap();
    assert_eq!(real.shown(&later).await, Some(Shown::expected(&with_own(&later, &grown, &[0, 1]), &real)));
    let mut back = shirt(&first, &["S", "M", "L"]);
    code(&mut back);
    push(&real.shop, &first, &back, Depth::Light, &owners).await.unwrap();
    assert_eq!(real.shown(&first).await, Some(Shown::expected(&with_own(&first, &back, &[2]), &real)));
    for (was, now) in [(&before, &first), (&there, &later)] {
        let now = ids(&real.admin_product(now).await.unwrap());
        assert!(ids(was).iter().all(|pair| now.contains(pair)), "{now:?}");
    }
}

#[tokio::test]
async fn at_once_in_a_batch_or_by_two_functions_one_has_the_sku_and_the_other_its_own() {
    let Some(real) = Real::connect().await else { return };
    for together in [true, false] {
        let keys = two_keys(&real);
        let articles = keys.each_ref().map(|key| shirt(key, &["S", "M"]));
        let owners = MadeHere::all_of(&articles[0]);
        if together {
            let desired = [0, 1].map(|n| offered(&keys[n], &articles[n]));
            let orders = desired.each_ref().map(|desired| (desired, Depth::Light));
            for outcome in real.shop.push(&orders, &owners, deadline()).await {
                outcome.unwrap();
            }
        } else {
            let another = real.another_shop();
            let (one, two) = tokio::join!(
                push(&real.shop, &keys[0], &articles[0], Depth::Light, &owners),
                push(&another, &keys[1], &articles[1], Depth::Light, &owners),
            );
            one.unwrap();
            two.unwrap();
        }
        let mut plain = 0;
        for (key, article) in keys.iter().zip(&articles) {
            let shown = real.shown(key).await.unwrap();
            let own: Vec<usize> = (0..2).filter(|n| !shown.variants.contains_key(&article.variants[*n].sku)).collect();
            plain += 2 - own.len();
            let expected = with_own(key, article, &own);
            assert_eq!(shown, Shown::expected(&expected, &real));
            real.assert_purchasable(key, &expected).await;
        }
        assert_eq!(plain, 2, "each SKU is one variant's");
    }
}

#[tokio::test]
async fn a_size_that_is_new_gets_its_own_and_one_whose_sku_was_given_waits_alone() {
    let Some(real) = Real::connect().await else { return };
    let [first, later] = two_keys(&real);
    let all = shirt(&first, &["S", "M"]);
    push(&real.shop, &first, &all, Depth::Light, &MadeHere::default()).await.unwrap();
    let before = shirt(&later, &["L"]);
    push(&real.shop, &later, &before, Depth::Light, &MadeHere::default()).await.unwrap();

    let mut wanted = shirt(&later, &["L", "S", "M"]);
    for variant in &mut wanted.variants {
        variant.prices.insert("sar".into(), 31.into());
    }
    let mut some = wanted.clone();
    some.variants.truncate(2);
    let owners = MadeHere::all_of(&some);
    for depth in [Depth::Light, Depth::Light, Depth::Full] {
        let failure = push(&real.shop, &later, &wanted, depth, &owners).await.unwrap_err();
        assert_eq!(failure.code, "medusa_sku_taken");
        assert!(failure.message.contains(&wanted.variants[2].sku), "{}", failure.message);
        assert!(!failure.message.contains(&wanted.variants[1].sku), "{}", failure.message);
        assert_eq!(real.shown(&later).await, Some(Shown::expected(&with_own(&later, &some, &[1]), &real)));
    }
    assert_eq!(real.shown(&first).await, Some(Shown::expected(&all, &real)));
}

#[tokio::test]
async fn a_product_that_waited_before_gets_its_own_and_what_a_person_deletes_stays_away() {
    let Some(real) = Real::connect().await else { return };
    let [first, later] = two_keys(&real);
    let all = shirt(&first, &["S", "M"]);
    push(&real.shop, &first, &all, Depth::Light, &MadeHere::default()).await.unwrap();
    let two = shirt(&later, &["S", "M"]);
    let failure = push(&real.shop, &later, &two, Depth::Light, &MadeHere::default()).await.unwrap_err();
    assert_eq!(failure.code, "medusa_sku_taken", "nobody says that we made it");
    let owners = MadeHere::all_of(&two);
    push(&real.shop, &later, &two, Depth::Full, &owners).await.unwrap();
    let own = with_own(&later, &two, &[0, 1]);
    assert_eq!(real.shown(&later).await, Some(Shown::expected(&own, &real)));

    let there = real.admin_product(&later).await.unwrap();
    let [(_, stays), (sku, gone)] = &ids(&there)[..] else { panic!("{there}") };
    let path = format!("/admin/products/{}/variants/{gone}", there["id"].as_str().unwrap());
    real.shop.medusa.delete(&path, deadline()).await.unwrap();
    for depth in [Depth::Full, Depth::Full] {
        let pushed = push(&real.shop, &later, &two, depth, &owners).await.unwrap();
        assert!(
            matches!(&pushed.notes[..], [Note::SetAside(medusa::Aside::Variant { sku: told })] if told == sku),
            "{:?}",
            pushed.notes
        );
        let rest = ids(&real.admin_product(&later).await.unwrap());
        assert_eq!(rest.iter().map(|(_, id)| id).collect::<Vec<_>>(), [stays]);
    }
}
