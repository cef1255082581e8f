//! A product in the form in which conditions look at it; each part is made when it is first asked
//! for.

use std::cell::{OnceCell, RefCell};

use catalog::Product;
use rust_decimal::Decimal;

use crate::category::{Levels, of_shop};
use crate::text::folded;
use crate::wanted::Remark;

/// A product on its way through the rules.
#[derive(Debug)]
pub(crate) struct View<'a> {
    /// As the source says it.
    pub(crate) said: &'a Product,
    /// How long ago (ms) the source said it.
    pub(crate) age: Option<i64>,
    /// Expressions that gave no answer.
    pub(crate) failed: RefCell<Vec<Remark>>,
    categories: OnceCell<Vec<Levels>>,
    text: OnceCell<String>,
    name: OnceCell<String>,
}

/// What the source asks, in a currency.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost<'a> {
    pub(crate) currency: &'a str,
    pub(crate) amount: Decimal,
}

impl<'a> View<'a> {
    pub(crate) fn new(said: &'a Product, age: Option<i64>) -> Self {
        Self {
            said,
            age,
            failed: RefCell::default(),
            categories: OnceCell::new(),
            text: OnceCell::new(),
            name: OnceCell::new(),
        }
    }

    /// The source's categories.
    pub(crate) fn categories(&self) -> &[Levels] {
        self.categories.get_or_init(|| self.said.categories.iter().map(Levels::of).collect())
    }

    /// Names in all languages.
    pub(crate) fn name(&self) -> &str {
        self.name.get_or_init(|| joined(self.said.name.0.values()))
    }

    /// Names and descriptions in all languages.
    pub(crate) fn text(&self) -> &str {
        self.text.get_or_init(|| joined(self.said.name.0.values().chain(self.said.description.0.values())))
    }
}

fn joined<'t>(texts: impl Iterator<Item = &'t String>) -> String {
    texts.map(|text| folded(text)).collect::<Vec<_>>().join("\n")
}

/// The shop's categories that a product is in.
pub(crate) fn shop_categories(product: &Product) -> impl Iterator<Item = Levels> {
    product.categories.iter().filter(|path| of_shop(path)).map(Levels::of)
}
