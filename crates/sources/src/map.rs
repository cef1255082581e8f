//! From the records of one product to the product.

pub(crate) mod budget;
mod facts;
pub(crate) mod line;
mod money;
mod texts;
mod variants;

use std::borrow::Cow;
use std::collections::BTreeMap;

use catalog::{Localized, Product};
use expr::{Budget, EvalError, Expression, Value};
use feeds::{Defect, Reason, helpers, quality};

use crate::mapping::{Field, LocalizedField, Mapping, Take};
use crate::record::{self, Record};

/// What is not there.
const NOTHING: Cow<'static, Value> = Cow::Owned(Value::None);

/// What a record becomes.
#[derive(Debug)]
pub(crate) enum Mapped {
    Product(Box<Product>),
    /// The mapping passes it over.
    Skipped,
}

/// The records of one product, the leading one first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) mapping: &'a Mapping,
    pub(crate) rows: &'a [Record],
    /// The record that is a variant.
    pub(crate) row: Option<&'a Record>,
    /// The value of a list that is looked at.
    pub(crate) item: Option<&'a Value>,
    /// The language of texts that do not name theirs, once it is known.
    pub(crate) language: Option<&'a str>,
}

impl expr::Record for Scope<'_> {
    fn field(&self, name: &str) -> Value {
        expr::Record::held(self, name).into_owned()
    }

    fn held(&self, name: &str) -> Cow<'_, Value> {
        let value = self.called(name);
        budget::copy(&value);
        value
    }
}

