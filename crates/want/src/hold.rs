//! What is shown while something waits for a person.

use catalog::{ContentHash, Product};

use crate::flaw::Place;
use crate::guard::places;
use crate::rules::Rules;
use crate::wanted::{Held, Wanted, Withheld};

/// What holds whole feeds, as `rule`.
const FEEDS: &str = "feeds";
/// Begins a reason that is the whole feed's.
const ITS_FEED: &str = "its feed: ";
/// Digits of a decision's digest.
const DIGITS: usize = 16;

impl Rules {
    /// Whether what was let through last has a say: something is held, or a price without a rate keeps its last value.
    #[must_use]
    pub fn looks_back(&self) -> bool {
        !self.from.is_empty() || self.feeds.is_some() || self.rules.iter().any(|rule| rule.hold.is_some())
    }

    /// Whether whole feeds are looked through.
    #[must_use]
    pub const fn guards_feeds(&self) -> bool {
        self.feeds.is_some()
    }
}

impl Wanted {
    /// Holds it with its whole feed, unless it is what was let through last. A new product waits, too: there is nothing that could stay.
    pub fn wait_with_feed(&mut self, base: Option<&Product>, reasons: &[String]) {
        let is_base = |base: &Product| base.without_pieces() == self.product.without_pieces();
        if reasons.is_empty() || base.is_some_and(is_base) {
            return;
        }
        let held = |reason: &String| Held {
            rule: FEEDS.to_owned(),
            place: Place::default(),
            reason: format!("{ITS_FEED}{reason}"),
        };
        self.held.extend(reasons.iter().map(held));
    }

    /// Holds it on for the reasons it waits for, as far as they are its feed's: another file, which does not say its prices, is no person's word about them.
    pub fn wait_on(&mut self, base: Option<&Product>, waits: &[String]) {
        let of_feed = waits.iter().filter_map(|reason| reason.strip_prefix(ITS_FEED)).map(str::to_owned);
        let reasons: Vec<String> = of_feed.collect();
        self.wait_with_feed(base, &reasons);
    }

    /// A digest of what a person decides about: prices and categories. Pieces and texts come and go meanwhile.
    #[must_use]
    pub fn decision(&self) -> String {
        let mut digest = blake3::Hasher::new();
        let mut say = |text: &str| {
            digest.update(&(text.len() as u64).to_le_bytes());
            digest.update(text.as_bytes());
        };
        for variant in &self.product.variants {
            say(&variant.sku);
            for price in &variant.prices {
                say(&price.currency);
                say(&price.amount.normalize().to_string());
                say(&price.list_amount.map(|amount| amount.normalize().to_string()).unwrap_or_default());
            }
        }
        places(&self.product).into_iter().for_each(|place| say(place.unwrap_or_default()));
        digest.finalize().to_hex()[..DIGITS].to_owned()
    }

    /// A new product that waits is not for the shop.
    pub fn withhold_new(&mut self) {
        let reason = "it came with a feed that waits for a person".to_owned();
        self.withheld.push(Withheld { rule: FEEDS.to_owned(), place: Place::default(), reason });
    }

    /// What is shown meanwhile. `texts` and all else go on where a person does not want the change, or nothing else is known of what was before.
    #[must_use]
    pub fn meanwhile(&self, base: &Product, texts: bool) -> Product {
        if texts { self.repriced(base) } else { self.frozen(base) }
    }

    /// The digest of what is shown while something waits: what begins or ceases to wait is shown, too.
    #[must_use]
    pub fn digest_while(&self, waits: &str, rejected: bool) -> ContentHash {
        let text = format!("{} {waits} {rejected}", self.digest());
        ContentHash::from_text(&blake3::hash(text.as_bytes()).to_hex()[..32])
    }

    /// What was let through last, with the pieces that there are now: the old state stays, and no piece is sold that is gone.
    fn frozen(&self, base: &Product) -> Product {
        let mut shown = base.clone();
        shown.withdrawn = self.product.withdrawn;
        for variant in &mut shown.variants {
            let now = self.product.variants.iter().find(|now| now.sku == variant.sku);
            variant.stock = now.map_or(0, |now| now.stock);
        }
        shown
    }

