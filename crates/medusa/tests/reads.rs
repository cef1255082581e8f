//! The diff sees what it claims to see: everything it compares is changed by hand in a real Medusa,
//! and the read that every push makes must deliver it. Rows that a test makes up in memory do not
//! show that.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails where it unwraps")]

use crate::support;

use std::collections::{BTreeMap, BTreeSet};

use medusa::api::model::{DEEP_FIELDS, Price, Product, TRANSLATION_FIELDS, Variant};
use medusa::{Change, Depth};
use serde_json::{Value, json};
use support::{NobodyWants, Real, Shown, deadline, offered, shirt};

#[derive(serde::Deserialize)]
struct Products {
    products: Vec<Product>,
}

/// Exactly what a push reads.
async fn read(real: &Real, id: &str) -> Product {
    let fields = format!("{DEEP_FIELDS}{TRANSLATION_FIELDS}");
    let query = [("id[]", id), ("fields", fields.as_str())];
    let mut page: Products = real.shop.medusa.get("/admin/products", &query, deadline()).await.unwrap();
    page.products.remove(0)
}

fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap()
}

/// The variant that the test changes.
fn small(product: &Product) -> &Variant {
    product.variants.iter().find(|variant| variant.variant_rank == Some(7) || variant.title == "Red / S").unwrap()
}

fn priced(product: &Product, amount: &str) -> Option<Price> {
    small(product).prices.iter().flatten().find(|price| price.amount.0.to_string() == amount).cloned()
}

/// Columns of what trade needs to know, with figures of their own.
fn trade(n: u32) -> Value {
    let country = ["de", "cn", "tr"][n as usize - 1];
    json!({"weight": 100 + n, "length": 200 + n, "width": 300 + n, "height": 400 + n, "hs_code": format!("61091{n}"), "mid_code": format!("CNACME{n}"),
        "origin_country": country, "material": format!("Cotton {n}")})
}

fn seen(columns: &BTreeMap<String, Value>) -> Value {
    let shared = |column: &str| (column.to_owned(), columns[column].clone());
    Value::Object(medusa::columns::SHARED.map(shared).into_iter().collect())
}

