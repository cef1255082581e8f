//! Members of a group in a real shop: whatever they become, the storefront shows each where it
//! belongs, under ids that stay.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails where it unwraps")]

mod acts;
mod leaves;
mod moves;
mod shelves;
mod standing;
mod switch;
mod waits;

use crate::common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use catalog::{Attribute, ContentHash, Localized, Price, Product, ProductKey, ProductOption, Variant, Version};
use common::support::Real;
use common::support::orders::Orders;
use common::{Function, dress, in_pim_as, open, path};
use ledger::core::desired;
use ledger::{DesiredDoc, Stage};
use medusa::articles::{Articles, Kind};
use pimcore::Pimcore;
use pimcore_sync::articles::ArticleWalk;
use pimcore_sync::pace::Pace;
use runtime::{Clock, Outcome, ProductMessage};
use serde_json::{Value, json};
use testing::standin::StandIn;
use worker::access::medusa::OpenShop;

/// A member as a test says it: group, colour, sizes, price, and whether people hide it.
type Said = (&'static str, &'static str, &'static [&'static str], &'static str, bool);

/// The state of three members; `None`: the PIM lacks it.
type Three = [Option<Said>; 3];

const SM: &[&str] = &["S", "M"];
const ML: &[&str] = &["M", "L"];
const BLACK: Said = ("G", "Black", SM, "20", false);
const RED: Said = ("G", "Red", SM, "20", false);
const WHITE: Said = ("G", "White", ML, "30", false);

/// What the members may be; every one follows every other.
const STATES: [(&str, Three); 9] = [
    ("three colours", [Some(BLACK), Some(RED), Some(WHITE)]),
    ("two colours", [Some(BLACK), Some(RED), None]),
    ("another price", [Some(BLACK), Some(("G", "Red", SM, "25", false)), Some(WHITE)]),
    ("another colour", [Some(BLACK), Some(("G", "Dark red", SM, "20", false)), Some(WHITE)]),
    ("other sizes", [Some(("G", "Black", ML, "20", false)), Some(RED), Some(WHITE)]),
    ("one is hidden", [Some(BLACK), Some(("G", "Red", SM, "20", true)), Some(WHITE)]),
    ("one has moved", [Some(BLACK), Some(("H", "Red", SM, "20", false)), Some(WHITE)]),
    ("one is by itself", [Some(("", "Black", SM, "20", false)), Some(RED), Some(WHITE)]),
    ("none is on sale", [Some(("G", "Black", SM, "20", true)), None, None]),
];

struct Lab<'r> {
    real: &'r Real,
    pim: StandIn,
    pimcore: Pimcore,
    open: Arc<OpenShop>,
    function: Function,
    keys: Vec<ProductKey>,
    /// Of this test only.
    name: String,
    writes: u64,
}

impl<'r> Lab<'r> {
    async fn new(real: &'r Real, name: &str) -> Self {
        let pim = StandIn::start(name).await;
        let (pimcore, open) = (pim.client(), grouped(real, Kind::Grouped));
        let keys: Vec<ProductKey> = (0..3).map(|_| real.new_key()).collect();
        let name = keys[0].id().to_owned();
        Self { real, pim, pimcore, open, function: Function::default(), keys, name, writes: 0 }
    }

    fn group(&self, group: &str) -> String {
        format!("{group}-{}", self.name)
    }

    /// Where a member belongs.
    fn place(&self, n: usize, group: &str) -> ProductKey {
        match group {
            "" => self.keys[n].clone(),
            group => ProductKey::article("test", self.group(group)).unwrap(),
        }
    }

    fn member(&self, n: usize, (group, colour, sizes, price, _): Said) -> Product {
        let text = |text: &str| Localized::default().with("en", text);
        let key = &self.keys[n];
        let variant = |size: &&str| Variant {
            sku: format!("{}-{size}", key.id()),
            title: (*size).into(),
            options: vec![(*size).into()],
            prices: vec![Price { currency: "SAR".into(), amount: price.parse().unwrap(), list_amount: None }],
            stock: 7,
            images: vec![],
            facts: None,
        };
        Product {
            group: Some(self.group(group)).filter(|_| !group.is_empty()),
            name: text(&format!("Maxi dress, {colour}")),
            categories: vec![],
            attributes: vec![Attribute { code: "color".into(), name: text("Color"), values: vec![text(colour)] }],
            options: vec![ProductOption { name: text("Size") }],
            variants: sizes.iter().map(variant).collect(),
            ..dress(key)
        }
    }

