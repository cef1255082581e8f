//! What fuzzing found, and the seeds it starts from, held against the checks that the fuzz targets
//! make.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "a crate of its own where it is fuzzed")]
mod checks;
mod common;

use std::path::{Path, PathBuf};

use common::run_with;
use feeds::{Broken, Limits, Reason, adapter};

/// The files of a folder of this crate; there must be some.
fn files(folder: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let paths = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = paths.map(|path| (path.clone(), std::fs::read(&path).unwrap())).collect();
    assert!(!files.is_empty(), "{} has no files", folder.display());
    files
}

/// A break without the excerpt, which shows what has arrived by then.
fn place(end: &Result<(), Broken>) -> Option<(Reason, u64, u64)> {
    end.as_ref().err().map(|broken| (broken.reason, broken.offset, broken.index))
}

#[test]
fn every_feed_that_was_ever_of_interest_is_answered_the_same_in_any_pieces() {
    let folders =
        ["tests/findings/feeds", "fuzz/seeds/canonical", "fuzz/seeds/shein_api", "fuzz/seeds/shein_brightdata"];
    for (path, bytes) in folders.into_iter().flat_map(files) {
        for source in adapter::ADAPTERS.iter().map(|adapter| adapter.source()) {
            checks::adapter(source, &bytes);
            let (whole, whole_end) = run_with(source, &bytes, 1 << 20, Limits::default());
            for piece in [1, 3, 64] {
                let (cut, cut_end) = run_with(source, &bytes, piece, Limits::default());
                assert_eq!(whole, cut, "{} as {source} in pieces of {piece}", path.display());
                assert_eq!(place(&whole_end), place(&cut_end), "{} as {source} in pieces of {piece}", path.display());
            }
        }
    }
}

/// These show what they found only under the small limits of the check.
#[test]
fn what_was_found_in_the_splitter_stays_mended() {
    for (_, bytes) in files("tests/findings/splitter").into_iter().chain(files("fuzz/seeds/splitter")) {
        // Whatever is expected and however the feed is cut, not only as it was when it was found.
        for (mode, step) in (0..4).flat_map(|mode| [1, 2, 7, 64].map(|step| (mode, step))) {
            checks::splitter(&[&[mode, step], bytes.get(2..).unwrap_or_default()].concat());
        }
        checks::splitter(&bytes);
    }
}

#[test]
fn the_seeds_of_compressed_feeds_are_read() {
    for (_, bytes) in files("fuzz/seeds/compressed") {
        checks::compressed(&bytes);
    }
}

/// `WRITE_SEEDS=1 cargo test -p feeds --test findings` writes the seeds anew from the made-up
/// records of the tests.
#[test]
fn seeds_are_the_made_up_records() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let records = [
        ("shein_api", "document.json", common::document("7").to_string()),
        ("shein_brightdata", "row.json", common::row("7").to_string()),
        ("shein_brightdata", "rows.csv", common::csv(&[common::row("7"), common::row("8")])),
        ("canonical", "product.json", common::canonical("7").to_string()),
        ("canonical", "products.json", format!("[{},{}]", common::canonical("7"), common::canonical("8"))),
    ];
    for (target, name, text) in records {
        let path = seeds.join(target).join(name);
        if std::env::var_os("WRITE_SEEDS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "{}", path.display());
    }
}
