//! No moment without a price: each kind of push through a proxy before the real Medusa, which answers one write after the other in
//! Medusa's place, or not at all. After every write and every push: no variant on sale without a price in each currency, at no amount
//! but the old or the new one, and nothing lost that people made. A push without faults then ends in exactly the wanted state.
//!
//! `RELAY_WRITES_FAIL` says how many cases are tried (`all`, or a number; by default as many as CI has time for), `RELAY_SEED` which.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails where it unwraps")]

#[path = "support/proxy.rs"]
mod proxy;
mod support;

use std::collections::BTreeMap;

use catalog::ProductKey;
use medusa::{Article, Change, CompareAt, Depth, Desired, Outcome, Shop};
use proxy::{Fault, Proxy};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use support::{NobodyWants, Real, Shown, deadline, decimal, offered, setting, shirt, variant};

/// Changes the articles of a kind of push.
type Edit = fn(&mut [Article], &Names);

/// What an edit may need to know.
struct Names {
    keys: Vec<ProductKey>,
    category: String,
}

const AS_IS: Edit = |_, _| {};
const FAULTS: [Fault; 8] = [
    Fault::Answer(400),
    Fault::Answer(404),
    Fault::Answer(409),
    Fault::Answer(422),
    Fault::Answer(429),
    Fault::Answer(500),
    Fault::CutBefore,
    Fault::CutAfter,
];
/// Cases that are tried where nobody says how many.
const SAMPLE: usize = 6;

/// Each starts from two red shirts in S, M and L. Every article has a first variant "Red / S" or what becomes of it: people's prices
/// are there.
const KINDS: &[(&str, Edit, Edit)] = &[
    ("prices change", AS_IS, lower),
    ("stock changes", AS_IS, |articles, _| articles[0].variants[1].stock = 3),
    ("a translation changes", AS_IS, |articles, _| {
        articles[0].translations.get_mut("ar-SA").unwrap().title = "قميص فاخر".into();
    }),
    ("images change", AS_IS, |articles, names| {
        articles[0].images = vec![format!("https://img.example/{}/z.jpg", names.keys[0].id())];
    }),
    ("categories change", AS_IS, |articles, names| articles[0].categories = [names.category.clone()].into()),
    ("a size is added", AS_IS, |articles, names| {
        articles[0].variants.push(variant(&names.keys[0], &["Red", "XL"]));
        lower(articles, names);
    }),
    ("a size is removed", AS_IS, |articles, names| {
        articles[0].variants.remove(1);
        lower(articles, names);
    }),
    ("SKUs are renamed", AS_IS, |articles, names| {
        articles[0].variants.iter_mut().for_each(|variant| variant.sku.push_str("-new"));
        lower(articles, names);
    }),
    ("SKUs move between products", AS_IS, |articles, names| {
        let [one, two] = [&articles[0], &articles[1]].map(|article| article.variants[1].sku.clone());
        articles[0].variants[1].sku = two;
        articles[1].variants[1].sku = one;
        lower(articles, names);
    }),
    ("sizes exchange their names", AS_IS, |articles, names| {
        let variants = &mut articles[0].variants;
        let [one, two] = [variants[0].options.clone(), variants[1].options.clone()];
        (variants[0].options, variants[1].options) = (two, one);
        lower(articles, names);
    }),
    ("an option is added and sizes change", AS_IS, |articles, names| {
        articles[0].options.push("Fit".into());
        articles[0].variants.iter_mut().for_each(|variant| variant.options.push("Slim".into()));
        articles[0].variants[2] = variant(&names.keys[0], &["Red", "XL", "Wide"]);
        lower(articles, names);
    }),
    ("an option is removed", AS_IS, |articles, names| {
        articles[0].options.remove(0);
        articles[0].variants.iter_mut().for_each(|variant| drop(variant.options.remove(0)));
        lower(articles, names);
    }),
    ("much changes", AS_IS, |articles, names| {
        articles[0].title = "Fine shirt".into();
        articles[0].description.clear();
        articles[0].translations.clear();
        articles[0].images.reverse();
        articles[0].variants.reverse();
        articles[0].variants[1].stock = 0;
        articles[0].options[1] = "EU size".into();
        lower(articles, names);
    }),
];

