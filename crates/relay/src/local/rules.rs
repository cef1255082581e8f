//! Rules and rates from files.

use std::path::{Path, PathBuf};

use want::{Flaw, Rates, Rules};

use super::unreadable;
use crate::error::CliError;

/// Files of rules with their texts, in the order in which they count: files as they are named,
/// those of a folder by name.
///
/// # Errors
/// When one cannot be read, or there is none.
pub fn texts(paths: &[PathBuf]) -> Result<Vec<(String, String)>, CliError> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let entries = std::fs::read_dir(path).map_err(|error| unreadable(path, &error))?;
            let mut below: Vec<PathBuf> =
                entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| is_yaml(path)).collect();
            below.sort();
            files.extend(below);
        } else {
            files.push(path.clone());
        }
    }
    if files.is_empty() {
        return Err(CliError::NotFound {
            what: "there is no rules file".to_owned(),
            advice: "name files, or a folder with files that end in .yaml; docs/rules.md has one to begin with"
                .to_owned(),
        });
    }
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
        Ok((path.display().to_string(), text))
    };
    files.into_iter().map(read).collect()
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// Rules from files; without any none.
///
/// # Errors
/// When a file cannot be read, or is wrong.
pub fn read(paths: &[PathBuf]) -> Result<Rules, CliError> {
    if paths.is_empty() {
        return Ok(Rules::default());
    }
    let texts = texts(paths)?;
    Rules::read(texts.iter().map(|(name, text)| (name.as_str(), text.as_str()))).map_err(|flaws| wrong(&flaws))
}

/// Rates from a file.
///
/// # Errors
/// When it cannot be read, or is wrong.
pub fn rates(path: Option<&Path>) -> Result<Option<Rates>, CliError> {
    let Some(path) = path else { return Ok(None) };
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    Rates::read(&path.display().to_string(), &text).map(Some).map_err(|flaws| wrong(&flaws))
}

fn wrong(flaws: &[Flaw]) -> CliError {
    let first = flaws.first().map(ToString::to_string).unwrap_or_default();
    let more = if flaws.len() > 1 { format!(" (and {} more)", flaws.len() - 1) } else { String::new() };
    CliError::Refused {
        what: format!("{first}{more}"),
        advice: "`relay rules check` shows each with its line".to_owned(),
    }
}
