//! Facts, attributes and categories.

use std::borrow::Cow;

use catalog::facts::{Facts, Row};
use catalog::{Attribute, Category, CategoryPath, Localized, Warning};
use expr::Value;
use feeds::{Defect, helpers};

use super::{Scope, budget, parts};
use crate::mapping::{CategoryMap, FactMap, Field, LocalizedField};
use crate::record;

/// What is said of a product or variant. What cannot be right is left out with a remark.
pub(super) fn said(
    scope: &Scope<'_>,
    place: &str,
    maps: &[FactMap],
    known: Option<Box<Facts>>,
    language: &str,
    remarks: &mut Vec<Warning>,
) -> Result<Option<Box<Facts>>, Defect> {
    if maps.is_empty() {
        return Ok(known);
    }
    let mut reader = helpers::FactsReader::knowing(known);
    for map in maps {
        let mut say = |field: &Field, lang: &str| -> Result<(), Defect> {
            for value in scope.list(field)?.iter() {
                let Some(mut text) = record::text(value) else { continue };
                if map.code == "relation" && !text.contains(':') {
                    text = format!("{}:{text}", scope.mapping.source);
                }
                let row = Row { code: map.code.to_owned(), name: map.name.clone(), lang: lang.to_owned(), text };
                reader.say(&format!("{place}.{}", map.code), &row);
            }
            Ok(())
        };
        match &map.value {
            LocalizedField::Each(each) => each.iter().try_for_each(|(language, field)| say(field, language))?,
            LocalizedField::One(field) => {
                let own = scope.optional(map.language.as_ref())?;
                let has_language = catalog::facts::has_language(map.code);
                say(field, own.as_deref().unwrap_or(if has_language { language } else { "" }))?;
            }
        }
    }
    let (facts, said) = reader.read();
    for warning in said {
        // One remark of a kind, however many variants there are.
        if !remarks.iter().any(|known| known.code == warning.code) {
            remarks.push(warning);
        }
    }
    Ok(facts)
}

pub(super) fn attributes(scope: &Scope<'_>, language: &str) -> Result<Vec<Attribute>, Defect> {
    let text = |text: &str| Localized::default().with(language, text);
    let mut attributes: Vec<Attribute> = Vec::new();
    let mut add = |name: &str, value: &str| {
        let code = slug(name);
        if code.is_empty() || value.is_empty() {
            return;
        }
        let value = text(value);
        match attributes.iter_mut().find(|attribute| attribute.code == code) {
            // A list is compared with all that was there before.
            Some(known) if !budget::spend(1 + known.values.len() as u64 / 16) || known.values.contains(&value) => {}
            Some(known) => known.values.push(value),
            None => attributes.push(Attribute { code, name: text(name), values: vec![value] }),
        }
    };
    for map in &scope.mapping.product.attributes {
        let items = match &map.each {
            Some(each) => scope.list(each)?,
            None => Cow::Borrowed(&[Value::None][..]),
        };
        for item in items.iter() {
            let inner = if map.each.is_some() { scope.of_item(item) } else { *scope };
            let name = inner.text(&map.name)?.unwrap_or_default();
            for value in inner.list(&map.value)?.iter() {
                add(&name, record::shown(value).unwrap_or_default().trim());
            }
        }
    }
    Ok(attributes)
}

pub(super) fn as_text(attributes: &[Attribute], language: &str) -> String {
    let line = |attribute: &Attribute| {
        let values: Vec<&str> = attribute.values.iter().filter_map(|value| value.get(language)).collect();
        format!("{}: {}", attribute.name.get(language).unwrap_or(&attribute.code), values.join(", "))
    };
    attributes.iter().map(line).collect::<Vec<_>>().join("\n")
}

pub(super) fn categories(scope: &Scope<'_>, language: &str) -> Result<Vec<CategoryPath>, Defect> {
    let mut paths: Vec<CategoryPath> = Vec::new();
    for map in &scope.mapping.product.categories {
        for steps in steps(scope, map)? {
            let path = path(&steps, language);
            if !path.0.is_empty() && !paths.contains(&path) {
                paths.push(path);
            }
        }
    }
    Ok(paths)
}

/// Each path as names, with their ids where the supplier has some.
type Steps = Vec<(String, Option<String>)>;

fn steps(scope: &Scope<'_>, map: &CategoryMap) -> Result<Vec<Steps>, Defect> {
    let named = |item: &Value| -> Result<Option<(String, Option<String>)>, Defect> {
        let inner = scope.of_item(item);
        let of = |field: &Option<Field>| field.as_ref().map_or(Ok(None), |field| inner.text(field));
        let name = match &map.name {
            Some(_) => of(&map.name)?,
            None => record::text(item),
        };
        Ok(name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).zip(Some(of(&map.id)?)))
    };
    let cut = |text: &str| -> Steps {
        match &map.separator {
            Some(separator) => parts(text, separator.trim()).map(|name| (name.to_owned(), None)).collect(),
            None => vec![(text.trim().to_owned(), None)],
        }
    };
    Ok(match &*scope.value(&map.from)? {
        Value::List(items) if map.each_path => {
            let texts = items.iter().filter_map(record::text);
            texts.map(|text| cut(&text)).collect()
        }
        Value::List(items) => {
            vec![items.iter().map(named).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect()]
        }
        value => match record::text(value) {
            None => Vec::new(),
            Some(text) => match &map.split {
                Some(between) => parts(&text, between).map(cut).collect(),
                None => vec![cut(&text)],
            },
        },
    })
}

/// Ids are made of the names from the root: a name alone is not unique, "Accessories" stands below
/// many.
fn path(steps: &[(String, Option<String>)], language: &str) -> CategoryPath {
    let mut path: Vec<Category> = Vec::new();
    for (name, id) in steps {
        // Each name is written behind all that stand above it.
        if !budget::spend(1 + path.len() as u64) {
            break;
        }
        let id = id.clone().unwrap_or_else(|| {
            let names = path.iter().map(|category| category.name.get(language).unwrap_or_default());
            names.chain([name.as_str()]).map(slug).collect::<Vec<_>>().join("/")
        });
        if !name.is_empty() && !id.is_empty() && !path.iter().any(|category| category.id == id) {
            path.push(Category { id, name: Localized::default().with(language, name) });
        }
    }
    CategoryPath(path)
}

/// Lower case, with single hyphens for everything that is neither letter nor digit.
fn slug(text: &str) -> String {
    let mut slug = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_alphanumeric() {
            slug.extend(c.to_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(slug.trim_end_matches('-').len());
    slug
}
