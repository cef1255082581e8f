//! From the PIM to a real shop: what people do in the PIM is what customers see, whoever pushes and
//! however often.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use catalog::{ContentHash, ErrorKind, Failure, ProductKey, Version};
use common::support::{Real, decimal, rows_are_sound};
use common::{Function, dress, in_pim, open, path};
use ledger::DesiredDoc;
use medusa::{CompareAt, Medusa};
use runtime::Outcome;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use testing::standin::{StandIn, later};
use worker::access::medusa::Lookup;

fn all_done(outcomes: &BTreeMap<ProductKey, Outcome>) {
    let other: Vec<_> = outcomes.iter().filter(|(_, outcome)| **outcome != Outcome::Done).collect();
    assert!(other.is_empty(), "{other:?}");
}

#[tokio::test]
async fn what_people_do_in_the_pim_is_what_customers_see() {
    let Some(real) = Real::connect().await else { return };
    let pim = StandIn::start("shop").await;
    let (pimcore, open, function) = (pim.client(), open(&real), Function::default());
    let key = real.new_key();
    let mut product = dress(&key);
    product.categories.clear();
    in_pim(&pimcore, std::slice::from_ref(&product), 0).await;
    let push = async || all_done(&function.run(&pimcore, &open, std::slice::from_ref(&key)).await);

    push().await;
    let shown = real.shown(&key).await.unwrap();
    assert_eq!((shown.title.as_str(), shown.languages["ar-SA"].title.as_str()), ("Dress", "فستان"));
    assert_eq!(shown.variants.len(), 6);
    let white = &shown.variants[&format!("{}-White-M", key.id())];
    assert_eq!(
        (white.prices["sar"], white.prices["usd"], white.stock),
        ("51.85".parse().unwrap(), "13.82".parse().unwrap(), 20)
    );
    let state = function.memory.state(&key).medusa;
    assert_eq!(
        state.applied.unwrap().remote_id,
        real.admin_product(&key).await.unwrap()["id"].as_str().map(str::to_owned)
    );

    pim.edit(&path(&key), json!({"marketingName": {"en": "Evening dress"}}));
    push().await;
    assert_eq!(real.shown(&key).await.unwrap().title, "Evening dress");
    let there = real.admin_product(&key).await;

    for (hide, show) in [
        (json!({"published": false}), json!({"published": true})),
        (json!({"shopVisibility": "hide"}), json!({"shopVisibility": "inherit"})),
    ] {
        pim.edit(&path(&key), hide);
        push().await;
        assert_eq!(real.shown(&key).await, None);
        pim.edit(&path(&key), show);
        push().await;
        assert_eq!(real.shown(&key).await.unwrap().title, "Evening dress");
    }
    assert_eq!(real.admin_product(&key).await.unwrap()["id"], there.unwrap()["id"]);

    pim.delete(&path(&key));
    push().await;
    assert_eq!(real.shown(&key).await, None);
    assert_eq!(real.admin_product(&key).await.unwrap()["status"], "draft");
}

