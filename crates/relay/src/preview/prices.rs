//! How prices change: how many by how much, and the largest by name.

use std::collections::BTreeMap;

use catalog::{Product, ProductKey};
use rust_decimal::Decimal;
use serde::Serialize;

/// Largest changes that are named, upwards and downwards together.
const NAMED: usize = 20;

/// Up to which share (in percent, upper bound included) a change belongs where.
const BANDS: [(i64, &str); 9] = [
    (-50, "-50% and less"),
    (-20, "-50% to -20%"),
    (-10, "-20% to -10%"),
    (-5, "-10% to -5%"),
    (0, "-5% to 0%"),
    (5, "0% to +5%"),
    (10, "+5% to +10%"),
    (20, "+10% to +20%"),
    (50, "+20% to +50%"),
];
const ABOVE: &str = "+50% and more";

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PriceChange {
    pub product: String,
    pub name: String,
    pub sku: String,
    /// ISO 4217.
    pub currency: String,
    pub from: Decimal,
    pub to: Decimal,
    /// By how much, in percent of the former, to one decimal.
    pub percent: Decimal,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Prices {
    /// Prices that are as they were.
    pub same: u64,
    /// Prices that differ, by share.
    pub bands: BTreeMap<&'static str, u64>,
    /// Prices of variants that had none in the currency.
    pub added: u64,
    /// Prices that are no more.
    pub removed: u64,
    /// The largest, by share.
    pub largest: Vec<PriceChange>,
}

impl Prices {
    /// The names of the bands, from the largest fall to the largest rise.
    pub fn bands() -> impl Iterator<Item = &'static str> {
        BANDS.iter().map(|(_, name)| *name).chain([ABOVE])
    }

    /// How many differ.
    #[must_use]
    pub fn changed(&self) -> u64 {
        self.bands.values().sum()
    }

    pub fn add(&mut self, key: &ProductKey, before: &Product, after: &Product) {
        for variant in &after.variants {
            let known = before.variants.iter().find(|known| known.sku == variant.sku);
            for price in &variant.prices {
                let known = known.and_then(|known| known.prices.iter().find(|known| known.currency == price.currency));
                match known {
                    None => self.added += 1,
                    Some(known) if known.amount == price.amount => self.same += 1,
                    Some(known) => {
                        let (from, to) = (known.amount, price.amount);
                        let Some(share) =
                            (to - from).checked_mul(Decimal::ONE_HUNDRED).and_then(|more| more.checked_div(from))
                        else {
                            self.added += 1;
                            continue;
                        };
                        let band = BANDS
                            .iter()
                            .find(|(end, _)| share <= Decimal::from(*end) && (*end != 0 || share < Decimal::ZERO));
                        *self.bands.entry(band.map_or(ABOVE, |(_, name)| *name)).or_default() += 1;
                        self.name(key, after, &variant.sku, &price.currency, (from, to, share.round_dp(1)));
                    }
                }
            }
        }
        for variant in &before.variants {
            let left = after.variants.iter().find(|left| left.sku == variant.sku);
            let gone =
                |currency: &str| !left.is_some_and(|left| left.prices.iter().any(|price| price.currency == currency));
            self.removed += variant.prices.iter().filter(|price| gone(&price.currency)).count() as u64;
        }
    }

    fn name(
        &mut self,
        key: &ProductKey,
        product: &Product,
        sku: &str,
        currency: &str,
        (from, to, percent): (Decimal, Decimal, Decimal),
    ) {
        let full = self.largest.len() >= NAMED;
        if full && self.largest.last().is_some_and(|last| last.percent.abs() >= percent.abs()) {
            return;
        }
        let change = PriceChange {
            product: key.to_string(),
            name: product.name.base().unwrap_or_default().to_owned(),
            sku: sku.to_owned(),
            currency: currency.to_owned(),
            from,
            to,
            percent,
        };
        let at = self.largest.partition_point(|known| known.percent.abs() >= percent.abs());
        self.largest.insert(at, change);
        self.largest.truncate(NAMED);
    }
}
