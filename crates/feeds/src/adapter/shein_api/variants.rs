//! SKUs: what one can buy, at what price, and how many.

use catalog::{Localized, Price, ProductOption, Variant};
use rust_decimal::Decimal;

use super::document::{Amounts, Choice, Levels, PriceInfo, Sku};
use super::in_language;
use crate::lenient::{filled, given, whole_number};
use crate::money::Shown;
use crate::{Defect, Reason, money};

const SKUS: &str = "$.info.saleAttr.multiLevelSaleAttribute.sku_list";

/// One option axis: its id in the source and its name.
struct Axis<'a> {
    id: &'a str,
    name: Localized,
}

pub(super) fn read(levels: Option<&Levels<'_>>, lang: &str) -> Result<(Vec<ProductOption>, Vec<Variant>), Defect> {
    let skus = levels.map(|levels| levels.sku_list.0.as_slice()).unwrap_or_default();
    if skus.is_empty() {
        return Err(Defect::new(Reason::NoVariants, "the document has no SKU, so there is nothing to sell").path(SKUS));
    }
    let axes = axes(skus, lang);
    let mut variants = Vec::with_capacity(skus.len());
    for (number, sku) in skus.iter().enumerate() {
        variants.push((rank(levels, sku), variant(sku, &axes, &format!("{SKUS}[{number}]"))?));
    }
    // The list of sizes is in the order a customer expects; the list of SKUs in none.
    variants.sort_by(|(a, _), (b, _)| a.cmp(b));
    let options = axes.into_iter().map(|axis| ProductOption { name: axis.name }).collect();
    Ok((options, variants.into_iter().map(|(_, variant)| variant).collect()))
}

/// The axes in the order in which the SKUs name them.
fn axes<'a>(skus: &'a [Sku<'a>], lang: &str) -> Vec<Axis<'a>> {
    let mut axes: Vec<Axis<'a>> = Vec::new();
    for choice in skus.iter().flat_map(|sku| &sku.sku_sale_attr.0) {
        let id = axis_id(choice);
        if !axes.iter().any(|axis| axis.id == id) {
            let own = filled(&choice.attr_name).unwrap_or_default();
            let english = filled(&choice.attr_name_en).unwrap_or_default();
            axes.push(Axis { id, name: Localized::default().with(in_language(own, lang), own).with("en", english) });
        }
    }
    axes
}

fn axis_id<'a>(choice: &'a Choice<'_>) -> &'a str {
    filled(&choice.attr_id)
        .or_else(|| filled(&choice.attr_name_en))
        .or_else(|| filled(&choice.attr_name))
        .unwrap_or_default()
}

/// The places of the SKU's values in the lists of values; a value that is in no list comes last.
fn rank(levels: Option<&Levels<'_>>, sku: &Sku<'_>) -> Vec<usize> {
    let lists = levels.map(|levels| levels.skc_sale_attr.0.as_slice()).unwrap_or_default();
    let place = |choice: &Choice<'_>| {
        let id = filled(&choice.attr_value_id)?;
        lists
            .iter()
            .find_map(|axis| axis.attr_value_list.0.iter().position(|value| filled(&value.attr_value_id) == Some(id)))
    };
    sku.sku_sale_attr.0.iter().map(|choice| place(choice).unwrap_or(usize::MAX)).collect()
}

