//! What people's programs make of a file: a line that says the separator, UTF-16, a ZIP archive.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::io::Write as _;

use common::{canonical, run, run_with, sorted};
use feeds::{Checkpoint, Feed, Limits, Progress, Reason, adapter};
use serde_json::json;

fn feed() -> String {
    json!([canonical("1"), {"source": "canonical", "id": "bad"}, canonical("3")]).to_string()
}

fn utf16(text: &str, little: bool, mark: bool) -> Vec<u8> {
    let text = if mark { format!("\u{feff}{text}") } else { text.to_owned() };
    text.encode_utf16().flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
}

/// How a writer puts a file into an archive.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Deflated,
    /// The check sum and sizes follow, with or without their signature, four or eight bytes each.
    Streamed {
        signature: bool,
        wide: bool,
    },
    Stored,
}

fn entry(archive: &mut Vec<u8>, name: &str, body: &[u8], way: Way, damage: u32) {
    let mut crc = flate2::Crc::new();
    crc.update(body);
    let crc = crc.sum() ^ damage;
    let data = if way == Way::Stored {
        body.to_vec()
    } else {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    };
    let size = |length: usize| u32::try_from(length).unwrap();
    let streamed = matches!(way, Way::Streamed { .. });
    archive.extend(b"PK\x03\x04");
    for word in [20, if streamed { 8 } else { 0 }, if way == Way::Stored { 0 } else { 8 }, 0, 0_u16] {
        archive.extend(word.to_le_bytes());
    }
    let known = if streamed { [0; 3] } else { [crc, size(data.len()), size(body.len())] };
    archive.extend(known.into_iter().flat_map(u32::to_le_bytes));
    archive.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
    archive.extend(4_u16.to_le_bytes());
    archive.extend(name.bytes());
    archive.extend(b"UX\0\0");
    archive.extend(&data);
    if let Way::Streamed { signature, wide } = way {
        if signature {
            archive.extend(b"PK\x07\x08");
        }
        archive.extend(crc.to_le_bytes());
        for length in [data.len(), body.len()] {
            if wide {
                archive.extend((length as u64).to_le_bytes());
            } else {
                archive.extend(size(length).to_le_bytes());
            }
        }
    }
}

fn zip(way: Way) -> Vec<u8> {
    let mut archive = Vec::new();
    entry(&mut archive, "feeds/", b"", Way::Stored, 0);
    entry(&mut archive, "feeds/feed.json", feed().as_bytes(), way, 0);
    directory(archive)
}

/// Its contents are of no interest.
fn directory(mut archive: Vec<u8>) -> Vec<u8> {
    archive.extend(b"PK\x01\x02");
    archive.extend([0; 60]);
    archive.extend(b"PK\x05\x06");
    archive.extend([0; 18]);
    archive
}

const WAYS: [Way; 6] = [
    Way::Deflated,
    Way::Stored,
    Way::Streamed { signature: true, wide: false },
    Way::Streamed { signature: false, wide: false },
    Way::Streamed { signature: true, wide: true },
    Way::Streamed { signature: false, wide: true },
];

fn forms() -> Vec<Vec<u8>> {
    let sixteen = [(true, true), (true, false), (false, true), (false, false)];
    WAYS.map(zip).into_iter().chain(sixteen.map(|(little, mark)| utf16(&feed(), little, mark))).collect()
}

#[test]
fn an_archive_and_utf_16_are_read_like_the_file_itself() {
    let plain = sorted(run("canonical", feed()).0);
    for (number, bytes) in forms().into_iter().enumerate() {
        for piece in [1, 7, 100_000] {
            let (out, end) = run_with("canonical", &bytes, piece, Limits::default());
            assert_eq!(end, Ok(()), "form {number}, pieces of {piece}");
            let (ids, rejections) = sorted(out);
            assert_eq!((&ids, rejections.len()), (&plain.0, 1), "form {number}, pieces of {piece}");
            assert_eq!((rejections[0].index, rejections[0].reason), (1, plain.1[0].reason));
        }
    }
}

