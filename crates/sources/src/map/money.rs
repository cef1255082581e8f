//! Prices: read as built-in sources read them, never through a float.

use catalog::Price;
use feeds::money::{self, Shown};
use feeds::{Defect, Reason};
use rust_decimal::Decimal;

use super::Scope;
use crate::mapping::{PriceMap, Type};

/// Decimals of a workbook's number that are looked at: more come of a formula, and no currency has
/// as many.
const COMPUTED: u32 = 6;

/// A variant's prices, one a currency.
pub(super) fn all(scope: &Scope<'_>) -> Result<Vec<Price>, Defect> {
    let mut prices: Vec<Price> = Vec::new();
    for map in &scope.mapping.product.variants.prices {
        if let Some(price) = one(scope, map)? {
            if let Some(other) = prices.iter().find(|other| other.currency == price.currency) {
                if other.amount == price.amount {
                    continue;
                }
                let message = format!("two prices in {}", price.currency);
                return Err(scope.defect(&map.amount, Reason::InvalidAmount, message).value(&price.amount.to_string()));
            }
            prices.push(price);
        }
    }
    match (prices.is_empty(), scope.mapping.product.variants.prices.first()) {
        (true, Some(first)) if !scope.mapping.may_lack_price => {
            Err(scope.defect(&first.amount, Reason::MissingPrice, "the record has no price"))
        }
        _ => {
            prices.sort_by(|a, b| a.currency.cmp(&b.currency));
            Ok(prices)
        }
    }
}

/// Whether the prices read nothing of the list's value that is looked at.
pub(super) fn are_the_same_for_all_items(scope: &Scope<'_>) -> bool {
    scope.mapping.product.variants.prices.iter().all(|price| {
        let others = [&price.currency, &price.list, &price.country];
        let mut fields = others.into_iter().flatten().chain([&price.amount]);
        fields.all(|field| scope.is_the_same_for_all_items(field))
    })
}

pub(super) fn one(scope: &Scope<'_>, map: &PriceMap) -> Result<Option<Price>, Defect> {
    let Some(digits) = scope.text(&map.amount)? else { return Ok(None) };
    let country = scope.optional(map.country.as_ref())?;
    let country = country.as_deref().filter(|country| country.len() == 2);
    let shown = Shown::of(&digits);
    let said = scope.optional(map.currency.as_ref())?;
    let currency = match &said {
        Some(symbol) => money::currency_in(symbol, country),
        None => shown.currency(country),
    };
    let Some(currency) = currency else {
        let symbol = said.as_deref().unwrap_or(if shown.before.is_empty() { shown.behind } else { shown.before });
        let message = match (symbol, country) {
            ("", _) => "the price has no currency; the mapping can say one with currency:",
            (symbol, Some(_)) if money::is_ambiguous(symbol) => {
                "the symbol of the price stands for several currencies, none of them that of the country"
            }
            (symbol, None) if money::is_ambiguous(symbol) => {
                "the symbol of the price stands for several currencies, and the record names no country"
            }
            _ => "no currency is known for the price",
        };
        let field = map.currency.as_ref().unwrap_or(&map.amount);
        return Err(scope.defect(field, Reason::UnknownCurrency, message).value(symbol));
    };
    let placed = |defect| scope.placed(&map.amount, defect);
    let workbook = scope.mapping.form.kind == Type::Xlsx;
    let amount = amount(map, workbook, &digits, currency, country).map_err(placed)?;
    let list = match scope.optional(map.list.as_ref())? {
        None => None,
        Some(digits) => match self::amount(map, workbook, &digits, currency, country) {
            Err(defect) if defect.reason == Reason::ZeroPrice => None,
            Err(defect) => return Err(scope.placed(map.list.as_ref().unwrap_or(&map.amount), defect)),
            Ok(list) => Some(list),
        },
    };
    Ok(Some(Price { currency: currency.to_owned(), amount, list_amount: list.filter(|list| *list > amount) }))
}

