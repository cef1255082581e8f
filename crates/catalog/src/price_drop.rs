//! A price that more than halved is worth a look before customers have it.

use rust_decimal::Decimal;

use crate::{Product, Warning, WarningCode};

/// The first variant whose price in some currency is less than half of what it was.
#[must_use]
pub fn price_drop(before: &Product, now: &Product) -> Option<Warning> {
    for variant in &now.variants {
        let Some(old) = before.variants.iter().find(|old| old.sku == variant.sku) else { continue };
        for price in &variant.prices {
            let was = old.prices.iter().find(|old| old.currency == price.currency).map(|old| old.amount);
            if let Some(was) = was.filter(|was| price.amount * Decimal::TWO < *was) {
                let message = format!("{}: {} {} was {was}", variant.sku, price.currency, price.amount);
                return Some(Warning { code: WarningCode::PriceDrop, message });
            }
        }
    }
    None
}
