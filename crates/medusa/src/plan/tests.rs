//! Plans without a shop: which calls a change costs, and that any change at all comes to rest in
//! the desired state.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::api::Amount;
use crate::api::model::{Metadata, Translation};
use crate::articles::MEMBER;
use crate::aside::{MADE, Made};
use crate::desired::{Texts, Variant};
use crate::stock::{Marked, Recall, Terms};
use crate::testing::{CRASH, Simulated, article, held, key, references, references_with_lists, remembered};

fn known(recall: &Recall) -> Given<'_> {
    known_at(recall, 0)
}

fn known_at(recall: &Recall, now: i64) -> Given<'_> {
    static TERMS: LazyLock<Terms> = LazyLock::new(Terms::default);
    static UNCODED: BTreeSet<String> = BTreeSet::new();
    Given { recall, terms: &TERMS, marked: Marked::Otherwise, now, uncoded: &UNCODED, moves_to: None }
}

fn plan_for(wanted: &Article, there: &Product) -> Plan {
    let recall = remembered(there);
    plan(&key("demo:1"), wanted, there, &references(), &known(&recall), false)
}

fn plan_in_lists(wanted: &Article, there: &Product) -> Plan {
    let recall = remembered(there);
    plan(&key("demo:1"), wanted, there, &references_with_lists(), &known(&recall), false)
}

/// The calls that a plan costs beside the reads.
fn calls(plan: &Plan) -> Vec<&'static str> {
    let structure = plan.structure.iter().map(|step| match step {
        Structure::RenameOption { .. } => "rename option",
        Structure::RenameValue { .. } => "rename value",
        Structure::Options(_) => "options",
        Structure::Variants(_) => "variants",
        Structure::Stock { .. } => "attach item",
        Structure::Item { .. } => "item",
        Structure::RenameItem { .. } => "rename item",
    });
    let rest = [
        ("levels", !plan.stock.due.is_empty()),
        ("translations", plan.translations != TranslationsBatch::default()),
        ("product", !plan.product.is_empty()),
    ];
    structure.chain(rest.into_iter().filter(|(_, needed)| *needed).map(|(call, _)| call)).collect()
}

/// A shirt in red and, as the sizes of another member, in blue.
fn of_two_members() -> (Article, Article) {
    let member = |member: &str, variant: &Variant| {
        let mut variant = variant.clone();
        variant.metadata.insert(MEMBER.to_owned(), member.into());
        variant
    };
    let red: Vec<Variant> = article(2).variants.iter().map(|variant| member("demo:1", variant)).collect();
    let blue = red.iter().map(|red| {
        let options = vec!["Blue".to_owned(), red.options[1].clone()];
        Variant { sku: format!("blue-{}", red.sku), options, ..member("demo:2", red) }
    });
    let both = Article { variants: red.iter().cloned().chain(blue).collect(), ..article(2) };
    // Alone, red would have another title and no choice of a colour.
    let mut alone = Article { variants: red, title: "Red shirt".into(), ..article(2) };
    alone.options.remove(0);
    alone.variants.iter_mut().for_each(|variant| drop(variant.options.remove(0)));
    alone.images.clear();
    (both, Article { stays: ["demo:2".to_owned()].into(), ..alone })
}

