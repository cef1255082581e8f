//! From one state of a product to another: after the push the storefront shows exactly the new state, what is in both states keeps
//! its identity, what people chose (tags, type, collection) stays, nothing else in the shop has changed, and a second push does nothing.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails where it unwraps")]

mod support;

use std::collections::BTreeMap;

use catalog::ProductKey;
use futures::{StreamExt, future, stream};
use medusa::{Article, Change, CompareAt, Depth, Texts, Variant};
use serde_json::{Value, json};
use support::{NobodyWants, Real, Shown, curation, deadline, offered, shirt, variant};

/// Changes an article; the key tells which product's it is.
type Edit = fn(&mut Article, &ProductKey);

const AS_IS: Edit = |_, _| {};

fn sizes(article: &mut Article, key: &ProductKey, sizes: &[&str]) {
    article.variants = sizes.iter().map(|size| variant(key, &["Red", size])).collect();
}

fn choices(article: &mut Article, key: &ProductKey, options: &[&str], choices: &[&[&str]]) {
    article.options = options.iter().map(|name| (*name).to_owned()).collect();
    article.variants = choices.iter().map(|choice| variant(key, choice)).collect();
}

fn price(variant: &mut Variant, currency: &str, amount: &str) {
    variant.prices.insert(currency.to_owned(), amount.parse().unwrap());
}

fn rename_value(article: &mut Article, option: usize, from: &str, to: &str) {
    for variant in article.variants.iter_mut().filter(|variant| variant.options[option] == from) {
        variant.options[option] = to.to_owned();
    }
}

fn image(key: &ProductKey, name: &str) -> String {
    format!("https://img.example/{}/{name}.jpg", key.id())
}

