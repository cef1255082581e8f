//! The one place where amounts are rounded (D47).

use catalog::{Price, Product, WarningCode};
use rust_decimal::Decimal;

use super::{minor_digits, rounded};
use crate::remarks::Remarks;
use crate::{Defect, Reason};

/// Brings every amount of a product to its currency's own digits, half up, with a remark. What
/// rounds to nothing is left out, if the variant has a price in another currency.
///
/// # Errors
/// `rounds_to_zero` if nothing else is left to pay for a variant.
pub(crate) fn round(product: &mut Product, remarks: &mut Remarks) -> Result<(), Defect> {
    for (number, variant) in product.variants.iter_mut().enumerate() {
        if variant.prices.iter().all(is_rounded) {
            continue;
        }
        let sku = &variant.sku;
        let payable = |price: &Price| !rounded(price.amount, &price.currency).is_zero();
        if let Some(price) = variant.prices.first()
            && !variant.prices.iter().any(payable)
        {
            let message = format!("the price of variant {sku:?} is less than half of its currency's smallest coin");
            return Err(Defect::new(Reason::RoundsToZero, message)
                .path(format!("$.variants[{number}].prices"))
                .value(&format!("{} {}", price.currency, price.amount)));
        }
        for price in variant.prices.extract_if(.., |price| !payable(price)) {
            remarks.add(WarningCode::PriceLeftOut, || {
                format!("{sku}: {} {} was left out, as it rounds to nothing", price.currency, price.amount)
            });
        }
        for price in &mut variant.prices {
            let currency = &price.currency;
            let mut round = |amount: Decimal| {
                let rounded = rounded(amount, currency);
                if rounded != amount {
                    remarks.add(WarningCode::PriceRounded, || {
                        format!("{sku}: {currency} {amount} was rounded to {rounded}, as there is no smaller coin")
                    });
                }
                rounded
            };
            let (amount, list) = (round(price.amount), price.list_amount.map(&mut round));
            price.amount = amount;
            price.list_amount = list.filter(|list| *list > amount);
        }
    }
    Ok(())
}

/// Whether nothing of a price is finer than its currency.
fn is_rounded(price: &Price) -> bool {
    let digits = minor_digits(&price.currency);
    price.amount.scale() == digits && price.list_amount.is_none_or(|list| list.scale() == digits)
}
