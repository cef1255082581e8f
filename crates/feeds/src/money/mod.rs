//! Amounts and currencies. An amount is read from the digits the supplier wrote and is never a
//! float (D5).
//!
//! A symbol stands for one currency, or for several (`$`, `¥`, `kr`): then the country of the
//! storefront decides, and without one nobody can tell. An amount may be written as data
//! (`1299.00`) or as a storefront shows it (`1.299,00 €`, `SR1,299.00`, `١٬٢٩٩٫٠٠`). Where a
//! separator could mean two things the amount is refused: a price that is wrong by a thousand is
//! worse than none.

mod amount;
mod round;
mod symbols;

pub(crate) use amount::decimal;
pub use amount::{amount, is_noise, minor_digits, rounded, shown_amount, whole_units};
pub(crate) use round::round;
pub use symbols::{currency, currency_in, is_ambiguous, writes_decimal_comma};

/// A price taken apart: `SR23.80`, `23,80 €`, `US$ 1,299.00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown<'a> {
    /// The number with its sign and separators; empty if there is none.
    pub number: &'a str,
    /// What stands before the number.
    pub before: &'a str,
    pub behind: &'a str,
}

impl<'a> Shown<'a> {
    /// Takes a price apart.
    #[must_use]
    pub fn of(price: &'a str) -> Self {
        let (Some(first), Some(last)) = (price.find(is_digit), price.rfind(is_digit)) else {
            return Self { number: "", before: trimmed(price), behind: "" };
        };
        let end = last + price[last..].chars().next().map_or(0, char::len_utf8);
        // A sign stands before the symbol or behind it.
        let (before, signed) = match price[..first].trim_end_matches(is_blank).strip_suffix(['-', '−', '+']) {
            Some(before) => (before, price[..first].rfind(['-', '−', '+']).unwrap_or(first)),
            None => (&price[..first], first),
        };
        Self { number: &price[signed..end], before: trimmed(before), behind: trimmed(&price[end..]) }
    }

    /// The currency that the symbols around the number agree on, in a country. `None` if there is
    /// no symbol, or nobody can tell.
    #[must_use]
    pub fn currency(&self, country: Option<&str>) -> Option<&'static str> {
        let (before, behind) = (self.before.trim_start_matches(['-', '−', '+']), self.behind);
        match (before.is_empty(), behind.is_empty()) {
            (true, true) => None,
            (false, true) => currency_in(before, country),
            (true, false) => currency_in(behind, country),
            // `$12.00 USD`: the one that is clear counts, if the other can mean it.
            (false, false) => {
                let clear = currency(before).or_else(|| currency(behind))?;
                Self { before, ..*self }.means(clear).then_some(clear)
            }
        }
    }

    /// Whether every symbol around the number can stand for a currency.
    #[must_use]
    pub fn means(&self, code: &str) -> bool {
        let means = |symbol: &str| currency(symbol) == Some(code) || symbols::can_mean(symbol, code);
        [self.before, self.behind].into_iter().all(|symbol| symbol.is_empty() || means(symbol))
    }

    /// Whether there is nothing but a number.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.before.is_empty() && self.behind.is_empty()
    }
}

/// Decimal digits in the scripts that storefronts use.
fn is_digit(c: char) -> bool {
    amount::digit(c).is_some()
}

/// White space and the invisible marks that set the direction of writing.
pub(crate) fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}' | '\u{feff}')
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(is_blank)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_before_and_behind_the_number() {
        for (price, code, number) in [
            ("SR23.80", "SAR", "23.80"),
            ("US$6.35", "USD", "6.35"),
            ("23,80 €", "EUR", "23,80"),
            ("1,299.00 SAR", "SAR", "1,299.00"),
            ("\u{200f}51.85 ر.س.\u{200f}", "SAR", "51.85"),
            ("د.إ.\u{200f} ٢٠٫٥٠", "AED", "٢٠٫٥٠"),
            ("R$ 49,90", "BRL", "49,90"),
            ("$MXN 189.00", "MXN", "189.00"),
            ("$CLP9.990", "CLP", "9.990"),
            ("12,99zł", "PLN", "12,99"),
            ("₪\u{a0}49.90", "ILS", "49.90"),
            ("$12.00 USD", "USD", "12.00"),
            ("-SR5", "SAR", "5"),
            ("SR-5", "SAR", "-5"),
        ] {
            let shown = Shown::of(price);
            assert_eq!((shown.currency(None), shown.number), (Some(code), number), "{price}: {shown:?}");
        }
    }

    #[test]
    fn a_symbol_of_several_currencies_needs_the_country() {
        for (price, country, code) in [
            ("¥120", Some("JP"), Some("JPY")),
            ("¥120", Some("CN"), Some("CNY")),
            ("¥120", None, None),
            ("¥120", Some("SA"), None),
            ("$12", Some("us"), Some("USD")),
            ("$199", Some("MX"), Some("MXN")),
            ("$12", None, None),
            ("129 kr", Some("SE"), Some("SEK")),
            ("129 kr.", Some("DK"), Some("DKK")),
            ("$12.00 EUR", None, None),
            ("120", Some("US"), None),
            ("about 10", None, None),
        ] {
            assert_eq!(Shown::of(price).currency(country), code, "{price} in {country:?}");
        }
    }
}