/// Name, state A, state B. Both start from a red shirt in S, M and L.
const TRANSITIONS: &[(&str, Edit, Edit)] = &[
    ("one price changes", AS_IS, |a, _| price(&mut a.variants[1], "sar", "19.99")),
    ("all prices change", AS_IS, |a, _| {
        for variant in &mut a.variants {
            price(variant, "sar", "99.95");
            price(variant, "usd", "26.65");
        }
    }),
    ("a price gets fewer decimals", AS_IS, |a, _| price(&mut a.variants[0], "sar", "149.9")),
    ("a price becomes very large", AS_IS, |a, _| price(&mut a.variants[0], "sar", "9999999999.99")),
    ("a currency is removed", AS_IS, |a, _| drop_currency(&mut a.variants[0], "usd")),
    ("a currency is added", |a, _| drop_currency(&mut a.variants[0], "usd"), AS_IS),
    (
        "one currency replaces the other",
        |a, _| drop_currency(&mut a.variants[0], "usd"),
        |a, _| {
            drop_currency(&mut a.variants[0], "sar");
        },
    ),
    ("a list price is added", AS_IS, |a, _| list_price(&mut a.variants[0], "28.00")),
    (
        "a list price changes",
        |a, _| list_price(&mut a.variants[0], "28.00"),
        |a, _| {
            list_price(&mut a.variants[0], "30.00");
        },
    ),
    ("a list price is removed", |a, _| list_price(&mut a.variants[0], "28.00"), AS_IS),
    ("stock rises", AS_IS, |a, _| a.variants[0].stock = 500),
    ("stock falls", AS_IS, |a, _| a.variants[2].stock = 1),
    ("a size sells out", AS_IS, |a, _| a.variants[1].stock = 0),
    ("a size is in stock again", |a, _| a.variants[1].stock = 0, AS_IS),
    ("all sells out", AS_IS, |a, _| a.variants.iter_mut().for_each(|variant| variant.stock = 0)),
    ("a size is added at the end", AS_IS, |a, key| sizes(a, key, &["S", "M", "L", "XL"])),
    ("a size is added in front", AS_IS, |a, key| sizes(a, key, &["XS", "S", "M", "L"])),
    ("ten sizes are added", AS_IS, |a, key| {
        sizes(a, key, &["S", "M", "L", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
    }),
    ("the last size is removed", AS_IS, |a, key| sizes(a, key, &["S", "M"])),
    ("the first size is removed", AS_IS, |a, key| sizes(a, key, &["M", "L"])),
    ("all sizes but one are removed", AS_IS, |a, key| sizes(a, key, &["M"])),
    ("all sizes are replaced", AS_IS, |a, key| sizes(a, key, &["40", "41"])),
    ("one size is removed and one added", AS_IS, |a, key| sizes(a, key, &["S", "M", "XL"])),
    ("a size is renamed", AS_IS, |a, _| rename_value(a, 1, "S", "Small")),
    ("all sizes are renamed", AS_IS, |a, _| {
        for (from, to) in [("S", "Small"), ("M", "Medium"), ("L", "Large")] {
            rename_value(a, 1, from, to);
        }
    }),
    ("a size takes over another's name", AS_IS, |a, _| {
        a.variants.remove(0);
        rename_value(a, 1, "M", "S");
    }),
    ("two sizes exchange their names", AS_IS, |a, _| {
        let [s, m] = [a.variants[0].options.clone(), a.variants[1].options.clone()];
        (a.variants[0].options, a.variants[1].options) = (m, s);
    }),
    ("three sizes change their names in a ring", AS_IS, |a, _| {
        let choices: Vec<_> = a.variants.iter().map(|variant| variant.options.clone()).collect();
        for (n, variant) in a.variants.iter_mut().enumerate() {
            variant.options = choices[(n + 1) % 3].clone();
        }
    }),
    ("a SKU is renamed", AS_IS, |a, _| a.variants[0].sku.push_str("-new")),
    ("all SKUs are renamed", AS_IS, |a, _| a.variants.iter_mut().for_each(|variant| variant.sku.push_str("-new"))),
    ("a SKU, its price and its stock change", AS_IS, |a, _| {
        a.variants[0].sku.push_str("-new");
        price(&mut a.variants[0], "sar", "1.50");
        a.variants[0].stock = 3;
    }),
    ("a SKU is renamed and a size added", AS_IS, |a, key| {
        sizes(a, key, &["S", "M", "L", "XL"]);
        a.variants[1].sku.push_str("-new");
    }),
    ("variants change their order", AS_IS, |a, _| a.variants.reverse()),
    ("variant titles change", AS_IS, |a, _| a.variants.iter_mut().for_each(|variant| variant.title.push('!'))),
    ("variant metadata changes", AS_IS, |a, key| {
        a.variants[0].metadata.insert("relay_images".into(), json!([image(key, "a")]));
    }),
    ("the colour is renamed", AS_IS, |a, _| rename_value(a, 0, "Red", "Crimson")),
    ("a second colour is added", AS_IS, |a, key| {
        choices(
            a,
            key,
            &["Color", "Size"],
            &[&["Red", "S"], &["Red", "M"], &["Red", "L"], &["Blue", "S"], &["Blue", "M"]],
        );
    }),
    (
        "a colour is removed",
        |a, key| choices(a, key, &["Color", "Size"], &[&["Red", "S"], &["Blue", "S"], &["Blue", "M"]]),
        |a, key| choices(a, key, &["Color", "Size"], &[&["Blue", "S"], &["Blue", "M"]]),
    ),
    ("one size changes its colour", AS_IS, |a, _| a.variants[2].options[0] = "Blue".into()),
    ("an option is added", AS_IS, |a, _| {
        a.options.push("Fit".into());
        a.variants.iter_mut().for_each(|variant| variant.options.push("Slim".into()));
    }),
    ("an option is added and sizes change", AS_IS, |a, key| {
        choices(
            a,
            key,
            &["Color", "Size", "Fit"],
            &[&["Red", "S", "Slim"], &["Red", "S", "Wide"], &["Red", "XL", "Slim"]],
        );
    }),
    ("an option is removed", AS_IS, |a, _| {
        a.options.remove(0);
        a.variants.iter_mut().for_each(|variant| drop(variant.options.remove(0)));
    }),
    ("an option is removed and sizes change", AS_IS, |a, key| choices(a, key, &["Size"], &[&["S"], &["XL"]])),
    ("an option is renamed", AS_IS, |a, _| a.options[1] = "المقاس".into()),
    ("both options are renamed", AS_IS, |a, _| a.options = vec!["Colour".into(), "EU size".into()]),
    ("an option and one of its values are renamed", AS_IS, |a, _| {
        a.options[1] = "EU size".into();
        rename_value(a, 1, "S", "36");
    }),
    ("options change their order", AS_IS, |a, _| {
        a.options.reverse();
        a.variants.iter_mut().for_each(|variant| variant.options.reverse());
    }),
    ("options exchange their names", AS_IS, |a, _| a.options.reverse()),
    ("an option is replaced by another", AS_IS, |a, key| {
        choices(a, key, &["Material", "Size"], &[&["Cotton", "S"], &["Linen", "S"]]);
    }),
    ("a product without a choice gets sizes", |a, key| choices(a, key, &["Option"], &[&["Default"]]), AS_IS),
    ("sizes give way to a product without a choice", AS_IS, |a, key| choices(a, key, &["Option"], &[&["Default"]])),
    ("everything changes", AS_IS, |a, key| {
        choices(a, key, &["Length", "Waist"], &[&["32", "30"], &["34", "30"], &["34", "32"]]);
        a.title = "Trousers".into();
        a.description.clear();
        a.translations.clear();
        a.images = vec![image(key, "z")];
        a.metadata = BTreeMap::from([("relay_brand".to_owned(), json!("Other"))]);
        a.variants[0].stock = 7;
    }),
    ("the title changes", AS_IS, |a, _| a.title = "Fine shirt".into()),
    ("the title becomes Arabic", AS_IS, |a, _| {
        a.title = "قميص فاخر".into();
        a.translations.clear();
    }),
    ("the title gets quotes, emoji and marks", AS_IS, |a, _| a.title = "\"Shirt\" 👕 \u{200f}قميص & <co>".into()),
    ("a translated title changes", AS_IS, |a, _| translate(a, "قميص فاخر", "<p>قطن</p>")),
    ("a translation is added", |a, _| a.translations.clear(), AS_IS),
    ("a translation is removed", AS_IS, |a, _| a.translations.clear()),
    ("a translated description is removed", AS_IS, |a, _| translate(a, "قميص", "")),
    ("the description changes", AS_IS, |a, _| a.description = "<p>Linen</p>".into()),
    ("the description is emptied", AS_IS, |a, _| a.description.clear()),
    ("the description gets longer than a single request may be", AS_IS, |a, _| {
        a.description = format!("<p>{}</p>", "very long ".repeat(20_000));
    }),
    ("it is put into a category", AS_IS, |a, _| in_categories(a, &[WOMEN])),
    ("it moves to another category", |a, _| in_categories(a, &[WOMEN]), |a, _| in_categories(a, &[SHIRTS])),
    ("it is in a second category too", |a, _| in_categories(a, &[WOMEN]), |a, _| in_categories(a, &[WOMEN, SHIRTS])),
    ("it leaves all categories", |a, _| in_categories(a, &[WOMEN, SHIRTS]), AS_IS),
    ("images change their order", AS_IS, |a, _| a.images.swap(1, 2)),
    ("another image becomes the main one", AS_IS, |a, _| a.images.rotate_left(1)),
    ("an image is added", AS_IS, |a, key| a.images.push(image(key, "d"))),
    ("an image is added in front", AS_IS, |a, key| a.images.insert(0, image(key, "d"))),
    ("an image is removed", AS_IS, |a, _| drop(a.images.remove(1))),
    ("all images are removed", AS_IS, |a, _| a.images.clear()),
    ("images appear", |a, _| a.images.clear(), AS_IS),
    ("all images are replaced", AS_IS, |a, key| a.images = vec![image(key, "x"), image(key, "y")]),
    ("a fact is added", AS_IS, |a, _| drop(a.metadata.insert("relay_group".into(), json!("g1")))),
    ("a fact changes", AS_IS, |a, _| drop(a.metadata.insert("relay_brand".into(), json!("Other")))),
    ("a fact is removed", AS_IS, |a, _| assert!(a.metadata.remove("relay_brand").is_some())),
    ("a fact becomes a list", AS_IS, |a, _| drop(a.metadata.insert("relay_brand".into(), json!(["A", {"b": 1}])))),
];

/// Stand for the ids of two categories, which only the shop knows.
const WOMEN: &str = "women";
const SHIRTS: &str = "shirts";

fn in_categories(article: &mut Article, names: &[&str]) {
    article.categories = names.iter().map(|name| (*name).to_owned()).collect();
}

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

fn drop_currency(variant: &mut Variant, currency: &str) {
    assert!(variant.prices.remove(currency).is_some());
}

fn list_price(variant: &mut Variant, amount: &str) {
    variant.list_prices.insert("sar".into(), amount.parse().unwrap());
}

fn translate(article: &mut Article, title: &str, description: &str) {
    let texts = Texts { title: title.to_owned(), description: description.to_owned() };
    article.translations.insert("ar-SA".to_owned(), texts);
}

/// Reduced prices, where each is also in a managed price list.
const REDUCTIONS: &[(&str, Edit, Edit)] = &[
    ("a price is reduced", AS_IS, |a, _| reduce(a, 1, "sar", "19.99", "23.80")),
    ("a list price comes to a price that stays", AS_IS, |a, _| reduce(a, 1, "sar", "23.80", "28.00")),
    ("all prices are reduced in both currencies", AS_IS, |a, _| reduce_all(a, "19.99", "23.80")),
    ("a reduction ends at the price before", |a, _| reduce_all(a, "19.99", "23.80"), AS_IS),
    ("a reduction ends and the reduced price stays", |a, _| reduce(a, 0, "sar", "23.80", "28.00"), AS_IS),
    (
        "a reduction ends and the price rises above the price before",
        |a, _| reduce_all(a, "10", "20"),
        |a, _| {
            price(&mut a.variants[0], "sar", "99");
        },
    ),
    (
        "one of several reductions ends",
        |a, _| reduce_all(a, "19.99", "28.00"),
        |a, _| {
            reduce_all(a, "19.99", "28.00");
            a.variants[1].list_prices.clear();
        },
    ),
    (
        "one of several reductions ends in one currency",
        |a, _| reduce_all(a, "5", "28.00"),
        |a, _| {
            reduce_all(a, "5", "28.00");
            a.variants[1].list_prices.remove("usd");
        },
    ),
    ("the reduced price changes", |a, _| reduce_all(a, "19.99", "28.00"), |a, _| reduce_all(a, "18.50", "28.00")),
    ("the list price changes", |a, _| reduce_all(a, "19.99", "28.00"), |a, _| reduce_all(a, "19.99", "30.00")),
    (
        "both rise, the new price above the old list price",
        |a, _| reduce_all(a, "19.99", "28.00"),
        |a, _| {
            reduce_all(a, "40.00", "50.00");
        },
    ),
    (
        "both fall, the new list price below the old price",
        |a, _| reduce_all(a, "40.00", "50.00"),
        |a, _| {
            reduce_all(a, "10.00", "20.00");
        },
    ),
    (
        "the list price falls to the price",
        |a, _| reduce_all(a, "19.99", "28.00"),
        |a, _| {
            reduce_all(a, "19.99", "19.99");
        },
    ),
    (
        "the list price falls below the price",
        |a, _| reduce_all(a, "19.99", "28.00"),
        |a, _| {
            reduce_all(a, "19.99", "9.00");
        },
    ),
    (
        "a second currency is reduced too",
        |a, _| reduce(a, 0, "sar", "19.99", "28.00"),
        |a, _| {
            reduce(a, 0, "sar", "19.99", "28.00");
            reduce(a, 0, "usd", "5.00", "7.50");
        },
    ),
    (
        "a reduced currency is removed",
        |a, _| reduce_all(a, "19.99", "28.00"),
        |a, _| {
            reduce_all(a, "19.99", "28.00");
            drop_currency(&mut a.variants[0], "usd");
        },
    ),
    (
        "a reduced currency is removed from all",
        |a, _| reduce_all(a, "19.99", "28.00"),
        |a, _| {
            reduce_all(a, "19.99", "28.00");
            a.variants.iter_mut().for_each(|variant| drop_currency(variant, "usd"));
        },
    ),
    ("a reduced currency is added", |a, _| drop_currency(&mut a.variants[0], "usd"), |a, _| reduce_all(a, "5", "7")),
    (
        "a reduced size is added",
        |a, _| reduce_all(a, "19.99", "28.00"),
        |a, key| {
            sizes(a, key, &["XS", "S", "M", "L"]);
            reduce_all(a, "19.99", "28.00");
        },
    ),
    ("a reduced size is added to others that are not", AS_IS, |a, key| {
        sizes(a, key, &["S", "M", "L", "XL"]);
        reduce(a, 3, "sar", "19.99", "28.00");
    }),
    (
        "a reduced size is removed",
        |a, _| reduce_all(a, "19.99", "28.00"),
        |a, key| {
            sizes(a, key, &["S", "L"]);
            reduce_all(a, "19.99", "28.00");
        },
    ),
    ("the only reduced size is removed", |a, _| reduce(a, 1, "sar", "1", "2"), |a, key| sizes(a, key, &["S", "L"])),
    (
        "all reduced sizes are replaced",
        |a, _| reduce_all(a, "19.99", "28.00"),
        |a, key| {
            sizes(a, key, &["40", "41"]);
            reduce_all(a, "18.99", "26.00");
        },
    ),
    (
        "reduced sizes exchange their names",
        |a, _| reduce(a, 0, "sar", "19.99", "28.00"),
        |a, _| {
            reduce(a, 0, "sar", "19.99", "28.00");
            let [s, m] = [a.variants[0].options.clone(), a.variants[1].options.clone()];
            (a.variants[0].options, a.variants[1].options) = (m, s);
        },
    ),
    (
        "a reduced SKU is renamed",
        |a, _| reduce_all(a, "19.99", "28.00"),
        |a, _| {
            reduce_all(a, "19.99", "28.00");
            a.variants[0].sku.push_str("-new");
        },
    ),
    (
        "stock of a reduced product changes",
        |a, _| reduce_all(a, "19.99", "28.00"),
        |a, _| {
            reduce_all(a, "19.99", "28.00");
            a.variants[0].stock = 3;
        },
    ),
    (
        "an option is added to a reduced product",
        |a, _| reduce_all(a, "19.99", "28.00"),
        |a, _| {
            reduce_all(a, "19.99", "28.00");
            a.options.push("Fit".into());
            a.variants.iter_mut().for_each(|variant| variant.options.push("Slim".into()));
        },
    ),
    (
        "everything changes on a reduced product",
        |a, _| reduce_all(a, "19.99", "28.00"),
        |a, key| {
            choices(a, key, &["Length", "Waist"], &[&["32", "30"], &["34", "30"], &["34", "32"]]);
            a.title = "Trousers".into();
            a.images.reverse();
            reduce(a, 0, "usd", "3.00", "4.00");
            a.variants[2].stock = 7;
        },
    ),
];

fn reduce(article: &mut Article, n: usize, currency: &str, amount: &str, before: &str) {
    price(&mut article.variants[n], currency, amount);
    article.variants[n].list_prices.insert(currency.to_owned(), before.parse().unwrap());
}

fn reduce_all(article: &mut Article, amount: &str, before: &str) {
    for n in 0..article.variants.len() {
        reduce(article, n, "sar", amount, before);
        reduce(article, n, "usd", amount, before);
    }
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

/// What goes is sold out and kept, and what comes back is the same row with all that people had given it.
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

/// Everything that the article has is shown as it says; whatever else there is, is sold out. How much that is.
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

/// Rows with the same natural key in both states are the same rows: carts and links to them stay valid.
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
