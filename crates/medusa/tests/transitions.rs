//! From one state of a product to another: after the push the storefront shows exactly the new
//! state, what is in both states keeps its identity, what people chose (tags, type, collection)
//! stays, nothing else in the shop has changed, and a second push does nothing.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails where it unwraps")]

#[path = "transitions/edits.rs"]
mod edits;
mod support;

use std::collections::BTreeMap;

use catalog::ProductKey;
use edits::{Edit, REDUCTIONS, SHIRTS, TRANSITIONS, WOMEN};
use futures::{StreamExt, future, stream};
use medusa::{Article, Change, CompareAt, Depth};
use serde_json::{Value, json};
use support::{NobodyWants, Real, Shown, curation, deadline, offered, shirt};

/// Makes the two categories; the id that each name stands for.
async fn categories(real: &Real) -> BTreeMap<String, String> {
    let mut ids = BTreeMap::new();
    for name in [WOMEN, SHIRTS] {
        let external_id = format!("test:{}-{name}", real.new_key().id());
        let body = json!({"name": external_id, "is_active": true, "external_id": external_id});
        let made = real.admin_post("/admin/product-categories", &body).await;
        ids.insert(name.to_owned(), made["product_category"]["id"].as_str().unwrap().to_owned());
    }
    ids
}

#[tokio::test]
async fn every_transition_ends_in_exactly_the_new_state() {
    let Some(real) = Real::connect().await else { return };
    all_end_right(&real, TRANSITIONS).await;
}

#[tokio::test]
async fn with_managed_price_lists_every_transition_ends_in_exactly_the_new_state() {
    let Some(real) = Real::connect_with(CompareAt::PriceLists).await else { return };
    all_end_right(&real, REDUCTIONS).await;
}

/// What goes is sold out and kept, and what comes back is the same row with all that people had
/// given it.
#[tokio::test]
async fn whatever_a_transition_takes_away_is_sold_out_and_comes_back_with_all_that_people_gave_it() {
    let Some(mut real) = Real::connect().await else { return };
    real.shop.references.retention = medusa::plan::RETENTION;
    let real = &real;
    let categories = categories(real).await;
    let two = TRANSITIONS.iter().map(|(name, from, to)| {
        let key = real.new_key();
        let [mut a, mut b] = [shirt(&key, &["S", "M", "L"]), shirt(&key, &["S", "M", "L"])];
        from(&mut a, &key);
        to(&mut b, &key);
        (name, key, a, b)
    });
    // Nothing is taken away by the others.
    let each = two.filter(|(.., a, b)| a.variants.iter().any(|old| b.variants.iter().all(|new| new.sku != old.sku)));
    let each = each.map(async |(name, key, mut a, mut b)| {
        for article in [&mut a, &mut b] {
            article.categories = article.categories.iter().map(|name| categories[name].clone()).collect();
        }
        there_and_back(real, &key, &a, &b).await.map_err(|why| format!("{name}: {why}"))
    });
    let all: Vec<Result<usize, String>> = stream::iter(each).buffer_unordered(4).collect().await;
    let kept: usize = all.iter().flatten().sum();
    let broken: Vec<&String> = all.iter().filter_map(|result| result.as_ref().err()).collect();
    assert!(broken.is_empty(), "{} of {} transitions:\n{broken:#?}", broken.len(), all.len());
    println!("{} transitions", all.len());
    assert!(kept > 20, "{kept} variants went and came back");
}