#[test]
fn they_are_taken_up_again_at_every_place() {
    for bytes in forms() {
        let (whole, _) = run("canonical", &bytes);
        assert_eq!(whole.len(), 3);
        for stop in (0..bytes.len()).step_by(31) {
            let mut out = Vec::new();
            let new = |place| Feed::new(adapter::find("canonical").unwrap(), "feed", place, Limits::default()).unwrap();
            let mut first = new(Checkpoint::default());
            first.offer(&bytes[..stop]);
            while first.step(&mut out).unwrap() == Progress::More {}
            let place = serde_json::to_string(&first.checkpoint()).unwrap();
            let place: Checkpoint = serde_json::from_str(&place).unwrap();
            let from = usize::try_from(place.object_offset()).unwrap();
            let mut second = new(place);
            second.offer(&bytes[from..]);
            while second.step(&mut out).unwrap() == Progress::More {}
            second.finish(&mut out).unwrap();
            assert_eq!(out, whole, "{stop}");
        }
    }
}

#[test]
fn an_archive_that_is_none_of_ours_says_why() {
    let told = |archive: Vec<u8>| {
        let broken = run("canonical", archive).1.unwrap_err();
        (broken.reason, broken.message)
    };
    let mut two = Vec::new();
    entry(&mut two, "a.json", feed().as_bytes(), Way::Deflated, 0);
    entry(&mut two, "b.json", feed().as_bytes(), Way::Deflated, 0);
    let (reason, message) = told(directory(two));
    assert!(reason == Reason::CorruptCompression && message.contains("more than one file"), "{message}");
    for way in WAYS {
        let mut damaged = Vec::new();
        entry(&mut damaged, "a.json", feed().as_bytes(), way, 1);
        assert!(told(directory(damaged)).1.contains("check sum"));
        let archive = zip(way);
        assert_eq!(told(archive[..archive.len() - 140].to_vec()).0, Reason::Truncated, "cut off in the data");
    }
    let mut secret = zip(Way::Deflated);
    let at = secret.windows(4).rposition(|window| window == b"PK\x03\x04").unwrap();
    secret[at + 6] |= 1;
    assert!(told(secret).1.contains("encrypted"));
    let mut nothing = Vec::new();
    entry(&mut nothing, "feeds/", b"", Way::Stored, 0);
    assert!(told(directory(nothing)).1.contains("no file"));
}

#[test]
fn an_archive_of_nothing_but_zeros_is_a_bomb_like_any_other() {
    let mut archive = Vec::new();
    entry(&mut archive, "a.json", &vec![b' '; 8 << 20], Way::Deflated, 0);
    let limits = Limits { ratio_from: 1 << 20, ..Limits::default() };
    let (out, end) = run_with("canonical", &directory(archive), 4096, limits);
    assert_eq!((out.len(), end.unwrap_err().reason), (0, Reason::TooMuchData));
}

#[test]
fn half_a_character_of_utf_16_refuses_its_record_only() {
    let text = feed().replacen("Shirt", "Sh\u{1}rt", 1);
    let mut bytes = utf16(&text, true, true);
    let at = bytes.windows(2).position(|unit| unit == [1, 0]).unwrap();
    bytes[at..at + 2].copy_from_slice(&[0, 0xD8]);
    let (ids, rejections) = sorted(run("canonical", &bytes).0);
    assert_eq!((ids, rejections[0].reason), (vec!["3".to_owned()], Reason::InvalidUtf8));
    bytes.pop();
    assert_eq!(run("canonical", &bytes).1.unwrap_err().reason, Reason::Truncated);
}

#[test]
fn the_line_by_which_excel_says_its_separator_is_no_header() {
    let header = "product_id;product_name;description;currency;final_price";
    let bare = run("shein-brightdata", format!("{header}\r\n1;a;b\r\n"));
    for line in ["sep=;\r\n", "SEP=;\n", "sep=,\r\n", "\u{feff}sep=;\r\n"] {
        let (out, end) = run("shein-brightdata", format!("{line}{header}\r\n1;a;b\r\n"));
        let reasons = |out: Vec<feeds::Outcome>| sorted(out).1.into_iter().map(|one| one.reason).collect::<Vec<_>>();
        assert_eq!(reasons(out), reasons(bare.0.clone()), "{line}");
        assert_eq!(end.is_ok(), bare.1.is_ok(), "{line}");
    }
}
