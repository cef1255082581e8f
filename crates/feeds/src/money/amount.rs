//! Numbers as suppliers write them.

use std::borrow::Cow;
use std::str::FromStr;

use rust_decimal::Decimal;

use crate::{Defect, Reason};

/// Decimals of an amount that is taken for one, unless it is [noise](is_noise).
const DECIMALS: u32 = 6;

pub use catalog::currency::{minor_digits, rounded};

/// Whether an amount is one that somebody can pay, but for what binary floats leave: it differs
/// from [`rounded`] by no more than
/// - its own 2⁻²⁴th part, which is half of the last place of a float in single precision (one in
///   double precision leaves far less), and
/// - a hundredth of the currency's smallest coin, so that large amounts have no more room than
///   small ones.
#[must_use]
pub fn is_noise(amount: Decimal, currency: &str) -> bool {
    let difference = (amount - rounded(amount, currency)).abs();
    let float = amount.abs() / Decimal::from(1u32 << 24);
    let coin = Decimal::new(1, minor_digits(currency) + 2);
    difference <= float.min(coin)
}

/// Currencies in which nobody sells anything for less than a unit, whatever ISO 4217 says.
#[must_use]
pub fn whole_units(code: &str) -> bool {
    minor_digits(code) == 0 || matches!(code, "COP" | "IDR" | "HUF" | "LBP")
}

/// An amount that somebody can pay: a decimal above zero, with at least the digits its currency has
/// and without needless zeros beyond them, so that `2.7`, `2.70` and `2.700` dollars are one
/// amount.
///
/// A lone point is a decimal point, as in data; with any other separator the amount is read like
/// [`shown_amount`].
///
/// It may be finer than its currency: [`rounded`] is applied once, to the whole product, where a
/// remark can say so.
///
/// # Errors
/// `invalid_amount`, `zero_price` or `negative_price`, with the value.
pub fn amount(digits: &str, currency: &str) -> Result<Decimal, Defect> {
    let digits = digits.trim();
    if !whole_units(currency)
        && let Some(parsed) = decimal(digits)
    {
        return payable(parsed, digits, currency);
    }
    shown_amount(digits, currency)
}

/// An amount as a storefront shows it: `1,299.00`, `1.299,00`, `1 299,00`, `1'299.00`, `١٬٢٩٩٫٠٠`.
///
/// # Errors
/// As [`amount`].
pub fn shown_amount(digits: &str, currency: &str) -> Result<Decimal, Defect> {
    let digits = digits.trim_matches(super::is_blank);
    let plain = plain(digits, currency).map_err(|why| invalid(why).value(digits))?;
    payable(decimal(&plain).ok_or_else(|| invalid("the amount is no decimal number").value(digits))?, digits, currency)
}

/// A number as data has it. Of more than 28 digits the last are rounded off: they are a float's.
pub(crate) fn decimal(digits: &str) -> Option<Decimal> {
    // The library takes `1_000` for a thousand; a supplier may have meant 1.000.
    if digits.contains('_') {
        return None;
    }
    Decimal::from_str(digits).or_else(|_| Decimal::from_scientific(digits)).ok()
}

fn invalid(message: &str) -> Defect {
    Defect::new(Reason::InvalidAmount, message)
}

fn payable(parsed: Decimal, digits: &str, currency: &str) -> Result<Decimal, Defect> {
    if parsed.is_zero() {
        return Err(Defect::new(Reason::ZeroPrice, "the amount is zero").value(digits));
    }
    if parsed.is_sign_negative() {
        return Err(Defect::new(Reason::NegativePrice, "the amount is below zero").value(digits));
    }
    if parsed >= Decimal::from(1_000_000_000u64) {
        return Err(invalid("the amount is a billion or more").value(digits));
    }
    let mut amount = parsed.normalize();
    if amount.scale() > DECIMALS && !is_noise(amount, currency) {
        return Err(invalid("the amount has more than six decimals, and not for a float's rounding").value(digits));
    }
    if amount.scale() < minor_digits(currency) {
        amount.rescale(minor_digits(currency));
    }
    Ok(amount)
}