/// How many variants went.
async fn there_and_back(real: &Real, key: &ProductKey, a: &Article, b: &Article) -> Result<usize, String> {
    let push = async |article: &Article| real.push(&offered(key, article)).await.map_err(|failure| failure.to_string());
    let product = push(a).await?.product_id.unwrap();
    let before = real.admin_product(key).await.unwrap();
    for (n, variant) in before["variants"].as_array().unwrap().iter().enumerate() {
        let mut prices: Vec<Value> = variant["prices"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| json!({"id": p["id"], "currency_code": p["currency_code"], "amount": p["amount"]}))
            .collect();
        prices.push(json!({"currency_code": "sar", "amount": 1, "min_quantity": 100}));
        let theirs = json!({"barcode": format!("{}-{n}", key.id()), "weight": 250 + n, "prices": prices, "allow_backorder": n == 0});
        real.admin_post(&format!("/admin/products/{product}/variants/{}", variant["id"].as_str().unwrap()), &theirs)
            .await;
    }
    let before = real.admin_product(key).await.unwrap();
    push(b).await?;
    let away = shown_apart(real, key, b, "state B").await?;
    at_rest(real, key, b).await?;
    push(a).await?;
    shown_apart(real, key, a, "state A again").await?;
    at_rest(real, key, a).await?;
    let after = real.admin_product(key).await.unwrap();
    let rows = |product: &Value| product["variants"].as_array().unwrap().clone();
    for old in rows(&before) {
        let Some(new) = rows(&after).into_iter().find(|new| new["sku"] == old["sku"]) else {
            return Err(format!("{} is not there again", old["sku"]));
        };
        for field in ["id", "barcode", "weight", "manage_inventory", "allow_backorder"] {
            if new[field] != old[field] {
                return Err(format!("{}: {field} was {} and is {}", old["sku"], old[field], new[field]));
            }
        }
        let tiers = |row: &Value| -> Vec<Value> {
            let rows = row["prices"].as_array().unwrap().iter().filter(|price| price["min_quantity"] == 100);
            rows.map(|price| price["id"].clone()).collect()
        };
        if tiers(&new) != tiers(&old)
            || new["metadata"].get("relay_gone").is_some_and(|gone| !gone.is_null() && gone != "")
        {
            return Err(format!("{}: {} became {}", old["sku"], old["prices"], new["prices"]));
        }
    }
    Ok(away)
}

/// Everything that the article has is shown as it says; whatever else there is, is sold out. How
/// much that is.
async fn shown_apart(real: &Real, key: &ProductKey, article: &Article, state: &str) -> Result<usize, String> {
    let mut expected = Shown::expected(article, real);
    let mut shown = real.shown(key).await.ok_or_else(|| format!("{state} is not shown at all"))?;
    let rest: Vec<String> =
        shown.variants.keys().filter(|sku| !expected.variants.contains_key(*sku)).cloned().collect();
    let there = real.admin_product(key).await.unwrap();
    for sku in &rest {
        let gone = shown.variants.remove(sku).unwrap();
        let row = there["variants"].as_array().unwrap().iter().find(|row| row["sku"] == sku.as_str()).unwrap();
        if gone.stock != 0
            || gone.prices.is_empty()
            || row["allow_backorder"] == true
            || row["manage_inventory"] == false
        {
            return Err(format!("{state}: {sku} should be sold out, and is {gone:?}"));
        }
        let id = row["id"].as_str().unwrap();
        if real.cart_subtotal(id, "sar", 1).await.is_ok() {
            return Err(format!("{state}: {sku} can be bought"));
        }
    }
    // Its values are still there.
    for (option, values) in &expected.options {
        if !shown.options.get(option).is_some_and(|shown| values.is_subset(shown)) {
            return Err(format!("{state}: {option} has not {values:?}"));
        }
    }
    expected.options.clone_from(&shown.options);
    same(Some(&shown), &expected, state)?;
    Ok(rest.len())
}

async fn at_rest(real: &Real, key: &ProductKey, article: &Article) -> Result<(), String> {
    let shop = real.another_shop();
    for depth in [Depth::Light, Depth::Full] {
        let again = shop.push(&[(&offered(key, article), depth)], &NobodyWants, deadline()).await.remove(0);
        let again = again.map_err(|failure| failure.to_string())?;
        if again.change != Change::Unchanged || shop.medusa.writes() != real.idle_writes(depth) {
            return Err(format!(
                "a second push ({depth:?}) was {}, with {} writes",
                again.change.as_str(),
                shop.medusa.writes()
            ));
        }
    }
    Ok(())
}

async fn all_end_right(real: &Real, transitions: &[(&str, Edit, Edit)]) {
    let bystander = real.new_key();
    real.push(&offered(&bystander, &shirt(&bystander, &["S", "M"]))).await.unwrap();
    let untouched = real.admin_product(&bystander).await;
    let categories = categories(real).await;
    let curated = real.curated().await;
    let each = transitions.iter().map(async |(name, from, to)| {
        let key = real.new_key();
        let [mut a, mut b] = [shirt(&key, &["S", "M", "L"]), shirt(&key, &["S", "M", "L"])];
        from(&mut a, &key);
        to(&mut b, &key);
        assert_ne!(a, b, "{name}: the two states are the same");
        for article in [&mut a, &mut b] {
            article.categories = article.categories.iter().map(|name| categories[name].clone()).collect();
        }
        let result = transition(real, &key, &a, &b, &curated).await;
        result.map_err(|why| format!("{name}: {why}")).err()
    });
    let mut broken: Vec<String> = stream::iter(each).buffer_unordered(4).filter_map(future::ready).collect().await;
    if real.admin_product(&bystander).await != untouched {
        broken.push("another product changed".to_owned());
    }
    assert!(broken.is_empty(), "{} of {} transitions:\n{}", broken.len(), transitions.len(), broken.join("\n"));
    println!("{} transitions", transitions.len());
}

