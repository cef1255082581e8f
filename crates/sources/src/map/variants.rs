//! Options and variants: from the records of a group, from a list within a record, or one of a
//! record.

use std::collections::BTreeSet;

use catalog::{Localized, Price, ProductOption, Variant, Warning};
use expr::Value;
use feeds::{Defect, Reason, helpers};

use super::budget::{self, Repeated};
use super::{Scope, facts, money};
use crate::mapping::Field;
use crate::record;

/// A variant whose SKU and options are not complete.
struct Draft {
    sku: Option<String>,
    title: Option<String>,
    values: Vec<String>,
    variant: Variant,
}

/// What the variants of a product come to.
pub(super) struct Made {
    pub(super) options: Vec<ProductOption>,
    pub(super) variants: Vec<Variant>,
    pub(super) remarks: Vec<Warning>,
    /// SKUs that the record does not give.
    pub(super) made_skus: BTreeSet<String>,
}

pub(super) fn all(scope: &Scope<'_>, id: &str, language: &str) -> Result<Made, Defect> {
    let mapping = scope.mapping;
    let map = &mapping.product.variants;
    let names = mapping.product.options.iter().map(|option| scope.localized(&option.name, language));
    let names: Vec<Localized> = names.collect::<Result<_, _>>()?;
    let (mut drafts, mut remarks) = (Vec::new(), Vec::new());
    let mut prices = Repeated::new();
    let mut take = |scope: Scope<'_>| -> Result<(), Defect> {
        if let Some(when) = &map.when
            && !scope.truth(when)?
        {
            return Ok(());
        }
        drafts.push(draft(&scope, &names, language, &mut prices, &mut remarks)?);
        Ok(())
    };
    match &map.each {
        Some(each) => {
            let mut seen: Vec<String> = Vec::new();
            let items = scope.list(each)?;
            for item in items.iter() {
                if let Some(text) = record::text(item).filter(|_| !matches!(item, Value::Object(_))) {
                    // As customers will see it: written in two ways it is one.
                    let shown = helpers::choice(&text).to_lowercase();
                    budget::spend(seen.len() as u64 / 16);
                    if seen.contains(&shown) {
                        continue;
                    }
                    seen.push(shown);
                }
                take(scope.of_item(item))?;
            }
            if items.is_empty() {
                take(*scope)?;
            }
        }
        None if mapping.group.is_some() => {
            for row in scope.rows {
                take(scope.of_row(row))?;
            }
        }
        None => take(*scope)?,
    }
    let [single] = &drafts[..] else {
        return Ok(completed(drafts, &names, id, remarks));
    };
    let plain =
        |text: &str| text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let given: Vec<&String> = single.values.iter().filter(|value| !value.is_empty()).collect();
    if let [value] = &given[..]
        && map.single.iter().any(|word| plain(word) == plain(value))
    {
        for draft in &mut drafts {
            draft.values.iter_mut().for_each(String::clear);
        }
    }
    Ok(completed(drafts, &names, id, remarks))
}

fn draft(
    scope: &Scope<'_>,
    names: &[Localized],
    language: &str,
    prices: &mut Repeated<Vec<Price>>,
    remarks: &mut Vec<Warning>,
) -> Result<Draft, Defect> {
    let mapping = scope.mapping;
    let map = &mapping.product.variants;
    let mut values = Vec::new();
    for (option, name) in mapping.product.options.iter().zip(names) {
        let value = if name.is_empty() { None } else { scope.text(&option.value)? };
        values.push(value.unwrap_or_default());
    }
    let mut images = Vec::new();
    for field in &map.images {
        for image in scope.list(field)?.iter() {
            helpers::add_image(&mut images, &record::shown(image).unwrap_or_default());
        }
    }
    let variant = Variant {
        sku: String::new(),
        title: String::new(),
        options: Vec::new(),
        prices: if money::are_the_same_for_all_items(scope) {
            prices.of(|| money::all(scope))?
        } else {
            money::all(scope)?
        },
        stock: map.stock.as_ref().map_or(Ok(0), |field| stock(scope, field))?,
        images,
        facts: facts::said(scope, "$.variants.facts", &map.facts, None, language, remarks)?,
    };
    Ok(Draft { sku: scope.optional(map.sku.as_ref())?, title: scope.optional(map.title.as_ref())?, values, variant })
}

/// Leaves out axes on which nothing stands, and gives SKUs and titles to those that have none.
fn completed(mut drafts: Vec<Draft>, names: &[Localized], id: &str, remarks: Vec<Warning>) -> Made {
    let used: Vec<bool> =
        (0..names.len()).map(|axis| drafts.iter().any(|draft| !draft.values[axis].is_empty())).collect();
    let options: Vec<ProductOption> = names
        .iter()
        .zip(&used)
        .filter(|(_, used)| **used)
        .map(|(name, _)| ProductOption { name: name.clone() })
        .collect();
    for draft in &mut drafts {
        let mut axis = used.iter();
        draft.values.retain(|_| axis.next().copied().unwrap_or(false));
    }
    let choices: Vec<String> = drafts.iter().map(|draft| draft.values.join(" / ")).collect();
    let made = if options.is_empty() { vec![id.to_owned(); drafts.len()] } else { helpers::made_skus(id, &choices) };
    let mut made_skus = BTreeSet::new();
    let variants = drafts.into_iter().zip(choices).zip(made).map(|((draft, choice), made)| Variant {
        sku: draft.sku.unwrap_or_else(|| {
            made_skus.insert(made.clone());
            made
        }),
        title: draft.title.unwrap_or(if choice.is_empty() { "Default".to_owned() } else { choice }),
        options: draft.values,
        ..draft.variant
    });
    let variants = variants.collect();
    Made { options, variants, remarks, made_skus }
}

/// Pieces: a number, or words that say whether there are any.
pub(super) fn stock(scope: &Scope<'_>, field: &Field) -> Result<i32, Defect> {
    let value = scope.value(field)?;
    let guaranteed = scope.mapping.product.variants.in_stock;
    if let Value::Bool(truth) = *value {
        return Ok(if truth { guaranteed } else { 0 });
    }
    let Some(text) = record::text(&value) else { return Ok(0) };
    let whole = text
        .split_once('.')
        .map_or(&*text, |(whole, rest)| if rest.bytes().all(|b| b == b'0') { whole } else { &text });
    if let Ok(pieces) = whole.parse::<i64>() {
        return Ok(i32::try_from(pieces.max(0)).unwrap_or(i32::MAX));
    }
    let plain: String = text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    match plain.as_str() {
        "instock" | "available" => Ok(guaranteed),
        "outofstock" | "soldout" | "unavailable" => Ok(0),
        _ => match feeds::lenient::truth(&text) {
            Some(truth) => Ok(if truth { guaranteed } else { 0 }),
            None => {
                let message =
                    "the stock is neither a whole number nor a word such as in stock; a table can say what it means";
                Err(scope.defect(field, Reason::InvalidStock, message).value(&text))
            }
        },
    }
}
