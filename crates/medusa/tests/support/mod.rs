//! A real Medusa to test against, and what its storefront shows.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "each test binary uses its part"
)]

pub mod books;
pub mod orders;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use catalog::{Failure, ProductKey};
use medusa::{
    Article, CompareAt, Credentials, Depth, Desired, Medusa, Outcome, Presence, PriceLists, References, Shop,
    SkuOwners, Texts, Variant,
};
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// A setting from the environment, or from the file that `RELAY_MEDUSA_ENV` names (lines of
/// `NAME=value`).
pub fn setting(name: &str) -> Option<String> {
    if let Ok(value) = std::env::var(name) {
        return Some(value).filter(|value| !value.is_empty());
    }
    let file = std::fs::read_to_string(std::env::var("RELAY_MEDUSA_ENV").ok()?).ok()?;
    let found = file.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('=').map(str::to_owned));
    found.filter(|value| !value.is_empty())
}

/// The real shop.
pub struct Real {
    pub shop: Shop,
    pub url: String,
    store: reqwest::Client,
    publishable_key: String,
    /// Region ids by currency.
    pub regions: BTreeMap<String, String>,
    /// Distinguishes this run's products from those of other runs in the same shop.
    run: String,
}

static COUNTER: AtomicU32 = AtomicU32::new(0);

pub fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(120)
}

pub fn medusa_client() -> Option<Medusa> {
    Some(client_at(&setting("RELAY_MEDUSA_URL")?))
}

fn client_at(url: &str) -> Medusa {
    let email = setting("RELAY_MEDUSA_EMAIL").expect("RELAY_MEDUSA_EMAIL");
    let password = setting("RELAY_MEDUSA_PASSWORD").expect("RELAY_MEDUSA_PASSWORD");
    Medusa::new(url, Credentials::User { email, password }).unwrap()
}

pub async fn references(medusa: &Medusa) -> References {
    let channel = setting("RELAY_SALES_CHANNEL_ID").expect("RELAY_SALES_CHANNEL_ID");
    let location = setting("RELAY_STOCK_LOCATION_ID").expect("RELAY_STOCK_LOCATION_ID");
    let found = References::check(medusa, &channel, &location, None, deadline()).await.unwrap();
    // What is kept has tests of its own (`kept.rs`).
    // So have handles (`addresses.rs`); here none is another test's.
    References { retention: 0, handles: "{source}-{id}".parse().unwrap(), ..found }
}

impl Real {
    /// The shop that the environment names; `None`, said loudly, where there is none. In CI that is
    /// a failure.
    pub async fn connect() -> Option<Self> {
        Self::connect_with(CompareAt::Metadata).await
    }

    /// The same, with list prices put where `compare_at` says.
    pub async fn connect_with(compare_at: CompareAt) -> Option<Self> {
        let Some(medusa) = medusa_client() else {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "RELAY_MEDUSA_URL is not set, but CI is");
            eprintln!("SKIPPED: no RELAY_MEDUSA_URL. These tests need a real Medusa, see crates/medusa/README.md");
            return None;
        };
        let mut references = references(&medusa).await;
        references.price_lists = compare_at.prepare(&medusa, &references.currencies, deadline()).await.unwrap();
        let regions: Value =
            medusa.get("/admin/regions", &[("fields", "id,currency_code"), ("limit", "50")], deadline()).await.unwrap();
        let regions = regions["regions"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let millis = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        Some(Self {
            regions: regions.map(|region| (text(&region["currency_code"]), text(&region["id"]))).collect(),
            shop: Shop { medusa, references },
            url: setting("RELAY_MEDUSA_URL").unwrap(),
            store: reqwest::Client::builder().pool_idle_timeout(Duration::from_secs(4)).build().unwrap(),
            publishable_key: setting("RELAY_MEDUSA_PUBLISHABLE_KEY").expect("RELAY_MEDUSA_PUBLISHABLE_KEY"),
            run: format!("{:x}-{:x}", millis % 0x1000_0000_0000, std::process::id()),
        })
    }

    /// The same shop as one with these price lists.
    pub fn with_lists(mut self, lists: PriceLists) -> Self {
        self.shop.references.price_lists = lists;
        self
    }

