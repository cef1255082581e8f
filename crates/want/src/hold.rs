//! What is shown while something waits for a person.

use catalog::{ContentHash, Product};

use crate::rules::Rules;
use crate::wanted::Wanted;

impl Rules {
    /// Whether what was wanted last has a say: something is held, or a price without a rate keeps its last value.
    #[must_use]
    pub fn look_back(&self) -> bool {
        !self.from.is_empty() || self.rules.iter().any(|rule| rule.hold.is_some())
    }
}

impl Wanted {
    /// A digest of what a person decides about: pieces come and go meanwhile.
    #[must_use]
    pub fn decision(&self) -> String {
        let mut product = self.product.clone();
        product.variants.iter_mut().for_each(|variant| variant.stock = 0);
        ContentHash::of(&product).as_str().chars().take(16).collect()
    }

    /// What was wanted last, with the pieces that there are now. What its source does not sell any more is not held.
    #[must_use]
    pub fn frozen(&self, last: &Product) -> Product {
        let mut shown = last.clone();
        shown.withdrawn = self.product.withdrawn;
        for variant in &mut shown.variants {
            let now = self.product.variants.iter().find(|now| now.sku == variant.sku);
            variant.stock = now.map_or(0, |now| now.stock);
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bundle, want};

    fn product(price: &str, stock: i32) -> Product {
        let json = serde_json::json!({
            "source": "demo", "id": "1", "name": {"en": "Cup"},
            "variants": [{"sku": "s", "title": "S", "prices": [{"currency": "USD", "amount": price}], "stock": stock}],
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn what_is_held_keeps_its_price_and_sells_no_piece_that_is_gone() {
        let rules = "rules: [{rule: Look, hold: {price-rise-over: 30%}}]".to_owned();
        let rules = Bundle { rules: [("r".to_owned(), rules)].into(), rates: None }.read(0).unwrap();
        assert!(rules.rules.look_back());
        let last = product("10.00", 9);
        let [wanted, other] = [(20, 4), (20, 3)].map(|(price, stock)| {
            rules.want(&product(&format!("{price}.00"), stock), None, Some(&last), 0)
        });
        assert_eq!(wanted.held.len(), 1);
        let shown = wanted.frozen(&last);
        assert_eq!((shown.variants[0].prices[0].amount.to_string(), shown.variants[0].stock), ("10.00".to_owned(), 4));
        assert_eq!(wanted.decision(), other.decision(), "pieces are not what a person decides about");
        let more = rules.want(&product("21.00", 4), None, Some(&last), 0);
        assert_ne!(wanted.decision(), more.decision());
        let gone = Product { withdrawn: true, variants: vec![], ..product("20.00", 0) };
        let gone = want(&gone, &rules.rules, &crate::Moment { last: Some(&last), ..crate::Moment::default() });
        let shown = gone.frozen(&last);
        assert_eq!((shown.withdrawn, shown.variants[0].stock), (true, 0));
    }
}
