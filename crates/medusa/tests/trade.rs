//! What trade needs to know, in Medusa's own columns: written where there are any, read back by
//! everybody who ships, and people's own left alone.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails where it unwraps")]

use crate::support;

use medusa::columns::{Columns, SHARED};
use medusa::{Article, Change, Depth};
use serde_json::{Value, json};
use support::{Real, offered, shirt, withheld};

fn columns(grams: u64) -> Columns {
    [
        ("weight", json!(grams)),
        ("length", json!(300)),
        ("width", json!(200)),
        ("height", json!(20)),
        ("hs_code", json!("610910")),
        ("mid_code", json!("CNACME123SHE")),
        ("origin_country", json!("cn")),
        ("material", json!("Cotton")),
    ]
    .into()
}

/// A number that no other run of this test has used.
fn code(key: &catalog::ProductKey, n: u32) -> String {
    let digits: u32 = key.id().bytes().fold(17, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    format!("{digits:010}{n:02}")
}

const FIELDS: [(&str, &str); 1] = [(
    "fields",
    "id,metadata,weight,length,width,height,hs_code,mid_code,origin_country,material,*variants,*variants.inventory_items,*variants.inventory_items.inventory",
)];

async fn read(real: &Real, key: &catalog::ProductKey) -> Value {
    let id = real.admin_product(key).await.unwrap()["id"].as_str().unwrap().to_owned();
    real.admin_get(&format!("/admin/products/{id}"), &FIELDS).await["product"].take()
}

fn row<'p>(product: &'p Value, title: &str) -> &'p Value {
    product["variants"].as_array().unwrap().iter().find(|row| row["title"] == title).unwrap()
}

fn shared(row: &Value) -> Columns {
    SHARED.into_iter().filter(|column| !row[*column].is_null()).map(|column| (column, row[column].clone())).collect()
}

#[tokio::test]
async fn columns_are_written_to_product_variant_and_inventory_item_and_cleared_again() {
    let Some(real) = Real::connect().await else { return };
    let key = real.new_key();
    let mut article = shirt(&key, &["S", "M"]);
    article.columns = columns(500);
    for (n, variant) in article.variants.iter_mut().enumerate() {
        variant.columns = columns(250 + n as u64);
        variant.columns.insert("barcode", json!(code(&key, n as u32)));
        variant.columns.insert("upc", json!(code(&key, n as u32)));
    }
    real.push(&offered(&key, &article)).await.unwrap();
    let there = read(&real, &key).await;
    assert_eq!(shared(&there), columns(500));
    for (n, title) in ["Red / S", "Red / M"].into_iter().enumerate() {
        let variant = row(&there, title);
        assert_eq!(shared(variant), columns(250 + n as u64), "{variant:#}");
        assert_eq!(
            (&variant["barcode"], &variant["upc"], &variant["ean"]),
            (&json!(code(&key, n as u32)), &json!(code(&key, n as u32)), &Value::Null)
        );
        assert_eq!(shared(&variant["inventory_items"][0]["inventory"]), columns(250 + n as u64), "what is shipped");
    }
    let full = real.push_as(&offered(&key, &article), Depth::Full).await.unwrap();
    assert_eq!(full.change, Change::Unchanged, "everything that is written is read back");

    // Other figures, one fact less: the item follows, which Medusa does not do by itself.
    article.variants[0].columns.insert("weight", json!(999));
    article.variants[0].columns.remove("material");
    article.columns.remove("hs_code");
    real.push(&offered(&key, &article)).await.unwrap();
    let there = read(&real, &key).await;
    let (small, item) = (row(&there, "Red / S"), &row(&there, "Red / S")["inventory_items"][0]["inventory"]);
    assert_eq!((&small["weight"], &small["material"], &there["hs_code"]), (&json!(999), &Value::Null, &Value::Null));
    assert_eq!((&item["weight"], &item["material"]), (&json!(999), &Value::Null));
    assert_eq!(real.push_as(&offered(&key, &article), Depth::Full).await.unwrap().change, Change::Unchanged);
}

#[tokio::test]
async fn what_people_filled_in_stays_where_the_pim_says_nothing() {
    let Some(real) = Real::connect().await else { return };
    let key = real.new_key();
    let mut article = shirt(&key, &["S"]);
    let id = real.push(&offered(&key, &article)).await.unwrap().product_id.unwrap();
    let there = read(&real, &key).await;
    let small = row(&there, "Red / S")["id"].as_str().unwrap().to_owned();
    real.admin_post(&format!("/admin/products/{id}"), &json!({"weight": 7, "material": "by hand"})).await;
    real.admin_post(&format!("/admin/products/{id}/variants/{small}"), &json!({"weight": 8.5})).await;
    assert_eq!(real.push_as(&offered(&key, &article), Depth::Full).await.unwrap().change, Change::Unchanged);
    article.columns.insert("weight", json!(100));
    real.push(&offered(&key, &article)).await.unwrap();
    let there = read(&real, &key).await;
    assert_eq!((&there["weight"], &there["material"]), (&json!(100), &json!("by hand")));
    assert_eq!(row(&there, "Red / S")["weight"], json!(8.5));
}

