//! kill -9 of the function while it writes articles whose members move, and while the setting is
//! switched on and off. After the next delivery every member is for sale where it belongs, at its
//! price, once; what it left is a draft.

use std::collections::{BTreeMap, BTreeSet};

use catalog::{Attribute, Localized, Price, Product, ProductKey, ProductOption, Variant};
use medusa::CompareAt;
use serde_json::Value;
use testing::standin::StandIn;

use super::common::support::{Real, decimal, setting};
use super::common::{dress, in_pim};
use super::gate::{Blow, Gate};
use super::{Aws, Lambda, tell, told};

const MEMBERS: usize = 24;
/// Members of a group.
const EACH: usize = 4;
const SIZES: [&str; 2] = ["S", "M"];

/// Where each member belongs; `None`: by itself.
type Groups = Vec<Option<usize>>;

fn groups() -> Groups {
    (0..MEMBERS).map(|n| Some(n / EACH)).collect()
}

/// Of each group one goes to the next, one is by itself from now on; one was, and comes.
fn moved() -> [Groups; 2] {
    let (mut before, mut after) = (groups(), groups());
    for n in 0..MEMBERS {
        match n % EACH {
            0 => before[n] = None,
            1 => after[n] = Some((n / EACH + 1) % (MEMBERS / EACH)),
            2 => after[n] = None,
            _ => {}
        }
    }
    [before, after]
}

/// One of a story's keys, which no other story has.
struct Members {
    keys: Vec<ProductKey>,
}

impl Members {
    fn new(real: &Real) -> Self {
        Self { keys: (0..MEMBERS).map(|_| real.new_key()).collect() }
    }

    fn article(&self, group: usize) -> ProductKey {
        ProductKey::article("test", self.group(group)).unwrap()
    }

    fn group(&self, group: usize) -> String {
        format!("G{group}-{}", self.keys[0].id())
    }

    fn products(&self, groups: &Groups, price: &str) -> Vec<Product> {
        let text = |text: &str| Localized::default().with("en", text);
        let member = |(n, key): (usize, &ProductKey)| Product {
            group: groups[n].map(|group| self.group(group)),
            categories: vec![],
            attributes: vec![Attribute {
                code: "color".into(),
                name: text("Color"),
                values: vec![text(&format!("Red {n}"))],
            }],
            options: vec![ProductOption { name: text("Size") }],
            variants: SIZES.map(|size| self.variant(key, size, price)).into(),
            ..dress(key)
        };
        self.keys.iter().enumerate().map(member).collect()
    }

    fn variant(&self, key: &ProductKey, size: &str, price: &str) -> Variant {
        Variant {
            sku: format!("{}-{size}", key.id()),
            title: size.into(),
            options: vec![size.into()],
            prices: vec![Price {
                currency: "SAR".into(),
                amount: price.parse().unwrap(),
                list_amount: Some("60".parse().unwrap()),
            }],
            stock: 7,
            images: vec![],
            facts: None,
        }
    }

    /// Every place of the shop where something of them may be.
    fn places(&self) -> Vec<ProductKey> {
        (0..MEMBERS / EACH).map(|group| self.article(group)).chain(self.keys.clone()).collect()
    }

    /// Where each SKU belongs, in which colour and size, and at which price.
    fn wanted(&self, groups: &Groups, price: &str) -> BTreeMap<String, (ProductKey, String, String)> {
        let each = self.keys.iter().enumerate().flat_map(|(n, key)| SIZES.map(|size| (n, key, size)));
        let own = |(n, key, size): (usize, &ProductKey, &str)| {
            let (place, choice) = match groups[n] {
                Some(group) => (self.article(group), format!("Red {n}/{size}")),
                None => (key.clone(), size.to_owned()),
            };
            (format!("{}-{size}", key.id()), (place, choice, price.to_owned()))
        };
        each.map(own).collect()
    }

    /// What customers can put into a cart, by SKU: each is once on sale. And where something else can
    /// be, whose SKU another product has.
    async fn sold(&self, real: &Real) -> (BTreeMap<String, (ProductKey, String, String)>, Vec<ProductKey>) {
        let (mut sold, mut twice) = (BTreeMap::new(), Vec::new());
        for place in self.places() {
            let Some(shown) = real.shown(&place).await else { continue };
            for (sku, variant) in shown.variants {
                if variant.stock <= 0 || variant.prices.is_empty() {
                    continue;
                }
                if sku.is_empty() {
                    twice.push(place.clone());
                    continue;
                }
                let choice = ["Color", "Size"].iter().filter_map(|axis| variant.options.get(*axis));
                let choice: Vec<&str> = choice.map(String::as_str).collect();
                let own = (place.clone(), choice.join("/"), variant.prices["sar"].to_string());
                let before = sold.insert(sku.clone(), own);
                assert_eq!(before, None, "{sku} is for sale twice, also in {place}");
            }
        }
        (sold, twice)
    }

