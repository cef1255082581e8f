//! The axes on which variants differ.
//!
//! Medusa refuses to take an option away while a variant uses it, and refuses a variant that does
//! not name every option. So what can be renamed is renamed (one call, every variant keeps its
//! choice), and only where the number of axes shrinks are the variants' choices taken away first
//! and given back afterwards.

use std::collections::{BTreeMap, BTreeSet};

use super::Structure;
use super::variants::Match;
use crate::api::model::{NewValue, OptionCreate, OptionUpdate, OptionsBatch, Product, ProductOption};
use crate::desired::Article;

/// How the options that are there become the ones that should be.
#[derive(Debug, Default)]
pub(super) struct Axes<'a> {
    /// Renames of options and values.
    pub(super) renames: Vec<Structure>,
    /// Options and values to add, before the variants change.
    pub(super) add: OptionsBatch,
    /// Ids of options to remove, once no variant uses them.
    pub(super) surplus: Vec<String>,
    /// The option that plays each desired option's part, `None` for one that is added.
    part: Vec<Option<&'a ProductOption>>,
    /// New names of renamed values, by value id.
    renamed: BTreeMap<&'a str, String>,
}

pub(super) fn axes<'a>(article: &Article, there: &'a Product, matched: &Match<'_, 'a>) -> Axes<'a> {
    let mut axes = Axes { part: cast(article, there), ..Axes::default() };
    let taken: BTreeSet<&str> = axes.part.iter().flatten().map(|option| option.id.as_str()).collect();
    axes.surplus =
        there.options.iter().filter(|option| !taken.contains(option.id.as_str())).map(|o| o.id.clone()).collect();
    for (index, title) in article.options.iter().enumerate() {
        let values = article.values_of(index);
        let Some(option) = axes.part[index] else {
            axes.add.add.push(OptionCreate {
                title: title.clone(),
                values: values.iter().map(|value| (*value).to_owned()).collect(),
                is_exclusive: Some(true),
            });
            continue;
        };
        if option.title != *title {
            axes.renames.push(Structure::RenameOption { option_id: option.id.clone(), title: title.clone() });
        }
        let renamed = renamed_values(article, index, option, matched);
        let new: Vec<NewValue> = values
            .into_iter()
            .filter(|value| !option.values.iter().any(|row| row.value == *value))
            .filter(|value| !renamed.values().any(|new| new == value))
            .map(|value| NewValue { value: value.to_owned() })
            .collect();
        for (value_id, value) in &renamed {
            axes.renames.push(Structure::RenameValue {
                option_id: option.id.clone(),
                value_id: (*value_id).to_owned(),
                value: value.clone(),
            });
        }
        axes.renamed.extend(renamed);
        if !new.is_empty() {
            let update = OptionUpdate { product_option_id: option.id.clone(), add: new, remove: vec![] };
            axes.add.update.push(update);
        }
    }
    axes
}

/// Which option that is there plays which desired one's part: the one of the same name, else the
/// one left over that shares most values.
fn cast<'a>(article: &Article, there: &'a Product) -> Vec<Option<&'a ProductOption>> {
    let mut part: Vec<Option<&ProductOption>> =
        article.options.iter().map(|title| there.options.iter().find(|option| option.title == *title)).collect();
    let mut free: Vec<&ProductOption> =
        there.options.iter().filter(|option| !article.options.contains(&option.title)).collect();
    for (index, part) in part.iter_mut().enumerate().filter(|(_, part)| part.is_none()) {
        let values = article.values_of(index);
        let shared =
            |option: &ProductOption| option.values.iter().filter(|row| values.contains(&row.value.as_str())).count();
        let best = (0..free.len()).max_by_key(|n| (shared(free[*n]), std::cmp::Reverse(*n)));
        *part = best.map(|n| free.remove(n));
    }
    part
}

/// Values that only need another name: every variant that has the old one wants the same new one,
/// which is not there yet.
fn renamed_values<'a>(
    article: &Article,
    index: usize,
    option: &'a ProductOption,
    matched: &Match<'_, 'a>,
) -> BTreeMap<&'a str, String> {
    let wanted_at_all = article.values_of(index);
    let mut renamed: BTreeMap<&str, String> = BTreeMap::new();
    for row in option.values.iter().filter(|row| !wanted_at_all.contains(&row.value.as_str())) {
        let wants: BTreeSet<&str> = matched
            .kept
            .iter()
            .filter(|(_, now)| now.options.iter().any(|choice| choice.id == row.id))
            .filter_map(|(wanted, _)| wanted.options.get(index).map(String::as_str))
            .collect();
        let is_free = |value: &str| {
            !option.values.iter().any(|other| other.value == value) && !renamed.values().any(|new| new == value)
        };
        // A variant that is kept for open orders still shows the old name to whoever ordered it.
        let mut others = matched.held.iter().map(|(variant, _)| *variant).chain(matched.stays.iter().copied());
        let held = others.any(|variant| variant.options.iter().any(|choice| choice.id == row.id));
        if let (1, Some(value), false) = (wants.len(), wants.first(), held)
            && is_free(value)
        {
            renamed.insert(&row.id, (*value).to_owned());
        }
    }
    renamed
}

impl Axes<'_> {
    /// A variant's choices as they are once the renames and removals are done, in the order of the
    /// desired options; an added option has none yet.
    pub(super) fn choices<'v>(&'v self, variant: &'v crate::api::model::Variant) -> Vec<Option<&'v str>> {
        self.part
            .iter()
            .map(|option| {
                let option = (*option)?;
                let choice = variant.options.iter().find(|choice| {
                    choice.option_id.as_deref() == Some(&option.id)
                        || option.values.iter().any(|row| row.id == choice.id)
                })?;
                Some(self.renamed.get(choice.id.as_str()).map_or(choice.value.as_str(), String::as_str))
            })
            .collect()
    }

    /// Values that nobody needs once the variants are as they should be.
    pub(super) fn leftovers(&self, article: &Article, held: &[&crate::api::model::Variant]) -> OptionsBatch {
        let mut batch = OptionsBatch::default();
        for (index, option) in self.part.iter().enumerate() {
            let Some(option) = option else { continue };
            let wanted = article.values_of(index);
            let needed = |row: &crate::api::model::OptionValue| {
                let name = self.renamed.get(row.id.as_str()).map_or(row.value.as_str(), String::as_str);
                wanted.contains(&name) || held.iter().any(|v| v.options.iter().any(|choice| choice.id == row.id))
            };
            let remove: Vec<String> =
                option.values.iter().filter(|row| !needed(row)).map(|row| row.id.clone()).collect();
            if !remove.is_empty() {
                batch.update.push(OptionUpdate { product_option_id: option.id.clone(), add: vec![], remove });
            }
        }
        batch
    }
}
