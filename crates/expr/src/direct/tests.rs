//! Evaluated directly, an expression gives what the engine gives, in as many steps, and fails with
//! the same words.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::{evaluated, read};
use crate::{Budget, Expression, Record, Value};

const FIELDS: [&str; 5] = ["a", "b", "c", "list", "rows"];

fn value() -> impl Strategy<Value = Value> {
    let text = proptest::sample::select(vec![
        "",
        "  ",
        " x ",
        "Shirt",
        "12.50",
        "7",
        "-3",
        "0",
        "1.299,50",
        "a, b,,c",
        "https://eur.shein.com/a-c-12.html?x",
        "x.JPG",
        "ÄÖ ß",
        "السعر",
        "1e5",
        "99999999999999999999",
        "true",
        "a/b/c",
    ]);
    let number = prop_oneof![
        (-20i64..20).prop_map(|n| Value::Number(n.into())),
        (-2000i64..2000, 0u32..4).prop_map(|(n, scale)| Value::Number(rust_decimal::Decimal::new(n, scale))),
        Just(Value::Number(i64::MAX.into())),
    ];
    let leaf = prop_oneof![
        2 => Just(Value::None),
        1 => any::<bool>().prop_map(Value::Bool),
        3 => number,
        6 => text.prop_map(|text| Value::Text(text.to_owned())),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            proptest::collection::btree_map("[nv]", inner, 0..3).prop_map(Value::Object),
        ]
    })
}

fn record() -> impl Strategy<Value = BTreeMap<String, Value>> {
    let list = proptest::collection::vec(value(), 0..4).prop_map(Value::List);
    let row = proptest::collection::btree_map("[nv]", value(), 0..3).prop_map(Value::Object);
    let rows = proptest::collection::vec(row, 0..3).prop_map(Value::List);
    (value(), value(), value(), prop_oneof![8 => list, 1 => value()], prop_oneof![8 => rows, 1 => value()]).prop_map(
        |(a, b, c, list, rows)| FIELDS.iter().map(|name| (*name).to_owned()).zip([a, b, c, list, rows]).collect(),
    )
}