    /// Brings the PIM to a state, as feeds and people do.
    async fn say(&mut self, state: Three) {
        for (n, said) in state.into_iter().enumerate() {
            self.say_of(n, said).await;
        }
    }

    async fn say_of(&mut self, n: usize, said: Option<Said>) {
        let at = path(&self.keys[n]);
        if self.pim.view(&at).is_some() {
            self.pim.delete(&at);
        }
        let Some(said) = said else { return };
        self.writes += 1;
        // Just now: what is ordered from now on comes after it.
        let now = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap();
        let version = Version::new(now - 1_000 + self.writes, "0", 0);
        in_pim_as(&self.pimcore, &[self.member(n, said)], &version).await;
        let visibility = if said.4 { "hide" } else { "inherit" };
        self.pim.edit(&at, json!({"shopVisibility": visibility}));
    }

    /// The ledger knows what a feed said.
    fn is_said(&self, product: Product) {
        let (hash, version) = (ContentHash::of(&product), Version::new(1, "0", 0));
        let doc = DesiredDoc { product, version, hash, run: "run".into(), provenance: "test".into() };
        let key = doc.product.key().unwrap();
        self.function.memory.table().put(&desired::write_doc(&key, &doc, doc.packed().unwrap())).unwrap();
    }

    async fn push(&self, keys: &[ProductKey]) -> BTreeMap<ProductKey, Outcome> {
        self.function.run(&self.pimcore, &self.open, keys).await
    }

    /// What customers can buy: by place, the choice and price of each SKU.
    async fn sold(&self) -> BTreeMap<ProductKey, BTreeMap<String, (String, String)>> {
        let mut sold = BTreeMap::new();
        let alone = (0..3).map(|n| self.place(n, ""));
        for place in ["G", "H"].map(|group| self.place(0, group)).into_iter().chain(alone) {
            let Some(shown) = self.real.shown(&place).await else { continue };
            let buyable = shown.variants.into_iter().filter(|(_, own)| own.stock > 0 && !own.prices.is_empty());
            let there = buyable.map(|(sku, variant)| {
                let mut choice: Vec<String> = vec![variant.options.get("Color").cloned().unwrap_or_default()];
                choice.extend(variant.options.get("Size").cloned());
                (sku, (choice.join("/"), variant.prices["sar"].to_string()))
            });
            sold.insert(place, there.collect());
        }
        sold
    }

    fn wanted(&self, state: &Three) -> BTreeMap<ProductKey, BTreeMap<String, (String, String)>> {
        let mut wanted: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for (n, said) in state.iter().enumerate() {
            let Some((group, colour, sizes, price, false)) = said else { continue };
            let colour = if group.is_empty() { "" } else { colour };
            let own = wanted.entry(self.place(n, group)).or_default();
            own.extend(sizes.iter().map(|size| {
                let sku = format!("{}-{size}", self.keys[n].id());
                (sku, (format!("{colour}/{size}"), (*price).to_owned()))
            }));
        }
        wanted
    }

    /// Ids of products and of their variants, by place and SKU.
    async fn ids(&self) -> BTreeMap<String, String> {
        let mut ids = BTreeMap::new();
        for place in ["G", "H"].map(|group| self.place(0, group)) {
            let Some(product) = self.real.admin_product(&place).await else { continue };
            ids.insert(place.to_string(), product["id"].as_str().unwrap().to_owned());
            for variant in product["variants"].as_array().unwrap() {
                if let Some(sku) = variant["sku"].as_str() {
                    ids.insert(format!("{place} {sku}"), variant["id"].as_str().unwrap().to_owned());
                }
            }
        }
        ids
    }
}

fn grouped(real: &Real, kind: Kind) -> Arc<OpenShop> {
    let mut open = Arc::into_inner(open(real)).unwrap();
    open.shop.references.articles = Articles::all(kind);
    Arc::new(open)
}

fn failures(outcomes: &BTreeMap<ProductKey, Outcome>) -> Vec<String> {
    let failed = outcomes.iter().filter(|(_, outcome)| **outcome != Outcome::Done);
    failed.map(|(key, outcome)| format!("{key}: {outcome:?}")).collect()
}

