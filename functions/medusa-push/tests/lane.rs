//! Prices and stock reach a real shop before the PIM; people's acts in the PIM stand all the same.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;

use std::sync::Arc;
use std::time::Duration;

use catalog::{ContentHash, Product, ProductKey, Version};
use common::support::Real;
use common::{Function, dress, in_pim_as, open, path};
use ledger::core::lane::Content;
use ledger::{Applied, Claim, DesiredDoc, DesiredOutcome, Owner, Stage};
use pimcore::Pimcore;
use runtime::{Clock as _, Outcome};
use serde_json::json;
use testing::standin::{StandIn, later};
use worker::access::medusa::OpenShop;
use worker::rules::Rules;

fn version(n: u64) -> Version {
    Version::new(9_000_000_000_000 + n, "0", 0)
}

/// What normalize does.
async fn said(function: &Function, product: &Product, n: u64) -> DesiredOutcome {
    let (hash, version) = (ContentHash::of(product), version(n));
    let doc = DesiredDoc { product: product.clone(), version, hash, run: "run".into(), provenance: String::new() };
    function.memory.put_desired(&product.key().unwrap(), &doc, function.clock.now_ms()).await.unwrap()
}

/// What pimcore-sync does.
async fn synced(function: &Function, pimcore: &Pimcore, product: &Product, n: u64) {
    let (key, owner, now) = (product.key().unwrap(), Owner(format!("sync-{n}")), function.clock.now_ms());
    let claims = function.memory.claim(Stage::Pimcore, std::slice::from_ref(&key), &owner, now).await.unwrap();
    let Some(Claim::Claimed(claimed)) = claims.get(&key) else { panic!("{claims:?}") };
    in_pim_as(pimcore, std::slice::from_ref(product), &version(n)).await;
    let (hash, version) = (ContentHash::of(product), version(n));
    let applied = Applied { hash, version, remote_id: Some("7".into()), view: None, seen: None, at: 0 };
    let content = Content::of(product, product);
    function.memory.complete_noting((&key, &content), &owner, claimed, &applied, now).await.unwrap();
}

fn priced(product: &Product, sar: &str, stock: i32) -> Product {
    let mut other = product.clone();
    for variant in &mut other.variants {
        variant.prices[0].amount = sar.parse().unwrap();
        variant.stock = stock;
    }
    other
}

/// A product on the lane, and all that it meets.
struct Lane {
    real: Real,
    pim: StandIn,
    pimcore: Pimcore,
    open: Arc<OpenShop>,
    function: Function,
    key: ProductKey,
    /// What was said of it first.
    first: Product,
}

impl Lane {
    async fn start(name: &str) -> Option<Self> {
        let real = Real::connect().await?;
        let pim = StandIn::start(name).await;
        let mut function = Function::default();
        function.lane = Some(Rules::default());
        let (pimcore, open, key) = (pim.client(), open(&real), real.new_key());
        let first = Product { categories: vec![], ..dress(&key) };
        Some(Self { real, pim, pimcore, open, function, key, first })
    }

    async fn push(&self) {
        let outcomes = self.function.run(&self.pimcore, &self.open, std::slice::from_ref(&self.key)).await;
        assert_eq!(outcomes.get(&self.key), Some(&Outcome::Done));
    }

    async fn is_shown(&self, title: &str, price: &str, stock: i64) {
        assert_eq!(shown(&self.real, &self.key).await, Some((title.into(), price.into(), stock)));
    }
}

async fn shown(real: &Real, key: &ProductKey) -> Option<(String, String, i64)> {
    let shown = real.shown(key).await?;
    let white = &shown.variants[&format!("{}-White-M", key.id())];
    Some((shown.title.clone(), white.prices["sar"].to_string(), white.stock))
}

#[tokio::test]
async fn a_price_is_in_the_shop_before_the_pim_has_it_and_what_people_do_there_stands() {
    let Some(lane) = Lane::start("lane").await else { return };
    let Lane { real, pim, pimcore, function, key, first, .. } = &lane;
    assert_eq!(said(function, first, 0).await, DesiredOutcome::Written, "the PIM lacks it");
    synced(function, pimcore, first, 0).await;
    lane.push().await;
    lane.is_shown("Dress", "51.85", 20).await;
    assert_eq!(function.memory.state(key).pending_since, None);

    let second = priced(first, "49.5", 7);
    assert_eq!(said(function, &second, 1).await, DesiredOutcome::Offers);
    lane.push().await;
    lane.is_shown("Dress", "49.5", 7).await;
    let state = function.memory.state(key);
    assert_eq!(state.medusa.applied.as_ref().map(|held| &held.hash), Some(&ContentHash::of(&second)));
    assert!(state.pending_since.is_some(), "the PIM lacks it");

    pim.edit(&path(key), json!({"marketingName": {"en": "Evening dress"}}));
    lane.push().await;
    lane.is_shown("Evening dress", "49.5", 7).await;
    pim.edit(&path(key), json!({"published": false}));
    assert_eq!(said(function, &priced(first, "48.5", 6), 2).await, DesiredOutcome::Offers);
    lane.push().await;
    assert_eq!(shown(real, key).await, None, "a person unpublished it");
    pim.edit(&path(key), json!({"published": true}));
    lane.push().await;
    lane.is_shown("Evening dress", "48.5", 6).await;

    let seen = function.memory.state(key).medusa.applied.unwrap().seen;
    synced(function, pimcore, &priced(first, "48.5", 6), 2).await;
    let read = pimcore.read_products(std::slice::from_ref(key), later()).await.unwrap().remove(key).unwrap();
    let tree = pimcore.category_tree(Duration::ZERO, later()).await.unwrap();
    assert_eq!(Some(read.unwrap().digest(&tree)), seen, "our own save is no news to the change feed");
    assert_eq!(function.memory.state(key).pending_since, None, "both hold it");
}

#[tokio::test]
async fn of_a_document_with_other_content_the_price_comes_first_and_the_rest_with_the_pim() {
    let Some(mut lane) = Lane::start("lane-content").await else { return };
    let Lane { pimcore, function, key, first, .. } = &lane;
    said(function, first, 0).await;
    synced(function, pimcore, first, 0).await;
    lane.push().await;
    said(function, &priced(first, "49.5", 7), 1).await;
    lane.push().await;

    let mut third = priced(first, "47.5", 5);
    third.name.0.insert("en".into(), "Gown".into());
    assert_eq!(said(function, &third, 2).await, DesiredOutcome::Written, "more than offers changes");
    lane.push().await;
    lane.is_shown("Dress", "47.5", 5).await; // No older price comes back.
    let held = function.memory.state(key).medusa.applied.unwrap();
    assert_eq!((held.hash, held.version), (ContentHash::of(first), version(2)), "the PIM's, with newer offers");
    synced(function, pimcore, &third, 2).await;
    lane.push().await;
    lane.is_shown("Gown", "47.5", 5).await;
    assert_eq!(function.memory.state(key).pending_since, None);

    // Switched off, the shop shows what the PIM does.
    said(function, &priced(&third, "46.5", 4), 3).await;
    lane.function.lane = None;
    lane.push().await;
    lane.is_shown("Gown", "47.5", 5).await;
}
