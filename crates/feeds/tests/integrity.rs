//! An object that does not arrive as it is stored is noticed, however it is cut, compressed or
//! interrupted.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::io::Write;

use common::canonical;
use feeds::integrity::{Algorithm, Checksum, Partial};
use feeds::{Broken, Checkpoint, Feed, Limits, Outcome, Progress, Reason, adapter};
use flate2::Compression;
use flate2::write::GzEncoder;

fn checksum(object: &[u8], algorithm: Algorithm) -> Checksum {
    let mut whole = Partial::new(algorithm);
    whole.add(0, object);
    Checksum { algorithm, value: whole.value() }
}

/// Reads an object in pieces; after each of `pauses` pieces the feed is dropped and taken up again
/// at its checkpoint.
fn read(expected: Checksum, object: &[u8], piece: usize, pauses: &[usize]) -> (usize, Result<(), Broken>) {
    let feed = |checkpoint| {
        let adapter = adapter::find("canonical").unwrap();
        Feed::expecting(Some(expected), adapter, "feed", checkpoint, Limits::default()).unwrap()
    };
    let mut current = feed(Checkpoint::default());
    let mut out = Vec::new();
    let (mut at, mut pieces) = (0, 0);
    while at < object.len() {
        let end = (at + piece).min(object.len());
        current.offer(&object[at..end]);
        while current.step(&mut out).unwrap() == Progress::More {}
        at = end;
        pieces += 1;
        if pauses.contains(&pieces) {
            // As it is kept in the ledger.
            let kept = serde_json::to_string(&current.checkpoint()).unwrap();
            let checkpoint: Checkpoint = serde_json::from_str(&kept).unwrap();
            at = usize::try_from(checkpoint.object_offset()).unwrap();
            current = feed(checkpoint);
        }
    }
    let end = current.finish(&mut out);
    (out.iter().filter(|outcome| matches!(outcome, Outcome::Product(_))).count(), end)
}

fn feed() -> Vec<u8> {
    let records: Vec<String> = (0..30).map(|number| canonical(&format!("p{number:02}")).to_string()).collect();
    // A record over its limit is skipped as it streams by, and belongs to the object all the same.
    let huge = format!("\"{}\"", "x".repeat(5 << 20));
    format!("\u{feff}[{},{huge},{}]\n", records[..20].join(","), records[20..].join(",\n")).into_bytes()
}

#[test]
fn what_arrives_whole_is_complete_with_every_checksum_and_in_any_pieces() {
    let object = feed();
    for algorithm in [Algorithm::Crc64Nvme, Algorithm::Crc32, Algorithm::Crc32C] {
        for (piece, pauses) in
            [(object.len(), vec![]), (300_000, vec![]), (1_000_001, vec![1, 3, 6]), (200_000, vec![5, 6, 26])]
        {
            let (products, end) = read(checksum(&object, algorithm), &object, piece, &pauses);
            assert_eq!(
                (products, end),
                (30, Ok(())),
                "{algorithm:?} in pieces of {piece}, interrupted after {pauses:?}"
            );
        }
    }
}

#[test]
fn a_single_digit_that_differs_is_noticed_at_the_end() {
    let object = feed();
    let expected = checksum(&object, Algorithm::Crc64Nvme);
    let price = |number: usize| {
        let text = String::from_utf8_lossy(&object).into_owned();
        text.match_indices("10.00").nth(number).unwrap().0
    };
    for number in [0, 15, 29] {
        let mut damaged = object.clone();
        damaged[price(number)] = b'9';
        for pauses in [vec![], vec![1, 2], vec![27]] {
            let (products, end) = read(expected, &damaged, 200_000, &pauses);
            assert_eq!(products, 30, "no parser could know");
            assert_eq!(end.unwrap_err().reason, Reason::ObjectCorrupt, "price {number}, interrupted after {pauses:?}");
        }
    }
}

#[test]
fn a_compressed_object_is_compared_as_it_is_stored() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&feed()).unwrap();
    let object = encoder.finish().unwrap();
    let expected = checksum(&object, Algorithm::Crc64Nvme);
    for pauses in [vec![], vec![1, 2, 20]] {
        assert_eq!(read(expected, &object, 1_000, &pauses), (30, Ok(())), "interrupted after {pauses:?}");
    }
    // The time in the header: nothing that the decompression would look at.
    let mut damaged = object;
    damaged[5] ^= 1;
    assert_eq!(read(expected, &damaged, 1_000, &[]).1.unwrap_err().reason, Reason::ObjectCorrupt);
}

#[test]
fn a_checkpoint_without_a_checksum_leaves_nothing_to_compare() {
    let object = feed();
    let mut damaged = checksum(&object, Algorithm::Crc64Nvme);
    damaged.value ^= 1;
    let adapter = adapter::find("canonical").unwrap();
    let mut out = Vec::new();
    let mut first = Feed::new(adapter, "feed", Checkpoint::default(), Limits::default()).unwrap();
    first.offer(&object[..2_000]);
    while first.step(&mut out).unwrap() == Progress::More {}
    let checkpoint = first.checkpoint();
    let from = usize::try_from(checkpoint.offset).unwrap();
    let mut second = Feed::expecting(Some(damaged), adapter, "feed", checkpoint, Limits::default()).unwrap();
    second.offer(&object[from..]);
    while second.step(&mut out).unwrap() == Progress::More {}
    assert_eq!(second.finish(&mut out), Ok(()), "begun by a version that did not compute one");
}