#[test]
fn what_cannot_be_read_stays_and_the_others_get_their_prices() {
    let (both, mut alone) = of_two_members();
    let there = held(&key("demo:1"), &both);
    let stays = stays::of(&alone, &there);
    assert_eq!(
        stays.iter().filter_map(|variant| variant.sku.as_deref()).collect::<Vec<_>>(),
        ["blue-demo-1-0", "blue-demo-1-1"]
    );
    let quiet = plan_for(&stays::beside(&alone, &there, &stays), &there);
    assert!(quiet.is_empty(), "{:?}", calls(&quiet));
    // Another price; one size is gone; a new one waits, since the axes are others just now.
    alone.variants[0].prices.insert("sar".into(), 99.into());
    alone.variants[1].sku = "new".into();
    alone.variants[1].options = vec!["XL".into()];
    let beside = stays::beside(&alone, &there, &stays);
    assert_eq!((beside.variants.len(), &beside.options), (1, &both.options));
    let mut now = Simulated::new(there.clone());
    now.apply(&plan_for(&beside, &there)).unwrap();
    let after = &now.product;
    let of = |sku: &str| after.variants.iter().find(|variant| variant.sku.as_deref() == Some(sku));
    for sku in ["blue-demo-1-0", "blue-demo-1-1"] {
        assert_eq!(of(sku), there.variants.iter().find(|variant| variant.sku.as_deref() == Some(sku)));
    }
    assert_eq!((after.title.as_str(), &after.images, &after.options), ("Shirt", &there.images, &there.options));
    assert!(of("demo-1-1").is_none(), "its time to be kept is none here");
}

#[test]
fn beside_what_stays_a_new_choice_of_the_same_axes_is_sold_and_a_taken_one_waits() {
    let (both, alone) = of_two_members();
    let there = held(&key("demo:1"), &both);
    let mut grown = Article { variants: both.variants[..2].to_vec(), stays: alone.stays.clone(), ..both.clone() };
    for (sku, colour, size) in [("1", "Red", "XL"), ("2", "Blue", "M")] {
        let options = vec![colour.to_owned(), size.to_owned()];
        grown.variants.push(Variant { sku: sku.into(), options, ..both.variants[0].clone() });
    }
    let stays = stays::of(&grown, &there);
    let skus = |article: &Article| article.variants.iter().map(|variant| variant.sku.clone()).collect::<Vec<_>>();
    assert_eq!(skus(&stays::beside(&grown, &there, &stays)), ["demo-1-0", "demo-1-1", "1"]);
    assert_eq!(stays::without_room(&grown, &there), ["2".to_owned()].into());
    // Once it is gone anyway, or its member can be read, nothing stays.
    let readable = Article { stays: BTreeSet::new(), ..grown };
    assert!(stays::of(&readable, &there).is_empty() && stays::without_room(&readable, &there).is_empty());
    // And what was made is what is made now, such as an image less.
    let made = |images: &[&str]| {
        let images = images.iter().map(|image| (*image).to_owned()).collect();
        Metadata::from([(MADE.to_owned(), Made { images, ..Made::default() }.value())])
    };
    let before = Product { metadata: Some(made(&["a", "b"])), ..there.clone() };
    let images = |stays: &[&crate::api::model::Variant]| {
        let mut done = made(&["a"]);
        stays::keep_made(&mut done, &before, stays);
        Made::of(Some(&done)).unwrap().images.len()
    };
    assert_eq!((images(&[]), images(&stays)), (1, 2));
}

#[test]
fn an_equal_product_needs_nothing() {
    let wanted = article(6);
    let plan = plan_for(&wanted, &held(&key("demo:1"), &wanted));
    let stock = Shelves { items: plan.stock.items.clone(), ..Shelves::default() };
    assert_eq!(plan, Plan { product: ProductUpdate::of("prod_1"), stock, ..Plan::default() });
    assert!(plan.is_empty() && plan.is_one_call());
}