#[tokio::test]
async fn what_people_take_off_sale_in_the_shop_stands_is_noted_and_comes_back_when_it_is_released() {
    let Some(real) = Real::connect().await else { return };
    let pim = StandIn::start("aside").await;
    let (pimcore, open, function) = (pim.client(), open(&real), Function::default());
    let key = real.new_key();
    let mut product = dress(&key);
    product.categories.clear();
    in_pim(&pimcore, std::slice::from_ref(&product), 0).await;
    let push = async || all_done(&function.run(&pimcore, &open, std::slice::from_ref(&key)).await);
    let noted = async || function.memory.set_aside().await.unwrap();
    let retitled = |title: &str| pim.edit(&path(&key), json!({"marketingName": {"en": title}}));
    push().await;

    for act in ["draft", "deleted"] {
        let id = real.admin_product(&key).await.unwrap()["id"].as_str().unwrap().to_owned();
        let there = format!("/admin/products/{id}");
        match act {
            "draft" => drop(real.admin_post(&there, &json!({"status": "draft"})).await),
            _ => real.shop.medusa.delete(&there, later()).await.unwrap(),
        }
        retitled(&format!("Not for sale {act}"));
        push().await;
        let first = function.memory.state(&key);
        retitled(&format!("Still not for sale {act}"));
        push().await;
        assert_eq!(real.shown(&key).await, None, "{act}");
        let state = function.memory.state(&key);
        assert_eq!((state.aside[0].what.as_str(), &state.aside), (act, &first.aside), "since it was first seen");
        assert_eq!(
            (state.medusa.last_error, state.medusa.attempts, state.pending_since),
            (None, 0, None),
            "{act}: at rest"
        );
        let listed: Vec<_> = noted().await.into_iter().filter(|(own, _)| *own == key).collect();
        assert_eq!(listed, [(key.clone(), state.aside)]);

        assert!(function.memory.release_aside(&key, 7).await.unwrap());
        push().await;
        assert_eq!(real.shown(&key).await.unwrap().title, format!("Still not for sale {act}"));
        let state = function.memory.state(&key);
        assert_eq!((state.aside, state.release, noted().await), (vec![], None, vec![]));
        assert!(!function.memory.release_aside(&key, 8).await.unwrap(), "nothing is set aside any more");
    }
}

/// A product that a feed brought: the PIM's remarks have to follow, so its stage there is to be
/// done again, and it is announced.
#[tokio::test]
async fn the_pim_is_told_once_of_what_is_set_aside_and_once_of_its_end() {
    let Some(real) = Real::connect().await else { return };
    let pim = StandIn::start("aside-told").await;
    let (pimcore, open, function) = (pim.client(), open(&real), Function::default());
    let key = real.new_key();
    let mut product = dress(&key);
    product.categories.clear();
    in_pim(&pimcore, std::slice::from_ref(&product), 0).await;
    let version = catalog::Version::new(9_000_000_000_000, "0", 0);
    let hash = catalog::ContentHash::of(&product);
    let said = ledger::core::desired::write_state(&key, &version, &hash, "run", 0);
    function.memory.write(&said).await.unwrap().unwrap();
    let push = async || {
        all_done(&function.run(&pimcore, &open, std::slice::from_ref(&key)).await);
        let told = function.heard.take().len();
        (told, function.memory.state(&key).pimcore.recheck_at.is_some())
    };
    assert_eq!(push().await, (0, false));
    let there = format!("/admin/products/{}", real.admin_product(&key).await.unwrap()["id"].as_str().unwrap());
    for (status, title) in [("draft", "One"), ("published", "Two"), ("draft", "Three")] {
        real.admin_post(&there, &json!({ "status": status })).await;
        pim.edit(&path(&key), json!({"marketingName": {"en": title}}));
        assert_eq!(push().await, (1, true), "{status}");
        let in_doubt = ledger::core::Write {
            key: ledger::core::state::item_key(&key),
            condition: ledger::core::Condition::Always,
            changes: vec![ledger::core::Change::Remove("pimcore_recheck_at")],
        };
        function.memory.write(&in_doubt).await.unwrap().unwrap();
        assert_eq!(push().await, (0, false), "{status}: no news");
    }
    // What a person deleted in the PIM is not made again there for its remarks.
    pim.delete(&path(&key));
    assert_eq!(push().await, (0, false));
    assert_eq!(function.memory.state(&key).aside, []);
}

