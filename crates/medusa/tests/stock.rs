//! Own sales are not undone: what customers bought stays bought, whatever the supplier repeats.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::support;

use std::collections::BTreeMap;

use medusa::{Change, Depth, Desired, Told};
use serde_json::{Value, json};
use support::books::{Supplier, book, now_ms};
use support::{Real, deadline, offered, shirt};

/// A shop in which orders can be completed.
struct Till<'a> {
    real: &'a Real,
    shipping: String,
    country: String,
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("no id: {value}")).to_owned()
}

impl<'a> Till<'a> {
    async fn open(real: &'a Real) -> Self {
        let fields = [("fields", "id,currency_code,countries.iso_2"), ("limit", "50")];
        let regions = real.admin_get("/admin/regions", &fields).await;
        let region = regions["regions"].as_array().unwrap().iter().find(|row| row["currency_code"] == "sar").unwrap();
        let country = region["countries"][0]["iso_2"].as_str().unwrap().to_owned();
        let providers = json!({"payment_providers": ["pp_system_default"]});
        real.admin_post(&format!("/admin/regions/{}", id(region)), &providers).await;
        let location = format!("/admin/stock-locations/{}", real.shop.references.stock_location_id);
        real.admin_post(&format!("{location}/fulfillment-providers"), &json!({"add": ["manual_manual"]})).await;
        let name = real.new_key().id().to_owned();
        let set = json!({"name": name, "type": "shipping"});
        real.admin_post(&format!("{location}/fulfillment-sets"), &set).await;
        let fields = [("fields", "fulfillment_sets.id,fulfillment_sets.name")];
        let made = real.admin_get(&location, &fields).await;
        let sets = made["stock_location"]["fulfillment_sets"].as_array().unwrap();
        let set = id(sets.iter().find(|set| set["name"] == name.as_str()).unwrap());
        let zone = json!({"name": name, "geo_zones": [{"type": "country", "country_code": country}]});
        let zone = real.admin_post(&format!("/admin/fulfillment-sets/{set}/service-zones"), &zone).await;
        let option = json!({
            "name": name, "service_zone_id": zone["fulfillment_set"]["service_zones"][0]["id"],
            "shipping_profile_id": real.shop.references.shipping_profile_id, "provider_id": "manual_manual",
            "price_type": "flat", "type": {"label": "Standard", "description": "By courier", "code": "standard"},
            "prices": [{"currency_code": "sar", "amount": 5}], "rules": [],
        });
        let made = real.admin_post("/admin/shipping-options", &option).await;
        Self { real, shipping: id(&made["shipping_option"]), country }
    }

    /// A customer buys: the order and its line.
    async fn buy(&self, variant: &str, quantity: i64) -> (String, String) {
        let ask = async |path: &str, body: Value| {
            let (status, reply) = self.real.store_post(path, &body).await;
            assert_eq!(status, 200, "{path}: {reply}");
            reply
        };
        let references = &self.real.shop.references;
        let address = json!({"first_name": "Sara", "last_name": "Haddad", "address_1": "1 Harbour Street", "city": "Port",
            "postal_code": "10001", "country_code": self.country});
        let cart = json!({"region_id": self.real.regions["sar"], "sales_channel_id": references.sales_channel_id,
            "email": format!("{}@example.test", self.real.new_key().id()), "shipping_address": address,
            "items": [{"variant_id": variant, "quantity": quantity}]});
        let cart = id(&ask("/store/carts", cart).await["cart"]);
        ask(&format!("/store/carts/{cart}/shipping-methods"), json!({"option_id": self.shipping})).await;
        let payment = ask("/store/payment-collections", json!({"cart_id": cart})).await;
        let sessions = format!("/store/payment-collections/{}/payment-sessions", id(&payment["payment_collection"]));
        ask(&sessions, json!({"provider_id": "pp_system_default"})).await;
        let done = ask(&format!("/store/carts/{cart}/complete"), json!({})).await;
        assert_eq!(done["type"], "order", "{done}");
        (id(&done["order"]), id(&done["order"]["items"][0]))
    }

    async fn fulfil(&self, (order, line): &(String, String), quantity: i64) {
        let location = &self.real.shop.references.stock_location_id;
        let body = json!({"location_id": location, "items": [{"id": line, "quantity": quantity}]});
        self.real.admin_post(&format!("/admin/orders/{order}/fulfillments"), &body).await;
    }

    async fn cancel(&self, (order, _): &(String, String)) {
        self.real.admin_post(&format!("/admin/orders/{order}/cancel"), &json!({})).await;
    }