/// Expressions of every kind that is known here, and some that are not.
fn expression() -> impl Strategy<Value = String> {
    let pattern = || {
        proptest::sample::select(vec![
            "'[a-c]+'",
            "'^([^.]*)'",
            "'//([^/?#:]+)'",
            "'(?i)[.](jpg|png)$'",
            "'('",
            "'([0-9]+)'",
        ])
    };
    let word =
        || proptest::sample::select(vec!["'x'", "' '", "''", "','", "'Shirt'", "'7'", "\"a\\\"b\"", "'ß'", "'.'"]);
    let leaf = prop_oneof![
        8 => proptest::sample::select(FIELDS.to_vec()).prop_map(str::to_owned),
        3 => word().prop_map(str::to_owned),
        3 => proptest::sample::select(vec!["()", "1", "0", "2.5", "-4", "true", "false", "[]", "[1, 'x']", "100.00", "'12.50'"]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let one = proptest::sample::select(vec![
            "trim", "lower", "upper", "slug", "len", "is_blank", "text", "number", "first", "last", "compact", "unique", "round", "round_up", "round_down", "abs",
        ]);
        let with_word = proptest::sample::select(vec![
            "contains", "starts_with", "ends_with", "without_start", "without_end", "split", "join", "number",
        ]);
        let with_value = proptest::sample::select(vec!["contains", "left", "round", "round_up", "max", "join", "split", "matches"]);
        let closure = proptest::sample::select(vec!["map", "filter", "any", "all"]);
        let operator = proptest::sample::select(vec!["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "??"]);
        let body = proptest::sample::select(vec![
            "x", "x.trim()", "x.is_blank()", "x == 'x'", "x.matches('(?i)[a-c]')", "x.n", "x.n.v", "!x.is_blank() && x != 'Shirt'", "{ let y = x; y ?? 'none' }", "x.map(|z| z)", "a", "[x, x]",
            "if x.is_blank() { 1 } else { x }", "#{n: x}", "",
        ]);
        prop_oneof![
            4 => (inner.clone(), one.clone()).prop_map(|(on, name)| format!("{on}.{name}()")),
            2 => (inner.clone(), one).prop_map(|(on, name)| format!("{name}({on})")),
            4 => (inner.clone(), with_word, word()).prop_map(|(on, name, word)| format!("{on}.{name}({word})")),
            3 => (inner.clone(), proptest::sample::select(vec!["matches", "capture"]), pattern()).prop_map(|(on, name, pattern)| format!("{on}.{name}({pattern})")),
            2 => (inner.clone(), with_value, inner.clone()).prop_map(|(on, name, with)| format!("{on}.{name}({with})")),
            1 => (inner.clone(), word(), word()).prop_map(|(on, from, by)| format!("{on}.replace({from}, {by})")),
            1 => (inner.clone(), pattern(), word()).prop_map(|(on, from, by)| format!("{on}.replace_pattern({from}, {by})")),
            4 => (inner.clone(), closure, body).prop_map(|(on, name, body)| format!("{on}.{name}(|x| {body})")),
            6 => (inner.clone(), operator, inner.clone()).prop_map(|(a, operator, b)| format!("({a} {operator} {b})")),
            2 => (inner.clone(), "[nv]").prop_map(|(on, key)| format!("{on}.{key}")),
            2 => (inner.clone(), 0..3).prop_map(|(on, at)| format!("{on}[{at}]")),
            1 => (inner.clone(), inner.clone()).prop_map(|(on, at)| format!("{on}[{at}]")),
            1 => (inner.clone(), "[nv]").prop_map(|(on, key)| format!("{on}?.{key}")),
            1 => inner.clone().prop_map(|on| format!("!{on}")),
            1 => inner.clone().prop_map(|on| format!("-{on}")),
            3 => (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("if {a} {{ {b} }} else {{ {c} }}")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("if {a} {{ {b} }}")),
            2 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{{ let d = {a}; let e = d; {b} ?? d ?? e }}")),
            2 => (inner.clone(), word(), inner.clone(), inner.clone()).prop_map(|(on, word, a, b)| format!("switch {on} {{ {word} => {a}, 'Shirt' | 'x' if {b} => 5, _ => {b} }}")),
            1 => (inner.clone(), inner.clone(), inner.clone()).prop_map(|(on, a, b)| format!("switch {on} {{ 'x' => {a}, 7 => {b} }}")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("`${{{a}}} and ${{{b}}}`")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[{a}, #{{n: {b}, v: 1}}]")),
            1 => (inner.clone(), inner).prop_map(|(a, b)| format!("let d = {a}; d.len() + {b}")),
        ]
    })
}

fn both(text: &str, record: &BTreeMap<String, Value>, budget: u64) -> Option<bool> {
    let expression = Expression::compile(text, FIELDS).ok()?;
    // A pattern is compiled once for each thread, which takes steps.
    for _ in 0..2 {
        let _ = expression.eval_counted(record, Budget::default());
    }
    let fields: Vec<Cow<'_, Value>> = expression.reads().iter().map(|name| record.held(name)).collect();
    let is_direct = expression.direct.as_ref().is_some_and(|direct| {
        let before = crate::budget::begin(Budget(budget));
        let value = evaluated(direct, &fields);
        crate::budget::end(before);
        value.is_some()
    });
    let expected = expression.by_engine(fields, Budget(budget));
    assert_eq!(expression.eval_counted(record, Budget(budget)), expected, "{text} of {record:?} within {budget}");
    Some(is_direct)
}

#[test]
fn expressions_of_mappings_are_evaluated_directly() {
    let url = Value::Text("https://eur.shein.com/a-c-12.html?x".to_owned());
    let sizes =
        Value::List(vec![Value::Text("S".to_owned()), Value::Text(" ".to_owned()), Value::Text("M".to_owned())]);
    let record: BTreeMap<String, Value> =
        [("a".to_owned(), url), ("b".to_owned(), Value::Text("Shirt".to_owned())), ("list".to_owned(), sizes)].into();
    for text in [
        "a",
        "b ?? a",
        "let host = c ?? a.capture('//([^/?#:]+)') ?? ''; switch host.capture('^([^.]*)') { 'eur' => b ?? 'und', 'fr' => 'fr', _ => 'en' }",
        "is_blank(c) && (!is_blank(b) || !is_blank(a))",
        "!(c ?? a.capture('//([^/?#:]+)') ?? 'x').lower().matches('(^|[.])shein[.]')",
        "if a.matches('(?i)^[^?#]*[.](jpg|png)([?#]|$)') { a } else { () }",
        "list.filter(|one| one.matches('^[SM]'))",
        "let sizes = list.compact(); if sizes.is_blank() { [b].compact() } else { sizes }",
        "if !c.is_blank() { c } else if a == b { [#{name: a}] } else { [#{name: a}, #{name: b, url: a}] }",
        "b.trim().lower() + ' ' + a",
        "c.any(|axis| axis.variations.len() > 1) || b == 'false'",
        "`${b} of ${a}`",
        // Each function has a body of its own.
        "[list.map(|one| one.trim()), list.filter(|one| one != 'S'), list.any(|one| one.is_blank())]",
        "list.filter(|one| !one.is_blank()).map(|one| one.lower())",
    ] {
        assert_eq!(both(text, &record, 20_000), Some(true), "{text}");
    }
}

#[test]
fn what_may_fail_is_left_to_the_engine() {
    let record: BTreeMap<String, Value> = [("a".to_owned(), Value::Text("x".to_owned()))].into();
    for text in ["a * 2", "a.matches('(')", "a[3]", "a.round(99)", "'a' + [1]"] {
        assert_eq!(both(text, &record, 20_000), Some(false), "{text}");
    }
}

#[test]
fn a_large_field_is_left_to_the_engine() {
    let record: BTreeMap<String, Value> = [("a".to_owned(), Value::Text("x".repeat(600 << 10)))].into();
    both("a + a", &record, 1 << 20);
    both("a + 'x'", &record, 1 << 20);
    both("a.len()", &record, 1 << 20);
}

#[test]
fn texts_of_cases_are_found_with_their_escapes() {
    assert_eq!(
        crate::names::texts(r#"a + "b\"c" + "\\" + "d" // "e"#).collect::<Vec<_>>(),
        [r#""b\"c""#, r#""\\""#, r#""d""#]
    );
    let expression = Expression::compile(r#"switch a { "b\"c" => 1, '\\' => 2 }"#, FIELDS).unwrap();
    assert!(read(expression.text(), expression.reads(), &expression.ast).is_some());
}

#[test]
fn directly_is_as_by_the_engine() {
    let config = ProptestConfig { cases: 4000, max_shrink_iters: 20_000, ..ProptestConfig::default() };
    let budget = prop_oneof![4 => Just(20_000u64), 1 => 0u64..60];
    let (expressions, direct) = (Cell::new(0), Cell::new(0));
    let looked = TestRunner::new(config).run(&(expression(), record(), budget), |(text, record, budget)| {
        if let Some(is_direct) = both(&text, &record, budget) {
            expressions.set(expressions.get() + 1);
            direct.set(direct.get() + u32::from(is_direct));
        }
        Ok(())
    });
    if let Err(found) = looked {
        panic!("{found}");
    }
    // It is not the engine that is held against itself.
    let (expressions, direct) = (expressions.get(), direct.get());
    assert!(expressions > 800 && direct > expressions / 10, "{direct} of {expressions} were evaluated directly");
}