    /// Writes of a push that finds nothing to do. A full comparison asks each price list that is
    /// not used any more, which other tests may have left, to give up the products.
    pub fn idle_writes(&self, depth: Depth) -> u64 {
        let lists = &self.shop.references.price_lists;
        assert!(lists.in_use.is_empty(), "entries of those in use are written, too");
        if depth == Depth::Full { lists.retired.len() as u64 } else { 0 }
    }

    /// A key that no other test has.
    pub fn new_key(&self) -> ProductKey {
        let n = COUNTER.fetch_add(1, Ordering::Relaxed);
        ProductKey::new("test", format!("{}-{n}", self.run)).unwrap()
    }

    pub async fn push(&self, desired: &Desired) -> Outcome {
        self.push_as(desired, Depth::Light).await
    }

    pub async fn push_as(&self, desired: &Desired, depth: Depth) -> Outcome {
        self.shop.push(&[(desired, depth)], &NobodyWants, deadline()).await.remove(0)
    }

    pub async fn push_all(&self, desired: &[Desired]) -> Vec<Outcome> {
        let orders: Vec<_> = desired.iter().map(|desired| (desired, Depth::Light)).collect();
        self.shop.push(&orders, &NobodyWants, deadline()).await
    }

    pub async fn admin_get(&self, path: &str, query: &[(&str, &str)]) -> Value {
        self.shop.medusa.get(path, query, deadline()).await.unwrap()
    }

    pub async fn admin_post(&self, path: &str, body: &Value) -> Value {
        self.shop.medusa.post(path, &[], body, deadline()).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// The product as an administrator sees it, with everything that a push could touch.
    pub async fn admin_product(&self, key: &ProductKey) -> Option<Value> {
        self.admin_products(std::slice::from_ref(key)).await.remove(0)
    }

    /// The same for several products.
    pub async fn admin_products(&self, keys: &[ProductKey]) -> Vec<Option<Value>> {
        let fields = "*images,*categories,*tags,*sales_channels,*options,*options.values,*variants,*variants.options,*variants.prices,\
                      *variants.inventory_items,*variants.inventory_items.inventory,\
                      *variants.inventory_items.inventory.location_levels,*shipping_profile,*translations";
        let ids: Vec<String> = keys.iter().map(ToString::to_string).collect();
        let mut query: Vec<(&str, &str)> = ids.iter().map(|id| ("external_id[]", id.as_str())).collect();
        query.extend([("fields", fields), ("limit", "1000")]);
        let mut found = self.admin_get("/admin/products", &query).await;
        let mut products = found["products"].take();
        let mut take = |id: &String| {
            let rows = products.as_array_mut().unwrap();
            let mut own: Vec<Value> = rows.extract_if(.., |product| product["external_id"] == id.as_str()).collect();
            assert!(own.len() <= 1, "several products with external id {id}");
            let mut product = own.pop()?;
            order_rows(&mut product);
            Some(product)
        };
        ids.iter().map(&mut take).collect()
    }

    /// A client of its own to the same shop, whose writes can be counted.
    pub fn another_shop(&self) -> Shop {
        Shop { medusa: medusa_client().unwrap(), references: self.shop.references.clone() }
    }

    /// The same at another address: a proxy's.
    pub fn shop_at(&self, url: &str) -> Shop {
        Shop { medusa: client_at(url), references: self.shop.references.clone() }
    }

    /// What the managed price lists hold of a product, row by row: SKU, currency and amount.
    pub async fn entries(&self, product: &Value) -> Vec<(String, String, Decimal)> {
        self.entries_of(std::slice::from_ref(product)).await.remove(0)
    }

    /// The same for several products.
    pub async fn entries_of(&self, products: &[Value]) -> Vec<Vec<(String, String, Decimal)>> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let mut owners: BTreeMap<String, (usize, String)> = BTreeMap::new();
        for (n, product) in products.iter().enumerate() {
            let variants = product["variants"].as_array().unwrap().iter();
            owners.extend(variants.map(|variant| (text(&variant["id"]), (n, text(&variant["sku"])))));
        }
        let mut entries = vec![Vec::new(); products.len()];
        let lists = &self.shop.references.price_lists;
        for list in lists.in_use.iter().map(|list| &list.id).chain(&lists.retired) {
            let query = [("fields", "amount,currency_code,price_set.variant.id"), ("limit", "1000000")];
            let path = format!("/admin/price-lists/{list}/prices");
            // Another test may have removed a list that is none of our business.
            let Ok(held) = self.shop.medusa.get::<Value>(&path, &query, deadline()).await else { continue };
            for row in held["prices"].as_array().unwrap() {
                let variant = row["price_set"]["variant"]["id"].as_str().unwrap_or_default();
                if let Some((n, sku)) = owners.get(variant) {
                    entries[*n].push((sku.clone(), text(&row["currency_code"]), decimal(&row["amount"])));
                }
            }
        }
        entries.iter_mut().for_each(|entries| entries.sort());
        entries
    }

