//! The setting `Articles` is switched on and off.

use super::*;

/// Thousands of products are in the shop when the setting changes; each moves with its own push.
#[tokio::test]
async fn the_setting_is_switched_on_and_off_while_nothing_is_sold_twice() {
    let Some(real) = Real::connect().await else { return };
    let mut lab = Lab::new(&real, "articles-switched").await;
    let keys = lab.keys.clone();
    let state = [Some(BLACK), Some(RED), Some(WHITE)];
    lab.say(state).await;
    lab.open = grouped(&real, Kind::Separate);
    assert_eq!(failures(&lab.push(&keys).await), Vec::<String>::new());
    let old: Vec<Value> = real.admin_products(&keys).await.into_iter().map(Option::unwrap).collect();
    let all: BTreeSet<String> = lab.wanted(&state).into_values().flat_map(BTreeMap::into_keys).collect();
    let skus = |sold: &BTreeMap<ProductKey, BTreeMap<String, (String, String)>>| -> Vec<String> {
        sold.values().flat_map(BTreeMap::keys).cloned().collect()
    };
    for kind in [Kind::Grouped, Kind::Separate, Kind::Grouped] {
        lab.open = grouped(&real, kind);
        for key in &keys {
            assert_eq!(failures(&lab.push(std::slice::from_ref(key)).await), Vec::<String>::new());
            let sold = skus(&lab.sold().await);
            assert_eq!(sold.len(), all.len(), "{kind:?}, {key}: {sold:?}");
            assert_eq!(sold.into_iter().collect::<BTreeSet<_>>(), all, "{kind:?}, {key}");
        }
        let moved = real.admin_products(&keys).await;
        for (old, now) in old.iter().zip(moved) {
            let now = now.unwrap();
            assert_eq!(now["id"], old["id"]);
            let grouped = kind == Kind::Grouped;
            assert_eq!(now["status"] == "draft", grouped, "{kind:?}");
            let article = lab.place(0, "G").to_string();
            assert_eq!(now["metadata"]["relay_moved_to"] == article.as_str(), grouped, "{}", now["metadata"]);
        }
    }
}

/// The walk of pimcore-sync, over what this test's ledger knows: who is to be pushed.
async fn walked(lab: &Lab<'_>, setting: &str) -> Vec<ProductKey> {
    let (memory, clock) = (&lab.function.memory, &lab.function.clock);
    medusa_push::setting::note(memory, &setting.parse().unwrap(), clock.now_ms()).await.unwrap();
    clock.0.fetch_add(Stage::Medusa.leases().lease_ms, Ordering::Relaxed);
    lab.function.heard.take();
    let deadline = runtime::Deadline::at(clock.now_ms() + 60_000);
    let walk = ArticleWalk { ledger: memory, bus: &lab.function.heard, clock, deadline, pace: Pace::unhurried() };
    assert!(walk.go_on().await.unwrap().complete);
    let told = lab.function.heard.take();
    told.iter().map(|one| serde_json::from_str::<ProductMessage>(one.detail()).unwrap().key).collect()
}

/// What the storefront makes of addresses.
async fn redirects(real: &Real, keys: &[ProductKey]) -> BTreeMap<String, String> {
    let shop = real.admin_products(keys).await.into_iter().flatten();
    let shop: Vec<medusa::api::model::Product> = shop.map(|one| serde_json::from_value(one).unwrap()).collect();
    let rows = medusa::redirects::table(&shop, &real.shop.references.sales_channel_id);
    rows.into_iter().map(|row| (row.from, row.to)).collect()
}

/// A setting is changed to and fro: the walk names who is elsewhere, and nobody is sold twice.
#[tokio::test]
async fn a_walk_brings_all_members_to_where_a_changed_setting_shows_them() {
    let Some(real) = Real::connect().await else { return };
    let mut lab = Lab::new(&real, "articles-walk").await;
    let (keys, article) = (lab.keys.clone(), lab.place(0, "G"));
    // Two of a group, one without.
    let state = [Some(BLACK), Some(RED), Some(("", "White", ML, "30", false))];
    lab.say(state).await;
    for (n, said) in state.into_iter().enumerate() {
        lab.is_said(lab.member(n, said.unwrap()));
    }
    lab.open = grouped(&real, Kind::Separate);
    assert_eq!(failures(&lab.push(&keys).await), Vec::<String>::new());
    assert_eq!(walked(&lab, "separate").await, []);
    let handles: Vec<String> = handles_of(&real, &keys).await;
    let all: BTreeSet<String> = lab.wanted(&state).into_values().flat_map(BTreeMap::into_keys).collect();
    for (kind, setting) in [(Kind::Grouped, "grouped"), (Kind::Separate, "separate"), (Kind::Grouped, "grouped")] {
        let members: BTreeSet<ProductKey> = walked(&lab, setting).await.into_iter().collect();
        assert_eq!(members, keys[..2].iter().cloned().collect(), "{setting}: nobody without a group");
        lab.open = grouped(&real, kind);
        for key in &members {
            assert!(lab.function.memory.state(key).pending_since.is_some());
            assert_eq!(failures(&lab.push(std::slice::from_ref(key)).await), Vec::<String>::new());
            let sold: Vec<String> = lab.sold().await.into_values().flat_map(BTreeMap::into_keys).collect();
            assert_eq!(sold.len(), all.len(), "{setting}, {key}: {sold:?}");
            assert_eq!(sold.into_iter().collect::<BTreeSet<_>>(), all, "{setting}, {key}");
        }
        let everywhere: Vec<ProductKey> = keys.iter().cloned().chain([article.clone()]).collect();
        let led = redirects(&real, &everywhere).await;
        let own = handles_of(&real, std::slice::from_ref(&article)).await.remove(0);
        let expected = match kind {
            Kind::Grouped => handles[..2].iter().map(|old| (old.clone(), own.clone())).collect(),
            // To one that it showed last.
            Kind::Separate => {
                let to = led.get(&own).filter(|to| handles[..2].contains(to)).cloned();
                BTreeMap::from([(own, to.unwrap_or_default())])
            }
        };
        assert_eq!(led, expected, "{setting}");
        assert_eq!(walked(&lab, setting).await, [], "once");
    }
    // Nobody but its members brings an article.
    assert_eq!(failures(&lab.push(std::slice::from_ref(&article)).await), Vec::<String>::new());
    assert_eq!(real.shown(&article).await.unwrap().variants.len(), 4);
    // One that a person deletes in the PIM leaves with the others.
    lab.pim.delete(&path(&keys[1]));
    assert_eq!(walked(&lab, "separate").await.len(), 2);
    lab.open = grouped(&real, Kind::Separate);
    assert_eq!(failures(&lab.push(&keys[..2]).await), Vec::<String>::new());
    assert_eq!(real.shown(&article).await, None);
    assert_eq!(real.shown(&keys[0]).await.unwrap().variants.len(), 2);
    let state = lab.function.memory.state(&keys[1]);
    assert_eq!((state.homes, real.shown(&keys[1]).await), (vec![], None));
}

