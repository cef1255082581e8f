//! Feeds as they come: whole, broken, hostile, compressed, interrupted.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::io::Write;

use common::{canonical, csv, row, run, run_with, sorted};
use feeds::{Checkpoint, Feed, Limits, Outcome, Progress, Reason, adapter};
use serde_json::Value;

fn ids(bytes: impl AsRef<[u8]>) -> Vec<String> {
    let (out, end) = run("canonical", bytes);
    end.unwrap();
    let (ids, rejections) = sorted(out);
    assert!(rejections.is_empty(), "{rejections:?}");
    ids
}

/// Reason, offset and record of a break.
type Break = Option<(Reason, u64, u64)>;

/// Ids of the products, reasons of the rejections, and the break.
fn reasons(bytes: impl AsRef<[u8]>) -> (Vec<String>, Vec<Reason>, Break) {
    let (out, end) = run("canonical", bytes);
    let (ids, rejections) = sorted(out);
    let broken = end.err().map(|broken| (broken.reason, broken.offset, broken.index));
    (ids, rejections.into_iter().map(|rejection| rejection.reason).collect(), broken)
}

fn compact(id: &str) -> String {
    canonical(id).to_string()
}

fn pretty(id: &str) -> String {
    serde_json::to_string_pretty(&canonical(id)).unwrap()
}

#[test]
fn every_form_of_json_is_recognised_by_its_beginning() {
    let (a, b) = (compact("a"), compact("b"));
    assert_eq!(ids(format!("[{a},{b}]")), ["a", "b"]);
    assert_eq!(ids(format!("[\n  {},\r\n\t{}\n]\n", pretty("a"), pretty("b"))), ["a", "b"]);
    assert_eq!(ids(format!("\u{feff} [{a}]")), ["a"], "byte order mark");
    assert_eq!(ids("[]"), [""; 0]);
    assert_eq!(ids(&a), ["a"], "a single document");
    assert_eq!(ids(pretty("a")), ["a"], "a single document over several lines");
    assert_eq!(ids(format!("{}\n{}", pretty("a"), pretty("b"))), ["a", "b"], "documents one after another");
    assert_eq!(ids(format!("{a}\n{b}\n")), ["a", "b"], "JSON Lines");
    assert_eq!(
        ids(format!("\n{a}\r\n\r\n  {b}  ")),
        ["a", "b"],
        "JSON Lines with blank lines, CRLF and no newline at the end"
    );
    assert_eq!(ids(format!("{a}{b}")), ["a", "b"]);
}

#[test]
fn a_defect_within_a_record_costs_that_record_only() {
    let (a, b) = (compact("a"), compact("b"));
    for (bad, reason) in [
        ("{\"id\": nope}", Reason::MalformedJson),
        ("{\"id\" 1}", Reason::MalformedJson),
        ("{\"id\":\"1\",}", Reason::MalformedJson),
        ("{\"id\":\"1\",\"images\":[\"1\"}}", Reason::MalformedJson),
        ("{\"id\":\"\\x\"}", Reason::MalformedJson),
        ("{\"id\":\"\\ud800\", \"source\":\"\\ud800\"}", Reason::MalformedJson),
        ("[{}]", Reason::RecordNotObject),
        ("42", Reason::RecordNotObject),
        ("\"tw,o]\"", Reason::RecordNotObject),
        ("nope", Reason::MalformedJson),
        ("null", Reason::RecordNotObject),
        ("{}", Reason::MissingField),
        ("{\"a\":1}", Reason::UnknownField),
    ] {
        let (ids, found, broken) = reasons(format!("[{a},{bad},{b}]"));
        assert_eq!((ids, found, broken), (vec!["a".to_owned(), "b".into()], vec![reason], None), "{bad} in an array");
        if bad.starts_with('{') {
            let (ids, found, broken) = reasons(format!("{a}\n{bad}\n{b}\n"));
            assert_eq!((ids, found, broken), (vec!["a".to_owned(), "b".into()], vec![reason], None), "{bad} on a line");
        }
    }
}

#[test]
fn a_line_that_is_cut_off_costs_that_line_only() {
    let (a, b) = (compact("a"), compact("b"));
    let (ids, found, broken) = reasons(format!("{}\n{b}\n{a}\n", &a[..40]));
    assert_eq!((ids, found, broken), (vec!["b".to_owned(), "a".into()], vec![Reason::MalformedJson], None));
}