    /// Tag, type and collection of a product as people choose them.
    pub async fn curated(&self) -> Value {
        let name = self.new_key().id().to_owned();
        let made = async |path: &str, what: &str, body: Value| self.admin_post(path, &body).await[what]["id"].take();
        let tag = made("/admin/product-tags", "product_tag", json!({"value": format!("tag {name}")})).await;
        let collection = made("/admin/collections", "collection", json!({"title": format!("Summer {name}")})).await;
        let kind = made("/admin/product-types", "product_type", json!({"value": format!("Kaftan {name}")})).await;
        json!({"tags": [{"id": tag}], "collection_id": collection, "type_id": kind})
    }

    /// What the managed price lists should hold of an article.
    pub fn expected_entries(&self, article: &Article) -> Vec<(String, String, Decimal)> {
        let of = |variant: &Variant| -> Vec<_> {
            let lists = self.shop.references.price_lists.in_use.iter();
            lists
                .filter(|list| variant.list_price(&list.currency).is_some())
                .map(|list| (variant.sku.clone(), list.currency.clone(), variant.prices[&list.currency].normalize()))
                .collect()
        };
        let mut entries: Vec<_> = article.variants.iter().flat_map(of).collect();
        entries.sort();
        entries
    }

    /// Rows of a list, as the shop counts them.
    pub async fn count(&self, path: &str) -> i64 {
        self.admin_get(path, &[("limit", "1"), ("fields", "id")]).await["count"].as_i64().unwrap()
    }

    /// What the storefront shows of a product, in every language and currency; `None` if it does
    /// not show it.
    pub async fn shown(&self, key: &ProductKey) -> Option<Shown> {
        let mut shown = Shown::default();
        for (currency, region) in &self.regions {
            let product = self.store_product(key, region, None).await?;
            shown.variants_from(currency, &product);
            shown.base_from(&product);
        }
        let region = self.regions.values().next().unwrap();
        for locale in &self.shop.references.locales {
            let product = self.store_product(key, region, Some(locale)).await?;
            let text = |field: &str| product[field].as_str().unwrap_or_default().to_owned();
            shown.languages.insert(locale.clone(), Texts { title: text("title"), description: text("description") });
        }
        Some(shown)
    }

    async fn store_product(&self, key: &ProductKey, region: &str, locale: Option<&str>) -> Option<Value> {
        let id = key.to_string();
        let fields = "id,title,description,thumbnail,external_id,*images,*categories,*options,*options.values,\
                      *variants,*variants.options,\
                      *variants.options.option,*variants.calculated_price,+variants.inventory_quantity";
        let mut query = vec![("external_id", id.as_str()), ("region_id", region), ("fields", fields)];
        query.extend(locale.map(|locale| ("locale", locale)));
        let url = reqwest::Url::parse_with_params(&format!("{}/store/products", self.url), &query).unwrap();
        let answer = self.store.get(url).header("x-publishable-api-key", &self.publishable_key).send().await.unwrap();
        let status = answer.status();
        let mut reply: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert!(status.is_success(), "{reply}");
        let mut products = reply["products"].take();
        assert!(products.as_array().unwrap().len() <= 1, "the storefront shows {key} several times");
        products.get_mut(0).map(Value::take)
    }

    pub async fn store_get(&self, path: &str, query: &[(&str, &str)]) -> (u16, Value) {
        let url = reqwest::Url::parse_with_params(&format!("{}{path}", self.url), query).unwrap();
        self.as_customer(self.store.get(url)).await
    }

