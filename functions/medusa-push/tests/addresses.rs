//! Addresses in a real shop: chosen once, kept, moved when somebody asks, and every old one leads
//! on.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use catalog::{Failure, Localized, ProductKey};
use common::support::books::{just_now, note, now_ms, recall};
use common::support::{Real, deadline, rows_are_sound};
use common::{Function, dress, in_pim, path};
use ledger::{Ledger, Memory};
use medusa::address::REDIRECTS;
use medusa::api::model::Product as InShop;
use medusa::redirects::{Redirect, table};
use medusa::{
    Addresses, Article, Book, Categories, Depth, Desired, Outcome, Presence, Recall, Shop, SkuOwners, StockBooks,
    Variant,
};
use serde_json::json;
use testing::standin::StandIn;
use worker::access::medusa::OpenShop;

/// A shop whose new products get addresses made of this.
fn opened(real: &Real, template: &str) -> Arc<OpenShop> {
    let mut references = real.shop.references.clone();
    references.handles = template.parse().unwrap();
    let shop = Shop { medusa: common::support::medusa_client().unwrap(), references };
    Arc::new(OpenShop { shop, categories: Categories::default() })
}

/// A creator that remembers addresses in the ledger, as the function does.
struct Creator<'a>(&'a Ledger<Memory>);

impl SkuOwners for Creator<'_> {
    async fn wants(&self, _: &ProductKey, _: &str, _: Instant) -> Result<bool, Failure> {
        Ok(true)
    }
}

impl StockBooks for Creator<'_> {
    fn now_ms(&self) -> i64 {
        now_ms()
    }

    async fn recall(&self, keys: &[&ProductKey], _: Instant) -> Result<HashMap<ProductKey, Recall>, Failure> {
        let owned: Vec<ProductKey> = keys.iter().map(|key| (*key).clone()).collect();
        let mut noted = self.0.stock(&owned).await.unwrap();
        let mut recalled = recall(keys, just_now);
        for (key, recall) in &mut recalled {
            recall.handle = noted.remove(key).and_then(|stock| stock.unwrap().handle);
        }
        Ok(recalled)
    }

    async fn note(&self, books: &[(&ProductKey, &Book)], _: Instant) -> Vec<Result<(), Failure>> {
        note(books)
    }
}

impl Addresses for Creator<'_> {
    async fn choose(
        &self,
        key: &ProductKey,
        wanted: &[String],
        was: Option<&str>,
        _: Instant,
    ) -> Result<Option<String>, Failure> {
        Ok(self.0.choose_handle(key, wanted, was).await.unwrap())
    }
}

fn titled(key: &ProductKey, title: &str) -> Desired {
    let variant = Variant {
        sku: format!("{}-one", key.id()),
        title: "One".into(),
        options: vec![Article::NO_CHOICE.1.into()],
        prices: [("sar".to_owned(), "5".parse().unwrap())].into(),
        ..Variant::default()
    };
    let article = Article {
        title: title.into(),
        options: vec![Article::NO_CHOICE.0.into()],
        variants: vec![variant],
        ..Article::default()
    };
    Desired { key: key.clone(), presence: Presence::Offered(Box::new(article)) }
}

async fn push(open: &OpenShop, ledger: &Ledger<Memory>, desired: &[Desired]) -> Vec<Outcome> {
    let orders: Vec<_> = desired.iter().map(|desired| (desired, Depth::Light)).collect();
    open.shop.push(&orders, &Creator(ledger), deadline()).await
}