/// A way through all transitions: each state is followed once by each other.
fn all_transitions() -> Vec<usize> {
    let mut left: BTreeSet<(usize, usize)> = (0..STATES.len())
        .flat_map(|from| (0..STATES.len()).map(move |to| (from, to)))
        .filter(|(a, b)| a != b)
        .collect();
    // Hierholzer's way through a complete graph.
    let (mut stack, mut way) = (vec![0], Vec::new());
    while let Some(at) = stack.last().copied() {
        match left.iter().find(|(from, _)| *from == at).copied() {
            Some(next) => {
                left.remove(&next);
                stack.push(next.1);
            }
            None => way.extend(stack.pop()),
        }
    }
    way.reverse();
    way
}

/// The item, stocked and reserved pieces of a SKU.
async fn shelf(real: &Real, sku: &str) -> (String, i64, i64) {
    let fields = "id,location_levels.stocked_quantity,location_levels.reserved_quantity";
    let found = real.admin_get("/admin/inventory-items", &[("sku[]", sku), ("fields", fields)]).await;
    let items = found["inventory_items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{sku}: {items:?}");
    let level = &items[0]["location_levels"][0];
    let pieces = |name: &str| level[name].as_i64().unwrap();
    (items[0]["id"].as_str().unwrap().to_owned(), pieces("stocked_quantity"), pieces("reserved_quantity"))
}

#[tokio::test]
async fn every_transition_of_an_article_ends_with_each_member_where_it_belongs() {
    let Some(real) = Real::connect().await else { return };
    let mut lab = Lab::new(&real, "articles").await;
    let way = all_transitions();
    assert_eq!(way.len() - 1, STATES.len() * (STATES.len() - 1));
    let mut before: Option<(usize, BTreeMap<String, String>)> = None;
    let mut broken = Vec::new();
    for now in &way {
        let (name, state) = STATES[*now];
        let from = before.as_ref().map_or("nothing", |(from, _)| STATES[*from].0);
        lab.say(state).await;
        let keys = lab.keys.clone();
        let failed = failures(&lab.push(&keys).await);
        let (sold, wanted) = (lab.sold().await, lab.wanted(&state));
        let sold: BTreeMap<_, _> = sold.into_iter().filter(|(_, variants)| !variants.is_empty()).collect();
        let ids = lab.ids().await;
        let renamed = before
            .iter()
            .flat_map(|(_, before)| before)
            .filter(|(what, id)| ids.get(*what).is_some_and(|now| now != *id));
        let renamed: Vec<&String> = renamed.map(|(what, _)| what).collect();
        if !failed.is_empty() || sold != wanted || !renamed.is_empty() {
            broken
                .push(format!("{from} → {name}: {failed:?}\n sold {sold:?}\n not {wanted:?}\n other ids {renamed:?}"));
        }
        // Once more: nothing is left to do.
        let again = failures(&lab.push(&keys).await);
        let pending: Vec<_> =
            keys.iter().filter(|key| lab.function.memory.state(key).pending_since.is_some()).collect();
        if !again.is_empty() || !pending.is_empty() || lab.ids().await != ids {
            broken.push(format!("{from} → {name}, again: {again:?}, pending {pending:?}"));
        }
        before = Some((*now, ids));
    }
    assert!(broken.is_empty(), "{} of {} transitions:\n{}", broken.len(), way.len() - 1, broken.join("\n"));
    println!("{} transitions", way.len() - 1);
}

#[tokio::test]
async fn members_arrive_one_by_one_and_are_one_product_with_the_colour_first() {
    let Some(real) = Real::connect().await else { return };
    let mut lab = Lab::new(&real, "articles-arrive").await;
    let article = lab.place(0, "G");
    lab.say([None, Some(RED), None]).await;
    let keys = lab.keys.clone();
    assert_eq!(failures(&lab.push(&keys[1..2]).await), Vec::<String>::new());
    let first = real.admin_product(&article).await.unwrap();
    assert_eq!(first["title"], "Maxi dress");
    lab.say([Some(BLACK), Some(RED), Some(WHITE)]).await;
    for key in [&keys[0], &keys[2]] {
        assert_eq!(failures(&lab.push(std::slice::from_ref(key)).await), Vec::<String>::new());
    }
    let product = real.admin_product(&article).await.unwrap();
    assert_eq!((&product["id"], &product["handle"]), (&first["id"], &first["handle"]));
    assert_eq!(product["variants"].as_array().unwrap().len(), 6);
    let metadata = &product["metadata"];
    assert_eq!(metadata["relay_members"], json!(lab.keys.iter().map(ToString::to_string).collect::<BTreeSet<_>>()));
    let colours = json!({"title": "Color", "values": ["Black", "Red", "White"]});
    assert_eq!(metadata["relay_options"], json!([colours, {"title": "Size", "values": ["S", "M", "L"]}]));
    for key in &lab.keys {
        assert_eq!(real.admin_product(key).await, None, "it is nowhere else");
        let state = lab.function.memory.state(key);
        assert_eq!(
            (state.homes, state.medusa.applied.unwrap().remote_id.as_deref()),
            (vec![article.clone()], product["id"].as_str())
        );
    }
    // An unchanged one writes nothing.
    let lists = |product: &Value| (product["updated_at"].clone(), product["metadata"].clone());
    assert_eq!(failures(&lab.push(&keys).await), Vec::<String>::new());
    assert_eq!(lists(&real.admin_product(&article).await.unwrap()), lists(&product));
}

