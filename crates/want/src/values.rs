//! One spelling for values that mean the same: brands, sizes, colours.

use std::collections::{BTreeMap, HashMap, HashSet};

use catalog::Product;
use regex::Regex;

use crate::condition::is_named;
use crate::file;
use crate::flaw::{Flaw, did_you_mean};
use crate::text::folded;

/// What joins a variant's option values in its title.
const TITLE: &str = " / ";

/// How values of one kind are spelled.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spelling {
    table: HashMap<String, String>,
    patterns: Vec<(Regex, String)>,
    language: Option<String>,
}

/// How a product's values are spelled.
#[derive(Debug, Clone, Default)]
pub(crate) struct Values {
    brand: Option<Spelling>,
    options: Vec<(String, Spelling)>,
    attributes: Vec<(String, Spelling)>,
}

impl Spelling {
    fn new(
        said: &file::At<file::Spelling>,
        file: &str,
        tables: &BTreeMap<String, BTreeMap<String, String>>,
        flaws: &mut Vec<Flaw>,
    ) -> Self {
        let mut spelling = Self { language: said.language.clone(), ..Self::default() };
        for name in &said.tables.0 {
            match tables.get(name) {
                Some(table) => spelling.add(table),
                None => flaws.push(
                    Flaw::at(said.place(file), format!("there is no table {name:?} under `tables`"))
                        .help(did_you_mean(name, tables.keys().map(String::as_str))),
                ),
            }
        }
        // What stands here comes on top of what is used.
        spelling.add(&said.table);
        for replacement in &said.patterns {
            let pattern = format!("^(?:{})$", replacement.pattern);
            match regex::RegexBuilder::new(&pattern).case_insensitive(true).size_limit(1 << 20).build() {
                Ok(pattern) => spelling.patterns.push((pattern, replacement.to.clone())),
                Err(error) => {
                    let said = error.to_string();
                    let last = said.lines().last().unwrap_or_default().trim_start_matches("error: ");
                    let message = format!("{:?} is no regular expression: {last}", replacement.pattern);
                    flaws.push(Flaw::at(replacement.place(file), message));
                }
            }
        }
        spelling
    }

    fn add(&mut self, table: &BTreeMap<String, String>) {
        self.table.extend(table.iter().map(|(from, to)| (folded(from), to.clone())));
    }

    /// How a value is spelled, if otherwise. Nothing is spelled as nothing.
    fn spell(&self, value: &str) -> Option<String> {
        let spelled = match self.table.get(&folded(value)) {
            Some(to) => to.clone(),
            None => {
                let (pattern, to) = self.patterns.iter().find(|(pattern, _)| pattern.is_match(value.trim()))?;
                pattern.replace(value.trim(), to.as_str()).into_owned()
            }
        };
        let spelled = spelled.trim();
        (!spelled.is_empty() && spelled != value).then(|| spelled.to_owned())
    }
}

impl Values {
    pub(crate) fn new(
        said: &file::Values,
        file: &str,
        tables: &BTreeMap<String, BTreeMap<String, String>>,
        flaws: &mut Vec<Flaw>,
    ) -> Self {
        let mut by_name = |all: &BTreeMap<String, file::At<file::Spelling>>| {
            let one = |(name, said): (&String, _)| (folded(name), Spelling::new(said, file, tables, flaws));
            all.iter().map(one).collect()
        };
        let (options, attributes) = (by_name(&said.options), by_name(&said.attributes));
        let brand = said.brand.as_ref().map(|said| Spelling::new(said, file, tables, flaws));
        Self { brand, options, attributes }
    }

    /// Spells a product's values. The names of options whose values stay as they are, because two
    /// variants would have the same.
    pub(crate) fn spell(&self, product: &mut Product) -> Vec<String> {
        if let Some(spelling) = &self.brand
            && let Some(spelled) = product.brand.as_deref().and_then(|brand| spelling.spell(brand))
        {
            product.brand = Some(spelled);
        }
        for attribute in &mut product.attributes {
            for (name, spelling) in &self.attributes {
                if !is_named(&attribute.code, &attribute.name, name) {
                    continue;
                }
                for value in &mut attribute.values {
                    for (language, text) in &mut value.0 {
                        if spelling.language.as_ref().is_none_or(|only| only == language)
                            && let Some(spelled) = spelling.spell(text)
                        {
                            *text = spelled;
                        }
                    }
                }
                let mut seen = Vec::new();
                attribute.values.retain(|value| {
                    !seen.contains(value) && {
                        seen.push(value.clone());
                        true
                    }
                });
            }
        }
        let mut refused = Vec::new();
        for at in 0..product.options.len() {
            let option = &product.options[at].name;
            let Some((_, spelling)) = self.options.iter().find(|(name, _)| is_named("", option, name)) else {
                continue;
            };
            if !spell_option(product, at, spelling) {
                refused.push(product.options[at].name.base().unwrap_or_default().to_owned());
            }
        }
        refused
    }
}

/// Spells the values of one option, unless two variants would have the same values then.
fn spell_option(product: &mut Product, at: usize, spelling: &Spelling) -> bool {
    let spelled: Vec<Option<String>> = product
        .variants
        .iter()
        .map(|variant| variant.options.get(at).and_then(|value| spelling.spell(value)))
        .collect();
    if spelled.iter().all(Option::is_none) {
        return true;
    }
    let mut combinations = HashSet::new();
    for (variant, spelled) in product.variants.iter().zip(&spelled) {
        let mut values: Vec<String> = variant.options.iter().map(|value| folded(value)).collect();
        if let (Some(value), Some(spelled)) = (values.get_mut(at), spelled) {
            *value = folded(spelled);
        }
        if !combinations.insert(values) {
            return false;
        }
    }
    for (variant, spelled) in product.variants.iter_mut().zip(spelled) {
        let Some(spelled) = spelled else { continue };
        let made = variant.title == variant.options.join(TITLE);
        variant.options[at] = spelled;
        if made {
            variant.title = variant.options.join(TITLE);
        }
    }
    true
}
