//! What ISO 4217 says of a currency.

use rust_decimal::{Decimal, RoundingStrategy};

/// Digits behind the decimal point that a currency has: ISO 4217, list one, its column "minor
/// unit".
#[must_use]
pub fn minor_digits(code: &str) -> u32 {
    match code {
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "VND" | "VUV"
        | "XAF" | "XOF" | "XPF" => 0,
        _ => 2,
    }
}

/// An amount as one can pay it: rounded to its currency's digits, half up.
#[must_use]
pub fn rounded(amount: Decimal, currency: &str) -> Decimal {
    let digits = minor_digits(currency);
    let mut rounded = amount.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero);
    rounded.rescale(digits);
    rounded
}
