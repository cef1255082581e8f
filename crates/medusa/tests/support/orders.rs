//! Customers: orders from the cart to the return, as the storefront and an administrator make them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Real, deadline};

/// What Medusa holds of a SKU at the configured location.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level {
    pub stocked: i64,
    pub reserved: i64,
}

impl Level {
    /// What the storefront can still sell; below zero where more is reserved than there is.
    pub fn available(self) -> i64 {
        self.stocked - self.reserved
    }

    /// For comparing with a table: stocked, reserved, available.
    pub fn row(self) -> (i64, i64, i64) {
        (self.stocked, self.reserved, self.available())
    }
}

/// A completed order of one SKU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub id: String,
    pub sku: String,
    pub quantity: i64,
    /// Its only line.
    item: String,
}

/// Pieces of an order that an administrator took from the shelf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fulfilment {
    pub id: String,
    pub quantity: i64,
}

/// A shop in which orders can be completed.
pub struct Orders<'a> {
    real: &'a Real,
    /// Shipping option by currency.
    shipping: BTreeMap<String, String>,
    /// A country to ship to, by currency.
    countries: BTreeMap<String, String>,
}

const PROVIDER: &str = "manual_manual";
const PAYMENT: &str = "pp_system_default";

impl<'a> Orders<'a> {
    /// Gives the shop what completing an order needs and it does not have yet, so that it may be
    /// called again, in any test.
    pub async fn open(real: &'a Real) -> Self {
        let mut orders = Self { real, shipping: BTreeMap::new(), countries: BTreeMap::new() };
        let fields = "id,currency_code,countries.iso_2,payment_providers.id";
        let regions = real.admin_get("/admin/regions", &[("fields", fields), ("limit", "50")]).await;
        for region in rows(&regions["regions"]) {
            let currency = text(&region["currency_code"]);
            orders.countries.insert(currency, text(&region["countries"][0]["iso_2"]));
            let mut providers: Vec<String> = rows(&region["payment_providers"]).map(|row| text(&row["id"])).collect();
            if !providers.iter().any(|provider| provider == PAYMENT) {
                providers.push(PAYMENT.to_owned());
                let path = format!("/admin/regions/{}", text(&region["id"]));
                real.admin_post(&path, &json!({ "payment_providers": providers })).await;
            }
        }
        let set = orders.fulfilment_set().await;
        for (currency, country) in orders.countries.clone() {
            let option = orders.shipping_option(&set, &currency, &country).await;
            orders.shipping.insert(currency, option);
        }
        orders
    }

    /// What delivers from the configured location.
    async fn fulfilment_set(&self) -> String {
        let path = format!("/admin/stock-locations/{}", self.real.shop.references.stock_location_id);
        let query = [("fields", "fulfillment_sets.id,fulfillment_sets.type,fulfillment_providers.id")];
        for _ in 0..5 {
            let location = self.real.admin_get(&path, &query).await["stock_location"].take();
            if !rows(&location["fulfillment_providers"]).any(|provider| provider["id"] == PROVIDER) {
                let add = json!({ "add": [PROVIDER] });
                self.real.admin_post(&format!("{path}/fulfillment-providers"), &add).await;
            }
            if let Some(set) = rows(&location["fulfillment_sets"]).find(|set| set["type"] == "shipping") {
                return text(&set["id"]);
            }
            // The name is unique, so of two tests that start at once one makes it and the other
            // finds it.
            let body = json!({"name": "Delivery", "type": "shipping"});
            let _: Result<Value, _> =
                self.real.shop.medusa.post(&format!("{path}/fulfillment-sets"), &[], &body, deadline()).await;
        }
        panic!("the location gets no fulfilment set");
    }

