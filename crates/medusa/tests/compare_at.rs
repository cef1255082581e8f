//! The managed price lists: made once, kept in effect, and products in them put right whatever
//! happened to the list.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::support;

use std::collections::BTreeSet;

use medusa::compare_at::KEY;
use medusa::{Article, Change, CompareAt, Depth, Desired, PriceLists, References, Shop};
use serde_json::{Value, json};
use support::{NobodyWants, Real, Shown, deadline, medusa_client, offered, shirt};

/// Currencies that no other test has lists in.
fn only(currency: &str) -> BTreeSet<String> {
    [currency.to_owned()].into()
}

/// A list that stays costs every other test a request.
async fn remove(real: &Real, list: &str) {
    real.shop.medusa.delete(&format!("/admin/price-lists/{list}"), deadline()).await.unwrap();
}

async fn lists_in(real: &Real, currency: &str) -> Vec<Value> {
    let fields = "id,type,status,starts_at,ends_at,metadata,price_list_rules.attribute,price_list_rules.value";
    let mut found = real.admin_get("/admin/price-lists", &[("fields", fields), ("limit", "10000")]).await;
    let Value::Array(lists) = found["price_lists"].take() else { panic!("{found}") };
    lists.into_iter().filter(|list| list["metadata"][KEY] == currency).collect()
}

/// A shirt with each variant reduced from 28.00 in one currency.
fn reduced(key: &catalog::ProductKey, currency: &str) -> Article {
    let mut article = shirt(key, &["S", "M"]);
    for variant in &mut article.variants {
        variant.prices.insert(currency.to_owned(), "19.99".parse().unwrap());
        variant.list_prices.insert(currency.to_owned(), "28.00".parse().unwrap());
    }
    article
}

async fn push(real: &Real, lists: PriceLists, desired: &Desired, depth: Depth) -> (Change, u64) {
    let references = References { price_lists: lists, ..real.shop.references.clone() };
    let shop = Shop { medusa: medusa_client().unwrap(), references };
    let pushed = shop.push(&[(desired, depth)], &NobodyWants, deadline()).await.remove(0).unwrap();
    (pushed.change, shop.medusa.writes())
}

#[tokio::test]
async fn four_functions_that_start_at_once_make_one_list() {
    let Some(real) = Real::connect().await else { return };
    for currency in ["aed", "kwd"] {
        let four: [_; 4] = std::array::from_fn(|_| medusa_client().unwrap());
        let currencies = only(currency);
        let chosen = futures::future::join_all(
            four.iter().map(|medusa| CompareAt::PriceLists.prepare(medusa, &currencies, deadline())),
        )
        .await;
        let left = lists_in(&real, currency).await;
        assert_eq!(left.len(), 1, "{left:?}");
        for lists in chosen {
            assert_eq!(lists.unwrap().of(currency).unwrap().id, left[0]["id"].as_str().unwrap());
        }
        remove(&real, left[0]["id"].as_str().unwrap()).await;
    }
}

#[tokio::test]
async fn a_list_that_people_took_out_of_effect_is_put_right_and_theirs_are_left_alone() {
    let Some(real) = Real::connect().await else { return };
    let theirs = json!({"title": "Summer", "description": "-", "type": "sale", "status": "draft"});
    let theirs = real.admin_post("/admin/price-lists", &theirs).await["price_list"]["id"].clone();
    let prepare = async || CompareAt::PriceLists.prepare(&real.shop.medusa, &only("qar"), deadline()).await.unwrap();
    let id = prepare().await.of("qar").unwrap().id.clone();
    let path = format!("/admin/price-lists/{id}");
    for spoiled in [
        json!({"status": "draft"}),
        json!({"type": "override"}),
        json!({"ends_at": "2020-01-01T00:00:00.000Z"}),
        json!({"starts_at": "2090-01-01T00:00:00.000Z"}),
        json!({"rules": {"customer.groups.id": ["cusgroup_1"]}}),
        json!({"title": "Renamed", "description": "-"}),
    ] {
        real.admin_post(&path, &spoiled).await;
        assert_eq!(prepare().await.of("qar").unwrap().id, id, "{spoiled}");
        let list = lists_in(&real, "qar").await.remove(0);
        let facts = ["type", "status", "starts_at", "ends_at", "rules"].map(|field| list[field].clone());
        assert_eq!(facts, [json!("sale"), json!("active"), json!(null), json!(null), json!({})], "{spoiled}");
    }
    let path = format!("/admin/price-lists/{}", theirs.as_str().unwrap());
    assert_eq!(real.admin_get(&path, &[]).await["price_list"]["status"], "draft");
    remove(&real, &id).await;
}

#[tokio::test]
async fn of_two_lists_the_older_counts_and_products_leave_the_other() {
    let Some(real) = Real::connect().await else { return };
    let twin =
        json!({"title": "Twin", "description": "-", "type": "sale", "status": "active", "metadata": {KEY: "usd"}});
    let mut lists = CompareAt::PriceLists.prepare(&real.shop.medusa, &only("usd"), deadline()).await.unwrap();
    let twin = real.admin_post("/admin/price-lists", &twin).await["price_list"]["id"].as_str().unwrap().to_owned();
    let key = real.new_key();
    let article = reduced(&key, "usd");
    let desired = offered(&key, &article);
    // Somebody who knew only the twin.
    let mut other = lists.clone();
    other.in_use[0].id.clone_from(&twin);
    push(&real, other, &desired, Depth::Light).await;
    lists.retired.push(twin.clone());
    assert_eq!(push(&real, lists.clone(), &desired, Depth::Light).await.0, Change::Updated);
    let product = real.admin_product(&key).await.unwrap();
    let real = real.with_lists(lists);
    assert_eq!(real.entries(&product).await, real.expected_entries(&article));
    assert_eq!(real.shown(&key).await, Some(Shown::expected(&article, &real)));
    remove(&real, &twin).await;
}