#[test]
fn every_change_costs_exactly_its_calls() {
    type Edit = fn(&mut Article);
    let table: [(&str, Edit, &[&str]); 20] = [
        ("weight", |a| drop(a.columns.insert("weight", 5.into())), &["product"]),
        ("weight of a variant", |a| drop(a.variants[0].columns.insert("weight", 5.into())), &["variants", "item"]),
        // Apart from everything that has prices: Medusa may refuse it.
        ("bar code", |a| drop(a.variants[0].columns.insert("ean", "96385074".into())), &["variants", "variants"]),
        ("title", |a| a.title.push('!'), &["product"]),
        ("description", |a| a.description.clear(), &["product"]),
        ("images", |a| a.images.reverse(), &["product"]),
        ("category", |a| a.categories = ["pcat_9".to_owned()].into(), &["product"]),
        ("fact", |a| drop(a.metadata.insert("relay_brand".into(), json!("B"))), &["product"]),
        ("all stock", |a| a.variants.iter_mut().for_each(|v| v.stock = 1), &["levels"]),
        ("one price", |a| price(&mut a.variants[0], "sar", "1"), &["variants"]),
        ("all prices", |a| a.variants.iter_mut().for_each(|v| price(v, "usd", "9")), &["variants"]),
        ("variant title", |a| a.variants[0].title.push('!'), &["variants"]),
        ("list price", |a| a.variants[0].list_prices.clear(), &["variants"]),
        ("translation", |a| a.translations.clear(), &["translations"]),
        ("a SKU", |a| a.variants[0].sku.push('x'), &["variants", "rename item"]),
        ("an option's name", |a| a.options[1] = "EU size".into(), &["rename option", "product"]),
        ("a value's name", |a| a.variants[0].options[1] = "Small".into(), &["rename value", "product"]),
        ("a size less", |a| drop(a.variants.pop()), &["variants", "options", "product"]),
        ("two sizes exchanged", |a| swap_choices(a), &["variants", "variants", "product"]),
        ("an option less", |a| drop_option(a), &["variants", "options", "variants", "product"]),
    ];
    for (what, edit, expected) in table {
        let mut wanted = article(3);
        edit(&mut wanted);
        let plan = plan_for(&wanted, &held(&key("demo:1"), &article(3)));
        assert_eq!(calls(&plan), expected, "{what}: {plan:#?}");
        assert!(!plan.look_again, "{what}");
    }
    // A new size needs another look, because Medusa makes its inventory item.
    let plan = plan_for(&article(4), &held(&key("demo:1"), &article(3)));
    assert_eq!((calls(&plan), plan.look_again), (vec!["options", "variants", "product"], true));
}

fn price(variant: &mut Variant, currency: &str, amount: &str) {
    variant.prices.insert(currency.into(), amount.parse().unwrap());
}

fn swap_choices(article: &mut Article) {
    let first = article.variants[0].options.clone();
    article.variants[0].options = std::mem::replace(&mut article.variants[1].options, first);
}

fn drop_option(article: &mut Article) {
    article.options.remove(0);
    article.variants.iter_mut().for_each(|variant| drop(variant.options.remove(0)));
}

#[test]
fn a_price_that_changes_keeps_its_row_and_what_people_added() {
    let mut there = held(&key("demo:1"), &article(1));
    let tier: crate::api::model::Price =
        serde_json::from_value(json!({"id": "price_t", "amount": 20, "currency_code": "sar", "min_quantity": 10}))
            .unwrap();
    let rows = there.variants[0].prices.as_mut().unwrap();
    let own = rows.iter().find(|row| row.currency_code == "sar").unwrap().id.clone();
    rows.push(tier);
    assert!(plan_for(&article(1), &there).is_empty(), "a tier is no difference");
    let mut wanted = article(1);
    price(&mut wanted.variants[0], "sar", "19.90");
    let plan = plan_for(&wanted, &there);
    let [Structure::Variants(batch)] = plan.structure.as_slice() else { panic!("{plan:?}") };
    let sent = serde_json::to_value(&batch.update[0].prices).unwrap();
    assert_eq!(sent[0], json!({"id": own, "currency_code": "sar", "amount": 19.9}));
    assert_eq!(sent[2], json!({"id": "price_t", "currency_code": "sar", "amount": 20, "min_quantity": 10}));
}

#[test]
fn duplicate_price_rows_are_replaced_by_one() {
    let mut there = held(&key("demo:1"), &article(1));
    let rows = there.variants[0].prices.as_mut().unwrap();
    rows.push(crate::api::model::Price { id: "price_twice".into(), ..rows[0].clone() });
    let plan = plan_for(&article(1), &there);
    let [Structure::Variants(batch)] = plan.structure.as_slice() else { panic!("{plan:?}") };
    assert_eq!(batch.update[0].prices.as_ref().unwrap().len(), 2);
}

