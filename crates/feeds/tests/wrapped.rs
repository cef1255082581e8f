//! Lists of records inside a document, and files of no format that is known.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{canonical, document, run, run_with, sorted};
use feeds::{Checkpoint, Feed, Limits, Outcome, Progress, Reason, adapter};
use serde_json::{Value, json};

fn feed() -> Vec<u8> {
    let wrapped = json!({
        "_links": {"next": "…[{"}, "count": 3, "products": [canonical("1"), {"source": "canonical", "id": "bad"}, canonical("3")],
        "total": {"of": [{"a": "]}"}]},
    });
    serde_json::to_vec_pretty(&wrapped).unwrap()
}

#[test]
fn a_list_in_a_document_is_found_whole_and_in_pieces() {
    for piece in [1, 7, 64, 100_000] {
        for bytes in [feed(), serde_json::to_vec(&serde_json::from_slice::<Value>(&feed()).unwrap()).unwrap()] {
            let (out, end) = run_with("canonical", &bytes, piece, Limits::default());
            assert_eq!(end, Ok(()), "{piece}");
            for outcome in &out {
                if let Outcome::Product(mapped) = outcome {
                    let at = usize::try_from(mapped.offset).unwrap();
                    assert_eq!(bytes[at], b'{', "the place is that in the file");
                }
            }
            let (ids, rejected) = sorted(out);
            assert_eq!((ids, rejected[0].index), (vec!["1".to_owned(), "3".to_owned()], 1), "{piece}");
        }
    }
    let (ids, _) = sorted(run("shein-api", json!({"data": [document("7"), document("8")]}).to_string()).0);
    assert_eq!(ids, ["7", "8"]);
    let (ids, _) = sorted(run("canonical", json!({"props": {"pageProps": {"items": [canonical("9")]}}}).to_string()).0);
    assert_eq!(ids, ["9"]);
}

#[test]
fn it_is_taken_up_again_at_every_place() {
    let bytes = feed();
    let (whole, _) = sorted(run("canonical", &bytes).0);
    for stop in 0..bytes.len() {
        let mut out = Vec::new();
        let new =
            |checkpoint| Feed::new(adapter::find("canonical").unwrap(), "feed", checkpoint, Limits::default()).unwrap();
        let mut first = new(Checkpoint::default());
        first.offer(&bytes[..stop]);
        while first.step(&mut out).unwrap() == Progress::More {}
        let place = serde_json::to_string(&first.checkpoint()).unwrap();
        let place: Checkpoint = serde_json::from_str(&place).unwrap();
        let from = usize::try_from(place.object_offset()).unwrap();
        let mut second = new(place);
        second.offer(&bytes[from..]);
        while second.step(&mut out).unwrap() == Progress::More {}
        second.finish(&mut out).unwrap_or_else(|broken| panic!("{stop}: {broken}"));
        assert_eq!(sorted(out).0, whole, "{stop}");
    }
}

#[test]
fn what_is_cut_off_or_follows_is_told() {
    let bytes = feed();
    let (out, end) = run("canonical", &bytes[..bytes.len() - 3]);
    assert_eq!((sorted(out).0.len(), end.unwrap_err().reason), (2, Reason::Truncated));
    let twice = [bytes.clone(), bytes].concat();
    let (out, end) = run("canonical", twice);
    assert_eq!((sorted(out).0.len(), end.unwrap_err().reason), (2, Reason::TrailingContent));
}

#[test]
fn a_file_of_no_known_format_says_what_it_looks_like() {
    let told = |source: &str, body: String| {
        let (out, end) = run(source, body);
        assert!(out.is_empty(), "field by field it is no help: {out:?}");
        let broken = end.unwrap_err();
        assert_eq!(broken.reason, Reason::UnknownFormat, "{broken}");
        broken.message
    };
    let said = told("canonical", json!([{"goods_id": 1, "goods_name": "Tee", "stock": 9}]).to_string());
    for part in [
        "not a feed I know",
        "goods_id, goods_name, stock",
        "canonical (0 of",
        "shein-api (0 of",
        "shein-brightdata",
        "docs/feeds.md",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // A page's state with a product document in it, as far as one can tell.
    let info = document("7")["info"].clone();
    let said = told("shein-api", json!({"modules": info, "locale": "ar"}).to_string());
    assert!(said.contains("What looks like a product stands at $.modules"), "{said}");
    let said = told("canonical", json!({"search": {"docs": [{"x": 1}]}}).to_string());
    assert!(said.contains("Lists of objects stand at $.search.docs"), "{said}");
    let said = told("shein-brightdata", "Handle,Title,Variant SKU\nscarf,Scarf,S-1\n".to_owned());
    assert!(said.contains("Handle, Title, Variant SKU") && said.contains("shein-brightdata (0 of"), "{said}");
}

#[test]
fn one_strange_record_behind_others_is_only_that() {
    let (out, end) = run("canonical", json!([canonical("1"), {"goods_id": 1}]).to_string());
    assert_eq!(end, Ok(()));
    assert_eq!(sorted(out).0, ["1"]);
}
