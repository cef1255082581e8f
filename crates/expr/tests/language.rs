//! What expressions mean, and how they end.

use std::time::{Duration, Instant};

use expr::{Budget, Expression, Failed, SyntaxError, Value};
use proptest::prelude::*;
use serde_json::json;

fn record() -> serde_json::Value {
    json!({"brand": " Acme ", "name": "Shirt", "price": "12.50", "list": "9.00", "qty": 7, "weight": 0.1, "size": "M", "blank": "  ", "missing": null,
        "tags": ["a", " b", "a", ""], "images": [{"src": "one"}, {"src": "two"}], "on": true})
}

fn names() -> Vec<String> {
    record().as_object().into_iter().flat_map(|fields| fields.keys().cloned()).collect()
}

fn compile(text: &str) -> Result<Expression, SyntaxError> {
    let names = names();
    Expression::compile(text, names.iter().map(String::as_str))
}

fn eval(text: &str) -> Result<Value, expr::EvalError> {
    compile(text).unwrap_or_else(|error| panic!("{text}: {error}")).eval(&record(), Budget::default())
}

fn shown(text: &str) -> String {
    let value = eval(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    value.text().unwrap_or_else(|| format!("{value:?}"))
}

#[test]
fn expressions_give_what_they_say() {
    for (text, value) in [
        (r#"brand.trim() + " " + name"#, "Acme Shirt"),
        ("`${name}, ${qty} x ${price} ${missing}`", "Shirt, 7 x 12.50 "),
        ("if size == 'M' { 'Medium' } else { size }", "Medium"),
        ("switch size { 'M' => 'Medium', _ => size }", "Medium"),
        ("missing ?? blank ?? 'none'", "none"),
        ("tags.map(|tag| tag.trim()).compact().unique().join('/')", "a/b"),
        ("tags.filter(|tag| tag == 'a').len()", "2"),
        ("images.map(|image| image.src).join(' ')", "one two"),
        ("images[1].src", "two"),
        ("let net = price / 1.25; net.round(2)", "10"),
        ("name.upper().slug()", "shirt"),
        ("\"it's\" + 'a \"b\"'", "it'sa \"b\""),
        ("name.matches('^S') && !blank.contains('x')", "true"),
        ("'10 x 20 cm'.capture('([0-9]+) cm')", "20"),
        ("'1.299,50'.number(',') + 1", "1300.50"),
        ("max(price, 20.00)", "20.00"),
        ("name.left(2) + name.len()", "Sh5"),
        ("on", "true"),
        // Captured by a closure.
        ("tags.map(|tag| tag + name).first()", "aShirt"),
    ] {
        assert_eq!(shown(text), value, "{text}");
    }
}

#[test]
fn numbers_are_exact_and_texts_of_digits_are_numbers() {
    for (text, value) in [
        ("0.1 + 0.2", "0.3"),
        ("weight + 0.2", "0.3"),
        ("price * 1.2", "15.000"),
        ("price - list", "3.50"),
        ("price > list", "true"),
        ("price > 9", "true"),
        ("'10' > '9'", "true"),
        ("price == 12.5", "true"),
        ("qty == '7'", "true"),
        ("7 / 2", "3.5"),
        ("qty / 2", "3.5"),
        ("1.005.round(2)", "1.01"),
        ("-1.005.round(2)", "-1.01"),
        ("1.001.round_up(2)", "1.01"),
        ("99999999999999.99 * 100", "9999999999999999.00"),
    ] {
        assert_eq!(shown(text), value, "{text}");
    }
}

#[test]
fn what_is_no_expression_says_where() {
    for (text, line, column, said, hint) in [
        ("brand + ", 1, 9, "not finished", None),
        ("brand +\n  nmae", 2, 3, "no field \"nmae\"", Some("name")),
        ("brand.tirm()", 1, 7, "no function \"tirm\"", Some("trim")),
        ("while true { }", 1, 1, "while", None),
        ("loop { }", 1, 1, "loop", None),
        ("for x in tags { x }", 1, 1, "for", None),
        ("fn f() { f() } f()", 1, 4, "no function \"f\"", None),
        ("eval('1')", 1, 1, "no function \"eval\"", None),
        ("print(name)", 1, 1, "no function \"print\"", None),
        ("\"open", 1, 1, "", None),
    ] {
        let error = compile(text).expect_err(text);
        assert!(error.message.contains(said), "{text}: {error}");
        assert_eq!(error.hint.as_deref(), hint, "{text}: {error}");
        assert_eq!((error.line, error.column), (line, column), "{text}: {error}");
    }
}

#[test]
fn what_gives_no_value_says_why() {
    for (text, failed, said) in [
        ("name * 2", Failed::Type, "\"Shirt\" is no plain number"),
        ("name > 2", Failed::Type, "\"Shirt\" is no plain number"),
        ("qty / 0", Failed::Value, "division by zero"),
        ("tags[9]", Failed::Value, "9"),
        ("tags.lower()", Failed::Type, "\"lower\" cannot be done with a list"),
        ("if name { 1 } else { 2 }", Failed::Type, "true or false is needed"),
        ("name.matches('(')", Failed::Type, "the pattern"),
        ("99999999999999999999.0 * 99999999999999999999.0", Failed::Value, ""),
        ("9223372036854775807 + 1", Failed::Value, "overflow"),
    ] {
        let error = eval(text).expect_err(text);
        assert_eq!(error.failed, failed, "{text}: {error}");
        assert!(error.message.contains(said), "{text}: {error}");
        assert!(!error.message.contains("rhai") && !error.message.contains("script"), "{error}");
    }
}

#[test]
fn hostile_expressions_end_soon_with_a_reason() {
    let double = "let a = 'aaaaaaaaaaaaaaaa'; ".to_owned() + &"a = a + a; ".repeat(40) + "a";
    let lists = "let a = [1,1,1,1,1,1,1,1]; ".to_owned() + &"a = [a, a]; ".repeat(40) + "a";
    let nested = "[1,1,1,1,1,1,1,1,1,1]".to_owned() + &".map(|x| [1,1,1,1,1,1,1,1,1,1]".repeat(6) + &")".repeat(6);
    let replace = "let a = 'aaaaaaaaaaaaaaaaaaaaaaaa'; ".to_owned()
        + &"a = a.replace('a', 'aaaaaaaaaaaaaaaaaaaaaaaa'); ".repeat(20);
    let patterns = "name.matches('(((((a{50}){50}){50}){50}){50})')".to_owned();
    let closures = "let f = |x| x; let g = |x| [f, f, f]; [1,2,3].map(g).map(g).map(g).map(g)".to_owned();
    let range = "(0..9000000000000000000).len()".to_owned();
    let brackets = "(".repeat(5_000) + "1" + &")".repeat(5_000);
    for text in [double, lists, nested, replace, patterns, closures, range, brackets] {
        let begun = Instant::now();
        match compile(&text) {
            Err(_) => {}
            Ok(expression) => match expression.eval(&record(), Budget::default()) {
                Err(error) => assert!(!error.message.is_empty()),
                // `nested` gives as many values as it writes, which is fine.
                Ok(value) => assert!(format!("{value:?}").len() < 8 << 20, "{text}"),
            },
        }
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?} for {}", begun.elapsed(), &text[..40]);
    }
    let ten = "[1,2,3,4,5,6,7,8,9,0]";
    let error =
        eval(&format!("{ten}.map(|x| {ten}.map(|x| {ten}.map(|x| {ten}.map(|x| {ten}.map(|x| 1 + 1)))))")).unwrap_err();
    assert_eq!(error.failed, Failed::OutOfBudget, "{error}");
}

#[test]
fn the_same_record_gives_the_same_value_however_small_the_budget_before() {
    let expression = compile("brand.trim() + name.upper()").unwrap();
    assert_eq!(expression.eval(&record(), Budget(2)).unwrap_err().failed, Failed::OutOfBudget);
    assert_eq!(expression.eval(&record(), Budget::default()).unwrap(), Value::Text("AcmeSHIRT".into()));
    assert_eq!(expression.reads(), ["brand", "name"]);
}

#[test]
fn names_of_columns_are_names_of_fields() {
    for column in ["Variant Price", "new", "السعر", "2x", "g:price", "if", "_"] {
        let name = expr::identifier(column);
        let expression =
            Expression::compile(&name, [&*name]).unwrap_or_else(|error| panic!("{column}: {name}: {error}"));
        let record: serde_json::Value = [(name, json!("here"))].into_iter().collect();
        assert_eq!(expression.eval(&record, Budget::default()).unwrap(), Value::Text("here".into()), "{column}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    /// Anything is an expression or is refused, and ends.
    #[test]
    fn nothing_panics(pieces in proptest::collection::vec(proptest::sample::select(vec![
        "brand", "tags", "qty", "price", ".", "+", "*", "(", ")", "[", "]", "|x|", "x", ".map(", "'a'", "\"b\"", "`${", "}`", "{", "}", "if ", "else", "switch ", "=>", "_",
        "1", "0.5", ",", ";", "let y = ", "y", " ", "\n", "!", "&&", "==", "<", ".len()", ".split(", "..", "??", "?.", "#{", ":", "//", "/*", "é", "\\",
    ]), 0..14)) {
        let text = pieces.concat();
        if let Ok(expression) = compile(&text) {
            let _ = expression.eval(&record(), Budget(2_000));
        }
    }

    #[test]
    fn column_names_are_always_usable(column in "\\PC{0,12}") {
        let name = expr::identifier(&column);
        prop_assert!(Expression::compile(&name, [&*name]).is_ok(), "{:?} -> {}", column, name);
    }
}