    /// Everything is where it belongs, and nothing is there twice.
    async fn complete(&self, real: &Real, groups: &Groups, price: &str) {
        assert_eq!(self.sold(real).await, (self.wanted(groups, price), Vec::new()));
        let wanted: BTreeSet<ProductKey> = self.wanted(groups, price).into_values().map(|(place, ..)| place).collect();
        let mut skus: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (place, product) in self.places().iter().zip(real.admin_products(&self.places()).await) {
            let Some(product) = product else { continue };
            assert_eq!(product["status"] == "published", wanted.contains(place), "{place}: {}", product["status"]);
            for variant in product["variants"].as_array().unwrap() {
                let Some(sku) = variant["sku"].as_str() else { continue };
                skus.entry(sku.to_owned()).or_default().push(place.to_string());
                sound(sku, variant);
            }
        }
        let twice: Vec<_> = skus.iter().filter(|(_, places)| places.len() > 1).collect();
        assert!(twice.is_empty(), "{twice:?}");
        for key in &self.keys {
            for size in SIZES {
                let sku = format!("{}-{size}", key.id());
                let found =
                    real.admin_get("/admin/inventory-items", &[("sku[]", &sku), ("fields", "id,variants.id")]).await;
                let items = found["inventory_items"].as_array().unwrap();
                assert_eq!(items.len(), 1, "{sku}: {items:?}");
                assert_ne!(items[0]["variants"].as_array().map_or(0, Vec::len), 0, "{sku}: {items:?}");
            }
        }
    }
}

/// One price in each currency and one inventory item.
fn sound(sku: &str, variant: &Value) {
    let prices = variant["prices"].as_array().unwrap_or_else(|| panic!("{sku} has no price set"));
    let currencies: BTreeSet<_> = prices.iter().map(|price| price["currency_code"].as_str()).collect();
    assert_eq!(prices.len(), currencies.len(), "{sku}: {prices:?}");
    assert!(prices.iter().all(|price| decimal(&price["amount"]) > 0.into()), "{sku}: {prices:?}");
    assert_eq!(variant["inventory_items"].as_array().map(Vec::len), Some(1), "{sku}");
}

/// What the shop shows before and after: the setting, where members are, and their price.
#[derive(Clone)]
struct Scene {
    articles: &'static str,
    groups: Groups,
    price: &'static str,
}

impl Scene {
    /// Where members are shown.
    fn places(&self) -> Groups {
        if self.articles == "grouped" { self.groups.clone() } else { vec![None; MEMBERS] }
    }
}

/// Brings members from one scene to the other, and kills the function so often on its way.
async fn kill_between(name: &str, before: &Scene, after: &Scene) {
    let Some(real) = Real::connect_with(CompareAt::PriceLists).await else { return };
    let Some(aws) = Aws::connect(name).await else { return };
    let kills: usize = setting("RELAY_KILLS").map_or(3, |count| count.parse().unwrap());
    let (old, new) = (StandIn::start(&format!("{name}-old")).await, StandIn::start(&format!("{name}-new")).await);
    let mut lambda = Lambda::start().await;
    let gate = Gate::before(&real.url).await;
    let mut course = Vec::new();
    for n in 0..=kills {
        // The first is not disturbed: the blows are spread over what it writes.
        let blow = n.checked_sub(1).map(|n| Blow::spread(&course, n, kills));
        let members = Members::new(&real);
        let all: Vec<ProductKey> = members.places();
        in_pim(&old.client(), &members.products(&before.groups, before.price), 0).await;
        in_pim(&new.client(), &members.products(&after.groups, after.price), 0).await;
        lambda.articles = before.articles;
        lambda.deliver(&aws, &old, &real, &gate, (&members.keys, &all)).await;
        members.complete(&real, &before.places(), before.price).await;
        lambda.articles = after.articles;
        let Some(blow) = blow else {
            assert_eq!(lambda.deliver_once(&aws, &new, &real, &gate, &members.keys).await, 0);
            course = gate.course();
            tell(&course);
            members.complete(&real, &after.places(), after.price).await;
            continue;
        };
        let dying = lambda.killed(&aws, &new, (&real, &gate), &members.keys, blow).await;
        assert!(dying.is_some(), "{blow:?} never fell");
        let how = told(n - 1, &blow, dying);
        gate.idle().await;
        let (sold, twice) = members.sold(&real).await;
        aws.time_passes(&all).await;
        lambda.deliver(&aws, &new, &real, &gate, (&members.keys, &all)).await;
        members.complete(&real, &after.places(), after.price).await;
        let of = MEMBERS * SIZES.len();
        println!("{how}: {} of {of} for sale, twice in {}, then complete", sold.len(), twice.len());
    }
}

#[tokio::test]
async fn members_that_move_while_the_function_dies_are_for_sale_once_and_where_they_belong() {
    let [before, after] = moved();
    let scene = |groups, price| Scene { articles: "grouped", groups, price };
    kill_between("crash-moved", &scene(before, "40"), &scene(after, "51")).await;
}

#[tokio::test]
async fn a_setting_that_is_switched_while_the_function_dies_leaves_nothing_for_sale_twice() {
    let scene = |articles| Scene { articles, groups: groups(), price: "40" };
    kill_between("crash-on", &scene("separate"), &scene("grouped")).await;
    kill_between("crash-off", &scene("grouped"), &scene("separate")).await;
}
