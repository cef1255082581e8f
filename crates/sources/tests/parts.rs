//! Declared parts: what a mapping can say of them, and what lines become.
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::common;

use catalog::Line;
use common::{map_bytes, read};
use feeds::{Outcome, Reason};
use sources::Mapping;

/// A catalogue and a stock list that comes every ten minutes.
const TEN_LINES: &str = "\
source: acme
form: { type: xml, records: item }
product:
  id: nr
  name: { en: title }
  variants: { sku: sku, price: { from: price, currency: EUR } }
parts:
  stock:
    form: csv
    match: { sku: article }
    owns: { stock: pieces }
";

fn lines(mapping: &str, part: &str, feed: &str) -> (Vec<Line>, Vec<(Reason, String)>) {
    let mapping = read("acme.yaml", mapping);
    let (out, end) = map_bytes(mapping.part(part).unwrap(), "feed", feed.as_bytes(), 7);
    end.unwrap_or_else(|broken| panic!("{broken}"));
    let (mut lines, mut refused) = (Vec::new(), Vec::new());
    for outcome in out {
        match outcome {
            Outcome::Line(mapped) => lines.push(mapped.line),
            Outcome::Rejected(rejection, _) => refused.push((rejection.reason, rejection.message)),
            Outcome::Product(product) => panic!("{product:?}"),
        }
    }
    (lines, refused)
}

fn told(lines: &[Line]) -> Vec<String> {
    lines.iter().map(|line| format!("{}: {:?}", line.about, line.says)).collect()
}

#[test]
fn a_stock_list_beside_a_catalogue_is_declared_in_a_few_lines() {
    let mapping = read("acme.yaml", TEN_LINES);
    assert!(mapping.leads() && mapping.parts().count() == 1);
    let (lines, refused) = lines(TEN_LINES, "stock", "article;pieces\nA-1;5\n A-2 ;in stock\nA-3;\n");
    assert_eq!(told(&lines), ["sku A-1: {Stock: Pieces(5)}", "sku A-2: {Stock: Pieces(1)}", "sku A-3: {}"]);
    assert!(refused.is_empty(), "{refused:?}");
}

#[test]
fn prices_and_texts_are_read_as_those_of_products_are() {
    let mapping = "\
source: acme
form: json
product: { id: id, name: t, variants: { sku: sku } }
parts:
  prices:
    form: { type: json, records: rows }
    match: { id: id }
    owns:
      prices: [{ from: eur, currency: EUR, decimal: \",\", list: was }, { from: usd, currency: USD }]
      name: { de: titel }
    empty: clear
    skip: = test
";
    let feed = r#"{"rows": [{"id": 7, "eur": "1.299,005", "was": "1.400,00", "titel": " Kessel\u200b "}, {"id": "8", "usd": null, "eur": ""},
        {"id": "9", "test": true}, {"id": "10", "usd": "0"}, {"id": "11", "eur": "0,001"}]}"#;
    let (lines, refused) = lines(mapping, "prices", feed);
    assert_eq!(
        told(&lines),
        [
            "id 7: {Price(\"EUR\"): Amount(1299.01, Some(1400.00)), Name(\"de\"): Text(\"Kessel\")}",
            "id 8: {Price(\"EUR\"): Empty, Price(\"USD\"): Empty}",
        ]
    );
    let reasons: Vec<Reason> = refused.iter().map(|(reason, _)| *reason).collect();
    assert_eq!(reasons, [Reason::ZeroPrice, Reason::RoundsToZero], "{refused:?}");
}

#[test]
fn what_is_wrong_with_a_part_is_said_with_its_line() {
    let wrong = |was: &str, is: &str| {
        let text = TEN_LINES.replace(was, is);
        assert_ne!(text, TEN_LINES, "{was}");
        let problems = Mapping::read("acme.yaml", &text).unwrap_err();
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let two = "owns: { stock: pieces }\n  more:\n    form: csv\n    match: { gtin: ean }\n    owns: { stock: n }\n";
    for (was, is, said) in [
        ("match: { sku: article }", "match: { skuu: article }", "\"skuu\" is not known here"),
        ("match: { sku: article }", "match: { sku: a, gtin: b }", "one of id, sku, gtin, mpn and supplier_number"),
        ("owns: { stock: pieces }", "owns: { name: { en: x } }", "and need match: { id"),
        ("owns: { stock: pieces }", "owns: {}", "owns nothing"),
        ("owns: { stock: pieces }\n", two, "more and stock both own the stock"),
        ("    form: csv\n", "", "there is no \"form\" in the part"),
        ("  stock:\n", "  main:\n", "is not main"),
        ("price: { from: price, currency: EUR }", "title: t", "there is no \"price\""),
        ("owns: { stock: pieces }", "owns: { stock: pieces }\n    empty: zero", "empty is one of"),
    ] {
        let problems = wrong(was, is);
        assert!(problems.contains(said) && problems.starts_with("acme.yaml:"), "{said}: {problems}");
    }
}

#[test]
fn a_source_that_is_built_in_can_get_parts_and_nothing_else() {
    let parts = TEN_LINES.split("parts:").nth(1).unwrap();
    let mapping = Mapping::read("m.yaml", &format!("source: shein-brightdata\nparts:{parts}")).unwrap();
    assert!(!mapping.leads());
    let problems = Mapping::read("m.yaml", &format!("source: acme\nparts:{parts}")).unwrap_err();
    assert!(problems.iter().any(|problem| problem.message.contains("there is no \"product\"")), "{problems:?}");
}