/// A decimal digit in European, Arabic, Persian or full-width form.
pub(super) fn digit(c: char) -> Option<char> {
    let value = match c {
        '0'..='9' => return Some(c),
        '\u{660}'..='\u{669}' => c as u32 - 0x660,
        '\u{6f0}'..='\u{6f9}' => c as u32 - 0x6f0,
        '\u{ff10}'..='\u{ff19}' => c as u32 - 0xff10,
        _ => return None,
    };
    char::from_digit(value, 10)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Separator {
    Point,
    Comma,
    /// Only ever stands between thousands.
    Group,
    /// Only ever stands before decimals.
    Decimal,
}

/// Rewrites a number with European digits, a point before the decimals and no other separator.
fn plain<'t>(text: &'t str, currency: &str) -> Result<Cow<'t, str>, &'static str> {
    // Separators, each with the number of digits before it.
    let mut separators: Vec<(Separator, usize)> = Vec::new();
    let mut digits = String::with_capacity(text.len());
    let unsigned = text.strip_prefix(['-', '−', '+']);
    let sign = if text.starts_with(['-', '−']) { "-" } else { "" };
    for c in unsigned.unwrap_or(text).trim_start_matches(super::is_blank).chars() {
        let separator = match c {
            '.' | '．' => Separator::Point,
            ',' | '，' => Separator::Comma,
            '٫' => Separator::Decimal,
            ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\'' | '’' | '٬' => Separator::Group,
            _ => match digit(c) {
                Some(digit) => {
                    digits.push(digit);
                    continue;
                }
                // Perhaps with an exponent.
                None => return Ok(Cow::Borrowed(text)),
            },
        };
        separators.push((separator, digits.len()));
    }
    let decimals_from = decimals(&separators, digits.len(), digits.starts_with('0'), currency)?;
    let groups: Vec<usize> = separators.iter().map(|(_, at)| *at).filter(|at| Some(*at) != decimals_from).collect();
    let whole = decimals_from.unwrap_or(digits.len());
    if !grouped(&groups, whole, currency) {
        return Err("the separators of the amount do not stand between thousands");
    }
    if let Some(at) = decimals_from {
        digits.insert(at, '.');
    }
    Ok(Cow::Owned(format!("{sign}{digits}")))
}

/// Before which digit the decimals begin; `None` if there are none.
fn decimals(
    separators: &[(Separator, usize)],
    digits: usize,
    leading_zero: bool,
    currency: &str,
) -> Result<Option<usize>, &'static str> {
    let count = |wanted| separators.iter().filter(|(separator, _)| *separator == wanted).count();
    let Some((last, at)) = separators.last().copied() else { return Ok(None) };
    if last == Separator::Group {
        return Ok(None);
    }
    let others =
        [Separator::Point, Separator::Comma, Separator::Group].into_iter().any(|one| one != last && count(one) > 0);
    let behind = digits - at;
    match (last, count(last)) {
        // Many of one kind stand between thousands; if there is another kind, too, nothing fits.
        (_, 2..) if others => Err("the amount has several decimal separators"),
        (_, 2..) => Ok(None),
        (Separator::Decimal, _) => Ok(Some(at)),
        _ if others => Ok(Some(at)),
        // A lone separator with three digits behind it.
        (_, _) if behind == 3 && (1..=3).contains(&at) && !leading_zero => match (minor_digits(currency), last) {
            (3, Separator::Point) => Ok(Some(at)),
            (3, _) => {
                Err("nobody can tell whether the comma in the amount stands between thousands or before decimals")
            }
            _ => Ok(None),
        },
        _ => Ok(Some(at)),
    }
}