/// An amount, bare or with the currency's own symbol.
fn amount(
    map: &PriceMap,
    workbook: bool,
    text: &str,
    currency: &str,
    country: Option<&str>,
) -> Result<Decimal, Defect> {
    if workbook && let Some(number) = computed(text, currency) {
        return money::amount(&number, currency);
    }
    if map.float
        && text.contains(['e', 'E'])
        && let Ok(number) = Decimal::from_scientific(text)
    {
        return money::amount(&number.to_string(), currency);
    }
    let shown = Shown::of(text);
    if !shown.is_bare() {
        if shown.number.is_empty() {
            return Err(Defect::new(Reason::InvalidAmount, "the amount is no decimal number").value(text));
        }
        if !shown.means(currency) {
            let message = format!("something other than {currency} stands beside the amount");
            return Err(Defect::new(Reason::InvalidAmount, message).value(text));
        }
    }
    if let Some(mark) = map.decimal {
        let number = if shown.is_bare() { text } else { shown.number };
        let cell = || (workbook && is_cell(number)).then(|| number.trim().to_owned());
        let digits = marked(number, mark).or_else(cell).ok_or_else(|| {
            Defect::new(Reason::InvalidAmount, format!("the amount is no number with {mark:?} before its decimals"))
                .value(text)
        })?;
        return money::amount(&digits, currency);
    }
    if !shown.is_bare() {
        return money::shown_amount(shown.number, currency);
    }
    let thousands = || {
        text.split_once('.').is_some_and(|(whole, rest)| !whole.starts_with('0') && whole.len() <= 3 && rest.len() == 3)
    };
    let decimals = money::minor_digits(currency) == 2 && !money::whole_units(currency);
    if decimals && country.is_some_and(money::writes_decimal_comma) && thousands() {
        let message = "nobody can tell whether the point in the amount stands between thousands or before decimals; the mapping can say it with decimal:";
        return Err(Defect::new(Reason::InvalidAmount, message).value(text));
    }
    money::amount(text, currency)
}

/// Whether a text is what a number cell becomes ([`crate::xlsx`]): digits, a point, digits.
fn is_cell(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.trim();
    text.strip_prefix('-').unwrap_or(text).split_once('.').is_some_and(|(whole, rest)| digits(whole) && digits(rest))
}

/// The result of a formula, such as 12.3333333333333, without the decimals that nobody sees. They
/// are cut and not rounded, so that rounding to the currency's digits happens once. `None` where
/// nothing is to be cut.
fn computed(text: &str, currency: &str) -> Option<String> {
    let number = is_cell(text).then(|| Decimal::from_str_exact(text.trim()).ok()).flatten()?;
    let cut = number.trunc_with_scale(COMPUTED);
    (number.scale() > COMPUTED && !money::is_noise(number, currency) && !cut.is_zero()).then(|| cut.to_string())
}

/// The digits of a number that is written with `mark` before its decimals. Thousands stand in
/// threes.
fn marked(text: &str, mark: char) -> Option<String> {
    let text = text.trim();
    let (whole, decimals) = text.split_once(mark).map_or((text, ""), |(whole, decimals)| (whole, decimals));
    if !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let between = |c: char| matches!(c, '.' | ',' | '\'' | '’' | ' ' | '\u{a0}' | '\u{202f}') && c != mark;
    let mut groups = whole.split(between);
    let first = groups.next()?;
    let mut digits = first.to_owned();
    for group in groups {
        let leads = first.trim_start_matches('-');
        if group.len() != 3 || !(1..=3).contains(&leads.len()) || leads.starts_with('0') {
            return None;
        }
        digits.push_str(group);
    }
    if digits.is_empty() {
        digits.push('0');
    }
    if !decimals.is_empty() {
        digits.push('.');
        digits.push_str(decimals);
    }
    Some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mapping_says_what_stands_before_decimals() {
        for (text, mark, digits) in [
            ("1.299,00", ',', Some("1299.00")),
            ("1 299,5", ',', Some("1299.5")),
            ("1.299", ',', Some("1299")),
            ("1,299.00", '.', Some("1299.00")),
            (",50", ',', Some("0.50")),
            ("12", ',', Some("12")),
            ("1.29", ',', None),
            ("1,2,3", ',', None),
            ("12,3a", ',', None),
            // Nobody writes thousands so.
            ("0.125", ',', None),
            ("1000.125", ',', None),
            ("-1.299", ',', Some("-1299")),
        ] {
            assert_eq!(marked(text, mark).as_deref(), digits, "{text}");
        }
    }

    #[test]
    fn a_formula_s_decimals_are_cut_where_nobody_sees_them() {
        for (text, number) in [
            ("12.3333333333333", Some("12.333333")),
            ("2.67499999999999", Some("2.674999")),
            ("1.004999999", Some("1.004999")),
            ("12.333333", None),
            // A float's noise is seen by whoever rounds.
            ("21.29999999999", None),
            ("0.00000012", None),
            ("1.299,3333333", None),
        ] {
            assert_eq!(computed(text, "EUR").as_deref(), number, "{text}");
        }
    }
}
