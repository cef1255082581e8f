//! What docs/medusa.md says of owners, traps and proofs: each line has tests, and they exist.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod shown;

use std::path::{Path, PathBuf};

use shown::Shown;

fn sources(folder: &Path, into: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path: PathBuf = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

fn is_a_test(code: &str, name: &str) {
    let at = code.find(&format!("fn {name}()")).unwrap_or_else(|| panic!("there is no test {name}"));
    let before = code[..at].trim_end().trim_end_matches("async").trim_end();
    assert!(before.ends_with("test]"), "{name} is no test");
}

/// The entries of the lists of a section, without what is below a further heading.
fn listed(title: &str) -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/medusa.md");
    let page = std::fs::read_to_string(page).unwrap();
    let section = page.split("\n## ").find(|section| section.starts_with(title)).expect("a section");
    let lines = section.split("\n### ").next().unwrap_or_default().lines();
    let entry = |line: &str| {
        let text = line.trim_start_matches(|c: char| c.is_ascii_digit());
        text.strip_prefix(". ").or_else(|| text.strip_prefix("- ")).map(str::to_owned)
    };
    lines.filter_map(entry).collect()
}

#[test]
fn each_line_on_owners_traps_and_proofs_has_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut code = String::new();
    for folder in
        ["crates/medusa/src", "crates/medusa/tests", "functions/medusa-push/src", "functions/medusa-push/tests"]
    {
        sources(&root.join(folder), &mut code);
    }
    let sections = [("Who owns what", shown::OWNED), ("Traps", shown::TRAPS), ("Proofs", shown::PROOFS)];
    for (title, known) in sections {
        let lines = listed(title);
        let begins: Vec<&str> = known.iter().map(|&(begin, _)| begin).collect();
        assert_eq!(lines.len(), known.len(), "{title}: {lines:#?} against {begins:#?}");
        for (line, &(begin, tests)) in lines.iter().zip::<&[Shown]>(known) {
            assert!(line.starts_with(begin), "{title}: {line} does not begin with {begin}");
            assert!(!tests.is_empty(), "no test shows it: {line}");
            tests.iter().for_each(|test| is_a_test(&code, test));
        }
    }
}