async fn handle_of(real: &Real, key: &ProductKey) -> String {
    real.admin_product(key).await.unwrap()["handle"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn two_creators_of_one_product_that_read_different_titles_leave_one_product() {
    let Some(real) = Real::connect().await else { return };
    let (one, two) = (opened(&real, "{title}"), opened(&real, "{title}"));
    let mut refused = 0;
    for _ in 0..8 {
        let (key, memory) = (real.new_key(), Function::default().memory);
        let titles = ["Race", "Renamed"].map(|word| titled(&key, &format!("{word} {}", key.id())));
        let (first, second) = tokio::join!(push(&one, &memory, &titles[..1]), push(&two, &memory, &titles[1..]));
        for lost in first.into_iter().chain(second).filter_map(Result::err) {
            // The address is taken first; who looks for the SKU just after sees that one.
            let raced = matches!(lost.code.as_str(), "medusa_handle_taken" | "medusa_sku_taken");
            assert!(raced, "{}: {}", lost.code, lost.message);
            refused += 1;
        }
        push(&one, &memory, &titles[1..]).await.remove(0).unwrap();
        // Asserts that there is only one with this external id.
        let there = real.admin_product(&key).await.unwrap();
        rows_are_sound(&there).unwrap();
        let handle = there["handle"].as_str().unwrap();
        assert!(handle.starts_with("race-") || handle.starts_with("renamed-"), "{handle}");
        assert_eq!(there["metadata"]["relay_made"]["handle"], handle);
    }
    println!("{refused} of 16 creates were refused");
    assert!(refused > 0, "nobody raced, so nothing was tested");
}

#[tokio::test]
async fn products_of_one_title_have_addresses_of_their_own_that_tell_nobody_the_supplier() {
    let Some(real) = Real::connect().await else { return };
    let (one, two, memory) = (opened(&real, "{title}"), opened(&real, "{title}"), Function::default().memory);
    let word = real.new_key().id().to_owned();
    let keys: Vec<ProductKey> = (0..6).map(|_| real.new_key()).collect();
    let all: Vec<Desired> = keys.iter().map(|key| titled(key, &format!("Größe {word}"))).collect();
    let (first, second) = tokio::join!(push(&one, &memory, &all[..3]), push(&two, &memory, &all[3..]));
    for outcome in first.into_iter().chain(second) {
        outcome.unwrap();
    }
    let mut handles = Vec::new();
    for key in &keys {
        handles.push(handle_of(&real, key).await);
    }
    let base = format!("grosse-{word}");
    assert_eq!(handles.iter().filter(|handle| **handle == base).count(), 1, "{handles:?}");
    assert_eq!(handles.iter().collect::<BTreeSet<_>>().len(), 6);
    assert!(handles.iter().all(|handle| handle.starts_with(&base) && !handle.contains("test")), "{handles:?}");

    // A person's product has the address of the next.
    let key = real.new_key();
    let theirs =
        json!({"title": "Theirs", "handle": format!("kleid-{word}"), "options": [{"title": "a", "values": ["b"]}]});
    real.admin_post("/admin/products", &theirs).await;
    push(&one, &memory, &[titled(&key, &format!("Kleid {word}"))]).await.remove(0).unwrap();
    let handle = handle_of(&real, &key).await;
    assert!(handle.starts_with(&format!("kleid-{word}-")), "{handle}");
}

/// Every product of these keys as an administrator sees it.
async fn in_shop(real: &Real, keys: &[ProductKey]) -> Vec<InShop> {
    let found = real.admin_products(keys).await;
    found.into_iter().flatten().map(|product| serde_json::from_value(product).unwrap()).collect()
}

/// What a customer finds at an address: the product's id.
async fn visit(real: &Real, handle: &str) -> Option<String> {
    let (status, found) = real.store_get("/store/products", &[("handle", handle), ("fields", "id,handle")]).await;
    assert_eq!(status, 200, "{found}");
    found["products"][0]["id"].as_str().map(str::to_owned)
}

/// What a customer finds who follows a redirect, once.
async fn follow(real: &Real, handle: &str, redirects: &[Redirect]) -> Option<String> {
    match visit(real, handle).await {
        Some(id) => Some(id),
        None => visit(real, &redirects.iter().find(|redirect| redirect.from == handle)?.to).await,
    }
}

#[tokio::test]
async fn addresses_stay_until_somebody_moves_them_and_then_every_old_one_leads_on() {
    let Some(real) = Real::connect().await else { return };
    let (pim, function) = (StandIn::start("addresses").await, Function::default());
    let (before, now) = (opened(&real, "{source}-{id}"), opened(&real, "{title}"));
    let word = real.new_key().id().to_owned();
    let keys: Vec<ProductKey> = (0..5).map(|_| real.new_key()).collect();
    let named = |key: &ProductKey, name: &str| {
        let mut product = dress(key);
        product.categories.clear();
        product.name = Localized::default().with("en", &format!("{name} {word}"));
        product
    };
    let products: Vec<_> = keys.iter().map(|key| named(key, "Dress")).collect();
    in_pim(&pim.client(), &products, 0).await;
    let run = async |open: &Arc<OpenShop>, keys: &[ProductKey]| {
        let outcomes = function.run(&pim.client(), open, keys).await;
        assert!(outcomes.values().all(|outcome| *outcome == runtime::Outcome::Done), "{outcomes:?}");
    };
    // Four from the version before, which noted no handles; one of them a person has renamed.
    run(&before, &keys[..4]).await;
    for (key, product) in keys.iter().zip(in_shop(&real, &keys[..4]).await) {
        let mut made = product.metadata.as_ref().unwrap()["relay_made"].clone();
        made.as_object_mut().unwrap().remove("handle");
        let admin = format!("/admin/products/{}", product.id);
        real.admin_post(&admin, &json!({"metadata": {"relay_made": made}})).await;
        assert_eq!(product.handle, format!("{}-{}", key.source(), key.id()));
    }
    // Nothing is written to those that stay as they are.
    let writes = now.shop.medusa.writes();
    run(&now, &keys[..4]).await;
    assert_eq!(now.shop.medusa.writes(), writes);
    run(&now, &keys[4..]).await;
    assert_eq!(handle_of(&real, &keys[4]).await, format!("dress-{word}"));

    // Every address that there ever was, and what it led to.
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    let crawl = async |known: &mut BTreeMap<String, String>| {
        let shop = in_shop(&real, &keys).await;
        for product in &shop {
            assert_eq!(known.entry(product.handle.clone()).or_insert(product.id.clone()), &product.id);
        }
        let redirects = table(&shop, &real.shop.references.sales_channel_id);
        for redirect in &redirects {
            assert!(redirects.iter().all(|other| other.from != redirect.to), "{redirect:?} leads to another");
        }
        for (handle, id) in known.iter() {
            assert_eq!(follow(&real, handle, &redirects).await.as_ref(), Some(id), "{handle}");
        }
        shop
    };
    let first = crawl(&mut known).await;
    let nicer = format!("nicer-{word}");
    real.admin_post(&format!("/admin/products/{}", first[0].id), &json!({"handle": nicer})).await;
    run(&now, &keys).await;
    let shop = crawl(&mut known).await;
    assert_eq!(shop[0].metadata.as_ref().unwrap()[REDIRECTS], json!([first[0].handle]), "seen at a light look");

    // Names change, addresses do not.
    for key in &keys {
        pim.edit(&path(key), json!({"marketingName": {"en": format!("Gown {word}")}}));
    }
    run(&now, &keys).await;
    let renamed = crawl(&mut known).await;
    assert!(renamed.iter().zip(&shop).all(|(now, then)| now.handle == then.handle));
    assert_eq!(renamed[4].title, format!("Gown {word}"));

    // A move that is interrupted after two of them, and gone on with.
    let at = now_ms();
    for key in &keys {
        function.memory.wish_to_move(key, at).await.unwrap();
    }
    run(&now, &keys[..2]).await;
    crawl(&mut known).await;
    run(&now, &keys).await;
    let moved = crawl(&mut known).await;
    let handles: Vec<&str> = moved.iter().map(|product| product.handle.as_str()).collect();
    assert_eq!(handles[0], nicer, "a person's stays");
    assert!(handles[1..].iter().all(|handle| handle.starts_with(&format!("gown-{word}"))), "{handles:?}");
    for key in &keys {
        assert_eq!(function.memory.state(key).moves, None);
    }

    // Back to the name from before: the old address is still its own.
    for key in &keys {
        pim.edit(&path(key), json!({"marketingName": {"en": ""}}));
        function.memory.wish_to_move(key, at + 1).await.unwrap();
    }
    run(&now, &keys).await;
    let back = crawl(&mut known).await;
    assert_eq!(back[4].handle, format!("dress-{word}"));
    let channel = &real.shop.references.sales_channel_id;
    assert!(!table(&back, channel).iter().any(|redirect| redirect.from == back[4].handle));

    let writes = now.shop.medusa.writes();
    for key in &keys {
        function.memory.wish_to_move(key, at + 2).await.unwrap();
    }
    run(&now, &keys).await;
    assert_eq!(now.shop.medusa.writes(), writes + real.idle_writes(Depth::Full), "who is right is not written");
}

/// Whoever comes by an old address finds what whoever comes by the present one finds: the product,
/// or that there is none.
#[tokio::test]
async fn an_old_address_leads_nowhere_while_its_product_is_not_shown_and_on_again_once_it_is() {
    let Some(real) = Real::connect().await else { return };
    let (open, memory) = (opened(&real, "{title}"), Function::default().memory);
    let channel = real.shop.references.sales_channel_id.clone();
    let key = real.new_key();
    let desired = titled(&key, &format!("Lamp {}", key.id()));
    push(&open, &memory, std::slice::from_ref(&desired)).await.remove(0).unwrap();
    let old = handle_of(&real, &key).await;
    let admin = format!("/admin/products/{}", real.admin_product(&key).await.unwrap()["id"].as_str().unwrap());
    real.admin_post(&admin, &json!({"handle": format!("{old}-nicer")})).await;
    push(&open, &memory, std::slice::from_ref(&desired)).await.remove(0).unwrap();
    let leads = async || {
        let redirects = table(&in_shop(&real, std::slice::from_ref(&key)).await, &channel);
        // What is listed is never a page that is not there.
        for redirect in &redirects {
            assert!(visit(&real, &redirect.to).await.is_some(), "{redirect:?}");
        }
        follow(&real, &old, &redirects).await.is_some()
    };
    assert!(leads().await);
    for (hide, show) in [
        (json!({"status": "draft"}), json!({"status": "published"})),
        (json!({"sales_channels": []}), json!({"sales_channels": [{"id": channel}]})),
    ] {
        real.admin_post(&admin, &hide).await;
        // The push leaves it so: a person took it off sale.
        push(&open, &memory, std::slice::from_ref(&desired)).await.remove(0).unwrap();
        assert!(!leads().await, "{hide}");
        real.admin_post(&admin, &show).await;
        push(&open, &memory, std::slice::from_ref(&desired)).await.remove(0).unwrap();
        assert!(leads().await, "{show}");
    }
}

#[tokio::test]
async fn a_product_that_joins_another_group_and_one_that_a_person_had_made_keep_their_addresses() {
    let Some(real) = Real::connect().await else { return };
    let (open, memory) = (opened(&real, "{group}-{title}"), Function::default().memory);
    let in_group = |key: &ProductKey, title: &str, group: &str| {
        let mut desired = titled(key, title);
        let Presence::Offered(article) = &mut desired.presence else { unreachable!("it is offered") };
        article.metadata.insert("relay_group".into(), json!(group));
        desired
    };
    let (grouped, adopted) = (real.new_key(), real.new_key());
    let by_hand = format!("by-hand-{}", adopted.id());
    let theirs = json!({
        "title": "Theirs", "handle": by_hand, "external_id": adopted.to_string(), "options": [{"title": "a", "values": ["b"]}],
    });
    real.admin_post("/admin/products", &theirs).await;
    let ids = async || {
        let found = real.admin_products(&[grouped.clone(), adopted.clone()]).await;
        found.into_iter().map(|product| product.map(|product| product["id"].clone())).collect::<Vec<_>>()
    };
    let theirs = ids().await.remove(1);
    // Another group, another title, both, and taken from sale in between.
    for (group, title) in [("one", "Lamp"), ("two", "Lamp"), ("two", "Light"), ("three", "Lantern")] {
        let all = [&grouped, &adopted].map(|key| in_group(key, &format!("{title} {}", key.id()), group));
        for outcome in push(&open, &memory, &all).await {
            outcome.unwrap();
        }
        assert_eq!(handle_of(&real, &grouped).await, format!("one-lamp-{}", grouped.id()), "{group} {title}");
        assert_eq!(handle_of(&real, &adopted).await, by_hand, "{group} {title}");
        let withheld = [&grouped, &adopted].map(|key| Desired { key: key.clone(), presence: Presence::Withheld });
        for outcome in push(&open, &memory, &withheld).await {
            outcome.unwrap();
        }
    }
    assert_eq!(ids().await.remove(1), theirs, "it is the person's product");
    let made = real.admin_product(&adopted).await.unwrap()["metadata"]["relay_made"].clone();
    assert_eq!(
        (&made["handle"], &made["renamed"]),
        (&serde_json::Value::Null, &json!(by_hand)),
        "which is not ours to move"
    );
}
