//! Which languages Pimcore has fields for.
//!
//! English and Arabic are always there: the installer refuses a Pimcore without them. Of the others
//! that the shop is to show, Pimcore is asked: naming one that it lacks would have the whole
//! request refused. So a text in such a language stays in the ledger, and the product's remarks say
//! so.

use std::time::{Duration, Instant};

use catalog::{Failure, Languages, Localized};
use serde::Deserialize;
use serde_json::json;

use crate::answer;
use crate::client::Pimcore;
use crate::codes;
use crate::input::LANGUAGES;

/// How long Pimcore's answer is believed. An installer that has added a language is noticed then.
const BELIEVED: Duration = Duration::from_secs(600);
/// What a localized field takes: its members are the languages.
const QUERY: &str = r#"query Languages { __type(name: "LocalizedString") { inputFields { name } } }"#;

/// What is known of Pimcore's languages.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    since: Instant,
    languages: FieldLanguages,
}

/// BCP 47 tags of the languages that localized fields are read and written in; and those that were
/// asked for in vain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldLanguages {
    /// In Pimcore's fields.
    pub there: Vec<String>,
    /// Wanted for the shop, but no language of Pimcore's.
    pub lacking: Vec<String>,
}

impl Default for FieldLanguages {
    fn default() -> Self {
        Self { there: LANGUAGES.map(str::to_owned).into(), lacking: Vec::new() }
    }
}

impl FieldLanguages {
    /// The remark on a product that says something in a language that Pimcore lacks.
    #[must_use]
    pub fn remark(&self, texts: &[&Localized]) -> Option<String> {
        let said =
            |lang: &&String| texts.iter().any(|texts| texts.get(lang).is_some_and(|text| !text.trim().is_empty()));
        let lost: Vec<&str> = self.lacking.iter().filter(said).map(String::as_str).collect();
        (!lost.is_empty()).then(|| {
            format!(
                "Pimcore lacks the language {}: texts in it stay in the ledger until it is added (docs/pimcore.md)",
                lost.join(", ")
            )
        })
    }
}

/// A language as Pimcore and GraphQL write it: `pt_BR` for `pt-BR`.
pub(crate) fn field(tag: &str) -> String {
    tag.replace('-', "_")
}

/// The same back.
pub(crate) fn tag(field: &str) -> String {
    field.replace('_', "-")
}

/// A query's document with every localized field in these languages. It is written in English and
/// Arabic, a line each.
pub(crate) fn document(written: &str, languages: &FieldLanguages) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in written.lines() {
        if line.contains("(language: \"en\")") {
            lines.extend(languages.there.iter().map(|tag| {
                let name = field(tag);
                line.replacen("_en:", &format!("_{name}:"), 1).replace("\"en\"", &format!("\"{name}\""))
            }));
        } else if !line.contains("(language: \"ar\")") {
            lines.push(line.to_owned());
        }
    }
    lines.join("\n") + "\n"
}

#[derive(Deserialize)]
struct Answered {
    #[serde(rename = "__type")]
    kind: Option<Fields>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    input_fields: Option<Vec<Field>>,
}

#[derive(Deserialize)]
struct Field {
    name: String,
}

/// How Data Hub refuses to say which languages it has.
const NOT_ALLOWED: &str = "introspection is not allowed";

/// What is to be done where Pimcore does not tell: all waits, because what it lacks is only known
/// by asking.
fn allowed(failure: Failure) -> Failure {
    if !failure.message.contains(NOT_ALLOWED) {
        return failure;
    }
    let what = "the stack's Languages go beyond English and Arabic, and Pimcore does not say which it has: set \
                pimcore_data_hub.graphql.allow_introspection to true";
    Failure::transient(codes::CONFIGURATION, format!("{what} ({})", failure.message))
}

impl Pimcore {
    /// The same client for a shop that shows these languages.
    #[must_use]
    pub fn showing(mut self, languages: Languages) -> Self {
        self.shown = languages;
        self
    }

    /// The languages that fields are read and written in. Pimcore is asked only if the shop shows
    /// others than English and Arabic.
    ///
    /// # Errors
    /// Transient, when Pimcore cannot be asked.
    pub async fn field_languages(&self, deadline: Instant) -> Result<FieldLanguages, Failure> {
        let further: Vec<&str> = self.shown.iter().filter(|tag| !LANGUAGES.contains(tag)).collect();
        if further.is_empty() {
            return Ok(FieldLanguages::default());
        }
        let mut known = self.languages.lock().await;
        if let Some(known) = known.as_ref().filter(|known| known.since.elapsed() < BELIEVED) {
            return Ok(known.languages.clone());
        }
        let since = Instant::now();
        let answer = self.post(QUERY, &json!({}), deadline).await?;
        let Answered { kind } = answer::query(answer.view()).map_err(allowed)?;
        let there: Vec<String> =
            kind.and_then(|kind| kind.input_fields).into_iter().flatten().map(|field| tag(&field.name)).collect();
        let mut languages = FieldLanguages::default();
        for tag in further {
            let list = if there.iter().any(|own| own == tag) { &mut languages.there } else { &mut languages.lacking };
            list.push(tag.to_owned());
        }
        *known = Some(Known { since, languages: languages.clone() });
        Ok(languages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations;

    #[test]
    fn the_default_documents_are_those_that_are_written_down() {
        for written in [operations::READ_PRODUCTS, operations::READ_CATEGORIES] {
            assert_eq!(document(written, &FieldLanguages::default()), written);
        }
    }

    #[test]
    fn every_localized_field_is_asked_for_in_every_language() {
        let languages = FieldLanguages { there: ["en", "ar", "pt-BR"].map(str::to_owned).into(), lacking: vec![] };
        let document = document(operations::READ_PRODUCTS, &languages);
        for field in ["name", "description", "marketingName", "marketingDescription"] {
            for (alias, language) in [("en", "en"), ("ar", "ar"), ("pt_BR", "pt_BR")] {
                let line = format!("        {field}_{alias}: {field}(language: \"{language}\")\n");
                assert_eq!(document.matches(&line).count(), 1, "{document}");
            }
        }
    }
}
