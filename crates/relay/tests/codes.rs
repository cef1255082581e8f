//! Every error code in the sources has a remedy, and docs/operations.md shows the table as it is.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use relay::remedy;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository")
}

/// Source files below a folder, without their tests.
fn sources(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            sources(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&entry).expect("a text");
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned();
            found.push((entry, code));
        }
    }
}

fn is_code(text: &str) -> bool {
    const KINDS: [&str; 4] = ["transient", "permanent", "conflict", "poison"];
    !text.is_empty() && !KINDS.contains(&text) && text.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

/// The codes that a source file gives to failures: the first text after a constructor of a failure, the words before the colon of
/// a run's reason, and in the two clients every text with their prefix.
fn codes(path: &Path, source: &str) -> Vec<String> {
    let name = path.to_string_lossy();
    let mut codes = Vec::new();
    let makers = ["transient(", "permanent(", "poison(", "Transient,", "Permanent,", "Poison,", "because(", "refuse("];
    for maker in makers {
        for after in source.split(maker).skip(1) {
            let after = after.trim_start();
            if let Some(literal) = after.strip_prefix('"').and_then(|rest| rest.split('"').next())
                && is_code(literal)
            {
                codes.push(literal.to_owned());
            }
        }
    }
    for literal in source.split('"').skip(1).step_by(2) {
        let client = name.contains("/crates/pimcore/") || name.contains("/crates/medusa/");
        if client && is_code(literal) && (literal.starts_with("pimcore_") || literal.starts_with("medusa_")) {
            codes.push(literal.to_owned());
        }
        if name.contains("/normalize/")
            && let Some((code, _)) = literal.split_once(": ")
            && is_code(code)
            && code.contains('_')
        {
            codes.push(code.to_owned());
        }
    }
    codes
}

#[test]
fn every_code_in_the_sources_has_a_remedy() {
    let mut files = Vec::new();
    for folder in ["crates", "functions"] {
        for package in fs::read_dir(root().join(folder)).expect("packages") {
            let package = package.expect("a package").path();
            // The operator's tool makes no failures of its own, and the model of the protocol is not deployed.
            if !package.ends_with("relay") && !package.ends_with("model") && package.join("src").is_dir() {
                sources(&package.join("src"), &mut files);
            }
        }
    }
    let mut where_used: BTreeMap<String, PathBuf> = BTreeMap::new();
    for (path, source) in &files {
        for code in codes(path, source) {
            where_used.entry(code).or_insert_with(|| path.clone());
        }
    }
    assert!(where_used.len() > 80, "the search finds too little: {:?}", where_used.keys());
    let missing: Vec<String> = where_used
        .iter()
        .filter(|(code, _)| remedy::of(code).is_none())
        .map(|(code, path)| format!("{code} ({})", path.display()))
        .collect();
    assert!(missing.is_empty(), "no remedy in crates/relay/src/remedy for:\n  {}", missing.join("\n  "));
}

#[test]
fn the_runbook_shows_the_table_as_it_is() {
    const BEGIN: &str = "<!-- remedies: written by `RELAY_WRITE_DOCS=1 cargo test -p relay --test codes` -->\n";
    const END: &str = "<!-- end of remedies -->";
    let path = root().join("docs/operations.md");
    let text = fs::read_to_string(&path).expect("docs/operations.md");
    let (before, rest) = text.split_once(BEGIN).expect("the beginning of the table");
    let (shown, after) = rest.split_once(END).expect("the end of the table");
    let table = format!("\n{}", remedy::markdown());
    if std::env::var("RELAY_WRITE_DOCS").is_ok() {
        fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).expect("written");
        return;
    }
    assert!(shown == table, "docs/operations.md is behind: RELAY_WRITE_DOCS=1 cargo test -p relay --test codes");
}

#[test]
fn every_alarm_of_the_template_has_a_section_in_the_runbook() {
    let template = fs::read_to_string(root().join("template.yaml")).expect("template.yaml");
    let runbook = fs::read_to_string(root().join("docs/operations.md")).expect("docs/operations.md");
    let names: Vec<&str> =
        template.lines().filter_map(|line| line.trim().strip_prefix("AlarmName: !Sub ${AWS::StackName}-")).collect();
    assert!(names.len() > 5, "{names:?}");
    let missing: Vec<&str> = names.into_iter().filter(|name| !runbook.contains(&format!("\n### {name}\n"))).collect();
    assert!(missing.is_empty(), "no section in docs/operations.md for the alarms: {missing:?}");
}
