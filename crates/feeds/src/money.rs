//! Amounts and currencies. An amount is read from the digits the supplier wrote and is never a float.

use rust_decimal::Decimal;

use crate::{Defect, Reason};

/// Symbols that stand for one currency only, in the sources' shops. `¥` and `kr` stand for several and are not here.
const SYMBOLS: &[(&str, &str)] = &[
    ("SR", "SAR"),
    ("ر.س", "SAR"),
    ("ر.س.", "SAR"),
    ("\u{20c1}", "SAR"),
    ("$", "USD"),
    ("US$", "USD"),
    ("€", "EUR"),
    ("£", "GBP"),
    ("د.إ", "AED"),
    ("KD", "KWD"),
    ("د.ك", "KWD"),
    ("QR", "QAR"),
    ("ر.ق", "QAR"),
    ("BD", "BHD"),
    ("د.ب", "BHD"),
    ("ر.ع.", "OMR"),
    ("JD", "JOD"),
    ("C$", "CAD"),
    ("CA$", "CAD"),
    ("A$", "AUD"),
    ("AU$", "AUD"),
    ("NZ$", "NZD"),
    ("R$", "BRL"),
    ("MX$", "MXN"),
    ("S$", "SGD"),
    ("HK$", "HKD"),
    ("NT$", "TWD"),
    ("₹", "INR"),
    ("₪", "ILS"),
    ("₺", "TRY"),
    ("₽", "RUB"),
    ("₩", "KRW"),
    ("zł", "PLN"),
    ("฿", "THB"),
    ("CHF", "CHF"),
];

/// The codes of ISO 4217 that a shop may price in.
const CODES: &[&str] = &[
    "AED", "ARS", "AUD", "BGN", "BHD", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CZK", "DKK", "DZD", "EGP", "EUR",
    "GBP", "HKD", "HUF", "IDR", "ILS", "INR", "IQD", "ISK", "JOD", "JPY", "KRW", "KWD", "KZT", "LBP", "LYD", "MAD",
    "MXN", "MYR", "NGN", "NOK", "NZD", "OMR", "PEN", "PHP", "PKR", "PLN", "QAR", "RON", "RUB", "SAR", "SEK", "SGD",
    "THB", "TND", "TRY", "TWD", "UAH", "USD", "VND", "YER", "ZAR",
];

/// The ISO 4217 code of a currency symbol or code. `None` if it stands for none, or for several.
#[must_use]
pub fn currency(symbol: &str) -> Option<&'static str> {
    let symbol = symbol.trim();
    if let Some((_, code)) = SYMBOLS.iter().find(|(known, _)| *known == symbol) {
        return Some(code);
    }
    CODES.iter().find(|code| code.eq_ignore_ascii_case(symbol)).copied()
}

/// The symbol of a price such as `SR23.80`, `23,80 €` or `1,299.00 SAR`: what is left without the number.
#[must_use]
pub fn symbol(price: &str) -> &str {
    let space = |c: char| c.is_whitespace() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}');
    let number = |c: char| c.is_numeric() || space(c) || matches!(c, '.' | ',' | '-' | '+' | '٫' | '٬');
    let price = price.trim_matches(space);
    if price.starts_with(|c: char| c.is_numeric() || matches!(c, '-' | '+')) {
        return price.trim_start_matches(number);
    }
    price.trim_end_matches(number)
}

/// Digits behind the decimal point that a currency has (ISO 4217).
#[must_use]
pub fn minor_digits(code: &str) -> u32 {
    match code {
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLP" | "ISK" | "JPY" | "KRW" | "VND" => 0,
        _ => 2,
    }
}

/// An amount that somebody can pay: a decimal above zero, with at least the digits its currency has and without needless zeros
/// beyond them, so that `2.7`, `2.70` and `2.700` dollars are one amount.
pub fn amount(digits: &str, currency: &str) -> Result<Decimal, Defect> {
    let digits = digits.trim();
    let parsed = Decimal::from_str_exact(digits).or_else(|_| Decimal::from_scientific(digits));
    let Ok(parsed) = parsed else {
        return Err(Defect::new(Reason::InvalidAmount, "the amount is no decimal number").value(digits));
    };
    if parsed.is_zero() {
        return Err(Defect::new(Reason::ZeroPrice, "the amount is zero").value(digits));
    }
    if parsed.is_sign_negative() {
        return Err(Defect::new(Reason::NegativePrice, "the amount is below zero").value(digits));
    }
    if parsed >= Decimal::from(1_000_000_000u64) {
        return Err(Defect::new(Reason::InvalidAmount, "the amount is a billion or more").value(digits));
    }
    let mut amount = parsed.normalize();
    if amount.scale() > 6 {
        return Err(Defect::new(Reason::InvalidAmount, "the amount has more than six decimals").value(digits));
    }
    if amount.scale() < minor_digits(currency) {
        amount.rescale(minor_digits(currency));
    }
    Ok(amount)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_before_and_behind_the_number() {
        for (price, code) in [
            ("SR23.80", "SAR"),
            ("$6.35", "USD"),
            ("23,80 €", "EUR"),
            ("1,299.00 SAR", "SAR"),
            ("\u{200f}51.85 ر.س.\u{200f}", "SAR"),
            ("-SR5", "SAR"),
        ] {
            let shown = symbol(price.trim_start_matches('-'));
            assert_eq!(currency(shown), Some(code), "{price}: {shown:?}");
        }
        assert_eq!(currency(symbol("¥120")), None, "yen or yuan: nobody can tell");
        assert_eq!(currency(symbol("120")), None);
    }

    #[test]
    fn one_amount_has_one_form() {
        for digits in ["2.7", "2.70", "2.700", "27e-1"] {
            assert_eq!(amount(digits, "USD").unwrap().to_string(), "2.70");
        }
        assert_eq!(amount("1.005", "KWD").unwrap().to_string(), "1.005");
        assert_eq!(amount("120", "JPY").unwrap().to_string(), "120");
        assert_eq!(amount("0.125", "USD").unwrap().to_string(), "0.125");
    }

    #[test]
    fn what_is_no_price_is_refused_with_its_reason() {
        for (digits, reason) in [
            ("", Reason::InvalidAmount),
            ("free", Reason::InvalidAmount),
            ("1,299.00", Reason::InvalidAmount),
            ("NaN", Reason::InvalidAmount),
            ("1e99", Reason::InvalidAmount),
            ("{}", Reason::InvalidAmount),
            ("0", Reason::ZeroPrice),
            ("-1", Reason::NegativePrice),
            ("0.0000001", Reason::InvalidAmount),
        ] {
            assert_eq!(amount(digits, "SAR").unwrap_err().reason, reason, "{digits}");
        }
    }
}
