//! Products before a real Medusa behind a proxy, and what must be so at every moment.

use std::collections::BTreeMap;

use catalog::ProductKey;
use medusa::{Article, Change, Depth, Desired, Outcome, Shop};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::proxy::{Fault, Proxy};
use crate::support::{NobodyWants, Real, Shown, deadline, decimal, offered, setting, shirt};

/// Cases that are tried where nobody says how many.
const SAMPLE: usize = 6;

/// Changes the articles of a kind of push.
pub(crate) type Edit = fn(&mut [Article], &Names);

/// What an edit may need to know.
pub(crate) struct Names {
    pub(crate) keys: Vec<ProductKey>,
    pub(crate) category: String,
}

pub(crate) const AS_IS: Edit = |_, _| {};

/// What people made of the first product, and where.
pub(crate) struct People {
    product: String,
    variant: String,
    added: BTreeMap<&'static str, String>,
}

const TIER: i64 = 20;
const REGION_PRICE: &str = "5.55";

impl People {
    /// A price for many, a price for a region, a channel, a category, a tag, a note and a language.
    pub(crate) async fn at_work(real: &Real, key: &ProductKey) -> Self {
        let there = real.admin_product(key).await.unwrap();
        let id = |value: &Value| value["id"].as_str().unwrap().to_owned();
        let product = id(&there);
        let variants = there["variants"].as_array().unwrap();
        let small = variants.iter().find(|variant| variant["title"] == "Red / S").unwrap();
        let n = real.new_key().id().to_owned();
        let channel = json!({"name": format!("Popup {n}")});
        let channel = id(&real.admin_post("/admin/sales-channels", &channel).await["sales_channel"]);
        let category = json!({"name": format!("Featured {n}"), "is_active": true});
        let category = id(&real.admin_post("/admin/product-categories", &category).await["product_category"]);
        let tag = json!({"value": format!("tag {n}")});
        let tag = id(&real.admin_post("/admin/product-tags", &tag).await["product_tag"]);
        let path = format!("/admin/products/{product}");
        let ours = &real.shop.references.sales_channel_id;
        let added = json!({"sales_channels": [{"id": ours}, {"id": channel}], "categories": [{"id": category}],
            "tags": [{"id": tag}], "metadata": {"note": "nice", "relay_state": there["metadata"]["relay_state"]}});
        real.admin_post(&path, &added).await;
        let region = json!({"region_id": real.regions["usd"]});
        let own = small["prices"].as_array().unwrap().iter();
        let own = own.map(
            |price| json!({"id": price["id"], "currency_code": price["currency_code"], "amount": price["amount"]}),
        );
        let theirs = [
            json!({"currency_code": "sar", "amount": TIER, "min_quantity": 10}),
            json!({"currency_code": "usd", "amount": 5.55, "rules": region}),
        ];
        let set: Vec<Value> = own.chain(theirs).collect();
        real.admin_post(&format!("{path}/variants/{}", id(small)), &json!({ "prices": set })).await;
        let german = json!({"create": [{"reference": "product", "reference_id": product, "locale_code": "de-DE",
            "translations": {"title": "Hemd"}}]});
        real.admin_post("/admin/translations/batch", &german).await;
        let added = BTreeMap::from([("sales_channels", channel), ("categories", category), ("tags", tag)]);
        let people = Self { product, variant: id(small), added };
        people.still(real).await.unwrap();
        people
    }

    /// Whether all of it is there.
    async fn still(&self, real: &Real) -> Result<(), String> {
        let fields = "metadata,sales_channels.id,categories.id,tags.id,translations.locale_code,\
                      variants.id,*variants.prices,*variants.prices.price_rules";
        let there = real.admin_get(&format!("/admin/products/{}", self.product), &[("fields", fields)]).await;
        let product = &there["product"];
        let has = |rows: &Value, field: &str, value: &str| {
            rows.as_array().is_some_and(|rows| rows.iter().any(|row| row[field] == value))
        };
        for (rows, id) in &self.added {
            if !has(&product[*rows], "id", id) {
                return Err(format!("people's {rows} are lost: {}", product[*rows]));
            }
        }
        if product["metadata"]["note"] != "nice" || !has(&product["translations"], "locale_code", "de-DE") {
            return Err(format!(
                "people's note or language is lost: {} {}",
                product["metadata"], product["translations"]
            ));
        }
        let variants = product["variants"].as_array().unwrap();
        let Some(variant) = variants.iter().find(|variant| variant["id"] == self.variant.as_str()) else {
            return Err("the variant that people gave prices is another".to_owned());
        };
        let prices = variant["prices"].as_array().cloned().unwrap_or_default();
        let tier = |price: &Value| price["amount"] == TIER && price["min_quantity"] == 10;
        // Delivered under this name where `price_rules` is asked for.
        let region =
            |price: &Value| price["amount"] == 5.55 && price["rules"]["region_id"] == real.regions["usd"].as_str();
        if prices.iter().any(tier) && prices.iter().any(region) {
            Ok(())
        } else {
            Err(format!("people's prices are lost: {}", variant["prices"]))
        }
    }
}