#[tokio::test]
async fn a_bar_code_that_another_product_has_holds_up_nobody() {
    let Some(real) = Real::connect().await else { return };
    let (first, second, third) = (real.new_key(), real.new_key(), real.new_key());
    let with_code = |key: &catalog::ProductKey| {
        let mut article = shirt(key, &["S", "M"]);
        article.variants.iter_mut().for_each(|variant| drop(variant.columns.insert("barcode", json!(code(&first, 1)))));
        article
    };
    // One code for two variants of one product, for another product that is new, and for one that
    // is there already.
    real.push(&offered(&first, &with_code(&first))).await.unwrap();
    real.push(&offered(&third, &shirt(&third, &["S", "M"]))).await.unwrap();
    for key in [&second, &third] {
        real.push(&offered(key, &with_code(key))).await.unwrap();
    }
    let codes = async |key| {
        let there = read(&real, key).await;
        ["Red / S", "Red / M"].map(|title| row(&there, title)["barcode"].clone())
    };
    assert_eq!(codes(&first).await, [json!(code(&first, 1)), Value::Null], "the first variant is the holder");
    assert_eq!(codes(&second).await, [Value::Null, Value::Null]);
    assert_eq!(codes(&third).await, [Value::Null, Value::Null]);
    for key in [&first, &second, &third] {
        assert_eq!(real.push_as(&offered(key, &with_code(key)), Depth::Full).await.unwrap().change, Change::Unchanged);
    }
}

/// The rows that have a code, by title.
async fn holders(real: &Real, key: &catalog::ProductKey, code: &str) -> Vec<String> {
    let there = read(real, key).await;
    let rows = there["variants"].as_array().unwrap().iter().filter(|row| row["barcode"] == code);
    rows.map(|row| row["title"].as_str().unwrap().to_owned()).collect()
}

/// An article of which one size has a code.
fn coded(key: &catalog::ProductKey, sizes: &[&str], size: &str, code: &str) -> Article {
    let mut article = shirt(key, sizes);
    let title = format!("Red / {size}");
    let variant = article.variants.iter_mut().find(|variant| variant.title == title).unwrap();
    variant.columns.insert("barcode", json!(code));
    article
}

/// A size that is kept sold out, or a product that was withdrawn, needs its code no longer: who is
/// for sale gets it, and it comes back with its owner.
#[tokio::test]
async fn a_bar_code_goes_from_what_is_no_longer_for_sale_to_who_needs_it_and_comes_back() {
    let Some(mut real) = Real::connect().await else { return };
    real.shop.references.retention = medusa::plan::RETENTION;
    let real = real;
    let (key, other) = (real.new_key(), real.new_key());
    let [said, by_hand] = [1, 2].map(|n| code(&key, n));
    let push = async |key: &catalog::ProductKey, article: &Article| {
        real.push(&offered(key, article)).await.unwrap();
        let full = real.push_as(&offered(key, article), Depth::Full).await.unwrap();
        assert_eq!(full.change, Change::Unchanged);
    };

    // S has a code from the PIM, and M one that a person typed.
    push(&key, &coded(&key, &["S", "M"], "S", &said)).await;
    let there = read(&real, &key).await;
    let path = |row: &Value| {
        format!("/admin/products/{}/variants/{}", there["id"].as_str().unwrap(), row["id"].as_str().unwrap())
    };
    real.admin_post(&path(row(&there, "Red / M")), &json!({"barcode": by_hand})).await;

    // A new size of the same product gets the code of the one that goes, in the same push; then
    // both sizes go.
    push(&key, &coded(&key, &["L", "M"], "L", &said)).await;
    assert_eq!(holders(&real, &key, &said).await, ["Red / L"]);
    push(&key, &shirt(&key, &["XL"])).await;
    assert_eq!(holders(&real, &key, &by_hand).await, ["Red / M"], "nobody needs it yet");

    // Another product needs what the person typed.
    push(&other, &coded(&other, &["S"], "S", &by_hand)).await;
    assert_eq!((holders(&real, &other, &by_hand).await.len(), holders(&real, &key, &by_hand).await.len()), (1, 0));

    // It comes back while the other has it, and again when the other has been withdrawn.
    push(&key, &coded(&key, &["S", "M"], "S", &said)).await;
    assert_eq!(holders(&real, &key, &said).await, ["Red / S"], "back from the size that is gone");
    assert_eq!(holders(&real, &key, &by_hand).await, [""; 0], "for sale elsewhere");
    real.push(&withheld(&other)).await.unwrap();
    let mut retitled = coded(&key, &["S", "M"], "S", &said);
    retitled.title = "Changed".into();
    push(&key, &retitled).await;
    assert_eq!(holders(&real, &key, &by_hand).await, ["Red / M"], "what the person typed is there again");
    assert_eq!(holders(&real, &other, &by_hand).await, [""; 0]);
    push(&other, &coded(&other, &["S"], "S", &by_hand)).await;
    assert_eq!(holders(&real, &key, &by_hand).await, ["Red / M"], "who is for sale keeps it");

    // Two sizes exchange their codes.
    let exchange = |codes: [&str; 2]| {
        let mut article = shirt(&key, &["S", "M"]);
        for (variant, code) in article.variants.iter_mut().zip(codes) {
            variant.columns.insert("barcode", json!(code));
        }
        article
    };
    push(&key, &exchange([&said, &by_hand])).await;
    push(&key, &exchange([&by_hand, &said])).await;
    assert_eq!(holders(&real, &key, &said).await, ["Red / M"]);
    assert_eq!(holders(&real, &key, &by_hand).await, ["Red / S"]);
}
