//! Records in a single-byte encoding: read where the object says which one, refused with what to do
//! where it does not.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{canonical, sorted};
use encoding_rs::{Encoding, WINDOWS_1252, WINDOWS_1256};
use feeds::{Checkpoint, Feed, Limits, Outcome, Progress, Reason, adapter};
use proptest::prelude::*;
use serde_json::json;

fn read(bytes: &[u8], charset: Option<&str>, piece: usize) -> Vec<Outcome> {
    let feed = Feed::new(adapter::find("canonical").unwrap(), "feed", Checkpoint::default(), Limits::default());
    let mut feed = feed.unwrap().in_charset(charset);
    let mut out = Vec::new();
    for piece in bytes.chunks(piece) {
        feed.offer(piece);
        while feed.step(&mut out).unwrap() == Progress::More {}
    }
    feed.finish(&mut out).unwrap();
    out
}

fn named(id: &str, name: &str) -> serde_json::Value {
    let mut product = canonical(id);
    product["name"] = json!({ "en": name });
    product["images"] = json!([]);
    product
}

fn names(outcomes: Vec<Outcome>) -> Vec<String> {
    let name = |outcome| match outcome {
        Outcome::Product(mapped) => mapped.product.name.0["en"].clone(),
        Outcome::Line(line) => unreachable!("a part: {line:?}"),
        Outcome::Rejected(rejection, _) => panic!("{rejection:?}"),
    };
    outcomes.into_iter().map(name).collect()
}

fn in_encoding(text: &str, encoding: &'static Encoding) -> Vec<u8> {
    let (bytes, _, lost) = encoding.encode(text);
    assert!(!lost, "{text}");
    bytes.into_owned()
}

#[test]
fn what_the_object_names_is_read() {
    for (label, encoding, name) in [
        ("windows-1256", WINDOWS_1256, "فستان طويل پچ"),
        ("windows-1252", WINDOWS_1252, "Größe 5 – Café €"),
        ("ISO-8859-1", WINDOWS_1252, "Größe"),
    ] {
        let feed = json!([named("1", name), named("2", "Shirt")]).to_string();
        for bytes in [in_encoding(&feed, encoding), feed.clone().into_bytes()] {
            for piece in [3, 64 << 10] {
                assert_eq!(names(read(&bytes, Some(label), piece))[0], name, "{label}");
            }
        }
    }
}

#[test]
fn what_nobody_names_is_refused_alone_and_says_what_to_do() {
    let feed = json!([named("1", "Größe"), named("2", "Shirt")]).to_string();
    for (charset, says) in [
        (None, "text/csv; charset=windows-1256"),
        (Some("shift_jis"), "is not read; send UTF-8"),
        (Some("utf-8"), "text/csv; charset=windows-1256"),
        // Byte 0xF6 is no character of this one.
        (Some("iso-8859-8"), "ISO-8859-8"),
    ] {
        let mut bytes = in_encoding(&feed, WINDOWS_1252);
        if charset == Some("iso-8859-8") {
            bytes.iter_mut().filter(|byte| **byte == 0xF6).for_each(|byte| *byte = 0xFB);
        }
        let (ids, rejections) = sorted(read(&bytes, charset, 1000));
        assert_eq!((ids, rejections.len()), (vec!["2".to_owned()], 1), "{charset:?}");
        assert_eq!(rejections[0].reason, Reason::InvalidUtf8);
        assert!(rejections[0].message.contains(says), "{charset:?}: {}", rejections[0].message);
        assert!(rejections[0].defect_offset.is_some());
    }
}

proptest! {
    #[test]
    fn whatever_the_object_says_utf8_is_read_as_utf8(name in "[a-zäöüéßابتثجحخ]{1,20}", label in "[a-z0-9-]{0,12}|windows-125[0-8]") {
        let feed = json!([named("1", &format!("x{name}x"))]).to_string();
        prop_assert_eq!(&names(read(feed.as_bytes(), Some(&label), 1000))[0], &format!("x{name}x"));
    }

    #[test]
    fn arabic_of_windows_is_never_taken_for_utf8(name in "[ابتثجحخدذرزسشصضطظعغفقكلمنهوي]{4,40}") {
        let feed = json!([named("1", &name)]).to_string();
        prop_assert_eq!(&names(read(&in_encoding(&feed, WINDOWS_1256), Some("windows-1256"), 1000))[0], &name);
    }
}