    /// Stocked and reserved pieces at the configured location.
    async fn level(&self, sku: &str) -> (i64, i64) {
        let fields = "location_levels.location_id,location_levels.stocked_quantity,location_levels.reserved_quantity";
        let query = [("sku", sku), ("fields", fields)];
        let item = self.real.admin_get("/admin/inventory-items", &query).await;
        let levels = item["inventory_items"][0]["location_levels"].as_array().unwrap();
        let here = &self.real.shop.references.stock_location_id;
        let level = levels.iter().find(|level| level["location_id"] == here.as_str()).unwrap();
        (level["stocked_quantity"].as_i64().unwrap(), level["reserved_quantity"].as_i64().unwrap())
    }
}

async fn push(real: &Real, desired: &Desired, supplier: &Supplier) -> Change {
    let pushed = real.shop.push(&[(desired, Depth::Light)], supplier, deadline()).await.remove(0);
    pushed.unwrap_or_else(|failure| panic!("{failure:?}")).change
}

/// A shirt in one size of which ten are in stock, and what customers buy.
async fn ten(real: &Real, supplier: &Supplier) -> (Desired, String, String) {
    let key = real.new_key();
    let mut article = shirt(&key, &["S"]);
    article.variants[0].stock = 10;
    let sku = article.variants[0].sku.clone();
    let desired = offered(&key, &article);
    assert_eq!(push(real, &desired, supplier).await, Change::Created);
    let variant = id(&real.admin_product(&key).await.unwrap()["variants"][0]);
    (desired, variant, sku)
}

/// The same product with another title or figure.
fn changed(desired: &Desired, change: impl Fn(&mut medusa::Article)) -> Desired {
    let mut desired = desired.clone();
    let medusa::Presence::Offered(article) = &mut desired.presence else { panic!("it is offered") };
    change(article);
    desired
}

#[tokio::test]
async fn what_was_sold_stays_sold_when_only_the_title_changes() {
    let Some(real) = Real::connect().await else { return };
    let till = Till::open(&real).await;
    let (desired, variant, sku) = ten(&real, &Supplier::at(now_ms())).await;
    let order = till.buy(&variant, 4).await;
    assert_eq!(till.level(&sku).await, (10, 4));
    till.fulfil(&order, 4).await;
    assert_eq!(till.level(&sku).await, (6, 0));

    let another = changed(&desired, |article| article.title.push('!'));
    let shop = real.another_shop();
    let pushed = shop.push(&[(&another, Depth::Light)], &Supplier::at(now_ms()), deadline()).await.remove(0).unwrap();
    assert_eq!((pushed.change, shop.medusa.writes()), (Change::Updated, 1), "one write: the title");
    assert_eq!(till.level(&sku).await, (6, 0));
    for _ in 0..10 {
        let again =
            shop.push(&[(&another, Depth::Light)], &Supplier::at(now_ms()), deadline()).await.remove(0).unwrap();
        assert_eq!((again.change, shop.medusa.writes()), (Change::Unchanged, 1));
    }
    // It may write to price lists that other tests left.
    let full = shop.push(&[(&another, Depth::Full)], &Supplier::at(now_ms()), deadline()).await.remove(0).unwrap();
    assert_eq!(full.change, Change::Unchanged);
    assert_eq!(till.level(&sku).await, (6, 0));
    assert_eq!(real.shown(&desired.key).await.unwrap().variants[&sku].stock, 6);
}

#[tokio::test]
async fn a_new_figure_knows_the_orders_from_before_its_time_and_no_others() {
    let Some(real) = Real::connect().await else { return };
    let till = Till::open(&real).await;
    let (desired, variant, sku) = ten(&real, &Supplier::at(now_ms())).await;
    // Known to the next figure: one that is fulfilled, one that is open.
    let known = till.buy(&variant, 2).await;
    till.fulfil(&known, 2).await;
    till.buy(&variant, 1).await;
    let written = now_ms();
    // Not known to it: one in part fulfilled, one cancelled, one open.
    let part = till.buy(&variant, 3).await;
    till.fulfil(&part, 2).await;
    till.cancel(&till.buy(&variant, 1).await).await;
    till.buy(&variant, 1).await;
    assert_eq!(till.level(&sku).await, (6, 3));

    let refilled = changed(&desired, |article| article.variants[0].stock = 20);
    push(&real, &refilled, &Supplier::at(written)).await;
    // 20 said − 4 ours since; 3 are reserved.
    assert_eq!(till.level(&sku).await, (19, 3));
    assert_eq!(real.shown(&desired.key).await.unwrap().variants[&sku].stock, 16);
    let remembered = book(&desired.key);
    let why = &remembered.0.values().next().unwrap().why;
    assert_eq!(why.line(|_| "09:10".to_owned()), "20 said − 4 ours since 09:10 = 16");

    // Less than was sold since: sold out, and it stays so when the pieces leave.
    let scarce = changed(&desired, |article| article.variants[0].stock = 3);
    push(&real, &scarce, &Supplier::at(written)).await;
    assert_eq!(till.level(&sku).await, (2, 3));
    till.fulfil(&part, 1).await;
    assert_eq!(till.level(&sku).await, (1, 2));
}

