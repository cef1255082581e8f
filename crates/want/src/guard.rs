//! Changes that wait for a person: a pure decision, given what was wanted last.

use catalog::Product;
use rust_decimal::Decimal;

use crate::exact::Percent;
use crate::file::Hold;

/// What is too big a change, in words; nothing lets it through.
pub(crate) fn reasons(guard: &Hold, last: &Product, product: &Product) -> Vec<String> {
    let mut reasons = Vec::new();
    for variant in &product.variants {
        let Some(before) = last.variants.iter().find(|known| known.sku == variant.sku) else { continue };
        for price in &variant.prices {
            let Some(known) = before.prices.iter().find(|known| known.currency == price.currency) else { continue };
            let (from, to) = (known.amount, price.amount);
            let beyond = |limit: Option<Percent>, difference: Decimal| {
                limit.is_some_and(|limit| limit.0.checked_mul(from).is_some_and(|most| difference > most))
            };
            if beyond(guard.price_rise_over, to - from) || beyond(guard.price_fall_over, from - to) {
                reasons.push(format!("{}: {from} → {to} {}", variant.sku, price.currency));
            }
        }
    }
    if guard.category_change && places(last) != places(product) {
        let shown = |product: &Product| {
            let paths: Vec<String> = product.categories.iter().map(crate::category::shown).collect();
            if paths.is_empty() { "none".to_owned() } else { paths.join(", ") }
        };
        reasons.push(format!("categories: {} → {}", shown(last), shown(product)));
    }
    reasons
}

/// The categories that a product is in, in no order.
pub(crate) fn places(product: &Product) -> Vec<Option<&str>> {
    let mut ids: Vec<_> =
        product.categories.iter().map(|path| path.0.last().map(|category| category.id.as_str())).collect();
    ids.sort_unstable();
    ids
}
