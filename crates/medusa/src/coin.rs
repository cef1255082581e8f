//! Prices that can be paid.
//!
//! Medusa keeps every digit of an amount and sells at it: three pieces at 19.995 come to 59.985,
//! which no payment provider takes, and 0.004 is for sale. So an amount is rounded once, half up,
//! to the digits that its currency has; what rounds to nothing is not sold in that currency.

use catalog::{Failure, ProductKey};
use rust_decimal::{Decimal, RoundingStrategy};

use crate::codes;
use crate::desired::Article;

/// Digits behind the point (ISO 4217, list one; whatever is not named has two).
#[must_use]
pub fn digits(currency: &str) -> u32 {
    match currency.to_ascii_uppercase().as_str() {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND"
        | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

/// An amount as it can be paid.
#[must_use]
pub fn rounded(amount: Decimal, currency: &str) -> Decimal {
    amount.round_dp_with_strategy(digits(currency), RoundingStrategy::MidpointAwayFromZero)
}

/// An article whose prices can be paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Coined {
    /// What is sold.
    pub(crate) article: Article,
    /// What was rounded, in words.
    pub(crate) remarks: Vec<String>,
    /// Why something is not sold in some currency.
    pub(crate) refused: Option<Failure>,
}

/// The article with prices that can be paid; `None` where all can.
pub(crate) fn coined(key: &ProductKey, article: &Article) -> Option<Coined> {
    let exact = |(currency, amount): (&String, &Decimal)| rounded(*amount, currency) == *amount;
    if article.variants.iter().all(|v| v.prices.iter().all(exact) && v.list_prices.iter().all(exact)) {
        return None;
    }
    let mut coined = Coined { article: article.clone(), remarks: vec![], refused: None };
    let mut nothing = Vec::new();
    for variant in &mut coined.article.variants {
        let sku = &variant.sku;
        variant.prices.retain(|currency, amount| {
            let said = *amount;
            *amount = rounded(said, currency);
            if *amount != said {
                coined.remarks.push(format!("variant {sku}: {said} {currency} is sold at {amount}"));
            }
            let sold = said <= Decimal::ZERO || !amount.is_zero();
            if !sold {
                nothing.push(format!("variant {sku}: {said} {currency}"));
            }
            sold
        });
        for (currency, amount) in &mut variant.list_prices {
            *amount = rounded(*amount, currency);
        }
    }
    coined.refused = (!nothing.is_empty()).then(|| {
        let what = format!("{key}: less than the smallest coin, so not sold in that currency: {}", nothing.join("; "));
        Failure::permanent(codes::PRICE_TOO_SMALL, what)
    });
    Some(coined)
}

/// The article without prices that round to nothing, and variants that have no other, and why;
/// `None` where there are none. All other amounts are as they were said.
#[must_use]
pub fn sold(key: &ProductKey, article: &Article) -> Option<(Article, Failure)> {
    let coined = coined(key, article)?;
    let why = coined.refused?;
    let mut sold = article.clone();
    let mut payable = coined.article.variants.iter();
    sold.variants.retain_mut(|variant| {
        let before = variant.prices.len();
        let payable = payable.next().map(|payable| &payable.prices);
        variant.prices.retain(|currency, _| payable.is_some_and(|prices| prices.contains_key(currency)));
        before == 0 || !variant.prices.is_empty()
    });
    Some((sold, why))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{article, key};

    #[test]
    fn an_amount_is_rounded_once_half_up_to_the_digits_of_its_currency() {
        for (said, currency, paid) in [
            ("19.995", "usd", "20.00"),
            ("19.994", "USD", "19.99"),
            ("0.004", "usd", "0"),
            ("0.005", "usd", "0.01"),
            ("149.5", "jpy", "150"),
            ("0.4", "jpy", "0"),
            ("1.2345", "kwd", "1.235"),
            ("1.234", "kwd", "1.234"),
            ("23.8", "sar", "23.8"),
        ] {
            let got = rounded(said.parse().unwrap(), currency);
            assert_eq!(got, paid.parse().unwrap(), "{said} {currency}");
        }
    }

    #[test]
    fn what_rounds_to_nothing_is_not_sold_in_that_currency_and_named() {
        assert_eq!(coined(&key("demo:1"), &article(3)), None);
        let mut odd = article(2);
        odd.variants[0].prices.insert("usd".into(), "0.004".parse().unwrap());
        odd.variants[1].prices.insert("sar".into(), "19.995".parse().unwrap());
        odd.variants[1].list_prices.insert("sar".into(), "19.999".parse().unwrap());
        let got = coined(&key("demo:1"), &odd).unwrap();
        let mut expected = article(2);
        expected.variants[0].prices.remove("usd");
        expected.variants[1].prices.insert("sar".into(), "20".parse().unwrap());
        expected.variants[1].list_prices.insert("sar".into(), "20".parse().unwrap());
        assert_eq!(got.article, expected);
        assert_eq!(expected.variants[1].list_price("sar"), None, "no reduction is left");
        assert_eq!(got.remarks.len(), 2);
        let refused = got.refused.unwrap();
        assert_eq!(refused.code, codes::PRICE_TOO_SMALL);
        for part in ["demo:1", "demo-1-0", "0.004", "usd"] {
            assert!(refused.message.contains(part), "{}", refused.message);
        }
    }

    #[test]
    fn a_variant_without_any_price_that_can_be_paid_is_left_out_and_one_without_any_is_not() {
        let mut odd = article(3);
        odd.variants[0].prices = [("usd".to_owned(), "0.004".parse().unwrap())].into();
        odd.variants[1].prices.insert("usd".into(), "0.001".parse().unwrap());
        odd.variants[1].prices.insert("sar".into(), "19.995".parse().unwrap());
        odd.variants[2].prices.clear();
        let (got, why) = sold(&key("demo:1"), &odd).unwrap();
        let mut expected = odd.clone();
        expected.variants[1].prices.remove("usd");
        expected.variants.remove(0);
        assert_eq!((got, why.code.as_str()), (expected, codes::PRICE_TOO_SMALL));
        assert_eq!(sold(&key("demo:1"), &article(3)), None);
    }
}