    pub async fn store_post(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.store.post(format!("{}{path}", self.url)).header("content-type", "application/json");
        self.as_customer(request.body(body.to_string())).await
    }

    async fn as_customer(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let answer = request.header("x-publishable-api-key", &self.publishable_key).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
    }

    /// Puts `quantity` of a variant into a new cart of a currency's region: the subtotal, or
    /// Medusa's refusal.
    pub async fn cart_subtotal(&self, variant_id: &str, currency: &str, quantity: u32) -> Result<Decimal, String> {
        let cart = self.cart(variant_id, currency, quantity).await?;
        Ok(decimal(&cart["item_subtotal"]))
    }

    async fn cart(&self, variant_id: &str, currency: &str, quantity: u32) -> Result<Value, String> {
        let region = &self.regions[currency];
        let channel = &self.shop.references.sales_channel_id;
        let (_, cart) =
            self.store_post("/store/carts", &json!({"region_id": region, "sales_channel_id": channel})).await;
        let path = format!("/store/carts/{}/line-items", cart["cart"]["id"].as_str().unwrap());
        let (status, mut reply) =
            self.store_post(&path, &json!({"variant_id": variant_id, "quantity": quantity})).await;
        if status == 200 { Ok(reply["cart"].take()) } else { Err(reply["message"].as_str().unwrap_or("?").to_owned()) }
    }

    /// Every variant in stock can be put into a cart of each region at exactly its price; one
    /// without stock cannot.
    pub async fn assert_purchasable(&self, key: &ProductKey, article: &Article) {
        let product = self.admin_product(key).await.unwrap_or_else(|| panic!("{key} is not there"));
        for wanted in &article.variants {
            let variants = product["variants"].as_array().unwrap();
            let variant = variants.iter().find(|v| v["sku"] == wanted.sku.as_str()).expect("variant");
            let id = variant["id"].as_str().unwrap();
            for currency in self.regions.keys() {
                let quantity = if wanted.stock > 1 { 2 } else { 1 };
                let got = self.cart_subtotal(id, currency, quantity).await;
                match wanted.prices.get(currency) {
                    Some(price) if wanted.stock > 0 => {
                        assert_eq!(
                            got,
                            Ok((price * Decimal::from(quantity)).normalize()),
                            "{key} {} {currency}",
                            wanted.sku
                        );
                    }
                    _ => assert!(got.is_err(), "{key} {} can be bought in {currency} for {got:?}", wanted.sku),
                }
            }
        }
    }

    /// Reserves `quantity` of a SKU, as an open order does.
    pub async fn reserve(&self, sku: &str, quantity: u32) {
        let items = self.admin_get("/admin/inventory-items", &[("sku[]", sku), ("fields", "id")]).await;
        let item = items["inventory_items"][0]["id"].as_str().unwrap();
        let location = &self.shop.references.stock_location_id;
        let body = json!({"inventory_item_id": item, "location_id": location, "quantity": quantity});
        self.admin_post("/admin/reservations", &body).await;
    }

    /// One inventory item for each variant and none beside them.
    pub async fn sound(&self, key: &ProductKey, product: &Value) -> Result<(), String> {
        rows_are_sound(product)?;
        let query = [("q", key.id()), ("limit", "10000"), ("fields", "id,sku")];
        let found = self.admin_get("/admin/inventory-items", &query).await;
        let prefix = format!("{}-", key.id());
        let own = |item: &&Value| item["sku"].as_str().is_some_and(|sku| sku.starts_with(&prefix));
        let items = found["inventory_items"].as_array().unwrap().iter().filter(own).count();
        let variants = product["variants"].as_array().unwrap().len();
        if items == variants { Ok(()) } else { Err(format!("{items} inventory items for {variants} variants")) }
    }
}

/// Puts every list of rows in the order of their ids: Medusa gives them in the order in which
/// PostgreSQL happens to find them.
fn order_rows(value: &mut Value) {
    match value {
        Value::Array(rows) => {
            rows.iter_mut().for_each(order_rows);
            rows.sort_by(|a, b| a["id"].as_str().cmp(&b["id"].as_str()));
        }
        Value::Object(fields) => fields.values_mut().for_each(order_rows),
        _ => {}
    }
}