/// The products of one kind of push, before and after it.
pub(crate) struct World<'a> {
    pub(crate) real: &'a Real,
    pub(crate) keys: Vec<ProductKey>,
    pub(crate) before: Vec<Article>,
    pub(crate) after: Vec<Article>,
    pub(crate) people: Option<People>,
}

impl World<'_> {
    /// What a customer may be asked for: the old or the new price, people's, and between them where
    /// a price list has a part in it.
    fn payable(&self, n: usize, currency: &str, amount: Decimal) -> bool {
        let articles = [&self.before[n], &self.after[n]];
        let amounts =
            || articles.into_iter().flat_map(|article| &article.variants).map(|variant| variant.prices[currency]);
        let lists = !self.real.shop.references.price_lists.in_use.is_empty();
        let between = || amounts().min().unwrap() <= amount && amount <= amounts().max().unwrap();
        amounts().any(|payable| payable == amount)
            || (lists && between())
            || (currency == "usd" && amount == REGION_PRICE.parse().unwrap())
    }

    /// What must be so at every moment.
    pub(crate) async fn holds(&self) -> Result<(), String> {
        for (currency, region) in &self.real.regions {
            let ids: Vec<String> = self.keys.iter().map(ToString::to_string).collect();
            let fields = "external_id,variants.sku,*variants.calculated_price";
            let mut query: Vec<(&str, &str)> = ids.iter().map(|id| ("external_id[]", id.as_str())).collect();
            query.extend([("region_id", region.as_str()), ("fields", fields)]);
            let (status, reply) = self.real.store_get("/store/products", &query).await;
            if status != 200 {
                return Err(format!("the storefront answers {status}: {reply}"));
            }
            for product in reply["products"].as_array().unwrap() {
                let n = ids.iter().position(|id| product["external_id"] == id.as_str()).unwrap();
                let key = &self.keys[n];
                let variants = product["variants"].as_array().cloned().unwrap_or_default();
                if variants.is_empty() {
                    return Err(format!("{key} is on sale without variants"));
                }
                for variant in variants {
                    let amount = &variant["calculated_price"]["calculated_amount"];
                    if !amount.is_number() {
                        return Err(format!("{} ({key}) is on sale without a price in {currency}", variant["sku"]));
                    }
                    if !self.payable(n, currency, decimal(amount)) {
                        return Err(format!("{} ({key}) costs {amount} {currency}", variant["sku"]));
                    }
                }
            }
        }
        match &self.people {
            Some(people) => people.still(self.real).await,
            None => Ok(()),
        }
    }

    pub(crate) fn desired(&self, articles: &[Article]) -> Vec<Desired> {
        self.keys.iter().zip(articles).map(|(key, article)| offered(key, article)).collect()
    }

    /// Pushes through the proxy and looks after every write; what was wrong first.
    pub(crate) async fn watched(
        &self,
        shop: &Shop,
        proxy: &mut Proxy,
        desired: &[Desired],
    ) -> Result<Vec<Outcome>, String> {
        let orders: Vec<_> = desired.iter().map(|desired| (desired, Depth::Light)).collect();
        let mut wrong = Ok(());
        let outcomes = {
            let mut push = std::pin::pin!(shop.push(&orders, &NobodyWants, deadline()));
            loop {
                tokio::select! {
                    outcomes = &mut push => break outcomes,
                    Some(written) = proxy.written.recv() => {
                        if wrong.is_ok() {
                            wrong = self.holds().await.map_err(|why| format!("after {}: {why}", written.call));
                        }
                    }
                }
            }
        };
        wrong?;
        self.holds().await.map_err(|why| format!("after the push: {why}"))?;
        Ok(outcomes)
    }

    /// Makes the shop hold these articles.
    pub(crate) async fn push(&self, articles: &[Article]) -> Result<(), String> {
        let desired = self.desired(articles);
        let orders: Vec<_> = desired.iter().map(|desired| (desired, Depth::Full)).collect();
        let outcomes = self.real.shop.push(&orders, &NobodyWants, deadline()).await;
        outcomes.into_iter().try_for_each(|outcome| outcome.map(drop).map_err(|failure| failure.to_string()))
    }

    /// Compares everything and repairs, without faults, until there is nothing left to do.
    pub(crate) async fn bring_to_rest(&self, articles: &[Article]) -> Result<(), String> {
        let desired = self.desired(articles);
        self.push(articles).await.map_err(|why| format!("without faults: {why}"))?;
        for outcome in self.real.push_all(&desired).await {
            let pushed = outcome.map_err(|failure| format!("without faults, again: {failure}"))?;
            if pushed.change != Change::Unchanged {
                return Err(format!("the second push without faults: {}", pushed.change.as_str()));
            }
        }
        for (n, (key, article)) in self.keys.iter().zip(articles).enumerate() {
            let wanted = Shown::expected(article, self.real);
            let shown = self.real.shown(key).await.map(|mut shown| {
                if self.real.shop.references.retention == medusa::plan::RETENTION {
                    shown.variants.retain(|sku, row| wanted.variants.contains_key(sku) || row.stock > 0);
                    for (option, values) in &mut shown.options {
                        values.retain(|value| wanted.options.get(option).is_some_and(|all| all.contains(value)));
                    }
                }
                if let Some(people) = self.people.as_ref().filter(|_| n == 0) {
                    shown.categories.remove(&people.added["categories"]);
                    let theirs = shown.variants.values_mut().filter_map(|variant| variant.prices.get_mut("usd"));
                    // People's price for a region is what is paid there; that it is still there has
                    // been seen.
                    let usd = article.variants[0].prices["usd"];
                    theirs
                        .filter(|paid| **paid == REGION_PRICE.parse().unwrap())
                        .for_each(|paid| *paid = usd.normalize());
                }
                shown
            });
            let wanted = Some(wanted);
            if shown != wanted {
                return Err(format!("{key} shows\n{shown:?}\nand not\n{wanted:?}"));
            }
            let mut product = self.real.admin_product(key).await.unwrap();
            for variant in product["variants"].as_array_mut().unwrap() {
                let plain = |price: &Value| price["amount"] != TIER && price["amount"] != 5.55;
                variant["prices"].as_array_mut().ok_or("no price set")?.retain(plain);
            }
            self.real.sound(key, &product).await?;
        }
        self.holds().await
    }
}

