//! What is wrong with a mapping is said at once, with line, column and what was perhaps meant.
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::common;

use std::time::{Duration, Instant};

use feeds::Reason;
use proptest::prelude::*;
use sources::Mapping;

const GOOD: &str = "source: demo
form: csv
columns: [id, title, price, size]
product:
  id: id
  name: title
  variants:
    price: { from: price, currency: EUR }
    stock: = 1
";

fn problems(text: &str) -> Vec<(usize, usize, String)> {
    match Mapping::read("demo.yaml", text) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.into_iter().map(|one| (one.at.line, one.at.column, one.to_string())).collect(),
    }
}

#[test]
fn every_problem_has_its_place() {
    assert_eq!(problems(GOOD), []);
    for (from, to, line, column, said) in [
        ("product:", "produkt:", 4, 1, "\"produkt\" is not known here"),
        ("product:", "produkt:", 4, 1, "did you mean \"product\"?"),
        (
            "  name: title",
            "  name: titel",
            6,
            9,
            "\"titel\" is not among the mapping's columns; did you mean \"title\"?",
        ),
        ("= 1", "= prize * 2", 9, 14, "there is no field \"prize\"; did you mean \"price\"?"),
        ("= 1", "= price.rond(2)", 9, 20, "there is no function \"rond\"; did you mean \"round\"?"),
        ("= 1", "= price +", 9, 21, "not finished"),
        ("EUR", "EUX", 8, 37, "EUX is no currency"),
        ("currency: EUR", "currency: EUR, decimal: ;", 8, 51, "decimal is one of"),
        ("form: csv", "form: { type: cvs }", 2, 15, "type is one of csv, json, xml"),
        ("form: csv", "form: { type: csv, encoding: latin-9000 }", 2, 30, "no known encoding"),
        ("form: csv", "form: { type: xml }", 2, 7, "xml needs \"records\""),
        ("source: demo", "source: Demo Shop", 1, 9, "small letters"),
        ("  id: id\n", "", 5, 3, "there is no \"id\""),
        ("  id: id", "  id: id\n  id: id", 6, 3, "stands here a second time; the first is in line 5"),
        ("  id: id", "  id: [id]", 5, 7, "here is a list"),
        ("  id: id", "  id: { from: id, is: x }", 5, 7, "exclude each other"),
        ("  id: id", "  id: &a id\n  sku: *a", 6, 8, "aliases"),
        ("  id: id", "  id: !x id", 5, 7, "tags"),
        ("source: demo", "source: demo\n---\nsource: demo", 2, 1, "a second document"),
        ("form: csv", "form: [csv", 0, 0, "no YAML"),
    ] {
        let text = GOOD.replace(from, to);
        let found = problems(&text);
        let matching = found.iter().find(|(_, _, message)| message.contains(said));
        let (at_line, at_column, _) = matching.unwrap_or_else(|| panic!("{to}: {said}: {found:?}"));
        if line > 0 {
            assert_eq!((*at_line, *at_column), (line, column), "{to}: {found:?}");
        }
    }
}

#[test]
fn all_of_them_are_said_and_shown_with_a_caret() {
    let text = GOOD.replace("title\n  var", "titel\n  var").replace("EUR", "EUX");
    let found = Mapping::read("demo.yaml", &text).unwrap_err();
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(
        found[0].shown(&text),
        "demo.yaml:6:9: \"titel\" is not among the mapping's columns; did you mean \"title\"?\n 6 |   name: titel\n   |         ^"
    );
}

