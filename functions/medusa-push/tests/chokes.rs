//! Products that a real Medusa answers 500 to hold up nobody else.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::common;

use catalog::{ErrorKind, ProductKey};
use common::support::Real;
use common::{Function, dress, in_pim, open};
use ledger::Stage;
use ledger::breaker::{Settings, look};
use runtime::Outcome;
use testing::standin::StandIn;
use worker::Guard;

#[tokio::test]
async fn four_products_that_medusa_breaks_on_are_set_aside_and_the_others_arrive_at_once() {
    let Some(real) = Real::connect().await else { return };
    let pim = StandIn::start("shop-chokes").await;
    let (pimcore, open) = (pim.client(), open(&real));
    let mut function = Function::default();
    function.guard = Guard::new(Stage::Medusa, Settings::default());
    let keys: Vec<ProductKey> = (0..12).map(|_| real.new_key()).collect();
    let odd = &keys[3..7];
    // PostgreSQL keeps no NUL: Medusa answers 500 to whatever has one.
    let products: Vec<_> = keys
        .iter()
        .map(|key| {
            let mut product = dress(key);
            product.categories.clear();
            product.group = Some(if odd.contains(key) { "g\0".to_owned() } else { "g".to_owned() });
            product
        })
        .collect();
    in_pim(&pimcore, &products, 0).await;
    for round in 1..=3 {
        // First among sound ones, then by themselves.
        let batch = if round == 1 { &keys[..] } else { odd };
        for (key, outcome) in function.run(&pimcore, &open, batch).await {
            if !odd.contains(&key) {
                assert!(!matches!(outcome, Outcome::Failed(_)), "{key}: {outcome:?}");
                assert!(real.shown(&key).await.is_some(), "{key}");
                continue;
            }
            let Outcome::Failed(failure) = outcome else { panic!("{key}: {outcome:?}") };
            let expected = if round == 3 { ErrorKind::Permanent } else { ErrorKind::Transient };
            assert_eq!(
                (failure.kind, failure.code == "medusa_chokes"),
                (expected, round == 3),
                "round {round}: {failure}"
            );
            assert!(failure.message.contains("500"), "{failure}");
        }
    }
    assert!(!look(&function.memory, Stage::Medusa).await.unwrap().is_open());
}