    /// What is wanted, with the prices and categories that were let through last, and no size that had none.
    fn repriced(&self, base: &Product) -> Product {
        let mut shown = Product { categories: base.categories.clone(), ..self.product.clone() };
        shown.variants.retain_mut(|variant| {
            let before = base.variants.iter().find(|before| before.sku == variant.sku);
            before.is_some_and(|before| {
                variant.prices.clone_from(&before.prices);
                true
            })
        });
        // Of other sizes altogether, nothing may be sold.
        if shown.variants.is_empty() { self.frozen(base) } else { shown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bundle, InForce};

    fn product(price: &str, stock: i32) -> Product {
        let json = serde_json::json!({
            "source": "demo", "id": "1", "name": {"en": format!("Cup {stock}")},
            "variants": [
                {"sku": "s", "title": "S", "prices": [{"currency": "USD", "amount": price}], "stock": stock},
                {"sku": format!("new-{price}"), "title": "N", "prices": [{"currency": "USD", "amount": price}], "stock": stock}
            ],
        });
        serde_json::from_value(json).unwrap()
    }

    fn rules(text: &str) -> InForce {
        Bundle { rules: [("r".to_owned(), text.to_owned())].into(), rates: None }.read(0).unwrap()
    }

    #[test]
    fn rules_that_hold_or_convert_look_back_and_no_others() {
        for (text, expected) in [
            ("rules: [{rule: Look, hold: {price-rise-over: 30%}}]", true),
            ("feeds: {average-price-over: 20%}", true),
            ("currencies: {sold: [SAR], from: [USD]}", true),
            ("currencies: {sold: [SAR]}\nrules: [{rule: Ours, price: [{factor: 2}]}]", false),
        ] {
            assert_eq!(rules(text).rules.looks_back(), expected, "{text}");
        }
    }

    #[test]
    fn with_its_feed_waits_what_changed_and_not_what_sold() {
        let rules = rules("feeds: {average-price-over: 20%}");
        let (base, mut sold) = (product("10.00", 9), Product { name: product("10.00", 9).name, ..product("10.00", 4) });
        sold.stock_said.insert("s".into(), catalog::Version::new(1, "0", 0));
        let waits = |product: &Product, reasons: &[String]| {
            let mut wanted = rules.want(product, None, Some(&base), 0);
            wanted.wait_with_feed(Some(&base), reasons);
            wanted.held.len()
        };
        let reasons = ["prices rise".to_owned()];
        assert_eq!((waits(&sold, &reasons), waits(&product("20.00", 9), &reasons)), (0, 1));
        assert_eq!(waits(&product("20.00", 9), &[]), 0);
        let on = |product: &Product| {
            let mut wanted = rules.want(product, None, Some(&base), 0);
            wanted.wait_on(Some(&base), &["its feed: prices rise".into(), "price rises by 100%".into()]);
            wanted.held.into_iter().map(|held| held.reason).collect::<Vec<_>>()
        };
        assert_eq!((on(&product("20.00", 9)), on(&sold)), (vec!["its feed: prices rise".to_owned()], Vec::new()));
    }

    #[test]
    fn what_is_held_keeps_its_price_and_sells_no_piece_that_is_gone() {
        let rules = rules("rules: [{rule: Look, hold: {price-rise-over: 30%}}]");
        let base = product("10.00", 9);
        let want = |price, stock| rules.want(&product(price, stock), None, Some(&base), 0);
        let (wanted, other) = (want("20.00", 4), want("20", 3));
        assert_eq!(wanted.held.len(), 1);
        let shown = wanted.frozen(&base);
        let of = |product: &Product| {
            let of = |variant: &catalog::Variant| {
                (variant.sku.clone(), variant.prices[0].amount.normalize().to_string(), variant.stock)
            };
            product.variants.iter().map(of).collect::<Vec<_>>()
        };
        let row = |sku: &str, stock| (sku.to_owned(), "10".to_owned(), stock);
        assert_eq!((of(&shown), shown.name), (vec![row("s", 4), row("new-10.00", 0)], base.name.clone()));
        let shown = wanted.repriced(&base);
        assert_eq!((of(&shown), shown.name), (vec![row("s", 4)], wanted.product.name.clone()), "texts go on");
        assert_eq!(wanted.decision().len(), DIGITS);
        assert_ne!(wanted.decision(), other.decision(), "another size");
        let again = rules.want(&Product { name: base.name.clone(), ..product("20.00", 1) }, None, Some(&base), 0);
        assert_eq!(wanted.decision(), again.decision(), "pieces and texts are not what a person decides about");
        assert_ne!(wanted.decision(), want("21.00", 4).decision());
        let mut others = wanted.clone();
        others.product.variants.remove(0);
        assert_eq!(of(&others.repriced(&base)), vec![row("s", 0), row("new-10.00", 0)]);
    }
}
