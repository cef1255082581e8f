//! Products whose bodies do not fit an item of the ledger: they arrive like others, one at a time,
//! and one that is lost says so and comes back.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;

use catalog::{ContentHash, ErrorKind, Localized, Product, Version};

use common::{Function, failure, key, message, product, version};
use ledger::core::desired::{self, Body};
use ledger::{Call, Classification, DesiredDoc, DesiredOutcome, classify};
use runtime::{Outcome, ProductMessage};
use testing::standin::{StandIn, later};

/// A text that no compression makes smaller: 3 bytes a character, of 20,000 different ones.
fn noise(seed: u64, chars: usize) -> String {
    let mut state = seed;
    let mut roll = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((state >> 33) % 20_000).unwrap()
    };
    (0..chars).map(|_| char::from_u32(0x4E00 + roll()).unwrap()).collect()
}

fn large(id: &str, seed: u64) -> Product {
    Product { description: Localized::default().with("en", &noise(seed, 200_000)), ..product(id) }
}

fn doc(product: &Product, version: &Version) -> DesiredDoc {
    let (version, hash) = (version.clone(), ContentHash::of(product));
    DesiredDoc { product: product.clone(), version, hash, run: "run-1".into(), provenance: "test".into() }
}

/// What `normalize` does with a changed product.
async fn put(function: &Function, product: &Product, version: &Version) -> ProductMessage {
    let key = product.key().unwrap();
    let outcome = function.memory.put_desired(&key, &doc(product, version), 1).await.unwrap();
    assert_eq!(outcome, DesiredOutcome::Written);
    message(&key)
}

fn object_of(function: &Function, id: &str) -> String {
    match Body::of(&function.memory.table().item(&desired::doc_key(&key(id)))) {
        Some(Body::At(object)) => object,
        other => panic!("{id}: {other:?}"),
    }
}

#[tokio::test]
async fn large_products_arrive_beside_small_ones() {
    let pim = StandIn::start("large").await;
    let (pimcore, function) = (pim.client(), Function::default());
    let products = [large("a", 1), large("b", 2), product("small")];
    let mut messages = Vec::new();
    for product in &products {
        messages.push(put(&function, product, &version(1)).await);
    }
    assert_eq!(function.memory.table().bodies(), [object_of(&function, "a"), object_of(&function, "b")]);
    let outcomes = function.run(&pimcore, &messages).await;
    for product in &products {
        let key = product.key().unwrap();
        assert_eq!(outcomes[&key], Outcome::Done);
        let read = pimcore.read_products(std::slice::from_ref(&key), later()).await.unwrap().remove(&key);
        assert_eq!(read.unwrap().unwrap().content_hash, Some(ContentHash::of(product)));
    }
    // One that shrinks is in its item again.
    let small = put(&function, &product("a"), &version(2)).await;
    assert_eq!(function.run(&pimcore, &[small]).await[&key("a")], Outcome::Done);
    drop(function.memory.table().take_calls());
    assert_eq!(
        function.memory.read_docs(&[key("a")]).await.unwrap()[&key("a")].as_ref().unwrap().product,
        product("a")
    );
    assert!(!function.memory.table().take_calls().iter().any(|call| matches!(call, Call::Body(_))));
}

#[tokio::test]
async fn a_body_that_is_gone_is_refused_by_name_and_comes_back_with_the_next_feed() {
    let pim = StandIn::start("large-lost").await;
    let (pimcore, function) = (pim.client(), Function::default());
    let lost = large("lost", 3);
    let messages = [put(&function, &lost, &version(1)).await, put(&function, &large("kept", 4), &version(1)).await];
    let object = object_of(&function, "lost");
    function.memory.table().lose_body(&object);
    let outcomes = function.run(&pimcore, &messages).await;
    assert_eq!(outcomes[&key("kept")], Outcome::Done);
    let refused = failure(&outcomes[&key("lost")]);
    assert_eq!((refused.kind, refused.code.as_str()), (ErrorKind::Permanent, "product_body_missing"));
    assert!(refused.message.contains("demo:lost") && refused.message.contains(&object), "{refused}");
    // The same document, or a newer one that says the same, is written anew; an older one is not.
    let state = function.memory.state(&key("lost"));
    let hash = ContentHash::of(&lost);
    for (n, expected) in [(1, Classification::Changed), (2, Classification::Changed), (0, Classification::Again)] {
        assert_eq!(classify(&state, &version(n), &hash), expected, "version {n}");
    }
    let message = put(&function, &lost, &version(2)).await;
    assert_eq!(function.run(&pimcore, &[message]).await[&key("lost")], Outcome::Done);
    let state = function.memory.state(&key("lost"));
    assert_eq!(state.pimcore.last_error, None);
    assert_eq!(classify(&state, &version(3), &hash), Classification::Unchanged);
}