/// Where reduced prices are in price lists.
const REDUCTIONS: &[(&str, Edit, Edit)] = &[
    ("prices are reduced", AS_IS, |articles, _| reduce(&mut articles[0], "19.99", "23.80")),
    (
        "a reduction changes and a reduced size is added",
        |articles, _| reduce(&mut articles[0], "19.99", "23.80"),
        |articles, names| {
            articles[0].variants.push(variant(&names.keys[0], &["Red", "XL"]));
            reduce(&mut articles[0], "18.50", "23.80");
        },
    ),
    ("a reduction ends", |articles, _| reduce(&mut articles[0], "19.99", "23.80"), AS_IS),
];

fn lower(articles: &mut [Article], _: &Names) {
    for variant in &mut articles[0].variants {
        variant.prices = prices("11.90", "3.15");
    }
}

fn prices(sar: &str, usd: &str) -> BTreeMap<String, Decimal> {
    [("sar", sar), ("usd", usd)].map(|(currency, amount)| (currency.to_owned(), amount.parse().unwrap())).into()
}

fn reduce(article: &mut Article, amount: &str, before: &str) {
    for variant in &mut article.variants {
        variant.prices.insert("sar".into(), amount.parse().unwrap());
        variant.list_prices.insert("sar".into(), before.parse().unwrap());
    }
}

/// What people made of the first product, and where.
struct People {
    product: String,
    variant: String,
    added: BTreeMap<&'static str, String>,
}

const TIER: i64 = 20;
const REGION_PRICE: &str = "5.55";

