//! A mapping's text with the tables that it names.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::problem::At;
use crate::yaml::{self, Data, Node};
use crate::{Mapping, Problem};

/// A mapping file and the files beside it, as they are kept and compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// The mapping file's name, for error texts.
    pub file: String,
    /// Its text.
    pub text: String,
    /// Tables by the name that the mapping calls them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub beside: BTreeMap<String, String>,
}

impl Bundle {
    /// A mapping without tables yet.
    #[must_use]
    pub fn new(file: &str, text: &str) -> Self {
        Self { file: file.to_owned(), text: text.to_owned(), beside: BTreeMap::new() }
    }

    /// The names of the tables that the text asks for, as far as it can be read.
    #[must_use]
    pub fn wanted(&self) -> Vec<String> {
        let mut names = Vec::new();
        if let Ok(root) = yaml::read(&self.text) {
            collect(&root, &mut names);
        }
        names.sort();
        names.dedup();
        names
    }

    /// Reads the mapping.
    ///
    /// # Errors
    /// Everything that is wrong with it and its tables.
    pub fn mapping(&self) -> Result<Mapping, Vec<Problem>> {
        let unreadable: Vec<Problem> = std::iter::once((&self.file, &self.text))
            .chain(&self.beside)
            .filter_map(|(file, text)| undecoded(file, text))
            .collect();
        if !unreadable.is_empty() {
            return Err(unreadable);
        }
        Mapping::read_with(&self.file, &self.text, &self.beside)
    }

    /// The version: a digest of the texts.
    #[must_use]
    pub fn digest(&self) -> String {
        digest(&self.text, &self.beside)
    }

    /// As it is kept.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|error| unreachable!("texts: {error}"))
    }

    /// What was kept.
    #[must_use]
    pub fn of_json(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }
}

/// The first character that could not be decoded: what a mapping says is shown to customers, and
/// nobody would see that letters of it are lost.
fn undecoded(file: &str, text: &str) -> Option<Problem> {
    let (line, column) = text.lines().enumerate().find_map(|(line, text)| {
        text.chars().position(|c| c == char::REPLACEMENT_CHARACTER).map(|column| (line + 1, column + 1))
    })?;
    let message = "a character that is not UTF-8; save the file as UTF-8".to_owned();
    Some(Problem { file: file.to_owned(), at: At { line, column }, message, hint: None })
}

pub(crate) fn digest(text: &str, beside: &BTreeMap<String, String>) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(text.as_bytes());
    for (name, text) in beside {
        for part in [name, text] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
    }
    hasher.finalize().to_hex()[..16].to_owned()
}

/// A table's name is a file beside the mapping, and nowhere else.
pub(crate) fn is_table_name(name: &str) -> bool {
    name.ends_with(".csv")
        && name.len() <= 100
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && !name.starts_with('.')
}

fn collect(node: &Node, names: &mut Vec<String>) {
    match &node.data {
        Data::Object(entries) => {
            for (key, _, value) in entries {
                match &value.data {
                    Data::Scalar { text, .. } if key == "table_file" && is_table_name(text) && names.len() < 50 => {
                        names.push(text.clone());
                    }
                    _ => collect(value, names),
                }
            }
        }
        Data::List(nodes) => nodes.iter().for_each(|node| collect(node, names)),
        Data::Scalar { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_were_lost_are_named_in_the_mapping_and_in_its_tables() {
        let latin = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
        let mut bundle = Bundle::new("acme.yaml", &latin(b"source: acme\nname: M\xfctze\n"));
        bundle.beside.insert("colours.csv".into(), latin(b"from,to\nred,gr\xfcn\n"));
        let problems: Vec<String> = bundle.mapping().unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].starts_with("acme.yaml:2:8: a character that is not UTF-8"), "{problems:?}");
        assert!(problems[1].starts_with("colours.csv:2:7: "), "{problems:?}");
    }
}
