//! What a whole feed changes: a pure count, and whether it waits for a person.

use catalog::Product;
use rust_decimal::Decimal;

use crate::guard::places;
use crate::rules::Rules;
use crate::wanted::Held;

/// Fewer products that were there before say nothing about a feed.
const FEW: u64 = 20;

/// The changes of a feed's products.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drift {
    products: u64,
    recategorised: u64,
    prices: u64,
    /// The sum of the prices' changes, as shares of what they were.
    shares: Decimal,
}

impl Drift {
    /// Takes in a product that was there before: what was wanted last, and what is wanted now.
    pub fn add(&mut self, last: &Product, product: &Product) {
        self.products += 1;
        self.recategorised += u64::from(places(last) != places(product));
        for variant in &product.variants {
            let Some(before) = last.variants.iter().find(|known| known.sku == variant.sku) else { continue };
            for price in &variant.prices {
                let known = before.prices.iter().find(|known| known.currency == price.currency);
                let share = known.and_then(|known| (price.amount - known.amount).checked_div(known.amount));
                if let Some(shares) = share.and_then(|share| self.shares.checked_add(share)) {
                    self.shares = shares;
                    self.prices += 1;
                }
            }
        }
    }

    /// Why the feed waits; nothing lets it through.
    #[must_use]
    pub fn held(&self, rules: &Rules) -> Vec<Held> {
        let Some((feeds, place)) = rules.feeds.as_ref().filter(|_| self.products >= FEW) else { return Vec::new() };
        let percent = |share: Decimal| format!("{:.1}%", share * Decimal::ONE_HUNDRED);
        let mut reasons = Vec::new();
        let average = self.shares.checked_div(self.prices.into()).unwrap_or_default();
        if feeds.average_price_over.is_some_and(|limit| average.abs() > limit.0) {
            reasons.push(format!("prices change by {} on average", percent(average)));
        }
        let moved = Decimal::from(self.recategorised) / Decimal::from(self.products);
        if feeds.recategorised_over.is_some_and(|limit| moved > limit.0) {
            reasons.push(format!("{} of the products change their categories", percent(moved)));
        }
        let held = |reason| Held { rule: "feeds".to_owned(), place: place.clone(), reason };
        reasons.into_iter().map(held).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(drift: Drift, feeds: &str) -> Vec<String> {
        let text = format!("feeds: {feeds}");
        let rules = Rules::read([("r", text.as_str())]).unwrap();
        drift.held(&rules).into_iter().map(|held| held.reason).collect()
    }

    #[test]
    fn a_feed_waits_beyond_its_limits_and_only_if_it_is_one_to_speak_of() {
        let drift = Drift { products: 20, recategorised: 3, prices: 40, shares: Decimal::from(-10) };
        assert_eq!(held(drift, "{average-price-over: 24%}"), ["prices change by -25.0% on average"]);
        assert_eq!(held(drift, "{average-price-over: 25%}"), [""; 0]);
        assert_eq!(held(drift, "{recategorised-over: 14.9%}"), ["15.0% of the products change their categories"]);
        assert_eq!(held(drift, "{recategorised-over: 15%, average-price-over: 25%}"), [""; 0]);
        assert_eq!(held(Drift { products: 19, ..drift }, "{average-price-over: 1%}"), [""; 0]);
        assert_eq!(held(Drift { prices: 0, shares: Decimal::ZERO, ..drift }, "{average-price-over: 0%}"), [""; 0]);
    }
}