#[tokio::test]
async fn categories_come_with_the_product_and_move_with_the_pim() {
    let Some(real) = Real::connect().await else { return };
    let pim = StandIn::start("categories").await;
    let (pimcore, open, function) = (pim.client(), open(&real), Function::default());
    let key = real.new_key();
    let product = dress(&key);
    let version = catalog::Version::new(9_000_000_000_000, "0", 0);
    let category = common::category_path(&key);
    let claim = pimcore::Claim { source: key.source(), version: &version, path: &category };
    let placed = pimcore.place_categories(&[claim], false, later()).await.unwrap();
    let id = placed.id_of(key.source(), &category).unwrap().unwrap();
    in_pim(&pimcore, std::slice::from_ref(&product), 0).await;
    let tree = pimcore.category_tree(std::time::Duration::ZERO, later()).await.unwrap();
    let leaf = tree.get(id).unwrap().path.as_str().to_owned();
    pim.edit(&path(&key), json!({"extraCategories": [leaf]}));
    all_done(&function.run(&pimcore, &open, std::slice::from_ref(&key)).await);

    let shown = real.shown(&key).await.unwrap();
    let id = shown.categories.first().unwrap().clone();
    let fields = [("fields", "id,name,is_active,parent_category.name,external_id,*translations")];
    let there = real.admin_get(&format!("/admin/product-categories/{id}"), &fields).await;
    let there = &there["product_category"];
    assert_eq!((&there["name"], &there["is_active"]), (&json!("Dresses"), &json!(true)));
    assert_eq!(there["parent_category"]["name"], "Women");
    assert_eq!(there["translations"][0]["translations"]["name"], "نساء");

    pim.edit(&leaf, json!({"hidden": true}));
    let fresh = common::open(&real);
    pimcore.category_tree(std::time::Duration::ZERO, later()).await.unwrap();
    all_done(&function.run(&pimcore, &fresh, std::slice::from_ref(&key)).await);
    assert_eq!(real.shown(&key).await.unwrap().categories, BTreeSet::new());
}

#[tokio::test]
async fn four_functions_with_the_same_products_leave_no_duplicate_row() {
    let Some(real) = Real::connect().await else { return };
    four_functions(&real, &StandIn::start("four").await).await;
}

#[tokio::test]
async fn with_price_lists_four_functions_with_the_same_products_leave_no_duplicate_row() {
    let Some(real) = Real::connect_with(CompareAt::PriceLists).await else { return };
    four_functions(&real, &StandIn::start("four-listed").await).await;
}

/// Twice, new and changed: all four get every product in every batch.
async fn four_functions(real: &Real, pim: &StandIn) {
    let function = Function::default();
    let keys: Vec<ProductKey> = (0..200).map(|_| real.new_key()).collect();
    let mut products: Vec<_> = keys.iter().map(dress).collect();
    products.iter_mut().for_each(|product| product.categories.clear());
    let pimcore = pim.client();
    for round in 0..2 {
        if round == 1 {
            for product in &mut products {
                product.name = product.name.clone().with("en", "Second round");
                product.images.reverse();
                for variant in &mut product.variants {
                    variant.prices[0].amount = "49.95".parse().unwrap();
                }
            }
        }
        in_pim(&pimcore, &products, round).await;
        let workers = (0..4).map(async |_| {
            let (pimcore, open) = (pim.client(), open(real));
            for batch in keys.chunks(25) {
                // Whoever comes second gives the message back, and it comes again.
                let mut waiting = batch.to_vec();
                while !waiting.is_empty() {
                    let outcomes = function.run(&pimcore, &open, &waiting).await;
                    for outcome in outcomes.values() {
                        let leased = matches!(outcome, Outcome::Failed(failure) if failure.code == "leased");
                        assert!(leased || *outcome == Outcome::Done, "{outcome:?}");
                    }
                    waiting.retain(|key| outcomes[key] != Outcome::Done);
                    tokio::task::yield_now().await;
                }
            }
        });
        futures::future::join_all(workers).await;
    }
    let mut there = Vec::new();
    for batch in keys.chunks(50) {
        there.extend(real.admin_products(batch).await.into_iter().map(Option::unwrap));
    }
    assert_eq!(there.len(), 200);
    let listed = !real.shop.references.price_lists.in_use.is_empty();
    for (product, entries) in there.iter().zip(real.entries_of(&there).await) {
        is_of_the_second_round(product, &entries, listed);
    }
}