async fn transition(real: &Real, key: &ProductKey, a: &Article, b: &Article, curated: &Value) -> Result<(), String> {
    let first = real.push(&offered(key, a)).await.map_err(|failure| format!("state A: {failure}"))?;
    if first.change != Change::Created {
        return Err(format!("state A was not created but {}", first.change.as_str()));
    }
    same(real.shown(key).await.as_ref(), &Shown::expected(a, real), "state A")?;
    real.admin_post(&format!("/admin/products/{}", first.product_id.unwrap_or_default()), curated).await;
    let before = real.admin_product(key).await.unwrap();
    let second = real.push(&offered(key, b)).await.map_err(|failure| format!("state B: {failure}"))?;
    if second.change != Change::Updated {
        return Err(format!("state B was not an update but {}", second.change.as_str()));
    }
    same(real.shown(key).await.as_ref(), &Shown::expected(b, real), "state B")?;
    let after = real.admin_product(key).await.unwrap();
    identity(&before, &after, "variants", "sku")?;
    identity(&before, &after, "images", "url")?;
    if before["id"] != after["id"] || before["handle"] != after["handle"] {
        return Err("the product is another one".to_owned());
    }
    if curation(&after) != *curated {
        return Err(format!("tags, type and collection became {}", curation(&after)));
    }
    real.sound(key, &after).await?;
    held_as_wanted(real, b, &after).await?;
    if let Err(why) = buy_first(real, b, &after).await {
        return Err(format!("cannot be bought: {why}"));
    }
    let shop = real.another_shop();
    for depth in [Depth::Light, Depth::Full] {
        let again = shop.push(&[(&offered(key, b), depth)], &NobodyWants, deadline()).await.remove(0);
        let again = again.map_err(|failure| format!("again: {failure}"))?;
        if again.change != Change::Unchanged || real.admin_product(key).await.as_ref() != Some(&after) {
            return Err(format!("a second push ({depth:?}) was {} and not without effect", again.change.as_str()));
        }
        // Price lists can be written but not read, so a full comparison writes them as they are.
        if shop.medusa.writes() > 0 && (depth == Depth::Light || real.shop.references.price_lists.is_empty()) {
            return Err(format!("a second push ({depth:?}) wrote {} times", shop.medusa.writes()));
        }
    }
    held_as_wanted(real, b, &after).await
}

/// What the managed price lists hold of the product, row by row.
async fn held_as_wanted(real: &Real, article: &Article, product: &Value) -> Result<(), String> {
    if real.shop.references.price_lists.in_use.is_empty() {
        return Ok(());
    }
    let entries = real.entries(product).await;
    if entries == real.expected_entries(article) { Ok(()) } else { Err(format!("the price lists hold {entries:?}")) }
}

fn same(shown: Option<&Shown>, expected: &Shown, state: &str) -> Result<(), String> {
    match shown {
        Some(shown) if shown == expected => Ok(()),
        Some(shown) => Err(format!("{state} shows\n  {shown:?}\ninstead of\n  {expected:?}")),
        None => Err(format!("{state} is not shown at all")),
    }
}

/// Rows with the same natural key in both states are the same rows: carts and links to them stay
/// valid.
fn identity(before: &Value, after: &Value, rows: &str, natural: &str) -> Result<(), String> {
    let ids = |product: &Value| -> BTreeMap<String, String> {
        let rows = product[rows].as_array().unwrap().iter();
        rows.map(|row| (row[natural].to_string(), row["id"].to_string())).collect()
    };
    let after = ids(after);
    match ids(before).into_iter().find(|(key, id)| after.get(key).is_some_and(|now| now != id)) {
        Some((key, _)) => Err(format!("{rows} {key} is a new row")),
        None => Ok(()),
    }
}

async fn buy_first(real: &Real, article: &Article, product: &Value) -> Result<(), String> {
    let Some(wanted) = article.variants.iter().find(|variant| variant.stock > 0) else { return Ok(()) };
    let variant =
        product["variants"].as_array().unwrap().iter().find(|v| v["sku"] == wanted.sku.as_str()).ok_or("gone")?;
    for (currency, amount) in &wanted.prices {
        let got = real.cart_subtotal(variant["id"].as_str().unwrap(), currency, 1).await?;
        if got != amount.normalize() {
            return Err(format!("{} {currency} cost {got}", wanted.sku));
        }
    }
    Ok(())
}