fn variant(sku: &Sku<'_>, axes: &[Axis<'_>], path: &str) -> Result<Variant, Defect> {
    let missing = |field: &str| {
        Defect::new(Reason::MissingField, format!("the SKU has no {field}")).path(format!("{path}.{field}"))
    };
    let code = given(&sku.sku_code).ok_or_else(|| missing("sku_code"))?;
    let stock = stock(filled(&sku.stock).ok_or_else(|| missing("stock"))?)
        .map_err(|defect| defect.path(format!("{path}.stock")))?;
    let values = axes
        .iter()
        .map(|axis| {
            let choice = sku.sku_sale_attr.0.iter().find(|choice| axis_id(choice) == axis.id);
            choice
                .and_then(|choice| filled(&choice.attr_value_name_en).or_else(|| filled(&choice.attr_value_name)))
                .map(str::to_owned)
                .ok_or_else(|| {
                    let name = axis.name.base().unwrap_or(axis.id);
                    let message = format!("SKU {code:?} has no value for {name:?}, which other SKUs have");
                    Defect::new(Reason::AmbiguousOptions, message).path(format!("{path}.sku_sale_attr"))
                })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let prices = prices(code, sku.price.as_ref(), &format!("{path}.priceInfo"))?;
    let title = if values.is_empty() { "Default".to_owned() } else { values.join(" / ") };
    Ok(Variant { sku: code.to_owned(), title, options: values, prices, stock, images: Vec::new(), facts: None })
}

/// A whole number of pieces. What was sold beyond what there was counts as none left.
fn stock(text: &str) -> Result<i32, Defect> {
    match whole_number(text) {
        Some(pieces) => Ok(i32::try_from(pieces.max(0)).unwrap_or(i32::MAX)),
        None => Err(Defect::new(Reason::InvalidStock, "the stock level is no whole number").value(text)),
    }
}

fn prices(sku: &str, info: Option<&PriceInfo<'_>>, path: &str) -> Result<Vec<Price>, Defect> {
    let none = || Defect::new(Reason::MissingPrice, format!("SKU {sku:?} has no sale price"));
    let sale_path = format!("{path}.salePrice");
    let info = info.ok_or_else(|| none().path(path))?;
    let sale = info.sale.as_ref().ok_or_else(|| none().path(&sale_path))?;
    let digits = given(&sale.amount).ok_or_else(|| none().path(format!("{sale_path}.amount")))?;
    let currency =
        currency(sku, sale, digits).map_err(|defect| defect.path(format!("{sale_path}.amountWithSymbol")))?;
    let retail = info.retail.as_ref();
    let mut prices = vec![
        price(currency, digits, retail.and_then(|retail: &Amounts<'_>| given(&retail.amount)))
            .map_err(|(field, defect)| defect.path(format!("{path}.{field}.amount")))?,
    ];
    if currency != "USD"
        && let Some(digits) = given(&sale.usd)
    {
        let price = price("USD", digits, retail.and_then(|retail| given(&retail.usd)))
            .map_err(|(field, defect)| defect.path(format!("{path}.{field}.usdAmount")))?;
        prices.push(price);
    }
    prices.sort_by(|a, b| a.currency.cmp(&b.currency));
    Ok(prices)
}

/// The currency of a price: that of its symbol. A document does not name its country, but it says
/// what the amount is in US dollars: where that is the same amount, `$` means those.
fn currency(sku: &str, sale: &Amounts<'_>, digits: &str) -> Result<&'static str, Defect> {
    let text = filled(&sale.with_symbol).unwrap_or_default();
    let shown = Shown::of(text);
    let dollars =
        || given(&sale.usd).and_then(|usd| money::amount(usd, "USD").ok()) == money::amount(digits, "USD").ok();
    let refused = |reason, message| Err(Defect::new(reason, message).value(text));
    let currency = match shown.currency(None) {
        Some(currency) => currency,
        None if shown.means("USD") && !shown.is_bare() && dollars() => "USD",
        None if money::is_ambiguous(shown.before) || money::is_ambiguous(shown.behind) => {
            let message = format!("the symbol in the price of SKU {sku:?} stands for several currencies");
            return refused(Reason::UnknownCurrency, message);
        }
        None => return refused(Reason::UnknownCurrency, format!("no currency is known for the price of SKU {sku:?}")),
    };
    // The same price twice in one record: they have to agree, but for rounding.
    let (bare, with_symbol) = (money::amount(digits, currency), money::shown_amount(shown.number, currency));
    if let (Ok(bare), Ok(with_symbol)) = (bare, with_symbol)
        && (bare - with_symbol).abs() >= Decimal::ONE
    {
        let message = format!("SKU {sku:?} has the price {digits:?} in one place and another in the next");
        return refused(Reason::InvalidAmount, message);
    }
    Ok(currency)
}

fn price(currency: &str, sale: &str, retail: Option<&str>) -> Result<Price, (&'static str, Defect)> {
    let amount = money::amount(sale, currency).map_err(|defect| ("salePrice", defect))?;
    let list: Option<Decimal> = match retail.map(|retail| money::amount(retail, currency)).transpose() {
        // No price before the reduction is written as zero, too.
        Err(defect) if defect.reason == Reason::ZeroPrice => None,
        result => result.map_err(|defect| ("retailPrice", defect))?,
    };
    Ok(Price { currency: currency.to_owned(), amount, list_amount: list.filter(|list| *list > amount) })
}
