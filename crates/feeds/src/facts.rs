//! What a source says about trade, read into a product's facts. What cannot be used is left out
//! with a remark, never repaired.

use catalog::facts::{Facts, Row};
use catalog::{Attribute, Product, Warning, WarningCode};

use crate::remarks::Remarks;

/// Reads rows into facts.
#[derive(Debug, Default)]
pub struct Reader {
    facts: Facts,
    remarks: Remarks,
}

impl Reader {
    /// What is known already.
    #[must_use]
    pub fn knowing(facts: Option<Box<Facts>>) -> Self {
        Self { facts: facts.map(|facts| *facts).unwrap_or_default(), remarks: Remarks::default() }
    }

    /// Takes what a field says; a blank one says nothing. `place` is the field's path.
    pub fn say(&mut self, place: &str, row: &Row) {
        if let Err(unread) = self.facts.say(row) {
            self.remarks.add(WarningCode::FactLeftOut, || format!("{place} was left out: {unread}"));
        }
    }

    /// The facts, and the remarks on those that were left out.
    pub fn read(self) -> (Option<Box<Facts>>, impl Iterator<Item = Warning>) {
        (self.facts.boxed(), self.remarks.warnings())
    }
}

/// The facts that follow from a product's attributes by their English names: material, and for
/// whom. An attribute with several values says for whom only if they agree.
#[must_use]
pub fn of_attributes(attributes: &[Attribute]) -> Option<Box<Facts>> {
    let mut facts = Facts::default();
    let named = |name: &'static str| {
        attributes
            .iter()
            .find(move |attribute| attribute.name.get("en").is_some_and(|own| own.eq_ignore_ascii_case(name)))
    };
    if let Some(material) = named("Material") {
        let languages = material.values.iter().flat_map(|value| value.0.keys());
        for lang in languages.collect::<std::collections::BTreeSet<_>>() {
            let values: Vec<&str> = material.values.iter().filter_map(|value| value.get(lang)).collect();
            let separator = if lang == "ar" { "، " } else { ", " };
            let row = Row { lang: lang.clone(), ..Row::plain("material", values.join(separator)) };
            // Longer than a fact may be: the attribute says it.
            let _ = facts.say(&row);
        }
    }
    for attribute in [named("Gender"), named("Crowd")].into_iter().flatten() {
        let said = attribute.values.iter().map(|value| value.get("en").and_then(|text| text.parse().ok()));
        let said: Vec<Option<catalog::facts::Gender>> = said.collect();
        if let [Some(first), rest @ ..] = said.as_slice()
            && rest.iter().all(|other| *other == Some(*first))
        {
            facts.gender = facts.gender.or(Some(*first));
        }
    }
    facts.boxed()
}

/// Every row of facts of a product, with its place, through `clean`; rows that change are read
/// anew.
pub(crate) fn each_row<E>(
    product: &mut Product,
    mut clean: impl FnMut(&mut Row, &str) -> Result<bool, E>,
) -> Result<(), E> {
    let variants = product.variants.iter_mut().enumerate();
    let variants = variants.map(|(number, variant)| (Some(number), &mut variant.facts));
    for (number, facts) in std::iter::once((None, &mut product.facts)).chain(variants) {
        let Some(said) = facts else { continue };
        let place = number.map_or_else(|| "$.facts".to_owned(), |number| format!("$.variants[{number}].facts"));
        let mut rows = said.rows();
        let mut changed = false;
        for row in &mut rows {
            changed |= clean(row, &place)?;
        }
        if changed {
            // A row of which nothing is left says nothing.
            *facts = Facts::from_rows(&rows).0.boxed();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use catalog::Localized;
    use catalog::facts::Gender;

    use super::*;

    fn attribute(name: &str, values: &[&str]) -> Attribute {
        let english = |text: &str| Localized::default().with("en", text);
        Attribute { code: name.into(), name: english(name), values: values.iter().map(|text| english(text)).collect() }
    }

    #[test]
    fn material_and_gender_follow_from_attributes_and_nothing_else_does() {
        let facts = of_attributes(&[
            attribute("Color", &["Red"]),
            attribute("material", &["Cotton", "Linen"]),
            attribute("Gender", &["Women", "Girls"]),
            attribute("Length", &["Long"]),
        ]);
        let right = Facts {
            material: Localized::default().with("en", "Cotton, Linen"),
            gender: Some(Gender::Female),
            ..Facts::default()
        };
        assert_eq!(facts.as_deref(), Some(&right));
        assert_eq!(of_attributes(&[attribute("Gender", &["Women", "Men"]), attribute("Crowd", &["Couple"])]), None);
    }
}