impl<'a> Scope<'a> {
    /// The value that an expression calls by a name.
    fn called(&self, name: &str) -> Cow<'a, Value> {
        if let Some(item) = self.item {
            if name == "value" && !matches!(item, Value::Object(_)) {
                return Cow::Borrowed(item);
            }
            let found = record::named(item, name);
            if !found.is_blank() {
                return found;
            }
        }
        let found = match self.row {
            Some(row) => row.named(name),
            None => self.rows.iter().map(|row| row.named(name)).find(|value| !value.is_blank()).unwrap_or(NOTHING),
        };
        match (self.language, name) {
            (Some(language), "language") if found.is_blank() => Cow::Owned(Value::Text(language.to_owned())),
            _ if self.is_blank(&found) => NOTHING,
            _ => found,
        }
    }

    pub(crate) fn new(mapping: &'a Mapping, rows: &'a [Record]) -> Self {
        Self { mapping, rows, row: None, item: None, language: None }
    }

    pub(crate) const fn of_row(self, row: &'a Record) -> Self {
        Self { row: Some(row), ..self }
    }

    pub(crate) const fn of_item(self, item: &'a Value) -> Self {
        Self { item: Some(item), ..self }
    }

    /// What a field is taken from.
    fn taken<'v>(&'v self, field: &'v Field) -> Result<Cow<'v, Value>, Defect> {
        match &field.take {
            Take::Is(value) => Ok(Cow::Borrowed(value)),
            Take::Expr(expression) => self.evaluated(expression).map(Cow::Owned).map_err(|error| {
                let place =
                    if error.line > 0 { format!(", at {}:{} of it", error.line, error.column) } else { String::new() };
                self.defect(field, Reason::MappingFailed, format!("{}{place}", error.message))
            }),
            Take::Paths(paths) => {
                Ok(paths.iter().map(|path| self.at(path)).find(|value| !self.is_blank(value)).unwrap_or(NOTHING))
            }
        }
    }

    fn evaluated(&self, expression: &Expression) -> Result<Value, EvalError> {
        let fresh = || {
            let (value, steps) = expression.eval_counted(self, Budget::default());
            budget::spend(steps);
            value
        };
        if self.is_same_for_all_items(expression) { budget::once(expression, fresh) } else { fresh() }
    }

    /// Whether a simple value of a list is looked at, one after the other.
    fn is_of_simple_items(&self) -> bool {
        self.row.is_none() && self.item.is_some_and(|item| !matches!(item, Value::Object(_) | Value::List(_)))
    }

    /// Whether an expression gives the same for each value of the list that is looked at: it reads nothing of them.
    fn is_same_for_all_items(&self, expression: &Expression) -> bool {
        self.is_of_simple_items() && !expression.reads().iter().any(|read| read == "value")
    }

    /// The same of a field.
    fn is_the_same_for_all_items(&self, field: &Field) -> bool {
        match &field.take {
            Take::Is(_) => self.is_of_simple_items(),
            Take::Expr(expression) => self.is_same_for_all_items(expression),
            Take::Paths(paths) => {
                let reads = |path: &record::Path| path.text == "value" || path.first().is_none();
                self.is_of_simple_items() && !paths.iter().any(reads)
            }
        }
    }

    fn at(&self, path: &record::Path) -> Cow<'a, Value> {
        if let Some(item) = self.item {
            if path.text == "value" && !matches!(item, Value::Object(_)) {
                return Cow::Borrowed(item);
            }
            let found = path.within(item);
            if !found.is_blank() {
                return found;
            }
        }
        match self.row {
            Some(row) => row.get(path),
            None => self.rows.iter().map(|row| row.get(path)).find(|value| !self.is_blank(value)).unwrap_or(NOTHING),
        }
    }

    fn is_blank(&self, value: &Value) -> bool {
        match value {
            Value::Text(text) => {
                let text = record::trimmed(text);
                text.is_empty() || self.mapping.form.blank.iter().any(|blank| blank == text)
            }
            other => other.is_blank(),
        }
    }

    /// A field's value, with what its mapping does to it.
    pub(crate) fn value<'v>(&'v self, field: &'v Field) -> Result<Cow<'v, Value>, Defect> {
        let mut value = self.taken(field)?;
        if !budget::copy(&value) {
            return Err(self.defect(field, Reason::MappingFailed, "the mapping takes more steps than a product may"));
        }
        if self.is_blank(&value) {
            value = field.default.clone().map_or(NOTHING, |default| Cow::Owned(Value::Text(default)));
        }
        if let Some(unit) = &field.unit {
            value = Cow::Owned(texts::with_unit(value.into_owned(), unit));
        }
        if let Some(separator) = &field.split
            && let Some(text) = record::text(&value)
        {
            let parts = parts(&text, separator).map(|part| Value::Text(part.to_owned()));
            value = Cow::Owned(Value::List(parts.take(budget::LIST + 1).collect()));
        }
        if matches!(&*value, Value::List(values) if values.len() > budget::LIST) {
            let message = format!("a list of more than {} values", budget::LIST);
            return Err(self.defect(field, Reason::MappingFailed, message));
        }
        if !field.table.is_empty() || field.others.is_some() {
            value = Cow::Owned(match value.into_owned() {
                Value::List(values) => Value::List(values.into_iter().map(|value| looked_up(field, value)).collect()),
                other => looked_up(field, other),
            });
        }
        if field.html_text
            && let Some(text) = record::text(&value)
        {
            value = Cow::Owned(Value::Text(texts::without_markup(&text)));
        }
        Ok(value)
    }

    /// A field as a text; a list of one is that one.
    pub(crate) fn text(&self, field: &Field) -> Result<Option<String>, Defect> {
        let value = self.value(field)?;
        if value.is_blank() {
            return Ok(None);
        }
        match record::text(&value) {
            None if matches!(*value, Value::List(_) | Value::Object(_)) => Err(self.defect(
                field,
                Reason::InvalidType,
                format!("a text is expected here, and here is {}", value.kind()),
            )),
            Some(text) if field.whole_number => {
                let whole = helpers::whole_number(&text).map(str::to_owned);
                whole.map(Some).map_err(|defect| self.placed(field, defect))
            }
            text => Ok(text),
        }
    }

    pub(crate) fn optional(&self, field: Option<&Field>) -> Result<Option<String>, Defect> {
        field.map_or(Ok(None), |field| self.text(field))
    }

    /// A field as true or false; not given is false.
    pub(crate) fn truth(&self, field: &Field) -> Result<bool, Defect> {
        let value = self.value(field)?;
        match &*value {
            Value::None => Ok(false),
            Value::Bool(truth) => Ok(*truth),
            other => match record::text(other).map(|text| (feeds::lenient::truth(&text), text)) {
                None => Ok(false),
                Some((Some(truth), _)) => Ok(truth),
                Some((None, text)) => {
                    Err(self.defect(field, Reason::InvalidType, "true or false is expected here").value(&text))
                }
            },
        }
    }

    /// The values of a list; one that is none is a list of it.
    pub(crate) fn list<'v>(&'v self, field: &'v Field) -> Result<Cow<'v, [Value]>, Defect> {
        Ok(match self.value(field)? {
            Cow::Borrowed(Value::List(values)) if values.iter().any(|value| self.is_blank(value)) => {
                values.iter().filter(|value| !self.is_blank(value)).cloned().collect()
            }
            Cow::Borrowed(Value::List(values)) => Cow::Borrowed(values),
            Cow::Owned(Value::List(mut values)) => {
                values.retain(|value| !self.is_blank(value));
                Cow::Owned(values)
            }
            value if value.is_blank() => Cow::Borrowed(&[]),
            Cow::Borrowed(value) => Cow::Borrowed(std::slice::from_ref(value)),
            Cow::Owned(value) => Cow::Owned(vec![value]),
        })
    }

    pub(crate) fn localized(&self, field: &LocalizedField, language: &str) -> Result<Localized, Defect> {
        match field {
            LocalizedField::One(field) => {
                let text = self.text(field)?.unwrap_or_default();
                Ok(Localized::default().with(language, &text))
            }
            LocalizedField::Each(fields) => fields.iter().try_fold(Localized::default(), |texts, (language, field)| {
                Ok(texts.with(language, &self.text(field)?.unwrap_or_default()))
            }),
        }
    }

    /// A defect that names the mapping's line and what stands there.
    pub(crate) fn defect(&self, field: &Field, reason: Reason, message: impl std::fmt::Display) -> Defect {
        self.placed(field, Defect::new(reason, message.to_string()))
    }

    pub(crate) fn placed(&self, field: &Field, mut defect: Defect) -> Defect {
        let what = match &field.take {
            Take::Expr(expression) => format!("= {}", shortened(expression.text())),
            Take::Paths(paths) => paths.iter().map(|path| path.text.as_str()).collect::<Vec<_>>().join(", "),
            Take::Is(value) => value.text().unwrap_or_default(),
        };
        defect.message = format!("{} ({} line {}: {what})", defect.message, self.mapping.file, field.at.line);
        if defect.path.is_none()
            && let Take::Paths(paths) = &field.take
            && let Some(path) = paths.first()
        {
            defect.path = Some(format!("$.{}", path.text));
        }
        defect
    }
}

fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(80) {
        None => line,
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}

/// The parts of a text, trimmed, without blanks.
pub(crate) fn parts<'t>(text: &'t str, separator: &'t str) -> impl Iterator<Item = &'t str> {
    let whole = separator.trim().is_empty() && separator.is_empty();
    let cut: Box<dyn Iterator<Item = &'t str>> =
        if whole { Box::new(std::iter::once(text)) } else { Box::new(text.split(separator)) };
    cut.map(str::trim).filter(|part| !part.is_empty())
}

fn looked_up(field: &Field, value: Value) -> Value {
    let Some(text) = record::text(&value) else { return value };
    match field.table.get(&text.to_lowercase()).or(field.others.as_ref()) {
        Some(meant) => Value::Text(meant.clone()),
        None => value,
    }
}

/// The id of a record that is refused, as far as it can be read.
pub(crate) fn id_of(mapping: &Mapping, rows: &[Record]) -> Option<String> {
    budget::begin();
    let scope = Scope::new(mapping, rows);
    let id = scope.text(&mapping.product.id).ok().flatten()?;
    helpers::known_id(&id)
}

/// Maps the records of one product.
pub(crate) fn product(mapping: &Mapping, rows: &[Record]) -> Result<Mapped, Defect> {
    budget::begin();
    let scope = Scope::new(mapping, rows);
    if is_skipped(&scope)? {
        return Ok(Mapped::Skipped);
    }
    let map = &mapping.product;
    let missing =
        |field: &Field, what: &str| scope.defect(field, Reason::MissingField, format!("the record has no {what}"));
    let id = scope.text(&map.id)?.ok_or_else(|| missing(&map.id, "id"))?;
    let language = match scope.optional(mapping.language.as_ref())? {
        Some(language) => language,
        None => "en".to_owned(),
    };
    let scope = Scope { language: Some(&language), ..scope };
    let name = scope.localized(&map.name, &language)?;
    if name.is_empty() {
        let LocalizedField::One(field) = &map.name else {
            return Err(Defect::new(Reason::MissingField, "the record has no name in any language").path("$.name"));
        };
        return Err(missing(field, "name"));
    }
    let attributes = facts::attributes(&scope, &language)?;
    let mut description =
        map.description.as_ref().map_or(Ok(Localized::default()), |field| scope.localized(field, &language))?;
    if description.is_empty() && map.attributes_as_description {
        description = Localized::default().with(&language, &facts::as_text(&attributes, &language));
    }
    let images = images(&scope)?;
    let variants::Made { options, variants, remarks, made_skus } = variants::all(&scope, &id, &language)?;
    let withdrawn = map.withdrawn.as_ref().map_or(Ok(false), |field| scope.truth(field))?;
    let known = if map.facts_from_attributes { helpers::facts_of_attributes(&attributes) } else { None };
    let mut warnings = remarks;
    let said = facts::said(&scope, "$.facts", &map.facts, known, &language, &mut warnings)?;
    let product = Product {
        source: mapping.source.clone(),
        group: scope.optional(map.group.as_ref())?,
        sku: scope.optional(map.sku.as_ref())?,
        name,
        description,
        brand: scope.optional(map.brand.as_ref())?,
        categories: facts::categories(&scope, &language)?,
        attributes,
        options,
        variants,
        images,
        facts: said,
        url: scope.optional(map.url.as_ref())?.map(|url| helpers::https(&url).into_owned()),
        withdrawn,
        warnings,
        made_skus,
        stock_said: Default::default(),
        id,
    };
    let checked = if mapping.may_lack_price { quality::checked_but_for_prices } else { quality::checked };
    checked(product).map(|product| Mapped::Product(Box::new(product))).map_err(|mut defect| {
        defect.message = format!("{} ({} line {})", defect.message, mapping.file, place(mapping, &defect));
        defect
    })
}