#[test]
fn hostile_mappings_end_soon() {
    let deep = format!("source: demo\nform: {}csv{}\n", "[".repeat(5_000), "]".repeat(5_000));
    let laughs = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\n".to_owned();
    let long = "a: b\n".repeat(100_000);
    let brackets = GOOD.replace("= 1", &format!("\"= {}1{}\"", "(".repeat(3_000), ")".repeat(3_000)));
    for text in [deep, laughs, long, brackets] {
        let begun = Instant::now();
        assert!(Mapping::read("demo.yaml", &text).is_err());
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
    // What can only be seen with a record is that record's defect.
    let ten = "[1,2,3,4,5,6,7,8,9,0]";
    let loops = format!("\"= {ten}.map(|x| {ten}.map(|x| {ten}.map(|x| {ten}.map(|x| x + 1 + 1 + 1)))).len()\"");
    for (hostile, said) in
        [(loops.as_str(), "more steps"), ("= title.replace_pattern('((((a{90}){90}){90}){90})', '')", "pattern")]
    {
        let text = GOOD.replace("= 1", hostile);
        let mapping = common::read("demo.yaml", &text);
        let begun = Instant::now();
        let (products, refused) = common::map(&mapping, b"id,title,price,size\n1,a,2,\n");
        assert!(products.is_empty());
        assert_eq!((refused[0].reason, refused[0].product_id.as_deref()), (Reason::MappingFailed, Some("1")));
        assert!(
            refused[0].message.contains(said) && refused[0].message.contains("demo.yaml line 9"),
            "{}",
            refused[0].message
        );
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
}

/// Each field is within its budget, and all of them together are not; nor are long lists and
/// weighty patterns.
#[test]
fn a_product_has_a_budget_whatever_its_mapping_and_its_values_are() {
    let weighty = "if title.matches('(x{1,90}y{0,90}){1,10}z') { 1 } else { 2 }";
    let busy = format!("    - {{ name: a, value: \"= {weighty}\" }}\n");
    let many = GOOD.replace("  name: title\n", &format!("  name: title\n  attributes:\n{}", busy.repeat(400)));
    let list = GOOD.replace("  name: title\n", "  name: title\n  images: { from: title, split: x }\n");
    let heavy = GOOD.replace("= 1", &format!("= {weighty}"));
    assert!(many != GOOD && list != GOOD && heavy != GOOD);
    for (text, title, said) in [
        (&many, "a".repeat(18_000), "more steps than a product may"),
        (&list, "xy".repeat(400_000), "a list of more than 10000 values"),
        (&heavy, "xy".repeat(400_000), "more steps than a field may"),
    ] {
        let mapping = common::read("demo.yaml", text);
        let (products, refused) = common::map(&mapping, format!("id,title,price,size\n1,{title},2,\n").as_bytes());
        assert!(products.is_empty() && refused[0].message.contains(said), "{said}: {:?}", refused.first());
        assert_eq!(refused[0].reason, Reason::MappingFailed);
    }
    // A few of them are within it.
    let few = GOOD.replace("  name: title\n", &format!("  name: title\n  attributes:\n{}", busy.repeat(4)));
    let (_, refused) = common::map(
        &common::read("demo.yaml", &few),
        format!("id,title,price,size\n1,{},2,\n", "a".repeat(1_000)).as_bytes(),
    );
    assert!(refused.is_empty(), "{refused:?}");
}

#[test]
fn the_version_is_that_of_the_text() {
    let one = common::read("demo.yaml", GOOD);
    let other = common::read("demo.yaml", &GOOD.replace("= 1", "= 2"));
    assert_eq!(one.digest(), common::read("else.yaml", GOOD).digest());
    assert_ne!(one.digest(), other.digest());
}

#[test]
fn the_published_schema_is_that_of_the_reader() {
    let path = common::repository().join("docs/source.schema.json");
    let now = format!("{}\n", serde_json::to_string_pretty(&sources::schema()).unwrap());
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), now, "UPDATE_SCHEMA=1 cargo test -p sources writes it anew");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// A mapping with any lines changed is read or refused, and what it then does with a feed ends.
    #[test]
    fn nothing_panics(changes in proptest::collection::vec((0usize..10, proptest::sample::select(vec![
        "", "  id: = id", "  name: { en: title, ar: = size }", "    each: = [id, title]", "group: { by: id, rows: spread }", "    price: title", "x: y", "  - a", "\t", "    stock: { from: size, split: \"\" }",
        "  options: [{ name: title, value: size }]", "  categories: { from: title, separator: \"\" }", "form: { type: csv, header: false }", "form: json", "form: { type: xml, records: a }",
        "skip: = id > 2", "  images: { is: x, split: \"\", html: text }", "    single: [x]", "language: = title",
    ])), 1..4)) {
        let mut lines: Vec<&str> = GOOD.lines().collect();
        for (at, line) in changes {
            lines.insert(at.min(lines.len()), line);
        }
        if let Ok(mapping) = Mapping::read("demo.yaml", &lines.join("\n")) {
            let _ = common::map_bytes(&std::sync::Arc::new(mapping), "x", b"id,title,price,size\n1,a,2,\n2,,x,\"y\"\n", 5);
        }
    }
}
