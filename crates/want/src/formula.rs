//! A condition as an expression, for what no other word says.

use std::collections::BTreeMap;

use catalog::Product;
use expr::{Budget, Expression, Record, Value};

use crate::category::shown;
use crate::codes;
use crate::flaw::{Flaw, Place};
use crate::view::{Cost, View};
use crate::wanted::Remark;

/// What an expression may read.
const FIELDS: [&str; 12] = [
    "attributes",
    "brand",
    "categories",
    "cost",
    "currency",
    "description",
    "id",
    "images",
    "name",
    "source",
    "stock",
    "variants",
];

/// An expression with its place.
#[derive(Debug, Clone)]
pub(crate) struct Formula {
    expression: Expression,
    place: Place,
}

struct Fields<'a> {
    product: &'a Product,
    cost: Option<Cost<'a>>,
}

impl Formula {
    /// Compiles one, and notes what is wrong with it.
    pub(crate) fn new(text: &str, place: Place, flaws: &mut Vec<Flaw>) -> Option<Self> {
        match Expression::compile(text, FIELDS) {
            Ok(expression) => Some(Self { expression, place }),
            Err(error) => {
                let help = error.hint.as_ref().map(|hint| format!("did you mean `{hint}`?"));
                flaws.push(Flaw::at(place, error.to_string()).help(help));
                None
            }
        }
    }

    /// Whether it tells prices apart.
    pub(crate) fn reads_cost(&self) -> bool {
        self.expression.reads().iter().any(|field| field == "cost" || field == "currency")
    }

    /// Whether it is true. One that gives no answer is not, and is remarked.
    pub(crate) fn holds(&self, view: &View<'_>, product: &Product, cost: Option<Cost<'_>>) -> bool {
        let failed = match self.expression.eval(&Fields { product, cost }, Budget::default()) {
            Ok(Value::Bool(truth)) => return truth,
            Ok(Value::None) => return false,
            Ok(other) => format!("it gives {}, not true or false", other.kind()),
            Err(error) => error.to_string(),
        };
        let remark = Remark { code: codes::EXPRESSION_FAILED, message: format!("{}: {failed}", self.place) };
        let mut all = view.failed.borrow_mut();
        if !all.contains(&remark) {
            all.push(remark);
        }
        false
    }
}

impl Record for Fields<'_> {
    fn field(&self, name: &str) -> Value {
        let Self { product, cost } = self;
        let text = |text: Option<&str>| text.map_or(Value::None, |text| Value::Text(text.to_owned()));
        let count = |count: usize| Value::Number(count.into());
        match name {
            "source" => text(Some(&product.source)),
            "id" => text(Some(&product.id)),
            "brand" => text(product.brand.as_deref()),
            "name" => text(product.name.base()),
            "description" => text(product.description.base()),
            "categories" => Value::List(product.categories.iter().map(|path| Value::Text(shown(path))).collect()),
            "attributes" => {
                let one = |attribute: &catalog::Attribute| {
                    let values = attribute.values.iter().filter_map(|value| value.base());
                    let values = values.map(|value| Value::Text(value.to_owned())).collect();
                    (attribute.name.base().unwrap_or(&attribute.code).to_owned(), Value::List(values))
                };
                Value::Object(product.attributes.iter().map(one).collect::<BTreeMap<_, _>>())
            }
            "images" => count(product.images.len()),
            "variants" => count(product.variants.len()),
            "stock" => {
                Value::Number(product.variants.iter().map(|variant| i64::from(variant.stock)).sum::<i64>().into())
            }
            "cost" => cost.map_or(Value::None, |cost| Value::Number(cost.amount)),
            "currency" => text(cost.map(|cost| cost.currency)),
            _ => Value::None,
        }
    }
}