/// Whether the mapping passes the records over.
///
/// # Errors
/// When it sets them aside.
fn is_skipped(scope: &Scope<'_>) -> Result<bool, Defect> {
    if let Some(skip) = &scope.mapping.skip
        && scope.truth(skip)?
    {
        return Ok(true);
    }
    for reject in &scope.mapping.reject {
        if scope.truth(&reject.when)? {
            let mut defect = scope.defect(&reject.when, reject.reason, &reject.message);
            if let Some(value) = scope.optional(reject.value.as_ref())? {
                defect = defect.value(&value);
            }
            return Err(defect);
        }
    }
    Ok(false)
}

fn images(scope: &Scope<'_>) -> Result<Vec<String>, Defect> {
    let mut images = Vec::new();
    for row in scope.rows {
        for field in &scope.mapping.product.images {
            for image in scope.of_row(row).list(field)?.iter() {
                helpers::add_image(&mut images, &record::shown(image).unwrap_or_default());
            }
        }
    }
    Ok(images)
}

/// The line of the mapping that is nearest to what a check found.
fn place(mapping: &Mapping, defect: &Defect) -> usize {
    let map = &mapping.product;
    let path = defect.path.as_deref().unwrap_or_default();
    let fields: BTreeMap<&str, Option<usize>> = BTreeMap::from([
        ("$.id", Some(map.id.at.line)),
        ("$.brand", map.brand.as_ref().map(|field| field.at.line)),
        ("$.sku", map.sku.as_ref().map(|field| field.at.line)),
        ("$.group", map.group.as_ref().map(|field| field.at.line)),
        ("$.variants", Some(map.variants.at.line)),
        ("$.options", map.options.first().map(|option| option.value.at.line)),
        ("$.categories", map.categories.first().map(|category| category.from.at.line)),
        ("$.attributes", map.attributes.first().map(|attribute| attribute.value.at.line)),
    ]);
    let found = fields.into_iter().filter(|(beginning, _)| path.starts_with(beginning)).find_map(|(_, line)| line);
    found.unwrap_or(map.at.line)
}
