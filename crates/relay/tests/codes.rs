//! Every error code has a remedy, and every alarm a section on its page.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use relay::remedy;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository")
}

/// Every list of codes: each crate has one. The reasons of rejected records are named by serde
/// itself.
fn listed() -> BTreeMap<&'static str, Vec<String>> {
    let of = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect();
    let refused = serde_json::from_str::<feeds::Reason>("\"?\"").expect_err("no reason").to_string();
    let reasons = refused.split('`').skip(3).step_by(2).map(str::to_owned).collect();
    BTreeMap::from([
        ("crates/feeds", reasons),
        ("crates/ledger", of(ledger::codes::ALL)),
        ("crates/medusa", of(medusa::codes::ALL)),
        ("crates/pimcore", of(pimcore::codes::ALL)),
        ("crates/redrive", of(redrive::codes::ALL)),
        ("crates/runtime", of(runtime::codes::ALL)),
        ("crates/want", of(want::codes::ALL)),
        ("crates/withdrawal", of(withdrawal::codes::ALL)),
        ("crates/worker", of(worker::codes::ALL)),
        ("functions/dlq-redrive", of(dlq_redrive::codes::ALL)),
        ("functions/medusa-push", of(medusa_push::codes::ALL)),
        ("functions/normalize", of(normalize::codes::ALL)),
        ("functions/pimcore-sync", of(pimcore_sync::codes::ALL)),
    ])
}

#[test]
fn every_code_has_a_remedy_and_every_remedy_a_code() {
    let listed = listed();
    assert!(listed.values().all(|codes| !codes.is_empty()), "{listed:?}");
    let all: BTreeSet<&String> = listed.values().flatten().collect();
    assert!(all.len() > 120, "{all:?}");
    let missing: Vec<&&String> = all.iter().filter(|code| remedy::of(code).is_none()).collect();
    assert!(missing.is_empty(), "no remedy in crates/relay/src/remedy for: {missing:?}");
    let stray: Vec<&str> =
        remedy::all().map(|one| one.code).filter(|code| !all.contains(&(*code).to_owned())).collect();
    assert!(stray.is_empty(), "in no crate's codes.rs: {stray:?}");
}

/// A code that is spelled where it is used is on no list.
#[test]
fn no_failure_is_made_with_a_code_that_is_on_no_list() {
    let mut spelled = Vec::new();
    for package in listed().keys() {
        for (path, source) in sources(&root().join(package).join("src")) {
            for maker in ["transient(", "permanent(", "poison("] {
                let literals = source.split(maker).skip(1).filter_map(|after| after.trim_start().strip_prefix('"'));
                let codes = literals.filter_map(|rest| rest.split('"').next());
                spelled.extend(codes.map(|code| format!("{code} ({})", path.display())));
            }
        }
    }
    assert!(spelled.is_empty(), "make each a constant of its crate's codes.rs:\n  {}", spelled.join("\n  "));
}

/// Source files below a folder, without their tests.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            found.extend(sources(&entry));
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&entry).expect("a text");
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned();
            found.push((entry, code));
        }
    }
    found
}

#[test]
fn every_alarm_of_the_template_has_a_section_on_its_page() {
    let template = fs::read_to_string(root().join("template.yaml")).expect("template.yaml");
    let runbook = fs::read_to_string(root().join("docs/alarms.md")).expect("docs/alarms.md");
    let names: Vec<&str> =
        template.lines().filter_map(|line| line.trim().strip_prefix("AlarmName: !Sub ${AWS::StackName}-")).collect();
    assert!(names.len() > 5, "{names:?}");
    let missing: Vec<&str> = names.into_iter().filter(|name| !runbook.contains(&format!("\n## {name}\n"))).collect();
    assert!(missing.is_empty(), "no section in docs/alarms.md for the alarms: {missing:?}");
}
