//! Published in the PIM means that one can buy it: every variant, in every region, at exactly its
//! price.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use crate::support;

use medusa::Change;
use rust_decimal::Decimal;
use support::{Real, offered, shirt, withheld};

#[tokio::test]
async fn whatever_is_offered_can_be_bought_at_exactly_its_price_and_nothing_else_can() {
    let Some(real) = Real::connect().await else { return };
    // Prices with 0 to 2 decimals, as many as both currencies have, from cents to millions; stock
    // from none to plenty; some in one currency only.
    let products: Vec<_> = (0..12_u32)
        .map(|n| {
            let key = real.new_key();
            let mut article = shirt(&key, &["S", "M"]);
            for (m, variant) in article.variants.iter_mut().enumerate() {
                let m = u32::try_from(m).unwrap();
                let amount = Decimal::new(i64::from(7_u32.pow(n % 8) + m + 1), n % 3);
                variant.prices.insert("sar".into(), amount);
                variant.prices.insert("usd".into(), amount + Decimal::ONE);
                variant.stock = i64::from((n + m) % 3) * 5;
            }
            if n % 5 == 4 {
                article.variants[0].prices.remove("usd");
            }
            (key, article)
        })
        .collect();
    let desired: Vec<_> = products.iter().map(|(key, article)| offered(key, article)).collect();
    for outcome in real.push_all(&desired).await {
        assert_eq!(outcome.unwrap().change, Change::Created);
    }
    for (key, article) in &products {
        real.assert_purchasable(key, article).await;
    }

    let (key, article) = &products[1];
    let product = real.admin_product(key).await.unwrap();
    let sellable = article.variants.iter().find(|variant| variant.stock > 0).unwrap();
    let rows = product["variants"].as_array().unwrap();
    let variant = rows.iter().find(|row| row["sku"] == sellable.sku.as_str()).unwrap()["id"].as_str().unwrap();
    assert!(real.cart_subtotal(variant, "sar", 1).await.is_ok());
    real.push(&withheld(key)).await.unwrap();
    assert!(real.cart_subtotal(variant, "sar", 1).await.is_err(), "a draft can be bought");
}