#[test]
fn stray_commas_are_reported_not_guessed() {
    let (a, b) = (compact("a"), compact("b"));
    assert_eq!(reasons(format!("[{a},{b},]")), (vec!["a".into(), "b".into()], vec![Reason::TrailingComma], None));
    assert_eq!(reasons(format!("[{a},,{b}]")), (vec!["a".into(), "b".into()], vec![Reason::MissingRecord], None));
    let (_, _, broken) = reasons(format!("[{}", ",".repeat(2_000)));
    assert_eq!(broken.unwrap().0, Reason::TooMuchData);
}

#[test]
fn what_cannot_be_read_beyond_a_point_breaks_there_and_keeps_what_came_before() {
    let (a, b) = (compact("a"), compact("b"));
    let at = (a.len() + 1) as u64;
    assert_eq!(reasons(format!("[{a} {b}]")), (vec!["a".into()], vec![], Some((Reason::BrokenStructure, at + 1, 1))));
    assert_eq!(reasons(format!("[{a},{}", &b[..50])), (vec!["a".into()], vec![], Some((Reason::Truncated, at + 1, 1))));
    assert_eq!(reasons(format!("[{a}")), (vec!["a".into()], vec![], Some((Reason::Truncated, at, 1))));
    assert_eq!(reasons(format!("[{a}] {b}")), (vec!["a".into()], vec![], Some((Reason::TrailingContent, at + 2, 1))));
    assert_eq!(reasons(format!("{}\nhello", pretty("a"))).2.unwrap().0, Reason::TrailingContent);
    // A bracket too few: everything behind it belongs to the record that lacks it.
    let (ids, _, broken) = reasons(format!("[{a},{},{b}]", &a[..a.len() - 1]));
    assert_eq!(
        (ids, broken),
        (vec!["a".to_owned()], Some((Reason::Truncated, at + 1 + (a.len() + b.len() + 1) as u64, 2)))
    );
}

#[test]
fn what_is_no_feed_is_told_apart() {
    for (bytes, reason) in [
        (&b""[..], Reason::EmptyFeed),
        (b" \r\n\t ", Reason::EmptyFeed),
        (b"hello", Reason::NotJson),
        (b"<?xml version=\"1.0\"?>", Reason::NotJson),
        (b"\xff\xfe\0\0[\0\0\0", Reason::UnsupportedEncoding),
        (b"PK\x03\x04", Reason::Truncated),
    ] {
        assert_eq!(reasons(bytes).2.unwrap().0, reason, "{bytes:?}");
    }
}

#[test]
fn a_record_over_the_limit_is_skipped_with_its_place_and_the_next_one_is_found() {
    let limits = Limits { record_bytes: 2_000, excerpt_bytes: 100, ..Limits::default() };
    let (a, b) = (compact("a"), compact("b"));
    let large = compact("x").replace("Shirt", &"long ".repeat(1_000));
    for (text, form) in [(format!("[{a},{large},{b}]"), "array"), (format!("{a}\n{large}\n{b}\n"), "lines")] {
        for piece in [1, 64, 700, 1 << 20] {
            let (out, end) = run_with("canonical", text.as_bytes(), piece, limits);
            end.unwrap();
            let raw = out.iter().find_map(|outcome| match outcome {
                Outcome::Line(line) => unreachable!("a part: {line:?}"),
                Outcome::Rejected(_, raw) => Some(raw.clone()),
                Outcome::Product(_) => None,
            });
            let raw = String::from_utf8(raw.unwrap()).unwrap();
            assert!(large.starts_with(&raw) && raw.len() <= 100, "{form} in pieces of {piece}: {raw}");
            let (ids, rejections) = sorted(out);
            assert_eq!(ids, ["a", "b"]);
            assert_eq!((rejections[0].reason, rejections[0].index), (Reason::RecordTooLarge, 1));
            assert!(text[usize::try_from(rejections[0].offset).unwrap()..].starts_with(&large), "{form}");
            assert!(rejections[0].message.contains(&large.len().to_string()), "{}", rejections[0].message);
        }
    }
}