/// What is people's alone: tags, type and collection.
pub fn curation(product: &Value) -> Value {
    let tags: Vec<Value> = product["tags"].as_array().unwrap().iter().map(|tag| json!({"id": tag["id"]})).collect();
    json!({"tags": tags, "collection_id": product["collection_id"], "type_id": product["type_id"]})
}

/// No duplicate rows, prices and an inventory item of its own for each variant.
pub fn rows_are_sound(product: &Value) -> Result<(), String> {
    for variant in product["variants"].as_array().unwrap() {
        let sku = variant["sku"].as_str().unwrap_or("null");
        let prices = variant["prices"].as_array().ok_or(format!("{sku} has no price set"))?;
        let currencies: BTreeSet<_> = prices.iter().map(|price| price["currency_code"].as_str()).collect();
        if prices.is_empty() || prices.len() != currencies.len() {
            return Err(format!("{sku} has the prices {prices:?}"));
        }
        let items = variant["inventory_items"].as_array().unwrap();
        if items.len() != 1 || items[0]["inventory"]["sku"] != variant["sku"] {
            return Err(format!("{sku} has the inventory items {items:?}"));
        }
    }
    let images = product["images"].as_array().unwrap();
    let urls: BTreeSet<_> = images.iter().map(|image| image["url"].as_str()).collect();
    if urls.len() == images.len() { Ok(()) } else { Err(format!("duplicate images: {images:?}")) }
}

pub fn decimal(number: &Value) -> Decimal {
    number.to_string().parse::<Decimal>().unwrap_or_else(|_| panic!("no number: {number}")).normalize()
}

/// Other products' SKUs are free to take.
pub struct NobodyWants;

impl medusa::Addresses for NobodyWants {}

impl SkuOwners for NobodyWants {
    async fn wants(&self, _: &ProductKey, _: &str, _: Instant) -> Result<bool, Failure> {
        Ok(false)
    }
}

/// Other products' SKUs are theirs.
pub struct EverybodyWants;

impl medusa::Addresses for EverybodyWants {}

impl SkuOwners for EverybodyWants {
    async fn wants(&self, _: &ProductKey, _: &str, _: Instant) -> Result<bool, Failure> {
        Ok(true)
    }
}

/// What a customer sees.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shown {
    pub title: String,
    pub description: String,
    pub thumbnail: Option<String>,
    pub images: Vec<String>,
    pub categories: BTreeSet<String>,
    /// Title by option, with the values one can choose.
    pub options: BTreeMap<String, BTreeSet<String>>,
    pub languages: BTreeMap<String, Texts>,
    /// By SKU.
    pub variants: BTreeMap<String, ShownVariant>,
}

/// What a customer sees of a variant.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ShownVariant {
    pub title: String,
    pub rank: i64,
    pub options: BTreeMap<String, String>,
    pub prices: BTreeMap<String, Decimal>,
    /// What the storefront calls the original price, where that is another.
    pub before: BTreeMap<String, Decimal>,
    pub stock: i64,
}

impl Shown {
    fn base_from(&mut self, product: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let rows = |name: &str| product[name].as_array().cloned().unwrap_or_default();
        self.title = text(&product["title"]);
        self.description = text(&product["description"]);
        self.thumbnail = product["thumbnail"].as_str().map(str::to_owned);
        let mut images = rows("images");
        images.sort_by_key(|image| image["rank"].as_i64());
        self.images = images.iter().map(|image| text(&image["url"])).collect();
        self.categories = rows("categories").iter().map(|category| text(&category["id"])).collect();
        self.options = rows("options")
            .iter()
            .map(|option| {
                let values = option["values"].as_array().cloned().unwrap_or_default();
                (text(&option["title"]), values.iter().map(|value| text(&value["value"])).collect())
            })
            .collect();
    }