fn is_of_the_second_round(product: &Value, entries: &[(String, String, Decimal)], listed: bool) {
    rows_are_sound(product).unwrap();
    assert_eq!((product["title"].as_str(), product["status"].as_str()), (Some("Second round"), Some("published")));
    let mut images: Vec<&Value> = product["images"].as_array().unwrap().iter().collect();
    images.sort_by_key(|image| image["rank"].as_i64());
    assert!(images[0]["url"].as_str().unwrap().ends_with("/b.jpg"), "{images:?}");
    let variants = product["variants"].as_array().unwrap();
    assert_eq!(variants.len(), 6);
    for variant in variants {
        let prices = variant["prices"].as_array().unwrap().iter();
        let sar = prices.filter(|price| price["currency_code"] == "sar").map(|price| decimal(&price["amount"]));
        let expected = if listed { "61" } else { "49.95" };
        assert_eq!(sar.collect::<Vec<_>>(), [expected.parse().unwrap()], "{variant}");
    }
    // One entry for each variant, which is what one pays.
    let mut expected: Vec<_> = variants
        .iter()
        .filter(|_| listed)
        .map(|variant| (variant["sku"].as_str().unwrap().to_owned(), "sar".to_owned(), "49.95".parse().unwrap()))
        .collect();
    expected.sort();
    assert_eq!(entries, expected);
}

#[tokio::test]
async fn a_shop_that_cannot_be_reached_leaves_the_messages_waiting_with_the_reason() {
    let Some(real) = Real::connect().await else { return };
    let pim = StandIn::start("unreachable").await;
    let (pimcore, mut shut, function) = (pim.client(), open(&real), Function::default());
    let key = real.new_key();
    let mut product = dress(&key);
    product.categories.clear();
    in_pim(&pimcore, std::slice::from_ref(&product), 0).await;
    let nowhere = medusa::Credentials::Key { secret_key: "sk_1".into() };
    std::sync::Arc::get_mut(&mut shut).unwrap().shop.medusa = Medusa::new("http://127.0.0.1:9", nowhere).unwrap();
    let outcomes = function.run(&pimcore, &shut, std::slice::from_ref(&key)).await;
    let Outcome::Failed(failure) = &outcomes[&key] else { panic!("{outcomes:?}") };
    assert_eq!((failure.kind, failure.code.as_str()), (ErrorKind::Transient, "medusa_unreachable"));
    let recorded = function.memory.state(&key).medusa.last_error.unwrap();
    assert!(recorded.message.contains(&key.to_string()), "{}", recorded.message);

    // Until a request that got no answer can no longer land, the product is looked at once more.
    let fine = open(&real);
    let outcomes = function.run(&pimcore, &fine, std::slice::from_ref(&key)).await;
    assert!(matches!(outcomes[&key], Outcome::Again(_) | Outcome::Done), "{outcomes:?}");
    function.clock.0.store(200_000, Ordering::Relaxed);
    all_done(&function.run(&pimcore, &fine, std::slice::from_ref(&key)).await);
    assert_eq!(function.memory.state(&key).medusa.last_error, None);
    assert!(real.shown(&key).await.is_some());
}

#[tokio::test]
async fn a_currency_that_was_added_meanwhile_is_seen_before_a_product_is_refused() {
    let Some(real) = Real::connect().await else { return };
    let pim = StandIn::start("currency").await;
    let (pimcore, mut outdated, function) = (pim.client(), open(&real), Function::default());
    std::sync::Arc::get_mut(&mut outdated).unwrap().shop.references.currencies = BTreeSet::from(["jpy".to_owned()]);
    let key = real.new_key();
    let mut product = dress(&key);
    product.categories.clear();
    in_pim(&pimcore, std::slice::from_ref(&product), 0).await;
    let run = async |newest: &std::sync::Arc<worker::access::medusa::OpenShop>| {
        let looks = std::cell::Cell::new(0);
        let opening = async |lookup: Lookup| match lookup {
            Lookup::Kept => Ok(outdated.clone()),
            Lookup::Fresh => {
                looks.set(looks.get() + 1);
                Ok(newest.clone())
            }
        };
        let outcomes = function.run_opening(&Ok(pimcore.clone()), opening, std::slice::from_ref(&key)).await;
        assert_eq!(looks.get(), 1);
        outcomes[&key].clone()
    };
    let Outcome::Failed(failure) = run(&outdated).await else { panic!("there is no price in yen") };
    assert_eq!((failure.kind, failure.code.as_str()), (ErrorKind::Permanent, "medusa_no_price"));
    let outcome = run(&open(&real)).await;
    assert!(matches!(outcome, Outcome::Done), "{outcome:?}");
    assert!(real.shown(&key).await.is_some());
}