#[tokio::test]
async fn the_same_choice_twice_is_told_and_solved_by_whoever_changes() {
    let Some(real) = Real::connect().await else { return };
    let mut lab = Lab::new(&real, "articles-conflict").await;
    let keys = lab.keys.clone();
    lab.say([Some(BLACK), Some(("G", "Black", ML, "20", false)), None]).await;
    let outcomes = lab.push(&keys[..2]).await;
    let Outcome::Failed(failure) = &outcomes[&keys[1]] else { panic!("{outcomes:?}") };
    assert_eq!((failure.code.as_str(), &outcomes[&keys[0]]), ("medusa_same_options", &Outcome::Done));
    assert_eq!(lab.function.memory.state(&keys[1]).medusa.last_error.unwrap().code, "medusa_same_options");
    let sold = lab.sold().await;
    assert_eq!(sold.values().map(BTreeMap::len).sum::<usize>(), 3, "its other size is sold: {sold:?}");
    // The other one changes its colour: who waited is pending, and told.
    lab.function.heard.take();
    lab.say([Some(RED), Some(("G", "Black", ML, "20", false)), None]).await;
    assert_eq!(failures(&lab.push(&keys[..1]).await), Vec::<String>::new());
    assert!(lab.function.memory.state(&keys[1]).pending_since.is_some());
    assert_eq!(lab.function.heard.take().len(), 1);
    assert_eq!(failures(&lab.push(&keys[1..2]).await), Vec::<String>::new());
    let state = lab.function.memory.state(&keys[1]);
    assert_eq!((state.medusa.last_error, state.pending_since), (None, None));
    assert_eq!(lab.sold().await.values().map(BTreeMap::len).sum::<usize>(), 4);
}

/// SKUs stand on labels and invoices, those that we made, too; and the pieces on the shelf are under
/// them.
#[tokio::test]
async fn a_variant_keeps_the_sku_that_we_made_and_its_item_in_an_article_and_by_itself() {
    let Some(real) = Real::connect().await else { return };
    let mut lab = Lab::new(&real, "articles-made").await;
    let keys = lab.keys.clone();
    lab.say([Some(BLACK), Some(RED), None]).await;
    // Another source has the same id, and its SKUs, in the shop before.
    let other = ProductKey::new("earlier", keys[1].id()).unwrap();
    let mut first = lab.member(1, RED);
    (first.source, first.group) = ("earlier".into(), None);
    in_pim_as(&lab.pimcore, &[first], &Version::new(1, "0", 0)).await;
    assert_eq!(failures(&lab.push(std::slice::from_ref(&other)).await), Vec::<String>::new());
    for n in 0..2 {
        let mut product = lab.member(n, [BLACK, RED][n]);
        product.made_skus = product.variants.iter().map(|variant| variant.sku.clone()).collect();
        let doc = DesiredDoc {
            hash: ContentHash::of(&product),
            product,
            version: Version::new(1, "0", 0),
            run: "run".into(),
            provenance: "test".into(),
        };
        lab.function.memory.put_desired(&keys[n], &doc, 1).await.unwrap();
    }
    let plain = |n: usize| format!("{}-S", keys[n].id());
    let skus = [plain(0), medusa::own_sku::own(&keys[1], &plain(1))];
    let mut shelves = Vec::new();
    for kind in [Kind::Separate, Kind::Grouped, Kind::Separate, Kind::Grouped] {
        lab.open = grouped(&real, kind);
        for key in &keys[..2] {
            assert_eq!(failures(&lab.push(std::slice::from_ref(key)).await), Vec::<String>::new(), "{kind:?} {key}");
        }
        let place = |n: usize| if kind == Kind::Grouped { lab.place(0, "G") } else { keys[n].clone() };
        for (n, sku) in skus.iter().enumerate() {
            let shown = real.shown(&place(n)).await.unwrap();
            assert_eq!(
                shown.variants.get(sku).map(|variant| variant.stock),
                Some(7),
                "{kind:?}: {:?}",
                shown.variants.keys()
            );
        }
        let now = [shelf(&real, &skus[0]).await, shelf(&real, &skus[1]).await];
        assert_eq!(shelves.first().unwrap_or(&now), &now, "{kind:?}: the same items");
        shelves.push(now);
    }
    assert_eq!(real.shown(&other).await.unwrap().variants[&plain(1)].stock, 7, "the earlier one has the plain form");
}

