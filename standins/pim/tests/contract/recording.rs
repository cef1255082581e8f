//! The recordings as files: reading them and putting them into the order in which they were made.

use jiff::fmt::rfc2822;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// One recorded exchange.
#[derive(Debug)]
pub(crate) struct Recording {
    /// File name without `.json`.
    pub(crate) name: String,
    /// The whole file.
    pub(crate) json: Value,
}

impl Recording {
    /// Whether it is a single request with its answer, and not a summary of many.
    pub(crate) fn is_exchange(&self) -> bool {
        self.json.get("request").is_some()
    }

    pub(crate) fn request(&self) -> &Value {
        &self.json["request"]
    }

    /// The recorded body of the answer.
    pub(crate) fn answer(&self) -> &Value {
        &self.json["response"]["body"]
    }

    pub(crate) fn status(&self) -> u64 {
        self.json["response"]["status"].as_u64().unwrap_or(200)
    }

    /// A request to the GraphQL endpoint, and not an act of a person.
    pub(crate) fn is_graphql(&self) -> bool {
        self.request()["url"].as_str().is_some_and(|url| url.contains("/pimcore-graphql-webservices/"))
    }

    /// Unix seconds at which it was answered; of an act without an HTTP date, the modification date
    /// that it reports.
    pub(crate) fn time(&self) -> Option<i64> {
        let date = self.json["response"]["headers"]["Date"].as_str();
        let date = date.and_then(|date| rfc2822::parse(date).ok()).map(|zoned| zoned.timestamp().as_second());
        date.or_else(|| self.answer()["general"]["modificationDate"].as_i64())
            .or_else(|| self.answer()["modificationDate"].as_i64())
    }

    /// Modification dates of what the exchange wrote, in the order of its aliases.
    pub(crate) fn written_at(&self) -> Vec<i64> {
        let aliases = self.answer()["data"].as_object();
        let dates = aliases.into_iter().flatten().map(|(_, alias)| alias["output"]["modificationDate"].as_i64());
        dates.flatten().collect()
    }
}

/// Where the recordings are, next to the repository.
pub(crate) fn folder(part: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/contracts/pimcore").join(part);
    if root.is_dir() {
        return Some(root);
    }
    let message = format!("SKIPPED: no recordings at {}", root.display());
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{message}; with CI=true they have to be there");
    eprintln!("{message}");
    None
}

/// All recordings of a folder by name.
pub(crate) fn read(folder: &Path) -> Vec<Recording> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let mut found: Vec<Recording> = files
        .map(|path| Recording {
            name: path.file_stem().unwrap().to_string_lossy().into_owned(),
            json: serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap(),
        })
        .collect();
    found.sort_by(|left, right| left.name.cmp(&right.name));
    found
}

/// Puts exchanges into the order in which they happened: by second, within a second by number and
/// letter, and a write before the read that shows it. `after` places what has no time of its own,
/// or a misleading one.
pub(crate) fn in_order(recordings: &mut [Recording], after: &[(&str, &str)]) {
    let times: std::collections::HashMap<String, i64> =
        recordings.iter().map(|recording| (recording.name.clone(), recording.time().unwrap_or(0))).collect();
    recordings.sort_by_cached_key(|recording| {
        let anchor = after.iter().find(|(name, _)| recording.name == *name).map(|(_, anchor)| *anchor);
        let place = anchor.unwrap_or(&recording.name);
        let time = times.get(place).copied().unwrap_or(0);
        (time, natural(place), anchor.is_some(), natural(&recording.name))
    });
}

/// A name as numbers and texts, so that `16v10` follows `16v9`, with the verb at its end as a rank.
fn natural(name: &str) -> (Vec<(u32, String)>, u8) {
    let verbs = ["create", "write", "update", "read"];
    let rank = verbs.iter().position(|verb| name.ends_with(&format!("-{verb}")));
    let name = rank.map_or(name, |rank| name.strip_suffix(verbs[rank]).unwrap_or(name));
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, tail) = rest.split_at(digits);
        let text = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        parts.push((number.parse().unwrap_or(0), tail[..text].to_owned()));
        rest = &tail[text..];
    }
    (parts, rank.and_then(|rank| u8::try_from(rank).ok()).unwrap_or(0))
}