/// What a product has in our lists is noted on it. An entry that no note speaks of was never seen:
/// it goes where the note that a push came to its end is missing, and with every full comparison.
#[test]
fn an_entry_of_a_price_list_that_nobody_noted_goes_all_the_same() {
    let mut wanted = article(2);
    wanted.variants.iter_mut().for_each(|variant| variant.list_prices.clear());
    let here = references_with_lists();
    let leaves = |there: &Product, full| {
        plan(&key("demo:1"), &wanted, there, &here, &known(&remembered(there)), full).sale.leave
    };
    let mut there = held(&key("demo:1"), &wanted);
    let metadata = there.metadata.get_or_insert_default();
    metadata.insert(crate::desired::MARKER.to_owned(), json!("x"));
    assert_eq!(leaves(&there, false), Vec::<String>::new());
    assert_eq!(leaves(&there, true), ["plist_sar", "plist_usd"]);
    there.metadata.as_mut().unwrap().remove(crate::desired::MARKER);
    assert_eq!(leaves(&there, false), ["plist_sar", "plist_usd"]);
}

#[test]
fn a_variant_without_a_price_set_is_made_anew() {
    let mut there = held(&key("demo:1"), &article(2));
    there.variants[1].prices = None;
    let plan = plan_for(&article(2), &there);
    let [Structure::Variants(batch)] = plan.structure.as_slice() else { panic!("{plan:?}") };
    assert_eq!((batch.delete.as_slice(), plan.look_again), ([there.variants[1].id.clone()].as_slice(), true));
}

#[test]
fn null_and_absent_relations_of_a_half_made_product_are_filled() {
    let mut there = held(&key("demo:1"), &article(1));
    there.sales_channels = vec![None];
    there.shipping_profile = None;
    there.variants.clear();
    let plan = plan_for(&article(1), &there);
    assert_eq!(plan.product.sales_channels, Some(vec![Ref::to("sc_1")]));
    assert_eq!(plan.product.shipping_profile_id.as_deref(), Some("sp_1"));
    assert!(plan.look_again);
}

#[test]
fn peoples_categories_metadata_and_languages_stay() {
    let mut there = held(&key("demo:1"), &article(1));
    there.categories.push(crate::api::model::CategoryRef { id: "pcat_featured".into(), external_id: None });
    there.metadata.as_mut().unwrap().extend([("note".to_owned(), json!("x")), ("relay_old".to_owned(), json!(1))]);
    let german = Translation { id: "trans_de".into(), locale_code: "de-DE".into(), ..Translation::default() };
    there.translations.push(german);
    let mut wanted = article(1);
    wanted.categories = ["pcat_2".to_owned()].into();
    let plan = plan_for(&wanted, &there);
    assert_eq!(plan.product.categories, Some(vec![Ref::to("pcat_2"), Ref::to("pcat_featured")]));
    assert_eq!(plan.product.metadata, [("relay_old".to_owned(), json!(""))].into());
    assert_eq!(plan.translations, TranslationsBatch::default());
}