/// What Pimcore cannot show says nothing of itself: by itself it stays as it was, too.
#[tokio::test]
async fn a_member_that_cannot_be_read_stays_as_it_was_while_the_others_are_brought() {
    let Some(real) = Real::connect().await else { return };
    let mut lab = Lab::new(&real, "articles-unreadable").await;
    let (article, keys) = (lab.place(0, "G"), lab.keys.clone());
    lab.say([Some(BLACK), Some(RED), Some(WHITE)]).await;
    assert_eq!(failures(&lab.push(&keys).await), Vec::<String>::new());
    let before = real.admin_product(&article).await.unwrap();
    let own = |sold: &BTreeMap<ProductKey, BTreeMap<String, (String, String)>>, n: usize| -> Vec<(String, String)> {
        let mark = format!("{}-", keys[n].id());
        let all = sold.get(&article).into_iter().flatten();
        all.filter(|(sku, _)| sku.starts_with(&mark)).map(|(_, choice)| choice.clone()).collect()
    };
    let said = |colour: &str, sizes: [&str; 2], price: &str| -> Vec<(String, String)> {
        sizes.map(|size| (format!("{colour}/{size}"), price.to_owned())).into()
    };
    let broken = json!({"prices": [{"sku": format!("{}-S", keys[1].id()), "currency": "SAR", "amount": "twenty"}]});
    lab.pim.edit(&path(&keys[1]), broken.clone());
    // Another member's price; a third goes; then the last that can be read, and it is back.
    lab.say_of(0, Some(("G", "Black", SM, "22", false))).await;
    let outcomes = lab.push(&keys[..2]).await;
    let Outcome::Failed(failure) = &outcomes[&keys[1]] else { panic!("{outcomes:?}") };
    assert_eq!((failure.code.as_str(), &outcomes[&keys[0]]), ("pimcore_unreadable_field", &Outcome::Done));
    let sold = lab.sold().await;
    assert_eq!((own(&sold, 0), own(&sold, 1)), (said("Black", ["M", "S"], "22"), said("Red", ["M", "S"], "20")));
    let now = real.admin_product(&article).await.unwrap();
    for same in ["title", "handle", "thumbnail"] {
        assert_eq!(now[same], before[same]);
    }
    assert_eq!(now["metadata"]["relay_options"], before["metadata"]["relay_options"]);
    lab.say_of(2, Some(("G", "White", ML, "30", true))).await;
    assert_eq!(failures(&lab.push(&keys[2..]).await), Vec::<String>::new());
    lab.say_of(0, Some(("G", "Black", SM, "22", true))).await;
    assert_eq!(failures(&lab.push(&keys[..1]).await), Vec::<String>::new());
    let sold = lab.sold().await;
    assert_eq!((own(&sold, 0), own(&sold, 1), own(&sold, 2)), (vec![], said("Red", ["M", "S"], "20"), vec![]));
    // It can be read, and says something else; then nothing can be bought of any.
    lab.say([None, Some(("G", "Red", SM, "24", false)), None]).await;
    assert_eq!(failures(&lab.push(&keys[1..2]).await), Vec::<String>::new());
    assert_eq!(own(&lab.sold().await, 1), said("Red", ["M", "S"], "24"));
    lab.say([Some(BLACK), Some(RED), Some(WHITE)]).await;
    assert_eq!(failures(&lab.push(&keys).await), Vec::<String>::new());
    let after = real.admin_product(&article).await.unwrap();
    assert_eq!((&after["id"], &after["title"]), (&before["id"], &before["title"]));
    assert_eq!(lab.sold().await[&article].len(), 6);
}