async fn handles_of(real: &Real, keys: &[ProductKey]) -> Vec<String> {
    let products = real.admin_products(keys).await.into_iter().flatten();
    products.map(|product| product["handle"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_open_order_and_a_full_cart_survive_the_switch_on_and_off() {
    let Some(real) = Real::connect().await else { return };
    let orders = Orders::open(&real).await;
    let mut lab = Lab::new(&real, "articles-orders").await;
    let keys = lab.keys.clone();
    lab.say([Some(BLACK), Some(RED), None]).await;
    lab.open = grouped(&real, Kind::Separate);
    assert_eq!(failures(&lab.push(&keys[..2]).await), Vec::<String>::new());
    let [ordered, carted] = ["S", "M"].map(|size| format!("{}-{size}", keys[1].id()));
    let old = real.admin_product(&keys[1]).await.unwrap();
    let variants = old["variants"].as_array().unwrap();
    let variant = variants.iter().find(|variant| variant["sku"] == carted.as_str()).unwrap();
    let order = orders.place(&ordered, "sar", 2).await.unwrap();
    let cart = orders.fill(variant["id"].as_str().unwrap(), "sar", 1).await.unwrap();
    let before = [shelf(&real, &ordered).await, shelf(&real, &carted).await];
    assert_eq!((before[0].1, before[0].2), (7, 2));

    lab.open = grouped(&real, Kind::Grouped);
    for key in &keys[..2] {
        assert_eq!(failures(&lab.push(std::slice::from_ref(key)).await), Vec::<String>::new());
    }
    assert_eq!([shelf(&real, &ordered).await, shelf(&real, &carted).await], before, "the same items, as they were");
    assert_eq!(real.admin_product(&keys[1]).await.unwrap()["status"], "draft");
    let article = lab.place(0, "G");
    let shown = real.shown(&article).await.unwrap();
    assert_eq!((shown.variants[&ordered].stock, shown.variants[&carted].stock), (5, 7));

    // The cart was filled with the old product's variant.
    orders.check_out(&carted, &cart, 1).await.unwrap();
    assert_eq!(shelf(&real, &carted).await, (before[1].0.clone(), 7, 1));
    assert_eq!(real.shown(&article).await.unwrap().variants[&carted].stock, 6);
    orders.fulfil(&order, 2).await;
    assert_eq!(shelf(&real, &ordered).await, (before[0].0.clone(), 5, 0));
    assert_eq!(failures(&lab.push(&keys[..2]).await), Vec::<String>::new());
    assert_eq!(shelf(&real, &ordered).await, (before[0].0.clone(), 5, 0), "an unchanged figure moves nothing");
    orders.place(&ordered, "sar", 1).await.unwrap();
    assert_eq!(shelf(&real, &ordered).await, (before[0].0.clone(), 5, 1));

    // A cart that is filled with the article's variant, before it is a draft.
    let rows = real.admin_product(&article).await.unwrap()["variants"].as_array().unwrap().clone();
    let own = rows.iter().find(|row| row["sku"] == carted.as_str()).unwrap()["id"].as_str().unwrap().to_owned();
    let cart = orders.fill(&own, "sar", 1).await.unwrap();
    lab.open = grouped(&real, Kind::Separate);
    for key in &keys[..2] {
        assert_eq!(failures(&lab.push(std::slice::from_ref(key)).await), Vec::<String>::new());
    }
    assert!(orders.fill(&own, "sar", 1).await.is_err(), "no new one can be filled with it");
    let left = shelf(&real, &carted).await;
    orders.check_out(&carted, &cart, 1).await.unwrap();
    assert_eq!(shelf(&real, &carted).await, (left.0, left.1, left.2 + 1), "of the product's own pieces");
    assert_eq!(shelf(&real, &ordered).await, (before[0].0.clone(), 5, 1), "and back");
    assert_eq!(real.shown(&keys[1]).await.unwrap().variants[&ordered].stock, 4);
    assert_eq!(real.shown(&article).await, None);
}