/// Any article that the shop can hold, from so few words that two of them have much in common.
fn any_article() -> impl Strategy<Value = Article> {
    let axes = prop::sample::subsequence(vec!["Color", "Size", "Fit"], 1..=3).prop_shuffle();
    let variant = (prop::collection::vec(0..4usize, 3), 0..9u32, 1..4i64, 0..3i64, 0..3i64);
    let variants = prop::collection::vec(variant, 1..7);
    let images = prop::sample::subsequence(vec!["a", "b", "c", "d"], 0..=4).prop_shuffle();
    (axes, variants, images, 0..3usize, prop::bool::ANY).prop_map(|(axes, rows, images, title, arabic)| {
        let (mut skus, mut choices) = (BTreeSet::new(), BTreeSet::new());
        let mut variants = Vec::new();
        for (values, sku, sar, stock, before) in rows {
            let options: Vec<String> = axes.iter().zip(values).map(|(axis, n)| format!("{}{n}", &axis[..1])).collect();
            if skus.insert(sku) && choices.insert(options.clone()) {
                let prices = [("sar".to_owned(), sar.into()), ("usd".to_owned(), (sar + 1).into())];
                variants.push(Variant {
                    sku: format!("sku{sku}"),
                    title: options.join(" / "),
                    options,
                    prices: prices.into_iter().take(1 + usize::from(stock > 0)).collect(),
                    // Above the price, equal to it, or below.
                    list_prices: [("sar", 2 * before), ("usd", 3 * before)]
                        .map(|(currency, list)| (currency.to_owned(), list.into()))
                        .into(),
                    stock,
                    metadata: BTreeMap::new(),
                    // The same with and without, so that they come and go.
                    columns: (sar % 2 == 0).then(|| columns(sku, stock)).into_iter().flatten().collect(),
                    item: None,
                });
            }
        }
        let texts = Texts { title: "قميص".into(), description: String::new() };
        Article {
            title: ["Shirt", "Shoe", "Hat"][title].into(),
            options: axes.into_iter().map(str::to_owned).collect(),
            variants,
            images: images.into_iter().map(str::to_owned).collect(),
            translations: arabic.then(|| ("ar-SA".to_owned(), texts)).into_iter().collect(),
            ..Article::default()
        }
    })
}

