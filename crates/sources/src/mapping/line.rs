//! What a line of a declared part means.

use std::collections::BTreeSet;

use catalog::IdKind;

use super::{Field, LocalizedField, PriceMap, Take};

/// What a blank cell says of a field that a part owns. A column that is not there says nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Empty {
    /// Nothing: what was said stays.
    #[default]
    Keep,
    /// There is none.
    Clear,
    /// The part takes back what it said.
    Delete,
}

/// The line of a declared part.
#[derive(Debug, Clone)]
pub(crate) struct LineMap {
    pub(crate) kind: IdKind,
    pub(crate) by: Field,
    pub(crate) empty: Empty,
    /// Lines of which this is true take back all that the part said.
    pub(crate) delete: Option<Field>,
    pub(crate) stock: Option<Field>,
    pub(crate) prices: Vec<PriceMap>,
    pub(crate) name: Option<LocalizedField>,
    pub(crate) description: Option<LocalizedField>,
    pub(crate) brand: Option<Field>,
}

/// Any currency: a column says which.
const ANY: &str = "price in any currency";

impl LineMap {
    /// What it owns, as people read it.
    pub(crate) fn owns(&self) -> BTreeSet<String> {
        let texts = |what: &'static str, field: &Option<LocalizedField>| -> Vec<String> {
            match field {
                Some(LocalizedField::Each(each)) => each.iter().map(|(lang, _)| format!("{what}.{lang}")).collect(),
                _ => Vec::new(),
            }
        };
        let stock = self.stock.iter().map(|_| "stock".to_owned());
        let brand = self.brand.iter().map(|_| "brand".to_owned());
        let prices = self.prices.iter().map(|price| match self::currency(price) {
            Some(currency) => format!("price.{currency}"),
            None => ANY.to_owned(),
        });
        let texts = texts("name", &self.name).into_iter().chain(texts("description", &self.description));
        stock.chain(brand).chain(prices).chain(texts).collect()
    }

    /// What both own.
    pub(crate) fn shared(&self, other: &Self) -> Option<String> {
        let (own, others) = (self.owns(), other.owns());
        let price = |owns: &BTreeSet<String>| owns.iter().any(|one| one.starts_with("price"));
        if (own.contains(ANY) && price(&others)) || (others.contains(ANY) && price(&own)) {
            return Some(ANY.to_owned());
        }
        own.intersection(&others).next().cloned()
    }

    /// Columns and keys of what it owns.
    pub(crate) fn columns(&self) -> Vec<&str> {
        let localized = [&self.name, &self.description].into_iter().flatten().flat_map(|field| match field {
            LocalizedField::One(field) => vec![field],
            LocalizedField::Each(each) => each.iter().map(|(_, field)| field).collect(),
        });
        let prices = self.prices.iter().map(|price| &price.amount);
        let fields = self.stock.iter().chain(&self.brand).chain(prices).chain(localized);
        let paths = fields.filter_map(|field| match &field.take {
            Take::Paths(paths) => Some(paths.iter().filter_map(|path| path.first())),
            _ => None,
        });
        paths.flatten().collect()
    }
}

/// The currency of a price that is always the same.
pub(crate) fn currency(price: &PriceMap) -> Option<String> {
    match price.currency.as_ref().map(|field| &field.take) {
        Some(Take::Is(value)) => value.text().map(|text| text.to_string()),
        _ => None,
    }
}
