//! Against a slow reference: the whole feed through `serde_json`, then the same mapping.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{canonical, csv, document, row, run_with, sorted};
use feeds::{Limits, Outcome, adapter};
use proptest::prelude::*;
use serde_json::Value;

/// What each record of a well-formed feed should become: the product as JSON, or the reason.
fn reference(source: &str, records: &[Value]) -> Vec<Result<Value, String>> {
    let adapter = adapter::find(source).unwrap();
    let one = |record: &Value| match adapter.json(&record.to_string()) {
        Ok(product) => Ok(serde_json::to_value(product).unwrap()),
        Err(defect) => Err(defect.reason.to_string()),
    };
    records.iter().map(one).collect()
}

fn observed(outcomes: Vec<Outcome>) -> Vec<Result<Value, String>> {
    let one = |outcome: Outcome| match outcome {
        Outcome::Product(mapped) => Ok(serde_json::to_value(mapped.product).unwrap()),
        Outcome::Line(line) => unreachable!("a part: {line:?}"),
        Outcome::Rejected(rejection, _) => Err(rejection.reason.to_string()),
    };
    outcomes.into_iter().map(one).collect()
}

/// Any JSON, with strings that are hard to scan.
fn any_json() -> impl Strategy<Value = Value> {
    let text = proptest::string::string_regex(r#"[a"\\\[\]{},:\n\t قé😀]{0,12}"#).unwrap().boxed();
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(text.clone(), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// A record of a source with some field replaced by anything at all.
fn record(source: &'static str) -> impl Strategy<Value = Value> {
    let fresh = move |id: u32| match source {
        "shein-api" => document(&id.to_string()),
        "shein-brightdata" => row(&id.to_string()),
        _ => canonical(&id.to_string()),
    };
    (1u32..50, any::<prop::sample::Index>(), any_json(), 0u8..4).prop_map(move |(id, place, other, change)| {
        let mut record = fresh(id);
        if change == 0 {
            let mut pointers = Vec::new();
            collect(&record, String::new(), &mut pointers);
            let pointer = pointers[place.index(pointers.len())].clone();
            *record.pointer_mut(&pointer).unwrap() = other;
        } else if change == 1 {
            record["unknown \" field"] = other;
        }
        record
    })
}

fn collect(value: &Value, pointer: String, all: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                collect(value, format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")), all);
            }
        }
        Value::Array(list) => {
            for (number, value) in list.iter().enumerate() {
                collect(value, format!("{pointer}/{number}"), all);
            }
        }
        _ => {}
    }
    if !pointer.is_empty() {
        all.push(pointer);
    }
}

fn any_source() -> impl Strategy<Value = (&'static str, Vec<Value>)> {
    prop::sample::select(vec!["shein-api", "shein-brightdata", "canonical"])
        .prop_flat_map(|source| (Just(source), proptest::collection::vec(record(source), 0..6)))
}

fn write(records: &[Value], form: usize) -> String {
    let join = |each: &dyn Fn(&Value) -> String, by: &str| records.iter().map(each).collect::<Vec<_>>().join(by);
    match form {
        0 => serde_json::to_string(records).unwrap(),
        1 => serde_json::to_string_pretty(records).unwrap(),
        2 => join(&Value::to_string, "\n") + "\r\n",
        _ => join(&|record| serde_json::to_string_pretty(record).unwrap(), "\n\n"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_feed_in_any_form_and_any_pieces_is_what_the_reference_says(
        (source, records) in any_source(), form in 0usize..4, piece in 1usize..5_000,
    ) {
        prop_assume!(!records.is_empty() || form < 2);
        let text = write(&records, form);
        let (out, end) = run_with(source, text.as_bytes(), piece, Limits::default());
        prop_assert!(end.is_ok(), "{:?}", end);
        prop_assert_eq!(observed(out), reference(source, &records));
    }

    #[test]
    fn rows_in_csv_are_what_they_are_in_json(rows in proptest::collection::vec((1u32..50, "[a\",\\n é]{1,20}"), 1..6), piece in 1usize..3_000) {
        let rows: Vec<Value> = rows.into_iter().map(|(id, name)| {
            let mut row = row(&id.to_string());
            row["product_name"] = Value::from(name);
            row
        }).collect();
        let (out, end) = run_with("shein-brightdata", csv(&rows).as_bytes(), piece, Limits::default());
        prop_assert!(end.is_ok());
        prop_assert_eq!(observed(out), reference("shein-brightdata", &rows));
    }

    #[test]
    fn a_cut_feed_gives_a_beginning_of_what_the_whole_gives_and_says_that_it_is_cut(
        (source, records) in any_source(), cut in any::<prop::sample::Index>(), piece in 1usize..5_000,
    ) {
        prop_assume!(!records.is_empty());
        let text = write(&records, 0);
        let cut = cut.index(text.len());
        let (whole, _) = run_with(source, text.as_bytes(), 1 << 20, Limits::default());
        let (out, end) = run_with(source, &text.as_bytes()[..cut], piece, Limits::default());
        prop_assert!(end.is_err());
        prop_assert_eq!(&whole[..out.len()], &out[..]);
    }

    #[test]
    fn any_bytes_at_all_are_answered_the_same_in_any_pieces(
        bytes in proptest::collection::vec(prop::sample::select(b"[]{}\",:\\ \n\r1ae\xe9\xff<".to_vec()), 0..300), piece in 1usize..40,
    ) {
        for source in ["shein-api", "shein-brightdata", "canonical"] {
            let (whole, whole_end) = run_with(source, &bytes, 1 << 20, Limits::default());
            let (pieces, pieces_end) = run_with(source, &bytes, piece, Limits::default());
            prop_assert_eq!(&whole, &pieces);
            // What is left at a break is shown as far as it has arrived.
            let plain = |end: Result<(), feeds::Broken>| end.map_err(|broken| (broken.reason, broken.offset, broken.index));
            prop_assert_eq!(plain(whole_end), plain(pieces_end));
        }
    }
}

#[test]
fn the_reference_itself_takes_the_sound_records() {
    for (source, record) in
        [("shein-api", document("7")), ("shein-brightdata", row("7")), ("canonical", canonical("7"))]
    {
        let (out, end) = run_with(source, record.to_string().as_bytes(), 100, Limits::default());
        end.unwrap();
        assert_eq!(sorted(out).0, ["7"], "{source}");
    }
}