fn columns(sku: u32, stock: i64) -> [(&'static str, serde_json::Value); 3] {
    [("barcode", format!("code{sku}").into()), ("weight", (100 + stock).into()), ("origin_country", "cn".into())]
}

/// What a customer could choose.
fn offer(article: &Article) -> BTreeSet<(String, BTreeMap<String, String>, i64)> {
    let offer = |variant: &Variant| (variant.sku.clone(), article.named_options(variant), variant.stock);
    article.variants.iter().map(offer).collect()
}

fn offered_by(product: &Product, skus: &BTreeSet<&str>) -> BTreeSet<(String, BTreeMap<String, String>, i64)> {
    let title =
        |id: &str| product.options.iter().find(|o| o.values.iter().any(|v| v.id == id)).map(|o| o.title.clone());
    let shown = product.variants.iter().filter(|variant| variant.sku.as_deref().is_some_and(|sku| skus.contains(sku)));
    shown
        .map(|variant| {
            let choice =
                variant.options.iter().map(|value| (title(&value.id).unwrap_or_default(), value.value.clone()));
            let item = variant.inventory_items[0].inventory.as_ref().unwrap();
            let stock = item.location_levels.first().map_or(-1, |level| level.stocked_quantity);
            (variant.sku.clone().unwrap_or_default(), choice.collect(), stock)
        })
        .collect()
}

/// What customers should pay, by SKU and currency.
fn prices_of(article: &Article) -> BTreeMap<(String, String), Amount> {
    let of = |variant: &Variant| -> Vec<_> {
        variant.prices.iter().map(|(c, price)| ((variant.sku.clone(), c.clone()), Amount(*price))).collect()
    };
    article.variants.iter().flat_map(of).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// From any state to any other, with any variants held by open orders, with and without price
    /// lists: no call is refused, it comes to rest within four rounds even if everything stops
    /// after any step and is begun anew, the shop then offers exactly what it should, what is in
    /// both states is the same row, and at every moment customers pay something between the old and
    /// the new price.
    #[test]
    fn any_change_comes_to_rest_in_the_desired_state(
        from in any_article(), to in any_article(), reserved in prop::collection::vec(prop::bool::weighted(0.15), 6),
        (lists_before, lists_after) in (prop::bool::ANY, prop::bool::ANY), crash in prop::option::of(0..12_usize),
    ) {
        let id = key("demo:1");
        let references = |on: bool| if on { references_with_lists() } else { retired() };
        let mut shop = Simulated::complete(&id, &from, &references(lists_before));
        let here = references(lists_after);
        for (variant, reserved) in shop.product.variants.iter_mut().zip(&reserved) {
            let item = variant.inventory_items[0].inventory.as_mut().unwrap();
            item.location_levels[0].reserved_quantity = i64::from(*reserved);
        }
        shop.steps_left = crash;
        let before = shop.product.clone();
        let mut rounds = 0;
        loop {
            let plan = plan(&id, &to, &shop.product, &here, &known(&shop.recall), false);
            rounds += 1;
            prop_assert!(rounds <= 4, "still differs: {plan:#?}");
            match shop.apply(&plan) {
                Err(stop) if stop == CRASH => rounds -= 1,
                Err(refused) => return Err(TestCaseError::fail(format!("{refused}\n{plan:#?}"))),
                Ok(()) if plan.look_again => {}
                Ok(()) => break,
            }
        }
        shop.mark(&to, &here);
        for full in [false, true] {
            let again = plan(&id, &to, &shop.product, &here, &known(&shop.recall), full);
            prop_assert!(again.is_empty(), "{again:#?}");
        }
        let skus: BTreeSet<&str> = to.variants.iter().map(|variant| variant.sku.as_str()).collect();
        prop_assert_eq!(offered_by(&shop.product, &skus), offer(&to));
        let held: BTreeSet<&str> =
            shop.product.variants.iter().filter_map(|v| v.sku.as_deref()).filter(|sku| !skus.contains(sku)).collect();
        let paid = |prices: BTreeMap<(String, String), Amount>| -> BTreeMap<(String, String), Amount> {
            prices.into_iter().filter(|((sku, _), _)| !held.contains(sku.as_str())).collect()
        };
        prop_assert_eq!(paid(shop.prices()), prices_of(&to));
        let wanted_entries = to.variants.iter().map(|v| here.price_lists.in_use.iter().filter(|l| v.list_price(&l.currency).is_some()).count()).sum::<usize>();
        let held_entries = shop.entries.keys().filter(|(_, id)| before.variants.iter().any(|v| v.id == *id && v.sku.as_deref().is_some_and(|sku| held.contains(sku)))).count();
        prop_assert_eq!(shop.entries.len() - held_entries, wanted_entries, "{:#?}", shop.entries);
        let (old, new) = (prices_of(&from), prices_of(&to));
        for (step, prices) in shop.paid.iter().enumerate() {
            for (what, paid) in prices {
                if let (Some(old), Some(new)) = (old.get(what), new.get(what)) {
                    let fair = old.0.min(new.0)..=old.0.max(new.0);
                    prop_assert!(fair.contains(&paid.0), "{:?} costs {:?} after step {}: {:?} to {:?}", what, paid, step, old, new);
                }
            }
        }
        for old in &before.variants {
            if let Some(new) = shop.product.variants.iter().find(|new| new.sku == old.sku) {
                prop_assert_eq!(&new.id, &old.id);
            }
        }
        let reserved_gone = before.variants.iter().zip(&reserved).filter(|(old, reserved)| {
            **reserved && !shop.product.variants.iter().any(|new| new.id == old.id)
        });
        prop_assert_eq!(reserved_gone.count(), 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// What goes and comes back is the same row with all that people chose, cannot be bought in
    /// between, and is deleted only after its time and when nobody holds a piece of it.
    #[test]
    fn what_the_pim_no_longer_has_is_sold_out_and_kept_until_its_time_is_over(
        from in any_article(), to in any_article(), chosen in prop::collection::vec((prop::bool::ANY, prop::bool::ANY), 6),
        reserved in prop::collection::vec(prop::bool::weighted(0.2), 6), crash in prop::option::of(0..12_usize), back in prop::bool::ANY,
    ) {
        let id = key("demo:1");
        let here = References { retention: RETENTION, ..references() };
        let mut shop = Simulated::complete(&id, &from, &here);
        for ((variant, reserved), (uncounted, backorder)) in shop.product.variants.iter_mut().zip(&reserved).zip(&chosen) {
            variant.manage_inventory = !uncounted;
            variant.allow_backorder = Some(*backorder);
            let item = variant.inventory_items[0].inventory.as_mut().unwrap();
            item.location_levels[0].reserved_quantity = i64::from(*reserved);
        }
        shop.steps_left = crash;
        let before = shop.product.clone();
        let bring = |shop: &mut Simulated, wanted: &Article, now: i64| -> Result<Option<i64>, TestCaseError> {
            for _ in 0..6 {
                let plan = plan(&id, wanted, &shop.product, &here, &known_at(&shop.recall, now), false);
                match shop.apply(&plan) {
                    Err(stop) if stop == CRASH => {}
                    Err(refused) => return Err(TestCaseError::fail(format!("{refused}\n{plan:#?}"))),
                    Ok(()) if plan.look_again => {}
                    Ok(()) => {
                        let again = super::plan(&id, wanted, &shop.product, &here, &known_at(&shop.recall, now), false);
                        prop_assert!(again.is_empty(), "{again:#?}");
                        return Ok(again.again);
                    }
                }
            }
            Err(TestCaseError::fail("no rest"))
        };
        let now = 1_000_000;
        let again = bring(&mut shop, &to, now)?;
        let skus: BTreeSet<&str> = to.variants.iter().map(|variant| variant.sku.as_str()).collect();
        for old in &before.variants {
            let Some(kept) = shop.product.variants.iter().find(|new| new.id == old.id) else {
                return Err(TestCaseError::fail(format!("{:?} is gone", old.sku)));
            };
            if !skus.contains(kept.sku.as_deref().unwrap_or_default()) {
                prop_assert!(kept.manage_inventory && kept.allow_backorder != Some(true), "{kept:?}");
                let level = &kept.inventory_items[0].inventory.as_ref().unwrap().location_levels[0];
                prop_assert_eq!(level.stocked_quantity, 0);
                prop_assert!(kept.prices == old.prices);
            }
        }
        if back {
            bring(&mut shop, &from, now + RETENTION / 2)?;
            for (old, (uncounted, backorder)) in before.variants.iter().zip(&chosen) {
                let new = shop.product.variants.iter().find(|new| new.sku == old.sku).unwrap();
                prop_assert_eq!(&new.id, &old.id);
                prop_assert_eq!((!new.manage_inventory, new.allow_backorder.unwrap_or(false)), (*uncounted, *backorder));
            }
            return Ok(());
        }
        // Before its time nothing goes, then what can go does.
        bring(&mut shop, &to, now + RETENTION - 1)?;
        prop_assert!(before.variants.iter().all(|old| shop.product.variants.iter().any(|new| new.id == old.id)));
        let gone = |shop: &Simulated, old: &crate::api::model::Variant| shop.product.variants.iter().all(|new| new.id != old.id);
        bring(&mut shop, &to, now + RETENTION)?;
        for ((old, reserved), (uncounted, backorder)) in before.variants.iter().zip(&reserved).zip(&chosen) {
            let kept = shop.product.variants.iter().find(|new| new.id == old.id);
            let wanted = kept.is_some_and(|kept| skus.contains(kept.sku.as_deref().unwrap_or_default()));
            let stays = wanted || *reserved || *uncounted || *backorder;
            prop_assert_eq!(!gone(&shop, old), stays, "{:?}", old.sku);
            if kept.is_some() && !wanted && !uncounted && !backorder {
                prop_assert_eq!(again, Some(now + RETENTION), "it is looked at when its time is over");
            }
        }
    }
}

/// The lists exist, but are not used any more.
fn retired() -> References {
    let lists = references_with_lists().price_lists;
    let retired = lists.in_use.into_iter().map(|list| list.id).collect();
    References { price_lists: crate::compare_at::PriceLists { in_use: vec![], retired }, ..references() }
}

/// Between an article and its members a SKU goes with its inventory item; whoever had both keeps the
/// variant, for the orders that name it.
#[test]
fn what_has_lent_its_inventory_item_is_not_for_sale_leaves_the_stock_alone_and_may_have_it_back() {
    let wanted = article(1);
    let mut there = held(&key("demo:1"), &article(2));
    there.variants[1].sku = None;
    let lent = there.variants[1].id.clone();
    let plan = plan_for(&wanted, &there);
    let batches = plan.structure.iter().filter_map(|step| match step {
        Structure::Variants(batch) => Some(batch),
        _ => None,
    });
    let batches: Vec<&VariantsBatch> = batches.collect();
    assert!(batches.iter().all(|batch| batch.delete.is_empty()), "Medusa would delete the item with it");
    let change = batches.iter().flat_map(|batch| &batch.update).find(|change| change.id.as_ref() == Some(&lent));
    assert_eq!(change.unwrap().prices, Some(vec![]));
    assert!(
        plan.stock.due.is_empty() && !plan.structure.iter().any(|step| matches!(step, Structure::RenameItem { .. }))
    );

    // Nor at its price in our lists, where the others have theirs.
    there.metadata.get_or_insert_default().remove(MARKER);
    let sale = plan_in_lists(&wanted, &there).sale;
    let entry = sale.put.iter().find(|entry| entry.variant_id == lent).unwrap();
    assert_eq!(
        (entry.currency.as_str(), entry.needed, sale.leave),
        ("sar", Needed::Never, vec!["plist_usd".to_owned()])
    );

    // Back: the same choice is the same variant, with its prices.
    there.variants[1].prices = Some(vec![]);
    let plan = plan_for(&article(2), &there);
    let back = plan.structure.iter().find_map(|step| match step {
        Structure::Variants(batch) => batch.update.iter().find(|change| change.id.as_ref() == Some(&lent)),
        _ => None,
    });
    let back = back.unwrap();
    assert_eq!((back.sku.clone(), back.prices.as_ref().map(Vec::len)), (Some(Some("demo-1-1".into())), Some(2)));

    // What takes an item over is made with it.
    let mut grown = article(3);
    grown.variants[2].item = Some("iitem_9".into());
    let plan = plan_for(&grown, &held(&key("demo:1"), &article(2)));
    let made = plan.structure.iter().find_map(|step| match step {
        Structure::Variants(batch) => batch.create.first(),
        _ => None,
    });
    assert_eq!(made.unwrap().inventory_items[0].inventory_item_id, "iitem_9");
}

/// Colour and size of a member that left, or that people hid, are another's from now on.
#[test]
fn a_member_gets_neither_the_variant_nor_the_pieces_of_another_that_had_its_choice() {
    let id = key("demo~article:G");
    let of = |member: &str, sku: &str| {
        let mut both = article(2);
        both.variants[0].metadata.insert(MEMBER.to_owned(), "demo:1".into());
        both.variants[1].metadata.insert(MEMBER.to_owned(), member.into());
        both.variants[1].sku = sku.to_owned();
        both
    };
    let before = held(&id, &of("demo:2", "2-M"));
    let lent = |sku: Option<&str>| {
        let mut there = before.clone();
        there.variants[1].sku = sku.map(str::to_owned);
        there
    };
    let old = before.variants[1].id.clone();
    for (there, wanted) in [
        (lent(None), of("demo:3", "3-M")),
        (lent(Some("2-M")), of("demo:3", "3-M")),
        // Its own row, but the pieces of that are another SKU's by now.
        (lent(None), of("demo:2", "2-Medium")),
    ] {
        let recall = remembered(&there);
        let plan = plan(&id, &wanted, &there, &references(), &known(&recall), false);
        assert!(!plan.structure.iter().any(|step| matches!(step, Structure::RenameItem { .. })), "{plan:#?}");
        let mut shop = Simulated::new(there);
        shop.apply(&plan).unwrap();
        let heir = shop.product.variants.iter().find(|row| row.sku == Some(wanted.variants[1].sku.clone())).unwrap();
        assert_ne!(heir.id, old);
    }
    // Who comes back under its SKU has its row back.
    let back = plan(&id, &of("demo:2", "2-M"), &lent(None), &references(), &known(&Recall::default()), false);
    let Structure::Variants(batch) = &back.structure[0] else { panic!("{back:#?}") };
    assert!(batch.create.is_empty() && batch.update[0].id.as_ref() == Some(&old), "{batch:#?}");
}
