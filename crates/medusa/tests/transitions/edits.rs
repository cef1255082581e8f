//! From which state to which: the tables, and the words that they are written in.

use std::collections::BTreeMap;

use catalog::ProductKey;
use medusa::{Article, Texts, Variant};
use serde_json::json;

use super::support::variant;

/// Changes an article; the key tells which product's it is.
pub(crate) type Edit = fn(&mut Article, &ProductKey);

pub(crate) const AS_IS: Edit = |_, _| {};

pub(crate) fn sizes(article: &mut Article, key: &ProductKey, sizes: &[&str]) {
    article.variants = sizes.iter().map(|size| variant(key, &["Red", size])).collect();
}

pub(crate) fn choices(article: &mut Article, key: &ProductKey, options: &[&str], choices: &[&[&str]]) {
    article.options = options.iter().map(|name| (*name).to_owned()).collect();
    article.variants = choices.iter().map(|choice| variant(key, choice)).collect();
}

pub(crate) fn price(variant: &mut Variant, currency: &str, amount: &str) {
    variant.prices.insert(currency.to_owned(), amount.parse().unwrap());
}

pub(crate) fn rename_value(article: &mut Article, option: usize, from: &str, to: &str) {
    for variant in article.variants.iter_mut().filter(|variant| variant.options[option] == from) {
        variant.options[option] = to.to_owned();
    }
}

pub(crate) fn image(key: &ProductKey, name: &str) -> String {
    format!("https://img.example/{}/{name}.jpg", key.id())
}

/// Name, state A, state B. Both start from a red shirt in S, M and L.
pub(crate) const TRANSITIONS: &[(&str, Edit, Edit)] = &[
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
pub(crate) const WOMEN: &str = "women";
pub(crate) const SHIRTS: &str = "shirts";

pub(crate) fn in_categories(article: &mut Article, names: &[&str]) {
    article.categories = names.iter().map(|name| (*name).to_owned()).collect();
}

pub(crate) fn drop_currency(variant: &mut Variant, currency: &str) {
    assert!(variant.prices.remove(currency).is_some());
}

pub(crate) fn list_price(variant: &mut Variant, amount: &str) {
    variant.list_prices.insert("sar".into(), amount.parse().unwrap());
}

pub(crate) fn translate(article: &mut Article, title: &str, description: &str) {
    let texts = Texts { title: title.to_owned(), description: description.to_owned() };
    article.translations.insert("ar-SA".to_owned(), texts);
}

/// Reduced prices, where each is also in a managed price list.
pub(crate) const REDUCTIONS: &[(&str, Edit, Edit)] = &[
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

pub(crate) fn reduce(article: &mut Article, n: usize, currency: &str, amount: &str, before: &str) {
    price(&mut article.variants[n], currency, amount);
    article.variants[n].list_prices.insert(currency.to_owned(), before.parse().unwrap());
}

pub(crate) fn reduce_all(article: &mut Article, amount: &str, before: &str) {
    for n in 0..article.variants.len() {
        reduce(article, n, "sar", amount, before);
        reduce(article, n, "usd", amount, before);
    }
}