/// The fields that a step shows to be delivered, what a person posts where, what the read says of
/// it, what it has to say.
type Step = (&'static str, String, Value, fn(&Product) -> Value, Value);

#[tokio::test]
async fn every_field_that_the_diff_relies_on_is_delivered_by_the_read() {
    let Some(real) = Real::connect().await else { return };
    let key = real.new_key();
    let n = key.id();
    let mut article = shirt(&key, &["S", "M"]);
    let ours = json!({"name": format!("Ours {n}"), "is_active": true, "external_id": format!("test:{n}")});
    let ours = real.admin_post("/admin/product-categories", &ours).await["product_category"].take();
    article.categories = [id(&ours).to_owned()].into();
    real.push(&offered(&key, &article)).await.unwrap();
    let there = real.admin_product(&key).await.unwrap();
    let path = format!("/admin/products/{}", id(&there));
    let find = |rows: &'static str, field: &str, value: &str| {
        there[rows].as_array().unwrap().iter().find(|row| row[field] == value).unwrap().clone()
    };
    let variant = find("variants", "title", "Red / S");
    let variant_path = format!("{path}/variants/{}", id(&variant));
    let item = variant["inventory_items"][0]["inventory_item_id"].as_str().unwrap();
    let location = real.shop.references.stock_location_id.as_str();
    let size = find("options", "title", "Size");
    let value = size["values"].as_array().unwrap().iter().find(|value| value["value"] == "S").unwrap();
    let made = async |path: &str, what: &str, body: Value| {
        let made = real.admin_post(path, &body).await;
        id(&made[what]).to_owned()
    };
    let channel = made("/admin/sales-channels", "sales_channel", json!({"name": format!("Popup {n}")})).await;
    let group = made("/admin/customer-groups", "customer_group", json!({"name": format!("Club {n}")})).await;
    let profile = json!({"name": format!("Bulky {n}"), "type": format!("bulky-{n}")});
    let profile = made("/admin/shipping-profiles", "shipping_profile", profile).await;
    let image = there["images"].as_array().unwrap().iter().find(|image| image["rank"] == 0).unwrap();
    let arabic = there["translations"].as_array().unwrap().iter().find(|row| row["locale_code"] == "ar-SA").unwrap();

    let steps: Vec<Step> = vec![
        ("id", path.clone(), json!({}), |p| json!(p.id), there["id"].clone()),
        (
            "handle title description thumbnail",
            path.clone(),
            json!({"handle": format!("by-hand-{n}"), "title": "T", "description": "D", "thumbnail": "https://img.example/t"}),
            |p| json!([p.handle, p.title, p.description, p.thumbnail]),
            json!([format!("by-hand-{n}"), "T", "D", "https://img.example/t"]),
        ),
        (
            "weight length width height hs_code mid_code origin_country material",
            path.clone(),
            trade(1),
            |p| seen(&p.columns),
            trade(1),
        ),
        (
            "variants.weight variants.length variants.width variants.height variants.hs_code variants.mid_code variants.origin_country variants.material",
            variant_path.clone(),
            trade(2),
            |p| seen(&small(p).columns),
            trade(2),
        ),
        (
            "variants.barcode variants.ean variants.upc",
            variant_path.clone(),
            json!({"barcode": format!("b{n}"), "ean": format!("e{n}"), "upc": format!("u{n}")}),
            |p| {
                let own = &small(p).columns;
                json!([own["barcode"], own["ean"], own["upc"]])
            },
            json!([format!("b{n}"), format!("e{n}"), format!("u{n}")]),
        ),
        (
            "variants.inventory_items.inventory.weight variants.inventory_items.inventory.length variants.inventory_items.inventory.width \
             variants.inventory_items.inventory.height variants.inventory_items.inventory.hs_code variants.inventory_items.inventory.mid_code \
             variants.inventory_items.inventory.origin_country variants.inventory_items.inventory.material",
            format!("/admin/inventory-items/{item}"),
            trade(3),
            |p| seen(&small(p).inventory_items[0].inventory.as_ref().unwrap().columns),
            trade(3),
        ),
        ("status", path.clone(), json!({"status": "rejected"}), |p| json!(p.status), json!("rejected")),
        (
            "metadata",
            path.clone(),
            json!({"metadata": {"note": 5}}),
            |p| p.metadata.as_ref().unwrap()["note"].clone(),
            json!(5),
        ),
        (
            "images.id images.url images.rank",
            path.clone(),
            json!({"images": [{"url": "https://img.example/new"}, {"id": image["id"], "url": image["url"]}]}),
            |p| {
                let mut rows: Vec<_> =
                    p.images.iter().map(|image| (image.rank, image.url.clone(), image.id.clone())).collect();
                rows.sort();
                json!([rows[0].1, rows[1].1, rows[1].2])
            },
            json!(["https://img.example/new", image["url"], image["id"]]),
        ),
        (
            "categories.id categories.external_id",
            format!("/admin/product-categories/{}", id(&ours)),
            json!({"external_id": "test:moved"}),
            |p| json!([p.categories[0].id, p.categories[0].external_id]),
            json!([ours["id"], "test:moved"]),
        ),
        (
            "sales_channels.id shipping_profile.id",
            path.clone(),
            json!({"sales_channels": [{"id": channel}], "shipping_profile_id": profile}),
            |p| json!([p.sales_channels, p.shipping_profile]),
            json!([[{"id": channel}], {"id": profile}]),
        ),
        (
            "options.id options.title",
            format!("/admin/product-options/{}", id(&size)),
            json!({"title": "Länge"}),
            |p| json!(p.options.iter().find(|option| option.title == "Länge").map(|option| &option.id)),
            size["id"].clone(),
        ),
        (
            "options.values.id options.values.value variants.options.id variants.options.value variants.options.option_id",
            format!("/admin/product-options/{}/values/{}", id(&size), id(value)),
            json!({"value": "Klein"}),
            |p| {
                let row =
                    p.options.iter().flat_map(|option| &option.values).find(|value| value.value == "Klein").unwrap();
                let choice = small(p).options.iter().find(|choice| choice.value == "Klein").unwrap();
                json!([row.id, choice.id, choice.option_id])
            },
            json!([value["id"], value["id"], size["id"]]),
        ),
        (
            "variants.id variants.sku variants.title variants.variant_rank variants.metadata",
            variant_path.clone(),
            json!({"sku": format!("{n}-hand"), "title": "V", "variant_rank": 7, "metadata": {"note": 6}}),
            |p| {
                let own = small(p);
                json!([own.id, own.sku, own.title, own.variant_rank, own.metadata.as_ref().unwrap()["note"]])
            },
            json!([variant["id"], format!("{n}-hand"), "V", 7, 6]),
        ),
        (
            "variants.prices.amount variants.prices.currency_code variants.prices.min_quantity variants.prices.max_quantity",
            variant_path.clone(),
            json!({"prices": [{"currency_code": "sar", "amount": 61}, {"currency_code": "usd", "amount": 62, "min_quantity": 5, "max_quantity": 9}]}),
            |p| {
                let [plain, tier] = ["61", "62"].map(|amount| priced(p, amount).unwrap());
                json!([
                    plain.currency_code,
                    plain.min_quantity,
                    plain.is_plain(),
                    tier.min_quantity,
                    tier.max_quantity,
                    tier.is_plain()
                ])
            },
            json!(["sar", null, true, 5, 9, false]),
        ),
        (
            "variants.prices.id variants.prices.price_rules.attribute variants.prices.price_rules.value",
            variant_path.clone(),
            json!({"prices": [{"currency_code": "sar", "amount": 61}, {"currency_code": "sar", "amount": 63, "rules": {"customer.groups.id": group}}]}),
            |p| {
                let own = priced(p, "63").unwrap();
                json!([own.rules, own.is_plain(), own.id.starts_with("price_")])
            },
            json!([{"customer.groups.id": group}, false, true]),
        ),
        (
            "variants.inventory_items.inventory_item_id variants.inventory_items.inventory.sku",
            format!("/admin/inventory-items/{item}"),
            json!({"sku": format!("{n}-item")}),
            |p| {
                json!([
                    small(p).inventory_items[0].inventory_item_id,
                    small(p).inventory_items[0].inventory.as_ref().unwrap().sku
                ])
            },
            json!([item, format!("{n}-item")]),
        ),
        (
            "variants.inventory_items.inventory.location_levels.location_id variants.inventory_items.inventory.location_levels.stocked_quantity",
            format!("/admin/inventory-items/{item}/location-levels/{location}"),
            json!({"stocked_quantity": 77}),
            |p| {
                let level = &small(p).inventory_items[0].inventory.as_ref().unwrap().location_levels[0];
                json!([level.location_id, level.stocked_quantity])
            },
            json!([location, 77]),
        ),
        (
            "variants.inventory_items.inventory.location_levels.reserved_quantity",
            "/admin/reservations".to_owned(),
            json!({"inventory_item_id": item, "location_id": location, "quantity": 3}),
            |p| json!(small(p).inventory_items[0].inventory.as_ref().unwrap().location_levels[0].reserved_quantity),
            json!(3),
        ),
        (
            "variants.manage_inventory",
            format!("{path}/variants/{}", id(&find("variants", "title", "Red / M"))),
            json!({"manage_inventory": false}),
            |p| {
                json!(
                    p.variants.iter().filter(|variant| variant.manage_inventory).map(|v| &v.title).collect::<Vec<_>>()
                )
            },
            json!(["V"]),
        ),
        (
            "variants.allow_backorder",
            format!("{path}/variants/{}", id(&find("variants", "title", "Red / M"))),
            json!({"allow_backorder": true}),
            |p| {
                json!(
                    p.variants
                        .iter()
                        .filter(|variant| variant.allow_backorder == Some(true))
                        .map(|v| &v.title)
                        .collect::<Vec<_>>()
                )
            },
            json!(["Red / M"]),
        ),
        (
            "translations.id translations.locale_code translations.translations",
            "/admin/translations/batch".to_owned(),
            json!({"update": [{"id": arabic["id"], "translations": {"title": "يدوي"}}]}),
            |p| {
                let row = p.translations.iter().find(|row| row.locale_code == "ar-SA").unwrap();
                json!([row.id, row.translations["title"]])
            },
            json!([arabic["id"], "يدوي"]),
        ),
        ("external_id", path.clone(), json!({"external_id": "other:1"}), |p| json!(p.external_id), json!("other:1")),
    ];
    let mut shown = BTreeSet::new();
    for (fields, path, body, seen, wanted) in steps {
        real.admin_post(&path, &body).await;
        assert_eq!(seen(&read(&real, id(&there)).await), wanted, "{fields}: after {body} at {path}");
        shown.extend(fields.split_whitespace());
    }
    let asked: BTreeSet<&str> =
        DEEP_FIELDS.split(',').chain(TRANSLATION_FIELDS.split(',')).filter(|f| !f.is_empty()).collect();
    assert_eq!(shown, asked, "every field that is read is shown to be delivered, and nothing else is claimed");
}