#[test]
fn nesting_beyond_the_limit_is_refused_also_where_nothing_is_read() {
    let deep = format!("{{\"x\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000));
    for text in [format!("[{deep},{}]", compact("a")), format!("{}\n{deep}\n", compact("a"))] {
        let (ids, found, broken) = reasons(text);
        assert_eq!((ids, found, broken), (vec!["a".to_owned()], vec![Reason::RecordTooDeep], None));
    }
}

#[test]
fn bytes_that_are_not_utf8_are_refused_with_the_place_of_the_first() {
    let mut bytes = format!("[{},", compact("a")).into_bytes();
    let offset = bytes.len();
    bytes.extend(br#"{"id":"caf"#);
    let bad = bytes.len();
    bytes.push(0xE9);
    bytes.extend(br#"","ignored":1},"#);
    bytes.extend(compact("b").bytes());
    bytes.push(b']');
    let (out, end) = run("canonical", &bytes);
    end.unwrap();
    let (ids, rejections) = sorted(out);
    assert_eq!(ids, ["a", "b"]);
    assert_eq!(rejections[0].reason, Reason::InvalidUtf8);
    assert_eq!((rejections[0].offset, rejections[0].defect_offset), (offset as u64, Some(bad as u64)));
}

#[test]
fn text_is_read_as_json_means_it() {
    let description = r#""description":{"en":"\ud83d\ude00 \u0642 \/ \\ \" tab\tx"},"id""#;
    let text = compact("a").replacen(r#""id""#, description, 1);
    let (out, _) = run("canonical", format!("[{text}]"));
    let Outcome::Product(mapped) = &out[0] else { panic!("{out:?}") };
    assert_eq!(mapped.product.description.get("en"), Some("😀 ق / \\ \" tab\tx"));
}

#[test]
fn a_key_that_is_needed_and_occurs_twice_is_refused() {
    let text = compact("a").replacen("\"id\":", "\"id\":\"z\",\"id\":", 1);
    let (_, reasons, _) = reasons(format!("[{text}]"));
    assert_eq!(reasons, [Reason::DuplicateKey]);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 3).unwrap()
}

#[test]
fn gzip_and_zstd_of_several_members_are_read_as_one() {
    let text = format!("[{},{}]", compact("a"), compact("b"));
    let (one, two) = text.as_bytes().split_at(60);
    assert_eq!(ids(gzip(text.as_bytes())), ["a", "b"]);
    assert_eq!(ids([gzip(one), gzip(two)].concat()), ["a", "b"]);
    assert_eq!(ids([gzip(one), gzip(two), vec![0; 512]].concat()), ["a", "b"], "filled up with zeros");
    assert_eq!(ids(zstd(text.as_bytes())), ["a", "b"]);
    assert_eq!(ids([zstd(one), zstd(two)].concat()), ["a", "b"]);
    assert_eq!(ids([gzip(one), gzip(b""), gzip(two)].concat()), ["a", "b"], "an empty member");
}

#[test]
fn damaged_compression_keeps_what_came_before() {
    let text = format!("[{}]", (0..400).map(|number| compact(&format!("p{number}"))).collect::<Vec<_>>().join(","));
    for whole in [gzip(text.as_bytes()), zstd(text.as_bytes())] {
        let (ids, _, broken) = reasons(&whole[..whole.len() - 9]);
        assert_eq!(broken.unwrap().0, Reason::Truncated);
        assert!(ids.len() <= 400);
        let mut damaged = whole.clone();
        let middle = damaged.len() / 2;
        damaged[middle..middle + 8].fill(0xAA);
        let (_, _, broken) = reasons(&damaged);
        assert!(
            matches!(broken.unwrap().0, Reason::CorruptCompression | Reason::Truncated | Reason::BrokenStructure),
            "damage is noticed"
        );
        let (_, _, broken) = reasons([whole.clone(), b"garbage".to_vec()].concat());
        assert_eq!(broken.unwrap().0, Reason::CorruptCompression, "what follows the last member");
    }
    let (ids, _, broken) = reasons([gzip(&text.as_bytes()[..text.len() - 1]), gzip(b"]")[..4].to_vec()].concat());
    assert_eq!((ids.len(), broken.unwrap().0), (400, Reason::Truncated));
}

#[test]
fn a_decompression_bomb_ends_early() {
    let limits =
        Limits { ratio_from: 1 << 20, ratio: 100, gap_bytes: 1 << 40, record_bytes: 1 << 20, ..Limits::default() };
    let space = vec![b' '; 8 << 20];
    let record = format!("[{{\"a\":\"{}\"}}]", "a".repeat(8 << 20));
    let records = format!("[{}{{}}]", "{},".repeat(1 << 20));
    for bomb in [gzip(&space), zstd(&space), gzip(record.as_bytes()), zstd(records.as_bytes())] {
        let (_, end) = run_with("canonical", &bomb, 4_096, limits);
        assert_eq!(end.unwrap_err().reason, Reason::TooMuchData);
    }
    // White space is bounded on its own, compressed or not.
    let (_, end) = run_with("canonical", &space, 1 << 20, Limits::default());
    assert_eq!(end.unwrap_err().reason, Reason::TooMuchData);
    // A feed that only repeats itself is no bomb: products keep coming out of it.
    let repeated = format!("[{}{}]", format!("{},", compact("a")).repeat(40_000), compact("b"));
    let (out, end) = run_with("canonical", &zstd(repeated.as_bytes()), 4_096, limits);
    end.unwrap();
    assert_eq!(out.len(), 40_001);
    let small = Limits { feed_bytes: 1 << 20, ..limits };
    let (_, end) = run_with("canonical", &zstd(repeated.as_bytes()), 4_096, small);
    assert_eq!(end.unwrap_err().reason, Reason::TooMuchData);
}

#[test]
fn a_zstd_window_larger_than_memory_is_refused() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    encoder.include_contentsize(false).unwrap();
    let text = format!("[{}]", compact("a"));
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.write_all(" ".repeat(1 << 20).as_bytes()).unwrap();
    let (_, _, broken) = reasons(encoder.finish().unwrap());
    assert_eq!(broken.unwrap().0, Reason::CorruptCompression);
}

#[test]
fn csv_is_read_with_quotes_line_breaks_and_doubled_quotes() {
    let mut a = row("1");
    a["description"] = Value::from("A \"tall\" vase,\r\nwith\nlines");
    let (out, end) = run("shein-brightdata", format!("\u{feff}{}\r\n\r\n", csv(&[a, row("2")])));
    end.unwrap();
    let Outcome::Product(mapped) = &out[0] else { panic!("{out:?}") };
    assert_eq!(mapped.product.description.get("en"), Some("A \"tall\" vase,\r\nwith\nlines"));
    assert_eq!(sorted(out).0, ["1", "2"]);
}

#[test]
fn csv_and_json_rows_become_the_same_product() {
    let rows = [row("1"), row("2")];
    let (from_csv, _) = run("shein-brightdata", csv(&rows));
    let (from_json, _) = run("shein-brightdata", serde_json::to_string(&rows).unwrap());
    let products = |outcomes: Vec<Outcome>| -> Vec<_> {
        outcomes
            .into_iter()
            .map(|outcome| match outcome {
                Outcome::Product(mapped) => mapped.product,
                Outcome::Line(line) => unreachable!("a part: {line:?}"),
                Outcome::Rejected(rejection, _) => panic!("{rejection:?}"),
            })
            .collect()
    };
    assert_eq!(products(from_csv), products(from_json));
}

#[test]
fn a_csv_record_with_a_field_too_many_costs_itself_only_and_an_open_quote_the_rest() {
    let text = csv(&[row("1"), row("2")]);
    let mut lines: Vec<&str> = text.split_inclusive("\r\n").collect();
    let long = lines[1].trim_end().to_owned() + ",more\r\n";
    lines.insert(1, &long);
    let (out, end) = run("shein-brightdata", lines.concat());
    end.unwrap();
    let (ids, rejections) = sorted(out);
    assert_eq!(ids, ["1", "2"]);
    // Had the comma stood before its id, another's would stand there, and a full feed would
    // withdraw the product that it is.
    assert_eq!((rejections[0].reason, rejections[0].product_id.as_deref()), (Reason::CsvFieldCount, None));

    let (out, end) = run("shein-brightdata", format!("{text}\"open,1,2\r\nmore,lines\r\n"));
    let broken = end.unwrap_err();
    assert_eq!(sorted(out).0, ["1", "2"]);
    assert_eq!((broken.reason, broken.offset), (Reason::Truncated, text.len() as u64));
}

#[test]
fn a_header_without_the_columns_it_takes_is_refused_by_name() {
    let (_, end) = run("shein-brightdata", "asin,title,final_price\n1,2,3\n");
    let broken = end.unwrap_err();
    assert_eq!(broken.reason, Reason::CsvHeader);
    assert!(broken.message.contains("product_id, product_name, currency"), "{}", broken.message);
    let (_, end) = run("shein-brightdata", "asin,final_price\n");
    assert_eq!(end.unwrap_err().reason, Reason::CsvHeader, "also without any record");
}

#[test]
fn a_first_line_over_the_limit_is_read_alike_in_any_pieces() {
    let limits = Limits { record_bytes: 64, ..Limits::default() };
    let text = format!("{{\"a\":\"{}\n{{\"b\":1}}\n", "x".repeat(90));
    let (whole, whole_end) = run_with("canonical", text.as_bytes(), 1 << 20, limits);
    let (cut, cut_end) = run_with("canonical", text.as_bytes(), 1, limits);
    assert_eq!(whole, cut);
    assert_eq!(whole_end.unwrap_err().reason, cut_end.unwrap_err().reason);
}

#[test]
fn white_space_around_a_line_counts_alike_in_any_pieces() {
    let limits = Limits { record_bytes: 300, ..Limits::default() };
    let long = "x".repeat(400);
    let text = format!("{}\n \t\r{long}\n\n  {}{}\r\n{}", compact("a"), compact("b"), " ".repeat(290), compact("c"));
    let (whole, whole_end) = run_with("canonical", text.as_bytes(), 1 << 20, limits);
    let reasons: Vec<_> = sorted(whole.clone()).1.iter().map(|rejection| rejection.reason).collect();
    assert_eq!(reasons, [Reason::RecordTooLarge; 2]);
    for piece in [1, 7, 301] {
        let (cut, cut_end) = run_with("canonical", text.as_bytes(), piece, limits);
        let strip = |outcomes: &[Outcome]| outcomes.iter().cloned().map(|o| sorted(vec![o])).collect::<Vec<_>>();
        assert_eq!(strip(&whole), strip(&cut), "in pieces of {piece}");
        assert_eq!(whole_end.is_ok(), cut_end.is_ok());
    }
}

#[test]
fn a_header_over_the_limit_is_refused_in_any_pieces() {
    let limits = Limits { record_bytes: 64, ..Limits::default() };
    let text = format!("product_id,{}\n1,2\n", "x".repeat(90));
    for piece in [1, 7, 64, 1 << 20] {
        let (_, end) = run_with("shein-brightdata", text.as_bytes(), piece, limits);
        assert_eq!(end.unwrap_err().reason, Reason::CsvHeader, "in pieces of {piece}");
    }
}

#[test]
fn content_that_contradicts_its_prefix_is_refused_with_the_right_one() {
    let (out, end) = run("shein-api", serde_json::to_string(&[row("1")]).unwrap());
    let broken = end.unwrap_err();
    assert!(out.is_empty());
    assert_eq!(broken.reason, Reason::WrongSource);
    assert!(broken.message.contains("upload it under incoming/shein-brightdata/"), "{}", broken.message);
    let (_, end) = run("canonical", common::document("1").to_string());
    assert!(end.unwrap_err().message.contains("incoming/shein-api/"));
    let (_, end) = run("shein-api", csv(&[row("1")]));
    assert_eq!(end.unwrap_err().reason, Reason::NotJson);
}

#[test]
fn a_feed_can_be_taken_up_again_behind_any_record() {
    let array = format!("[ {} ,{},\n{}, {{}} ,{}]", compact("a"), pretty("b"), compact("c"), compact("d"));
    let lines = format!("{}\n\n{}\n{{}}\n{}", compact("a"), compact("b"), compact("c"));
    let documents = format!("{}\n{}", pretty("a"), pretty("b"));
    let table = csv(&[row("1"), row("2"), row("3")]);
    for (source, text) in
        [("canonical", array), ("canonical", lines), ("canonical", documents), ("shein-brightdata", table)]
    {
        for bytes in [text.clone().into_bytes(), gzip(text.as_bytes()), zstd(text.as_bytes())] {
            let (whole, _) = run(source, &bytes);
            for cut in (0..bytes.len()).step_by(29) {
                let mut out = Vec::new();
                let mut first =
                    Feed::new(adapter::find(source).unwrap(), "feed", Checkpoint::default(), Limits::default())
                        .unwrap();
                first.offer(&bytes[..cut]);
                while first.step(&mut out).unwrap() == Progress::More {}
                let checkpoint: Checkpoint =
                    serde_json::from_str(&serde_json::to_string(&first.checkpoint()).unwrap()).unwrap();
                let from = usize::try_from(checkpoint.object_offset()).unwrap();
                let mut second =
                    Feed::new(adapter::find(source).unwrap(), "feed", checkpoint, Limits::default()).unwrap();
                second.offer(&bytes[from..]);
                while second.step(&mut out).unwrap() == Progress::More {}
                second.finish(&mut out).unwrap();
                assert_eq!(out, whole, "{source}, cut at {cut}");
            }
        }
    }
}
