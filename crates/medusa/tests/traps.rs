//! The table of traps in docs/medusa.md: it has all of them, and every test it names exists.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::path::{Path, PathBuf};

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

#[test]
fn every_proof_in_the_documentation_is_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join("docs/medusa.md")).unwrap();
    let section = page.split("\n## ").find(|section| section.starts_with("Proofs")).expect("a section on proofs");
    let end_to_end = std::fs::read_to_string(root.join("tests/test_products.py")).unwrap();
    let mut code = String::new();
    sources(&root.join("crates/medusa/tests"), &mut code);
    let rows = section.lines().filter(|line| line.starts_with("| ")).skip(1);
    let shown: Vec<&str> = rows.filter_map(|row| row.split(" | ").nth(1)).collect();
    assert!(!shown.is_empty(), "no proofs");
    for name in shown.iter().flat_map(|cell| cell.split('`').skip(1).step_by(2)) {
        if name.starts_with("test_") {
            assert!(end_to_end.contains(&format!("def {name}(")), "there is no test {name}");
        } else {
            is_a_test(&code, name);
        }
    }
}

#[test]
fn every_trap_is_in_the_documentation_with_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join("docs/medusa.md")).unwrap();
    // The first table of a section.
    let rows = |title: &str| {
        let section = page.split("\n## ").find(|section| section.starts_with(title)).expect("a section");
        let lines = section.split("\n### ").next().unwrap_or_default().lines();
        lines.filter(|line| line.starts_with("| ")).map(str::to_owned).collect::<Vec<_>>()
    };
    let mut code = String::new();
    for folder in
        ["crates/medusa/src", "crates/medusa/tests", "functions/medusa-push/src", "functions/medusa-push/tests"]
    {
        sources(&root.join(folder), &mut code);
    }
    let shown = |row: &str, tests: &str| {
        let tests: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!tests.is_empty(), "no test shows it: {row}");
        tests.into_iter().for_each(|test| is_a_test(&code, test));
    };
    for row in rows("Who owns what").iter().skip(1) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [_, _, _, tests] = cells[..] else { panic!("four columns are expected: {row}") };
        shown(row, tests);
    }
    let mut numbers = Vec::new();
    for row in rows("Traps").iter().filter(|line| !line.starts_with("| |")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [number, _, _, tests] = cells[..] else { panic!("four columns are expected: {row}") };
        shown(row, tests);
        numbers.push(number.to_owned());
    }
    let wanted: Vec<String> = (1..=10).map(|n| n.to_string()).collect();
    assert!(numbers.starts_with(&wanted), "the ten traps come first and in order: {numbers:?}");
    assert!(
        numbers.iter().any(|number| number == "crash") && numbers.iter().any(|number| number == "race"),
        "{numbers:?}"
    );
}