#[tokio::test]
async fn a_second_look_at_the_shop_that_fails_holds_up_only_what_asked_for_it() {
    let Some(real) = Real::connect().await else { return };
    let pim = StandIn::start("look").await;
    let (pimcore, mut outdated, function) = (pim.client(), open(&real), Function::default());
    std::sync::Arc::get_mut(&mut outdated).unwrap().shop.references.currencies = BTreeSet::from(["sar".to_owned()]);
    let keys = [real.new_key(), real.new_key()];
    let mut products = keys.each_ref().map(dress);
    for (product, currency) in products.iter_mut().zip(["SAR", "USD"]) {
        product.categories.clear();
        for variant in &mut product.variants {
            variant.prices.retain(|price| price.currency.as_str() == currency);
            assert!(!variant.prices.is_empty(), "a dress has a price in {currency}");
        }
    }
    in_pim(&pimcore, &products, 0).await;
    let opening = async |lookup: Lookup| match lookup {
        Lookup::Kept => Ok(outdated.clone()),
        Lookup::Fresh => Err(Failure::transient("medusa_unavailable", "GET /admin/stores: 503")),
    };
    let outcomes = function.run_opening(&Ok(pimcore.clone()), opening, &keys).await;
    assert!(matches!(outcomes[&keys[0]], Outcome::Done), "{outcomes:?}");
    assert!(real.shown(&keys[0]).await.is_some());
    let Outcome::Failed(failure) = &outcomes[&keys[1]] else { panic!("{outcomes:?}") };
    assert_eq!((failure.kind, failure.code.as_str()), (ErrorKind::Transient, "medusa_unavailable"));
}

#[tokio::test]
async fn after_an_interruption_the_shop_is_compared_in_full() {
    let Some(real) = Real::connect().await else { return };
    let pim = StandIn::start("interrupted").await;
    let (pimcore, open, function) = (pim.client(), open(&real), Function::default());
    let key = real.new_key();
    let mut product = dress(&key);
    product.categories.clear();
    in_pim(&pimcore, std::slice::from_ref(&product), 0).await;
    all_done(&function.run(&pimcore, &open, std::slice::from_ref(&key)).await);

    // Somebody claims it and dies; what he had under way lands late: a price that nobody asked for.
    let owner = ledger::Owner("dead".into());
    let now = runtime::Clock::now_ms(&function.clock);
    function.memory.claim(ledger::Stage::Medusa, std::slice::from_ref(&key), &owner, now).await.unwrap();
    let there = real.admin_product(&key).await.unwrap();
    let variant = &there["variants"][0];
    let late = json!({"prices": [{"currency_code": "sar", "amount": 1}]});
    let admin =
        format!("/admin/products/{}/variants/{}", there["id"].as_str().unwrap(), variant["id"].as_str().unwrap());
    real.admin_post(&admin, &late).await;
    let sku = variant["sku"].as_str().unwrap();

    let busy = function.run(&pimcore, &open, std::slice::from_ref(&key)).await;
    assert!(matches!(&busy[&key], Outcome::Failed(failure) if failure.code == "leased"), "{busy:?}");
    function.clock.0.store(95_000, Ordering::Relaxed);
    let outcomes = function.run(&pimcore, &open, std::slice::from_ref(&key)).await;
    assert!(matches!(outcomes[&key], Outcome::Again(_) | Outcome::Done), "{outcomes:?}");
    assert_eq!(real.shown(&key).await.unwrap().variants[sku].prices["sar"], "51.85".parse().unwrap());
}