/// Nobody else is on sale, and of it nothing was: there is nothing to keep.
#[tokio::test]
async fn an_article_of_which_nothing_can_be_read_is_not_made_of_nothing() {
    let Some(real) = Real::connect().await else { return };
    let mut lab = Lab::new(&real, "articles-unread").await;
    let (article, keys) = (lab.place(0, "G"), lab.keys.clone());
    lab.say([Some(("G", "Black", SM, "20", true)), Some(RED), None]).await;
    let broken = json!({"prices": [{"sku": format!("{}-S", keys[1].id()), "currency": "SAR", "amount": "twenty"}]});
    lab.pim.edit(&path(&keys[1]), broken);
    assert_eq!(failures(&lab.push(&keys[..1]).await), Vec::<String>::new());
    assert_eq!(failures(&lab.push(&keys[1..2]).await).len(), 1);
    assert_eq!(failures(&lab.push(&keys[..1]).await), Vec::<String>::new());
    assert_eq!(real.admin_product(&article).await, None);
}

#[tokio::test]
async fn whoever_finds_an_article_leased_gives_its_member_back_and_records_no_failure() {
    let Some(real) = Real::connect().await else { return };
    let mut lab = Lab::new(&real, "articles-leased").await;
    let (article, keys) = (lab.place(0, "G"), lab.keys.clone());
    lab.say([Some(BLACK), None, None]).await;
    let now = runtime::Clock::now_ms(&lab.function.clock);
    lab.function.memory.claim_article(&article, &ledger::Owner("another".into()), now).await.unwrap();
    let outcomes = lab.push(&keys[..1]).await;
    let Outcome::Failed(failure) = &outcomes[&keys[0]] else { panic!("{outcomes:?}") };
    assert_eq!((failure.code.as_str(), failure.kind), (worker::codes::LEASED, catalog::ErrorKind::Transient));
    let state = lab.function.memory.state(&keys[0]);
    assert_eq!((state.medusa.owner, state.medusa.last_error), (None, None));
    lab.function.memory.give_back(&article, &ledger::Owner("another".into())).await.unwrap();
    assert_eq!(failures(&lab.push(&keys[..1]).await), Vec::<String>::new());
}

#[tokio::test]
async fn what_a_person_takes_off_sale_of_an_article_is_told_at_each_member_and_comes_back_with_any_release() {
    let Some(real) = Real::connect().await else { return };
    let mut lab = Lab::new(&real, "articles-aside").await;
    let (article, keys) = (lab.place(0, "G"), lab.keys.clone());
    lab.say([Some(BLACK), Some(RED), None]).await;
    assert_eq!(failures(&lab.push(&keys[..2]).await), Vec::<String>::new());
    let asides = |lab: &Lab<'_>| -> Vec<Vec<String>> {
        let of = |key| lab.function.memory.state(key).aside.into_iter().map(|aside| aside.what).collect();
        keys[..2].iter().map(of).collect()
    };
    for (act, price) in [("draft", "25"), ("deleted", "26")] {
        let id = real.admin_product(&article).await.unwrap()["id"].as_str().unwrap().to_owned();
        let there = format!("/admin/products/{id}");
        match act {
            "draft" => drop(real.admin_post(&there, &json!({"status": "draft"})).await),
            _ => real.shop.medusa.delete(&there, testing::standin::later()).await.unwrap(),
        }
        lab.say([Some(BLACK), Some(("G", "Red", SM, price, false)), None]).await;
        lab.function.heard.take();
        // One member's push sees it; the other is told.
        assert_eq!(failures(&lab.push(&keys[1..2]).await), Vec::<String>::new());
        assert_eq!((asides(&lab), lab.function.heard.take().len()), (vec![vec![], vec![act.to_owned()]], 1));
        assert_eq!(failures(&lab.push(&keys[..1]).await), Vec::<String>::new());
        assert_eq!(asides(&lab), vec![vec![act.to_owned()]; 2]);
        assert_eq!(real.shown(&article).await, None, "{act}: it stays so");
        // Any member's release is the article's.
        assert!(lab.function.memory.release_aside(&keys[0], 7).await.unwrap());
        assert_eq!(failures(&lab.push(&keys[..1]).await), Vec::<String>::new());
        assert_eq!(real.shown(&article).await.unwrap().variants.len(), 4, "{act}");
        assert_eq!(failures(&lab.push(&keys[1..2]).await), Vec::<String>::new());
        assert_eq!(asides(&lab), vec![Vec::<String>::new(); 2], "{act}");
    }
}