/// Whether separators stand where thousands are separated; in India also after two digits.
fn grouped(groups: &[usize], whole: usize, currency: &str) -> bool {
    let Some(first) = groups.first() else { return true };
    let sizes: Vec<usize> = groups.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let last = whole.checked_sub(groups[groups.len() - 1]);
    let fits = |size: &usize| *size == 3 || (*size == 2 && matches!(currency, "INR" | "PKR"));
    (1..=3).contains(first) && last == Some(3) && sizes.iter().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_amount_has_one_form() {
        for digits in ["2.7", "2.70", "2.700", "27e-1", "2,70", "+2.7", "٢٫٧"] {
            assert_eq!(amount(digits, "USD").unwrap().to_string(), "2.70", "{digits}");
        }
        assert_eq!(amount("1.005", "KWD").unwrap().to_string(), "1.005");
        assert_eq!(amount("120", "JPY").unwrap().to_string(), "120");
        assert_eq!(amount("0.125", "USD").unwrap().to_string(), "0.125");
    }

    #[test]
    fn thousands_and_decimals_in_every_style() {
        for digits in [
            "1299.00",
            "1,299.00",
            "1.299,00",
            "1 299,00",
            "1\u{a0}299,00",
            "1\u{202f}299.00",
            "1'299.00",
            "1’299,00",
            "1,299",
            "1٬299٫00",
            "١٬٢٩٩٫٠٠",
            "۱۲۹۹",
            "１，２９９．００",
            "1299,0",
        ] {
            assert_eq!(amount(digits, "EUR").unwrap().to_string(), "1299.00", "{digits}");
        }
        assert_eq!(shown_amount("1.299", "EUR").unwrap().to_string(), "1299.00", "no shop shows a third decimal");
        assert_eq!(amount("12.345.678", "IDR").unwrap().to_string(), "12345678.00");
        assert_eq!(amount("9.990", "CLP").unwrap().to_string(), "9990", "a peso has no decimals");
        assert_eq!(amount("39.900", "COP").unwrap().to_string(), "39900.00", "nor has it in Colombia");
        assert_eq!(amount("1,299", "JPY").unwrap().to_string(), "1299");
        assert_eq!(amount("1,29,900.00", "INR").unwrap().to_string(), "129900.00");
        assert_eq!(amount("12.500", "KWD").unwrap().to_string(), "12.500");
    }

    #[test]
    fn what_is_no_price_is_refused_with_its_reason() {
        for (digits, currency, reason) in [
            ("", "SAR", Reason::InvalidAmount),
            ("free", "SAR", Reason::InvalidAmount),
            ("12.99-15.99", "SAR", Reason::InvalidAmount),
            ("12,34,56", "SAR", Reason::InvalidAmount),
            ("1,2.3,4", "SAR", Reason::InvalidAmount),
            ("1.234,567,89", "SAR", Reason::InvalidAmount),
            ("1,234", "KWD", Reason::InvalidAmount),
            ("NaN", "SAR", Reason::InvalidAmount),
            ("1e99", "SAR", Reason::InvalidAmount),
            ("{}", "SAR", Reason::InvalidAmount),
            (",", "SAR", Reason::InvalidAmount),
            ("0", "SAR", Reason::ZeroPrice),
            ("0,00", "SAR", Reason::ZeroPrice),
            ("-1", "SAR", Reason::NegativePrice),
            ("−1,50", "SAR", Reason::NegativePrice),
            ("0.0000001", "SAR", Reason::InvalidAmount),
            ("1_000", "SAR", Reason::InvalidAmount),
            ("1_000", "JPY", Reason::InvalidAmount),
            ("21.2999000001", "SAR", Reason::InvalidAmount),
        ] {
            assert_eq!(amount(digits, currency).unwrap_err().reason, reason, "{digits}");
        }
    }

    #[test]
    fn what_a_float_leaves_is_noise_and_anything_more_is_not() {
        for (digits, currency, payable) in [
            ("21.299999999999997", "USD", "21.30"),
            ("45.300000000000004", "SAR", "45.30"),
            ("0.1000000000000000055511151231257827", "USD", "0.10"),
            // 21.3 in single precision.
            ("21.299999237060547", "USD", "21.30"),
            ("12.345000267028809", "KWD", "12.345"),
            ("1299.0000000000002", "JPY", "1299"),
            ("1e-2", "USD", "0.01"),
        ] {
            let amount = amount(digits, currency).unwrap();
            assert!(is_noise(amount, currency), "{digits}");
            assert_eq!(rounded(amount, currency).to_string(), payable, "{digits}");
        }
        for (digits, currency) in [
            ("21.2999912345", "USD"),
            ("21.2950000000001", "USD"),
            ("100000.0012345", "USD"),
            ("0.00000000000000005551", "USD"),
            ("1299.0012345", "JPY"),
        ] {
            let refused = amount(digits, currency).unwrap_err();
            assert_eq!(refused.reason, Reason::InvalidAmount, "{digits}");
        }
    }

    #[test]
    fn an_amount_is_rounded_half_up_to_its_currency() {
        for (digits, currency, payable) in [
            ("19.995", "USD", "20.00"),
            ("19.994", "USD", "19.99"),
            ("19.985", "USD", "19.99"),
            ("0.005", "USD", "0.01"),
            ("0.004", "USD", "0.00"),
            ("1299.5", "JPY", "1300"),
            ("1.0005", "KWD", "1.001"),
        ] {
            assert_eq!(
                rounded(amount(digits, currency).unwrap(), currency).to_string(),
                payable,
                "{digits} {currency}"
            );
        }
    }

    /// The standard's table, from a crate that follows it.
    #[test]
    fn digits_are_those_of_the_standard() {
        for code in crate::money::symbols::CODES {
            let standard = iso_currency::Currency::from_code(code).and_then(|currency| currency.exponent());
            assert_eq!(Some(minor_digits(code)), standard.map(u32::from), "{code}");
        }
    }
}