#[tokio::test]
async fn what_is_remembered_of_stock_is_asked_for_only_where_a_figure_may_have_changed() {
    let Some(real) = Real::connect().await else { return };
    let pim = StandIn::start("stock").await;
    let (pimcore, open, function) = (pim.client(), open(&real), Function::default());
    let key = real.new_key();
    let mut product = dress(&key);
    product.categories.clear();
    let item = ledger::core::shop::item_key(&key);
    // How often the item was read and written since the last look, and what its first variant's
    // figure is.
    let looked = async || {
        let calls = function.memory.table().take_calls();
        let reads =
            calls.iter().filter(|call| matches!(call, ledger::Call::Read(keys) if keys.contains(&item))).count();
        let writes = calls.iter().filter(|call| matches!(call, ledger::Call::Write(key, true) if *key == item)).count();
        let stock = function.memory.stock(std::slice::from_ref(&key)).await.unwrap().remove(&key).unwrap().unwrap();
        drop(function.memory.table().take_calls());
        let book: medusa::Book = serde_json::from_slice(&stock.json).unwrap();
        assert_eq!(book.0.len(), 6);
        (reads, writes, book.0.into_values().map(|applied| applied.figure).max().unwrap())
    };
    let mut round = 0;
    // A new product's address is noted before its stock.
    for (change, expected) in
        [("new", (1, 2, 20)), ("nothing", (0, 0, 20)), ("title", (1, 0, 20)), ("stock", (1, 1, 25))]
    {
        match change {
            "title" => product.name = product.name.clone().with("en", "Evening dress"),
            "stock" => product.variants[2].stock = 25,
            _ => {}
        }
        if change != "nothing" {
            in_pim(&pimcore, std::slice::from_ref(&product), round).await;
            round += 1;
        }
        all_done(&function.run(&pimcore, &open, std::slice::from_ref(&key)).await);
        assert_eq!(looked().await, expected, "{change}");
    }
    assert_eq!(real.shown(&key).await.unwrap().variants[&product.variants[2].sku].stock, 25);
}

#[tokio::test]
async fn of_two_sources_with_one_id_the_later_gets_skus_of_its_own_where_they_were_made() {
    let Some(real) = Real::connect().await else { return };
    let pim = StandIn::start("own-skus").await;
    let (pimcore, open, function) = (pim.client(), open(&real), Function::default());
    let first = real.new_key();
    let [made, given] = ["made", "given"].map(|source| ProductKey::new(source, first.id()).unwrap());
    let mut products = [&first, &made, &given].map(dress);
    products[1].made_skus = products[1].variants.iter().map(|variant| variant.sku.clone()).collect();
    products.iter_mut().for_each(|product| product.categories.clear());
    in_pim(&pimcore, &products, 0).await;
    for product in &products {
        let doc = DesiredDoc {
            product: product.clone(),
            version: Version::new(9_000_000_000_000, "0", 0),
            hash: ContentHash::of(product),
            run: "run".into(),
            provenance: "test".into(),
        };
        function.memory.put_desired(&product.key().unwrap(), &doc, 1).await.unwrap();
    }
    all_done(&function.run(&pimcore, &open, std::slice::from_ref(&first)).await);
    let before = real.admin_product(&first).await;

    let outcomes = function.run(&pimcore, &open, &[made.clone(), given.clone()]).await;
    assert_eq!(outcomes[&made], Outcome::Done);
    let Outcome::Failed(failure) = &outcomes[&given] else { panic!("{outcomes:?}") };
    assert_eq!((failure.kind, failure.code.as_str()), (ErrorKind::Permanent, "medusa_sku_taken"));
    assert_eq!((real.admin_product(&first).await, real.shown(&given).await), (before, None));
    let shown = real.shown(&made).await.unwrap();
    let own: BTreeSet<String> =
        products[1].variants.iter().map(|variant| medusa::own_sku::own(&made, &variant.sku)).collect();
    assert_eq!(shown.variants.keys().cloned().collect::<BTreeSet<_>>(), own);
    let row = shown.variants.values().next().unwrap();
    assert_eq!((row.prices["sar"], row.stock), ("51.85".parse().unwrap(), 20));

    let there = real.admin_product(&made).await;
    all_done(&function.run(&pimcore, &open, std::slice::from_ref(&made)).await);
    assert_eq!(real.admin_product(&made).await, there, "nothing is written");
}
