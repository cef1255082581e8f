//! `docs/facts.md` shows the facts as they are.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;

use catalog::facts::{FACTS, has_language};

const BEGIN: &str = "<!-- generated: UPDATE_DOCS=1 cargo test -p catalog --test docs -->\n";

fn generated() -> String {
    let mut list = String::new();
    for info in FACTS {
        let (name, _, text) = info.example;
        let lang = if has_language(info.code) || info.code == "document" { ", *by language*" } else { "" };
        let shop = match info.column {
            Some(column) => format!("; Medusa's {column}"),
            None if info.shown => String::new(),
            None => "; not shown to customers".to_owned(),
        };
        let name = if name.is_empty() { String::new() } else { format!("{name}: ") };
        writeln!(list, "- `{}`: {}{lang} ({name}`{text}`){shop}", info.code, info.about).unwrap();
    }
    list
}

#[test]
fn the_list_of_facts_is_what_the_types_say() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/facts.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the mark is there");
    let after = rest.split_once("<!-- end -->\n").expect("and its end").1;
    let right = format!("{before}{BEGIN}{}<!-- end -->\n{after}", generated());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &right).unwrap();
        return;
    }
    assert_eq!(page, right);
}