/// The price rows of every variant, by id, without the times.
fn rows(product: &Value) -> BTreeMap<String, Value> {
    let rows = product["variants"].as_array().unwrap().iter().flat_map(|variant| variant["prices"].as_array().unwrap());
    rows.map(|row| {
        (id(row).to_owned(), json!([row["currency_code"], row["amount"], row["min_quantity"], row["rules"]]))
    })
    .collect()
}

#[tokio::test]
async fn a_price_for_one_region_or_group_keeps_its_row_its_amount_and_its_rules() {
    let Some(real) = Real::connect().await else { return };
    let key = real.new_key();
    let mut article = shirt(&key, &["S", "M"]);
    let id_of = real.push(&offered(&key, &article)).await.unwrap().product_id.unwrap();
    let there = real.admin_product(&key).await.unwrap();
    let region = &real.regions["sar"];
    let group = real.admin_post("/admin/customer-groups", &json!({"name": format!("Club {}", key.id())})).await;
    let group = id(&group["customer_group"]);
    for variant in there["variants"].as_array().unwrap() {
        let prices = json!({"prices": [
            {"currency_code": "sar", "amount": 23.8}, {"currency_code": "usd", "amount": 6.35},
            {"currency_code": "sar", "amount": 19.5, "rules": {"region_id": region}},
            {"currency_code": "sar", "amount": 18, "rules": {"customer.groups.id": group}},
            {"currency_code": "sar", "amount": 17, "min_quantity": 10, "rules": {"customer.groups.id": group, "region_id": region}},
        ]});
        real.admin_post(&format!("/admin/products/{id_of}/variants/{}", id(variant)), &prices).await;
    }
    let query =
        [("fields", "*variants.prices,variants.prices.price_rules.attribute,variants.prices.price_rules.value")];
    let path = format!("/admin/products/{id_of}");
    let admin = async || rows(&real.admin_get(&path, &query).await["product"]);
    let before = admin().await;
    assert_eq!(before.len(), 10, "{before:?}");

    // A change of the title is one call, and none that could touch a price.
    article.title = "Changed".into();
    let shop = real.another_shop();
    shop.push(&[(&offered(&key, &article), Depth::Light)], &NobodyWants, deadline()).await.remove(0).unwrap();
    assert_eq!((shop.medusa.writes(), admin().await), (1, before.clone()));

    // A change of the price changes the plain rows alone.
    article.variants[0].prices.insert("sar".into(), "30".parse().unwrap());
    real.push(&offered(&key, &article)).await.unwrap();
    let after = admin().await;
    let changed: Vec<_> =
        before.iter().filter(|(id, row)| after.get(*id) != Some(*row)).map(|(_, row)| row.clone()).collect();
    assert_eq!((changed, after.len()), (vec![json!(["sar", 23.8, null, {}])], 10), "{after:?}");
    // The sar region's customers pay the region's price, the others ours.
    let mut expected = Shown::expected(&article, &real);
    for variant in expected.variants.values_mut() {
        variant.prices.insert("sar".into(), "19.5".parse().unwrap());
    }
    assert_eq!(real.shown(&key).await, Some(expected));
    assert_eq!(real.push_as(&offered(&key, &article), Depth::Full).await.unwrap().change, Change::Unchanged);
}