impl People {
    /// A price for many, a price for a region, a channel, a category, a tag, a note and a language.
    async fn at_work(real: &Real, key: &ProductKey) -> Self {
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
struct World<'a> {
    real: &'a Real,
    keys: Vec<ProductKey>,
    before: Vec<Article>,
    after: Vec<Article>,
    people: Option<People>,
}

impl World<'_> {
    /// What a customer may be asked for: the old or the new price, people's, and between them where a price list has a part in it.
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
    async fn holds(&self) -> Result<(), String> {
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

    fn desired(&self, articles: &[Article]) -> Vec<Desired> {
        self.keys.iter().zip(articles).map(|(key, article)| offered(key, article)).collect()
    }

    /// Pushes through the proxy and looks after every write; what was wrong first.
    async fn watched(&self, shop: &Shop, proxy: &mut Proxy, desired: &[Desired]) -> Result<Vec<Outcome>, String> {
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
    async fn push(&self, articles: &[Article]) -> Result<(), String> {
        let desired = self.desired(articles);
        let orders: Vec<_> = desired.iter().map(|desired| (desired, Depth::Full)).collect();
        let outcomes = self.real.shop.push(&orders, &NobodyWants, deadline()).await;
        outcomes.into_iter().try_for_each(|outcome| outcome.map(drop).map_err(|failure| failure.to_string()))
    }

    /// Compares everything and repairs, without faults, until there is nothing left to do.
    async fn settle(&self, articles: &[Article]) -> Result<(), String> {
        let desired = self.desired(articles);
        self.push(articles).await.map_err(|why| format!("without faults: {why}"))?;
        for outcome in self.real.push_all(&desired).await {
            let pushed = outcome.map_err(|failure| format!("without faults, again: {failure}"))?;
            if pushed.change != Change::Unchanged {
                return Err(format!("the second push without faults: {}", pushed.change.as_str()));
            }
        }
        for (n, (key, article)) in self.keys.iter().zip(articles).enumerate() {
            let shown = self.real.shown(key).await.map(|mut shown| {
                if let Some(people) = self.people.as_ref().filter(|_| n == 0) {
                    shown.categories.remove(&people.added["categories"]);
                    let theirs = shown.variants.values_mut().filter_map(|variant| variant.prices.get_mut("usd"));
                    // People's price for a region is what is paid there; that it is still there has been seen.
                    let usd = article.variants[0].prices["usd"];
                    theirs
                        .filter(|paid| **paid == REGION_PRICE.parse().unwrap())
                        .for_each(|paid| *paid = usd.normalize());
                }
                shown
            });
            let wanted = Some(Shown::expected(article, self.real));
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

struct Lab<'a> {
    real: &'a Real,
    shop: Shop,
    proxy: Proxy,
    category: String,
}

impl<'a> Lab<'a> {
    async fn of(real: &'a Real) -> Self {
        let proxy = Proxy::before(&real.url).await;
        let id = format!("test:{}", real.new_key().id());
        let category = json!({"name": id, "is_active": true, "external_id": id});
        let mut made = real.admin_post("/admin/product-categories", &category).await;
        let category = made["product_category"]["id"].take().as_str().unwrap().to_owned();
        Self { real, shop: real.shop_at(&proxy.url), proxy, category }
    }

    fn names(&self, keys: &[ProductKey]) -> Names {
        Names { keys: keys.to_vec(), category: self.category.clone() }
    }

    /// Two products that are not in the shop yet.
    fn world(&self, from: Edit, to: Edit) -> World<'a> {
        let keys = vec![self.real.new_key(), self.real.new_key()];
        let mut world = World { real: self.real, keys, before: vec![], after: vec![], people: None };
        self.states(&mut world, from, to);
        world
    }

    /// What the products are to be before the next push, and after it.
    fn states(&self, world: &mut World<'_>, from: Edit, to: Edit) {
        let names = self.names(&world.keys);
        let shirts: Vec<Article> = names.keys.iter().map(|key| shirt(key, &["S", "M", "L"])).collect();
        (world.before, world.after) = (shirts.clone(), shirts);
        from(&mut world.before, &names);
        to(&mut world.after, &names);
    }

    /// One push with a fault, and one without. What was there before is as it was.
    async fn case(&mut self, world: &World<'_>, fault: Option<(usize, Fault)>) -> Result<(), String> {
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
        world.settle(&world.after).await
    }
}

/// Which cases of those that there are.
fn chosen(mut cases: Vec<(usize, usize, Fault)>) -> Vec<(usize, usize, Fault)> {
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

async fn try_kinds(real: &Real, kinds: &[(&str, Edit, Edit)]) {
    let mut lab = Lab::of(real).await;
    let mut wrong = Vec::new();
    let mut world = lab.world(AS_IS, AS_IS);
    world.push(&world.before).await.unwrap();
    world.people = Some(People::at_work(real, &world.keys[0]).await);
    let mut writes = Vec::new();
    for (name, from, to) in kinds {
        lab.states(&mut world, *from, *to);
        if let Err(why) = lab.case(&world, None).await {
            wrong.push(format!("{name}, without a fault: {why}"));
        }
        writes.push(lab.proxy.calls().len());
        assert!(!lab.proxy.calls().is_empty(), "{name} writes nothing");
    }
    let each = writes.iter().enumerate().flat_map(|(kind, writes)| (0..*writes).map(move |n| (kind, n)));
    for (kind, n, fault) in chosen(each.flat_map(|(kind, n)| FAULTS.map(|fault| (kind, n, fault))).collect()) {
        let (name, from, to) = kinds[kind];
        lab.states(&mut world, from, to);
        if let Err(why) = lab.case(&world, Some((n, fault))).await {
            wrong.push(format!("{name}, {fault:?} at write {n} of {:?}: {why}", lab.proxy.calls()));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n\n"));
}

#[tokio::test]
async fn whatever_write_is_refused_or_lost_no_price_is_missing_and_nothing_of_peoples() {
    let Some(real) = Real::connect().await else { return };
    try_kinds(&real, KINDS).await;
}

#[tokio::test]
async fn the_same_with_reduced_prices_in_price_lists() {
    let Some(real) = Real::connect_with(CompareAt::PriceLists).await else { return };
    try_kinds(&real, REDUCTIONS).await;
}

#[tokio::test]
async fn whatever_write_of_a_creation_is_refused_or_lost_nothing_is_on_sale_before_it_is_whole() {
    let Some(real) = Real::connect().await else { return };
    let mut lab = Lab::of(&real).await;
    let first = lab.world(AS_IS, AS_IS);
    lab.case(&first, None).await.unwrap();
    let writes = lab.proxy.calls().len();
    let mut wrong = Vec::new();
    for (_, n, fault) in chosen((0..writes).flat_map(|n| FAULTS.map(|fault| (0, n, fault))).collect()) {
        let world = lab.world(AS_IS, AS_IS);
        if let Err(why) = lab.case(&world, Some((n, fault))).await {
            wrong.push(format!("{fault:?} at write {n} of {:?}: {why}", lab.proxy.calls()));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n\n"));
}