#[tokio::test]
async fn a_figure_that_knows_none_of_our_orders_moves_what_is_left_even_if_the_note_of_it_is_lost() {
    let Some(mut real) = Real::connect().await else { return };
    real.shop.references.stock = "{\"test\":{\"figure\":\"before-orders\",\"buffer\":1}}".parse().unwrap();
    let till = Till::open(&real).await;
    let supplier = Supplier::at(now_ms());
    let (desired, variant, sku) = ten(&real, &supplier).await;
    let order = till.buy(&variant, 4).await;
    till.fulfil(&order, 3).await;
    assert_eq!(till.level(&sku).await, (6, 1));
    let more = changed(&desired, |article| article.variants[0].stock = 15);
    // The intent is noted, the level is written, and then the ledger is gone.
    let dying = Supplier { notes: 1.into(), ..Supplier::at(now_ms()) };
    let lost = real.shop.push(&[(&more, Depth::Light)], &dying, deadline()).await.remove(0).unwrap_err();
    assert_eq!(lost.code, "ledger_unavailable");
    assert_eq!(till.level(&sku).await, (11, 1));
    till.fulfil(&order, 1).await;
    till.buy(&variant, 2).await;
    push(&real, &more, &Supplier::at(now_ms())).await;
    assert_eq!(till.level(&sku).await, (10, 2));
    // Nothing is written if the intent could not be noted.
    let less = changed(&desired, |article| article.variants[0].stock = 9);
    let dead = Supplier { notes: 0.into(), ..Supplier::at(now_ms()) };
    real.shop.push(&[(&less, Depth::Light)], &dead, deadline()).await.remove(0).unwrap_err();
    assert_eq!(till.level(&sku).await, (10, 2));
    push(&real, &less, &Supplier::at(now_ms())).await;
    assert_eq!(till.level(&sku).await, (4, 2));
    assert_eq!(push(&real, &less, &Supplier::at(now_ms())).await, Change::Unchanged);
}

#[tokio::test]
async fn a_figure_that_comes_with_a_siblings_newer_one_sells_nothing_twice() {
    let Some(real) = Real::connect().await else { return };
    let till = Till::open(&real).await;
    let key = real.new_key();
    let mut article = shirt(&key, &["S", "M"]);
    article.variants.iter_mut().for_each(|variant| variant.stock = 10);
    let skus: Vec<String> = article.variants.iter().map(|variant| variant.sku.clone()).collect();
    let desired = offered(&key, &article);
    let begin = now_ms();
    assert_eq!(push(&real, &desired, &Supplier::at(begin)).await, Change::Created);
    let product = real.admin_product(&key).await.unwrap();
    let variants = product["variants"].as_array().unwrap();
    let of = |sku: &str| id(variants.iter().find(|variant| variant["sku"] == sku).unwrap());
    let said = now_ms();
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    till.buy(&of(&skus[0]), 3).await;
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    // The first size's eight were said before the customer bought, its sibling's four after.
    let later = now_ms();
    let told = |pieces, at| Told { pieces, at, newer: false };
    let each = BTreeMap::from([(skus[0].clone(), told(8, said)), (skus[1].clone(), told(4, later))]);
    let supplier = Supplier { each, ..Supplier::at(later) };
    let both = changed(&desired, |article| {
        for variant in &mut article.variants {
            variant.stock = if variant.sku == skus[0] { 8 } else { 4 };
        }
    });
    push(&real, &both, &supplier).await;
    assert_eq!((till.level(&skus[0]).await, till.level(&skus[1]).await), ((8, 3), (4, 0)), "five and four are left");
    assert_eq!(book(&key).0.values().map(|applied| applied.since).min(), Some(said));
}
