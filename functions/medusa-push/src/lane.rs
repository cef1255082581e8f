//! The fast lane (`ledger::core::lane`): the shop shows the newest offers, also while the PIM lags
//! behind.
//!
//! What was read of the PIM takes the prices and pieces of the newest document, after the rules. If
//! the PIM holds all else of that document, the product is pushed as the PIM will show it once it
//! holds that. Everything after this goes the same way as ever.

use std::collections::{BTreeMap, HashMap};

use catalog::{Failure, ProductKey};
use ledger::core::lane;
use ledger::{DesiredDoc, ProductState, Table};
use medusa::Articles;
use pimcore::PimProduct;
use runtime::{Bus, Clock};
use want::InForce;
use worker::Worker;
use worker::rules::{Before, Rules, Wish};

use crate::grouped::Tasks;

/// Puts the newest offers into what was read of the PIM. Members of articles, and products whose
/// document is in the bucket, take the ordinary way, as does everything while rules look back: what
/// is let through is decided on the way to the PIM. Gives those back whose newest offers could not be
/// read: an older price must not replace a newer one.
pub(crate) async fn take_offers<T: Table, B: Bus, C: Clock>(
    worker: &Worker<'_, T, B, C>,
    rules: &Rules,
    (tasks, articles): (&Tasks<'_>, &Articles),
    products: &mut BTreeMap<ProductKey, PimProduct>,
) -> BTreeMap<ProductKey, Failure> {
    let of = |(key, (state, _)): (&ProductKey, &(&ProductState, medusa::Depth))| {
        lags(key, state, products.get(key)?, articles).then(|| key.clone())
    };
    let lagging: Vec<ProductKey> = tasks.iter().filter_map(of).collect();
    if lagging.is_empty() {
        return BTreeMap::new();
    }
    // After the claims, and after the PIM: what is read now is no older than what it shows.
    let (rules, docs) = match futures::join!(rules.in_force(worker.ledger), worker.ledger.read_small_docs(&lagging)) {
        (Ok(rules), Ok(read)) => (rules, read.docs),
        (Err(failure), _) => return all_failed(lagging, &failure),
        (_, Err(error)) => return all_failed(lagging, &error.failure()),
    };
    if rules.rules.looks_back() {
        return BTreeMap::new();
    }
    let docs: HashMap<ProductKey, DesiredDoc> =
        docs.into_iter().filter_map(|(key, doc)| Some((key, doc.ok()?))).collect();
    let now = worker.clock.now_ms();
    for key in lagging {
        let (Some(doc), Some(product)) = (docs.get(&key), products.get_mut(&key)) else { continue };
        overlay(tasks[&key].0, product, doc, &rules, now);
    }
    BTreeMap::new()
}

fn all_failed(keys: Vec<ProductKey>, failure: &Failure) -> BTreeMap<ProductKey, Failure> {
    keys.into_iter().map(|key| (key, failure.clone())).collect()
}

/// Whether the shop may have to show newer offers than the PIM.
fn lags(key: &ProductKey, state: &ProductState, product: &PimProduct, articles: &Articles) -> bool {
    let alone = state.homes.is_empty() && articles.of(key, product.group.as_deref()).is_none();
    let version = product.source_version.as_ref();
    let lags = |hash| lane::may_lag(state, (hash, version));
    alone && product.offered() && product.content_hash.as_ref().is_some_and(lags)
}

#[derive(Debug, PartialEq, Eq)]
enum Overlaid {
    /// As the PIM will show it.
    AsWanted,
    /// Its offers are newer than all else of it: it is complete with what the PIM holds, in the
    /// version of the offers.
    Behind,
    No,
}

fn overlay(claimed: &ProductState, product: &mut PimProduct, doc: &DesiredDoc, rules: &InForce, now: i64) -> Overlaid {
    let Some(shows) = product.content_hash.clone().filter(|shows| *shows != doc.hash) else { return Overlaid::No };
    let wish = Wish::of(rules, doc, &Before::default(), now);
    if wish.as_ref().is_some_and(|wish| !wish.withheld.is_empty()) {
        return Overlaid::No;
    }
    let wanted = wish.as_ref().map_or(&doc.product, |wish| &wish.product);
    product.take_offers(wanted);
    product.source_version = Some(doc.version.clone());
    if !lane::holds(claimed, (&shows, product.wanted.as_deref()), &lane::digest(wanted)) {
        return Overlaid::Behind;
    }
    product.content_hash = Some(doc.hash.clone());
    product.wanted = wish.and_then(|wish| wish.digest);
    Overlaid::AsWanted
}

#[cfg(test)]
mod tests {
    use catalog::{ContentHash, Product, Version};
    use ledger::Applied;
    use ledger::core::lane::Content;
    use serde_json::json;

    use super::*;
    use crate::map::tests::product as in_pim;

    fn doc(price: &str, stock: i32, title: &str) -> DesiredDoc {
        let sku = in_pim().variants[0].sku.clone();
        let variant =
            json!({"sku": sku, "title": "S", "stock": stock, "prices": [{"currency": "SAR", "amount": price}]});
        let said = json!({"source": "demo", "id": "1", "name": {"en": title}, "variants": [variant]});
        let product: Product = serde_json::from_value(said).unwrap();
        let hash = ContentHash::of(&product);
        DesiredDoc { product, version: Version::from_text("v2"), hash, run: String::new(), provenance: String::new() }
    }

    fn claimed(hash: &str, of: &DesiredDoc) -> ProductState {
        let (hash, version) = (ContentHash::from_text(hash), Version::from_text("v1"));
        let mut state = ProductState { hash: Some(of.hash.clone()), ..ProductState::default() };
        state.pimcore.applied =
            Some(Applied { hash, version, remote_id: Some("7".into()), view: None, seen: None, at: 0 });
        state.content = Some(Content::of(&of.product, &of.product));
        state
    }

    #[test]
    fn with_the_same_content_it_is_as_the_pim_will_show_it() {
        let newest = doc("12", 0, "Kettle");
        let mut product = PimProduct { content_hash: Some(ContentHash::from_text("h1")), ..in_pim() };
        let state = claimed("h1", &doc("10", 3, "Kettle"));
        assert_eq!(overlay(&state, &mut product, &newest, &InForce::default(), 0), Overlaid::AsWanted);
        assert_eq!(product.content_hash, Some(newest.hash.clone()));
        let sku = product.variants[0].sku.clone();
        let prices: Vec<String> = product.prices_of(&sku).map(|price| price.amount.to_string()).collect();
        assert_eq!((product.variants[0].stock, prices), (0, vec!["12".to_owned()]));
        assert_eq!(product.name, in_pim().name, "texts are the PIM's");
    }

    #[test]
    fn of_other_content_the_offers_are_shown_and_the_rest_waits_for_the_pim() {
        let newest = doc("12", 0, "Pot");
        let mut product = PimProduct { content_hash: Some(ContentHash::from_text("h1")), ..in_pim() };
        let state = claimed("h1", &doc("10", 3, "Kettle"));
        assert_eq!(overlay(&state, &mut product, &newest, &InForce::default(), 0), Overlaid::Behind);
        assert_eq!(product.content_hash, Some(ContentHash::from_text("h1")));
        assert_eq!(product.variants[0].stock, 0);
    }

    #[test]
    fn what_the_pim_holds_already_is_left_as_it_is() {
        let newest = doc("12", 0, "Kettle");
        let mut product = PimProduct { content_hash: Some(newest.hash.clone()), ..in_pim() };
        let before = product.clone();
        assert_eq!(overlay(&claimed("h1", &newest), &mut product, &newest, &InForce::default(), 0), Overlaid::No);
        assert_eq!(product, before);
    }

    #[test]
    fn only_what_is_offered_by_itself_and_lags_is_looked_up() {
        let newest = doc("12", 0, "Kettle");
        let key = in_pim().key;
        let product = PimProduct { content_hash: Some(ContentHash::from_text("h1")), ..in_pim() };
        let state = claimed("h1", &newest);
        let articles = Articles::default();
        assert!(lags(&key, &state, &product, &articles));
        let hidden = PimProduct { published: false, ..product.clone() };
        assert!(!lags(&key, &state, &hidden, &articles), "unpublished: it gets nothing");
        let member = ProductState { homes: vec!["demo~article:g".parse().unwrap()], ..state.clone() };
        assert!(!lags(&key, &member, &product, &articles));
        let equal = ProductState { hash: Some(ContentHash::from_text("h1")), ..state };
        assert!(!lags(&key, &equal, &product, &articles));
    }
}
