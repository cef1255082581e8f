//! Whether a rule is for a product: a pure decision.

use catalog::Product;

use crate::category::Pattern;
use crate::file::{OneOrMany, Range, When};
use crate::flaw::{Flaw, Place};
use crate::formula::Formula;
use crate::text::{Glob, folded, has_word};
use crate::view::{Cost, View, shop_categories};

/// A condition, ready to be asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Condition {
    source: Option<Vec<Glob>>,
    id: Option<Vec<Glob>>,
    brand: Option<Vec<Glob>>,
    name_has: Option<Vec<String>>,
    category: Option<Vec<Pattern>>,
    shop_category: Option<Vec<Pattern>>,
    attribute: Vec<(String, Vec<Glob>)>,
    cost: Option<Range>,
    stock: Option<(Option<i64>, Option<i64>)>,
    age: Option<(Option<i64>, Option<i64>)>,
    expression: Option<Formula>,
    any: Vec<Condition>,
    none: Vec<Condition>,
}

impl Condition {
    /// Makes one of what a file says.
    pub(crate) fn new(when: &When, file: &str, flaws: &mut Vec<Flaw>) -> Self {
        let range = |from: Option<i64>, below: Option<i64>| (from, below);
        let mut globs = |texts: &Option<crate::file::At<OneOrMany>>| {
            texts.as_ref().map(|texts| each(texts, &texts.place(file), flaws, Glob::new))
        };
        let (source, id, brand) = (globs(&when.source), globs(&when.id), globs(&when.brand));
        let mut patterns = |texts: &Option<crate::file::At<OneOrMany>>| {
            texts.as_ref().map(|texts| each(texts, &texts.place(file), flaws, Pattern::new))
        };
        let (category, shop_category) = (patterns(&when.category), patterns(&when.shop_category));
        let words = |texts: &OneOrMany| texts.0.iter().map(|word| folded(word)).collect();
        let attribute = when
            .attribute
            .iter()
            .map(|(name, values)| (folded(name), each(values, &values.place(file), flaws, Glob::new)));
        let attribute = attribute.collect();
        let expression = when.expression.as_ref().and_then(|text| Formula::new(text, text.place(file), flaws));
        let mut all = |conditions: &[When]| conditions.iter().map(|when| Self::new(when, file, flaws)).collect();
        Self {
            source,
            id,
            brand,
            name_has: when.name_has.as_ref().map(|texts| words(texts)),
            category,
            shop_category,
            attribute,
            cost: when.cost.as_ref().map(|range| range.value.clone()),
            stock: when.stock.as_ref().map(|pieces| range(pieces.from, pieces.below)),
            age: when.age.as_ref().map(|age| range(age.from.map(|span| span.0), age.below.map(|span| span.0))),
            expression,
            any: all(&when.any),
            none: all(&when.none),
        }
    }

    /// Whether prices are told apart.
    pub(crate) fn asks_for_cost(&self) -> bool {
        self.cost.is_some()
            || self.expression.as_ref().is_some_and(Formula::reads_cost)
            || self.any.iter().chain(&self.none).any(Self::asks_for_cost)
    }

    /// The ages (ms) at which it may begin or cease to hold.
    pub(crate) fn ages(&self) -> Vec<i64> {
        let own = self.age.iter().flat_map(|(from, below)| [*from, *below]).flatten();
        own.chain(self.any.iter().chain(&self.none).flat_map(Self::ages)).collect()
    }

    /// Whether it holds of a product (as the rules before have made it) and of a price of it.
    pub(crate) fn holds(&self, view: &View<'_>, product: &Product, cost: Option<Cost<'_>>) -> bool {
        let is = |globs: &Option<Vec<Glob>>, text: &str| globs.as_ref().is_none_or(|globs| any_of(globs, text));
        is(&self.source, &view.said.source)
            && is(&self.id, &view.said.id)
            && (self.brand.is_none() || is(&self.brand, product.brand.as_deref().unwrap_or_default()))
            && self.name_has.as_ref().is_none_or(|words| words.iter().any(|word| has_word(view.name(), word)))
            && self.category.as_ref().is_none_or(|patterns| {
                view.categories().iter().any(|path| patterns.iter().any(|pattern| pattern.depth(path).is_some()))
            })
            && self.shop_category.as_ref().is_none_or(|patterns| {
                shop_categories(product).any(|path| patterns.iter().any(|pattern| pattern.depth(&path).is_some()))
            })
            && self.attribute.iter().all(|(name, values)| has_attribute(product, name, values))
            && self.cost.as_ref().is_none_or(|range| cost.is_some_and(|cost| within(range, cost)))
            && self.stock.is_none_or(|(from, below)| {
                let pieces: i64 = product.variants.iter().map(|variant| i64::from(variant.stock)).sum();
                between(pieces, from, below)
            })
            && self.age.is_none_or(|(from, below)| view.age.is_some_and(|age| between(age, from, below)))
            && self.expression.as_ref().is_none_or(|formula| formula.holds(view, product, cost))
            && (self.any.is_empty() || self.any.iter().any(|one| one.holds(view, product, cost)))
            && !self.none.iter().any(|one| one.holds(view, product, cost))
    }
}

/// Reads each text, and notes what cannot be read.
fn each<T>(texts: &OneOrMany, place: &Place, flaws: &mut Vec<Flaw>, read: fn(&str) -> Result<T, String>) -> Vec<T> {
    let mut all = Vec::new();
    if texts.0.is_empty() {
        flaws.push(Flaw::at(place.clone(), "an empty list is for no product").help(Some("leave it out".to_owned())));
    }
    for text in &texts.0 {
        match read(text) {
            Ok(one) => all.push(one),
            Err(message) => flaws.push(Flaw::at(place.clone(), message)),
        }
    }
    all
}

fn any_of(globs: &[Glob], text: &str) -> bool {
    let text = folded(text);
    globs.iter().any(|glob| glob.matches(&text))
}

fn has_attribute(product: &Product, name: &str, values: &[Glob]) -> bool {
    product
        .attributes
        .iter()
        .filter(|attribute| is_named(&attribute.code, &attribute.name, name))
        .any(|attribute| attribute.values.iter().flat_map(|value| value.0.values()).any(|value| any_of(values, value)))
}

/// Whether a code or a name in any language is this folded one.
pub(crate) fn is_named(code: &str, name: &catalog::Localized, folded_name: &str) -> bool {
    folded(code) == folded_name || name.0.values().any(|name| folded(name) == folded_name)
}

fn within(range: &Range, cost: Cost<'_>) -> bool {
    // A range in other currencies says nothing about this one.
    let (from, below) = (range.from.get(cost.currency), range.below.get(cost.currency));
    let said = from.is_some() || below.is_some();
    said && from.is_none_or(|from| cost.amount >= from) && below.is_none_or(|below| cost.amount < below)
}

fn between(value: i64, from: Option<i64>, below: Option<i64>) -> bool {
    from.is_none_or(|from| value >= from) && below.is_none_or(|below| value < below)
}