    async fn shipping_option(&self, set: &str, currency: &str, country: &str) -> String {
        let path = format!("/admin/fulfillment-sets/{set}/service-zones");
        let name = format!("Delivery to {country}");
        for _ in 0..5 {
            let fields = "fulfillment_sets.id,fulfillment_sets.service_zones.id,\
                          fulfillment_sets.service_zones.geo_zones.country_code,\
                          fulfillment_sets.service_zones.shipping_options.id";
            let location = format!("/admin/stock-locations/{}", self.real.shop.references.stock_location_id);
            let there = self.real.admin_get(&location, &[("fields", fields)]).await;
            let sets = rows(&there["stock_location"]["fulfillment_sets"]);
            let zone = sets
                .filter(|there| there["id"] == set)
                .flat_map(|set| rows(&set["service_zones"]))
                .find(|zone| rows(&zone["geo_zones"]).any(|place| place["country_code"] == country));
            let Some(zone) = zone else {
                let zones = json!({"name": name, "geo_zones": [{"type": "country", "country_code": country}]});
                let _: Result<Value, _> = self.real.shop.medusa.post(&path, &[], &zones, deadline()).await;
                continue;
            };
            if let Some(option) = rows(&zone["shipping_options"]).map(|option| text(&option["id"])).min() {
                return option;
            }
            let profiles = self.real.admin_get("/admin/shipping-profiles", &[("fields", "id")]).await;
            let option = json!({
                "name": name, "service_zone_id": zone["id"], "provider_id": PROVIDER, "price_type": "flat",
                "shipping_profile_id": profiles["shipping_profiles"][0]["id"],
                "type": {"label": "Standard", "description": "By courier", "code": "standard"},
                "prices": [{"currency_code": currency, "amount": 5}], "rules": [],
            });
            let made = self.real.admin_post("/admin/shipping-options", &option).await;
            return text(&made["shipping_option"]["id"]);
        }
        panic!("the location gets no service zone for {country}");
    }

    /// A customer buys `quantity` of a SKU in a currency's region: the order, or why the shop does
    /// not sell it.
    pub async fn place(&self, sku: &str, currency: &str, quantity: i64) -> Result<Order, String> {
        let variants =
            self.real.admin_get("/admin/product-variants", &[("sku[]", sku), ("fields", "id"), ("limit", "1")]).await;
        let variant = variants["variants"][0]["id"].as_str().ok_or_else(|| format!("no variant {sku}"))?.to_owned();
        self.buy(sku, &variant, currency, quantity).await
    }

    /// The same for a variant whose id is known: what happens is the customer's requests and
    /// nothing else.
    pub async fn buy(&self, sku: &str, variant: &str, currency: &str, quantity: i64) -> Result<Order, String> {
        let cart = self.fill(variant, currency, quantity).await?;
        self.check_out(sku, &cart, quantity).await
    }

    /// A cart that only waits for its customer to say yes; its id.
    pub async fn fill(&self, variant: &str, currency: &str, quantity: i64) -> Result<String, String> {
        let channel = &self.real.shop.references.sales_channel_id;
        let address = json!({
            "first_name": "Sara", "last_name": "Haddad", "address_1": "1 Harbour Street", "city": "Port",
            "postal_code": "10001", "country_code": self.countries[currency],
        });
        // Medusa makes a customer of each address; two carts that make the same one at a time are
        // refused.
        let email = format!("{}@example.test", self.real.new_key().id());
        let cart = json!({"region_id": self.real.regions[currency], "sales_channel_id": channel,
            "email": email, "shipping_address": address,
            "items": [{"variant_id": variant, "quantity": quantity}]});
        let cart = text(&self.ask("/store/carts", &cart).await?["cart"]["id"]);
        let way = json!({"option_id": self.shipping[currency]});
        self.ask(&format!("/store/carts/{cart}/shipping-methods"), &way).await?;
        let payment = self.ask("/store/payment-collections", &json!({ "cart_id": cart })).await?;
        let sessions =
            format!("/store/payment-collections/{}/payment-sessions", text(&payment["payment_collection"]["id"]));
        self.ask(&sessions, &json!({ "provider_id": PAYMENT })).await?;
        Ok(cart)
    }

    /// The customer says yes.
    pub async fn check_out(&self, sku: &str, cart: &str, quantity: i64) -> Result<Order, String> {
        let done = self.ask(&format!("/store/carts/{cart}/complete"), &json!({})).await?;
        if done["type"] != "order" {
            return Err(done["error"]["message"].as_str().unwrap_or("the cart stays a cart").to_owned());
        }
        let item = text(&done["order"]["items"][0]["id"]);
        Ok(Order { id: text(&done["order"]["id"]), sku: sku.to_owned(), quantity, item })
    }

    async fn ask(&self, path: &str, body: &Value) -> Result<Value, String> {
        let (status, reply) = self.real.store_post(path, body).await;
        if status == 200 { Ok(reply) } else { Err(format!("{path}: {status} {}", reply["message"])) }
    }

    /// The order never happened.
    pub async fn cancel(&self, order: &Order) {
        self.real.admin_post(&format!("/admin/orders/{}/cancel", order.id), &json!({})).await;
    }

    /// `quantity` pieces of the order leave the shelf.
    pub async fn fulfil(&self, order: &Order, quantity: i64) -> Fulfilment {
        self.try_fulfil(order, quantity).await.unwrap_or_else(|why| panic!("{why}"))
    }