pub(crate) struct Lab<'a> {
    pub(crate) real: &'a Real,
    pub(crate) shop: Shop,
    pub(crate) proxy: Proxy,
    category: String,
    /// What the products are to be before what a kind of push begins with.
    pub(crate) first: Option<Edit>,
}

impl<'a> Lab<'a> {
    pub(crate) async fn of(real: &'a Real) -> Self {
        let proxy = Proxy::before(&real.url).await;
        let id = format!("test:{}", real.new_key().id());
        let category = json!({"name": id, "is_active": true, "external_id": id});
        let mut made = real.admin_post("/admin/product-categories", &category).await;
        let category = made["product_category"]["id"].take().as_str().unwrap().to_owned();
        Self { real, shop: real.shop_at(&proxy.url), proxy, category, first: None }
    }

    fn names(&self, keys: &[ProductKey]) -> Names {
        Names { keys: keys.to_vec(), category: self.category.clone() }
    }

    /// Two products that are not in the shop yet.
    pub(crate) fn world(&self, from: Edit, to: Edit) -> World<'a> {
        let keys = vec![self.real.new_key(), self.real.new_key()];
        let mut world = World { real: self.real, keys, before: vec![], after: vec![], people: None };
        self.states(&mut world, from, to);
        world
    }

    /// What the products are to be before the next push, and after it.
    pub(crate) fn states(&self, world: &mut World<'_>, from: Edit, to: Edit) {
        let names = self.names(&world.keys);
        let shirts: Vec<Article> = names.keys.iter().map(|key| shirt(key, &["S", "M", "L"])).collect();
        (world.before, world.after) = (shirts.clone(), shirts);
        from(&mut world.before, &names);
        to(&mut world.after, &names);
    }

    /// One push with a fault, and one without. What was there before is as it was.
    pub(crate) async fn case(&mut self, world: &World<'_>, fault: Option<(usize, Fault)>) -> Result<(), String> {
        if let Some(first) = self.first {
            let names = self.names(&world.keys);
            let mut articles: Vec<Article> = names.keys.iter().map(|key| shirt(key, &["S", "M", "L"])).collect();
            first(&mut articles, &names);
            world.push(&articles).await.map_err(|why| format!("on the way back: {why}"))?;
        }
        if world.people.is_some() {
            world.push(&world.before).await.map_err(|why| format!("on the way back: {why}"))?;
        }
        self.proxy.begin(fault);
        let desired = world.desired(&world.after);
        let outcomes = world.watched(&self.shop, &mut self.proxy, &desired).await?;
        if fault.is_none()
            && let Some(failure) = outcomes.iter().find_map(|outcome| outcome.as_ref().err())
        {
            return Err(format!("nothing was wrong, and yet: {failure}"));
        }
        world.bring_to_rest(&world.after).await
    }
}

/// Which cases of those that there are.
pub(crate) fn chosen(mut cases: Vec<(usize, usize, Fault)>) -> Vec<(usize, usize, Fault)> {
    let seed = setting("RELAY_SEED").map_or(22, |seed| seed.parse().unwrap());
    let of = cases.len();
    let most = match setting("RELAY_WRITES_FAIL").as_deref() {
        None => SAMPLE,
        Some("all") => of,
        Some(number) => number.parse().unwrap(),
    };
    fastrand::Rng::with_seed(seed).shuffle(&mut cases);
    cases.truncate(most);
    cases.sort_unstable();
    println!("{} of {of} cases, seed {seed}", cases.len());
    cases
}