#[tokio::test]
async fn entries_that_people_removed_or_changed_are_put_back_by_a_full_comparison() {
    let Some(real) = Real::connect_with(CompareAt::PriceLists).await else { return };
    let key = real.new_key();
    let article = reduced(&key, "sar");
    let desired = offered(&key, &article);
    real.push(&desired).await.unwrap();
    let product = real.admin_product(&key).await.unwrap();
    let list = &real.shop.references.price_lists.of("sar").unwrap().id;
    let variant = article_variant(&product, &article.variants[0].sku);
    let entry = |amount: u32| json!({"create": [{"variant_id": variant, "currency_code": "sar", "amount": amount, "min_quantity": null, "max_quantity": null}]});
    let path = format!("/admin/price-lists/{list}/prices/batch");
    for spoil in ["another amount", "no row at all"] {
        match spoil {
            "another amount" => drop(real.admin_post(&path, &entry(1)).await),
            _ => {
                let body = json!({"remove": [product["id"]]});
                real.admin_post(&format!("/admin/price-lists/{list}/products"), &body).await;
            }
        }
        real.push_as(&desired, Depth::Full).await.unwrap();
        assert_eq!(real.shown(&key).await, Some(Shown::expected(&article, &real)), "{spoil}");
        assert_eq!(real.entries(&product).await, real.expected_entries(&article), "{spoil}");
    }
}

fn article_variant(product: &Value, sku: &str) -> String {
    let variants = product["variants"].as_array().unwrap();
    variants.iter().find(|variant| variant["sku"] == sku).unwrap()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_list_that_people_deleted_is_made_again_and_filled_as_products_come_by() {
    let Some(real) = Real::connect().await else { return };
    let prepare = async || CompareAt::PriceLists.prepare(&real.shop.medusa, &only("eur"), deadline()).await.unwrap();
    let first = prepare().await;
    let key = real.new_key();
    let article = reduced(&key, "eur");
    let desired = offered(&key, &article);
    push(&real, first.clone(), &desired, Depth::Light).await;
    assert_eq!(push(&real, first.clone(), &desired, Depth::Light).await, (Change::Unchanged, 0));
    let id = first.of("eur").unwrap().id.clone();
    remove(&real, &id).await;

    // A function that has not noticed yet says what is missing, and looks at the shop anew because
    // of that code.
    let mut cheaper = article.clone();
    cheaper.variants[0].prices.insert("eur".into(), "18.00".parse().unwrap());
    let references = References { price_lists: first, ..real.shop.references.clone() };
    let stale = Shop { medusa: medusa_client().unwrap(), references };
    let wanted = offered(&key, &cheaper);
    let failure = stale.push(&[(&wanted, Depth::Light)], &NobodyWants, deadline()).await.remove(0).unwrap_err();
    assert_eq!((failure.kind, failure.code.as_str()), (catalog::ErrorKind::Transient, "medusa_not_found"));

    let second = prepare().await;
    assert_ne!(second.of("eur").unwrap().id, id);
    // Even a light look finds that the product is in another list.
    assert_eq!(push(&real, second.clone(), &desired, Depth::Light).await.0, Change::Updated);
    assert_eq!(push(&real, second.clone(), &desired, Depth::Light).await, (Change::Unchanged, 0));
    let product = real.admin_product(&key).await.unwrap();
    let real = real.with_lists(second);
    assert_eq!(real.entries(&product).await, real.expected_entries(&article));
    remove(&real, &real.shop.references.price_lists.of("eur").unwrap().id).await;
}

#[tokio::test]
async fn the_setting_can_be_changed_back_and_forth() {
    let Some(real) = Real::connect_with(CompareAt::PriceLists).await else { return };
    let in_use = real.shop.references.price_lists.clone();
    let retired = CompareAt::Metadata.prepare(&real.shop.medusa, &real.shop.references.currencies, deadline()).await;
    let retired = retired.unwrap();
    assert!(retired.in_use.is_empty() && in_use.in_use.iter().all(|list| retired.retired.contains(&list.id)));
    let (key, plain) = (real.new_key(), real.new_key());
    let article = reduced(&key, "sar");
    let (desired, bystander) = (offered(&key, &article), offered(&plain, &shirt(&plain, &["S"])));
    push(&real, retired.clone(), &bystander, Depth::Light).await;
    let mut first = true;
    for lists in [&retired, &in_use, &retired, &in_use] {
        let change = push(&real, lists.clone(), &desired, Depth::Light).await.0;
        assert_eq!(change, if first { Change::Created } else { Change::Updated });
        first = false;
        assert_eq!(push(&real, lists.clone(), &desired, Depth::Light).await, (Change::Unchanged, 0));
        // A product without a reduction does not care.
        assert_eq!(push(&real, lists.clone(), &bystander, Depth::Light).await, (Change::Unchanged, 0));
        let here = Real::connect().await.unwrap().with_lists(lists.clone());
        assert_eq!(here.shown(&key).await, Some(Shown::expected(&article, &here)));
        let product = here.admin_product(&key).await.unwrap();
        assert_eq!(here.entries(&product).await, here.expected_entries(&article));
        here.assert_purchasable(&key, &article).await;
    }
}