    /// The same; or why Medusa refuses, as it does when the shelf holds too few.
    pub async fn try_fulfil(&self, order: &Order, quantity: i64) -> Result<Fulfilment, String> {
        let location = &self.real.shop.references.stock_location_id;
        let body = json!({"location_id": location, "items": [{"id": order.item, "quantity": quantity}]});
        let path = format!("/admin/orders/{}/fulfillments", order.id);
        let query = [("fields", "fulfillments.id")];
        let made: Result<Value, _> = self.real.shop.medusa.post(&path, &query, &body, deadline()).await;
        let made = made.map_err(|error| error.to_string())?;
        // Ids sort by time.
        let newest = rows(&made["order"]["fulfillments"]).map(|row| text(&row["id"])).max().expect("a fulfilment");
        Ok(Fulfilment { id: newest, quantity })
    }

    /// They are on their way to the customer.
    pub async fn ship(&self, order: &Order, fulfilment: &Fulfilment) {
        let path = format!("/admin/orders/{}/fulfillments/{}/shipments", order.id, fulfilment.id);
        let items = json!({"items": [{"id": order.item, "quantity": fulfilment.quantity}]});
        self.real.admin_post(&path, &items).await;
    }

    /// They go back onto the shelf before they were shipped, and are reserved again; or why Medusa
    /// refuses, as it does where more is reserved than the shelf holds with them.
    pub async fn cancel_fulfilment(&self, order: &Order, fulfilment: &Fulfilment) -> Result<(), String> {
        let path = format!("/admin/orders/{}/fulfillments/{}/cancel", order.id, fulfilment.id);
        let made: Result<Value, _> = self.real.shop.medusa.post(&path, &[], &json!({}), deadline()).await;
        made.map(drop).map_err(|error| error.to_string())
    }

    /// The customer announces that pieces come back. The return's id.
    pub async fn request_return(&self, order: &Order, quantity: i64) -> String {
        let location = &self.real.shop.references.stock_location_id;
        let body = json!({"order_id": order.id, "location_id": location});
        let id = text(&self.real.admin_post("/admin/returns", &body).await["return"]["id"]);
        let items = json!({"items": [{"id": order.item, "quantity": quantity}]});
        self.real.admin_post(&format!("/admin/returns/{id}/request-items"), &items).await;
        self.real.admin_post(&format!("/admin/returns/{id}/request"), &json!({})).await;
        id
    }

    /// They are back on the shelf.
    pub async fn receive_return(&self, order: &Order, id: &str, quantity: i64) {
        self.real.admin_post(&format!("/admin/returns/{id}/receive"), &json!({})).await;
        let items = json!({"items": [{"id": order.item, "quantity": quantity}]});
        self.real.admin_post(&format!("/admin/returns/{id}/receive-items"), &items).await;
        self.real.admin_post(&format!("/admin/returns/{id}/receive/confirm"), &json!({})).await;
    }

    /// What the shop holds of a SKU at the configured location.
    pub async fn level(&self, sku: &str) -> Level {
        self.levels(&[sku]).await[sku]
    }

    /// The same for several SKUs, by SKU; those without a level are left out.
    pub async fn levels(&self, skus: &[&str]) -> BTreeMap<String, Level> {
        let location = self.real.shop.references.stock_location_id.as_str();
        let mut levels = BTreeMap::new();
        for skus in skus.chunks(100) {
            let mut query: Vec<(&str, &str)> = skus.iter().map(|sku| ("sku[]", *sku)).collect();
            let fields = "sku,location_levels.location_id,location_levels.stocked_quantity,\
                          location_levels.reserved_quantity";
            query.extend([("fields", fields), ("limit", "100")]);
            let found = self.real.admin_get("/admin/inventory-items", &query).await;
            for item in rows(&found["inventory_items"]) {
                let own = rows(&item["location_levels"]).find(|level| level["location_id"] == location);
                if let Some(level) = own {
                    let [stocked, reserved] =
                        ["stocked_quantity", "reserved_quantity"].map(|field| level[field].as_i64().unwrap());
                    levels.insert(text(&item["sku"]), Level { stocked, reserved });
                }
            }
        }
        levels
    }

    /// Sets a level as a person does in the admin.
    pub async fn set_stocked(&self, sku: &str, stocked: i64) {
        let items = self.real.admin_get("/admin/inventory-items", &[("sku[]", sku), ("fields", "id")]).await;
        let item = text(&items["inventory_items"][0]["id"]);
        let location = &self.real.shop.references.stock_location_id;
        let path = format!("/admin/inventory-items/{item}/location-levels/{location}");
        self.real.admin_post(&path, &json!({ "stocked_quantity": stocked })).await;
    }
}

fn rows(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
