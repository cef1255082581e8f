//! From a record of a declared part to a line.

use std::collections::BTreeMap;

use catalog::line::{Field as Owned, Said};
use catalog::{Identifier, Line, Localized, Price, Product, Variant};
use feeds::{Defect, Reason, quality};
use rust_decimal::Decimal;

use super::{Scope, budget, money, variants};
use crate::mapping::line::{Empty, LineMap, currency};
use crate::mapping::{Field, LocalizedField, Mapping, Take};
use crate::record::Record;

/// What a record of a part says; `None` where the mapping passes it over.
///
/// # Errors
/// When it names nothing, or says what cannot be.
pub(crate) fn line(mapping: &Mapping, map: &LineMap, rows: &[Record]) -> Result<Option<Line>, Defect> {
    budget::begin();
    let scope = Scope::new(mapping, rows);
    if super::is_skipped(&scope)? {
        return Ok(None);
    }
    let known = scope.text(&map.by)?.ok_or_else(|| {
        scope.defect(
            &map.by,
            Reason::MissingField,
            format!("the record has no {}, so nobody can tell what it is about", map.kind),
        )
    })?;
    let invalid =
        |why: String| scope.defect(&map.by, Reason::InvalidId, format!("this is no {}: {why}", map.kind)).value(&known);
    let about = Identifier::new(map.kind, &known).map_err(invalid)?;
    let deletes = map.delete.as_ref().map_or(Ok(false), |field| scope.truth(field))?;
    let mut says = BTreeMap::new();
    let mut say = |owned: Owned, field: &Field, said: Option<Said>| {
        let blank = match map.empty {
            _ if !given(&scope, field) => None,
            Empty::Keep => None,
            Empty::Clear => Some(Said::Empty),
            Empty::Delete => Some(Said::Deleted),
        };
        let said = if deletes { Some(Said::Deleted) } else { said.or(blank) };
        if let Some(said) = said {
            says.insert(owned, said);
        }
    };
    if let Some(field) = &map.stock {
        let pieces =
            if deletes || scope.value(field)?.is_blank() { None } else { Some(variants::stock(&scope, field)?) };
        say(Owned::Stock, field, pieces.map(Said::Pieces));
    }
    for map in &map.prices {
        let price = if deletes { None } else { money::one(&scope, map)? };
        let fixed = currency(map).or_else(|| {
            let said = map.currency.as_ref().and_then(|field| scope.text(field).ok().flatten())?;
            feeds::money::currency(&said).map(str::to_owned)
        });
        let Some(currency) = price.as_ref().map(|price| price.currency.clone()).or(fixed) else { continue };
        let said = price.map(|price| Said::Amount(price.amount, price.list_amount));
        say(Owned::Price(currency), &map.amount, said);
    }
    for (texts, owned) in [(&map.name, Owned::Name as fn(String) -> Owned), (&map.description, Owned::Description)] {
        let Some(LocalizedField::Each(each)) = texts else { continue };
        for (language, field) in each {
            say(owned(language.clone()), field, scope.text(field)?.map(Said::Text));
        }
    }
    if let Some(field) = &map.brand {
        say(Owned::Brand, field, scope.text(field)?.map(Said::Text));
    }
    checked(mapping, Line { about, says }).map(Some)
}

/// Whether the record has what a field is taken from, filled or not.
fn given(scope: &Scope<'_>, field: &Field) -> bool {
    match &field.take {
        Take::Paths(paths) => paths.iter().any(|path| scope.rows.iter().any(|row| row.has(path))),
        Take::Expr(_) | Take::Is(_) => true,
    }
}

/// The same checks and corrections as for what products say: made by a product that says the same.
fn checked(mapping: &Mapping, mut line: Line) -> Result<Line, Defect> {
    let priced = line.says.iter().any(|(field, said)| matches!((field, said), (Owned::Price(_), Said::Amount(..))));
    let Product { name, description, brand, mut variants, .. } = quality::checked(saying_the_same(mapping, &line))?;
    let (sku, mut prices) = variants.pop().map(|variant| (variant.sku, variant.prices)).unwrap_or_default();
    if !priced {
        prices.clear();
    }
    for (field, said) in &mut line.says {
        match (field, said) {
            (Owned::Name(language), Said::Text(text)) => *text = name.get(language).unwrap_or_default().to_owned(),
            (Owned::Description(language), Said::Text(text)) => {
                *text = description.get(language).unwrap_or_default().to_owned();
            }
            (Owned::Brand, Said::Text(text)) => *text = brand.clone().unwrap_or_default(),
            (Owned::Price(currency), Said::Amount(amount, list)) => {
                if let Some(price) = prices.iter().find(|price| price.currency == *currency) {
                    (*amount, *list) = (price.amount, price.list_amount);
                }
            }
            _ => {}
        }
    }
    line.about.value = sku;
    // Of an amount that rounds to nothing, or a text of which nothing is left, nothing is said.
    line.says.retain(|field, said| match (field, &*said) {
        (_, Said::Text(text)) => !text.is_empty(),
        (Owned::Price(currency), Said::Amount(..)) => prices.iter().any(|price| price.currency == *currency),
        _ => true,
    });
    Ok(line)
}

/// A product of one variant that says what the line says. Without a name or a price it has one that
/// nobody reads: every product needs them.
fn saying_the_same(mapping: &Mapping, line: &Line) -> Product {
    let texts = |wanted: fn(&Owned) -> Option<&String>| {
        let said = line.says.iter().filter_map(|(field, said)| match said {
            Said::Text(text) => Some((wanted(field)?.clone(), text.clone())),
            _ => None,
        });
        Localized(said.collect())
    };
    let mut name = texts(|field| if let Owned::Name(language) = field { Some(language) } else { None });
    if name.is_empty() {
        name = name.with("en", "-");
    }
    let brand = match line.says.get(&Owned::Brand) {
        Some(Said::Text(text)) => Some(text.clone()),
        _ => None,
    };
    Product {
        source: mapping.source.clone(),
        made_skus: std::collections::BTreeSet::new(),
        stock_said: Default::default(),
        id: "line".to_owned(),
        group: None,
        sku: None,
        name,
        description: texts(|field| if let Owned::Description(language) = field { Some(language) } else { None }),
        brand,
        categories: Vec::new(),
        attributes: Vec::new(),
        options: Vec::new(),
        variants: vec![Variant {
            sku: line.about.value.clone(),
            title: "line".to_owned(),
            options: Vec::new(),
            prices: prices_of(line),
            stock: 0,
            images: Vec::new(),
            facts: None,
        }],
        images: Vec::new(),
        url: None,
        withdrawn: false,
        facts: None,
        warnings: Vec::new(),
    }
}

fn prices_of(line: &Line) -> Vec<Price> {
    let price = |(field, said): (&Owned, &Said)| match (field, said) {
        (Owned::Price(currency), Said::Amount(amount, list_amount)) => {
            Some(Price { currency: currency.clone(), amount: *amount, list_amount: *list_amount })
        }
        _ => None,
    };
    let prices: Vec<Price> = line.says.iter().filter_map(price).collect();
    if prices.is_empty() {
        return vec![Price { currency: "EUR".to_owned(), amount: Decimal::ONE, list_amount: None }];
    }
    prices
}
