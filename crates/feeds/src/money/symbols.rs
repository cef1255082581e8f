//! What symbols stand for.

/// Symbols that stand for one currency only. Compared without white space and without a point at
/// the end.
const SYMBOLS: &[(&str, &str)] = &[
    ("SR", "SAR"),
    ("ر.س", "SAR"),
    ("\u{20c1}", "SAR"),
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
    ("ر.ع", "OMR"),
    ("JD", "JOD"),
    ("د.أ", "JOD"),
    ("د.ع", "IQD"),
    ("ل.ل", "LBP"),
    ("ج.م", "EGP"),
    ("E£", "EGP"),
    ("د.م", "MAD"),
    ("د.ت", "TND"),
    ("د.ج", "DZD"),
    ("ر.ي", "YER"),
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
    ("S/", "PEN"),
    ("R", "ZAR"),
    ("₹", "INR"),
    ("₪", "ILS"),
    ("₺", "TRY"),
    ("TL", "TRY"),
    ("₽", "RUB"),
    ("₴", "UAH"),
    ("₸", "KZT"),
    ("₩", "KRW"),
    ("円", "JPY"),
    ("zł", "PLN"),
    ("Kč", "CZK"),
    ("Ft", "HUF"),
    ("lei", "RON"),
    ("лв", "BGN"),
    ("฿", "THB"),
    ("₫", "VND"),
    ("₱", "PHP"),
    ("₦", "NGN"),
    ("RM", "MYR"),
    ("Rp", "IDR"),
    ("Fr", "CHF"),
    ("RMB", "CNY"),
];

/// Symbols that stand for another currency in another country.
const SEVERAL: &[(&str, &[(&str, &str)])] = &[
    (
        "$",
        &[
            ("US", "USD"),
            ("CA", "CAD"),
            ("AU", "AUD"),
            ("NZ", "NZD"),
            ("MX", "MXN"),
            ("CL", "CLP"),
            ("CO", "COP"),
            ("AR", "ARS"),
            ("SG", "SGD"),
            ("HK", "HKD"),
            ("TW", "TWD"),
        ],
    ),
    ("¥", &[("JP", "JPY"), ("CN", "CNY")]),
    ("￥", &[("JP", "JPY"), ("CN", "CNY")]),
    ("元", &[("CN", "CNY"), ("TW", "TWD")]),
    ("kr", &[("SE", "SEK"), ("DK", "DKK"), ("NO", "NOK"), ("IS", "ISK")]),
    ("Rs", &[("IN", "INR"), ("PK", "PKR")]),
    ("DH", &[("AE", "AED"), ("MA", "MAD")]),
    ("﷼", &[("SA", "SAR"), ("QA", "QAR"), ("OM", "OMR"), ("YE", "YER")]),
];

/// The codes of ISO 4217 that a shop may price in.
pub(super) const CODES: &[&str] = &[
    "AED", "ARS", "AUD", "BGN", "BHD", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CZK", "DKK", "DZD", "EGP", "EUR",
    "GBP", "HKD", "HUF", "IDR", "ILS", "INR", "IQD", "ISK", "JOD", "JPY", "KRW", "KWD", "KZT", "LBP", "LYD", "MAD",
    "MXN", "MYR", "NGN", "NOK", "NZD", "OMR", "PEN", "PHP", "PKR", "PLN", "QAR", "RON", "RUB", "SAR", "SEK", "SGD",
    "THB", "TND", "TRY", "TWD", "UAH", "USD", "VND", "YER", "ZAR",
];

/// Countries in which a comma stands before decimals and a point between thousands.
const DECIMAL_COMMA: &[&str] = &[
    "AR", "AT", "BE", "BG", "BR", "CH", "CL", "CO", "CZ", "DE", "DK", "ES", "FI", "FR", "GR", "HU", "ID", "IS", "IT",
    "MA", "NL", "NO", "PE", "PL", "PT", "RO", "RU", "SE", "TR", "UA", "VN", "ZA",
];

/// Whether a country (ISO 3166, two letters) writes `1.299,00`.
#[must_use]
pub fn writes_decimal_comma(country: &str) -> bool {
    DECIMAL_COMMA.iter().any(|known| known.eq_ignore_ascii_case(country))
}

/// The ISO 4217 code of a currency symbol or code. `None` if it stands for none, or for several.
#[must_use]
pub fn currency(symbol: &str) -> Option<&'static str> {
    let symbol = plain(symbol);
    let code = |text: &str| CODES.iter().find(|code| code.eq_ignore_ascii_case(text)).copied();
    if let Some((_, known)) = SYMBOLS.iter().find(|(known, _)| *known == symbol) {
        return Some(known);
    }
    // `$MXN`, `COP$`.
    code(&symbol).or_else(|| symbol.strip_prefix('$').or_else(|| symbol.strip_suffix('$')).and_then(code))
}

/// The same where the storefront is of a country (ISO 3166, two letters), which decides what `$`,
/// `¥` or `kr` stand for.
#[must_use]
pub fn currency_in(symbol: &str, country: Option<&str>) -> Option<&'static str> {
    let of_country =
        || several(symbol)?.iter().find(|(known, _)| country.is_some_and(|own| known.eq_ignore_ascii_case(own)));
    currency(symbol).or_else(|| of_country().map(|(_, code)| *code))
}

/// Whether a symbol stands for several currencies.
#[must_use]
pub fn is_ambiguous(symbol: &str) -> bool {
    several(symbol).is_some()
}

/// Whether an ambiguous symbol can stand for a currency.
pub(super) fn can_mean(symbol: &str, code: &str) -> bool {
    several(symbol).is_some_and(|all| all.iter().any(|(_, known)| *known == code))
}

fn several(symbol: &str) -> Option<&'static [(&'static str, &'static str)]> {
    let symbol = plain(symbol);
    SEVERAL.iter().find(|(known, _)| *known == symbol).map(|(_, all)| *all)
}

/// Without white space, invisible marks and a point at the end.
fn plain(symbol: &str) -> String {
    let kept: String = symbol.chars().filter(|c| !super::is_blank(*c)).collect();
    kept.trim_end_matches('.').to_owned()
}