    fn variants_from(&mut self, currency: &str, product: &Value) {
        for variant in product["variants"].as_array().cloned().unwrap_or_default() {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let shown = self.variants.entry(text(&variant["sku"])).or_default();
            shown.title = text(&variant["title"]);
            shown.rank = variant["variant_rank"].as_i64().unwrap_or(-1);
            shown.stock = variant["inventory_quantity"].as_i64().unwrap_or(-1);
            shown.options = variant["options"]
                .as_array()
                .cloned()
                .unwrap_or_default()
                .iter()
                .map(|choice| (text(&choice["option"]["title"]), text(&choice["value"])))
                .collect();
            let [price, before] =
                ["calculated_amount", "original_amount"].map(|name| &variant["calculated_price"][name]);
            if price.is_number() {
                shown.prices.insert(currency.to_owned(), decimal(price));
                if before != price {
                    shown.before.insert(currency.to_owned(), decimal(before));
                }
            }
        }
    }

    /// What a customer should see of an article, in a shop with these regions' currencies and
    /// languages.
    pub fn expected(article: &Article, real: &Real) -> Self {
        let sold = |variant: &Variant| {
            let prices = variant.prices.iter().filter(|(currency, _)| real.regions.contains_key(*currency));
            prices.map(|(currency, amount)| (currency.clone(), amount.normalize())).collect()
        };
        let lists = &real.shop.references.price_lists;
        let before = |variant: &Variant| {
            let currencies = variant.prices.keys().filter(|c| real.regions.contains_key(*c) && lists.of(c).is_some());
            currencies.filter_map(|c| Some((c.clone(), variant.list_price(c)?.normalize()))).collect()
        };
        let or_base = |text: &String, base: &String| if text.is_empty() { base.clone() } else { text.clone() };
        let in_language = |locale: &String| {
            let texts = article.translations.get(locale).cloned().unwrap_or_default();
            let title = or_base(&texts.title, &article.title);
            (locale.clone(), Texts { title, description: or_base(&texts.description, &article.description) })
        };
        Self {
            title: article.title.clone(),
            description: article.description.clone(),
            thumbnail: article.images.first().cloned(),
            images: article.images.clone(),
            categories: article.categories.clone(),
            options: (0..article.options.len())
                .map(|n| (article.options[n].clone(), article.values_of(n).into_iter().map(str::to_owned).collect()))
                .collect(),
            languages: real.shop.references.locales.iter().map(in_language).collect(),
            variants: article
                .variants
                .iter()
                .enumerate()
                .map(|(n, variant)| {
                    let shown = ShownVariant {
                        title: variant.title.clone(),
                        rank: i64::try_from(n).unwrap(),
                        options: article.named_options(variant),
                        prices: sold(variant),
                        before: before(variant),
                        stock: variant.stock,
                    };
                    (variant.sku.clone(), shown)
                })
                .collect(),
        }
    }
}

pub fn offered(key: &ProductKey, article: &Article) -> Desired {
    Desired { key: key.clone(), presence: Presence::Offered(Box::new(article.clone())) }
}

pub fn withheld(key: &ProductKey) -> Desired {
    Desired { key: key.clone(), presence: Presence::Withheld }
}

/// A shirt in one colour and some sizes.
pub fn shirt(key: &ProductKey, sizes: &[&str]) -> Article {
    let variants = sizes.iter().map(|size| variant(key, &["Red", size])).collect();
    Article {
        title: format!("Shirt {}", key.id()),
        description: "<p>Pure <b>cotton</b></p>".into(),
        translations: [("ar-SA".to_owned(), Texts { title: "قميص".into(), description: "<p>قطن</p>".into() })].into(),
        options: vec!["Color".into(), "Size".into()],
        variants,
        images: ["a", "b", "c"].map(|name| format!("https://img.example/{}/{name}.jpg", key.id())).into(),
        categories: BTreeSet::new(),
        metadata: [("relay_brand".to_owned(), json!("Acme")), ("relay_source".to_owned(), json!(key.source()))].into(),
        columns: BTreeMap::new(),
        stays: BTreeSet::new(),
    }
}

/// A variant with these option values.
pub fn variant(key: &ProductKey, options: &[&str]) -> Variant {
    Variant {
        sku: format!("{}-{}", key.id(), options.join("-")),
        title: options.join(" / "),
        options: options.iter().map(|value| (*value).to_owned()).collect(),
        prices: [("sar", "23.80"), ("usd", "6.35")].map(|(c, a)| (c.to_owned(), a.parse().unwrap())).into(),
        list_prices: BTreeMap::new(),
        stock: 20,
        metadata: BTreeMap::new(),
        columns: BTreeMap::new(),
        item: None,
    }
}
